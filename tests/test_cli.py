"""The command line: output that can be read or parsed, exit codes that mean something."""

import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from modelcollapse import cli
from modelcollapse.cli import arguments


def run(capsys, *argv):
    code = cli.main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


SMALL = ("--generations", "5", "--replicates", "70", "--n", "20", "--jobs", "1")


@pytest.mark.parametrize(
    "extra",
    [
        ("--estimator", "mle"),
        ("--estimator", "unbiased", "--mean", "0,1", "--cov", "2,1;1,2"),
        ("--family", "categorical", "--probabilities", "0.9,0.1"),
        ("--estimator", "mle", "--regime", "fixed-real", "--n-real", "2", "--n-first", "22"),
        ("--estimator", "mle", "--regime", "mix", "--real-fraction", "0.1"),
        ("--estimator", "mle", "--regime", "window", "--k", "2"),
        ("--estimator", "mle", "--n", "20,30,40,50,60"),
        ("--family", "poisson", "--rate", "0.5"),
        ("--family", "exponential", "--rate", "2"),
    ],
)
def test_simulate_prints_a_table_or_json(capsys, extra):
    code, out, _ = run(capsys, "simulate", *SMALL, *extra)
    assert code == 0
    assert "generation" in out
    code, out, _ = run(capsys, "simulate", *SMALL, *extra, "--json")
    assert code == 0
    parsed = json.loads(out)
    assert [row["generation"] for row in parsed["generations"]] == [0, 1, 2, 3, 4, 5]
    assert parsed["attrs"]["generations"] == 5


def test_the_same_seed_gives_the_same_output(capsys):
    same = [run(capsys, "simulate", *SMALL, "--estimator", "mle", "--seed", "3", "--json")[1] for _ in range(2)]
    other = run(capsys, "simulate", *SMALL, "--estimator", "mle", "--seed", "4", "--json")[1]
    assert same[0] == same[1] != other


def test_a_run_is_stored_whole_and_can_be_verified(capsys, tmp_path):
    path = str(tmp_path / "run.nc")
    code, out, _ = run(capsys, "simulate", *SMALL, "--estimator", "mle", "--out", path)
    assert (code, "written to" in out) == (0, True)
    assert dict(xr.load_dataset(path).sizes) == {"replicate": 70, "generation": 6}
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
    code, _, err = run(capsys, "simulate", *SMALL, "--estimator", "mle", "--out", path)
    assert code == 2
    assert "--out must be a new file (add --overwrite to replace it)" in err
    code, out, _ = run(capsys, "check", "log_variance", "--run", path, "--json")
    assert code == 0
    assert json.loads(out)[0]["status"] in ("SUPPORTED", "INCONCLUSIVE")


def test_predict_lists_and_prints(capsys):
    code, out, _ = run(capsys, "predict", "--estimator", "mle")
    assert code == 0
    assert "variance" in out
    code, out, _ = run(capsys, "predict", "variance", "--estimator", "mle", "--n", "10", "--generations", "2", "--json")
    assert json.loads(out)["mean"] == pytest.approx([1, 0.9, 0.81])
    code, out, _ = run(capsys, "predict", "variance", "--estimator", "mle", "--n", "10", "--generations", "2")
    assert "exact" in out


def test_verify_supports_the_theory(capsys):
    code, out, _ = run(capsys, "check", "log_variance", "--estimator", "unbiased", "--n", "20", "--jobs", "1")
    assert code == 0
    assert "SUPPORTED" in out


