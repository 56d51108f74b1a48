"""Linear and logistic regression as families: fits, densities, states, designs that are kept, real rows."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import modelcollapse as mc
from modelcollapse import families
from modelcollapse.curation import Edit
from modelcollapse.testing import stream

COV = [[2.0, 0.5], [0.5, 1.0]]
TRUTH = mc.LinearRegression([1.0, -2.0], COV, 0.7)


@given(st.integers(1, 5), st.integers(1, 12), st.sampled_from([0.0, 0.1, 2.0]), st.integers(0, 2**32))
def test_the_fit_solves_the_normal_equations(d, n, penalty, seed):
    rows = np.random.default_rng(seed).standard_normal((n, d + 1))
    X, y = rows[:, :-1], rows[:, -1]
    w = mc.LinearRegression(np.ones(d), penalty=penalty).fit(rows).coef
    scale = (1 + np.abs(y).sum() + np.abs(w).max() * np.abs(X).sum()) ** 2
    np.testing.assert_allclose(X.T @ (y - X @ w), n * penalty * w, atol=1e-11 * scale)
    if penalty == 0 and n < d:  # of all solutions the shortest: in the span of the rows
        np.testing.assert_allclose(w, np.linalg.pinv(X) @ (X @ w), atol=1e-9 * scale)
    weights = np.arange(1.0, n + 1)
    repeated = np.repeat(rows, np.arange(1, n + 1), axis=0)
    for model in (mc.LinearRegression(np.ones(d), penalty=penalty),):
        if penalty or n > d:
            np.testing.assert_allclose(
                model.fit(rows, weights=weights).coef, model.fit(repeated).coef, atol=1e-8 * scale
            )


def test_density_and_sample():
    rows = TRUTH.sample(5, stream("rows"))
    assert rows.shape == (5, 3)
    joint = np.zeros((3, 3))
    joint[:2, :2] = COV
    joint[:2, 2] = joint[2, :2] = np.array(COV) @ TRUTH.coef
    joint[2, 2] = TRUTH.coef @ np.array(COV) @ TRUTH.coef + 0.49
    expected = stats.multivariate_normal(np.zeros(3), joint).logpdf(rows)
    np.testing.assert_allclose(TRUTH.logpdf(rows), expected, rtol=1e-10)
    assert TRUTH.logpdf(rows[0]) == pytest.approx(expected[0])
    assert TRUTH.logpdf(np.stack([rows, rows])).shape == (2, 5)


def test_the_risk_is_measured_from_the_truth():
    state = TRUTH.state()
    assert state["excess_risk"] == 0.0
    fitted = TRUTH.fit(TRUTH.sample(30, stream("fit")))
    e = fitted.coef - TRUTH.coef
    assert fitted.state()["excess_risk"] == pytest.approx(e @ np.array(COV) @ e, rel=1e-12)
    again = fitted.fit(fitted.sample(30, stream("again")))
    e = again.coef - TRUTH.coef  # of the truth, not of the model it was fitted to
    assert again.state()["excess_risk"] == pytest.approx(e @ np.array(COV) @ e, rel=1e-12)


@pytest.mark.parametrize("design", ["fresh", "same"])
@pytest.mark.parametrize("cov", [2.0, COV])
def test_a_family_comes_back_from_its_state_and_from_a_run(cov, design):
    truth = mc.LinearRegression([1.0, -2.0], cov, 0.5, penalty=0.1, design=design)
    fitted = truth.fit(truth.sample(9, stream("fit")))
    back = mc.LinearRegression.from_state(fitted.state(), **json.loads(json.dumps(fitted.options())))
    assert back.state()["excess_risk"] == pytest.approx(fitted.state()["excess_risk"], rel=1e-13)
    assert back.options() == fitted.options()
    run = mc.simulate(truth, mc.Replace(9), generations=3, replicates=2, rng=3)
    assert run["coef"].dims == ("replicate", "generation", "covariate")
    model = families.model(run, 1, 3)
    np.testing.assert_array_equal(model.coef, run["coef"][1, 3])
    assert model.state()["excess_risk"] == pytest.approx(float(run["excess_risk"][1, 3]), rel=1e-10)
    np.testing.assert_array_equal(families.truth(run).coef, truth.coef)
    assert isinstance(truth, families.Family)


def test_a_design_that_is_kept():
    truth = mc.LinearRegression([1.0, -2.0], COV, 0.5, design="same")
    first = truth.sample(6, stream("first"))
    model = truth.fit(first)
    rows = model.sample(12, stream("second"))
    np.testing.assert_array_equal(rows[:, :2], np.vstack([first[:, :2]] * 2))
    assert (rows[:6, 2] != rows[6:, 2]).all()
    later = model.fit(np.vstack([rows, rows]))
    np.testing.assert_array_equal(later.sample(6, stream("third"))[:, :2], first[:, :2])
    with pytest.raises(
        ValueError,
        match=re.escape(
            "size must be a multiple of 6 where design='same' (the model labels all 6 rows of generation 1 anew), got 7"
        ),
    ):
        model.sample(7)
    # real data keep their own covariates: labels of the rows are made anew
    data = np.column_stack([first[:, :2], first[:, 2] ** 3])
    whole = mc.Empirical(data, mc.LinearRegression.from_data(data, design="same"))
    run = mc.simulate(whole, mc.Accumulate(6), generations=4, replicates=3, rng=1)
    np.testing.assert_allclose(run["coef"][:, 1], np.tile(np.linalg.lstsq(data[:, :2], data[:, 2])[0], (3, 1)))
    assert run["rows"].shape == (6, 3)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_little_noise_keeps_its_digits(noise):
    truth = mc.LinearRegression([1.0, -2.0, 3.0], 1.0, noise)
    for regime in (mc.Replace(9), mc.Accumulate(9), mc.FreshReal(9, 3)):
        run = mc.simulate(truth, regime, generations=4, replicates=50, rng=1)
        assert (run["excess_risk"].sel(generation=4) <= 1e3 * noise**2).all()
        if noise:
            assert (run["excess_risk"].sel(generation=4) > 1e-3 * noise**2).all()


def test_subsamples_go_row_by_row():
    run = mc.simulate(TRUTH, mc.Subsample(9, n_real=12), generations=3, replicates=4, rng=1)
    assert np.isfinite(run["excess_risk"]).all()


def test_from_data_estimates_what_the_model_needs():
    data = TRUTH.sample(4000, stream("data"))
    model = mc.LinearRegression.from_data(data)
    np.testing.assert_allclose(model.cov, data[:, :2].T @ data[:, :2] / 4000)
    residual = data[:, 2] - data[:, :2] @ model.coef
    assert model.noise == pytest.approx(np.sqrt(residual @ residual / 3998), rel=1e-12)


LOGISTIC = mc.LogisticRegression([2.0, -1.0], COV, penalty=0.05)


def test_logistic_fit_is_where_the_gradient_vanishes():
    rows = LOGISTIC.sample(60, stream("labels"))
    assert set(rows[:, 2]) == {0.0, 1.0}
    for penalty in (0.0, 0.05, 10.0):
        w = mc.LogisticRegression([0.0, 0.0], penalty=penalty).fit(rows).coef
        p = 1 / (1 + np.exp(-rows[:, :2] @ w))
        np.testing.assert_allclose(rows[:, :2].T @ (rows[:, 2] - p) / 60, penalty * w, atol=1e-11)
    weights = np.arange(60) % 3 + 0.0
    np.testing.assert_allclose(
        LOGISTIC.fit(rows, weights=weights).coef,
        LOGISTIC.fit(np.repeat(rows, weights.astype(int), axis=0)).coef,
        rtol=1e-9,
    )


def test_logistic_agrees_with_another_implementation():
    from sklearn.linear_model import LogisticRegression

    rows = LOGISTIC.sample(80, stream("labels"))
    other = LogisticRegression(C=1 / (80 * 0.05), fit_intercept=False, tol=1e-10, max_iter=1000)
    other.fit(rows[:, :2], rows[:, 2])
    np.testing.assert_allclose(LOGISTIC.fit(rows).coef, other.coef_[0], rtol=1e-5)


def test_logistic_runs_and_comes_back():
    run = mc.simulate(LOGISTIC, mc.Replace(30), generations=5, replicates=3, rng=1)
    assert run["coef"].shape == (3, 6, 2)
    np.testing.assert_array_equal(families.model(run, 2, 5).coef, run["coef"][2, 5])
    assert families.truth(run).penalty == 0.05
    assert isinstance(LOGISTIC, families.Family)
    rows = np.column_stack([LOGISTIC.sample(40, stream("data"))])
    model = mc.LogisticRegression.from_data(rows, penalty=0.1)
    again = mc.simulate(mc.Empirical(rows, model), mc.FixedReal(20, 40), generations=2, replicates=2, rng=1)
    np.testing.assert_allclose(again["coef"][:, 1], np.tile(model.coef, (2, 1)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mc.LinearRegression([]), ValueError, "coef must have at least one entry"),
        (lambda: mc.LinearRegression([[1.0]]), ValueError, "coef must have shape (dim,)"),
        (lambda: mc.LinearRegression([1.0], cov=0.0), ValueError, "(a variance of the covariates), got 0."),
        (
            lambda: mc.LinearRegression([1.0], np.eye(2)),
            ValueError,
            "cov must be (1, 1) to match coef, got shape (2, 2).",
        ),
        (lambda: mc.LinearRegression([1.0, 1.0], np.ones((2, 2))), ValueError, "cov must be positive definite"),
        (lambda: mc.LinearRegression([1.0], noise=-1.0), ValueError, "(a standard deviation), got -1."),
        (lambda: mc.LinearRegression([1.0], penalty=-1.0), ValueError, "penalty must be a finite number >= 0, got -1."),
        (
            lambda: mc.LinearRegression([1.0], design="new"),
            ValueError,
            "design must be one of 'fresh', 'same', got 'new'.",
        ),
        (
            lambda: mc.LinearRegression([1.0], noise=0.0).logpdf([1.0, 1.0]),
            ValueError,
            "noise must be > 0 for a density",
        ),
        (lambda: mc.LinearRegression.from_data(np.arange(9.0)), ValueError, "covariates and then the label, got (9,)."),
        (lambda: mc.LogisticRegression([1.0]), TypeError, "penalty must be a number >= 0; it has no default"),
        (
            lambda: mc.LogisticRegression.from_data([[1.0, 2.0], [2.0, 0.0], [0.5, 1.0]], penalty=1.0),
            ValueError,
            "X must have labels 0 or 1 in its last column (write -1 as 0, if labels are -1 and 1), got 2.",
        ),
        (
            lambda: mc.LogisticRegression([1.0], penalty=0.0).fit(np.array([[1.0, 1.0], [2.0, 1.0], [-1.0, 0.0]])),
            ValueError,
            "(their likelihood has no maximum), got 0 and 3 rows in 1 dimensions that a plane separates.",
        ),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("regime", "message"),
    [
        (mc.FreshReal(9, 3), "batches in which real and synthetic rows are mixed"),
        (mc.FixedReal(9, 3, 9), "or part of the real rows is kept"),
        (mc.Accumulate(5, n_real=4), "got a batch of 5 after one of 4."),
        (
            mc.FreshReal(8, 4, real_weight=0.5),
            "size must be a multiple of 8 where design='same' (the model labels all 8",
        ),
        (mc.Replace(8, curation=Edit(0.5)), "(not FreshReal, Mix or Edit), or design='fresh'."),
        (mc.Mix(9, 0.5), "where design='same' (Replace, Accumulate, Window, FixedReal, sizes equal or multiples"),
    ],
)
def test_a_design_that_cannot_be_kept(regime, message):
    truth = mc.LinearRegression([1.0], design="same")
    with pytest.raises(ValueError, match=re.escape(message)):
        mc.simulate(truth, regime, generations=3, rng=1)


@pytest.mark.parametrize("label", [-1.0, 0.5, np.nan])
def test_logistic_labels_are_zero_or_one(label):
    rows = np.array([[1.0, 2.0, 1.0], [2.0, 1.0, 0.0], [0.5, -1.0, 1.0], [0.0, 1.0, label]])
    model = mc.LogisticRegression([1.0, 0.0], penalty=0.001)
    message = re.escape(f"(write -1 as 0, if labels are -1 and 1), got {label:g}.")
    with pytest.raises(ValueError, match=message):
        model.fit(rows)
    if np.isfinite(label):
        with pytest.raises(ValueError, match=message):
            mc.simulate(mc.Empirical(rows, model), mc.Replace(4), generations=2, rng=1)
