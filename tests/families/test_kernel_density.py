"""The kernel density estimate: its density, its moments, its record, and its kernel against its interpreted self."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import families
from modelcollapse.testing import stream

P = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0], [4.0, 2.0], [-1.0, 0.0]])
LINE = P[:, 0]

REGIMES = {
    "replace": mc.Replace(7),
    "one point": mc.Replace((5, 2, 9, 3, 2, 8)),
    "accumulate": mc.Accumulate(7, n_real=5),
    "subsample": mc.Subsample(5, n_real=9),
    "fixed": mc.FixedReal(6, 2, 9),
    "fresh": mc.FreshReal(8, 3),
    "mix": mc.Mix(9, 0.3),
    "window": mc.Window(6, 3),
}

BITS = """
import json, sys
import numpy as np
import modelcollapse as mc
P = np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0], [4.0, 2.0], [-1.0, 0.0]])
ROWS = np.arange(18.0).reshape(9, 2) ** 1.5
out = {}
for name, text in json.loads(sys.argv[2]).items():
    plan = mc.regimes.read(text).plan(6)
    for truth, rows in ((P, None), (P[:, 0], None), (ROWS, ROWS), (ROWS[:, 0], ROWS[:, 0])):
        for bandwidth in (0.3, "silverman"):
            model = mc.KernelDensity(truth, bandwidth, record=3)
            for variable, value in model.chains(plan, 3, np.random.default_rng(11), rows).items():
                out[f"{name} {truth.shape} {bandwidth} {variable}"] = value
