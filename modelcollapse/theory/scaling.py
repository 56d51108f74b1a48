r"""Does more data help when the rare is missing from it? Scaling laws of a learner that remembers, on Zipf's law.

**The learner.** Inputs are types :math:`i = 1, 2, \dots` of frequency :math:`p_i = i^{-\beta}/\zeta(\beta)`,
:math:`\beta > 1`; each has one right answer, known as soon as the type has been seen (Hutter's "infinite memory").
Trained on n draws from q and tested on p it errs with probability

.. math:: E = \sum_i p_i (1-q_i)^n .

On clean data, q = p, that is a power law of exponent :math:`c = 1 - 1/\beta`. Everything else is about tails that q has
lost: cut at rank k, seen by a memoriser of :math:`n_0` points, resampled through generations, narrowed by a temperature
(Dohmatob et al., "A Tale of Tails", ICML 2024, arXiv 2402.07043, whose :math:`T, T_0` are our :math:`n, n_0`).

"Asymptotic" below means n (and k, :math:`n_0`) large.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import backward
from modelcollapse.theory.zipf import _beta, _points, _positive, _types, missed, over, rule, total_mass

__all__ = [
    "bigram_exponent",
    "double_law",
    "memoriser_error",
    "memoriser_error_asymptotic",
    "memoriser_error_cut",
    "memoriser_error_cut_asymptotic",
    "memoriser_error_generated",
    "memoriser_error_generations",
    "memoriser_error_generations_asymptotic",
    "memoriser_error_tempered",
    "memoriser_error_tempered_asymptotic",
    "memoriser_generations_law",
    "plateau_sizes",
    "triplet_law",
]

#: expectations of a mean below this are sums over integers, others Gauss quadratures
SUM_UP_TO = backward.SUM_UP_TO


# ------------------------------------------------------------------------------------------------- clean data


def memoriser_error(beta: float, n, *, types: float = math.inf):
    r"""Return :math:`E = \sum_i p_i(1-p_i)^n`, the test error after n clean points; also the mass a sample has missed.

    Parameters
    ----------
    beta : float
        Exponent of Zipf's law: > 1, or > 0 for finitely many types.
    n : float or array_like
        Training points, >= 0, not necessarily integers.
    types : int or math.inf
        Number of types.

    Returns
    -------
    ndarray or float, the shape of `n`

    Raises
    ------
    ValueError
        Outside the domain.

    Notes
    -----
    Kind: exact (relative errors below 1e-12 for :math:`1 < \beta \le 4`, n up to 10^15, types up to 10^9 or infinitely
    many). Source: `tails-clean` (Hutter's learning curves; arXiv 2402.07043).

    Examples
    --------
    >>> round(float(memoriser_error(1.5, 1000)), 5)
    0.09414
    """
    types = _types(types)
    beta, n = _beta(beta, types), _points("n", n)
    total = total_mass(beta, 1, types)
    y, w = rule(beta, beta, n.max(initial=0.0) / total, 1, types)
    return over(n, w / total, lambda n: missed(n, y / total))[()]


def _constant(beta: float) -> tuple[float, float]:
    """Return c and C in E ~ C n^-c."""
    c = 1 - 1 / beta
    return c, float(scipy.special.gamma(c) / beta * scipy.special.zeta(beta) ** (-1 / beta))


def memoriser_error_asymptotic(beta: float, n):
    r"""Return :math:`\frac{\Gamma(1-1/\beta)}\beta\,\zeta(\beta)^{-1/\beta}\,n^{-c}`, :math:`c = 1 - 1/\beta`.

    `n` > 0 broadcasts. Kind: asymptotic; it is too large by a share :math:`c(1+c)/2n`, all else is exponentially small.
    Source: `tails-clean` (order: arXiv 2402.07043; constant for the normalised law derived).

    Examples
    --------
    >>> round(float(memoriser_error_asymptotic(1.5, 1000)), 5)
    0.09416
    """
    c, C = _constant(_beta(beta))
    return (C * _positive("n", n) ** -c)[()]


# ------------------------------------------------------------------------------------------------- a tail cut off


def memoriser_error_cut(beta: float, n, *, cut: int, real_fraction: float = 0.0, types: float = math.inf):
    r"""Return the test error on data whose tail is cut at rank k, with a share :math:`\pi` of clean data among them.

    .. math:: E = \sum_i p_i(1-q_i)^n, \qquad q_i = \pi p_i + (1-\pi)\frac{p_i\,\mathbf 1\{i\le k\}}{P(\le k)}

    For :math:`\pi = 0` it falls to the floor :math:`P(i > k)` (`zipf_tail_mass`); for :math:`\pi > 0` there is a
    plateau, and a second decay ("grokking").

    Parameters
    ----------
    beta, n, types
        As in `memoriser_error`.
    cut : int
        k >= 1.
    real_fraction : float
        :math:`\pi` in [0, 1].

    Returns
    -------
    ndarray or float, the shape of `n`

    Notes
    -----
    Kind: exact (relative errors below 1e-12, k up to 10^9). Source: `tails-cut-double-law`, `tails-mixing-grokking`
    (Theorems 2.1 and 3.2 of arXiv 2402.07043 are orders; sums derived).

    Examples
    --------
    >>> round(float(memoriser_error_cut(1.5, 1e7, cut=500, real_fraction=0.1)), 4)
    0.0094
    """
    types = _types(types)
    beta, n = _beta(beta, types), _points("n", n)
    cut = check.integer("cut", cut, least=1, because="something must be left")
    real = check.probability("real_fraction", real_fraction)
    if cut >= types:
        return memoriser_error(beta, n, types=types)
    total, kept, most = total_mass(beta, 1, types), total_mass(beta, 1, cut), n.max(initial=0.0)
    scale = real / total + (1 - real) / kept
    y, w = rule(beta, beta, most * scale, 1, cut)
    out = over(n, w / total, lambda n: missed(n, y * scale))
    y, w = rule(beta, beta, most * real / total, cut + 1, types)
    return (out + over(n, w / total, lambda n: missed(n, y * real / total)))[()]


def memoriser_error_cut_asymptotic(beta: float, n, *, cut: float, real_fraction: float = 0.0):
    r"""Return the leading order of `memoriser_error_cut`, uniformly over the crossovers.

    .. math:: E \approx C\big[(sn)^{-c}\,Q(c,\ snp_k) + (\pi n)^{-c}\,P(c,\ \pi np_k)\big], \qquad
              s = \pi + \frac{1-\pi}{P(\le k)}

    with the regularised incomplete gamma functions P and Q, C of `memoriser_error_asymptotic` and :math:`p_k =
    (k+\frac12)^{-\beta}/\zeta(\beta)`; for :math:`\pi = 0` the second term is the floor :math:`\frac{(k+1/2)^{1-\beta}}
    {(\beta-1)\zeta(\beta)}`. `n` > 0 broadcasts.

    Kind: asymptotic (relative errors of order 1/n and :math:`k^{-2}`). Source: `tails-cut-double-law`,
    `tails-mixing-grokking` (derived: the sums as integrals).

    Examples
    --------
    >>> round(float(memoriser_error_cut_asymptotic(1.5, 1e7, cut=500, real_fraction=0.1)), 4)
    0.0094
    """
    beta, n = _beta(beta), _positive("n", n)
    cut = check.number("cut", cut, least=1)
    real = check.probability("real_fraction", real_fraction)
    c, C = _constant(beta)
    zeta = float(scipy.special.zeta(beta))
    rank = cut + 0.5  # a sum up to k is an integral up to k + 1/2
    p, floor = rank**-beta / zeta, rank ** (1 - beta) / ((beta - 1) * zeta)
    share = real + (1 - real) / (1 - floor)
    head = C * (share * n) ** -c * scipy.special.gammaincc(c, n * p * share)
    if real == 0:
        return (head + floor)[()]
    return (head + C * (real * n) ** -c * scipy.special.gammainc(c, real * n * p))[()]


def double_law(beta: float, n, cut):
    r"""Return the two terms of the double law, :math:`C n^{-c} + \frac{k^{1-\beta}}{(\beta-1)\zeta(\beta)}`, added up.

    `n` > 0 and `cut` >= 1 broadcast. Each term is right where it dominates; the sum is too large by up to a factor 2
    between them, where `memoriser_error_cut_asymptotic` holds.

    Kind: asymptotic (order). Source: `tails-cut-double-law` (Theorem 2.1, arXiv 2402.07043, with constants), `ERR-22`.

    Examples
    --------
    >>> round(float(double_law(1.5, 1e12, 1000)), 4)
    0.0243
    """
    beta = _beta(beta)
    n, cut = _positive("n", n), _points("cut", cut, 1.0)
    floor = cut ** (1 - beta) / ((beta - 1) * scipy.special.zeta(beta))
    return (memoriser_error_asymptotic(beta, n) + floor)[()]


def plateau_sizes(beta: float, cut: float, *, real_fraction: float = 0.0) -> tuple[float, float]:
    r"""Return where the plateau of `memoriser_error_cut` begins and ends: the law :math:`Cn^{-c}` reaches the floor.

    .. math:: n_1 = \Big[\frac{(\beta-1)\,\Gamma(1-1/\beta)}\beta\Big]^{1/c}\zeta(\beta)\,k^\beta, \qquad
              n_2 = \frac{n_1}\pi

    Without clean data it never ends (infinity).

    Kind: asymptotic. Source: `tails-mixing-grokking` (order :math:`k^\beta/\pi`: Theorem 3.2 of arXiv 2402.07043;
    constants derived).

    Examples
    --------
    >>> [float(f"{n:.3g}") for n in plateau_sizes(1.5, 500, real_fraction=0.1)]
    [20800.0, 208000.0]
    """
    beta, cut = _beta(beta), check.number("cut", cut, least=1)
    real = check.probability("real_fraction", real_fraction)
    c, C = _constant(beta)
    begin = (C * (beta - 1) * float(scipy.special.zeta(beta))) ** (1 / c) * cut**beta
    return begin, begin / real if real else math.inf


def bigram_exponent(beta: float) -> float:
    r"""Return :math:`\min(1 - \frac1\beta, \frac12)`, the exponent of a bigram model with random next tokens.

    Kind: asymptotic (order). Source: `tails-triplet-and-bigram` (arXiv 2402.07043; not verified there).

    Examples
    --------
    >>> round(bigram_exponent(1.25), 12), bigram_exponent(3.0)
    (0.2, 0.5)
    """
    return min(1 - 1 / _beta(beta), 0.5)


def triplet_law(beta: float, n, cut, capacity, *, capacity_exponent: float):
    r"""Return the orders :math:`n^{-c} + k^{-(\beta-1)} + d^{-c_q}` of the triplet law, added up, without constants.

    Data, cut tail, and the finite capacity d of an associative memory, with an exponent that depends on the memory;
    all broadcast, and may be infinite.

    Kind: asymptotic (order). Source: `tails-triplet-and-bigram` (arXiv 2402.07043; not verified there).

    Examples
    --------
    >>> round(float(triplet_law(2.0, 100, 1000, 50, capacity_exponent=1.0)), 12)
    0.121
    """
    beta = _beta(beta)
    exponent = check.number("capacity_exponent", capacity_exponent, above=0)
    terms = []
    for name, x, power in (("n", n, 1 - 1 / beta), ("cut", cut, beta - 1), ("capacity", capacity, exponent)):
        x = np.asarray(x, dtype=float)
        if not (x >= 1).all():
            raise ValueError(f"{name} must be >= 1 (it may be infinite), got {x[~(x >= 1)].flat[0]:g}.")
        terms.append(x**-power)
    return (terms[0] + terms[1] + terms[2])[()]


# ------------------------------------------------------------------------------------------------- generations


def _second_hand(p: np.ndarray, n: np.ndarray, size: int) -> np.ndarray:
    r"""Return :math:`E(1 - N/n_0)^n` for N of law Bin(n_0, p), (len(n), len(p))."""
    thinned = -np.expm1(-n / size)
    bound = scipy.special.xlog1py(float(size), -p * thinned[:, None])  # its logarithm is at most this
    out = np.exp(bound)
    for j in np.flatnonzero((bound > -700).any(axis=0)):
        mean = size * p[j]
        if mean <= SUM_UP_TO:
            low, law = backward.binomial_window(size, float(p[j]))
            z = (low + np.arange(len(law))) / size
        else:
            k = np.arange(1, backward.GAUSS)
            diagonal = np.concatenate([[0.0], k * (1 - 2 * p[j])])
            off = np.sqrt(k * (size - k + 1.0) * p[j] * (1 - p[j]))
            z, vectors = scipy.linalg.eigh_tridiagonal(diagonal, off, lapack_driver="stev", check_finite=False)
            z, law = np.clip((mean + z) / size, 0.0, 1.0), vectors[0] ** 2
        out[:, j] = missed(n[:, None], z) @ law
    return out


def memoriser_error_generated(beta: float, n, *, n_generator: int, types: float = math.inf):
    r"""Return the test error on n points that another memoriser, trained on :math:`n_0` clean ones, has made.

    .. math:: E = \sum_i p_i\,E\Big[\Big(1 - \frac{N_i}{n_0}\Big)^n\Big], \qquad N_i \sim \mathrm{Bin}(n_0, p_i)

    With :math:`n \to \infty` it is what the generator has missed, ``memoriser_error(beta, n_generator)``.

    Parameters
    ----------
    beta, n, types
        As in `memoriser_error`.
    n_generator : int
        :math:`n_0 \ge 1`.

    Returns
    -------
    ndarray or float, the shape of `n`

    Notes
    -----
    Kind: exact (relative errors below 1e-12, :math:`n, n_0` up to 10^12). Source: `tails-finite-AI-data` (order
    :math:`n^{-c} + n_0^{-c}`: Corollary 2.2 of arXiv 2402.07043; sum derived).

    Examples
    --------
    >>> round(float(memoriser_error_generated(1.5, 1e9, n_generator=1000)), 5)
    0.09414
    """
    types = _types(types)
    beta, n = _beta(beta, types), _points("n", n)
    size = check.integer("n_generator", n_generator, least=1)
    total = total_mass(beta, 1, types)
    y, w = rule(beta, beta, min(n.max(initial=0.0), size) / total, 1, types)
    return over(n, w / total, lambda n: _second_hand(np.minimum(y / total, 1.0), n[:, 0], size))[()]


def _thinned(n: float, size: float, generations: int) -> np.ndarray:
    """Return u_0 = n / n_0, u_t = 1 - exp(-u_(t-1)): the iterates of `g_iterates`, begun elsewhere."""
    u = np.full(generations + 1, n / size)
    for t in range(1, generations + 1):
        u[t] = -np.expm1(-u[t - 1])
    return u


def _size_or_all(n) -> float:
    return math.inf if isinstance(n, float) and n == math.inf else check.number("n", n, least=0)


def memoriser_error_generations(
    beta: float,
    generations: int,
    *,
    n_generator: int,
    n: float = math.inf,
    types: float = math.inf,
    method: str = "exact",
) -> np.ndarray:
    r"""Return the test error of a memoriser of n points from generation t of memorisers of :math:`n_0` points each.

    Each generation is the empirical law of :math:`n_0` draws from the one before, the first of clean draws:

    .. math:: E_t = \sum_i p_i\,E\Big[\Big(1-\frac{N_{t,i}}{n_0}\Big)^n\Big] \quad\text{(exact)}, \qquad
              \sum_i p_i(1 - p_i u_t)^{n_0}, \quad u_0 = \frac n{n_0},\ u_{t+1} = 1 - e^{-u_t} \quad\text{(asymptotic)}

    For :math:`n = \infty` it is the lost mass, and :math:`u_t = g_t` of `g_iterates`. The second form is an upper
    bound for every t, and very close while t is much smaller than :math:`n_0`.

    Parameters
    ----------
    beta, types
        As in `memoriser_error`.
    generations : int
        T >= 0, at most 200,000 for "exact".
    n_generator : int
        :math:`n_0 \ge 1`.
    n : float
        Points of the last learner; infinity for the lost mass.
    method : {"exact", "asymptotic"}

    Returns
    -------
    ndarray, (generations + 1,)
        ``[0]`` is the error on n clean points, ``[1]`` that of `memoriser_error_generated`.

    Notes
    -----
    Kind: exact (relative errors below 1e-11; below 1e-17 where the types are few and nearly all safe), or asymptotic
    and bound, by method. Source: `tails-n-generations` (setting: arXiv 2402.07043; mechanism by `SUR-G`; derived).

    Examples
    --------
    >>> round(float(memoriser_error_generations(1.5, 10, n_generator=2000)[10]), 4)
    0.1342
    """
    types = _types(types)
    beta = _beta(beta, types)
    exact = check.choice("method", method, ("exact", "asymptotic")) == "exact"
    T = check.integer("generations", generations, least=0, most=200_000 if exact else None)
    size, n = check.integer("n_generator", n_generator, least=1), _size_or_all(n)
    total, u = total_mass(beta, 1, types), _thinned(n, size, T)
    out = np.empty(T + 1)
    out[0] = 0.0 if math.isinf(n) else memoriser_error(beta, n, types=types)
    if T == 0:
        return out
    y, w = rule(beta, beta, size * u[1] / total, 1, types)
    p, w = np.minimum(y / total, 1.0), w / total
    if not exact:
        out[1:] = over(u[1:], w, lambda u: missed(size, p * u))
        return out
    first = memoriser_error(beta, size, types=types) if math.isinf(n) else None
    out[1] = memoriser_error_generated(beta, n, n_generator=size, types=types) if first is None else first
    if T == 1:
        return out

    def start(x):
        return backward.excess(x) - (missed(n, x) / x if math.isfinite(n) else 0.0)

    def project(grid):
        # beyond, nothing is missed: less than e^-42 of what is missed before
        near = p <= grid.first + (4 * backward.GONE / n if n else math.inf)
        row = -(w * p)[near] @ grid.interpolation(p[near])
        row[-1] += w[near] @ (1 - p[near])
        return row[None]

    out[2:] = backward.curves(size, T, start, project, full=n < size)[1:, 0]
    return out


def memoriser_error_generations_asymptotic(beta: float, t, *, n_generator, n=math.inf):
    r"""Return :math:`C\Big(\frac1n + \frac t{2n_0}\Big)^c`, the leading order of `memoriser_error_generations`.

    C and c as in `memoriser_error_asymptotic`; `t` >= 1, `n_generator` and `n` (which may be infinite) broadcast. The
    errors of clean data and of generations do not add up; reciprocals of sample sizes do, and t generations count for
    :math:`t/2n_0`. Compared with the first generation the loss grows like :math:`(t/2)^c`.

    Kind: asymptotic (:math:`1 \ll t \ll n_0`: since :math:`u_t^{-1} \approx \frac{n_0}n + \frac t2`, up to a
    logarithm). Source: `tails-n-generations`, `ERR-22` (derived).

    Examples
    --------
    >>> round(float(memoriser_error_generations_asymptotic(1.5, 10, n_generator=2000)), 3)
    0.128
    """
    c, C = _constant(_beta(beta))
    t, size, n = (np.asarray(x, dtype=float) for x in (t, n_generator, n))
    for name, x in (("t", t), ("n_generator", size), ("n", n)):
        if not (x >= 1).all():
            raise ValueError(f"{name} must be >= 1, got {x[~(x >= 1)].flat[0]:g}.")
    return (C * (1 / n + t / (2 * size)) ** c)[()]


def memoriser_generations_law(beta: float, t, *, n_generator, n=math.inf):
    r"""Return the published form :math:`C(n^{-c} + t\,n_0^{-c})`, linear in the number of generations: an upper bound.

    Arguments as in `memoriser_error_generations_asymptotic`; :math:`t \ge 0`.

    Kind: bound (to leading order: :math:`x^c` is subadditive, and :math:`(t/2)^c \le t`). Source: `tails-n-generations`
    (order: arXiv 2402.07043), `ERR-22`.

    Examples
    --------
    >>> round(float(memoriser_generations_law(1.5, 10, n_generator=2000)), 3)
    0.747
    """
    c, C = _constant(_beta(beta))
    t, size, n = (np.asarray(x, dtype=float) for x in (t, n_generator, n))
    for name, x, least in (("t", t, 0), ("n_generator", size, 1), ("n", n, 1)):
        if not (x >= least).all():
            raise ValueError(f"{name} must be >= {least}, got {x[~(x >= least)].flat[0]:g}.")
    return (C * (n**-c + t * size**-c))[()]


# ------------------------------------------------------------------------------------------------- temperature


def _narrowed(beta: float, temperature, types: float) -> float:
    tau = check.number("temperature", temperature, above=0)
    if math.isinf(types) and beta / tau <= 1:
        raise ValueError(
            f"temperature must be < beta = {beta:g} (at exponent beta / temperature <= 1 infinitely many types have no "
            f"law), got {tau:g}."
        )
    return beta / tau


def memoriser_error_tempered(beta: float, n, *, temperature: float, types: float = math.inf):
    r"""Return the test error on n points drawn at a temperature, :math:`q_i \propto p_i^{1/\tau}`.

    .. math:: E = \sum_i p_i(1-q_i)^n, \qquad q_i = \frac{i^{-\beta/\tau}}{\zeta(\beta/\tau)}

    Parameters
    ----------
    beta, n, types
        As in `memoriser_error`.
    temperature : float
        :math:`\tau` in (0, beta), or any > 0 for finitely many types.

    Returns
    -------
    ndarray or float, the shape of `n`

    Notes
    -----
    Kind: exact (relative errors below 1e-12 for :math:`\beta/\tau \le 20`). Source: `tails-triplet-and-bigram`
    (narrowing :math:`\beta \to \beta/\tau`: arXiv 2402.07043; sum derived).

    Examples
    --------
    >>> memoriser_error_tempered(1.5, [1e3, 1e4], temperature=0.5).round(4).tolist()
    [0.2316, 0.1578]
    """
    types = _types(types)
    beta, n = _beta(beta, types), _points("n", n)
    b = _narrowed(beta, temperature, types)
    total, narrow = total_mass(beta, 1, types), total_mass(b, 1, types)
    y, w = rule(beta, b, n.max(initial=0.0) / narrow, 1, types)
    return over(n, w / total, lambda n: missed(n, y / narrow))[()]


def memoriser_error_tempered_asymptotic(beta: float, n, *, temperature: float):
    r"""Return the leading order of `memoriser_error_tempered`, a power law of exponent :math:`\tau c`.

    .. math:: E \approx \frac{\tau\,\Gamma(\tau c)}{\beta\,\zeta(\beta)}\Big(\frac{\zeta(\beta/\tau)}n\Big)^{\tau c}

    So a temperature below one makes the exponent smaller by just this factor. `n` > 0 broadcasts.

    Kind: asymptotic. Source: `tails-triplet-and-bigram` (derived).

    Examples
    --------
    >>> memoriser_error_tempered_asymptotic(1.5, [1e3, 1e4], temperature=0.5).round(4).tolist()
    [0.2316, 0.1578]
    """
    beta, n = _beta(beta), _positive("n", n)
    b = _narrowed(beta, temperature, math.inf)
    power = (beta - 1) / b
    zeta = scipy.special.zeta
    return (scipy.special.gamma(power) / (b * zeta(beta)) * (zeta(b) / n) ** power)[()]
