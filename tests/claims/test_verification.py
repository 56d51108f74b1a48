"""Verdicts on claims: reproducible, one by one or many, and never silent about what broke."""

import json
import math

import pytest

import modelcollapse as mc
from modelcollapse import claims, cli
from modelcollapse.claims import Computed, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.pages import errata, erratum, markdown
from modelcollapse.claims.verification import verify_claim, verify_claims
from modelcollapse.verify import Status

FEW = ["WF-H", "WF-FIX", "F-REP"]


def made(**changes):
    settings = {
        "id": "TEST-1",
        "title": "One is one",
        "statement": "One is one.",
        "source": ("wright1931",),
        "kind": Kind.EXACT,
        "checks": (Computed(label="one", predict=lambda: 1.0, other=lambda: 1.0, cases=({},)),),
    }
    return Claim(**settings | changes)


ONE_IS_TWO = Computed(label="two", predict=lambda: 2.0, other=lambda: 1.0, cases=({},))


def test_the_room_is_a_mapping_and_a_table():
    assert mc.claims["WF-H"].id == "WF-H"
    assert len(mc.claims) == len(list(mc.claims))
    assert "WF-H" in mc.claims
    assert "search" in mc.claims._repr_html_()
    assert "WF-H" in mc.claims.table().index
    assert "Heterozygosity" in mc.claims["WF-H"]._repr_html_()


def test_an_unknown_claim_is_told_its_neighbours():
    with pytest.raises(KeyError, match=r"id must be one of the \d+ claims, got 'WF-HH'; near it are .*WF-H"):
        mc.claims["WF-HH"]


def test_claims_are_selected_by_paper_kind_tag_and_word():
    assert {claim.kind for claim in mc.claims.select(kind="bound")} == {"bound"}
    assert [claim.id for claim in mc.claims.select(["WF-H"])] == ["WF-H"]
    assert len(mc.claims.select(["WF-*"])) > 3
    assert all("seddik2024" in claim.source for claim in mc.claims.select(paper="seddik"))
    assert mc.claims.select(text="heterozygosity")
    with pytest.raises(ValueError, match=r"tag must be one of .*categorical.*, got 'nothing'"):
        mc.claims.select(tag="nothing")
    with pytest.raises(ValueError, match=r"kind must be one of exact.*, got 'rumour'"):
        mc.claims.select(kind="rumour")


@pytest.mark.compiled
def test_a_claim_meets_the_same_numbers_alone_and_among_others():
    alone = [verify_claim(mc.claims[id], 5, quick=True) for id in FEW]
    together = verify_claims(FEW[::-1], 5, quick=True, n_jobs=2)[::-1]
    assert [str(r) for r in alone] == [str(r) for r in together]
    assert [str(verify_claim(mc.claims[id], 6, quick=True)) for id in FEW] != [str(r) for r in alone]


def test_a_verdict_that_changed_is_said():
    assert verify_claim(made()).as_expected
    wrong = verify_claim(made(checks=(ONE_IS_TWO,)))
    assert wrong.status == Status.CONTRADICTED
    assert wrong.change == "CONTRADICTED, expected SUPPORTED"
    assert "CHANGED" in str(wrong)


def test_an_erratum_needs_its_correction_to_hold():
    said = {"expected": Status.CONTRADICTED, "printed": "1 = 2", "holds": "1 = 1"}
    right = made(checks=(ONE_IS_TWO,), correction=made().checks, **said)
    result = verify_claim(right)
    assert result.as_expected
    assert result.smallest_effect == made().checks[0].rtol
    assert "as printed: two: 2, seen 1" in erratum(right, result)
    assert verify_claim(made(checks=(ONE_IS_TWO,), correction=(ONE_IS_TWO,), **said)).change.startswith("correction")
    with pytest.raises(ValueError, match="printed, holds and correction must be given for TEST-1"):
        made(expected=Status.CONTRADICTED)


def test_a_check_that_breaks_is_never_a_pass():
    broken = made(checks=(Computed(label="?", predict=lambda: 1 / 0, other=lambda: 1.0, cases=({},)),))
    result = verify_claim(broken)
    assert result.status == Status.INCONCLUSIVE
    assert result.change == "the check broke: ZeroDivisionError: division by zero"


