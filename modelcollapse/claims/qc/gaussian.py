"""Second readings of the one-dimensional Gaussian claims.

Claims: the laws of the replace loop (G-LOGWALK, G-HEAVY, G-FPT, G-SUP, LIM-MEAN, gauss-sigma-c4, BERT, G-KLF, G-KLR,
G-ENT), the formulas of Shumailov et al. (SHU-THM3.1 in one dimension, SHU-1D-REP, SHU-1D-VAR, SHU-1D-EW2,
SHU-1D-VARW2, SHU-1D-SUPERLIN, SHU-EXP-GAUSS, SHU-EXP-SINGLEFIT) and the bounds of Suresh et al. (SUR-T3).

Routes. No gamma, digamma or trigamma function is called (but in SHU-1D-VARW2, by mpmath). Everything that a refit does
to the variance is an expectation over ln S, S = chi^2_nu / div, and that is taken by the trapezoidal rule. With
a = nu/2 and chi^2_nu = nu e^u the density of u is proportional to exp(a (u - (e^u - 1))): analytic, and falling at
least exponentially on both sides, so that the rule converges geometrically. Small numbers come without cancellation
from E(e^u - 1) = 0: E u = -E(e^u - 1 - u) and 1 - c4 = E(e^{u/2} - 1)^2 / 2. The constant c4 is had a second time, for
BERT, out of central binomial coefficients. Whatever is a polynomial in A = mu_t - mu_0 and B = sigma_t moves linearly
from one generation to the next (A' = A + B Z / sqrt n, B' = B sqrt S), so moments are powers of a matrix, in fractions
or in fifty digits. The limit law of the mean is read off Dufresne's identity, as a normal law with a random precision,
and integrated.

sigma_0 = 1 and mu_0 = 0 where they are not parameters; `estimator` is "unbiased" (divisor n - 1) or "mle" (divisor n).
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr, zeta

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------- draws


def _size(rng, least=2, most=100_000):
    """A sample size, spread evenly over the orders of magnitude; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(least * (most / least) ** rng.random())


def _time(rng, most=2000, least=0):
    """A generation; every fourth is the least one."""
    return least if rng.random() < 0.25 else int(rng.integers(least, 1 + int(most ** rng.random()), endpoint=True))


def _estimator(rng):
    return str(rng.choice(["unbiased", "mle"]))


def _loop(rng, least=2, most=100_000, longest=2000):
    return {"n": _size(rng, least, most), "t": _time(rng, longest), "estimator": _estimator(rng)}


def _sizes(rng):
    return tuple(_size(rng) for _ in range(int(rng.integers(1, 25))))


# ------------------------------------------------------------------------------- the law of one refit, by quadrature


def _divisor(n, estimator):
    return {"unbiased": n - 1, "mle": n}[estimator]


def _log_ratio(n, lowest=0.0):
    """Nodes u and log weights of ln(chi^2_nu / nu), wide enough for e^{su} with s >= lowest."""
    a = (n - 1) / 2
    step, width = min(0.1, 0.25 / math.sqrt(a)), 10 / math.sqrt(a)
    u = np.arange(-width - 50 / (a + min(lowest, 0)), width + min(3, 50 / a), step)
    return u, a * (u - np.expm1(u))


def _mean(n, g):
    """E g(u)."""
    u, log_weight = _log_ratio(n)
    weight = np.exp(log_weight)
    return float(np.sum(weight * g(u)) / np.sum(weight))


def _shrink(n, estimator):
    """ln(nu / div), which is ln E S."""
    return math.log1p(-1 / n) if estimator == "mle" else 0.0


def _drift(n, estimator):
    """Return m = E ln S."""
    return _shrink(n, estimator) - _mean(n, lambda u: np.expm1(u) - u)


def _spread(n):
    """Return v = Var ln S."""
    return _mean(n, np.square) - _mean(n, lambda u: np.expm1(u) - u) ** 2


def _log_moment(n, s, estimator):
    """Return ln E S^s, for every s > -nu/2."""
    u, log_weight = _log_ratio(n, s)
    if 0 <= s <= 3:
        weight = np.exp(log_weight)
        excess = np.sum(weight * (np.expm1(s * u) - s * np.expm1(u))) / np.sum(weight)
        return s * _shrink(n, estimator) + math.log1p(excess)
    return s * _shrink(n, estimator) + math.log(np.sum(np.exp(log_weight + s * u)) / np.sum(np.exp(log_weight)))


