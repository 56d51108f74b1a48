r"""What happens to other exponential families: counts, waiting times, spins?

If a model is refitted by maximum likelihood to n of its own points, the means of its sufficient statistics are a
martingale: :math:`E[\mu_{t+1} \mid \mu_t] = \mu_t`. A bounded or non-negative martingale converges, and it can only
converge to where the model has no variance left: the boundary. That is collapse in one line; the rest is how fast.

* **Poisson**: :math:`n\Lambda_t` is a critical branching process with Poisson offspring, so its law is known exactly.
* **Negative binomial** (dispersion r; r = 1 geometric, r infinite Poisson): :math:`\mathrm{Var}(X) = \mu + \mu^2/r`;
  more noise, so it dies earlier than the Poisson, which bounds it.
* **Exponential**: :math:`\ln\theta_t` is a random walk with known steps. Each refit multiplies the mean by
  :math:`\mathrm{Gamma}(n, 1/n) = \chi^2_{2n}/2n`, which is the variance factor of a Gaussian with the unbiased
  estimator and 2n + 1 points, so everything known there (laws, first passage) holds here.
* **Spins** without coupling: exactly Wright-Fisher with all spins of all points as gene copies.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.categorical import g_iterates
from modelcollapse.theory.gaussian import BERNOULLI, FAR, _digamma_minus_log

__all__ = [
    "count_survival_bound",
    "count_variance",
    "exponential_log_mean",
    "exponential_log_variance",
    "exponential_moment",
    "poisson_law",
    "poisson_survival",
    "spin_all_up",
    "spin_order",
]

#: longest law of counts that is computed (128 MB of complex numbers)
LONGEST_LAW = 2**23


def _above(name: str, value, *, above: float | None = None, least: float | None = None) -> np.ndarray:
    value = check.array(name, value, ndim=tuple(range(6)), shape_words="any")
    if above is not None and value.size and value.min() <= above:
        raise ValueError(f"{name} must be > {above:g}, got {value.min():g}.")
    if least is not None and value.size and value.min() < least:
        raise ValueError(f"{name} must be >= {least:g}, got {value.min():g}.")
    return value


def poisson_survival(rate, n, generations: int) -> np.ndarray:
    r"""Return :math:`P(\Lambda_t \ne 0) = 1 - e^{-n\lambda_0 g_t}`, t = 0 .. T: the refitted Poisson rate has not died.

    :math:`\Lambda_t` is the mean of n draws from Poisson(:math:`\Lambda_{t-1}`); :math:`g_t` of `g_iterates`.

    Parameters
    ----------
    rate, n : float or array_like
        True rate > 0 and points per fit >= 1; they broadcast.
    generations : int
        T.

    Returns
    -------
    ndarray, (generations + 1, ...)

    Notes
    -----
    Kind: exact. Source: `SUR-T2` (Suresh et al., arXiv 2412.17646, Theorem 2). The interval in its notebook is
    `ERR-28`.

    Examples
    --------
    >>> poisson_survival(1.0, 10, 2).round(4).tolist()
    [1.0, 1.0, 0.9982]
    """
    total = _above("rate", rate, above=0) * _above("n", n, least=1)
    return -np.expm1(-np.multiply.outer(g_iterates(generations), total))


def poisson_law(rate: float, n: int, t: int, counts: int) -> np.ndarray:
    r"""Return the law of :math:`n\Lambda_t`, the total of the t-th sample: probabilities of 0 .. counts - 1.

    .. math:: E\,s^{n\Lambda_t} = \exp\{n\lambda_0[h^{\circ(t-1)}(s) - 1]\}, \qquad h(s) = e^{s-1}, \quad t \ge 1

    inverted by a Fourier transform that is long enough for the tail.

    Parameters
    ----------
    rate : float
        True rate, > 0.
    n, t : int
        Points per fit, and generation >= 1.
    counts : int
        How many probabilities.

    Returns
    -------
    ndarray, (counts,)

    Notes
    -----
    Kind: exact (absolute error about 1e-15). Source: derived; Galton-Watson process of `SUR-T2`. Refuses laws that
    reach beyond 8 million.

    Examples
    --------
    >>> poisson_law(1.0, 10, 2, 3).round(6).tolist()
    [0.001798, 0.006614, 0.015472]
    """
    rate, n = check.number("rate", rate, above=0.0), check.integer("n", n, least=1)
    t, counts = check.integer("t", t, least=1), check.integer("counts", counts, least=1)
    total = n * rate
    # a line that lives t generations has about t/2 copies, exponentially; 40 of those, and the spread of their number
    reach = counts + total + 12 * np.sqrt(total * t) + 40 * (t / 2 + 2)
    if reach > LONGEST_LAW:
        raise ValueError(
            f"t and rate * n must be such that totals stay below {LONGEST_LAW} (their law is one array), "
            f"got totals up to about {reach:.3g}."
        )
    length = 1 << int(np.ceil(np.log2(reach)))
    s = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    for _ in range(t - 1):
        s = np.exp(s - 1)
    return np.maximum(np.fft.irfft(np.exp(total * (s - 1)), length)[:counts], 0.0)


def count_survival_bound(mean, n, generations: int) -> np.ndarray:
    r"""Return :math:`1 - e^{-n\mu_0 g_t} \ge P(\mu_t \ne 0)`, t = 0 .. T, negative binomial of any dispersion.

    Since :math:`(1 + \mu x/r)^{-rn} \ge e^{-n\mu x}`, the refitted mean of a geometric or negative binomial model (r
    known) is zero by t at least as often as that of a Poisson model of the same mean. Parameters as in
    `poisson_survival`.

    Kind: bound (attained as r goes to infinity). Source: `JMR-MART` ("geometric and negative binomial similar");
    derived.

    Examples
    --------
    >>> count_survival_bound(0.1, 10, 2).round(4).tolist()
    [1.0, 0.6321, 0.4685]
    """
    return poisson_survival(_above("mean", mean, above=0), n, generations)


def count_variance(mean, n, t, *, dispersion=np.inf):
    r"""Return :math:`\mathrm{Var}(\mu_t)` of the refitted mean of a count model; broadcasts.

    .. math:: \mu_0(\mu_0 + r)\Big[\Big(1 + \frac1{rn}\Big)^t - 1\Big], \qquad r = \infty:\ \frac{t\mu_0}n

    and :math:`E\mu_t = \mu_0` always: the mean stays, by ever rarer and larger exceptions.

    Parameters
    ----------
    mean, n, t : float or array_like
        True mean >= 0, points per fit >= 1, generation >= 0.
    dispersion : float or array_like
        r > 0 of :math:`\mathrm{Var}(X) = \mu + \mu^2/r`: 1 for the geometric law on 0, 1, ..., inf for Poisson.

    Notes
    -----
    Kind: exact. Source: `JMR-MART` (Jangjoo et al., arXiv 2506.20623); derived. Infinite where it overflows.

    Examples
    --------
    >>> float(count_variance(2.0, 10, 3)), round(float(count_variance(2.0, 10, 1, dispersion=1.0)), 12)
    (0.6, 0.6)
    """
    mean, n, t = _above("mean", mean, least=0), _above("n", n, least=1), _above("t", t, least=0)
    r = np.asarray(dispersion, dtype=float)
    if not (r > 0).all():
        raise ValueError(f"dispersion must be > 0 (inf for Poisson), got {r[~(r > 0)].flat[0]:g}.")
    poisson = np.isinf(r)
    safe = np.where(poisson, 1.0, r)
    with np.errstate(over="ignore"):
        growth = np.where(mean == 0, 0.0, np.expm1(t * np.log1p(1 / (safe * n))))
    grown = mean * (mean + safe) * growth
    return np.where(poisson, t * mean / n, grown)[()]


# ------------------------------------------------------------------------------------------------- exponential


def exponential_log_mean(n, t):
    r"""Return :math:`E\ln(\theta_t/\theta_0) = t\,(\psi(n) - \ln n) \approx -\frac t{2n}` for an exponential model.

    The mean :math:`\theta` is multiplied by Gamma(n, 1/n) at each fit. n >= 1 and t >= 0 broadcast.

    Kind: exact. Source: `JMR-MART` (Jangjoo et al., arXiv 2506.20623); derived.

    Examples
    --------
    >>> round(float(exponential_log_mean(10, 1)), 4)
    -0.0508
    """
    return _above("t", t, least=0) * _digamma_minus_log(_above("n", n, least=1))


def exponential_log_variance(n, t):
    r"""Return :math:`\mathrm{Var}\ln\theta_t = t\,\psi_1(n)` of an exponential model; n >= 1 and t >= 0 broadcast.

    Kind: exact. Source: `JMR-MART`; derived.

    Examples
    --------
    >>> round(float(exponential_log_variance(1, 2)), 6)
    3.289868
    """
    return _above("t", t, least=0) * scipy.special.polygamma(1, _above("n", n, least=1))


def _stirling_rest(x):
    """Return ln Gamma(x) - (x - 1/2) ln x + x - ln(2 pi)/2 for x >= 10, by its asymptotic series."""
    x, j = np.maximum(x, FAR), 2 * np.arange(1, len(BERNOULLI) + 1)
    return (BERNOULLI / (j * (j - 1)) / x[..., None] ** (j - 1)).sum(-1)


def exponential_moment(n, t, order):
    r"""Return :math:`E(\theta_t/\theta_0)^s = \Big[\frac{\Gamma(n+s)}{\Gamma(n)\,n^s}\Big]^t`; arguments broadcast.

    It is one for s = 1, for ever, while the model collapses almost surely; for s = 2 it is :math:`(1 + 1/n)^t`.
    Infinite if it overflows, or if s <= -n and t > 0.

    Kind: exact; relative error about 1e-15 t (1 + s) for orders s. Source: `JMR-MART`; derived.

    Examples
    --------
    >>> float(exponential_moment(10, 50, 1)), round(float(exponential_moment(10, 3, 2)), 6)
    (1.0, 1.331)
    """
    n, t = np.broadcast_arrays(_above("n", n, least=1), _above("t", t, least=0))
    s = check.array("order", order, ndim=tuple(range(6)), shape_words="any")
    n, t, s = np.broadcast_arrays(n, t, s)
    exists = s > -n
    safe = np.where(exists, s, 0.0)
    log = np.where(
        np.minimum(n, n + safe) < FAR,
        scipy.special.gammaln(n + safe) - scipy.special.gammaln(n) - safe * np.log(n),
        (n + safe - 0.5) * np.log1p(safe / n) - safe + _stirling_rest(n + safe) - _stirling_rest(n),
    )
    whole = (safe == np.rint(safe)) & (safe >= 0) & (safe <= 8)
    steps = sum(np.where(safe > k, np.log1p(k / n), 0.0) for k in range(8))
    log = np.where(whole, steps, log)
    with np.errstate(over="ignore"):
        return np.where(exists | (t == 0), np.exp(t * log), np.inf)[()]


# ------------------------------------------------------------------------------------------------- spins


def spin_all_up(magnetisation):
    r"""Return :math:`P(\text{all up}) = \frac{1 + \bar\phi_1(0)}2`: where independent spins end.

    Kind: exact. Source: `JMR-MART` (Jangjoo, Di Sarra, Marsili, Roudi, Phys. Rev. Lett. 136, 197301, 2026).

    Examples
    --------
    >>> float(spin_all_up(0.2))
    0.6
    """
    return (1 + _magnetisation(magnetisation)) / 2


def spin_order(magnetisation, spins, n, t):
    r"""Return :math:`E\,\bar\phi_t^2 = 1 - (1 - \bar\phi_0^2)\big(1 - \frac1{N_sn}\big)^t` of independent spins.

    One field for N_s spins of +-1, n samples: exactly Wright-Fisher with a population of :math:`N_sn`, of which it
    takes about that many generations to collapse (`absorption_time`). Arguments broadcast.

    Kind: exact. Source: `JMR-MART`; derived.

    Examples
    --------
    >>> round(float(spin_order(0.0, 5, 2, 2)), 12)
    0.19
    """
    m = _magnetisation(magnetisation)
    copies = _above("spins", spins, least=1) * _above("n", n, least=1)
    loss = 0.0 - np.expm1(scipy.special.xlog1py(_above("t", t, least=0), -1 / copies))
    return m**2 + (1 - m) * (1 + m) * loss


def _magnetisation(value) -> np.ndarray:
    value = check.array("magnetisation", value, ndim=tuple(range(6)), shape_words="any")
    if value.size and np.abs(value).max() > 1:
        raise ValueError(
            f"magnetisation must be in [-1, 1] (a mean of spins), got {value.flat[np.abs(value).argmax()]:g}."
        )
    return value
