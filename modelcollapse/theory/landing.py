r"""Where does the collapsed model sit, and how far from the truth?

The variance goes to zero, the mean converges: the model becomes a point at :math:`\mu_\infty`. For large n the pair
:math:`(\mu, \sqrt2\sigma)` is hyperbolic Brownian motion with drift, and by Dufresne's identity

.. math:: \mu_\infty = \mu_0 + \sigma_0\,t_2\ (\text{unbiased}), \qquad \mu_0 + \sigma_0\,t_4/\sqrt2\ (\text{mle}),

Student's t with 2 and 4 degrees of freedom. The squared Wasserstein-2 distance converges with it, to
:math:`(\mu_\infty-\mu_0)^2 + \sigma_0^2`, almost surely a finite number; that its expectation diverges for the
unbiased estimator (Shumailov et al., Theorem 3.1) is the infinite variance of :math:`t_2`. The exact law at finite n is
`MeanLaw(n, estimator=...)`.
"""

from __future__ import annotations

import math

from modelcollapse import _validate as check
from modelcollapse.theory.passage import sup_exponent

__all__ = ["landing_law", "limit_expected_w2_squared", "limit_w2_law", "tail_index"]


def _scale(estimator: str, variance: float) -> tuple[int, float]:
    """Return degrees of freedom and the squared scale of Student's t."""
    variance = check.number("variance", variance, above=0)
    if check.choice("estimator", estimator, ("unbiased", "mle")) == "unbiased":
        return 2, variance
    return 4, variance / 2


def landing_law(*, estimator: str, mean: float = 0.0, variance: float = 1.0):
    r"""Return the law of :math:`\mu_\infty` for large n: :math:`t_2` (``unbiased``), :math:`t_4/\sqrt2` (``mle``).

    Student's t, in units of :math:`\sigma_0`.

    The median of :math:`|\mu_\infty-\mu_0|/\sigma_0` is :math:`\sqrt{2/3} = 0.8165` (0.5237), its mean
    :math:`\sqrt2` (:math:`1/\sqrt2`), its variance infinite (exactly 1, at every n).

    Parameters
    ----------
    estimator : {"unbiased", "mle"}
        Divisor n - 1 or n.
    mean, variance : float
        :math:`\mu_0` and :math:`\sigma_0^2`.

    Returns
    -------
    scipy.stats frozen distribution

    Notes
    -----
    Kind: asymptotic (t to infinity, then n to infinity). `MeanLaw` has the exact law at finite n. Source: `LIM-MEAN`
    (derived; Dufresne 1990).

    Examples
    --------
    >>> round(float(landing_law(estimator="unbiased").isf(0.25)), 4)
    0.8165
    """
    import scipy.stats

    df, square = _scale(estimator, variance)
    return scipy.stats.t(df, loc=check.number("mean", mean), scale=math.sqrt(square))


def limit_w2_law(*, estimator: str, variance: float = 1.0):
    r"""Return the law of :math:`\lim_t W_2^2 = (\mu_\infty-\mu_0)^2 + \sigma_0^2` for large n, one dimension.

    .. math:: \sigma_0^2(1 + t_2^2)\ (\text{unbiased}), \qquad \sigma_0^2(1 + \tfrac12t_4^2)\ (\text{mle}),

    with medians :math:`\frac53\sigma_0^2` and :math:`\sigma_0^2(1 + \frac12t_{4;0.75}^2)`; the square of a Student t is
    an F variable.

    Returns
    -------
    scipy.stats frozen distribution

    Notes
    -----
    Kind: asymptotic (t to infinity, then n to infinity). Source: `SHU-THM3.1`, refinement (c) (Shumailov et al., Nature
    631:755; derived).

    Examples
    --------
    >>> round(float(limit_w2_law(estimator="unbiased").median()), 12)
    1.666666666667
    """
    import scipy.stats

    df, square = _scale(estimator, variance)
    return scipy.stats.f(1, df, loc=float(variance), scale=square)


def limit_expected_w2_squared(*, estimator: str, trace: float = 1.0) -> float:
    r"""Return :math:`\lim_t E W_2^2`: infinite (``unbiased``), :math:`2\,\mathrm{tr}\,\Sigma_0` (``mle``), at every n.

    So "the distance diverges" belongs to the unbiased estimator and its heavy tail; the released code uses the mle.

    Kind: exact. Source: `SHU-THM3.1`, refinement (b), `ERR-3` (derived).

    Examples
    --------
    >>> limit_expected_w2_squared(estimator="mle", trace=3.0)
    6.0
    """
    trace = check.number("trace", trace, above=0)
    return math.inf if check.choice("estimator", estimator, ("unbiased", "mle")) == "unbiased" else 2 * trace


def tail_index(n, *, estimator: str):
    r"""Return the tail index of :math:`|\mu_\infty-\mu_0|` at finite n.

    It is exactly :math:`2\kappa` with :math:`E S^\kappa = 1`:
    :math:`P(|\mu_\infty-\mu_0| > x) \sim C x^{-2\kappa}`: 2 for ``unbiased``, a little above 4 for ``mle``. `n`
    broadcasts.

    Kind: exact (a root, to 1e-13). Source: `LIM-MEAN` (derived; Kesten 1973).

    Examples
    --------
    >>> round(float(tail_index(10, estimator="mle")), 3)
    4.107
    """
    return 2 * sup_exponent(n, estimator=estimator)