def _log_c4(n):
    """Return ln E sqrt(chi^2_nu / nu)."""
    return math.log1p(-_mean(n, lambda u: np.expm1(u / 2) ** 2) / 2)


# ------------------------------------------------------------------------------------- G-LOGWALK, G-HEAVY, G-ENT


@second_reading("G-LOGWALK", draw=_loop, route="trapezoidal rule for ln chi-square")
def log_variance_mean(n, t, estimator):
    """E ln(sigma_t^2 / sigma_0^2) = t m."""
    return t * _drift(n, estimator)


@second_reading(
    "G-LOGWALK", draw=lambda rng: {"n": _size(rng), "t": _time(rng)}, route="trapezoidal rule for ln chi-square"
)
def log_variance_variance(n, t):
    """Var ln sigma_t^2 = t v, whatever the divisor."""
    return t * _spread(n)


def _draw_moment(rng):
    n = _size(rng)
    order = float(rng.choice([0.0, 0.5, 1.0, rng.uniform(max(-(n - 1) / 2 + 0.1, -4), 4)]))
    return {"n": n, "t": _time(rng, 50), "order": order, "estimator": _estimator(rng)}


@second_reading("G-LOGWALK", draw=_draw_moment, route="trapezoidal rule for ln chi-square")
def moment_of_variance(n, t, order, estimator):
    """E (sigma_t^2 / sigma_0^2)^order = M_order^t, order > -nu/2."""
    return math.exp(t * _log_moment(n, order, estimator))


@second_reading("G-LOGWALK", draw=_loop, route="trapezoidal rule for ln chi-square")
def geometric_mean_of_sigma(n, t, estimator):
    """exp(t m / 2)."""
    return math.exp(t * _drift(n, estimator) / 2)


@second_reading(
    "G-HEAVY", draw=lambda rng: _loop(rng, longest=300), route="Isserlis on the centring matrix, fractions", rtol=1e-13
)
def relative_variance_of_variance(n, t, estimator):
    """(1 + 2/nu)^t - 1: div S = z'Pz, E z'Pz = tr P, E (z'Pz)^2 = (tr P)^2 + 2 tr P^2."""
    diagonal, beside, div = 1 - Fraction(1, n), -Fraction(1, n), _divisor(n, estimator)
    trace, trace_of_square = n * diagonal, n * diagonal**2 + n * (n - 1) * beside**2
    first, second = trace / div, (trace**2 + 2 * trace_of_square) / div**2
    return float((second / first**2) ** t - 1)


@second_reading(
    "G-ENT",
    draw=lambda rng: {"n": _size(rng), "estimator": _estimator(rng)},
    route="trapezoidal rule for ln chi-square",
)
def entropy_step(n, estimator):
    """Half of m, the change per generation of the expected entropy (ln(2 pi e) + ln sigma^2) / 2."""
    return _drift(n, estimator) / 2


# ---------------------------------------------------------------------------------------------------- G-FPT, G-SUP


def _draw_passage(rng):
    return {"n": _size(rng), "level": float(rng.uniform(0.05, 12)), "estimator": _estimator(rng)}


@second_reading("G-FPT", draw=_draw_passage, route="trapezoidal rule for ln chi-square")
def first_passage_mean_without_overshoot(n, level, estimator):
    """L / |m|."""
    return level / -_drift(n, estimator)


def _overshoot(n):
    """-zeta(1/2)/sqrt(2 pi) sqrt(v): the statement prints the constant as 0.583, hence rtol 1e-3 where it enters."""
    head = math.fsum(1 / math.sqrt(i) for i in range(1, 400))  # Euler-Maclaurin continuation of sum 1/sqrt(i)
    half = head - 2 * math.sqrt(400) + 0.5 / math.sqrt(400) + 1 / 24 * 400**-1.5
    return -half / math.sqrt(2 * math.pi) * math.sqrt(_spread(n))


