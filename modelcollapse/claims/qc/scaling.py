"""Second readings of the scaling laws: the memoriser of "A Tale of Tails" on clean, cut, generated and mixed data.

Claims: tails-clean, tails-cut-double-law, tails-finite-AI-data, tails-n-generations, tails-mixing-grokking,
tails-triplet-and-bigram (its two exponents).

The routes. An infinite sum over Zipf's law is split at an index I where the expected count is about 1: in front it
is added up term by term, beyond it the summand is a power series in p_i and sum p_i^j over i > I is a Hurwitz zeta
function, so nothing is cut off and no integral stands in for a sum. A sample from a finite memoriser is read in two
steps: T draws from a pool of T_0 touch some number d of different members of the pool, and given d the input is
missed with probability (1 - p)^d, so the error is the clean error averaged over the occupancy law. A chain of
samples in the same way: a polynomial in p in Bernstein's form, whose power series has the forward differences of the
survival of counts as coefficients. Constants of power laws are integrals, taken by the trapezoidal rule on the
whole line (exponentially exact there).

Parameters: beta is the exponent of Zipf's law, draws the number T of training draws, pool the number T_0 of draws
behind the generator, cut the last input k the generator knows, clean the share pi of original data.
Assumed: "floor" of the double law is the exact Hurwitz tail; its power form has a reading of its own.
"""

from __future__ import annotations

from functools import lru_cache
from math import fsum

import numpy as np
from scipy.special import binom, comb, gamma, zeta

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------------------------
# draws


def _whole(rng, low, high):
    """A whole number between the two, spread over the orders of magnitude, ends included."""
    return min(high, low - 1 + int(np.exp(rng.uniform(0, np.log(high - low + 2)))))


def _exponent(rng):
    return float(rng.choice([1 + 10 ** rng.uniform(-1.3, 0), rng.uniform(1.1, 2), rng.uniform(2, 8)]))


def _many(rng, beta):
    """Draws for which the direct part of a sum stays short."""
    return _whole(rng, 1, 10**10 if beta > 2 else 10**7) - (rng.random() < 0.1)


def _draw_clean(rng):
    beta = _exponent(rng)
    return {"beta": beta, "draws": _many(rng, beta)}


# ---------------------------------------------------------------------------------------------------------------------
# sums over Zipf's law


def _zipf(beta, last):
    """Probabilities p of the inputs 1 to last and ln(1 - p), the first of which would cancel."""
    p = np.arange(1, last + 1, dtype=float) ** -beta / zeta(beta)
    log = np.log1p(-p)
    log[0] = np.log(zeta(beta, 2) / zeta(beta))
    return p, log


def _split(beta, load, least=40):
    """An index beyond which load times p_i is at most 3."""
    return int(max(least, np.ceil((load / zeta(beta) / 3) ** (1 / beta))))


def _hurwitz(s, q):
    """Hurwitz zeta function times q^s: sixty terms, then Euler and Maclaurin; neither overflows nor underflows."""
    s = np.asarray(s, float)[..., None]
    head = np.sum((1 + np.arange(60) / q) ** -s, axis=-1)
    s, end = s[..., 0], q + 60.0
    rest, factor = end / (s - 1) + 0.5, s / end
    for j, bernoulli in enumerate((12, -720, 30240, -1209600, 47900160), 1):
        rest = rest + factor / bernoulli
        factor = factor * (s + 2 * j - 1) * (s + 2 * j) / end**2
    return head + (end / q) ** -s * rest


def _terms(draws, count=40):
    """C(T, j) / T^j for the first j."""
    j = np.arange(min(draws, count))
    return np.concatenate([[1.0], np.cumprod((1 - j / max(draws, 1)) / (j + 1))])


def _tail(beta, beyond, load, coefficients):
    """Sum over i > beyond of p_i sum_j coefficients_j (load p_i)^j."""
    j, first = np.arange(len(coefficients)), (beyond + 1.0) ** -beta / zeta(beta)
    return fsum(coefficients * (load * first) ** j * first * _hurwitz(beta * (j + 1), beyond + 1))


def _clean_error(beta, draws, share=1.0, start=0):
    """Sum over i > start of p_i (1 - share p_i)^draws."""
    last = max(_split(beta, share * draws), start + 1)
    p, log = _zipf(beta, last)
    if share < 1:
        log = np.log1p(-share * p)
    head = np.sum((p * np.exp(draws * log))[start:][::-1])
    return float(head) + _tail(beta, last, -share * draws, _terms(draws))


@second_reading(
    "tails-clean", draw=_draw_clean, route="direct sum, then Hurwitz zeta functions term by term", rtol=1e-11
)
def clean_error(beta, draws):
    """Sum p_i (1 - p_i)^T, p_i = i^-beta / zeta(beta)."""
    return _clean_error(beta, draws)


