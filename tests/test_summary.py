"""What is recorded of a run: generations, variables, or a summary in constant memory."""

import importlib
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.simulate.summary import WIDTH, Moments, Sketch
from modelcollapse.testing import stream

engines = importlib.import_module("modelcollapse.simulate")
GAUSSIAN = mc.Gaussian(0.0, 1.0, estimator="mle")


def simulate(replicates=700, regime=None, family=GAUSSIAN, generations=12, **options):
    regime = mc.Replace(8) if regime is None else regime
    return mc.simulate(family, regime, generations=generations, replicates=replicates, rng=5, **options)


# ----------------------------------------------------------------------------------------------------------- keep


@pytest.mark.parametrize(
    ("keep", "generations", "variables"),
    [
        ([0, 5, 12], [0, 5, 12], {"mean", "log_variance", "variance"}),
        ([12, 5, 5], [5, 12], {"mean", "log_variance", "variance"}),
        (range(0, 13, 4), [0, 4, 8, 12], {"mean", "log_variance", "variance"}),
        (["mean"], list(range(13)), {"mean"}),
        ("log_variance", list(range(13)), {"log_variance", "variance"}),
        (["mean", 3], [3], {"mean"}),
        (7, [7], {"mean", "log_variance", "variance"}),
        (slice(0, None, 6), [0, 6, 12], {"mean", "log_variance", "variance"}),
        (["variance", 2], [2], {"log_variance", "variance"}),
        (None, list(range(13)), {"mean", "log_variance", "variance"}),
    ],
)
@pytest.mark.parametrize("regime", [mc.Replace(8), mc.Subsample(8)], ids=["by statistic", "by point"])
def test_what_is_kept_is_what_there_was(keep, generations, variables, regime):
    whole = simulate(20, regime)
    part = simulate(20, regime, keep=keep)
    assert part["generation"].values.tolist() == generations
    assert set(part.data_vars) == variables
    for name in variables:
        np.testing.assert_array_equal(part[name], whole[name].sel(generation=generations))


def test_a_family_without_scalars_keeps_parts_too():
    family = mc.Categorical([0.5, 0.3, 0.2])
    part = simulate(5, family=family, keep=[3])
    np.testing.assert_array_equal(part["probability"], simulate(5, family=family)["probability"].sel(generation=[3]))
    plane = mc.Gaussian(0.0, np.eye(2), estimator="mle")
    assert set(simulate(5, family=plane, keep=["log_det"]).variables) == {"log_det", "generation", "replicate"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"keep": ["warp"]},
            r"keep must name variables of a Gaussian \(mean, log_variance\) or generations, got 'warp'",
        ),
        ({"keep": [13]}, "keep must be an integer >= 0 and <= 12 .*got 13"),
        ({"keep": 0.5}, "keep must be an integer .*got 0.5"),
        ({"keep": []}, "keep must name generations or variables to record, got an empty sequence"),
        ({"summary": 1.5}, "summary must be a finite number >= 0 and <= 1, got 1.5"),
    ],
)
def test_what_cannot_be_recorded_is_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        simulate(**options)


def test_a_result_too_large_is_refused_with_its_size_and_advice(monkeypatch):
    monkeypatch.setattr(engines, "memory", lambda: 100_000)
    needed = 8 * 2 * 13 * 10_000
    with pytest.raises(ValueError, match=rf"got a result of {needed} bytes.*keep= \(generations.*summary=True"):
        simulate(10_000)
    assert simulate(4000, keep=["mean", 12]).sizes["replicate"] == 4000
    assert simulate(10_000, summary=True)["mean"].shape == (7, 13)


# -------------------------------------------------------------------------------------------------------- summary


