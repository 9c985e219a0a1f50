"""Real print (`real.py` gathers it): blank forms and worksheets as they are, with an answer wherever one is expected, and pages that
ask nothing."""
import numpy as np
from PIL import Image, ImageEnhance

from .shelf import pick

ROW = 170  # boxes to tick nearer than this to each other, in a row, are the choices of one question


def lay(p, home, page):
    """Begins with a real page on the paper, or the greater part of one; returns what brings a box of it to where it now is."""
    rng, image = p.rng, Image.open(p.shelf.home / home / page["file"])
    k, left, top, high = 1.0, 0.0, 0.0, page["h"]
    if rng.random() < 0.35:  # a part of it is a page of its own, larger
        wide = rng.uniform(0.62, 0.95)
        left, high = rng.uniform(0, 1 - wide) * 1000, wide * 1000 * rng.uniform(1.0, 1.45)
        high = min(high, page["h"])
        top, k = rng.uniform(0, page["h"] - high), 1 / wide
    dots = image.width / 1000
    image = image.crop((round(left * dots), round(top * dots), round((left + 1000 / k) * dots), round((top + high) * dots)))
    p.h = int(high * k)
    p.reset(coloured(rng, image.resize((int(p.w * p.scale), int(p.h * p.scale)), Image.LANCZOS if dots > p.scale * k else Image.BICUBIC)))
    return lambda box: tuple((v - o) * k for v, o in zip(box, (left, top, left, top)))


def printed(p):
    """A real page that asks nothing."""
    lay(p, "prints", pick(p.rng, p.shelf.prints))


def document(p):
    """A page of a real form or worksheet, to be written into."""
    rng = p.rng
    home = "worksheets" if p.shelf.worksheets and (not p.shelf.documents or rng.random() < 0.35) else "documents"
    page, p.untouched = pick(rng, getattr(p.shelf, home)), 0.3
    at = lay(p, home, page)
    inside = lambda box: box[0] >= 0 and box[1] >= 0 and box[2] <= p.w and box[3] <= p.h
    shown = [{**f, "box": at(f["box"])} for f in page["fields"]]
    p.unsure += [f["box"] for f in shown if not inside(f["box"]) and f["box"][2] > 0 and f["box"][3] > 0]  # cut through
    shown = sorted((f for f in shown if inside(f["box"])), key=lambda f: (round(f["box"][1] / 12), f["box"][0]))
    p.unsure += [f["box"] for f in shown if f["kind"] == "unsure"]
    for f in shown:
        f["place"] = f["box"][1] / p.h
        if not f["framed"]:
            frame(p, f)
    for f in shown:
        p.place = f["place"]
        if f["kind"] == "text":
            write_in(p, f)
        elif f["kind"] == "bare":
            p.answer("box", [f["box"]], bare=True)
    how = pick(rng, ["tick", "tick", "cross", "cross", "fill", "scribble"])
    for group in choices([f for f in shown if f["kind"] == "tick"]):
        p.place = group[0]["place"]
        boxes = [f["box"] for f in group]
        spots = [((a + c) / 2, (b + d) / 2) for a, b, c, d in boxes]
        r = min(min(c - a, d - b) for a, b, c, d in boxes) * rng.uniform(0.45, 0.7)
        around = [(a - 3, b - 3, c + 3, d + 3) for a, b, c, d in boxes]
        same = np.ptp([y for _, y in spots]) < 8
        if same and len(boxes) > 1 and spots[-1][0] - spots[0][0] < 2 * ROW:  # side by side: the row between them is the answer's
            around = [tuple(f(v) for f, v in zip((min, min, max, max), zip(*around)))]
        by = pick(rng, ["ring", "ring", how]) if any(f.get("letter") for f in group) else how
        p.answer("spots", around, spots=spots, r=r, how=by, optional=len(boxes) == 1)


def coloured(rng, image):
    """As it comes off printers: grey, faint, on tinted paper."""
    if rng.random() < 0.35:
        image = image.convert("L").convert("RGB")
    if rng.random() < 0.3:
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.6, 1.1))
    if rng.random() < 0.15:
        tint = np.float32(pick(rng, [(252, 250, 240), (250, 244, 214), (214, 228, 244), (247, 226, 228), (226, 240, 222)])) / 255
        image = Image.fromarray((np.asarray(image) * tint).astype(np.uint8))
    return image


def frame(p, f):
    """Where nothing is printed for a field, what its program would show of it: a line, a box."""
    x0, y0, x1, y1 = f["box"]
    if f["kind"] == "tick":
        p.box(x0, y0, x1 - x0, y1 - y0, 1.2, p.black)
    elif p.rng.random() < 0.5:
        p.line(x0, y1, x1, y1, 1.2, p.black)
    else:
        p.box(x0, y0, x1 - x0, y1 - y0, 1.0, p.rule)


def write_in(p, f):
    x0, y0, x1, y1 = f["box"]
    if f["comb"] > 1:
        pitch = (x1 - x0) / f["comb"]
        return p.answer("digits", [f["box"]], pitch=pitch) if pitch > 9 else p.answer("number", [f["box"]])
    if y1 - y0 > 60 and x1 - x0 > 120:
        return p.answer("box", [f["box"]])
    p.answer("number" if x1 - x0 < 90 or p.rng.random() < 0.2 else "text", [f["box"]])


def choices(ticks):
    """Boxes to tick, by question: those of one name, and of those without, those close by each other in a row."""
    groups, alone = {}, []
    for f in ticks:
        if f["group"]:
            groups.setdefault(f["group"], []).append(f)
        else:
            alone.append(f)
    out, row = list(groups.values()), []
    for f in alone:
        if row and (abs(f["box"][1] - row[-1]["box"][1]) > 8 or f["box"][0] - row[-1]["box"][2] > ROW):
            out.append(row)
            row = []
        row.append(f)
    return out + ([row] if row else [])
