r"""Shumailov et al. (2024): how far one Gaussian is from the truth after t fits, and how fast samples must grow.

The supplement to the Nature paper gives the expected squared Wasserstein-2 distance to leading order, correctly; the
preprint gave another form, which fails from the second fit on, and a variance that fails from the first. Exact forms
exist for both moments, for any sizes. That sizes must grow faster than linearly is right, and sharp: the sum of 1/n_i
decides. Checked by exact values for many points, by moments summed term by term in many digits, and by points that are
drawn and fitted.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import chains, lag, literal, log_chi_mean, w2_squared
from modelcollapse.verify import Status

OTHER = {"mle": "unbiased", "unbiased": "mle"}
PAPER = ("shumailov2024",)


def _expected(n, t, estimator):
    return theory.expected_w2_squared(n, t, estimator=estimator)


def _variance(n, t, estimator):
    return theory.w2_squared_variance(n, t, estimator=estimator)


def _preprint(sizes):
    """Sum of 1/n_i but the last, which counts one and a half times."""
    return sum(1 / n for n in sizes[:-1]) + 1.5 / sizes[-1]


def _nature(sizes):
    return 1.5 * sum(1 / n for n in sizes)


def _preprint_variance(sizes, pairs="ordered"):
    """2/n_i^2 but for the last, where it is 3, plus 3/(n_i n_j) for every pair i != j."""
    inverse = 1 / np.asarray(sizes, dtype=float)
    double = 3 * (inverse.sum() ** 2 - (inverse**2).sum()) / {"ordered": 1, "unordered": 2}[pairs]
    return float(2 * (inverse[:-1] ** 2).sum() + 3 * inverse[-1] ** 2 + double)


def _correct_variance(sizes):
    return 2.5 * sum(1 / n for n in sizes) ** 2


def _by_parts(n, t, estimator):
    """E W2^2 from integrated chi-square moments, step by step."""
    one = log_chi_mean(n, math.exp) * math.exp(lag(n, estimator))
    root = log_chi_mean(n, lambda u: math.exp(u / 2)) * math.exp(lag(n, estimator) / 2)
    return sum(one**i for i in range(t)) / n + one**t - 2 * root**t + 1


def _drawn(size, rng, n, t, estimator):
    return w2_squared(literal(size, rng, n, t, estimator))


def _chained(size, rng, n, t, estimator):
    def fits(run):
        return np.stack([run["mean"].values, np.exp(run["log_variance"].values / 2)], axis=1)

    return w2_squared(chains(fits, size, rng, n, t, estimator))


def _sd(n, t, estimator):
    return math.sqrt(_variance(n, t, estimator))


#: sizes of three fits, in units of n: a schedule
UNEVEN = (1, 3, 2)


def _schedule(n, t):
    return [int(n)] * t if t else [int(n) * k for k in UNEVEN]


_EXACT = (
    Computed(
        label="exact form, from integrated moments",
        predict=_expected,
        other=_by_parts,
        cases=(
            {"n": 10, "t": 5, "estimator": "unbiased"},
            {"n": 10, "t": 5, "estimator": "mle"},
            {"n": 2, "t": 3, "estimator": "mle"},
            {"n": 300, "t": 200, "estimator": "unbiased"},
        ),
        rtol=1e-8,
        mutants={"other divisor": lambda n, t, estimator: _expected(n, t, OTHER[estimator])},
    ),
    Sampled(
        label="exact form, points that are drawn",
        predict=_expected,
        draw=_drawn,
        sd=_sd,
        cases=(
            {"n": 10, "t": 4, "estimator": "unbiased"},
            {"n": 10, "t": 4, "estimator": "mle"},
            {"n": 100, "t": 3, "estimator": "unbiased"},
        ),
        size=30000,
        mutants={
            "the preprint": lambda n, t, estimator: _preprint([n] * t),
            "variances for standard deviations": lambda n, t, estimator: float(
                theory.mean_squared_error(n, t, estimator=estimator) + theory.relative_variance(n, t)
            ),
        },
    ),
    Sampled(
        label="exact form, chains",
        predict=_expected,
        draw=_chained,
        sd=_sd,
        cases=({"n": 50, "t": 30, "estimator": "unbiased"}, {"n": 50, "t": 30, "estimator": "mle"}),
        size=60000,
    ),
)

_LEADING = Limit(
    label="leading order of Nature, exact distance for many points",
    value=lambda n, t, estimator: _expected(_schedule(n, t), t or 3, estimator),
    asymptote=lambda n, t, estimator: _nature(_schedule(n, t)),
    along=(50, 100, 200, 400, 800),
    remainder=lambda n: 1 / n,
    cases=(
        {"t": 2, "estimator": "unbiased"},
        {"t": 10, "estimator": "mle"},
        {"t": 0, "estimator": "unbiased"},
    ),
    mutants={"the preprint": lambda n, t, estimator: _preprint(_schedule(n, t))},
)

EXPECTED = Claim(
    id="SHU-1D-EW2",
    title="The expected squared distance is 3/2 of the sum of 1/n_i, to leading order",
    statement=(
        "After t fits the expected squared Wasserstein-2 distance from the truth is (3/2) sigma_0^2 times the sum of "
        "1/n_i up to O(2), for both estimators. Exactly it is the sum of 1/n_i plus 2(1 - prod c4(n_i)) (unbiased), or "
        "2 - 2 prod c4(n_i) sqrt(1 - 1/n_i) (mle)."
    ),
    formula=(
        r"E[W_2^2] = \tfrac32\sigma_0^2\sum_{i\le t}\tfrac1{n_i} + O(2);\quad \frac{E W_2^2}{\sigma_0^2} = "
        r"\sum_{i\le t}\tfrac1{n_i} + 2\Big(1 - \prod_{i\le t}c_4(n_i)\Big),\ \ 2 - 2\prod_{i\le "
        r"t}c_4(n_i)\sqrt{1-1/n_i}"
    ),
    assumptions="One dimension, Replace; the form of the Nature supplement (the preprint's is ERR-1).",
    source=PAPER,
    locus="SI eq. (6)",
    kind=Kind.EXACT,
    theory=(theory.expected_w2_squared, theory.c4, theory.mean_squared_error),
    simulation="Points drawn and fitted; chains.",
    checks=(_LEADING, *_EXACT),
    second={
        "expected_w2": lambda sizes, estimator: _expected(sizes, len(sizes), estimator),
        "expected_w2_leading": _nature,
        "expected_w2_preprint_as_printed": _preprint,
    },
    tags=("gaussian", "distance", "replace"),
)

PREPRINT = Claim(
    id="ERR-1",
    title="The preprint's expected squared distance misses half of every fit but the last",
    statement="After t fits the expected squared distance is sigma_0^2 (1/n_1 + ... + 1/n_{t-1} + 3/(2 n_t)) + O(2).",
    formula=r"E[W_2^2] = \sigma_0^2\Big(\tfrac1{n_1} + \dots + \tfrac1{n_{t-1}} + \tfrac3{2n_t}\Big) + O(2)",
    assumptions="One dimension, Replace, unbiased.",
    source=PAPER,
    locus="preprint arXiv 2305.17493, v1 and v2",
    kind=Kind.CORRECTION,
    theory=(theory.expected_w2_squared,),
    simulation="Points drawn and fitted.",
    checks=(
        Limit(
            label="the preprint's leading order, exact distance for many points",
            value=lambda n, t, estimator: _expected(_schedule(n, t), t or 3, estimator),
            asymptote=lambda n, t, estimator: _preprint(_schedule(n, t)),
            along=(50, 100, 200, 400, 800),
            remainder=lambda n: 1 / n,
            cases=(
                {"t": 2, "estimator": "unbiased"},
                {"t": 10, "estimator": "unbiased"},
                {"t": 0, "estimator": "unbiased"},
            ),
        ),
    ),
    printed="1/n_1 + ... + 1/n_{t-1} + 3/(2 n_t): only the last fit contributes with its standard deviation.",
    holds=(
        "(3/2) times the sum of 1/n_i, as in the Nature supplement, eq. (6): every fit moves the standard deviation, "
        "too. For one fit the two agree."
    ),
    correction=(_LEADING, *_EXACT),
    expected=Status.CONTRADICTED,
    tags=("gaussian", "distance", "erratum"),
)

# ------------------------------------------------------------------------------------------------- its variance


def _term_by_term(n, t, estimator):
    """Variance of A^2 + (B - 1)^2 by the sums of the statement, in forty digits."""
    import mpmath

    with mpmath.workdps(40):
        half, div = mpmath.mpf(n - 1) / 2, n - (estimator == "unbiased")

        def power(s):
            return mpmath.gamma(half + s) / mpmath.gamma(half) * (mpmath.mpf(2) / div) ** s

        h, one, threeh, two = (power(mpmath.mpf(k) / 2) for k in (1, 2, 3, 4))
        A2 = mpmath.fsum(one**j for j in range(t)) / n
        A4 = 3 * mpmath.fsum(two ** min(j, k) * one ** abs(j - k) for j in range(t) for k in range(t)) / n**2
        A2B2 = mpmath.fsum(two**j * one ** (t - j) for j in range(t)) / n
        A2B = mpmath.fsum(threeh**j * h ** (t - j) for j in range(t)) / n
        fourth = A4 + 2 * (A2B2 - 2 * A2B + A2) + two**t - 4 * threeh**t + 6 * one**t - 4 * h**t + 1
        return float(fourth - (A2 + one**t - 2 * h**t + 1) ** 2)


def _squared_deviation(size, rng, n, t, estimator):
    return (_chained(size, rng, n, t, estimator) - _expected(n, t, estimator)) ** 2


def _squared_deviation_sd(n, t, estimator):
    """Bound by the fourth norm of the squared distance, at most the sum of those of its two parts.

    E (X - EX)^4 <= E X^4 for X >= 0. The mean of the model is a normal variable times the root of P = sum of V_{i-1}/n,
    and |P|_4 <= sum of |V_{i-1}|_4/n.
    """
    fourth = [1.0] + [theory.VarianceLaw(n, i, estimator=estimator).moment(4.0) ** 0.25 for i in range(1, t)]
    mean = 105**0.25 * sum(fourth) / n
    law = theory.LogVarianceLaw(n, t, estimator=estimator)
    spread = law.expect(lambda y: np.expm1(y / 2) ** 8) ** 0.25
    return (mean + spread) ** 2


_VARIANCE_CORRECT = (
    Limit(
        label="5/2 of the squared sum, exact variance for many points",
        value=lambda n, t, estimator: _variance(_schedule(n, t), t or 3, estimator),
        asymptote=lambda n, t, estimator: _correct_variance(_schedule(n, t)),
        along=(50, 100, 200, 400, 800),
        remainder=lambda n: 1 / n,
        cases=(
            {"t": 1, "estimator": "unbiased"},
            {"t": 5, "estimator": "mle"},
            {"t": 0, "estimator": "unbiased"},
        ),
    ),
    Computed(
        label="exact variance, by the sums of its moments",
        predict=_variance,
        other=_term_by_term,
        cases=(
            {"n": 100, "t": 10, "estimator": "unbiased"},
            {"n": 5, "t": 4, "estimator": "mle"},
            {"n": 1000, "t": 30, "estimator": "mle"},
        ),
        rtol=1e-11,
        mutants={"other divisor": lambda n, t, estimator: _variance(n, t, OTHER[estimator])},
    ),
    Sampled(
        label="mean squared deviation of the distance",
        predict=_variance,
        draw=_squared_deviation,
        sd=_squared_deviation_sd,
        cases=({"n": 200, "t": 1, "estimator": "mle"}, {"n": 200, "t": 2, "estimator": "unbiased"}),
        size=1_000_000,
    ),
)


def _variance_limit(label, pairs, cases):
    return Limit(
        label=label,
        value=lambda n, t, estimator: _variance(_schedule(n, t), t or 3, estimator),
        asymptote=lambda n, t, estimator: _preprint_variance(_schedule(n, t), pairs),
        along=(50, 100, 200, 400, 800),
        remainder=lambda n: 1 / n,
        cases=cases,
    )


VARIANCE = Claim(
    id="SHU-1D-VARW2",
    title="Variance of the squared distance: the printed leading order fails, 5/2 of the squared sum holds",
    statement=(
        "After t fits the variance of the squared distance is sigma_0^4 (2/n_1^2 + ... + 2/n_{t-1}^2 + 3/n_t^2 + sum "
        "over i != j of 3/(n_i n_j)) + O(3)."
    ),
    formula=(
        r"\mathrm{Var}[W_2^2] = \sigma_0^4\Big(\tfrac2{n_1^2} + \tfrac2{n_2^2} + \dots + \tfrac3{n_t^2} + "
        r"\sum_{i\ne j}\tfrac3{n_in_j}\Big) + O(3)"
    ),
    assumptions="One dimension, Replace.",
    source=PAPER,
    locus="preprint arXiv 2305.17493",
    kind=Kind.EXACT,
    theory=(theory.w2_squared_variance, theory.squared_error_variance),
    simulation="Chains; squared deviations of their squared distance from its exact mean.",
    checks=(
        _variance_limit(
            "as printed, the sum over ordered pairs",
            "ordered",
            ({"t": 5, "estimator": "unbiased"}, {"t": 2, "estimator": "unbiased"}, {"t": 0, "estimator": "unbiased"}),
        ),
        _variance_limit(
            "as printed, every pair once",
            "unordered",
            ({"t": 5, "estimator": "unbiased"}, {"t": 2, "estimator": "unbiased"}, {"t": 0, "estimator": "unbiased"}),
        ),
    ),
    printed="2/n_1^2 + ... + 3/n_t^2 + sum over i != j of 3/(n_i n_j); it fails however the double sum is read.",
    holds="(5/2) sigma_0^4 (sum of 1/n_i)^2 + O(3), for both estimators; an exact form for any sizes.",
    correction=_VARIANCE_CORRECT,
    expected=Status.CONTRADICTED,
    second={
        "variance_of_w2": _variance,
        "variance_of_w2_leading": _correct_variance,
        "variance_of_w2_preprint_as_printed": _preprint_variance,
    },
    tags=("gaussian", "distance", "replace"),
)

VARIANCE_ERRATUM = Claim(
    id="ERR-2",
    title="Already after one fit the variance of the squared distance is 5/2, not 3, over n^2",
    statement="After one fit the variance of the squared distance is 3 sigma_0^4/n^2 + O(3).",
    formula=r"\mathrm{Var}[W_2^2] = \frac{3\sigma_0^4}{n_1^2} + O(3)\quad (t = 1)",
    assumptions="One dimension, one fit; the double sum is empty, so there is only one way to read it.",
    source=PAPER,
    locus="preprint arXiv 2305.17493",
    kind=Kind.CORRECTION,
    theory=(theory.w2_squared_variance,),
    simulation="Chains of one fit.",
    checks=(
        _variance_limit(
            "3 over n squared", "ordered", ({"t": 1, "estimator": "unbiased"}, {"t": 1, "estimator": "mle"})
        ),
    ),
    printed="3/n^2 after one fit.",
    holds=(
        "5/2: the squared mean contributes 2/n^2, the squared deviation of the standard deviation, a normal of "
        "variance 1/(2n), contributes 1/(2n^2), and the two are independent."
    ),
    correction=_VARIANCE_CORRECT,
    expected=Status.CONTRADICTED,
    tags=("gaussian", "distance", "erratum"),
)

# ------------------------------------------------------------------------------------------------- growing samples


def _linear(c, t):
    return theory.linear_schedule_retained(c, t)


def _sizes(c, power, t):
    return tuple(max(2, math.ceil(c * i**power)) for i in range(1, t + 1))


def _tail_by_parts(c, power):
    """The infinite product: a million factors, and the rest by an integral and its first correction."""
    many = 10**6
    i = np.arange(1.0, many + 1)
    rest = (many + 0.5) ** (1 - power) / (power - 1) / c
    return math.exp(np.log1p(-1 / (c * i**power)).sum() - rest)


def _diverges(power, log_power):
    """Whether the sum of 1/(i^p (ln i)^q) diverges, condensed twice: it does if terms at i = 2^(2^j) do not fall."""

    def log_term(j):
        return math.log(2) * (j + 2.0**j * (1 - power) - log_power * j)

    return log_term(41) - log_term(40) > -1e-9


def _largest_distance(c):
    """Sum of 1/n_i + 1/(2(n_i - 1)) over all n_i = c i^2: a bound, because -ln c4(n) <= 1/(4(n - 1))."""
    x = math.pi / math.sqrt(c)
    return x**2 / 6 + (1 - x / math.tan(x)) / 4


SUPERLINEAR = Claim(
    id="SHU-1D-SUPERLIN",
    title="A finite distance needs samples that grow faster than linearly: the sum of 1/n_i decides",
    statement=(
        "The expected distance stays finite only if sample sizes grow superlinearly, quadratically for instance, and "
        "even then it is not zero. Exactly: the variance keeps a positive limit if and only if the sum of 1/n_i is "
        "finite. Sizes c i and c i ln i still collapse; c i (ln i)^2 and i^(1+s) do not. Linear sizes retain about "
        "t^(-1/c) of the heterozygosity, quadratic ones sin(pi/sqrt c)/(pi/sqrt c) for ever."
    ),
    formula=(
        r"\sum_i\frac1{n_i} < \infty \iff \lim_t\sigma_t^2 > 0\ \text{a.s.};\quad "
        r"\prod_{i\ge1}\Big(1-\frac1{ci^2}\Big) = "
        r"\frac{\sin(\pi/\sqrt c)}{\pi/\sqrt c},\quad \prod_{i\le t}\Big(1-\frac1{ci}\Big) \sim "
        r"\frac{t^{-1/c}}{\Gamma(1-1/c)}"
    ),
    assumptions="One dimension, Replace with growing sizes.",
    source=("shumailov2024", "kakutani1948"),
    locus="preprint arXiv 2305.17493; dichotomy by Kakutani's theorem",
    kind=Kind.EXACT,
    theory=(
        theory.collapses,
        theory.linear_schedule_retained,
        theory.power_schedule_retained,
        theory.expected_w2_squared,
    ),
    simulation="Chains with growing sizes.",
    checks=(
        Computed(
            label="quadratic and other powers, by a million factors",
            predict=lambda c, power: theory.power_schedule_retained(c, power),
            other=_tail_by_parts,
            cases=({"c": 20.0, "power": 2.0}, {"c": 3.0, "power": 1.5}, {"c": 1.5, "power": 3.0}),
            rtol=1e-8,
            mutants={"linear sizes": lambda c, power: 0.0},
        ),
        Computed(
            label="quadratic sizes, by the sine",
            predict=lambda c: theory.power_schedule_retained(c, 2.0),
            other=lambda c: math.sin(math.pi / math.sqrt(c)) / (math.pi / math.sqrt(c)),
            cases=({"c": 20.0}, {"c": 1.2}, {"c": 1e6}),
            rtol=1e-12,
        ),
        Computed(
            label="linear sizes, by the product",
            predict=_linear,
            other=lambda c, t: math.prod(1 - 1 / (c * i) for i in range(1, t + 1)),
            cases=({"c": 2.0, "t": 1000}, {"c": 5.0, "t": 30}),
            rtol=1e-11,
        ),
        Limit(
            label="linear sizes still collapse, like a power",
            value=lambda t, c: _linear(c, int(t)),
            asymptote=lambda t, c: t ** (-1 / c) / math.gamma(1 - 1 / c),
            along=(50, 100, 200, 400, 800),
            remainder=lambda t: 1 / t,
            name="t",
            cases=({"c": 2.0}, {"c": 7.0}),
            mutants={"twice as fast": lambda t, c: t ** (-2 / c)},
        ),
        Limit(
            label="typical variance (geometric mean) with linear sizes, from t to 2 t",
            value=lambda t, c, estimator: (
                float(
                    np.diff(
                        theory.log_variance_mean(_sizes(c, 1.0, 2 * int(t)), np.array([t, 2 * t]), estimator=estimator)
                    )[0]
                )
                / math.log(2)
            ),
            asymptote=lambda t, c, estimator: -{"unbiased": 1, "mle": 2}[estimator] / c,
            along=(50, 100, 200, 400, 800),
            remainder=lambda t: 1 / t,
            name="t",
            cases=({"c": 5, "estimator": "unbiased"}, {"c": 20, "estimator": "mle"}),
        ),
        Computed(
            label="which sizes collapse, by condensation of the sum",
            predict=lambda power, log_power: float(theory.collapses(power=power, log_power=log_power)),
            other=lambda power, log_power: float(_diverges(power, log_power)),
            cases=(
                {"power": 1.0, "log_power": 0.0},
                {"power": 1.0, "log_power": 2.0},
                {"power": 1.0, "log_power": 1.0},
                {"power": 1.05, "log_power": 0.0},
                {"power": 0.9, "log_power": 5.0},
            ),
            mutants={"everything superlinear thrives": lambda power, log_power: float(power <= 1 and log_power <= 0)},
        ),
        Ordered(
            label="quadratic sizes: the expected distance is bounded, unbiased",
            lower=lambda c, t: theory.expected_w2_squared(_sizes(c, 2.0, t), np.arange(1, t + 1), estimator="unbiased"),
            upper=lambda c, t: _largest_distance(c),
            bound="upper",
            cases=({"c": 20.0, "t": 3000}, {"c": 4.0, "t": 3000}, {"c": 1000.0, "t": 10_000}),
        ),
        Ordered(
            label="and not zero",
            lower=lambda c, t: sum(1 / n for n in _sizes(c, 2.0, t)),
            upper=lambda c, t: theory.expected_w2_squared(_sizes(c, 2.0, t), t, estimator="unbiased"),
            bound="lower",
            cases=({"c": 20.0, "t": 3000},),
        ),
        Sampled(
            label="mean variance of chains with growing sizes, mle",
            predict=lambda c, power, t: theory.expected_variance(_sizes(c, power, t), t, estimator="mle"),
            draw=lambda size, rng, c, power, t: np.exp(
                chains("log_variance", size, rng, _sizes(c, power, t), t, "mle")
            ),
            sd=lambda c, power, t: float(theory.sd_of_variance(_sizes(c, power, t), t, estimator="mle")),
            cases=({"c": 20.0, "power": 2.0, "t": 40}, {"c": 5.0, "power": 1.0, "t": 40}),
            size=60000,
            mutants={"constant sizes": lambda c, power, t: (1 - 1 / c) ** t},
        ),
    ),
    remark=(
        "With linear sizes the typical variance is read as the geometric mean: the exponent of the median tends to the "
        "same -1/c, but only as fast as 1/ln t, because the skewness of the log variance dies that slowly."
    ),
    second={
        "heterozygosity_left_quadratic": lambda c: theory.power_schedule_retained(c, 2.0),
        "heterozygosity_linear": _linear,
    },
    tags=("gaussian", "schedule", "replace"),
)


CLAIMS = (EXPECTED, PREPRINT, VARIANCE, VARIANCE_ERRATUM, SUPERLINEAR)
