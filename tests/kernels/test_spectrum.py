"""The kernel of frequency spectra: no token is lost, windows hold their law, compiled is interpreted."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse._kernels import categorical, spectrum
from modelcollapse.testing import stream

BITS = """
import sys
import numpy as np
import modelcollapse as mc
out = {}
rng = np.random.default_rng(3)
for counts, types, n in (
    ([1], [3000], 3000),            # a histogram
    ([1, 2, 9], [5, 4, 3], 40),     # one by one
    ([1.0, 300.5], [50, 2], 10**6), # large means
    ([1, 3], [1, 1], (10**4, 10**5)),
):
    for name, value in mc.FrequencySpectrum(counts, types).chains(mc.Replace(n).plan(2), 2, rng).items():
        out[f"{n} {name}"] = value
np.savez(sys.argv[1], **out)
"""

CLASSES = st.tuples(st.integers(1, 10**5), st.integers(1, 300))
SPECTRA = st.lists(CLASSES, min_size=1, max_size=12, unique_by=lambda x: x[0])


@pytest.mark.compiled
def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    assert differences(BITS, at_least=24) == []


def dense(classes, length=1 << 18):
    """A spectrum as an array over counts."""
    small = np.zeros(length, np.int64)
    for count, types in classes:
        small[count] = types
    return small


@given(SPECTRA, st.floats(0, 1), st.sampled_from([64, 1 << 18]), st.integers(0, 2**32))
def test_thinning_removes_tokens_and_no_types(classes, share, length, seed):
    # counts beyond `length` stand in the list, and come down into the table
    table = dense([c for c in classes if c[0] < length], length)
    listed = np.repeat(*np.array([c for c in classes if c[0] >= length] or [(0, 0)]).T)
    tokens, types = sum(c * m for c, m in classes), sum(m for _, m in classes)
    surplus = int(share * min(tokens, 10_000))
    m = length + len(listed) + 1
    used = spectrum.thin(
        np.random.default_rng(seed), categorical.tables(), surplus, table, listed, len(listed),
        np.empty(m), np.empty(m, np.int64), np.empty(m), np.empty(m, np.int64), np.empty(m),
    )  # fmt: skip
    assert table @ np.arange(length) + listed[:used].sum() == tokens - surplus
    assert table.sum() + used == types
    assert table.min() >= 0
    assert (listed[:used] >= length).all()


@given(SPECTRA, st.integers(0, 2**32))
def test_no_type_comes_from_nothing(classes, seed):
    counts, types = np.array(sorted(classes)).T
    table, listed = np.zeros(1 << 18, np.int64), np.empty(100, np.int64)
    tokens, used = spectrum.offspring(
        np.random.default_rng(seed), categorical.tables(), counts.astype(float), types, 0.7, table, listed
    )
    assert table.sum() + used == types.sum()
    assert table @ np.arange(len(table)) + listed[:used].sum() == tokens


@pytest.mark.parametrize("mean", [0.01, 1.0, 7.3, 400.0, 12345.6])
@pytest.mark.parametrize("types", [1, 10**10])
def test_a_window_leaves_out_what_never_comes(mean, types):
    law = np.empty(1 << 13)
    low, high = spectrum.window(mean, types, law)
    first = int(mean) - len(law) // 2 + low
    with mp.workdps(60):
        m = mp.mpf(mean)
        law_of = [mp.exp(k * mp.log(m) - m - mp.loggamma(k + 1)) for k in range(first, first + high - low)]
        assert types * (1 - mp.fsum(law_of)) < 1e-15
    np.testing.assert_allclose(law[low:high] / law[low:high].sum(), np.array(law_of, dtype=float), rtol=1e-11)


def test_rooms():
    for n in (1, 100, 10**6, 10**9, 10**13):
        small, large = spectrum.rooms(n)
        most = n + 6 * n**0.5
        assert small > min(most, 4e6)
        assert large * small > most
        assert 8 * (small + 4 * large) < 2e8


@pytest.mark.compiled
def test_large_types_hit_again_and_again():
    # two types of a million tokens lose nearly all, and come down into the table
    rng = stream("large types")
    counts, types, weights, reach = np.empty(99), np.empty(99, np.int64), np.empty(99), np.empty(99)
    hits = np.empty(99, np.int64)
    table, listed = dense([(3, 2), (5, 1)], 64), np.array([10**6, 10**6 + 3])
    used = spectrum.thin(
        rng, categorical.tables(), 2 * 10**6 - 6, table, listed, 2, counts, types, weights, hits, reach
    )
    assert table @ np.arange(64) + listed[:used].sum() == 3 * 2 + 5 + 9
