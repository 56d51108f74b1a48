"""Eight definitions: decided by hand on runs written down, and as the literature has it on simulated ones."""

import doctest
import importlib
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import modelcollapse as mc
from modelcollapse.diagnose import DEFINITIONS, measured
from modelcollapse.testing import stream

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=20)
CHAIN = ("replicate", "generation")
RISES, ANY, DIVERGES, VARIANCE, SCALING, MODES, TAILS, INVENTED = range(8)


def dataset(family, variables, **attrs):
    data = {name: ((*CHAIN, *dims), np.asarray(value, dtype=float)) for name, (dims, value) in variables.items()}
    R, G = next(iter(data.values()))[1].shape[:2]
    return xr.Dataset(data, {"replicate": np.arange(R), "generation": np.arange(G)}, {"family": family, **attrs})


def gaussian(mean, log_variance=None, chains=12, **attrs):
    """Scalar Gaussian models, the same in every chain unless given chain by chain; log loss is mean^2 / 2."""
    mean = np.asarray(mean, dtype=float)
    mean = np.tile(mean, (chains, 1)) if mean.ndim == 1 else mean
    log_variance = np.zeros_like(mean) if log_variance is None else np.broadcast_to(log_variance, mean.shape)
    return dataset("Gaussian", {"mean": ((), mean), "log_variance": ((), log_variance)}, **attrs)


def categorical(p, chains=12):
    p = np.asarray(p, dtype=float)
    p = np.tile(p, (chains, 1, 1)) if p.ndim == 2 else p
    return dataset("Categorical", {"probability": (("category",), p)})


def mixture(weight, mean, cov, chains=12):
    """Mixtures of two dimensions, from (generation, component, ..)."""
    weight, mean, cov = (np.tile(a, (chains, *[1] * np.ndim(a))) for a in (weight, mean, cov))
    return dataset(
        "GaussianMixture",
        {
            "weight": (("component",), weight),
            "mean": (("component", "dim"), mean),
            "cov": (("component", "dim", "dim_"), cov),
        },
    )


def row(run, i, **options):
    return mc.diagnose(run, rng=stream(), **options).iloc[i]


def test_examples():
    for room in ("table", "definitions", "measured"):
        module = importlib.import_module(f"modelcollapse.diagnose.{room}")
        assert doctest.testmod(module).failed == 0
    assert callable(mc.diagnose)


def test_the_answer_is_one_row_per_definition():
    table = mc.diagnose(gaussian([0, 0.1, 0.2]))
    assert tuple(table.index) == DEFINITIONS
    assert table.index.name == "definition"
    columns = ["criterion", "verdict", "value", "standard_error", "threshold", "generation", "note"]
    assert list(table.columns) == columns
    assert table["verdict"].isin(["yes", "no", "cannot tell"]).all()
    assert table["generation"].dtype == pd.Int64Dtype()
    assert (table["criterion"].str.len() <= 60).all()
    assert (table.loc[table["verdict"] == "cannot tell", "note"] != "").all(), "it says why"


# ------------------------------------------------------------------------------------------------------------ risk


def test_catastrophe_is_a_multiple_of_the_first_risk():
    run = gaussian([0, 1, 2, 3, 4])  # risks 1/2, 2, 9/2, 8
    found = row(run, RISES)
    assert found["verdict"] == "yes"
    assert_allclose(found[["value", "threshold", "generation"]].astype(float), [16, 10, 4])
    assert row(run, RISES, factor=8.5)["generation"] == 3
    for factor in (16, 20):
        assert row(run, RISES, factor=factor)["verdict"] == "no"
    assert pd.isna(row(run, RISES, factor=20)["generation"])


def test_medians_within_their_interval_are_too_close():
    """Forty chains, risk at generation 2 either 1 or 100 times that of generation 1: a median anywhere between."""
    mean = np.tile([0.0, 1.0, 1.0], (40, 1))
    mean[:21, 2] = 10
    found = row(gaussian(mean), RISES)
    assert found["verdict"] == "cannot tell"
    assert found["value"] > 10
    assert "too close" in found["note"]


def test_risk_against_generation_two_where_generation_one_is_the_rows():
    found = mc.diagnose(gaussian([0, 0, 1, 2, 5]))
    assert_allclose(found["value"].iloc[RISES], 25)
    assert "generation 2" in found["note"].iloc[RISES]
    assert found["verdict"].iloc[ANY] == "yes"
    assert found["generation"].iloc[ANY] == 2
    assert "rows themselves" in found["note"].iloc[ANY]
    flat = mc.diagnose(gaussian(np.zeros(12)))
    assert flat["verdict"].iloc[RISES] == "cannot tell"
    assert "no finite risk above zero" in flat["note"].iloc[RISES]
    assert flat["verdict"].iloc[VARIANCE] == "no"


