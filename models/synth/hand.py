"""Handwriting: fonts, a plotter's letters bent to a hand, pen strokes of characters, digits and words people wrote. Drawn into ink.

An ink layer is a uint8 array as large as the sheet; lengths are in the sheet's units (a page is 1000 wide).
"""
import cv2
import numpy as np
from PIL import Image, ImageDraw

from handwriting import TALL

from .shelf import number, pick, text, words_of

SHIFT = 4  # sub-pixel bits of cv2's coordinates


def lines(ink, strokes, width, closed=False):
    """Draws polylines (N x 2, pixels) with soft edges; a width below one pixel is drawn lighter."""
    value = 255 if width >= 1 else int(255 * max(0.35, width))
    pts = [np.round(np.asarray(s, np.float32) * (1 << SHIFT)).astype(np.int32).reshape(-1, 1, 2) for s in strokes if len(s) > 1]
    cv2.polylines(ink, pts, closed, value, max(1, int(round(width))), cv2.LINE_AA, SHIFT)


def smooth(points, n=5):
    """A polyline rounded off: its corners cut (Chaikin), as a pen does."""
    p = np.asarray(points, np.float32)
    for _ in range(2 if len(p) < 20 else 1):
        if len(p) < 3:
            break
        q = np.empty((2 * len(p) - 2, 2), np.float32)
        q[0::2], q[1::2] = 0.75 * p[:-1] + 0.25 * p[1:], 0.25 * p[:-1] + 0.75 * p[1:]
        q[0], q[-1] = p[0], p[-1]
        p = q
    return p


