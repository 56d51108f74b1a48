"""Shumailov et al. (2024), AI models collapse when trained on recursively generated data: discrete models.

Counting and resampling is a Markov chain whose only absorbing states are single types. A type of frequency q wins with
probability q, so it is lost in the end with probability 1 - q; in one generation it is lost with probability (1 - q)^n.
The paper's sentence can be read either way. Checked by linear systems of the chain and by loops that run to the end.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import Categorical, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Distributed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.verify import Status


def _lost_once(q, n):
    return 1 - float(theory.first_fit_survival(q, n))


def _lost_in_the_end(q):
    return 1 - theory.fixation_probability([q, 1 - q])[0]


def _absent(size, rng, q, n):
    return at(Categorical((q, 1 - q)), Replace(n=n), 1, size, rng, lambda run: run["probability"].values[:, 0] == 0)


def _gone(size, rng, q, n):
    return two_types.times_left(size, rng, (q, 1 - q), n)[1] == 1


def _kurtosis_of_draw(n):
    """Excess kurtosis of a draw from one fit: mean N(0, 1/n), independent variance S, moments of chi-square."""
    second = 1 / n + 1
    fourth = 3 / n**2 + 6 / n + 3 * (n + 1) / (n - 1)  # E S^2 = (n + 1)/(n - 1)
    return fourth / second**2 - 3


def _draws(size, rng, n, t):
    """One point from the t-th fit, divisor n - 1: mean and sample variance of n points, again and again."""
    mean, variance = np.zeros(size), np.ones(size)
    for _ in range(t):
        mean = mean + np.sqrt(variance / n) * rng.standard_normal(size)
        variance = variance * rng.chisquare(n - 1, size) / (n - 1)
    return mean + np.sqrt(variance) * rng.standard_normal(size)


def _variance_step_by_step(n, t):
    """Law of total variance: each fit adds E variance / n to the mean's, and keeps E variance."""
    of_mean, expected = 0.0, 1.0
    for _ in range(t):
        of_mean, expected = of_mean + expected / n, expected * (n - 1) / (n - 1)
    return of_mean + expected


