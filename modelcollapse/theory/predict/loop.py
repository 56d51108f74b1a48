"""What a law of `predict` is made of: a family under a regime, the conditions, and the table of all laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory import gaussian
from modelcollapse.theory.inbreeding import inbreeding, moments, retained, written_out

#: who derived the inbreeding coefficient of a regime
SOURCES = {
    "replace": "F-REPVAR (Wright 1931, Genetics 16:97; Seddik et al. 2024, arXiv 2404.05090)",
    "accumulate": "F-ACC0 (Kazdan et al. 2025, arXiv 2410.16713; derived)",
    "subsample": "F-SUB (derived)",
    "fixed-real": "F-FIX (derived; Seddik et al. 2024, arXiv 2404.05090, corrected)",
    "fresh-real": "F-FRESH (derived)",
    "mix": "F-MIX (Wright 1931, Genetics 16:97; Bakshi and Chakraborty 2026, arXiv 2602.10531)",
    "window": "F-WIN-R (derived)",
}

#: generations of a long run
LONG = 1000
#: mean of a family with one parameter
RATES = {"Poisson": lambda rate: rate, "Exponential": lambda rate: 1 / rate}


@dataclass(frozen=True, eq=False)
class Loop:
    """A family under a regime: what a law needs to know."""

    model: object
    regime: object
    plan: object
    rows: np.ndarray | None

    @cached_property
    def population(self) -> int | None:
        """Fixed rows that are the truth."""
        return None if self.rows is None else len(self.rows)

    @property
    def frozen(self) -> bool:
        """Whether generation 1 is fitted to exactly the rows that are the truth."""
        return self.population is not None and self.plan.real[0] == self.population

    @cached_property
    def replace(self) -> bool:
        """Whether every training set from generation 2 on is a sample of the last model and nothing else."""
        later = slice(1, None)
        return bool(
            (np.diff(self.plan.oldest) == 1).all()
            and self.plan.pinned == 0
            and (self.plan.real[later] == 0).all()
            and (self.plan.mix[later] == 0).all()
            and (self.plan.drawn == 0).all()
        )

    @property
    def keeps(self) -> bool:
        """Whether the real points of generation 1 stay in every training set and no others come."""
        later = slice(1, None)
        return bool(
            (self.plan.oldest[-1] == 1 or self.plan.pinned == self.plan.real[0])
            and (self.plan.real[later] == 0).all()
            and (self.plan.mix[later] == 0).all()
            and (self.plan.drawn == 0).all()
        )

    @property
    def dim(self) -> int | None:
        """Dimension of a Gaussian; None where points are numbers."""
        return None if np.ndim(self.model.cov) == 0 else len(self.model.cov)

    @property
    def variances(self) -> np.ndarray:
        """Variances of generation 0: () or (dim,)."""
        return np.asarray(self.model.cov, dtype=float) if self.dim is None else np.diag(self.model.cov)

    def walk(self, law: Callable) -> np.ndarray:
        """Return law(sizes, t) for t = 0 .. T under Replace; the first fit is no step if it is the rows."""
        sizes, t = self.plan.size, np.arange(self.plan.generations + 1)
        if self.frozen:
            sizes, t = sizes[1:], np.maximum(t - 1, 0)
        return law(int(sizes[0]) if len(sizes) and (sizes == sizes[0]).all() else sizes, t)

    @property
    def steps(self) -> np.ndarray:
        """Sizes of the fits that are left to chance: all of them, but the first if it is to the rows."""
        return self.plan.size[1:] if self.frozen else self.plan.size

    def waited(self, curve: np.ndarray) -> np.ndarray:
        """Put generation 0 before a curve that begins with the rows, where generation 1 is the rows."""
        return np.concatenate([curve[:1], curve]) if self.frozen else curve

    @cached_property
    def first_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Expected variance and mean squared error of the mean, in units of the variance of generation 0."""
        estimator, T = self.model.estimator, self.plan.generations
        if self.replace and (self.rows is None or self.frozen):
            return tuple(
                self.walk(lambda n, t, f=f: f(n, t, estimator=estimator))
                for f in (gaussian.expected_variance, gaussian.mean_squared_error)
            )
        if estimator == "mle":
            return (
                retained(self.regime, T, population=self.population),
                inbreeding(self.regime, T, population=self.population),
            )
        variance, error = moments(self.regime, T, estimator=estimator, population=self.population)
        if self.rows is not None:  # moments count in units of the variance with divisor N
            scale = 1 - 1 / self.population
            variance = np.concatenate([[1.0], variance[1:] * scale])
            error = error * scale
        return variance, error

    @property
    def F(self) -> np.ndarray:  # noqa: N802
        """Inbreeding coefficient."""
        return inbreeding(self.regime, self.plan.generations, population=self.population)

    @property
    def source(self) -> str:
        """Who derived the inbreeding coefficient of this regime."""
        special = SOURCES.get(getattr(self.regime, "kind", None))
        return f"F-MASTER (derived), {special}" if special else "F-MASTER (derived)"