@pytest.mark.parametrize(
    ("up", "verdict"), [(100, "yes"), (70, "yes"), (50, "cannot tell"), (60, "cannot tell"), (0, "no")]
)
def test_increase_is_a_sign_test(up, verdict):
    mean = np.tile([0.0, 1.0, 0.5], (100, 1))
    mean[:up, 2] = 2
    found = row(gaussian(mean), ANY)
    assert found["verdict"] == verdict
    assert_allclose(found["value"], up / 100)
    assert_allclose(found["standard_error"], 0.05)
    assert (found["generation"] == 2) if verdict == "yes" else pd.isna(found["generation"])


def test_ties_count_half():
    assert_allclose(row(gaussian([0, 1, 1, 1]), ANY)["value"], 0.5)
    mean = np.tile([0.0, 1.0, 1.0], (10_000, 1))
    found = row(gaussian(mean), ANY)
    assert found["verdict"] == "no"
    assert "0.1 above one half" in found["note"]


@pytest.mark.parametrize(
    ("power", "verdict"), [(2, "yes"), (1, "yes"), (0.65, "yes"), (0.55, "no"), (0.5, "no"), (0, "no"), (-1, "no")]
)
def test_divergence_is_growth_faster_than_a_power(power, verdict):
    t = np.arange(41.0)
    with np.errstate(divide="ignore"):
        risk = np.where(t > 0, t, np.inf if power < 0 else 0) ** power if power else (t > 0) * 1.0
    found = row(gaussian(0.1 * np.sqrt(risk)), DIVERGES)
    late, early = np.log(np.arange(21, 41)).mean(), np.log(np.arange(11, 21)).mean()
    assert found["verdict"] == verdict
    assert_allclose(found["value"], math.exp(power * (late - early)), rtol=1e-10)
    assert found["threshold"] == 1.5


def test_a_logarithm_and_a_bound_do_not_diverge_and_an_exponential_does():
    t = np.arange(201.0)
    for risk, verdict in ((np.log1p(t), "no"), (1 - 0.9**t, "no"), (1.05**t - 1, "yes")):
        assert row(gaussian(0.1 * np.sqrt(risk)), DIVERGES)["verdict"] == verdict


def test_a_short_run_shows_no_trend():
    found = mc.diagnose(gaussian([0, 1, 2, 3, 4]))
    for i in (DIVERGES, VARIANCE):
        assert found["verdict"].iloc[i] == "cannot tell"
        assert "8 generations" in found["note"].iloc[i]
    thin = gaussian(np.arange(101.0)).isel(generation=[0, 1, 100])
    assert "second quarter" in row(thin, DIVERGES)["note"]


def test_infinite_risk_is_divergence_if_it_is_the_loop_s_doing():
    p = [[0.6, 0.4], [0.5, 0.5], [0.7, 0.3], [1, 0]]
    found = row(categorical(p), DIVERGES)
    assert found["verdict"] == "yes"
    assert_allclose(found[["value", "threshold", "generation"]].astype(float), [1, 0, 3])
    found = row(categorical([[0.6, 0.4], [1, 0], [1, 0]]), DIVERGES)
    assert found["verdict"] == "cannot tell"
    assert "not the loop's doing" in found["note"]
    bounded = row(categorical(p), DIVERGES, risk="l2_squared")
    assert bounded["verdict"] == "no"
    assert "bounded" in bounded["note"]


def test_the_risk_can_be_chosen():
    run = gaussian([0, 0.1, 0.2, 0.3], np.log([1, 0.9, 0.8, 0.7]))
    for name, metric in (
        ("log_loss", lambda r: mc.metrics.kl(r, direction="reverse")),
        ("kl_forward", mc.metrics.kl),
        ("w2_squared", mc.metrics.w2_squared),
    ):
        x = metric(run).values[0]
        assert_allclose(row(run, RISES, risk=name)["value"], x[3] / x[1])
        assert_allclose(measured.risk(run, name, 10, stream())[1][0], x)
    with pytest.raises(
        ValueError, match=r"risk must be one of 'log_loss', 'kl_forward', 'w2_squared', got 'l2_squared'"
    ):
        mc.diagnose(run, risk="l2_squared")


