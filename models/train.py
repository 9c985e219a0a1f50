"""Trains the network on synthetic pages, in two steps: the maps on crops, then what is read off them on whole photos.

    python train.py [--steps 24000] [--minutes 150] [--threads 2] [--device auto|cpu|gpu]

Step 1 keeps .data/run/trunk.npz and, to go on after a stop, .data/run/checkpoint.npz (--fresh begins anew); step 2 writes
.data/run/weights.npz. Never sees a real photo. The learning rate follows the steps, so the same seed and steps give the same
weights but for the order of sums; --minutes stops early and says so, and the next call goes on.
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
    parser.add_argument("--steps", type=int, default=24000, help="of the maps")
    parser.add_argument("--batch", type=int, default=16, help="crops a step")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop the maps after so long, to be gone on with")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU; how many load crops where a GPU trains")
    parser.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=4e-3, help="the highest learning rate")
    parser.add_argument("--log", type=int, default=100, help="steps a line")
    parser.add_argument("--fresh", action="store_true", help="do not go on from the checkpoint")
    parser.add_argument("--heads-only", action="store_true", help="keep trunk.npz, train what follows it")
    return parser.parse_args()


args = arguments()
CORES = os.sched_getaffinity(0)
if args.device == "cpu":
    os.environ["JAX_PLATFORMS"] = "cpu"
if args.device != "gpu" and args.threads < len(CORES):
    os.sched_setaffinity(0, sorted(CORES)[-args.threads:])  # JAX makes as many threads as it sees cores
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(args.threads > 1).lower()}"

import cv2
import jax
import jax.numpy as jnp
import numpy as np

import net
from synth.photo import DENSITY
from synth.shards import Shards

ON_GPU = jax.devices()[0].platform == "gpu"
if args.device == "gpu" and not ON_GPU:
    raise SystemExit("JAX sees no GPU")
for thread in os.listdir("/proc/self/task"):  # they exist now, and may run wherever there is room
    os.sched_setaffinity(int(thread), CORES)
cv2.setNumThreads(1)

SIDE = 256
DENSITY_SHIFT = 2.0  # keeps log density near 0; a common factor cancels in the completion
PARTS = ("page", "answer", "ink", "density", "completion")


def adam(params, grads, state, rate, decay=1e-4):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
    v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, grads)
    step = lambda p, a, b: p - rate * (a / (1 - 0.9**t) / (jnp.sqrt(b / (1 - 0.999**t)) + 1e-8) + decay * p)
    return jax.tree.map(step, params, m, v), (m, v, t)


def fresh(params):
    zero = lambda: jax.tree.map(jnp.zeros_like, params)
    return zero(), zero(), jnp.zeros(())


def bce(logit, target):
    return jnp.maximum(logit, 0) - logit * target + jnp.log1p(jnp.exp(-jnp.abs(logit)))


def disturb(pixels, key):
    """What a camera may do without changing what is written: tone, light, colour or none of it, grain."""
    keys = jax.random.split(key, 6)
    n = len(pixels)
    x = jnp.moveaxis(pixels.astype(jnp.float32), -1, 1) / 255
    x = x ** jnp.exp(0.25 * jax.random.normal(keys[0], (n, 1, 1, 1))) * jax.random.uniform(keys[1], (n, 1, 1, 1), minval=0.75, maxval=1.15)
    x = x * jnp.exp(0.05 * jax.random.normal(keys[2], (n, 3, 1, 1)))
    grey = jnp.tensordot(x, jnp.array([0.299, 0.587, 0.114]), (1, 0))[:, None]
    colour = jax.random.uniform(keys[3], (n, 1, 1, 1))
    x = jnp.where(colour < 0.25, grey, grey + (x - grey) * (0.6 + 0.6 * colour))
    level = 0.03 * jax.random.uniform(keys[5], (n, 1, 1, 1))
    return jnp.clip(x + level * jax.random.normal(keys[4], (n, 1, *x.shape[2:])), 0, 1)


def map_loss(params, pixels, planes, key):
    """pixels uint8 [N,256,256,3]; planes uint8 [N,7,32,32] as `synth.photo` describes. The terms, and what each is for:

    page        cross entropy of "paper here": where the page lies, and whether there is one
    answer      cross entropy of nothing / empty / filled / struck out, against each cell's shares; UNSURE places do not count
    ink         cross entropy of "the student wrote here": what a hand looks like, in answer areas or not
    density     a smoothed distance of log density where answers are: an answer counts 1 whatever its size
    completion  |share of the crop's answers done - true share|, weighted by how much of an answer is in sight: what it is all for
    """
    x = disturb(pixels, key)
    _, logits = net.maps(net.Jax, net.folded(params, jnp), (x - net.MEAN) / net.STD)
    t = planes.astype(jnp.float32) / 255
    page, empty, filled, struck, unsure, ink = (t[:, i] for i in range(6))
    logd = t[:, 6] * (DENSITY[1] - DENSITY[0]) + DENSITY[0]
    sure = 1 - unsure
    asked = (empty + filled + struck) * sure
    answer = jnp.stack([jnp.clip(1 - empty - filled - struck - unsure, 0, 1), empty, filled, struck], 1)
    spoken = jax.nn.log_softmax(logits[:, 1:5], axis=1)
    cross = -(answer * spoken).sum(1)
    error = logits[:, 6] - jnp.clip(logd + DENSITY_SHIFT, -4, 4)
    dense = (jnp.sqrt(error * error + 0.01) - 0.1) * asked
    said, weight = jnp.exp(spoken), jnp.exp(jnp.clip(logits[:, 6], -4, 4))
    true = jnp.exp(jnp.clip(logd + DENSITY_SHIFT, -4, 4))
    total = lambda a: a.sum((1, 2))
    got = total(weight * said[:, 2] * sure) / (total(weight * (1 - said[:, 0]) * sure) + 1)
    want = total(true * filled * sure) / (total(true * asked) + 1)
    heavy = jnp.clip(total(true * asked) / 20, 0, 1)
    parts = (0.5 * bce(logits[:, 0], page).mean(), (cross * sure).mean(), 0.5 * bce(logits[:, 5], ink).mean(),
             0.3 * dense.sum() / (asked.sum() + 1), 0.3 * (heavy * jnp.abs(got - want)).sum() / (heavy.sum() + 1))
    return sum(parts), jnp.stack(parts)


def crops(shards, rng, n):
    """n crops: two of each photo, where answers are rather than where none are."""
    pixels, planes = np.empty((n, SIDE, SIDE, 3), np.uint8), np.empty((n, 7, SIDE // 8, SIDE // 8), np.uint8)
    i = 0
    while i < n:
        line, photo, truth = shards.load(int(rng.integers(len(shards))))
        if min(line["w"], line["h"]) < SIDE:
            continue
        for _ in range(2):
            if i == n:
                break
            best = None
            for _ in range(2):  # the better of two places, most of the time
                y, x = 8 * int(rng.integers(0, (line["h"] - SIDE) // 8 + 1)), 8 * int(rng.integers(0, (line["w"] - SIDE) // 8 + 1))
                t = truth[:, y // 8:y // 8 + SIDE // 8, x // 8:x // 8 + SIDE // 8]
                worth = int(t[1:4].sum(dtype=np.int64)) if rng.random() < 0.7 else 0
                if best is None or worth > best[0]:
                    best = (worth, y, x, t)
            _, y, x, planes[i] = best
            pixels[i] = photo[y:y + SIDE, x:x + SIDE]
            i += 1
    return pixels, planes


def loader(folder, first, last, threads):
    """The crops of steps first..last, in order, loaded ahead; each step's are drawn by its own seed."""
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


