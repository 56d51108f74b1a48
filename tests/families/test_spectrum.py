"""Frequency spectra as a family: what a truth is, Zipf's law without a list, samples and fits, refusals."""

import json
import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import families
from modelcollapse.families import Family
from modelcollapse.testing import stream

TRUTH = mc.FrequencySpectrum([5, 1, 2, 1], [2, 3, 1, 1])
ROWS = mc.Empirical([1.0, 2.0], TRUTH)
REFUSED = "regime must be Replace where the family is a FrequencySpectrum"


def explicit(types, tokens, s):
    """Zipf's law, rank by rank."""
    C = tokens / np.sum(np.arange(1.0, types + 1) ** -s)
    counts = np.floor(C * np.arange(1.0, types + 1) ** -s + 0.5)
    return np.unique(counts[counts > 0], return_counts=True)


@given(st.integers(1, 5000), st.floats(1, 1e8), st.sampled_from([0.0, 0.3, 0.9, 1.0, 1.1, 2.0, 3.5]))
def test_zipf_is_what_a_list_would_give(types, tokens, s):
    counts, numbers = explicit(types, tokens, s)
    if len(counts) == 0:
        with pytest.raises(ValueError, match="tokens must give the first rank at least half of one"):
            mc.FrequencySpectrum.zipf(types, tokens, s)
        return
    found = mc.FrequencySpectrum.zipf(types, tokens, s)
    # a rank that is halfway between two counts falls either way by rounding
    assert found.support == pytest.approx(numbers.sum(), abs=1)
    assert found.tokens == pytest.approx((counts * numbers).sum(), abs=2)
    listed = dict(zip(counts.tolist(), numbers.tolist(), strict=True))
    classes = dict(zip(found.counts.tolist(), found.types.tolist(), strict=True))
    assert sum(abs(listed.get(k, 0) - classes.get(k, 0)) for k in {*listed, *classes}) <= 2


@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 1.5])
def test_harmonic_sums(s):
    for K in (1, 1000, 1001, 200_000):
        known = np.sum(np.arange(1.0, K + 1) ** -s)
        assert families.spectrum.harmonic(K, s) == pytest.approx(known, rel=1e-13)


def test_ten_billion_types():
    truth = mc.FrequencySpectrum.zipf(types=10**10, tokens=10**13)
    assert truth.support == 10**10
    assert truth.tokens == pytest.approx(1e13, rel=1e-6)
    assert len(truth.counts) < 1_500_000
    options = json.loads(json.dumps(truth.options()))
    assert mc.FrequencySpectrum.from_state(truth.state(), **options).tokens == truth.tokens


def test_protocol():
    assert isinstance(TRUTH, Family)
    assert TRUTH.counts.tolist() == [1, 2, 5]
    assert TRUTH.types.tolist() == [4, 1, 2]
    p = np.repeat(TRUTH.counts, TRUTH.types) / TRUTH.tokens
    state = TRUTH.state()
    for name, dims in TRUTH.variables().items():
        assert np.ndim(state[name]) == len(dims)
    assert state["support"] == 7
    assert state["singletons"] == 4
    assert state["largest"] == 5 / 16
    assert state["heterozygosity"] == pytest.approx(1 - (p**2).sum(), rel=1e-14)
    assert state["entropy"] == pytest.approx(-(p * np.log(p)).sum(), rel=1e-14)
    assert state["types_by_count"][:4].tolist() == [4, 1, 2, 0]
    assert repr(TRUTH) == "FrequencySpectrum(3 classes, 7 types, 16 tokens)"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_a_fit_counts_and_remembers_who_is_who(x):
    fitted = TRUTH.fit(np.array(x))
    categories, counts = np.unique(x, return_counts=True)
    assert fitted.support == len(categories)
    assert fitted.tokens == len(x)
    again = fitted.sample(2000, stream("who is who"))
    assert set(again) <= set(categories)
    assert mc.FrequencySpectrum.from_data(x).counts.tolist() == np.unique(counts).tolist()
    # the category with the highest count is drawn as often as it should be (6 sd)
    best = categories[counts.argmax()]
    q = counts.max() / len(x)
    assert abs((again == best).mean() - q) <= 6 * np.sqrt(q * (1 - q) / 2000) + 1e-12


