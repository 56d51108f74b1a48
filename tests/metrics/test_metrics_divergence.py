import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, stats

from modelcollapse import metrics

quiet = settings(deadline=None, derandomize=True, database=None, max_examples=60)

#: mean and log variance of a truth and of a model: equal scale, near, narrow, wide, far, all at once
CASES = [
    ((0.0, 0.0), (0.7, 0.0)),
    ((0.0, 0.0), (1e-3, 1e-4)),
    ((1.0, 0.5), (1.1, -4.0)),
    ((0.0, 0.0), (0.0, 1.5)),
    ((0.0, 0.0), (6.0, -1.0)),
    ((-2.0, 1.0), (-4.0, 0.9)),
]


def crossings(truth, model):
    """Where the densities are equal: roots of the difference of their logarithms, in extended precision."""
    (a, s), (b, t) = truth, model
    s, t, a, b = mpmath.exp(s), mpmath.exp(t), mpmath.mpf(a), mpmath.mpf(b)
    square, line, const = 1 / s - 1 / t, -2 * a / s + 2 * b / t, a**2 / s - b**2 / t + mpmath.log(s / t)
    if square == 0:
        return [-const / line]
    root = mpmath.sqrt(line**2 - 4 * square * const)
    return sorted([(-line - root) / (2 * square), (-line + root) / (2 * square)])


def total_variation(truth, model):
    with mpmath.workdps(40):

        def cdf(x, law):
            return mpmath.ncdf((x - law[0]) / mpmath.exp(mpmath.mpf(law[1]) / 2))

        places = crossings(truth, model)
        steps = [cdf(x, truth) - cdf(x, model) for x in [*places, mpmath.inf]]
        return float(sum(abs(b - a) for a, b in zip([0, *steps], steps, strict=False)) / 2)


def integral(truth, model, integrand):
    """Integrate over the line, cut where the narrower law lives."""
    with mpmath.workdps(30):

        def density(law):
            return lambda x: mpmath.npdf(x, law[0], mpmath.exp(mpmath.mpf(law[1]) / 2))

        p, q = density(truth), density(model)
        cuts = sorted(
            law[0] + k * float(np.exp(law[1] / 2))
            for law in (truth, model)
            for k in (-25, -12, -8, -4, -2, -1, 0, 1, 2, 4, 8, 12, 25)
        )
        return float(mpmath.quad(lambda x: integrand(p(x), q(x)), cuts))


@pytest.mark.parametrize(("truth", "model"), CASES)
def test_scalar_gaussians_against_quadrature(make, truth, model):
    run = make.scalar(*zip(truth, model, strict=True))
    assert_allclose(
        metrics.kl(run).values[0, 1], integral(truth, model, lambda p, q: q * mpmath.log(q / p)), rtol=1e-11
    )
    assert_allclose(
        metrics.kl(run, direction="reverse").values[0, 1],
        integral(truth, model, lambda p, q: p * mpmath.log(p / q)),
        rtol=1e-11,
    )
    assert_allclose(
        metrics.hellinger(run, squared=True).values[0, 1],
        integral(truth, model, lambda p, q: (mpmath.sqrt(p) - mpmath.sqrt(q)) ** 2 / 2),
        rtol=1e-11,
    )
    assert_allclose(metrics.total_variation(run).values[0, 1], total_variation(truth, model), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("gap", [0.0, 1e-300, 1e-160, 1e-12, 1e-6, 1e-3])
@pytest.mark.parametrize("shift", [0.0, 1e-200, 1e-10, 1e-3, 1.0])
def test_total_variation_of_near_equals(make, gap, shift):
    out = metrics.total_variation(make.scalar([0.0, shift, 0.0], [0.0, gap, -gap])).values[0, 1]
    want = (
        0.0
        if gap == shift == 0
        else total_variation((0.0, 0.0), (shift, gap))
        if gap > 1e-13
        else float(mpmath.erf(mpmath.mpf(shift) / mpmath.sqrt(8)))
    )
    assert_allclose(out, want, rtol=1e-9, atol=3e-16)


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, -1e5), (3.0, -1e5), (0.0, -np.inf), (1e200, 0.0), (0.0, 1e5)])
def test_utterly_different_laws(make, mean, log_variance):
    run = make.scalar([0.0, mean], [0.0, log_variance])
    assert metrics.total_variation(run).values[0, 1] == 1
    assert_allclose(metrics.hellinger(run).values[0, 1], 1)
    for direction in ("forward", "reverse"):
        assert metrics.kl(run, direction=direction).values[0, 1] > 1e4


