r"""What is a law, as an object? The methods of a frozen `scipy.stats` distribution, and a table that makes them quick.

`Law` writes every method (density, tails and their logarithms, quantiles, moments, random variates) on top of three
functions: a log density and the logarithms of the two tails, each computed apart, so that a tail of 1e-300 is as good
as one of a half. `Table` holds such functions as Chebyshev series on panels, checks itself by the size of the last
coefficients, and inverts them by Newton's method.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

#: degree of the Chebyshev panels, and the size at which their last coefficients count as nothing
DEGREE, TINY = 19, 2e-14


# ------------------------------------------------------------------------------------------------- the interface


def log1mexp(x):
    """Return ln(1 - e^x) for x <= 0 without loss."""
    x = np.minimum(x, -0.0)
    with np.errstate(divide="ignore"):
        return np.where(x > -math.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _numbers(name: str, value) -> np.ndarray:
    out = np.asarray(value, dtype=float)
    if np.isnan(out).any():
        raise ValueError(f"{name} must be numbers (a law has no value at NaN), got NaN.")
    return out


class Law(ABC):
    """A frozen distribution: the methods of `scipy.stats`, on top of a log density and two log tails.

    A subclass has the three abstract methods, and ``_support`` where that is not the whole line.
    """

    _support = (-np.inf, np.inf)

    @abstractmethod
    def _log(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the log density, log cdf and log sf at points inside the support."""

    @abstractmethod
    def _quantile(self, log_probability: np.ndarray, upper: bool) -> np.ndarray:
        """Return where the lower (or upper) tail has this log probability."""

    @abstractmethod
    def _cumulants(self) -> tuple[float, float, float, float]:
        """Return the first four cumulants."""

    def _column(self, x, column: int) -> np.ndarray:
        x = _numbers("x", x)
        low, high = self._support
        inside = (x > low) & (x < high) if math.isfinite(low) else np.isfinite(x)
        out = np.full(x.shape, -np.inf)
        if column:
            out[(x >= high) if column == 1 else (x <= low)] = 0.0
        if inside.any():
            out[inside] = self._log(x[inside])[column]
        return out

    def logpdf(self, x):
        """Return the log density."""
        return self._column(x, 0)[()]

    def pdf(self, x):
        """Return the density."""
        return np.exp(self.logpdf(x))

    def logcdf(self, x):
        """Return the log of P(Y <= x)."""
        return self._column(x, 1)[()]

    def cdf(self, x):
        """Return P(Y <= x)."""
        return np.exp(self.logcdf(x))

    def logsf(self, x):
        """Return the log of P(Y > x)."""
        return self._column(x, 2)[()]

    def sf(self, x):
        """Return P(Y > x)."""
        return np.exp(self.logsf(x))

    def _inverse(self, q, upper: bool):
        q = _numbers("q", q)
        if q.size and (q.min() < 0 or q.max() > 1):
            raise ValueError(f"q must be probabilities, in [0, 1], got {q[(q < 0) | (q > 1)].flat[0]:g}.")
        out = np.empty(q.shape)
        low, high = self._support[::-1] if upper else self._support
        out[q == 0], out[q == 1] = low, high
        inside = (q > 0) & (q < 1)
        if inside.any():
            p = q[inside]
            near = np.log(p) <= self._split[int(upper)]
            values = np.empty(p.shape)
            values[near] = self._quantile(np.log(p[near]), upper)
            values[~near] = self._quantile(np.log1p(-p[~near]), not upper)
            out[inside] = values
        return out[()]

    def ppf(self, q):
        """Return the quantile: P(Y <= ppf(q)) = q."""
        return self._inverse(q, False)

    def isf(self, q):
        """Return the upper quantile: P(Y > isf(q)) = q."""
        return self._inverse(q, True)

    def median(self) -> float:
        """Return the median."""
        return float(self.ppf(0.5))

    def interval(self, confidence) -> tuple:
        """Return the central interval that holds `confidence` of the probability."""
        tail = (1 - np.asarray(confidence, dtype=float)) / 2
        return self.ppf(tail), self.isf(tail)

    def support(self) -> tuple[float, float]:
        """Return the ends of the support."""
        return self._support

    def mean(self) -> float:
        """Return the expectation, in closed form."""
        return self._cumulants()[0]

    def var(self) -> float:
        """Return the variance, in closed form."""
        return self._cumulants()[1]

    def std(self) -> float:
        """Return the standard deviation, in closed form."""
        return math.sqrt(self.var())

    def skew(self) -> float:
        """Return the skewness, in closed form."""
        _, variance, third, _ = self._cumulants()
        return third / variance**1.5 if math.isfinite(third) else third

    def kurtosis(self) -> float:
        """Return the excess kurtosis, in closed form."""
        _, variance, _, fourth = self._cumulants()
        return fourth / variance**2 if math.isfinite(fourth) else fourth

    def stats(self, moments: str = "mv") -> tuple | float:
        """Return mean (m), variance (v), skewness (s) and excess kurtosis (k), as `moments` names them."""
        legal = {"m": self.mean, "v": self.var, "s": self.skew, "k": self.kurtosis}
        if not moments or set(moments) - set(legal):
            raise ValueError(f"moments must be letters of 'mvsk', got {moments!r}.")
        out = tuple(legal[letter]() for letter in moments)
        return out[0] if len(out) == 1 else out

    def rvs(self, size=None, *, rng=None, random_state=None):
        """Return random variates, by inversion: one uniform each. `random_state` is another name of `rng`."""
        if rng is not None and random_state is not None:
            raise ValueError("rng must be given once (random_state is another name of it), got both.")
        rng = random_state if rng is None else rng
        if not isinstance(rng, np.random.RandomState):
            rng = np.random.default_rng(rng)
        return self.ppf(rng.random(size))


