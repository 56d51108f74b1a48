r"""Kernel density estimates: the points themselves, smeared.

The model is :math:`\frac1N\sum_i N(x_i, \mathrm{diag}(h^2))` over the points it was fitted to; a draw is a point picked
at random plus :math:`h` times a standard normal. Where other families lose variance by refitting, this one gains:
every generation adds the variance of the kernel, :math:`h^2`, and resampling takes away only a share 1/N. The bandwidth
decides what becomes of it:

* **a number**: the same :math:`h` in every generation and coordinate;
* **"silverman"** or **"scott"**: follows the points, coordinate by coordinate,
  :math:`h_j = c_d\, s_j\, N^{-1/(d+4)}` with :math:`s_j^2` the variance of coordinate j among the N points, divisor
  N. For Silverman :math:`c_1 = 1.06` (his rounding of :math:`(4/3)^{1/5} = 1.0592`) and
  :math:`c_d = (4/(d+2))^{1/(d+4)}` for :math:`d \ge 2`; for Scott :math:`c_d = 1`. (Libraries differ:
  ``scipy.stats.gaussian_kde`` has the divisor N - 1 and smears along the covariance, ``sklearn.neighbors`` leaves
  :math:`s_j` out.)

**What is recorded.** An accumulating training set grows, so a run holds no training sets. It holds the mean of the
points, their variance (divisor N: `KAZ-KDE` writes :math:`W_t`; the variance of the model is :math:`W_t + h^2`), in d
dimensions their covariance, and the bandwidth. With ``record=k`` it also holds k points of each training set, evenly
spaced in it. A model can be rebuilt from these alone: exactly if k is the size of the training set, as a thinned
estimate with the recorded bandwidth otherwise, and not at all without them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from modelcollapse import _validate as check
from modelcollapse._rng import generator

RULES = ("silverman", "scott")
#: numbers an intermediate array of `logpdf` may have
BUDGET = 1 << 20


def constant(rule: str, dim: int) -> float:
    """Return :math:`c_d` of a rule for the bandwidth."""
    if rule == "scott":
        return 1.0
    return 1.06 if dim == 1 else (4 / (dim + 2)) ** (1 / (dim + 4))


@dataclass(frozen=True, eq=False)
class KernelDensity:
    """A Gaussian kernel density estimate, refitted by taking the new points for the old.

    Parameters
    ----------
    points : (size,) or (size, dim) array_like
        Points of generation 0. The truth is the estimate on them, not their empirical law: its variance is that of the
        points plus the squared bandwidth. For data as the truth see `Empirical`.
    bandwidth : float or {"silverman", "scott"}
        Standard deviation of the kernel, the same for ever; or the rule by which it follows the points.
    record : int, default 0
        Points of each training set that a run records.

    Raises
    ------
    ValueError, TypeError
        If the points are not finite, the bandwidth is not positive or no known rule, or a rule meets points that do
        not vary.

    Examples
    --------
    >>> truth = KernelDensity([0.0, 1.0, 3.0], bandwidth=0.5)
    >>> [round(float(x), 4) for x in truth.moments()]
    [1.3333, 1.8056]
    >>> truth.fit(np.array([1.0, 3.0])).state()["mean"].item()
    2.0
    """

    points: np.ndarray
    bandwidth: float | str
    record: int = field(default=0, kw_only=True)

    kind: ClassVar[str] = "KernelDensity"
    #: `chains` draws subsamples of what is held as well
    subsamples: ClassVar[bool] = True

    def __post_init__(self):
        bandwidth = _bandwidth(self.bandwidth)
        if isinstance(bandwidth, str):
            points = check.points("points", self.points, because="the bandwidth follows their variance")
        else:
            points = check.points("points", self.points, least_rows=1, because="they are the model", vary=False)
        if points.ndim == 2 and points.shape[1] == 0:
            raise ValueError(f"points must have a column, got shape {points.shape}.")
        record = check.integer("record", self.record, least=0)
        for name, value in (("points", points), ("bandwidth", bandwidth), ("record", record)):
            object.__setattr__(self, name, value)

    def _like(self, points: np.ndarray, h=None) -> KernelDensity:
        """Return a model of this family without validating; takes the points over."""
        new = object.__new__(type(self))
        points = points.view()
        points.flags.writeable = False
        new.__dict__.update(points=points, bandwidth=self.bandwidth, record=self.record)
        if h is not None:
            new.__dict__["_h"] = h
        return new

    @property
    def dim(self) -> int | None:
        """Number of dimensions, or None where points are numbers."""
        return None if self.points.ndim == 1 else self.points.shape[1]

    @property
    def least(self) -> int:
        """Fewest points a fit needs: one, or two where the bandwidth is made from their variance."""
        return 2 if isinstance(self.bandwidth, str) else 1

    def _factor(self, size):
        """What the standard deviations are multiplied by to give the bandwidth, or the bandwidth itself."""
        if not isinstance(self.bandwidth, str):
            return np.full(np.shape(size), self.bandwidth)
        d = self.dim or 1
        return constant(self.bandwidth, d) * np.asarray(size, dtype=float) ** (-1 / (d + 4))

    def h(self) -> float | np.ndarray:
        """Return the bandwidth: a float, or (dim,) where points are vectors."""
        if "_h" not in self.__dict__:
            h = self._factor(len(self.points))
            h = h * self.points.std(axis=0) if isinstance(self.bandwidth, str) else h
            self.__dict__["_h"] = float(h) if self.dim is None else np.broadcast_to(h, (self.dim,))
        return self.__dict__["_h"]

    def _cov(self):
        centred = self.points - self.points.mean(axis=0)
        if self.dim is None:
            return float(centred @ centred) / len(centred)
        return centred.T @ centred / len(centred)

    def moments(self) -> tuple:
        """Return mean and variance (or covariance matrix) of the model, kernel included."""
        h = np.square(self.h())
        return self.points.mean(axis=0), self._cov() + (h if self.dim is None else np.diag(h))

    def sample(self, size: int, rng=None) -> np.ndarray:
        """Draw `size` points: (size,), or (size, dim)."""
        rng = generator(rng)
        picked = self.points[rng.integers(0, len(self.points), size)]
        return picked + self.h() * rng.standard_normal(picked.shape)

    def logpdf(self, x) -> np.ndarray:
        """Log density in nats at points (...,) or (..., dim); costs len(points) kernels per point."""
        x = np.asarray(x, dtype=float)
        d = self.dim or 1
        if self.dim is not None and (x.ndim == 0 or x.shape[-1] != d):
            raise ValueError(f"x must have shape (..., {d}), got {x.shape}.")
        h = np.broadcast_to(self.h(), (d,))
        if (h <= 0).any():
            raise ValueError(
                "bandwidth must be > 0 for a density (the points have become one, and it follows them), "
                f"got {h.min():g}."
            )
        centres, at = self.points.reshape(-1, d) / h, x.reshape(-1, d) / h
        out = np.empty(len(at))
        step = max(1, BUDGET // len(centres))
        for lo in range(0, len(at), step):
            part = at[lo : lo + step]
            exponent = np.zeros((len(part), len(centres)))
            for j in range(d):
                exponent -= 0.5 * (part[:, j, None] - centres[:, j]) ** 2
            top = exponent.max(axis=1, keepdims=True)
            out[lo : lo + step] = top[:, 0] + np.log(np.exp(exponent - top).mean(axis=1))
        out -= np.log(h).sum() + 0.5 * d * math.log(2 * math.pi)
        return out.reshape(x.shape if self.dim is None else x.shape[:-1])

    def fit(self, X, rng=None) -> KernelDensity:
        """Take points (size,) or (size, dim) as the model, with the same bandwidth or rule."""
        X = np.array(X, dtype=float)
        if X.shape[1:] != self.points.shape[1:] or len(X) < self.least:
            shape = ", ".join(map(str, ("size", *self.points.shape[1:])))
            raise ValueError(f"X must have shape ({shape}) with size >= {self.least}, got {X.shape}.")
        return self._like(X)

    @classmethod
    def from_data(cls, X, *, bandwidth: float | str = "silverman", record: int = 0) -> KernelDensity:
        """Fit to real data: the constructor, with the rule of Silverman unless a bandwidth is given.

        Raises
        ------
        ValueError, TypeError
            If the data are not finite numbers, too few, or constant in a column.
        """
        return cls(check.points("X", X), bandwidth, record=record)

    def variables(self) -> dict[str, tuple[str, ...]]:
        """Names of the recorded variables, each with its dimensions after (replicate, generation)."""
        if self.dim is None:
            names = {"mean": (), "log_variance": (), "bandwidth": ()}
            return names | ({"points": ("point",)} if self.record else {})
        names = {"mean": ("dim",), "cov": ("dim", "dim_"), "log_variance": ("dim",), "bandwidth": ("dim",)}
        return names | ({"points": ("point", "dim")} if self.record else {})

    def coords(self) -> dict[str, np.ndarray]:
        """Coordinates of the dimensions named in `variables`."""
        out = {} if self.dim is None else {"dim": np.arange(self.dim), "dim_": np.arange(self.dim)}
        return out | ({"point": np.arange(self.record)} if self.record else {})

    def state(self) -> dict[str, np.ndarray]:
        """Value of every recorded variable for this model."""
        cov = self._cov()
        out = {"mean": self.points.mean(axis=0)}
        with np.errstate(divide="ignore"):  # points that have become one have log variance -inf
            if self.dim is None:
                out["log_variance"] = np.log(cov)
            else:
                out |= {"cov": cov, "log_variance": np.log(np.diag(cov))}
        out["bandwidth"] = self.h()
        if self.record:
            out["points"] = self.points[np.arange(self.record) * len(self.points) // self.record]
        return out

    def options(self) -> dict:
        """Settings that are not recorded variables."""
        return {"bandwidth": self.bandwidth, "record": self.record}

    @classmethod
    def from_state(cls, state, *, bandwidth: float | str, record: int = 0) -> KernelDensity:
        """Rebuild a model on the recorded points, with the recorded bandwidth.

        Raises
        ------
        ValueError
            If no points were recorded.
        """
        if "points" not in state:
            raise ValueError(
                "run must hold points of its models (a kernel density estimate is its points), got "
                "none; simulate a KernelDensity(..., record=k) that records k of them."
            )
        like = object.__new__(cls)
        like.__dict__.update(bandwidth=_bandwidth(bandwidth), record=record)
        points, h = np.array(state["points"]), state["bandwidth"]
        return like._like(points, float(h) if points.ndim == 1 else np.array(h))

    def chains(self, plan, replicates: int, rng: np.random.Generator, rows=None) -> dict[str, np.ndarray]:
        """Simulate whole chains, points and all; arguments as for `Gaussian.chains`, any regime."""
        from modelcollapse._kernels.kernel_density import chain

        d, T = self.dim or 1, plan.generations
        mean, cov, log_variance, bandwidth, kept = (
            np.empty((replicates, T, *more)) for more in ((d,), (d, d), (d,), (d,), (self.record, d))
        )
        truth = np.array(self.points if rows is None else rows, dtype=float).reshape(-1, d)
        h0 = np.array(np.broadcast_to(self.h() if rows is None else 0.0, (d,)))
        origin = truth.mean(axis=0)
        log_unit = 0.5 * math.log((truth.var(axis=0) + h0**2).max())
        held = np.concatenate([[0], plan.held[:-1]]) + plan.batch
        X = np.empty((int(held.max()), d))
        order = np.empty(len(X) if plan.drawn.any() else 0, np.int64)
        substitutes = plan.substitutes(replicates, rng)
        width, follows = self._factor(plan.size), isinstance(self.bandwidth, str)
        for r in range(replicates):
            places = np.empty(0, np.int64) if rows is None else rng.permutation(len(rows))
            fresh = plan.real + substitutes[r]
            chain(
                rng,
                fresh,
                plan.batch,
                plan.oldest,
                plan.pinned,
                plan.drawn,
                truth,
                h0,
                width,
                follows,
                log_unit,
                X,
                places,
                order,
                np.empty(0, np.int64),
                origin.copy(),
                np.zeros(d),
                np.zeros((d, d)),
                np.zeros(d),
                mean[r],
                cov[r],
                log_variance[r],
                bandwidth[r],
                kept[r],
            )
        out = {"mean": mean, "cov": cov, "log_variance": log_variance, "bandwidth": bandwidth, "points": kept}
        if self.dim is None:
            out = {name: value[..., 0] for name, value in out.items()}
        return {name: out[name] for name in self.variables()}


def _bandwidth(value) -> float | str:
    """Check a bandwidth."""
    if isinstance(value, str):
        return check.choice("bandwidth", value, RULES)
    return check.number("bandwidth", value, above=0.0, because="the kernel has a density")