def test_closed_forms_of_counts_and_waiting_times():
    from scipy import integrate, stats

    rate = [2.0, 1.5, 3.0]
    run = dataset("Poisson", {"rate": ((), [rate])})
    k = np.arange(60)
    p = [stats.poisson.pmf(k, m) for m in rate]

    def divergence(a, b):
        return float(sum(p[a] * np.log(p[a] / p[b])))

    assert_allclose(measured.risk(run, "log_loss", 2, None)[1][0], [divergence(0, i) for i in range(3)], atol=1e-12)
    assert_allclose(measured.risk(run, "kl_forward", 2, None)[1][0], [divergence(i, 0) for i in range(3)], atol=1e-12)
    _, x, bounded, words = measured.tail(run, 0.05)
    assert not bounded
    assert words == "counts above 5"
    assert_allclose(x[0], [stats.poisson.sf(5, m) for m in rate])
    rare = (stats.poisson.cdf(k, 2.0) <= 0.025) | (stats.poisson.sf(k - 1, 2.0) <= 0.025)
    assert_allclose(measured.hallucinated(run, 0.05, 2, None)[1], [q[rare].sum() for q in p], atol=1e-12)

    run = dataset("Exponential", {"log_rate": ((), [np.log(rate)]), "mean": ((), [1 / np.array(rate)])})
    law = [stats.expon(scale=1 / m) for m in rate]

    def kl(a, b):
        return integrate.quad(lambda u: a.pdf(u) * (a.logpdf(u) - b.logpdf(u)), 0, 60)[0]

    assert_allclose(measured.risk(run, "log_loss", 2, None)[1][0], [kl(law[0], b) for b in law], atol=1e-7)
    assert_allclose(measured.risk(run, "kl_forward", 2, None)[1][0], [kl(a, law[0]) for a in law], atol=1e-7)
    assert_allclose(measured.tail(run, 0.05)[1][0], [a.sf(law[0].isf(0.05)) for a in law])
    assert_allclose(measured.hallucinated(run, 0.05, 2, None)[1], [a.sf(law[0].isf(0.05)) for a in law])


def test_the_risk_of_a_regression_is_recorded():
    run = dataset("LinearRegression", {"excess_risk": ((), np.tile(0.1 * np.arange(41.0), (12, 1)))})
    found = mc.diagnose(run)
    assert found["verdict"].iloc[[RISES, DIVERGES]].tolist() == ["yes", "yes"]
    assert found["generation"].iloc[RISES] == 11
    assert (found["verdict"].iloc[VARIANCE:] == "cannot tell").all()
    assert (found["note"].iloc[VARIANCE:] != "").all()


def test_covariances_without_digits_are_looked_at_as_far_as_they_go():
    T, d = 60, 2
    cov = np.exp(-np.arange(T + 1) / 1.0)[:, None, None] * np.diag([1.0, 1.0])
    cov[:, 1, 1] **= 3  # 1e-10 of the other direction from generation 12 on
    run = dataset(
        "Gaussian",
        {
            "mean": (("dim",), np.tile(np.zeros((T + 1, d)), (12, 1, 1))),
            "cov": (("dim", "dim_"), np.tile(cov, (12, 1, 1, 1))),
            "log_variance": (("dim",), np.tile(np.log(cov[:, [0, 1], [0, 1]]), (12, 1, 1))),
        },
    )
    found = mc.diagnose(run, rng=stream())
    assert "up to generation 11: beyond, the covariance has lost its digits" in found["note"].iloc[RISES]
    assert found["verdict"].iloc[[RISES, VARIANCE, TAILS]].tolist() == ["yes"] * 3


# --------------------------------------------------------------------------------------------------------- variety


def test_variance_collapses_if_the_loss_of_its_logarithm_goes_on():
    t = np.arange(101.0)
    still = np.zeros(101)
    saturating = -0.5 * (1 - 1 / np.maximum(t, 1))
    for log_variance, verdict in ((-0.1 * t, "yes"), (-0.1 * t**0.5, "no"), (saturating, "no"), (0.1 * t, "no")):
        found = row(gaussian(still, log_variance), VARIANCE)
        assert found["verdict"] == verdict
    assert "towards uniformity" in found["note"]
    found = row(gaussian(still, -0.1 * t), VARIANCE)
    assert_allclose(found["value"], np.arange(51, 101).mean() / np.arange(26, 51).mean())
    assert found["generation"] == 24  # e^-2.4 is the first below 0.1
    assert found["note"] == "variance left: 4.5e-05 of the truth"
    assert row(gaussian(still, -0.1 * t), VARIANCE, little=0.5)["generation"] == 7


def test_noise_is_no_trend(rng):
    """Log variances that forget each other: nothing goes on, and in a few chains nothing can be said."""
    noise = 0.3 * rng.standard_normal((400, 101))
    noise[:, 0] = 0
    for chains, legal in ((400, {"no", "cannot tell"}), (12, {"no", "cannot tell"})):
        run = gaussian(np.zeros((chains, 101)), noise[:chains] - 0.3)
        assert row(run, VARIANCE)["verdict"] in legal
    assert row(gaussian(np.zeros((400, 101)), noise - 0.3 * (np.arange(101) > 0)), VARIANCE)["verdict"] == "no"


