"""Hypothesis strategies for everything a simulation takes: the widest domain on which a property is meant to hold.

Use them for what is true for *every* seed, and draw the seed too::

    @given(strategies.regimes(generations=5), strategies.categoricals(), strategies.seeds())
    def test_probabilities_sum_to_one(regime, truth, seed):
        run = mc.simulate(truth, regime, generations=5, rng=seed)
        ...
"""

from __future__ import annotations

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.families import Categorical, Gaussian
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window, by_name

try:
    from hypothesis import strategies as st
except ImportError as error:  # pragma: no cover
    raise ImportError(
        "modelcollapse.testing.strategies needs Hypothesis: pip install modelcollapse[testing]"
    ) from error

__all__ = ["categoricals", "gaussians", "probabilities", "regimes", "seeds", "sizes"]


def seeds() -> st.SearchStrategy[int]:
    """Integers that `modelcollapse` accepts as ``rng``."""
    return st.integers(0, 2**64 - 1)


def sizes(generations: int = 5, *, least: int = 2, most: int = 50) -> st.SearchStrategy:
    """Sample sizes: a constant, or a schedule (n_1, ..., n_T)."""
    one = st.integers(check.integer("least", least, least=1), check.integer("most", most, least=least))
    return one | st.lists(one, min_size=generations, max_size=generations).map(tuple)


def _all(size) -> tuple[int, ...]:
    return (size,) if isinstance(size, int) else size


def regimes(
    generations: int = 5, *, least: int = 2, most: int = 50, kinds: tuple[str, ...] = tuple(by_name())
) -> st.SearchStrategy:
    """Regimes of every kind that are valid for `generations` generations.

    Parameters
    ----------
    generations : int
        Length of the schedules.
    least, most : int
        Range of the sample sizes.
    kinds : tuple of str
        Names of the regimes, as the command line uses them; default all.
    """
    n = sizes(generations, least=least, most=most)
    real = st.integers(least, most)
    maybe = st.none() | real
    every = {
        "replace": st.builds(Replace, n=n),
        "accumulate": st.builds(Accumulate, n=n, n_real=maybe),
        "subsample": n.flatmap(
            lambda size: st.builds(Subsample, n=st.just(size), n_real=st.none() | st.integers(_all(size)[0], 2 * most))
        ),
        "fixed-real": real.flatmap(
            lambda kept: st.builds(
                FixedReal, n=n, n_real=st.just(kept), n_first=st.none() | st.integers(kept, 2 * most)
            )
        ),
        "fresh-real": n.flatmap(
            lambda size: st.builds(FreshReal, n=st.just(size), n_real=st.integers(0, min(_all(size))))
        ),
        "mix": st.builds(Mix, n=n, real_fraction=st.floats(0, 1)),
        "window": st.builds(Window, n=n, k=st.integers(1, generations + 1), n_real=maybe),
    }
    return st.one_of([every[check.choice("kinds", kind, list(every))] for kind in kinds])


def probabilities(least: int = 1, most: int = 8, *, zeros: bool = True) -> st.SearchStrategy[np.ndarray]:
    """Probability vectors with `least` to `most` entries, some of them 0 if `zeros`."""
    weight = st.floats(1e-6, 1.0)
    weight = weight | st.just(0.0) if zeros else weight
    return (
        st.lists(weight, min_size=least, max_size=most)
        .filter(lambda w: sum(w) > 0)
        .map(lambda w: np.array(w) / np.sum(w))
    )


def categoricals(least: int = 1, most: int = 8) -> st.SearchStrategy[Categorical]:
    """Categorical truths."""
    return probabilities(least, most).map(Categorical)


def gaussians(
    dims: tuple[int | None, ...] = (None, 1, 2, 3), *, estimators: tuple[str, ...] = ("unbiased", "mle")
) -> st.SearchStrategy[Gaussian]:
    """Gaussian truths.

    Parameters
    ----------
    dims : tuple of int or None
        Dimensions; None for points that are numbers.
    estimators : tuple of str
    """
    centre = st.floats(-1e3, 1e3)
    estimator = st.sampled_from(estimators)
    scalar = st.builds(Gaussian, mean=centre, cov=st.floats(1e-3, 1e3), estimator=estimator)

    def rows(d: int) -> st.SearchStrategy[Gaussian]:
        # L L' with a positive diagonal is a covariance of full rank
        entries = st.lists(st.floats(-2, 2), min_size=d * d, max_size=d * d)
        scales = st.lists(st.floats(0.1, 10), min_size=d, max_size=d)

        def build(mean, below, diagonal, which):
            L = np.tril(np.reshape(below, (d, d)), -1) + np.diag(diagonal)
            return Gaussian(mean=np.array(mean), cov=L @ L.T, estimator=which)

        return st.builds(build, st.lists(centre, min_size=d, max_size=d), entries, scales, estimator)

    return st.one_of([scalar if d is None else rows(check.integer("dims", d, least=1)) for d in dims])
