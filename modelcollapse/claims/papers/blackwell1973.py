"""Blackwell and MacQueen (1973): one point at a time, nothing thrown away, is Pólya's urn.

A model that is refitted after every single draw to all it has seen puts each ball back with a copy. Frequencies freeze
at a place that no one can know beforehand: its law is Dirichlet, with the first counts as parameters. Checked through
de Finetti's form of it, which is exact at every length: m draws from the urn are m independent draws from that place.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import Accumulate, theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _empirical(counts) -> float:
    total = sum(counts)
    return 1 - sum((c / total) ** 2 for c in counts)


def _after(counts, m):
    """E H after m draws: an accumulating loop of single points on fixed rows, which are its generation 1."""
    total = sum(counts)
    if total == 1:
        return 0.0
    return _empirical(counts) * theory.retained(Accumulate(n=1, n_real=total), m + 1, population=total)[-1]


def _draw(size, rng, counts, m):
    """Play the urn: indices of the balls; a new ball copies one of those before it."""
    x = np.tile(np.repeat(np.arange(len(counts)), counts), (size, 1))
    for _ in range(m):
        chosen = rng.integers(0, x.shape[1], size)
        x = np.hstack([x, x[np.arange(size), chosen][:, None]])
    return np.stack([(x == k).mean(axis=1) for k in range(len(counts))], axis=1)


def _law_of_urn(counts, m):
    """Law of how many of m balls have the first colour, colour by colour."""
    first, total = counts[0], sum(counts)
    law = np.ones(1)
    for i in range(m):
        again = (first + np.arange(i + 1)) / (total + i)
        law = np.append(law * (1 - again), 0.0) + np.append(0.0, law * again)
    return law


def _law_from_limit(counts, m):
    """The same if the m draws are independent, given a place with the limit law."""
    from scipy.stats import betabinom

    alpha = theory.polya_limit(counts).alpha
    return betabinom.pmf(np.arange(m + 1), m, alpha[0], alpha.sum() - alpha[0])


CLAIMS = (
    Claim(
        id="WF-POLYA",
        title="One point at a time: frequencies converge to a Dirichlet vector of the first counts",
        statement=(
            "If single draws from the frequencies so far are added to counts c (in all n_0), the frequencies converge "
            "almost surely to a place with law Dirichlet(c), and the expected heterozygosity to n_0/(n_0 + 1) of that "
            "of the first counts."
        ),
        formula=r"p_\infty \sim \mathrm{Dirichlet}(c), \qquad E H_\infty = H_{\rm emp}\,\frac{n_0}{n_0 + 1}",
        assumptions="Accumulate with one draw per generation, from fixed first counts.",
        source=("blackwell1973",),
        kind=Kind.EXACT,
        theory=(theory.polya_limit, theory.polya_heterozygosity),
        simulation="The urn, ball by ball.",
        checks=(
            Computed(
                label="m draws from the urn are independent draws from the limit",
                predict=_law_from_limit,
                other=_law_of_urn,
                cases=({"counts": (3, 2, 1), "m": 40}, {"counts": (1, 999), "m": 300}),
                rtol=1e-10,
                mutants={"one ball more": lambda counts, m: _law_from_limit((counts[0] + 1, *counts[1:]), m)},
            ),
            Limit(
                label="heterozygosity after m draws over that of the limit",
                value=lambda m, counts: _after(counts, m),
                asymptote=lambda m, counts: theory.polya_heterozygosity(counts),
                along=(50, 100, 200, 400, 800, 1600),
                remainder=lambda m: 1 / m,
                name="m",
                cases=({"counts": (3, 2, 1)}, {"counts": (1, 1)}, {"counts": (40, 2)}),
                mutants={"(n - 1)/n": lambda m, counts: _empirical(counts) * (1 - 1 / sum(counts))},
            ),
            Sampled(
                label="heterozygosity and a frequency after m draws",
                predict=lambda counts, m: np.array([_after(counts, m), counts[0] / sum(counts)]),
                draw=lambda size, rng, counts, m: np.stack(
                    [1 - np.square(x := _draw(size, rng, counts, m)).sum(axis=1), x[:, 0]], axis=1
                ),
                bounds=(0.0, 1.0),
                cases=({"counts": (3, 2, 1), "m": 30}, {"counts": (10, 1), "m": 50}),
                size=20000,
                mutants={"nothing is lost": lambda counts, m: np.array([_empirical(counts), counts[0] / sum(counts)])},
            ),
        ),
        second={
            "polya_limit_heterozygosity": lambda counts: theory.polya_heterozygosity(counts),
            "polya_heterozygosity_after_draws": lambda counts, draws: _after(counts, draws),
        },
        tags=("categorical", "accumulate"),
    ),
)