def test_zeros_are_collapse():
    p = np.tile([[0.5, 0.5], [0.6, 0.4], [0.8, 0.2], [1.0, 0.0]], (40, 1, 1))
    found = row(categorical(p), VARIANCE)
    assert found["verdict"] == "yes"
    assert found["generation"] == 3
    assert found["note"] == "exactly 0 in 100% of the chains"
    p[:5, 3] = p[0, 2]
    assert row(categorical(p), VARIANCE)["note"] == "exactly 0 in 88% of the chains"
    flat = gaussian(np.zeros(4), [0, -1, -np.inf, -np.inf])
    assert row(flat, VARIANCE)["verdict"] == "yes"
    rate = np.tile([1.0, 0.5, 0.0], (12, 1))
    assert row(dataset("Poisson", {"rate": ((), rate)}), VARIANCE)["verdict"] == "yes"


def test_a_single_category_has_no_variety_to_lose():
    found = mc.diagnose(categorical([[1.0, 0.0]] * 10))
    assert "single category" in found["note"].iloc[VARIANCE]
    assert "chain" not in found["note"].iloc[VARIANCE]


def test_heterozygosity_is_averaged_before_the_logarithm():
    t = np.arange(41)
    h = 0.9**t
    p = 0.5 + 0.5 * np.sqrt(1 - h)  # heterozygosity h / 2
    found = row(categorical(np.stack([p, 1 - p], axis=-1)), VARIANCE)
    late, early = (-math.log(h[a:b].mean()) for a, b in ((21, 41), (11, 21)))
    assert found["verdict"] == "yes"
    assert_allclose(found["value"], late / early)
    assert found["generation"] == 22


# --------------------------------------------------------------------------------------- scaling, modes, tails, more


def runs_of(sizes, exponents, spread=0.0, **options):
    """Runs whose risk at generation g is n^exponents[g], times chance."""
    rng, out = stream("runs of several sizes"), []
    for n in sizes:
        risk = np.array([0.0, *(float(n) ** e for e in exponents)])
        mean = np.sqrt(risk) * np.exp(spread * rng.standard_normal((200, len(risk))))
        out.append(gaussian(mean, regime=mc.Replace(n=n).describe(), generations=len(exponents), **options))
    return out


def test_a_change_of_the_scaling_law_is_a_change_of_the_exponent():
    runs = runs_of([100, 1000, 10_000], [-1.0, -0.8, -0.5])
    found = row(runs[0], SCALING, scaling=runs[1:])
    assert found["verdict"] == "yes"
    assert_allclose(found["value"], 0.5, rtol=1e-6)
    assert found["note"] == "-1.00 at generation 1, -0.50 at 3"
    assert row(runs[0], SCALING, scaling=runs[1:], exponent=0.6)["verdict"] == "no"
    same = runs_of([100, 1000, 10_000], [-1.0, -1.0, -1.0], spread=0.1)
    assert row(same[0], SCALING, scaling=same[1:])["verdict"] == "no"
    noisy = runs_of([100, 110, 120], [-1.0, -1.0, -1.0], spread=1.0)
    assert row(noisy[0], SCALING, scaling=noisy[1:])["verdict"] == "cannot tell"


def test_a_scaling_law_needs_sizes():
    runs = runs_of([100, 1000, 10_000], [-1.0, -1.0])
    assert "three sample sizes" in row(runs[0], SCALING)["note"]
    assert "three sample sizes" in row(runs[0], SCALING, scaling=runs[:2])["note"]
    assert (
        "how large" in row(runs[0], SCALING, scaling=[runs[1].drop_attrs().assign_attrs(family="Gaussian")] * 2)["note"]
    )
    zero = gaussian([0, 0, 1], regime=mc.Replace(n=10).describe(), generations=2)
    assert "zero or infinite at generation 1" in row(zero, SCALING, scaling=runs[1:])["note"]
    with pytest.raises(ValueError, match="scaling must hold runs of the same family, Gaussian, got Categorical"):
        mc.diagnose(runs[0], scaling=[categorical([[0.5, 0.5]] * 3)])


TWO = {"weight": [0.5, 0.5], "mean": [[-3.0, 0.0], [3.0, 0.0]], "cov": [np.eye(2), np.eye(2)]}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "no"),
        ({"weight": [0.9, 0.1]}, "no"),
        ({"weight": [0.96, 0.04]}, "yes"),  # below a tenth of one half
        ({"mean": [[-0.9, 0.0], [0.9, 0.0]]}, "yes"),  # less than two sd apart
        ({"mean": [[-1.1, 0.0], [1.1, 0.0]]}, "no"),
        ({"mean": [[-3.0, 0.0], [-2.0, 0.0]]}, "yes"),  # both near the same mode
        ({"cov": [np.diag([9.5, 1.0])] * 2}, "yes"),  # wide along the line between them
        ({"cov": [np.diag([1.0, 99.0])] * 2}, "no"),  # and across it
        ({"cov": [1e-6 * np.eye(2)] * 2}, "no"),  # narrow is not entangled
    ],
)
def test_modes_are_lost_or_merge(change, verdict):
    states = [TWO, TWO, TWO | change]
    run = mixture(*(np.array([s[name] for s in states]) for name in ("weight", "mean", "cov")))
    found = row(run, MODES)
    assert found["verdict"] == verdict
    assert_allclose(found["value"], verdict == "yes")
    assert (found["generation"] == 2) if verdict == "yes" else pd.isna(found["generation"])


