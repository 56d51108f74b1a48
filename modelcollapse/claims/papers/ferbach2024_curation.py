r"""Ferbach et al. (2024): models whose samples are curated optimise the preferences of the curators.

Of K samples a curator picks one with probability proportional to exp(reward), and the next model is fitted to what was
picked, with or without real data. Checked by picking, generation after generation, and the inequalities by the exact
laws on finite alphabets, at the points where they are nearly reached.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

LAW = (0.1, 0.2, 0.3, 0.4)
REWARD = (1.5, 0.0, 1.0, -0.5)
SHARES = np.array([0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999])


def curated_draws(size, rng, p, r, candidates, t, real=0.0):
    """Draw from model t: candidates are draws from model t - 1, the winner has the largest reward plus Gumbel noise."""
    p, r = np.asarray(p), np.asarray(r)

    def draw(shape, rounds):
        if rounds == 0:
            return rng.choice(len(p), shape, p=p)
        human = rng.random(shape) < real
        X = draw((*shape, candidates), rounds - 1)
        best = (r[X] + rng.gumbel(size=X.shape)).argmax(axis=-1)
        picked = np.take_along_axis(X, best[..., None], axis=-1)[..., 0]
        return np.where(human, rng.choice(len(p), shape, p=p), picked)

    step = max(1, 1_000_000 // candidates**t)
    out = np.concatenate([draw((min(step, size - done),), t) for done in range(0, size, step)])
    return out[:, None] == np.arange(len(p))


def _loop(p, r, candidates, t, real=0.0):
    return theory.curated_loop(p, r, t, candidates=candidates, real_fraction=real)[-1]


def _mean_reward(law, r):
    return float(np.asarray(law) @ np.exp(np.asarray(r)))


def _two_types(gap, candidates, value):
    """Apply a function of a law on two types and their rewards, for many shares of the better one."""
    return np.array([value((q, 1 - q), (gap, 0.0), candidates) for q in SHARES])


def _paths(r, candidates, real, generations, value):
    """Apply a function of a law to the generations 1, 2, ... of a loop with real data, for several references."""
    out = []
    for q in SHARES:
        p = (q, (1 - q) / 2, (1 - q) / 2)
        path = theory.curated_loop(p, r, generations, candidates=candidates, real_fraction=real)[1:]
        out.append([value(law, p) for law in path])
    return np.array(out)


def _divergence(law, p):
    law, p = np.asarray(law), np.asarray(p)
    some = law > 0
    return float(law[some] @ np.log(law[some] / p[some]))


def _odds(gap, tau, candidates):
    """Ratio of the weights of a worse and a better outcome, rewards in [-1, 1], for laws of three outcomes."""
    out = []
    for best in (-1.0 + gap, 1.0):
        r = tau * np.array([best, best - gap, -1.0, 1.0])
        for q in (1e-9, 0.3, 0.999999):
            for other in (0.0, 1.0):
                rest = (1 - q) * np.array([other, 1 - other])
                H = theory.curated_weight((q / 2, q / 2, *rest), r, candidates)
                out.append(H[1] / H[0])
    return np.array(out)


def _divergence_to_best(p, r, t):
    law, r = theory.tilted_law(p, r, t), np.asarray(r)
    best = r == r.max()
    return math.log1p(float(law[~best].sum() / law[best].sum()))


def _winners_by_tuples(p, r, candidates):
    """The law of the winner by all tuples of candidates."""
    p, odds = np.asarray(p), np.exp(np.asarray(r) - max(r))
    tuples = np.indices((len(p),) * candidates).reshape(candidates, -1)
    joint = p[tuples].prod(axis=0) * odds[tuples] / odds[tuples].sum(axis=0)
    return np.bincount(tuples.ravel(), joint.ravel(), len(p))


CLAIMS = (
    Claim(
        id="ferbach-curation",
        title="Curated samples optimise the curators' preferences",
        statement=(
            "If one of K samples is picked with probability proportional to exp(r), the next model has the density p "
            "H^K. For K = inf that is p exp(r) normalised; the expected exp(r) rises by at least a multiple of its "
            "variance; without real data all mass goes to the highest reward; with enough real data the divergence "
            "from the reference is bounded while the reward stays above that of the reference."
        ),
        formula=(
            r"H^K(x) = E\Big[\frac{Ke^{r(x)}}{e^{r(x)}+\sum_{i<K}e^{r(x_i)}}\Big], \qquad "
            r"p_{t+1} = \frac{p_{\rm ref}+\lambda\,p_tH^K}{1+\lambda}, \qquad "
            r"E_{t+1}e^r \ge E_te^r+\frac{K-1}K\frac{\mathrm{Var}_t(e^r)}{e^{r^*}}, \qquad "
            r"KL(p_t\|p_{\rm ref}) \le -\ln(1-\lambda(K-1))"
        ),
        assumptions="Infinitely many points; finite alphabets, or Gaussians with K = inf; real data are not curated.",
        source=("ferbach2024", "wei2025"),
        locus="Lemmas 2.1, 2.2, Theorems 2.1, 2.3, 2.4; odds contraction: Wei et al., Proposition 3.1",
        kind=Kind.EXACT,
        theory=(
            theory.curated_weight,
            theory.curated_law,
            theory.curated_loop,
            theory.tilted_law,
            theory.preference_limit,
            theory.curated_reward_bound,
            theory.retrained_reward_bound,
            theory.curated_divergence_bound,
            theory.curated_odds_bound,
            theory.two_type_share,
            theory.tilted_gaussian,
            theory.invasion_factor,
        ),
        simulation="Winners of K candidates, each of them a winner of the generation before.",
        checks=(
            Sampled(
                label="winners of winners",
                predict=_loop,
                draw=curated_draws,
                cases=(
                    {"p": LAW, "r": REWARD, "candidates": 2, "t": 2},
                    {"p": LAW, "r": REWARD, "candidates": 3, "t": 2, "real": 0.4},
                    {"p": LAW, "r": REWARD, "candidates": 8, "t": 1},
                    {"p": (0.99, 0.01), "r": (-1.0, 1.0), "candidates": 2, "t": 4, "real": 0.1},
                ),
                size=60000,
                mutants={
                    "infinitely many candidates": lambda p, r, candidates, t, real=0.0: _loop(p, r, math.inf, t, real),
                    "one candidate less": lambda p, r, candidates, t, real=0.0: _loop(p, r, candidates - 1, t, real),
                    "real data curated": lambda p, r, candidates, t, real=0.0: theory.curated_law(
                        real * np.array(p) + (1 - real) * _loop(p, r, candidates, t - 1, real), r, candidates
                    ),
                },
            ),
            Computed(
                label="the map, by every tuple of candidates",
                predict=lambda p, r, candidates: theory.curated_law(p, r, candidates),
                other=_winners_by_tuples,
                cases=(
                    {"p": LAW, "r": REWARD, "candidates": 3},
                    {"p": (0.999, 0.001), "r": (-5.0, 5.0), "candidates": 6},
                ),
            ),
            Limit(
                label="Lemma 2.1: many candidates tilt the law",
                value=lambda K, p, r, letter: theory.curated_law(p, r, int(K))[letter],
                asymptote=lambda K, p, r, letter: theory.tilted_law(p, r, 1)[letter],
                along=(50, 100, 200, 400, 800),
                remainder=lambda K: 1 / K,
                name="K",
                cases=({"p": LAW, "r": REWARD, "letter": 3}, {"p": LAW, "r": REWARD, "letter": 0}),
                mutants={"twice": lambda K, p, r, letter: theory.tilted_law(p, r, 2)[letter]},
            ),
            Ordered(
                label="Lemma 2.2: gain of the mean of exp(r) in one round",
                lower=lambda gap, candidates: _two_types(gap, candidates, _least_gain),
                upper=lambda gap, candidates: _two_types(gap, candidates, _true_gain),
                bound="lower",
                cases=(
                    {"gap": 0.01, "candidates": 2},
                    {"gap": 1.0, "candidates": 2},
                    {"gap": 3.0, "candidates": 20},
                ),
                rtol=1e-8,
                mutants={
                    "K - 1 for (K - 1)/K": lambda gap, candidates: candidates * _two_types(gap, candidates, _least_gain)
                },
            ),
            Limit(
                label="Theorem 2.1: without real data all mass goes to the best",
                value=lambda t, p, r, candidates: -math.log(_loop(p, r, candidates, int(t))[0]),
                asymptote=lambda t, p, r, candidates: 0.0,
                along=(30, 33, 36, 39, 42),
                remainder=lambda t: (1 - math.tanh(0.5)) ** t,
                name="t",
                ratio=False,
                cases=({"p": (0.2, 0.8), "r": (1.0, 0.0), "candidates": 2},),
                mutants={"a hundredth stays": lambda t, p, r, candidates: 0.01},
            ),
            Ordered(
                label="Theorem 2.3: gain over the reference with real data",
                lower=lambda gap, candidates, real: _two_types(
                    gap,
                    candidates,
                    lambda p, r, K: theory.retrained_reward_bound(p, r, K, real) - _mean_reward(p, r),
                ),
                upper=lambda gap, candidates, real: _two_types(
                    gap, candidates, lambda p, r, K: _mean_reward(_loop(p, r, K, 1, real), r) - _mean_reward(p, r)
                ),
                bound="lower",
                cases=(
                    {"gap": 0.01, "candidates": 2, "real": 0.99},
                    {"gap": 2.0, "candidates": 5, "real": 0.3},
                ),
                rtol=1e-7,
                mutants={
                    "lambda/(1 + lambda)": lambda gap, candidates, real: (
                        _two_types(gap, candidates, _least_gain) * (1 - real) * 1.05
                    )
                },
            ),
            Ordered(
                label="Theorem 2.3 in later rounds",
                lower=lambda r, candidates, real, generations: np.array(
                    [
                        [theory.retrained_reward_bound((q, (1 - q) / 2, (1 - q) / 2), r, candidates, real)]
                        for q in SHARES
                    ]
                ),
                upper=lambda r, candidates, real, generations: _paths(
                    r, candidates, real, generations, lambda law, p: _mean_reward(law, r)
                ),
                bound="lower",
                cases=({"r": (1.0, 0.0, -1.0), "candidates": 3, "real": 0.6, "generations": 20},),
            ),
            Ordered(
                label="Theorem 2.4: divergence from the reference",
                lower=lambda r, candidates, ratio: _paths(r, candidates, 1 / (1 + ratio), 25, _divergence),
                upper=lambda r, candidates, ratio: theory.curated_divergence_bound(candidates, 1 / (1 + ratio)),
                bound="upper",
                cases=(
                    {"r": (9.0, 0.0, -1.0), "candidates": 2, "ratio": 0.9},
                    {"r": (20.0, 0.0, 0.0), "candidates": 3, "ratio": 0.3},
                    {"r": (30.0, 0.0, 0.0), "candidates": 2, "ratio": 0.01},
                ),
                mutants={"K for K - 1": lambda r, candidates, ratio: -math.log1p(-ratio * (candidates - 2))},
            ),
            Ordered(
                label="odds of a worse outcome shrink",
                lower=_odds,
                upper=lambda gap, tau, candidates: theory.curated_odds_bound(gap, candidates, temperature=tau),
                bound="upper",
                cases=(
                    {"gap": 2.0, "tau": 1.0, "candidates": 2},
                    {"gap": 0.1, "tau": 3.0, "candidates": 10},
                    {"gap": 1.0, "tau": 0.01, "candidates": 1000},
                ),
            ),
            Limit(
                label="a rare type grows by 2s",
                value=lambda n, gap: n * theory.two_type_share(1 / n, gap, 1)[1],
                asymptote=lambda n, gap: theory.invasion_factor(gap),
                along=(100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                name="1/q",
                cases=({"gap": 1.0}, {"gap": -2.0}),
            ),
            Computed(
                label="Gaussians under linear and quadratic rewards, by a grid",
                predict=lambda m0, v0, b, a, s, t: np.array(
                    theory.tilted_gaussian(t, mean=m0, variance=v0, slope=b, target=a, width=s)
                ),
                other=lambda m0, v0, b, a, s, t: _tilted_on_a_grid(m0, v0, b, a, s, t),
                cases=(
                    {"m0": 0.3, "v0": 2.0, "b": 0.5, "a": 0.0, "s": math.inf, "t": 3},
                    {"m0": -1.0, "v0": 0.5, "b": 0.0, "a": 2.0, "s": 1.5, "t": 8},
                    {"m0": 0.0, "v0": 1.0, "b": -0.4, "a": 1.0, "s": 2.0, "t": 2},
                ),
            ),
        ),
        second={
            "curated_law": lambda p, r, candidates: theory.curated_law(p, r, candidates),
            "curation_factor": lambda p, r, candidates: theory.curated_weight(p, r, candidates),
            "curated_loop_with_real": lambda p, r, candidates, ratio, t: _loop(p, r, candidates, t, 1 / (1 + ratio)),
            "curated_loop_infinite": lambda p, r, t: theory.tilted_law(p, r, t),
            "divergence_to_best": _divergence_to_best,
            "next_reward_bound": lambda p, r, candidates: theory.curated_reward_bound(p, r, candidates),
            "reward_bound_with_real": lambda p, r, candidates, ratio: theory.retrained_reward_bound(
                p, r, candidates, 1 / (1 + ratio)
            ),
            "divergence_bound_with_real": lambda candidates, ratio: theory.curated_divergence_bound(
                candidates, 1 / (1 + ratio)
            ),
            "two_types": lambda q, gap, t: theory.two_type_share(q, gap, t)[-1],
            "gaussian_linear_reward": lambda m0, v0, t, b: np.array(
                theory.tilted_gaussian(t, mean=m0, variance=v0, slope=b)
            ),
            "gaussian_quadratic_reward": lambda m0, v0, t, a, s: np.array(
                theory.tilted_gaussian(t, mean=m0, variance=v0, target=a, width=s)
            ),
            "odds_contraction_bound": lambda tau, gap, candidates: theory.curated_odds_bound(
                gap, candidates, temperature=tau
            ),
        },
        tags=("preference", "selection"),
    ),
)


def _least_gain(p, r, K):
    """Return what Lemma 2.2 promises, in units of the largest exp(r)."""
    p, a = np.asarray(p), np.exp(np.asarray(r) - max(r))
    mean = p @ a
    return (1 - 1 / K) * float(p @ (a - mean) ** 2)


def _true_gain(p, r, K):
    p, a = np.asarray(p), np.exp(np.asarray(r) - max(r))
    weight = theory.curated_weight(p, r, K)
    return float((p * (weight - 1)) @ (a - a.min()))


def _tilted_on_a_grid(m0, v0, b, a, s, t):
    x = m0 + math.sqrt(v0) * np.linspace(-40, 40, 20001)
    log = -((x - m0) ** 2) / (2 * v0) + t * (b * x - (x - a) ** 2 / (2 * s**2))
    w = np.exp(log - log.max())
    w /= w.sum()
    mean = w @ x
    return np.array([mean, w @ (x - mean) ** 2])