def test_collapse_limits_of_kl(make):
    run = make.scalar([0.0, 0.3, 0.3, 0.3], [0.0, -50.0, -1e6, -np.inf])
    assert_allclose(metrics.kl(run).values[0], [0, (50 + 0.09 - 1 + np.exp(-50)) / 2, (1e6 + 0.09 - 1) / 2, np.inf])
    assert_allclose(metrics.kl(run, direction="reverse").values[0, 1], (np.exp(50) * 1.09 - 51) / 2)
    assert_array_equal(metrics.kl(run, direction="reverse").values[0, 2:], [np.inf, np.inf])


@pytest.mark.parametrize("x", [1e-4, 1e-7, 1e-10])
def test_small_divergences_keep_their_digits(make, x):
    with mpmath.workdps(60):
        want = float((mpmath.expm1(x) - mpmath.mpf(x)) / 2)
        square = float(1 - 1 / mpmath.sqrt(mpmath.cosh(mpmath.mpf(x) / 2)))
    for run in (make.scalar([0.0, 0.0], [0.0, x]), make.scalar([5.0, 5.0], [0.0, x])):
        assert_allclose(metrics.kl(run).values[0, 1], want, rtol=1e-12)
        assert_allclose(metrics.hellinger(run, squared=True).values[0, 1], square, rtol=1e-12)


@quiet
@given(st.floats(-20, 20), st.floats(-40, 6))
def test_inequalities_of_gaussians(make, shift, log_ratio):
    run = make.scalar([0.0, shift], [0.0, log_ratio])
    forward, reverse = (metrics.kl(run, direction=d).values[0, 1] for d in ("forward", "reverse"))
    tv, h = metrics.total_variation(run).values[0, 1], metrics.hellinger(run).values[0, 1]
    assert min(forward, reverse) >= 0
    assert 0 <= tv <= 1
    assert h**2 <= tv + 1e-15
    assert tv <= h * np.sqrt(2 - h**2) + 1e-15
    assert tv**2 <= min(forward, reverse) / 2 + 1e-15
    # the other way round: model and truth change places
    back = make.scalar([shift, 0.0], [log_ratio, 0.0])
    assert_allclose(metrics.kl(back, direction="reverse").values[0, 1], forward, rtol=1e-12, atol=1e-300)
    assert_allclose(metrics.total_variation(back).values[0, 1], tv, rtol=1e-9, atol=1e-15)
    assert_allclose(metrics.hellinger(back).values[0, 1], h, rtol=1e-12, atol=1e-300)


@quiet
@given(st.data())
def test_identities_and_inequalities_of_categories(make, data):
    p = data.draw(make.tables())
    run = make.categorical(p)
    forward, reverse = (metrics.kl(run, direction=d).values[0] for d in ("forward", "reverse"))
    assert_allclose(forward, [stats.entropy(row, p[0]) for row in p], atol=1e-14)
    assert_allclose(reverse, [stats.entropy(p[0], row) for row in p], atol=1e-14)
    assert (np.isinf(reverse) == (p == 0).any(1)).all()
    tv, square = metrics.total_variation(run).values[0], metrics.hellinger(run, squared=True).values[0]
    assert_allclose(tv, np.maximum(p - p[0], 0).sum(1), atol=1e-15)
    assert_allclose(square, 1 - np.sqrt(p * p[0]).sum(1), atol=1e-14)
    assert (square <= tv + 1e-15).all()
    assert (tv**2 <= forward / 2 + 1e-15).all()
    assert (tv >= metrics.missing_mass(run).values[0] - 1e-15).all()


