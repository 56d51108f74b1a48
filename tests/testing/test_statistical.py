"""Statistical assertions: streams, lab notes, and that they fail when they should."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from modelcollapse import testing
from modelcollapse.testing import ENVIRONMENT, assert_agrees, assert_kills, root_seed, stream
from modelcollapse.testing.statistical import current_test
from modelcollapse.verify import pvalue_binomial, pvalue_mean


def normal(size, rng):
    return rng.standard_normal(size)


def test_stream_depends_on_name_and_root_seed_only(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "11")
    first = stream("a").random(4)
    np.testing.assert_array_equal(first, stream("a").random(4))
    assert not np.any(first == stream("b").random(4))
    monkeypatch.setenv(ENVIRONMENT, "12")
    assert not np.any(first == stream("a").random(4))


def test_default_name_is_the_running_test():
    assert current_test().endswith("test_default_name_is_the_running_test")
    np.testing.assert_array_equal(stream().random(4), stream(current_test()).random(4))


def test_fixture_and_default_stream_agree(rng):
    np.testing.assert_array_equal(rng.random(4), stream().random(4))


def test_no_name_outside_pytest(monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with pytest.raises(ValueError, match=r"name must be given outside pytest.*got None"):
        stream()


def test_root_seed(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert root_seed() == root_seed()
    monkeypatch.setenv(ENVIRONMENT, " 42 ")
    assert root_seed() == 42
    monkeypatch.setenv(ENVIRONMENT, "random")
    seed = root_seed()
    assert os.environ[ENVIRONMENT] == str(seed)  # worker processes inherit it
    assert root_seed() == seed


@pytest.mark.parametrize("bad", ["-1", "1.5", "seed"])
def test_bad_root_seed_teaches(monkeypatch, bad):
    monkeypatch.setenv(ENVIRONMENT, bad)
    with pytest.raises(ValueError, match=f"{ENVIRONMENT} must be an integer >= 0 or 'random'.*got '{bad}'"):
        root_seed()


@pytest.mark.parametrize(
    ("draw", "expected", "law"),
    [
        (normal, 0.0, {"sd": 1.0}),
        (lambda size, rng: rng.standard_normal((size, 2, 3)), np.zeros((2, 3)), {"sd": 1.0}),
        (lambda size, rng: rng.random((size, 2)), [0.5, 0.5], {"bounds": (0, 1)}),
        (lambda size, rng: rng.random((size, 2)) < [0.2, 0.9], [0.2, 0.9], {}),
    ],
    ids=["sd", "array", "bounds", "boolean"],
)
def test_agrees(draw, expected, law):
    assert assert_agrees(draw, expected, **law).passed
    wrong = np.array(expected) + 0.05
    with pytest.raises(AssertionError, match="theory and sample disagree"):
        assert_agrees(draw, wrong, size=20_000, **law)


def test_failure_reads_like_a_lab_note():
    draw = lambda size, rng: rng.standard_normal((size, 2)) + np.array([0.0, 1.0])  # noqa: E731
    with pytest.raises(AssertionError) as caught:
        assert_agrees(draw, [0.0, 0.5], sd=1.0, size=400, formula="mean = a/b", source="Author 2024, eq. 3")
    note = str(caught.value)
    assert re.search(r"disagree at \(1,\)", note)
    assert re.search(r"expected +0\.5, standard error 0\.05", note)
    assert re.search(r"theory +mean = a/b; Author 2024, eq\. 3", note)
    assert re.search(r"seen +(0\.9|1\.0)", note)
    assert re.search(r"z +\+\d", note)
    assert re.search(r"outcome +failed in round 1 \(400 replicates; smallest p-value", note)
    assert f'{ENVIRONMENT}={root_seed()} python -m pytest "{current_test()}"' in note


def test_rounds_are_reported():
    script = iter([0.01] * 7)
    with pytest.raises(AssertionError, match=r"rounds +p-value \(replicates\): .*\(10\), .*\(40\), .*\(160\)"):
        assert_kills(normal, lambda sample: next(script), mutants={"none": normal}, size=10)


def test_a_null_law_is_required():
    with pytest.raises(ValueError, match=r"sd or bounds must be given unless the sample is boolean.*got neither"):
        assert_agrees(normal, 0.0)
    with pytest.raises(ValueError, match=r"sd and bounds must not both be given.*got both"):
        assert_agrees(normal, 0.0, sd=1.0, bounds=(0, 1))


def test_nan_never_agrees():
    with pytest.raises(ValueError, match=r"sample must be finite.*NaN"):
        assert_agrees(lambda size, rng: np.full(size, np.nan), 0.0, sd=1.0)
    with pytest.raises(ValueError, match=r"expected must be finite.*got nan"):
        assert_agrees(normal, np.nan, sd=1.0)


def test_kills():
    law = lambda sample: pvalue_mean(sample, 0.0, 1.0)  # noqa: E731
    shifted = lambda size, rng: normal(size, rng) + 0.2  # noqa: E731
    assert assert_kills(normal, law, mutants={"shifted": shifted}).passed
    assert assert_kills(normal, law, wrong={"shifted": lambda sample: pvalue_mean(sample, 0.2, 1.0)}).passed
    with pytest.raises(AssertionError, match="theory and sample disagree"):
        assert_kills(shifted, law, mutants={"none": normal})
    with pytest.raises(AssertionError, match="mutant 'twin' survives; the test has no power"):
        assert_kills(normal, law, mutants={"shifted": shifted, "twin": normal})
    with pytest.raises(AssertionError, match="wrong theory 'right after all' survives"):
        assert_kills(normal, law, wrong={"right after all": law})
    with pytest.raises(ValueError, match=r"at least one mistake.*got none"):
        assert_kills(normal, law)


def test_streams_of_mutants_are_their_own():
    seen = []

    def record(size, rng):
        seen.append(rng.random())
        return rng.random(size) < (0.5 if len(seen) == 1 else 0.9)

    assert_kills(record, lambda x: pvalue_binomial(x.sum(), x.size, 0.5), mutants={"a": record, "b": record})
    assert len(set(seen)) == 3


def test_header_shows_the_root_seed():
    out = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", __file__],
        env={**os.environ, ENVIRONMENT: "123"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"{ENVIRONMENT}=123" in out.stdout


def test_without_hypothesis_only_strategies_are_missing():
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from modelcollapse import testing\n"
        "testing.stream('x')\n"
        "try: testing.strategies\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install modelcollapse[testing]" in out.stdout


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        testing.nonsense
