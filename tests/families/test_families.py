"""Families: the truth plus an estimator."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import modelcollapse as mc
from modelcollapse.families import Family
from modelcollapse.testing import stream

S = np.array([[2.0, 0.6], [0.6, 1.0]])
ROWS = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0], [4.0, 2.0]])
MIXTURE = mc.GaussianMixture([0.3, 0.7], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), S])
ALL = [
    mc.Gaussian(1.0, 2.0, estimator="mle"),
    mc.Gaussian([1.0, 2.0], S, estimator="unbiased"),
    mc.Categorical([0.5, 0.2, 0.3]),
    mc.Categorical([0.5, 0.5], labels=["a", "b"]),
    MIXTURE,
    mc.Empirical(ROWS),
    mc.Empirical(ROWS, mc.Gaussian.from_data(ROWS, estimator="mle")),
]


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.kind)
def test_every_family_has_the_protocol(family):
    assert isinstance(family, (Family, mc.Empirical))  # real rows are not a recorded state
    for name, dims in family.variables().items():
        assert np.ndim(family.state()[name]) == len(dims)


@pytest.mark.parametrize("family", [f for f in ALL if f.kind != "Empirical"], ids=lambda f: f.kind)
def test_a_family_comes_back_from_its_state(family):
    options = json.loads(json.dumps(family.options()))
    back = type(family).from_state({**family.state(), **family.coords()}, **options)
    for name, value in family.state().items():
        np.testing.assert_allclose(back.state()[name], value, rtol=1e-15)


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.kind)
def test_a_sample_can_be_fitted(family):
    X = family.sample(50, stream(f"fit a sample {family.kind}"))
    assert len(X) == 50
    again = family.fit(X, stream(f"refit {family.kind}"))
    assert type(again) is type(family)
    assert all(np.isfinite(np.asarray(v, dtype=float)).all() for v in again.state().values())


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=30).filter(lambda x: np.ptp(x) > 1e-3))
def test_estimators_differ_by_their_divisor(x):
    n = len(x)
    unbiased = mc.Gaussian.from_data(x, estimator="unbiased").cov
    assert mc.Gaussian.from_data(x, estimator="mle").cov == pytest.approx(unbiased * (n - 1) / n, rel=1e-12)
    assert unbiased == pytest.approx(np.var(x, ddof=1), rel=1e-9)


@given(st.floats(-50, 50), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_scalar_logpdf(mean, cov, x):
    got = mc.Gaussian(mean, cov, estimator="mle").logpdf(x)
    assert got == pytest.approx(stats.norm.logpdf(x, mean, np.sqrt(cov)), rel=1e-12, abs=1e-12)


def test_matrix_logpdf():
    g = mc.Gaussian([1.0, 2.0], S, estimator="mle")
    np.testing.assert_allclose(g.logpdf(ROWS), stats.multivariate_normal([1.0, 2.0], S).logpdf(ROWS), rtol=1e-13)


def test_a_singular_model_has_no_density():
    g = mc.Gaussian([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]], estimator="mle")
    with pytest.raises(ValueError, match="cov must be non-singular for a density"):
        g.logpdf([0.0, 0.0])
    X = g.sample(20, stream("singular"))
    np.testing.assert_allclose(X[:, 0], X[:, 1], rtol=1e-12)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40))
def test_labels_are_counted(labels):
    c = mc.Categorical.from_data(labels)
    for label, p in zip(c.labels, c.probabilities, strict=True):
        assert p == pytest.approx(labels.count(label) / len(labels), rel=1e-15)
    assert np.array(c.labels)[c.numbers(labels)].tolist() == labels


def test_categorical_sample_has_its_law():
    p = np.array([0.5, 0.0, 0.2, 0.3])
    X = mc.Categorical(p).sample(100_000, stream("categorical sample"))
    counts = np.bincount(X, minlength=4)
    assert counts[1] == 0
    assert stats.chisquare(counts[p > 0], 1e5 * p[p > 0]).pvalue > 1e-6  # false alarm 1e-6


def test_empirical_is_the_law_of_its_rows():
    e = mc.Empirical([3.0, 1.0, 3.0, 2.0])
    np.testing.assert_allclose(np.exp(e.logpmf([3.0, 1.0, 7.0])), [0.5, 0.25, 0.0])
    assert set(e.sample(100, stream("rows"))) <= {1.0, 2.0, 3.0}
    assert sorted(e.first(4)) == [1.0, 2.0, 3.0, 3.0]
    assert len(e.first(2, stream("first"))) == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mc.Gaussian(0.0, 1.0), TypeError, "estimator must be 'unbiased' (divisor n - 1) or 'mle' (divisor n)"),
        (lambda: mc.Gaussian(0.0, 1.0, estimator="map"), ValueError, "got 'map'"),
        (lambda: mc.Gaussian(0.0, -1.0, estimator="mle"), ValueError, "cov must be a finite number > 0"),
        (lambda: mc.Gaussian(0.0, 0.0, estimator="mle"), ValueError, "a delta function has collapsed already), got 0."),
        (
            lambda: mc.Gaussian([0.0], S, estimator="mle"),
            ValueError,
            "cov must be (1, 1) to match the mean, got shape (2, 2).",
        ),
        (lambda: mc.Gaussian(0.0, np.zeros((2, 2)), estimator="mle"), ValueError, "got a matrix of zeros."),
        (lambda: mc.Gaussian.from_data([1.0, np.nan, 2.0], estimator="mle"), ValueError, "got nan at index 1"),
        (lambda: mc.Gaussian.from_data([1.0], estimator="mle"), ValueError, "at least 2 rows"),
        (lambda: mc.Gaussian.from_data(np.eye(3), estimator="mle"), ValueError, "more rows than columns"),
        (lambda: mc.Gaussian.from_data(["a", "b"], estimator="mle"), TypeError, "X must be numeric data"),
        (lambda: mc.Categorical([0.5, 0.6]), ValueError, "got a sum of 1.1."),
        (
            lambda: mc.Categorical([0.5, 0.5], labels=["a"]),
            ValueError,
            "labels must name each of the 2 categories, got 1",
        ),
        (lambda: mc.Categorical([0.5, 0.5], labels=["a", "a"]), ValueError, "got 'a' more than once"),
        (lambda: mc.Categorical.from_data([]), ValueError, "X must be a non-empty sequence of labels"),
        (lambda: mc.Categorical.from_data(np.array(["a", None], dtype=object)), ValueError, "got None at row 1"),
        (lambda: mc.Categorical([0.5, 0.5], labels=["a", "b"]).numbers(["c"]), ValueError, "got 'c'"),
        (
            lambda: mc.Empirical(ROWS, mc.Gaussian(0.0, 1.0, estimator="mle")),
            ValueError,
            "rows must have shape (row) to match",
        ),
        (lambda: mc.Empirical(ROWS, mc.Gaussian), TypeError, "model must be a fitted family"),
        (lambda: mc.Empirical([1.0, np.inf]), ValueError, "got inf at index 1"),
    ],
)
def test_bad_families(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
