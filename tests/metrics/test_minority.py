"""Who is lost first: counted by hand on runs written down, and held against theory on simulated ones."""

import doctest

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from modelcollapse import families, metrics, regimes, theory
from modelcollapse.metrics import minority
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_binomial, pvalue_bounded

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=30)

#: two chains, three generations, categories of original probability 0.7, 0.2, 0.1
TABLE = np.array(
    [[[0.7, 0.2, 0.1], [0.8, 0.2, 0.0], [1.0, 0.0, 0.0]], [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.6, 0.4, 0]]]
)


def test_examples():
    assert doctest.testmod(minority).failed == 0


def test_survival_is_the_share_of_chains(make):
    run = make.categorical(TABLE, labels=["a", "b", "c"])
    out = metrics.minority_survival(run)
    assert out.dims == ("generation", "category")
    assert_array_equal(out.values, [[1, 1, 1], [1, 1, 0.5], [1, 0.5, 0]])
    assert_allclose(out["probability"], [0.7, 0.2, 0.1])
    assert_allclose(out["standard_error"].values[1], [0, 0, np.sqrt(0.25 / 2)])
    assert out["category"].values.tolist() == ["a", "b", "c"]
    assert metrics.minority_survival(run, at=2).dims == ("category",)
    assert metrics.minority_survival(run, at=[2, 0])["generation"].values.tolist() == [2, 0]


