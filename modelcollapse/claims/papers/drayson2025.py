r"""Drayson, Yilmaz and Lampos (2025), Machine-generated text detection prevents language model collapse.

Before a model is retrained, the corpus is resampled with weights that fall steeply with a detector's score. What can be
checked without language models is the resampling: 1.5 N of three copies of N items, without replacement, weights
(1 - s)^b. Checked with the published rule, literally, against an exact chain for the numbers drawn of each weight.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind

COPIES, SHARE, POWER = 3, 1.5, 10.0


@cache
def _drawn_low(low, high, ratio, draws):
    """Expected number of copies of a lower score among draws without replacement; `ratio` of weights, low to high."""
    law = np.zeros(draws + 1)
    law[0] = 1.0
    a = np.arange(draws + 1)
    for m in range(draws):
        left = np.maximum(low - a, 0) * ratio
        other = np.maximum(high - (m - a), 0)
        total = left + other
        chance = np.divide(left, total, out=np.zeros(draws + 1), where=total > 0)
        moved = law * chance
        law = law - moved
        law[1:] += moved[:-1]
    return float(law @ a)


def _items(n, alpha, real_low, synthetic_low):
    """Return numbers of real and synthetic items with the lower and the higher score, of n items."""
    real = round(alpha * n)
    kinds = round(real * real_low), round((n - real) * synthetic_low)
    return kinds[0], real - kinds[0], kinds[1], n - real - kinds[1]


def _exact(n, alpha, real_low, synthetic_low, scores, power=POWER):
    """Expected synthetic share of the resampled corpus: within a score all copies are alike."""
    rl, rh, sl, sh = _items(n, alpha, real_low, synthetic_low)
    draws = round(SHARE * n)
    ratio = ((1 - scores[0]) / (1 - scores[1])) ** power
    low = _drawn_low(COPIES * (rl + sl), COPIES * (rh + sh), ratio, draws)
    return (low * sl / (rl + sl) + (draws - low) * sh / (rh + sh)) / draws


def _resampled(size, rng, n, alpha, real_low, synthetic_low, scores):
    """Resample as published: round(1.5 N) of three copies, without replacement, in proportion to (1 - s)^10."""
    rl, rh, sl, sh = _items(n, alpha, real_low, synthetic_low)
    score = np.repeat([scores[0], scores[1], scores[0], scores[1]], [rl, rh, sl, sh])
    synthetic = np.arange(n) >= rl + rh
    weight = np.tile((1 - score) ** POWER, COPIES)
    weight = weight / weight.sum()
    origin = np.tile(synthetic, COPIES)
    draws = round(SHARE * n)
    return np.array([origin[rng.choice(COPIES * n, draws, replace=False, p=weight)].mean() for _ in range(size)])


def _with_replacement(size, rng, alpha, scores, law_real, law_synthetic, power):
    """One weighted draw each from its own corpus of very many items: an item is accepted with its weight."""
    weight = (1 - np.asarray(scores)) ** power
    weight = weight / weight.max()
    out = np.empty(0, dtype=bool)
    while len(out) < size:
        synthetic = rng.random(2 * size) >= alpha
        score = np.where(
            synthetic,
            rng.choice(len(scores), 2 * size, p=law_synthetic),
            rng.choice(len(scores), 2 * size, p=law_real),
        )
        out = np.concatenate([out, synthetic[rng.random(2 * size) < weight[score]]])
    return out[:size]


def _limit(n, alpha, real_low, synthetic_low, scores, drawn=SHARE / COPIES):
    return theory.resampling_contamination(
        alpha, scores, (real_low, 1 - real_low), (synthetic_low, 1 - synthetic_low), power=POWER, drawn=drawn
    )


def _of_scores(alpha, b, synthetic_scores, real_scores):
    scores = np.concatenate([real_scores, synthetic_scores])
    real = np.repeat([1 / len(real_scores), 0.0], [len(real_scores), len(synthetic_scores)])
    synthetic = np.repeat([0.0, 1 / len(synthetic_scores)], [len(real_scores), len(synthetic_scores)])
    return theory.resampling_contamination(alpha, scores, real, synthetic, power=b)


def _beta_scores(alpha, concentration, power):
    """Contamination for calibrated scores of a beta law, by quadrature over the score."""
    from scipy.integrate import quad
    from scipy.stats import beta

    law = beta(concentration * (1 - alpha), concentration * alpha)
    top = quad(lambda s: s * (1 - s) ** power * law.pdf(s), 0, 1, epsabs=0, epsrel=1e-10)[0]
    return top / quad(lambda s: (1 - s) ** power * law.pdf(s), 0, 1, epsabs=0, epsrel=1e-10)[0]


CORPUS = {"alpha": 0.5, "real_low": 0.8, "synthetic_low": 0.2, "scores": (0.1, 0.3)}

CLAIMS = (
    Claim(
        id="drayson-importance-resampling",
        title="Resampling by a detector's score lowers the contamination, less than its weights say",
        statement=(
            "A corpus is resampled by drawing 1.5 N of three copies of its N items without replacement, with weights "
            "(1 - s)^10. With replacement the synthetic share would be that of the weights; without it is higher, "
            "because half of all copies are taken. (That this prevents collapse is an experiment with language "
            "models.)"
        ),
        formula=(
            r"w = (1-s)^b, \qquad \kappa' = \frac{(1-\alpha)E_{\rm syn}[w]}{(1-\alpha)E_{\rm syn}[w]+\alpha E_{\rm "
            r"real}[w]} \ \text{(with replacement; without it } w \to 1-e^{-w\theta},\ E[1-e^{-w\theta}] = \tfrac12)"
        ),
        assumptions="Scores given; many items for the limit.",
        source=("drayson2025",),
        locus="rule of the released code; contamination derived",
        kind=Kind.EMPIRICAL,
        theory=(
            theory.resampling_contamination,
            theory.resampling_contamination_beta,
            theory.resampling_efficiency,
        ),
        simulation="The published rule on small corpora; single weighted draws.",
        checks=(
            Sampled(
                label="the published rule against the chain of numbers drawn",
                predict=_exact,
                draw=_resampled,
                bounds=(0.0, 1.0),
                cases=(
                    {"n": 20, **CORPUS},
                    {"n": 60, "alpha": 0.4, "real_low": 0.75, "synthetic_low": 0.25, "scores": (0.2, 0.6)},
                ),
                size=8000,
                mutants={
                    "with replacement": lambda n, **corpus: _limit(n, **corpus, drawn=0.0),
                    "no weights": lambda n, alpha, **corpus: 1 - alpha,
                    "power 1": lambda n, **corpus: _exact(n, **corpus, power=1.0),
                },
            ),
            Limit(
                label="many items: 1 - exp(-w theta) in the place of the weight",
                value=_exact,
                asymptote=_limit,
                along=(40, 80, 160, 320),
                remainder=lambda n: 1 / n,
                name="N",
                cases=(CORPUS, {"alpha": 0.25, "real_low": 0.9, "synthetic_low": 0.1, "scores": (0.0, 0.2)}),
                mutants={"with replacement": lambda n, **corpus: _limit(n, **corpus, drawn=0.0)},
            ),
            Sampled(
                label="one weighted draw from a large corpus",
                predict=lambda alpha, scores, law_real, law_synthetic, power: theory.resampling_contamination(
                    alpha, scores, law_real, law_synthetic, power=power
                ),
                draw=_with_replacement,
                cases=(
                    {
                        "alpha": 0.5,
                        "scores": (0.1, 0.2, 0.9),
                        "law_real": (0.6, 0.3, 0.1),
                        "law_synthetic": (0.3, 0.3, 0.4),
                        "power": 2.0,
                    },
                    {
                        "alpha": 0.3,
                        "scores": (0.0, 0.1, 0.5),
                        "law_real": (0.5, 0.3, 0.2),
                        "law_synthetic": (0.3, 0.4, 0.3),
                        "power": 10.0,
                    },
                ),
                size=60000,
                mutants={
                    "laws swapped": lambda alpha, scores, law_real, law_synthetic, power: (
                        theory.resampling_contamination(alpha, scores, law_synthetic, law_real, power=power)
                    )
                },
            ),
            Computed(
                label="calibrated scores of a beta law, by quadrature",
                predict=lambda alpha, concentration, power: theory.resampling_contamination_beta(
                    alpha, concentration, power
                ),
                other=_beta_scores,
                cases=(
                    {"alpha": 0.5, "concentration": 4.0, "power": 10.0},
                    {"alpha": 0.2, "concentration": 20.0, "power": 1.0},
                ),
                rtol=1e-7,
                mutants={"not weighted": lambda alpha, concentration, power: 1 - alpha},
            ),
        ),
        second={
            "resampling_weights": lambda scores, b: (1 - np.asarray(scores)) ** b,
            "resampled_size": lambda n: round(SHARE * n),
            "resampled_contamination": _of_scores,
        },
        remark=(
            "That resampling prevents collapse, and can beat training on human text alone, needs GPT-2, WikiText-2, "
            "the detector and a GPU; only the resampling rule is checked."
        ),
        tags=("detector", "language model"),
    ),
)
