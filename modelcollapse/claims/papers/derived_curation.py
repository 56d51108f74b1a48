r"""Truncation selection: keep the top fraction, refit, again and again.

Known from quantitative genetics: selection lives on the variance that it uses up. The gain is a geometric series with a
finite sum, the diversity goes to zero. Checked by quadrature, by rejection, and by runs of selected Gaussians.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _tail_moments(q):
    """Mean and variance of the kept part of a standard normal law, by quadrature over the quantiles."""
    from scipy.special import ndtri

    # the share v of the largest has the quantile -ndtri(v); it is smooth in s = -log(v/q)
    nodes, weights = np.polynomial.legendre.leggauss(30)
    s = (np.arange(0, 60, 0.5)[:, None] + 0.25 + 0.25 * nodes).ravel()
    w = np.tile(0.25 * weights, 120) * np.exp(-s)
    x = -ndtri(q * np.exp(-s))
    mean = w @ x
    return np.array([mean, w @ (x - mean) ** 2])


def _kept(q):
    return np.array([theory.selection_intensity(q), theory.selection_variance_factor(q)])


def _selected(size, rng, q, t):
    """Draw from model t by rejection: points beyond the threshold of model t - 1, mean and sd by quadrature."""
    from scipy.special import ndtri

    threshold, mean, sd = -float(ndtri(q)), 0.0, 1.0
    moments = _tail_moments(q)
    for _ in range(t - 1):
        mean, sd = mean + sd * moments[0], sd * math.sqrt(moments[1])
    out = np.empty(0)
    while len(out) < size:
        x = mean + sd * rng.standard_normal(int(2 * size / q) + 10)
        out = np.concatenate([out, x[x > mean + sd * threshold]])
    return out[:size]


def _gain(q, t):
    return theory.selection_trajectory(q, t)[0]


def _gain_sd(q, t):
    return theory.selection_trajectory(q, t)[1]


def _batches(size, rng, q, n):
    """Keep the best q n of n normal points; their mean."""
    keep = round(q * n)
    step = max(1, 1_000_000 // n)
    parts = [
        np.partition(rng.standard_normal((min(step, size - done), n)), n - keep, axis=1)[:, n - keep :].mean(axis=1)
        for done in range(0, size, step)
    ]
    return np.concatenate(parts)


def _series(q, rounds=400):
    """Add the gains of many rounds."""
    moments = _tail_moments(q)
    return moments[0] * math.fsum(math.sqrt(moments[1]) ** j for j in range(rounds))


CLAIMS = (
    Claim(
        id="truncation-selection-gaussian",
        title="Keeping the best gains a finite amount and uses up the diversity",
        statement=(
            "If the top fraction q of infinitely many samples is kept and a Gaussian refitted, the mean rises by i "
            "standard deviations per round and the variance is multiplied by k < 1: all gains together are i/(1 - "
            "sqrt k) first standard deviations."
        ),
        formula=(
            r"i = \frac{\varphi(z)}q,\ z = \Phi^{-1}(1-q), \quad k = 1-i(i-z), \qquad "
            r"\mu_\infty = \mu_0+\frac{i\sigma_0}{1-\sqrt k}"
        ),
        assumptions="Infinite samples; the trait itself is selected on.",
        source=("modelcollapse",),
        kind=Kind.EXACT,
        theory=(
            theory.selection_intensity,
            theory.selection_variance_factor,
            theory.selection_trajectory,
            theory.selection_total_gain,
        ),
        simulation="Points beyond the threshold, by rejection; the best of finite batches.",
        checks=(
            Computed(
                label="what is kept, by quadrature over quantiles",
                predict=_kept,
                other=_tail_moments,
                cases=({"q": 0.3}, {"q": 0.01}, {"q": 0.9}, {"q": 1e-6}),
                rtol=1e-9,
                mutants={"k = 1 - i^2": lambda q: np.array([1, 0]) * _kept(q) + np.array([0, 1 - _kept(q)[0] ** 2])},
            ),
            Computed(
                label="all gains together, added up",
                predict=lambda q: theory.selection_total_gain(q),
                other=_series,
                cases=({"q": 0.3}, {"q": 0.05}, {"q": 0.9}),
                rtol=1e-9,
                mutants={"1 - k": lambda q: _kept(q)[0] / (1 - _kept(q)[1])},
            ),
            Sampled(
                label="mean after t rounds",
                predict=_gain,
                draw=_selected,
                sd=_gain_sd,
                skewness=2.0,
                cases=({"q": 0.3, "t": 1}, {"q": 0.5, "t": 3}, {"q": 0.05, "t": 2}),
                size=40000,
            ),
            Sampled(
                label="squared deviation after t rounds",
                predict=lambda q, t: theory.selection_trajectory(q, t)[1] ** 2,
                draw=lambda size, rng, q, t: np.square(_selected(size, rng, q, t) - _gain(q, t)),
                sd=lambda q, t: 2.9 * theory.selection_trajectory(q, t)[1] ** 2,
                skewness=8.0,
                cases=({"q": 0.3, "t": 1}, {"q": 0.5, "t": 2}),
                size=160000,
                mutants={"nothing is used up": lambda q, t: 1.0},
            ),
            Limit(
                label="mean of the best of a finite batch",
                value=lambda n, q: _finite_intensity(int(n), q),
                asymptote=lambda n, q: theory.selection_intensity(q),
                along=(50, 100, 200, 400),
                remainder=lambda n: 1 / n,
                cases=({"q": 0.5}, {"q": 0.2}),
            ),
            Sampled(
                label="the best of finite batches",
                predict=lambda q, n: _finite_intensity(n, q),
                draw=_batches,
                sd=lambda q, n: math.sqrt(1 / (q * n)),
                skewness=1.0,
                cases=({"q": 0.2, "n": 50},),
                size=10000,
                mutants={"infinitely many": lambda q, n: theory.selection_intensity(q)},
            ),
        ),
        second={
            "selection_intensity": lambda q: theory.selection_intensity(q),
            "selection_variance_ratio": lambda q: theory.selection_variance_factor(q),
            "selection_gain": lambda q, t, sd: theory.selection_trajectory(q, t, sd=sd)[0],
            "selection_total_gain": lambda q: theory.selection_total_gain(q),
        },
        tags=("selection", "gaussian"),
    ),
)


def _finite_intensity(n, q):
    """Expected mean of the best q n of n: that of a normal tail, averaged over the beta law of its threshold."""
    from scipy.special import ndtri
    from scipy.stats import beta

    keep = round(q * n)
    # the best but one of the kept ones: 1 - uniform order statistic n - keep is Beta(keep + 1, n - keep)
    law = beta(keep + 1, n - keep)
    x, w = np.polynomial.legendre.leggauss(200)
    low, high = law.ppf(1e-14), law.isf(1e-14)
    v = (low + high) / 2 + (high - low) / 2 * x
    z = -ndtri(v)
    return float((high - low) / 2 * (w * law.pdf(v)) @ (np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) / v))
