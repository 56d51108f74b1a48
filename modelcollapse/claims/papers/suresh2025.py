"""Suresh, Thangaraj and Khandavally (2025), Rate of model collapse in recursive training: discrete models.

How long does a rare type live? Its survival is bounded from both sides by iterates g_t of 1 - exp(-x), which fall like
2/t, and for the Poisson model the answer is exact. The bounds are held against the exact chain of one type, at their
own settings and where they are nearly reached; the chain against a matrix of its own and against chains of samples.
The bound for the Gaussian and the authors' notebook have modules of their own.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelcollapse import Categorical, Poisson, Replace, theory
from modelcollapse.claims import two_types
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at

MOST = 10**6
#: generation from which on g_t of a first reading goes on by its asymptotic series
FAR = 10**5


@cache
def _iterates() -> np.ndarray:
    return theory.g_iterates(MOST)


def _g(t):
    return _iterates()[t]


def _abel(u):
    """Grows by one per fit, u = 2/g, but for terms of order u^-3: u' = u + 1 + 1/(3u) + O(u^-3)."""
    return u - math.log(u) / 3 + 1 / (18 * u)


def _any_g(t):
    """Return g_t also for t that no one would wait for."""
    if t <= FAR:
        return _g(t)
    level = _abel(2 / _g(FAR)) + (t - FAR)
    u = float(t)
    for _ in range(50):
        u, before = u + (level - _abel(u)), u
        if abs(u - before) <= 1e-16 * u:
            break
    return 2 / u


def _in_high_precision(t):
    import mpmath

    with mpmath.workdps(40):
        g = mpmath.mpf(1)
        for _ in range(t - 1):
            g = -mpmath.expm1(-g)
        return float(g)


def _lines(size, rng, t):
    """Does one copy with Poisson(1) children per generation have descendants after t - 1 generations?"""
    x = np.ones(size, np.int64)
    for _ in range(t - 1):
        x = rng.poisson(x)
    return x > 0


def _times(last):
    return np.arange(1, last + 1)


def _lower(p, n, last):
    return theory.survival_bounds(p, n, last, published=True)[0][1:]


def _upper(p, n, last):
    return theory.survival_bounds(p, n, last, published=True)[1][1:]


@cache
def _survival(p, n, last):
    return theory.survival(p, n, last)[1:]


def _uncut_upper(n, t, p0):
    """The upper bound, beyond one too, where the package cuts it."""
    lower, cut = (bound[t] for bound in theory.survival_bounds(p0, n, t, published=True))
    return cut if cut < 1 else lower + (3 * n * p0**2 + 3 * t * p0) * math.exp(-n * p0 * _g(t))


def _uncut_lower_of_two(n, t, p0):
    """The lower bound for two types, below zero too, where the package cuts it."""
    cut = theory.coexistence_bounds(p0, n, t, published=True)[0][t]
    rare = min(p0, 1 - p0)
    return cut if cut > 0 else -math.expm1(-n * rare * _g(t)) - math.exp(-n * (1 - rare) * _g(t))


def _is_there(run):
    return run["probability"].values[:, 0] > 0


def _is_undecided(run):
    return (run["probability"].values > 0).sum(axis=-1) > 1


def _of_support(run):
    return (run["probability"].values > 0).sum(axis=-1).astype(float)


def _mandelbrot(a, b, types=1000):
    """Zipf and Mandelbrot's law as in the code: p proportional to 1 / (rank + b)^a."""
    p = 1 / (np.arange(1, types + 1) + b) ** a
    return p / p.sum()


def _left(a, b, n, t, types=1000):
    return theory.expected_support(_mandelbrot(a, b, types), n, t)[t]


def _left_by_matrix(a, b, types, n, t):
    return sum(two_types.alive(n, t, x) for x in _mandelbrot(a, b, types))


