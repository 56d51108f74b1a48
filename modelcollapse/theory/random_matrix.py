r"""What happens to regression when rows and dimensions grow together? Deterministic limits, ridge penalties included.

As :math:`n, d \to \infty` with :math:`d/n \to \varphi` the random matrix :math:`\hat\Sigma = X^\top X/n` acts, in
quadratic forms, like a fixed one: a ridge penalty :math:`\lambda` on :math:`\hat\Sigma` is felt as the larger penalty
:math:`\kappa` on :math:`\Sigma` (`effective_penalty`),

.. math:: \kappa - \lambda = \kappa\cdot\frac1n\mathrm{tr}\,\Sigma(\Sigma+\kappa)^{-1}, \qquad
          u = \frac{\overline{df}_2}{1-\overline{df}_2}, \quad
          \overline{df}_2 = \frac1n\mathrm{tr}\,\Sigma^2(\Sigma+\kappa)^{-2},

where the noise enters as :math:`\sigma^2u`. Everything here depends on the eigenvalues of :math:`\Sigma` (`spectrum`)
and on how a target spreads over its eigenvectors. Targets are measured by the test error they cause: the `signal` is
:math:`g_j = \lambda_j(v_j^\top w^*)^2`, which sums to :math:`\|w^*\|_\Sigma^2`, the `discrepancy` of synthetic labels
is :math:`c_j = \lambda_j\,v_j^\top\Delta v_j`, which sums to :math:`c^2 = \mathrm{tr}\,\Sigma\Delta`. One number
instead of a vector is spread evenly.

Differences such as :math:`1-\overline{df}_2` are computed as sums of positive terms, so that a vanishing penalty and
the interpolation threshold :math:`n = d` keep their digits. The penalty is :math:`\lambda` on :math:`X^\top X/n`, that
is :math:`n\lambda` on :math:`X^\top X`, throughout.
"""

from __future__ import annotations

import math

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.regression_mixed import ROWS

__all__ = [
    "downstream_ridge_extra",
    "downstream_ridge_risk",
    "effective_penalty",
    "mixing_risk",
    "mixing_weight",
    "mixture_coefficient_limit",
    "ridge_risk",
    "strong_collapse_limit",
    "strong_collapse_ridge",
]


# ------------------------------------------------------------------------------------------------- the fixed point


def _spectrum(value) -> np.ndarray:
    out = check.array("spectrum", value, ndim=1, shape_words="(dim,)")
    if len(out) == 0 or (out <= 0).any():
        got = f"{out.min():g}" if len(out) else "none"
        raise ValueError(f"spectrum must be > 0 (eigenvalues of a covariance of full rank), got {got}.")
    return out


def _spread(name: str, value, dim: int) -> np.ndarray:
    """Return one number per eigenvector; a single number is spread evenly."""
    out = check.array(name, value, ndim=(0, 1), shape_words="() or (dim,)")
    if out.ndim and len(out) != dim:
        raise ValueError(f"{name} must have shape () or ({dim},) to match the spectrum, got {out.shape}.")
    if (out < 0).any():
        raise ValueError(f"{name} must be >= 0 (squared lengths), got {out.min():g}.")
    return out if out.ndim else np.full(dim, float(out) / dim)


def _solve(spectrum: np.ndarray, n: float, penalty: float) -> float:
    """Root of n - sum lambda_j/(lambda_j + kappa) = n penalty/kappa, increasing in kappa, by its logarithm."""
    import scipy

    d = len(spectrum)
    if penalty == 0 and n > d:
        return 0.0
    if penalty == 0 and n == d:
        raise ValueError(
            f"penalty must be > 0 at n = dim = {d} (without one the risk is infinite at the interpolation threshold), "
            "got 0."
        )

    def excess(x):
        kappa = math.exp(x)
        left = n - (spectrum / (spectrum + kappa)).sum() if 2 * n < d else n - d + (kappa / (spectrum + kappa)).sum()
        return left - n * (penalty / kappa)

    # kappa - penalty lies between 0 and tr/n; without a penalty d - n of the d terms below one must be made up
    low = penalty if penalty > 0 else spectrum.min() * (d - n) / n
    high = penalty + spectrum.sum() / n if penalty > 0 else spectrum.max() * (d - n) / n
    low, high = math.log(low) - 1e-9, math.log(high) + 1e-9
    x = scipy.optimize.brentq(excess, low, high, xtol=1e-14, rtol=1e-15, maxiter=500)
    kappa = math.exp(x)
    slope = (kappa * spectrum / (spectrum + kappa) ** 2).sum() + n * (penalty / kappa)
    return math.exp(x - excess(x) / slope)


