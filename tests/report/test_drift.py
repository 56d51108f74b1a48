"""The part of the report that holds a language model against drift: in every file, and never in the way."""

import json
import math
import re

import numpy as np
import pytest
import xarray as xr

from modelcollapse import lm, report
from modelcollapse.report import drift, experiments, figures, page, prose
from modelcollapse.testing import stream

RNG = stream("tests/report/test_drift.py")
WORDS = 64 * 60
TEXT = " ".join(f"w{k}" for k in (RNG.pareto(0.7, WORDS) * 3).astype(int) % 400)
SETTINGS = experiments.Settings(False, 1, 4, 20, 4, 3, 2, 3, 2, 2, 1, 2, 4, 12)
REGIMES = ["replace", "10 % kept", "10 % fresh", "accumulate"]


def smaller(patch):
    patch.setattr(drift, "GENERATIONS", 2)
    patch.setattr(drift, "CHAINS", 6)


@pytest.fixture(scope="module")
def held():
    """The part of the report about text, as small as it can be; of its drawings one is written down."""
    written = figures.svg
    with pytest.MonkeyPatch.context() as patch:
        smaller(patch)
        patch.setattr(figures, "svg", lambda figure, name: written(figure, name) if name == "drift" else "<svg></svg>")
        return report._part("text", lm.Corpus.from_text(TEXT), SETTINGS, 1)


def checked(text, settings=SETTINGS):
    part = experiments.Part("text")
    return drift.cross_check(part, lm.Corpus.from_text(text), settings), part


def shown(facts, drawing="<svg></svg>"):
    return page._drift({"text": {"crosscheck": report._plain(facts)}}, drawing)


def test_two_models_are_told(held):
    facts = held.facts["crosscheck"]
    assert [m["name"] for m in facts["models"]] == ["trigram", "Kneser-Ney trigram"]
    assert (facts["texts"], facts["words"], facts["generations"]) == (60, WORDS, 2)
    for m in facts["models"]:
        assert m["words"][0] == len(set(TEXT.split())) >= m["words"][1]
        size = m["effective_words"]
        assert 0 < size["low"] <= size["changes"] <= size["high"]


def test_shares_divide_the_loss(held):
    for m in held.facts["crosscheck"]["models"]:
        share, (first, last) = m["share"], m["words"]
        assert sum(share.values()) == pytest.approx(1, rel=1e-12)
        assert share["sampling"] * (first - last) == pytest.approx(first - m["expected"]["independent"], rel=1e-12)
        assert share["directed"] * (first - last) == pytest.approx(m["expected"]["clustered"] - last, rel=1e-9)


def test_numbers_have_both_predictions(held):
    rows = [r for r in held.numbers if r["model"].endswith(", texts")]
    keys = [(r["model"], r["regime"], r["quantity"], r["part"], r["generation"]) for r in rows]
    assert len(set(keys)) == len(keys)
    of = {(r["model"], r["part"]): r for r in rows if r["quantity"] == "support" and r["generation"] == 2}
    for m in held.facts["crosscheck"]["models"]:
        for assumption, expected in m["expected"].items():
            row = of[f"{m['name']}, texts", f"{assumption} words"]
            assert (row["mean"], row["theory"], row["chains"]) == (m["words"][1], expected, 1)
    sizes = [r for r in rows if r["quantity"] == "effective_size"]
    assert [r["generation"] for r in sizes] == [1, 2, 1, 2]
    assert all(math.isfinite(r["mean"]) and r["theory_kind"] == "estimate" for r in sizes)


def test_runs_can_be_checked_again(held, tmp_path):
    told = held.facts["crosscheck"]["models"][1]
    held.runs["texts-kneser-ney-trigram"].to_netcdf(tmp_path / "run.nc", engine="scipy", format="NETCDF3_64BIT")
    run = xr.load_dataset(tmp_path / "run.nc", engine="scipy")
    again = lm.crosscheck(run, error_rate=drift.ERROR_RATE, effect=drift.EFFECT, replicates=2)
    assert again.attrs["neutrality"] == told["neutrality"]
    assert again["seen"].sel(quantity="support").values[[0, -1]].tolist() == told["words"]