long = mc.KernelDensity(P, "scott").chains(mc.Replace(3).plan(4000), 1, np.random.default_rng(5))
out |= {f"long {name}": value for name, value in long.items()}
np.savez(sys.argv[1], **out)
"""


@pytest.mark.compiled
def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    cases = json.dumps({name: regime.describe(6) for name, regime in REGIMES.items()})
    assert differences(BITS, cases, at_least=200) == []


# ------------------------------------------------------------------------------------------------- one model


@pytest.mark.parametrize("points", [LINE, P], ids=["line", "plane"])
def test_density_is_that_of_the_peers(points):
    from scipy.stats import gaussian_kde
    from sklearn.neighbors import KernelDensity as Peer

    at = points[:3] * 0.7 + 0.1
    columns = points.reshape(len(points), -1)
    peer = Peer(bandwidth=0.4).fit(columns).score_samples(at.reshape(3, -1))
    np.testing.assert_allclose(mc.KernelDensity(points, 0.4).logpdf(at), peer, rtol=1e-12)
    if points.ndim == 1:
        # the peer's factor multiplies the sd with divisor n - 1
        factor = mc.KernelDensity(points, "silverman").h() / points.std(ddof=1)
        peer = gaussian_kde(points, bw_method=factor).logpdf(at)
        np.testing.assert_allclose(mc.KernelDensity(points, "silverman").logpdf(at), peer, rtol=1e-12)


def test_density_integrates_to_one_and_has_the_moments_it_says():
    x = np.linspace(-20, 20, 200_001)
    for bandwidth in (0.3, "silverman", "scott"):
        model = mc.KernelDensity(LINE, bandwidth)
        p = np.exp(model.logpdf(x)) * (x[1] - x[0])
        mean, variance = model.moments()
        assert p.sum() == pytest.approx(1, rel=1e-10)
        assert (p * x).sum() == pytest.approx(mean, rel=1e-10)
        assert (p * (x - mean) ** 2).sum() == pytest.approx(variance, rel=1e-10)


def test_rules_for_the_bandwidth():
    n = len(P)
    assert mc.KernelDensity(LINE, "silverman").h() == pytest.approx(1.06 * LINE.std() * n**-0.2, rel=1e-15)
    assert mc.KernelDensity(LINE, "scott").h() == pytest.approx(LINE.std() * n**-0.2, rel=1e-15)
    np.testing.assert_allclose(mc.KernelDensity(P, "silverman").h(), P.std(axis=0) * n ** (-1 / 6), rtol=1e-15)
    np.testing.assert_allclose(mc.KernelDensity(P, "scott").h(), P.std(axis=0) * n ** (-1 / 6), rtol=1e-15)
    cube = np.c_[P, P[:, 0] ** 2]
    want = (4 / 5) ** (1 / 7) * cube.std(axis=0) * n ** (-1 / 7)
    np.testing.assert_allclose(mc.KernelDensity(cube, "silverman").h(), want, rtol=1e-15)
    np.testing.assert_array_equal(mc.KernelDensity(P, 0.7).h(), [0.7, 0.7])


@given(st.integers(1, 4), st.floats(0.01, 100), st.integers(0, 2**32))
def test_a_rule_does_not_know_the_unit(dim, scale, seed):
    X = np.random.default_rng(seed).standard_normal((9, dim))
    for rule in ("silverman", "scott"):
        np.testing.assert_allclose(
            mc.KernelDensity(X * scale, rule).h(), mc.KernelDensity(X, rule).h() * scale, rtol=1e-9
        )


def test_theory_and_family_mean_the_same_rules():
    from modelcollapse.families import kernel_density as family
    from modelcollapse.theory import kernel_density as theory

    assert family.RULES == theory.RULES
    for rule in family.RULES:
        for dim in (1, 2, 5):
            assert theory.kde_bandwidth_factor(1, rule=rule, dim=dim) == family.constant(rule, dim)


@pytest.mark.parametrize("points", [LINE, P], ids=["line", "plane"])
def test_a_sample_is_points_of_the_model_plus_its_kernel(points):
    model = mc.KernelDensity(points, 1e-9)
    X = model.sample(200, stream("kde sample"))
    away = np.abs(X[:, None] - points[None]).reshape(200, len(points), -1).max(axis=2).min(axis=1)
    assert X.shape == (200, *points.shape[1:])
    assert (away < 1e-7).all()
    assert (away > 0).any()


def test_a_fit_takes_a_copy():
    X = np.array([1.0, 2.0, 3.0])
    model = mc.KernelDensity(LINE, "scott").fit(X)
    before = model.h()
    X[0] = 100.0
    assert model.points.tolist() == [1.0, 2.0, 3.0]
    assert model.h() == before == pytest.approx(np.std([1.0, 2.0, 3.0]) * 3**-0.2)


def test_points_that_have_become_one():
    model = mc.KernelDensity(LINE, "silverman").fit(np.full(4, 2.0))
    assert model.h() == 0
    assert model.state()["log_variance"] == -np.inf
    assert (model.sample(5, stream("one point")) == 2.0).all()
    with pytest.raises(ValueError, match=re.escape("bandwidth must be > 0 for a density")):
        model.logpdf(2.0)


# ------------------------------------------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
@pytest.mark.parametrize("points", [LINE, P], ids=["line", "plane"])
def test_every_regime_gives_arrays_of_one_shape(regime, points):
    run = mc.simulate(mc.KernelDensity(points, "silverman", record=4), regime, generations=6, replicates=3, rng=1)
    assert run["points"].shape == (3, 7, 4, *points.shape[1:])
    assert np.isfinite(run["log_variance"]).all()
    assert (run["bandwidth"] > 0).all()
    np.testing.assert_allclose(run["mean"][:, 0], np.broadcast_to(points.mean(axis=0), run["mean"][:, 0].shape))
    size = regime.plan(6).size
    d = run.sizes.get("dim", 1)
    c = (4 / (d + 2)) ** (1 / (d + 4)) if d > 1 else 1.06
    h = c * np.exp(run["log_variance"][:, 1:] / 2) * (size ** (-1 / (d + 4))).reshape(-1, *[1] * (points.ndim - 1))
    np.testing.assert_allclose(run["bandwidth"][:, 1:], h, rtol=1e-12)
    if points.ndim == 2:
        diagonal = np.diagonal(run["cov"], axis1=2, axis2=3)
        np.testing.assert_allclose(np.log(diagonal), run["log_variance"], atol=1e-12)


@pytest.mark.parametrize("name", ["replace", "subsample", "fresh", "mix"])
@pytest.mark.parametrize("points", [LINE, P], ids=["line", "plane"])
def test_a_full_record_is_the_training_set(name, points):
    # recorded mean and covariance are those of the recorded points: the kernel's bookkeeping, checked from outside
    n = int(REGIMES[name].plan(4).size[0])
    model = mc.KernelDensity(points, 0.4, record=n)
    out = model.chains(REGIMES[name].plan(4), 5, stream(f"full record {name}"))
    np.testing.assert_allclose(out["points"].mean(axis=2), out["mean"], atol=1e-12)
    if points.ndim == 1:
        np.testing.assert_allclose(np.log(out["points"].var(axis=2)), out["log_variance"], atol=1e-10)
    else:
        centred = out["points"] - out["mean"][:, :, None]
        np.testing.assert_allclose(np.einsum("rtna,rtnb->rtab", centred, centred) / n, out["cov"], atol=1e-11)


def test_pools_hold_what_the_regime_says():
    # with a bandwidth that cannot be seen, every point is a copy of a real one, and pinned points never leave
    rows = np.arange(50.0) * 10
    model = mc.KernelDensity(rows, 1e-6, record=1000)
    rng = stream("pools")
    fixed = model.chains(mc.FixedReal(6, 4).plan(30), 5, rng, rows)["points"].round(3)
    kept = [set(fixed[r, 0].ravel()) for r in range(5)]
    assert all(kept[r] <= set(fixed[r, t].ravel()) for r in range(5) for t in range(30))
    grown = model.chains(mc.Accumulate(6, n_real=4).plan(30), 5, rng, rows)["points"].round(3)
    assert all(set(grown[r, t]) == set(grown[r, 0]) for r in range(5) for t in range(30))
    replaced = model.chains(mc.Replace(6).plan(30), 5, rng, rows)["points"].round(3)
    assert all(set(replaced[r, t + 1]) <= set(replaced[r, t]) for r in range(5) for t in range(29))
    whole = model.chains(mc.Replace(50).plan(1), 3, rng, rows)["points"].round(3)
    assert all(set(whole[r, 0]) == set(rows) for r in range(3))


@pytest.mark.compiled  # 45,000 generations, and interpreted code warns where numbers overflow
def test_a_driven_bandwidth_runs_for_ever():
    run = mc.KernelDensity(LINE, "silverman").chains(mc.Replace(30).plan(20_000), 1, stream("for ever"))
    assert np.isfinite(run["log_variance"]).all()
    assert run["log_variance"][0, -1] > 2000
    assert not np.isnan(run["mean"]).any()
    # a real point that comes in after the others have become one brings the truth back
    rare = mc.KernelDensity(LINE, "scott").chains(mc.Mix(2, 1e-3).plan(20_000), 1, stream("rare"))
    assert np.isfinite(rare["log_variance"]).all()
    assert rare["log_variance"].min() < -300 < -5 < rare["log_variance"].max()
    narrow = mc.KernelDensity(1e6 + LINE, "scott").chains(mc.Replace(2).plan(5000), 4, stream("narrow"))
    assert np.isfinite(narrow["log_variance"]).all()
    assert (narrow["log_variance"][:, -1] < -500).all()
    assert (np.abs(narrow["mean"] - 1e6) < 1e4).all()


def test_a_model_comes_back_if_its_points_were_recorded():
    truth = mc.KernelDensity(P, "silverman", record=7)
    run = mc.simulate(truth, mc.Replace(7), generations=3, replicates=2, rng=4)
    for t in (1, 3):
        again = families.model(run, 1, t)
        np.testing.assert_allclose(again.state()["cov"], run["cov"].values[1, t], atol=1e-12)
        np.testing.assert_array_equal(again.h(), run["bandwidth"].values[1, t])
    thinned = mc.simulate(mc.KernelDensity(P, 0.2, record=3), mc.Accumulate(5), generations=3, rng=4)
    assert len(families.model(thinned, 0, 3).points) == 3
    assert families.model(thinned, 0, 3).h().tolist() == [0.2, 0.2]
    bare = mc.simulate(mc.KernelDensity(P, 0.2), mc.Replace(5), generations=2, rng=4)
    with pytest.raises(ValueError, match=re.escape("run must hold points of its models")):
        families.model(bare, 0, 1)


def test_real_rows_as_the_truth():
    rows = np.c_[np.arange(40.0), np.arange(40.0) ** 2]
    truth = mc.Empirical(rows, mc.KernelDensity.from_data(rows))
    run = mc.simulate(truth, mc.Replace(40), generations=2, replicates=3, rng=1)
    np.testing.assert_allclose(run["cov"][:, 1], run["cov"][:, 0], rtol=1e-12)  # generation 1 is fitted to the rows
    run = mc.simulate(truth, mc.Subsample(20, n_real=40), generations=3, replicates=2, rng=1)
    assert run.attrs["truth"] == "rows"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mc.KernelDensity(LINE, 0.0), ValueError, "bandwidth must be a finite number > 0"),
        (lambda: mc.KernelDensity(LINE, "sheather"), ValueError, "one of 'silverman', 'scott', got 'sheather'"),
        (lambda: mc.KernelDensity(LINE, None), TypeError, "bandwidth must be a finite number > 0"),
        (
            lambda: mc.KernelDensity([], 1.0),
            ValueError,
            "points must have at least 1 rows (they are the model), got 0.",
        ),
        (lambda: mc.KernelDensity([1.0, 1.0], "scott"), ValueError, "points must vary in every column"),
        (lambda: mc.KernelDensity([1.0, np.nan], 1.0), ValueError, "got nan at index 1"),
        (lambda: mc.KernelDensity(LINE, 1.0, record=-1), ValueError, "record must be an integer >= 0, got -1."),
        (lambda: mc.KernelDensity(P, 1.0).logpdf([1.0]), ValueError, "x must have shape (..., 2), got (1,)."),
        (
            lambda: mc.KernelDensity(P, 1.0).fit(LINE),
            ValueError,
            "X must have shape (size, 2) with size >= 1, got (5,).",
        ),
        (lambda: mc.KernelDensity.from_data([1.0, 1.0]), ValueError, "X must vary in every column"),
        (
            lambda: mc.simulate(mc.KernelDensity(LINE, "scott"), mc.Replace(1), generations=2),
            ValueError,
            "n must give every fit of a KernelDensity at least 2 points",
        ),
    ],
)
def test_bad_estimates(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
