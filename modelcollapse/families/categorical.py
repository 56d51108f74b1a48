"""The categorical model: a table of frequencies, refitted by counting.

Refitted on its own samples it is the Wright-Fisher model of population genetics, categories being alleles and points
being gene copies: a category that draws no point in some generation is gone for good, and in the end one is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator


@dataclass(frozen=True, eq=False)
class Categorical:
    """A distribution over finitely many categories, refitted by relative frequencies.

    Parameters
    ----------
    probabilities : (category,) array_like
        Probabilities of the truth; they must sum to one.
    labels : sequence of str, optional
        Names of the categories, for tables and plots. Points are category numbers 0, 1, ... all the same.

    Examples
    --------
    >>> Categorical([0.5, 0.3, 0.2]).fit(np.array([0, 0, 1, 1])).probabilities
    array([0.5, 0.5, 0. ])
    """

    probabilities: np.ndarray
    labels: tuple[str, ...] | None = None

    kind: ClassVar[str] = "Categorical"

    def __post_init__(self):
        p = check.probabilities("probabilities", self.probabilities)
        object.__setattr__(self, "probabilities", p)
        if self.labels is not None:
            labels = tuple(str(label) for label in self.labels)
            if len(labels) != len(p):
                raise ValueError(f"labels must name each of the {len(p)} categories, got {len(labels)} labels.")
            if len(set(labels)) != len(labels):
                twice = next(label for label in labels if labels.count(label) > 1)
                raise ValueError(f"labels must differ from each other, got {twice!r} more than once.")
            object.__setattr__(self, "labels", labels)

    @property
    def least(self) -> int:
        """Fewest points a fit needs."""
        return 1

    def _like(self, probabilities) -> Categorical:
        new = object.__new__(type(self))
        object.__setattr__(new, "probabilities", probabilities)
        object.__setattr__(new, "labels", self.labels)
        return new

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` category numbers, (size,) int64, in random order."""
        cumulative = np.cumsum(self.probabilities)
        u = generator(rng).random(size) * cumulative[-1]
        return np.searchsorted(cumulative, u, side="right").astype(np.int64)

    def logpmf(self, x) -> np.ndarray:
        """Log probability of category numbers, in nats; -inf for a category that is gone."""
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities)[np.asarray(x, dtype=np.int64)]

    def with_probabilities(self, probabilities) -> Categorical:
        """Return the same categories with other probabilities (category,), which sum to one."""
        return self._like(probabilities)

    def tempered(self, temperature: float) -> Categorical:
        """Return the law with probabilities proportional to p^(1 / temperature); what is gone stays gone."""
        with np.errstate(divide="ignore"):
            log_weight = np.log(self.probabilities) / temperature
        weight = np.exp(log_weight - log_weight.max())
        return self._like(weight / weight.sum())

    def fit(self, X, rng=None, weights=None) -> Categorical:
        """Refit to category numbers by counting, or by adding up their `weights` (row,)."""
        counts = np.bincount(X, weights, minlength=len(self.probabilities))
        return self._like(counts / (len(X) if weights is None else weights.sum()))

    @classmethod
    def from_data(cls, X) -> Categorical:
        """Fit to real data: any sequence of labels (text or numbers), categories in sorted order.

        Raises
        ------
        ValueError
            If there are no data, or if a label is missing (NaN or None).
        """
        X = np.asarray(X)
        if X.ndim != 1 or X.size == 0:
            raise ValueError(f"X must be a non-empty sequence of labels, got shape {X.shape}.")
        missing = np.array([x is None or x != x for x in X.tolist()])
        if missing.any():
            raise ValueError(
                "X must have a label in every row (a missing label is no category; drop the row or name "
                f"it), got {X[missing][0]!r} at row {int(np.argmax(missing))}."
            )
        labels, counts = np.unique(X, return_counts=True)
        return cls(counts / counts.sum(), labels=tuple(str(label) for label in labels))

    def numbers(self, X) -> np.ndarray:
        """Translate labels to category numbers, (row,) int64."""
        if self.labels is None:
            return np.asarray(X, dtype=np.int64)
        place = {label: i for i, label in enumerate(self.labels)}
        try:
            return np.array([place[str(x)] for x in X], dtype=np.int64)
        except KeyError as error:
            raise ValueError(
                f"X must hold the family's labels ({', '.join(self.labels[:6])}"
                f"{', ...' if len(self.labels) > 6 else ''}), got {error.args[0]!r}."
            ) from None

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        return {"probability": ("category",)}

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        K = len(self.probabilities)
        return {"category": np.arange(K) if self.labels is None else np.array(self.labels)}

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        return {"probability": self.probabilities}

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        return {}

    @classmethod
    def from_state(cls, state) -> Categorical:
        """Rebuild a model from recorded variables; labels are the coordinate ``category`` where it is text."""
        names = np.asarray(state.get("category", ()))
        return cls(state["probability"], labels=tuple(names) if names.dtype.kind in "UO" and names.size else None)

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None, out=None) -> dict[str, np.ndarray]:
        """Simulate whole chains through the counts, exactly in law; arguments as for `Gaussian.chains`.

        What is written to must be zero: only survivors are written.
        """
        from modelcollapse._kernels.categorical import pool, replace, tables

        if out is None:
            out = {"probability": np.zeros((replicates, plan.generations + 1, len(self.probabilities)))[:, 1:]}
        target = out["probability"]
        if rows is None:
            there, data = np.flatnonzero(self.probabilities), np.empty(0, np.int64)
        else:
            there, data = np.unique(rows, return_inverse=True)
        weights = self.probabilities[there]
        if plan.replaces:
            replace(rng, tables(), plan.batch, data, there, weights, target)
        else:
            pool(rng, tables(), *plan.unpack(replicates, rng), data, there, weights, target)
        return out
