"""The page network, written once: run by TensorFlow to train it, written out as ONNX to ship it.

`maps` gives dense maps of CELL x CELL pixels a cell; `read` turns them into what the manifest promises (quality, completion,
confidence). Both take a backend `B`, either `Tf` (tensors) or `export.Onnx` (nodes of a graph), so that the two cannot drift.
A photo arrives as (value/255 - MEAN)/STD, its letterbox padding as exact zeros. ONNX is NCHW; TensorFlow, NHWC, as its
kernels for the CPU want it. Weights are OIHW in both.
"""
import numpy as np
import tensorflow as tf

from synth.photo import CELL, SIDE

HEIGHT, WIDTH = SIDE, SIDE * 3 // 4
CHANNELS = 3  # in colour: a blue pen on black print is the plainest sign of an answer
PAD = 128  # with MEAN = PAD/255 the padding is exactly 0: the same as a convolution's own zero padding
MEAN, STD = PAD / 255.0, 0.25
CLASSES = ["ok", "blurred", "dark", "cropped", "not_a_page"]
TRUNK = 80
LOGITS = ["page", "nothing", "empty", "filled", "struck", "ink", "density"]  # the middle four share a softmax

# name: (kernel, in, out). The first takes every third pixel, so that fine print is seen at the price of a smaller picture; then c4 is at a
# half of a cell, c8 at cells, c16 and c32 at twice and four times their size. Most of the time goes to c4 and c8, most of the weights to
# c16 and c32, which see the layout.
CONVS = {
    "stem": (7, CHANNELS, 16), "c4": (3, 16, 48), "r4": (3, 48, 48), "r4b": (3, 48, 48), "c8": (3, 48, 80), "r8a": (3, 80, 80), "r8b": (3, 80, 80),
    "r8c": (3, 80, 80), "c16": (3, 80, 128), "r16a": (3, 128, 128), "r16b": (3, 128, 128), "r16c": (3, 128, 128), "r16d": (3, 128, 128),
    "c32": (3, 128, 192), "r32a": (3, 192, 192), "r32b": (3, 192, 192), "r32c": (3, 192, 192), "r32d": (3, 192, 192), "r32e": (3, 192, 192),
    "up32": (1, 192, 128), "f16": (3, 128, 128), "f16b": (3, 128, 128), "f16c": (3, 128, 128), "up16": (1, 128, 80), "fuse": (3, 80, 80),
    "r8d": (3, 80, 80), "r8e": (3, 80, 80), "head": (1, 80, len(LOGITS)),
}


PLAIN = ("stem", "head")  # not normalised: the first must see how light it is, the last how sure it is
EPSILON = 1e-4


def init(seed):
    """Random weights of the trunk as they are trained, as numpy: {"stem.w": ..., "stem.b": ..., "c4.g": ...}."""
    rng, out = np.random.default_rng(seed), {}
    for name, (k, i, o) in CONVS.items():
        out[name + ".w"] = (rng.standard_normal((o, i, k, k)) * (0.1 if name == "head" else 1.0) * np.sqrt(2.0 / (i * k * k))).astype(np.float32)
        out[name + ".b"] = np.zeros(o, np.float32)
        if name not in PLAIN:
            out[name + ".g"] = np.full(o, 0.3 if name.startswith("r") else 1.0, np.float32)
    return out


def folded(p, moments):
    """Trained weights as the network that ships applies them: `moments` of each normalised layer, (mean, variance), become part
    of its filters and cost nothing."""
    out = {}
    for name in CONVS:
        w, b = np.asarray(p[name + ".w"]), np.asarray(p[name + ".b"])
        if name not in PLAIN:
            mean, variance = moments[name]
            by = np.asarray(p[name + ".g"]) / np.sqrt(variance + EPSILON)
            w, b = w * by[:, None, None, None], b - mean * by
        out[name + ".w"], out[name + ".b"] = w.astype(np.float32), b.astype(np.float32)
    return out


