r"""How can a statement be checked? Five ways, none of which has a tolerance picked by eye.

==============  ==============================================  =================================================
check           what is held against the statement              when it disagrees
==============  ==============================================  =================================================
`Sampled`       the mean of simulated values                    sequential test, false-alarm rate 1e-6 per claim;
                                                                one-sided where the statement is a bound
`Distributed`   the distribution of simulated values            the same, by the Kolmogorov-Smirnov distance
`Computed`      the same number by another route                they differ by more than rounding
`Ordered`       exact values, for a bound                       the inequality fails
`Limit`         exact values at growing n, for an asymptote     the extrapolation to n = infinity misses it by more
                                                                than the remainder that the sequence itself shows
==============  ==============================================  =================================================

A check that could not have failed proves nothing. So each finding says which *smallest effect* it could have seen, as
a share of what is predicted, and errors are *planted*: the prediction is made wrong by 1 %, by one generation, with
n - 1 for n, and in the ways that the check names itself (``mutants``), and the finding lists which of them were
caught on the same evidence.

Symbols: every function of a check takes the parameters of a case by name; `draw` takes ``(size, rng)`` before them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelcollapse.verify import Status, pvalues, sequential

#: rounds of the sequential test; the first has the level alpha / ROUNDS
ROUNDS = 7
#: probability of seeing the smallest effect that is reported, as a normal quantile
POWER = 1.2815515655446004
#: a check that could not see a difference of this share of what is predicted has not tried: it is inconclusive
EFFECT = 0.25
#: what a quick run leaves out: the sample is smaller by this factor, and only the first cases are tried
QUICK_SIZE = 8
QUICK_CASES = 2
#: a sample is never smaller than this
LEAST_SIZE = 200

Case = Mapping[str, object]


@dataclass(frozen=True)
class Finding:
    """What one check found in one case.

    Attributes
    ----------
    check, method : str
        What was checked, and how.
    case : str
        The parameters.
    status : Status
        SUPPORTED, CONTRADICTED, or INCONCLUSIVE where the check could not have seen a quarter of what is predicted.
    predicted, seen : float
        Where they differ most; for a limit, the claimed limit (1 for a ratio) and the extrapolation.
    standard_error : float
        Of `seen`: nan where nothing is random.
    z : float
        (seen - predicted) / standard_error.
    smallest_effect : float
        Smallest error of the prediction that this check sees, as a share of what is predicted (with probability 0.9
        where it is random).
    planted : mapping of str to bool
        Errors put into the prediction on purpose, and whether each was caught.
    note : str
        Anything a reader should know.
    """

    check: str
    method: str
    case: str
    status: Status
    predicted: float
    seen: float
    standard_error: float = math.nan
    z: float = math.nan
    smallest_effect: float = math.inf
    planted: Mapping[str, bool] = field(default_factory=dict)
    note: str = ""


def _text(case: Case) -> str:
    """Write the parameters of a case, long arrays by their first entries."""

    def value(x) -> str:
        if isinstance(x, (float, np.floating)):
            return f"{x:.6g}"
        if isinstance(x, (list, tuple, np.ndarray)) and len(x) > 6:
            flat = x.ravel() if isinstance(x, np.ndarray) else x
            return f"[{', '.join(value(y) for y in flat[:4])}, ... {len(flat)}]"
        return str(x)

    return ", ".join(f"{name}={value(x)}" for name, x in case.items())


def _wrong(predict: Callable, case: Case, mutants: Mapping[str, Callable]) -> dict[str, Callable]:
    """Predictions that are wrong on purpose; each is called only when needed."""
    out = dict(mutants)
    if isinstance(case.get("t"), (int, np.integer)):
        out["one generation more"] = lambda **c: predict(**{**c, "t": c["t"] + 1})
    if isinstance(case.get("n"), (int, np.integer)) and case["n"] > 2:
        out["n - 1 for n"] = lambda **c: predict(**{**c, "n": c["n"] - 1})
    return out


def _plant(case: Case, wrong: Mapping[str, Callable], right, caught: Callable) -> dict[str, bool]:
    """Try every wrong prediction that differs from the right one at all."""
    out = {}
    for name, mutant in wrong.items():
        try:
            value = mutant(**case)
        except ValueError:  # outside the domain of the formula
            continue
        if callable(value) or not np.array_equal(np.ravel(np.asarray(value, dtype=float)), np.ravel(right)):
            out[name] = bool(caught(value))
    return out


@dataclass(frozen=True, kw_only=True)
class Sampled:
    r"""The mean of simulated values against a prediction.

    The null law is chosen before the sample: booleans are counted (binomial), bounded values are bet on, and
    otherwise the standard deviation must be known from theory: with `skewness` the mean is held against the normal
    law with Cramér's correction, without it against a martingale that is valid for every law.

    Parameters
    ----------
    label : str
        What is checked, in a few words.
    predict : callable
        ``predict(**case)``: expectation of one replicate, a number or an array (comparison, ...).
    draw : callable
        ``draw(size, rng, **case)``: independent replicates (size, ...), fresh at every call.
    cases : sequence of mappings
        Parameters; the first two are those of a quick run.
    sd, skewness : callable or float, optional
        Of one replicate, or upper bounds; ``sd(**case)``.
    bounds : pair of floats or callable, optional
        Every value lies between them.
    side : {"both", "above", "below"}
        Where the sample must lie to speak against the statement: "above" for an upper bound, "below" for a lower one.
    size : int
        Replicates of the first round in a full run.
    remainder : callable, optional
        ``remainder(**case)``: for an asymptotic statement, how far off it may be at these parameters, as an absolute
        number; only what exceeds it counts.
    mutants : mapping of str to callable
        Wrong predictions ``mutant(**case)`` that must be caught.
    scale : callable, optional
        What an effect is a share of; by default the size of the prediction.
    """

    label: str
    predict: Callable
    draw: Callable
    cases: Sequence[Case]
    sd: Callable | float | None = None
    skewness: Callable | float | None = None
    bounds: tuple[float, float] | Callable | None = None
    side: str = "both"
    size: int = 8000
    remainder: Callable | None = None
    mutants: Mapping[str, Callable] = field(default_factory=dict)
    scale: Callable | None = None
    random = True

    def run(self, case: Case, rng: np.random.Generator, *, alpha: float, quick: bool) -> Finding:
        """Check one case."""
        expected = np.asarray(self.predict(**case), dtype=float)
        if not np.isfinite(expected).all():
            raise ValueError(f"{self.label} must predict finite numbers, got {expected} at {_text(case)}.")
        sd, skewness, bounds = (_at(x, case) for x in (self.sd, self.skewness, self.bounds))
        size = max(LEAST_SIZE, self.size // QUICK_SIZE) if quick else self.size
        level = alpha / ROUNDS / max(expected.size, 1)
        last: dict = {}

        def test(sample, prediction) -> np.ndarray:
            prediction = np.asarray(prediction, dtype=float)
            if sample.dtype == bool:
                bad = (prediction < 0) | (prediction > 1)
                p = pvalues.pvalue_binomial(
                    sample.sum(axis=0), len(sample), np.where(bad, 0.5, prediction), side=self.side
                )
                return np.where(bad, 0.0, p)
            if bounds is not None:
                stake = level / (2 if self.side == "both" else 1)
                return pvalues.pvalue_bounded(sample, prediction, *bounds, side=self.side, level=stake)
            if sd is None:
                raise ValueError(f"{self.label} must give sd or bounds unless it draws booleans, got neither.")
            if self._normal(skewness, len(sample)):
                return pvalues.pvalue_mean(sample, prediction, sd, skewness=skewness, side=self.side)
            stake = level / (2 if self.side == "both" else 1)
            return pvalues.pvalue_spread(sample, prediction, sd, side=self.side, level=stake)

        def test_last(sample) -> np.ndarray:
            last["sample"] = sample
            return test(sample, self._forgive(expected, sample, case))

        def draw(size, generator):
            sample = np.asarray(self.draw(size, generator, **case))
            return sample if sample.dtype == bool else sample.astype(float)

        outcome = sequential(draw, test_last, size=size, rng=rng, alpha=alpha, rounds=ROUNDS)
        sample = last["sample"]
        mean, R = sample.mean(axis=0), len(sample)
        error, width = self._width(sample, expected, sd, skewness, bounds, level)
        scale = np.abs(_at(self.scale, case)) if self.scale else np.abs(expected)
        # a bound that is not reached could be wrong by as much as it is away
        slack = {"above": expected - mean, "below": mean - expected}.get(self.side, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            visible = (np.maximum(slack, 0.0) + width + POWER * error) / scale
            z = np.where(mean == expected, 0.0, (mean - expected) / error)
        visible = np.where(np.isfinite(visible) & (visible > 0), visible, np.inf)
        effect = float(visible.min())
        i = outcome.where

        def at(x) -> float:
            return float(np.broadcast_to(x, expected.shape).flat[i])

        def caught(prediction) -> bool:
            p = test(sample, self._forgive(np.broadcast_to(prediction, expected.shape), sample, case))
            return p.size * p.min() <= alpha / ROUNDS

        tighter = -1 if self.side == "above" else 1
        wrong = {f"{share:.0%} off": _shifted(expected, tighter * share * scale) for share in (0.01, 0.02)}
        planted = _plant(case, {**wrong, **_wrong(self.predict, case, self.mutants)}, expected, caught)
        status = Status.CONTRADICTED
        if outcome.passed:
            status = Status.SUPPORTED if effect <= EFFECT or self.side != "both" else Status.INCONCLUSIVE
        return Finding(
            self.label, f"sampled, {R}", _text(case), status, at(expected), at(mean), at(error), at(z), effect, planted
        )

    def _normal(self, skewness, R: int) -> bool:
        return skewness is not None and bool(np.max(np.abs(skewness)) / math.sqrt(R) <= pvalues.MOST_SKEWNESS)

    def _forgive(self, expected: np.ndarray, sample: np.ndarray, case: Case) -> np.ndarray:
        """Move a prediction towards what was seen, by no more than its remainder."""
        if self.remainder is None:
            return expected
        allowed = np.abs(_at(self.remainder, case))
        return expected + np.clip(sample.mean(axis=0) - expected, -allowed, allowed)

    def _width(self, sample, expected, sd, skewness, bounds, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Standard error of the mean, and the deviation at which the test fails."""
        R = len(sample)
        if sample.dtype == bool:
            error = np.sqrt(np.clip(expected * (1 - expected), 0, None) / R)
            return error, pvalues.critical(level, np.zeros_like(expected), self.side) * error
        if bounds is not None:
            error = sample.std(axis=0) / math.sqrt(R)
            stake = level / (2 if self.side == "both" else 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                return error, pvalues.bounded_width(error * math.sqrt(R), expected, *bounds, R, stake)
        error = np.broadcast_to(np.asarray(sd, dtype=float), expected.shape) / math.sqrt(R)
        if self._normal(skewness, R):
            mean_skewness = np.broadcast_to(np.abs(skewness), expected.shape) / math.sqrt(R)
            return error, pvalues.critical(level, mean_skewness, self.side) * error
        return error, pvalues.spread_critical(level, self.side) * error


@dataclass(frozen=True, kw_only=True)
class Distributed:
    """The distribution of simulated values against a continuous distribution function.

    Parameters
    ----------
    label : str
    predict : callable
        ``predict(**case)`` returns the distribution function, itself a function of an array.
    draw : callable
        ``draw(size, rng, **case)``: independent values (size,).
    cases : sequence of mappings
    size : int
        Values of the first round in a full run.
    mutants : mapping of str to callable
        Wrong predictions that must be caught.

    Notes
    -----
    The smallest effect is a difference of probabilities, absolute.
    """

    label: str
    predict: Callable
    draw: Callable
    cases: Sequence[Case]
    size: int = 20000
    mutants: Mapping[str, Callable] = field(default_factory=dict)
    random = True

    def run(self, case: Case, rng: np.random.Generator, *, alpha: float, quick: bool) -> Finding:
        """Check one case."""
        cdf = self.predict(**case)
        size = max(LEAST_SIZE, self.size // QUICK_SIZE) if quick else self.size
        last: dict = {}

        def test(sample) -> np.ndarray:
            last["sample"] = sample
            return pvalues.pvalue_distribution(sample, cdf)

        outcome = sequential(
            lambda size, generator: self.draw(size, generator, **case),
            test,
            size=size,
            rng=rng,
            alpha=alpha,
            rounds=ROUNDS,
        )
        sample = np.sort(np.ravel(last["sample"]))
        R, F = len(sample), np.asarray(cdf(sample), dtype=float)
        upper, lower = np.arange(1, R + 1) / R, np.arange(R) / R
        gap = np.maximum(upper - F, F - lower)
        i = int(gap.argmax())
        seen = float(upper[i] if upper[i] - F[i] >= F[i] - lower[i] else lower[i])
        error = math.sqrt(max(F[i] * (1 - F[i]), 0.25 / R) / R)
        effect = math.sqrt(math.log(2 * ROUNDS / alpha) / (2 * R)) + POWER * 0.5 / math.sqrt(R)
        planted = _plant(
            case,
            _wrong(self.predict, case, self.mutants),
            None,
            lambda wrong: float(pvalues.pvalue_distribution(sample, wrong)) <= alpha / ROUNDS,
        )
        status = Status.SUPPORTED if outcome.passed else Status.CONTRADICTED
        note = f"probabilities at {sample[i]:.4g}"
        z = (seen - F[i]) / error
        return Finding(self.label, f"law, {R}", _text(case), status, float(F[i]), seen, error, z, effect, planted, note)


@dataclass(frozen=True, kw_only=True)
class Computed:
    """The same number by another route, no chance involved.

    Parameters
    ----------
    label : str
    predict : callable
        ``predict(**case)``: the statement.
    other : callable
        ``other(**case)``: the same by another route: a matrix, a quadrature, brute force, exact fractions.
    cases : sequence of mappings
    rtol : float
        Rounding error of the worse of both, relative to the largest entry.
    mutants : mapping of str to callable
        Wrong predictions that must be caught.
    """

    label: str
    predict: Callable
    other: Callable
    cases: Sequence[Case]
    rtol: float = 1e-9
    mutants: Mapping[str, Callable] = field(default_factory=dict)
    random = False

    def run(self, case: Case, rng: np.random.Generator, *, alpha: float, quick: bool) -> Finding:
        """Check one case."""
        seen = np.atleast_1d(np.asarray(self.other(**case), dtype=float))
        predicted = np.atleast_1d(np.asarray(self.predict(**case), dtype=float))
        if seen.shape != predicted.shape:
            raise ValueError(
                f"{self.label} must compare arrays of one shape, got {predicted.shape} and {seen.shape} "
                f"at {_text(case)}."
            )
        scale = np.where(np.isfinite(seen), np.abs(seen), 0.0).max()

        def gaps(prediction) -> np.ndarray:
            prediction = np.broadcast_to(np.asarray(prediction, dtype=float), seen.shape)
            same = prediction == seen  # also infinities
            with np.errstate(invalid="ignore"):
                gap = np.where(same, 0.0, np.abs(prediction - seen))
            return np.where(np.isnan(gap), np.inf, gap)

        def caught(prediction) -> bool:
            return bool((gaps(prediction) > self.rtol * scale).any())

        i = int(gaps(predicted).argmax())
        wrong = {"1% off": _shifted(predicted, 0.01 * scale)}
        planted = _plant(case, {**wrong, **_wrong(self.predict, case, self.mutants)}, predicted, caught)
        status = Status.CONTRADICTED if caught(predicted) else Status.SUPPORTED
        return Finding(
            self.label,
            "computed",
            _text(case),
            status,
            float(predicted.flat[i]),
            float(seen.flat[i]),
            smallest_effect=self.rtol,
            planted=planted,
        )


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """An inequality between numbers that are both known exactly.

    Parameters
    ----------
    label : str
    lower, upper : callable
        ``lower(**case) <= upper(**case)`` is the statement, entry by entry; numbers or arrays (a grid within a case).
    bound : {"lower", "upper"}
        Which of them the statement provides.
    cases : sequence of mappings
        Among them should be one where the bound is nearly reached: elsewhere it could be wrong unnoticed.
    rtol : float
        Rounding error, relative.
    mutants : mapping of str to callable
        Wrong bounds that must be caught.

    Notes
    -----
    The smallest effect is the slack: by how much the bound could be sharper before the exact value breaks it.
    """

    label: str
    lower: Callable
    upper: Callable
    bound: str
    cases: Sequence[Case]
    rtol: float = 1e-11
    mutants: Mapping[str, Callable] = field(default_factory=dict)
    random = False

    def run(self, case: Case, rng: np.random.Generator, *, alpha: float, quick: bool) -> Finding:
        """Check one case."""
        sign = 1 if self.bound == "upper" else -1
        bound, exact = (self.upper, self.lower) if self.bound == "upper" else (self.lower, self.upper)
        predicted, seen = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(f(**case), dtype=float)) for f in (bound, exact))
        )
        if np.isnan(predicted).any() or np.isnan(seen).any():
            raise ValueError(f"{self.label} must compare numbers, got nan at {_text(case)}.")
        scale = np.maximum(np.abs(predicted), np.abs(seen))

        def slack(prediction) -> np.ndarray:
            with np.errstate(invalid="ignore", divide="ignore"):
                gap = sign * (np.asarray(prediction, dtype=float) - seen) / np.where(scale > 0, scale, 1.0)
            return np.where(np.isnan(gap), np.where(np.broadcast_to(prediction, seen.shape) == seen, 0.0, np.inf), gap)

        def caught(prediction) -> bool:
            return bool((slack(prediction) < -self.rtol).any())

        gap = slack(predicted)
        i = int(gap.argmin())
        wrong = {f"{share:.0%} sharper": _shifted(predicted, -sign * share * scale) for share in (0.01, 0.02)}
        planted = _plant(case, {**wrong, **_wrong(bound, case, self.mutants)}, predicted, caught)
        # a bound that is reached (0 = 0) is as sharp as rounding, and so is one whose both sides are equal
        effect = max(float(gap.flat[i]), self.rtol)
        status = Status.CONTRADICTED if caught(predicted) else Status.SUPPORTED
        return Finding(
            self.label,
            "inequality",
            _text(case),
            status,
            float(predicted.flat[i]),
            float(seen.flat[i]),
            smallest_effect=effect,
            planted=planted,
            note=f"{self.bound} bound",
        )


