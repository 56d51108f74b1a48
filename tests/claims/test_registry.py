"""What every entry of the atlas has to be."""

import inspect
import re

import pytest

from modelcollapse import claims
from modelcollapse.claims.claim import Kind
from modelcollapse.claims.qc import readings
from modelcollapse.claims.references import bibliography, entries
from modelcollapse.verify import Status

ALL = list(claims.ATLAS.values())


@pytest.fixture(params=ALL, ids=lambda claim: claim.id)
def claim(request):
    return request.param


def test_the_atlas_holds_the_literature():
    assert len(ALL) >= 183
    assert sum(claim.expected == Status.OUT_OF_SCOPE for claim in ALL) <= 25


def test_a_claim_says_who_said_so(claim):
    assert all(text.startswith("@") for text in entries(claim.source))
    assert re.fullmatch(r"[\w.-]+", claim.id)
    assert not claim.title.endswith(".")
    assert claim.statement.rstrip(")").endswith(".")


def test_formulas_balance_their_braces(claim):
    text = claim.formula.replace(r"\{", "").replace(r"\}", "")
    assert text.count("{") == text.count("}")
    assert "$" not in claim.formula


def test_what_is_checked_has_cases_and_can_fail(claim):
    for check in (*claim.checks, *claim.correction):
        assert check.label
        assert len(check.cases) >= 1
    if claim.expected == Status.SUPPORTED and claim.kind == Kind.EXACT:
        assert claim.checks


def test_the_theory_of_a_claim_is_public(claim):
    for function in claim.theory:
        assert callable(function), claim.id
        assert function.__module__.startswith("modelcollapse."), function


def test_second_readings_are_named_on_both_sides(claim):
    assert set(claim.second) == set(readings(claim.id))


def test_every_second_reading_belongs_to_a_claim():
    assert set(readings()) <= set(claims.ATLAS)


def test_exact_claims_have_been_read_twice():
    exact = [claim for claim in ALL if claim.kind == Kind.EXACT and claim.expected != Status.OUT_OF_SCOPE]
    once = [claim.id for claim in exact if not claim.second]
    assert len(once) <= len(exact) // 10, once


def test_first_and_second_readings_take_the_same_parameters(claim):
    for name, reading in readings(claim.id).items():
        taken = [p for p in inspect.signature(claim.second[name]).parameters.values() if p.kind != p.VAR_KEYWORD]
        wanted = set(inspect.signature(reading.function).parameters)
        assert {p.name for p in taken if p.default is p.empty} <= wanted <= {p.name for p in taken}, name


def test_every_entry_of_the_bibliography_can_be_cited():
    known = bibliography()
    assert len(known) > 50
    assert all(text.count("{") == text.count("}") for text in known.values())
    assert all(re.search(r"\byear\s*=", text) for text in known.values())
