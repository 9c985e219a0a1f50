"""Gathers real things for the generator to draw with, from other people's public repositories and Debian's packages, all of them
openly licensed:

    python real.py [--mirror DIR] [--only TABLE]

pictures.csv   photos and screenshots of what is no page, and photos and scans of pages, with where the paper's corners are: to
               learn what a page is, never what is on it; some of what is no page is printed on drawn pages, as their figures
forms.csv      blank forms and worksheets that can be filled in on a screen: their fields tell where answers are expected
filled.csv     photos and scans of pages that somebody wrote on, or left blank, with where their answers are and how each is, as told by
               eye: what homework looks like
worksheets.csv pages of worksheets, exams and schoolbooks, with where answers are expected as told by eye; and printed pages that ask
               nothing
hands.csv      scans of letters and diaries, with where their lines are (ALTO): words that people wrote, to write with

They come out in .fonts/train as `pictures`, `documents`, `worksheets`, `prints`, `filled` and `hands`, with an index.json each; the
filled pages of some repositories in .fonts/held (`split`: they never teach the maps). --mirror: a folder of bare clones,
DIR/owner+name/ANY, in place of GitHub. What cannot be had is left out, and said; without any of it the generator draws all
by itself. Lengths in the tables are in units of a page 1000 wide; an answer is `text`, `tick`, `bare` (paper where nothing is
printed) or `unsure`, and its box; of filled.csv `answered`, `blank`, `struck` or `unsure` (`page`: of a PDF; `turn`: degrees that bring the
picture upright, clockwise; `wipe`: whether what is written can be wiped away, as it stands on bare paper, on lines or in cells).
"""
import argparse
import io
import json
import logging
import pathlib
import tempfile

import numpy as np
import pypdf
import pypdfium2
from PIL import Image, ImageOps

import fetch
import github
import handwriting
from eval import on_white

HERE = pathlib.Path(__file__).parent
HOME = HERE / ".fonts"
LONGEST = 1400  # pixels of a picture's longer side: half as much again as the model sees
WIDE = 1500  # pixels of a page, which its `Sheet` makes smaller
EDGE = 5  # how far around a field its frame may be printed, in units of a page 1000 wide


def opened(data):
    """A picture as it is looked at."""
    return on_white(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))).convert("RGB")


def save(image, path):
    image.thumbnail((LONGEST, LONGEST), Image.LANCZOS)
    image.save(path, quality=93)


def picture(row, data):
    """Keeps one picture."""
    name = row["blob"][:12] + ".jpg"
    save(opened(data), HOME / "train/pictures" / name)
    yield "train/pictures", {"file": name, "kind": row["kind"], "corners": [float(v) / 100 for v in row["corners"].split()] or None}


def filled(row, data):
    """Keeps one picture of a page with answers, upright, and where they are."""
    image = rendered(pypdfium2.PdfDocument(data)[int(row["page"])]) if row["page"] else opened(data)
    name = f"{row['blob'][:12]}{'-' + row['page'] if row['page'] else ''}.jpg"
    home = row["split"] + "/filled"
    save(image.rotate(-int(row["turn"]), expand=True), HOME / home / name)
    answers = [answer.split() for answer in row["answers"].split(";")]
    yield home, {"file": name, "wipe": row["wipe"] == "yes", "answers": [{"state": state, "box": [float(v) for v in box]} for state, *box in answers]}