@dataclass(frozen=True, kw_only=True)
class Limit:
    r"""Exact values at growing n against an asymptote.

    With :math:`r_i` the ratio of exact value and asymptote at :math:`n_i` (their difference, with ``ratio=False``),
    and a remainder that is a series in :math:`g(n)`, the sequence is extrapolated to g = 0 by Neville's scheme. How far
    the last two stages of the scheme are apart says how far the extrapolation can be trusted; the statement is
    contradicted if it misses by more than that.

    Parameters
    ----------
    label : str
    value : callable
        ``value(n, **case)``: exact, at finite n.
    asymptote : callable
        ``asymptote(n, **case)``.
    along : sequence of float
        Growing values of n, at least four.
    remainder : callable
        ``remainder(n)``: what the relative error is a series in, such as ``lambda n: 1 / n``.
    cases : sequence of mappings
    name : str
        What grows, for the reader.
    ratio : bool
    mutants : mapping of str to callable
        Wrong asymptotes ``mutant(n, **case)`` that must be caught.
    """

    label: str
    value: Callable
    asymptote: Callable
    along: Sequence[float]
    remainder: Callable
    cases: Sequence[Case] = field(default_factory=lambda: ({},))
    name: str = "n"
    ratio: bool = True
    mutants: Mapping[str, Callable] = field(default_factory=dict)
    random = False

    def run(self, case: Case, rng: np.random.Generator, *, alpha: float, quick: bool) -> Finding:
        """Check one case."""
        if len(self.along) < 4:
            raise ValueError(f"{self.label} must go along at least 4 values of {self.name}, got {len(self.along)}.")
        exact = np.array([float(np.squeeze(self.value(n, **case))) for n in self.along])
        g = np.array([float(self.remainder(n)) for n in self.along])
        claimed = 1.0 if self.ratio else 0.0

        def ratios(asymptote) -> np.ndarray:
            at = np.array([float(np.squeeze(asymptote(n, **case))) for n in self.along])
            return exact / at if self.ratio else exact - at

        def extrapolate(asymptote) -> tuple[float, float]:
            r = ratios(asymptote)
            table = r.copy()
            for k in range(1, len(r)):
                before = table[-2:].copy()
                table = table[1:] + (table[1:] - table[:-1]) * g[k:] / (g[:-k] - g[k:])
            best = float(table[-1])
            trust = max(abs(best - before[-1]), abs(best - before[0]) / 4, 1e-12 * float(np.abs(r).max()))
            return best, 2 * trust

        best, trust = extrapolate(self.asymptote)

        def caught(wrong) -> bool:
            seen, error = extrapolate(wrong)
            return bool(abs(seen - claimed) > error)

        wrong = {"1% off": lambda n, /, **c: 1.01 * self.asymptote(n, **c)} if self.ratio else {}
        planted = {name: caught(mutant) for name, mutant in {**wrong, **self.mutants}.items()}
        status = Status.CONTRADICTED if abs(best - claimed) > trust else Status.SUPPORTED
        if status == Status.SUPPORTED and trust > EFFECT:
            status = Status.INCONCLUSIVE
        return Finding(
            self.label,
            f"limit, {self.name} to {self.along[-1]:.4g}",
            _text(case),
            status,
            claimed,
            best,
            trust / 2,
            (best - claimed) / (trust / 2),
            trust,
            planted,
            f"at {self.name} = {self.along[-1]:.4g} itself: {ratios(self.asymptote)[-1]:.6g}",
        )


Check = Sampled | Distributed | Computed | Ordered | Limit


def _at(value, case: Case):
    """Evaluate a setting that may be a function of the case."""
    return value(**case) if callable(value) else value


def _shifted(expected: np.ndarray, by) -> Callable:
    return lambda **case: expected + by
