"""Tasks: each prints itself at (x, y), w wide, says where its answers go, and returns the y below it.

HELD tasks are drawn for judging alone: layouts that the net has never met.
"""
import numpy as np

from .exercises import blank
from .shelf import number, pick
from .sheet import clipart, numbered, paragraph


def lines_task(p, x, y, w, n):
    """A question and ruled lines."""
    rng = p.rng
    y = numbered(p, x, y, w, n)
    rows, gap = int(pick(rng, [1, 1, 1, 2, 2, 3, 4, 6, 9])), rng.uniform(26, 46)
    dotted, boxes, fill = rng.random() < 0.25, [], p.rule
    for _ in range(rows):
        p.line(x + 8, y + gap, x + w - 8, y + gap, dotted=dotted, fill=fill)
        boxes.append((x + 8, y + 3, x + w - 8, y + gap))
        y += gap
    if rows > 4:  # so many lines are free writing: how far they are filled
        for i, b in enumerate(boxes):
            p.answer("text", [b], order=i, of=rows)
    else:
        p.answer("lines", boxes)
    return y + 12


def box_task(p, x, y, w, n):
    """A question and a box, or bare or squared room."""
    rng = p.rng
    y = numbered(p, x, y, w, n)
    if rng.random() < 0.15:
        y = paragraph(p, x, y, w, rng.integers(1, 4), p.body * 0.9)
    h, bw = float(np.exp(rng.uniform(np.log(45), np.log(330)))), w * pick(rng, [1.0, 1.0, 0.6])
    look = rng.random()
    if look < 0.75:
        p.box(x, y, bw, h, width=rng.uniform(1, 3), round_=pick(rng, [0, 0, 0, 12]))
    elif look < 0.88:
        step = rng.uniform(18, 28)
        cols, rows = max(1, int(bw / step)), max(1, int(h / step))
        p.grid(x, y, bw, h, cols, rows, 1, (205, 212, 222))
    p.answer("drawing" if rng.random() < 0.18 else "box", [(x, y, x + bw, y + h)], bare=look >= 0.88)
    return y + h + 16


def gap_task(p, x, y, w, n):
    """Sentences with gaps."""
    rng, at = p.rng, x
    at += p.print(x, y, f"{n}. ") + 6
    tall = p.body * rng.uniform(1.5, 2.1)
    for _ in range(rng.integers(1, 6)):
        words = p.words(rng.integers(1, 6)) + " "
        if at + len(words) * p.body * (1.0 if p.han else 0.55) > x + w - 110:
            at, y = x + 20, y + tall * 1.25
        at += p.print(at, y, words, width=max(60, x + w - at - 120)) + 5
        long = min(rng.uniform(45, 190), max(40, x + w - at - 4))
        style = rng.random()
        if p.han and style < 0.5:
            p.print(at, y, "（"), p.print(at + long, y, "）", anchor="ra")
        elif style < 0.75:
            p.line(at, y + p.body * 1.1, at + long, y + p.body * 1.1, dotted=style < 0.15)
        else:
            p.box(at, y - p.body * 0.4, long, tall)
        if rng.random() < 0.03:  # an example, done in print
            p.print(at + 6, y, p.words(1), width=long - 8, fill=p.accent)
        else:
            p.answer("text", [(at, y + p.body * 1.15 - tall, at + long, y + p.body * 1.15)])
        at += long + 8
        if at < x + w - 90 and rng.random() < 0.6:
            at += p.print(at, y, p.words(rng.integers(1, 3)), width=x + w - at) + 6
    return y + tall * 1.4


def sums_task(p, x, y, w, n):
    """A grid of sums, each with a line, a box or just room for its result; or standing sums."""
    rng, style = p.rng, p.rng.random()
    cols, rows = int(rng.integers(1, max(2, int(w / 190)) + 1)), int(rng.integers(2, 9))
    if rng.random() < 0.22:
        return standing(p, x, y, w, max(2, int(w / 150)), int(rng.integers(1, 4)))
    cw, rh, signs = w / cols, rng.uniform(32, 66), pick(rng, [["+"], ["-"], ["+", "-"], ["x"], ["\u00d7"], [":", "x"], ["\u00f7"]])
    size, top = p.body * rng.uniform(1.0, 1.4), p.place
    for r in range(rows):
        for c in range(cols):
            cx, cy = x + c * cw, y + r * rh
            p.place = top + 0.001 * (r * cols + c)
            hole = rng.random() < 0.1
            a, b = rng.integers(1, 99, 2)
            base = cy + rh * 0.28
            if not hole:
                d = p.print(cx, base, f"{a} {pick(rng, signs)} {b} =", size)
            else:
                d = p.print(cx, base, f"{a} {pick(rng, signs)}", size)
            x0 = cx + d + 6
            x1 = x0 + min(rng.uniform(45, 90), max(32, cw - d - 10))
            if style < 0.4:
                p.line(x0, base + size * 1.05, x1, base + size * 1.05)
            elif style < 0.65:
                p.box(x0, cy + rh * 0.1, x1 - x0, rh * 0.75)
            if rng.random() < 0.015:  # an example, done in print
                p.print(x0 + 4, base, str(a + b), size)
                continue
            if hole and x1 + size * 2.6 < cx + cw:
                p.print(x1 + 6, base, f"= {a + b}", size)
            p.answer("number", [(x0, cy + rh * 0.1, x1, cy + rh * 0.86)])
    return y + rows * rh + 12


