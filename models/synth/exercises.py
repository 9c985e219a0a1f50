"""More tasks, as `tasks` has them: what schoolbooks ask for beside questions, gaps and sums. A page may have any of them."""
import numpy as np

from .shelf import number, pick
from .sheet import clipart, numbered, paragraph


def blank(p, x, y, long, tall, looks):
    """Room for a word or a number, its foot at y: a line, a box, a tint, or only room; `looks` is its look, or some to pick from. Returns its area."""
    look = looks if isinstance(looks, str) else pick(p.rng, looks)
    if look == "box":
        p.box(x, y - tall, long, tall)
    elif look == "tint":
        p.box(x, y - tall, long, tall, fill=p.tint, inside=p.tint)
    elif look == "brackets":
        p.print(x, y, "(", tall * 0.7, anchor="ls"), p.print(x + long, y, ")", tall * 0.7, anchor="rs")
    elif look != "bare":
        p.line(x, y, x + long, y, dotted=look == "dotted")
    return x, y - tall, x + long, y + 1


def listed_task(p, x, y, w, n):
    """A numbered list of bare lines: dictation, vocabulary, answers to what was asked aloud."""
    rng, cols, rows = p.rng, int(p.rng.integers(1, 4)), int(p.rng.integers(4, 16))
    gap, cw, look = rng.uniform(28, 56), w / cols, pick(rng, ["line", "line", "dotted", "box", "tint"])
    lead, top = rng.random() < 0.25, p.place
    for c in range(cols):
        for r in range(rows):
            foot, at = y + (r + 1) * gap, x + c * cw
            p.place = top + 0.001 * (c * rows + r)
            at += p.print(at, foot - p.body, f"{c * rows + r + 1}{pick(rng, '.)')} ") + 6
            if lead:
                at += p.print(at, foot - p.body, p.words(1), width=cw * 0.45) + 8
            p.answer("text", [blank(p, at, foot, max(40, x + (c + 1) * cw - at - 16), gap * 0.85, look)])
    return y + rows * gap + 16


def leading_task(p, x, y, w, n):
    """Statements, each with a short blank before it, for a letter, a number or T and F."""
    rng, look = p.rng, pick(p.rng, ["line", "line", "box", "brackets"])
    long, gap, letters = rng.uniform(30, 75), p.body * rng.uniform(1.7, 2.6), pick(rng, ["ABCDEFG", "TF", "0123456789"])
    lettered = rng.random() < 0.4  # what to choose from stands at the right
    for i in range(int(rng.integers(4, 12))):
        foot = y + gap
        p.answer("number", [blank(p, x, foot, long, gap * 0.85, look)], words=pick(rng, letters))
        d = p.print(x + long + 8, foot - p.body, f"{i + 1}. ") + 4
        p.print(x + long + 8 + d, foot - p.body, p.words(rng.integers(2, 9)), width=w * (0.42 if lettered else 0.95) - long - d - 12)
        if lettered:
            p.print(x + w * 0.6, foot - p.body, f"{chr(65 + i)}. {p.words(rng.integers(1, 5))}", width=w * 0.38)
        y = foot
    return y + 16


def bank_task(p, x, y, w, n):
    """A box of words to choose from, which asks nothing, and what they go into."""
    rng, h = p.rng, p.body * p.rng.uniform(2.2, 4.0)
    p.box(x, y, w, h, rng.uniform(1, 3), round_=pick(rng, [0, 12, 30]), inside=pick(rng, [None, None, (236, 240, 246), (250, 244, 220)]))
    for row in range(int(h / p.body / 1.6)):
        at = x + 16
        while at < x + w - 130:
            at += p.print(at, y + 8 + row * p.body * 1.5, p.words(1)) + rng.uniform(18, 60)
    y += h + p.body
    for i in range(int(rng.integers(3, 8))):
        long, foot = rng.uniform(70, 190), y + p.body * 1.1
        at = x + p.print(x, y, f"{i + 1}. {p.words(rng.integers(1, 5))} ", width=w * 0.5) + 4
        p.answer("text", [blank(p, at, foot, long, p.body * 1.6, ("line", "line", "dotted", "box"))])
        p.print(at + long + 6, y, p.words(rng.integers(1, 6)), width=max(30, x + w - at - long - 10))
        y += p.body * rng.uniform(1.9, 2.4)
    return y + 10


