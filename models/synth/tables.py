"""Pages of tables of any build, and of frames wide and pale: of a table's columns some are printed, some asked, some ticked; what looks
like a full cell is often print, and what looks like bare paper often asked."""
import numpy as np

from .shelf import chosen, number, pick
from .sheet import header, paragraph

ROLES = {"words": 0.26, "figures": 0.14, "text": 0.26, "number": 0.24, "mixed": 0.1}
RULES = {"all": 8, "rows": 3, "bands": 2, "columns": 1, "outer": 1}
FORMULAS = ("{a}x + {b} = {c}", "{a} : {b} = {c}", "({a}, {b})", "{a}/{b}", "{a} cm", "x² − {a}", "√{a}", "{a}°", "P({a})", "{a},{b}", "f(x) = {a}x")


def said(p, role):
    """What is printed in a cell."""
    rng = p.rng
    if role == "words":
        return p.words(rng.integers(1, 4))
    if rng.random() < 0.3:
        return pick(rng, FORMULAS).format(a=rng.integers(2, 20), b=rng.integers(2, 20), c=rng.integers(2, 200))
    return number(rng)


def rule(p, xs, ys, look, line, ink):
    """A table's lines, by the edges of its columns and rows."""
    dotted = p.rng.random() < 0.08
    if look == "bands":
        for top, foot in list(zip(ys, ys[1:]))[1::2]:
            p.box(xs[0], top, xs[-1] - xs[0], foot - top, fill=p.tint, inside=p.tint)
    if look in ("all", "rows"):
        for y in ys:
            p.line(xs[0], y, xs[-1], y, line, ink, dotted)
    if look in ("all", "columns"):
        for x in xs:
            p.line(x, ys[0], x, ys[-1], line, ink, dotted)
    if look in ("outer", "columns"):
        p.box(xs[0], ys[0], xs[-1] - xs[0], ys[-1] - ys[0], line, ink)


class Ticks:
    """How the last columns of a table are answered: in each row one of their cells is marked; bare, or with something in each."""

    def __init__(self, rng):
        self.how, self.look = pick(rng, ["tick", "cross", "fill", "scribble", "ring"]), pick(rng, ["bare", "circle", "box", "letter"])

    def row(self, p, xs, y, foot):
        spots = [((a + b) / 2, (y + foot) / 2) for a, b in zip(xs, xs[1:])]
        r = max(5, min(0.3 * (foot - y), 0.3 * min(np.diff(xs)), 14))
        for i, (a, b) in enumerate(spots):
            if self.look == "circle":
                p.circle(a, b, r, fill=p.rule)
            elif self.look == "box":
                p.box(a - r, b - r, 2 * r, 2 * r, fill=p.rule)
            elif self.look == "letter":
                p.print(a, b, chr(65 + i), r * 1.8, anchor="mm")
        p.answer("spots", [(xs[0] + 1, y + 1, xs[-1] - 1, foot - 1)], spots=spots, r=r, how=self.how)


def measured(p, x, y, w, cols):
    """Where the edges of a table's columns and rows are, its head a row: some columns wider than others, some tables' rows higher."""
    rng = p.rng
    rows = int(rng.integers(2, 14))
    share = rng.dirichlet(np.full(cols, rng.uniform(2, 12))) * 0.6 + 0.4 / cols
    w = w * (1 if rng.random() < 0.7 else rng.uniform(0.5, 1))
    rh = float(np.exp(rng.uniform(np.log(20), np.log(90))))
    rows = max(1, min(rows, int((p.h - 50 - y) / rh) - 1))
    high = rh * (rng.uniform(0.8, 1.6, rows + 1) if rng.random() < 0.2 else np.ones(rows + 1))
    high[0] = max(p.body * 1.5, min(high[0], 50))
    return [x, *(x + np.cumsum(share) * w)], [y, *(y + np.cumsum(high))], rh


