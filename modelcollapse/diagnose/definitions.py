"""The eight definitions, one function each: from arrays (replicate, generation) to one row of the answer.

A single curve, such as a prediction, is an array with one replicate: it has no standard error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.diagnose import measured

#: fewest generations of which a trend can be read
TREND = 8
NO_TREND = f"a trend needs {TREND} generations, some of them in the second quarter"
CLOSE = "too close to the threshold for so many chains"


@dataclass(frozen=True)
class Row:
    """One definition: what was asked, the answer, and what it rests on."""

    criterion: str
    verdict: str = "cannot tell"
    value: float = math.nan
    standard_error: float = math.nan
    threshold: float = math.nan
    generation: int | None = None
    note: str = ""
    #: true whatever chance does
    certain: bool = False

    def judged(self, low: float, high: float, *, above: bool = True) -> Row:
        """Decide by an interval for the value: beyond the threshold, short of it, or neither."""
        if above:
            yes, no = low > self.threshold, high <= self.threshold
        else:
            yes, no = high < self.threshold, low >= self.threshold
        if no:
            return replace(self, verdict="no", generation=None)
        return replace(self, verdict="yes") if yes else replace(self, note=self.note or CLOSE)


@dataclass(frozen=True)
class Settings:
    """The keywords of `diagnose`."""

    risk: str | None
    factor: float
    margin: float
    persistence: float
    little: float
    exponent: float
    separation: float
    most: float
    tail: float
    kept: float
    rare: float
    hallucinated: float
    errors: float
    samples: int
    rng: np.random.Generator

    def corrected(self, looks: int) -> float:
        """Return the number of standard errors for so many looks at once (Bonferroni)."""
        from scipy.special import ndtr, ndtri

        return float(-ndtri(ndtr(-self.errors) / max(looks, 1)))


# ------------------------------------------------------------------------------------------------ small statistics


def first(t, hit) -> int | None:
    """Return the first generation at which something is so."""
    return int(t[np.argmax(hit)]) if np.any(hit) else None


def at_one(t) -> int:
    """Return the position of generation 1."""
    return int(np.flatnonzero(t == 1)[0])


def centre(x, bounded: bool, errors: float):
    """Return the centre of each column and an interval for it: means of bounded numbers, else medians."""
    R = len(x)
    if bounded:
        mean, error = x.mean(axis=0), x.std(axis=0, ddof=1) / math.sqrt(R) if R > 1 else np.zeros(x.shape[1:])
        return mean, np.maximum(mean - errors * error, 0.0), mean + errors * error
    ordered = np.sort(x, axis=0)
    k = min(max(math.floor((R - errors * math.sqrt(R)) / 2), 0), (R - 1) // 2)
    return np.median(x, axis=0), ordered[k], ordered[R - 1 - k]


def share(count, R: int, errors: float):
    """Return the Wilson interval of a share."""
    p, z = count / R, errors**2 / R
    middle, half = (p + z / 2) / (1 + z), np.sqrt(z * (p * (1 - p) + z / 4)) / (1 + z)
    return middle - half, middle + half


def mean_of(x) -> tuple[float, float]:
    """Return mean and standard error over chains; a single curve has none."""
    return float(np.mean(x)), float(np.std(x, ddof=1) / math.sqrt(len(x))) if len(x) > 1 else 0.0


def windows(t):
    """Return which generations are the second half and which the quarter before it, or None if the run is too short."""
    early, late = (t > t[-1] / 4) & (t <= t[-1] / 2), t > t[-1] / 2
    return (early, late) if t[-1] >= TREND and early.any() else None


# ----------------------------------------------------------------------------------------------------------- risk


def catastrophic(t, x, bounded: bool, s: Settings, words: str) -> Row:
    """Definition 1: the risk against that of generation 1."""
    row = Row(f"{words} > {s.factor:g} x generation 1", threshold=s.factor)
    middle, low, high = centre(x, bounded, s.errors)
    later = np.flatnonzero((t >= 1) & (middle > 0))  # of generation 1 it is 0 if that is fitted to all real rows
    if not len(later) or later[0] == len(t) - 1 or not np.isfinite(middle[later[0]]):
        return replace(row, note="the first fit has no finite risk above zero to compare with")
    b = later[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio, lower, upper = middle / middle[b], low / high[b], high / low[b]
        error = (high - low) / (2 * s.errors) / middle[b]
    ratio, lower, upper = (np.where(np.isnan(a), 1.0, a)[b + 1 :] for a in (ratio, lower, upper))
    at = int(np.argmax(ratio))
    row = replace(
        row,
        value=float(ratio[at]),
        standard_error=float(error[b + 1 + at]),
        generation=first(t[b + 1 :], ratio > s.factor),
        note="" if t[b] == 1 else f"compared with generation {t[b]}: before, the fit is to the rows",
    )
    return row.judged(float(lower.max()), float(upper.max()))


def increase(t, x, s: Settings, words: str) -> Row:
    """Definition 2: a sign test, chain by chain."""
    row = Row(f"{words} above its own at generation 1 (share)", threshold=0.5)
    one = at_one(t)
    later = np.array([i for i in measured.looks(t) if t[i] > 1])
    if (x[:, one] == 0).all() and (x[:, later] > 0).any():
        note = "generation 1 is fitted to the rows themselves; every later fit is farther from them"
        return replace(row, verdict="yes", value=1.0, generation=first(t, (x > 0).any(axis=0)), note=note, certain=True)
    above = ((x[:, later] > x[:, one, None]) + 0.5 * (x[:, later] == x[:, one, None])).mean(axis=0)
    error = 0.5 / math.sqrt(len(x))
    half = s.corrected(len(later)) * error
    row = replace(row, value=float(above.max()), standard_error=error)
    if above.max() - half > 0.5:
        return replace(row, verdict="yes", generation=first(t[later], above - half > 0.5))
    if above.max() + half < 0.5 + s.margin:
        return replace(row, verdict="no", note=f"not {s.margin:g} above one half")
    return replace(row, note=CLOSE)


def diverging(t, x, bounded: bool, s: Settings, words: str) -> Row:
    """Definition 3: infinite risks, else the growth as time doubles."""
    row = Row(f"{words} x {1 + s.persistence:g} as time doubles", threshold=1 + s.persistence)
    if bounded:
        return replace(row, verdict="no", note="this risk is bounded and cannot diverge", certain=True)
    R, one = len(x), at_one(t)
    infinite = np.isinf(x).sum(axis=0)
    low, high = share(infinite, R, s.errors)[0], share(infinite[one], R, s.errors)[1]
    rising = low > high if R > 1 else infinite > infinite[one]
    if rising[-1]:
        row = Row(f"{words} infinite (share), against generation 1", "yes", float(infinite[-1] / R))
        return replace(row, threshold=float(infinite[one] / R), generation=first(t, rising & (t > 1)))
    if infinite[one] > R / 2:
        return replace(row, note="infinite already with the first fit, to real data: not the loop's doing")
    about = windows(t)
    if about is None:
        return replace(row, note=NO_TREND)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where((x > 0) & np.isfinite(x), x, np.nan))
    logs = logs[np.all([np.isfinite(logs[:, w]).any(axis=1) for w in about], axis=0)]
    if not len(logs):
        return replace(row, note="no chain has a finite risk above zero")
    gain, error = mean_of(np.nanmean(logs[:, about[1]], axis=1) - np.nanmean(logs[:, about[0]], axis=1))
    with np.errstate(over="ignore"):
        value, *ends = np.exp([gain, gain - s.errors * error, gain + s.errors * error]).tolist()
    note = f"{infinite[-1] / R:.0%} of the chains have an infinite risk" if infinite[-1] else ""
    return replace(row, value=value, standard_error=value * error, note=note).judged(*ends)


def scaling(found, sizes, bounded: bool, s: Settings) -> Row:
    """Definition 5: the exponent of the risk in the sample size, generation 1 against the last."""
    row = Row(f"exponent of risk in n moved by > {s.exponent:g}", threshold=s.exponent)
    if len(set(sizes)) < 3:
        return replace(row, note="needs runs of three sample sizes: scaling=[run, run]")
    last, fits = min(t[-1] for t, _ in found), []
    lx = np.log(sizes)
    for g in (1, last):
        columns = [x[:, t == g] for t, x in found]
        if not all(c.size for c in columns):
            return replace(row, note=f"not all runs hold generation {g}")
        middle, low, high = np.array([centre(c[:, 0], bounded, s.errors) for c in columns]).T
        if not ((low > 0) & np.isfinite(high)).all():
            return replace(row, note=f"the risk is zero or infinite at generation {g}")
        weight = 1 / np.maximum(np.log(high / low) / (2 * s.errors), 1e-9) ** 2
        away = lx - weight @ lx / weight.sum()
        fits.append((weight * away @ np.log(middle) / (weight @ away**2), (weight @ away**2) ** -0.5))
    (start, e), (end, f) = fits
    moved, error = abs(end - start), math.hypot(e, f)
    note = f"{start:.2f} at generation 1, {end:.2f} at {last}"
    row = replace(row, value=float(end - start), standard_error=error, generation=int(last), note=note)
    return row.judged(moved - s.errors * error, moved + s.errors * error)


# -------------------------------------------------------------------------------------------------------- variety


def collapsing(t, x, logarithmic: bool, s: Settings, words: str) -> Row:
    """Definition 4: the growth of the loss of log variance as time doubles; or exact zeros."""
    growth = 1 + s.persistence
    row = Row(f"loss of log {words} x {growth:g} as time doubles", threshold=growth)
    zero = np.isneginf(x[:, -1]) if logarithmic else x[:, -1] == 0
    if logarithmic:
        x = x[~np.isneginf(x).any(axis=1)]
    curve = x.mean(axis=0) if len(x) else np.zeros(len(t))
    curve = np.exp(curve) if logarithmic and len(x) else curve
    row = replace(row, generation=first(t, curve <= s.little))
    left = f"{words} left: {curve[-1]:.2g} of the truth"
    if zero.all() or share(zero.sum(), len(zero), s.errors)[0] > 0.5:
        return replace(row, verdict="yes", note=f"exactly 0 in {zero.mean():.0%} of the chains")
    about = windows(t)
    if about is None:
        return replace(row, note=f"{left}; {NO_TREND}")
    early, late = (-x[:, w].mean(axis=1) for w in about)
    if not logarithmic:  # minus the logarithm of a mean, as a mean of what each chain adds to it
        early, late = (1 - part / part.mean() - math.log(-part.mean()) for part in (early, late))
    (a, error), (b, error_b) = mean_of(late), mean_of(early)
    excess, error_x = mean_of(late - growth * early)
    if b > s.errors * error_b:
        row = replace(row, value=a / b, standard_error=mean_of(late - a / b * early)[1] / b)
    if a + s.errors * error < 0:
        return replace(row, verdict="no", generation=None, note=f"{left}: it grows, towards uniformity")
    if min(excess - s.errors * error_x, a - s.errors * error) > 0:
        return replace(row, verdict="yes", note=left)
    if excess + s.errors * error_x < 0 or a == b == 0:
        return replace(row, verdict="no", generation=None, note=left)
    return replace(row, note=f"{left}; {CLOSE}")


def entangling(t, hit, s: Settings) -> Row:
    """Definition 6: share of chains in which a mode of the truth is lost or two have merged."""
    count, R = hit.sum(axis=0), len(hit)
    p = float(count[-1] / R)
    error, when = math.sqrt(p * (1 - p) / R), first(t, count > s.most * R)
    note = "already with the first fit" if when == 1 else ""
    row = Row("a real mode lost or merged (share of chains)", "", p, error, s.most, when, note)
    return replace(row, verdict="cannot tell").judged(*share(count[-1], R, s.errors))


def disappearing(t, x, bounded: bool, s: Settings, words: str) -> Row:
    """Definition 7: what is left of the tail that generation 1 had."""
    row = Row(f"{words}: {'types' if bounded else 'median mass'} left of gen. 1", threshold=s.kept)
    middle, low, high = centre(x, bounded, s.errors)
    one = at_one(t)
    if middle[one] == 0:
        return replace(row, verdict="yes", value=0.0, generation=1, note="gone with the first fit, to real data")
    if (x[:, -1] == x[:, one]).all():
        return replace(row, verdict="no", value=1.0, standard_error=0.0, note="frozen as generation 1 left it")
    ratio, error = middle / middle[one], (high[-1] - low[-1]) / (2 * s.errors) / middle[one]
    with np.errstate(divide="ignore"):
        ends = low[-1] / high[one], high[-1] / low[one]
    when = first(t, (ratio < s.kept) & (t > 1))
    row = replace(row, value=float(ratio[-1]), standard_error=float(error), generation=when)
    return row.judged(*ends, above=False)


def inventing(t, mean, error, s: Settings) -> Row:
    """Definition 8: mass where the truth has next to none, at its largest."""
    mean, error, t = (a[t >= 1] for a in (mean, error, t))
    at, half = int(np.argmax(mean)), s.corrected(len(t)) * error
    row = Row(
        f"mean mass where the truth has {s.rare:g}", "cannot tell", float(mean[at]), float(error[at]), s.hallucinated
    )
    row = replace(row, generation=first(t, mean > s.hallucinated))
    return row.judged(float((mean - half).max()), float((mean + half).max()))
