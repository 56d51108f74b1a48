"""The four moments at which a curation can step in, and nothing done at any of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class Curation:
    """What every curation shares: it can step in at four moments, and by default does nothing at any of them."""

    #: whether points are dropped or chosen, so that they must be drawn one by one
    selects: ClassVar[bool] = True
    #: whether a batch is made out of the one before
    edits: ClassVar[bool] = False
    #: whether points that stay weigh differently
    weighs: ClassVar[bool] = False
    #: name of the field that is a function of points, if there is one
    judge: ClassVar[str] = ""

    def check(self, model, least: int):
        """Refuse a model, or a smallest number `least` of synthetic points, that this curation cannot work with."""

    def on(self, rows: np.ndarray) -> Curation:
        """Return the curation for a model whose points are numbers of `rows`: it judges the rows, not their numbers."""
        function = getattr(self, self.judge) if self.judge else "likelihood"
        if function == "likelihood":
            return self
        if function is None and rows.ndim > 1:
            raise ValueError(f"{self.judge} must be a function of points (of a row there is no largest), got None.")
        return dataclasses.replace(self, **{self.judge: lambda X: rows[X] if function is None else function(rows[X])})

    def shape(self, model):
        """Return the model that is sampled from."""
        return model

    def pick(self, draw: Callable, size: int, model, rng: np.random.Generator) -> np.ndarray:
        """Make the synthetic points of a batch; fewer than `size` where some are dropped."""
        return draw(size, rng)

    def edit(self, previous, synthetic, draw: Callable, size: int, rng: np.random.Generator):
        """Make the model's part of a batch out of the previous batch; return points and whether each is synthetic."""
        points = draw(size, rng)
        return points, np.ones(len(points), bool)

    def screen(self, synthetic: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """Return a weight for every point of a new batch, 0 to drop it, or None to leave the batch alone."""
        return None

    def describe(self) -> dict:
        """Return name and settings as JSON can hold them; functions go by their name."""
        settings = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.init}
        return {
            "curation": type(self).__name__,
            **{name: {"function": named(value)} if callable(value) else value for name, value in settings.items()},
        }

    def __str__(self) -> str:
        fields = [(f.name, getattr(self, f.name)) for f in dataclasses.fields(self) if f.init]
        shown = (f"{name}={named(value) if callable(value) else value}" for name, value in fields if value is not None)
        return f"{type(self).__name__}({', '.join(shown)})"


def named(function) -> str:
    """Return the name of a function."""
    return getattr(function, "__name__", type(function).__name__)
