r"""What is left of a law that is cut again and again? Top-k and nucleus sampling in a loop, infinite samples.

Top-k keeps the k likeliest categories: once cut, nothing changes any more. A nucleus (top-p) keeps the fewest that have
a given share of the mass, *of what is left*; so it cuts again every round, until no category is small enough to go.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import _validate as check

__all__ = ["nucleus", "nucleus_limit", "top_k_limit"]

#: cumulated probabilities of a nucleus may miss its mass by this share: decimals that add up exactly count
TIE = 1e-12


def top_k_limit(p, k: int) -> np.ndarray:
    r"""Return the law of Replace with top-k sampling and infinite samples: p on its k likeliest categories, normalised.

    The first round does it, and later ones change nothing. Among equals the first are kept.

    Kind: exact. Source: `MAR` (derived: truncation is idempotent).

    Examples
    --------
    >>> top_k_limit([0.2, 0.5, 0.1, 0.2], 2).round(6).tolist()
    [0.285714, 0.714286, 0.0, 0.0]
    """
    p, k = check.probabilities("p", p), check.integer("k", k, least=1)
    out = np.zeros(len(p))
    kept = np.argsort(-p, kind="stable")[:k]
    out[kept] = p[kept] / p[kept].sum()
    return out


def _nucleus(ordered: np.ndarray, mass: float) -> int:
    """Return how many of the ordered weights it takes to have this share of their sum."""
    reached = np.cumsum(ordered)
    return int(np.searchsorted(reached, mass * reached[-1] * (1 - TIE))) + 1


def nucleus(p, generations: int, *, mass: float) -> np.ndarray:
    r"""Return the laws of Replace with nucleus (top-p) sampling and infinite samples, t = 0 .. T rounds.

    Each round keeps the fewest likeliest categories that have the share `mass` of all, and normalises; so the next one
    cuts again.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    generations : int
        T, rounds of sampling.
    mass : float
        In (0, 1].

    Returns
    -------
    ndarray, (generations + 1, category)

    Notes
    -----
    Kind: exact. Source: `MAR` (derived). Among equals the first are kept; sums that miss the mass by a rounding count.

    Examples
    --------
    >>> nucleus([0.5, 0.25, 0.15, 0.1], 2, mass=0.8).round(4).tolist()
    [[0.5, 0.25, 0.15, 0.1], [0.5556, 0.2778, 0.1667, 0.0], [0.6667, 0.3333, 0.0, 0.0]]
    """
    p, mass = check.probabilities("p", p), check.number("mass", mass, above=0, most=1)
    order = np.argsort(-p, kind="stable")
    size = len(p)
    out = np.zeros((check.integer("generations", generations, least=0) + 1, len(p)))
    out[0] = p
    for t in range(1, len(out)):
        size = _nucleus(p[order[:size]], mass)
        kept = order[:size]
        out[t, kept] = p[kept] / p[kept].sum()
    return out


def nucleus_limit(p, *, mass: float) -> np.ndarray:
    r"""Return the law at which `nucleus` stands still: its least likely category has more than a share 1 - `mass`.

    So at most :math:`1/(1-\mathrm{mass})` categories are left, however many there were.

    Kind: exact. Source: `MAR` (derived).

    Examples
    --------
    >>> nucleus_limit([0.5, 0.25, 0.15, 0.1], mass=0.8).round(4).tolist()
    [0.6667, 0.3333, 0.0, 0.0]
    """
    p, mass = check.probabilities("p", p), check.number("mass", mass, above=0, most=1)
    order = np.argsort(-p, kind="stable")
    size, before = len(p), 0
    while size != before:
        before, size = size, _nucleus(p[order[:size]], mass)
    out = np.zeros(len(p))
    out[order[:size]] = p[order[:size]] / p[order[:size]].sum()
    return out
