r"""What if not everything is replaced? Immigrants, smoothing, urns, and corpora of which only a part is renewed.

A trickle of real data turns collapse into a balance. If each of the n points is an immigrant from the truth with
probability m, frequencies settle into a stationary law with mean p_0 and variance :math:`F\,p_0(1-p_0)`, where
Wright's :math:`F_{ST} = 1/(n - (n-1)(1-m)^2) \approx 1/(1 + 2nm)` depends on the *number* nm of immigrants per
generation and hardly on n. Additive smoothing is immigration without noise. Keeping all that ever was drawn is
Pólya's urn: frequencies freeze at a random place. Replacing a fraction alpha of a corpus per step is drift with a
larger population. Haploid convention: n points are n gene copies.
"""

from __future__ import annotations

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.theory.inbreeding import inbreeding_accumulate, inbreeding_mix
from modelcollapse.theory.wright_fisher import SOLVE_UP_TO, wright_fisher_matrix

__all__ = [
    "effective_size_partial",
    "inbreeding_partial",
    "inbreeding_recursive",
    "inbreeding_smoothing",
    "linear_functional_variance",
    "migration_law",
    "migration_law_diffusion",
    "migration_variance",
    "multinomial_risk",
    "partial_replacement_variance",
    "polya_heterozygosity",
    "polya_limit",
    "polya_product",
    "singleton_dropout",
]


def _array(name: str, value, *, above: float | None = None, least: float | None = None, most: float | None = None):
    """Return `value` as finite floats in the range; t = inf is checked apart."""
    value = check.array(name, value, ndim=tuple(range(6)), shape_words="any")
    rules = [f"> {above:g}"] if above is not None else []
    rules += [f">= {least:g}"] if least is not None else []
    rules += [f"<= {most:g}"] if most is not None else []
    bad = np.zeros(value.shape, bool)
    bad |= value <= above if above is not None else False
    bad |= value < least if least is not None else False
    bad |= value > most if most is not None else False
    if bad.any():
        raise ValueError(f"{name} must be {' and '.join(rules)}, got {value[bad].flat[0]:g}.")
    return value


def _times(t) -> np.ndarray:
    t = np.asarray(t, dtype=float)
    if not (t >= 0).all():
        raise ValueError(f"t must be >= 0 (generation 0 is the truth), got {t[~(t >= 0)].flat[0]:g}.")
    return t


# ------------------------------------------------------------------------------------------------- immigration


def migration_variance(p, n, migration, t=np.inf):
    r"""Return the variance :math:`p(1-p)F_t` of a frequency with immigration; for t = inf :math:`F = F_{ST}`.

    .. math:: F_t = \frac1n \frac{1 - x^t}{1 - x}, \quad x = \Big(1 - \frac1n\Big)(1-m)^2, \qquad
              F_{ST} = \frac1{n - (n-1)(1-m)^2} \approx \frac1{1 + 2nm}

    Parameters
    ----------
    p, n, migration, t : float or array_like
        Frequency in the truth, points per fit (>= 1), probability m that a point is real, generation (inf allowed);
        they broadcast.

    Returns
    -------
    ndarray or float

    Notes
    -----
    Kind: exact. Source: `WF-MIG` (Wright 1931), `F-MIX`. ``inbreeding_mix(n, m, inf)`` is F_ST itself. ValueError
    outside the domain.

    Examples
    --------
    >>> round(float(migration_variance(0.3, 200, 0.01)), 6)
    0.042338
    """
    p = _array("p", p, least=0, most=1)
    return (
        p
        * (1 - p)
        * inbreeding_mix(_array("n", n, least=1), _array("migration", migration, least=0, most=1), _times(t))
    )


