"""Second readings of the loops with a sampling bias (MAD, Alemohammad et al.).

Claims: mad-fully-synthetic-moments, mad-fresh-loop-moments, mad-effective-sample-size, mad-phase-transition-threshold.

Routes. The fully synthetic loop is a power of a 2 x 2 matrix, bias and fit being factors of it. For the fresh loop the
second moments of the pooled sample are summed point by point, and the affine map so found is raised to a power; its
fixed point is solved in fractions, `bias` taken as the fraction that the float is. The wobble of the covariance in the
expansion of W_2^2 is the stationary variance of a first-order autoregression. The threshold for admissible biased data
is not taken from its formula but as the root of the expansion at n_r = 10^30, in a hundred digits.

The sampling bias lambda of the paper is `bias`; all fits are `unbiased`; real data are N(0, I).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy.optimize import brentq

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------- draws


def _size(rng, least=2, most=20_000):
    """A sample size, spread evenly over the orders of magnitude; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(least * (most / least) ** rng.random())


def _time(rng, most=1000, least=0):
    """A generation; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(rng.integers(least, 1 + int(most ** rng.random()), endpoint=True))


def _bias(rng):
    return float(rng.choice([1.0, 0.8, rng.uniform(0.01, 1)]))


# ----------------------------------------------------------------------------------------- mad-fully-synthetic-moments


def _draw_synthetic(rng):
    start = str(rng.choice(["model", "data"]))
    return {"n_s": _size(rng), "bias": _bias(rng), "t": _time(rng, 500, least=int(start == "data")), "start": start}


def _synthetic(n_s, bias, t, start):
    """(E |mu_t - mu_0|^2, E tr Sigma_t) per tr Sigma_0; start "data": generation 1 is fitted to unbiased real data."""
    fit = np.array([[1, 1 / n_s], [0, 1]])  # of (shift, spread), on a sample without bias
    biased = fit @ np.diag([1, bias])
    if start == "data":
        return np.linalg.matrix_power(biased, t - 1) @ fit @ [0, 1]
    return np.linalg.matrix_power(biased, t) @ [0, 1]


@second_reading("mad-fully-synthetic-moments", draw=_draw_synthetic, route="matrix power", rtol=1e-11)
def synthetic_spread(n_s, bias, t, start):
    """E Sigma_t / Sigma_0 = lambda^t (start "model") or lambda^{t-1} (start "data", t >= 1)."""
    return float(_synthetic(n_s, bias, t, start)[1])


@second_reading("mad-fully-synthetic-moments", draw=_draw_synthetic, route="matrix power", rtol=1e-11)
def synthetic_drift(n_s, bias, t, start):
    """E |mu_t - mu_0|^2 / tr Sigma_0 = (1/n_s) sum_{i=1}^t lambda^i, or sum_{i<t} from "data"."""
    return float(_synthetic(n_s, bias, t, start)[0])


@second_reading(
    "mad-fully-synthetic-moments",
    draw=lambda rng: {"n_s": _size(rng), "bias": float(rng.uniform(0.01, 0.999))},
    route="fixed point in fractions",
    rtol=1e-13,
)
def synthetic_drift_bound(n_s, bias):
    """Bound lambda / ((1-lambda) n_s), lambda < 1: the limit s of s = lambda (1/n_s + s), start "model"."""
    return float(Fraction(bias) / n_s / (1 - Fraction(bias)))


@second_reading(
    "mad-fully-synthetic-moments",
    draw=lambda rng: {"n_s": _size(rng), "bias": _bias(rng)},
    route="harmonic sums",
    rtol=1e-9,
)
def synthetic_rate(n_s, bias):
    """Limit of ln(sigma_t^2)/t = ln lambda + m(n_s), one dimension."""
    k, odd = n_s - 1, (n_s - 1) % 2
    if odd:  # E ln chi^2_k
        mean_log = -math.log(2) + 2 * math.fsum(1 / (2 * j - 1) for j in range(1, (k + 1) // 2))
    else:
        mean_log = math.log(2) + math.fsum(1 / j for j in range(1, k // 2))
    return math.log(bias) + mean_log - np.euler_gamma - math.log(k)


@second_reading(
    "mad-fully-synthetic-moments",
    draw=lambda rng: {"n_s": _size(rng, most=3000), "bias": _bias(rng), "t": _time(rng, 100)},
    route="central binomials",
    rtol=1e-12,
)
def synthetic_sigma(n_s, bias, t):
    """E sigma_t / sigma_0 = (sqrt(lambda) c4(n_s))^t, one dimension, start "model"."""
    k = (n_s - 1) // 2
    central = math.comb(2 * k, k)
    ratio = float(Fraction(k * central, 4**k)) if n_s % 2 else float(Fraction(4**k, central)) / math.pi
    return (math.sqrt(bias) * math.sqrt(2 * math.pi / (n_s - 1)) * ratio) ** t


# ------------------------------------------------------------------- mad-fresh-loop-moments, mad-effective-sample-size


def _fresh_step(n_r, n_s, bias):
    """The matrix that moves (A, V, 1), from the sums of E x_i x_j over the pooled points."""
    total = n_r + n_s
    # rows: coefficients of A, V, 1; synthetic points have E x_i x_j = A + bias V [i = j], real ones [i = j]
    all_pairs = np.array([n_s**2, n_s * bias, n_r])
    same_point = np.array([n_s, n_s * bias, n_r])
    mean_square = all_pairs / total**2
    return np.array([mean_square, (same_point - total * mean_square) / (total - 1), [0, 0, 1]])


def _draw_fresh(rng):
    return {"n_r": _size(rng, 1, 2000), "n_s": _size(rng, 1, 2000), "bias": _bias(rng)}


def _draw_fresh_loop(rng):
    return _draw_fresh(rng) | {"n_ini": _size(rng), "t": _time(rng, 200, least=1)}


def _fresh(n_r, n_s, bias, n_ini, t):
    return np.linalg.matrix_power(_fresh_step(n_r, n_s, bias), t - 1) @ [1 / n_ini, 1, 1]


@second_reading("mad-fresh-loop-moments", draw=_draw_fresh_loop, route="pooled pairs, matrix power", rtol=1e-11)
def fresh_mean_error(n_r, n_s, bias, n_ini, t):
    """A_t = E |mu_t|^2 / d, generation 1 fitted to n_ini real points."""
    return float(_fresh(n_r, n_s, bias, n_ini, t)[0])


@second_reading("mad-fresh-loop-moments", draw=_draw_fresh_loop, route="pooled pairs, matrix power", rtol=1e-11)
def fresh_variance(n_r, n_s, bias, n_ini, t):
    """V_t = E tr Sigma_t / d."""
    return float(_fresh(n_r, n_s, bias, n_ini, t)[1])


def _fixed_point(n_r, n_s, bias):
    """(A, V) at rest, by Cramer's rule in whatever numbers `bias` is; n_r = bias = 1 has A = 1, V = 2."""
    total = n_r + n_s
    # total^2 A = n_r + n_s^2 A + n_s bias V;   (total - 1) V = n_r + n_s bias V + n_s A - total A
    a, b, c = total**2 - n_s**2, -n_s * bias, n_r
    d, e, f = total - n_s, total - 1 - n_s * bias, n_r
    return (c * e - b * f) / (a * e - b * d), (a * f - c * d) / (a * e - b * d)