CLAIMS = (
    Claim(
        id="SHU-DISC-LOSS",
        title="A rare state is lost with probability (1 - q)^n in one fit, 1 - q in the end",
        statement=(
            "A state of probability q <= 1/n has an expected count of at most one; it is missing in one sample with "
            "probability (1 - q)^n, which tends to 1/e at q = 1/n, and is lost at some generation with probability "
            "1 - q."
        ),
        formula=r"P(\text{lost in one fit}) = (1-q)^n, \qquad P(\text{ever lost}) = 1 - q",
        assumptions="Categorical model, maximum likelihood, replace, n samples per generation.",
        source=("shumailov2024",),
        locus="Theoretical intuition, discrete distributions with exact approximation",
        kind=Kind.EXACT,
        theory=(theory.first_fit_survival, theory.fixation_probability),
        simulation="One fit, and loops that run until one type is left.",
        checks=(
            Computed(
                label="loss in the end, by a linear system",
                predict=lambda q, n: _lost_in_the_end(q),
                other=lambda q, n: 1 - two_types.absorbed(n, q)[0],
                cases=({"q": 0.05, "n": 20}, {"q": 0.001, "n": 300}),
                rtol=1e-10,
                mutants={"loss in one fit": _lost_once},
            ),
            Sampled(
                label="loss in one fit",
                predict=_lost_once,
                draw=_absent,
                cases=({"q": 5e-4, "n": 1000}, {"q": 0.3, "n": 4}),
                size=40000,
                mutants={"1 - q": lambda q, n: 1 - q, "exp(-1)": lambda q, n: math.exp(-1)},
            ),
            Sampled(
                label="loss in the end",
                predict=lambda q, n: _lost_in_the_end(q),
                draw=_gone,
                cases=({"q": 0.1, "n": 10}, {"q": 0.02, "n": 30}),
                size=20000,
                mutants={"loss in one fit": _lost_once},
            ),
            Limit(
                label="loss in one fit at q = 1/n",
                value=lambda n: _lost_once(1 / n, n),
                asymptote=lambda n: math.exp(-1),
                along=(50, 100, 200, 400, 800),
                remainder=lambda n: 1 / n,
            ),
        ),
        second={
            "one_generation_loss": lambda n, q: float(np.exp(n * np.log1p(-q))),
            "eventual_loss": lambda n, q: _lost_in_the_end(q),
        },
        remark="In the paper the count is said to be below one, and 1 - q to be the probability of loss: see ERR-4.",
        tags=("categorical", "minority"),
    ),
    Claim(
        id="SHU-DISC-ABS",
        title="Refitting a discrete model ends at a single type, type i with probability p_i",
        statement=(
            "Refitting to samples of the last model is a Markov chain whose only absorbing states are delta functions; "
            "it is absorbed almost surely, at type i with its true probability."
        ),
        formula=r"P(\lim_t p_t = \delta_i) = p_{0,i}",
        assumptions="Categorical model, maximum likelihood, replace.",
        source=("shumailov2024",),
        locus="Theoretical intuition, discrete distributions with exact approximation",
        kind=Kind.EXACT,
        theory=(theory.fixation_probability, theory.collapse_law, theory.wright_fisher_matrix),
        simulation="Categorical models refitted until one category is left.",
        checks=(
            Computed(
                label="where the chain of one type cannot leave",
                predict=lambda size: np.eye(size + 1)[:, [0, size]].sum(axis=1) == 1,
                other=lambda size: np.diag(theory.wright_fisher_matrix(size)) == 1,
                cases=({"size": 5}, {"size": 80}),
            ),
            Computed(
                label="linear system of the chain",
                predict=lambda p, n: theory.fixation_probability(p),
                other=lambda p, n: [two_types.absorbed(n, x)[0] for x in p],
                cases=({"p": (0.5, 0.3, 0.15, 0.05), "n": 10}, {"p": (0.99, 0.009, 0.001), "n": 150}),
                rtol=1e-10,
                mutants={"the most probable wins": lambda p, n: np.arange(len(p)) == np.argmax(p)},
            ),
            Sampled(
                label="not yet absorbed",
                predict=lambda p, n, t: theory.collapse_law(p, n, t)[t],
                draw=lambda size, rng, p, n, t: two_types.times_left(size, rng, p, n)[0] > t,
                cases=({"p": (0.4, 0.3, 0.2, 0.1), "n": 8, "t": 10}, {"p": (0.6, 0.3, 0.1), "n": 30, "t": 25}),
                size=20000,
            ),
            Sampled(
                label="where it is absorbed",
                predict=lambda p, n: theory.fixation_probability(p),
                draw=lambda size, rng, p, n: two_types.one_hot(two_types.times_left(size, rng, p, n)[1], len(p)),
                cases=({"p": (0.4, 0.3, 0.2, 0.1), "n": 10}, {"p": (0.25,) * 4, "n": 30}),
                size=24000,
                mutants={"the most probable wins": lambda p, n: np.arange(len(p)) == np.argmax(p)},
            ),
        ),
        second={"absorption_probabilities": lambda n, p: theory.fixation_probability(p)},
        tags=("categorical", "absorption"),
    ),
    Claim(
        id="ERR-4",
        title="Small wordings: 1 - q is not the loss in a generation, a draw is not variance-gamma, O(2) is zero",
        statement=(
            "Read by the word: a state of probability q is not sampled in a generation with probability 1 - q; a draw "
            "of the Gaussian loop follows a variance-gamma law; its variance is known up to a second-order remainder."
        ),
        formula=(
            r"P(\text{lost}) = 1 - q, \qquad X_t \sim \text{variance-gamma}, \qquad "
            r"\mathrm{Var}X_t = \sigma^2(1 + t/n) + O(2)"
        ),
        assumptions="Replace; for the Gaussian the divisor n - 1.",
        source=("shumailov2024",),
        locus="Theoretical intuition",
        kind=Kind.CORRECTION,
        theory=(
            theory.first_fit_survival,
            theory.fixation_probability,
            theory.draw_variance,
            theory.draw_excess_kurtosis,
            theory.DrawLaw,
        ),
        simulation="One fit of a categorical model; Gaussian loops, one draw from the last model.",
        checks=(
            Sampled(
                label="1 - q for the loss in one generation",
                predict=lambda q, n: 1 - q,
                draw=_absent,
                cases=({"q": 5e-4, "n": 1000}, {"q": 0.05, "n": 20}),
                size=10000,
            ),
            Computed(
                label="excess kurtosis of a variance-gamma variable for that of a draw",
                predict=lambda n: 6 / (n - 1),
                other=_kurtosis_of_draw,
                cases=({"n": 4}, {"n": 30}),
            ),
        ),
        printed=(
            "Losing information, that is sampling no data at some generation, has probability 1 - q (and q <= 1/n an "
            "expected count below 1); a draw after some fits follows a variance-gamma distribution; its variance has "
            "a remainder O(2)."
        ),
        holds=(
            "1 - q is the probability that the state is lost at some generation or other, and right if read so; in a "
            "given one it is (1 - q)^n, and the count is at most 1. A draw of the first fit is a variance-gamma "
            "variable plus an independent normal one of variance 1/n. The remainder is exactly zero."
        ),
        correction=(
            Sampled(
                label="(1 - q)^n for the loss in one generation",
                predict=_lost_once,
                draw=_absent,
                cases=({"q": 5e-4, "n": 1000}, {"q": 0.05, "n": 20}),
                size=20000,
                mutants={"1 - q": lambda q, n: 1 - q},
            ),
            Sampled(
                label="1 - q for the loss in the end",
                predict=lambda q, n: _lost_in_the_end(q),
                draw=_gone,
                cases=({"q": 0.05, "n": 20}, {"q": 0.2, "n": 5}),
                size=20000,
                mutants={"loss in one fit": _lost_once},
            ),
            Ordered(
                label="expected count at most one",
                lower=lambda n: n * np.linspace(0, 1 / n, 11),
                upper=lambda n: 1.0,
                bound="upper",
                cases=({"n": 10}, {"n": 1000}),
            ),
            Computed(
                label="variance of a draw, without a remainder",
                predict=lambda n, t: theory.draw_variance(n, t, estimator="unbiased"),
                other=_variance_step_by_step,
                cases=({"n": 3, "t": 7}, {"n": 100, "t": 10}),
                rtol=1e-13,
                mutants={"second order": lambda n, t: 1 + t / n + t * (t - 1) / (2 * n * n)},
            ),
            Computed(
                label="excess kurtosis of a draw",
                predict=lambda n: theory.draw_excess_kurtosis(n, 1, estimator="unbiased"),
                other=_kurtosis_of_draw,
                cases=({"n": 4}, {"n": 30}),
                mutants={"variance-gamma": lambda n: 6 / (n - 1)},
            ),
            Distributed(
                label="law of a draw",
                predict=lambda n, t: theory.DrawLaw(n, t, estimator="unbiased").cdf,
                draw=_draws,
                cases=({"n": 3, "t": 1}, {"n": 5, "t": 6}),
                size=80000,
                mutants={"normal": lambda n, t: _normal_cdf(1 + t / n)},
            ),
        ),
        expected=Status.CONTRADICTED,
        tags=("categorical", "gaussian", "erratum"),
    ),
)


def _normal_cdf(variance):
    from scipy.special import ndtr

    return lambda x: ndtr(x / math.sqrt(variance))