class Tf:
    """Runs the network on tensors."""

    relu, sigmoid, softmax = staticmethod(tf.nn.relu), staticmethod(tf.sigmoid), staticmethod(tf.nn.softmax)
    exp, log, abs, clip = staticmethod(tf.exp), staticmethod(tf.math.log), staticmethod(tf.abs), staticmethod(tf.clip_by_value)

    @staticmethod
    def const(value):
        return tf.constant(value, tf.float32)

    @staticmethod
    def conv(x, w, b=None, stride=1, dilation=1):
        w, side, pad = tf.transpose(w, (2, 3, 1, 0)), "SAME", w.shape[-1] // 2
        if stride > 1 and pad:  # TensorFlow's own padding is not symmetric here
            x, side = tf.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]]), "VALID"
        y = tf.nn.conv2d(x, w, stride, side, dilations=dilation)
        return y if b is None else tf.nn.bias_add(y, b)

    def layer(self, p, name, x, **kw):
        return self.conv(x, p[name + ".w"], p[name + ".b"], **kw)

    @staticmethod
    def upsample(x):
        return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)

    @staticmethod
    def avgpool(x, k):
        return tf.nn.avg_pool2d(x, k, k, "VALID")

    @staticmethod
    def maxpool(x, k):
        return tf.nn.max_pool2d(x, k, k, "VALID")

    @staticmethod
    def around(x):
        """The sum of the four neighbours, 0 beyond the edge."""
        y = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return y[:, :-2, 1:-1] + y[:, 2:, 1:-1] + y[:, 1:-1, :-2] + y[:, 1:-1, 2:]

    @staticmethod
    def above(x, limit):
        return tf.cast(x > limit, tf.float32)

    @staticmethod
    def part(x, a, b):
        return x[..., a:b]

    @staticmethod
    def total(x):
        """[N,H,W,C] -> [N,C]"""
        return tf.reduce_sum(x, (1, 2))

    @staticmethod
    def concat(xs):
        return tf.concat(xs, -1)

    @staticmethod
    def dense(x, w, b):
        return x @ w + b

    @staticmethod
    def flat(x):
        """[N,1] -> [N]"""
        return x[:, 0]


class Training(Tf):
    """Runs the network on tensors, each layer's output normalised over the batch; `moments` are what that took. `half` multiplies in
    bfloat16."""

    def __init__(self, half=False):
        self.moments, self.half = {}, half

    def conv(self, x, w, b=None, **kw):
        if not self.half:
            return super().conv(x, w, b, **kw)
        y = tf.cast(super().conv(tf.cast(x, tf.bfloat16), tf.cast(w, tf.bfloat16), **kw), tf.float32)
        return y if b is None else tf.nn.bias_add(y, b)

    def layer(self, p, name, x, **kw):
        if name in PLAIN:
            return super().layer(p, name, x, **kw)
        y = self.conv(x, p[name + ".w"], **kw)
        y, *moments = tf.compat.v1.nn.fused_batch_norm(y, p[name + ".g"], p[name + ".b"], epsilon=EPSILON)
        self.moments[name] = moments[:2]
        return y


class Unfolding(Tf):
    """Runs a network that ships as `maps` does, and finds what its layers would be before they were folded; a layer that it lacks, and
    a channel, change nothing."""

    def __init__(self, shipped, fresh):
        self.shipped, self.params = shipped, dict(fresh)

    def layer(self, p, name, x, **kw):
        w, b = (self.shipped.get(f"{name}.{k}") for k in "wb")
        if w is None:  # it is added to what came in: a residual, at nothing
            self.params[name + ".g"] = np.zeros_like(self.params[name + ".g"])
            return tf.constant(0.0)
        known = len(b)
        w, b = self.widened(name, w, b)
        if name in PLAIN:
            self.params |= {name + ".w": w, name + ".b": b}
            return self.conv(x, w, b, **kw)
        y = self.conv(x, w, **kw)
        mean, variance = (v.numpy() for v in tf.nn.moments(y, (0, 1, 2)))
        size = np.sqrt((self.params[name + ".w"] ** 2).mean() / (w**2).mean())  # as large as fresh ones: their scale is the pace of training
        gain, base = np.sqrt(variance + EPSILON), b + mean
        gain[known:], base[known:] = self.params[name + ".g"][known:], 0  # new channels as fresh ones are
        self.params |= {name + ".w": w * size, name + ".g": gain, name + ".b": base}
        return (y - mean) * (gain / np.sqrt(variance + EPSILON)) + base

    def widened(self, name, w, b):
        """The layer with channels that are new: what comes in by them is not yet looked at, what goes out by them is random."""
        new = self.params[name + ".w"].copy()
        o, i = w.shape[:2]
        new[:o] = 0
        new[:o, :i] = w
        return new, np.concatenate([b, np.zeros(len(new) - o, np.float32)])


