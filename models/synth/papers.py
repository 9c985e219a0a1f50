"""Papers: pages that are mostly print, as examiners and publishers set them, small and close. What is asked stands between paragraphs,
pictures and tables that ask nothing, and is often a pair of brackets. A net that has seen little print takes it for answers."""
import numpy as np

from . import tasks
from .shelf import chosen, number, pick
from .sheet import clipart, code, header, paragraph


class Text:
    """Running print from (x, y) on, w wide, with gaps in it."""

    def __init__(self, p, x, y, w, size=None):
        self.p, self.left, self.right, self.at, self.y, self.size = p, x, x + w, x, y, size or p.body
        self.tall = self.size * p.leading

    def room(self, long):
        if self.at + long > self.right and self.at > self.left:
            self.at, self.y = self.left, self.y + self.tall

    def say(self, words):
        """Prints words, a line further where they do not fit; Chinese breaks anywhere."""
        p, f = self.p, self.p.type(self.size)(words)
        parts = [words[i:i + 6] for i in range(0, len(words), 6)] if p.han else words.split(" ")
        for part in parts:
            self.room(f.getlength(part) / p.scale)
            self.at += p.print(self.at, self.y, part, self.size, width=self.right - self.at) + (0 if p.han else self.size * 0.28)

    def gap(self, long, look):
        """Room for an answer within the line; returns its area."""
        p, tall = self.p, self.size * 1.35
        long = min(long, self.right - self.left)
        self.room(long)
        x, foot = self.at, self.y + self.size * 1.15
        if look == "brackets":
            p.print(x, self.y, "（" if p.han else "(", self.size), p.print(x + long, self.y, "）" if p.han else ")", self.size, anchor="ra")
        elif look == "box":
            p.box(x, foot - tall, long, tall, 1.2)
        else:
            p.line(x, foot, x + long, foot, 1.2, p.black)
        self.at += long + self.size * 0.3
        return x + self.size * 0.4 * (look == "brackets"), foot - tall, x + long - self.size * 0.4 * (look == "brackets"), foot + 1

    def end(self):
        return self.y + self.tall


def bold(p, x, y, words, size, w, fill=None):
    for nudge in (0, 0.8):  # struck twice
        p.print(x + nudge, y, words, size, width=w, fill=fill)


def heading(p, x, y, w, size):
    bold(p, x, y, p.words(p.rng.integers(2, 7)), size, w, p.accent)
    return y + size * 1.7


def stem(p, x, y, w, n, most=30):
    t = Text(p, x, y, w)
    t.say(f"{n}{'．' if p.han else '.'} " + p.words(int(np.exp(p.rng.uniform(np.log(4), np.log(most))))))
    return t


