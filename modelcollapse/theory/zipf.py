r"""How much of Zipf's law is beyond a rank, and how many of its types does a text show? And: sums over all its types.

Zipf's law has :math:`p_i = i^{-\beta}/\zeta(\beta)`, i = 1, 2, ... without end for :math:`\beta > 1`, or up to K types.
Its sums converge too slowly to be cut off: at :math:`\beta = 1.5` the first million types lack 0.08 % of the mass.

**How the sums are done.** :math:`\sum_i i^{-a}f(i^{-b})` is a weighted sum of values of f: the first 512 types one by
one; then blocks over which :math:`i^{-b}` falls by a factor of two, each by the Gauss rule *for sums over integers* (32
points, exact to degree 63; its orthogonal polynomials are Gram's); and from where f no longer varies much, to infinity,
a polynomial in :math:`i^{-b}` against its exact moments, which are Hurwitz zeta functions. Some two thousand values of
f make a sum over all integers, with errors of a few roundings.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy

from modelcollapse import _validate as check

__all__ = ["type_token_ratio", "zipf_tail_mass", "zipf_type_token_ratio", "zipf_type_token_ratio_asymptotic"]

#: types summed one by one, points of a block, points of the tail, and n p from which on the tail is a polynomial
DIRECT, POINTS, TAIL, FLAT = 512, 32, 10, 0.25
#: numbers held at a time (16 MB)
HELD = 2 * 10**6


# ------------------------------------------------------------------------------------------------- sums


def _hurwitz(s, q: float) -> np.ndarray:
    r"""Return :math:`q^{s-1}\zeta(s, q)` for q >= 512, s = 1 + `s` given by what it exceeds one: Euler-Maclaurin."""
    out = 1 / s + 1 / (2 * q)
    rising = (1 + s) / q**2
    for k, b in enumerate((1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160)):
        out = out + b * rising
        rising = rising * (s + 2 * k + 2) * (s + 2 * k + 3) / q**2
    return out


@functools.cache
def _tail_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Chebyshev points in (0, 1), and the matrices from moments to those of polynomials, and to weights."""
    angle = np.pi * (np.arange(TAIL) + 0.5) / TAIL
    monomials = np.zeros((TAIL, TAIL))  # of the shifted Chebyshev polynomials
    for k in range(TAIL):
        basis = np.polynomial.Chebyshev.basis(k, domain=[0, 1]).convert(kind=np.polynomial.Polynomial)
        monomials[k, : k + 1] = basis.coef
    values = np.cos(np.arange(TAIL)[:, None] * angle) * np.where(np.arange(TAIL), 2, 1)[:, None] / TAIL
    return (1 + np.cos(angle)) / 2, monomials.T, values


