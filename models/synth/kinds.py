"""Kinds of pages, made of tasks or of a kind of their own."""
import numpy as np

from . import documents, exercises, forms, papers, puzzles, tables, tasks
from .shelf import chosen, number, pick
from .sheet import Sheet, clipart, header, paragraph


def flow(p, some, cols=None, cover=0.04):
    """Fills the page with tasks, in one column or more; `cover` is how often instructions and a table of marks come first."""
    rng = p.rng
    top = header(p, rng.uniform(35, 95))
    if rng.random() < cover:
        top = tasks.instructions(p, 60, top, 880)
    if rng.random() < cover:
        top = tasks.marks_table(p, 60, top + 8, rng.uniform(250, 880))
    cols = cols or (2 if rng.random() < 0.28 or p.w > p.h else 1)
    stop = p.h - (rng.uniform(60, 120) if rng.random() < 0.7 else rng.uniform(120, 0.45 * p.h))
    side = rng.uniform(45, 85)
    gutter, n = rng.uniform(18, 40), 1
    w = (1000 - 2 * side - gutter * (cols - 1)) / cols
    air = rng.uniform(2, 34)
    if cols > 1 and rng.random() < 0.3:
        p.line(500, top, 500, stop, 1)
    for c in range(cols):
        x, y = side + c * (w + gutter), top
        run = pick(rng, some)
        while y < stop - 100:
            p.place = (c + (y - top) / max(1, stop - top)) / cols
            if rng.random() < 0.06 and y < stop - 260:
                h = rng.uniform(80, 200)
                clipart(p, x + w * rng.uniform(0, 0.4), y, w * 0.5, h)
                y += h + 14
            if rng.random() < 0.12:
                y = paragraph(p, x, y, w, rng.integers(1, 4)) + 8
            if rng.random() < 0.35:
                run = pick(rng, some)
            y = run(p, x, y, w, n) + air * rng.uniform(0.5, 1.5) + p.air(50, 300)
            n += 1
    if rng.random() < 0.4:
        p.print(500, p.h - 36, str(rng.integers(1, 99)), anchor="ma")


def worksheet(p):
    weights = tasks.TASKS | exercises.EXERCISES | puzzles.PUZZLES | {papers.count_task: 0.05}
    if p.han:
        weights[tasks.tianzi_task] = 0.24
    flow(p, chosen(p.rng, weights, p.rng.integers(1, 6)))


def drill(p):
    """One task over the whole page."""
    one = chosen(p.rng, {tasks.sums_task: 5, tasks.table_task: 1, tasks.trace_task: 1, tasks.gap_task: 2, tasks.truth_task: 1,
                         exercises.listed_task: 1.5, exercises.compare_task: 0.7, exercises.chart_task: 0.7, exercises.sequence_task: 0.7,
                         exercises.letters_task: 0.7, exercises.guides_task: 1, puzzles.bonds_task: 0.7,
                         puzzles.houses_task: 0.7, puzzles.columns_task: 0.7, puzzles.signs_task: 0.7, tasks.tianzi_task: 5 if p.han else 0}, 1)
    flow(p, one, int(p.rng.integers(1, 3)))


def exam(p):
    """Questions with large boxes, points in the margin."""
    flow(p, [tasks.box_task, tasks.box_task, tasks.lines_task, exercises.work_task, exercises.axes_task], 1, cover=0.25)


def form(p):
    few = {tasks.field_task: 0.7, tasks.table_task: 0.12, tasks.choice_task: 0.1, tasks.truth_task: 0.08}
    flow(p, chosen(p.rng, few if p.rng.random() < 0.4 else few | {k: 2 * v for k, v in forms.FORMS.items()}, p.rng.integers(4, 8)))


def held(p):
    flow(p, chosen(p.rng, tasks.HELD, 2) + chosen(p.rng, tasks.TASKS, p.rng.integers(0, 2)), int(p.rng.integers(1, 4)))


