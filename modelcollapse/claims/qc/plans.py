"""Second readings of the data plans (file 1, sections 1.1 and 1.2).

Claims: F-MASTER, F-REP, F-REPVAR, F-ACC, F-ACC0, F-POLYA, F-QUAD, F-SUB, F-FIX, F-MIX, F-FRESH, F-ONE, F-WIN, F-WIN-R,
F-ALPHA, F-SMOOTH. The first reading may use the printed recursions and products; here F is found in other ways:

* *pair by pair*: the table of all pairs of points ever drawn, with the probability that both are one original draw. A
  new synthetic point copies a uniformly chosen point of the training set of its model. F is the mean of the table over
  the training set. This is the definition of F, and knows no formula; it costs (number of points) squared.
* *two types counted*: a Bernoulli truth, the chain of the number of points of one type with its binomial and
  hypergeometric probabilities, and F as the mean squared error of the frequency over p(1 - p).
* *every sample*: a loop over three types in exact fractions, all samples enumerated.
* *Gamma functions* for products over any number of generations, in mpmath with 60 digits; *affine maps* composed by
  squaring, in mpmath with 40 digits; *exact fractions* where the sizes are small.

A second table holds pairs by batch instead of by point (`F-SUB`, `F-WIN`): points of one batch are exchangeable.
F_0 = 0 everywhere, so t = 0 belongs to every domain.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
from scipy import stats

from modelcollapse.claims.qc.reading import second_reading

# ---------------------------------------------------------------------------------------------------------------- draws


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


# --------------------------------------------------------------------------------------------------------- pair by pair


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


def _any_plan(rng):
    sizes = tuple(int(size) for size in rng.integers(1, 5, size=rng.integers(1, 6)))
    real = tuple(bool(flag) for flag in rng.random(len(sizes)) < 0.3)
    kept = tuple(
        tuple(sorted({new, *(int(old) for old in range(1, new) if rng.random() < 0.5)}))
        for new in range(1, len(sizes) + 1)
    )
    return {"sizes": sizes, "real": real, "kept": kept}


@second_reading("F-MASTER", draw=_any_plan, route="pair by pair", rtol=1e-12)
def inbreeding_of_plan(sizes, real, kept):
    """F of the last generation of any plan made of whole batches.

    Batch t has sizes[t-1] points, of the truth if real[t-1] (t = 1 always) else of model t-1.
    Generation t is fitted to the batches named in kept[t-1], counted from 1.
    """
    pairs, train, batches = NOBODY, None, []
    for size, is_real, names in zip(sizes, real, kept, strict=True):
        fresh = is_real or train is None
        pairs, new = draw_real(pairs, size) if fresh else draw_copies(pairs, train, size)
        batches.append(new)
        train = np.concatenate([batches[name - 1] for name in names])
    return coalesced(pairs, train)


# --------------------------------------------------------------------------------------------------------- every sample


def _samples(n, p):
    """Yield all count vectors of n draws from p with their exact probabilities."""
    for bars in itertools.combinations(range(n + len(p) - 1), len(p) - 1):
        edges = (-1, *bars, n + len(p) - 1)
        counts = tuple(edges[i + 1] - edges[i] - 1 for i in range(len(p)))
        chance = Fraction(math.factorial(n))
        for count, probability in zip(counts, p, strict=True):
            chance *= probability**count / math.factorial(count)
        if chance:
            yield counts, chance


def _loop(plan, n, t, p0):
    """Distribution of the training counts of generation t over all loops; the state may carry real counts."""
    start = {(counts, counts): chance for counts, chance in _samples(n, p0)}
    for _ in range(t - 1):
        new = {}
        for (train, real), chance in start.items():
            total = sum(train)
            for counts, step in _samples(n, tuple(Fraction(c, total) for c in train)):
                older = {"replace": (), "accumulate": train, "fixed": real}[plan]
                kept = tuple(map(sum, zip(older, counts, strict=True))) if older else counts
                key = kept, real if plan == "fixed" else ()
                new[key] = new.get(key, 0) + chance * step
        start = new
    out = {}
    for (train, _), chance in start.items():
        out[train] = out.get(train, 0) + chance
    return out


def _small_loop(rng):
    plan = str(rng.choice(["replace", "accumulate", "fixed"]))
    n, t = ((1, 4), (2, 3), (3, 2), (4, 2), (2, 2), (3, 1))[rng.integers(6)]
    weights = rng.integers(1, 6, size=3)
    return {"plan": plan, "n": n, "t": t, "weights": tuple(int(w) for w in weights)}


@second_reading("F-MASTER", draw=_small_loop, route="every sample in exact fractions", rtol=1e-14)
def heterozygosity_and_error_of_loop(plan, n, t, weights):
    """(E H_t / H_0, E|p_t - p_0|^2 / H_0) = (1 - F, F) for three types of the given weights; n points a batch.

    Plan "fixed": the n real points of generation 1 stay, with n points of the last model.
    """
    p0 = tuple(Fraction(w, sum(weights)) for w in weights)
    h0 = 1 - sum(p * p for p in p0)
    kept, error = Fraction(0), Fraction(0)
    for train, chance in _loop(plan, n, t, p0).items():
        p = [Fraction(c, sum(train)) for c in train]
        kept += chance * (1 - sum(x * x for x in p))
        error += chance * sum((x - y) ** 2 for x, y in zip(p, p0, strict=True))
    return np.array([float(kept / h0), float(error / h0)])


def _coin_variance(n, divisor):
    """E of the sample variance of n fair coins over its true value 1/4; the same for any law."""
    return sum(math.comb(n, k) * Fraction(4 * k * (n - k), n * divisor) for k in range(n + 1)) / 2**n


@second_reading(
    "F-MASTER",
    draw=lambda rng: {
        "sizes": tuple(any_size(rng, 40, low=2) for _ in range(rng.integers(1, 8))),
        "estimator": str(rng.choice(["mle", "unbiased"])),
    },
    route="every sample of a fair coin, exact fractions",
    rtol=1e-14,
)
def gaussian_replace_moments(sizes, estimator):
    """(E sigma_t^2, MSE(mu_t)) in units of sigma_0^2 for the replace plan: mle (1 - F, F); unbiased (1, sum 1/n_i)."""
    variance, error = Fraction(1), Fraction(0)
    for n in sizes:
        error += variance / n
        variance *= _coin_variance(n, n if estimator == "mle" else n - 1)
    return np.array([float(variance), float(error)])


def _sizes_and_matrix(rng):
    root = rng.normal(size=(3, 3))
    return {"sizes": tuple(any_size(rng, 12) for _ in range(rng.integers(1, 6))), "covariance": root @ root.T}


@second_reading("F-MASTER", draw=_sizes_and_matrix, route="pair by pair", rtol=1e-12)
def expected_covariance_replace(sizes, covariance):
    """E Sigma_t = (1 - F_t) Sigma_0 for d-dimensional Gaussians (mle), replace plan."""
    apart = 1.0
    for n in sizes:  # two draws with replacement are apart if they are two points whose parents were apart
        apart *= (np.ones((n, n)) - np.eye(n)).mean()
    return apart * np.asarray(covariance)


@second_reading("F-MASTER", draw=_sizes_and_matrix, route="pair by pair", rtol=1e-12)
def expected_mean_error_replace(sizes, covariance):
    """E|mu_t - mu_0|^2 = F_t tr Sigma_0 for d-dimensional Gaussians (mle), replace plan."""
    return inbreeding_replace_sizes(sizes) * float(np.trace(covariance))


# ---------------------------------------------------------------------------------------------------------------- tools


def affine(slope, offset, t, start=0):
    """Value after t steps of F -> offset + slope F from `start`, maps composed by squaring; mpmath numbers."""
    import mpmath as mp

    power, shift, slope, offset = mp.mpf(1), mp.mpf(0), mp.mpf(slope), mp.mpf(offset)
    while t:
        if t & 1:
            power, shift = slope * power, offset + slope * shift
        offset, slope, t = offset + slope * offset, slope * slope, t >> 1
    return shift + power * start


def _square_gap_product(shift, gap, count):
    """Product over i = 1..count of 1 - gap^2 / (i + shift)^2, by Gamma functions; count may be inf (mpmath)."""
    import mpmath as mp

    def log_gamma(x):
        return mp.loggamma(x)

    out = 2 * log_gamma(1 + shift) - log_gamma(1 + shift - gap) - log_gamma(1 + shift + gap)
    if count != math.inf:
        far = count + 1 + shift
        out += log_gamma(far - gap) + log_gamma(far + gap) - 2 * log_gamma(far)
    return mp.exp(out)


def two_types(n, t, chance, value, p):
    """E(value - p)^2 / (p(1-p)) after t samples of n; `chance(k)`, `value(k)` belong to k of n points."""
    if t == 0:
        return 0.0
    states = np.arange(n + 1)
    step = stats.binom.pmf(states[None, :], n, np.clip(chance(states), 0.0, 1.0)[:, None])
    law = stats.binom.pmf(states, n, p) @ np.linalg.matrix_power(step, t - 1)
    return float(law @ (value(states) - p) ** 2 / (p * (1 - p)))


# -------------------------------------------------------------------------------------------------------------- replace


@second_reading(
    "F-REP",
    draw=lambda rng: {"n": any_size(rng, 10**9), "t": any_time(rng, 10**9)},
    route="affine maps by squaring, 40 digits",
    rtol=1e-14,
)
def inbreeding_replace(n, t):
    """F_t of F -> 1/n + (1 - 1/n) F, that is 1 - (1 - 1/n)^t."""
    import mpmath as mp

    with mp.workdps(40):
        return float(affine(1 - mp.mpf(1) / n, mp.mpf(1) / n, t))


# An exponent of up to 500 is rounded in the first reading, and with it the fourth last of its digits.
@second_reading(
    "F-REP",
    draw=lambda rng: {"n": (n := any_size(rng, 10**6)), "t": any_time(rng, 500 * n)},
    route="affine maps by squaring, 40 digits",
    rtol=5e-13,
)
def retained_replace(n, t):
    """1 - F_t = (1 - 1/n)^t, down to 1e-301."""
    import mpmath as mp

    with mp.workdps(40):
        return float(affine(1 - mp.mpf(1) / n, 0, t, start=1))


@second_reading(
    "F-REP", draw=lambda rng: {"n": any_size(rng, 25), "t": any_time(rng, 200)}, route="two types counted", rtol=1e-12
)
def inbreeding_replace_two_types(n, t):
    """F_t as the mean squared error of a Bernoulli frequency over p(1 - p)."""
    return two_types(n, t, lambda k: k / n, lambda k: k / n, 0.3)


@second_reading(
    "F-REPVAR",
    draw=lambda rng: {"sizes": tuple(any_size(rng, 30) for _ in range(rng.integers(0, 30)))},
    route="pair by pair",
    rtol=1e-12,
)
def inbreeding_replace_sizes(sizes):
    """1 - prod(1 - 1/n_i)."""
    if not len(sizes):
        return 0.0
    pairs, train = draw_real(NOBODY, int(sizes[0]))
    for n in sizes[1:]:
        pairs, train = keep_only(*draw_copies(pairs, train, int(n)))
    return coalesced(pairs, train)


@second_reading(
    "F-REPVAR",
    draw=lambda rng: {"sizes": tuple(any_size(rng, 10**9) for _ in range(rng.integers(0, 60)))},
    route="exact fractions",
    rtol=1e-15,
)
def inbreeding_replace_sizes_exact(sizes):
    """1 - prod(1 - 1/n_i), any sizes."""
    return float(1 - math.prod((Fraction(int(n) - 1, int(n)) for n in sizes), start=Fraction(1)))


# "The effective size is the harmonic mean of the sizes" is read as its definition; the constant size with exactly the
# same F_t is 1 / (1 - (prod(1 - 1/n_i))^(1/t)), which differs in second order.
@second_reading(
    "F-REPVAR",
    draw=lambda rng: {"sizes": tuple(any_size(rng, 10**6) for _ in range(rng.integers(1, 40)))},
    route="exact fractions",
    rtol=1e-15,
)
def effective_size_harmonic(sizes):
    """Size t / sum(1/n_i)."""
    return float(len(sizes) / sum(Fraction(1, int(n)) for n in sizes))


@second_reading(
    "F-QUAD", draw=lambda rng: {"n": any_size(rng, 10**6), "t": any_time(rng, 60)}, route="exact fractions", rtol=1e-15
)
def inbreeding_quadratic_schedule(n, t):
    """F of replace with sizes n i^2; equal to accumulation."""
    return inbreeding_replace_sizes_exact(tuple(n * i * i for i in range(1, t + 1)))


# ----------------------------------------------------------------------------------------------------------- accumulate


@second_reading(
    "F-ACC", draw=lambda rng: {"n": any_size(rng, 12), "t": any_time(rng, 15)}, route="pair by pair", rtol=1e-12
)
def inbreeding_accumulate_pairs(n, t):
    """1 - prod_{i<=t} (1 - 1/(n i^2)), from the table of all pairs."""
    return inbreeding_accumulate_sizes(n, (n,) * (t - 1)) if t else 0.0


@second_reading(
    "F-ACC",
    draw=lambda rng: {"n": any_size(rng, 10**9), "t": any_time(rng, 10**9)},
    route="Gamma functions, 60 digits",
    rtol=1e-14,
)
def inbreeding_accumulate(n, t):
    """1 - prod_{i<=t} (1 - 1/(n i^2))."""
    import mpmath as mp

    if t == 0 or n == 1:
        return float(t > 0)
    with mp.workdps(60):
        return float(1 - _square_gap_product(mp.mpf(0), 1 / mp.sqrt(n), t))


@second_reading("F-ACC", draw=lambda rng: {"n": any_size(rng, 10**9)}, route="Gamma functions, 60 digits", rtol=1e-14)
def limit_accumulate(n):
    """F_inf = 1 - sin(pi/sqrt n) / (pi/sqrt n)."""
    import mpmath as mp

    if n == 1:
        return 1.0
    with mp.workdps(60):
        return float(1 - _square_gap_product(mp.mpf(0), 1 / mp.sqrt(n), math.inf))


def _accumulate_draw(rng):
    return {"n_real": any_size(rng, 10**6), "n": any_size(rng, 10**6), "t": any_time(rng, 10**9)}


@second_reading("F-ACC0", draw=_accumulate_draw, route="Gamma functions, 60 digits", rtol=1e-14)
def inbreeding_accumulate_from(n_real, n, t):
    """1 - (1 - 1/n_0) prod_{i<=t-1} (1 - n/(n_0 + n i)^2)."""
    import mpmath as mp

    if t == 0:
        return 0.0
    with mp.workdps(60):
        product = _square_gap_product(mp.mpf(n_real) / n, 1 / mp.sqrt(n), t - 1)
        return float(1 - (1 - mp.mpf(1) / n_real) * product)


@second_reading(
    "F-ACC0",
    draw=lambda rng: {"n_real": any_size(rng, 60), "n": any_size(rng, 60), "t": any_time(rng, 60)},
    route="exact fractions",
    rtol=1e-15,
)
def inbreeding_accumulate_from_exact(n_real, n, t):
    """Count ordered pairs of the pool that are one draw: a new batch of n adds n + (2 N n + n(n-1)) F to N^2 F."""
    if t == 0:
        return 0.0
    pool, one = n_real, Fraction(n_real)  # ordered pairs, a point with itself included, that are one draw
    for _ in range(t - 1):
        inbreeding = one / pool**2
        one += n + (2 * pool * n + n * (n - 1)) * inbreeding
        pool += n
    return float(one / pool**2)


# The sentence "accumulation never collapses: F_inf < 1 always" needs n_0 >= 2: one real point gives F = 1 at once.
@second_reading(
    "F-ACC0",
    draw=lambda rng: {"n_real": any_size(rng, 10**9), "n": any_size(rng, 10**9)},
    route="Gamma functions, 60 digits",
    rtol=1e-14,
)
def limit_accumulate_from(n_real, n):
    """F_inf = 1 - (1 - 1/n_0) Gamma(1+rho)^2 / (Gamma(1+rho-s) Gamma(1+rho+s)), rho = n_0/n, s = n^(-1/2)."""
    import mpmath as mp

    with mp.workdps(60):
        product = _square_gap_product(mp.mpf(n_real) / n, 1 / mp.sqrt(n), math.inf)
        return float(1 - (1 - mp.mpf(1) / n_real) * product)


@second_reading(
    "F-ACC0",
    draw=lambda rng: {
        "n_real": any_size(rng, 20),
        "sizes": tuple(int(n) for n in rng.integers(1, 12, size=rng.integers(0, 12))),
    },
    route="pair by pair",
    rtol=1e-12,
)
def inbreeding_accumulate_sizes(n_real, sizes):
    """1 - (1 - 1/n_0) prod_i (1 - n_i/N_i^2), synthetic batches of any sizes."""
    pairs, pool = draw_real(NOBODY, n_real)
    for n in sizes:
        pairs, new = draw_copies(pairs, pool, int(n))
        pool = np.concatenate([pool, new])
    return coalesced(pairs, pool)


@second_reading(
    "F-POLYA", draw=lambda rng: {"n_real": any_size(rng, 40), "t": any_time(rng, 30)}, route="pair by pair", rtol=1e-12
)
def inbreeding_polya(n_real, t):
    """F_t of the urn with n_0 real points and one synthetic point a generation."""
    return inbreeding_accumulate_sizes(n_real, (1,) * (t - 1)) if t else 0.0


@second_reading("F-POLYA", draw=lambda rng: {"n_real": any_size(rng, 10**9)}, route="Beta moments", rtol=1e-15)
def limit_polya(n_real):
    """F_inf = 2/(n_0 + 1): mixture over the Beta(k, n_0 - k) limits of the urn, averaged over k ~ Bin(n_0, 1/2).

    E x(1-x) over Beta(k, m - k) is k(m-k)/(m(m+1)); E k(m-k) = m(m-1)/4.
    """
    m = n_real
    return float(1 - 4 * Fraction(m * (m - 1), 4) / (m * (m + 1)))


# --------------------------------------------------------------------------------------------- accumulate and subsample


@second_reading(
    "F-SUB",
    draw=lambda rng: {"n": any_size(rng, 40), "t": any_time(rng, 40)},
    route="pairs by batch, exact fractions",
    rtol=1e-15,
)
def inbreeding_subsample_exact(n, t):
    """F_t from the probability Q that two points of the pool are one draw; F = 1/n + (1 - 1/n) Q."""
    if t == 0:
        return 0.0
    twice, pool = Fraction(0), n  # twice: ordered pairs of two points of the pool that are one draw
    for _ in range(t - 1):
        q = twice / (pool * (pool - 1)) if pool > 1 else Fraction(0)
        cross = Fraction(1, pool) + (1 - Fraction(1, pool)) * q  # the parent is a uniform point of the pool
        within = Fraction(1, n) + (1 - Fraction(1, n)) * q  # two parents in the training set, perhaps the same
        twice += 2 * pool * n * cross + n * (n - 1) * within
        pool += n
    q = twice / (pool * (pool - 1)) if pool > 1 else Fraction(0)
    return float(Fraction(1, n) + (1 - Fraction(1, n)) * q)


def _subsample_pool(n, t):
    """E W_t by Gamma functions; the factor of step t is t (t - r)(t - s) / ((t - 1/n)(t + 1)^2)  (mpmath).

    The numerator of the printed factor is t (n t^2 + (2n - 1) t + n - 4 + 1/n) / n, with discriminant 12 n - 3.
    """
    import mpmath as mp

    root = mp.sqrt(12 * n - 3)
    roots = [(1 - 2 * n + root) / (2 * n), (1 - 2 * n - root) / (2 * n)]
    out = mp.loggamma(1 - mp.mpf(1) / n) - sum(mp.loggamma(1 - r) for r in roots)
    if t != math.inf:
        out += mp.loggamma(t) + sum(mp.loggamma(t - r) for r in roots)
        out -= mp.loggamma(t - mp.mpf(1) / n) + 2 * mp.loggamma(t + 1)
    return (1 - mp.mpf(1) / n) * mp.exp(out)


# The first reading adds up to a million logarithms in floats: 1e-12 is for it.
@second_reading(
    "F-SUB",
    draw=lambda rng: {"n": any_size(rng, 10**6), "t": any_time(rng, 10**6)},
    route="Gamma functions, 60 digits",
    rtol=1e-12,
)
def inbreeding_subsample(n, t):
    """1 - E W_t t(n-1)/(tn-1)."""
    import mpmath as mp

    if t == 0 or n == 1:
        return float(t > 0)
    with mp.workdps(60):
        return float(1 - _subsample_pool(n, t) * t * (n - 1) / (mp.mpf(t) * n - 1))


@second_reading("F-SUB", draw=lambda rng: {"n": any_size(rng, 10**9)}, route="Gamma functions, 60 digits", rtol=1e-14)
def limit_subsample(n):
    """F_inf = 1 - (1 - 1/n) E W_inf; n F_inf tends to pi^2/2 - 2."""
    import mpmath as mp

    if n == 1:
        return 1.0
    with mp.workdps(60):
        return float(1 - _subsample_pool(n, math.inf) * (n - 1) / n)