def test_verify_of_a_run_made_by_another_estimator_fails(capsys, tmp_path):
    path = str(tmp_path / "run.nc")
    run(capsys, "simulate", "--estimator", "mle", "--n", "20", "--replicates", "2000", "--out", path)
    stored = xr.load_dataset(path)
    stored.attrs["family_options"] = json.dumps({"estimator": "unbiased"})
    stored.to_netcdf(tmp_path / "lie.nc")
    code, out, _ = run(capsys, "check", "log_variance", "--run", str(tmp_path / "lie.nc"))
    assert code == 1
    assert "CONTRADICTED" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("simulate",), "--estimator must be 'unbiased' (divisor n - 1) or 'mle'"),
        (("simulate", "--estimator", "mle", "--regime", "window"), "--k must be given for window"),
        (
            ("simulate", "--estimator", "mle", "--k", "3"),
            "--k must not be given for replace (it takes --n, --curation), got 3.",
        ),
        (
            ("simulate", "--estimator", "mle", "--coef", "1,2"),
            "--coef must not be given for gaussian (it takes --estimator, --mean, --cov, --data), got [1.0, 2.0].",
        ),
        (("simulate", "--estimator", "mle", "--rate", "3"), "--rate must not be given for gaussian"),
        (("simulate", "--family", "linear-regression", "--coef", "1", "--estimator", "mle"), "--estimator must not be"),
        (("simulate", "--family", "poisson", "--rate", "3", "--components", "2"), "--components must not be given for"),
        (("simulate", "--estimator", "mle", "--data", "t.csv", "--mean", "1"), "--mean must not be given with --data"),
        (("simulate", "--estimator", "mle", "--n", "1"), "at least 2 points, got 1 at generation 1"),
        (("simulate", "--estimator", "mle", "--n", "5,5"), "schedule is shorter than the run"),
        (("simulate", "--estimator", "mle", "--cov", "-1"), "cov must be a finite number > 0"),
        (("simulate", "--family", "categorical"), "--probabilities must be given for a categorical"),
        (("simulate", "--family", "categorical", "--probabilities", "0.5,0.6"), "must sum to one"),
        (("simulate", "--family", "mixture"), "--data must name a table"),
        (("simulate", "--family", "kernel-density"), "--data must name a table"),
        (("simulate", "--family", "poisson"), "--rate must be given for poisson"),
        (("simulate", "--family", "exponential", "--rate", "-1"), "rate must be a finite number > 0"),
        (("simulate", "--estimator", "mle", "--columns", "a"), "must come with --data"),
        (("simulate", "--estimator", "mle", "--out", "/no/such/folder/run.nc"), "must lie in a folder that exists"),
        (("simulate", "--estimator", "mle", "--data", "/no/such.csv"), "/no/such.csv"),
        (("predict", "karma", "--estimator", "mle"), "karma"),
        (("check", "--run", "/no/such.nc"), "which does not exist"),
        (("diagnose", "/no/such.nc"), "which does not exist"),
        (("plan", "--variance-lost", "1.5"), "variance_lost must be"),
        (("plan", "--variance-lost", "0.1", "--beyond", "7"), "beyond must not be given with variance_lost"),
        (("plan", "--tail-lost", "0.1", "--survives", "0.5"), "survives must not be given with tail_lost"),
        (("simulate", "--family", "linear-regression"), "--coef must be given for linear-regression"),
        (("simulate", "--estimator", "mle", "--real-weight", "0.5"), "--real-weight must not be given for replace"),
        (("simulate", "--estimator", "mle", "--keep", "warp"), "keep must name variables of a Gaussian"),
        (("predict", "--estimator", "mle", "--curation", "SelectTop:0.5"), "got Replace(n=100, curation=SelectTop"),
    ],
)
def test_bad_requests_exit_with_2_and_say_what_to_do(capsys, argv, message):
    code, out, err = run(capsys, *argv)
    assert code == 2
    assert out == ""
    assert message in err


def test_a_file_that_is_no_run_is_named(capsys, tmp_path):
    text, bare = str(tmp_path / "notes.txt"), str(tmp_path / "bare.nc")
    (tmp_path / "notes.txt").write_text("no run\n")
    xr.Dataset({"x": ("replicate", [1.0])}).to_netcdf(bare)
    for option, argv in (("FILE.nc", ("diagnose",)), ("--run", ("check", "--run"))):
        for path, what in (
            (text, "cannot be read as netCDF (ValueError)."),
            (bare, "is netCDF without the attribute family of a run."),
            (str(tmp_path), "is no file."),
        ):
            code, out, err = run(capsys, *argv, path)
            assert (code, out) == (2, "")
            assert f"{option} must be a run written by modelcollapse simulate --out, got {path}, which {what}" in err


