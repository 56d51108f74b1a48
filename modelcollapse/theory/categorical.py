r"""Which categories are still there after t refits, and how even are they?

A categorical model refitted to n of its own samples is the Wright-Fisher model of population genetics
(haploid: n gene copies are n samples). Each category alone is a chain with two types: given the frequency
:math:`p_{t-1}`, its next count is :math:`\mathrm{Bin}(n, p_{t-1})`. A category that draws no point is gone
for good.

* **How even?** The heterozygosity :math:`H = 1 - \sum_i p_i^2` follows the inbreeding coefficient of the
  regime, :math:`E H_t = (1 - F_t) H_0`, exactly.
* **Which are left?** The probability that a category survives is exact from the chain while its matrix of
  :math:`(n+1)^2` entries is affordable. For large n a rare category is a branching process: each copy leaves
  a Poisson number of copies, and with :math:`g_1 = 1`, :math:`g_{t+1} = 1 - e^{-g_t}` the category survives t
  fits with probability :math:`1 - (1 - p g_t)^n \approx 1 - e^{-npg_t}`, which is also a strict lower bound
  for every n.

Generation 0 is the truth and generation 1 the first fit. With fixed rows as the truth (`population`),
generation 1 takes its points from the rows without replacement; it *is* the rows if it takes them all, and
nothing is lost yet.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory import backward
from modelcollapse.theory.backward import law_from_ratios

__all__ = [
    "expected_support",
    "first_fit_survival",
    "fixation_probability",
    "g_bounds",
    "g_iterates",
    "heterozygosity",
    "survival",
    "survival_method",
    "wright_fisher_eigenvalues",
]

#: largest n of a schedule for which Wright-Fisher matrices are used by default (32 MB)
EXACT_UP_TO = 2000
#: and the most work: multiplications, and rows of matrices that have to be built
EXACT_WORK, EXACT_ROWS = 2e10, 5e5
#: with one n, `backward` takes over from the matrix beyond so many points or multiplications, for so many generations
MATRIX_UP_TO, MATRIX_WORK, LONGEST = 500, 2e8, 200_000


def heterozygosity(p, F):
    r"""Return :math:`E H_t = (1 - F_t)\sum_i p_i(1 - p_i)` for the inbreeding coefficient :math:`F_t` of any regime.

    Parameters
    ----------
    p : (category,) array_like
        Probabilities of the truth.
    F : float or ndarray
        Inbreeding coefficient, such as `inbreeding` returns; the result has its shape.

    Notes
    -----
    Kind: exact. Source: `WF-H` (Wright, Genetics 16:97, 1931), `F-MASTER`, `SED-T1.1` (arXiv 2404.05090).

    Examples
    --------
    >>> round(float(heterozygosity([0.5, 0.5], 0.19)), 12)
    0.405
    """
    p = check.probabilities("p", p)
    return (1 - np.asarray(F, dtype=float)) * float((p * (1 - p)).sum())


def fixation_probability(p):
    r"""Return :math:`P(\text{category } i \text{ is the one left}) = p_{0,i}` under Replace, whatever the sizes.

    Kind: exact, if :math:`\sum 1/n_i = \infty`. Source: `WF-FIX`, `SED-P1` (arXiv 2404.05090),
    `SHU-DISC-ABS`.

    Examples
    --------
    >>> fixation_probability([0.3, 0.7]).tolist()
    [0.3, 0.7]
    """
    return np.array(check.probabilities("p", p))


def wright_fisher_eigenvalues(n: int) -> np.ndarray:
    r"""Return the eigenvalues :math:`\lambda_j = \prod_{i<j}(1 - i/n)`, j = 0 .. n, of the chain with two types.

    Kind: exact. Source: `WF-EIG` (Feller 1951; Ewens, Mathematical Population Genetics, 3.3).

    Examples
    --------
    >>> wright_fisher_eigenvalues(10)[:4].round(12).tolist()
    [1.0, 1.0, 0.9, 0.72]
    """
    n = check.integer("n", n, least=1)
    return np.concatenate([[1.0], np.cumprod(1 - np.arange(n) / n)])


def g_iterates(generations: int) -> np.ndarray:
    r"""Return :math:`g_t`, t = 0 .. T: :math:`g_0 = \infty`, :math:`g_{t+1} = 1 - e^{-g_t}`, so :math:`g_1 = 1`.

    It is the probability that one copy of a rare category has descendants after t - 1 refits; :math:`t g_t
    \to 2`.

    Kind: exact. Source: `SUR-G` (Suresh et al., arXiv 2412.17646).

    Examples
    --------
    >>> g_iterates(2).round(6).tolist()
    [inf, 1.0, 0.632121]
    """
    g = np.full(check.integer("generations", generations, least=0) + 1, np.inf)
    for t in range(1, len(g)):
        g[t] = -np.expm1(-g[t - 1])
    return g


def g_bounds(t):
    r"""Return the bounds :math:`\big(\frac{t+1}2 + \frac{1+\ln t}6\big)^{-1} \le g_t \le \frac2{t+1}`, t >= 1.

    Kind: bound. Source: `SUR-G`; sharper than the published :math:`[1/t, 3/t]` (derived, checked up to t =
    10^6).

    Examples
    --------
    >>> [round(float(g), 4) for g in g_bounds(2)]
    [0.5611, 0.6667]
    """
    t = np.asarray(t, dtype=float)
    if not (t >= 1).all():
        raise ValueError(f"t must be >= 1 (it counts fits), got {t[~(t >= 1)].flat[0]:g}.")
    return 1 / ((t + 1) / 2 + (1 + np.log(t)) / 6), 2 / (t + 1)


# ------------------------------------------------------------------------------------------------- the exact chain


def _binomial(n: int, p: float) -> np.ndarray:
    if p <= 0 or p >= 1:
        return (np.arange(n + 1) == (n if p >= 1 else 0)).astype(float)
    j = np.arange(n)
    return law_from_ratios(n + 1, 0, (n - j) / (j + 1) * (p / (1 - p)))


def _hypergeometric(n: int, count: int, population: int) -> np.ndarray:
    low, high = max(0, n - (population - count)), min(count, n)
    j = np.arange(low, high)
    return law_from_ratios(n + 1, low, (count - j) / (j + 1) * ((n - j) / (population - count - n + j + 1)))


def _step(n: int, m: int) -> np.ndarray:
    """Return the matrix from counts 0 .. n among n to counts 0 .. m among m."""
    return np.stack([_binomial(m, i / n) for i in range(n + 1)])


def _alive(n: int, generations: int) -> np.ndarray:
    """Return P(count > 0 after t - 1 more fits | count i), (n + 1, generations), sizes constant."""
    alive = np.ones((generations, n + 1))
    alive[:, 0] = 0
    if generations > 1:
        step = _step(n, n)
        for t in range(1, generations):
            alive[t] = step @ alive[t - 1]
    return alive.T


def _forward(law: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return P(count > 0) after 1 .. T fits, (T, category), from the laws of the count after one fit; any sizes."""
    out, made, step = np.empty((len(sizes), len(law))), None, None
    for t in range(len(sizes)):
        if t:
            wanted = (int(sizes[t - 1]), int(sizes[t]))
            if wanted != made:
                made, step = wanted, _step(*wanted)
            law = law @ step
        out[t] = law[:, 1:].sum(axis=1)
    return out


