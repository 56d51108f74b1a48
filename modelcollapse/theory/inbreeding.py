r"""How related are the points a model is fitted to? One number per generation answers for every regime.

Let :math:`\hat P_t` be the training set of generation :math:`t`, and let the model keep its first two
moments: categorical models do, and so does the Gaussian with the ``mle`` variance, and every location-scale
family fitted by moments. New points are i.i.d. draws from the model that makes them, and which points enter
a training set does not depend on their values. Then there is a number :math:`F_t`, which depends on the
regime alone, with

.. math:: E[\mathrm{Var}_{p_t} f] = (1 - F_t)\,\mathrm{Var}_{p_0} f, \qquad
          E[(E_{p_t} f - E_{p_0} f)^2] = F_t\,\mathrm{Var}_{p_0} f .

:math:`F_t` is Wright's inbreeding coefficient: the probability that two draws with replacement from the
training set are copies of, or descend from, one original draw (`F-MASTER` in the catalogue of claims). The
sum of the two moments never changes: spread is not destroyed, it is turned into error of the mean.

**One recursion for all regimes.** Write :math:`C_{ab}` for the covariance of the means of batches :math:`a`
and :math:`b`, :math:`Q_a` for the mean square of a point of batch :math:`a`, both about the true mean and
in units of the true variance, and :math:`D_{ab} = \frac{Q_a + Q_b}2 - C_{ab}` for what is missing from
perfect relatedness. With the weights :math:`w` of the batches in the training set of size :math:`N`,

.. math:: M_t = w^\top C w, \qquad V_t = \frac{N}{\mathrm{div}}\, w^\top D w ,

are the mean squared error of the mean and the expected variance, where ``div`` is :math:`N` (``mle``; then
:math:`M_t = F_t`, :math:`V_t = 1 - F_t`, :math:`Q = 1`) or :math:`N - 1` (``unbiased``). The next batch has
:math:`m` points, :math:`r` of them real and :math:`s` synthetic, each of the latter replaced by a real one
with probability :math:`q`. With :math:`\phi = s(1-q)/m` and :math:`\kappa = s(s-1)(1-q)^2/m^2`

.. math:: Q' = 1 - \phi + \phi (V + M), \quad C' = \frac{Q'}{m} + \kappa M, \quad
          C'_b = \phi \sum_a w_a C_{ab},

and the same for :math:`D`, in which every term is again positive. So both small :math:`F` and small
:math:`1 - F` keep their relative accuracy. Batches that leave together are pooled, hence Accumulate costs
as little as Replace.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from modelcollapse import _validate as check

__all__ = [
    "ACCUMULATE_CONSTANT",
    "SUBSAMPLE_CONSTANT",
    "inbreeding",
    "inbreeding_accumulate",
    "inbreeding_accumulate_limit",
    "inbreeding_fixed_real",
    "inbreeding_fresh_real",
    "inbreeding_mix",
    "inbreeding_one_fresh",
    "inbreeding_replace",
    "inbreeding_sizes",
    "inbreeding_subsample",
    "inbreeding_window",
    "log_retained",
    "moments",
    "retained",
]

#: lim n F under Accumulate: one sixth of pi squared (`RISK-CONST`)
ACCUMULATE_CONSTANT = math.pi**2 / 6
#: lim n F under Subsample (`F-SUB`, `RISK-CONST`)
SUBSAMPLE_CONSTANT = math.pi**2 / 2 - 2
#: deficits are multiplied by 2**RESCALE when the variance falls below 2**-RESCALE, so that they never
#: underflow
RESCALE = 512


# --------------------------------------------------------------------------------------------- the recursion


class _Coefficients:
    """What the recursion needs to know of every new batch, as lists of floats indexed by generation - 1."""

    def __init__(self, plan):
        m, r = plan.batch.astype(float), plan.real.astype(float)
        s, q = plan.synthetic.astype(float), plan.mix
        synthetic = s * (1 - q) / m
        self.size = m.tolist()
        self.synthetic = synthetic.tolist()  # phi
        self.fresh = ((r + s * q) / m).tolist()  # 1 - phi, without a subtraction
        self.pair = (synthetic * np.maximum(s - 1, 0) * (1 - q) / m).tolist()  # kappa
        self.mixed = (synthetic * (r + np.maximum(s - 1, 0) * q) / m).tolist()  # phi (1 - 1/m) - kappa


def _real_batch(size: float, sibling: float) -> tuple[float, float]:
    """C and D of a batch of real points, any two of which have the covariance -`sibling`."""
    return (1 - (size - 1) * sibling) / size, (1 - 1 / size) * (1 + sibling)


def _fit(held: float, drawn: int, unbiased: bool, Q: float, C: float, D: float) -> tuple[float, float, float]:
    """Size, M, V of the fit to a pool, or to `drawn` points of it: mean square Q, covariance C, deficit D."""
    size = held
    if drawn:
        size = float(drawn)
        if held > 1:
            C = Q / size + (1 - 1 / size) * (held * C - Q) / (held - 1)
            D = D * (1 - 1 / size) * held / (held - 1)
    return size, C, D * size / (size - 1) if unbiased else D


def _pooled(plan, unbiased: bool, sibling: float):
    """Run the recursion where all batches but the newest are always pooled: two blocks, all scalars.

    The blocks are the pinned points ``p`` and everything else ``g``. Returns M, V and the binary exponents
    of V.
    """
    T, of = plan.generations, _Coefficients(plan)
    leaves = np.concatenate([[False], np.diff(plan.oldest) > 0]).tolist()
    drawn = plan.drawn.tolist()
    P, G = float(plan.pinned), of.size[0] - plan.pinned
    Cpp, Dpp = _real_batch(P, sibling) if P else (0.0, 0.0)
    Cgg, Dgg = _real_batch(G, sibling) if G else (0.0, 0.0)
    Cgp, Dgp, Qg = (-sibling, 1 + sibling, 1.0) if P else (0.0, 0.0, 1.0)
    M, V, exponent, e = np.empty(T), np.empty(T), np.zeros(T, np.int64), 0
    g = p = Q = mse = var = size = 0.0
    for t in range(T):
        if t:
            phi, fresh, m = of.synthetic[t], of.fresh[t], of.size[t]
            if e and fresh:
                Dgg, Dgp, Dpp, var, e = *(math.ldexp(x, -e) for x in (Dgg, Dgp, Dpp, var)), 0
            excess = var / size if unbiased else 0.0
            Qn = fresh + phi * (Q + math.ldexp(excess, -e))
            Cnn = Qn / m + of.pair[t] * mse
            Dnn = phi * (1 - 1 / m) * var
            Dng, Dnp = phi * (g * Dgg + p * Dgp + excess / 2), phi * (g * Dgp + p * Dpp + excess / 2)
            Cng, Cnp = phi * (g * Cgg + p * Cgp), phi * (g * Cgp + p * Cpp)
            if fresh:
                Dnn += (1 - 1 / m) * fresh + of.mixed[t] * mse
                Dng += fresh * (1 + Qg) / 2
                Dnp += fresh
            if leaves[t]:
                G, Qg, Cgg, Dgg, Cgp, Dgp = m, Qn, Cnn, Dnn, Cnp, Dnp
            else:
                v, w = G / (G + m), m / (G + m)
                Cgg = v * v * Cgg + 2 * v * w * Cng + w * w * Cnn
                Dgg = v * v * Dgg + 2 * v * w * Dng + w * w * Dnn
                G, Qg, Cgp, Dgp = G + m, v * Qg + w * Qn, v * Cgp + w * Cnp, v * Dgp + w * Dnp
        held = G + P
        g, p = G / held, P / held
        Q = g * Qg + p
        size, mse, var = _fit(
            held,
            drawn[t],
            unbiased,
            Q,
            g * g * Cgg + 2 * g * p * Cgp + p * p * Cpp,
            g * g * Dgg + 2 * g * p * Dgp + p * p * Dpp,
        )
        if 0 < var < 2.0**-RESCALE:
            Dgg, Dgp, Dpp, var = (math.ldexp(x, RESCALE) for x in (Dgg, Dgp, Dpp, var))
            e += RESCALE
        M[t], V[t], exponent[t] = mse, var, e
    return M, V, exponent


def _windowed(plan, unbiased: bool, sibling: float):
    """Run the recursion with one block per group of batches that leave together; return as `_pooled` does."""
    T, of = plan.generations, _Coefficients(plan)
    leave = np.searchsorted(plan.oldest, np.arange(1, T + 1) + 1)  # first index t without it; T: never
    first = [(float(plan.pinned), T), (of.size[0] - plan.pinned, int(leave[0]))]
    first = [block for block in first if block[0]]
    sizes, gone = np.array([b[0] for b in first]), np.array([b[1] for b in first])
    C, D = np.full((len(first),) * 2, 0.0 - sibling), np.full((len(first),) * 2, 1.0 + sibling)
    for a, (points, _) in enumerate(first):
        C[a, a], D[a, a] = _real_batch(points, sibling)
    Q, w = np.ones(len(first)), np.empty(0)
    M, V, exponent, e = np.empty(T), np.empty(T), np.zeros(T, np.int64), 0
    mse = var = mean_square = size = 0.0
    for t in range(T):
        if t:
            phi, fresh, m = of.synthetic[t], of.fresh[t], of.size[t]
            if e and fresh:
                D, var, e = np.ldexp(D, -e), math.ldexp(var, -e), 0
            excess = var / size if unbiased else 0.0
            Qn = fresh + phi * (mean_square + math.ldexp(excess, -e))
            Cnn, Cn = Qn / m + of.pair[t] * mse, phi * (w @ C)
            Dnn, Dn = phi * (1 - 1 / m) * var, phi * (w @ D + excess / 2)
            if fresh:
                Dnn += (1 - 1 / m) * fresh + of.mixed[t] * mse
                Dn = Dn + fresh * (1 + Q) / 2
            stay = gone > t
            if not stay.all():
                sizes, gone, Q, Cn, Dn = sizes[stay], gone[stay], Q[stay], Cn[stay], Dn[stay]
                C, D = C[np.ix_(stay, stay)], D[np.ix_(stay, stay)]
            C, D = (
                np.block([[X, x[:, None]], [x[None, :], np.array([[own]])]])
                for X, x, own in ((C, Cn, Cnn), (D, Dn, Dnn))
            )
            sizes, gone, Q = np.append(sizes, m), np.append(gone, leave[t]), np.append(Q, Qn)
            if len(gone) > 1 and gone[-1] == gone[-2]:
                pool = np.eye(len(gone))[:-1]
                pool[-1, -2:] = sizes[-2:] / sizes[-2:].sum()
                C, D, Q = pool @ C @ pool.T, pool @ D @ pool.T, pool @ Q
                sizes, gone = np.append(sizes[:-2], sizes[-2:].sum()), gone[:-1]
        held = sizes.sum()
        w = sizes / held
        mean_square = float(w @ Q)
        size, mse, var = _fit(held, int(plan.drawn[t]), unbiased, mean_square, float(w @ C @ w), float(w @ D @ w))
        if 0 < var < 2.0**-RESCALE:
            D, var, e = np.ldexp(D, RESCALE), math.ldexp(var, RESCALE), e + RESCALE
        M[t], V[t], exponent[t] = mse, var, e
    return M, V, exponent


def written_out(regime, generations: int):
    """Return the plan of a regime whose points all enter the training set as they are, with the same weight."""
    if getattr(regime, "curation", None) or getattr(regime, "real_weight", None) is not None:
        raise ValueError(
            "regime must leave its points as they are, all of the same weight (what is known of selection, detection "
            f"and temperature is found in the functions of modelcollapse.theory), got {regime}."
        )
    return regime.plan(generations)


def _run(regime, generations: int, estimator: str, population: int | None):
    generations = check.integer("generations", generations, least=0)
    check.choice("estimator", estimator, ("unbiased", "mle"))
    if generations == 0:
        return np.zeros(1), np.ones(1), np.zeros(1, np.int64)
    plan = written_out(regime, generations)
    sibling = 0.0
    if population is not None:
        population = check.integer("population", population, least=2, because="one fixed row has no variance")
        if plan.real[0] > population:
            raise ValueError(
                f"population must be >= {int(plan.real[0])} (generation 1 takes that many of its "
                f"rows without replacement), got {population}."
            )
        sibling = 1 / (population - 1)
    if estimator == "unbiased" and plan.size.min() < 2:
        t = int(np.argmin(plan.size)) + 1
        raise ValueError(
            "n must be >= 2 in every generation (the unbiased variance divides by n - 1), "
            f"got {int(plan.size[t - 1])} at generation {t}."
        )
    M, V, exponent = (_windowed if plan.ring else _pooled)(plan, estimator == "unbiased", sibling)
    return np.concatenate([[0.0], M]), np.concatenate([[1.0], V]), np.concatenate([[0], exponent])


def inbreeding(regime, generations: int, *, population: int | None = None) -> np.ndarray:
    r"""Return the inbreeding coefficient :math:`F_t` of any regime, t = 0 .. T, by one linear recursion.

    .. math:: E\sigma_t^2 = (1 - F_t)\sigma_0^2, \quad E(\mu_t - \mu_0)^2 = F_t\sigma_0^2, \quad
              E H_t = (1 - F_t) H_0

    for categorical models, the Gaussian with ``estimator="mle"``, and families fitted by moments.

    Parameters
    ----------
    regime : Regime
        Anything with a method ``plan(generations)``.
    generations : int
        T >= 0.
    population : int, optional
        Number N of fixed real rows. The truth is then their empirical law and batch 1 is drawn from them
        without replacement (N = n: it is the rows, and F_1 = 0); later real points are i.i.d. draws from
        the truth. By default real points are i.i.d. throughout.

    Returns
    -------
    ndarray, (generations + 1,)
        F, with F[0] = 0; relative accuracy is kept where F is small.

    Notes
    -----
    Kind: exact. Source: `F-MASTER` (derived; Wright 1931 and others for special cases). Cost: O(T) unless
    batches leave one at a time from a window of k, then O(T k^2).

    Examples
    --------
    >>> from modelcollapse.regimes import Accumulate, Replace
    >>> inbreeding(Replace(n=10), 2).round(6).tolist()
    [0.0, 0.1, 0.19]
    >>> inbreeding(Accumulate(n=10), 2).round(6).tolist()
    [0.0, 0.1, 0.1225]
    >>> inbreeding(Replace(n=10), 2, population=10).round(6).tolist()
    [0.0, 0.0, 0.1]
    """
    return _run(regime, generations, "mle", population)[0]


def retained(regime, generations: int, *, population: int | None = None) -> np.ndarray:
    r"""Return :math:`1 - F_t`, the expected share of variance or heterozygosity that is left.

    There is no cancellation. Parameters and kind as in `inbreeding`; shape (generations + 1,). It underflows
    to zero where `log_retained` does not.

    Examples
    --------
    >>> from modelcollapse.regimes import Replace
    >>> (retained(Replace(n=2), 100)[-1] * 2.0**100).item()
    1.0
    """
    _, V, exponent = _run(regime, generations, "mle", population)
    return np.ldexp(V, -exponent)


def log_retained(regime, generations: int, *, population: int | None = None) -> np.ndarray:
    r"""Return :math:`\ln(1 - F_t)`, which does not underflow; parameters, shape and kind as in `inbreeding`.

    Examples
    --------
    >>> from modelcollapse.regimes import Replace
    >>> log_retained(Replace(n=100), 100_000)[-1].round(6).item()
    -1005.033585
    """
    _, V, exponent = _run(regime, generations, "mle", population)
    with np.errstate(divide="ignore"):
        return np.log(V) - exponent * math.log(2)


def moments(
    regime, generations: int, *, estimator: str, population: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the expected variance and the mean squared error of the mean: either estimator, any regime.

    For ``mle`` these are :math:`1 - F_t` and :math:`F_t`. For ``unbiased`` the pooled variance of related
    points is not unbiased: the first moments still close, with :math:`V_t = \frac{N}{N-1} w^\top D w` fed
    back into the mean squares of the next batch. In d dimensions :math:`E\Sigma_t = V_t\Sigma_0` and
    :math:`E\|\mu_t-\mu_0\|^2 = M_t\,\mathrm{tr}\,\Sigma_0`.

    Parameters
    ----------
    regime, generations, population
        As in `inbreeding`.
    estimator : {"unbiased", "mle"}
        Divisor N - 1 or N, where N is the number of points of the fit.

    Returns
    -------
    variance, mean_squared_error : ndarray, (generations + 1,)
        In units of the true variance (of the fixed rows with divisor N, if `population` is given).

    Notes
    -----
    Kind: exact; no normality is needed. Source: derived; `F-MASTER`, consequence 4, and
    `mad-fresh-loop-moments` (sampling bias 1), which it generalises to every regime.

    Examples
    --------
    >>> from modelcollapse.regimes import Accumulate, Replace
    >>> variance, error = moments(Replace(n=10), 3, estimator="unbiased")
    >>> variance.round(12).tolist(), error.round(12).tolist()
    ([1.0, 1.0, 1.0, 1.0], [0.0, 0.1, 0.2, 0.3])
    >>> moments(Accumulate(n=10), 2, estimator="unbiased")[0].round(6).tolist()
    [1.0, 1.0, 0.973684]
    """
    M, V, exponent = _run(regime, generations, estimator, population)
    return np.ldexp(V, -exponent), M