def rewrite_task(p, x, y, w, n):
    """Printed sentences, each with a line or two below it to write it anew."""
    rng, gap = p.rng, p.rng.uniform(28, 44)
    for i in range(int(rng.integers(2, 6))):
        p.print(x, y, f"{i + 1}. {p.words(rng.integers(4, 12))}", width=w)
        y += p.body * 1.4
        boxes = [blank(p, x + 14, y + (k + 1) * gap, w - 20, gap * 0.9, "line") for k in range(pick(rng, [1, 1, 2]))]
        p.answer("lines", boxes)
        y += len(boxes) * gap + p.body * 0.7
    return y + 10


def guides_task(p, x, y, w, n):
    """Writing lines of the first years: a top, a dashed middle and a foot; sometimes with a frame for a picture above."""
    rng, h = p.rng, p.rng.uniform(38, 75)
    tint = pick(rng, [p.rule, (120, 160, 210), (210, 130, 130)])
    if rng.random() < 0.3:
        tall = rng.uniform(140, 330)
        p.box(x, y, w, tall, 2)
        p.answer("drawing", [(x, y, x + w, y + tall)])
        y += tall + 16
    printed = rng.random() < 0.4
    for i in range(int(rng.integers(2, 8))):
        p.guides(x, y, w, h, tint)
        if printed and i % 2 == 0:
            p.print(x + 6, y + h * 0.95, p.words(3), h * 0.7, width=w, anchor="ls")
        else:
            p.answer("text", [(x, y, x + w, y + h)])
        y += h * rng.uniform(1.2, 1.5)
    return y + 10


def sequence_task(p, x, y, w, n):
    """Numbers in a row, some of them to be found."""
    rng, look = p.rng, pick(p.rng, ["line", "box", "box", "round"])
    tall = p.body * rng.uniform(1.5, 2.3)
    for _ in range(int(rng.integers(2, 7))):
        k = int(rng.integers(4, 9))
        step = min(w / k, rng.uniform(70, 130))
        holes, boxed = rng.random(k) < rng.uniform(0.25, 0.6), rng.random() < 0.4
        for i in range(k):
            at = x + i * step
            if holes[i]:
                if look == "round":
                    p.circle(at + step * 0.4, y + tall / 2, tall * 0.5)
                p.answer("number", [blank(p, at + 4, y + tall, step * 0.72, tall, "bare" if look == "round" else look)], middle=True)
                continue
            if boxed:
                p.box(at + 4, y, step * 0.72, tall)
            p.print(at + step * 0.4, y + tall * 0.55, number(rng), anchor="mm")
            if not boxed and i < k - 1:
                p.print(at + step * 0.78, y + tall * 0.6, ",", anchor="mm")
        y += tall * rng.uniform(1.4, 2.0)
    return y + 10


def compare_task(p, x, y, w, n):
    """Pairs of numbers, <, > or = to be written between them."""
    rng, cols = p.rng, max(1, int(w / p.rng.uniform(200, 280)))
    tall, look = p.body * rng.uniform(1.6, 2.2), pick(rng, ["round", "box", "line", "bare"])
    for _ in range(int(rng.integers(3, 8))):
        for c in range(cols):
            at = x + c * w / cols
            at += p.print(at, y + tall * 0.2, number(rng, 3)) + 10
            if look == "round":
                p.circle(at + tall * 0.5, y + tall * 0.5, tall * 0.48)
            p.answer("number", [blank(p, at, y + tall, tall, tall, "bare" if look == "round" else look)], words=pick(rng, "<>="), middle=True)
            p.print(at + tall + 10, y + tall * 0.2, number(rng, 3))
        y += tall * rng.uniform(1.2, 1.7)
    return y + 10


def chart_task(p, x, y, w, n):
    """A chart of numbers or words, most of it printed, some cells to be filled in."""
    rng, cols, rows = p.rng, int(p.rng.integers(5, 12)), int(p.rng.integers(3, 11))
    size = min(w / cols, rng.uniform(36, 80))
    rh, share = size * rng.uniform(0.55, 1.0), rng.uniform(0.08, 0.5)
    shaded = rng.random() < 0.3
    for r in range(rows):
        for c in range(cols):
            x0, y0 = x + c * size, y + r * rh
            hole = rng.random() < share
            p.box(x0, y0, size, rh, 1.3, inside=(232, 232, 236) if shaded and (hole or r == 0) else None)
            if hole:
                p.answer("number", [(x0 + 2, y0 + 2, x0 + size - 2, y0 + rh - 2)], middle=True)
            else:
                p.print(x0 + size / 2, y0 + rh / 2, str(r * cols + c + 1), min(p.body, rh * 0.55, size * 0.4), anchor="mm")
    return y + rows * rh + 14


