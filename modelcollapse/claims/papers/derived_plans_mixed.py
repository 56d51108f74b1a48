r"""How related are the points of a training set? The coefficient F of each way to reuse data, part two.

Derived for this package, where no older source is named: plans that keep real points or add new ones, replace a part of
a corpus, or smooth towards the truth. As in part one every F is held against the table of all pairs of points (the
second readings), against another recursion or a matrix, and against simulated chains.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from modelcollapse import FixedReal, FreshReal, Mix, theory
from modelcollapse.claims.checks import Computed, Limit
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED, EVEN, kept_and_error, simulated

# --------------------------------------------------------------------------------------------------------- real points


def _linear(first, constant, slope):
    """Return a function that steps through F -> constant + slope F by a matrix power."""

    def by_matrix(t, **case):
        step = np.array([[slope(**case), constant(**case)], [0.0, 1.0]])
        return (np.linalg.matrix_power(step, t - 1) @ [first(**case), 1.0])[0]

    return by_matrix


def _share(n_real, n):
    return n / (n_real + n)


REAL = (
    Claim(
        id="F-FIX",
        title="A fixed real set bounds the loss: N F tends to at most 3/2",
        statement=(
            "If the same N real points stay in every training set, with n points of the last model, F goes "
            "geometrically to a limit of at most about 3/(2N)."
        ),
        formula=(
            r"F_{t+1} = \frac{1-\alpha^2}N + \frac{\alpha^2}n + \alpha^2\Big(1-\frac1n\Big)F_t,\quad F_1 = "
            r"\frac1N,\quad F_\infty = \frac{1+2\alpha}{N(1+\alpha)+\alpha},\quad \alpha = \frac n{N+n}"
        ),
        assumptions="As for F-MASTER; generation 1 is fitted to the N real points alone.",
        source=(DERIVED, "seddik2024"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_fixed_real, theory.inbreeding),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="the recursion, by powers of its matrix",
                predict=lambda n_real, n, t: theory.inbreeding_fixed_real(n, n_real, t),
                other=_linear(
                    lambda n_real, n: 1 / n_real,
                    lambda n_real, n: (1 - _share(n_real, n) ** 2) / n_real + _share(n_real, n) ** 2 / n,
                    lambda n_real, n: _share(n_real, n) ** 2 * (1 - 1 / n),
                ),
                cases=(
                    {"n_real": 10, "n": 10, "t": 2},
                    {"n_real": 3, "n": 300, "t": 40},
                    {"n_real": 10**6, "n": 1, "t": 5},
                ),
                rtol=1e-12,
                mutants={"roles swapped": lambda n_real, n, t: theory.inbreeding_fixed_real(n_real, n, t)},
            ),
            Computed(
                label="the general recursion of all regimes",
                predict=lambda n_real, n, t: theory.inbreeding_fixed_real(n, n_real, t),
                other=lambda n_real, n, t: theory.inbreeding(FixedReal(n=n, n_real=n_real), t)[-1],
                cases=({"n_real": 10, "n": 90, "t": 30}, {"n_real": 1, "n": 2000, "t": 2000}),
                rtol=1e-11,
            ),
            Limit(
                label="N F in the long run for large N",
                value=lambda n, ratio: n * theory.inbreeding_fixed_real(ratio * n, n, np.inf),
                asymptote=lambda n, ratio: (1 + 3 * ratio) / (1 + 2 * ratio),
                along=(10, 40, 160, 640, 2560),
                remainder=lambda n: 1 / n,
                cases=({"ratio": 1.0}, {"ratio": 99.0}),
                name="N",
                mutants={"3/2 for every ratio": lambda n, ratio: 1.5},
            ),
            simulated(
                lambda n_real, n, t: FixedReal(n=n, n_real=n_real),
                lambda n_real, n, t: theory.inbreeding_fixed_real(n, n_real, t),
                (
                    {"n_real": 10, "n": 10, "t": 2},
                    {"n_real": 4, "n": 40, "t": 3},
                    {"n_real": 3, "n": 9, "t": 12},
                ),
                mutants={
                    "roles swapped": lambda n_real, n, t: theory.inbreeding_fixed_real(n_real, n, t),
                    "new real points instead": lambda n_real, n, t: theory.inbreeding_fresh_real(n + n_real, n_real, t),
                },
            ),
        ),
        second={
            "inbreeding_fixed_real_pairs": lambda n_real, n, t: theory.inbreeding_fixed_real(n, n_real, t),
            "inbreeding_fixed_real": lambda n_real, n, t: theory.inbreeding_fixed_real(n, n_real, t),
            "limit_fixed_real": lambda n_real, n: theory.inbreeding_fixed_real(n, n_real, np.inf),
        },
        tags=("inbreeding", "plans", "fixed real"),
    ),
    Claim(
        id="F-MIX",
        title="Each point fresh real with probability m",
        statement="If each of n points is a new real one with probability m, F converges to 1/(n - (n-1)(1-m)^2).",
        formula=r"F_t = \frac1n + \Big(1-\frac1n\Big)(1-m)^2F_{t-1} \to \frac1{n-(n-1)(1-m)^2} \approx \frac1{1+2nm}",
        assumptions=(
            "As for F-MASTER; the model keeps the moments of its training set, the real points are never the same."
        ),
        source=(DERIVED, "wright1931", "bakshi2026"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_mix, theory.inbreeding),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="the recursion, by powers of its matrix",
                predict=lambda n, m, t: theory.inbreeding_mix(n, m, t),
                other=_linear(lambda n, m: 1 / n, lambda n, m: 1 / n, lambda n, m: (1 - 1 / n) * (1 - m) ** 2),
                cases=({"n": 20, "m": 0.2, "t": 40}, {"n": 5, "m": 0.01, "t": 3}, {"n": 1000, "m": 0.0, "t": 10}),
                rtol=1e-12,
                mutants={"fractions swapped": lambda n, m, t: theory.inbreeding_mix(n, 1 - m, t)},
            ),
            simulated(
                lambda n, m, t: Mix(n=n, real_fraction=m),
                lambda n, m, t: theory.inbreeding_mix(n, m, t),
                ({"n": 20, "m": 0.2, "t": 3}, {"n": 4, "m": 0.05, "t": 6}, {"n": 20, "m": 0.2, "t": 12}),
                mutants={
                    "a fixed number instead": lambda n, m, t: theory.inbreeding_fresh_real(n, max(1, round(n * m)), t),
                    "1 - m for its square": lambda n, m, t: (1 - (q := (1 - 1 / n) * (1 - m)) ** t) / (1 - q) / n,
                },
            ),
            Limit(
                label="1/(1 + 2nm) for small m",
                value=lambda n, nm: theory.inbreeding_mix(n, nm / n, np.inf),
                asymptote=lambda n, nm: 1 / (1 + 2 * nm),
                along=(100, 400, 1600, 6400),
                remainder=lambda n: 1 / n,
                cases=({"nm": 1.0}, {"nm": 20.0}),
            ),
        ),
        second={
            "inbreeding_random_fresh_two_types": lambda n, m, t: theory.inbreeding_mix(n, m, t),
            "inbreeding_random_fresh": lambda n, m, t: theory.inbreeding_mix(n, m, t),
            "limit_random_fresh": lambda n, m: theory.inbreeding_mix(n, m, np.inf),
        },
        tags=("inbreeding", "plans", "fresh real"),
    ),
    Claim(
        id="F-FRESH",
        title="Exactly r fresh real points per generation",
        statement=(
            "If r of the n points are new real ones in every generation, F converges; two points can be related only "
            "if both are synthetic."
        ),
        formula=(
            r"F_t = \frac1n + xF_{t-1},\quad x = (1-m)^2 - \frac{1-m}n = \frac{(n-r)(n-r-1)}{n^2},\quad m = \frac rn"
        ),
        assumptions="As for F-MASTER; generation 1 is all real.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_fresh_real, theory.inbreeding),
        simulation="Categorical chains with 20 types.",
        checks=(
            Computed(
                label="the recursion over pairs of copies, by powers of its matrix",
                predict=lambda n, r, t: theory.inbreeding_fresh_real(n, r, t),
                other=_linear(lambda n, r: 1 / n, lambda n, r: 1 / n, lambda n, r: (n - r) * (n - r - 1) / n**2),
                cases=({"n": 10, "r": 5, "t": 50}, {"n": 10, "r": 1, "t": 3}, {"n": 1000, "r": 0, "t": 10}),
                rtol=1e-12,
                mutants={"roles swapped": lambda n, r, t: theory.inbreeding_fresh_real(n, n - r, t)},
            ),
            simulated(
                lambda n, r, t: FreshReal(n=n, n_real=r),
                lambda n, r, t: theory.inbreeding_fresh_real(n, r, t),
                ({"n": 10, "r": 5, "t": 2}, {"n": 16, "r": 4, "t": 4}, {"n": 6, "r": 1, "t": 40}),
                mutants={"as if drawn at random": lambda n, r, t: theory.inbreeding_mix(n, r / n, t)},
            ),
        ),
        second={
            "inbreeding_fresh_pairs": lambda n, r, t: theory.inbreeding_fresh_real(n, r, t),
            "inbreeding_fresh": lambda n, r, t: theory.inbreeding_fresh_real(n, r, t),
            "limit_fresh": lambda n, r: theory.inbreeding_fresh_real(n, r, np.inf),
        },
        tags=("inbreeding", "plans", "fresh real"),
    ),
    Claim(
        id="F-ONE",
        title="One fresh real point per generation keeps two thirds of the variance",
        statement=(
            "With a single new real point per generation F converges to 1/(3 - 2/n), one third, however large n is."
        ),
        formula=r"F_\infty = \frac1{3-2/n}",
        assumptions="As for F-FRESH with r = 1.",
        source=(DERIVED, "jangjoo2026"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_one_fresh, theory.inbreeding_fresh_real),
        simulation="Categorical chains with 20 types, long enough to be near the limit.",
        checks=(
            Computed(
                label="the fixed point of the general recursion",
                predict=lambda n: theory.inbreeding_one_fresh(n),
                other=lambda n: theory.inbreeding(FreshReal(n=n, n_real=1), 40 * n)[-1],
                cases=({"n": 10}, {"n": 2}, {"n": 150}),
                rtol=1e-11,
                mutants={"one third": lambda n: 1 / 3},
            ),
            simulated(
                lambda n, t: FreshReal(n=n, n_real=1),
                lambda n, t: theory.inbreeding_fresh_real(n, 1, t),
                ({"n": 10, "t": 12}, {"n": 5, "t": 4}, {"n": 30, "t": 25}),
            ),
        ),
        second={
            "limit_one_fresh": theory.inbreeding_one_fresh,
            "inbreeding_one_fresh": lambda n, t: theory.inbreeding_fresh_real(n, 1, t),
        },
        tags=("inbreeding", "plans", "fresh real"),
    ),
)


# ---------------------------------------------------------------------------------------------------- corpus, smoothing


def _partial(M, alpha, s):
    return theory.inbreeding_partial(M, alpha, s, reference="corpus") if alpha else 0.0


def _partial_truth(M, alpha, s):
    return theory.inbreeding_partial(M, alpha, s + 1, reference="truth") if alpha else 1 / M


def _partial_pairs(M, alpha, s):
    """Ordered pairs of tokens of one origin, in exact fractions: old with old, old with new, new with new."""
    r = round(alpha * M)
    F = Fraction(1, M)  # of the first corpus: every token is its own origin
    for _ in range(s):
        q = (M * F - 1) / (M - 1)  # two different tokens
        F = (M + (M - r) * (M - r - 1) * q + (2 * r * (M - r) + r * (r - 1)) * F) / Fraction(M * M)
    return float(1 - (1 - F) / (1 - Fraction(1, M)))


def _corpus_chains(size, rng, M, alpha, t):
    """Corpora of 20 types, M/20 tokens each; a share of the tokens is replaced by draws from the corpus as it was."""
    x, r = np.full((size, 20), M // 20), round(alpha * M)
    for _ in range(t):
        gained = rng.multinomial(r, x / M)
        kept, left = np.empty_like(x), np.full(size, M - r)
        rest = np.full(size, M)
        for k in range(20):  # a hypergeometric draw of what stays, type by type
            rest = rest - x[:, k]
            kept[:, k] = rng.hypergeometric(x[:, k], rest, left)
            left = left - kept[:, k]
        x = kept + gained
    return kept_and_error(x / M)


def _smooth(n, A, t):
    return theory.inbreeding_smoothing(n, A, t)


def _smooth_chains(size, rng, n, A, t):
    p = np.tile(EVEN, (size, 1))
    for _ in range(t):
        p = (rng.multinomial(n, p) + A * EVEN) / (n + A)
    return kept_and_error(p)


OTHERS = (
    Claim(
        id="F-ALPHA",
        title="A random share of a corpus is replaced at each step",
        statement=(
            "If at each step a random share alpha of the M tokens of a corpus is replaced by draws from the whole "
            "corpus as it was, heterozygosity falls by the same factor each time, about 1 - alpha(2 - alpha)/M."
        ),
        formula=r"1 - F = \Big(1 - \frac\alpha M - \frac{\alpha(1-\alpha)}{M-1}\Big)^s",
        assumptions=(
            "As for F-MASTER; alpha M is whole; F relative to the first corpus. Relative to the law from which that "
            "was drawn, one more factor 1 - 1/M, and s = t - 1."
        ),
        source=(DERIVED, "riis2026"),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_partial, theory.partial_replacement_variance),
        simulation="Corpora of 20 types; which tokens stay is drawn without replacement.",
        checks=(
            Computed(
                label="pairs of tokens, in exact fractions",
                predict=lambda M, alpha, s: _partial(M, alpha, s),
                other=_partial_pairs,
                cases=(
                    {"M": 60, "alpha": 0.5, "s": 1},
                    {"M": 10, "alpha": 0.1, "s": 40},
                    {"M": 1000, "alpha": 1.0, "s": 20},
                ),
                rtol=1e-12,
                mutants={
                    "replace": lambda M, alpha, s: theory.inbreeding_replace(M, s),
                    "leading order": lambda M, alpha, s: 1 - (1 - alpha * (2 - alpha) / M) ** s,
                    "deterministic mixture": lambda M, alpha, s: 1 - (1 - alpha**2 / M) ** s,
                },
            ),
            simulated(
                None,
                lambda M, alpha, t: _partial(M, alpha, t),
                ({"M": 60, "alpha": 0.5, "t": 6}, {"M": 20, "alpha": 0.1, "t": 10}),
                draw=_corpus_chains,
                size=20000,
                mutants={"deterministic mixture": lambda M, alpha, t: 1 - (1 - alpha**2 / M) ** t},
            ),
        ),
        second={
            "inbreeding_corpus_two_types": _partial,
            "inbreeding_corpus": _partial,
            "inbreeding_corpus_from_truth": _partial_truth,
        },
        tags=("inbreeding", "plans", "corpus"),
    ),
    Claim(
        id="F-SMOOTH",
        title="Smoothing towards the truth bounds the loss",
        statement="If the truth is added to every fit with the weight of A points, F of the smoothed model converges.",
        formula=(
            r"F_t = (1-m)^2\Big[\frac1n + \Big(1-\frac1n\Big)F_{t-1}\Big] \to \frac1{n/(1-m)^2 - n + 1}, \qquad "
            r"m = \frac A{n+A}"
        ),
        assumptions="Categories; p_t = (n p_hat + A p_0)/(n + A) generates the next n points; F is that of p_t itself.",
        source=(DERIVED,),
        kind=Kind.EXACT,
        theory=(theory.inbreeding_smoothing,),
        simulation="Categorical chains with 20 types, smoothed at each step.",
        checks=(
            Computed(
                label="the recursion, by powers of its matrix",
                predict=lambda n, A, t: _smooth(n, A, t),
                other=_linear(
                    lambda n, A: (n / (n + A)) ** 2 / n,
                    lambda n, A: (n / (n + A)) ** 2 / n,
                    lambda n, A: (n / (n + A)) ** 2 * (1 - 1 / n),
                ),
                cases=({"n": 5, "A": 2.0, "t": 60}, {"n": 100, "A": 0.01, "t": 30}, {"n": 4, "A": 0.0, "t": 3}),
                rtol=1e-12,
                mutants={"F of the fit before smoothing": lambda n, A, t: _smooth(n, A, t) * ((n + A) / n) ** 2},
            ),
            simulated(
                None,
                _smooth,
                ({"n": 10, "A": 1.0, "t": 4}, {"n": 5, "A": 2.0, "t": 20}),
                draw=_smooth_chains,
                size=20000,
                mutants={"F of the fit before smoothing": lambda n, A, t: _smooth(n, A, t) * ((n + A) / n) ** 2},
            ),
        ),
        second={
            "inbreeding_smoothing_two_types": _smooth,
            "inbreeding_smoothing": _smooth,
            "limit_smoothing": lambda n, A: theory.inbreeding_smoothing(n, A, np.inf),
        },
        tags=("inbreeding", "plans", "smoothing"),
    ),
)

CLAIMS = (*REAL, *OTHERS)