def _resolvent(spectrum, n, penalty) -> tuple[np.ndarray, float, float, float]:
    """Check arguments; return spectrum, n, kappa and the amplification u of the noise."""
    spectrum = _spectrum(spectrum)
    n = check.number("n", n, above=0.0, because="rows of the fit")
    penalty = check.number("penalty", penalty, least=0.0)
    kappa = _solve(spectrum, n, penalty)
    if kappa == 0:
        return spectrum, n, 0.0, len(spectrum) / (n - len(spectrum))
    rest = penalty / kappa + (kappa * spectrum / (spectrum + kappa) ** 2).sum() / n  # 1 - df2, by the fixed point
    return spectrum, n, kappa, (spectrum**2 / (spectrum + kappa) ** 2).sum() / n / rest


def effective_penalty(spectrum, n: float, penalty: float) -> float:
    r"""Return :math:`\kappa`, what a penalty :math:`\lambda` on :math:`X^\top X/n` amounts to on :math:`\Sigma`.

    .. math:: \kappa-\lambda = \frac\kappa n\sum_j\frac{\lambda_j}{\lambda_j+\kappa}; \qquad
              \Sigma = I:\ \kappa-\lambda = \frac{\varphi\kappa}{1+\kappa}

    Parameters
    ----------
    spectrum : (dim,) array_like
        Eigenvalues of the covariance of the covariates, > 0.
    n : float
        Rows.
    penalty : float
        :math:`\lambda \ge 0`. At 0 the result is 0 for n > dim and the implicit penalty of the solution of smallest
        norm for n < dim.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the penalty is 0 at n = dim.

    Notes
    -----
    Kind: asymptotic (random-matrix limit); the root is exact to 1e-13. Source: `reg-dohmatob-ridge` (Dohmatob, Feng and
    Kempe, arXiv 2402.07712), `reg-strong-collapse-ridge` (arXiv 2410.04840).

    Examples
    --------
    >>> round(effective_penalty([1.0, 1.0], 1, 0.0), 12)      # phi = 2: kappa = phi - 1
    1.0
    """
    return _resolvent(spectrum, n, penalty)[2]


# ------------------------------------------------------------------------------------------------- ridge regression


def ridge_risk(spectrum, n: float, penalty: float, *, signal=1.0, noise_variance: float = 1.0) -> float:
    r"""Return :math:`B + V`, the excess test error of ridge regression on true labels.

    .. math:: B = \kappa^2(1+u)\sum_j\frac{g_j}{(\lambda_j+\kappa)^2}, \qquad V = \sigma^2u

    Parameters
    ----------
    spectrum, n, penalty
        As in `effective_penalty`.
    signal : float or (dim,) array_like
        :math:`g_j = \lambda_j(v_j^\top w^*)^2`, what each direction explains; a number is spread evenly.
    noise_variance : float
        :math:`\sigma^2`.

    Returns
    -------
    float

    Notes
    -----
    Kind: asymptotic (random-matrix limit). Source: `reg-dohmatob-ridge` (classical; Dohmatob, Feng and Kempe, arXiv
    2402.07712).

    Examples
    --------
    >>> round(ridge_risk([1.0] * 100, 200, 0.3), 6)
    0.436842
    """
    spectrum, _, kappa, u = _resolvent(spectrum, n, penalty)
    noise = check.number("noise_variance", noise_variance, least=0.0)
    g = _spread("signal", signal, len(spectrum))
    return float(kappa**2 * (1 + u) * (g / (spectrum + kappa) ** 2).sum() + noise * u)


