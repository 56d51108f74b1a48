r"""Regression: the labels are synthetic, and the next model believes them.

A point is a row: d covariates, then the label. The model draws covariates from :math:`N(0, \Sigma)` and labels them
with :math:`y = x^\top w + \sigma z`; the fit re-estimates :math:`w`, and neither :math:`\Sigma` nor the noise, so
nothing shrinks and everything that goes wrong is in the labels. There is no intercept: covariates and labels have mean
zero, and real data should be centred.

What counts is the excess risk :math:`(w - w^*)^\top\Sigma(w - w^*)`, the test error beyond the noise. The truth
:math:`w^*` travels with every model for that purpose; estimation does not see it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

DESIGNS = ("fresh", "same")


@dataclass(frozen=True, eq=False)
class LinearRegression:
    r"""A linear model with Gaussian covariates and labels, refitted by least squares or by ridge regression.

    Parameters
    ----------
    coef : (dim,) array_like
        Coefficients :math:`w^*` of the truth. There is no intercept.
    cov : float or (dim, dim) array_like
        Covariance of the covariates, positive definite; a scalar stands for that multiple of the identity. Known.
    noise : float
        Standard deviation of the labels about :math:`x^\top w`, >= 0. Known, the same for real and synthetic labels.
    penalty : float
        :math:`\lambda \ge 0` on :math:`X^\top X/n`: the fit is :math:`(X^\top X + n\lambda I)^{-1}X^\top y`, n counting
        all rows of the fit. With 0 it is ordinary least squares; where there are fewer rows than dimensions, the
        solution of smallest norm.
    design : {"fresh", "same"}
        "fresh": new covariates with every row. "same": the covariates that generation 1 was fitted to are used for
        ever, and models only make new labels for them; a sample is that design, once or several times over.

    Examples
    --------
    >>> truth = LinearRegression([1.0, -1.0], noise=0.5)
    >>> truth.fit(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]])).coef
    array([2., 3.])
    """

    coef: np.ndarray
    cov: float | np.ndarray = 1.0
    noise: float = 1.0
    penalty: float = field(default=0.0, kw_only=True)
    design: str = field(default="fresh", kw_only=True)

    kind: ClassVar[str] = "LinearRegression"
    least: ClassVar[int] = 1

    def __post_init__(self):
        coef = check.array("coef", self.coef, ndim=1, shape_words="(dim,)")
        if len(coef) == 0:
            raise ValueError("coef must have at least one entry (nothing else is fitted), got none.")
        if np.ndim(self.cov) == 0:
            cov = check.number("cov", self.cov, above=0.0, because="a variance of the covariates")
        else:
            cov = check.covariance("cov", self.cov)
            if len(cov) != len(coef):
                raise ValueError(f"cov must be ({len(coef)}, {len(coef)}) to match coef, got shape {cov.shape}.")
            least, most = np.linalg.eigvalsh(cov)[[0, -1]]
            if least <= 1e-13 * most:
                raise ValueError(
                    "cov must be positive definite (else some coefficients cannot be estimated), got a smallest "
                    f"eigenvalue of {least:g}."
                )
        check.choice("design", self.design, DESIGNS)
        values = {
            "coef": coef,
            "cov": cov,
            "noise": check.number("noise", self.noise, least=0.0, because="a standard deviation"),
            "penalty": check.number("penalty", self.penalty, least=0.0),
            "truth": coef,
            "covariates": None,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def dim(self) -> int:
        """Number of covariates d; a row has d + 1 entries."""
        return len(self.coef)

    def _like(self, coef, covariates=None) -> LinearRegression:
        """Return a model of this family, with this truth, without validating (inner loops)."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, coef=coef, covariates=covariates)
        return new

    def factor(self) -> np.ndarray:
        """Lower triangular L with L L' = cov, (dim, dim)."""
        return math.sqrt(self.cov) * np.eye(self.dim) if np.ndim(self.cov) == 0 else np.linalg.cholesky(self.cov)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` rows, (size, dim + 1): covariates, then the label."""
        rng = generator(rng)
        if self.covariates is None:
            X = rng.standard_normal((size, self.dim)) @ self.factor().T
        else:
            rows = len(self.covariates)
            tiles, rest = divmod(size, rows)
            if rest:
                raise ValueError(
                    f"size must be a multiple of {rows} where design='same' (the model labels all {rows} rows of "
                    f"generation 1 anew), got {size}; choose a regime and a curation that never ask for a part of a "
                    "batch (not FreshReal, Mix or Edit), or design='fresh'."
                )
            X = np.tile(self.covariates, (tiles, 1))
        return np.column_stack([X, X @ self.coef + self.noise * rng.standard_normal(size)])

    def logpdf(self, x) -> np.ndarray:
        """Log density of rows (..., dim + 1), in nats."""
        if self.noise == 0:
            raise ValueError("noise must be > 0 for a density (without it labels are a function of covariates), got 0.")
        import scipy

        x = np.asarray(x, dtype=float)
        L = self.factor()
        white = scipy.linalg.solve_triangular(L, x[..., :-1].reshape(-1, self.dim).T, lower=True)
        z = (x[..., -1] - x[..., :-1] @ self.coef) / self.noise
        square = (white**2).sum(0).reshape(z.shape) + z**2
        volume = np.log(np.diag(L)).sum() + math.log(self.noise) + 0.5 * (self.dim + 1) * math.log(2 * math.pi)
        return -0.5 * square - volume

    def fit(self, X, rng=None, weights=None) -> LinearRegression:
        """Refit the coefficients to rows (row, dim + 1); `weights` (row,) >= 0 need not sum to anything."""
        design, y = X[:, :-1], X[:, -1]
        kept = design if self.design == "same" and self.covariates is None else self.covariates
        if weights is not None:
            root = np.sqrt(weights * (len(X) / weights.sum()))
            design, y = design * root[:, None], y * root
        if self.penalty > 0:
            gram = design.T @ design + len(X) * self.penalty * np.eye(self.dim)
            return self._like(np.linalg.solve(gram, design.T @ y), kept)
        return self._like(np.linalg.lstsq(design, y, rcond=None)[0], kept)

    @classmethod
    def from_data(cls, X, *, penalty: float = 0.0, design: str = "fresh") -> LinearRegression:
        """Fit to real data: coefficients by the fit itself, covariance and noise from second moments about zero.

        Parameters
        ----------
        X : (row, dim + 1) array_like
            Covariates and, last, the label; centred, because there is no intercept. More rows than columns.
        penalty, design
            As in the class.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers, too few, constant in a column, or if covariates are linearly dependent.
        """
        X = check.points("X", X, more_rows_than_columns=True)
        if X.ndim != 2 or X.shape[1] < 2:
            raise ValueError(f"X must have shape (row, dim + 1), covariates and then the label, got {X.shape}.")
        d = X.shape[1] - 1
        start = cls(np.zeros(d), X[:, :d].T @ X[:, :d] / len(X), 1.0, penalty=penalty, design=design)
        coef = start.fit(X).coef
        residual = X[:, d] - X[:, :d] @ coef
        noise = math.sqrt(residual @ residual / (len(X) - d))
        return cls(coef, start.cov, noise, penalty=penalty, design=design)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        return {"coef": ("covariate",), "excess_risk": ()}

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        return {"covariate": np.arange(self.dim)}

    def state(self) -> dict[str, np.ndarray]:
        """Coefficients, and the test error beyond the noise."""
        error = self.factor().T @ (self.coef - self.truth)
        return {"coef": self.coef, "excess_risk": float(error @ error)}

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        cov = self.cov if np.ndim(self.cov) == 0 else self.cov.tolist()
        return {
            "cov": cov,
            "noise": self.noise,
            "penalty": self.penalty,
            "design": self.design,
            "truth": self.truth.tolist(),
        }

    @classmethod
    def from_state(cls, state, *, truth, **options) -> LinearRegression:
        """Rebuild a model from recorded variables; with the same design for ever, its covariates are not among them."""
        return cls(truth, **options)._like(np.array(state["coef"], dtype=float))

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None) -> dict[str, np.ndarray]:
        """Simulate whole chains through X'X and X'y, exactly in law; arguments as for `Gaussian.chains`."""
        from modelcollapse._kernels import regression as kernel

        shape, d = (replicates, plan.generations), self.dim
        out = {"coef": np.empty((*shape, d)), "excess_risk": np.empty(shape)}
        same = self.design == "same"
        if same:
            self._repeats(plan)
        L, truth = self.factor(), np.array(self.truth)
        whole = rows is not None and plan.real[0] == len(rows)
        quick = plan.replaces and not same and self.penalty == 0 and plan.size.min() >= d
        if quick and (rows is None or whole):
            if whole:  # generation 1 is the fit to the rows, and the walk starts after it
                for name, value in self.fit(rows).state().items():
                    out[name][:, 0] = value
            kernel.replace(rng, plan.size, int(whole), L, self.noise, truth, *out.values())
        else:
            data = np.empty((0, d + 1)) if rows is None else rows
            settings = (data, same, truth, L, self.noise, self.penalty)
            kernel.pool(rng, *plan.unpack(replicates, rng), *settings, *out.values())
        return out

    def _repeats(self, plan):
        """Refuse a plan whose batches are not the design of generation 1, once or several times over."""
        first = int(plan.real[0])
        odd = plan.batch % first != 0
        if odd.any() or plan.real[1:].any() or plan.mix.any() or plan.pinned not in (0, first):
            got = (
                f"a batch of {int(plan.batch[odd][0])} after one of {first}"
                if odd.any()
                else "batches in which real and synthetic rows are mixed, or part of the real rows is kept"
            )
            raise ValueError(
                "regime must make every batch of the whole design of generation 1 where design='same' (Replace, "
                f"Accumulate, Window, FixedReal, sizes equal or multiples of the first), got {got}."
            )
