"""Closed forms of the Gaussian replace loop against mpmath, against each other and against the worked examples."""

import mpmath as mp
import numpy as np
import pytest

from modelcollapse import theory

SIZES = [2, 3, 5, 10, 20, 21, 22, 100, 1000, 10**6, 10**9, 10**12]
ESTIMATORS = ["unbiased", "mle"]
SCHEDULE = [4, 9, 3, 50, 7]


@pytest.fixture(autouse=True)
def _precision():
    with mp.workdps(70):
        yield


def divisor(n, estimator):
    return mp.mpf(n) - (estimator == "unbiased")


def moment(s, n, estimator):
    nu = mp.mpf(n) - 1
    return mp.gammaprod([nu / 2 + s], [nu / 2]) * (2 / divisor(n, estimator)) ** s


def log_mean(n, estimator, k=1):
    return mp.digamma((mp.mpf(n) - k) / 2) + mp.log(2 / divisor(n, estimator))


def close(value, expected, relative=1e-12):
    assert float(value) == pytest.approx(float(expected), rel=relative, abs=0)


@pytest.mark.parametrize("n", [*SIZES, 2.5, 20.999, 21.001])
def test_c4_against_mpmath(n):
    half = mp.sqrt(2 / (mp.mpf(n) - 1)) * mp.gammaprod([mp.mpf(n) / 2], [(mp.mpf(n) - 1) / 2])
    close(theory.c4(n), half, 1e-15 * 4)
    close(theory.log_c4(n), mp.log(half))


