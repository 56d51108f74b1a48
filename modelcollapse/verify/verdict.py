"""One run against one prediction: supported, contradicted, or no way to tell.

Three decisions are made before the numbers are looked at. *Scope*: family, estimator, regime, truth and
generations must be the same. *Null law*: a property of the quantity (`QUANTITIES`), not of the sample.
*Power*: which difference the check sees, as a share of what theory predicts to happen. Then every generation
is one comparison at level alpha / (number of comparisons).
"""

from __future__ import annotations

import dataclasses
import enum
import html
import json
import math
from dataclasses import dataclass

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse.regimes import read as read_regime
from modelcollapse.verify import pvalues

#: a difference of this share of what theory predicts to happen must be visible before a theory is called
#: supported; the mistakes that matter (the other estimator, another regime, real data forgotten) are of this
#: size or larger
EFFECT = 0.25
#: where theory and run are both certain (a fit to given rows), they differ by rounding: up to this, they agree
ROUNDING = 1e-11
#: probability of seeing the smallest effect that is reported
POWER = 0.9
#: largest relative variance of one replicate for which its mean may be called normal: beyond it one replicate of a
#: log-normal law moves the mean of any number of them as often as the normal law does, and no expansion helps
MOST_SPREAD = {"positive": 0.75, "square": 3.0}
#: w2_squared is compared while it is below this share of the variance of generation 0
NEAR = 0.3


class Status(enum.StrEnum):
    """What a run says about a prediction."""

    SUPPORTED = "SUPPORTED"
    CONTRADICTED = "CONTRADICTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"


@dataclass(frozen=True)
class Verdict:
    """What a run says about a prediction, with the numbers it rests on.

    Attributes
    ----------
    status : Status
        SUPPORTED, CONTRADICTED, INCONCLUSIVE or OUT_OF_SCOPE.
    sentence : str
        The verdict in one sentence.
    quantity, family, regime, kind, source, formula : str
        What was predicted, for what, and by whom.
    replicates, generations : int
        Size of the run.
    checked : int
        Generations at which theory and run could be compared.
    generation : int or None
        Where they differ most; the next five numbers belong to it.
    z : float
        (seen - expected) / standard_error.
    critical : float
        Absolute z from which the theory is contradicted.
    expected, seen, standard_error : float
        Prediction, mean over the replicates, and the standard error of that mean: theory's own where it is
        the basis of the test, the sample's for bounded quantities.
    smallest_effect : float
        Smallest difference that the check sees with probability 0.9 at its best generation, as a share of
        what theory predicts to happen.
    error_rate : float
        Probability, over the whole check, of CONTRADICTED although the theory is right.
    """

    status: Status
    sentence: str
    quantity: str = ""
    family: str = ""
    regime: str = ""
    kind: str = ""
    source: str = ""
    formula: str = ""
    replicates: int = 0
    generations: int = 0
    checked: int = 0
    generation: int | None = None
    z: float = math.nan
    critical: float = math.nan
    expected: float = math.nan
    seen: float = math.nan
    standard_error: float = math.nan
    smallest_effect: float = math.nan
    error_rate: float = math.nan

    def _rows(self) -> list[tuple[str, str]]:
        origin = ", ".join(x for x in (self.kind, self.source) if x)
        rows = [
            ("theory", f"{self.formula or self.quantity} ({origin})"),
            ("run", f"{self.family}, {self.regime}, {self.replicates} replicates, {self.generations} generations"),
        ]
        if self.generation is not None:
            rows += [
                ("expected", f"{self.expected:.6g} at generation {self.generation}"),
                ("seen", f"{self.seen:.6g}, standard error {self.standard_error:.2g}"),
                ("z", f"{self.z:+.2f} (contradicted from {self.critical:.2f} on; error rate {self.error_rate:g})"),
            ]
            if math.isfinite(self.smallest_effect):
                rows.append(("could see", f"{self.smallest_effect:.2g} of what theory predicts to happen"))
        return rows

    def __str__(self) -> str:
        lines = [f"{self.status}: {self.quantity}"]
        lines += [f"  {name:<10}{text}" for name, text in self._rows()]
        return "\n".join([*lines, f"  {self.sentence}"])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td style='text-align:left'>"
            f"{html.escape(text)}</td></tr>"
            for name, text in self._rows()
        )
        return (
            f"<div><b>{self.status}</b>: {html.escape(self.quantity)}<table>{rows}</table>"
            f"<p>{html.escape(self.sentence)}</p></div>"
        )

    def to_dict(self) -> dict:
        """Return the verdict as JSON can hold it: what is not a finite number becomes None."""
        out = dataclasses.asdict(self)
        out["status"] = str(self.status)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in out.items()}


