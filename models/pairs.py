"""With the blank page: pairs of a page blank and filled, and how well each answer area is told with it and without.

    python pairs.py draw --out DIR --count N --seed S          synthetic pairs of held-back fonts and layouts
    python pairs.py real --out DIR --real DEVREAL              real pairs, wiped scans, and photographs made of them
    python pairs.py judge DIR... [--model page/16]              balanced accuracy by area, with the blank page and without

The first two write pictures and pairs.jsonl: photo, template, source, kind, areas ([x, y, w, h] in basis points of the template), states.
"""
import argparse
import json
import multiprocessing
import pathlib
import subprocess
import types

import cv2
import numpy as np
from PIL import Image

import eval
import wiped
from synth import fill, kinds, photo
from synth.shelf import shelf

SIDES = (960, 1280, 1600)  # the longer side of a photo, in pixels: what a phone's messenger leaves of it, and more


def sized(rng, page, turn):
    """A photo's size for this page: (w, h), multiples of 8."""
    side = int(rng.choice(SIDES))
    short = int(round(side * (0.75 if rng.random() < 0.6 else rng.uniform(0.62, 0.8)) / 8)) * 8
    return (short, side) if (page.w <= page.h) == (turn % 2 == 0) else (side, short)


def parts(box, w, h):
    """A box in pixels as [x, y, w, h] in basis points of its picture."""
    x0, y0, x1, y1 = (float(np.clip(v / s, 0, 1)) for v, s in zip(box, (w, h, w, h)))
    x, y = int(x0 * 10000), int(y0 * 10000)
    return [x, y, max(1, int(x1 * 10000) - x), max(1, int(y1 * 10000) - y)]


def pair(job):
    """One pair drawn and written; its line, or None where the page asks nothing."""
    out, seed, number = job
    cv2.setNumThreads(1)
    rng, books = np.random.default_rng([seed, number]), shelf("held")
    kind, page = kinds.make(rng, books, 1.35, layout="held")
    turn = photo.turned(rng)
    if not page.answers:
        return None
    shot = photo.take(rng, fill.fill(rng, page), kind, *sized(rng, page, turn), "ok", turn=turn)
    medium = str(rng.choice(["digital", "scan", "photo"], p=[0.35, 0.4, 0.25]))
    blank = photo.take(rng, fill.fill(rng, page, 0.0, tidy=True), kind, *sized(rng, page, 0), "ok", medium, turn=0)
    name, areas, states = f"{number:05}", [], []
    h, w = blank.pixels.shape[:2]
    for there, filled in zip(blank.areas, shot.areas):
        if there["box"] and there["seen"] > 0.9 and filled["seen"] > 0.9:
            areas.append(parts(there["box"], w, h))
            states.append(filled["state"])
    if not areas:
        return None
    for suffix, s in (("", shot), ("-blank", blank)):
        cv2.imwrite(str(out / f"{name}{suffix}.jpg"), s.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, s.jpeg])
    return {"photo": f"{name}.jpg", "template": f"{name}-blank.jpg", "source": "synthetic", "kind": kind, "medium": shot.medium,
            "of": medium, "turn": turn, "areas": areas, "states": states}


def draw(args):
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [(args.out, args.seed, i) for i in range(args.count)]
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool, open(args.out / "pairs.jsonl", "w") as f:
        for line in pool.imap(pair, jobs):
            if line:
                f.write(json.dumps(line, separators=(",", ":")) + "\n")
                f.flush()


