"""One published statement: what it says, who said it, and how it is checked."""

from __future__ import annotations

import enum
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from modelcollapse.claims.checks import Check
from modelcollapse.verify import Status


class Kind(enum.StrEnum):
    """What a statement claims to be."""

    EXACT = "exact"
    ASYMPTOTIC = "asymptotic"
    BOUND = "bound"
    EMPIRICAL = "empirical"
    DEFINITION = "definition"
    CORRECTION = "correction"


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """A statement of the literature that a machine can check.

    Parameters
    ----------
    id : str
        Never changes.
    title : str
        The statement in one short line.
    statement : str
        The statement in words.
    formula : str, optional
        The statement in LaTeX.
    assumptions : str
        Under which it is made: estimator, regime, indexing.
    source : sequence of str
        Keys of the bibliography, ``docs/refs.bib``; first the paper the claim belongs to.
    locus : str, optional
        Where in the paper: "Theorem 3.1".
    kind : Kind
    theory : sequence of callable
        The functions of `modelcollapse.theory` (or metrics, diagnose) that answer it.
    simulation : str, optional
        What is simulated, in words.
    checks : sequence of Check
        Of the statement as it was published (of what is true, for a definition or a derived law).
    printed, holds : str, optional
        Where the published form fails: what was printed, and what holds instead, or under which convention it would.
    correction : sequence of Check, optional
        Of the corrected form; they must support it.
    expected : Status
        The verdict that `checks` must reach.
    reason : str, optional
        Why a verdict is INCONCLUSIVE or the claim OUT_OF_SCOPE: what it would need.
    second : mapping of str to callable
        For every second reading of this claim (`modelcollapse.claims.qc`), by name, the first reading with the same
        parameters.
    remark : str, optional
        A comment on a disagreement that was resolved, or a caveat.
    tags : sequence of str
        Subjects: "gaussian", "categorical", "artefact", ...
    """

    id: str
    title: str
    statement: str
    formula: str = ""
    assumptions: str = ""
    source: Sequence[str]
    locus: str = ""
    kind: Kind
    theory: Sequence[Callable] = ()
    simulation: str = ""
    checks: Sequence[Check] = ()
    printed: str = ""
    holds: str = ""
    correction: Sequence[Check] = ()
    expected: Status = Status.SUPPORTED
    reason: str = ""
    second: Mapping[str, Callable] = field(default_factory=dict)
    remark: str = ""
    tags: Sequence[str] = ()

    def __post_init__(self):
        for name in ("id", "title", "statement", "source"):
            if not getattr(self, name):
                raise ValueError(f"{name} must be given (a claim that cannot be read or found is none), got none.")
        unchecked = self.expected in (Status.OUT_OF_SCOPE, Status.INCONCLUSIVE)
        if unchecked and not self.reason:
            raise ValueError(f"reason must say why {self.id} is {self.expected}, got none.")
        if self.expected != Status.OUT_OF_SCOPE and not (self.checks or self.second):
            raise ValueError(f"checks must be given for {self.id} unless it is out of scope, got none.")
        if self.expected == Status.CONTRADICTED and not (self.printed and self.holds and self.correction):
            raise ValueError(
                f"printed, holds and correction must be given for {self.id}, whose published form fails: what was "
                "printed, what holds, and the checks that show it."
            )

    @property
    def fails(self) -> bool:
        """Whether the published form does not hold."""
        return self.expected == Status.CONTRADICTED

    def verify(self, rng=None, *, quick: bool = False):
        """Check the claim.

        Parameters
        ----------
        rng : None, int, SeedSequence or Generator, optional
            Where randomness starts; the streams of a claim depend on this and its id.
        quick : bool, optional
            Smaller samples and fewer cases.

        Returns
        -------
        modelcollapse.claims.Result
            Verdict, findings, whether the verdict is the expected one.
        """
        from modelcollapse.claims.verification import verify_claim

        return verify_claim(self, rng, quick=quick)

    def cite(self) -> str:
        """Return the BibTeX entries of the sources."""
        from modelcollapse.claims.references import entries

        return "\n\n".join(entries(self.source))

    def _rows(self) -> list[tuple[str, str]]:
        where = ", ".join(self.source) + (f" ({self.locus})" if self.locus else "")
        names = ", ".join(f"{f.__module__.removeprefix('modelcollapse.')}.{f.__name__}" for f in self.theory)
        rows = [
            ("statement", self.statement),
            ("formula", self.formula),
            ("assumptions", self.assumptions),
            ("source", where),
            ("kind", str(self.kind)),
            ("theory", names),
            ("simulation", self.simulation),
            ("printed", self.printed),
            ("holds", self.holds),
            ("expected", f"{self.expected}{': ' if self.reason else ''}{self.reason}"),
            ("remark", self.remark),
        ]
        return [(name, text) for name, text in rows if text]

    def __repr__(self) -> str:
        return "\n".join([f"{self.id}: {self.title}", *(f"  {name:<12}{text}" for name, text in self._rows())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left;vertical-align:top'>{name}</th><td style='text-align:left'>"
            f"{html.escape(text) if name != 'formula' else f'${html.escape(text)}$'}</td></tr>"
            for name, text in self._rows()
        )
        return f"<b>{html.escape(self.id)}</b>: {html.escape(self.title)}<table>{rows}</table>"