def _block(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights for the sum over the integers low .. high - 1."""
    length = high - low
    if length <= POINTS:
        i = low + np.arange(int(length))
        return i, np.ones(len(i))
    k = np.arange(1, POINTS)
    off = k * np.sqrt((1 - (k / length) ** 2) / (4 * (4 * k**2 - 1.0)))
    points, vectors = scipy.linalg.eigh_tridiagonal(
        np.zeros(POINTS), off, lapack_driver="stev", check_finite=False
    )  # of (i - middle) / length
    return low + (length - 1) / 2 + length * points, length * vectors[0] ** 2


def rule(weight: float, exponent: float, steepness: float, first: float = 1.0, last: float = math.inf):
    """Return y, w with sum_(first <= i <= last) i^-weight f(i^-exponent) = sum_j w_j f(y_j), f of scale 1/steepness."""
    start = min(first + DIRECT, last + 1)
    pieces = [(first + np.arange(int(start - first)), np.ones(int(start - first)))]
    flat = max((steepness / FLAT) ** (1 / exponent), start)
    while start <= last and not (math.isinf(last) and start >= flat):
        end = math.ceil(start * 2 ** (1 / exponent if start < flat and exponent > 1 else 1))
        end = min(float(end), last + 1)
        pieces.append(_block(start, end))
        start = end
    i, w = (np.concatenate(part) for part in zip(*pieces, strict=True))
    y, w = i**-exponent, w * i**-weight
    if math.isinf(last):
        points, monomials, values = _tail_points()
        moments = start ** (1 - weight) * _hurwitz(weight - 1 + exponent * np.arange(TAIL), start)
        # in this order: high moments of polynomials lose digits, which f, nearly straight here, does not notice
        y, w = np.append(y, start**-exponent * points), np.append(w, (moments @ monomials) @ values)
    return y, w


def over(n: np.ndarray, w: np.ndarray, f) -> np.ndarray:
    """Return sum_j w_j f(n)_j for every n; `f` takes a column of n."""
    flat, step = n.reshape(-1, 1), max(1, HELD // len(w))
    parts = [f(flat[i : i + step]) @ w for i in range(0, len(flat), step)]
    return np.concatenate(parts or [np.empty(0)]).reshape(n.shape)


def missed(n, q) -> np.ndarray:
    """Return (1 - q)^n."""
    return np.exp(scipy.special.xlog1py(n, -np.minimum(q, 1.0)))


def _types(types) -> float:
    if isinstance(types, float) and types == math.inf:
        return math.inf
    return float(check.integer("types", types, least=1, because="math.inf stands for all integers"))


def _beta(beta, types: float = math.inf) -> float:
    if math.isinf(types):
        return check.number("beta", beta, above=1, because="Zipf's law on all integers has no sum otherwise")
    return check.number("beta", beta, above=0)


def _points(name: str, n, least: float = 0.0) -> np.ndarray:
    n = check.array(name, n, ndim=tuple(range(5)), shape_words="any")
    if n.size and n.min() < least:
        raise ValueError(f"{name} must be >= {least:g} (it counts training points), got {n.min():g}.")
    return n


def total_mass(beta: float, first: float = 1.0, last: float = math.inf) -> float:
    """Return sum_(first <= i <= last) i^-beta."""
    if first == 1 and math.isinf(last):
        return float(scipy.special.zeta(beta))
    return float(rule(beta, beta, 0.0, first, last)[1].sum())


def _positive(name: str, n) -> np.ndarray:
    n = _points(name, n)
    if n.size and n.min() <= 0:
        raise ValueError(f"{name} must be > 0 (a power law has no value at none), got {n.min():g}.")
    return n


# ------------------------------------------------------------------------------------------------- Zipf's law


def zipf_tail_mass(beta: float, cut: int, *, types: float = math.inf) -> float:
    r"""Return :math:`P(i > k) = \zeta(\beta, k+1)/\zeta(\beta)`, what is lost with all types beyond rank k = `cut`.

    About :math:`k^{1-\beta}/((\beta-1)\zeta(\beta))`. `types` = K makes it Zipf's law on 1 .. K, with any
    :math:`\beta > 0`.

    Kind: exact. Source: `tails-cut-double-law` (the floor of Theorem 2.1, arXiv 2402.07043).

    Examples
    --------
    >>> round(zipf_tail_mass(1.5, 1000), 5)
    0.0242
    """
    types = _types(types)
    beta = _beta(beta, types)
    cut = check.integer("cut", cut, least=0)
    return total_mass(beta, cut + 1, types) / total_mass(beta, 1, types) if cut < types else 0.0


def type_token_ratio(p, tokens):
    r"""Return :math:`E\,\mathrm{TTR}(N) = \frac1N\sum_i[1 - (1-p_i)^N]`: distinct types per token, tokens independent.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities.
    tokens : float or array_like
        N >= 1.

    Returns
    -------
    ndarray or float, the shape of `tokens`

    Notes
    -----
    Kind: exact. Source: `diversity-metrics-closed-forms` (derived; the metric: arXiv 2311.09807).

    Examples
    --------
    >>> float(type_token_ratio([0.5, 0.5], 2))
    0.75
    """
    p, tokens = check.probabilities("p", p), _points("tokens", tokens, 1.0)
    seen = over(tokens, np.ones(len(p)), lambda N: 0.0 - np.expm1(scipy.special.xlog1py(N, -p)))
    return (seen / tokens)[()]


def zipf_type_token_ratio(beta: float, tokens, *, types: float = math.inf):
    r"""Return the expected type-token ratio of N independent tokens of Zipf's law; see `type_token_ratio`.

    `beta` and `types` as in `memoriser_error`, `tokens` = N >= 1 broadcasts.

    Kind: exact (relative errors below 1e-12). Source: `diversity-metrics-closed-forms` (derived).

    Examples
    --------
    >>> zipf_type_token_ratio(2.0, [1, 100]).round(4).tolist()
    [1.0, 0.1334]
    """
    types = _types(types)
    beta, tokens = _beta(beta, types), _points("tokens", tokens, 1.0)
    total = total_mass(beta, 1, types)
    y, w = rule(beta, beta, tokens.max(initial=0.0) / total, 1, types)
    p = np.minimum(y / total, 1.0)
    seen = over(tokens, w / total / p, lambda N: 0.0 - np.expm1(scipy.special.xlog1py(N, -p)))
    return (seen / tokens)[()]


def zipf_type_token_ratio_asymptotic(beta: float, tokens):
    r"""Return :math:`\Gamma(1-\frac1\beta)\,\zeta(\beta)^{-1/\beta}N^{-c}`, Heaps' law, :math:`\beta` times the error.

    The number of types grows like :math:`N^{1/\beta}`; `tokens` = N > 0 broadcasts. Kind: asymptotic. Source:
    `diversity-metrics-closed-forms` (derived; Karlin 1967).

    Examples
    --------
    >>> round(float(zipf_type_token_ratio_asymptotic(2.0, 10_000)), 4)
    0.0138
    """
    beta, tokens = _beta(beta), _positive("tokens", tokens)
    c = 1 - 1 / beta
    return (scipy.special.gamma(c) * total_mass(beta) ** (-1 / beta) * tokens**-c)[()]
