"""Writes the trained weights as model.onnx in a folder, with its manifest and a probe, and checks it against TensorFlow; then
its convolutions are rounded to 8-bit integers (`quantized`), which halves the time of a photo.

    python export.py [--weights .data/run/weights.npz] [--photos .data/heads] [--out .data/run/page/17] [--float]
    python export.py --check --out page/16     only: the files belong together, and the model answers its probe

The version is the folder's name. What ships is copied to page/ by hand, once `eval` says that it is better.

The probe is an input that one line describes and the outputs that this model must give for it, so that a reader can tell a
wrong or broken file before it takes traffic.
"""
import argparse
import hashlib
import json
import pathlib
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

import net
from eval import prepare, session
from synth.shards import Shards

OPSET, IR = 18, 9
TOLERANCE = {"float": 1e-3, "int8": 2e-2}  # where a sum falls on the other side of a rounding, another processor's result is off by more
INPUT = {"name": "image", "channels": net.CHANNELS, "height": net.HEIGHT, "width": net.WIDTH, "mean": [round(net.MEAN, 9)] * net.CHANNELS,
         "std": [net.STD] * net.CHANNELS, "fit": "letterbox", "pad": net.PAD}
PLANES = ["N", 6, net.HEIGHT // net.CELL, net.WIDTH // net.CELL]
OUTPUTS = {"quality": ["N", len(net.CLASSES)], "completion": ["N"], "confidence": ["N"], "maps": PLANES}  # the probe tells of the first three
FEATURES = {"raw": ["N", 1], "row": ["N", net.FEATURES], "maps": PLANES}


class Node:
    """A value of the graph: its name, with arithmetic."""

    def __init__(self, graph, name, shape=None):
        self.graph, self.name, self.shape = graph, name, shape

    def __add__(self, other): return self.graph.op("Add", self, other)
    def __sub__(self, other): return self.graph.op("Sub", self, other)
    def __mul__(self, other): return self.graph.op("Mul", self, other)
    def __truediv__(self, other): return self.graph.op("Div", self, other)


class Onnx:
    """The backend of `net` that writes nodes instead of running them."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], {}, 0

    def keep(self, array, name=None):
        name = name or f"k{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return Node(self, name, np.shape(array))

    def op(self, kind, *inputs, **attributes):
        self.count += 1
        name = f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, [i.name for i in inputs], [name], name=name, **attributes))
        return Node(self, name)

    def const(self, value): return self.keep(np.asarray(value, np.float32))
    def relu(self, x): return self.op("Relu", x)
    def sigmoid(self, x): return self.op("Sigmoid", x)
    def exp(self, x): return self.op("Exp", x)
    def log(self, x): return self.op("Log", x)
    def abs(self, x): return self.op("Abs", x)
    def clip(self, x, low, high): return self.op("Clip", x, self.const(low), self.const(high))
    def softmax(self, x): return self.op("Softmax", x, axis=1)
    def avgpool(self, x, k): return self.op("AveragePool", x, kernel_shape=[k, k], strides=[k, k])
    def maxpool(self, x, k): return self.op("MaxPool", x, kernel_shape=[k, k], strides=[k, k])
    def above(self, x, limit): return self.op("Cast", self.op("Greater", x, self.const(limit)), to=TensorProto.FLOAT)
    def concat(self, xs): return self.op("Concat", *xs, axis=1)
    def dense(self, x, w, b): return self.op("Gemm", x, w, b)
    def around(self, x):
        y = self.op("Pad", x, self.ints(0, 0, 1, 1, 0, 0, 1, 1))
        cut = lambda *at: self.op("Slice", y, self.ints(*at), self.ints(*(k - 2 or np.iinfo(np.int64).max for k in at)), self.ints(2, 3))
        return cut(0, 1) + cut(2, 1) + cut(1, 0) + cut(1, 2)

    def ints(self, *values): return self.keep(np.asarray(values, np.int64))
    def total(self, x): return self.op("ReduceSum", x, self.ints(2, 3), keepdims=0)
    def flat(self, x): return self.op("Squeeze", x, self.ints(1))
    def part(self, x, a, b): return self.op("Slice", x, self.ints(a), self.ints(b), self.ints(1))

    def conv(self, x, w, b=None, stride=1, dilation=1):
        k = w.shape[-1]
        return self.op("Conv", x, w, *([b] if b is not None else []), kernel_shape=[k, k], strides=[stride] * 2,
                       dilations=[dilation] * 2, pads=[(k // 2) * dilation] * 4)

    def layer(self, p, name, x, **kw): return self.conv(x, p[name + ".w"], p[name + ".b"], **kw)

    def upsample(self, x):
        roi, scales = self.keep(np.zeros(0, np.float32)), self.keep(np.array([1, 1, 2, 2], np.float32))
        return self.op("Resize", x, roi, scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                       nearest_mode="floor")


def build(weights, what=net.read, shapes=OUTPUTS):
    b = Onnx()
    p = {k: b.keep(v, k) for k, v in weights.items()}
    for node, name in zip(what(b, p, Node(b, "image")), shapes):
        b.nodes.append(helper.make_node("Identity", [node.name], [name], name=name))
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(
        b.nodes, "inkflow-page", [info("image", ["N", net.CHANNELS, net.HEIGHT, net.WIDTH])], [info(*output) for output in shapes.items()],
        [numpy_helper.from_array(v, k) for k, v in b.weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR,
                              producer_name="inkflow", producer_version="1")
    onnx.checker.check_model(model, full_check=True)
    return model


def inside(graph):
    """The nodes between the first convolution and the last: what takes the time."""
    maker = {name: node for node in graph.node for name in node.output}
    head, = (n for n in graph.node if "head.w" in n.input)
    found, ahead = {}, [head.input[0]]
    while ahead:
        node = maker.get(ahead.pop())
        if node is not None and node.name not in found:
            found[node.name] = node
            ahead += node.input
    return [n for n in found.values() if "stem.w" not in n.input]


class Photos(CalibrationDataReader):
    """Photos as the model gets them, to see between which limits each layer's outputs lie."""

    def __init__(self, folder, spec, count=96):
        self.shards, self.spec, self.count, self.next = Shards(folder), spec, count, 0

    def get_next(self):
        if self.next == self.count:
            return None
        at, self.next = self.next * len(self.shards) // self.count, self.next + 1
        return {"image": prepare(self.spec, Image.fromarray(self.shards.load(at, truth=False)[1]))}


def quantized(model, photos):
    """The model with its convolutions in 8-bit integers: activations unsigned, weights of a channel each in 7 bits, so that sums fit
    where a processor adds pairs in 16 bits (AVX2), and are the same on all. The first convolution and all after the maps stay."""
    with tempfile.TemporaryDirectory() as temporary:
        whole, ready, small = (pathlib.Path(temporary) / f"{name}.onnx" for name in ("whole", "ready", "small"))
        onnx.save(model, whole)
        quant_pre_process(whole, ready, skip_symbolic_shape=True)
        names = [n.name for n in inside(onnx.load(ready).graph)]
        quantize_static(ready, small, photos, quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv", "Add", "Relu", "Resize"],
                        nodes_to_quantize=names, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8)
        out = onnx.load(small)
    # ONNX Runtime names every set of operators that it knows; all that are used are ONNX's own.
    if {n.domain for n in out.graph.node} != {""}:
        raise SystemExit("the rounded model wants operators that are not ONNX's")
    del out.opset_import[:]
    out.opset_import.append(helper.make_opsetid("", OPSET))
    out.producer_name, out.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(out, full_check=True)
    return out


def reader_of(trunk, photos):
    """What is read off maps, `net.features` of photos as the model gets them, as it will be once they are rounded: it is them that what
    follows has to do with."""
    run = session(quantized(build(trunk, net.features, FEATURES), Photos(photos, INPUT)).SerializeToString())
    return lambda image: run.run(["raw", "row"], {"image": image})


def weights_of(path):
    """The weights of a model that ships, rounded or not, by their names in `net`."""
    kept = {w.name: numpy_helper.to_array(w) for w in onnx.load(path).graph.initializer}
    out = {name: value for name, value in kept.items() if "_" not in name}
    for name, value in kept.items():
        if name.endswith("_quantized"):
            name = name.removesuffix("_quantized")
            scale = kept[name + "_scale"] if name.endswith(".w") else kept[name + "_quantized_scale"]
            out[name] = value.astype(np.float32) * scale.reshape(-1, *[1] * (value.ndim - 1))
    return out


def probe_input(channels):
    y, x = np.mgrid[0:net.HEIGHT, 0:net.WIDTH]
    value = ((x * 7 + y * 13) % 256).astype(np.float32)
    return np.repeat(((value / 255.0 - net.MEAN) / net.STD).astype(np.float32)[None, None], channels, 1)


def check(folder):
    """What a reader of the model does before it trusts it: the hash, then the probe."""
    manifest, probe = (json.loads((folder / name).read_text()) for name in ("manifest.json", "probe.json"))
    if hashlib.sha256((folder / manifest["file"]).read_bytes()).hexdigest() != manifest["sha256"]:
        raise SystemExit(f"{folder / manifest['file']} is not the file its manifest describes")
    names = ["quality", "completion", "confidence"]
    for name, got in zip(names, session(folder / manifest["file"]).run(names, {"image": probe_input(manifest["input"]["channels"])})):
        off = float(np.abs(got - np.asarray(probe["outputs"][name])).max())
        if not off <= probe["tolerance"]:
            raise SystemExit(f"{name} answers the probe wrongly, by {off:.2e}")
    print(f"{folder}: the hash and the probe agree")


def against_tensorflow(model, weights):
    """By how much the graph's outputs differ from those of the network that was trained; ends where that is more than sums of floats in
    another order make, or where a photo's result depends on what is read beside it."""
    run = session(model.SerializeToString())
    rng = np.random.default_rng(0)
    batch = np.concatenate([probe_input(net.CHANNELS), rng.standard_normal((2, net.CHANNELS, net.HEIGHT, net.WIDTH)).astype(np.float32)])
    batch[1, :, 400:] = 0.0  # a letterboxed one
    ours = [np.asarray(a) for a in net.read(net.Tf(), weights, np.moveaxis(batch, 1, -1))]
    ours[3] = np.moveaxis(ours[3], -1, 1)
    theirs, alone = run.run(None, {"image": batch}), run.run(None, {"image": batch[:1]})
    apart = lambda a, b: float((np.abs(a - b) / np.maximum(1, np.abs(b))).max())  # densities reach 54
    worst = max(apart(a, b) for a, b in zip(ours, theirs))
    spread = max(apart(a[:1], b) for a, b in zip(theirs, alone))
    if worst > TOLERANCE["float"] or spread > 1e-4:
        raise SystemExit(f"the exported model differs from TensorFlow by {worst:.2e}, from itself in a batch by {spread:.2e}")
    return worst


def main():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", default=here / ".data/run/weights.npz")
    parser.add_argument("--out", type=pathlib.Path, default=here / ".data/run/page/17")
    parser.add_argument("--photos", type=pathlib.Path, default=here / ".data/heads", help="shards, to see what the layers' outputs are")
    parser.add_argument("--float", action="store_true", help="no integers")
    parser.add_argument("--untrained", action="store_true", help="random weights: for work on the contract only")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.check:
        return check(args.out)
    still = {name: (0.0, 1.0) for name in net.CONVS}
    weights = {**net.folded(net.init(1), still), **net.init_read(2)} if args.untrained else dict(np.load(args.weights))

    whole = build(weights)
    spread = against_tensorflow(whole, weights)
    figures = args.out / "figures.json"
    manifest = {
        "format": 1, "name": "page", "version": args.out.name, "file": "model.onnx", "sha256": "", "licence": "Apache-2.0",
        "input": INPUT,
        "outputs": {"quality": {"name": "quality", "classes": net.CLASSES}, "completion": {"name": "completion"},
                    "confidence": {"name": "confidence"},
                    "maps": {"name": "maps", "cell": net.CELL, "planes": ["page", "empty", "filled", "struck", "ink", "density"]}},
        "reads_templates": True,
        "figures": json.loads(figures.read_text()).get("summary", {}) if figures.exists() else {}}
    kind = "float" if args.float or args.untrained else "int8"
    data = (whole if kind == "float" else quantized(whole, Photos(args.photos, INPUT))).SerializeToString()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "model.onnx").write_bytes(data)
    (args.out / "manifest.json").write_text(json.dumps({**manifest, "sha256": hashlib.sha256(data).hexdigest()}, indent=2) + "\n")

    run, image, times = session(args.out / "model.onnx"), probe_input(net.CHANNELS), []
    for _ in range(30):
        start = time.thread_time()
        quality, completion, confidence = run.run(list(OUTPUTS)[:3], {"image": image})
        times.append(time.thread_time() - start)
    (args.out / "probe.json").write_text(json.dumps({
        "input": f"shape [1,{net.CHANNELS},{net.HEIGHT},{net.WIDTH}], all channels alike; value(y,x) = (x*7 + y*13) % 256; then as the manifest: (value/255 - mean)/std",
        "outputs": {"quality": [[round(float(v), 6) for v in quality[0]]], "completion": [round(float(completion[0]), 6)],
                    "confidence": [round(float(confidence[0]), 6)]},
        "tolerance": TOLERANCE[kind]}, indent=2) + "\n")
    print(f"model.onnx: {kind}, {len(data)} bytes; before rounding it differs from TensorFlow by {spread:.1e}; "
          f"{1000 * sorted(times)[len(times) // 2]:.1f} ms a page on one thread (its own time, median of 30)")


if __name__ == "__main__":
    main()
