r"""Chains of Gaussians in one dimension, simulated through their sufficient statistic.

The statistic of :math:`s` points of :math:`N(\mu, \sigma^2)` is their mean and their scatter (the sum of squared
deviations from it), which are independent: the mean is :math:`N(\mu, \sigma^2/s)`, the scatter is :math:`\sigma^2`
times a chi-square of :math:`s - 1` degrees of freedom. Statistics of batches add (Chan's formula), so a generation
costs the same whatever :math:`s` is: little more than two normal variables. Random numbers of a stretch
of generations are drawn first, then the recursion runs without a call, then all logarithms are taken together.

Two coordinate systems keep a collapsing chain exact for millions of generations:

* *replace* needs no means of batches: the log variance is a random walk;
* *pools* of batches are kept relative to an origin and in a unit of length, and are moved and rescaled when the
  model has become narrow compared with the unit.

``rows`` holds real data. When it is empty, real points are drawn from the truth; otherwise batch 1 is a random
subset of the rows (all of them where the sizes agree) and later real points are rows drawn with replacement. `spread`
is the factor by which a curation multiplies the standard deviation of what models produce (temperature, sampling bias).
"""

import math

import numpy as np
from numba import njit

from modelcollapse._kernels.draws import (
    NEAR,
    chi_square,
    logarithms,
    pick,
    reconsider,
    refusal,
    shape,
    shuffle_head,
    wait,
)

#: rescale a pool when the model's variance leaves [1/WIDE, WIDE] in units of the pool: differences between batch
#: means are then still known to about 1e-12 of the model's standard deviation
WIDE = 1e6
#: generations in a stretch; after each, a running product of standard deviations is taken afresh from the sum of
#: logarithms, and that many roundings are a few 1e-15 of the sd
STRETCH = 128
#: chains that run abreast
LANES = 8
#: a unit smaller than the truth's by e to this: beside a real point, whatever is left of the others is one point
NARROW = 230.0


@njit(cache=True, nogil=True, error_model="numpy")
def replace(rng, sizes, known, unbiased, spread, mean0, log_variance0, mean, log_variance):
    """Replace, one dimension: fill `mean` and `log_variance` (replicate, T).

    The first `known` generations are already in the arrays (0, or 1 when generation 1 was fitted to given rows).
    """
    replicates, T = mean.shape
    b, c = np.empty(T), np.empty(T)
    root, gain, shift = np.empty(T), np.empty(T), np.empty(T)
    epsilon = 0.0
    for t in range(T):
        n = sizes[t]
        wider = spread if t > 0 else 1.0
        b[t], c[t] = shape(n - 1)
        if n > 2:
            epsilon = max(epsilon, refusal(b[t], c[t]))
        root[t] = wider / math.sqrt(n)
        ratio = wider * wider * (2.0 * b[t] if n > 2 else 1.0) / (n - 1.0 if unbiased else n)
        gain[t], shift[t] = math.sqrt(ratio), math.log(ratio)
    left = wait(rng, epsilon) if epsilon > 0.0 else 0
    z, factor = np.empty(STRETCH), np.empty(STRETCH)
    step, scratch = np.empty(STRETCH), np.empty(STRETCH)
    bits = step.view(np.int64)
    for r in range(replicates):
        m = mean0
        lv = log_variance0
        if known > 0:
            m = mean[r, known - 1]
            lv = log_variance[r, known - 1]
        for first in range(known, T, STRETCH):
            size = min(STRETCH, T - first)
            for i in range(size):
                t = first + i
                z[i] = rng.standard_normal() * root[t]
                if sizes[t] > 2:
                    x = rng.standard_normal()
                    if left > 0 and abs(x) < NEAR:
                        left -= 1
                        v = 1.0 + c[t] * x
                    else:
                        v, left = reconsider(rng, b[t], c[t], epsilon, x, left)
                    step[i] = v * v * v
                else:
                    x = rng.standard_normal()
                    step[i] = x * x
            for i in range(size):
                factor[i] = gain[first + i] * math.sqrt(step[i])
            logarithms(step, bits, scratch, size)
            sd = math.exp(0.5 * lv)
            for i in range(size):
                m += sd * z[i]
                sd *= factor[i]
                lv += shift[first + i] + step[i]
                mean[r, first + i] = m
                log_variance[r, first + i] = lv


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def merge(n1, m1, q1, n2, m2, q2):
    """Statistics (count, mean, scatter) of two batches, not both empty, together (Chan, Golub and LeVeque)."""
    n = n1 + n2
    delta = m2 - m1
    share = n2 / n
    return n, m1 + delta * share, q1 + q2 + delta * delta * (n1 * share)


