"""Figures of worksheets and exams, which ask nothing: diagrams in thin lines with letters at them, and photographs in print."""
import cv2
import numpy as np
from PIL import Image, ImageChops, ImageOps

from .shelf import number, pick

SHOWN = ("photo", "outdoors", "room", "things", "plan")  # what books have photographs of


def figure(p, x, y, w, h):
    """A photograph where `real.py` gathered some, or a diagram."""
    scenes = [kind for kind in SHOWN if kind in p.shelf.scenes]
    if scenes and p.rng.random() < 0.4:
        return photograph(p, x, y, w, h, pick(p.rng, p.shelf.scenes[pick(p.rng, scenes)]))
    pick(p.rng, [geometry, geometry, plotted, apparatus, circuit])(p, x, y, w, h)


def photograph(p, x, y, w, h, of):
    """As a copier leaves it: grey most of the time, hard or faint, in dots now and then."""
    rng, s = p.rng, p.scale
    with Image.open(p.shelf.home / "pictures" / of["file"]) as image:
        image = image.convert("RGB" if rng.random() < 0.35 else "L")
    wide, high = max(8, int(w * s)), max(8, int(h * s))
    share = rng.uniform(0.3, 1)
    cw, ch = max(8, int(image.width * share)), max(8, int(image.height * share))
    left, top = int(rng.integers(image.width - cw + 1)), int(rng.integers(image.height - ch + 1))
    image = ImageOps.contain(image.crop((left, top, left + cw, top + ch)), (wide, high))
    pixels = np.asarray(image, np.float32)
    pixels = 255 * np.clip((pixels / 255 - 0.5) * rng.uniform(0.6, 2.2) + rng.uniform(0.4, 0.75), 0, 1)
    if pixels.ndim == 2 and rng.random() < 0.3:
        step = rng.uniform(2.5, 5)
        v, u = np.mgrid[:pixels.shape[0], :pixels.shape[1]]
        pixels = np.where(pixels > 128 + 120 * np.sin((u + v) * np.pi / step) * np.sin((u - v) * np.pi / step), 255, 30).astype(np.float32)
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.7)
    left, top = int((x + w / 2) * s - image.width / 2), int((y + h / 2) * s - image.height / 2)
    under = p.image.crop((left, top, left + image.width, top + image.height))
    p.image.paste(ImageChops.multiply(under, Image.fromarray(pixels.astype(np.uint8)).convert("RGB")), (left, top))


