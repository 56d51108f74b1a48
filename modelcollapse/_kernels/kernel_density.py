r"""Chains of kernel density estimates: points, kept and smeared.

A kernel density estimate has no statistic smaller than its points, so a generation costs as much as its points. A draw
is a point picked at random plus a normal number times the bandwidth: two random numbers, whatever the size of the
training set. They are the limit: of 23 ns for a point of the plane, on a core of nominally 2.6 GHz, 11 go into one
uniform and two normal numbers, and the rest into mean and scatter and the copy. The training set always lies at the
head of one array, pinned points first and the oldest batch next; when a batch leaves, the others move up.

A bandwidth that follows the data makes the variance grow, or fall, geometrically for ever. Points are therefore kept
relative to an origin and in a unit of length that move with them, and only the logarithm of the unit is summed.

``rows`` holds real data. When it is empty, real points are drawn from the truth, which is itself an estimate on
`points0`; otherwise batch 1 is a random subset of the rows and later real points are rows drawn with replacement.
"""

import math

from numba import njit

from modelcollapse._kernels.draws import log, pick, shuffle_head
from modelcollapse._kernels.gaussian import WIDE

#: e to this is close to the largest number; lengths beyond are not told from it
MOST = 700.0
#: a cloud narrower than the truth by e to this is a point to a real point that comes in
NARROW = 230.0


@njit(cache=True, nogil=True)
def draw(rng, truth, h0, places, origin, unit, order, size, h, lo, real, hi, X):
    """Fill X[lo:real] with real points and X[real:hi] with draws from the model.

    Real points are truth[places], or draws from the estimate on `truth` without places, moved into the unit of the
    chain. The model is the estimate on X[order[:size]], or on X[:size] without an order.
    """
    for i in range(lo, hi):
        first = i < real
        k = pick(rng, len(truth) if first else size)
        if first and len(places) > 0:
            k = places[i]
        elif not first and len(order) > 0:
            k = order[k]
        for j in range(len(h)):
            z = rng.standard_normal()
            X[i, j] = (truth[k, j] - origin[j] + h0[j] * z) / unit if first else X[k, j] + h[j] * z


@njit(cache=True, nogil=True)
def advance(X, batch, first, last, pinned, end):
    """Let the batches first .. last - 1 (from 1) leave X[:end], but for the pinned points; return what is left."""
    gone = -pinned if first == 1 else 0
    for b in range(first - 1, last - 1):
        gone += batch[b]
    for i in range(pinned + gone, end):
        for j in range(X.shape[1]):
            X[i - gone, j] = X[i, j]
    return end - gone


@njit(cache=True, nogil=True)
def absorb(X, order, lo, hi, m, Q):
    """Extend mean `m` and scatter `Q` of X[:lo] to X[:hi], or to those of X[order[:hi]] with an order (Welford)."""
    d = len(m)
    if lo == 0:
        for a in range(d):
            m[a] = 0.0
            for b in range(d):
                Q[a, b] = 0.0
    for i in range(lo, hi):
        k = order[i] if len(order) > 0 else i
        w = 1.0 / (i + 1.0)
        for a in range(d):
            z = X[k, a] - m[a]
            for b in range(a):
                Q[a, b] += z * (X[k, b] - m[b])  # m[b] is the new mean, m[a] still the old one
            m[a] += w * z
            Q[a, a] += z * (X[k, a] - m[a])


@njit(cache=True, nogil=True)
def fit(X, order, t, size, factor, driven, unit, log_unit, origin, m, Q, h, mean, cov, log_variance, bandwidth, kept):
    """Set the bandwidth `h`, record generation `t`, and return the largest variance, in units."""
    top = 0.0
    for j in range(len(m)):
        w = Q[j, j] / size
        top = max(top, w)
        h[j] = factor * math.sqrt(w) if driven else factor / unit
        mean[t, j] = origin[j] + m[j] * unit
        log_variance[t, j] = log(w) + 2.0 * log_unit
        bandwidth[t, j] = h[j] * unit if driven else factor
        for i in range(j + 1):
            cov[t, j, i] = Q[j, i] / size * unit * unit
            cov[t, i, j] = cov[t, j, i]
        for i in range(kept.shape[1]):
            k = i * size // kept.shape[1]
            if len(order) > 0:
                k = order[k]
            kept[t, i, j] = origin[j] + X[k, j] * unit
    return top


@njit(cache=True, nogil=True)
def recentre(X, size, unit, s, origin, m, Q, h):
    """Move the origin to the mean, and scale X[:size] by `s` and with it its scatter and bandwidth."""
    for j in range(len(m)):
        for i in range(size):
            X[i, j] = (X[i, j] - m[j]) * s
        for i in range(j + 1):
            Q[j, i] *= s * s
        h[j] *= s
        if abs(origin[j]) < math.inf:  # past the largest number the mean stays infinite
            origin[j] += m[j] * unit
        m[j] = 0.0


@njit(cache=True, nogil=True)
def chain(
    rng,
    fresh,
    batch,
    oldest,
    pinned,
    drawn,
    truth,
    h0,
    width,
    driven,
    log_unit,
    X,
    places,
    order,
    whole,
    origin,
    m,
    Q,
    h,
    mean,
    cov,
    log_variance,
    bandwidth,
    kept,
):
    """Any regime, one chain: fill `mean` (T, d), `cov` (T, d, d), `log_variance`, `bandwidth` and `kept` (T, k, d).

    Batch t has batch[t] points, fresh[t] of them real: draws from the estimate on `truth` with bandwidth `h0`, in the
    first batch truth[places] instead where there are places. `width` (T,) is the bandwidth or, when `driven`, what the
    standard deviations are multiplied by to give it. `kept` receives k points of each training set, evenly spaced.

    Scratch: `X` (capacity, d), all points held at a time, and `order` their numbers; `whole` is empty; `origin` and
    `log_unit` are where the chain starts; `m`, `Q` and `h` are zeros.
    """
    held, known, size = 0, 0, 0
    chosen = whole
    start = log_unit
    for t in range(len(batch)):
        unit = math.exp(min(log_unit, MOST))
        if fresh[t] > 0 and log_unit < start - NARROW:
            recentre(X, held, unit, unit * math.exp(-start), origin, m, Q, h)
            log_unit = start
            unit = math.exp(start)
        # the new batch, behind the training set it is drawn from
        end = held + batch[t]
        draw(rng, truth, h0, places, origin, unit, chosen, size, h, held, held + fresh[t], end, X)
        places = whole
        # the training set; one that only grows is measured by what is new in it
        new = held if len(chosen) == 0 else 0
        if t > 0 and oldest[t] != oldest[t - 1]:
            end = advance(X, batch, oldest[t - 1], oldest[t], pinned, end)
            new = 0
        held, size, chosen = end, end, whole
        if 0 < drawn[t] < held:
            for i in range(known if known <= held else 0, held):
                order[i] = i
            known, size, new = held, drawn[t], 0
            chosen = order[:held]
            shuffle_head(rng, size, chosen)
        absorb(X, chosen, new, size, m, Q)
        record = (mean, cov, log_variance, bandwidth, kept)
        top = fit(X, chosen, t, size, width[t], driven, unit, log_unit, origin, m, Q, h, *record)
        if driven and top > 0.0 and (top < 1.0 / WIDE or top > WIDE):
            recentre(X, held, unit, 1.0 / math.sqrt(top), origin, m, Q, h)
            log_unit += 0.5 * math.log(top)
