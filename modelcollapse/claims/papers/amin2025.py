r"""Amin et al. (2025), Escaping collapse: the strength of weak data for large language model training.

A loop of training on its own filtered answers does not learn what it has never solved; a little weak data, right with
some probability on what still fails, is enough for near-perfect answers in the end. The rate of the theorem is not at
hand; checked is the toy behind it, prompt by prompt.
"""

from __future__ import annotations

from modelcollapse import theory
from modelcollapse.claims.checks import Computed, Limit, Sampled
from modelcollapse.claims.claim import Claim, Kind


def _prompts(size, rng, error, beta, t, share=1.0):
    """Follow one prompt per replicate: failed at first, weakly labelled each round; does it still fail?"""
    fails = rng.random(size) < error
    for _ in range(t):
        fails &= rng.random(size) >= beta * (rng.random(size) < share)
    return fails


CLAIMS = (
    Claim(
        id="amin-weak-data",
        title="A little weak data solves in the end what the loop alone never would",
        statement=(
            "With weak labels that are right with probability beta on prompts that still fail, a learner that keeps "
            "what it has leaves (1 - beta)^t of its failures after t rounds. Without weak data what was never solved "
            "stays unsolved."
        ),
        formula=r"e_{t+1} = (1-\beta)\,e_t",
        assumptions="Perfect learner and filter; labels independent from round to round.",
        source=("amin2025",),
        locus="main theorem (words); toy derived",
        kind=Kind.BOUND,
        theory=(theory.weak_label_error,),
        simulation="Prompts that fail until a weak label is right.",
        checks=(
            Sampled(
                label="prompts that still fail",
                predict=lambda error, beta, t: theory.weak_label_error(t, beta, error),
                draw=_prompts,
                cases=(
                    {"error": 0.8, "beta": 0.2, "t": 3},
                    {"error": 1.0, "beta": 0.05, "t": 20},
                    {"error": 0.6, "beta": 0.0, "t": 50},
                ),
                size=200000,
                mutants={"linear in t": lambda error, beta, t: max(error * (1 - beta * t), 0.0)},
            ),
            Sampled(
                label="weak labels for a share of the prompts only",
                predict=lambda error, beta, t, share: theory.weak_label_error(t, beta * share, error),
                draw=_prompts,
                cases=({"error": 0.9, "beta": 0.5, "t": 4, "share": 0.3},),
                size=100000,
                mutants={"for all": lambda error, beta, t, share: theory.weak_label_error(t, beta, error)},
            ),
            Limit(
                label="everything is solved in the end",
                value=lambda t, beta: theory.weak_label_error(t, beta),
                asymptote=lambda t, beta: 0.0,
                along=(5, 10, 15, 20),
                remainder=lambda t: 0.8**t,
                name="t",
                ratio=False,
                cases=({"beta": 0.2},),
                mutants={"a tenth stays": lambda t, beta: 0.1},
            ),
            Computed(
                label="without weak data nothing changes",
                predict=lambda error, t: error,
                other=lambda error, t: theory.weak_label_error(t, 0.0, error),
                cases=({"error": 0.3, "t": 1000}, {"error": 1.0, "t": 1}),
            ),
        ),
        second={
            "weak_labels_error": lambda error, beta, t: theory.weak_label_error(t, beta, error),
            "no_weak_labels_error": lambda error, t: theory.weak_label_error(t, 0.0, error),
        },
        remark="The rate of the theorem, with a noisy filter, is not in the statement.",
        tags=("filter", "weak data"),
    ),
)