def any_task(p, x, y, w, n):
    """A table of columns of any width, each of one role; of those asked some cells are printed, as an example or because they are given."""
    rng = p.rng
    cols = int(rng.integers(2, 9))
    xs, ys, rh = measured(p, x, y, w, cols)
    roles = chosen(rng, ROLES, cols)
    if rng.random() < 0.75:
        roles[0] = pick(rng, ["words", "words", "figures"])
    ticked = int(rng.integers(2, cols)) if cols > 3 and rng.random() < 0.3 else 0
    given, first = (rng.uniform(0.05, 0.6) if rng.random() < 0.35 else 0.0), rng.random() < 0.12
    head, size = rng.random() < 0.85, min(p.body * rng.uniform(0.8, 1.1), rh * 0.6)
    look, line, ink = chosen(rng, RULES, 1)[0], rng.uniform(0.7, 2.4), p.black if rng.random() < 0.4 else p.rule
    if head and rng.random() < 0.35:
        p.box(xs[0], ys[0], xs[-1] - xs[0], ys[1] - ys[0], fill=p.tint, inside=p.tint)
    rule(p, xs, ys if head else ys[1:], look, line, ink)
    for a, b in zip(xs, xs[1:]) if head else ():
        p.print((a + b) / 2, (ys[0] + ys[1]) / 2, said(p, "words"), size, b - a - 6, anchor="mm")
    ticks, middle = Ticks(rng), rng.random() < 0.5
    for r, (top, foot) in enumerate(zip(ys[1:], ys[2:])):
        p.place = min(1.0, top / p.h)
        for a, b, role in list(zip(xs, xs[1:], roles))[:cols - ticked]:
            printed = role in ("words", "figures") or (role == "mixed" and rng.random() < 0.5) or rng.random() < given or (first and r == 0)
            if printed:
                at, anchor = ((a + b) / 2, "mm") if middle else (a + 5, "lm")
                p.print(at, (top + foot) / 2, said(p, role), size, b - a - 8, anchor=anchor)
            else:
                tall = foot - top > 58 and b - a > 150 and role == "text"
                p.answer("box" if tall else "number" if role == "number" else "text", [(a + 2, top + 2, b - 2, foot - 2)], middle=middle and not tall)
        if ticked:
            ticks.row(p, xs[cols - ticked:], top, foot)
    return ys[-1] + rng.uniform(10, 40)


def frames_task(p, x, y, w, n):
    """Frames side by side, each under a question, beside it or with it inside: pale or dark, low or high."""
    rng = p.rng
    cols = int(pick(rng, [1, 1, 1, 2, 2, 3]))
    high, gap = float(np.exp(rng.uniform(np.log(34), np.log(260)))), rng.uniform(8, 30)
    wide, line = (w - gap * (cols - 1)) / cols, rng.uniform(0.7, 3)
    ink = (int(rng.integers(150, 225)),) * 3 if rng.random() < 0.45 else p.accent
    inside, where = p.tint if rng.random() < 0.12 else None, pick(rng, ["over", "over", "inside", "beside"])
    round_ = rng.uniform(6, 20) if rng.random() < 0.3 else 0
    for _ in range(int(rng.integers(1, 5))):
        if y + high + 2 * p.body > p.h - 40:
            break
        top = y + (p.body * 1.5 if where == "over" else 0)
        for c in range(cols):
            left, words = x + c * (wide + gap), f"{n}. " * (rng.random() < 0.4) + p.words(rng.integers(1, 8))
            from_ = 0.0
            if where == "over":
                p.print(left, y, words, width=wide)
            elif where == "beside":
                from_ = p.print(left, top + high / 2, words, width=wide * 0.4, anchor="lm") + 8
            p.box(left + from_, top, wide - from_, high, line, ink, round_, inside)
            head = 0.0
            if where == "inside":
                p.print(left + 6, top + 4, words, p.body * 0.9, wide - 12)
                head = p.body * 1.3
            if high - head < 20:
                continue
            kind = "drawing" if high > 120 and rng.random() < 0.15 else "box" if high - head > 50 else "text"
            p.answer(kind, [(left + from_ + 2, top + head + 2, left + wide - 2, top + high - 2)])
        y = top + high + gap
    return y + 10


def tables(p):
    """A page of such tables and frames, with print between them."""
    rng, side = p.rng, p.rng.uniform(40, 110)
    p.untouched = 0.25
    y, n = header(p, rng.uniform(35, 110)), 1
    stop = p.h - (rng.uniform(60, 120) if rng.random() < 0.7 else rng.uniform(120, 0.5 * p.h))
    while y < stop - 90:
        p.place = y / p.h
        if rng.random() < 0.5:
            y = paragraph(p, side, y, 1000 - 2 * side, rng.integers(1, 5)) + 8
        y = (any_task if rng.random() < 0.7 else frames_task)(p, side, y, 1000 - 2 * side, n)
        n += 1
