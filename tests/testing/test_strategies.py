"""What the strategies draw is valid, and reaches the corners."""

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.regimes import by_name
from modelcollapse.testing import strategies

T = 4


def reach(strategy, what):
    """Return something of which `what` is true; the simplest is not needed."""
    return find(strategy, what, settings=settings(phases=[Phase.generate], max_examples=1000, database=None))


@given(strategies.regimes(T, least=3, most=20))
def test_regimes_are_valid(regime):
    plan = regime.plan(T)
    assert plan.generations == T
    assert (plan.size >= 1).all()
    assert (plan.held >= plan.drawn).all()


@given(strategies.regimes(T, kinds=("mix", "window")))
def test_kinds_are_a_choice(regime):
    assert regime.kind in ("mix", "window")


@pytest.mark.parametrize("kind", by_name())
def test_every_regime_is_reached(kind):
    assert reach(strategies.regimes(T), lambda regime: regime.kind == kind).kind == kind
    assert not isinstance(reach(strategies.regimes(T, kinds=(kind,)), lambda r: not isinstance(r.n, int)).n, int)


def test_unknown_kind_lists_the_legal_ones():
    with pytest.raises(ValueError, match=r"kinds must be one of 'replace'.*got 'forget'"):
        strategies.regimes(T, kinds=("forget",))


@given(strategies.probabilities(2, 5))
def test_probabilities_are_probabilities(p):
    assert 2 <= len(p) <= 5
    assert (p >= 0).all()
    assert abs(p.sum() - 1) < 1e-12


def test_probabilities_may_be_zero_or_not():
    assert (reach(strategies.probabilities(3, 3), lambda p: (p == 0).any()) == 0).any()

    @given(strategies.probabilities(3, 3, zeros=False))
    def positive(p):
        assert (p > 0).all()

    positive()


@given(strategies.gaussians())
def test_gaussians_have_full_rank(truth):
    cov = np.atleast_2d(truth.cov)
    assert np.linalg.slogdet(cov)[0] == 1
    assert truth.estimator in ("unbiased", "mle")
    assert np.isfinite(truth.logpdf(truth.mean)).all()


@pytest.mark.parametrize("d", [None, 1, 2, 3])
def test_every_dimension_is_reached(d):
    assert reach(strategies.gaussians(), lambda truth: truth.dim == d).dim == d


@given(strategies.sizes(T, least=5, most=9))
def test_sizes(n):
    assert all(5 <= k <= 9 for k in ((n,) if isinstance(n, int) else n))


@given(strategies.regimes(T), strategies.categoricals(), strategies.seeds(), st.integers(1, 3))
def test_probabilities_of_a_run_sum_to_one(regime, truth, seed, replicates):
    # the example of the documentation, and almost sure
    run = mc.simulate(truth, regime, generations=T, replicates=replicates, rng=seed)
    np.testing.assert_allclose(run["probability"].sum("category"), 1, atol=1e-12)
