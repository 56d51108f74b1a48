r"""Barzilai and Shamir (2025): when is maximum likelihood on accumulating data consistent, and when is that not enough?

For smooth families the error stays of the order of one real fit at all generations at once; its constants are not
stated here, so that the theorem is held against families in which they are known. Without smoothness there are families
that collapse although all data are kept. What is checked of them is the chance of the event that starts the collapse,
in families built as described, with a floor of vanishing density under the bulk, without which points that have once
been seen could not be given up.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind

BASEL = math.pi**2 / 6


# ---------------------------------------------------------------------------------------------------- smooth families


def _path(size, rng, n, dim, until):
    """Draw sup over T of the largest coordinate of sqrt(n) |theta_T - theta|: means of normal laws, accumulated."""
    theta = rng.standard_normal((size, dim))
    most = np.abs(theta).max(axis=1)
    for i in range(2, until + 1):
        theta = theta + rng.standard_normal((size, dim)) / i  # a batch mean about theta, weighted 1/i
        most = np.maximum(most, np.abs(theta).max(axis=1))
    return most


def _levy(x, dim):
    """Bound the chance that any coordinate ever exceeds x: twice that of its limit, a normal of variance pi^2/6."""
    return dim * 2 * 2 * scipy.special.ndtr(-x / math.sqrt(BASEL))


def _at_level(delta, dim):
    """Return the x of the theorem's form: a constant times sqrt(log(4 d / delta))."""
    return math.sqrt(2 * BASEL * math.log(4 * dim / delta))


def _variance_of_pool(n, T):
    """N E (p_T - p)^2 / (p (1 - p)) of Bernoulli fits, all counts enumerated for p = 0.3."""
    p, law = 0.3, np.array([1.0])
    for i in range(T):
        old = np.arange(len(law))
        chance = np.full(1, p) if i == 0 else old / (n * i)
        step = scipy.stats.binom.pmf(np.arange(n + 1)[None, :], n, chance[:, None])
        new = np.zeros(len(law) + n)
        for count, row in enumerate(law[:, None] * step):
            new[count : count + n + 1] += row
        law = new
    return n * (law @ (np.arange(len(law)) / (n * T) - p) ** 2) / (p * (1 - p))


REGULAR = Claim(
    id="BS-T4.1",
    title="Accumulating maximum likelihood is consistent at all generations at once, for regular families",
    statement=(
        "If all data are kept, n points per generation, and the family is regular, then once n exceeds a power of log "
        "T the error at generation T is, with probability at least 1 - delta, at most a constant times "
        "sqrt(log(d/delta)/n), the same for every T."
    ),
    formula=(
        r"P\big(\|\theta^{(T)}-\theta^*\| \le C\sqrt{\log(d/\delta)/n}\big) \ge 1-\delta, \qquad n \ge c(\log "
        r"T+1)^2\log^2(7dT/\delta)"
    ),
    assumptions=(
        "Sub-Gaussian score, bounded second and third derivatives near the truth, Fisher information bounded below."
    ),
    source=("barzilai2025",),
    locus="Theorem 4.1",
    kind=Kind.BOUND,
    theory=(theory.inbreeding_accumulate, theory.inbreeding_accumulate_limit),
    simulation="Means of normal laws in one and three dimensions under accumulation, their whole paths.",
    checks=(
        Computed(
            label="Bernoulli: the exact error is n F",
            predict=lambda n, T: n * theory.inbreeding_accumulate(n, T),
            other=_variance_of_pool,
            cases=({"n": 4, "T": 5}, {"n": 1, "T": 12}, {"n": 30, "T": 4}),
            rtol=1e-11,
            mutants={"discard": lambda n, T: n * theory.inbreeding_replace(n, T)},
        ),
        Ordered(
            label="a linear statistic: n MSE is at most pi^2/6 at every generation",
            lower=lambda n: n * theory.inbreeding_accumulate(n, np.array([1, 2, 10, 1000, np.inf])),
            upper=lambda n: BASEL,
            bound="upper",
            cases=({"n": 10**6}, {"n": 2}, {"n": 1}),
        ),
        Limit(
            label="and tends to it",
            value=lambda n: n * theory.inbreeding_accumulate_limit(n),
            asymptote=lambda n: BASEL,
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
        ),
        Sampled(
            label="the chance that the error ever exceeds the bound, over all generations",
            predict=lambda x, dim, until: _levy(x, dim),
            draw=lambda size, rng, x, dim, until: _path(size, rng, 1, dim, until) > x,
            side="above",
            cases=({"x": 3.0, "dim": 1, "until": 60}, {"x": 4.0, "dim": 3, "until": 100}),
            size=100000,
            mutants={"the bound of one generation alone": lambda x, dim, until: 2 * dim * scipy.special.ndtr(-x)},
        ),
        Sampled(
            label="the form of the theorem: at most delta, over all generations",
            predict=lambda delta, dim, until: delta,
            draw=lambda size, rng, delta, dim, until: _path(size, rng, 1, dim, until) > _at_level(delta, dim),
            side="above",
            cases=({"delta": 0.2, "dim": 3, "until": 60},),
            size=40000,
        ),
    ),
    second={"bernoulli_error_accumulate": lambda n, T, p: n * theory.inbreeding_accumulate(n, T)},
    remark=(
        "The constants of the theorem are not known here: what is checked is its form, in families where constants are "
        "known, and the exact error of linear statistics."
    ),
    tags=("accumulate", "consistency"),
)


