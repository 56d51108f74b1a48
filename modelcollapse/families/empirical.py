"""Real data as the truth.

A data set is not a Gaussian, and a chain that starts from one should start from *it*: generation 1 is fitted to the
rows themselves. `Empirical` holds the rows and, beside them, the family whose estimator is refitted from then on. The
law of a new real point is a draw from the rows with replacement, so the truth is their empirical law and everything
that is exact for a parametric truth stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator
from modelcollapse.families.categorical import Categorical


@dataclass(frozen=True, eq=False)
class Empirical:
    """Rows of real data, and the model that is fitted to them.

    Generation 1 is fitted to the rows: to all of them where the regime asks for as many, to a random subset (without
    replacement) where it asks for fewer. Real points that come in later are rows drawn with replacement.

    Parameters
    ----------
    rows : (row,) or (row, dim) array_like
        The data. Labels (text) where `model` is a `Categorical`.
    model : family, optional
        A family fitted to the rows, such as ``Gaussian.from_data(rows, estimator="mle")``: its estimator is refitted
        and its parameters stand for generation 0. Default: the empirical law itself, refitted as the nonparametric
        bootstrap does it (a `Categorical` over the rows).

    Examples
    --------
    >>> truth = Empirical([1.0, 2.0, 4.0])
    >>> np.exp(truth.logpmf([2.0, 3.0]))
    array([0.33333333, 0.        ])
    """

    rows: np.ndarray
    model: object | None = None

    kind: ClassVar[str] = "Empirical"

    def __post_init__(self):
        if self.model is None:
            rows = check.points("rows", self.rows, least_rows=1, because="there is nothing to resample", vary=False)
        elif not hasattr(self.model, "fit") or isinstance(self.model, type):
            raise TypeError(
                f"model must be a fitted family such as Gaussian.from_data(rows, estimator='mle'), got {self.model!r}."
            )
        elif isinstance(self.model, Categorical):
            rows = self.model.numbers(np.asarray(self.rows))
            if len(rows) == 0:
                raise ValueError("rows must hold at least one label, got none.")
            rows.flags.writeable = False
        else:
            rows = check.points("rows", self.rows, least_rows=max(2, self.model.least))
            expected = self.model.sample(1, np.random.default_rng(0)).shape[1:]
            if rows.shape[1:] != expected:
                raise ValueError(
                    f"rows must have shape (row{''.join(f', {d}' for d in expected)}) to match the model, "
                    f"got {rows.shape}."
                )
        object.__setattr__(self, "rows", rows)

    def resolve(self) -> tuple[object, np.ndarray]:
        """Return the model that is refitted and the rows in the form its points have."""
        if self.model is not None:
            return self.model, self.rows
        N = len(self.rows)
        return Categorical(np.full(N, 1 / N)), np.arange(N)

    @property
    def least(self) -> int:
        """Fewest points a fit needs."""
        return self.resolve()[0].least

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` rows with replacement: new real points."""
        return self.rows[generator(rng).integers(0, len(self.rows), size)]

    def first(self, size: int, rng=None) -> np.ndarray:
        """Return the real points of generation 1: the rows, or a random subset of them without replacement."""
        if size == len(self.rows):
            return self.rows
        return self.rows[generator(rng).permutation(len(self.rows))[:size]]

    def logpmf(self, x) -> np.ndarray:
        """Log of the relative frequency of each point among the rows, in nats; -inf where no row equals it."""
        x = np.asarray(x)
        width = self.rows.shape[1:]
        values, counts = np.unique(self.rows, axis=0, return_counts=True)
        table = {tuple(np.atleast_1d(value)): count for value, count in zip(values.tolist(), counts, strict=True)}
        flat = x.reshape(-1, *width)
        share = np.array([table.get(tuple(np.atleast_1d(point)), 0) for point in flat.tolist()]) / len(self.rows)
        with np.errstate(divide="ignore"):
            return np.log(share).reshape(x.shape[: x.ndim - len(width)])

    def fit(self, X, rng=None) -> Empirical:
        """Take the points as the new rows and refit the model to them."""
        return Empirical(X, None if self.model is None else self.model.fit(np.asarray(X), rng))

    @classmethod
    def from_data(cls, X, model=None) -> Empirical:
        """Same as the constructor."""
        return cls(X, model)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables: those of the model."""
        return self.resolve()[0].variables()

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates: those of the model."""
        return self.resolve()[0].coords()

    def state(self) -> dict[str, np.ndarray]:
        """Recorded variables: those of the model."""
        return self.resolve()[0].state()

    def options(self) -> dict:
        """Settings: those of the model."""
        return self.resolve()[0].options()
