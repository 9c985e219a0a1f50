"""Flat pages: worksheets, forms, answer sheets, notes; with the truth of each answer area.

Lengths are in units of a page 1000 wide. `Sheet.area` holds, at a quarter of that, 0 nothing, 1 empty, 2 filled, 3 unsure
(neither counted nor taught); `Sheet.items` the number of the answer that a place belongs to. An answer counts 1, whatever
its size: completion = filled answers / answers, None where a page asks nothing.
"""
import numpy as np
from PIL import Image, ImageDraw

from . import hand

EMPTY, FILLED, UNSURE = 1, 2, 3


class Sheet:
    def __init__(self, rng, scale=1.0):
        self.rng, self.scale = rng, scale
        aspect = rng.choice([1.414, 1.294, 1.414, 1.2, 0.75])
        self.w, self.h = 1000, int(1000 * aspect)
        paper = tuple(int(v) for v in np.clip(rng.integers(225, 256) + rng.integers(-6, 3, 3), 0, 255))
        if rng.random() < 0.4:
            paper = (255, 255, 255)
        size = (int(self.w * scale), int(self.h * scale))
        self.image = Image.new("RGB", size, paper)
        self.ink = Image.new("L", size)
        self.draw, self.pen = ImageDraw.Draw(self.image), ImageDraw.Draw(self.ink)
        self.area = Image.new("L", (self.w // 4, self.h // 4))
        self.items = Image.new("I", (self.w // 4, self.h // 4))
        self._area, self._items = ImageDraw.Draw(self.area), ImageDraw.Draw(self.items)
        self.answers = []
        self.hand = hand.Hand(rng)
        printed = hand.fonts(False)
        self.face = printed[rng.integers(len(printed))]
        self.body = rng.uniform(15, 25)
        self.black = (int(rng.integers(0, 70)),) * 3
        self.rule = (int(rng.integers(40, 190)),) * 3
        self.plan(rng)

    def plan(self, rng):
        """Decides how much of the page gets done, and in what order."""
        u = rng.random()
        self.fraction = 0.0 if u < 0.16 else 1.0 if u < 0.42 else rng.random()
        self.in_order = rng.random() < 0.6
        self.coins = []

    def will_fill(self, progress):
        """Whether the answer at `progress` (0..1 down the page) gets done."""
        if self.fraction in (0.0, 1.0):
            return self.fraction == 1.0
        if self.in_order:
            return progress < self.fraction if self.rng.random() < 0.95 else self.rng.random() < 0.5
        return self.rng.random() < self.fraction

    def answer(self, boxes, filled, unsure=()):
        self.answers.append(bool(filled))
        for box in boxes:
            b = [v / 4 for v in box]
            self._area.rectangle(b, fill=FILLED if filled else EMPTY)
            self._items.rectangle(b, fill=len(self.answers))
        for box in unsure:
            self._area.rectangle([v / 4 for v in box], fill=UNSURE)

    def print(self, x, y, words, size=None, width=None, fill=None, anchor="la"):
        f = hand.font(self.face, (size or self.body) * self.scale)
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
        for x in np.arange(x0, x1, 7):
            self.draw.line([x * s, y0 * s, (x + 3) * s, y1 * s], fill=fill, width=width)

    def box(self, x, y, w, h, width=1.5, fill=None, round_=0):
        s = self.scale
        self.draw.rounded_rectangle([x * s, y * s, (x + w) * s, (y + h) * s], radius=round_ * s, outline=fill or self.rule,
                                    width=max(1, int(round(width * s))))

    def circle(self, x, y, r, width=1.5, fill=None):
        s = self.scale
        self.draw.ellipse([(x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s], outline=fill or self.rule,
                          width=max(1, int(round(width * s))))

    @property
    def completion(self):
        return sum(self.answers) / len(self.answers) if self.answers else None

    def finish(self):
        """The page with its ink, as an RGB image."""
        alpha = self.ink.point(lambda v: int(v * self.hand.opacity))
        self.image.paste(self.hand.colour, (0, 0), alpha)
        return self.image


def header(p, y):
    rng = p.rng
    if rng.random() < 0.7:
        p.print(rng.uniform(60, 300), y, hand.text(rng, rng.integers(1, 5)).title(), p.body * rng.uniform(1.2, 2.2), 620)
        y += p.body * 2.6
    if rng.random() < 0.6:  # a name and a date: written on or not, they are no answers
        w = p.print(70, y, rng.choice(["Name:", "Name", "Nom", "Nombre:", "Student"]))
        x0, x1 = 80 + w, 80 + w + rng.uniform(150, 330)
        p.line(x0, y + p.body, x1, y + p.body)
        if rng.random() < 0.7:
            p.hand.write(p, x0, y - 8, (x1 - x0) * 0.8, p.body + 10)
        p._area.rectangle([x0 / 4, (y - 6) / 4, x1 / 4, (y + p.body) / 4], fill=UNSURE)
        y += p.body * 2.2
    if rng.random() < 0.5:
        y = paragraph(p, 70, y, 860, rng.integers(1, 3)) + 10
    if rng.random() < 0.25:
        p.line(60, y, 940, y)
        y += 14
    return y


def paragraph(p, x, y, w, lines):
    for _ in range(int(lines)):
        p.print(x, y, hand.text(p.rng, 24), width=w * p.rng.uniform(0.6, 1.0))
        y += p.body * 1.45
    return y


def picture(p, x, y, w, h):
    rng = p.rng
    p.box(x, y, w, h)
    for _ in range(rng.integers(2, 6)):
        a, b = sorted(rng.uniform(x, x + w, 2)), sorted(rng.uniform(y, y + h, 2))
        shade = (int(rng.integers(90, 240)),) * 3
        s = p.scale
        (p.draw.ellipse if rng.random() < 0.5 else p.draw.rectangle)([a[0] * s, b[0] * s, a[1] * s, b[1] * s], fill=shade,
                                                                    outline=p.black)


def lines_task(p, x, y, w, number, progress):
    """A question and ruled lines for the answer."""
    rng = p.rng
    y = number_and_text(p, x, y, w, number)
    n, gap = int(rng.choice([1, 1, 2, 2, 3, 4, 6])), rng.uniform(28, 46)
    dotted, rows = rng.random() < 0.3, []
    for _ in range(n):
        p.line(x + 10, y + gap, x + w - 10, y + gap, dotted=dotted)
        rows.append((x + 10, y + 3, x + w - 10, y + gap))
        y += gap
    filled = p.will_fill(progress)
    used = int(np.ceil(n * rng.uniform(0.5, 1.0))) if filled else 0
    for i, r in enumerate(rows[:used]):
        full = rng.uniform(0.3, 1.0) if i == used - 1 else rng.uniform(0.85, 1.0)
        p.hand.write(p, r[0], r[1], (r[2] - r[0]) * full, gap - 3)
    p.answer(rows[:used] if filled else rows, filled, rows[used:] if filled else ())
    return y + 12


def number_and_text(p, x, y, w, number):
    d = p.print(x, y, f"{number}{p.rng.choice(['.', ')', ''])} ")
    p.print(x + d + 6, y, hand.text(p.rng, 18), width=(w - d - 6) * p.rng.uniform(0.4, 1.0))
    y += p.body * 1.45
    if p.rng.random() < 0.25:
        p.print(x + d + 6, y, hand.text(p.rng, 18), width=(w - d - 6) * p.rng.uniform(0.3, 1.0))
        y += p.body * 1.45
    return y


def box_task(p, x, y, w, number, progress):
    """A question and a box, or bare space, for the answer."""
    rng = p.rng
    y = number_and_text(p, x, y, w, number)
    h, bw = rng.uniform(45, 200), w * rng.choice([1.0, 1.0, 0.6])
    if rng.random() < 0.85:
        p.box(x, y, bw, h, width=rng.uniform(1, 3), round_=rng.choice([0, 0, 12]))
    filled = p.will_fill(progress)
    gap = p.hand.size * rng.uniform(1.25, 1.7)
    n = max(1, int((h - 6) / gap))
    used = max(1, int(round(n * rng.uniform(0.4, 1.0)))) if filled else 0
    for i in range(used):
        p.hand.write(p, x + 10, y + 3 + i * gap, (bw - 20) * rng.uniform(0.5, 1.0), min(gap, h - 4))
    split = y + h if used >= n or not filled else y + 3 + used * gap
    p.answer([(x, y, x + bw, split)], filled, [(x, split, x + bw, y + h)] if split < y + h else ())
    return y + h + 16


def gap_task(p, x, y, w, number, progress):
    """Sentences with gaps."""
    rng, at = p.rng, x
    at += p.print(x, y, f"{number}. ") + 6
    tall = p.body * rng.uniform(1.5, 2.1)
    for _ in range(rng.integers(1, 4)):
        before = hand.text(rng, rng.integers(1, 6)) + " "
        need = len(before) * p.body * 0.6
        if at + need > x + w - 150:
            at, y = x + 20, y + tall * 1.3
        at += p.print(at, y, before, width=w * 0.7) + 6
        long = min(rng.uniform(60, 190), max(50, x + w - at - 4))
        style = rng.random()
        if style < 0.75:
            p.line(at, y + p.body * 1.1, at + long, y + p.body * 1.1, dotted=style < 0.2)
        else:
            p.box(at, y - p.body * 0.4, long, tall)
        filled = p.will_fill(progress)
        if filled:
            p.hand.write(p, at + 2, y + p.body * 1.2 - tall, long - 4, tall)
        p.answer([(at, y + p.body * 1.15 - tall, at + long, y + p.body * 1.15)], filled)
        at += long + 8
    return y + tall * 1.4


def sums_task(p, x, y, w, number, progress):
    """A grid of sums, each with a line, a box or just room for its result."""
    rng = p.rng
    cols, rows = int(rng.integers(1, max(2, int(w / 210)) + 1)), int(rng.integers(2, 7))
    cw, rh, style = w / cols, rng.uniform(38, 66), rng.random()
    for r in range(rows):
        for c in range(cols):
            cx, cy = x + c * cw, y + r * rh
            d = p.print(cx, cy + rh * 0.3, f"{rng.integers(1, 99)} {rng.choice(['+', '-', 'x', ':'])} {rng.integers(1, 99)} =")
            x0 = cx + d + 6
            x1 = x0 + min(rng.uniform(55, 100), max(36, cw - d - 12))
            if style < 0.5:
                p.line(x0, cy + rh * 0.3 + p.body, x1, cy + rh * 0.3 + p.body)
            elif style < 0.75:
                p.box(x0, cy + rh * 0.12, x1 - x0, rh * 0.7)
            filled = p.will_fill(progress)
            if filled:
                p.hand.write(p, x0 + 3, cy + rh * 0.1, x1 - x0, rh * 0.7, digits=True)
            p.answer([(x0, cy + rh * 0.12, x1, cy + rh * 0.8)], filled)
    return y + rows * rh + 12


def choice_task(p, x, y, w, number, progress):
    """A question with choices to tick, circle or cross."""
    rng = p.rng
    y = number_and_text(p, x, y, w, number)
    n, square, r = int(rng.integers(2, 6)), rng.random() < 0.5, rng.uniform(7, 12)
    inline, lettered = rng.random() < 0.4, rng.random() < 0.3
    how = rng.choice(["ring"] if lettered else ["tick", "cross", "fill", "scribble", "ring"])
    filled, pick, top = p.will_fill(progress), int(rng.integers(n)), y
    spots = []
    for i in range(n):
        cx, cy = (x + 22 + i * w / n, y + r + 6) if inline else (x + 30, y + r + 6)
        if lettered:
            p.print(cx - 7, cy - p.body * 0.6, "ABCDE"[i])
        elif square:
            p.box(cx - r, cy - r, 2 * r, 2 * r)
        else:
            p.circle(cx, cy, r)
        p.print(cx + r + 10, cy - p.body * 0.6, hand.text(rng, rng.integers(1, 4)), width=(w / n - 3 * r - 16) if inline else w - 60)
        spots.append((cx, cy))
        if not inline:
            y += max(2 * r + 8, p.body * 1.5)
    y += (2 * r + 12) if inline else 4
    if filled:
        p.hand.mark(p, *spots[pick], r, how)
    k = r + 5
    p.answer([(a - k, b - k, a + k, b + k) for a, b in spots], filled)
    return y + 8


def table_task(p, x, y, w, number, progress):
    """A table: printed first row or column, the rest to be filled in."""
    rng = p.rng
    cols, rows, rh = int(rng.integers(2, 7)), int(rng.integers(2, 8)), rng.uniform(30, 62)
    cw = w / cols
    side = rng.random() < 0.6
    for r in range(rows + 1):
        p.line(x, y + r * rh, x + w, y + r * rh)
    for c in range(cols + 1):
        p.line(x + c * cw, y, x + c * cw, y + rows * rh)
    for r in range(rows):
        for c in range(cols):
            x0, y0 = x + c * cw, y + r * rh
            if r == 0 or (side and c == 0):
                p.print(x0 + 6, y0 + rh * 0.25, hand.text(rng, 2), width=cw - 10)
                continue
            filled = p.will_fill(progress)
            if filled:
                p.hand.write(p, x0 + 5, y0 + 2, (cw - 10) * rng.uniform(0.4, 1.0), rh - 4, digits=rng.random() < 0.4)
            p.answer([(x0 + 2, y0 + 2, x0 + cw - 2, y0 + rh - 2)], filled)
    return y + rows * rh + 16


def field_task(p, x, y, w, number, progress):
    """A labelled field of a form: line, box or one cell a letter."""
    rng = p.rng
    d = p.print(x, y + 8, hand.text(rng, rng.integers(1, 4)).capitalize() + rng.choice([":", ""]), width=w * 0.4)
    h, style = rng.uniform(28, 48), rng.random()
    if rng.random() < 0.3:
        d, y = 0, y + p.body * 1.4
    x0, x1 = x + d + 10, x + w * rng.uniform(0.75, 1.0)
    filled = p.will_fill(progress)
    if style < 0.4:
        p.line(x0, y + h, x1, y + h, dotted=style < 0.1)
    elif style < 0.75:
        p.box(x0, y, x1 - x0, h)
    else:
        n = max(3, int((x1 - x0) / (h * 0.8)))
        for i in range(n + 1):
            p.line(x0 + i * (x1 - x0) / n, y, x0 + i * (x1 - x0) / n, y + h)
        p.line(x0, y, x1, y), p.line(x0, y + h, x1, y + h)
    if filled:
        p.hand.write(p, x0 + 4, y + 1, (x1 - x0 - 8) * rng.uniform(0.35, 1.0), h - 2, digits=rng.random() < 0.15)
    p.answer([(x0, y + 1, x1, y + h)], filled)
    return y + h + rng.uniform(8, 24)


TASKS = [lines_task, box_task, gap_task, sums_task, choice_task, table_task]


def columns(p, tasks, weights):
    """Fills the page with tasks, in one or two columns."""
    rng = p.rng
    top = header(p, rng.uniform(40, 90))
    cols = 2 if rng.random() < 0.3 or p.w > p.h else 1
    stop = p.h - rng.uniform(60, 250 if rng.random() < 0.3 else 90)
    number, chosen = 1, [int(i) for i in rng.choice(len(tasks), size=rng.integers(1, 4), p=weights)]
    for c in range(cols):
        x, w, y = 60 + c * (900 / cols), 880 / cols - (20 if cols > 1 else 0), top
        while y < stop - 90:
            if rng.random() < 0.07 and y < stop - 260:
                h = rng.uniform(80, 220)
                picture(p, x + w * 0.2, y, w * 0.5, h)
                y += h + 16
            if rng.random() < 0.1:
                y = paragraph(p, x, y, w, rng.integers(1, 4)) + 8
            task = tasks[chosen[rng.integers(len(chosen))]]
            mark = len(p.answers)
            # Where a task lands decides how likely it is done; a column counts after the one before it.
            y = task(p, x, y, w, number, (c + (y - top) / max(1, stop - top)) / cols) + rng.uniform(0, 30)
            number += 1
            assert len(p.answers) > mark
    if rng.random() < 0.4:
        p.print(p.w / 2, p.h - 36, str(rng.integers(1, 99)), anchor="ma")


def worksheet(p):
    columns(p, TASKS, [0.26, 0.14, 0.16, 0.16, 0.16, 0.12])


def form(p):
    columns(p, [field_task, table_task, choice_task], [0.7, 0.15, 0.15])


def answer_sheet(p):
    """Rows of bubbles: a question a row, marked or not."""
    rng = p.rng
    y0 = header(p, rng.uniform(40, 110))
    if rng.random() < 0.5:
        k = rng.uniform(16, 34)
        for x, y in ((30, 30), (p.w - 30 - k, 30), (30, p.h - 30 - k), (p.w - 30 - k, p.h - 30 - k)):
            s = p.scale
            p.draw.rectangle([x * s, y * s, (x + k) * s, (y + k) * s], fill=p.black)
    if rng.random() < 0.4:  # a number to be coded in bubbles: columns of ten; each column is an answer
        n, r, step = int(rng.integers(3, 10)), rng.uniform(7, 10), rng.uniform(22, 28)
        x0, done = rng.uniform(80, 500), p.will_fill(0.0)
        for i in range(n):
            pick = int(rng.integers(10))
            for d in range(10):
                p.circle(x0 + i * step, y0 + 30 + d * step, r)
                if rng.random() < 0.9:
                    p.print(x0 + i * step, y0 + 30 + d * step, str(d), r * 1.3, anchor="mm")
            if done:
                p.hand.mark(p, x0 + i * step, y0 + 30 + pick * step, r, "fill")
            p.answer([(x0 + i * step - step / 2, y0 + 30 - step / 2, x0 + i * step + step / 2, y0 + 30 + 9.5 * step)], done)
        y0 += 30 + 10 * step + 20
    cols, r = int(rng.integers(1, 6)), rng.uniform(7, 14)
    choices = int(rng.integers(2, 7)) if cols < 4 else int(rng.integers(3, 6))
    step = min(r * rng.uniform(2.6, 4.0), (840 / cols - 55) / choices)
    r = min(r, step * 0.42)
    rh = r * rng.uniform(2.5, 4.2)
    square, lettered = rng.random() < 0.15, rng.random() < 0.6
    how = rng.choice(["fill"] * 5 + ["cross", "tick", "scribble", "ring"])
    total_rows = int((p.h - y0 - rng.uniform(50, 400)) / rh)
    boxed = rng.random() < 0.3
    total = max(1, cols * total_rows)
    for c in range(cols):
        x0 = 80 + c * 860 / cols
        if boxed:
            p.box(x0 - 12, y0, 860 / cols - 12, max(rh, total_rows * rh) + 8)
        for i in range(total_rows):
            y = y0 + rh * (i + 0.6)
            p.print(x0 + 26, y, str(c * total_rows + i + 1), min(p.body, rh * 0.8), anchor="rm")
            filled, pick = p.will_fill((c * total_rows + i) / total), int(rng.integers(choices))
            for k in range(choices):
                cx = x0 + 40 + r + k * step
                (p.box(cx - r, y - r, 2 * r, 2 * r) if square else p.circle(cx, y, r))
                if lettered:
                    p.print(cx, y, "ABCDEFG"[k], r * 1.3, fill=p.rule, anchor="mm")
                if filled and k == pick:
                    p.hand.mark(p, cx, y, r, how)
            p.answer([(x0 + 40 - 3, y - rh / 2 + 1, x0 + 40 + r * 2 + (choices - 1) * step + 3, y + rh / 2 - 1)], filled)


def notes(p):
    """Lined, squared or plain paper, written on from the top."""
    rng, gap = p.rng, p.rng.uniform(30, 52)
    kind, y0, tint = rng.random(), p.rng.uniform(40, 160), (int(p.rng.integers(150, 225)),) * 3
    rows = int((p.h - y0 - 40) / gap)
    for i in range(rows + 1):
        if kind < 0.75:
            p.line(0, y0 + i * gap, p.w, y0 + i * gap, fill=tint)
    if 0.5 < kind < 0.75:
        for x in np.arange(0, p.w, gap):
            p.line(x, 0, x, p.h, fill=tint)
    left = rng.uniform(50, 150)
    if rng.random() < 0.4:
        p.line(left - 12, 0, left - 12, p.h, fill=(220, 120, 120))
    blank_line = rng.random() * 0.15
    for i in range(rows):
        filled = i < p.fraction * rows and rng.random() > blank_line
        box = (left, y0 + i * gap + 2, p.w - 30, y0 + (i + 1) * gap)
        if filled:
            wide = (box[2] - box[0]) * (rng.uniform(0.75, 1.0) if rng.random() < 0.8 else rng.uniform(0.2, 0.7))
            p.hand.write(p, box[0], box[1], wide, gap - 2)
        p.answer([box], filled)


def reading(p):
    """A printed page that asks nothing."""
    y, x, w = header(p, 60), p.rng.uniform(60, 140), p.rng.uniform(620, 800)
    while y < p.h - 120:
        y = paragraph(p, x, y, w, p.rng.integers(3, 12)) + p.rng.uniform(8, 40)
        if p.rng.random() < 0.15 and y < p.h - 330:
            picture(p, x, y, w * 0.6, 200)
            y += 220


KINDS = {"worksheet": worksheet, "form": form, "answer-sheet": answer_sheet, "notes": notes, "reading": reading}


def make(rng, scale=1.0, kinds=None):
    """A finished page: (kind, Sheet)."""
    kind = rng.choice(kinds) if kinds else rng.choice(list(KINDS), p=[0.46, 0.16, 0.2, 0.13, 0.05])
    p = Sheet(rng, scale)
    KINDS[kind](p)
    if p.fraction > 0 and rng.random() < 0.12:  # a teacher's or a bored hand outside the answers
        for _ in range(rng.integers(1, 4)):
            p.hand.mark(p, rng.uniform(50, 950), rng.uniform(50, p.h - 50), rng.uniform(10, 45), rng.choice(["tick", "cross", "ring"]))
    p.finish()
    return str(kind), p
