r"""Schaeffer et al. (2025): model collapse does not mean what you think. Eight definitions, and a collapse time.

The paper names eight senses of the word and says in which of them replacing, accumulating and mixing in real data
collapse. How each sense is decided is this package's own: `diagnose` is asked, on simulated runs with a known answer,
and exact risks are held against the verdicts. The quoted collapse time, draws times entropy, is held against exact
ones.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import (
    Accumulate,
    Categorical,
    FreshReal,
    Gaussian,
    GaussianMixture,
    Replace,
    diagnose,
    simulate,
    theory,
)
from modelcollapse.claims.checks import Computed, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.verify import Status

NORMAL = Gaussian(0.0, 1.0, estimator="mle")
ZIPF = 1 / np.arange(1.0, 31)
ZIPF /= ZIPF.sum()
FLOWERS = GaussianMixture([0.5, 0.3, 0.2], [[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]], [1.0, 1.0, 1.0])
#: verdicts as numbers
CODE = {"yes": 1.0, "no": -1.0, "cannot tell": 0.0}


def verdicts(family, regime, rows, *, generations=100, chains=400, rng=1, **options) -> list[float]:
    """Return the verdicts on some of the eight definitions (numbered from 1) for a simulated run."""
    run = simulate(family, regime, generations=generations, replicates=chains, rng=rng)
    table = diagnose(run, rng=rng, **options)
    return [CODE[table["verdict"].iloc[row - 1]] for row in rows]


def _normal_verdicts(regime, rows):
    return verdicts(NORMAL, regime, rows)


def _type_verdicts(regime, rows):
    return verdicts(Categorical(ZIPF), regime, rows)


def _mode_verdicts(regime, rows):
    return verdicts(FLOWERS, regime, rows, generations=60, chains=40, samples=100)


def _says(answers):
    """Return the verdicts of the paper, as far as they bear on what is asked."""
    return lambda regime, rows: [CODE[answers[type(regime)][row]] for row in rows]


PAPER = _says(
    {
        Replace: {1: "yes", 2: "yes", 3: "yes", 4: "yes", 6: "yes", 7: "yes"},
        Accumulate: {1: "no", 2: "yes", 3: "no", 4: "no", 7: "no"},
        FreshReal: {1: "no", 3: "no", 4: "no", 7: "no"},
    }
)


def _missed(size, rng, n, t):
    return (at(Categorical(ZIPF), Accumulate(n=n), t, size, rng, "probability") == 0) @ ZIPF


def _missing_mass(p, n):
    """Sum of p (1 - p)^n; 0^0 is 1."""
    p = np.asarray(p, dtype=float)
    with np.errstate(divide="ignore"):
        return float((p * np.exp(scipy.special.xlog1py(n, -p))).sum())


DEFINITIONS = Claim(
    id="position-eight-definitions",
    title="Eight definitions of collapse, and what three ways to reuse data do by each",
    statement=(
        "Replace collapses by every definition that applies to it: the risk grows without bound, the variance "
        "vanishes, modes and tails are lost. Under accumulation the risk increases but stays bounded, the variance "
        "stays, and of the tail a memoriser keeps what its first fit had. With a share of new real data nothing "
        "diverges."
    ),
    formula=(
        r"R_t \ge \kappa R_1;\ R_t > R_1;\ \sup_t R_t = \infty;\ \sigma_t^2 \to 0;\ \ldots \qquad \text{missing mass "
        r"under accumulation: } \sum_i p_i(1-p_i)^n"
    ),
    assumptions="Toy models; the criteria of `diagnose` with their default thresholds; the verdicts are for these.",
    source=("schaeffer2025",),
    kind=Kind.DEFINITION,
    theory=(diagnose, theory.regression_risk_replace, theory.regression_risk_accumulate),
    simulation="Gaussian, categorical and mixture chains under three plans, judged by `diagnose`.",
    checks=(
        Computed(
            label="verdicts on Gaussian chains (yes 1, no -1)",
            predict=PAPER,
            other=_normal_verdicts,
            cases=(
                {"regime": Replace(n=20), "rows": (1, 2, 3, 4, 7)},
                {"regime": Accumulate(n=20), "rows": (1, 2, 3, 4, 7)},
                {"regime": FreshReal(n=20, n_real=10), "rows": (1, 3, 4, 7)},
            ),
            mutants={"everything collapses": lambda regime, rows: [1.0] * len(rows) if rows != (1,) else [0.0]},
        ),
        Computed(
            label="verdicts on categories with a heavy tail",
            predict=PAPER,
            other=_type_verdicts,
            cases=(
                {"regime": Replace(n=40), "rows": (1, 2, 4, 7)},
                {"regime": Accumulate(n=40), "rows": (1, 2, 4, 7)},
                {"regime": FreshReal(n=40, n_real=20), "rows": (1, 4, 7)},
            ),
        ),
        Computed(
            label="verdicts on a mixture of three modes that is replaced",
            predict=PAPER,
            other=_mode_verdicts,
            cases=({"regime": Replace(n=60), "rows": (1, 2, 3, 6)},),
        ),
        Computed(
            label="regression that replaces: the risk is t times the first, ten times as much at generation 10",
            predict=lambda kappa, n, dim: kappa,
            other=lambda kappa, n, dim: (
                1
                + np.argmax(
                    theory.regression_risk_replace(n, np.arange(1, 200), dim=dim)
                    >= kappa * theory.regression_risk_replace(n, 1, dim=dim) * (1 - 1e-12)
                )
            ),
            cases=({"kappa": 10, "n": 50, "dim": 5}, {"kappa": 150, "n": 12, "dim": 3}),
        ),
        Ordered(
            label="regression that accumulates: never more than pi^2/6 times the first",
            lower=lambda n, dim: [
                theory.regression_risk_accumulate(n, np.array([1, 2, 10, 10**6]), dim=dim, design=design).max()
                / theory.regression_risk_accumulate(n, 1, dim=dim, design=design)
                for design in ("same", "fresh")
            ],
            upper=lambda n, dim: math.pi**2 / 6,
            bound="upper",
            cases=({"n": 50, "dim": 5}, {"n": 10**6, "dim": 2}),
        ),
        Sampled(
            label="what a memoriser that accumulates lacks is what its first fit missed",
            predict=lambda n, t: _missing_mass(ZIPF, n),
            draw=_missed,
            bounds=(0.0, 1.0),
            cases=({"n": 40, "t": 8}, {"n": 10, "t": 20}),
            size=40000,
            mutants={"as if all points were real": lambda n, t: _missing_mass(ZIPF, n * t)},
        ),
    ),
    second={"missing_mass_enumerated": _missing_mass, "missing_mass": _missing_mass},
    remark=(
        "Names of the definitions as in the authors' plotting code; thresholds and verdicts are derived here. "
        "Definitions 5 and 8 depend on the learner: see tails-cut-double-law and KAZ-KDE."
    ),
    tags=("definitions", "diagnose"),
)


# ------------------------------------------------------------------------------------------------------ collapse time


def _entropy(p):
    return float(scipy.special.entr(np.asarray(p, dtype=float)).sum())


def _draws_times_entropy(D, p):
    return D * _entropy(p)


def _exact(D, p):
    return theory.collapse_time(p, D)[0]


def _time_by_matrix(D, p):
    """Two types: expected number of fits by a linear system, the first fit from the truth."""
    step = theory.wright_fisher_matrix(D)[1:-1, 1:-1]
    times = np.linalg.solve(np.eye(D - 1) - step, np.ones(D - 1))
    return 1 + scipy.stats.binom.pmf(np.arange(1, D), D, p[0]) @ times


def _times(size, rng, D, p):
    """Simulate until one type is left; the number of fits."""
    p = np.asarray(p, dtype=float)
    out, going, x = np.zeros(size), np.arange(size), np.tile(p, (size, 1))
    while len(going):
        x = rng.multinomial(D, x) / D
        out[going] += 1
        left = x.max(axis=1) < 1
        going, x = going[left], x[left]
    return out


def _collapse_sd(D, p):
    return theory.collapse_time(p, D)[1]


def even(D):
    """Return D equally likely types."""
    return np.full(D, 1 / D)


HALVES = (0.5, 0.5)
SIZES = (25, 100, 400)
LAWS = {
    "a coin": np.array(HALVES),
    "rare": np.array([0.98, 0.01, 0.01]),
    "many": even(5000),
    "Zipf": np.arange(1.0, 2000) ** -1.2 / (np.arange(1.0, 2000) ** -1.2).sum(),
}

COLLAPSE_TIME = Claim(
    id="position-DH-collapse-time",
    title="Draws times entropy is not the time until total collapse",
    statement="The expected number of generations until total collapse is D H: draws per generation times entropy.",
    formula=r"E[T] \overset{?}{=} D\,H[p_0]",
    assumptions="Categories, D draws per generation, replace; entropy in nats.",
    source=("schaeffer2025", "ewens2004"),
    locus="as quoted in accounts of the paper",
    kind=Kind.EXACT,
    theory=(theory.collapse_time, theory.absorption_time, theory.absorption_time_diffusion),
    simulation="Categorical chains until one type is left.",
    printed="Expected iterations until total collapse: D x H[p_0] (quoted; the paper itself was not available).",
    holds=(
        "Two types: 2 D H in the limit of many draws, less at finite D. Any number of types: at most 2 D, whatever the "
        "entropy. D x H is an order of magnitude for few types."
    ),
    checks=(
        Computed(
            label="as printed",
            predict=_draws_times_entropy,
            other=_exact,
            cases=({"D": 20, "p": HALVES}, {"D": 100, "p": (0.9, 0.1)}, {"D": 50, "p": (0.4, 0.3, 0.2, 0.1)}),
        ),
    ),
    correction=(
        Computed(
            label="two types: a linear system",
            predict=_exact,
            other=_time_by_matrix,
            cases=({"D": 20, "p": HALVES}, {"D": 150, "p": (0.97, 0.03)}, {"D": 3, "p": (0.8, 0.2)}),
            rtol=1e-10,
            mutants={"draws times entropy": _draws_times_entropy},
        ),
        Ordered(
            label="two types: at most 2 D H",
            lower=lambda D, p: [theory.absorption_time(p, size) for size in D],
            upper=lambda D, p: 2 * np.array(D) * _entropy((p, 1 - p)),
            bound="upper",
            cases=({"D": SIZES, "p": 0.5}, {"D": SIZES, "p": 0.1}),
            mutants={"D H": lambda D, p: np.array(D) * _entropy((p, 1 - p))},
        ),
        Ordered(
            label="two types: and less by no more than ln D, so that 2 D H is the limit",
            lower=lambda D, p: 2 * np.array(D) * _entropy((p, 1 - p)) - np.log(D),
            upper=lambda D, p: [theory.absorption_time(p, size) for size in D],
            bound="lower",
            cases=({"D": SIZES, "p": 0.5}, {"D": SIZES, "p": 0.1}),
        ),
        Ordered(
            label="never more than 2 D",
            lower=lambda D, law: _exact(D, LAWS[law]),
            upper=lambda D, law: 2 * D,
            bound="upper",
            cases=({"D": 200, "law": "many"}, {"D": 30, "law": "Zipf"}, {"D": 20, "law": "a coin"}),
        ),
        Sampled(
            label="generations until one type is left, simulated",
            predict=_exact,
            draw=_times,
            sd=_collapse_sd,
            cases=({"D": 20, "p": HALVES}, {"D": 8, "p": (0.5, 0.2, 0.2, 0.1)}),
            size=40000,
            mutants={"draws times entropy": _draws_times_entropy, "2 D H": lambda D, p: 2 * D * _entropy(p)},
        ),
    ),
    expected=Status.CONTRADICTED,
    second={
        "exact_time_two_types": lambda D, p: theory.absorption_time(p, D) if 0 < p < 1 else 0.0,
        "diffusion_time_two_types": lambda D, p: theory.absorption_time_diffusion(p, D),
        "draws_times_entropy": lambda D, p0: _draws_times_entropy(D, p0),
        "exact_time_many_types": lambda D, p0: _exact(D, p0),
        "exact_time_all_distinct": lambda D: _exact(D, even(D)),
        "coalescent_time_all_distinct": lambda D: 2 * (D - 1),
    },
    remark=(
        "The exact time for D distinct points is close to the coalescent's 2(D - 1), from above at some D and from "
        "below at others; the first fit is counted."
    ),
    tags=("categorical", "fixation"),
)

MANY_TYPES = Claim(
    id="ERR-23",
    title="The collapse time is of the order of D, not of D times entropy",
    statement=(
        "For D distinct points D x H, that is D ln D, is not even the right order of the time until one is left: it is "
        "2 D."
    ),
    formula=r"E[T] \sim 2D \quad (p_0 \text{ uniform over } D \text{ types}), \qquad D\,H = D\ln D",
    assumptions="Categories, D draws per generation, replace; all points distinct at the start.",
    source=("schaeffer2025",),
    locus="as quoted in accounts of the paper",
    kind=Kind.CORRECTION,
    theory=(theory.collapse_time, theory.collapse_time_diffusion),
    simulation="Categorical chains that begin with D distinct points, until one is left.",
    printed="Expected iterations until total collapse: D x H[p_0], which is D ln D for D distinct points.",
    holds="About 2 D for any number of types, once they are many; the entropy of the beginning does not matter.",
    checks=(
        Limit(
            label="as printed: D ln D for D distinct points",
            value=lambda D: _exact(int(D), even(int(D))),
            asymptote=lambda D: _draws_times_entropy(D, even(int(D))),
            along=(25, 100, 400, 1600, 6400),
            remainder=lambda D: 1 / math.log(D),
            name="D",
        ),
    ),
    correction=(
        Ordered(
            label="D distinct points: at most 2 D",
            lower=lambda D: [_exact(size, even(size)) for size in D],
            upper=lambda D: 2 * np.array(D),
            bound="upper",
            cases=({"D": SIZES},),
        ),
        Ordered(
            label="D distinct points: and less by no more than 1 + ln D, so that 2 D is the order",
            lower=lambda D: 2 * np.array(D) - 1 - np.log(D),
            upper=lambda D: [_exact(size, even(size)) for size in D],
            bound="lower",
            cases=({"D": SIZES},),
            mutants={"D ln D": lambda D: np.array(D) * np.log(D)},
        ),
        Limit(
            label="the diffusion's sum over types says the same",
            value=lambda D: theory.collapse_time_diffusion(even(int(D)), D),
            asymptote=lambda D: 2 * D,
            along=(25, 100, 400, 1600, 6400),
            remainder=lambda D: 1 / D,
            name="D",
        ),
        Sampled(
            label="generations until one of D distinct points is left, simulated",
            predict=lambda D: _exact(D, even(D)),
            draw=lambda size, rng, D: _times(size, rng, D, even(D)),
            sd=lambda D: _collapse_sd(D, even(D)),
            cases=({"D": 10},),
            size=30000,
            mutants={"D ln D": lambda D: D * math.log(D)},
        ),
    ),
    expected=Status.CONTRADICTED,
    tags=("erratum", "categorical", "fixation"),
)

CLAIMS = (DEFINITIONS, COLLAPSE_TIME, MANY_TYPES)