# ---------------------------------------------------------------------------------------- named closed forms


def _positive(name: str, value, least: float = 1) -> np.ndarray:
    out = np.asarray(value, dtype=float)
    if not (out >= least).all():
        raise ValueError(f"{name} must be >= {least:g}, got {out[~(out >= least)].flat[0]:g}.")
    return out


def _geometric(first, gap, t):
    """Return first * (1 - x**t) / (1 - x) with 1 - x = gap: a geometric series, t = inf included."""
    gap = np.minimum(gap, 1.0)  # a sum of rounded parts may exceed 1 where nothing is kept
    return first * (0.0 - np.expm1(scipy.special.xlog1py(t, -gap))) / gap


def inbreeding_replace(n, t):
    r"""Return :math:`F_t = 1 - (1 - 1/n)^t` of Replace; `n` and `t` broadcast.

    Kind: exact. Source: `F-REP`; Wright, Genetics 16:97 (1931); Seddik et al., arXiv 2404.05090.

    Examples
    --------
    >>> inbreeding_replace(10, 2).round(12).item()
    0.19
    """
    return 0.0 - np.expm1(scipy.special.xlog1py(_positive("t", t, 0), -1 / _positive("n", n)))


def inbreeding_sizes(sizes):
    r"""Return :math:`F_t = 1 - \prod_{i\le t}(1 - 1/n_i)`, t = 0 .. T, of Replace with sizes (n_1, .., n_T).

    `sizes` has shape (..., T), the result (..., T + 1). It stays below 1 iff :math:`\sum 1/n_i < \infty` (all
    :math:`n_i \ge 2`), and :math:`n_i = n i^2` gives the curve of Accumulate (`F-QUAD`).

    Kind: exact. Source: `F-REPVAR` (derived).

    Examples
    --------
    >>> inbreeding_sizes([10, 20]).round(12).tolist()
    [0.0, 0.1, 0.145]
    """
    sizes = _positive("sizes", sizes)
    with np.errstate(divide="ignore"):
        steps = np.cumsum(np.log1p(-1 / sizes), axis=-1)
    return 0.0 - np.expm1(np.concatenate([np.zeros((*sizes.shape[:-1], 1)), steps], axis=-1))


