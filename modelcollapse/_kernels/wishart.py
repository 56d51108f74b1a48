r"""Chains of Gaussians in d dimensions, simulated through mean and scatter matrix.

The scatter of :math:`s` points of :math:`N(\mu, \Sigma)`, :math:`\Sigma = LL'`, is Wishart with :math:`s - 1` degrees
of freedom: :math:`LAA'L'`, with A lower triangular, its diagonal roots of chi-squares and its other entries normal
(Bartlett's decomposition). It is independent of the mean, and statistics add.

Two coordinate systems keep a collapsing chain exact for millions of generations:

* *replace* needs no means of batches: the Cholesky factor :math:`L_t = L_{t-1} A_t` is a product of triangular
  matrices, carried as :math:`L = U\,e^{\Lambda}` with :math:`U` unit lower triangular and :math:`\Lambda` diagonal.
  The diagonal adds logarithms; :math:`U` converges;
* *pools* of batches are kept relative to an origin and in a unit of length, and are moved and rescaled when the
  model has become narrow compared with the unit. The unit is one for all directions, and scatter matrices add: so a
  direction whose variance, given the coordinates before it, has fallen to 1e-14 of its own is taken for vanished,
  and the determinant is zero. Where a pool collapses (a window, or next to no real data) that ends what can be told
  of its shape.

``rows`` and ``spread`` are those of the one-dimensional kernels. Pools run up to `LANES` chains abreast: their numbers
lie side by side in the last axis, and every line of the linear algebra is a loop over it that the compiler turns into
a few instructions. Then most of the time goes into Bartlett's :math:`d(d+3)/2` random numbers.
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
from modelcollapse._kernels.gaussian import NARROW, WIDE

#: most chains that run abreast
LANES = 64
#: numbers of one matrix, for all of them, that stay in the cache
CACHE = 8192
#: generations after which exponentials are taken afresh from the logarithms whose products they are
REFRESH = 32


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
def prepare(n, table):
    """Fill `table` (2, d) with b and c of the chi-squares that n points need."""
    for i in range(table.shape[1]):
        table[0, i], table[1, i] = shape(n - 1 - i)


@njit(cache=True, nogil=True, error_model="numpy")
def deviates(rng, points, usual, table, epsilon, left, A, z):
    """Draw what batches of standard normal points need: the mean `z` (d, lane) and Bartlett's A (d, d, lane).

    `table` is ready for the `usual` number of points. Return the waiting time that is left.
    """
    d, lanes = z.shape
    for i in range(d):
        for lane in range(lanes):
            n = points[lane]
            z[i, lane] = rng.standard_normal() / math.sqrt(n) if n > 0 else 0.0
        for j in range(i):
            for lane in range(lanes):
                A[i, j, lane] = rng.standard_normal() if j < points[lane] - 1 else 0.0
        b, c = table[0, i], table[1, i]
        for lane in range(lanes):
            n = points[lane]
            if n == usual and n > d + 2:
                x = rng.standard_normal()
                if left > 0 and abs(x) < NEAR:
                    left -= 1
                    v = 1.0 + c * x
                else:
                    v, left = reconsider(rng, b, c, epsilon, x, left)
                A[i, i, lane] = 2.0 * b * v * v * v
            else:
                A[i, i, lane] = chi_square(rng, n - 1 - i) if i < n - 1 else 0.0
        for lane in range(lanes):
            A[i, i, lane] = math.sqrt(A[i, i, lane])
    return left


@njit(cache=True, nogil=True)
def abreast(replicates, d):
    """Chains that run abreast: as many as stay in the cache, in groups of equal size."""
    most = max(8, min(LANES, CACHE // (d * d)))
    groups = (replicates + most - 1) // most
    return (replicates + groups - 1) // groups


@njit(cache=True, nogil=True, error_model="numpy")
def replace(rng, sizes, known, unbiased, spread, mean0, L0, mean, cov, log_variance, log_det):
    """Replace, d dimensions: fill `mean` (replicate, T, d), `cov` (.., d, d), `log_variance` (.., d) and `log_det`.

    The first `known` generations are already in the arrays, the same in every replicate.
    """
    replicates, T, d = mean.shape
    width = abreast(replicates, d)
    U, A, S = np.zeros((d, d, width)), np.zeros((d, d, width)), np.zeros((d, d, width))
    diag, mu, z, row = np.zeros((d, width)), np.zeros((d, width)), np.zeros((d, width)), np.zeros((d, width))
    e = np.zeros((d, width))  # exp(diag), relative to its largest entry, exp(top)
    top, largest, inverse = np.zeros(width), np.zeros(width), np.zeros(width)
    points, table, usual = np.zeros(width, np.int64), np.empty((2, d)), 0
    logs, scratch = np.empty(2 * d * width), np.empty(2 * d * width)
    bits = logs.view(np.int64)
    B, mu0 = np.zeros((d, d)), np.zeros(d)
    if known > 0:
        put(cov[0, known - 1], 1.0, A[:, :, 0])
        cholesky(A[:, :, 0], B)
        put1(mean[0, known - 1], 1.0, mu0)
    else:
        put(L0, 1.0, B)
        put1(mean0, 1.0, mu0)
    epsilon = 0.0
    for t in range(T):
        if sizes[t] > d + 2:
            epsilon = max(epsilon, refusal(*shape(sizes[t] - d)))
    left = wait(rng, epsilon) if epsilon > 0.0 else 0
    for start in range(0, replicates, width):
        if replicates - start < width:  # the last chains are too few: fill up with some that have been done
            start = replicates - width
        rank = 0
        for j in range(d):
            if B[j, j] > 0.0:
                for lane in range(width):
                    diag[rank, lane] = math.log(B[j, j])
                    for i in range(d):
                        U[i, rank, lane] = B[i, j] / B[j, j]
                rank += 1
        for i in range(d):
            for lane in range(width):
                mu[i, lane] = mu0[i]
        for t in range(known, T):
            n = sizes[t]
            if n != usual:
                prepare(n, table)
                usual = n
            for lane in range(width):
                points[lane] = n
            left = deviates(rng, points, usual, table, epsilon, left, A, z)
            if (t - known) % REFRESH == 0:
                for lane in range(width):
                    top[lane] = -math.inf
                    for j in range(rank):
                        top[lane] = max(top[lane], diag[j, lane])
                    for j in range(rank):
                        e[j, lane] = math.exp(diag[j, lane] - top[lane])
            wider = spread if t > 0 else 1.0
            for lane in range(width):
                largest[lane] = wider * math.exp(top[lane])
            # the mean
            for i in range(d):
                for j in range(min(rank, i + 1)):
                    for lane in range(width):
                        mu[i, lane] += U[i, j, lane] * (e[j, lane] * z[j, lane] * largest[lane])
            after = min(rank, n - 1)
            for j in range(after):
                for lane in range(width):
                    logs[j * width + lane] = A[j, j, lane]
            logarithms(logs, bits, scratch, after * width)
            # A becomes e^D A e^-D', with D' = D + log diag(A): unit lower trapezoidal
            for j in range(after):
                tiny = False
                for lane in range(width):
                    inverse[lane] = 1.0 / (A[j, j, lane] * e[j, lane])
                    tiny = tiny or e[j, lane] < 1e-200
                for i in range(j + 1, rank):
                    for lane in range(width):
                        A[i, j, lane] *= e[i, lane] * inverse[lane]
                    if tiny:
                        for lane in range(width):
                            if e[j, lane] < 1e-200:  # the quotient is lost, and so is A: draw it again
                                ratio = math.exp(diag[i, lane] - diag[j, lane])
                                A[i, j, lane] = rng.standard_normal() * ratio / A[j, j, lane]
                for lane in range(width):
                    e[j, lane] *= A[j, j, lane]
            for i in range(d):
                for j in range(min(after, i + 1)):
                    for lane in range(width):
                        row[j, lane] = U[i, j, lane]
                for k in range(1, min(rank, i + 1)):
                    for j in range(min(after, k)):
                        for lane in range(width):
                            row[j, lane] += U[i, k, lane] * A[k, j, lane]
                for j in range(min(after, i + 1)):
                    for lane in range(width):
                        U[i, j, lane] = row[j, lane]
            rank = after
            half = 0.5 * math.log(n - 1.0 if unbiased else n) - math.log(wider)
            for lane in range(width):
                largest[lane] = -math.inf
            for j in range(rank):
                for lane in range(width):
                    diag[j, lane] += logs[j * width + lane] - half
                    largest[lane] = diag[j, lane] if diag[j, lane] > largest[lane] else largest[lane]
            for lane in range(width):
                inverse[lane] = math.exp(top[lane] - largest[lane] - half)
                top[lane] = largest[lane]
            for j in range(rank):
                for lane in range(width):
                    e[j, lane] *= inverse[lane]
            # the covariance, in units of exp(2 top)
            for i in range(d):
                for k in range(i + 1):
                    for lane in range(width):
                        S[i, k, lane] = 0.0
                for j in range(min(rank, i + 1)):
                    for lane in range(width):
                        A[i, j, lane] = U[i, j, lane] * e[j, lane]
                    for k in range(j, i + 1):
                        for lane in range(width):
                            S[i, k, lane] += A[i, j, lane] * A[k, j, lane]
                for lane in range(width):
                    logs[i * width + lane] = S[i, i, lane]
            logarithms(logs, bits, scratch, d * width)
            for lane in range(width):
                r = start + lane
                total = 0.0
                for j in range(rank):
                    total += 2.0 * diag[j, lane]
                log_det[r, t] = total if rank == d else -math.inf
                scale = math.exp(2.0 * top[lane])
                for i in range(d):
                    mean[r, t, i] = mu[i, lane]
                    there = S[i, i, lane] > 0.0
                    log_variance[r, t, i] = logs[i * width + lane] + 2.0 * top[lane] if there else -math.inf
                    for k in range(i + 1):
                        x = S[i, k, lane] * scale
                        cov[r, t, i, k] = x
                        cov[r, t, k, i] = x


@njit(cache=True, nogil=True, error_model="numpy")
def merge(n1, m1, Q1, n2, m2, Q2, n):
    """Add the second statistics to the first, in place: means (d, lane), lower triangles (d, d, lane); counts to n."""
    lanes = len(n)
    share, weight = np.empty(lanes), np.empty(lanes)
    for lane in range(lanes):
        total = n1[lane] + n2[lane]
        share[lane] = n2[lane] / total if total > 0.0 else 0.0
        weight[lane] = n1[lane] * share[lane]
        n[lane] = total
    for i in range(len(m1)):
        for j in range(i + 1):
            for lane in range(lanes):
                w = weight[lane] * (m2[i, lane] - m1[i, lane])
                Q1[i, j, lane] += Q2[i, j, lane] + w * (m2[j, lane] - m1[j, lane])
    for i in range(len(m1)):
        for lane in range(lanes):
            m1[i, lane] += (m2[i, lane] - m1[i, lane]) * share[lane]


@njit(cache=True, nogil=True)
def statistics(m, L, A, z, C, mean, scatter):
    """Mean and scatter of the points that have deviates A and z, drawn from N(m, LL'); C = LA is scratch.

    Terms are added in an order in which no sum has to wait for its last term.
    """
    d, lanes = m.shape
    for i in range(d):
        for lane in range(lanes):
            mean[i, lane] = m[i, lane]
        for j in range(i + 1):
            for lane in range(lanes):
                C[i, j, lane] = L[i, i, lane] * A[i, j, lane]
                scatter[i, j, lane] = 0.0
        for k in range(i + 1):
            for lane in range(lanes):
                mean[i, lane] += L[i, k, lane] * z[k, lane]
            if k < i:
                for j in range(k + 1):
                    for lane in range(lanes):
                        C[i, j, lane] += L[i, k, lane] * A[k, j, lane]
        for k in range(i + 1):
            for j in range(k, i + 1):
                for lane in range(lanes):
                    scatter[i, j, lane] += C[i, k, lane] * C[j, k, lane]


@njit(cache=True, nogil=True, error_model="numpy")
def factorise(S, most, L):
    """Cholesky factors of the lanes of S, of rank `most` (lane) at the most.

    A vanished direction gives a zero column, as in `cholesky`.
    """
    d, lanes = len(S), S.shape[2]
    inverse, rank = np.empty(lanes), np.zeros(lanes)
    for i in range(d):
        for j in range(i + 1):
            for lane in range(lanes):
                L[i, j, lane] = S[i, j, lane]
    for j in range(d):
        for lane in range(lanes):
            pivot = L[j, j, lane]
            there = pivot > 1e-14 * S[j, j, lane] and rank[lane] < most[lane]
            rank[lane] += 1.0 if there else 0.0
            root = math.sqrt(pivot if there else 1.0)
            inverse[lane] = 1.0 / root if there else 0.0
            L[j, j, lane] = root if there else 0.0
        for i in range(j + 1, d):
            for lane in range(lanes):
                L[i, j, lane] *= inverse[lane]
        for i in range(j + 1, d):
            for k in range(j + 1, i + 1):
                for lane in range(lanes):
                    L[i, k, lane] -= L[i, j, lane] * L[k, j, lane]


@njit(cache=True, nogil=True)
def gather(rng, rows, order, lo, hi, fresh, lane, origin, unit, z, mean, scatter):
    """Statistics of given rows order[lo:hi], or of hi - lo rows drawn with replacement when `fresh`, for one lane."""
    d = len(mean)
    for i in range(d):
        mean[i, lane] = 0.0
        for j in range(d):
            scatter[i, j, lane] = 0.0
    n = 0.0
    for i in range(lo, hi):
        row = pick(rng, len(rows)) if fresh else order[i]
        n += 1.0
        for a in range(d):
            z[a, lane] = (rows[row, a] - origin[a, lane]) / unit - mean[a, lane]
        for a in range(d):
            for b in range(a + 1):
                scatter[a, b, lane] += z[a, lane] * z[b, lane] * ((n - 1.0) / n)
        for a in range(d):
            mean[a, lane] += z[a, lane] / n


@njit(cache=True, nogil=True)
def copy(m1, Q1, m2, Q2):
    """Write the first statistics over the second."""
    lanes = m1.shape[1]
    for i in range(len(m1)):
        for lane in range(lanes):
            m2[i, lane] = m1[i, lane]
        for j in range(i + 1):
            for lane in range(lanes):
                Q2[i, j, lane] = Q1[i, j, lane]


@njit(cache=True, nogil=True)
def rescale(lane, s, m, centre, scatter):
    """Take the statistics of one lane to the origin m and to a unit that is smaller by the factor s."""
    for i in range(len(m)):
        centre[i, lane] = (centre[i, lane] - m[i, lane]) * s
        for j in range(i + 1):
            scatter[i, j, lane] *= s * s


@njit(cache=True, nogil=True)
def widen(lane, s, away, centre, scatter):
    """Take the statistics of one lane to a unit that is larger, s times the old one, and an origin that is `away`."""
    for i in range(len(centre)):
        centre[i, lane] = centre[i, lane] * s + away[i, lane]
        for j in range(i + 1):
            scatter[i, j, lane] *= s * s


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
    L0,
    mean,
    cov,
    log_variance,
    log_det,
):
    """Any additive regime, d dimensions: fill `mean`, `cov`, `log_variance` and `log_det`."""
    replicates, T, d = mean.shape
    given = len(rows) > 0
    order = np.arange(len(rows))
    places = max(ring, 1)
    width = abreast(replicates, d)
    count = np.zeros((places, width))
    centre = np.zeros((places, d, width))
    scatter = np.zeros((places, d, d, width))
    A, C, F = np.zeros((d, d, width)), np.zeros((d, d, width)), np.zeros((d, d, width))
    L, S = np.zeros((d, d, width)), np.zeros((d, d, width))
    z, truth, origin, mu = np.zeros((d, width)), np.zeros((d, width)), np.zeros((d, width)), np.zeros((d, width))
    away = np.zeros((d, width))
    bm, Bq, sm, Sq = np.zeros((d, width)), np.zeros((d, d, width)), np.zeros((d, width)), np.zeros((d, d, width))
    pm, Pq, m, Q = np.zeros((d, width)), np.zeros((d, d, width)), np.zeros((d, width)), np.zeros((d, d, width))
    bn, sn, pn, n = np.zeros(width), np.zeros(width), np.zeros(width), np.zeros(width)
    fresh, points = np.zeros(width, np.int64), np.zeros(width, np.int64)
    unit, log_unit, most = np.ones(width), np.zeros(width), np.zeros(width)
    logs, scratch = np.empty(2 * d * width), np.empty(2 * d * width)
    bits = logs.view(np.int64)
    # what chi-squares need, ready for the last sizes of a batch of real points and of one of the model
    tables, ready = np.empty((2, 2, d)), np.zeros(2, np.int64)
    epsilon = 0.0
    for t in range(T):
        for n_t in (real[t], synthetic[t]):
            if n_t > d + 2:
                epsilon = max(epsilon, refusal(*shape(n_t - d)))
    left = wait(rng, epsilon) if epsilon > 0.0 else 0
    trace0 = 0.0
    for i in range(d):
        for j in range(d):
            trace0 += L0[i, j] * L0[i, j]
    log_unit0 = 0.5 * math.log(trace0 / d)
    for start in range(0, replicates, width):
        if replicates - start < width:  # the last chains are too few: fill up with some that have been done
            start = replicates - width
        for lane in range(width):
            log_unit[lane] = log_unit0
            unit[lane] = math.exp(log_unit0)
            pn[lane], most[lane] = float(pinned), float(d)
            for i in range(d):
                origin[i, lane], mu[i, lane] = mean0[i], 0.0
                for j in range(d):
                    L[i, j, lane] = 0.0
        for t in range(T):
            for part in range(2):
                n_t = real[t] if part == 0 else synthetic[t]
                if n_t != ready[part]:
                    prepare(n_t, tables[part])
                    ready[part] = n_t
            # the new batch: real points
            some = False
            for lane in range(width):
                fresh[lane] = real[t] + substitutes[start + lane, t]
                points[lane] = fresh[lane] - (pinned if t == 0 else 0)
                some = some or fresh[lane] > 0
            for lane in range(width):
                bn[lane] = 0.0
                if t > 0 and fresh[lane] > 0 and log_unit[lane] < log_unit0 - NARROW:  # back to the unit of the truth
                    u, s = math.exp(log_unit0), math.exp(log_unit[lane] - log_unit0)
                    for i in range(d):
                        away[i, lane] = (origin[i, lane] - mean0[i]) / u
                        mu[i, lane] = mu[i, lane] * s + away[i, lane]
                        origin[i, lane] = mean0[i]
                        for j in range(i + 1):
                            L[i, j, lane] *= s
                    for b in range(min(ring, t)):
                        widen(lane, s, away, centre[b], scatter[b])
                    widen(lane, s, away, pm, Pq)
                    widen(lane, s, away, m, Q)
                    unit[lane], log_unit[lane] = u, log_unit0
            if some and given:
                for lane in range(width):
                    kept = pinned if t == 0 else 0
                    if t == 0:
                        shuffle_head(rng, real[0], order)
                        gather(rng, rows, order, 0, kept, False, lane, origin, unit[lane], z, pm, Pq)
                    gather(rng, rows, order, kept, fresh[lane], t > 0, lane, origin, unit[lane], z, bm, Bq)
                    bn[lane] = float(points[lane])
            elif some:
                for lane in range(width):
                    bn[lane] = float(points[lane])
                    for i in range(d):
                        # where there is no real point, the truth may be out of sight
                        seen = 1.0 / unit[lane] if fresh[lane] > 0 else 0.0
                        truth[i, lane] = (mean0[i] - origin[i, lane]) * seen
                        for j in range(i + 1):
                            F[i, j, lane] = L0[i, j] * seen
                left = deviates(rng, points, ready[0], tables[0], epsilon, left, A, z)
                statistics(truth, F, A, z, C, bm, Bq)
                if t == 0 and pinned > 0:
                    for lane in range(width):
                        points[lane] = pinned
                    left = deviates(rng, points, 0, tables[0], epsilon, left, A, z)
                    statistics(truth, F, A, z, C, pm, Pq)
            if t == 0 and pinned > 0:
                merge(bn, bm, Bq, pn, pm, Pq, bn)
            # and points of the model
            if synthetic[t] > 0:
                for lane in range(width):
                    points[lane] = synthetic[t] - substitutes[start + lane, t]
                left = deviates(rng, points, ready[1], tables[1], epsilon, left, A, z)
                for i in range(d):
                    for j in range(i + 1):
                        for lane in range(width):
                            F[i, j, lane] = L[i, j, lane] * spread
                for lane in range(width):
                    sn[lane] = float(points[lane])
                statistics(mu, F, A, z, C, sm, Sq)
                if some:
                    merge(bn, bm, Bq, sn, sm, Sq, bn)
                else:
                    copy(sm, Sq, bm, Bq)
                    for lane in range(width):
                        bn[lane] = sn[lane]
            # the training set
            if t > 0 and oldest[t] == oldest[t - 1]:
                merge(n, m, Q, bn, bm, Bq, n)
            else:
                copy(bm, Bq, m, Q)
                for lane in range(width):
                    n[lane] = bn[lane]
                if oldest[t] > 1 and pinned > 0:
                    merge(n, m, Q, pn, pm, Pq, n)
                for b in range(oldest[t] - 1, t):
                    j = b % places
                    merge(n, m, Q, count[j], centre[j], scatter[j], n)
            if ring > 0:
                j = t % places
                copy(bm, Bq, centre[j], scatter[j])
                for lane in range(width):
                    count[j, lane] = bn[lane]
            # the fit
            for lane in range(width):
                sn[lane] = 1.0 / (n[lane] - 1.0 if unbiased else n[lane])
            for i in range(d):
                for j in range(i + 1):
                    for lane in range(width):
                        S[i, j, lane] = Q[i, j, lane] * sn[lane]
            # the points lie in the plane of those before, but for new real ones, and n of them span n - 1 dimensions
            for lane in range(width):
                most[lane] = min(n[lane] - 1.0, most[lane] + (fresh[lane] if t > 0 else 0.0))
            factorise(S, most, L)
            for i in range(d):
                for lane in range(width):
                    mu[i, lane] = m[i, lane]
                    logs[i * width + lane] = S[i, i, lane]
                    logs[(d + i) * width + lane] = L[i, i, lane]
            logarithms(logs, bits, scratch, 2 * d * width)
            for lane in range(width):
                r = start + lane
                total = 2.0 * d * log_unit[lane]
                square = unit[lane] * unit[lane]
                trace = 0.0
                for i in range(d):
                    mean[r, t, i] = origin[i, lane] + m[i, lane] * unit[lane]
                    trace += S[i, i, lane]
                    there = S[i, i, lane] > 0.0
                    log_variance[r, t, i] = logs[i * width + lane] + 2.0 * log_unit[lane] if there else -math.inf
                    total += 2.0 * logs[(d + i) * width + lane] if L[i, i, lane] > 0.0 else -math.inf
                    for j in range(i + 1):
                        x = S[i, j, lane] * square
                        cov[r, t, i, j] = x
                        cov[r, t, j, i] = x
                log_det[r, t] = total
                scale = trace / d
                if scale > 0.0 and (scale < 1.0 / WIDE or scale > WIDE):
                    s = 1.0 / math.sqrt(scale)
                    for b in range(min(ring, t + 1)):
                        rescale(lane, s, m, centre[b], scatter[b])
                    rescale(lane, s, m, pm, Pq)
                    for i in range(d):
                        origin[i, lane] += m[i, lane] * unit[lane]
                        mu[i, lane] = 0.0
                        for j in range(i + 1):
                            Q[i, j, lane] *= s * s
                            L[i, j, lane] *= s
                    for i in range(d):
                        m[i, lane] = 0.0
                    log_unit[lane] += 0.5 * math.log(scale)
                    unit[lane] = math.exp(log_unit[lane])
