r"""What is known of the cures beforehand, where the real rows are the truth and generation 1 is the fit to them.

`modelcollapse.predict` refuses regimes that select or weigh points. Here is what can be said of them all the same. In
units of the variance of the rows and about their mean, a model has a mean :math:`\delta` and a second moment
:math:`q = v + \delta^2`. A fit that gives r new rows together the weight w, and m points of the last model the
rest, is

.. math:: \delta' = w\bar x + (1-w)\delta + c\sqrt{v/m}\,\bar z, \qquad q' = w\,\overline{x^2} + (1-w)q + c(s - q)

with c = 1 - w, s the mean square of the model's points; accumulation has w = 0 and c = 1/t. Both lines are linear, so
the moments of :math:`(\delta, q)` up to the fourth order close among themselves: the mean squared error of the mean
:math:`F_t = E\delta_t^2`, the expected variance :math:`1 - F_t`, and the standard deviation of both, exactly, for rows
of any shape (their kurtosis enters). A detector makes w, r, c and m random, whatever the values of the
points: then every line is an average over how many points are left.

Indices are generations 0 .. T; at 0 and 1 the model is that of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy

#: of the numbers of points that a detector may leave, those with a smaller probability than this do not count
NEVER = 1e-18


class Fit(NamedTuple):
    """How a training set may be made up: each entry with its probability."""

    probability: np.ndarray
    weight: np.ndarray  # of the new rows together: w
    real: np.ndarray  # how many they are: r
    share: np.ndarray  # of the model's own noise: c
    made: np.ndarray  # points of the model: m


class Moments(NamedTuple):
    """Over generations 0 .. T, in units of the variance of the rows."""

    error: np.ndarray  # E delta^2 = F; the expected variance is 1 - F
    error_sd: np.ndarray
    variance_sd: np.ndarray


def _fit(weight, real, share, made, probability=1.0) -> Fit:
    arrays = (probability, weight, np.maximum(real, 1), share, np.maximum(made, 1))
    return Fit(*(np.atleast_1d(np.asarray(x, dtype=float)) for x in arrays))


def fresh(size: int, real: int, weight: float | None = None) -> Fit:
    """Some new rows among `size` points; by default all points weigh the same."""
    w = real / size if weight is None else weight
    return _fit(w, real, 1 - w, size - real)


def accumulated(size: int, t: int) -> Fit:
    """Generation t of accumulation: one batch of the model joins t - 1 others."""
    return _fit(0.0, 0, 1 / t, size)


def screened(size: int, real: int, tpr: float, fpr: float) -> tuple[Fit, float]:
    """Some new rows among `size` points, of which a detector leaves some; and P(fewer than two are left)."""
    a, b = np.arange(real + 1), np.arange(size - real + 1)
    p = np.multiply.outer(_binomial(real, 1 - fpr), _binomial(size - real, 1 - tpr))
    left = np.add.outer(a, b)
    too_few = float(p[left < 2].sum())
    there = (left >= 2) & (p > NEVER)
    i, j = np.nonzero(there)
    total = left[there]
    return _fit(a[i] / total, a[i], b[j] / total, b[j], p[there] / p[there].sum()), too_few


def _binomial(n: int, q: float) -> np.ndarray:
    """Return the binomial law of n trials, (n + 1,)."""
    k = np.arange(n + 1)
    return np.exp(_log_choose(n) + scipy.special.xlogy(k, q) + scipy.special.xlogy(n - k, 1 - q))


def _log_choose(n: int) -> np.ndarray:
    """Return the logarithms of the binomial coefficients, (n + 1,)."""
    k = np.arange(n + 1)
    return -scipy.special.betaln(k + 1, n - k + 1) - math.log(n + 1)


def kurtosis(x: np.ndarray) -> float:
    """Return the kurtosis of rows (divisor n)."""
    return float((((x - x.mean()) / x.std()) ** 4).mean())


def moments(fits: Sequence[Fit], kurtosis: float) -> Moments:
    r"""Follow the moments of :math:`(\delta, q)` through the fits of generations 2, 3, ..., exactly."""
    d2 = d4 = d2q = 0.0  # E delta^2, delta^4, delta^2 q
    q2 = 1.0  # E q^2; E q = 1 and E delta = 0 for ever
    out = np.zeros((3, len(fits) + 2))
    for t, (p, w, r, c, m) in enumerate(fits, start=2):
        d2v, vq = d2q - d4, q2 - d2q  # E delta^2 v, v q
        v2 = vq - d2v
        a, noise = 1 - w, c**2 / m
        own = a**2 * d2 + noise * (1 - d2)  # of what the model adds to delta'
        new = (
            w**2 / r + own,
            w**4 * (kurtosis + 3 * (r - 1)) / r**3
            + 6 * w**2 / r * own
            + a**4 * d4
            + 6 * a**2 * noise * d2v
            + 3 * noise**2 * v2,
            w * (w**2 * (kurtosis + r - 1) / r**2 + own)
            + a * (w**2 / r + a**2 * d2q + noise * vq)
            + 4 * a * noise * d2v
            + 2 * c * noise / m * v2,
            w**2 * (1 + (kurtosis - 1) / r) + 2 * w * a + a**2 * q2 + noise * (4 * d2v + 2 * v2),
        )
        d2, d4, d2q, q2 = (float(p @ x) for x in new)
        spread = d4 - d2**2, q2 - 2 * d2q + d4 - (1 - d2) ** 2
        out[:, t] = d2, *(math.sqrt(max(x, 0.0)) for x in spread)
    return Moments(*out)


def kept_error_sd(size: int, real: int, generations: int, kurtosis: float) -> np.ndarray:
    r"""Bound the standard deviation of :math:`\delta_t^2` where the same rows are kept, t = 0 .. T.

    :math:`\delta_t` is the mean of the kept rows times :math:`1 - (1-w)^{t-1}`, plus noise of the models: the fourth
    moments add up by Minkowski's inequality, and rows drawn without replacement have smaller ones than rows drawn with
    it (Hoeffding 1963).
    """
    w, m = real / size, size - real
    rows4, rows2 = (kurtosis + 3 * (real - 1)) / real**3, 1 + (kurtosis - 1) / real
    noise4, both, q2 = 0.0, 1.0, 1.0  # of the noise of the models; E of q times that of the kept rows; E q^2
    out = np.zeros(generations + 1)
    for t in range(2, generations + 1):
        noise4 = (1 - w) ** 4 * (noise4 + 6 * math.sqrt(noise4 * q2) / m + 3 * q2 / m**2)
        q2 = w**2 * rows2 + 2 * w * (1 - w) * both + (1 - w) ** 2 * (1 + 2 / m) * q2
        both = w * rows2 + (1 - w) * both
        out[t] = ((1 - (1 - w) ** (t - 1)) * rows4**0.25 + noise4**0.25) ** 2
    return out  # the root of the fourth moment: no less than the standard deviation


# ------------------------------------------------------------------------------------------------- selection


def filtered(size: int, kept: int, generations: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return mean and sd of the variance, and the mean squared error, where the likeliest points are kept.

    The `kept` points closest to the mean are, given how far the next one is off (b), independent draws from a normal
    law cut at plus and minus b, so a round multiplies the variance by an independent factor whose moments are one
    integral over b each: exact for every sample size.
    """
    b = np.linspace(0.0, 9.0, 8001)[1:]
    log_density = (
        scipy.special.xlogy(kept, scipy.special.erf(b / math.sqrt(2)))
        + scipy.special.xlogy(size - kept - 1, scipy.special.erfc(b / math.sqrt(2)))
        - b**2 / 2
    )
    p = np.exp(log_density - log_density.max())
    p /= p.sum()
    edge = 2 * np.exp(-(b**2) / 2) / math.sqrt(2 * math.pi) / scipy.special.erf(b / math.sqrt(2))
    second, fourth = 1 - b * edge, 3 - (b**3 + 3 * b) * edge
    spread = (fourth - second**2 * (kept - 3) / (kept - 1)) / kept
    one = (1 - 1 / kept) * float(p @ second)
    two = (1 - 1 / kept) ** 2 * float(p @ (spread + second**2))
    rounds = np.maximum(np.arange(generations + 1) - 1, 0)
    mean = one**rounds
    sd = np.sqrt(np.maximum(two**rounds - mean**2, 0.0))
    error = float(p @ second) / kept * (1 - mean) / (1 - one)
    return mean, sd, error


