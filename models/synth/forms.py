"""Fields of forms, as `tasks` has them: what offices, schools and surveys print."""
import numpy as np

from .exercises import blank
from .shelf import number, pick


def captioned_task(p, x, y, w, n):
    """Framed cells, each with a small caption in its corner and room below it."""
    rng, tint = p.rng, p.black if p.rng.random() < 0.6 else p.rule
    small = p.body * rng.uniform(0.5, 0.75)
    for _ in range(int(rng.integers(2, 7))):
        h, cols = rng.uniform(38, 66), int(rng.integers(1, 5))
        edges = np.concatenate([[0], np.sort(rng.uniform(0.15, 0.85, cols - 1)), [1]]) if rng.random() < 0.5 else np.linspace(0, 1, cols + 1)
        for a, b in zip(edges[:-1], edges[1:]):
            if (b - a) * w < 60:
                continue
            x0, x1 = x + a * w, x + b * w
            shaded = rng.random() < 0.04
            p.box(x0, y, x1 - x0, h, 1.3, tint, inside=(225, 226, 230) if shaded else None)
            p.print(x0 + 4, y + 2, p.words(rng.integers(1, 4)).capitalize(), small, width=x1 - x0 - 8)
            if not shaded:
                p.answer("number" if rng.random() < 0.3 else "text", [(x0 + 2, y + small * 1.2, x1 - 2, y + h - 1)])
        y += h
    return y + 16


def inline_task(p, x, y, w, n):
    """Fields one behind the other, words between."""
    rng, look = p.rng, pick(p.rng, ["line", "line", "dotted", "box", "tint"])
    tall = p.body * rng.uniform(1.5, 2.0)
    for _ in range(int(rng.integers(2, 6))):
        at = x
        while at < x + w - 160:
            at += p.print(at, y + tall - p.body, p.words(rng.integers(1, 3)).capitalize() + pick(rng, [":", ""]), width=w * 0.3) + 8
            long = min(rng.uniform(60, 320), x + w - at)
            if long < 40:
                break
            p.answer("number" if rng.random() < 0.25 else "text", [blank(p, at, y + tall, long, tall * 0.95, look)])
            at += long + 16
        y += tall * rng.uniform(1.3, 1.8)
    return y + 8


def dates_task(p, x, y, w, n):
    """Dates and codes, a box for each digit, in groups."""
    rng, k = p.rng, p.rng.uniform(22, 34)
    for _ in range(int(rng.integers(1, 4))):
        at = x + p.print(x, y + 4, p.words(rng.integers(1, 4)).capitalize(), width=w * 0.4) + 14
        boxes = []
        for digits in pick(rng, [(2, 2, 4), (2, 2, 2), (3, 3, 4), (5,), (4, 4), (1, 8)]):
            if at + digits * k > x + w:
                break
            p.grid(at, y, digits * k, k * 1.15, digits, 1)
            boxes.append((at, y, at + digits * k, y + k * 1.15))
            at += digits * k
            p.print(at + k * 0.35, y + k * 0.5, pick(rng, ["/", "-", ".", " "]), anchor="mm")
            at += k * 0.7
        if boxes:
            p.answer("digits", boxes, pitch=k)
        y += k * rng.uniform(1.6, 2.4)
    return y + 8


def either_task(p, x, y, w, n):
    """Questions, each with its choices behind it on the line: yes or no, one of a few."""
    rng, r = p.rng, p.rng.uniform(6.5, 11)
    square, before = rng.random() < 0.65, rng.random() < 0.5
    names = pick(rng, [("Yes", "No"), ("Ja", "Nein"), ("Yes", "No", "N/A"), ("M", "F"), ("1", "2", "3", "4", "5"), ("A", "B", "C", "D")])
    how, step = pick(rng, ["tick", "cross", "cross", "fill", "scribble"]), max(p.body * 2.6, 4 * r) + max(len(s) for s in names) * p.body * 0.4
    step = min(step, w * 0.6 / len(names))
    for _ in range(int(rng.integers(2, 8))):
        cy, spots = y + p.body, []
        p.print(x, cy, p.words(rng.integers(2, 9)), width=w - len(names) * step - 20, anchor="lm")
        for i, name in enumerate(names):
            cx = x + w - (len(names) - i - 0.5) * step
            p.box(cx - r, cy - r, 2 * r, 2 * r, fill=p.black) if square else p.circle(cx, cy, r, fill=p.black)
            p.print(cx - r - 5 if before else cx + r + 5, cy, name, min(p.body, step * 0.3), anchor="rm" if before else "lm")
            spots.append((cx, cy))
        p.answer("spots", [(spots[0][0] - r - 5, cy - max(r * 1.4, p.body * 0.8), spots[-1][0] + r + 5, cy + max(r * 1.4, p.body * 0.8))], spots=spots, r=r, how=how)
        y += max(2.9 * r, p.body * rng.uniform(1.7, 2.4))
    return y + 10


