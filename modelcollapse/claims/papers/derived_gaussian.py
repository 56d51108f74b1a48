r"""The one-dimensional Gaussian under Replace: what follows from one line.

Every refit multiplies the variance by an independent factor, a chi-square over its divisor. So the log variance is a
random walk, expectations of powers are powers, and divergences are sums; nothing else is used. That the mean variance
over simulated chains is nevertheless a poor witness is a claim of its own: its law is so heavy-tailed that the usual
z-test rejects a true theory most of the time. Checked by integrals over the chi-square law, by points that are really
drawn and fitted, and by chains of sufficient statistics.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import metrics, theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import (
    chains,
    lag,
    literal,
    log_chi_mean,
    log_skewness,
    log_square_sd,
    measured,
    truth,
)
from modelcollapse.regimes import Replace

OTHER = {"mle": "unbiased", "unbiased": "mle"}
HERE = ("modelcollapse",)


def _log_mean(n, t, estimator):
    return theory.log_variance_mean(n, t, estimator=estimator)


def _log_mean_by_quadrature(n, t, estimator):
    return t * (log_chi_mean(n, lambda u: u) + lag(n, estimator))


def _log_variance(size, rng, n, t, estimator):
    return chains("log_variance", size, rng, n, t, estimator)


def _squared_deviation(size, rng, n, t):
    return (chains("log_variance", size, rng, n, t, "mle") - _log_mean(n, t, "mle")) ** 2


def _moment(n, t, order, estimator):
    return theory.VarianceLaw(n, t, estimator=estimator).moment(order) if t else 1.0


def _moment_by_quadrature(n, t, order, estimator):
    return (log_chi_mean(n, lambda u: math.exp(order * u)) * math.exp(order * lag(n, estimator))) ** t


LOGWALK = Claim(
    id="G-LOGWALK",
    title="The log variance is a random walk with known steps",
    statement=(
        "Under Replace the log variance is a random walk with independent steps: after t fits its mean has moved by "
        "t m and its variance is t v. The drift m is about -1/n (unbiased) or -2/n (mle): in the typical chain the mle "
        "collapses twice as fast. Moments of the variance are t-th powers of those of one chi-square factor."
    ),
    formula=(
        r"\ln\sigma_t^2 = \ln\sigma_0^2 + \sum_{i\le t}\ln S_i,\ S_i = \chi^2_{n-1}/\mathrm{div};\quad "
        r"m = \psi(\tfrac{n-1}2) + \ln\tfrac2{\mathrm{div}},\ v = \psi_1(\tfrac{n-1}2),\quad E\sigma_t^{2s} = "
        r"M_s^t\sigma_0^{2s}"
    ),
    assumptions="One dimension, Replace, n >= 2 points per fit; divisor n - 1 (unbiased) or n (mle).",
    source=HERE,
    kind=Kind.EXACT,
    theory=(theory.log_variance_mean, theory.log_variance_var, theory.LogVarianceLaw, theory.VarianceLaw),
    simulation="Chains of refitted Gaussians; also points that are drawn and fitted one generation after the other.",
    checks=(
        Computed(
            label="drift, by integration over the chi-square law",
            predict=_log_mean,
            other=_log_mean_by_quadrature,
            cases=(
                {"n": 2, "t": 7, "estimator": "unbiased"},
                {"n": 10, "t": 1, "estimator": "mle"},
                {"n": 30, "t": 1000, "estimator": "unbiased"},
                {"n": 100_000, "t": 10**6, "estimator": "mle"},
            ),
            rtol=1e-8,
            mutants={"other divisor": lambda n, t, estimator: _log_mean(n, t, OTHER[estimator])},
        ),
        Computed(
            label="moments of the variance, by integration",
            predict=_moment,
            other=_moment_by_quadrature,
            cases=(
                {"n": 2, "t": 3, "order": -0.3, "estimator": "mle"},
                {"n": 10, "t": 20, "order": 0.5, "estimator": "unbiased"},
                {"n": 50, "t": 40, "order": 3.0, "estimator": "mle"},
            ),
            rtol=1e-8,
        ),
        Sampled(
            label="mean log variance",
            predict=_log_mean,
            draw=_log_variance,
            sd=lambda n, t, estimator: math.sqrt(theory.log_variance_var(n, t)),
            skewness=lambda n, t, estimator: log_skewness(n, t),
            cases=(
                {"n": 10, "t": 40, "estimator": "unbiased"},
                {"n": 10, "t": 40, "estimator": "mle"},
                {"n": 2, "t": 3, "estimator": "unbiased"},
                {"n": 100, "t": 500, "estimator": "mle"},
            ),
            size=30000,
            mutants={"other divisor": lambda n, t, estimator: _log_mean(n, t, OTHER[estimator])},
        ),
        Sampled(
            label="squared deviation of the log variance",
            predict=lambda n, t: theory.log_variance_var(n, t),
            draw=_squared_deviation,
            sd=lambda n, t: log_square_sd(n, t),
            cases=({"n": 5, "t": 6}, {"n": 100, "t": 20}),
            size=40000,
        ),
        Sampled(
            label="mean log variance of points that are drawn",
            predict=_log_mean,
            draw=lambda size, rng, n, t, estimator: 2 * np.log(literal(size, rng, n, t, estimator)[:, 1]),
            sd=lambda n, t, estimator: math.sqrt(theory.log_variance_var(n, t)),
            skewness=lambda n, t, estimator: log_skewness(n, t),
            cases=({"n": 6, "t": 10, "estimator": "mle"}, {"n": 6, "t": 10, "estimator": "unbiased"}),
            size=20000,
        ),
        Distributed(
            label="law of the log variance",
            predict=lambda n, t, estimator: theory.LogVarianceLaw(n, t, estimator=estimator).cdf,
            draw=_log_variance,
            cases=({"n": 4, "t": 5, "estimator": "mle"}, {"n": 20, "t": 100, "estimator": "unbiased"}),
            size=20000,
        ),
        Limit(
            label="drift for many points",
            value=lambda n, estimator: _log_mean(int(n), 1, estimator),
            asymptote=lambda n, estimator: -{"unbiased": 1, "mle": 2}[estimator] / n,
            along=(50, 100, 200, 400, 800),
            remainder=lambda n: 1 / n,
            cases=({"estimator": "unbiased"}, {"estimator": "mle"}),
            mutants={"drift of the other": lambda n, estimator: -{"unbiased": 2, "mle": 1}[estimator] / n},
        ),
    ),
    second={
        "log_variance_mean": _log_mean,
        "log_variance_variance": lambda n, t: theory.log_variance_var(n, t),
        "moment_of_variance": _moment,
        "geometric_mean_of_sigma": lambda n, t, estimator: math.exp(_log_mean(n, t, estimator) / 2),
    },
    tags=("gaussian", "law", "replace"),
)


# ------------------------------------------------------------------------------------------------- heavy tails

#: |z| beyond which a two-sided test at the nominal level 0.001 rejects
NOMINAL = 3.2905267314919255


def _isserlis(n, t):
    """Relative variance of a quadratic form of n normal points, by the trace of the centring matrix and its square."""
    P = np.eye(n) - 1 / n
    first, second = np.trace(P), np.trace(P) ** 2 + 2 * np.trace(P @ P)
    return math.expm1(t * math.log(second / first**2))


def _variance(size, rng, n, t, estimator):
    return np.exp(_log_variance(size, rng, n, t, estimator))


def _false_alarms(n, t, chains):
    r"""Bound from below how often the z-test rejects.

    It accepts only if the sample mean reaches 1/(1 + z), because a sample sd over sqrt(R) is never above the mean of
    positive numbers; and P(sum of X >= a) <= R E X^s / a^s for 0 < s <= 1 (Markov; the power s of a sum is at most the
    sum of powers).
    """
    law = theory.LogVarianceLaw(n, t, estimator="unbiased")
    s = np.linspace(0.02, 0.98, 49)
    log = (1 - s) * math.log(chains) + s * math.log1p(NOMINAL) + law.log_mgf(s)
    return max(0.0, -math.expm1(min(float(log.min()), 0.0)))


def _rejections(size, rng, n, t, chains):
    """Return whether a z-test with the standard error of the sample itself rejects the true mean variance, 1."""
    samples = _variance(size * chains, rng, n, t, "unbiased").reshape(size, chains)
    error = samples.std(axis=1, ddof=1) / math.sqrt(chains)
    return np.abs(samples.mean(axis=1) - 1) > NOMINAL * error


HEAVY = Claim(
    id="G-HEAVY",
    title="The mean variance over chains cannot be tested by its own standard error",
    statement=(
        "The relative variance of the fitted variance grows exponentially, (1 + 2/nu)^t - 1, for both estimators. Its "
        "mean is carried by chains that a moderate number of them never shows; the z-test with the standard error of "
        "the sample, nominally wrong once in a thousand times, rejects the true theory most of the time."
    ),
    formula=r"\frac{\mathrm{Var}(\sigma_t^2)}{(E\sigma_t^2)^2} = \Big(1 + \frac2{n-1}\Big)^t - 1",
    assumptions="One dimension, Replace, either divisor.",
    source=HERE,
    kind=Kind.EXACT,
    theory=(theory.relative_variance, theory.sd_of_variance, theory.expected_variance, theory.LogVarianceLaw),
    simulation="Chains of refitted Gaussians; z-tests of their mean variance, repeated.",
    checks=(
        Computed(
            label="relative variance, by traces of the centring matrix",
            predict=lambda n, t: theory.relative_variance(n, t),
            other=_isserlis,
            cases=({"n": 11, "t": 10}, {"n": 2, "t": 3}, {"n": 300, "t": 1000}),
            rtol=1e-11,
        ),
        Computed(
            label="second moment, integrated over the exact law",
            predict=lambda n, t: 1 + theory.relative_variance(n, t),
            other=lambda n, t: theory.LogVarianceLaw(n, t, estimator="unbiased").expect(lambda y: np.exp(2 * y)),
            cases=({"n": 60, "t": 10}, {"n": 400, "t": 100}),
            rtol=1e-8,
        ),
        Sampled(
            label="mean variance, judged by the exact standard deviation",
            predict=lambda n, t, estimator: theory.expected_variance(n, t, estimator=estimator),
            draw=_variance,
            sd=lambda n, t, estimator: float(theory.sd_of_variance(n, t, estimator=estimator)),
            cases=({"n": 50, "t": 10, "estimator": "unbiased"}, {"n": 50, "t": 10, "estimator": "mle"}),
            size=40000,
            mutants={
                "other divisor": lambda n, t, estimator: theory.expected_variance(n, t, estimator=OTHER[estimator])
            },
        ),
        Sampled(
            label="false alarms of the z-test at nominal 0.001 are far more frequent",
            predict=_false_alarms,
            draw=_rejections,
            side="below",
            cases=({"n": 10, "t": 250, "chains": 100}, {"n": 5, "t": 150, "chains": 300}),
            size=800,
        ),
    ),
    second={"relative_variance_of_variance": lambda n, t, estimator: float(theory.relative_variance(n, t))},
    remark="The bound on the false alarms is Markov's inequality for a small power of the variance.",
    tags=("gaussian", "artefact", "replace"),
)


# ------------------------------------------------------------------------------------------------- standard deviation


def _sd(n, t, estimator):
    return theory.expected_sd(n, t, estimator=estimator)


C4 = Claim(
    id="gauss-sigma-c4",
    title="The expected standard deviation falls by the factor c4(n)",
    statement=(
        "The expected standard deviation of the t-th fit is c4(n)^t times that of the truth (unbiased), and that times "
        "(1 - 1/n)^(t/2) for the mle: the square root of an unbiased variance is biased, every time."
    ),
    formula=r"E\sigma_t = c_4(n)^t\sigma_0,\qquad c_4(n) = \sqrt{\tfrac2{n-1}}\,\Gamma(\tfrac n2)/\Gamma(\tfrac{n-1}2)",
    assumptions="One dimension, Replace, n >= 2.",
    source=("johnson1994", "bertrand2024"),
    locus="chapter 18 (the chi distribution)",
    kind=Kind.EXACT,
    theory=(theory.c4, theory.log_c4, theory.expected_sd, theory.sd_of_sd),
    simulation="Points drawn and fitted; chains of refitted Gaussians.",
    checks=(
        Computed(
            label="by integration over the chi-square law",
            predict=_sd,
            other=lambda n, t, estimator: (
                (log_chi_mean(n, lambda u: math.exp(u / 2)) * math.exp(lag(n, estimator) / 2)) ** t
            ),
            cases=(
                {"n": 10, "t": 1, "estimator": "unbiased"},
                {"n": 2, "t": 3, "estimator": "mle"},
                {"n": 2000, "t": 3000, "estimator": "mle"},
            ),
            rtol=1e-8,
            mutants={"other divisor": lambda n, t, estimator: _sd(n, t, OTHER[estimator])},
        ),
        Sampled(
            label="mean standard deviation of points that are drawn",
            predict=_sd,
            draw=lambda size, rng, n, t, estimator: literal(size, rng, n, t, estimator)[:, 1],
            sd=lambda n, t, estimator: float(theory.sd_of_sd(n, t, estimator=estimator)),
            cases=(
                {"n": 10, "t": 1, "estimator": "unbiased"},
                {"n": 10, "t": 2, "estimator": "mle"},
                {"n": 2, "t": 1, "estimator": "mle"},
            ),
            size=60000,
            mutants={
                "no bias": lambda n, t, estimator: math.exp(lag(n, estimator) * t / 2),
                "other divisor": lambda n, t, estimator: _sd(n, t, OTHER[estimator]),
            },
        ),
        Sampled(
            label="mean standard deviation of chains",
            predict=_sd,
            draw=lambda size, rng, n, t, estimator: np.sqrt(_variance(size, rng, n, t, estimator)),
            sd=lambda n, t, estimator: float(theory.sd_of_sd(n, t, estimator=estimator)),
            cases=({"n": 30, "t": 20, "estimator": "unbiased"}, {"n": 30, "t": 20, "estimator": "mle"}),
            size=60000,
        ),
    ),
    second={"expected_sigma": _sd},
    tags=("gaussian", "replace"),
)


# ------------------------------------------------------------------------------------------------- divergences


def _forward(n, t, estimator, dim=1):
    return theory.expected_kl_forward(n, t, estimator=estimator, dim=dim)


def _reverse(n, t, estimator, dim=1):
    return theory.expected_kl_reverse(n, t, estimator=estimator, dim=dim)


def _forward_sd(n, t, estimator, dim=1):
    """Bound the sd of [tr Sigma + |mu|^2 - ln det Sigma - d] / 2 by the sum of the parts'."""
    parts = theory.sd_of_variance(n, t, estimator=estimator) + math.sqrt(
        theory.squared_error_variance(n, t, estimator=estimator)
    )
    return float(dim * parts + math.sqrt(theory.log_det_var(n, t, dim=dim))) / 2


