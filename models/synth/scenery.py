"""What is no page: surfaces, objects, rooms, screens, receipts. Also what lies behind a page. RGB float arrays, 0..255."""
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .shelf import picture, pick, shelf, text, word


def clouds(rng, h, w, rough=0.6):
    """Noise of many scales in 0..1: the base of every surface."""
    a, b = (h + 1) // 2, (w + 1) // 2  # at half size: nobody sees finer noise than this
    out, weight = np.zeros((a, b), np.float32), 1.0
    for n in (2, 4, 9, 20, 50, 120):
        out += weight * cv2.resize(rng.random((n, n), np.float32), (b, a), interpolation=cv2.INTER_CUBIC if n < 40 else cv2.INTER_LINEAR)
        weight *= rough
    out = cv2.resize(out, (w, h), interpolation=cv2.INTER_LINEAR)
    return (out - out.min()) / (np.ptp(out) + 1e-6)


def tint(rng, low=20, high=235):
    base = rng.uniform(low, high)
    return np.clip(base + rng.normal(0, pick(rng, [5, 10, 16, 38]), 3), 0, 255).astype(np.float32)


def colour(rng, low=20, high=235):
    """A tint as PIL draws with it."""
    return tuple(int(v) for v in tint(rng, low, high))


def wood(rng, h, w):
    """Boards: long grain, seams, knots' worth of darkness."""
    if rng.random() < 0.5:
        return np.ascontiguousarray(wood_upright(rng, w, h).transpose(1, 0, 2))
    return wood_upright(rng, h, w)