# ------------------------------------------------------------------------------------------------- the table


class Table:
    """Smooth functions on panels, by Chebyshev series of degree `DEGREE`; a panel is halved until they are short."""

    _nodes = np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)
    _weights = np.linalg.inv(np.polynomial.chebyshev.chebvander(_nodes, DEGREE))

    def __init__(self, functions, edges: np.ndarray, *, tiny: float = TINY):
        low, high, done = edges[:-1], edges[1:], []
        for _ in range(12):
            x = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * self._nodes
            values = np.stack(functions(x.ravel()), axis=-1).reshape(*x.shape, -1)  # (panel, node, column)
            series = np.einsum("ij,pjc->pic", self._weights, values)
            scale = np.maximum(np.abs(values).max(axis=1), 1.0)
            good = (np.abs(series[:, -2:]).max(axis=1) <= tiny * scale).all(axis=-1)
            done.append((low[good], high[good], series[good]))
            if good.all():
                break
            low, high = low[~good], high[~good]
            middle = (low + high) / 2
            low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        else:
            raise AssertionError("the law is not smooth enough for its table")
        low, high, series = (np.concatenate(parts) for parts in zip(*done, strict=True))
        order = np.argsort(low)
        self.edges = np.append(low[order], high[order[-1]])
        self.series = np.ascontiguousarray(series[order].transpose(1, 0, 2))  # (degree, panel, column)
        steps = np.arange(8) / 8
        self.grid = np.append((self.edges[:-1, None] + np.diff(self.edges)[:, None] * steps).ravel(), self.edges[-1])
        self.at_grid = np.stack(self(self.grid), axis=-1)

    def __call__(self, x: np.ndarray) -> list[np.ndarray]:
        """Return the columns at x, which lies on the panels."""
        panel = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.edges) - 2)
        low, high = self.edges[panel], self.edges[panel + 1]
        u = ((2 * x - low - high) / (high - low))[:, None]
        first = second = 0.0
        for coefficients in self.series[:0:-1]:
            first, second = coefficients[panel] + 2 * u * first - second, first
        return list((self.series[0][panel] + u * first - second).T)

    def solve(self, column: int, values: np.ndarray, slope) -> np.ndarray:
        """Return x where a monotone column has the values; slope(columns) is its derivative."""
        at, order = (
            self.at_grid[:, column],
            slice(None) if self.at_grid[0, column] < self.at_grid[-1, column] else slice(None, None, -1),
        )
        i = np.clip(np.searchsorted(at[order], values), 1, len(at) - 1)
        grid, at = self.grid[order], at[order]
        low, high = np.minimum(grid[i - 1], grid[i]), np.maximum(grid[i - 1], grid[i])
        x = grid[i - 1] + (grid[i] - grid[i - 1]) * np.clip((values - at[i - 1]) / (at[i] - at[i - 1]), 0, 1)
        for _ in range(12):  # Newton's method squares the error: 1e-8 of a cell is enough
            columns = self(x)
            new = np.clip(x - (columns[column] - values) / slope(columns), low, high)
            done = (np.abs(new - x) <= 1e-8 * (high - low)).all()
            x = new
            if done:
                break
        return x