# ------------------------------------------------------------------------------------- families that collapse at once


def _first_fit(size, rng, n):
    """Draw n uniform points and return (1 - their maximum)/2, the amount by which the bulk can be shortened."""
    return (1 - rng.random((size, n)).max(axis=1)) / 2


def _bump(size, rng, n):
    """Return alpha of the first fit, and how many of the next n points fall into the bump."""
    alpha = np.minimum(_first_fit(size, rng, n), 0.25)
    return alpha, rng.binomial(n, alpha)


def _only_one(size, rng, n):
    alpha, count = _bump(size, rng, n)
    return (count == 1) & (alpha <= 0.125)


def _single(n):
    """P(one point alone falls into the bump, alpha at most 1/8), by quadrature over u = n alpha."""
    return scipy.integrate.quad(
        lambda u: 2 * np.exp((n - 1) * (np.log1p(-2 * u / n) + np.log1p(-u / n))) * u, 0, min(n / 8, 16), epsabs=1e-13
    )[0]


TOO_LONG = Claim(
    id="BS-T5.1",
    title="A consistent family that collapses at the second fit although all data are kept",
    statement=(
        "There is a family whose fit to real data is within log(n)/n of the truth in total variation with probability "
        "at least 1 - 1/n, but whose second fit, to the real and the synthetic points, is far from the first with a "
        "probability that does not vanish. The event that starts it, a synthetic point in a narrow bump of weight "
        "alpha, has a probability that tends to 1/3."
    ),
    formula=(
        r"P(\text{a point in the bump}) = 1 - E(1-\alpha_1)^n \to 1 - E\,e^{-\mathrm{Exp}(1)/2} = \frac13,\qquad "
        r"\alpha_1 = \min\Big(\frac{1-\max X}2,\frac14\Big)"
    ),
    assumptions=(
        "Bulk uniform on [0, 1 - 2 alpha] with weight 1 - alpha, bump uniform on [mu, mu + f(alpha)] in [2, 3] with "
        "weight alpha (assumed: the display was not readable), f vanishing fast; the truth is alpha = 0."
    ),
    source=("barzilai2025",),
    locus="Theorem 5.1",
    kind=Kind.EXACT,
    theory=(theory.tail_event_probability,),
    simulation="First fits to uniform points, second samples, and how many of these fall into the bump.",
    checks=(
        Sampled(
            label="a point in the bump",
            predict=lambda n: theory.tail_event_probability(n),
            draw=lambda size, rng, n: _bump(size, rng, n)[1] > 0,
            cases=({"n": 20}, {"n": 1}, {"n": 100}),
            size=150000,
            mutants={"the limit": lambda n: 1 / 3, "weight 2 alpha": lambda n: 0.5},
        ),
        Limit(
            label="its limit",
            value=lambda n: theory.tail_event_probability(n),
            asymptote=lambda n: 1 / 3,
            along=(20, 80, 320, 1280, 5120),
            remainder=lambda n: 1 / n,
            mutants={"weight 2 alpha": lambda n: 1 / 2},
        ),
        Ordered(
            label="the first fit is good: its distance 1 - max X exceeds log(n)/n with probability at most 1/n",
            lower=lambda n: np.exp(n * np.log1p(-np.log(n) / n)),
            upper=lambda n: 1 / n,
            bound="upper",
            cases=({"n": np.array([2.0, 10, 100])}, {"n": np.array([1e4, 1e8])}),
        ),
        Sampled(
            label="one point alone in the bump, which draws the second fit to alpha = 1/4: a distance of at least 1/8",
            predict=_single,
            draw=_only_one,
            cases=({"n": 40}, {"n": 8}),
            size=150000,
            mutants={"any number of points": lambda n: theory.tail_event_probability(n)},
        ),
        Limit(
            label="the probability of that does not vanish: 2/9",
            value=_single,
            asymptote=lambda n: 2 / 9,
            along=(200, 800, 3200, 12800),
            remainder=lambda n: 1 / n,
            mutants={"1/3": lambda n: 1 / 3},
        ),
    ),
    second={
        "far_sample_limit": lambda: 1 / 3,
        "far_sample_probability": lambda n: theory.tail_event_probability(n),
    },
    remark=(
        "With the bulk exactly as described the second fit could not go far: alpha can never exceed (1 - max X)/2, for "
        "points seen beyond 1 - 2 alpha would have no density. A floor of vanishing density on [0, 1], and a width f "
        "that vanishes as alpha tends to 1/4, make the statement true: one point alone in the bump then outweighs all."
    ),
    tags=("accumulate", "consistency", "counterexample"),
)


