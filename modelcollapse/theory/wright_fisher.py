r"""What is the chain of one category's count, n points per fit? Its matrix, its modes, and its diffusion.

Under Replace the count of a category is a Markov chain with :math:`P_{ij} = \mathrm{Bin}(n, i/n)(j)`: the
Wright-Fisher model of population genetics with two types, this category and all others. Its eigenvalues
:math:`\lambda_j = \prod_{i<j}(1 - i/n)` are known (`wright_fisher_eigenvalues`); the first two are one and belong to
the two ends, :math:`\lambda_2 = 1 - 1/n` is the rate at which everything else is lost. Late in a run only a few modes
are left:

.. math:: P^t = \sum_j \lambda_j^t\, r_j\, \ell_j, \qquad r_0 = 1,\ r_1 = \tfrac in,\ r_2 \propto \tfrac in(1-\tfrac in)

with right eigenvectors that are polynomials of degree j in the frequency. For large n, with time in units of n fits,
the chain becomes Kimura's diffusion, whose modes are Legendre polynomials. A category may also immigrate: with
``migration`` = m each point is drawn from the truth, where the category has the frequency ``source``, with
probability m.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.backward import binomial_window, law_from_ratios
from modelcollapse.theory.categorical import wright_fisher_eigenvalues

__all__ = [
    "diffusion_fixed",
    "diffusion_unfixed",
    "quasi_stationary",
    "wright_fisher_matrix",
    "wright_fisher_modes",
    "wright_fisher_sparse",
]

#: largest n of a dense matrix (200 MB), and of one that is decomposed
DENSE_UP_TO, SOLVE_UP_TO = 5000, 2000
#: shortest time of the diffusion series, in units of n fits: it needs sqrt(100 / time) terms
SHORTEST = 1e-5


def _frequencies(n: int, migration: float, source) -> np.ndarray:
    """Return the probability of a draw for the counts 0 .. n."""
    migration = check.probability("migration", migration)
    if migration and source is None:
        raise ValueError(
            "source must be a probability in [0, 1] when there is migration (immigrants bring it), got None."
        )
    return (1 - migration) * np.arange(n + 1) / n + migration * check.probability("source", source or 0.0)


def wright_fisher_matrix(
    n: int, m: int | None = None, *, migration: float = 0.0, source: float | None = None
) -> np.ndarray:
    r"""Return the matrix :math:`P_{ij} = \mathrm{Bin}(m, x_i)(j)`, :math:`x_i = (1-\mu)\frac in + \mu\pi`.

    Every row is built from its mode outwards by ratios, so that entries keep a relative accuracy of about 1e-13.

    Parameters
    ----------
    n : int
        Points of the fit before, 1 <= n <= 5000; for more see `wright_fisher_sparse`.
    m : int, optional
        Points of the next fit; default n.
    migration, source : float, optional
        Probability mu that a point is drawn from the truth, and the frequency pi there.

    Returns
    -------
    ndarray, (n + 1, m + 1)

    Notes
    -----
    Kind: exact. Source: Wright, Genetics 16:97 (1931); `WF-EIG`, `WF-MIG`. ValueError outside the domain.

    Examples
    --------
    >>> wright_fisher_matrix(2).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]
    """
    because = "larger matrices are held by wright_fisher_sparse"
    n = check.integer("n", n, least=1, most=DENSE_UP_TO, because=because)
    m = n if m is None else check.integer("m", m, least=1, most=DENSE_UP_TO, because=because)
    out, j = np.zeros((n + 1, m + 1)), np.arange(m)
    for row, p in zip(out, _frequencies(n, migration, source).tolist(), strict=True):
        if p <= 0 or p >= 1:
            row[m if p >= 1 else 0] = 1.0
        else:
            row[:] = law_from_ratios(m + 1, 0, (m - j) / (j + 1) * (p / (1 - p)))
    return out


def wright_fisher_sparse(
    n: int, *, tolerance: float = 1e-15, migration: float = 0.0, source: float | None = None
) -> tuple[scipy.sparse.csr_array, float]:
    r"""Return the Wright-Fisher matrix without its negligible entries, and the largest mass that a row has lost.

    A row keeps the shortest run of counts outside which there is at most `tolerance` at either end: about
    :math:`2\Phi^{-1}(1-\epsilon)\sqrt{nx(1-x)}` of the n + 1. An expectation of a function in [0, 1] after t fits,
    computed with this matrix, is too small by at most t times the second result, and never too large (but for
    rounding).

    Parameters
    ----------
    n : int
        Points per fit, 1 <= n <= 200,000 (one product costs some 6 n^1.5 multiplications, 6 GB of memory at the end).
    tolerance : float
        Mass that may be cut off at either end of a row, in (0, 0.01].
    migration, source : float, optional
        As in `wright_fisher_matrix`.

    Returns
    -------
    matrix : scipy.sparse.csr_array, (n + 1, n + 1)
    lost : float

    Notes
    -----
    Kind: exact to the stated error. Source: derived; `WF-EIG`. For survival curves `survival` is much faster.

    Examples
    --------
    >>> matrix, lost = wright_fisher_sparse(1000)
    >>> bool(matrix.nnz < 0.4 * 1001**2), bool(lost <= 2e-15)
    (True, True)
    """
    n = check.integer("n", n, least=1, most=200_000, because="the matrix must fit into memory; `survival` needs none")
    tolerance = check.number("tolerance", tolerance, above=0.0, most=0.01)
    laws, columns, lengths, lost = [], [], [], 0.0
    for p in _frequencies(n, migration, source).tolist():
        low, law = binomial_window(n, p)
        left = int(np.searchsorted(np.cumsum(law), tolerance, side="right"))
        right = len(law) - int(np.searchsorted(np.cumsum(law[::-1]), tolerance, side="right"))
        lost = max(lost, float(law[:left].sum() + law[right:].sum()))
        laws.append(law[left:right])
        columns.append(np.arange(low + left, low + right, dtype=np.int32))
        lengths.append(right - left)
    parts = np.concatenate(laws), np.concatenate(columns), np.concatenate([[0], np.cumsum(lengths)])
    return scipy.sparse.csr_array(parts, shape=(n + 1, n + 1)), lost


def wright_fisher_modes(n: int, modes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Return the leading eigenvalues, right and left eigenvectors of the two-type chain, biorthogonal.

    .. math:: P r_j = \lambda_j r_j, \quad \ell_j P = \lambda_j \ell_j, \quad \ell_j r_k = \delta_{jk}, \qquad
              P^t f = \sum_{j < J} \lambda_j^t\,(\ell_j f)\, r_j + O(\lambda_J^t)

    so a few modes give the chain late in a run at any t: ``right.T @ (values**t * (left @ f))``. For the first two,
    :math:`r_0 = 1`, :math:`r_1 = i/n` and :math:`\ell_0 = \delta_0`, :math:`\ell_1 = \delta_n - \delta_0`; the others
    are scaled to :math:`\max|r_j| = 1`.

    Parameters
    ----------
    n : int
        1 <= n <= 2000.
    modes : int
        J <= min(n + 1, 20).

    Returns
    -------
    values : ndarray, (modes,)
    right, left : ndarray, (modes, n + 1)
        Right eigenvectors (functions of the count) and left ones (signed measures of it).

    Notes
    -----
    Kind: exact (vectors by inverse iteration, errors about 1e-12). Source: `WF-EIG` (Feller 1951; Ewens, 3.3).

    Examples
    --------
    >>> values, right, left = wright_fisher_modes(10, 3)
    >>> (right[2] / right[2, 5]).round(6)[1:5].tolist()
    [0.36, 0.64, 0.84, 0.96]
    >>> values, right, left = wright_fisher_modes(50, 12)
    >>> alive = (np.arange(51) > 0).astype(float)
    >>> round(float(right[:, 5] @ (values**100 * (left @ alive))), 6)
    0.135378
    """
    n = check.integer("n", n, least=1, most=SOLVE_UP_TO, because="the matrix is decomposed; see diffusion_fixed beyond")
    modes = check.integer("modes", modes, least=1, most=min(n + 1, 20))
    values = wright_fisher_eigenvalues(n)[:modes]
    x = np.arange(n + 1) / n
    right, left = np.ones((modes, n + 1)), np.zeros((modes, n + 1))
    left[0, 0] = 1.0
    if modes > 1:
        right[1] = x
        left[1, [0, -1]] = -1.0, 1.0
    if modes > 2:
        P = wright_fisher_matrix(n)
        inner = P[1:-1, 1:-1]
    for j in range(2, modes):
        # the shift keeps the matrix regular; three rounds multiply what is wrong by its cube over the gap
        shifted = scipy.linalg.lu_factor(inner - values[j] * (1 + 1e-9) * np.eye(n - 1))
        u = (x * (1 - x) * np.cos(np.arccos(np.clip(2 * x - 1, -1, 1)) * (j - 2)))[1:-1]
        w = np.cos(np.arccos(np.clip(2 * x - 1, -1, 1)) * (j - 2))[1:-1]
        for _ in range(3):
            u, w = scipy.linalg.lu_solve(shifted, u), scipy.linalg.lu_solve(shifted, w, trans=1)
            u, w = u / np.abs(u).max(), w / np.abs(w).max()
        right[j, [0, -1]], right[j, 1:-1] = 0.0, u
        left[j, 1:-1] = w / (w @ u)
        left[j, [0, -1]] = left[j, 1:-1] @ P[1:-1, [0, -1]] / (values[j] - 1)
    return values, right, left


