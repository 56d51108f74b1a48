r"""He, Xu and Cheng (2025): how much should real data weigh? The golden ratio, where both kinds are equally many.

Every step has new real points and points of the last model; the estimate is a weighted mean of both. Its variance in
the long run, the minimum and the threshold below which variance estimates run away are held in closed form against
a Riccati solver, chains of moments and simulation. That the weight is a Kalman gain is derived here.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED

# ------------------------------------------------------------------------------------------------------------- the mean


def _variance(w, k, t):
    """Variance at generation t in units of sigma^2/n, from one real fit on."""
    limit = theory.golden_variance(w, k)
    return limit + (1 - limit) * (1 - w) ** (2 * (t - 1))


def _by_steps(w, k, t):
    V = 1.0
    for _ in range(t - 1):
        V = w**2 + (1 - w) ** 2 * (V + k)
    return V


def _weighted_mean(size, rng, weights, k):
    """Draw n times the squared error of a weighted mean, one weight per step after the real fit; n = 1 will do."""
    mean = rng.standard_normal(size)
    for w in weights:
        synthetic = mean + math.sqrt(k) * rng.standard_normal(size)
        mean = w * rng.standard_normal(size) + (1 - w) * synthetic
    return mean**2


def _gain_by_riccati(k):
    """Kalman gain of a random walk with state noise k, seen with noise 1, by a Riccati solver."""
    P = scipy.linalg.solve_discrete_are(np.eye(1), np.eye(1), k * np.eye(1), np.eye(1))[0, 0]
    return P / (P + 1)


def _minimum(k):
    found = scipy.optimize.minimize_scalar(
        lambda w: theory.golden_variance(w, k), bounds=(1e-9, 1), options={"xatol": 1e-12}
    )
    return found.fun


MEAN = (
    Claim(
        id="GOLD-MEAN",
        title="The best weight on fresh real data; the reciprocal golden ratio if both kinds are equally many",
        statement=(
            "With n new real points and m_s points of the last model per step and weight w on the real mean, the "
            "variance in the long run is f(w) sigma^2/n; the best weight is its own value f, and (sqrt 5 - 1)/2 for n "
            "= m_s. To pool all points without weights is worse, and so is to use the real points alone."
        ),
        formula=(
            r"f(w) = \frac{w^2+k(1-w)^2}{w(2-w)},\quad k = \frac n{m_s};\qquad w^* = \frac{\sqrt{k^2+4k}-k}2,\quad "
            r"f(w^*) = w^*,\quad f\Big(\frac k{1+k}\Big) = \frac{1+k}{2+k}"
        ),
        assumptions="A mean of known variance sigma^2; the same weight at every step.",
        source=("he2025",),
        kind=Kind.EXACT,
        theory=(theory.golden_variance, theory.golden_weight),
        simulation="Weighted means of normal samples.",
        checks=(
            Computed(
                label="the recursion of the variance, step by step",
                predict=_variance,
                other=_by_steps,
                cases=({"w": 0.618, "k": 1.0, "t": 3}, {"w": 0.01, "k": 3.0, "t": 40}, {"w": 0.9, "k": 0.1, "t": 400}),
                rtol=1e-12,
                mutants={"n and m_s swapped": lambda w, k, t: _variance(w, 1 / k, t)},
            ),
            Computed(
                label="the minimum by a numerical search",
                predict=lambda k: theory.golden_weight(k),
                other=_minimum,
                cases=({"k": 1.0}, {"k": 0.05}, {"k": 30.0}),
                rtol=1e-9,
                mutants={
                    "the golden ratio for every k": lambda k: theory.golden_weight(1.0),
                    "naive pooling": lambda k: k / (1 + k),
                },
            ),
            Ordered(
                label="no weight does better",
                lower=lambda k: theory.golden_weight(k),
                upper=lambda k: theory.golden_variance(
                    np.append(np.linspace(0.001, 1, 1000), theory.golden_weight(k)), k
                ),
                bound="lower",
                cases=({"k": 1.0}, {"k": 0.01}, {"k": 100.0}),
            ),
            Sampled(
                label="n times the squared error of the weighted mean",
                predict=_variance,
                draw=lambda size, rng, w, k, t: _weighted_mean(size, rng, (w,) * (t - 1), k),
                sd=lambda w, k, t: math.sqrt(2) * _variance(w, k, t),
                skewness=math.sqrt(8),
                cases=(
                    {"w": float(theory.golden_weight(1.0)), "k": 1.0, "t": 20},
                    {"w": 0.3, "k": 0.5, "t": 3},
                    {"w": 0.1, "k": 4.0, "t": 60},
                ),
                size=200000,
                mutants={"n and m_s swapped": lambda w, k, t: _variance(w, 1 / k, t)},
            ),
        ),
        second={
            "stationary_variance": lambda w, k: theory.golden_variance(w, k),
            "best_weight": lambda k: theory.golden_weight(k),
            "best_variance": lambda k: theory.golden_variance(theory.golden_weight(k), k),
            "pooled_variance": lambda k: theory.golden_variance(k / (1 + k), k),
        },
        tags=("weights", "fresh real", "gaussian"),
    ),
    Claim(
        id="GOLD-KALMAN",
        title="The best weight is a Kalman gain; step by step, ratios of Fibonacci numbers",
        statement=(
            "The best weight in the long run is the steady gain of a Kalman filter that follows a random walk with "
            "state noise sigma^2/m_s and observation noise sigma^2/n. From one real fit on the best weights are w = (V "
            "+ k)/(V + k + 1), with V the variance so far, which each step makes equal to its weight; for k = 1 they "
            "are 2/3, 5/8, 13/21, ..."
        ),
        formula=(
            r"w_{t+1} = \frac{V_t+k}{V_t+k+1},\quad V_{t+1} = w_{t+1},\quad V_1 = 1; \qquad k=1:\ w = "
            r"\frac{\mathrm{Fib}_{2j+1}}{\mathrm{Fib}_{2j+2}}"
        ),
        assumptions="As for GOLD-MEAN; variances in units of sigma^2/n.",
        source=(DERIVED, "he2025"),
        kind=Kind.EXACT,
        theory=(theory.golden_weights, theory.golden_weight),
        simulation="Means of normal samples, weighted step by step.",
        checks=(
            Computed(
                label="the steady gain by a Riccati solver",
                predict=lambda k: theory.golden_weight(k),
                other=_gain_by_riccati,
                cases=({"k": 1.0}, {"k": 0.01}, {"k": 50.0}),
                rtol=1e-9,
                mutants={"naive pooling": lambda k: k / (1 + k)},
            ),
            Limit(
                label="the gains step by step tend to it",
                value=lambda t, k: theory.golden_weights(t, k)[-1],
                asymptote=lambda t, k: theory.golden_weight(k),
                along=(3, 5, 7, 9, 11),
                remainder=lambda t: 0.1459**t if t else 1.0,
                cases=({"k": 1.0},),
                name="t",
            ),
            Ordered(
                label="no other weight does better at any step",
                lower=lambda k: theory.golden_weights(8, k)[:, None],
                upper=lambda k: np.array(
                    [
                        np.append(w, np.linspace(0, 1, 101)) ** 2
                        + (1 - np.append(w, np.linspace(0, 1, 101))) ** 2 * (V + k)
                        for w, V in zip(theory.golden_weights(8, k), [1.0, *theory.golden_weights(7, k)], strict=True)
                    ]
                ),
                bound="lower",
                cases=({"k": 1.0}, {"k": 0.1}, {"k": 9.0}),
            ),
            Sampled(
                label="n times the squared error of the mean, weighted step by step",
                predict=lambda k, t: theory.golden_weights(t, k)[-1],
                draw=lambda size, rng, k, t: _weighted_mean(size, rng, theory.golden_weights(t, k), k),
                sd=lambda k, t: math.sqrt(2) * theory.golden_weights(t, k)[-1],
                skewness=math.sqrt(8),
                cases=({"k": 1.0, "t": 2}, {"k": 0.2, "t": 6}),
                size=200000,
                mutants={"real data alone": lambda k, t: 1.0},
            ),
        ),
        second={
            "stepwise_weights": lambda k, steps: theory.golden_weights(steps, k),
            "fibonacci_weight": lambda j: theory.golden_weights(j)[-1],
            "steady_gain": lambda k: theory.golden_weight(k),
        },
        tags=("weights", "fresh real", "gaussian"),
    ),
)


# --------------------------------------------------------------------------------------------------------- the variance


def _moments(n, m, w, t, order=4):
    """E s^k, k = 0 .. order, of the weighted variance at generation t, from one real fit on."""
    real, synthetic = (
        [math.prod(1 + 2 * i / df for i in range(k)) for k in range(5)] for df in (n - 1, m - 1)
    )  # of chi-square over df
    s = np.array(real)
    for _ in range(t - 1):
        s = np.array(
            [
                sum(
                    math.comb(k, j) * w ** (k - j) * real[k - j] * (1 - w) ** j * synthetic[j] * s[j]
                    for j in range(k + 1)
                )
                for k in range(order + 1)
            ]
        )
    return s


def _spread(n, m, w, t):
    """E (s - 1)^2: the limit, approached geometrically."""
    limit = theory.weighted_variance_limit(w, n, m)
    return limit + (2 / (n - 1) - limit) * ((1 - w) ** 2 * (1 + 2 / (m - 1))) ** (t - 1)


def _spread_by_moments(n, m, w, t):
    s = _moments(n, m, w, t, order=2)
    return s[2] - 2 * s[1] + 1


def _spread_sd(n, m, w, t):
    s = _moments(n, m, w, t)
    return math.sqrt(s[4] - 4 * s[3] + 6 * s[2] - 4 * s[1] + 1 - (s[2] - 2 * s[1] + 1) ** 2)


def _weighted_variance(size, rng, n, m, w, t):
    s = rng.chisquare(n - 1, size) / (n - 1)
    for _ in range(t - 1):
        s = w * rng.chisquare(n - 1, size) / (n - 1) + (1 - w) * s * rng.chisquare(m - 1, size) / (m - 1)
    return s


def _growth(m, w):
    return (1 - w) ** 2 * (1 + 2 / (m - 1))


def _published_system(n, m, w, d):
    """E|Sigma - I|^2 by the two equations for A = E tr Sigma^2 and B = E (tr Sigma)^2 as they stand."""
    a, b, c = n - 1, m - 1, (1 - w) ** 2
    left = np.array([[1 - c * (1 + 1 / b), -c / b], [-2 * c / b, 1 - c]])
    cross = 2 * w * (1 - w)
    right = [w**2 * (d * (1 + 1 / a) + d**2 / a) + cross * d, w**2 * (d**2 + 2 * d / a) + cross * d**2]
    return np.linalg.solve(left, right)[0] - d


VARIANCE = Claim(
    id="GOLD-VAR",
    title="Weighted variance estimates: their spread in the long run, and the weight below which it is infinite",
    statement=(
        "The weighted mean of an unbiased variance of new real points and one of points of the last model has the "
        "right expectation for ever; its variance converges if and only if the weight is above a threshold of about "
        "1/m_s. Below, the variance diverges while the estimate itself stays bounded in probability."
    ),
    formula=(
        r"\frac{\mathrm{Var}_\infty(s)}{\sigma^4} = \frac{\frac{2w^2}{n-1}+\frac{2(1-w)^2}{m_s-1}}{1-(1-w)^2(1+\frac2"
        r"{m_s-1})},\qquad w > 1-\Big(1+\frac2{m_s-1}\Big)^{-1/2}"
    ),
    assumptions="Normal data, both variances with divisor n - 1; n new real and m_s synthetic points per step.",
    source=(DERIVED, "he2025"),
    kind=Kind.EXACT,
    theory=(theory.weighted_variance_limit, theory.weight_threshold, theory.weighted_covariance_error),
    simulation="Weighted variances as sums of chi-squares.",
    checks=(
        Computed(
            label="moments of the chain, step by step",
            predict=_spread,
            other=_spread_by_moments,
            cases=(
                {"n": 30, "m": 30, "w": 0.618, "t": 60},
                {"n": 10, "m": 4, "w": 0.3, "t": 4},
                {"n": 5, "m": 200, "w": 0.05, "t": 2000},
            ),
            rtol=1e-10,
            mutants={
                "roles swapped": lambda n, m, w, t: _spread(m + 1, n, 1 - w, t),
                "known variance": lambda n, m, w, t: theory.golden_variance(w, n / m) * 2 / (n - 1),
            },
        ),
        Computed(
            label="below the threshold the variance grows geometrically",
            predict=_growth,
            other=lambda m, w: _spread_by_moments(30, m, w, 1501) / _spread_by_moments(30, m, w, 1500),
            cases=({"m": 30, "w": 0.02}, {"m": 5, "w": 0.1}),
            rtol=1e-8,
        ),
        Ordered(
            label="the threshold parts growth from decay",
            lower=lambda m: np.array([_growth(m, theory.weight_threshold(m) * 1.0001), 1.0]),
            upper=lambda m: np.array([1.0, _growth(m, theory.weight_threshold(m) * 0.9999)]),
            bound="upper",
            cases=({"m": 30}, {"m": 2}, {"m": 1000}),
        ),
        Sampled(
            label="squared error of the weighted variance",
            predict=_spread,
            draw=lambda size, rng, n, m, w, t: (_weighted_variance(size, rng, n, m, w, t) - 1) ** 2,
            sd=_spread_sd,
            cases=({"n": 30, "m": 30, "w": 0.618, "t": 3}, {"n": 10, "m": 20, "w": 0.3, "t": 12}),
            size=200000,
            mutants={"divisor n": lambda n, m, w, t: _spread(n + 1, m + 1, w, t)},
        ),
        Sampled(
            label="below the threshold: yet the chance of more than x is at most 1/x",
            predict=lambda m, w, t, x: 1 / x,
            draw=lambda size, rng, m, w, t, x: _weighted_variance(size, rng, 20, m, w, t) >= x,
            side="above",
            cases=({"m": 5, "w": 0.05, "t": 200, "x": 4.0}, {"m": 3, "w": 0.02, "t": 400, "x": 2.0}),
            size=20000,
        ),
        Computed(
            label="covariances: the two equations as they stand",
            predict=lambda n, m, w, d: theory.weighted_covariance_error(w, n, m, dim=d),
            other=_published_system,
            cases=({"n": 30, "m": 30, "w": 0.618, "d": 3}, {"n": 12, "m": 8, "w": 0.4, "d": 10}),
            rtol=1e-10,
        ),
    ),
    second={
        "stationary_variance_of_variance": lambda n, m, w: theory.weighted_variance_limit(w, n, m),
        "threshold_weight": lambda m: theory.weight_threshold(m),
        "stationary_covariance_error": lambda n, m, w, d: theory.weighted_covariance_error(w, n, m, dim=d),
    },
    remark="The paper says that covariance estimates diverge below certain weights; the threshold is derived here.",
    tags=("weights", "fresh real", "gaussian"),
)

CLAIMS = (*MEAN, VARIANCE)
