"""The Gaussian: a mean and a variance, refitted by moments.

``estimator="unbiased"`` divides the scatter by n - 1 (the theory of Shumailov et al.); ``estimator="mle"`` divides by n
(maximum likelihood, and the code they released). The two answer the headline question differently: the expected
squared Wasserstein-2 distance from the truth diverges with the first and stays below twice the variance with the
second. So the estimator is never implied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

ESTIMATORS = ("unbiased", "mle")
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal law in one or d dimensions, refitted by its sample mean and sample covariance.

    Parameters
    ----------
    mean : float or (dim,) array_like
        Mean of the truth. A scalar is repeated where `cov` is a matrix.
    cov : float or (dim, dim) array_like
        Variance (a scalar: points are numbers) or covariance matrix (points are rows of length dim).
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n. Required: the two give different answers.

    Examples
    --------
    >>> truth = Gaussian(mean=0.0, cov=1.0, estimator="mle")
    >>> truth.fit(np.array([1.0, 3.0]))
    Gaussian(mean=2.0, cov=1.0, estimator='mle')
    """

    mean: float | np.ndarray = 0.0
    cov: float | np.ndarray = 1.0
    estimator: str = field(default=None, kw_only=True)

    kind: ClassVar[str] = "Gaussian"
    curates: ClassVar[tuple[str, ...]] = ("Temperature", "SamplingBias")

    def __post_init__(self):
        if self.estimator is None:
            raise TypeError(
                "estimator must be 'unbiased' (divisor n - 1) or 'mle' (divisor n); it has no default, "
                "because the two collapse at different speeds, got None."
            )
        check.choice("estimator", self.estimator, ESTIMATORS)
        if np.ndim(self.cov) == 0:
            cov = check.number("cov", self.cov, above=0.0, because="a variance; a delta function has collapsed already")
            mean = check.number("mean", self.mean)
        else:
            cov = check.covariance("cov", self.cov)
            if np.trace(cov) <= 0:
                raise ValueError(
                    "cov must have variance in some direction (a delta function has collapsed already), "
                    "got a matrix of zeros."
                )
            mean = self.mean if np.ndim(self.mean) else np.full(len(cov), check.number("mean", self.mean))
            mean = check.array("mean", mean, ndim=1, shape_words="(dim,)")
            if len(mean) != len(cov):
                raise ValueError(f"cov must be ({len(mean)}, {len(mean)}) to match the mean, got shape {cov.shape}.")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "cov", cov)

    @property
    def dim(self) -> int | None:
        """Number of dimensions, or None where points are numbers."""
        return None if np.ndim(self.cov) == 0 else len(self.cov)

    @property
    def least(self) -> int:
        """Fewest points a fit needs: a variance needs two."""
        return 2

    def _like(self, mean, cov) -> Gaussian:
        """Return a model of this family without validating (inner loops)."""
        new = object.__new__(type(self))
        for name, value in (("mean", mean), ("cov", cov), ("estimator", self.estimator)):
            object.__setattr__(new, name, value)
        return new

    def factor(self) -> float | np.ndarray:
        """Standard deviation, or lower triangular L with L L' = cov (semi-definite allowed)."""
        if self.dim is None:
            return math.sqrt(self.cov)
        from modelcollapse._kernels.wishart import cholesky

        L = np.zeros((self.dim, self.dim))
        cholesky(np.array(self.cov), L)
        return L

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` points: (size,), or (size, dim)."""
        rng = generator(rng)
        if self.dim is None:
            return self.mean + self.factor() * rng.standard_normal(size)
        return self.mean + rng.standard_normal((size, self.dim)) @ self.factor().T

    def logpdf(self, x) -> np.ndarray:
        """Log density at points (...,) or (..., dim), in nats."""
        x = np.asarray(x, dtype=float)
        if self.dim is None:
            if self.cov == 0:
                raise ValueError("cov must be > 0 for a density (the model has collapsed to a point), got 0.")
            return -0.5 * ((x - self.mean) ** 2 / self.cov + math.log(self.cov) + LOG_2PI)
        L = self.factor()
        if (np.diag(L) == 0).any():
            raise ValueError(
                "cov must be non-singular for a density (the model has collapsed in some direction), "
                f"got rank {np.count_nonzero(np.diag(L))} of {self.dim}."
            )
        import scipy.linalg

        flat = (x - self.mean).reshape(-1, self.dim)
        z = scipy.linalg.solve_triangular(L, flat.T, lower=True)
        out = -0.5 * (z**2).sum(0) - np.log(np.diag(L)).sum() - 0.5 * self.dim * LOG_2PI
        return out.reshape(x.shape[:-1])

    def tempered(self, temperature: float) -> Gaussian:
        """Return the law with density proportional to p^(1 / temperature): covariance times temperature."""
        return self._like(self.mean, self.cov * temperature)

    def biased(self, bias: float) -> Gaussian:
        """Return the law with its covariance multiplied by `bias`."""
        return self._like(self.mean, self.cov * bias)

    def fit(self, X, rng=None, weights=None) -> Gaussian:
        """Refit to points by moments, with the same estimator; `weights` (row,) >= 0 need not sum to anything."""
        if weights is not None:
            return self._weighted(X, weights / weights.sum())
        div = len(X) - 1 if self.estimator == "unbiased" else len(X)
        mean = X.mean(axis=0)
        centred = X - mean
        if self.dim is None:
            return self._like(float(mean), float(centred @ centred) / div)
        return self._like(mean, centred.T @ centred / div)

    def _weighted(self, X, share) -> Gaussian:
        """Refit with weights that sum to one; unbiased for weights that do not depend on the points."""
        div = 1 - share @ share if self.estimator == "unbiased" else 1.0
        mean = share @ X
        centred = X - mean
        if self.dim is None:
            return self._like(float(mean), float(share @ centred**2) / div)
        return self._like(mean, (centred * share[:, None]).T @ centred / div)

    @classmethod
    def from_data(cls, X, *, estimator: str) -> Gaussian:
        """Fit to real data.

        Parameters
        ----------
        X : (row,) or (row, dim) array_like
            Finite numbers that vary in every column, more rows than columns.
        estimator : {"unbiased", "mle"}
            Divisor n - 1 or n.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers, too few, or constant in a column.
        """
        X = check.points("X", X, more_rows_than_columns=True)
        start = cls(0.0, 1.0 if X.ndim == 1 else np.eye(X.shape[1]), estimator=estimator)
        return start.fit(X)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        if self.dim is None:
            return {"mean": (), "log_variance": ()}
        return {"mean": ("dim",), "cov": ("dim", "dim_"), "log_variance": ("dim",), "log_det": ()}

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        return {} if self.dim is None else {"dim": np.arange(self.dim), "dim_": np.arange(self.dim)}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        with np.errstate(divide="ignore"):  # a collapsed direction has log variance -inf, as it should
            if self.dim is None:
                return {"mean": self.mean, "log_variance": np.log(self.cov)}
            return {
                "mean": self.mean,
                "cov": self.cov,
                "log_variance": np.log(np.diag(self.cov)),
                "log_det": 2 * np.log(np.diag(self.factor())).sum(),
            }

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        return {"estimator": self.estimator}

    @classmethod
    def from_state(cls, state, *, estimator: str) -> Gaussian:
        """Rebuild a model from recorded variables; a variance that has underflowed stays zero."""
        scalar = np.ndim(state["mean"]) == 0
        like = cls(0.0, 1.0, estimator=estimator)
        if scalar:
            return like._like(float(state["mean"]), math.exp(float(state["log_variance"])))
        return like._like(np.array(state["mean"]), np.array(state["cov"]))

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None, out=None) -> dict[str, np.ndarray]:
        """Simulate whole chains through the sufficient statistic, exactly in law.

        Parameters
        ----------
        plan : Plan
            An additive regime (``plan.drawn`` is zero throughout), written out.
        replicates : int
            Number of chains.
        rng : numpy.random.Generator
            Stream of this block.
        rows : (row,) or (row, dim) ndarray, optional
            Real data that are the truth.
        out : dict of ndarray, optional
            Where to write the variables, (replicate, T, ...) each: parts of larger arrays of zeros.

        Returns
        -------
        dict of ndarray
            The variables, each of shape (replicate, T, ...).
        """
        if self.dim is None:
            from modelcollapse._kernels.gaussian import pool, replace
        else:
            from modelcollapse._kernels.wishart import pool, replace

        d = self.dim
        if out is None:  # a part of a larger array, because to the compiler a whole one is another type
            shape = (replicates, plan.generations + 1)
            out = {name: np.empty(shape + (d,) * len(dims))[:, 1:] for name, dims in self.variables().items()}
        unbiased = self.estimator == "unbiased"
        # copies, because a read-only array is another type to the compiler and would be compiled for once more
        start = (self.mean, math.log(self.cov)) if d is None else (np.array(self.mean), self.factor())
        whole = rows is not None and plan.real[0] == len(rows)
        spread = 1.0
        for curation in plan.curation:
            spread *= math.sqrt(curation.shape(self._like(0.0, 1.0)).cov)
        if plan.replaces and (rows is None or whole):
            if whole:  # generation 1 is the fit to the rows, and the walk starts after it
                for name, value in self.fit(rows).state().items():
                    out[name][:, 0] = value
            replace(rng, plan.size, int(whole), unbiased, spread, *start, *out.values())
        else:
            data = np.empty((0,) if d is None else (0, d)) if rows is None else rows
            pool(rng, *plan.unpack(replicates, rng), data, unbiased, spread, *start, *out.values())
        return out