def strong_collapse_ridge(spectrum, n: float, penalty: float, *, synthetic_fraction: float, discrepancy=1.0) -> float:
    r"""Return :math:`\zeta`, what ridge regression on a mixture pays for its synthetic rows, beyond `ridge_risk`.

    .. math:: \zeta = p_2^2(1+p_1u)\sum_j c_j\frac{\lambda_j^2}{(\lambda_j+\kappa)^2}
              + p_2u\sum_j c_j\frac{(p_1\lambda_j+\kappa)^2}{(\lambda_j+\kappa)^2}, \qquad p_1 = 1 - p_2

    Parameters
    ----------
    spectrum, n, penalty
        As in `effective_penalty`; n counts all rows.
    synthetic_fraction : float
        :math:`p_2` in [0, 1], the share of rows whose target is :math:`w^*+\delta`.
    discrepancy : float or (dim,) array_like
        :math:`c_j = \lambda_j\,v_j^\top\Delta v_j`, :math:`\Delta = E\,\delta\delta^\top`; a number is
        :math:`c^2 = \mathrm{tr}\,\Sigma\Delta`, spread evenly (:math:`\Delta = \frac{c^2}d\Sigma^{-1}`).

    Returns
    -------
    float

    Notes
    -----
    Kind: asymptotic (random-matrix limit; slow near n = dim with a small penalty). Source: `reg-strong-collapse-ridge`
    (Dohmatob, Feng, Subramonian and Kempe, arXiv 2410.04840, Theorem 1). For :math:`\varphi, \lambda \to 0` it tends to
    :math:`p_2^2c^2`: it does not vanish unless the share of synthetic rows does. Their theorem on the size of a model
    with random features is not implemented.

    Examples
    --------
    >>> round(strong_collapse_ridge([1.0] * 100, 150, 0.3, synthetic_fraction=0.4), 4)
    0.1712
    """
    spectrum, _, kappa, u = _resolvent(spectrum, n, penalty)
    p2 = check.probability("synthetic_fraction", synthetic_fraction)
    c = _spread("discrepancy", discrepancy, len(spectrum))
    p1, base = 1 - p2, (spectrum + kappa) ** 2
    own = p2**2 * (1 + p1 * u) * (c * spectrum**2 / base).sum()
    return float(own + p2 * u * (c * (p1 * spectrum + kappa) ** 2 / base).sum())


def _generator(fits, n_generator, variance, dim: int) -> float:
    """Return k sigma_0^2 / (n_0 - d - 1): the covariance of the generator's error is this times that of x, inverted."""
    k = check.integer("fits", fits, least=0)
    n0 = check.integer("n_generator", n_generator, least=dim + 2, because=ROWS)
    return k * check.number("generator_noise_variance", variance, least=0.0) / (n0 - dim - 1)


def downstream_ridge_risk(
    spectrum,
    n: float,
    penalty: float,
    *,
    fits: int,
    n_generator: int,
    signal=1.0,
    noise_variance: float = 1.0,
    generator_noise_variance: float = 1.0,
) -> float:
    r"""Return the risk of ridge regression on the labels of an old generator: linear in its number of fits.

    .. math:: R = B + V + k\,\sigma_0^2\frac d{n_0-d-1}\,\rho, \qquad
              \rho = \frac1d\Big[\sum_j\frac{\lambda_j^2}{(\lambda_j+\kappa)^2}
              + u\kappa^2\sum_j\frac1{(\lambda_j+\kappa)^2}\Big]

    with B + V of `ridge_risk`. For :math:`\Sigma = I` the bracket over d is
    :math:`1-\frac{2\kappa}{1+\kappa}+\frac{\kappa^2}{(1+\kappa)^2}(1+u)`. It is `strong_collapse_ridge` with
    nothing but synthetic rows. Linear growth in k is exact (`downstream_ridge_extra`).

    Parameters
    ----------
    spectrum, n, penalty, signal, noise_variance
        As in `ridge_risk`, of the downstream fit.
    fits : int
        k >= 0 fits of the generator, each to :math:`n_0` rows of the last (k = 0: true labels).
    n_generator : int
        :math:`n_0`, at least dim + 2.
    generator_noise_variance : float
        :math:`\sigma_0^2`.

    Returns
    -------
    float

    Notes
    -----
    Kind: asymptotic (random-matrix limit). Source: `reg-dohmatob-ridge` (Dohmatob, Feng and Kempe, arXiv 2402.07712,
    section 4; general covariance derived).

    Examples
    --------
    >>> round(downstream_ridge_risk([1.0] * 100, 200, 0.3, fits=3, n_generator=150), 3)
    3.507
    """
    clean = ridge_risk(spectrum, n, penalty, signal=signal, noise_variance=noise_variance)
    dim = len(_spectrum(spectrum))
    error = _generator(fits, n_generator, generator_noise_variance, dim) * dim
    return clean + strong_collapse_ridge(spectrum, n, penalty, synthetic_fraction=1.0, discrepancy=error)


