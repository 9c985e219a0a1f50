"""Photos of sheets: camera, scanner, scanning app or screen; with the truth carried through the lens.

`take` gives a Photo whose `truth` lies at 1/CELL of its pixels, seven planes of uint8: page, empty, filled, struck, unsure (each a
share of the cell, 255 all of it), ink (the most in the cell), log density (of the answers in the cell: -9..3 as 0..255, see
`DENSITY`). A plane that is UNTOLD all over is of a real photo, of which nobody told it. `areas`: of each answer its box in pixels,
state, and how much of it is in sight; of a photo that is ok, completion is of those in SIGHT, as nobody can tell more of a part of
a page.
"""
import copy
import dataclasses

import cv2
import numpy as np
from PIL import Image

from . import develop, scenery
from .fill import EMPTY, FILLED, STATES, STRUCK, UNSURE
from .shelf import chosen, pick

SIDE, CELL, SUB = 960, 12, 4  # the longer side of what the model gets, in pixels; the truth is kept by cells, each sampled SUB x SUB times
PLANES = ("page", "empty", "filled", "struck", "unsure", "ink", "density")
DENSITY = (-9.0, 3.0)
UNTOLD = 128  # a drawn cell that has just this is left out of the loss as well; few have
SIGHT = 0.75  # an answer of which a picture shows less may be written where the picture does not show it
VISIBLE = 0.07  # of the paper's light: by how much less an eye takes for nothing
SCENES = {"receipt": 0.34, "screen": 0.2, "card": 0.1, "cover": 0.08, "plan": 0.06, "things": 0.08, "room": 0.06, "outdoors": 0.05, "surface": 0.03}  # how often each
FAINT = (0.2, 0.45)  # of an answer's ink: below the one it is not seen, below the other hardly


@dataclasses.dataclass
class Photo:
    pixels: np.ndarray  # H x W x 3, uint8
    truth: np.ndarray | None  # 7 x H/CELL x W/CELL, uint8
    areas: list
    quality: str
    completion: float | None
    kind: str
    medium: str
    jpeg: int  # the quality to keep it with
    less: list = dataclasses.field(default_factory=list)  # the same photo with some of its answers not written


def homography(src, dst):
    """The 3 x 3 matrix that takes points of dst to src."""
    return cv2.getPerspectiveTransform(np.float32(dst), np.float32(src))


def corners(rng, quality, medium, pw, ph, w, h):
    """Where the sheet's corners land in the photo, in pixels: top left, top right, bottom right, bottom left."""
    if medium in ("scan", "app"):
        tilt, fill = np.deg2rad(rng.normal(0, 0.9) if rng.random() < 0.9 else rng.normal(0, 5)), rng.uniform(0.96, 1.03)
        half = np.array([w, h]) * fill / 2 if rng.random() < 0.75 else np.array([pw, ph]) * fill * min(w / pw, h / ph) / 2
        pts = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
        if medium == "app":
            pts = pts + rng.normal(0, 0.008, (4, 2)) * half
    elif medium == "digital":
        tilt, fill = 0.0, 1.0 if rng.random() < 0.7 else rng.uniform(0.6, 0.95)
        pts = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array([pw, ph]) * fill * min(w / pw, h / ph) / 2
    else:
        near = rng.random()
        tilt = np.deg2rad(rng.normal(0, 4) if rng.random() < 0.8 else rng.normal(0, 16) if rng.random() < 0.85 else rng.uniform(-45, 45))
        fill = (rng.uniform(0.8, 1.02) if near < 0.64 else rng.uniform(0.5, 0.8) if near < 0.8 else rng.uniform(1.02, 1.18)
                if near < 0.9 or quality == "cropped" else rng.uniform(1.25, 2.4))  # a part of the page, from near
        if medium == "screen":
            fill = min(fill, rng.uniform(0.3, 0.95))
        half = np.array([pw, ph]) * fill * min(w / pw, h / ph) / 2
        # A camera held over the page, tipped: the far edge is shorter.
        tip = rng.normal(0, 0.06, 2) if rng.random() < 0.8 else rng.normal(0, 0.1, 2)
        pts = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)
        z = 1 + pts @ tip
        pts = pts / z[:, None] * half + rng.normal(0, 0.006, (4, 2)) * half
    c, s = np.cos(tilt), np.sin(tilt)
    pts = pts @ np.array([[c, s], [-s, c]]) + np.array([w, h]) / 2
    if quality == "cropped":  # a quarter to a half of the page is out of sight
        side, cut = int(rng.integers(4)), rng.uniform(0.25, 0.5)
        axis, sign = side % 2, 1 if side < 2 else -1
        edge = pts[:, axis].min() if sign > 0 else pts[:, axis].max()
        pts[:, axis] += (0 if sign > 0 else (w, h)[axis]) - sign * cut * np.ptp(pts[:, axis]) - edge
        if rng.random() < 0.6:
            pts = (pts - [w / 2, h / 2]) * rng.uniform(1.0, 1.35) + [w / 2, h / 2]
    elif medium in ("photo", "screen"):
        for axis, size in ((0, w), (1, h)):
            slack = size - np.ptp(pts[:, axis])
            low = -pts[:, axis].min()
            share = np.clip(rng.normal(0.5, 0.25), 0, 1) if slack > 0 else rng.uniform(0.3, 0.7) if fill < 1.2 else rng.uniform(0.05, 0.95)
            pts[:, axis] += low + share * slack
    return pts


