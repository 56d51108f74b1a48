"""The door: what is known, for whom, in which shape, and what is said where nothing is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from modelcollapse import Empirical, Exponential, KernelDensity, Poisson, theory
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window
from modelcollapse.theory import available, predict

T = 12
REGIMES = [
    Replace(n=9),
    Accumulate(n=9),
    Subsample(n=9),
    FixedReal(n=9, n_real=5),
    FreshReal(n=9, n_real=2),
    Mix(n=9, real_fraction=0.2),
    Window(n=9, k=3),
]


def gaussian(mean=1.0, cov=4.0, estimator="mle"):
    return SimpleNamespace(
        kind="Gaussian", mean=np.asarray(mean), cov=np.asarray(cov), estimator=estimator, coords=lambda: {}
    )


def categorical(probabilities=(0.5, 0.3, 0.2), labels=("a", "b", "c")):
    return SimpleNamespace(
        kind="Categorical", probabilities=np.asarray(probabilities), coords=lambda: {"category": np.array(labels)}
    )


def empirical(rows, model):
    rows = np.asarray(rows)
    return SimpleNamespace(kind="Empirical", rows=rows, model=model, resolve=lambda: (model, rows))


COV = np.array([[4.0, 1.0], [1.0, 2.0]])
ROWS = np.array([0.0, 1.0, 3.0, 4.0, 7.0])


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_every_scalar_law_under_replace(estimator):
    family, regime, t = gaussian(estimator=estimator), Replace(n=9), np.arange(T + 1)
    expected = {
        "log_variance": theory.log_variance_mean(9, t, estimator=estimator, variance=4.0),
        "variance": theory.expected_variance(9, t, estimator=estimator, variance=4.0),
        "sd": theory.expected_sd(9, t, estimator=estimator, variance=4.0),
        "mean": np.ones(T + 1),
        "mean_squared_error": theory.mean_squared_error(9, t, estimator=estimator, variance=4.0),
        "w2_squared": theory.expected_w2_squared(9, t, estimator=estimator, variance=4.0),
        "kl_forward": theory.expected_kl_forward(9, t, estimator=estimator),
        "kl_reverse": theory.expected_kl_reverse(9, t, estimator=estimator),
    }
    assert list(available(family, regime)) == list(expected)
    for quantity, mean in expected.items():
        known = predict(quantity, family, regime, generations=T)
        assert known.sizes == {"generation": T + 1}
        np.testing.assert_array_equal(known["generation"], t)
        np.testing.assert_allclose(known["mean"], mean, rtol=1e-13)
        assert known.attrs["kind"] == "exact"
        assert {"quantity", "source", "formula", "family", "truth", "regime", "estimator"} < set(known.attrs)
        if "sd" in known:
            assert known["sd"][0] == 0
            assert (known["sd"][1:] > 0).all()
    sd = {
        quantity: predict(quantity, family, regime, generations=T)["sd"].values
        for quantity in expected
        if not quantity.startswith("kl")
    }
    np.testing.assert_allclose(sd["log_variance"], np.sqrt(theory.log_variance_var(9, t)))
    np.testing.assert_allclose(sd["variance"], expected["variance"] * np.sqrt(theory.relative_variance(9, t)))
    np.testing.assert_allclose(sd["sd"] ** 2, expected["variance"] - expected["sd"] ** 2, atol=1e-12)
    np.testing.assert_allclose(sd["mean"] ** 2, expected["mean_squared_error"])
    np.testing.assert_allclose(sd["w2_squared"], 4 * np.sqrt(theory.w2_squared_variance(9, t, estimator=estimator)))
    np.testing.assert_allclose(
        sd["mean_squared_error"], 4 * np.sqrt(theory.squared_error_variance(9, t, estimator=estimator))
    )


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
@pytest.mark.parametrize("regime", REGIMES, ids=str)
def test_first_moments_under_every_regime(regime, estimator):
    variance, error = theory.moments(regime, T, estimator=estimator)
    family = gaussian(estimator=estimator)
    np.testing.assert_allclose(predict("variance", family, regime, generations=T)["mean"], 4 * variance, rtol=1e-13)
    known = predict("mean_squared_error", family, regime, generations=T)
    np.testing.assert_allclose(known["mean"], 4 * error, rtol=1e-13)
    np.testing.assert_allclose(predict("mean", family, regime, generations=T)["sd"], np.sqrt(4 * error), rtol=1e-13)
    plane = gaussian([0.0, 1.0], COV, estimator)
    known = predict("cov", plane, regime, generations=T)
    assert known["mean"].dims == ("generation", "dim", "dim_")
    np.testing.assert_allclose(known["mean"], np.multiply.outer(variance, COV), rtol=1e-13)
    np.testing.assert_allclose(
        predict("variance", plane, regime, generations=T)["mean"], np.outer(variance, [4.0, 2.0]), rtol=1e-13
    )
    known = predict("mean_squared_error", plane, regime, generations=T)
    np.testing.assert_allclose(known["mean"], 6 * error, rtol=1e-13)


@pytest.mark.parametrize("regime", REGIMES, ids=str)
def test_categorical_under_every_regime(regime):
    family, F = categorical(), theory.inbreeding(regime, T)
    known = predict("heterozygosity", family, regime, generations=T)
    np.testing.assert_allclose(known["mean"], 0.62 * (1 - F), rtol=1e-12)
    known = predict("probability", family, regime, generations=T)
    assert known["mean"].dims == ("generation", "category")
    assert known["category"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(known["sd"] ** 2, np.outer(F, [0.25, 0.21, 0.16]), rtol=1e-12)


def test_log_variance_and_log_det_of_vectors():
    plane, t = gaussian([0.0, 1.0], COV, "mle"), np.arange(T + 1)
    known = predict("log_variance", plane, Replace(n=9), generations=T)
    assert known["mean"].dims == known["sd"].dims == ("generation", "dim")
    for j, variance in enumerate((4.0, 2.0)):
        np.testing.assert_allclose(
            known["mean"][:, j], theory.log_variance_mean(9, t, estimator="mle", variance=variance), rtol=1e-13
        )
    known = predict("log_det", plane, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], np.log(7) + theory.log_det_mean(9, t, dim=2, estimator="mle"), rtol=1e-13)
    np.testing.assert_allclose(known["sd"] ** 2, theory.log_det_var(9, t, dim=2), rtol=1e-13)
    assert "w2_squared" not in available(plane, Replace(n=9))
    assert "log_det" not in available(plane, Replace(n=2))


def test_survival_and_support():
    family = categorical()
    known = predict("survival", family, Replace(n=9), generations=T)
    np.testing.assert_array_equal(known["mean"], theory.survival([0.5, 0.3, 0.2], 9, T))
    np.testing.assert_allclose(known["sd"] ** 2, known["mean"] * (1 - known["mean"]), atol=1e-15)
    assert known.attrs["kind"] == "exact"
    large = predict("survival", family, Replace(n=10**6), generations=T)
    assert large.attrs["kind"] == "exact"
    schedule = predict("survival", family, Replace(n=tuple(range(10**6, 10**6 + T))), generations=T)
    assert schedule.attrs["kind"] == "asymptotic"
    np.testing.assert_allclose(schedule["mean"], large["mean"], rtol=1e-5)
    support = predict("support", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(support["mean"], known["mean"].sum("category"))
    for regime in (Accumulate(n=9, n_real=4), FixedReal(n=9, n_real=4)):  # what was drawn once is kept
        kept = predict("survival", family, regime, generations=T)["mean"].values
        np.testing.assert_allclose(kept[1:], np.tile(1 - (1 - family.probabilities) ** 4, (T, 1)), rtol=1e-14)
    for regime in (Subsample(n=9), Mix(n=9, real_fraction=0.1), FixedReal(n=9, n_real=4, n_first=5)):
        assert "survival" not in available(family, regime)
    assert "survival" not in available(family, Window(n=9, k=3))
    assert "survival" in available(family, Window(n=9, k=3), generations=3)
    assert "survival" in available(family, Replace(n=(4, 5)))


@pytest.mark.parametrize(
    "regime",
    [
        Replace(n=9),
        Window(n=9, k=1),
        Mix(n=9, real_fraction=0.0),
        FreshReal(n=9, n_real=0),
    ],
    ids=str,
)
def test_replace_is_recognised_by_what_it_does(regime):
    known = predict("log_variance", gaussian(), regime, generations=T)
    expected = predict("log_variance", gaussian(), Replace(n=9), generations=T)
    np.testing.assert_array_equal(known["mean"], expected["mean"])


def test_schedules():
    sizes = tuple(range(3, 3 + T))
    known = predict("w2_squared", gaussian(), Replace(n=sizes), generations=T)
    np.testing.assert_allclose(
        known["mean"], theory.expected_w2_squared(sizes, np.arange(T + 1), estimator="mle", variance=4.0)
    )


# ------------------------------------------------------------------------------------------- real rows as the truth


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_chance_begins_with_generation_two_when_generation_one_is_the_rows(estimator):
    variance = ROWS.var(ddof=estimator == "unbiased")
    family = empirical(ROWS, gaussian(ROWS.mean(), variance, estimator))
    model = gaussian(ROWS.mean(), variance, estimator)
    for quantity in available(model, Replace(n=5)):
        known = predict(quantity, family, Replace(n=5), generations=T)
        later = predict(quantity, model, Replace(n=5), generations=T - 1)
        assert known.attrs["truth"] == "rows"
        np.testing.assert_allclose(known["mean"][1:], later["mean"], rtol=1e-13)
        assert known["mean"][0] == known["mean"][1]
        if "sd" in later:
            np.testing.assert_allclose(known["sd"][1:], later["sd"], rtol=1e-13)
    assert predict("log_variance", family, Replace(n=5), generations=1)["sd"].values.tolist() == [0, 0]


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_fewer_points_than_rows(estimator):
    """A random part of the rows: its expected variance is exact, its law is not known."""
    variance = ROWS.var(ddof=estimator == "unbiased")
    family = empirical(ROWS, gaussian(ROWS.mean(), variance, estimator))
    known = predict("variance", family, Replace(n=3), generations=2)
    assert "sd" not in known
    share = 1.0 if estimator == "unbiased" else 5 / 4 * 2 / 3
    assert known["mean"][1] == pytest.approx(share * variance)
    with pytest.raises(ValueError, match=r"got 'log_variance' \(the first fit takes 3 of the 5 rows"):
        predict("log_variance", family, Replace(n=3), generations=2)
    error = predict("mean_squared_error", family, Replace(n=3), generations=1)["mean"][1]
    assert error == pytest.approx(ROWS.var(ddof=1) / 3 * (1 - 3 / 5))  # finite population correction


def test_unbiased_first_moments_on_rows_by_hand():
    """Accumulate on five rows: the second fit pools the rows with five points of the first model."""
    family = empirical(ROWS, gaussian(ROWS.mean(), ROWS.var(ddof=1), "unbiased"))
    variance = predict("variance", family, Accumulate(n=5), generations=2)["mean"].values
    s2 = ROWS.var(ddof=1)
    square = (ROWS.var() + s2) / 2  # mean square of the pool about the rows' mean
    error = s2 / 5 / 4  # half of the mean of five points
    np.testing.assert_allclose(variance, [s2, s2, 10 / 9 * (square - error)], rtol=1e-14)


def test_categories_in_rows():
    rows = np.array([0, 0, 0, 1, 1, 2])
    family = empirical(rows, categorical((1 / 2, 1 / 3, 1 / 6)))
    known = predict("survival", family, Replace(n=6), generations=3)
    np.testing.assert_array_equal(known["mean"][1], 1)
    np.testing.assert_allclose(known["mean"][2], 1 - (1 - family.model.probabilities) ** 6)
    F = theory.inbreeding(Replace(n=6), 3, population=6)
    np.testing.assert_allclose(
        predict("heterozygosity", family, Replace(n=6), generations=3)["mean"], (1 - F) * (1 - 14 / 36), rtol=1e-13
    )


def test_the_model_must_be_that_of_the_rows():
    with pytest.raises(ValueError, match="family must have a model that was fitted to its rows"):
        predict("variance", empirical(ROWS, gaussian(0.0, 1.0)), Replace(n=5), generations=2)
    with pytest.raises(ValueError, match="family must have a model that was fitted to its rows"):
        predict("support", empirical([0, 1, 1], categorical()), Replace(n=3), generations=2)
    with pytest.raises(ValueError, match=r"at most 5 real points at generation 1 .*got 6"):
        predict("variance", empirical(ROWS, gaussian(ROWS.mean(), ROWS.var())), Replace(n=6), generations=2)


# ------------------------------------------------------------------------------- scatter, and other families


def test_scatter_of_categorical_indices():
    family, p = categorical(), [0.5, 0.3, 0.2]
    known = predict("heterozygosity", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["sd"], theory.heterozygosity_sd(p, 9, T))
    assert "sd" not in predict("heterozygosity", family, Accumulate(n=9), generations=T)
    sizes = tuple(range(3, 3 + T))
    known = predict("heterozygosity", family, Replace(n=sizes), generations=T)
    np.testing.assert_allclose(known["sd"], theory.heterozygosity_sd(p, sizes, T))
    known = predict("support", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["sd"], theory.support_sd(p, 9, T))
    for regime in (Accumulate(n=9), Replace(n=sizes)):
        assert "sd" not in predict("support", family, regime, generations=T)
    many = np.arange(1, 2000) / np.arange(1, 2000).sum()
    assert "sd" not in predict("support", categorical(many, range(1999)), Replace(n=9), generations=1)
    known = predict("entropy", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], theory.expected_entropy(p, 9, T))
    assert "entropy" not in available(family, Accumulate(n=9))
    assert "entropy" not in available(family, Replace(n=(4, 5)))


def test_scatter_of_categories_in_rows():
    rows, later = np.array([0, 0, 0, 1, 1, 2]), Replace(n=6)
    model = categorical((1 / 2, 1 / 3, 1 / 6))
    family = empirical(rows, model)
    for quantity in ("heterozygosity", "support", "entropy"):
        known, same = (predict(quantity, f, later, generations=g) for f, g in ((family, 4), (model, 3)))
        for name in known.data_vars:
            np.testing.assert_allclose(known[name][1:], same[name], atol=1e-12)
            assert known[name][0] == known[name][1]
    known = predict("entropy", family, later, generations=1)["mean"].values
    assert known[0] == known[1] == pytest.approx(1.0114042647)
    assert "entropy" not in available(family, Replace(n=5))
    assert "sd" not in predict("heterozygosity", family, Replace(n=5), generations=2)
    assert "entropy" in available(family, Replace(n=(6, 4, 4)))


@pytest.mark.parametrize("estimator", ["mle", "unbiased"])
def test_bound_on_the_scatter_of_the_variance(estimator):
    """By hand where that is easy; against simulation in tests/test_verify.py."""
    family, t = gaussian(estimator=estimator, cov=1.0), np.arange(T + 1)
    assert "sd_kind" not in predict("variance", family, Replace(n=9), generations=T).attrs
    exact = predict("variance", family, Replace(n=9), generations=T)
    for regime in (Accumulate(n=9), Window(n=9, k=2)):
        known = predict("variance", family, regime, generations=T)
        assert known.attrs["sd_kind"] == "bound"
        assert known["sd"][0] == 0
        assert known["sd"][1] > exact["sd"][1]  # the first fit is the same, and the bound above what is exact
    if estimator == "mle":
        known = predict("variance", family, Accumulate(n=9), generations=T)
        grown = np.cumprod([1.0, *(1 + 2 / (9 * t[1:]))])
        np.testing.assert_allclose(known["sd"] ** 2 + known["mean"] ** 2, grown)
        known = predict("variance", family, Mix(n=9, real_fraction=1.0), generations=T)
        np.testing.assert_allclose(known["sd"][1:] ** 2 + known["mean"][1:] ** 2, 1 + 2 / 9)
        known = predict("variance", family, FixedReal(n=1, n_real=4, n_first=100), generations=2)
        pool = (4 + 2) / 5 + (1 + 2) * (1 + 2 / 100) / 5  # four points that stay, and one of the first model
        assert known["sd"][2] ** 2 + known["mean"][2] ** 2 == pytest.approx(pool)
        known = predict("variance", family, Subsample(n=9), generations=2)
        first = 1 + 2 / 9
        square, fourth = first * (1 + first) / 2, (1 + first) / 2
        assert known["sd"][2] ** 2 + known["mean"][2] ** 2 == pytest.approx(square * 8 / 9 + 3 * fourth / 9)
    rows = empirical(ROWS, gaussian(ROWS.mean(), ROWS.var()))
    assert "sd" not in predict("variance", rows, Accumulate(n=5), generations=3)


POINTS = np.array([[0.0, 2.0], [1.0, 1.0], [1.5, -7.0], [2.5, 0.0]])


def test_kernel_density():
    for bandwidth in (0.5, "silverman"):
        cloud = KernelDensity(POINTS[:, 0], bandwidth)
        v = cloud.moments()[1]
        for regime in REGIMES:
            W, M = theory.kde_moments(regime, T, bandwidth, variance=v)
            known = predict("variance", cloud, regime, generations=T)
            np.testing.assert_allclose(known["mean"][1:], W[1:])
            assert known["mean"][0] == POINTS[:, 0].var()  # the points, without the kernel: as a run records it
            assert ("sd" in known) == (regime is REGIMES[0])
            np.testing.assert_allclose(predict("mean", cloud, regime, generations=T)["sd"], np.sqrt(M))
            np.testing.assert_allclose(predict("mean_squared_error", cloud, regime, generations=T)["mean"], M)
            assert known.attrs["bandwidth"] == bandwidth
        x = cloud.points - cloud.points.mean()
        kurtosis = ((x**4).mean() + 6 * cloud.h() ** 2 * x.var() + 3 * cloud.h() ** 4) / v**2
        known = predict("variance", cloud, Replace(n=9), generations=T)
        np.testing.assert_allclose(known["sd"], theory.kde_variance_sd(9, T, bandwidth, variance=v, kurtosis=kurtosis))
        plane = KernelDensity(POINTS, bandwidth)
        known = predict("variance", plane, Replace(n=9), generations=T)
        assert known["mean"].dims == known["sd"].dims == ("generation", "dim")
        error = predict("mean_squared_error", plane, Replace(n=9), generations=T)["mean"]
        sd = predict("mean", plane, Replace(n=9), generations=T)["sd"]
        np.testing.assert_allclose(error, (sd**2).sum("dim"))


@pytest.mark.parametrize("bandwidth", [0.5, "scott"])
def test_kernel_density_of_rows(bandwidth):
    """Refitted to all rows it is the estimate on the rows; what follows is that estimate's own loop."""
    model = KernelDensity(POINTS, bandwidth)
    for quantity in ("variance", "mean", "mean_squared_error"):
        known = predict(quantity, Empirical(POINTS, model), Replace(n=4), generations=T)
        later = predict(quantity, model, Replace(n=4), generations=T - 1)
        for name in later.data_vars:
            np.testing.assert_allclose(known[name][1:], later[name], rtol=1e-12, atol=1e-14)
    assert "sd" not in predict("variance", Empirical(POINTS, model), Replace(n=3), generations=2)
    with pytest.raises(ValueError, match=r"use model=KernelDensity\.from_data"):
        predict("mean", Empirical(POINTS + 1, model), Replace(n=4), generations=2)