def fields(page):
    """The fields of a PDF's page, in units of a page 1000 wide: [{box, kind, comb, group}]: text or tick; of how many
    characters, each in a cell of its own; what the boxes of one choice share."""
    left, foot, right, top = (float(v) for v in page.cropbox)
    k, out = 1000 / (right - left), []
    for annotation in page.get("/Annots") or []:
        a = annotation.get_object()
        if a.get("/Subtype") != "/Widget" or int(a.get("/F", 0)) & 2:  # hidden
            continue
        chain = [a]
        while "/Parent" in chain[-1] and len(chain) < 8:
            chain.append(chain[-1]["/Parent"].get_object())
        of = lambda key, otherwise=None: next((c[key] for c in chain if key in c), otherwise)
        kind, flags = of("/FT"), int(of("/Ff", 0))
        if kind not in ("/Tx", "/Btn", "/Ch") or kind == "/Btn" and flags & 1 << 16 or kind == "/Tx" and flags & 1:  # a button to press, or nothing to fill in
            continue
        x0, y0, x1, y1 = (float(v) for v in a["/Rect"])
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        box = [round(v, 1) for v in ((x0 - left) * k, (top - y1) * k, (x1 - left) * k, (top - y0) * k)]
        if box[2] - box[0] < 5 or box[3] - box[1] < 5 or box[0] < 0 or box[2] > 1000 or box[1] < 0 or box[3] > (top - foot) * k:
            continue
        comb = int(of("/MaxLen", 0)) if kind == "/Tx" and flags & 1 << 24 else 0
        group = str(of("/T", "")) if kind == "/Btn" and flags & 1 << 15 and len(chain) > 1 else ""
        if group:  # the name of the choice that its buttons share
            group = str(next((c["/T"] for c in chain[1:] if "/T" in c), group))
        out.append({"box": box, "kind": {"/Tx": "text", "/Ch": "text", "/Btn": "tick"}[kind], "comb": comb, "group": group})
    return out


def framed(image, box):
    """Whether something is printed around a field or under it: without, nobody would see that there is one."""
    k = image.shape[1] / 1000
    x0, y0, x1, y1 = box
    cut = lambda a, b, c, d: image[max(0, int(b * k)):int(d * k) + 1, max(0, int(a * k)):int(c * k) + 1]
    lines = (cut(x0, y1 - EDGE, x1, y1 + EDGE).min(0), cut(x0, y0 - EDGE, x1, y0 + EDGE).min(0), cut(x0 - EDGE, y0, x0 + EDGE, y1).min(1), cut(x1 - EDGE, y0, x1 + EDGE, y1).min(1))
    printed = [len(line) > 0 and float((line < 200).mean()) > 0.5 for line in lines]
    tinted = float(np.median(cut(*box))) < 245
    return printed[0] or sum(printed) > 1 or tinted


def form(row, data):
    """Keeps the pages of a PDF that have fields, without what stands in them."""
    reader, drawn = pypdf.PdfReader(io.BytesIO(data)), pypdfium2.PdfDocument(data)
    for number in (int(v) for v in row["pages"].split()):
        page = reader.pages[number]
        if page.rotation % 360:
            continue
        image = rendered(drawn[number])
        grey, name = np.asarray(image.convert("L")), f"{row['blob'][:12]}-{number}.png"
        kept = [{**f, "framed": framed(grey, f["box"])} for f in fields(page)]
        if not kept:
            continue
        image.save(HOME / "train/documents" / name)
        yield "train/documents", {"file": name, "h": round(1000 * image.height / image.width), "fields": kept}


def sheet(row, data):
    """Keeps a page of which all is told."""
    number, fields = int(row["page"]), []
    image = rendered(pypdfium2.PdfDocument(data)[number])
    line = {"file": f"{row['blob'][:12]}-{number}.png", "h": round(1000 * image.height / image.width)}
    grey = np.asarray(image.convert("L"))
    for kind, *box in (answer.split() for answer in row["answers"].split(";") if answer):
        box = [float(v) for v in box]
        fields.append({"box": box, "kind": kind, "framed": True, "comb": 0, "group": "", "letter": kind == "tick" and not framed(grey, box)})
    stacked(fields)
    home = "train/worksheets" if fields else "train/prints"
    image.save(HOME / home / line["file"])
    yield home, {**line, "fields": fields}


