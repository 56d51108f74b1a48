r"""When has a Gaussian collapsed, how large can it become before, and where does it end?

The log variance is a random walk with a downward drift. Its first passage below a level has a law that integrates to
rounding, with Wald's identity for the mean; a martingale bounds the highest variance ever; and the sum of the steps of
the mean converges to a point whose law is Student's t for many points. Checked by walks, by integral equations on
other grids, and by exact values at growing sample sizes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import special

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Distributed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.gaussians import chains, landing

#: -zeta(1/2)/sqrt(2 pi), which the statement prints as 0.583
OVERSHOOT = 0.5825971579390107


def _walks(size, rng, n, t, estimator):
    """Log variances of chains at generations 1 .. t, (chain, t), from chi-squares that are drawn."""
    out = np.log(rng.chisquare(n - 1, (size, t)) / (n - (estimator == "unbiased")))
    return np.cumsum(out, axis=1, out=out)


def _density(n, x, estimator):
    """Density of the logarithm of one factor."""
    y = x + math.log((n - (estimator == "unbiased")) / 2)
    return np.exp((n - 1) / 2 * y - np.exp(y) - special.gammaln((n - 1) / 2))


def _above(n, x, estimator):
    """P(ln S > x)."""
    return special.gammaincc((n - 1) / 2, (n - (estimator == "unbiased")) / 2 * np.exp(x))


def _panels(n, low, high):
    """Gauss-Legendre panels between two levels, narrower than the scatter of a step."""
    sd = math.sqrt(special.polygamma(1, (n - 1) / 2))
    count = math.ceil((high - low) / min(1.0, 3 * sd))
    x, w = np.polynomial.legendre.leggauss(14)
    half = (high - low) / count / 2
    nodes = low + half * (2 * np.arange(count)[:, None] + 1 + x)
    return nodes.ravel(), np.tile(half * w, count)


# ------------------------------------------------------------------------------------------------- first passage


def _survival(n, times, log_drop, estimator):
    return theory.first_passage(n, max(times), log_drop=log_drop, estimator=estimator)[1][list(times)]


def _two_fits(n, log_drop, estimator):
    """P(T > 2) by integration over the first step."""
    y, w = _panels(n, -log_drop, 40.0)
    return float(_density(n, y, estimator) * w @ _above(n, -log_drop - y, estimator))


@lru_cache(maxsize=64)
def _passage(n, log_drop, estimator):
    """Mean and standard deviation of T."""
    return theory.first_passage_moments(n, log_drop=log_drop, estimator=estimator)


def _mean_passage(n, log_drop, estimator):
    return _passage(n, log_drop, estimator)[0]


def _passage_sd(n, log_drop, estimator):
    return _passage(n, log_drop, estimator)[1]


def _sum_of_survival(n, log_drop, estimator):
    """E T = sum of P(T > t), 60 times as long as it takes on average."""
    long = 60 * math.ceil(_mean_passage(n, log_drop, estimator))
    return float(theory.first_passage(n, long, log_drop=log_drop, estimator=estimator)[1].sum())


def _overshoot(n, log_drop, estimator):
    """How far below the level the walk lands on average, in sd of a step, by Wald's identity."""
    drift = theory.log_variance_mean(n, 1, estimator=estimator)
    return (-drift * _mean_passage(n, log_drop, estimator) - log_drop) / math.sqrt(theory.log_variance_var(n, 1))


def _times(size, rng, n, log_drop, estimator):
    """First passages of walks that are followed until all have passed."""
    level, time = np.zeros(size), np.zeros(size)
    on = np.arange(size)
    while on.size:
        level[on] += np.log(rng.chisquare(n - 1, on.size) / (n - (estimator == "unbiased")))
        time[on] += 1
        on = on[level[on] > -log_drop]
    return time


def _share_left(n, share, log_drop, estimator):
    """P(T > share n)."""
    return _survival(int(n), (round(share * n),), log_drop, estimator)[0]


