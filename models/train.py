"""Trains the network on synthetic pages, in two steps: the maps on crops, then what is read off them on whole photos.

    python train.py [--steps 20000] [--minutes 150] [--threads 1] [--loaders 1]

Step 1 keeps .data/run/trunk.npz and, to go on after a stop, .data/run/checkpoint.npz (--fresh begins anew); step 2 writes
.data/run/weights.npz. Of real photos it learns where a page is and, of those in `filled.csv`, where answers are and how each is.
The learning rate follows the steps, so the same seed and steps give the same weights but for the order of sums; --minutes stops
early and says so, and the next call goes on.
"""
import argparse
import os
import pathlib
import queue
import threading
import time

DATA = pathlib.Path(__file__).parent / ".data"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--run", type=pathlib.Path, default=DATA / "run")
    parser.add_argument("--steps", type=int, default=20000, help="of the maps")
    parser.add_argument("--batch", type=int, default=8, help="crops a step")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop the maps after so long, to be gone on with")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU that compute, where no GPU does")
    parser.add_argument("--loaders", type=int, default=1, help="threads that load crops")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=pathlib.Path, help="a model.onnx to begin from, in place of random weights")
    parser.add_argument("--mean", action="store_true", help="end with the mean of the weights that it began with and those that it came to")
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--log", type=int, default=100, help="steps a line")
    parser.add_argument("--fresh", action="store_true", help="do not go on from the checkpoint")
    parser.add_argument("--half", action="store_true", help="multiply in bfloat16: on processors that have it, more than twice as fast")
    parser.add_argument("--heads-only", action="store_true", help="train only what is read off the maps: those of trunk.npz or, without one, of --start")
    return parser.parse_args()


args = arguments()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default on some processors (seen: one with AVX2 alone), where nothing can be dilated then

import cv2
import numpy as np
import tensorflow as tf
from scipy.optimize import isotonic_regression

import net
from export import reader_of, weights_of
from synth.photo import CELL, DENSITY, SIGHT, UNTOLD
from synth.shards import Shards

