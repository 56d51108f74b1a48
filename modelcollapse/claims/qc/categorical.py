"""Second readings of the categorical loops that only refit: Wright and Fisher, migration, collapse and its time.

Claims: WF-H, WF-EIG, WF-FIX, WF-T2, WF-TK, WF-ENT, WF-MIG, SHU-DISC-ABS, SED-P1, SED-T1.1, SED-T1.2, SED-T1.3,
KAZ-DISC, BOR-1, BOR-2. (Rare types and their survival: `counts`; pools that grow or keep real draws: `pools`.)

The routes. Small cases are *played out*: every vector of counts of n draws is a state, the multinomial law of the
next vector is a row of a matrix, and whatever the statement speaks of is read off powers of that matrix. Where a
statement is about one type, the type against the rest is a chain on 0..n, and n may be a hundred. Absorption times
are sums of the powers of the transient block, added up by doubling (the sum of twice as many terms is the sum plus
the power times the sum), so only positive numbers are added; stationary laws come from the elimination of Grassmann,
Taksar and Heyman, which does not subtract either. Diffusions are integrals of their Green functions by quadrature,
conditioned on fixation by the transform of Doob. Large arguments are taken with fifty digits.

Assumed where the statements are silent: T counts fits and is at least 1 when it starts from the truth, even from a
truth that is already a single type (states of a chain that are absorbed have T = 0).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.integrate import quad
from scipy.special import comb, entr

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------------------------
# draws


def _law(rng, k, least=1e-12):
    """A probability vector as a tuple: even, moderate or nearly a single type."""
    kind = rng.integers(3)
    p = np.full(k, 1.0 / k) if kind == 0 else rng.dirichlet(np.full(k, 1.0 if kind == 1 else 0.2))
    p = np.maximum(p, least)
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


def _played(rng, n=6, k=4, t=40):
    """Sizes that can be played out; no type so rare that 1 - sum p^2 would be rounding."""
    return {"n": _whole(rng, 1, n), "t": int(rng.integers(0, t + 1)), "p": _law(rng, int(rng.integers(2, k + 1)), 1e-4)}


# ---------------------------------------------------------------------------------------------------------------------
# chains


def _binomial(n, q, rest=None):
    """Probabilities of 0..n successes; the complement of q is given where it is known better than 1 - q."""
    j = np.arange(n + 1)
    return comb(n, j) * np.power(float(q), j) * np.power(float(1 - q if rest is None else rest), n - j)


@lru_cache(maxsize=64)
def _two_types(n):
    return np.array([_binomial(n, i / n, (n - i) / n) for i in range(n + 1)])


@lru_cache(maxsize=64)
def _compositions(n, k):
    if k == 1:
        return ((n,),)
    return tuple((first, *rest) for first in range(n + 1) for rest in _compositions(n - first, k - 1))


@lru_cache(maxsize=64)
def _states(n, k):
    states = np.array(_compositions(n, k))
    left, ways = np.full(len(states), n), np.ones(len(states))
    for column in states.T:
        ways, left = ways * comb(left, column), left - column
    return states, ways


def _multinomial(n, p):
    states, ways = _states(n, len(p))
    return ways * np.prod(np.power(np.asarray(p, float), states), axis=1)


@lru_cache(maxsize=64)
def _all_types(n, k):
    return np.array([_multinomial(n, state / n) for state in _states(n, k)[0]])


def _after(n, t, p):
    """Law of the counts after t fits, t at least 1."""
    return _multinomial(n, p) @ np.linalg.matrix_power(_all_types(n, len(p)), t - 1)


def _add_powers(block, start):
    """Sum of block^t start over all t, by doubling."""
    total, power = np.array(start, float), block
    for _ in range(60):
        more = power @ total
        total = total + more
        if np.all(more <= 1e-17 * total):
            return total
        power = power @ power
    raise RuntimeError("the powers do not die out")


def _stationary(matrix):
    """Stationary law without subtractions (Grassmann, Taksar, Heyman)."""
    a = np.array(matrix, float)
    for i in range(len(a) - 1, 0, -1):
        a[:i, i] /= a[i, :i].sum()
        a[:i, :i] += np.outer(a[:i, i], a[i, :i])
    law = np.ones(len(a))
    for i in range(1, len(a)):
        law[i] = law[:i] @ a[:i, i]
    return law / law.sum()


def _by_decades(f, a, b):
    """Integral of f over (a, b) within (0, 1], cut at the powers of ten towards both ends of (0, 1)."""
    small = [10.0**-e for e in range(1, 16)]
    cuts = sorted({a, b, *(x for x in (*small, *(1 - x for x in small), 0.5) if a < x < b)})
    return sum(quad(f, x, y, epsabs=0, epsrel=1e-12)[0] for x, y in pairwise(cuts))


def _above(x, rest):
    """Integral of 1/y over y in (x, 1), rest = 1 - x given by itself because the smaller of the two is exact."""
    if rest < 0.5:
        return quad(lambda u: rest / (1 - rest * u), 0, 1, epsabs=0, epsrel=1e-12)[0]
    return _by_decades(lambda y: 1 / y, x, 1.0)


# ---------------------------------------------------------------------------------------------------------------------
# heterozygosity, eigenvalues, fixation


@second_reading("WF-H", draw=_played, route="all vectors of counts, matrix power", rtol=1e-11)
def heterozygosity_played_out(n, t, p):
    """E[1 - sum p_t^2] after t fits to n draws."""
    if t == 0:
        return 1 - float(np.sum(np.square(p)))
    return float(_after(n, t, p) @ (1 - np.sum((_states(n, len(p))[0] / n) ** 2, axis=1)))


def _draw_decay(rng):
    n = _whole(rng, 1, 10**7)
    return {"n": n, "t": int(rng.choice([0, 1, rng.integers(2, 50), int(n * rng.uniform(0, 20))])), "h0": _share(rng)}


@second_reading("WF-H", draw=_draw_decay, route="fifty digits", rtol=1e-12)
def heterozygosity(n, t, h0):
    """(1 - 1/n)^t H_0."""
    import mpmath

    with mpmath.workdps(50):
        return float((1 - mpmath.mpf(1) / n) ** t * mpmath.mpf(h0))


def _draw_sizes(rng):
    return {"sizes": tuple(_whole(rng, 1 + (rng.random() < 0.9), 60) for _ in range(rng.integers(1, 12)))}


@second_reading("WF-H", draw=lambda rng: {**_draw_sizes(rng), "p": _share(rng)}, rtol=1e-11,
                route="chain of one type through rectangular matrices")  # fmt: skip
def heterozygosity_varying_sizes(sizes, p):
    """2 p (1 - p) prod(1 - 1/n_i), the heterozygosity of two types of shares p and 1 - p."""
    law = _binomial(sizes[0], p)
    for before, now in pairwise(sizes):
        law = law @ np.array([_binomial(now, i / before, (before - i) / before) for i in range(before + 1)])
    x, n = np.arange(sizes[-1] + 1), sizes[-1]
    return float(law @ (2 * x * (n - x) / n**2))


@second_reading("WF-H", draw=_draw_sizes, route="exact fractions", rtol=1e-14)
def effective_size_harmonic(sizes):
    """Harmonic mean of the sizes."""
    return float(len(sizes) / sum(Fraction(1, n) for n in sizes))


def _draw_order(rng):
    n = _whole(rng, 1, 25)
    return {"n": n, "order": int(rng.integers(0, n + 1))}


@second_reading("WF-EIG", draw=_draw_order, route="exact fractions: leading coefficient of E[X^j | i] by differences")
def eigenvalue_by_differences(n, order):
    """lambda_j: E[X^j | i] is a polynomial of degree j in i, and lambda_j is its leading coefficient."""
    from math import comb as choose
    from math import factorial

    def moment(i):
        weights = (choose(n, x) * i**x * (n - i) ** (n - x) for x in range(n + 1))
        return Fraction(sum(w * x**order for x, w in enumerate(weights)), n**n)

    difference = sum((-1) ** (order - i) * choose(order, i) * moment(i) for i in range(order + 1))
    return float(difference / factorial(order))


@second_reading("WF-EIG", draw=lambda rng: {"n": _whole(rng, 1, 8)}, route="eigenvalues of the matrix", rtol=1e-9)
def eigenvalues_of_the_matrix(n):
    """All n + 1 eigenvalues, falling: 1, 1, 1 - 1/n, ..."""
    return np.sort(np.linalg.eigvals(_two_types(n)).real)[::-1]


def _draw_large_order(rng):
    n = _whole(rng, 2, 10**8)
    return {"n": n, "order": _whole(rng, 1, max(1, min(n, int(25 * np.sqrt(n)))))}


@second_reading("WF-EIG", draw=_draw_large_order, route="fifty digits, falling factorial", rtol=1e-12)
def eigenvalue(n, order):
    """Falling factorial n! / ((n - j)! n^j), the probability that j draws out of n differ."""
    import mpmath

    with mpmath.workdps(50):
        return float(mpmath.ff(n, order) / mpmath.mpf(n) ** order)


def _draw_limit(rng):
    return {"n": _whole(rng, 1, 6), "p": _law(rng, int(rng.integers(2, 5)))}


def _pure(n, p):
    """Probabilities of the pure states after 2^12 generations."""
    law = _multinomial(n, p) @ np.linalg.matrix_power(_all_types(n, len(p)), 2**12)
    states = _states(n, len(p))[0]
    return np.array([law[states[:, i] == n].sum() for i in range(len(p))])


@second_reading("WF-FIX", draw=lambda rng: {"n": _whole(rng, 1, 90), "p": _share(rng)}, rtol=1e-11,
                route="mass that leaves the transient block, powers added up")  # fmt: skip
def fixation_probability(n, p):
    """p_0."""
    start, chain = _binomial(n, p), _two_types(n)
    if n == 1:
        return float(start[1])
    return float(start[n] + start[1:n] @ _add_powers(chain[1:n, 1:n], chain[1:n, n]))


@second_reading("WF-FIX", draw=_draw_limit, route="all vectors of counts, huge matrix power", rtol=1e-11)
def fixation_probabilities(n, p):
    """p_0, all types at once."""
    return _pure(n, p)


@second_reading("SHU-DISC-ABS", draw=_draw_limit, route="all vectors of counts, huge matrix power", rtol=1e-11)
def absorption_probabilities(n, p):
    """p_0."""
    return _pure(n, p)


@second_reading("SED-P1", draw=_draw_limit, route="all vectors of counts, huge matrix power", rtol=1e-11)
def limit_law(n, p):
    """p_0."""
    return _pure(n, p)


@second_reading("BOR-2", draw=_draw_limit, route="all vectors of counts, huge matrix power", rtol=1e-11)
def law_of_the_dirac(n, p):
    """p_0."""
    return _pure(n, p)


# ---------------------------------------------------------------------------------------------------------------------
# times


@second_reading("WF-T2", draw=lambda rng: {"n": _whole(rng, 1, 110), "p": _share(rng)}, rtol=1e-11,
                route="powers of the transient block, added by doubling")  # fmt: skip
def absorption_time_exact(n, p):
    """1 + sum_j Bin(n, p)(j) T_j, (I - Q) T = 1; at p = i/n this is T_i."""
    if n == 1:
        return 1.0
    return 1 + float(_binomial(n, p)[1:n] @ _add_powers(_two_types(n)[1:n, 1:n], np.ones(n - 1)))


@second_reading("WF-T2", draw=lambda rng: {"n": _whole(rng, 1, 10**6), "p": _share(rng)}, rtol=1e-9,
                route="quadrature of the Green function")  # fmt: skip
def absorption_time_diffusion(n, p):
    """-2n [p ln p + (1-p) ln(1-p)]."""
    return 2 * n * ((1 - p) * _above(1 - p, p) + p * _above(p, 1 - p))


@second_reading("WF-T2", draw=lambda rng: {"n": _whole(rng, 1, 10**6), "p": _share(rng)}, rtol=1e-9,
                route="quadrature of the Green function, Doob's transform")  # fmt: skip
def fixation_time_conditional_diffusion(n, p):
    """-2n (1-p) ln(1-p) / p."""
    rest = 1 - p
    below = quad(lambda u: p * u / (1 - p * u), 0, 1, epsabs=0, epsrel=1e-12)[0] if p < 0.5 else (
        _by_decades(lambda y: (1 - y) / y, rest, 1.0) / p)  # fmt: skip
    return 2 * n * (rest * below + rest)


def _fixation(n, p):
    """Mean of T and variance of T, T the number of fits until one type is left, from the chains of the types."""
    if n == 1:
        return 1.0, 0.0
    block, h = _two_types(n)[1:n, 1:n], np.arange(1, n) / n
    once = _add_powers(block, h)
    twice = _add_powers(block, once)
    starts = np.array([_binomial(n, x)[1:n] for x in p]).sum(axis=0)
    mean = float(starts @ once)
    return 1 + mean, float(starts @ (2 * twice - once)) - mean**2


def _draw_many(rng):
    return {"n": _whole(rng, 1, 90), "p": _law(rng, int(rng.integers(2, 30)))}


@second_reading("WF-TK", draw=_draw_many, route="P(T > t) summed over the chains of single types", rtol=1e-11)
def fixation_time_exact(n, p):
    """Sum over t of sum_i [p_i - P(i fixed by t)]."""
    return _fixation(n, p)[0]


@second_reading("WF-TK", draw=_draw_many, route="second moment over the chains of single types", rtol=1e-9)
def fixation_time_sd_exact(n, p):
    """Standard deviation of T."""
    return float(np.sqrt(_fixation(n, p)[1]))


@second_reading("WF-TK", draw=_draw_limit, route="all vectors of counts, powers of the transient block", rtol=1e-11)
def fixation_time_played_out(n, p):
    """Mean number of fits until one type is left."""
    mixed = _states(n, len(p))[0].max(axis=1) < n
    if not mixed.any():
        return 1.0
    block = _all_types(n, len(p))[np.ix_(mixed, mixed)]
    return 1 + float(_multinomial(n, p)[mixed] @ _add_powers(block, np.ones(mixed.sum())))


@second_reading("WF-TK", draw=lambda rng: {"n": _whole(rng, 1, 10**6), "p": _law(rng, int(rng.integers(2, 6)))},
                route="conditional times of the types, by quadrature", rtol=1e-9)  # fmt: skip
def fixation_time_diffusion(n, p):
    """-2n sum_i (1-p_i) ln(1-p_i)."""
    return sum(x * fixation_time_conditional_diffusion(n, x) for x in p)


@second_reading("WF-TK", draw=lambda rng: {"n": _whole(rng, 1, 10**6), "k": _whole(rng, 2, 10**9)}, rtol=1e-12,
                route="fifty digits, power series of the logarithm beyond 1000 types")  # fmt: skip
def fixation_time_uniform_diffusion(n, k):
    """-2n K (1 - 1/K) ln(1 - 1/K), towards 2n."""
    import mpmath

    with mpmath.workdps(50):
        x = mpmath.mpf(1) / k
        log = -sum(x**j / j for j in range(1, 30)) if k > 1000 else mpmath.log(1 - x)
        return float(-2 * n * k * (1 - x) * log)


@second_reading("KAZ-DISC", draw=lambda rng: {"n": _whole(rng, 1, 90), "k": _whole(rng, 2, 10**4)}, rtol=1e-11,
                route="P(T > t) summed over the chain of one type")  # fmt: skip
def generations_to_fixation_exact(n, k):
    """Mean number of fits until one of K even types is left: K times the sum over one type."""
    if n == 1:
        return 1.0
    once = _add_powers(_two_types(n)[1:n, 1:n], np.arange(1, n) / n)
    return 1 + k * float(_binomial(n, 1 / k, (k - 1) / k)[1:n] @ once)


@second_reading("WF-ENT", draw=lambda rng: {"n": _whole(rng, 1, 10**8), "k": _whole(rng, 1, 25)}, rtol=1e-10,
                route="second derivatives under the generator, numerically at an uneven law")  # fmt: skip
def entropy_loss_leading(n, k):
    """(K - 1) / (2n) as minus the generator: sum over i, j of (delta_ij p_i - p_i p_j) / (2n) times d_ij of H."""
    import mpmath

    with mpmath.workdps(60):
        p = [mpmath.mpf(2 * i) / (k * (k + 1)) for i in range(1, k + 1)]
        curvature = [mpmath.diff(lambda x: -x * mpmath.log(x), x, 2) for x in p]
        return float(-sum(x * (1 - x) * c for x, c in zip(p, curvature, strict=True)) / (2 * n))


@second_reading("WF-ENT", draw=_played, route="all vectors of counts, matrix power", rtol=1e-11)
def expected_entropy_played_out(n, t, p):
    """E of Shannon's entropy (nats) after t fits; the statement gives only how it falls to leading order."""
    if t == 0:
        return float(entr(p).sum())
    return float(_after(n, t, p) @ entr(_states(n, len(p))[0] / n).sum(axis=1))