def test_modes_that_were_never_apart_cannot_be_entangled():
    near = TWO | {"mean": [[-0.5, 0.0], [0.5, 0.0]]}
    run = mixture(*(np.array([near[name]] * 3) for name in ("weight", "mean", "cov")))
    assert "no two modes that are apart" in row(run, MODES)["note"]
    assert "one mode" in row(gaussian([0, 1, 2]), MODES)["note"]
    assert "cannot merge" in row(categorical([[0.5, 0.5]] * 3), MODES)["note"]


def cloud(points, bandwidth, chains=12):
    points = np.tile(np.asarray(points, dtype=float), (chains, 1, 1))
    with np.errstate(divide="ignore"):
        log_variance = np.log(points.var(axis=-1))
    h = np.full(points.shape[:2], bandwidth, dtype=float)
    variables = {"mean": ((), points.mean(axis=-1)), "log_variance": ((), log_variance), "bandwidth": ((), h)}
    return dataset("KernelDensity", variables | {"points": (("point",), points)})


def test_peaks_of_a_kernel_density_are_apart_until_the_valley_is_filled():
    two = np.concatenate([np.linspace(-2.2, -1.8, 9), np.linspace(1.8, 2.2, 9)])
    one = np.linspace(-2.2, 2.2, 18)
    assert row(cloud([two, two, two + 0.1], 0.3), MODES)["verdict"] == "no"
    found = row(cloud([two, two, one], 0.3), MODES)
    assert found["verdict"] == "yes"
    assert found["generation"] == 2
    assert "no two modes" in row(cloud([one, two, two], 0.3), MODES)["note"]


def test_a_kernel_density_is_measured_by_its_moments_or_by_its_points(rng):
    points = rng.standard_normal((3, 50))
    run = cloud(points, 0.5)
    var = points.var(axis=1) + 0.25
    want = (points.mean(axis=1) - points[0].mean()) ** 2 + (np.sqrt(var) - np.sqrt(var[0])) ** 2
    assert_allclose(measured.risk(run, "w2_squared", 2, None)[1][0], want)
    from scipy import optimize, stats

    def below(x, t):
        return stats.norm.cdf((x - points[t]) / 0.5).mean()

    low, high = (optimize.brentq(lambda x, q=q: below(x, 0) - q, -9, 9, xtol=1e-13) for q in (0.025, 0.975))
    _, x, _, _ = measured.tail(run, 0.05)
    assert_allclose(x[0], [below(low, t) + 1 - below(high, t) for t in range(3)], rtol=1e-9)
    bare = mc.diagnose(run.drop_vars("points"))
    assert bare["note"].iloc[[MODES, TAILS, INVENTED]].str.contains("record=k").all()


def test_kernel_densities_of_vectors_have_covariances():
    truth = mc.KernelDensity(np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]), 0.5)
    run = mc.simulate(truth, mc.Replace(n=8), generations=3, replicates=2, rng=stream())
    normal = measured.as_normal(run)
    assert_allclose(normal["cov"].values[0, 0], truth.moments()[1])
    assert_allclose(normal["log_variance"].values, np.log(np.diagonal(normal["cov"].values, axis1=-2, axis2=-1)))
    assert (measured.risk(run, "w2_squared", 2, None)[1][:, 1:] > 0).all()


def test_tails_of_densities_and_of_categories():
    # half the variance: the two-sided 5 % beyond 1.96 sd become 2 Phi(-1.96 sqrt 2)
    found = row(gaussian(np.zeros(4), np.log([1, 1, 0.8, 0.5])), TAILS)
    assert found["verdict"] == "yes"
    assert_allclose(found["value"], math.erfc(1.959963984540054) / 0.05, rtol=1e-10)
    assert found["generation"] == 3
    assert row(gaussian(np.zeros(4), np.log([1, 1, 0.9, 0.9])), TAILS)["verdict"] == "no"
    p = [[0.9, 0.04, 0.03, 0.03], [0.9, 0.06, 0.02, 0.02], [0.94, 0.04, 0.02, 0.0], [1, 0, 0, 0]]
    found = row(categorical(p), TAILS, tail=0.06)  # the two rarest
    assert found["verdict"] == "yes"
    assert found["value"] == 0
    assert found["criterion"].startswith("2 rarest categories")
    assert row(categorical(p[:3]), TAILS, tail=0.06)["verdict"] == "no"
    assert_allclose(row(categorical(p[:3]), TAILS, tail=0.06)["value"], 0.5)