def numberline_task(p, x, y, w, n):
    """Lines of numbers with boxes below some of their marks."""
    rng = p.rng
    for _ in range(int(rng.integers(1, 5))):
        k, cy = int(rng.integers(5, 12)), y + 20
        p.line(x, cy, x + w, cy, 2, p.black)
        p.line(x + w - 10, cy - 6, x + w, cy, 2, p.black), p.line(x + w - 10, cy + 6, x + w, cy, 2, p.black)
        step = w / (k + 1)
        tall = p.body * 1.7
        for i in range(k):
            cx = x + (i + 0.6) * step
            p.line(cx, cy - 8, cx, cy + 8, 2, p.black)
            if rng.random() < 0.45:
                p.box(cx - step * 0.4, cy + 14, step * 0.8, tall)
                p.answer("number", [(cx - step * 0.4, cy + 14, cx + step * 0.4, cy + 14 + tall)], middle=True)
            elif rng.random() < 0.7:
                p.print(cx, cy + 14, str(i * 5), anchor="ma")
        y += 50 + tall * rng.uniform(1.2, 1.7)
    return y + 6


def axes_task(p, x, y, w, n):
    """Axes over squared paper, to draw a line or a figure into."""
    rng = p.rng
    y = numbered(p, x, y, w, n)
    size, cells = min(w, rng.uniform(200, 420)), int(rng.integers(8, 20))
    x += (w - size) * rng.random()
    p.grid(x, y, size, size, cells, cells, 1, (205, 212, 222) if rng.random() < 0.6 else (170, 170, 170))
    ox, oy = (0.5, 0.5) if rng.random() < 0.5 else (0.06, 0.94)
    p.line(x, y + oy * size, x + size, y + oy * size, 2, p.black), p.line(x + ox * size, y, x + ox * size, y + size, 2, p.black)
    for i in range(0, cells, 2):
        p.print(x + i * size / cells, y + oy * size + 3, str(i), p.body * 0.6, anchor="ma")
    p.answer("plot", [(x, y, x + size, y + size)])
    return y + size + 22


def fraction_task(p, x, y, w, n):
    """Figures in parts, some shaded: the fraction to be written beside; or empty ones, to be coloured."""
    rng, k = p.rng, max(1, int(w / p.rng.uniform(190, 260)))
    write, cw, r = rng.random() < 0.6, w / k, p.rng.uniform(34, 60)
    for _ in range(int(rng.integers(1, 4))):
        for i in range(k):
            parts, bar = int(rng.integers(2, 9)), rng.random() < 0.5
            cx, cy = x + i * cw + r + 6, y + r + 4
            dark = set(rng.choice(parts, int(rng.integers(1, parts + 1)), replace=False).tolist()) if write else set()
            for j in range(parts):
                grey = (170, 170, 175) if j in dark else None
                if bar:
                    p.box(cx - r + 2 * r * j / parts, cy - r * 0.5, 2 * r / parts, r, 1.5, p.black, inside=grey)
                else:
                    s = p.scale
                    p.draw.pieslice([(cx - r) * s, (cy - r) * s, (cx + r) * s, (cy + r) * s], 360 * j / parts, 360 * (j + 1) / parts, fill=grey, outline=p.black)
            if write:
                at, tall = cx + r + 16, p.body * 1.5
                p.line(at, cy, at + 40, cy, 2, p.black)
                p.answer("fraction", [(at, cy - tall, at + 40, cy + tall)])
            else:
                p.print(cx + r + 14, cy, f"{rng.integers(1, parts + 1)}/{parts}", anchor="lm")
                p.answer("colour", [(cx - r, cy - (r * 0.5 if bar else r), cx + r, cy + (r * 0.5 if bar else r))])
        y += 2 * r + rng.uniform(16, 40)
    return y + 6