FPT = Claim(
    id="G-FPT",
    title="Time until the variance has fallen: Wald's mean, an inverse Gaussian law",
    statement=(
        "The first generation T whose variance is below e^-L of the true one has the mean (L + overshoot)/|m| (Wald), "
        "with an overshoot of about 0.583 standard deviations of a step, and is about inverse Gaussian. For large n, "
        "T/n is inverse Gaussian with mean L (mle: L/2) and shape L^2/2; its standard deviation is sqrt(2L) "
        "(sqrt(L)/2)."
    ),
    formula=(
        r"E T = \frac{L + E[\text{overshoot}]}{|m|} \approx \frac{L + 0.583\sqrt v}{|m|},\qquad "
        r"\frac Tn \to IG(L, \tfrac{L^2}2)\ (\text{unbiased}),\ IG(\tfrac L2, \tfrac{L^2}2)\ (\text{mle})"
    ),
    assumptions="One dimension, Replace; m and v mean and variance of the log of one factor.",
    source=("modelcollapse", "siegmund1985"),
    kind=Kind.ASYMPTOTIC,
    theory=(
        theory.first_passage,
        theory.first_passage_moments,
        theory.first_passage_wald,
        theory.first_passage_approximation,
        theory.first_passage_limit,
    ),
    simulation="Random walks of the log variance, followed until they have passed.",
    checks=(
        Computed(
            label="not passed after two fits, by integration",
            predict=lambda n, log_drop, estimator: _survival(n, (2,), log_drop, estimator)[0],
            other=_two_fits,
            cases=({"n": 5, "log_drop": 1.0, "estimator": "unbiased"}, {"n": 30, "log_drop": 0.2, "estimator": "mle"}),
            rtol=1e-9,
        ),
        Computed(
            label="mean time, by the sum of survival",
            predict=_mean_passage,
            other=_sum_of_survival,
            cases=({"n": 5, "log_drop": 1.0, "estimator": "unbiased"}, {"n": 12, "log_drop": 1.0, "estimator": "mle"}),
            rtol=1e-7,
        ),
        Sampled(
            label="chains that have not passed",
            predict=_survival,
            draw=lambda size, rng, n, times, log_drop, estimator: (
                np.minimum.accumulate(_walks(size, rng, n, max(times), estimator), axis=1)[:, np.array(times) - 1]
                > -log_drop
            ),
            cases=(
                {"n": 10, "times": (5, 20, 60), "log_drop": 2.0, "estimator": "unbiased"},
                {"n": 30, "times": (20, 60, 150), "log_drop": math.log(100), "estimator": "mle"},
                {"n": 2, "times": (1, 2, 5), "log_drop": 4.0, "estimator": "unbiased"},
            ),
            size=30000,
        ),
        Sampled(
            label="mean time",
            predict=_mean_passage,
            draw=_times,
            sd=_passage_sd,
            cases=(
                {"n": 10, "log_drop": 3.0, "estimator": "mle"},
                {"n": 30, "log_drop": 3.0, "estimator": "unbiased"},
            ),
            size=30000,
            mutants={
                "no overshoot": lambda n, log_drop, estimator: (
                    -log_drop / theory.log_variance_mean(n, 1, estimator=estimator)
                )
            },
        ),
        Limit(
            label="overshoot in sd of a step, by Wald's identity",
            value=lambda n, **case: _overshoot(int(n), **case),
            asymptote=lambda n, **case: OVERSHOOT,
            along=(10, 20, 40, 80, 160),
            remainder=lambda n: n**-0.5,
            cases=(
                {"log_drop": math.log(100), "estimator": "unbiased"},
                {"log_drop": math.log(100), "estimator": "mle"},
            ),
            mutants={"half a step": lambda n, **case: 0.5},
        ),
        Limit(
            label="standard deviation of the time",
            value=lambda n, log_drop, estimator: _passage_sd(int(n), log_drop, estimator) / n,
            asymptote=lambda n, log_drop, estimator: (
                math.sqrt(2 * log_drop) / {"unbiased": 1, "mle": 2**1.5}[estimator]
            ),
            along=(10, 20, 40, 80, 160),
            remainder=lambda n: n**-0.5,
            cases=({"log_drop": 2.0, "estimator": "unbiased"}, {"log_drop": 2.0, "estimator": "mle"}),
        ),
        Limit(
            label="law of T/n",
            value=_share_left,
            asymptote=lambda n, share, log_drop, estimator: theory.first_passage_limit(
                log_drop=log_drop, estimator=estimator
            ).sf(share),
            along=(10, 20, 40, 80, 160),
            remainder=lambda n: n**-0.5,
            cases=(
                {"share": 1.0, "log_drop": 2.0, "estimator": "unbiased"},
                {"share": 2.0, "log_drop": 2.0, "estimator": "mle"},
            ),
        ),
    ),
    second={
        "first_passage_mean_without_overshoot": lambda n, level, estimator: (
            -level / theory.log_variance_mean(n, 1, estimator=estimator)
        ),
        "first_passage_mean": lambda n, level, estimator: theory.first_passage_wald(
            n, log_drop=level, estimator=estimator
        ),
        "first_passage_shape": lambda n, level: theory.first_passage_approximation(
            n, log_drop=level, estimator="mle"
        ).kwds["scale"],
        "first_passage_sd_many_points": lambda n, level, estimator: (
            n * theory.first_passage_limit(log_drop=level, estimator=estimator).std()
        ),
    },
    remark="The printed 0.583 is -zeta(1/2)/sqrt(2 pi) = 0.582597..., the constant of a normal walk with small drift.",
    tags=("gaussian", "replace", "passage"),
)