# ---------------------------------------------------------------------------------------------------------------------
# migration


def _draw_migration(rng):
    return {"n": _whole(rng, 1, 60), "m": float(rng.choice([1.0, _share(rng)])), "pi": _share(rng)}


@second_reading("WF-MIG", draw=_draw_migration, route="stationary law of the chain of one type", rtol=1e-10)
def migration_variance(n, m, pi):
    """Variance pi (1 - pi) / (n - (n-1) (1-m)^2)."""
    rest = 1 - pi
    if pi > rest:  # the two types change names: states next to impossible are eliminated first
        pi, rest = rest, pi
    rows = [(m * pi + (1 - m) * i / n, m * rest + (1 - m) * (n - i) / n) for i in range(n + 1)]
    law = _stationary([_binomial(n, *row) for row in rows])
    x = np.arange(n + 1) / n
    return float(law @ (x - pi) ** 2)


@second_reading("WF-MIG", draw=lambda rng: {"n": _whole(rng, 1, 10**9), "m": float(rng.choice([0, 1, _share(rng)]))},
                route="two draws have one ancestor: fixed point in exact fractions", rtol=1e-14)  # fmt: skip
def migration_f(n, m):
    """1 / (n - (n-1) (1-m)^2): F = 1/n + (1 - 1/n) (1-m)^2 F."""
    same, both_stay = Fraction(1, n), (1 - Fraction(m)) ** 2
    return float(same / (1 - (1 - same) * both_stay))


