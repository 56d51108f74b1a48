"""Seddik et al. (2024), How bad is training on synthetic data? Fixed context, softmax on one-hot inputs.

The model is a vector of frequencies, so retraining on its own samples is Wright-Fisher drift, and training with a fixed
real set is drift with a memory. The laws of the collision probability are exact, the statements about collapse are
bounds from Markov's inequality. All are held against the chain of counts (and, with real data kept, of pairs of counts)
and against simulation. The formula for partially synthetic training is printed with a wrong sign; see also ERR-7. (The
experiments have a module of their own.)
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import Categorical, FixedReal, Replace, simulate, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.claims.programs import heterozygosity as of_run
from modelcollapse.verify import Status


def _squares(p) -> float:
    return float(np.square(p).sum())


def _collision_by_matrix(p, n, t):
    x = np.arange(n + 1) / n
    return sum(two_types.counts(n, t, q) @ x**2 for q in p)


def _of_collision(run):
    return 1 - of_run(run)


def _collapsed(run):
    return (run["probability"].values > 0).sum(axis=-1) == 1


def _exact_collapse(p, n, last):
    return 1 - theory.collapse_law(p, n, last)[1:]


def _lower(p, n, last, published=True):
    return theory.collapse_bounds(p, n, last, published=published)[0][1:]


def _upper(p, n, last):
    return theory.collapse_bounds(p, n, last, published=True)[1][1:]


def _fixed(p, n, last):
    """P(one type is left after t fits): each type on its own."""
    return [sum(two_types.counts(n, t, q)[n] for q in p) for t in range(1, last + 1)]


def _uncut(n, t, s0, weight, power):
    left = math.exp(power * math.log1p(-1 / n)) if n > 1 else float(power == 0)
    return 1 - weight * (1 - s0) * left


def _time_bound(n, s0, types, which):
    """A law with this sum of squares has the bounds; one draw has collapsed at once."""
    return theory.collapse_time_bounds(two_types.uneven(s0, types), n, published=True)[which] if n > 1 else 1.0


@cache
def _time(p, n):
    return theory.collapse_time(p, n)[0]


@cache
def _pairs(x, n, n_real, t):
    """Law of (real count, synthetic count) of a type of frequency x in the training set of fit t >= 2."""
    from scipy.stats import binom

    j = np.arange(n + 1)
    law = np.empty((n_real + 1, n + 1))
    for r, weight in enumerate(two_types.binomial(n_real, x)):
        row = binom.pmf(j, n, r / n_real)
        step = binom.pmf(j[None, :], n, (r + j[:, None]) / (n_real + n))
        law[r] = weight * (row @ np.linalg.matrix_power(step, t - 2))
    return law


def _over_pairs(p, n, n_real, t, f):
    """Expectation of the sum over types of f(share in the training set, share among the real points)."""
    r, j = np.arange(n_real + 1)[:, None], np.arange(n + 1)[None, :]
    if t == 1:
        x = np.arange(n_real + 1) / n_real
        return sum(two_types.binomial(n_real, q) @ f(x, x) for q in p)
    values = f((r + j) / (n_real + n), r / n_real)
    return sum(float((_pairs(q, n, n_real, t) * values).sum()) for q in p)


def _partial_played_out(p, n, n_real, t):
    return _over_pairs(p, n, n_real, t, lambda share, real: share**2)


def _partial(p, n, n_real, t):
    return theory.collision_fixed_real(_squares(p), n, n_real, t)


def _theorem(s0, n, n_real, t, sign):
    """Theorem 2 at generation t, with the sign of the second beta as printed (-1) or corrected (+1)."""
    big, alpha = 1 / n_real, n / (n_real + n)
    beta = (alpha * ((1 + big) * alpha - big)) ** (t - 1)
    first = big * (1 + 2 * alpha - (1 - big) * alpha * beta)
    return (first + (1 - big) * s0 * (1 + alpha + sign * alpha * big * beta)) / (1 + (1 + big) * alpha)


def _printed(p, n, n_real, t):
    return _theorem(_squares(p), n, n_real, t, -1)


def _many(n_real, s0):
    return 1 / n_real + (1 - 1 / n_real) * s0


def _many_as_printed(n_real, s0):
    return 1 / n_real + (1 - 1 / n_real) * (2 - 1 / n_real) / (2 + 1 / n_real) * s0


def _distance(p, n, n_real, t):
    return _over_pairs(p, n, n_real, t, lambda share, real: abs(share - real))


def _square_distance(s, n, n_real, t):
    return _over_pairs((1 / s,) * s, n, n_real, t, lambda share, real: (share - real) ** 2)


def _distances(size, rng, p, n, n_real, t):
    regime = FixedReal(n=n, n_real=n_real)
    run = simulate(Categorical(p), regime, generations=t, replicates=size, rng=rng, keep=[0, 1, t])["probability"]
    return np.abs(run.sel(generation=t).values - run.sel(generation=1).values).sum(axis=-1)


PAIR, FOUR = (0.3, 0.7), (0.5, 0.3, 0.15, 0.05)
SED = {"source": ("seddik2024",), "tags": ("categorical", "collapse")}

CLAIMS = (
    Claim(
        id="SED-T1.1",
        title="Collision probability under replace: 1 - (1 - 1/n)^t (1 - S_0)",
        statement="The expected sum of squared probabilities of the t-th model is 1 - (1 - 1/n)^t (1 - S_0).",
        formula=r"S_t = E\|p_t\|_2^2 = 1 - \Big(1-\frac1n\Big)^t(1-S_0)",
        assumptions="Fully synthetic: each model is fitted to n samples of the last one.",
        locus="Theorem 1",
        kind=Kind.EXACT,
        theory=(theory.collision_replace,),
        simulation="Chains of refitted categorical models.",
        checks=(
            Computed(
                label="chains of single types",
                predict=lambda p, n, t: theory.collision_replace(_squares(p), n, t),
                other=_collision_by_matrix,
                cases=({"p": FOUR, "n": 10, "t": 1}, {"p": (0.97, 0.02, 0.01), "n": 60, "t": 100}),
                rtol=1e-11,
            ),
            Sampled(
                label="mean sum of squares",
                predict=lambda p, n, t: theory.collision_replace(_squares(p), n, t),
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, _of_collision),
                bounds=(0.0, 1.0),
                cases=({"p": FOUR, "n": 10, "t": 3}, {"p": (0.05,) * 20, "n": 100, "t": 20}),
                size=20000,
                mutants={"nothing happens": lambda p, n, t: _squares(p)},
            ),
        ),
        second={
            "collision_played_out": lambda n, t, p: theory.collision_replace(_squares(p), n, t),
            "collision": lambda n, t, s0: theory.collision_replace(s0, n, t),
        },
        **SED,
    ),
    Claim(
        id="SED-T1.2",
        title="Bounds on the probability that one type is left",
        statement=(
            "The probability of having collapsed by generation t lies between 1 - n (1 - S_0)(1 - 1/n)^t and "
            "1 - (1 - S_0)/(1 - 1/s) (1 - 1/n)^t, s the number of types. From below 1 - n/2 (1 - S_0)(1 - 1/n)^(t-1) "
            "is sharper."
        ),
        formula=(r"1-n(1-S_0)\Big(1-\frac1n\Big)^t \le \rho_t \le 1-\frac{1-S_0}{1-1/\tilde s}\Big(1-\frac1n\Big)^t"),
        assumptions="Fully synthetic, n samples per generation, t >= 1.",
        locus="Theorem 1",
        kind=Kind.BOUND,
        theory=(theory.collapse_bounds, theory.collapse_law),
        simulation="Chains of refitted categorical models: has only one type been left?",
        checks=(
            Ordered(
                label="published lower bound, all generations",
                lower=_lower,
                upper=_exact_collapse,
                bound="lower",
                cases=({"p": PAIR, "n": 2, "last": 20}, {"p": FOUR, "n": 20, "last": 200}),
                mutants={"without n": lambda p, n, last: 1 - (1 - _lower(p, n, last)) / n},
            ),
            Ordered(
                label="sharper lower bound, all generations",
                lower=lambda p, n, last: _lower(p, n, last, published=False),
                upper=_exact_collapse,
                bound="lower",
                cases=({"p": PAIR, "n": 2, "last": 20}, {"p": FOUR, "n": 20, "last": 200}),
            ),
            Ordered(
                label="upper bound, all generations",
                lower=_exact_collapse,
                upper=_upper,
                bound="upper",
                cases=({"p": PAIR, "n": 2, "last": 20}, {"p": FOUR, "n": 20, "last": 200}),
                mutants={"as if all types were left": lambda p, n, last: _upper(p, n, last) - 0.2},
            ),
            Computed(
                label="exact probability, by chains of single types",
                predict=_exact_collapse,
                other=_fixed,
                cases=({"p": PAIR, "n": 20, "last": 5}, {"p": FOUR, "n": 30, "last": 60}),
                rtol=1e-10,
            ),
            Sampled(
                label="one type left",
                predict=lambda p, n, t: _exact_collapse(p, n, t)[-1],
                draw=lambda size, rng, p, n, t: at(Categorical(p), Replace(n=n), t, size, rng, _collapsed),
                cases=({"p": PAIR, "n": 20, "t": 20}, {"p": FOUR, "n": 10, "t": 12}),
                size=20000,
                mutants={"the upper bound": lambda p, n, t: _upper(p, n, t)[-1]},
            ),
        ),
        second={
            "collapsed_probability_exact": lambda n, t, p: _exact_collapse(p, n, t)[-1],
            # not cut at 0, and of any law with this sum of squares
            "collapsed_probability_lower": lambda n, t, s0: _uncut(n, t, s0, n, t),
            "collapsed_probability_lower_sharper": lambda n, t, s0: _uncut(n, t, s0, n / 2, t - 1),
            "collapsed_probability_upper": lambda n, t, s0, types: _uncut(n, t, s0, 1 / (1 - 1 / types), t),
        },
        **SED,
    ),
    Claim(
        id="SED-T1.3",
        title="Bounds on the expected collapse time, which is of order n",
        statement=(
            "The expected number of generations until one type is left lies between 1 + (1 - S_0)/(1 - 1/s) (n - 1) "
            "and 1 + (1 - S_0) n (n - 1); it is of order n, as the paper conjectures from simulation."
        ),
        formula=r"1+\frac{1-S_0}{1-1/\tilde s}(n-1) \le E\,T \le 1+(1-S_0)\,n(n-1), \qquad E\,T = \Theta(n)",
        assumptions="Fully synthetic, n samples per generation; T counts fits and starts from the truth.",
        locus="Theorem 1",
        kind=Kind.BOUND,
        theory=(theory.collapse_time_bounds, theory.collapse_time),
        simulation="Categories refitted until one is left.",
        checks=(
            Ordered(
                label="lower bound",
                lower=lambda p, n: theory.collapse_time_bounds(p, n, published=True)[0],
                upper=_time,
                bound="lower",
                cases=({"p": PAIR, "n": 2}, {"p": (0.5, 0.5), "n": 10}, {"p": FOUR, "n": 500}),
            ),
            Ordered(
                label="upper bound",
                lower=_time,
                upper=lambda p, n: theory.collapse_time_bounds(p, n, published=True)[1],
                bound="upper",
                cases=({"p": PAIR, "n": 2}, {"p": (0.5, 0.5), "n": 10}, {"p": FOUR, "n": 500}),
            ),
            Limit(
                label="growth of the exact time from n to 2n, over that of -2n sum (1-p) ln(1-p)",
                value=lambda n, p: _time(p, 2 * n) - _time(p, n),
                asymptote=lambda n, p: theory.collapse_time_diffusion(p, n),
                along=(25, 50, 100, 200, 400),
                remainder=lambda n: 1 / n,
                cases=({"p": (0.5, 0.5)}, {"p": FOUR}),
                mutants={"the lower bound": lambda n, p: (1 - _squares(p)) / (1 - 1 / len(p)) * n},
            ),
            Sampled(
                label="mean time",
                predict=_time,
                draw=lambda size, rng, p, n: two_types.times_left(size, rng, p, n)[0],
                sd=lambda p, n: theory.collapse_time(p, n)[1],
                cases=({"p": (0.5, 0.5), "n": 10}, {"p": FOUR, "n": 20}),
                size=20000,
            ),
        ),
        second={
            "collapse_time_exact": lambda n, p: _time(p, n),
            "collapse_time_lower": lambda n, s0, types: _time_bound(n, s0, types, 0),
            # any number of types that allows this sum of squares will do: 1001 for those that are drawn
            "collapse_time_upper": lambda n, s0: _time_bound(n, s0, 1001, 1),
        },
        **SED,
    ),
    Claim(
        id="SED-P1",
        title="The limit is a single type, type i with probability p_i",
        statement="Fully synthetic training converges to a point mass, at type i with its true probability.",
        formula=r"P\big(\lim_t p_t = \delta_i\big) = p_{0,i}",
        assumptions="Fully synthetic, n samples per generation.",
        locus="Proposition 1",
        kind=Kind.EXACT,
        theory=(theory.fixation_probability,),
        simulation="Categories refitted until one is left.",
        checks=(
            Computed(
                label="linear systems of single types",
                predict=lambda p, n: theory.fixation_probability(p),
                other=lambda p, n: [two_types.absorbed(n, x)[0] for x in p],
                cases=({"p": FOUR, "n": 12}, {"p": (0.98, 0.015, 0.005), "n": 120}),
                rtol=1e-10,
            ),
            Sampled(
                label="which type is left",
                predict=lambda p, n: theory.fixation_probability(p),
                draw=lambda size, rng, p, n: two_types.one_hot(two_types.times_left(size, rng, p, n)[1], len(p)),
                cases=({"p": FOUR, "n": 10}, {"p": PAIR, "n": 40}),
                size=20000,
                mutants={"the most probable": lambda p, n: np.arange(len(p)) == np.argmax(p)},
            ),
        ),
        second={"limit_law": lambda n, p: theory.fixation_probability(p)},
        **SED,
    ),
    Claim(
        id="SED-T2",
        title="Partially synthetic training: the collision probability, with a wrong sign in print",
        statement=(
            "With the same N real samples in every training set and n of the last model, the expected sum of squares "
            "follows a closed formula in alpha = n/(N + n) and a geometric term, and stays below its limit."
        ),
        formula=(
            r"S_{t+1} = \frac{\frac1N\big[1+2\alpha-(1-\frac1N)\alpha\beta^t\big] + "
            r"(1-\frac1N)S_0\big[1+\alpha+\frac\alpha N\beta^t\big]}{1+(1+\frac1N)\alpha}, \qquad "
            r"\beta = \alpha\Big[\Big(1+\frac1N\Big)\alpha - \frac1N\Big]"
        ),
        assumptions="Real samples drawn once and kept; n new samples of the last model in every generation.",
        locus="Theorem 2",
        kind=Kind.EXACT,
        theory=(theory.collision_fixed_real, theory.inbreeding_fixed_real),
        simulation="Chains of categorical models that keep their first real sample.",
        checks=(
            Computed(
                label="the formula as printed",
                predict=_printed,
                other=_partial_played_out,
                cases=(
                    {"p": FOUR, "n": 30, "n_real": 20, "t": 2},
                    {"p": FOUR, "n": 30, "n_real": 20, "t": 1},
                    {"p": PAIR, "n": 5, "n_real": 3, "t": 3},
                ),
            ),
        ),
        printed="The second bracket is printed as 1 + alpha - (alpha/N) beta^t.",
        holds=(
            "Its last sign is plus: at the first fit, where nothing synthetic has been seen, S_1 must be "
            "1/N + (1 - 1/N) S_0. The limit, and the bound by it, are right as printed."
        ),
        correction=(
            Computed(
                label="the corrected formula",
                predict=lambda p, n, n_real, t: _theorem(_squares(p), n, n_real, t, +1),
                other=_partial_played_out,
                cases=(
                    {"p": FOUR, "n": 30, "n_real": 20, "t": 2},
                    {"p": FOUR, "n": 30, "n_real": 20, "t": 1},
                    {"p": PAIR, "n": 5, "n_real": 3, "t": 40},
                ),
                rtol=1e-11,
                mutants={"as printed": _printed},
            ),
            Computed(
                label="by the inbreeding of a fixed real set",
                predict=_partial,
                other=_partial_played_out,
                cases=({"p": FOUR, "n": 30, "n_real": 20, "t": 2}, {"p": PAIR, "n": 40, "n_real": 6, "t": 9}),
                rtol=1e-11,
            ),
            Ordered(
                label="below its limit",
                lower=lambda p, n, n_real: [_partial(p, n, n_real, t) for t in range(1, 40)],
                upper=lambda p, n, n_real: _partial(p, n, n_real, np.inf),
                bound="upper",
                cases=({"p": FOUR, "n": 30, "n_real": 20}, {"p": PAIR, "n": 3, "n_real": 10}),
                mutants={"the first fit": lambda p, n, n_real: _partial(p, n, n_real, 1)},
            ),
            Sampled(
                label="mean sum of squares",
                predict=_partial,
                draw=lambda size, rng, p, n, n_real, t: at(
                    Categorical(p), FixedReal(n=n, n_real=n_real), t, size, rng, _of_collision
                ),
                bounds=(0.0, 1.0),
                cases=({"p": FOUR, "n": 30, "n_real": 20, "t": 2}, {"p": FOUR, "n": 100, "n_real": 5, "t": 30}),
                size=20000,
                mutants={"all replaced": lambda p, n, n_real, t: theory.collision_replace(_squares(p), n, t)},
            ),
        ),
        expected=Status.CONTRADICTED,
        second={
            "partially_synthetic_played_out": lambda n_real, n, t, p: _partial(p, n, n_real, t),
            "partially_synthetic": lambda n_real, n, t, s0: theory.collision_fixed_real(s0, n, n_real, t),
            "partially_synthetic_limit": lambda n_real, n, s0: theory.collision_fixed_real(s0, n, n_real, np.inf),
            "partially_synthetic_many_synthetic": lambda n_real, s0: _many(n_real, s0),
            "partially_synthetic_as_printed": lambda n_real, n, t, s0: _theorem(s0, n, n_real, t, -1),
            "partially_synthetic_many_synthetic_as_printed": lambda n_real, s0: _many_as_printed(n_real, s0),
        },
        source=("seddik2024",),
        tags=("categorical", "real data", "erratum"),
    ),
    Claim(
        id="ERR-7",
        title="Seddik et al.: the remark on many synthetic samples",
        statement=(
            "If far more synthetic than real samples are used, the collision probability tends to "
            "1/N + (1 - 1/N)(2 - 1/N)/(2 + 1/N) S_0, at every generation."
        ),
        formula=r"n \gg N: \qquad S \to \frac1N + \Big(2+\frac1N\Big)^{-1}\Big(1-\frac1N\Big)\Big(2-\frac1N\Big)S_0",
        assumptions="As in Theorem 2; n to infinity with t and N fixed.",
        locus="after Theorem 2",
        kind=Kind.CORRECTION,
        theory=(theory.collision_fixed_real,),
        simulation="Chains that keep five real samples and add a hundred thousand synthetic ones.",
        checks=(
            Limit(
                label="the limit as printed",
                value=lambda n, s0, n_real, t: theory.collision_fixed_real(s0, n, n_real, t),
                asymptote=lambda n, s0, n_real, t: _many_as_printed(n_real, s0),
                along=(1000, 2000, 4000, 8000, 16_000),
                remainder=lambda n: 1 / n,
                cases=({"s0": 0.365, "n_real": 20, "t": 3}, {"s0": 0.5, "n_real": 3, "t": 10}),
            ),
        ),
        printed="The limit has the factor (2 - 1/N)/(2 + 1/N) before S_0; it is a consequence of the sign in SED-T2.",
        holds="Nothing more is lost than in the first fit: S tends to S_1 = 1/N + (1 - 1/N) S_0.",
        correction=(
            Limit(
                label="the limit S_1",
                value=lambda n, s0, n_real, t: theory.collision_fixed_real(s0, n, n_real, t),
                asymptote=lambda n, s0, n_real, t: _many(n_real, s0),
                along=(1000, 2000, 4000, 8000, 16_000),
                remainder=lambda n: 1 / n,
                cases=({"s0": 0.365, "n_real": 20, "t": 3}, {"s0": 0.5, "n_real": 3, "t": 10}),
                mutants={"as printed": lambda n, s0, n_real, t: _many_as_printed(n_real, s0)},
            ),
            Sampled(
                label="mean sum of squares with many synthetic samples",
                predict=_partial,
                draw=lambda size, rng, p, n, n_real, t: at(
                    Categorical(p), FixedReal(n=n, n_real=n_real), t, size, rng, _of_collision
                ),
                bounds=(0.0, 1.0),
                cases=({"p": FOUR, "n": 100_000, "n_real": 5, "t": 3}, {"p": PAIR, "n": 100_000, "n_real": 3, "t": 5}),
                size=20000,
                mutants={"as printed": lambda p, n, n_real, t: _many_as_printed(n_real, _squares(p))},
            ),
        ),
        expected=Status.CONTRADICTED,
        source=("seddik2024",),
        tags=("categorical", "real data", "erratum"),
    ),
    Claim(
        id="SED-T3",
        title="Distance from the first fit: a bound that does not depend on the generation",
        statement=(
            "With N real samples kept and n new ones, the expected L1 distance of any later fit from the first is "
            "below (1/N) sqrt(pi n/2) (2^s - 2) for few types s; sharper, below sqrt(n (s - 1))/N."
        ),
        formula=(
            r"E\|p_t-p_1\|_1 < \frac1N\sqrt{\frac{\pi n}2}\,(2^s-2), \qquad "
            r"E\|p_t-p_1\|_1 \le \frac{\sqrt{n(s-1)}}N"
        ),
        assumptions="Real samples drawn once and kept; t >= 2.",
        locus="Theorem 3",
        kind=Kind.BOUND,
        theory=(theory.first_fit_distance_bound,),
        simulation="Chains that keep their first real sample; distance between generations 1 and t.",
        checks=(
            Ordered(
                label="published bound, few types",
                lower=lambda p, n, n_real: [_distance(p, n, n_real, t) for t in (2, 3, 6, 20)],
                upper=lambda p, n, n_real: theory.first_fit_distance_bound(n, n_real, len(p), published=True),
                bound="upper",
                cases=({"p": (0.5, 0.5), "n": 3, "n_real": 30}, {"p": FOUR, "n": 30, "n_real": 20}),
            ),
            Ordered(
                label="sharper bound",
                lower=lambda p, n, n_real: [_distance(p, n, n_real, t) for t in (2, 3, 6, 20)],
                upper=lambda p, n, n_real: math.sqrt(n * (len(p) - 1)) / n_real,
                bound="upper",
                cases=({"p": (0.5, 0.5), "n": 3, "n_real": 30}, {"p": FOUR, "n": 30, "n_real": 20}),
            ),
            Ordered(
                label="root of the mean square",
                lower=lambda p, n, n_real: [_distance(p, n, n_real, t) for t in (2, 3, 6, 20)],
                upper=lambda p, n, n_real: theory.first_fit_distance_bound(n, n_real, len(p), t=[2, 3, 6, 20]),
                bound="upper",
                cases=({"p": (0.5, 0.5), "n": 40, "n_real": 30}, {"p": FOUR, "n": 30, "n_real": 20}),
                mutants={"0.7 of it": lambda p, n, n_real: 0.7 * theory.first_fit_distance_bound(n, n_real, len(p))},
            ),
            Computed(
                label="mean square of the distance from an even truth",
                predict=lambda s, n, n_real, t: theory.first_fit_distance_bound(n, n_real, s, t=t) ** 2 / s,
                other=_square_distance,
                cases=({"s": 2, "n": 30, "n_real": 20, "t": 2}, {"s": 4, "n": 25, "n_real": 40, "t": 9}),
                rtol=1e-10,
            ),
            Sampled(
                label="mean distance, against its exact value",
                predict=_distance,
                draw=_distances,
                bounds=(0.0, 2.0),
                cases=({"p": FOUR, "n": 30, "n_real": 20, "t": 3}, {"p": (0.5, 0.5), "n": 30, "n_real": 10, "t": 10}),
                size=20000,
            ),
        ),
        second={
            "distance_sharper_bound": lambda n_real, n, types: math.sqrt(n * (types - 1)) / n_real,
            "distance_bound_few_types": lambda n_real, n, types: theory.first_fit_distance_bound(
                n, n_real, types, published=True
            ),
        },
        source=("seddik2024",),
        remark="The forms of the bound for many types, with constants e^3/(2 pi) and 6e/pi^(3/2), are looser still.",
        tags=("categorical", "real data"),
    ),
)