@second_reading("G-FPT", draw=_draw_passage, route="trapezoidal rule; zeta(1/2) by Euler-Maclaurin", rtol=1e-3)
def first_passage_mean(n, level, estimator):
    """(L + 0.583 sqrt v) / |m|."""
    return (level + _overshoot(n)) / -_drift(n, estimator)


@second_reading(
    "G-FPT",
    draw=lambda rng: {"n": _size(rng), "level": float(rng.uniform(1, 12))},
    route="trapezoidal rule; zeta(1/2) by Euler-Maclaurin",
    rtol=1e-3,
)
def first_passage_shape(n, level):
    """(L + 0.583 sqrt v)^2 / v, whatever the divisor."""
    return (level + _overshoot(n)) ** 2 / _spread(n)


@second_reading("G-FPT", draw=_draw_passage, route="quadrature of the inverse Gaussian density", rtol=1e-8)
def first_passage_sd_many_points(n, level, estimator):
    """Large n: n sqrt(2L) or n sqrt(L)/2: sd of n IG(L, L^2/2) or n IG(L/2, L^2/2) (mean, shape)."""
    mean, shape = level / {"unbiased": 1, "mle": 2}[estimator], level**2 / 2

    def moment(power):  # in y = ln(x / mean)
        def integrand(y):
            return math.exp(power * y - y / 2 - shape / mean * (math.cosh(y) - 1))

        return math.sqrt(shape / (2 * math.pi * mean)) * quad(integrand, -25, 25, points=[0.0], epsabs=0, limit=400)[0]

    return n * mean * math.sqrt(moment(2) - moment(1) ** 2)


def _tail_exponent(n, estimator):
    if estimator == "unbiased":
        return 1.0
    return brentq(lambda kappa: _log_moment(n, kappa, "mle") / kappa, 1 + 1e-9, 3, xtol=1e-14, rtol=1e-14)


@second_reading(
    "G-SUP",
    draw=lambda rng: {"n": _size(rng, most=20_000)},
    route="trapezoidal rule and bisection",
)
def largest_variance_exponent(n):
    """The kappa > 1 with E S^kappa = 1, `mle`."""
    return _tail_exponent(n, "mle")


@second_reading(
    "G-SUP",
    draw=lambda rng: {
        "n": _size(rng, most=20_000),
        "c": 1.0 if rng.random() < 0.1 else float(math.exp(rng.uniform(0, 10))),
        "estimator": _estimator(rng),
    },
    route="trapezoidal rule and bisection",
    rtol=1e-9,
)
def largest_variance_bound(n, c, estimator):
    """P(sup sigma_t^2 >= c sigma_0^2) <= c^-kappa, kappa = 1 for `unbiased`; c >= 1."""
    return c ** -_tail_exponent(n, estimator)


# ------------------------------------------------------------------------------------------- LIM-MEAN, SHU-THM3.1


def _limit_cdf(x, estimator):
    """P(mu <= x), mu normal with precision Gamma(eta), eta = 1 or 2 (Dufresne: 2 * 1/(2 Gamma) is the variance)."""
    eta = {"unbiased": 1, "mle": 2}[estimator]
    y = np.arange(-60.0, 6.0, 0.05)
    return float(0.05 * np.sum(np.exp(eta * y - np.exp(y)) * ndtr(x * np.exp(y / 2))))  # Gamma(1) = Gamma(2) = 1


@second_reading(
    "LIM-MEAN",
    draw=lambda rng: {
        "x": float(rng.choice([0.0, rng.normal() * 3, -math.exp(rng.uniform(0, 8)), math.exp(rng.uniform(0, 8))])),
        "estimator": _estimator(rng),
    },
    route="quadrature over Dufresne's gamma law",
)
def limit_of_mean_cdf(x, estimator):
    """P((mu_infinity - mu_0)/sigma_0 <= x), first t then n to infinity."""
    return _limit_cdf(x, estimator)


def _limit_quantile(p, estimator):
    low = min(p, 1 - p)
    x = brentq(lambda y: math.log(_limit_cdf(-math.exp(y), estimator) / low), -30, 12, xtol=1e-14) if low < 0.5 else 0
    return 0.0 if low == 0.5 else math.copysign(math.exp(x), p - 0.5)


