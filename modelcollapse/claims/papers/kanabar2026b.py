r"""Kanabar and Gastpar (2026), Minimax bounds for watermarked and masked recursive discrete distribution estimation.

A watermark detector says something of every point. Weighing points by the probability that they are real multiplies
what a batch is worth by 1 + chi^2. Checked by drawing batches in which every output occurs as often as expected, where
the error is exactly that; the channels of the paper by summing over their outputs. One of them is misprinted (ERR-10).
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.verify import Status


def _setup(alpha, real_law, synthetic_law):
    q1, q0 = np.asarray(real_law, dtype=float), np.asarray(synthetic_law, dtype=float)
    seen = alpha * q1 + (1 - alpha) * q0
    return seen, alpha * q1 / seen


def _size(n, alpha, real_law, synthetic_law):
    return theory.watermark_effective_size(n, alpha, theory.watermark_chi_square(alpha, real_law, synthetic_law))


def _error(n, alpha, p, real_law, synthetic_law):
    return p * (1 - p) / _size(n, alpha, real_law, synthetic_law)


def _estimate(size, rng, n, alpha, p, previous, real_law, synthetic_law, drop=None):
    """Estimate p from n points of which each output has its expected number; synthetic ones are from `previous`.

    A point of output w is real with probability pi_w; the estimate weighs it by pi_w (or by whether w is not `drop`).
    """
    seen, posterior = _setup(alpha, real_law, synthetic_law)
    total, worth = np.zeros(size), 0.0
    for w, count in enumerate(np.rint(n * seen).astype(int)):
        if w == drop:
            continue
        real = rng.random((size, count)) < posterior[w]
        heads = rng.random((size, count)) < np.where(real, p, previous)
        weight = posterior[w] if drop is None else 1.0
        total += weight * (heads - (1 - posterior[w]) * previous).sum(axis=1)
        worth += weight * posterior[w] * count
    return total / worth


def _estimate_sd(n, alpha, p, previous, real_law, synthetic_law):
    seen, posterior = _setup(alpha, real_law, synthetic_law)
    r = posterior * p + (1 - posterior) * previous
    return math.sqrt(float((n * seen * posterior**2 * r * (1 - r)).sum())) / float((n * seen * posterior**2).sum())


def _weighted(size, rng, n, alpha, p, real_law, synthetic_law, drop=None):
    """Squared error of the estimate, the last one being right."""
    return np.square(_estimate(size, rng, n, alpha, p, p, real_law, synthetic_law, drop) - p)


def _weighted_sd(n, alpha, p, real_law, synthetic_law, drop=None):
    """Of a square whose root is a sum of coins: at most the normal value and their fourth cumulants."""
    seen, posterior = _setup(alpha, real_law, synthetic_law)
    weight = posterior if drop is None else (np.arange(len(seen)) != drop).astype(float)
    worth = float((n * seen * weight * posterior).sum())
    v = p * (1 - p)
    variance = float((n * seen * weight**2).sum()) * v / worth**2
    fourth = float((n * seen * weight**4).sum()) * v * (1 - 6 * v) / worth**4
    return math.sqrt(2 * variance**2 + fourth)


def _by_posterior(alpha, real_law, synthetic_law):
    """chi^2 from squared posteriors: 1 + chi^2 = E pi^2 / alpha^2."""
    seen, posterior = _setup(alpha, real_law, synthetic_law)
    return float((seen * posterior**2).sum()) / alpha**2 - 1


def _symmetric(alpha, epsilon):
    return ((1 - epsilon, epsilon), (epsilon, 1 - epsilon))


def _erasure(alpha, epsilon):
    """Return the laws of an erasure channel: read as real, read as synthetic, unreadable."""
    return ((1 - epsilon, 0.0, epsilon), (0.0, 1 - epsilon, epsilon))


def _channel_by_sum(alpha, epsilon, channel):
    laws = _symmetric(alpha, epsilon) if channel == "symmetric" else _erasure(alpha, epsilon)
    q1, q0 = np.asarray(laws[0]), np.asarray(laws[1])
    mixed = alpha * q1 + (1 - alpha) * q0
    some = mixed > 0
    return float((np.square(q1 - mixed)[some] / mixed[some]).sum())


def _printed_symmetric(alpha, epsilon):
    """Claim 2 as printed; at 0 and 1 its limit."""
    if epsilon in (0.0, 1.0):
        return theory.symmetric_chi_square(alpha, epsilon)
    odds, flip = alpha / (1 - alpha), epsilon / (1 - epsilon)
    return (1 - 2 * epsilon) * (1 / (odds + flip) - 1 / (odds + 1 / flip))


def _dropped(n, alpha, tpr, fpr):
    return theory.exclusion_effective_size(n, alpha, tpr, fpr)


def _detector_laws(tpr, fpr):
    """Outputs: flagged, not flagged."""
    return (fpr, 1 - fpr), (tpr, 1 - tpr)


def _batches(sizes, alphas, real_law, synthetic_law):
    chi = [theory.watermark_chi_square(a, real_law, synthetic_law) for a in alphas]
    return theory.watermark_risk_bound(sizes, alphas, np.array(chi))


GRID = tuple((a, e) for a in (0.01, 0.2, 0.9) for e in (0.0, 0.02, 0.3, 0.5, 0.97))

CLAIMS = (
    Claim(
        id="watermark-effective-sample-size",
        title="A watermark multiplies what a batch is worth by 1 + chi^2",
        statement=(
            "With n draws of which a share alpha is real, the rest from the known last estimate, a detector whose "
            "outputs have the laws Q_1 and Q_0 makes the batch worth n alpha^2 (1 + chi^2) real points: n alpha^2 if "
            "it says nothing, n alpha if it says all. A binary detector whose flagged points are dropped keeps one of "
            "two terms. The gain is bounded by 1/max(alpha, min Q_0/Q_1): it vanishes unless misses get as rare as "
            "real points."
        ),
        formula=(
            r"n\alpha^2\big(1+\chi^2(Q_1\|\bar Q_\alpha)\big), \quad \bar Q_\alpha = \alpha Q_1+(1-\alpha)Q_0; \qquad "
            r"1+\chi^2 = \frac{(1-\mathrm{FPR})^2}{Q_u}+\frac{\mathrm{FPR}^2}{Q_f}; \qquad "
            r"1+\chi^2 \le \frac1{\alpha+\underline\epsilon-\alpha\underline\epsilon}"
        ),
        assumptions="Last estimate near the truth; every output as often as expected, for the linear estimator.",
        source=("kanabar2026b",),
        locus="Theorems 1 and 2, Proposition 1, Claim 2; binary detector derived",
        kind=Kind.BOUND,
        theory=(
            theory.watermark_effective_size,
            theory.watermark_chi_square,
            theory.detector_chi_square,
            theory.exclusion_effective_size,
            theory.symmetric_chi_square,
            theory.watermark_chi_square_bound,
            theory.watermark_risk_bound,
        ),
        simulation=(
            "Batches with expected numbers of every output; points weighed by the probability that they are real."
        ),
        checks=(
            Sampled(
                label="the weighted estimate is unbiased, wherever the last one is",
                predict=lambda p, **case: p,
                draw=_estimate,
                sd=_estimate_sd,
                skewness=1.0,
                cases=(
                    {
                        "n": 40,
                        "alpha": 0.5,
                        "p": 0.3,
                        "previous": 0.9,
                        "real_law": (0.8, 0.2),
                        "synthetic_law": (0.2, 0.8),
                    },
                ),
                size=20000,
                mutants={"not subtracted": lambda p, previous, **case: (p + previous) / 2},
            ),
            Sampled(
                label="squared error of the weighted estimate",
                predict=_error,
                draw=_weighted,
                sd=_weighted_sd,
                skewness=4.0,
                cases=(
                    {"n": 40, "alpha": 0.5, "p": 0.3, "real_law": (0.8, 0.2), "synthetic_law": (0.2, 0.8)},
                    {"n": 100, "alpha": 0.2, "p": 0.5, "real_law": (0.6, 0.3, 0.1), "synthetic_law": (0.1, 0.3, 0.6)},
                ),
                size=60000,
                mutants={
                    "no watermark": lambda n, alpha, p, **laws: p * (1 - p) / (n * alpha**2),
                    "oracle": lambda n, alpha, p, **laws: p * (1 - p) / (n * alpha),
                },
            ),
            Sampled(
                label="squared error after dropping what is flagged",
                predict=lambda n, alpha, p, tpr, fpr: p * (1 - p) / _dropped(n, alpha, tpr, fpr),
                draw=lambda size, rng, n, alpha, p, tpr, fpr: _weighted(
                    size, rng, n, alpha, p, *_detector_laws(tpr, fpr), drop=0
                ),
                sd=lambda n, alpha, p, tpr, fpr: _weighted_sd(n, alpha, p, *_detector_laws(tpr, fpr), drop=0),
                skewness=4.0,
                cases=({"n": 40, "alpha": 0.5, "p": 0.3, "tpr": 0.8, "fpr": 0.2},),
                size=60000,
                mutants={
                    "both terms": lambda n, alpha, p, tpr, fpr: p * (1 - p) / _size(n, alpha, *_detector_laws(tpr, fpr))
                },
            ),
            Computed(
                label="chi^2 from posteriors",
                predict=lambda alpha, real_law, synthetic_law: theory.watermark_chi_square(
                    alpha, real_law, synthetic_law
                ),
                other=_by_posterior,
                cases=(
                    {"alpha": 0.3, "real_law": (0.7, 0.2, 0.1), "synthetic_law": (0.1, 0.5, 0.4)},
                    {"alpha": 0.01, "real_law": (0.99, 0.01), "synthetic_law": (0.05, 0.95)},
                ),
                mutants={
                    "laws swapped": lambda alpha, real_law, synthetic_law: theory.watermark_chi_square(
                        alpha, synthetic_law, real_law
                    ),
                    "against the synthetic law": lambda alpha, real_law, synthetic_law: theory.watermark_chi_square(
                        alpha / 2, real_law, synthetic_law
                    ),
                },
            ),
            Computed(
                label="symmetric channel (Claim 2 as printed)",
                predict=_printed_symmetric,
                other=lambda alpha, epsilon: _channel_by_sum(alpha, epsilon, "symmetric"),
                cases=(
                    {"alpha": 0.1, "epsilon": 0.05},
                    {"alpha": 0.7, "epsilon": 0.9},
                    {"alpha": 0.001, "epsilon": 0.3},
                ),
                mutants={
                    "1 - epsilon for 1 - 2 epsilon": lambda alpha, epsilon: (
                        (1 - epsilon) / (1 - 2 * epsilon) * _printed_symmetric(alpha, epsilon)
                    )
                },
            ),
            Computed(
                label="binary detector: two terms",
                predict=lambda alpha, tpr, fpr: theory.detector_chi_square(alpha, tpr, fpr),
                other=lambda alpha, tpr, fpr: _by_posterior(alpha, *_detector_laws(tpr, fpr)),
                cases=({"alpha": 0.3, "tpr": 0.85, "fpr": 0.05}, {"alpha": 0.05, "tpr": 0.5, "fpr": 0.4}),
            ),
            Ordered(
                label="Proposition 1",
                lower=lambda grid: np.array(
                    [theory.watermark_chi_square(a, *_symmetric(a, e)) for a, e in grid]
                    + [theory.watermark_chi_square(a, *_erasure(a, e)) for a, e in grid]
                ),
                upper=lambda grid: np.array(
                    [theory.watermark_chi_square_bound(a, *_symmetric(a, e)) for a, e in grid]
                    + [theory.watermark_chi_square_bound(a, *_erasure(a, e)) for a, e in grid]
                ),
                bound="upper",
                cases=({"grid": GRID},),
                rtol=1e-9,
            ),
            Limit(
                label="few real points: a fixed miss rate caps the gain",
                value=lambda n, epsilon: theory.symmetric_chi_square(1 / n, epsilon),
                asymptote=lambda n, epsilon: (1 - 2 * epsilon) ** 2 / (epsilon * (1 - epsilon)),
                along=(1e3, 2e3, 4e3, 8e3, 1.6e4),
                remainder=lambda n: 1 / n,
                name="1/alpha",
                cases=({"epsilon": 0.05}, {"epsilon": 0.3}),
                mutants={"an oracle's": lambda n, epsilon: n},
            ),
            Ordered(
                label="the bound of Theorem 2 holds for the estimator that subtracts",
                lower=lambda sizes, alphas, real_law, synthetic_law: theory.provenance_free_error(
                    sizes, alphas, 1.0, channels=[(real_law, synthetic_law)] * len(sizes)
                )[-1],
                upper=_batches,
                bound="upper",
                cases=(
                    {
                        "sizes": (100,) * 5,
                        "alphas": (1.0, 0.5, 0.5, 0.5, 0.5),
                        "real_law": (0.9, 0.1),
                        "synthetic_law": (0.2, 0.8),
                    },
                ),
            ),
        ),
        second={
            "watermark_chi_square": lambda alpha, real_law, synthetic_law: theory.watermark_chi_square(
                alpha, real_law, synthetic_law
            ),
            "watermark_ess": _size,
            "blind_ess": lambda n, alpha: theory.watermark_effective_size(n, alpha),
            "oracle_ess": lambda n, alpha: theory.watermark_effective_size(n, alpha, (1 - alpha) / alpha),
            "detector_ess": lambda n, alpha, tpr, fpr: theory.watermark_effective_size(
                n, alpha, theory.detector_chi_square(alpha, tpr, fpr)
            ),
            "detector_ess_dropping": _dropped,
            "detector_ess_of_flagged": lambda n, alpha, tpr, fpr: _dropped(n, alpha, 1 - tpr, 1 - fpr),
            "symmetric_channel": lambda alpha, epsilon: theory.symmetric_chi_square(alpha, epsilon),
            "erasure_channel": lambda alpha, epsilon: theory.erasure_chi_square(alpha, epsilon),
            "erasure_channel_as_printed": lambda alpha, epsilon: (alpha - epsilon) / alpha,
            "watermark_gain_bound": lambda alpha, real_law, synthetic_law: (
                1 + theory.watermark_chi_square_bound(alpha, real_law, synthetic_law)
            ),
            "watermark_loss_bound": _batches,
        },
        remark="The lower bound of Theorem 1, over all estimators, is not checked.",
        tags=("detector", "watermark", "provenance"),
    ),
    Claim(
        id="ERR-10",
        title="The erasure channel of the watermark paper",
        statement=(
            "For a watermark that is unreadable with probability epsilon the paper prints chi^2 = 1 - epsilon/alpha, "
            "and an improvement by the factor 1 - chi^2."
        ),
        formula=(
            r"\chi^2 = 1-\frac\epsilon\alpha \quad\text{(printed)}, \qquad \chi^2 = "
            r"\frac{(1-\epsilon)(1-\alpha)}\alpha"
        ),
        assumptions="Erasure channel: read rightly with probability 1 - epsilon, else unreadable.",
        source=("kanabar2026b", "modelcollapse"),
        locus="Claim 1",
        kind=Kind.CORRECTION,
        theory=(theory.erasure_chi_square, theory.watermark_effective_size),
        simulation="Batches whose watermark is erased for a share of the points.",
        printed="chi^2 = 1 - epsilon/alpha, and the gain 1 - chi^2.",
        holds=(
            "chi^2 = (1 - epsilon)(1 - alpha)/alpha, so 1 + chi^2 = (1 - epsilon)/alpha + epsilon; the gain is 1 + "
            "chi^2. A lost fraction bar, (1 - epsilon)/alpha, is not it either. Both may be faults of the copy that "
            "was read."
        ),
        checks=(
            Computed(
                label="chi^2 summed over the three outputs",
                predict=lambda alpha, epsilon: 1 - epsilon / alpha,
                other=lambda alpha, epsilon: _channel_by_sum(alpha, epsilon, "erasure"),
                cases=({"alpha": 0.1, "epsilon": 0.05}, {"alpha": 0.3, "epsilon": 0.5}, {"alpha": 0.9, "epsilon": 0.2}),
            ),
            Computed(
                label="the same with a fraction bar put back",
                predict=lambda alpha, epsilon: (1 - epsilon) / alpha,
                other=lambda alpha, epsilon: _channel_by_sum(alpha, epsilon, "erasure"),
                cases=({"alpha": 0.1, "epsilon": 0.05}, {"alpha": 0.3, "epsilon": 0.5}),
            ),
            Computed(
                label="gain 1 - chi^2: a watermark that is always read must be an oracle",
                predict=lambda n, alpha: n * alpha**2 * (1 - _channel_by_sum(alpha, 0.0, "erasure")),
                other=lambda n, alpha: n * alpha,
                cases=({"n": 1000, "alpha": 0.2},),
            ),
        ),
        correction=(
            Computed(
                label="chi^2 summed over the three outputs",
                predict=lambda alpha, epsilon: theory.erasure_chi_square(alpha, epsilon),
                other=lambda alpha, epsilon: _channel_by_sum(alpha, epsilon, "erasure"),
                cases=({"alpha": 0.1, "epsilon": 0.05}, {"alpha": 0.3, "epsilon": 0.5}, {"alpha": 0.9, "epsilon": 0.2}),
                mutants={"as printed": lambda alpha, epsilon: 1 - epsilon / alpha},
            ),
            Computed(
                label="gain 1 + chi^2: a watermark that is always read is an oracle",
                predict=lambda n, alpha: theory.watermark_effective_size(
                    n, alpha, theory.erasure_chi_square(alpha, 0.0)
                ),
                other=lambda n, alpha: n * alpha,
                cases=({"n": 1000, "alpha": 0.2}, {"n": 50, "alpha": 0.9}),
            ),
            Sampled(
                label="squared error of the weighted estimate",
                predict=lambda n, alpha, p, epsilon: (
                    p * (1 - p) / theory.watermark_effective_size(n, alpha, theory.erasure_chi_square(alpha, epsilon))
                ),
                draw=lambda size, rng, n, alpha, p, epsilon: _weighted(
                    size, rng, n, alpha, p, *_erasure(alpha, epsilon)
                ),
                sd=lambda n, alpha, p, epsilon: _weighted_sd(n, alpha, p, *_erasure(alpha, epsilon)),
                skewness=4.0,
                cases=({"n": 80, "alpha": 0.25, "p": 0.5, "epsilon": 0.4},),
                size=60000,
                mutants={
                    "as printed": lambda n, alpha, p, epsilon: (
                        p * (1 - p) / (n * alpha**2 * abs(1 + 1 - epsilon / alpha))
                    )
                },
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("watermark", "erratum"),
    ),
)
