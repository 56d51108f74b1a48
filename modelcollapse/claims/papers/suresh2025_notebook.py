"""Suresh, Thangaraj and Khandavally (2025): what their notebook says otherwise than the text.

A plotted bound that is not the one of the label, constants that are swapped, a bound that rises again, a bracket that
can be an equation. None of the theorems is wrong: the corrections are what is stated here, and what is checked.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.suresh2025 import (
    _iterates,
    _left,
    _poisson,
    _poisson_alive,
    _poisson_chain,
    _survival,
    _times,
    _upper,
)


def _vacuous(p, n):
    """Generation from which on the upper bound of Theorem 1 is one."""
    return math.ceil((1 - 3 * n * p * p) / (3 * p))


def _printed_bound(n, t, level):
    return theory.sd_exceeds_published(n, t, level=level)


def _plotted_bound(n, t, level, order=0.7):
    return theory.sd_exceeds_chernoff(n, t, level=level, estimator="unbiased", order=order)


def _chernoff(n, t, level, order):
    """E sigma_t^s / level^s by the moments of chi-square, n - 1 degrees of freedom."""
    from scipy.special import gammaln

    half = (n - 1) / 2
    log = gammaln(half + order / 2) - gammaln(half) - order / 2 * math.log(half)
    return np.minimum(1.0, np.exp(t * log - order * math.log(level)))


CLAIMS = (
    Claim(
        id="ERR-8",
        title="Suresh et al., notebook against text: which bound is plotted, and where bounds say nothing",
        statement=(
            "The bound plotted in the notebook is Chernoff's with s = 0.7, below the exp(-t/(4n-1)) of the label, and "
            "both are several times above the exact probability at n = 10, t = 100. The constants of the "
            "Zipf-Mandelbrot law are swapped between text and code, which changes the number of types left by a "
            "factor. 3/t can be sharpened to 2/(t+1). The upper bound of Theorem 1 rises again with t and ends at one. "
            "The Gaussian estimator called maximum likelihood has the divisor n - 1."
        ),
        formula=(
            r"g_t \le \frac2{t+1} \le \frac3t, \qquad "
            r"1-(1-3np^2-3tp)\,e^{-npg_t} \ge 1 \text{ from } t = \frac{1-3np^2}{3p}"
        ),
        assumptions="As in the theorems; Gaussian with divisor n - 1, true variance one.",
        source=("suresh2025",),
        kind=Kind.CORRECTION,
        theory=(
            theory.g_bounds,
            theory.survival_bounds,
            theory.sd_exceeds,
            theory.sd_exceeds_published,
            theory.sd_exceeds_chernoff,
        ),
        checks=(
            Ordered(
                label="2/(t + 1) instead of 3/t",
                lower=lambda last: _iterates()[1 : last + 1],
                upper=lambda last: 2 / (_times(last) + 1),
                bound="upper",
                cases=({"last": 1000}, {"last": 100_000}),
                mutants={"2/(t + 2)": lambda last: 2 / (_times(last) + 2)},
            ),
            Ordered(
                label="the upper bound of Theorem 1 rises: at t, and at twice t",
                lower=lambda p, n, at: 1.3 * _upper(p, n, at)[-1],
                upper=lambda p, n, at: _upper(p, n, 2 * at)[-1],
                bound="lower",
                cases=({"p": 0.01, "n": 100, "at": 12}, {"p": 0.001, "n": 10_000, "at": 150}),
            ),
            Computed(
                label="and is one from (1 - 3np^2)/(3p) on",
                predict=lambda p, n: np.ones(3),
                other=lambda p, n: _upper(p, n, _vacuous(p, n) + 2)[-3:],
                cases=({"p": 0.01, "n": 100}, {"p": 0.001, "n": 1000}),
            ),
            Ordered(
                label="where the type is there in less than one of ten",
                lower=lambda p, n: 10 * _survival(p, n, _vacuous(p, n))[-1],
                upper=lambda p, n: _upper(p, n, _vacuous(p, n))[-1],
                bound="lower",
                cases=({"p": 0.01, "n": 100}, {"p": 0.001, "n": 1000}),
            ),
            Computed(
                label="the plotted curve, by the moments of chi-square",
                predict=_plotted_bound,
                other=lambda n, t, level: _chernoff(n, t, level, 0.7),
                cases=({"n": 10, "t": 100, "level": 0.1}, {"n": 50, "t": 2000, "level": 0.01}),
                rtol=1e-10,
                mutants={
                    "the label": _printed_bound,
                    "s = 1": lambda n, t, level: _plotted_bound(n, t, level, 1.0),
                },
            ),
            Ordered(
                label="the plotted curve is below its label",
                lower=lambda n, t, level: 1.5 * _plotted_bound(n, t, level),
                upper=_printed_bound,
                bound="lower",
                cases=({"n": 10, "t": 100, "level": 0.1}, {"n": 10, "t": 150, "level": 0.1}),
            ),
            Ordered(
                label="four times the exact probability is below the plotted curve",
                lower=lambda n, t, level: 4 * theory.sd_exceeds(n, t, level=level, estimator="unbiased"),
                upper=_plotted_bound,
                bound="lower",
                cases=({"n": 10, "t": 100, "level": 0.1}, {"n": 10, "t": 120, "level": 0.1}),
            ),
            Ordered(
                label="types left with a and b swapped, half as many at most",
                lower=lambda a, b, n, t: 2 * _left(b, a, n, t),
                upper=_left,
                bound="lower",
                cases=({"a": 1.0, "b": 2.7, "n": 1000, "t": 1}, {"a": 1.0, "b": 2.7, "n": 1000, "t": 10}),
            ),
        ),
        tags=("categorical", "gaussian", "erratum"),
    ),
    Claim(
        id="ERR-28",
        title="Suresh et al., Poisson bracket of the notebook: valid, and can be an equation",
        statement=(
            "The interval printed for the probability that a Poisson model is alive contains it, and can be replaced "
            "by the exact 1 - exp(-n lambda g_t)."
        ),
        formula=r"1-e^{-n\lambda_0/t} \ \le\ P(\Lambda_t\ne0) = 1-e^{-n\lambda_0g_t} \ \le\ 1-e^{-3n\lambda_0/t}",
        assumptions="Poisson model, maximum likelihood, replace.",
        source=("suresh2025",),
        kind=Kind.CORRECTION,
        theory=(theory.poisson_survival,),
        simulation="Chains of Poisson models.",
        checks=(
            Ordered(
                label="the lower end of the bracket",
                lower=lambda rate, n, last: -np.expm1(-n * rate / _times(last)),
                upper=lambda rate, n, last: theory.poisson_survival(rate, n, last)[1:],
                bound="lower",
                cases=({"rate": 1.0, "n": 10, "last": 500}, {"rate": 10.0, "n": 10, "last": 500}),
                mutants={"2/t": lambda rate, n, last: -np.expm1(-2 * n * rate / _times(last))},
            ),
            Ordered(
                label="the upper end of the bracket",
                lower=lambda rate, n, last: theory.poisson_survival(rate, n, last)[1:],
                upper=lambda rate, n, last: -np.expm1(-3 * n * rate / _times(last)),
                bound="upper",
                cases=({"rate": 1.0, "n": 10, "last": 500}, {"rate": 10.0, "n": 10, "last": 500}),
                mutants={"1.5/t": lambda rate, n, last: -np.expm1(-1.5 * n * rate / _times(last))},
            ),
            Computed(
                label="the equation, by the chain of the sums",
                predict=_poisson,
                other=_poisson_chain,
                cases=({"rate": 0.3, "n": 10, "t": 3}, {"rate": 0.02, "n": 10, "t": 8}),
                rtol=1e-11,
                mutants={
                    "lower end": lambda rate, n, t: -math.expm1(-n * rate / t),
                    "upper end": lambda rate, n, t: -math.expm1(-3 * n * rate / t),
                },
            ),
            Sampled(
                label="rate not zero",
                predict=_poisson,
                draw=_poisson_alive,
                cases=({"rate": 0.5, "n": 10, "t": 5}, {"rate": 10.0, "n": 10, "t": 60}),
                size=40000,
                mutants={"lower end": lambda rate, n, t: -math.expm1(-n * rate / t)},
            ),
        ),
        tags=("poisson", "survival", "erratum"),
    ),
)
