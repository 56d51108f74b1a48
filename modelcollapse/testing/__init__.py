"""For your own tests of convergence claims: Hypothesis strategies, and statistical assertions that do not cry wolf.

Three kinds of statement, three kinds of test. What is *exact* is compared with ``==`` or to rounding. What is
*almost sure* (true for every seed: probabilities sum to one, a lost category stays lost) is a property, and
Hypothesis looks for the counter-example: see `strategies`. What is *statistical* (true with probability 1 -
alpha) is asserted with `assert_agrees` or `assert_kills` and never under ``@given``: Hypothesis is an
optimiser and finds the unlucky seed.

A statistical test has a stream of its own, made from its name and one root seed (`stream`), which the
environment variable ``MODELCOLLAPSE_TEST_SEED`` sets: a number, or ``random``. A test that fails says with
which command it fails again.

`strategies` needs Hypothesis: ``pip install modelcollapse[testing]``.
"""

from modelcollapse.testing.statistical import (
    ENVIRONMENT,
    assert_agrees,
    assert_kills,
    root_seed,
    stream,
)

__all__ = ["ENVIRONMENT", "assert_agrees", "assert_kills", "root_seed", "strategies", "stream"]


def __getattr__(name: str):
    if name == "strategies":
        import importlib

        return importlib.import_module("modelcollapse.testing.strategies")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
