"""Chains of Poisson and exponential models, simulated through the sum of their points.

The sum of s counts of mean m is Poisson of mean s m; the sum of s waiting times of mean m is m times a gamma variable
of shape s. Sums of batches add, and the fit is the sum over the number of points. The gamma variable shrinks a chain
geometrically, so sums are kept in a unit that shrinks with them; counts are kept as they are.

``rows`` holds real data. When it is empty, real points are drawn from the truth; otherwise batch 1 is a random
subset of the rows (all of them where the sizes agree) and later real points are rows drawn with replacement.
"""

import math

import numpy as np
from numba import njit

from modelcollapse._kernels.draws import chi_square, log, pick, shuffle_head
from modelcollapse._kernels.gaussian import WIDE

#: a mean smaller than one by e to this is zero beside a real point
NARROW = 230.0


@njit(cache=True, nogil=True)
def total(rng, counts, n, mean):
    """Sum of n points of the given mean."""
    if n == 0:
        return 0.0
    if counts:
        return float(rng.poisson(n * mean))
    return mean * 0.5 * chi_square(rng, 2 * n)


@njit(cache=True, nogil=True)
def chosen(rng, rows, order, lo, hi):
    """Sum of the rows order[lo:hi], or of hi - lo rows drawn with replacement where there is no order."""
    x = 0.0
    for i in range(lo, hi):
        x += rows[order[i] if len(order) > 0 else pick(rng, len(rows))]
    return x


@njit(cache=True, nogil=True)
def pool(rng, counts, real, synthetic, substitutes, oldest, pinned, ring, rows, mean0, mean, log_mean):
    """Any additive regime: fill `mean` and `log_mean` (replicate, T), of counts or of waiting times."""
    replicates, T = mean.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    none = order[:0]
    places = max(ring, 1)
    sums = np.zeros(places)
    sizes = np.zeros(places)
    for r in range(replicates):
        held, n, pin, log_unit, model = 0.0, 0.0, 0.0, 0.0, 0.0
        if given:
            shuffle_head(rng, real[0], order)
        for t in range(T):
            unit = math.exp(log_unit)
            size = real[t] + synthetic[t]
            fresh = real[t] + substitutes[r, t]
            if t > 0 and fresh > 0 and log_unit < -NARROW:  # to a real point, what is left of the others is nothing
                for i in range(places):
                    sums[i] *= unit
                held, pin, model, log_unit, unit = held * unit, pin * unit, model * unit, 0.0, 1.0
            # the new batch, in units; its first, pinned part by itself
            first = pinned if t == 0 else 0
            x = 0.0
            for part in range(2):
                lo, hi = (0, first) if part == 0 else (first, fresh)
                if hi > lo:
                    if given:
                        x += chosen(rng, rows, order if t == 0 else none, lo, hi) / unit
                    else:
                        x += total(rng, counts, hi - lo, mean0) / unit
                if part == 0 and t == 0:
                    pin = x
            x += total(rng, counts, size - fresh, model)
            # the training set
            if t == 0 or oldest[t] != oldest[t - 1]:
                held, n = 0.0, 0.0
                if oldest[t] > 1:
                    held, n = pin, float(pinned)
                for b in range(oldest[t] - 1, t):
                    held += sums[b % places]
                    n += sizes[b % places]
            held += x
            n += size
            sums[t % places] = x
            sizes[t % places] = size
            # the fit
            model = held / n
            mean[r, t] = model * unit
            log_mean[r, t] = log(model) + log_unit
            if not counts and model > 0.0 and (model < 1.0 / WIDE or model > WIDE):
                for i in range(places):
                    sums[i] /= model
                pin /= model
                held /= model
                log_unit += math.log(model)
                model = 1.0
