"""The door: a run, or a prediction, in; one row for each definition out."""

from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np

from modelcollapse import _validate as check
from modelcollapse import regimes
from modelcollapse._rng import generator
from modelcollapse.diagnose import definitions, measured
from modelcollapse.diagnose.definitions import Row, Settings
from modelcollapse.metrics import _read as read

#: the eight senses, in the order of Schaeffer et al.
DEFINITIONS = (
    "catastrophic increase of population risk",
    "any increase of population risk",
    "asymptotically diverging population risk",
    "collapsing variance",
    "change in scaling law",
    "entanglement of real modes",
    "disappearance of real tails",
    "appearance of hallucinated data",
)
#: columns of the answer
COLUMNS = ["criterion", "verdict", "value", "standard_error", "threshold", "generation", "note"]
#: fewest chains of a verdict: the range of ten holds the median but in 1 case of 500
CHAINS = 10
#: quantities of a prediction, by what they tell about
RISK = ("w2_squared", "kl_forward", "kl_reverse", "mean_squared_error")
LOGARITHMS = {"log_variance": 1.0, "log_det": 1.0, "log_rate": -2.0}
SPREAD = ("heterozygosity", "entropy", "variance", "sd", "cov")
TAIL = ("survival", "support")


def diagnose(
    run,
    *,
    risk: str | None = None,
    factor: float = 10.0,
    margin: float = 0.1,
    persistence: float = 0.5,
    little: float = 0.1,
    scaling=(),
    exponent: float = 0.1,
    separation: float = 2.0,
    most: float = 0.5,
    tail: float = 0.05,
    kept: float = 0.5,
    rare: float = 0.001,
    hallucinated: float = 0.01,
    errors: float = 3.0,
    samples: int = 1000,
    rng=None,
):
    r"""Say in which of eight senses a run has collapsed, and by which number.

    Parameters
    ----------
    run : xarray.Dataset
        What `simulate` returns, of any family; at least generations 0, 1 and a later one, and ten chains for a verdict.
        Or what `predict` returns: then the definitions that its quantity bears on are decided by theory.
    risk : str, optional
        The population risk of definitions 1, 2, 3 and 5: ``"log_loss"``, :math:`\mathrm{KL}(p_0 \| p_t)`, the excess
        log loss on real data; ``"kl_forward"``, :math:`\mathrm{KL}(p_t \| p_0)`; ``"w2_squared"``; ``"l2_squared"``.
        Default: log loss; for a KernelDensity the squared :math:`W_2` of the normal laws with the same moments (a lower
        bound of its own, Gelbrich); for categories :math:`\sum_i(p_t - p_0)^2`, but log loss for definition 3,
        because a bounded risk cannot diverge; for a LinearRegression its recorded ``excess_risk``.
    factor : float
        Definition 1: how many times the risk of generation 1 is a catastrophe.
    margin : float
        Definition 2: a share of chains up to this above one half is no increase.
    persistence : float
        Definitions 3 and 4: a trend goes on if doubling the time multiplies by more than 1 + this. In (0, 1).
    little : float
        What is left of a thing of which next to nothing is left: it dates definition 4, and is the share of its
        original weight below which a mode is lost (6).
    scaling : xarray.Dataset or sequence of them
        Definition 5: further runs of the same truth and regime with other sample sizes, two or more.
    exponent : float
        Definition 5: a change of the exponent that matters.
    separation : float
        Definition 6: two components are apart if :math:`|m_1 - m_2| \ge` this many standard deviations (Ashman's D).
    most : float
        Definition 6: share of the chains.
    tail : float
        Definition 7: mass of the truth in its tail: outermost (both sides; upper side of counts and waiting times), or
        rarest categories.
    kept : float
        Definition 7: a tail of which less than this is left has disappeared.
    rare, hallucinated : float
        Definition 8: the region that the truth deems least likely and where it has the mass `rare`; the mean mass of
        the models there that is hallucination.
    errors : float
        Standard errors between a number and its threshold for a verdict; for the largest of several generations (2
        and 8) more, by Bonferroni.
    samples : int
        Points per model, where a divergence is sampled (mixtures); four times as many per generation for definition 8.
    rng : None, int, SeedSequence or Generator
        For mixtures, kernel densities and vectors.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``definition``, with the columns

        * ``criterion``: what was asked;
        * ``verdict``: "yes", "no" or "cannot tell";
        * ``value``, ``standard_error``, ``threshold``: the number behind it;
        * ``generation``: when it happened; of 4, when `little` was left;
        * ``note``: why a verdict cannot be told, and whatever else should be known.

    Raises
    ------
    TypeError, ValueError
        If the run lacks what is needed, or a keyword breaks its rule.

    Notes
    -----
    Chains that a curation has stopped (variable ``stopped``) are left out, and the notes say how many: a verdict is
    then about the chains that ran on.

    Names: Schaeffer et al., arXiv 2503.03150; criteria: `position-eight-definitions` (derived). A verdict is about the
    horizon of the run: with 3 and 4 see the head of this room.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth = mc.Gaussian(0.0, 1.0, estimator="mle")
    >>> run = mc.simulate(truth, mc.Replace(n=20), generations=100, replicates=400, rng=1)
    >>> mc.diagnose(run)["verdict"].tolist()[:4]
    ['yes', 'yes', 'yes', 'yes']
    """
    import pandas as pd
    import xarray as xr

    if not isinstance(run, xr.Dataset):
        raise TypeError(f"run must be an xarray.Dataset such as simulate or predict returns, got {type(run).__name__}.")
    scaling = list(scaling) if np.iterable(scaling) and not isinstance(scaling, xr.Dataset) else [scaling]
    other = [one for one in scaling if not isinstance(one, xr.Dataset)]
    if other:
        raise TypeError(
            "scaling must be runs that simulate returns, an xarray.Dataset or a sequence of them, "
            f"got {type(other[0]).__name__}."
        )
    persistence = check.number("persistence", persistence, above=0.0)
    if persistence >= 1:
        raise ValueError(f"persistence must be < 1 (what grows steadily doubles as time does), got {persistence:g}.")
    s = Settings(
        risk=risk,
        factor=check.number("factor", factor, above=1.0),
        margin=check.number("margin", margin, above=0.0, most=0.5),
        persistence=persistence,
        little=check.number("little", little, above=0.0, most=1.0),
        exponent=check.number("exponent", exponent, above=0.0),
        separation=check.number("separation", separation, above=0.0),
        most=check.probability("most", most),
        tail=check.number("tail", tail, above=0.0, most=0.5),
        kept=check.number("kept", kept, above=0.0, most=1.0),
        rare=check.number("rare", rare, above=0.0, most=0.5),
        hallucinated=check.number("hallucinated", hallucinated, above=0.0, most=1.0),
        errors=check.number("errors", errors, above=0.0),
        samples=check.integer("samples", samples, least=2),
        rng=generator(rng),
    )
    predicted = "replicate" not in run.dims and "quantity" in run.attrs
    rows = _of_prediction(run, s) if predicted else _of_run(run, scaling, s)
    table = pd.DataFrame([astuple(row)[: len(COLUMNS)] for row in rows], columns=COLUMNS)
    table["generation"] = table["generation"].astype("Int64")
    return table.set_index(pd.Index(DEFINITIONS, name="definition"))


