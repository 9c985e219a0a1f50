"""python -m synth demo --out DIR --count N --seed S    JPEGs of about 1000 x 1400, with truth.csv
   python -m synth data --out FILE --pages N --seed S   crops and whole photos to train on, as one .npz

The demo's truth.csv: file, quality, completion (0..1, empty where the page asks nothing or is not fit to read), kind, medium.
"""
import argparse
import csv
import pathlib
import time

import numpy as np

from . import photo, sheet

BAD = ["blurred", "dark", "cropped", "not_a_page"]


def demo(args):
    import io

    from PIL import Image

    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in range(args.count):
        rng = np.random.default_rng([args.seed, i])
        # Every sixth photo is bad, in turn; the rest are good and spread over blank, partial and full.
        quality = BAD[(i // 6) % 4] if i % 6 == 5 else "ok"
        w, h = [(1000, 1400), (1040, 1384), (960, 1280)][rng.integers(3)]
        if quality == "not_a_page":
            shot = photo.negative(rng, w, h, colour=True)
        else:
            kind, page = sheet.make(rng, 1.4, ["worksheet", "worksheet", "worksheet", "form", "answer-sheet", "notes"])
            if page.w > page.h:
                w, h = h, w
            shot = photo.take(rng, page, kind, w, h, quality, "photo" if quality != "ok" or rng.random() < 0.85 else "scan",
                              colour=True, truth=False)
        name, level = f"{i:04}.jpg", 82
        while True:  # noise is dear in JPEG: keep each below 250 KB
            data = io.BytesIO()
            Image.fromarray(shot.pixels).save(data, "JPEG", quality=level, optimize=True)
            if data.tell() < args.most * 1000 or level < 30:
                break
            level -= 8
        (args.out / name).write_bytes(data.getvalue())
        done = "" if shot.completion is None or quality != "ok" else f"{shot.completion:.4f}"
        rows.append([name, quality, done, shot.kind, shot.medium])
    with open(args.out / "truth.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([["file", "quality", "completion", "kind", "medium"], *rows])


def fitted(rng, page):
    """A size for the photo of this page that fills the model's input: (w, h)."""
    if page.w > page.h:
        return 480, 8 * int(rng.uniform(320, 400) // 8)
    return (480, 640) if rng.random() < 0.6 else (8 * int(rng.uniform(400, 480) // 8), 640)


def data(args):
    """`crops`: 256 px squares at several scales. `whole`: letterboxed photos as the model gets them."""
    crops, planes, whole, labels, wplanes = [], [], [], [], []
    start = time.time()
    for i in range(args.pages):
        rng = np.random.default_rng([args.seed, 1, i])
        if rng.random() < 0.12:
            shots = [photo.negative(rng, 480, 640)]
            shots += [] if args.whole else [photo.negative(rng, 320, 320)]
            whole_shot = shots[0]
        else:
            kind, page = sheet.make(rng)
            w, h = fitted(rng, page)
            quality = rng.choice(["ok", "blurred", "dark", "cropped"], p=[0.64, 0.12, 0.12, 0.12])
            whole_shot = photo.take(rng, page, kind, w, h, quality)
            shots = []
            for _ in range(0 if args.whole else 2):
                k = float(np.exp(rng.uniform(np.log(0.75), np.log(1.7))))
                shots.append(photo.take(rng, page, kind, 8 * int(w * k // 8), 8 * int(max(h, 344) * k // 8),
                                        rng.choice(["ok", "blurred", "dark", "cropped"], p=[0.85, 0.03, 0.04, 0.08])))
            shots.append(whole_shot)
        for s in shots:
            h, w = s.pixels.shape[:2]
            if args.whole or min(h, w) < 256:
                continue
            for _ in range(max(1, round(h * w / 120000))):
                y, x = 8 * rng.integers(0, (h - 256) // 8 + 1), 8 * rng.integers(0, (w - 256) // 8 + 1)
                crops.append(s.pixels[y:y + 256, x:x + 256, 0])
                planes.append(s.truth[:, y // 8:y // 8 + 32, x // 8:x // 8 + 32])
        full = np.full((640, 480), 128, np.uint8)
        h, w = whole_shot.pixels.shape[:2]
        full[:h, :w] = whole_shot.pixels[..., 0]
        whole.append(full)
        done = -1.0 if whole_shot.completion is None else whole_shot.completion
        kinds = [*sheet.KINDS, "none"]
        labels.append([["ok", *BAD].index(whole_shot.quality), done, kinds.index(whole_shot.kind)])
    keep = {"whole": np.stack(whole), "labels": np.array(labels, np.float32)}
    if crops:
        keep |= {"crops": np.stack(crops), "planes": np.stack(planes)}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(args.out, **keep)
    print(f"{args.out.name}: {args.pages} pages, {len(crops)} crops in {time.time() - start:.0f} s")


def main():
    parser = argparse.ArgumentParser(prog="synth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    d = commands.add_parser("demo")
    d.add_argument("--count", type=int, default=60)
    d.add_argument("--most", type=int, default=240, help="kilobytes a photo at most")
    d.set_defaults(run=demo)
    t = commands.add_parser("data")
    t.add_argument("--pages", type=int, default=1500)
    t.add_argument("--whole", action="store_true", help="whole photos only")
    t.set_defaults(run=data)
    for c in (d, t):
        c.add_argument("--out", type=pathlib.Path, required=True)
        c.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    args.run(args)


main()
