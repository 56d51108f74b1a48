"""Every public function of the theory has an example, and the examples are right."""

import doctest
import importlib

import pytest

from modelcollapse import theory

ROOMS = [
    "inbreeding",
    "gaussian",
    "categorical",
    "predict",
    "mixtures",
    "kernel_density",
    "absorption",
    "categorical_bounds",
    "counts",
    "diversity",
    "immigration",
    "weights",
    "wright_fisher",
    "dimensions",
    "landing",
    "law",
    "laws",
    "mad",
    "marginal",
    "passage",
    "curation",
    "selection",
    "preference",
    "detection",
    "watermark",
    "power_law",
    "random_matrix",
    "regression",
    "regression_mixed",
    "zipf",
    "scaling",
    "temperature",
    "temporal",
    "truncation",
    "closed_loop",
    "stability",
]


@pytest.mark.parametrize("room", ROOMS)
def test_examples(room):
    module = importlib.import_module(f"modelcollapse.theory.{room}")
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_function_has_formula_kind_and_example():
    for name in theory.__all__:
        thing = getattr(theory, name)
        if callable(thing):
            assert ">>>" in thing.__doc__, name
    rooms = [importlib.import_module(f"modelcollapse.theory.{room}") for room in ROOMS]
    assert sorted(name for room in rooms for name in room.__all__) == sorted(theory.__all__)
