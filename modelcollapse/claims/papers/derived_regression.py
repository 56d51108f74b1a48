"""Derived here: regression loops with new rows in every generation, and the dictionary to the estimation of a mean.

Where rows with new covariates accumulate, exchangeability of the pooled rows gives an exact sum that is bounded for
every sequence of sizes. Where they are replaced by ever larger samples, the error is a sum of single fits. With one
design regression is the estimation of means of known variance. Checked by exact sums and limits, by chains with an
uneven covariance, and by literal averages.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import Accumulate, FreshReal, Replace, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.least_squares import excess, fourth, pooled_moments


def _accumulate(d, n, t):
    return theory.regression_risk_accumulate(n, t, dim=d)


def _schedule(d, sizes):
    """Accumulate with sizes of any kind."""
    return theory.regression_risk(Accumulate(tuple(sizes)), len(sizes), dim=d)[-1]


def _digamma(d, n, t):
    """Limit (t = inf) or finite sum by digamma functions of 40 digits."""
    import mpmath

    with mpmath.workdps(40):
        a = mpmath.mpf(d + 1) / n
        total = -(mpmath.psi(0, 1 - a) + mpmath.euler)
        if math.isfinite(t):
            total += mpmath.psi(0, t + 1 - a) - mpmath.psi(0, t + 1)
        return float(mpmath.mpf(d) / (d + 1) * total)


def _replaced(d, sizes):
    return theory.regression_risk_replace(sizes, len(sizes), dim=d)


def _squares(t, d, n):
    """Sizes n, 4 n, 9 n, ...: faster than linear."""
    return theory.regression_risk_replace(n * np.arange(1, int(t) + 1) ** 2, int(t), dim=d)


def _squares_limit(t, d, n):
    """Sum over i of 1/(n i^2 - d - 1), by the partial fractions of the cotangent."""
    a = math.sqrt((d + 1) / n)
    return d / n * (1 / (2 * a * a) - math.pi / (2 * a * math.tan(math.pi * a)))


def _linear(t, d, n):
    """Sizes n, 2 n, 3 n, ...: not fast enough."""
    return theory.regression_risk_multiple(n, t, dim=d) / math.log(t)


def _mean(plan, n, t):
    return theory.mean_risk(_plan(plan, n, t), t)[-1]


def _plan(plan, n, t):
    if plan == "replace":
        return Replace(n)
    if plan == "accumulate":
        return Accumulate(n)
    if plan == "multiple":
        return Replace(tuple(n * i for i in range(1, t + 1)))
    return FreshReal(n, n_real=round(float(plan) * n))


def _sums(plan, n, t):
    """Return what the statement says."""
    if plan == "replace":
        return t / n
    if plan == "accumulate":
        return math.fsum(i**-2.0 for i in range(1, t + 1)) / n
    if plan == "multiple":
        return math.fsum(1.0 / i for i in range(1, t + 1)) / n
    fresh = round(float(plan) * n) / n
    keep = (1 - fresh) ** 2
    return 1 / (n * fresh * (2 - fresh)) * (1 - keep**t) if t < 60 else 1 / (n * fresh * (2 - fresh))


def _averages(size, rng, plan, n, t):
    """Draw points of variance one about the last average, and average them: squared error after t rounds."""
    mean, total = np.zeros(size), np.zeros(size)
    for i in range(1, t + 1):
        rows = n * i if plan == "multiple" else n
        real = 0 if plan in ("replace", "accumulate", "multiple") else round(float(plan) * n)
        synthetic = rows - real if i > 1 else 0
        # the average of the noises of all points, and the share of the points whose mean is the last average
        average = rng.standard_normal(size) / math.sqrt(rows) + synthetic / rows * mean
        total += average
        mean = total / i if plan == "accumulate" else average
    return mean**2


def _one_design(d, n, t):
    """Return the sum of 1/i^2 in the place of that of fresh designs."""
    return theory.regression_risk_accumulate(n, t, dim=d, design="same")


def _tail(t):
    """Sum of 1/i^2 beyond t."""
    from scipy.special import zeta

    return zeta(2, t + 1)


CLAIMS = (
    Claim(
        id="reg-accumulate-freshX-exact",
        title="Accumulating rows with new covariates: exact, and bounded for every sequence of sizes",
        statement=(
            "If all rows are kept and every generation has new covariates, the error of pooled least squares is a sum "
            "over batches of n_i/(N_i (N_i - d - 1)), N_i the rows so far. It is below twice the error of the first "
            "fit, whatever the sizes; for equal ones the limit is a digamma function."
        ),
        formula=(
            r"R_t = \sigma^2 d \sum_{i\le t} \frac{n_i}{N_i(N_i-d-1)} \le \frac{2\sigma^2d}{n_1-d-1}; \quad n_i = n:\ "
            r"R_\infty = -\frac{\sigma^2 d}{d+1}\Big(\psi\Big(1-\frac{d+1}n\Big)+\gamma\Big)"
        ),
        assumptions="Gaussian covariates with any covariance; n_1 > d + 1; pooled least squares.",
        source=("modelcollapse", "gerstgrasser2024"),
        kind=Kind.EXACT,
        theory=(theory.regression_risk_accumulate, theory.regression_risk),
        simulation="Chains that accumulate rows with new, correlated covariates.",
        checks=(
            Computed(
                label="digamma functions of 40 digits",
                predict=_accumulate,
                other=_digamma,
                cases=(
                    {"d": 5, "n": 20, "t": 2},
                    {"d": 5, "n": 20, "t": math.inf},
                    {"d": 1, "n": 3, "t": 10**6},
                    {"d": 1000, "n": 1002, "t": math.inf},
                ),
                rtol=1e-11,
                mutants={
                    "one design": lambda d, n, t: theory.regression_risk_accumulate(n, t, dim=d, design="same"),
                },
            ),
            Ordered(
                label="twice the first fit is a bound for every sequence of sizes",
                lower=lambda d, first, rest: _schedule(d, (first, *rest)),
                upper=lambda d, first, rest: 2 * d / (first - d - 1),
                bound="upper",
                cases=(
                    {"d": 1, "first": 400, "rest": (1,) * 40_000},
                    {"d": 5, "first": 7, "rest": (1,) * 5_000},
                    {"d": 3, "first": 5, "rest": (10**6, 1, 10**3)},
                    {"d": 10, "first": 30, "rest": tuple(2**i for i in range(30))},
                ),
                mutants={"once the first fit": lambda d, first, rest: d / (first - d - 1)},
            ),
            Sampled(
                label="chains, one coefficient",
                predict=lambda d, sizes: _schedule(d, sizes),
                draw=lambda size, rng, d, sizes: excess(Accumulate(sizes), len(sizes), size, rng, d),
                sd=lambda d, sizes: pooled_moments(sizes)[1],
                cases=(
                    {"d": 1, "sizes": (8, 8, 8)},
                    {"d": 1, "sizes": (9, 1, 1, 20, 5)},
                    {"d": 1, "sizes": (40,) * 10},
                ),
                size=60000,
                mutants={"one design": lambda d, sizes: _one_design(d, sizes[0], len(sizes))},
            ),
            Sampled(
                label="chains, several coefficients",
                predict=_accumulate,
                draw=lambda size, rng, d, n, t: excess(Accumulate(n), t, size, rng, d),
                # given the designs, the covariance of the error is below twice that of the first fit
                sd=lambda d, n, t: math.sqrt(4 * fourth(d, n) - _accumulate(d, n, t) ** 2),
                cases=({"d": 5, "n": 20, "t": 2}, {"d": 10, "n": 60, "t": 6}),
                size=60000,
                mutants={"replaced": lambda d, n, t: t * d / (n - d - 1)},
            ),
        ),
        second={
            "accumulate_fresh_sizes": lambda sizes, d, variance: variance * _schedule(d, sizes),
            "accumulate_fresh_one_feature": lambda sizes: _schedule(1, sizes),
            "accumulate_fresh_equal": lambda t, d, n, variance: theory.regression_risk_accumulate(
                n, t, dim=d, noise_variance=variance
            ),
            "accumulate_fresh_limit": lambda d, n, variance: theory.regression_risk_accumulate(
                n, math.inf, dim=d, noise_variance=variance
            ),
            "accumulate_fresh_bound": lambda sizes, d, variance: 2 * variance * d / (sizes[0] - d - 1),
        },
        tags=("regression", "accumulate"),
    ),
    Claim(
        id="reg-replace-schedule",
        title="Replacing by ever larger samples: bounded iff the sum of 1/n_i is finite",
        statement=(
            "With new covariates and n_i rows in generation i the error is the sum of those of single fits. It stays "
            "bounded if and only if the sum of 1/n_i converges: samples must grow faster than linearly."
        ),
        formula=(
            r"R_t = \sigma^2 d\sum_{i\le t}\frac1{n_i-d-1}, \qquad "
            r"\sup_t R_t < \infty \iff \sum_i \frac1{n_i} < \infty"
        ),
        assumptions="Gaussian covariates with any covariance, all n_i > d + 1.",
        source=("modelcollapse", "xuhecheng2025"),
        kind=Kind.EXACT,
        theory=(theory.regression_risk_replace, theory.regression_risk_sd),
        simulation="Chains whose samples grow.",
        checks=(
            Computed(
                label="the risk of the regime, step by step",
                predict=_replaced,
                other=lambda d, sizes: theory.regression_risk(Replace(sizes), len(sizes), dim=d)[-1],
                cases=({"d": 4, "sizes": (10, 20)}, {"d": 30, "sizes": tuple(range(32, 400))}),
                mutants={"n_i - d": lambda d, sizes: math.fsum(d / (n - d) for n in sizes)},
            ),
            Limit(
                label="quadratic growth: the partial fractions of the cotangent",
                value=_squares,
                asymptote=_squares_limit,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"d": 4, "n": 10}, {"d": 1, "n": 3}),
            ),
            Limit(
                label="linear growth: ln t",
                value=_linear,
                asymptote=lambda t, d, n: d / n,
                along=(1e6, 1e8, 1e10, 1e12, 1e14),
                remainder=lambda t: 1 / math.log(t),
                name="t",
                cases=({"d": 4, "n": 10},),
            ),
            Sampled(
                label="chains whose samples grow",
                predict=_replaced,
                draw=lambda size, rng, d, sizes: excess(Replace(sizes), len(sizes), size, rng, d),
                sd=lambda d, sizes: theory.regression_risk_sd(sizes, len(sizes), dim=d),
                cases=(
                    {"d": 4, "sizes": (10, 20)},
                    {"d": 12, "sizes": tuple(20 * i**2 for i in range(1, 12))},
                    {"d": 20, "sizes": (500, 30, 400, 30)},
                ),
                size=60000,
                mutants={"the order of the sizes": lambda d, sizes: len(sizes) * d / (sizes[0] - d - 1)},
            ),
        ),
        second={
            "replace_schedule": lambda sizes, d, variance: theory.regression_risk_replace(
                sizes, len(sizes), dim=d, noise_variance=variance
            )
        },
        tags=("regression", "replace", "schedule"),
    ),
    Claim(
        id="reg-same-as-mean-estimation",
        title="Regression with one design is the estimation of a mean of known variance",
        statement=(
            "The squared error of a Gaussian mean of known variance is t/n where samples are replaced, the sum of "
            "1/i^2 over n where they accumulate, the harmonic sum over n where t n points come from the last model, "
            "and tends to 1/(n f (2 - f)) with a fixed share f of fresh real points. Accumulating for ever is as good "
            "as the share 1 - sqrt(1 - 6/pi^2), about 0.374."
        ),
        formula=(
            r"\frac{t\sigma^2}n,\quad \frac{\sigma^2}n\sum_{i\le t}\frac1{i^2},\quad "
            r"\frac{\sigma^2}n\sum_{i\le t}\frac1i,\quad \frac{\sigma^2}{nf(2-f)}"
        ),
        assumptions="Error per coordinate; generation 1 is fitted to n real points.",
        source=("modelcollapse", "gerstgrasser2024"),
        kind=Kind.EXACT,
        theory=(theory.mean_risk,),
        simulation="Averages of averages, round by round.",
        checks=(
            Computed(
                label="the four sums",
                predict=_sums,
                other=_mean,
                cases=(
                    {"plan": "accumulate", "n": 10, "t": 20},
                    {"plan": 0.5, "n": 10, "t": 8},
                    {"plan": "multiple", "n": 7, "t": 15},
                    {"plan": "replace", "n": 3, "t": 50},
                    {"plan": 0.25, "n": 12, "t": 200},
                ),
                mutants={"two generations back": lambda plan, n, t: _sums(plan, n, t) + 1 / n},
            ),
            Computed(
                label="one design: the same numbers in units of one fit",
                predict=lambda plan, t: _sums(plan, 1, t),
                other=lambda plan, t: (
                    (9 - 4 - 1) / 4 * theory.regression_risk(_plan(plan, 9, t), t, dim=4, design="same")[-1]
                ),
                cases=({"plan": "accumulate", "t": 12}, {"plan": "multiple", "t": 9}, {"plan": "replace", "t": 30}),
            ),
            Computed(
                label="the share that equals accumulation",
                predict=lambda f: 1 / (f * (2 - f)),
                other=lambda f: theory.mean_risk(Accumulate(1), 3000)[-1] + float(_tail(3000)),
                cases=({"f": 1 - math.sqrt(1 - 6 / math.pi**2)},),
                rtol=1e-10,
            ),
            Sampled(
                label="averages of averages",
                predict=_mean,
                draw=_averages,
                sd=lambda plan, n, t: math.sqrt(2) * _sums(plan, n, t),
                skewness=math.sqrt(8),
                cases=(
                    {"plan": "accumulate", "n": 10, "t": 5},
                    {"plan": 0.5, "n": 10, "t": 6},
                    {"plan": "multiple", "n": 7, "t": 8},
                    {"plan": "replace", "n": 3, "t": 20},
                ),
                size=300_000,
                mutants={"one round": lambda plan, n, t: 1 / n},
            ),
        ),
        second={
            "mean_replace": lambda t, n, variance: theory.mean_risk(Replace(n), t, variance=variance)[-1],
            "mean_accumulate": lambda t, n, variance: theory.mean_risk(Accumulate(n), t, variance=variance)[-1],
            "mean_replace_multiple": lambda t, n, variance: theory.mean_risk(
                _plan("multiple", n, t), t, variance=variance
            )[-1],
            "mean_fresh_fraction": lambda fresh, n, variance: variance / (n * fresh * (2 - fresh)),
            "fresh_fraction_like_accumulation": lambda: 1 - math.sqrt(1 - 6 / math.pi**2),
        },
        tags=("regression", "mean"),
    ),
)
