"""Gaussian mixtures: the EM kernel against its interpreted self, scikit-learn and the algebra; the family around it."""

import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._kernels import mixture as kernels
from modelcollapse.families import mixture as module
from modelcollapse.families.mixture import GaussianMixture
from modelcollapse.testing import stream

SHAPES = ("full", "diag", "spherical")
FEW = settings(deadline=None, derandomize=True, database=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)


def random_mixture(rng, k, dim, **options):
    """A mixture whose components overlap somewhat, of no particular scale or place."""
    factors = rng.standard_normal((k, dim, dim)) + 2 * np.eye(dim)
    return GaussianMixture(
        rng.dirichlet(np.full(k, 5.0)),
        3 * rng.standard_normal((k, dim)),
        factors @ factors.transpose(0, 2, 1),
        **options,
    )


def settings_of(model, **changes):
    """The same parameters with other settings."""
    return GaussianMixture(model.weights, model.means, model.covs, **{**model.options(), **changes})


# ------------------------------------------------------------------------------------------------------ exponential


def test_the_exponential_is_right_to_one_ulp(rng):
    x = np.concatenate(
        [
            -rng.uniform(0, 708, 1000),
            -rng.uniform(0, 1, 1000),
            -(10.0 ** rng.uniform(-20, 0, 200)),
            -np.log(2) * (np.arange(0, 1000, 13) + 0.5),
            [-708.0],
        ]
    )
    got = np.array([kernels.exponential(float(v)) for v in x])
    with mpmath.workdps(40):
        exact = [mpmath.exp(mpmath.mpf(float(v))) for v in x]
        error = [abs(mpmath.mpf(float(g)) - e) / float(np.spacing(float(e))) for g, e in zip(got, exact, strict=True)]
    assert max(error) <= 1.0


def test_the_exponential_at_its_ends():
    assert kernels.exponential(0.0) == 1.0
    assert kernels.exponential(-0.0) == 1.0
    assert kernels.exponential(-708.1) == 0.0
    assert kernels.exponential(-np.inf) == 0.0
    assert kernels.exponential(-708.0) == pytest.approx(np.exp(-708.0), rel=1e-15)


# --------------------------------------------------------------------------------------- compiled == interpreted

SCRIPT = """
import sys
import numpy as np
from modelcollapse.families.mixture import GaussianMixture
out = {}
for dim in (1, 2, 3):
    for covariance in ("full", "diag", "spherical"):
        rng = np.random.default_rng([dim, 7])
        truth = GaussianMixture([0.2, 0.5, 0.3], 2 * rng.standard_normal((3, dim)), [1.0, 2.0, 0.5],
                                covariance=covariance, tol=0.0, max_iter=3)
        X = truth.sample(150, rng)
        X[0] += 1e3  # a mean that moves far, and a likelihood that underflows
        for name, points in (("apart", X), ("few", X[:4]), ("equal", X[:3] * 0 + 5)):
            model = truth.fit(points)
            for part in ("weights", "means", "covs", "floored"):
                out[f"{dim} {covariance} {name} {part}"] = getattr(model, part)
            out[f"{dim} {covariance} {name} sample"] = model.sample(20, rng)
np.savez(sys.argv[1], **out)
"""


def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    assert differences(SCRIPT) == []


# ------------------------------------------------------------------------------------------------ against scikit-learn