def train_maps():
    """True once all steps are done."""
    path, start = args.run / "checkpoint.npz", 0
    params = jax.tree.map(jnp.asarray, net.init(args.seed))
    state, slow = fresh(params), params
    if path.exists() and not args.fresh:
        kept = np.load(path)
        pick = lambda part: {k: jnp.asarray(kept[f"{part}/{k}"]) for k in params}
        params, slow, state, start = pick("params"), pick("slow"), (pick("m"), pick("v"), jnp.asarray(kept["t"])), int(kept["step"])

    @jax.jit
    def step(params, state, slow, pixels, planes, key, rate, keep):
        (_, parts), grads = jax.value_and_grad(map_loss, has_aux=True)(params, pixels, planes, key)
        norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 2.0 / norm), grads)
        params, state = adam(params, grads, state, rate)
        return params, state, jax.tree.map(lambda a, b: keep * a + (1 - keep) * b, slow, params), parts

    watch = crops(Shards(args.data / "heads"), np.random.default_rng(5), 32)
    seen = jax.jit(lambda p: map_loss(p, *watch, jax.random.key(0))[1])

    def keep():
        flat = {f"{part}/{k}": np.asarray(v) for part, d in (("params", params), ("slow", slow), ("m", state[0]), ("v", state[1]))
                for k, v in d.items()}
        save(path, step=done, t=np.asarray(state[2]), **flat)
        save(args.run / "trunk.npz", **{k: np.asarray(v) for k, v in slow.items()})

    pages = len(Shards(args.data / "train"))
    print(f"{pages} photos, steps {start}..{args.steps} of {args.batch} crops, on {jax.devices()[0].platform}", flush=True)
    done, begun, mean = start, time.time(), []
    for pixels, planes in loader(args.data / "train", start, args.steps, args.threads if ON_GPU else 1):
        rate = args.rate * min(1.0, (done + 1) / 200) * 0.5 * (1 + np.cos(np.pi * done / args.steps)) + 1e-6
        slower = min(0.998, (done + 1) / (done + 10))  # the running mean forgets the random beginning
        params, state, slow, parts = step(params, state, slow, pixels, planes, jax.random.fold_in(jax.random.key(args.seed), done), rate, slower)
        mean.append(parts)
        done += 1
        if done % args.log == 0 or done == args.steps:
            names = "  ".join(f"{n} {v:.4f}" for n, v in zip(PARTS, np.mean(mean, 0)))
            held = float(np.sum(seen(slow)))
            print(f"{done:6} {time.time() - begun:6.0f} s  loss {np.sum(np.mean(mean, 0)):.4f}  unseen {held:.4f}  {names}", flush=True)
            mean = []
        late = time.time() - begun > 60 * args.minutes
        if done % 500 == 0 or done == args.steps or late:
            keep()
        if late and done < args.steps:
            print(f"stopped at step {done} of {args.steps}: the same command goes on", flush=True)
            return False
    return True


