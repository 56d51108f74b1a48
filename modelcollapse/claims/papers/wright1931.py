"""Wright (1931), Evolution in Mendelian populations: drift of gene frequencies, and migration that stops it.

A categorical model refitted to n of its own samples is a haploid population of constant size n: categories are alleles,
one refit is one generation. Heterozygosity, the probability that two draws differ, falls by the factor 1 - 1/n, and in
the end one category is left, each with the probability that it had. If every draw is real with probability m,
frequencies settle into a law whose spread depends on nm. Checked against the chain of one category and by simulation.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import Categorical, Mix, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run


def _heterozygosity(p, n, t):
    p = np.asarray(p)
    return float((p * (1 - p)).sum() * theory.retained(Replace(n=n), t)[-1])


def _by_matrix(p, n, t):
    """Two alleles: one minus the expected sum of squares, by powers of the binomial transition matrix."""
    x = np.arange(n + 1) / n
    return two_types.counts(n, t, p[0]) @ (2 * x * (1 - x))


def _decay(n, t, h0):
    return h0 * float(np.exp(t * np.log1p(-1 / n))) if n > 1 else h0 * (t == 0)


def _varying(sizes, p):
    return 2 * p * (1 - p) * theory.retained(Replace(n=sizes), len(sizes))[-1]


def _stationary(p, n, m):
    """Stationary law of the count with immigrants, from the textbook chain by least squares."""
    from scipy.stats import binom

    i = np.arange(n + 1)
    chain = binom.pmf(i[None, :], n, m * p + (1 - m) * i[:, None] / n)
    balance = np.vstack([chain.T - np.eye(n + 1), np.ones(n + 1)])
    return np.linalg.lstsq(balance, np.eye(n + 2)[n + 1], rcond=None)[0]


def _spread(p, n, m):
    x = np.arange(n + 1) / n
    return _stationary(p, n, m) @ (x - p) ** 2


def _settled(n, m):
    """Generations after which the start is forgotten but for e^-12: the rate is 1 - (1 - 1/n)(1 - m)^2."""
    return int(12 / (1 / n + (1 - 1 / n) * m * (2 - m))) + 2


def _fourth(n, p, strength):
    law, x = theory.migration_law(p, n, strength / (2 * n)), np.arange(n + 1) / n
    return law @ (x - p) ** 4


def _fourth_of_beta(n, p, strength):
    from scipy.stats import beta

    law = beta(strength * p, strength * (1 - p))
    mean, variance, _, excess = law.stats("mvsk")
    return float((excess + 3) * variance**2) + 0 * (n + mean)


CLAIMS = (
    Claim(
        id="WF-H",
        title="Heterozygosity falls by 1/n per generation",
        statement=(
            "The expected probability that two draws from the t-th fit differ is (1 - 1/n)^t times that of the truth, "
            "for any number of categories; with varying sizes the factors multiply, so that the effective size is "
            "their harmonic mean."
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
                    {"p": (0.9, 0.09, 0.01), "n": 1000, "t": 100},
                ),
                size=40000,
                mutants={"nothing is lost": lambda p, n, t: 1 - np.square(p).sum()},
            ),
        ),
        second={
            "heterozygosity": _decay,
            "heterozygosity_played_out": lambda n, t, p: _heterozygosity(p, n, t),
            "heterozygosity_varying_sizes": _varying,
            "effective_size_harmonic": lambda sizes: len(sizes) / sum(1 / n for n in sizes),
        },
        tags=("categorical", "inbreeding"),
    ),
    Claim(
        id="WF-FIX",
        title="A type takes over with the probability that it has",
        statement="Under replace one type is left in the end, and it is type i with its true probability.",
        formula=r"P(\text{type } i \text{ fixes}) = p_{0,i}",
        assumptions="Categorical model, maximum likelihood, replace; the sizes may vary if the sum of 1/n diverges.",
        source=("wright1931", "ewens2004"),
        kind=Kind.EXACT,
        theory=(theory.fixation_probability,),
        simulation="Categorical models refitted until one category is left.",
        checks=(
            Computed(
                label="linear system of the chain of one type",
                predict=lambda p, n: theory.fixation_probability([p, 1 - p])[0],
                other=lambda p, n: two_types.absorbed(n, p)[0],
                cases=({"p": 0.3, "n": 10}, {"p": 0.001, "n": 400}, {"p": 0.93, "n": 3}),
                rtol=1e-10,
                mutants={"the share of squares": lambda p, n: p**2 / (p**2 + (1 - p) ** 2)},
            ),
            Sampled(
                label="which type is left",
                predict=lambda p, n: theory.fixation_probability(p),
                draw=lambda size, rng, p, n: two_types.one_hot(two_types.times_left(size, rng, p, n)[1], len(p)),
                cases=({"p": (0.5, 0.3, 0.15, 0.05), "n": 12}, {"p": (0.9, 0.1), "n": 30}),
                size=20000,
                mutants={
                    "all alike": lambda p, n: np.full(len(p), 1 / len(p)),
                    "the share of squares": lambda p, n: np.square(p) / np.square(p).sum(),
                },
            ),
        ),
        second={
            "fixation_probability": lambda n, p: theory.fixation_probability([p, 1 - p])[0],
            "fixation_probabilities": lambda n, p: theory.fixation_probability(p),
        },
        tags=("categorical", "absorption"),
    ),
    Claim(
        id="WF-MIG",
        title="Immigrants keep a share 1 - F of the heterozygosity, F = 1/(n - (n-1)(1-m)^2)",
        statement=(
            "If each of n draws is a real one with probability m, the variance of a frequency settles at F p (1 - p), "
            "which depends on the number nm of immigrants and hardly on n; the stationary law tends to a Beta law, for "
            "several categories to a Dirichlet law, with parameters 2nm times the true probabilities."
        ),
        formula=(
            r"F = \frac1{n - (n-1)(1-m)^2} \approx \frac1{1 + 2nm}, \qquad "
            r"p_\infty \approx \mathrm{Beta}(2nm\pi,\ 2nm(1-\pi))"
        ),
        assumptions="Haploid: n draws are n gene copies; books that count diploids have 4Nm for 2nm.",
        source=("wright1931",),
        kind=Kind.EXACT,
        theory=(
            theory.migration_variance,
            theory.inbreeding_mix,
            theory.migration_law,
            theory.migration_law_diffusion,
        ),
        simulation="Chains of categorical models that see real points, long after the start.",
        checks=(
            Computed(
                label="variance of the stationary law of the chain",
                predict=lambda p, n, m: theory.migration_variance(p, n, m),
                other=_spread,
                cases=({"p": 0.3, "n": 200, "m": 0.01}, {"p": 0.02, "n": 30, "m": 0.2}, {"p": 0.5, "n": 5, "m": 0.9}),
                rtol=1e-9,
                mutants={
                    "1/(1 + 2nm)": lambda p, n, m: p * (1 - p) / (1 + 2 * n * m),
                    "diploid": lambda p, n, m: p * (1 - p) / (1 + 4 * n * m),
                },
            ),
            Sampled(
                label="heterozygosity of three categories at rest",
                predict=lambda p, n, m: theory.heterozygosity(p, theory.inbreeding_mix(n, m, _settled(n, m))),
                draw=lambda size, rng, p, n, m: at(Categorical(p), Mix(n, m), _settled(n, m), size, rng, of_run),
                bounds=(0.0, 1.0),
                cases=({"p": (0.5, 0.3, 0.2), "n": 20, "m": 0.05}, {"p": (0.6, 0.3, 0.1), "n": 100, "m": 0.04}),
                size=20000,
                mutants={
                    "diploid": lambda p, n, m: theory.heterozygosity(p, 1 / (1 + 4 * n * m)),
                    "no immigrants": lambda p, n, m: 0.0,
                },
            ),
            Limit(
                label="F against 1/(1 + 2nm), nm fixed",
                value=lambda n, migrants: theory.inbreeding_mix(n, migrants / n, np.inf),
                asymptote=lambda n, migrants: 1 / (1 + 2 * migrants),
                along=(20, 40, 80, 160, 320, 640),
                remainder=lambda n: 1 / n,
                cases=({"migrants": 1.0}, {"migrants": 0.05}, {"migrants": 7.0}),
                mutants={"diploid": lambda n, migrants: 1 / (1 + 4 * migrants)},
            ),
            Limit(
                label="fourth moment of the law against that of the Beta law",
                value=_fourth,
                asymptote=_fourth_of_beta,
                along=(20, 40, 80, 160, 320),
                remainder=lambda n: 1 / n,
                cases=({"p": 0.3, "strength": 3.0}, {"p": 0.1, "strength": 0.4}),
                mutants={"half the strength": lambda n, p, strength: _fourth_of_beta(n, p, strength / 2)},
            ),
        ),
        second={
            "migration_variance": lambda n, m, pi: theory.migration_variance(pi, n, m),
            "migration_f": lambda n, m: theory.inbreeding_mix(n, m, np.inf),
            "migration_variance_beta": lambda n, m, pi: theory.migration_law_diffusion(pi, n, m).var(),
            "migration_density_beta": lambda n, m, pi, x: theory.migration_law_diffusion(pi, n, m).pdf(x),
        },
        tags=("categorical", "real data", "stationary"),
    ),
)
