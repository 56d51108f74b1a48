r"""Gaussian mixtures, refitted by expectation-maximisation.

The model is :math:`\sum_c w_c N(m_c, C_c)` with full, diagonal or spherical :math:`C_c`; the estimator is maximum
likelihood, so a component's covariance has divisor n (its share of n). Three choices decide what a chain of such fits
shows, and all three are explicit here:

* **The start.** ``init="warm"`` starts each fit at the parameters of the model before it: component i of generation t
  descends from component i of generation t - 1, so "which component vanishes" has an answer. ``init="k-means++"``
  starts from new random centres every time, as released code does; the numbering then means nothing across
  generations. A real data set has no generation before it: `GaussianMixture.from_data` starts from k-means++.
* **The stop.** A step is one E-step and one M-step; the fit ends when the mean log-likelihood changes by less than
  ``tol`` from one step to the next, or after ``max_iter``. With a warm start and a loose ``tol`` a fit of overlapping
  components is a partial one, and part of the last model survives in it. ``tol=1e-8`` comes close to the maximum.
* **The floor.** Adding a constant to every covariance (the usual ``reg_covar``) stops collapse at n times that constant
  (claim GMM-REGCOVAR) and gave a published curve its plateau (ERR-13). Here nothing is added. A coordinate's variance
  within a component, given the coordinates before it, may not fall below ``floor`` times the variance of that
  coordinate *among the points of this fit*: a mixture that shrinks as a whole never meets it, and a component that
  sits on a single point stays a component. How many were raised is recorded as ``floored``. Whatever ``floor`` is,
  1e-30 of the points' variance, and 1e-13 of a coordinate's own variance once the coordinates before it are known,
  are kept: less cannot be told from rounding. A fit that raises nothing never lowers the likelihood.

A component that answers for fewer than 1e-8 points has weight 0 from then on and keeps its last mean and covariance:
a mixture never regains a component. Nothing is floored in absolute terms, but points are doubles: around a mean of 5,
a standard deviation below 1e-15 cannot be represented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

COVARIANCES = ("full", "diag", "spherical")
INITS = ("warm", "k-means++")
FLOOR = 1e-20
_OPTIONS = ("covariance", "init", "tol", "max_iter", "floor")


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """A mixture of normal laws, refitted by expectation-maximisation.

    Parameters
    ----------
    weights : (component,) array_like
        Probabilities of the components of the truth.
    means : (component, dim) array_like
        Their means; (component,) for numbers, whose points are then of shape (size, 1).
    covs : (component, dim, dim) array_like
        Their covariances, positive definite; or (component, dim) for variances of independent coordinates, or
        (component,) for one variance each. Kept as (component, dim, dim).
    covariance : {"full", "diag", "spherical"}
        What is estimated; the truth may be of any shape.
    init : {"warm", "k-means++"}
        Where a fit starts: at the model before it, or at new random centres.
    tol : float, default 1e-3
        A fit stops when its mean log-likelihood changes by less.
    max_iter : int, default 100
        Most steps of a fit.
    floor : float, default 1e-20
        Least variance of a component along a coordinate (given those before it), relative to the variance of that
        coordinate among the points of the fit; relative to their average variance for spherical components.

    Attributes
    ----------
    iterations : int
        Steps the fit took; 0 for a model that was not fitted.
    floored : int
        Components whose covariance was raised during the fit.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, weights do not sum to one, or a covariance is not positive definite.

    Examples
    --------
    >>> truth = GaussianMixture([0.5, 0.5], [[-3.0, 0.0], [3.0, 0.0]], [1.0, 1.0])
    >>> model = truth.fit(truth.sample(10_000, rng=1))
    >>> bool(abs(model.means - truth.means).max() < 0.1)
    True
    """

    weights: np.ndarray
    means: np.ndarray
    covs: np.ndarray
    covariance: str = field(default="full", kw_only=True)
    init: str = field(default="warm", kw_only=True)
    tol: float = field(default=1e-3, kw_only=True)
    max_iter: int = field(default=100, kw_only=True)
    floor: float = field(default=FLOOR, kw_only=True)
    iterations: int = field(default=0, init=False, repr=False)
    floored: int = field(default=0, init=False, repr=False)

    kind: ClassVar[str] = "GaussianMixture"

    def __post_init__(self):
        weights = check.probabilities("weights", self.weights)
        k = len(weights)
        means = check.array("means", self.means, ndim=(1, 2), shape_words="(component, dim)")
        means = means.reshape(len(means), -1)
        if len(means) != k or means.shape[1] == 0:
            raise ValueError(f"means must have shape ({k}, dim), a row per weight, got {np.shape(self.means)}.")
        settings = _settings(self.covariance, self.init, self.tol, self.max_iter, self.floor)
        values = {"weights": weights, "means": means, "covs": _covariances(self.covs, k, means.shape[1]), **settings}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _like(self, weights, means, covs, chols, iterations=0, floored=0) -> GaussianMixture:
        """Return a model of this family without validating (inner loops); takes the arrays over."""
        new = object.__new__(type(self))
        state = new.__dict__
        for name in _OPTIONS:
            state[name] = self.__dict__[name]
        for name, value in (("weights", weights), ("means", means), ("covs", covs)):
            shown = value.view()
            shown.flags.writeable = False
            state[name] = shown
        state["iterations"], state["floored"] = iterations, floored
        state["_drawing"] = _cumulative(weights), means, chols
        return new

    @property
    def components(self) -> int:
        """Number of components, those of weight 0 included."""
        return len(self.weights)

    @property
    def dim(self) -> int:
        """Number of dimensions."""
        return self.means.shape[1]

    @property
    def least(self) -> int:
        """Fewest points a fit needs: dim + 1 for each full covariance, two for each other."""
        return self.components * (self.dim + 1 if self.covariance == "full" else 2)

    def _factors(self):
        """Cumulative weights, means and Cholesky factors, as the sampler wants them; made once."""
        if "_drawing" not in self.__dict__:
            chols = np.linalg.cholesky(self.covs)
            self.__dict__["_drawing"] = _cumulative(self.weights), self.means.copy(), chols
        return self.__dict__["_drawing"]

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean (dim,) and covariance (dim, dim) of the whole mixture."""
        mean = self.weights @ self.means
        away = self.means - mean
        between = np.einsum("c,ca,cb->ab", self.weights, away, away)
        return mean, np.einsum("c,cab->ab", self.weights, self.covs) + between

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` points (size, dim), in random order."""
        rng = generator(rng)
        u = rng.random(size)
        z = rng.standard_normal((self.means.shape[1], size))
        from modelcollapse._kernels import mixture as kernels

        kernels.place(*self._factors(), u, z)
        return z.T  # one coordinate is one contiguous row: what `fit` reads

    def logpdf(self, x) -> np.ndarray:
        """Log density in nats at points (..., dim), or (...,) numbers in one dimension; same shape less dim."""
        rows = np.asarray(x, dtype=float)
        if self.dim == 1 and rows.ndim < 2:
            rows = rows[..., None]
        if rows.ndim == 0 or rows.shape[-1] != self.dim:
            raise ValueError(f"x must have shape (..., {self.dim}), got {np.shape(x)}.")
        live = self.weights > 0
        _, means, chols = self._factors()
        means, chols = means[live], chols[live]
        flat = rows.reshape(-1, self.dim).T
        y = np.empty((self.dim, len(means), flat.shape[1]))
        for a in range(self.dim):
            y[a] = flat[a] - means[:, a, None]
            for b in range(a):
                y[a] -= chols[:, a, b, None] * y[b]
            y[a] /= chols[:, a, a, None]
        const = np.log(self.weights[live]) - np.log(np.diagonal(chols, axis1=1, axis2=2)).sum(1)
        each = const[:, None] - 0.5 * (y**2).sum(0) - 0.5 * self.dim * math.log(2 * math.pi)
        out = np.logaddexp.reduce(each, axis=0)
        return out.reshape(rows.shape[:-1])

    def biased(self, bias: float) -> GaussianMixture:
        """Return the mixture with the covariance of every component multiplied by `bias`."""
        _, means, chols = self._factors()
        return self._like(self.weights, means, self.covs * bias, chols * math.sqrt(bias))

    def fit(self, X, rng=None) -> GaussianMixture:
        """Refit to points (size, dim) by expectation-maximisation; `rng` is used by ``init="k-means++"`` only."""
        points = _layout(X, self.dim)
        if self.init == "k-means++":
            return self._fit(points, *_seeds(points, len(self.weights), generator(rng)))[0]
        return self._fit(points, self.weights, self.means, self.covs)[0]

    def _fit(self, points, weights, means, covs) -> tuple[GaussianMixture, float]:
        """Refit to points (dim, size) from the given start; also return the mean log-likelihood."""
        weights, means, covs = weights.copy(), means.copy(), covs.copy()
        chols = np.empty_like(covs)
        shape = COVARIANCES.index(self.covariance)
        from modelcollapse._kernels import mixture as kernels

        iterations, floored, loglik = kernels.em(
            points, shape, self.tol, self.max_iter, self.floor, weights, means, covs, chols
        )
        if loglik != loglik:
            i = np.unravel_index(int(np.argmax(np.nan_to_num(np.abs(points), nan=np.inf))), points.shape)
            raise ValueError(
                f"X must be finite, and so must its squares (a moment of NaN or infinity is meaningless), "
                f"got {points[i]:g} at index {(int(i[1]), int(i[0]))}."
            )
        return self._like(weights, means, covs, chols, iterations, floored), loglik

    @classmethod
    def from_data(
        cls,
        X,
        components: int,
        *,
        covariance: str = "full",
        init: str = "warm",
        tol: float = 1e-3,
        max_iter: int = 100,
        floor: float = FLOOR,
        restarts: int = 5,
        rng=None,
    ) -> GaussianMixture:
        """Fit to real data.

        Parameters
        ----------
        X : (row, dim) or (row,) array_like
            Finite numbers that vary in every column, enough rows for `components` covariances.
        components : int
            Number of components.
        covariance, init, tol, max_iter, floor
            As for the class; `init` is what later fits do. This one starts from k-means++ in any case.
        restarts : int, default 5
            Starts, of which the one that ends with the highest likelihood is kept.
        rng : None, int, SeedSequence or Generator, optional
            Where the random starts come from.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers, too few, or constant in a column.

        Examples
        --------
        >>> X = np.concatenate([np.linspace(1, 3, 50), np.linspace(9, 11, 50)])
        >>> np.sort(GaussianMixture.from_data(X, 2, rng=1).means.ravel()).round(6)
        array([ 2., 10.])
        """
        k = check.integer("components", components, least=1)
        restarts = check.integer("restarts", restarts, least=1)
        settings = _settings(covariance, init, tol, max_iter, floor)
        rows = check.points("X", X, more_rows_than_columns=True)
        dim = 1 if rows.ndim == 1 else rows.shape[1]
        blank = cls(np.full(k, 1 / k), np.zeros((k, dim)), np.ones(k), **settings)
        if len(rows) < blank.least:
            raise ValueError(
                f"X must have at least {blank.least} rows ({blank.least // k} for each of {k} components "
                f"with {covariance} covariance), got {len(rows)}; take fewer components."
            )
        rng = generator(rng)
        points = _layout(rows, dim)
        fits = [blank._fit(points, *_seeds(points, k, rng)) for _ in range(restarts)]
        return max(fits, key=lambda fit: fit[1])[0]

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        return {
            "weight": ("component",),
            "mean": ("component", "dim"),
            "cov": ("component", "dim", "dim_"),
            "iterations": (),
            "floored": (),
        }

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        return {"component": np.arange(self.components), "dim": np.arange(self.dim), "dim_": np.arange(self.dim)}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        return {
            "weight": self.weights,
            "mean": self.means,
            "cov": self.covs,
            "iterations": self.iterations,
            "floored": self.floored,
        }

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        return {name: getattr(self, name) for name in _OPTIONS}

    @classmethod
    def from_state(cls, state, **options) -> GaussianMixture:
        """Rebuild a model from recorded variables; `iterations` and `floored` are 0 where not recorded."""
        new = cls(state["weight"], state["mean"], state["cov"], **options)
        for name in ("iterations", "floored"):
            object.__setattr__(new, name, int(state.get(name, 0)))
        return new


def _settings(covariance, init, tol, max_iter, floor) -> dict:
    """Check the settings of the estimator."""
    return {
        "covariance": check.choice("covariance", covariance, COVARIANCES),
        "init": check.choice("init", init, INITS),
        "tol": check.number("tol", tol, least=0.0),
        "max_iter": check.integer("max_iter", max_iter, least=1),
        "floor": check.number(
            "floor", floor, least=0.0, most=1.0, because="a share of the variance of the points of a fit"
        ),
    }


def _covariances(covs, k: int, dim: int) -> np.ndarray:
    """Write covariances out as (k, dim, dim), each checked to be positive definite."""
    words = "(component, dim, dim), (component, dim) or (component,)"
    given = check.array("covs", covs, ndim=(1, 2, 3), shape_words=words)
    if given.shape != (k, dim, dim)[: given.ndim]:
        raise ValueError(
            f"covs must have shape ({k}, {dim}, {dim}), ({k}, {dim}) or ({k},) to match the means, got {given.shape}."
        )
    if given.ndim < 3:
        if not (given > 0).all():
            where = tuple(int(i) for i in np.argwhere(given <= 0)[0])
            raise ValueError(
                f"covs must be variances > 0 (a component without spread has no density), "
                f"got {given[where]:g} at component {where[0]}."
            )
        out = given.reshape(k, -1, 1) * np.eye(dim)
    else:
        out = np.empty(given.shape)
        for c in range(k):
            out[c] = check.covariance(f"covs[{c}]", given[c])
            try:
                np.linalg.cholesky(out[c])
            except np.linalg.LinAlgError:
                raise ValueError(
                    f"covs[{c}] must be positive definite (a component without spread in some direction "
                    f"has no density), got a smallest eigenvalue of "
                    f"{np.linalg.eigvalsh(out[c])[0]:.3g}."
                ) from None
    out.flags.writeable = False
    return out


def _cumulative(weights: np.ndarray) -> np.ndarray:
    """Cumulative weights; from the last live component on they exceed 1, so no rounding error can revive another."""
    out = weights.cumsum()
    out[weights.nonzero()[0][-1] :] = 2.0
    return out


def _layout(X, dim: int) -> np.ndarray:
    """Return points (size, dim), or (size,) numbers, as the kernels want them: (dim, size), contiguous, writeable."""
    X = np.asarray(X, dtype=float)
    if X.ndim == 1 and dim == 1:
        X = X[:, None]
    if X.ndim != 2 or X.shape[1] != dim or len(X) == 0:
        raise ValueError(f"X must have shape (size, {dim}) with size >= 1, got {X.shape}.")
    points = np.ascontiguousarray(X.T)
    return points if points.flags.writeable else points.copy()


def _seeds(points: np.ndarray, k: int, rng: np.random.Generator):
    """Return a start (weights, means, covs): greedy k-means++ centres in units of each coordinate's spread.

    All components start with weight 1/k and the covariance diag(s² variances), s² the mean squared distance to the
    closest centre per dimension.
    """
    dim, n = points.shape
    variances = points.var(axis=1)
    scaled = (points / np.sqrt(np.where(variances > 0, variances, 1.0))[:, None]).T
    chosen = [int(rng.integers(n))]
    closest = ((scaled - scaled[chosen[0]]) ** 2).sum(1)
    for _ in range(1, k):
        trials = rng.random(2 + int(math.log(k)))
        steps = closest.cumsum()
        candidates = np.minimum(np.searchsorted(steps, trials * steps[-1], side="right"), n - 1)
        distances = np.array([np.minimum(closest, ((scaled - scaled[i]) ** 2).sum(1)) for i in candidates])
        best = int(distances.sum(1).argmin())
        chosen.append(int(candidates[best]))
        closest = distances[best]
    from modelcollapse._kernels.mixture import TINY

    spread = max(float(closest.mean()) / dim, 1e-6) * np.where(variances > 0, variances, TINY)
    return np.full(k, 1 / k), points.T[chosen], np.broadcast_to(np.diag(spread), (k, dim, dim))