def _draw_beta(rng):
    return {"n": _whole(rng, 1, 10**6), "m": float(10 ** rng.uniform(-8, 0)), "pi": float(rng.uniform(0.01, 0.99))}


@second_reading("WF-MIG", draw=_draw_beta, route="moments of the Beta law by Beta functions", rtol=1e-12)
def migration_variance_beta(n, m, pi):
    """Variance pi (1 - pi) / (1 + 2nm), the variance of Beta(2nm pi, 2nm (1-pi))."""
    import mpmath

    with mpmath.workdps(60):
        a, b = 2 * n * mpmath.mpf(m) * pi, 2 * n * mpmath.mpf(m) * (1 - mpmath.mpf(pi))
        first, second = (mpmath.beta(a + j, b) / mpmath.beta(a, b) for j in (1, 2))
        return float(second - first**2)


def _draw_density(rng):
    strength = float(10 ** rng.uniform(-1, 1.5))
    n = _whole(rng, 20, 10**5)
    pi, x = float(rng.uniform(0.05, 0.95)), float(rng.uniform(0.001, 0.999))
    return {"n": n, "m": strength / (2 * n), "pi": pi, "x": x}


@second_reading("WF-MIG", draw=_draw_density, route="stationary flux zero, normalised by quadrature", rtol=1e-8)
def migration_density_beta(n, m, pi, x):
    """Density at x of the stationary law: exp(2 int drift/variance) / variance, drift m (pi - x), variance x(1-x)/n."""
    a, b = 2 * n * m * pi, 2 * n * m * (1 - pi)
    mass = quad(lambda y: 1.0, 0, 1, weight="alg", wvar=(a - 1, b - 1), epsabs=0, epsrel=1e-11)[0]
    return x ** (a - 1) * (1 - x) ** (b - 1) / mass


