"""How much variety is left: variance, determinant, rank, heterozygosity, entropy."""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from modelcollapse import _validate as check
from modelcollapse._rng import generator
from modelcollapse.metrics import _normal as normal
from modelcollapse.metrics import _read as read

__all__ = [
    "differential_entropy",
    "effective_rank",
    "entropy",
    "generalised_variance",
    "heterozygosity",
    "variance",
]

NEEDS_COVARIANCE, USE_SUMS = "it needs a covariance", "use heterozygosity or entropy"
DENSITIES = ("Gaussian", "GaussianMixture")


def variance(run, *, log: bool = False, positions=None):
    r"""Variance of each model, dimension by dimension.

    Gaussian: the parameter. Mixture: :math:`\sum_k w_k [C_k + (m_k - m)(m_k - m)^\top]`, its diagonal. Categorical: of
    the numbers that the categories stand for. KernelDensity: of the points and the kernel together, :math:`W_t + h_t^2`
    (``run["variance"]`` is that of the points). Poisson: the rate. Exponential: the squared mean.

    Parameters
    ----------
    run : xarray.Dataset
        Models of any family.
    log : bool
        Return the natural logarithm: a variance below 1e-308 is 0 as a number.
    positions : (category,) array_like, optional
        Numbers the categories stand for. Default: their labels, if those are numbers, or the values of real rows.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), with ``dim`` where points have dimensions; in squared units of the points.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.5, 0.5], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> variance(run, positions=[0, 2]).values
    array([[1., 0.]])
    """
    family = read.kind(
        run,
        "variance",
        (*DENSITIES, "Categorical", "KernelDensity", "Poisson", "Exponential"),
        because="it needs two moments",
        instead="draw points and take their variance",
    )
    logarithmic = True
    if family == "Gaussian":
        log_out = read.normals(run, "variance").log_variance
    elif family == "Exponential":
        log_out = -2 * read.values(run, "log_rate", "variance")
    elif family == "KernelDensity":
        with np.errstate(divide="ignore"):
            kernel = 2 * np.log(read.values(run, "bandwidth", "variance"))
        log_out = np.logaddexp(read.values(run, "log_variance", "variance"), kernel)
    else:
        logarithmic = False
        if family == "Poisson":
            out = read.values(run, "rate", "variance")
        elif family == "GaussianMixture":
            out = np.diagonal(read.moments(read.mixtures(run, "variance"))[1], axis1=-2, axis2=-1)
        else:
            x = read.positions(run, "variance", positions)
            p = read.values(run, "probability", "variance")
            # from the original mean first: the squares of far-off numbers would eat the digits
            x = x - p[0, 0] @ x
            out = np.stack([(part * (x - (part @ x)[..., None]) ** 2).sum(-1) for part in p])
        with np.errstate(divide="ignore"):
            log_out = np.log(out)
    if not log and logarithmic:
        with np.errstate(over="ignore"):
            out = np.exp(log_out)
    extra = ("dim",) if log_out.ndim == 3 else ()
    return read.wrap(
        run,
        log_out if log else out,
        name="log_variance" if log else "variance",
        extra=extra,
        long_name="log variance (log of squared units)" if log else "variance (squared units)",
        reference="second central moment",
    )


def generalised_variance(run, *, log: bool = False):
    r"""Determinant of the covariance, :math:`\det\Sigma_t`.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian or GaussianMixture models.
    log : bool
        Return the log determinant, which does not underflow.

    Returns
    -------
    xarray.DataArray
        (replicate, generation); units to the power of twice the dimension. Zero (-inf) where a direction is gone.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, -1e6]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> generalised_variance(run, log=True).values
    array([[       0., -1000000.]])
    """
    metric = "generalised_variance"
    family = read.kind(run, metric, DENSITIES, because=NEEDS_COVARIANCE, instead=USE_SUMS)
    if family == "Gaussian" and "log_det" in run:
        out = read.values(run, "log_det", metric)  # holds after the covariance itself has underflowed
    elif family == "Gaussian":
        models = read.normals(run, metric)
        out = models.log_variance if models.scalar else models.log_det
    else:
        sign, out = np.linalg.slogdet(read.moments(read.mixtures(run, metric))[1])
        out = np.where(sign > 0, out, -np.inf)
    if not log:
        with np.errstate(over="ignore"):
            out = np.exp(out)
    return read.wrap(
        run,
        out,
        name="log_generalised_variance" if log else "generalised_variance",
        long_name="log determinant of the covariance (nats)"
        if log
        else "determinant of the covariance (units to the power 2 dim)",
        reference="G-DET; Wilks, Biometrika 24 (1932)",
    )


