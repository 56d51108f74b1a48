r"""Kanabar and Gastpar (2026), Model non-collapse: minimax bounds for recursive discrete distribution estimation.

Batches are partly real, partly drawn from the last estimate, and nobody says which points are which. An estimator that
subtracts the last estimate is unbiased, and a batch of n points with a real share alpha is worth n alpha^2 real ones
(n alpha, if provenance is known). Checked by drawing batches, and by every count that a batch can show.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _single(size, rng, n, alpha, p, previous):
    """Estimate from one batch, point by point: real or from the last estimate."""
    real = rng.random((size, n)) < alpha
    heads = rng.random((size, n)) < np.where(real, p, previous)
    return (heads.mean(axis=1) - (1 - alpha) * previous) / alpha


def _single_moments(size, rng, n, alpha, p, previous):
    off = _single(size, rng, n, alpha, p, previous) - p
    return np.column_stack([off, off**2])


def _variance(n, alpha, p, previous):
    r = alpha * p + (1 - alpha) * previous
    return r * (1 - r) / (n * alpha**2)


def _single_sd(n, alpha, p, previous):
    """Of the estimate, and of its square: a binomial has a fourth moment of at most 3 variance^2 + variance / n'."""
    v, unit = _variance(n, alpha, p, previous), 1 / (n * alpha) ** 2
    return np.array([math.sqrt(v), math.sqrt(2 * v**2 + unit * v)])


def _chain(size, rng, n, alpha, p, t):
    """The linear estimate after t batches, weights n alpha, batches partly from the last estimate."""
    estimate, worth = rng.binomial(n, p, size) / n, float(n)
    for _ in range(t - 1):
        seen = rng.binomial(n, np.clip(alpha * p + (1 - alpha) * estimate, 0, 1)) / n
        step = n * alpha**2
        estimate = (worth * estimate + step * (seen - (1 - alpha) * estimate) / alpha) / (worth + step)
        worth += step
    return (estimate - p) ** 2


def _chain_error(n, alpha, p, t):
    """Mean squared error of one of two frequencies; the squared distance of both is twice that."""
    return theory.provenance_free_error(n, [1.0] + [alpha] * (t - 1), 2 * p * (1 - p))[-1] / 2


def _best_combination(sizes, alphas, p, previous):
    """Combine by inverse variance."""
    v = [_variance(n, a, p, q) for n, a, q in zip(sizes, alphas, previous, strict=True)]
    return 1 / math.fsum(1 / x for x in v)


