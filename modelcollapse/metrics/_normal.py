r"""Gaussian densities in batches: whitened pairs, mixtures, and the small functions that keep their digits.

A pair of Gaussians is best compared in the coordinates in which the second is :math:`N(0, I)` and the first has
a diagonal covariance: then every divergence is a sum over the eigenvalues :math:`\lambda_i` of
:math:`\Sigma_0^{-1/2} \Sigma_t \Sigma_0^{-1/2}` and the coordinates :math:`y_i` of the difference of the means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtr

LOG_2PI = math.log(2 * math.pi)

#: below this ratio to the largest, an eigenvalue has fewer than six digits left of sixteen
BLURRED = 1e-10

#: Taylor coefficients 1/2!, 1/3!, ... of (e^x - 1 - x) / x^2: sixteen of them give all digits for |x| < 1/2
SERIES = [1 / math.factorial(k) for k in range(2, 18)]


def exp_excess(x) -> np.ndarray:
    r"""Return :math:`e^x - 1 - x >= 0` with all its digits near zero."""
    x = np.asarray(x, dtype=float)
    near = np.where(np.abs(x) < 0.5, x, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.where(x == np.inf, np.inf, np.expm1(x) - x)
    return np.where(np.abs(x) < 0.5, near**2 * np.polynomial.polynomial.polyval(near, SERIES), far)


def log_cosh(x) -> np.ndarray:
    r"""Return :math:`\ln\cosh x` with all its digits near zero and without overflow."""
    x = np.abs(np.asarray(x, dtype=float))
    near = np.where(x < 1, x, 0.0)
    return np.where(x < 1, np.log1p(2 * np.sinh(near / 2) ** 2), x - math.log(2) + np.log1p(np.exp(-2 * x)))


def in_units(difference, log_variance) -> np.ndarray:
    """Return difference / sd; nothing is 0 units away, however small the unit, and infinity is allowed."""
    with np.errstate(over="ignore", invalid="ignore"):
        z = difference * np.exp(-np.asarray(log_variance) / 2)
    return np.where(difference == 0, 0.0, z)


def tail(z, log: bool) -> np.ndarray:
    """Return the mass of the standard normal below z, or its logarithm."""
    return log_ndtr(z) if log else ndtr(z)


@dataclass(frozen=True)
class Pairs:
    r"""Model and truth in the coordinates in which the truth is :math:`N(0, I)`.

    `eigenvalue` and `shift` are (replicate, generation, dim); `log_ratio` is
    :math:`\ln\det\Sigma_t - \ln\det\Sigma_0`, (replicate, generation).
    """

    eigenvalue: np.ndarray
    shift: np.ndarray
    log_ratio: np.ndarray

    @property
    def near(self) -> np.ndarray:
        """Are all eigenvalues of a size, so that sums over them lose nothing?"""
        return self.eigenvalue[..., 0] > 1e-3 * self.eigenvalue[..., -1]

    @property
    def clear(self) -> np.ndarray:
        """Do all eigenvalues have their digits?"""
        return self.eigenvalue[..., 0] > BLURRED * self.eigenvalue[..., -1]


def whitened(models, origin: int, metric: str) -> Pairs:
    """Return every Gaussian model of d dimensions in the coordinates of the one at position `origin`."""
    truth = models.cov[0, origin]
    spread = np.sqrt(np.diag(truth))
    values, vectors = np.linalg.eigh(truth / np.outer(spread, spread)) if spread.all() else (np.zeros(1), None)
    if values[0] < 1e-13 * values[-1] or not spread.all():
        raise ValueError(
            f"run must have a truth of full rank for {metric} (a flat truth has no density to compare "
            f"with), got a covariance with a smallest eigenvalue of {np.linalg.eigvalsh(truth)[0]:g}; "
            "drop the dependent dimension, or use w2_squared."
        )
    white = (vectors / np.sqrt(values)).T / spread
    inside = white @ models.cov @ white.T
    eigenvalue, basis = np.linalg.eigh((inside + inside.swapaxes(-1, -2)) / 2)
    apart = (models.mean - models.mean[0, origin]) @ white.T
    shift = np.einsum("...ij,...i->...j", basis, apart)
    return Pairs(np.maximum(eigenvalue, 0.0), shift, models.log_det - models.log_det[0, origin])


def cholesky(cov, metric: str) -> np.ndarray:
    """Return the Cholesky factors of positive definite matrices (.., dim, dim)."""
    try:
        return np.linalg.cholesky(cov)
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(cov)[..., 0].min())
        raise ValueError(
            f"run['cov'] must be positive definite for {metric} (a flat component has no density), got a "
            f"smallest eigenvalue of {least:g}; raise the mixture's floor, or select earlier "
            "generations."
        ) from None


def log_density(x, weight, mean, factor) -> np.ndarray:
    """Log density (.., point) of mixtures at points (.., point, dim); `factor` holds Cholesky factors."""
    apart = x[..., None, :, :] - mean[..., :, None, :]
    z = np.linalg.solve(factor, apart.swapaxes(-1, -2))
    log_det = np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(-1)
    with np.errstate(divide="ignore"):
        log_weight = np.log(weight)
    const = log_weight - log_det - 0.5 * x.shape[-1] * LOG_2PI
    return logsumexp(const[..., None] - 0.5 * (z**2).sum(-2), axis=-2)


def draw(weight, mean, factor, samples: int, rng) -> np.ndarray:
    """Draw points (.., sample, dim) from mixtures, each its own."""
    cumulative = np.cumsum(weight, axis=-1)
    u = rng.random((*weight.shape[:-1], samples)) * cumulative[..., -1:]
    component = (u[..., None] >= cumulative[..., None, :]).sum(-1)
    z = rng.standard_normal((*component.shape, mean.shape[-1]))
    centre = np.take_along_axis(mean, component[..., None], axis=-2)
    chosen = np.take_along_axis(factor, component[..., None, None], axis=-3)
    return centre + np.einsum("...ij,...j->...i", chosen, z)
