r"""Chains of Gaussians, simulated through their sufficient statistic.

The statistic of :math:`s` points of :math:`N(\mu, \Sigma)` is their mean and their scatter (the sum of squared
deviations from it), which are independent: the mean is :math:`N(\mu, \Sigma/s)`, the scatter is Wishart with
:math:`s - 1` degrees of freedom, drawn by Bartlett's decomposition. Statistics of batches add (Chan's formula), so a
generation costs the same whatever :math:`s` is.

Two coordinate systems keep a collapsing chain exact for millions of generations:

* *replace* needs no means of batches: the log variance is a random walk, and in d dimensions the Cholesky factor
  :math:`L_t = L_{t-1} A_t` is a product of triangular matrices, carried as :math:`L = U\,e^{\Lambda}` with
  :math:`U` unit lower triangular and :math:`\Lambda` diagonal. The diagonal adds logarithms; :math:`U` converges.
* *pools* of batches are kept relative to an origin and in a unit of length, and are moved and rescaled when the
  model has become narrow compared with the unit.

``rows`` holds real data. When it is empty, real points are drawn from the truth; otherwise batch 1 is a random
subset of the rows (all of them where the sizes agree) and later real points are rows drawn with replacement.
"""

import math

import numpy as np
from numba import njit

#: rescale a pool when the model's variance leaves [1/WIDE, WIDE] in units of the pool: differences between batch
#: means are then still known to about 1e-12 of the model's standard deviation
WIDE = 1e6
#: generations after which a running product of standard deviations is taken afresh from the sum of logarithms: a root
#: is cheaper than an exponential, and 32 roundings are a few 1e-15 of the sd
REFRESH = 32


@njit(cache=True, nogil=True)
def log(x):
    """Natural logarithm with log(0) = -inf, as compiled and interpreted code must agree."""
    return math.log(x) if x > 0.0 else -math.inf


@njit(cache=True, nogil=True)
def pick(rng, n):
    """Draw an integer below n; the bias of 2^-53 n is below any that could be seen (and Generator.integers compiles
    for more than a second).
    """
    return int(rng.random() * n)


@njit(cache=True, nogil=True)
def shuffle_head(rng, head, order):
    """Bring a uniform random subset of size `head` to the front of `order`, in random order (Fisher-Yates)."""
    for i in range(head):
        j = i + pick(rng, len(order) - i)
        order[i], order[j] = order[j], order[i]


@njit(cache=True, nogil=True, inline="always")
def squeeze(rng, b, c):
    """Draw v such that b v^3 is Gamma(b + 1/3), c = 1 / sqrt(9 b) (Marsaglia and Tsang 2000; shape >= 1)."""
    while True:
        x = rng.standard_normal()
        v = 1.0 + c * x
        if v > 0.0:
            u = rng.random()
            x2 = x * x
            if u < 1.0 - 0.0331 * x2 * x2:  # accepts all but a few in a hundred without a logarithm
                return v
            cube = v * v * v
            if math.log(u) < 0.5 * x2 + b * (1.0 - cube + math.log(cube)):
                return v


@njit(cache=True, nogil=True)
def chi_square(rng, df):
    """Draw chi-square of `df` >= 1 degrees of freedom."""
    if df < 2:
        z = rng.standard_normal()
        return z * z
    b = 0.5 * df - 1.0 / 3.0
    v = squeeze(rng, b, 1.0 / math.sqrt(9.0 * b))
    return 2.0 * b * v * v * v


@njit(cache=True, nogil=True)
def replace(rng, sizes, known, unbiased, mean0, log_variance0, mean, log_variance):
    """Replace, one dimension: fill `mean` and `log_variance` (replicate, T).

    The first `known` generations are already in the arrays (0, or 1 when generation 1 was fitted to given rows). The
    law of a chi-square is that of 2 b v^3, so its logarithm costs one logarithm and what depends on n is done once.
    """
    replicates, T = mean.shape
    b = np.empty(T)
    c = np.empty(T)
    shift = np.empty(T)
    root = np.empty(T)
    gain = np.empty(T)
    for t in range(T):
        n = sizes[t]
        b[t] = 0.5 * (n - 1) - 1.0 / 3.0
        c[t] = 1.0 / math.sqrt(9.0 * b[t])
        gain[t] = math.sqrt(2.0 * b[t] / (n - 1.0 if unbiased else n))
        shift[t] = math.log(2.0 * b[t]) - math.log(n - 1.0 if unbiased else n)
        root[t] = 1.0 / math.sqrt(n)
    for r in range(replicates):
        m = mean0
        lv = log_variance0
        if known > 0:
            m = mean[r, known - 1]
            lv = log_variance[r, known - 1]
        sd = math.exp(0.5 * lv)
        for t in range(known, T):
            m += sd * rng.standard_normal() * root[t]
            if sizes[t] > 2:
                v = squeeze(rng, b[t], c[t])
                lv += shift[t] + 3.0 * math.log(v)
                sd *= gain[t] * v * math.sqrt(v)
            else:
                z = rng.standard_normal()
                lv += log(z * z) if unbiased else log(0.5 * z * z)
                sd = math.exp(0.5 * lv)
            if t % REFRESH == 0:
                sd = math.exp(0.5 * lv)
            mean[r, t] = m
            log_variance[r, t] = lv


