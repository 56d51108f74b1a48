"""The language models of the command line: runs that can be taken up, anything that can be read, pictures."""

import json
import math
import re

import pytest

from modelcollapse import cli, lm
from modelcollapse.cli import language
from modelcollapse.lm import records

ANIMALS = ("cat", "dog", "bird", "fish", "horse", "cow", "hen", "fox", "owl", "bee")
TEXT = " ".join(
    f"the {a} saw the {b}, and the {b} {verb} the {a} {'again' if i % 3 else 'at once'}."
    for i, a in enumerate(ANIMALS)
    for b in ANIMALS
    for verb in ("chased", "feared")
)


def run(capsys, *argv):
    code = cli.main([*map(str, argv)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def small(corpus):
    return ("lm", "run", "--corpus", corpus, "--order", "2", "--n", "40", "--generations", "3", "--block-size", "16")


def texts(folder):
    return [g.texts for g in records.read(folder)]


# ------------------------------------------------------------------------------------------ run and resume


def test_a_run_is_printed_and_written(capsys, small, tmp_path):
    code, out, _ = run(capsys, *small, "--test", small[3], "--out", tmp_path / "run")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "NGram(order=2, smoothing=0.0, unknown=False) under Replace(n=40), seed 0"
    assert {"perplexity", "heterozygosity", "support", "distinct-2", "tail"} <= set(lines[1].split())
    assert [line.split()[0] for line in lines[2:6]] == ["0", "1", "2", "3"]
    assert lines[6].startswith("written to ")
    code, shown, _ = run(capsys, "lm", "show", tmp_path / "run")
    assert code == 0
    assert shown.splitlines()[1:] == lines[1:6]


def test_the_same_seed_gives_the_same_run(capsys, small, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert run(capsys, *small, "--seed", seed, "--out", tmp_path / name)[0] == 0
    assert texts(tmp_path / "a") == texts(tmp_path / "b") != texts(tmp_path / "c")


def test_json_is_json(capsys, small, tmp_path):
    def refuse(name):
        raise AssertionError(name)

    argv = ("--out", tmp_path / "run", "--json")
    found = json.loads(run(capsys, *small, *argv)[1], parse_constant=refuse)
    assert [row["generation"] for row in found["generations"]] == [0, 1, 2, 3]
    assert found["attrs"]["regime_text"] == "Replace(n=40)"
    assert found["generations"][3]["median perplexity"] is not None
    shown = json.loads(run(capsys, "lm", "show", tmp_path / "run", "--json")[1], parse_constant=refuse)
    assert shown["generations"] == found["generations"]
    assert run(capsys, "lm", "crosscheck", tmp_path / "run", "--json")[0] == 0


def test_a_run_that_was_stopped_is_taken_up_where_it_was(capsys, small, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = ("--smoothing", "kneser-ney", "--temperature", "0.9", "--regime", "fresh-real", "--n-real", "10")
    options = (*options, "--curation", "Edit:0.5", "--seed", "7")
    assert run(capsys, *small, *options, "--out", whole)[0] == 0
    add = records.write_generation

    def stop(folder, generation):
        if generation.number == 2:
            raise KeyboardInterrupt
        return add(folder, generation)

    monkeypatch.chdir(tmp_path)
    relative = ("lm", "run", "--corpus", "corpus.txt", *small[4:])
    with monkeypatch.context() as patched:
        patched.setattr(records, "write_generation", stop)
        assert run(capsys, *relative, *options, "--out", "killed")[::2] == (130, "modelcollapse lm run: interrupted.\n")
    assert len(texts(killed)) == 2
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    killed = killed.rename(tmp_path / "moved")
    code, out, _ = run(capsys, "lm", "resume", killed)
    assert code == 0
    assert out.endswith(f"written to {killed}\n")
    for path in whole.glob("*.jsonl"):
        assert path.read_bytes() == (killed / path.name).read_bytes()
    code, out, _ = run(capsys, "lm", "resume", killed, "--generations", "4", "--json")
    assert [row["generation"] for row in json.loads(out)["generations"]] == [0, 1, 2, 3, 4]
    assert len(json.loads(run(capsys, "lm", "resume", killed, "--json")[1])["generations"]) == 5


def test_a_run_is_not_resumed_with_another_text(capsys, small, tmp_path, corpus):
    out = tmp_path / "run"
    run(capsys, *small, "--out", out)
    corpus.write_text(TEXT.replace("owl", "cat"), encoding="utf-8")
    code, _, err = run(capsys, "lm", "resume", out)
    assert code == 2
    assert "must hold a run with the same settings" in err
    assert "corpus is" in err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (None, "DIR must be the folder of modelcollapse lm run, with command.json"),
        ("{", "must be JSON (the file was cut short)"),
        ("{}", "must hold the command of a run, got {}"),
        (
            '{"format": "modelcollapse lm run", "arguments": ["lm", "show", "x"], "directory": "/"}',
            "must hold the comm",
        ),
        (
            '{"format": "modelcollapse lm run", "arguments": ["lm", "run", 7], "directory": "/"}',
            "must hold the command",
        ),
    ],
)
def test_what_cannot_be_resumed(capsys, tmp_path, change, message):
    if change is not None:
        (tmp_path / "command.json").write_text(change)
    code, _, err = run(capsys, "lm", "resume", tmp_path)
    assert code == 2
    assert message in err


def test_settings_and_regimes(capsys, small, tmp_path):
    out = tmp_path / "run"
    assert run(capsys, *small, "--setting", "10 % kept", "--prompts", "none", "--out", out)[0] == 0
    config = records.read_manifest(out)["config"]
    assert config["regime"] == {"regime": "FreshReal", "n": 40, "n_real": 4, "real_weight": None, "curation": None}
    assert config["prompts"] is None
    argv = ("--regime", "accumulate", "--blocks", "20", "--n-real", "40", "--prompts", "previous", "--top-p", "0.9")
    assert run(capsys, *small, *argv, "--smoothing", "0.5", "--out", tmp_path / "more")[0] == 0
    config = records.read_manifest(tmp_path / "more")["config"]
    assert (config["regime"]["regime"], config["regime"]["n"]) == ("Accumulate", 20)
    assert config["decoding"]["top_p"] == 0.9
    assert "vocabulary" in config["model"]  # smoothed over the words of the corpus, whatever is lost


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--corpus", "/no/such.txt"), "--corpus must be a text file, got /no/such.txt"),
        (("--test", "/no/such.txt"), "--test must be a text file"),
        (("--order", "9"), "order must be an integer >= 1 and <= 5"),
        (("--smoothing", "laplace"), "smoothing must be one of 'kneser-ney', got 'laplace'"),
        (("--epochs", "3"), "--epochs must not be given for ngram (counting needs none), got 3"),
        (("--learning-rate", "3"), "--learning-rate must not be given for ngram"),
        (("--model", "tiny"), "--order must not be given for a transformer (it is of n-grams), got 2"),
        (
            ("--setting", "5 epochs", "--regime", "accumulate"),
            "--setting must come without a regime of your own (it is",
        ),
        (("--setting", "5 epochs", "--n-real", "3"), "got --n-real"),
        (("--setting", "5 epochs", "--n", "5,6"), "--n must be one number with --setting, got 5,6"),
        (("--n", "4000"), "must ask for at most"),
        (("--regime", "window"), "--k must be given for window"),
        (("--temperature", "-1"), "temperature must be a finite number >= 0"),
        (("--beams", "3", "--top-k", "2"), "beams must be 1 with a temperature"),
        (("--block-size", "0"), "block must be an integer >= 1"),
        (("--generations", "0"), "generations must be an integer >= 1, got 0"),
    ],
)
def test_bad_runs_say_what_to_do_and_leave_no_run(capsys, small, tmp_path, extra, message):
    code, out, err = run(capsys, *small, *extra, "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.startswith("modelcollapse lm run: ")
    assert message in err
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_folder_is_not_written_over(capsys, small, tmp_path):
    out = tmp_path / "run"
    run(capsys, *small, "--out", out)
    before = {path.name: path.read_bytes() for path in out.glob("*.json*")}
    code, _, err = run(capsys, *small, "--out", out)
    assert (code, "--out must be a new folder (modelcollapse lm resume goes on with a run)" in err) == (2, True)
    assert before == {path.name: path.read_bytes() for path in out.glob("*.json*")}
    code, _, err = run(capsys, *small, "--out", tmp_path)
    assert (code, "--out must be a new or empty folder" in err) == (2, True)
    code, _, err = run(capsys, *small, "--out", small[3])
    assert (code, "--out must be a folder, got the file" in err) == (2, True)


def test_the_default_text(capsys, tmp_path):
    argv = ("lm", "run", "--order", "1", "--n", "20", "--generations", "1", "--out", tmp_path / "run", "--json")
    code, out, _ = run(capsys, *argv)
    assert code == 0
    assert json.loads(out)["generations"][0]["words"] > 50_000


def test_a_tiny_transformer(capsys, corpus, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    argv = ("lm", "run", "--corpus", corpus, "--model", "tiny", "--n", "8", "--block-size", "8", "--generations", "1")
    out = tmp_path / "run"
    code, said, err = run(capsys, *argv, "--epochs", "1", "--batch-size", "8", "--test", corpus, "--out", out)
    assert (code, err) == (0, "")
    assert "CausalLM" in said or "GPT2" in said
    assert len(texts(out)[1]) == 8
    code, _, err = run(capsys, "lm", "resume", out, "--generations", "2")
    assert (code, err) == (0, "")
    code, _, err = run(capsys, *argv[:4], "--model", "/no/such/model", "--out", tmp_path / "other")
    assert code == 2
    assert "/no/such/model" in err
    assert not (tmp_path / "other").exists()


def test_a_library_that_is_missing_is_bad_input(capsys, corpus, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = run(capsys, "lm", "run", "--corpus", corpus, "--model", "tiny", "--out", tmp_path / "run")
    assert code == 2
    assert "pip install" in err


# ------------------------------------------------------------------------------------------ read


def test_read_says_what_it_is_and_converts(capsys, small, tmp_path):
    first = tmp_path / "run"
    run(capsys, *small, "--out", first)
    code, out, _ = run(capsys, "lm", "read", first)
    assert (code, out.splitlines()[0]) == (0, "modelcollapse: 3 generations after the real text")
    folder = tmp_path / "plain"
    folder.mkdir()
    for t, batch in enumerate(texts(first)):
        (folder / f"gen{t}.txt").write_text("\n".join(text.replace("\n", " ") for text in batch), encoding="utf-8")
    code, out, _ = run(capsys, "lm", "read", folder, "--out", tmp_path / "ours")
    assert code == 0
    assert out.splitlines()[0] == "text: 3 generations after the real text"
    assert out.splitlines()[-1] == f"written to {tmp_path / 'ours'}"
    assert texts(tmp_path / "ours") == texts(first)
    assert records.read_manifest(tmp_path / "ours")["config"]["format"] == "text"
    for argv in (("lm", "show"), ("lm", "crosscheck")):
        assert run(capsys, *argv, tmp_path / "ours")[0] == run(capsys, *argv, folder)[0] == 0
    code, _, err = run(capsys, "lm", "read", folder, "--out", tmp_path / "ours")
    assert (code, "folder must not hold a run already" in err) == (2, True)
    files = sorted(folder.glob("gen*.txt"))
    found = json.loads(run(capsys, "lm", "read", *files[1:], "--real", files[0], "--json")[1])
    assert [row["texts"] for row in found["generations"]] == [len(batch) for batch in texts(first)]


def test_losses_are_read_and_shown(capsys, tmp_path):
    table = tmp_path / "losses.csv"
    table.write_text("run,kind,eval_loss\n0,replace,3\n1,replace,3.5\n0,mix,3\n1,mix,3.1\n")
    options = ("--columns", "generation=run", "--where", "kind=replace", "--first", "0")
    code, out, _ = run(capsys, "lm", "read", table, *options, "--out", tmp_path / "ours")
    assert code == 0
    assert "csv: 2 generations after the real text" in out
    assert "generation 0 is empty: where is the real text? (--real FILE.txt)" in out
    assert "33.1155" in out
    code, out, _ = run(capsys, "lm", "show", tmp_path / "ours")
    assert code == 0
    assert "no real text: nothing but its own account of itself" in out
    assert "33.1155" in out
    found = json.loads(run(capsys, "lm", "show", tmp_path / "ours", "--json")[1])
    assert [row["perplexity real"] for row in found["generations"]] == [
        None,
        pytest.approx(math.exp(3)),
        pytest.approx(math.exp(3.5)),
    ]
    code, _, err = run(capsys, "lm", "crosscheck", tmp_path / "ours")
    assert (code, "generations must hold words in generation 0" in err) == (2, True)
    code, _, err = run(capsys, "lm", "show", tmp_path / "ours", "--plot", tmp_path / "x.png")
    assert (code, "--plot must be given for a run with real text" in err) == (2, True)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("read", "/no/such"), "path must name a file or folder that exists, got '/no/such'"),
        (("read", "{}"), "path must be in one of the formats modelcollapse"),
        (("read", "{}", "--format", "word"), "format must be one of"),
        (("read", "{}/gen1.txt", "--tasks", "a"), "tasks must not be given for the format text"),
        (("read", "{}/gen1.txt", "--columns", "a"), "--columns must be NAME=VALUE,..., got 'a'"),
        (("read", "{}/gen1.pkl"), "path must not be a pickle"),
        (("show", "/no/such"), "path must name a file or folder that exists"),
        (("crosscheck", "/no/such"), "path must name a file or folder that exists"),
        (("crosscheck", "{}/gen1.txt", "--plot", "x.gif"), "--plot must end in .png, .svg, .pdf, got x.gif"),
        (("crosscheck", "{}/gen1.txt", "--plot", "/no/such/x.png"), "--plot must lie in a folder that exists"),
    ],
)
def test_bad_input_exits_with_2(capsys, tmp_path, argv, message):
    inside = tmp_path / "inside"
    (inside / "empty").mkdir(parents=True)
    if argv[-1] != "{}" and "--format" not in argv:
        (inside / "gen1.txt").write_text("a b\n")
        (inside / "gen1.pkl").write_bytes(b"\x80\x04.")
    code, out, err = run(capsys, "lm", *(word.replace("{}", str(inside)) for word in argv))
    assert (code, out) == (2, "")
    assert message in err


