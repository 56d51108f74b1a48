r"""What is a function of one frequency expected to be after t fits, when n is too large for a matrix?

Let :math:`x` be the frequency of a category now and :math:`(Pf)(x) = E f(\mathrm{Bin}(n, x)/n)`, one refit. A
function with :math:`f(0) = 0` is written :math:`f(x) = x\,k(x)`, because then the refit is an expectation again, of
the law seen by a copy of the category (one of the n points is that copy, the others are drawn):

.. math:: k_{t+1}(x) = E\, k_t\Big(\frac{1 + \mathrm{Bin}(n-1, x)}{n}\Big) .

Errors never grow, since this averages, and the values keep their *relative* accuracy for the rarest categories.

After t fits the functions of interest change on the scale :math:`1/(n g_t) \approx t/2n` near zero (:math:`g_t` of
`g_iterates`) and slowly elsewhere. So a polynomial of degree 95 on :math:`[0, X]`, with :math:`42 \le nXg_t \le 168`,
and, where needed, polynomials of degree 23 on :math:`[X, 2X], [2X, 4X], \dots`, hold them to rounding, and X is
multiplied by four now and then until it is 1. A fit is then a product with a small matrix: expectations over few
points are summed, those over many are Gauss quadratures of 32 points for the binomial law (Krawtchouk polynomials, by
Golub and Welsch). The cost does not depend on n. For survival, :math:`k = 1 + D` with :math:`D_0 = 1/x - 1`, and
beyond X the category is not lost but with probability :math:`(1 - xg_t)^n < e^{-42}`, so that :math:`D = 1/x - 1`
there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy

#: points of the polynomial on [0, X], and of those on [X, 2X], [2X, 4X], ...: coefficients fall to 1e-17
NODES, PIECE = 96, 24
#: e**-42 is below the rounding of one
GONE, STRETCH = 42.0, 4.0
#: expectations over laws of a mean below this are sums over integers, others Gauss quadratures of so many points
SUM_UP_TO, GAUSS = 3000.0, 32


def law_from_ratios(length: int, low: int, ratios: np.ndarray) -> np.ndarray:
    """Return a law on 0 .. length - 1 that is zero below `low` and then has the ratios p(j + 1) / p(j), decreasing.

    Built outwards from the mode and normalised, so that its errors are those of a few multiplications.
    """
    mode = int(np.count_nonzero(ratios >= 1))
    row = np.zeros(length)
    law = row[low : low + len(ratios) + 1]
    law[mode] = 1.0
    np.cumprod(ratios[mode:], out=law[mode + 1 :])
    law[:mode] = np.cumprod(1 / ratios[:mode][::-1])[::-1]
    row /= row.sum()
    return row


def _window(mean: float, sd: float, low: int, high: int) -> tuple[int, int]:
    """Return the integers outside which a binomial or hypergeometric law has less than 1e-18."""
    reach = 9.5 * sd + 45
    return max(low, math.floor(mean - reach)), min(high, math.ceil(mean + reach))


def binomial_window(n: int, p: float) -> tuple[int, np.ndarray]:
    """Return the first integer and the probabilities of Bin(n, p) wherever they matter."""
    if p <= 0 or p >= 1 or n == 0:
        return (n if p >= 1 else 0), np.ones(1)
    low, high = _window(n * p, math.sqrt(n * p * (1 - p)), 0, n)
    j = np.arange(low, high)
    return low, law_from_ratios(high - low + 1, 0, (n - j) / (j + 1) * (p / (1 - p)))


def hypergeometric_window(n: int, count: int, population: int) -> tuple[int, np.ndarray]:
    """Return the first integer and the probabilities of the count among n of the rows wherever they matter."""
    mean = n * count / population
    sd = math.sqrt(mean * (1 - count / population) * (population - n) / max(population - 1, 1))
    low, high = _window(mean, sd, max(0, n - (population - count)), min(count, n))
    j = np.arange(low, high)
    return low, law_from_ratios(high - low + 1, 0, (count - j) / (j + 1) * ((n - j) / (population - count - n + j + 1)))


def _chebyshev(low: float, high: float, count: int) -> np.ndarray:
    return low + (high - low) * np.sin(np.pi * np.arange(count) / (2 * (count - 1))) ** 2


def _barycentric(nodes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the matrix that takes values at Chebyshev points to values of their polynomial at x."""
    weights = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
    weights[[0, -1]] /= 2
    gap = x[:, None] - nodes
    row, column = np.nonzero(gap == 0)
    gap[row] = 1.0
    out = weights / gap
    out[row] = 0.0
    out[row, column] = 1.0
    return out / out.sum(axis=1, keepdims=True)


