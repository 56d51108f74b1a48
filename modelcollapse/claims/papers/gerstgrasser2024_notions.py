r"""Gerstgrasser et al. (2024) on words: the four ways to fail that their paper tells apart.

Each notion is put to the diagnosis of a simulated run that fails in exactly this way, and of one that does not; of
"collapse" in their sense, a test error that diverges, the exact risk of regression decides.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import (
    Accumulate,
    Gaussian,
    GaussianMixture,
    KernelDensity,
    LinearRegression,
    Replace,
    theory,
)
from modelcollapse.claims.checks import Computed, Limit, Ordered
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.papers.schaeffer2025 import CODE, verdicts

FLOWERS = GaussianMixture([0.5, 0.3, 0.2], [[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]], [1.0, 1.0, 1.0])
#: the notion, the definition of `diagnose` it belongs to, a run, and its length
UNBOUNDED, MODAL, UNIFORM, ARTEFACT = 3, 6, 4, 8
GAPPED = np.concatenate([np.linspace(-3, -1, 25), np.linspace(1, 3, 25)])
RUNS = {
    "regression, replace": (LinearRegression(np.ones(2), 1.0), Replace(n=20), 100, 400),
    "regression, accumulate": (LinearRegression(np.ones(2), 1.0), Accumulate(n=20), 100, 400),
    "three modes, replace": (FLOWERS, Replace(n=60), 60, 40),
    "three modes, accumulate": (FLOWERS, Accumulate(n=60), 20, 40),
    "two clusters, kernel density": (KernelDensity(GAPPED, 0.4, record=50), Replace(n=50), 60, 60),
    "normal, accumulate": (Gaussian(0.0, 1.0, estimator="mle"), Accumulate(n=50), 60, 400),
}


def _verdict(run, definition):
    family, regime, generations, chains = RUNS[run]
    return verdicts(family, regime, (definition,), generations=generations, chains=chains, samples=100)


HOT = (0.7, 0.2, 0.1)


def _heat(t, temperature):
    """Heterozygosity after t generations that each flatten the law, with infinitely many points."""
    return 1 - np.square(theory.tempered(HOT, t, temperature=temperature)).sum()


CLAIMS = (
    Claim(
        id="gerstgrasser-notions",
        title="Four ways to fail: unbounded error, lost modes, uniformity, artefacts",
        statement=(
            "Model collapse is used for a test error that grows without bound, for modes that are lost, for a drift "
            "towards uniformity, and for artefacts that are amplified; by itself it means that the test error diverges."
        ),
        formula=r"\sup_t R_t = \infty",
        assumptions=(
            "Judged by the definitions of `diagnose` to which they belong: 3, 6, 4 (a variance that grows) and 8."
        ),
        source=("gerstgrasser2024",),
        locus="Section 4, footnote 3",
        kind=Kind.DEFINITION,
        theory=(theory.regression_risk_replace, theory.regression_risk_accumulate, theory.tempered),
        simulation="Runs that fail in one of these ways, and runs that do not, judged by `diagnose`.",
        checks=(
            Computed(
                label="verdicts (yes 1, no -1)",
                predict=lambda run, definition, verdict: [CODE[verdict]],
                other=lambda run, definition, verdict: _verdict(run, definition),
                cases=(
                    {"run": "regression, replace", "definition": UNBOUNDED, "verdict": "yes"},
                    {"run": "regression, accumulate", "definition": UNBOUNDED, "verdict": "no"},
                    {"run": "three modes, replace", "definition": MODAL, "verdict": "yes"},
                    {"run": "three modes, accumulate", "definition": MODAL, "verdict": "no"},
                    {"run": "two clusters, kernel density", "definition": ARTEFACT, "verdict": "yes"},
                    {"run": "normal, accumulate", "definition": ARTEFACT, "verdict": "no"},
                ),
            ),
            Limit(
                label="a test error that diverges: regression that replaces, linear in t",
                value=lambda t, n, dim: theory.regression_risk_replace(n, t, dim=dim),
                asymptote=lambda t, n, dim: t * dim / (n - dim - 1),
                along=(10, 100, 1000, 10000),
                remainder=lambda t: 1 / t,
                cases=({"n": 20, "dim": 2}, {"n": 100, "dim": 10}),
                name="t",
            ),
            Ordered(
                label="one that does not: regression that accumulates, at most twice the first",
                lower=lambda n, dim: theory.regression_risk_accumulate(n, np.array([1, 10, 10**6]), dim=dim),
                upper=lambda n, dim: 2 * dim / (n - dim - 1),
                bound="upper",
                cases=({"n": 20, "dim": 2}, {"n": 10**6, "dim": 2}),
            ),
            Limit(
                label="collapse to uniformity: sampling at a temperature above 1, heterozygosity",
                value=_heat,
                asymptote=lambda t, temperature: 2 / 3,
                along=(20, 30, 40, 50),
                remainder=lambda t: 2.0 ** (-2 * t),
                cases=({"temperature": 2.0},),
                name="t",
                mutants={"a third of the types is lost": lambda t, temperature: 1 / 2},
            ),
        ),
        remark="Seen at second hand.",
        tags=("definitions", "diagnose"),
    ),
)
