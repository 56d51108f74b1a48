"""Poisson and exponential models: densities, statistics that add, and the kernel against its interpreted self."""

import itertools
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import modelcollapse as mc
from modelcollapse import families
from modelcollapse.testing import stream

REGIMES = {
    "replace": mc.Replace(7),
    "schedule": mc.Replace((5, 1, 9, 3, 2, 8)),
    "accumulate": mc.Accumulate(7, n_real=5),
    "fixed": mc.FixedReal(6, 2, 9),
    "fresh": mc.FreshReal(8, 3),
    "mix": mc.Mix(9, 0.3),
    "window": mc.Window(6, 3),
}

BITS = """
import json, sys
import numpy as np
import modelcollapse as mc
out = {}
for name, text in json.loads(sys.argv[2]).items():
    plan = mc.regimes.read(text).plan(6)
    for model in (mc.Poisson(0.4), mc.Poisson(30.0), mc.Exponential(1e-3)):
        for rows in (None, np.arange(9.0)):
            for variable, value in model.chains(plan, 20, np.random.default_rng(11), rows).items():
                out[f"{name} {model} {rows is None} {variable}"] = value
out["long"] = mc.Exponential(1.0).chains(mc.Replace(2).plan(5000), 1, np.random.default_rng(5))["log_rate"]
np.savez(sys.argv[1], **out)
"""


@pytest.mark.compiled
def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    cases = json.dumps({name: regime.describe(6) for name, regime in REGIMES.items()})
    assert differences(BITS, cases, at_least=1) == []


@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_poisson_probabilities(rate, k):
    assert mc.Poisson(rate).logpmf(k) == pytest.approx(stats.poisson.logpmf(k, rate), rel=1e-9, abs=1e-9)
    assert mc.Poisson(rate).logpmf(k + 0.5) == -np.inf


@given(st.floats(1e-3, 1e3), st.floats(0, 1e3))
def test_exponential_density(rate, x):
    assert mc.Exponential(rate).logpdf(x) == pytest.approx(stats.expon.logpdf(x, scale=1 / rate), rel=1e-12, abs=1e-12)
    assert mc.Exponential(rate).logpdf(-x - 1e-9) == -np.inf


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20).filter(any))
def test_the_fit_is_the_mean(x):
    assert mc.Poisson.from_data(x).rate == pytest.approx(np.mean(x), rel=1e-12)
    assert mc.Poisson(1.0).fit(np.array(x)).rate == pytest.approx(np.mean(x), rel=1e-12)
    assert mc.Exponential.from_data(x).state()["mean"] == pytest.approx(np.mean(x), rel=1e-12)


@pytest.mark.parametrize("family", [mc.Poisson(2.5), mc.Exponential(0.25)], ids=lambda f: f.kind)
def test_a_family_comes_back_from_its_state_and_from_a_run(family):
    back = type(family).from_state(family.state(), **json.loads(json.dumps(family.options())))
    assert back.rate == pytest.approx(family.rate, rel=1e-15)
    run = mc.simulate(family, mc.Replace(20), generations=3, replicates=2, rng=3)
    name = "rate" if family.kind == "Poisson" else "log_rate"
    value = float(run[name][1, 3])
    assert families.model(run, 1, 3).rate == pytest.approx(value if name == "rate" else math.exp(value), rel=1e-15)
    assert families.truth(run).rate == pytest.approx(family.rate, rel=1e-15)


@given(st.integers(0, 2**32))
def test_zero_absorbs_and_counts_stay_counts(seed):
    rate = mc.simulate(mc.Poisson(0.3), mc.Replace(4), generations=30, replicates=5, rng=seed)["rate"].values[:, 1:]
    np.testing.assert_array_equal(rate * 4, np.rint(rate * 4))
    assert (np.diff((rate == 0).astype(int), axis=1) >= 0).all()


def test_a_mean_of_waiting_times_does_not_underflow():
    run = mc.simulate(mc.Exponential(1.0), mc.Replace(2), generations=20_000, replicates=2, rng=1)
    assert np.isfinite(run["log_rate"]).all()
    assert (run["log_rate"][:, -1] > 4000).all()  # about psi: ln 2 - psi(2) = 0.27 per generation
    assert (run["mean"][:, -1] == 0).all()
    assert families.model(run, 0, 20_000).rate == math.inf


def test_a_real_point_brings_a_vanished_mean_back():
    run = mc.Exponential(1e-3).chains(mc.Mix(2, 1e-3).plan(20_000), 1, stream("rare"))["log_rate"]
    assert np.isfinite(run).all()
    assert run.min() < 0 < 200 < run.max()


@pytest.mark.parametrize("make", [mc.Poisson.from_data, mc.Exponential.from_data], ids=["Poisson", "Exponential"])
def test_generation_one_is_the_fit_to_the_rows(make):
    rows = np.array([0.0, 3.0, 1.0, 7.0, 2.0, 5.0])
    truth = mc.Empirical(rows, make(rows))
    run = mc.simulate(truth, mc.FixedReal(5, 6), generations=4, replicates=3, rng=2)
    name = "rate" if run.attrs["family"] == "Poisson" else "mean"
    np.testing.assert_allclose(run[name][:, 1], rows.mean(), rtol=1e-14)
    part = mc.simulate(truth, mc.Replace(4), generations=1, replicates=50, rng=2)[name].values[:, 1]
    sums = {sum(rows[list(c)]) for c in itertools.combinations(range(6), 4)}
    assert {round(x * 4, 9) for x in part} <= {round(s, 9) for s in sums}


def test_subsamples_go_point_by_point():
    run = mc.simulate(mc.Poisson(3.0), mc.Subsample(5, n_real=9), generations=4, replicates=3, rng=stream("subsample"))
    np.testing.assert_allclose(run["rate"].values[:, 1:] * 5, np.rint(run["rate"].values[:, 1:] * 5), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mc.Poisson(0.0), ValueError, "a Poisson law of rate 0 has collapsed already), got 0."),
        (
            lambda: mc.Exponential(-1.0),
            ValueError,
            "rate must be a finite number > 0 (waiting times have a mean), got -1.",
        ),
        (lambda: mc.Poisson.from_data([1.5, 2.0]), ValueError, "(they are counts), got 1.5 at row 0."),
        (lambda: mc.Poisson.from_data([0, 0]), ValueError, "has collapsed already), got 0."),
        (lambda: mc.Poisson.from_data([[1, 2]]), ValueError, "(they are counts), got shape (1, 2)."),
        (lambda: mc.Exponential.from_data([1.0, -2.0]), ValueError, "(they are waiting times), got -2 at row 1."),
        (lambda: mc.Exponential.from_data([0.0, 0.0]), ValueError, "(they are waiting times), got 0 at row 0."),
        (lambda: mc.Exponential.from_data(["a"]), TypeError, "X must be numeric data"),
    ],
)
def test_bad_rates(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()