def test_the_options_of_a_family_have_defaults(capsys):
    filled = arguments.family_options(cli.parser().parse_args(["simulate", "--family", "linear-regression"]))
    assert (filled.cov, filled.noise, filled.penalty, filled.design, filled.coef) == (1.0, 1.0, 0.0, "fresh", None)
    with pytest.raises(SystemExit):
        cli.main(["simulate", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    for words in (
        "(default: 0)",
        "(default: 1)",
        "(default: fresh)",
        "(default: silverman)",
        "of a mixture (default: 2)",
    ):
        assert words in out


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    lines = [f"{x % 7},{x * 37 % 11 + 0.5}" for x in range(30)]
    path.write_text("\n".join(["count,wait", *lines]))
    return str(path)


@pytest.mark.parametrize(
    ("argv", "column", "verified"),
    [
        (("--family", "kernel-density", "--bandwidth", "0.5"), "mean total variance", "mean"),
        (("--family", "kernel-density", "--columns", "wait", "--bandwidth", "scott"), "mean variance", "variance"),
        (("--family", "poisson", "--columns", "count"), "mean rate", "rate"),
        (("--family", "exponential", "--columns", "wait"), "mean waiting time", "mean"),
    ],
)
def test_other_families_on_a_table(capsys, tmp_path, table, argv, column, verified):
    small, path = ("--generations", "4", "--n", "30"), str(tmp_path / "run.nc")
    argv = (*argv, "--data", table)
    code, out, _ = run(capsys, "simulate", *argv, *small, "--replicates", "3000", "--json", "--out", path)
    assert code == 0
    rows = json.loads(out)["generations"]
    assert column in rows[0]
    assert rows[0][column] == pytest.approx(rows[1][column])  # generation 1 is fitted to all rows
    code, out, _ = run(capsys, "check", "--run", path, "--json")
    verdicts = {verdict["quantity"]: verdict["status"] for verdict in json.loads(out)}
    assert code == 0
    assert verdicts[verified] == "SUPPORTED"
    code, out, _ = run(capsys, "predict", *argv, *small)
    assert verified in out


def test_a_count_has_one_column(capsys, table):
    code, _, err = run(capsys, "simulate", "--family", "poisson", "--data", table, "--n", "30")
    assert code == 2
    assert "--columns must name one column of" in err


def test_a_bandwidth_is_a_number_or_a_rule(capsys, table):
    assert (arguments.bandwidth("0.5"), arguments.bandwidth(" scott")) == (0.5, "scott")
    argv = ("--family", "kernel-density", "--data", table, "--bandwidth", "wide", "--n", "30")
    code, _, err = run(capsys, "simulate", *argv)
    assert code == 2
    assert "bandwidth must be" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--bogus",), "unrecognized arguments: --bogus"),
        (("simulate", "--family", "weibull"), "invalid choice: 'weibull'"),
        (("simulate", "--n", "a"), "must be an integer or integers separated by commas, got 'a'"),
        (("simulate", "--curation", "Magic:1"), "must name one of Detector, Edit, "),
        (("simulate", "--curation", "Temperature:0"), "Temperature:0: temperature must be a finite number > 0, got 0"),
        (("simulate", "--curation", "Temperature"), "Temperature: Temperature needs temperature, got nothing for it"),
        (("simulate", "--curation", "Detector:0.9"), "Detector:0.9: Detector needs fpr, got nothing for it"),
        (("simulate", "--curation", "Detector:0.9,tpr=1"), "tpr must be given once, got it by place and by name"),
        (("simulate", "--curation", "TopK:3,size=2"), "TopK takes k, got 'size'"),
        (("simulate", "--curation", "TopK:3,2"), "TopK takes k, got 2 settings by place"),
        (("simulate", "--curation", "Watermark:1,50"), "Watermark takes action, strength=, length=, "),
        (("simulate", "--curation", "Watermark:strength=1"), "Watermark needs length"),
        (("simulate", "--keep", "1:x"), "must be generations (5, or 0:101:10) and variables separated by commas"),
        (("plan",), "one of the arguments --variance-lost --tail-lost --minority is required"),
    ],
)
def test_bad_usage_exits_with_2(capsys, argv, message):
    with pytest.raises(SystemExit) as stop:
        cli.main(list(argv))
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_curations_are_read():
    from modelcollapse import curation

    assert arguments.cure("Temperature:0.9") == curation.Temperature(0.9)
    assert arguments.cure("SelectTop:0.5,by=likelihood") == curation.SelectTop(0.5, by="likelihood")
    assert arguments.cure("Detector:tpr=0.9,fpr=0.05,action=weight") == curation.Detector(0.9, 0.05, "weight")
    assert arguments.cure("Watermark:strength=1,length=50") == curation.Watermark(strength=1, length=50)