class Warp:
    """Takes each pixel of the photo to a place on the sheet: perspective, then the paper's own bend and folds."""

    def __init__(self, rng, pts, pw, ph, medium):
        self.m = homography([(0, 0), (pw, 0), (pw, ph), (0, ph)], pts)
        self.size, self.waves, self.folds = (pw, ph), [], []
        if medium == "photo":
            if rng.random() < 0.5:  # curled, or beside a book's spine
                for _ in range(rng.integers(1, 3)):
                    axis = int(rng.integers(2))
                    self.waves.append((axis, rng.normal(0, 0.007), rng.uniform(0.4, 1.5), rng.uniform(0, 6.3), rng.normal(0, 0.4)))
            if rng.random() < 0.3:
                for _ in range(rng.integers(1, 4)):
                    at = rng.uniform(0.2, 0.8) if rng.random() < 0.4 else pick(rng, [0.5, 0.33, 0.67, 0.25])
                    self.folds.append((int(rng.integers(2)), at, rng.normal(0, 0.05), rng.normal(0, 0.012)))

    def map(self, xs, ys):
        """Sheet coordinates (two arrays) of photo coordinates, and how light falls on the bend there."""
        m = self.m.astype(np.float32)
        z = m[2, 0] * xs + m[2, 1] * ys + m[2, 2]
        u, v = (m[0, 0] * xs + m[0, 1] * ys + m[0, 2]) / z, (m[1, 0] * xs + m[1, 1] * ys + m[1, 2]) / z
        pw, ph = self.size
        a, b = u / pw, v / ph
        shade, du, dv = np.ones_like(a), 0.0, 0.0
        for axis, depth, turns, phase, lean in self.waves:
            t, other = (a, b) if axis else (b, a)
            angle = 2 * np.pi * turns * (t + lean * other) + phase
            bend = depth * np.sin(angle)
            shade += 3.5 * depth * turns * np.cos(angle)
            if axis:
                dv = dv + bend * ph
            else:
                du = du + bend * pw
        for axis, at, slope, kink in self.folds:
            t, other = (a, b) if axis else (b, a)
            d = t - at - slope * (other - 0.5)
            shade += np.where(d > 0, 1, -1) * kink * 4 - 0.22 * np.exp(-(d / 0.004) ** 2) * (abs(kink) * 40 + 0.2)
            if axis:
                dv = dv + kink * np.abs(d) * ph
            else:
                du = du + kink * np.abs(d) * pw
        return u + du, v + dv, shade


