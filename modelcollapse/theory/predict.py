r"""What is known beforehand about a run? One question, one door.

`predict` takes what `simulate` takes and returns the expectation of a quantity, generation by generation, and its
standard deviation over replicates where that is known. It says whether the answer is exact or asymptotic and who said
so, and where nothing is known it says so too, and what there is instead.

Each law below is a function of a `_Loop`: the model, the regime written out, and the rows if real data are the truth.
Beside it stands the condition under which it holds. A law is added by writing one such function.

**Real rows as the truth.** Generation 0 is the model fitted to all rows, and generation 1 takes its points from the
rows without replacement. If it takes them all, generations 0 and 1 are the same model and chance begins with
generation 2. If it takes fewer, first moments remain exact (`inbreeding` with `population`), but the law of the first
fit is that of a random part of arbitrary data, and nothing is claimed about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory import categorical, gaussian
from modelcollapse.theory.inbreeding import inbreeding, moments, retained

__all__ = ["available", "predict"]

#: who derived the inbreeding coefficient of a regime
SOURCES = {
    "replace": "F-REPVAR (Wright 1931, Genetics 16:97; Seddik et al. 2024, arXiv 2404.05090)",
    "accumulate": "F-ACC0 (Kazdan et al. 2025, arXiv 2410.16713; derived)",
    "subsample": "F-SUB (derived)",
    "fixed-real": "F-FIX (derived; Seddik et al. 2024, arXiv 2404.05090, corrected)",
    "fresh-real": "F-FRESH (derived)",
    "mix": "F-MIX (Wright 1931, Genetics 16:97; Bakshi and Chakraborty 2026, arXiv 2602.10531)",
    "window": "F-WIN-R (derived)",
}

#: generations of a long run
LONG = 1000


@dataclass(frozen=True, eq=False)
class _Loop:
    """A family under a regime: what a law needs to know."""

    model: object
    regime: object
    plan: object
    rows: np.ndarray | None

    @cached_property
    def population(self) -> int | None:
        """Fixed rows that are the truth."""
        return None if self.rows is None else len(self.rows)

    @property
    def frozen(self) -> bool:
        """Whether generation 1 is fitted to exactly the rows that are the truth."""
        return self.population is not None and self.plan.real[0] == self.population

    @cached_property
    def replace(self) -> bool:
        """Whether every training set from generation 2 on is a sample of the last model and nothing else."""
        later = slice(1, None)
        return bool((np.diff(self.plan.oldest) == 1).all() and self.plan.pinned == 0
                    and (self.plan.real[later] == 0).all() and (self.plan.mix[later] == 0).all()
                    and (self.plan.drawn == 0).all())

    @property
    def keeps(self) -> bool:
        """Whether the real points of generation 1 stay in every training set and no others come."""
        later = slice(1, None)
        return bool((self.plan.oldest[-1] == 1 or self.plan.pinned == self.plan.real[0])
                    and (self.plan.real[later] == 0).all() and (self.plan.mix[later] == 0).all()
                    and (self.plan.drawn == 0).all())

    @property
    def dim(self) -> int | None:
        """Dimension of a Gaussian; None where points are numbers."""
        return None if np.ndim(self.model.cov) == 0 else len(self.model.cov)

    @property
    def variances(self) -> np.ndarray:
        """Variances of generation 0: () or (dim,)."""
        return np.asarray(self.model.cov, dtype=float) if self.dim is None else np.diag(self.model.cov)

    def walk(self, law: Callable) -> np.ndarray:
        """Return law(sizes, t) for t = 0 .. T under Replace; the first fit is no step if it is the rows."""
        sizes, t = self.plan.size, np.arange(self.plan.generations + 1)
        if self.frozen:
            sizes, t = sizes[1:], np.maximum(t - 1, 0)
        return law(int(sizes[0]) if len(sizes) and (sizes == sizes[0]).all() else sizes, t)

    @cached_property
    def first_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Expected variance and mean squared error of the mean, in units of the variance of generation 0."""
        estimator, T = self.model.estimator, self.plan.generations
        if self.replace and (self.rows is None or self.frozen):
            return tuple(self.walk(lambda n, t, f=f: f(n, t, estimator=estimator))
                         for f in (gaussian.expected_variance, gaussian.mean_squared_error))
        if estimator == "mle":
            return (retained(self.regime, T, population=self.population),
                    inbreeding(self.regime, T, population=self.population))
        variance, error = moments(self.regime, T, estimator=estimator, population=self.population)
        if self.rows is not None:                       # moments count in units of the variance with divisor N
            scale = 1 - 1 / self.population
            variance = np.concatenate([[1.0], variance[1:] * scale])
            error = error * scale
        return variance, error

    @property
    def F(self) -> np.ndarray:  # noqa: N802
        """Inbreeding coefficient."""
        return inbreeding(self.regime, self.plan.generations, population=self.population)

    @property
    def source(self) -> str:
        """Who derived the inbreeding coefficient of this regime."""
        special = SOURCES.get(getattr(self.regime, "kind", None))
        return f"F-MASTER (derived), {special}" if special else "F-MASTER (derived)"