def test_what_cannot_be_checked_says_why():
    out = made(expected=Status.OUT_OF_SCOPE, reason="needs a telescope", checks=())
    assert verify_claim(out).status == Status.OUT_OF_SCOPE
    assert verify_claim(out).as_expected
    with pytest.raises(ValueError, match="reason must say why TEST-1 is OUT_OF_SCOPE, got none"):
        made(expected=Status.OUT_OF_SCOPE, checks=())
    with pytest.raises(ValueError, match="checks must be given for TEST-1 unless it is out of scope, got none"):
        made(checks=())


def test_a_claim_whose_checks_see_little_is_weak():
    coarse = Sampled(
        label="a coin", predict=lambda: 0.5, draw=lambda size, rng: rng.random(size) < 0.5, cases=({},), size=2000
    )
    assert verify_claim(made(checks=(coarse,)), 1).weak
    assert not verify_claim(made()).weak


def test_every_random_part_has_its_share_of_the_error_rate(monkeypatch):
    levels = []
    real = Sampled.run

    def spy(self, case, rng, *, alpha, quick):
        levels.append(alpha)
        return real(self, case, rng, alpha=alpha, quick=quick)

    monkeypatch.setattr(Sampled, "run", spy)
    coin = Sampled(
        label="coins",
        predict=lambda p: p,
        draw=lambda size, rng, p: rng.random(size) < p,
        cases=({"p": 0.1}, {"p": 0.5}, {"p": 0.7}),
    )
    verify_claim(made(checks=(coin,)), 1)
    assert sum(levels) == pytest.approx(claims.ERROR_RATE)


def test_results_go_through_json():
    stored = json.loads(json.dumps(verify_claim(made()).to_dict()))
    assert stored["verdict"] == "SUPPORTED"
    assert stored["findings"][0]["standard_error"] is None
    page = markdown([made()], {"TEST-1": stored}, "a command")
    assert "### `TEST-1` One is one" in page
    assert "**SUPPORTED** (exact)" in page


def test_the_errata_are_the_claims_that_fail():
    found = errata(mc.claims.ATLAS.values())
    assert len(found) >= 10
    assert all(claim.expected == Status.CONTRADICTED for claim in found)


def run(capsys, *argv):
    code = cli.main(list(argv))
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.mark.compiled
def test_the_commands(capsys):
    code, out, _ = run(capsys, "verify", "WF-H", "--quick", "--jobs", "1")
    assert code == 0
    assert "1 claims: 1 SUPPORTED; error rate 1e-06 each" in out
    code, out, _ = run(capsys, "verify", "WF-H", "--quick", "--jobs", "1", "--json")
    assert json.loads(out)[0]["as_expected"] is True
    code, out, _ = run(capsys, "verify", "WF-H", "--quick", "--jobs", "1", "--details")
    assert "mean heterozygosity" in out
    code, out, _ = run(capsys, "claims", "--paper", "wright1931")
    assert "WF-H" in out
    code, out, _ = run(capsys, "claims", "WF-H")
    assert "statement" in out
    code, out, _ = run(capsys, "claims", "--json")
    assert len(json.loads(out)) == len(mc.claims)
    code, out, _ = run(capsys, "cite", "WF-H", "shumailov2024")
    assert out.count("@article") == 2
    code, _, err = run(capsys, "verify", "NO-SUCH-CLAIM")
    assert code == 2
    assert "id must be one of the" in err
    code, _, err = run(capsys, "cite", "nobody1900")
    assert code == 2
    assert "source must be a key of docs/refs.bib, got 'nobody1900'" in err


def test_a_change_makes_the_command_fail(capsys, monkeypatch):
    wrong = made(checks=(ONE_IS_TWO,))
    monkeypatch.setitem(mc.claims.ATLAS._claims, "TEST-1", wrong)
    code, out, _ = run(capsys, "verify", "TEST-1", "--jobs", "1")
    assert code == 1
    assert "CHANGED TEST-1: CONTRADICTED, expected SUPPORTED" in out


def test_numbers_are_finite_or_said_to_be_none():
    worst = verify_claim(made()).worst
    assert math.isfinite(worst.predicted)