# ------------------------------------------------------------------------------------------ show and crosscheck


def test_pictures_and_what_was_found(capsys, small, tmp_path):
    out = tmp_path / "run"
    run(capsys, *small, "--out", out)
    for part, name in (("show", "a.png"), ("crosscheck", "b.svg")):
        path = tmp_path / name
        code, said, err = run(capsys, "lm", part, out, "--plot", path)
        assert (code, err) == (0, "")
        assert said.endswith(f"drawn in {path}\n")
        assert path.stat().st_size > 5000
    said = said.replace(f"drawn in {path}\n", "")
    assert "share of sampling" in said
    assert "In generation 1 the frequencies of" in said
    assert said.count("\nThe ") == 3
    assert said == run(capsys, "lm", "crosscheck", out)[1]
    found = json.loads(run(capsys, "lm", "crosscheck", out, "--json")[1])
    assert [row["quantity"] for row in found["quantities"]] == ["heterozygosity", "entropy", "support"]
    assert re.sub(r"\s", "", said).endswith(re.sub(r"\s", "", found["summary"]))
    assert sum(row["words"] for row in found["classes"]) > 15


def test_a_change_that_is_not_neutral_is_no_failure(capsys, small, tmp_path):
    out = tmp_path / "run"
    argv = ("--temperature", "0.3", "--smoothing", "kneser-ney", "--out", out)
    assert run(capsys, *small, *argv)[0] == 0
    assert run(capsys, "lm", "crosscheck", out)[0] == 0


@pytest.mark.parametrize("name", language.EXAMPLES)
def test_help_teaches(capsys, name):
    with pytest.raises(SystemExit) as stop:
        cli.main([*name.split(), "--help"])
    assert stop.value.code == 0
    assert "modelcollapse lm" in capsys.readouterr().out


def test_no_part_prints_help(capsys):
    code, out, _ = run(capsys, "lm")
    assert code == 0
    assert "crosscheck" in out


def test_the_help_names_every_format(capsys):
    from modelcollapse.lm import readers

    with pytest.raises(SystemExit):
        cli.main(["lm", "read", "--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in readers.FORMATS)
    assert lm.read is readers.read
