"""Streams of random numbers: one per block of replicates, the same for any number of workers.

Replicates are cut into blocks of a fixed size. Block ``b`` draws from ``SeedSequence(entropy, spawn_key=(..., b))``,
whoever runs it and whenever: so a result does not depend on the number of threads, processes or machines, and one
block can be made again alone. Nothing below this module seeds anything.
"""

from __future__ import annotations

import numpy as np


def root(rng) -> np.random.SeedSequence:
    """Turn whatever a user calls ``rng`` (None, int, SeedSequence, Generator) into the root of all streams."""
    if rng is None:
        return np.random.SeedSequence()
    if isinstance(rng, np.random.SeedSequence):
        return rng
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence([int(word) for word in rng.integers(0, 2**32, size=4, dtype=np.uint32)])
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng must be >= 0 when it is an integer seed, got {rng}.")
        return np.random.SeedSequence(int(rng))
    raise TypeError(f"rng must be None, an int, a numpy SeedSequence or a numpy Generator, got {rng!r}.")


def generator(rng) -> np.random.Generator:
    """Return a Generator: the one given, or a new one on the root stream."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(root(rng))


def stream(seed: np.random.SeedSequence, *key: int) -> np.random.Generator:
    """Return the stream of one block: ``key`` is its place, appended to the root's own spawn key."""
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key)))


def blocks(replicates: int, size: int) -> list[tuple[int, int, int]]:
    """Cut 0 .. replicates into blocks: a list of (block, first, past the last)."""
    return [(b, lo, min(lo + size, replicates)) for b, lo in enumerate(range(0, replicates, size))]