def _reverse_sd(n, t, estimator, dim=1):
    r"""Bound the sd of [tr Sigma^-1 + mu' Sigma^-1 mu + ln det Sigma - d] / 2 by the sum of the parts'.

    One step divides v' Sigma^-1 v by chi^2_{n-d}/div, and so does mu' Sigma^-1 mu after adding a normal vector.
    """
    k, div = n - dim, n - (estimator == "unbiased")
    one, two = div / (k - 2), div**2 / ((k - 2) * (k - 4))
    first = second = 0.0
    for _ in range(t):
        second = two * (second + (4 + 2 * dim) * first / n + dim * (dim + 2) / n**2)
        first = one * (first + dim / n)
    spread = math.sqrt(max(two**t - one ** (2 * t), 0.0))
    return (dim * spread + math.sqrt(second - first**2) + math.sqrt(theory.log_det_var(n, t, dim=dim))) / 2


def _kl(direction):
    def draw(size, rng, n, t, estimator, dim=1):
        family = truth(estimator, 1.0 if dim == 1 else np.eye(dim))
        return measured(metrics.kl, family, Replace(n=n), t, size, rng, direction=direction)

    return draw


def _from_moments(n, t, estimator):
    """E KL(p_t || p_0) from chi-square moments that are integrated, and the walk of the mean."""
    one = log_chi_mean(n, math.exp) * math.exp(lag(n, estimator))
    walk = sum(one**i for i in range(t)) / n
    return (one**t - 1 + walk - _log_mean_by_quadrature(n, t, estimator)) / 2