@pytest.mark.parametrize(
    "family", [GAUSSIAN, mc.Categorical([0.5, 0.3, 0.2]), mc.Gaussian(0.0, np.eye(2), estimator="mle")]
)
def test_a_summary_is_that_of_the_chains(family):
    levels = (0.1, 0.5, 0.975)
    whole, part = simulate(200, family=family), simulate(200, family=family, summary=levels)
    assert part["statistic"].values.tolist() == ["mean", "sd", "q0.1", "q0.5", "q0.975"]
    assert set(part.data_vars) == set(whole.data_vars)
    for name, values in whole.data_vars.items():
        got = part[name].values
        np.testing.assert_allclose(got[0], values.mean("replicate"), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(got[1], values.std("replicate", ddof=1), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(got[2:], values.quantile(levels, "replicate"), rtol=1e-12, atol=1e-14)


def test_a_summary_does_not_depend_on_workers_and_can_be_stored(tmp_path):
    import xarray as xr

    one = simulate(5000, summary=True, keep=[0, 3, 12])
    assert one.identical(simulate(5000, summary=True, keep=[0, 3, 12], n_jobs=2))
    one.to_netcdf(tmp_path / "summary.nc")
    assert xr.load_dataset(tmp_path / "summary.nc").equals(one)


@pytest.mark.compiled
def test_memory_does_not_grow_with_the_number_of_chains():
    def peak(replicates):
        tracemalloc.start()
        simulate(replicates, generations=50, summary=True)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(512)  # whatever is imported or compiled
    few, many = peak(2048), peak(32_768)
    one_buffer = 8 * WIDTH * 51 * 3
    assert many - few < 6 * one_buffer  # four more rungs of the ladder, and 240 MB less than the chains would take


@pytest.mark.parametrize("law", ["normal", "skewed", "few values"])
def test_ranks_of_quantiles_of_long_streams(law):
    rng = stream(f"sketch of {law}")
    x = {
        "normal": lambda: rng.standard_normal(100_001),
        "skewed": lambda: np.exp(2 * rng.standard_normal(100_001)),
        "few values": lambda: rng.integers(0, 40, 100_001).astype(float),
    }[law]()
    sketch = Sketch(2)
    for block in np.array_split(np.stack([x, -x], axis=1), 391):
        sketch.update(block)
    levels = np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    for column, sign in ((0, 1), (1, -1)):
        found = sketch.quantiles(levels)[:, column]
        low, high = (
            np.searchsorted(np.sort(sign * x), found, "left"),
            np.searchsorted(np.sort(sign * x), found, "right"),
        )
        error = np.maximum(low / len(x) - levels, levels - high / len(x))
        assert error.max() < 1 / WIDTH


@settings(max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=6),
    seed=st.integers(0, 2**32),
    shift=st.sampled_from([0.0, 1e8]),
)
def test_moments_of_blocks_are_those_of_the_whole(sizes, seed, shift):
    x = np.random.default_rng(seed).standard_normal((sum(sizes), 3)) + shift
    x[::7, 1] = np.nan  # stopped chains
    moments = Moments(3)
    for block in np.split(x, np.cumsum(sizes)[:-1]):
        moments.update(block)
    there = ~np.isnan(x)
    for j in range(3):
        seen = x[there[:, j], j]
        assert moments.count[j] == len(seen)
        if len(seen):
            assert moments.mean[j] == pytest.approx(seen.mean(), rel=1e-12, abs=1e-12)
        if len(seen) > 1:
            assert moments.sd[j] == pytest.approx(seen.std(ddof=1), rel=1e-7)


def test_infinite_values_stay_infinite_over_blocks():
    moments = Moments(3)
    for block in ([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 2.0]], [[-np.inf, -np.inf, 3.0]], [[0.0, 5.0, 6.0]]):
        moments.update(np.array(block))
    assert moments.mean.tolist() == [-np.inf, -np.inf, 3.0]
    flat = mc.simulate(
        mc.Gaussian(0.0, np.eye(3), estimator="mle"), mc.Replace(3), generations=1, replicates=600, rng=1, summary=True
    )
    assert flat["log_det"].sel(statistic="mean").values.tolist() == [0.0, -np.inf]


def test_infinite_values_do_not_become_nan_in_quantiles():
    sketch = Sketch(1)
    sketch.update(np.array([[-np.inf], [-np.inf], [-np.inf], [0.0], [1.0]]))
    assert sketch.quantiles([0.0, 0.25, 0.5, 0.75, 1.0])[:, 0].tolist() == [-np.inf, -np.inf, -np.inf, 0.0, 1.0]


@pytest.mark.compiled
def test_long_chains_come_in_smaller_blocks():
    """The block is bounded in bytes, so that one of a million generations does not fill the memory."""
    plan_bytes = 8 * 2 * 300_000
    assert engines.BLOCK_BYTES // plan_bytes < engines.STATISTIC_BLOCK
    run = simulate(40, generations=300_000, keep=[300_000])
    assert np.isfinite(run["log_variance"]).all()
    assert run["log_variance"].mean() < -10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [({"summary": True}, "got no chains"), ({"keep": [3, 5]}, "got generations 3, 5")],
)
def test_models_that_were_not_recorded_cannot_be_rebuilt(options, message):
    with pytest.raises(ValueError, match=f"run must hold generation 0 of chain 0 .*{message}"):
        mc.families.truth(simulate(3, **options))