def _iterates(sizes: np.ndarray) -> np.ndarray:
    """Return g_t for t = 1 .. T: one copy that is drawn in fit 1 has descendants in fit t, sizes being n_1 .. n_T."""
    T = len(sizes)
    if (sizes == sizes[0]).all():
        return g_iterates(T)[1:]
    g = np.ones(T)
    for i in range(T - 1, 0, -1):  # a copy of fit i has Poisson(n_(i+1) / n_i) copies in the next
        g[i:] = -np.expm1(-sizes[i] / sizes[i - 1] * g[i:])
    return g


# ------------------------------------------------------------------------------------------------- survival


def _counts(p: np.ndarray, sizes: np.ndarray, population) -> np.ndarray | None:
    if population is None:
        return None
    population = check.integer(
        "population", population, least=int(sizes[0]), because="generation 1 takes n of its rows without replacement"
    )
    counts = np.rint(p * population)
    off = np.abs(p * population - counts)
    if off.size and off.max() > 1e-6 * max(1.0, float(counts.max())):
        bad = int(np.argmax(off))
        raise ValueError(
            f"p must be whole numbers of the {population} rows divided by {population} (a row is there or "
            f"not), got {p.flat[bad]:g} at index {bad}."
        )
    return counts.astype(np.int64)


def _sizes(n, generations: int) -> np.ndarray:
    n = tuple(np.asarray(n).tolist()) if np.ndim(n) else n
    return check.sizes("n", check.schedule("n", n), generations)