def backdrop(rng, h, w, medium, pts):
    """What lies around the sheet, whose corners are `pts`."""
    if medium not in ("photo", "screen"):
        v = 255 if rng.random() < 0.8 else int(pick(rng, [20, 60, 200]))
        if medium == "digital" and rng.random() < 0.5:
            return np.full((h, w, 3), rng.integers(0, 256, 3), np.float32)
        return np.full((h, w, 3), v, np.float32)
    if medium == "screen":
        return monitor(rng, h, w, pts)
    kind = rng.random()
    if kind < 0.08:  # the next page of the book or the sheet below
        return np.full((h, w, 3), rng.uniform(195, 250), np.float32) + 12 * (scenery.clouds(rng, h, w, 0.4)[..., None] - 0.5)
    if kind < 0.2:
        dark = np.float32(scenery.tint(rng, 5, 45))
        return dark + 14 * scenery.clouds(rng, h, w, 0.5)[..., None] + np.zeros((h, w, 3), np.float32)
    back = scenery.surface(rng, h, w)
    if rng.random() < 0.4:
        back = scenery.shapes(rng, back, rng.integers(1, 5)) if rng.random() < 0.5 else scenery.stamps(rng, np.asarray(back, np.float32), rng.integers(1, 4), 0.4)
    return back


def monitor(rng, h, w, pts):
    """A screen that shows the sheet: its window, bars above and below, the frame, and the room behind."""
    out = np.float32(scenery.tint(rng, 5, 120)) + 20 * scenery.clouds(rng, h, w, 0.5)[..., None] + np.zeros((h, w, 3), np.float32)
    wide, high = rng.uniform(1.15, 2.2), rng.uniform(1.06, 1.5)
    panel = pts.mean(0) + (pts - pts.mean(0)) @ np.diag([wide, high])
    frame = panel.mean(0) + (panel - panel.mean(0)) * rng.uniform(1.04, 1.12)
    cv2.fillPoly(out, [np.int32(frame)], scenery.tint(rng, 5, 60).tolist(), cv2.LINE_AA)
    cv2.fillPoly(out, [np.int32(panel)], scenery.tint(rng, 150, 250).tolist(), cv2.LINE_AA)
    for a, b, c, d in ((0, 1, 2, 3), (3, 2, 1, 0)):  # bars
        k = rng.uniform(0.02, 0.07)
        bar = [panel[a], panel[b], panel[b] + k * (panel[c] - panel[b]), panel[a] + k * (panel[d] - panel[a])]
        cv2.fillPoly(out, [np.int32(bar)], scenery.tint(rng, 10, 230).tolist(), cv2.LINE_AA)
    return out


def on_top(rng, out, pts):
    """Fingers at an edge, a pen or a rubber lying on the page; returns where they are."""
    h, w = out.shape[:2]
    cover = np.zeros((h, w), np.uint8)
    colour = (0, 0, 0)
    centre = pts.mean(0)
    if rng.random() < 0.6:
        skin = pick(rng, [(224, 180, 150), (198, 150, 120), (150, 105, 80), (110, 75, 55), (236, 200, 175)])
        colour = tuple(float(c) * rng.uniform(0.8, 1.05) for c in skin)
        i = int(rng.integers(4))
        t = rng.uniform(0.2, 0.8)
        at = pts[i] * (1 - t) + pts[(i + 1) % 4] * t
        out_of = (at - centre) / np.linalg.norm(at - centre)
        r = rng.uniform(0.022, 0.045) * max(h, w)
        a, b = at - out_of * r * rng.uniform(0.3, 2.0), at + out_of * r * 12
        cv2.line(cover, tuple(int(v) for v in a), tuple(int(v) for v in b), 255, int(2 * r), cv2.LINE_AA)
    else:
        colour = tuple(float(c) for c in rng.uniform(10, 250, 3))
        a = pts.min(0) + rng.random(2) * np.ptp(pts, axis=0)
        turn, long = rng.uniform(0, 6.3), rng.uniform(0.2, 0.4) * max(h, w)
        b = a + long * np.array([np.cos(turn), np.sin(turn)])
        cv2.line(cover, tuple(int(v) for v in a), tuple(int(v) for v in b), 255, max(3, int(rng.uniform(0.008, 0.018) * max(h, w))), cv2.LINE_AA)
    soft = cv2.GaussianBlur(cover, (0, 0), max(h, w) * 0.012)
    out *= 1 - 0.35 * (np.roll(soft, (6, 6), (0, 1)).astype(np.float32) / 255)[..., None]
    round_ = cv2.GaussianBlur(cover, (0, 0), max(h, w) * 0.006).astype(np.float32) / 255
    m = (cover.astype(np.float32) / 255)[..., None]
    out[:] = out * (1 - m) + m * (np.float32(colour) * (0.55 + 0.45 * round_[..., None]))
    return cover


