"""What a family is: the truth, plus the estimator that is used on samples.

A family is a frozen dataclass. Its parameters are those of generation 0; `fit` returns the same family with
parameters estimated from points, so a chain of models is ``model = model.fit(model.sample(n, rng))``. Everything the
package does with a family goes through the methods below, and a new family is a class that has them: `simulate` runs
any such class point by point.

Two things are optional. ``chains(plan, replicates, rng, rows=None)`` simulates whole chains, exactly in law: a family
whose sufficient statistic can be drawn directly does that at a cost that does not depend on n. Where a regime draws a
subsample of what it holds (``plan.drawn``), statistics do not add, and `simulate` goes back to points, unless the
class attribute ``subsamples = True`` says that its `chains` draw subsamples as well. ``curates`` names the curations
that `chains` takes part in (``plan.curation``); with any other the family is run point by point. What a curation needs
of a family it asks for by name: ``tempered``, ``biased``, ``with_probabilities``, and a ``fit`` that takes ``weights``.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Family(Protocol):
    """The truth plus an estimator.

    Attributes
    ----------
    kind : str
        Name of the family, for messages, files and the command line.
    least : int
        Fewest points a fit needs.
    """

    kind: ClassVar[str]

    @property
    def least(self) -> int:
        """Fewest points a fit needs."""
        ...

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        ...

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        ...

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        ...

    def options(self) -> dict:
        """Settings that are not recorded variables (the estimator, above all), as JSON can hold them."""
        ...

    @classmethod
    def from_state(cls, state: dict[str, np.ndarray], **options) -> Family:
        """Inverse of (`state`, `options`); reads only the variables it needs."""
        ...

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` points: (size,) or (size, dim)."""
        ...

    def fit(self, X: np.ndarray, rng=None) -> Family:
        """Refit to points: same estimator, same settings; a warm start from self where that means something."""
        ...

    @classmethod
    def from_data(cls, X, **options) -> Family:
        """Fit to real data; validates them."""
        ...
