"""Garg, Bhattacharya and Sur (2025), and He, Xu and Cheng (2025): real and synthetic labels averaged on one design.

Every label is an average of a new real one and of one that the last model made. The error settles at a multiple of that
of one fit, least, and less than one, where the real label has the weight of the reciprocal golden ratio. Checked by
following every noise, also where fewer rows than dimensions are interpolated, and by the law of the error. A published
program goes through the same experiments with logistic regression and no penalty; what happens to it is here too.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from modelcollapse import LogisticRegression, theory
from modelcollapse.claims.checks import Computed, Distributed, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import blockwise, fit, fixed_design, same_sd, square_law
from modelcollapse.families.logistic import separable

GOLDEN = (math.sqrt(5) - 1) / 2


def _factor(weight, t=math.inf):
    """Return the error in units of one fit; any design will do."""
    return theory.label_mixing_risk(weight, 12, t, dim=1) * 10


def _followed(weight, t, d, rows):
    """Follow every noise through the loop on the fixed design, in units of one fit; rows < d are interpolated."""
    X = fixed_design(d, rows)
    plus = np.linalg.pinv(X)
    sources = rows * (2 * t - 1)
    noise = np.eye(sources)
    w = plus @ noise[:rows]
    for i in range(1, t):
        real, own = noise[rows * (2 * i - 1) : rows * 2 * i], noise[rows * 2 * i : rows * (2 * i + 1)]
        w = plus @ (weight * real + (1 - weight) * (X @ w + own))
    return np.sum(w**2) / np.sum(plus**2)


def _loop(size, rng, weight, t, d, n):
    """Draw a design, and labels round by round; return squared errors."""

    def draw(count):
        X = rng.standard_normal((count, n, d))
        error = fit(X, rng.standard_normal((count, n)))
        for _ in range(t - 1):
            made = (X @ error[..., None])[..., 0] + rng.standard_normal((count, n))
            error = fit(X, weight * rng.standard_normal((count, n)) + (1 - weight) * made)
        return (error**2).sum(axis=1)

    return blockwise(draw, size, n * d)


def _mean(weight, t, d, n):
    return theory.label_mixing_risk(weight, n, t, dim=d)


# ------------------------------------------------------------------------------------------------- logistic loops


def _cover(d, n):
    """Labellings of n rows that a plane through the origin separates, rows in general position (Cover 1965)."""
    return 2 * sum(math.comb(n - 1, k) for k in range(d))


def _counted(d, n):
    """Try all labellings of the fixed design; the first label may be kept, by symmetry."""
    X = fixed_design(d, n)
    signs = itertools.product((1.0, -1.0), repeat=n - 1)
    return 2 * sum(separable(X * np.array([1.0, *rest])[:, None]) for rest in signs)


def _apart(margin):
    """Return rows in two dimensions that a plane separates, with labels."""
    x = np.array([[margin, 1.0], [margin, -0.4], [2 * margin, 0.3], [-margin, 0.8], [-margin, -1.0]])
    return np.column_stack([x, x[:, 0] > 0])


def _lengths(margin, penalties):
    rows = _apart(margin)
    fits = (LogisticRegression([0.0, 0.0], penalty=p).fit(rows).coef for p in penalties)
    return np.array([w @ w for w in fits])


def _newton_steps(margin, steps):
    """Iterate unguarded Newton steps for two separable rows of one covariate; all iterates."""
    w, out = 0.0, []
    for _ in range(steps):
        p = 1 / (1 + math.exp(margin * w))  # probability of the wrong label
        w += p * margin / (p * (1 - p) * margin**2)
        out.append(w)
    return np.array(out)


def _ends(size, rng, n, rounds):
    """Refit one coefficient by maximum likelihood to its own labels; whether rows were separable within the rounds."""
    w, ended = np.ones(size), np.zeros(size, dtype=bool)
    for _ in range(rounds):
        x = rng.standard_normal((size, n))
        signed = np.where(rng.random((size, n)) < 1 / (1 + np.exp(-x * w[:, None])), x, -x)
        ended |= (signed > 0).all(axis=1) | (signed < 0).all(axis=1)
        low, high = np.full(size, -60.0), np.full(size, 60.0)
        for _ in range(50):  # the slope of the likelihood falls
            middle = (low + high) / 2
            up = (signed / (1 + np.exp(np.clip(signed * middle[:, None], -700, 700)))).sum(axis=1) > 0
            low, high = np.where(up, middle, low), np.where(up, high, middle)
        w = np.where(ended, 0.0, (low + high) / 2)
    return ended


def _reseeded(repetition, t):
    """Run a replace loop of means whose generator is seeded anew with repetition times step; return the last mean."""
    mean = 0.0
    for step in range(1, t + 1):
        mean = np.random.default_rng(repetition * step).normal(mean, 1.0, 10).mean()
    return mean


def _refused(margin):
    try:
        LogisticRegression([0.0, 0.0], penalty=0.0).fit(_apart(margin))
    except ValueError as error:
        return "separable" in str(error)
    return False


CLAIMS = (
    Claim(
        id="reg-golden-ratio",
        title="Real and synthetic labels averaged: best at the reciprocal golden ratio",
        statement=(
            "If every label of one design is w times a new real label plus 1 - w times a label of the last model, with "
            "noise of its own, the error settles at (w^2 + (1-w)^2)/(w (2-w)) times that of one fit. The least is at "
            "the reciprocal golden ratio, 0.618, where the factor equals the weight: better than one fit."
        ),
        formula=(
            r"R_\infty = \frac{w^2+(1-w)^2}{1-(1-w)^2}\,\frac{\sigma^2d}{n-d-1}, \qquad "
            r"w^* = \frac{\sqrt5-1}2 = f(w^*)"
        ),
        assumptions="The same covariates in every generation, n > d + 1; any covariance.",
        source=("garg2025", "he2025"),
        kind=Kind.EXACT,
        theory=(theory.label_mixing_risk, theory.golden_variance, theory.golden_weight),
        simulation="Designs, and labels mixed round by round.",
        checks=(
            Computed(
                label="every noise followed, on a given design",
                predict=lambda weight, t, d, rows: _factor(weight, t),
                other=_followed,
                cases=(
                    {"weight": 0.5, "t": 5, "d": 2, "rows": 7},
                    {"weight": GOLDEN, "t": 9, "d": 3, "rows": 5},
                    {"weight": 0.05, "t": 30, "d": 1, "rows": 3},
                ),
                mutants={"no noise in synthetic labels": lambda weight, t, d, rows: weight / (2 - weight)},
            ),
            Computed(
                label="fewer rows than dimensions, interpolated: the noise of the smallest norm, the same factor",
                predict=lambda weight, t, d, rows: _factor(weight, t),
                other=_followed,
                cases=({"weight": 0.5, "t": 5, "d": 9, "rows": 4}, {"weight": GOLDEN, "t": 8, "d": 6, "rows": 5}),
            ),
            Ordered(
                label="the least factor is the reciprocal golden ratio",
                lower=lambda steps: GOLDEN,
                upper=lambda steps: theory.golden_variance(np.append(np.linspace(0, 1, steps)[1:], GOLDEN)),
                bound="lower",
                cases=({"steps": 2001},),
                mutants={"two thirds": lambda steps: 2 / 3},
            ),
            Computed(
                label="factor and weight agree there",
                predict=lambda: GOLDEN,
                other=lambda: float(_factor(theory.golden_weight())),
                cases=({},),
                rtol=1e-13,
            ),
            Distributed(
                label="law of the error after 25 rounds",
                predict=lambda weight, d, n: square_law(d, n, _factor(weight)),
                draw=lambda size, rng, weight, d, n: _loop(size, rng, weight, 25, d, n),
                cases=({"weight": 0.5, "d": 2, "n": 8}, {"weight": GOLDEN, "d": 1, "n": 4}),
                size=4000,
                mutants={"one fit": lambda weight, d, n: square_law(d, n)},
            ),
            Sampled(
                label="mean error, round by round",
                predict=_mean,
                draw=_loop,
                sd=lambda weight, t, d, n: _mean(weight, t, d, n) * same_sd(d, n),
                cases=({"weight": 0.5, "t": 3, "d": 3, "n": 30}, {"weight": 0.1, "t": 6, "d": 2, "n": 20}),
                size=20_000,
                mutants={"one fit": lambda weight, t, d, n: _mean(weight, 1, d, n)},
            ),
        ),
        second={
            "label_mixing_factor": lambda w: theory.golden_variance(w),
            "label_mixing_error": lambda w, d, n, variance: theory.label_mixing_risk(
                w, n, dim=d, noise_variance=variance
            ),
            "label_mixing_best_weight": lambda: theory.golden_weight(),
        },
        remark=(
            "The papers' results on new designs in every generation and on ridge regression (the best weight is at "
            "least one half) are known from abstracts, without a formula, and are not checked."
        ),
        tags=("regression", "golden ratio"),
    ),
    Claim(
        id="ERR-27",
        title="An unpenalised logistic loop ends in separable rows: a reference value needs a rule for them",
        statement=(
            "In a replace loop of logistic regression without a penalty the rows are separable sooner or later; then "
            "the likelihood has no maximum and what is returned is where the optimiser stopped. A penalty is such a "
            "rule. In the same program generators are seeded with repetition times step, so that repetition 0 repeats "
            "one seed and repetitions share streams."
        ),
        formula=r"\|w\|^2 \le \frac{2\ln2}\lambda \text{ with a penalty } \tfrac\lambda2\|w\|^2",
        assumptions="No intercept; labels drawn from the last fit.",
        source=("he2025", "garg2025"),
        locus="a public program for the golden-ratio experiments; it also records the first fit twice",
        kind=Kind.CORRECTION,
        theory=(LogisticRegression,),
        simulation="Loops of maximum-likelihood fits of one coefficient, and the program's way of seeding.",
        checks=(
            Computed(
                label="labellings that are separable: all of them tried, against Cover's count",
                predict=_cover,
                other=_counted,
                cases=({"d": 2, "n": 5}, {"d": 3, "n": 6}, {"d": 4, "n": 8}, {"d": 3, "n": 3}),
                mutants={"an intercept": lambda d, n: _cover(d + 1, n)},
            ),
            Sampled(
                label="loops of one coefficient end at least as fast as random labels would",
                predict=lambda n, rounds: 1 - (1 - 2.0 ** (1 - n)) ** rounds,
                draw=_ends,
                side="below",
                cases=({"n": 6, "rounds": 40}, {"n": 4, "rounds": 10}),
                size=2000,
            ),
            Ordered(
                label="separable rows without a rule: Newton steps never end, each adds at least one over the margin",
                lower=lambda margin, steps: np.arange(2, steps + 2) / margin,
                upper=lambda margin, steps: _newton_steps(margin, steps),
                bound="lower",
                cases=({"margin": 0.01, "steps": 25}, {"margin": 1.0, "steps": 30}),
            ),
            Ordered(
                label="separable rows with a penalty: a bounded fit",
                lower=_lengths,
                upper=lambda margin, penalties: 2 * math.log(2) / np.array(penalties),
                bound="upper",
                cases=(
                    {"margin": 0.3, "penalties": (10.0, 1.0, 1e-2, 1e-4, 1e-8)},
                    {"margin": 0.01, "penalties": (1e-3, 1e-6)},
                ),
            ),
            Computed(
                label="separable rows without a penalty are refused",
                predict=lambda margin: 1.0,
                other=lambda margin: float(_refused(margin)),
                cases=({"margin": 0.3}, {"margin": 1e-3}),
            ),
            Computed(
                label="repetition 0: one noise for ever, so that errors grow like t and not like its root",
                predict=lambda t: t * _reseeded(0, 1),
                other=lambda t: _reseeded(0, t),
                cases=({"t": 2}, {"t": 30}),
                mutants={"independent": lambda t: math.sqrt(t) * _reseeded(0, 1)},
            ),
            Computed(
                label="how many of the streams of 20 repetitions and 20 steps differ: as many as products do",
                predict=lambda repetitions, steps: len(
                    {r * s for r in range(repetitions) for s in range(1, steps + 1)}
                ),
                other=lambda repetitions, steps: len(
                    {np.random.default_rng(r * s).random() for r in range(repetitions) for s in range(1, steps + 1)}
                ),
                cases=({"repetitions": 20, "steps": 20},),
                mutants={"all of them": lambda repetitions, steps: repetitions * steps},
            ),
        ),
        tags=("regression", "logistic", "erratum", "seeds"),
    ),
)