@second_reading("tails-clean", draw=lambda rng: {"beta": _exponent(rng), "draws": int(rng.integers(0, 20))}, rtol=1e-12,
                route="binomial theorem, zeta functions with sixty digits")  # fmt: skip
def clean_error_few_draws(beta, draws):
    """Sum over j of (-1)^j C(T, j) zeta(beta (j+1)) / zeta(beta)^(j+1)."""
    import mpmath

    with mpmath.workdps(60):
        b = mpmath.mpf(beta)
        z = mpmath.zeta(b)
        ways = ((-1) ** j * mpmath.binomial(draws, j) for j in range(draws + 1))
        terms = (w * mpmath.zeta(b * (j + 1)) / z ** (j + 1) for j, w in enumerate(ways))
        return float(mpmath.fsum(terms))


def _power_law(beta, load):
    """Integral over x > 0 of p(x) e^(-load p(x)), p(x) = x^-beta / zeta(beta), with x = x_1 e^(-s/beta)."""
    c = 1 - 1 / beta
    step = 0.1
    s = np.arange(-45 / c, 8, step)
    area = step * np.sum(np.exp(c * s - np.exp(s)))  # = Gamma(1 - 1/beta)
    return float(area / beta * zeta(beta) ** (-1 / beta) * load**-c)


@second_reading("tails-clean", draw=lambda rng: {"beta": _exponent(rng), "draws": _whole(rng, 1, 10**12)}, rtol=1e-10,
                route="integral instead of the sum, trapezoidal rule")  # fmt: skip
def clean_error_asymptotic(beta, draws):
    """Gamma(1 - 1/beta) / beta zeta(beta)^(-1/beta) T^(1/beta - 1)."""
    return _power_law(beta, draws)


# ---------------------------------------------------------------------------------------------------------------------
# cut tails


def _draw_cut(rng):
    return {
        "beta": _exponent(rng),
        "draws": _whole(rng, 1, 10**9) - (rng.random() < 0.1),
        "cut": _whole(rng, 1, 3 * 10**4),
    }


def _floor(beta, cut):
    """P(i > k) with thirty digits."""
    import mpmath

    with mpmath.workdps(30):
        return float(mpmath.zeta(beta, cut + 1) / mpmath.zeta(beta))


@second_reading("tails-cut-double-law", draw=_draw_cut,
                route="direct sum from the smallest term, Hurwitz zeta by mpmath",
                rtol=1e-10)  # fmt: skip
def cut_error(beta, draws, cut):
    """Sum over i <= k of p_i (1 - q_i)^T, plus P(i > k); q_i = p_i / P(i <= k)."""
    if draws == 0:
        return 1.0
    if cut == 1:
        return _floor(beta, cut)
    p = np.arange(1, cut + 1, dtype=float) ** -beta
    others = float(np.sum(p[:0:-1]))  # all but the first
    log = np.array([np.log(others / (1 + others)), *np.log1p(-p[1:] / (1 + others))])
    return float(np.sum((p * np.exp(draws * log))[::-1]) / zeta(beta)) + _floor(beta, cut)


@second_reading("tails-cut-double-law", draw=lambda rng: {"beta": _exponent(rng), "cut": _whole(rng, 1, 10**9)},
                rtol=1e-12,
                route="mpmath")  # fmt: skip
def cut_floor(beta, cut):
    """P(i > k) = zeta(beta, k+1) / zeta(beta)."""
    return _floor(beta, cut)


@second_reading("tails-cut-double-law", draw=lambda rng: {"beta": _exponent(rng), "cut": _whole(rng, 1, 10**9)},
                rtol=1e-11,
                route="integral of the density over x > k, trapezoidal rule")  # fmt: skip
def cut_floor_asymptotic(beta, cut):
    """k^(1-beta) / ((beta-1) zeta(beta)): x = k (1 + e^s)."""
    b = beta - 1
    step = 0.05
    s = np.arange(-40, 40 / min(b, 1.0), step)
    # log of e^s (1 + e^s)^-beta, safe for large s
    log = s - beta * np.logaddexp(0, s)
    return float(step * np.sum(np.exp(log)) * float(cut) ** -b / zeta(beta))


@second_reading("tails-cut-double-law", draw=lambda rng: {**_draw_cut(rng), "draws": _whole(rng, 1, 10**9)}, rtol=1e-12,
                route="forty digits")  # fmt: skip
def cut_order(beta, draws, cut):
    """T^-(1 - 1/beta) + k^-(beta - 1), an order: no equality."""
    import mpmath

    with mpmath.workdps(40):
        b = mpmath.mpf(beta)
        return float(mpmath.exp((1 / b - 1) * mpmath.log(draws)) + mpmath.exp((1 - b) * mpmath.log(cut)))