def test_what_the_first_fit_lost_is_not_held_against_the_loop():
    p = [[0.9, 0.05, 0.05], [0.9, 0.1, 0.0], [0.8, 0.2, 0.0]]
    found = row(categorical(p), TAILS, tail=0.1)
    assert found["verdict"] == "no"
    assert found["note"] == "frozen as generation 1 left it"
    found = row(categorical([[0.95, 0.05], [1, 0], [1, 0]]), TAILS)
    assert found["verdict"] == "yes"
    assert found["generation"] == 1
    assert "first fit" in found["note"]
    assert row(categorical([[0.6, 0.4], [0.6, 0.4], [0.5, 0.5]]), TAILS)["criterion"].startswith("rarest category")


def test_hallucination_is_mass_where_the_truth_has_next_to_none():
    found = row(gaussian([0, 0, 10]), INVENTED)
    assert found["verdict"] == "yes"
    assert_allclose(found["value"], 1)
    assert found["generation"] == 2
    assert row(gaussian([0, 0, 0.1]), INVENTED)["verdict"] == "no"
    assert row(gaussian([0, 0, 0.1]), INVENTED, rare=0.2, hallucinated=0.1)["verdict"] == "yes"
    never = row(categorical([[0.5, 0.5, 0], [1, 0, 0], [1, 0, 0]]), INVENTED)
    assert never["verdict"] == "no"
    assert never["note"] == "a count invents nothing"
    invented = row(categorical([[0.5, 0.5, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]]), INVENTED)
    assert invented["verdict"] == "yes"
    assert_allclose(invented["value"], 0.5)


def test_hallucination_of_vectors_is_outside_the_ellipsoid():
    from scipy import stats

    d, R = 3, 2000
    mean = np.zeros((R, 3, d))
    mean[:, 2, 0] = 2.0
    cov = np.tile(np.eye(d), (R, 3, 1, 1))
    run = dataset(
        "Gaussian",
        {"mean": (("dim",), mean), "cov": (("dim", "dim_"), cov), "log_variance": (("dim",), np.zeros((R, 3, d)))},
    )
    _, share, error = measured.hallucinated(run, 0.05, 40_000, stream())
    want = stats.ncx2.sf(stats.chi2.isf(0.05, d), d, 4.0)
    assert abs(share[2] - want) < 6 * error[2]
    assert abs(share[0] - 0.05) < 6 * error[0]
    assert 0.5 < error[2] / math.sqrt(want * (1 - want) / 40_000) < 2


# ------------------------------------------------------------------------------------------------- chains and errors


def test_few_chains_give_numbers_and_no_verdicts():
    for chains in (1, 9):
        found = mc.diagnose(gaussian(np.arange(41.0), -0.1 * np.arange(41.0), chains=chains))
        assert (found["verdict"] == "cannot tell").all()
        assert found["value"].iloc[[RISES, DIVERGES, VARIANCE, TAILS]].notna().all()
        assert found["note"].str.contains(f"{chains} chain").sum() >= 4
    assert mc.diagnose(categorical([[0.5, 0.5]] * 3, chains=1))["verdict"].iloc[INVENTED] == "no"


@quiet
@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(1e-3, 1e3))
def test_units_and_the_order_of_chains_do_not_matter(seed, shift, scale):
    rng = np.random.default_rng(seed)
    mean = rng.standard_normal((30, 21)).cumsum(axis=1) * 0.1
    log_variance = rng.standard_normal((30, 21)).cumsum(axis=1) * 0.3
    mean[:, 0] = log_variance[:, 0] = 0
    order = rng.permutation(30)
    one = mc.diagnose(gaussian(mean, log_variance))
    two = mc.diagnose(gaussian(shift + scale * mean[order], log_variance[order] + 2 * math.log(scale)))
    assert one["verdict"].tolist() == two["verdict"].tolist()
    assert_allclose(one["value"].astype(float), two["value"].astype(float), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor must be a finite number > 1, got 1"),
        ({"persistence": 1.0}, "persistence must be < 1 .*got 1"),
        ({"tail": 0.6}, "tail must be .*<= 0.5, got 0.6"),
        ({"kept": 0.0}, "kept must be .*> 0.*got 0"),
        ({"samples": 1}, "samples must be an integer >= 2, got 1"),
    ],
)
def test_keywords_must_make_sense(options, message):
    with pytest.raises(ValueError, match=message):
        mc.diagnose(gaussian([0, 1, 2]), **options)