def _inverse_moments(n, t, estimator):
    """E KL(p_0 || p_t), the inverse moment integrated, the walk of mu/sigma step by step."""
    inverse = log_chi_mean(n, lambda u: math.exp(-u)) * math.exp(-lag(n, estimator))
    shift, precision = 0.0, 1.0
    for _ in range(t):
        shift, precision = inverse * (shift + 1 / n), inverse * precision
    return (precision - 1 + shift + _log_mean_by_quadrature(n, t, estimator)) / 2


_KL_CASES = (
    {"n": 20, "t": 10, "estimator": "unbiased"},
    {"n": 20, "t": 10, "estimator": "mle"},
)

KLF = Claim(
    id="G-KLF",
    title="The forward divergence grows linearly",
    statement=(
        "The expected divergence KL(p_t || p_0) of the t-th fit from the truth is (t/2)(1/n - m) (unbiased) or -t m/2 "
        "(mle): about t/n for both."
    ),
    formula=r"E\,KL(p_t\|p_0) = \tfrac t2\big(\tfrac1n - m\big)\ (\text{unbiased}),\qquad -\tfrac t2 m\ (\text{mle})",
    assumptions="Replace, nats; the same in d dimensions with d/n and the drift of the log determinant.",
    source=HERE,
    kind=Kind.EXACT,
    theory=(theory.expected_kl_forward, metrics.kl),
    simulation="Chains of refitted Gaussians; their divergence from the truth.",
    checks=(
        Computed(
            label="from integrated moments",
            predict=_forward,
            other=_from_moments,
            cases=(*_KL_CASES, {"n": 2, "t": 5, "estimator": "mle"}, {"n": 1000, "t": 300, "estimator": "unbiased"}),
            rtol=1e-8,
            mutants={"reversed": _reverse},
        ),
        Sampled(
            label="mean divergence",
            predict=_forward,
            draw=_kl("forward"),
            sd=_forward_sd,
            cases=(
                *_KL_CASES,
                {"n": 12, "t": 3, "estimator": "mle", "dim": 3},
                {"n": 100, "t": 50, "estimator": "unbiased", "dim": 1},
            ),
            size=200_000,
            mutants={"reversed": _reverse, "bits": lambda **c: _forward(**c) / math.log(2)},
        ),
        Limit(
            label="one fit of many points",
            value=lambda n, estimator: _forward(int(n), 1, estimator),
            asymptote=lambda n, estimator: 1 / n,
            along=(50, 100, 200, 400, 800),
            remainder=lambda n: 1 / n,
            cases=({"estimator": "unbiased"}, {"estimator": "mle"}),
        ),
    ),
    second={"forward_divergence": _forward},
    tags=("gaussian", "divergence", "replace"),
)