def _checked(run) -> str:
    """Return the family of a run that has what every definition needs."""
    for dim in ("replicate", "generation"):
        if dim not in run.dims:
            raise ValueError(
                f"run must have the dimension {dim} (each chain and each generation is looked at), got the dimensions "
                f"{', '.join(map(str, run.dims))}."
            )
    family = run.attrs.get("family")
    if family not in measured.RISKS:
        raise ValueError(f"run must hold models of {', '.join(measured.RISKS)}, got attrs['family'] = {family!r}.")
    t = run["generation"].values
    if not {0, 1} <= set(t.tolist()) or t[-1] < 2:
        raise ValueError(
            "run must hold generations 0 (the truth), 1 (the fit to real data) and a later one (else there is no loop "
            f"to judge), got {', '.join(map(str, t[:4]))}{' ...' if len(t) > 4 else ''}; keep them when selecting."
        )
    return family


def _running(run):
    """Return the chains of a run that no curation has stopped, and what is to be said of the others."""
    if "stopped" not in run or run["stopped"].dims != ("replicate",):
        return run, ""
    going = read.running(run)[:, -1]
    if going.all():
        return run, ""
    if not going.any():
        raise ValueError(
            "run must hold a chain that ran to its last generation (stopped ones have no models to judge), got "
            f"{len(going)} chains, all stopped by generation {int(run['stopped'].max())}; select earlier generations."
        )
    return run.isel(replicate=going), f"{(~going).sum()} of {len(going)} chains stopped and are left out"