class Inset:
    """Draws within a box, by shares of its width and height."""

    def __init__(self, p, x, y, w, h):
        self.p, self.rng, self.box = p, p.rng, (x, y, w, h)
        self.thick, self.size = p.rng.uniform(0.8, 2.2), p.rng.uniform(0.55, 1.0) * p.body
        self.side = min(w, h)

    def at(self, u, v):
        x, y, w, h = self.box
        return x + u * w, y + v * h

    def line(self, a, b, dotted=False):
        self.p.line(*self.at(*a), *self.at(*b), self.thick, self.p.black, dotted)

    def arrow(self, a, b):
        self.line(a, b)
        (x0, y0), (x1, y1) = self.at(*a), self.at(*b)
        way, long, s = np.arctan2(y1 - y0, x1 - x0), max(4, 3 * self.thick), self.p.scale
        tips = [(x1 - long * np.cos(way + d), y1 - long * np.sin(way + d)) for d in (-0.4, 0.4)]
        self.p.draw.polygon([(u * s, v * s) for u, v in [(x1, y1), *tips]], fill=self.p.black)

    def round(self, c, r, inside=None):
        self.p.circle(*self.at(*c), r * self.side, self.thick, self.p.black, inside)

    def arc(self, c, r, start, end):
        (x, y), s, r = self.at(*c), self.p.scale, r * self.side
        self.p.draw.arc([(x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s], start, end, fill=self.p.black, width=max(1, int(self.thick * s)))

    def name(self, c, words=None, anchor="mm"):
        x, y = self.at(*c)
        self.p.print(x, y, words or pick(self.rng, "ABCDEFOPQabcxyhrFGRmknt"), self.size, anchor=anchor)

    def hatched(self, a, b, n=14):
        """Ground, a wall: a line with short strokes on one side."""
        self.line(a, b)
        for i in range(n):
            u, v = a[0] + (b[0] - a[0]) * i / n, a[1] + (b[1] - a[1]) * i / n
            self.line((u, v), (u - 0.03, v + 0.05))


def geometry(p, x, y, w, h):
    """Points joined by lines, some broken; a circle; angles, letters, lengths."""
    pen, rng = Inset(p, x, y, w, h), p.rng
    n = int(rng.integers(3, 6))
    turns = (np.arange(n) + rng.uniform(0, 0.75, n)) * 2 * np.pi / n
    dots = [(0.5 + 0.4 * rng.uniform(0.6, 1) * np.cos(t), 0.5 + 0.4 * rng.uniform(0.6, 1) * np.sin(t)) for t in turns]
    for a, b in zip(dots, dots[1:] + dots[:1]):
        pen.line(a, b)
        if rng.random() < 0.25:
            pen.name(((a[0] + b[0]) / 2 + 0.04, (a[1] + b[1]) / 2 - 0.04), number(rng, 1) + pick(rng, ["", " cm", "°"]))
    for _ in range(int(rng.integers(0, 4))):
        a, b = pick(rng, dots), pick(rng, dots)
        pen.line(a, ((b[0] + dots[0][0]) / 2, (b[1] + dots[0][1]) / 2), rng.random() < 0.6)
    if rng.random() < 0.35:
        pen.round((0.5, 0.5), rng.uniform(0.2, 0.45))
    for i, (u, v) in enumerate(dots):
        pen.name((0.5 + (u - 0.5) * 1.18, 0.5 + (v - 0.5) * 1.18), "ABCDEF"[i])
        if rng.random() < 0.4:
            start = rng.uniform(0, 360)
            pen.arc((u, v), rng.uniform(0.05, 0.12), start, start + rng.uniform(20, 120))


def plotted(p, x, y, w, h):
    """Axes with a curve or two."""
    pen, rng = Inset(p, x, y, w, h), p.rng
    at, foot = rng.uniform(0.08, 0.5), rng.uniform(0.5, 0.9)
    if rng.random() < 0.3:
        p.grid(x, y, w, h, int(rng.integers(4, 12)), int(rng.integers(4, 12)), 0.8)
    pen.arrow((0.02, foot), (0.98, foot))
    pen.arrow((at, 0.98), (at, 0.04))
    pen.name((0.97, foot + 0.08), pick(rng, "xt")), pen.name((at + 0.06, 0.06), pick(rng, "yvs"))
    pen.name((at - 0.05, foot + 0.07), pick(rng, "0O"))
    for i in range(int(rng.integers(0, 7))):
        u = at + (0.94 - at) * (i + 1) / 7
        pen.line((u, foot - 0.015), (u, foot + 0.015))
        if rng.random() < 0.6:
            pen.name((u, foot + 0.07), str(i + 1))
    for _ in range(int(rng.integers(1, 4))):
        u = np.linspace(0.05, 0.92, 24)
        bend, slope, wave = rng.normal(0, 2), rng.normal(0, 0.8), rng.normal(0, 0.15)
        v = rng.uniform(0.2, 0.8) + slope * (u - 0.5) + bend * (u - rng.uniform(0.2, 0.8)) ** 2 + wave * np.sin(u * 12)
        run = [(a, b) for a, b in zip(u, v) if 0.04 < b < 0.96]
        for a, b in zip(run, run[1:]):
            pen.line(a, b)


def apparatus(p, x, y, w, h):
    """Bodies on ground or from a ceiling, springs, pulleys, vessels, forces."""
    pen, rng = Inset(p, x, y, w, h), p.rng
    low = rng.random() < 0.7
    base = rng.uniform(0.75, 0.9) if low else rng.uniform(0.08, 0.2)
    pen.hatched((0.05, base), (0.95, base))
    for u in np.arange(0.15, 0.9, rng.uniform(0.2, 0.35)):
        long, away = rng.uniform(0.15, 0.4), -1 if low else 1
        v, kind = base + away * long, rng.random()
        if kind < 0.3:
            n = int(rng.integers(5, 12))
            zigzag = [(u + 0.03 * (-1) ** i, base + away * long * i / n) for i in range(n + 1)]
            for a, b in zip(zigzag, zigzag[1:]):
                pen.line(a, b)
        elif kind < 0.6:
            pen.line((u, base), (u, v))
        if kind < 0.75:
            if rng.random() < 0.5:
                pen.round((u, v), rng.uniform(0.04, 0.1), pick(rng, [None, (220, 220, 220), p.black]))
            else:
                a, b = pen.at(u - 0.06, v - 0.05)
                p.box(a, b, 0.12 * w, 0.1 * h, pen.thick, p.black, inside=pick(rng, [None, None, (205, 205, 205)]))
        else:  # a vessel, with something in it
            for a, b in (((u, base), (u, v)), ((u + 0.12, base), (u + 0.12, v)), ((u, base), (u + 0.12, base))):
                pen.line(a, b)
            full = base + (v - base) * rng.uniform(0.3, 0.9)
            for i in range(4):
                pen.line((u, full + (base - full) * i / 4), (u + 0.12, full + (base - full) * i / 4), i > 0)
        if rng.random() < 0.5:
            pen.arrow((u, v), (u + rng.uniform(-0.15, 0.15), v + rng.uniform(-0.25, 0.25)))
        if rng.random() < 0.5:
            pen.name((u + 0.09, v))


def circuit(p, x, y, w, h):
    """A loop, or two, of wires with parts on them."""
    pen, rng = Inset(p, x, y, w, h), p.rng
    left, right, top, foot = 0.1, 0.9, rng.uniform(0.1, 0.25), rng.uniform(0.75, 0.9)
    wires = [((left, top), (right, top)), ((left, foot), (right, foot)), ((left, top), (left, foot)), ((right, top), (right, foot))]
    if rng.random() < 0.5:
        u = rng.uniform(0.35, 0.65)
        wires.append(((u, top), (u, foot)))
    for a, b in wires:
        pen.line(a, b)
        for k in ([0.3, 0.7] if rng.random() < 0.4 else [0.5]):
            c = a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k
            kind, r, (cx, cy) = rng.random(), 0.07 * pen.side, pen.at(*c)
            if kind < 0.3:
                p.box(cx - 1.4 * r, cy - 0.6 * r, 2.8 * r, 1.2 * r, pen.thick, p.black, inside=p.paper)
            elif kind < 0.65:
                pen.round(c, 0.07, p.paper)
                if rng.random() < 0.5:
                    pen.name(c, pick(rng, "AVMG"))
                else:
                    for d in (-1, 1):
                        p.line(cx - 0.7 * r, cy - 0.7 * d * r, cx + 0.7 * r, cy + 0.7 * d * r, pen.thick, p.black)
            elif kind < 0.8:
                p.line(cx, cy, cx + 1.4 * r, cy - 1.2 * r, pen.thick, p.black)
            if rng.random() < 0.6:
                pen.name((c[0], c[1] - 0.11), pick(rng, ["R", "R1", "R2", "S", "L", "U", "E", "12 V", "5 Ω"]))
