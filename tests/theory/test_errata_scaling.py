"""Published statements on scaling laws and stability that fail as printed: the printed form fails, ours holds."""

import math

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse import theory


def test_err_19_stability_far_beyond_one_half():
    """The condition lambda < 1/2 is sufficient, not necessary: iterate Bernoulli and Gaussian fits at lambda = 10."""
    ratio = 10.0
    assert ratio > 10 * theory.stability_ratio_bound()
    assert theory.bertrand_rate(ratio) == math.inf  # the theorem is silent
    share = ratio / (1 + ratio)
    assert theory.retraining_factor(ratio) == pytest.approx(share, rel=1e-15)
    q, mean, variance = 0.95, 4.0, 9.0
    for t in range(400):
        assert abs(q - 0.3) == pytest.approx(0.65 * share**t, rel=1e-9)
        q = (1 - share) * 0.3 + share * q
        variance = (1 - share) + share * variance + share * (1 - share) * mean**2
        mean *= share
    assert q == pytest.approx(0.3, abs=1e-15)
    assert (mean, variance) == pytest.approx((0, 1), abs=1e-14)
    # just below one half the printed rate is one, the true factor one third
    assert theory.bertrand_rate(0.4999) > 0.999
    assert theory.retraining_factor(0.4999) < 1 / 3


@pytest.mark.parametrize("ratio", [1, 10, 1000])
def test_err_19_and_20_with_finite_samples(ratio):
    """A fixed real set, any number of synthetic points per real one: no delay of collapse, but none at all."""
    n_real = 50
    F = theory.inbreeding(mc.FixedReal(n=ratio * n_real, n_real=n_real), 6000)
    assert F[-1] == pytest.approx(F[-2], rel=1e-3)
    assert F[-1] <= 1.5 / n_real
    replaced = theory.inbreeding(mc.Replace(n=n_real), 6000)
    assert replaced[-1] > 0.999  # this is what it would only delay


def test_err_22_loss_does_not_grow_linearly_with_the_generations():
    beta, size, T = 1.5, 10**4, 500
    c = 1 - 1 / beta
    t = np.arange(1, T + 1)
    exact = theory.memoriser_error_generations(beta, T, n_generator=size)[1:]
    printed = theory.memoriser_generations_law(beta, t, n_generator=size)
    ours = theory.memoriser_error_generations_asymptotic(beta, t, n_generator=size)
    assert (exact <= printed * (1 + 1e-12)).all()  # a bound it is,
    assert printed[-1] > 30 * exact[-1]  # far too large,
    assert printed[-1] > 1 > exact[-1]  # and no probability any more
    np.testing.assert_allclose(exact[9:], ours[9:], rtol=0.06)
    growth = np.log(exact[-1] / exact[49]) / np.log(10)
    assert growth == pytest.approx(c, abs=0.02)
    # so collapse does not set in at t >> (n0 / n)^c, where the printed terms are equal, but at t of order n0 / n
    n = 250
    early = int((size / n) ** c) * 2
    both = theory.memoriser_error_generations(beta, T, n_generator=size, n=float(n))
    assert both[early] < 1.1 * both[0]
    assert both[8 * size // n] > 1.6 * both[0]


def test_err_22_the_sum_of_the_double_law_is_an_order():
    n = np.geomspace(1e2, 1e13, 300)
    for beta, cut in ((1.1, 1000), (1.5, 1000), (2.0, 1000), (3.0, 300)):
        exact = theory.memoriser_error_cut(beta, n, cut=cut)
        ratio = theory.double_law(beta, n, cut) / exact
        assert ratio.max() > 1.25
        assert ratio.max() < 2
        assert ratio.min() > 0.98
        assert (ratio[-1] < 1.05) == (beta > 1.1)  # right at the ends, in the end
        middle = theory.plateau_sizes(beta, cut)[0]
        assert 0.1 * middle < n[ratio.argmax()] < 10 * middle  # at the crossover
        np.testing.assert_allclose(theory.memoriser_error_cut_asymptotic(beta, n, cut=cut), exact, rtol=0.01)


def test_err_23_draws_times_entropy_is_not_the_collapse_time():
    """`position-DH-collapse-time`: the printed form is D x H[p]."""
    D = 20
    entropy = math.log(2)
    exact = theory.absorption_time(0.5, D)
    assert round(float(exact), 2) == 26.23
    assert round(float(theory.absorption_time_diffusion(0.5, D)), 2) == 27.73 == round(2 * D * entropy, 2)
    assert exact > 1.8 * D * entropy  # two types: the diffusion has twice the printed form
    mean, _ = theory.collapse_time([0.5, 0.5], D)
    assert mean == pytest.approx(exact, rel=1e-12)
    # all distinct: about 2 (D - 1), while D x H grows like D ln D
    for D in (20, 200, 2000):
        p = np.full(D, 1 / D)
        mean, _ = theory.collapse_time(p, D)
        assert mean == pytest.approx(2 * (D - 1), rel=0.05)
        assert mean < 2 * D
    assert D * math.log(D) > 3.5 * mean
    # about 2 D at most, for any law; D x H has no bound
    for p in (np.full(10_000, 1e-4), [0.9, 0.1], np.arange(1.0, 500) ** -1.2 / (np.arange(1.0, 500) ** -1.2).sum()):
        assert theory.collapse_time(p, 100)[0] <= 2 * 100 + 1


def test_err_26_a_fitted_floor_is_no_floor():
    """A sqrt(1 / (1 + t / B)) + C through the exact mean of the standard deviation: C depends on where one stops."""
    from scipy.optimize import curve_fit

    floors = []
    for stop in (100, 400, 1600):
        t = np.arange(stop + 1)
        sd = theory.expected_sd(30, t, estimator="unbiased")
        (_, _, C), _ = curve_fit(
            lambda t, A, B, C: A / np.sqrt(1 + t / B) + C, t, sd, p0=(1, 100, 0), bounds=([0, 1, -9], [9, 1e7, 9])
        )
        floors.append(C)
        assert sd[-1] < 0.45
    assert floors[0] < -0.2  # negative, as in the published fit: a standard deviation cannot tend to it
    assert np.ptp(floors) > 0.05  # and not a property of the process
    assert theory.expected_sd(30, 10**4, estimator="unbiased") < 1e-30
