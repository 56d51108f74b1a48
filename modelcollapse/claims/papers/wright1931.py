"""Wright (1931), Evolution in Mendelian populations: drift of gene frequencies.

A categorical model refitted to n of its own samples is a haploid population of constant size n: categories are alleles,
one refit is one generation. Heterozygosity, the probability that two draws differ, falls by the factor 1 - 1/n.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import Categorical, Replace, theory
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run


def _heterozygosity(p, n, t):
    p = np.asarray(p)
    return float((p * (1 - p)).sum() * theory.retained(Replace(n=n), t)[-1])


def _by_matrix(p, n, t):
    """Two alleles: one minus the expected sum of squares, by powers of the binomial transition matrix."""
    x = np.arange(n + 1) / n
    start = theory.wright_fisher_matrix(n)
    # the first fit draws from p itself, which need not be a multiple of 1 / n
    from scipy.stats import binom

    law = binom.pmf(np.arange(n + 1), n, p[0]) @ np.linalg.matrix_power(start, t - 1)
    return law @ (2 * x * (1 - x))


CLAIMS = (
    Claim(
        id="WF-H",
        title="Heterozygosity falls by 1/n per generation",
        statement=(
            "The expected probability that two draws from the t-th fit differ is (1 - 1/n)^t times that of the truth, "
            "for any number of categories."
        ),
        formula=r"E[H_t] = \Big(1 - \frac1n\Big)^t H_0, \qquad H = 1 - \sum_i p_i^2",
        assumptions="Categorical model, maximum likelihood, replace, n samples per generation.",
        source=("wright1931",),
        kind=Kind.EXACT,
        theory=(theory.retained, theory.inbreeding, theory.heterozygosity),
        simulation="Chains of refitted categorical models; heterozygosity of the t-th fit.",
        checks=(
            Computed(
                label="two categories, by the transition matrix",
                predict=_heterozygosity,
                other=_by_matrix,
                cases=({"p": (0.3, 0.7), "n": 10, "t": 2}, {"p": (0.01, 0.99), "n": 50, "t": 200}),
                rtol=1e-11,
            ),
            Sampled(
                label="mean heterozygosity",
                predict=_heterozygosity,
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, of_run),
                bounds=(0.0, 1.0),
                cases=(
                    {"p": (0.5, 0.3, 0.2), "n": 10, "t": 2},
                    {"p": (0.2,) * 5, "n": 50, "t": 20},
                    {"p": (0.9, 0.09, 0.01), "n": 1000, "t": 300},
                ),
                size=40000,
                mutants={"nothing is lost": lambda p, n, t: 1 - np.square(p).sum()},
            ),
        ),
        second={
            "heterozygosity": lambda n, t, h0: h0 * float(np.exp(t * np.log1p(-1 / n))) if n > 1 else h0 * (t == 0),
            "heterozygosity_played_out": lambda n, t, p: _heterozygosity(p, n, t),
            "heterozygosity_varying_sizes": lambda sizes, p: 2 * p * (1 - p) * theory.retained(Replace(n=sizes), len(sizes))[-1],
            "effective_size_harmonic": lambda sizes: len(sizes) / sum(1 / n for n in sizes),
        },
        tags=("categorical", "inbreeding"),
    ),
)