def test_poisson():
    family, t = Poisson(0.3), np.arange(T + 1)
    known = predict("rate", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], 0.3)
    np.testing.assert_allclose(known["sd"] ** 2, 0.3 * t / 9, atol=1e-15)
    np.testing.assert_allclose(
        predict("survival", family, Replace(n=9), generations=T)["mean"], theory.poisson_survival(0.3, 9, T)
    )
    # accumulate by hand: the batch of generation 2 has the variance of its points and that of the rate it came from
    known = predict("rate", family, Accumulate(n=9), generations=2)
    assert known["sd"][2] ** 2 == pytest.approx(0.3 / 9 * (1 + (1 + 1) + 2 * 1) / 4)
    known = predict("rate", family, Mix(n=9, real_fraction=1.0), generations=T)
    np.testing.assert_allclose(known["sd"][1:] ** 2, 0.3 / 9)
    known = predict("survival", family, Accumulate(n=9), generations=T)
    np.testing.assert_allclose(known["mean"][1:], 1 - np.exp(-2.7))
    known = predict("survival", family, Replace(n=(4, 8)), generations=2)["mean"]
    assert known[2] == pytest.approx(1 - np.exp(-4 * 0.3 * (1 - np.exp(-8 / 4))))
    assert "survival" not in available(family, Mix(n=9, real_fraction=0.5))


