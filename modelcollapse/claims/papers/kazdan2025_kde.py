"""Kazdan et al. (2025) and Borji (2024): kernel density estimates refitted to their own samples.

Refitting a kernel density estimate adds the variance of the kernel in every generation: it spreads instead of
collapsing, without bound under replace and logarithmically under accumulate. The published sweeps show that; the second
moments behind them are exact.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import Accumulate, Replace, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _chain(size, rng, n, t, factor):
    """Training sets (size, n) of generation t; the bandwidth is a number, or a function of the sd of a set."""
    x = rng.standard_normal((size, n))
    rows = np.arange(size)[:, None]
    for _ in range(t - 1):
        width = factor(x.std(axis=1)) if callable(factor) else factor
        x = x[rows, rng.integers(0, n, (size, n))] + np.reshape(width, (-1, 1)) * rng.standard_normal((size, n))
    return x


def _fixed(size, rng, n, t, h):
    return _chain(size, rng, n, t, h).var(axis=1)


def _rule(size, rng, n, t, c):
    return _chain(size, rng, n, t, lambda sd: c * sd * n**-0.2).var(axis=1)


def _by_rule(n, t, c):
    return float((1 - 1 / n) * theory.kde_growth(n, c=c) ** (t - 1))


def _pooled(n, t, h):
    variance, error = theory.kde_moments(Accumulate(n=n), t, h)
    return float(variance[-1] + error[-1])


def _second_moment(run_variance, run_error):
    return float(run_variance[-1] + run_error[-1])


CLAIMS = (
    Claim(
        id="KAZ-KDE",
        title="A refitted kernel density estimate spreads",
        statement=(
            "Under replace with a fixed bandwidth h the expected variance of the training set tends to (n - 1) h^2 "
            "while its mean wanders; under accumulate the second moment grows like h^2 ln t; with a bandwidth in "
            "proportion to the standard deviation the variance is multiplied by a constant, which for Silverman's "
            "rule exceeds 1."
        ),
        formula=(
            r"E W_{t+1} = \Big(1-\frac1n\Big)(E W_t + h^2), \qquad "
            r"\text{rule: factor } \Big(1-\frac1n\Big)\big(1 + c^2 n^{-2/5}\big)"
        ),
        assumptions="Gaussian kernel, one dimension, variances with divisor n, a truth of variance 1.",
        source=("kazdan2025",),
        locus="kernel density experiments; the moments are derived",
        kind=Kind.EXACT,
        theory=(
            theory.kde_variance_replace,
            theory.kde_variance_limit,
            theory.kde_second_moment_replace,
            theory.kde_second_moment_accumulate,
            theory.kde_mean_error_replace,
            theory.kde_growth,
            theory.kde_moments,
        ),
        simulation="Resample a training set with replacement and add normal noise, literally.",
        checks=(
            Sampled(
                label="variance of the training set, fixed bandwidth",
                predict=lambda n, t, h: float(theory.kde_variance_replace(n, t, bandwidth=h)),
                draw=_fixed,
                sd=lambda n, t, h: float(theory.kde_variance_sd(n, t, h)[-1]),
                cases=({"n": 10, "t": 5, "h": 0.5}, {"n": 3, "t": 20, "h": 1.0}, {"n": 50, "t": 10, "h": 0.1}),
                size=60_000,
                mutants={
                    "divisor n - 1": lambda n, t, h: float(theory.kde_variance_replace(n, t, bandwidth=h)) * n / (n - 1)
                },
            ),
            Sampled(
                label="variance of the training set, Silverman's rule",
                predict=_by_rule,
                draw=_rule,
                sd=lambda n, t, c: float(theory.kde_variance_sd(n, t, lambda m: c * m**-0.2)[-1]),
                cases=({"n": 20, "t": 4, "c": 1.06}, {"n": 100, "t": 8, "c": 1.06}),
                size=40_000,
                mutants={"nothing happens": lambda n, t, c: 1 - 1 / n},
            ),
            Computed(
                label="accumulate: second moment of the pool, by the recursion of any regime",
                predict=lambda n, t, h: float(theory.kde_second_moment_accumulate(t, bandwidth=h)),
                other=_pooled,
                cases=({"n": 10, "t": 5, "h": 0.5}, {"n": 7, "t": 100, "h": 2.0}),
                rtol=1e-11,
                mutants={"as under replace": lambda n, t, h: float(theory.kde_second_moment_replace(t, bandwidth=h))},
            ),
            Limit(
                label="accumulate: h^2 ln t",
                value=lambda t: float(theory.kde_second_moment_accumulate(int(t), bandwidth=1.0)) - math.log(t),
                asymptote=lambda t: np.euler_gamma,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda t: 1 / t,
                name="t",
            ),
            Ordered(
                label="Silverman's rule makes the variance grow for n >= 3",
                lower=lambda n: 1.0,
                upper=lambda n: theory.kde_growth(np.asarray(n)),
                bound="lower",
                cases=({"n": (3, 4, 5, 10, 100, 10**4, 10**6, 10**9)},),
            ),
        ),
        second={
            "kernel_second_moment": lambda n, t, bandwidth, sigma: theory.kde_second_moment_replace(
                t, bandwidth=bandwidth, variance=sigma**2
            ),
            "kernel_variance": lambda n, t, bandwidth, sigma: theory.kde_variance_replace(
                n, t, bandwidth=bandwidth, variance=sigma**2
            ),
            "kernel_mean_error": lambda n, t, bandwidth, sigma: theory.kde_mean_error_replace(
                n, t, bandwidth=bandwidth, variance=sigma**2
            ),
            "kernel_variance_limit": lambda n, bandwidth: theory.kde_variance_limit(n, bandwidth=bandwidth),
            "pool_second_moment": lambda t, bandwidth, sigma: theory.kde_second_moment_accumulate(
                t, bandwidth=bandwidth, variance=sigma**2
            ),
            "data_driven_factor": lambda n, constant: theory.kde_growth(n, c=constant),
            "data_driven_variance": lambda n, t, constant, sigma: (
                sigma**2 * (1 - 1 / n) * theory.kde_growth(n, c=constant) ** (t - 1)
            ),
        },
        tags=("kernel density",),
    ),
    Claim(
        id="BORJI",
        title="Refitted kernel density estimates keep moving away in Wasserstein distance",
        statement=(
            "When a kernel density estimate is fitted and resampled again and again, its distance from the truth "
            "keeps growing: the squared Wasserstein distance is at least the squared error of the mean, whose "
            "expectation grows by h^2 per generation in the end."
        ),
        formula=r"E W_2^2(p_t, p_0) \ge E(\bar x_t)^2, \qquad E(\bar x_{t+1})^2 - E(\bar x_t)^2 \to h^2",
        assumptions="Fixed bandwidth h, replace; the reported levelling-off of the KL divergence is not checked.",
        source=("borji2024", "modelcollapse"),
        kind=Kind.EMPIRICAL,
        theory=(theory.kde_mean_error_replace, theory.kde_second_moment_replace),
        simulation="As in KAZ-KDE; the squared mean of the training set.",
        checks=(
            Limit(
                label="increments of the squared error of the mean",
                value=lambda t, n, h: float(
                    theory.kde_mean_error_replace(n, int(t) + 1, bandwidth=h)
                    - theory.kde_mean_error_replace(n, int(t), bandwidth=h)
                ),
                asymptote=lambda t, n, h: h**2,
                along=(20, 30, 40, 50, 60),
                remainder=lambda t: math.exp(-t / 2),
                name="t",
                cases=({"n": 2, "h": 0.5},),
            ),
            Computed(
                label="second moment is variance plus squared error of the mean",
                predict=lambda n, t, h: float(theory.kde_second_moment_replace(t, bandwidth=h)),
                other=lambda n, t, h: _second_moment(*theory.kde_moments(Replace(n=n), t, h)),
                cases=({"n": 10, "t": 5, "h": 0.5}, {"n": 50, "t": 300, "h": 0.1}),
                rtol=1e-10,
            ),
        ),
        tags=("kernel density", "experiment"),
    ),
)