@second_reading("BOR-1", draw=lambda rng: {"n": _whole(rng, 1, 6), "m": float(rng.choice([1.0, rng.uniform(0.01, 1)])),
                                           "p": _law(rng, int(rng.integers(2, 4)), 1e-4)},
                route="stationary law on all vectors of counts", rtol=1e-9)  # fmt: skip
def stationary_heterozygosity(n, m, p):
    """(1 - F) (1 - sum p^2), F = 1 / (n - (n-1) (1-m)^2), each draw fresh with probability m."""
    states = _states(n, len(p))[0]
    law = _stationary([_multinomial(n, m * np.array(p) + (1 - m) * state / n) for state in states])
    return float(law @ (1 - np.sum((states / n) ** 2, axis=1)))


# ---------------------------------------------------------------------------------------------------------------------
# collapse of all types (Seddik et al.)


@second_reading("SED-T1.1", draw=_played, route="all vectors of counts, matrix power", rtol=1e-11)
def collision_played_out(n, t, p):
    """S_t = 1 - (1 - 1/n)^t (1 - S_0)."""
    if t == 0:
        return float(np.sum(np.square(p)))
    return float(_after(n, t, p) @ np.sum((_states(n, len(p))[0] / n) ** 2, axis=1))


@second_reading("SED-T1.1", draw=lambda rng: {"n": (n := _whole(rng, 1, 10**7)), "t": _whole(rng, 1, 20 * n) - 1,
                                              "s0": _share(rng)}, route="fifty digits", rtol=1e-12)  # fmt: skip