def test_a_category_that_never_was_is_left_out(make):
    run = make.categorical([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
    assert metrics.minority_survival(run)["category"].values.tolist() == [0, 2]
    assert_array_equal(metrics.minority_lost(run), [0, 1])


@quiet
@given(st.data())
def test_lost_and_left_are_all(make, data):
    p = data.draw(make.tables())
    run = make.categorical(p)
    left = metrics.minority_survival(run).sum("category")
    assert_allclose(left + metrics.minority_lost(run), p.shape[1])
    assert_allclose(left, metrics.support(run).mean("replicate"))
    assert_allclose(metrics.minority_parity(run, {"all": list(range(p.shape[1]))}), 1)


def test_half_life_pools_equal_probabilities(make):
    p = np.zeros((2, 4, 3))
    p[:, 0] = [0.6, 0.2, 0.2]
    p[0, 1:] = [[0.6, 0.4, 0], [0.6, 0.4, 0], [1, 0, 0]]
    p[1, 1:] = [[0.6, 0.2, 0.2], [0.6, 0.4, 0], [0.6, 0.4, 0]]
    out = metrics.minority_half_life(make.categorical(p))
    assert_allclose(out["probability"], [0.2, 0.6])
    assert_array_equal(out["parts"], [2, 1])
    assert_array_equal(out.values, [2, np.nan])
    assert metrics.minority_half_life(make.categorical(p).isel(generation=[0, 3])).values[0] == 3


def test_lost_counts_the_rare_only(make):
    run = make.categorical(TABLE)
    assert_array_equal(metrics.minority_lost(run, below=0.1), [0, 0.5, 1])
    out = metrics.minority_lost(run)
    assert_array_equal(out, [0, 0.5, 1.5])
    assert_allclose(out["standard_error"].values, [0, 0.5, 0.5])
    assert out.attrs["parts"] == 3
    assert np.isnan(metrics.minority_lost(run.isel(replicate=[0]))["standard_error"]).all()


def test_parity_of_survival_and_of_mass(make):
    run = make.categorical(TABLE, labels=["a", "b", "c"])
    groups = {"common": ["a"], "rare": ["b", "c"]}
    out = metrics.minority_parity(run, groups)
    assert_array_equal(out.sel(group="rare"), [1, 1, 0.5])
    assert_array_equal(out.sel(group="common"), [1, 1, 1])
    assert_allclose(out["probability"], [0.7, 0.3])
    mass = metrics.minority_parity(run, groups, by="mass")
    assert_allclose(mass["kept"].sel(group="rare"), [1, np.median([0.2, 0.5]) / 0.3, 0.2 / 0.3])
    assert_allclose(mass.sel(group="rare"), mass["kept"].sel(group="rare") / mass["kept"].sel(group="common"))
    other = metrics.minority_parity(run, groups, reference="rare")
    assert_array_equal(other.sel(group="common"), [1, 1, 2])


def test_parity_is_not_a_number_where_the_reference_is_gone(make):
    run = make.categorical([[0.6, 0.4], [0.0, 1.0]])
    assert_array_equal(metrics.minority_parity(run, {"a": 0, "b": 1}).values, [[1, 1], [np.nan, np.nan]])


def test_a_component_without_points_is_gone(make):
    weight = [[[0.5, 0.5], [0.98, 0.02], [1 - 1e-9, 1e-9]]]
    run = make.mixture(weight, np.zeros((1, 3, 2, 1)), np.ones((1, 3, 2, 1, 1)))
    with pytest.raises(ValueError, match=r"above must be given for minority_survival .*got None; use above=1/n"):
        metrics.minority_survival(run)
    assert_array_equal(metrics.minority_survival(run, above=0.05).values[:, 1], [1, 0, 0])
    known = run.assign_attrs(regime=regimes.Accumulate(n=30).describe(2), generations=2)
    assert_array_equal(metrics.minority_survival(known).values[:, 1], [1, 0, 0])  # 1/30, then 1/60
    known = run.assign_attrs(regime=regimes.Replace(n=100).describe(2), generations=2)
    assert_array_equal(metrics.minority_survival(known).values[:, 1], [1, 1, 0])
    assert_array_equal(metrics.minority_lost(known), [0, 0, 1])


def test_what_is_asked_must_make_sense(make):
    run = make.categorical(TABLE, labels=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"Categorical or GaussianMixture models for minority_survival .*got Gaussian"):
        metrics.minority_survival(make.scalar([0.0], [0.0]))
    with pytest.raises(ValueError, match=r"run must hold generation 7"):
        metrics.minority_survival(run, at=7)
    with pytest.raises(ValueError, match=r"below must be at least .*rarest category \(0\.1.*got 0\.05"):
        metrics.minority_lost(run, below=0.05)
    with pytest.raises(TypeError, match=r"groups must be a dict .*got \['a'\]"):
        metrics.minority_parity(run, ["a"])
    with pytest.raises(ValueError, match=r"groups\['x'\] must hold category labels \(a, b, c\), got 'd'"):
        metrics.minority_parity(run, {"x": ["a", "d"]})
    with pytest.raises(ValueError, match=r"groups\['x'\] must hold category labels .*got 'none'"):
        metrics.minority_parity(run, {"x": []})
    with pytest.raises(ValueError, match=r"reference must be one of the groups 'x', got 'y'"):
        metrics.minority_parity(run, {"x": "a"}, reference="y")
    with pytest.raises(ValueError, match=r"by must be one of 'survival', 'mass', got 'mean'"):
        metrics.minority_parity(run, {"x": "a"}, by="mean")
    with pytest.raises(ValueError, match=r"must have an original probability > 0 .*got 0"):
        metrics.minority_parity(make.categorical([[1.0, 0.0]]), {"x": 1})


def test_survival_of_classes_is_what_theory_says():
    from modelcollapse.simulate import simulate

    p, n, T = np.array([0.9, 0.07, 0.03]), 60, 30
    want = theory.survival(p, n, T)[T]

    def draw(size, rng):
        run = simulate(families.Categorical(p), regimes.Replace(n=n), generations=T, replicates=size, rng=rng)
        seen = metrics.minority_survival(run)
        assert seen["standard_error"].max() <= 0.5 / np.sqrt(size)
        return seen.sel(generation=[T, T - 1]).values, metrics.minority_lost(run, below=0.07).values[T], size

    def pvalues(seen, expected=want, row=0):
        share, _, size = seen
        return pvalue_binomial(np.rint(share[row, 1:] * size).astype(int), size, expected[1:])

    def lost(seen):
        return pvalue_binomial(np.rint(seen[0][0, 2] * seen[2]).astype(int), seen[2], want[1])

    assert_kills(
        draw,
        pvalues,
        wrong={
            "generation off by one": lambda s: pvalues(s, theory.survival(p, n, 5 * T)[2 * T]),
            "order reversed": lost,
        },
        size=2000,
        formula="P(p_t > 0) of the two-type chain",
        source="SUR-T1",
    )


def test_mean_number_lost_is_what_theory_says():
    from modelcollapse.simulate import simulate

    p, n, T = np.full(20, 0.05), 40, 12
    want = 20 - theory.expected_support(p, n, T)[T]

    def draw(size, rng, where=T):
        run = simulate(families.Categorical(p), regimes.Replace(n=n), generations=T, replicates=size, rng=rng)
        each = np.stack([metrics.minority_lost(run.isel(replicate=[r])).values[where] for r in range(min(size, 200))])
        whole = metrics.minority_lost(run.isel(replicate=slice(0, len(each)))).values[where]
        assert_allclose(whole, each.mean())
        return each

    assert_kills(
        draw,
        lambda seen: pvalue_bounded(seen, want, 0, 19),
        mutants={"three generations early": lambda size, rng: draw(size, rng, T - 3)},
        size=200,
        formula="K - sum of survival",
        source="SUR-COR1",
    )


def test_half_life_is_where_survival_crosses_one_half(rng):
    from modelcollapse.simulate import simulate

    p = np.append(np.repeat([3, 6, 12], 5) / 400, 1 - 105 / 400)
    run = simulate(families.Categorical(p), regimes.Replace(n=400), generations=60, replicates=50, rng=rng)
    seen, share = metrics.minority_half_life(run), metrics.minority_survival(run)
    for q, t in zip(seen["probability"].values[:3], seen.values[:3], strict=True):
        curve = share.values[:, np.isclose(p, q)].mean(axis=1)
        assert curve[int(t)] <= 0.5 < curve[: int(t)].min()
    assert np.isnan(seen.values[3])
    assert_array_equal(seen["parts"], [5, 5, 5, 1])


@pytest.mark.parametrize("at", [1.5, [0, 0.5], "1"])
def test_a_generation_is_a_whole_number(make, at):
    with pytest.raises(TypeError, match="at must be an integer >= 0, got"):
        metrics.minority_survival(make.categorical(TABLE), at=at)


def with_stopped(run, stopped):
    """The same run, some chains of which a curation has stopped."""
    stopped = xr.DataArray(stopped, dims="replicate", coords={"replicate": run["replicate"]})
    return run.where((stopped == 0) | (run["generation"] < stopped)).assign(stopped=stopped)


def test_chains_count_until_they_stop(make):
    run = with_stopped(make.categorical(np.concatenate([TABLE, TABLE[:1]])), [0, 2, 1])
    out = metrics.minority_survival(run)
    assert_array_equal(out.values, [[1, 1, 1], [1, 1, 0.5], [1, 0, 0]])
    assert_allclose(out["standard_error"].values[1], [0, 0, np.sqrt(0.25 / 2)])
    assert (out.attrs["chains"], out.attrs["stopped"]) == (3, 2)
    lost = metrics.minority_lost(run)
    assert_array_equal(lost.values, [0, 0.5, 2])
    assert_allclose(lost["standard_error"].values, [0, 0.5, np.nan])
    assert_array_equal(metrics.minority_half_life(run).values, [1, 2, np.nan])
    groups = {"many": 0, "few": 2}
    assert_array_equal(metrics.minority_parity(run, groups).sel(group="few"), [1, 0.5, 0])
    kept = metrics.minority_parity(run, groups, by="mass")["kept"].sel(group="many")
    assert_allclose(kept, [1, (0.8 + 0.5) / 1.4, 1 / 0.7])


def test_where_no_chain_ran_nothing_is_known(make):
    run = with_stopped(make.categorical(TABLE), [2, 2])
    assert np.isnan(metrics.minority_survival(run, at=2)).all()
    assert np.isnan(metrics.minority_lost(run).values[2])
    for by in ("survival", "mass"):
        assert np.isnan(metrics.minority_parity(run, {"many": 0}, by=by).values[2]).all()


def test_other_metrics_say_how_to_leave_stopped_chains_out(make):
    run = with_stopped(make.categorical(TABLE), [0, 2])
    with pytest.raises(ValueError, match=r"got 1 of 2 chains .* first at generation 2; leave them out by run\.sel"):
        metrics.heterozygosity(run)
    assert metrics.heterozygosity(run.sel(replicate=run["stopped"] == 0)).sizes["replicate"] == 1
    unexplained = run.drop_vars("stopped")
    with pytest.raises(ValueError, match="got NaN at replicate 1, generation 2"):
        metrics.minority_survival(unexplained)