def quasi_stationary(n: int) -> np.ndarray:
    r"""Return the law of the count late in a run, given that neither end has been reached: the left vector of mode 2.

    .. math:: P(p_t = i/n \mid T > t) \to \ell_{2,i} \Big/ \sum_{0<j<n} \ell_{2,j}, \qquad
              P(T > t) \sim \Big(1 - \frac1n\Big)^t \frac{p(1-p)}{\sum_i \pi_i\, \frac in (1 - \frac in)}

    with :math:`\pi` the result. For large n it is nearly uniform, and the factor nearly :math:`6p(1-p)`.

    Parameters
    ----------
    n : int
        2 <= n <= 2000.

    Returns
    -------
    ndarray, (n + 1,)
        Zero at both ends.

    Notes
    -----
    Kind: exact. Source: Ewens, 3.3; Kimura (1955) for the uniform limit; `WF-EIG`.

    Examples
    --------
    >>> quasi_stationary(4).round(6).tolist()
    [0.0, 0.32, 0.36, 0.32, 0.0]
    """
    n = check.integer("n", n, least=2, most=SOLVE_UP_TO, because="one point is fixed at once")
    out = np.abs(wright_fisher_modes(n, 3)[2][2])
    out[[0, -1]] = 0.0
    return out / out.sum()


