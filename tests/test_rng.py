"""Streams: the same for any number of workers, different for every block."""

import numpy as np
import pytest

from modelcollapse import _rng


def test_the_same_root_gives_the_same_streams():
    a, b = _rng.stream(_rng.root(5), 3), _rng.stream(_rng.root(np.random.SeedSequence(5)), 3)
    assert a.random(4).tolist() == b.random(4).tolist()


def test_blocks_have_different_streams():
    seed = _rng.root(5)
    drawn = {_rng.stream(seed, b).random() for b in range(200)}
    assert len(drawn) == 200


def test_a_spawned_root_keeps_its_key():
    parent = np.random.SeedSequence(5)
    first, second = parent.spawn(2)
    assert _rng.stream(first, 0).random() != _rng.stream(second, 0).random()


def test_a_generator_gives_a_root_that_depends_on_its_state():
    g = np.random.default_rng(1)
    assert _rng.root(g).entropy != _rng.root(g).entropy


@pytest.mark.parametrize(("replicates", "size"), [(1, 64), (64, 64), (65, 64), (1000, 7)])
def test_blocks_tile_the_replicates(replicates, size):
    cut = _rng.blocks(replicates, size)
    assert [i for _, lo, hi in cut for i in range(lo, hi)] == list(range(replicates))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (-1, ValueError, "rng must be >= 0 when it is an integer seed, got -1"),
        ("seed", TypeError, "rng must be None, an int, a numpy SeedSequence or a numpy Generator, got 'seed'"),
        (True, TypeError, "got True"),
    ],
)
def test_bad_rng(bad, error, message):
    with pytest.raises(error, match=message):
        _rng.root(bad)
