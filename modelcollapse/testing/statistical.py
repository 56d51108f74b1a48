"""Statistical assertions: true with probability 1 - alpha, and proved to be able to fail.

Both assertions run the sequential test of `modelcollapse.verify`. `assert_agrees` holds the mean of a sample
against a number. `assert_kills` takes any p-values, and with them the *mutants*: programs that are wrong in a
named way. It fails if the program fails, and it fails if a mutant survives, because a test that kills nothing
proves nothing.
"""

from __future__ import annotations

import hashlib
import math
import os
import secrets
from collections.abc import Callable, Mapping

import numpy as np

from modelcollapse import _validate as check
from modelcollapse.verify import Outcome, pvalue_binomial, pvalue_bounded, pvalue_mean, sequential

#: the environment variable that sets the root seed
ENVIRONMENT = "MODELCOLLAPSE_TEST_SEED"


def _words(text: str) -> tuple[int, ...]:
    """Return 128 bits of a text, as four integers below 2^32."""
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))


def root_seed() -> int:
    """Return the seed that all tests of a session start from.

    The environment variable ``MODELCOLLAPSE_TEST_SEED`` sets it: a number, or ``random`` for a new one (which
    is written back to the environment, so that worker processes share it). Without it the seed is always the
    same.

    Raises
    ------
    ValueError
        If the variable is neither a non-negative integer nor "random".
    """
    text = os.environ.get(ENVIRONMENT, "").strip()
    if not text:
        return _words("modelcollapse")[0]
    if text.lower() == "random":
        text = os.environ[ENVIRONMENT] = str(secrets.randbits(32))
    if not text.isdecimal():
        raise ValueError(
            f"{ENVIRONMENT} must be an integer >= 0 or 'random' (it is the root of all streams), got {text!r}."
        )
    return int(text)