def options(p, x, y, w):
    """The choices of one question, beside or below each other; returns where their letters or boxes stand, and the y below."""
    rng, k = p.rng, int(pick(p.rng, [3, 4, 4, 4, 5]))
    cols = int(pick(rng, [1, 2, 4, k]))
    tall, spots = p.body * p.leading, []
    names = pick(rng, ["ABCDE", "ABCDE", "abcde", "①②③④⑤" if p.han else "ABCDE"])
    boxes = pick(rng, ["square", "round"]) if p.marking == "boxes" else None
    for i in range(k):
        cx, cy = x + (i % cols) * w / cols, y + (i // cols) * tall
        if boxes:
            d = p.body * 1.5
            p.box(cx, cy + p.body * 0.15, p.body * 0.9, p.body * 0.9, 1.3, p.black, round_=p.body * 0.45 if boxes == "round" else 0)
        else:
            d = p.print(cx, cy, names[i] + pick(rng, [". ", ") "]))
        p.print(cx + d, cy, p.words(rng.integers(1, 9)), width=max(12, w / cols - d - 8))
        spots.append((cx + p.body * 0.35, cy + p.body * 0.6))
    return spots, y + -(-k // cols) * tall


def choice(p, x, y, w, n):
    """A question of some lines, and its choices; the letter goes into brackets, on a line, or is ringed where it stands."""
    rng, look = p.rng, p.marking
    if look == "before":
        long = p.body * 2.2
        t = Text(p, x, y, long * 1.4)
        p.answer("number", [t.gap(long, pick(rng, ["brackets", "line"]))], words=pick(rng, "ABCD"), middle=True)
        x, w = x + long * 1.4, w - long * 1.4
    t = stem(p, x, y, w, n)
    if look in ("brackets", "line"):
        p.answer("number", [t.gap(p.body * rng.uniform(1.8, 3.5), look)], words=pick(rng, "ABCD"), middle=True)
    spots, below = options(p, x + p.body, t.end(), w - p.body)
    if look in ("ring", "boxes"):
        r = p.body * 0.62
        p.answer("spots", [(a - r, b - r, a + r, b + r) for a, b in spots], spots=spots, r=r * (1 if look == "ring" else 0.75), how=p.how)
    return below


def cloze(p, x, y, w, n):
    """A passage with gaps."""
    rng, look = p.rng, pick(p.rng, ["brackets", "line", "line", "box"])
    t = Text(p, x, y, w)
    t.say(f"{n}. ")
    for _ in range(int(rng.integers(1, 9))):
        t.say(p.words(rng.integers(2, 18)))
        p.answer("text" if rng.random() < 0.6 else "number", [t.gap(p.body * rng.uniform(2, 8), look)], middle=True)
    if rng.random() < 0.7:
        t.say(p.words(rng.integers(1, 8)))
    return t.end()


def passage(p, x, y, w, n):
    """To be read: asks nothing."""
    for _ in range(int(p.rng.integers(1, 4))):
        t = Text(p, x, y, w)
        t.say(("　　" if p.han else "") + p.words(p.rng.integers(15, 90)))
        y = t.end() + p.body * p.rng.uniform(0, 0.6)
    return y


def figures(p, x, y, w, n):
    """Pictures in a row, lettered; a question about them, or none."""
    rng, k = p.rng, int(p.rng.integers(1, 6))
    cw, framed = w / k, p.rng.random() < 0.3
    h = min(rng.uniform(50, 150), cw * 1.2)
    for i in range(k):
        if framed:
            p.box(x + i * cw + 3, y, cw - 8, h)
        clipart(p, x + i * cw + 6, y + 3, cw - 14, h - 6)
        p.print(x + (i + 0.5) * cw, y + h + 3, f"{'ABCDEF'[i]}. {p.words(rng.integers(1, 4))}", width=cw - 6, anchor="ma")
    y += h + p.body * 2
    return choice(p, x, y, w, n) if rng.random() < 0.4 else y


def table(p, x, y, w, n):
    """A table of figures, all given; now and then some of its cells are to be found."""
    rng, cols, rows = p.rng, int(p.rng.integers(2, 9)), int(p.rng.integers(2, 7))
    rh, cw, holes = p.body * rng.uniform(1.5, 2.1), w / cols, rng.random() < 0.25
    p.grid(x, y, w, rows * rh, cols, rows, 1.2, p.black)
    for r in range(rows):
        for c in range(cols):
            if holes and r and c and rng.random() < 0.3:
                p.answer("number", [(x + c * cw + 1, y + r * rh + 1, x + (c + 1) * cw - 1, y + (r + 1) * rh - 1)], middle=True)
            else:
                p.print(x + (c + 0.5) * cw, y + (r + 0.5) * rh, p.words(1) if r == 0 or c == 0 else number(rng), width=cw - 4, anchor="mm")
    return y + rows * rh + p.body


def room(p, x, y, w, n):
    """A question, and bare or ruled room for its answer."""
    rng = p.rng
    y = stem(p, x, y, w, n, 60).end()
    rows, gap = int(rng.integers(1, 8)), max(p.body * 1.7, rng.uniform(20, 34))
    if rng.random() < 0.35:
        for i in range(rows):
            p.line(x + p.body, y + (i + 1) * gap, x + w, y + (i + 1) * gap, 1, p.black)
        p.answer("lines", [(x + p.body, y + i * gap + 2, x + w, y + (i + 1) * gap) for i in range(rows)])
    else:
        p.answer("box", [(x + p.body, y, x + w, y + rows * gap)], bare=True)
    return y + rows * gap + 6


def listing(p, x, y, w, n):
    """Lines of a program or of a reckoning, printed in letters of one width, or a formula set apart; asks nothing."""
    rng, face = p.rng, p.face
    p.face = pick(rng, p.shelf.mono) if p.shelf.mono else face
    some = ["{}({}, {});", "{} = {} + {}", "if {} < {}:", "for {} in {}({}):", "{}[{}] = {}.{}", "return {} * ({} - {})", "float {}[] = {{{}, {}}};", "{}_{}()"]
    for _ in range(int(rng.integers(2, 9))):
        words = pick(rng, some).format(*(pick(rng, [number(rng), p.words(1)]) for _ in range(4)))
        p.print(x + p.body * (2 + 2 * int(rng.integers(0, 3))), y, words, width=w - 6 * p.body)
        y += p.body * p.leading
    p.face = face
    return y + p.body * 0.5


def sums(p, x, y, w, n):
    """Sums in columns, with bare room after each."""
    rng, cols, rows = p.rng, max(1, int(w / p.rng.uniform(110, 220))), int(p.rng.integers(1, 6))
    rh, size = p.body * rng.uniform(1.7, 3.2), p.body * rng.uniform(1, 1.2)
    for r in range(rows):
        for c in range(cols):
            at = x + c * w / cols
            d = p.print(at, y + r * rh, f"{number(rng)}{pick(rng, '+-×÷')}{number(rng, 2)}=", size)
            x1 = min(at + d + size * 4, x + (c + 1) * w / cols - 4)
            if x1 > at + d + size:
                p.answer("number", [(at + d + 2, y + r * rh - size * 0.2, x1, y + r * rh + size * 1.3)])
    return y + rows * rh


def count_task(p, x, y, w, n):
    """Rows of one picture to be counted with, and a short sum."""
    rng, size = p.rng, p.rng.uniform(26, 70)
    k, rows = int(w / size), int(rng.integers(1, 3))
    p.print(x, y, f"{n}) {rng.integers(2, 30)} {pick(rng, '+-×÷')} {rng.integers(2, 9)} =")
    at, tall = x + p.body * 7, p.body * 1.3
    p.line(at, y + tall, at + p.body * 3, y + tall)
    p.answer("number", [(at, y, at + p.body * 3, y + tall)])
    y += tall + 8
    again, last = (int(v) for v in (rng.integers(1 << 31), rng.integers(1, k + 1)))
    for r in range(rows):
        for i in range(k if r < rows - 1 else last):
            p.rng = np.random.default_rng(again)  # the same picture each time
            clipart(p, x + i * size, y, size * 0.9, size * 0.9)
        y += size
    p.rng = rng
    return y + 10


QUESTIONS = {choice: 0.34, cloze: 0.2, passage: 0.1, figures: 0.08, table: 0.06, room: 0.14, sums: 0.08, listing: 0.04}


def columns(p, top, cols, shares):
    """Questions down one column after another."""
    rng, side, gutter, n = p.rng, p.rng.uniform(35, 75), p.rng.uniform(20, 45), 1
    w = (1000 - 2 * side - gutter * (cols - 1)) / cols
    stop, air, ruled = p.h - p.rng.uniform(40, 90), p.rng.uniform(0, 14), cols > 1 and p.rng.random() < 0.4
    for c in range(cols):
        x, y = side + c * (w + gutter), rng.uniform(40, 70) if p.w > p.h and 2 * c >= cols else top  # the right of two pages has no title
        if ruled and c:
            p.line(x - gutter / 2, top, x - gutter / 2, stop, 1)
        run = chosen(rng, shares, 1)[0]
        while y < stop - 8 * p.body:
            p.place = (c + (y - top) / max(1, stop - top)) / cols
            if rng.random() < 0.12:
                y = heading(p, x, y, w, p.body * rng.uniform(1, 1.3))
            if rng.random() < 0.4:
                run = chosen(rng, shares, 1)[0]
            y, n = run(p, x, y, w, n) + air + p.air(40, 300), n + 1


def small(p):
    """Print as papers have it: small, and close."""
    p.body = float(np.exp(p.rng.uniform(np.log(8.5), np.log(19))))
    p.leading, p.untouched = p.rng.uniform(1.25, 1.7), 0.36
    p.marking = pick(p.rng, ["brackets", "brackets", "line", "before", "ring", "boxes"])
    p.how = pick(p.rng, ["fill", "fill", "scribble", "tick", "cross"] if p.marking == "boxes" else ["ring", "ring", "tick", "cross"])


def paper(p):
    """An exam's or a workbook's page: many questions, set small, in a column or more; heads, seams and tables of marks ask nothing."""
    rng = p.rng
    small(p)
    y, wide = rng.uniform(30, 80), p.w > p.h
    for _ in range(int(rng.integers(0, 4))):
        size = p.body * rng.uniform(1.0, 2.0)
        p.print(500 if not wide else 270, y, p.words(rng.integers(3, 9)), size, 800 if not wide else 420, anchor="ma")
        y += size * 1.6
    if rng.random() < 0.25:
        y = tasks.marks_table(p, 80, y, 400 if wide else rng.uniform(240, 540))
    if rng.random() < 0.15:  # the seam, with names beside it
        p.line(24, 20, 24, p.h - 20, 1, p.black, True)
        for at in np.arange(60, p.h - 60, rng.uniform(60, 200)):
            p.print(12, at, p.words(1), p.body, width=20, anchor="mm")
    if rng.random() < 0.1:
        code(p, (900, 20), 60)
    shares = {k: v * more for (k, v), more in zip(QUESTIONS.items(), rng.dirichlet(np.full(len(QUESTIONS), 0.7)))}
    columns(p, y + 10, int(pick(rng, [2, 2, 2, 3]) if wide else pick(rng, [1, 1, 1, 2])), shares)
    if rng.random() < 0.5:
        p.print(500, p.h - 30, f"- {rng.integers(1, 99)} -", anchor="ma")


def quiz(p):
    """A question or a few, and the rest of the page to answer on."""
    rng = p.rng
    small(p)
    p.body, p.untouched = max(p.body, 11.0), 0.16
    top, k = header(p, rng.uniform(35, 120)), int(pick(rng, [1, 1, 2, 3, 4]))
    side, foot = rng.uniform(45, 110), p.h - rng.uniform(40, 150)
    w, each = 1000 - 2 * side, (foot - top) / k
    for i in range(k):
        y, end, p.place = top + i * each, top + (i + 1) * each, i / k
        y = stem(p, side, y, w, i + 1, 80).end()
        if rng.random() < 0.3 and end - y > 260:
            clipart(p, side + rng.uniform(0, 0.5) * w, y + 6, w * 0.4, tall := rng.uniform(80, 160))
            y += tall + 12
        elif rng.random() < 0.25 and end - y > 260:
            y = listing(p, side, y, w, 1)
        if rng.random() < 0.3:
            bold(p, side, y, p.words(1) + ".", p.body, w)
            y += p.body * p.leading
        if end - y > 4 * p.body:
            p.answer("box", [(side, y, side + w, end - p.body)], bare=True)
    if rng.random() < 0.3:
        code(p, (side, p.h - 90), 60)
        p.box(1000 - side - 60, p.h - 90, 60, 60, 1.5, p.black)
        p.print(1000 - side - 30, p.h - 94, p.words(1), p.body * 0.7, width=90, anchor="ms")
        p.answer("number", [(1000 - side - 58, p.h - 88, 1000 - side - 2, p.h - 32)], middle=True)
        p.print(500, p.h - 60, p.words(9), width=w - 260, anchor="mm")


def textbook(p):
    """A book's page: text, pictures and tinted boxes; exercises at its foot, or none."""
    rng = p.rng
    small(p)
    y, stop = rng.uniform(40, 90), p.h * (rng.uniform(0.3, 0.85) if rng.random() < 0.75 else 0.95)
    x, w = (60, 880) if rng.random() < 0.6 else (60, 600) if rng.random() < 0.5 else (330, 610)
    if rng.random() < 0.3:
        p.box(0, 0, p.w, 26, fill=p.accent, inside=p.accent)
    while y < stop - 6 * p.body:
        u = rng.random()
        if u < 0.2:
            y = heading(p, x, y, w, p.body * rng.uniform(1.2, 2.2))
        elif u < 0.32:
            tall = p.body * rng.uniform(5, 9)
            p.box(x, y, w, tall, fill=p.accent, inside=tuple(int(v) for v in rng.integers(215, 256, 3)), round_=pick(rng, [0, 12]))
            paragraph(p, x + 12, y + 8, w - 24, (tall - 16) / p.body / p.leading, leading=p.leading)
            y += tall + p.body
        elif u < 0.5:
            y = (figures if rng.random() < 0.7 else table)(p, x, y, w, 1)
        else:
            y = passage(p, x, y, w, 1) + p.body * 0.5
    n = 1
    while y < p.h - 14 * p.body:
        p.place = y / p.h
        y = pick(rng, [choice, cloze, cloze, room, sums])(p, x, y, w, n) + p.body * 0.6
        n += 1


def tax(p):
    """A public office's form: fine print, bars, and cells with a small name in the corner of each."""
    rng = p.rng
    small(p)
    y, side = rng.uniform(30, 70), rng.uniform(30, 60)
    w, tall = 1000 - 2 * side, rng.uniform(26, 60)
    bold(p, side, y, p.words(4).upper(), p.body * 1.7, w)
    y += p.body * 3
    while y < p.h - 3 * tall:
        u, p.place = rng.random(), y / p.h
        if u < 0.14:
            y = passage(p, side, y, w, 1) + 6
        elif u < 0.28:
            p.box(side, y, w, p.body * 1.6, inside=pick(rng, [p.black, p.rule, (210, 210, 210)]))
            p.print(side + 8, y + p.body * 0.2, p.words(4).upper(), p.body, width=w * 0.8, fill=(255, 255, 255) if rng.random() < 0.7 else p.black)
            y += p.body * 1.6
        elif u < 0.4:  # boxes to tick in a row
            at, r = side + 8, p.body * 0.5
            spots = []
            for _ in range(int(rng.integers(2, 6))):
                p.box(at, y + 4, 2 * r, 2 * r, 1.3, p.black)
                spots.append((at + r, y + 4 + r))
                at += 2 * r + 6 + p.print(at + 2 * r + 5, y + 3, p.words(rng.integers(1, 4)), width=w / 5) + p.body
                if at > 900:
                    break
            p.answer("spots", [(a - r, b - r, a + r, b + r) for a, b in spots], spots=spots, r=r, how=pick(rng, ["cross", "tick"]))
            y += p.body * 2
        else:
            for _ in range(int(rng.integers(1, 4))):
                cuts = np.cumsum(rng.dirichlet(np.full(int(rng.integers(1, 5)), 3.0))) * w
                for a, b in zip([0, *cuts[:-1]], cuts):
                    p.box(side + a, y, b - a, tall, 1.2, p.black)
                    p.print(side + a + 3, y + 2, p.words(rng.integers(1, 6)), min(p.body * 0.75, tall * 0.3), width=b - a - 6)
                    p.answer("number" if rng.random() < 0.3 else "text", [(side + a + 2, y + tall * 0.32, side + b - 2, y + tall - 1)])
                y += tall