def scale_task(p, x, y, w, n):
    """A table of statements with a column for each degree of agreeing; or with figures to be ringed."""
    rng, k, rows = p.rng, int(p.rng.integers(3, 8)), int(p.rng.integers(3, 9))
    left, rh = w * rng.uniform(0.35, 0.55), max(p.body * 1.9, rng.uniform(28, 50))
    cw, ruled, figures = (w - left) / k, rng.random() < 0.7, rng.random() < 0.25
    r, how = min(rh * 0.26, 10), "ring" if figures else pick(rng, ["tick", "cross", "fill", "scribble"])
    bare = not figures and rng.random() < 0.35  # the cell itself is to be marked
    for c in range(k):
        p.print(x + left + (c + 0.5) * cw, y + rh / 2, p.words(1) if cw > 80 else str(c + 1), min(p.body, cw * 0.3), width=cw, anchor="mm")
    y += rh
    if ruled:
        p.grid(x + left, y, w - left, rows * rh, k, rows), p.box(x, y, left, rows * rh)
    for i in range(rows):
        cy = y + (i + 0.5) * rh
        p.print(x + 6, cy, p.words(rng.integers(2, 8)), width=left - 12, anchor="lm")
        spots = [(x + left + (c + 0.5) * cw, cy) for c in range(k)]
        for c, (cx, _) in enumerate(spots):
            if figures:
                p.print(cx, cy, str(c + 1), anchor="mm")
            elif not bare:
                p.circle(cx, cy, r, fill=p.black)
        if ruled and i:
            p.line(x, y + i * rh, x + left, y + i * rh)
        p.answer("spots", [(x + left + 2, cy - rh / 2 + 1, x + w - 2, cy + rh / 2 - 1)], spots=spots, r=r, how=how)
    return y + rows * rh + 16


def checklist_task(p, x, y, w, n):
    """A list with a box before each line, each to be ticked by itself."""
    rng, r = p.rng, p.rng.uniform(7, 12)
    cols, how = int(rng.integers(1, 4)), pick(rng, ["tick", "tick", "cross", "fill"])
    for _ in range(int(rng.integers(2, 8))):
        for c in range(cols):
            cx, cy = x + c * w / cols + r, y + p.body
            p.box(cx - r, cy - r, 2 * r, 2 * r, fill=p.black)
            p.print(cx + r + 10, cy, p.words(rng.integers(1, 5)), width=w / cols - 3 * r - 14, anchor="lm")
            p.answer("spots", [(cx - r - 3, cy - r - 3, cx + r + 3, cy + r + 3)], spots=[(cx, cy)], r=r, how=how)
        y += max(p.body * 1.8, 2.8 * r)
    return y + 12


def remarks_task(p, x, y, w, n):
    """A large frame under a caption; or lines that run on from a question."""
    rng, h = p.rng, p.rng.uniform(70, 220)
    d = p.print(x, y, p.words(rng.integers(2, 7)).capitalize() + ":", width=w * 0.6)
    if rng.random() < 0.5:
        y += p.body * 1.5
        p.box(x, y, w, h)
        p.answer("box", [(x, y, x + w, y + h)])
        return y + h + 14
    gap, dotted = rng.uniform(28, 42), rng.random() < 0.4
    p.line(x + d + 8, y + p.body * 1.1, x + w, y + p.body * 1.1, dotted=dotted)
    boxes = [(x + d + 8, y - p.body * 0.4, x + w, y + p.body * 1.1)]
    for k in range(int(h / gap)):
        p.line(x, y + p.body * 1.1 + (k + 1) * gap, x + w, y + p.body * 1.1 + (k + 1) * gap, dotted=dotted)
        boxes.append((x, y + p.body * 1.1 + k * gap + 3, x + w, y + p.body * 1.1 + (k + 1) * gap))
    p.answer("lines", boxes)
    return y + p.body * 1.1 + int(h / gap) * gap + 16


def printed_task(p, x, y, w, n):
    """What a form says and does not ask: a heading on a bar, small print, a row of its own number."""
    rng = p.rng
    if rng.random() < 0.6:
        h = p.body * 1.7
        dark = rng.random() < 0.5
        p.box(x, y, w, h, inside=p.accent if dark else (224, 226, 232), fill=p.accent if dark else p.rule)
        p.print(x + 10, y + h / 2, p.words(rng.integers(1, 5)).upper(), fill=(255, 255, 255) if dark and sum(p.accent) < 420 else p.black, width=w - 20, anchor="lm")
        y += h + 8
    for _ in range(int(rng.integers(0, 4))):
        p.print(x, y, p.words(30), p.body * 0.65, width=w)
        y += p.body
    if rng.random() < 0.3:
        p.print(x + w, y, f"No. {number(rng, 5)}", anchor="ra")
        y += p.body * 1.4
    return y + 4


FORMS = {captioned_task: 0.24, inline_task: 0.18, dates_task: 0.08, either_task: 0.14, scale_task: 0.12, checklist_task: 0.08, remarks_task: 0.08, printed_task: 0.08}
