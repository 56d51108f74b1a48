r"""Rad et al. (2026), Rate or fate? Reinforcement learning with verifiable noisy rewards.

A reward that right answers get with probability TPR and wrong ones with FPR teaches if and only if TPR exceeds FPR: the
difference, Youden's J, multiplies the clean gradient. Checked on the policy gradient of one prompt, and on a loop of
sampling, filtering and refitting.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _gradient(size, rng, tpr, fpr, share):
    """REINFORCE for the log-odds of the right answer, with a noisy reward of 0 or 1."""
    right = rng.random(size) < share
    reward = rng.random(size) < np.where(right, tpr, fpr)
    return reward * (right - share)


def _filtered(size, rng, tpr, fpr, share, t):
    """Draw answers of model t: each is one that was kept, of answers of model t - 1."""
    if t == 0:
        return rng.random(size) < share
    out = np.empty(0, dtype=bool)
    while len(out) < size:
        drawn = _filtered(2 * size, rng, tpr, fpr, share, t - 1)
        out = np.concatenate([out, drawn[rng.random(2 * size) < np.where(drawn, tpr, fpr)]])
    return out[:size]


def _share(tpr, fpr, share, t):
    return theory.verified_share(share, t, tpr, fpr)


CLAIMS = (
    Claim(
        id="rlver-youden",
        title="Noisy rewards teach if and only if Youden's J is positive",
        statement=(
            "Where right answers are rewarded with probability TPR and wrong ones with FPR, the expected gradient is "
            "the clean one times J = TPR - FPR: learning turns into unlearning at J = 0."
        ),
        formula=r"J = \mathrm{TPR}-\mathrm{FPR}, \qquad E[\nabla] = J\,q(1-q)",
        assumptions="Answers right with probability q; rewards 0 or 1.",
        source=("rad2026",),
        locus="main result (notes)",
        kind=Kind.EXACT,
        theory=(theory.youden, theory.verified_share, theory.breakdown_point),
        simulation="Policy gradients of single answers; sampling, filtering and refitting.",
        checks=(
            Sampled(
                label="expected gradient",
                predict=lambda tpr, fpr, share: theory.youden(tpr, fpr) * share * (1 - share),
                draw=_gradient,
                bounds=(-1.0, 1.0),
                cases=(
                    {"tpr": 0.9, "fpr": 0.3, "share": 0.4},
                    {"tpr": 0.2, "fpr": 0.7, "share": 0.5},
                    {"tpr": 0.5, "fpr": 0.5, "share": 0.3},
                ),
                size=100000,
                mutants={"noise only slows": lambda tpr, fpr, share: abs(tpr - fpr) * share * (1 - share)},
                scale=lambda tpr, fpr, share: 0.25,
            ),
            Sampled(
                label="answers of a filtered loop",
                predict=_share,
                draw=_filtered,
                cases=(
                    {"tpr": 0.9, "fpr": 0.6, "share": 0.4, "t": 2},
                    {"tpr": 0.5, "fpr": 0.8, "share": 0.6, "t": 3},
                    {"tpr": 0.5, "fpr": 0.5, "share": 0.7, "t": 3},
                ),
                size=40000,
                mutants={"rates swapped": lambda tpr, fpr, share, t: _share(fpr, tpr, share, t)},
            ),
            Computed(
                label="the share of right answers moves with the sign of J",
                predict=lambda shares, rates: np.array([np.sign(theory.youden(*r)) for r in rates for _ in shares]),
                other=lambda shares, rates: np.array([np.sign(_share(*r, q, 1) - q) for r in rates for q in shares]),
                cases=({"shares": (0.01, 0.5, 0.99), "rates": ((0.9, 0.3), (0.301, 0.3), (0.3, 0.301), (0.0, 0.4))},),
                mutants={"always up": lambda shares, rates: np.ones(len(shares) * len(rates))},
            ),
            Computed(
                label="J = 0 is where the breakdown point is one half",
                predict=lambda tpr: 0.5,
                other=lambda tpr: theory.breakdown_point(tpr, tpr),
                cases=({"tpr": 0.3}, {"tpr": 1.0}),
            ),
        ),
        second={"youden": lambda tpr, fpr: theory.youden(tpr, fpr)},
        tags=("filter", "reward"),
    ),
)
