"""What looks synthetic: detectors, with errors of both kinds, and watermarks, whose errors follow from their marks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.curation.moments import Curation

__all__ = ["Detector", "Watermark"]


@dataclass(frozen=True)
class Detector(Curation):
    """Flag points as synthetic, with errors of both kinds, and drop them or let them weigh less.

    It sees every new batch, with its real points. Under ``Replace`` there are none, and it only makes samples smaller.

    Parameters
    ----------
    tpr : float
        Probability that a synthetic point is flagged.
    fpr : float
        Probability that a real point is flagged.
    action : {"drop", "weight"}, default "drop"
        Drop flagged points, or fit with each point weighing the probability that it is real, given its flag and the
        share of real points in the batch.
    """

    tpr: float
    fpr: float
    action: str = "drop"

    def __post_init__(self):
        for name in ("tpr", "fpr"):
            object.__setattr__(self, name, check.probability(name, getattr(self, name)))
        check.choice("action", self.action, ("drop", "weight"))
        if self.tpr == self.fpr == 1:
            raise ValueError("tpr must be < 1, or fpr (a detector that flags everything keeps nothing), got 1.0.")

    @property
    def weighs(self) -> bool:
        """Whether fits are weighted."""
        return self.action == "weight"

    def screen(self, synthetic, rng):
        """Flag, and weigh: 0 or 1, or the probability of being real."""
        if not len(synthetic):
            return np.ones(0)
        flagged = rng.random(len(synthetic)) < np.where(synthetic, self.tpr, self.fpr)
        if not self.weighs:
            return np.where(flagged, 0.0, 1.0)
        real = 1 - synthetic.mean()
        weights = np.ones(len(synthetic))
        if real in (0, 1):  # no flag can tell points of one kind apart
            return weights
        for mask, on_real, on_synthetic in ((flagged, self.fpr, self.tpr), (~flagged, 1 - self.fpr, 1 - self.tpr)):
            share = real * on_real + (1 - real) * on_synthetic
            weights[mask] = real * on_real / share if share > 0 else 0.0
        return weights


@dataclass(frozen=True)
class Watermark(Detector):
    r"""A detector that counts marked tokens: every point is a text of so many tokens (Kirchenbauer et al. 2023).

    A share of the vocabulary is marked, and the generator's logits of marked tokens are raised by `strength`. A text
    is flagged if too many of its tokens are marked. Where every token is as good as any other (the best case), a
    token of the generator is marked with probability :math:`\gamma e^\delta / (1 + \gamma(e^\delta - 1))`, one of
    a human with probability :math:`\gamma`; the counts are binomial, and so are the two error rates, exactly.

    Parameters
    ----------
    strength : float
        :math:`\delta \ge 0`, in nats.
    length : int
        Tokens in a text, >= 1.
    marked : float, default 0.25
        :math:`\gamma`, in (0, 1).
    false_alarms : float, default 0.01
        Largest probability in (0, 1) with which a real text may be flagged.
    action : {"drop", "weight"}, default "drop"
        As for `Detector`.

    Examples
    --------
    >>> mark = Watermark(strength=1.0, length=100)
    >>> round(mark.tpr, 3), round(mark.fpr, 4)
    (0.989, 0.0066)
    """

    tpr: float = field(init=False)
    fpr: float = field(init=False)
    strength: float = field(kw_only=True)
    length: int = field(kw_only=True)
    marked: float = field(default=0.25, kw_only=True)
    false_alarms: float = field(default=0.01, kw_only=True)

    def __post_init__(self):
        import scipy.special

        strength = check.number("strength", self.strength, least=0, because="a watermark raises what it marks")
        length = check.integer("length", self.length, least=1)
        marked = check.number("marked", self.marked, above=0, below=1)
        level = check.number("false_alarms", self.false_alarms, above=0, below=1)
        # P(count > m) falls in m; the smallest m that keeps the promise
        tails = scipy.special.bdtrc(np.arange(length + 1), length, marked)
        threshold = int(np.argmax(tails <= level))
        by_model = marked * math.exp(strength) / (1 + marked * math.expm1(strength))
        rates = {
            "tpr": float(scipy.special.bdtrc(threshold, length, by_model)),
            "fpr": float(tails[threshold]),
        }
        for name, value in {**rates, "strength": strength, "length": length, "marked": marked}.items():
            object.__setattr__(self, name, value)
        super().__post_init__()

    def __str__(self) -> str:
        return f"{super().__str__()[:-1]}; tpr={self.tpr:.4g}, fpr={self.fpr:.4g})"
