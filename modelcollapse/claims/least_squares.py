r"""What claims about regression share: loops of fits, and laws of an error that are known exactly.

One fit of d coefficients to n rows of noise of variance one is off by a multivariate t variable; in the metric of the
covariance its square is d/(n-d+1) times an F variable with d and n - d + 1 degrees of freedom (`square_law`).

Where p of the n = q + p rows have a target that is off by a unit vector, the fit is off by M, and
:math:`|M|^2` has a law in five independent variables. Let x be the column of X along the vector, Z the others. The fit
is that of :math:`y = Qx` (Q: the p rows). Take x out of y and Z; the coefficients of Z are those of a *fixed* vector on
a Gaussian design of n - 1 rows, of squared length :math:`\rho/\chi` per unit of :math:`|y_\perp|^2`; so

.. math:: |M|^2 = \Big(b - z\sqrt{b(1-b)\rho/\chi}\Big)^2 + s\,b(1-b)\,\rho/\chi,

:math:`b \sim \mathrm{Beta}(\frac p2, \frac q2)`, :math:`s \sim \chi^2_n`,
:math:`\rho \sim \mathrm{Beta}(\frac{d-1}2, \frac{n-d}2)`, :math:`\chi \sim \chi^2_{n-d+1}`, z standard normal. Its mean
is another way to the coefficient a of strong collapse, and its mean square gives the scatter (`memory_moments`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from modelcollapse import LinearRegression
from modelcollapse.claims.programs import at

#: numbers of one block of designs
BUDGET = 1_000_000


def uneven(d: int) -> np.ndarray:
    """Return a covariance far from isotropic: neighbours correlate by one half, variances from 0.2 to 5."""
    scale = np.sqrt(np.geomspace(0.2, 5.0, d)) if d > 1 else np.ones(1)
    return 0.5 ** np.abs(np.subtract.outer(np.arange(d), np.arange(d))) * np.outer(scale, scale)


def excess(regime, t: int, size: int, rng, d: int, variance: float = 1.0, design: str = "fresh") -> np.ndarray:
    """Simulate chains of least-squares fits with an uneven covariance; return the excess risk at generation t."""
    truth = LinearRegression(np.linspace(-1, 2, d), uneven(d), math.sqrt(variance), design=design)
    return at(truth, regime, t, size, rng, "excess_risk")


def blockwise(draw: Callable, size: int, numbers: int) -> np.ndarray:
    """Concatenate ``draw(count)`` over blocks of designs that have `numbers` entries each."""
    step = max(1, BUDGET // numbers)
    return np.concatenate([draw(min(step, size - done)) for done in range(0, size, step)])


def fit(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Least squares by the normal equations, (..., n, d) and (..., n) to (..., d)."""
    return np.linalg.solve(X.mT @ X, X.mT @ y[..., None])[..., 0]


def square_law(d: int, n: int, unit: float = 1.0) -> Callable:
    """Return the distribution function of `unit` times the squared error of one fit to noise of variance one."""
    from scipy.special import fdtr

    return lambda x: fdtr(d, n - d + 1, np.asarray(x) / unit * (n - d + 1) / d)


def fourth(d: int, n: int) -> float:
    """Return E |error|^4 of one fit to noise of variance one, n > d + 3."""
    m = n - d - 1
    return d * (d + 2) / (m * (m - 2))


def same_sd(d: int, n: int) -> float:
    """Return sd / mean of the squared error with one design, the same in every generation, n > d + 3."""
    return math.sqrt(fourth(d, n) * ((n - d - 1) / d) ** 2 - 1)


def memory_moments(q: int, p: int, d: int) -> tuple[float, float]:
    """Return E |M|^2 and E |M|^4: q real rows and p rows whose target is off by a unit vector; q + p > d + 3."""
    n = q + p
    m = n - d - 1

    def beta(i: int, j: int) -> float:  # E b^i (1 - b)^j
        up = math.prod(p + 2 * k for k in range(i)) * math.prod(q + 2 * k for k in range(j))
        return up / math.prod(n + 2 * k for k in range(i + j))

    w = (d - 1) / ((n - 1) * m)
    ww = (d - 1) * (d + 1) / ((n - 1) * (n + 1) * m * (m - 2))
    square = beta(2, 0) + (n + 1) * beta(1, 1) * w
    return square, beta(4, 0) + (6 + 2 * n) * beta(3, 1) * w + (3 + 2 * n + n * (n + 2)) * beta(2, 2) * ww