def _log_product(offset, n, last):
    """Return the sum over i = 1 .. last of log(1 - 1 / (n (offset + i)^2)): sixteen, then Hurwitz zeta."""
    total = np.zeros(np.broadcast_shapes(np.shape(offset), np.shape(n), np.shape(last)))
    explicit = 16
    with np.errstate(divide="ignore"):
        for i in range(1, explicit + 1):
            total = total + np.where(last >= i, np.log1p(-1 / (n * (offset + i) ** 2)), 0.0)
    tail = np.zeros_like(total)
    far = np.maximum(last, explicit)
    ends = np.isfinite(far)
    for k in range(1, 9):  # 17**-16 is below the rounding of the first term
        rest = np.where(ends, scipy.special.zeta(2 * k, offset + np.where(ends, far, 0.0) + 1), 0.0)
        tail = tail - (scipy.special.zeta(2 * k, offset + explicit + 1) - rest) / (k * n ** float(k))
    return total + tail


def inbreeding_accumulate(n, t, *, n_real=None):
    r"""Return :math:`F_t` of Accumulate, `n` points per batch and `n_real` real ones (default n); broadcasts.

    .. math:: 1 - F_t = \Big(1 - \frac1{n_0}\Big) \prod_{i=1}^{t-1} \Big(1 - \frac{n}{(n_0 + n i)^2}\Big),
              \qquad n_0 = n:\ \prod_{i=1}^{t}\Big(1 - \frac1{n i^2}\Big)

    Kind: exact. Source: `F-ACC` (Kazdan et al., arXiv 2410.16713, for the univariate Gaussian limit),
    `F-ACC0` (derived). ``t = inf`` is allowed: see `inbreeding_accumulate_limit`.

    Examples
    --------
    >>> inbreeding_accumulate(10, 2).round(12).item()
    0.1225
    >>> inbreeding_accumulate(3, 2, n_real=7).round(6).item()
    0.168571
    """
    n, t = _positive("n", n), _positive("t", t, 0)
    n_real = n if n_real is None else _positive("n_real", n_real)
    with np.errstate(divide="ignore"):
        first = np.log1p(-1 / n_real)
    out = -np.expm1(first + _log_product(n_real / n, n, np.maximum(t - 1, 0)))
    return np.where(t == 0, 0.0, out)[()]