def test_poisson_of_rows():
    rows = np.array([0.0, 0.0, 3.0, 1.0])
    family = Empirical(rows, Poisson(1.0))
    assert predict("rate", family, Replace(n=4), generations=3)["sd"].values == pytest.approx([0, 0, 0.5, np.sqrt(0.5)])
    known = predict("survival", family, Replace(n=4), generations=3)["mean"]
    np.testing.assert_allclose(known[1:], theory.poisson_survival(1.0, 4, 2))
    known = predict("rate", family, Replace(n=2), generations=2)["sd"]
    assert known[1] ** 2 == pytest.approx(rows.var(ddof=1) / 2 * (1 - 2 / 4))
    assert "survival" not in available(family, Replace(n=2))
    assert "survival" not in available(family, Accumulate(n=4))
    with pytest.raises(ValueError, match=r"use model=Poisson\.from_data"):
        predict("rate", Empirical(rows, Poisson(2.0)), Replace(n=4), generations=2)


def test_exponential():
    family, t = Exponential(2.0), np.arange(T + 1)
    known = predict("log_rate", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], np.log(2) - theory.exponential_log_mean(9, t))
    np.testing.assert_allclose(known["sd"] ** 2, theory.exponential_log_variance(9, t))
    known = predict("mean", family, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], 0.5)
    np.testing.assert_allclose(known["sd"] ** 2, 0.25 * (theory.exponential_moment(9, t, 2) - 1), atol=1e-15)
    assert list(available(family, Accumulate(n=9))) == ["mean"]
    assert "sd" not in predict("mean", family, Accumulate(n=9), generations=T)
    rows = Empirical([0.25, 0.75, 0.5, 0.5], family)
    known, later = (predict("log_rate", f, Replace(n=4), generations=g) for f, g in ((rows, 3), (family, 2)))
    np.testing.assert_allclose(known["mean"][1:], later["mean"])
    np.testing.assert_allclose(known["sd"][1:], later["sd"])


