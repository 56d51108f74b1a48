"""Does the referee deserve trust? False alarms, power, and every kind of verdict."""

import dataclasses
import json
import math

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

import modelcollapse as mc
from modelcollapse import testing
from modelcollapse.verify import (
    Status,
    pvalue_binomial,
    pvalue_bounded,
    pvalue_counts,
    pvalue_distribution,
    pvalue_mean,
    pvalue_spread,
    pvalue_two_counts,
    pvalue_two_samples,
    pvalues,
    sequential,
    verify,
)

# ------------------------------------------------------------------------------------- the sequential test, exactly


def scripted(*values):
    """A test whose rounds give these p-values."""
    script = iter(values)
    return lambda size, rng: next(script), lambda sample: sample


def run_script(*values, **options):
    draw, p = scripted(*values)
    return sequential(draw, p, size=1, rng=None, **options)


def thresholds(alpha, rounds):
    """The two thresholds of every round, found from outside by bisection."""
    out, middle = [], []
    for i in range(rounds):
        edges = []
        here = i + 1
        for below in (lambda o, t=here: not o.passed and o.rounds == t, lambda o, t=here: not o.passed or o.rounds > t):
            low, high = 0.0, 1.0
            for _ in range(200):
                p = (low + high) / 2
                outcome = run_script(*middle, p, *[1.0] * rounds, alpha=alpha, rounds=rounds)
                low, high = (p, high) if below(outcome) else (low, p)
            edges.append(low)
        out.append(edges)
        middle.append(sum(edges) / 2)
    return np.array(out)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 0.05])
@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_false_alarm_rate_of_exact_pvalues_is_alpha(alpha, rounds):
    fails, passes = thresholds(alpha, rounds).T
    go_on = np.concatenate([[1.0], np.cumprod(passes - fails)[:-1]])
    assert math.isclose(float(np.sum(go_on * fails)), alpha, rel_tol=1e-6)
    np.testing.assert_allclose(go_on * fails, alpha / rounds, rtol=1e-6)


def test_false_alarm_rate_of_any_valid_pvalue_is_at_most_alpha():
    # the worst discrete p-value puts all it may on the two thresholds: P(q <= fail) = fail, P(q <= pass) = pass
    fails, passes = thresholds(1e-6, 7).T
    rate = 0.0
    for fail, go in zip(fails[::-1], passes[::-1], strict=True):
        gamma = go - fail
        rate = max(fail + share * rate for share in (0.0, gamma))
    assert rate <= 1e-6 * (1 + 1e-6)


def test_sample_grows_and_is_fresh(rng):
    seen = []
    draw = lambda size, rng: seen.append((size, rng.random())) or seen[-1]  # noqa: E731
    outcome = sequential(draw, lambda sample: 0.01, size=10, rng=rng, growth=3, rounds=4, alpha=1e-6)
    assert outcome.sizes == (10, 30, 90, 270)
    assert len({value for _, value in seen}) == 4
    assert not outcome.passed
    assert outcome.rounds == 4


def test_number_of_pvalues_counts():
    beta = 1e-6 / 7
    assert not run_script(beta, alpha=1e-6).passed
    assert run_script([beta, 1.0], *[[1.0]] * 6, alpha=1e-6).passed
    assert not run_script([beta / 2, 1.0], alpha=1e-6).passed
    assert run_script([1.0, 0.3], alpha=1e-6).where == 1


@pytest.mark.parametrize("bad", [math.nan, [0.5, math.nan], -0.1, 1.1, []])
def test_what_is_no_pvalue_is_refused(bad):
    with pytest.raises(ValueError, match=r"in \[0, 1\].*got (nan|-0.1|1.1|none)"):
        run_script(bad)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be an integer >= 1, got 0"),
        ({"alpha": 0.0}, "alpha must be .*> 0.* got 0"),
        ({"rounds": 0}, "rounds must be an integer >= 1, got 0"),
    ],
)
def test_bad_options_teach(options, message):
    with pytest.raises(ValueError, match=message):
        sequential(*scripted(1.0), **{"size": 1, "rng": None, **options})


def test_false_alarms_in_practice():
    # 1 failure in 5 is easy to count; forgetting how many p-values there are, or to tighten, changes that
    def failures(pvalues):
        def draw(size, rng):
            return np.array(
                [
                    not sequential(lambda n, rng: rng.random(3), pvalues, size=1, rng=rng, alpha=0.2).passed
                    for _ in range(size)
                ]
            )

        return draw

    # the smallest of three independent p-values, corrected exactly (Sidak), is one exact p-value
    testing.assert_kills(
        failures(lambda u: 1 - (1 - u.min()) ** 3),
        lambda failed: pvalue_binomial(failed.sum(), failed.size, 0.2),
        mutants={
            "multiplicity forgotten": failures(lambda u: u.min()),
            "corrected twice": failures(lambda u: np.repeat(1 - (1 - u.min()) ** 3, 3)),
        },
        size=400,
        formula="P(fail) = alpha",
        source="Gandy and Scott, arXiv 2001.06465",
    )