@njit(cache=True, nogil=True, error_model="numpy")
def standard(rng, points, usual, root, b, c, epsilon, left, z, chi2):
    """Draw mean `z` and scatter `chi2` of batches of standard normal points; return the waiting time that is left.

    `root`, `b` and `c` are ready for the usual sizes.
    """
    for i in range(len(points)):
        n = points[i]
        if n == usual[i] and n > 2:
            z[i] = rng.standard_normal() * root[i]
            x = rng.standard_normal()
            if left > 0 and abs(x) < NEAR:
                left -= 1
                v = 1.0 + c[i] * x
            else:
                v, left = reconsider(rng, b[i], c[i], epsilon, x, left)
            chi2[i] = 2.0 * b[i] * v * v * v
        elif n > 0:
            z[i] = rng.standard_normal() / math.sqrt(n)
            chi2[i] = chi_square(rng, n - 1) if n > 1 else 0.0
    return left


@njit(cache=True, nogil=True)
def gather(rng, rows, order, lo, hi, fresh, origin, unit):
    """Statistics of given rows order[lo:hi], or of hi - lo rows drawn with replacement when `fresh`."""
    n, m, q = 0.0, 0.0, 0.0
    for i in range(lo, hi):
        row = pick(rng, len(rows)) if fresh else order[i]
        x = (rows[row] - origin) / unit
        n += 1.0
        delta = x - m
        m += delta / n
        q += delta * (x - m)
    return n, m, q


