"""Laws of categorical loops that were derived here: entropy, rare types, accumulation.

Entropy falls by (K - 1)/(2n) per fit as long as all K types are common; a rare type of c copies lives through t more
fits like c lines of a branching process; and where all samples are kept, the spread of a frequency stops at a sine
product. The asymptotic ones are held against exact values at growing n, the others against the chain of counts.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import Accumulate, Categorical, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at

MOST = 10**6


@cache
def _g() -> np.ndarray:
    return theory.g_iterates(MOST + 1)


def _entropy(p, n, t):
    return theory.expected_entropy(p, n, t)[-1]


def _entropy_by_matrix(p, n, t):
    from scipy.special import entr

    values = entr(np.arange(n + 1) / n)
    return sum(two_types.counts(n, t, x) @ values for x in p)


def _of_entropy(run):
    from scipy.special import entr

    return entr(run["probability"].values).sum(axis=-1)


def _rare(c, t):
    return -math.expm1(-c * _g()[t])


def _rare_by_chain(c, n, t):
    """Survival of a type of c among n rows, t fits after they were the first sample."""
    return theory.survival(c / n, n, t + 1, population=n)[-1]


def _rare_runs(size, rng, c, n, t):
    x = np.full(size, c)
    for _ in range(t):
        x = rng.binomial(n, x / n)
    return x > 0


def _pooled(theta, n, t):
    """E of theta_t (1 - theta_t): the law of the pooled count, carried from batch to batch."""
    law = two_types.binomial(n, theta)
    for i in range(1, t):
        size = n * i
        grown = np.zeros(size + n + 1)
        for count, weight in enumerate(law):
            grown[count : count + n + 1] += weight * two_types.binomial(n, count / size)
        law = grown
    x = np.arange(n * t + 1) / (n * t)
    return law @ (x * (1 - x))


def _of_spread(run):
    x = run["probability"].values[:, 0]
    return x * (1 - x)


def _sine(t, theta, n):
    return theta * (1 - theta) * np.sinc(1 / math.sqrt(n))


def _urn_variance(n_real, count):
    return float(theory.polya_limit([count, n_real - count]).var()[0]) if 0 < count < n_real else 0.0


CLAIMS = (
    Claim(
        id="WF-ENT",
        title="Entropy falls by (K - 1)/(2n) per generation",
        statement=(
            "While K categories are alive and common, the expected Shannon entropy (nats) falls by about (K - 1)/(2n) "
            "per generation: the bias that Miller and Madow correct is the generator of the chain applied to the "
            "entropy."
        ),
        formula=r"E[h_t - h_{t+1}] \approx \frac{K_{\rm alive} - 1}{2n}",
        assumptions="Categorical model, maximum likelihood, replace; all n p_i large.",
        source=("modelcollapse", "ewens2004"),
        kind=Kind.ASYMPTOTIC,
        theory=(theory.entropy_loss, theory.expected_entropy),
        simulation="Chains of refitted categorical models; entropy of the t-th fit against its exact expectation.",
        checks=(
            Limit(
                label="loss in the first fit",
                value=lambda n, p: theory.expected_entropy(p, n, 1) @ [1, -1],
                asymptote=lambda n, p: theory.entropy_loss(len(p), n),
                along=(200, 400, 800, 1600, 3200),
                remainder=lambda n: 1 / n,
                cases=({"p": (0.1,) * 10}, {"p": (0.5, 0.3, 0.2)}, {"p": (0.8, 0.1, 0.05, 0.05)}),
                mutants={
                    "K for K - 1": lambda n, p: theory.entropy_loss(len(p) + 1, n),
                    "bits": lambda n, p: theory.entropy_loss(len(p), n) / math.log(2),
                },
            ),
            Computed(
                label="exact entropy, by the chains of single types",
                predict=_entropy,
                other=_entropy_by_matrix,
                cases=({"p": (0.1,) * 10, "n": 100, "t": 5}, {"p": (0.6, 0.3, 0.1), "n": 12, "t": 30}),
                rtol=1e-10,
                mutants={
                    "leading order": lambda p, n, t: (
                        theory.expected_entropy(p, n, 0)[0] - t * theory.entropy_loss(len(p), n)
                    )
                },
            ),
            Sampled(
                label="mean entropy",
                predict=_entropy,
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, _of_entropy),
                bounds=lambda p, n, t: (0.0, math.log(len(p))),
                cases=({"p": (0.1,) * 10, "n": 100, "t": 5}, {"p": (0.6, 0.3, 0.1), "n": 12, "t": 4}),
                size=20000,
                mutants={"nothing is lost": lambda p, n, t: theory.expected_entropy(p, n, 0)[0]},
            ),
        ),
        second={
            "entropy_loss_leading": lambda n, k: theory.entropy_loss(k, n),
            "expected_entropy_played_out": lambda n, t, p: _entropy(p, n, t),
        },
        tags=("categorical", "entropy"),
    ),
    Claim(
        id="WF-LOSS",
        title="A rare type of c copies survives t more fits with probability 1 - exp(-c g_t)",
        statement=(
            "A type with c copies among n, c much smaller than n, is still there after t further fits with probability "
            "about 1 - exp(-c g_t), g_t the iterates of 1 - exp(-x), and for late t about 2c/t."
        ),
        formula=r"P(\text{alive}) \approx 1 - e^{-c\,g_t} \sim \frac{2c}t, \qquad g_1 = 1,\ g_{t+1} = 1 - e^{-g_t}",
        assumptions="Replace; n to infinity with c and t fixed.",
        source=("modelcollapse", "suresh2025"),
        kind=Kind.ASYMPTOTIC,
        theory=(theory.survival, theory.g_iterates),
        simulation="Counts of one type among a million draws, refitted t times.",
        checks=(
            Limit(
                label="exact chain over 1 - exp(-c g_t)",
                value=lambda n, c, t: _rare_by_chain(c, n, t),
                asymptote=lambda n, c, t: _rare(c, t),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
                cases=({"c": 1, "t": 1}, {"c": 10, "t": 25}, {"c": 3, "t": 10}),
                mutants={
                    "one generation more": lambda n, c, t: _rare(c, t + 1),
                    "2c/t": lambda n, c, t: 2 * c / t,
                },
            ),
            Limit(
                label="1/g_t grows by a half per fit",
                value=lambda t: 1 / _g()[2 * t] - 1 / _g()[t],
                asymptote=lambda t: t / 2,
                along=(500, 2000, 8000, 32_000, 128_000, 500_000),
                remainder=lambda t: 1 / t,
                name="t",
                mutants={"one per fit": lambda t: t},
            ),
            Sampled(
                label="survival in a sample of a million",
                predict=lambda c, n, t: _rare(c, t),
                draw=_rare_runs,
                # Bin(n, k/n) is within k/n of Poisson(k) in total variation, and E k = c
                remainder=lambda c, n, t: c * t / n,
                cases=({"c": 1, "n": 10**6, "t": 3}, {"c": 10, "n": 10**6, "t": 20}),
                size=40000,
                mutants={"2c/t": lambda c, n, t: min(1.0, 2 * c / t)},
            ),
        ),
        second={
            "rare_survival": lambda count, t: _rare(count, t),
            "rare_survival_late": lambda count, t: 2 * count / t,
        },
        tags=("categorical", "minority", "survival"),
    ),
    Claim(
        id="polya-accumulate-categorical",
        title="Accumulated categorical loop: the spread stops at sin(pi/sqrt n)/(pi/sqrt n)",
        statement=(
            "If every generation adds n draws to the pool and the model is the frequency in the pool, E[theta (1 - "
            "theta)] is multiplied by 1 - 1/(n i^2) in generation i, and converges to a sine product; one draw at a "
            "time from l_0 real counts it is Pólya's urn with a Beta limit of variance theta (1 - theta)/(l_0 + 1)."
        ),
        formula=(
            r"E[\theta_t(1-\theta_t)] = \theta_0(1-\theta_0)\prod_{i=1}^t\Big(1-\frac1{ni^2}\Big) \to "
            r"\theta_0(1-\theta_0)\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}"
        ),
        assumptions="Accumulate, n draws per generation, the first of them real.",
        source=("modelcollapse", "kazdan2025"),
        kind=Kind.EXACT,
        theory=(theory.polya_product, theory.inbreeding_accumulate, theory.polya_limit),
        simulation="Chains of categorical models that keep all samples.",
        checks=(
            Computed(
                label="law of the pooled count, batch by batch",
                predict=lambda theta, n, t: theory.polya_product(theta, n, t),
                other=_pooled,
                cases=({"theta": 0.3, "n": 4, "t": 12}, {"theta": 0.01, "n": 25, "t": 6}),
                rtol=1e-10,
                mutants={"replace": lambda theta, n, t: theta * (1 - theta) * (1 - 1 / n) ** t},
            ),
            Limit(
                label="the product over its limit",
                value=lambda t, theta, n: theory.polya_product(theta, n, t),
                asymptote=_sine,
                along=(20, 40, 80, 160, 320, 640),
                remainder=lambda t: 1 / t,
                name="t",
                cases=({"theta": 0.3, "n": 4}, {"theta": 0.3, "n": 1000}),
                mutants={"first order": lambda t, theta, n: theta * (1 - theta) * math.exp(-(math.pi**2) / (6 * n))},
            ),
            Sampled(
                label="mean of theta (1 - theta)",
                predict=lambda theta, n, t: theory.polya_product(theta, n, t),
                draw=lambda size, rng, theta, n, t: at(
                    Categorical((theta, 1 - theta)), Accumulate(n=n), t, size, rng, _of_spread
                ),
                bounds=(0.0, 0.25),
                cases=({"theta": 0.3, "n": 4, "t": 3}, {"theta": 0.5, "n": 30, "t": 40}),
                size=40000,
                mutants={"replace": lambda theta, n, t: theta * (1 - theta) * (1 - 1 / n) ** t},
            ),
        ),
        second={
            "accumulated_spread_played_out": lambda n, t, theta0: theory.polya_product(theta0, n, t),
            "accumulated_spread": lambda n, t, theta0: theory.polya_product(theta0, n, t),
            "accumulated_spread_limit": lambda n, theta0: theory.polya_product(theta0, n, np.inf),
            "polya_limit_variance": _urn_variance,
        },
        tags=("categorical", "accumulate"),
    ),
)