@second_reading(
    "LIM-MEAN",
    draw=lambda rng: {
        "p": float(rng.choice([0.25, 0.75, rng.uniform(0.51, 1), rng.uniform(0, 0.49), 1e-4])),
        "estimator": _estimator(rng),
    },
    route="quadrature over Dufresne's gamma law, bisection",
    rtol=1e-9,
)
def limit_of_mean_quantile(p, estimator):
    """Quantile of t_2 (`unbiased`) or t_4 / sqrt 2 (`mle`), in units of sigma_0."""
    return _limit_quantile(p, estimator)


@second_reading(
    "LIM-MEAN",
    draw=lambda rng: {"n": _size(rng, most=20_000), "estimator": _estimator(rng)},
    route="trapezoidal rule and bisection",
    rtol=1e-9,
)
def limit_of_mean_tail_index(n, estimator):
    """2 kappa, E S^kappa = 1: exactly at every n."""
    return 2 * _tail_exponent(n, estimator)


@second_reading("LIM-MEAN", draw=lambda rng: {"n": _size(rng)}, route="geometric series in fractions", rtol=1e-14)
def limit_of_mean_variance(n):
    """Var mu_infinity = sum_j (1/n) (1 - 1/n)^j = 1, `mle`, every n."""
    return float(Fraction(1, n) / (1 - (1 - Fraction(1, n))))


@second_reading(
    "SHU-THM3.1",
    draw=lambda rng: {"sigma0": float(math.exp(rng.normal())), "estimator": _estimator(rng)},
    route="quadrature over Dufresne's gamma law, bisection",
    rtol=1e-9,
)
def median_w2_limit(sigma0, estimator):
    """Median of (mu_infinity - mu_0)^2 + sigma_0^2, n to infinity: 5/3 or 1 + t_{4;0.75}^2 / 2, times sigma_0^2."""
    return sigma0**2 * (1 + _limit_quantile(0.75, estimator) ** 2)


@second_reading(
    "SHU-THM3.1",
    draw=lambda rng: {"n": _size(rng), "estimator": _estimator(rng)},
    route="trapezoidal rule for ln chi-square",
)
def almost_sure_rate(n, estimator):
    """Limit of ln(sigma_t^2)/t = m."""
    return _drift(n, estimator)


# -------------------------------------------------------------------------------------------- gauss-sigma-c4, BERT


@second_reading("gauss-sigma-c4", draw=_loop, route="trapezoidal rule, 1 - c4 = E(e^{u/2} - 1)^2 / 2")
def expected_sigma(n, t, estimator):
    """c4^t (`unbiased`) or (c4 sqrt(1 - 1/n))^t (`mle`)."""
    return math.exp(t * (_log_c4(n) + _shrink(n, estimator) / 2))


def _c4_from_binomials(n):
    """c4 = sqrt(2/nu) Gamma((nu+1)/2)/Gamma(nu/2), the ratio being rational up to sqrt(pi)."""
    nu, k = n - 1, (n - 1) // 2
    central = math.comb(2 * k, k)
    if nu % 2:
        return math.sqrt(2 / nu / math.pi) * float(Fraction(4**k, central))
    return math.sqrt(2 / nu * math.pi) * float(Fraction(k * central, 4**k))


@second_reading("BERT", draw=lambda rng: {"n": _size(rng, most=3000)}, route="central binomials", rtol=1e-14)
def shrinking_factor(n):
    """alpha(n) = E sqrt(chi^2_{n-1}) / sqrt(n-1)."""
    return _c4_from_binomials(n)


@second_reading(
    "BERT",
    draw=lambda rng: {"n": _size(rng, most=3000), "t": _time(rng), "sigma0": float(math.exp(rng.normal()))},
    route="central binomials",
    rtol=1e-12,
)
def expected_sigma_unbiased(n, t, sigma0):
    """E sigma_t = alpha^t sigma_0."""
    return sigma0 * _c4_from_binomials(n) ** t


@second_reading(
    "SHU-EXP-SINGLEFIT", draw=lambda rng: {"n": _size(rng, most=3000)}, route="central binomials", rtol=1e-13
)
def one_fit_mean(n):
    """sqrt((n-1)/n) c4, `mle`."""
    return math.sqrt(1 - 1 / n) * _c4_from_binomials(n)