@njit(cache=True, nogil=True, error_model="numpy")
def pool(
    rng,
    real,
    synthetic,
    substitutes,
    oldest,
    pinned,
    ring,
    rows,
    unbiased,
    spread,
    mean0,
    log_variance0,
    mean,
    log_variance,
):
    """Any additive regime, one dimension: fill `mean` and `log_variance` (replicate, T).

    Batches that may leave one day are kept in a ring of `ring` places; the others are summed once and for all. Chains
    run `LANES` abreast, because each step of one waits for a root and a quotient.
    """
    replicates, T = mean.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    b, c, root = np.empty((2, T)), np.empty((2, T)), np.empty((2, T))
    usual, points = np.empty((2, T), np.int64), np.empty(STRETCH, np.int64)
    epsilon = 0.0
    for t in range(T):
        for part in range(2):
            usual[part, t] = real[t] if part == 0 else synthetic[t]
            root[part, t] = 1.0 / math.sqrt(max(usual[part, t], 1))
            b[part, t], c[part, t] = shape(usual[part, t] - 1)
            if usual[part, t] > 2:
                epsilon = max(epsilon, refusal(b[part, t], c[part, t]))
    left = wait(rng, epsilon) if epsilon > 0.0 else 0
    # what is drawn and computed in a stretch, and the state of each lane
    z, chi2 = np.empty((2, LANES, STRETCH)), np.empty((2, LANES, STRETCH))
    variances, shift, scratch = np.empty((LANES, STRETCH)), np.empty((LANES, STRETCH)), np.empty(STRETCH)
    bits = variances.view(np.int64)
    count, centre, scatter = np.zeros((LANES, places)), np.zeros((LANES, places)), np.zeros((LANES, places))
    origin, log_unit, unit = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    truth_mean, truth_sd = np.empty(LANES), np.empty(LANES)
    model_mean, model_sd = np.empty(LANES), np.empty(LANES)
    pins, held = np.empty((LANES, 3)), np.empty((LANES, 3))
    for start in range(0, replicates, LANES):
        lanes = min(LANES, replicates - start)
        for lane in range(lanes):  # in units of the truth, generation 0
            origin[lane], log_unit[lane], unit[lane] = mean0, 0.5 * log_variance0, math.exp(0.5 * log_variance0)
            truth_mean[lane], truth_sd[lane], model_mean[lane], model_sd[lane] = 0.0, 1.0, 0.0, 1.0
        for first in range(0, T, STRETCH):
            size = min(STRETCH, T - first)
            # the random numbers of standard normal batches: real points, unless they are given, and those of the model
            for lane in range(lanes):
                for part in range(1 if given else 0, 2):
                    for i in range(size):
                        k = substitutes[start + lane, first + i]
                        points[i] = real[first + i] + k if part == 0 else synthetic[first + i] - k
                    if first == 0 and part == 0:
                        points[0] -= pinned
                    left = standard(
                        rng,
                        points[:size],
                        usual[part, first:],
                        root[part, first:],
                        b[part, first:],
                        c[part, first:],
                        epsilon,
                        left,
                        z[part, lane],
                        chi2[part, lane],
                    )
            for i in range(size):
                t = first + i
                for lane in range(lanes):
                    # the new batch
                    k = substitutes[start + lane, t]
                    fresh, made = real[t] + k, synthetic[t] - k
                    bn, bm, bq = 0.0, 0.0, 0.0
                    if fresh > 0 and log_unit[lane] < 0.5 * log_variance0 - NARROW:  # back to the unit of the truth
                        u = math.exp(0.5 * log_variance0)
                        s = math.exp(log_unit[lane] - 0.5 * log_variance0)
                        away = (origin[lane] - mean0) / u
                        for j in range(min(ring, t)):
                            centre[lane, j] = centre[lane, j] * s + away
                            scatter[lane, j] *= s * s
                        pins[lane, 1], pins[lane, 2] = pins[lane, 1] * s + away, pins[lane, 2] * s * s
                        held[lane, 1], held[lane, 2] = held[lane, 1] * s + away, held[lane, 2] * s * s
                        model_mean[lane], model_sd[lane] = model_mean[lane] * s + away, model_sd[lane] * s
                        truth_mean[lane], truth_sd[lane] = 0.0, 1.0
                        origin[lane], unit[lane], log_unit[lane] = mean0, u, 0.5 * log_variance0
                    if fresh > 0:
                        kept = pinned if t == 0 else 0
                        pn, pm, pq = 0.0, 0.0, 0.0
                        if given:
                            if t == 0:
                                shuffle_head(rng, real[0], order)
                            if kept > 0:
                                pn, pm, pq = gather(rng, rows, order, 0, kept, False, origin[lane], unit[lane])
                            bn, bm, bq = gather(rng, rows, order, kept, fresh, t > 0, origin[lane], unit[lane])
                        else:
                            if kept > 0:
                                pn, pm = float(kept), rng.standard_normal() / math.sqrt(kept)
                                pq = chi_square(rng, kept - 1) if kept > 1 else 0.0
                            if fresh > kept:
                                bn, bm = float(fresh - kept), truth_mean[lane] + truth_sd[lane] * z[0, lane, i]
                                bq = truth_sd[lane] * truth_sd[lane] * chi2[0, lane, i]
                        if kept > 0:
                            pins[lane, 0], pins[lane, 1], pins[lane, 2] = pn, pm, pq
                            bn, bm, bq = merge(pn, pm, pq, bn, bm, bq)
                    if made > 0:
                        sd = model_sd[lane] * spread
                        sn, sm, sq = float(made), model_mean[lane] + sd * z[1, lane, i], sd * sd * chi2[1, lane, i]
                        if fresh > 0:
                            bn, bm, bq = merge(bn, bm, bq, sn, sm, sq)
                        else:
                            bn, bm, bq = sn, sm, sq
                    # the training set
                    n, m, q = bn, bm, bq
                    if t > 0 and oldest[t] == oldest[t - 1]:
                        n, m, q = merge(held[lane, 0], held[lane, 1], held[lane, 2], n, m, q)
                    else:
                        if pinned > 0 and oldest[t] > 1:
                            n, m, q = merge(pins[lane, 0], pins[lane, 1], pins[lane, 2], n, m, q)
                        for j in range(oldest[t] - 1, t):
                            j %= places
                            n, m, q = merge(n, m, q, count[lane, j], centre[lane, j], scatter[lane, j])
                    if ring > 0:
                        j = t % places
                        count[lane, j], centre[lane, j], scatter[lane, j] = bn, bm, bq
                    # the fit
                    variance = q * (1.0 / (n - 1.0 if unbiased else n))
                    mean[start + lane, t] = origin[lane] + m * unit[lane]
                    variances[lane, i], shift[lane, i] = variance, 2.0 * log_unit[lane]
                    sd = math.sqrt(variance)
                    if variance < 1.0 / WIDE or variance > WIDE:
                        if variance > 0.0:
                            s = 1.0 / sd
                            for j in range(min(ring, t + 1)):
                                centre[lane, j] = (centre[lane, j] - m) * s
                                scatter[lane, j] *= s * s
                            pins[lane, 1] = (pins[lane, 1] - m) * s
                            pins[lane, 2] *= s * s
                            q *= s * s
                            truth_mean[lane] = (truth_mean[lane] - m) * s
                            truth_sd[lane] *= s
                            origin[lane] += m * unit[lane]
                            log_unit[lane] += math.log(sd)
                            unit[lane] = math.exp(log_unit[lane])
                            sd, m = 1.0, 0.0
                        else:
                            variances[lane, i], shift[lane, i] = 1.0, -math.inf
                    model_mean[lane], model_sd[lane] = m, sd
                    held[lane, 0], held[lane, 1], held[lane, 2] = n, m, q
            for lane in range(lanes):
                logarithms(variances[lane], bits[lane], scratch, size)
                for i in range(size):
                    log_variance[start + lane, first + i] = variances[lane, i] + shift[lane, i]