# ----------------------------------------------------------------------------------------------- as slowly as desired


def _weight(x, a):
    """Alpha of a fit whose bulk is shortened by 2 x: x / phi(1/x) for phi = (.)^a, or the logarithm at a = 0."""
    x = np.asarray(x, dtype=float)
    with np.errstate(divide="ignore"):
        return np.minimum(x ** (1 + a) if a else x / np.maximum(np.log(1 / x), 1.0), 0.25)


def _rounds(n, a, s):
    """Return s phi(n) as a whole number of generations."""
    return math.ceil(s * (n**a if a else max(math.log(n), 1.0)) - 1e-9)


def _chance_by(n, a, s):
    """P(within s phi(n) generations a first bump point comes, and alone): quadrature over e, x = (1 - exp(-e/n))/2."""
    rounds = _rounds(n, a, s)

    def given(e):
        alpha = float(_weight(-math.expm1(-e / n) / 2, a))
        none = n * math.log1p(-alpha)
        one = n * alpha * math.exp((n - 1) * math.log1p(-alpha))
        return math.exp(-e) * (one * math.expm1(rounds * none) / math.expm1(none) if alpha > 0 else 0.0)

    return scipy.integrate.quad(given, 1e-12, 40, epsabs=1e-13, epsrel=1e-11, limit=400)[0]


def _in_time(size, rng, n, a, s):
    alpha = _weight(_first_fit(size, rng, n), a)
    done, out = np.zeros(size, bool), np.zeros(size, bool)
    for _ in range(_rounds(n, a, s)):
        count = rng.binomial(n, alpha)
        out |= ~done & (count == 1)
        done |= count > 0
    return out


def _chance_limit(a, s):
    return scipy.integrate.quad(lambda e: -math.exp(-e) * math.expm1(-s * (e / 2) ** (1 + a)), 0, 60, epsabs=1e-13)[0]


SLOW = Claim(
    id="BS-T5.2",
    title="Collapse within any slowly growing number of generations, although all data are kept",
    statement=(
        "For every phi that grows without bound there is a family, consistent on real data, that collapses within a "
        "number of generations of the order of phi(n), although all data are kept."
    ),
    formula=r"P(\text{collapse within } s\,\varphi(n) \text{ generations}) \ge c(s) > 0",
    assumptions=(
        "Existence. The families checked are built here, after the pattern of BS-T5.1, for powers and the logarithm."
    ),
    source=("barzilai2025",),
    locus="Theorem 5.2",
    kind=Kind.EXACT,
    simulation="First fits to uniform points and the generations until a single point falls into the bump.",
    checks=(
        Sampled(
            label="collapse within s n^a generations (a = 0: s log n)",
            predict=_chance_by,
            draw=_in_time,
            cases=({"n": 64, "a": 0.5, "s": 2.0}, {"n": 30, "a": 0.0, "s": 4.0}, {"n": 25, "a": 1.0, "s": 3.0}),
            size=60000,
            mutants={"one generation": lambda n, a, s: _chance_by(n, a, 1e-6)},
        ),
        Limit(
            label="its chance for large n does not vanish",
            value=lambda n, a, s: _chance_by(n, a, s),
            asymptote=lambda n, a, s: _chance_limit(a, s),
            along=tuple(400 * 4**k for k in range(6)),
            remainder=lambda n: n**-0.5,
            cases=({"a": 0.5, "s": 2.0}, {"a": 1.0, "s": 1.0}),
            mutants={"certain": lambda n, a, s: 1.0},
        ),
        Ordered(
            label="more likely than not within 6 log n generations",
            lower=lambda n: 0.5,
            upper=lambda n: [_chance_by(m, 0.0, 6.0) for m in n],
            bound="lower",
            cases=({"n": (10, 10**3, 10**6, 10**12)},),
        ),
    ),
    remark=(
        "Built here: the bulk ends at 1 - 2x and the bump has the weight x/phi(1/x), so that a fit to n points waits "
        "of the order of phi(n) generations for its first point in the bump; one point alone draws the next fit to "
        "weight 1/4."
    ),
    tags=("accumulate", "consistency", "counterexample"),
)

CLAIMS = (REGULAR, TOO_LONG, SLOW)
