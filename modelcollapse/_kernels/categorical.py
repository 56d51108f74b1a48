"""Chains of categorical models, simulated through their counts.

The statistic of s points is the vector of counts, which is multinomial; counts of batches add. A multinomial is drawn
by conditional binomials over the categories that are left, so a category that has vanished costs a comparison.

``rows`` holds real data as category numbers. When it is empty, real points are drawn from the truth; otherwise batch 1
is a random subset of the rows (all of them where the sizes agree) and later real points are rows drawn with
replacement.
"""

import numpy as np
from numba import njit

from modelcollapse._kernels.gaussian import pick, shuffle_head


@njit(cache=True, nogil=True)
def multinomial(rng, size, weights, total, out):
    """Add to `out` the counts of `size` draws from weights / total."""
    left = total
    remaining = size
    for i in range(len(weights)):
        if remaining == 0:
            return
        w = weights[i]
        if w > 0.0:
            p = w / left
            k = rng.binomial(remaining, p) if p < 1.0 else remaining
            out[i] += k
            remaining -= k
            left -= w
    # rounding of a float total can leave a draw over: it belongs to the last category that has weight
    if remaining > 0:
        for i in range(len(weights) - 1, -1, -1):
            if weights[i] > 0.0:
                out[i] += remaining
                return


@njit(cache=True, nogil=True)
def pool(rng, real, synthetic, substitutes, oldest, pinned, ring, rows, p0, probability):
    """Any additive regime: fill `probability` (replicate, T, category)."""
    replicates, T, K = probability.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    batches = np.zeros((places, K))
    pin = np.zeros(K)
    batch = np.zeros(K)
    held = np.zeros(K)
    for r in range(replicates):
        if given:
            shuffle_head(rng, real[0], order)
        total = 1.0
        for t in range(T):
            for i in range(K):
                batch[i] = 0.0
            k = substitutes[r, t]
            fresh = real[t] + k
            if t == 0:
                for i in range(K):
                    pin[i] = 0.0
                if given:
                    for i in range(pinned):
                        pin[rows[order[i]]] += 1.0
                    for i in range(pinned, fresh):
                        batch[rows[order[i]]] += 1.0
                else:
                    multinomial(rng, pinned, p0, 1.0, pin)
                    multinomial(rng, fresh - pinned, p0, 1.0, batch)
                for i in range(K):
                    batch[i] += pin[i]
            else:
                multinomial(rng, synthetic[t] - k, held, total, batch)
                if given:
                    for _ in range(fresh):
                        batch[rows[pick(rng, len(rows))]] += 1.0
                else:
                    multinomial(rng, fresh, p0, 1.0, batch)
            if t == 0 or oldest[t] != oldest[t - 1]:
                for i in range(K):
                    held[i] = pin[i] if oldest[t] > 1 else 0.0
                for b in range(oldest[t] - 1, t):
                    for i in range(K):
                        held[i] += batches[b % places, i]
            total = 0.0
            for i in range(K):
                held[i] += batch[i]
                total += held[i]
                if ring > 0:
                    batches[t % places, i] = batch[i]
            for i in range(K):
                probability[r, t, i] = held[i] / total