def _loop(family, regime, generations: int) -> _Loop:
    if not hasattr(regime, "plan"):
        raise TypeError(f"regime must be a regime such as Replace(n=100), got {regime!r}.")
    if not hasattr(family, "kind"):
        raise TypeError(f"family must be a family such as Gaussian(0.0, 1.0, estimator='mle'), got {family!r}.")
    plan = regime.plan(check.integer("generations", generations, least=1))
    if family.kind != "Empirical":
        return _Loop(family, regime, plan, None)
    model, rows = family.resolve()
    rows = np.asarray(rows)
    if plan.real[0] > len(rows):
        raise ValueError(f"regime must take at most {len(rows)} real points at generation 1 (there are that many "
                         f"rows), got {int(plan.real[0])} from {regime}.")
    if model.kind == "Gaussian":
        div = len(rows) - (model.estimator == "unbiased")
        centred = rows - rows.mean(axis=0)
        fit = (rows.mean(axis=0), centred @ centred / div if rows.ndim == 1 else centred.T @ centred / div)
        given = (np.asarray(model.mean), np.asarray(model.cov))
        if not all(np.allclose(a, b, rtol=1e-8, atol=1e-8 * np.sqrt(np.abs(fit[1]).max()))
                   for a, b in zip(given, fit, strict=True)):
            raise ValueError("family must have a model that was fitted to its rows (they are the truth, and generation "
                             f"0 stands for them), got mean {given[0]} where the rows have {fit[0]}; use "
                             "model=Gaussian.from_data(rows, estimator=...).")
    elif model.kind == "Categorical":
        counts = np.bincount(rows, minlength=len(model.probabilities))
        same = len(counts) == len(model.probabilities)
        if not (same and np.allclose(counts / len(rows), model.probabilities, rtol=0, atol=1e-8)):
            raise ValueError("family must have a model that was fitted to its rows (they are the truth, and generation "
                             "0 stands for them); use model=Categorical.from_data(rows).")
    return _Loop(model, regime, plan, rows)


# ------------------------------------------------------------------------------------------------- conditions

def _always(loop: _Loop) -> str:
    return ""


def _replace(loop: _Loop) -> str:
    if not loop.replace:
        return "its law is known under Replace only"
    if loop.rows is not None and not loop.frozen:
        return (f"the first fit takes {int(loop.plan.real[0])} of the {loop.population} rows, and the law of a fit to "
                "a random part of real data is not known; let it take them all")
    return ""


def _scalar_replace(loop: _Loop) -> str:
    return "it is known for points that are numbers, not vectors" if loop.dim is not None else _replace(loop)


def _vector(loop: _Loop) -> str:
    return "" if loop.dim is not None else "it belongs to points that are vectors; for numbers see 'variance'"


