r"""How much real data, what growth, what detector: what would keep the loss within a tolerance?

Theory says what becomes of a loop; a practitioner asks the reverse. With n points per generation and a horizon of T
generations, one of three losses is tolerated:

* **variance**: at most a share of the expected variance, or heterozygosity, is lost. By `F-MASTER` that is
  :math:`F_t \le` the share, for categories, Gaussians with ``estimator="mle"`` and every family fitted by moments.
* **tail**: at most a share of the mass beyond k standard deviations of a normal law is lost. The mass beyond k of a
  law of variance :math:`1 - F` is :math:`2\Phi(-k/\sqrt{1-F})`, so that this too is a limit for F; an approximation,
  because it takes the variance of a chain for its expectation.
* **minority**: a category of frequency q is still there after T generations, with a probability asked for.

Every means of keeping it has one knob: real points per generation, a fraction, an exponent. The loss falls as the knob
is turned up, so the least setting that does is found by bisection: to the last point where the knob counts points, to a
relative 1e-6 where it is a number (or points by the million). What is bisected is theory and nothing else.

**Detectors.** A stream of data of which the share :math:`\alpha` is real is cleaned by a detector that flags synthetic
points with probability TPR and real ones with probability FPR. What is left is contaminated in the odds
(`detector-effective-contamination`)

.. math:: \frac{\kappa'}{1-\kappa'} = \frac{1-\alpha}{\alpha}\cdot\frac{1-\mathrm{TPR}}{1-\mathrm{FPR}},

and if flags do not depend on the values, n points of it are the regime ``Mix(n, 1 - κ')``. So the detector that is
needed follows from the real fraction that is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from modelcollapse import _validate as check
from modelcollapse import theory
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Regime, Replace

__all__ = ["plan"]

#: a number (a fraction, an exponent) is found to this relative accuracy, on the side that keeps the tolerance, and
#: shown with as many digits
STEP, DIGITS = 1e-6, 7
#: a tolerance that is missed by this share is kept: it is rounding
ROUNDING = 1e-12
#: points per generation that nobody has: a constant size beyond is not an answer
MOST = 10**15
#: a schedule may end at this size; its first sizes have decided by then
LARGEST = 1e300
#: longest horizon for a minority: its survival is followed generation by generation, a quarter of a minute up to here
LONGEST = 10_000
#: fits of so many points are followed exactly under immigration, larger ones by a bound that is then close
MATRIX_UP_TO = 300
#: names of the columns of the answer
COLUMNS = ["option", "setting", "amount", "achieved", "kind", "source", "note", "regime"]


# ------------------------------------------------------------------------------------------------- searching


def _least_whole(ok: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the least whole number in low .. high that will do, None if `high` will not; `ok` is monotone."""
    if not ok(high):
        return None
    if ok(low):
        return low
    while high - low > max(1, STEP / 2 * high):
        middle = (low + high) // 2
        low, high = (low, middle) if ok(middle) else (middle, high)
    return high


def _least_number(ok: Callable[[float], bool], low: float, high: float) -> float | None:
    """Return a number that will do, at most a relative STEP above the least in [low, high]; None if there is none."""
    cap = high
    if not ok(high):
        return None
    if ok(low):
        return low
    while high - low > STEP / 2 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if ok(middle) else (middle, high)
    unit = 10.0 ** (math.floor(math.log10(high)) + 1 - DIGITS)
    return min(math.ceil(high / unit) * unit, cap)


# ---------------------------------------------------------------------------------------------- what is measured


