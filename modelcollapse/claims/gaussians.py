r"""What claims about Gaussians share: loops as they are described, metrics of runs, and how far their means scatter.

A mean over chains can be judged where its standard deviation is known. It follows from two facts. Under Replace the
variance is a product of independent factors, so all its moments are powers. Elsewhere every variance is at most the
mean square of points that are exchangeable, and for the second moment of that one needs only how often two points of a
training set are the same point, or of the same batch (`pool_square`). Of a sum of several terms the standard deviation
is at most the sum of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np

from modelcollapse import Gaussian, Replace, simulate, theory
from modelcollapse.claims.programs import at

#: points of one block of literal chains
BUDGET = 2_000_000


def truth(estimator: str, cov=1.0) -> Gaussian:
    """Return a Gaussian around 0 with a variance, a covariance matrix, or the eigenvalues of one."""
    if np.ndim(cov) == 0:
        return Gaussian(0.0, cov, estimator=estimator)
    cov = np.diag(cov) if np.ndim(cov) == 1 else np.asarray(cov)
    return Gaussian(np.zeros(len(cov)), cov, estimator=estimator)


def chains(value: str | Callable, size, rng, n, t: int, estimator: str, cov=1.0) -> np.ndarray:
    """Simulate Replace and return a value of the t-th fit."""
    return at(truth(estimator, cov), Replace(n=n), t, size, rng, value)


def measured(metric: Callable, family, regime, t: int, size: int, rng, **options) -> np.ndarray:
    """Simulate chains and return a metric of the t-th fit, which is compared with the truth."""
    run = simulate(family, regime, generations=t, replicates=size, rng=rng, keep=[0, t])
    return metric(run, **options).sel(generation=t).values


def blockwise(draw: Callable, size: int, points: int) -> np.ndarray:
    """Concatenate ``draw(count)`` over blocks of chains that hold so many points each."""
    step = max(1, BUDGET // points)
    return np.concatenate([draw(min(step, size - done)) for done in range(0, size, step)])


def literal(size: int, rng, n: int, t: int, estimator: str) -> np.ndarray:
    """Draw points, take their mean and standard deviation, draw from those: (chain, 2), mean and sd after t fits."""

    def draw(count):
        mean, sd = np.zeros(count), np.ones(count)
        for _ in range(t):
            points = mean[:, None] + sd[:, None] * rng.standard_normal((count, n))
            mean, sd = points.mean(axis=1), points.std(axis=1, ddof=int(estimator == "unbiased"))
        return np.stack([mean, sd], axis=1)

    return blockwise(draw, size, n)


def w2_squared(fits: np.ndarray) -> np.ndarray:
    """Squared distance of N(mean, sd^2) from N(0, 1), one dimension."""
    return fits[:, 0] ** 2 + (fits[:, 1] - 1) ** 2


@lru_cache(maxsize=64)
def landing(n: int, estimator: str) -> theory.MeanLaw:
    """Return the law of where the collapsed model sits; several claims need the same ones, and each takes a while."""
    return theory.MeanLaw(n, estimator=estimator)


# ------------------------------------------------------------------------------------------------- laws of one refit


def log_chi_mean(n: int, function: Callable) -> float:
    """Integrate function(ln(chi^2_nu / nu)) over its density, nu = n - 1."""
    from scipy.integrate import quad
    from scipy.special import gammaln

    a = (n - 1) / 2
    log_constant = a * math.log(a) - gammaln(a) - a

    def part(u):
        return math.exp(a * (u - math.expm1(u)) + log_constant) * function(u)

    width = 1 / math.sqrt(a)
    ends = (-60 / a - 12 * width, -4 * width, 0.0, 4 * width, min(4.0, 60 / a) + 12 * width)
    return sum(quad(part, x, y, epsabs=1e-14, epsrel=1e-12, limit=300)[0] for x, y in pairwise(ends))


def lag(n, estimator: str) -> float:
    """Return ln(nu / div)."""
    return math.log1p(-1 / n) if estimator == "mle" else 0.0


def log_skewness(n, t: int) -> float:
    """Absolute skewness of the log variance of the t-th fit."""
    return abs(theory.LogVarianceLaw(n, t, estimator="mle").skew())


def log_square_sd(n, t: int) -> float:
    """Standard deviation of the squared deviation of the log variance from its mean."""
    law = theory.LogVarianceLaw(n, t, estimator="mle")
    return math.sqrt(law.cumulant(4) + 2 * law.cumulant(2) ** 2)


def fourth_of_mean(n, t: int, estimator: str) -> float:
    """E (mu_t - mu_0)^4 in one dimension."""
    mean = float(theory.mean_squared_error(n, t, estimator=estimator))
    return float(theory.squared_error_variance(n, t, estimator=estimator)) + mean**2


def square_of_variance(n, t: int, estimator: str) -> float:
    """E sigma_t^4."""
    return theory.VarianceLaw(n, t, estimator=estimator).moment(2.0) if t else 1.0


# ------------------------------------------------------------------------------------------------- pools of points


def pool_square(n: int, t: int, drawn: bool) -> float:
    """Bound E [(mean square of the t-th training set)^2] for a growing pool, all of it or n points drawn from it.

    f is the mean of x^4 over points of the pool, c that of x^2 y^2 over pairs. A new point is N(mu, V), where
    mu^2 + V is the mean square of the last training set if V has divisor n, so E x^4 <= 3 E (mu^2 + V)^2.
    """
    f, c = 3.0, 1.0
    for k in range(1, t + 1):
        held = k * n
        size = n if drawn else held
        g = f / size + (1 - 1 / size) * c
        across = f / held + (1 - 1 / held) * c
        old, new, both = held * (held - 1), n * (n - 1), 2 * held * n
        c = (old * c + new * g + both * across) / (old + new + both)
        f = (k * f + 3 * g) / (k + 1)
    return g


def accumulated_moments(n: int, t: int) -> tuple[float, float]:
    """E sigma_t^4 and E mu_t^4 under Accumulate, divisor n, sigma_0 = 1: the variance is a product there, too.

    With k batches of n points, V_k = V_{k-1} G, G = ((k - 1) + chi^2_{n-1}/n)/k + (k - 1) Z^2/(n k^2), and
    mu_k = mu_{k-1} + sqrt(V_{k-1}) Z/(k sqrt n) with the same Z.
    """
    square, cross, fourth = 1.0, 0.0, 0.0  # of V, of V mu^2, of mu
    for k in range(1, t + 1):
        mean = 1 - 1 / (n * k * k)
        spread = 2 * (n - 1) / (n * k) ** 2 + 2 * (k - 1) ** 2 / (n * n * k**4)
        fourth += 6 * cross / (k * k * n) + 3 * square / (k * k * n) ** 2
        cross = cross * mean + square * (mean + 2 * (k - 1) / (n * k * k)) / (k * k * n)
        square *= mean**2 + spread
    return square, fourth


def pooled(size: int, rng, n: int, t: int, drawn: bool) -> np.ndarray:
    """Keep all points that ever were, and fit to all or to n of them, divisor n: (chain, 2), mean and variance."""

    def draw(count):
        pool = np.zeros((count, 0))
        mean, sd = np.zeros(count), np.ones(count)
        for _ in range(t):
            pool = np.concatenate([pool, mean[:, None] + sd[:, None] * rng.standard_normal((count, n))], axis=1)
            used = pool
            if drawn and pool.shape[1] > n:
                chosen = np.argpartition(rng.random(pool.shape), n - 1, axis=1)[:, :n]
                used = np.take_along_axis(pool, chosen, axis=1)
            mean, sd = used.mean(axis=1), used.std(axis=1)
        return np.stack([mean, sd**2], axis=1)

    return blockwise(draw, size, 2 * n * t)
