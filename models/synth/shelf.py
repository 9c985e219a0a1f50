"""The fonts, digits, pen strokes and pictures to draw with, by split: what is `held` back judges and never trains."""
import functools
import json
import pathlib
import re

import numpy as np
from PIL import Image, ImageFont

HOME = pathlib.Path(__file__).parent.parent / ".fonts"
SYLLABLES = ("a an ba be ca co da de el en er fi ga ge ha he hi in is ka la le lo ma me mi na ne no o on or pa pe ra re ri ro sa se si "
             "so sta ta te ti to tu un ur va ve wa we zi sch ch th ing und").split()
SHORT = "the of and to in is it was for on der die das und in zu mit von ist la el de los que et les un".split()
ASK = ("Write", "Read", "Calculate", "Fill in", "Solve", "Draw", "Circle", "Complete", "Tick", "Match", "Look at", "Schreibe",
       "Rechne", "Lies", "Ergänze", "Complète", "Escribe", "Name", "Explain", "Show", "Color", "Trace")


class Shelf:
    def __init__(self, split):
        self.split, self._fonts = split, {}
        self.home = home = HOME / split
        if not home.exists():
            raise SystemExit("no fonts: run `make -C models fonts` first")
        find = lambda use: sorted(p for p in (home / use).iterdir())
        self.print, self.hand, self.print_han = find("print"), find("hand"), find("print-han")
        self.mono = [f for f in self.print if "courier" in f.name or "mono" in f.name.lower()]
        han = find("hand-han")
        latin = lambda p: p.with_name(re.sub("chinese-[a-z]+|japanese", "latin", p.name))
        self.hand_han = [(p, latin(p)) for p in han if p != latin(p)]
        f = np.load(home / "digits.npz")
        self.digits = [f["tiles"][f["names"] == d] for d in range(10)]
        self.stamps, self.textures = find("stamps"), find("textures")
        index = lambda name: json.loads(path.read_text()) if (path := home / name / "index.json").exists() else []
        # None of these, unless `real.py` gathered some.
        self.documents, self.worksheets, self.prints, self.hands, self.filled = map(index, ("documents", "worksheets", "prints", "hands", "filled"))
        real = index("pictures")
        self.pages, self.scenes = [r for r in real if r["corners"]], {}
        for r in real:
            if not r["corners"]:
                self.scenes.setdefault(r["kind"], []).append(r)
        self.strokes = json.loads((home / "strokes.json").read_text())
        self.hershey = json.loads((home / "hershey.json").read_text())
        self.characters = sorted(self.strokes)
        self._covered = {}

    def covered(self, path):
        """The characters that a font has, of those of this split."""
        if path not in self._covered:
            f = self.font(path, 16)
            glyph = lambda c: (m := f.getmask(c)).size + (bytes(m),)
            none = {glyph("\U0010ffff"), glyph(" ")}
            self._covered[path] = [c for c in self.characters if glyph(c) not in none]
        return self._covered[path]

    def font(self, path, size):
        key = (path, max(5, int(round(size))))
        if key not in self._fonts:
            if len(self._fonts) > 400:
                self._fonts.clear()
            self._fonts[key] = ImageFont.truetype(str(path), key[1])
        return self._fonts[key]


@functools.lru_cache(300)
def picture(path):
    """RGB, or RGBA of a stamp."""
    image = Image.open(path)
    return np.asarray(image.convert("RGBA" if "A" in image.getbands() else "RGB"))


@functools.lru_cache(40)
def words_of(path):
    """The words of a writer, below each other."""
    return np.asarray(Image.open(path))


_shelves = {}


def shelf(split):
    if split not in _shelves:
        _shelves[split] = Shelf(split)
    return _shelves[split]


def pick(rng, some):
    return some[int(rng.integers(len(some)))]


def chosen(rng, weighted, n):
    """n of the keys, each as often as it weighs."""
    keys = list(weighted)
    p = np.array([weighted[k] for k in keys])
    return [keys[int(i)] for i in rng.choice(len(keys), size=n, p=p / p.sum())]


def word(rng):
    if rng.random() < 0.25:
        return pick(rng, SHORT)
    w = "".join(pick(rng, SYLLABLES) for _ in range(rng.integers(1, 4)))
    return w.capitalize() if rng.random() < 0.12 else w


def text(rng, n, han=None):
    """n words; or n characters where a list of them is given."""
    if han:
        out = "".join(pick(rng, han) for _ in range(int(n)))
        return out[:-1] + pick(rng, "，。？") if len(out) > 6 and rng.random() < 0.5 else out
    return " ".join(word(rng) for _ in range(int(n)))


def number(rng, digits=None):
    n = str(rng.integers(0, 10 ** int(digits or rng.integers(1, 4))))
    return n if rng.random() < 0.92 else n + "," + str(rng.integers(1, 10))