def _vanishing(nodes: np.ndarray, x: np.ndarray, complement: np.ndarray) -> np.ndarray:
    """Return `_barycentric` on [0, 1] without its last column, for functions (1 - x) r(x): r is interpolated."""
    count = len(nodes)
    left = np.cos(np.pi * np.arange(count) / (2 * (count - 1)))[:-1] ** 2
    weights = np.where(np.arange(count - 1) % 2, -1.0, 1.0) * left
    weights[0] /= 2
    gap = complement[:, None] - left
    row, column = np.nonzero(gap == 0)
    gap[row] = 1.0
    out = weights / gap
    out[row] = 0.0
    out[row, column] = 1.0
    return complement[:, None] * out / (out.sum(axis=1, keepdims=True) * left)


class Grid:
    """Where a function is held: [0, first], and, if `full`, the octaves above it up to one."""

    def __init__(self, first: float, *, full: bool):
        self.edges = [0.0, first]
        while full and self.edges[-1] < 1:
            self.edges.append(min(1.0, 2 * self.edges[-1]))
        self.pieces = [
            _chebyshev(low, high, PIECE if low else NODES)
            for low, high in zip(self.edges, self.edges[1:], strict=False)
        ]
        self.nodes = np.concatenate(self.pieces)

    @property
    def first(self) -> float:
        """Length of the first piece."""
        return self.edges[1]

    def interpolation(self, x: np.ndarray, complement: np.ndarray | None = None) -> np.ndarray:
        """Return (len(x), nodes + 1): the last column is 1/x - 1 where x is not on the grid, and 0 on it.

        With `complement` = 1 - x, more accurate than the subtraction, functions that vanish at one (and whose value
        there is not read) keep their relative accuracy next to one.
        """
        out = np.zeros((len(x), len(self.nodes) + 1))
        piece = np.searchsorted(self.edges, x, side="left") - 1
        piece[x <= 0] = 0
        start = 0
        for i, nodes in enumerate(self.pieces):
            here = np.flatnonzero(piece == i)
            if len(here) and complement is not None and nodes[-1] == 1:
                out[here, start : start + len(nodes) - 1] = _vanishing(nodes, x[here], complement[here])
            elif len(here):
                out[here, start : start + len(nodes)] = _barycentric(nodes, x[here])
            start += len(nodes)
        beyond = piece >= len(self.pieces)
        out[beyond, -1] = (1 - x[beyond] if complement is None else complement[beyond]) / x[beyond]
        return out


