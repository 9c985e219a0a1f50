"""What stands between paper and file: lamp, shadow, lens, sensor, the phone's own sharpening, a scanner's or an app's clean-up."""
import cv2
import numpy as np

from . import scenery
from .shelf import pick


def blur(out, sigma):
    return cv2.GaussianBlur(out, (0, 0), float(sigma)) if sigma > 0.15 else out


def moved(out, length, angle):
    """Motion blur along a line."""
    n = max(3, int(length) | 1)
    kernel = np.zeros((n, n), np.float32)
    c, dx, dy = n // 2, np.cos(angle) * n / 2, np.sin(angle) * n / 2
    cv2.line(kernel, (round(c - dx), round(c - dy)), (round(c + dx), round(c + dy)), 1.0, 1)
    return cv2.filter2D(out, -1, kernel / kernel.sum())


def lamp(rng, h, w):
    """Light over the photo: a slope, a corner falling off, shadows with soft and hard edges."""
    gy, gx = np.mgrid[0:h, 0:w].astype(np.float32)
    gy, gx = gy / max(h, w) - 0.5 * h / max(h, w), gx / max(h, w) - 0.5 * w / max(h, w)
    slope = rng.normal(0, 0.2, 2)
    out = 1 + slope[0] * gy + slope[1] * gx - rng.uniform(0, 0.5) * (gy * gy + gx * gx)
    out += rng.uniform(0, 0.16) * (scenery.clouds(rng, h, w, 0.3) - 0.5)
    if rng.random() < 0.4:  # the phone's, a hand's, a head's
        for _ in range(1 if rng.random() < 0.8 else 2):
            m = np.ones((h // 4, w // 4), np.float32)
            pts = np.stack([rng.uniform(-0.4, 1.4, 5) * w / 4, rng.uniform(-0.4, 1.4, 5) * h / 4], 1)
            cv2.fillPoly(m, [cv2.convexHull(pts.astype(np.int32))], float(rng.uniform(0.5, 0.75) if rng.random() < 0.25 else rng.uniform(0.75, 0.95)))
            out *= cv2.resize(blur(m, rng.uniform(0.8, 14)), (w, h), interpolation=cv2.INTER_LINEAR)
    return out


def glare(rng, out):
    h, w = out.shape[:2]
    spot = np.zeros((h // 8 + 1, w // 8 + 1), np.float32)
    cv2.ellipse(spot, (int(rng.uniform(0, w / 8)), int(rng.uniform(0, h / 8))), (int(rng.uniform(2, w / 40 + 3)), int(rng.uniform(2, h / 40 + 3))),
                float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    spot = cv2.resize(blur(spot, rng.uniform(1.5, 6)), (w, h), interpolation=cv2.INTER_LINEAR)[..., None]
    return out + (255 - out) * np.clip(spot * rng.uniform(0.5, 1.3), 0, 1)


def screen(rng, out):
    """A screen photographed: its pixels beat against the sensor's."""
    h, w = out.shape[:2]
    gy, gx = np.mgrid[0:h, 0:w].astype(np.float32)
    for c in range(3):
        a, f = rng.uniform(0, 3.14), rng.uniform(0.06, 0.9)
        out[..., c] *= 1 + rng.uniform(0.01, 0.07) * np.sin(f * (gx * np.cos(a) + gy * np.sin(a)) + 0.002 * (gx * gx * rng.normal(0, 0.3) + gy * gy * rng.normal(0, 0.3)) + c)
    return out * np.float32([0.93, 0.97, 1.06]) + rng.uniform(0, 25)


def cleaned(rng, out):
    """A scanning app: the light divided out, the contrast pushed, sometimes to black and white."""
    grey = out.mean(2)
    field = cv2.resize(cv2.dilate(cv2.resize(grey, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA), np.ones((5, 5))), out.shape[1::-1])
    out = out / np.maximum(blur(field, 12)[..., None], 20) * 250
    u = rng.random()
    if u < 0.2:
        t = rng.uniform(185, 238)
        soft = 255 * np.clip((out.mean(2, keepdims=True) - t) / rng.uniform(6, 40) + 0.5, 0, 1)
        return np.repeat(soft, 3, 2)
    low = rng.uniform(0, 90)
    out = (out - low) * 255 / (rng.uniform(205, 250) - low)
    return np.repeat(out.mean(2, keepdims=True), 3, 2) if u < 0.45 else out


def scanned(rng, out):
    """A flatbed or a copier: even light, grey or colour, dust, dark edges, sometimes two tones."""
    h, w = out.shape[:2]
    u = rng.random()
    if u < 0.55:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2)
    out = out * rng.uniform(0.94, 1.04) + rng.uniform(-6, 8)
    if u < 0.3:  # two tones, made before it was scaled down: edges stay soft
        t = rng.uniform(120, 205)
        out = 255 * np.clip((out - t) / rng.uniform(20, 110) + 0.5, 0, 1)
    elif u < 0.5:
        low = rng.uniform(0, 70)
        out = (out - low) * 255 / (rng.uniform(220, 252) - low)
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(3, 60))):
            v = float(rng.uniform(0, 150))
            cv2.circle(out, (int(rng.uniform(0, w)), int(rng.uniform(0, h))), 0 if rng.random() < 0.8 else 1, (v, v, v), -1)
    if rng.random() < 0.2:
        edge = int(rng.uniform(2, 14))
        v = rng.uniform(0, 120)
        if rng.random() < 0.5:
            out[:, :edge] = v
        else:
            out[-edge:] = v
    if rng.random() < 0.12:  # holes punched
        for y in (0.35, 0.65) if rng.random() < 0.5 else (0.2, 0.5, 0.8):
            v = float(rng.uniform(20, 230))
            cv2.circle(out, (int(w * 0.03), int(h * y)), int(w * 0.013), (v, v, v), -1, cv2.LINE_AA)
    return out


def camera(rng, out, quality, shine=0.14, beat=0.06):
    h, w = out.shape[:2]
    k = max(h, w) / 640
    out = out * lamp(rng, h, w)[..., None]
    # A phone exposes for what is bright and large: the paper. Now and then it is wrong, or there is little light.
    bright = np.percentile(out[::8, ::8].mean(2), rng.uniform(60, 92)) + 1
    u = rng.random()
    exposure = (rng.uniform(175, 238) if u < 0.75 else rng.uniform(120, 175) if u < 0.93 else rng.uniform(75, 120)) / bright
    exposure = float(np.clip(exposure, 0.4, 1.5))
    warm = rng.normal(0, 0.045)
    out = out * (exposure * np.float32([1 + warm, 1 + rng.normal(0, 0.012), 1 - warm * 1.3]))
    if rng.random() < shine:
        out = glare(rng, out)
    if rng.random() < beat:
        out = screen(rng, out)
    # What a phone does to a picture: tones bent, a little haze.
    gamma, haze = np.exp(rng.normal(0, 0.14)), rng.uniform(0, 18) if rng.random() < 0.4 else 0
    out = 255 * np.clip(out / 255, 0, 1) ** gamma * (1 - haze / 255) + haze
    if quality == "dark":
        out = out * rng.uniform(0.06, 0.24) + rng.uniform(0, 8)
    if quality == "blurred":
        # Against a side of 640: a sigma of 2.2 px and more, where body text cannot be read.
        out = blur(out, rng.uniform(2.2, 5.0) * k) if rng.random() < 0.6 else moved(out, rng.uniform(9, 22) * k, rng.uniform(0, np.pi))
    else:
        u = rng.random()
        if u < 0.5:
            out = blur(out, rng.uniform(0.2, 0.85) * k)
        elif u < 0.62:
            out = moved(out, rng.uniform(2, 5) * k, rng.uniform(0, np.pi))
    if rng.random() < 0.85:
        grain = rng.uniform(0.5, 5) if exposure > 0.6 and quality != "dark" else rng.uniform(2, 8)
        noise = grain * rng.standard_normal((h, w, 1), np.float32)
        if rng.random() < 0.5:
            noise = noise + 0.5 * grain * rng.standard_normal((h, w, 3), np.float32)
        out = out + (blur(noise, 0.6).reshape(h, w, -1) * 1.5 if rng.random() < 0.5 else noise)
    if rng.random() < 0.4 and quality == "ok":
        out = out + rng.uniform(0.3, 1.2) * (out - blur(out, 1.0 * k))
    return out


def develop(rng, out, quality, medium):
    """Float RGB -> (uint8 RGB, the JPEG quality to keep it with)."""
    out = np.ascontiguousarray(out, np.float32)
    if medium in ("photo", "screen"):
        out = camera(rng, out, quality, beat=1 if medium == "screen" else 0.06)
        jpeg = int(rng.integers(55, 94)) if rng.random() < 0.85 else int(rng.integers(28, 55))
    elif medium == "app":
        out = cleaned(rng, camera(rng, out, quality, 0.03))
        jpeg = int(rng.integers(55, 94))
    elif medium == "scan":
        out = scanned(rng, out)
        if quality in ("blurred", "dark"):
            k = max(out.shape[:2]) / 640
            out = blur(out, rng.uniform(2.2, 5) * k) if quality == "blurred" else out * rng.uniform(0.08, 0.24)
        elif rng.random() < 0.3:
            out = blur(out, rng.uniform(0.2, 0.6))
        jpeg = int(rng.integers(70, 97))
    else:
        jpeg = int(pick(rng, [98, 98, 90, 80]))
    if quality == "ok" and rng.random() < 0.08:  # was kept small, and made large again
        k = rng.uniform(0.5, 0.85)
        small = cv2.resize(np.clip(out, 0, 255), None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        out = cv2.resize(small, out.shape[1::-1], interpolation=cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC)
    if medium in ("photo", "scan") and rng.random() < 0.1:
        out = np.repeat(np.clip(out, 0, 255).mean(2, keepdims=True), 3, 2)
    return np.clip(out, 0, 255).astype(np.uint8), jpeg
