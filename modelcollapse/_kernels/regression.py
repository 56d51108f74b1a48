r"""Chains of linear regressions, simulated through their sufficient statistic.

Of :math:`s` rows the fit needs :math:`S = X^\top X` and :math:`X^\top y`, which add up over batches. S is Wishart,
drawn by Bartlett's decomposition as :math:`S = CC^\top`, also where :math:`s < d` and C has fewer columns than rows;
and given S, :math:`X^\top\varepsilon` is :math:`\sigma C z` with z standard normal. So a batch costs the same whatever
:math:`s` is. All targets are kept relative to the truth: :math:`X^\top y` is that of the labels minus
:math:`Xw^*`, and a chain with little noise keeps its digits.

Under Replace, fresh designs and least squares, not even S is needed: the step :math:`S^{-1}X^\top\varepsilon` is a
normal vector over the root of an independent chi-square of :math:`s - d + 1` degrees of freedom.

``rows`` holds real data, the label in the last column. When it is empty, real rows are drawn from the truth; otherwise
batch 1 is a random subset of the rows (all of them where the sizes agree) and later real rows are drawn with
replacement.
"""

import math

import numpy as np
from numba import njit

from modelcollapse._kernels.draws import chi_square, pick, shuffle_head
from modelcollapse._kernels.wishart import bartlett, cholesky, put, put1

#: a pivot that falls below this share of the largest one is rounding: real rows may be repeated or dependent (rows that
#: are drawn are not, and their rank is known)
DEPENDENT = 1e-13


@njit(cache=True, nogil=True)
def record(error, truth, L, coef):
    """Write truth + error to `coef` and return the excess risk, the squared length of L' error."""
    d = len(error)
    risk = 0.0
    for j in range(d):
        x = 0.0
        for i in range(j, d):
            x += L[i, j] * error[i]
        risk += x * x
        coef[j] = truth[j] + error[j]
    return risk


@njit(cache=True, nogil=True)
def replace(rng, sizes, known, L, noise, truth, coef, risk):
    """Replace, least squares, at least d rows: fill `coef` (replicate, T, d) and `risk` (replicate, T).

    The first `known` generations are already in the arrays. L is lower triangular, L L' the covariance of a row.
    """
    replicates, T, d = coef.shape
    dense = False
    for i in range(d):
        for j in range(i):
            dense = dense or L[i, j] != 0.0
    error = np.zeros(d)
    white = np.zeros(d)  # L' error
    for r in range(replicates):
        for i in range(d):
            white[i] = 0.0
            if known > 0:
                for k in range(i, d):
                    white[i] += L[k, i] * (coef[r, known - 1, k] - truth[k])
        for t in range(known, T):
            scale = noise / math.sqrt(chi_square(rng, sizes[t] - d + 1))
            total = 0.0
            for i in range(d):
                white[i] += scale * rng.standard_normal()
                total += white[i] * white[i]
            for i in range(d - 1, -1, -1):
                x = white[i]
                if dense:
                    for k in range(i + 1, d):
                        x -= L[k, i] * error[k]
                error[i] = x / L[i, i]
                coef[r, t, i] = truth[i] + error[i]
            risk[r, t] = total


@njit(cache=True, nogil=True)
def add_rows(rng, rows, order, lo, hi, first, truth, S, b):
    """Add the statistic of rows order[lo:hi], or of as many drawn with replacement, to S (lower triangle) and b."""
    d = len(b)
    for a in range(lo, hi):
        row = rows[order[a] if first else pick(rng, len(rows))]
        y = row[d]
        for i in range(d):
            y -= row[i] * truth[i]
        for i in range(d):
            b[i] += row[i] * y
            for j in range(i + 1):
                S[i, j] += row[i] * row[j]