def _attempt(criterion: str, answer) -> Row:
    """Return a row, or why there is none: metrics say what they cannot measure."""
    try:
        return answer()
    except ValueError as error:
        return Row(criterion, note=str(error))


def _of_run(run, others, s: Settings) -> list[Row]:
    """Decide all definitions for a run."""
    family = _checked(run)
    for other in others:
        if _checked(other) != family:
            raise ValueError(f"scaling must hold runs of the same family, {family}, got {other.attrs['family']}.")
    run, stopped = _running(run)
    others, stopped_others = zip(*map(_running, others), strict=True) if others else ((), ())
    legal = measured.RISKS[family]
    name = legal[0] if s.risk is None else check.choice("risk", s.risk, legal)
    unbounded = "log_loss" if family == "Categorical" and s.risk is None else name
    known = {}

    def risk(which):
        if which not in known:
            known[which] = measured.risk(run, which, s.samples, s.rng)
        return known[which]

    def words(which):
        return measured.WORDS[which]

    def catastrophic():
        t, x, bounded = risk(name)
        return definitions.catastrophic(t, x, bounded, s, words(name))

    def scaling():
        t, x, bounded = risk(name)
        runs = [measured.risk(r, name, s.samples, s.rng)[:2] for r in others]
        return definitions.scaling([(t, x), *runs], [_size(r) for r in (run, *others)], bounded, s)

    def disappearing():
        t, x, bounded, which = measured.tail(run, s.tail)
        return definitions.disappearing(t, x, bounded, s, which)

    def inventing():
        if family == "Categorical":
            return _invented(run)
        return definitions.inventing(*measured.hallucinated(run, s.rare, 4 * s.samples, s.rng), s)

    rows = [
        _attempt("median risk", catastrophic),
        _attempt("share of chains", lambda: definitions.increase(*risk(name)[:2], s, words(name))),
        _attempt("growth of risk", lambda: definitions.diverging(*risk(unbounded), s, words(unbounded))),
        _attempt("loss of log variance", lambda: definitions.collapsing(run["generation"].values, *_variety(run, s))),
        _attempt("exponent of risk in n", scaling),
        _attempt(
            "share of chains", lambda: definitions.entangling(*measured.entangled(run, s.separation, s.little), s)
        ),
        _attempt("what is left of the tail", disappearing),
        _attempt("mean mass", inventing),
    ]
    for i, which in ((0, name), (1, name), (2, unbounded)):
        last = known[which][0][-1] if which in known else run["generation"].values[-1]
        if last < run["generation"].values[-1]:
            short = f"up to generation {last}: beyond, the covariance has lost its digits"
            rows[i] = replace(rows[i], note="; ".join(filter(None, (rows[i].note, short))))
    if family == "LinearRegression":
        note = "not applicable: a regression refits the mean of its labels alone"
        rows = [replace(row, note=note) if i in (3, 5, 6, 7) else row for i, row in enumerate(rows)]
    R = run.sizes["replicate"]
    if R < CHAINS:
        note = f"{R} chain{'s' if R > 1 else ''}: chance cannot be told from trend with fewer than {CHAINS}"
        rows = [
            row if row.certain or row.verdict == "cannot tell" else replace(row, verdict="cannot tell", note=note)
            for row in rows
        ]
    rows[4] = _with_note(rows[4], *(f"in scaling, {note}" for note in stopped_others if note))
    return [_with_note(row, stopped) for row in rows]


