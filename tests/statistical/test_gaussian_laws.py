"""Gaussians under Replace against the exact laws of the log-variance walk, the mean, W2 and the determinant."""

import numpy as np
import pytest
from programs import Late, chains, last, pvalue_chi_square
from scipy import special

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_distribution, pvalue_mean

pytestmark = pytest.mark.compiled

N, T = 12, 6
OTHER = {"mle": "unbiased", "unbiased": "mle"}


def gaussian(estimator, mean=3.0, cov=4.0):
    return mc.Gaussian(mean, cov, estimator=estimator)


def path(run):
    """Means and log variances, (2, replicate, generation)."""
    return np.stack([run["mean"].values, run["log_variance"].values])


def standardised(sample, n=N):
    """Standard normal increments of the mean and chi-square increments of the variance, up to its divisor."""
    mean, log_variance = sample
    z = np.diff(mean, axis=1) * np.exp(-log_variance[:, :-1] / 2) * n**0.5
    return z, np.exp(np.diff(log_variance, axis=1))


def frozen(draw):
    """The same noise in every generation, as with an integer random_state inside the loop."""

    def again(size, rng):
        mean, log_variance = draw(size, rng)
        t = np.arange(log_variance.shape[1])
        ratio = np.diff(log_variance[:, :2], axis=1)
        sd = np.exp((log_variance[:, :1] + ratio * t) / 2)
        shift = np.diff(mean[:, :2], axis=1) / sd[:, :1]
        steps = np.concatenate([np.zeros((size, 1)), np.cumsum(shift * sd[:, :-1], axis=1)], axis=1)
        return np.stack([mean[:, :1] + steps, log_variance[:, :1] + ratio * t])

    return again