def _centred(run):
    error = run["mean"] - run["mean"].sel(generation=0)
    return (error**2).sum("dim", skipna=False) if "dim" in error.dims else error**2


def _alive(run):
    if "weight" in run:
        share, least = run["weight"], _half_a_point(run)
    else:
        share, least = run["probability" if "probability" in run else "rate"], 0.0
    return (share > least).astype(float).where(share.notnull())  # NaN > 0 is false, and would count as a loss


def _half_a_point(run):
    """Half the weight of a point: a component that has lost its points keeps a tiny weight."""
    size = read_regime(run.attrs["regime"]).plan(int(run.attrs["generations"])).size
    least = np.concatenate([[0.0], 0.5 / size])
    return type(run["weight"])(least[run["generation"].values], dims="generation")


def _entropy(run):
    p = run["probability"]
    return p.copy(data=scipy.special.entr(p.values)).sum("category", skipna=False)


def _w2_squared(run):
    if "cov" in run:
        from modelcollapse import metrics

        return metrics.w2_squared(run)
    sd = np.exp(run["log_variance"] / 2)
    return _centred(run) + (sd - sd.sel(generation=0)) ** 2


#: quantity -> (null law, value of each replicate). "log": a sum of independent logarithms of chi-squares,
#: normal up to a skewness that theory's sd bounds; "positive": a product of chi-squares; "square": that of a
#: mean, heavy-tailed; "bounded": between two known numbers; "event": happens or not; "martingale": of constant mean,
#: with a standard deviation that theory knows, and any tails. Where a bound is all that is known of the standard
#: deviation, and for a "positive" quantity that is no product of chi-squares, the law is "spread": any tails.
QUANTITIES = {
    "log_variance": ("log", lambda run: run["log_variance"]),
    "log_det": ("log", lambda run: run["log_det"]),
    "variance": ("positive", lambda run: np.exp(run["log_variance"])),
    "sd": ("positive", lambda run: np.exp(run["log_variance"] / 2)),
    "mean_squared_error": ("square", _centred),
    "w2_squared": ("square", _w2_squared),
    "mean": ("martingale", lambda run: run["mean"]),
    "rate": ("martingale", lambda run: run["rate"]),
    "log_rate": ("log", lambda run: run["log_rate"]),
    "entropy": ("bounded", _entropy),
    "weight": ("bounded", lambda run: run["weight"]),
    "heterozygosity": ("bounded", lambda run: 1 - (run["probability"] ** 2).sum("category", skipna=False)),
    "support": ("bounded", lambda run: _alive(run).sum("category", skipna=False)),
    "survival": ("event", _alive),
    "probability": ("bounded", lambda run: run["probability"]),
    "coef": ("martingale", lambda run: run["coef"]),
    "excess_risk": ("square", lambda run: run["excess_risk"]),
}
#: quantities that theory predicts but that no run can be held against, and what to compare instead
UNTESTED = {
    "cov": "theory knows no standard deviation of a covariance; compare log_variance and log_det",
    "kl_forward": "theory knows no standard deviation of the divergence; compare log_variance and w2_squared",
    "kl_reverse": "the divergence has no known standard deviation, perhaps none at all; compare log_variance",
}


def _bounds(quantity: str, run) -> tuple[float, float]:
    if quantity in ("probability", "weight"):
        return 0.0, 1.0
    categories = run.sizes["category"]
    return {
        "heterozygosity": (0.0, 1 - 1 / categories),
        "entropy": (0.0, math.log(categories)),
        "support": (1.0, float(categories)),
    }[quantity]


def _null_law(law: str, known) -> str:
    """Return the null law of a prediction: what is not made of chi-squares, or has a bound for an sd, has any tails."""
    if law in ("positive", "square") and (
        known.attrs.get("sd_kind") == "bound" or known.attrs.get("family") != "Gaussian"
    ):
        return "spread"
    return law