class Bubbles:
    """How the bubbles of one sheet look: shape, size, the weight of their lines and letters; and how they are marked."""

    def __init__(self, rng, p, r):
        self.p, self.r = p, r
        self.shape = pick(rng, ["round"] * 6 + ["oval", "oval", "square", "square", "bracket"])
        self.line = r * rng.uniform(0.05, 0.25) if rng.random() < 0.5 else 1.2
        self.ring, self.ink = (p.black if rng.random() < 0.4 else p.rule for _ in range(2))
        self.letter = r * rng.uniform(0.95, 1.6)
        hows = ["fill"] * 7 + ["cross", "cross", "tick", "scribble", "ring", "dot", "line"]
        self.hows = hows[3:] if rng.random() < 0.15 else [pick(rng, hows)]  # some children mark in any way that comes

    def how(self):
        return pick(self.p.rng, self.hows)

    def print(self, x, y, letter):
        p, r = self.p, self.r
        if self.shape == "bracket":
            return p.print(x, y, f"[{letter}]", r * 1.7, fill=self.ring, anchor="mm")
        if self.shape == "square":
            p.box(x - r, y - r, 2 * r, 2 * r, self.line, self.ring)
        elif self.shape == "oval":
            p.box(x - r * 1.25, y - r * 0.8, r * 2.5, r * 1.6, self.line, self.ring, round_=r * 0.8)
        else:
            p.circle(x, y, r, self.line, self.ring)
        if letter:
            p.print(x, y, letter, self.letter, fill=self.ink, anchor="mm")


def code_block(p, x, y, digits, step, bubbles, n):
    """A number coded in columns of ten bubbles, boxes over them; each column is an answer."""
    boxed, r, beside = p.rng.random() < 0.6, bubbles.r, p.rng.random() < 0.3
    name = lambda d: str(d) if digits == 10 else chr(65 + d)
    for d in range(digits if beside else 0):  # the digits stand once, at the side
        p.print(x - 2, y + step * (1.9 + d), name(d), r * 1.8, anchor="rm")
    for i in range(n):
        cx = x + (i + 0.5) * step
        if boxed:
            p.box(cx - step / 2, y, step, step * 1.2)
            p.unsure.append((cx - step / 2, y, cx + step / 2, y + step * 1.2))
        spots = [(cx, y + step * 1.9 + d * step) for d in range(digits)]
        for d, (a, b) in enumerate(spots):
            bubbles.print(a, b, "" if beside else name(d))
        p.answer("spots", [(cx - step / 2, y + step * 1.35, cx + step / 2, y + step * (digits + 1.4))], spots=spots, r=r, how=bubbles.how())
    if not beside:
        p.box(x - 4, y - 4, n * step + 8, step * (digits + 1.6) + 8)
    return n * step + 8, step * (digits + 1.6) + 8


def codes(p, x, y, step, bubbles):
    """One to three blocks beside each other, as many as have room; returns the y below them."""
    rng, tall = p.rng, 0
    for _ in range(rng.integers(1, 4)):
        n = int(rng.integers(3, 11))
        if x + (n + 1) * step > 960 or 13 * step > 0.6 * p.h:
            break
        p.place = 0.0
        w, h = code_block(p, x, y + 10, 26 if bubbles.r < 8 and rng.random() < 0.3 else 10, step, bubbles, n)
        x, tall = x + w + rng.uniform(20, 60), max(tall, h)
    return y + tall + 30 if tall else y


def cover(p):
    """The front of an exam: headings and instructions, a number to be coded in bubbles, a table of marks that is the examiner's; names."""
    rng, y = p.rng, p.rng.uniform(40, 200)
    for _ in range(int(rng.integers(1, 5))):
        size = p.body * rng.uniform(0.9, 2.2)
        p.print(500, y, p.words(rng.integers(2, 6)).title(), size, 800, anchor="ma")
        y += size * 1.6
    r = float(np.exp(rng.uniform(np.log(5), np.log(11))))
    bubbles, step, side = Bubbles(rng, p, r), r * rng.uniform(2.35, 3.2), rng.random() < 0.5
    foot = codes(p, rng.uniform(540, 640) if side else rng.uniform(60, 400), y, step, bubbles)
    for _ in range(int(rng.integers(0, 3)) if side else 0):
        long = rng.uniform(200, 420)
        p.print(60, y, pick(rng, ["Name", "First name :", "Surname", "Klasse", "Nom :", "Student"]))
        p.box(60, y + p.body * 1.4, long, p.body * 2)
        p.unsure.append((60, y + p.body * 1.4, 60 + long, y + p.body * 3.4))
        y += p.body * 4
    below = tasks.instructions(p, 60, y if side else foot, 420 if side else 880) if rng.random() < 0.85 else y
    if rng.random() < 0.7:
        tasks.marks_table(p, rng.uniform(540, 640) if side else 60, foot + 10 if side else below, rng.uniform(200, 330))


