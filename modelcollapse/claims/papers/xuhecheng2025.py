r"""Xu, He and Cheng (2025), A probabilistic perspective on model collapse: how fast must samples grow?

With a fixed sample size collapse is certain; with unbiased estimation sizes of order t^(1+s), s > 0, are needed, and
faster ones when the estimate is biased. For a Gaussian the log variance is a random walk whose total drift and scatter
are finite exactly if the sum of 1/n_t is. A bias of order 1/sqrt(n) asks for the sum of 1/sqrt(n_t) instead, that is
for more than quadratic growth; one of order 1/n, that of maximum likelihood, asks for nothing more. Checked by exact
products at growing times, and by chains.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import chains


def _sizes(c, power, t):
    return tuple(max(2, math.ceil(c * i**power)) for i in range(1, t + 1))


def _product(c, power, t):
    """Product of 1 - 1/(c i^power) up to t."""
    i = np.arange(1.0, t + 1)
    return float(np.exp(np.log1p(-1 / (c * i**power)).sum()))


def _log_mean(c, power, t, estimator):
    return theory.log_variance_mean(_sizes(c, power, t), t, estimator=estimator)


def _biased(size, rng, b, power, t):
    """Variances of unbiased fits that are shrunk by 1 - b/sqrt(n_i) each, n_i = i^power and at least 2."""
    sizes = np.array(_sizes(1.0, power, t))
    log = np.zeros(size)
    for n in sizes:
        log += np.log(rng.chisquare(n - 1, size) / (n - 1)) + math.log1p(-b / math.sqrt(n))
    return np.exp(log)


def _biased_mean(b, power, t):
    return math.prod(1 - b / math.sqrt(n) for n in _sizes(1.0, power, t))


def _biased_sd(b, power, t):
    return _biased_mean(b, power, t) * math.sqrt(theory.relative_variance(_sizes(1.0, power, t), t))


CLAIMS = (
    Claim(
        id="XHC",
        title="Fixed samples collapse for certain; sizes must grow like t^(1+s), faster under a bias",
        statement=(
            "With a fixed sample size the model collapses with probability one. Unbiased estimation needs sizes of "
            "order t^(1+s) with s > 0; when the estimate carries a substantial bias they must grow faster still."
        ),
        formula=(
            r"n_t \asymp t^{1+s},\ s > 0:\quad \prod_i\Big(1 - \frac1{n_i}\Big) > 0 \iff \sum_i\frac1{n_i} < \infty"
        ),
        assumptions="Gaussian, Replace with growing sizes; a substantial bias is read as one of order 1/sqrt(n).",
        source=("xuhecheng2025",),
        locus="abstract; the Gaussian case derived",
        kind=Kind.ASYMPTOTIC,
        theory=(
            theory.collapses,
            theory.power_schedule_retained,
            theory.linear_schedule_retained,
            theory.sd_exceeds,
            theory.log_variance_mean,
        ),
        simulation="Chains with fixed and with growing sizes; fits that are shrunk on purpose.",
        checks=(
            Sampled(
                label="fixed size: share of chains whose sd is above a hundredth",
                predict=lambda n, t: theory.sd_exceeds(n, t, level=0.01, estimator="unbiased"),
                draw=lambda size, rng, n, t: chains("log_variance", size, rng, n, t, "unbiased") > 2 * math.log(0.01),
                cases=({"n": 10, "t": 80}, {"n": 30, "t": 300}),
                size=20000,
            ),
            Limit(
                label="t^(1+s) is enough: what is retained for ever",
                value=lambda t, c, s: _product(c, 1 + s, int(t)),
                asymptote=lambda t, c, s: theory.power_schedule_retained(c, 1 + s),
                along=(100, 400, 1600, 6400, 25_600, 102_400),
                remainder=lambda t: t**-0.5,
                name="t",
                cases=({"c": 5.0, "s": 0.5}, {"c": 2.0, "s": 1.0}),
                mutants={"linear": lambda t, c, s: theory.linear_schedule_retained(c, int(t))},
            ),
            Limit(
                label="s = 0 is not: what is retained falls like a power",
                value=lambda t, c: _product(c, 1.0, int(t)),
                asymptote=lambda t, c: t ** (-1 / c) / math.gamma(1 - 1 / c),
                along=(50, 100, 200, 400, 800),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"c": 2.0}, {"c": 20.0}),
            ),
            Ordered(
                label="s > 0 always retains something, and ever less as s goes to zero",
                lower=lambda c: [0.0, *(theory.power_schedule_retained(c, 1 + s) for s in (0.05, 0.1, 0.2, 0.5))],
                upper=lambda c: [theory.power_schedule_retained(c, 1 + s) for s in (0.05, 0.1, 0.2, 0.5, 1.0)],
                bound="upper",
                cases=({"c": 2.0}, {"c": 50.0}),
            ),
            Sampled(
                label="log variance of chains with growing sizes",
                predict=_log_mean,
                draw=lambda size, rng, c, power, t, estimator: chains(
                    "log_variance", size, rng, _sizes(c, power, t), t, estimator
                ),
                sd=lambda c, power, t, estimator: math.sqrt(theory.log_variance_var(_sizes(c, power, t), t)),
                cases=(
                    {"c": 3.0, "power": 1.5, "t": 60, "estimator": "unbiased"},
                    {"c": 3.0, "power": 1.0, "t": 60, "estimator": "mle"},
                ),
                size=60000,
                mutants={"fixed size": lambda c, power, t, estimator: _log_mean(c, 0.0, t, estimator)},
            ),
            Limit(
                label="bias of order 1/sqrt(n): quadratic growth is not enough",
                value=lambda t, b: _product(1 / b, 1.0, int(t)),
                asymptote=lambda t, b: t**-b / math.gamma(1 - b),
                along=(50, 100, 200, 400, 800),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"b": 0.5}, {"b": 0.1}),
            ),
            Limit(
                label="bias of order 1/sqrt(n): cubic growth is",
                value=lambda t, b: _product(1 / b, 1.5, int(t)),
                asymptote=lambda t, b: theory.power_schedule_retained(1 / b, 1.5),
                along=(100, 400, 1600, 6400, 25_600, 102_400),
                remainder=lambda t: t**-0.5,
                name="t",
                cases=({"b": 0.5}, {"b": 0.1}),
            ),
            Sampled(
                label="mean variance of fits with that bias",
                predict=_biased_mean,
                draw=_biased,
                sd=_biased_sd,
                cases=({"b": 0.3, "power": 2.0, "t": 30}, {"b": 0.3, "power": 3.0, "t": 30}),
                size=100_000,
                mutants={"no bias": lambda b, power, t: 1.0},
            ),
        ),
        remark="The wording is that of the abstract; the paper's theorem covers general parametric models.",
        tags=("gaussian", "schedule", "replace"),
    ),
)
