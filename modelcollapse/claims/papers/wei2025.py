r"""Wei et al., Self-consuming generative models with co-evolving human preferences: the equilibrium with real data.

Where every round mixes real data with what curators pick out of very many samples, the loop has one equilibrium, and it
can be written down up to one number. Checked by following the loop, and by perfect simulation: a point of the
equilibrium is real, or one that was picked among points of the equilibrium.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

LAW = (0.1, 0.2, 0.3, 0.4)
REWARD = (1.0, 0.0, 0.6, -0.5)


def _equilibrium(p, r, tau, eta):
    return theory.curation_equilibrium(p, tau * np.asarray(r), 1 - eta)[0]


def _followed(p, r, tau, eta, rounds=400):
    return theory.curated_loop(p, tau * np.asarray(r), rounds, candidates=math.inf, real_fraction=1 - eta)[-1]


def _perfect(size, rng, p, r, tau, eta):
    """Draw from the equilibrium: real, or accepted with probability exp(tau (r - max r)) among draws from it."""
    accept = np.exp(tau * (np.asarray(r) - max(r)))
    out = rng.choice(len(p), size, p=p)
    todo = np.nonzero(rng.random(size) < eta)[0]  # these are to be picked; the others are real
    if len(todo):
        found = np.empty(0, dtype=int)
        while len(found) < len(todo):
            drawn = _perfect(len(todo), rng, p, r, tau, eta).argmax(axis=1)
            found = np.concatenate([found, drawn[rng.random(len(drawn)) < accept[drawn]]])
        out[todo] = found[: len(todo)]
    return out[:, None] == np.arange(len(p))


def _steps(tau, eta, distances):
    """How much farther apart two laws on three outcomes are after one round, in total variation, at the worst seen."""
    generator = np.random.default_rng(3)
    worst = 0.0
    for distance in distances:
        for _ in range(60):
            p, q = generator.dirichlet(np.full(3, 0.4), 2)
            q = p + distance * (q - p)
            r = tau * generator.uniform(-1, 1, 3)
            after = eta * np.abs(_tilt(p, r) - _tilt(q, r)).sum()
            worst = max(worst, after / np.abs(p - q).sum())
    # two outcomes of extreme rewards, the better one rare: where the map is steepest
    p, q = np.array([1e-9, 1 - 1e-9]), np.array([2e-9, 1 - 2e-9])
    r = tau * np.array([1.0, -1.0])
    return max(worst, eta * np.abs(_tilt(p, r) - _tilt(q, r)).sum() / np.abs(p - q).sum())


def _tilt(p, r):
    out = p * np.exp(r)
    return out / out.sum()


CLAIMS = (
    Claim(
        id="curation-equilibrium-closed-form",
        title="The equilibrium of curation with real data",
        statement=(
            "With a share 1 - eta of real data and very many candidates the loop ends in a law that is known up to "
            "one number Z, the unique root of an equation beyond eta times the largest exp(tau r); Z is the mean of "
            "exp(tau r). For eta 2 exp(2 tau) (2 + exp(2 tau)) < 1 every round is a contraction."
        ),
        formula=(
            r"p_\infty(x) = \frac{(1-\eta)p_{\rm ref}(x)Z}{Z-\eta e^{\tau r(x)}}, \qquad "
            r"\sum_x\frac{(1-\eta)p_{\rm ref}(x)e^{\tau r(x)}}{Z-\eta e^{\tau r(x)}} = 1"
        ),
        assumptions=(
            "K = inf, infinitely many points; rewards in [-1, 1] for the contraction; tau an inverse temperature."
        ),
        source=("wei2025",),
        locus="Proposition 3.8, Lemmas 3.6 and 3.7",
        kind=Kind.EXACT,
        theory=(theory.curation_equilibrium, theory.curation_contraction, theory.curated_loop),
        simulation="Points of the equilibrium itself, drawn recursively until the ancestors are real.",
        checks=(
            Computed(
                label="the loop, followed",
                predict=_equilibrium,
                other=_followed,
                cases=(
                    {"p": LAW, "r": REWARD, "tau": 1.0, "eta": 0.4},
                    {"p": LAW, "r": REWARD, "tau": 4.0, "eta": 0.8},
                    {"p": (0.999, 0.001), "r": (-1.0, 1.0), "tau": 2.0, "eta": 0.1},
                ),
                mutants={"shares swapped": lambda p, r, tau, eta: _equilibrium(p, r, tau, 1 - eta)},
            ),
            Computed(
                label="Z is the mean of exp(tau r)",
                predict=lambda p, r, tau, eta: theory.curation_equilibrium(p, tau * np.asarray(r), 1 - eta)[1],
                other=lambda p, r, tau, eta: _followed(p, r, tau, eta) @ np.exp(tau * np.asarray(r)),
                cases=(
                    {"p": LAW, "r": REWARD, "tau": 1.0, "eta": 0.5},
                    {"p": LAW, "r": REWARD, "tau": 4.0, "eta": 0.2},
                ),
                mutants={"of the reference": lambda p, r, tau, eta: np.asarray(p) @ np.exp(tau * np.asarray(r))},
            ),
            Sampled(
                label="points of the equilibrium",
                predict=_equilibrium,
                draw=_perfect,
                cases=(
                    {"p": LAW, "r": REWARD, "tau": 1.0, "eta": 0.3},
                    {"p": (0.7, 0.3), "r": (0.0, 1.0), "tau": 0.7, "eta": 0.4},
                ),
                size=100000,
                mutants={"the reference": lambda p, r, tau, eta: np.asarray(p)},
            ),
            Ordered(
                label="contraction in total variation",
                lower=_steps,
                upper=lambda tau, eta, distances: theory.curation_contraction(1 - eta, tau),
                bound="upper",
                cases=(
                    {"tau": 1.0, "eta": 0.01, "distances": (1.0, 0.01)},
                    {"tau": 0.05, "eta": 0.15, "distances": (1.0, 0.01)},
                    {"tau": 3.0, "eta": 1e-6, "distances": (1.0, 0.01)},
                ),
            ),
        ),
        second={
            "equilibrium_law": _equilibrium,
            "equilibrium_mean_odds": lambda p, r, tau, eta: theory.curation_equilibrium(
                p, tau * np.asarray(r), 1 - eta
            )[1],
            "equilibrium_contraction": lambda tau, eta: theory.curation_contraction(1 - eta, tau),
        },
        tags=("preference", "real data"),
    ),
)
