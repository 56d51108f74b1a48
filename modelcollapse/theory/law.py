"""Not only mean and sd: the whole law of a quantity at one generation.

`law` is to laws what `predict` is to expectations: it takes what `simulate` takes, finds the law, and where none is
known it says so and lists what is.
"""

from __future__ import annotations

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.theory.laws import LogDetLaw, LogVarianceLaw, SdLaw, VarianceLaw
from modelcollapse.theory.marginal import DrawLaw, MeanLaw, TailMassLaw
from modelcollapse.theory.predict.loop import looped, replace, vector_full_rank_replace

__all__ = ["law"]

#: quantities of a law, in one dimension and in more
SCALAR = ("log_variance", "variance", "sd", "mean", "draw", "tail_mass")
VECTOR = ("log_det",)


def law(quantity: str, family, regime, *, generation: int, beyond: float | None = None):
    r"""Return the law of a quantity at one generation of a Gaussian under Replace, with the methods of `scipy.stats`.

    Parameters
    ----------
    quantity : str
        For points that are numbers ``log_variance``, ``variance``, ``sd``, ``mean``, ``draw`` (one point of that
        model), ``tail_mass`` (the mass farther than `beyond` from the model's own mean); for vectors ``log_det``, the
        change of the log determinant since generation 0.
    family : Family
        A Gaussian, the truth and its estimator; or `Empirical` rows with a Gaussian fitted to them, all of which
        generation 1 takes.
    regime : Regime
        One in which each model is fitted to points of the last and to nothing else.
    generation : int
        t >= 1 (t >= 2 where real rows are the truth: generation 1 is fixed).
    beyond : float, optional
        For ``tail_mass``, in standard deviations of the truth.

    Returns
    -------
    LogVarianceLaw, VarianceLaw, SdLaw, MeanLaw, DrawLaw, TailMassLaw or LogDetLaw

    Raises
    ------
    ValueError
        If no law is known; the message says which are.

    Notes
    -----
    Kind: exact. Source: see the law that is returned.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from modelcollapse.regimes import Replace
    >>> normal = SimpleNamespace(kind="Gaussian", mean=0.0, cov=1.0, estimator="mle")
    >>> chain = law("log_variance", normal, Replace(n=100), generation=100)
    >>> [round(float(q), 4) for q in chain.interval(0.9)]
    [-4.3741, 0.3254]
    """
    generation = check.integer("generation", generation, least=1, because="generation 0 is the truth, and has no law")
    loop = looped(family, regime, generation)
    if loop.model.kind != "Gaussian":
        raise ValueError(f"family must be a Gaussian (no other law is known), got {loop.model.kind}.")
    legal = SCALAR if loop.dim is None else VECTOR
    check.choice("quantity", quantity, legal)
    why = replace(loop) if loop.dim is None else vector_full_rank_replace(loop)
    if why:
        raise ValueError(f"regime must be one under which the law of {quantity} is known ({why}), got {regime}.")
    if (beyond is not None) != (quantity == "tail_mass"):
        raise ValueError(
            f"beyond must be given with 'tail_mass' and with nothing else, got {beyond} with {quantity!r}."
        )
    sizes, t = loop.plan.size, generation
    if loop.frozen:
        sizes, t = sizes[1:], t - 1
        if t < 1:
            raise ValueError("generation must be >= 2 (generation 1 is fitted to all rows, which are given), got 1.")
    n = int(sizes[0]) if (sizes == sizes[0]).all() else sizes.tolist()
    estimator = loop.model.estimator
    if quantity == "log_det":
        return LogDetLaw(n, t, dim=loop.dim, estimator=estimator)
    given = {"estimator": estimator, "variance": float(loop.model.cov)}
    if quantity in ("mean", "draw"):
        return (MeanLaw if quantity == "mean" else DrawLaw)(n, t, mean=float(loop.model.mean), **given)
    if quantity == "tail_mass":
        return TailMassLaw(n, t, beyond=check.number("beyond", beyond, above=0) * np.sqrt(given["variance"]), **given)
    return {"log_variance": LogVarianceLaw, "variance": VarianceLaw, "sd": SdLaw}[quantity](n, t, **given)