def _skewness(law: str, expected: np.ndarray, sd: np.ndarray) -> np.ndarray:
    r"""Bound the absolute skewness of one replicate by its mean and standard deviation, (generation, ...).

    "log": for the log of a chi-square :math:`|\psi_2| < \psi_1^2`, so a sum of independent ones with variances v_i
    has a third cumulant below :math:`\sum v_i^2`. "positive": a log-normal variable of relative variance q has
    :math:`(q + 3)\sqrt q`; products of chi-squares have less. "square": a squared normal variable times an independent
    log-normal one. Infinite where the tail is too heavy for a normal law (`MOST_SPREAD`).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if law == "log":
            steps = np.diff(sd**2, axis=0, prepend=0.0)
            bound = np.cumsum(np.maximum(steps, 0) ** 2, axis=0) / sd**3
            # a variance that shrinks is no random walk; then the sum may be one summand: its skewness is below its sd
            return np.where(steps >= -1e-12 * sd**2, bound, np.maximum(sd, bound))
        q = np.square(sd / expected)
        bound = (q + 3) * np.sqrt(q)
        if law == "square":  # below q = 2 there are several squares: the first bound holds
            w = (q + 1) / 3
            bound = np.where(q >= 2, (15 * w**3 - 9 * w + 2) / (3 * w - 1) ** 1.5, bound)
        return np.where(q <= MOST_SPREAD[law], bound, np.inf)


def _out_of_scope(run, known) -> str | None:
    """Say why a prediction does not speak about a run, or nothing."""
    family, regime = str(known.attrs.get("family", "")), str(known.attrs.get("regime", ""))
    if regime not in (run.attrs.get("regime_text"), run.attrs.get("regime")):
        return f"the prediction is for {regime or 'no regime'}, the run is {run.attrs.get('regime_text')}"
    if family != run.attrs.get("family"):
        return f"the prediction is for {family or 'no family'} and the run is of {run.attrs.get('family')} models"
    options = json.loads(run.attrs.get("family_options", "{}"))
    for name in ("estimator", "bandwidth", "penalty", "design"):
        used = options.get(name)
        if known.attrs.get(name, used) != used:
            return f"the prediction is for {name}={known.attrs[name]!r} and the run used {used!r}"
    truths = [str(data.attrs.get("truth", "model")) for data in (run, known)]
    if truths[0] != truths[1]:
        return f"the truth of the run is {truths[0]} and that of the prediction {truths[1]}"
    here, there = run["generation"].values, known["generation"].values
    if not np.array_equal(here, there):
        return f"the prediction has generations {there[0]} to {there[-1]} and the run {here[0]} to {here[-1]}"
    return None


def verify(run, known, *, alpha: float = 1e-6, effect: float = EFFECT) -> Verdict:
    """Hold a run against a prediction.

    Every generation (and category) is one comparison, at level alpha / (number of comparisons). A
    heavy-tailed mean is compared only where theory knows its standard deviation (or a bound on it, with
    ``attrs["sd_kind"]`` "bound") and, if a normal law is what it is held against, that is small enough for one;
    elsewhere the answer is INCONCLUSIVE, however well the numbers agree.

    Parameters
    ----------
    run : xarray.Dataset
        A result of `modelcollapse.simulate`.
    known : xarray.Dataset
        A result of `modelcollapse.predict` for the same family, regime and generations.
    alpha : float, default 1e-6
        Probability of CONTRADICTED although the prediction is right.
    effect : float, default 0.25
        SUPPORTED requires that a difference of this share of what theory predicts to happen (the change since
        generation 0; the level itself, where no change is predicted) would have been seen, at the best
        generation, with probability 0.9.

    Returns
    -------
    Verdict
        CONTRADICTED: the run is incompatible with the prediction, at error rate `alpha`. SUPPORTED: it is
        compatible at every generation, and would have shown a difference of `effect`. INCONCLUSIVE: it cannot
        tell; the sentence says why and what would help. OUT_OF_SCOPE: they are about different things.

    Raises
    ------
    ValueError
        If the quantity is not one that can be verified.

    Notes
    -----
    An asymptotic prediction (kind "asymptotic") that deviates is INCONCLUSIVE unless it states its remainder
    (``attrs["remainder"]``, a share of the predicted change), because a finite sample size may be the reason; with a
    remainder only what exceeds it counts. A bound (kind "bound", with ``attrs["side"]`` "lower" or "upper") is tested
    on its forbidden side only. Means are compared, nothing else: a program with the right mean and the wrong spread
    (the same noise every generation) may agree in ``log_variance``; it does not in ``variance``.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> truth, regime = mc.Gaussian(0.0, 1.0, estimator="mle"), mc.Replace(n=20)
    >>> run = mc.simulate(truth, regime, generations=40, replicates=2000, rng=1)
    >>> str(verify(run, mc.predict("log_variance", truth, regime, generations=40)).status)
    'SUPPORTED'
    """
    alpha = check.number("alpha", alpha, above=0.0, most=0.5, because="it is a probability of false alarm")
    effect = check.number("effect", effect, above=0.0)
    quantity = check.choice("known.attrs['quantity']", known.attrs.get("quantity"), [*QUANTITIES, *UNTESTED])
    kind = str(known.attrs.get("kind", "exact"))
    family = " ".join(text for text in (run.attrs.get("family"), known.attrs.get("estimator")) if text)
    blank = Verdict(
        Status.INCONCLUSIVE,
        "",
        quantity=quantity,
        kind=kind,
        error_rate=alpha,
        family=family,
        regime=str(run.attrs.get("regime_text", "")),
        source=str(known.attrs.get("source", "")),
        formula=str(known.attrs.get("formula", "")),
        replicates=run.sizes.get("replicate", 1),
        generations=run.sizes.get("generation", 1) - 1,
    )

    def verdict(status: Status, sentence: str, **numbers) -> Verdict:
        return dataclasses.replace(blank, status=status, sentence=sentence, **numbers)

    reason = _out_of_scope(run, known)
    side = {"lower": "below", "upper": "above"}.get(str(known.attrs.get("side")), "both")
    if reason is None and kind == "bound" and side == "both":
        reason = "the prediction is a bound and does not say on which side (attrs['side'] 'lower' or 'upper')"
    if reason is not None:
        return verdict(Status.OUT_OF_SCOPE, f"Out of scope: {reason}.")
    if quantity in UNTESTED:
        return verdict(Status.INCONCLUSIVE, f"Cannot tell: {UNTESTED[quantity]}.")
    law, value = QUANTITIES[quantity]
    law = _null_law(law, known)
    try:
        seen = value(run)
    except KeyError:
        return verdict(
            Status.OUT_OF_SCOPE, f"Out of scope: a run of {run.attrs.get('family')} models does not tell {quantity}."
        )
    extra = [dim for dim in seen.dims if dim not in ("replicate", "generation")]
    if set(known["mean"].dims) != {"generation", *extra}:
        return verdict(
            Status.OUT_OF_SCOPE,
            "Out of scope: the prediction has dimensions "
            f"{known['mean'].dims} and {quantity} of the run has {('generation', *extra)}.",
        )
    sample = seen.transpose("replicate", "generation", *extra).values
    expected = known["mean"].transpose("generation", *extra).values.astype(float)
    sd = (
        known["sd"].transpose("generation", *extra).values.astype(float)
        if "sd" in known
        else np.full_like(expected, np.nan)
    )
    if quantity == "w2_squared":
        # it tends to (mean error)^2 + variance_0: a constant that hides heavy tails from the relative variance
        early = expected <= NEAR * float(np.exp(run["log_variance"].isel(replicate=0).sel(generation=0)).sum())
        sd = np.where(early | np.isnan(sd), sd, np.inf)
    lost = ~np.isfinite(sample) & np.isfinite(expected)
    if lost.any():
        each = lost.reshape(*lost.shape[:2], -1).any(axis=2)
        return verdict(
            Status.INCONCLUSIVE,
            f"Cannot tell: {quantity} is not a finite number in "
            f"{int(each.any(axis=1).sum())} of {len(sample)} replicates, from generation "
            f"{int(run['generation'].values[each.any(axis=0).argmax()])} on, and a NaN agrees with "
            "nothing.",
        )
    other = np.abs(sample[:, 0] - expected[0]) > 1e-6 * np.maximum(1, np.abs(expected[0]))
    if side == "both" and other.any():
        r, *cell = np.argwhere(other)[0]
        return verdict(
            Status.OUT_OF_SCOPE,
            f"Out of scope: the prediction starts from {quantity} = "
            f"{expected[0][tuple(cell)]:.6g} and the run from {sample[:, 0][(r, *cell)]:.6g}; their "
            "truths differ.",
        )
    bounds = _bounds(quantity, run) if law == "bounded" else None
    remainder = known.attrs.get("remainder")
    found = _compare(
        law, sample, expected, sd, side=side, bounds=bounds, level_total=alpha, remainder=float(remainder or 0.0)
    )
    return _judge(
        found,
        verdict,
        quantity=quantity,
        law=law,
        sd=sd,
        effect=effect,
        generations=run["generation"].values,
        forgiving=kind == "asymptotic" and remainder is None,
        limit=str(known.attrs.get("limit", "n")),
    )


@dataclass(frozen=True)
class _Comparisons:
    """All comparisons of a run with a prediction; arrays are (generation, ...)."""

    level: float
    wanted: np.ndarray  # theory says something
    able: np.ndarray  # and there is a null law for it
    p: np.ndarray
    z: np.ndarray
    critical: np.ndarray
    expected: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    scale: np.ndarray  # what theory predicts to happen
    visible: np.ndarray  # smallest difference that is seen, as a share of it
    replicates: int


def _compare(law, sample, expected, sd, *, side, bounds, level_total, remainder) -> _Comparisons:
    R, mean = len(sample), sample.mean(axis=0)
    wanted = np.isfinite(expected)
    known = np.where(wanted, expected, 0.0)
    scale = np.where(wanted & np.isfinite(expected[0]), np.abs(expected - expected[0]), 0.0)
    if not scale.max() > 1e-9 * np.abs(known).max():  # nothing is to happen: the level is at stake
        # of a martingale the scatter is: a mean of zero is no level
        scale = {"log": np.ones_like(known), "martingale": np.where(np.isfinite(sd), sd, 0.0)}.get(law, np.abs(known))
    # a stated remainder moves the prediction towards what was seen, by no more than that
    allowed = scale * remainder
    expected = expected + np.clip(np.where(wanted, mean - expected, 0.0), -allowed, allowed)
    wanted[0] = False  # generation 0 is the truth, compared before
    level = level_total / max(int(wanted.sum()), 1)
    p = np.ones_like(expected)
    least = 0.0
    if law in ("log", "positive", "square"):
        skewness = _skewness(law, expected, sd) / math.sqrt(R)
        able = wanted & (sd >= 0) & ((skewness <= pvalues.MOST_SKEWNESS) | (sd == 0))
        skewness = np.where(able & (sd > 0), skewness, 0.0)
        error = np.where(able, sd, np.nan) / math.sqrt(R)
        critical = pvalues.critical(level, skewness, side)
        if able.any():
            p[able] = pvalues.pvalue_mean(
                sample[:, able], expected[able], sd[able], side=side, skewness=skewness[able] * math.sqrt(R)
            )
    elif law in ("martingale", "spread"):
        able = wanted & (sd >= 0) & np.isfinite(sd)
        error = np.where(able, sd, np.nan) / math.sqrt(R)
        critical = np.full_like(known, pvalues.spread_critical(level, side))
        if able.any():
            stakes = level / (2 if side == "both" else 1)
            p[able] = pvalues.pvalue_spread(sample[:, able], expected[able], sd[able], side=side, level=stakes)
    elif law == "event":
        able = wanted & (expected >= 0) & (expected <= 1)
        error = np.sqrt(np.clip(expected * (1 - expected), 0, None) / R)
        critical = pvalues.critical(level, np.zeros_like(known), side)
        least = -math.log(level) / R  # what is rarer goes unnoticed in R replicates
        if able.any():
            p[able] = pvalues.pvalue_binomial(sample[:, able].sum(axis=0), R, expected[able], side=side)
        p[wanted & ~able] = 0.0  # no probability: wrong without looking
    else:
        able = wanted
        error = sample.std(axis=0) / math.sqrt(R)  # for the report; the test does not use it
        stakes = level / (2 if side == "both" else 1)
        with np.errstate(divide="ignore"):
            critical = pvalues.bounded_width(error * math.sqrt(R), known, *bounds, R, stakes) / error
        if able.any():
            p[able] = pvalues.pvalue_bounded(sample[:, able], expected[able], *bounds, side=side, level=stakes)
    same = np.isclose(mean, expected, rtol=ROUNDING, atol=ROUNDING)
    p[same] = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(same, 0.0, (mean - expected) / error)
        visible = np.maximum((critical + scipy.special.ndtri(POWER)) * error, least) / scale
    # where both are certain nothing is at stake, and nothing was shown
    visible = np.where(able & np.isfinite(visible) & (visible > 0), visible, np.inf)
    return _Comparisons(level, wanted, able, p, z, critical, expected, mean, error, scale, visible, R)


def _judge(found: _Comparisons, verdict, *, quantity, law, sd, effect, generations, forgiving, limit) -> Verdict:
    """Turn comparisons into a verdict; the order of the questions is the order of the lines."""
    best = np.unravel_index(int(found.visible.argmin()), found.visible.shape)
    smallest, R = float(found.visible[best]), found.replicates
    checked = int(found.able.reshape(len(found.able), -1).any(axis=1).sum())
    about = {"checked": checked, "smallest_effect": smallest}
    if not found.wanted.any():
        return verdict(
            Status.INCONCLUSIVE, f"Cannot tell: theory gives no value of {quantity} after generation 0.", **about
        )
    compared = found.able | (found.p < 1)
    missing = _why_missing(quantity, law, found.wanted & ~compared, sd, generations, R)
    if not compared.any():
        return verdict(Status.INCONCLUSIVE, f"Cannot tell: {missing}.", **about)

    # the worst comparison: smallest p-value; among equals, largest |z|
    distance = np.where(compared, np.abs(found.z), -1.0)
    at = np.unravel_index(int(np.lexsort((-distance.ravel(), found.p.ravel()))[0]), found.p.shape)
    t = int(generations[at[0]])
    about |= {
        "generation": t,
        "z": float(found.z[at]),
        "critical": float(found.critical[at]),
        "expected": float(found.expected[at]),
        "seen": float(found.mean[at]),
        "standard_error": float(found.error[at]),
    }
    numbers = (
        f"{quantity} is {found.mean[at]:.5g} at generation {t} where theory says {found.expected[at]:.5g} "
        f"(z = {found.z[at]:+.2f}, {R} replicates)"
    )
    if found.p[at] <= found.level:
        if not forgiving:
            return verdict(Status.CONTRADICTED, f"Contradicted: {numbers}.", **about)
        share = abs(found.mean[at] - found.expected[at]) / found.scale[at] if found.scale[at] else math.inf
        return verdict(
            Status.INCONCLUSIVE,
            f"Cannot tell: {numbers}, which is {share:.2g} of the predicted "
            f"change; but the prediction is asymptotic and states no remainder, so a finite {limit} may be the "
            f"reason: repeat with a larger {limit}, where a remainder shrinks and a mistake does not.",
            **about,
        )
    if missing:
        return verdict(
            Status.INCONCLUSIVE,
            f"Cannot tell: theory and run agree at the {checked} generations that can be compared, but {missing}.",
            **about,
        )
    if smallest > effect:
        needed = (
            f"it takes about {R * (smallest / effect) ** 2:.1g} replicates"
            if math.isfinite(smallest)
            else "this quantity cannot show one"
        )
        return verdict(
            Status.INCONCLUSIVE,
            "Cannot tell: theory and run agree, but the smallest visible "
            f"difference is {smallest:.2g} of what theory predicts to happen where {effect:g} is asked "
            f"for; {needed}.",
            **about,
        )
    return verdict(
        Status.SUPPORTED,
        f"Supported: {quantity} agrees with theory at {checked} generations (largest "
        f"deviation z = {found.z[at]:+.2f} at generation {t}, contradicted from {found.critical[at]:.2f} "
        f"on); a difference of {smallest:.2g} of what theory predicts to happen would have been seen.",
        **about,
    )


def _why_missing(quantity: str, law: str, missing: np.ndarray, sd: np.ndarray, generations, R: int) -> str:
    """Say why some comparisons could not be made; empty if all were."""
    where = generations[np.unique(np.argwhere(missing)[:, 0])]
    if len(where) == 0:
        return ""
    span = f"{len(where)} generation{'s' * (len(where) > 1)} ({where[0]} to {where[-1]})"
    if np.isnan(sd[missing]).any():
        return (
            f"theory gives no standard deviation of {quantity} for {span}, and that of a sample decides "
            "nothing (heavy tails, G-HEAVY)"
        )
    help_ = "compare log_variance, or fewer generations" if law in ("positive", "square") else "use more replicates"
    return (
        f"the law of {quantity} is too skewed for {R} replicates at {span} (G-HEAVY: few paths carry the mean); {help_}"
    )
