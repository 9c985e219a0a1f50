"""What is no page: surfaces, objects, rooms, screens. Also what lies behind and beside a page. RGB float arrays, 0..255."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import hand


def clouds(rng, h, w, rough=0.6):
    """Noise of many scales in 0..1: the base of every surface."""
    out, weight = np.zeros((h, w), np.float32), 1.0
    for n in (2, 4, 9, 20, 50, 120):
        tile = Image.fromarray(rng.random((n, n), np.float32).astype(np.float32))
        out += weight * np.asarray(tile.resize((w, h), Image.BICUBIC))
        weight *= rough
    return (out - out.min()) / (np.ptp(out) + 1e-6)


def tint(rng, low=20, high=235):
    base = rng.uniform(low, high)
    return np.clip(base + rng.normal(0, 35, 3), 0, 255).astype(np.float32)


def surface(rng, h, w):
    """A desk, a cloth, a wall."""
    a, b, kind = tint(rng), tint(rng), rng.random()
    t = clouds(rng, h, w, rng.uniform(0.3, 0.8))
    if kind < 0.35:  # grain of wood
        x = np.linspace(0, rng.uniform(8, 60), h)[:, None] + 3 * clouds(rng, h, w, 0.4)
        t = 0.5 + 0.5 * np.sin(x * 2 * np.pi * rng.uniform(0.3, 1.0)) * t
    elif kind < 0.5:  # tiles, bricks, checks
        n, m = rng.uniform(15, 90), rng.uniform(15, 90)
        yy, xx = np.mgrid[0:h, 0:w]
        t = 0.5 * t + 0.5 * (((yy // n).astype(int) + (xx // m).astype(int)) % 2)
    mix = rng.uniform(0.15, 0.9)
    out = a + (b - a) * (t * mix)[..., None]
    if rng.random() < 0.5:
        out = out + rng.normal(0, rng.uniform(2, 14), (h, w, 1))
    return out


def shapes(rng, image, n):
    """Objects: filled, shaded, outlined; some with letters on them."""
    im = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    draw, (w, h) = ImageDraw.Draw(im), im.size
    for _ in range(int(n)):
        x, y = rng.uniform(-0.1, 1) * w, rng.uniform(-0.1, 1) * h
        a, b = rng.uniform(0.03, 0.6) * w, rng.uniform(0.03, 0.6) * h
        fill = tuple(int(v) for v in tint(rng, 0, 255))
        kind = rng.random()
        if kind < 0.3:
            draw.ellipse([x, y, x + a, y + b], fill=fill)
        elif kind < 0.55:
            draw.rounded_rectangle([x, y, x + a, y + b], radius=float(rng.uniform(0, min(a, b) / 2)), fill=fill)
        elif kind < 0.75:
            pts = [(x + a * rng.random(), y + b * rng.random()) for _ in range(rng.integers(3, 8))]
            draw.polygon(pts, fill=fill)
        elif kind < 0.9:
            pts = [(x + a * rng.random(), y + b * rng.random()) for _ in range(rng.integers(2, 6))]
            draw.line(pts, fill=fill, width=int(rng.integers(1, 25)), joint="curve")
        else:
            faces = hand.fonts(False)
            f = hand.font(faces[rng.integers(len(faces))], rng.uniform(14, 90))
            draw.text((x, y), hand.text(rng, rng.integers(1, 3)), fill=fill, font=f)
    if rng.random() < 0.7:
        im = im.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 2.0))))
    out = np.asarray(im, np.float32)
    return out * (0.7 + 0.6 * clouds(rng, h, w, 0.5))[..., None]


def outdoors(rng, h, w):
    """Sky over ground, with growth between."""
    t = clouds(rng, h, w, 0.75)
    line = h * rng.uniform(0.2, 0.8) + h * 0.25 * (clouds(rng, 1, w, 0.7)[0] - 0.5)
    sky = (np.arange(h)[:, None] < line[None])[..., None]
    return np.where(sky, tint(rng, 120, 250) + 40 * t[..., None], tint(rng, 20, 150) + rng.uniform(40, 160) * (t[..., None] - 0.5))


def screen(rng, h, w):
    """A chart, a keyboard, an app: straight, flat, lettered; but no page to be filled in."""
    back = tint(rng, 0, 255) if rng.random() < 0.7 else np.array([255.0] * 3)
    im = Image.new("RGB", (w, h), tuple(int(v) for v in back))
    draw, kind = ImageDraw.Draw(im), rng.random()
    faces = hand.fonts(False)
    f = hand.font(faces[rng.integers(len(faces))], rng.uniform(9, 20))
    fg = tuple(int(v) for v in (255 - back if abs(back.mean() - 128) > 40 else back * 0.2))
    if kind < 0.35:  # a chart
        x0, y0, x1, y1 = 0.12 * w, 0.1 * h, 0.93 * w, 0.88 * h
        draw.line([x0, y0, x0, y1, x1, y1], fill=fg, width=2)
        n = int(rng.integers(3, 14))
        for k in range(n):
            x, top = x0 + (k + 0.3) * (x1 - x0) / n, rng.uniform(y0, y1)
            draw.text((x, y1 + 4), hand.word(rng)[:4], fill=fg, font=f)
            if kind < 0.2:
                draw.rectangle([x, top, x + 0.6 * (x1 - x0) / n, y1], fill=tuple(int(v) for v in tint(rng)))
        if kind >= 0.2:
            for _ in range(rng.integers(1, 4)):
                draw.line([(x0 + k * (x1 - x0) / 30, float(v)) for k, v in enumerate(np.clip(np.cumsum(rng.normal(0, 30, 30)) + h / 2, y0, y1))],
                          fill=tuple(int(v) for v in tint(rng)), width=2)
    elif kind < 0.6:  # keys
        n, m = int(rng.integers(3, 9)), int(rng.integers(4, 14))
        for r in range(n):
            for c in range(m):
                box = [c * w / m + 3, r * h / n + 3, (c + 1) * w / m - 3, (r + 1) * h / n - 3]
                draw.rounded_rectangle(box, radius=4, fill=tuple(int(v) for v in np.clip(back + 25, 0, 255)))
                draw.text((box[0] + 6, box[1] + 6), hand.word(rng)[:1].upper(), fill=fg, font=f)
    else:  # panes and tiles
        for _ in range(rng.integers(4, 14)):
            x, y, a, b = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(30, w / 2), rng.uniform(20, h / 3)
            draw.rounded_rectangle([x, y, x + a, y + b], radius=6, fill=tuple(int(v) for v in tint(rng, 0, 255)))
            if rng.random() < 0.6:
                draw.text((x + 6, y + 6), hand.text(rng, 2), fill=fg, font=f)
    return np.asarray(im, np.float32)


def make(rng, h, w):
    kind = rng.random()
    if kind < 0.15:
        return surface(rng, h, w)
    if kind < 0.55:
        return shapes(rng, surface(rng, h, w), rng.integers(2, 30))
    if kind < 0.65:
        return outdoors(rng, h, w)
    if kind < 0.8:
        return shapes(rng, outdoors(rng, h, w), rng.integers(1, 20))
    return screen(rng, h, w)