def test_a_sample_has_its_law():
    x = TRUTH.sample(80_000, stream("sample of a spectrum"))
    share = np.bincount(x, minlength=7) / len(x)
    np.testing.assert_allclose(share, np.repeat(TRUTH.counts, TRUTH.types) / 16, atol=0.01)  # 6 sd


def test_a_run_knows_its_truth(tmp_path):
    run = mc.simulate(TRUTH, mc.Replace((20, 10, 30)), generations=3, replicates=4, rng=1)
    assert run["types_by_count"].dims == ("replicate", "generation", "octave")
    assert (run["types_by_count"].sum("octave") == run["support"]).all()
    assert families.truth(run).counts.tolist() == [1, 2, 5]
    run.to_netcdf(tmp_path / "run.nc")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "run.nc"), run)
    with pytest.raises(ValueError, match="generation must be 0 and the truth short or of Zipf's law"):
        families.model(run, 0, 2)


@given(st.integers(1, 3000), st.integers(0, 2**32))
def test_almost_surely(n, seed):
    run = mc.simulate(TRUTH, mc.Replace(n), generations=6, replicates=2, rng=seed)
    support = run["support"].values
    assert (np.diff(support, axis=1) <= 0).all()
    assert (support[:, 1:] <= n).all()
    assert (support >= 1).all()
    assert (run["entropy"].values <= np.log(support) + 1e-12).all()
    assert (run["heterozygosity"].values <= 1 - 1 / support + 1e-12).all()
    assert ((run["heterozygosity"].values == 0) == (support == 1)).all()
    tokens = run["largest"].values[:, 1:] * n
    np.testing.assert_allclose(tokens, np.rint(tokens), atol=1e-9)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: mc.FrequencySpectrum([1, 2], [1]), ValueError, "at least one, got 2 counts and 1 types."),
        (lambda: mc.FrequencySpectrum([0, 2], [1, 1]), ValueError, "(a category without weight is none), got 0."),
        (lambda: mc.FrequencySpectrum([2], [1.5]), ValueError, "(categories are counted), got 1.5."),
        (lambda: mc.FrequencySpectrum([2], [1e16]), ValueError, "must be below 2^53 (to be exact as floats), got 2"),
        (lambda: mc.FrequencySpectrum.zipf(10, 0.5), ValueError, "at least half of one, got 0.5."),
        (lambda: mc.FrequencySpectrum.zipf(10**12, 1e17), ValueError, "at most 1e+08 classes, got about 1.2e+08"),
        (lambda: mc.FrequencySpectrum.from_data([]), ValueError, "non-empty sequence of labels, got shape (0,)."),
        (lambda: mc.simulate(TRUTH, mc.Accumulate(9), generations=2), ValueError, REFUSED),
        (lambda: mc.simulate(TRUTH, mc.Subsample(9), generations=2), ValueError, REFUSED),
        (lambda: mc.simulate(ROWS, mc.Replace(2), generations=2), ValueError, "got 2 rows; use Freq"),
        (lambda: mc.simulate(TRUTH, mc.Replace(2**51), generations=2), ValueError, "n must be an integer <= 1125"),
    ],
)
def test_bad_spectra(make, error, message):
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize("s", [1e-3, 1e-9, 1e-300])
def test_zipf_with_hardly_an_exponent(s):
    found = mc.FrequencySpectrum.zipf(100, 1e6, s)  # (C / (j - 1/2))^(1/s) is beyond every float
    counts, types = explicit(100, 1e6, s)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_array_equal(found.types, types)