def collision(n, t, s0):
    """S_t = 1 - (1 - 1/n)^t (1 - S_0)."""
    import mpmath

    with mpmath.workdps(50):
        return float(1 - (1 - mpmath.mpf(1) / n) ** t * (1 - mpmath.mpf(s0)))


# held against one minus the probability that types are left, which is what the package gives: atol
@second_reading("SED-T1.2", draw=lambda rng: {**_draw_many(rng), "t": _whole(rng, 1, 2000)}, rtol=1e-11, atol=1e-13,
                route="chains of single types, matrix power")  # fmt: skip
def collapsed_probability_exact(n, t, p):
    """P(one type is left after t fits) = sum_i P(i fixed by t)."""
    starts = np.array([_binomial(n, x) for x in p])
    return float((starts @ np.linalg.matrix_power(_two_types(n), t - 1))[:, n].sum())


def _draw_bounds(rng):
    types = _whole(rng, 2, 1000)
    s0 = 1 / types + (1 - 1 / types) * float(rng.uniform(0, 1)) ** 2
    return {"n": _whole(rng, 1, 10**4), "t": _whole(rng, 1, 400), "s0": s0, "types": types}


def _without(draw, *names):
    return lambda rng: {key: value for key, value in draw(rng).items() if key not in names}


# in the bounds a number of order one is taken from one, which leaves a rounding error: atol
@second_reading("SED-T1.2", draw=_without(_draw_bounds, "types"), route="exact fractions", rtol=1e-14, atol=1e-15)
def collapsed_probability_lower(n, t, s0):
    """1 - n (1 - S_0) (1 - 1/n)^t (not cut at 0)."""
    return float(1 - n * (1 - Fraction(s0)) * (1 - Fraction(1, n)) ** t)


