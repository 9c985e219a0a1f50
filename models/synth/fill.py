"""Writes into a printed page: which answers are done, by which hand, and what a teacher and a day at school leave on it.

`Filled.area` holds, at a quarter of the units, 0 nothing, EMPTY, FILLED, STRUCK or UNSURE (neither counted nor taught);
`Filled.items` the number of the answer that a place belongs to. An answer counts 1 whatever its size; one that is struck out
with nothing in its place is not done: completion = answered / (answered + blank + struck out).
"""
import dataclasses

import cv2
import numpy as np
from PIL import Image, ImageDraw

from . import hand
from .shelf import pick

EMPTY, FILLED, STRUCK, UNSURE = 1, 2, 3, 4
STATES = {EMPTY: "blank", FILLED: "answered", STRUCK: "struck_out"}


@dataclasses.dataclass
class Filled:
    image: np.ndarray  # H x W x 3, uint8
    print: np.ndarray  # the same before anybody wrote on it
    ink: np.ndarray  # H x W, uint8: what the student wrote, anywhere
    area: np.ndarray  # at a quarter of the units
    items: np.ndarray
    states: list  # of each answer, in the order of items 1..n
    w: int
    h: int
    owner: np.ndarray | None = None  # H x W, uint16: the item that a stroke is of, 0 where it is of none
    rooms: tuple = ()  # of each answer, (its boxes while nothing is written, whether somebody can tell then that it is asked)

    def without(self, gone):
        """(area, items, states) with these items, numbers from 1, not written."""
        area, items, states = self.area.copy(), self.items.copy(), list(self.states)
        for item in gone:
            boxes, asked = self.rooms[item - 1]
            states[item - 1] = EMPTY
            for b in boxes:
                put(area, b, EMPTY if asked else UNSURE)
                if asked:
                    put(items, b, item)
        return area, items, states


def put(layer, box, value):
    """Writes a value into a box of a layer at a quarter of the units."""
    x0, y0, x1, y1 = (round(v / 4) for v in box)
    layer[max(0, y0):max(y0 + 1, y1), max(0, x0):max(x0 + 1, x1)] = value


class Plan:
    """How much of the page gets done, and in what order."""

    def __init__(self, rng, fraction, untouched):
        u = rng.random()
        self.rng = rng
        if fraction is None:
            fraction = 0.0 if u < untouched else 1.0 if u < untouched + 0.18 else rng.uniform(0.8, 1) if u < untouched + 0.26 else rng.random()
        self.fraction = fraction
        self.in_order = rng.random() < 0.6
        self.struck = rng.uniform(0.05, 0.25) if rng.random() < 0.2 else 0.012

    def done(self, place):
        if self.fraction in (0.0, 1.0):
            return self.fraction == 1.0
        if self.in_order:
            return place < self.fraction if self.rng.random() < 0.96 else self.rng.random() < 0.5
        return self.rng.random() < self.fraction


class Pen:
    """The layer a hand writes on: what `Hand` expects of a page."""

    def __init__(self, sheet):
        self.scale = sheet.scale
        self.ink = np.zeros((sheet.image.height, sheet.image.width), np.uint8)

    def near(self, boxes):
        """Where on the layer strokes for these boxes may come to lie."""
        x0, y0, x1, y1 = (int(self.scale * f(b[i] for b in boxes)) for f, i in ((min, 0), (min, 1), (max, 2), (max, 3)))
        wide = int(60 * self.scale)
        return slice(max(0, y0 - wide), max(0, y1 + wide)), slice(max(0, x0 - wide), max(0, x1 + wide))