@njit(cache=True, nogil=True)
def design(rng, n, L, A, C):
    """Draw C, lower trapezoidal, with C C' the Wishart matrix X'X of n rows; columns past n are zero."""
    d = len(L)
    bartlett(rng, n, d, A)
    for i in range(d):
        for j in range(d):
            x = 0.0
            for k in range(j, i + 1):
                x += L[i, k] * A[k, j]
            C[i, j] = x


@njit(cache=True, nogil=True)
def add_labels(rng, C, columns, tiles, error, noise, S, b):
    """Add the statistic of labels made by `truth + error` on a design C C', repeated `tiles` times, to S and b."""
    d = len(b)
    spread = noise * math.sqrt(tiles)
    for j in range(columns):
        v = 0.0
        for i in range(j, d):
            v += C[i, j] * error[i]
        v = tiles * v + spread * rng.standard_normal()
        for i in range(j, d):
            b[i] += C[i, j] * v
            x = tiles * C[i, j]
            for k in range(j, i + 1):
                S[i, k] += x * C[k, j]


@njit(cache=True, nogil=True)
def pivoted(S, most, least, order, rest, G):
    """Lower trapezoidal G with G G' = S[order, order], largest pivots first; return its number of columns."""
    d = len(S)
    top = 0.0
    for i in range(d):
        order[i] = i
        rest[i] = S[i, i]
        top = max(top, S[i, i])
        for j in range(d):
            G[i, j] = 0.0
    for j in range(most):
        p = j
        for i in range(j + 1, d):
            if rest[order[i]] > rest[order[p]]:
                p = i
        pivot = rest[order[p]]
        if pivot <= least * top:
            return j
        order[j], order[p] = order[p], order[j]
        for k in range(j):
            G[j, k], G[p, k] = G[p, k], G[j, k]
        root = math.sqrt(pivot)
        G[j, j] = root
        for i in range(j + 1, d):
            x = S[max(order[i], order[j]), min(order[i], order[j])]
            for k in range(j):
                x -= G[i, k] * G[j, k]
            G[i, j] = x / root
            rest[order[i]] -= G[i, j] * G[i, j]
    return most


@njit(cache=True, nogil=True)
def solve(L, rank, x):
    """Solve L L' x = b in place, with the leading `rank` rows of a lower triangular L."""
    for i in range(rank):
        for k in range(i):
            x[i] -= L[i, k] * x[k]
        x[i] /= L[i, i]
    for i in range(rank - 1, -1, -1):
        for k in range(i + 1, rank):
            x[i] -= L[k, i] * x[k]
        x[i] /= L[i, i]


@njit(cache=True, nogil=True)
def fit(S, b, n, most, penalty, least, truth, order, rest, G, H, x, error):
    """Write the error of a fit to n rows, at most `most` of them independent: least squares (of smallest norm where S
    is singular) or ridge.
    """
    d = len(b)
    if penalty > 0.0:
        for i in range(d):
            for j in range(i + 1):
                H[i, j] = S[i, j]
            H[i, i] += n * penalty
            error[i] = b[i] - n * penalty * truth[i]
        cholesky(H, G)
        solve(G, d, error)
        return
    rank = pivoted(S, most, least, order, rest, G)
    if rank == d:
        for i in range(d):
            x[i] = b[order[i]]
        solve(G, d, x)
        for i in range(d):
            error[order[i]] = x[i]
        return
    # the coefficients are G (G'G)^-1 [(G'G)^-1 G' b + G' truth], in the order of the pivots
    for j in range(rank):
        for k in range(j + 1):
            y = 0.0
            for i in range(j, d):
                y += G[i, j] * G[i, k]
            H[j, k] = y
    for j in range(rank):  # Cholesky of H in place
        for k in range(j):
            H[j, j] -= H[j, k] * H[j, k]
        H[j, j] = math.sqrt(H[j, j])
        for i in range(j + 1, rank):
            for k in range(j):
                H[i, j] -= H[i, k] * H[j, k]
            H[i, j] /= H[j, j]
    for j in range(rank):
        x[j] = 0.0
        for i in range(j, d):
            x[j] += G[i, j] * b[order[i]]
    solve(H, rank, x)
    for j in range(rank):
        for i in range(j, d):
            x[j] += G[i, j] * truth[order[i]]
    solve(H, rank, x)
    for i in range(d):
        y = -truth[order[i]]
        for j in range(min(i + 1, rank)):
            y += G[i, j] * x[j]
        error[order[i]] = y