@second_reading("SED-T1.2", draw=_without(_draw_bounds, "types"), route="exact fractions", rtol=1e-14, atol=1e-15)
def collapsed_probability_lower_sharper(n, t, s0):
    """1 - (n/2) (1 - S_0) (1 - 1/n)^(t-1) (not cut at 0)."""
    return float(1 - Fraction(n, 2) * (1 - Fraction(s0)) * (1 - Fraction(1, n)) ** (t - 1))


@second_reading("SED-T1.2", draw=_draw_bounds, route="exact fractions", rtol=1e-14, atol=1e-15)
def collapsed_probability_upper(n, t, s0, types):
    """1 - (1 - S_0) / (1 - 1/types) (1 - 1/n)^t."""
    return float(1 - (1 - Fraction(s0)) / (1 - Fraction(1, types)) * (1 - Fraction(1, n)) ** t)


@second_reading("SED-T1.3", draw=_draw_many, route="P(T > t) summed over the chains of single types", rtol=1e-11)
def collapse_time_exact(n, p):
    """E T, from the linear system of the chain."""
    return _fixation(n, p)[0]


@second_reading("SED-T1.3", draw=_without(_draw_bounds, "t"), route="geometric series of the bound on P(T > t)",
                rtol=1e-10)  # fmt: skip
def collapse_time_lower(n, s0, types):
    """1 + (1 - S_0) / (1 - 1/types) (n - 1): 1 plus the sum over t of 1 - (upper bound at t), t from 1."""
    weight = (1 - Fraction(s0)) / (1 - Fraction(1, types))
    kept = 1 - Fraction(1, n)
    return float(1 + weight * kept / (1 - kept))


@second_reading("SED-T1.3", draw=_without(_draw_bounds, "t", "types"),
                route="geometric series of the bound on P(T > t)",
                rtol=1e-10)  # fmt: skip
def collapse_time_upper(n, s0):
    """1 + (1 - S_0) n (n - 1): 1 plus the sum over t of 1 - (lower bound at t), t from 1."""
    kept = 1 - Fraction(1, n)
    return float(1 + n * (1 - Fraction(s0)) * kept / (1 - kept))