def looped(family, regime, generations: int, *, curated: bool = False) -> Loop:
    """Check a question and write the regime out, a curated one only where that is asked for."""
    if not hasattr(regime, "plan"):
        raise TypeError(f"regime must be a regime such as Replace(n=100), got {regime!r}.")
    if not hasattr(family, "kind"):
        raise TypeError(f"family must be a family such as Gaussian(0.0, 1.0, estimator='mle'), got {family!r}.")
    generations = check.integer("generations", generations, least=1)
    whole = curated and hasattr(regime, "curated")
    plan = regime.curated(generations) if whole else written_out(regime, generations)
    if family.kind != "Empirical":
        return Loop(family, regime, plan, None)
    model, rows = family.resolve()
    rows = np.asarray(rows)
    if plan.real[0] > len(rows):
        raise ValueError(
            f"regime must take at most {len(rows)} real points at generation 1 (there are that many "
            f"rows), got {int(plan.real[0])} from {regime}."
        )
    _fitted(model, rows)
    return Loop(model, regime, plan, rows)


def _fitted(model, rows: np.ndarray):
    """Refuse a model that is not the one of the rows, as far as can be seen from its moments."""
    advice = f"use model={model.kind}.from_data(rows)"
    if model.kind == "Categorical":
        counts = np.bincount(rows, minlength=len(model.probabilities))
        same = len(counts) == len(model.probabilities)
        if not (same and np.allclose(counts / len(rows), model.probabilities, rtol=0, atol=1e-8)):
            raise ValueError(
                "family must have a model that was fitted to its rows (they are the truth, and generation "
                f"0 stands for them); {advice}."
            )
        return
    if model.kind not in ("Gaussian", "KernelDensity", *RATES):
        return
    given, fit = _moments(model, rows)
    scale = np.sqrt(np.abs(fit[-1]).max())
    if not all(np.allclose(a, b, rtol=1e-8, atol=1e-8 * scale) for a, b in zip(given, fit, strict=True)):
        if model.kind == "Gaussian":
            advice = "use model=Gaussian.from_data(rows, estimator=...)"
        raise ValueError(
            "family must have a model that was fitted to its rows (they are the truth, and generation "
            f"0 stands for them), got mean {given[0]} where the rows have {fit[0]}; {advice}."
        )


def _moments(model, rows: np.ndarray) -> tuple[tuple, tuple]:
    """Return what a model says of its mean (and covariance), and what it is among the rows."""
    mean = rows.mean(axis=0)
    if model.kind in RATES:
        return (RATES[model.kind](model.rate),), (mean,)
    centred = rows - mean
    cov = centred @ centred if rows.ndim == 1 else centred.T @ centred
    if model.kind == "Gaussian":
        div = len(rows) - (model.estimator == "unbiased")
        return (np.asarray(model.mean), np.asarray(model.cov)), (mean, cov / div)
    points = np.asarray(model.points)
    return (points.mean(axis=0), points.var(axis=0)), (mean, rows.var(axis=0))


# ------------------------------------------------------------------------------------------------- conditions


def always(loop: Loop) -> str:
    """Hold always."""
    return ""


def replace(loop: Loop) -> str:
    """Replace; if rows are the truth, the first fit takes them all."""
    if not loop.replace:
        return "its law is known under Replace only"
    if loop.rows is not None and not loop.frozen:
        return (
            f"the first fit takes {int(loop.plan.real[0])} of the {loop.population} rows, and the law of a fit to "
            "a random part of real data is not known; let it take them all"
        )
    return ""


def scalar_replace(loop: Loop) -> str:
    """Replace, and points that are numbers."""
    return "it is known for points that are numbers, not vectors" if loop.dim is not None else replace(loop)


def vector(loop: Loop) -> str:
    """Points that are vectors."""
    return "" if loop.dim is not None else "it belongs to points that are vectors; for numbers see 'variance'"


def full_rank_replace(loop: Loop) -> str:
    """Replace, and covariances of full rank."""
    least = (loop.dim or 1) + 1
    if loop.plan.size.min() < least:
        return f"a covariance of full rank needs n >= {least} in every generation"
    if loop.dim is not None and np.linalg.slogdet(loop.model.cov)[0] <= 0:
        return "the covariance of generation 0 is singular"
    return replace(loop)


def vector_full_rank_replace(loop: Loop) -> str:
    """Replace, vectors, and covariances of full rank."""
    return vector(loop) or full_rank_replace(loop)


def replace_or_keeps(loop: Loop) -> str:
    """Replace, or real points of generation 1 that stay."""
    if loop.replace or loop.keeps:
        return ""
    return "it is known where models replace each other, or where no real point is ever dropped and none comes in"


# ------------------------------------------------------------------------------------------------- laws


@dataclass(frozen=True, eq=False)
class Answer:
    """Mean and sd over (generation, *dims); `more` are further attributes of the prediction."""

    mean: np.ndarray
    sd: np.ndarray | None
    dims: tuple[str, ...]
    kind: str
    source: str
    formula: str
    more: dict = field(default_factory=dict)


#: (family kind, quantity) -> (condition, law, one line)
LAWS: dict[tuple[str, str], tuple[Callable, Callable, str]] = {}


def law(kind: str, quantity: str, condition: Callable, line: str):
    """Enter a law into the table."""

    def register(law: Callable) -> Callable:
        LAWS[kind, quantity] = (condition, law, line)
        return law

    return register


def outer(curve: np.ndarray, values) -> np.ndarray:
    """Return curve (T + 1,) times values (): (T + 1,), or times (dim, ...): (T + 1, dim, ...); inf times 0 is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.multiply.outer(curve, values), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _dims(loop: Loop) -> tuple[str, ...]:
    return () if loop.dim is None else ("dim",)
