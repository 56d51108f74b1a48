"""Verdicts on claims: one, some or all of them, in parallel, with a declared error rate for each.

A claim is checked at every case of every check. All random ones share the error rate of the claim (1e-6): each is a
sequential test at 1e-6 divided by their number. Streams depend on the claim's id, the check and the case, so a claim
meets the same random numbers alone, among others, and on any number of processes.

The verdict on a published statement is CONTRADICTED as soon as one check contradicts it, otherwise INCONCLUSIVE as soon
as one could not have seen anything, otherwise SUPPORTED. What is *expected* is written in the registry; any change from
it is an error of the package, of the registry, or a discovery.
"""

from __future__ import annotations

import html
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from modelcollapse import _rng
from modelcollapse.claims.checks import QUICK_CASES, Finding
from modelcollapse.claims.claim import Claim
from modelcollapse.verify import Status

#: false-alarm rate of everything that is random about one claim
ERROR_RATE = 1e-6
#: an error of this share that goes unseen makes a check weak
WEAK = 0.02
#: random parameters at which a second reading is compared
READINGS = 100
QUICK_READINGS = 20


@dataclass(frozen=True)
class Result:
    """What checking a claim gave.

    Attributes
    ----------
    id : str
    title : str
    status, expected : Status
        The verdict on the statement as published, and the one that is on record.
    findings : tuple of Finding
        One per check and case.
    correction : tuple of Finding
        Those of the corrected form.
    readings : tuple of Finding
        Comparisons with the second reading.
    seconds : float
    error : str
        What went wrong, if the check itself failed.
    """

    id: str
    title: str
    status: Status
    expected: Status
    findings: tuple[Finding, ...] = ()
    correction: tuple[Finding, ...] = ()
    readings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    error: str = ""
    reason: str = field(default="", repr=False)

    @property
    def as_expected(self) -> bool:
        """Whether nothing has changed: the verdict is the one on record, the correction and both readings hold."""
        return not self.change

    @property
    def change(self) -> str:
        """What is not as expected, in words; empty if everything is."""
        if self.error:
            return f"the check broke: {self.error}"
        parts = [] if self.status == self.expected else [f"{self.status}, expected {self.expected}"]
        parts += [f"correction {f.status}: {f.check} ({f.case})" for f in self.correction if f.status != "SUPPORTED"]
        parts += [f"readings differ: {f.check} ({f.case})" for f in self.readings if f.status != "SUPPORTED"]
        return "; ".join(parts)

    @property
    def smallest_effect(self) -> float:
        """Smallest error of the statement that its sharpest check sees (of the correction, where it fails)."""
        main = self.correction or self.findings or self.readings
        return min((f.smallest_effect for f in main), default=math.nan)

    @property
    def weak(self) -> bool:
        """Whether no check of the claim would see an error of 2 %."""
        return self.status != Status.OUT_OF_SCOPE and not self.smallest_effect <= WEAK

    @property
    def worst(self) -> Finding | None:
        """The finding to show: the one that decided, otherwise the one that is least certain."""
        main = self.findings or self.readings
        if not main:
            return None
        rank = {Status.CONTRADICTED: 0, Status.INCONCLUSIVE: 1, Status.SUPPORTED: 2}
        return min(main, key=lambda f: (rank[f.status], -abs(f.z) if math.isfinite(f.z) else 0.0))

    def rows(self) -> list[dict]:
        """Return every finding as a row of plain values."""
        parts = (("statement", self.findings), ("correction", self.correction), ("second reading", self.readings))
        return [
            {
                "claim": self.id,
                "part": part,
                "check": f.check,
                "method": f.method,
                "case": f.case,
                "predicted": f.predicted,
                "seen": f.seen,
                "standard_error": f.standard_error,
                "z": f.z,
                "smallest_effect": f.smallest_effect,
                "planted": dict(f.planted),
                "verdict": str(f.status),
                "note": f.note,
            }
            for part, findings in parts
            for f in findings
        ]

    def to_dict(self) -> dict:
        """Return everything as JSON can hold it."""
        return {
            "claim": self.id,
            "title": self.title,
            "verdict": str(self.status),
            "expected": str(self.expected),
            "as_expected": self.as_expected,
            "smallest_effect": _finite(self.smallest_effect),
            "weak": self.weak,
            "seconds": round(self.seconds, 2),
            "error": self.error,
            "reason": self.reason,
            "findings": [{name: _finite(value) for name, value in row.items()} for row in self.rows()],
        }

    def __str__(self) -> str:
        head = f"{self.id}: {self.status}"
        if self.change:
            head += f" (CHANGED: {self.change})"
        lines = [head, f"  {self.title}"]
        if self.reason:
            lines.append(f"  {self.reason}")
        for row in self.rows():
            error = f" +- {row['standard_error']:.2g}" if math.isfinite(row["standard_error"]) else ""
            z = f", z = {row['z']:+.2f}" if math.isfinite(row["z"]) else ""
            lines.append(
                f"  {row['verdict']:<13}{row['part']}: {row['check']} ({row['case']}): predicted "
                f"{row['predicted']:.6g}, seen {row['seen']:.6g}{error}{z}; sees {row['smallest_effect']:.2g} "
                f"[{row['method']}]"
            )
            missed = [name for name, caught in row["planted"].items() if not caught]
            if missed and row["part"] != "second reading":
                lines.append(f"  {'':<13}not caught: {', '.join(missed)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _finite(value):
    """Write a number with ten digits; JSON has no infinities."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.10g}") if math.isfinite(value) else None


def _key(text: str) -> tuple[int, ...]:
    """Return 64 bits of a text, as two integers below 2^32 (FNV-1a)."""
    code = 0xCBF29CE484222325
    for byte in text.encode():
        code = ((code ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return code >> 32, code & 0xFFFFFFFF


def verify_claim(claim: Claim, rng=None, *, quick: bool = False) -> Result:
    """Check one claim; see `Claim.verify`."""
    started = time.perf_counter()
    root = _rng.root(rng)
    if claim.expected == Status.OUT_OF_SCOPE:
        return Result(claim.id, claim.title, Status.OUT_OF_SCOPE, claim.expected, reason=claim.reason)

    def cases(check):
        return list(check.cases)[:QUICK_CASES] if quick else list(check.cases)

    random = [check for check in (*claim.checks, *claim.correction) if check.random]
    alpha = ERROR_RATE / max(sum(len(cases(check)) for check in random), 1)

    def findings(checks) -> tuple[Finding, ...]:
        return tuple(
            check.run(case, _rng.stream(root, *_key(f"{claim.id} {check.label} {i}")), alpha=alpha, quick=quick)
            for check in checks
            for i, case in enumerate(cases(check))
        )

    try:
        statement, correction = findings(claim.checks), findings(claim.correction)
        readings = _second_readings(claim, root, QUICK_READINGS if quick else READINGS)
    except Exception as error:  # a check that breaks must not take the others with it; it is never a pass
        message = f"{type(error).__name__}: {error}"
        took = time.perf_counter() - started
        return Result(claim.id, claim.title, Status.INCONCLUSIVE, claim.expected, seconds=took, error=message)
    seen = {f.status for f in statement} or {f.status for f in readings}
    order = Status.CONTRADICTED, Status.INCONCLUSIVE, Status.SUPPORTED
    return Result(
        claim.id,
        claim.title,
        next(status for status in order if status in seen),
        claim.expected,
        statement,
        correction,
        readings,
        time.perf_counter() - started,
        reason=claim.reason,
    )


def _second_readings(claim: Claim, root, draws: int) -> tuple[Finding, ...]:
    """Compare every second reading with the first at random parameters."""
    from modelcollapse.claims.qc import readings

    out = []
    for name, reading in readings(claim.id).items():
        first = claim.second.get(name)
        if first is None:
            raise ValueError(f"second must name every second reading of {claim.id}, got none for {name!r}.")
        generator = _rng.stream(root, *_key(f"{claim.id} second {name}"))
        worst: tuple[float, dict, float, float] | None = None
        for _ in range(draws):
            case = dict(reading.draw(generator))
            one = np.atleast_1d(np.asarray(first(**case), dtype=float))
            two = np.atleast_1d(np.asarray(reading.function(**case), dtype=float))
            one, two = np.broadcast_arrays(one, two)
            scale = np.abs(np.where(np.isfinite(two), two, 0.0)).max()
            with np.errstate(invalid="ignore"):
                gap = np.where(one == two, 0.0, np.abs(one - two))
            gap = np.where(np.isnan(gap), np.inf, gap)
            i = int(gap.argmax())
            beyond = max(float(gap.flat[i]) - reading.atol, 0.0)
            far = beyond / scale if scale > 0 else beyond
            if worst is None or far > worst[0]:
                worst = far, case, float(one.flat[i]), float(two.flat[i])
        far, case, one, two = worst
        text = ", ".join(f"{key}={value}" for key, value in case.items())
        out.append(
            Finding(
                name.replace("_", " "),
                f"second reading ({reading.route}), {draws}",
                text[:200],
                Status.SUPPORTED if far <= reading.rtol else Status.CONTRADICTED,
                one,
                two,
                smallest_effect=reading.rtol,
            )
        )
    return tuple(out)


def verify_claims(
    ids: Sequence[str], rng=None, *, quick: bool = False, n_jobs: int = 1, progress: bool = False
) -> list[Result]:
    """Check several claims, in processes.

    Parameters
    ----------
    ids : sequence of str
        Claims; see `modelcollapse.claims.select`.
    rng : None, int, SeedSequence or Generator, optional
    quick : bool, optional
        Smaller samples and fewer cases.
    n_jobs : int, optional
        Processes; -1 for all cores.
    progress : bool, optional
        Show a progress bar on standard error.

    Returns
    -------
    list of Result
        In the order of `ids`.
    """
    from joblib import Parallel, delayed
    from tqdm import tqdm

    if n_jobs == 0:
        raise ValueError("n_jobs must be a number of processes, or -1 for all cores, got 0.")
    root = _rng.root(rng)
    seed = root.entropy, tuple(root.spawn_key)
    if n_jobs == 1 or len(ids) < 2:
        results = (_verify_by_id(id, seed, quick) for id in ids)
    else:
        # the slow ones first would be best; what is known of them is their order in the registry: spread them
        results = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(
            delayed(_verify_by_id)(id, seed, quick) for id in ids
        )
    return list(tqdm(results, total=len(ids), desc="checking claims", unit="claim", disable=not progress))


def _verify_by_id(id: str, seed, quick: bool) -> Result:
    from modelcollapse.claims.atlas import ATLAS

    return verify_claim(ATLAS[id], np.random.SeedSequence(seed[0], spawn_key=seed[1]), quick=quick)
