r"""Marchi et al. (2024), Heat death of generative models in closed-loop learning.

A model is sampled at a temperature, what comes out is added to its data, with or without human data. The limit is a
flow on the simplex; without human data it ends at a vertex (temperature below one) or in the centre (above), and only
at temperature one is the loop fair. Checked on single steps of the urn, on the flow, and on Gaussians whose standard
deviation is scaled before sampling.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from modelcollapse import Categorical, Gaussian, Replace, theory
from modelcollapse import curation as cure
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at


def _flow(start, human, tau, mu, time):
    """Integrate the field by an implicit multistep method."""
    from scipy.integrate import solve_ivp

    def field(_, theta):
        theta = np.maximum(theta, 0)
        return theory.closed_loop_field(theta / theta.sum(), human, temperature=tau, human_ratio=mu)

    if time == 0:
        return np.asarray(start)
    return solve_ivp(field, (0, time), start, method="LSODA", rtol=1e-10, atol=1e-13).y[:, -1]


def _equilibrium(human, tau, mu):
    from scipy.optimize import brentq

    def pull(x):
        return theory.closed_loop_field([x, 1 - x], [human, 1 - human], temperature=tau, human_ratio=mu)[0]

    return brentq(pull, 0, 1, xtol=1e-16, rtol=1e-15)


def _field(theta, human, tau, batch, people, total):
    """Expected step of the urn, and its second part: field over the total."""
    mu = people / batch
    field = theory.closed_loop_field(theta, human, temperature=tau, human_ratio=mu)
    return batch / (total + batch + people) * field


def _urn_step(size, rng, theta, human, tau, batch, people, total):
    """Add a batch at the temperature, by the Gumbel trick, and outcomes of people; the change of the frequencies."""
    theta = np.asarray(theta)
    K = len(theta)
    own = (np.log(theta) / tau + rng.gumbel(size=(size, batch, K))).argmax(axis=2)
    counts = (own[:, :, None] == np.arange(K)).sum(axis=1) + rng.multinomial(people, human, size=size)
    return (total * theta + counts) / (total + batch + people) - theta


def _log_variance(n, t, scale, estimator):
    return theory.scaled_log_variance_mean(n, t, scale=scale, estimator=estimator)


def _log_sd(n, t, scale, estimator):
    from scipy.special import polygamma

    return math.sqrt(t * float(polygamma(1, (n - 1) / 2)))


def _log_skewness(n, t, scale, estimator):
    from scipy.special import polygamma

    half = (n - 1) / 2
    return abs(float(polygamma(2, half))) / float(polygamma(1, half)) ** 1.5 / math.sqrt(t)


def _scaled(size, rng, n, t, scale, estimator):
    regime = Replace(n=n, curation=cure.Temperature(scale**2)) if scale != 1 else Replace(n=n)
    return at(Gaussian(0.0, 1.0, estimator=estimator), regime, t, size, rng, "log_variance")


def _variance_sd(n, t, scale, estimator):
    mean = float(theory.scaled_expected_variance(n, t, scale=scale, estimator=estimator))
    return mean * math.sqrt(((n + 1) / (n - 1)) ** t - 1)


def _log_ratio_mean(n, estimator):
    """E ln S by quadrature of the chi-square density in the logarithm."""
    from scipy.integrate import quad
    from scipy.special import gammaln

    half = (n - 1) / 2
    shift = math.log(2 / (n - 1 if estimator == "unbiased" else n))

    def density(y):
        return math.exp(half * y - math.exp(y) - float(gammaln(half)))

    middle, width = math.log(half), 1 / math.sqrt(half)
    ends = [middle - 60 * max(width, 1 / half), middle - 6 * width, middle, middle + 6 * width, middle + 12 * width + 3]
    parts = (
        quad(lambda y: (y + shift) * density(y), a, b, epsabs=1e-15, epsrel=1e-12, limit=300)[0]
        for a, b in pairwise(ends)
    )
    return sum(parts)


CLAIMS = (
    Claim(
        id="marchi-ode",
        title="Learning in a closed loop at a temperature follows a flow on the simplex",
        statement=(
            "If every step adds outcomes drawn from the model at a temperature, and mu human ones for each, the "
            "frequencies follow a differential equation in the limit. Without human data and at a temperature other "
            "than one it ends in a vertex (or the likeliest set) or in the uniform law."
        ),
        formula=(
            r"\dot\theta = \tau(\theta)-\theta+\mu(\theta_0-\theta), \qquad "
            r"\tau_i(\theta) = \frac{\theta_i^{1/\tau}}{\sum_j\theta_j^{1/\tau}}"
        ),
        assumptions="All data accumulate; batches are a vanishing share of them.",
        source=("marchi2024", "marchi2026"),
        locus="Eq. 2-6 of the second paper (restatement)",
        kind=Kind.ASYMPTOTIC,
        theory=(theory.closed_loop_field, theory.temperature_map, theory.tempered_limit, theory.temperature_equilibria),
        simulation="Single steps of the urn: a batch by the Gumbel trick, human outcomes, frequencies.",
        checks=(
            Sampled(
                label="expected step of the urn",
                predict=_field,
                draw=_urn_step,
                bounds=(-1.0, 1.0),
                cases=(
                    {
                        "theta": (0.6, 0.3, 0.1),
                        "human": (0.2, 0.3, 0.5),
                        "tau": 0.5,
                        "batch": 20,
                        "people": 10,
                        "total": 10,
                    },
                    {"theta": (0.9, 0.1), "human": (0.5, 0.5), "tau": 2.0, "batch": 30, "people": 3, "total": 5},
                    {
                        "theta": (0.5, 0.3, 0.2),
                        "human": (0.4, 0.3, 0.3),
                        "tau": 0.7,
                        "batch": 40,
                        "people": 0,
                        "total": 1,
                    },
                ),
                size=20000,
                mutants={
                    "temperature inverted": lambda theta, human, tau, **c: _field(theta, human, 1 / tau, **c),
                    "no temperature": lambda theta, human, tau, **c: _field(theta, human, 1.0, **c),
                },
                scale=lambda theta, **c: 0.25,
            ),
            Computed(
                label="where the flow without human data ends",
                predict=lambda start, tau: theory.tempered_limit(start, temperature=tau),
                other=lambda start, tau: _flow(start, start, tau, 0.0, 400.0),
                cases=(
                    {"start": (0.4, 0.35, 0.25), "tau": 0.5},
                    {"start": (0.9, 0.07, 0.03), "tau": 1.6},
                    {"start": (0.4, 0.4, 0.2), "tau": 0.8},
                ),
                rtol=1e-6,
                mutants={"temperature inverted": lambda start, tau: theory.tempered_limit(start, temperature=1 / tau)},
            ),
            Computed(
                label="equilibria with uniform human data stand still",
                predict=lambda K, tau, real: np.zeros((len(theory.temperature_equilibria(K, tau, real)[0]), K)) + 1.0,
                other=lambda K, tau, real: (
                    1.0
                    + np.array(
                        [
                            theory.closed_loop_field(
                                np.array([a, *[(1 - a) / (K - 1)] * (K - 1)]),
                                np.full(K, 1 / K),
                                temperature=tau,
                                human_ratio=real / (1 - real),
                            )
                            for a in theory.temperature_equilibria(K, tau, real)[0]
                        ]
                    )
                ),
                cases=({"K": 3, "tau": 0.8, "real": 0.204}, {"K": 10, "tau": 0.5, "real": 0.6}),
                rtol=1e-11,
            ),
        ),
        second={
            "temperature_map": lambda theta, tau: theory.temperature_map(theta, tau),
            "flow": _flow,
            "equilibrium_of_two": _equilibrium,
        },
        tags=("temperature", "accumulate"),
    ),
    Claim(
        id="MAR",
        title="A closed loop at a temperature other than one degenerates",
        statement=(
            "At temperature one the loop is a martingale; otherwise it degenerates unless enough external data come "
            "in. A Gaussian sampled with lambda times its standard deviation shrinks or grows at the rate 2 ln lambda "
            "+ m per generation, with the threshold exp(-m/2); in the mean the threshold is 1, or sqrt(n/(n-1)) for "
            "the mle."
        ),
        formula=(
            r"E\ln\sigma_t^2 = \ln\sigma_0^2 + t\,m + 2(t-1)\ln\lambda, \qquad \lambda^* = e^{-m/2}, \qquad "
            r"m = \psi\Big(\frac{n-1}2\Big) + \ln\frac2{\rm div}"
        ),
        assumptions="The first fit is to real points; samples N(mean, lambda^2 variance).",
        source=("marchi2024", "modelcollapse"),
        locus="main result (words); Gaussian case derived",
        kind=Kind.EXACT,
        theory=(theory.scaled_log_variance_mean, theory.scale_threshold, theory.scaled_expected_variance),
        simulation="Chains of Gaussians sampled at the temperature lambda^2; a categorical chain at temperature one.",
        checks=(
            Computed(
                label="m by quadrature of the chi-square density",
                predict=lambda n, estimator: -2 * math.log(theory.scale_threshold(n, estimator=estimator)),
                other=_log_ratio_mean,
                cases=(
                    {"n": 10, "estimator": "unbiased"},
                    {"n": 2, "estimator": "mle"},
                    {"n": 300, "estimator": "mle"},
                ),
                rtol=1e-9,
                mutants={
                    "the other estimator": lambda n, estimator: (
                        -2 * math.log(theory.scale_threshold(n, estimator=_other(estimator)))
                    ),
                    "in the mean": lambda n, estimator: (
                        -2 * math.log(theory.scale_threshold(n, estimator=estimator, sense="in the mean"))
                    ),
                },
            ),
            Limit(
                label="threshold for many points: 1 + 1/(2n)",
                value=lambda n: n * (theory.scale_threshold(int(n), estimator="unbiased") - 1),
                asymptote=lambda n: 0.5,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
            ),
            Sampled(
                label="logarithm of the variance",
                predict=_log_variance,
                draw=_scaled,
                sd=_log_sd,
                skewness=_log_skewness,
                cases=(
                    {"n": 10, "t": 5, "scale": 1.2, "estimator": "unbiased"},
                    {"n": 5, "t": 10, "scale": 0.8, "estimator": "mle"},
                    {"n": 10, "t": 40, "scale": 1.0593, "estimator": "unbiased"},
                    {"n": 4, "t": 30, "scale": 1.3, "estimator": "mle"},
                ),
                size=30000,
                mutants={
                    "variance scaled by lambda": lambda n, t, scale, estimator: _log_variance(
                        n, t, math.sqrt(scale), estimator
                    ),
                    "the other estimator": lambda n, t, scale, estimator: _log_variance(n, t, scale, _other(estimator)),
                },
                scale=lambda n, t, scale, estimator: t,
            ),
            Sampled(
                label="mean variance",
                predict=lambda n, t, scale, estimator: theory.scaled_expected_variance(
                    n, t, scale=scale, estimator=estimator
                ),
                draw=lambda size, rng, **case: np.exp(_scaled(size, rng, **case)),
                sd=_variance_sd,
                cases=(
                    {"n": 30, "t": 5, "scale": 1.2, "estimator": "unbiased"},
                    {"n": 30, "t": 6, "scale": math.sqrt(30 / 29), "estimator": "mle"},
                ),
                size=60000,
            ),
            Sampled(
                label="at temperature one frequencies are a martingale",
                predict=lambda p, n, t: np.asarray(p),
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, "probability"),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.3, 0.2), "n": 20, "t": 10}, {"p": (0.05, 0.95), "n": 5, "t": 30}),
                size=10000,
                mutants={"sharpened": lambda p, n, t: theory.temperature_map(p, 0.9)},
            ),
        ),
        second={
            "log_variance_drift": lambda n, scale, estimator: theory.scaled_log_variance_mean(
                n, 1, scale=scale, estimator=estimator, first="scaled"
            ),
            "almost_sure_scale": lambda n, estimator: theory.scale_threshold(n, estimator=estimator),
            "mean_square_scale": lambda n, estimator: theory.scale_threshold(
                n, estimator=estimator, sense="in the mean"
            ),
        },
        tags=("temperature", "gaussian", "replace"),
    ),
)


def _other(estimator):
    return "mle" if estimator == "unbiased" else "unbiased"
