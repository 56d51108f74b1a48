"""Gerstgrasser et al. (2024), Is model collapse inevitable? The part on linear regression.

Ordinary least squares refitted to labels of the last fit: the error grows linearly where labels are replaced, stays
below pi^2/6 of one fit where they are accumulated, and grows like a logarithm where all of ever more labels come from
the last fit. The theorems are about one design whose labels are made anew. Checked by following every noise through
the stacked fits, by the F law of the error, and by chains with an uneven covariance, because isotropy is not needed.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from modelcollapse import Accumulate, LinearRegression, Replace, simulate, theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import (
    blockwise,
    excess,
    fit,
    fixed_design,
    fourth,
    pooled_moments,
    same_sd,
    square_law,
    uneven,
)


def _replace(d, n, t, variance=1.0):
    return theory.regression_risk_replace(n, t, dim=d, noise_variance=variance)


def _accumulate(d, n, t, design="same"):
    return theory.regression_risk_accumulate(n, t, dim=d, design=design)


def _multiple(d, n, t, design="same"):
    return theory.regression_risk_multiple(n, t, dim=d, design=design)


def _tiled(n, t):
    """Sizes n, 2 n, ..., t n."""
    return Replace(tuple(n * i for i in range(1, t + 1)))


def _mean_of_law(d, n, t, variance=1.0):
    """Integrate the tail of the F law of one fit, in the logarithm; the t fits are independent, without direction."""
    from scipy.integrate import quad
    from scipy.special import fdtrc

    def tail(y):
        return math.exp(y) * fdtrc(d, n - d + 1, math.exp(y) * (n - d + 1) / d)

    middle = math.log(d / (n - d + 1))
    ends = middle - 40, middle - 3, middle, middle + 3, middle + 80
    parts = (quad(tail, a, b, epsabs=0, epsrel=1e-11, limit=200)[0] for a, b in itertools.pairwise(ends))
    return t * variance * sum(parts)


def _literal(size, rng, d, n, t, variance=1.0):
    """Draw rows, label them by the last fit, fit: the loop as it is described, with an uneven covariance."""
    root = np.linalg.cholesky(uneven(d))

    def draw(count):
        w = np.zeros((count, d))
        for _ in range(t):
            X = rng.standard_normal((count, n, d)) @ root.T
            noise = math.sqrt(variance) * rng.standard_normal((count, n))
            w = fit(X, (X @ w[..., None])[..., 0] + noise)
        return np.einsum("ri,ij,rj->r", w, root @ root.T, w)

    return blockwise(draw, size, n * d)


def _stacked(d, rows, t, tiles=False):
    """Follow every noise through t fits of stacked labels of one design; return the error in units of one fit."""
    n, X = rows, fixed_design(d, rows)
    sources = n * (t * (t + 1) // 2 if tiles else t)
    w, labels, used = np.zeros((d, sources)), [], 0
    for i in range(1, t + 1):
        batches = []
        for _ in range(i if tiles else 1):
            noise = np.zeros((n, sources))
            noise[:, used : used + n] = np.eye(n)
            used += n
            batches.append(X @ w + noise)
        labels = batches if tiles else labels + batches
        w = np.linalg.lstsq(np.tile(X, (len(labels), 1)), np.concatenate(labels), rcond=None)[0]
    return np.trace(X.T @ X @ w @ w.T) / d


def _chains_of(d, n, t, cov):
    """Return excess risks of chains on the same random rows in the coordinates of a covariance."""
    model = LinearRegression(np.arange(1.0, d + 1), cov)
    return model.chains(Accumulate(n).plan(t), 50, np.random.default_rng(5))["excess_risk"].ravel()


def _added(size, rng, d, n, t):
    """Squared difference of fits t and 1, accumulating rows with new covariates, in the metric of the covariance."""
    cov = uneven(d)
    run = simulate(
        LinearRegression(np.zeros(d), cov), Accumulate(n), generations=t, replicates=size, rng=rng, keep=[1, t]
    )
    step = run["coef"].sel(generation=t).values - run["coef"].sel(generation=1).values
    return np.einsum("ri,ij,rj->r", step, cov, step)


CLAIMS = (
    Claim(
        id="reg-replace-linear",
        title="Replace: the error grows linearly with the generation",
        statement=(
            "If every model is fitted by least squares to n rows that the last model labelled, the excess test error "
            "of the t-th fit is t times that of one fit, for one design and for a new one in every generation."
        ),
        formula=r"R_t = t\,\frac{\sigma^2 d}{n-d-1}",
        assumptions="Gaussian covariates with any covariance, n > d + 1, noise of variance s^2 in all generations.",
        source=("gerstgrasser2024", "dohmatob2024b"),
        locus="Theorem 2, Eq. 4",
        kind=Kind.EXACT,
        theory=(theory.regression_risk_replace, theory.regression_risk_sd),
        simulation="Chains of least-squares fits with correlated covariates of unequal variance.",
        checks=(
            Computed(
                label="mean of the F law of one fit, by quadrature",
                predict=_replace,
                other=_mean_of_law,
                cases=(
                    {"d": 10, "n": 111, "t": 10},
                    {"d": 3, "n": 5, "t": 4, "variance": 0.1},
                    {"d": 1, "n": 3, "t": 100},
                    {"d": 200, "n": 5000, "t": 7},
                ),
                rtol=1e-8,
                mutants={"n - d": lambda d, n, t, variance=1.0: t * variance * d / (n - d)},
            ),
            Sampled(
                label="rows drawn, labelled and fitted",
                predict=_replace,
                draw=_literal,
                sd=lambda d, n, t, variance=1.0: theory.regression_risk_sd(n, t, dim=d, noise_variance=variance),
                cases=({"d": 3, "n": 20, "t": 5}, {"d": 6, "n": 30, "t": 10, "variance": 2.5}),
                size=8000,
                mutants={"the first fit alone": lambda d, n, t, variance=1.0: _replace(d, n, 1, variance)},
            ),
            Sampled(
                label="chains with a new design in every generation",
                predict=_replace,
                draw=lambda size, rng, d, n, t: excess(Replace(n), t, size, rng, d),
                sd=lambda d, n, t: theory.regression_risk_sd(n, t, dim=d),
                cases=({"d": 10, "n": 111, "t": 10}, {"d": 20, "n": 30, "t": 40}, {"d": 1, "n": 8, "t": 60}),
                size=60000,
            ),
            Distributed(
                label="law of the error with one design",
                predict=lambda d, n, t: square_law(d, n, t),
                draw=lambda size, rng, d, n, t: excess(Replace(n), t, size, rng, d, design="same"),
                cases=({"d": 3, "n": 8, "t": 5}, {"d": 10, "n": 111, "t": 10}),
                mutants={"one degree of freedom more": lambda d, n, t: square_law(d, n + 1, t)},
            ),
        ),
        second={"replace_error": lambda t, d, n, variance: _replace(d, n, t, variance)},
        tags=("regression", "replace"),
    ),
    Claim(
        id="reg-accumulate-sameX-pi2over6",
        title="Accumulating labels of one design costs at most pi^2/6",
        statement=(
            "If real labels and those of all models are kept, each on the same design, the error of the t-th fit is "
            "that of one fit times the sum of 1/i^2 up to t, which never exceeds pi^2/6."
        ),
        formula=(
            r"w_t = w^* + (X^\top X)^{-1}X^\top \sum_{i\le t} \frac{E_i}{i}, \qquad "
            r"R_t = \frac{\sigma^2 d}{n-d-1} \sum_{i\le t} \frac1{i^2} \le \frac{\sigma^2 d}{n-d-1}\cdot\frac{\pi^2}6"
        ),
        assumptions="The same design, stacked t times; any covariance; n > d + 1.",
        source=("gerstgrasser2024",),
        locus="Theorems 1 and 2, Eq. 2 and 3",
        kind=Kind.EXACT,
        theory=(theory.regression_risk_accumulate, theory.regression_risk),
        simulation="Chains with one design whose labels accumulate.",
        checks=(
            Computed(
                label="every noise followed through the stacked fits",
                predict=lambda d, rows, t: _accumulate(d, rows, t) * (rows - d - 1) / d,
                other=_stacked,
                cases=({"d": 2, "rows": 7, "t": 3}, {"d": 4, "rows": 9, "t": 12}, {"d": 1, "rows": 3, "t": 30}),
                mutants={"replaced": lambda d, rows, t: float(t)},
            ),
            Ordered(
                label="the bound, generation by generation",
                lower=lambda d, rows: _accumulate(d, rows, np.unique(np.geomspace(1, 1e6, 200).round())),
                upper=lambda d, rows: d / (rows - d - 1) * math.pi**2 / 6,
                bound="upper",
                cases=({"d": 10, "rows": 111}, {"d": 5, "rows": 7}),
            ),
            Limit(
                label="the bound is approached",
                value=lambda t, d, n: _accumulate(d, n, t),
                asymptote=lambda t, d, n: d / (n - d - 1) * math.pi**2 / 6,
                along=(10, 20, 40, 80, 160),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"d": 10, "n": 111},),
                mutants={"3/2": lambda t, d, n: d / (n - d - 1) * 1.5},
            ),
            Distributed(
                label="law of the error",
                predict=lambda d, n, t: square_law(d, n, _accumulate(d, n, t) * (n - d - 1) / d),
                draw=lambda size, rng, d, n, t: excess(Accumulate(n), t, size, rng, d, design="same"),
                cases=({"d": 10, "n": 111, "t": 10}, {"d": 3, "n": 8, "t": 3}),
                mutants={"one fit": lambda d, n, t: square_law(d, n)},
            ),
            Sampled(
                label="mean error",
                predict=_accumulate,
                draw=lambda size, rng, d, n, t: excess(Accumulate(n), t, size, rng, d, design="same"),
                sd=lambda d, n, t: _accumulate(d, n, t) * same_sd(d, n),
                cases=({"d": 10, "n": 111, "t": 10}, {"d": 5, "n": 20, "t": 4}),
                size=40000,
                mutants={"fresh designs": lambda d, n, t: _accumulate(d, n, t, "fresh")},
            ),
        ),
        second={
            "accumulate_same_design": lambda t, d, n, variance: theory.regression_risk_accumulate(
                n, t, dim=d, noise_variance=variance, design="same"
            ),
            "accumulate_same_design_limit": lambda d, n, variance: theory.regression_risk_accumulate(
                n, math.inf, dim=d, noise_variance=variance, design="same"
            ),
        },
        tags=("regression", "accumulate", "pi^2/6"),
    ),
    Claim(
        id="reg-replace-multiple",
        title="Ever more labels from the last model alone are no cure",
        statement=(
            "If generation t is fitted to t n rows, as many as under accumulation, but all labelled by the last model, "
            "the error grows without bound like ln t: with one design, tiled, as the harmonic sum."
        ),
        formula=(
            r"\text{one design: } R_t = \frac{\sigma^2 d}{n-d-1}\sum_{i\le t}\frac1i, \qquad "
            r"\text{fresh designs: } R_t = \sigma^2 d\sum_{i\le t}\frac1{in-d-1}"
        ),
        assumptions="Any covariance, n > d + 1; one design repeated t times, or t n new rows.",
        source=("gerstgrasser2024",),
        locus="Eq. 11, appendix E (one design); fresh designs derived",
        kind=Kind.EXACT,
        theory=(theory.regression_risk_multiple,),
        simulation="Chains with training sets of n, 2 n, 3 n, ... rows of the last model.",
        checks=(
            Computed(
                label="every noise followed through the tiled fits",
                predict=lambda d, rows, t: _multiple(d, rows, t) * (rows - d - 1) / d,
                other=lambda d, rows, t: _stacked(d, rows, t, tiles=True),
                cases=({"d": 2, "rows": 7, "t": 3}, {"d": 4, "rows": 9, "t": 8}),
                mutants={"accumulated": lambda d, rows, t: _accumulate(d, rows, t) * (rows - d - 1) / d},
            ),
            Computed(
                label="fresh designs, step by step",
                predict=lambda d, n, t: _multiple(d, n, t, "fresh"),
                other=lambda d, n, t: theory.regression_risk(_tiled(n, t), t, dim=d)[-1],
                cases=({"d": 5, "n": 20, "t": 2}, {"d": 30, "n": 32, "t": 500}),
            ),
            Limit(
                label="the error over ln t, in units of one fit and of its leading order",
                value=lambda t, d, n, design: _multiple(d, n, t, design) / math.log(t),
                asymptote=lambda t, d, n, design: d / (n - d - 1) if design == "same" else d / n,
                along=(1e6, 1e8, 1e10, 1e12, 1e14),
                remainder=lambda t: 1 / math.log(t),
                name="t",
                cases=({"d": 5, "n": 20, "design": "same"}, {"d": 5, "n": 20, "design": "fresh"}),
            ),
            Sampled(
                label="chains with new designs",
                predict=lambda d, n, t: _multiple(d, n, t, "fresh"),
                draw=lambda size, rng, d, n, t: excess(_tiled(n, t), t, size, rng, d),
                sd=lambda d, n, t: theory.regression_risk_sd([n * i for i in range(1, t + 1)], t, dim=d),
                cases=({"d": 5, "n": 20, "t": 2}, {"d": 8, "n": 40, "t": 12}),
                size=40000,
                mutants={
                    "one design": _multiple,
                    "accumulated": lambda d, n, t: _accumulate(d, n, t, "fresh"),
                },
            ),
            Distributed(
                label="law of the error with one design",
                predict=lambda d, n, t: square_law(d, n, math.fsum(1 / i for i in range(1, t + 1))),
                draw=lambda size, rng, d, n, t: excess(_tiled(n, t), t, size, rng, d, design="same"),
                cases=({"d": 5, "n": 20, "t": 2}, {"d": 3, "n": 8, "t": 9}),
                mutants={"one fit": lambda d, n, t: square_law(d, n)},
            ),
        ),
        second={
            "replace_multiple_same_design": lambda t, d, n, variance: theory.regression_risk_multiple(
                n, t, dim=d, noise_variance=variance, design="same"
            ),
            "replace_multiple_fresh": lambda t, d, n, variance: theory.regression_risk_multiple(
                n, t, dim=d, noise_variance=variance
            ),
        },
        tags=("regression", "replace"),
    ),
    Claim(
        id="ERR-18",
        title="The sum of 1/i^2 belongs to one stacked design; isotropy is not needed",
        statement=(
            "The theorem with pi^2/6 is about the same design stacked t times. With a new design in every generation "
            "the error is a smaller sum, and neither result needs isotropic covariates."
        ),
        formula=(
            r"\sigma^2 d\sum_{i\le t}\frac1{i(in-d-1)} \;<\; \frac{\sigma^2 d}{n-d-1}\sum_{i\le t}\frac1{i^2} "
            r"\quad (t \ge 2)"
        ),
        assumptions="Gaussian covariates, n > d + 1 rows of equal number in all generations.",
        source=("gerstgrasser2024", "modelcollapse"),
        locus="Theorems 1 and 2: their scope",
        kind=Kind.CORRECTION,
        theory=(theory.regression_risk_accumulate,),
        simulation="Chains that accumulate rows with new covariates, which are correlated and of unequal variance.",
        checks=(
            Ordered(
                label="fresh designs cost less than one design",
                lower=lambda d, rows: _accumulate(d, rows, np.array([1, 2, 3, 10, 1000, math.inf]), "fresh"),
                upper=lambda d, rows: _accumulate(d, rows, np.array([1, 2, 3, 10, 1000, math.inf])),
                bound="upper",
                cases=({"d": 5, "rows": 20}, {"d": 1, "rows": 10**7}, {"d": 1, "rows": 3}, {"d": 100, "rows": 102}),
            ),
            Computed(
                label="other coordinates, the same rows",
                predict=lambda d, rows, generations: _chains_of(d, rows, generations, np.eye(d)),
                other=lambda d, rows, generations: _chains_of(d, rows, generations, uneven(d)),
                cases=({"d": 2, "rows": 6, "generations": 4}, {"d": 5, "rows": 9, "generations": 3}),
                rtol=1e-8,
            ),
            Sampled(
                label="what fresh designs add to the error of one coefficient, in units of one fit",
                predict=lambda rows, t: (rows - 2) * (_accumulate(1, rows, t, "fresh") - _accumulate(1, rows, 1)),
                draw=lambda size, rng, rows, t: (rows - 2) * _added(size, rng, 1, rows, t),
                sd=lambda rows, t: (rows - 2) * pooled_moments((rows,) * t, added=True)[1],
                cases=({"rows": 6, "t": 3}, {"rows": 9, "t": 6}),
                size=120_000,
                mutants={"one design": lambda rows, t: math.fsum(1 / i**2 for i in range(2, t + 1))},
            ),
            Sampled(
                label="the same, many coefficients, far from isotropic",
                predict=lambda d, rows, t: (rows - d - 1) / d * (_accumulate(d, rows, t, "fresh") - d / (rows - d - 1)),
                draw=lambda size, rng, d, rows, t: (rows - d - 1) / d * _added(size, rng, d, rows, t),
                # given the designs, the covariance of what is added is below that of the first fit
                sd=lambda d, rows, t: (rows - d - 1) / d * math.sqrt(fourth(d, rows)),
                cases=({"d": 10, "rows": 20, "t": 4},),
                size=240_000,
                mutants={"one design": lambda d, rows, t: math.fsum(1 / i**2 for i in range(2, t + 1))},
            ),
        ),
        tags=("regression", "accumulate", "erratum"),
    ),
)
