"""What others have written is read as it is meant; what is broken is named, file and line; nothing runs code."""

import csv
import doctest
import importlib
import json
import math
import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from modelcollapse import lm
from modelcollapse.lm import files, readers, records
from modelcollapse.lm.records import Generation

REAL = ("the cat saw the dog", "a dog barked at the cat")
WRITTEN = ("the dog saw the dog", "a cat saw the cat")


def put(path, content):
    """Write a file: bytes, text, or a value as JSON; a list of objects is one a line where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    else:
        path.write_text(json.dumps(content, indent=4))
    return path


def told(generations):
    return [(g.number, g.texts) for g in generations]


def data() -> Path:
    """Folder of the real samples, which are never part of the project."""
    return Path(os.environ.get("MODELCOLLAPSE_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.parametrize("name", ["readers", "files", "tables", "logs"])
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"modelcollapse.lm.{name}")).failed == 0


# ------------------------------------------------------------------------------------------ our own


def test_our_own_format_comes_first_and_as_it_is(tmp_path):
    made = [files.batch(0, REAL), files.batch(1, WRITTEN, facts={"perplexity_real": 7.5})]
    records.write(tmp_path, made)
    put(tmp_path / "generation_001.txt", "not this")
    assert readers.recognise(tmp_path) == "modelcollapse"
    read = lm.read(tmp_path)
    assert told(read) == told(made)
    assert read[1].facts == {"perplexity_real": 7.5}
    with pytest.raises(TypeError, match=r"real and first must not be given for a run of our own"):
        lm.read(tmp_path, first=0)
    (tmp_path / "manifest.json").write_bytes((tmp_path / "manifest.json").read_bytes()[:30])
    with pytest.raises(ValueError, match=r"manifest\.json must be one JSON object"):
        lm.read(tmp_path)


# ------------------------------------------------------------------------------------------ plain text


def test_a_text_file_a_generation(tmp_path):
    put(tmp_path / "gen0.txt", "\ufeff" + "\r\n".join(REAL) + "\r\n\r\n")
    put(tmp_path / "gen1.txt", "\n".join(WRITTEN))
    read = lm.read(tmp_path)
    assert told(read) == [(0, REAL), (1, WRITTEN)]
    assert [set(g.source) for g in read] == [{"real"}, {"synthetic"}]
    assert read[1].facts == {"format": "text", "read_from": str(tmp_path / "gen1.txt")}
    assert told(lm.read(str(tmp_path / "gen?.txt"))) == told(read)
    assert told(lm.read([tmp_path / "gen1.txt", tmp_path / "gen0.txt"])) == told(read)
    seen = lm.measure(read)
    assert seen["support"].values.tolist() == [7, 5 - 0]
    assert lm.crosscheck(read, rng=1).attrs["summary"]


@pytest.mark.parametrize(
    ("per", "texts"),
    [
        ("line", ("a b", "c", "d e f")),
        ("paragraph", ("a b\nc", "d e f")),
        ("file", ("a b\nc\n\n \nd e f",)),
        (2, ("a b", "c\n\n \nd", "e f")),
        (4, ("a b\nc\n\n \nd",)),
    ],
)
def test_what_one_text_is(tmp_path, per, texts):
    put(tmp_path / "out_1.txt", "a b\nc\n\n \nd e f")
    assert lm.read(tmp_path / "out_1.txt", per=per)[1].texts == texts


def test_a_folder_a_generation_and_a_file_a_text(tmp_path):
    for t, texts in enumerate([REAL, WRITTEN]):
        for i, text in enumerate(texts):
            put(tmp_path / f"generation-{t}" / f"{i:02d}.txt", text)
    put(tmp_path / "notes.md", "not this")
    assert told(lm.read(tmp_path)) == [(0, REAL), (1, WRITTEN)]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["gpt2-gen-0.txt", "gpt2-gen-1.txt"], None),
        (["wikitext2_iter0_seed7.txt", "wikitext2_iter1_seed7.txt"], None),
        (["0.txt", "1.txt"], None),
        (["model 000.txt", "model 001.txt"], None),
        (["v2-0-of-9.txt", "v2-1-of-9.txt"], r"v2-(\d)"),
    ],
)
def test_the_number_is_in_the_name(tmp_path, names, pattern):
    for name, texts in zip(names, [REAL, WRITTEN], strict=True):
        put(tmp_path / name, "\n".join(texts))
    assert told(lm.read(tmp_path, pattern=pattern)) == [(0, REAL), (1, WRITTEN)]


def test_a_single_path_is_the_first_generation_unless_it_says_otherwise(tmp_path):
    for name, number in (("llama-3.txt", 1), ("gen0.txt", 0), ("0.txt", 0)):
        assert lm.read(put(tmp_path / name, "a b"))[-1].number == number
    with pytest.raises(ValueError, match="numbers of the source: 1, 2 missing"):
        lm.read(put(tmp_path / "gen3.txt", "a b"))
    assert lm.read(tmp_path / "gen3.txt", first=3)[1].texts == ("a b",)


def test_files_of_other_endings_are_text_if_they_are_said_to_be(tmp_path):
    for t, texts in enumerate([REAL, WRITTEN]):
        put(tmp_path / f"gen{t}.out", "\n".join(texts))
    assert told(lm.read(str(tmp_path / "*.out"), "text")) == [(0, REAL), (1, WRITTEN)]
    with pytest.raises(ValueError, match=r"must hold text files \(\*\.txt; name others one by one\), got none"):
        lm.read(tmp_path, "text")


def test_the_first_model_may_be_number_0_and_the_real_text_elsewhere(tmp_path):
    put(tmp_path / "out" / "gen_0.txt", "\n".join(WRITTEN))
    put(tmp_path / "out" / "gen_1.txt", "x\ny\nz")
    real = put(tmp_path / "real.txt", "\n".join(REAL))
    expected = [(0, REAL), (1, WRITTEN), (2, ("x", "y", "z"))]
    for text in (real, str(real), REAL):
        read = lm.read(tmp_path / "out", real=text, first=0)
        assert told(read) == expected
        assert [set(g.source) for g in read] == [{"real"}, {"synthetic"}, {"synthetic"}]
    with pytest.raises(ValueError, match="real must not be given where generation 0 is there"):
        lm.read(tmp_path / "out", real=REAL)
    assert told(lm.read(tmp_path / "out", first=0))[0] == (0, ())
    with pytest.raises(ValueError, match="first must be at most 1 above the lowest generation of the source, 0, got 5"):
        lm.read(tmp_path / "out", first=5)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["gen0.txt", "gen2.txt"], r"numbers of the source: 1 missing\), got 0, 2"),
        (["gen3.txt", "gen4.txt"], r"numbers of the source: 1, 2 missing"),
        (["gen0.txt", "gen99999999999999999999.txt"], r"source: 1, 2, 3, 4, 5, 6, \.\.\. missing\), got 0, 9999"),
        (["gen1.txt", "gen01.txt"], r"each once, got generation 1 for '.*gen01\.txt' and for '.*gen1\.txt'"),
        (["gen0.txt", "readme.txt"], r"must tell the generations, such as generation_3 .* got '.*readme\.txt'"),
        (["a1b2.txt", "a1b3.txt"], r"pattern=, a regular expression .* got '.*a1b2\.txt'"),
    ],
)
def test_missing_and_doubtful_generations(tmp_path, names, message):
    for name in names:
        put(tmp_path / name, "a text\n")
    with pytest.raises(ValueError, match=message):
        lm.read(tmp_path)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"fine\n\xff\xfe\n", r"gen1\.txt, line 2, must be UTF-8, got the byte 0xff at 0"),
        (b"fine\nfine\n\x00\x01", r"gen1\.txt, line 3, must be text, got a byte 0x00"),
        (b"\x89PNG\r\n\x1a\n", r"gen1\.txt, line 1, must be UTF-8, got the byte 0x89"),
    ],
)
def test_binary_junk_is_named(tmp_path, raw, message):
    put(tmp_path / "gen1.txt", raw)
    with pytest.raises(ValueError, match=message):
        lm.read(tmp_path)


def test_a_line_has_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_LINE", 10)
    put(tmp_path / "gen1.txt", "0123456789\n" + "x" * 100)
    with pytest.raises(ValueError, match=r"line 1, must have at most 10 bytes"):
        lm.read(tmp_path)
    monkeypatch.setattr(files, "MOST_WHOLE", 10)
    put(tmp_path / "json" / "gen1.json", [{"text": "too long"}])
    with pytest.raises(ValueError, match=r"must have at most 10 bytes \(it can only be read as a whole"):
        lm.read(tmp_path / "json")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"per": "word"}, ValueError, "per must be one of 'line', 'paragraph', 'file', got 'word'"),
        ({"per": 0}, ValueError, r"per must be an integer >= 1 \(a text has a word\), got 0"),
        ({"pattern": "("}, ValueError, r"pattern must be a regular expression, got '\('"),
        ({"pattern": "gen"}, ValueError, "pattern must have one group, the number, .* got 'gen'"),
        ({"pattern": "(gen)"}, ValueError, "pattern must have digits for its group"),
        (
            {"columns": {}},
            TypeError,
            r"columns must not be given for the format text \(it takes per, pattern\), got {}",
        ),
        ({"format": "word"}, ValueError, "format must be one of 'modelcollapse', 'lm-eval', .* got 'word'"),
        (
            {"format": "arrow"},
            ValueError,
            r"must hold folders with state\.json and \*\.arrow for the format arrow, got",
        ),
        ({"format": "trainer"}, ValueError, "for the format (trainer|lm-eval), got"),
        ({"format": "lm-eval"}, ValueError, "for the format (trainer|lm-eval), got"),
        ({"real": 3}, TypeError, "real must be"),
        ({"real": [3]}, TypeError, "real must be a text file or a sequence of strings, got 3"),
        ({"real": "/no/such.txt"}, ValueError, "real must be a text file, or a sequence of texts, got '/no/such.txt'"),
        ({"first": "one"}, TypeError, "first must be an integer >= 0, got 'one'"),
    ],
)
def test_options_have_rules(tmp_path, options, error, message):
    put(tmp_path / "gen1.txt", "a text")
    with pytest.raises(error, match=message):
        lm.read(tmp_path, **options)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/no/such", ValueError, "path must name a file or folder that exists, got '/no/such'"),
        ("/no/such*.txt", ValueError, "which none matches"),
        (["/no/such"], ValueError, "path must name files and folders that exist, got '/no/such'"),
        ([], TypeError, "path must be a path, a pattern or a sequence of paths, got"),
        (7, TypeError, "path must be a path, a pattern or a sequence of paths, got 7"),
    ],
)
def test_paths_have_rules(path, error, message):
    with pytest.raises(error, match=message):
        lm.read(path)


def test_an_error_lists_the_formats(tmp_path):
    with pytest.raises(ValueError, match="which is empty"):
        lm.read(tmp_path)
    put(tmp_path / "picture.png", b"\x89PNG")
    with pytest.raises(ValueError, match=r"path must be in one of the formats modelcollapse \(manifest") as told:
        lm.read(tmp_path)
    assert all(name in str(told.value) for name in readers.FORMATS)
    assert str(told.value).endswith("with picture.png.")


# ------------------------------------------------------------------------------------------ pickles


class Bomb:
    def __reduce__(self):
        return (os.abort, ())


@pytest.mark.parametrize("name", ["data.pkl", "gen1.txt", "model.pt", "gen1.jsonl", "run.csv"])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_never_opened(tmp_path, name, inside, zipped):
    path = tmp_path / name
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Bomb()))
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"must not be a pickle or an archive of torch\.save .* turn it into a text"):
        lm.read(tmp_path if inside else path)


def test_pickles_are_refused_whatever_they_are_called_to_be(tmp_path):
    path = put(tmp_path / "gen1.pkl", b"(lp0\n.")  # protocol 0 looks like text
    for kind in readers.FORMATS:
        with pytest.raises(ValueError, match="must not be a pickle"):
            lm.read(path, format=kind)


# ------------------------------------------------------------------------------------------ JSON lines


def test_json_lines_and_lists(tmp_path):
    put(tmp_path / "a" / "gen0.jsonl", [{"id": i, "text": text} for i, text in enumerate(REAL)])
    put(tmp_path / "a" / "gen1.json", [{"text": text} for text in WRITTEN])
    put(tmp_path / "a" / "config.json", {"text": "not this"})
    assert told(lm.read(tmp_path / "a")) == [(0, REAL), (1, WRITTEN)]
    put(tmp_path / "b" / "gen1.jsonl", [{"output": text} for text in WRITTEN])
    assert lm.read(tmp_path / "b", text="output")[1].texts == WRITTEN
    with pytest.raises(ValueError, match=r"line 1, must have a string 'text' \(its strings are: output\), got None"):
        lm.read(tmp_path / "b")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ('{"text": "a"}\n{"text": "b', r"gen1\.jsonl, line 2, must be JSON, got Unterminated string"),
        ('{"text": "a"}\n{"text": "b"', r"line 2, must be JSON \(the file was cut short\), got"),
        ('{"text": "a"}\n\n["b"]\n', r"line 3, must be one JSON object, got \['b'\]"),
        ('{"text": 7}\n', r"line 1, must have a string 'text' \(its strings are: none\), got 7"),
        ("[" * 100_000 + "\n", r"line 1, must be JSON, got lists or objects nested too deeply"),
        ("7" * 10_000 + "\n", r"line 1, must be JSON, got Exceeds the limit"),
    ],
)
def test_broken_json_lines_are_named(tmp_path, raw, message):
    put(tmp_path / "gen1.jsonl", raw)
    with pytest.raises(ValueError, match=message):
        lm.read(tmp_path)


def test_broken_json_lists_are_named(tmp_path):
    path = put(tmp_path / "gen1.json", '[\n {"text": "a"},\n {"text": \n')
    with pytest.raises(ValueError, match=r"gen1\.json must be JSON \(the file was cut short\), got .* at line"):
        lm.read(path)
    put(path, '[\n {"text": "a"},\n "b"]')
    with pytest.raises(ValueError, match=r"gen1\.json, entry 1, must be an object, got 'b'"):
        lm.read(path)


# ------------------------------------------------------------------------------------------ lm-evaluation-harness

DATE = "2026-01-02T03-04-05.678901"


def generated(doc, text, target="the end", filter="none", **more):
    return {
        "doc_id": doc,
        "doc": {"page": "..."},
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": "a prompt", "arg_1": {"until": ["\n"], "do_sample": True}}},
        "resps": [[text] if isinstance(text, str) else text],
        "filtered_resps": [text],
        "filter": filter,
        "metrics": ["exact_match"],
        "doc_hash": "0",
        "exact_match": 0.0,
        **more,
    }


def rolled(doc, text, nats, number):
    return {
        "doc_id": doc,
        "doc": {"page": text},
        "target": text,
        "arguments": [[text]],  # as older versions have it
        "resps": [[str(-nats)]],
        "filtered_resps": [str(-nats)],
        "filter": "none",
        "word_perplexity": [-nats, number],
        "byte_perplexity": [-nats, 5 * number],
        "bits_per_byte": [-nats, 5 * number],
    }


def test_a_real_sample_of_the_harness():
    folder = data() / "lm-eval-sample"
    if not folder.exists():
        pytest.skip(f"{folder} is not there")
    real, one = lm.read(folder)
    assert readers.recognise(folder) == one.facts["format"] == "lm-eval"
    assert (len(real), len(one)) == (4, 4)
    assert one.facts["perplexity_real"] == pytest.approx(
        one.facts["results"]["local_wikitext2"]["word_perplexity,none"], rel=1e-12
    )
    assert one.facts["decoding"]["local_gen64"]["temperature"] == 1.0
    assert one.texts[0].startswith("ooks\nbtters were by the same days")
    assert real.texts[0].startswith("e on the television series The Bill")
    assert one.prompt_id.tolist() == [0, 1, 2, 3]
    (scored, _) = lm.read(folder, tasks=["local_wikitext2"])
    assert scored.n_tokens[0] == 286
    assert scored.nll_nats["first"][0] == 4121.837585449219
    assert np.isfinite(lm.measure(lm.read(folder))["perplexity_real"][1])


def test_folders_of_the_harness_are_generations_of_models(tmp_path):
    for t, nats in enumerate([20.0, 30.0, 40.0]):
        folder = tmp_path / f"gen{t}" / "gpt2-125m"  # the harness names a folder for the model
        put(folder / f"samples_write_{DATE}.jsonl", [generated(i, f"{text} {t}") for i, text in enumerate(WRITTEN)])
        put(folder / f"samples_wiki_{DATE}.jsonl", [rolled(i, text, nats, 5) for i, text in enumerate(REAL)])
        put(folder / f"results_{DATE}.json", {"results": {"wiki": {"word_perplexity,none": math.exp(nats / 5)}}})
        put(folder / "samples_write_2025-01-01T00-00-00.0.jsonl", [generated(0, "an older one")])
    read = lm.read(tmp_path)
    assert [g.number for g in read] == [0, 1, 2, 3]
    assert [g.texts for g in read[:2]] == [("the end", "the end"), tuple(f"{text} 0" for text in WRITTEN)]
    assert [g.facts["perplexity_real"] for g in read[1:]] == pytest.approx([math.exp(n / 5) for n in (20, 30, 40)])
    assert "before" not in read[0].facts
    # a base model that was fitted to nothing is none of ours
    assert [g.texts for g in lm.read(tmp_path, first=1)[1:]] == [g.texts for g in read[2:]]
    scored = lm.read(tmp_path, tasks="wiki")
    assert scored[0].texts == REAL
    assert scored[0].nll_nats["first"].tolist() == [20.0, 20.0]
    assert scored[0].n_tokens.tolist() == [5, 5]
    assert all(g.texts == () for g in scored[1:])
    assert lm.measure(scored)["perplexity_real"].values[1:] == pytest.approx([math.exp(n / 5) for n in (20, 30, 40)])
    assert told(lm.read(tmp_path, real=REAL))[0] == (0, REAL)


def test_one_document_counts_once_whatever_the_filters(tmp_path):
    path = tmp_path / f"samples_write_{DATE}.jsonl"
    strict = [generated(i, text, filter="strict") for i, text in enumerate(WRITTEN)]
    loose = [generated(i, [text, text.upper()], filter="loose") for i, text in enumerate(WRITTEN)]
    put(path, [*strict, *loose])
    assert lm.read(tmp_path)[1].texts == WRITTEN
    repeats = lm.read(tmp_path, filter="loose")[1]
    assert repeats.texts == (WRITTEN[0], WRITTEN[0].upper(), WRITTEN[1], WRITTEN[1].upper())
    assert repeats.prompt_id.tolist() == [0, 0, 1, 1]
    with pytest.raises(ValueError, match=r"filter must be one of those in .*, loose, strict, got 'none'"):
        lm.read(tmp_path, filter="none")
    with pytest.raises(ValueError, match=r"tasks must be among those of .*, write, got 'wiki'"):
        lm.read(tmp_path, tasks=["wiki"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            [generated(0, "a"), generated(0, "b")],
            r"line 2, must have a doc_id of its own, got 0 again \(first in line 1\)",
        ),
        ([generated("0", "a")], r"line 1, must have a doc_id >= 0, a whole number, got '0'"),
        ([generated(2**63, "a")], r"line 1, must have a doc_id >= 0, a whole number, got 9223"),
        ([generated(0, "a", filter=3)], r"line 1, must have a string 'filter', got 3"),
        ([generated(0, "a"), rolled(1, "b", 3, 1)], r"line 2, must be of the same kind as the rows before it, text"),
        ([generated(0, "a", resps="b")], r"line 1, must have a list of lists in 'resps', got 'b'"),
        ([generated(0, "a", resps=[])], r"line 1, must have a list of lists in 'resps', got \[\]"),
        ([generated(0, "a", resps=[[["-1.5", "False"]]])], "choices among answers are neither"),
        (
            [generated(0, "a", word_perplexity=-3)],
            r"must have a log-likelihood and a number of units in 'word_perplexity'",
        ),
        ([generated(0, "a", word_perplexity=["x", 2])], r"must have a number in 'word_perplexity', got 'x'"),
        ([generated(0, "a", word_perplexity=[-1, 0])], r"must have a number >= 1 in 'word_perplexity', got 0"),
        ([generated(0, "a", word_perplexity=[1, 2])], r"must have a log-likelihood <= 0 in 'word_perplexity', got 1"),
        (json.dumps(generated(0, "a"))[:-40], r"jsonl, line 1, must be JSON"),
        ("", "must hold tasks that generate text or score documents"),
    ],
)
def test_broken_samples_are_named(tmp_path, content, message):
    put(tmp_path / f"samples_write_{DATE}.jsonl", content)
    with pytest.raises(ValueError, match=message):
        lm.read(tmp_path)


# ------------------------------------------------------------------------------------------ Trainer


def trainer(*losses):
    log = [{"epoch": 0.5, "step": 5, "loss": 4.0, "learning_rate": 1e-5}]
    log += [{"epoch": i + 1.0, "step": 10 * (i + 1), "eval_loss": x, "eval_runtime": 1.0} for i, x in enumerate(losses)]
    return {"best_metric": None, "global_step": 10 * len(losses), "log_history": log, "max_steps": 100}


def test_the_trainer_is_facts(tmp_path):
    put(tmp_path / "gen_1" / "trainer_state.json", trainer(4.0, 3.5))
    put(tmp_path / "gen_1" / "checkpoint-10" / "trainer_state.json", trainer(4.0))
    put(tmp_path / "gen_2" / "checkpoint-9" / "trainer_state.json", trainer(4.0))
    put(tmp_path / "gen_2" / "checkpoint-20" / "trainer_state.json", trainer(4.0, 3.75))
    put(tmp_path / "gen_3" / "trainer_state.json", '{"log_history": [{"loss": NaN}, {"eval_loss": Infinity}]}')
    put(tmp_path / "gen_4" / "eval_results.json", {"eval_loss": 3.9, "perplexity": 49.4, "epoch": 5.0})
    put(tmp_path / "gen_4" / "trainer_state.json", trainer(1.0))
    put(tmp_path / "gen_5" / "eval_results.json", {"perplexity": 51.0})
    read = lm.read(tmp_path)
    assert [len(g) for g in read] == [0] * 6
    wanted = [math.exp(3.5), math.exp(3.75), math.inf, math.exp(3.9), 51.0]
    assert [g.facts["perplexity_real"] for g in read[1:]] == pytest.approx(wanted)
    assert read[1].facts["eval_loss"] == [[1.0, 4.0], [2.0, 3.5]]
    assert read[1].facts["training_loss"] == [[0.5, 4.0]]
    with pytest.raises(ValueError, match=r"generations must hold words in generation 0 \(it is the real text\)"):
        lm.measure(read)
    seen = lm.measure(lm.read(tmp_path, real=REAL))
    assert seen["perplexity_real"].values[1:] == pytest.approx(wanted)
    records.write(tmp_path / "ours", read)
    assert [g.facts["perplexity_real"] for g in lm.read(tmp_path / "ours")[1:]] == pytest.approx(wanted)


def test_folder_0_of_a_trainer_is_the_first_model(tmp_path):
    for t in range(2):
        put(tmp_path / str(t) / "trainer_state.json", trainer(3.0 + t))
    read = lm.read(tmp_path)
    assert [g.facts.get("perplexity_real") for g in read] == [None, math.exp(3), math.exp(4)]
    assert lm.read(tmp_path / "1")[1].facts["perplexity_real"] == math.exp(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"log_history": {}}, r"trainer_state\.json must have a list of objects 'log_history', got {}"),
        ({}, r"must have a list of objects 'log_history', got None"),
        ([], r"trainer_state\.json must be a JSON object, got \[\]"),
        (
            {"log_history": [{"eval_loss": "low"}]},
            r"entry 0 of log_history, must have a number in 'eval_loss', got 'low'",
        ),
        ({"log_history": [{"loss": True}]}, r"must have a number in 'loss', got True"),
        ({"log_history": [{"loss": 3.0}]}, r"must have an evaluation \(eval_loss; train with do_eval\)"),
        ('{"log_history": [', r"trainer_state\.json must be JSON \(the file was cut short\)"),
    ],
)
def test_broken_logs_are_named(tmp_path, content, message):
    put(tmp_path / "trainer_state.json", content)
    with pytest.raises(ValueError, match=message):
        lm.read(tmp_path)


# ------------------------------------------------------------------------------------------ the detector study


def iteration(folder, i, texts=WRITTEN, loss=3.0):
    if i:
        rows = [{"text": f"a prompt {x}", "cls_text": x, "cls_score": 0.9, "diversity": 0.5} for x in texts]
        put(folder / str(i) / "data.json", rows)
        put(folder / str(i) / "data_metrics.json", {"diversity": 0.5, "self_bleu_4": 0.3, "readability": 60.0})
    put(folder / str(i) / "model" / "eval_results.json", {"eval_loss": loss + i, "perplexity": 1.0, "eval_samples": 9})
    put(folder / str(i) / "model" / "trainer_state.json", {"log_history": [{"epoch": 1.0, "loss": 3.3, "step": 1}]})


def test_texts_of_the_study_are_by_the_model_before(tmp_path):
    for i in range(3):
        iteration(tmp_path, i)
    put(tmp_path / "plots" / "perplexity.png", b"")
    assert readers.recognise(tmp_path) == "detector-study"
    read = lm.read(tmp_path, real=REAL)
    assert told(read) == [(0, REAL), (1, WRITTEN), (2, WRITTEN), (3, ())]
    assert [g.facts["perplexity_real"] for g in read[1:]] == pytest.approx([math.exp(3 + i) for i in range(3)])
    assert read[1].facts["metrics"]["self_bleu_4"] == 0.3
    assert lm.read(tmp_path, text="text")[1].texts[0] == f"a prompt {WRITTEN[0]}"
    assert np.isfinite(lm.measure(read)["perplexity_real"][1:]).all()
    with pytest.raises(TypeError, match="first must not be given for a format that says which is the first, got 0"):
        lm.read(tmp_path, first=0)


def test_broken_studies_are_named(tmp_path):
    for i in range(3):
        iteration(tmp_path, i)
    path = tmp_path / "1" / "data.json"
    put(path, [{"cls_text": "a"}, {"cls_text": None}])
    with pytest.raises(ValueError, match=r"data\.json, entry 1, must have a string 'cls_text'"):
        lm.read(tmp_path)
    put(path, {"text": "a"})
    with pytest.raises(ValueError, match=r"data\.json must be a JSON list, got"):
        lm.read(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"1 must hold data\.json, the texts of its iteration, got no such file"):
        lm.read(tmp_path)


# ------------------------------------------------------------------------------------------ Arrow


def saved(folder, columns, parts=1):
    """Write what save_to_disk writes."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(columns)
    names = [f"data-{i:05d}-of-{parts:05d}.arrow" for i in range(parts)]
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        rows = table.slice(i * len(table) // parts, len(table) // parts)
        with pyarrow.OSFile(str(folder / name), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(rows)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_format_type": None}
    put(folder / "state.json", state | {"_split": None, "_format_columns": None})
    put(folder / "dataset_info.json", {"features": {"text": {"dtype": "string", "_type": "Value"}}})


def test_arrow_datasets(tmp_path):
    saved(tmp_path / "generation_0", {"text": REAL, "id": ["a", "b"]}, parts=2)
    saved(tmp_path / "generation_1", {"content": WRITTEN, "id": [1, 2]})
    read = lm.read(tmp_path)
    assert told(read) == [(0, REAL), (1, WRITTEN)]
    assert read[1].facts["format"] == "arrow"
    assert lm.read(tmp_path / "generation_0", text="id", first=1)[0].texts == ("a", "b")


def test_arrow_splits(tmp_path):
    saved(tmp_path / "train", {"text": WRITTEN})
    saved(tmp_path / "test", {"text": ["x"]})
    put(tmp_path / "dataset_dict.json", {"splits": ["train", "test"]})
    assert lm.read(tmp_path)[1].texts == WRITTEN
    assert lm.read(tmp_path, split="test")[1].texts == ("x",)
    with pytest.raises(ValueError, match=r"split must be one of those of .*, train, test, got 'dev'"):
        lm.read(tmp_path, split="dev")
    with pytest.raises(ValueError, match="split must not be given for one dataset"):
        lm.read(tmp_path / "test", split="test")
    put(tmp_path / "dataset_dict.json", {"splits": ["../train"]})
    with pytest.raises(ValueError, match="must have a list 'splits' of names"):
        lm.read(tmp_path)


def test_broken_datasets_are_named(tmp_path):
    saved(tmp_path, {"text": ["a", None]})
    with pytest.raises(ValueError, match=r"arrow must have a text in every row, got none in 1"):
        lm.read(tmp_path)
    saved(tmp_path, {"input_ids": [[1, 2], [3]]})
    with pytest.raises(ValueError, match=r"must have a column 'text' of strings .* got input_ids: list<"):
        lm.read(tmp_path)
    saved(tmp_path, {"text": list(REAL)})
    path = tmp_path / "data-00000-of-00001.arrow"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"arrow must be an Arrow stream, whole, got"):
        lm.read(tmp_path)
    at = whole.index(len(REAL[0]).to_bytes(4, "little") + (sum(map(len, REAL))).to_bytes(4, "little"))
    path.write_bytes(whole[:at] + (2**31 - 1).to_bytes(4, "little") + whole[at + 4 :])  # an offset beyond the data
    with pytest.raises(ValueError, match=r"arrow must be an Arrow stream, whole, got"):
        lm.read(tmp_path)
    path.write_bytes(b"\x00" * 300)
    with pytest.raises(ValueError, match=r"must be an Arrow stream, whole, got|must have a column"):
        lm.read(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=r"must be an Arrow stream, whole, got"):
        lm.read(tmp_path)
    for entries in ("data.arrow", ["data.arrow"], [{"filename": "../data.arrow"}]):
        put(tmp_path / "state.json", {"_data_files": entries})
        with pytest.raises(ValueError, match=r"state\.json must"):
            lm.read(tmp_path)
    put(tmp_path / "state.json", {"_data_files": [], "_indices_data_files": [{"filename": "i.arrow"}]})
    with pytest.raises(ValueError, match="flatten_indices"):
        lm.read(tmp_path)


def test_arrow_without_pyarrow_says_what_to_do(tmp_path, monkeypatch):
    put(tmp_path / "state.json", {"_data_files": []})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="Arrow datasets need pyarrow: pip install pyarrow, or write them as JSON"):
        lm.read(tmp_path)