def inbreeding_accumulate_limit(n, *, n_real=None):
    r"""Return :math:`F_\infty` of Accumulate: spread is lost, but never all of it; arguments broadcast.

    .. math:: n_0 = n:\ 1 - \frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}; \qquad
              1 - F_\infty = \Big(1 - \frac1{n_0}\Big)
              \frac{\Gamma(1+\rho)^2}{\Gamma(1+\rho-s)\,\Gamma(1+\rho+s)}, \quad \rho = \frac{n_0}{n},\ s =
              n^{-1/2}

    so :math:`n F_\infty \to \pi^2/6`, and for n = 1 (Pólya's urn) :math:`F_\infty = 2/(n_0 + 1)`. Computed
    from the product, because one minus these ratios cancels when n is large.

    Kind: exact. Source: `F-ACC`, `F-ACC0`, `F-POLYA`.

    Examples
    --------
    >>> (10 * inbreeding_accumulate_limit(10)).round(5).item()
    1.56564
    >>> inbreeding_accumulate_limit(1, n_real=5).round(12).item()
    0.333333333333
    """
    return inbreeding_accumulate(n, np.inf, n_real=n_real)


def inbreeding_subsample(n: int, generations: int) -> np.ndarray:
    r"""Return :math:`F_t`, t = 0 .. T, of Subsample with constant n (pool of tn points, n of them drawn).

    .. math:: E W_1 = 1 - \frac1n, \quad E W_{t+1} = E W_t\Big[1 - \frac{2t-1-t/n}{(tn-1)(t+1)^2}\Big], \quad
              1 - F_t = E W_t\,\frac{t(n-1)}{tn-1}

    :math:`W_t` is the variance of the pool; :math:`n F_\infty \to \pi^2/2 - 2` (`SUBSAMPLE_CONSTANT`).

    Kind: exact. Source: `F-SUB` (plan: Kazdan et al., arXiv 2410.16713; formula derived). Needs n >= 2.

    Examples
    --------
    >>> inbreeding_subsample(10, 2).round(6).tolist()
    [0.0, 0.1, 0.168684]
    """
    n = check.integer("n", n, least=2, because="one point has no variance")
    t = np.arange(1, check.integer("generations", generations, least=1) + 1, dtype=float)
    loss = np.log1p(-(2 * t - 1 - t / n) / ((t * n - 1) * (t + 1) ** 2))[:-1]
    pool = np.log1p(-1 / n) + np.concatenate([[0.0], np.cumsum(loss)])
    return np.concatenate([[0.0], -np.expm1(pool + np.log1p(-(t - 1) / (t * n - 1)))])


