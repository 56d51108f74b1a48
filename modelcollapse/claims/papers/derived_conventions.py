r"""Conventions that change numbers: the same word for two quantities, in papers, code and figures.

Nothing here is anybody's claim alone. Each convention is written down with the other one beside it as a planted error,
which the check must catch.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy

from modelcollapse import Gaussian, Replace, metrics, simulate, theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED


def perplexity(probabilities) -> float:
    """Return the exponential of the mean cross-entropy per token, in nats."""
    return math.exp(-np.mean(np.log(np.asarray(probabilities, dtype=float))))


def covered(points, reference, k) -> float:
    """Return the share of points within the distance of a reference point to its k-th nearest other one."""
    distance = scipy.spatial.distance.cdist
    radius = np.sort(distance(reference, reference), axis=1)[:, k]
    return float((distance(points, reference) <= radius).any(axis=1).mean())


def _moments_of_perplexity(sd):
    """E X^k, k = 0 .. 4, of exp(normal with this sd)."""
    return np.exp(np.arange(5) ** 2 * sd**2 / 2)


def _perplexity_variance(sd):
    m = _moments_of_perplexity(sd)
    return m[2] - m[1] ** 2


def _perplexity_spread(sd):
    """Return the standard deviation of (X - E X)^2."""
    m = _moments_of_perplexity(sd)
    fourth = m[4] - 4 * m[1] * m[3] + 6 * m[1] ** 2 * m[2] - 3 * m[1] ** 4
    return math.sqrt(fourth - _perplexity_variance(sd) ** 2)


def _square_w2(mean, sd):
    return mean**2 + (sd - 1) ** 2


def _square_w2_by_quantiles(mean, sd):
    """Integral of the squared difference of the quantile functions of N(mean, sd^2) and N(0, 1)."""
    x, w = np.polynomial.hermite_e.hermegauss(40)
    return w @ (mean + sd * x - x) ** 2 / math.sqrt(2 * math.pi)


def _square_l2(mean, sd):
    cross = math.exp(-(mean**2) / (2 * (1 + sd**2))) / math.sqrt(2 * math.pi * (1 + sd**2))
    return (1 + 1 / sd) / (2 * math.sqrt(math.pi)) - 2 * cross


def _square_l2_by_quadrature(mean, sd):
    norm = scipy.stats.norm
    edges = sorted({mean - 40 * sd, mean - 3 * sd, mean, mean + 3 * sd, mean + 40 * sd, -40.0, 0.0, 40.0})
    parts = (
        scipy.integrate.quad(lambda x: (norm.pdf(x, mean, sd) - norm.pdf(x)) ** 2, a, b, epsabs=1e-14, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )
    return sum(parts)


def _log_drift_by_quadrature(n, estimator):
    """E ln S of one refit: the mean log of a chi-square over the divisor."""
    divisor = n if estimator == "mle" else n - 1

    def term(y):
        return y * math.exp((n - 1) / 2 * y - math.exp(y) / 2)

    scale = 2 ** ((n - 1) / 2) * math.gamma((n - 1) / 2)
    return scipy.integrate.quad(term, -60, 6, epsabs=0, epsrel=1e-12, limit=400)[0] / scale - math.log(divisor)


def _other(estimator):
    return {"mle": "unbiased", "unbiased": "mle"}[estimator]


def _log_variance(size, rng, n, t, estimator):
    run = simulate(
        Gaussian(0.0, 1.0, estimator=estimator), Replace(n=n), generations=t, replicates=size, rng=rng, keep=[0, t]
    )
    return run["log_variance"].sel(generation=t).values


def _clouds(shift, k):
    rng = np.random.default_rng(1)
    real, generated = rng.normal(size=(60, 2)), rng.normal(size=(40, 2))
    generated = generated + shift if shift else real
    return [covered(generated, real, k), covered(real, generated, k)]


CLAIMS = (
    Claim(
        id="METRIC-CONVENTIONS",
        title="Conventions that change numbers",
        statement=(
            "Perplexity is the exponential of the mean cross-entropy per token in nats, and the exponential of the "
            "standard deviation of losses is not the standard deviation of perplexities. W2 and its square differ. The "
            "squared L2 distance of densities grows without bound as one of them narrows. The divisors n and n - 1 of "
            "the variance give different rates of collapse. Means over chains are no guide to the typical chain. "
            "Precision and recall of generators depend on the number k of neighbours."
        ),
        formula=(
            r"\exp(\mathrm{sd}(\ell)) \ne \mathrm{sd}(e^\ell); \quad \int (p-q)^2 \sim \frac1{2\sqrt\pi\,s} \ (s \to "
            r"0); \quad E\ln\sigma_t^2 = t\,[\psi(\tfrac{n-1}2) + \ln\tfrac2{\mathrm{div}}]"
        ),
        assumptions="Normal laws where closed forms are given; k = 5 neighbours in the MAD experiments.",
        source=(DERIVED, "shumailov2024", "alemohammad2024"),
        kind=Kind.DEFINITION,
        theory=(theory.log_variance_mean, metrics.w2_squared, metrics.l2_squared),
        simulation="Losses of batches, and Gaussian chains with either divisor.",
        checks=(
            Sampled(
                label="variance of batch perplexities, losses normal with mean 0",
                predict=_perplexity_variance,
                draw=lambda size, rng, sd: (np.exp(sd * rng.standard_normal(size)) - math.exp(sd**2 / 2)) ** 2,
                sd=_perplexity_spread,
                cases=({"sd": 0.1}, {"sd": 0.3}),
                size=200000,
                mutants={"exponential of the sd of losses": lambda sd: math.exp(sd) ** 2},
            ),
            Computed(
                label="squared W2 of normal laws, by quantiles",
                predict=_square_w2,
                other=_square_w2_by_quantiles,
                cases=({"mean": 0.3, "sd": 0.5}, {"mean": 0.0, "sd": 1e-3}),
                rtol=1e-11,
                mutants={"W2 itself": lambda mean, sd: math.sqrt(_square_w2(mean, sd))},
            ),
            Computed(
                label="squared L2 of normal densities, by quadrature",
                predict=_square_l2,
                other=_square_l2_by_quadrature,
                cases=({"mean": 0.3, "sd": 0.5}, {"mean": 1.0, "sd": 0.01}),
                rtol=1e-9,
                mutants={"L2 itself": lambda mean, sd: math.sqrt(_square_l2(mean, sd))},
            ),
            Limit(
                label="squared L2 diverges as one density narrows",
                value=lambda s, mean: _square_l2(mean, 1 / s),
                asymptote=lambda s, mean: s / (2 * math.sqrt(math.pi)),
                along=(10, 100, 1000, 10000, 100000),
                remainder=lambda s: 1 / s,
                cases=({"mean": 0.0}, {"mean": 2.0}),
                name="1/sd",
            ),
            Computed(
                label="rate of collapse by divisor, by quadrature",
                predict=lambda n, estimator: theory.log_variance_mean(n, 1, estimator=estimator),
                other=_log_drift_by_quadrature,
                cases=(
                    {"n": 10, "estimator": "mle"},
                    {"n": 10, "estimator": "unbiased"},
                    {"n": 2, "estimator": "unbiased"},
                ),
                rtol=1e-9,
                mutants={
                    "the other divisor": lambda n, estimator: theory.log_variance_mean(
                        n, 1, estimator=_other(estimator)
                    )
                },
            ),
            Sampled(
                label="log variance of Gaussian chains by divisor",
                predict=lambda n, t, estimator: theory.log_variance_mean(n, t, estimator=estimator),
                draw=_log_variance,
                sd=lambda n, t, estimator: math.sqrt(theory.log_variance_var(n, t)),
                skewness=1.0,
                cases=({"n": 20, "t": 10, "estimator": "mle"}, {"n": 20, "t": 10, "estimator": "unbiased"}),
                size=40000,
                mutants={
                    "the other divisor": lambda n, t, estimator: theory.log_variance_mean(
                        n, t, estimator=_other(estimator)
                    ),
                    "log of the mean": lambda n, t, estimator: t * math.log(1 - 1 / n) if estimator == "mle" else 0.0,
                },
            ),
            Computed(
                label="precision and recall: the same points, and points far away",
                predict=lambda shift, k: [float(not shift)] * 2,
                other=_clouds,
                cases=({"shift": 0.0, "k": 5}, {"shift": 100.0, "k": 5}),
            ),
        ),
        second={
            "perplexity": perplexity,
            "precision_and_recall": lambda real, generated, k: [
                covered(generated, real, k),
                covered(real, generated, k),
            ],
        },
        remark=(
            "The logged 'std' of perplexities in the released code of the Nature paper is the exponential of a "
            "standard deviation of losses. That means over chains mislead is G-HEAVY."
        ),
        tags=("definitions", "metrics"),
    ),
)