def wood_upright(rng, h, w):
    base = np.float32(pick(rng, [(196, 154, 108), (160, 112, 70), (120, 78, 46), (214, 184, 142), (92, 62, 44), (225, 208, 180), (178, 160, 140)]))
    base = base * rng.uniform(0.75, 1.1)
    grain = cv2.resize(rng.random((6, max(8, w // int(rng.integers(2, 7)))), np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.random((max(3, h // 50), w), np.float32), (w, h), interpolation=cv2.INTER_LINEAR)
    t = 0.55 * grain + 0.25 * fine + 0.4 * clouds(rng, h, w, 0.5) - 0.6
    if rng.random() < 0.45:
        board = int(rng.uniform(0.12, 0.5) * w)
        for x in range(int(rng.uniform(0, board)), w, board):
            t[:, x:x + int(rng.integers(1, 3))] -= 0.5
            t[:, x:] += rng.normal(0, 0.08)
    return base * (1 + rng.uniform(0.12, 0.45) * t[..., None])


def texture(rng, h, w, books=None):
    """A picture of a surface or a place, at some scale, its colours a little off; mirrored on where it is too small."""
    image = picture(pick(rng, (books or shelf("train")).textures))
    k = float(np.exp(rng.uniform(np.log(0.5), np.log(2.2))))
    image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC)
    if rng.random() < 0.5:
        image = image.transpose(1, 0, 2)
    while image.shape[0] < h or image.shape[1] < w:
        image = np.concatenate([image, image[::-1]], 0) if image.shape[0] < h else np.concatenate([image, image[:, ::-1]], 1)
    y, x = int(rng.integers(image.shape[0] - h + 1)), int(rng.integers(image.shape[1] - w + 1))
    out = image[y:y + h, x:x + w].astype(np.float32)
    out = 255 * (out / 255) ** np.exp(rng.normal(0, 0.35)) * (1 + rng.normal(0, 0.08, 3).astype(np.float32))
    return out * (0.75 + 0.5 * clouds(rng, h, w, 0.3))[..., None] if rng.random() < 0.5 else out


def noise(rng, h, w):
    """Grain of every fineness: gravel, grass, bark, plaster, as no picture has it. White noise made smooth, across or along."""
    fine, along = np.exp(rng.uniform(np.log(0.6), np.log(7))), np.exp(rng.normal(0, 0.6))
    t = sum(a * cv2.GaussianBlur(rng.standard_normal((h, w), np.float32), (0, 0), s * along, sigmaY=s / along) * s
            for a, s in ((1.0, fine), (rng.uniform(0, 1.5), 2.5 * fine), (rng.uniform(0, 1.5), 0.4 * fine + 0.3)))
    t = t / (t.std() + 1e-6)
    t = np.tanh(t * rng.uniform(0.5, 3)) if rng.random() < 0.5 else np.abs(t) - 1 if rng.random() < 0.3 else t
    return tint(rng, 60, 200) + (tint(rng, 10, 110) - 20) * t[..., None] * (1 if rng.random() < 0.5 else (0.4 + clouds(rng, h, w)[..., None]))


def stamps(rng, out, n, largest=0.7, books=None):
    """Lays things on a surface, turned any way, each with its shadow."""
    h, w = out.shape[:2]
    for _ in range(int(n)):
        cut = picture(pick(rng, (books or shelf("train")).stamps))
        if cut.shape[2] != 4:
            continue
        k = float(np.exp(rng.uniform(np.log(0.1), np.log(largest)))) * max(h, w) / max(cut.shape[:2])
        turn = rng.normal(0, 25) if rng.random() < 0.6 else rng.uniform(0, 360)
        at = rng.random(2) * [w, h]
        m = cv2.getRotationMatrix2D((cut.shape[1] / 2, cut.shape[0] / 2), float(turn), k)
        m[:, 2] += at - [cut.shape[1] / 2, cut.shape[0] / 2]
        laid = cv2.warpAffine(cut, m, (w, h), flags=cv2.INTER_LINEAR if k > 0.6 else cv2.INTER_AREA).astype(np.float32)
        mask = laid[..., 3:] / 255
        shadow = cv2.GaussianBlur(np.roll(mask[..., 0], tuple(int(v) for v in rng.integers(-8, 9, 2)), (0, 1)), (0, 0), rng.uniform(2, 10))
        out = out * (1 - rng.uniform(0, 0.5) * shadow[..., None])
        light = rng.uniform(0.6, 1.1)
        out = out * (1 - mask) + light * laid[..., :3] * mask
    return out


def surface(rng, h, w, books=None):
    """A desk, a cloth, a wall, a floor."""
    if rng.random() < 0.35:
        return texture(rng, h, w, books)
    kind = rng.random()
    if kind < 0.4:
        return wood(rng, h, w)
    if kind < 0.62:  # a plain top, nearly one colour
        flat = tint(rng, 30, 240)
        return flat * (1 + rng.uniform(0.02, 0.15) * (clouds(rng, h, w, 0.4) - 0.5)[..., None]) + rng.uniform(0.5, 5) * rng.standard_normal((h, w, 1), np.float32)
    a, b = tint(rng), tint(rng)
    t = clouds(rng, h, w, rng.uniform(0.3, 0.8))
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    turn = rng.normal(0, 0.3)
    p, q = xx * np.cos(turn) + yy * np.sin(turn), yy * np.cos(turn) - xx * np.sin(turn)
    n, m = rng.uniform(15, 110), rng.uniform(15, 110)
    if kind < 0.74:  # tiles, checks
        t = 0.4 * t + 0.6 * (((q // n).astype(int) + (p // m).astype(int)) % 2)
    elif kind < 0.84:  # cloth: weave and stripes
        t = 0.5 * t + 0.25 * np.sin(p * rng.uniform(0.6, 2.5)) * np.sin(q * rng.uniform(0.6, 2.5)) + 0.4 * (np.sin(p / m) > rng.uniform(-0.5, 0.8))
    elif kind < 0.92:  # marble, stone
        t = 1 - np.abs(2 * clouds(rng, h, w, 0.75) - 1) ** rng.uniform(0.3, 0.8)
    out = a + (b - a) * (t * rng.uniform(0.15, 0.9))[..., None]
    return out + rng.uniform(0.5, 10) * rng.standard_normal((h, w, 1), np.float32) if rng.random() < 0.6 else out


def shapes(rng, image, n):
    """Objects: filled, shaded, outlined; some with letters on them."""
    im = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    draw, (w, h) = ImageDraw.Draw(im), im.size
    for _ in range(int(n)):
        x, y = rng.uniform(-0.1, 1) * w, rng.uniform(-0.1, 1) * h
        a, b = rng.uniform(0.03, 0.6) * w, rng.uniform(0.03, 0.6) * h
        fill = colour(rng, 0, 255)
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
            books = shelf("train")
            draw.text((x, y), text(rng, rng.integers(1, 3)), fill=fill, font=books.font(pick(rng, books.print), rng.uniform(14, 90)))
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
    books = shelf("train")
    f = books.font(pick(rng, books.print), rng.uniform(9, 20))
    fg = tuple(int(v) for v in (255 - back if abs(back.mean() - 128) > 40 else back * 0.2))
    if kind < 0.35:  # a chart
        x0, y0, x1, y1 = 0.12 * w, 0.1 * h, 0.93 * w, 0.88 * h
        draw.line([x0, y0, x0, y1, x1, y1], fill=fg, width=2)
        n = int(rng.integers(3, 14))
        for k in range(n):
            x, top = x0 + (k + 0.3) * (x1 - x0) / n, rng.uniform(y0, y1)
            draw.text((x, y1 + 4), word(rng)[:4], fill=fg, font=f)
            if kind < 0.2:
                draw.rectangle([x, top, x + 0.6 * (x1 - x0) / n, y1], fill=colour(rng))
        if kind >= 0.2:
            for _ in range(rng.integers(1, 4)):
                draw.line([(x0 + k * (x1 - x0) / 30, float(v)) for k, v in enumerate(np.clip(np.cumsum(rng.normal(0, 30, 30)) + h / 2, y0, y1))],
                          fill=colour(rng), width=2)
    elif kind < 0.6:  # keys
        n, m = int(rng.integers(3, 9)), int(rng.integers(4, 14))
        for r in range(n):
            for c in range(m):
                box = [c * w / m + 3, r * h / n + 3, (c + 1) * w / m - 3, (r + 1) * h / n - 3]
                draw.rounded_rectangle(box, radius=4, fill=tuple(int(v) for v in np.clip(back + 25, 0, 255)))
                draw.text((box[0] + 6, box[1] + 6), word(rng)[:1].upper(), fill=fg, font=f)
    else:  # panes and tiles
        for _ in range(rng.integers(4, 14)):
            x, y, a, b = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(30, w / 2), rng.uniform(20, h / 3)
            draw.rounded_rectangle([x, y, x + a, y + b], radius=6, fill=colour(rng, 0, 255))
            if rng.random() < 0.6:
                draw.text((x + 6, y + 6), text(rng, 2), fill=fg, font=f)
    return np.asarray(im, np.float32)


def window(rng, books, h, w):
    """A program's window: bars, panes, buttons, fields, lists. It looks like a form, and is none."""
    dark = rng.random() < 0.35
    paper, ink = (np.float32([30, 32, 38]) + rng.uniform(0, 25), 225) if dark else (np.float32([246, 246, 248]) - rng.uniform(0, 20), 40)
    tone = lambda k: tuple(int(v) for v in np.clip(paper + k, 0, 255))
    im = Image.new("RGB", (w, h), tone(0))
    draw, k, accent = ImageDraw.Draw(im), rng.uniform(0.8, 2.0), colour(rng, 40, 200)
    f = books.font(pick(rng, books.print), 13 * k)
    write = lambda x, y, n, fill=(ink,) * 3: draw.text((x, y), text(rng, n), fill=fill, font=f)
    step = -14 if dark else -22
    if rng.random() < 0.6:
        draw.rectangle([0, 0, w, 30 * k], fill=tone(step))
        for i in range(3):
            draw.ellipse([(10 + 18 * i) * k, 10 * k, (20 + 18 * i) * k, 20 * k], fill=((240, 95, 85), (245, 190, 60), (100, 200, 90))[i])
    left = rng.uniform(0.15, 0.35) * w if rng.random() < 0.6 else 0
    if left:
        draw.rectangle([0, 30 * k, left, h], fill=tone(step / 2))
        for y in np.arange(40 * k, h - 20, 24 * k):
            if rng.random() < 0.12:
                draw.rectangle([4, y - 2, left - 4, y + 20 * k], fill=accent)
            write(12, y, 2)
    y = 44 * k
    while y < h - 30 * k:
        x, u = left + 16, rng.random()
        if u < 0.35:  # a field or a menu
            write(x, y, 2)
            a, b = x + 110 * k, min(w - 12, x + rng.uniform(180, 420) * k)
            if b > a + 20:
                draw.rounded_rectangle([a, y - 3, b, y + 20 * k], radius=5, fill=tone(14 if dark else 9), outline=tone(-45 if not dark else 40))
                write(a + 6, y, 1)
                if rng.random() < 0.5:
                    draw.rounded_rectangle([b - 18 * k, y - 1, b - 2, y + 18 * k], radius=4, fill=accent)
            y += 32 * k
        elif u < 0.55:  # switches and buttons
            for _ in range(rng.integers(1, 4)):
                b = x + rng.uniform(50, 110) * k
                draw.rounded_rectangle([x, y - 3, b, y + 20 * k], radius=int(rng.integers(3, 12)), fill=accent if rng.random() < 0.4 else tone(step))
                write(x + 8, y, 1)
                x = b + 12
            y += 34 * k
        elif u < 0.75:  # code, a log, a list
            for _ in range(rng.integers(3, 12)):
                write(x + 14 * k * rng.integers(0, 3), y, rng.integers(1, 9), colour(rng, 60, 200) if rng.random() < 0.4 else (ink,) * 3)
                y += 17 * k
        else:  # a pane
            b = y + rng.uniform(60, 200) * k
            draw.rectangle([x, y, w - 14, b], fill=tone(16 if dark else 6), outline=tone(-30 if not dark else 30))
            if rng.random() < 0.6:
                write((x + w) / 2 - 60, (y + b) / 2, 3)
            y = b + 14 * k
    return np.asarray(im, np.float32)


def poster(rng, books, h, w):
    """An advertisement, a sign, a packet: large letters of all colours over colours or a picture."""
    back = pick(rng, (texture, surface))(rng, h, w, books) if rng.random() < 0.4 else tint(rng) + (tint(rng) - tint(rng)) * np.linspace(0, 1, h, dtype=np.float32)[:, None, None] + np.zeros((h, w, 3), np.float32)
    if rng.random() < 0.7:
        back = stamps(rng, back, rng.integers(1, 5), 0.6, books)
    im = Image.fromarray(np.clip(back, 0, 255).astype(np.uint8))
    draw, y, han = ImageDraw.Draw(im), rng.uniform(0, 0.1) * h, rng.random() < 0.35
    if rng.random() < 0.6:
        x0, y0 = rng.uniform(0, 0.12) * w, rng.uniform(0.1, 0.5) * h
        draw.rounded_rectangle([x0, y0, w - x0, h * rng.uniform(0.8, 1)], radius=14, fill=colour(rng, 120, 255), outline=colour(rng), width=4)
    while y < h * 0.92:
        size = float(np.exp(rng.uniform(np.log(16), np.log(h / 6))))
        words = text(rng, rng.integers(3, 9), books.characters) if han else text(rng, rng.integers(1, 5))
        face = pick(rng, books.print_han if han else books.print)
        f, words = books.font(face, size), "".join(c for c in words if c in books.covered(face)) if han else words
        fill, x = colour(rng, 0, 255), w / 2 if rng.random() < 0.6 else w * 0.08
        if rng.random() < 0.25:
            long = min(f.getlength(words), w * 0.9)
            draw.rounded_rectangle([w / 2 - long / 2 - 10, y - 4, w / 2 + long / 2 + 10, y + size * 1.2], radius=int(size / 2), fill=colour(rng))
            x = w / 2
        draw.text((x, y), words, fill=fill, font=f, anchor="ma" if x == w / 2 else "la", stroke_width=int(size / 20) if rng.random() < 0.4 else 0,
                  stroke_fill=colour(rng, 0, 255))
        y += size * rng.uniform(1.25, 2.2)
    return np.asarray(im, np.float32)


def receipt(rng, books, h, w):
    """A till's slip: long and narrow, set in one width of letters or in none, prices at its right; folded, curled, and held near the lens as
    often as lying on a table. Nothing to fill in."""
    wide, size = 300, rng.uniform(10, 19)
    long, y = int(rng.uniform(300, 1150) if rng.random() < 0.5 else rng.uniform(520, 800)), int(rng.uniform(10, 40))
    f = lambda k=1.0: books.font(face, size * k)
    face, grey = pick(rng, books.mono) if books.mono and rng.random() < 0.6 else pick(rng, books.print), (int(rng.integers(10, 130)),) * 3
    im = Image.new("RGB", (wide, long), tuple(int(v) for v in np.clip(rng.integers(222, 256) + rng.normal(0, 5, 3), 0, 255)))
    draw, left, right = ImageDraw.Draw(im), rng.uniform(6, 30), wide - rng.uniform(6, 30)
    price = lambda: f"{pick(rng, ['', '', '$', '£', 'EUR '])}{rng.integers(0, 200)}.{rng.integers(10, 99)}{pick(rng, ['', '', ' A', ' B', '*'])}"
    say = lambda n: text(rng, n) if rng.random() < 0.6 else text(rng, n).upper()
    for k in rng.uniform(0.9, 2.6, int(rng.integers(1, 3))):  # whose it is
        draw.text((wide / 2, y), say(2)[:int(26 / k)], fill=grey, font=f(k), anchor="ma")
        y += size * k * 1.3
    for _ in range(int(rng.integers(1, 6))):
        draw.text((wide / 2, y), say(3) if rng.random() < 0.6 else str(rng.integers(10**5, 10**9)), fill=grey, font=f(), anchor="ma")
        y += size * 1.25
    while y < long - 40:
        u, n = rng.random(), int(rng.integers(2, 9))
        if u < 0.2:
            draw.text((left, y), pick(rng, "-=*.") * 60, fill=grey, font=f())
        elif u < 0.6:  # what was bought
            for _ in range(n):
                draw.text((left, y), (f"{rng.integers(1, 9)} " if rng.random() < 0.3 else "") + say(2)[:17], fill=grey, font=f())
                draw.text((right, y), price(), fill=grey, font=f(), anchor="ra")
                y += size * 1.25
        elif u < 0.75:
            draw.text((left, y), pick(rng, ["TOTAL", "Summe", "Total", "BALANCE"]), fill=grey, font=f(k := rng.uniform(1, 1.7)))
            draw.text((right, y), price(), fill=grey, font=f(k), anchor="ra")
            y += size * k * 0.6
        elif u < 0.85:  # thanks
            for _ in range(n // 2):
                draw.text((wide / 2, y), say(4)[:34], fill=grey, font=f(), anchor="ma")
                y += size * 1.25
        elif u < 0.95:  # how it was paid
            for _ in range(n // 2):
                draw.text((left, y), f"{say(1)[:10]}: {rng.integers(10**3, 10**10)}", fill=grey, font=f())
                y += size * 1.25
        else:
            tall = rng.uniform(25, 70)
            for x in np.arange(wide * 0.15, wide * 0.85, rng.uniform(3, 5)):
                draw.rectangle([x, y, x + int(rng.integers(0, 3)), y + tall], fill=grey)
            y += tall
        y += size * rng.uniform(1.2, 2)
    paper = np.asarray(im, np.float32)
    paper = crumpled(rng, paper) if rng.random() < 0.6 else paper
    if rng.random() < 0.15:  # so near that little of a table is seen
        near = int(min(long, wide * h / w * rng.uniform(0.9, 1.3)))
        paper = paper[(top := int(rng.integers(0, long - near + 1))):top + near]
        return lay(rng, paper, surface(rng, h, w), rng.uniform(0.95, 1.15))
    table = wood(rng, h, w) if rng.random() < 0.35 else surface(rng, h, w)
    return lay(rng, paper, table, rng.uniform(0.65, 1.15), 0.07 if rng.random() < 0.6 else 0.2)


def crumpled(rng, paper):
    """Paper that was in a pocket: folds across, and creases that bend the print."""
    h, w = paper.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    light, k = np.ones((h, w), np.float32), rng.uniform(1, 7)
    for at in rng.uniform(0, h, int(rng.integers(0, 4))):
        d = yy - at - rng.normal(0, 0.05) * (xx - w / 2)
        light *= 1 + rng.normal(0, 0.06) * np.sign(d) - rng.uniform(0, 0.25) * np.exp(-(d / rng.uniform(1, 4)) ** 2)
    bump, soft = clouds(rng, h, w, 0.8), np.exp(rng.uniform(np.log(3), np.log(20)))
    light += 0.35 * rng.random() ** 2 * (np.gradient(cv2.GaussianBlur(bump, (0, 0), soft), axis=0) * 8 * soft).clip(-0.5, 0.5)
    light *= 1 + rng.uniform(0, 0.12) * np.sin(yy / h * rng.uniform(2, 12) + rng.uniform(0, 6) + xx / w * rng.normal(0, 1))  # curled off a roll
    out = cv2.remap(paper, xx + k * (bump - 0.5) * 3, yy + k * (clouds(rng, h, w, 0.5) - 0.5) * 3, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (out * light[..., None]).clip(0, 255)


def card(rng, books, h, w):
    """A card for the pocket: a name, some lines, a picture or a code; many a colour."""
    a, b = 520, int(rng.uniform(290, 360))
    back = np.float32(tint(rng, 150, 255) if rng.random() < 0.7 else tint(rng, 10, 200))
    ink = (30 if back.mean() > 120 else 235,) * 3
    im = Image.fromarray(np.clip(back + (tint(rng) - back) * rng.uniform(0, 0.3) * np.linspace(0, 1, a)[None, :, None] + np.zeros((b, a, 1)), 0, 255).astype(np.uint8))
    draw, x, y = ImageDraw.Draw(im), rng.uniform(20, 240), rng.uniform(15, 60)
    f = pick(rng, books.print)
    for i in range(int(rng.integers(3, 10))):
        size = rng.uniform(24, 44) if i == 0 else rng.uniform(11, 22)
        draw.text((x, y), text(rng, rng.integers(1, 4)) if rng.random() < 0.7 else str(rng.integers(10**5, 10**9)), fill=ink, font=books.font(f, size))
        y += size * rng.uniform(1.2, 1.8)
    if rng.random() < 0.5:
        draw.rectangle([v := rng.uniform(20, 380), 60, v + rng.uniform(70, 130), 60 + rng.uniform(80, 170)], fill=colour(rng, 60, 220))
    if rng.random() < 0.3:
        for row in range(2):
            draw.text((14, b - 60 + 26 * row), "".join(pick(rng, "ABCDEFGHIKLMNOPRST<<<<<0123456789") for _ in range(34)), fill=ink, font=books.font(f, 20))
    return lay(rng, np.asarray(im, np.float32), surface(rng, h, w), rng.uniform(0.5, 1.1))


def graph(rng, books, h, w):
    """A chart, as programs draw it: axes, ticks, curves, points or bars, a legend; one or several on white."""
    im = Image.new("RGB", (w, h), (255, 255, 255) if rng.random() < 0.85 else colour(rng, 10, 60))
    draw, f = ImageDraw.Draw(im), books.font(pick(rng, books.print), rng.uniform(8, 15))
    cols, rows = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    line = (30, 30, 30) if im.getpixel((0, 0))[0] > 100 else (220, 220, 220)
    for c in range(cols):
        for r in range(rows):
            x0, y0, x1, y1 = (c + 0.14) * w / cols, (r + 0.1) * h / rows, (c + 0.95) * w / cols, (r + 0.86) * h / rows
            if rng.random() < 0.15:
                draw.pieslice([x0, y0, x1, y1], 0, 360, fill=colour(rng, 40, 240))
                for a in rng.uniform(0, 360, int(rng.integers(2, 7))):
                    draw.pieslice([x0, y0, x1, y1], float(a), float(a + rng.uniform(10, 90)), fill=colour(rng, 40, 240))
                continue
            draw.rectangle([x0, y0, x1, y1], outline=line) if rng.random() < 0.6 else draw.line([x0, y0, x0, y1, x1, y1], fill=line)
            for t in np.linspace(0, 1, int(rng.integers(3, 9))):
                draw.text((x0 - 3, y1 + t * (y0 - y1)), f"{rng.integers(0, 900) / 10}", fill=line, font=f, anchor="rm")
                draw.text((x0 + t * (x1 - x0), y1 + 3), str(rng.integers(0, 100)), fill=line, font=f, anchor="ma")
                if rows < 3 and rng.random() < 0.5:
                    draw.line([x0, y1 + t * (y0 - y1), x1, y1 + t * (y0 - y1)], fill=(205, 205, 205))
            for _ in range(int(rng.integers(1, 5))):
                shade, n, u = colour(rng, 10, 220), int(rng.integers(5, 60)), rng.random()
                xs, ys = np.linspace(x0, x1, n), np.clip((y0 + y1) / 2 + np.cumsum(rng.normal(0, (y1 - y0) / 12, n)), y0, y1)
                if u < 0.5:
                    draw.line(list(zip(xs.tolist(), ys.tolist())), fill=shade, width=int(rng.integers(1, 4)))
                elif u < 0.75:
                    for a, b in zip(xs, ys):
                        draw.ellipse([a - 2, b - 2, a + 2, b + 2], fill=shade)
                else:
                    for a, b in zip(xs[::3], ys[::3]):
                        draw.rectangle([a, b, a + (x1 - x0) / n * 1.5, y1], fill=shade)
            draw.text(((x0 + x1) / 2, y0 - 4), text(rng, 3), fill=line, font=f, anchor="ms")
            if rng.random() < 0.4:
                draw.text((x1 - 60, y0 + 6), text(rng, 1), fill=line, font=f)
    return np.asarray(im, np.float32)


def lay(rng, flat, back, fill, askew=0.2):
    """Something flat on a surface, a little askew: by so many radians, mostly."""
    h, w = back.shape[:2]
    k = fill * min(w / flat.shape[1], h / flat.shape[0])
    half = np.array([flat.shape[1], flat.shape[0]]) * k / 2
    a = rng.normal(0, askew)
    pts = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half * (1 + rng.normal(0, 0.03, (4, 1)))
    pts = pts @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) + [w * rng.uniform(0.4, 0.6), h * rng.uniform(0.4, 0.6)]
    if k < 0.7:
        flat = cv2.resize(flat, None, fx=k * 1.2, fy=k * 1.2, interpolation=cv2.INTER_AREA)
    size = np.float32([(0, 0), (flat.shape[1], 0), (flat.shape[1], flat.shape[0]), (0, flat.shape[0])])
    m = cv2.getPerspectiveTransform(size, np.float32(pts))
    out = cv2.warpPerspective(flat.astype(np.float32), m, (w, h), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.ones(flat.shape[:2], np.float32), m, (w, h))[..., None]
    soft = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return back * (1 - 0.3 * soft) * (1 - mask) + out * mask


def room(rng, h, w):
    """A room: walls, a floor, furniture as blocks, a window's or lamp's light."""
    out = np.empty((h, w, 3), np.float32)
    line = int(h * rng.uniform(0.45, 0.8))
    out[:line] = tint(rng, 90, 240) * (0.9 + 0.2 * clouds(rng, h, w, 0.3)[:line, :, None])
    out[line:] = wood(rng, h, w)[line:]
    for _ in range(rng.integers(2, 9)):
        x, y, a, b = rng.uniform(-0.1, 0.9) * w, rng.uniform(0.1, 0.9) * h, rng.uniform(0.08, 0.5) * w, rng.uniform(0.05, 0.5) * h
        c, lean = tint(rng, 10, 245), rng.normal(0, 0.12) * a
        pts = np.int32([(x, y), (x + a, y + lean), (x + a, y + b + lean), (x, y + b)])
        cv2.fillPoly(out, [pts], c.tolist(), cv2.LINE_AA)
        cv2.fillPoly(out, [np.int32([(x + a, y + lean), (x + a * 1.2, y - 0.1 * b), (x + a * 1.2, y + b * 0.85), (x + a, y + b + lean)])], (c * 0.65).tolist(), cv2.LINE_AA)
        if rng.random() < 0.35:  # shelves, drawers, slats
            for t in np.linspace(0.1, 0.9, int(rng.integers(2, 8))):
                cv2.line(out, (int(x), int(y + b * t)), (int(x + a), int(y + b * t + lean)), (c * 0.55).tolist(), 2, cv2.LINE_AA)
    return cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 2.2))


def growth(rng, h, w):
    """Leaves, grass, petals, gravel: many alike shapes with light on them."""
    a, b = tint(rng, 20, 140), tint(rng, 60, 230)
    out = np.float32(a) + np.zeros((h, w, 3), np.float32)
    long, thin, turn = rng.uniform(8, 90), rng.uniform(0.08, 1.0), rng.uniform(0, 180)
    for _ in range(int(np.clip(60000 / (long * long * thin + 30), 40, 700))):
        c = a + (b - a) * rng.random() + rng.normal(0, 12, 3)
        axes = (max(1, int(long * rng.uniform(0.4, 1.2))), max(1, int(long * thin * rng.uniform(0.4, 1.2))))
        at = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        cv2.ellipse(out, at, axes, turn + float(rng.normal(0, 25)), 0, 360, np.clip(c, 0, 255).tolist(), -1, cv2.LINE_AA)
    out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 4.0))
    return out * (0.6 + 0.7 * clouds(rng, h, w, 0.5))[..., None]


def balls(rng, h, w):
    """Rounded things with light from one side, out of focus behind: fruit, cups, toys."""
    out = cv2.GaussianBlur(surface(rng, h, w).astype(np.float32), (0, 0), rng.uniform(1, 12))
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(rng.integers(1, 9)):
        r, cx, cy = rng.uniform(0.05, 0.35) * min(h, w), rng.uniform(0, w), rng.uniform(0, h)
        u, v = (xx - cx) / r, (yy - cy) / (r * rng.uniform(0.7, 1.3))
        d = u * u + v * v
        light = np.clip(0.35 + 0.75 * np.sqrt(np.clip(1 - d, 0, 1)) * (1 - 0.5 * u - 0.4 * v), 0, 1.5)
        m = np.clip((1 - d) * r / 3, 0, 1)[..., None]
        out = out * (1 - m) + m * (tint(rng, 20, 240) * light[..., None])
    return cv2.GaussianBlur(out, (0, 0), rng.uniform(0.3, 1.5))


def flat(rng, h, w):
    """Nothing: a covered lens, a plain colour, a file that was never a picture."""
    return (tint(rng, 0, 45) if rng.random() < 0.6 else tint(rng, 20, 190)) + rng.uniform(0, 15) * clouds(rng, h, w, 0.4)[..., None]


def plan(rng, books, h, w):
    """A map or a diagram: patches, lines and names on white, frames with arrows between; nothing to be filled in."""
    im = Image.new("RGB", (w, h), (255, 255, 255) if rng.random() < 0.7 else colour(rng, 215, 255))
    draw, small = ImageDraw.Draw(im), rng.uniform(10, 20)
    f = books.font(pick(rng, books.print), small)
    for _ in range(rng.integers(0, 5)):
        a = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(5, 14))))
        r, x, y = rng.uniform(0.1, 0.5) * min(w, h) * rng.uniform(0.7, 1.1, len(a)), rng.uniform(0, w), rng.uniform(0, h)
        draw.polygon(list(zip(x + r * np.cos(a), y + r * np.sin(a))), fill=colour(rng, 190, 255), outline=colour(rng, 60, 200))
    colours = [colour(rng, 0, 210) for _ in range(3)]
    for _ in range(rng.integers(4, 30)):
        walk = np.cumsum(rng.normal(0, rng.uniform(0.02, 0.07) * w, (int(rng.integers(3, 14)), 2)) + rng.normal(0, 0.04 * w, 2), 0) + rng.random(2) * [w, h]
        draw.line([tuple(v) for v in walk.tolist()], fill=pick(rng, colours), width=int(rng.integers(1, 7)), joint="curve")
    for _ in range(rng.integers(0, 8)):
        x, y, a, b = rng.uniform(0, 0.8) * w, rng.uniform(0, 0.9) * h, rng.uniform(60, 160), rng.uniform(24, 60)
        draw.rounded_rectangle([x, y, x + a, y + b], radius=int(rng.integers(0, 12)), fill=colour(rng, 200, 255), outline=colours[0], width=2)
        draw.text((x + a / 2, y + b / 2), text(rng, 1), fill=(30, 30, 30), font=f, anchor="mm")
        draw.line([x + a, y + b / 2, x + a + rng.uniform(20, 120), y + b / 2 + rng.normal(0, 30)], fill=colours[0], width=2)
    for _ in range(rng.integers(3, 25)):
        draw.text((rng.uniform(0, 0.9) * w, rng.uniform(0, 0.95) * h), text(rng, rng.integers(1, 3)), fill=colour(rng, 0, 140), font=f)
    draw.text((rng.uniform(0.1, 0.5) * w, rng.choice([0.05, 0.85]) * h), text(rng, 1).upper(), fill=(20, 20, 20), font=books.font(pick(rng, books.print), small * 2.2))
    out = np.asarray(im, np.float32)
    return out if rng.random() < 0.6 else lay(rng, out, surface(rng, h, w, books), rng.uniform(0.7, 1.1))


def make(rng, books, h, w):
    """(what it is, the picture)"""
    scenes = (
        (0.2, "receipt", lambda: receipt(rng, books, h, w)), (0.04, "screen", lambda: screen(rng, h, w)), (0.07, "screen", lambda: window(rng, books, h, w)),
        (0.05, "card", lambda: card(rng, books, h, w)), (0.05, "graph", lambda: graph(rng, books, h, w)),
        (0.06, "poster", lambda: poster(rng, books, h, w)), (0.04, "plan", lambda: plan(rng, books, h, w)), (0.03, "flat", lambda: flat(rng, h, w)),
        (0.09, "surface", lambda: texture(rng, h, w, books)), (0.05, "surface", lambda: surface(rng, h, w, books)), (0.07, "surface", lambda: noise(rng, h, w)),
        (0.05, "things", lambda: shapes(rng, surface(rng, h, w, books), rng.integers(2, 30))), (0.05, "things", lambda: balls(rng, h, w)),
        (0.12, "things", lambda: stamps(rng, surface(rng, h, w, books), rng.integers(1, 12), books=books)), (0.05, "outdoors", lambda: outdoors(rng, h, w)),
        (0.05, "outdoors", lambda: growth(rng, h, w)), (0.07, "room", lambda: room(rng, h, w)))
    share = np.array([s for s, *_ in scenes])
    _, name, draw = scenes[int(rng.choice(len(scenes), p=share / share.sum()))]
    out = draw()
    if name in ("surface", "things", "outdoors", "room"):
        if rng.random() < 0.2:
            out = np.repeat(out.mean(2, keepdims=True), 3, 2)
        if rng.random() < 0.3:  # one thing near the lens, or little in focus
            out = cv2.GaussianBlur(np.ascontiguousarray(out, np.float32), (0, 0), rng.uniform(0.5, 5)) if rng.random() < 0.5 else stamps(rng, out, 1, 1.2, books)
        if rng.random() < 0.04:  # through a round opening: a microscope, a telescope, an eyepiece
            yy, xx = np.mgrid[0:h, 0:w]
            out = np.where(np.hypot(xx - w / 2, yy - h / 2)[..., None] < min(h, w) * rng.uniform(0.4, 0.52), out, rng.uniform(0, 15))
    return name, out
