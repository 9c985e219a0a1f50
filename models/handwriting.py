"""Words that somebody wrote, cut out of a scan of a page by where its lines are told to be (ALTO, as archives keep it): their ink alone."""
import re
from xml.etree import ElementTree

import cv2
import numpy as np

TALL = 40  # pixels from the base line to the top of most words: a capital letter's, near enough
MANY = 40  # words, and a page tells a hand
DARK = 90  # of 255, and a pixel is ink
PRINTED = re.compile("print|typewritten", re.I)


def words(grey, told):
    """[(ink, base)]: uint8, 255 where it is as dark as this pen mostly is, and how many pixels its base line is below its top."""
    lines = alto(told, grey.shape)
    ink = inked(grey, float(np.median([np.ptp(outline[:, 1]) for _, outline in lines])))
    found = [w for base, outline in lines for w in cut(ink, base, outline)]
    if len(found) < MANY:
        raise ValueError("too few words can be told")
    size = float(np.median([base for _, base in found]))
    k = TALL / size
    found = [(cv2.resize(w, None, fx=k, fy=k, interpolation=cv2.INTER_AREA), round(base * k, 1)) for w, base in found if 0.35 * size < base < 2.2 * size]
    return [(w, base) for w, base in found if w.shape[0] < 4 * TALL and 8 < w.shape[1] < 14 * TALL]


def alto(told, shape):
    """The lines of a page by ALTO that are not tagged as printed: [(base line, outline)], points in pixels of a picture of this shape."""
    root = ElementTree.fromstring(told)
    space = {"a": root.tag[1:].split("}")[0]}
    page = root.find(".//a:Page", space)
    k = np.float32([shape[1] / float(page.get("WIDTH")), shape[0] / float(page.get("HEIGHT"))])
    points = lambda text: np.float32(text.replace(",", " ").split()).reshape(-1, 2) * k
    printed = {tag.get("ID") for tag in root.iterfind(".//a:OtherTag", space) if PRINTED.search(tag.get("LABEL") or "")}
    out = []
    for line in root.iterfind(".//a:TextLine", space):
        if printed & set(line.get("TAGREFS", "").split()):
            continue
        outline = line.find(".//a:Polygon", space)
        if outline is not None and len(line.get("BASELINE", "").split()) >= 4:
            out.append((points(line.get("BASELINE")), points(outline.get("POINTS"))))
    if not out:
        raise ValueError("no lines")
    return out


def inked(grey, tall):
    """How dark each pixel is against the paper around it, 255 as the ink mostly is; lines are about `tall` pixels high."""
    paper = cv2.medianBlur(cv2.dilate(grey, np.ones((5, 5), np.uint8)), 2 * int(min(tall, 120)) + 1)
    dark = cv2.GaussianBlur((paper.astype(np.float32) - grey) / np.maximum(paper, 40), (0, 0), 0.8).clip(0, 1)
    limit = cv2.threshold((dark * 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0] / 255
    most = float(np.median(dark[dark > limit]))
    return (((dark - 0.7 * limit) / (most - 0.7 * limit)).clip(0, 1) * 255).astype(np.uint8)


def cut(ink, base, outline):
    """The words of a line: [(ink, how far its base line is below its top)]."""
    x0, y0 = np.maximum(outline.min(0).astype(int), 0)
    x1, y1 = outline.max(0).astype(int) + 1
    part = ink[y0:y1, x0:x1]
    if part.size == 0:
        return []
    inside = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(inside, [(outline - [x0, y0]).astype(np.int32)], 255)
    part = np.where(inside > 0, part, 0).astype(np.uint8)
    low = np.interp(np.arange(part.shape[1]), *(base[np.argsort(base[:, 0])] - [x0, y0]).T)
    tall = part.shape[0]
    gap, solid = max(3, int(0.16 * tall)), (part > DARK).any(0)  # narrower gaps are within words
    out, begin, last = [], None, None
    for x in [*np.flatnonzero(solid), len(solid) + gap + 1]:
        if begin is not None and x - last > gap:
            word = part[:, begin:last + 1]
            rows = np.flatnonzero((word > DARK).any(1))
            at = float(low[(begin + last) // 2])
            if len(rows) and rows[0] < at - 3 and (word > DARK).sum() > 0.02 * word.size and np.ptp(rows) > 0.12 * tall:
                out.append((word[rows[0]:rows[-1] + 1], at - rows[0]))
            begin = None
        if begin is None:
            begin = x
        last = x
    return out