def migration_law(p: float, n: int, migration: float) -> np.ndarray:
    r"""Return the stationary law of the count of a category of frequency p in the truth, with immigration.

    The left eigenvector of `wright_fisher_matrix` with immigrants: mean np, variance :math:`n^2p(1-p)F_{ST}`.

    Parameters
    ----------
    p : float
        Frequency in the truth, in [0, 1].
    n : int
        Points per fit, 1 <= n <= 2000.
    migration : float
        Probability that a point is real, in (0, 1].

    Returns
    -------
    ndarray, (n + 1,)

    Notes
    -----
    Kind: exact. Source: `WF-MIG` (Wright 1931); numerical solution derived.

    Examples
    --------
    >>> law = migration_law(0.3, 200, 0.01)
    >>> x = np.arange(201) / 200
    >>> round(float(law @ x), 6), round(float(law @ (x - 0.3) ** 2), 6)
    (0.3, 0.042338)
    """
    n = check.integer("n", n, least=1, most=SOLVE_UP_TO, because="the matrix is solved; see migration_law_diffusion")
    p = check.probability("p", p)
    m = check.number("migration", migration, above=0.0, most=1.0, because="without immigrants there is only absorption")
    balance = (wright_fisher_matrix(n, migration=m, source=p) - np.eye(n + 1)).T
    balance[n // 2] = 1.0  # one equation follows from the others: sum to one instead
    right = np.zeros(n + 1)
    right[n // 2] = 1.0
    law = np.maximum(np.linalg.solve(balance, right), 0.0)
    return law / law.sum()


def migration_law_diffusion(p, n: float, migration: float, *, match: bool = False):
    r"""Return the stationary law of frequencies with immigration, Beta or Dirichlet, as a frozen scipy distribution.

    .. math:: \mathrm{Beta}(\theta p,\ \theta(1-p)), \qquad \mathrm{Dirichlet}(\theta p), \qquad \theta = 2nm

    Parameters
    ----------
    p : float or (category,) array_like
        Frequency in the truth, in (0, 1), for a Beta law of it; or all of them for a Dirichlet law.
    n : float
        Points per fit, >= 1.
    migration : float
        Probability m that a point is real, in (0, 1].
    match : bool
        Take :math:`\theta = 1/F_{ST} - 1` instead, so that the variance is the exact one; needs n > 1.

    Returns
    -------
    scipy.stats frozen distribution
        With pdf, cdf (Beta), rvs, mean, var.

    Notes
    -----
    Kind: asymptotic (n to infinity, nm fixed). Source: `WF-MIG` (Wright 1931).

    Examples
    --------
    >>> law = migration_law_diffusion(0.3, 200, 0.01, match=True)
    >>> round(float(law.var()), 6)
    0.042338
    >>> migration_law_diffusion([0.2, 0.3, 0.5], 200, 0.01).mean().tolist()
    [0.2, 0.3, 0.5]
    """
    n = check.number("n", n, least=1)
    m = check.number("migration", migration, above=0.0, most=1.0, because="without immigrants there is only absorption")
    theta = 2 * n * m
    if match:
        theta = (n - 1) * m * (2 - m)  # 1/F - 1
        if theta == 0:
            raise ValueError("n must be > 1 if the variance is to be matched (one point is always at an end), got 1.")
    if np.ndim(p) == 0:
        p = check.number("p", p, above=0.0, most=1.0)
        if p == 1:
            raise ValueError("p must be in (0, 1) (at the ends nothing varies), got 1.")
        return scipy.stats.beta(theta * p, theta * (1 - p))
    p = check.probabilities("p", p, least_length=2)
    if not (p > 0).all():
        raise ValueError(
            f"p must be > 0 (leave out categories that are not there), got 0 at index {int(np.argmin(p))}."
        )
    return scipy.stats.dirichlet(theta * p)


def linear_functional_variance(variance, n, real_fraction=0.0, t=np.inf):
    r"""Return :math:`\mathrm{Var}\int f\,dp_t = F_t\,\mathrm{Var}_{p_0} f` of the empirical law as a random measure.

    With a fraction m of fresh real points the measure-valued chain has a stationary law that is not degenerate, with
    :math:`F_\infty = F_{ST} < 1`; without, it is a martingale with :math:`F_\infty = 1`: the limit is a point mass
    whose place has the law p_0, so that :math:`\int f\,dp_\infty = f(X)`, X from p_0.

    Parameters
    ----------
    variance : float or array_like
        :math:`\mathrm{Var}_{p_0} f`, >= 0.
    n, real_fraction, t : float or array_like
        Points per fit, m, generation (inf allowed); they broadcast.

    Notes
    -----
    Kind: exact. Source: `BOR-1`, `BOR-2` (Borkar, arXiv 2506.09401; quantified by `F-MIX`, `SHU-DISC-ABS`).

    Examples
    --------
    >>> float(linear_functional_variance(2.0, 50)), round(float(linear_functional_variance(2.0, 20, 0.2)), 6)
    (2.0, 0.255102)
    """
    variance = _array("variance", variance, least=0)
    n, m = _array("n", n, least=1), _array("real_fraction", real_fraction, least=0, most=1)
    return variance * inbreeding_mix(n, m, _times(t))


def inbreeding_smoothing(n, strength, t):
    r"""Return :math:`F_t` of smoothing towards the truth, :math:`p_t = (n\hat p_t + A p_0)/(n + A)`; broadcasts.

    .. math:: F_t = (1-m)^2\Big[\frac1n + \Big(1 - \frac1n\Big)F_{t-1}\Big], \quad m = \frac A{n+A}, \qquad
              F_\infty = \frac1{n/(1-m)^2 - n + 1}

    F is the relative variance of the smoothed p_t: :math:`E\sum p_{t,i}^2 = S_0 + F_t(1 - S_0)`. t = inf is allowed.

    Parameters
    ----------
    n, strength, t : float or array_like
        Points per fit (>= 1), pseudo-counts A >= 0 in all, generation.

    Notes
    -----
    Kind: exact. Source: `F-SMOOTH` (derived).

    Examples
    --------
    >>> round(float(inbreeding_smoothing(5, 2, float("inf"))), 6)
    0.172414
    """
    n, strength, t = _array("n", n, least=1), _array("strength", strength, least=0), _times(t)
    m, kept = strength / (n + strength), n / (n + strength)
    gap = np.minimum(1 / n + (1 - 1 / n) * m * (2 - m), 1.0)  # 1 - x, x = (1 - 1/n)(1 - m)^2
    with np.errstate(divide="ignore"):
        return (kept**2 / n * -np.expm1(scipy.special.xlog1py(t, -gap)) / gap)[()]


def inbreeding_recursive(sizes, real_fractions) -> np.ndarray:
    r"""Return :math:`F_t`, t = 0 .. T, for n_t draws from :math:`\alpha_t p_0 + (1-\alpha_t)p_{t-1}` in generation t.

    .. math:: F_t = \frac1{n_t} + \Big(1 - \frac1{n_t}\Big)(1 - \alpha_t)^2 F_{t-1}, \qquad F_0 = 0

    It goes to zero if :math:`\sum\alpha_t = \infty` and :math:`n_t\alpha_t \to \infty`.

    Parameters
    ----------
    sizes : (T,) array_like
        n_t >= 1.
    real_fractions : (T,) array_like
        alpha_t in [0, 1]; the first does not matter.

    Returns
    -------
    ndarray, (T + 1,)

    Notes
    -----
    Kind: exact. Source: `BC-REC` (Bakshi and Chakraborty, arXiv 2602.10531, whose generation 0 is the first fit).

    Examples
    --------
    >>> inbreeding_recursive([5, 8], [1.0, 0.5]).round(6).tolist()
    [0.0, 0.2, 0.16875]
    """
    sizes = check.array("sizes", sizes, ndim=1, shape_words="(generation,)")
    fractions = check.array("real_fractions", real_fractions, ndim=1, shape_words="(generation,)")
    if sizes.shape != fractions.shape:
        raise ValueError(
            f"real_fractions must have one entry per generation, as sizes has ({len(sizes)}), got {len(fractions)}."
        )
    sizes, fractions = _array("sizes", sizes, least=1), _array("real_fractions", fractions, least=0, most=1)
    F = np.zeros(len(sizes) + 1)
    for t, (n, alpha) in enumerate(zip(sizes.tolist(), fractions.tolist(), strict=True)):
        F[t + 1] = 1 / n + (1 - 1 / n) * (1 - alpha) ** 2 * F[t]
    return F


def multinomial_risk(p, sizes, real_fractions) -> np.ndarray:
    r"""Return :math:`R_t = E\|p_t - p_0\|_2^2 = F_t(1 - \sum_i p_{0,i}^2)`, t = 0 .. T, F of `inbreeding_recursive`.

    Equivalent to the published :math:`R_t = \frac{n_0}{n_t}R_0 + \frac{n_t - 1}{n_t}(1-\alpha_t)^2R_{t-1}` in which
    generation 0 is the first fit. Parameters as there, and `p` (category,).

    Kind: exact. Source: `BC-REC` (Bakshi and Chakraborty, arXiv 2602.10531).

    Examples
    --------
    >>> multinomial_risk([0.5, 0.5], [5, 8], [1.0, 0.5]).round(6).tolist()
    [0.0, 0.1, 0.084375]
    """
    p = check.probabilities("p", p)
    return inbreeding_recursive(sizes, real_fractions) * float((p * (1 - p)).sum())


# ------------------------------------------------------------------------------------------------- urns


def polya_limit(counts):
    r"""Return the law of the frequencies after endless single draws that are put back twice: Dirichlet(counts).

    Parameters
    ----------
    counts : (category,) array_like
        Counts of the real points, all > 0, at least two categories.

    Returns
    -------
    scipy.stats frozen Dirichlet distribution
        A single frequency is Beta(c, n_0 - c), of variance :math:`\hat p(1-\hat p)/(n_0 + 1)`.

    Notes
    -----
    Kind: exact. Source: `WF-POLYA` (Blackwell and MacQueen), `polya-accumulate-categorical`.

    Examples
    --------
    >>> polya_limit([3, 2, 1]).mean().round(6).tolist()
    [0.5, 0.333333, 0.166667]
    """
    counts = check.array("counts", counts, ndim=1, shape_words="(category,)")
    if len(counts) < 2:
        raise ValueError(f"counts must have at least two categories (one cannot vary), got {len(counts)}.")
    return scipy.stats.dirichlet(_array("counts", counts, above=0))


def polya_heterozygosity(counts) -> float:
    r"""Return :math:`E H_\infty = H_{\rm emp}\,\frac{n_0}{n_0+1}` of Pólya's urn that starts from `counts` (total n_0).

    Kind: exact. Source: `WF-POLYA`, `F-POLYA`.

    Examples
    --------
    >>> round(polya_heterozygosity([3, 2, 1]) / (1 - 14 / 36), 12)
    0.857142857143
    """
    counts = _array("counts", check.array("counts", counts, ndim=1, shape_words="(category,)"), least=0)
    total = float(counts.sum())
    if total <= 0:
        raise ValueError(f"counts must have a sum > 0 (an urn holds something), got {total:g}.")
    return float((counts * (total - counts)).sum()) / (total * (total + 1))


def polya_product(theta, n, t):
    r"""Return :math:`E[\theta_t(1-\theta_t)]` under Accumulate, n draws per generation; broadcasts, t = inf allowed.

    .. math:: \theta_0(1-\theta_0)\prod_{i=1}^t\Big(1 - \frac1{ni^2}\Big) \to
              \theta_0(1-\theta_0)\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}

    Kind: exact. Source: `polya-accumulate-categorical`, `F-ACC` (derived).

    Examples
    --------
    >>> round(float(polya_product(0.3, 4, 1)), 12)
    0.1575
    """
    theta = _array("theta", theta, least=0, most=1)
    return theta * (1 - theta) * (1 - inbreeding_accumulate(_array("n", n, least=1), _times(t)))


# ------------------------------------------------------------------------------------------------- partial replacement


def _replaced(size, fraction) -> tuple[np.ndarray, np.ndarray]:
    size, fraction = _array("size", size, least=2), _array("fraction", fraction, above=0, most=1)
    whole = size * fraction
    off = np.abs(whole - np.rint(whole)) > 1e-9 * np.maximum(1.0, whole)
    if off.any():
        raise ValueError(
            f"fraction must make size * fraction a whole number of tokens, got {whole[off].flat[0]:g} of them."
        )
    return size, fraction


def _rate(size, fraction):
    return fraction / size + fraction * (1 - fraction) / (size - 1)


def inbreeding_partial(size, fraction, t, *, reference: str):
    r"""Return F when a random fraction alpha of a corpus of M tokens is replaced at each step; broadcasts.

    .. math:: 1 - F = c^s, \qquad 1 - F_t = \Big(1 - \frac1M\Big)c^{t-1}, \qquad
              c = 1 - \frac\alpha M - \frac{\alpha(1-\alpha)}{M-1}

    The new tokens are drawn with replacement from the whole corpus as it was. The first form counts from the corpus
    (``reference="corpus"``, s = t steps), the second from the distribution from which the first corpus was drawn as
    generation 1 (``reference="truth"``).

    Parameters
    ----------
    size, fraction : float or array_like
        M >= 2 and alpha in (0, 1], alpha M whole.
    t : int or array_like
        Steps, or generations; inf allowed.
    reference : {"corpus", "truth"}
        What the retained heterozygosity is relative to.

    Notes
    -----
    Kind: exact. Source: `F-ALPHA` (derived; leading order Riis, arXiv 2604.08554). alpha = 1 is Replace.

    Examples
    --------
    >>> round(1 - float(inbreeding_partial(60, 0.5, 1, reference="corpus")), 6)
    0.987429
    """
    check.choice("reference", reference, ("corpus", "truth"))
    size, fraction = _replaced(size, fraction)
    t = _times(t)
    log_step = np.log1p(-_rate(size, fraction))
    if reference == "corpus":
        return (0.0 - np.expm1(np.where(t == 0, 0.0, t * log_step)))[()]
    later = np.maximum(t - 1, 0)
    log_kept = np.log1p(-1 / size) + np.where(later == 0, 0.0, later * log_step)
    return np.where(t == 0, 0.0, -np.expm1(log_kept))[()]


def partial_replacement_variance(p, size, fraction):
    r"""Return the variance of a frequency after one step of `inbreeding_partial`, from frequency p.

    .. math:: p(1-p)\Big[\frac\alpha M + \frac{\alpha(1-\alpha)}{M-1}\Big] \approx \frac{\alpha(2-\alpha)}M\,p(1-p)

    The published :math:`\alpha^2p(1-p)/M` is that of the deterministic mixture :math:`(1-\alpha)p + \alpha\hat p_M`
    (`ERR-9`). Parameters as in `inbreeding_partial`.

    Kind: exact. Source: `RIIS-T1` corrected, `F-ALPHA` (derived).

    Examples
    --------
    >>> round(float(partial_replacement_variance(0.5, 60, 0.5)), 8)
    0.00314266
    """
    p = _array("p", p, least=0, most=1)
    size, fraction = _replaced(size, fraction)
    return p * (1 - p) * _rate(size, fraction)


def effective_size_partial(size, fraction, *, exact: bool = True, diploid: bool = False):
    r"""Return the size of the Replace loop that drifts as fast as a corpus of which a fraction is replaced per step.

    .. math:: N_e = \Big[\frac\alpha M + \frac{\alpha(1-\alpha)}{M-1}\Big]^{-1} \approx \frac M{\alpha(2-\alpha)}

    Half of it in the diploid convention, in which the rate is :math:`1/2N_e`. Fixation probabilities do not depend on
    alpha: a type with k of M tokens wins with probability k/M (`fixation_probability`).

    Parameters
    ----------
    size, fraction : float or array_like
        M >= 2 and alpha in (0, 1]; they broadcast. If `exact`, alpha M must be whole.
    exact : bool
        The first form, or else the second (asymptotic).
    diploid : bool
        Divide by two.

    Notes
    -----
    Kind: exact or asymptotic, as chosen. Source: `RIIS-T1` (Riis, arXiv 2604.08554), `F-ALPHA`.

    Examples
    --------
    >>> round(float(effective_size_partial(60, 0.5)), 6)
    79.550562
    >>> float(effective_size_partial(60, 0.5, exact=False, diploid=True))
    40.0
    """
    if exact:
        size, fraction = _replaced(size, fraction)
        out = 1 / _rate(size, fraction)
    else:
        size, fraction = _array("size", size, least=2), _array("fraction", fraction, above=0, most=1)
        out = size / (fraction * (2 - fraction))
    return out / 2 if diploid else out


def singleton_dropout(fraction, size=np.inf):
    r"""Return the probability that a type with one token is lost in one step of `inbreeding_partial`.

    .. math:: \alpha\Big(1 - \frac1M\Big)^{\alpha M} \to \alpha e^{-\alpha}

    Kind: exact for finite size (alpha M whole), its limit for ``inf``. Source: `RIIS-T1` (exact form derived).

    Examples
    --------
    >>> round(float(singleton_dropout(0.5)), 6), round(float(singleton_dropout(0.5, 60)), 6)
    (0.303265, 0.30199)
    """
    if np.ndim(size) == 0 and size == np.inf:
        fraction = _array("fraction", fraction, above=0, most=1)
        return fraction * np.exp(-fraction)
    size, fraction = _replaced(size, fraction)
    return fraction * np.exp(fraction * size * np.log1p(-1 / size))