def _refit(n: int, x: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return E of((1 + Bin(n - 1, x)) / n) for every x; `of` may return one number or one row per point."""
    near = n * x <= SUM_UP_TO
    out: np.ndarray | None = None
    if near.any():
        windows = [binomial_window(n - 1, p) for p in x[near].tolist()]
        laws = np.zeros((len(windows), max(low + len(law) for low, law in windows)))
        for row, (low, law) in zip(laws, windows, strict=True):
            row[low : low + len(law)] = law
        part = laws @ of((1 + np.arange(laws.shape[1])) / n)
        out = np.zeros((len(x), *part.shape[1:]))
        out[near] = part
    if not near.all():
        p, k = x[~near], np.arange(GAUSS)
        off = np.sqrt(k[1:] * (n - k[1:]) * (p * (1 - p))[:, None])
        # one small tridiagonal problem each: batched dense ones are threaded, and slower by far
        rules = [
            scipy.linalg.eigh_tridiagonal(k * (1 - 2 * q), o, lapack_driver="stev", check_finite=False)
            for q, o in zip(p.tolist(), off, strict=True)
        ]
        points, weights = np.stack([rule[0] for rule in rules]), np.stack([rule[1][0] ** 2 for rule in rules])
        z = np.minimum((1 + (n - 1) * p[:, None] + points) / n, 1.0)
        values = of(z.ravel()).reshape(*z.shape, -1)
        part = (weights[:, None, :] @ values)[:, 0, :]
        if out is None:
            out = np.zeros((len(x), part.shape[1]))
        out[~near] = part.reshape(len(p), *out.shape[1:])
    return out


@dataclass
class State:
    """The function k after `t` fits: its values on a grid, and a one for what lies beyond."""

    t: int
    grid: Grid
    values: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return k(x)."""
        return self.grid.interpolation(x) @ self.values


def states(n: int, start: Callable[[np.ndarray], np.ndarray], *, full: bool) -> Iterator[State]:
    """Yield the function after 1, 2, ... fits of n points, from k_0 = `start` on (0, 1].

    With ``full=False`` the function must be that of survival, 1/x - 1, for it is not held beyond the first piece.
    """

    def interval(g):
        return min(1.0, STRETCH * GONE / (n * g))

    g, t = 1.0, 1
    grid = Grid(interval(g), full=full)
    values = np.append(_refit(n, grid.nodes, lambda z: start(z)[:, None])[:, 0], 1.0)
    step = None
    while True:
        yield State(t, grid, values)
        g, t = -math.expm1(-g), t + 1
        if grid.first < 1 and n * grid.first * g < GONE:
            new = Grid(interval(g), full=full)
            values = np.append(_refit(n, new.nodes, grid.interpolation) @ values, 1.0)
            grid, step = new, None
        else:
            if step is None:
                step = _refit(n, grid.nodes, grid.interpolation)
            values = np.append(step @ values, 1.0)


def curves(
    n: int, generations: int, start: Callable, project: Callable[[Grid], np.ndarray], *, full: bool
) -> np.ndarray:
    """Return project(grid) @ values for t = 1 .. generations, (generations, rows of what `project` returns)."""
    parts: list[np.ndarray] = []
    held: list[State] = []

    def close():
        parts.append((project(held[0].grid) @ np.stack([state.values for state in held], axis=1)).T)
        held.clear()

    for state in states(n, start, full=full):
        if held and held[0].grid is not state.grid:
            close()
        held.append(state)
        if state.t == generations:
            break
    close()
    return np.concatenate(parts)


def at(x: np.ndarray, complement: np.ndarray | None = None) -> Callable[[Grid], np.ndarray]:
    """Return the projection that reads a function off at x."""
    return lambda grid: grid.interpolation(x, complement)


def excess(x: np.ndarray) -> np.ndarray:
    """Return 1/x - 1: survival is x (1 + D), and this is D before the first fit."""
    return 1 / x - 1


def survival_excess(n: int, x: np.ndarray, generations: int) -> np.ndarray:
    """Return D_t(x) = P(alive after t fits) / x - 1 for t = 1 .. generations, (generations, len(x)), 0 < x <= 1."""
    return curves(n, generations, excess, at(x), full=False)


def excess_sums(n: int, x: np.ndarray, complement: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums over t = 0, 1, ... of D_t(x) and of t D_t(x): what absorption times are made of."""
    totals = np.stack([complement / x, np.zeros_like(x)])
    held: tuple[Grid, np.ndarray] | None = None

    def add():
        return held[1] @ held[0].interpolation(x, complement).T if held else 0.0

    for state in states(n, excess, full=False):
        if held is None or held[0] is not state.grid:
            totals += add()
            held = (state.grid, np.zeros((2, len(state.values))))
        if state.grid.first >= 1:
            break
        held[1][:] += np.outer([1.0, state.t], state.values)
    inner = state.grid.nodes[:-1]  # at x = 1 the category has won, and D = 0
    left = np.eye(len(inner)) - _refit(n, inner, state.grid.interpolation)[:, : len(inner)]
    once = np.linalg.solve(left, state.values[: len(inner)])
    twice = np.linalg.solve(left, once) - once  # the sum of s A^s
    rest = state.grid.interpolation(x, complement)[:, : len(inner)]
    totals[0] += rest @ once
    totals[1] += state.t * (rest @ once) + rest @ twice
    return totals[0], totals[1]
