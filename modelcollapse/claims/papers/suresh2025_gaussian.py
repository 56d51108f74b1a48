r"""Suresh, Thangaraj and Khandavally (2025), Rate of model collapse in recursive training: the Gaussian.

Theorem 3 bounds the probability that the standard deviation is still above a level after t fits, by the expected
standard deviation and Markov's inequality; a power other than one gives a sharper bound, and the curve in the authors'
notebook is that for 0.7. The estimator is called maximum likelihood but divides by n - 1. Checked against the exact
probability, on grids of generations, and in the setting of the notebook: n = 10, level 0.1.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from modelcollapse import theory
from modelcollapse.claims.checks import Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import literal


def _exact(n, times, level):
    return theory.sd_exceeds(n, np.array(times), level=level, estimator="unbiased")


def _published(n, times, level):
    return theory.sd_exceeds_published(n, np.array(times), level=level)


def _chernoff(n, times, level, order):
    return theory.sd_exceeds_chernoff(n, np.array(times), level=level, estimator="unbiased", order=order)


def _above(size, rng, n, t, level):
    return literal(size, rng, n, t, "unbiased")[:, 1] > level


def _uncut(n, t, epsilon, sigma0):
    """Return the published bound, which theory cuts at 1: asked for at a level so high that it need not."""
    high = max(1.0, sigma0 / epsilon)
    return high * theory.sd_exceeds_published(n, t, level=high * epsilon, variance=sigma0**2)


def _uncut_chernoff(n, t, epsilon, sigma0, order):
    moment = theory.LogVarianceLaw(n, t, estimator="unbiased").log_mgf(order / 2) if t else 0.0
    return math.exp(order * math.log(sigma0 / epsilon) + moment)


#: the settings of the notebook, and a case where the walk is long
GRID = (
    {"n": 10, "times": (20, 50, 100, 150, 200), "level": 0.1},
    {"n": 100, "times": (100, 500, 1000, 2500), "level": 0.3},
)

CLAIMS = (
    Claim(
        id="SUR-T3",
        title="Probability that the standard deviation is still above a level",
        statement=(
            "The standard deviation after t fits exceeds epsilon with probability at most (sigma_0/epsilon) "
            "exp(-t/(4n-1)). A summary prints exp(-t/(4n)), which is weaker; (sigma_0/epsilon)^s M_{s/2}^t is a bound "
            "for every s > 0, sharper than both for the best s. For large t the probability is that of a normal log "
            "variance."
        ),
        formula=(
            r"P(\sigma_t > \varepsilon) \le \frac{\sigma_0}\varepsilon e^{-t/(4n-1)},\quad \le "
            r"\Big(\frac{\sigma_0}\varepsilon\Big)^s M_{s/2}^t,\quad \approx \Phi\Big(\frac{tm - "
            r"2\ln(\varepsilon/\sigma_0)}{\sqrt{tv}}\Big)"
        ),
        assumptions="One dimension, Replace, divisor n - 1 (called maximum likelihood in the paper).",
        source=("suresh2025",),
        locus="Theorem 3 and the notebook",
        kind=Kind.BOUND,
        theory=(
            theory.sd_exceeds,
            theory.sd_exceeds_published,
            theory.sd_exceeds_chernoff,
            theory.sd_exceeds_normal,
        ),
        simulation="Points drawn and fitted in the setting of the notebook: n = 10, epsilon = 0.1.",
        checks=(
            Ordered(
                label="published bound, exact probability",
                lower=_exact,
                upper=_published,
                bound="upper",
                cases=GRID,
                mutants={"n for 4 n - 1": lambda n, times, level: np.exp(-np.array(times) / n) / level},
            ),
            Ordered(
                label="why it holds: -ln c4(n) >= 1/(4n - 1)",
                lower=lambda n: 1 / (4 * np.array(n) - 1),
                upper=lambda n: -theory.log_c4(np.array(n)),
                bound="lower",
                cases=({"n": (2, 3, 10, 100, 10**4, 10**6)}, {"n": (10**3,)}),
                mutants={"4 n - 6": lambda n: 1 / (4 * np.array(n) - 6.0)},
            ),
            Ordered(
                label="the printed summary is the weaker one",
                lower=lambda n, times, level: _uncut(n, np.array(times), level, 1.0),
                upper=lambda n, times, level: np.exp(-np.array(times) / (4 * n)) / level,
                bound="upper",
                cases=GRID,
            ),
            Ordered(
                label="Chernoff bounds, exact probability",
                lower=lambda n, times, level, order: _exact(n, times, level),
                upper=_chernoff,
                bound="upper",
                cases=(
                    GRID[0] | {"order": 0.7},
                    GRID[0] | {"order": 1.0},
                    GRID[1] | {"order": 2.0},
                    GRID[1] | {"order": None},
                ),
            ),
            Ordered(
                label="the best order is at least as sharp as s = 1, and that as the published bound",
                lower=lambda n, times, level: [_chernoff(n, times, level, None), _chernoff(n, times, level, 1.0)],
                upper=lambda n, times, level: [_chernoff(n, times, level, 1.0), _published(n, times, level)],
                bound="upper",
                cases=GRID,
            ),
            Sampled(
                label="share of chains above the level, never above the bound",
                predict=lambda n, t, level: theory.sd_exceeds_published(n, t, level=level),
                draw=_above,
                side="above",
                cases=({"n": 10, "t": 111, "level": 0.1}, {"n": 10, "t": 200, "level": 0.1}),
                size=8000,
            ),
            Sampled(
                label="share of chains above the level, exact",
                predict=lambda n, t, level: theory.sd_exceeds(n, t, level=level, estimator="unbiased"),
                draw=_above,
                cases=(
                    {"n": 10, "t": 20, "level": 0.3},
                    {"n": 10, "t": 40, "level": 0.1},
                    {"n": 4, "t": 6, "level": 1.0},
                ),
                size=40000,
                mutants={"divisor n": lambda n, t, level: theory.sd_exceeds(n, t, level=level, estimator="mle")},
            ),
            Limit(
                label="Chernoff rate: (1/t) ln P, from t to 2 t",
                value=lambda t, n, level: _rate(int(t), n, level),
                asymptote=lambda t, n, level: -_best_exponent(n, 2 * math.log(level)),
                along=(50, 100, 200, 400, 800),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"n": 10, "level": 0.1}, {"n": 5, "level": 0.5}),
            ),
            Limit(
                label="normal approximation, near the middle",
                value=lambda t, n, z: theory.LogVarianceLaw(n, int(t), estimator="unbiased").sf(_at(t, n, z)),
                asymptote=lambda t, n, z: theory.sd_exceeds_normal(
                    n, int(t), level=math.exp(_at(t, n, z) / 2), estimator="unbiased"
                ),
                along=(50, 100, 200, 400, 800),
                remainder=lambda t: t**-0.5,
                name="t",
                cases=({"n": 30, "z": 0.5}, {"n": 10, "z": -1.0}),
                mutants={"mean for half of it": lambda t, n, z: special.ndtr(-2 * z)},
            ),
        ),
        second={
            "survival_bound": _uncut,
            "survival_bound_summary_as_printed": lambda n, t, epsilon, sigma0: (
                sigma0 / epsilon * math.exp(-t / (4 * n))
            ),
            "survival_chernoff": _uncut_chernoff,
            "survival_normal": lambda n, t, epsilon, sigma0: theory.sd_exceeds_normal(
                n, t, level=epsilon, estimator="unbiased", variance=sigma0**2
            ),
        },
        remark="In theory the bounds are cut at 1; the second readings are not.",
        tags=("gaussian", "bound", "replace"),
    ),
)


def _at(t, n, z):
    """Log variance z standard deviations from its mean."""
    t = int(t)
    return float(theory.log_variance_mean(n, t, estimator="unbiased") + z * math.sqrt(theory.log_variance_var(n, t)))


def _rate(t, n, level):
    """Log of P(sigma_{2t} > eps) / P(sigma_t > eps), with half the logarithm by which the prefactor sqrt(t) falls."""
    law = [theory.LogVarianceLaw(n, k, estimator="unbiased") for k in (t, 2 * t)]
    return float(law[1].logsf(2 * math.log(level)) - law[0].logsf(2 * math.log(level)) + math.log(2) / 2) / t


def _best_exponent(n, log):
    """Least of -ln M_s over s > 0: the rate of Chernoff's bound at a fixed level."""
    from scipy.optimize import minimize_scalar

    law = theory.LogVarianceLaw(n, 1, estimator="unbiased")
    return -float(
        minimize_scalar(
            lambda s: law.log_mgf(s), bounds=(1e-6, 1 - 1e-6), method="bounded", options={"xatol": 1e-12}
        ).fun
    )
