"""Trains the network on synthetic pages, in two steps: the maps on crops, then what is read off them on whole photos.

    python train.py [--steps 3000] [--minutes 20] [--threads 1]

Step 1 keeps the trunk in .data/trunk.npz, step 2 everything in .data/weights.npz. Never sees a real photo.
"""
import argparse
import os
import pathlib
import time

DATA = pathlib.Path(__file__).parent / ".data"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=3000, help="of the maps, 16 crops each")
    parser.add_argument("--minutes", type=float, default=60, help="at most so long: the learning rate falls by whichever ends first")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--resume", action="store_true", help="go on from .data/trunk.npz")
    parser.add_argument("--heads-only", action="store_true", help="keep .data/trunk.npz, train what follows it")
    return parser.parse_args()


args = arguments()
CORES = os.sched_getaffinity(0)
os.sched_setaffinity(0, sorted(CORES)[-args.threads:])  # JAX makes as many threads as it sees cores
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={str(args.threads > 1).lower()}"

import jax
import jax.numpy as jnp
import numpy as np

import net

jnp.zeros(1).block_until_ready()
for thread in os.listdir("/proc/self/task"):  # they exist now, and may run wherever there is room
    os.sched_setaffinity(int(thread), CORES)

BATCH = 16
DENSITY_SHIFT = 2.0  # keeps log density near 0; a common factor cancels in the completion


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


def map_loss(params, pixels, planes, key):
    """pixels uint8 [N,256,256]; planes [N,6,32,32] as `synth.photo` describes."""
    keys = jax.random.split(key, 3)
    x = pixels.astype(jnp.float32)[:, None] / 255
    gamma = jnp.exp(0.25 * jax.random.normal(keys[0], (len(x), 1, 1, 1)))
    gain = jax.random.uniform(keys[1], (len(x), 1, 1, 1), minval=0.75, maxval=1.1)
    x = jnp.clip(x**gamma * gain + 0.01 * jax.random.normal(keys[2], x.shape), 0, 1)
    _, logits = net.maps(net.Jax, params, (x - net.MEAN) / net.STD)
    page, empty, filled, unsure, ink, logd = (planes[:, i].astype(jnp.float32) for i in range(6))
    sure = 1 - unsure
    counted = (empty + filled) * sure
    nothing = jnp.clip(1 - empty - filled - unsure, 0, 1)
    answer = jnp.stack([nothing, empty, filled], 1)
    cross = -(answer * jax.nn.log_softmax(logits[:, 1:4], axis=1)).sum(1)
    error = logits[:, 5] - jnp.clip(logd + DENSITY_SHIFT, -4, 4)
    dense = (jnp.sqrt(error * error + 0.01) - 0.1) * counted
    parts = (0.5 * bce(logits[:, 0], page).mean(), (cross * sure).mean(), 0.5 * bce(logits[:, 4], ink).mean(),
             0.3 * dense.sum() / (counted.sum() + 1))
    return sum(parts), jnp.stack(parts)


def train_maps():
    files = [np.load(f) for f in sorted(DATA.glob("train-*.npz"))]
    pixels = np.concatenate([f["crops"] for f in files])
    planes = np.concatenate([f["planes"] for f in files])
    rng = np.random.default_rng([args.seed, args.resume])
    params = jax.tree.map(jnp.asarray, dict(np.load(DATA / "trunk.npz")) if args.resume else net.init(args.seed))
    state, slow = fresh(params), params

    @jax.jit
    def step(params, state, slow, pixels, planes, key, rate):
        (_, parts), grads = jax.value_and_grad(map_loss, has_aux=True)(params, pixels, planes, key)
        norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 2.0 / norm), grads)
        params, state = adam(params, grads, state, rate)
        return params, state, jax.tree.map(lambda a, b: 0.99 * a + 0.01 * b, slow, params), parts

    order, seen, start = rng.permutation(len(pixels)), 0, time.time()
    mean = np.zeros(4)
    print(f"{len(pixels)} crops, {args.steps} steps", flush=True)
    for i in range(args.steps):
        spent = max(i / args.steps, (time.time() - start) / (60 * args.minutes))
        if spent >= 1:
            break
        if seen + BATCH > len(order):
            order, seen = rng.permutation(len(pixels)), 0
        pick, seen = np.sort(order[seen:seen + BATCH]), seen + BATCH
        rate = args.rate * min(1.0, (i + 1) / 100) * 0.5 * (1 + np.cos(np.pi * spent)) + 1e-6
        params, state, slow, parts = step(params, state, slow, pixels[pick], planes[pick],
                                          jax.random.fold_in(jax.random.key(args.seed), i), rate)
        mean += np.asarray(parts)
        if (i + 1) % 100 == 0:
            print(f"{i + 1:5} {time.time() - start:5.0f} s  page {mean[0] / 100:.4f}  answer {mean[1] / 100:.4f}  "
                  f"ink {mean[2] / 100:.4f}  density {mean[3] / 100:.4f}", flush=True)
            mean[:] = 0
    np.savez(DATA / "trunk.npz", **slow)


