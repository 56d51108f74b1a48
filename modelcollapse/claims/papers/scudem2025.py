r"""A public simulation of model collapse, and the floor that its fit gives to the standard deviation.

The repository fits A sqrt(1/(1 + t/B)) + C to the average standard deviation of a hundred chains (n = 1000, 500
generations, divisor n - 1) and calls C a residual floor. There is none: the standard deviation falls like a power of
c4(n), on average, and faster in every typical chain. A curve that falls like a root cannot follow an exponential, so
the constant is what the window makes of it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import chains
from modelcollapse.verify import Status


def _above(size, rng, n, t, floor):
    return chains("log_variance", size, rng, n, t, "unbiased") > 2 * math.log(floor)


def _curve(t, A, B, C):
    return A * np.sqrt(1 / (1 + t / B)) + C


@lru_cache(maxsize=16)
def _fit(n, generations):
    """Least squares of the curve to the exact mean standard deviation over a window."""
    from scipy.optimize import least_squares

    t = np.arange(1, generations + 1)
    exact = theory.expected_sd(n, t, estimator="unbiased")
    start = math.log(1 + exact[0]), math.log(4.0 * n), -exact[0]
    found = least_squares(
        lambda x: _curve(t, math.exp(x[0]), math.exp(x[1]), x[2]) - exact, start, xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    return float(found.x[2])


CLAIMS = (
    Claim(
        id="ERR-26",
        title="The standard deviation has no floor; a fitted one is an artefact of the curve",
        statement=(
            "The standard deviation settles at a positive residual floor: A sqrt(1/(1 + t/B)) + C with C > 0, so that "
            "a typical chain (one in two) stays above a fixed C for ever."
        ),
        formula=r"\sigma(t) = A\sqrt{\frac1{1 + t/B}} + C,\quad C > 0",
        assumptions="One dimension, Replace, divisor n - 1; C in units of the true standard deviation.",
        source=("scudem2025",),
        locus="scudem_model, fit_function",
        kind=Kind.CORRECTION,
        theory=(theory.expected_sd, theory.sd_exceeds, theory.SdLaw),
        simulation="Chains; the share whose standard deviation is above the floor.",
        checks=(
            Sampled(
                label="half of the chains stay above the floor",
                predict=lambda n, t, floor: 0.5,
                draw=_above,
                side="below",
                cases=(
                    {"n": 30, "t": 300, "floor": 0.05},
                    {"n": 10, "t": 200, "floor": 0.01},
                    {"n": 30, "t": 1000, "floor": 1e-4},
                ),
                size=4000,
            ),
            Ordered(
                label="the constant fitted to the exact mean is positive",
                lower=lambda n, generations: 0.0,
                upper=_fit,
                bound="lower",
                cases=({"n": 1000, "generations": 500}, {"n": 100, "generations": 500}),
            ),
        ),
        printed="A stable floor C of the standard deviation, read off a fit over a finite window.",
        holds=(
            "The mean falls by c4(n) per generation, every quantile goes to zero; fitted to the exact mean over the "
            "repository's window the constant is negative, so the curve would predict negative standard deviations."
        ),
        correction=(
            Sampled(
                label="share of chains above any level, exact",
                predict=lambda n, t, floor: theory.sd_exceeds(n, t, level=floor, estimator="unbiased"),
                draw=_above,
                cases=({"n": 30, "t": 200, "floor": 0.05}, {"n": 10, "t": 100, "floor": 0.01}),
                size=20000,
            ),
            Sampled(
                label="mean standard deviation",
                predict=lambda n, t: theory.expected_sd(n, t, estimator="unbiased"),
                draw=lambda size, rng, n, t: np.exp(chains("log_variance", size, rng, n, t, "unbiased") / 2),
                sd=lambda n, t: float(theory.sd_of_sd(n, t, estimator="unbiased")),
                cases=({"n": 1000, "t": 500}, {"n": 100, "t": 50}),
                size=8000,
            ),
            Limit(
                label="one chain in a hundred: its standard deviation goes to zero like the others",
                value=lambda t, n: (
                    (
                        theory.LogVarianceLaw(n, 4 * int(t), estimator="unbiased").isf(0.01)
                        - 2 * theory.LogVarianceLaw(n, int(t), estimator="unbiased").isf(0.01)
                    )
                    / (2 * t)
                ),
                asymptote=lambda t, n: theory.log_variance_mean(n, 1, estimator="unbiased"),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"n": 30}, {"n": 5}),
            ),
        ),
        expected=Status.CONTRADICTED,
        remark="Demonstrations that write the decay into the code instead of simulating it cannot be checked at all.",
        tags=("gaussian", "artefact", "erratum", "replace"),
    ),
)