def downstream_ridge_extra(
    design, penalty: float, *, fits: int, n_generator: int, cov=1.0, generator_noise_variance: float = 1.0
) -> float:
    r"""Return what the generator's error adds to the risk of ridge regression on one given design.

    .. math:: \frac{k\sigma_0^2}{n_0-d-1}\,\mathrm{tr}(\Sigma^{-1}\mathcal R^\top\Sigma\,\mathcal R), \qquad
              \mathcal R = (\hat\Sigma+\lambda)^{-1}\hat\Sigma,\quad \hat\Sigma = X^\top X/n

    Its mean over designs is the extra term of `downstream_ridge_risk` at finite sizes.

    Parameters
    ----------
    design : (n, dim) array_like
        X.
    penalty : float
        :math:`\lambda > 0`, or 0 for a design of full column rank.
    fits, n_generator, generator_noise_variance
        As in `downstream_ridge_risk`.
    cov : float or (dim, dim) array_like
        :math:`\Sigma`, of the covariates of the generator and of the test.

    Returns
    -------
    float

    Notes
    -----
    Kind: exact, given the design. Source: `reg-dohmatob-ridge` (derived).

    Examples
    --------
    >>> round(downstream_ridge_extra([[1.0], [2.0]], 2.5, fits=2, n_generator=4), 6)       # R = 1/2, error 2 / 2
    0.25
    """
    X = check.array("design", design, ndim=2, shape_words="(n, dim)")
    penalty = check.number("penalty", penalty, least=0.0)
    n, dim = X.shape
    scale = _generator(fits, n_generator, generator_noise_variance, dim)
    if np.ndim(cov) == 0:
        cov = check.number("cov", cov, above=0.0) * np.eye(dim)
    cov = check.covariance("cov", cov, dim)
    gram = X.T @ X / n
    if penalty == 0 and np.linalg.matrix_rank(X) < dim:
        raise ValueError(
            f"penalty must be > 0 for a design without full column rank (here {dim}), got 0 for one of shape {X.shape}."
        )
    R = np.linalg.solve(gram + penalty * np.eye(dim), gram)
    return float(scale * np.trace(np.linalg.solve(cov, R.T @ cov @ R)))


# ------------------------------------------------------------------------------------------------- without a penalty


def _ratio(ratio):
    phi = check.array("ratio", ratio, ndim=tuple(range(6)), shape_words="any")
    if ((phi <= 0) | (phi >= 1)).any():
        raise ValueError(
            "ratio must be in (0, 1) (dimensions per row; from 1 on least squares interpolates), "
            f"got {phi[(phi <= 0) | (phi >= 1)].flat[0]:g}."
        )
    return phi


def _share(name: str, value, *, inside: bool = False):
    p = check.array(name, value, ndim=tuple(range(6)), shape_words="any")
    bad = (p <= 0) | (p >= 1) if inside else (p < 0) | (p > 1)
    if bad.any():
        raise ValueError(f"{name} must be in {'(0, 1)' if inside else '[0, 1]'}, got {p[bad].flat[0]:g}.")
    return p


def _squares(name: str, value):
    out = check.array(name, value, ndim=tuple(range(6)), shape_words="any")
    if (out < 0).any():
        raise ValueError(f"{name} must be >= 0, got {out.min():g}.")
    return out


def mixture_coefficient_limit(ratio, synthetic_fraction):
    r"""Return the limit :math:`a = p_2^2 + p_1p_2\frac\varphi{1-\varphi}` of `mixture_coefficient`; broadcasts.

    A loop with fresh rows is bounded iff a < 1, that is :math:`\varphi < \frac{1+p_2}{1+2p_2}`, which lies between 2/3
    and 1.

    Parameters
    ----------
    ratio : float or array_like
        :math:`\varphi = d/n` in (0, 1), n counting all rows.
    synthetic_fraction : float or array_like
        :math:`p_2` in [0, 1].

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: asymptotic (random-matrix limit). Source: `reg-strong-collapse-ridgeless` (Dohmatob, Feng, Subramonian and
    Kempe, arXiv 2410.04840, Corollary 1).

    Examples
    --------
    >>> float(mixture_coefficient_limit(0.5, 0.5))
    0.5
    """
    phi, p2 = _ratio(ratio), _share("synthetic_fraction", synthetic_fraction)
    return (p2**2 + (1 - p2) * p2 * phi / (1 - phi))[()]


