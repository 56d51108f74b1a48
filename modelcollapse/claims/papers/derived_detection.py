r"""Detectors of synthetic points: what they leave behind, and what dropping it does to a loop.

A detector flags synthetic points with probability TPR and real ones with FPR. What is left is less contaminated, and
less. If synthetic points are unbiased, that is a loss; against a bias it pays. Checked by flagging points one by one,
and by loops of means.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _flagged(size, rng, n, alpha, tpr, fpr):
    """Draw n points, flag them; numbers of real and of synthetic points that are left."""
    synthetic = rng.random((size, n)) >= alpha
    left = rng.random((size, n)) >= np.where(synthetic, tpr, fpr)
    return (left & ~synthetic).sum(axis=1), (left & synthetic).sum(axis=1)


def _contaminated(size, rng, n, alpha, tpr, fpr):
    """Share of synthetic points among what is left, of batches in which something is left."""
    out = np.empty(0)
    while len(out) < size:
        real, synthetic = _flagged(size, rng, n, alpha, tpr, fpr)
        some = real + synthetic > 0
        out = np.concatenate([out, synthetic[some] / (real + synthetic)[some]])
    return out[:size]


def _counts(n, alpha, tpr, fpr):
    """Return real points left, and all points left, per point of the batch."""
    return np.array([theory.detector_real_kept(n, alpha, fpr), n * theory.detector_kept(alpha, tpr, fpr)]) / n


def _kept_counts(size, rng, n, alpha, tpr, fpr):
    real, synthetic = _flagged(size, rng, n, alpha, tpr, fpr)
    return np.column_stack([real, real + synthetic]) / n


def _loop(size, rng, n, alpha, tpr, fpr, t, shift=0.0):
    """A mean, refitted t times to what is left of n points; where nothing is left it stays as it is."""
    d = np.full(size, _bias(alpha, tpr, fpr, shift))
    for _ in range(t):
        synthetic = rng.random((size, n)) >= alpha
        left = rng.random((size, n)) >= np.where(synthetic, tpr, fpr)
        x = rng.standard_normal((size, n)) + synthetic * (d[:, None] + shift)
        count = left.sum(axis=1)
        d = np.where(count > 0, (x * left).sum(axis=1) / np.maximum(count, 1), d)
    return d**2


def _bias(alpha, tpr, fpr, shift):
    kappa = theory.detector_contamination(alpha, tpr, fpr)
    return float(kappa * shift / (1 - kappa))


@cache
def _shares(n, alpha, tpr, fpr):
    """Return E a^j / N^k over the numbers N of points left and the synthetic share a of them, and P(N = 0)."""
    from scipy.stats import binom

    real, synthetic = alpha * (1 - fpr), (1 - alpha) * (1 - tpr)
    N, M = np.arange(1, n + 1)[:, None], np.arange(n + 1)
    joint = binom.pmf(N, n, real + synthetic) * binom.pmf(M, N, synthetic / (real + synthetic))
    return {
        (j, k): float((joint * (M / N) ** j / N**k).sum())
        for j, k in ((1, 0), (2, 0), (3, 0), (4, 0), (0, 1), (1, 1), (2, 1), (0, 2))
    }, (1 - real - synthetic) ** n


@cache
def _moments(n, alpha, tpr, fpr, t, shift=0.0):
    """First four moments of the mean after t rounds, over all numbers that can be left: exact, by recursion."""
    E, none = _shares(n, alpha, tpr, fpr)
    m = [_bias(alpha, tpr, fpr, shift) ** k for k in (1, 2, 3, 4)]
    for _ in range(t):
        c = shift
        x1, x2 = m[0] + c, m[1] + 2 * c * m[0] + c**2
        x3 = m[2] + 3 * c * m[1] + 3 * c**2 * m[0] + c**3
        x4 = m[3] + 4 * c * m[2] + 6 * c**2 * m[1] + 4 * c**3 * m[0] + c**4
        new = [
            E[1, 0] * x1,
            E[2, 0] * x2 + E[0, 1],
            E[3, 0] * x3 + 3 * E[1, 1] * x1,
            E[4, 0] * x4 + 6 * E[2, 1] * x2 + 3 * E[0, 2],
        ]
        m = [fresh + none * old for fresh, old in zip(new, m, strict=True)]
    return tuple(m)


def _square_sd(n, alpha, tpr, fpr, t, shift=0.0):
    _, square, _, fourth = _moments(n, alpha, tpr, fpr, t, shift)
    return math.sqrt(fourth - square**2)


def _square(n, alpha, tpr, fpr, t, shift=0.0):
    """Mean square after t rounds, begun at the stationary bias: it approaches the stationary value geometrically."""
    end = theory.detector_loop_error(n, alpha, tpr, fpr, shift=shift)
    left = theory.detector_kept(alpha, tpr, fpr)
    h, kappa = theory.binomial_inverse_mean(n, left), theory.detector_contamination(alpha, tpr, fpr)
    none = (1 - left) ** n
    a = none + (1 - none) * (kappa**2 + kappa * (1 - kappa) * h)
    return float(end + a**t * (_bias(alpha, tpr, fpr, shift) ** 2 - end))


def _mean_form(n, alpha, tpr, fpr):
    return theory.detector_loop_error(n, alpha, tpr, fpr, kept="mean")


RATES = tuple((tpr, fpr) for tpr in (0.01, 0.3, 0.7, 0.99, 1.0) for fpr in (0.0, 0.01, 0.3, 0.9))

CLAIMS = (
    Claim(
        id="detector-effective-contamination",
        title="What a detector leaves behind",
        statement=(
            "If everything flagged is dropped, the odds that a point of what is left is synthetic are the old odds "
            "times (1-TPR)/(1-FPR). The expected share of synthetic points is the same for batches of every size."
        ),
        formula=(
            r"\kappa' = \frac{(1-\alpha)(1-\mathrm{TPR})}{Q_u}, \qquad \frac{\kappa'}{1-\kappa'} = "
            r"\frac{1-\alpha}\alpha\cdot\frac{1-\mathrm{TPR}}{1-\mathrm{FPR}}, \qquad E[\text{real kept}] = "
            r"n\alpha(1-\mathrm{FPR})"
        ),
        assumptions="Every point real with probability alpha, flagged independently; something is left.",
        source=("modelcollapse",),
        kind=Kind.EXACT,
        theory=(
            theory.detector_contamination,
            theory.detector_odds_factor,
            theory.detector_kept,
            theory.detector_real_kept,
        ),
        simulation="Points flagged one by one.",
        checks=(
            Sampled(
                label="share of synthetic points in what is left",
                predict=lambda n, alpha, tpr, fpr: theory.detector_contamination(alpha, tpr, fpr),
                draw=_contaminated,
                bounds=(0.0, 1.0),
                cases=(
                    {"n": 100, "alpha": 0.3, "tpr": 0.85, "fpr": 0.05},
                    {"n": 3, "alpha": 0.5, "tpr": 0.7, "fpr": 0.4},
                    {"n": 50, "alpha": 0.9, "tpr": 0.2, "fpr": 0.6},
                ),
                size=20000,
                mutants={
                    "rates swapped": lambda n, alpha, tpr, fpr: theory.detector_contamination(alpha, fpr, tpr),
                    "shares swapped": lambda n, alpha, tpr, fpr: theory.detector_contamination(1 - alpha, tpr, fpr),
                    "no detector": lambda n, alpha, tpr, fpr: 1 - alpha,
                },
            ),
            Sampled(
                label="numbers that are left",
                predict=_counts,
                draw=_kept_counts,
                bounds=(0.0, 1.0),
                cases=(
                    {"n": 100, "alpha": 0.3, "tpr": 0.85, "fpr": 0.05},
                    {"n": 20, "alpha": 0.8, "tpr": 0.2, "fpr": 0.6},
                ),
                size=20000,
                mutants={"rates swapped": lambda n, alpha, tpr, fpr: _counts(n, alpha, fpr, tpr)},
            ),
            Computed(
                label="odds",
                predict=lambda alpha, tpr, fpr: (1 - alpha) / alpha * theory.detector_odds_factor(tpr, fpr),
                other=lambda alpha, tpr, fpr: 1 / (1 / theory.detector_contamination(alpha, tpr, fpr) - 1),
                cases=(
                    {"alpha": 0.3, "tpr": 0.85, "fpr": 0.05},
                    {"alpha": 0.01, "tpr": 0.999, "fpr": 0.5},
                ),
                mutants={
                    "(1-FPR)/(1-TPR)": lambda alpha, tpr, fpr: (
                        (1 - alpha) / alpha / theory.detector_odds_factor(tpr, fpr)
                    )
                },
            ),
        ),
        second={
            "residual_contamination": lambda alpha, tpr, fpr: theory.detector_contamination(alpha, tpr, fpr),
            "residual_odds": lambda alpha, tpr, fpr: (1 - alpha) / alpha * theory.detector_odds_factor(tpr, fpr),
            "kept_fraction": lambda alpha, tpr, fpr: theory.detector_kept(alpha, tpr, fpr),
            "flagged_fraction": lambda alpha, tpr, fpr: theory.detector_kept(alpha, 1 - tpr, 1 - fpr),
            "real_points_kept": lambda n, alpha, tpr, fpr: theory.detector_real_kept(n, alpha, fpr),
        },
        tags=("detector",),
    ),
    Claim(
        id="detector-in-fresh-loop",
        title="Dropping what looks synthetic raises the variance of an unbiased loop",
        statement=(
            "A mean refitted to what a detector leaves of real and own points has the stationary variance 1/(N'(1 - "
            "kappa'^2)), up to 1/n; that is more than without a detector. Against a fixed shift c of synthetic points "
            "it pays: the floor falls from (1-alpha)^2 c^2 to kappa'^2 c^2."
        ),
        formula=(
            r"V \approx \frac{\sigma^2}{nQ_u(1-\kappa'^2)}, \qquad \text{no detector: } "
            r"\frac{\sigma^2}{n(1-(1-\alpha)^2)}, \qquad \text{real points alone: } \frac{\sigma^2}{n\alpha}"
        ),
        assumptions="Known variance, unbiased sampler, n points per round, the unflagged pooled without weights.",
        source=("modelcollapse", "dohmatob2025"),
        kind=Kind.ASYMPTOTIC,
        theory=(theory.detector_loop_error, theory.detector_shift_error, theory.detector_break_even),
        simulation="Loops of means with a detector; with random numbers of points left, as they are.",
        checks=(
            Limit(
                label="random numbers of points against their means",
                value=lambda n, alpha, tpr, fpr: theory.detector_loop_error(n, alpha, tpr, fpr),
                asymptote=lambda n, alpha, tpr, fpr: _mean_form(n, alpha, tpr, fpr),
                along=(200, 400, 800, 1600, 3200),
                remainder=lambda n: 1 / n,
                cases=({"alpha": 0.2, "tpr": 0.85, "fpr": 0.05}, {"alpha": 0.5, "tpr": 0.3, "fpr": 0.3}),
                mutants={"no detector": lambda n, alpha, tpr, fpr: _mean_form(n, alpha, 0.0, 0.0)},
            ),
            Sampled(
                label="mean square of a loop",
                predict=_square,
                draw=_loop,
                sd=_square_sd,
                skewness=8.0,
                cases=(
                    {"n": 20, "alpha": 0.4, "tpr": 0.8, "fpr": 0.1, "t": 8},
                    {"n": 20, "alpha": 0.4, "tpr": 0.8, "fpr": 0.1, "t": 8, "shift": 0.6},
                    {"n": 100, "alpha": 0.2, "tpr": 0.0, "fpr": 0.0, "t": 3},
                ),
                size=60000,
                mutants={
                    "rates swapped": lambda n, alpha, tpr, fpr, t, shift=0.0: (
                        _square(n, alpha, fpr, tpr, t, shift) if tpr else 0.0
                    ),
                    "real points alone": lambda n, alpha, tpr, fpr, t, shift=0.0: 1 / (n * alpha),
                },
            ),
            Computed(
                label="stationary error, by the exact moments of many rounds",
                predict=lambda n, alpha, tpr, fpr, shift: theory.detector_loop_error(n, alpha, tpr, fpr, shift=shift),
                other=lambda n, alpha, tpr, fpr, shift: _moments(n, alpha, tpr, fpr, 600, shift)[1],
                cases=(
                    {"n": 20, "alpha": 0.4, "tpr": 0.8, "fpr": 0.1, "shift": 0.6},
                    {"n": 2, "alpha": 0.3, "tpr": 0.6, "fpr": 0.5, "shift": 0.0},
                    {"n": 100, "alpha": 0.1, "tpr": 0.2, "fpr": 0.3, "shift": 2.0},
                ),
                mutants={
                    "numbers at their means": lambda n, alpha, tpr, fpr, shift: theory.detector_loop_error(
                        n, alpha, tpr, fpr, shift=shift, kept="mean"
                    )
                },
            ),
            Ordered(
                label="every exclusion raises the variance",
                lower=lambda n, alphas: np.array([[_mean_form(n, a, 0.0, 0.0) for _ in RATES] for a in alphas]),
                upper=lambda n, alphas: np.array([[_mean_form(n, a, *rates) for rates in RATES] for a in alphas]),
                bound="lower",
                cases=({"n": 400, "alphas": (0.01, 0.2, 0.5, 0.9)},),
            ),
            Limit(
                label="with a shift the floor is kappa'^2 c^2",
                value=lambda n, alpha, tpr, fpr, shift: theory.detector_shift_error(n, alpha, tpr, fpr, shift=shift),
                asymptote=lambda n, alpha, tpr, fpr, shift: (
                    theory.detector_contamination(alpha, tpr, fpr) ** 2 * shift**2
                ),
                along=(1e4, 2e4, 4e4, 8e4, 1.6e5),
                remainder=lambda n: 1 / n,
                cases=({"alpha": 0.2, "tpr": 0.85, "fpr": 0.05, "shift": 0.5},),
                mutants={"no detector": lambda n, alpha, tpr, fpr, shift: (1 - alpha) ** 2 * shift**2},
            ),
        ),
        second={
            "variance_with_exclusion": lambda n, variance, alpha, tpr, fpr: theory.detector_loop_error(
                n, alpha, tpr, fpr, variance=variance, kept="mean"
            ),
            "variance_without_detector": lambda n, variance, alpha: theory.detector_loop_error(
                n, alpha, variance=variance, kept="mean"
            ),
            "variance_real_only": lambda n, variance, alpha: theory.detector_loop_error(
                n, alpha, 1.0, 0.0, variance=variance, kept="mean"
            ),
            "shift_floor": lambda shift, alpha, tpr, fpr: theory.detector_contamination(alpha, tpr, fpr) ** 2 * shift,
        },
        tags=("detector", "real data"),
    ),
)