@second_reading("SHU-EXP-SINGLEFIT", draw=lambda rng: {"n": _size(rng)}, route="trapezoidal rule for ln chi-square")
def one_fit_sd(n):
    """sqrt((n-1)/n (1 - c4^2)), `mle`."""
    return math.sqrt((1 - 1 / n) * -math.expm1(2 * _log_c4(n)))


# ----------------------------------------------------------------------------------------------------- G-KLF, G-KLR


@second_reading("G-KLF", draw=_loop, route="sum of E sigma_i^2, trapezoidal rule", rtol=1e-9)
def forward_divergence(n, t, estimator):
    """E KL(p_t || p_0) = E[sigma_t^2 - 1 + mu_t^2 - ln sigma_t^2] / 2, E mu_t^2 = sum_{i<t} E sigma_i^2 / n."""
    shrink = _shrink(n, estimator)
    walk = math.fsum(math.exp(i * shrink) / n for i in range(t))
    return (math.expm1(t * shrink) + walk - t * _drift(n, estimator)) / 2


def _draw_reverse(rng):
    return {"n": _size(rng), "t": _time(rng, 300), "estimator": _estimator(rng)}


@second_reading("G-KLR", draw=_draw_reverse, route="matrix power; trapezoidal rule", rtol=1e-9)
def reverse_divergence(n, t, estimator):
    """E KL(p_0 || p_t) = E[1/sigma_t^2 + mu_t^2/sigma_t^2 - 1 + ln sigma_t^2] / 2; infinite for nu <= 2 and t >= 1."""
    if n <= 3:
        return math.inf if t else 0.0
    inverse = math.exp(_log_moment(n, -1, estimator))
    # (E 1/sigma^2 - 1, E mu^2/sigma^2, 1): 1/sigma'^2 = 1/(sigma^2 S), mu'^2/sigma'^2 = (mu^2/sigma^2 + Z^2/n) / S
    step = np.array([[inverse, 0, inverse - 1], [0, inverse, inverse / n], [0, 0, 1]])
    precision, shift, _ = np.linalg.matrix_power(step, t) @ [0, 0, 1]
    return float(precision + shift + t * _drift(n, estimator)) / 2


# --------------------------------------------------- Shumailov et al.: SHU-1D-VAR, -EW2, -VARW2, -SUPERLIN, -EXP-GAUSS


@second_reading(
    "SHU-1D-VAR",
    draw=lambda rng: {"sizes": _sizes(rng), "estimator": _estimator(rng)},
    route="law of total variance, fractions",
    rtol=1e-14,
)
def draw_variance(sizes, estimator):
    """Var X_t / sigma_0^2 = E A^2 + E B^2: 1 + sum 1/n_i (`unbiased`), 1 (`mle`)."""
    shift, variance = Fraction(0), Fraction(1)
    for n in sizes:
        shift, variance = shift + variance / n, variance * Fraction(n - 1, _divisor(n, estimator))
    return float(shift + variance)


@second_reading("SHU-1D-VAR", draw=lambda rng: {"n": _size(rng)}, route="fourth moments in fractions", rtol=1e-13)
def draw_excess_kurtosis_after_one_fit(n):
    """6 / ((n-1)(1+1/n)^2), `unbiased`: X = A + B Z, E X^4 = E A^4 + 6 E A^2 B^2 + 3 E B^4."""
    fourth = Fraction(3, n * n) + 6 * Fraction(1, n) + 3 * Fraction(n + 1, n - 1)
    return float(fourth / (1 + Fraction(1, n)) ** 2 - 3)


@second_reading(
    "SHU-1D-REP", draw=lambda rng: {"x": float(2 * rng.normal()), "n": _size(rng)}, route="quadrature over S"
)
def draw_cdf_after_one_fit(x, n):
    """P(X_1 <= x) = E Phi(x / sqrt(S + 1/n)), `unbiased`: X_1 = Z_1 / sqrt n + sqrt S Z."""
    return _mean(n, lambda u: ndtr(x / np.sqrt(np.exp(u) + 1 / n)))


