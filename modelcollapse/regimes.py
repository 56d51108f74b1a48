r"""On what is the next model fitted?

A *regime* says of which points the training set of every generation is made. Generation 0 is the truth
:math:`p_0`, generation :math:`t \ge 1` is the :math:`t`-th fit, and generation 1 is always fitted to real data
alone. What follows differs:

================  ==================================================================================
`Replace`         ``n`` points of the last model
`Accumulate`      the real points and ``n`` points of *every* earlier model
`Subsample`       ``n`` of the points that `Accumulate` would hold, drawn without replacement
`FixedReal`       the same real points for ever, and ``n`` points of the last model
`FreshReal`       ``n`` points in all, ``n_real`` of them new real ones
`Mix`             ``n`` points, each a new real one with a given probability
`Window`          the last ``k`` batches, the first of them real
================  ==================================================================================

Each takes ``curation=``: what happens to new points before they are fitted to (see `modelcollapse.curation`). Those
with new or kept real points take ``real_weight=``: how much the real points weigh together in the fit, whatever their
number.

All of them are one thing. In generation :math:`t` a *batch* comes into being: some new real points and some
points of model :math:`t-1`. The training set is a run of consecutive batches, the oldest still in use to the
newest, and perhaps some real points of the first batch that are pinned and never leave. `Plan` writes that out,
generation by generation; the simulation, the theory and the language-model loop read nothing else. A new regime is
a class with one method, ``plan``.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.curation import Curation, curations

__all__ = [
    "Accumulate",
    "FixedReal",
    "FreshReal",
    "Mix",
    "Plan",
    "Regime",
    "Replace",
    "Subsample",
    "Window",
    "by_name",
    "read",
]


@dataclass(frozen=True, eq=False)
class Plan:
    """A regime written out for generations 1 .. T; entry ``t - 1`` of every array is generation ``t``.

    Attributes
    ----------
    real : ndarray of int64, (T,)
        New real points in batch ``t``.
    synthetic : ndarray of int64, (T,)
        New points in batch ``t`` that come from model ``t - 1``; 0 for batch 1.
    mix : ndarray of float64, (T,)
        Probability with which each of the ``synthetic`` points is a new real one instead.
    oldest : ndarray of int64, (T,)
        Number (from 1) of the oldest batch in the training set of generation ``t``; batches ``oldest .. t`` are in
        it. Never decreases.
    pinned : int
        The first so many real points of batch 1 stay in every training set, even after batch 1 has left.
    drawn : ndarray of int64, (T,)
        0 to fit to all points held; otherwise that many of them, drawn without replacement.
    curation : tuple of Curation
        What happens to new points before they enter a training set.
    real_weight : float, optional
        Share of the real points in the weight of a training set; by default every point weighs the same.
    """

    real: np.ndarray
    synthetic: np.ndarray
    mix: np.ndarray
    oldest: np.ndarray
    drawn: np.ndarray
    pinned: int = 0
    curation: tuple[Curation, ...] = ()
    real_weight: float | None = None

    @cached_property
    def generations(self) -> int:
        """Number of generations T."""
        return len(self.real)

    @cached_property
    def batch(self) -> np.ndarray:
        """Points in each batch, (T,)."""
        return self.real + self.synthetic

    @cached_property
    def held(self) -> np.ndarray:
        """Points held in each generation, before any are drawn from them, (T,)."""
        total = np.concatenate([[0], np.cumsum(self.batch)])
        window = total[1:] - total[self.oldest - 1]
        return window + np.where(self.oldest > 1, self.pinned, 0)

    @cached_property
    def size(self) -> np.ndarray:
        """Points each generation is fitted to, (T,)."""
        return np.where(self.drawn > 0, self.drawn, self.held)

    def substitutes(self, replicates: int, rng: np.random.Generator) -> np.ndarray:
        """Draw how many of the synthetic points are real ones instead, (replicate, T) int64: zero but for `Mix`."""
        if not self.mix.any():
            return np.zeros((replicates, self.generations), np.int64)
        return rng.binomial(self.synthetic, self.mix, (replicates, self.generations))

    def unpack(self, replicates: int, rng: np.random.Generator) -> tuple:
        """Return what a kernel needs to know of an additive regime: six arguments, in the order kernels take them."""
        return self.real, self.synthetic, self.substitutes(replicates, rng), self.oldest, self.pinned, self.ring

    @cached_property
    def replaces(self) -> bool:
        """Whether every generation is fitted to points of the last model alone, as under `Replace`."""
        one_batch = (self.oldest == np.arange(1, self.generations + 1)).all()
        return bool(one_batch and not self.real[1:].any() and not self.mix.any() and not self.pinned)

    @cached_property
    def selects(self) -> bool:
        """Whether a curation drops or chooses points, so that sizes are known only afterwards."""
        return any(curation.selects for curation in self.curation)

    @cached_property
    def weighs(self) -> bool:
        """Whether fits are weighted."""
        return self.real_weight is not None or any(curation.weighs for curation in self.curation)

    @cached_property
    def ring(self) -> int:
        """Batches that must be remembered one by one: the longest window at a moment when an old batch leaves.

        Batches that never leave are summed and forgotten; so the answer is 0 for Replace and for Accumulate, and
        k for a window of k batches.
        """
        leaves = np.flatnonzero(np.diff(self.oldest) > 0) + 1
        windows = np.arange(1, self.generations + 1)[leaves] - self.oldest[leaves] + 1
        return int(windows.max()) if len(windows) and windows.max() > 1 else 0


@dataclass(frozen=True, repr=False)
class Regime:
    """What every regime shares: sample sizes may be schedules, and a regime can be written out and named.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Synthetic points per generation: a constant, the sizes (n_1, n_2, ...), or a function of t = 1, 2, ...
    curation : Curation or sequence of Curation, optional
        What happens to new points before they are fitted to, in this order.
    """

    n: object
    curation: tuple[Curation, ...] | Curation | None = field(default=None, kw_only=True)

    kind: ClassVar[str]

    def __post_init__(self):
        """Validate ``n`` and ``curation``; subclasses validate the rest and call this."""
        object.__setattr__(self, "n", check.schedule("n", self.n))
        object.__setattr__(self, "curation", curations(self.curation) or None)

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        raise TypeError(
            "Regime itself has no plan; use Replace, Accumulate, Subsample, FixedReal, FreshReal, Mix or "
            "Window, or write a subclass with a method plan(generations) -> Plan."
        )

    def curated(self, generations: int) -> Plan:
        """Write the regime out, with what is done to its points on the way: what simulation and theory read."""
        weight = getattr(self, "real_weight", None)
        return dataclasses.replace(self.plan(generations), curation=self.curation or (), real_weight=weight)

    def describe(self, generations: int | None = None) -> str:
        """Return the regime as JSON; callables are written out over `generations`."""
        settings = {}
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if callable(value):
                value = check.sizes(entry.name, value, generations or 1).tolist()
            if entry.name == "curation" and value:
                value = [one.describe() for one in value]
            settings[entry.name] = value
        return json.dumps({"regime": type(self).__name__, **settings})

    def __str__(self) -> str:
        shown = []
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if entry.name == "curation" and value:
                value = " then ".join(map(str, value))
            if value is not None:
                shown.append(f"{entry.name}={getattr(value, '__name__', 'schedule') if callable(value) else value}")
        return f"{type(self).__name__}({', '.join(shown)})"

    __repr__ = __str__

    def _sizes(self, generations: int) -> np.ndarray:
        return check.sizes("n", self.n, check.integer("generations", generations, least=1))

    def _first(self, name: str, generations: int) -> int:
        """Size of the first batch: the field `name` where given, else n_1."""
        value = getattr(self, name)
        return int(self._sizes(generations)[0]) if value is None else value

    def _weight(self):
        if self.real_weight is not None:
            weight = check.number("real_weight", self.real_weight, above=0, below=1, because="a share of the whole")
            object.__setattr__(self, "real_weight", weight)

    def _optional(self, *names: str):
        for name in names:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check.integer(name, getattr(self, name), least=1))


def _plan(
    synthetic: np.ndarray,
    first: int,
    *,
    oldest: np.ndarray,
    real: np.ndarray | None = None,
    mix: float = 0.0,
    drawn: np.ndarray | None = None,
    pinned: int = 0,
) -> Plan:
    """Fill in a Plan: batch 1 is `first` real points; `real` are the new real points of the later batches."""
    T = len(synthetic)
    real = np.zeros(T, np.int64) if real is None else real.astype(np.int64)
    real[0] = first
    synthetic = synthetic.astype(np.int64).copy()
    synthetic[0] = 0
    probability = np.full(T, float(mix))
    probability[0] = 0.0
    drawn = np.zeros(T, np.int64) if drawn is None else drawn.astype(np.int64)
    return Plan(real, synthetic, probability, oldest.astype(np.int64), drawn, pinned)


@dataclass(frozen=True, repr=False)
class Replace(Regime):
    """Fit each generation to ``n`` points of the last model and to nothing else.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points per generation, real in generation 1.

    Examples
    --------
    >>> Replace(n=100).plan(3).size
    array([100, 100, 100])
    """

    kind: ClassVar[str] = "replace"

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        n = self._sizes(generations)
        return _plan(n, int(n[0]), oldest=np.arange(1, generations + 1))


@dataclass(frozen=True, repr=False)
class Accumulate(Regime):
    """Fit each generation to the real points and to the samples of all earlier models.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points added per generation.
    n_real : int, optional
        Real points of generation 1; default n_1.

    Examples
    --------
    >>> Accumulate(n=100).plan(3).size
    array([100, 200, 300])
    """

    n_real: int | None = None

    kind: ClassVar[str] = "accumulate"

    def __post_init__(self):
        super().__post_init__()
        self._optional("n_real")

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        return _plan(
            self._sizes(generations), self._first("n_real", generations), oldest=np.ones(generations, np.int64)
        )


@dataclass(frozen=True, repr=False)
class Subsample(Regime):
    """Accumulate, but fit to ``n`` of the accumulated points, drawn without replacement: a fixed compute budget.

    Which points are drawn decides, so sufficient statistics do not add: this regime alone is simulated point by point
    (a kernel density excepted), a thousand times slower than the others.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points added to the pool, and points drawn from it, per generation.
    n_real : int, optional
        Real points in the pool; default n_1, at least n_1.

    Examples
    --------
    >>> Subsample(n=100).plan(3).size, Subsample(n=100).plan(3).held
    (array([100, 100, 100]), array([100, 200, 300]))
    """

    n_real: int | None = None

    kind: ClassVar[str] = "subsample"

    def __post_init__(self):
        super().__post_init__()
        self._optional("n_real")

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        n = self._sizes(generations)
        first = self._first("n_real", generations)
        if first < n[0]:
            raise ValueError(
                f"n_real must be >= {n[0]} (generation 1 draws n points without replacement from the "
                f"real ones), got {first}."
            )
        return _plan(n, first, oldest=np.ones(generations, np.int64), drawn=n)


@dataclass(frozen=True, repr=False)
class FixedReal(Regime):
    """Keep the same real points in every training set and add ``n`` points of the last model.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points of the last model per generation, from generation 2 on.
    n_real : int
        Real points that are kept.
    n_first : int, optional
        Real points that generation 1 is fitted to, of which ``n_real`` are kept; default ``n_real``. To keep 10 % of
        an original data set of 1000: ``FixedReal(n=900, n_real=100, n_first=1000)``.
    real_weight : float, optional
        Share in (0, 1) of the real points together in the weight of a fit; by default every point weighs the same.

    Examples
    --------
    >>> FixedReal(n=900, n_real=100, n_first=1000).plan(3).size
    array([1000, 1000, 1000])
    """

    n_real: int
    n_first: int | None = None

    real_weight: float | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "fixed-real"

    def __post_init__(self):
        super().__post_init__()
        self._weight()
        object.__setattr__(self, "n_real", check.integer("n_real", self.n_real, least=1))
        if self.n_first is not None:
            first = check.integer(
                "n_first", self.n_first, least=self.n_real, because="the n_real kept points are some of them"
            )
            object.__setattr__(self, "n_first", first)

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        first = self.n_real if self.n_first is None else self.n_first
        return _plan(self._sizes(generations), first, oldest=np.arange(1, generations + 1), pinned=self.n_real)


@dataclass(frozen=True, repr=False)
class FreshReal(Regime):
    """Fit to ``n`` points in all, ``n_real`` of them new real ones and the rest from the last model.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points per generation, all real in generation 1.
    n_real : int
        New real points in each generation.
    real_weight : float, optional
        Share in (0, 1) of the real points together in the weight of a fit; by default every point weighs the same.

    Examples
    --------
    >>> plan = FreshReal(n=100, n_real=10).plan(3)
    >>> plan.real, plan.synthetic
    (array([100,  10,  10]), array([ 0, 90, 90]))
    """

    n_real: int

    real_weight: float | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "fresh-real"

    def __post_init__(self):
        super().__post_init__()
        self._weight()
        object.__setattr__(self, "n_real", check.integer("n_real", self.n_real, least=0))
        if self.n_real == 0 and self.real_weight is not None:
            raise ValueError(
                f"real_weight must not be given with n_real = 0 (there is nothing to weigh), got {self.real_weight:g}."
            )

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        n = self._sizes(generations)
        if self.n_real > n.min():
            raise ValueError(
                f"n_real must be <= n in every generation (they are some of the n points), "
                f"got n_real={self.n_real} and n={int(n.min())}."
            )
        return _plan(
            n - self.n_real,
            int(n[0]),
            oldest=np.arange(1, generations + 1),
            real=np.full(generations, self.n_real),
        )


@dataclass(frozen=True, repr=False)
class Mix(Regime):
    """Fit to ``n`` points, each a new real one with probability ``real_fraction``, else from the last model.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points per generation, all real in generation 1.
    real_fraction : float
        Probability in [0, 1].
    real_weight : float, optional
        Share in (0, 1) of the real points together in the weight of a fit; by default every point weighs the same.

    Examples
    --------
    >>> Mix(n=100, real_fraction=0.1).plan(3).size
    array([100, 100, 100])
    """

    real_fraction: float

    real_weight: float | None = field(default=None, kw_only=True)

    kind: ClassVar[str] = "mix"

    def __post_init__(self):
        super().__post_init__()
        self._weight()
        object.__setattr__(self, "real_fraction", check.probability("real_fraction", self.real_fraction))

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        n = self._sizes(generations)
        return _plan(n, int(n[0]), oldest=np.arange(1, generations + 1), mix=self.real_fraction)


@dataclass(frozen=True, repr=False)
class Window(Regime):
    """Fit to the last ``k`` batches, the first batch being real and the others samples of the models.

    Parameters
    ----------
    n : int, sequence of int, or callable
        Points per batch.
    k : int
        Batches in the window. Generations 1 .. k are those of `Accumulate`.
    n_real : int, optional
        Points of the first, real batch; default n_1.

    Examples
    --------
    >>> Window(n=100, k=2).plan(4).size
    array([100, 200, 200, 200])
    """

    k: int
    n_real: int | None = None

    kind: ClassVar[str] = "window"

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "k", check.integer("k", self.k, least=1, because="a window holds a batch"))
        self._optional("n_real")

    def plan(self, generations: int) -> Plan:
        """Write the regime out for generations 1 .. `generations`."""
        t = np.arange(1, generations + 1)
        return _plan(self._sizes(generations), self._first("n_real", generations), oldest=np.maximum(1, t - self.k + 1))


def by_name() -> dict[str, type[Regime]]:
    """Return the regimes by the names the command line uses."""
    return {cls.kind: cls for cls in (Replace, Accumulate, Subsample, FixedReal, FreshReal, Mix, Window)}


def read(text: str) -> Regime:
    """Rebuild a regime from what `Regime.describe` wrote (callable schedules come back as sequences).

    Examples
    --------
    >>> read(Window(n=100, k=2).describe())
    Window(n=100, k=2)
    """
    settings = json.loads(text)
    kinds = {cls.__name__: cls for cls in by_name().values()}
    name = settings.pop("regime", None)
    if name not in kinds:
        raise ValueError(f"regime must be one of {', '.join(kinds)}, got {name!r}.")
    return kinds[name](**settings)
