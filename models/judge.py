"""Figures over what a model said and what is true. Every source weighs the same, however many photos it gave.

A row is a dict: source, family (near-duplicates of one sheet), truth (completion or None), said (completion), page (truth), ok,
not_a_page (probabilities), sure (confidence), and more that only some figures need.
"""
import numpy as np

DONE = 0.9  # complete, by label


def weights(rows):
    """1 / photos of the source: macro-averaging."""
    count = {}
    for r in rows:
        count[r["source"]] = count.get(r["source"], 0) + 1
    return np.array([1 / count[r["source"]] for r in rows])


def column(rows, key):
    return np.array([r[key] for r in rows], float)


def mean(v, w):
    return float((v * w).sum() / w.sum()) if len(v) else None


def ranks(v, w):
    """Weighted mid-ranks."""
    order = np.argsort(v, kind="stable")
    total, out, i = 0.0, np.empty(len(v)), 0
    while i < len(v):
        j = i
        while j < len(v) and v[order[j]] == v[order[i]]:
            j += 1
        tie = w[order[i:j]].sum()
        out[order[i:j]] = total + tie / 2
        total, i = total + tie, j
    return out


def rho(truth, said, w):
    """Spearman's, weighted."""
    if len(truth) < 4 or np.ptp(truth) == 0 or np.ptp(said) == 0:
        return None
    a, b = ranks(truth, w), ranks(said, w)
    a, b = a - np.average(a, weights=w), b - np.average(b, weights=w)
    return float((w * a * b).sum() / np.sqrt((w * a * a).sum() * (w * b * b).sum()))


def auc(score, positive, w):
    positive = np.asarray(positive, bool)
    if positive.all() or not positive.any():
        return None
    a, b, wa, wb = score[positive], score[~positive], w[positive], w[~positive]
    more = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    return float((more * wa[:, None] * wb).sum() / (wa.sum() * wb.sum()))


def balanced(said, true, w):
    said, true = np.asarray(said, bool), np.asarray(true, bool)
    if true.all() or not true.any():
        return None
    return (mean(said[true].astype(float), w[true]) + mean(~said[~true], w[~true])) / 2


def told(rows):
    return [r for r in rows if r["page"] and r["truth"] is not None]


def mae(rows):
    rows = told(rows)
    return mean(np.abs(column(rows, "truth") - column(rows, "said")), weights(rows)) if rows else None


def order(rows):
    rows = told(rows)
    return rho(column(rows, "truth"), column(rows, "said"), weights(rows)) if rows else None


def extremes(rows):
    """Pages that are blank or full."""
    return [r for r in told(rows) if r["truth"] <= 0.02 or r["truth"] >= 0.98]


def ends(rows):
    """Blank against full, AUC."""
    rows = extremes(rows)
    return auc(column(rows, "said"), column(rows, "truth") > 0.5, weights(rows)) if rows else None


def complete(threshold):
    """Balanced accuracy of complete-or-not, said complete from `threshold` on."""
    def figure(rows):
        rows = told(rows)
        return balanced(column(rows, "said") >= threshold, column(rows, "truth") >= DONE, weights(rows)) if rows else None
    return figure


def best_threshold(rows):
    rows = told(rows)
    return max(np.linspace(0.3, 1, 71), key=lambda t: (complete(t)(rows) or 0, -abs(t - DONE)))


def page_accuracy(rows):
    return mean(np.array([(r["called"] != "not_a_page") == r["page"] for r in rows], float), weights(rows))


def page_recall(rows):
    rows = [r for r in rows if r["page"]]
    return mean(np.array([r["called"] != "not_a_page" for r in rows], float), weights(rows)) if rows else None


def refused(rows):
    return mean(np.array([r["called"] == "not_a_page" for r in rows], float), weights(rows)) if rows else None


def unusable(rows):
    """Of blurred, dark and cut pages: the share found by `1 - P(ok)` where 3 % of usable pages are rejected."""
    rows = [r for r in rows if r["page"]]
    good = np.array([r["usable"] for r in rows], bool)
    if good.all() or good.sum() < 30:
        return None
    doubt = 1 - column(rows, "ok")
    return float((doubt[~good] > np.quantile(doubt[good], 0.97)).mean())


def judged(rows):
    """Those of which a confidence can be right or wrong."""
    return [r for r in rows if r["truth"] is not None or not r["page"]]


def right(row):
    """A page taken as one, or another picture refused, and the completion within .1."""
    return (row["called"] != "not_a_page") == row["page"] and (row["truth"] is None or abs(row["truth"] - row["said"]) <= 0.1)


def tells(rows):
    """How often a page that is read rightly has a higher confidence than one that is not."""
    rows = told(rows)
    return auc(column(rows, "sure"), [right(r) for r in rows], weights(rows)) if rows else None


def tenths(rows):
    """The rows whose confidence is in 0 to .1, .1 to .2, and so on: ten lists."""
    return [[r for r in rows if min(int(r["sure"] * 10), 9) == b] for b in range(10)]


def reliability(rows):
    """Confidence against being right (a page taken as one, completion within .1), in ten bins: (bin, photos, mean confidence, share
    that is right, mean error of completion or None). Empty bins are left out."""
    out = []
    for b, some in enumerate(tenths(judged(rows))):
        off = [abs(r["truth"] - r["said"]) for r in some if r["truth"] is not None]
        if some:
            out.append((b, len(some), float(np.mean(column(some, "sure"))), float(np.mean([right(r) for r in some])), float(np.mean(off)) if off else None))
    return out


def calibration(rows):
    """Expected calibration error, by those ten bins."""
    bins = reliability(rows)
    return sum(n * abs(right - sure) for _, n, sure, right, _ in bins) / sum(n for _, n, *_ in bins) if bins else None


def luck(rows):
    """The calibration error to expect by luck alone, were each confidence exactly how likely it is to be right: few photos in a bin are
    seldom right just as often as they should be."""
    rows = judged(rows)
    spread = [column(some, "sure") for some in tenths(rows)]
    return float(sum(np.sqrt(2 / np.pi * (p * (1 - p)).sum()) for p in spread)) / len(rows) if rows else None


def area_f1(rows):
    """Of answered areas (against blank and struck out), in boxes that are given."""
    pairs = [p for r in rows for p in r.get("areas", ())]
    if not pairs:
        return None
    hit = sum(a == b == "answered" for a, b in pairs)
    said, true = sum(b == "answered" for _, b in pairs), sum(a == "answered" for a, _ in pairs)
    return 2 * hit / max(1, said + true)


def area_balanced(rows):
    """Mean recall of blank, answered and struck out."""
    pairs = [p for r in rows for p in r.get("areas", ())]
    each = [np.mean([b == s for a, b in pairs if a == s]) for s in ("blank", "answered", "struck_out") if any(a == s for a, _ in pairs)]
    return float(np.mean(each)) if each else None


def interval(rows, figure, times=400, seed=1):
    """95 % by bootstrap: families of near-duplicates are drawn again, within each source."""
    groups = {}
    for r in rows:
        groups.setdefault(r["source"], {}).setdefault(r["family"], []).append(r)
    rng, got = np.random.default_rng(seed), []
    for _ in range(times):
        again = []
        for families in groups.values():
            names = list(families)
            again += [r for i in rng.integers(len(names), size=len(names)) for r in families[names[int(i)]]]
        value = figure(again)
        if value is not None:
            got.append(value)
    return (float(np.quantile(got, 0.025)), float(np.quantile(got, 0.975))) if len(got) > times / 2 else None