def inbreeding_fixed_real(n, n_real, t):
    r"""Return :math:`F_t` of FixedReal, N = `n_real` kept points and `n` of the last model; broadcasts.

    .. math:: F_t = F_\infty - (F_\infty - \tfrac1N)\,b^{t-1}, \quad
              F_\infty = \frac{1+2\alpha}{N(1+\alpha)+\alpha}, \quad \alpha = \frac{n}{N+n},\ b =
              \alpha^2\Big(1 - \frac1n\Big)

    :math:`N F_\infty \to (1+2\alpha)/(1+\alpha) \le 3/2`: fixed real data bound the error, and cost at most
    half again. ``t = inf`` is allowed.

    Kind: exact. Source: `F-FIX`; Seddik et al., arXiv 2404.05090, Theorem 2 with its sign corrected
    (`SED-T2`).

    Examples
    --------
    >>> inbreeding_fixed_real(10, 10, 2).round(12).item()
    0.1225
    """
    n, N, t = _positive("n", n), _positive("n_real", n_real), _positive("t", t, 0)
    alpha = n / (N + n)
    limit = (1 + 2 * alpha) / (N * (1 + alpha) + alpha)
    # b by the logarithms of what it lacks to 1: a power of b itself would lose as many digits as t has
    later = np.maximum(t - 1, 0)
    decay = np.exp(2 * scipy.special.xlog1py(later, -N / (N + n)) + scipy.special.xlog1py(later, -1 / n))
    return np.where(t == 0, 0.0, limit - (limit - 1 / N) * decay)[()]


