"""A printed page: what is on the paper before anybody writes, and where answers are expected.

Lengths are in units of a page 1000 wide. `tasks` and `kinds` print on it, `fill` writes into it; the print never depends on
what is written, so the same page can be had blank and filled.
"""
import dataclasses

import cv2
import numpy as np
from PIL import Image, ImageDraw

from . import figures
from .shelf import number, pick, picture, text

PAPERS = [(255, 255, 255)] * 14 + [(253, 253, 252), (250, 250, 250)] * 3 + [(252, 250, 244), (246, 243, 232), (240, 240, 238), (250, 244, 214), (214, 228, 244), (247, 226, 228), (226, 240, 222)]


@dataclasses.dataclass
class Answer:
    """Where one answer goes. `boxes`: its area, (x0, y0, x1, y1) each; the rest says how it is written."""
    kind: str  # text, number, lines, box, spots, words, cells, drawing, trace, dots, tianzi, clock
    boxes: list
    place: float  # 0..1, in reading order
    info: dict


class Sheet:
    def __init__(self, rng, shelf, scale):
        self.rng, self.shelf, self.scale = rng, shelf, scale
        self.han = rng.random() < 0.28
        aspect = pick(rng, [1.414, 1.414, 1.414, 1.294, 1.294, 1.25, 1.5, 0.72, 0.77])
        self.w, self.h = 1000, int(1000 * aspect)
        self.paper = pick(rng, PAPERS)
        self.reset(Image.new("RGB", (int(self.w * scale), int(self.h * scale)), self.paper))
        self.answers, self.unsure = [], []
        self.face = pick(rng, shelf.print)
        self.face_han = pick(rng, shelf.print_han)
        self.body = float(np.exp(rng.uniform(np.log(13.5), np.log(27)))) * (rng.uniform(1.4, 2) if rng.random() < 0.08 else 1)  # for the first years
        v = int(rng.integers(0, 75))
        self.black = (v, v, v)
        self.rule = (int(rng.integers(30, 185)),) * 3
        u = rng.random()
        if u < 0.12:  # printed in one colour, as answer sheets are
            self.rule = self.accent = pick(rng, [(225, 110, 70), (215, 80, 110), (60, 130, 190), (70, 150, 100), (200, 60, 60)])
        else:
            self.accent = self.black if u < 0.75 else tuple(int(c) for c in rng.integers(20, 190, 3))
        self.tint = tuple(int(255 - (255 - c) * rng.uniform(0.12, 0.55)) for c in pick(rng, [self.black, self.accent, tuple(rng.integers(0, 200, 3))]))
        self.airy = rng.random() < 0.22  # paper is left bare between its tasks
        self.place = 0.0
        self.untouched = 0.16  # how often nobody has written on it

    def reset(self, image):
        """Begins with this on the paper."""
        self.image, self.draw = image, ImageDraw.Draw(image)

    def words(self, n):
        return text(self.rng, n * (1.8 if self.han else 1), self.shelf.covered(self.face_han) if self.han else None)

    def answer(self, kind, boxes, **info):
        self.answers.append(Answer(kind, boxes, self.place, info))

    def air(self, least, most):
        """Now and then, how much paper below a task asks nothing: none where the task ends in bare room of its own, which cannot be told from it."""
        bare = self.answers and self.answers[-1].info.get("bare")
        return self.rng.uniform(least, most) if self.airy and not bare and self.rng.random() < 0.6 else 0.0

    def trim(self):
        """What ran off the paper is nobody's to answer, and what is left of it in sight neither answered nor not."""
        inside = lambda a: all(b[2] <= self.w and b[3] <= self.h for b in a.boxes)
        self.unsure += [b for a in self.answers if not inside(a) for b in a.boxes if b[1] < self.h]
        self.answers = [a for a in self.answers if inside(a)]

    def type(self, size):
        return lambda words: self.shelf.font(self.face_han if any(ord(c) > 0x2e80 for c in words) else self.face, size * self.scale)

    def print(self, x, y, words, size=None, width=None, fill=None, anchor="la"):
        f = self.type(size or self.body)(words)
        if width:
            while len(words) > 1 and f.getlength(words) > width * self.scale:
                words = words[:-max(1, len(words) // 8)]
        self.draw.text((x * self.scale, y * self.scale), words, fill or self.black, font=f, anchor=anchor)
        return f.getlength(words) / self.scale

    def line(self, x0, y0, x1, y1, width=1.5, fill=None, dotted=False):
        s, fill, width = self.scale, fill or self.rule, max(1, int(round(width * self.scale)))
        if not dotted:
            self.draw.line([x0 * s, y0 * s, x1 * s, y1 * s], fill=fill, width=width)
            return
        n = max(1, int(np.hypot(x1 - x0, y1 - y0) / 8))
        for i in range(n):
            a, b = i / n, (i + 0.45) / n
            self.draw.line([(x0 + (x1 - x0) * a) * s, (y0 + (y1 - y0) * a) * s, (x0 + (x1 - x0) * b) * s, (y0 + (y1 - y0) * b) * s],
                           fill=fill, width=width)

    def guides(self, x, y, w, h, fill):
        """What letters are written between in the first years: a top, a dashed middle and a foot."""
        for k, dotted in ((0, False), (0.5, True), (1, False)):
            self.line(x, y + h * k, x + w, y + h * k, 1, fill, dotted)

    def box(self, x, y, w, h, width=1.5, fill=None, round_=0, inside=None):
        s = self.scale
        radius = max(0.0, min(round_, w / 2 - 2 / s, h / 2 - 2 / s))  # Pillow draws no box that is but a little longer than its round ends
        self.draw.rounded_rectangle([x * s, y * s, (x + w) * s, (y + h) * s], radius=radius * s, outline=fill or self.rule, fill=inside,
                                    width=max(1, int(round(width * s))))

    def circle(self, x, y, r, width=1.5, fill=None, inside=None):
        s = self.scale
        self.draw.ellipse([(x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s], outline=fill or self.rule, fill=inside,
                          width=max(1, int(round(width * s))))

    def grid(self, x, y, w, h, cols, rows, width=1.2, fill=None):
        for r in range(rows + 1):
            self.line(x, y + r * h / rows, x + w, y + r * h / rows, width, fill)
        for c in range(cols + 1):
            self.line(x + c * w / cols, y, x + c * w / cols, y + h, width, fill)


def paragraph(p, x, y, w, n, size=None, leading=1.45):
    size = size or p.body
    for i in range(int(n)):
        last = i == int(n) - 1
        p.print(x, y, p.words(int(w / size / (1.9 if p.han else 2.2)) + 2), size=size, width=w * (p.rng.uniform(0.3, 1.0) if last else 0.99))
        y += size * leading
    return y


def header(p, y):
    """Title, name and date, a score box, an instruction; a name is no answer, written or not."""
    rng, x = p.rng, rng_margin(p)
    if rng.random() < 0.1:
        code(p, pick(rng, [(880, 25), (30, 25), (880, p.h - 110)]), rng.uniform(50, 90))
    if rng.random() < 0.1:  # a coloured bar over the page
        p.box(0, 0, p.w, y + 30, fill=p.accent, inside=p.accent)
        p.print(x, y - 6, p.words(3).title(), p.body * 1.6, 600, fill=(255, 255, 255))
        y += 45
    elif rng.random() < 0.7:
        size = p.body * rng.uniform(1.2, 2.3)
        middle = rng.random() < 0.4
        p.print(500 if middle else x, y, p.words(rng.integers(2, 6)).title(), size, 760, fill=p.accent, anchor="ma" if middle else "la")
        y += size * 1.5
    if rng.random() < 0.55:
        for label in (["姓名：", "班级："] if p.han else [pick(rng, ["Name:", "Name", "Nom :", "Nombre:", "Student"]), pick(rng, ["Date:", "Datum:", "Class"])]):
            w = p.print(x, y, label)
            long = rng.uniform(130, 300)
            p.line(x + w + 6, y + p.body * 1.15, x + w + long, y + p.body * 1.15)
            p.unsure.append((x + w + 6, y - p.body * 0.5, x + w + long, y + p.body * 1.15))
            x += w + long + 20
            if x > 620 or rng.random() < 0.4:
                break
        y += p.body * 2.2
    if rng.random() < 0.12:
        p.box(840, 40, 110, 70)
        p.print(850, 46, pick(rng, ["/20", "Score", "/ 10", "Punkte"]))
        p.unsure.append((840, 40, 950, 110))
    if rng.random() < 0.5:
        words = p.words(8) if p.han or rng.random() < 0.5 else pick(rng, ("Write", "Read", "Calculate", "Fill in", "Solve", "Rechne", "Lies", "Complete")) + " " + p.words(7)
        p.print(rng_margin(p), y, words + (":" if rng.random() < 0.3 else "."), width=860)
        y += p.body * 1.7
    if rng.random() < 0.25:
        y = paragraph(p, 60, y, 880, rng.integers(2, 9)) + 12
    if rng.random() < 0.2:
        p.line(60, y, 940, y)
        y += 14
    return y + rng.uniform(0, 16)


def code(p, at, size):
    """A square code, as graders' software prints it."""
    s, n = p.scale, int(p.rng.integers(19, 30))
    bits = p.rng.random((n, n)) < 0.5
    for y, x in ((0, 0), (0, n - 7), (n - 7, 0)):
        bits[y:y + 7, x:x + 7] = True
        bits[y + 1:y + 6, x + 1:x + 6] = False
        bits[y + 2:y + 5, x + 2:x + 5] = True
    tile = Image.fromarray(np.where(bits, 0, 255).astype(np.uint8)).resize((int(size * s),) * 2, Image.NEAREST)
    p.image.paste(tile.convert("RGB"), (int(at[0] * s), int(at[1] * s)))
    if p.rng.random() < 0.5:
        p.print(at[0] + size / 2, at[1] + size + 4, f"# {p.rng.integers(1, 200)}", p.body * 0.8, anchor="ma")


def rng_margin(p):
    return 60 if p.rng.random() < 0.7 else p.rng.uniform(50, 120)


def numbered(p, x, y, w, n):
    """A number and a question of a line or two; returns the next line's y."""
    rng = p.rng
    d = 0
    if rng.random() < 0.85:
        d = p.print(x, y, f"{n}{pick(rng, ['.', ')', '', '、' if p.han else ':'])} ") + 5
    for _ in range(1 if rng.random() < 0.75 else 2):
        p.print(x + d, y, p.words(rng.integers(3, 16)), width=w - d)
        y += p.body * 1.45
    if rng.random() < 0.1:
        p.print(x + w, y - p.body * 1.45, f"({rng.integers(1, 9)})", anchor="ra")
    return y


def clipart(p, x, y, w, h):
    """Printed shapes that mean something to a child, and nothing to us."""
    rng, s = p.rng, p.scale
    if rng.random() < 0.45:
        return figures.figure(p, x, y, w, h)
    if rng.random() < 0.5:
        return stamp(p, x, y, w, h)
    colour = rng.random() < 0.4
    if rng.random() < 0.3:
        p.box(x, y, w, h)
    for _ in range(rng.integers(2, 8)):
        cx, cy, r = rng.uniform(x + w * 0.15, x + w * 0.85), rng.uniform(y + h * 0.2, y + h * 0.8), min(w, h) * rng.uniform(0.06, 0.3)
        v = int(rng.integers(110, 250))
        shade = tuple(int(c) for c in rng.integers(60, 255, 3)) if colour else (v, v, v) if rng.random() < 0.5 else None
        kind = rng.random()
        if kind < 0.4:
            p.draw.ellipse([(cx - r) * s, (cy - r * 0.8) * s, (cx + r) * s, (cy + r * 0.8) * s], fill=shade, outline=p.black, width=2)
        elif kind < 0.6:
            p.draw.rectangle([(cx - r) * s, (cy - r) * s, (cx + r) * s, (cy + r) * s], fill=shade, outline=p.black, width=2)
        else:
            n = int(rng.integers(3, 9))
            a = np.sort(rng.uniform(0, 2 * np.pi, n))
            k = r * rng.uniform(0.5, 1.0, n)
            p.draw.polygon([((cx + q * np.cos(t)) * s, (cy + q * np.sin(t)) * s) for t, q in zip(a, k)], fill=shade, outline=p.black)


def stamp(p, x, y, w, h):
    """A picture of a thing, in colour, grey or as an outline."""
    rng, cut = p.rng, picture(pick(p.rng, p.shelf.stamps))
    k = min(w * p.scale / cut.shape[1], h * p.scale / cut.shape[0])
    size = max(4, int(cut.shape[1] * k)), max(4, int(cut.shape[0] * k))
    cut = cv2.resize(cut, size, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    look, colours, mask = rng.random(), cut[..., :3], cut[..., 3] if cut.shape[2] == 4 else np.full(cut.shape[:2], 255, np.uint8)
    if look < 0.65:
        grey = colours.mean(2, keepdims=True).astype(np.uint8)
        if look < 0.3:
            edges = cv2.Laplacian(np.where(mask > 128, grey[..., 0], 255).astype(np.uint8), cv2.CV_8U, ksize=3)
            grey, mask = np.zeros_like(grey), np.minimum(255, edges.astype(int) * 2).astype(np.uint8)
        colours = np.repeat(grey, 3, 2)
    p.image.paste(Image.fromarray(np.ascontiguousarray(colours)), (int(x * p.scale), int(y * p.scale)), Image.fromarray(mask))


__all__ = ["Answer", "Sheet", "clipart", "header", "number", "numbered", "paragraph"]
