"""What is written is what is read; what is broken is named, file and line; nothing is ever half written."""

import doctest
import errno
import importlib
import json
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse.lm import records
from modelcollapse.lm.records import Generation

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=40)


def batch(number, texts=("the cat", "the dog", "a bird"), facts=None):
    n = len(texts)
    source = ["synthetic" if number else "real"] * n
    nll = {"first": np.linspace(1 / 3, 9, n), "self": np.full(n, math.inf)}
    return Generation(number, texts, source, np.arange(n), np.full(n, 2), nll, facts or {})


@pytest.fixture
def run(tmp_path):
    records.write(tmp_path, [batch(t) for t in range(3)], config={"regime": "Replace"})
    return tmp_path


def same(a: Generation, b: Generation):
    assert (a.number, a.texts) == (b.number, b.texts)
    for name in ("source", "prompt_id", "n_tokens"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.nll_nats.keys() == b.nll_nats.keys()
    for name, column in a.nll_nats.items():
        np.testing.assert_array_equal(column, b.nll_nats[name])


# ------------------------------------------------------------------------------------------ round trips

NUMBERS = st.floats(allow_nan=True, allow_infinity=False) | st.just(math.inf)


@SETTINGS
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(), max_size=20),
            st.sampled_from(records.SOURCES),
            st.integers(-1, 2**62),
            st.integers(-1, 2**40),
            NUMBERS,
        ),
        max_size=6,
    ),
    training=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=12),
)
def test_what_is_written_is_what_is_read(tmp_path_factory, rows, training):
    folder = tmp_path_factory.mktemp("run")
    texts, source, prompt_id, n_tokens, nll = zip(*rows, strict=True) if rows else [()] * 5
    facts = {"training": training, "perplexity_real": math.inf, "losses": [1.5, 2.5], "seed": {"fit": [1, 2]}}
    made = Generation(0, texts, source, prompt_id, n_tokens, {"first": nll}, facts)
    records.write(folder, [made])
    (read,) = records.read(folder)
    if rows:
        same(made, read)
    assert [tuple(pair) for pair in read.facts.pop("training").tolist()] == training
    assert read.facts == {"perplexity_real": math.inf, "losses": [1.5, 2.5], "seed": {"fit": [1, 2]}}
    assert len(read) == len(rows)


def test_half_characters_and_line_separators_survive(tmp_path):
    odd = ("\ud800", "a\u2028b\r\nc\x00\x85", "")
    records.write(tmp_path, [batch(0, odd)])
    assert records.read(tmp_path)[0].texts == odd


def test_the_format_is_the_documented_one(run):
    lines = (run / "generation_001.jsonl").read_text().splitlines()
    assert json.loads(lines[1]) == {
        "generation": 1,
        "id": 1,
        "text": "the dog",
        "prompt_id": 1,
        "source": "synthetic",
        "n_tokens": 2,
        "nll_nats": {"first": np.linspace(1 / 3, 9, 3)[1], "self": "inf"},
    }
    manifest = records.read_manifest(run)
    assert (manifest["generations"], manifest["config"]) == (2, {"regime": "Replace"})
    assert [entry["lines"] for entry in manifest["files"]] == [3, 3, 3]


def test_scorers_may_differ_from_line_to_line(tmp_path):
    records.write(tmp_path, [batch(0)])
    path = tmp_path / "generation_000.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["nll_nats"], rows[1]["nll_nats"] = {}, {"other": 3}
    repack(tmp_path, 0, rows)
    (read,) = records.read(tmp_path)
    np.testing.assert_array_equal(read.nll_nats["other"], [np.nan, 3, np.nan])
    np.testing.assert_array_equal(read.nll_nats["first"], [np.nan, np.nan, 9])


def repack(folder, number, rows):
    """Write lines of one's own, and a manifest that fits them."""
    import hashlib

    raw = b"".join(row if isinstance(row, bytes) else (json.dumps(row) + "\n").encode() for row in rows)
    (folder / records.file_name(number)).write_bytes(raw)
    manifest = json.loads((folder / records.MANIFEST).read_text())
    manifest["files"][number] |= {"lines": raw.count(b"\n"), "sha256": hashlib.sha256(raw).hexdigest()}
    (folder / records.MANIFEST).write_text(json.dumps(manifest))


# ------------------------------------------------------------------------------------------ broken files


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b'{"generation": 1,\n', r"line 2, must be one JSON object, got b'.*\(Expecting .* at character 18\)"),
        (b"[1]\n", r"line 2, must be one JSON object, got \[1\]\."),
        (b"\n", r"line 2, must be one JSON object"),
        (b"\xff\n", r"line 2, must be one JSON object, got byte 0xff, which is not UTF-8"),
        (b'{"generation": NaN}\n', r"line 2, must be one JSON object, got NaN, which is not JSON"),
        (b"[" * 100_000 + b"\n", r"line 2, must be one JSON object, got lists or objects nested too deeply"),
        ({"generation": 2}, r"line 2, must be of generation 1, got generation 2\."),
        ({"generation": True}, r"line 2, must have an integer 'generation', got True\."),
        ({"id": 0}, r"line 2, must have the id 1 \(it was there before\), got 0\."),
        ({"id": 7}, r"line 2, must have the id 1 \(ids count the lines from 0\), got 7\."),
        ({"id": None}, r"line 2, must have an integer 'id', got None\."),
        ({"n_tokens": 10**30}, r"line 2, must have an integer 'n_tokens', got 1000"),
        ({"text": 3}, r"line 2, must have a string 'text', got 3\."),
        ({"source": "fake"}, r"line 2, must have a source of real, synthetic, kept, got 'fake'\."),
        ({"nll_nats": 3.5}, r"line 2, must have an object 'nll_nats', got 3\.5\."),
        (
            {"nll_nats": {"first": "many"}},
            r"line 2, must have numbers, null or \"inf\" in nll_nats, got 'many' for 'first'\.",
        ),
    ],
    ids=range(16),
)
def test_a_broken_line_is_named(run, broken, said):
    rows = [json.loads(line) for line in (run / "generation_001.jsonl").read_text().splitlines()]
    rows[1] = rows[1] | broken if isinstance(broken, dict) else broken
    repack(run, 1, rows)
    with pytest.raises(ValueError, match=r"generation_001\.jsonl, " + said):
        records.read(run)