def _sd_of_left(a, b, n, t, types=1000):
    """After one fit the covariances are those of a multinomial sample, (1 - p_i - p_j)^n - (1 - p_i)^n (1 - p_j)^n."""
    p = _mandelbrot(a, b, types)
    if t > 1:
        return theory.support_sd(p, n, t)[t]
    missed = (1 - p) ** n
    both = (1 - p[:, None] - p) ** n - np.outer(missed, missed)
    np.fill_diagonal(both, missed * (1 - missed))
    return math.sqrt(both.sum())


def _median(c):
    """When 1 - exp(-c g_t) is one half, t between whole numbers: 2/g is nearly linear there."""
    u = 2 / _iterates()[1:]
    wanted = 2 * c / math.log(2)
    i = int(np.searchsorted(u, wanted))
    lo, hi = i - 3, i + 3
    coefficients = np.polyfit(u[lo:hi] - wanted, np.arange(lo + 1, hi + 1), 4)
    return float(coefficients[-1])


@cache
def _absorption(c, n):
    return float(theory.absorption_time(c / n, n))


def _growth(c, n):
    return _absorption(c, 2 * n) - _absorption(c, n)


def _counted(size, rng, c, n, t):
    x = np.full(size, c)
    for _ in range(t):
        x = rng.binomial(n, x / n)
    return x > 0


def _poisson(rate, n, t):
    return theory.poisson_survival(rate, n, t)[t]


def _poisson_chain(rate, n, t):
    """Chain of the sums, the zero left out, cut where a sum of this size is out of reach."""
    from scipy.stats import poisson

    most = int(n * rate + 14 * math.sqrt(n * rate * t) + 60 * t) + 20
    s = np.arange(most)
    law, step = poisson.pmf(s, n * rate)[1:], poisson.pmf(s[None, 1:], s[1:, None])
    for _ in range(t - 1):
        law = law @ step
    return law.sum()


def _poisson_alive(size, rng, rate, n, t):
    return at(Poisson(rate), Replace(n=n), t, size, rng, "rate") > 0