KLR = Claim(
    id="G-KLR",
    title="The reverse divergence, the loss on real data, grows exponentially",
    statement=(
        "The expected divergence KL(p_0 || p_t), which is the excess loss of the t-th fit on real data, grows "
        "exponentially with the inverse moment q of one factor; it is infinite where nu <= d + 1."
    ),
    formula=(
        r"E\,KL(p_0\|p_t) = \tfrac12\Big[tm + q^t + \tfrac1n\sum_{i=1}^t q^i - 1\Big],\qquad "
        r"q = E\tfrac1S = \tfrac{\mathrm{div}}{\nu - 2};\quad d\ \text{dimensions: } q = \tfrac{\mathrm{div}}{\nu-d-1}"
    ),
    assumptions="Replace, nats.",
    source=HERE,
    kind=Kind.EXACT,
    theory=(theory.expected_kl_reverse, metrics.kl),
    simulation="Chains of refitted Gaussians; the divergence of the truth from them.",
    checks=(
        Computed(
            label="from integrated moments",
            predict=_reverse,
            other=_inverse_moments,
            cases=(*_KL_CASES, {"n": 6, "t": 5, "estimator": "mle"}, {"n": 300, "t": 100, "estimator": "unbiased"}),
            rtol=1e-8,
            mutants={"reversed": _forward},
        ),
        Sampled(
            label="mean divergence",
            predict=_reverse,
            draw=_kl("reverse"),
            sd=_reverse_sd,
            cases=(
                {"n": 40, "t": 10, "estimator": "unbiased"},
                {"n": 40, "t": 10, "estimator": "mle"},
                {"n": 40, "t": 4, "estimator": "unbiased", "dim": 3},
            ),
            size=200_000,
            mutants={
                "reversed": _forward,
                "q of one dimension": lambda n, t, estimator, dim=1: dim * _reverse(n, t, estimator),
            },
        ),
    ),
    second={
        "reverse_divergence": _reverse,
        "reverse_divergence_many": lambda n, d, t, estimator: _reverse(n, t, estimator, d),
    },
    tags=("gaussian", "divergence", "replace"),
)

