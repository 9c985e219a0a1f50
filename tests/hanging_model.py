"""A model that reads grey photos by their mean, and hangs on a white one: python3 tests/hanging_model.py FOLDER

Writes FOLDER/models/slow/1, and FOLDER/photos with four greys and hang.png. The model is real ONNX, written as protobuf by
hand (field numbers are those of onnx.proto): a Loop runs (mean - 0.98) * 1e15 times, which is never where the mean is lower
and some years where it is 1. Its probe and its warm-up are dark, so that nothing is wrong with it until it sees white.
"""
import hashlib, json, pathlib, struct, sys, zlib


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7F | 0x80]), n >> 7
    return out + bytes([n])


def num(field, n):
    return varint(field << 3) + varint(n)


def data(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def node(kind, inputs, output, *attributes):
    return data(1, b"".join(data(1, i) for i in inputs) + data(2, output) + data(3, output) + data(4, kind)
                + b"".join(data(5, a) for a in attributes))


def tensor(name, dims, values, kind=1):
    raw = struct.pack(f"<{len(values)}{'f' if kind == 1 else 'q'}", *values)
    return data(5, b"".join(num(1, d) for d in dims) + num(2, kind) + data(8, name) + data(9, raw))


def value(field, name, sides, kind=1):
    shape = b"".join(data(1, data(2, s) if isinstance(s, str) else num(1, s)) for s in sides)
    return data(field, data(1, name) + data(2, data(1, num(1, kind) + data(2, shape))))


def ints(name, *values):
    return data(1, name) + b"".join(num(8, v) for v in values) + num(20, 7)


BOOL, INT64 = 9, 7
body = (node("Identity", ["go"], "goes_on") + node("Add", ["held", "step"], "next") + data(2, "turn")
        + tensor("step", [], [1.0])
        + value(11, "turns", [], INT64) + value(11, "go", [], BOOL) + value(11, "held", [])
        + value(12, "goes_on", [], BOOL) + value(12, "next", []))
graph = (
    node("ReduceMean", ["image"], "mean1", ints("axes", 2, 3), data(1, "keepdims") + num(3, 0) + num(20, 2))
    + node("Squeeze", ["mean1", "one"], "mean")
    + node("Mul", ["mean1", "zero"], "nothing") + node("Add", ["nothing", "fixed"], "quality")
    + node("Identity", ["mean"], "confidence")
    + node("ReduceMax", ["mean"], "most", data(1, "keepdims") + num(3, 0) + num(20, 2))
    + node("Sub", ["most", "limit"], "over") + node("Relu", ["over"], "white") + node("Mul", ["white", "years"], "long")
    + node("Cast", ["long"], "turns", data(1, "to") + num(3, INT64) + num(20, 2))
    + node("Loop", ["turns", "", "start"], "turned", data(1, "body") + data(6, body) + num(20, 5))
    + node("Mul", ["turned", "zero"], "spent") + node("Add", ["mean", "spent"], "completion")
    + data(2, "slow")
    + tensor("one", [1], [1], INT64) + tensor("zero", [1], [0.0]) + tensor("fixed", [1, 5], [0.9] + [0.025] * 4)
    + tensor("limit", [], [0.98]) + tensor("years", [], [1e15]) + tensor("start", [], [0.0])
    + value(11, "image", ["N", 1, 8, 6])
    + value(12, "quality", ["N", 5]) + value(12, "completion", ["N"]) + value(12, "confidence", ["N"]))
model = num(1, 8) + data(7, graph) + data(8, data(1, "") + num(2, 13))

root = pathlib.Path(sys.argv[1])
folder = root / "models" / "slow" / "1"
folder.mkdir(parents=True)
(folder / "model.onnx").write_bytes(model)
(folder / "manifest.json").write_text(json.dumps({
    "format": 1, "name": "slow", "version": "1", "file": "model.onnx", "sha256": hashlib.sha256(model).hexdigest(),
    "licence": "CC0-1.0",
    "input": {"name": "image", "channels": 1, "height": 8, "width": 6, "mean": [0.0], "std": [1.0], "fit": "letterbox",
              "pad": 255},
    "outputs": {"quality": {"name": "quality", "classes": ["ok", "blurred", "dark", "cropped", "not_a_page"]},
                "completion": {"name": "completion"}, "confidence": {"name": "confidence"}},
    "reads_templates": False, "figures": {}}))
mean = sum((x * 7 + y * 13) % 256 for y in range(8) for x in range(6)) / 48 / 255
(folder / "probe.json").write_text(json.dumps({
    "outputs": {"quality": [[0.9] + [0.025] * 4], "completion": [mean], "confidence": [mean]}, "tolerance": 1e-4}))


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


photos = root / "photos"
photos.mkdir()
for name, grey in [("1", 51), ("2", 102), ("3", 153), ("4", 204), ("hang", 255)]:
    pixels = zlib.compress((b"\0" + bytes([grey]) * 6) * 8)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 6, 8, 8, 0, 0, 0, 0))
    (photos / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