def stacked(fields):
    """Names the choices that stand below each other at even distances: they are one question's."""
    ticks = sorted((f for f in fields if f["kind"] == "tick"), key=lambda f: (round(f["box"][0] / 12), f["box"][1]))
    beside = lambda f: sum(abs(g["box"][1] - f["box"][1]) < 8 for g in ticks) > 1  # a row's
    run, pitch = [], 0.0
    for f in [f for f in ticks if not beside(f)] + [None]:
        gap = f["box"][1] - run[-1]["box"][1] if f and run else 0.0
        if run and (f is None or abs(f["box"][0] - run[-1]["box"][0]) > 8 or not 0 < gap < 70 or len(run) > 1 and abs(gap - pitch) > 0.35 * pitch):
            for g in run if 1 < len(run) < 9 else []:
                g["group"] = f"below {run[0]['box']}"
            run = []
        if f:
            run.append(f)
            pitch = gap


def rendered(page):
    return page.render(scale=WIDE / page.get_width(), may_draw_forms=False, draw_annots=False).to_pil().convert("RGB")


class Sources:
    """Files by where their rows say that they lay: in a repository, or in a Debian package (`debian:NAME`)."""

    def __init__(self, mirror, folder):
        self.mirror, self.folder = mirror, pathlib.Path(folder)

    def get(self, row):
        if not row["source"].startswith("debian:"):
            return github.get(row, self.mirror)
        package = row["source"].removeprefix("debian:")
        if not (self.folder / package).exists():
            (self.folder / package).mkdir()
            fetch.unpack("apt", package, None, self.folder / package)
        data = (self.folder / package / row["path"]).read_bytes()
        if github.blob(data) != row["blob"]:
            raise OSError("another version of the package")
        return data


def letter(row, data):
    """Keeps the words of a page that somebody wrote, below each other."""
    grey = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("L"))
    words = handwriting.words(grey, row["written"])
    sheet, at, boxes = np.zeros((sum(w.shape[0] for w, _ in words), max(w.shape[1] for w, _ in words)), np.uint8), 0, []
    for w, base in words:
        sheet[at:at + w.shape[0], :w.shape[1]] = w
        boxes.append([at, w.shape[0], w.shape[1], base])
        at += w.shape[0]
    name = row["blob"][:12] + ".png"
    Image.fromarray(sheet).save(HOME / "train/hands" / name)
    yield "train/hands", {"file": name, "words": boxes}


def gather(table, homes, keep, sources):
    rows, index, why = github.rows(HERE / table), {home: [] for home in homes}, {}
    for home in homes:
        (HOME / home).mkdir(parents=True, exist_ok=True)
    for row in rows:
        try:
            for home, line in keep(row, sources.get(row)):
                index[home].append(line)
        except Exception as problem:  # a stranger's file may break any reader: said, and done without
            why.setdefault(f"{type(problem).__name__}: {problem}"[:80], []).append(row["path"])
    for home, lines in index.items():
        (HOME / home / "index.json").write_text(json.dumps(lines))
    lost = sum(len(paths) for paths in why.values())
    kept = ", ".join(f"{len(lines)} {home}" for home, lines in index.items())
    print(f"{table}: {kept} of {len(rows) - lost} files" + "".join(f"; {len(paths)} not ({error}), as {paths[0]}" for error, paths in why.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mirror", type=pathlib.Path)
    parser.add_argument("--only", help="one of the tables")
    args = parser.parse_args()
    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it tells of each small fault that it puts right
    with tempfile.TemporaryDirectory() as folder:
        sources = Sources(args.mirror, folder)
        written = lambda row: sources.get(row | {"path": row["lines"], "blob": row["lines_blob"]})
        for table, homes, keep in (("pictures.csv", ["train/pictures"], picture), ("forms.csv", ["train/documents"], form),
                                   ("worksheets.csv", ["train/worksheets", "train/prints"], sheet), ("filled.csv", ["train/filled", "held/filled"], filled),
                                   ("hands.csv", ["train/hands"], lambda row, data: letter({**row, "written": written(row)}, data))):
            if args.only in (None, table):
                gather(table, homes, keep, sources)


if __name__ == "__main__":
    main()
