r"""How related are the points of a training set? The coefficient F of each way to reuse data, part one.

Derived for this package, where no older source is named: the plans without fresh real points that use all they hold,
replace and accumulate. Each F is held against a table of all pairs of points (the second readings), against the general
recursion of theory or exact fractions, and against simulated chains.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from modelcollapse import Accumulate, Replace, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED, simulated

# ------------------------------------------------------------------------------------------------------------ replace


def _two_types(n, t):
    """F from the chain of the number of points of one of two types, by powers of its matrix."""
    law = np.linalg.matrix_power(theory.wright_fisher_matrix(n), t)[n // 2]
    x, p = np.arange(n + 1) / n, (n // 2) / n
    return law @ (x - p) ** 2 / (p * (1 - p))


def _same_size(sizes):
    """Return the constant size that gives exactly the same F."""
    return -1 / np.expm1(np.log1p(-1 / np.asarray(sizes, dtype=float)).mean())


REPLACE = (
    Claim(
        id="F-REP",
        title="Replace: F = 1 - (1 - 1/n)^t",
        statement=(
            "If each generation is fitted to n points of the last model alone, a share 1/n is lost at every step."
        ),
        formula=r"F_t = \frac1n + \Big(1-\frac1n\Big)F_{t-1} = 1 - \Big(1-\frac1n\Big)^t",
        assumptions="As for F-MASTER; n points per generation, generation 1 real.",
        source=("wright1931", "seddik2024"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_replace, theory.inbreeding),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="two types, by powers of the binomial matrix",
                predict=lambda n, t: theory.inbreeding_replace(n, t),
                other=_two_types,
                cases=({"n": 10, "t": 2}, {"n": 2, "t": 1}, {"n": 40, "t": 300}),
                rtol=1e-11,
            ),
            Computed(
                label="the general recursion",
                predict=lambda n, t: theory.inbreeding_replace(n, t),
                other=lambda n, t: theory.inbreeding(Replace(n=n), t)[-1],
                cases=({"n": 10, "t": 2}, {"n": 1, "t": 1}, {"n": 10**9, "t": 1000}),
                rtol=1e-12,
            ),
            simulated(
                lambda n, t: Replace(n=n),
                theory.inbreeding_replace,
                ({"n": 10, "t": 2}, {"n": 30, "t": 12}, {"n": 2, "t": 3}),
                mutants={"counted from the first fit": lambda n, t: theory.inbreeding_replace(n, t - 1)},
            ),
        ),
        second={
            "inbreeding_replace": theory.inbreeding_replace,
            "retained_replace": lambda n, t: math.exp(t * math.log1p(-1 / n)) if n > 1 else float(t == 0),
            "inbreeding_replace_two_types": theory.inbreeding_replace,
        },
        tags=("inbreeding", "plans", "replace"),
    ),
    Claim(
        id="F-REPVAR",
        title="Replace with varying sizes: the product of 1 - 1/n_i",
        statement=(
            "With sizes that vary, each generation multiplies 1 - F by 1 - 1/n_i; F stays below 1 for ever exactly if "
            "the sum of 1/n_i converges (all sizes at least 2). To leading order the effective size is the harmonic "
            "mean."
        ),
        formula=r"1 - F_t = \prod_{i\le t}\Big(1-\frac1{n_i}\Big)",
        assumptions="As for F-MASTER; n_i points in generation i.",
        source=(DERIVED, "wright1931"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_sizes,),
        simulation="Categorical chains with 20 types and varying sizes.",
        checks=(
            simulated(
                lambda sizes, t: Replace(n=sizes),
                lambda sizes, t: theory.inbreeding_sizes((*sizes, sizes[-1]))[t],
                ({"sizes": (10, 20), "t": 2}, {"sizes": (16, 8, 24, 12, 4), "t": 5}),
                mutants={
                    "the mean size": lambda sizes, t: theory.inbreeding_replace(np.mean(sizes), t),
                    "one step late": lambda sizes, t: theory.inbreeding_sizes((sizes[0], *sizes[:-1]))[t],
                },
            ),
            Ordered(
                label="what is left is at most exp(-sum 1/n_i)",
                lower=lambda sizes: 1 - theory.inbreeding_sizes(sizes)[1:],
                upper=lambda sizes: np.exp(-np.cumsum(1 / np.asarray(sizes))),
                bound="upper",
                cases=({"sizes": np.arange(200, 3000)}, {"sizes": np.full(50, 2)}, {"sizes": 2 ** np.arange(1, 40)}),
            ),
            Ordered(
                label="and at least 4^(-sum 1/n_i) for sizes of 2 and more",
                lower=lambda sizes: 4.0 ** -np.cumsum(1 / np.asarray(sizes)),
                upper=lambda sizes: 1 - theory.inbreeding_sizes(sizes)[1:],
                bound="lower",
                cases=({"sizes": np.full(20, 2)}, {"sizes": np.arange(2, 3000)}, {"sizes": 2 ** np.arange(1, 40)}),
            ),
            Limit(
                label="the size with the same F is the harmonic mean, to leading order",
                value=lambda n, sizes: _same_size(n * np.asarray(sizes)),
                asymptote=lambda n, sizes: n * len(sizes) / np.sum(1 / np.asarray(sizes, dtype=float)),
                along=(4, 16, 64, 256, 1024),
                remainder=lambda n: 1 / n,
                cases=({"sizes": (1, 2)}, {"sizes": (5, 9, 100)}),
                name="scale of the sizes",
                mutants={"arithmetic mean": lambda n, sizes: n * np.mean(sizes)},
            ),
        ),
        second={
            "inbreeding_replace_sizes": lambda sizes: theory.inbreeding_sizes(sizes)[-1] if len(sizes) else 0.0,
            "inbreeding_replace_sizes_exact": lambda sizes: theory.inbreeding_sizes(sizes)[-1] if len(sizes) else 0.0,
            "effective_size_harmonic": lambda sizes: 1 / np.mean(1 / np.asarray(sizes, dtype=float)),
        },
        remark=(
            "That the effective size is the harmonic mean is exact only to leading order in 1/n: the constant size "
            "with the same F differs from it by a number of order one."
        ),
        tags=("inbreeding", "plans", "replace"),
    ),
    Claim(
        id="F-QUAD",
        title="Accumulation is replacement with sizes n i^2",
        statement="Accumulating batches of n has, at every generation, the F of replacing with sizes n, 4n, 9n, ...",
        formula=r"F^{\mathrm{acc}}_t(n) = F^{\mathrm{rep}}_t(n_i = n i^2)",
        assumptions="As for F-MASTER.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_accumulate, theory.inbreeding_sizes),
        simulation="Categorical chains that replace with growing sizes, against the coefficient of accumulation.",
        checks=(
            Computed(
                label="the product over sizes n i^2, and the recursion of accumulation",
                predict=lambda n, until: theory.inbreeding_sizes(n * np.arange(1, until + 1) ** 2)[1:],
                other=lambda n, until: theory.inbreeding(Accumulate(n=n), until)[1:],
                cases=({"n": 10, "until": 2}, {"n": 2, "until": 500}, {"n": 10**6, "until": 40}),
                rtol=1e-12,
                mutants={"sizes n i": lambda n, until: theory.inbreeding_sizes(n * np.arange(1, until + 1))[1:]},
            ),
            simulated(
                lambda n, t: Replace(n=tuple(n * i * i for i in range(1, t + 1))),
                theory.inbreeding_accumulate,
                ({"n": 10, "t": 2}, {"n": 4, "t": 8}),
                mutants={"sizes n i": lambda n, t: theory.inbreeding_sizes(n * np.arange(1, t + 1))[-1]},
            ),
        ),
        second={"inbreeding_quadratic_schedule": theory.inbreeding_accumulate},
        tags=("inbreeding", "plans", "accumulate", "replace"),
    ),
)


# --------------------------------------------------------------------------------------------------------- accumulate


def _product(n_real, n, t):
    """Compute 1 - F of accumulation in exact fractions."""
    kept = 1 - Fraction(1, n_real)
    for i in range(1, t):
        kept *= 1 - Fraction(n, (n_real + n * i) ** 2)
    return float(1 - kept)


def _any_sizes(n_real, sizes):
    pool = n_real + np.cumsum(np.asarray(sizes, dtype=float))
    return np.asarray(sizes) / pool**2


def _accumulated_sizes(n_real, sizes):
    return theory.inbreeding(Accumulate(n=(1, *sizes), n_real=n_real), len(sizes) + 1)[-1]


def _least_kept(n_real):
    """Bound what is left from below: every factor is 1 - x with x <= 1/(4 n_0), and all x together are <= 1/n_0."""
    x = 1 / (4 * n_real)
    return (1 - 1 / n_real) * np.exp(np.log1p(-x) / x / n_real)


ACCUMULATE = (
    Claim(
        id="F-ACC",
        title="Accumulate: the loss stops at 1 - sin(pi/sqrt n)/(pi/sqrt n)",
        statement=(
            "If n points are added per generation and all are kept, generation i costs 1/(n i^2), and F converges to a "
            "limit below 1, about pi^2/(6 n)."
        ),
        formula=(
            r"1 - F_t = \prod_{i=1}^t\Big(1-\frac1{n i^2}\Big) \to \frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}, \qquad "
            r"F_\infty = \frac{\pi^2}{6n} + O(n^{-2})"
        ),
        assumptions=(
            "As for F-MASTER; generation t is fitted to the n real points and all t - 1 synthetic batches of n."
        ),
        source=(DERIVED, "kazdan2025"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_accumulate, theory.inbreeding_accumulate_limit),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="the product in exact fractions",
                predict=lambda n, t: theory.inbreeding_accumulate(n, t),
                other=lambda n, t: _product(n, n, t),
                cases=({"n": 10, "t": 2}, {"n": 2, "t": 60}, {"n": 10**9, "t": 30}),
                rtol=1e-13,
                mutants={"generations count equally": lambda n, t: theory.inbreeding_replace(n, t)},
            ),
            Computed(
                label="the limit is the sine",
                predict=lambda n: theory.inbreeding_accumulate_limit(n),
                other=lambda n: 1 - np.sinc(1 / np.sqrt(n)),
                cases=({"n": 10}, {"n": 2}, {"n": 500}),
                rtol=1e-12,
            ),
            Limit(
                label="pi^2 / (6 n) for large n",
                value=theory.inbreeding_accumulate_limit,
                asymptote=lambda n: math.pi**2 / (6 * n),
                along=(10, 40, 160, 640, 2560),
                remainder=lambda n: 1 / n,
            ),
            simulated(
                lambda n, t: Accumulate(n=n),
                theory.inbreeding_accumulate,
                ({"n": 10, "t": 2}, {"n": 4, "t": 8}, {"n": 2, "t": 40}),
                mutants={"replace": theory.inbreeding_replace},
            ),
        ),
        second={
            "inbreeding_accumulate_pairs": theory.inbreeding_accumulate,
            "inbreeding_accumulate": theory.inbreeding_accumulate,
            "limit_accumulate": theory.inbreeding_accumulate_limit,
        },
        tags=("inbreeding", "plans", "accumulate"),
    ),
    Claim(
        id="F-ACC0",
        title="Accumulate from n_0 real points, batches of any size: it never collapses",
        statement=(
            "From n_0 real points on, a batch that makes the pool N_i points large costs n_i/N_i^2; together these are "
            "at most 1/n_0, whatever the sizes, so F stays below 1 if there are at least two real points."
        ),
        formula=(
            r"1 - F = \Big(1-\frac1{n_0}\Big)\prod_i\Big(1-\frac{n_i}{N_i^2}\Big), \qquad n_i = n:\ 1 - F_\infty = "
            r"\Big(1-\frac1{n_0}\Big)\frac{\Gamma(1+\rho)^2}{\Gamma(1+\rho-s)\Gamma(1+\rho+s)},\ \rho = n_0/n,\ s = "
            r"n^{-1/2}"
        ),
        assumptions="As for F-MASTER; n_0 >= 2 real points for the last sentence.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_accumulate, theory.inbreeding_accumulate_limit, theory.inbreeding),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="the product in exact fractions",
                predict=lambda n_real, n, t: theory.inbreeding_accumulate(n, t, n_real=n_real),
                other=_product,
                cases=(
                    {"n_real": 7, "n": 3, "t": 2},
                    {"n_real": 2, "n": 50, "t": 40},
                    {"n_real": 10**6, "n": 2, "t": 30},
                ),
                rtol=1e-13,
                mutants={"roles swapped": lambda n_real, n, t: theory.inbreeding_accumulate(n_real, t, n_real=n)},
            ),
            Ordered(
                label="the costs of all batches together are at most 1/n_0",
                lower=lambda n_real, sizes: np.cumsum(_any_sizes(n_real, sizes)),
                upper=lambda n_real, sizes: 1 / n_real,
                bound="upper",
                cases=(
                    {"n_real": 200, "sizes": np.ones(100000, int)},
                    {"n_real": 2, "sizes": np.array([1, 1000, 1, 10**6, 5])},
                    {"n_real": 1, "sizes": 2 ** np.arange(30)},
                ),
            ),
            Ordered(
                label="a share is left for ever",
                lower=lambda n, n_real: _least_kept(n_real),
                upper=lambda n, n_real: 1 - theory.inbreeding_accumulate_limit(n, n_real=n_real),
                bound="lower",
                cases=(
                    {"n": np.array([1, 2, 10, 10**6]), "n_real": 50},
                    {"n": np.array([1, 2, 3, 1000]), "n_real": 2},
                ),
            ),
            simulated(
                lambda n_real, n, t: Accumulate(n=n, n_real=n_real),
                lambda n_real, n, t: theory.inbreeding_accumulate(n, t, n_real=n_real),
                (
                    {"n_real": 7, "n": 3, "t": 2},
                    {"n_real": 3, "n": 12, "t": 6},
                    {"n_real": 20, "n": 2, "t": 30},
                ),
                mutants={"roles swapped": lambda n_real, n, t: theory.inbreeding_accumulate(n_real, t, n_real=n)},
            ),
        ),
        second={
            "inbreeding_accumulate_from": lambda n_real, n, t: theory.inbreeding_accumulate(n, t, n_real=n_real),
            "inbreeding_accumulate_from_exact": lambda n_real, n, t: theory.inbreeding_accumulate(n, t, n_real=n_real),
            "limit_accumulate_from": lambda n_real, n: theory.inbreeding_accumulate_limit(n, n_real=n_real),
            "inbreeding_accumulate_sizes": _accumulated_sizes,
        },
        remark=(
            "That accumulation never collapses needs two real points: one has no variance, and F = 1 from the first "
            "fit."
        ),
        tags=("inbreeding", "plans", "accumulate"),
    ),
    Claim(
        id="F-POLYA",
        title="One synthetic point at a time: F tends to 2/(n_0 + 1)",
        statement=(
            "Polya's urn, begun with n_0 real points and enlarged by one draw at a time, ends with F = 2/(n_0 + 1)."
        ),
        formula=r"1 - F_\infty = \frac{n_0-1}{n_0+1}",
        assumptions="As for F-MASTER; F-ACC0 with n = 1.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_accumulate, theory.inbreeding_accumulate_limit),
        simulation="Urns with 20 colours.",
        checks=(
            Computed(
                label="the limit of the product",
                predict=lambda n_real: 2 / (n_real + 1),
                other=lambda n_real: theory.inbreeding_accumulate_limit(1, n_real=n_real),
                cases=({"n_real": np.array([5.0])}, {"n_real": np.array([2.0])}, {"n_real": np.array([1.0, 1e6])}),
                rtol=1e-12,
                mutants={"2/n_0": lambda n_real: np.minimum(2 / n_real, 1.0)},
            ),
            Limit(
                label="the coefficient at generation t",
                value=lambda t, n_real: theory.inbreeding_accumulate(1, t, n_real=n_real),
                asymptote=lambda t, n_real: 2 / (n_real + 1),
                along=(20, 80, 320, 1280, 5120),
                remainder=lambda t: 1 / t,
                cases=({"n_real": 5}, {"n_real": 2}),
                name="t",
            ),
            simulated(
                lambda n_real, t: Accumulate(n=1, n_real=n_real),
                lambda n_real, t: theory.inbreeding_accumulate(1, t, n_real=n_real),
                ({"n_real": 5, "t": 4}, {"n_real": 12, "t": 60}),
            ),
        ),
        second={
            "inbreeding_polya": lambda n_real, t: theory.inbreeding_accumulate(1, t, n_real=n_real),
            "limit_polya": lambda n_real: theory.inbreeding_accumulate_limit(1, n_real=n_real),
        },
        tags=("inbreeding", "plans", "accumulate", "urn"),
    ),
)

CLAIMS = (*REPLACE, *ACCUMULATE)
