r"""How large was the sample, judging by how far the frequencies moved? The temporal method of population genetics.

A generation of n points is drawn from frequencies :math:`p` and has the frequencies :math:`x`. Under Wright-Fisher
drift, and summed over the categories,

.. math:: \hat F = \frac{\sum_i (x_i - p_i)^2}{\sum_i p_i (1 - p_i)}, \qquad E\hat F = \frac1n

exactly, whatever p is: so :math:`1/\hat F` estimates n, and calls itself the *effective* size where nobody counted the
points or where they were not independent. Over t fits :math:`E\hat F = F_t`, the inbreeding coefficient of the regime.

Population geneticists know p from a sample only and divide by something in which x and p share the risk; here every
point is seen, the denominator is certain, and that is what makes the estimator unbiased. How much it scatters depends
on how many categories matter. The changes of the categories are correlated, and a frequent category weighs more than a
rare one, so :math:`n\hat F` is about :math:`\chi^2_\nu/\nu` with

.. math:: \nu = \frac{(\mathrm{tr}\,\Sigma)^2}{\mathrm{tr}\,\Sigma^2} \le K - 1, \qquad
          \Sigma = \mathrm{diag}(p) - pp^\top

effective degrees of freedom, not with the K - 1 that equal frequencies would give: for ten thousand words of a language
that follow Zipf's law they are about sixty-five.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.backward import binomial_window

__all__ = [
    "effective_size_interval",
    "expected_nei_tajima",
    "increment_noncentrality",
    "temporal_degrees",
    "temporal_sd",
]


def _sums(p) -> tuple[float, float, float]:
    r"""Return tr Sigma, tr Sigma^2 and the variance of p_w under p, without subtracting what nearly cancels."""
    p = check.probabilities("p", p)
    p = p[p > 0]
    if len(p) < 2:
        raise ValueError("p must have two categories of positive probability (one alone cannot change), got 1.")
    top = int(np.argmax(p))
    others = np.delete(p, top)
    rest, squares = math.fsum(others), math.fsum(others**2)
    first = 1 - rest if rest < 0.5 else float(p[top])
    gaps = others * (1 - others)
    trace = math.fsum(gaps) + first * rest
    s2 = first**2 + squares
    pairs = math.fsum(others**2 * np.maximum(s2 - others**2, 0.0)) + first**2 * squares
    square = math.fsum(gaps**2) + (first * rest) ** 2 + pairs
    # sum over w of p_w (p_w - s2)^2, which is sum p^3 - s2^2
    scatter = math.fsum(others * (others - s2) ** 2) + first * (first * rest - squares) ** 2
    return trace, square, scatter


def temporal_sd(p, n: int) -> float:
    r"""Return the standard deviation of :math:`\hat F = \sum_i (x_i-p_i)^2 / \sum_i p_i(1-p_i)` after one fit.

    .. math:: \mathrm{Var}\,\hat F = \frac{2(n-1)\,\mathrm{tr}\,\Sigma^2 + 4\,\big(\sum_i p_i^3 - (\sum_i
              p_i^2)^2\big)}{n^3 (\mathrm{tr}\,\Sigma)^2}, \qquad
              \mathrm{tr}\,\Sigma^2 = \sum_i p_i^2 - 2\sum_i p_i^3 + \Big(\sum_i p_i^2\Big)^2

    from :math:`\sum_i (x_i-p_i)^2 = n^{-2}\sum_{k,l} u_k \cdot u_l`, where :math:`u_k` is the indicator of point k
    minus p: the terms with k = l and those with k != l are uncorrelated.

    Parameters
    ----------
    p : (category,) array_like
        Frequencies before the fit, at least two of them positive.
    n : int
        Points of the fit.

    Returns
    -------
    float
        In units of :math:`\hat F`, whose expectation is 1/n.

    Raises
    ------
    ValueError
        If p is no probability vector or has one category.

    Notes
    -----
    Kind: exact. Source: derived (multinomial moments).

    Examples
    --------
    >>> round(temporal_sd([0.5, 0.5], 2), 12)
    0.5
    """
    trace, square, scatter = _sums(p)
    n = check.integer("n", n, least=1)
    return math.sqrt((2 * (n - 1) * square + 4 * scatter) / n) / (n * trace)


def temporal_degrees(p, n=math.inf) -> float:
    r"""Return the effective degrees of freedom of :math:`\hat F`: :math:`2 / (n^2\,\mathrm{Var}\,\hat F)`.

    .. math:: n = \infty:\quad \nu = \frac{(\mathrm{tr}\,\Sigma)^2}{\mathrm{tr}\,\Sigma^2}, \qquad
              p_i = 1/K:\quad \nu = K - 1

    :math:`n\hat F` has mean 1 and the variance :math:`2/\nu` of :math:`\chi^2_\nu/\nu` (Satterthwaite's approximation).

    Parameters
    ----------
    p : (category,) array_like
        Frequencies before the fit.
    n : int or inf, optional
        Points of the fit; default the limit of many.

    Notes
    -----
    Kind: exact (that the law is about chi-square is the approximation). Source: derived; the counting of alleles that
    it replaces is in Waples, Genetics 121:379 (1989).

    Examples
    --------
    >>> round(temporal_degrees([0.25] * 4), 12)
    3.0
    >>> round(temporal_degrees([0.97, 0.01, 0.01, 0.01]), 2)
    2.03
    """
    trace, square, scatter = _sums(p)
    if n == math.inf:
        return trace**2 / square
    n = check.integer("n", n, least=1)
    total = (n - 1) * square + 2 * scatter
    return n * trace**2 / total if total > 0 else math.inf


def effective_size_interval(change, degrees, *, confidence: float = 0.95):
    r"""Return the effective size and an interval for it, :math:`\hat n = 1/\hat F` and
    :math:`\big[\chi^2_{\nu,\alpha/2},\ \chi^2_{\nu,1-\alpha/2}\big] / (\nu \hat F)`.

    Parameters
    ----------
    change : float or ndarray
        :math:`\hat F > 0`.
    degrees : float or ndarray
        :math:`\nu > 0`, for example of `temporal_degrees`; broadcasts with `change`.
    confidence : float, optional
        Probability that the interval covers n, in (0, 1).

    Returns
    -------
    size, low, high : float or ndarray

    Notes
    -----
    Kind: asymptotic (n many, and a weighted sum of chi-squares taken for one). Source: Nei and Tajima, Genetics 98:625
    (1981), and Waples, Genetics 121:379 (1989), with other degrees of freedom.

    Examples
    --------
    >>> [round(float(v), 1) for v in effective_size_interval(0.01, 10)]
    [100.0, 32.5, 204.8]
    """
    change, degrees = np.asarray(change, dtype=float), np.asarray(degrees, dtype=float)
    for name, value in (("change", change), ("degrees", degrees)):
        if not (value > 0).all():
            raise ValueError(
                f"{name} must be > 0 (nothing moved, nothing is known), got {value[~(value > 0)].flat[0]}."
            )
    confidence = check.number("confidence", confidence, above=0.0, below=1.0)
    size = 1 / change
    tail = (1 - confidence) / 2
    low, high = (2 * scipy.special.gammaincinv(degrees / 2, q) / degrees for q in (tail, 1 - tail))
    return size, low * size, high * size


def expected_nei_tajima(p, n: int) -> np.ndarray:
    r"""Return what each category contributes to Nei and Tajima's :math:`F_c` on average after one fit of n points.

    .. math:: E\left[\frac{(x-p)^2}{(x+p)/2 - xp}\right], \qquad x \sim \mathrm{Bin}(n, p)/n

    :math:`F_c` is the mean of these over the categories. A frequent one contributes 1/n. A rare one contributes about
    4p, far less: the sizes that rare alleles (rare words) suggest are much too large, so that the categories must be
    pooled, numerators and denominators apart, before they are divided.

    Parameters
    ----------
    p : float or array_like
        Frequencies before the fit, in (0, 1).
    n : int
        Points of the fit.

    Returns
    -------
    ndarray, shape of `p`

    Notes
    -----
    Kind: exact. Source: Nei and Tajima, Genetics 98:625 (1981), for :math:`F_c`; its bias Jorde and Ryman, Genetics
    177:927 (2007); this form derived.

    Examples
    --------
    >>> (1000 * expected_nei_tajima([0.3, 0.01, 0.0001], 1000)).round(3).tolist()
    [1.0, 1.023, 0.331]
    """
    p = check.array("p", p, ndim=(0, 1, 2, 3), shape_words="(category,) or any other")
    if p.size and (p.min() <= 0 or p.max() >= 1):
        bad = p[(p <= 0) | (p >= 1)].flat[0]
        raise ValueError(f"p must be in (0, 1) (a category that is all or nothing cannot change), got {bad:g}.")
    n = check.integer("n", n, least=1)
    values, back = np.unique(p, return_inverse=True)
    out = np.empty(len(values))
    for i, v in enumerate(values.tolist()):
        low, law = binomial_window(n, v)
        x = (low + np.arange(len(law))) / n
        out[i] = law @ ((x - v) ** 2 / (x * (1 - v) / 2 + v * (1 - x) / 2))
    return out[back.reshape(-1)].reshape(p.shape)


def increment_noncentrality(selection, p, n, generations):
    r"""Return the noncentrality :math:`s\sqrt{n\,p(1-p)\,T}` of the frequency increment test.

    The increments :math:`(x_{t+1}-x_t)/\sqrt{2x_t(1-x_t)}` are about normal with variance :math:`1/2n`. A category
    whose odds grow by a factor :math:`1 + s` per fit moves by :math:`s\,p(1-p)` on average, so the t statistic over T
    fits is noncentral t with T - 1 degrees of freedom and this noncentrality. Visible is what has a noncentrality of
    several: :math:`s` of a few :math:`1/\sqrt{npT}`, the inverse root of the number of points seen.

    Parameters
    ----------
    selection : float or ndarray
        s, the relative growth of the odds per fit; all arguments broadcast.
    p : float or ndarray
        Frequency, as good as constant over the T fits.
    n : float or ndarray
        Effective points per fit.
    generations : int or ndarray
        T.

    Notes
    -----
    Kind: asymptotic (small s, many points of the category). Source: Feder, Kryazhimskiy and Plotkin, Genetics 196:509
    (2014), for the test; this form derived.

    Examples
    --------
    >>> round(float(increment_noncentrality(0.02, 0.01, 100_000, 9)), 2)
    1.89
    """
    s, p, n, T = (
        check.array(name, value, ndim=(0, 1, 2, 3), shape_words="any")
        for name, value in (("selection", selection), ("p", p), ("n", n), ("generations", generations))
    )
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"p must be probabilities in [0, 1], got {p.min() if p.min() < 0 else p.max():g}.")
    for name, value in (("n", n), ("generations", T)):
        if value.size and value.min() < 1:
            raise ValueError(f"{name} must be >= 1, got {value.min():g}.")
    return s * np.sqrt(n * p * (1 - p) * T)
