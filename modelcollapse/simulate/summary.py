r"""What is recorded of a run in memory that does not grow with the number of chains.

A summary keeps, for every cell (a variable at a generation), count, mean and sum of squared deviations, joined block by
block (Chan, Golub and LeVeque), and a sketch of the law over chains for the quantiles. The sketch is a ladder of
buffers of `WIDTH` sorted values, as in Karnin, Lang and Liberty (2016): two full buffers of one level are merged, and
the means of neighbours, each standing for twice as many chains, make one of the next. So there are at most
:math:`\log_2(R/\mathrm{WIDTH}) + 1` buffers a cell. Up to `WIDTH` chains the quantiles are those of NumPy; beyond, they
are interpolated between means of at most a 1/`WIDTH` of all chains: good from 0.01 to 0.99, not for the extremes.

Blocks come in their order whoever runs them, so a summary too is the same for any number of workers.
"""

from __future__ import annotations

import numpy as np

#: values per buffer of a sketch
WIDTH = 256
#: quantiles of a summary where none are named
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Sketch:
    """Quantiles of a stream of rows, column by column; NaN is left out, but for neighbours of the last number."""

    def __init__(self, cells: int):
        self.waiting = np.empty((WIDTH, cells))
        self.filled = 0
        self.levels: list[np.ndarray | None] = []

    def update(self, rows: np.ndarray):
        """Take in rows (row, cell)."""
        while len(rows):
            size = min(len(rows), WIDTH - self.filled)
            self.waiting[self.filled : self.filled + size] = rows[:size]
            self.filled += size
            rows = rows[size:]
            if self.filled == WIDTH:
                self._carry(np.sort(self.waiting, axis=0))
                self.filled = 0

    def _carry(self, buffer: np.ndarray):
        for level, held in enumerate(self.levels):
            if held is None:
                self.levels[level] = buffer
                return
            both = np.concatenate([held, buffer])
            both.sort(axis=0, kind="stable")  # two sorted runs: a merge
            buffer = 0.5 * both[::2] + 0.5 * both[1::2]
            self.levels[level] = None
        self.levels.append(buffer)

    def quantiles(self, levels) -> np.ndarray:
        """Return the quantiles, (level, cell); with equal weights those that NumPy calls linear."""
        parts = [self.waiting[: self.filled]] + [held for held in self.levels if held is not None]
        weights = [np.ones(self.filled)] + [
            np.full(WIDTH, 2.0**level) for level, held in enumerate(self.levels) if held is not None
        ]
        values, weight = np.concatenate(parts), np.concatenate(weights)
        order = np.argsort(values, axis=0, kind="stable")
        values = np.take_along_axis(values, order, axis=0)
        weight = weight[order]
        # a value that stands for w is in the middle of its w places, 0 .. R - 1
        place = np.cumsum(weight, axis=0) - (weight + 1) / 2
        out = np.full((len(levels), values.shape[1]), np.nan)
        there = ~np.isnan(values)  # NaN are at the end
        for cell in range(values.shape[1]):
            some = there[:, cell]
            if some.any():
                target = np.asarray(levels) * (weight[some, cell].sum() - 1)
                out[:, cell] = _between(target, place[some, cell], values[some, cell])
        return out


def _between(target, place, value) -> np.ndarray:
    """Interpolate, without making NaN of two equal infinities."""
    right = np.clip(np.searchsorted(place, target), 1, len(place) - 1) if len(place) > 1 else np.zeros(1, int)
    left = np.maximum(right - 1, 0)
    gap = np.where(place[right] > place[left], place[right] - place[left], 1.0)
    share = np.clip((target - place[left]) / gap, 0, 1)
    low, high = np.broadcast_to(value[left], target.shape), np.broadcast_to(value[right], target.shape)
    with np.errstate(invalid="ignore"):
        return np.where((share == 0) | (low == high), low, np.where(share == 1, high, low + share * (high - low)))


class Moments:
    """Count, mean and squared deviations of a stream of rows, column by column; NaN is left out."""

    def __init__(self, cells: int):
        self.count, self.mean, self.squares = np.zeros(cells), np.zeros(cells), np.zeros(cells)

    def update(self, rows: np.ndarray):
        """Take in rows (row, cell)."""
        there = ~np.isnan(rows)
        count = there.sum(axis=0).astype(float)
        some = np.maximum(count, 1)
        with np.errstate(invalid="ignore"):  # an infinite value, log 0 of a collapsed chain, has no finite sd
            mean = np.where(there, rows, 0.0).sum(axis=0) / some
            squares = (np.where(there, rows - mean, 0.0) ** 2).sum(axis=0)
            total = self.count + count
            share = count / np.maximum(total, 1)
            delta = mean - self.mean
            self.squares = self.squares + squares + delta**2 * self.count * share
            joined = np.where(
                np.isfinite(delta), self.mean + delta * share, self.mean + mean
            )  # infinite once, for ever
            self.mean = np.where(self.count == 0, mean, np.where(count == 0, self.mean, joined))
        self.count = total

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation over chains (divisor one less than their number)."""
        return np.sqrt(np.where(self.count > 1, self.squares / np.maximum(self.count - 1, 1), np.nan))


class Summary:
    """Mean, sd and quantiles over chains of every recorded variable."""

    def __init__(self, quantiles):
        self.levels = tuple(quantiles)
        self.moments: dict[str, Moments] = {}
        self.sketches: dict[str, Sketch] = {}
        self.shapes: dict[str, tuple] = {}

    @property
    def statistics(self) -> list[str]:
        """Names of the rows of the result."""
        return ["mean", "sd", *(f"q{level:.12g}" for level in self.levels)]

    def update(self, block: dict[str, np.ndarray]):
        """Take in a block of chains: arrays (replicate, generation, ...)."""
        for name, values in block.items():
            rows = values.reshape(len(values), -1).astype(float, copy=False)
            if name not in self.moments:
                self.shapes[name] = values.shape[1:]
                self.moments[name] = Moments(rows.shape[1])
                self.sketches[name] = Sketch(rows.shape[1])
            self.moments[name].update(rows)
            self.sketches[name].update(rows)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the summary of each variable, (statistic, generation, ...)."""
        out = {}
        for name, moments in self.moments.items():
            table = np.concatenate([[moments.mean, moments.sd], self.sketches[name].quantiles(self.levels)])
            out[name] = table.reshape(-1, *self.shapes[name])
        return out