CLAIMS = (
    Claim(
        id="SUR-G",
        title="The iterates g_t of 1 - exp(-x) lie in [1/t, 3/t], and t g_t tends to 2",
        statement=(
            "With g_1 = 1 and g_{t+1} = 1 - exp(-g_t), g_t lies between 1/t and 3/t; sharper, between "
            "1/((t+1)/2 + (1 + ln t)/6) and 2/(t+1); t g_t tends to 2."
        ),
        formula=(
            r"\frac1t \le \frac1{\frac{t+1}2 + \frac{1+\ln t}6} \le g_t \le \frac2{t+1} \le \frac3t, "
            r"\qquad t\,g_t \to 2"
        ),
        assumptions="t counts from 1.",
        source=("suresh2025", "modelcollapse"),
        kind=Kind.BOUND,
        theory=(theory.g_iterates, theory.g_bounds),
        simulation="A branching process with Poisson(1) children: g_t is the chance to have descendants.",
        checks=(
            Ordered(
                label="published lower bound",
                lower=lambda last: 1 / _times(last),
                upper=lambda last: _iterates()[1 : last + 1],
                bound="lower",
                cases=({"last": 1000}, {"last": MOST}),
                mutants={"2/(t + 1)": lambda last: 2 / (_times(last) + 1)},
            ),
            Ordered(
                label="published upper bound",
                lower=lambda last: _iterates()[1 : last + 1],
                upper=lambda last: 3 / _times(last),
                bound="upper",
                cases=({"last": 1000}, {"last": MOST}),
                mutants={"1.9/t": lambda last: 1.9 / _times(last)},
            ),
            Ordered(
                label="sharper lower bound",
                lower=lambda last: theory.g_bounds(_times(last))[0],
                upper=lambda last: _iterates()[1 : last + 1],
                bound="lower",
                cases=({"last": 1000}, {"last": MOST}),
                mutants={"without the logarithm": lambda last: 1 / ((_times(last) + 1) / 2 + 1 / 6)},
            ),
            Ordered(
                label="sharper upper bound",
                lower=lambda last: _iterates()[1 : last + 1],
                upper=lambda last: theory.g_bounds(_times(last))[1],
                bound="upper",
                cases=({"last": 1000}, {"last": MOST}),
                mutants={"2/(t + 2)": lambda last: 2 / (_times(last) + 2)},
            ),
            Computed(
                label="iterates, with forty digits",
                predict=lambda t: _g(t),
                other=_in_high_precision,
                cases=({"t": 2}, {"t": 500}, {"t": 20_000}),
                rtol=1e-12,
            ),
            Limit(
                label="2/g_t grows by one per fit",
                value=lambda t: 2 / _g(2 * t) - 2 / _g(t),
                asymptote=lambda t: t,
                along=(500, 2000, 8000, 32_000, 128_000, 500_000),
                remainder=lambda t: 1 / t,
                name="t",
                mutants={"t g_t to 3": lambda t: t * 2 / 3},
            ),
            Sampled(
                label="descendants of one copy",
                predict=lambda t: _g(t),
                draw=_lines,
                cases=({"t": 2}, {"t": 6}),
                size=40000,
                mutants={"2/t": lambda t: min(1.0, 2 / t)},
            ),
        ),
        second={
            "iterate_g": _any_g,
            "iterate_g_lower": lambda t: theory.g_bounds(t)[0],
            "iterate_g_upper": lambda t: theory.g_bounds(t)[1],
            "iterate_g_paper_bounds": lambda t: np.array([1 / t, 3 / t]),
        },
        tags=("categorical", "survival"),
    ),
    Claim(
        id="SUR-T1",
        title="Bounds on the survival of a type: 1 - exp(-n p g_t) and its mate from above",
        statement=(
            "A type of frequency p is still there after t fits to n samples with probability at least "
            "1 - exp(-n p g_t) and at most 1 - (1 - 3 n p^2 - 3 t p) exp(-n p g_t); for both types to be there, take "
            "off the same with 1 - p for p."
        ),
        formula=r"1-e^{-np_0g_t} \ \le\ P(p_t\ne0)\ \le\ 1-(1-3np_0^2-3tp_0)\,e^{-np_0g_t}",
        assumptions="Bernoulli or categorical model, maximum likelihood, replace; brackets below zero are cut.",
        source=("suresh2025",),
        locus="Theorem 1",
        kind=Kind.BOUND,
        theory=(theory.survival_bounds, theory.coexistence_bounds, theory.survival, theory.collapse_law),
        simulation="Chains of Bernoulli models at the settings of the paper.",
        checks=(
            Ordered(
                label="lower bound on survival, all generations",
                lower=_lower,
                upper=_survival,
                bound="lower",
                cases=(
                    {"p": 0.001, "n": 10_000, "last": 50},
                    {"p": 0.01, "n": 100, "last": 50},
                    {"p": 1e-6, "n": 100_000, "last": 100},
                    {"p": 0.2, "n": 100, "last": 600},
                ),
                mutants={"g a generation early": lambda p, n, last: np.append(1.0, _lower(p, n, last)[:-1])},
            ),
            Ordered(
                label="upper bound on survival, all generations",
                lower=_survival,
                upper=_upper,
                bound="upper",
                cases=(
                    {"p": 0.001, "n": 10_000, "last": 50},
                    {"p": 0.01, "n": 100, "last": 50},
                    {"p": 1e-6, "n": 100_000, "last": 100},
                    {"p": 0.2, "n": 100, "last": 600},
                ),
                mutants={"the lower one": lambda p, n, last: _lower(p, n, last)},
            ),
            Ordered(
                label="lower bound for two types",
                lower=lambda p, n, last: theory.coexistence_bounds(p, n, last, published=True)[0][1:],
                upper=lambda p, n, last: theory.collapse_law([p, 1 - p], n, last)[1:],
                bound="lower",
                cases=({"p": 0.2, "n": 100, "last": 600}, {"p": 1e-4, "n": 1000, "last": 50}),
            ),
            Ordered(
                label="upper bound for two types",
                lower=lambda p, n, last: theory.collapse_law([p, 1 - p], n, last)[1:],
                upper=lambda p, n, last: theory.coexistence_bounds(p, n, last, published=True)[1][1:],
                bound="upper",
                cases=({"p": 0.2, "n": 100, "last": 600}, {"p": 1e-4, "n": 1000, "last": 50}),
            ),
            Computed(
                label="exact survival, by a matrix",
                predict=lambda p, n, t: theory.survival(p, n, t)[t],
                other=lambda p, n, t: two_types.alive(n, t, p),
                cases=({"p": 0.01, "n": 100, "t": 1}, {"p": 0.2, "n": 60, "t": 200}),
                rtol=1e-10,
                mutants={"the bound": lambda p, n, t: _lower(p, n, t)[-1]},
            ),
            Sampled(
                label="survival at the settings of the paper",
                predict=lambda p, n, t: theory.survival(p, n, t)[t],
                draw=lambda size, rng, p, n, t: at(Categorical((p, 1 - p)), Replace(n=n), t, size, rng, _is_there),
                cases=({"p": 0.01, "n": 100, "t": 1}, {"p": 0.001, "n": 10_000, "t": 10}),
                size=40000,
                mutants={"the bound a generation early": lambda p, n, t: _lower(p, n, max(t - 1, 1))[-1]},
            ),
            Sampled(
                label="both types left",
                predict=lambda p, n, t: theory.collapse_law([p, 1 - p], n, t)[t],
                draw=lambda size, rng, p, n, t: at(Categorical((p, 1 - p)), Replace(n=n), t, size, rng, _is_undecided),
                cases=({"p": 0.2, "n": 100, "t": 60}, {"p": 0.4, "n": 10, "t": 6}),
                size=20000,
            ),
        ),
        second={
            "survival_exact": lambda n, t, p0: theory.survival(p0, n, t)[t],
            "polymorphism_exact": lambda n, t, p0: theory.collapse_law([p0, 1 - p0], n, t)[t],
            "survival_lower": lambda n, t, p0: _lower(p0, n, t)[-1],
            "survival_upper": _uncut_upper,
            "polymorphism_lower": _uncut_lower_of_two,
            "polymorphism_upper": lambda n, t, p0: theory.coexistence_bounds(p0, n, t, published=True)[1][t],
        },
        remark="The upper bound rises again with t and says nothing once 3np^2 + 3tp reaches one: see ERR-8.",
        tags=("categorical", "minority", "survival"),
    ),
    Claim(
        id="SUR-COR1",
        title="Bounds on the number of types left; exactly, the sum of their survivals",
        statement=(
            "The expected number of types after t fits lies between the sums of the bounds of Theorem 1 over the types "
            "(brackets cut at zero); exactly it is the sum of the survivals of chains of one type each."
        ),
        formula=(
            r"\sum_i(1-e^{-np_ig_t}) \le E[\mathrm{uniq}_t] = \sum_i P(p_{t,i} \ne 0) \le "
            r"\sum_i\big(1-e^{-np_ig_t}\max(1-3np_i^2-3tp_i, 0)\big)"
        ),
        assumptions="Categorical model (unigrams), maximum likelihood, replace.",
        source=("suresh2025",),
        locus="Corollary 1",
        kind=Kind.BOUND,
        theory=(theory.support_bounds, theory.expected_support),
        simulation="Chains of Zipf-Mandelbrot models, 1000 types and 1000 samples, at the two settings of the paper.",
        checks=(
            Ordered(
                label="lower bound, all generations",
                lower=lambda a, b, n, last: theory.support_bounds(_mandelbrot(a, b), n, last, published=True)[0][1:],
                upper=lambda a, b, n, last: theory.expected_support(_mandelbrot(a, b), n, last)[1:],
                bound="lower",
                cases=(
                    {"a": 1.0, "b": 2.7, "n": 1000, "last": 20},
                    {"a": 2.0, "b": 5.0, "n": 1000, "last": 20},
                    {"a": 0.0, "b": 0.0, "n": 50_000, "last": 100},
                ),
            ),
            Ordered(
                label="upper bound, all generations",
                lower=lambda a, b, n, last: theory.expected_support(_mandelbrot(a, b), n, last)[1:],
                upper=lambda a, b, n, last: theory.support_bounds(_mandelbrot(a, b), n, last, published=True)[1][1:],
                bound="upper",
                cases=(
                    {"a": 1.0, "b": 2.7, "n": 1000, "last": 20},
                    {"a": 2.0, "b": 5.0, "n": 1000, "last": 20},
                    {"a": 0.0, "b": 0.0, "n": 50_000, "last": 100},
                ),
            ),
            Computed(
                label="exact number, by matrices of single types",
                predict=lambda a, b, types, n, t: theory.expected_support(_mandelbrot(a, b, types), n, t)[t],
                other=_left_by_matrix,
                cases=(
                    {"a": 1.0, "b": 2.7, "types": 40, "n": 40, "t": 5},
                    {"a": 2.0, "b": 5.0, "types": 60, "n": 100, "t": 30},
                ),
                rtol=1e-10,
            ),
            Sampled(
                label="number of types left at the settings of the paper",
                predict=_left,
                draw=lambda size, rng, a, b, n, t, types: at(
                    Categorical(_mandelbrot(a, b, types)), Replace(n=n), t, size, rng, _of_support
                ),
                sd=_sd_of_left,
                cases=(
                    {"a": 1.0, "b": 2.7, "n": 1000, "t": 1, "types": 1000},
                    {"a": 2.0, "b": 5.0, "n": 200, "t": 10, "types": 200},
                    {"a": 2.0, "b": 5.0, "n": 1000, "t": 1, "types": 1000},
                ),
                size=4000,
                mutants={"a and b swapped": lambda a, b, n, t, types: _left(b, a, n, t, types)},
            ),
        ),
        second={
            "surviving_types_exact": lambda n, t, p: theory.expected_support(p, n, t)[t],
            "surviving_types_played_out": lambda n, t, p: theory.expected_support(p, n, t)[t],
            "surviving_types_lower": lambda n, t, p: theory.support_bounds(p, n, t, published=True)[0][t],
            "surviving_types_upper": lambda n, t, p: theory.support_bounds(p, n, t, published=True)[1][t],
        },
        remark=(
            "Of the paper's protocols the Zipf-Mandelbrot ones are simulated; there its generation 0 is the first "
            "sample. The unigrams and bigrams of WikiText-2 need that text (modelcollapse.lm reads it)."
        ),
        tags=("categorical", "minority", "survival", "zipf"),
    ),
    Claim(
        id="SUR-FORGET",
        title="A word of count c is forgotten after about 2c/ln 2 fits (median)",
        statement=(
            "The time to forget a word is roughly linear in its count c: for c much smaller than n the median number "
            "of further fits is about 2c/ln 2, and the mean time until it is lost or has won about 2c (ln(n/c) + 1), "
            "which is much more."
        ),
        formula=(
            r"P(\text{alive}) \approx 1 - e^{-2c/t}, \qquad t_{1/2} \approx \frac{2c}{\ln2}, \qquad "
            r"E\,T \approx 2c\Big(\ln\frac nc + 1\Big)"
        ),
        assumptions="Replace; 1 << c << n.",
        source=("suresh2025", "modelcollapse"),
        kind=Kind.ASYMPTOTIC,
        theory=(theory.forgetting_time_median, theory.forgetting_time_mean, theory.absorption_time),
        simulation="Counts of one word among n draws, refitted as often as its median time says.",
        checks=(
            Limit(
                label="growth of the median from c to 2c",
                value=lambda c: _median(2 * c) - _median(c),
                asymptote=lambda c: theory.forgetting_time_median(c),
                along=(10, 30, 100, 300, 1000, 3000),
                remainder=lambda c: 1 / c,
                name="c",
                mutants={"c / ln 2": lambda c: c / math.log(2), "the mean 2c": lambda c: 2 * c},
            ),
            Limit(
                label="growth of the exact mean time from n to 2n, over 2c ln 2",
                # the growth is off by (a ln(n) + b)/n; of this combination of two, the logarithm is gone
                value=lambda n, c: 2 * _growth(c, 2 * n) - _growth(c, n),
                asymptote=lambda n, c: theory.forgetting_time_mean(c, 2 * n) - theory.forgetting_time_mean(c, n),
                along=(50, 100, 200, 400, 800),
                remainder=lambda n: 1 / n,
                cases=({"c": 1}, {"c": 10}),
                mutants={"c for 2c": lambda n, c: c * math.log(2)},
            ),
            Limit(
                label="the diffusion's mean time over 2c, less ln(n/c) + 1",
                value=lambda n, c: theory.absorption_time_diffusion(c / n, n) / (2 * c),
                asymptote=lambda n, c: theory.forgetting_time_mean(c, n) / (2 * c),
                along=(100, 200, 400, 800, 1600),
                remainder=lambda n: 1 / n,
                ratio=False,
                cases=({"c": 1}, {"c": 10}),
                mutants={"without + 1": lambda n, c: math.log(n / c)},
            ),
            Sampled(
                label="alive at 2c/ln 2, against one half",
                predict=lambda c, n: 0.5,
                draw=lambda size, rng, c, n: _counted(size, rng, c, n, round(2 * c / math.log(2))),
                # 1 - exp(-c g) at the whole generation, and c t/n for Poisson instead of binomial draws
                remainder=lambda c, n: (
                    abs(0.5 + math.expm1(-c * _g(round(2 * c / math.log(2))))) + 2 * c * c / math.log(2) / n
                ),
                cases=({"c": 100, "n": 10**7}, {"c": 10, "n": 10**6}),
                size=40000,
                mutants={"survival at half of that time": lambda c, n: 0.75},
            ),
        ),
        second={
            "word_survival_rough": lambda count, t: -math.expm1(-2 * count / t),
            "word_median_time": lambda count: theory.forgetting_time_median(count),
            "word_mean_time": lambda count, n: theory.forgetting_time_mean(count, n),
        },
        tags=("categorical", "minority", "survival", "time"),
    ),
    Claim(
        id="SUR-T2",
        title="Poisson model: alive after t fits with probability 1 - exp(-n lambda g_t)",
        statement=(
            "If the rate of a Poisson model is the mean of n draws from the last one, it is not zero after t fits with "
            "probability 1 - exp(-n lambda g_t): n times the rate is a critical branching process."
        ),
        formula=r"P(\Lambda_t \ne 0) = 1 - e^{-n\lambda_0 g_t}",
        assumptions="Poisson model, maximum likelihood, replace.",
        source=("suresh2025",),
        locus="Theorem 2",
        kind=Kind.EXACT,
        theory=(theory.poisson_survival, theory.poisson_law),
        simulation="Chains of Poisson models.",
        checks=(
            Computed(
                label="chain of the sums",
                predict=_poisson,
                other=_poisson_chain,
                cases=({"rate": 1.0, "n": 10, "t": 2}, {"rate": 0.05, "n": 10, "t": 6}),
                rtol=1e-11,
            ),
            Computed(
                label="zero of the law of the sum, by Fourier transform",
                predict=_poisson,
                other=lambda rate, n, t: 1 - theory.poisson_law(rate, n, t, 1)[0],
                cases=({"rate": 1.0, "n": 10, "t": 50}, {"rate": 10.0, "n": 10, "t": 500}),
                rtol=1e-11,
            ),
            Sampled(
                label="rate not zero",
                predict=_poisson,
                draw=_poisson_alive,
                cases=({"rate": 1.0, "n": 10, "t": 10}, {"rate": 10.0, "n": 10, "t": 100}),
                size=40000,
                mutants={"lambda for n lambda": lambda rate, n, t: _poisson(rate, 1, t)},
            ),
        ),
        second={
            "poisson_survival": lambda n, lambda0, t: _poisson(lambda0, n, t),
            "poisson_survival_played_out": lambda n, lambda0, t: _poisson(lambda0, n, t),
        },
        tags=("poisson", "survival"),
    ),
)