def across(q: int, p: int, d: int) -> float:
    """Return E (M.v)^2, v the error due to noise of variance one, M as in `memory_moments`; q + p > d + 3.

    S^(-1/2) X'QX S^(-1/2) = B is independent of S = X'X and has no direction: E BCB = (u + w) C + w tr C, and
    E tr S^-2 tr S follows because S / tr S is independent of tr S.
    """
    n = q + p
    m = n - d - 1
    if d == 1:
        return p * (p + 2) / (n * (n + 2)) / (n - 2)
    pairs = p * (p - 1)
    square = d * (d + 2) / (n * (n + 2))  # of an entry of the hat matrix on the diagonal, off it, of two diagonal ones
    other, product = (d / n - square) / (n - 1), (d * d - n * square) / (n * (n - 1))
    one, two = p * square + pairs * other, p * square + pairs * product  # E tr B^2, E (tr B)^2
    w = (d * one - two) / (d * (d - 1) * (d + 2))
    u = (two - 2 * d * w) / d**2
    return (u + w) / m + w * (n * d - 4) * (n - 1) / ((m + 1) * m * (m - 2))


def mixed_sd(q: int, p: int, d: int, sd: float, mean: float) -> float:
    """Bound the scatter of a squared error: a target that is off by a squared length (sd, mean), noise of variance one.

    The product of both parts is uncorrelated with their squares.
    """
    n = q + p
    square, power = memory_moments(q, p, d)
    taken = math.sqrt(max(power * (sd**2 + mean**2) - (square * mean) ** 2, 0.0))
    noise = math.sqrt(fourth(d, n) - (d / (n - d - 1)) ** 2)
    return math.sqrt((taken + noise) ** 2 + 4 * across(q, p, d) * mean)


def pooled_moments(sizes, *, added: bool = False) -> tuple[float, float]:
    r"""Return mean and standard deviation of the squared error of accumulating fits of one coefficient.

    Given the designs the error is normal with variance :math:`A_t = \sum_{i\le t} W_i/S_i^2`, :math:`S_i` the sum of
    squares of all rows and :math:`W_i` of the new ones. The share :math:`B_t = W_t/S_t` is a beta variable, independent
    of all before and of :math:`S_t`, so that :math:`A_tS_t = A_{t-1}S_{t-1}/(1-B_t) + B_t` has moments one by one. With
    `added`, the error since the first fit.
    """
    first, second, pooled = (0.0, 0.0, sizes[0]) if added else (1.0, 1.0, sizes[0])
    for new in sizes[1:]:
        a, b = new / 2, pooled / 2
        n = a + b
        inverse, both = (n - 1) / (b - 1), a / (b - 1)  # E 1/(1-B), E B/(1-B)
        inverse2 = (n - 1) * (n - 2) / ((b - 1) * (b - 2))
        square = a * (a + 1) / (n * (n + 1))
        second = second * inverse2 + 2 * first * both + square
        first = first * inverse + a / n
        pooled += new
    mean = first / (pooled - 2)
    return mean, math.sqrt(3 * second / ((pooled - 2) * (pooled - 4)) - mean**2)


def fixed_design(d: int, n: int) -> np.ndarray:
    """Return one design (n, d) without any symmetry, always the same."""
    i, j = np.meshgrid(np.arange(1, n + 1), np.arange(1, d + 1), indexing="ij")
    return np.cos(i * j + 0.3 * j) + np.sin(1.7 * i / j)


def eigenvalues(size: int, rng, d: int, n: int) -> np.ndarray:
    """Draw the eigenvalues of X'X/n, isotropic covariates, (size, d)."""

    def draw(count):
        X = rng.standard_normal((count, n, d))
        return np.linalg.eigvalsh(X.mT @ X / n)

    return blockwise(draw, size, n * d)


def marchenko_pastur(function: Callable, d: int, n: int) -> float:
    """Integrate a function against the limiting spectrum of X'X/n; the edges are square roots, n < d has an atom."""
    from scipy.integrate import quad

    ratio = d / n
    low, high = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    # x = low + (high - low) sin^2(y/2): the roots go away
    width = (high - low) / 2

    def integrand(y):
        x = low + width * (1 - math.cos(y))
        return function(x) * (width * math.sin(y)) ** 2 / x if x > 0 else 2 * width * function(0.0)

    inside = quad(integrand, 0, math.pi, epsabs=0, epsrel=1e-12, limit=400)[0] / (2 * math.pi * ratio)
    return inside + max(0.0, 1 - n / d) * function(0.0)