def test_files_that_were_cut_short_changed_or_mixed_up_are_found_out(run, tmp_path_factory):
    path = run / "generation_002.jsonl"
    raw = path.read_bytes()
    path.write_bytes(raw[:-5])
    with pytest.raises(ValueError, match=r"generation_002\.jsonl, line 3, must end with a line break .*cut short"):
        records.read(run)
    path.write_bytes(raw[: raw[:-1].rindex(b"\n") + 1])
    with pytest.raises(ValueError, match=r"generation_002\.jsonl must have 3 lines .* got 2: it was cut short"):
        records.read(run)
    path.write_bytes(raw.replace(b"bird", b"fish"))
    with pytest.raises(ValueError, match=r"generation_002\.jsonl must have the SHA-256 .* is of another run"):
        records.read(run)
    other = tmp_path_factory.mktemp("other")
    records.write(other, [batch(t, ("x", "y", "z")) for t in range(3)])
    path.write_bytes((other / "generation_002.jsonl").read_bytes())
    with pytest.raises(ValueError, match=r"generation_002\.jsonl must have the SHA-256 .* is of another run"):
        records.read(run)
    path.unlink()
    with pytest.raises(ValueError, match=r"generation 2 must be in .*generation_002\.jsonl .*got no such file"):
        records.read(run)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format="x"), r"format in .*manifest\.json must be 'modelcollapse .* got 'x'\."),
        (lambda m: m.update(version=2), r"version in .* must be 1 .* got 2\."),
        (lambda m: m.pop("run"), r"run in .*manifest\.json must be a string, got None\."),
        (lambda m: m.update(files={}), r"files in .*manifest\.json must be a list, got \{\}\."),
        (lambda m: m["files"].pop(1), r"generation 1 is missing\), got generation 2 in its place\."),
        (lambda m: m["files"].insert(0, 3), r"entry 0 of files in .* must be an object, got 3\."),
        (lambda m: m["files"][1].pop("sha256"), r"sha256 in entry 1 of files .* must be a string, got None\."),
        (lambda m: m["files"][1].update(file="../x"), r"file in entry 1 .* must be 'generation_001\.jsonl', got"),
        (lambda m: m["files"][1]["facts"].update(training=[[1]]), r"facts in entry 1 .* must be readable, got"),
        (lambda m: m["files"][1]["facts"].update(training=[[0, 0, -1]]), r"facts in entry 1 .* must be readable"),
    ],
    ids=range(10),
)
def test_a_broken_manifest_is_named(run, change, said):
    manifest = json.loads((run / records.MANIFEST).read_text())
    change(manifest)
    (run / records.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=said):
        records.read(run)


def test_a_folder_without_a_manifest_is_no_run(tmp_path):
    with pytest.raises(ValueError, match=r"folder must hold the manifest\.json of a run, got .*No such file"):
        records.read(tmp_path)
    (tmp_path / records.MANIFEST).write_text("{")
    with pytest.raises(ValueError, match=r"manifest\.json must be one JSON object"):
        records.read(tmp_path)


def test_runs_are_not_written_over_and_have_no_holes(run, tmp_path):
    with pytest.raises(ValueError, match=r"folder must not hold a run already"):
        records.write(run, [batch(0)])
    with pytest.raises(ValueError, match=r"\(generation 1 is missing\), got 2\."):
        records.write(tmp_path / "new", [batch(0), batch(2)])


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((-1, ("a",), ["real"], [0], [1]), ValueError, r"number must be an integer >= 0 .* got -1\."),
        ((0, "a", ["real"], [0], [1]), TypeError, r"texts must be strings, one a text, got the single string 'a'\."),
        ((0, (1,), ["real"], [0], [1]), TypeError, r"texts must be strings, got 1\."),
        ((0, ("a",), ["unreal"], [0], [1]), ValueError, r"source must be one of 'real', .* got 'unreal'\."),
        (
            (0, ("a",), ["real"], [0, 1], [1]),
            ValueError,
            r"prompt_id must have one entry a text, \(1,\), got shape \(2",
        ),
        ((0, ("a",), ["real"], [0], [1], {"x": []}), ValueError, r"nll_nats of 'x' must have one entry a text"),
    ],
)
def test_generations_are_checked(arguments, error, said):
    with pytest.raises(error, match=said):
        Generation(*arguments)


# ------------------------------------------------------------------------------------------ whole or not at all


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(run, monkeypatch, step):
    before = {path.name: path.read_bytes() for path in run.iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        records.write_generation(run, batch(1, ("new",)))
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_the_examples_are_right():
    for name in ("records", "experiment", "loop"):
        module = importlib.import_module(f"modelcollapse.lm.{name}")
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0