def maps(B, p, x):
    """The trunk's features [N,TRUNK,H/CELL,W/CELL] and the map logits: LOGITS."""
    def conv(name, y, **kw):
        return B.layer(p, name, y, **kw)

    def rest(name, y, **kw):
        return B.relu(y + conv(name, y, **kw))

    y = rest("r4b", rest("r4", B.relu(conv("c4", B.relu(conv("stem", x, stride=3)), stride=2))))
    y8 = rest("r8c", rest("r8b", rest("r8a", B.relu(conv("c8", y, stride=2)))))
    y16 = rest("r16d", rest("r16c", rest("r16b", rest("r16a", B.relu(conv("c16", y8, stride=2))))), dilation=2)
    y = rest("r32b", rest("r32a", B.relu(conv("c32", y16, stride=2))), dilation=2)
    y = rest("r32e", rest("r32d", rest("r32c", y, dilation=4)), dilation=3)
    y = rest("f16c", rest("f16b", rest("f16", B.relu(y16 + B.upsample(conv("up32", y)))), dilation=3))
    y = rest("r8e", rest("r8d", B.relu(conv("fuse", B.relu(y8 + B.upsample(conv("up16", y)))))))
    return y, conv("head", y)


def shares(B, logits, content):
    """page, empty, filled, struck, ink, each 0..1, and density: what the logits say of every cell."""
    answer = B.softmax(B.part(logits, 1, 5))
    one = lambda a, i: B.part(a, i, i + 1)
    return (B.sigmoid(one(logits, 0)) * content, one(answer, 1) * content, one(answer, 2) * content, one(answer, 3) * content,
            B.sigmoid(one(logits, 5)) * content, B.exp(B.clip(one(logits, 6), -4.0, 4.0)))


