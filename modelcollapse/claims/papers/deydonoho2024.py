r"""Dey and Donoho (2024): what does it cost to accumulate? A factor of at most pi^2/6, for every smooth family.

Discarding old data costs a factor that grows with the generations, keeping them one that does not. The statement is
asymptotic in n; here it is held against families whose error is known exactly at every n, though their variance moves
with their mean in different ways. What other plans cost is derived here, and bounds how far the constant carries.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import Accumulate, Categorical, Exponential, Poisson, Replace, Subsample, theory
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.derived_inbreeding import DERIVED, EVEN, kept_and_error, simulated
from modelcollapse.claims.papers.derived_plans_parts import subsample_limit
from modelcollapse.claims.programs import at
from modelcollapse.verify import Status

#: the sum of all 1/i^2
BASEL = math.pi**2 / 6

# ----------------------------------------------------------------------------------------------------------- constants


def _at_fraction(n, fraction):
    """N F of a fixed real set of N = n points, with this share of synthetic points."""
    return n * theory.inbreeding_fixed_real(n * fraction / (1 - fraction), n, np.inf)


CONSTANTS = Claim(
    id="RISK-CONST",
    title="What the plans cost in the long run, in units of one real fit",
    statement=(
        "The squared error of the mean in the long run, relative to one fit on n real points and for large n: t after "
        "t generations of replace, pi^2/6 if all is accumulated and fitted to, pi^2/2 - 2 if n points of it are fitted "
        "to, and (1 + 2a)/(1 + a), at most 3/2, if N real points are kept and a share a of the points is synthetic."
    ),
    formula=(
        r"\lim_{n}\lim_{t} nF_t = \frac{\pi^2}6 \approx 1.645 \text{ (accumulate)},\quad \frac{\pi^2}2-2 \approx 2.935 "
        r"\text{ (subsample)},\quad \frac{1+2\alpha}{1+\alpha} \le \frac32 \text{ (fixed real)}; \qquad nF_t \to t "
        r"\text{ (replace)}"
    ),
    assumptions="As for F-MASTER; first t, then n to infinity; for a fixed real set relative to its N real points.",
    source=(DERIVED, "deydonoho2024"),
    kind=Kind.ASYMPTOTIC,
    theory=(theory.inflation_constant, theory.inbreeding_accumulate_limit),
    simulation="Categorical chains with 20 types at finite n, where the cost is known exactly.",
    checks=(
        Limit(
            label="replace: t fits cost t",
            value=lambda n, t: n * theory.inbreeding_replace(n, t),
            asymptote=lambda n, t: t,
            along=(100, 400, 1600, 6400, 25600),
            remainder=lambda n: 1 / n,
            cases=({"t": 7}, {"t": 20}),
            mutants={"one generation more": lambda n, t: t + 1},
        ),
        Limit(
            label="accumulate",
            value=lambda n: n * theory.inbreeding_accumulate_limit(n),
            asymptote=lambda n: theory.inflation_constant("accumulate"),
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
            mutants={"three halves": lambda n: 1.5},
        ),
        Limit(
            label="accumulate and subsample",
            value=lambda n: n * subsample_limit(n),
            asymptote=lambda n: theory.inflation_constant("subsample"),
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
            mutants={"pi^2/6": lambda n: BASEL},
        ),
        Limit(
            label="fixed real set",
            value=_at_fraction,
            asymptote=lambda n, fraction: theory.inflation_constant("fixed_real", fraction=fraction),
            along=(20, 80, 320, 1280, 5120),
            remainder=lambda n: 1 / n,
            cases=({"fraction": 0.5}, {"fraction": 0.99}, {"fraction": 0.05}),
            name="N",
            mutants={"three halves": lambda n, fraction: 1.5},
        ),
        Ordered(
            label="a fixed real set costs at most 3/2",
            lower=lambda fraction: theory.inflation_constant("fixed_real", fraction=fraction),
            upper=lambda fraction: 1.5,
            bound="upper",
            cases=({"fraction": 1.0}, {"fraction": 0.5}),
        ),
        simulated(
            lambda n, t: Accumulate(n=n),
            theory.inbreeding_accumulate,
            ({"n": 50, "t": 10}, {"n": 5, "t": 30}),
            mutants={"replace": theory.inbreeding_replace},
        ),
    ),
    second={
        "constant_accumulate": lambda: theory.inflation_constant("accumulate"),
        "constant_subsample": lambda: theory.inflation_constant("subsample"),
        "constant_fixed_real": lambda alpha: theory.inflation_constant("fixed_real", fraction=alpha),
        "inflation_accumulate": lambda n: n * theory.inbreeding_accumulate_limit(n),
        "inflation_subsample": lambda n: n * subsample_limit(n),
    },
    tags=("inbreeding", "plans", "constants"),
)


# ---------------------------------------------------------------------------------------------------------- efficiency


def _growth(n, G, power, sign):
    """Squared error of a mean over that of one real fit, if a point has a variance of power (or sign) times mean^2.

    The mean is a martingale with steps of variance v/(n i^2), and v moves with the square of the mean: what errors add
    to its mean square multiplies up over the generations.
    """
    x = power / (n * np.arange(1, G + 1.0) ** 2)
    return sign * n / power * math.expm1(np.log1p(sign * x).sum())


#: n MSE / v at generation G under accumulation, exactly; they differ in how the variance of a point goes with the mean
FAMILIES = {
    "Bernoulli": lambda n, G: n * theory.inbreeding_accumulate(n, G),  # variance p(1 - p)
    "Poisson": lambda n, G: np.sum(1 / np.arange(1, G + 1.0) ** 2),  # variance mean
    "Exponential": lambda n, G: _growth(n, G, 1.0, 1),  # variance mean^2
    "normal of known mean": lambda n, G: _growth(n, G, 2.0, 1),  # the variance s of a point, itself of variance 2 s^2
}


def _log_rate_error(n, G):
    """N MSE of the log rate of exponential laws that replace: sums of G independent logarithms of Gamma variables."""
    bias = scipy.special.digamma(n) - math.log(n)
    return n * (G * scipy.special.polygamma(1, n) + (G * bias) ** 2)


def _counts(size, rng, n, t, rate):
    return n * (at(Poisson(rate=rate), Accumulate(n=n), t, size, rng, "rate") - rate) ** 2 / rate


def _waiting(size, rng, n, t):
    return n * (at(Exponential(rate=1.0), Accumulate(n=n), t, size, rng, "mean") - 1) ** 2


def _fourth(n, t, step):
    """E (mean - 1)^4 and E (mean - 1)^2 of a chain whose first four moments are mapped by `step`."""
    m = np.array([1.0, 1.0, 1.0, 1.0, 1.0])  # E mean^k, k = 0 .. 4
    for i in range(1, t + 1):
        m = step(m, n, i)
    central = m[4] - 4 * m[3] + 6 * m[2] - 4 * m[1] + 1
    return central, m[2] - 2 * m[1] + 1


def _gamma_step(m, n, i):
    """Mean' = mean (1 - 1/i + g/i), g a Gamma variable of mean 1 and shape n: moments multiply."""
    g = [1.0, 1.0, (n + 1) / n, (n + 1) * (n + 2) / n**2, (n + 1) * (n + 2) * (n + 3) / n**3]
    factor = [sum(math.comb(k, j) * (1 - 1 / i) ** (k - j) * g[j] / i**j for j in range(k + 1)) for k in range(5)]
    return m * factor