def inbreeding_fresh_real(n, n_real, t):
    r"""Return :math:`F_t` of FreshReal, `n_real` = r new real points among n; broadcasts, t = inf allowed.

    .. math:: F_t = \frac1n\,\frac{1 - x^t}{1 - x}, \quad x = (1-m)^2 - \frac{1-m}{n}, \quad m = \frac rn

    Kind: exact. Source: `F-FRESH` (derived).

    Examples
    --------
    >>> inbreeding_fresh_real(10, 5, float("inf")).round(12).item()
    0.125
    """
    n, r, t = _positive("n", n), _positive("n_real", n_real, 0), _positive("t", t, 0)
    if not (r <= n).all():
        raise ValueError("n_real must be <= n (they are some of the n points).")
    m = r / n
    return _geometric(1 / n, m * (2 - m) + (1 - m) / n, t)


def inbreeding_one_fresh(n):
    r"""Return :math:`F_\infty = 1/(3 - 2/n)` of FreshReal with one real point: 2/3 of the variance stays.

    Kind: exact. Source: `F-ONE` (derived; the rule is in Jangjoo et al., arXiv 2506.20623).

    Examples
    --------
    >>> inbreeding_one_fresh(10).round(6).item()
    0.357143
    """
    return np.float64(1) / (3 - 2 / _positive("n", n))


