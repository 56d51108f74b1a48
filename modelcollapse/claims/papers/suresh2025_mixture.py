"""Suresh, Thangaraj and Khandavally (2025): a symmetric mixture of two Gaussians.

A bound for the probability that the common standard deviation is still above a level, for the approximate joint
estimate of their Algorithm 1. It is loose, as bounds of this kind are; the check simulates the loop with that very
estimator.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Sampled
from modelcollapse.claims.claim import Claim, Kind


def _above(size, rng, n, t, epsilon):
    """Whether the standard deviation of generation t is above epsilon; the truth has mean 1 and sd 1."""
    mean, variance = np.ones(size), np.ones(size)
    for _ in range(t):
        sign = rng.integers(0, 2, (size, n)) * 2 - 1
        x = mean[:, None] * sign + np.sqrt(variance)[:, None] * rng.standard_normal((size, n))
        mean, variance = theory.symmetric_mixture_approximate(x)
    return np.sqrt(variance) > epsilon


def _fit(x):
    mean, variance = theory.symmetric_mixture_approximate(x)
    return np.array([float(mean), math.sqrt(float(variance))])


CLAIMS = (
    Claim(
        id="SUR-T4",
        title="Two symmetric components: the sd falls at least as exp(-t/(4n)) in probability",
        statement=(
            "With components at plus and minus mu and a common sigma, refitted by the approximate joint maximum "
            "likelihood of Algorithm 1, the probability that sigma is above epsilon after t fits is at most "
            "(sigma_0/epsilon) exp(-t/(4n))."
        ),
        formula=r"P(\sigma_t > \varepsilon) \le \frac{\sigma_0}{\varepsilon}\,e^{-t/(4n)}",
        assumptions="Equal weights, replace, n points per generation, Algorithm 1.",
        source=("suresh2025",),
        locus="Theorem 4, Algorithm 1",
        kind=Kind.BOUND,
        theory=(theory.symmetric_mixture_bound, theory.symmetric_mixture_approximate),
        simulation="The loop with Algorithm 1; whether the t-th standard deviation is above epsilon.",
        checks=(
            Sampled(
                label="share of chains above epsilon",
                predict=lambda n, t, epsilon: float(theory.symmetric_mixture_bound(epsilon, n, t)),
                draw=_above,
                cases=(
                    {"n": 10, "t": 100, "epsilon": 0.1},
                    {"n": 10, "t": 200, "epsilon": 0.1},
                    {"n": 4, "t": 30, "epsilon": 0.3},
                ),
                side="above",
                size=8000,
            ),
        ),
        second={
            "mixture_survival_bound": lambda n, t, epsilon, sigma0: sigma0 / epsilon * math.exp(-t / (4 * n)),
            "approximate_fit": _fit,
        },
        remark="The last case of Algorithm 1 cannot occur: no n numbers have a mean square above n squared means.",
        tags=("mixture",),
    ),
)