def current_test() -> str:
    """Return the node id of the pytest test that is running, or an empty text."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]


def stream(name: str | None = None) -> np.random.Generator:
    """Return the stream of one test: it depends on the name and on the root seed, and on nothing else.

    Parameters
    ----------
    name : str, optional
        Default: the node id of the running pytest test.

    Examples
    --------
    >>> bool(stream("one test").random() == stream("one test").random())
    True
    >>> bool(stream("one test").random() == stream("another").random())
    False
    """
    name = current_test() if name is None else name
    if not name:
        raise ValueError("name must be given outside pytest (a stream is made from the name of its test), got None.")
    return np.random.default_rng(np.random.SeedSequence(root_seed(), spawn_key=_words(name)))


def _note(title: str, rows: list[tuple[str, str]], outcome: Outcome) -> str:
    """Write a lab note; the last line is the command that repeats it."""
    rows = [*rows, ("outcome", str(outcome))]
    if len(outcome.sizes) > 1:
        rounds = ", ".join(f"{p:.2g} ({n})" for p, n in zip(outcome.pvalues, outcome.sizes, strict=True))
        rows.append(("rounds", f"p-value (replicates): {rounds}"))
    command = f"{ENVIRONMENT}={root_seed()} python -m pytest"
    rows.append(("repeat", f'{command} "{current_test()}"' if current_test() else command))
    return "\n".join([title, *(f"  {name:<10}{text}" for name, text in rows if text)])


def assert_agrees(
    draw: Callable,
    expected,
    *,
    sd=None,
    skewness=0.0,
    bounds: tuple[float, float] | None = None,
    size: int = 1000,
    name: str | None = None,
    formula: str = "",
    source: str = "",
    alpha: float = 1e-6,
) -> Outcome:
    """Assert that a sample has the mean that theory says, with a false-alarm rate of at most `alpha`.

    The null law must be known: booleans are counted (binomial); otherwise give `bounds` (betting, valid for
    every bounded variable) or the standard deviation `sd` that theory knows. That of the sample will not do:
    for a collapsing variance such a test cries wolf four times in five.

    Parameters
    ----------
    draw : callable
        ``draw(size, generator)`` returns an array (size, ...), fresh at every call.
    expected : array_like, (...)
        Mean of each column.
    sd, skewness : array_like, (...), optional
        Standard deviation and absolute skewness of one replicate, or upper bounds.
    bounds : (low, high), optional
        Every value lies between them.
    size : int
        Replicates of the first round.
    name : str, optional
        Name of the stream; default: the running pytest test.
    formula, source : str
        For the lab note.
    alpha : float

    Returns
    -------
    Outcome

    Raises
    ------
    AssertionError
        If the sample disagrees; the message is a lab note.

    Examples
    --------
    >>> assert_agrees(lambda size, rng: rng.random(size), 0.5, bounds=(0, 1), name="a uniform mean").passed
    True
    """
    if sd is not None and bounds is not None:
        raise ValueError("sd and bounds must not both be given (each is a null law), got both.")
    seen: dict = {}

    def pvalues(sample):
        sample = np.asarray(sample)
        seen["sample"] = sample
        if sample.dtype == bool:
            return pvalue_binomial(sample.sum(axis=0), len(sample), expected)
        if bounds is not None:
            return pvalue_bounded(sample, expected, *bounds)
        if sd is None:
            raise ValueError(
                "sd or bounds must be given unless the sample is boolean (the null law is chosen before "
                "the sample), got neither."
            )
        return pvalue_mean(sample, expected, sd, skewness=skewness)

    outcome = sequential(draw, pvalues, size=size, rng=stream(name), alpha=alpha)
    if outcome.passed:
        return outcome
    sample = seen["sample"].reshape(len(seen["sample"]), -1).astype(float)
    i, shape = outcome.where, seen["sample"].shape[1:]
    want = float(np.broadcast_to(expected, shape).flat[i])
    if sd is not None:
        error = float(np.broadcast_to(sd, shape).flat[i]) / math.sqrt(len(sample))
    elif seen["sample"].dtype == bool:
        error = math.sqrt(want * (1 - want) / len(sample))
    else:
        error = float(sample[:, i].std()) / math.sqrt(len(sample))
    got = float(sample[:, i].mean())
    where = f" at {tuple(int(k) for k in np.unravel_index(i, shape))}" if shape else ""
    z = (got - want) / error if error > 0 else math.copysign(math.inf, got - want)
    origin = "; ".join(text for text in (formula, source) if text)
    raise AssertionError(
        _note(
            f"{name or current_test()}: theory and sample disagree{where}",
            [
                ("expected", f"{want:.6g}, standard error {error:.2g}"),
                ("theory", origin),
                ("seen", f"{got:.6g}"),
                ("z", f"{z:+.2f}"),
            ],
            outcome,
        )
    )


def assert_kills(
    draw: Callable,
    pvalues: Callable,
    *,
    mutants: Mapping[str, Callable] | None = None,
    wrong: Mapping[str, Callable] | None = None,
    size: int = 1000,
    name: str | None = None,
    formula: str = "",
    source: str = "",
    alpha: float = 1e-6,
) -> Outcome:
    """Assert that a program passes a statistical test and that named mutants of it, or of the theory, do not.

    Parameters
    ----------
    draw : callable
        ``draw(size, generator)``: the program, fresh at every call.
    pvalues : callable
        ``pvalues(sample)``: one or more valid p-values.
    mutants : mapping of str to callable
        Wrong programs, each a ``draw``.
    wrong : mapping of str to callable
        Wrong theories, each a ``pvalues``. Together with `mutants` there must be at least one.
    size, name, formula, source, alpha
        As for `assert_agrees`.

    Returns
    -------
    Outcome
        That of the program itself.

    Raises
    ------
    AssertionError
        If the program fails, or if a mutant survives; the message is a lab note.

    Examples
    --------
    >>> from modelcollapse.verify import pvalue_binomial
    >>> outcome = assert_kills(lambda size, rng: rng.random(size) < 0.5,
    ...                        lambda seen: pvalue_binomial(seen.sum(), seen.size, 0.5),
    ...                        mutants={"loaded coin": lambda size, rng: rng.random(size) < 0.7}, name="a coin")
    """
    name = current_test() if name is None else name
    trials = {f"mutant {key!r}": (value, pvalues) for key, value in (mutants or {}).items()}
    trials |= {f"wrong theory {key!r}": (draw, value) for key, value in (wrong or {}).items()}
    if not trials:
        raise ValueError(
            "mutants or wrong must name at least one mistake (a statistical test that kills nothing is "
            "deleted), got none."
        )
    size = check.integer("size", size, least=1)
    rows = [("theory", "; ".join(text for text in (formula, source) if text))]
    outcome = sequential(draw, pvalues, size=size, rng=stream(name), alpha=alpha)
    if not outcome.passed:
        rows.append(("p-value", f"number {outcome.where} is the smallest"))
        raise AssertionError(_note(f"{name}: theory and sample disagree", rows, outcome))
    for what, (program, theory) in trials.items():
        survived = sequential(program, theory, size=size, rng=stream(f"{name} {what}"), alpha=alpha)
        if survived.passed:
            raise AssertionError(_note(f"{name}: {what} survives; the test has no power against it", rows, survived))
    return outcome