def standing(p, x, y, w, cols, rows):
    """Sums one over the other, the result below a bar."""
    rng, size = p.rng, p.body * p.rng.uniform(1.1, 1.5)
    cw, rh = w / cols, size * 4.9
    for r in range(rows):
        for c in range(cols):
            right, cy = x + c * cw + min(cw * 0.7, 100), y + r * rh
            p.print(right, cy, str(rng.integers(10, 9999)), size, anchor="ra")
            p.print(right, cy + size * 1.2, pick(rng, ["+ ", "- ", "x "]) + str(rng.integers(10, 999)), size, anchor="ra")
            p.line(right - size * 3.2, cy + size * 2.5, right + 4, cy + size * 2.5, 2, p.black)
            p.answer("number", [(right - size * 3.2, cy + size * 2.6, right + 6, cy + size * 4.4)], digits=int(rng.integers(2, 5)))
    return y + rows * rh + 10


def instructions(p, x, y, w):
    """A numbered list that asks for nothing to be written."""
    rng = p.rng
    for i in range(1, int(rng.integers(3, 9))):
        d = p.print(x, y, f"{i}. ") + 6
        y = paragraph(p, x + d, y, w - d, rng.integers(1, 4), p.body) + p.body * rng.uniform(0, 0.6)
    return y + 10


def marks_table(p, x, y, w):
    """What the teacher fills in: questions and their points. No answer of the student's."""
    rng, rows, across = p.rng, int(p.rng.integers(3, 9)), p.rng.random() < 0.4
    rh, cols = p.body * rng.uniform(1.5, 2.2), 2
    if across:
        rows, cols = 2, rows
    p.grid(x, y, w, rows * rh, cols, rows, rng.uniform(1, 2), p.black)
    for i in range(cols if across else rows):
        cx, cy = (x + i * w / cols, y) if across else (x, y + i * rh)
        p.print(cx + 6, cy + rh * 0.2, f"Q{i + 1}" if rng.random() < 0.7 else p.words(1), width=w / cols - 8)
        if rng.random() < 0.8:
            a, b = (cx + w / cols - 6, cy + rh * 1.2) if across else (cx + w - 6, cy + rh * 0.2)
            p.print(a, b, f"/ {rng.integers(2, 50)}", width=w / cols - 8, anchor="ra")
    return y + rows * rh + 16


def choice_task(p, x, y, w, n):
    """A question with choices to tick, circle, cross or fill."""
    rng = p.rng
    y = numbered(p, x, y, w, n)
    k, square, r = int(rng.integers(2, 6)), rng.random() < 0.5, rng.uniform(6.5, 12) if rng.random() < 0.75 else rng.uniform(12, 24)
    inline, lettered, inside = rng.random() < 0.4, rng.random() < 0.3, rng.random() < 0.25
    line, ring, say = rng.uniform(1, 1.8) if rng.random() < 0.6 else r * rng.uniform(0.12, 0.28), p.black if rng.random() < 0.5 else p.rule, max(p.body, r * 1.4)
    how = "ring" if lettered else pick(rng, ["tick", "cross", "cross", "fill", "scribble", "ring", "dot"])
    spots, top = [], y
    for i in range(k):
        cx, cy = (x + 22 + i * w / k, y + r + 6) if inline else (x + 30, y + r + 6)
        if lettered:
            p.print(cx, cy, "ABCDE"[i], anchor="mm")
        elif square:
            p.box(cx - r, cy - r, 2 * r, 2 * r, line, ring)
        else:
            p.circle(cx, cy, r, line, ring)
        if inside and not lettered:
            p.print(cx, cy, "ABCDEF"[i], r * 1.3, fill=ring, anchor="mm")
        p.print(cx + r + 10, cy - say * 0.6, p.words(rng.integers(1, 4)), say, width=(w / k - 3 * r - 18) if inline else w - 60)
        spots.append((cx, cy))
        if not inline:
            y += max(2 * r + 8, say * 1.5)
    y += (2 * r + 12) if inline else 4
    m = r + 5
    boxes = [(a - m, b - m, a + m, b + m) for a, b in spots]
    if not inline:
        boxes = [(spots[0][0] - m, top, spots[0][0] + m, y - 2)]
    p.answer("spots", boxes, spots=spots, r=r, how=how, several=rng.random() < 0.15)
    return y + 8


