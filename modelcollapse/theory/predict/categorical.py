"""What `predict` knows of a categorical model."""

from __future__ import annotations

import numpy as np

from modelcollapse.theory import categorical, diversity
from modelcollapse.theory.inbreeding import retained
from modelcollapse.theory.predict.loop import Answer, Loop, always, law, outer, replace, replace_or_keeps

#: pairs of frequencies, times generations, for which the scatter of the support is worth its time (some seconds)
PAIRS = 5e6
#: longest run of which `expected_entropy` and `support_sd` know
LONGEST = categorical.LONGEST


@law("Categorical", "heterozygosity", always, "expected heterozygosity 1 - sum_i p_i^2; its sd under Replace")
def _heterozygosity(loop: Loop) -> Answer:
    p = np.asarray(loop.model.probabilities)
    start = float((p * (1 - p)).sum())
    mean = start * retained(loop.regime, loop.plan.generations, population=loop.population)
    if replace(loop):
        return Answer(mean, None, (), "exact", loop.source + "; WF-H", "mean = (1 - F_t) H_0")
    sd = diversity.heterozygosity_sd(p, loop.plan.size, loop.plan.generations, population=loop.population)
    return Answer(
        mean,
        sd,
        (),
        "exact",
        loop.source + "; WF-H; sd: derived",
        "mean = (1 - F_t) H_0; sd from the moments of multinomial samples (theory.heterozygosity_sd)",
    )


def _one_size(loop: Loop) -> str:
    if len(set(loop.steps.tolist())) > 1:
        return "it is known where all samples have the same size"
    if loop.plan.generations > LONGEST:
        return f"it is known for at most {LONGEST} generations"
    return replace(loop)


@law("Categorical", "entropy", _one_size, "expected entropy in nats")
def _entropy(loop: Loop) -> Answer:
    p, steps = np.asarray(loop.model.probabilities), loop.steps
    curve = diversity.expected_entropy(p, int(steps[0]) if len(steps) else 1, len(steps))
    return Answer(
        loop.waited(curve),
        None,
        (),
        "exact",
        "WF-ENT (exact form derived)",
        "sum over the categories of E[-p ln p] in its Wright-Fisher chain with two types",
    )


@law("Categorical", "probability", always, "expected probability of each category and its sd")
def _probability(loop: Loop) -> Answer:
    p = np.asarray(loop.model.probabilities)
    F = loop.F
    return Answer(
        outer(np.ones(len(F)), p),
        np.sqrt(outer(F, p * (1 - p))),
        ("category",),
        "exact",
        loop.source,
        "mean = p_0, sd^2 = F_t p_0 (1 - p_0)",
    )


def _survival_curves(loop: Loop) -> tuple[np.ndarray, str]:
    p, T, sizes = np.asarray(loop.model.probabilities), loop.plan.generations, loop.plan.size
    if loop.keeps:
        first = categorical.first_fit_survival(p, int(sizes[0]), population=loop.population)
        return np.concatenate([(p > 0).astype(float)[None], np.repeat(first[None], T, axis=0)]), "exact"
    n = int(sizes[0]) if (sizes == sizes[0]).all() else sizes
    method = categorical.survival_method(n, T, len(np.unique(p)))
    return categorical.survival(p, n, T, population=loop.population, method=method), method


@law("Categorical", "survival", replace_or_keeps, "probability that a category is still there")
def _survival(loop: Loop) -> Answer:
    mean, kind = _survival_curves(loop)
    return Answer(
        mean,
        np.sqrt(mean * (1 - mean)),
        ("category",),
        kind,
        "SUR-T1, SUR-COR1 (Suresh et al. 2025, arXiv 2412.17646), WF-LOSS",
        "Wright-Fisher chain with two types (exact); 1 - (1 - p g_t)^n, "
        "g_1 = 1, g_{t+1} = 1 - exp(-g_t) (asymptotic, and a lower bound)",
    )


def _support_sd(loop: Loop) -> np.ndarray | None:
    p, plan = np.asarray(loop.model.probabilities), loop.plan
    distinct = len(np.unique(p[p > 0]))
    if not loop.replace or len(set(plan.size.tolist())) > 1 or plan.generations > LONGEST:
        return None
    if distinct > diversity.DISTINCT or distinct**2 / 2 * plan.generations > PAIRS:
        return None
    return diversity.support_sd(p, int(plan.size[0]), plan.generations, population=loop.population)


@law("Categorical", "support", replace_or_keeps, "expected number of categories that are left; its sd under Replace")
def _support(loop: Loop) -> Answer:
    mean, kind = _survival_curves(loop)
    sd = _support_sd(loop)
    formula = "sum over the categories of the probability that each is still there"
    return Answer(
        mean.sum(axis=1),
        sd,
        (),
        kind,
        "SUR-COR1 (Suresh et al. 2025, arXiv 2412.17646)" + ("" if sd is None else "; sd: derived"),
        formula if sd is None else f"{formula}; sd from those of pairs of categories (theory.support_sd)",
    )