def rows(trunk, whole):
    """Raw completion and features of whole photos."""
    run = jax.jit(lambda x: net.features(net.Jax, trunk, ((x.astype(jnp.float32) / 255 - net.MEAN) / net.STD)[:, None]))
    out = [run(whole[i:i + 4]) for i in range(0, len(whole) // 4 * 4, 4)]
    return np.concatenate([o[0] for o in out])[:, 0], np.concatenate([o[1] for o in out])


def calibrate(raw, truth):
    """The straight line, clipped to 0..1, that brings the raw completion nearest the truth."""
    best = min((np.abs(np.clip((raw - low) / (high - low), 0, 1) - truth).mean(), low, high)
               for low in np.linspace(0, 0.3, 31) for high in np.linspace(0.6, 1.0, 41))
    print("calibration: mean error %.4f with low %.2f, high %.2f" % best)
    return best[1], best[2]


def train_heads():
    trunk = dict(np.load(DATA / "trunk.npz"))
    parts = []
    for i, name in enumerate(["heads.npz", "train-1.npz", "train-2.npz"]):
        f = np.load(DATA / name)
        raw, row = rows(trunk, f["whole"])
        labels = f["labels"][:len(raw)]
        parts.append((raw, row, labels, np.full(len(raw), i == 0)))
    raw, row, labels, unseen = (np.concatenate(p) for p in zip(*parts))
    quality, truth = labels[:, 0].astype(int), labels[:, 1]
    p = net.init_read(args.seed)
    told = unseen & (quality == 0) & (truth >= 0)
    low, high = calibrate(raw[told], truth[told])
    p["cal.low"][:], p["cal.gain"][:] = low, 1 / (high - low)
    p["row.mean"][:], p["row.scale"][:] = row.mean(0), 1 / (row.std(0) + 1e-3)
    done = np.clip((raw - low) / (high - low), 0, 1)
    close = np.where((quality == 0) & (truth >= 0), np.abs(done - truth) <= 0.1, True)

    x = jnp.asarray(np.clip((row - p["row.mean"]) * p["row.scale"], -4, 4))
    weight = jnp.asarray((1 / np.sqrt(np.bincount(quality, minlength=5)))[quality])
    head = {k: jnp.asarray(p[k]) for k in ("h.w", "h.b", "q.w", "q.b", "s.w", "s.b")}
    state = fresh(head)

    def loss(head, key):
        hidden = jax.nn.relu((x + 0.35 * jax.random.normal(key, x.shape)) @ head["h.w"] + head["h.b"])
        hidden = hidden * jax.random.bernoulli(key, 0.8, hidden.shape) / 0.8
        logits = hidden @ head["q.w"] + head["q.b"]
        chosen = jax.nn.log_softmax(logits)[jnp.arange(len(x)), quality]
        right = jnp.asarray(close) & (logits.argmax(1) == quality)
        sure = bce((hidden @ head["s.w"] + head["s.b"])[:, 0], right.astype(jnp.float32))
        return -(weight * chosen).sum() / weight.sum() + 0.3 * (sure * unseen).sum() / unseen.sum()

    @jax.jit
    def step(head, state, key, rate):
        return adam(head, jax.grad(loss)(head, key), state, rate, decay=1e-2)

    total = 1500
    for i in range(total):
        head, state = step(head, state, jax.random.fold_in(jax.random.key(7), i), 3e-3 * (1 - i / total))
    p |= {k: np.asarray(v) for k, v in head.items()}
    np.savez(DATA / "weights.npz", **trunk, **p)


if __name__ == "__main__":
    if not args.heads_only:
        train_maps()
    train_heads()
