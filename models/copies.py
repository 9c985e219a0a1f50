"""Looks for photos that judge among those that teach: the same picture, or the same sheet, in a repository of another name.

    python copies.py [--real ../../shared/devreal] [--elsewhere DIR]     (or DEVREAL=path)

Each page that teaches (`filled`, and `pictures` of pages, of .fonts) is laid over each photo that judges by its corners (ORB) and
a homography: minutes. Prints the pairs of which ALIKE and more corners agree, and fails if there are any: a person has to look. A copy
that was smaller had 650, another photo of the same sheet 119, forms that have nothing in common up to 80.
"""
import argparse
import csv
import json
import pathlib

import cv2
import numpy as np

from eval import DEVREAL
from real import opened

HERE = pathlib.Path(__file__).parent
SIDE, CORNERS, ALIKE = 700, 700, 100


def corners(path):
    """(places, descriptions) of a picture's corners; None of one that has next to none."""
    grey = opened(path.read_bytes()).convert("L")
    grey.thumbnail((SIDE, SIDE))
    points, told = cv2.ORB_create(CORNERS).detectAndCompute(np.asarray(grey), None)
    return (np.float32([p.pt for p in points]), told) if len(points) >= ALIKE else None


def agree(a, b):
    """How many corners of one picture lie where those of the other say."""
    pairs = [m for m in cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(a[1], b[1], k=2) if len(m) == 2]
    near = [m for m, second in pairs if m.distance < 0.75 * second.distance]
    if len(near) < ALIKE:
        return 0
    _, kept = cv2.findHomography(np.float32([a[0][m.queryIdx] for m in near]), np.float32([b[0][m.trainIdx] for m in near]), cv2.RANSAC, 4)
    return 0 if kept is None else int(kept.sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=pathlib.Path, default=DEVREAL)
    parser.add_argument("--elsewhere", type=pathlib.Path, default=HERE / ".data/elsewhere")
    args = parser.parse_args()
    homes = [HERE / ".fonts" / home for home in ("train/filled", "held/filled", "train/pictures")]
    teach = [home / r["file"] for home in homes if (index := home / "index.json").exists() for r in json.loads(index.read_text()) if "answers" in r or r["corners"]]
    judge = [pathlib.Path(folder) / r["file"] for folder in (args.real, args.elsewhere) if folder and (labels := pathlib.Path(folder) / "labels.csv").exists()
             for r in csv.DictReader(open(labels, newline=""))]
    if not teach or not judge:
        raise SystemExit("nothing to compare: run `make -C models real elsewhere`, or give DEVREAL=path")
    judges = [(path, found) for path in judge if (found := corners(path))]
    same = sorted(((n, mine, other) for mine in teach if (found := corners(mine)) for other, theirs in judges if (n := agree(found, theirs)) >= ALIKE), reverse=True)
    for n, mine, other in same:
        print(f"{n} corners agree: {mine.parent.name}/{mine.name} teaches, {other.name} judges")
    if same:
        raise SystemExit(f"{len(same)} pairs to look at: what judges must not teach")
    print(f"{len(teach)} pictures that teach, {len(judge)} that judge: none is a copy of another")


if __name__ == "__main__":
    main()