def test_a_run_must_be_a_run():
    run = gaussian([0, 1, 2, 3])
    with pytest.raises(TypeError, match=r"run must be an xarray\.Dataset .*got ndarray"):
        mc.diagnose(np.zeros(3))
    with pytest.raises(ValueError, match=r"dimension replicate .*got the dimensions generation"):
        mc.diagnose(run.isel(replicate=0))
    with pytest.raises(ValueError, match=r"hold generations 0 .*got 2, 3"):
        mc.diagnose(run.isel(generation=[2, 3]))
    with pytest.raises(ValueError, match=r"got 0, 1; keep them"):
        mc.diagnose(run.isel(generation=[0, 1]))
    with pytest.raises(ValueError, match=r"models of Gaussian, .*got attrs\['family'\] = 'Cauchy'"):
        mc.diagnose(run.assign_attrs(family="Cauchy"))


# ------------------------------------------------------------------------------------------------------ predictions


def predicted(quantity, truth, regime, generations=200):
    return mc.diagnose(mc.predict(quantity, truth, regime, generations=generations))


def test_theory_decides_what_its_quantity_bears_on():
    truth = mc.Gaussian(0.0, 1.0, estimator="mle")
    found = predicted("kl_forward", truth, mc.Replace(n=50))
    assert found["verdict"].tolist() == ["yes"] * 3 + ["cannot tell"] * 5
    assert found["value"].iloc[:2].tolist() == pytest.approx([200, 200])  # it grows like t / n
    assert found["generation"].iloc[:2].tolist() == [11, 2]
    assert found["note"].iloc[0].startswith("exact: G-KLF")
    assert found["note"].iloc[3] == "a prediction of kl_forward does not bear on it"
    found = predicted("mean_squared_error", truth, mc.Accumulate(n=50))
    assert found["verdict"].tolist()[:3] == ["no", "yes", "no"]
    assert_allclose(found["value"].iloc[0], 50 * mc.theory.inbreeding_accumulate(50, 200))


def test_theory_of_spread_and_of_what_is_left():
    coin = mc.Categorical([0.9, 0.05, 0.05])
    found = predicted("log_variance", mc.Gaussian(0.0, 1.0, estimator="unbiased"), mc.Replace(n=50))
    assert found["verdict"].iloc[VARIANCE] == "yes"
    assert predicted("log_rate", mc.Exponential(3.0), mc.Replace(n=50))["verdict"].iloc[VARIANCE] == "yes"
    assert predicted("heterozygosity", coin, mc.Replace(n=20))["verdict"].iloc[VARIANCE] == "yes"
    assert predicted("heterozygosity", coin, mc.Accumulate(n=20))["verdict"].iloc[VARIANCE] == "no"
    assert predicted("heterozygosity", coin, mc.FreshReal(n=20, n_real=4))["verdict"].iloc[VARIANCE] == "no"
    found = predicted("survival", coin, mc.Replace(n=20))
    assert found["verdict"].iloc[TAILS] == "yes"
    known = mc.theory.survival([0.9, 0.05, 0.05], 20, 200).sum(axis=1)
    assert_allclose(found["value"].iloc[TAILS], known[-1] / known[1])
    assert (
        predicted("mean", mc.Gaussian(0.0, 1.0, estimator="mle"), mc.Replace(n=50))["verdict"].eq("cannot tell").all()
    )


def test_a_variance_that_stays_in_expectation_decides_nothing():
    truth = mc.Gaussian([0.0, 0.0], np.eye(2), estimator="unbiased")
    for quantity in ("variance", "cov"):
        found = predicted(quantity, truth, mc.Replace(n=50)).iloc[VARIANCE]
        assert found["verdict"] == "cannot tell"
        assert "log_variance" in found["note"]
    mle = mc.Gaussian(0.0, 1.0, estimator="mle")
    assert predicted("variance", mle, mc.Replace(n=50))["verdict"].iloc[VARIANCE] == "yes"
    with pytest.raises(ValueError, match="hold generations 0, 1 and a later one, got 2 generations"):
        predicted("variance", mle, mc.Replace(n=50), 1)


# -------------------------------------------------------------------------------------------------- simulated loops

ZIPF = 1 / np.arange(1, 101)
LOOPS = {
    "Gaussian": (mc.Gaussian(0.0, 1.0, estimator="mle"), 50, 150, 1000),
    "vector": (mc.Gaussian(np.zeros(2), np.eye(2), estimator="mle"), 40, 120, 300),
    "categories": (mc.Categorical(ZIPF / ZIPF.sum()), 100, 120, 400),
}
#: what the literature says (Schaeffer et al.), for the definitions that large effects decide
SAYS = {
    "replace": (mc.Replace, {}, {RISES: "yes", ANY: "yes", VARIANCE: "yes", TAILS: "yes"}),
    "accumulate": (mc.Accumulate, {}, {RISES: "no", ANY: "yes", VARIANCE: "no", TAILS: "no"}),
    "half of it fresh": (mc.FreshReal, {"n_real": 0.5}, {RISES: "no", TAILS: "no"}),
}