def truth_task(p, x, y, w, n):
    """Statements, each with two or three boxes to its right (true, false)."""
    rng, rows, k, r = p.rng, int(p.rng.integers(3, 9)), int(p.rng.integers(2, 5)), p.rng.uniform(7, 18) if p.rng.random() < 0.4 else p.rng.uniform(7, 11)
    rh, step, square = max(p.body * 1.6, 2.6 * r), r * p.rng.uniform(3.4, 5), p.rng.random() < 0.6
    names = pick(rng, ["", "", "", "TFTF", "ABCDE", "12345", "YNYN"])[:k]
    k = len(names) or k
    dark = p.black if rng.random() < 0.5 else p.rule
    how = pick(rng, ["tick", "cross", "fill", "dot", "scribble"])
    ruled = rng.random() < 0.4
    for i in range(rows):
        cy = y + rh * (i + 0.5)
        p.print(x, cy - p.body * 0.6, p.words(rng.integers(3, 9)), width=w - k * step - 40)
        spots = [(x + w - (k - j) * step + step / 2, cy) for j in range(k)]
        for j, (cx, _) in enumerate(spots):
            p.box(cx - r, cy - r, 2 * r, 2 * r, fill=dark) if square else p.circle(cx, cy, r, fill=dark)
            if names:
                p.print(cx, cy, names[j], r * 1.3, fill=dark, anchor="mm")
        if ruled:
            p.line(x, cy + rh / 2, x + w, cy + rh / 2, 1)
        p.answer("spots", [(spots[0][0] - r - 4, cy - rh / 2, spots[-1][0] + r + 4, cy + rh / 2)], spots=spots, r=r, how=how)
    return y + rows * rh + 14


def words_task(p, x, y, w, n):
    """Words in a row, one to be circled or underlined."""
    rng = p.rng
    for _ in range(rng.integers(2, 6)):
        k, at, spots = int(rng.integers(3, 6)), x, []
        for _ in range(k):
            d = p.print(at, y, p.words(1))
            spots.append((at + d / 2, y + p.body * 0.6, d / 2 + 6))
            at += d + rng.uniform(24, 70)
            if at > x + w - 100:
                break
        p.answer("words", [(x - 4, y - p.body * 0.35, at, y + p.body * 1.45)], spots=spots, how=pick(rng, ["ring", "ring", "under", "cross"]))
        y += p.body * rng.uniform(2.0, 2.8)
    return y + 6


def table_task(p, x, y, w, n):
    """A table: printed first row or column, the rest to be filled in."""
    rng = p.rng
    cols, rows, rh = int(rng.integers(2, 8)), int(rng.integers(2, 10)), rng.uniform(26, 62)
    cw, side, kind = w / cols, rng.random() < 0.6, "number" if rng.random() < 0.45 else "text"
    if rng.random() < 0.3:
        p.box(x, y, w, rh, inside=(225, 228, 234))
    p.grid(x, y, w, rows * rh, cols, rows, rng.uniform(1, 2))
    for r in range(rows):
        for c in range(cols):
            x0, y0 = x + c * cw, y + r * rh
            if r == 0 or (side and c == 0) or rng.random() < 0.06:
                p.print(x0 + 6, y0 + rh * 0.25, p.words(2) if rng.random() < 0.7 else number(rng), min(p.body, rh * 0.55), width=cw - 10)
            else:
                p.answer(kind, [(x0 + 2, y0 + 2, x0 + cw - 2, y0 + rh - 2)], middle=True)
    return y + rows * rh + 16