# ------------------------------------------------------------------------------------------------- the largest variance


def _ever(n, c, estimator):
    """P(the variance ever reaches c times the true one), by the integral equation of the walk below the level."""
    start = -math.log(c)
    y, w = _panels(n, start - 18.0, 0.0)
    step = _density(n, y[None, :] - y[:, None], estimator) * w
    u = np.linalg.solve(np.eye(len(y)) - step, _above(n, -y, estimator))
    return float(_above(n, -start, estimator) + _density(n, y - start, estimator) * w @ u)


def _exponent_by_digits(n):
    """The root of E S^kappa = 1 in thirty digits, mle."""
    import mpmath

    with mpmath.workdps(30):
        a = mpmath.mpf(n - 1) / 2
        log = lambda k: mpmath.loggamma(a + k) - mpmath.loggamma(a) - k * mpmath.log(mpmath.mpf(n) / 2)  # noqa: E731
        return float(mpmath.findroot(log, (1.9, 2.6), tol=1e-22))


def _highest(size, rng, n, c, longest, estimator):
    return _walks(size, rng, n, longest, estimator).max(axis=1) >= math.log(c)


SUP = Claim(
    id="G-SUP",
    title="The variance ever exceeds c times the true one with probability at most 1/c",
    statement=(
        "With the unbiased estimator the variance is a positive martingale: it ever reaches c times the true value "
        "with probability at most 1/c. With the mle the bound is c^-kappa, where kappa > 1 solves E S^kappa = 1 and "
        "tends to 2. Both are reached as n grows."
    ),
    formula=(
        r"P\big(\sup_t\sigma_t^2 \ge c\,\sigma_0^2\big) \le c^{-\kappa},\quad E S^\kappa = 1;\ \kappa = 1\ "
        r"(\text{unbiased})"
    ),
    assumptions="One dimension, Replace, c >= 1.",
    source=("modelcollapse",),
    locus="Doob's inequality",
    kind=Kind.BOUND,
    theory=(theory.sup_bound, theory.sup_exponent),
    simulation="Random walks of the log variance and their maxima.",
    checks=(
        Computed(
            label="exponent, in thirty digits",
            predict=lambda n: theory.sup_exponent(n, estimator="mle"),
            other=_exponent_by_digits,
            cases=({"n": 10}, {"n": 2}, {"n": 10_000}),
            rtol=1e-12,
            mutants={"its limit": lambda n: 2.0},
        ),
        Ordered(
            label="exact probability, by an integral equation",
            lower=_ever,
            upper=lambda n, c, estimator: theory.sup_bound(c, n, estimator=estimator),
            bound="upper",
            cases=(
                {"n": 10, "c": 3.0, "estimator": "unbiased"},
                {"n": 200, "c": 1.05, "estimator": "mle"},
                {"n": 3, "c": 1.2, "estimator": "mle"},
                {"n": 1500, "c": 4.0, "estimator": "unbiased"},
            ),
        ),
        Limit(
            label="the bound is reached for many points",
            value=lambda n, c, estimator: _ever(int(n), c, estimator),
            asymptote=lambda n, c, estimator: c ** -{"unbiased": 1, "mle": 2}[estimator],
            along=(10, 20, 40, 80, 160),
            remainder=lambda n: n**-0.5,
            cases=({"c": 2.0, "estimator": "unbiased"}, {"c": 2.0, "estimator": "mle"}),
            mutants={"the other exponent": lambda n, c, estimator: c ** -{"unbiased": 2, "mle": 1}[estimator]},
        ),
        Sampled(
            label="chains that ever got so high",
            predict=lambda n, c, longest, estimator: _ever(n, c, estimator),
            draw=_highest,
            cases=(
                {"n": 10, "c": 2.0, "longest": 300, "estimator": "unbiased"},
                {"n": 10, "c": 1.5, "longest": 120, "estimator": "mle"},
            ),
            size=20000,
        ),
    ),
    second={
        "largest_variance_exponent": lambda n: theory.sup_exponent(n, estimator="mle"),
        "largest_variance_bound": lambda n, c, estimator: theory.sup_bound(c, n, estimator=estimator),
    },
    tags=("gaussian", "replace", "bound"),
)


