"""What the commands about the literature do: claims, verify, cite."""

from __future__ import annotations

import math
import sys

from modelcollapse import claims as room
from modelcollapse.claims.pages import as_json, errata, erratum, frame
from modelcollapse.claims.references import entries


def _chosen(args, **more):
    return room.select(args.ids, paper=args.paper, kind=args.kind, tag=args.tag, **more)


def claims(args) -> int:
    """List claims, show some of them whole, or the errata."""
    chosen = _chosen(args, text=args.text)
    if args.errata:
        chosen = errata(chosen)
        shown = room.verify_claims([claim.id for claim in chosen], 0, quick=True)
        if args.json:
            print(as_json(shown))
        else:
            print("\n\n".join(erratum(claim, result) for claim, result in zip(chosen, shown, strict=True)))
        return 0
    if args.json:
        print(frame(chosen).reset_index().to_json(orient="records", indent=2))
    elif args.ids:
        print("\n\n".join(repr(claim) for claim in chosen))
    else:
        width = max((len(claim.id) for claim in chosen), default=0)
        for claim in chosen:
            print(f"{claim.id:<{width}}  {claim.kind:<10}  {claim.expected:<12}  {claim.title}")
    return 0


def verify(args) -> int:
    """Check claims; exit code 1 if a verdict is not the expected one."""
    chosen = [claim.id for claim in _chosen(args)]
    results = room.verify_claims(
        chosen, args.seed, quick=args.quick, n_jobs=args.jobs, progress=sys.stderr.isatty() and not args.no_progress
    )
    changed = [result for result in results if not result.as_expected]
    if args.json:
        print(as_json(results))
    elif args.details:
        print("\n\n".join(map(str, results)))
    else:
        _table(results)
    if not args.json:
        counts: dict[str, int] = {}
        for result in results:
            counts[str(result.status)] = counts.get(str(result.status), 0) + 1
        weak = [result.id for result in results if result.weak]
        verdicts = ", ".join(f"{count} {status}" for status, count in counts.items())
        print(f"\n{len(results)} claims: {verdicts}; error rate {room.ERROR_RATE:g} each")
        if weak:
            print(f"weak, no check would see an error of 2 %: {', '.join(weak)}")
        for result in changed:
            print(f"CHANGED {result.id}: {result.change}")
    return 1 if changed else 0


def _table(results) -> None:
    """Print one line per claim: the finding that decided."""
    width = max((len(result.id) for result in results), default=5)
    head = f"{'claim':<{width}}  {'predicted':>11}  {'seen':>11}  {'std error':>9}  {'z':>6}  {'sees':>8}  verdict"
    print(head)
    for result in results:
        worst = result.worst
        cells = ["", "", "", "", ""]
        if worst is not None:
            cells = [f"{worst.predicted:.5g}", f"{worst.seen:.5g}"]
            cells += [f"{worst.standard_error:.2g}" if math.isfinite(worst.standard_error) else "exact"]
            cells += [f"{worst.z:+.2f}" if math.isfinite(worst.z) else ""]
            cells += [f"{result.smallest_effect:.1e}" + ("*" if result.weak else "")]
        mark = "" if result.as_expected else "  <- changed"
        print(
            f"{result.id:<{width}}  {cells[0]:>11}  {cells[1]:>11}  {cells[2]:>9}  {cells[3]:>6}  {cells[4]:>8}  "
            f"{result.status}{mark}"
        )


def cite(args) -> int:
    """Print the BibTeX entries of claims or keys."""
    keys = [key for id in args.ids for key in (room.ATLAS[id].source if id in room.ATLAS else (id,))]
    print("\n\n".join(entries(keys)))
    return 0
