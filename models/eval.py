"""Judges a model by issue-6's table, with ONNX Runtime alone: synthetic pages of held-back fonts and layouts, real photos, and
real scans with marks wiped. The real photos come labelled by eye (labels.csv), judge, and never train.

    python eval.py [--model DIR] [--real ../../shared/devreal] [--elsewhere DIR] [--synthetic DIR] [--write]     (or DEVREAL=path)

Prints the table; --write keeps it in the model's folder (figures.json, and the summary in its manifest).
"""
import argparse
import csv
import json
import os
import pathlib
import re
import time

import cv2
import numpy as np
import onnxruntime
import simplejpeg
from PIL import Image, ImageOps

import judge
import wiped

HERE = pathlib.Path(__file__).parent
SHIPPED = HERE / "page/16"
BESIDE = HERE.parent.parent / "shared/devreal"
DEVREAL = os.environ.get("DEVREAL") or (BESIDE if BESIDE.exists() else None)  # real photos to judge by, with their labels.csv
STATES = ("blank", "answered", "struck_out")


def session(file):
    """ONNX Runtime on one thread, as a worker of inkflow runs it; of a file or its bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file if isinstance(file, bytes) else str(file), options, providers=["CPUExecutionProvider"])


def fit(spec, width, height):
    """(scale, width, height) of a photo in the input that a manifest describes."""
    s = min(spec["width"] / width, spec["height"] / height)
    return s, max(1, round(width * s)), max(1, round(height * s))


def scaled(image, channels, width, height):
    """A JPEG that is not loaded yet, at the smallest eighth of its size that is no smaller than this: by libjpeg-turbo, as in production.
    What it does not take (four inks, a broken file), by Pillow, which knows halves alone."""
    taken = image.mode in ("RGB", "L")
    image.draft("L" if channels == 1 else "RGB", (width, height))
    if not taken:
        return image
    image.fp.seek(0)
    try:
        pixels = simplejpeg.decode_jpeg(image.fp.read(), "GRAY" if channels == 1 else "RGB", min_height=height, min_width=width)
    except ValueError:
        return image
    out = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    out.getexif()[0x0112] = image.getexif().get(0x0112, 1)
    return out


def on_white(image):
    """A picture without what can be seen through."""
    if "A" not in image.getbands() and image.mode != "P":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def prepare(spec, image):
    """A PIL image -> the model's input. A JPEG that is not loaded yet is decoded no larger than it must, as in production."""
    if image.format == "JPEG":
        turned = image.getexif().get(0x0112, 1) >= 5
        _, *size = fit(spec, *(image.size[::-1] if turned else image.size))
        image = scaled(image, spec["channels"], *(size[::-1] if turned else size))
    image = ImageOps.exif_transpose(image)
    image = on_white(image).convert("L" if spec["channels"] == 1 else "RGB")
    _, *size = fit(spec, *image.size)
    full = np.full((spec["height"], spec["width"], spec["channels"]), spec["pad"], np.float32)
    full[:size[1], :size[0]] = np.asarray(image.resize(size, Image.BILINEAR), np.float32).reshape(size[1], size[0], -1)
    full = (full / 255 - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(full.transpose(2, 0, 1)[None], np.float32)


class Reader:
    """The model as its manifest describes it."""

    def __init__(self, folder):
        self.spec = json.loads((folder / "manifest.json").read_text())
        self.run = session(folder / self.spec["file"])
        self.bytes, self.seconds = (folder / self.spec["file"]).stat().st_size, []
        self.maps = any(o.name == "maps" for o in self.run.get_outputs())
        self.cell = self.spec["outputs"].get("maps", {}).get("cell")

    def fit(self, width, height):
        return fit(self.spec["input"], width, height)

    def prepare(self, image):
        return prepare(self.spec["input"], image)

    def read(self, image):
        """{ok, not_a_page, called, said, sure, maps}"""
        row, names = self.prepare(image), ["quality", "completion", "confidence"] + ["maps"] * self.maps
        start = time.thread_time()  # the thread's own time: what else runs on the machine is not the model's
        got = self.run.run(names, {self.spec["input"]["name"]: row})
        self.seconds.append(time.thread_time() - start)
        classes = self.spec["outputs"]["quality"]["classes"]
        return {"ok": float(got[0][0][0]), "not_a_page": float(got[0][0][4]), "called": classes[int(got[0][0].argmax())],
                "said": float(got[1][0]), "sure": float(got[2][0]), "maps": got[3][0] if self.maps else None}


def ink(image):
    """The plain baseline: the share of the photo's middle darker than its surroundings."""
    grey = ImageOps.exif_transpose(image).convert("L")
    grey.thumbnail((640, 640))
    a = np.asarray(grey, np.float32)
    h, w = a.shape
    a = a[h // 16:h - h // 16, w // 16:w - w // 16]
    return float((a < 0.82 * cv2.blur(a, (25, 25))).mean())


class Detector:
    """The other plain baseline: the share of the photo that a public text detector (PP-OCRv4's, of rapidocr) calls text."""

    SIDE = 736

    def __init__(self, file):
        self.run = session(file)

    def share(self, image):
        image = ImageOps.exif_transpose(image).convert("RGB")
        s = self.SIDE / max(image.size)
        size = [max(32, 32 * round(v * s / 32)) for v in image.size]
        x = (np.asarray(image.resize(size, Image.BILINEAR), np.float32)[..., ::-1] / 255 - 0.5) / 0.5
        said = self.run.run(None, {self.run.get_inputs()[0].name: np.ascontiguousarray(x.transpose(2, 0, 1)[None])})[0]
        return float((said > 0.3).mean())


def sums(maps, x0, y0, x1, y1):
    """[empty, filled, struck out] in a box, in cells of the maps; at least one."""
    a, b = (slice(int(low), max(int(low) + 1, round(high))) for low, high in ((y0, y1), (x0, x1)))
    return maps[1:4, a, b].sum((1, 2))


def states(reader, line, maps):
    """(true, said) of each area wholly in sight, its box given."""
    s, _, _ = reader.fit(line["w"], line["h"])
    for area in line["areas"]:
        if area["box"] is None or area["seen"] < 0.7:
            continue
        yield area["state"], STATES[int(sums(maps, *(v * s / reader.cell for v in area["box"])).argmax())]


def synthetic(reader, plain, folder):
    from synth.shards import Shards

    shards, rows = Shards(folder), []
    for i in range(len(shards)):
        line, pixels, _ = shards.load(i, truth=False)
        image = Image.fromarray(pixels)
        got, usable = reader.read(image), line["quality"] == "ok"
        areas = list(states(reader, line, got.pop("maps"))) if reader.maps and usable else []
        got.pop("maps", None)
        rows.append({**got, "source": "synthetic", "family": line["id"], "medium": line["medium"], "kind": line["kind"], "page": line["page"],
                     "usable": usable, "truth": line["completion"] if usable else None, **plain(image), "areas": areas})
    return rows


def family(name):
    """Near-duplicates: files whose names differ by a number at the end alone."""
    return re.sub(r"[\d_.-]+$", "", name.rsplit(".", 1)[0])


def real(reader, plain, folder):
    rows = []
    for label in csv.DictReader(open(folder / "labels.csv", newline="")):
        with Image.open(folder / label["file"]) as image:
            got = reader.read(image)
            rows.append({**got, "source": label["source"], "family": family(label["file"]), "medium": label["medium"], "kind": label["kind"],
                         "page": label["page"] == "yes", "usable": label["unusable"] == "none",
                         "truth": float(label["completion"]) if label["completion"] else None,
                         "filled": float(label["page_fill"]) if label["page_fill"] else None, **plain(image)})
        rows[-1].pop("maps")
    return rows


def wiped_scans(reader, plain, folder):
    rows = []
    for label, pixels, done in wiped.make(folder):
        image = Image.fromarray(pixels)
        got = reader.read(image)
        got.pop("maps")
        rows.append({**got, "source": label["source"], "family": family(label["file"]), "medium": "scan", "kind": label["kind"], "page": True,
                     "usable": True, "truth": done, **plain(image)})
    return rows


class Plain:
    """The baselines: a number of the photo, and the straight line from it to a completion, fitted on the very synthetic pages
    that it is judged by: more than its due. Without them, on nothing."""

    def __init__(self):
        found = HERE / ".fonts/both/detector/ch_PP-OCRv4_det_infer.onnx"
        self.numbers = {"ink density": ink} | ({"text detector": Detector(found).share} if found.exists() else {})
        self.lines, self.limits = dict.fromkeys(self.numbers, (10.0, 0.0)), dict.fromkeys(self.numbers, judge.DONE)

    def __call__(self, image):
        return {name: number(image) for name, number in self.numbers.items()}

    def fit(self, rows):
        for name in self.numbers:
            self.lines[name] = np.polyfit(judge.column(rows, name), judge.column(rows, "truth"), 1)
            self.limits[name] = judge.best_threshold(self.read(rows, name))

    def read(self, rows, name):
        """The same rows, read by a baseline."""
        gain, start = self.lines[name]
        return [{**r, "said": float(np.clip(gain * r[name] + start, 0, 1))} for r in rows]


class Table:
    def __init__(self, plain):
        self.plain, self.lines, self.kept = plain, [], {}

    def add(self, name, aim, rows, figure, beside=lambda name: None):
        """`beside` gives the figure of a baseline, or None where it says nothing of it."""
        value = figure(rows) if rows else None
        span = judge.interval(rows, figure) if value is not None else None
        others = {n: f(self.plain.read(rows, n)) if rows and (f := beside(n)) else None for n in self.plain.numbers}
        self.kept[name] = {"value": value, "interval": span, **others, "photos": len(rows), "sources": len({r["source"] for r in rows})}
        show = lambda v: "" if v is None else f"{v:.3f}"
        between = "" if span is None else f"{span[0]:.2f}..{span[1]:.2f}"
        cells = [name, aim, show(value), between, *map(show, others.values()), f"{len(rows)} of {len({r['source'] for r in rows})}"]
        self.lines.append(f"| {' | '.join(cells)} |")

    def text(self):
        names = ["figure", "aim", "got", "95 %", *self.plain.numbers, "photos of sources"]
        return "\n".join([f"| {' | '.join(names)} |", "| --- | --- | ---: | --- |" + " ---: |" * len(self.plain.numbers) + " --- |", *self.lines])


def reliability(name, rows):
    """The table that shows what a confidence is worth."""
    show = lambda v: "" if v is None else f"{v:.3f}"
    lines = [f"| {b / 10:.1f} to {(b + 1) / 10:.1f} | {n} | {show(sure)} | {show(right)} | {show(off)} |" for b, n, sure, right, off in judge.reliability(rows)]
    return "\n".join([f"| confidence, {name} | photos | said | right | MAE |", "| --- | ---: | ---: | ---: | ---: |", *lines])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, default=SHIPPED)
    parser.add_argument("--real", type=pathlib.Path, default=DEVREAL)
    parser.add_argument("--elsewhere", type=pathlib.Path, default=HERE / ".data/elsewhere", help="more real photos, as elsewhere.py gathers them")
    parser.add_argument("--synthetic", type=pathlib.Path, default=HERE / ".data/judge")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    reader, plain = Reader(args.model), Plain()
    made = synthetic(reader, plain, args.synthetic) if args.synthetic.exists() else []
    photos = real(reader, plain, pathlib.Path(args.real)) if args.real else []
    scans = wiped_scans(reader, plain, pathlib.Path(args.real)) if args.real else []
    others = real(reader, plain, args.elsewhere) if args.elsewhere.exists() else []
    if not (made or photos or others):
        raise SystemExit("nothing to judge on: run `make -C models data` or `elsewhere`, or give DEVREAL=path")
    limit, table = judge.DONE, Table(plain)
    if len(judge.told(made)) > 3:
        limit = judge.best_threshold(made)
        plain.fit(judge.told(made))

    def both(name, aim, rows, figure):
        table.add(name, aim, rows, figure, lambda _: figure)

    pages = lambda rows: [r for r in rows if r["page"]]
    notes = [{**r, "truth": r["filled"]} for r in photos if r["filled"] is not None]
    paper, paper_elsewhere = ([r for r in some if r["kind"] in ("worksheet", "form") and r["medium"] != "digital"] for some in (photos, others))
    met, never = ([r for r in made if (r["kind"] == "held") == held] for held in (False, True))  # tasks of these kinds were trained on, or not
    for name, rows, error, rank in (("synthetic, held back", made, "<= .06", ">= .95"), ("of these, kinds of tasks trained on", met, "", ""),
                                    ("of these, kinds never met", never, "", ""), ("real scans, rows wiped", scans, "<= .07", ">= .95"),
                                    ("real paper worksheets and forms", paper, "<= .12", ">= .82"), ("all real originals", photos, "", ">= .75"),
                                    ("real notes, how far filled", notes, "", ""), ("elsewhere, all", others, "", ""),
                                    ("elsewhere, paper worksheets and forms", paper_elsewhere, "", "")):
        if rows:
            both(name + ": MAE", error, judge.told(rows), judge.mae)
            both(name + ": rho", rank, judge.told(rows), judge.order)
    for medium in ("photo", "scan", "digital"):
        some = judge.told([r for r in photos if r["medium"] == medium])
        if some:
            both(f"real {medium}s: MAE", "", some, judge.mae)
            both(f"real {medium}s: rho", "", some, judge.order)
    for name, rows in (("all real originals", photos), ("elsewhere", others), ("synthetic", made)):
        if rows:
            aim = (">= .93", ">= .88") if rows is photos else ("", "")
            both(f"{name}: blank against full, AUC", aim[0], judge.extremes(rows), judge.ends)
            table.add(f"{name}: complete or not, balanced accuracy", aim[1], judge.told(rows), judge.complete(limit), lambda n: judge.complete(plain.limits[n]))
            table.add(f"{name}: page or not, accuracy", ">= .98" if rows is photos else "", rows, judge.page_accuracy)
            table.add(f"{name}: pages called a page", ">= .99" if rows is photos else "", pages(rows), judge.page_recall)
            table.add(f"{name}: calibration error", "<= .05", judge.judged(rows), judge.calibration)
            table.add(f"{name}: calibration error by luck alone", "", judge.judged(rows), judge.luck)
            table.add(f"{name}: confidence of right against wrong readings, AUC", "", judge.told(rows), judge.tells)
    if others:
        table.add("elsewhere: receipts refused", ">= .7", [r for r in others if r["kind"] == "receipt"], judge.refused)
    if made:
        table.add("synthetic: receipts refused", ">= .7", [r for r in made if r["kind"] == "receipt"], judge.refused)
        table.add("synthetic: unusable found at 3 % false rejects", ">= .9", pages(made), judge.unusable)
    if with_areas := [r for r in made if r["areas"]]:
        table.add("synthetic: areas, F1 of answered", "state it", with_areas, judge.area_f1)
        table.add("synthetic: areas, mean recall of the three states", "", with_areas, judge.area_balanced)
    milliseconds = round(1000 * float(np.median(reader.seconds)), 1)
    speed = (f"{milliseconds} ms a page on one thread (median of its own time; aim <= 20), {reader.bytes} bytes (aim <= 8000000). "
             f"Complete is said from {limit:.2f} on, as is best on the synthetic pages.")
    sure = "\n\n".join(reliability(name, rows) for name, rows in (("real photos", photos), ("elsewhere", others), ("synthetic", made)) if rows)
    print(f"{args.model}\n\n{table.text()}\n\n{speed}\n\n{sure}")
    if args.write:
        summary = {"real_mae": table.kept.get("all real originals: MAE", {}).get("value"), "milliseconds_one_thread": milliseconds,
                   "real_rank_correlation": table.kept.get("all real originals: rho", {}).get("value"),
                   "synthetic_mae": table.kept.get("synthetic, held back: MAE", {}).get("value")}
        summary = {k: round(v, 4) for k, v in summary.items() if v is not None}
        (args.model / "figures.json").write_text(json.dumps({"summary": summary, "complete_from": limit, **table.kept}, indent=2) + "\n")
        card = args.model / "README.md"
        if card.exists():
            shown = f"<!-- figures: written by eval.py -->\n{table.text()}\n\n{speed}\n\n{sure}\n<!-- end of figures -->"
            card.write_text(re.sub(r"<!-- figures: .*<!-- end of figures -->", lambda _: shown, card.read_text(), flags=re.DOTALL))
        manifest = json.loads((args.model / "manifest.json").read_text())
        (args.model / "manifest.json").write_text(json.dumps({**manifest, "figures": summary}, indent=2) + "\n")


if __name__ == "__main__":
    main()
