"""Mixtures: components that die and shrink, a regularised loop that does not, a frozen seed, two halves."""

import numpy as np
import pytest
from programs import chains

import modelcollapse as mc
from modelcollapse import theory
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_binomial, pvalue_mean

pytestmark = pytest.mark.compiled

N, T, W = 20, 5, 0.15


def apart(w=W, **options):
    """Two components a hundred standard deviations apart: the second is the minority."""
    return mc.GaussianMixture([1 - w, w], [-50.0, 50.0], [1.0, 4.0], **options)


def weight(run):
    return run["weight"].values[:, :, 1]


def test_minority_component_survives_as_a_rare_category_does():
    def law(w=W, t=T):
        p = theory.component_survival(w, N, t)[-1]
        return lambda alive: pvalue_binomial(alive.sum(), len(alive), p)

    def alive(run):
        return weight(run)[:, -1] > 0

    assert_kills(
        chains(apart(), mc.Replace(n=N), T, alive), law(), size=1000,
        mutants={
            "fewer draws": chains(apart(), mc.Replace(n=N - 5), T, alive),
            "weights not re-estimated": lambda size, rng: rng.random((size, T)).max(axis=1) < 1 - (1 - W) ** N,
            "new start every time": chains(apart(init="k-means++"), mc.Replace(n=N), T, alive),
        },
        wrong={"off by one generation": law(t=T - 2), "the other component": law(w=1 - W)},
        formula="P(N_t > 0), Wright-Fisher", source="component_survival",
    )  # fmt: skip


@pytest.mark.parametrize("w", [0.3, 0.7])
def test_component_shrinks_by_its_own_points(w):
    probability, mean, sd = theory.component_log_det(w, N, T)

    def lasted(run):
        counts = np.rint(weight(run)[:, 1:] * N)
        change = np.log(run["cov"].values[:, -1, 1, 0, 0] / 4.0)
        return change[(counts >= 2).all(axis=1)]

    def law(mean):
        return lambda change: pvalue_mean(change, mean, sd[T], skewness=2.0)

    assert probability[T] > 0.5
    assert_kills(
        chains(apart(w), mc.Replace(n=N), T, lasted), law(mean[T]), size=2000,
        mutants={
            "more draws": chains(apart(w), mc.Replace(n=N + 12), T, lasted),
            "one Gaussian of all points": lambda size, rng: np.log(rng.chisquare(N - 1, (size, T)) / N).sum(axis=1),
        },
        wrong={
            "off by one generation": law(mean[T - 1]),
            "divisor N - 1": law(mean[T] + 0.25 / w),
            "weights that stay": law(T * float(theory.component_log_det_rate(N * w)) + 0.25 * (w > 0.5)),
        },
        formula="E[sum m(N_i) | all N_i >= 2]", source="component_log_det",
    )  # fmt: skip


# --------------------------------------------------------------------------------- the regularised loop (ERR-13)


def regularised(r, n, t, dim, start, divisor=0, on_sd=False):
    """The released loop with one component, literally: points, mean, covariance with divisor n, r on the diagonal."""

    def draw(size, rng):
        mean, cov = np.zeros((size, dim)), np.broadcast_to(start * np.eye(dim), (size, dim, dim))
        for _ in range(t):
            x = mean[:, None] + rng.standard_normal((size, n, dim)) @ np.linalg.cholesky(cov).swapaxes(1, 2)
            mean = x.mean(axis=1)
            x = x - mean[:, None]
            cov = x.swapaxes(1, 2) @ x / (n - divisor)
            cov = (cov**0.5 + r) ** 2 if on_sd else cov + r * np.eye(dim)
        return np.trace(cov, axis1=1, axis2=2) / dim

    return draw


def third_moment(r, n, t, start):
    """Skewness of the regularised variance, by the recursion of its moments; one dimension."""
    one, two, three = start, start**2, start**3
    a, b, c = ((n - 1) / n, (n - 1) * (n + 1) / n**2, (n - 1) * (n + 1) * (n + 3) / n**3)
    for _ in range(t):
        three = c * three + 3 * b * two * r + 3 * a * one * r**2 + r**3
        two = b * two + 2 * a * one * r + r**2
        one = a * one + r
    return (three - 3 * one * two + 2 * one**3) / (two - one**2) ** 1.5


