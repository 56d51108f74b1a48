r"""Zhao, Fu and Pham (2025), self-consuming generative models with heterogeneous human curation.

The curation of Ferbach et al. with curators who want different things: whoever picks is drawn from a population. The
law of what is picked is then the average over curators. Checked by picking; and two consequences that one curator alone
does not have, or does: opposed curators keep both sides alive, and enough real data leave one fixed point.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind

LAW = (0.2, 0.3, 0.5)
#: populations of curators: shares and rewards
POPULATIONS = {
    "two kinds": ((0.7, (1.5, 0.0, -0.5)), (0.3, (-1.0, 1.0, 0.0))),
    "opposed": ((0.5, (1.0, -1.0)), (0.5, (-1.0, 1.0))),
    "one mind": ((0.4, (1.0, 0.0, -1.0)), (0.6, (1.0, 0.0, -1.0))),
}


def _step(p, people, candidates, real=0.0, reference=None):
    curated = sum(share * theory.curated_law(p, r, candidates) for share, r in POPULATIONS[people])
    return curated if reference is None else real * np.asarray(reference) + (1 - real) * curated


def _loop(p, people, candidates, t, real=0.0, start=None):
    law = np.asarray(p if start is None else start, dtype=float)
    for _ in range(t):
        law = _step(law, people, candidates, real, p)
    return law


def _picked(size, rng, p, people, candidates, t, real=0.0):
    """Draw from model t: every pick has its own curator."""
    p, rewards = np.asarray(p), np.array([r for _, r in POPULATIONS[people]])
    shares = [share for share, _ in POPULATIONS[people]]

    def draw(shape, rounds):
        if rounds == 0:
            return rng.choice(len(p), shape, p=p)
        X = draw((*shape, candidates), rounds - 1)
        who = rng.choice(len(shares), shape, p=shares)
        best = (rewards[who[..., None], X] + rng.gumbel(size=X.shape)).argmax(axis=-1)
        picked = np.take_along_axis(X, best[..., None], axis=-1)[..., 0]
        return np.where(rng.random(shape) < real, rng.choice(len(p), shape, p=p), picked)

    step = max(1, 1_000_000 // candidates**t)
    out = np.concatenate([draw((min(step, size - done),), t) for done in range(0, size, step)])
    return out[:, None] == np.arange(len(p))


def _one_curator(p, people, candidates, t, real=0.0):
    """Replace all curators by one with their mean reward."""
    mean = sum(share * np.asarray(r) for share, r in POPULATIONS[people])
    return theory.curated_loop(p, mean, t, candidates=candidates, real_fraction=real)[-1]


CLAIMS = (
    Claim(
        id="zhao-heterogeneous-curation",
        title="Curators who disagree",
        statement=(
            "If the curator of every pick is drawn from a population, the curated law is the average of the curated "
            "laws. Opposed curators keep both of two types for ever, where one alone would keep one; with enough real "
            "data the loop has one fixed point, which every start reaches."
        ),
        formula=r"p_{t+1} = w\,p_{\rm ref} + (1-w)\,p_t\,E_{r}\big[H^K_r\big]",
        assumptions="Infinitely many points, finite alphabets; Luce's choice rule for every curator.",
        source=("zhao2025", "ferbach2024"),
        locus="model and regimes (abstract); consequences worked out here",
        kind=Kind.BOUND,
        theory=(theory.curated_law, theory.curated_loop),
        simulation="Winners of K candidates, every pick by a curator drawn anew.",
        checks=(
            Sampled(
                label="picks of a population of curators",
                predict=_loop,
                draw=_picked,
                cases=(
                    {"p": LAW, "people": "two kinds", "candidates": 2, "t": 2},
                    {"p": LAW, "people": "two kinds", "candidates": 4, "t": 2, "real": 0.3},
                ),
                size=60000,
                mutants={"one curator of the mean reward": _one_curator},
            ),
            Computed(
                label="opposed curators: both types stay, in equal shares",
                predict=lambda p, people, candidates: np.array([0.5, 0.5]),
                other=lambda p, people, candidates: _loop(p, people, candidates, 400),
                cases=(
                    {"p": (0.9, 0.1), "people": "opposed", "candidates": 4},
                    {"p": (0.01, 0.99), "people": "opposed", "candidates": math.inf},
                ),
                rtol=1e-8,
                mutants={"the start": lambda p, people, candidates: np.asarray(p)},
            ),
            Computed(
                label="like-minded curators are one curator",
                predict=_one_curator,
                other=_loop,
                cases=({"p": LAW, "people": "one mind", "candidates": 3, "t": 5},),
            ),
            Computed(
                label="with real data every start ends in one law",
                predict=lambda p, people, candidates, real: _loop(p, people, candidates, 300, real),
                other=lambda p, people, candidates, real: _loop(
                    p, people, candidates, 300, real, start=np.eye(len(p))[-1] * 0.999 + 0.001 / len(p)
                ),
                cases=(
                    {"p": LAW, "people": "two kinds", "candidates": 3, "real": 0.4},
                    {"p": (0.3, 0.7), "people": "opposed", "candidates": math.inf, "real": 0.2},
                ),
                mutants={"the reference": lambda p, people, candidates, real: np.asarray(p)},
            ),
        ),
        remark=(
            "The paper's theorems on its four regimes are not in the statement; these are consequences of its model."
        ),
        tags=("preference", "real data"),
    ),
)
