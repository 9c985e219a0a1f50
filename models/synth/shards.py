"""Pages kept in shards: a zip each, written whole or not at all, so that a broken-off run goes on where it was.

In a shard: `index.jsonl`, one line a photo (see `record`); `ID.jpg`, the photo, as lossy as a phone leaves it; `ID.truth`, its
planes as `photo.PLANES` says, uint8, 7 x h/CELL x w/CELL. A photo's seed is (seed, shard, number): nothing depends on who drew it.
"""
import json
import os
import zipfile

import cv2
import numpy as np

from . import fill, photo, refill
from .kinds import make
from .shelf import shelf

BAD = ("blurred", "dark", "cropped", "not_a_page")


def cells(length):
    """A length in pixels that whole cells make."""
    return int(round(length / photo.CELL)) * photo.CELL


def fitted(rng, page, k, turn):
    """A size for the photo of this page, its longer side about k times the model's: (w, h)."""
    upright = (page.w <= page.h) == (turn % 2 == 0)
    side = cells(photo.SIDE * k)
    short = cells(side * (0.75 if rng.random() < 0.6 else rng.uniform(0.62, 0.8)))
    return (short, side) if upright else (side, short)


def size_of(rng, whole):
    """How large: 1 is a page as the model gets it; crops are trained on at many scales."""
    return 1.0 if whole else float(np.exp(rng.uniform(np.log(0.6), np.log(1.25))))


def record(name, shot, k, pair=None):
    h, w = shot.pixels.shape[:2]
    return {"id": name, "w": w, "h": h, "scale": round(k, 3), "kind": shot.kind, "medium": shot.medium, "quality": shot.quality,
            "page": shot.quality != "not_a_page", "completion": None if shot.completion is None else round(shot.completion, 4),
            "pair": pair, "areas": shot.areas}


def draw(rng, name, split, layout, whole, pairs, bad, real=0.12, kinds=None, less=0, filled=False):
    """The photos of one number: [(record, Photo)], two where the page is there blank as well."""
    books, k = shelf(split), size_of(rng, whole)
    if filled:
        shot = refill.take(rng, books, k)
        return [(record(name, shot, k), shot)]
    u, real = rng.random(), real if books.scenes and books.pages else 0.0
    if u < real:
        shot = photo.real(rng, books, k, whole, page=u < 0.4 * real)
        return [(record(name, shot, k), shot)]
    if u - real < (0.2 if whole else 0.13):
        side, short = cells(photo.SIDE * k), cells(photo.SIDE * k * 0.75)
        w, h = (short, side) if rng.random() < 0.5 else (side, short)
        shot = photo.negative(rng, books, w, h)
        return [(record(name, shot, k), shot)]
    kind, page = make(rng, books, layout=layout, kinds=kinds)
    quality = str(rng.choice(["ok", "blurred", "dark", "cropped"], p=[1 - bad, bad * 0.3, bad * 0.3, bad * 0.4]))
    turn = photo.turned(rng)
    share = written(rng, page.untouched) if less else None
    shot = photo.take(rng, fill.fill(rng, page, share), kind, *fitted(rng, page, k, turn), quality, turn=turn, less=less)
    out = [(record(name, shot, k, name + "-blank" if (pair := rng.random() < pairs and page.answers) else None), shot)]
    out += [(record(f"{name}-less{i}", other, k), other) for i, other in enumerate(shot.less)]
    if pair:
        medium = str(rng.choice(["digital", "scan", "photo"], p=[0.35, 0.4, 0.25]))
        clean = photo.take(rng, fill.fill(rng, page, 0.0, tidy=True), kind, *fitted(rng, page, k, 0), "ok", medium, turn=0)
        out.append((record(name + "-blank", clean, k), clean))
    return out


def written(rng, untouched):
    """How much of a page is written that is kept twice more with some of it left out, so that of all three photos as many are blank as
    were to be; of a blank page there is but one, and of the others every seventh copy is blank (`photo.left_out`)."""
    blank = (3 * untouched - 0.3) / (0.7 + 2 * untouched)
    u = rng.random()
    return 0.0 if u < blank else 1.0 if u < 0.4 * blank + 0.6 else rng.random()


def write(job):
    """One shard, unless it is there; how many photos it holds."""
    path, number, per, seed, options = job
    cv2.setNumThreads(1)
    if path.exists():
        return 0
    temporary, index = path.with_suffix(f".{os.getpid()}.tmp"), []
    with zipfile.ZipFile(temporary, "w") as out:
        for i in range(per):
            rng = np.random.default_rng([seed, number, i])
            for line, shot in draw(rng, f"{number:05}-{i:03}", **options):
                jpeg = cv2.imencode(".jpg", shot.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, shot.jpeg])[1]
                out.writestr(line["id"] + ".jpg", jpeg.tobytes(), zipfile.ZIP_STORED)
                out.writestr(line["id"] + ".truth", shot.truth.tobytes(), zipfile.ZIP_DEFLATED, 6)
                index.append(line)
        out.writestr("index.jsonl", "\n".join(json.dumps(i, separators=(",", ":")) for i in index), zipfile.ZIP_DEFLATED)
    temporary.replace(path)
    return len(index)


class Shards:
    """Reads a folder of shards."""

    def __init__(self, folder):
        self.lines, self._open = [], {}
        for path in sorted(folder.glob("*.zip")):
            with zipfile.ZipFile(path) as z:
                self.lines += [(path, json.loads(line)) for line in z.read("index.jsonl").decode().splitlines()]
        if not self.lines:
            raise SystemExit(f"{folder} holds no shards: run `make -C models data`")

    def __len__(self):
        return len(self.lines)

    def bytes(self, path, name):
        if path not in self._open:
            self._open[path] = zipfile.ZipFile(path)
        return self._open[path].read(name)

    def load(self, i, truth=True):
        """(record, RGB pixels, planes)"""
        path, line = self.lines[i]
        data = np.frombuffer(self.bytes(path, line["id"] + ".jpg"), np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
        planes = None
        if truth:
            planes = np.frombuffer(self.bytes(path, line["id"] + ".truth"), np.uint8).reshape(7, line["h"] // photo.CELL, line["w"] // photo.CELL)
        return line, pixels, planes
