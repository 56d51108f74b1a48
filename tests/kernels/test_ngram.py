"""The n-gram kernels: counting against NumPy, and the guide to large counts against the text written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from modelcollapse.lm import NGram
from modelcollapse.lm import ngram as module
from modelcollapse.testing import stream


@given(
    st.integers(0, 62).flatmap(
        lambda digits: arrays(np.int64, st.integers(0, 300), elements=st.integers(0, 2**digits), fill=st.nothing())
    )
)
def test_counting_is_that_of_numpy(codes):
    before = codes.copy()
    found, counts = module.count(codes)
    expected = np.unique(codes, return_counts=True)
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_array_equal(counts, expected[1])
    np.testing.assert_array_equal(codes, before)


@pytest.mark.compiled
@pytest.mark.parametrize("most", [2, 10, 2**15, 2**16, 2**31, 2**63 - 1])
def test_long_texts_are_counted_in_passes(most, rng):
    codes = rng.integers(0, most, 50_000) >> rng.integers(0, 30, 50_000)
    found, counts = module.count(codes)
    expected = np.unique(codes, return_counts=True)
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_array_equal(counts, expected[1])


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_large_counts_lead_to_the_same_words(order, smoothing, monkeypatch):
    text = stream("text").integers(0, 9, 300) ** 2 // 8
    model = NGram(order, smoothing).fit_tokens(text, 9)
    counts = model.counts * 1000
    guided, written_out = (NGram(order, smoothing).from_counts((model.codes, counts), 9) for _ in range(2))
    words = guided.walk(500, 7)
    monkeypatch.setattr(module, "MOST_PLACES", 10**6)
    np.testing.assert_array_equal(written_out.walk(500, 7), words)
    assert (guided._walk[4] > 0, written_out._walk[4]) == (True, 0)