def fixed_mean(draw):
    """The mean is never re-estimated; its spread stays that of the first fit."""

    def still(size, rng):
        mean, log_variance = draw(size, rng)
        return np.stack([np.where(np.arange(mean.shape[1]) > 0, mean[:, 1:2], mean), log_variance])

    return still


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_increments_have_their_exact_laws(estimator):
    div = N if estimator == "mle" else N - 1

    def law(sample):
        z, ratio = standardised(sample)
        chi = ratio * div
        step = np.log(chi) - special.digamma((N - 1) / 2) - np.log(2)
        variance = special.polygamma(1, (N - 1) / 2)
        skew = abs(special.polygamma(2, (N - 1) / 2)) / variance**1.5
        return [
            pvalue_chi_square((z**2).sum(), z.size),
            pvalue_chi_square(chi.sum(), (N - 1) * chi.size),
            pvalue_distribution(z, special.ndtr),
            pvalue_distribution(chi, lambda x: special.chdtr(N - 1, x)),
            # independent generations: the product of two steps has mean 0, and its sd is known
            pvalue_mean(step[:, 0] * step[:, 1], 0.0, variance, skewness=skew**2),
            pvalue_mean(z[:, 0] * z[:, 1], 0.0, 1.0),
            pvalue_mean(z[:, 1] * step[:, 0], 0.0, variance**0.5),
        ]

    draw = chains(gaussian(estimator), mc.Replace(n=N), T, path)
    assert_kills(
        draw,
        law,
        size=1000,
        mutants={
            "other divisor": chains(gaussian(OTHER[estimator]), mc.Replace(n=N), T, path),
            "n - 1 draws": chains(gaussian(estimator), mc.Replace(n=N - 1), T, path),
            "same noise every generation": frozen(draw),
            "mean not re-estimated": fixed_mean(draw),
            "first fit twice": chains(gaussian(estimator), Late(n=N), T, path),
        },
        formula="ln var_t - ln var_(t-1) = ln(chi2_(n-1)/div), independent",
        source="G-LOGWALK",
    )


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize("n", [N, (20, 5, 12, 30, 2, 9)], ids=["constant", "schedule"])
def test_log_variance_after_t_generations(estimator, n):
    def law(shift=0, estimator=estimator):
        t = T + shift
        start = np.log(4.0)
        mean = start + theory.log_variance_mean(n, t, estimator=estimator)
        variance = float(theory.log_variance_var(n, T))
        skew = max(1.0, variance**0.5)

        def pvalues(lv):
            # excess kurtosis of ln chi2 is below 6, and its square has the standard deviation that follows
            return [
                pvalue_mean(lv, mean, variance**0.5, skewness=skew),
                pvalue_mean((lv - mean) ** 2, variance, variance * 8**0.5, skewness=9.0),
            ]

        return pvalues

    shift = -1 if n == N else -2
    assert_kills(
        chains(gaussian(estimator), mc.Replace(n=n), T, last("log_variance")),
        law(),
        size=9000,
        wrong={
            "off by one generation": law(shift),
            "other estimator": law(estimator=OTHER[estimator]),
        },
        formula="t m and t v",
        source="G-LOGWALK",
    )


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_expected_w2_squared(estimator):
    n, t = 30, 4
    truth = mc.Gaussian(1.0, 1.0, estimator=estimator)
    regime = mc.Replace(n=n)
    known = mc.predict("w2_squared", truth, regime, generations=t)
    sd = float(known["sd"][-1])

    def law(mean):
        return lambda w: pvalue_mean(w, mean, sd, skewness=7.0)

    def w2_squared(run):
        return last("w2")(run) ** 2

    def distance(run):
        sigma = np.exp(run["log_variance"] / 2)
        return run.assign(w2=np.sqrt((run["mean"] - 1.0) ** 2 + (sigma - 1.0) ** 2))

    program = chains(truth, regime, t, lambda run: w2_squared(distance(run)))
    assert_kills(
        program,
        law(float(known["mean"][-1])),
        size=20_000,
        mutants={
            "other estimator": chains(
                mc.Gaussian(1.0, 1.0, estimator=OTHER[estimator]), regime, t, lambda run: w2_squared(distance(run))
            ),
            "distance, not its square": chains(truth, regime, t, lambda run: last("w2")(distance(run))),
            "variances for standard deviations": chains(
                truth,
                regime,
                t,
                lambda run: (last("mean")(run) - 1) ** 2 + (np.exp(last("log_variance")(run)) - 1) ** 2,
            ),
        },
        wrong={
            "preprint formula": law((t - 1) / n + 1.5 / n),
            "off by one generation": law(float(known["mean"][-2])),
        },
        formula=known.attrs["formula"],
        source=known.attrs["source"],
    )


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
@pytest.mark.parametrize(("quantity", "power"), [("sd", 0.5), ("variance", 1.0)])
def test_expected_sd_and_variance_while_they_are_light(estimator, quantity, power):
    n, t = 40, 8
    truth, regime = mc.Gaussian(0.0, 1.0, estimator=estimator), mc.Replace(n=n)
    known = mc.predict(quantity, truth, regime, generations=t).isel(generation=-1)
    other = mc.predict(quantity, mc.Gaussian(0.0, 1.0, estimator=OTHER[estimator]), regime, generations=t)
    sd = float(known["sd"])

    def law(mean):
        return lambda x: pvalue_mean(x, mean, sd, skewness=3.5 * sd / mean)

    assert_kills(
        chains(truth, regime, t, lambda run: np.exp(power * last("log_variance")(run))),
        law(float(known["mean"])),
        wrong={"other estimator": law(float(other["mean"][-1]))},
        size=4000,
        formula=known.attrs["formula"],
        source=known.attrs["source"],
    )


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_mean_squared_error(estimator):
    n, t = 30, 4
    truth, regime = mc.Gaussian(0.0, 1.0, estimator=estimator), mc.Replace(n=n)
    known = mc.predict("mean_squared_error", truth, regime, generations=t)
    mean, sd = known["mean"].values, float(known["sd"][-1])

    def law(expected):
        return lambda x: pvalue_mean(x, expected, sd, skewness=5.0)

    def square(run):
        return last("mean")(run) ** 2

    assert_kills(
        chains(truth, regime, t, square),
        law(mean[-1]),
        size=20_000,
        mutants={"mean not re-estimated": chains(truth, regime, 1, square)},
        wrong={"off by one generation": law(mean[-2])},
        formula=known.attrs["formula"],
        source=known.attrs["source"],
    )


