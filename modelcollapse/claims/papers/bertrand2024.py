r"""Bertrand et al. (2024), On the stability of iterative retraining of generative models on their own data.

A model is refitted to real data and, for every real point, :math:`\lambda` points of its own. The paper proves a local
contraction if :math:`\lambda(1+L\varepsilon/\alpha) < 1/2`. Checked on a loop whose contraction factor is known
although the model is wrong: a logistic location fitted to logistic data of another scale (`wrong_scale`). What the
condition is not, namely necessary, is ERR-19.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

RATIOS = np.array([1e-6, 1e-3, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.4999])


@cache
def wrong_scale(scale: float) -> tuple[float, float, float, float]:
    r"""Return alpha, L, epsilon and the Fisher information of a logistic location and logistic data of a scale.

    :math:`-\log p_\theta(x) = u + 2\log(1+e^{-u})`, u = x - theta, has the second derivative
    :math:`\frac12\mathrm{sech}^2(u/2)`, whose slope is at most :math:`1/(3\sqrt3)`. The best theta is the centre, and
    :math:`W_1` of two logistic laws of one centre is the difference of their scales times :math:`2\ln 2`.
    """
    from scipy.integrate import quad

    def curvature(u):
        return 0.5 / math.cosh(u / 2) ** 2

    def density(x):
        return 1 / (4 * scale * math.cosh(x / (2 * scale)) ** 2)

    alpha = 2 * quad(lambda x: curvature(x) * density(x), 0, 40 * max(scale, 1), epsabs=0, epsrel=1e-12, limit=200)[0]
    return alpha, 1 / (3 * math.sqrt(3)), abs(scale - 1) * 2 * math.log(2), 1 / 3


def misfit(scale: float) -> float:
    r"""Return :math:`L\varepsilon/\alpha`."""
    alpha, lipschitz, distance, _ = wrong_scale(scale)
    return lipschitz * distance / alpha


def true_factor(ratio, scale: float, correction: float = 0.0):
    r"""Return the slope of the retraining map at rest, :math:`\frac{\lambda I/(1+\gamma)}{\alpha+\lambda I}`."""
    alpha, _, _, information = wrong_scale(scale)
    ratio = np.asarray(ratio, dtype=float)
    return ratio * information / (1 + correction) / (alpha + ratio * information)


def retrained(ratio: float, scale: float, start: float, correction: float = 0.0) -> float:
    """Refit the location once, by its score equation and quadrature, starting from a model at `start`."""
    from scipy.optimize import brentq

    x, weight = _nodes()

    def score(theta):
        real = weight @ np.tanh((scale * x - theta) / 2)
        own = weight @ np.tanh((start + x - theta) / 2)
        right = weight @ np.tanh((x - theta) / 2)
        return real + ratio * (own + correction * right) / (1 + correction)

    return brentq(score, -5, 5, xtol=1e-14, rtol=1e-14)


@cache
def _nodes():
    """Points and weights of the standard logistic law: trapezoidal rule, exponentially exact."""
    x = np.arange(-45, 45, 0.05)
    return x, 0.05 / (4 * np.cosh(x / 2) ** 2)


def _poisson_refit(real, own, ratio):
    """Mean of the Poisson model that maximises the mixed likelihood, by its score equation in the natural parameter."""
    from scipy.optimize import brentq

    eta = brentq(lambda e: real + ratio * own - (1 + ratio) * math.exp(e), -20, 20, xtol=1e-15, rtol=1e-14)
    return math.exp(eta)


def _poisson_loop(ratio, t, target, start):
    mean = start
    for _ in range(t):
        mean = _poisson_refit(target, mean, ratio)
    return mean


def _finite_loop(size, rng, ratio, t, n):
    """Refit a coin to n real points, three of ten of them heads, and ratio n own ones; it begins at 0.9."""
    own, heads = ratio * n, 0.3
    q = np.full(size, 0.9)
    for _ in range(t):
        q = (n * heads + rng.binomial(own, q)) / (n + own)
    return q


def _finite_sd(ratio, t, n):
    """Standard deviation of that: the noise of each round, at most a quarter over its points, decays like the error."""
    share = ratio / (1 + ratio)
    return math.sqrt(share**2 / (4 * ratio * n) / (1 - share**2))


CLAIMS = (
    Claim(
        id="bertrand-stability",
        title="Retraining is stable if the synthetic data are few enough",
        statement=(
            "If lambda (1 + L eps / alpha) < 1/2 the retraining map contracts locally, at no more than the published "
            "rate. In a well-specified exponential family the error of the mean parameter shrinks by "
            "lambda/(1+lambda), exactly."
        ),
        formula=(
            r"\lambda\Big(1+\frac{L\varepsilon}\alpha\Big) < \frac12 \ \Rightarrow\ \text{rate} \le "
            r"\frac{\lambda(\alpha+\varepsilon L)}{\alpha-\lambda(\alpha+\varepsilon L)}; \qquad "
            r"m_{t+1} = \frac{m_{\rm data}+\lambda m_t}{1+\lambda}"
        ),
        assumptions=(
            "Infinite samples; Hessian of the log-likelihood L-Lipschitz in x, at most -alpha at the best parameter; "
            "best model within eps of the data in W_1."
        ),
        source=("bertrand2024",),
        locus="Theorem 1",
        kind=Kind.BOUND,
        theory=(
            theory.bertrand_rate,
            theory.stability_ratio_bound,
            theory.retraining_factor,
            theory.retraining_mean,
        ),
        simulation="A coin refitted to a fixed real set and points of its own.",
        checks=(
            Computed(
                label="the exact factor: Poisson models refitted by their score equation",
                predict=lambda ratio, t, target, start: theory.retraining_mean(start, target, t, ratio=ratio) - target,
                other=lambda ratio, t, target, start: _poisson_loop(ratio, t, target, start) - target,
                cases=(
                    {"ratio": 3.0, "t": 4, "target": 2.0, "start": 5.0},
                    {"ratio": 0.2, "t": 2, "target": 0.1, "start": 9.0},
                    {"ratio": 40.0, "t": 30, "target": 30.0, "start": 1.0},
                ),
                rtol=1e-9,
                mutants={
                    "1 / lambda for lambda": lambda ratio, t, target, start: theory.retraining_mean(
                        start, target, t, ratio=1 / ratio
                    )
                },
            ),
            Computed(
                label="slope of the map of a wrong model, by refitting it",
                predict=lambda ratio, scale: true_factor(ratio, scale),
                other=lambda ratio, scale: (retrained(ratio, scale, 1e-3) - retrained(ratio, scale, -1e-3)) / 2e-3,
                cases=({"ratio": 0.4, "scale": 1.5}, {"ratio": 2.0, "scale": 0.7}),
                rtol=1e-6,
                mutants={"the right model": lambda ratio, scale: theory.retraining_factor(ratio)},
            ),
            Ordered(
                label="published rate and true factor, wrong model",
                lower=lambda scale: true_factor(RATIOS / (1 + misfit(scale)), scale),
                upper=lambda scale: theory.bertrand_rate(RATIOS / (1 + misfit(scale)), misfit(scale)),
                bound="upper",
                cases=({"scale": 1.0}, {"scale": 1.5}, {"scale": 3.0}, {"scale": 0.3}),
                mutants={
                    "distance forgotten": lambda scale: theory.bertrand_rate(RATIOS / (1 + misfit(scale))),
                    "lambda squared": lambda scale: (
                        theory.bertrand_rate(RATIOS / (1 + misfit(scale)), misfit(scale)) ** 2
                    ),
                },
            ),
            Limit(
                label="for few synthetic points the rate is the true factor of a model that is right",
                value=lambda n: theory.bertrand_rate(1 / n),
                asymptote=lambda n: theory.retraining_factor(1 / n),
                along=(10, 20, 40, 80, 160),
                remainder=lambda n: 1 / n,
                name="1/lambda",
            ),
            Sampled(
                label="finite samples: mean of a coin's error",
                predict=lambda ratio, t, n: theory.retraining_mean(0.9, 0.3, t, ratio=ratio) - 0.3,
                draw=lambda size, rng, ratio, t, n: _finite_loop(size, rng, ratio, t, n) - 0.3,
                sd=_finite_sd,
                skewness=1.0,
                cases=({"ratio": 3, "t": 3, "n": 10}, {"ratio": 1, "t": 2, "n": 10}, {"ratio": 20, "t": 10, "n": 20}),
                size=20000,
            ),
        ),
        second={
            "bertrand_rate": lambda ratio, concavity, lipschitz, misfit: theory.bertrand_rate(
                ratio, lipschitz * misfit / concavity
            ),
            "bertrand_threshold": lambda concavity, lipschitz, misfit: theory.stability_ratio_bound(
                lipschitz * misfit / concavity
            ),
            "exact_factor_measured": lambda ratio, real, start: theory.retraining_factor(ratio),
        },
        remark=(
            "The constants of Theorem 2 (finite samples) are not in the statement; only its shape, contraction plus "
            "noise."
        ),
        tags=("stability", "real data"),
    ),
    Claim(
        id="ERR-19",
        title="Less than one synthetic point per two real ones is not needed",
        statement=(
            "The condition lambda < 1/2 is sufficient, not necessary: in a well-specified exponential family the "
            "retraining map contracts for every lambda, by lambda/(1+lambda); just below one half, where the published "
            "rate reaches one, the true factor is one third."
        ),
        formula=(
            r"\frac{\lambda}{1+\lambda} < 1 \quad\text{for all } \lambda; \qquad \lambda\to\tfrac12:\ r_B \to 1,\ "
            r"\frac\lambda{1+\lambda}\to\frac13"
        ),
        assumptions="Well-specified exponential family, infinite samples (finite ones in expectation).",
        source=("bertrand2024", "modelcollapse"),
        locus="Theorem 1, read as a threshold",
        kind=Kind.CORRECTION,
        theory=(theory.retraining_factor, theory.stability_ratio_bound, theory.bertrand_rate),
        simulation="A coin refitted to ten times as many own points as real ones, far beyond the condition.",
        checks=(
            Ordered(
                label="the factor is below one for every lambda",
                lower=lambda least, most: theory.retraining_factor(np.geomspace(least, most, 60)),
                upper=lambda least, most: 1.0,
                bound="upper",
                cases=({"least": 0.5, "most": 1e6}, {"least": 1e6, "most": 1e12}),
            ),
            Computed(
                label="Poisson models refitted far beyond the condition",
                predict=lambda ratio, t, target, start: theory.retraining_mean(start, target, t, ratio=ratio) - target,
                other=lambda ratio, t, target, start: _poisson_loop(ratio, t, target, start) - target,
                cases=(
                    {"ratio": 10.0, "t": 20, "target": 2.0, "start": 5.0},
                    {"ratio": 0.5, "t": 3, "target": 1.0, "start": 4.0},
                ),
                rtol=1e-9,
                mutants={"no contraction": lambda ratio, t, target, start: start - target},
            ),
            Limit(
                label="where the published rate is one (lambda = 1/2 - 1/n) the factor is a third",
                value=lambda n: theory.retraining_factor(0.5 - 1 / n) / theory.bertrand_rate(0.5 - 1 / n),
                asymptote=lambda n: 1 / 3,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
                mutants={"the rate is sharp": lambda n: 1.0},
            ),
            Sampled(
                label="a coin with ten own points per real one",
                predict=lambda ratio, t, n: theory.retraining_mean(0.9, 0.3, t, ratio=ratio) - 0.3,
                draw=lambda size, rng, ratio, t, n: _finite_loop(size, rng, ratio, t, n) - 0.3,
                sd=_finite_sd,
                skewness=1.0,
                cases=({"ratio": 10, "t": 10, "n": 20}, {"ratio": 100, "t": 50, "n": 10}),
                size=20000,
                mutants={"no contraction": lambda ratio, t, n: 0.6},
            ),
        ),
        tags=("stability", "real data", "erratum"),
    ),
)
