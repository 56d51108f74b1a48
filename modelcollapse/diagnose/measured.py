"""What the definitions look at: risk, variety, tail, modes, and mass where there should be next to none.

Each function takes a run and returns arrays (replicate, generation), with the generations where not all of them are
looked at. A kernel density estimate is measured as what it is, the mixture of its recorded points, or, where two
moments are enough, as the normal law that has them.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

#: risks by family, the first of which is the default
RISKS = {
    "Gaussian": ("log_loss", "kl_forward", "w2_squared"),
    "GaussianMixture": ("log_loss", "kl_forward", "l2_squared"),
    "Categorical": ("l2_squared", "log_loss", "kl_forward"),
    "KernelDensity": ("w2_squared",),
    "Poisson": ("log_loss", "kl_forward"),
    "Exponential": ("log_loss", "kl_forward"),
    "LinearRegression": ("excess_risk",),
}
WORDS = {
    "log_loss": "excess log loss",
    "kl_forward": "KL(model || truth)",
    "w2_squared": "squared W2",
    "l2_squared": "squared L2 error",
    "excess_risk": "excess test error",
}
#: generations at which something that is costly, or tested one by one, is looked at
LOOKS = 24
#: points of the truth from which its region of next to no mass is found, where there is no formula
POINTS = 50_000
#: two peaks of a density are two if the valley between them is at most this part of the lower one
VALLEY = 0.5


def looks(t) -> np.ndarray:
    """Return at most LOOKS positions, generations 0, 1 and the last among them."""
    spread = np.linspace(0, len(t) - 1, min(LOOKS - 1, len(t))).round().astype(int)
    return np.union1d(spread, np.flatnonzero(t <= 1))


def values(run, name: str) -> np.ndarray:
    """Return a variable as an array (replicate, generation, ...)."""
    return run[name].transpose("replicate", "generation", ...).values


def _log_growth(run) -> np.ndarray:
    """Return how much the log rate of an Exponential has grown."""
    log_rate = values(run, "log_rate")
    return log_rate - log_rate[0, 0]


def as_mixture(run, keep):
    """Return a kernel density run as the mixtures that its recorded points are."""
    import xarray as xr

    if "points" not in run:
        raise ValueError("a density needs its points: KernelDensity(..., record=k)")
    run = run.isel(generation=keep)
    x, h = values(run, "points"), values(run, "bandwidth")
    x, h = (x[..., None], h[..., None]) if x.ndim == 3 else (x, h)
    lead, (k, d) = ("replicate", "generation", "component"), x.shape[-2:]
    data = {
        "weight": (lead, np.full(x.shape[:3], 1 / k)),
        "mean": ((*lead, "dim"), x),
        "cov": ((*lead, "dim", "dim_"), np.repeat((h**2)[:, :, None, :, None] * np.eye(d), k, axis=2)),
    }
    coords = {dim: run[dim].values for dim in lead[:2]}
    return xr.Dataset(data, coords, {"family": "GaussianMixture"})


def as_normal(run):
    """Return a kernel density run as normal laws of the same moments, kernel included."""
    import xarray as xr

    from modelcollapse import metrics

    log_variance = metrics.variance(run, log=True)
    dims, mean = log_variance.dims, values(run, "mean")
    data = {"mean": (dims, mean), "log_variance": (dims, log_variance.values)}
    if mean.ndim == 3:
        square = values(run, "bandwidth")[..., None] ** 2
        data["cov"] = ((*dims, "dim_"), values(run, "cov") + square * np.eye(mean.shape[-1]))
    return xr.Dataset(data, {dim: run[dim].values for dim in dims[:2]}, {"family": "Gaussian"})


def _as_far(run, metric):
    """Return a metric over as many generations as it has digits for: covariances become too narrow."""
    try:
        return metric(run)
    except ValueError:
        low, high = 3, run.sizes["generation"]
        if high <= low:
            raise
    metric(run.isel(generation=slice(0, low)))
    while high - low > 1:
        middle = (low + high) // 2
        try:
            metric(run.isel(generation=slice(0, middle)))
            low = middle
        except ValueError:
            high = middle
    return metric(run.isel(generation=slice(0, low)))


def risk(run, name: str, samples: int, rng):
    """Return generations, the risk (replicate, generation), and whether it is bounded."""
    from scipy.special import kl_div

    from modelcollapse import metrics

    family, t = run.attrs["family"], run["generation"].values
    forward = name == "kl_forward"
    if name == "excess_risk":
        return t, values(run, name), False
    if family == "Poisson":
        rate = values(run, "rate")
        return t, kl_div(rate, rate[0, 0]) if forward else kl_div(rate[0, 0], rate), False
    if family == "Exponential":
        d = _log_growth(run) * (-1 if forward else 1)
        with np.errstate(over="ignore"):
            return t, np.expm1(d) - d, False
    if family == "KernelDensity":
        run = as_normal(run)
    elif family == "GaussianMixture" and name != "l2_squared":
        run = run.isel(generation=looks(t))
    found = {
        "log_loss": lambda r: metrics.kl(r, direction="reverse", samples=samples, rng=rng),
        "kl_forward": lambda r: metrics.kl(r, samples=samples, rng=rng),
        "w2_squared": metrics.w2_squared,
        "l2_squared": metrics.l2_squared,
    }[name]
    found = _as_far(run, found)
    # of nearly equal laws, a sampled divergence may come out below zero
    return found["generation"].values, np.maximum(found.values, 0.0), family == "Categorical" and name != "log_loss"


def variety(run):
    """Return log variance relative to the truth, or a stand-in that may be 0; whether it is the log; and its name."""
    from modelcollapse import metrics

    family = run.attrs["family"]
    if family == "Categorical":
        H = metrics.heterozygosity(run).values
        if not H[0, 0] > 0:
            raise ValueError("the truth has a single category: nothing varies")
        return H / H[0, 0], False, "heterozygosity"
    if family == "Poisson":
        rate = values(run, "rate")
        return np.sqrt(rate / rate[0, 0]), False, "sd"
    x = metrics.variance(run, log=True).values
    x = x - x[:1, :1]
    return (x.mean(axis=-1) if x.ndim == 3 else x), True, "variance"


def tail(run, quantile: float):
    """Return generations, what there is of the tail, whether as a bounded share, and which tail it is."""
    from scipy.special import pdtrc

    from modelcollapse import metrics

    family, t = run.attrs["family"], run["generation"].values
    if family == "Categorical":
        p = values(run, "probability")
        original = p[0, 0]
        order = np.argsort(original, kind="stable")
        order = order[original[order] > 0]
        held = order[np.cumsum(original[order]) <= quantile * (1 + 1e-12)]
        limit = original[held[-1] if len(held) else order[0]] * (1 + 1e-12)  # equally rare ones go together
        rare = (original > 0) & (original <= limit)
        words = f"{rare.sum()} rarest categories" if rare.sum() > 1 else "rarest category"
        return t, (p[..., rare] > 0) @ original[rare] / original[rare].sum(), True, words
    if family == "Poisson":
        rate = values(run, "rate")
        counts = np.arange(int(rate[0, 0] + 40 * math.sqrt(rate[0, 0])) + 40)
        k = int(np.argmax(pdtrc(counts, rate[0, 0]) <= quantile))
        return t, pdtrc(k, rate), False, f"counts above {k}"
    if family == "Exponential":
        with np.errstate(over="ignore"):
            return t, quantile ** np.exp(_log_growth(run)), False, f"outermost {quantile:g}"
    if family == "KernelDensity":
        keep = looks(t)
        run, t = as_mixture(run, keep), t[keep]
    x = metrics.tail_mass(run, quantile=quantile).values
    return t, x.mean(axis=-1) if x.ndim == 3 else x, False, f"outermost {quantile:g}"


# ----------------------------------------------------------------------------------------------------------- modes


def apart(mean, cov) -> np.ndarray:
    r"""Return Ashman's D between components, :math:`|m_i - m_j| / \sqrt{(s_i^2 + s_j^2) / 2}`, s along the line."""
    gap = mean[..., :, None, :] - mean[..., None, :, :]
    square = (gap**2).sum(-1)
    along = np.einsum("...ija,...iab,...ijb->...ij", gap, cov, gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(square > 0, square / np.sqrt((along + along.swapaxes(-1, -2)) / 2), 0.0)


def entangled_components(run, separation: float, little: float) -> np.ndarray | None:
    """Return whether a mode has next to no weight near it, or two are not apart; None if the truth has none apart.

    A component belongs to the mode (component of the truth) that is nearest in units of that mode's covariance. Only
    modes that are apart from some other count.
    """
    weight, mean, cov = (values(run, name) for name in ("weight", "mean", "cov"))
    real = np.flatnonzero(weight[0, 0] > 0)
    centre, spread, share = mean[0, 0, real], cov[0, 0, real], weight[0, 0, real]
    distinct = apart(centre, spread) >= separation
    if not distinct.any():
        return None
    inverse = np.linalg.inv(spread)
    out = np.empty(weight.shape[:2], bool)
    for r, (w, m, c) in enumerate(zip(weight, mean, cov, strict=True)):
        gap = m[:, :, None, :] - centre
        home = np.einsum("gjka,kab,gjkb->gjk", gap, inverse, gap).argmin(-1)
        mass = np.where(home[..., None] == np.arange(len(real)), w[..., None], 0.0).sum(1)
        lost = (mass < little * share)[:, distinct.any(axis=0)].any(axis=1)
        counts = w >= little * share[home]
        pairs = counts[:, :, None] & counts[:, None, :] & distinct[home[:, :, None], home[:, None, :]]
        out[r] = lost | (pairs & (apart(m, c) < separation)).any(axis=(1, 2))
    return out


def entangled_densities(run) -> np.ndarray | None:
    """Return whether a valley of the true density is filled, on the line; None if the truth has no two peaks."""
    weight, mean, cov = (values(run, name) for name in ("weight", "mean", "cov"))

    def density(at, x):
        sd = np.sqrt(cov[at][..., 0, 0])[..., None]
        z = (x - mean[at][..., 0][..., None]) / sd
        return (weight[at][..., None] * np.exp(-(z**2) / 2) / sd).sum(-2)

    pad = 3 * math.sqrt(cov[0, 0, 0, 0, 0])
    grid = np.linspace(mean[0, 0].min() - pad, mean[0, 0].max() + pad, 1024)
    f = density((0, 0), grid)
    peaks, valleys = list(1 + np.flatnonzero((f[1:-1] > f[:-2]) & (f[1:-1] >= f[2:]))), []
    while len(peaks) > 1:
        valleys = [a + int(np.argmin(f[a:b])) for a, b in pairwise(peaks)]
        depth = [f[v] / min(f[a], f[b]) for v, (a, b) in zip(valleys, pairwise(peaks), strict=True)]
        worst = int(np.argmax(depth))
        if depth[worst] <= VALLEY:
            break
        peaks.remove(min(peaks[worst], peaks[worst + 1], key=lambda i: f[i]))
    if len(peaks) < 2:
        return None
    high, low = (np.stack([density(r, grid[at]) for r in range(len(weight))]) for at in (peaks, valleys))
    return (low >= np.minimum(high[..., :-1], high[..., 1:])).any(axis=-1)


def entangled(run, separation: float, little: float):
    """Return generations, and whether modes are lost or merged; raise where the question makes no sense."""
    family, t = run.attrs["family"], run["generation"].values
    if family == "Categorical":
        raise ValueError("not applicable: categories cannot merge, and losing them is the tail's affair")
    if family not in ("GaussianMixture", "KernelDensity"):
        raise ValueError("not applicable: the truth has one mode")
    keep = looks(t)
    if family == "GaussianMixture":
        found = entangled_components(run.isel(generation=keep), separation, little)
    elif values(run, "mean").ndim > 2:
        raise ValueError("peaks of a kernel density are looked for on the line only")
    else:
        found = entangled_densities(as_mixture(run, keep))
    if found is None:
        raise ValueError("the truth has no two modes that are apart")
    return t[keep], found


# --------------------------------------------------------------------------------------------------- hallucination


def hallucinated(run, rare: float, samples: int, rng):
    """Return generations, and mean and standard error over chains of the mass where the truth has only `rare`."""
    from scipy.special import chdtri, pdtr, pdtrc

    from modelcollapse import metrics

    family, t = run.attrs["family"], run["generation"].values
    mass = None
    if family == "Gaussian" and "dim" not in run["mean"].dims:
        model = run.drop_vars("rows", errors="ignore").assign_attrs(truth="model")
        mass = metrics.tail_mass(model, quantile=rare).values
    elif family == "Exponential":
        with np.errstate(over="ignore"):
            mass = rare ** np.exp(_log_growth(run))
    elif family == "Poisson":
        rate = values(run, "rate")
        counts = np.arange(int(rate[0, 0] + 40 * math.sqrt(rate[0, 0])) + 40)
        low = int((pdtr(counts, rate[0, 0]) <= rare / 2).sum()) - 1
        mass = pdtrc(int(np.argmax(pdtrc(counts, rate[0, 0]) <= rare / 2)), rate)
        mass = mass + (pdtr(low, rate) if low >= 0 else 0.0)
    if mass is not None:
        error = mass.std(axis=0, ddof=1) / math.sqrt(len(mass)) if len(mass) > 1 else np.zeros(len(t))
        return t, mass.mean(axis=0), error
    keep = looks(t)
    model = as_mixture(run, keep) if family == "KernelDensity" else run.isel(generation=keep)
    if family == "Gaussian":
        d, log_det = run.sizes["dim"], np.linalg.slogdet(values(run, "cov")[0, 0])[1]
        cut = (d * math.log(2 * math.pi) + log_det + chdtri(d, rare)) / 2
    else:
        cut = np.quantile(metrics.nll(model, generations=[0], samples=POINTS, rng=rng), 1 - rare)
    found = metrics.nll(model, samples=samples, rng=rng)
    hit, chain = found.values > cut, np.searchsorted(run["replicate"].values, found["replicate"].values)
    mean = hit.mean(axis=1)
    # points of one chain go up and down together: the error is that of sums over chains
    off = [np.bincount(c, h - m, run.sizes["replicate"]) for c, h, m in zip(chain, hit, mean, strict=True)]
    return t[keep], mean, np.sqrt((np.array(off) ** 2).sum(axis=1)) / hit.shape[1]