# Real blank pages and what was written into copies of them, looked at by eye. Boxes in pixels of a picture so large (w, h);
# a box with the faintest of marks, of which nobody can say whether it is an answer, is left out.
def by_eye():
    z, o = "zesje__tests__data__", "OMRChecker__samples__sample6__"
    boxes = [(146, 140, 196, 163), (68, 170, 596, 395), (65, 504, 593, 635), (65, 675, 593, 807)]
    for photo_of in ("aligned", "misaligned"):
        yield "zesje/blanks", z + "blanks__reference.jpg", z + f"blanks__student_{photo_of}.jpg", (653, 924), boxes, "0011"
    xs = [116, 147, 285, 315, 346, 454, 484, 515, 545, 622, 653, 684, 714, 745]
    rows = {501: "0110?101001010", 618: "1?010110?11010", 734: "1010111?01?10?", 850: "110101?1?01011", 967: "11100100101010",
            1082: "101101?101?10?"}
    boxes, marks = [(298, 113, 551, 152), (298, 187, 551, 226)], "00"
    for y, row in rows.items():
        boxes += [(x - 14, y - 14, x + 14, y + 14) for x in xs]
        marks += row
    for i, x in enumerate((110, 135, 159, 184, 208, 233)):
        for j, y in enumerate((119, 144, 169, 193, 218, 243, 268, 293, 318, 343)):
            boxes.append((x - 11, y - 11, x + 11, y + 11))
            marks += "01"[j == i + 1]
    for dpi in (300, 100):
        yield "zesje/checkboxes", z + f"checkboxes__reference_{dpi}dpi.jpg", z + f"checkboxes__student_{dpi}dpi.jpg", (919, 1300), boxes, marks
    at = lambda x: 1100 * (0.4 + 0.6 * x / 660)
    down = lambda y: 1556 * (0.3 + 0.45 * y / 700)
    xs = [306, 328, 350, 372, 394, 416, 438, 460, 482]
    boxes = [(at(a + 2), down(70), at(b - 2), down(102)) for a, b in zip(xs, xs[1:])]
    boxes += [(at(346), down(y + 3), at(462), down(y + 39)) for y in (446, 490, 534, 579, 624)]
    for i in (1, 2, 3):
        yield "OMRChecker/sample6", o + "reference.png", o + f"doc-scans__sample_roll_0{i}.jpg", (1100, 1556), boxes, "1111111100000"
    boxes = [(128, 131 + 53.2 * i, 438, 171 + 53.2 * i) for i in range(10)]
    yield "omr/sheet", "omr__sheet__sheet.png", "omr__img__rotated-answeredsheet.png", (495, 700), boxes, "1111011000"


def wiped_pairs(real):
    """Scans with marks: all of them wiped is the blank page, half of the rows wiped the photo; an area a mark."""
    for n, (label, image) in enumerate(wiped.originals(real)):
        blank, some = wiped.wipe(image, np.random.default_rng([7, n]), 1.0), wiped.wipe(image, np.random.default_rng([8, n]), 0.5)
        if blank is None or some is None:
            continue
        blank, some, boxes, marks = blank[0], some[0], [], ""
        for x, y, w, h in wiped.marks(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)):
            pad = int(0.3 * max(w, h)) + 2
            part = lambda of: of[max(0, y - pad):y + h + pad, max(0, x - pad):x + w + pad].astype(int)
            if np.abs(part(blank) - part(image)).mean() < 4:
                continue  # the blank page still has it
            boxes.append((x - pad, y - pad, x + w + pad, y + h + pad))
            marks += "0" if np.abs(part(some) - part(image)).mean() > 2 else "1"
        if len(boxes) >= 8:
            yield label["source"] + "/wiped", blank, some, image.shape[1::-1], boxes, marks


