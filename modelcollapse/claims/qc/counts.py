"""Second readings of the loops told by the count of one type: rare types that die out, spins, exponentials, corpora.

Claims: SUR-G, SUR-T1, SUR-COR1, SUR-FORGET, SUR-T2, WF-LOSS, SHU-DISC-LOSS, JMR-MART, RIIS-T1. (All types at once:
`categorical`; pools that grow or keep real draws: `pools`.)

The routes. The iterates g_t are survival probabilities of a branching process with Poisson(1) offspring, 1 - g_t
being the t - 1 fold iterate of exp(s - 1) at 0: small t by iteration with fifty digits, large t through the Abel
function of the iteration, A(1 - e^-x) = A(x) + 1, whose series 2/x + (1/3) ln x + ... is worked out in exact
fractions. Survival until t is mass of a chain from which the lost state is left out, so that small numbers are sums
and not differences. Spins and the reuse of a corpus are chains of one count, with the transitions of the statement.

Assumed where the statements are silent: t counts from 1 for g_t (g_0 would be infinite); lower bounds are returned
uncut (they may be negative), upper bounds cut only where the statement says so: in the two-sided upper bound of
SUR-T1 and in SUR-COR1 the bracket, not the bound.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial

import numpy as np
from scipy.integrate import quad
from scipy.special import comb
from scipy.stats import hypergeom, poisson

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------------------------
# draws and chains


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


@lru_cache(maxsize=64)
def _two_types(n):
    return np.array([_binomial(n, i / n, (n - i) / n) for i in range(n + 1)])


def _without(draw, *names):
    return lambda rng: {key: value for key, value in draw(rng).items() if key not in names}


# ---------------------------------------------------------------------------------------------------------------------
# the iterates g_t


@lru_cache(maxsize=1)
def _abel():
    """Coefficients a, c_1, c_2, ... of A(x) = 2/x + a ln x + sum c_j x^j with A(1 - e^-x) = A(x) + 1."""
    order = 16
    shrink = [Fraction((-1) ** k, factorial(k + 1)) for k in range(order + 2)]  # (1 - e^-x) / x

    def times(a, b):
        return [sum(a[i] * b[k - i] for i in range(k + 1)) for k in range(order + 2)]

    one = [Fraction(1)] + [Fraction(0)] * (order + 1)
    inverse = list(one)
    for k in range(1, order + 2):
        inverse[k] = -sum(shrink[i] * inverse[k - i] for i in range(1, k + 1))
    # ln of shrink by its derivative: k log_k = k s_k - sum_{i<k} i log_i s_{k-i}
    log = [Fraction(0)] * (order + 2)
    for k in range(1, order + 2):
        log[k] = shrink[k] - Fraction(sum(i * log[i] * shrink[k - i] for i in range(1, k))) / k
    # 2 (inverse - 1) / x - 1 + a log + sum_j c_j x^j (shrink^j - 1) = 0, power by power
    a = -2 * inverse[2] / log[1]
    rest = [2 * inverse[k + 1] + a * log[k] for k in range(order + 1)]
    rest[0] -= 1
    coefficients, power = [], shrink
    for j in range(1, order):
        c = -rest[j + 1] / power[1]
        coefficients.append(c)
        for k in range(j + 1, order + 1):
            rest[k] += c * power[k - j]
        power = times(power, shrink)
    assert all(r == 0 for r in rest[:order])
    return a, coefficients


@lru_cache(maxsize=4096)
def _g(t):
    """g_t with about forty digits (large t: about twenty)."""
    import mpmath

    with mpmath.workdps(50):
        extinct = mpmath.mpf(0)  # after t - 1 generations of Poisson(1) children, from one
        for _ in range(min(t, 120) - 1):
            extinct = mpmath.exp(extinct - 1)
        if t <= 120:
            return 1 - extinct
        a, c = _abel()

        def abel(x):
            return 2 / x + mpmath.mpf(a.numerator) / a.denominator * mpmath.log(x) + sum(
                mpmath.mpf(y.numerator) / y.denominator * x**j for j, y in enumerate(c, 1))  # fmt: skip

        level = abel(1 - extinct) + (t - 120)
        x = mpmath.mpf(2) / (t + 1)
        for _ in range(60):
            newer = x + (abel(x) - level) * x * x / 2
            if abs(newer - x) < mpmath.mpf(10) ** -40 * x:
                break
            x = newer
        return newer


def _draw_time(rng):
    return {"t": _whole(rng, 1, int(rng.choice([5, 300, 10**6, 10**12])))}


@second_reading("SUR-G", draw=_draw_time, route="extinction of a Poisson branching process; Abel function", rtol=1e-13)
def iterate_g(t):
    """g_1 = 1, g_{t+1} = 1 - exp(-g_t)."""
    return float(_g(t))


@second_reading("SUR-G", draw=_draw_time, route="exact fractions and Euler's logarithm", rtol=1e-13)
def iterate_g_lower(t):
    """1 / ((t+1)/2 + (1 + ln t)/6)."""
    import mpmath

    with mpmath.workdps(40):
        return float(6 / (3 * t + 4 + mpmath.log(t)))


@second_reading("SUR-G", draw=_draw_time, route="exact fractions", rtol=1e-14)
def iterate_g_upper(t):
    """2 / (t+1)."""
    return float(Fraction(2, t + 1))


@second_reading("SUR-G", draw=_draw_time, route="exact fractions", rtol=1e-14)
def iterate_g_paper_bounds(t):
    """(1/t, 3/t)."""
    return np.array([float(Fraction(1, t)), float(Fraction(3, t))])


# ---------------------------------------------------------------------------------------------------------------------
# survival of types


def _survival(n, t, p, both):
    """Mass not at 0 (and not at n) after t fits, t at least 1, without subtraction."""
    top = n if both else n + 1
    block = _two_types(n)[1:top, 1:top]
    return float(np.sum(_binomial(n, p)[1:top] @ np.linalg.matrix_power(block, t - 1)))


def _draw_survival(rng):
    return {"n": _whole(rng, 1, 110), "t": _whole(rng, 1, int(rng.choice([20, 1000]))), "p0": _share(rng)}


@second_reading("SUR-T1", draw=_draw_survival, route="matrix power without the lost state", rtol=1e-10)
def survival_exact(n, t, p0):
    """P(p_t != 0)."""
    return _survival(n, t, p0, both=False)


@second_reading("SUR-T1", draw=lambda rng: {**_draw_survival(rng), "n": _whole(rng, 2, 110)}, rtol=1e-10,
                route="matrix power without the two absorbed states")  # fmt: skip
def polymorphism_exact(n, t, p0):
    """P(p_t is neither 0 nor 1)."""
    return _survival(n, t, p0, both=True)


def _draw_bound(rng):
    return {"n": _whole(rng, 1, 10**6), "t": _whole(rng, 1, 10**4), "p0": _share(rng)}


def _lost(n, t, p, capped=True):
    """(Lower bound of the survival, weight of e^(-n p g_t) in the upper one, that exponential)."""
    import mpmath

    p = mpmath.mpf(p)
    e = mpmath.exp(-n * p * _g(t))
    weight = 1 - 3 * n * p**2 - 3 * t * p
    return 1 - e, max(weight, 0) if capped else weight, e


@second_reading("SUR-T1", draw=_draw_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def survival_lower(n, t, p0):
    """1 - e^(-n p_0 g_t)."""
    import mpmath

    with mpmath.workdps(50):
        return float(_lost(n, t, p0)[0])


@second_reading("SUR-T1", draw=_draw_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def survival_upper(n, t, p0):
    """1 - (1 - 3 n p_0^2 - 3 t p_0) e^(-n p_0 g_t), uncut as printed: it may exceed 1."""
    import mpmath

    with mpmath.workdps(50):
        _, weight, e = _lost(n, t, p0, capped=False)
        return float(1 - weight * e)


@second_reading("SUR-T1", draw=_draw_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def polymorphism_lower(n, t, p0):
    """1 - e^(-n p_0 g_t) - e^(-n (1-p_0) g_t), uncut: it may be negative."""
    import mpmath

    with mpmath.workdps(50):
        return float(1 - sum(_lost(n, t, p)[2] for p in (p0, 1 - mpmath.mpf(p0))))


@second_reading("SUR-T1", draw=_draw_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def polymorphism_upper(n, t, p0):
    """1 - max(1 - 3np^2 - 3tp, 0) e^(-npg_t), the same taken off for 1 - p."""
    import mpmath

    with mpmath.workdps(50):
        both = [_lost(n, t, p) for p in (p0, 1 - mpmath.mpf(p0))]
        return float(1 - sum(weight * e for _, weight, e in both))


def _draw_types(rng):
    return {"n": _whole(rng, 1, 100), "t": _whole(rng, 1, 300), "p": _law(rng, int(rng.integers(2, 30)))}


@second_reading("SUR-COR1", draw=_draw_types, route="matrix power without the lost state, type by type", rtol=1e-10)
def surviving_types_exact(n, t, p):
    """Sum over types of P(p_t,i != 0)."""
    starts = np.array([_binomial(n, x)[1:] for x in p]).sum(axis=0)
    return float(np.sum(starts @ np.linalg.matrix_power(_two_types(n)[1:, 1:], t - 1)))


@second_reading("SUR-COR1", draw=lambda rng: {"n": _whole(rng, 1, 5), "t": int(rng.integers(1, 12)),
                                              "p": _law(rng, int(rng.integers(2, 5)))},
                route="all sequences of draws as sets of surviving types, exact histories", rtol=1e-10)  # fmt: skip
def surviving_types_played_out(n, t, p):
    """E of the number of types with a draw left; laws of all counts carried along in a dictionary."""

    def sample(shares):
        laws = {(0,) * len(shares): 1.0}
        for _ in range(n):
            following: dict = {}
            for counts, weight in laws.items():
                for i, share in enumerate(shares):
                    if share:
                        key = (*counts[:i], counts[i] + 1, *counts[i + 1 :])
                        following[key] = following.get(key, 0.0) + weight * share
            laws = following
        return laws

    memo: dict = {}
    law = sample(p)
    for _ in range(t - 1):
        following: dict = {}
        for counts, weight in law.items():
            if counts not in memo:
                memo[counts] = sample([c / n for c in counts])
            for key, share in memo[counts].items():
                following[key] = following.get(key, 0.0) + weight * share
        law = following
    return sum(weight * sum(c > 0 for c in counts) for counts, weight in law.items())


def _draw_types_bound(rng):
    return {"n": _whole(rng, 1, 10**6), "t": _whole(rng, 1, 10**4), "p": _law(rng, int(rng.integers(2, 30)))}


@second_reading("SUR-COR1", draw=_draw_types_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def surviving_types_lower(n, t, p):
    """Sum of 1 - e^(-n p_i g_t)."""
    import mpmath

    with mpmath.workdps(50):
        return float(sum(_lost(n, t, x)[0] for x in p))


@second_reading("SUR-COR1", draw=_draw_types_bound, route="fifty digits, g by the Abel function", rtol=1e-12)
def surviving_types_upper(n, t, p):
    """Sum of 1 - e^(-n p_i g_t) max(1 - 3 n p_i^2 - 3 t p_i, 0)."""
    import mpmath

    with mpmath.workdps(50):
        return float(sum(1 - weight * e for _, weight, e in (_lost(n, t, x) for x in p)))


def _draw_word(rng):
    return {"count": _whole(rng, 1, 10**6), "t": _whole(rng, 1, 10**6)}


@second_reading("WF-LOSS", draw=_draw_word, route="all lines of a branching process die out, Abel function", rtol=1e-12)
def rare_survival(count, t):
    """1 - e^(-c g_t): not all of c lines are extinct after t generations, each with probability 1 - g_{t+1}."""
    import mpmath

    with mpmath.workdps(50):
        return float(1 - (1 - _g(t + 1)) ** count)


@second_reading("WF-LOSS", draw=_draw_word, route="exact fractions", rtol=1e-14)
def rare_survival_late(count, t):
    """2c / t."""
    return float(Fraction(2 * count, t))


@second_reading("SUR-FORGET", draw=_draw_word, route="fifty digits", rtol=1e-12)
def word_survival_rough(count, t):
    """1 - e^(-2c/t)."""
    import mpmath

    with mpmath.workdps(50):
        return float(-mpmath.expm1(-2 * mpmath.mpf(count) / t))


@second_reading("SUR-FORGET", draw=_without(_draw_word, "t"), route="root of 1 - e^(-2c/t) = 1/2", rtol=1e-12)
def word_median_time(count):
    """2c / ln 2."""
    import mpmath

    with mpmath.workdps(30):
        root = mpmath.findroot(lambda x: mpmath.expm1(-2 / x) + mpmath.mpf(1) / 2, (2, 4), solver="anderson")
        return float(count * root)


@second_reading("SUR-FORGET", draw=lambda rng: {"count": (c := _whole(rng, 1, 10**4)), "n": c * _whole(rng, 1, 10**6)},
                route="quadrature of the Green function at small p", rtol=1e-9)  # fmt: skip
def word_mean_time(count, n):
    """2c (ln(n/c) + 1): 2n times the integrals of 1 over (0, p) and of p/x over (p, 1), p = c/n."""
    p = count / n
    log = quad(lambda s: n * p / count, np.log(p), 0, epsabs=0)[0] if p < 1 else 0.0  # x = e^s
    return 2 * count * (log + 1)


def _draw_poisson(rng):
    return {"n": _whole(rng, 1, 1000), "lambda0": float(10 ** rng.uniform(-6, 2)), "t": _whole(rng, 1, 10**5)}


@second_reading("SUR-T2", draw=_draw_poisson, route="Poisson many lines of a branching process, Abel function",
                rtol=1e-12)  # fmt: skip
def poisson_survival(n, lambda0, t):
    """1 - e^(-n lambda_0 g_t)."""
    import mpmath

    with mpmath.workdps(50):
        return float(-mpmath.expm1(-n * mpmath.mpf(lambda0) * _g(t)))


@lru_cache(maxsize=1)
def _poisson_chain():
    s = np.arange(400)
    return poisson.pmf(s[None, :], s[:, None])


@second_reading("SUR-T2", draw=lambda rng: {"n": _whole(rng, 1, 10), "lambda0": float(rng.uniform(0.01, 2)),
                                            "t": int(rng.integers(1, 12))},
                route="chain of the sums n Lambda_t, cut at 400", rtol=1e-10)  # fmt: skip
def poisson_survival_played_out(n, lambda0, t):
    """P(Lambda_t != 0): the sum of n draws is Poisson with mean the last sum."""
    law = poisson.pmf(np.arange(400), n * lambda0)[1:]
    for _ in range(t - 1):
        law = law @ _poisson_chain()[1:, 1:]
    return float(law.sum())


@second_reading("SHU-DISC-LOSS", draw=lambda rng: {"n": _whole(rng, 1, 10**6), "q": _share(rng)}, route="fifty digits",
                rtol=1e-12)  # fmt: skip
def one_generation_loss(n, q):
    """(1 - q)^n."""
    import mpmath

    with mpmath.workdps(50):
        return float((1 - mpmath.mpf(q)) ** n)


@second_reading("SHU-DISC-LOSS", draw=lambda rng: {"n": _whole(rng, 1, 60), "q": _share(rng)},
                route="huge matrix power, lost state", rtol=1e-10)  # fmt: skip
def eventual_loss(n, q):
    """1 - q."""
    return float((_binomial(n, q) @ np.linalg.matrix_power(_two_types(n), 2**13))[0])


# ---------------------------------------------------------------------------------------------------------------------
# spins, exponential laws, corpora


@second_reading("JMR-MART", draw=lambda rng: {"spins": _whole(rng, 1, 8), "n": _whole(rng, 1, 8),
                                              "phi0": 2 * _share(rng) - 1},
                route="chain of the number of spins up among all n samples", rtol=1e-10)  # fmt: skip
def spins_all_up(spins, n, phi0):
    """(1 + phi_0) / 2."""
    size = spins * n
    law = _binomial(size, (1 + phi0) / 2, (1 - phi0) / 2) @ np.linalg.matrix_power(_two_types(size), 2**13)
    return float(law[size])


@second_reading("JMR-MART", draw=lambda rng: {"spins": _whole(rng, 1, 8), "n": _whole(rng, 1, 8),
                                              "phi0": 2 * _share(rng) - 1},
                route="linear system of the chain of the number of spins up", rtol=1e-10)  # fmt: skip
def spins_convergence_time_exact(spins, n, phi0):
    """Mean number of fits until all spins agree: two types, population spins times n."""
    size = spins * n
    if size == 1:
        return 1.0
    block = _two_types(size)[1:size, 1:size]
    times = np.linalg.solve(np.eye(size - 1) - block, np.ones(size - 1))
    return 1 + float(_binomial(size, (1 + phi0) / 2, (1 - phi0) / 2)[1:size] @ times)


def _draw_exponential(rng):
    return {"n": _whole(rng, 1, 10**8), "t": _whole(rng, 1, 10**6) - (rng.random() < 0.1)}


@second_reading("JMR-MART", draw=_draw_exponential, route="Binet's integral by quadrature", rtol=1e-10)
def exponential_log_drift(n, t):
    """Drift t (psi(n) - ln n): ln n - psi(n) = 1/(2n) + 2 int x dx / ((x^2 + n^2) (e^(2 pi x) - 1)) over x > 0."""

    def integrand(x):
        return (x / np.expm1(2 * np.pi * x) if x else 1 / (2 * np.pi)) / (1 + (x / n) ** 2)

    binet = quad(integrand, 0, 1, epsabs=0, epsrel=1e-12)[0] + quad(integrand, 1, 8, epsabs=1e-18, epsrel=1e-10)[0]
    return -t * (1 / (2 * n) + 2 * binet / n**2)


@second_reading("JMR-MART", draw=_draw_exponential, route="exact fractions", rtol=1e-14)
def exponential_log_drift_rough(n, t):
    """-t / (2n)."""
    return float(-Fraction(t, 2 * n))


def _draw_corpus(rng, most=30):
    size = _whole(rng, 2, most)
    return {"tokens": size, "replaced": int(rng.integers(1, size + 1)), "count": int(rng.integers(0, size + 1))}


def _reuse(tokens, replaced, count):
    """Law of the number of tokens of a type after one step: kept ones plus draws from the whole old corpus."""
    kept = hypergeom.pmf(np.arange(tokens - replaced + 1), tokens, count, tokens - replaced)
    return np.convolve(kept, _binomial(replaced, count / tokens, (tokens - count) / tokens))


@second_reading("RIIS-T1", draw=lambda rng: _draw_corpus(rng, 20),
                route="chain of exact replacement, huge matrix power",
                rtol=1e-9)  # fmt: skip
def reuse_fixation(tokens, replaced, count):
    """Share k / M, whatever the number replaced per step."""
    chain = np.array([_reuse(tokens, replaced, k) for k in range(tokens + 1)])
    return float(np.linalg.matrix_power(chain, 2**14)[count, tokens])


@second_reading("RIIS-T1", draw=_draw_corpus, route="law of one step of exact replacement", rtol=1e-10)
def reuse_one_step_variance(tokens, replaced, count):
    """Variance mu (1-mu) [a/M + a (1-a)/(M-1)], about a (2-a) mu (1-mu) / M; a = replaced / M, mu = count / M."""
    return float(_reuse(tokens, replaced, count) @ (np.arange(tokens + 1) - count) ** 2) / tokens**2


@second_reading("RIIS-T1", draw=_draw_corpus, route="law of the deterministic mixture", rtol=1e-10)
def reuse_one_step_variance_as_printed(tokens, replaced, count):
    """a^2 mu (1-mu) / M: the variance of (1-a) mu + a times the share in M draws, not of random replacement."""
    move = replaced * (np.arange(tokens + 1) - count) / tokens**2
    return float(_binomial(tokens, count / tokens, (tokens - count) / tokens) @ move**2)


def _draw_reuse(rng):
    return {"tokens": _whole(rng, 2, 10**7), "alpha": float(rng.choice([1.0, _share(rng)]))}


@second_reading("RIIS-T1", draw=_draw_reuse, route="exact fractions", rtol=1e-14)
def reuse_effective_size(tokens, alpha):
    """M / (2 a (2-a)), diploid: half of the haploid size M / (1 - (1-a)^2)."""
    return float(Fraction(tokens) / (1 - (1 - Fraction(alpha)) ** 2) / 2)


@second_reading("RIIS-T1", draw=_draw_reuse, route="exact fractions", rtol=1e-14)
def reuse_one_step_rate(tokens, alpha):
    """Rate a (2-a) / M, about what one step costs in heterozygosity."""
    return float((1 - (1 - Fraction(alpha)) ** 2) / tokens)


@second_reading("RIIS-T1", draw=lambda rng: {"alpha": float(rng.choice([1.0, _share(rng)]))}, route="fifty digits",
                rtol=1e-12)  # fmt: skip
def singleton_drop_out(alpha):
    """About a e^(-a)."""
    import mpmath

    with mpmath.workdps(50):
        return float(mpmath.mpf(alpha) / mpmath.exp(alpha))


@second_reading("RIIS-T1", draw=_without(_draw_corpus, "count"), route="law of one step of exact replacement",
                rtol=1e-10)  # fmt: skip
def singleton_drop_out_exact(tokens, replaced):
    """(r/M) (1 - 1/M)^r, which tends to a e^(-a): a single token is replaced and not drawn."""
    return float(_reuse(tokens, replaced, 1)[0])
