"""Retraining on real and own data: exact factors by iteration, published conditions as bounds, contraction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import theory

RATIOS = np.array([0.0, 0.1, 0.3, 0.49, 0.5, 1.0, 3.0, 100.0])


def test_worked_examples():
    assert theory.retraining_factor(3.0) == 0.75
    assert theory.retraining_factor(1.0, 1.0) == 0.25
    assert theory.mixed_total_variation(2, real_fraction=0.5) == 0.25
    assert theory.stability_ratio_bound() == 0.5
    assert theory.stability_ratio_bound(0.0, 1e12) == pytest.approx(1, rel=1e-11)


def maximise(score, low, high):
    """Golden section: an M-step that knows nothing of exponential families."""
    g = (np.sqrt(5) - 1) / 2
    a, b = low, high
    for _ in range(120):
        x, y = b - g * (b - a), a + g * (b - a)
        a, b = (a, y) if score(x) > score(y) else (x, b)
    return (a + b) / 2


@pytest.mark.parametrize("ratio", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("correction", [0.0, 1.0])
def test_bernoulli_with_infinite_samples(ratio, correction):
    truth, q = 0.3, 0.8
    known = theory.retraining_mean(q, truth, np.arange(6), ratio=ratio, correction=correction)
    for t in range(6):
        assert q == pytest.approx(known[t], rel=1e-6)
        drawn = (q + correction * truth) / (1 + correction)

        def score(x, drawn=drawn):
            return (truth + ratio * drawn) * np.log(x) + (1 - truth + ratio * (1 - drawn)) * np.log1p(-x)

        q = maximise(score, 1e-9, 1 - 1e-9)


def test_gaussian_with_infinite_samples():
    """The mean parameters are E x and E x^2; the variance by itself does not contract by the factor."""
    mean, variance, ratio = 3.0, 0.2, 3.0
    start, target = np.array([mean, variance + mean**2]), np.array([0.0, 1.0])
    known = theory.retraining_mean(start, target, np.arange(9), ratio=ratio)
    for t in range(9):
        assert (mean, variance + mean**2) == pytest.approx(tuple(known[t]), rel=1e-13)
        share = ratio / (1 + ratio)
        pooled = share * mean
        variance = (1 - share) * 1.0 + share * variance + share * (1 - share) * mean**2
        mean = pooled
    assert (np.diff(np.abs(known - target), axis=0) < 0).all()


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_exact_factor_is_below_one_for_every_ratio(ratio, correction):
    factor = theory.retraining_factor(ratio, correction)
    assert 0 <= factor < 1
    assert factor <= theory.bertrand_rate(ratio, 0.0, correction) or correction > 0


def test_published_rates_are_bounds_and_where_they_are_tight():
    exact = theory.retraining_factor(RATIOS)
    bertrand = theory.bertrand_rate(RATIOS)
    assert (bertrand[1:] > exact[1:]).all()  # never tight
    np.testing.assert_allclose(theory.ferbach_kl_rate(RATIOS), exact**2, rtol=1e-14)  # always
    # with a correction, as long as the theorem says something
    for correction in (0.5, 1.0, 10.0):
        proved = theory.bertrand_rate(RATIOS, 0.0, correction)
        assert (proved >= theory.retraining_factor(RATIOS, correction)).all()


@given(st.floats(0, 5), st.floats(0, 20), st.floats(0.01, 5))
def test_rates_are_below_one_just_below_the_published_ratio(misfit, correction, off):
    limit = theory.stability_ratio_bound(misfit, correction)
    assert theory.bertrand_rate(limit * (1 - 1e-9), misfit, correction) < 1
    assert theory.bertrand_rate(limit * (1 + 1e-6 + off), misfit, correction) > 1


@given(st.floats(1e-3, 0.999))
def test_ferbach_rate_is_below_one_just_below_its_ratio(misfit):
    limit = theory.ferbach_ratio_bound(misfit)
    assert theory.ferbach_kl_rate(limit * (1 - 1e-9), misfit) < 1
    assert theory.ferbach_kl_rate(limit * (1 + 1e-6), misfit) > 1
    if misfit < 0.5:
        assert limit > theory.stability_ratio_bound(misfit)  # it allows more synthetic data,
    ratio = theory.stability_ratio_bound(misfit) * 0.9
    assert theory.ferbach_kl_rate(ratio, misfit) < theory.bertrand_rate(ratio, misfit) ** 2  # and promises more


def test_kl_falls_at_the_tight_rate():
    q, p, ratio = 0.34, 0.3, 3.0
    kl = []
    for t in range(40):
        x = theory.retraining_mean(q, p, t, ratio=ratio)
        d = (x - p) / p
        e = (p - x) / (1 - p)
        kl.append(-p * np.log1p(d) - (1 - p) * np.log1p(e))
    kl = np.array(kl)
    assert kl[21] / kl[20] == pytest.approx(theory.ferbach_kl_rate(ratio), rel=1e-3)


def test_total_variation_of_perfect_fits():
    truth, p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    start = np.abs(truth - p).sum() / 2
    for t in range(30):
        tv = np.abs(truth - p).sum() / 2
        assert tv == pytest.approx(theory.mixed_total_variation(t, real_fraction=0.2, start=start), rel=1e-12)
        p = 0.2 * truth + 0.8 * p
    assert theory.mixed_total_variation(0, real_fraction=1.0) == 1
    assert theory.mixed_total_variation(1, real_fraction=1.0) == 0


def test_finite_samples_beyond_the_published_ratio():
    """lambda = 3 synthetic points per real one: no theorem, and no collapse."""
    n_real, ratio = 30, 3
    F = theory.inbreeding(mc.FixedReal(n=ratio * n_real, n_real=n_real), 400)
    assert theory.bertrand_rate(ratio) == np.inf
    assert F[-1] < 1.5 / n_real
    assert F[-1] - F[-2] < 1e-15


# ------------------------------------------------------------------------------------------------- contraction


def random_matrix(dim, rng):
    P = rng.normal(size=(dim, dim))
    return rng.normal(size=(dim, dim)), P @ P.T + 0.1 * np.eye(dim)


def test_margin_is_the_largest(rng):
    for dim in (1, 2, 5):
        A, P = random_matrix(dim, rng)
        c = theory.contraction_margin(A, P)
        gap = (1 - c) * P - A.T @ P @ A
        assert np.linalg.eigvalsh(gap)[0] == pytest.approx(0, abs=1e-10 * np.abs(P).max())
        e = rng.normal(size=(dim, 100))
        assert (np.einsum("ik,ij,jk->k", A @ e, P, A @ e) <= (1 - c + 1e-10) * np.einsum("ik,ij,jk->k", e, P, e)).all()
    assert theory.contraction_margin(np.eye(3)) == pytest.approx(0, abs=1e-15)
    shear = np.array([[0.9, 10.0], [0.0, 0.9]])
    assert theory.contraction_margin(shear) < 0 < theory.contraction_margin(shear, np.diag([1.0, 1e5]))


def test_contraction_bound_holds_and_is_attained(rng):
    dim, T, noise = 3, 60, 0.4
    A, P = random_matrix(dim, rng)
    A *= np.sqrt(0.8 / (1 - theory.contraction_margin(A, P)))
    margin = theory.contraction_margin(A, P)
    assert margin == pytest.approx(0.2, rel=1e-10)
    norm = lambda x: np.sqrt(x @ P @ x)  # noqa: E731
    e = rng.normal(size=dim)
    bound = theory.contraction_bound(np.arange(T + 1), margin=margin, start=norm(e), noise=noise)
    for t in range(T + 1):
        assert norm(e) <= bound[t] * (1 + 1e-12)
        xi = rng.normal(size=dim)
        e = A @ e + noise * xi / norm(xi)
    r, x, v = np.sqrt(0.75), 2.0, 4.0
    known = theory.contraction_bound(np.arange(6), margin=0.25, start=2.0, noise=0.3)
    spread = theory.contraction_bound(np.arange(6), margin=0.25, start=2.0, noise=0.3, independent=True)
    for t in range(6):
        assert known[t] == pytest.approx(x, rel=1e-14)
        assert spread[t] == pytest.approx(np.sqrt(v), rel=1e-14)
        x, v = r * x + 0.3, 0.75 * v + 0.09
    assert theory.contraction_bound([0, 5], margin=1.0, start=2.0, noise=0.3).tolist() == [2.0, 0.3]
    slow = theory.contraction_bound(1e6, margin=1e-15, start=0.0, noise=1.0)
    assert slow == pytest.approx(1e6, rel=1e-8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: theory.retraining_factor(-1),
            ValueError,
            "ratio must be >= 0 .synthetic points per real one., got -1",
        ),
        (lambda: theory.stability_ratio_bound(-0.1), ValueError, "misfit must be >= 0"),
        (lambda: theory.ferbach_ratio_bound(1.5), ValueError, "misfit must be < 1 .the theorem assumes.*got 1.5"),
        (lambda: theory.ferbach_kl_rate(1.0, 1.0), ValueError, "misfit must be < 1"),
        (lambda: theory.mixed_total_variation(1, real_fraction=2), ValueError, "real_fraction must be"),
        (lambda: theory.contraction_margin(np.ones((2, 3))), ValueError, "matrix must be square"),
        (
            lambda: theory.contraction_margin(np.eye(2), np.zeros((2, 2))),
            ValueError,
            "weight must be positive definite",
        ),
        (lambda: theory.contraction_bound(1, margin=0, start=1), ValueError, "margin must be a finite number > 0"),
        (lambda: theory.contraction_bound(-1, margin=0.5, start=1), ValueError, "t must be >= 0 .it counts rounds"),
    ],
)
def test_outside_the_domain(call, error, message):
    with pytest.raises(error, match=message):
        call()