# ------------------------------------------------------------------------------------------ CSV


def test_a_table_of_losses(tmp_path):
    path = put(
        tmp_path / "runs.csv",
        "generation,paradigm,seed,loss\n0,replace,1,3\n1,replace,1,3.5\n0,accumulate,1,3\n1,accumulate,1,3.1\n",
    )
    read = lm.read(path, where={"paradigm": "replace", "seed": 1.0}, first=0)
    assert [g.facts.get("perplexity_real") for g in read] == [None, math.exp(3), math.exp(3.5)]
    with pytest.raises(
        ValueError, match=r"one row a generation .* got 2 of generation 0: paradigm is accumulate, replace"
    ):
        lm.read(path)
    with pytest.raises(ValueError, match=r"must hold rows with {'paradigm': 'mix'}, got none"):
        lm.read(path, where={"paradigm": "mix"})
    with pytest.raises(ValueError, match=r"where must name columns of .* generation, paradigm, seed, loss, got 'kind'"):
        lm.read(path, where={"kind": "mix"})


def test_a_table_of_texts(tmp_path):
    path = tmp_path / "texts.tsv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t")
        table.writerow(["Iteration", "output", "n_tokens", "loss", "perplexity"])
        for t, texts in enumerate([REAL, WRITTEN]):
            table.writerows([[t, f"{text},\n\t{'x' * 200_000}", 4, 2.5 + t, 30 + t] for text in texts])
    before = csv.field_size_limit()
    read = lm.read(path, columns={"text": "output"})
    assert csv.field_size_limit() == before
    assert [len(g) for g in read] == [2, 2]
    assert read[1].texts[0] == f"{WRITTEN[0]},\n\t{'x' * 200_000}"
    assert read[1].nll_nats["first"].tolist() == [14.0, 14.0]
    assert read[1].facts["perplexity_real"] == 31.0
    assert [set(g.source) for g in read] == [{"real"}, {"synthetic"}]
    put(path, "generation\ttext\tsource\tprompt_id\tnll\n1\ta\tkept\t3\t2.5\n1\tb\tsynthetic\t4\t\n")
    (_, one) = lm.read(path)
    assert (one.source.tolist(), one.prompt_id.tolist()) == (["kept", "synthetic"], [3, 4])
    np.testing.assert_array_equal(one.nll_nats["first"], [2.5, np.nan])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("generation,text\n1,a\n1\n", r"t\.csv, line 3, must have 2 cells \(the header has\), got 1"),
        ("generation,text\n1,a\nx,b\n", r"line 3, must have a whole number in 'generation', got 'x'"),
        ("generation,text\n1.5,a\n", r"line 2, must have a whole number in 'generation', got '1\.5'"),
        ("generation,text\n-1,a\n", r"line 2, must have a generation >= 0, got -1"),
        ("generation,loss\n1,low\n", r"line 2, must have a number in 'loss', got 'low'"),
        ('generation,text\n1,"a\n', r"t\.csv, line 2, must be CSV, got unexpected end of data"),
        ("generation,text,text\n", r"line 1, must name every column, each once, got"),
        ("", r"line 1, must name every column"),
        (
            "gen,words\n1,a\n",
            r"columns must say which column of .* is text or loss or perplexity, .* it has gen, words",
        ),
        ("t,text\n1,a\n", r"columns must say which column of .* is generation, such as columns={'generation': 't'}"),
        ("generation,text,source\n1,a,fake\n", r"line 2, must have a source of real, synthetic, kept, got 'fake'"),
        ("generation,text,loss\n1,a,2\n", r"columns must say which column of .* is n_tokens \(loss is per token\)"),
        ("generation,text\n", r"t\.csv must hold rows, got none"),
        (b"generation,text\n1,\xff\n", r"line 2, must be UTF-8, got the byte 0xff at 2"),
        ("generation,text\n0,a\n2,b\n", r"numbers of the source: 1 missing"),
    ],
)
def test_broken_tables_are_named(tmp_path, raw, message):
    path = put(tmp_path / "t.csv", raw)
    with pytest.raises(ValueError, match=message):
        lm.read(path)


def test_columns_have_rules(tmp_path):
    path = put(tmp_path / "t.csv", "generation,text\n1,a\n")
    with pytest.raises(ValueError, match=r"columns must be one of 'generation', 'text', .* got 'words'"):
        lm.read(path, columns={"words": "text"})
    with pytest.raises(ValueError, match=r"columns must name columns of .* generation, text, got 'words'"):
        lm.read(path, columns={"text": "words"})
    with pytest.raises(ValueError, match="path must be one table, which has all generations, got 2 files"):
        lm.read([path, path], format="csv")


# ------------------------------------------------------------------------------------------ round trips


def test_what_is_read_can_be_written_and_read(tmp_path):
    put(tmp_path / "out" / "gen1.txt", "\n".join(WRITTEN))
    read = lm.read(tmp_path / "out", real=REAL)
    records.write(tmp_path / "ours", read)
    again = lm.read(tmp_path / "ours")
    assert all(isinstance(g, Generation) for g in again)
    assert told(again) == told(read)
    assert again[1].facts["format"] == "text"
