"""Photos of sheets: camera, scanner or screen; with the truth carried through the lens.

`take` gives a Photo whose `truth` lies at 1/8 of its pixels, six planes: page, empty, filled, unsure (each a share of the
cell, 0..1), ink (a share), log density (of the answers in the cell, log of 1/cells, 0 where there is none).
"""
import dataclasses

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import scenery, sheet

CELL, SUB = 8, 4  # the truth is sampled SUB x SUB times a cell


@dataclasses.dataclass
class Photo:
    pixels: np.ndarray  # H x W x C, uint8
    truth: np.ndarray | None  # 6 x H/8 x W/8, float16
    quality: str
    completion: float | None
    kind: str
    medium: str


def homography(src, dst):
    """The 8 numbers PIL's PERSPECTIVE wants: they take a point of the photo (dst) to one of the sheet (src)."""
    rows, right = [], []
    for (u, v), (x, y) in zip(src, dst):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        right += [u, v]
    return np.linalg.solve(np.array(rows, float), np.array(right, float))


def place(rng, quality, medium, pw, ph, w, h):
    """Where the sheet's corners land in the photo, in pixels."""
    if medium == "scan":
        tilt, fill = np.deg2rad(rng.normal(0, 0.8)), rng.uniform(0.97, 1.02)
    elif medium == "digital":
        tilt, fill = 0.0, 1.0
    else:
        tilt, fill = np.deg2rad(rng.normal(0, 5)), rng.uniform(0.72, 1.0)
    k = fill * min(w / pw, h / ph) if medium == "photo" else 1.0
    half = np.array([pw, ph]) * k / 2 if medium == "photo" else np.array([w, h]) * fill / 2
    pts = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
    if medium == "photo":
        pts = pts * (1 + rng.normal(0, 0.03, (4, 1))) + rng.normal(0, 0.012, (4, 2)) * half
    c, s = np.cos(tilt), np.sin(tilt)
    pts = pts @ np.array([[c, s], [-s, c]]) + np.array([w, h]) / 2
    if quality == "cropped":  # a quarter to a half of the page is out of sight
        side, cut = rng.integers(4), rng.uniform(0.25, 0.5)
        axis, sign = side % 2, 1 if side < 2 else -1
        span = np.ptp(pts[:, axis])
        edge = pts[:, axis].min() if sign > 0 else pts[:, axis].max()
        border = 0 if sign > 0 else (w, h)[axis]
        pts[:, axis] += (border - sign * cut * span) - edge
        if rng.random() < 0.6:  # usually nearer, so that the photo is full of page
            pts = (pts - [w / 2, h / 2]) * rng.uniform(1.0, 1.35) + [w / 2, h / 2]
    elif medium == "photo":  # the page stays in the photo
        for axis, size in ((0, w), (1, h)):
            slack = size - np.ptp(pts[:, axis])
            low = -pts[:, axis].min()
            pts[:, axis] += low + (rng.uniform(0, 1) * slack if slack > 0 else slack / 2)
    return pts


def light(rng, out, quality, medium):
    """Shadows, uneven and too little light, noise, the lens: in place of a camera."""
    h, w = out.shape[:2]
    if medium == "photo":
        gy, gx = np.mgrid[0:h, 0:w].astype(np.float32) / max(h, w)
        slope = rng.normal(0, 0.25, 2)
        lamp = 1 + slope[0] * (gy - 0.5) + slope[1] * (gx - 0.5) + rng.uniform(0, 0.2) * (scenery.clouds(rng, h, w, 0.3) - 0.5)
        if rng.random() < 0.4:
            mask = Image.new("L", (w // 4, h // 4), 255)
            pts = [(float(rng.uniform(-0.3, 1.3)) * w / 4, float(rng.uniform(-0.3, 1.3)) * h / 4) for _ in range(rng.integers(3, 7))]
            ImageDraw.Draw(mask).polygon(pts, fill=int(255 * rng.uniform(0.45, 0.85)))
            mask = mask.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 12)))).resize((w, h), Image.BILINEAR)
            lamp = lamp * (np.asarray(mask, np.float32) / 255)
        out = out * lamp[..., None] * rng.uniform(0.72, 1.12)
        if out.shape[2] == 3:
            out = out * (1 + rng.normal(0, 0.018, 3))
    elif medium == "scan" and rng.random() < 0.3:
        out = 255 * np.clip((out - rng.uniform(90, 150)) / rng.uniform(20, 110), 0, 1)
    if quality == "dark":
        out = out * rng.uniform(0.07, 0.26) + rng.uniform(0, 8)
    if quality == "blurred":
        # Against a width of 480: a sigma of 2.2 px and more, where body text cannot be read.
        k = max(h / 640, w / 480)
        im = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8).squeeze())
        if rng.random() < 0.6:
            im = im.filter(ImageFilter.GaussianBlur(float(rng.uniform(2.2, 5.0) * k)))
            out = np.asarray(im, np.float32).reshape(out.shape)
        else:  # moved
            n, angle = int(rng.uniform(9, 22) * k), rng.uniform(0, np.pi)
            a, total = np.asarray(im, np.float32).reshape(out.shape), 0
            for t in np.linspace(-n / 2, n / 2, n):
                total = total + np.roll(a, (int(t * np.sin(angle)), int(t * np.cos(angle))), (0, 1))
            out = total / n
    elif rng.random() < 0.4 and medium != "digital":
        k = max(h / 640, w / 480)
        im = Image.fromarray(np.clip(out, 0, 255).astype(np.uint8).squeeze())
        out = np.asarray(im.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.75) * k))), np.float32).reshape(out.shape)
    if medium != "digital":
        grain = rng.uniform(0, 7) if quality != "dark" else rng.uniform(1, 7)
        out = out + rng.normal(0, grain, out.shape[:2] + (1,)).astype(np.float32)
    return np.clip(out, 0, 255).astype(np.uint8)