@njit(cache=True, nogil=True, inline="always")
def merge(n1, m1, q1, n2, m2, q2):
    """Statistics (count, mean, scatter) of two batches, not both empty, together (Chan, Golub and LeVeque)."""
    n = n1 + n2
    delta = m2 - m1
    share = n2 / n
    return n, m1 + delta * share, q1 + q2 + delta * delta * (n1 * share)


@njit(cache=True, nogil=True)
def constants(n):
    """What a draw of the statistics of n points needs: 1 / sqrt(n), and b and c of the chi-square."""
    b = 0.5 * (n - 1) - 1.0 / 3.0
    if n < 3:
        return 1.0 / math.sqrt(max(n, 1)), 0.0, 0.0
    return 1.0 / math.sqrt(n), b, 1.0 / math.sqrt(9.0 * b)


@njit(cache=True, nogil=True, inline="always")
def draw(rng, n, m, sd, root, b, c):
    """Statistics of n >= 1 points of N(m, sd^2)."""
    mean = m + sd * rng.standard_normal() * root
    q = 0.0
    if n > 2:
        v = squeeze(rng, b, c)
        q = 2.0 * b * v * v * v
    elif n == 2:
        z = rng.standard_normal()
        q = z * z
    return float(n), mean, sd * sd * q


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


@njit(cache=True, nogil=True)
def pool(
    rng, real, synthetic, substitutes, oldest, pinned, ring, rows, unbiased, mean0, log_variance0, mean, log_variance
):
    """Any additive regime, one dimension: fill `mean` and `log_variance` (replicate, T).

    Batches that may leave one day are kept in a ring of `ring` places; the others are summed once and for all.
    """
    replicates, T = mean.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    count = np.zeros(places)
    centre = np.zeros(places)
    scatter = np.zeros(places)
    root = np.empty((2, T))
    b = np.empty((2, T))
    c = np.empty((2, T))
    for t in range(T):
        root[0, t], b[0, t], c[0, t] = constants(real[t])
        root[1, t], b[1, t], c[1, t] = constants(synthetic[t])
    for r in range(replicates):
        origin = mean0
        log_unit = 0.5 * log_variance0
        unit = math.exp(log_unit)
        truth_mean, truth_sd = 0.0, 1.0  # in units of the truth, generation 0
        model_mean, model_sd = 0.0, 1.0
        pn, pm, pq = 0.0, 0.0, 0.0  # pinned real points
        n, m, q = 0.0, 0.0, 0.0  # the training set
        if given:
            shuffle_head(rng, real[0], order)
        for t in range(T):
            # the new batch
            k = substitutes[r, t]
            fresh = real[t] + k
            made = synthetic[t] - k
            bn, bm, bq = 0.0, 0.0, 0.0
            if fresh > 0:
                kept = pinned if t == 0 else 0
                if given:
                    if kept > 0:
                        pn, pm, pq = gather(rng, rows, order, 0, kept, False, origin, unit)
                    bn, bm, bq = gather(rng, rows, order, kept, fresh, t > 0, origin, unit)
                else:
                    w, x, y = root[0, t], b[0, t], c[0, t]
                    if k > 0 or kept > 0:
                        if kept > 0:
                            w, x, y = constants(kept)
                            pn, pm, pq = draw(rng, kept, truth_mean, truth_sd, w, x, y)
                        w, x, y = constants(fresh - kept)
                    if fresh > kept:
                        bn, bm, bq = draw(rng, fresh - kept, truth_mean, truth_sd, w, x, y)
                if kept > 0:
                    bn, bm, bq = merge(pn, pm, pq, bn, bm, bq)
            if made > 0:
                w, x, y = root[1, t], b[1, t], c[1, t]
                if k > 0:
                    w, x, y = constants(made)
                sn, sm, sq = draw(rng, made, model_mean, model_sd, w, x, y)
                bn, bm, bq = merge(bn, bm, bq, sn, sm, sq)
            # the training set
            if t > 0 and oldest[t] == oldest[t - 1]:
                n, m, q = merge(n, m, q, bn, bm, bq)
            else:
                n, m, q = bn, bm, bq
                if pinned > 0 and oldest[t] > 1:
                    n, m, q = merge(pn, pm, pq, n, m, q)
                for i in range(oldest[t] - 1, t):
                    i %= places
                    n, m, q = merge(n, m, q, count[i], centre[i], scatter[i])
            if ring > 0:
                i = t % places
                count[i], centre[i], scatter[i] = bn, bm, bq
            # the fit
            variance = q / (n - 1.0 if unbiased else n)
            mean[r, t] = origin + m * unit
            log_variance[r, t] = log(variance) + 2.0 * log_unit
            model_mean = m
            model_sd = math.sqrt(variance)
            if variance > 0.0 and (variance < 1.0 / WIDE or variance > WIDE):
                s = 1.0 / model_sd
                for i in range(min(ring, t + 1)):
                    centre[i] = (centre[i] - m) * s
                    scatter[i] *= s * s
                pm = (pm - m) * s
                pq *= s * s
                q *= s * s
                truth_mean = (truth_mean - m) * s
                truth_sd *= s
                origin += m * unit
                log_unit += math.log(model_sd)
                unit = math.exp(log_unit)
                model_mean, model_sd, m = 0.0, 1.0, 0.0


