"""Photos that somebody took of pages that somebody wrote on, photographed once more: where their answers are, and how each is, was told
by eye (`real.py` gathers them); which strokes are the student's, and where the paper ends, was not.
"""
import cv2
import numpy as np
from PIL import Image

from . import develop
from .fill import EMPTY, FILLED, STRUCK, UNSURE
from .photo import CELL, SIDE, SUB, UNTOLD, Photo, done, homography, told, turned
from .shelf import pick

STATES = {"answered": FILLED, "blank": EMPTY, "struck": STRUCK, "unsure": UNSURE}
OTHERWISE = 0.7  # how often a page has other answers written than it had
STROKE = 120  # pixels: what is straight in a box no larger may be a stroke of a letter
ALIKE = 0.2  # by how much two answers may differ in width and in height, as logarithms, for the one to stand in the other's place


def take(rng, shelf, k):
    """One of them, at about k times the model's size, held a little otherwise."""
    of = pick(rng, shelf.filled)
    image = np.asarray(Image.open(shelf.home / "filled" / of["file"]).convert("RGB"))
    answers = [(STATES[a["state"]], [int(round(v * image.shape[1] / 1000)) for v in a["box"]]) for a in of["answers"]]
    if rng.random() < OTHERWISE:
        image, answers = rewritten(rng, image, answers, of["wipe"])
    to, w, h = view(rng, image.shape[1::-1], SIDE * k)
    pixels, jpeg = develop.develop(rng, seen_by(image, to, w, h), "ok", "photo" if rng.random() < 0.35 else "digital")
    area = np.zeros((h // CELL * SUB, w // CELL * SUB), np.int32)
    items, states, sight = np.zeros_like(area), [], [1.0]
    for state, (x0, y0, x1, y1) in answers:
        quad = cv2.perspectiveTransform(np.float32([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]]), to)[0] * SUB / CELL
        there = cv2.fillConvexPoly(np.zeros(area.shape, np.uint8), np.int32(np.round(quad * 16)), 1, shift=4) > 0
        area[there], items[there] = state, 0
        if state != UNSURE:
            states.append(state)
            sight.append(min(1.0, there.sum() / max(1.0, cv2.contourArea(quad))))
            items[there] = len(states)
    untold = np.full((h // CELL, w // CELL), UNTOLD)
    truth, areas = told(area, items, states, np.array(sight), untold, untold)
    return Photo(pixels, truth, areas, "ok", done(areas), "filled", "photo", jpeg)


def view(rng, size, side):
    """All or a part of a picture (width, height), a little aslant, upright or not: (what takes its points to the photo's, width, height);
    the longer of these is `side`, in whole cells."""
    share = rng.uniform(0.92, 1.0, 2) if rng.random() < 0.7 else rng.uniform(0.55, 0.92, 2)
    seen = np.float32([(0, 0), (1, 0), (1, 1), (0, 1)]) * share + rng.random(2) * (1 - share) + rng.normal(0, 0.008, (4, 2))
    turn = turned(rng)
    sides = (share * size)[::-1 if turn % 2 else 1] * np.exp(rng.normal(0, 0.04, 2))
    w, h = (CELL * max(8, round(v * side / max(sides) / CELL)) for v in sides)
    return homography(np.roll([(0, 0), (w, 0), (w, h), (0, h)], -turn, axis=0), seen * size), w, h


def seen_by(image, to, w, h):
    """The picture taken to w x h; reduced first, as a warp's bilinear looks at four pixels only."""
    k = min(1.0, 1.2 * abs(np.linalg.det(to[:2, :2])) ** 0.5)
    less = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA) if k < 1 else image
    by = to @ np.diag([image.shape[1] / less.shape[1], image.shape[0] / less.shape[0], 1])
    return cv2.warpPerspective(less, by, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def rewritten(rng, image, answers, wipe):
    """The same page with some of its answers written that were not, or not written that were: what stands there, or does not, comes from a
    place of about the same size; where there is none, what is written on bare paper is wiped away (`wipe`)."""
    out, states, share = image.copy(), [state for state, _ in answers], rng.random()
    inside = lambda box: 0 <= box[0] < box[2] - 5 and 0 <= box[1] < box[3] - 5 and box[2] <= image.shape[1] and box[3] <= image.shape[0]
    places = [(state, box) for state, box in answers if state in (FILLED, EMPTY) and inside(box)]
    for i in rng.permutation(len(answers)):
        (was, box), state = answers[i], FILLED if rng.random() < share else EMPTY
        if (was, box) not in places or state == was and rng.random() < 0.8:
            continue
        size = np.log([box[2] - box[0], box[3] - box[1]])
        fits = lambda b: b is not box and (abs(np.log([b[2] - b[0], b[3] - b[1]]) - size) < ALIKE).all()
        some = [b for s, b in places if s == state and fits(b)]
        if some:
            paste(out, box, image, pick(rng, some))
        elif wipe and state == EMPTY and (bare := wiped(rng, image[box[1]:box[3], box[0]:box[2]])) is not None:
            out[box[1]:box[3], box[0]:box[2]] = bare
        else:
            continue
        states[i] = state
    return out, [(state, box) for state, (_, box) in zip(states, answers)]


def paste(out, box, image, other):
    """Puts what stands in the `other` box into this one, in its light."""
    x0, y0, x1, y1 = other
    part = cv2.resize(image[y0:y1, x0:x1], (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    here = out[box[1]:box[3], box[0]:box[2]]
    paper = lambda a: np.percentile(a.reshape(-1, 3), 80, axis=0)
    edge = np.pad(np.ones((part.shape[0] - 2, part.shape[1] - 2), np.float32), 1)
    share = cv2.GaussianBlur(edge, (0, 0), 1.2)[..., None]
    lit = part * (paper(here) / np.maximum(paper(part), 20))
    here[:] = np.clip(here + (lit - here) * share, 0, 255)


def wiped(rng, part):
    """A part of a page without what is written in it: paper as it is around, in its place. Long lines, which are printed, stay. None where
    not all of it would go: on paper so uneven that what is dark is not what is written."""
    dark = darker(part.min(2))
    lines = ruled(dark)
    bare = (cv2.dilate(dark | lines, np.ones((5, 5))) == 0).astype(np.float32)
    if bare.mean() < 0.15:
        return None
    spread = lambda a: cv2.GaussianBlur(a, (0, 0), max(4.0, 0.12 * min(bare.shape)), borderType=cv2.BORDER_REFLECT)
    paper = spread(part * bare[..., None]) / (spread(bare) + 1e-6)[..., None]
    grain = np.minimum((part - paper)[bare > 0].std(0), 6) * rng.standard_normal(part.shape)
    gone = cv2.dilate(dark & ~lines, np.ones((5, 5))).astype(np.float32) * (1 - cv2.dilate(lines, np.ones((3, 3))))
    share = cv2.GaussianBlur(gone, (0, 0), 0.8)[..., None]
    out = np.clip(part + (paper + grain - part) * share, 0, 255).astype(np.uint8)
    left = darker(out.min(2)) & ~cv2.dilate(lines, np.ones((5, 5)))
    return out if left.mean() < 0.01 else None


def ruled(dark):
    """What is printed of what is dark in an answer's box: straight lines most of its width or height long, and at its edge if they are short."""
    lines = np.zeros_like(dark)
    for axis, least, thick in ((1, 0.55, (3, 1)), (0, 0.75, (1, 3))):
        length, across = dark.shape[axis], dark.shape[1 - axis]
        line = max(12, int(least * length))
        if line >= length:
            continue
        found = cv2.morphologyEx(cv2.dilate(dark, np.ones(thick)), cv2.MORPH_OPEN, np.ones((1, line) if axis else (line, 1)))
        if length < STROKE:
            middle = slice(across // 6, across - across // 6)
            found[(middle, slice(None)) if axis else (slice(None), middle)] = 0
        lines |= found
    return lines


def darker(grey):
    """Where it is darker than the paper around (uint8, 1 there)."""
    side = max(15, min(grey.shape) // 3 | 1)
    paper = cv2.GaussianBlur(cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((side, side)), borderType=cv2.BORDER_REFLECT), (0, 0), 5)
    return (grey < 0.88 * paper).astype(np.uint8)
