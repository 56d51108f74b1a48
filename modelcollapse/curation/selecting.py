"""Which points of a model are kept: those inside, the best, the right ones, the preferred; or only a part is new."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.curation.moments import Curation

__all__ = ["Edit", "Prefer", "SelectTop", "Truncate", "Verifier"]


def _judged(name: str, function, X, model) -> np.ndarray:
    """Score points by a function of them, or by the model's own log-likelihood, and check the scores."""
    if function == "likelihood":
        scores = model.logpdf(X) if hasattr(model, "logpdf") else model.logpmf(X)
    else:
        scores = X if function is None else function(X)
    try:
        scores = np.asarray(scores).astype(float)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must return numbers, got {np.asarray(scores).flat[0]!r} for the point {X[0]}."
        ) from None
    if scores.shape != (len(X),):
        raise ValueError(f"{name} must return one number a point, ({len(X)},), got shape {scores.shape}.")
    if not np.isfinite(scores).all():
        bad = int(np.argmin(np.isfinite(scores)))
        raise ValueError(f"{name} must be finite for every point, got {scores[bad]} for the point {X[bad]}.")
    return scores


def _judge(name: str, value, *, legal: tuple = ()):
    if value is None or callable(value) or value in legal:
        return value
    words = "".join(f", {word!r}" for word in legal)
    raise TypeError(f"{name} must be a function of points{words}, or None for the points themselves, got {value!r}.")


def _scalar_points(name: str, function, model):
    """Refuse to take points for scores where points are not numbers."""
    if function is None and getattr(model, "dim", None) is not None:
        raise ValueError(f"{name} must be a function of points (of a row of numbers there is no largest), got None.")


@dataclass(frozen=True)
class Truncate(Curation):
    """Drop synthetic points outside a fixed interval.

    Parameters
    ----------
    low, high : float, optional
        The interval [low, high]; at least one end.
    by : callable, optional
        Function of points (size,) or (size, dim) that returns (size,) numbers to be compared; by default the points.
    """

    low: float | None = None
    high: float | None = None
    by: Callable | None = None

    judge: ClassVar[str] = "by"

    def __post_init__(self):
        for name in ("low", "high"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else check.number(name, value))
        if self.low is None and self.high is None:
            raise ValueError("low must be given, or high (without either nothing is truncated), got None for both.")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"high must be > low (an empty interval keeps nothing), got {self.high} for {self.low}.")
        _judge("by", self.by)

    def check(self, model, least: int):
        """Refuse to compare rows with numbers."""
        _scalar_points("by", self.by, model)

    def pick(self, draw, size, model, rng):
        """Draw, and keep what is inside."""
        X = draw(size, rng)
        value = _judged("by", self.by, X, model)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return X[(value >= low) & (value <= high)]


@dataclass(frozen=True)
class SelectTop(Curation):
    """Keep the best `fraction` of the synthetic points of each batch.

    Parameters
    ----------
    fraction : float
        In (0, 1]; at least one point is kept.
    by : callable or "likelihood", optional
        What is good: a function of points (size,) or (size, dim) that returns (size,) numbers; "likelihood" for the
        model's own log-likelihood (a filter by perplexity); by default the points themselves, the largest being best.
    """

    fraction: float
    by: Callable | str | None = None

    judge: ClassVar[str] = "by"

    def __post_init__(self):
        because = "something must be kept"
        object.__setattr__(self, "fraction", check.number("fraction", self.fraction, above=0, most=1, because=because))
        _judge("by", self.by, legal=("likelihood",))

    def check(self, model, least: int):
        """Refuse to rank rows of numbers, and models that do not say how likely a point is."""
        _scalar_points("by", self.by, model)
        if self.by == "likelihood" and not (hasattr(model, "logpdf") or hasattr(model, "logpmf")):
            raise ValueError(
                f"by must be a function of points where the family is a {model.kind} (it gives no likelihood of a "
                "point), got 'likelihood'."
            )

    def pick(self, draw, size, model, rng):
        """Draw, and keep the best."""
        X = draw(size, rng)
        try:
            score = _judged("by", self.by, X, model)
        except ValueError:
            if self.by != "likelihood":
                raise
            return X[:0]  # a model that has collapsed to a point has no density, and nothing is likelier than the rest
        if len(X) == 0:
            return X
        kept = max(1, round(self.fraction * len(X)))
        # points of equal score are in random order already: a stable sort does not favour any
        return X[np.sort(np.argsort(-score, kind="stable")[:kept])]