def _waiting_sd(n, t):
    fourth, second = _fourth(n, t, _gamma_step)
    return n * math.sqrt(fourth - second**2)


def _poisson_step(m, n, i, rate):
    """Mean' = (1 - 1/i) mean + s/(n i), s Poisson with mean n mean rate: in units of the rate."""
    out, N = np.zeros(5), n * rate
    touchard = [[1], [0, 1], [0, 1, 1], [0, 1, 3, 1], [0, 1, 7, 6, 1]]
    for k in range(5):
        for j in range(k + 1):
            weight = math.comb(k, j) * (1 - 1 / i) ** (k - j) / (N * i) ** j
            out[k] += weight * sum(c * N**q * m[k - j + q] for q, c in enumerate(touchard[j]))
    return out


def _counts_sd(n, t, rate):
    fourth, second = _fourth(n, t, lambda m, n, i: _poisson_step(m, n, i, rate))
    return n * rate * math.sqrt(fourth - second**2)


EFFICIENCY = Claim(
    id="DD-ARE",
    title="Discarding costs a factor G, augmenting at most pi^2/6, whatever the family",
    statement=(
        "For exponential families and asymptotically linear estimators, as n grows at a fixed generation G, the "
        "efficiency relative to the fit on real data is 1/G if earlier data are discarded, and one over the sum of "
        "1/g^2, at least 6/pi^2, if they are kept."
    ),
    formula=(
        r"\mathrm{ARE}_{\rm discard} = \frac1G, \qquad \mathrm{ARE}_{\rm augment} = \Big(\sum_{g\le G}g^{-2}\Big)^{-1} "
        r"\ge \frac6{\pi^2}"
    ),
    assumptions="n to infinity at fixed G; one law of the covariates; smooth families.",
    source=("deydonoho2024", "gerstgrasser2024"),
    kind=Kind.ASYMPTOTIC,
    theory=(theory.augment_efficiency, theory.discard_efficiency, theory.inbreeding_accumulate),
    simulation="Poisson and exponential chains under accumulation, whose errors are known exactly at every n.",
    checks=(
        Limit(
            label="augment: exact errors of four families, their variance a different function of the mean",
            value=lambda n, family, G: FAMILIES[family](n, G),
            asymptote=lambda n, family, G: 1 / theory.augment_efficiency(G),
            along=(20, 80, 320, 1280, 5120),
            remainder=lambda n: 1 / n,
            cases=tuple({"family": name, "G": G} for name, G in zip(FAMILIES, (2, 5, 40, 1000), strict=True)),
            mutants={"pi^2/6 at every G": lambda n, family, G: BASEL * 1.001, "discard": lambda n, family, G: G},
        ),
        Limit(
            label="discard: exact errors of the log rate of exponential laws, biased at finite n",
            value=_log_rate_error,
            asymptote=lambda n, G: 1 / theory.discard_efficiency(G),
            along=(20, 80, 320, 1280, 5120),
            remainder=lambda n: 1 / n,
            cases=({"G": 3}, {"G": 20}),
            mutants={"augment": lambda n, G: 1 / theory.augment_efficiency(G)},
        ),
        Ordered(
            label="the efficiency of augmenting is at least 6/pi^2",
            lower=lambda G: 6 / math.pi**2,
            upper=lambda G: theory.augment_efficiency(G),
            bound="lower",
            cases=({"G": np.array([1e2, 1e4, 1e8, np.inf])}, {"G": np.arange(1, 50)}),
        ),
        Computed(
            label="finite n: means of families that keep two moments",
            predict=lambda n, G: [1 / theory.augment_efficiency(G, n), 1 / theory.discard_efficiency(G, n)],
            other=lambda n, G: [n * theory.inbreeding(plan(n=n), G)[-1] for plan in (Accumulate, Replace)],
            cases=({"n": 10, "G": 2}, {"n": 3, "G": 200}),
            rtol=1e-11,
        ),
        Sampled(
            label="n MSE / rate of Poisson chains that accumulate",
            predict=lambda n, t, rate: 1 / theory.augment_efficiency(t),
            draw=_counts,
            sd=_counts_sd,
            cases=({"n": 20, "t": 6, "rate": 2.0}, {"n": 5, "t": 2, "rate": 0.5}),
            size=200000,
            mutants={"discard": lambda n, t, rate: t},
        ),
        Sampled(
            label="n MSE of the mean of exponential chains that accumulate",
            predict=lambda n, t: FAMILIES["Exponential"](n, t),
            draw=_waiting,
            sd=_waiting_sd,
            cases=({"n": 20, "t": 6}, {"n": 100, "t": 3}),
            size=200000,
            mutants={"discard": lambda n, t: t},
        ),
    ),
    second={
        "efficiency_augment": lambda G: theory.augment_efficiency(G),
        "efficiency_discard": lambda G: theory.discard_efficiency(G),
        "scaled_error_discard": lambda n, G: 1 / theory.discard_efficiency(G, n),
        "scaled_error_augment": lambda n, G: 1 / theory.augment_efficiency(G, n),
    },
    remark=(
        "Not covered: accumulate-and-subsample (RISK-CONST) and families that are not smooth (BS-T5.1). The wording of "
        "the theorem was seen at second hand."
    ),
    tags=("accumulate", "replace", "constants"),
)