def take(rng, page, kind, w, h, quality="ok", medium=None, colour=False, truth=True):
    """Photographs a finished sheet at w x h pixels (multiples of 8 where the truth is wanted)."""
    if medium is None:
        medium = rng.choice(["photo", "scan", "digital"], p=[0.58, 0.32, 0.1])
        if quality != "ok":
            medium = "photo" if rng.random() < 0.85 else "scan"
    pts = place(rng, quality, medium, page.w, page.h, w, h)
    flat = page.image if colour else page.image.convert("L")
    ink = page.ink
    # Reduce first: a perspective's bilinear looks at four pixels only.
    wide = np.linalg.norm(pts[1] - pts[0])
    k = min(1.0, max(wide * 1.15, 64) / flat.width)
    if k < 1:
        size = (int(flat.width * k), int(flat.height * k))
        flat, ink = flat.resize(size, Image.BILINEAR), ink.resize(size, Image.BILINEAR)
    corners = lambda im: [(0, 0), (im.width, 0), (im.width, im.height), (0, im.height)]
    warp = lambda im, dst, size, how: im.transform(size, Image.PERSPECTIVE, homography(corners(im), dst), how)
    shot = np.asarray(warp(flat, pts, (w, h), Image.BICUBIC), np.float32).reshape(h, w, -1)
    white = Image.new("L", flat.size, 255)
    mask = np.asarray(warp(white, pts, (w, h), Image.BILINEAR), np.float32)[..., None] / 255
    if medium == "photo":
        back = scenery.surface(rng, h, w)
        if rng.random() < 0.35:
            back = scenery.shapes(rng, back, rng.integers(1, 6))
        if rng.random() < 0.12:  # lies on other pages
            back = back * 0 + rng.uniform(200, 250)
    else:
        back = np.full((h, w, 3), 255.0 if rng.random() < 0.8 else 20.0)
    back = back if colour else back.mean(2, keepdims=True)
    out = light(rng, back * (1 - mask) + shot * mask, quality, medium)
    planes = None
    if truth:
        gh, gw = h // CELL, w // CELL
        sub = (gw * SUB, gh * SUB)
        small = pts * SUB / CELL
        area = np.asarray(warp(page.area, small, sub, Image.NEAREST))
        items = np.asarray(warp(page.items, small, sub, Image.NEAREST)).astype(np.int64)
        cells = np.bincount(items.ravel(), minlength=len(page.answers) + 1) / SUB**2
        dens = np.where(items > 0, 1 / np.maximum(cells[items], 1 / SUB**2), 0.0)
        pool = lambda a: a.reshape(gh, SUB, gw, SUB).mean((1, 3))
        share = [pool((area == v).astype(np.float32)) for v in (sheet.EMPTY, sheet.FILLED, sheet.UNSURE)]
        counted = share[0] + share[1]
        logd = np.where(counted > 0, np.log(np.maximum(pool(dens * (area < 3)), 1e-4) / np.maximum(counted, 1e-4) + 1e-9), 0.0)
        inked = np.asarray(warp(ink, pts, (w, h), Image.BILINEAR), np.float32) / 255
        inked = inked.reshape(gh, CELL, gw, CELL).max((1, 3))
        paged = mask[..., 0].reshape(gh, CELL, gw, CELL).mean((1, 3))
        planes = np.stack([paged, *share, inked, np.clip(logd, -9, 3)]).astype(np.float16)
    return Photo(out, planes, quality, page.completion, kind, str(medium))


def negative(rng, w, h, colour=False):
    """A photo of anything but a page."""
    back = scenery.make(rng, h, w)
    medium = "photo" if rng.random() < 0.8 else "digital"
    out = light(rng, back if colour else back.mean(2, keepdims=True), "ok", medium)
    return Photo(out, np.zeros((6, h // CELL, w // CELL), np.float16), "not_a_page", None, "none", medium)
