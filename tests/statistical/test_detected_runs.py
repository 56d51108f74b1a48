"""Runs with detectors, watermarks and weights against exact laws.

A family whose synthetic points are marked lets a run say itself what came through, and with how much weight: finitely
many values, whose law is that of the numbers of flags. A family of known variance has a normal mean whatever is weighed
or dropped. And the second fit of a Gaussian is standardised by the first.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from programs import chains, last, pvalue_chi_square
from scipy.stats import binom

import modelcollapse as mc
from modelcollapse import curation as cure
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_binomial, pvalue_bounded, pvalue_counts, pvalue_spread

pytestmark = [pytest.mark.compiled, pytest.mark.filterwarnings("ignore:.*chains stopped:RuntimeWarning")]

# ------------------------------------------------------------------------------------------- what looks synthetic


@dataclass(frozen=True, eq=False)
class Marked:
    """Real points are 0 and synthetic ones 1: what is fitted is the weight of the synthetic points."""

    share: float = 0.0
    made: float = 0.0

    kind: ClassVar[str] = "Marked"
    least: ClassVar[int] = 1

    def sample(self, size, rng=None):
        return np.full(size, self.made)

    def fit(self, X, rng=None, weights=None):
        return Marked(float(np.average(X, weights=weights)), 1.0)

    def variables(self):
        return {"share": ()}

    def state(self):
        return {"share": self.share}

    def coords(self):
        return {}

    options = coords


REAL, MADE = 3, 4
ALPHA = REAL / (REAL + MADE)


def flags(tpr, fpr):
    """Law of the numbers of flagged points: (synthetic, real) -> probability."""
    return {
        (s, r): float(binom.pmf(s, MADE, tpr) * binom.pmf(r, REAL, fpr))
        for s in range(MADE + 1) for r in range(REAL + 1)
    }  # fmt: skip


def table(values, law, sample):
    """p-values of a sample of finitely many values, to rounding."""
    cells: dict = {}
    for key, p in law.items():
        value = round(values(*key), 9)
        cells[value] = cells.get(value, 0.0) + p
    known, p = np.array(sorted(cells)), np.array([cells[value] for value in sorted(cells)])
    where = np.abs(known - sample[:, None]).argmin(axis=1)
    if np.abs(known[where] - sample).max() > 1e-8:
        return [0.0]
    return pvalue_counts(np.bincount(where, minlength=len(known)), p / p.sum())


def marked(detector, read):
    return chains(Marked(), mc.FreshReal(REAL + MADE, REAL, curation=detector), 2, read)


WATERMARK = {"strength": 2.0, "length": 6, "false_alarms": 0.2}
DETECTORS = {"detector": lambda **how: cure.Detector(0.8, 0.25, **how),
             "watermark": lambda **how: cure.Watermark(**WATERMARK, **how)}  # fmt: skip


class FlagsBatches(cure.Detector):
    """All synthetic points are flagged, or none."""

    def screen(self, synthetic, rng):
        return np.where(rng.random() < np.where(synthetic, self.tpr, self.fpr), 0.0, 1.0)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_a_detector_drops(name):
    detector = DETECTORS[name]()
    tpr, fpr = detector.tpr, detector.fpr

    def read(run):
        first = (run["kept"].values[:, 1] == REAL + MADE) & (run["real_dropped"].values[:, 1] == 0)
        kept, lost = run["kept"].values[:, 2], run["real_dropped"].values[:, 2]
        lost = np.where(kept > 0, lost, REAL)  # a chain with nothing left has stopped
        return np.where(first, kept + 100.0 * lost, np.nan)

    def law(tpr, fpr):
        return lambda sample: table(lambda s, r: REAL + MADE - s - r + 100.0 * r, flags(tpr, fpr), sample)

    assert_kills(
        marked(detector, read), law(tpr, fpr), size=1500,
        mutants={
            "rates swapped": marked(cure.Detector(fpr, tpr), read),
            "flagged points stay": marked(cure.Detector(1 - tpr, 1 - fpr), read),
            "never wrong about real points": marked(cure.Detector(tpr, 0.0), read),
            "one flag for all": marked(FlagsBatches(tpr, fpr), read),
        },
        wrong={"perfect": law(1.0, 0.0)},
        formula="kept numbers are binomial", source="detector-effective-contamination",
    )  # fmt: skip


class Even(cure.Detector):
    """The weight is the probability of being real where both kinds are equally frequent."""

    def screen(self, synthetic, rng):
        both = np.concatenate([synthetic, ~synthetic])
        return super().screen(both, rng)[: len(synthetic)]


@pytest.mark.parametrize("name", DETECTORS)
def test_what_a_detector_weighs(name):
    detector = DETECTORS[name](action="weight")
    tpr, fpr = detector.tpr, detector.fpr

    def posterior(alpha, tpr, fpr):
        """Weights of flagged and of other points."""
        return [alpha * on_real / (alpha * on_real + (1 - alpha) * on_made)
                for on_real, on_made in ((fpr, tpr), (1 - fpr, 1 - tpr))]  # fmt: skip

    def law(tpr, fpr, alpha=ALPHA):
        low, high = posterior(alpha, tpr, fpr)

        def share(s, r):
            synthetic, real = s * low + (MADE - s) * high, r * low + (REAL - r) * high
            return synthetic / (synthetic + real)

        return lambda sample: table(share, flags(tpr, fpr), sample)

    read = last("share")
    assert_kills(
        marked(detector, read), law(tpr, fpr), size=1000,
        mutants={
            "rates swapped": marked(cure.Detector(fpr, tpr, "weight"), read),
            "an even prior": marked(Even(tpr, fpr, "weight"), read),
            "weights ignored": marked(cure.Detector(0.0, 0.0), read),
            "all or nothing": marked(cure.Detector(tpr, 0.0), read),
        },
        wrong={"weight for being synthetic": law(tpr, fpr, 1 - ALPHA)},
        formula="weight = P(real | flag)", source="watermark-effective-sample-size",
    )  # fmt: skip
    # a large batch: the share that is left has a closed form
    low, high = posterior(ALPHA, tpr, fpr)
    synthetic, real = (1 - ALPHA) * (tpr * low + (1 - tpr) * high), ALPHA * (fpr * low + (1 - fpr) * high)
    known = theory.weighted_contamination(ALPHA, theory.detector_chi_square(ALPHA, tpr, fpr))
    assert synthetic / (synthetic + real) == pytest.approx(known, rel=1e-12)


def test_what_a_detector_leaves_of_a_stream():
    """Of a batch of random composition: the expected synthetic share is that of a large one, if anything is left."""

    def program(tpr, fpr, real=ALPHA):
        return chains(Marked(), mc.Mix(6, real, curation=cure.Detector(tpr, fpr)), 2, last("share"))

    def law(share):
        return lambda sample: pvalue_bounded(sample[np.isfinite(sample)], share, 0.0, 1.0)

    assert_kills(
        program(0.7, 0.1), law(theory.detector_contamination(ALPHA, 0.7, 0.1)), size=1500,
        mutants={"rates swapped": program(0.1, 0.7), "fractions swapped": program(0.7, 0.1, 1 - ALPHA)},
        wrong={"no detector": law(1 - ALPHA)},
        formula="kappa'", source="detector-effective-contamination",
    )  # fmt: skip


def test_marked_texts_are_flagged_as_often_as_a_watermark_says():
    """Token by token: a vocabulary, some of it marked, the logits of what is marked raised by the strength."""
    mark, vocabulary, level = cure.Watermark(**WATERMARK), 20, WATERMARK["false_alarms"]
    length = WATERMARK["length"]

    def texts(strength=2.0, green=5, off=0):
        promised = next(m for m in range(length) if binom.sf(m, length, 0.25) <= level) + off

        def draw(size, rng):
            out = []
            for raised in (strength, 0.0):
                weight = np.where(np.arange(vocabulary) < green, np.exp(raised), 1.0)
                tokens = rng.choice(vocabulary, (size, length), p=weight / weight.sum())
                out.append(((tokens < green).sum(axis=1) > promised).sum())
            return np.array(out), size

        return draw

    def law(tpr, fpr):
        return lambda sample: pvalue_binomial(sample[0], sample[1], [tpr, fpr])

    assert_kills(
        texts(), law(mark.tpr, mark.fpr), size=20_000,
        mutants={"strength halved": texts(1.0), "more is marked": texts(green=6), "as many is too many": texts(off=-1)},
        wrong={"rates swapped": law(mark.fpr, mark.tpr)},
        formula="binomial tails", source="watermark-effective-sample-size",
    )  # fmt: skip


# ------------------------------------------------------------------------------------- what weighs


@dataclass(frozen=True, eq=False)
class Known:
    """Normal points of variance one in eight independent coordinates; what is fitted is the mean."""

    mean: np.ndarray = field(default_factory=lambda: np.zeros(8))

    kind: ClassVar[str] = "Known"
    least: ClassVar[int] = 1

    def sample(self, size, rng=None):
        return self.mean + rng.standard_normal((size, 8))

    def fit(self, X, rng=None, weights=None):
        return Known(np.average(X, axis=0, weights=weights))

    def variables(self):
        return {"mean": ("dim",)}

    def state(self):
        return {"mean": self.mean}

    def coords(self):
        return {"dim": np.arange(8)}

    def options(self):
        return {}


def test_error_of_a_loop_with_a_detector():
    n, alpha, tpr, fpr, generations = 24, 0.4, 0.8, 0.1, 3

    def law(tpr, fpr):
        # given all numbers the coordinates are independent and normal; the variance they have in common scatters by
        # less than itself
        end = theory.detector_loop_error(n, alpha, tpr, fpr)
        step = 1 - theory.binomial_inverse_mean(n, theory.detector_kept(alpha, tpr, fpr)) / end
        square = end + step ** (generations - 1) * (1 / n - end)
        return lambda x: pvalue_spread(x, square, (2 * 2 / 8 + 1) ** 0.5 * square)

    def program(tpr, fpr, alpha=alpha):
        regime = mc.Mix(n, alpha, curation=cure.Detector(tpr, fpr))
        return chains(Known(), regime, generations, lambda run: (last("mean")(run) ** 2).mean(axis=1))

    assert_kills(
        program(tpr, fpr), law(tpr, fpr), size=1500,
        mutants={
            "rates swapped": program(fpr, tpr),
            "no detector": program(0.0, 0.0),
            "fractions swapped": program(tpr, fpr, 1 - alpha),
        },
        wrong={"rates swapped": law(fpr, tpr), "real points only": law(1.0, fpr)},
        formula="V_t = V + a^(t-1) (V_1 - V)", source="detector-in-fresh-loop",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "w"), [("fresh", 0.85), ("fixed", 0.6)])
def test_golden_weights(kind, w):
    real, made, generations = 3, 6, 4

    def regime(weight):
        if kind == "fixed":
            return mc.FixedReal(made, real, real_weight=weight)
        return mc.FreshReal(real + made, real, real_weight=weight)

    def law(w):
        keep = (1 - w) ** 2
        if kind == "fixed":  # x bar for ever, and a decaying sum of the noise of all samples
            variance = 1 / real + sum(keep**j for j in range(1, generations)) / made
        else:
            end = theory.golden_variance(w, real / made) / real
            variance = end + keep ** (generations - 1) * (1 / (real + made) - end)
        return lambda x: pvalue_chi_square((x**2).sum() / variance, x.size)

    def program(weight):
        return chains(Known(), regime(weight), generations, last("mean"))

    assert_kills(
        program(w), law(w), size=600,
        mutants={
            "weights ignored": program(None),
            "weights swapped": program(1 - w),
            "weight of a point": program(w * real / (w * real + (1 - w) * made)),
        },
        wrong={"swapped": law(1 - w)},
        formula="V' = w^2/r + (1-w)^2 (V + 1/m)", source="GOLD-MEAN",
    )  # fmt: skip


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("weight", [None, 0.7])
def test_second_fit_of_fresh_data(weight, estimator):
    """Mean and variance given the first fit: a weighted sample of two normal laws, one of them at a temperature."""
    real, made = 3, 5

    def law(weight, temperature, estimator=estimator):
        w = real / (real + made) if weight is None else weight
        share = np.repeat([w / real, (1 - w) / made], [real, made])
        A = np.diag(share) - np.outer(share, share)
        div = 1 - share @ share if estimator == "unbiased" else 1.0
        synthetic = np.arange(real + made) >= real

        def pvalues(sample):
            mean, variance, mean2, variance2 = sample
            m = synthetic * mean[:, None]
            d = np.where(synthetic, temperature * variance[:, None], 1.0)
            z = (mean2 - m @ share) / np.sqrt(d @ share**2)
            expected = d @ np.diag(A) + np.einsum("ri,ij,rj->r", m, A, m)
            square = 2 * np.einsum("ij,ri,rj->r", A**2, d, d) + 4 * ((m @ A) ** 2 * d).sum(axis=1)
            v = (variance2 * div - expected) / np.sqrt(square)
            return [pvalue_chi_square((z**2).sum(), len(z)), *np.ravel(pvalue_spread(v, 0.0, 1.0))]

        return pvalues

    def program(weight, temperature=0.5):
        def read(run):
            mean, variance = run["mean"].values, np.exp(run["log_variance"].values)
            return mean[:, 1], variance[:, 1], mean[:, 2], variance[:, 2]

        regime = mc.FreshReal(real + made, real, real_weight=weight, curation=cure.Temperature(temperature))
        return chains(mc.Gaussian(0.0, 1.0, estimator=estimator), regime, 2, read)

    other = "mle" if estimator == "unbiased" else "unbiased"
    assert_kills(
        program(weight), law(weight, 0.5), size=1500,
        mutants={
            "weights ignored" if weight else "weighted": program(None if weight else 0.7),
            "temperature inverted": program(weight, 2.0),
        },
        wrong={"other divisor": law(weight, 0.5, other), "no temperature": law(weight, 1.0)},
        formula="moments of a quadratic form", source="GOLD-MEAN, GOLD-VAR, mad-fresh-loop-moments",
    )  # fmt: skip