# ---------------------------------------------------------------------------------------------------------------- scope


def _subsampled(size, rng, n, t):
    return kept_and_error(at(Categorical(EVEN), Subsample(n=n), t, size, rng, "probability"))


def _fresh_design(n, dim, design):
    """Risk of regression under accumulation in the long run, relative to one fit."""
    return theory.regression_risk_accumulate(n, np.inf, dim=dim, design=design) * (n - dim - 1) / dim


SCOPE = Claim(
    id="ERR-11",
    title="The factor pi^2/6 is not that of every plan that keeps all data",
    statement=(
        "To keep all data costs a factor pi^2/6 in the long run. That holds for smooth families fitted to everything, "
        "but not where only a subsample is fitted to, not in regression with fresh designs, and not for families that "
        "are not smooth."
    ),
    formula=r"\frac{\pi^2}6 \ne \frac{\pi^2}2-2 \ \text{(subsample)}",
    assumptions="As for RISK-CONST; linear regression with d Gaussian covariates and n rows per generation.",
    source=("deydonoho2024", "gerstgrasser2024", "kazdan2025", DERIVED),
    kind=Kind.CORRECTION,
    theory=(theory.inflation_constant, theory.regression_risk_accumulate, theory.inbreeding_subsample),
    simulation="Categorical chains with 20 types that subsample what they accumulate.",
    printed="Accumulating data costs a factor of pi^2/6 (read as if it held however the accumulated data are used).",
    holds=(
        "pi^2/6 if everything is fitted to and the designs of a regression are the same in every generation; pi^2/2 - "
        "2 if n points of everything are fitted to; less than pi^2/6 with fresh designs."
    ),
    checks=(
        Limit(
            label="as printed: n F of accumulate-and-subsample",
            value=lambda n: n * subsample_limit(n),
            asymptote=lambda n: BASEL,
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
        ),
        Computed(
            label="as printed: regression with fresh designs",
            predict=lambda n, dim: BASEL,
            other=lambda n, dim: _fresh_design(n, dim, "fresh"),
            cases=({"n": 20, "dim": 5}, {"n": 60, "dim": 50}),
        ),
    ),
    correction=(
        Limit(
            label="pi^2/2 - 2 for accumulate-and-subsample",
            value=lambda n: n * subsample_limit(n),
            asymptote=lambda n: theory.inflation_constant("subsample"),
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
            mutants={"pi^2/6": lambda n: BASEL},
        ),
        Limit(
            label="pi^2/6 if all is fitted to",
            value=lambda n: n * theory.inbreeding_accumulate_limit(n),
            asymptote=lambda n: BASEL,
            along=(10, 40, 160, 640, 2560),
            remainder=lambda n: 1 / n,
            mutants={"pi^2/2 - 2": lambda n: math.pi**2 / 2 - 2},
        ),
        Ordered(
            label="regression with fresh designs costs less than pi^2/6",
            lower=lambda n, dim: [_fresh_design(m, dim, "fresh") for m in n],
            upper=lambda n, dim: BASEL,
            bound="upper",
            cases=({"n": (60, 10**4, 10**7), "dim": 50}, {"n": (4, 100), "dim": 1}),
        ),
        Computed(
            label="regression with one design costs pi^2/6",
            predict=lambda n, dim: BASEL,
            other=lambda n, dim: _fresh_design(n, dim, "same"),
            cases=({"n": 20, "dim": 5}, {"n": 60, "dim": 50}),
            rtol=1e-11,
        ),
        Sampled(
            label="accumulate-and-subsample, simulated",
            predict=lambda n, t: [1 - (F := theory.inbreeding_subsample(n, t)[-1]), F],
            draw=_subsampled,
            bounds=(0.0, 2.2),
            cases=({"n": 8, "t": 4},),
            size=5000,
            mutants={"fitted to all": lambda n, t: [1 - (F := theory.inbreeding_accumulate(n, t)), F]},
        ),
    ),
    expected=Status.CONTRADICTED,
    tags=("erratum", "accumulate", "subsample", "constants"),
)


CLAIMS = (CONSTANTS, EFFICIENCY, SCOPE)