def field_task(p, x, y, w, n):
    """A labelled field of a form: line, box or one cell a letter."""
    rng = p.rng
    d = p.print(x, y + 8, p.words(rng.integers(1, 4)).capitalize() + pick(rng, [":", ""]), width=w * 0.4)
    h, style = rng.uniform(24, 48), rng.random()
    if rng.random() < 0.3:
        d, y = 0, y + p.body * 1.5
    x0, x1 = x + d + 10, x + w * rng.uniform(0.7, 1.0)
    if style < 0.75:
        blank(p, x0, y + h, x1 - x0, h, "dotted" if style < 0.1 else "line" if style < 0.4 else "box" if style < 0.62 else "tint")
    else:
        k = max(3, int((x1 - x0) / (h * 0.85)))
        p.grid(x0, y, x1 - x0, h, k, 1)
        p.answer("cells", [(x0, y + 1, x1, y + h)], cells=k)
        return y + h + rng.uniform(8, 24)
    p.answer("number" if rng.random() < 0.2 else "text", [(x0, y + 1, x1, y + h)])
    return y + h + rng.uniform(8, 24)


def trace_task(p, x, y, w, n):
    """Dotted or pale digits and letters to go over, on guide lines; then room to repeat them."""
    rng, h = p.rng, p.rng.uniform(45, 90)
    for _ in range(rng.integers(1, 5)):
        v = int(rng.integers(120, 200))
        p.guides(x, y, w, h, (v, v, v))
        step = h * rng.uniform(0.75, 1.1)
        glyph = str(rng.integers(0, 10)) if rng.random() < 0.6 else chr(int(rng.integers(97, 123)))
        shown, k = int(rng.integers(1, 5)), int(w / step)
        for i in range(k):
            cx = x + (i + 0.5) * step
            if i == 0 and rng.random() < 0.7:
                p.print(cx, y + h * 0.98, glyph, h * 0.95, anchor="ms")
            elif i <= shown:
                pale = int(rng.integers(165, 215))
                p.print(cx, y + h * 0.98, glyph, h * 0.95, fill=(pale, pale, pale), anchor="ms")
                p.answer("trace", [(cx - step * 0.45, y, cx + step * 0.45, y + h)], glyph=glyph)
            else:
                p.answer("trace", [(cx - step * 0.45, y, cx + step * 0.45, y + h)], glyph=glyph)
        y += h * rng.uniform(1.15, 1.5)
    return y + 10


def tianzi_task(p, x, y, w, n):
    """Squares with crosses, each for a character; the first is printed, some are pale to go over."""
    rng, k = p.rng, p.rng.uniform(42, 92)
    cols, tint = max(2, int(w / k)), pick(rng, [(225, 120, 120), (120, 170, 130), (150, 150, 150), (90, 90, 90)])
    pinyin, diagonal = rng.random() < 0.5, rng.random() < 0.4
    for _ in range(rng.integers(1, 6)):
        if pinyin:
            for j in range(4):
                p.line(x, y + j * k * 0.13, x + cols * k, y + j * k * 0.13, 1, tint)
            for c in range(0, cols, 1 if rng.random() < 0.4 else 3):
                p.print(x + c * k + k / 2, y + k * 0.36, pick(rng, ["ma", "shi", "ren", "xue", "tian", "da", "li"]), k * 0.26, anchor="ms")
            y += k * 0.42
        p.grid(x, y, cols * k, k, cols, 1, 1.5, tint)
        p.line(x, y + k / 2, x + cols * k, y + k / 2, 1, tint, True)
        char, pale = pick(rng, p.shelf.covered(p.face_han)), int(rng.integers(0, 4))
        for c in range(cols):
            p.line(x + (c + 0.5) * k, y, x + (c + 0.5) * k, y + k, 1, tint, True)
            if diagonal:
                p.line(x + c * k, y, x + (c + 1) * k, y + k, 1, tint, True), p.line(x + c * k, y + k, x + (c + 1) * k, y, 1, tint, True)
            if c == 0 and not pinyin:
                p.print(x + k / 2, y + k * 0.5, char, k * 0.82, anchor="mm")
                continue
            if c <= pale and not pinyin:
                p.print(x + (c + 0.5) * k, y + k * 0.5, char, k * 0.82, fill=(200, 200, 200), anchor="mm")
            p.answer("tianzi", [(x + c * k + 2, y + 2, x + (c + 1) * k - 2, y + k - 2)], char=char)
        y += k * rng.uniform(1.05, 1.3)
    return y + 12