@second_reading(
    "SHU-1D-EW2",
    draw=lambda rng: {"sizes": _sizes(rng), "estimator": _estimator(rng)},
    route="moments step by step, trapezoidal rule",
    rtol=1e-11,
)
def expected_w2(sizes, estimator):
    """E W_2^2 = E A^2 + E (B - 1)^2, A and B moved from fit to fit."""
    shift, log_variance, log_sigma = 0.0, 0.0, 0.0
    for n in sizes:
        shift += math.exp(log_variance) / n
        log_variance += _shrink(n, estimator)
        log_sigma += _log_c4(n) + _shrink(n, estimator) / 2
    return shift + math.expm1(log_variance) - 2 * math.expm1(log_sigma)


@second_reading("SHU-1D-EW2", draw=lambda rng: {"sizes": _sizes(rng)}, route="fractions", rtol=1e-14)
def expected_w2_leading(sizes):
    """Nature SI eq. (6), either estimator: (3/2) sum 1/n_i."""
    return float(Fraction(3, 2) * sum(Fraction(1, n) for n in sizes))


@second_reading("SHU-1D-EW2", draw=lambda rng: {"sizes": _sizes(rng)}, route="fractions", rtol=1e-14)
def expected_w2_preprint_as_printed(sizes):
    """1/n_1 + ... + 1/n_{t-1} + 3/(2 n_t): wrong at leading order for t > 1 (ERR-1)."""
    return float(sum(Fraction(1, n) for n in sizes[:-1]) + Fraction(3, 2 * sizes[-1]))


