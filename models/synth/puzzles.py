"""More tasks, as `tasks` has them: frames of which some are printed into and others are to be filled, and answers that are lines. What is
printed in a frame looks much like what is written in one; a net that has seen little of both takes every full frame for an answer."""
import numpy as np

from .exercises import blank
from .shelf import number, pick
from .sheet import clipart, header, numbered


class Frames:
    """How the frames of one task look: some thin and grey, some heavy; print small in them, or as large as a hand writes."""

    def __init__(self, p, look=None):
        self.p, self.look = p, look or pick(p.rng, ["box", "box", "round", "oval"])
        self.line, self.ink, self.size = p.rng.uniform(1, 3), p.black if p.rng.random() < 0.6 else p.rule, p.rng.uniform(0.35, 0.8)

    def draw(self, x, y, w, h, words=None, digits=None):
        """One frame: with `words` printed in it, or to be written into."""
        p, look = self.p, self.look
        p.box(x, y, w, h, self.line, self.ink, round_={"box": 0, "round": min(w, h) * 0.25, "oval": min(w, h) * 0.4}[look], inside=p.paper)
        if words is not None:
            p.print(x + w / 2, y + h / 2, words, min(h * self.size, 1.5 * w / max(1, len(words))), width=w - 4, anchor="mm")
            return
        inset = h * 0.12 if look == "oval" else 2
        p.answer("number", [(x + inset, y + inset, x + w - inset, y + h - inset)], middle=True, digits=digits)


def square(p, frames, x, y, k, cells, given, heavy):
    """A square of cells, `given()` printed in each or None where it is to be found; `heavy` lines around its blocks."""
    for r in range(cells):
        for c in range(cells):
            frames.draw(x + c * k, y + r * k, k, k, given(), digits=1 if cells > 3 else None)
    for i in range(0, cells + 1, {4: 2, 6: 3, 9: 3}.get(cells, cells)) if heavy else ():
        p.line(x, y + i * k, x + cells * k, y + i * k, 4, frames.ink), p.line(x + i * k, y, x + i * k, y + cells * k, 4, frames.ink)