def photographed(rng, image, boxes, marks):
    """A synthetic photograph of a real picture: (photo, whether each box is in sight)."""
    ph, pw = image.shape[:2]
    h = int(1000 * ph / pw)
    items = np.zeros((h // 4, 250), np.uint16)
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        k = 1000 / pw / 4
        items[max(0, int(y0 * k)):max(1, int(np.ceil(y1 * k))), max(0, int(x0 * k)):max(1, int(np.ceil(x1 * k)))] = i + 1
    area = np.where(items > 0, fill.EMPTY, 0).astype(np.uint8)
    page = types.SimpleNamespace(w=1000, h=h, image=image, print=image, ink=np.zeros((ph, pw), np.uint8), area=area, items=items,
                                 states=[fill.EMPTY] * len(boxes), completion=0.0, answers=boxes)
    turn = photo.turned(rng)
    shot = photo.take(rng, page, "real", *sized(rng, page, turn), "ok", "photo", turn=turn)
    return shot, [a["seen"] > 0.9 for a in shot.areas]


def real(args):
    args.out.mkdir(parents=True, exist_ok=True)
    lines, number = [], 0
    load = lambda name: np.ascontiguousarray(cv2.imread(str(args.real / "images" / name))[..., ::-1])

    def put(source, kind, blank, shot, quality, size, boxes, marks, seen):
        nonlocal number
        name, number = f"{number:04}", number + 1
        cv2.imwrite(str(args.out / f"{name}-blank.jpg"), blank[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        cv2.imwrite(str(args.out / f"{name}.jpg"), shot[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        kept = [(parts(b, *size), m) for b, m, s in zip(boxes, marks, seen) if s and m != "?"]
        lines.append({"photo": f"{name}.jpg", "template": f"{name}-blank.jpg", "source": source, "kind": kind, "medium": kind, "of": "real",
                      "areas": [b for b, _ in kept], "states": [{"1": "answered", "0": "blank"}[m] for _, m in kept]})

    every = [("as it is", source, load(a), load(b), size, boxes, marks) for source, a, b, size, boxes, marks in by_eye()]
    every += [("wiped", *pair) for pair in wiped_pairs(args.real)]
    for n, (kind, source, blank, shot, size, boxes, marks) in enumerate(every):
        put(source, kind, blank, shot, 92, size, boxes, marks, [True] * len(boxes))
        for i in range(args.photographs):
            k = shot.shape[1] / size[0], shot.shape[0] / size[1]
            # Boxes are of the template; the filled copy lies about so, which is enough to know what is in sight.
            there = [(b[0] * k[0], b[1] * k[1], b[2] * k[0], b[3] * k[1]) for b in boxes]
            taken, seen = photographed(np.random.default_rng([9, n, i]), shot, there, marks)
            put(source, kind + ", photographed", blank, taken.pixels, taken.jpeg, size, boxes, marks, seen)
    (args.out / "pairs.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def balanced(said, truth):
    """(balanced accuracy, answered found, blank left alone) of what is said True or False of; None where one kind is missing."""
    said, truth = np.array(said, bool), np.array(truth, bool)
    if not truth.any() or truth.all():
        return None, None, None
    return (said[truth].mean() + (~said[~truth]).mean()) / 2, said[truth].mean(), (~said[~truth]).mean()


def without(reader, path, boxes):
    """What the model's maps say of boxes in the photo, in basis points. It is told where they are by the blank page, which a
    reading without one would have to find: the comparison favours it."""
    with Image.open(path) as image:
        maps, (width, height) = reader.read(image)["maps"], image.size
        scale, *_ = reader.fit(width, height)
    said = []
    for x, y, w, h in boxes:
        box = (v / 1e4 * s * scale / reader.cell for v, s in ((x, width), (y, height), (x + w, width), (y + h, height)))
        empty, filled, struck = eval.sums(maps, *box)
        said.append(filled > empty + struck)
    return said


def judge(args):
    reader = eval.Reader(args.model)
    print("| source | kind | pairs | laid over | areas | unsure | with: balanced (answered, blank) | without |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    sources, times = {}, []
    for folder in args.folders:
        tell = ["cargo", "run", "-q", *(["--release"] if args.release else []), "-p", "inkflow-connectors", "--example", "template_pairs", "--", str(folder.resolve())]
        lines = subprocess.run(tell, cwd=eval.HERE.parent, check=True, capture_output=True, text=True).stdout.splitlines()
        groups = {}
        for pair, told in zip((folder / "pairs.jsonl").read_text().splitlines(), lines):
            pair, told = json.loads(pair), json.loads(told)
            times.append(told["ms"])
            group = groups.setdefault((pair["source"], pair["kind"]), {"pairs": 0, "laid": 0, "unsure": 0, "with": [], "plain": [], "truth": []})
            group["pairs"] += 1
            if "unused" in told:
                continue
            group["laid"] += 1
            plain = without(reader, folder / pair["photo"], [area for area, _, _ in told["areas"]])
            for (_, state, _), maps, truth in zip(told["areas"], plain, pair["states"]):
                if truth == "struck_out":
                    continue
                group["unsure"] += state == "unsure"
                if state != "unsure":
                    for key, value in (("with", state == "answered"), ("plain", maps), ("truth", truth == "answered")):
                        group[key].append(value)
        show = lambda v: "" if v is None else f"{v:.3f}"
        for (source, kind), g in sorted(groups.items()):
            (mine, found, left), (plain, *_) = balanced(g["with"], g["truth"]), balanced(g["plain"], g["truth"])
            print(f"| {source} | {kind} | {g['pairs']} | {g['laid']} | {len(g['truth']) + g['unsure']} | {g['unsure']} | {show(mine)} ({show(found)}, {show(left)}) | {show(plain)} |")
            if mine is not None:
                sources.setdefault(source, []).append((mine, plain))
    means = [np.mean(v, axis=0) for v in sources.values()]
    print(f"\nEvery source weighing the same: {np.mean(means, axis=0)[0]:.3f} with, {np.mean(means, axis=0)[1]:.3f} without; "
          f"{np.median(times):.0f} ms a photo (median; decoding and preparing the blank page not counted)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    d = commands.add_parser("draw")
    d.add_argument("--out", type=pathlib.Path, required=True)
    d.add_argument("--count", type=int, default=300)
    d.add_argument("--seed", type=int, default=9)
    d.add_argument("--workers", type=int, default=1)
    d.set_defaults(run=draw)
    r = commands.add_parser("real")
    r.add_argument("--out", type=pathlib.Path, required=True)
    r.add_argument("--real", type=pathlib.Path, required=True)
    r.add_argument("--photographs", type=int, default=4, help="made of each pair")
    r.set_defaults(run=real)
    j = commands.add_parser("judge")
    j.add_argument("folders", type=pathlib.Path, nargs="+")
    j.add_argument("--model", type=pathlib.Path, default=eval.SHIPPED)
    j.add_argument("--release", action="store_true", help="build the judge with optimisation, for its times")
    j.set_defaults(run=judge)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