def peer(model, X, steps):
    """scikit-learn's mixture after so many steps from the same start, nothing added to its covariances."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Peer
    from threadpoolctl import threadpool_limits

    precisions = np.linalg.inv(model.covs)
    if model.covariance == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    elif model.covariance == "spherical":
        precisions = precisions[:, 0, 0]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = Peer(
            model.components,
            covariance_type=model.covariance,
            tol=0.0,
            reg_covar=0.0,
            max_iter=steps,
            weights_init=model.weights,
            means_init=model.means,
            precisions_init=precisions,
        ).fit(X)
    covs = fitted.covariances_
    if model.covariance == "diag":
        covs = covs[:, :, None] * np.eye(model.dim)
    elif model.covariance == "spherical":
        covs = covs[:, None, None] * np.eye(model.dim)
    return fitted.weights_, fitted.means_, covs


@pytest.mark.compiled
@pytest.mark.parametrize("steps", [1, 7, 300])
@pytest.mark.parametrize("covariance", SHAPES)
@pytest.mark.parametrize(("k", "dim"), [(2, 2), (3, 1), (2, 4)])
def test_em_is_that_of_scikit_learn(k, dim, covariance, steps, rng):
    truth = GaussianMixture(np.full(k, 1 / k), 4 * np.arange(k)[:, None] * np.ones(dim), np.linspace(0.5, 2, k))
    X = truth.sample(777, rng)
    start = GaussianMixture(
        np.full(k, 1 / k),
        truth.means + rng.standard_normal((k, dim)),
        np.full(k, 2.0),
        covariance=covariance,
        tol=0.0,
        max_iter=steps,
    )
    ours = start.fit(X)
    assert (ours.iterations, ours.floored) == (steps, 0)
    for mine, theirs in zip((ours.weights, ours.means, ours.covs), peer(start, X, steps), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-8)


def test_the_stop_is_that_of_scikit_learn(rng):
    from sklearn.mixture import GaussianMixture as Peer

    truth = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [2.0, 1.0]], [1.0, 1.0], tol=1e-5, max_iter=500)
    X = truth.sample(500, rng)
    theirs = Peer(
        2,
        tol=1e-5,
        max_iter=500,
        reg_covar=0.0,
        weights_init=truth.weights,
        means_init=truth.means,
        precisions_init=np.linalg.inv(truth.covs),
    ).fit(X)
    assert truth.fit(X).iterations == theirs.n_iter_


# ---------------------------------------------------------------------------------------------------- true for any seed


@given(seeds, st.integers(1, 4), st.integers(1, 4), st.sampled_from(SHAPES), st.integers(20, 400))
@FEW
def test_no_step_lowers_the_likelihood(seed, k, dim, covariance, n):
    rng = np.random.default_rng(seed)
    X = random_mixture(rng, k, dim).sample(n, rng)
    model = random_mixture(rng, k, dim, covariance=covariance, tol=0.0, max_iter=1)
    model = model.fit(X)  # the first step may leave a start of another shape
    before = model.logpdf(X).sum()
    for _ in range(15):
        model = model.fit(X)
        if model.floored or (model.weights == 0).any():
            break
        after = model.logpdf(X).sum()
        assert after >= before - 1e-9 * (n + abs(before))
        before = after


@given(seeds, st.integers(1, 4), st.integers(1, 3), st.sampled_from(SHAPES), st.integers(1, 300))
@FEW
def test_every_fit_is_a_mixture_and_matches_the_mean(seed, k, dim, covariance, n):
    rng = np.random.default_rng(seed)
    X = random_mixture(rng, k, dim).sample(n, rng)
    model = random_mixture(rng, k, dim, covariance=covariance).fit(X)
    assert model.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (model.weights >= 0).all()
    assert np.isfinite(model.means).all()
    assert np.isfinite(np.linalg.cholesky(model.covs)).all()
    mean, cov = model.moments()
    if (model.weights > 0).all():
        np.testing.assert_allclose(mean, X.mean(0), atol=1e-9)
        if not model.floored:  # EM matches the variance too: all of it, or its trace
            expected = np.cov(X.T, ddof=0).reshape(dim, dim)
            if covariance == "full":
                np.testing.assert_allclose(cov, expected, atol=1e-8)
            assert np.trace(cov) == pytest.approx(np.trace(expected), rel=1e-9)


@given(seeds, st.integers(1, 3), st.sampled_from(SHAPES), st.floats(-1e3, 1e3), st.sampled_from([1e-6, 0.3, 40.0]))
@FEW
def test_a_shift_and_a_change_of_unit_go_through(seed, dim, covariance, place, unit):
    rng = np.random.default_rng(seed)
    X = random_mixture(rng, 3, dim).sample(300, rng)
    start = random_mixture(rng, 3, dim, covariance=covariance, tol=0.0, max_iter=4)
    moved = GaussianMixture(
        start.weights, unit * (start.means + place), unit**2 * start.covs, covariance=covariance, tol=0.0, max_iter=4
    )
    one, other = start.fit(X), moved.fit(unit * (X + place))
    assume(one.floored == 0)
    np.testing.assert_allclose(other.weights, one.weights, atol=1e-7)
    np.testing.assert_allclose(other.means / unit - place, one.means, atol=1e-6)
    np.testing.assert_allclose(other.covs / unit**2, one.covs, rtol=1e-6, atol=1e-6)


@given(seeds, st.integers(1, 3), st.sampled_from(SHAPES))
@FEW
def test_components_and_points_have_no_order(seed, dim, covariance):
    rng = np.random.default_rng(seed)
    X = random_mixture(rng, 3, dim).sample(300, rng)
    start = random_mixture(rng, 3, dim, covariance=covariance, tol=0.0, max_iter=4)
    order = rng.permutation(3)
    other = GaussianMixture(
        start.weights[order], start.means[order], start.covs[order], covariance=covariance, tol=0.0, max_iter=4
    )
    one, two = start.fit(X), other.fit(rng.permutation(X))
    assume(one.floored == 0)
    np.testing.assert_allclose(two.weights, one.weights[order], atol=1e-9)
    np.testing.assert_allclose(two.means, one.means[order], atol=1e-7)
    np.testing.assert_allclose(two.covs, one.covs[order], atol=1e-6)


@given(seeds, st.integers(1, 4))
@FEW
def test_one_component_is_the_maximum_likelihood_gaussian(seed, dim):
    rng = np.random.default_rng(seed)
    X = random_mixture(rng, 1, dim).sample(dim + 2 + int(rng.integers(500)), rng)
    model = GaussianMixture([1.0], np.zeros((1, dim)), [1.0]).fit(X)
    np.testing.assert_allclose(model.means[0], X.mean(0), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(model.covs[0], np.cov(X.T, ddof=0).reshape(dim, dim), rtol=1e-8, atol=1e-8)


# ---------------------------------------------------------------------------------------------- narrow and far away


@pytest.mark.parametrize("start", [(5.0, 1e-16), (0.0, 1.0), (4.0, 1e-10)])
def test_a_narrow_component_far_from_the_origin_keeps_its_digits(start, rng):
    X = 5.0 + 1e-8 * rng.standard_normal((1000, 1))
    model = GaussianMixture([1.0], [[start[0]]], [start[1]]).fit(X)
    assert model.covs[0, 0, 0] == pytest.approx(np.var(X - 5.0), rel=1e-10)
    assert model.means[0, 0] - 5.0 == pytest.approx(np.mean(X - 5.0), abs=2e-15)  # a double near 5 is 9e-16 wide
    assert model.floored == 0


def test_a_narrow_component_beside_a_wide_one(rng):
    narrow, wide = [5.0, 5.0] + 1e-8 * rng.standard_normal((400, 2)), rng.standard_normal((600, 2))
    start = GaussianMixture([0.5, 0.5], [[5.0, 5.0], [0.0, 0.0]], [1e-12, 1.0], max_iter=50)
    model = start.fit(rng.permutation(np.concatenate([narrow, wide])))
    np.testing.assert_allclose(model.covs[0], np.cov((narrow - 5.0).T, ddof=0), rtol=1e-8, atol=1e-24)
    np.testing.assert_allclose(model.covs[1], np.cov(wide.T, ddof=0), rtol=1e-8)
    assert model.floored == 0


@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e-100])
def test_nothing_is_floored_in_absolute_terms(unit, rng):
    model = GaussianMixture([0.5, 0.5], [[0.0], [8.0 * unit]], [unit**2, unit**2])
    for _ in range(20):
        X = model.sample(50, rng)
        model = model.fit(X)
        assert model.floored == 0
        assert model.moments()[1][0, 0] == pytest.approx(np.var(X), rel=1e-9, abs=0)


# --------------------------------------------------------------------------------------------------- floor, degeneracy


def test_the_floor_is_relative_to_the_points_of_the_fit(rng):
    X = np.concatenate([rng.standard_normal((200, 1)), [[9.0]]])
    for unit in (1.0, 1e-9):
        start = GaussianMixture([0.9, 0.1], [[0.0], [9.0 * unit]], np.array([1.0, 1e-4]) * unit**2, floor=1e-6)
        model = start.fit(unit * X)
        assert model.floored == 1
        assert model.covs[1, 0, 0] == pytest.approx(1e-6 * np.var(unit * X), rel=1e-6)
        assert model.covs[0, 0, 0] == pytest.approx(np.var(unit * X[:-1]), rel=1e-6)


@pytest.mark.parametrize("covariance", SHAPES)
def test_the_floor_knows_the_units_of_columns(covariance, rng):
    X = rng.standard_normal((300, 2)) * [1e-8, 1e8]
    model = GaussianMixture([1.0], [[0.0, 0.0]], [[1e-16, 1e16]], covariance=covariance).fit(X)
    assert model.floored == 0
    expected = np.var(X, axis=0)
    np.testing.assert_allclose(np.diag(model.covs[0]), expected if covariance != "spherical" else [expected.mean()] * 2)


@pytest.mark.parametrize("slope", [3.0, -1 / 3, 1e-5, 0.7, 1e6])
def test_points_on_a_line_give_a_covariance_that_can_be_factored(slope, rng):
    t = rng.standard_normal(100)
    X = np.stack([t, slope * t, -t], axis=1)
    model = GaussianMixture([1.0], np.zeros((1, 3)), [1.0]).fit(X)
    assert model.floored == 1
    np.testing.assert_allclose(model.covs[0], np.cov(X.T, ddof=0), rtol=1e-9)
    back = GaussianMixture.from_state(model.state(), **model.options())
    np.testing.assert_allclose(back.logpdf(X).mean(), model.logpdf(X).mean(), rtol=0.02)
    left = np.diag(np.linalg.cholesky(model.covs[0])) ** 2 / np.diag(model.covs[0])
    np.testing.assert_allclose(left[1:], kernels.OWN, rtol=0.02)


@pytest.mark.compiled
@pytest.mark.parametrize("covariance", SHAPES)
@pytest.mark.parametrize("n", [1, 2, 500])
def test_points_that_are_all_equal(covariance, n, rng):
    X = np.full((n, 2), 0.1)
    start = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0], covariance=covariance)
    model = start.fit(X)
    assert model.floored == 2
    np.testing.assert_allclose(model.means, 0.1, rtol=1e-15)
    np.testing.assert_allclose(model.sample(5, rng), 0.1, rtol=1e-15)
    again = model.fit(model.sample(50, rng))
    assert np.isfinite(again.logpdf(X)).all()


@pytest.mark.parametrize("place", [15.0, 100.0])
def test_a_component_without_points_keeps_its_place_and_never_returns(place, rng):
    start = GaussianMixture([0.5, 0.5], [[0.0], [place]], [1.0, 2.0])
    model = start.fit(rng.standard_normal((50, 1)))
    np.testing.assert_array_equal(model.weights, [1.0, 0.0])
    assert (model.means[1, 0], model.covs[1, 0, 0]) == (place, 2.0)
    assert np.isfinite(model.logpdf([0.0, place])).all()
    assert model.sample(1000, rng).max() < 8
    later = model.fit(np.concatenate([model.sample(50, rng), np.full((50, 1), place)]))
    np.testing.assert_array_equal(later.weights, [1.0, 0.0])


def test_the_last_live_component_takes_the_rounding_of_the_weights():
    cumulative = module._cumulative(np.array([0.1] * 10 + [0.0]))
    assert cumulative[8] < 1 < cumulative[9]


def test_points_nobody_expects_are_shared_out_without_nan():
    start = GaussianMixture([0.5, 0.5], [[0.0], [1e-120]], [1e-250, 1e-250])
    model = start.fit(np.array([[0.0], [1e60]]))
    assert np.isfinite(model.means).all()
    assert np.isfinite(model.covs).all()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.nan, "got nan at index \\(3, 1\\)"),
        (-np.inf, "got -inf"),
        (1e200, "must be finite, and so must its squares.*got 1e\\+200"),
    ],
)
def test_a_fit_refuses_what_has_no_moments(bad, said):
    X = np.arange(20.0).reshape(10, 2)
    X[3, 1] = bad
    with pytest.raises(ValueError, match=said):
        GaussianMixture([1.0], [[0.0, 0.0]], [1.0]).fit(X)


# ------------------------------------------------------------------------------------------------------------- family


def test_logpdf_is_that_of_scipy(rng):
    from scipy.stats import multivariate_normal

    model = random_mixture(rng, 3, 3)
    x = model.sample(50, rng)
    density = sum(
        w * multivariate_normal(m, C).pdf(x) for w, m, C in zip(model.weights, model.means, model.covs, strict=True)
    )
    np.testing.assert_allclose(model.logpdf(x), np.log(density), rtol=1e-10)
    assert model.logpdf(x.reshape(5, 10, 3)).shape == (5, 10)
    assert model.logpdf(x[0]).shape == ()


def test_logpdf_of_numbers():
    model = GaussianMixture([0.5, 0.5], [0.0, 2.0], [1.0, 1.0])
    np.testing.assert_allclose(model.logpdf([1.0, 1.0]), -0.5 - 0.5 * np.log(2 * np.pi))
    np.testing.assert_allclose(model.logpdf([[1.0], [1.0]]), model.logpdf([1.0, 1.0]))
    assert model.logpdf([1e9])[0] == pytest.approx(-5e17, rel=1e-6)
    with pytest.raises(ValueError, match=r"x must have shape \(\.\.\., 1\), got \(3, 2\)"):
        model.logpdf(np.zeros((3, 2)))


def test_a_sample_has_the_moments_and_the_order_of_independent_draws(rng):
    model = GaussianMixture(
        [0.2, 0.5, 0.3],
        [[-40.0, 0.0], [0.0, 7.0], [40.0, 1.0]],
        [[[1.0, 0.6], [0.6, 2.0]], [[3.0, -1.0], [-1.0, 1.0]], np.eye(2)],
    )
    n = 100_000
    X = model.sample(n, rng)
    assert X.shape == (n, 2)
    label = np.digitize(X[:, 0], [-20.0, 20.0])
    z = []  # all standard normal; |z| < 6 fails once in 10^8 for each
    for c, w in enumerate(model.weights):
        z.append((np.mean(label == c) - w) * np.sqrt(n / (w * (1 - w))))
        z.append((np.mean(label[: n // 10] == c) - w) * np.sqrt(n / 10 / (w * (1 - w))))
        z.append((np.mean((label[1:] == c) & (label[:-1] == c)) - w**2) * np.sqrt(n / (w**2 * (1 + 2 * w - 3 * w**2))))
        white = (X[label == c] - model.means[c]) @ np.linalg.inv(np.linalg.cholesky(model.covs[c])).T
        m = len(white)
        z.extend(white.mean(0) * np.sqrt(m))
        z.extend((np.mean(white**2, axis=0) - 1) * np.sqrt(m / 2))
        z.append(np.mean(white[:, 0] * white[:, 1]) * np.sqrt(m))
    assert np.abs(z).max() < 6


def test_the_same_stream_gives_the_same_points_and_two_draws_differ():
    model = GaussianMixture([0.5, 0.5], [0.0, 2.0], [1.0, 1.0])
    rng = stream()
    one, two = model.sample(10, rng), model.sample(10, rng)
    np.testing.assert_array_equal(one, model.sample(10, stream()))
    assert (one != two).all()
    np.testing.assert_array_equal(model.sample(3, 5), model.sample(3, 5))


def test_warm_components_keep_their_numbers(rng):
    model = GaussianMixture([0.5, 0.5], [[10.0], [-10.0]], [1.0, 1.0])
    for _ in range(20):
        model = model.fit(model.sample(100, rng))
        assert model.means[0, 0] > model.means[1, 0]


def test_moments_of_the_whole():
    mean, cov = GaussianMixture([0.25, 0.75], [[0.0, 0.0], [4.0, 0.0]], [1.0, 2.0]).moments()
    np.testing.assert_allclose(mean, [3.0, 0.0])
    np.testing.assert_allclose(cov, [[1.75 + 3.0, 0.0], [0.0, 1.75]])


@pytest.mark.parametrize("covariance", SHAPES)
def test_from_data_finds_what_is_apart(covariance, rng):
    truth = GaussianMixture(
        np.full(4, 0.25), [[0.0, 0.0], [90.0, 0.0], [0.0, 1.0], [90.0, 1.0]], np.full((4, 2), [1.0, 1e-4])
    )  # columns of very different units
    model = GaussianMixture.from_data(truth.sample(400, rng), 4, covariance=covariance, rng=rng, tol=1e-6)
    if covariance == "spherical":  # has one unit for both columns, and so sees two groups
        assert (np.abs(np.sort(model.means[:, 0])[[0, -1]] - [0, 90]) < 6).all()
        return
    order = np.lexsort((model.means[:, 0].round(-1), model.means[:, 1].round()))
    assert np.abs(model.means[order] - truth.means).max() < 2
    assert (model.iterations > 0, model.floored, model.init) == (True, 0, "warm")


def test_new_centres_come_from_the_stream(rng):
    truth = GaussianMixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 1.0], init="k-means++", max_iter=1)
    X = truth.sample(100, rng)
    one, two = truth.fit(X, rng), truth.fit(X, rng)
    assert (one.means != two.means).any()
    np.testing.assert_array_equal(truth.fit(X, 1).means, truth.fit(X, 1).means)


def test_more_components_than_distinct_points(rng):
    model = GaussianMixture(np.full(3, 1 / 3), np.zeros((3, 1)), [1.0] * 3, init="k-means++")
    fitted = model.fit(np.repeat([[0.0], [1.0]], 5, axis=0), rng)
    assert np.isfinite(fitted.means).all()
    assert fitted.moments()[0] == pytest.approx([0.5])


def test_covariances_may_be_given_short():
    diag = GaussianMixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(diag.covs[1], [[3.0, 0.0], [0.0, 4.0]])
    assert (diag.dim, diag.components, diag.least) == (2, 2, 6)
    assert settings_of(diag, covariance="diag").least == 4
    one = GaussianMixture([1.0], [3.0], [2.0])
    assert (one.means.shape, one.covs.shape, one.sample(4, 1).shape) == ((1, 1), (1, 1, 1), (4, 1))
    assert one.fit(np.arange(5.0)).means[0, 0] == pytest.approx(2.0)


def test_a_model_cannot_be_written_to(rng):
    model = GaussianMixture([1.0], [3.0], [2.0])
    for each in (model, model.fit(model.sample(9, rng))):
        with pytest.raises(ValueError, match="read-only"):
            each.means[0] = 1.0


def test_a_fit_leaves_points_and_model_alone(rng):
    model = random_mixture(rng, 2, 2)
    X = model.sample(100, rng)
    before = [a.copy() for a in (X, model.weights, model.means, model.covs)]
    model.fit(X)
    for old, now in zip(before, (X, model.weights, model.means, model.covs), strict=True):
        np.testing.assert_array_equal(old, now)


def test_a_run_of_mixtures_can_be_rebuilt():
    truth = GaussianMixture([0.4, 0.6], [[0.0, 1.0], [5.0, 5.0]], [1.0, 1.0], covariance="diag", tol=1e-4)
    run = mc.simulate(truth, mc.Replace(n=60), generations=5, replicates=2, rng=stream())
    assert run["cov"].dims == ("replicate", "generation", "component", "dim", "dim_")
    last = mc.families.model(run, 1, 5)
    np.testing.assert_array_equal(last.means, run["mean"][1, 5])
    assert last.options() == truth.options()
    assert last.iterations == run["iterations"][1, 5] > 0


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (([0.5, 0.6], [0.0, 1.0], [1.0, 1.0]), {}, "weights must sum to one.*got a sum of 1.1"),
        (([0.5, 0.5], [[0.0], [1.0], [2.0]], [1.0, 1.0]), {}, r"means must have shape \(2, dim\).*got \(3, 1\)"),
        (([0.5, 0.5], [0.0, np.nan], [1.0, 1.0]), {}, "means must be finite.*got nan at index 1"),
        (([0.5, 0.5], [0.0, 1.0], [1.0, 0.0]), {}, "covs must be variances > 0.*got 0 at component 1"),
        (([0.5, 0.5], [0.0, 1.0], [1.0, 1.0, 1.0]), {}, r"covs must have shape \(2, 1, 1\).*got \(3,\)"),
        (([1.0], [[0.0, 0.0]], [[[1.0, 0.5], [0.4, 1.0]]]), {}, r"covs\[0\] must be symmetric.*got entries.*0\.1"),
        (([1.0], [[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]]), {}, r"covs\[0\] must be positive semi-definite.*-1"),
        (([1.0], [[0.0, 0.0]], [[[1.0, 1.0], [1.0, 1.0]]]), {}, r"covs\[0\] must be positive definite.*smallest eig"),
        (([1.0], [0.0], [1.0]), {"covariance": "tied"}, "covariance must be one of 'full', 'diag', .*got 'tied'"),
        (([1.0], [0.0], [1.0]), {"init": "cold"}, r"init must be one of 'warm', 'k-means\+\+', got 'cold'"),
        (([1.0], [0.0], [1.0]), {"tol": -1.0}, "tol must be a finite number >= 0, got -1"),
        (([1.0], [0.0], [1.0]), {"max_iter": 0}, "max_iter must be an integer >= 1, got 0"),
        (([1.0], [0.0], [1.0]), {"floor": 2.0}, "floor must be .*share of the variance.*got 2"),
    ],
)
def test_what_is_no_mixture_is_refused(arguments, options, said):
    with pytest.raises(ValueError, match=said):
        GaussianMixture(*arguments, **options)


@pytest.mark.parametrize(
    ("X", "k", "said"),
    [
        (np.arange(8.0).reshape(4, 2) ** 2, 2, r"X must have at least 6 rows \(3 for each of 2 components.*got 4"),
        (np.arange(6.0).reshape(2, 3), 1, "X must have more rows than columns.*got 2 rows and 3 columns"),
        (np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]), 1, "X must vary in every column.*single value 0 in column 1"),
        (np.array([1.0, np.inf, 2.0]), 1, "X must be finite.*got inf at index 1"),
        (np.arange(5.0), 0, "components must be an integer >= 1, got 0"),
    ],
)
def test_what_is_no_data_is_refused(X, k, said):
    with pytest.raises(ValueError, match=said):
        GaussianMixture.from_data(X, k)


@pytest.mark.parametrize("X", [np.zeros((3, 3)), np.zeros((0, 2)), np.zeros(4)])
def test_points_of_another_shape_are_refused(X):
    with pytest.raises(ValueError, match=r"X must have shape \(size, 2\) with size >= 1, got"):
        GaussianMixture([1.0], [[0.0, 0.0]], [1.0]).fit(X)