def survival_method(n, generations: int, categories: int = 1) -> str:
    """Return what ``method="auto"`` of `survival` stands for: "exact" or "asymptotic".

    Exact for any one n, up to 200,000 generations; for a schedule while its sizes are at most 2000 and the chain does
    not take minutes.

    Examples
    --------
    >>> survival_method(10**6, 200), survival_method([10**6, 10**7], 2)
    ('exact', 'asymptotic')
    """
    generations = check.integer("generations", generations, least=0)
    if generations == 0:
        return "exact"
    sizes = _sizes(n, generations)
    largest = int(sizes.max())
    work, rows = largest**2 * generations, largest
    if (sizes == sizes[0]).all():
        if generations <= LONGEST:
            return "exact"
    else:
        work, rows = work * categories, int(sizes.sum())
    return "exact" if largest <= EXACT_UP_TO and work <= EXACT_WORK and rows <= EXACT_ROWS else "asymptotic"


def first_fit_survival(p, n: int, *, population: int | None = None) -> np.ndarray:
    r"""Return the probability that a category is among the n points of the first fit; shape of `p`.

    .. math:: 1 - (1-p)^n, \qquad 1 - \binom{N-c}{n}\Big/\binom Nn

    the second for c = Np of N fixed rows, drawn without replacement. Where the real points are never dropped
    (Accumulate) it is the probability of survival for ever.

    Kind: exact. Source: `SHU-DISC-LOSS` (Shumailov et al., Nature 631:755, corrected).

    Examples
    --------
    >>> first_fit_survival([5e-4], 1000).round(3).tolist()
    [0.394]
    """
    p = _frequencies(p)
    n = check.integer("n", n, least=1)
    counts = _counts(p, np.array([n]), population)
    if counts is None:
        return 0.0 - np.expm1(scipy.special.xlog1py(n, -p))
    missed = np.zeros(int(counts.max(initial=0)) + 1)
    j = np.arange(len(missed) - 1)
    with np.errstate(divide="ignore"):
        missed[1:] = np.cumsum(np.log1p(-np.minimum(1.0, n / (population - j))))
    return 0.0 - np.expm1(missed[counts])


def _frequencies(p) -> np.ndarray:
    p = check.array("p", p, ndim=(0, 1, 2, 3), shape_words="(category,) or any other")
    if p.size and (p.min() < 0 or p.max() > 1):
        raise ValueError(f"p must be probabilities in [0, 1], got {p.min() if p.min() < 0 else p.max():g}.")
    return p


def _continuous(p: np.ndarray, n: int, generations: int, counts: np.ndarray | None, population) -> np.ndarray:
    """Return P(alive) after 1 .. T fits, (T, category), by `backward`; p sorted."""
    out = np.zeros((generations, len(p)))
    there = p > 0
    if counts is None:
        out[:, there] = p[there] * (1 + backward.survival_excess(n, p[there], generations))
        return out
    out[0] = first_fit_survival(p, n, population=population)
    if population == n:  # the first fit is to the rows themselves
        if generations > 1:
            out[1:, there] = p[there] * (1 + backward.survival_excess(n, p[there], generations - 1))
    elif generations > 1 and there.any():
        windows = [backward.hypergeometric_window(n, c, population) for c in counts[there].tolist()]
        laws = np.concatenate([law for _, law in windows])
        values = np.concatenate([low + np.arange(len(law)) for low, law in windows])
        ends = np.cumsum([0, *(len(law) for _, law in windows)])
        needed, where = np.unique(np.maximum(values, 1), return_inverse=True)
        first = scipy.sparse.csr_array((laws * values / n, where, ends), shape=(len(windows), len(needed)))
        out[1:, there] = p[there] + backward.curves(
            n, generations - 1, backward.excess, lambda grid: first @ grid.interpolation(needed / n), full=False
        )
    return out