def turned(rng):
    """How often the camera was a quarter turn off."""
    return int(rng.choice(4, p=[0.79, 0.08, 0.05, 0.08]))


def in_sight(page, warp, w, h):
    """How much of each answer the photo shows, 0..1, but for what the paper's bends hide; of the first, which is none, 1."""
    y, x = np.nonzero(page.items)
    item, n = page.items[y, x], len(page.states) + 1
    at = np.linalg.inv(warp.m) @ np.stack([4 * x + 2, 4 * y + 2, np.ones(len(x))])
    at = at[:2] / at[2]
    shown = (at >= 0).all(0) & (at < [[w], [h]]).all(0)
    whole, there = np.bincount(item, minlength=n), np.bincount(item, weights=shown, minlength=n)
    return np.where(np.arange(n) > 0, there / np.maximum(whole, 1), 1.0)


def truth_of(page, warp, w, h, mask, cover):
    gh, gw = h // CELL, w // CELL
    step = CELL / SUB
    xs, ys = np.meshgrid((np.arange(gw * SUB, dtype=np.float32) + 0.5) * step - 0.5, (np.arange(gh * SUB, dtype=np.float32) + 0.5) * step - 0.5)
    u, v, _ = warp.map(xs, ys)
    u, v = np.round(u / 4 - 0.5).astype(np.int32), np.round(v / 4 - 0.5).astype(np.int32)
    inside = (u >= 0) & (v >= 0) & (u < page.area.shape[1]) & (v < page.area.shape[0])
    u, v = np.where(inside, u, 0), np.where(inside, v, 0)
    area, items = np.where(inside, page.area[v, u], 0), np.where(inside, page.items[v, u], 0).astype(np.int64)
    whole = lambda a: a[:gh * CELL, :gw * CELL]
    ink = np.where(whole(cover) > 128, 0, whole(mask["ink"]))
    inked = ink.reshape(gh, CELL, gw, CELL).max((1, 3))
    paged = whole(mask["page"]).reshape(gh, CELL, gw, CELL).mean((1, 3))
    return told(area, items, page.states, in_sight(page, warp, w, h), paged * 255, inked)