def test_mixture():
    truth = SimpleNamespace(kind="GaussianMixture", weights=np.array([0.5, 0.3, 0.2]))
    for regime in REGIMES:
        known = predict("weight", truth, regime, generations=T)
        same = predict("probability", categorical(), regime, generations=T)
        for name in ("mean", "sd"):
            np.testing.assert_allclose(known[name].values, same[name].values)
        assert known["mean"].dims == ("generation", "component")
        assert known.attrs["kind"] == "asymptotic"
        assert "separation" in known.attrs["formula"]
    known = predict("survival", truth, Replace(n=9), generations=T)
    np.testing.assert_allclose(known["mean"], theory.survival([0.5, 0.3, 0.2], 9, T))
    assert (known.attrs["kind"], known.attrs["limit"]) == ("asymptotic", "separation")
    assert "survival" not in available(truth, Accumulate(n=9))
    assert available(empirical(ROWS, truth), Replace(n=5)) == {}


# ------------------------------------------------------------------------------------------- nothing is known


def test_unknown_quantities_list_what_there_is():
    with pytest.raises(
        ValueError,
        match=r"known for Gaussian under Replace\(n=9\), 'log_variance', 'variance', .*"
        "got 'entropy'",
    ):
        predict("entropy", gaussian(), Replace(n=9), generations=2)
    with pytest.raises(
        ValueError,
        match=r"under Accumulate\(n=9\), 'variance', 'mean', 'mean_squared_error', "
        r"got 'log_variance' \(its law is known under Replace only\)",
    ):
        predict("log_variance", gaussian(), Accumulate(n=9), generations=2)
    with pytest.raises(ValueError, match=r"got 'w2_squared' .*not vectors"):
        predict("w2_squared", gaussian([0, 0], COV), Replace(n=9), generations=2)
    with pytest.raises(ValueError, match=r"got 'cov' .*for numbers see 'variance'"):
        predict("cov", gaussian(), Replace(n=9), generations=2)
    with pytest.raises(ValueError, match="nothing is known in closed form"):
        predict("mean", SimpleNamespace(kind="Weibull"), Replace(n=9), generations=2)
    assert available(SimpleNamespace(kind="Weibull"), Replace(n=9)) == {}