class Hand:
    """One writer: a tool, a colour, a size, a slant; the same for a whole page."""

    def __init__(self, rng, shelf, han=False, typed=0.05):
        self.rng, self.shelf, self.han, self.layer = rng, shelf, han, None
        self.size = rng.uniform(17, 38)  # height of a capital letter
        self.messy = rng.uniform(0.02, 0.16)
        self.slant = rng.normal(0.08, 0.16)
        self.face = self.latin = None
        u = rng.random()
        self.typed = u < typed
        if self.typed:
            self.face = pick(rng, shelf.print_han if han else shelf.print)
            self.style = "font"
        elif han:
            self.style = "font" if rng.random() < 0.45 else "strokes"
            self.face, self.latin = pick(rng, shelf.hand_han)
            if self.style == "strokes":
                self.latin = pick(rng, shelf.hand)
        else:
            self.style = "font" if rng.random() < 0.62 else "hershey"
            self.face = pick(rng, shelf.hand)
            if shelf.hands and rng.random() < 0.5:  # what somebody wrote, where it does not matter what is written
                self.style, self.cuts = "cut", pick(rng, shelf.hands)
        self.plotter = shelf.hershey[pick(rng, sorted(shelf.hershey))]
        self.tiles = rng.random() < (0.7 if self.style == "cut" else 0.35)  # digits people wrote, in place of the font's
        self.characters = shelf.covered(self.face) if han and self.style == "font" else shelf.characters
        # A writer's own on top of what a font has; what judges is written as its font is.
        self.loose = shelf.split == "train" and self.style == "font" and not self.typed
        self.broad, self.sway = (rng.uniform(0.75, 1.3), rng.uniform(0, 0.12)) if self.loose else (1.0, 0.0)
        # One writer's threes are alike.
        self.own = [[pick(rng, tiles) for _ in range(3)] for tiles in shelf.digits] if shelf.split == "train" else shelf.digits
        self.tool(rng)

    def tool(self, rng):
        u = rng.random()
        if self.typed:
            self.name, self.colour, self.opacity, self.grain, self.width = "typed", pick(rng, [(0, 0, 0), (20, 20, 30), (20, 40, 160)]), 1.0, 0.0, 1.5
        elif u < 0.42:  # light to dark; the eraser's smear is left to the paper
            v = int(rng.integers(45, 120))
            self.name, self.colour, self.opacity, self.grain = "pencil", (v, v, v + int(rng.integers(0, 8))), rng.uniform(0.38, 0.92), rng.uniform(0.15, 0.55)
            self.width = rng.uniform(0.9, 2.4)
        elif u < 0.72:
            self.name, self.colour = "blue", (int(rng.integers(10, 70)), int(rng.integers(20, 90)), int(rng.integers(100, 200)))
            self.opacity, self.grain, self.width = rng.uniform(0.65, 1.0), rng.uniform(0, 0.2), rng.uniform(1.1, 2.6)
        elif u < 0.92:
            v = int(rng.integers(0, 55))
            self.name, self.colour, self.opacity, self.grain = "black", (v, v, v), rng.uniform(0.75, 1.0), rng.uniform(0, 0.15)
            self.width = rng.uniform(1.1, 3.4)
        else:
            self.name, self.colour = "colour", pick(rng, [(120, 30, 130), (20, 110, 60), (190, 90, 20), (30, 120, 170), (90, 60, 40)])
            self.opacity, self.grain, self.width = rng.uniform(0.6, 0.95), rng.uniform(0, 0.25), rng.uniform(1.4, 4.0)

    def bend(self, strokes, size):
        """Shakes strokes as a hand does: each a little off, with a slow wave along it."""
        rng, out = self.rng, []
        for s in strokes:
            p = np.asarray(s, np.float32)
            if len(p) == 2:
                p = np.linspace(p[0], p[1], 4, dtype=np.float32)
            wave = np.cumsum(rng.normal(0, self.messy * size * 0.14, p.shape), 0)
            p = p + (wave - wave.mean(0)) * 0.7 + rng.normal(0, self.messy * size * 0.22, (1, 2))
            out.append(smooth(p))
        return out

    def strokes_of(self, char, size):
        """(width, strokes) of a character of the pen-drawn kinds, at the origin of its base line; or None."""
        rng = self.rng
        if char in self.shelf.strokes:
            k = size * 1.25 * rng.uniform(0.9, 1.08)
            squeeze = rng.uniform(0.88, 1.1)
            raw = [np.asarray(s, np.float32) * [k * squeeze, k] - [0, k * 0.86] for s in self.shelf.strokes[char]]
            return k * squeeze * 1.03, self.bend(raw, size)
        if char in self.plotter:
            wide, raw = self.plotter[char]
            k = size * 1.05 * rng.uniform(0.88, 1.12)
            return (wide + 0.16) * k, self.bend([np.asarray(s, np.float32) * k for s in raw], size)
        return None

    def tile(self, words, px, limit):
        """A mask with the words on it, px tall, at most `limit` wide; and where its base line is."""
        rng = self.rng
        if self.tiles and not self.typed and words.isdigit():
            return self.digit_tile(words, px, limit)
        if self.style in ("font", "cut") or (self.style == "strokes" and not any(c in self.shelf.strokes for c in words)):
            latin = self.latin and not any(ord(c) > 0x2e80 for c in words)
            f = self.shelf.font(self.latin if latin else self.face, px * (1.2 if not self.han else 1.1))
            if self.style == "font" and self.han and not latin:
                words = "".join(c if ord(c) < 0x2e80 or c in self.characters else pick(rng, self.characters) for c in words)
            while len(words) > 1 and f.getlength(words) > limit:
                words = words[:-1]
            wide = int(min(limit, f.getlength(words))) + int(px * 0.6) + 4
            im = Image.new("L", (wide, int(px * 2.3) + 4))
            ImageDraw.Draw(im).text((2 + px * 0.1, px * 1.5), words, 255, font=f, anchor="ls")
            a = np.asarray(im)
            # The font's own weight is not the pen's.
            if self.name == "pencil" and rng.random() < 0.3:
                a = cv2.erode(a, np.ones((2, 1), np.uint8)) if px > 22 else a
            elif self.width > 2.6 and px > 16:
                a = cv2.dilate(a, np.ones((2, 2), np.uint8))
            return self.swayed(a, px, limit) if self.loose else a, px * 1.5
        at, out = px * 0.15, []
        for c in words:
            if c == " ":
                at += px * rng.uniform(0.35, 0.7)
                continue
            got = self.strokes_of(c, px)
            if got is None:
                continue
            if at + got[0] > limit and out:
                break
            lift = rng.normal(0, self.messy * px * 0.25)
            out += [s + np.float32([at, px * 1.5 + lift]) for s in got[1]]
            at += got[0] * rng.uniform(0.94, 1.1)
        a = np.zeros((int(px * 2.3) + 4, int(max(at, px)) + 6), np.uint8)
        for s in out:
            s[:, 0] -= (s[:, 1] - px * 1.5) * self.slant
        lines(a, out, self.pen)
        return a, px * 1.5

    def swayed(self, a, px, limit):
        """The same mask wider or narrower, and each of its letters a little off, taller or smaller."""
        rng, (h, w) = self.rng, a.shape
        wide = max(8, min(int(w * self.broad), int(limit + px * 0.6 + 4)))
        coarse = rng.normal(0, self.sway * px, (2, 4, max(3, int(wide / px))))
        dx, dy = (cv2.resize(c, (wide, h), interpolation=cv2.INTER_CUBIC) for c in coarse)
        x, y = np.meshgrid(np.linspace(0, w - 1, wide), np.arange(h))
        return cv2.remap(a, (x + dx).astype(np.float32), (y + dy).astype(np.float32), cv2.INTER_LINEAR, borderValue=0)

    def cut_tile(self, px, limit):
        """Words of a writer's page, as many as there is room for."""
        rng, sheet = self.rng, words_of(self.shelf.home / "hands" / self.cuts["file"])
        k, at, parts = px / TALL, px * 0.1, []
        while True:
            some = [pick(rng, self.cuts["words"]) for _ in range(4)]
            fits = [w for w in some if at + w[2] * k <= limit]
            if not fits and parts:
                break
            top, high, wide, base = fits[0] if fits else min(some, key=lambda w: w[2])
            size = (max(1, min(int(wide * k), int(limit))), max(1, int(high * k)))
            parts.append((at, base * k, cv2.resize(sheet[top:top + high, :wide], size, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)))
            at += size[0] + px * rng.uniform(0.25, 0.7)
        out = np.zeros((int(px * 2.8) + 4, int(at) + 4), np.uint8)
        for x, base, word in parts:
            stamp(out, word, int(x), int(round(px * 1.8 - base)))
        if self.width > 2.4 and px > 14:
            out = cv2.dilate(out, np.ones((2, 2), np.uint8))
        return out, px * 1.8

    def digit_tile(self, words, px, limit):
        rng, parts = self.rng, []
        k = max(4, int(px * 1.3))
        for c in words:
            t = pick(rng, self.own[int(c)])
            t = cv2.resize(t, (k, k), interpolation=cv2.INTER_AREA if k < 28 else cv2.INTER_LINEAR)
            lo, hi = int(k * 0.14), int(k * 0.86)
            parts.append(cv2.convertScaleAbs(t[:, lo:hi], alpha=1.3))
        a = np.concatenate(parts, 1)
        a = np.pad(a, ((int(px * 0.45), int(px * 0.6)), (2, 2)))
        return a[:, :max(8, int(limit))], px * 1.5

    def write(self, page, x, y, w, h, words=None, kind="text", middle=False, size=None):
        """Writes into the box, on a base line near its bottom; returns the width used."""
        rng, s = self.rng, page.scale
        size = min(size or self.size, h * 0.92) * rng.uniform(0.9, 1.08)
        cut = words is None and kind == "text" and self.style == "cut"
        if words is None and not cut:
            han = self.characters if self.han and kind == "text" else None
            words = number(rng) if kind == "number" else text(rng, max(1, w / size / (1.05 if han else 2.3)), han)
        self.pen = max(0.5, self.width * s)
        a, base = self.cut_tile(max(5.0, size * s), w * s) if cut else self.tile(words, max(5.0, size * s), w * s)
        if not self.typed:
            m = cv2.getRotationMatrix2D((0, base), float(rng.normal(0, 0.9)), 1.0)
            m[0, 1] += (self.slant * 0.6 if self.style == "font" else 0)
            m[0, 2] -= (self.slant * 0.6 if self.style == "font" else 0) * base
            a = cv2.warpAffine(a, m, (a.shape[1] + int(a.shape[0] * abs(self.slant)) + 2, a.shape[0]))
        low = y + h - max(h * 0.14, min(h * 0.2, size * 0.28)) + (0 if self.typed else rng.normal(0, 1.4))
        if middle:
            low = y + h / 2 + size * 0.42
            x = x + max(0.0, (w - a.shape[1] / s) / 2)
        stamp(page.ink, a, int(round(x * s)), int(round(low * s - base)))
        return a.shape[1] / s

    def path(self, page, points, width=None, rough=True):
        p = np.asarray(points, np.float32) * page.scale
        if rough:
            p = smooth(p + self.rng.normal(0, 0.8 * page.scale, p.shape))
        lines(page.ink, [p], (width or self.width) * page.scale)

    def ring(self, page, x, y, rx, ry=None):
        rng = self.rng
        t = np.linspace(0, 2 * np.pi * rng.uniform(0.93, 1.12), 20) + rng.uniform(0, 6)
        wobble = 1 + 0.06 * np.sin(2 * t + rng.uniform(0, 6)) + rng.normal(0, 0.015, 20)
        self.path(page, np.stack([x + rx * wobble * np.cos(t), y + (ry or rx) * wobble * np.sin(t)], 1))

    def mark(self, page, x, y, r, how):
        """Marks a bubble or checkbox of radius r at its centre."""
        rng = self.rng
        j = lambda k=0.18: rng.normal(0, k * r)
        if how == "fill":
            k, s = r * rng.uniform(0.7, 1.12), page.scale
            a, b = k * rng.uniform(0.85, 1.0), k
            cv2.ellipse(page.ink, (int((x + j(0.1)) * s * 16), int((y + j(0.1)) * s * 16)), (max(8, int(a * s * 16)), max(8, int(b * s * 16))),
                        0, 0, 360, int(rng.integers(190, 256)), -1, cv2.LINE_AA, SHIFT)
        elif how == "tick":
            self.path(page, [(x - r + j(), y + j()), (x - 0.2 * r + j(), y + r + j()), (x + 1.5 * r + j(), y - 1.4 * r + j())])
        elif how == "cross":
            for d in (1, -1):
                self.path(page, [(x - r + j(), y - d * r + j()), (x + j(0.1), y + j(0.1)), (x + r + j(), y + d * r + j())])
        elif how == "dot":
            self.path(page, [(x + j(), y + j()), (x + 0.3 * r + j(), y + j(0.1)), (x + j(), y + 0.3 * r)], max(self.width, r * 0.4))
        elif how == "line":
            self.path(page, [(x - r, y + j(0.2)), (x, y + j(0.1)), (x + r, y + j(0.2))], max(self.width, r * 0.35))
        elif how == "ring":
            self.ring(page, x + j(), y + j(), r * rng.uniform(1.25, 1.7))
        else:
            t = np.linspace(0, 1, 12)
            self.path(page, np.stack([x - r + 2 * r * t, y + r * 0.85 * np.where(np.arange(12) % 2, 1, -1)], 1))

    def strike(self, page, x, y, w, h):
        """Strikes out what stands in the box: lines through it, or a scribble over it."""
        rng = self.rng
        if rng.random() < 0.55 or h < 10:
            for _ in range(rng.integers(1, 3)):
                v = y + h * rng.uniform(0.45, 0.65)
                self.path(page, [(x - 3, v + rng.normal(0, 2)), (x + w / 2, v + rng.normal(0, 2)), (x + w + 3, v + rng.normal(0, 3))])
        elif rng.random() < 0.4:
            self.path(page, [(x, y + h * 0.2), (x + w / 2, y + h / 2), (x + w, y + h * 0.9)])
            self.path(page, [(x, y + h * 0.9), (x + w / 2, y + h / 2), (x + w, y + h * 0.15)])
        else:
            n = int(np.clip(w / 5, 6, 40))
            t = np.linspace(0, 1, n)
            self.path(page, np.stack([x + w * t, y + h * (0.6 + 0.3 * np.where(np.arange(n) % 2, 1, -1))], 1))

    def hatch(self, page, x, y, w, h):
        """Colours a figure in: to and fro, up or across, close together or not."""
        rng = self.rng
        n = int(np.clip(max(w, h) / rng.uniform(2.5, 8), 6, 60))
        t, zigzag = np.linspace(0, 1, n), np.where(np.arange(n) % 2, 1.0, 0.0) * rng.uniform(0.8, 1.0) + rng.normal(0, 0.04, n)
        a, b = (t, zigzag) if rng.random() < 0.5 else (zigzag, t)
        self.path(page, np.stack([x + w * a, y + h * b], 1), max(self.width, rng.uniform(1.5, 4)))

    def plot(self, page, x, y, w, h):
        """A line or a curve over axes, a few points on it, sometimes its name."""
        rng = self.rng
        for _ in range(1 if rng.random() < 0.7 else 2):
            t, bend = np.linspace(0.05, 0.95, 9), rng.normal(0, 0.9)
            v = np.clip(0.5 + rng.uniform(-0.4, 0.4) + rng.normal(0, 0.8) * (t - 0.5) + bend * (t - 0.5) ** 2, 0.04, 0.96)
            pts = np.stack([x + w * t, y + h * v], 1)
            if rng.random() < 0.8:
                self.path(page, pts)
            for a, b in pts[:: int(rng.integers(2, 5))]:
                self.mark(page, a, b, 5, "cross" if rng.random() < 0.5 else "dot")
        if rng.random() < 0.4:
            self.write(page, x + w * 0.6, y + h * 0.1, w * 0.35, 30, size=min(self.size, 24))

    def picture(self, page, x, y, w, h):
        """A child's drawing: outlines, some hatched."""
        rng, keep = self.rng, self.width
        self.width = keep * rng.uniform(1.0, 2.2)
        for _ in range(rng.integers(2, 7)):
            cx, cy = x + w * rng.uniform(0.15, 0.85), y + h * rng.uniform(0.2, 0.8)
            r = min(w, h) * rng.uniform(0.06, 0.3)
            kind = rng.random()
            if kind < 0.35:
                self.ring(page, cx, cy, min(r, x + w - cx, cx - x), min(r * rng.uniform(0.6, 1.3), y + h - cy, cy - y))
            elif kind < 0.7:
                n = int(rng.integers(3, 7))
                a = np.sort(rng.uniform(0, 2 * np.pi, n))
                p = np.stack([np.clip(cx + r * np.cos(a), x, x + w), np.clip(cy + r * np.sin(a), y, y + h)], 1)
                self.path(page, np.concatenate([p, p[:1]]), rough=False)
            else:
                n = int(rng.integers(8, 24))
                t = np.linspace(-1, 1, n)
                self.path(page, np.stack([np.clip(cx + r * t, x, x + w), np.clip(cy + r * 0.6 * np.where(np.arange(n) % 2, 1, -1), y, y + h)], 1))
        self.width = keep


def stamp(ink, tile, x, y):
    """Lays a mask on the ink, the darker wins; what falls off the sheet is cut."""
    h, w = tile.shape
    x0, y0, x1, y1 = max(0, x), max(0, y), min(ink.shape[1], x + w), min(ink.shape[0], y + h)
    if x1 > x0 and y1 > y0:
        part = ink[y0:y1, x0:x1]
        np.maximum(part, tile[y0 - y:y1 - y, x0 - x:x1 - x], out=part)
