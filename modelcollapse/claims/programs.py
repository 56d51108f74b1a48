"""What claims simulate: chains of refitted models, taken at one generation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelcollapse import simulate

#: values of one block of chains: more chains than these are simulated block by block
BUDGET = 2_000_000


def at(family, regime, t: int, size: int, rng: np.random.Generator, value: str | Callable) -> np.ndarray:
    """Simulate `size` chains and return one value of each at generation t, (size, ...).

    Parameters
    ----------
    family, regime
        As for `modelcollapse.simulate`.
    t : int
        The generation, >= 1.
    size : int
        Chains.
    rng : Generator
    value : str or callable
        A variable of the run, or ``value(run)`` of the run at that generation, with a replicate along its first axis.
    """
    run = simulate(family, regime, generations=t, replicates=size, rng=rng, keep=[0, t])
    run = run.sel(generation=t)
    return np.asarray(run[value].values if isinstance(value, str) else value(run))


def heterozygosity(run) -> np.ndarray:
    """One minus the sum of squared frequencies of a categorical run."""
    return 1 - np.square(run["probability"].values).sum(axis=-1)