CLAIMS = (
    Claim(
        id="KG-ESS",
        title="Without provenance a batch is worth n alpha^2 real points",
        statement=(
            "Batch i has n_i points, each real with probability alpha_i, otherwise from the last estimate; all data "
            "are kept. The minimax squared loss is of the order 1/sum n_i alpha_i^2 without provenance, 1/sum n_i "
            "alpha_i with an oracle. The estimator that subtracts the last estimate is unbiased with a known variance "
            "and attains it."
        ),
        formula=(
            r"\Theta\Big(\frac1{\sum_in_i\alpha_i^2}\Big) \ \text{or}\ \Theta\Big(\frac1{\sum_in_i\alpha_i}\Big); "
            r"\qquad \tilde p_i = \frac{\hat p_i-(1-\alpha_i)\hat P_{i-1}}{\alpha_i}, \quad \mathrm{Var} = "
            r"\frac{r(1-r)}{n_i\alpha_i^2},\ r = \alpha_ip+(1-\alpha_i)\hat P_{i-1}"
        ),
        assumptions="The first batch is real; most regimes of batch sizes.",
        source=("kanabar2026", "kanabar2026b"),
        locus="minimax rates (through the later paper); estimator derived",
        kind=Kind.BOUND,
        theory=(theory.minimax_order, theory.provenance_free_error),
        simulation="Batches drawn point by point; chains of linear estimates.",
        checks=(
            Sampled(
                label="bias and variance of one batch",
                predict=lambda n, alpha, p, previous: np.array([0.0, _variance(n, alpha, p, previous)]),
                draw=_single_moments,
                sd=_single_sd,
                skewness=4.0,
                cases=(
                    {"n": 40, "alpha": 0.3, "p": 0.2, "previous": 0.6},
                    {"n": 10, "alpha": 0.8, "p": 0.5, "previous": 0.1},
                ),
                size=60000,
                mutants={
                    "n alpha": lambda n, alpha, p, previous: np.array([0.0, alpha * _variance(n, alpha, p, previous)]),
                    "not subtracted": lambda n, alpha, p, previous: np.array(
                        [(1 - alpha) * (previous - p), _variance(n, alpha, p, previous)]
                    ),
                },
                scale=lambda n, alpha, p, previous: np.array([1.0, _variance(n, alpha, p, previous)]),
            ),
            Sampled(
                label="error after several batches",
                predict=_chain_error,
                draw=_chain,
                sd=lambda n, alpha, p, t: 1.7 * _chain_error(n, alpha, p, t),
                skewness=4.0,
                cases=({"n": 50, "alpha": 0.4, "p": 0.3, "t": 4}, {"n": 20, "alpha": 0.8, "p": 0.5, "t": 10}),
                size=60000,
                mutants={
                    "oracle": lambda n, alpha, p, t: (
                        p * (1 - p) * theory.minimax_order(n, [1.0] + [alpha] * (t - 1), oracle=True)
                    )
                },
            ),
            Ordered(
                label="the estimator attains the order, with constant one",
                lower=lambda sizes, alphas, H: theory.provenance_free_error(sizes, alphas, H),
                upper=lambda sizes, alphas, H: np.array(
                    [H * theory.minimax_order(sizes[: i + 1], alphas[: i + 1]) for i in range(len(sizes))]
                ),
                bound="upper",
                cases=(
                    {"sizes": (100,) * 20, "alphas": (1.0, *(0.3,) * 19), "H": 0.5},
                    {"sizes": (50, 10, 500, 50), "alphas": (1.0, 0.9, 0.1, 0.5), "H": 0.9},
                ),
                mutants={
                    "oracle": lambda sizes, alphas, H: np.array(
                        [
                            H * theory.minimax_order(sizes[: i + 1], alphas[: i + 1], oracle=True)
                            for i in range(len(sizes))
                        ]
                    )
                },
            ),
            Limit(
                label="error times sum n alpha^2, for large batches",
                value=lambda n, t, alpha, H: (
                    theory.provenance_free_error(n, [1.0] + [alpha] * (t - 1), H)[-1]
                    / theory.minimax_order(n, [1.0] + [alpha] * (t - 1))
                ),
                asymptote=lambda n, t, alpha, H: H,
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
                cases=({"t": 20, "alpha": 0.5, "H": 0.5}, {"t": 100, "alpha": 0.2, "H": 0.9}),
                mutants={"an oracle's": lambda n, t, alpha, H: alpha * H},
            ),
            Computed(
                label="an oracle counts real points",
                predict=lambda sizes, alphas: sum(n * a for n, a in zip(sizes, alphas, strict=True)),
                other=lambda sizes, alphas: 1 / theory.minimax_order(sizes, alphas, oracle=True),
                cases=({"sizes": (100, 50), "alphas": (1.0, 0.2)},),
            ),
        ),
        second={
            "without_provenance_mean": lambda n, alpha, p, previous: p,
            "without_provenance_variance": _variance,
            "combined_variance": _best_combination,
            "ess_without_provenance": lambda sizes, alphas: 1 / theory.minimax_order(sizes, alphas),
            "ess_oracle": lambda sizes, alphas: 1 / theory.minimax_order(sizes, alphas, oracle=True),
        },
        remark="The lower bound over all estimators is not checked; that the order is attained is.",
        tags=("detector", "categorical", "provenance"),
    ),
)