def test_wrong_arguments():
    with pytest.raises(TypeError, match="regime must be a regime"):
        predict("mean", gaussian(), 100, generations=2)
    with pytest.raises(TypeError, match="family must be a family"):
        predict("mean", 0.0, Replace(n=9), generations=2)
    with pytest.raises(ValueError, match=r"generations must be an integer >= 1, got 0\."):
        predict("mean", gaussian(), Replace(n=9), generations=0)


def test_collapsed_directions_and_overflow_do_not_warn():
    flat = gaussian([0.0, 0.0], np.diag([1.0, 0.0]), "mle")
    assert predict("log_variance", flat, Replace(n=5), generations=2)["mean"][2, 1] == -np.inf
    assert "log_det" not in available(flat, Replace(n=5))
    for quantity in ("variance", "sd", "w2_squared", "mean_squared_error", "kl_reverse"):
        for estimator in ("mle", "unbiased"):
            known = predict(quantity, gaussian(estimator=estimator), Replace(n=2), generations=5000)
            assert not np.isnan(known["mean"]).any()
            if "sd" in known:
                assert not np.isnan(known["sd"]).any(), (quantity, estimator)
    late = predict("variance", gaussian(cov=1.0), Replace(n=2), generations=800)
    assert late["sd"][-1] == pytest.approx(0.75**400, rel=1e-12)  # where the relative variance overflows