def told(area, items, states, sight, paged, inked):
    """The planes and the areas, by SUB x SUB samples of each cell: how it is at each, and of which answer it is (0: of none); of each answer
    how it is, and how much of it is in sight (of none, 1)."""
    gh, gw, n, step = *(side // SUB for side in area.shape), len(states), CELL / SUB
    cells = np.bincount(items.ravel(), minlength=n + 1) / SUB**2
    area = np.where(sight[items] < SIGHT, UNSURE, area)
    dens = np.where(items > 0, 1 / np.maximum(cells[items], 1 / SUB**2), 0.0)
    pool = lambda a: a.reshape(gh, SUB, gw, SUB).mean((1, 3))
    share = [pool((area == k).astype(np.float32)) for k in (EMPTY, FILLED, STRUCK, UNSURE)]
    counted = share[0] + share[1] + share[2]
    logd = np.where(counted > 0, np.log(np.maximum(pool(dens * (area < UNSURE)), 1e-4) / np.maximum(counted, 1e-4) + 1e-9), 0.0)
    low, high = DENSITY
    planes = np.stack([paged, *(s * 255 for s in share), inked, (np.clip(logd, low, high) - low) / (high - low) * 255])
    # Where each answer is, by the same samples: at most two pixels off.
    areas = []
    order = np.argsort(items, axis=None, kind="stable")
    edges = np.searchsorted(items.ravel()[order], np.arange(n + 2))
    for i in range(1, n + 1):
        at = order[edges[i]:edges[i + 1]]
        if not len(at):
            areas.append({"state": STATES[states[i - 1]], "box": None, "seen": 0.0})
            continue
        y, x = np.divmod(at, gw * SUB)
        box = [int(x.min() * step), int(y.min() * step), int((x.max() + 1) * step), int((y.max() + 1) * step)]
        areas.append({"state": STATES[states[i - 1]], "box": box, "seen": round(float(sight[i]), 2)})
    return np.clip(np.round(planes), 0, 255).astype(np.uint8), areas


def done(areas, quality="ok"):
    """The completion, by the answers that are in sight; None where there are none."""
    states = [a["state"] for a in areas if quality != "ok" or a["seen"] >= SIGHT]
    return sum(s == STATES[FILLED] for s in states) / len(states) if states else None


def take(rng, page, kind, w, h, quality="ok", medium=None, turn=None, less=0):
    """Photographs a filled sheet at w x h pixels, whole cells of which have a truth; and as often as `less` says, again with some of its
    answers not written."""
    if medium is None:
        medium = str(rng.choice(["photo", "screen", "app", "scan", "digital"], p=[0.5, 0.06, 0.1, 0.27, 0.07]))
        if quality != "ok":
            medium = "photo" if rng.random() < 0.85 else "scan"
    turn = (0 if medium == "digital" else turned(rng)) if turn is None else turn
    aw, ah = (page.w, page.h) if turn % 2 == 0 else (page.h, page.w)
    pts = np.roll(corners(rng, quality, medium, aw, ah, w, h), -turn, axis=0)
    flat, bare, ink = page.image, page.print, page.ink
    # Reduce first: a warp's bilinear looks at four pixels only.
    wide = max(np.linalg.norm(pts[1] - pts[0]), np.linalg.norm(pts[2] - pts[3]))
    k = min(1.0, max(wide * 1.1, 64) / flat.shape[1])
    if k < 1:
        size = (int(flat.shape[1] * k), int(flat.shape[0] * k))
        flat, bare, ink = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (flat, bare, ink))
    warp = Warp(rng, pts, page.w, page.h, medium)
    xs, ys = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    u, v, shade = warp.map(xs, ys)
    mu, mv = (u * (flat.shape[1] / page.w) - 0.5).astype(np.float32), (v * (flat.shape[0] / page.h) - 0.5).astype(np.float32)
    through = lambda sheet: cv2.remap(sheet, mu, mv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    inked = cv2.remap(ink, mu, mv, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    # One pixel of soft edge around the sheet.
    per = max(1e-3, page.w / max(wide, 1))
    mask = np.clip(np.minimum(np.minimum(u, page.w - u), np.minimum(v, page.h - v)) / per + 0.5, 0, 1).astype(np.float32)
    back = backdrop(rng, h, w, medium, pts)
    light = np.clip(shade, 0.5, 1.4).astype(np.float32)[..., None] if medium == "photo" else 1.0
    if medium == "photo" and rng.random() < 0.7:  # the sheet's own shadow on the table
        soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(2, 9))
        back = back * (1 - rng.uniform(0.1, 0.5) * np.roll(soft, tuple(int(q) for q in rng.integers(-6, 7, 2)), (0, 1))[..., None])
    laid = lambda sheet: back * (1 - mask[..., None]) + through(sheet) * light * mask[..., None]
    out, cover = laid(flat), np.zeros((h, w), np.uint8)
    if medium == "photo" and rng.random() < 0.12:
        cover = on_top(rng, out, pts)
    before = copy.deepcopy(rng)
    pixels, jpeg = develop.develop(rng, out, quality, medium)
    both = quality == "ok" and inked.any()
    if both:  # what the same camera shows of the same sheet before it was written on
        unwritten = develop.develop(before, laid(bare), quality, medium)[0]
        page, inked = dataclasses.replace(page, **seen(page, warp, inked, pixels, unwritten)), np.where(visible(pixels, unwritten), inked, 0)

    def shot(page, pixels, inked):
        truth, areas = truth_of(page, warp, w, h, {"ink": inked, "page": mask}, cover)
        return Photo(pixels, truth, areas, quality, done(areas, quality), kind, medium, jpeg)

    taken = shot(page, pixels, inked)
    if less and both:
        k = page.owner.shape[1] / page.w
        owner = cv2.remap(cv2.dilate(page.owner, np.ones((3, 3))), (u * k).astype(np.float32), (v * k).astype(np.float32), cv2.INTER_NEAREST)
        written = [int(i) for i in np.unique(owner)[1:] if page.states[i - 1] in (FILLED, STRUCK)]
        for _ in range(less if written else 0):
            gone = left_out(rng, written)
            hidden = rid(owner, gone)
            area, items, states = page.without(gone)
            taken.less.append(shot(dataclasses.replace(page, area=area, items=items, states=states), np.where(hidden[..., None], unwritten, pixels),
                                 np.where(hidden, 0, inked)))
    return taken


def left_out(rng, written):
    """Some of the written answers, at least one: all, the end of them, or here and there."""
    u = rng.random()
    if u < 0.15:
        return written
    if u < 0.5:
        return written[int(rng.integers(len(written))):]
    share = rng.random()
    return [i for i in written if rng.random() < share] or [pick(rng, written)]


def rid(owner, gone):
    """Where strokes of these answers are, or their blur, and no stroke of others is nearer."""
    away = lambda strokes: cv2.distanceTransform((~strokes).astype(np.uint8), cv2.DIST_L2, 3)
    theirs = np.isin(owner, gone)
    near = away(theirs)
    return (near < 9) & (near < away((owner > 0) & ~theirs))


def visible(pixels, unwritten):
    """Where a photo differs from one of the unwritten sheet by so much that an eye sees it."""
    most = lambda image: cv2.max(cv2.max(image[..., 0], image[..., 1]), image[..., 2])
    paper = cv2.dilate(most(unwritten), np.ones((13, 13), np.uint8))
    return most(cv2.absdiff(pixels, unwritten)) > np.maximum(VISIBLE * paper, 4)


def seen(page, warp, inked, pixels, unwritten):
    """The sheet's areas and states by what can be seen of them: an answer of which a scanner left nothing, or a lens too little, is blank
    to whoever looks at the photo; one that is half there, nobody can say."""
    y, x = np.nonzero(inked > 96)
    u, v, _ = warp.map(x.astype(np.float32), y.astype(np.float32))
    u, v = np.round(u / 4 - 0.5).astype(np.int32), np.round(v / 4 - 0.5).astype(np.int32)
    inside = (u >= 0) & (v >= 0) & (u < page.area.shape[1]) & (v < page.area.shape[0])
    item = page.items[v[inside], u[inside]].astype(np.int64)
    n = len(page.states) + 1
    there, shown = (np.bincount(item, weights=k, minlength=n) for k in (None, visible(pixels, unwritten)[y, x][inside].astype(float)))
    share = shown / np.maximum(there, 1)
    written = np.isin([EMPTY, *page.states], (FILLED, STRUCK)) & (there > 0)
    written[0] = False
    gone, half = written & (share < FAINT[0]), written & (share >= FAINT[0]) & (share < FAINT[1])
    area = page.area.copy()
    area[gone[page.items] & np.isin(area, (FILLED, STRUCK))] = EMPTY
    area[half[page.items] & np.isin(area, (FILLED, STRUCK))] = UNSURE
    return {"area": area, "states": [EMPTY if gone[i + 1] else s for i, s in enumerate(page.states)]}


def negative(rng, shelf, w, h):
    """A photo of anything but a page."""
    kind, back = scenery.make(rng, shelf, h, w)
    medium = "digital" if kind in ("screen", "plan", "flat", "graph") and rng.random() < 0.6 else "photo"
    quality = "ok"
    pixels, jpeg = develop.develop(rng, back, quality, medium)
    return Photo(pixels, np.zeros((7, h // CELL, w // CELL), np.uint8), [], "not_a_page", None, kind, medium, jpeg)


def real(rng, shelf, k, whole, page):
    """A photo that somebody took, at about k times the model's size: of a page, whose answers nobody has told, or of none. A printed page
    that asks nothing is known to."""
    kind = "page" if page else chosen(rng, {kind: SCENES[kind] for kind in shelf.scenes}, 1)[0]
    some = shelf.pages if page else shelf.scenes[kind]
    # What is read off the maps must not be learnt from what the maps know by heart: of three, one is kept for it.
    of = pick(rng, [r for r in some if (int(r["file"][:12], 16) % 3 == 0) == whole] or some)
    image = np.asarray(Image.open(shelf.home / "pictures" / of["file"]))
    corners = np.float32(of["corners"]).reshape(4, 2) * image.shape[1::-1] if page else None
    flat = page or kind in ("receipt", "screen", "card", "cover", "plan")
    h, w = image.shape[:2]
    least, (left, top, right, foot) = 0.8 if flat else 0.45, (0, 0, w, h)
    if page and rng.random() < 0.3:  # a part of it, from near: no edge of the paper is to be seen
        least, (xs, ys) = 0.35, np.sort(corners, axis=0).T
        near = [int(v) for v in (max(0, xs[1]), max(0, ys[1]), min(w, xs[2]), min(h, ys[2]))]
        if near[2] - near[0] > 200 and near[3] - near[1] > 200:
            left, top, right, foot = near
    ch, cw = (max(48, int(side * (1 if rng.random() < 0.3 else rng.uniform(least, 1)))) for side in (foot - top, right - left))
    y, x = top + int(rng.integers(foot - top - ch + 1)), left + int(rng.integers(right - left - cw + 1))
    image = image[y:y + ch, x:x + cw]
    mask = np.zeros((ch, cw), np.uint8)
    if page:
        cv2.fillPoly(mask, [np.int32(np.round(corners - [x, y]))], 255)
    turn, mirrored = turned(rng), not flat and rng.random() < 0.5
    image, mask = (np.rot90(a[:, ::-1] if mirrored else a, turn) for a in (image, mask))
    side = SIDE * k / max(image.shape[:2])
    h, w = (max(8 * CELL, int(round(length * side / CELL)) * CELL) for length in image.shape[:2])
    out, mask = (cv2.resize(np.ascontiguousarray(a), (w, h), interpolation=cv2.INTER_AREA if side < 1 else cv2.INTER_CUBIC) for a in (image, mask))
    if kind in ("receipt", "card", "cover") and rng.random() < 0.25:
        w, h = (w, h) if 0.6 < w / h < 1.6 else (max(w, h * 3 // 4 // CELL * CELL), max(h, w * 3 // 4 // CELL * CELL))
        out = scenery.lay(rng, out.astype(np.float32), scenery.surface(rng, h, w), rng.uniform(0.5, 1.0))
    medium = "photo" if rng.random() < 0.35 else "digital"
    pixels, jpeg = develop.develop(rng, out, "ok", medium)
    truth = np.zeros((7, h // CELL, w // CELL), np.uint8)
    if page:
        truth[0] = cv2.resize(mask, (w // CELL, h // CELL), interpolation=cv2.INTER_AREA)
        if of["kind"] != "print":
            truth[4] = truth[0]
    return Photo(pixels, truth, [], "ok" if page else "not_a_page", None, "real page" if page else kind, medium, jpeg)