def preferred(size: int, generations: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return variance and shift of a Gaussian whose samples are chosen in pairs, the larger with odds :math:`e^d`.

    Of two candidates a distance d apart the chosen one lies :math:`\frac d2\tanh\frac d2` above their middle on
    average, and its mean square about the model's mean is that of any point, so

    .. math:: \mu' = \mu + g, \quad v' = \Big(1 - \frac1n\Big)(v - g^2), \quad
              g = E\Big[\frac d2\tanh\frac d2\Big], \ d \sim N(0, 2v)

    in standard deviations of the rows. Exact from one model to the next; the path neglects how models scatter.
    """
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    variance, shift = np.ones(generations + 1), np.zeros(generations + 1)
    for t in range(2, generations + 1):
        half = z * math.sqrt(variance[t - 1] / 2)
        gain = float(weights @ (half * np.tanh(half)))
        variance[t] = (1 - 1 / size) * (variance[t - 1] - gain**2)
        shift[t] = shift[t - 1] + gain
    return variance, shift


def favoured(counts: np.ndarray, favourite: int, gap: float, generations: int, real: int = 0) -> np.ndarray:
    r"""Return the expected heterozygosity where one class is preferred in pairs, t = 0 .. T, exactly for every size.

    The share q of the favourite is a Markov chain: of the model's points a binomial number is of the favourite, with
    the probability that `two_type_share` gives after one round; `real` points are drawn from the rows. Among the M
    others nobody chooses, so their proportions have the same expectation for ever, and the sum J of their squares
    obeys

    .. math:: M'^2 J' = M' + M_s(M_s - 1)J + [M_r(M_r - 1) + 2M_sM_r]J_0, \qquad H = 1 - q^2 - (1-q)^2J

    on average, :math:`M_s` and :math:`M_r` being those of the model and of the rows. With
    :math:`w_t(M) = E[J_t; M_t = M]` all of it is linear.
    """
    from modelcollapse.theory import two_type_share

    size = int(counts.sum())
    made, rest = size - real, np.delete(counts, favourite)
    others = np.arange(size + 1)  # M
    chosen = np.array([two_type_share(share, gap, 1)[1] for share in 1 - others / size])
    step = np.exp(
        _log_choose(made)
        + scipy.special.xlogy(np.arange(made + 1), np.maximum(1 - chosen, 0.0)[:, None])
        + scipy.special.xlogy(made - np.arange(made + 1), chosen[:, None])
    )
    rows = _binomial(real, rest.sum() / size)
    r, s = np.arange(real + 1), np.arange(made + 1)
    J0 = float((rest**2).sum()) / max(int(rest.sum()), 1) ** 2
    law, w = np.zeros(size + 1), np.zeros(size + 1)
    law[rest.sum()], w[rest.sum()] = 1.0, J0
    out = np.empty(generations + 1)
    for t in range(generations + 1):
        if t > 1:
            of_model, own = law @ step, (w @ step) * s * (s - 1)
            law = np.convolve(of_model, rows)
            pairs = np.convolve(of_model, rows * r * (r - 1)) + 2 * np.convolve(of_model * s, rows * r)
            w = (law * others + np.convolve(own, rows) + J0 * pairs) / np.maximum(others, 1) ** 2
        share = others / size
        out[t] = 1 - float(law @ (1 - share) ** 2) - float(w @ share**2)
    return out


# ------------------------------------------------------------------------------------------------- predictions


def prediction(quantity: str, mean, sd=None, *, family: str, regime, kind: str, source: str, formula: str, **more):
    """Wrap a curve into what `modelcollapse.predict` returns, so that a run can be held against it."""
    import xarray as xr

    data = {"mean": ("generation", np.asarray(mean, dtype=float))}
    if sd is not None:
        data["sd"] = ("generation", np.asarray(sd, dtype=float))
    attrs = {
        "quantity": quantity,
        "kind": kind,
        "source": source,
        "formula": formula,
        "family": family,
        "truth": "rows",
        "regime": str(regime),
    }
    if family == "Gaussian":
        attrs["estimator"] = "mle"
    return xr.Dataset(data, coords={"generation": np.arange(len(mean))}, attrs=attrs | more)
