r"""Gillman et al. (2024), Self-correcting self-consuming loops for generative model training.

Before it is used, a synthetic sample is corrected: with weight :math:`\gamma` it is as good as one of the best model.
That widens the condition of Bertrand et al. and divides the error by :math:`1+\gamma` in every round. Checked where the
factor is known, and on the toy of the authors' code, a Gaussian of two dimensions.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.bertrand2024 import misfit, retrained, true_factor

SHARES = np.array([1e-6, 1e-3, 0.1, 0.3, 0.6, 0.9, 0.99, 0.9999])

#: of the toy: real points, and points that are added in every generation
REAL, ADDED = 50, 25


def _allowed(scale, correction):
    return SHARES * theory.stability_ratio_bound(misfit(scale), correction)


def _toy_error(correction, t):
    """Mean squared error of a coordinate of the mean, covariance known: fits of all points, 25 more per generation."""
    share, square = correction / (1 + correction), 1 / REAL
    for generation in range(1, t):
        n = REAL + ADDED * (generation - 1)
        kept = n + ADDED * (1 - share)
        square = (kept**2 * square + ADDED * (1 + share * (1 - share) * square)) / (n + ADDED) ** 2
    return square


def _toy_means(size, rng, correction, t):
    """Squared error of the mean of the toy, covariance known, averaged over both coordinates; sums are drawn."""
    share = correction / (1 + correction)
    total = math.sqrt(REAL) * rng.standard_normal((size, 2))
    for generation in range(1, t):
        n = REAL + ADDED * (generation - 1)
        own = rng.binomial(ADDED, 1 - share, size)
        total = total + own[:, None] * total / n + math.sqrt(ADDED) * rng.standard_normal((size, 2))
    return np.square(total / (REAL + ADDED * (t - 1))).mean(axis=1)


def _toy_distances(size, rng, correction, t):
    """Wasserstein distance from the truth of the first and of the t-th fit of the toy, mean and covariance refitted."""
    share, points = correction / (1 + correction), rng.standard_normal((size, REAL, 2))
    out = []
    for generation in range(1, t + 1):
        mean = points.mean(axis=1)
        off = points - mean[:, None]
        cov = np.einsum("rni,rnj->rij", off, off) / points.shape[1]
        if generation in (1, t):
            roots = np.sqrt(np.maximum(np.linalg.eigvalsh(cov), 0.0))
            out.append(np.sqrt(np.square(mean).sum(axis=1) + np.square(roots - 1).sum(axis=1)))
        right = rng.random((size, ADDED, 1)) < share
        noise = rng.standard_normal((size, ADDED, 2))
        own = mean[:, None] + noise @ np.linalg.cholesky(cov).mT
        points = np.concatenate([points, np.where(right, noise, own)], axis=1)
    return np.array(out)


def _grown(size, rng, correction, t):
    first, last = _toy_distances(size, rng, correction, t)
    return last > first


CLAIMS = (
    Claim(
        id="gillman-correction",
        title="Correcting the samples widens the stable range and speeds it up",
        statement=(
            "If synthetic samples are corrected towards the best model with strength gamma, the retraining map "
            "contracts for lambda (1 + L eps/alpha) < (1+gamma)/(2+gamma). For a model that contains the truth the "
            "error shrinks by lambda/((1+lambda)(1+gamma)) per round. In the toy of the code the distance from the "
            "truth rises without correction and falls with gamma = 1."
        ),
        formula=(
            r"\pi_\gamma p_\theta = \frac{p_\theta+\gamma p_{\theta^*}}{1+\gamma}, \qquad \text{rate} \le "
            r"\frac{a/(1+\gamma)}{1-a}, \quad a = \lambda\Big(1+\frac{L\varepsilon}\alpha\Big); \qquad "
            r"\varepsilon=0:\ \frac{\lambda}{(1+\lambda)(1+\gamma)}"
        ),
        assumptions="As for Bertrand et al.; infinite samples, except in the toy (50 real points, 25 added each time).",
        source=("gillman2024", "bertrand2024"),
        locus="Theorem 4.3; toy of the authors' code",
        kind=Kind.BOUND,
        theory=(theory.bertrand_rate, theory.stability_ratio_bound, theory.retraining_factor),
        simulation="The two-dimensional toy, with known and with refitted covariance.",
        checks=(
            Computed(
                label="slope of the corrected map of a wrong model, by refitting it",
                predict=lambda ratio, scale, correction: true_factor(ratio, scale, correction),
                other=lambda ratio, scale, correction: (
                    (retrained(ratio, scale, 1e-3, correction) - retrained(ratio, scale, -1e-3, correction)) / 2e-3
                ),
                cases=(
                    {"ratio": 1.0, "scale": 1.0, "correction": 1.0},
                    {"ratio": 0.4, "scale": 1.5, "correction": 3.0},
                ),
                rtol=1e-6,
                mutants={"not corrected": lambda ratio, scale, correction: true_factor(ratio, scale)},
            ),
            Computed(
                label="the exact factor",
                predict=lambda ratio, correction: theory.retraining_factor(ratio, correction),
                other=lambda ratio, correction: true_factor(ratio, 1.0, correction),
                cases=({"ratio": 1.0, "correction": 1.0}, {"ratio": 30.0, "correction": 0.2}),
                rtol=1e-9,
            ),
            Ordered(
                label="published rate and true factor, wrong model",
                lower=lambda scale, correction: true_factor(_allowed(scale, correction), scale, correction),
                upper=lambda scale, correction: theory.bertrand_rate(
                    _allowed(scale, correction), misfit(scale), correction
                ),
                bound="upper",
                cases=(
                    {"scale": 1.0, "correction": 1.0},
                    {"scale": 1.5, "correction": 0.3},
                    {"scale": 0.3, "correction": 10.0},
                ),
                mutants={
                    "distance forgotten": lambda scale, correction: theory.bertrand_rate(
                        _allowed(scale, correction), 0.0, correction
                    )
                },
            ),
            Limit(
                label="perfect correction allows one synthetic point per real one",
                value=lambda n: theory.stability_ratio_bound(0.0, n),
                asymptote=lambda n: 1.0,
                along=(10, 20, 40, 80, 160),
                remainder=lambda n: 1 / n,
                name="gamma",
                mutants={"one half": lambda n: 0.5},
            ),
            Sampled(
                label="toy with known covariance: error of the mean",
                predict=_toy_error,
                draw=_toy_means,
                sd=lambda correction, t: 1.1 * _toy_error(correction, t),
                skewness=2.2,
                cases=({"correction": 0.0, "t": 10}, {"correction": 1.0, "t": 10}),
                size=40000,
                mutants={"the other strength": lambda correction, t: _toy_error(1 - correction, t)},
            ),
            Ordered(
                label="that error rises without correction and falls with it",
                lower=lambda lesser, greater: _toy_error(*lesser),
                upper=lambda lesser, greater: _toy_error(*greater),
                bound="upper",
                cases=(
                    {"lesser": (0.0, 1), "greater": (0.0, 10)},
                    {"lesser": (1.0, 10), "greater": (1.0, 1)},
                ),
            ),
            Sampled(
                label="toy with refitted covariance: the distance grows in most runs without correction",
                predict=lambda correction, t: 0.5,
                draw=_grown,
                side="below",
                cases=({"correction": 0.0, "t": 30},),
                size=1000,
            ),
            Sampled(
                label="and shrinks in most runs with it",
                predict=lambda correction, t: 0.5,
                draw=_grown,
                side="above",
                cases=({"correction": 1.0, "t": 30},),
                size=1000,
            ),
        ),
        second={
            "gillman_rate": lambda ratio, concavity, lipschitz, misfit, correction: theory.bertrand_rate(
                ratio, lipschitz * misfit / concavity, correction
            ),
            "gillman_threshold": lambda concavity, lipschitz, misfit, correction: theory.stability_ratio_bound(
                lipschitz * misfit / concavity, correction
            ),
            "corrected_factor_measured": lambda ratio, correction, real, start: theory.retraining_factor(
                ratio, correction
            ),
        },
        tags=("stability", "real data", "correction"),
    ),
)