tf.config.threading.set_intra_op_parallelism_threads(args.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
cv2.setNumThreads(1)

CROP, TALL = (480, 720), 0.25  # height and width, a page's rows whole; and how often the other way round, as for pages turned on their side
NEAR, OFTEN = (1, 4 / 3, 2, 2.5), (0.76, 0.12, 0.08, 0.04)  # by how much a crop is made larger
BENT = 0.5  # of the crops a little larger or smaller, and longer or wider, than they were drawn
MEASURED = 160  # crops that a model which ships is unfolded by: of 48 what layers give is not known well, and the model is damaged before it learns
GRAIN = np.random.default_rng(0).standard_normal(1 << 22, np.float32)
DENSITY_SHIFT = 2.0  # keeps log density near 0; a common factor cancels in the completion
PARTS = ("page", "answer", "state", "ink", "density", "completion")


def orthogonal(m):
    """m [O,I,k,k], as a matrix of O rows, with all its singular values brought near each other (five steps of Newton and Schulz);
    its mean square is 1."""
    x = tf.reshape(m, (m.shape[0], -1))
    tall = x.shape[0] > x.shape[1]
    x = tf.transpose(x) if tall else x
    x /= tf.norm(x) + 1e-7
    for _ in range(5):
        a = tf.matmul(x, x, transpose_b=True)
        x = 3.4445 * x + tf.matmul(2.0315 * tf.matmul(a, a) - 4.775 * a, x)
    return tf.reshape(tf.transpose(x) if tall else x, m.shape) * max(x.shape) ** 0.5


class Optimizer:
    """Muon for normalised filters (K. Jordan, 2024: the step is the momentum made orthogonal; 500 steps of it bring as far as some
    1500 of Adam here), AdamW for all else; and beside each weight its running mean, which is what ships."""

    MUON = 0.6  # of the rate: from 0.6 to 1.5 it is the same, at 0.2 slower

    def __init__(self, params, decay=1e-4):
        var = lambda v: tf.Variable(v, trainable=False)
        self.params, self.decay = {k: tf.Variable(v) for k, v in params.items()}, decay
        self.filters = {f"{name}.w" for name in net.CONVS if name not in net.PLAIN}
        self.m, self.slow = {k: var(tf.zeros_like(v)) for k, v in params.items()}, {k: var(v) for k, v in params.items()}
        self.v = {k: var(tf.zeros_like(v)) for k, v in params.items() if k not in self.filters}

    def step(self, grads, rate, t, keep):
        """`t` counts from 1, as a float; `keep` is the running mean's share."""
        by = rate * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for k, p in self.params.items():
            m = self.m[k]
            if k in self.filters:
                m.assign(0.95 * m + 0.05 * grads[k])
                change = self.MUON * rate * orthogonal(0.95 * m + 0.05 * grads[k])
            else:
                v = self.v[k]
                m.assign(0.9 * m + 0.1 * grads[k])
                v.assign(0.999 * v + 0.001 * grads[k] ** 2)
                change = by * m / (tf.sqrt(v) + 1e-8)
            p.assign(p - change - rate * self.decay * p)
            self.slow[k].assign(keep * self.slow[k] + (1 - keep) * p)

    def parts(self):
        return {f"{part}/{k}": v for part in ("params", "m", "v", "slow") for k, v in getattr(self, part).items()}


def bce(logit, target):
    return tf.nn.sigmoid_cross_entropy_with_logits(target, logit)


def scaled(pixels):
    return (tf.cast(pixels, tf.float32) / 255 - net.MEAN) / net.STD


def disturb(pixels, rng):
    """What a camera may do to uint8 RGB without changing what is written: tone, light, colour or none of it, grain."""
    tone = (np.arange(256) / 255) ** np.exp(0.25 * rng.standard_normal()) * rng.uniform(0.75, 1.15)
    table = tone[:, None] * np.exp(0.05 * rng.standard_normal(3))
    x = cv2.LUT(pixels, (255 * np.clip(table, 0, 1) + 0.5).astype(np.uint8)[None])
    grey = cv2.cvtColor(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = rng.uniform()
    share = 0.0 if colour < 0.25 else 0.6 + 0.6 * colour
    x = cv2.addWeighted(x, share, grey, 1 - share, 0)
    h, w = x.shape[:2]
    at = rng.integers(0, len(GRAIN) - h * w)
    grain = GRAIN[at:at + h * w].reshape(h, w, 1) * np.float32(255 * 0.03 * rng.uniform())
    return cv2.add(x, np.broadcast_to(grain, x.shape), dtype=cv2.CV_8U)


def map_loss(B, params, pixels, planes):
    """pixels uint8 [N,H,W,3]; planes uint8 [N,7,H/CELL,W/CELL] as `synth.photo` describes. The terms, and what each is for:

    page        cross entropy of "paper here": where the page lies, and whether there is one; this and ink not where UNTOLD
    answer      cross entropy of nothing / empty / filled / struck out, against each cell's shares; UNSURE places do not count,
                and answers three to seven times, those of few cells most: most of a page is nothing, and a small answer is one too
    state       cross entropy of empty / filled / struck out where an answer is, each answer and each crop weighing the same: where answers
                are and how many, page/4 knew well (with the true states it is .03 off); whether something stands in them, it did not (.23)
    ink         cross entropy of "the student wrote here": what a hand looks like, in answer areas or not; not where all is UNSURE, as
                on real pages, of which nobody has told what is on them
    density     a smoothed distance of log density where answers are: an answer counts 1 whatever its size
    completion  |share of the crop's answers done - true share|, weighted by how much of an answer is in sight: what it is all for
    """
    mean, total = tf.reduce_mean, lambda a: tf.reduce_sum(a, (1, 2))
    _, logits = net.maps(B, params, scaled(pixels))
    t = tf.cast(planes, tf.float32) / 255
    page, empty, filled, struck, unsure, ink, logd = (t[:, i] for i in range(7))
    logd = logd * (DENSITY[1] - DENSITY[0]) + DENSITY[0]
    sure = 1 - unsure
    told = lambda plane: tf.cast(planes[:, plane] != UNTOLD, tf.float32)
    asked = (empty + filled + struck) * sure
    answer = tf.stack([tf.clip_by_value(1 - empty - filled - struck - unsure, 0, 1), empty, filled, struck], -1)
    spoken = tf.nn.log_softmax(logits[..., 1:5])
    cross = -tf.reduce_sum(answer * spoken, -1)
    error = logits[..., 6] - tf.clip_by_value(logd + DENSITY_SHIFT, -4, 4)
    dense = (tf.sqrt(error * error + 0.01) - 0.1) * asked
    said, weight = tf.exp(spoken), tf.exp(tf.clip_by_value(logits[..., 6], -4, 4))
    true = tf.exp(tf.clip_by_value(logd + DENSITY_SHIFT, -4, 4))
    small = tf.sqrt(tf.exp(tf.minimum(logd, 0.0)))
    each = true * asked
    state = -tf.reduce_sum(answer[..., 1:] * tf.nn.log_softmax(logits[..., 2:5]), -1) * true * sure
    heavy = weight * (1 - said[..., 0]) * sure  # each answer 1; `net.features` trusts density less
    got = total(heavy * said[..., 2]) / (total(heavy * (1 - said[..., 0])) + 1)
    want = total(true * filled * sure) / (total(each) + 1)
    crop = tf.clip_by_value(total(each) / 20, 0, 1)
    each_crop = lambda v: tf.reduce_sum(crop * v) / (tf.reduce_sum(crop) + 1)
    parts = (0.5 * mean(bce(logits[..., 0], page) * told(0)), mean(cross * sure * (1 + asked * (1.5 + 4.5 * small))) / 1.5,
             0.5 * each_crop(total(state) / (total(each) + 1)), 0.5 * mean(bce(logits[..., 5], ink) * sure * told(5)),
             0.3 * tf.reduce_sum(dense) / (tf.reduce_sum(asked) + 1), 0.5 * each_crop(tf.abs(got - want)))
    return tf.add_n(parts), tf.stack(parts)


def crops(shards, rng, n):
    """n crops, each of another photo, where answers are rather than where none are. What a photo lacks of a crop is as in a letterbox."""
    size = CROP[::-1] if rng.random() < TALL else CROP
    pixels, planes = np.full((n, *size, 3), net.PAD, np.uint8), np.zeros((n, 7, size[0] // CELL, size[1] // CELL), np.uint8)
    for i in range(n):
        line, photo, truth = shards.load(int(rng.integers(len(shards))))
        k = np.repeat(rng.choice(NEAR, p=OFTEN), 2)
        if rng.random() < BENT:  # no page twice of the same size and shape: what is alike cannot be learnt by heart
            k *= np.exp(rng.uniform(-0.18, 0.18) + rng.normal(0, 0.05, 2))
        best, (h, w) = None, (int(side / by) // CELL * CELL for side, by in zip(size, k))
        for _ in range(2):  # the better of two places, most of the time
            y, x = (CELL * int(rng.integers(0, max(0, line[side] - length) // CELL + 1)) for side, length in (("h", h), ("w", w)))
            worth = int(truth[1:4, y // CELL:(y + h) // CELL, x // CELL:(x + w) // CELL].sum(dtype=np.int64)) if rng.random() < 0.7 else 0
            if best is None or worth > best[0]:
                best = (worth, y, x)
        _, y, x = best
        near, told = nearer(photo[y:y + h, x:x + w], in_sight(line, truth, y, x, h, w), k)
        near, told = near[:size[0], :size[1]], told[:, :size[0] // CELL, :size[1] // CELL]
        h, w = near.shape[:2]
        pixels[i, :h, :w], planes[i, :, :h // CELL, :w // CELL] = disturb(near, rng), told
    return pixels, planes


def in_sight(line, truth, y, x, h, w):
    """The truth of a crop: UNSURE where an answer is that mostly lies beyond its edges."""
    out = truth[:, y // CELL:(y + h) // CELL, x // CELL:(x + w) // CELL].copy()
    for area in line["areas"]:
        if area["box"] is None:
            continue
        a, b, c, d = area["box"]
        left, top, right, foot = max(a - x, 0), max(b - y, 0), min(c - x, w), min(d - y, h)
        if left < right and top < foot and (right - left) * (foot - top) < SIGHT * (c - a) * (d - b):
            cut = out[:, top // CELL:-(-foot // CELL), left // CELL:-(-right // CELL)]
            cut[4][cut[1:4].any(0)] = 255
    return out


def nearer(photo, truth, k):
    """A part of a photo made k[0] times as high and k[1] times as wide: a page taken from near, or a small picture."""
    if (k == 1).all():
        return photo, truth
    was = np.array(truth.shape[1:])
    h, w = np.maximum(1, np.round(was * k)).astype(int)
    truth = truth[:, np.arange(h) * was[0] // h][:, :, np.arange(w) * was[1] // w].copy()
    thinner = np.log(k).sum() / (DENSITY[1] - DENSITY[0]) * 255  # an answer has more cells
    truth[6] = np.clip(truth[6] - thinner, 0, 255)
    return cv2.resize(photo, (CELL * int(w), CELL * int(h)), interpolation=cv2.INTER_AREA if k.max() < 1 else cv2.INTER_CUBIC), truth


def loader(folder, first, last):
    """The crops of steps first..last, in order, loaded ahead; each step's are drawn by its own seed."""
    threads = args.loaders
    out = [queue.Queue(4) for _ in range(threads)]

    def work(k):
        try:
            shards = Shards(folder)  # zip files are not shared among threads
            for i in range(first, last):
                if i % threads == k:
                    out[k].put(crops(shards, np.random.default_rng([args.seed, 77, i]), args.batch))
        except BaseException as problem:  # told to the trainer, which would wait for ever
            out[k].put(problem)

    for k in range(threads):
        threading.Thread(target=work, args=(k,), daemon=True).start()
    for i in range(first, last):
        got = out[i % threads].get()
        if isinstance(got, BaseException):
            raise got
        yield got


def save(path, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path.with_suffix(".tmp.npz"), **arrays)
    path.with_suffix(".tmp.npz").replace(path)


def moments(params):
    """What each layer's outputs are on average, and their variance, over some batches of the training's."""
    def run(pixels):
        network = net.Training()
        net.maps(network, params, scaled(pixels))
        return network.moments
    run, seen, shards = tf.function(run), [], Shards(args.data / "train")
    for i in range(40):
        seen.append({k: np.stack([a.numpy() for a in v]) for k, v in run(crops(shards, np.random.default_rng([9, i]), args.batch)[0]).items()})
    mean = lambda values: sum(values) / len(values)
    both = lambda k: (mean([s[k][0] for s in seen]), mean([s[k][1] for s in seen]))
    return {k: both(k) for k in seen[0]}


def begin():
    """Random weights; or those of a model that ships, in a network that may have grown layers since."""
    fresh = net.init(args.seed)
    if args.start is None:
        return fresh
    unfolding = net.Unfolding(weights_of(args.start), fresh)
    net.maps(unfolding, fresh, scaled(crops(Shards(args.data / "train"), np.random.default_rng(9), MEASURED)[0]))
    return unfolding.params


def train_maps():
    """True once all steps are done."""
    path, done = args.run / "checkpoint.npz", 0
    start = begin()
    optimizer = Optimizer(start)
    if path.exists() and not args.fresh:
        kept = np.load(path)
        if {k: v.shape for k, v in optimizer.parts().items()} != {k: kept[k].shape for k in kept if k != "step"}:
            raise SystemExit(f"{path} is of another network: --fresh begins anew")
        done = int(kept["step"])
        for name, var in optimizer.parts().items():
            var.assign(kept[name])

    @tf.function
    def step(pixels, planes, rate, t, keep):
        with tf.GradientTape() as tape:
            loss, parts = map_loss(net.Training(args.half), optimizer.params, pixels, planes)
        grads, _ = tf.clip_by_global_norm(tape.gradient(loss, list(optimizer.params.values())), 2.0)
        optimizer.step(dict(zip(optimizer.params, grads)), rate, t, keep)
        return parts

    watch = crops(Shards(args.data / "heads"), np.random.default_rng(5), 64)
    fold = lambda weights: save(args.run / "trunk.npz", **net.folded(weights, moments(weights)))
    unseen = tf.function(lambda: map_loss(net.Training(), optimizer.slow, *watch)[1])

    def keep():
        save(path, step=done, **{k: v.numpy() for k, v in optimizer.parts().items()})
        fold(optimizer.slow)

    said = lambda parts: "  ".join(f"{n} {v:.4f}" for n, v in zip(PARTS, parts))
    on = "a GPU" if tf.config.list_physical_devices("GPU") else f"{args.threads} of the CPU's cores"
    print(f"{len(Shards(args.data / 'train'))} photos, steps {done}..{args.steps} of {args.batch} crops, on {on}", flush=True)
    began, mean = time.time(), []
    for pixels, planes in loader(args.data / "train", done, args.steps):
        rate = args.rate * min(1.0, (done + 1) / 200) * 0.5 * (1 + np.cos(np.pi * done / args.steps)) + 1e-6
        slower = min(0.998, (done + 1) / (done + 10))  # the running mean forgets the random beginning
        numbers = [tf.constant(v, tf.float32) for v in (rate, done + 1, slower)]
        mean.append(step(pixels, planes, *numbers).numpy())
        done += 1
        if done % args.log == 0 or done == args.steps:
            held = unseen().numpy()
            print(f"{done:6} {time.time() - began:6.0f} s  loss {np.sum(np.mean(mean, 0)):.4f}: {said(np.mean(mean, 0))}\n"
                  f"               unseen {held.sum():.4f}: {said(held)}", flush=True)
            mean = []
        late = time.time() - began > 60 * args.minutes
        if done % 1000 == 0 or done == args.steps or late:
            keep()
        if late and done < args.steps:
            print(f"stopped at step {done} of {args.steps}: the same command goes on", flush=True)
            return False
    if args.mean:
        fold({k: np.float32(0.5 * v + 0.5 * optimizer.slow[k].numpy()) for k, v in start.items()})
    return True


def letterbox(pixels):
    """RGB as the model gets it: at the top left of WIDTH x HEIGHT, scaled to fit, the rest PAD."""
    h, w = pixels.shape[:2]
    s = min(net.WIDTH / w, net.HEIGHT / h)
    size = max(1, round(w * s)), max(1, round(h * s))
    full = np.full((net.HEIGHT, net.WIDTH, 3), net.PAD, np.uint8)
    full[:size[1], :size[0]] = pixels if size == (w, h) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    return full


def rows(read, shards):
    """Raw completion, features and labels (quality, completion or -1) of whole photos."""
    raw, row, labels = [], [], []
    for i in range(len(shards)):
        line, pixels, _ = shards.load(i, truth=False)
        a, b = read(np.moveaxis(scaled(letterbox(pixels)).numpy(), -1, 0)[None])
        raw.append(float(a[0, 0])), row.append(b[0])
        labels.append((net.CLASSES.index(line["quality"]), -1.0 if line["completion"] is None else line["completion"]))
    return np.array(raw), np.array(row), np.array(labels, np.float32)


def calibrate(raw, truth):
    """The straight line, clipped to 0..1, that brings the raw completion nearest the truth."""
    best = min((np.abs(np.clip((raw - low) / (high - low), 0, 1) - truth).mean(), low, high)
               for low in np.linspace(0, 0.3, 31) for high in np.linspace(0.6, 1.0, 41))
    print("calibration: mean error %.4f with low %.2f, high %.2f" % best)
    return best[1], best[2]


def isotonic(said, right):
    """How often a confidence was right, as a rising line of net.KNOTS pieces: what `net.read` applies."""
    order = np.argsort(said, kind="stable")
    fitted = isotonic_regression(right[order].astype(float)).x
    each = [(said[order][part].mean(), fitted[part].mean()) for part in np.array_split(np.arange(len(said)), net.KNOTS + 1)]
    at, to = np.array(each, np.float32).T
    wide = np.maximum(np.diff(at), 1e-4)
    print("confidence: said -> right: " + ", ".join(f"{a:.2f} -> {b:.2f}" for a, b in each))
    return {"iso.at": at[None, :-1], "iso.gain": 1 / wide[None], "iso.step": np.diff(to)[:, None], "iso.base": to[:1]}


def whole(read, folder):
    """(raw completion, features, quality, completion, whether it has one) of whole photos."""
    raw, row, labels = rows(read, Shards(folder))
    quality, truth = labels[:, 0].astype(int), labels[:, 1]
    return raw, row, quality, truth, (quality == 0) & (truth >= 0)


def maps_there():
    """The weights of the maps that this run came to or, before it has, of the model that it begins from."""
    if args.start is None or (args.run / "trunk.npz").exists():
        return dict(np.load(args.run / "trunk.npz"))
    return {k: v for k, v in weights_of(args.start).items() if k.split(".")[0] in net.CONVS}


def head_of(learnt, called, weight, near, unlike, seed):
    """One small dense layer over rows of features, and what it says of quality, and of whether that and the completion are right."""
    p = net.init_read(seed)
    wide = net.HIDDEN // net.HEADS
    parts = {"h.w": p["h.w"][:, :wide], "h.b": p["h.b"][:wide], "q.w": p["q.w"][:wide], "q.b": p["q.b"], "s.w": p["s.w"][:wide], "s.b": p["s.b"]}
    head, total = Optimizer(parts, decay=1e-2), 1500

    @tf.function
    def step(noise, rate, t):
        with tf.GradientTape() as tape:
            h = head.params
            hidden = tf.nn.relu((learnt + 0.35 * tf.random.stateless_normal(learnt.shape, noise)) @ h["h.w"] + h["h.b"])
            hidden *= tf.cast(tf.random.stateless_uniform(hidden.shape, noise + [0, 1]) < 0.8, tf.float32) / 0.8
            logits = hidden @ h["q.w"] + h["q.b"]
            chosen = tf.nn.sparse_softmax_cross_entropy_with_logits(called, logits)
            right = near & (tf.argmax(logits, 1) == called)
            sure = bce((hidden @ h["s.w"] + h["s.b"])[:, 0], tf.cast(right, tf.float32))
            loss = tf.reduce_sum(weight * chosen) / tf.reduce_sum(weight) + 0.3 * tf.reduce_sum(unlike * sure) / tf.reduce_sum(unlike)
        head.step(dict(zip(h, tape.gradient(loss, list(h.values())))), rate, t, 0.0)

    for i in range(total):
        step(tf.constant([7 + seed, 2 * i]), tf.constant(3e-3 * (1 - i / total), tf.float32), tf.constant(i + 1.0))
    return {k: v.numpy() for k, v in head.params.items()}


def train_heads():
    trunk = maps_there()
    read = reader_of(trunk, args.data / "heads")
    # What the maps' sum and a confidence are worth is asked of pages unlike those that all else learnt from: other fonts and digits, half
    # of them other tasks. So is what a confidence is read from: where the maps know every font, they are wrong for other reasons.
    raw_held, row_held, called_held, truth_held, told_held = whole(read, args.data / "held")
    both = [whole(read, args.data / name) for name in ("heads", "sure")]
    raw, row, called, truth, told = (np.concatenate(each) for each in zip(*both))
    unlike = tf.constant(np.repeat([0.0, 1.0], [len(some[0]) for some in both]), tf.float32)
    p = net.init_read(args.seed)
    low, high = calibrate(raw_held[told_held], truth_held[told_held])
    p["cal.low"][:], p["cal.gain"][:] = low, 1 / (high - low)
    p["row.mean"][:], p["row.scale"][:] = row.mean(0), 1 / (row.std(0) + 1e-3)
    close = lambda raw, truth, told: np.where(told, np.abs(np.clip((raw - low) / (high - low), 0, 1) - truth) <= 0.1, True)
    even = lambda row: np.clip((row - p["row.mean"]) * p["row.scale"], -4, 4).astype(np.float32)
    learnt, near = even(row), close(raw, truth, told)
    rare = 1 / np.sqrt(np.maximum(1, np.bincount(called, minlength=5)))
    rare[4] = rare[0]  # to refuse a page is worse than to let something else pass
    weight = tf.constant(rare[called], tf.float32)
    # Several that learn apart and are one in the end, each a share of `hidden`: what one photo more or less makes of one evens out.
    heads = [head_of(learnt, called, weight, near, unlike, args.seed + i) for i in range(net.HEADS)]
    p |= {k: np.concatenate([h[k] for h in heads], axis=-1) for k in ("h.w", "h.b")}
    p |= {k: np.concatenate([h[k] for h in heads]) / net.HEADS for k in ("q.w", "s.w")} | {k: np.mean([h[k] for h in heads], 0) for k in ("q.b", "s.b")}
    hidden = np.maximum(even(row_held) @ p["h.w"] + p["h.b"], 0)
    right = close(raw_held, truth_held, told_held) & ((hidden @ p["q.w"] + p["q.b"]).argmax(1) == called_held)
    p |= isotonic(1 / (1 + np.exp(-(hidden @ p["s.w"] + p["s.b"])[:, 0])), right)
    save(args.run / "weights.npz", **trunk, **p)
    print(f"{args.run / 'weights.npz'} is written")


if __name__ == "__main__":
    if args.heads_only or train_maps():
        train_heads()
