r"""Bertrand et al. (2024), On the stability of iterative retraining: the fully synthetic Gaussian.

The warning that opens the paper: without real data the expected standard deviation goes to zero at least geometrically.
Suresh et al. restate it as an equality with the factor c4(n), which is the sharp value. Checked by central binomial
coefficients and by points that are drawn and fitted. (The stability theorem is another claim.)
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import chains, literal


def _sd(n, t):
    return theory.expected_sd(n, t, estimator="unbiased")


def _factor_by_binomials(n):
    """Ratio of gamma functions half an integer apart: a rational number up to the root of pi."""
    k = (n - 1) // 2
    central = math.comb(2 * k, k)
    if n % 2:
        return math.sqrt(2 * math.pi / (n - 1)) * float(Fraction(k * central, 4**k))
    return math.sqrt(2 / (n - 1) / math.pi) * float(Fraction(4**k, central))


def _sd_sd(n, t):
    return float(theory.sd_of_sd(n, t, estimator="unbiased"))


def _axes(size, rng, n, t, dim):
    """Standard deviations along the axes, from the identity."""
    cov = chains("cov", size, rng, n, t, "unbiased", np.eye(dim))
    return np.sqrt(np.diagonal(cov, axis1=1, axis2=2))


CLAIMS = (
    Claim(
        id="BERT",
        title="Without real data the expected standard deviation falls geometrically, by the factor c4(n)",
        statement=(
            "Refitted to its own samples alone, a Gaussian has an expected standard deviation of at most alpha^t times "
            "the true one, with alpha(n) < 1. In one dimension this is an equality with alpha = "
            "E sqrt(chi^2_{n-1})/sqrt(n-1) = c4(n), and so it is for the standard deviation along every axis."
        ),
        formula=(
            r"E\sqrt{\Sigma_t} \le \alpha^t\sqrt{\Sigma_0},\qquad E\sigma_t = \alpha^t\sigma_0,\ \alpha = "
            r"E\sqrt{\chi^2_{n-1}}/\sqrt{n-1}"
        ),
        assumptions="Replace, unbiased, n >= 2.",
        source=("bertrand2024", "suresh2025"),
        locus="fully synthetic loop; equality: Suresh et al. and their code",
        kind=Kind.EXACT,
        theory=(theory.c4, theory.expected_sd, theory.sd_exceeds_chernoff),
        simulation="Points drawn and fitted; chains in one and more dimensions.",
        checks=(
            Computed(
                label="the factor, by central binomial coefficients",
                predict=lambda n: theory.c4(n),
                other=_factor_by_binomials,
                cases=({"n": 10}, {"n": 2}, {"n": 3}, {"n": 2001}),
                rtol=1e-12,
                mutants={"first order": lambda n: 1 - 1 / (4 * n)},
            ),
            Sampled(
                label="mean standard deviation of points that are drawn",
                predict=_sd,
                draw=lambda size, rng, n, t: literal(size, rng, n, t, "unbiased")[:, 1],
                sd=_sd_sd,
                cases=({"n": 10, "t": 3}, {"n": 3, "t": 2}),
                size=60000,
                mutants={"divisor n": lambda n, t: theory.expected_sd(n, t, estimator="mle")},
            ),
            Sampled(
                label="mean standard deviation along the axes, three dimensions",
                predict=lambda n, t: np.full(3, _sd(n, t)),
                draw=lambda size, rng, n, t: _axes(size, rng, n, t, 3),
                sd=_sd_sd,
                cases=({"n": 20, "t": 10},),
                size=60000,
            ),
            Ordered(
                label="alpha is below one for every n, and near it for many points",
                lower=lambda n: theory.c4(n),
                upper=lambda n: 1.0 - 1 / (4 * np.asarray(n)),
                bound="upper",
                cases=({"n": (2, 3, 5, 10, 100, 10**4)},),
            ),
            Limit(
                label="one minus alpha for many points",
                value=lambda n: -math.expm1(theory.log_c4(n)),
                asymptote=lambda n: 1 / (4 * n),
                along=(50, 100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                mutants={"half": lambda n: 1 / (2 * n)},
            ),
        ),
        second={
            "shrinking_factor": lambda n: theory.c4(n),
            "expected_sigma_unbiased": lambda n, t, sigma0: sigma0 * _sd(n, t),
        },
        tags=("gaussian", "replace", "bound"),
    ),
)