def survival(p, n, generations: int, *, population: int | None = None, method: str = "auto") -> np.ndarray:
    r"""Return the probability that a category of true frequency p is still there after t = 0 .. T fits, Replace.

    .. math:: P(p_t > 0) = \sum_i \mathrm{Bin}(n, p)(i)\,(P^{t-1}\mathbf 1_{>0})_i \quad\text{(exact)}, \qquad
              \max\{1 - (1 - p\,g_t)^n,\ p\} \quad\text{(asymptotic)}

    where P is the Wright-Fisher matrix and :math:`g_t` are the iterates of `g_iterates`. The asymptotic form
    is a strict lower bound, and is accurate for rare categories while t is much smaller than n. With
    `population` = N fixed rows, c = Np of them in the category, the first fit is hypergeometric, and the
    asymptotic form is :math:`1 - (1 - \frac nN g_t)^c`, that is :math:`1 - e^{-cg_{t-1}}` for N = n.

    Parameters
    ----------
    p : float or array_like
        Frequencies in the truth, any shape.
    n : int or sequence of int
        Points per fit, or a schedule (n_1, .., n_T).
    generations : int
        T.
    population : int, optional
        Number of fixed rows that are the truth; p must then be multiples of 1/N.
    method : {"auto", "exact", "asymptotic"}
        "auto" is what `survival_method` says.

    Returns
    -------
    ndarray, (generations + 1, ...)

    Notes
    -----
    Kind: exact or asymptotic (and a bound), by method. Source: `SUR-T1`, `SUR-COR1` (Suresh et al., arXiv
    2412.17646), `WF-LOSS`; sizes that vary and fixed rows derived. "exact" is exact but for rounding: relative errors
    were below 1e-12. With one n it costs the same for every n (module `backward`, beside the matrix for small n):
    20,000 categories over 100 generations take less than a second. A schedule needs the matrices, n^2 multiplications
    per generation and category.

    Examples
    --------
    >>> survival([0.01], 100, 1).round(6).ravel().tolist()
    [1.0, 0.633968]
    >>> survival([0.01], 100, 3, population=100, method="asymptotic").round(6).ravel().tolist()
    [1.0, 1.0, 0.632121, 0.468536]
    """
    check.choice("method", method, ("auto", "exact", "asymptotic"))
    p = _frequencies(p)
    generations = check.integer("generations", generations, least=0)
    start = (p > 0).astype(float)[None]
    if generations == 0:
        return start
    sizes = _sizes(n, generations)
    flat, back = np.unique(p, return_inverse=True)
    counts = _counts(flat, sizes, population)
    if method == "auto":
        method = survival_method(sizes, generations, len(flat))
    size = int(sizes[0])
    matrix = size <= MATRIX_UP_TO and size**2 * generations <= MATRIX_WORK
    if method == "exact" and (sizes == size).all() and not matrix:
        out = _continuous(flat, size, generations, counts, population)
    elif method == "exact":
        out = np.empty((generations, len(flat)))
        alive = _alive(size, generations) if (sizes == size).all() else None
        chunk = max(1, int(4e6) // (size + 1))  # laws of so many categories fill 32 MB
        for lo in range(0, len(flat), chunk):
            part = slice(lo, lo + chunk)
            first = np.stack(
                [_binomial(size, x) for x in flat[part].tolist()]
                if counts is None
                else [_hypergeometric(size, c, population) for c in counts[part].tolist()]
            )
            out[:, part] = _forward(first, sizes) if alive is None else (first @ alive).T
    else:
        g = _iterates(sizes)[:, None]
        out = (
            -np.expm1(scipy.special.xlog1py(sizes[0], -flat * g))
            if counts is None
            else -np.expm1(scipy.special.xlog1py(counts, -(sizes[0] / population) * g))
        )
        out = np.maximum(out, flat)
    return np.concatenate([start, np.clip(out, 0.0, 1.0)[:, back.reshape(-1)].reshape(-1, *p.shape)])


def expected_support(p, n, generations: int, *, population: int | None = None, method: str = "auto") -> np.ndarray:
    r"""Return the expected number of categories left, :math:`\sum_i P(p_{t,i} > 0)`, t = 0 .. T, under Replace.

    Parameters and kind as for `survival`; `p` has shape (category,). Each category alone is a chain with two
    types, so the sum is exact where its terms are.

    Kind: exact or asymptotic. Source: `SUR-COR1` (Suresh et al., arXiv 2412.17646).

    Examples
    --------
    >>> expected_support([0.25] * 4, 8, 2).round(4).tolist()
    [4.0, 3.5995, 3.0872]
    """
    return survival(p, n, generations, population=population, method=method).sum(axis=-1)
