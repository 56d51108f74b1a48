"""Second readings of the plans with real points, windows, corpora and smoothing (file 1, section 1.2).

Claims: F-FIX, F-MIX, F-FRESH, F-ONE, F-WIN, F-WIN-R, F-ALPHA, F-SMOOTH. Replace, accumulate, the general plan and the
tools are in `plans`, the constants and weights in `drift`. Routes:

* the table of all pairs of points, the chain of two types, affine maps composed by squaring (see `plans`); limits by a
  linear equation in exact fractions, found by counting ordered pairs and not by the printed formula;
* window: the recursion as one nonnegative matrix acting on pairs of batches; its top eigenvalue as a root of the
  determinant that a geometric solution in the lag must satisfy, which is K by K instead of K^2 by K^2.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy import stats

from modelcollapse.claims.qc.reading import second_reading

# tools, the same as in `plans`: the files of this room import nothing from each other


def any_size(rng, top, low=1):
    """Draw a whole number from low to top, log-uniform, its two lowest values often."""
    corner = rng.random()
    if corner < 0.2:
        return min(low + int(corner < 0.1), top)
    return int(min(max(low, math.exp(rng.uniform(math.log(low), math.log(top + 1)))), top))


def any_time(rng, top):
    """Draw a generation from 0 to top, with 0, 1 and 2 often."""
    return int(rng.integers(0, 3)) if rng.random() < 0.2 else int(min(math.exp(rng.uniform(0, math.log(top + 1))), top))


def any_share(rng):
    """Draw a probability, with 0, 1 and their neighbourhoods often."""
    corners = (0.0, 1.0, 1e-9, 1e-3, 1 - 1e-9)
    return float(rng.choice(corners)) if rng.random() < 0.3 else float(rng.random())


def draw_real(pairs, count):
    """Add `count` points that descend from nobody."""
    old = len(pairs)
    table = np.eye(old + count)
    table[:old, :old] = pairs
    return table, np.arange(old, old + count)


def draw_copies(pairs, parents, count):
    """Add `count` points, each the copy of a uniformly chosen one of `parents`, drawn with replacement."""
    if count == 0:
        return pairs, np.arange(0)
    old = len(pairs)
    link = pairs[parents].mean(axis=0)
    table = np.full((old + count, old + count), link[parents].mean())
    table[:old, :old] = pairs
    table[old:, :old] = link
    table[:old, old:] = link[:, None]
    table[range(old, old + count), range(old, old + count)] = 1.0
    return table, np.arange(old, old + count)


def keep_only(pairs, points):
    """Forget all points but these; they are renumbered from 0."""
    return pairs[np.ix_(points, points)], np.arange(len(points))


def coalesced(pairs, points):
    """Return the probability that two draws with replacement from these points are one original draw."""
    return float(pairs[np.ix_(points, points)].mean())


NOBODY = np.zeros((0, 0))


def affine(slope, offset, t, start=0):
    """Value after t steps of F -> offset + slope F from `start`, maps composed by squaring; mpmath numbers."""
    import mpmath as mp

    power, shift, slope, offset = mp.mpf(1), mp.mpf(0), mp.mpf(slope), mp.mpf(offset)
    while t:
        if t & 1:
            power, shift = slope * power, offset + slope * shift
        offset, slope, t = offset + slope * offset, slope * slope, t >> 1
    return shift + power * start


def two_types(n, t, chance, value, p):
    """E(value - p)^2 / (p(1-p)) after t samples of n; `chance(k)`, `value(k)` belong to k of n points."""
    if t == 0:
        return 0.0
    states = np.arange(n + 1)
    step = stats.binom.pmf(states[None, :], n, np.clip(chance(states), 0.0, 1.0)[:, None])
    law = stats.binom.pmf(states, n, p) @ np.linalg.matrix_power(step, t - 1)
    return float(law @ (value(states) - p) ** 2 / (p * (1 - p)))


# -------------------------------------------------------------------------------------------------- real points, always


@second_reading(
    "F-FIX",
    draw=lambda rng: {"n_real": any_size(rng, 15), "n": any_size(rng, 15), "t": any_time(rng, 60)},
    route="pair by pair",
    rtol=1e-12,
)
def inbreeding_fixed_real_pairs(n_real, n, t):
    """F_1 = 1/N; from generation 2 on the N real points and n points of the last model."""
    if t == 0:
        return 0.0
    pairs, real = draw_real(NOBODY, n_real)
    train = real
    for _ in range(t - 1):
        pairs, new = draw_copies(pairs, train, n)
        pairs, train = keep_only(pairs, np.concatenate([real, new]))
    return coalesced(pairs, train)


def _sizes_fixed(rng):
    return {"n_real": any_size(rng, 10**6), "n": any_size(rng, 10**6)}


@second_reading(
    "F-FIX",
    draw=lambda rng: {**_sizes_fixed(rng), "t": any_time(rng, 10**9)},
    route="pairs of two classes of points, affine maps by squaring",
    rtol=1e-13,
)
def inbreeding_fixed_real(n_real, n, t):
    """F_t with the real-synthetic pairs in closed form: a copy is of one given real point with probability 1/N always.

    By exchange of the real points a synthetic point descends from each of them equally, so that N^2 F' =
    N + 2 n + [n + n(n-1) F] with real-real, real-synthetic and synthetic-synthetic pairs.
    """
    import mpmath as mp

    if t == 0:
        return 0.0
    with mp.workdps(40):
        total = mp.mpf(n_real + n) ** 2
        return float(affine(n * (n - mp.mpf(1)) / total, (n_real + 3 * n) / total, t - 1, start=mp.mpf(1) / n_real))


@second_reading("F-FIX", draw=_sizes_fixed, route="linear equation in exact fractions", rtol=1e-15)
def limit_fixed_real(n_real, n):
    """F_inf = (1 + 2 alpha)/(N(1 + alpha) + alpha), alpha = n/(N + n)."""
    return float(Fraction(n_real + 3 * n, (n_real + n) ** 2 - n * (n - 1)))


@second_reading(
    "F-MIX",
    draw=lambda rng: {"n": any_size(rng, 25), "m": any_share(rng), "t": any_time(rng, 200)},
    route="two types counted",
    rtol=1e-11,
)
def inbreeding_random_fresh_two_types(n, m, t):
    """F_t when a point is fresh real with probability m; mean squared error of a frequency over p(1 - p)."""
    return two_types(n, t, lambda k: m * 0.3 + (1 - m) * k / n, lambda k: k / n, 0.3)


@second_reading(
    "F-MIX",
    draw=lambda rng: {"n": any_size(rng, 10**9), "m": any_share(rng), "t": any_time(rng, 10**9)},
    route="affine maps by squaring, 40 digits",
    rtol=1e-13,
)
def inbreeding_random_fresh(n, m, t):
    """F_t = 1/n + (1 - 1/n)(1 - m)^2 F_{t-1}."""
    import mpmath as mp

    with mp.workdps(40):
        own = mp.mpf(1) / n
        return float(affine((1 - own) * (1 - mp.mpf(m)) ** 2, own, t))


@second_reading(
    "F-MIX",
    draw=lambda rng: {"n": any_size(rng, 10**9), "m": any_share(rng)},
    route="linear equation in exact fractions",
    rtol=1e-15,
)
def limit_random_fresh(n, m):
    """F_inf = 1/(n - (n-1)(1 - m)^2)."""
    return float(1 / (n - (n - 1) * (1 - Fraction(m)) ** 2))


def _fresh_draw(top, top_t):
    def draw(rng):
        n = any_size(rng, top)
        r = int(rng.choice([0, 1, n, n - 1])) if rng.random() < 0.4 else int(rng.integers(0, n + 1))
        return {"n": n, "r": min(r, n), "t": any_time(rng, top_t)}

    return draw


@second_reading("F-FRESH", draw=_fresh_draw(25, 60), route="pair by pair", rtol=1e-12)
def inbreeding_fresh_pairs(n, r, t):
    """F_t with exactly r of n points fresh real each generation, generation 1 all real."""
    if t == 0:
        return 0.0
    pairs, train = draw_real(NOBODY, n)
    for _ in range(t - 1):
        pairs, new = draw_copies(pairs, train, n - r)
        pairs, real = draw_real(pairs, r)
        pairs, train = keep_only(pairs, np.concatenate([new, real]))
    return coalesced(pairs, train)


@second_reading("F-FRESH", draw=_fresh_draw(10**6, 10**9), route="affine maps by squaring, 40 digits", rtol=1e-13)
def inbreeding_fresh(n, r, t):
    """F_t = 1/n + F_{t-1} s(s-1)/n^2 with s = n - r copies: two draws are one point, or two copies."""
    import mpmath as mp

    with mp.workdps(40):
        return float(affine(mp.mpf((n - r) * (n - r - 1)) / n**2, mp.mpf(1) / n, t))


@second_reading(
    "F-FRESH",
    draw=lambda rng: {k: v for k, v in _fresh_draw(10**6, 1)(rng).items() if k != "t"},
    route="linear equation in exact fractions",
    rtol=1e-15,
)
def limit_fresh(n, r):
    """F_inf = (1/n)/(1 - (1 - m)^2 + (1 - m)/n), m = r/n."""
    return float(Fraction(n, n**2 - (n - r) * (n - r - 1)))


@second_reading("F-ONE", draw=lambda rng: {"n": any_size(rng, 10**9)}, route="exact fractions", rtol=1e-15)
def limit_one_fresh(n):
    """F_inf = 1/(3 - 2/n)."""
    return limit_fresh(n, 1)


@second_reading(
    "F-ONE", draw=lambda rng: {"n": any_size(rng, 25), "t": any_time(rng, 60)}, route="pair by pair", rtol=1e-12
)
def inbreeding_one_fresh(n, t):
    """F_t with one fresh real point a generation."""
    return inbreeding_fresh_pairs(n, 1, t)


# --------------------------------------------------------------------------------------------------------------- window


def _window_draw(top_k, top_b, top_t):
    return lambda rng: {"K": any_size(rng, top_k), "b": any_size(rng, top_b), "t": any_time(rng, top_t)}


@second_reading("F-WIN", draw=_window_draw(5, 8, 40), route="pair by pair", rtol=1e-12)
def inbreeding_window_pairs(K, b, t):
    """F_t for fits on the last K batches of b points, K real batches at the start."""
    if t == 0:
        return 0.0
    pairs, train = draw_real(NOBODY, K * b)
    for _ in range(t - 1):
        pairs, new = draw_copies(pairs, train, b)
        pairs, train = keep_only(pairs, np.concatenate([new, train[: (K - 1) * b]]))
    return coalesced(pairs, train)


def _window_matrix(K, b):
    """Return the map on the K^2 pairs of batches (by age), without the coalescence within the new batch."""
    move = np.eye(K, k=-1)
    move[0] = 1 / K
    step = np.kron(move, move)
    step[0] *= 1 - 1 / b
    return step


# The first reading steps through all generations, hence no more than 1000 of them.
@second_reading("F-WIN", draw=_window_draw(6, 10**4, 1000), route="matrix powers of coalescence", rtol=1e-10)
def inbreeding_window(K, b, t):
    """F_t: pairs of batches coalesce by a nonnegative affine map; the start is 1/b on the diagonal."""
    if t == 0:
        return 0.0
    step = np.zeros((K * K + 1, K * K + 1))
    step[:-1, :-1] = _window_matrix(K, b)
    step[0, -1] = 1 / b
    step[-1, -1] = 1
    state = np.append((np.eye(K) / b).ravel(), 1.0)
    return float((np.linalg.matrix_power(step, t - 1) @ state)[:-1].mean())


@second_reading(
    "F-WIN",
    draw=lambda rng: {"K": any_size(rng, 6), "b": (b := any_size(rng, 10**4)), "t": any_time(rng, min(500 * b, 1000))},
    route="matrix powers of deficits",
    rtol=1e-10,
)
def retained_window(K, b, t):
    """1 - F_t, the mean of the deficits D."""
    if t == 0:
        return 1.0
    start = (1 - np.eye(K) / b).ravel()
    return float((np.linalg.matrix_power(_window_matrix(K, b), t - 1) @ start).mean())


def _symmetric_table(rng):
    table = rng.random((int(rng.integers(1, 7)),) * 2)
    return {"D": (table + table.T) / 2, "b": any_size(rng, 10**6)}


@second_reading("F-WIN-R", draw=_symmetric_table, route="congruence by a matrix", rtol=1e-13)
def window_step(D, b):
    """D' of the next generation: D'_00 = (1 - 1/b) mean D, D'_0j = mean_i D_{i,j-1}, D'_ij = D_{i-1,j-1}."""
    D = np.asarray(D, dtype=float)
    move = np.eye(len(D), k=-1)
    move[0] = 1 / len(D)
    out = move @ D @ move.T
    out[0, 0] *= 1 - 1 / b
    return out


@second_reading(
    "F-WIN-R",
    draw=lambda rng: {"K": any_size(rng, 6), "b": any_size(rng, 10**5)},
    route="root of a K by K determinant, 30 digits",
    rtol=1e-12,
)
def window_rate(K, b):
    """-log of the top eigenvalue x: deficits of batches s and s + j are x^s g_j.

    With g_{-j} = x^-j g_j: g_j = mean_{i=1..K} g_{j-i} for j = 1..K-1, and g_0 = (1 - 1/b) x^-1 mean over the window.
    """
    import mpmath as mp

    def table(x):
        rows = mp.matrix(K, K)
        for j in range(1, K):
            rows[j, j] += 1
            for i in range(1, K + 1):
                lag = j - i
                rows[j, abs(lag)] -= (x**lag if lag < 0 else 1) / mp.mpf(K)
        rows[0, 0] += 1
        for u in range(1, K + 1):  # the batch of time 0 and the window of times -1..-K, each pair at its elder time
            for v in range(1, K + 1):
                rows[0, abs(u - v)] -= (1 - mp.mpf(1) / b) * x ** (-max(u, v)) / mp.mpf(K) ** 2
        return rows

    if K == 1:
        return float(-mp.log1p(-mp.mpf(1) / b)) if b > 1 else float("inf")  # one point in the window: F = 1 at once
    guess = float(max(np.linalg.eigvals(_window_matrix(K, b)), key=abs).real)
    with mp.workdps(30):
        # solve in y = 1 - x, which keeps the digits of a small rate
        y = mp.findroot(lambda y: mp.det(table(1 - y)), (mp.mpf(1) - guess, (mp.mpf(1) - guess) * mp.mpf("1.0001")))
        return float(-mp.log1p(-y))


# ---------------------------------------------------------------------------------------------------- corpus, smoothing


def _corpus_draw(top, top_s):
    def draw(rng):
        M = any_size(rng, top, low=2)
        return {"M": M, "alpha": float(rng.choice([0, 1, M, rng.integers(0, M + 1)])) / M, "s": any_time(rng, top_s)}

    return draw


@second_reading("F-ALPHA", draw=_corpus_draw(20, 200), route="two types counted, hypergeometric losses", rtol=1e-11)
def inbreeding_corpus_two_types(M, alpha, s):
    """F after s steps with the initial corpus as reference; alpha M tokens become draws from the old one."""
    replaced, states = round(alpha * M), np.arange(M + 1)
    step = np.zeros((M + 1, M + 1))
    for k in states:
        left = stats.hypergeom.pmf(states, M, k, M - replaced)  # copies among the tokens that stay
        gain = stats.binom.pmf(states, replaced, k / M)
        step[k] = np.convolve(left, gain)[: M + 1]
    law = np.linalg.matrix_power(step, s)[M // 2]
    p = (M // 2) / M
    return float(law @ (states / M - p) ** 2 / (p * (1 - p)))


@second_reading("F-ALPHA", draw=_corpus_draw(10**6, 10**9), route="count of ordered pairs, 40 digits", rtol=1e-13)
def inbreeding_corpus(M, alpha, s):
    """F after s steps: pairs of different tokens of which one or two are new coalesce with probability 1/M."""
    import mpmath as mp

    with mp.workdps(40):
        r = round(alpha * M)
        lost = mp.mpf(2 * r * (M - r) + r * (r - 1)) / (M * (M - 1)) / M
        return float(affine(1 - lost, lost, s))


@second_reading("F-ALPHA", draw=_corpus_draw(10**6, 10**9), route="count of ordered pairs, 40 digits", rtol=1e-13)
def inbreeding_corpus_from_truth(M, alpha, s):
    """1 - (1 - 1/M)(1 - F): the truth as reference, s = t - 1."""
    import mpmath as mp

    with mp.workdps(40):
        r = round(alpha * M)
        lost = mp.mpf(2 * r * (M - r) + r * (r - 1)) / (M * (M - 1)) / M
        return float(affine(1 - lost, lost, s, start=mp.mpf(1) / M))


def _smoothing(rng):
    return float(rng.choice([0.0, 1e-6, 1.0])) if rng.random() < 0.3 else float(np.exp(rng.uniform(-5, 8)))


@second_reading(
    "F-SMOOTH",
    draw=lambda rng: {"n": any_size(rng, 25), "A": _smoothing(rng), "t": any_time(rng, 200)},
    route="two types counted",
    rtol=1e-11,
)
def inbreeding_smoothing_two_types(n, A, t):
    """F_t of p_t = (n p_hat + A p_0)/(n + A) itself."""
    return two_types(n, t, lambda k: (k + A * 0.3) / (n + A), lambda k: (k + A * 0.3) / (n + A), 0.3)


@second_reading(
    "F-SMOOTH",
    draw=lambda rng: {"n": any_size(rng, 10**9), "A": _smoothing(rng), "t": any_time(rng, 10**9)},
    route="affine maps by squaring, 40 digits",
    rtol=1e-13,
)
def inbreeding_smoothing(n, A, t):
    """F_t = (1 - m)^2 [1/n + (1 - 1/n) F_{t-1}], m = A/(n + A)."""
    import mpmath as mp

    with mp.workdps(40):
        kept = (n / (n + mp.mpf(A))) ** 2
        return float(affine(kept * (1 - mp.mpf(1) / n), kept / n, t))


@second_reading(
    "F-SMOOTH",
    draw=lambda rng: {"n": any_size(rng, 10**9), "A": _smoothing(rng)},
    route="linear equation in exact fractions",
    rtol=1e-15,
)
def limit_smoothing(n, A):
    """F_inf = 1/(n/(1 - m)^2 - n + 1)."""
    kept = (n / (n + Fraction(A))) ** 2
    return float(kept / n / (1 - kept * (1 - Fraction(1, n))))