def strong_collapse_limit(ratio, synthetic_fraction, *, discrepancy=1.0, noise_variance=1.0):
    r"""Return :math:`R \simeq \frac{\sigma^2\varphi}{1-\varphi} + c^2\big(p_2^2 + p_1p_2\frac\varphi{1-\varphi}\big)`.

    The limit of `strong_collapse_risk`. It does not fall to zero with more rows unless the share of synthetic ones
    does; for small :math:`\varphi` it is :math:`\sigma^2 d/n + p_2^2c^2`.

    Parameters
    ----------
    ratio, synthetic_fraction
        As in `mixture_coefficient_limit`.
    discrepancy : float or array_like
        :math:`c^2 = \mathrm{tr}\,\Sigma\Delta` (`ERR-16`).
    noise_variance : float or array_like
        :math:`\sigma^2`. All broadcast.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: asymptotic (random-matrix limit). Source: `reg-strong-collapse-ridgeless` (Dohmatob, Feng, Subramonian and
    Kempe, arXiv 2410.04840, Corollary 1).

    Examples
    --------
    >>> float(strong_collapse_limit(0.5, 0.5))
    1.5
    """
    phi, c2 = _ratio(ratio), _squares("discrepancy", discrepancy)
    noise = _squares("noise_variance", noise_variance)
    return (noise * phi / (1 - phi) + c2 * mixture_coefficient_limit(phi, synthetic_fraction))[()]


def mixing_risk(
    weight, ratio, synthetic_fraction, *, discrepancy=1.0, noise_variance=1.0, synthetic_noise_variance=1.0
):
    r"""Return the leading order of the risk when synthetic rows have the total weight :math:`\alpha` in one fit.

    .. math:: R \simeq \alpha^2c^2
              + \varphi\Big[\frac{(1-\alpha)^2\sigma_1^2}{p_1} + \frac{\alpha^2\sigma_2^2}{p_2}\Big]

    Each real row has the weight :math:`(1-\alpha)/p_1` and each synthetic row :math:`\alpha/p_2`, so
    :math:`\alpha = p_2` is the unweighted fit.

    Parameters
    ----------
    weight : float or array_like
        :math:`\alpha` in [0, 1].
    ratio : float or array_like
        :math:`\varphi = d/n` in (0, 1); the formula is its first order.
    synthetic_fraction : float or array_like
        :math:`p_2` in (0, 1).
    discrepancy : float or array_like
        :math:`c^2`.
    noise_variance, synthetic_noise_variance : float or array_like
        :math:`\sigma_1^2` of real and :math:`\sigma_2^2` of synthetic labels. All broadcast.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: asymptotic (:math:`\varphi \to 0`). Source: `reg-weighted-mixing` (derived). The published form (Dohmatob et
    al., arXiv 2410.04840, Corollary 2, as quoted) contradicts the unweighted case (`ERR-15`).

    Examples
    --------
    >>> round(float(mixing_risk(0.1, 10 / 600, 0.5)), 6)
    0.037333
    """
    alpha, phi = _share("weight", weight), _ratio(ratio)
    p2 = _share("synthetic_fraction", synthetic_fraction, inside=True)
    c2, s1 = _squares("discrepancy", discrepancy), _squares("noise_variance", noise_variance)
    s2 = _squares("synthetic_noise_variance", synthetic_noise_variance)
    return (alpha**2 * c2 + phi * ((1 - alpha) ** 2 * s1 / (1 - p2) + alpha**2 * s2 / p2))[()]


def mixing_weight(ratio, synthetic_fraction, *, discrepancy=1.0, noise_variance=1.0, synthetic_noise_variance=1.0):
    r"""Return the weight of least `mixing_risk`: with more rows it goes to zero, that is, discard the synthetic data.

    .. math:: \alpha^* = \frac{\varphi\sigma_1^2/p_1}{c^2+\varphi\sigma_1^2/p_1+\varphi\sigma_2^2/p_2}

    Parameters
    ----------
    ratio, synthetic_fraction, discrepancy, noise_variance, synthetic_noise_variance
        As in `mixing_risk`; discrepancy and noise must not all be zero.

    Returns
    -------
    float or ndarray

    Notes
    -----
    Kind: asymptotic (:math:`\varphi \to 0`). Source: `reg-weighted-mixing` (derived; corrects arXiv 2410.04840,
    Corollary 2, `ERR-15`).

    Examples
    --------
    >>> round(float(mixing_weight(10 / 600, 0.5)), 6)
    0.03125
    """
    phi, p2 = _ratio(ratio), _share("synthetic_fraction", synthetic_fraction, inside=True)
    real = phi * _squares("noise_variance", noise_variance) / (1 - p2)
    made = phi * _squares("synthetic_noise_variance", synthetic_noise_variance) / p2
    total = _squares("discrepancy", discrepancy) + real + made
    if (total == 0).any():
        raise ValueError("discrepancy and noise variances must not all be 0 (every weight is then as good), got 0.")
    return (real / total)[()]