COV = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, -0.3], [0.5, -0.3, 0.5]])


@pytest.mark.parametrize("estimator", ["unbiased", "mle"])
def test_log_determinant(estimator):
    n, t = 9, 4
    start = np.linalg.slogdet(COV)[1]

    def law(shift=0, dim=3, estimator=estimator):
        mean = start + float(theory.log_det_mean(n, t + shift, dim=dim, estimator=estimator))
        variance = float(theory.log_det_var(n, t, dim=3))

        def pvalues(x):
            return [
                pvalue_mean(x, mean, variance**0.5, skewness=1.0),
                pvalue_mean((x - mean) ** 2, variance, variance * 8**0.5, skewness=9.0),
            ]

        return pvalues

    truth = mc.Gaussian(np.arange(3.0), COV, estimator=estimator)
    draw = chains(truth, mc.Replace(n=n), t, last("log_det"))

    def same_noise(size, rng):
        first = chains(truth, mc.Replace(n=n), 1, last("log_det"))(size, rng)
        return start + t * (first - start)

    assert_kills(
        draw,
        law(),
        size=9000,
        mutants={
            "other divisor": chains(
                mc.Gaussian(np.arange(3.0), COV, estimator=OTHER[estimator]), mc.Replace(n=n), t, last("log_det")
            ),
            "n - 1 draws": chains(truth, mc.Replace(n=n - 1), t, last("log_det")),
            "same noise every generation": same_noise,
            "diagonal only": chains(truth, mc.Replace(n=n), t, lambda run: last("log_variance")(run).sum(axis=1)),
        },
        wrong={"off by one generation": law(-1), "one dimension less": law(dim=2)},
        formula="sum_i [psi((nu-i+1)/2) + ln(2/div)] per generation",
        source="G-DET",
    )


def test_means_of_vectors_follow_the_last_covariance():
    # whitened increments of the mean are standard normal in every direction
    n, t = 7, 4

    def increments(run):
        mean, cov = run["mean"].values, run["cov"].values[:, :-1]
        return np.linalg.solve(np.linalg.cholesky(cov), np.diff(mean, axis=1)[..., None])[..., 0] * n**0.5

    def law(z):
        first = z.reshape(-1, 3)
        return [
            pvalue_chi_square((z**2).sum(), z.size),
            pvalue_distribution(z, special.ndtr),
            *(pvalue_mean(first[:, i] * first[:, j], 0.0, 1.0) for i, j in ((0, 1), (0, 2), (1, 2))),
        ]

    truth = mc.Gaussian(np.arange(3.0), COV, estimator="mle")

    def no_correlation(run):
        mean, cov = run["mean"].values, run["cov"].values[:, :-1]
        sd = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
        return np.diff(mean, axis=1) / sd * n**0.5

    assert_kills(
        chains(truth, mc.Replace(n=n), t, increments),
        law,
        size=1000,
        mutants={
            "n - 1 draws": chains(truth, mc.Replace(n=n - 1), t, increments),
            "correlations ignored": chains(truth, mc.Replace(n=n), t, no_correlation),
            "always the first covariance": chains(
                truth,
                mc.Replace(n=n),
                t,
                lambda run: (
                    np.linalg.solve(np.linalg.cholesky(COV), np.diff(run["mean"].values, axis=1)[..., None])[..., 0]
                    * n**0.5
                ),
            ),
        },
        formula="mu_t - mu_(t-1) ~ N(0, cov_(t-1)/n)",
        source="mad-fully-synthetic-moments",
    )
