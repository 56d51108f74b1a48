"""What population genetics knows of one type against the rest: spectrum and absorption (Feller; Kimura; Littler).

Collected in Ewens, Mathematical Population Genetics. The chain of one type has the eigenvalues n!/((n-j)! n^j); the
time until one of two types is left is of order n, with an entropy as its constant; K types need 2n sum -(1-p) ln(1-p).
The times are answers of the diffusion: they are held against exact ones at growing n, and those against linear systems
of the chain and against loops that run until one type is left.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import Categorical, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at

#: an exact time is a n - b ln(n) - c - ..., so its growth from n to 2 n is a n - b ln(2) and a series in 1/n
DOUBLED = (25, 50, 100, 200, 400, 800)


def _trace(n, t):
    """Sum of the t-th powers of the eigenvalues."""
    return (theory.wright_fisher_eigenvalues(n) ** t).sum()


def _third(p, n, t):
    """E of the right eigenvector of order 3, x (1 - x) (1 - 2x)."""
    return theory.wright_fisher_eigenvalues(n)[3] ** t * p * (1 - p) * (1 - 2 * p)


def _of_third(run):
    x = run["probability"].values[:, 0]
    return x * (1 - x) * (1 - 2 * x)


def _sd(p, n):
    return theory.collapse_time(p, n)[1]


@cache
def _time(p, n):
    return float(theory.absorption_time(p, n))


@cache
def _winning_time(p, n):
    return float(theory.fixation_time(p, n))


@cache
def _last_time(p, n):
    return theory.collapse_time(p, n)


@cache
def _all_distinct(n):
    return theory.collapse_time(np.full(n, 1 / n), n)


def _gap(n, p, constant):
    """How far the rule diffusion - ln(n)/3 - constant is off, n an array."""
    return [
        abs(theory.absorption_time(p, x) - theory.absorption_time_diffusion(p, x) + math.log(x) / 3 + constant)
        for x in n
    ]


def _by_single_types(p, n):
    """Mean number of fits: sum of the times on the event that a type wins, from linear systems."""
    return sum(two_types.absorbed(n, x)[2] for x in p)


CLAIMS = (
    Claim(
        id="WF-EIG",
        title="Eigenvalues of the chain of one type: n!/((n-j)! n^j)",
        statement=(
            "The chain of the count of one type has the eigenvalues 1, 1, 1 - 1/n, (1 - 1/n)(1 - 2/n) and so on, each "
            "the probability that j draws have different parents."
        ),
        formula=r"P_{ij} = \mathrm{Bin}(n, i/n)(j), \qquad \lambda_j = \prod_{i=0}^{j-1}\Big(1 - \frac in\Big)",
        assumptions="Two types (one against the rest), replace, n draws per generation.",
        source=("feller1951", "ewens2004"),
        locus="Section 3.3 (Ewens)",
        kind=Kind.EXACT,
        theory=(theory.wright_fisher_eigenvalues, theory.wright_fisher_matrix, theory.wright_fisher_modes),
        simulation="Chains of two categories; the polynomial x (1 - x) (1 - 2x), which decays with the third of them.",
        checks=(
            Computed(
                label="trace of powers of the matrix",
                predict=_trace,
                other=lambda n, t: np.trace(np.linalg.matrix_power(two_types.chain(n), t)),
                cases=({"n": 10, "t": 1}, {"n": 60, "t": 7}, {"n": 200, "t": 40}),
                rtol=1e-11,
            ),
            Computed(
                label="eigenvalues of the matrix",
                predict=lambda size: theory.wright_fisher_eigenvalues(size),
                other=lambda size: np.sort(np.linalg.eigvals(two_types.chain(size)).real)[::-1],
                cases=({"size": 6}, {"size": 9}),
                rtol=1e-9,
                mutants={"powers of 1 - 1/n": lambda size: (1 - 1 / size) ** np.maximum(np.arange(size + 1) - 1, 0)},
            ),
            Sampled(
                label="decay of the third mode",
                predict=_third,
                draw=lambda size, rng, p, n, t: at(Categorical((p, 1 - p)), Replace(n=n), t, size, rng, _of_third),
                bounds=(-0.0963, 0.0963),
                cases=({"p": 0.2, "n": 10, "t": 3}, {"p": 0.1, "n": 200, "t": 60}),
                size=40000,
                mutants={"the second mode": lambda p, n, t: (1 - 1 / n) ** t * p * (1 - p) * (1 - 2 * p)},
            ),
        ),
        second={
            "eigenvalue_by_differences": lambda n, order: theory.wright_fisher_eigenvalues(n)[order],
            "eigenvalues_of_the_matrix": lambda n: theory.wright_fisher_eigenvalues(n),
            # n up to 10^8: only as many factors as are asked for
            "eigenvalue": lambda n, order: math.exp(math.fsum(np.log1p(-np.arange(order) / n))),
        },
        tags=("categorical", "spectrum"),
    ),
    Claim(
        id="WF-T2",
        title="Time until one of two types is left: about -2n [p ln p + (1-p) ln(1-p)]",
        statement=(
            "The mean number of fits until one of two types is left is 2n times the entropy of the truth, and until a "
            "type of frequency p has won, given that it will, -2n (1-p) ln(1-p) / p, both to leading order in n; the "
            "exact time is less by about a third of ln n and a constant."
        ),
        formula=(
            r"E\,T \approx -2n\,[p\ln p + (1-p)\ln(1-p)], \qquad "
            r"E[T \mid \text{wins}] \approx -2n\frac{(1-p)\ln(1-p)}p"
        ),
        assumptions="Two types, replace; T counts fits and starts from the truth p.",
        source=("ewens2004", "kimura1955"),
        kind=Kind.ASYMPTOTIC,
        theory=(
            theory.absorption_time,
            theory.absorption_time_diffusion,
            theory.fixation_time,
            theory.fixation_time_diffusion,
        ),
        simulation="Two categories refitted until one is left.",
        checks=(
            Computed(
                label="exact time, by a linear system",
                predict=lambda p, n: theory.absorption_time(p, n),
                other=lambda p, n: two_types.absorbed(n, p)[1],
                cases=({"p": 0.5, "n": 10}, {"p": 0.01, "n": 120}, {"p": 0.9, "n": 400}),
                rtol=1e-10,
                mutants={"the diffusion": lambda p, n: theory.absorption_time_diffusion(p, n)},
            ),
            Computed(
                label="exact time of those that win, by a linear system",
                predict=lambda p, n: theory.fixation_time(p, n),
                other=lambda p, n: two_types.absorbed(n, p)[2] / two_types.absorbed(n, p)[0],
                cases=({"p": 0.1, "n": 30}, {"p": 0.01, "n": 120}),
                rtol=1e-10,
            ),
            Limit(
                label="growth of the time from n to 2n over that of the diffusion",
                value=lambda n, p: _time(p, 2 * n) - _time(p, n),
                asymptote=lambda n, p: theory.absorption_time_diffusion(p, n),
                along=DOUBLED,
                remainder=lambda n: 1 / n,
                cases=({"p": 0.5}, {"p": 0.1}, {"p": 0.01}),
                mutants={"n for 2n": lambda n, p: theory.absorption_time_diffusion(p, n) / 2},
            ),
            Limit(
                label="growth of the time of those that win over that of the diffusion",
                value=lambda n, p: _winning_time(p, 2 * n) - _winning_time(p, n),
                asymptote=lambda n, p: theory.fixation_time_diffusion(p, n),
                along=DOUBLED,
                remainder=lambda n: 1 / n,
                cases=({"p": 0.5}, {"p": 0.1}),
                mutants={"not conditional": lambda n, p: theory.absorption_time_diffusion(p, n) * 1.05},
            ),
            Ordered(
                label="the rule -ln(n)/3 - constant, within 0.01 from n = 20",
                lower=_gap,
                upper=lambda n, p, constant: 0.01,
                bound="upper",
                cases=(
                    {"n": (20, 100, 500, 2000), "p": 0.5, "constant": 0.49},
                    {"n": (20, 100, 500, 2000), "p": 0.1, "constant": 0.03},
                ),
            ),
            Sampled(
                label="mean time",
                predict=lambda p, n: theory.collapse_time(p, n)[0],
                draw=lambda size, rng, p, n: two_types.times_left(size, rng, p, n)[0],
                sd=_sd,
                cases=({"p": (0.5, 0.5), "n": 10}, {"p": (0.05, 0.95), "n": 40}),
                size=40000,
                mutants={"the diffusion": lambda p, n: theory.absorption_time_diffusion(p[0], n)},
            ),
        ),
        second={
            "absorption_time_exact": lambda n, p: theory.absorption_time(p, n),
            "absorption_time_diffusion": lambda n, p: theory.absorption_time_diffusion(p, n),
            "fixation_time_conditional_diffusion": lambda n, p: theory.fixation_time_diffusion(p, n),
        },
        tags=("categorical", "absorption", "time"),
    ),
    Claim(
        id="WF-TK",
        title="Time until one of K types is left: about -2n sum (1-p) ln(1-p)",
        statement=(
            "The mean number of fits until one of K types is left is -2n sum (1-p_i) ln(1-p_i) to leading order, which "
            "tends to 2n for many equal types: resampling n distinct points ends at a single one after about 2n "
            "generations. The standard deviation is slightly above n."
        ),
        formula=(
            r"E\,T = \sum_{t\ge0}\sum_i\big[p_i - P(i \text{ fixed by } t)\big] \approx "
            r"-2n\sum_i (1-p_i)\ln(1-p_i)"
        ),
        assumptions="K categories, maximum likelihood, replace; T counts fits and starts from the truth.",
        source=("littler1975",),
        kind=Kind.ASYMPTOTIC,
        theory=(theory.collapse_time, theory.collapse_law, theory.collapse_time_diffusion),
        simulation="Categories refitted until one is left.",
        checks=(
            Computed(
                label="exact time, by linear systems of single types",
                predict=lambda p, n: theory.collapse_time(p, n)[0],
                other=_by_single_types,
                cases=({"p": (0.5, 0.3, 0.15, 0.05), "n": 12}, {"p": (0.98, 0.015, 0.005), "n": 120}),
                rtol=1e-10,
                mutants={"the diffusion": lambda p, n: theory.collapse_time_diffusion(p, n)},
            ),
            Limit(
                label="growth of the time from n to 2n over that of the diffusion",
                value=lambda n, p: _last_time(p, 2 * n)[0] - _last_time(p, n)[0],
                asymptote=lambda n, p: theory.collapse_time_diffusion(p, n),
                along=DOUBLED,
                remainder=lambda n: 1 / n,
                cases=({"p": (0.1,) * 10}, {"p": (0.9, 0.07, 0.03)}),
                mutants={
                    "two types": lambda n, p: theory.absorption_time_diffusion(p[0], n),
                    "entropy of the truth": lambda n, p: 2 * n * sum(-x * math.log(x) for x in p),
                },
            ),
            Limit(
                label="growth of the time of n distinct points over 2n",
                value=lambda n: _all_distinct(2 * n)[0] - _all_distinct(n)[0],
                asymptote=lambda n: 2 * n,
                along=DOUBLED,
                remainder=lambda n: 1 / n,
            ),
            Limit(
                label="standard deviation of n distinct points over sqrt(4 pi^2/3 - 12) n",
                value=lambda n: _all_distinct(n)[1],
                asymptote=lambda n: math.sqrt(4 * math.pi**2 / 3 - 12) * n,
                along=DOUBLED,
                remainder=lambda n: 1 / n,
                mutants={"n": lambda n: n},
            ),
            Sampled(
                label="mean time",
                predict=lambda p, n: theory.collapse_time(p, n)[0],
                draw=lambda size, rng, p, n: two_types.times_left(size, rng, p, n)[0],
                sd=_sd,
                cases=({"p": (0.1,) * 10, "n": 10}, {"p": (0.7, 0.1, 0.1, 0.05, 0.05), "n": 25}),
                size=20000,
                mutants={"the diffusion": lambda p, n: theory.collapse_time_diffusion(p, n)},
            ),
        ),
        second={
            "fixation_time_exact": lambda n, p: theory.collapse_time(p, n)[0],
            "fixation_time_sd_exact": lambda n, p: theory.collapse_time(p, n)[1],
            "fixation_time_played_out": lambda n, p: theory.collapse_time(p, n)[0],
            "fixation_time_diffusion": lambda n, p: theory.collapse_time_diffusion(p, n),
            # K alike, up to 10^9 of them: the conditional time of each
            "fixation_time_uniform_diffusion": lambda n, k: theory.fixation_time_diffusion(1 / k, n),
        },
        remark=(
            "The standard deviation of n distinct points is that of the age of the last common ancestor of all: "
            "sqrt(4 pi^2/3 - 12) = 1.0768 times n."
        ),
        tags=("categorical", "absorption", "time"),
    ),
)