@dataclass(frozen=True)
class Verifier(Curation):
    """Keep good synthetic points with one probability and bad ones with another.

    Parameters
    ----------
    good : callable
        Function of points (size,) or (size, dim) that returns (size,) booleans.
    keep_good, keep_bad : float, default 1 and 0
        Probabilities in [0, 1], not both zero.
    """

    good: Callable
    keep_good: float = 1.0
    keep_bad: float = 0.0

    judge: ClassVar[str] = "good"

    def __post_init__(self):
        if not callable(self.good):
            raise TypeError(f"good must be a function of points that returns booleans, got {self.good!r}.")
        for name in ("keep_good", "keep_bad"):
            object.__setattr__(self, name, check.probability(name, getattr(self, name)))
        if self.keep_good == self.keep_bad == 0:
            raise ValueError("keep_good must be > 0, or keep_bad (a filter that keeps nothing is no filter), got 0.0.")

    def pick(self, draw, size, model, rng):
        """Draw, and keep what passes."""
        X = draw(size, rng)
        good = _judged("good", self.good, X, model) != 0
        return X[rng.random(len(X)) < np.where(good, self.keep_good, self.keep_bad)]


@dataclass(frozen=True)
class Prefer(Curation):
    r"""Let a curator choose each synthetic point among candidates (Bradley-Terry-Luce).

    Of `candidates` points drawn from the model, x is chosen with probability proportional to
    :math:`e^{r(x)/\tau}` (Ferbach et al., arXiv 2407.09499).

    Parameters
    ----------
    reward : callable, optional
        Function r of points (size,) or (size, dim) that returns (size,) finite numbers; by default the points.
    candidates : int, default 2
        >= 1 and at most the number of points in a batch; 1 is no choice.
    temperature : float, default 1
        > 0: how soft the choice is.
    """

    reward: Callable | None = None
    candidates: int = 2
    temperature: float = 1.0

    judge: ClassVar[str] = "reward"

    def __post_init__(self):
        _judge("reward", self.reward)
        object.__setattr__(self, "candidates", check.integer("candidates", self.candidates, least=1))
        object.__setattr__(self, "temperature", check.number("temperature", self.temperature, above=0))

    def check(self, model, least: int):
        """Refuse more candidates than points."""
        _scalar_points("reward", self.reward, model)
        if self.candidates > least:
            raise ValueError(
                f"candidates must be <= {least}, the fewest synthetic points of a generation (a curator cannot look "
                f"at more), got {self.candidates}."
            )

    def pick(self, draw, size, model, rng):
        """Draw candidates, and choose."""
        X = draw(size * self.candidates, rng)
        reward = _judged("reward", self.reward, X, model) / self.temperature
        # the largest of reward + Gumbel noise is a choice with probabilities proportional to exp(reward)
        choices = len(X) // self.candidates  # fewer than `size` where a curation before this one drops points
        score = (reward + rng.gumbel(size=len(X)))[: choices * self.candidates].reshape(choices, self.candidates)
        return X[np.arange(choices) * self.candidates + score.argmax(1)]


@dataclass(frozen=True)
class Edit(Curation):
    """Replace a part of the previous batch by new points, and keep the rest: token editing.

    A random `fraction` of the batch is new; the other points, whichever generation they are from, stay. Under
    ``Replace(n)`` this is random replacement, with 1 the regime itself.

    Parameters
    ----------
    fraction : float
        In (0, 1].
    """

    fraction: float

    edits: ClassVar[bool] = True

    def __post_init__(self):
        because = "with nothing replaced there is no loop"
        object.__setattr__(self, "fraction", check.number("fraction", self.fraction, above=0, most=1, because=because))

    def edit(self, previous, synthetic, draw, size, rng):
        """Keep a random part of the previous batch, and draw the rest."""
        stays = min(size - round(self.fraction * size), len(previous))
        order = rng.permutation(len(previous))[:stays]
        points = np.concatenate([previous[order], draw(size - stays, rng)])
        return points, np.concatenate([synthetic[order], np.ones(len(points) - stays, bool)])
