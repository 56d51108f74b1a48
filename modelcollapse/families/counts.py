r"""Counts and waiting times: one number each, refitted by maximum likelihood, that is by the mean.

Both are exponential families whose sufficient statistic is the sum of the points, and both are martingales: the
expected mean stays what it was, and yet the chain ends at the edge of the family, where nothing is left to learn
(`JMR-MART`).

* **Poisson.** Under Replace :math:`n\Lambda_t` is a critical Galton-Watson process: each of its counts leaves a Poisson
  number of counts of mean 1. It is absorbed at zero, and still alive after t fits with probability
  :math:`1 - e^{-n\lambda_0 g_t}` (`SUR-T2`).
* **Exponential.** Under Replace the mean is multiplied by a gamma variable of shape n and mean 1 in every fit; its
  logarithm falls by :math:`\ln n - \psi(n) \approx 1/(2n)` per generation. It is carried as a logarithm and does not
  underflow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator


class _Rated:
    """What the two have in common: a rate, and chains of sums."""

    least: ClassVar[int] = 1

    def _like(self, **values):
        """Return a model of this family without validating (inner loops)."""
        new = object.__new__(type(self))
        new.__dict__.update(values)
        return new

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates: there are none."""
        return {}

    def options(self) -> dict:
        """Settings: there are none."""
        return {}

    def _chains(self, plan, replicates: int, rng: np.random.Generator, rows, counts: bool, mean0: float):
        """Simulate whole chains through the sum; return means and their logarithms, (replicate, T)."""
        from modelcollapse._kernels.counts import pool

        shape = (replicates, plan.generations)
        mean, log_mean = np.empty(shape), np.empty(shape)
        data = np.empty(0) if rows is None else np.array(rows, dtype=float)
        pool(rng, counts, *plan.unpack(replicates, rng), data, mean0, mean, log_mean)
        return mean, log_mean


@dataclass(frozen=True, eq=False)
class Poisson(_Rated):
    """A Poisson law, refitted by the mean of its counts.

    Parameters
    ----------
    rate : float
        Mean of the truth, > 0.

    Examples
    --------
    >>> Poisson(rate=2.0).fit(np.array([0, 1, 5, 2]))
    Poisson(rate=2.0)
    >>> round(float(Poisson(rate=2.0).logpmf(0)), 12)
    -2.0
    """

    rate: float

    kind: ClassVar[str] = "Poisson"

    def __post_init__(self):
        rate = check.number("rate", self.rate, above=0.0, because="a Poisson law of rate 0 has collapsed already")
        object.__setattr__(self, "rate", rate)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` counts, (size,) int64."""
        return generator(rng).poisson(self.rate, size)

    def logpmf(self, x) -> np.ndarray:
        """Log probability of counts, in nats; -inf where x is no count."""
        import scipy

        x = np.asarray(x, dtype=float)
        legal = (x >= 0) & (x == np.floor(x)) & np.isfinite(x)
        k = np.where(legal, x, 0.0)
        out = scipy.special.xlogy(k, self.rate) - self.rate - scipy.special.gammaln(k + 1)
        return np.where(legal, out, -np.inf)[()]

    def fit(self, X, rng=None, weights=None) -> Poisson:
        """Refit to counts: the rate is their mean, weighted where `weights` (row,) are given."""
        return self._like(rate=float(np.average(X, weights=weights)))

    @classmethod
    def from_data(cls, X) -> Poisson:
        """Fit to real data: counts (row,), not all of them zero.

        Raises
        ------
        ValueError, TypeError
            If the data are not whole numbers >= 0, or all zero.
        """
        X = check.points("X", X, least_rows=1, because="a mean needs a point", vary=False)
        bad = (X < 0) | (np.floor(X) != X)
        if X.ndim != 1 or bad.any():
            got = f"shape {X.shape}" if X.ndim != 1 else f"{X[bad][0]:g} at row {int(np.argmax(bad))}"
            raise ValueError(f"X must be whole numbers >= 0 of shape (row,) (they are counts), got {got}.")
        return cls(float(X.mean()))

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        return {"rate": ()}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        return {"rate": self.rate}

    @classmethod
    def from_state(cls, state) -> Poisson:
        """Rebuild a model from recorded variables; rate 0 is a model that only makes zeros."""
        return object.__new__(cls)._like(rate=float(state["rate"]))

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None) -> dict[str, np.ndarray]:
        """Simulate whole chains through the sum of the counts, exactly in law; arguments as for `Gaussian.chains`."""
        return {"rate": self._chains(plan, replicates, rng, rows, True, self.rate)[0]}


@dataclass(frozen=True, eq=False)
class Exponential(_Rated):
    """An exponential law, refitted by maximum likelihood: one over the mean of its waiting times.

    Parameters
    ----------
    rate : float
        Rate of the truth, > 0; its mean is 1/rate.

    Examples
    --------
    >>> Exponential(rate=2.0).fit(np.array([0.5, 1.5]))
    Exponential(rate=1.0)
    """

    rate: float

    kind: ClassVar[str] = "Exponential"

    def __post_init__(self):
        rate = check.number("rate", self.rate, above=0.0, because="waiting times have a mean")
        object.__setattr__(self, "rate", rate)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` waiting times, (size,)."""
        return generator(rng).standard_exponential(size) / self.rate

    def logpdf(self, x) -> np.ndarray:
        """Log density in nats; -inf below 0."""
        x = np.asarray(x, dtype=float)
        return np.where(x >= 0, math.log(self.rate) - self.rate * np.maximum(x, 0.0), -np.inf)[()]

    def tempered(self, temperature: float) -> Exponential:
        """Return the law with density proportional to p^(1 / temperature): its mean times temperature."""
        return self._like(rate=self.rate / temperature)

    def fit(self, X, rng=None, weights=None) -> Exponential:
        """Refit to waiting times: the rate is one over their mean, weighted where `weights` (row,) are given."""
        mean = float(np.average(X, weights=weights))
        return self._like(rate=1 / mean if mean > 0 else math.inf)

    @classmethod
    def from_data(cls, X) -> Exponential:
        """Fit to real data: numbers >= 0 (row,), not all of them zero.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers >= 0, or all zero.
        """
        X = check.points("X", X, least_rows=1, because="a mean needs a point", vary=False)
        if X.ndim != 1 or (X < 0).any() or not X.any():
            got = f"shape {X.shape}" if X.ndim != 1 else f"{X.min():g} at row {int(np.argmin(X))}"
            raise ValueError(f"X must be numbers >= 0 of shape (row,), not all 0 (they are waiting times), got {got}.")
        return cls(1 / float(X.mean()))

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables: the log of the rate, and the mean 1/rate, which is the martingale."""
        return {"log_rate": (), "mean": ()}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        with np.errstate(over="ignore"):
            return {"log_rate": math.log(self.rate), "mean": 1 / self.rate}

    @classmethod
    def from_state(cls, state) -> Exponential:
        """Rebuild a model from recorded variables; a rate that overflows is infinite."""
        with np.errstate(over="ignore"):
            return object.__new__(cls)._like(rate=float(np.exp(state["log_rate"])))

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None) -> dict[str, np.ndarray]:
        """Simulate whole chains through the sum, exactly in law; arguments as for `Gaussian.chains`."""
        mean, log_mean = self._chains(plan, replicates, rng, rows, False, 1 / self.rate)
        return {"log_rate": -log_mean, "mean": mean}