def _series(p, time, odd_only: bool) -> np.ndarray:
    """Return the sum over i >= 1 of s_i [P_(i-1)(r) - P_(i+1)(r)] exp(-i (i + 1) time / 2), r = 1 - 2p."""
    p = check.array("p", p, ndim=tuple(range(5)), shape_words="any")
    time = check.array("time", time, ndim=tuple(range(5)), shape_words="any")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"p must be probabilities in [0, 1], got {p.min() if p.min() < 0 else p.max():g}.")
    if time.size and time.min() < SHORTEST:
        raise ValueError(
            f"time must be >= {SHORTEST:g} (it is t / n, and the series is slow before; `survival` is exact "
            f"there), got {time.min():g}."
        )
    r = 1 - 2 * p
    total = np.zeros(np.broadcast_shapes(p.shape, time.shape))
    terms = 0 if not time.size else int(np.sqrt(100 / time.min())) + 3
    before, now = np.ones_like(r), r
    for i in range(1, terms):
        after = ((2 * i + 1) * r * now - i * before) / (i + 1)
        if not odd_only or i % 2:
            sign = 2.0 if odd_only else (-1.0) ** i
            total = total + sign * (before - after) * np.exp(-i * (i + 1) / 2 * time)
        before, now = now, after
    return total / 2


def diffusion_fixed(p, time):
    r"""Return the probability that a type of frequency p has fixed by `time` = t/n, in the diffusion limit.

    .. math:: p + \frac12 \sum_{i \ge 1} (-1)^i \big[P_{i-1}(1-2p) - P_{i+1}(1-2p)\big] e^{-i(i+1)t/2n}

    with Legendre polynomials :math:`P_i`. A type is still there with probability ``1 - diffusion_fixed(1 - p, time)``.

    Parameters
    ----------
    p : float or array_like
        Frequencies in [0, 1].
    time : float or array_like
        Generations over points per fit, >= 1e-5; broadcasts with p.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: asymptotic (n to infinity at fixed t/n; the error is of the order (ln n)/n). Rounding about 1e-13.
    Source: Kimura (1955); Crow and Kimura (1970). ValueError outside the domain.

    Examples
    --------
    >>> round(float(diffusion_fixed(0.3, 1.0)), 6)
    0.089313
    """
    out = np.asarray(p, dtype=float) + _series(p, time, odd_only=False)
    return np.clip(out, 0.0, 1.0)[()]


def diffusion_unfixed(p, time):
    r"""Return the probability that both types are still there at `time` = t/n, in the diffusion limit.

    .. math:: \sum_{i \text{ odd}} \big[P_{i-1}(1-2p) - P_{i+1}(1-2p)\big] e^{-i(i+1)t/2n} \sim 6p(1-p)e^{-t/n}

    Parameters and errors as in `diffusion_fixed`.

    Notes
    -----
    Kind: asymptotic (n to infinity at fixed t/n). Source: Kimura (1955); Crow and Kimura (1970).

    Examples
    --------
    >>> round(float(diffusion_unfixed(0.5, 3.0)), 6)
    0.074681
    """
    return np.clip(_series(p, time, odd_only=True), 0.0, 1.0)[()]
