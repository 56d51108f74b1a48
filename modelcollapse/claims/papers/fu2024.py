r"""Fu et al. (2024 and later), bounds in total variation for self-consuming loops.

The papers bound how far a model drifts from the data in total variation if a share of every training set is real; the
constants are not at hand. Checked is the case in which fits are perfect, where the distance is known, and what a
constant real share does to categorical models of finite samples: it bounds the loss for ever.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import Categorical, Mix, theory
from modelcollapse.claims.checks import Computed, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run


def _variation(p, q):
    return float(np.abs(np.asarray(p) - np.asarray(q)).sum() / 2)


def _mixed(real, t, start, data):
    return theory.mixed_total_variation(t, real_fraction=real, start=_variation(start, data))


def _matrix(real, t, start, data):
    """One round as a matrix, t times."""
    data = np.asarray(data)
    step = (1 - real) * np.eye(len(data)) + real * np.outer(data, np.ones(len(data)))
    return _variation(np.linalg.matrix_power(step, t) @ np.asarray(start), data)


def _ancestors(size, rng, real, t, start, data):
    """Draw from model t, following each point back to the first round in which it was real."""
    fresh = (rng.random((size, t)) < real).any(axis=1)
    point = np.where(fresh, rng.choice(len(data), size, p=data), rng.choice(len(start), size, p=start))
    return point[:, None] == np.arange(len(data))


def _chances(real, t, start, data):
    left = float(theory.mixed_total_variation(t, real_fraction=real))
    return left * np.asarray(start) + (1 - left) * np.asarray(data)


def _kept(p, n, real, t):
    p = np.asarray(p)
    return float((p * (1 - p)).sum() * theory.retained(Mix(n, real), t)[-1])


CLAIMS = (
    Claim(
        id="fu-tv-bounds",
        title="A constant real share keeps the total variation under control",
        statement=(
            "In loops that train on mixed data the total-variation distance from the data stays bounded if the real "
            "share is constant. With perfect fits it falls by one minus the real share in every round."
        ),
        formula=r"p_{t+1} = \alpha\,p_{\rm data} + (1-\alpha)\,p_t \ \Rightarrow\ TV_t = (1-\alpha)^t\,TV_0",
        assumptions=(
            "Test case: perfect fits, infinite samples. Finite samples: categorical models, real points with "
            "probability alpha."
        ),
        source=("fu2024", "fu2025"),
        locus="bounds (constants not given here); test case derived",
        kind=Kind.BOUND,
        theory=(theory.mixed_total_variation, theory.inbreeding_mix),
        simulation="Points followed back to their first real ancestor; chains of categorical models with a real share.",
        checks=(
            Computed(
                label="the test case, by powers of a matrix",
                predict=_mixed,
                other=_matrix,
                cases=(
                    {"real": 0.4, "t": 2, "start": (0.7, 0.2, 0.1), "data": (0.2, 0.3, 0.5)},
                    {"real": 0.03, "t": 60, "start": (1.0, 0.0, 0.0), "data": (0.0, 0.5, 0.5)},
                    {"real": 0.9, "t": 5, "start": (0.25, 0.25, 0.5), "data": (0.5, 0.25, 0.25)},
                ),
                rtol=1e-8,
                mutants={"shares swapped": lambda real, t, start, data: _mixed(1 - real, t, start, data)},
            ),
            Sampled(
                label="points of model t",
                predict=_chances,
                draw=_ancestors,
                cases=(
                    {"real": 0.5, "t": 2, "start": (0.7, 0.2, 0.1), "data": (0.2, 0.3, 0.5)},
                    {"real": 0.05, "t": 10, "start": (0.9, 0.05, 0.05), "data": (0.1, 0.1, 0.8)},
                ),
                size=40000,
                mutants={"no real data": lambda real, t, start, data: np.asarray(start)},
            ),
            Ordered(
                label="finite samples, for ever: the loss is at most 1/(n alpha)",
                lower=lambda n, shares: np.array([theory.inbreeding_mix(n, m, np.inf) for m in shares]),
                upper=lambda n, shares: 1 / (n * np.array(shares)),
                bound="upper",
                cases=({"n": 100, "shares": (0.001, 0.01, 0.1, 0.5, 1.0)}, {"n": 2, "shares": (0.01, 0.5, 1.0)}),
            ),
            Sampled(
                label="chains with a real share: heterozygosity",
                predict=_kept,
                draw=lambda size, rng, p, n, real, t: at(Categorical(p), Mix(n, real), t, size, rng, of_run),
                bounds=(0.0, 1.0),
                cases=(
                    {"p": (0.5, 0.3, 0.2), "n": 10, "real": 0.2, "t": 3},
                    {"p": (0.2,) * 5, "n": 50, "real": 0.05, "t": 20},
                ),
                size=10000,
                mutants={"no real data": lambda p, n, real, t: (1 - np.square(p).sum()) * (1 - 1 / n) ** t},
            ),
        ),
        second={
            "mixed_total_variation": lambda real, t, start, data: _mixed(real, t, start, data),
        },
        remark=(
            "That the bound rises first and falls beyond a threshold of synthetic volume, and the bounds with an "
            "evaluator, need constants that are not in the statement."
        ),
        tags=("stability", "real data"),
    ),
)
