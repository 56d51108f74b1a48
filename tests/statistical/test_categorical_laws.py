"""Categories under Replace are a Wright-Fisher chain: survival, counts, fixation, support."""

import numpy as np
import pytest
from programs import ForgetsReal, Late, chains, last
from scipy import stats

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_agrees, assert_kills
from modelcollapse.verify import pvalue_binomial, pvalue_counts

pytestmark = pytest.mark.compiled

P = np.array([0.5, 0.3, 0.15, 0.05])
TRUTH = mc.Categorical(P)
N, T = 12, 6


def alive(run):
    return last("probability")(run) > 0


def matrix(n):
    """Wright-Fisher transition matrix, from the textbook and not from the package."""
    i = np.arange(n + 1)
    return stats.binom.pmf(i[None, :], n, i[:, None] / n)


def counts_law(p, n, t):
    """Distribution of the count of one category after t fits, (n + 1,)."""
    return stats.binom.pmf(np.arange(n + 1), n, p) @ np.linalg.matrix_power(matrix(n), t - 1)


def test_counts_of_one_category():
    def law(p=0.3, t=T):
        return lambda k: pvalue_counts(np.bincount(k, minlength=N + 1), counts_law(p, N, t))

    def count(i):
        return lambda run: np.rint(last("probability")(run)[:, i] * N).astype(int)

    def without_replacement(size, rng):
        # drift without chance: the share is rounded to the next count
        return np.full(size, round(0.3 * N))

    assert_kills(
        chains(TRUTH, mc.Replace(n=N), T, count(1)),
        law(),
        size=4000,
        mutants={
            "n - 1 draws": chains(TRUTH, mc.Replace(n=N - 1), T, count(1)),
            "categories shifted by one": chains(TRUTH, mc.Replace(n=N), T, count(2)),
            "expected counts instead of draws": without_replacement,
            "first fit twice": chains(TRUTH, Late(n=N), T, count(1)),
        },
        wrong={"one generation early": law(t=T - 1), "one generation late": law(t=T + 1), "p too large": law(p=0.32)},
        formula="first row Bin(n, p), then P_ij = Bin(n, i/n)(j)",
        source="WF-EIG",
    )


@pytest.mark.parametrize("sizes", [N, (12, 3, 20, 7, 12, 9)], ids=["constant", "schedule"])
def test_survival(sizes):
    known = theory.survival(P, sizes, T)

    def law(known):
        return lambda seen: pvalue_binomial(seen.sum(axis=0), len(seen), known)

    assert_kills(
        chains(TRUTH, mc.Replace(n=sizes), T, alive),
        law(known[T]),
        size=4000,
        mutants={
            "accumulates": chains(TRUTH, mc.Accumulate(n=N), T, alive),
            "one point more": chains(TRUTH, mc.Replace(n=N + 1 if sizes == N else (13, 4, 21, 8, 13, 10)), T, alive),
            "probabilities reversed": chains(mc.Categorical(P[::-1]), mc.Replace(n=sizes), T, alive),
        },
        wrong={"one generation early": law(known[T - 1]), "never lost after the first fit": law(known[1])},
        formula="P(count_t > 0) of the two-type chain",
        source="SUR-T1, WF-LOSS",
    )


def test_survival_where_nothing_real_is_dropped():
    # what the first fit has seen stays, what it has not seen never comes
    first = 1 - (1 - P) ** N

    def law(expected):
        return lambda seen: pvalue_binomial(seen.sum(axis=0), len(seen), expected)

    assert_kills(
        chains(TRUTH, mc.Accumulate(n=N), T, alive),
        law(first),
        size=4000,
        mutants={
            "forgets the real data": chains(TRUTH, ForgetsReal(n=N), T, alive),
            "replaces": chains(TRUTH, mc.Replace(n=N), T, alive),
        },
        wrong={"as if all points were real": law(1 - (1 - P) ** (T * N))},
        formula="1 - (1 - p)^n",
        source="WF-LOSS",
    )


def test_expected_support():
    regime = mc.Replace(n=N)
    known = mc.predict("support", TRUTH, regime, generations=T)["mean"].values
    assert_agrees(
        chains(TRUTH, regime, T, lambda run: alive(run).sum(axis=1).astype(float)),
        known[T],
        bounds=(1, 4),
        size=4000,
        formula="sum_i P(i survives)",
        source="SUR-COR1",
    )
    with pytest.raises(AssertionError, match=r"(?s)expected.*SUR-COR1.*seen.*z.*repeat.*MODELCOLLAPSE_TEST_SEED="):
        assert_agrees(
            chains(TRUTH, regime, T, lambda run: alive(run).sum(axis=1).astype(float)),
            known[T - 1],
            bounds=(1, 4),
            size=4000,
            formula="off by one generation",
            source="SUR-COR1",
        )


def test_fixation_is_fair():
    # a category takes over with its probability at the start; after 12 n generations chains have all but ended
    n, t = 6, 72
    tail = (1 - 1 / n) ** t  # heterozygosity left, in units of the first
    assert tail < 1e-5

    def winner(run):
        return last("probability")(run).argmax(axis=1)

    def law(p):
        return lambda which: pvalue_counts(np.bincount(which, minlength=4), p)

    p = mc.Categorical(P)
    assert_kills(
        chains(p, mc.Replace(n=n), t, winner),
        law(P),
        size=4000,
        mutants={
            "one generation": chains(p, mc.Replace(n=n), 1, winner),
            "ends too early": chains(p, mc.Replace(n=n), 4, winner),
        },
        wrong={"uniform": law(np.full(4, 0.25)), "squared": law(P**2 / (P**2).sum())},
        formula="P(i fixes) = p_i",
        source="WF-FIX",
    )


def test_expected_probability_never_changes():
    for regime in (mc.Replace(n=N), mc.Accumulate(n=N), mc.FixedReal(n=N, n_real=4), mc.Mix(n=N, real_fraction=0.3)):
        draw = chains(TRUTH, regime, T, last("probability"))
        assert_agrees(draw, P, bounds=(0, 1), size=8000, name=f"martingale {regime}", formula="E p_t = p_0")
        with pytest.raises(AssertionError, match="disagree"):
            assert_agrees(draw, P[[0, 2, 1, 3]], bounds=(0, 1), size=8000, name=f"categories swapped {regime}")