def test_c4_broadcasts_and_refuses():
    assert theory.c4(np.array([[2, 3], [4, 5]])).shape == (2, 2)
    with pytest.raises(ValueError, match=r"n must be > 1 .*got 1\."):
        theory.c4([3, 1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("t", [0, 1, 7, 1000])
def test_one_dimension_against_mpmath(n, t, estimator):
    one, half, mean = moment(1, n, estimator), moment(mp.mpf(1) / 2, n, estimator), log_mean(n, estimator)
    close(theory.log_variance_mean(n, t, estimator=estimator), t * mean)
    close(theory.log_variance_var(n, t), t * mp.polygamma(1, (mp.mpf(n) - 1) / 2))
    close(theory.expected_variance(n, t, estimator=estimator), one**t)
    close(theory.expected_sd(n, t, estimator=estimator), half**t)
    if n > 2 or t < 1000:
        close(theory.relative_variance(n, t), (moment(2, n, estimator) / one**2) ** t - 1)
    close(theory.sd_of_variance(n, t, estimator=estimator), mp.sqrt(moment(2, n, estimator) ** t - one ** (2 * t)))
    close(theory.sd_of_sd(n, t, estimator=estimator), mp.sqrt(one**t - half ** (2 * t)))
    unbiased = estimator == "unbiased"
    error = mp.mpf(t) / n if unbiased else 1 - one**t
    close(theory.mean_squared_error(n, t, estimator=estimator), error)
    close(
        theory.expected_w2_squared(n, t, estimator=estimator),
        mp.mpf(t) / n + 2 - 2 * half**t if unbiased else 2 - 2 * half**t,
    )
    close(
        theory.expected_kl_forward(n, t, estimator=estimator),
        t * (mp.mpf(1) / n - mean) / 2 if unbiased else -t * mean / 2,
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [4, 5, 10, 20, 100, 10**6, 10**12])
@pytest.mark.parametrize("t", [0, 1, 7, 100])
def test_reverse_divergence_against_mpmath(n, t, estimator):
    q = divisor(n, estimator) / (mp.mpf(n) - 3)
    geometric = sum(q**i for i in range(1, t + 1))
    close(
        theory.expected_kl_reverse(n, t, estimator=estimator),
        (t * log_mean(n, estimator) + q**t + geometric / n - 1) / 2,
    )


def fourth_moments(n, t, estimator):
    """E A^4 and E W^4 as the catalogue writes them, t fits of n points."""
    M1, M2 = moment(1, n, estimator), moment(2, n, estimator)
    M05, M15 = moment(mp.mpf(1) / 2, n, estimator), moment(mp.mpf(3) / 2, n, estimator)
    A2 = sum(M1**j for j in range(t)) / n
    A4 = 3 * sum(M2 ** min(j, k) * M1 ** abs(j - k) for j in range(t) for k in range(t)) / mp.mpf(n) ** 2
    A2B2 = sum(M2**j * M1 ** (t - j) for j in range(t)) / n
    A2B = sum(M15**j * M05 ** (t - j) for j in range(t)) / n
    W2 = A2 + M1**t - 2 * M05**t + 1
    W4 = A4 + 2 * (A2B2 - 2 * A2B + A2) + M2**t - 4 * M15**t + 6 * M1**t - 4 * M05**t + 1
    return A4 - A2**2, W4 - W2**2


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("t", [0, 1, 2, 7, 40])
def test_variance_of_squared_distance_against_mpmath(n, t, estimator):
    error, distance = fourth_moments(n, t, estimator)
    close(theory.squared_error_variance(n, t, estimator=estimator), error)
    close(theory.w2_squared_variance(n, t, estimator=estimator), distance)


def test_variance_of_squared_distance_has_the_leading_order_five_halves():
    t = np.arange(1, 50)
    for estimator in ESTIMATORS:
        ratio = theory.w2_squared_variance(10**10, t, estimator=estimator) / (2.5 * (t / 1e10) ** 2)
        np.testing.assert_allclose(ratio, 1, atol=1e-7)


def test_fourth_moments_overflow_to_infinity_and_not_to_nan():
    values = theory.w2_squared_variance(2, np.arange(3000), estimator="unbiased")
    assert not np.isnan(values).any()
    assert values[-1] == np.inf
    assert theory.relative_variance(2, 10_000) == np.inf
    values = theory.expected_kl_reverse(100, np.arange(40_000), estimator="mle")
    assert not np.isnan(values).any()
    assert values[-1] == np.inf


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_constant_schedule_is_the_constant(estimator):
    t = np.arange(6)
    for name in (
        "log_variance_mean",
        "expected_variance",
        "expected_sd",
        "mean_squared_error",
        "expected_w2_squared",
        "w2_squared_variance",
        "squared_error_variance",
        "expected_kl_forward",
        "expected_kl_reverse",
        "sd_of_sd",
        "sd_of_variance",
    ):
        f = getattr(theory, name)
        np.testing.assert_allclose(f([9] * 5, t, estimator=estimator), f(9, t, estimator=estimator), rtol=1e-13)
    for name in ("log_variance_var", "relative_variance"):
        np.testing.assert_allclose(getattr(theory, name)([9] * 5, t), getattr(theory, name)(9, t), rtol=1e-13)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_schedule_against_mpmath(estimator):
    t = len(SCHEDULE)
    half = mp.fprod(moment(mp.mpf(1) / 2, n, estimator) for n in SCHEDULE)
    close(theory.expected_sd(SCHEDULE, t, estimator=estimator), half)
    close(theory.log_variance_mean(SCHEDULE, t, estimator=estimator), sum(log_mean(n, estimator) for n in SCHEDULE))
    error = (
        sum(1 / mp.mpf(n) for n in SCHEDULE)
        if estimator == "unbiased"
        else 1 - mp.fprod(1 - 1 / mp.mpf(n) for n in SCHEDULE)
    )
    close(theory.mean_squared_error(SCHEDULE, t, estimator=estimator), error)
    spread = mp.fprod(moment(1, n, estimator) for n in SCHEDULE)
    close(theory.expected_w2_squared(SCHEDULE, t, estimator=estimator), error + 1 - 2 * half + spread)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fourth_moments_of_a_schedule_by_expansion(estimator):
    """Expand A^2 = sum_i X_i^2-like terms over all fits: P = sum_i S_1 .. S_{i-1} / n_i, by brute force."""
    t = len(SCHEDULE)

    def power(i, j, k):
        """E of P-terms i and j times U^k: fits before min(i, j) enter with power 2, and so on."""
        out = mp.mpf(1)
        for fit, n in enumerate(SCHEDULE):
            out *= moment((fit < i) + (fit < j) + mp.mpf(k) / 2, n, estimator)
        return out

    sizes = [mp.mpf(n) for n in SCHEDULE]
    P2 = sum(power(i, j, 0) / sizes[i] / sizes[j] for i in range(t) for j in range(t))
    P = [sum(power(i, 0, k) / sizes[i] for i in range(t)) for k in range(3)]
    U = [power(0, 0, k) for k in range(5)]
    W2 = P[0] + U[2] - 2 * U[1] + 1
    W4 = 3 * P2 + 2 * (P[2] - 2 * P[1] + P[0]) + U[4] - 4 * U[3] + 6 * U[2] - 4 * U[1] + 1
    close(theory.squared_error_variance(SCHEDULE, t, estimator=estimator), 3 * P2 - P[0] ** 2)
    close(theory.w2_squared_variance(SCHEDULE, t, estimator=estimator), W4 - W2**2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(("n", "dim"), [(2, 1), (6, 5), (11, 2), (12, 4), (300, 100), (10**6, 3), (10**12, 7)])
@pytest.mark.parametrize("t", [0, 1, 9])
def test_d_dimensions_against_mpmath(n, dim, t, estimator):
    exponents = [log_mean(n, estimator, k) for k in range(1, dim + 1)]
    np.testing.assert_allclose(
        theory.lyapunov_exponents(n, dim=dim, estimator=estimator), [float(x) for x in exponents], rtol=1e-12
    )
    drift = sum(exponents)
    close(theory.log_det_mean(n, t, dim=dim, estimator=estimator), t * drift)
    close(theory.log_det_var(n, t, dim=dim), t * sum(mp.polygamma(1, (mp.mpf(n) - k) / 2) for k in range(1, dim + 1)))
    close(
        theory.expected_det(n, t, dim=dim, estimator=estimator),
        mp.fprod((mp.mpf(n) - 1 - k) / divisor(n, estimator) for k in range(dim)) ** t,
    )
    unbiased = estimator == "unbiased"
    close(theory.expected_kl_forward(n, t, dim=dim, estimator=estimator), t * (mp.mpf(dim) / n * unbiased - drift) / 2)
    if n > dim + 2:
        q = divisor(n, estimator) / (mp.mpf(n) - dim - 2)
        close(
            theory.expected_kl_reverse(n, t, dim=dim, estimator=estimator),
            (t * drift + dim * (q**t - 1) + dim * sum(q**i for i in range(1, t + 1)) / n) / 2,
        )
    elif t:
        assert theory.expected_kl_reverse(n, t, dim=dim, estimator=estimator) == np.inf


def test_one_dimension_is_the_case_dim_one():
    t = np.arange(4)
    for estimator in ESTIMATORS:
        np.testing.assert_allclose(
            theory.log_det_mean(7, t, dim=1, estimator=estimator),
            theory.log_variance_mean(7, t, estimator=estimator),
            rtol=1e-14,
        )
    np.testing.assert_allclose(theory.log_det_var(7, t, dim=1), theory.log_variance_var(7, t), rtol=1e-14)


def test_limits():
    """The mle distance tends to twice the variance, the unbiased one grows like t / n."""
    assert theory.expected_w2_squared(10, 10**6, estimator="mle") == pytest.approx(2, abs=1e-12)
    assert theory.expected_w2_squared(10, 10**6, estimator="unbiased") == pytest.approx(1e5 + 2, rel=1e-12)
    for estimator in ESTIMATORS:
        assert theory.expected_w2_squared(10**9, 3, estimator=estimator) == pytest.approx(4.5e-9, rel=1e-8)


@pytest.mark.parametrize(
    ("claim", "value", "expected", "digits"),
    [
        ("G-LOGWALK", lambda: theory.log_variance_mean(10, 1, estimator="unbiased"), -0.115206, 6),
        ("G-HEAVY", lambda: theory.relative_variance(11, 10), 5.1917, 4),
        ("G-FPT", lambda: np.log(100) / -theory.log_variance_mean(30, 1, estimator="unbiased"), 132.03, 2),
        ("gauss-sigma-c4", lambda: theory.expected_sd(10, 1, estimator="unbiased"), 0.9726592741, 10),
        ("G-KLF", lambda: theory.expected_kl_forward(20, 10, estimator="unbiased"), 0.51777, 5),
        ("G-KLR", lambda: theory.expected_kl_reverse(20, 10, estimator="unbiased"), 1.2376, 4),
        ("G-ENT", lambda: theory.log_variance_mean(10, 1, estimator="unbiased") / 2, -0.057603, 6),
        ("G-DET", lambda: theory.expected_det(11, 1, dim=2, estimator="unbiased"), 0.9, 12),
        ("G-LYAP", lambda: theory.lyapunov_exponents(10, dim=5, estimator="unbiased")[0], -0.11521, 5),
        ("SHU-1D-VAR", lambda: 1 + theory.mean_squared_error(100, 10, estimator="unbiased"), 1.1, 12),
        ("SHU-1D-EW2", lambda: theory.expected_w2_squared(100, 1, estimator="unbiased"), 0.0150440, 7),
        ("SHU-1D-VARW2", lambda: theory.w2_squared_variance(100, 10, estimator="unbiased"), 0.02882, 5),
        ("SHU-EXP-GAUSS", lambda: np.exp(theory.log_variance_mean(1000, 1000, estimator="mle") / 2), 0.3675, 4),
        ("SHU-EXP-SINGLEFIT", lambda: theory.expected_sd(10, 1, estimator="mle"), 0.92275, 5),
        ("KAZ-GAUSS-REPLACE", lambda: theory.expected_variance(100, 100, estimator="mle"), 0.3660, 4),
    ],
)
def test_worked_examples_of_the_catalogue(claim, value, expected, digits):
    assert round(float(value()), digits) == expected, claim


def test_scale():
    t = np.arange(5)
    for name, power in (
        ("expected_variance", 1),
        ("mean_squared_error", 1),
        ("expected_w2_squared", 1),
        ("w2_squared_variance", 2),
        ("squared_error_variance", 2),
        ("expected_sd", 0.5),
        ("sd_of_sd", 0.5),
        ("sd_of_variance", 1),
    ):
        f = getattr(theory, name)
        np.testing.assert_allclose(
            f(6, t, estimator="mle", variance=4.0), 4.0**power * f(6, t, estimator="mle"), rtol=1e-14
        )
    assert theory.log_variance_mean(6, 0, estimator="mle", variance=4.0) == np.log(4)


def test_refusals():
    with pytest.raises(ValueError, match=r"n must be an integer >= 2 .*got 1\."):
        theory.log_variance_mean(1, 3, estimator="mle")
    with pytest.raises(ValueError, match=r"n\[1\] must be an integer >= 2 .*got 0\."):
        theory.expected_sd([5, 0], 1, estimator="mle")
    with pytest.raises(ValueError, match=r"n must be an integer >= 4 .*got 3\."):
        theory.log_det_mean(3, 1, dim=3, estimator="mle")
    with pytest.raises(ValueError, match="estimator must be one of 'unbiased', 'mle', got 'ml'"):
        theory.expected_variance(5, 1, estimator="ml")
    with pytest.raises(ValueError, match="t must be >= 0"):
        theory.expected_variance(5, -1, estimator="mle")
    with pytest.raises(TypeError, match="t must be an integer"):
        theory.expected_variance(5, 1.5, estimator="mle")
    with pytest.raises(ValueError, match="each of the 3 generations, got 2 sizes"):
        theory.expected_variance([5, 6], 3, estimator="mle")
