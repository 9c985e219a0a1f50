"""Real scans with some of their marks wiped: the truth of a wiped scan follows from the original's by counting marks.

    python wiped.py --real DEVREAL --out DIR       the wiped scans and wiped.csv, to look at

An answer sheet qualifies if it is scanned, labelled by eye as at least TENTH done, and shows at least FEWEST solid marks of about
one size. In rows chosen by lot each mark is painted over with its own row's (or column's) most alike empty bubble; the completion
becomes label x marks left / marks. Where much fewer go than were to go, what was found are no marks (print, say), and the scan is
left out. The truth is only as good as the marks found: look at them after any change here.
"""
import argparse
import csv
import pathlib

import cv2
import numpy as np

TENTH, FEWEST, WIDE = 0.1, 8, 1400
SHARES = (0.25, 0.5, 0.8)  # of the rows, wiped


def marks(grey):
    """Solid dark blobs of about one size: (x, y, w, h) each."""
    paper = cv2.morphologyEx(cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    paper = cv2.resize(paper, grey.shape[1::-1]).astype(np.float32)
    dark = (grey.astype(np.float32) < 0.62 * paper).astype(np.uint8)
    core = cv2.morphologyEx(dark, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(core)
    found = [(x, y, w, h) for x, y, w, h, n in stats[1:] if 7 <= w <= 60 and 7 <= h <= 60 and 0.45 < w / h < 2.6 and n > 0.55 * w * h]
    if len(found) < FEWEST:
        return []
    size = np.median([max(f[2:]) for f in found])
    return [f for f in found if 0.6 * size <= max(f[2:]) <= 1.6 * size]


def rows_of(found):
    """The marks grouped into rows, top to bottom."""
    rows, high = [], np.median([f[3] for f in found])
    for f in sorted(found, key=lambda f: f[1] + f[3] / 2):
        y = f[1] + f[3] / 2
        if rows and abs(y - np.mean([g[1] + g[3] / 2 for g in rows[-1]])) < 0.7 * high:
            rows[-1].append(f)
        else:
            rows.append([f])
    return rows


def donor(grey, f, found):
    """Where an empty bubble like this one's stands in the same row, or else in the same column: the offset, or None."""
    x, y, w, h = f
    pad = int(0.45 * max(w, h)) + 2
    x0, y0, x1, y1 = x - pad, y - pad, x + w + pad, y + h + pad
    if x0 < 0 or y0 < 0 or x1 > grey.shape[1] or y1 > grey.shape[0]:
        return None
    patch, best = grey[y0:y1, x0:x1].astype(np.float32), None
    rim = np.ones(patch.shape, bool)
    rim[pad:-pad, pad:-pad] = False
    taken = [(a - 2, b - 2, a + c + 2, b + d + 2) for a, b, c, d in found]

    def off(dx, dy):
        """How unlike the place is, by its rim; None where it will not do."""
        a0, b0 = x0 + dx, y0 + dy
        if abs(dx) + abs(dy) < 1.3 * min(w, h) or a0 < 0 or b0 < 0 or a0 + x1 - x0 > grey.shape[1] or b0 + y1 - y0 > grey.shape[0]:
            return None
        if any(a < a0 + x1 - x0 - pad and c > a0 + pad and b < b0 + y1 - y0 - pad and d > b0 + pad for a, b, c, d in taken):
            return None
        other = grey[b0:b0 + y1 - y0, a0:a0 + x1 - x0].astype(np.float32)
        bare = other.std() < 8  # an empty bubble has a rim; bare paper has none
        full = other[pad:-pad, pad:-pad].mean() < 0.6 * other.max()
        return np.abs(other - patch)[rim].mean() + 25 * bare + 15 * full

    far = [(d, 0) for d in range(-9 * w, 9 * w, 2)] + [(0, d) for d in range(-9 * h, 9 * h, 2)]
    for step in (far, None):  # every other pixel, then around the best
        if step is None:
            step = [(best[1] + a, best[2] + b) for a in (-1, 0, 1) for b in (-1, 0, 1)] if best else []
        for dx, dy in step:
            value = off(dx, dy)
            if value is not None and (best is None or value < best[0]):
                best = (value, dx, dy)
    return best[1:] if best and best[0] < 32 else None


def wipe(image, rng, share):
    """(a copy with rows wiped, marks left, marks) or None where the scan does not qualify."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = marks(grey)
    if not found:
        return None
    rows, out, left = rows_of(found), image.copy(), len(found)
    gone = rng.permutation(len(rows))[:round(share * len(rows))]
    for f in [f for i in gone for f in rows[int(i)]]:
        to = donor(grey, f, found)
        if to is None:
            continue
        x, y, w, h = f
        pad = int(0.3 * max(w, h)) + 2
        a = slice(y - pad, y + h + pad), slice(x - pad, x + w + pad)
        b = slice(y - pad + to[1], y + h + pad + to[1]), slice(x - pad + to[0], x + w + pad + to[0])
        out[a] = image[b]
        left -= 1
    return out, left, len(found)


def originals(folder):
    """The labelled scans of answer sheets: (label, RGB no wider than WIDE)."""
    for label in csv.DictReader(open(folder / "labels.csv", newline="")):
        if label["page"] != "yes" or not label["completion"] or label["medium"] != "scan" or label["kind"] != "answer-sheet" or float(label["completion"]) < TENTH:
            continue
        image = cv2.imread(str(folder / label["file"]))[..., ::-1]
        k = WIDE / image.shape[1]
        yield label, np.ascontiguousarray(cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC))


def make(folder):
    """(label, image, completion) of every wiped scan; the original goes with them as the one with nothing wiped."""
    for n, (label, image) in enumerate(originals(folder)):
        whole = float(label["completion"])
        first = True
        for i, share in enumerate(SHARES):
            got = wipe(image, np.random.default_rng([6, n, i]), share)
            if got is None or 1 - got[1] / got[2] < 0.6 * share:
                continue
            if first:
                yield label, image, whole
                first = False
            yield label, got[0], whole * got[1] / got[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / "wiped.csv", "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["file", "of", "source", "completion"])
        for i, (label, image, done) in enumerate(make(args.real)):
            cv2.imwrite(str(args.out / f"{i:03}.png"), image[..., ::-1])
            out.writerow([f"{i:03}.png", label["file"], label["source"], f"{done:.3f}"])


if __name__ == "__main__":
    main()
