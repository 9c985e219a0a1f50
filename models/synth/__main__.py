"""python -m synth data --out DIR --pages N --seed S    shards of pages to train on or to judge by; goes on where it was
   python -m synth demo --out DIR --count N --seed S    JPEGs of about 1000 x 1400, with truth.csv
   python -m synth look --out PNG --seed S              a sheet of photos to look at (--truth: with the truth over them)

The demo's truth.csv: file, quality, completion (0..1, empty where the page asks nothing or is not fit to read), kind, medium, page
(yes, no), unusable (none, or the quality that makes it so).
"""
import argparse
import csv
import multiprocessing
import pathlib
import time

import cv2
import numpy as np

from . import fill, kinds, photo, shards
from .shelf import shelf


def data(args):
    if args.filled and not shelf(args.split).filled:
        return print("no photos of pages that somebody wrote on, as `make -C models real` gathers them: none are drawn")
    args.out.mkdir(parents=True, exist_ok=True)
    options = {k: getattr(args, k) for k in ("split", "layout", "whole", "pairs", "bad", "real", "kinds", "less", "filled")}
    k, n = (int(v) for v in args.part.split("/"))
    jobs = [(args.out / f"{args.prefix}{i:05}.zip", i, args.per, args.seed, options) for i in range(-(-args.pages // args.per)) if i % n == k]
    start, done = time.time(), 0
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for i, count in enumerate(pool.imap_unordered(shards.write, jobs), 1):
            done += count
            spent = time.time() - start
            print(f"{i}/{len(jobs)} shards, {done} photos new, {1000 * spent * args.workers / max(1, done):.0f} ms a photo and worker", flush=True)


def demo(args):
    args.out.mkdir(parents=True, exist_ok=True)
    rows, books = [], shelf("train")
    books.scenes, books.hands = {}, []  # the same photos whether `real.py` has been or not
    for i in range(args.count):
        rng = np.random.default_rng([args.seed, i])
        # Every sixth photo is bad, in turn; the rest are good and spread over blank, partial and full.
        quality = shards.BAD[(i // 6) % 4] if i % 6 == 5 else "ok"
        w, h = [(1000, 1400), (1040, 1384), (960, 1280)][rng.integers(3)]
        if quality == "not_a_page":
            shot = photo.negative(rng, books, w, h)
        else:
            kind, page = kinds.make(rng, books, 1.4, kinds=["worksheet", "drill", "form", "answer-sheet", "notes", "exam"])
            medium = "photo" if quality != "ok" or rng.random() < 0.85 else "scan"
            shot = photo.take(rng, fill.fill(rng, page), kind, *((h, w) if page.w > page.h else (w, h)), quality, medium, turn=0)
        name, level = f"{i:04}.jpg", 82
        while True:  # noise is dear in JPEG: keep each below --most
            jpeg = cv2.imencode(".jpg", shot.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, level, cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1]
            if len(jpeg) < args.most * 1000 or level < 30:
                break
            level -= 8
        (args.out / name).write_bytes(jpeg.tobytes())
        done = "" if shot.completion is None or quality != "ok" else f"{shot.completion:.4f}"
        rows.append([name, quality, done, shot.kind, shot.medium, "no" if quality == "not_a_page" else "yes",
                     "none" if quality in ("ok", "not_a_page") else quality])
    with open(args.out / "truth.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([["file", "quality", "completion", "kind", "medium", "page", "unusable"], *rows])


def look(args):
    """A contact sheet; with the truth: red empty, green filled, blue struck out, grey unsure."""
    tiles = []
    for i in range(args.count):
        rng = np.random.default_rng([args.seed, 0, i])
        for line, shot in shards.draw(rng, str(i), args.split, args.layout, True, 0.0, 0.05):
            im = shot.pixels.astype(np.float32)
            if args.truth:
                t = np.repeat(np.repeat(shot.truth.astype(np.float32) / 255, photo.CELL, 1), photo.CELL, 2)
                for plane, colour in ((1, (255, 0, 0)), (2, (0, 190, 0)), (3, (0, 0, 255)), (4, (120, 120, 120))):
                    im += (np.float32(colour) - im) * 0.4 * t[plane][..., None]
            im = cv2.copyMakeBorder(im.astype(np.uint8), 0, photo.SIDE - im.shape[0], 0, photo.SIDE - im.shape[1], cv2.BORDER_CONSTANT, value=(90, 90, 90))
            cv2.putText(im, f"{i} {shot.kind} {shot.medium} {shot.quality} {line['completion']}", (4, 14), 0, 0.5, (230, 0, 0), 1)
            tiles.append(im)
    rows = [np.concatenate(tiles[i:i + 6], 1) for i in range(0, len(tiles) // 6 * 6, 6)]
    cv2.imwrite(str(args.out), np.concatenate(rows)[..., ::-1])


def main():
    parser = argparse.ArgumentParser(prog="synth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    t = commands.add_parser("data")
    t.add_argument("--pages", type=int, default=1000)
    t.add_argument("--per", type=int, default=250, help="pages a shard")
    t.add_argument("--workers", type=int, default=1)
    t.add_argument("--part", default="0/1", help="K/N: only every Nth shard, from the Kth, for several machines")
    t.add_argument("--prefix", default="", help="of the shards' names: pages drawn by several commands can lie in one folder")
    t.add_argument("--whole", action="store_true", help="pages as the model gets them, in place of many scales")
    t.add_argument("--pairs", type=float, default=0.1, help="share of pages that are there blank as well")
    t.add_argument("--kinds", nargs="+", choices=list(kinds.KINDS), help="pages of these kinds alone, for more of what was lacking")
    t.add_argument("--bad", type=float, default=0.15, help="share of pages blurred, dark or cropped")
    t.add_argument("--real", type=float, default=0.12, help="share of photos that somebody took, two fifths of them of pages, where `real.py` gathered some")
    t.add_argument("--less", type=int, default=0, help="how often each photo of a page is kept again with some of its answers not written, all else the same")
    t.add_argument("--filled", action="store_true", help="photos that somebody took of pages that somebody wrote on, alone")
    t.set_defaults(run=data)
    d = commands.add_parser("demo")
    d.add_argument("--count", type=int, default=60)
    d.add_argument("--most", type=int, default=240, help="kilobytes a photo at most")
    d.set_defaults(run=demo)
    v = commands.add_parser("look")
    v.add_argument("--count", type=int, default=18)
    v.add_argument("--truth", action="store_true")
    v.set_defaults(run=look)
    for c in (t, d, v):
        c.add_argument("--out", type=pathlib.Path, required=True)
        c.add_argument("--seed", type=int, default=1)
        c.add_argument("--split", choices=["train", "held"], default="train", help="whose fonts and digits")
        c.add_argument("--layout", choices=["train", "held"], default="train", help="held: half of the pages of tasks never trained on")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
