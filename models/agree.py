"""Writes what Python says of the demo photos, so that a test can hold the Rust that runs in production against it.

    python agree.py [--model page/16]

demo-photos/said.csv: the model's numbers for each photo; demo-photos/figures.csv: the figures of `judge` over them all, by
demo-photos/truth.csv alone, as `inkflow eval` takes it: every photo of one source.
"""
import argparse
import csv
import pathlib

import numpy as np
from PIL import Image

import eval
import judge

HERE = pathlib.Path(__file__).parent
PHOTOS = HERE / "demo-photos"
SAID = 16  # photos whose numbers are kept
ORDER = 20  # photos that an order is told of: of nine, two that lie near each other and change places make .13


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=pathlib.Path, default=eval.SHIPPED)
    args = parser.parse_args()
    reader, rows, said = eval.Reader(args.model), [], []
    classes = reader.spec["outputs"]["quality"]["classes"]
    name = f"{reader.spec['name']}@{reader.spec['version']}"
    for label in csv.DictReader(open(PHOTOS / "truth.csv", newline="")):
        with Image.open(PHOTOS / label["file"]) as image:
            got = reader.run.run(["quality", "completion", "confidence"], {reader.spec["input"]["name"]: reader.prepare(image)})
            ink = eval.ink(image.convert("RGB"))
        quality, completion, confidence = [float(p) for p in got[0][0]], float(got[1][0]), float(got[2][0])
        if len(said) < SAID:
            said.append([name, label["file"], *(f"{v:.4f}" for v in (*quality, completion, confidence))])
        called = classes[int(np.argmax(quality))]
        rows.append({"source": "", "family": eval.family(label["file"]), "medium": label["medium"], "kind": label["kind"], "page": label["page"] == "yes",
                     "usable": label["unusable"] == "none", "truth": float(label["completion"]) if label["completion"] else None, "called": called,
                     "ok": quality[0], "said": completion, "sure": confidence, "ink": ink})
    with open(PHOTOS / "said.csv", "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["model", "file", *classes, "completion", "confidence"])
        table.writerows(said)
    paper = [r for r in rows if r["kind"] in ("worksheet", "form") and r["medium"] != "digital"]
    figures = [("paper worksheets and forms: MAE", judge.mae, paper), ("paper worksheets and forms: rho", judge.order, paper),
               ("all photos: MAE", judge.mae, rows), ("all photos: rho", judge.order, rows)]
    for medium in ("photo", "scan", "digital"):
        some = [r for r in rows if r["medium"] == medium]
        figures += [(f"medium {medium}: MAE", judge.mae, some), (f"medium {medium}: rho", judge.order, some)]
    figures += [("blank against full, AUC", judge.ends, rows), ("complete or not, balanced accuracy", judge.complete(judge.DONE), rows),
                ("page or not, accuracy", judge.page_accuracy, rows), ("pages called a page", judge.page_recall, rows),
                ("calibration error", judge.calibration, rows)]
    plain = lambda some: [{**r, "said": min(1.0, 10 * r["ink"])} for r in some]
    show = lambda v: "" if v is None else f"{v:.3f}"
    with open(PHOTOS / "figures.csv", "w", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["model", "figure", "got", "ink"])
        for figure, of, some in figures:
            if some and of(some) is not None and (of is not judge.order or len(judge.told(some)) >= ORDER):
                beside = None if figure.startswith(("page", "calibration")) else of(plain(some))
                table.writerow([name, figure, show(of(some)), show(beside)])


if __name__ == "__main__":
    main()