@second_reading("mad-fresh-loop-moments", draw=_draw_fresh, route="linear solve in fractions", rtol=1e-13)
def fresh_mean_error_limit(n_r, n_s, bias):
    """A_infinity; n_r = lambda = 1 included, where the printed quotients are 0/0 but the two equations are not."""
    return float(_fixed_point(n_r, n_s, Fraction(bias))[0])


@second_reading("mad-fresh-loop-moments", draw=_draw_fresh, route="linear solve in fractions", rtol=1e-13)
def fresh_variance_limit(n_r, n_s, bias):
    """V_infinity."""
    return float(_fixed_point(n_r, n_s, Fraction(bias))[1])


@second_reading(
    "mad-effective-sample-size",
    draw=lambda rng: {"n_r": _size(rng, 1), "n_s": 0 if rng.random() < 0.2 else _size(rng, 1)},
    route="fixed point in fractions",
    rtol=1e-13,
)
def effective_ratio_mean_only(n_r, n_s):
    """n_e/n_r = 1/(n_r A) with A = 1/N + f^2 A (variance known, lambda = 1), which is 1 + f."""
    total = n_r + n_s
    return float(1 / (n_r * Fraction(1, total) / (1 - Fraction(n_s, total) ** 2)))


@second_reading("mad-effective-sample-size", draw=_draw_fresh, route="linear solve in fractions", rtol=1e-13)
def effective_ratio(n_r, n_s, bias):
    """n_e/n_r = 1/(n_r A_infinity), covariance estimated."""
    return float(1 / (n_r * _fixed_point(n_r, n_s, Fraction(bias))[0]))