@pytest.mark.compiled
@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("regime", SAYS)
def test_verdicts_are_those_of_the_literature(loop, regime, rng):
    truth, n, T, R = LOOPS[loop]
    cls, options, says = SAYS[regime]
    options = {name: int(value * n) for name, value in options.items()}
    run = mc.simulate(truth, cls(n=n, **options), generations=T, replicates=R, rng=rng)
    found = mc.diagnose(run, rng=rng)
    assert {i: found["verdict"].iloc[i] for i in says} == says
    if loop != "categories":
        assert found["verdict"].iloc[DIVERGES] == ("yes" if regime == "replace" else "no")
    else:
        assert found["verdict"].iloc[INVENTED] == "no"


@pytest.mark.compiled
def test_only_real_data_is_no_collapse(rng):
    for truth, n, _, R in LOOPS.values():
        run = mc.simulate(truth, mc.FreshReal(n=n, n_real=n), generations=40, replicates=R, rng=rng)
        assert "yes" not in set(mc.diagnose(run, rng=rng)["verdict"])


@pytest.mark.compiled
def test_mixtures_lose_modes_and_kernel_densities_hallucinate(rng):
    truth = mc.GaussianMixture([0.5, 0.3, 0.2], [[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]], [1.0, 1.0, 1.0])
    run = mc.simulate(truth, mc.Replace(n=60), generations=60, replicates=40, rng=rng)
    found = mc.diagnose(run, samples=200, rng=rng)["verdict"]
    assert found.iloc[[RISES, ANY, DIVERGES, MODES]].tolist() == ["yes"] * 4
    run = mc.simulate(truth, mc.Accumulate(n=100), generations=20, replicates=30, rng=rng)
    found = mc.diagnose(run, samples=200, rng=rng)["verdict"]
    assert found.iloc[[RISES, DIVERGES, MODES, TAILS]].tolist() == ["no"] * 4

    points = np.concatenate([np.linspace(-3, -1, 25), np.linspace(1, 3, 25)])
    run = mc.simulate(
        mc.KernelDensity(points, 0.4, record=50), mc.Replace(n=50), generations=60, replicates=60, rng=rng
    )
    found = mc.diagnose(run, samples=500, rng=rng)["verdict"]
    assert found.iloc[[RISES, MODES, INVENTED]].tolist() == ["yes"] * 3
    assert found.iloc[TAILS] == "no"


def test_scaling_may_be_one_run_and_must_be_runs():
    runs = [simulated_at(n) for n in (10, 40)]
    alone, listed = (row(runs[0], SCALING, scaling=s) for s in (runs[1], [runs[1]]))
    assert alone["note"] == listed["note"]
    for wrong, name in ((5, "int"), ("run.nc", "str"), ([runs[1], None], "NoneType")):
        with pytest.raises(TypeError, match=rf"scaling must be runs that simulate returns, .*got {name}\."):
            mc.diagnose(runs[0], scaling=wrong)


def simulated_at(n):
    truth = mc.Gaussian(0.0, 1.0, estimator="mle")
    return mc.simulate(truth, mc.Replace(n=n), generations=4, replicates=12, rng=stream(), n_jobs=1)


def with_stopped(run, stopped):
    """The same run, some chains of which a curation has stopped."""
    stopped = xr.DataArray(stopped, dims="replicate", coords={"replicate": run["replicate"]})
    return run.where((stopped == 0) | (run["generation"] < stopped)).assign(stopped=stopped)


def test_stopped_chains_are_left_out_and_counted():
    run = gaussian(stream().normal(size=(40, 12)), chains=40)
    stopped = np.where(np.arange(40) < 25, 0, 5)
    left = mc.diagnose(run.isel(replicate=slice(0, 25)), rng=0)
    found = mc.diagnose(with_stopped(run, stopped), rng=0)
    columns = ["verdict", "value", "standard_error", "generation"]
    pd.testing.assert_frame_equal(found[columns], left[columns])
    assert found["note"].str.contains("15 of 40 chains stopped and are left out").all()
    assert not mc.diagnose(with_stopped(run, 0 * stopped), rng=0)["note"].str.contains("stopped").any()
    early = with_stopped(run, stopped).sel(generation=slice(0, 4))  # nobody has stopped yet
    assert not mc.diagnose(early, rng=0)["note"].str.contains("stopped").any()
    few = mc.diagnose(with_stopped(run, np.where(np.arange(40) < 3, 0, 5)), rng=0)
    assert few["verdict"].iloc[0] == "cannot tell"
    assert few["note"].str.endswith("37 of 40 chains stopped and are left out").all()
    with pytest.raises(ValueError, match=r"got 40 chains, all stopped by generation 5; select earlier"):
        mc.diagnose(with_stopped(run, np.full(40, 5)))
    others = [with_stopped(run, stopped)] * 2
    assert "in scaling, 15 of 40 chains stopped" in row(run, SCALING, scaling=others)["note"]
