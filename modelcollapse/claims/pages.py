"""The atlas to look at: a table in Jupyter, a page of the documentation, the errata."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping

from modelcollapse.claims.claim import Claim
from modelcollapse.claims.references import short
from modelcollapse.claims.verification import Result
from modelcollapse.verify import Status

_SEARCH = (
    "var w=this.value.toLowerCase();this.parentNode.querySelectorAll('tbody tr').forEach(function(r){"
    "r.style.display=r.textContent.toLowerCase().indexOf(w)<0?'none':''})"
)


def frame(claims: Iterable[Claim]):
    """Return claims as a pandas DataFrame: title, kind, source, expected verdict, tags, by id."""
    import pandas as pd

    rows = [
        {
            "id": claim.id,
            "title": claim.title,
            "kind": str(claim.kind),
            "source": "; ".join(short(key) for key in claim.source),
            "expected": str(claim.expected),
            "tags": ", ".join(claim.tags),
        }
        for claim in claims
    ]
    return pd.DataFrame(rows, columns=["id", "title", "kind", "source", "expected", "tags"]).set_index("id")


def searchable(claims: Iterable[Claim]) -> str:
    """Return an HTML table with a field that filters its rows as one types."""
    rows = frame(claims).reset_index()
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in rows.columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows.itertuples(index=False)
    )
    return (
        f"<div><input placeholder='search {len(rows)} claims' oninput=\"{_SEARCH}\" style='width:20em'>"
        f"<div style='max-height:30em;overflow:auto'><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></div>"
    )


def errata(claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims whose published form fails."""
    return [claim for claim in claims if claim.fails]


def erratum(claim: Claim, result: Result | None = None) -> str:
    """Say in plain text what was printed, what the numbers say, and what holds."""
    where = "; ".join(short(key) for key in claim.source) + (f", {claim.locus}" if claim.locus else "")
    lines = [f"{claim.id}: {claim.title} ({where})", f"  printed  {claim.printed}", f"  holds    {claim.holds}"]
    if result is not None:
        against = [f for f in result.findings if f.status == Status.CONTRADICTED]
        lines += [f"  shown    {_numbers('as printed', f)}" for f in against[:1]]
        lines += [f"           {_numbers('corrected', f)}" for f in result.correction[:1]]
    return "\n".join(lines)


def _numbers(which: str, finding) -> str:
    error = f" +- {finding.standard_error:.2g}" if finding.standard_error == finding.standard_error else ""
    case = f" at {finding.case}" if finding.case else ""
    return f"{which}: {finding.check}{case}: {finding.predicted:.6g}, seen {finding.seen:.6g}{error}"


def markdown(claims: Iterable[Claim], verified: Mapping[str, dict], command: str) -> str:
    """Write the page of the documentation: every claim, what was checked, how hard, with which verdict.

    Parameters
    ----------
    claims : iterable of Claim
    verified : mapping of str to dict
        Results by id, as ``modelcollapse verify --json`` prints them.
    command : str
        The command that made them.
    """
    claims = list(claims)
    verdicts: dict[str, int] = {}
    for claim in claims:
        verdict = verified.get(claim.id, {}).get("verdict", "not checked")
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    weak = sum(bool(verified.get(claim.id, {}).get("weak")) for claim in claims)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items(), key=lambda x: -x[1]))
    second = sum(len(claim.second) for claim in claims)
    out = [
        "# The atlas of claims",
        "",
        f"{len(claims)} statements of the literature on model collapse, each with its source and a check that could",
        f"have failed: {counted}. Exact formulas were written a second time from their statements alone, {second} of",
        f"them, and compared at random parameters. Claims that are *weak*, whose checks would all miss 2 %: {weak}.",
        "",
        f"The verdicts below were reached by `{command}`. CONTRADICTED is about the statement as it was published; the",
        "form that holds stands beside it and is checked as well. What each column means is said in",
        "{doc}`how-to/claims`; the published statements that fail are told one by one in {doc}`theory/errata`.",
        "",
    ]
    by_paper: dict[str, list[Claim]] = {}
    for claim in claims:
        by_paper.setdefault(claim.source[0], []).append(claim)
    for key in sorted(by_paper, key=short):
        out += [f"## {short(key)}", "", f"{{cite:p}}`{key}`", ""]
        for claim in by_paper[key]:
            out += _entry(claim, verified.get(claim.id))
    return "\n".join(out)


def _entry(claim: Claim, result: dict | None) -> list[str]:
    """One claim on the page."""
    verdict = result["verdict"] if result else "not checked"
    weak = ", weak" if result and result["weak"] else ""
    anchor = "claim-" + claim.id.lower().replace(".", "-")
    locus = f", {claim.locus}" if claim.locus else ""
    out = [f"({anchor})=", f"### `{claim.id}` {claim.title}", "", f"**{verdict}**{weak} ({claim.kind}{locus})", ""]
    out += [claim.statement, ""]
    if claim.formula:
        out += ["$$", claim.formula, "$$", ""]
    for name, text in (("Assumptions", claim.assumptions), ("As printed", claim.printed), ("What holds", claim.holds)):
        if text:
            out += [f"*{name}.* {text}", ""]
    if claim.reason:
        out += [f"*Why {verdict}.* {claim.reason}", ""]
    if claim.remark:
        out += [f"*Remark.* {claim.remark}", ""]
    if claim.simulation:
        out += [f"*Simulation.* {claim.simulation}", ""]
    if result and result["findings"]:
        out += [
            "| checked | how | case | predicted | seen | error | sees | verdict |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in result["findings"]:
            part = "" if row["part"] == "statement" else f"{row['part']}: "
            cells = [part + row["check"], row["method"], f"`{row['case'][:80]}`" if row["case"] else ""]
            cells += [_number(row[name]) for name in ("predicted", "seen", "standard_error", "smallest_effect")]
            out.append("| " + " | ".join(cell.replace("|", "/") for cell in [*cells, row["verdict"]]) + " |")
        out.append("")
    return out


def _number(value) -> str:
    return "" if value is None else f"{value:.4g}"


def as_json(results: Iterable[Result]) -> str:
    """Write results as JSON, one line each."""
    return "[\n" + ",\n".join(json.dumps(result.to_dict()) for result in results) + "\n]"
