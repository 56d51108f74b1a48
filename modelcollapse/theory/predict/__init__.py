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

import numpy as np

from modelcollapse.theory.predict import categorical, gaussian, others, regression  # noqa: F401 (they fill the table)
from modelcollapse.theory.predict import curated as curated_loops
from modelcollapse.theory.predict.loop import LAWS, LONG, looped

__all__ = ["available", "predict"]


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
    loop, laws = _asked(family, regime, generations)
    return {
        quantity: line
        for (kind, quantity), (condition, _, line) in laws.items()
        if kind == loop.model.kind and not condition(loop)
    }


def _asked(family, regime, generations: int):
    """Return the loop that is asked about, and the table of laws for it."""
    loop = looped(family, regime, generations, curated=True)
    plain = not loop.plan.curation and loop.plan.real_weight is None
    return loop, LAWS if plain else curated_loops.table(loop)


def _listed(names) -> str:
    return ", ".join(map(repr, names)) or "nothing (simulate it)"


def predict(quantity: str, family, regime, *, generations: int):
    r"""Return what theory says about a quantity, generation by generation.

    The whole law of a Gaussian's quantity at one generation, with quantiles, is found by `law`.

    Parameters
    ----------
    quantity : str
        For a Gaussian ``log_variance``, ``variance``, ``sd``, ``mean``, ``mean_squared_error``, ``w2_squared``,
        ``kl_forward``, ``kl_reverse``, and for vectors ``cov``, ``log_det``; for a Categorical ``heterozygosity``,
        ``entropy``, ``probability``, ``survival``, ``support``; for a KernelDensity ``variance`` (of its points),
        ``mean``, ``mean_squared_error``; for a Poisson ``rate``, ``survival``; for an Exponential ``log_rate``,
        ``mean``; for a GaussianMixture ``weight``, ``survival``; for a LinearRegression ``coef``, ``excess_risk``.
        Which of them are known depends on the regime, and with a curation it is little: see `available`.
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
        replicate, over ``generation`` 0 .. T (and ``dim``, ``category`` or ``component``). Attributes: quantity, kind
        ("exact" or "asymptotic"; that of the mean), source (claim and paper), formula, family, truth, regime, and
        where there is one, estimator or bandwidth. With ``sd_kind`` "bound", ``sd`` is an upper bound.

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

    loop, laws = _asked(family, regime, generations)
    kind = loop.model.kind
    if not any(k == kind for k, _ in laws):
        raise ValueError(
            f"quantity must be one that theory knows for {kind} under {regime}: nothing is known in "
            f"closed form (simulate it), got {quantity!r}."
        )
    known = available(family, regime, generations=generations)
    if (kind, quantity) not in laws:
        raise ValueError(
            f"quantity must be one of those known for {kind} under {regime}, {_listed(known)}, got {quantity!r}."
        )
    condition, law, _ = laws[kind, quantity]
    why = condition(loop)
    if why:
        raise ValueError(
            f"quantity must be one of those known for {kind} under {regime}, {_listed(known)}, "
            f"got {quantity!r} ({why})."
        )
    answer = law(loop)
    dims = ("generation", *answer.dims)
    data = {"mean": (dims, answer.mean)}
    if answer.sd is not None:
        data["sd"] = (dims, answer.sd)
    coords = {"generation": np.arange(len(answer.mean))}
    named = loop.model.coords() if hasattr(loop.model, "coords") else {}
    coords.update({dim: named[dim] for dim in answer.dims if dim in named})
    attrs = {
        "quantity": quantity,
        "kind": answer.kind,
        "source": answer.source,
        "formula": answer.formula,
        "family": kind,
        "truth": "model" if loop.rows is None else "rows",
        "regime": str(regime),
    }
    for option in ("estimator", "bandwidth"):
        if hasattr(loop.model, option):
            attrs[option] = getattr(loop.model, option)
    return xr.Dataset(data, coords=coords, attrs=attrs | answer.more)