def write(h, pen, a, sheet):
    """Writes one answer; returns the boxes that it takes: what is framed, all of it, however little stands in it; of bare room what is
    written on, as nobody can see how much more was meant."""
    rng, kind, info = h.rng, a.kind, a.info
    x0, y0, x1, y1 = a.boxes[0]
    w, t = x1 - x0, y1 - y0
    if kind == "lines":
        n = len(a.boxes)
        used = int(np.ceil(n * rng.uniform(0.5, 1.0)))
        for i, (p, q, r, s) in enumerate(a.boxes[:used]):
            full = rng.uniform(0.25, 1.0) if i == used - 1 else rng.uniform(0.85, 1.0)
            h.write(pen, p + 2, q, (r - p) * full, s - q)
    elif kind == "box":
        gap = max(h.size * rng.uniform(1.25, 1.7), 18)
        n = max(1, int((t - 6) / gap))
        used, first, bare = max(1, int(round(n * min(1, rng.uniform(0.15, 1.1))))), 0, info.get("bare")
        if bare and rng.random() < 0.4:  # a line or a few, close below the question or not
            used = min(used, int(rng.integers(1, 4)))
            first = int(rng.integers(0, min(4, n - used) + 1))
            used += first
        maths = rng.random() < 0.3
        for i in range(first, used):
            h.write(pen, x0 + 8 + rng.uniform(0, 20), y0 + 3 + i * gap, (w - 30) * rng.uniform(0.3, 1.0), min(gap, t - 4), kind="text",
                    words=None if not maths else f"{rng.integers(1, 99)}{pick(rng, '+-x=')}{rng.integers(1, 99)} = {rng.integers(1, 999)}")
        if bare and used < n:
            return [(x0, y0, x1, y0 + 6 + used * gap)]
    elif kind == "drawing":
        h.picture(pen, x0 + w * 0.08, y0 + t * 0.1, w * 0.84, t * 0.8)
    elif kind == "number":
        digits = info.get("digits")
        words = str(rng.integers(10 ** (digits - 1), 10 ** digits)) if digits else info.get("words")
        h.write(pen, x0 + (rng.uniform(2, max(3, w * 0.3)) if not info.get("middle") else 3), y0, w * (0.95 if digits else 0.8), t, words, kind="number", middle=bool(info.get("middle")))
    elif kind == "cells":  # a letter each; every box has so many
        k = info["cells"]
        used = int(rng.integers(max(1, k // 3), k + 1))
        for p, q, r, s in a.boxes:
            for i in range(used):
                if "letters" in info:
                    word = pick(rng, info["letters"])
                else:
                    word = str(rng.integers(0, 10)) if h.tiles else chr(int(rng.integers(65, 91)) + (32 if k == 1 else 0))
                h.write(pen, p + i * (r - p) / k, q, (r - p) / k, s - q, word, middle=True, size=min(h.size, (r - p) / k * 0.95))
    elif kind == "digits":  # groups of cells, all of them needed
        for p, q, r, s in a.boxes:
            for at in np.arange(p, r - info["pitch"] * 0.5, info["pitch"]):
                h.write(pen, at, q, info["pitch"], s - q, str(rng.integers(0, 10)), middle=True, size=min(h.size, info["pitch"] * 0.9))
    elif kind == "fraction":
        for top in (y0, (y0 + y1) / 2):
            h.write(pen, x0, top, w, t / 2, str(rng.integers(1, 13)), middle=True)
    elif kind == "colour":
        h.hatch(pen, x0 + w * 0.12, y0 + t * 0.12, w * 0.76, t * 0.76)
    elif kind == "plot":
        h.plot(pen, x0, y0, w, t)
    elif kind == "path":
        h.path(pen, [(a + rng.normal(0, 1.5), b + rng.normal(0, 1.5)) for a, b in info["points"]])
    elif kind == "trace":
        h.write(pen, x0 + w * 0.18, y0, w * 0.9, t, info["glyph"], size=t * 0.85, middle=True)
    elif kind == "tianzi":
        char = info["char"]
        h.write(pen, x0, y0, w * 1.3, t, char, size=t * rng.uniform(0.55, 0.7), middle=True)
    elif kind == "dots":
        (a0, b0), (a1, b1) = info["start"], info["end"]
        bow = rng.normal(0, 12)
        h.path(pen, [(a0, b0), ((a0 + a1) / 2, (b0 + b1) / 2 + bow), (a1 + rng.normal(0, 4), b1 + rng.normal(0, 4))])
    elif kind == "spots":
        spots, r = info["spots"], info["r"]
        for i in rng.choice(len(spots), 2 if info.get("several") else 1, replace=False):
            if info["how"] == "hatch":
                (x, y), (half, high) = spots[int(i)], info["half"]
                h.hatch(pen, x - half, y - high, 2 * half, 2 * high)
            else:
                h.mark(pen, *spots[int(i)], r, info["how"])
            info["marked"] = int(i)
    elif kind == "words":
        info["marked"] = int(rng.integers(len(info["spots"])))
        x, y, half = info["spots"][info["marked"]]
        if info["how"] == "ring":
            h.ring(pen, x, y, half * 1.1, t * 0.42)
        elif info["how"] == "under":
            h.path(pen, [(x - half, y + t * 0.33), (x, y + t * 0.35), (x + half, y + t * 0.33)])
        else:
            h.path(pen, [(x - half, y), (x, y), (x + half, y)])
    else:
        free = info.get("free")
        full = rng.uniform(0.75, 1.0) if free and rng.random() < 0.8 else rng.uniform(0.3, 1.0)
        h.write(pen, x0 + 3, y0, (w - 4) * full, t, middle=bool(info.get("middle")))
    return a.boxes


def strike(h, pen, a):
    """Strikes the answer out; True where another was put in its place."""
    rng = h.rng
    x0, y0, x1, y1 = a.boxes[0]
    if a.kind in ("spots", "words"):  # another choice is marked instead, or none
        spots, at = a.info["spots"], a.info["marked"]
        r = a.info.get("r", (y1 - y0) * 0.35)
        h.mark(pen, spots[at][0], spots[at][1], r * rng.uniform(1.1, 1.5), "scribble")
        new = (at + int(rng.integers(1, max(2, len(spots))))) % len(spots)
        if new == at or rng.random() < 0.4:
            return False
        h.mark(pen, spots[new][0], spots[new][1], r, a.info["how"] if a.kind == "spots" else "ring")
        return True
    new = a.kind in ("text", "number") and rng.random() < 0.5
    k = 0.45 if new else rng.uniform(0.6, 1.0)
    h.strike(pen, x0 + 2, y0 + (y1 - y0) * 0.1, (x1 - x0) * k, y1 - y0)
    if new:
        h.write(pen, x0 + (x1 - x0) * 0.52, y0 - (3 if rng.random() < 0.5 else 0), (x1 - x0) * 0.5, y1 - y0, kind=a.kind)
    return new


def paint(image, mask, colour, opacity, grain, rng):
    """Lays ink on paper: it darkens what is under it; a pencil catches only the paper's tooth."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return
    part = slice(rows[0], rows[-1] + 1)
    a = mask[part].astype(np.float32) * (opacity / 255)
    if grain > 0:
        noise = rng.random((a.shape[0] // 2 + 1, a.shape[1] // 2 + 1), np.float32)
        a *= 1 - grain * cv2.resize(noise, (a.shape[1], a.shape[0]), interpolation=cv2.INTER_LINEAR)
    out = image[part]
    out[:] = (out * (1 - a[..., None] * (1 - np.float32(colour) / 255))).astype(np.uint8)


def teacher(rng, sheet, image, states):
    """Ticks, crosses, rings, a mark and a word in red: over answers, never one of them."""
    pen, h = Pen(sheet), hand.Hand(rng, sheet.shelf, typed=0)
    h.width, h.messy = rng.uniform(1.8, 4.0), 0.08
    per = 0.8 if len(sheet.answers) < 40 else 0.2
    for a, state in zip(sheet.answers, states):
        if rng.random() > per or (state == EMPTY and rng.random() < 0.6):
            continue
        x0, y0, x1, y1 = a.boxes[0]
        x, y = (x1 + rng.uniform(-25, 20), (y0 + y1) / 2) if rng.random() < 0.7 else (x0 - 15, (y0 + y1) / 2)
        h.mark(pen, x, y, rng.uniform(8, 18), "tick" if rng.random() < 0.75 else pick(rng, ["cross", "ring", "line"]))
    if rng.random() < 0.7:
        x, y = rng.uniform(650, 850), rng.uniform(20, 90)
        h.write(pen, x, y, 200, 60, pick(rng, ["8/10", "A", "15/20", "100", "B+", "90", "2-", "19"]), size=50)
        if rng.random() < 0.5:
            h.ring(pen, x + 45, y + 35, 70, 40)
    if rng.random() < 0.4:
        h.write(pen, rng.uniform(60, 600), rng.uniform(0.6, 0.95) * sheet.h, 350, 50, pick(rng, ["Good!", "Well done", "Super", "see me", "Bravo", "Sehr gut"]), size=42)
    colour = (int(rng.integers(180, 240)), int(rng.integers(15, 60)), int(rng.integers(20, 70))) if rng.random() < 0.88 else (20, 130, 60)
    paint(image, pen.ink, colour, rng.uniform(0.7, 1), 0.1, rng)


def sticker(rng, sheet, image):
    """A star, a smile or a round stamp: glued or pressed on after the work."""
    s, im = sheet.scale, Image.fromarray(image)
    draw = ImageDraw.Draw(im)
    for _ in range(rng.integers(1, 3)):
        r, x, y = rng.uniform(25, 60) * s, rng.uniform(80, 920) * s, rng.uniform(60, sheet.h - 80) * s
        colour = pick(rng, [(250, 205, 40), (240, 90, 110), (90, 180, 240), (120, 200, 90), (255, 150, 60)])
        if rng.random() < 0.5:
            a = np.arange(10) * np.pi / 5 + rng.uniform(0, 1)
            k = np.where(np.arange(10) % 2, 0.45, 1.0) * r
            draw.polygon([(x + q * np.cos(t), y + q * np.sin(t)) for t, q in zip(a, k)], fill=colour, outline=(200, 150, 30))
        else:
            draw.ellipse([x - r, y - r, x + r, y + r], fill=colour if rng.random() < 0.7 else None, outline=colour, width=max(2, int(3 * s)))
            draw.arc([x - r * 0.5, y - r * 0.4, x + r * 0.5, y + r * 0.6], 20, 160, fill=(60, 40, 30), width=max(1, int(2 * s)))
            for d in (-0.3, 0.3):
                draw.ellipse([x + (d - 0.08) * r, y - 0.35 * r, x + (d + 0.08) * r, y - 0.19 * r], fill=(60, 40, 30))
    image[:] = np.asarray(im)


def margin(h, pen, sheet):
    """Notes, sums on the side and doodles where no answer is expected."""
    rng = h.rng
    for _ in range(rng.integers(1, 4)):
        x, y = (rng.uniform(5, 40) if rng.random() < 0.5 else rng.uniform(870, 940)), rng.uniform(0.05, 0.9) * sheet.h
        if rng.random() < 0.6:
            h.write(pen, x, y, rng.uniform(50, 120), 40, kind="number" if rng.random() < 0.5 else "text", size=min(h.size, 22))
        else:
            h.picture(pen, x, y, 70, 60)


def fill(rng, sheet, fraction=None, tidy=False):
    """One way to fill this sheet. `tidy`: nothing on it but the answers (a blank page to hand out)."""
    plan = Plan(rng, fraction, sheet.untouched)
    h = hand.Hand(rng, sheet.shelf, sheet.han)
    second = hand.Hand(rng, sheet.shelf, sheet.han, typed=0) if rng.random() < 0.08 else None  # went on with another pen
    image = np.array(sheet.image)
    pen, struck = Pen(sheet), []
    area, items, owner = np.zeros((sheet.h // 4, 250), np.uint8), np.zeros((sheet.h // 4, 250), np.uint16), np.zeros(pen.ink.shape, np.uint16)
    for b in sheet.unsure:
        put(area, b, UNSURE)
        if plan.fraction > 0 and rng.random() < 0.75:
            h.write(pen, b[0] + 4, b[1] - 2, (b[2] - b[0]) * 0.9, b[3] - b[1] + 4)
    states = []
    for i, a in enumerate(sheet.answers):
        done = plan.done(a.place) if not a.info.get("free") or not a.info.get("sparse") else rng.random() < plan.fraction
        if not done and plan.fraction > 0 and a.info.get("optional"):  # a box of which nobody can say that it was to be ticked
            states.append(EMPTY)
            for b in a.boxes:
                put(area, b, UNSURE)
            continue
        used, state = a.boxes, EMPTY
        if done:
            who, on = (second, shared_pen(pen, second)) if second is not None and a.place > 0.5 else (h, pen)
            near, layers = pen.near(a.boxes), [pen.ink] if on is pen else [pen.ink, on.ink]  # what is struck out is so by the first pen
            before = [layer[near].copy() for layer in layers]
            used = write(who, on, a, sheet)
            state = FILLED
            if rng.random() < plan.struck and a.kind not in ("dots", "trace"):
                state = FILLED if strike(h, pen, a) else STRUCK
            for layer, was in zip(layers, before):
                owner[near][layer[near] > was] = i + 1
        states.append(state)
        for b in used:
            put(area, b, state)
            put(items, b, i + 1)
    written = plan.fraction > 0 or any(s == FILLED for s in states)
    if written and not tidy and rng.random() < 0.12:
        margin(h, pen, sheet)
    paint(image, pen.ink, h.colour, h.opacity, h.grain, rng)
    ink = pen.ink
    if second is not None and second.layer is not None:
        paint(image, second.layer, second.colour, second.opacity, second.grain, rng)
        ink = np.maximum(ink, second.layer)
    if h.name == "pencil" and rng.random() < 0.25:  # rubbed out: grey smears, dents of what was written
        for _ in range(rng.integers(1, 5)):
            y, x = int(rng.uniform(0, image.shape[0] - 60)), int(rng.uniform(0, image.shape[1] - 120))
            smear = np.hanning(60)[:, None] * np.hanning(120) * (0.5 + rng.random((60, 1), np.float32))
            image[y:y + 60, x:x + 120] = (image[y:y + 60, x:x + 120] * (1 - 0.1 * smear[..., None])).astype(np.uint8)
    if rng.random() < 0.06:  # the other side shines through
        back = cv2.GaussianBlur(image[:, ::-1], (0, 0), 1.2)
        image = (image - rng.uniform(0.03, 0.12) * (255.0 - back)).clip(0, 255).astype(np.uint8)
    if not tidy:
        if rng.random() < (0.16 if written else 0.03):
            teacher(rng, sheet, image, states)
        if rng.random() < 0.05:
            sticker(rng, sheet, image)
    rooms = tuple((a.boxes, not a.info.get("optional")) for a in sheet.answers)
    return Filled(image, np.asarray(sheet.image), ink, area, items, states, sheet.w, sheet.h, owner, rooms)


def shared_pen(pen, other):
    """A layer of its own for a second pen on the same page."""
    if other.layer is None:
        other.layer = np.zeros_like(pen.ink)
    shared = object.__new__(Pen)
    shared.scale, shared.ink = pen.scale, other.layer
    return shared


__all__ = ["EMPTY", "FILLED", "STATES", "STRUCK", "UNSURE", "Filled", "fill"]