def test_a_curated_run_of_some_generations(capsys, tmp_path):
    argv = ("--estimator", "mle", "--regime", "fresh-real", "--n", "40", "--n-real", "10", "--generations", "6")
    cures = ("--curation", "Temperature:0.9", "--curation", "Detector:0.5,0.1", "--keep", "0,3:7,kept,log_variance")
    path = str(tmp_path / "run.nc")
    code, out, _ = run(capsys, "simulate", *argv, *cures, "--replicates", "20", "--json", "--out", path)
    assert code == 0
    found = json.loads(out)
    assert [row["generation"] for row in found["generations"]] == [0, 3, 4, 5, 6]
    assert "Temperature(temperature=0.9) then Detector" in found["attrs"]["regime_text"]

    assert set(xr.load_dataset(path).data_vars) == {"kept", "log_variance", "variance", "stopped"}


def test_a_summary_is_printed_and_stored(capsys, tmp_path):
    path = str(tmp_path / "run.nc")
    argv = ("--estimator", "mle", "--n", "10", "--generations", "4", "--replicates", "300")
    code, out, _ = run(capsys, "simulate", *argv, "--summary", "--out", path)
    assert code == 0
    assert out.splitlines()[1].split() == [
        "generation",
        "mean",
        "variance",
        "sd",
        "q0.05",
        "q0.25",
        "q0.5",
        "q0.75",
        "q0.95",
    ]
    code, _, err = run(capsys, "diagnose", path)
    assert code == 2
    assert "replicate" in err


def test_diagnose_reads_a_run(capsys, tmp_path):
    path = str(tmp_path / "run.nc")
    argv = ("--estimator", "mle", "--n", "10", "--generations", "60", "--replicates", "200")
    assert run(capsys, "simulate", *argv, "--out", path)[0] == 0
    code, out, _ = run(capsys, "diagnose", path)
    assert code == 0
    assert "collapsing variance" in out
    code, out, _ = run(capsys, "diagnose", path, "--json")
    rows = {row["definition"]: row for row in json.loads(out)}
    assert len(rows) == 8
    assert rows["collapsing variance"]["verdict"] == "yes"


def test_plan_answers(capsys):
    code, out, _ = run(capsys, "plan", "--n", "100", "--generations", "50", "--variance-lost", "0.1")
    assert code == 0
    assert "FreshReal(n=100, n_real=5)" in out
    code, out, _ = run(capsys, "plan", "--n", "100", "--generations", "20", "--minority", "0.02", "--json")
    assert code == 0
    assert {row["option"] for row in json.loads(out)} >= {"nothing", "accumulate", "detector"}


def test_linear_regression_agrees_with_theory(capsys):
    argv = ("--family", "linear-regression", "--coef", "1,-2", "--n", "40", "--generations", "5")
    code, out, _ = run(capsys, "check", *argv, "--json")
    assert code == 0
    assert {v["quantity"]: v["status"] for v in json.loads(out)} == {"coef": "SUPPORTED", "excess_risk": "SUPPORTED"}


@pytest.mark.parametrize("command", [(), *((name,) for name in cli.EXAMPLES if name)])
def test_help_teaches(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--help"])
    assert stop.value.code == 0
    assert "modelcollapse simulate" in (out := capsys.readouterr().out) or "example" in out


def test_no_command_prints_help(capsys):
    code, out, _ = run(capsys)
    assert code == 0
    assert "start here" in out


def test_it_runs_as_a_module_and_imports_quickly():
    code = "import sys, modelcollapse; print([m for m in ('numba', 'sklearn', 'xarray') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    done = subprocess.run(
        [sys.executable, "-m", "modelcollapse.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("modelcollapse ")


def test_sizes_numbers_and_matrices_are_read():
    assert arguments.sizes("5") == 5
    assert arguments.sizes("5,6") == (5, 6)
    assert np.array(arguments.matrix("2,1;1,2")).shape == (2, 2)
    assert arguments.matrix("2") == 2.0