# ------------------------------------------------------------------------------------------------- where it ends


def _tail_slope(x, n, estimator):
    """-d ln P(|mu| > x) / d ln x between x and 2 x."""
    law = landing(n, estimator)
    return float(law.logsf(x) - law.logsf(2 * x)) / math.log(2)


LIMIT = Claim(
    id="LIM-MEAN",
    title="The mean of the collapsed model is Student's t around the truth",
    statement=(
        "The variance goes to zero, so the mean converges; for many points its limit is distributed as Student's t "
        "with 2 degrees of freedom (unbiased) or 4, divided by sqrt 2 (mle), in units of the true standard deviation. "
        "At finite n the tail index is 2 kappa with E S^kappa = 1: the variance is infinite (unbiased) or exactly that "
        "of the truth (mle)."
    ),
    formula=(
        r"\mu_\infty = \mu_0 + \sigma_0 t_2\ (\text{unbiased}),\qquad \mu_0 + \sigma_0 t_4/\sqrt2\ (\text{mle});\qquad "
        r"P(|\mu_\infty-\mu_0| > x) \sim C x^{-2\kappa}"
    ),
    assumptions="One dimension, Replace; generations to infinity first, then n.",
    source=("modelcollapse", "dufresne1990", "kesten1973"),
    kind=Kind.ASYMPTOTIC,
    theory=(theory.landing_law, theory.MeanLaw, theory.tail_index),
    simulation="Chains that have collapsed; their means.",
    checks=(
        Distributed(
            label="means of collapsed chains against the law at that n",
            predict=lambda points, long, estimator: landing(points, estimator).cdf,
            draw=lambda size, rng, points, long, estimator: chains("mean", size, rng, points, long, estimator),
            cases=(
                {"points": 10, "long": 500, "estimator": "unbiased"},
                {"points": 10, "long": 250, "estimator": "mle"},
                {"points": 20, "long": 500, "estimator": "mle"},
            ),
            size=20000,
            mutants={
                "normal": lambda points, long, estimator: special.ndtr,
                "law of the other": lambda points, long, estimator: (
                    landing(points, {"mle": "unbiased", "unbiased": "mle"}[estimator]).cdf
                ),
            },
        ),
        Limit(
            label="distribution function for many points",
            value=lambda n, x, estimator: landing(int(n), estimator).sf(x),
            asymptote=lambda n, x, estimator: theory.landing_law(estimator=estimator).sf(x),
            along=(10, 20, 40, 60, 80),
            remainder=lambda n: 1 / n,
            cases=(
                {"x": 0.8, "estimator": "unbiased"},
                {"x": 0.8, "estimator": "mle"},
                {"x": 6.0, "estimator": "unbiased"},
                {"x": 3.0, "estimator": "mle"},
            ),
            mutants={"normal": lambda n, x, estimator: special.ndtr(-x)},
        ),
        Limit(
            label="tail index at finite n",
            value=_tail_slope,
            asymptote=lambda x, n, estimator: theory.tail_index(n, estimator=estimator),
            along=(10, 20, 40, 80),
            remainder=lambda x: x**-2,
            cases=({"n": 10, "estimator": "unbiased"}, {"n": 10, "estimator": "mle"}),
            name="x",
        ),
        Computed(
            label="variance of the limit, mle, by a long sum",
            predict=lambda points: landing(points, "mle").var(),
            other=lambda points: math.fsum((1 - 1 / points) ** j / points for j in range(60 * points)),
            cases=({"points": 10}, {"points": 60}),
            rtol=1e-12,
        ),
    ),
    second={
        "limit_of_mean_cdf": lambda x, estimator: theory.landing_law(estimator=estimator).cdf(x),
        "limit_of_mean_quantile": lambda p, estimator: theory.landing_law(estimator=estimator).ppf(p),
        "limit_of_mean_tail_index": lambda n, estimator: theory.tail_index(n, estimator=estimator),
        "limit_of_mean_variance": lambda n: theory.mean_squared_error(n, 60 * n, estimator="mle"),
    },
    tags=("gaussian", "replace", "law"),
)

CLAIMS = (FPT, SUP, LIMIT)