def effective_rank(run, *, definition: str = "entropy"):
    r"""Number of directions in which the model still varies.

    With :math:`\lambda_i` the eigenvalues of the covariance and :math:`q_i = \lambda_i / \sum_j \lambda_j`,

    * ``"entropy"``: :math:`\exp(-\sum_i q_i \ln q_i)`, Roy and Vetterli, EUSIPCO 2007;
    * ``"participation"``: :math:`1 / \sum_i q_i^2`, the participation ratio.

    Both lie between 1 and the dimension. Multiplying the covariance by a number changes neither.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian or GaussianMixture models (of a mixture, the covariance as a whole).
    definition : {"entropy", "participation"}
        Which of the two.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), a number of dimensions.

    Examples
    --------
    >>> import xarray as xr
    >>> two = ("replicate", "generation", "dim")
    >>> run = xr.Dataset({"mean": (two, np.zeros((1, 2, 2))), "log_variance": (two, [[[0.0, 0.0], [0.0, -9.0]]]),
    ...                   "cov": ((*two, "dim_"), [[np.eye(2), np.diag([1.0, np.exp(-9)])]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> effective_rank(run).values.round(4)
    array([[2.    , 1.0012]])
    """
    family = read.kind(run, "effective_rank", DENSITIES, because=NEEDS_COVARIANCE, instead=USE_SUMS)
    if family == "GaussianMixture":
        cov = read.moments(read.mixtures(run, "effective_rank"))[1]
    else:
        models = read.normals(run, "effective_rank")
        cov = np.ones((*models.mean.shape, 1, 1)) if models.scalar else models.cov
    check.choice("definition", definition, ("entropy", "participation"))
    trace = np.trace(cov, axis1=-2, axis2=-1)
    if (trace <= 0).any():
        r, t = (int(i) for i in np.argwhere(trace <= 0)[0])
        raise ValueError(
            "run must vary in some direction for effective_rank (nothing has no directions), got a "
            f"covariance of zeros at replicate {run['replicate'].values[r]}, generation "
            f"{run['generation'].values[t]}."
        )
    share = np.maximum(np.linalg.eigvalsh(cov / trace[..., None, None]), 0)
    share /= share.sum(-1, keepdims=True)
    out = np.exp(entr(share).sum(-1)) if definition == "entropy" else 1 / (share**2).sum(-1)
    return read.wrap(
        run,
        out,
        name="effective_rank",
        long_name=f"effective rank, {definition} (dimensions)",
        reference="Roy and Vetterli, EUSIPCO 2007" if definition == "entropy" else "participation ratio",
    )


def _probabilities(run, metric: str, instead: str) -> np.ndarray:
    """Probabilities of a categorical run."""
    read.kind(run, metric, ("Categorical",), because="it is a sum over categories", instead=instead)
    return read.values(run, "probability", metric)


def heterozygosity(run):
    r"""Probability that two points of the model are of different categories, :math:`\sum_i p_i (1 - p_i)`.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical models.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), probability.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.5, 0.5], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> heterozygosity(run).values
    array([[0.5, 0. ]])
    """
    p = _probabilities(run, "heterozygosity", "use variance for a density")
    return read.wrap(
        run,
        (p * (1 - p)).sum(-1),
        name="heterozygosity",
        reference="Nei, PNAS 70 (1973); F-MASTER",
        long_name="heterozygosity (probability that two points differ)",
    )


def entropy(run):
    r"""Shannon entropy of each model, :math:`-\sum_i p_i \ln p_i`.

    Parameters
    ----------
    run : xarray.Dataset
        Categorical models.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), nats.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"probability": (("replicate", "generation", "category"), [[[0.5, 0.5], [1.0, 0.0]]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Categorical"})
    >>> entropy(run).values.round(4)
    array([[0.6931, 0.    ]])
    """
    p = _probabilities(run, "entropy", "use differential_entropy for a density")
    return read.wrap(
        run,
        entr(p).sum(-1),
        name="entropy",
        long_name="entropy (nats)",
        reference="Shannon, Bell Syst. Tech. J. 27 (1948)",
    )


def differential_entropy(run, *, samples: int = 1000, rng=None):
    r"""Differential entropy of each model, :math:`-\int p_t \ln p_t`.

    Gaussian: :math:`\frac12 \ln\det\Sigma_t + \frac d2 \ln(2\pi e)`, closed form. Mixture: the mean of
    :math:`-\ln p_t` over points of the model, with its standard error in the coordinate ``standard_error``.

    Parameters
    ----------
    run : xarray.Dataset
        Gaussian or GaussianMixture models.
    samples : int
        Points per model, for mixtures.
    rng : None, int, SeedSequence or Generator
        For mixtures.

    Returns
    -------
    xarray.DataArray
        (replicate, generation), nats; -inf where a direction is gone.

    Examples
    --------
    >>> import xarray as xr
    >>> run = xr.Dataset({"mean": (("replicate", "generation"), [[0.0, 0.0]]),
    ...                   "log_variance": (("replicate", "generation"), [[0.0, -2.0]])},
    ...                  {"replicate": [0], "generation": [0, 1]}, {"family": "Gaussian"})
    >>> differential_entropy(run).values.round(4)
    array([[1.4189, 0.4189]])
    """
    metric = "differential_entropy"
    family = read.kind(run, metric, DENSITIES, because="it needs a density", instead="use entropy for categories")
    labels = {"name": metric, "long_name": "differential entropy (nats)"}
    if family == "Gaussian":
        dim = run.sizes["dim"] if "dim" in run["mean"].dims else 1
        log_det = generalised_variance(run, log=True).values
        return read.wrap(
            run, (log_det + dim * (normal.LOG_2PI + 1)) / 2, **labels, reference="Cover and Thomas, Theorem 8.4.1"
        )
    samples, rng = check.integer("samples", samples, least=2, because="for a standard error"), generator(rng)
    mix = read.mixtures(run, metric)
    factor = normal.cholesky(mix.cov, metric)
    out, error = np.empty((2, *mix.weight.shape[:2]))
    for part in read.chunks(len(out), out.shape[1] * samples * mix.mean[0, 0].size):
        model = mix.weight[part], mix.mean[part], factor[part]
        surprise = -normal.log_density(normal.draw(*model, samples, rng), *model)
        out[part], error[part] = surprise.mean(-1), surprise.std(-1, ddof=1) / np.sqrt(samples)
    return read.wrap(
        run,
        out,
        **labels,
        kind="from samples",
        samples=samples,
        error=error,
        reference="mean of -ln p_t over points of the model",
    )