def inbreeding_mix(n, real_fraction, t):
    r"""Return :math:`F_t` of Mix, each point real with probability m; broadcasts, t = inf allowed.

    .. math:: F_t = \frac1n\,\frac{1 - x^t}{1 - x}, \quad x = \Big(1 - \frac1n\Big)(1-m)^2, \qquad
              F_\infty = \frac1{n - (n-1)(1-m)^2}

    Kind: exact. Source: `F-MIX`, `WF-MIG` (Wright 1931), `BC-REC` (Bakshi and Chakraborty, arXiv 2602.10531).

    Examples
    --------
    >>> inbreeding_mix(20, 0.2, float("inf")).round(6).item()
    0.127551
    """
    n, m, t = _positive("n", n), _positive("real_fraction", real_fraction, 0), _positive("t", t, 0)
    if not (m <= 1).all():
        raise ValueError("real_fraction must be a probability in [0, 1].")
    return _geometric(1 / n, 1 / n + (1 - 1 / n) * m * (2 - m), t)


def inbreeding_window(n: int, k: int, generations: int) -> np.ndarray:
    r"""Return :math:`F_t`, t = 0 .. T, of a window of `k` batches of n that begins with k *real* batches.

    .. math:: D'_{00} = (1 - \tfrac1n)\bar D, \quad D'_{0j} = \frac1k\sum_i D_{i,j-1}, \quad
              D'_{ij} = D_{i-1,j-1}, \quad 1 - F = \bar D

    where :math:`\bar D` is the mean of all entries. The regime ``Window`` begins with one real batch
    instead; for it use `inbreeding`. In the long run :math:`1 - F_t` falls by a factor of about
    :math:`e^{-4/(n(k+1)^2)}` each time.

    Kind: exact. Source: `F-WIN`, `F-WIN-R` (derived).

    Examples
    --------
    >>> inbreeding_window(4, 3, 2).round(6).tolist()
    [0.0, 0.083333, 0.127315]
    """
    n, k = check.integer("n", n, least=1), check.integer("k", k, least=1)
    D = np.ones((k, k)) - np.eye(k) / n
    F = np.zeros(check.integer("generations", generations, least=1) + 1)
    for t in range(1, len(F)):
        F[t] = 1 - D.mean()
        new = np.empty_like(D)
        new[0, 0] = (1 - 1 / n) * D.mean()
        new[0, 1:] = new[1:, 0] = D.mean(axis=0)[:-1]
        new[1:, 1:] = D[:-1, :-1]
        D = new
    return F