# ---------------------------------------------------------------------------------------------------------------------
# data of a finite memoriser, and generations of them


def _clean_errors(beta, most):
    """The clean error for 0, 1, ..., most draws."""
    last = _split(beta, most)
    p, log = _zipf(beta, last)
    d = np.arange(most + 1)
    first = (last + 1.0) ** -beta / zeta(beta)
    j = np.arange(41)
    powers = first ** (j + 1) * _hurwitz(beta * (j + 1), last + 1) * (-1.0) ** j
    return np.exp(np.outer(d, log)) @ p + binom(d[:, None], j) @ powers


def _draw_pool(rng):
    return {"beta": _exponent(rng), "pool": _whole(rng, 1, 250), "draws": _whole(rng, 1, 2000) - (rng.random() < 0.1)}


@second_reading(
    "tails-finite-AI-data", draw=_draw_pool, route="clean error averaged over the occupancy law", rtol=1e-10
)
def finite_pool_error(beta, draws, pool):
    """Sum p_i E (1 - N_i/T_0)^T, N_i ~ Bin(T_0, p_i): given d touched members of the pool, (1 - p_i)^d."""
    touched = np.zeros(pool + 1)
    touched[0] = 1
    old = np.arange(pool + 1) / pool
    for _ in range(draws):
        fresh = touched * (1 - old)
        touched *= old
        touched[1:] += fresh[:-1]
    return float(touched @ _clean_errors(beta, pool))


@second_reading("tails-finite-AI-data", draw=lambda rng: {"beta": (b := _exponent(rng)), "pool": 1 + _many(rng, b)},
                rtol=1e-11,
                route="direct sum, then Hurwitz zeta functions term by term")  # fmt: skip
def finite_pool_limit(beta, pool):
    """T to infinity: sum p_i (1 - p_i)^T_0."""
    return _clean_error(beta, pool)


@second_reading("tails-finite-AI-data", draw=lambda rng: {"beta": _exponent(rng), "draws": _whole(rng, 1, 10**9),
                                                          "pool": _whole(rng, 1, 10**9)},
                route="forty digits", rtol=1e-12)  # fmt: skip
def finite_pool_order(beta, draws, pool):
    """T^-c + T_0^-c, c = 1 - 1/beta, an order: no equality."""
    import mpmath

    with mpmath.workdps(40):
        c = 1 - 1 / mpmath.mpf(beta)
        return float(mpmath.exp(-c * mpmath.log(draws)) + mpmath.exp(-c * mpmath.log(pool)))


@second_reading("tails-finite-AI-data", draw=lambda rng: {"beta": _exponent(rng), "pool": _whole(rng, 1, 10**9)},
                route="forty digits", rtol=1e-12)  # fmt: skip
def finite_pool_effective_cut(beta, pool):
    """T_0^(1/beta), an order."""
    import mpmath

    with mpmath.workdps(40):
        return float(mpmath.exp(mpmath.log(pool) / mpmath.mpf(beta)))


@lru_cache(maxsize=256)
def _g(t):
    """g_1 = 1, g_{t+1} = 1 - exp(-g_t), with forty digits."""
    import mpmath

    with mpmath.workdps(40):
        g = mpmath.mpf(1)
        for _ in range(t - 1):
            g = 1 - mpmath.exp(-g)
        return float(g)


def _draw_generations(rng):
    beta = _exponent(rng)
    return {"beta": beta, "pool": 1 + _many(rng, beta), "t": _whole(rng, 1, 500)}


@second_reading("tails-n-generations", draw=_draw_generations, rtol=1e-11,
                route="direct sum, then the exponential series with Hurwitz zeta functions")  # fmt: skip
def lost_mass_poisson(beta, pool, t):
    """Sum p_i e^(-p_i T_0 g_t)."""
    load = pool * _g(t)
    last = _split(beta, load)
    p = _zipf(beta, last)[0]
    j = np.arange(41)
    return float(np.sum((p * np.exp(-load * p))[::-1])) + _tail(beta, last, -load, 1 / gamma(j + 1))


@second_reading("tails-n-generations", draw=_draw_generations, route="integral instead of the sum, trapezoidal rule",
                rtol=1e-10)  # fmt: skip
def lost_mass_asymptotic(beta, pool, t):
    """Gamma(1 - 1/beta) / beta zeta(beta)^(-1/beta) (T_0 g_t)^-c."""
    return _power_law(beta, pool * _g(t))