def test_the_page_shows_it(held):
    summary = report._plain({"text": held.facts, "regimes": [(name, "", "") for name in REGIMES]})
    text = page._text(summary, held)
    section = text[text.index("<h3>Chance") :]
    assert section.count("<svg") == section.count("<figure") == section.count("<table") == 1
    assert held.figures["drift"] in section
    words = re.sub(r"<svg.*?</svg>", "", section, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", words)
    for m in summary["text"]["crosscheck"]["models"]:
        assert f'<span class="status {m["neutrality"]}">{prose.DRIFT[m["neutrality"]]}</span>' in words
        assert f"keeps {m['words'][1]:,} of {m['words'][0]:,} words" in words
    json.dumps(summary["text"], allow_nan=False)


def test_same_seed_same_check(held, monkeypatch):
    smaller(monkeypatch)
    (facts, _), part = checked(TEXT)
    assert report._plain(facts) == report._plain(held.facts["crosscheck"])
    assert set(part.runs) == {"texts-trigram", "texts-kneser-ney-trigram"}


LEFT_OUT = {
    "quick": (TEXT, "is left out of a quick report"),
    "short": (TEXT[:9000], r"takes 50 blocks of 64 words, and here are \d\d\."),
    "one word in the end": ("a " * WORDS + "b", "generations a trigram loses all of them but one"),
    "a circle": ("a b " * (WORDS // 2), "the texts of a trigram do not differ"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_cannot_be_said_is_left_out(name, monkeypatch):
    smaller(monkeypatch)
    text, match = LEFT_OUT[name]
    settings = experiments.Settings.of(True, 1) if name == "quick" else SETTINGS
    (facts, checks), part = checked(text, settings)
    assert re.search(match, facts["left_out"])
    assert (checks, part.runs, part.numbers) == ({}, {}, [])
    told = shown(facts, None)
    assert "<p>" in told
    assert not re.search("<table|<figure|None", told)


def test_two_words_are_no_trouble(monkeypatch):
    smaller(monkeypatch)
    (facts, _), _ = checked(" ".join(RNG.choice(["a", "b"], WORDS)))
    json.dumps(report._plain(facts), allow_nan=False)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", shown(facts))


@pytest.mark.parametrize(
    ("verdict", "driven", "match"),
    [
        ("SUPPORTED", None, "no directed change was seen, and 25 % in a class of words would have been"),
        ("INCONCLUSIVE", None, "too little text to exclude one"),
        ("CONTRADICTED", None, r"is directed \(error rate 0.001\)\."),
        ("CONTRADICTED", (1, 1, 1.2), "words that occur once gain 120 % of their share"),
        ("CONTRADICTED", (4, 7, -0.31), "words that occur 4 to 7 times lose 31 % of their share"),
    ],
)
def test_the_sentence_is_chosen_by_the_verdict(verdict, driven, match):
    m = {
        "name": "trigram",
        "words": [9, 5],
        "expected": {"clustered": 4.0},
        "neutrality": verdict,
        "driven": driven and dict(zip(("least", "most", "selection"), driven, strict=True)),
    }
    about = {"left_out": "", "words": 640, "texts": 10, "generations": 6, "effect": 0.25, "error_rate": 1e-3}
    told = prose.drift({"text": {"crosscheck": about | {"models": [m]}}})[-1]
    assert told.startswith("The trigram keeps 5 of 9 words where drift would leave 4; ")
    assert re.search(match, told)


@pytest.mark.parametrize(
    ("share", "words"), [(-1.098, "−110 %"), (2.091, "209 %"), (-0.001, "0 %"), (None, "–"), (np.nan, "–")]
)
def test_shares_have_signs(share, words):
    assert prose.signed(share) == words