def diagram_task(p, x, y, w, n):
    """A picture with lines that lead to blanks, to name its parts."""
    rng, h = p.rng, p.rng.uniform(220, 380)
    left, right, tall = x + w * 0.3, x + w * 0.7, p.body * 1.6
    clipart(p, left, y + 10, right - left, h - 20)
    look = pick(rng, ["line", "line", "box"])
    for side in (0, 1):
        for i in range(k := int(rng.integers(1, 5))):
            cy = y + h * (i + 0.6) / k
            at = x if side == 0 else right + 30
            long = w * 0.27 - 30
            tip = (rng.uniform(left + 20, (left + right) / 2), rng.uniform(y + h * 0.2, y + h * 0.8))
            p.line(at + long if side == 0 else at, cy - tall * 0.3, tip[0] if side == 0 else left + right - tip[0], tip[1], 1.5, p.black)
            p.answer("text", [blank(p, at, cy, long, tall, look)])
    return y + h + 14


def organizer_task(p, x, y, w, n):
    """A map of thoughts: ovals or boxes to write into, joined by lines; or columns under headings."""
    rng, h = p.rng, p.rng.uniform(230, 420)
    look = rng.random()
    if look < 0.35:  # columns
        k, head = int(rng.integers(2, 4)), p.body * 2
        for i in range(k):
            p.box(x + i * w / k, y, w / k, head, 2), p.box(x + i * w / k, y + head, w / k, h - head, 2)
            p.print(x + (i + 0.5) * w / k, y + head / 2, p.words(1).title(), width=w / k, anchor="mm")
            p.answer("box", [(x + i * w / k + 3, y + head + 3, x + (i + 1) * w / k - 3, y + h - 3)])
    elif look < 0.75:  # a middle and what belongs to it
        mx, my, bw, bh = x + w / 2, y + h / 2, w * rng.uniform(0.2, 0.28), h * rng.uniform(0.2, 0.26)
        round_ = pick(rng, [0, bh / 2, 14])
        places = [(0, 0), (w - bw, 0), (0, h - bh), (w - bw, h - bh), (w / 2 - bw / 2, 0), (w / 2 - bw / 2, h - bh)][:int(rng.integers(2, 7))]
        for a, b in places:
            p.line(mx, my, x + a + bw / 2, y + b + bh / 2, 2)
            p.box(x + a, y + b, bw, bh, 2, round_=round_, inside=p.paper)
            p.answer("box", [(x + a + 4, y + b + 4, x + a + bw - 4, y + b + bh - 4)])
        p.box(mx - bw / 2, my - bh / 2, bw, bh, 3, round_=round_, inside=p.paper)
        p.print(mx, my, p.words(2), width=bw, anchor="mm")
    else:  # steps, one after the other
        k = int(rng.integers(2, 5))
        bw, h = (w - 30 * (k - 1)) / k, h * 0.5
        for i in range(k):
            at = x + i * (bw + 30)
            p.box(at, y, bw, h, 2, round_=pick(rng, [0, 10]))
            if i:
                p.line(at - 26, y + h / 2, at - 4, y + h / 2, 2, p.black)
            p.answer("drawing" if rng.random() < 0.2 else "box", [(at + 3, y + 3, at + bw - 3, y + h - 3)])
    return y + h + 18


def colour_task(p, x, y, w, n):
    """Outlines to be coloured."""
    rng, k = p.rng, int(p.rng.integers(2, 6))
    size = min(w / k - 12, rng.uniform(60, 130))
    for _ in range(int(rng.integers(1, 3))):
        for i in range(k):
            cx, cy, r = x + (i + 0.5) * w / k, y + size / 2, size / 2
            sides = int(rng.integers(3, 9))
            if rng.random() < 0.4:
                p.circle(cx, cy, r, 2, p.black)
            else:
                a = np.arange(sides) * 2 * np.pi / sides + rng.uniform(0, 6)
                p.draw.polygon([((cx + r * np.cos(t)) * p.scale, (cy + r * np.sin(t)) * p.scale) for t in a], outline=p.black)
            p.answer("colour", [(cx - r, cy - r, cx + r, cy + r)])
        y += size + rng.uniform(12, 30)
    return y + 8