def test_kl_is_infinite_where_support_is_lost_and_never_nan(make):
    run = make.categorical([[0.5, 0.3, 0.2], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert_array_equal(metrics.kl(run, direction="reverse").values, [[0, np.inf, np.inf]])
    assert_allclose(metrics.kl(run).values, [[0, 0.5 * np.log(1 / 0.6), np.log(2)]])
    assert "KL(truth || model)" in metrics.kl(run, direction="reverse").attrs["long_name"]
    with pytest.raises(ValueError, match=r"direction must be one of 'forward', 'reverse', got 'back'"):
        metrics.kl(run, direction="back")


def test_diagonal_covariances_add_up(make):
    mean = np.array([[0.0, 1.0], [0.4, 1.1], [9.0, 1.0]])
    log_variance = np.array([[0.0, 2.0], [-1.0, 2.5], [0.1, -20.0]])
    whole = make.vector(mean, np.exp(log_variance)[..., None] * np.eye(2))
    parts = [make.scalar(mean[:, d], log_variance[:, d]) for d in range(2)]
    for direction in ("forward", "reverse"):
        assert_allclose(
            metrics.kl(whole, direction=direction).values,
            sum(metrics.kl(part, direction=direction).values for part in parts),
            rtol=1e-12,
            atol=1e-15,
        )
    affinity = np.prod([1 - metrics.hellinger(part, squared=True).values for part in parts], axis=0)
    assert_allclose(1 - metrics.hellinger(whole, squared=True).values, affinity, rtol=1e-12, atol=1e-15)


def test_gaussian_formulas_of_the_catalogue(plane):
    mean, cov = plane["mean"].values[0], plane["cov"].values[0]
    for first, second, direction in ((1, 0, "forward"), (0, 1, "reverse")):
        A, B, gap = cov[first], cov[second], mean[second] - mean[first]
        want = (
            np.trace(np.linalg.solve(B, A))
            + gap @ np.linalg.solve(B, gap)
            - 3
            + np.log(np.linalg.det(B) / np.linalg.det(A))
        ) / 2
        assert_allclose(metrics.kl(plane, direction=direction).values[0, 1], want, rtol=1e-11)
    half, gap = (cov[0] + cov[1]) / 2, mean[1] - mean[0]
    affinity = (np.linalg.det(cov[0]) * np.linalg.det(cov[1])) ** 0.25 / np.sqrt(np.linalg.det(half))
    affinity *= np.exp(-gap @ np.linalg.solve(half, gap) / 8)
    assert_allclose(metrics.hellinger(plane, squared=True).values[0, 1], 1 - affinity, rtol=1e-11)


def test_generation_zero_is_zero(plane, make):
    for run in (plane, make.scalar([0.3], [0.7]), make.categorical([[0.1, 0.9]])):
        for metric in (metrics.kl, metrics.hellinger, metrics.total_variation):
            assert_allclose(metric(run).values[:, 0], 0, atol=1e-14)


def test_scale_does_not_matter(make, plane):
    tiny = make.vector(plane["mean"] * 1e-100, plane["cov"] * 1e-200)
    for direction in ("forward", "reverse"):
        assert_allclose(
            metrics.kl(tiny, direction=direction), metrics.kl(plane, direction=direction), rtol=1e-9, atol=1e-14
        )


def test_a_lost_dimension(make):
    run = make.vector(np.zeros((2, 2)), [np.eye(2), np.diag([1.0, 0.0])])
    run = run.assign(log_det=run["log_det"].copy(data=[[0.0, -np.inf]]))
    assert metrics.kl(run).values[0, 1] == np.inf
    assert metrics.kl(run, direction="reverse").values[0, 1] == np.inf
    assert_allclose(metrics.hellinger(run).values[0, 1], 1)
    assert_allclose(metrics.total_variation(run, samples=20, rng=1).values[0, 1], 1)


def test_what_a_stored_covariance_cannot_tell(make):
    thin = np.array([[1.0, 1 - 1e-13], [1 - 1e-13, 1.0]])
    run = make.vector(np.zeros((2, 2)), [np.eye(2), thin])
    with pytest.raises(ValueError, match=r"better conditioned for kl in reverse .*from generation 1 on; use run\.isel"):
        metrics.kl(run, direction="reverse")
    # forwards the log determinant carries it
    assert_allclose(metrics.kl(run).values[0, 1], -run["log_det"].values[0, 1] / 2, rtol=1e-12)
    with pytest.raises(ValueError, match=r"truth of full rank for kl .*use w2_squared"):
        metrics.kl(make.vector(np.zeros((1, 2)), [np.ones((2, 2))]))
    with pytest.raises(ValueError, match=r"truth of full rank for hellinger"):
        metrics.hellinger(make.vector(np.zeros((1, 2)), [np.diag([1.0, 0.0])]))


def density(run, t):
    w, m, c = (run[name].values[0, t] for name in ("weight", "mean", "cov"))
    return lambda x: sum(w[k] * stats.norm.pdf(x, m[k, 0], np.sqrt(c[k, 0, 0])) for k in range(len(w)))


def test_mixtures_from_samples_against_quadrature(two_mixtures, rng):
    p, q = density(two_mixtures, 1), density(two_mixtures, 0)
    cases = [
        (metrics.kl(two_mixtures, samples=20000, rng=rng), lambda x: p(x) * np.log(p(x) / q(x))),
        (metrics.kl(two_mixtures, direction="reverse", samples=20000, rng=rng), lambda x: q(x) * np.log(q(x) / p(x))),
        (metrics.total_variation(two_mixtures, samples=20000, rng=rng), lambda x: abs(p(x) - q(x)) / 2),
        (
            metrics.hellinger(two_mixtures, squared=True, samples=20000, rng=rng),
            lambda x: (np.sqrt(p(x)) - np.sqrt(q(x))) ** 2 / 2,
        ),
    ]
    for out, integrand in cases:
        want = integrate.quad(integrand, -9, 9, limit=500, epsabs=1e-11)[0]
        assert abs(out.values[0, 1] - want) < 6 * out["standard_error"].values[0, 1]
        assert out["standard_error"].values[0, 1] < 0.01
        assert out.values[0, 0] == 0
        assert out.attrs["kind"] == "from samples"


def test_one_component_from_samples_is_the_closed_form(make, plane, rng):
    mean, cov = plane["mean"].values[0], plane["cov"].values[0]
    one = make.mixture(np.ones((3, 1)), mean[:, None], cov[:, None])
    for metric, options in ((metrics.kl, {}), (metrics.kl, {"direction": "reverse"}), (metrics.hellinger, {})):
        out = metric(one, samples=5000, rng=rng, **options)
        gap = (out - metric(plane, **options)).values[0, 1:] / out["standard_error"].values[0, 1:]
        assert (abs(gap) < 6).all()


def test_total_variation_of_more_dimensions_from_samples(make, rng):
    # independent of a second coordinate that does not change, and of the basis
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    mean, variance = np.array([0.0, 0.8, 0.0, 5.0]), np.array([1.0, 0.5, 1e-4, 2.0])
    covs = [turn @ np.diag([v, 3.0]) @ turn.T for v in variance]
    run = make.vector(np.stack([mean, np.zeros(4)], 1) @ turn.T, covs)
    out = metrics.total_variation(run, samples=5000, rng=rng)
    want = metrics.total_variation(make.scalar(mean, np.log(variance)))
    assert (abs(out - want).values <= 6 * out["standard_error"].values + 1e-12).all()
    whole = make.mixture(np.ones((4, 1)), run["mean"].values[0][:, None], run["cov"].values[0][:, None])
    again = metrics.total_variation(whole, samples=5000, rng=rng)
    assert (abs(again - want).values <= 6 * again["standard_error"].values + 1e-12).all()


def test_work_is_cut_along_replicates(make, monkeypatch, rng):
    from modelcollapse.metrics import _read

    mean, cov = rng.standard_normal((5, 3, 2, 1)), rng.random((5, 3, 2, 1, 1)) + 0.5
    mean[:, 0], cov[:, 0] = mean[0, 0], cov[0, 0]
    run = make.mixture(np.full((5, 3, 2), 0.5), mean, cov)
    whole = [metrics.kl(run, samples=4000, rng=1), metrics.l2_squared(run), metrics.w2_squared(run)]
    monkeypatch.setattr(_read, "BUDGET", 1)
    cut = [metrics.kl(run, samples=4000, rng=1), metrics.l2_squared(run), metrics.w2_squared(run)]
    assert_allclose(cut[1], whole[1], rtol=1e-12, atol=1e-15)
    assert_allclose(cut[2], whole[2], rtol=1e-12, atol=1e-15)
    scale = np.hypot(cut[0]["standard_error"], whole[0]["standard_error"])
    assert (abs(cut[0] - whole[0]).values <= 6 * scale.values).all()


def test_samples_must_allow_a_standard_error(two_mixtures):
    with pytest.raises(ValueError, match=r"samples must be an integer >= 2 .*got 1"):
        metrics.kl(two_mixtures, samples=1)