@pytest.mark.parametrize(("dim", "start"), [(1, 2.0), (2, 0.5)], ids=["from above", "stationary mean, plane"])
def test_the_plateau_of_the_released_code(dim, start):
    r, n, t = 0.05, 10, 8
    # each diagonal entry is a chain of its own, so the sd of one is a bound for that of their mean
    sd = theory.regularised_sd(r, n, t, variance=start)[t]
    skewness = third_moment(r, n, t, start)

    def law(mean):
        return lambda x: pvalue_mean(x, mean, sd, skewness=skewness)

    mean = theory.regularised_variance(r, n, np.arange(t + 1), variance=start)
    if dim == 2:
        assert mean[t] == theory.regularised_variance_limit(r, n) == start  # rn, and it stays
    mutants = {
        "nothing is added": regularised(0.0, n, t, dim, start),
        "divisor n - 1": regularised(r, n, t, dim, start, divisor=1),
        "n - 1 draws": regularised(r, n - 2, t, dim, start),
    }
    if dim == 1:
        mutants["added to the sd"] = regularised(r, n, t, dim, start, on_sd=True)
    wrong = {"nothing is added": law(start * (1 - 1 / n) ** t)}
    if dim == 1:
        wrong["off by one generation"] = law(mean[t - 1])
    assert_kills(regularised(r, n, t, dim, start), law(mean[t]), size=20_000, mutants=mutants, wrong=wrong,
                 formula="rn + (var_0 - rn)(1 - 1/n)^t", source="GMM-REGCOVAR")  # fmt: skip


# --------------------------------------------------------------------------------- an integer seed


def loop(frozen):
    """Log variance after T generations; `frozen`: the sampler starts from the same integer in each of them."""

    def draw(size, rng):
        out = np.empty(size)
        for k in range(size):
            seed, log_variance = int(rng.integers(2**63)), 0.0
            for t in range(T):
                z = np.random.default_rng(seed if frozen else (seed, t)).standard_normal(N)
                log_variance += np.log(z.var())
            out[k] = log_variance
        return out

    return draw


def test_a_frozen_seed_spreads_like_t():
    mean, sd = theory.frozen_seed_log_variance(N, T, estimator="mle")
    sound = float(theory.log_variance_var(N, T)) ** 0.5

    def law(sd):
        def pvalues(x):
            # excess kurtosis of ln chi2 is below 0.3 here: sd of a square <= 1.6 variance
            return [
                pvalue_mean(x, mean, sd, skewness=0.5),
                pvalue_mean((x - mean) ** 2, sd**2, 1.6 * sd**2, skewness=5),
            ]

        return pvalues

    assert_kills(loop(True), law(sd), size=2500, mutants={"a sound loop": loop(False)},
                 wrong={"sqrt(t v)": law(sound)}, formula="t m, t sqrt(v)", source="GMM-FROZEN-SEED")  # fmt: skip


# --------------------------------------------------------------------------------- two symmetric components


def symmetric(estimate, n=10, t=100):
    """Standard deviation after t refits of +-mu with the estimator, from mu = sigma = 1."""

    def draw(size, rng):
        mean, variance = np.ones(size), np.ones(size)
        for _ in range(t):
            sign = np.where(rng.random((size, n)) < 0.5, -1, 1)
            x = sign * mean[:, None] + variance[:, None] ** 0.5 * rng.standard_normal((size, n))
            mean, variance = estimate(x)
        return variance**0.5

    return draw


def test_symmetric_mixture_stays_under_its_bound():
    bound = float(theory.symmetric_mixture_bound(0.1, 10, 100))

    def law(bound):
        return lambda sd: pvalue_binomial((sd > 0.1).sum(), len(sd), bound, side="above")

    def still(x):
        return np.sqrt(np.maximum((x**2).mean(axis=1) - 1, 0)), np.ones(len(x))

    assert_kills(symmetric(theory.symmetric_mixture_approximate), law(bound), size=1000,
                 mutants={"variance not re-estimated": symmetric(still)},
                 formula="P(sd_t > e) <= sd_0/e exp(-t/(4n))", source="SUR-T4")  # fmt: skip
