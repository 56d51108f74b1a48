"""The main job: real data in, one page out, whole or not at all."""

import csv
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import xarray as xr

from modelcollapse import report
from modelcollapse.report import data, experiments, page, prose
from modelcollapse.testing import stream

RNG = stream("tests/report/test_report.py")
TEXT = " ".join(f"w{k}" for k in RNG.zipf(1.5, 3000) if k < 400)


def rows_of(count=40):
    x = RNG.normal(size=(count, 2))
    kind = np.where(RNG.random(count) < 0.2, "rare", "common")
    header = ["height", "weight & <b>", "group"]
    return [header, *[[f"{a:.4f}", f"{b:.4f}", k] for (a, b), k in zip(x, kind, strict=True)]]


def put(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One quick report of a small table and a small text, shared by all tests that look at a report."""
    folder = tmp_path_factory.mktemp("report")
    put(folder / "my table.csv", rows_of())
    (folder / "my.txt").write_text(TEXT, encoding="utf-8")
    summary = report.write(
        folder / "out", data=folder / "my table.csv", corpus=folder / "my.txt", quick=True, seed=3, n_jobs=1
    )
    return folder, summary


def shrunk(monkeypatch, *, draw=False):
    """Make a report as small as it can be, and without writing its drawings down, which takes longest."""
    if not draw:
        monkeypatch.setattr("modelcollapse.report.figures.svg", lambda figure, name: f"<svg aria-label='{name}'></svg>")
    monkeypatch.setattr(
        experiments.Settings,
        "of",
        classmethod(lambda cls, quick, entropy: cls(False, entropy, 4, 20, 4, 3, 2, 3, 2, 2, 1, 2, 4, 12)),
    )


# ------------------------------------------------------------------------------------------------ the folder


def test_the_folder_holds_what_the_page_says(made):
    folder, summary = made
    out = folder / "out"
    assert sorted(p.name for p in out.iterdir()) == ["numbers.csv", "report.html", "runs", "summary.json"]
    assert sorted(p.name for p in folder.iterdir()) == ["my table.csv", "my.txt", "out"]
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == json.loads(json.dumps(summary))


def test_runs_load_back(made):
    files = sorted((made[0] / "out" / "runs").iterdir())
    assert len(files) >= 15
    for file in files:
        run = xr.load_dataset(file, engine="scipy")
        assert run.sizes["replicate"] <= experiments.SAVED
        assert run.attrs["chains_simulated"] >= run.sizes["replicate"]
        assert run["generation"].values[0] == 0


def test_numbers_are_tidy(made):
    with (made[0] / "out" / "numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = [(r["model"], r["regime"], r["quantity"], r["part"], r["generation"]) for r in rows]
    assert len(set(keys)) == len(keys)
    assert {"variance_share", "survival", "support", "l2_squared"} <= {r["quantity"] for r in rows}
    for r in rows:
        assert float(r["q05"]) <= float(r["median"]) <= float(r["q95"])


def test_the_cures_are_in_every_file(made):
    out = made[0] / "out"
    with (out / "numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["model"].startswith("cures: ")]
    assert {r["model"] for r in rows} == {"cures: Gaussian of height", "cures: classes (group)"}
    told = {row["name"] for row in made[1]["cures"]["cures"]}
    assert {r["regime"] for r in rows if "Gaussian" in r["model"]} == told
    assert {"cures-replace.nc", "cures-classes-preference.nc"} <= {p.name for p in (out / "runs").iterdir()}
    text = (out / "report.html").read_text(encoding="utf-8")
    assert '<section id="cures">' in text
    assert 'href="#cures"' in text
    assert any(v["model"].startswith("cures: ") for v in made[1]["verdicts"])


def test_theory_stands_beside_the_numbers(made):
    with (made[0] / "out" / "numbers.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            r
            for r in csv.DictReader(file)
            if r["quantity"] == "variance_share" and r["regime"] == "replace" and r["model"] == "Gaussian of height"
        ]
    n = made[1]["data"]["rows"]
    # generation 1 is the fit to the rows, so the first loss is that of generation 2
    expected = [(1 - 1 / n) ** max(int(r["generation"]) - 1, 0) for r in rows]
    np.testing.assert_allclose([float(r["theory"]) for r in rows], expected, rtol=1e-12)


class Page(HTMLParser):
    """Collects what a page refers to, and the tags that are open."""

    def __init__(self):
        super().__init__()
        self.outside, self.ids, self.inside, self.tags = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action", "poster"):
                (self.inside if value.startswith("#") else self.outside).append(value)
            if name == "id":
                self.ids.append(value)


def test_the_page_needs_nothing_else(made):
    text = (made[0] / "out" / "report.html").read_text(encoding="utf-8")
    found = Page()
    found.feed(text)
    assert found.outside == []
    assert not {"script", "link", "iframe", "img", "object"} & set(found.tags)
    assert not re.search(r"https?://|@import|@font-face|url\((?!#)", text)
    assert len(set(found.ids)) == len(found.ids)
    assert {v[1:] for v in found.inside} <= set(found.ids)
    assert found.tags.count("svg") == found.tags.count("figure") >= 10


def test_the_page_escapes_what_comes_from_data(made):
    text = (made[0] / "out" / "report.html").read_text(encoding="utf-8")
    assert "weight & <b>" not in text
    assert "weight &amp; &lt;b&gt;" in text


def test_the_page_says_nothing_undefined(made):
    text = (made[0] / "out" / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b|\{[a-z]", text)


def test_the_page_says_how_to_repeat_it(made):
    assert "modelcollapse report --data" in made[1]["made"]["command"]
    assert made[1]["made"]["command"].endswith("--out out --seed 3 --quick")


def test_nothing_is_contradicted(made):
    assert [v["sentence"] for v in made[1]["verdicts"] if v["status"] == "CONTRADICTED"] == []


def test_rare_things_are_listed_first(made):
    shares = [row["share"] for row in made[1]["categories"]["classes"]["lost"]]
    assert shares == sorted(shares)
    assert made[1]["categories"]["classes"]["lost"][0]["label"] == "rare"


def test_the_table_for_a_terminal(made):
    text = report.table(made[1])
    assert "variance of height, mean" in text
    assert len({len(line) for line in text.splitlines()[1:3]}) == 1
    assert max(map(len, text.splitlines())) <= 110


def test_same_seed_same_numbers(tmp_path, monkeypatch):
    shrunk(monkeypatch)
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        report.write(tmp_path / name, corpus=tmp_path / "t.txt", seed=seed, n_jobs=1)
        assert (tmp_path / name / "runs" / "gaussian-4d-accumulate.nc").is_file()
    a, b, c = ((tmp_path / name / "numbers.csv").read_text(encoding="utf-8") for name in "abc")
    assert a == b
    assert a != c


def test_a_new_seed_is_named(tmp_path, monkeypatch):
    shrunk(monkeypatch)
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    summary = report.write(tmp_path / "a", corpus=tmp_path / "t.txt", seed=None, n_jobs=1)
    assert f"--seed {summary['made']['seed']}" in summary["made"]["command"]


def test_one_column_and_no_classes(tmp_path, monkeypatch):
    shrunk(monkeypatch, draw=True)
    put(tmp_path / "d.csv", [["x"], *[[str(v)] for v in RNG.normal(size=30)]])
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    summary = report.write(tmp_path / "a", data=tmp_path / "d.csv", corpus=tmp_path / "t.txt", n_jobs=1)
    assert "nd" not in summary["gaussian"]
    assert "classes" not in summary["categories"]
    assert (tmp_path / "a" / "report.html").stat().st_size > 1e5


# -------------------------------------------------------------------------------------------- nothing is lost


def test_an_existing_folder_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"out must not exist .*got '.*out'"):
        report.write(tmp_path / "out")
    with pytest.raises(FileExistsError, match="out must be an earlier report"):
        report.write(tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_an_earlier_report_can_be_overwritten(tmp_path, monkeypatch):
    shrunk(monkeypatch)
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("old", encoding="utf-8")
    report.write(tmp_path / "out", corpus=tmp_path / "t.txt", overwrite=True, n_jobs=1)
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") != "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "t.txt"]


@pytest.mark.parametrize("where", ["modelcollapse.report._work", "modelcollapse.report.page.render"])
def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch, where):
    def fail(*args, **kwargs):
        raise RuntimeError("interrupted")

    shrunk(monkeypatch)
    (tmp_path / "t.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(where, fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        report.write(tmp_path / "out", corpus=tmp_path / "t.txt", n_jobs=1)
    assert [p.name for p in tmp_path.iterdir()] == ["t.txt"]


# --------------------------------------------------------------------------------------------- what is refused


def changed(row, column, value):
    rows = rows_of()
    rows[row][column] = value
    return rows


BAD = {
    "a gap": (changed(3, 0, ""), {}, ValueError, "must not be missing .*got '' in data row 3, column 'height'"),
    "NaN": (changed(4, 1, "NaN"), {}, ValueError, "must not be missing .*got 'NaN' in data row 4, column 'weight"),
    "infinity": (changed(2, 0, "inf"), {}, ValueError, "must be finite .*got 'inf' in data row 2, column 'height'"),
    "text among numbers": (changed(5, 0, "tall"), {}, TypeError, "must hold numbers .*got 'tall' in data row 5"),
    "a text column": (rows_of(), {"columns": "group"}, TypeError, "must hold numbers .*column 'group'"),
    "one row": (rows_of(1), {}, ValueError, "at least 10 rows .*got 1"),
    "header only": (rows_of()[:1], {}, ValueError, "got the header only"),
    "a constant": (
        [["x", "y"], *[[str(i), "7"] for i in range(20)]],
        {},
        ValueError,
        "column 'y' must vary .*single value 7 in all 20 rows",
    ),
    "dependent columns": (
        [["x", "y"], *[[str(i), str(2 * i + 1)] for i in range(20)]],
        {},
        ValueError,
        "must not determine each other",
    ),
    "few rows for the columns": (
        [[f"c{j}" for j in range(11)], *RNG.normal(size=(11, 11)).tolist()],
        {},
        ValueError,
        "at least 13 rows .*got 11",
    ),
    "many columns": (
        [[f"c{j}" for j in range(13)], *RNG.normal(size=(40, 13)).tolist()],
        {},
        ValueError,
        "at most 12 columns .*got 13",
    ),
    "an unknown column": (
        rows_of(),
        {"columns": ["width"]},
        ValueError,
        "columns must be among the columns of the file \\('height', .*got 'width'",
    ),
    "an unknown label": (rows_of(), {"label": "kind"}, ValueError, "label must be among .*got 'kind'"),
    "a column twice": (rows_of(), {"columns": ["height", "height"]}, ValueError, "name a column once .*got 'height'"),
    "a label among columns": (
        rows_of(),
        {"columns": ["group"], "label": "group"},
        ValueError,
        "label must not be among columns .*got 'group'",
    ),
    "a name twice": ([["x", "x"], ["1", "2"]], {}, ValueError, "name every column once .*got 'x' twice"),
    "no name": ([["x", ""], ["1", "2"]], {}, ValueError, "a name for every column, got none for column 2"),
    "no header": ([["1", "2"], ["3", "4"]], {}, ValueError, "must begin with a header .*got the numbers 1, 2"),
    "ragged rows": ([*rows_of(), ["1"]], {}, ValueError, "must have 3 cells in every row .*got 1 in data row 41"),
    "one class": (
        [["x", "g"], *[[str(i * i), "a"] for i in range(20)]],
        {"label": "g"},
        ValueError,
        "at least 2 classes .*got only 'a'",
    ),
    "a missing class": (changed(6, 2, ""), {"label": "group"}, ValueError, "a class in every row .*data row 6"),
    "text only": ([["a", "b"], ["x", "y"], ["z", "w"]], {}, ValueError, "at least one column of numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses_tables(name, tmp_path):
    rows, options, error, match = BAD[name]
    put(tmp_path / "d.csv", rows)
    with pytest.raises(error, match=match):
        report.write(tmp_path / "out", data=tmp_path / "d.csv", **options)
    assert [p.name for p in tmp_path.iterdir()] == ["d.csv"]


def test_refuses_files(tmp_path):
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes("höhe\n1\n".encode("latin-1"))
    (tmp_path / "short.txt").write_text("a word or two", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    cases = [
        ({"data": "empty.csv"}, ValueError, "the empty file"),
        ({"data": "latin.csv"}, ValueError, "in UTF-8 .*got byte 0xf6 at 1"),
        ({"data": "none.csv"}, FileNotFoundError, "data must be a CSV file that exists, got .*none.csv"),
        ({"data": "."}, ValueError, "must be a CSV file that can be read"),
        ({"corpus": "none.txt"}, FileNotFoundError, "corpus must be a text file that exists, got .*none.txt"),
        ({"corpus": "short.txt"}, ValueError, "at least 200 words .*got 4"),
        ({"corpus": "empty.txt"}, ValueError, "at least 2 distinct words"),
    ]
    for options, error, match in cases:
        with pytest.raises(error, match=match):
            report.write(tmp_path / "out", **{k: tmp_path / v for k, v in options.items()})
    with pytest.raises(FileNotFoundError, match="out must be in a folder that exists"):
        report.write(tmp_path / "no" / "such" / "folder")
    with pytest.raises(ValueError, match="n_jobs must be a number of processes, or -1 for all cores, got 0"):
        report.write(tmp_path / "out", n_jobs=0)
    with pytest.raises(ValueError, match="seed must be an integer >= 0, got -1"):
        report.write(tmp_path / "out", seed=-1)
    with pytest.raises(ValueError, match=r"label must be 'species' .*got 'genus'"):
        report.write(tmp_path / "out", label="genus")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------------------------------------- pieces


def test_a_table_is_read_as_it_is_written(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("\ufeffx;name;y\n" + "".join(f"{i};{'ab'[i % 2]};{i * i}\n" for i in range(12)), encoding="utf-8")
    read = data.read(path)
    assert read.columns == ("x", "y")
    assert read.label == "name"
    assert read.rows[3].tolist() == [3.0, 9.0]
    assert data.read(path, columns="y").columns == ("y",)


def test_a_name_in_every_row_is_no_class(tmp_path):
    path = put(tmp_path / "d.csv", [["id", "x"], *[[f"n{i}", str(i * i)] for i in range(12)]])
    read = data.read(path)
    assert read.label is None
    assert "id" in read.notes[0]


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.5, "50 %"),
        (1e-9, "< 0.05 %"),
        (0.012, "1.2 %"),
        (0.99999, "> 99.9 %"),
        (None, "–"),
        (math.nan, "–"),
        (1.83, "183 %"),
    ],
)
def test_percentages_round_nothing_away(p, words):
    assert prose.percent(p) == words


@pytest.mark.parametrize(
    ("x", "words"),
    [(12345.6, "12,346"), (-1.5, "−1.5"), (1.5e-7, "1.50·10<sup>−7</sup>"), (math.inf, "∞"), (None, "–"), (7, "7")],
)
def test_numbers_are_readable(x, words):
    assert page.number(x) == words


def test_bins_hold_every_row():
    x = RNG.normal(size=200)
    labels, order = experiments.bins(x)
    assert set(labels) == set(order)
    assert len(labels) == 200