# --------------------------------------------------------------------------------------------- p-values are valid

LEVELS = np.array([0.001, 0.01, 0.05, 0.2, 0.5])


def too_often(p):
    """p-values for "P(p <= x) <= x": how often each level was undercut."""
    return pvalue_binomial((p[:, None] <= LEVELS).sum(axis=0), len(p), LEVELS, side="above")


def lopsided(size, rng):
    return rng.random(size) ** 6


CASES = {
    # name: (draw 30 replicates and return a valid p-value, a mutant that is not valid)
    "mean": (
        lambda rng: pvalue_mean(rng.gamma(20.0, size=30), 20.0, 20**0.5, skewness=2 / 20**0.5),
        lambda rng: pvalue_mean(rng.gamma(20.0, size=30), 20.0, 0.8 * 20**0.5, skewness=2 / 20**0.5),
    ),
    "binomial": (
        lambda rng: pvalue_binomial(rng.binomial(30, 0.2), 30, 0.2),
        lambda rng: pvalue_binomial(rng.binomial(30, 0.2), 30, 0.3),
    ),
    "counts": (
        lambda rng: 7 * pvalue_counts(rng.multinomial(30, [0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.4]).min(),
        lambda rng: pvalue_counts(rng.multinomial(30, [0.1, 0.2, 0.3, 0.4]), [0.1, 0.2, 0.3, 0.4]).min(),
    ),
    "two counts": (
        lambda rng: 3 * pvalue_two_counts(*rng.multinomial(30, [0.2, 0.3, 0.5], size=2)).min(),
        lambda rng: pvalue_two_counts(*rng.multinomial(30, [0.2, 0.3, 0.5], size=2)).min() / 2,
    ),
    "distribution": (
        lambda rng: pvalue_distribution(rng.random(30), lambda x: x),
        lambda rng: pvalue_distribution(rng.random(30) ** 1.5, lambda x: x),
    ),
    "two samples": (
        lambda rng: pvalue_two_samples(rng.integers(0, 9, 500), rng.integers(0, 9, 500)),
        lambda rng: pvalue_two_samples(rng.random(500), rng.random(500) ** 1.2),
    ),
    "spread": (  # log-normal of sd 2.8: one replicate in a hundred carries a fifth of the mean
        lambda rng: pvalue_spread(rng.lognormal(0.0, 1.2, 30), math.exp(0.72), 3.7, level=0.01),
        lambda rng: pvalue_spread(rng.lognormal(0.0, 1.2, 30), math.exp(0.72), 0.8, level=0.01),
    ),
    "bounded": (
        lambda rng: pvalue_bounded(lopsided(30, rng), 1 / 7, 0.0, 1.0, level=0.01),
        lambda rng: 3e-3 * pvalue_bounded(lopsided(30, rng), 1 / 7, 0.0, 1.0, level=0.01),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_pvalues_are_valid(case):
    valid, broken = CASES[case]
    testing.assert_kills(
        lambda size, rng: np.array([float(valid(rng)) for _ in range(size)]),
        too_often,
        mutants={"not valid": lambda size, rng: np.array([float(broken(rng)) for _ in range(size)])},
        size=1000,
        formula="P(p <= x) <= x",
    )


def test_binomial_is_scipy():
    k, n, p = np.meshgrid(np.arange(0, 13), [12], [0.0, 0.01, 0.3, 0.5, 1.0], indexing="ij")
    law = stats.binom(n, p)
    np.testing.assert_allclose(pvalue_binomial(k, n, p, side="below"), law.cdf(k), atol=1e-14)
    np.testing.assert_allclose(pvalue_binomial(k, n, p, side="above"), law.sf(k - 1), atol=1e-14)


def test_mean_is_the_normal_tail_times_cramers_factor():
    sample = np.zeros(100)
    for z in (0.5, 3.0, 6.0):
        exact = 2 * stats.norm.sf(z) * math.exp(0.2 / 10 * z**3 / 6)
        assert math.isclose(pvalue_mean(sample, z / 10, 1.0, skewness=0.2), min(exact, 1.0), rel_tol=1e-9)
    assert pvalue_mean(sample, 0.1, 1.0, side="above") == 1.0
    assert pvalue_mean(sample, 0.0, 0.0) == 1.0
    assert pvalue_mean(sample, 1.0, 0.0) == 0.0


def tail_of_mean(law, R, z, step=1 / 32, span=1 << 18):
    """P(|mean - expected| >= z standard errors) of R positive variables, by convolution on a grid."""
    p = np.diff(law.cdf(step * np.arange(span + 1)))
    x = step * np.arange(span)
    mean, variance = p @ x, p @ x**2 - (p @ x) ** 2
    sums = np.fft.irfft(np.fft.rfft(p) ** R)  # where the sum lies, modulo the length of the grid
    away = step * ((np.arange(span) - round(R * mean / step) + span // 2) % span - span // 2)
    return sums[np.abs(away) >= z * math.sqrt(R * variance)].sum()


LAWS = {
    "chi-square, 1 degree": (stats.chi2(1), 8**0.5, 800),
    "gamma(5)": (stats.gamma(5), 2 / 5**0.5, 80),
    "log-normal, relative variance 0.75": (stats.lognorm(math.log(1.75) ** 0.5), 3.75 * 0.75**0.5, 1055),
    "log-normal, relative variance 0.2": (stats.lognorm(math.log(1.2) ** 0.5), 3.2 * 0.2**0.5, 205),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("level", [1e-4, 1e-7, 1e-9])
def test_cramers_correction_is_safe_where_it_is_used(name, level):
    law, skewness, R = LAWS[name]
    assert math.isclose(float(law.stats("s")), skewness, rel_tol=1e-9)
    assert 0.099 < skewness / R**0.5 <= 0.1001  # the edge of what is allowed
    assert tail_of_mean(law, R, float(pvalues.critical(level, skewness / R**0.5))) <= level
    assert tail_of_mean(law, R, stats.norm.isf(level / 2)) > level  # the normal law alone would not do


def test_critical_inverts_the_pvalue():
    for side, sides in (("both", 2), ("below", 1)):
        for skewness in (0.0, 0.03):
            z = float(pvalues.critical(1e-8, skewness, side))
            assert math.isclose(sides * math.exp(pvalues.log_tail(z, skewness)), 1e-8, rel_tol=1e-6)


def test_betting_is_nearly_as_sharp_as_the_normal_law():
    # the deviation that is noticed, in standard errors, for a variable with a small variance in a wide range
    rng = testing.stream()
    for R, spread, most in ((20_000, 0.3, 6.3), (20_000, 0.01, 30), (2000, 0.3, 7)):
        X = 0.5 + spread * (rng.random(R) - 0.5)
        error = X.std() / R**0.5
        noticed = min(
            z for z in np.arange(0, 40, 0.1) if pvalue_bounded(X, X.mean() + z * error, 0.0, 1.0, level=1e-7) <= 2e-7
        )
        assert 5.2 < noticed < most  # the normal law has 5.2
        assert math.isclose(pvalues.bounded_width(X.std(), 0.5, 0.0, 1.0, R, 1e-7) / error, noticed, rel_tol=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pvalue_mean([0.0, math.nan], 0.0, 1.0), "sample must be finite.*got 1 NaN"),
        (lambda: pvalue_mean([], 0.0, 1.0), r"sample must have a replicate.*got shape \(0,\)"),
        (lambda: pvalue_mean([0.0], math.nan, 1.0), "expected must be finite.*got nan"),
        (lambda: pvalue_mean([0.0], 0.0, math.nan), "sd must be finite and >= 0.*got nan"),
        (lambda: pvalue_mean([0.0], 0.0, -1.0), "sd must be finite and >= 0.*got -1"),
        (lambda: pvalue_mean([0.0], 0.0, 1.0, side="left"), "side must be one of .*got 'left'"),
        (lambda: pvalue_binomial(1, 2, math.nan), "probability must be"),
        (lambda: pvalue_binomial(math.nan, 2, 0.5), "successes must be"),
        (lambda: pvalue_binomial(3, 2, 0.5), "successes must be.*got 3"),
        (lambda: pvalue_bounded([0.1, 2.0], 0.5, 0, 1), r"sample must lie in \[0, 1\], got 0.1 to 2"),
        (lambda: pvalue_bounded([0.1], math.nan, 0, 1), "expected must be a number.*got NaN"),
        (lambda: pvalue_counts([1, 2], [1.0]), "counts must have one entry"),
        (lambda: pvalue_two_counts([1, 2], [1]), "first and second must count the same cells"),
        (lambda: pvalue_distribution([0.1], lambda x: x * math.nan), "cdf must return numbers.*got nan"),
        (lambda: pvalue_two_samples([1.0], [1.0]), "same size >= 458.*got 1 and 1"),
    ],
)
def test_pvalues_refuse_what_they_cannot_judge(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_distance_is_that_of_kolmogorov_and_smirnov(rng):
    for x in (rng.random(50), np.repeat(rng.random(10), 5)):
        distance = stats.ks_1samp(x, stats.uniform.cdf).statistic
        assert math.isclose(pvalue_distribution(x, lambda u: u), min(1.0, 2 * math.exp(-100 * distance**2)))
    x, y = rng.integers(0, 50, (2, 500))
    distance = stats.ks_2samp(x, y, method="asymp").statistic
    assert math.isclose(pvalue_two_samples(x, y), min(1.0, 2 * math.exp(-500 * distance**2)))


def test_impossible_means_are_refuted_without_luck():
    assert pvalue_bounded([0.5] * 20, 1.5, 0, 1) == 0
    assert pvalue_bounded([0.5] * 20, 1.5, 0, 1, side="above") == 1
    assert pvalue_bounded([0.5] * 20, -0.5, 0, 1, side="above") == 0


def test_a_constant_sample_at_the_edge_is_no_evidence_against_itself():
    assert pvalue_bounded([1.0] * 500, 1.0, 0, 1) == 1
    assert pvalue_bounded([0.0] * 500, 0.0, 0, 1) == 1
    assert pvalue_bounded([1.0] * 500, 0.9, 0, 1) < 1e-6


# ---------------------------------------------------------------------------------------------- verdicts

N, T, R = 20, 30, 20_000
REPLACE = mc.Replace(n=N)


def gaussian(estimator="mle"):
    return mc.Gaussian(0.0, 1.0, estimator=estimator)


@pytest.fixture(scope="module")
def run():
    return mc.simulate(gaussian(), REPLACE, generations=T, replicates=R, rng=testing.stream("test_verify run"))


@pytest.fixture(scope="module")
def counts():
    truth = mc.Categorical([0.5, 0.3, 0.15, 0.05])
    return mc.simulate(truth, REPLACE, generations=T, replicates=R, rng=testing.stream("test_verify counts"))


def predict(quantity, mean, sd=None, *, family="Gaussian", regime=REPLACE, kind="exact", dims=("generation",), **attrs):
    """A prediction made by hand, so that these tests do not depend on theory."""
    data = {"mean": (dims, mean)} | ({} if sd is None else {"sd": (dims, sd)})
    return xr.Dataset(
        data,
        coords={"generation": np.arange(len(mean))},
        attrs={
            "quantity": quantity,
            "kind": kind,
            "source": "by hand",
            "formula": "t m",
            "family": family,
            "regime": str(regime),
            **attrs,
        },
    )


def log_variance(estimator="mle", n=N, shift=0, **options):
    """G-LOGWALK; `shift` is a mistake in counting generations."""
    t = np.arange(T + 1.0)
    m = special.digamma((n - 1) / 2) + math.log(2 / (n if estimator == "mle" else n - 1))
    mean = np.maximum(t + shift * (t > 0), 0) * m
    return predict("log_variance", mean, np.sqrt(t * special.polygamma(1, (n - 1) / 2)), **options)


def retained(n=N):
    return (1 - 1 / n) ** np.arange(T + 1.0)


def variance(n=N, **options):
    t = np.arange(T + 1.0)
    return predict("variance", retained(n), retained(n) * np.sqrt((1 + 2 / (n - 1)) ** t - 1), **options)


def heterozygosity(n=N, **options):
    return predict("heterozygosity", 0.635 * retained(n), family="Categorical", **options)


def survival(**options):
    """Two-type Wright-Fisher chains, one for each category."""
    i = np.arange(N + 1)
    matrix = stats.binom.pmf(i[None, :], N, i[:, None] / N)
    out = [np.ones(4)]
    state = stats.binom.pmf(i[None, :], N, np.array([0.5, 0.3, 0.15, 0.05])[:, None])
    for _ in range(T):
        out.append(1 - state[:, 0])
        state = state @ matrix
    return predict("survival", np.array(out), family="Categorical", dims=("generation", "category"), **options)


def test_right_theory_is_supported(run):
    verdict = verify(run, log_variance())
    assert verdict.status is Status.SUPPORTED
    assert verdict.checked == T
    assert abs(verdict.z) < verdict.critical
    assert verdict.smallest_effect < 0.1
    assert verdict.error_rate == 1e-6


@pytest.mark.parametrize(
    "wrong",
    [
        log_variance("unbiased"),
        log_variance(n=N - 1),
        log_variance(shift=1),
        log_variance(shift=-1),
        log_variance(n=N + 2),
    ],
    ids=["other estimator", "n - 1 points", "one generation late", "one generation early", "n + 2 points"],
)
def test_wrong_theory_is_contradicted(run, wrong):
    verdict = verify(run, wrong)
    assert verdict.status is Status.CONTRADICTED
    assert abs(verdict.z) > verdict.critical
    assert "z = " in verdict.sentence


def test_same_noise_every_generation_is_contradicted(run):
    # a chain that reuses its random numbers has the right expectation of log_variance, and far too much spread
    t = xr.DataArray(np.arange(T + 1), dims="generation")
    frozen = run.assign(log_variance=t * run["log_variance"].isel(generation=1, drop=True))
    early = slice(0, 5)
    assert verify(frozen.isel(generation=early), variance().isel(generation=early)).status is Status.CONTRADICTED


def test_low_power_is_inconclusive(run):
    few = run.isel(replicate=slice(0, 50))
    verdict = verify(few, log_variance())
    assert verdict.status is Status.INCONCLUSIVE
    assert verdict.smallest_effect > 0.25
    assert "replicates" in verdict.sentence
    assert verify(few, log_variance(), effect=1.0).status is Status.SUPPORTED


def test_number_of_replicates_that_is_asked_for_would_do(run):
    few = run.isel(replicate=slice(0, 50))
    needed = math.ceil(50 * (verify(few, log_variance()).smallest_effect / 0.25) ** 2)
    assert needed < R
    assert verify(run.isel(replicate=slice(0, needed + 50)), log_variance()).status is Status.SUPPORTED


def test_heavy_tail_is_inconclusive(run):
    verdict = verify(run, variance())
    assert verdict.status is Status.INCONCLUSIVE
    assert "G-HEAVY" in verdict.sentence
    assert 0 < verdict.checked < T


def test_heavy_tail_is_decided_where_it_is_light(run):
    early = slice(0, 5)
    assert verify(run.isel(generation=early), variance().isel(generation=early), effect=0.3).status is Status.SUPPORTED
    wrong = variance(n=N - 3).isel(generation=early)
    assert verify(run.isel(generation=early), wrong).status is Status.CONTRADICTED


def test_a_sample_standard_deviation_decides_nothing(run):
    for quantity in ("variance", "mean_squared_error", "w2_squared", "sd"):
        mean = retained() if quantity in ("variance", "sd") else 7 * (1 - retained())
        verdict = verify(run, predict(quantity, mean))
        assert verdict.status is Status.INCONCLUSIVE
        assert "no standard deviation" in verdict.sentence
        assert verdict.checked == 0


@pytest.mark.compiled
def test_squares_are_compared_while_their_tails_are_known():
    truth, regime = gaussian("unbiased"), mc.Replace(n=100)
    many = mc.simulate(truth, regime, generations=60, replicates=40_000, rng=testing.stream())
    for quantity, last in (("mean_squared_error", 20), ("w2_squared", 15)):
        known = mc.predict(quantity, truth, regime, generations=60)
        late = verify(many, known)
        assert late.status is Status.INCONCLUSIVE
        assert last <= late.checked < 60
        early = slice(0, last + 1)
        assert verify(many.isel(generation=early), known.isel(generation=early)).status is Status.SUPPORTED
        known["mean"] = known["mean"] * 1.2
        assert verify(many.isel(generation=early), known.isel(generation=early)).status is Status.CONTRADICTED


def test_catonis_martingale_is_one_on_average_and_nearly_as_sharp_as_the_normal_law():
    # two values, of which one is rare and far: E[1/p] <= 1 for the bets on one side, summed over all samples
    R, level = 12, 0.01
    for rare, far in ((0.01, 10.0), (0.3, 1.0), (0.001, 100.0)):
        mean, sd = rare * far, far * math.sqrt(rare * (1 - rare))
        k = np.arange(R + 1)
        samples = np.where(np.arange(R)[:, None] < k, far, 0.0)
        for side in ("below", "above"):
            p = pvalue_spread(samples, np.full(R + 1, mean), sd, side=side, level=level)
            for x in p:
                assert stats.binom.pmf(k, R, rare)[p <= x].sum() <= x * (1 + 1e-12)
    R, level = 10_000, 1e-8
    for side in ("below", "both", "above"):
        z = pvalues.spread_critical(level, side)
        X = math.copysign(1.03 * z, -1 if side == "below" else 1) / math.sqrt(R)
        stake = level / (2 if side == "both" else 1)
        assert pvalue_spread(np.full(R, X), 0.0, 1.0, side=side, level=stake) <= level
        assert pvalue_spread(np.full(R, 0.97 / 1.03 * X), 0.0, 1.0, side=side, level=stake) > level
    assert 5.6 < pvalues.spread_critical(1e-7) < 5.9
    assert pvalue_spread([1.0, 1.0], 1.0, 0.0) == 1
    assert pvalue_spread([1.0, 2.0], 1.0, 0.0) == 0
    assert pvalue_spread([1.0, 2.0], 1.0, 0.0, side="below") == 1


@pytest.mark.parametrize(
    ("truth", "quantities"),
    [
        (mc.Gaussian(3.0, 2.0, estimator="mle"), ("mean",)),
        (mc.Gaussian([3.0, 0.0], [[2.0, 1.0], [1.0, 2.0]], estimator="unbiased"), ("mean",)),
        (mc.Poisson(0.3), ("rate", "survival")),
        (mc.Exponential(2.0), ("log_rate", "mean")),
        (mc.KernelDensity([0.0, 1.0, 1.5, 4.0], 0.5), ("mean", "variance")),
        (mc.KernelDensity([0.0, 1.0, 1.5, 4.0], "silverman"), ("mean", "variance")),
        (mc.KernelDensity([[0.0, 2.0], [1.0, 1.0], [1.5, -7.0]], "scott"), ("mean", "variance")),
        (mc.Categorical([0.6, 0.3, 0.1]), ("entropy", "heterozygosity", "support")),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
@pytest.mark.compiled
def test_every_family_is_held_against_its_theory(truth, quantities):
    regime, other = mc.Replace(n=20), mc.Replace(n=13)
    T = 5
    run = mc.simulate(truth, regime, generations=T, replicates=20_000, rng=testing.stream())
    for quantity in quantities:
        known = mc.predict(quantity, truth, regime, generations=T)
        verdict = verify(run, known)
        assert verdict.status is Status.SUPPORTED, str(verdict)
        wrong = mc.predict(quantity, truth, other, generations=T).assign_attrs(regime=str(regime))
        if bool((abs(wrong["mean"] - wrong["mean"][0]) < 1e-12).all()):  # the mean is constant: move it by half a sd
            wrong = known.assign(mean=known["mean"] + 0.5 * known["sd"])
        assert verify(run, wrong).status is Status.CONTRADICTED, quantity


@pytest.mark.compiled
def test_a_bound_on_the_scatter_is_enough_to_contradict():
    truth = gaussian()
    for regime, other in (
        (mc.Accumulate(n=N), mc.Replace(n=N)),
        (mc.Subsample(n=N), mc.Replace(n=N)),
        (mc.FixedReal(n=N, n_real=5), mc.Replace(n=N)),
    ):
        known = mc.predict("variance", truth, regime, generations=T)
        assert known.attrs["sd_kind"] == "bound"
        run = mc.simulate(truth, regime, generations=T, replicates=8000, rng=testing.stream(str(regime)))
        assert verify(run, known).status in (Status.SUPPORTED, Status.INCONCLUSIVE)
        assert (run["variance"].std("replicate") <= 1.1 * known["sd"]).all()
        wrong = mc.simulate(truth, other, generations=T, replicates=8000, rng=testing.stream(str(other)))
        wrong.attrs["regime_text"] = str(regime)
        assert verify(wrong, known).status is Status.CONTRADICTED


@pytest.mark.compiled
def test_components_of_a_mixture():
    truth = mc.GaussianMixture([0.9, 0.1], [[0.0], [100.0]], [1.0, 1.0])
    T, regime = 4, mc.Replace(n=12)
    run = mc.simulate(truth, regime, generations=T, replicates=3000, rng=testing.stream())
    for quantity in ("weight", "survival"):
        known = mc.predict(quantity, truth, regime, generations=T)
        assert known.attrs["kind"] == "asymptotic"
        assert verify(run, known, effect=0.5).status is Status.SUPPORTED, str(verify(run, known))
    wrong = mc.predict("survival", truth, mc.Replace(n=20), generations=T).assign_attrs(regime=str(regime))
    verdict = verify(run, wrong)
    assert verdict.status is Status.INCONCLUSIVE
    assert "larger separation" in verdict.sentence


def test_another_bandwidth_is_another_model():
    truth, regime = mc.KernelDensity([0.0, 1.0, 4.0], 0.5), mc.Replace(n=5)
    run = mc.simulate(truth, regime, generations=2, replicates=3, rng=1)
    known = mc.predict("variance", mc.KernelDensity([0.0, 1.0, 4.0], 0.6), regime, generations=2)
    verdict = verify(run, known)
    assert verdict.status is Status.OUT_OF_SCOPE
    assert "bandwidth" in verdict.sentence


@pytest.mark.parametrize("quantity", ["cov", "kl_forward", "kl_reverse"])
def test_predictions_that_no_run_can_be_held_against(run, quantity):
    verdict = verify(run, predict(quantity, retained()))
    assert verdict.status is Status.INCONCLUSIVE
    assert "compare" in verdict.sentence


def test_vectors():
    truth = mc.Gaussian([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]], estimator="mle")
    wide = mc.simulate(truth, REPLACE, generations=T, replicates=2000, rng=testing.stream())
    other = mc.Gaussian(truth.mean, truth.cov, estimator="unbiased")
    for quantity in ("log_det", "log_variance"):
        assert verify(wide, mc.predict(quantity, truth, REPLACE, generations=T)).status is Status.SUPPORTED
        wrong = mc.predict(quantity, other, REPLACE, generations=T).assign_attrs(estimator="mle")
        assert verify(wide, wrong).status is Status.CONTRADICTED
    known = mc.predict("mean_squared_error", truth, REPLACE, generations=T)
    assert verify(wide, known).status is Status.INCONCLUSIVE


def test_real_rows():
    # generation 1 is the fit to the rows, without chance; what follows is a walk
    rows = testing.stream().gamma(2.0, size=N)
    truth = mc.Empirical(rows, mc.Gaussian.from_data(rows, estimator="mle"))
    real = mc.simulate(truth, REPLACE, generations=T, replicates=4000, rng=testing.stream("rows"))
    known = mc.predict("log_variance", truth, REPLACE, generations=T)
    assert verify(real, known).status is Status.SUPPORTED
    assert verify(real, mc.predict("log_variance", truth.model, REPLACE, generations=T)).status is Status.OUT_OF_SCOPE
    wrong = mc.predict("log_variance", truth.model, REPLACE, generations=T).assign_attrs(truth="rows")
    assert verify(real, wrong).status is Status.CONTRADICTED


def test_plug_in_z_test_would_cry_wolf():
    # why there is none: a correct theory, n = 10, t = 100, nominal error rate 0.1 %
    def rejected(size, rng):
        lv = stats.chi2.rvs(9, size=(size, 100, 100), random_state=rng)
        variance = np.exp(np.log(lv / 9).sum(axis=2))
        z = (variance.mean(axis=1) - 1) / (variance.std(axis=1, ddof=1) / 10)
        return np.abs(z) > stats.norm.isf(0.0005)

    testing.assert_kills(
        rejected,
        lambda r: pvalue_binomial(r.sum(), r.size, 0.5, side="below"),
        wrong={"nominal": lambda r: pvalue_binomial(r.sum(), r.size, 0.001)},
        size=100,
        formula="P(reject) > 1/2 for a correct theory",
        source="G-HEAVY",
    )


def test_categorical_quantities(counts):
    assert verify(counts, heterozygosity()).status is Status.SUPPORTED
    assert verify(counts, heterozygosity(n=N - 1)).status is Status.CONTRADICTED
    assert verify(counts, survival()).status is Status.SUPPORTED
    expected = survival()["mean"].values
    support = predict("support", expected.sum(axis=1), family="Categorical")
    assert verify(counts, support).status is Status.SUPPORTED
    late = np.concatenate([expected[:1], expected[:-1]])
    wrong = predict("survival", late, family="Categorical", dims=("generation", "category"))
    assert verify(counts, wrong).status is Status.CONTRADICTED
    assert verify(counts, predict("support", late.sum(axis=1), family="Categorical")).status is Status.CONTRADICTED


def test_impossible_probability_is_contradicted(counts):
    known = survival()
    known["mean"] = known["mean"].where(known["generation"] != 3, 1.5)
    assert verify(counts, known).status is Status.CONTRADICTED


@pytest.mark.parametrize("where", ["run", "mean", "sd", "all of mean", "inf"])
def test_nan_is_never_support(run, where):
    known, broken = log_variance(), run.copy(deep=True)
    if where == "run":
        broken["log_variance"][7, 5] = math.nan
    elif where == "inf":
        broken["log_variance"][7, 5] = -math.inf
    elif where == "mean":
        known["mean"] = known["mean"].where(known["generation"] > 3)
        known["mean"][0] = 0.0
    elif where == "sd":
        known["sd"] = known["sd"].where(known["generation"] > 3)
    else:
        known["mean"] = known["mean"] * math.nan
    verdict = verify(broken, known)
    if where == "mean":  # theory may be silent; then the verdict counts what was compared
        assert verdict.checked == T - 3
        assert f"{T - 3} generations" in verdict.sentence
    else:
        assert verdict.status is Status.INCONCLUSIVE


def test_nan_in_a_wrong_run_is_no_excuse_and_no_support(counts):
    broken = counts.copy(deep=True)
    broken["probability"][0, 4, 0] = math.nan
    assert verify(broken, heterozygosity()).status is Status.INCONCLUSIVE


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (log_variance(regime=mc.Replace(n=21)), r"Replace\(n=21\)"),
        (log_variance(family="Categorical"), "Categorical"),
        (log_variance(estimator="mle", family="Gaussian").assign_attrs(estimator="unbiased"), "used 'mle'"),
        (log_variance().isel(generation=slice(0, 9)), "generations 0 to 8"),
        (log_variance(truth="rows"), "rows"),
        (predict("heterozygosity", retained()), "does not tell heterozygosity"),
        (predict("log_variance", np.zeros((T + 1, 2)), dims=("generation", "dim")), "dimensions"),
        (predict("variance", 2 * retained()), "their truths differ"),
        (log_variance(kind="bound"), "side"),
    ],
    ids=["regime", "family", "estimator", "generations", "truth", "quantity", "dimensions", "start", "bound"],
)
def test_out_of_scope(run, known, reason):
    verdict = verify(run, known)
    assert verdict.status is Status.OUT_OF_SCOPE
    assert reason.replace("\\", "") in verdict.sentence


def test_unknown_quantity_lists_the_legal_ones(run):
    with pytest.raises(ValueError, match=r"quantity.*log_variance.*got 'perplexity'"):
        verify(run, predict("perplexity", retained()))


def test_asymptotic_theory(run):
    # m = -2/n is the leading order; at n = 20 the run sees the remainder
    t = np.arange(T + 1.0)
    options = {"mean": -2 * t / N, "sd": np.sqrt(2 * t / (N - 1)), "kind": "asymptotic"}
    verdict = verify(run, predict("log_variance", **options))
    assert verdict.status is Status.INCONCLUSIVE
    assert "larger n" in verdict.sentence
    assert verify(run, predict("log_variance", **options, remainder=0.1)).status is Status.SUPPORTED
    assert verify(run, predict("log_variance", **options, remainder=0.001)).status is Status.CONTRADICTED
    assert verify(run, log_variance(kind="asymptotic")).status is Status.SUPPORTED


def test_bounds(counts):
    H = 0.635 * retained()
    bound = {"family": "Categorical", "kind": "bound"}
    assert verify(counts, predict("heterozygosity", 0.9 * H, side="lower", **bound)).status is Status.SUPPORTED
    assert verify(counts, predict("heterozygosity", 0.9 * H, side="upper", **bound)).status is Status.CONTRADICTED
    assert verify(counts, predict("heterozygosity", H, side="lower", **bound)).status is Status.SUPPORTED
    assert verify(counts, predict("heterozygosity", H, side="upper", **bound)).status is Status.SUPPORTED
    assert verify(counts, predict("heterozygosity", 1.1 * H, side="lower", **bound)).status is Status.CONTRADICTED


def test_false_alarms_of_verdicts():
    # at alpha = 0.5 a correct theory is contradicted in at most half of all runs, and a wrong one nearly always
    def contradicted(theory, quantity):
        def draw(size, rng):
            out = []
            for _ in range(size):
                small = mc.simulate(gaussian(), REPLACE, generations=4, replicates=64, rng=rng)
                known = theory().isel(generation=slice(0, 5))
                out.append(verify(small, known, alpha=0.5, effect=100).status is Status.CONTRADICTED)
            return np.array(out)

        return draw

    testing.assert_kills(
        contradicted(log_variance, "log_variance"),
        lambda hit: pvalue_binomial(hit.sum(), hit.size, 0.5, side="above"),
        mutants={"other estimator": contradicted(lambda: log_variance("unbiased"), "log_variance")},
        size=60,
    )


def test_a_verdict_reads_like_a_lab_note(run):
    verdict = verify(run, log_variance())
    text = str(verdict)
    for part in (
        "SUPPORTED: log_variance",
        "by hand",
        "Replace(n=20)",
        "20000 replicates",
        "expected",
        "seen",
        "z",
        "error rate 1e-06",
        "could see",
    ):
        assert part in text
    assert "<table>" in verdict._repr_html_()
    again = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert again["status"] == "SUPPORTED"
    assert set(again) == {field.name for field in dataclasses.fields(verdict)}
    unknown = verify(run, log_variance(regime=mc.Replace(n=3)))
    assert json.loads(json.dumps(unknown.to_dict(), allow_nan=False))["z"] is None
    assert "OUT_OF_SCOPE" in str(unknown)


def test_html_is_escaped(run):
    assert "<script>" not in verify(run, log_variance(source="<script>"))._repr_html_()