def pictures_task(p, x, y, w, n):
    """Pictures in a row, each with a line or a box to name or count it."""
    rng, k = p.rng, int(p.rng.integers(2, 5))
    cw, h, boxed = w / k, p.rng.uniform(90, 170), p.rng.random() < 0.5
    for i in range(k):
        clipart(p, x + i * cw + 8, y, cw - 24, h)
        x0, x1, top = x + i * cw + 12, x + (i + 1) * cw - 24, y + h + 6
        if boxed:
            x1 = x0 + min(cw - 30, 70)
            p.box(x0, top, x1 - x0, 40)
        else:
            p.line(x0, top + 36, x1, top + 36)
        p.answer("number" if boxed else "text", [(x0, top, x1, top + 40 if boxed else top + 37)])
    return y + h + 62


def match_task(p, x, y, w, n):
    """Two columns of words, dots beside them, to be joined by lines."""
    rng, k, rh = p.rng, int(p.rng.integers(3, 8)), p.rng.uniform(36, 60)
    left, right = x + w * rng.uniform(0.25, 0.35), x + w * rng.uniform(0.62, 0.75)
    to = rng.permutation(k)
    for i in range(k):
        cy = y + (i + 0.5) * rh
        p.print(left - 18, cy, p.words(1), anchor="rm"), p.print(right + 18, cy, p.words(1), anchor="lm")
        p.circle(left, cy, 4, inside=p.black), p.circle(right, cy, 4, inside=p.black)
        p.answer("dots", [(left - 8, cy - 11, left + 34, cy + 11)], start=(left, cy), end=(right, y + (to[i] + 0.5) * rh))
    return y + k * rh + 12


def clock_task(p, x, y, w, n):
    """Clock faces, the time to be written below."""
    rng, k = p.rng, int(p.rng.integers(2, 5))
    cw = w / k
    r = min(cw * 0.36, rng.uniform(45, 80))
    for i in range(k):
        cx, cy = x + (i + 0.5) * cw, y + r + 4
        p.circle(cx, cy, r, 2, p.black)
        for t in range(12):
            a = t * np.pi / 6
            p.print(cx + r * 0.82 * np.sin(a), cy - r * 0.82 * np.cos(a), str(t or 12), r * 0.22, anchor="mm")
        for long in (0.45, 0.68):
            a = rng.uniform(0, 2 * np.pi)
            p.line(cx, cy, cx + r * long * np.sin(a), cy - r * long * np.cos(a), 3, p.black)
        top = cy + r + 8
        p.line(cx - r * 0.7, top + 34, cx + r * 0.7, top + 34)
        p.answer("number", [(cx - r * 0.7, top, cx + r * 0.7, top + 35)], digits=3)
    return y + 2 * r + 58


def pyramid_task(p, x, y, w, n):
    """Number walls: each stone the sum of the two below it."""
    rng, rows = p.rng, int(p.rng.integers(3, 5))
    k, h = min(100.0, w / (rows + 0.5)), p.rng.uniform(34, 48)
    for t in range(max(1, int(w / (rows * k + 30)))):
        x0 = x + t * (rows * k + 30)
        for r in range(rows):
            for c in range(rows - r):
                bx, by = x0 + (c + r / 2) * k, y + (rows - 1 - r) * h
                p.box(bx, by, k, h, 2, round_=4)
                if r == 0 or rng.random() < 0.15:
                    p.print(bx + k / 2, by + h / 2, number(rng, 2), anchor="mm")
                else:
                    p.answer("number", [(bx + 2, by + 2, bx + k - 2, by + h - 2)], middle=True)
    return y + rows * h + 18


def crossword_task(p, x, y, w, n):
    """A crossword: single squares, a letter each."""
    rng, k = p.rng, p.rng.uniform(30, 46)
    cols, rows = max(4, int(w * 0.7 / k)), int(rng.integers(5, 9))
    for r in range(rows):
        if rng.random() < 0.3:
            continue
        a = int(rng.integers(0, cols - 3))
        b = int(rng.integers(a + 3, cols + 1))
        for c in range(a, b):
            p.box(x + c * k, y + r * k, k, k, 2, p.black)
        p.print(x + a * k + 3, y + r * k + 2, str(r + 1), k * 0.3)
        p.answer("cells", [(x + a * k, y + r * k + 1, x + b * k, y + (r + 1) * k)], cells=b - a)
    return y + rows * k + 14


TASKS = {lines_task: 0.16, box_task: 0.13, gap_task: 0.14, sums_task: 0.15, choice_task: 0.12, truth_task: 0.06, words_task: 0.04,
         table_task: 0.1, trace_task: 0.03, pictures_task: 0.04, match_task: 0.03}
HELD = {clock_task: 0.3, pyramid_task: 0.4, crossword_task: 0.3}
