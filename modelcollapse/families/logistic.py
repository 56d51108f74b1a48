r"""Logistic regression: labels of two kinds, made by the last model.

A point is a row: d covariates, then a label 0 or 1. In a loop without new real data the coefficients wander, and sooner
or later a sample is *separable*: some direction has all ones on one side and all zeros on the other. Then maximum
likelihood has no solution, the coefficients run away, and what an optimiser returns is where it stopped. So there has
to be a rule, and it is part of the model: a ridge penalty, or, without one, a refusal of separable rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

#: Newton steps; a convex problem with a solution needs about ten
STEPS = 200


@dataclass(frozen=True, eq=False)
class LogisticRegression:
    r"""A logistic model with Gaussian covariates, refitted by penalised maximum likelihood.

    Parameters
    ----------
    coef : (dim,) array_like
        Coefficients of the truth: a label is 1 with probability :math:`1/(1+e^{-x^\top w})`. There is no intercept.
    cov : float or (dim, dim) array_like
        Covariance of the covariates, positive definite; a scalar stands for that multiple of the identity. Known.
    penalty : float
        :math:`\lambda \ge 0`: the fit minimises the mean of :math:`-\log p(y_i|x_i)` plus
        :math:`\frac\lambda2\|w\|^2`. With 0 a fit to separable rows is refused.

    Examples
    --------
    >>> truth = LogisticRegression([1.0, -1.0], penalty=0.01)
    >>> truth.fit(np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).coef.round(3)
    array([ 0.   , -2.509])
    """

    coef: np.ndarray
    cov: float | np.ndarray = 1.0
    penalty: float = field(default=None, kw_only=True)

    kind: ClassVar[str] = "LogisticRegression"
    least: ClassVar[int] = 1

    def __post_init__(self):
        if self.penalty is None:
            raise TypeError(
                "penalty must be a number >= 0; it has no default, because without one a loop ends where rows become "
                "separable, got None."
            )
        from modelcollapse.families.regression import LinearRegression

        linear = LinearRegression(self.coef, self.cov, penalty=self.penalty)  # the same rules
        for name in ("coef", "cov", "penalty"):
            object.__setattr__(self, name, getattr(linear, name))

    @property
    def dim(self) -> int:
        """Number of covariates d; a row has d + 1 entries."""
        return len(self.coef)

    def _like(self, coef) -> LogisticRegression:
        """Return a model of this family without validating (inner loops)."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, coef=coef)
        return new

    def factor(self) -> np.ndarray:
        """Lower triangular L with L L' = cov, (dim, dim)."""
        return math.sqrt(self.cov) * np.eye(self.dim) if np.ndim(self.cov) == 0 else np.linalg.cholesky(self.cov)

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` rows, (size, dim + 1): covariates, then a label 0 or 1."""
        rng = generator(rng)
        X = rng.standard_normal((size, self.dim)) @ self.factor().T
        import scipy

        return np.column_stack([X, rng.random(size) < scipy.special.expit(X @ self.coef)])

    def fit(self, X, rng=None, weights=None) -> LogisticRegression:
        """Refit the coefficients to rows (row, dim + 1); `weights` (row,) >= 0 need not sum to anything.

        Raises
        ------
        ValueError
            If labels are not 0 and 1, or if the rows are separable and there is no penalty.
        """
        labelled("X", X)
        signed = X[:, :-1] * (2 * X[:, -1:] - 1)  # the larger x'w, the better the label is explained
        share = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
        if self.penalty == 0 and separable(signed[share > 0]):
            raise ValueError(
                f"penalty must be > 0 for separable rows (their likelihood has no maximum), got 0 and {len(X)} rows "
                f"in {self.dim} dimensions that a plane separates."
            )
        return self._like(_newton(signed, share, self.penalty))

    @classmethod
    def from_data(cls, X, *, penalty: float) -> LogisticRegression:
        """Fit to real data: covariates and, last, labels 0 or 1; the covariates are centred, there is no intercept.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers, too few, constant in a column, if labels are not 0 and 1, or if the rows
            are separable and the penalty is 0.
        """
        X = check.points("X", X, more_rows_than_columns=True)
        if X.ndim != 2 or X.shape[1] < 2:
            raise ValueError(f"X must have shape (row, dim + 1), covariates and then the label, got {X.shape}.")
        labelled("X", X)
        d = X.shape[1] - 1
        return cls(np.zeros(d), X[:, :d].T @ X[:, :d] / len(X), penalty=penalty).fit(X)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        return {"coef": ("covariate",)}

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        return {"covariate": np.arange(self.dim)}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        return {"coef": self.coef}

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        return {"cov": self.cov if np.ndim(self.cov) == 0 else self.cov.tolist(), "penalty": self.penalty}

    @classmethod
    def from_state(cls, state, **options) -> LogisticRegression:
        """Rebuild a model from recorded variables."""
        return cls(np.array(state["coef"], dtype=float), **options)


def labelled(name: str, rows: np.ndarray) -> None:
    """Refuse rows whose labels, in the last column, are not 0 and 1."""
    y = rows[:, -1]
    other = (y != 0) & (y != 1)
    if other.any():
        raise ValueError(
            f"{name} must have labels 0 or 1 in its last column (write -1 as 0, if labels are -1 and 1), "
            f"got {y[other][0]:g}."
        )


def separable(signed: np.ndarray) -> bool:
    """Whether some w has x_i'w >= 0 for all rows and > 0 for one; rows are covariates times the sign of the label.

    Then and only then (for covariates of full rank) the likelihood has no maximum (Albert and Anderson 1984).
    """
    from scipy.optimize import linprog

    scale = np.abs(signed).max()
    if scale == 0:
        return False
    unit = signed / scale
    best = linprog(-unit.sum(axis=0), A_ub=-unit, b_ub=np.zeros(len(unit)), bounds=(-1, 1))
    return bool(-best.fun > 1e-7)


def _newton(signed: np.ndarray, share: np.ndarray, penalty: float) -> np.ndarray:
    """Minimise the penalised mean loss by damped Newton steps."""
    import scipy

    w = np.zeros(signed.shape[1])

    def loss(w):
        return share @ np.logaddexp(0, -signed @ w) + penalty / 2 * (w @ w)

    now = loss(w)
    for _ in range(STEPS):
        p = scipy.special.expit(-signed @ w)
        gradient = penalty * w - signed.T @ (share * p)
        hessian = (signed * (share * p * (1 - p))[:, None]).T @ signed + penalty * np.eye(len(w))
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        slope, size = gradient @ step, 1.0
        if slope <= 1e-28:
            break
        # nearer than that the loss no longer shows the gain, and a whole step is right
        while slope > 1e-10 and size > 1e-9 and loss(w - size * step) > now - 0.1 * size * slope:
            size /= 2
        w = w - size * step
        now = loss(w)
    return w