@dataclass(frozen=True)
class _Spread:
    """The share of expected variance or heterozygosity that is lost by generation T: the largest F on the way."""

    generations: int
    limit: float
    kind: str = "exact"
    source: str = "F-MASTER"
    beyond: float | None = None
    short = "more is lost than is tolerated"

    def shown(self, F: float) -> float:
        """Return what is lost, in the terms in which the tolerance was given."""
        return F if self.beyond is None else _tail_lost(F, self.beyond)

    def ok(self, F: float) -> bool:
        """Whether a loss is tolerated."""
        return self.limit * (1 + ROUNDING) >= F

    def replace(self, n) -> float:
        """Loss under Replace: one size, or sizes (T,)."""
        if np.ndim(n):
            return float(theory.inbreeding_sizes(n)[-1])
        return float(theory.inbreeding_replace(n, self.generations))

    def bracket(self) -> tuple[int, int]:
        """Return sizes between which the least one under Replace lies."""
        return 1, MOST

    def accumulate(self, n: int) -> float:
        """Loss under Accumulate."""
        return float(theory.inbreeding_accumulate(n, self.generations))

    def fresh(self, n: int, real: int) -> float:
        """Loss under FreshReal."""
        return float(theory.inbreeding_fresh_real(n, real, self.generations))

    def mix(self, n: int, fraction: float) -> float:
        """Loss under Mix."""
        return float(theory.inbreeding_mix(n, fraction, self.generations))

    def fixed(self, n: int, real: int) -> float:
        """Loss under FixedReal with n points in all."""
        return float(theory.inbreeding(FixedReal(n=n - real, n_real=real, n_first=n), self.generations).max())

    def kinds(self, option: str, n: int) -> tuple[str, str]:
        """Kind and source of an option."""
        names = {"accumulate": "F-ACC", "fresh": "F-FRESH", "mix": "F-MIX", "fixed": "F-FIX", "schedule": "F-REPVAR"}
        return self.kind, f"{self.source}, {names.get(option, 'F-REP')}"


def _tail_lost(F: float, beyond: float) -> float:
    """Return the share of the mass beyond k sd that a normal law loses with the share F of its variance."""
    if F >= 1:
        return 1.0
    now, first = (scipy.special.log_ndtr(-beyond / math.sqrt(v)) for v in (1 - F, 1.0))
    return float(-np.expm1(now - first))


def _tail_limit(lost: float, beyond: float) -> float:
    """Return the share of the variance with which a normal law loses the share `lost` of its mass beyond k sd."""
    z = -scipy.special.ndtri_exp(math.log1p(-lost) + scipy.special.log_ndtr(-beyond))
    return float((z - beyond) * (z + beyond) / z**2)


@dataclass(frozen=True)
class _Minority:
    """The probability that a category of frequency q is there in generation T."""

    generations: int
    q: float
    least: float
    short = "it survives too rarely"

    def shown(self, alive: float) -> float:
        """Return the probability itself."""
        return alive

    def ok(self, alive: float) -> bool:
        """Whether it survives as surely as asked."""
        return alive >= self.least * (1 - ROUNDING)

    def replace(self, n) -> float:
        """Survival under Replace; sizes (T,) by the lower bound that holds for every schedule."""
        if np.ndim(n) == 0:
            return float(theory.survival([self.q], n, self.generations)[-1, 0])
        g = 1.0  # a point drawn in fit 1 has descendants in fit T
        for ratio in (n[1:] / n[:-1])[::-1]:
            g = -math.expm1(-ratio * g)
        return max(-math.expm1(n[0] * math.log1p(-self.q * g)), self.q)

    def bracket(self) -> tuple[int, int]:
        """Return sizes below and at which it survives as surely as asked under Replace, closer than a bisection."""
        g = float(theory.g_iterates(self.generations)[-1])
        high = min(math.ceil(math.log1p(-self.least) / math.log1p(-self.q * g)), MOST)  # by the lower bound
        for share in (0.99, 0.9, 0.5):
            if not self.ok(self.replace(max(int(share * high), 1))):
                return max(int(share * high), 1), high
        return 1, high

    def accumulate(self, n: int) -> float:
        """Survival under Accumulate: a category that was seen once stays."""
        return float(theory.first_fit_survival([self.q], n)[0])

    def fresh(self, n: int, real: int) -> float:
        """Survival with `real` new real points per generation: the chain of counts, or a lower bound."""
        return self._immigration(n, n - real, 0.0, real)

    def mix(self, n: int, fraction: float) -> float:
        """Survival with immigrants."""
        return self._immigration(n, n, fraction, 0)

    def fixed(self, n: int, real: int) -> float:
        """Survival if it is among the points that are kept: a lower bound."""
        return float(theory.first_fit_survival([self.q], real)[0])

    def _immigration(self, n: int, made: int, fraction: float, real: int) -> float:
        r"""Follow a count of which `made` points are drawn at :math:`(1-m)x + mq` and `real` at q.

        Up to MATRIX_UP_TO points the law of the count itself; beyond, the bound that follows from
        :math:`E e^{-s\,\mathrm{Bin}(k, x)} \le e^{-kx(1 - e^{-s})}`, which is one exponent per generation.
        """
        T, q, m = self.generations, self.q, fraction
        if T == 1 or made == 0:
            return float(theory.first_fit_survival([q], n)[0])
        if n <= MATRIX_UP_TO:
            step = theory.wright_fisher_matrix(n, made, migration=m, source=q)
            count = np.exp(_log_binomial(n, q))
            arrivals = np.exp(_log_binomial(real, q))
            if n < T - 1:  # then the powers of the matrix are cheaper than one product per generation
                step = np.stack([np.convolve(row, arrivals) for row in step])
                return float((count @ np.linalg.matrix_power(step, T - 1))[1:].sum())
            for _ in range(T - 1):
                count = np.convolve(count @ step, arrivals)
            return float(count[1:].sum())
        log_lost, s = 0.0, math.inf  # P(none left) <= exp(log_lost) E e^(-s x n), x the frequency
        for _ in range(T - 1):
            u = -math.expm1(-s)
            log_lost += real * math.log1p(-q * u) - made * m * q * u
            s = made * (1 - m) * u / n
        return -math.expm1(log_lost + n * math.log1p(q * math.expm1(-s)))

    def kinds(self, option: str, n: int) -> tuple[str, str]:
        """Kind and source of an option."""
        if option == "accumulate":
            return "exact", "SHU-DISC-LOSS"
        if option == "fixed":
            return "bound", "SHU-DISC-LOSS"
        if option == "schedule":
            return "bound", "SUR-G"
        if option in ("fresh", "mix"):
            return "exact" if n <= MATRIX_UP_TO else "bound", "WF-MIG" if n <= MATRIX_UP_TO else "WF-MIG, SUR-G"
        return theory.survival_method(n, self.generations), "SUR-T1"