def _full_rank_replace(loop: _Loop) -> str:
    least = (loop.dim or 1) + 1
    if loop.plan.size.min() < least:
        return f"a covariance of full rank needs n >= {least} in every generation"
    if loop.dim is not None and np.linalg.slogdet(loop.model.cov)[0] <= 0:
        return "the covariance of generation 0 is singular"
    return _replace(loop)


def _vector_full_rank_replace(loop: _Loop) -> str:
    return _vector(loop) or _full_rank_replace(loop)


def _replace_or_keeps(loop: _Loop) -> str:
    if loop.replace or loop.keeps:
        return ""
    return "it is known where models replace each other, or where no real point is ever dropped and none comes in"


# ------------------------------------------------------------------------------------------------- laws

@dataclass(frozen=True, eq=False)
class _Answer:
    mean: np.ndarray
    sd: np.ndarray | None
    dims: tuple[str, ...]
    kind: str
    source: str
    formula: str


#: (family kind, quantity) -> (condition, law, one line)
LAWS: dict[tuple[str, str], tuple[Callable, Callable, str]] = {}


def _law(kind: str, quantity: str, condition: Callable, line: str):
    def register(law: Callable) -> Callable:
        LAWS[kind, quantity] = (condition, law, line)
        return law
    return register


def _outer(curve: np.ndarray, values) -> np.ndarray:
    """Return curve (T + 1,) times values (): (T + 1,), or times (dim, ...): (T + 1, dim, ...); inf times 0 is 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.multiply.outer(curve, values), nan=0.0, posinf=np.inf, neginf=-np.inf)


def _dims(loop: _Loop) -> tuple[str, ...]:
    return () if loop.dim is None else ("dim",)


@_law("Gaussian", "log_variance", _replace, "expected log variance and its sd")
def _log_variance(loop: _Loop) -> _Answer:
    estimator = loop.model.estimator
    with np.errstate(divide="ignore"):
        start = np.log(loop.variances)
    steps = loop.walk(lambda n, t: gaussian.log_variance_mean(n, t, estimator=estimator))
    sd = np.sqrt(loop.walk(gaussian.log_variance_var))
    return _Answer(np.add.outer(steps, start), _outer(sd, np.ones_like(start)), _dims(loop), "exact",
                   "G-LOGWALK (derived)",
                   "mean = ln(variance_0) + sum_i [psi(nu_i/2) + ln(2/div_i)], sd^2 = sum_i psi_1(nu_i/2)")


@_law("Gaussian", "variance", _always, "expected variance; its sd under Replace")
def _variance(loop: _Loop) -> _Answer:
    mean = _outer(loop.first_moments[0], loop.variances)
    sd = None
    if not _replace(loop):
        estimator = loop.model.estimator
        sd = _outer(loop.walk(lambda n, t: gaussian.sd_of_variance(n, t, estimator=estimator)), loop.variances)
    if loop.model.estimator == "mle":
        return _Answer(mean, sd, _dims(loop), "exact",
                       loop.source + ("; sd: G-HEAVY (derived)" if sd is not None else ""),
                       "mean = (1 - F_t) variance_0, sd^2 = mean^2 (prod_i (1 + 2/nu_i) - 1) under Replace")
    return _Answer(mean, sd, _dims(loop), "exact",
                   "G-LOGWALK, G-HEAVY (derived)" if sd is not None else
                   "F-MASTER, consequence 4 (derived); mad-fresh-loop-moments (derived; arXiv 2307.01850) generalised",
                   "mean = variance_0 under Replace, else N/(N-1) w'Dw variance_0 (theory.moments)")


@_law("Gaussian", "cov", _vector, "expected covariance matrix")
def _cov(loop: _Loop) -> _Answer:
    return _Answer(_outer(loop.first_moments[0], loop.model.cov), None, ("dim", "dim_"), "exact", loop.source,
                   "mean = E[variance_t]/variance_0 cov_0; (1 - F_t) cov_0 for the mle")


@_law("Gaussian", "sd", _replace, "expected standard deviation and its sd")
def _sd(loop: _Loop) -> _Answer:
    estimator = loop.model.estimator
    mean = _outer(loop.walk(lambda n, t: gaussian.expected_sd(n, t, estimator=estimator)), np.sqrt(loop.variances))
    sd = _outer(loop.walk(lambda n, t: gaussian.sd_of_sd(n, t, estimator=estimator)), np.sqrt(loop.variances))
    return _Answer(mean, sd, _dims(loop), "exact", "gauss-sigma-c4 (classical); BERT (Bertrand et al. 2024, arXiv "
                   "2310.00429)", "mean = sd_0 prod_i c4(n_i) [sqrt(1 - 1/n_i) for the mle]")


@_law("Gaussian", "mean", _always, "expected mean and its sd")
def _mean(loop: _Loop) -> _Answer:
    sd = np.sqrt(_outer(loop.first_moments[1], loop.variances))
    start = np.asarray(loop.model.mean, dtype=float)
    return _Answer(_outer(np.ones(len(sd)), start), sd, _dims(loop), "exact", loop.source,
                   "mean = mean_0, sd^2 = F_t variance_0 for the mle; sum_i 1/n_i variance_0 for unbiased Replace")


@_law("Gaussian", "mean_squared_error", _always, "expected squared distance of the mean from that of generation 0")
def _mean_squared_error(loop: _Loop) -> _Answer:
    total = float(loop.variances.sum())
    sd = None
    if not _scalar_replace(loop):
        estimator = loop.model.estimator
        sd = np.sqrt(loop.walk(lambda n, t: gaussian.squared_error_variance(n, t, estimator=estimator))) * total
    return _Answer(loop.first_moments[1] * total, sd, (), "exact",
                   loop.source + ("; sd: SHU-1D-VARW2 (derived)" if sd is not None else ""),
                   "mean = F_t tr(cov_0) for the mle; sum_i 1/n_i tr(cov_0) for unbiased Replace")


@_law("Gaussian", "w2_squared", _scalar_replace, "expected squared Wasserstein-2 distance from generation 0 and its sd")
def _w2_squared(loop: _Loop) -> _Answer:
    estimator, variance = loop.model.estimator, float(loop.model.cov)
    mean = loop.walk(lambda n, t: gaussian.expected_w2_squared(n, t, estimator=estimator, variance=variance))
    sd = np.sqrt(loop.walk(lambda n, t: gaussian.w2_squared_variance(n, t, estimator=estimator))) * variance
    return _Answer(mean, sd, (), "exact", "SHU-1D-EW2, SHU-1D-VARW2 (Shumailov et al. 2024, Nature 631:755, leading "
                   "order; exact forms derived)",
                   "mean/variance_0 = sum_i 1/n_i + 2 (1 - prod_i c4(n_i)) (unbiased), "
                   "2 - 2 prod_i c4(n_i) sqrt(1 - 1/n_i) (mle)")


@_law("Gaussian", "log_det", _vector_full_rank_replace, "expected log determinant of the covariance and its sd")
def _log_det(loop: _Loop) -> _Answer:
    estimator, dim = loop.model.estimator, loop.dim
    mean = loop.walk(lambda n, t: gaussian.log_det_mean(n, t, dim=dim, estimator=estimator))
    sd = np.sqrt(loop.walk(lambda n, t: gaussian.log_det_var(n, t, dim=dim)))
    return _Answer(np.linalg.slogdet(loop.model.cov)[1] + mean, sd, (), "exact", "G-DET (derived)",
                   "mean = ln det cov_0 + sum_i sum_k [psi((n_i-k)/2) + ln(2/div_i)], "
                   "sd^2 = sum_i sum_k psi_1((n_i-k)/2)")


@_law("Gaussian", "kl_forward", _full_rank_replace, "expected KL(p_t || p_0) in nats")
def _kl_forward(loop: _Loop) -> _Answer:
    estimator, dim = loop.model.estimator, loop.dim or 1
    mean = loop.walk(lambda n, t: gaussian.expected_kl_forward(n, t, dim=dim, estimator=estimator))
    return _Answer(mean, None, (), "exact", "G-KLF (derived)",
                   "sum_i (d/n_i - m_i)/2 (unbiased), -sum_i m_i/2 (mle); m_i the drift of the log determinant")


@_law("Gaussian", "kl_reverse", _full_rank_replace, "expected KL(p_0 || p_t) in nats")
def _kl_reverse(loop: _Loop) -> _Answer:
    estimator, dim = loop.model.estimator, loop.dim or 1
    mean = loop.walk(lambda n, t: gaussian.expected_kl_reverse(n, t, dim=dim, estimator=estimator))
    return _Answer(mean, None, (), "exact", "G-KLR (derived)",
                   "[sum_i m_i + d (prod_i q_i - 1) + d sum_i (1/n_i) prod_{j>=i} q_j]/2, q_i = div_i/(nu_i - d - 1)")


@_law("Categorical", "heterozygosity", _always, "expected heterozygosity 1 - sum_i p_i^2")
def _heterozygosity(loop: _Loop) -> _Answer:
    p = np.asarray(loop.model.probabilities)
    start = float((p * (1 - p)).sum())
    mean = start * retained(loop.regime, loop.plan.generations, population=loop.population)
    return _Answer(mean, None, (), "exact", loop.source + "; WF-H", "mean = (1 - F_t) H_0")


@_law("Categorical", "probability", _always, "expected probability of each category and its sd")
def _probability(loop: _Loop) -> _Answer:
    p = np.asarray(loop.model.probabilities)
    F = loop.F
    return _Answer(_outer(np.ones(len(F)), p), np.sqrt(_outer(F, p * (1 - p))), ("category",), "exact", loop.source,
                   "mean = p_0, sd^2 = F_t p_0 (1 - p_0)")


def _survival_curves(loop: _Loop) -> tuple[np.ndarray, str]:
    p, T, sizes = np.asarray(loop.model.probabilities), loop.plan.generations, loop.plan.size
    if loop.keeps:
        first = categorical.first_fit_survival(p, int(sizes[0]), population=loop.population)
        return np.concatenate([(p > 0).astype(float)[None], np.repeat(first[None], T, axis=0)]), "exact"
    n = int(sizes[0]) if (sizes == sizes[0]).all() else sizes
    method = categorical.survival_method(n, T, len(np.unique(p)))
    return categorical.survival(p, n, T, population=loop.population, method=method), method


@_law("Categorical", "survival", _replace_or_keeps, "probability that a category is still there")
def _survival(loop: _Loop) -> _Answer:
    mean, kind = _survival_curves(loop)
    return _Answer(mean, np.sqrt(mean * (1 - mean)), ("category",), kind, "SUR-T1, SUR-COR1 (Suresh et al. 2025, arXiv "
                   "2412.17646), WF-LOSS", "Wright-Fisher chain with two types (exact); 1 - (1 - p g_t)^n, "
                   "g_1 = 1, g_{t+1} = 1 - exp(-g_t) (asymptotic, and a lower bound)")


@_law("Categorical", "support", _replace_or_keeps, "expected number of categories that are left")
def _support(loop: _Loop) -> _Answer:
    mean, kind = _survival_curves(loop)
    return _Answer(mean.sum(axis=1), None, (), kind, "SUR-COR1 (Suresh et al. 2025, arXiv 2412.17646)",
                   "sum over the categories of the probability that each is still there")


# ------------------------------------------------------------------------------------------------- the door

def available(family, regime, *, generations: int | None = None) -> dict[str, str]:
    """Return what `predict` knows for this family and regime: quantity -> what it is.

    The answer may depend on `generations` (a window of k batches is Accumulate for the first k of them); by default it
    is for a long run, or for as long as a schedule reaches.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from modelcollapse.regimes import Accumulate
    >>> coin = SimpleNamespace(kind="Categorical", probabilities=np.array([0.5, 0.5]))
    >>> list(available(coin, Accumulate(n=10)))
    ['heterozygosity', 'probability', 'survival', 'support']
    """
    if generations is None:
        schedule = getattr(regime, "n", None)
        generations = len(schedule) if isinstance(schedule, tuple) else LONG
    loop = _loop(family, regime, generations)
    return {quantity: line for (kind, quantity), (condition, _, line) in LAWS.items()
            if kind == loop.model.kind and not condition(loop)}


def _listed(names) -> str:
    return ", ".join(map(repr, names)) or "nothing (simulate it)"


def predict(quantity: str, family, regime, *, generations: int):
    r"""Return what theory says about a quantity, generation by generation.

    Parameters
    ----------
    quantity : str
        For a Gaussian ``log_variance``, ``variance``, ``sd``, ``mean``, ``mean_squared_error``, ``w2_squared``,
        ``kl_forward``, ``kl_reverse``, and for vectors ``cov``, ``log_det``; for a Categorical ``heterozygosity``,
        ``probability``, ``survival``, ``support``. Which of them are known depends on the regime: see `available`.
    family : Family
        The truth (generation 0) and the estimator, or `Empirical` rows with a model fitted to them.
    regime : Regime
        What each generation is fitted to.
    generations : int
        T >= 1.

    Returns
    -------
    xarray.Dataset
        ``mean``, the expectation over replicates, and where it is known ``sd``, the standard deviation of one
        replicate, over ``generation`` 0 .. T (and ``dim`` or ``category``). Attributes: quantity, kind ("exact" or
        "asymptotic"), source (claim and paper), formula, family, truth, estimator, regime.

    Raises
    ------
    ValueError
        If nothing is known about the quantity there; the message lists what is.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from modelcollapse.regimes import Replace
    >>> coin = SimpleNamespace(kind="Categorical", probabilities=np.array([0.5, 0.5]))
    >>> known = predict("heterozygosity", coin, Replace(n=10), generations=2)
    >>> known["mean"].values.round(6).tolist(), known.attrs["kind"]
    ([0.5, 0.45, 0.405], 'exact')
    """
    import xarray as xr

    loop = _loop(family, regime, generations)
    kind = loop.model.kind
    if not any(k == kind for k, _ in LAWS):
        raise ValueError(f"quantity must be one that theory knows for {kind} under {regime}: nothing is known in "
                         f"closed form (simulate it), got {quantity!r}.")
    known = available(family, regime, generations=generations)
    if (kind, quantity) not in LAWS:
        raise ValueError(f"quantity must be one of those known for {kind} under {regime}, {_listed(known)}, "
                         f"got {quantity!r}.")
    condition, law, _ = LAWS[kind, quantity]
    why = condition(loop)
    if why:
        raise ValueError(f"quantity must be one of those known for {kind} under {regime}, {_listed(known)}, "
                         f"got {quantity!r} ({why}).")
    answer = law(loop)
    dims = ("generation", *answer.dims)
    data = {"mean": (dims, answer.mean)}
    if answer.sd is not None:
        data["sd"] = (dims, answer.sd)
    coords = {"generation": np.arange(len(answer.mean))}
    named = loop.model.coords() if hasattr(loop.model, "coords") else {}
    coords.update({dim: named[dim] for dim in answer.dims if dim in named})
    attrs = {
        "quantity": quantity, "kind": answer.kind, "source": answer.source, "formula": answer.formula,
        "family": kind, "truth": "model" if loop.rows is None else "rows", "regime": str(regime),
    }
    if kind == "Gaussian":
        attrs["estimator"] = loop.model.estimator
    return xr.Dataset(data, coords=coords, attrs=attrs)