@njit(cache=True, nogil=True)
def add(S1, b1, S, b):
    """Add one statistic to another."""
    for i in range(len(b)):
        b[i] += b1[i]
        for j in range(i + 1):
            S[i, j] += S1[i, j]


@njit(cache=True, nogil=True)
def pool(rng, real, synthetic, substitutes, oldest, pinned, ring, rows, same, truth, L, noise, penalty, coef, risk):
    """Any additive regime: fill `coef` (replicate, T, d) and `risk` (replicate, T).

    With `same`, every batch repeats the design of batch 1, as often as its size is a multiple of it.
    """
    replicates, T, d = coef.shape
    given = len(rows) > 0
    least = DEPENDENT if given else 0.0
    line = np.arange(len(rows))
    places = max(ring, 1)
    count = np.zeros(places, np.int64)
    keptS = np.zeros((places, d, d))
    keptb = np.zeros((places, d))
    S = np.zeros((d, d))
    B = np.zeros((d, d))
    P = np.zeros((d, d))
    A = np.zeros((d, d))
    C = np.zeros((d, d))
    G = np.zeros((d, d))
    H = np.zeros((d, d))
    b = np.zeros(d)
    bb = np.zeros(d)
    pb = np.zeros(d)
    x = np.zeros(d)
    rest = np.zeros(d)
    none = np.zeros(d)
    error = np.zeros(d)
    order = np.arange(d)
    for r in range(replicates):
        n = 0
        if given:
            shuffle_head(rng, real[0], line)
        for t in range(T):
            # the new batch; its first, pinned part by itself
            size = real[t] + synthetic[t]
            fresh = real[t] + substitutes[r, t]
            first = pinned if t == 0 else 0
            put(B, 0.0, B)
            put1(bb, 0.0, bb)
            for part in range(2):
                lo, hi = (0, first) if part == 0 else (first, fresh)
                if hi > lo:
                    if given:
                        add_rows(rng, rows, line, lo, hi, t == 0, truth, B, bb)
                    else:
                        design(rng, hi - lo, L, A, C)
                        add_labels(rng, C, min(hi - lo, d), 1.0, none, noise, B, bb)
                if part == 0 and first > 0:
                    put(B, 1.0, P)
                    put1(bb, 1.0, pb)
            if same and t == 0:
                if given:
                    cholesky(B, C)
            elif same:
                add_labels(rng, C, d, float(size // real[0]), error, noise, B, bb)
            elif size > fresh:
                design(rng, size - fresh, L, A, C)
                add_labels(rng, C, min(size - fresh, d), 1.0, error, noise, B, bb)
            # the training set
            if t > 0 and oldest[t] == oldest[t - 1]:
                n += size
            else:
                n = size
                put(S, 0.0, S)
                put1(b, 0.0, b)
                if pinned > 0 and oldest[t] > 1:
                    n += pinned
                    add(P, pb, S, b)
                for i in range(oldest[t] - 1, t):
                    n += count[i % places]
                    add(keptS[i % places], keptb[i % places], S, b)
            add(B, bb, S, b)
            if ring > 0:
                i = t % places
                count[i] = size
                put(B, 1.0, keptS[i])
                put1(bb, 1.0, keptb[i])
            most = min(real[0] if same else n, d)
            fit(S, b, n, most, penalty, least, truth, order, rest, G, H, x, error)
            risk[r, t] = record(error, truth, L, coef[r, t])