def letters_task(p, x, y, w, n):
    """Words with letters left out, or mixed up, to be completed or written beside."""
    rng, cols = p.rng, max(1, int(w / p.rng.uniform(230, 330)))
    mixed, size = rng.random() < 0.4, p.body * rng.uniform(1.0, 1.6)
    for _ in range(int(rng.integers(3, 9))):
        for c in range(cols):
            at, foot = x + c * w / cols, y + size * 1.15
            word = p.words(1).strip("，。？")
            if mixed or p.han or len(word) < 3:
                at += p.print(at, y, word, size) + 12
                p.answer("text", [blank(p, at, foot, max(50, x + (c + 1) * w / cols - at - 24), size * 1.4, ("line", "dotted", "box"))])
                continue
            holes = set(rng.choice(len(word), max(1, len(word) // 3), replace=False).tolist())
            boxes = []
            for i, letter in enumerate(word):
                if i in holes:
                    p.line(at, foot, at + size * 0.7, foot)
                    boxes.append((at, foot - size * 1.3, at + size * 0.7, foot + 1))
                    at += size * 0.85
                else:
                    at += p.print(at, y, letter, size) + 3
            p.answer("cells", boxes, cells=1)
        y += size * rng.uniform(2.0, 2.8)
    return y + 8


def terms_task(p, x, y, w, n):
    """Two columns: a term or a question at the left, room for what is to be said of it at the right."""
    rng, split = p.rng, p.rng.uniform(0.2, 0.5)
    ruled, rh = rng.random() < 0.6, rng.uniform(50, 120)
    for _ in range(int(rng.integers(3, 8))):
        if ruled:
            p.box(x, y, w, rh, 1.5), p.line(x + w * split, y, x + w * split, y + rh)
        else:
            p.line(x + w * split + 4, y + rh - 4, x + w, y + rh - 4)
        paragraph(p, x + 6, y + 6, w * split - 12, min(2, int(rh / p.body / 1.5)), p.body)
        p.answer("box" if rh > 70 else "text", [(x + w * split + 4, y + 3, x + w - 4, y + rh - 3)])
        y += rh + (0 if ruled else 6)
    return y + 14


def work_task(p, x, y, w, n):
    """Problems with room to work in, and no line or box to say where: a number, a problem, and paper."""
    rng, cols = p.rng, int(pick(p.rng, [1, 1, 2, 2, 3]))
    rh, framed = rng.uniform(110, 260), rng.random() < 0.3
    for r in range(int(rng.integers(1, 4))):
        for c in range(cols):
            x0, cw = x + c * w / cols, w / cols - 14
            d = p.print(x0, y, f"{r * cols + c + n}{pick(rng, '.)')} ") + 4
            said = f"{rng.integers(2, 99)}{pick(rng, ['x', 'y', ' + ', ' - '])}{pick(rng, ['+', '-', '='])} {rng.integers(2, 99)} =" if rng.random() < 0.5 else p.words(rng.integers(4, 14))
            p.print(x0 + d, y, said, width=cw - d)
            if framed:
                p.box(x0 - 6, y - 6, cw + 10, rh)
            p.answer("box", [(x0, y + p.body * 1.5, x0 + cw, y + rh - 12)], bare=not framed)
        y += rh
    return y + 8


def strips_task(p, x, y, w, n):
    """Frames or tints to write a line into, with as much bare paper between them, which asks nothing."""
    rng, look, tall = p.rng, pick(p.rng, ["box", "box", "tint"]), p.rng.uniform(34, 100)
    long, apart, lead, say = w * pick(rng, [1.0, 1.0, 0.6, 0.4]), tall * rng.uniform(0.4, 2.2), rng.random() < 0.4, pick(rng, ["text", "number"])
    for i in range(int(rng.integers(2, 7))):
        if lead:
            p.print(x, y, f"{i + 1}. {p.words(rng.integers(1, 7))}", width=w)
            y += p.body * 1.5
        x0 = x + (w - long) * (rng.random() if rng.random() < 0.2 else 0.0)
        p.answer(say, [blank(p, x0, y + tall, long, tall, look)], middle=rng.random() < 0.3)
        y += tall + apart
    return y


EXERCISES = {listed_task: 0.09, leading_task: 0.08, bank_task: 0.08, rewrite_task: 0.07, guides_task: 0.06, sequence_task: 0.06, compare_task: 0.05,
             chart_task: 0.06, numberline_task: 0.04, axes_task: 0.04, fraction_task: 0.05, diagram_task: 0.05, organizer_task: 0.07, colour_task: 0.03,
             letters_task: 0.05, terms_task: 0.06, work_task: 0.09, strips_task: 0.07}