@second_reading(
    "SHU-1D-VARW2",
    draw=lambda rng: {"n": _size(rng), "t": _time(rng, 300), "estimator": _estimator(rng)},
    route="matrix power in fifty digits",
)
def variance_of_w2(n, t, estimator):
    """Var(A^2 + (B-1)^2): the nine moments E A^i B^j (i even, i + j <= 4) move by one matrix."""
    import mpmath

    with mpmath.workdps(50):
        half, div = mpmath.mpf(n - 1) / 2, mpmath.mpf(_divisor(n, estimator))
        ratio = [mpmath.gamma(half + mpmath.mpf(j) / 2) / mpmath.gamma(half) * (2 / div) ** (mpmath.mpf(j) / 2)
                 for j in range(5)]  # fmt: skip
        normal = {0: 1, 2: 1, 4: 3}
        states = [(i, j) for i in (0, 2, 4) for j in range(5 - i)]
        step = {}  # E (A + B Z/sqrt n)^i (B sqrt S)^j
        for i, j in states:
            for k in range(0, i + 1, 2):
                factor = math.comb(i, k) * normal[k] * ratio[j] / mpmath.mpf(n) ** (k // 2)
                step[(i, j), (i - k, j + k)] = factor
        moment = _to_the(step, states, t, mpmath.mpf)
        square = {(2, 0): 1, (0, 2): 1, (0, 1): -2, (0, 0): 1}  # A^2 + B^2 - 2B + 1
        mean = sum(c * moment[s] for s, c in square.items())
        second = sum(c * d * moment[s[0] + r[0], s[1] + r[1]] for s, c in square.items() for r, d in square.items())
        return float(second - mean**2)


def _to_the(step, states, t, number):
    """Sum over the columns of step^t: the moments when all start at [i = 0] (A = 0, B = 1)."""
    moment = {s: number(int(s[0] == 0)) for s in states}
    power = dict(step)
    while t:
        if t % 2:
            moment = {s: sum(power[s, r] * moment[r] for r in states if (s, r) in power) for s in states}
        power, old = {}, power
        for (s, r), x in old.items():
            for q in states:
                if (r, q) in old:
                    power[s, q] = power.get((s, q), 0) + x * old[r, q]
        t //= 2
    return moment


@second_reading("SHU-1D-VARW2", draw=lambda rng: {"sizes": _sizes(rng)}, route="fractions", rtol=1e-14)
def variance_of_w2_leading(sizes):
    """(5/2) (sum 1/n_i)^2."""
    return float(Fraction(5, 2) * sum(Fraction(1, n) for n in sizes) ** 2)


@second_reading("SHU-1D-VARW2", draw=lambda rng: {"sizes": _sizes(rng)}, route="fractions, pair by pair", rtol=1e-14)
def variance_of_w2_preprint_as_printed(sizes):
    """2/n_1^2 + ... + 2/n_{t-1}^2 + 3/n_t^2 + sum_{i != j} 3/(n_i n_j), wrong at leading order (ERR-2)."""
    # the sum over i != j is read as one over ordered pairs: each unordered pair counts twice
    whole = Fraction(0)
    for i, n in enumerate(sizes):
        for j, k in enumerate(sizes):
            whole += Fraction(3 if i != j or i == len(sizes) - 1 else 2, n * k)
    return float(whole)


@second_reading(
    "SHU-1D-SUPERLIN",
    draw=lambda rng: {"c": 1.0 if rng.random() < 0.1 else float(math.exp(rng.uniform(0, 8)))},
    route="product of fifty factors, tail by Hurwitz zetas",
    rtol=1e-12,
)
def heterozygosity_left_quadratic(c):
    """prod_i (1 - 1/(c i^2)) = sin(pi/sqrt c)/(pi/sqrt c), n_i = c i^2, c >= 1."""
    head = math.prod(1 - 1 / (c * i * i) for i in range(1, 51))
    return head * math.exp(-math.fsum(zeta(2 * k, 51) / (k * c**k) for k in range(1, 12)))


@second_reading(
    "SHU-1D-SUPERLIN",
    draw=lambda rng: {"c": _size(rng, 1, 1000), "t": _time(rng)},
    route="the product itself",
    rtol=1e-12,
)
def heterozygosity_linear(c, t):
    """prod_{i<=t} (1 - 1/(c i)), n_i = c i."""
    return float(math.prod((c * i - 1) / (c * i) for i in range(1, t + 1)))


@second_reading("SHU-EXP-GAUSS", draw=_loop, route="trapezoidal rule for ln chi-square")
def sigma_band(n, t, estimator):
    """95% band of a lognormal with log-mean t m / 2 and log-variance t v / 4: (lower, upper)."""
    centre, half = t * _drift(n, estimator) / 2, NormalDist().inv_cdf(0.975) * math.sqrt(t * _spread(n) / 4)
    return np.exp([centre - half, centre + half])


# ---------------------------------------------------------------------------------------------------------- SUR-T3


def _draw_survival(rng):
    return {
        "n": _size(rng, most=5000),
        "t": _time(rng, 1000),
        "epsilon": float(math.exp(rng.uniform(-6, 0))),
        "sigma0": float(math.exp(rng.uniform(0, 1))),
    }


@second_reading("SUR-T3", draw=_draw_survival, route="as stated", rtol=1e-13)
def survival_bound(n, t, epsilon, sigma0):
    """(sigma_0/epsilon) exp(-t/(4n-1)); may exceed 1, nothing is cut."""
    return math.exp(math.log(sigma0) - math.log(epsilon) - t / (4 * n - 1))


@second_reading("SUR-T3", draw=_draw_survival, route="as stated", rtol=1e-13)
def survival_bound_summary_as_printed(n, t, epsilon, sigma0):
    """(sigma_0/epsilon) exp(-t/(4n)), a weaker form printed on a summary page."""
    return math.exp(math.log(sigma0) - math.log(epsilon) - t / (4 * n))


@second_reading(
    "SUR-T3",
    draw=lambda rng: _draw_survival(rng) | {"order": float(rng.choice([0.7, 1.0, 2.0, rng.uniform(0.01, 6)]))},
    route="trapezoidal rule for ln chi-square",
)
def survival_chernoff(n, t, epsilon, sigma0, order):
    """(sigma_0/epsilon)^s M_{s/2}^t, s = order > 0, `unbiased`; nothing is cut at 1."""
    return math.exp(order * math.log(sigma0 / epsilon) + t * _log_moment(n, order / 2, "unbiased"))


@second_reading(
    "SUR-T3",
    draw=lambda rng: _draw_survival(rng) | {"t": _time(rng, 300, least=1)},
    route="trapezoidal rule for ln chi-square",
    rtol=1e-9,
)
def survival_normal(n, t, epsilon, sigma0):
    """Phi((t m - 2 ln(epsilon/sigma_0)) / sqrt(t v)), `unbiased`."""
    z = (t * _drift(n, "unbiased") - 2 * math.log(epsilon / sigma0)) / math.sqrt(t * _spread(n))
    return math.erfc(-z / math.sqrt(2)) / 2