def _w2_per_dimension(n_r, n_s, bias, d):
    """A + (1 - sqrt V)^2 + Phi: Phi = E tr D^2 / (4 d V^{3/2}) for the stationary D' = f bias D + sampling noise."""
    shift, spread = _fixed_point(n_r, n_s, bias)
    total = n_r + n_s
    noise = (d + 1) * (n_r + n_s * (bias * spread) ** 2) / total**2
    wobble = noise / (1 - (n_s * bias / total) ** 2)
    root = spread**0.5
    return shift + (1 - root) ** 2 + wobble / (4 * root**3)


@second_reading(
    "mad-effective-sample-size",
    draw=lambda rng: {
        "n_r": _size(rng, 2, 2000),
        "n_s": 0 if rng.random() < 0.2 else _size(rng, 1, 2000),
        "bias": _bias(rng),
        "d": int(rng.integers(1, 100)),
    },
    route="linear solve, first-order autoregression",
    rtol=1e-12,
)
def fresh_w2_expansion(n_r, n_s, bias, d):
    """E W_2^2, about d [A + (1 - sqrt V)^2 + Phi]; n_r >= 2."""
    return float(d * _w2_per_dimension(n_r, n_s, bias, d))


@second_reading(
    "mad-effective-sample-size",
    draw=lambda rng: {"n": _size(rng), "d": int(rng.integers(1, 100))},
    route="fractions",
    rtol=1e-14,
)
def real_w2_expansion(n, d):
    """(d/n) (1 + (d+1)/4), d << n."""
    return float(Fraction(d, n) * (1 + Fraction(d + 1, 4)))


# --------------------------------------------------------------------------------------- mad-phase-transition-threshold


@second_reading(
    "mad-phase-transition-threshold",
    draw=lambda rng: {"bias": float(rng.choice([0.5, rng.uniform(0.01, 0.99)])), "d": int(rng.integers(1, 100))},
    route="the expansion at n_r = 10^30 in a hundred digits",
)
def admissible_limit(bias, d):
    """n_s* = [4(2-lambda) + (d+1)(1/2 + 3 lambda/2 - lambda^2)] / (1-lambda)^2, lambda < 1."""
    import mpmath

    with mpmath.workdps(100):
        n_r, exact = mpmath.mpf(10) ** 30, mpmath.mpf(bias)
        gain = [
            (_w2_per_dimension(n_r, n_s, exact, d) - (1 + mpmath.mpf(d + 1) / 4) / n_r) * n_r**2 / n_s for n_s in (1, 2)
        ]
        return float(1 - gain[0] / (gain[1] - gain[0]))  # linear in n_s up to 1/n_r


@second_reading(
    "mad-phase-transition-threshold",
    draw=lambda rng: {
        "n_r": int(rng.integers(20_000, 200_000)),
        "bias": float(rng.uniform(0.01, 0.8)),
        "d": int(rng.integers(1, 20)),
    },
    route="root of the expansion",
    rtol=1e-8,
)
def admissible(n_r, bias, d):
    """The n_s > 0, a real number, where the expansion of E W_2^2 equals that of n_r real points, n_r large."""
    import mpmath

    with mpmath.workdps(40):
        exact = mpmath.mpf(bias)

        def excess(n_s):
            whole = _w2_per_dimension(n_r, mpmath.mpf(n_s), exact, d) - (1 + mpmath.mpf(d + 1) / 4) / n_r
            return float(whole * n_r**2 / n_s)

        above = 1.0
        while excess(above) < 0:
            above *= 2
        return brentq(excess, 0.01, above, rtol=1e-13)
