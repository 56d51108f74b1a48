r"""How related are the points of a training set? One number for each way to reuse data.

Derived for this package, after Wright: one coefficient F per generation and plan gives the expected variance, the error
of the mean and the heterozygosity of every family that keeps two moments. Here is the general statement, for six plans
and three families, and what the modules of the single plans share: simulated chains of categorical models with many
types, in which heterozygosity gives 1 - F and the distance from the truth gives F itself.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from modelcollapse import (
    Accumulate,
    Categorical,
    FixedReal,
    FreshReal,
    Gaussian,
    Mix,
    Replace,
    Subsample,
    Window,
    theory,
)
from modelcollapse.claims.checks import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.programs import at
from modelcollapse.regimes import Plan

DERIVED = "modelcollapse"
#: a truth of many types: the distance from it scatters little from chain to chain
EVEN = np.full(20, 0.05)
H0 = 1 - float((EVEN**2).sum())


# ------------------------------------------------------------------------------------------------------------- tools


def kept_and_error(p) -> np.ndarray:
    """Return heterozygosity and squared distance from the truth of models p (..., 20), in units of H_0."""
    return np.stack([1 - np.square(p).sum(axis=-1), np.square(p - EVEN).sum(axis=-1)], axis=-1) / H0


def both(inbreeding):
    """Turn a coefficient F of a case into what `kept_and_error` has for expectation."""

    def expected(**case):
        F = float(inbreeding(**case))
        return [1 - F, F]

    return expected


def simulated(regime, inbreeding, cases, *, mutants=None, size=30000, draw=None):
    """Return the check that simulated categorical chains have these coefficients; `regime` is made from a case."""

    def chains(size, rng, **case):
        run = at(Categorical(EVEN), regime(**case), case["t"], size, rng, "probability")
        return kept_and_error(run)

    return Sampled(
        label="heterozygosity and squared distance from the truth",
        predict=both(inbreeding),
        draw=draw or chains,
        bounds=(0.0, 2 / H0),
        cases=cases,
        size=size,
        mutants={name: both(wrong) for name, wrong in (mutants or {}).items()},
    )


def _written(sizes, real, oldest):
    """Return a regime of whole batches, written out."""

    class Written:
        curation = None

        def plan(self, generations):
            new = np.array(sizes, dtype=np.int64)
            fresh = np.array([True, *real[1:]])
            none = np.zeros(len(new))
            return Plan(np.where(fresh, new, 0), np.where(fresh, 0, new), none, np.array(oldest), none.astype(np.int64))

    return Written()


def inbreeding_by_batches(sizes, real, kept):
    """F of the last generation: covariances of batch means, one number per pair of batches."""
    C, w = np.zeros((0, 0)), None
    for size, fresh, names in zip(sizes, real, kept, strict=True):
        fresh = fresh or w is None
        link = np.zeros(len(C)) if fresh else C @ w
        own = 1 / size + (0.0 if fresh else (1 - 1 / size) * (w @ C @ w))
        C = np.block([[C, link[:, None]], [link[None, :], np.array([[own]])]])
        w = np.zeros(len(C))
        chosen = np.array(names) - 1
        w[chosen] = np.array(sizes)[chosen] / np.array(sizes)[chosen].sum()
    return float(w @ C @ w)


def _inbreeding_of_plan(sizes, real, kept):
    """Use the general recursion where it applies: where consecutive batches are kept and those that left stay away."""
    oldest = [names[0] for names in kept]
    runs = all(names == tuple(range(names[0], t + 1)) for t, names in enumerate(kept, start=1))
    if runs and all(a <= b for a, b in pairwise(oldest)):
        return theory.inbreeding(_written(sizes, real, oldest), len(sizes))[-1]
    return inbreeding_by_batches(sizes, real, kept)


# ------------------------------------------------------------------------------------------------------ the main law

REGIMES = (
    {"regime": Accumulate(n=16), "t": 5},
    {"regime": FixedReal(n=16, n_real=6), "t": 5},
    {"regime": Replace(n=(16, 8, 24, 12, 4)), "t": 5},
    {"regime": FreshReal(n=16, n_real=4), "t": 5},
    {"regime": Mix(n=16, real_fraction=0.2), "t": 5},
    {"regime": Window(n=16, k=2), "t": 5},
)
NORMAL = Gaussian(0.0, 1.0, estimator="mle")


def _second_moment(regime, t):
    """Bound E of the squared mean square of a training set of normal points: every new batch adds 2 / size."""
    return float(np.prod(1 + 2 / regime.plan(t).batch))


def _variance_sd(regime, t):
    return math.sqrt(_second_moment(regime, t) - theory.retained(regime, t)[-1] ** 2)


def _covariance(size, rng, regime, t):
    run = at(Gaussian(0.0, np.diag([2.0, 1.0]), estimator="mle"), regime, t, size, rng, "cov")
    return np.trace(run, axis1=1, axis2=2) / 3


def _normal_moments(n, t):
    """E mean^4, E mean^2 variance, E variance^2 of Gaussian chains (mle, replace)."""
    a, b, c = 0.0, 0.0, 1.0
    for _ in range(t):
        a, b, c = a + 6 * b / n + 3 * c / n**2, (b + c / n) * (n - 1) / n, c * (n**2 - 1) / n**2
    return a, b, c


def _normal_sd(n, t):
    a, _, c = _normal_moments(n, t)
    F = theory.inbreeding_replace(n, t)
    return [math.sqrt(c - (1 - F) ** 2), math.sqrt(a - F**2)]


def _normal_chains(size, rng, n, t):
    return at(NORMAL, Replace(n=n), t, size, rng, lambda run: np.stack([run["variance"], run["mean"] ** 2], -1))


def _uniform_chains(size, rng, n, t):
    """Draw uniform laws that are refitted by their moments; the variance of the t-th fit."""
    mean, sd = np.zeros(size), np.ones(size)
    for _ in range(t):
        x = mean[:, None] + sd[:, None] * math.sqrt(3) * rng.uniform(-1, 1, size=(size, n))
        mean, sd = x.mean(axis=1), x.std(axis=1)
    return sd**2


MASTER = Claim(
    id="F-MASTER",
    title="One coefficient per plan gives variance, error of the mean and heterozygosity",
    statement=(
        "For every plan of which points are fitted to there is one number F_t in [0, 1], the probability that two "
        "draws from the training set descend from one original draw, such that every model that keeps the first two "
        "moments of a statistic loses the share F_t of its expected variance, and has F_t times the true variance for "
        "squared error of its mean."
    ),
    formula=(
        r"E[\mathrm{Var}_{p_t} f] = (1-F_t)\,\mathrm{Var}_{p_0} f, \qquad "
        r"E[(E_{p_t} f - E_{p_0} f)^2] = F_t\,\mathrm{Var}_{p_0} f"
    ),
    assumptions=(
        "The fit keeps the empirical first and second moment of f (categories and resampling; location-scale families "
        "by moments; the Gaussian with divisor n); new points are independent draws from the model that makes them; "
        "which points are fitted to does not depend on their values."
    ),
    source=(DERIVED, "wright1931"),
    kind=Kind.EXACT,
    theory=(theory.inbreeding, theory.retained, theory.moments),
    simulation="Categorical, Gaussian (one and two dimensions) and uniform location-scale chains under six plans.",
    checks=(
        simulated(
            lambda regime, t: regime,
            lambda regime, t: theory.inbreeding(regime, t)[-1],
            REGIMES,
            mutants={
                "nothing coalesces within a batch": lambda regime, t: 0.0,
                "every plan replaces": lambda regime, t: theory.inbreeding(Replace(n=regime.n), t)[-1],
            },
        ),
        Sampled(
            label="variance and squared error of the mean of Gaussian chains",
            predict=both(theory.inbreeding_replace),
            draw=_normal_chains,
            sd=_normal_sd,
            cases=({"n": 16, "t": 5}, {"n": 2, "t": 2}, {"n": 100, "t": 60}),
            size=100000,
            mutants={"unbiased variance": lambda n, t: [1.0, t / n]},
        ),
        Sampled(
            label="trace of the covariance of Gaussian chains in the plane",
            predict=lambda regime, t: theory.retained(regime, t)[-1],
            draw=_covariance,
            sd=_variance_sd,
            cases=(REGIMES[0], REGIMES[3]),
            size=80000,
        ),
        Sampled(
            label="variance of uniform laws refitted by their moments",
            predict=lambda n, t: 1 - theory.inbreeding_replace(n, t),
            draw=_uniform_chains,
            sd=lambda n, t: math.sqrt((1 + 1.25 / n) ** t - (1 - theory.inbreeding_replace(n, t)) ** 2),
            cases=({"n": 16, "t": 5}, {"n": 3, "t": 2}),
            size=80000,
        ),
        Computed(
            label="conservation: what the variance loses, the error of the mean gains",
            predict=lambda regime, until: np.ones(until + 1),
            other=lambda regime, until: sum(theory.moments(regime, until, estimator="mle")),
            cases=(
                {"regime": Subsample(n=6), "until": 40},
                {"regime": Window(n=5, k=7), "until": 60},
                *({"regime": case["regime"], "until": 5} for case in REGIMES),
            ),
            rtol=1e-12,
        ),
    ),
    second={
        "inbreeding_of_plan": _inbreeding_of_plan,
        "heterozygosity_and_error_of_loop": lambda plan, n, t, weights: [
            f({"replace": Replace(n=n), "accumulate": Accumulate(n=n), "fixed": FixedReal(n=n, n_real=n)}[plan], t)[-1]
            for f in (theory.retained, theory.inbreeding)
        ],
        "gaussian_replace_moments": lambda sizes, estimator: [
            x[-1] for x in theory.moments(Replace(n=sizes), len(sizes), estimator=estimator)
        ],
        "expected_covariance_replace": lambda sizes, covariance: (
            theory.retained(Replace(n=sizes), len(sizes))[-1] * covariance
        ),
        "expected_mean_error_replace": lambda sizes, covariance: (
            theory.inbreeding_sizes(sizes)[-1] * np.trace(covariance)
        ),
    },
    remark=(
        "The unbiased variance breaks the conservation law: it keeps its expectation under replace while the error of "
        "the mean grows without bound."
    ),
    tags=("inbreeding", "plans", "gaussian", "categorical"),
)

CLAIMS = (MASTER,)
