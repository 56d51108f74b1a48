r"""Bakshi and Chakraborty (2026): iterative training on contaminated sources.

Sample sizes and the share of real data may change from generation to generation: the expected squared error of a
categorical model follows one linear recursion. It is held against closed products, against simulated chains, and at
schedules of sizes and shares against its own asymptote.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import EVEN, both, kept_and_error


def _last_common(sizes, real):
    """F as a sum over the generation s in which two lines meet: 1/n_s times the chance that they had not met before."""
    sizes, real = np.asarray(sizes, dtype=float), np.asarray(real, dtype=float)
    apart = np.append(np.cumprod(((1 - 1 / sizes) * (1 - real) ** 2)[:0:-1])[::-1], 1.0)
    return (apart / sizes).sum()


def _chains(size, rng, sizes, real):
    p = np.tile(EVEN, (size, 1))
    for n, share in zip(sizes, real, strict=True):
        p = rng.multinomial(n, share * EVEN + (1 - share) * p) / n
    return kept_and_error(p)


def _scheduled(t, a, b):
    """F at generation t if the share of real data is t^-a and the size t^b."""
    generation = np.arange(1.0, t + 1)
    return theory.inbreeding_recursive(generation**b, generation**-a)[-1]


CLAIMS = (
    Claim(
        id="BC-REC",
        title="The exact risk with varying sizes and shares of real data",
        statement=(
            "If generation t is the empirical law of n_t draws, each real with probability alpha_t, the expected "
            "squared error follows a linear recursion. It goes to zero if the shares have an infinite sum and n_t "
            "alpha_t grows without bound: the share of real data may vanish."
        ),
        formula=(
            r"R_t = F_t\Big(1-\sum_i p_{0,i}^2\Big),\quad F_t = \frac1{n_t} + "
            r"\Big(1-\frac1{n_t}\Big)(1-\alpha_t)^2F_{t-1},\quad F_0 = 0"
        ),
        assumptions=(
            "Categories, maximum likelihood. The paper counts from the first fit, R_t = (n_0/n_t) R_0 + (1 - 1/n_t)"
            "(1 - alpha_t)^2 R_{t-1}: the same recursion."
        ),
        source=("bakshi2026",),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_recursive, theory.multinomial_risk),
        simulation="Categorical chains with 20 types, sizes and shares of real data that vary.",
        checks=(
            Computed(
                label="a sum over the generation of the last common point",
                predict=lambda sizes, real: theory.inbreeding_recursive(sizes, real)[-1],
                other=_last_common,
                cases=(
                    {"sizes": (5, 8), "real": (1.0, 0.5)},
                    {"sizes": (1, 2, 3, 50, 7), "real": (0.3, 0.0, 0.9, 0.01, 0.2)},
                    {"sizes": np.arange(1, 400), "real": np.arange(1.0, 400) ** -0.5},
                ),
                rtol=1e-12,
                mutants={
                    "1 - alpha for its square": lambda sizes, real: theory.inbreeding_recursive(
                        sizes, 1 - np.sqrt(1 - np.asarray(real))
                    )[-1],
                    "shares one generation late": lambda sizes, real: theory.inbreeding_recursive(
                        sizes, np.roll(real, 1)
                    )[-1],
                },
            ),
            Sampled(
                label="heterozygosity and squared error of simulated chains",
                predict=both(lambda sizes, real: theory.inbreeding_recursive(sizes, real)[-1]),
                draw=_chains,
                bounds=(0.0, 2.2),
                cases=(
                    {"sizes": (5, 8), "real": (1.0, 0.5)},
                    {"sizes": (20, 4, 12, 9, 30), "real": (1.0, 0.1, 0.05, 0.4, 0.02)},
                ),
                size=30000,
                mutants={
                    "real data are not counted": both(
                        lambda sizes, real: theory.inbreeding_recursive(sizes, np.zeros(len(sizes)))[-1]
                    ),
                },
            ),
            Limit(
                label="real data that fade out: F tends to zero like 1/(2 n_t alpha_t)",
                value=_scheduled,
                asymptote=lambda t, a, b: t ** (a - b) / 2,
                along=tuple(1000 * 4**k for k in range(5)),
                remainder=lambda t: t**-0.5,
                cases=({"a": 0.5, "b": 1.0}, {"a": 0.5, "b": 1.5}),
                name="t",
                mutants={
                    "1/(n_t alpha_t)": lambda t, a, b: t ** (a - b),
                    "the real points alone would do as much": lambda t, a, b: t ** (a - b) / (a + 1),
                },
            ),
        ),
        second={
            "categorical_risk": lambda sizes, real, p0: theory.multinomial_risk(p0, sizes, real)[-1],
            "inbreeding_varying": lambda sizes, real: theory.inbreeding_recursive(sizes, real)[-1],
            "inbreeding_varying_published_index": lambda sizes, real: theory.inbreeding_recursive(sizes, real)[-1],
        },
        remark="The recursion was seen at second hand; the sufficient condition is derived here.",
        tags=("inbreeding", "plans", "fresh real", "categorical"),
    ),
)
