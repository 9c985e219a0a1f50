"""Handwriting: strokes of our own, or a handwriting font, drawn into a sheet's ink layer."""
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONTS = pathlib.Path(__file__).parent.parent / ".fonts"
WRITTEN = ("breip", "bwht", "dancingscript", "kristi", "ecolier", "humor")
_cache = {}


def fonts(written):
    """The font files to print with, or to write with; `make fonts` fetches them."""
    if written not in _cache:
        files = sorted(p for p in FONTS.rglob("*.?tf") if "Math" not in p.name)
        _cache[written] = [p for p in files if any(w in str(p).lower() for w in WRITTEN) == written]
        if not _cache[written]:
            raise SystemExit("no fonts: run `make -C models fonts` first")
    return _cache[written]


def font(path, size):
    key = (path, max(6, int(round(size))))
    if key not in _cache:
        if len(_cache) > 600:
            _cache.clear()
        _cache[key] = ImageFont.truetype(str(path), key[1])
    return _cache[key]


SYLLABLES = "a an ba be ca co da de el en er fi ga ge ha he hi in is ka la le lo ma me mi na ne no o on or pa pe ra re ri ro sa se si so sta ta te ti to tu un ur va ve wa we zi".split()


def word(rng):
    w = "".join(rng.choice(SYLLABLES) for _ in range(rng.integers(1, 5)))
    return w.capitalize() if rng.random() < 0.12 else w


def text(rng, n):
    return " ".join(word(rng) for _ in range(n))


class Hand:
    """One writer: a tool, a colour, a size, a slant; the same for a whole page."""

    def __init__(self, rng):
        self.rng = rng
        kind = rng.random()
        self.path = None
        if kind < 0.45:
            written = fonts(True)
            self.path = written[rng.integers(len(written))]
        elif kind < 0.53:  # typed into the page on a screen
            printed = fonts(False)
            self.path = printed[rng.integers(len(printed))]
        tool = rng.random()
        if tool < 0.45:
            self.colour = tuple(int(v) for v in (rng.integers(10, 60), rng.integers(20, 80), rng.integers(90, 190)))
        elif tool < 0.75:
            self.colour = (int(rng.integers(5, 60)),) * 3
        elif tool < 0.93:
            self.colour = (int(rng.integers(70, 130)),) * 3
        else:
            self.colour = (int(rng.integers(150, 210)), 30, 40)
        self.opacity = 0.65 + 0.35 * rng.random()
        self.size = rng.uniform(17, 36)  # height of a tall letter, units of a 1000-wide page
        self.width = rng.uniform(1.2, 3.4)
        self.slant = rng.uniform(-0.1, 0.45)
        self.joined = rng.random() < 0.5

    def write(self, sheet, x, y, w, h, digits=False):
        """Writes about w wide on a baseline near the bottom of the box; returns nothing."""
        rng, s = self.rng, sheet.scale
        size = min(self.size, h * 1.1) * rng.uniform(0.88, 1.1)
        base = y + h - min(h * 0.18, size * 0.3) + rng.normal(0, 1.5)
        if self.path is not None:
            f = font(self.path, size * 1.25 * s)
            words = str(rng.integers(0, 10 ** int(rng.integers(1, 4)))) if digits else text(rng, max(1, int(w / size / 1.6)))
            while len(words) > 1 and f.getlength(words) > w * s:
                words = words[:-1]
            tile = Image.new("L", (int(w * s) + 8, int(size * 2.2 * s) + 4))
            ImageDraw.Draw(tile).text((2, size * 1.5 * s), words, 255, font=f, anchor="ls")
            if self.width > 2.4:
                tile = tile.point(lambda v: min(255, v * 2))
            tile = tile.rotate(rng.normal(0, 1.2), Image.BILINEAR, center=(0, size * 1.5 * s))
            sheet.ink.paste(255, (int(x * s), int((base - size * 1.5) * s)), tile)
            return
        pen = max(1, int(round(self.width * s)))
        at, end = x + rng.uniform(0, 4), x + w
        letters = int(rng.integers(1, 4)) if digits else 10 ** 6
        tilt = rng.normal(0, 0.015)
        while at < end - size * 0.35 and letters > 0:
            run = int(rng.integers(2, 9)) if not digits else letters
            tail = None
            for _ in range(run):
                wide = size * rng.uniform(0.3, 0.6)
                if at + wide > end:
                    break
                tall = size * (1.0 if digits or rng.random() < 0.28 else 0.55)
                low = size * 0.3 if rng.random() < 0.12 else 0.0
                n = int(rng.integers(4, 7))
                px = at + wide * np.clip(rng.random(n) * 0.9 + np.linspace(-0.2, 0.2, n), 0, 1)
                py = base - tall * rng.random(n) + low * rng.random(n)
                if self.joined and tail is not None:
                    px, py = np.r_[tail[0], px], np.r_[tail[1], py]
                t = np.linspace(0, len(px) - 1, 4 * len(px))
                i = np.minimum(t.astype(int), len(px) - 2)
                u = t - i
                u = u * u * (3 - 2 * u)  # eases into the corners: rounder than a polyline
                cx, cy = px[i] * (1 - u) + px[i + 1] * u, py[i] * (1 - u) + py[i + 1] * u
                bow = np.sin(np.pi * u) * size * 0.09
                cx, cy = cx + bow, cy + bow + (cx - x) * tilt
                cx = cx + (base - cy) * self.slant
                sheet.pen.line([(a * s, b * s) for a, b in zip(cx, cy)], fill=255, width=pen, joint="curve")
                tail = (px[-1], py[-1])
                at += wide * rng.uniform(0.85, 1.15)
                letters -= 1
            at += size * rng.uniform(0.25, 0.6)

    def mark(self, sheet, x, y, r, how):
        """Marks a bubble or checkbox of radius r at its centre: how is fill, tick, cross, ring or scribble."""
        rng, s = self.rng, sheet.scale
        pen = max(1, int(round(self.width * s)))
        j = lambda k=0.2: rng.normal(0, k * r)
        if how == "fill":
            k = r * rng.uniform(0.75, 1.1)
            cx, cy = x + j(0.1), y + j(0.1)
            sheet.pen.ellipse([(cx - k) * s, (cy - k) * s, (cx + k) * s, (cy + k) * s], fill=255)
        elif how == "tick":
            pts = [(x - r + j(), y + j()), (x - 0.2 * r + j(), y + r + j()), (x + 1.5 * r + j(), y - 1.4 * r + j())]
            sheet.pen.line([(a * s, b * s) for a, b in pts], fill=255, width=pen)
        elif how == "cross":
            for d in (1, -1):
                pts = [(x - r + j(), y - d * r + j()), (x + r + j(), y + d * r + j())]
                sheet.pen.line([(a * s, b * s) for a, b in pts], fill=255, width=pen)
        elif how == "ring":
            k = r * rng.uniform(1.3, 1.8)
            sheet.pen.ellipse([(x - k + j()) * s, (y - k + j()) * s, (x + k + j()) * s, (y + k + j()) * s],
                              outline=255, width=pen)
        else:
            t = np.linspace(0, 1, 14)
            pts = np.stack([x - r + 2 * r * t, y + r * 0.9 * np.where(np.arange(14) % 2, 1, -1)], 1)
            sheet.pen.line([(a * s, b * s) for a, b in pts], fill=255, width=pen)