def _log_binomial(n: int, p: float) -> np.ndarray:
    """Return the log probabilities of the counts 0 .. n."""
    k, ln = np.arange(n + 1), scipy.special.gammaln
    powers = scipy.special.xlogy(k, p) + scipy.special.xlog1py(n - k, -p)
    return ln(n + 1) - ln(k + 1) - ln(n - k + 1) + powers


# ---------------------------------------------------------------------------------------------------- the options


def _schedule(n: int, generations: int, *, exponent: float = 0.0, factor: float = 1.0) -> np.ndarray:
    """Return the sizes of a growing schedule, whole numbers as floats: n t^exponent factor^(t - 1), rounded up."""
    t = np.arange(1, generations + 1, dtype=float)
    logs = math.log(n) + exponent * np.log(t) + (t - 1) * math.log(factor)
    sizes = np.ceil(np.exp(np.minimum(logs, math.log(LARGEST))) * (1 - 1e-12))  # n itself stays n
    return np.maximum(sizes, n)


def _row(goal, kind: str, n: int, option: str, regime, amount, achieved: float, why: str, note: str = "") -> dict:
    """Write one option down; `amount` None is an option that cannot do it, and `why` says so.

    `regime` is one, or makes one of the amount.
    """
    names = goal.kinds(kind, n)
    met = amount is not None
    regime = regime if isinstance(regime, Regime) else regime(amount) if met else None
    return {
        "option": option,
        "setting": str(regime) if regime else "none",
        "amount": float(amount) if met else math.nan,
        "achieved": goal.shown(achieved),
        "kind": names[0],
        "source": names[1],
        "note": note if met else why,
        "regime": regime,
    }


def _baselines(goal, n: int):
    """Yield what happens if nothing is done, and what one migrant per generation does."""
    for option, kind, regime, achieved, amount in (
        ("nothing", "replace", Replace(n), goal.replace(n), n),
        ("one migrant", "fresh", FreshReal(n, 1), goal.fresh(n, 1), 1),
    ):
        amount = amount if goal.ok(achieved) else None
        yield _row(goal, kind, n, option, regime, amount, achieved, f"not enough: {goal.short}", "is enough")


def _real_data(goal, n: int):
    """Yield the options that bring real data in, all of them with n points per fit."""
    first = f"not with the first fit, {n} real points: {goal.short}"
    r = _least_whole(lambda r: goal.ok(goal.fresh(n, r)), 0, n)
    yield _row(
        goal, "fresh", n, "fresh real data", lambda r: FreshReal(n, r), r,
        goal.fresh(n, n if r is None else r), first, "new real points per generation",
    )  # fmt: skip
    m = _least_number(lambda m: goal.ok(goal.mix(n, m)), 0.0, 1.0)
    yield _row(
        goal, "mix", n, "real fraction", lambda m: Mix(n, float(f"{m:.{DIGITS}g}")), m,
        goal.mix(n, 1.0 if m is None else m), first, "probability that a point is real",
    )  # fmt: skip
    N = _least_whole(lambda N: goal.ok(goal.fixed(n, N)), 1, n - 1)
    yield _row(
        goal, "fixed", n, "kept real data", lambda N: FixedReal(n - N, N, n), N,
        goal.fixed(n, n - 1 if N is None else N), f"not with {n - 1} real points kept: {goal.short}",
        "real points that are never dropped",
    )  # fmt: skip