@second_reading("tails-n-generations", draw=lambda rng: {"beta": _exponent(rng), "pool": _whole(rng, 1, 60),
                                                         "t": _whole(rng, 1, 500)},
                route="chain of the count, as a polynomial in p summed over Zipf's law", rtol=1e-9)  # fmt: skip
def lost_mass_exact(beta, pool, t):
    """Sum p_i P(input i is lost by generation t), each generation T_0 draws from the previous one."""
    x = np.arange(pool + 1)
    chain = comb(pool, x) * (x[:, None] / pool) ** x * ((pool - x[:, None]) / pool) ** (pool - x)
    gone = np.linalg.matrix_power(chain, t - 1)[:, 0]  # probability that a count is lost within t - 1 generations
    last = _split(beta, 12.0 * pool)
    p, log = _zipf(beta, last)
    lost = (comb(pool, x) * p[:, None] ** x * np.exp(log[:, None] * (pool - x))) @ gone
    powers, difference = [], gone
    for j in range(min(pool, 30) + 1):  # forward differences at count 0
        powers.append(comb(pool, j) * difference[0])
        difference = np.diff(difference)
    return float(np.sum((p * lost)[::-1])) + _tail(beta, last, 1.0, np.array(powers))


@second_reading("tails-n-generations", draw=lambda rng: {**_draw_generations(rng), "draws": _whole(rng, 1, 10**9)},
                route="forty digits", rtol=1e-12)  # fmt: skip
def generations_template_as_printed(beta, draws, pool, t):
    """T^-c + t T_0^-c, the published template: an upper bound in t (the mechanism gives (t/2)^c)."""
    import mpmath

    with mpmath.workdps(40):
        c = 1 - 1 / mpmath.mpf(beta)
        return float(mpmath.exp(-c * mpmath.log(draws)) + t * mpmath.exp(-c * mpmath.log(pool)))


# ---------------------------------------------------------------------------------------------------------------------
# mixtures


def _draw_mixture(rng):
    clean = float(rng.choice([0.0, 1.0, 10 ** rng.uniform(-6, 0), rng.uniform(0, 1)]))
    beta = _exponent(rng)
    return {"beta": beta, "draws": _many(rng, beta), "cut": _whole(rng, 1, 10**4), "clean": clean}


@second_reading("tails-mixing-grokking", draw=_draw_mixture, rtol=1e-10,
                route="direct sum up to the cut and beyond, then Hurwitz zeta functions term by term")  # fmt: skip
def mixed_error(beta, draws, cut, clean):
    """Sum p_i (1 - q_i)^T, q_i = clean p_i + (1 - clean) p_i 1{i <= k} / P(i <= k)."""
    if draws == 0:
        return 1.0
    beyond = _clean_error(beta, draws, share=clean, start=cut)
    p = _zipf(beta, cut)[0]
    gone, others = zeta(beta, cut + 1) / zeta(beta), zeta(beta, 2) / zeta(beta)
    known = float(np.sum(p[::-1]))
    first = clean * others + (1 - clean) * (others - gone) / known if cut > 1 else clean * others  # 1 - q_1
    missed = np.exp(draws * np.log1p(-(clean + (1 - clean) / known) * p[1:]))
    return float(np.sum((p[1:] * missed)[::-1]) + p[0] * first**draws) + beyond


@second_reading("tails-mixing-grokking", draw=lambda rng: {"beta": _exponent(rng), "cut": _whole(rng, 1, 10**6),
                                                           "clean": float(10 ** rng.uniform(-6, 0))},
                route="forty digits", rtol=1e-12)  # fmt: skip
def grokking_draws_order(beta, cut, clean):
    """k^beta / pi, the order of T at which the plateau ends."""
    import mpmath

    with mpmath.workdps(40):
        return float(mpmath.exp(mpmath.mpf(beta) * mpmath.log(cut) - mpmath.log(clean)))


@second_reading(
    "tails-triplet-and-bigram", draw=lambda rng: {"beta": _exponent(rng)}, route="exact fractions", rtol=1e-14
)
def bigram_exponent(beta):
    """min(1 - 1/beta, 1/2)."""
    from fractions import Fraction

    return float(min(1 - 1 / Fraction(beta), Fraction(1, 2)))


@second_reading("tails-triplet-and-bigram", rtol=1e-12,
                draw=lambda rng: {"beta": _exponent(rng), "tau": float(rng.uniform(0.05, 3))},
                route="slope of the narrowed law between two inputs")  # fmt: skip
def narrowed_exponent(beta, tau):
    """Exponent beta / tau, the exponent of p_i^(1/tau)."""
    import mpmath

    with mpmath.workdps(40):
        near, far = (mpmath.mpf(i) ** -mpmath.mpf(beta) for i in (10, 1000))
        return float((mpmath.log(near) - mpmath.log(far)) / tau / mpmath.log(100))