def _with_note(row: Row, *notes: str) -> Row:
    """Return a row with something added to its note."""
    notes = list(filter(None, notes))
    return replace(row, note="; ".join(filter(None, (row.note.rstrip("."), *notes)))) if notes else row


def _variety(run, s: Settings):
    """Return what `definitions.collapsing` wants to know after the generations."""
    x, logarithmic, words = measured.variety(run)
    return x, logarithmic, s, words


def _size(run) -> int:
    """Return the points of the first fit of a run."""
    try:
        return int(regimes.read(run.attrs["regime"]).plan(int(run.attrs["generations"])).size[0])
    except (KeyError, TypeError) as error:
        raise ValueError("a run does not say how large its samples are") from error


def _invented(run) -> Row:
    """Definition 8 for categories: a count cannot invent one, which is seen in the run and not believed."""
    p, t = measured.values(run, "probability"), run["generation"].values
    outside = p[..., p[0, 0] == 0].sum(axis=-1)
    row = Row("mass on categories that the truth lacks", "no", float(outside.max()), threshold=0.0, certain=True)
    if outside.any():
        return replace(row, verdict="yes", generation=definitions.first(t, outside.any(axis=0)))
    return replace(row, note="a count invents nothing")


def _of_prediction(known, s: Settings) -> list[Row]:
    """Decide the definitions that a predicted quantity bears on: one curve, no standard error."""
    quantity, t = known.attrs["quantity"], known["generation"].values
    if len(t) < 3:
        raise ValueError(f"run must hold generations 0, 1 and a later one, got {len(t)} generations.")
    curve = known["mean"].transpose("generation", ...).values
    if quantity == "cov":
        curve = np.trace(curve, axis1=-2, axis2=-1)
    rows = [Row("by theory", note=f"a prediction of {quantity} does not bear on it")] * len(DEFINITIONS)
    source = f"{known.attrs.get('kind', 'theory')}: {known.attrs.get('source', '')}".rstrip(": ")
    words = f"expected {quantity}"
    one = curve[None] if curve.ndim == 1 else None
    if quantity in RISK:
        rows[0] = definitions.catastrophic(t, one, False, s, words)
        later = one[0, 2:] > one[0, 1] * (1 + 1e-12)
        rows[1] = Row(f"{words} above that of generation 1", "yes" if later.any() else "no", threshold=1.0)
        rows[1] = replace(
            rows[1], value=_ratio(one[0, 2:].max(), one[0, 1]), generation=definitions.first(t[2:], later)
        )
        rows[2] = definitions.diverging(t, one, False, s, words)
        seen = (0, 1, 2)
    elif quantity in LOGARITHMS:
        x = LOGARITHMS[quantity] * (curve - curve[0])
        x = x.mean(axis=-1) if x.ndim > 1 else x
        rows[3] = definitions.collapsing(t, x[None], True, s, "determinant" if quantity == "log_det" else "variance")
        seen = (3,)
    elif quantity in SPREAD:
        x = curve / curve[0]
        x = x.mean(axis=-1) if x.ndim > 1 else x
        row = definitions.collapsing(t, x[None], False, s, f"expected {quantity}")
        if quantity in ("variance", "cov", "sd") and row.verdict == "no":
            note = "an expectation that stays says nothing, it may be carried by a few chains: predict log_variance"
            row = replace(row, verdict="cannot tell", note=note)
        rows[3], seen = row, (3,)
    elif quantity in TAIL:
        x = curve.sum(axis=-1) if curve.ndim > 1 else curve
        rows[6] = definitions.disappearing(t, x[None], True, s, "all parts")
        seen = (6,)
    else:
        seen = ()
    for i in seen:
        rows[i] = replace(rows[i], standard_error=math.nan, note="; ".join(filter(None, (rows[i].note, source))))
    return rows


def _ratio(a: float, b: float) -> float:
    """Return a / b, infinite where b is 0."""
    return float(a / b) if b > 0 else math.inf if a > 0 else math.nan