def _growth(goal, n: int):
    """Yield the options that need no real data after the first fit, but more points."""
    T = goal.generations
    size = _least_whole(lambda k: goal.ok(goal.accumulate(k)), 1, MOST)
    yield _row(
        goal, "accumulate", n, "accumulate", lambda k: Accumulate(k), size,
        goal.accumulate(MOST if size is None else size), f"not within {MOST:.0e} points per batch",
        f"least points per batch; {n} are enough" if goal.ok(goal.accumulate(n)) else "least points per batch",
    )  # fmt: skip
    size = _least_whole(lambda k: goal.ok(goal.replace(k)), *goal.bracket())
    yield _row(
        goal, "replace", MOST if size is None else size, "larger n", lambda k: Replace(k), size,
        goal.replace(MOST if size is None else size), f"not within {MOST:.0e} points", "points per generation",
    )  # fmt: skip
    why = f"not with the first fit, {n} points, however fast n grows: {goal.short}"
    for option, knob, low, high, law in (
        ("growth of n, power", "exponent", 0.0, 64.0, f"t**{{:.{DIGITS}g}}"),
        ("growth of n, geometric", "factor", 1.0, 2.0**32, f"{{:.{DIGITS}g}}**(t - 1)"),
    ):
        text = f"Replace(n=lambda t: ceil({n} * {law}))"
        x = _least_number(lambda x, knob=knob: goal.ok(goal.replace(_schedule(n, T, **{knob: x}))), low, high)
        sizes = _schedule(n, T, **{knob: high if x is None else x})
        note = f"{sizes.sum():.3g} points in all, {sizes[-1]:.3g} in the last generation"
        grown = Replace(tuple(int(size) for size in sizes)) if sizes[-1] < 2.0**62 else None
        row = _row(goal, "schedule", n, option, lambda _, grown=grown: grown, x, goal.replace(sizes), why, note)
        yield row | ({"setting": text.format(x)} if x is not None else {})


def _detector(goal, n: int, stream: float, false_positive: float):
    """Yield the detector that makes a stream clean enough."""
    m = _least_number(lambda m: goal.ok(goal.mix(n, m)), 0.0, 1.0)
    odds = (1 - false_positive) * stream / (1 - stream) if stream < 1 else math.inf  # real against all that is flagged
    rate, why, real = None, f"not with the first fit, {n} real points: {goal.short}", 1.0
    if stream == 0:
        why, real = "there are no real points in the stream that could be kept", 0.0
    elif m is not None:
        rate = 0.0 if m == 0 else max(0.0, 1 - (1 - m) / m * odds) if stream < 1 else 0.0
        real = 1.0 if rate == 1 else odds / (odds + 1 - rate) if stream < 1 else 1.0
    note = "true positive rate; flagged points are dropped until n are kept" if rate else "no detector is needed"
    regime = Mix(n, float(f"{real:.{DIGITS}g}"))
    setting = f"{stream:g} of a stream real, FPR {false_positive:g}; then {regime}"
    row = _row(goal, "mix", n, "detector", regime, rate, goal.mix(n, real), why, note)
    yield row | {"setting": setting, "source": f"{row['source']}, detector-effective-contamination"}