@njit(cache=True, nogil=True)
def bartlett(rng, df, rank, A):
    """Lower trapezoidal A (rank, rank) with A A' Wishart of `df` degrees of freedom; columns past `df` are zero."""
    for i in range(rank):
        for j in range(rank):
            A[i, j] = 0.0
        for j in range(min(i, df)):
            A[i, j] = rng.standard_normal()
        if i < df:
            A[i, i] = math.sqrt(chi_square(rng, df - i))


@njit(cache=True, nogil=True)
def cholesky(S, L):
    """Lower triangular L with L L' = S for a positive semi-definite S; a vanished direction gives a zero column."""
    d = len(S)
    for j in range(d):
        pivot = S[j, j]
        for k in range(j):
            pivot -= L[j, k] * L[j, k]
        # 1e-14: what is left of a pivot after cancellation is rounding, not variance
        root = math.sqrt(pivot) if pivot > 1e-14 * S[j, j] else 0.0
        for i in range(d):
            L[i, j] = 0.0
        L[j, j] = root
        if root > 0.0:
            for i in range(j + 1, d):
                x = S[i, j]
                for k in range(j):
                    x -= L[i, k] * L[j, k]
                L[i, j] = x / root


@njit(cache=True, nogil=True)
def put(source, factor, target):
    """Write factor * source to target, both (a, b); a loop compiles ten times faster than an array expression."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = factor * source[i, j]


@njit(cache=True, nogil=True)
def put1(source, factor, target):
    """Write factor * source to target, both (a,)."""
    for i in range(len(target)):
        target[i] = factor * source[i]


@njit(cache=True, nogil=True)
def replace_nd(rng, sizes, known, unbiased, mean0, L0, mean, cov, log_variance, log_det):
    """Replace, d dimensions: fill `mean` (replicate, T, d), `cov` (.., d, d), `log_variance` (.., d) and `log_det`."""
    replicates, T, d = mean.shape
    U = np.zeros((d, d))
    diag = np.zeros(d)
    A = np.zeros((d, d))
    B = np.zeros((d, d))
    mu = np.zeros(d)
    z = np.zeros(d)
    e = np.zeros(d)  # exp(diag), relative to its largest entry
    for r in range(replicates):
        # where to start: the truth, or the fit to given rows that is already in the arrays
        if known > 0:
            cholesky(cov[r, known - 1], B)
            put1(mean[r, known - 1], 1.0, mu)
        else:
            put(L0, 1.0, B)
            put1(mean0, 1.0, mu)
        rank = 0
        top = -math.inf
        for j in range(d):
            if B[j, j] > 0.0:
                diag[rank] = math.log(B[j, j])
                top = max(top, diag[rank])
                for i in range(d):
                    U[i, rank] = B[i, j] / B[j, j]
                rank += 1
        for j in range(rank):
            e[j] = math.exp(diag[j] - top)
        for t in range(known, T):
            n = sizes[t]
            root = math.exp(top) / math.sqrt(n)
            for j in range(rank):
                z[j] = e[j] * rng.standard_normal() * root
            for i in range(d):
                for j in range(min(rank, i + 1)):
                    mu[i] += U[i, j] * z[j]
                mean[r, t, i] = mu[i]
            bartlett(rng, n - 1, rank, A)
            after = min(rank, n - 1)
            # B = e^D A e^-D', with D' = D + log diag(A): unit lower trapezoidal
            for j in range(after):
                scale = 1.0 / A[j, j]
                for i in range(j, rank):
                    ratio = e[i] / e[j] if e[j] > 1e-200 else math.exp(diag[i] - diag[j])
                    B[i, j] = A[i, j] * scale * ratio
            for i in range(d):
                for j in range(min(after, i + 1)):
                    x = 0.0
                    for k in range(j, min(rank, i + 1)):
                        x += U[i, k] * B[k, j]
                    U[i, j] = x  # in place: entries further left are not needed again
            rank = after
            half = 0.5 * math.log(n - 1.0 if unbiased else n)
            total = 0.0
            top = -math.inf
            for j in range(rank):
                diag[j] += math.log(A[j, j]) - half
                total += 2.0 * diag[j]
                top = max(top, diag[j])
            log_det[r, t] = total if rank == d else -math.inf
            scale = math.exp(2.0 * top)
            for j in range(rank):
                e[j] = math.exp(diag[j] - top)
                for i in range(j, d):
                    B[i, j] = U[i, j] * e[j]
            for i in range(d):
                for k in range(i + 1):
                    x = 0.0
                    for j in range(min(rank, k + 1)):
                        x += B[i, j] * B[k, j]
                    if k == i:
                        log_variance[r, t, i] = log(x) + 2.0 * top
                    cov[r, t, i, k] = x * scale
                    cov[r, t, k, i] = x * scale


@njit(cache=True, nogil=True)
def merge_nd(n1, m1, Q1, n2, m2, Q2):
    """Add the second statistic to the first, in place (m1 and the lower triangle of Q1); return the new count."""
    if n2 == 0.0:
        return n1
    n = n1 + n2
    share = n2 / n
    for i in range(len(m1)):
        w = n1 * share * (m2[i] - m1[i])
        for j in range(i + 1):
            Q1[i, j] += Q2[i, j] + w * (m2[j] - m1[j])
    for i in range(len(m1)):
        m1[i] += (m2[i] - m1[i]) * share
    return n


@njit(cache=True, nogil=True)
def draw_nd(rng, n, m, L, A, C, mean, scatter):
    """Statistics of n points of N(m, L L'), written to `mean` and the lower triangle of `scatter`; A, C are scratch."""
    d = len(m)
    for i in range(d):
        mean[i] = m[i]
        for j in range(d):
            scatter[i, j] = 0.0
    if n == 0:
        return 0.0
    for j in range(d):
        z = rng.standard_normal() / math.sqrt(n)
        for i in range(j, d):
            mean[i] += L[i, j] * z
    bartlett(rng, n - 1, d, A)
    for i in range(d):
        for j in range(d):
            x = 0.0
            for k in range(j, i + 1):
                x += L[i, k] * A[k, j]
            C[i, j] = x
    for i in range(d):
        for j in range(i + 1):
            x = 0.0
            for k in range(j + 1):
                x += C[i, k] * C[j, k]
            scatter[i, j] = x
    return float(n)


@njit(cache=True, nogil=True)
def gather_nd(rng, rows, order, lo, hi, fresh, origin, unit, z, mean, scatter):
    """Statistics of given rows order[lo:hi], or of hi - lo rows drawn with replacement when `fresh`."""
    d = len(mean)
    for i in range(d):
        mean[i] = 0.0
        for j in range(d):
            scatter[i, j] = 0.0
    n = 0.0
    for i in range(lo, hi):
        row = pick(rng, len(rows)) if fresh else order[i]
        n += 1.0
        for a in range(d):
            z[a] = (rows[row, a] - origin[a]) / unit - mean[a]
        for a in range(d):
            for b in range(a + 1):
                scatter[a, b] += z[a] * z[b] * ((n - 1.0) / n)
        for a in range(d):
            mean[a] += z[a] / n
    return n


@njit(cache=True, nogil=True)
def pool_nd(
    rng, real, synthetic, substitutes, oldest, pinned, ring, rows, unbiased, mean0, L0, mean, cov, log_variance, log_det
):
    """Any additive regime, d dimensions: fill `mean`, `cov`, `log_variance` and `log_det`."""
    replicates, T, d = mean.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    count = np.zeros(places)
    centre = np.zeros((places, d))
    scatter = np.zeros((places, d, d))
    A = np.zeros((d, d))
    C = np.zeros((d, d))
    L = np.zeros((d, d))
    S = np.zeros((d, d))
    z = np.zeros(d)
    truth = np.zeros(d)
    origin = np.zeros(d)
    mu = np.zeros(d)
    bm, Bq = np.zeros(d), np.zeros((d, d))
    sm, Sq = np.zeros(d), np.zeros((d, d))
    pm, Pq = np.zeros(d), np.zeros((d, d))
    m, Q = np.zeros(d), np.zeros((d, d))
    trace0 = 0.0
    for i in range(d):
        for j in range(d):
            trace0 += L0[i, j] * L0[i, j]
    for r in range(replicates):
        log_unit = 0.5 * math.log(trace0 / d)
        unit = math.exp(log_unit)
        put1(mean0, 1.0, origin)
        put1(mean0, 0.0, mu)
        put(L0, 1.0 / unit, L)
        n, pn = 0.0, 0.0
        if given:
            shuffle_head(rng, real[0], order)
        for t in range(T):
            unit = math.exp(log_unit)
            # the new batch
            k = substitutes[r, t]
            fresh = real[t] + k
            if t == 0:
                if given:
                    pn = gather_nd(rng, rows, order, 0, pinned, False, origin, unit, z, pm, Pq)
                    sn = gather_nd(rng, rows, order, pinned, fresh, False, origin, unit, z, sm, Sq)
                else:
                    pn = draw_nd(rng, pinned, mu, L, A, C, pm, Pq)
                    sn = draw_nd(rng, fresh - pinned, mu, L, A, C, sm, Sq)
                put1(pm, 1.0, bm)
                put(Pq, 1.0, Bq)
                bn = merge_nd(pn, bm, Bq, sn, sm, Sq)
            else:
                bn = draw_nd(rng, synthetic[t] - k, mu, L, A, C, bm, Bq)
                if fresh > 0:
                    if given:
                        sn = gather_nd(rng, rows, order, 0, fresh, True, origin, unit, z, sm, Sq)
                    else:
                        for i in range(d):
                            truth[i] = (mean0[i] - origin[i]) / unit
                        put(L0, 1.0 / unit, S)
                        sn = draw_nd(rng, fresh, truth, S, A, C, sm, Sq)
                    bn = merge_nd(bn, bm, Bq, sn, sm, Sq)
            # the training set
            if t > 0 and oldest[t] == oldest[t - 1]:
                n = merge_nd(n, m, Q, bn, bm, Bq)
            else:
                n = 0.0
                put1(m, 0.0, m)
                put(Q, 0.0, Q)
                if oldest[t] > 1:
                    n = merge_nd(n, m, Q, pn, pm, Pq)
                for b in range(oldest[t] - 1, t):
                    i = b % places
                    n = merge_nd(n, m, Q, count[i], centre[i], scatter[i])
                n = merge_nd(n, m, Q, bn, bm, Bq)
            if ring > 0:
                i = t % places
                count[i] = bn
                put1(bm, 1.0, centre[i])
                put(Bq, 1.0, scatter[i])
            # the fit
            div = n - 1.0 if unbiased else n
            trace = 0.0
            for i in range(d):
                for j in range(i + 1):
                    S[i, j] = Q[i, j] / div
                trace += S[i, i]
            cholesky(S, L)
            total = 2.0 * d * log_unit
            for i in range(d):
                mu[i] = m[i]
                total += 2.0 * log(L[i, i])
                mean[r, t, i] = origin[i] + m[i] * unit
                log_variance[r, t, i] = log(S[i, i]) + 2.0 * log_unit
                for j in range(i + 1):
                    x = S[i, j] * unit * unit
                    cov[r, t, i, j] = x
                    cov[r, t, j, i] = x
            log_det[r, t] = total
            spread = trace / d
            if spread > 0.0 and (spread < 1.0 / WIDE or spread > WIDE):
                s = 1.0 / math.sqrt(spread)
                for i in range(min(ring, t + 1)):
                    for a in range(d):
                        centre[i, a] = (centre[i, a] - m[a]) * s
                        for b in range(d):
                            scatter[i, a, b] *= s * s
                for a in range(d):
                    pm[a] = (pm[a] - m[a]) * s
                    origin[a] += m[a] * unit
                    mu[a] = 0.0
                    for b in range(d):
                        Pq[a, b] *= s * s
                        Q[a, b] *= s * s
                        L[a, b] *= s
                put1(m, 0.0, m)
                log_unit += 0.5 * math.log(spread)
