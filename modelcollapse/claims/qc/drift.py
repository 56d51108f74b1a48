"""Second readings of the constants, efficiencies and weights that follow from the drift coefficient (file 1).

Claims: RISK-CONST, DD-ARE, BC-REC, BS-T4.1 (its exact part), BS-T5.1 (its probability), mad-augmentation-fixed-real,
GOLD-MEAN, GOLD-KALMAN, GOLD-VAR. The plans themselves are in `plans` and `plans_mixed`. Routes:

* constants: series summed by mpmath, polygamma functions, Gamma functions at finite n;
* categorical risk: the chain of the number of points of each type, with binomial probabilities;
* fixed real set: the variance as the sum of squares of the coefficients of all noises that ever entered;
* golden ratio: the noise series by doubling; the minimum by bisection of a numerical derivative; the Kalman weights by
  powers of a Moebius matrix, in exact fractions; covariances in d dimensions by a linear solve for the full tensor of
  fourth order of Cov(Sigma_ij, Sigma_kl).

Left out: SHU-PROC (a definition), the bound of BS-T4.1 (no constants given), BS-T5.2 (existence only).
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy import integrate, stats

from modelcollapse.claims.qc.reading import second_reading

# tools, the same as in `plans`: the files of this room import nothing from each other


def any_size(rng, top, low=1):
    """Draw a whole number from low to top, log-uniform, its two lowest values often."""
    corner = rng.random()
    if corner < 0.2:
        return min(low + int(corner < 0.1), top)
    return int(min(max(low, math.exp(rng.uniform(math.log(low), math.log(top + 1)))), top))


def any_share(rng):
    """Draw a probability, with 0, 1 and their neighbourhoods often."""
    corners = (0.0, 1.0, 1e-9, 1e-3, 1 - 1e-9)
    return float(rng.choice(corners)) if rng.random() < 0.3 else float(rng.random())


def _positive(rng, low, high):
    """Draw a positive number, log-uniform, 1 often."""
    return 1.0 if rng.random() < 0.1 else float(np.exp(rng.uniform(math.log(low), math.log(high))))


# ------------------------------------------------------------------------------------------------ constants, efficiency


@second_reading("RISK-CONST", draw=lambda rng: {}, route="series, Euler-Maclaurin tail", rtol=1e-13)
def constant_accumulate():
    """The sum of 1/i^2 = pi^2/6."""
    import mpmath as mp

    return float(mp.nsum(lambda i: 1 / i**2, [1, mp.inf]))


@second_reading("RISK-CONST", draw=lambda rng: {}, route="series with extrapolation", rtol=1e-13)
def constant_subsample():
    """2 + sum (2t - 1)/(t (t + 1)^2) = pi^2/2 - 2."""
    import mpmath as mp

    return float(2 + mp.nsum(lambda t: (2 * t - 1) / (t * (t + 1) ** 2), [1, mp.inf]))


@second_reading(
    "RISK-CONST", draw=lambda rng: {"alpha": any_share(rng)}, route="stationary equation, exact fractions", rtol=1e-15
)
def constant_fixed_real(alpha):
    """Limit of N F_inf = (1 + 2 alpha)/(1 + alpha): N f = (1 - a^2) + a^2 (N/n) + a^2 N f, N/n = (1 - a)/a."""
    a = Fraction(alpha)
    if a == 1:  # the equation is 0 = 0 in the limit; (1 - a^2 + a(1 - a)) / (1 - a^2) tends to 3/2
        return 1.5
    return float((1 - a**2 + a * (1 - a)) / (1 - a**2))


@second_reading("RISK-CONST", draw=lambda rng: {"n": any_size(rng, 10**9)}, route="Gamma functions", rtol=1e-14)
def inflation_accumulate(n):
    """Finite-size n F_inf, accumulate: prod(1 - s^2/i^2) = 1/(Gamma(1-s) Gamma(1+s)) with n s^2 = 1."""
    import mpmath as mp

    with mp.workdps(50):
        s = 1 / mp.sqrt(n)
        return float(n * (1 - mp.rgamma(1 - s) * mp.rgamma(1 + s)))


@second_reading("RISK-CONST", draw=lambda rng: {"n": any_size(rng, 10**9)}, route="Gamma functions", rtol=1e-14)
def inflation_subsample(n):
    """Finite-size n F_inf, accumulate and subsample; the product of F-SUB factors, see `plans.limit_subsample`."""
    import mpmath as mp

    with mp.workdps(50):
        root = mp.sqrt(12 * n - 3)
        up, down = (1 - 2 * n + root) / (2 * n), (1 - 2 * n - root) / (2 * n)
        pool = mp.gamma(2 - mp.mpf(1) / n) * mp.rgamma(1 - up) * mp.rgamma(1 - down)
        return float(n * (1 - pool * (n - 1) / n))


@second_reading("DD-ARE", draw=lambda rng: {"G": any_size(rng, 10**9)}, route="trigamma function", rtol=1e-14)
def efficiency_augment(G):
    """1 / sum_{g<=G} g^-2 = 1 / (psi_1(1) - psi_1(G + 1))."""
    import mpmath as mp

    with mp.workdps(40):
        return float(1 / (mp.psi(1, 1) - mp.psi(1, G + 1)))


@second_reading("DD-ARE", draw=lambda rng: {"G": any_size(rng, 300)}, route="noises added one by one", rtol=1e-15)
def efficiency_discard(G):
    """1/G: each generation adds the variance of one fit."""
    return float(1 / sum(Fraction(1) for _ in range(G)))


def _n_and_generation(rng):
    return {"n": any_size(rng, 10**9), "G": any_size(rng, 10**6)}


@second_reading("DD-ARE", draw=_n_and_generation, route="power in 50 digits", rtol=1e-13)
def scaled_error_discard(n, G):
    """Scaled error n MSE / v = n F_REP(n, G), moment-matching models."""
    import mpmath as mp

    with mp.workdps(50):
        return float(n * (1 - (mp.mpf(n - 1) / n) ** G)) if n > 1 else 1.0


@second_reading("DD-ARE", draw=_n_and_generation, route="Gamma functions", rtol=1e-13)
def scaled_error_augment(n, G):
    """Scaled error n MSE / v = n F_ACC(n, G)."""
    import mpmath as mp

    with mp.workdps(50):
        s = 1 / mp.sqrt(n)
        rising = mp.rgamma(1 - s) * mp.rgamma(1 + s)
        late = mp.loggamma(G + 1 - s) + mp.loggamma(G + 1 + s) - 2 * mp.loggamma(G + 1)
        return float(n * (1 - rising * mp.exp(late)))


def _law(weights):
    weights = np.asarray(weights, dtype=float)
    return weights / weights.sum()


def _risk_draw(rng):
    steps = int(rng.integers(1, 8))
    law = _law(rng.random(int(rng.integers(2, 5))) + 0.02)
    return {
        "sizes": tuple(any_size(rng, 25) for _ in range(steps)),
        "real": tuple(any_share(rng) for _ in range(steps)),
        "p0": tuple(law),
    }


def _type_error(sizes, real, p):
    """E(p_t - p)^2 of one type whose true probability is p; n_t draws of real_t p + (1 - real_t) p_{t-1}."""
    law, value = np.ones(1), np.array([p])
    for n, share in zip(sizes, real, strict=True):
        chance = np.clip(share * p + (1 - share) * value, 0, 1)
        law = law @ stats.binom.pmf(np.arange(n + 1)[None, :], n, chance[:, None])
        value = np.arange(n + 1) / n
    return float(law @ (value - p) ** 2)


@second_reading("BC-REC", draw=_risk_draw, route="all counts of each type", rtol=1e-11)
def categorical_risk(sizes, real, p0):
    """R_t = E|p_t - p_0|^2 = F_t (1 - sum p_0^2); the first real fraction is without effect."""
    return sum(_type_error(sizes, real, p) for p in p0)


@second_reading(
    "BC-REC",
    draw=lambda rng: {k: v for k, v in _risk_draw(rng).items() if k != "p0"},
    route="ancestral lines: last common point, exact fractions",
    rtol=1e-15,
)
def inbreeding_varying(sizes, real):
    """F_t as a sum over the generation s of the common point: 1/n_s prod_{u>s} (1 - 1/n_u)(1 - alpha_u)^2."""
    total, apart = Fraction(0), Fraction(1)
    for n, share in zip(reversed(sizes), reversed(real), strict=True):
        total += apart / n
        apart *= (1 - Fraction(1, n)) * (1 - Fraction(share)) ** 2
    return float(total)


@second_reading(
    "BC-REC",
    draw=lambda rng: {k: v for k, v in _risk_draw(rng).items() if k != "p0"},
    route="exact fractions",
    rtol=1e-15,
)
def inbreeding_varying_published_index(sizes, real):
    """R_t / (1 - sum p_0^2) by the published recursion, its generation 0 being the first fit: correct, other index."""
    first = risk = Fraction(1, sizes[0])
    for n, share in zip(sizes[1:], real[1:], strict=True):
        risk = Fraction(sizes[0], n) * first + Fraction(n - 1, n) * (1 - Fraction(share)) ** 2 * risk
    return float(risk)


# The bound has no constants; the exact sentence "n MSE = n F_T v for a linear sufficient statistic" is read here.
@second_reading(
    "BS-T4.1",
    draw=lambda rng: {"n": any_size(rng, 8), "T": any_size(rng, 8), "p": float(rng.uniform(0.01, 0.99))},
    route="all counts of a Bernoulli pool",
    rtol=1e-12,
)
def bernoulli_error_accumulate(n, T, p):
    """Scaled error n MSE / v of the Bernoulli MLE on all data up to iteration T, v = p(1 - p)."""
    law = stats.binom.pmf(np.arange(n + 1), n, p)
    for t in range(1, T):
        new = np.zeros(n * (t + 1) + 1)
        for count, chance in enumerate(law):
            new[count : count + n + 1] += chance * stats.binom.pmf(np.arange(n + 1), n, count / (n * t))
        law = new
    value = np.arange(len(law)) / (n * T)
    return float(n * (law @ (value - p) ** 2) / (p * (1 - p)))


@second_reading("BS-T5.1", draw=lambda rng: {}, route="quadrature", rtol=1e-9)
def far_sample_limit():
    """1 - E exp(-E/2) = 1/3, E standard exponential."""
    return 1 - integrate.quad(lambda x: math.exp(-1.5 * x), 0, math.inf, epsabs=1e-12)[0]


# The claim gives the limit only; at finite n the MLE on uniform data is alpha = (1 - max X)/2, cut at 1/4 by the range
# of alpha, and with weight alpha on the far part the event has the probability 1 - E(1 - alpha)^n.
@second_reading("BS-T5.1", draw=lambda rng: {"n": any_size(rng, 10**4)}, route="quadrature", rtol=1e-8)
def far_sample_probability(n):
    """1 - E(1 - min((1 - max X)/2, 1/4))^n; tends to 1/3."""
    depth = min(0.5, 60 / n)
    inner = integrate.quad(
        lambda u: n * (1 - u) ** (n - 1) * -math.expm1(n * math.log1p(-u / 2)), 0, depth, epsabs=1e-14, epsrel=1e-12
    )[0]
    return inner + 0.5**n * -math.expm1(n * math.log(0.75)) if depth == 0.5 else inner


# ------------------------------------------------------------------------------------------------------- fixed real set


@second_reading(
    "mad-augmentation-fixed-real",
    draw=lambda rng: {
        "n": any_size(rng, 10**6),
        "lam": 0.0 if rng.random() < 0.1 else _positive(rng, 1e-3, 1e3),
        "t": any_size(rng, 200),
    },
    route="sum of squared coefficients of all noises",
    rtol=1e-12,
)
def known_variance_fixed_real(n, lam, t):
    """Var(mean_t)/sigma^2 with n fixed real and lambda n synthetic points, known variance; t = 1 the real fit."""
    keep = lam / (1 + lam)
    noise = [1.0]  # of the real mean, standard deviation n^-1/2; then of the synthetic means, (lam n)^-1/2
    for _ in range(t - 1):
        noise = [(1 - keep) + keep * noise[0], *(keep * c for c in noise[1:]), keep]
    fresh = math.fsum(c * c for c in noise[1:])
    return (noise[0] ** 2 + (fresh / lam if lam else 0.0)) / n


@second_reading(
    "mad-augmentation-fixed-real",
    draw=lambda rng: {"n": any_size(rng, 10**9), "lam": 0.0 if rng.random() < 0.1 else _positive(rng, 1e-6, 1e6)},
    route="stationary equation in exact fractions",
    rtol=1e-15,
)
def limit_known_variance_fixed_real(n, lam):
    """Var_inf/sigma^2 = (1 + lambda/(1 + 2 lambda))/n; the real noise has coefficient 1, the rest a series."""
    lam = Fraction(lam)
    keep = lam / (1 + lam)
    return float((1 + (keep**2 / (1 - keep**2) / lam if lam else 0)) / n)


# --------------------------------------------------------------------------------------------------------- golden ratio


def _stationary(w, k):
    """Stationary variance in units of sigma^2/n, noise series by doubling (mpmath): sum over j of (1-w)^2j noise."""
    import mpmath as mp

    ratio, total = (1 - w) ** 2, w**2 + k * (1 - w) ** 2
    while ratio > mp.mpf(10) ** (-mp.mp.dps - 5):
        total, ratio = total * (1 + ratio), ratio**2
    return total


def _weight(rng):
    return float(rng.choice([1.0, 1e-6, 0.5])) if rng.random() < 0.3 else float(1 - rng.random())


@second_reading(
    "GOLD-MEAN",
    draw=lambda rng: {"w": _weight(rng), "k": _positive(rng, 1e-6, 1e6)},
    route="noise series by doubling, 40 digits",
    rtol=1e-14,
)
def stationary_variance(w, k):
    """The ratio n Var_inf/sigma^2 = (w^2 + k(1-w)^2)/(w(2-w)), for 0 < w <= 1."""
    import mpmath as mp

    with mp.workdps(40):
        return float(_stationary(mp.mpf(w), mp.mpf(k)))


@second_reading(
    "GOLD-MEAN",
    draw=lambda rng: {"k": _positive(rng, 1e-6, 1e6)},
    route="bisection of a numerical derivative, 50 digits",
    rtol=1e-13,
)
def best_weight(k):
    """Minimiser of f, (sqrt(k^2 + 4k) - k)/2; also the minimum f(w*)."""
    import mpmath as mp

    with mp.workdps(60):
        k, h = mp.mpf(k), mp.mpf(10) ** -25

        def ratio(w):
            return (w**2 + k * (1 - w) ** 2) / (1 - (1 - w) ** 2)

        low, high = mp.mpf(10) ** -9, mp.mpf(1)
        for _ in range(75):
            middle = (low + high) / 2
            if ratio(middle * (1 + h)) > ratio(middle * (1 - h)):
                high = middle
            else:
                low = middle
        return float(middle)


@second_reading(
    "GOLD-MEAN", draw=lambda rng: {"k": _positive(rng, 1e-6, 1e6)}, route="noise series by doubling", rtol=1e-14
)
def best_variance(k):
    """f(w*) = w*."""
    import mpmath as mp

    with mp.workdps(40):
        return float(_stationary(mp.mpf(best_weight(k)), mp.mpf(k)))


@second_reading(
    "GOLD-MEAN", draw=lambda rng: {"k": _positive(rng, 1e-6, 1e6)}, route="noise series by doubling", rtol=1e-14
)
def pooled_variance(k):
    """Value of f at the weight of naive pooling k/(1+k): (1 + k)/(2 + k)."""
    import mpmath as mp

    with mp.workdps(40):
        return float(_stationary(mp.mpf(k) / (1 + mp.mpf(k)), mp.mpf(k)))


@second_reading(
    "GOLD-KALMAN",
    draw=lambda rng: {"k": _positive(rng, 1e-6, 1e6), "steps": int(rng.integers(1, 20))},
    route="inverse variances in exact fractions",
    rtol=1e-15,
)
def stepwise_weights(k, steps):
    """w_2, ..., w_{steps+1} from V_1 = 1: the real mean (variance 1) against the synthetic one (V + k)."""
    variance, out = Fraction(1), []
    for _ in range(steps):
        precision = 1 + 1 / (variance + Fraction(k))
        out.append(float(1 / precision))
        variance = 1 / precision
    return np.array(out)


@second_reading("GOLD-KALMAN", draw=lambda rng: {"j": any_size(rng, 500)}, route="integer Fibonacci", rtol=1e-15)
def fibonacci_weight(j):
    """The j-th stepwise weight at k = 1: Fib_{2j+1}/Fib_{2j+2}."""
    before, after = 1, 1
    for _ in range(2 * j):
        before, after = after, before + after
    return float(Fraction(before, after))


@second_reading(
    "GOLD-KALMAN",
    draw=lambda rng: {"k": _positive(rng, 1e-6, 1e6)},
    route="powers of a Moebius matrix, 40 digits",
    rtol=1e-14,
)
def steady_gain(k):
    """Fixed point of V -> (V + k)/(V + k + 1), a ratio in high powers of ((1, k), (1, k + 1))."""
    import mpmath as mp

    with mp.workdps(40):
        map_ = mp.matrix([[1, k], [1, mp.mpf(k) + 1]])
        for _ in range(20):  # 2^20 steps; the slowest draw contracts by exp(-2e-3) a step
            map_ = map_ * map_
            map_ /= map_[1, 1]
        return float(map_[0, 0] / map_[1, 0])


# Near the threshold w_c the first reading, in floats, loses digits like w / (w - w_c): weights within 0.1 % of it are
# moved away, and 1e-12 is for the others.
def _golden_draw(rng):
    n, m, w = any_size(rng, 10**6, low=2), any_size(rng, 10**6, low=2), _weight(rng)
    threshold = 1 - (1 + 2 / (m - 1)) ** -0.5
    return {"n": n, "m": m, "w": w if abs(w - threshold) > 1e-3 * threshold else min(1.0, 1.01 * w)}


@second_reading("GOLD-VAR", draw=_golden_draw, route="second moment in exact fractions", rtol=1e-12)
def stationary_variance_of_variance(n, m, w):
    """Var_inf(s)/sigma^4 of s = w S_real + (1-w) S_syn (m synthetic points); inf at and below the threshold."""
    a, b, w = n - 1, m - 1, Fraction(w)
    slope = (1 - w) ** 2 * (1 + Fraction(2, b))  # E s'^2 = slope E s^2 + the rest
    rest = w**2 * (1 + Fraction(2, a)) + 2 * w * (1 - w)
    return float(rest / (1 - slope) - 1) if slope < 1 else math.inf


@second_reading("GOLD-VAR", draw=lambda rng: {"m": any_size(rng, 10**9, low=2)}, route="bisection, exact", rtol=1e-15)
def threshold_weight(m):
    """Smallest w with a finite variance above it: (1 - w)^2 (1 + 2/(m-1)) = 1."""
    low, high = Fraction(0), Fraction(1)
    for _ in range(90):
        middle = (low + high) / 2
        finite = (1 - middle) ** 2 * (m + 1) < m - 1
        low, high = (low, middle) if finite else (middle, high)
    return float(high)


def _tensor_draw(rng):
    return {
        "n": any_size(rng, 10**4, low=2),
        "m": any_size(rng, 10**4, low=2),
        "w": float(rng.uniform(0.05, 1)),
        "d": int(rng.integers(1, 4)),
    }


def _swaps(tensor):
    """T_ikjl + T_iljk at (i, j, k, l): Isserlis' other two pairings."""
    return tensor.transpose(0, 2, 1, 3) + tensor.transpose(0, 2, 3, 1)


@second_reading("GOLD-VAR", draw=_tensor_draw, route="linear solve for the tensor of covariances", rtol=1e-10)
def stationary_covariance_error(n, m, w, d):
    """E|Sigma_inf - I|_F^2 in d dimensions; inf at and below the threshold.

    C = Cov(Sigma_ij, Sigma_kl) solves C = (1-w)^2 [C + swaps(C + I I)/b] + w^2 swaps(I I)/a.
    """
    a, b, c = n - 1, m - 1, (1 - w) ** 2
    if c * (1 + 2 / b) >= 1:
        return math.inf
    both = np.einsum("ij,kl->ijkl", np.eye(d), np.eye(d))
    size = d**4
    units = np.eye(size).reshape(size, d, d, d, d)
    swap = np.array([_swaps(unit).ravel() for unit in units]).T
    system = (1 - c) * np.eye(size) - c / b * swap
    tensor = np.linalg.solve(system, (c / b + w**2 / a) * _swaps(both).ravel()).reshape(d, d, d, d)
    return float(np.einsum("ijij->", tensor))