# ------------------------------------------------------------------------------------------------- entropy


def _entropy(n, t, estimator, dim=1):
    """Expected change of the differential entropy."""
    return float(theory.log_det_mean(n, t, dim=dim, estimator=estimator)) / 2


def _entropies(size, rng, n, t, estimator, dim=1):
    start = dim * math.log(2 * math.pi * math.e) / 2
    family = truth(estimator, 1.0 if dim == 1 else np.eye(dim))
    return measured(metrics.differential_entropy, family, Replace(n=n), t, size, rng) - start


ENT = Claim(
    id="G-ENT",
    title="Differential entropy falls by a constant per generation",
    statement=(
        "The expected differential entropy of the model changes by exactly m/2 per generation; in d dimensions by half "
        "the drift of the log determinant."
    ),
    formula=(
        r"E\,h(p_t) - h(p_0) = \tfrac t2 m,\qquad \tfrac t2\sum_{k\le d}\big[\psi(\tfrac{n-k}2) + "
        r"\ln\tfrac2{\mathrm{div}}\big]"
    ),
    assumptions="Replace, nats.",
    source=HERE,
    kind=Kind.EXACT,
    theory=(theory.log_variance_mean, theory.log_det_mean, metrics.differential_entropy),
    simulation="Chains of refitted Gaussians; their differential entropy.",
    checks=(
        Computed(
            label="by integration over the chi-square law",
            predict=_entropy,
            other=lambda n, t, estimator: _log_mean_by_quadrature(n, t, estimator) / 2,
            cases=({"n": 10, "t": 1, "estimator": "unbiased"}, {"n": 500, "t": 90, "estimator": "mle"}),
            rtol=1e-8,
        ),
        Sampled(
            label="mean entropy",
            predict=_entropy,
            draw=_entropies,
            sd=lambda n, t, estimator, dim=1: math.sqrt(theory.log_det_var(n, t, dim=dim)) / 2,
            skewness=lambda n, t, estimator, dim=1: abs(theory.LogDetLaw(n, t, dim=dim, estimator=estimator).skew()),
            cases=(
                {"n": 10, "t": 40, "estimator": "unbiased"},
                {"n": 8, "t": 10, "estimator": "mle", "dim": 3},
            ),
            size=40000,
            mutants={
                "other divisor": lambda n, t, estimator, dim=1: _entropy(n, t, OTHER[estimator], dim),
                "independent directions": lambda n, t, estimator, dim=1: dim * _entropy(n, t, estimator),
            },
        ),
    ),
    second={
        "entropy_step": lambda n, estimator: _entropy(n, 1, estimator),
        "entropy_step_many": lambda n, d, estimator: _entropy(n, 1, estimator, d),
    },
    tags=("gaussian", "entropy", "replace"),
)

CLAIMS = (LOGWALK, HEAVY, C4, KLF, KLR, ENT)