def grids(p):
    """A page of nothing but Sudokus, or charts of numbers of which some lack: as often as not nobody has solved any of it yet."""
    rng, frames = p.rng, Frames(p, "box")
    p.untouched = 0.45
    y = header(p, rng.uniform(35, 120))
    cells = int(pick(rng, [4, 6, 6, 9, 9, 9, 9, 10]))
    across, side = int(rng.integers(1, 4 if cells < 9 else 3)), rng.uniform(45, 120)
    apart = rng.uniform(20, 80)
    k = min(90, (1000 - 2 * side - apart * (across - 1)) / (across * cells), (p.h - y - 60) / cells)
    share = rng.uniform(0.2, 0.5) if rng.random() < 0.8 else rng.uniform(0.5, 0.95)
    given = lambda: str(rng.integers(1, cells + 1 if cells < 10 else 101)) if rng.random() < share else None
    heavy = rng.random() < 0.85
    rows = min(int((p.h - y - 40) // (cells * k + apart)) or 1, max(1, 400 // (across * cells * cells)), int(rng.integers(1, 5)))
    for _ in range(rows):
        for t in range(across):
            square(p, frames, side + t * (cells * k + apart), y, k, cells, given, heavy)
        y += cells * k + apart


def squares_task(p, x, y, w, n):
    """Magic squares and Sudokus: some squares printed, the others to be found."""
    rng, frames = p.rng, Frames(p, "box")
    k, cells = rng.uniform(30, 62), int(pick(rng, [3, 3, 4, 4, 6, 9]))
    given, apart = rng.uniform(0.25, 0.7), rng.uniform(20, 60)
    k = min(k, (w - 4) / cells)
    across = max(1, int((w + apart) / (cells * k + apart)))
    heavy = rng.random() < 0.7
    for t in range(min(across, int(rng.integers(1, 4)))):
        x0 = x + t * (cells * k + apart)
        square(p, frames, x0, y, k, cells, lambda: str(rng.integers(1, 10 if cells > 3 else 30)) if rng.random() < given else None, heavy)
    return y + cells * k + 18


def bonds_task(p, x, y, w, n):
    """A whole and its parts, joined by lines; one or two of the three are to be found."""
    rng, frames = p.rng, Frames(p)
    size, wide = rng.uniform(34, 62), rng.uniform(1, 1.6)
    fw, step = size * wide, size * wide * rng.uniform(2.6, 3.4)
    down = rng.random() < 0.7
    for _ in range(int(rng.integers(1, 4))):
        at = x
        while at + 2.3 * fw < x + w:
            tops = [(at + 0.65 * fw, y), (at, y + size * 1.7), (at + 1.3 * fw, y + size * 1.7)]
            if not down:
                tops = [(a, 2 * y + size * 1.7 - b) for a, b in tops]
            for a, b in tops[1:]:
                p.line(tops[0][0] + fw / 2, tops[0][1] + size / 2, a + fw / 2, b + size / 2, 2)
            holes = rng.permutation(3)[:2 if rng.random() < 0.15 else 1]
            for i, (a, b) in enumerate(tops):
                frames.draw(a, b, fw, size, None if i in holes else number(rng, 2))
            at += step
        y += size * 3.3
    return y + 6


def houses_task(p, x, y, w, n):
    """Houses of numbers: one in the roof, and floors of two rooms that make it together, one of them empty."""
    rng, frames = p.rng, Frames(p)
    rw, rh, floors = rng.uniform(38, 66), rng.uniform(28, 44), int(rng.integers(3, 8))
    k = max(1, int(w / (2 * rw + 30)))
    for t in range(int(rng.integers(1, k + 1))):
        x0, top = x + t * w / k, y + rh * 1.3
        p.line(x0 - 4, top, x0 + rw, y, 2, frames.ink), p.line(x0 + 2 * rw + 4, top, x0 + rw, y, 2, frames.ink)
        p.print(x0 + rw, top - rh * 0.4, str(rng.integers(5, 100)), rh * 0.6, anchor="mm")
        for r in range(floors):
            hole = int(rng.integers(0, 2)) if rng.random() < 0.9 else 2
            for c in range(2):
                frames.draw(x0 + c * rw, top + r * rh, rw, rh, None if c == hole or hole == 2 else number(rng, 2))
    return y + rh * (floors + 1.3) + 18


def machine_task(p, x, y, w, n):
    """Chains: a number, an arrow that says what to do with it, and what comes out."""
    rng, frames = p.rng, Frames(p)
    size, wide, gap = rng.uniform(32, 52), rng.uniform(1, 1.8), rng.uniform(45, 85)
    first = rng.random() < 0.8  # the first is given; or any
    for _ in range(int(rng.integers(2, 7))):
        k = max(2, min(int(rng.integers(2, 6)), int((w + gap) / (size * wide + gap))))
        given = 0 if first else int(rng.integers(k))
        for i in range(k):
            at = x + i * (size * wide + gap)
            frames.draw(at, y, size * wide, size, number(rng, 2) if i == given or rng.random() < 0.08 else None)
            if i < k - 1:
                a, b, cy = at + size * wide + 6, at + size * wide + gap - 6, y + size / 2
                p.line(a, cy, b, cy, 2, p.black), p.line(b - 7, cy - 5, b, cy, 2, p.black), p.line(b - 7, cy + 5, b, cy, 2, p.black)
                p.print((a + b) / 2, cy - 4, f"{pick(rng, '+-x:')} {rng.integers(2, 20)}", min(p.body, gap * 0.3), anchor="ms")
        y += size * rng.uniform(1.5, 2.0)
    return y + 10


def columns_task(p, x, y, w, n):
    """Standing sums, a square for each digit: those of the sum printed, those of the result to be written."""
    rng, k = p.rng, p.rng.uniform(22, 38)
    digits, squared = int(rng.integers(2, 5)), rng.random() < 0.7
    cw = (digits + 2.5) * k
    for _ in range(int(rng.integers(1, 3))):
        for c in range(max(1, int(w / cw))):
            x0 = x + c * cw + k
            if squared:
                p.grid(x0 - k, y, (digits + 1) * k, 3 * k, digits + 1, 3, 1)
            for r in range(2):
                for d in range(digits):
                    p.print(x0 + (d + 0.5) * k, y + (r + 0.5) * k, str(rng.integers(0, 10)), k * 0.75, anchor="mm")
            p.print(x0 - k / 2, y + 1.5 * k, pick(rng, "+-"), k * 0.75, anchor="mm")
            p.line(x0 - k, y + 2 * k, x0 + digits * k, y + 2 * k, 2.5, p.black)
            p.answer("digits", [(x0, y + 2 * k + 1, x0 + digits * k, y + 3 * k)], pitch=k)
        y += 3 * k + rng.uniform(14, 40)
    return y + 6


def cipher_task(p, x, y, w, n):
    """A key of letters and numbers, all printed; below it words, a square for each letter and its number under it or in its corner."""
    rng, k, frames = p.rng, p.rng.uniform(26, 44), Frames(p, "box")
    keys, corner = min(int(rng.integers(6, 14)), int(w / k)), rng.random() < 0.5
    for i in range(keys if rng.random() < 0.7 else 0):
        frames.draw(x + i * k, y, k, k * 0.8, chr(65 + i)), frames.draw(x + i * k, y + k * 0.8, k, k * 0.8, str(rng.integers(1, 27)))
    y += k * 2
    for _ in range(int(rng.integers(1, 5))):
        at = x
        while at < x + w - 4 * k:
            letters = min(int(rng.integers(3, 8)), int((x + w - at) / k))
            boxes = []
            for i in range(letters):
                a = at + i * k
                p.box(a, y, k, k, frames.line, frames.ink)
                if corner:
                    p.print(a + 2, y + 1, str(rng.integers(1, 27)), k * 0.3)
                else:
                    p.print(a + k / 2, y + k * 1.1, str(rng.integers(1, 27)), k * 0.4, anchor="ma")
                if rng.random() < 0.15:
                    p.print(a + k / 2, y + k / 2, chr(int(rng.integers(65, 91))), k * 0.7, anchor="mm")
                else:
                    boxes.append((a + 1, y + 1, a + k - 1, y + k - 1))
            if boxes:
                p.answer("cells", boxes, cells=1)
            at += (letters + 1) * k
        y += k * rng.uniform(1.7, 2.2)
    return y + 8


def wheel_task(p, x, y, w, n):
    """A number within a ring of numbers, and what they make together in a ring around those."""
    rng, k, frames = p.rng, max(1, int(w / p.rng.uniform(230, 330))), Frames(p)
    r, parts = min(w / k / 2 - 8, rng.uniform(90, 140)), int(rng.integers(5, 11))
    for t in range(int(rng.integers(1, k + 1))):
        cx, cy = x + (t + 0.5) * w / k, y + r + 4
        for part in (0.3, 0.62, 1.0):
            p.circle(cx, cy, r * part, frames.line, frames.ink)
        p.print(cx, cy, str(rng.integers(2, 13)), r * 0.3, anchor="mm")
        for i in range(parts):
            a, b = 2 * np.pi * i / parts, 2 * np.pi * (i + 0.5) / parts
            p.line(cx + r * 0.3 * np.cos(a), cy + r * 0.3 * np.sin(a), cx + r * np.cos(a), cy + r * np.sin(a), frames.line, frames.ink)
            p.print(cx + r * 0.46 * np.cos(b), cy + r * 0.46 * np.sin(b), str(rng.integers(1, 13)), r * 0.17, anchor="mm")
            ox, oy, half = cx + r * 0.81 * np.cos(b), cy + r * 0.81 * np.sin(b), r * 0.17
            if rng.random() < 0.1:
                p.print(ox, oy, str(rng.integers(1, 100)), r * 0.18, anchor="mm")
            else:
                p.answer("number", [(ox - half, oy - half, ox + half, oy + half)], middle=True)
    return y + 2 * r + 20


def signs_task(p, x, y, w, n):
    """Sums without their signs: what belongs between the numbers is to be written there, in a ring, a box or nothing at all."""
    rng, look = p.rng, pick(p.rng, ["bare", "bare", "bare", "oval", "box", "line"])
    size, cols = p.body * rng.uniform(1.0, 1.4), max(1, int(w / p.rng.uniform(210, 300)))
    gap, rows = size * rng.uniform(1.4, 2.2), int(rng.integers(3, 9))
    for _ in range(rows):
        for c in range(cols):
            at = x + c * w / cols
            for i in range(k := int(rng.integers(2, 4))):
                at += p.print(at, y, str(rng.integers(1, 60)), size) + 3
                if i < k - 1:
                    if look == "oval":
                        p.circle(at + gap / 2, y + size * 0.6, gap * 0.46)
                    p.answer("number", [blank(p, at, y + size * 1.3, gap, size * 1.5, "bare" if look == "oval" else look)], words=pick(rng, "+-x:<>="), middle=True)
                    at += gap + 3
            if rng.random() < 0.7:
                p.print(at + 5, y, f"= {rng.integers(1, 99)}", size)
        y += size * rng.uniform(1.9, 2.6)
    return y + 8


def odd_task(p, x, y, w, n):
    """Pictures or words in a row, one of them to be ringed, crossed out or coloured."""
    rng, k = p.rng, int(p.rng.integers(3, 7))
    size, pictures = min(w / k - 14, rng.uniform(45, 100)), rng.random() < 0.7
    how = pick(rng, ["ring", "ring", "cross", "under"])
    for _ in range(int(rng.integers(1, 5))):
        tall = size if pictures else p.body * 1.4
        spots = []
        for i in range(k):
            cx = x + (i + 0.5) * w / k
            if pictures:
                clipart(p, cx - size * 0.4, y + size * 0.1, size * 0.8, size * 0.8)
            else:
                p.print(cx, y + tall / 2, p.words(1), width=w / k - 10, anchor="mm")
            spots.append((cx, y + tall / 2, size * 0.5))
        p.answer("words", [(x, y - 5, x + w, y + tall + 5)], spots=spots, how=how)
        y += tall + rng.uniform(16, 34)
    return y + 6


def underline_task(p, x, y, w, n):
    """Sentences, a word of each to be underlined or ringed."""
    rng, how = p.rng, pick(p.rng, ["under", "under", "ring"])
    for i in range(int(rng.integers(3, 9))):
        at, spots = x + p.print(x, y, f"{i + 1}. ") + 4, []
        for _ in range(int(rng.integers(4, 12))):
            words = p.words(1)
            if at + len(words) * p.body * (1.0 if p.han else 0.6) > x + w:
                break
            d = p.print(at, y, words)
            spots.append((at + d / 2, y + p.body * 0.6, d / 2))
            at += d + p.body * 0.4
        if spots:
            p.answer("words", [(x, y - p.body * 0.3, at, y + p.body * 1.5)], spots=spots, how=how)
        y += p.body * rng.uniform(1.9, 2.5)
    return y + 8


def join_task(p, x, y, w, n):
    """Numbered dots to be joined in their order; or half a figure on a grid of dots, to be gone on with."""
    rng, size = p.rng, min(w, p.rng.uniform(150, 330))
    y = numbered(p, x, y, w, n)
    x0, k = x + (w - size) * rng.random(), int(rng.integers(5, 15))
    if rng.random() < 0.6:
        a = np.arange(k) * 2 * np.pi / k
        r = size / 2 * rng.uniform(0.5, 0.95, k)
        points = [(x0 + size / 2 + q * np.cos(t), y + size / 2 + q * np.sin(t)) for t, q in zip(a, r)]
        for i, (a, b) in enumerate(points):
            p.circle(a, b, 3, inside=p.black), p.print(a + 6, b - 4, str(i + 1), p.body * 0.65)
    else:
        cells = int(rng.integers(5, 10))
        for r in range(cells + 1):
            for c in range(cells + 1):
                p.circle(x0 + c * size / cells, y + r * size / cells, 1.6, inside=p.rule)
        at = np.cumsum(rng.integers(-1, 2, (k, 2)), 0)
        points = [(x0 + size * min(max(a + cells // 2, 0), cells) / cells, y + size * min(max(b + cells // 2, 0), cells) / cells) for a, b in at]
        for a, b in zip(points[:k // 3], points[1:]):
            p.line(*a, *b, 2, p.black)
        points = points[k // 3:]
    p.answer("path", [(x0, y, x0 + size, y + size)], points=points)
    return y + size + 18


PUZZLES = {squares_task: 0.08, bonds_task: 0.06, houses_task: 0.06, machine_task: 0.06, columns_task: 0.05, cipher_task: 0.06, wheel_task: 0.03,
           signs_task: 0.06, odd_task: 0.05, underline_task: 0.05, join_task: 0.03}