def letterbox(pixels):
    """RGB as the model gets it: at the top left of 480 x 640, scaled to fit, the rest PAD."""
    h, w = pixels.shape[:2]
    s = min(net.WIDTH / w, net.HEIGHT / h)
    size = max(1, round(w * s)), max(1, round(h * s))
    full = np.full((net.HEIGHT, net.WIDTH, 3), net.PAD, np.uint8)
    full[:size[1], :size[0]] = pixels if size == (w, h) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    return full


def rows(trunk, shards):
    """Raw completion, features and labels (quality, completion or -1) of whole photos."""
    run = jax.jit(lambda x: net.features(net.Jax, trunk, jnp.moveaxis((x.astype(jnp.float32) / 255 - net.MEAN) / net.STD, -1, 1))[:2])
    raw, row, labels, some = [], [], [], []
    for i in range(len(shards)):
        line, pixels, _ = shards.load(i, truth=False)
        some.append(letterbox(pixels))
        labels.append((net.CLASSES.index(line["quality"]), -1.0 if line["completion"] is None else line["completion"]))
        if len(some) == 4 or i == len(shards) - 1:
            a, b = run(np.stack(some + some[:1] * (4 - len(some))))
            raw.append(np.asarray(a)[:len(some), 0]), row.append(np.asarray(b)[:len(some)])
            some = []
    return np.concatenate(raw), np.concatenate(row), np.array(labels, np.float32)


def calibrate(raw, truth):
    """The straight line, clipped to 0..1, that brings the raw completion nearest the truth."""
    best = min((np.abs(np.clip((raw - low) / (high - low), 0, 1) - truth).mean(), low, high)
               for low in np.linspace(0, 0.3, 31) for high in np.linspace(0.6, 1.0, 41))
    print("calibration: mean error %.4f with low %.2f, high %.2f" % best)
    return best[1], best[2]


def train_heads():
    trunk = net.folded(dict(np.load(args.run / "trunk.npz")))
    raw, row, labels = rows(trunk, Shards(args.data / "heads"))
    quality, truth = labels[:, 0].astype(int), labels[:, 1]
    p = net.init_read(args.seed)
    told = (quality == 0) & (truth >= 0)
    low, high = calibrate(raw[told], truth[told])
    p["cal.low"][:], p["cal.gain"][:] = low, 1 / (high - low)
    p["row.mean"][:], p["row.scale"][:] = row.mean(0), 1 / (row.std(0) + 1e-3)
    done = np.clip((raw - low) / (high - low), 0, 1)
    close = np.where(told, np.abs(done - truth) <= 0.1, True)

    x = jnp.asarray(np.clip((row - p["row.mean"]) * p["row.scale"], -4, 4))
    weight = jnp.asarray((1 / np.sqrt(np.maximum(1, np.bincount(quality, minlength=5))))[quality])
    head = {k: jnp.asarray(p[k]) for k in ("h.w", "h.b", "q.w", "q.b", "s.w", "s.b")}
    state = fresh(head)

    def loss(head, key):
        hidden = jax.nn.relu((x + 0.35 * jax.random.normal(key, x.shape)) @ head["h.w"] + head["h.b"])
        hidden = hidden * jax.random.bernoulli(key, 0.8, hidden.shape) / 0.8
        logits = hidden @ head["q.w"] + head["q.b"]
        chosen = jax.nn.log_softmax(logits)[jnp.arange(len(x)), quality]
        right = jnp.asarray(close) & (logits.argmax(1) == quality)
        sure = bce((hidden @ head["s.w"] + head["s.b"])[:, 0], right.astype(jnp.float32))
        return -(weight * chosen).sum() / weight.sum() + 0.3 * sure.mean()

    @jax.jit
    def step(head, state, key, rate):
        return adam(head, jax.grad(loss)(head, key), state, rate, decay=1e-2)

    total = 1500
    for i in range(total):
        head, state = step(head, state, jax.random.fold_in(jax.random.key(7), i), 3e-3 * (1 - i / total))
    p |= {k: np.asarray(v) for k, v in head.items()}
    save(args.run / "weights.npz", **trunk, **p)
    print(f"{args.run / 'weights.npz'} is written")


if __name__ == "__main__":
    if args.heads_only or train_maps():
        train_heads()
