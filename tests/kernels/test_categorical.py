"""Categorical kernels: tables and densities against mpmath, counts that add up, compiled against interpreted."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse._kernels import categorical as kernels
from modelcollapse.testing import stream

BITS = """
import sys
import numpy as np
import modelcollapse as mc
from modelcollapse._kernels import categorical as kernels
out = {}
rng = np.random.default_rng(3)
means = np.concatenate([np.linspace(0, 40, 60), np.geomspace(0.01, 4e11, 150), [8191.9, 8192.0, 8192.5] * 5])
drawn = np.empty(len(means), np.int64)
for i in range(3):
    kernels.poisson(rng, kernels.tables(), means, 1.0, drawn)
    out[f"poisson {i}"] = drawn.copy()
for size, K in ((5, 60), (1000, 60), (100_000, 60), (10**9, 3)):  # one by one, mended, mended, binomials
    reach, counts = np.empty(K), np.empty(K, np.int64)
    weights = np.append(0.0, 1 / np.arange(1.0, K))
    kernels.multinomial(rng, kernels.tables(), size, weights, weights.sum(), counts, reach)
    out[f"multinomial {size}"] = counts
p = 1 / np.arange(1.0, 41)
for regime in (mc.Replace(300), mc.Replace((50, 300, 40, 300, 300)), mc.Window(200, 2), mc.FixedReal(90, 10)):
    plan = regime.plan(5)
    model = mc.Categorical(p / p.sum())
    out[f"{regime}"] = model.chains(plan, 3, rng)["probability"]
    out[f"{regime} rows"] = model.chains(plan, 3, rng, np.arange(300) % 17)["probability"]
np.savez(sys.argv[1], **out)
"""


@pytest.mark.compiled
def test_compiled_and_interpreted_agree_bit_for_bit(differences):
    assert differences(BITS, at_least=15) == []


def poisson_law(mean, low, high):
    """Poisson probabilities of low .. high - 1, from the formula."""
    with mp.workdps(40):
        m = mp.mpf(mean)
        return np.array([float(mp.exp(k * mp.log(m) - m - mp.loggamma(k + 1))) for k in range(low, high)])


@pytest.mark.parametrize("mean", [0.0625, 1.0, 7.9375, 12.5, 31.75, 32.0, 255.0, 256.0, 7936.0])
def test_tables_hold_their_law(mean):
    start, width, first, threshold, alias = kernels.tables()[2:]
    i = kernels.grid()[0].tolist().index(mean)
    W, low = int(width[i]), int(first[i])
    place = slice(int(start[i]), int(start[i]) + W)
    law = threshold[place] / W
    np.add.at(law, alias[place] - low, (1 - threshold[place]) / W)
    known = poisson_law(mean, low, low + W)
    assert np.abs(law - known).sum() < 1e-11  # what rounding makes of a table; a test would need 10^22 draws to see it
    assert abs(1 - known.sum()) < 1e-14


def test_every_mean_has_its_table():
    """The places that `poisson` computes are those of `grid`."""
    grid, parts = kernels.grid()
    place = kernels.tables()[0]
    for base in range(256):
        for times in range(int(parts[base])):
            assert grid[place[base] + times] == base + times / parts[base]
    for times in range(1, 32):
        assert grid[place[255] + times] == 256 * times
    assert len(grid) == place[255] + 32


@pytest.mark.parametrize("mean", [8192.3, 1e5 + 0.7, 1e9 + 0.25, 4.2e11 + 0.5])
def test_density_of_a_large_mean(mean):
    with mp.workdps(50):
        for z in (-8, -3, -0.5, 0, 0.1, 2, 8, 30):
            k = int(mean + z * mean**0.5)
            m = mp.mpf(mean)
            known = mp.exp(k * mp.log(m) - m - mp.loggamma(k + 1))
            assert kernels.density(k, k - mean, mean) == pytest.approx(float(known), rel=2e-12)


@pytest.mark.parametrize("mean", np.geomspace(8192.25, 1e13, 12))
def test_what_is_accepted_for_certain_lies_under_the_curve(mean):
    """The published constants of PTRD, checked: four draws in five are never held against the density."""
    b = 0.931 + 2.53 * np.sqrt(mean)
    a, inside, hat = -0.059 + 0.02483 * b, 0.9277 - 3.6224 / (b - 2), 1.1239 + 1.1328 / (b - 3.4)

    def ratio(u):
        us = 0.5 - np.abs(u)
        j = np.floor((2 * a / us + b) * u + mean % 1 + 0.445)
        k = np.floor(mean) + j
        return [kernels.density(x, x - mean, mean) * (a / s**2 + b) / hat for x, s in zip(k, us, strict=True)]

    assert min(ratio(np.linspace(-0.43, 0.43, 401))) > inside
    assert max(ratio(np.linspace(-0.49, 0.49, 401))) < 1


@given(st.integers(0, 10**7), st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(any), st.integers(0, 2**32))
def test_counts_add_up_and_nothing_comes_from_nothing(size, weights, seed):
    weights = np.array(weights)
    counts = np.empty(len(weights), np.int64)
    rng = np.random.default_rng(seed)
    kernels.multinomial(rng, kernels.tables(), size, weights, weights.sum(), counts, np.empty(len(weights)))
    assert counts.sum() == size
    assert counts.min() >= 0
    assert counts[weights == 0].sum() == 0


@given(st.integers(1, 60), st.integers(1, 500), st.integers(0, 2**32))
def test_survivors_only_shrink(K, n, seed):
    p = np.arange(1.0, K + 1) / np.arange(1.0, K + 1).sum()
    run = mc.Categorical(p).chains(mc.Replace(n).plan(8), 3, np.random.default_rng(seed))["probability"]
    assert (np.diff((run > 0).astype(int), axis=1) <= 0).all()
    np.testing.assert_allclose(run.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(run * n, np.rint(run * n), atol=1e-9)


@given(st.integers(2, 4), st.integers(0, 2**32))
def test_a_window_forgets_and_keeps_its_places(k, seed):
    # ten batches, most categories gone: those that are left still hold whole numbers of points of the window
    p = np.full(200, 1 / 200)
    run = mc.Categorical(p).chains(mc.Window(40, k).plan(10), 2, np.random.default_rng(seed))["probability"]
    held = 40 * np.minimum(np.arange(1, 11), k)[:, None]
    np.testing.assert_allclose(run * held, np.rint(run * held), atol=1e-9)
    np.testing.assert_allclose(run.sum(axis=-1), 1, rtol=1e-12)


def test_rows_of_categories_that_the_model_does_not_have():
    # real rows are the truth, whatever probabilities stand beside them
    model = mc.Categorical([1.0, 0.0, 0.0])
    rows = np.array([2, 0, 2, 2])
    for regime in (mc.Replace(4), mc.FixedReal(3, 4), mc.FreshReal(4, 1)):
        run = model.chains(regime.plan(3), 5, stream(f"rows {regime}"), rows)["probability"]
        np.testing.assert_allclose(run[:, 0], [[0.25, 0.0, 0.75]] * 5)
        assert run[..., 1].max() == 0
