"""Judges page/1/model.onnx, with ONNX Runtime alone: on held-out synthetic pages, and on real photos where they are given.

    python eval.py [--real ../../shared/devreal]     (or DEVREAL=path)

Prints one table, writes page/1/figures.json, the table into page/1/README.md and the summary into the manifest. The real
photos come with labels by eye (labels.csv: file, page, completion, medium, unusable); they judge and never train.
"""
import argparse
import csv
import json
import os
import pathlib
import time

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
MODEL = HERE / "page/1"
MARK = ("<!-- figures: written by eval.py -->", "<!-- end of figures -->")


class Reader:
    """The model as its manifest describes it."""

    def __init__(self, folder):
        self.spec = json.loads((folder / "manifest.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.run = onnxruntime.InferenceSession(str(folder / self.spec["file"]), options, providers=["CPUExecutionProvider"])
        self.seconds = []

    def prepare(self, image):
        """A PIL image -> one row of the model's input."""
        spec = self.spec["input"]
        grey = ImageOps.exif_transpose(image)
        if "A" in grey.getbands() or grey.mode == "P":
            grey = grey.convert("RGBA")
            grey = Image.alpha_composite(Image.new("RGBA", grey.size, "white"), grey)
        grey = grey.convert("L")
        s = min(spec["width"] / grey.width, spec["height"] / grey.height)
        size = max(1, round(grey.width * s)), max(1, round(grey.height * s))
        full = np.full((spec["height"], spec["width"]), spec["pad"], np.float32)
        full[:size[1], :size[0]] = np.asarray(grey.resize(size, Image.BILINEAR), np.float32)
        return ((full / 255 - spec["mean"][0]) / spec["std"][0]).astype(np.float32)

    def read(self, row):
        """(class probabilities, completion, confidence)"""
        start = time.perf_counter()
        quality, completion, confidence = self.run.run(None, {self.spec["input"]["name"]: row[None, None].astype(np.float32)})
        self.seconds.append(time.perf_counter() - start)
        return quality[0], float(completion[0]), float(confidence[0])


def ranks(values):
    values = np.asarray(values, float)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def rank_correlation(a, b):
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def auc(scores, positive):
    scores, positive = np.asarray(scores, float), np.asarray(positive, bool)
    if positive.all() or not positive.any():
        return None
    a, b = scores[positive], scores[~positive]
    return float(np.mean([(v > b).mean() + (v == b).mean() / 2 for v in a]))


def judge(rows):
    """Figures over rows of (quality truth or None, is page, truth or None, probabilities, completion, confidence)."""
    page = np.array([r[1] for r in rows])
    said = np.array([r[3][4] for r in rows])
    told = [r for r in rows if r[1] and r[2] is not None]
    truth, got = np.array([r[2] for r in told]), np.array([r[4] for r in told])
    ends = [r for r in told if r[2] <= 0.02 or r[2] >= 0.98]
    fit = [r for r in told if int(np.argmax(r[3])) == 0]
    out = {
        "photos": len(rows), "pages_with_completion": len(told),
        "completion_mae": float(np.abs(truth - got).mean()) if told else None,
        "completion_mae_of_always_the_mean": float(np.abs(truth - truth.mean()).mean()) if told else None,
        "completion_rank_correlation": rank_correlation(truth, got),
        "blank_against_full_auc": auc([r[4] for r in ends], [r[2] >= 0.98 for r in ends]) if ends else None,
        "read_as_ok": len(fit), "completion_mae_read_as_ok": float(np.mean([abs(r[2] - r[4]) for r in fit])) if fit else None,
        "page_or_not_accuracy": float(np.mean([(int(np.argmax(r[3])) != 4) == r[1] for r in rows])),
        "pages_called_a_page": float(np.mean([int(np.argmax(r[3])) != 4 for r in rows if r[1]])) if page.any() else None,
        "non_pages_called_one": float(np.mean([int(np.argmax(r[3])) != 4 for r in rows if not r[1]])) if not page.all() else None,
        "page_or_not_auc": auc(-said, page),
    }
    known = [r for r in rows if r[0] is not None]
    if known:
        out["quality_accuracy"] = float(np.mean([int(np.argmax(r[3])) == r[0] for r in known]))
        for i, name in enumerate(("blurred", "dark", "cropped"), 1):
            out[f"{name}_auc"] = auc([r[3][i] for r in known], [r[0] == i for r in known])
        sure = [(r[5], int(np.argmax(r[3])) == r[0] and (r[0] or r[2] is None or abs(r[2] - r[4]) <= 0.1)) for r in known]
        out["confidence_auc"] = auc([s for s, _ in sure], [bool(k) for _, k in sure])
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in out.items()}


def synthetic(reader, path):
    f = np.load(path)
    rows, spec = [], reader.spec["input"]
    for pixels, (quality, truth, _) in zip(f["whole"], f["labels"]):
        probabilities, done, sure = reader.read((pixels.astype(np.float32) / 255 - spec["mean"][0]) / spec["std"][0])
        # A completion is judged on pages fit to read; the rest count for quality.
        told = float(truth) if truth >= 0 and quality == 0 else None
        rows.append((int(quality), quality != 4, told, probabilities, done, sure))
    return rows


def real(reader, folder):
    rows = []
    for label in csv.DictReader(open(folder / "labels.csv", newline="")):
        with Image.open(folder / label["file"]) as image:
            probabilities, done, sure = reader.read(reader.prepare(image))
        told = float(label["completion"]) if label["completion"] else None
        rows.append((label, (None, label["page"] == "yes", told, probabilities, done, sure)))
    return rows


SHOWN = [("photos", "photos"), ("pages_with_completion", "with a completion"), ("completion_mae", "completion: mean error"),
         ("completion_mae_of_always_the_mean", "(always saying the mean)"), ("completion_rank_correlation", "rank correlation"),
         ("blank_against_full_auc", "blank against full, AUC"), ("read_as_ok", "of them read as ok"),
         ("completion_mae_read_as_ok", "mean error of those"), ("page_or_not_accuracy", "page or not, accuracy"),
         ("pages_called_a_page", "pages called a page"), ("non_pages_called_one", "non-pages called one"),
         ("page_or_not_auc", "page or not, AUC"), ("quality_accuracy", "quality (5 classes), accuracy"),
         ("blurred_auc", "blurred, AUC"), ("dark_auc", "dark, AUC"), ("cropped_auc", "cropped, AUC"),
         ("confidence_auc", "confidence tells right from wrong, AUC")]


def table(columns):
    show = lambda v: "" if v is None else str(v) if isinstance(v, int) else f"{v:.3f}"
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for key, name in SHOWN:
        lines.append(f"| {name} | " + " | ".join(show(c.get(key)) for c in columns.values()) + " |")
    return "\n".join(lines)


def main():
    beside = HERE.parent.parent / "shared/devreal"
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=pathlib.Path, default=os.environ.get("DEVREAL") or (beside if beside.exists() else None))
    parser.add_argument("--synthetic", type=pathlib.Path, default=HERE / ".data/judge.npz")
    args = parser.parse_args()
    reader, columns = Reader(MODEL), {}
    if args.real:
        rows = real(reader, pathlib.Path(args.real))
        columns["real"] = judge([r for _, r in rows])
        for medium in ("photo", "scan", "digital"):
            some = [r for label, r in rows if label["medium"] == medium]
            if some:
                columns[f"real {medium}s"] = judge(some)
    if args.synthetic.exists():
        columns["synthetic, held out"] = judge(synthetic(reader, args.synthetic))
    if not columns:
        raise SystemExit("nothing to judge on: run `make data`, or give DEVREAL=path")
    milliseconds = round(1000 * float(np.median(reader.seconds)), 1)
    text = table(columns)
    print(text)
    print(f"\n{milliseconds} ms a page on one thread (median), {(MODEL / 'model.onnx').stat().st_size} bytes")

    main_figures = columns.get("real") or {}
    # Only figures over both kinds of pages are kept as the model's own; a run without the real photos must not erase them.
    if args.real and args.synthetic.exists():
        summary = {"real_" + k: main_figures[k] for k in ("completion_mae", "completion_rank_correlation",
                                                          "page_or_not_accuracy", "blank_against_full_auc")}
        summary["synthetic_completion_mae"] = columns["synthetic, held out"]["completion_mae"]
        summary["milliseconds_one_thread"] = milliseconds
        (MODEL / "figures.json").write_text(json.dumps({"summary": summary, **columns}, indent=2) + "\n")
        manifest = json.loads((MODEL / "manifest.json").read_text())
        manifest["figures"] = summary
        (MODEL / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        card = MODEL / "README.md"
        before, _, rest = card.read_text().partition(MARK[0])
        after = rest.partition(MARK[1])[2]
        card.write_text(f"{before}{MARK[0]}\n{text}\n\n{milliseconds} ms a page on one thread where it was measured.\n{MARK[1]}{after}")


if __name__ == "__main__":
    main()
