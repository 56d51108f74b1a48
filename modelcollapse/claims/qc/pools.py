"""Second readings of the loops whose pool keeps or adds up draws: urns, accumulation, real draws kept for good.

Claims: WF-POLYA, polya-accumulate-categorical, SED-T2, SED-T3.

The routes. The number of draws of one type in the pool is a Markov chain: its law is carried from generation to
generation and the expectation read off, which needs no formula at all. For arguments too large to be played out,
two draws are followed back until they meet in one ancestor, in exact fractions; products go by Gamma functions with
sixty digits; limits by the moments of their Dirichlet and Beta laws.

SED-T2 is played out with the real draws made once and every synthetic batch drawn from the last pool. The forms as
printed are here under names that end in "as_printed".
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.special import comb

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------------------------
# draws


def _law(rng, k):
    """A probability vector as a tuple: even, moderate or nearly a single type."""
    kind = rng.integers(3)
    p = np.full(k, 1.0 / k) if kind == 0 else rng.dirichlet(np.full(k, 1.0 if kind == 1 else 0.2))
    p = np.maximum(p, 1e-12)
    return tuple(float(x) for x in p / p.sum())


def _share(rng):
    """A probability in (0, 1): moderate, or next to 0 or 1."""
    kind = rng.integers(3)
    if kind == 0:
        return float(rng.uniform(0.01, 0.99))
    tiny = float(10 ** rng.uniform(-9, -1))
    return tiny if kind == 1 else 1 - tiny


def _whole(rng, low, high):
    """A whole number between the two, spread over the orders of magnitude, ends included."""
    return min(high, low - 1 + int(np.exp(rng.uniform(0, np.log(high - low + 2)))))


def _binomial(n, q, rest=None):
    """Probabilities of 0..n successes; the complement of q is given where it is known better than 1 - q."""
    j = np.arange(n + 1)
    return comb(n, j) * np.power(float(q), j) * np.power(float(1 - q if rest is None else rest), n - j)


def _without(draw, *names):
    return lambda rng: {key: value for key, value in draw(rng).items() if key not in names}


# ---------------------------------------------------------------------------------------------------------------------
# urns and accumulation


def _draw_urn(rng, most=40):
    counts = tuple(_whole(rng, 1, most) for _ in range(rng.integers(2, 5)))
    return {"counts": counts}


@second_reading("WF-POLYA", draw=lambda rng: _draw_urn(rng, 10**6),
                route="second moments of the Dirichlet law, fractions",
                rtol=1e-14)  # fmt: skip
def polya_limit_heterozygosity(counts):
    """(1 - sum (c/n_0)^2) n_0 / (n_0 + 1)."""
    total = sum(counts)
    return float(1 - sum(Fraction(c * (c + 1), total * (total + 1)) for c in counts))


@second_reading("WF-POLYA", draw=lambda rng: {"counts": tuple(_whole(rng, 1, 20) for _ in range(rng.integers(2, 4))),
                                              "draws": int(rng.integers(0, 10))},
                route="all histories of the urn, exact fractions", rtol=1e-14)  # fmt: skip
def polya_heterozygosity_after_draws(counts, draws):
    """E H after so many single draws, each put back with its copy; draws to infinity is the claim."""
    urns = {tuple(counts): Fraction(1)}
    for _ in range(draws):
        following: dict = {}
        for urn, weight in urns.items():
            for i, c in enumerate(urn):
                grown = (*urn[:i], c + 1, *urn[i + 1 :])
                following[grown] = following.get(grown, 0) + weight * Fraction(c, sum(urn))
        urns = following
    size = sum(counts) + draws
    return float(sum(weight * (1 - Fraction(sum(c * c for c in urn), size**2)) for urn, weight in urns.items()))


def _draw_pool(rng):
    return {"n": _whole(rng, 1, 12), "t": int(rng.integers(1, 9)), "theta0": _share(rng)}


@second_reading("polya-accumulate-categorical", draw=_draw_pool,
                route="law of the pooled count, generation by generation",
                rtol=1e-11)  # fmt: skip
def accumulated_spread_played_out(n, t, theta0):
    """E[theta_t (1 - theta_t)]."""
    law = _binomial(n, theta0)
    for i in range(1, t):
        size = n * i
        grown = np.zeros(size + n + 1)
        for c, weight in enumerate(law):
            grown[c : c + n + 1] += weight * _binomial(n, c / size, (size - c) / size)
        law = grown
    x, size = np.arange(n * t + 1), n * t
    return float(law @ (x * (size - x)) / size**2)


def _draw_long_pool(rng):
    return {"n": _whole(rng, 1, 10**7), "t": _whole(rng, 1, 10**9) - (rng.random() < 0.1), "theta0": _share(rng)}


@second_reading("polya-accumulate-categorical", draw=_draw_long_pool, route="Gamma functions with sixty digits",
                rtol=1e-12)  # fmt: skip
def accumulated_spread(n, t, theta0):
    """theta_0 (1 - theta_0) prod over i up to t of (1 - 1/(n i^2))."""
    import mpmath

    if n == 1 and t > 0:
        return 0.0
    with mpmath.workdps(60):
        x, p = 1 / mpmath.sqrt(n), mpmath.mpf(theta0)
        ratio = mpmath.gammaprod([t + 1 + x, t + 1 - x], [t + 1, t + 1, 1 + x, 1 - x])
        return float(p * (1 - p) * (ratio if t else 1))


@second_reading("polya-accumulate-categorical", draw=lambda rng: {"n": _whole(rng, 1, 10**9), "theta0": _share(rng)},
                route="reflection of the Gamma function, sixty digits", rtol=1e-12)  # fmt: skip
def accumulated_spread_limit(n, theta0):
    """theta_0 (1 - theta_0) sin(pi/sqrt n) / (pi/sqrt n)."""
    import mpmath

    with mpmath.workdps(60):
        x, p = 1 / mpmath.sqrt(n), mpmath.mpf(theta0)
        return 0.0 if n == 1 else float(p * (1 - p) * mpmath.rgamma(1 + x) * mpmath.rgamma(1 - x))


@second_reading("polya-accumulate-categorical", draw=lambda rng: {"n_real": (n := _whole(rng, 1, 10**6)),
                                                                  "count": int(rng.integers(0, n + 1))},
                route="moments of the Beta law as rising factorials, fractions", rtol=1e-14)  # fmt: skip
def polya_limit_variance(n_real, count):
    """Variance theta (1 - theta) / (l_0 + 1), theta = count / l_0."""
    first = Fraction(count, n_real)
    return float(first * Fraction(count + 1, n_real + 1) - first**2)


# ---------------------------------------------------------------------------------------------------------------------
# real draws kept for good


def _draw_kept(rng):
    return {"n_real": _whole(rng, 1, 25), "n": _whole(rng, 1, 25), "t": int(rng.integers(1, 40)),
            "p": _law(rng, int(rng.integers(2, 5)))}  # fmt: skip


@second_reading("SED-T2", draw=_draw_kept, route="law of (real count, synthetic count) of every type", rtol=1e-11)
def partially_synthetic_played_out(n_real, n, t, p):
    """S_t: the real draws are made once and kept, n new draws come from the last model."""
    real, new = np.arange(n_real + 1)[:, None], np.arange(n + 1)[None, :]
    share = (real + new) / (n_real + n)
    rest = ((n_real - real) + (n - new)) / (n_real + n)
    step = comb(n, np.arange(n + 1)) * share[..., None] ** np.arange(n + 1) * rest[..., None] ** (n - np.arange(n + 1))
    total = 0.0
    for x in p:
        law = _binomial(n_real, x)
        if t == 1:
            total += law @ (np.arange(n_real + 1) / n_real) ** 2
            continue
        pairs = np.array([w * _binomial(n, r / n_real, (n_real - r) / n_real) for r, w in enumerate(law)])
        for _ in range(t - 2):
            pairs = np.einsum("rj,rjk->rk", pairs, step)
        total += np.sum(pairs * share**2)
    return float(total)


def _draw_partial(rng):
    return {"n_real": _whole(rng, 1, 10**6), "n": _whole(rng, 1, 10**6), "t": _whole(rng, 1, 150), "s0": _share(rng)}


@second_reading("SED-T2", draw=_draw_partial, route="two draws followed back to one ancestor, exact fractions",
                rtol=1e-14)  # fmt: skip
def partially_synthetic(n_real, n, t, s0):
    """S_t = 1 - (1 - F_t) (1 - S_0): real pairs meet w.p. 1/N, mixed pairs too, new pairs 1/n or one generation up."""
    a, f = Fraction(n, n_real + n), Fraction(1, n_real)
    for _ in range(t - 1):
        f = ((1 - a) ** 2 + 2 * a * (1 - a)) / n_real + a * a * (Fraction(1, n) + (1 - Fraction(1, n)) * f)
    return float(1 - (1 - f) * (1 - Fraction(s0)))


@second_reading("SED-T2", draw=_without(_draw_partial, "t"), route="fixed point of the two ancestors, exact fractions",
                rtol=1e-14)  # fmt: skip
def partially_synthetic_limit(n_real, n, s0):
    """S_infinity: beta^t to 0 in the formula."""
    a = Fraction(n, n_real + n)
    f = ((1 - a * a) / n_real + a * a / n) / (1 - a * a * (1 - Fraction(1, n)))
    return float(1 - (1 - f) * (1 - Fraction(s0)))


@second_reading("SED-T2", draw=_without(_draw_partial, "t", "n"), route="exact fractions", rtol=1e-14)
def partially_synthetic_many_synthetic(n_real, s0):
    """S_1 = 1/N + (1 - 1/N) S_0: n to infinity at fixed t."""
    return float(Fraction(1, n_real) + (1 - Fraction(1, n_real)) * Fraction(s0))


@second_reading("SED-T2", draw=_draw_partial, route="exact fractions, the formula with its misprint", rtol=1e-14)
def partially_synthetic_as_printed(n_real, n, t, s0):
    """S_t with 1 + a - (a/N) b^(t-1) in the second bracket, as printed in the paper (wrong)."""
    big, s = Fraction(1, n_real), Fraction(s0)
    a = Fraction(n, n_real + n)
    b = (a * ((1 + big) * a - big)) ** (t - 1)
    top = big * (1 + 2 * a - (1 - big) * a * b) + (1 - big) * s * (1 + a - a * big * b)
    return float(top / (1 + (1 + big) * a))


@second_reading("SED-T2", draw=_without(_draw_partial, "t", "n"), route="exact fractions, the remark as printed",
                rtol=1e-14)  # fmt: skip
def partially_synthetic_many_synthetic_as_printed(n_real, s0):
    """1/N + (1 - 1/N) (2 - 1/N) S_0 / (2 + 1/N), the printed remark for n much above N (wrong)."""
    big = Fraction(1, n_real)
    return float(big + (1 - big) * (2 - big) * Fraction(s0) / (2 + big))


def _draw_distance(rng):
    return {"n_real": _whole(rng, 1, 10**6), "n": _whole(rng, 1, 10**6), "types": _whole(rng, 1, 30)}


@second_reading("SED-T3", draw=_draw_distance, route="fixed point of the recursion of the bound, fifty digits",
                rtol=1e-12)  # fmt: skip
def distance_sharper_bound(n_real, n, types):
    """sqrt(n (s-1)) / N: e = a e + a sqrt((s-1)/n), a = n / (N + n)."""
    import mpmath

    with mpmath.workdps(50):
        a = mpmath.mpf(n) / (n_real + n)
        return float(a * mpmath.sqrt(mpmath.mpf(types - 1) / n) / (1 - a))


@second_reading("SED-T3", draw=_draw_distance, route="fifty digits; Gamma(1/2) for pi", rtol=1e-12)
def distance_bound_few_types(n_real, n, types):
    """(1/N) sqrt(pi n / 2) (2^s - 2), the branch of G_n for few types (the branch point is not in the statement)."""
    import mpmath

    with mpmath.workdps(50):
        return float(mpmath.gamma(0.5) * mpmath.sqrt(mpmath.mpf(n) / 2) * (2**types - 2) / n_real)