def answer_sheet(p):
    """Rows of bubbles: a question a row, marked or not; with codes, corner marks, bars, instructions and a table of marks."""
    rng = p.rng
    y0 = header(p, rng.uniform(35, 110))
    if rng.random() < 0.2:
        y0 = tasks.instructions(p, 60, y0, 880 if rng.random() < 0.6 else 500)
    corner = rng.random()
    if corner < 0.5:
        k = rng.uniform(14, 36)
        for x, y in ((26, 26), (p.w - 26 - k, 26), (26, p.h - 26 - k), (p.w - 26 - k, p.h - 26 - k)):
            if corner < 0.3:
                p.box(x, y, k, k, fill=p.black, inside=p.black)
            elif corner < 0.4:
                p.circle(x + k / 2, y + k / 2, k / 2, 4, p.black), p.circle(x + k / 2, y + k / 2, k / 6, 2, p.black, p.black)
            else:
                p.line(x, y + k / 2, x + k, y + k / 2, 5, p.black), p.line(x + k / 2, y, x + k / 2, y + k, 5, p.black)
    if rng.random() < 0.15:  # timing marks along an edge
        for y in np.arange(60, p.h - 60, rng.uniform(18, 40)):
            p.box(18, y, 16, 6, fill=p.black, inside=p.black)
    r = float(np.exp(rng.uniform(np.log(5), np.log(17) if rng.random() < 0.75 else np.log(42))))
    bubbles, step = Bubbles(rng, p, r), r * rng.uniform(2.35, 3.6)
    if rng.random() < 0.35:
        y0 = codes(p, rng.uniform(60, 200), y0, step, bubbles)
    if rng.random() < 0.12:
        y0 = tasks.marks_table(p, 60, y0 + 8, rng.uniform(250, 500))
    choices = int(rng.integers(2, 8))
    while choices > 2 and 90 + r + choices * step > 900:
        choices -= 1
    look = rng.random()  # letters within, above each, above the column, or none
    lettered, above = look < 0.6 or bubbles.shape == "bracket", look >= 0.8
    names = [str(k + 1) for k in range(8)] if rng.random() < 0.12 else list("TF") if choices == 2 else list("ABCDEFGH")
    start = max(48, 14 + r * 2.6)  # where a row's bubbles begin: its number stands before them
    wide = start + 4 + r + choices * step
    cols = int(np.clip(rng.integers(1, 7), 1, max(1, 880 // wide)))
    gap = 900 / cols
    each = above and rng.random() < 0.5
    rh = step * (rng.uniform(1.6, 3.2) if each else rng.uniform(0.95, 1.5))
    q = "Q" if rng.random() < 0.12 else ""
    bottom = p.h - (rng.uniform(40, 120) if rng.random() < 0.6 else rng.uniform(100, 0.5 * p.h))
    rows = max(1, int((bottom - y0 - 12) / rh))
    boxed, bands, first = rng.random() < 0.35, rng.random() < 0.12, int(rng.integers(1, 60)) if rng.random() < 0.1 else 1
    groups = int(rng.integers(4, 7)) if rng.random() < 0.35 else 0
    if groups:
        rows = max(1, int((bottom - y0 - 12) / (rh * (1 + 0.6 / groups))))
    for c in range(cols):
        x0 = 60 + c * gap
        y = y0
        for i in range(rows):
            y += rh * (1.6 if groups and i and i % groups == 0 else 1.0)
            p.place = (c + i / rows) / cols
            if bands and i % 2:
                p.box(x0 - 4, y - rh / 2, wide, rh, fill=(238, 228, 224), inside=(238, 228, 224))
            p.print(x0 + start - 14, y, q + str(first + c * rows + i), max(min(p.body, rh * 0.75), r * 0.9), fill=p.accent, anchor="rm")
            spots = [(x0 + start + r + k * step, y) for k in range(choices)]
            for k, (a, b) in enumerate(spots):
                bubbles.print(a, b, names[k] if lettered else "")
                if above and (each or i == 0):
                    p.print(a, y - r * 2.1, names[k], r * 1.7, anchor="mm")
            top = min(rh / 2, r * 1.6) if each else rh / 2
            p.answer("spots", [(spots[0][0] - r - 3, y - top, spots[-1][0] + r + 3, y + top)], spots=spots, r=r, how=bubbles.how())
        if boxed:
            p.box(x0 - 8, y0 + rh * 0.3, wide + 8, y - y0 + rh * 0.4)


def ticked_rows(p, top):
    """A table: a row a question, a cell a choice, one of them ticked, crossed or filled; or boxes that stand alone."""
    rng, rh, choices = p.rng, float(np.exp(p.rng.uniform(np.log(15), np.log(46)))), int(p.rng.integers(2, 7))
    first = max(rh * 1.1, 36)
    cw = min(rh * (rng.uniform(0.9, 3.0) if rng.random() < 0.65 else rng.uniform(3.0, 9.0)), (870 - first) / choices)
    wide, apart, head, inside = first + choices * cw, rng.random() < 0.3, rng.random() < 0.8, rng.random() < 0.15
    blocks, line, ring = int(np.clip(rng.integers(1, 6), 1, 880 // (wide + 8))), rng.uniform(0.8, 2.6), p.black if rng.random() < 0.6 else p.rule
    rows = int(np.clip((p.h - (rng.uniform(40, 120) if rng.random() < 0.5 else rng.uniform(100, 0.55 * p.h)) - top) / rh - 1, 2, 60))
    how = pick(rng, ["hatch", "hatch", "hatch", "cross", "tick", "scribble"] if apart else
               ["tick", "tick", "cross", "cross", "scribble", "fill", "ring", "line", "hatch"])
    half = (0.5 * cw, 0.5 * rh) if not apart else (min(cw, rh * rng.uniform(1, 4)) * rng.uniform(0.26, 0.42), rh * rng.uniform(0.22, 0.4))
    names, size = pick(rng, [list("ABCDEF"), list("abcdef"), [str(k + 1) for k in range(6)]]), min(p.body, rh * 0.7)
    for c in range(blocks):
        x0, y = 60 + c * 880 / blocks, top
        if not apart:
            p.box(x0, y, wide, (rows + head) * rh, line, ring)
            for k in range(choices):
                p.line(x0 + first + k * cw, y, x0 + first + k * cw, y + (rows + head) * rh, line, ring)
        for k in range(choices if head else 0):
            p.print(x0 + first + (k + 0.5) * cw, y + rh / 2, names[k], size, anchor="mm")
        y += rh * head
        for i in range(rows):
            p.place = (c + i / rows) / blocks
            p.print(x0 + first / 2, y + rh / 2, str(1 + c * rows + i), size, anchor="mm")
            spots = [(x0 + first + (k + 0.5) * cw, y + rh / 2) for k in range(choices)]
            for k, (a, b) in enumerate(spots):
                if apart:
                    p.box(a - half[0], b - half[1], 2 * half[0], 2 * half[1], line, ring)
                if inside:
                    p.print(a, b, names[k], size * 0.8, fill=ring, anchor="mm")
            if not apart:
                p.line(x0, y, x0 + wide, y, line, ring)
            p.answer("spots", [(x0 + first + 1, y + 1, x0 + wide - 1, y + rh - 1)], spots=spots, r=min(half) * rng.uniform(0.5, 0.85), how=how,
                     half=(half[0] * 0.9, half[1] * 0.9))
            y += rh


def numbered_cells(p, top):
    """A table with a cell for each answer, its number in the cell or in a row above: a letter, a number or a word."""
    rng, rh, cols = p.rng, float(np.exp(p.rng.uniform(np.log(24), np.log(80)))), int(p.rng.integers(2, 11))
    cw, over, line, ring = 880 / cols, rng.random() < 0.45, rng.uniform(0.8, 2.6), p.black if rng.random() < 0.6 else p.rule
    tall = rh * (rng.uniform(1.5, 2.0) if over else 1)
    rows = int(np.clip((p.h - rng.uniform(40, 0.6 * p.h) - top) / tall, 1, 24))
    corner, size = rng.random() < 0.4, min(p.body * 1.2, rh * 0.6, cw * 0.4)
    say = pick(rng, ["letters", "letters", "letters", "number", "text"])
    p.box(60, top, 880, rows * tall, line, ring)
    for k in range(1, cols):
        p.line(60 + k * cw, top, 60 + k * cw, top + rows * tall, line, ring)
    for i in range(rows):
        y = top + i * tall
        foot = y + tall
        p.line(60, y, 940, y, line, ring)
        if over:
            p.line(60, foot - rh, 940, foot - rh, line, ring)
        for k in range(cols):
            p.place, x = (i + k / cols) / rows, 60 + k * cw
            if over:
                p.print(x + cw / 2, (y + foot - rh) / 2, str(1 + i * cols + k), min(size, (tall - rh) * 0.9), anchor="mm")
                left = x + 2
            else:
                wide = p.print(x + 5, y + (4 if corner else (rh - size) / 2), f"{1 + i * cols + k}{'.' if corner else ''}", size * (0.7 if corner else 1))
                left = x + min(cw * 0.45, wide + 8)
            box = [(left, foot - rh + 1, x + cw - 2, foot - 1)]
            if say == "letters":
                p.answer("cells", box, cells=1, letters=pick(rng, ["ABCD", "ABCDE", "TF", "ABC"]))
            else:
                p.answer(say, box, middle=True)


def answer_table(p):
    """A table to answer in, with or without questions."""
    top = header(p, p.rng.uniform(35, 110))
    if p.rng.random() < 0.3:
        top = paragraph(p, 60, top, 880, p.rng.integers(1, 6)) + 12
    (ticked_rows if p.rng.random() < 0.6 else numbered_cells)(p, top)


def notes(p):
    """Lined, squared or plain paper, written on from the top: how far is it filled."""
    rng, gap = p.rng, p.rng.uniform(26, 50)
    kind, y0 = rng.random(), rng.uniform(40, 160)
    tint = pick(rng, [(190, 205, 225), (170, 170, 175), (150, 180, 210), (205, 205, 205), (215, 190, 190), (190, 215, 190)])
    if rng.random() < 0.2:
        p.print(rng.uniform(60, 500), y0 - p.body * 2, p.words(4), p.body * 1.3)
    rows = max(2, int((p.h - y0 - rng.uniform(20, 80)) / gap))
    left = rng.uniform(40, 150)
    squared = 0.5 < kind < 0.78
    for i in range(rows + 1):
        if kind < 0.5 or squared:
            p.line(0, y0 + i * gap, p.w, y0 + i * gap, 1.2, tint)
    if squared:
        for x in np.arange(gap / 2, p.w, gap):
            p.line(x, 0, x, p.h, 1.2, tint)
        for i in range(int(y0 / gap) + 1):
            p.line(0, y0 - i * gap, p.w, y0 - i * gap, 1.2, tint)
    if rng.random() < 0.4:
        p.line(left - 12, 0, left - 12, p.h, 1.5, (220, 120, 120))
    sparse = rng.random() < 0.2
    for i in range(rows):
        p.place = i / rows
        p.answer("text", [(left, y0 + i * gap + 2, p.w - 30, y0 + (i + 1) * gap)], order=i, of=rows, sparse=sparse, free=True)


def reading(p):
    """A printed page that asks nothing: a book, a letter, an article."""
    rng = p.rng
    if p.shelf.prints and rng.random() < 0.4:
        return documents.printed(p)
    cols = 2 if rng.random() < 0.25 else 1
    top = header(p, 60) if rng.random() < 0.5 else rng.uniform(60, 140)
    p.unsure.clear()
    side = rng.uniform(60, 150)
    w = (1000 - 2 * side - 30 * (cols - 1)) / cols
    for c in range(cols):
        y, x = top, side + c * (w + 30)
        while y < p.h - 120:
            y = paragraph(p, x, y, w, rng.integers(2, 14)) + rng.uniform(4, 40)
            if rng.random() < 0.12 and y < p.h - 330:
                clipart(p, x + w * 0.15, y, w * 0.6, 180)
                y += 200
            if rng.random() < 0.08 and y < p.h - 330:  # a table or a list, all printed
                for i in range(int(rng.integers(3, 8))):
                    p.print(x + 20, y, p.words(3), width=w * 0.5), p.print(x + w, y, number(rng), anchor="ra")
                    y += p.body * 1.5
    if rng.random() < 0.6:
        p.print(500, p.h - 50, str(rng.integers(1, 400)), anchor="ma")


def blank(p):
    """Bare paper."""


KINDS = {"worksheet": (worksheet, 0.25), "drill": (drill, 0.09), "exam": (exam, 0.05), "form": (form, 0.06), "answer-sheet": (answer_sheet, 0.15),
         "answer-table": (answer_table, 0.08), "cover": (cover, 0.02), "notes": (notes, 0.07), "reading": (reading, 0.05), "blank": (blank, 0.01),
         "document": (documents.document, 0.17), "paper": (papers.paper, 0.16), "quiz": (papers.quiz, 0.05), "textbook": (papers.textbook, 0.05), "tax": (papers.tax, 0.04),
         "grids": (puzzles.grids, 1e-6), "tables": (tables.tables, 1e-6)}  # by --kinds alone: the pages that judge stay as they were


def make(rng, shelf, scale=1.1, layout="train", kinds=None):
    """A printed page: (kind, Sheet). With layout "held", half of the pages are of tasks kept from training."""
    if layout == "held" and not kinds and rng.random() < 0.5:
        kind, make_it = "held", held
    else:
        kind, = chosen(rng, {k: KINDS[k][1] for k in kinds or KINDS if k != "document" or shelf.documents or shelf.worksheets} or {"form": 1.0}, 1)
        make_it = KINDS[kind][0]
    p = Sheet(rng, shelf, scale)
    make_it(p)
    p.trim()
    return kind, p