def plan(
    n: int,
    generations: int,
    *,
    variance_lost: float | None = None,
    tail_lost: float | None = None,
    beyond: float | None = None,
    minority: float | None = None,
    survives: float | None = None,
    stream: float = 0.01,
    false_positive: float = 0.05,
):
    r"""Find what keeps a loop within a tolerated loss: real data, growth, accumulation, or a detector.

    Give exactly one of `variance_lost`, `tail_lost` and `minority`.

    Parameters
    ----------
    n : int
        Points per generation, >= 2.
    generations : int
        Horizon T >= 1: the tolerance holds in every generation up to T (for a minority: in generation T, and T is at
        most 10,000).
    variance_lost : float, optional
        Tolerated loss of the expected variance or heterozygosity, a share in (0, 1).
    tail_lost : float, optional
        Tolerated loss of the mass farther than `beyond` standard deviations from the mean, a share in (0, 1).
    beyond : float, optional
        Where the tail begins, in standard deviations of the truth, > 0; with `tail_lost` only. Default: 2.
    minority : float, optional
        Frequency q of a category that is to survive, in (0, 1).
    survives : float, optional
        Probability with which it is to be there in generation T, in (0, 1); with `minority` only. Default: 0.95.
    stream : float
        Share of real points in a stream that a detector is to clean, in [0, 1].
    false_positive : float
        Probability that the detector flags a real point, in [0, 1).

    Returns
    -------
    pandas.DataFrame
        One row per option, with the columns

        * ``option`` and ``setting``, in words, and ``regime``, what `simulate` takes: None where nothing will do or the
          sizes of a schedule are beyond all bounds;
        * ``amount``, the least that will do: points, a fraction, an exponent, a factor, or a true positive rate. NaN if
          the option cannot do it, and ``note`` says why;
        * ``achieved``: the loss, or for a minority the probability of survival, at that amount (at the most the option
          can, where it cannot);
        * ``kind``: exact, asymptotic, or bound (the amount is then sufficient, and may be more than is needed);
        * ``source``: claims; ``note``.

    Raises
    ------
    ValueError, TypeError
        If a number is outside its range, not exactly one tolerance is given, or `beyond` or `survives` with another.

    Notes
    -----
    ``fresh real data``, ``real fraction`` and ``kept real data`` leave the size of every fit at n, so that the share of
    real data is what is compared. Losses are expectations over chains: a single chain may lose more. Sources:
    `F-MASTER` and the closed forms of `modelcollapse.theory`; for minorities `SUR-T1`, `SHU-DISC-LOSS`, `WF-MIG`.

    Examples
    --------
    >>> options = plan(100, 50, variance_lost=0.1).set_index("option")
    >>> options.loc["fresh real data", "setting"], round(float(options.loc["fresh real data", "achieved"]), 4)
    ('FreshReal(n=100, n_real=5)', 0.0931)
    >>> options.loc["nothing", "note"]
    'not enough: more is lost than is tolerated'
    """
    import pandas as pd

    n = check.integer("n", n, least=2, because="one point has no variance")
    generations = check.integer("generations", generations, least=1)
    given = {"variance_lost": variance_lost, "tail_lost": tail_lost, "minority": minority}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        raise ValueError(
            "variance_lost, tail_lost or minority must be given, and only one of them (one tolerance is planned for at "
            f"a time), got {' and '.join(named) or 'none'}."
        )
    share = _inside(named[0], given[named[0]])
    for name, value, owner in (("beyond", beyond, "tail_lost"), ("survives", survives, "minority")):
        if value is not None and owner != named[0]:
            raise ValueError(f"{name} must not be given with {named[0]} (it belongs to {owner}), got {value!r}.")
    beyond = check.number("beyond", 2.0 if beyond is None else beyond, above=0.0)
    survives = _inside("survives", 0.95 if survives is None else survives)
    stream = check.probability("stream", stream, because="a share of the points")
    false_positive = check.number("false_positive", false_positive, least=0.0)
    if false_positive >= 1:
        raise ValueError(f"false_positive must be < 1 (else nothing is kept), got {false_positive:g}.")
    if named[0] == "minority":
        why = "the survival of a minority is followed generation by generation"
        check.integer("generations", generations, most=LONGEST, because=why)
        goal = _Minority(generations, share, survives)
    elif named[0] == "tail_lost":
        source = "F-MASTER in a normal tail"
        goal = _Spread(generations, _tail_limit(share, beyond), "asymptotic", source, beyond)
    else:
        goal = _Spread(generations, share)
    options = (_baselines(goal, n), _real_data(goal, n), _growth(goal, n), _detector(goal, n, stream, false_positive))
    return pd.DataFrame([row for some in options for row in some], columns=COLUMNS)


def _inside(name: str, value) -> float:
    """Return a share strictly between nothing and all."""
    value = check.number(name, value, above=0.0, because="a share; of 0 there is nothing to plan for")
    if value >= 1:
        raise ValueError(f"{name} must be < 1 (a share), got {value:g}.")
    return value
