r"""Ferbach et al. (2024) on stability: a sharper rate for retraining on real and own data together.

The first part of the paper improves the theorem of Bertrand et al.: the divergence falls at a rate that is right where
the model is. Checked where the true factor is known: exponential families, and a logistic location with a wrong scale.
What the paper says of curated data is in another module.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.bertrand2024 import misfit, retrained, true_factor

RATIOS = np.array([1e-6, 1e-3, 0.05, 0.3, 0.5, 1.0, 2.0, 5.0, 100.0])


def _coin_ratio(t, ratio, target, start):
    """KL after t + 1 rounds over KL after t, in a loop of coins, with forty digits: near the truth it cancels."""
    import mpmath

    with mpmath.workdps(40):
        share = mpmath.mpf(ratio) / (1 + mpmath.mpf(ratio))
        target, gap = mpmath.mpf(target), mpmath.mpf(start) - mpmath.mpf(target)

        def divergence(rounds):
            m = target + share**rounds * gap
            return target * mpmath.log(target / m) + (1 - target) * mpmath.log((1 - target) / (1 - m))

        return float(divergence(t + 1) / divergence(t))


def _misfit_of(concavity, lipschitz, misfit):
    return lipschitz * misfit / concavity


def _threshold(concavity, lipschitz, misfit):
    e = _misfit_of(concavity, lipschitz, misfit)
    return theory.ferbach_ratio_bound(e) if e < 1 else 1 / (2 * e)  # the formula, also where the theorem is silent


def _noisy_coin(size, rng, ratio, t, n):
    """Squared distance of a coin from the real frequency, refitted to it and to ratio n own points."""
    q, own = np.full(size, 0.9), ratio * n
    for _ in range(t):
        q = (0.3 * n + rng.binomial(own, q)) / (n + own)
    return np.square(q - 0.3)


def _noisy_square(ratio, t, n):
    """Exact mean square: contraction by the factor squared, and the binomial noise of each round."""
    share, own = ratio / (1 + ratio), ratio * n
    mean, square = 0.6, 0.36
    for _ in range(t):
        q_spread = 0.3 * 0.7 + (1 - 0.6) * mean - square  # E q (1 - q), q = 0.3 + error
        square = share**2 * (square + q_spread / own)
        mean *= share
    return square


CLAIMS = (
    Claim(
        id="ferbach-thm2.2-stability",
        title="A rate of stability that is right where the model is",
        statement=(
            "If L eps < alpha and lambda < alpha/(2 L eps), the divergence of the retrained model from the best one "
            "falls geometrically, at no more than the published rate; for a model that contains the truth the rate is "
            "exact."
        ),
        formula=(
            r"KL(p_{\theta^*}\|p_{\theta_t}) = \tilde O\bigg(\Big(\frac{\lambda(\alpha+\varepsilon L)}"
            r"{\alpha+\lambda(\alpha-\varepsilon L)}\Big)^{2t}\bigg); \qquad \varepsilon = 0:\ "
            r"\Big(\frac\lambda{1+\lambda}\Big)^{2t}"
        ),
        assumptions="As for Bertrand et al.; infinite samples.",
        source=("ferbach2024", "bertrand2024"),
        locus="Theorem 2.2",
        kind=Kind.BOUND,
        theory=(theory.ferbach_kl_rate, theory.ferbach_ratio_bound, theory.retraining_factor),
        simulation="A coin refitted to real and own points, finitely many: contraction plus binomial noise.",
        checks=(
            Limit(
                label="divergence of coins, round by round",
                value=_coin_ratio,
                asymptote=lambda t, ratio, target, start: theory.ferbach_kl_rate(ratio),
                along=(6, 8, 10, 12, 14),
                remainder=lambda t: 0.5**t,
                name="t",
                cases=({"ratio": 1.0, "target": 0.3, "start": 0.6},),
                mutants={
                    "lambda/(1-lambda)": lambda t, ratio, target, start: 0.5**2 / (1 - 0.5) ** 2,
                    "not squared": lambda t, ratio, target, start: theory.retraining_factor(ratio),
                },
            ),
            Limit(
                label="the same with more synthetic data",
                value=_coin_ratio,
                asymptote=lambda t, ratio, target, start: theory.ferbach_kl_rate(ratio),
                along=(16, 20, 24, 28, 32),
                remainder=lambda t: 0.75**t,
                name="t",
                cases=({"ratio": 3.0, "target": 0.3, "start": 0.6},),
            ),
            Ordered(
                label="published rate and true factor, wrong model",
                lower=lambda scale: true_factor(_allowed(scale), scale) ** 2,
                upper=lambda scale: theory.ferbach_kl_rate(_allowed(scale), misfit(scale)),
                bound="upper",
                cases=({"scale": 1.0}, {"scale": 1.02}, {"scale": 1.5}, {"scale": 0.5}),
                mutants={"of a model that is right": lambda scale: theory.ferbach_kl_rate(_allowed(scale)) * 0.95},
            ),
            Ordered(
                label="a wrong model, refitted",
                lower=lambda scale, ratio: abs(retrained(ratio, scale, 1e-3) / 1e-3) ** 2,
                upper=lambda scale, ratio: theory.ferbach_kl_rate(ratio, misfit(scale)),
                bound="upper",
                cases=({"scale": 1.02, "ratio": 3.0}, {"scale": 1.5, "ratio": 1.0}),
                rtol=1e-5,
            ),
            Ordered(
                label="it is sharper than the earlier rate",
                lower=lambda e: theory.ferbach_kl_rate(RATIOS / (1 + e) / 200, e),
                upper=lambda e: theory.bertrand_rate(RATIOS / (1 + e) / 200, e) ** 2,
                bound="upper",
                cases=({"e": 0.0}, {"e": 0.9}),
            ),
            Sampled(
                label="finite samples: mean square of a coin's error",
                predict=_noisy_square,
                draw=_noisy_coin,
                bounds=(0.0, 0.49),
                cases=({"ratio": 3, "t": 3, "n": 100}, {"ratio": 1, "t": 2, "n": 20}),
                size=20000,
                mutants={"no noise": lambda ratio, t, n: 0.36 * float(theory.ferbach_kl_rate(ratio)) ** t},
            ),
        ),
        second={
            "ferbach_rate": lambda ratio, concavity, lipschitz, misfit, t: (
                theory.ferbach_kl_rate(ratio, _misfit_of(concavity, lipschitz, misfit)) ** t
            ),
            "ferbach_threshold": _threshold,
        },
        tags=("stability", "real data"),
    ),
)


def _allowed(scale):
    """Ratios below the bound of the theorem."""
    return np.minimum(RATIOS, 0.999 * theory.ferbach_ratio_bound(misfit(scale)))
