"""Gaussian chains where numbers end: ranks of few points, and real points that come after a deep collapse."""

import numpy as np
import pytest

import modelcollapse as mc

ROWS = np.random.default_rng(5).standard_normal((6, 3))
GIVEN = mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="unbiased"))
SPACE = mc.Gaussian(0.0, np.eye(3), estimator="mle")


@pytest.mark.parametrize("truth", [GIVEN, SPACE], ids=["rows", "model"])
@pytest.mark.parametrize(
    ("regime", "ranks"),
    [
        (mc.Replace(3), [2, 2, 2, 2]),
        (mc.Accumulate(3), [2, 2, 2, 2]),
        (mc.Accumulate(3, n_real=4), [3, 3, 3, 3]),
        (mc.Window(2, 2), [1, 1, 1, 1]),
        (mc.FixedReal(9, 3), [2, 2, 2, 2]),
        (mc.FreshReal(4, 1), [3, 3, 3, 3]),
    ],
    ids=str,
)
def test_points_span_one_dimension_less_than_they_are(truth, regime, ranks):
    run = mc.simulate(truth, regime, generations=4, replicates=100, rng=1)
    full = np.isfinite(run["log_det"].values[:, 1:])
    assert (full == (np.array(ranks) == 3)).all()


@pytest.mark.compiled
@pytest.mark.parametrize("dim", [None, 2])
@pytest.mark.parametrize("given", [False, True])
def test_a_real_point_after_a_deep_collapse(dim, given):
    """Thousands of generations without a real point make the truth astronomically wide; then one comes."""
    truth = mc.Gaussian(0.0, 1.0 if dim is None else np.eye(dim), estimator="mle")
    if given:
        rows = truth.sample(50, np.random.default_rng(1))
        truth = mc.Empirical(rows, mc.Gaussian.from_data(rows, estimator="mle"))
    run = mc.simulate(truth, mc.Mix(3, 0.003), generations=3000, replicates=128, rng=3)
    assert np.isfinite(run["mean"]).all()
    log_variance = run["log_variance"].values.reshape(128, 3001, -1)
    assert not np.isnan(log_variance).any()
    assert log_variance.max() < 6
    if dim is None:
        assert np.isfinite(log_variance).all()
        assert log_variance.min() < -700
        # after the visit of a real point the variance is that of the truth again: two of three points lie together
        visits = np.diff(log_variance[:, :, 0], axis=1) > 300
        assert visits.sum() > 10
        assert np.abs(log_variance[:, 1:, 0][visits] - np.log(2 / 9)).mean() < 3