def features(B, p, x):
    """What is read off the maps: (raw completion [N,1], a row of features [N,F], the maps [N,6,H/CELL,W/CELL])."""
    trunk, logits = maps(B, p, x)
    # Sums of shifted planes: as convolutions of one channel these took a quarter of the whole network's time.
    half, cell = B.avgpool(x, 2), CELL // 2  # what light and sharpness are told from
    grey = sum((B.part(half, i, i + 1) * B.const(k) for i, k in ((1, 0.587), (2, 0.114))), B.part(half, 0, 1) * B.const(0.299))
    ones = lambda k: B.const(np.ones((1, 1, k, k), np.float32))
    eps = B.const(1e-3)
    content = B.above(B.avgpool(B.abs(grey), cell), 1e-4)  # 0 in the letterbox padding
    inner = B.clip(B.conv(content, ones(5)) - B.const(24.0), 0.0, 1.0)
    ring = content - inner
    n, m = B.total(content) + eps, B.total(ring) + eps
    page, empty, filled, struck, ink, density = shares(B, logits, content)

    # How much of the answer areas is filled, a cell that is rather filled than not counting for more than it says, and one of which it is
    # hardly said that it is asked for less: there are many of these on bare paper. A cell counts by the root of its density: print that is
    # taken for answers is taken for many small ones. On a page that shows none, how much handwriting there is.
    asked = empty + filled + struck
    left = asked - filled
    heavy = B.exp(B.const(0.5) * B.log(density)) * asked
    most = asked * filled * filled / (filled * filled + left * left + eps * eps)
    whole, done = B.total(heavy * asked), B.total(heavy * most)
    share = B.clip(B.const(10.0) * B.total(ink) / (B.total(page) + B.const(1.0)), 0.0, 1.0)
    raw = (done + eps * share) / (whole + eps)
    doubt = B.total(heavy * B.const(4.0) * left * filled / (asked + eps)) / (whole + eps)

    # Plain statistics of the pixels: light, contrast, sharpness (edge strength over contrast, where there is contrast).
    def sharpness(y, k, mask):
        span = (B.maxpool(y, k) + B.maxpool(B.const(-1.0) * y, k)) * mask
        edge = B.maxpool(B.abs(B.around(y) - B.const(4.0) * y), k) * mask
        return B.log(B.total(edge * span) / (B.total(span * span) + eps) + eps), span

    sharp, span = sharpness(grey, cell, inner)
    sharp2, _ = sharpness(B.avgpool(grey, 2), cell // 2, inner)
    light = B.total(B.avgpool(grey, cell) * content) / n
    white = B.total(B.maxpool(grey, cell) * content) / n
    black = B.const(-1.0) * B.total(B.maxpool(B.const(-1.0) * grey, cell) * content) / n
    row = [light, white, black, sharp, sharp2, B.total(span) / n, B.total(span * span) / n]
    for y in (page, empty, filled, struck, ink):
        row += [B.total(y) / n, B.total(y * ring) / m]
    row += [B.log(whole + B.const(1.0)), raw, doubt, B.total(trunk * content) / n, B.total(trunk * ring) / m]
    return raw, B.concat(row), B.concat([page, empty, filled, struck, ink, density * content])


FEATURES = 7 + 10 + 3 + 2 * TRUNK
HIDDEN, HEADS, KNOTS = 256, 4, 6  # four layers of 64 that learn apart


def read(B, p, x):
    """quality [N,5], completion [N], confidence [N], maps [N,6,H/CELL,W/CELL]: page, empty, filled, struck, ink, density."""
    raw, row, dense = features(B, p, x)
    row = B.clip((row - p["row.mean"]) * p["row.scale"], -4.0, 4.0)
    hidden = B.relu(B.dense(row, p["h.w"], p["h.b"]))
    quality = B.softmax(B.dense(hidden, p["q.w"], p["q.b"]))
    completion = B.clip((raw - p["cal.low"]) * p["cal.gain"], 0.0, 1.0)
    sure = B.sigmoid(B.dense(hidden, p["s.w"], p["s.b"]))
    confidence = B.dense(B.clip((sure - p["iso.at"]) * p["iso.gain"], 0.0, 1.0), p["iso.step"], p["iso.base"])
    return quality, B.flat(completion), B.flat(confidence), dense


def init_read(seed):
    """Random weights of what follows the maps."""
    rng = np.random.default_rng(seed)
    f32 = lambda a: np.asarray(a, np.float32)
    return {
        "row.mean": f32(np.zeros((1, FEATURES))), "row.scale": f32(np.ones((1, FEATURES))),
        "h.w": f32(rng.standard_normal((FEATURES, HIDDEN)) * np.sqrt(2.0 / FEATURES)), "h.b": f32(np.zeros(HIDDEN)),
        "q.w": f32(rng.standard_normal((HIDDEN, 5)) * 0.1), "q.b": f32(np.zeros(5)),
        "s.w": f32(rng.standard_normal((HIDDEN, 1)) * 0.1), "s.b": f32(np.zeros(1)),
        "cal.low": f32(np.zeros((1, 1))), "cal.gain": f32(np.ones((1, 1))),
        # Confidence is a rising line of KNOTS pieces over what the last layer says; here, that itself.
        "iso.at": f32(np.arange(KNOTS)[None] / KNOTS), "iso.gain": f32(np.full((1, KNOTS), KNOTS)),
        "iso.step": f32(np.full((KNOTS, 1), 1 / KNOTS)), "iso.base": f32(np.zeros(1)),
    }
