"""Every message names the argument, the rule, the reason and the value."""

import re

import numpy as np
import pytest

from modelcollapse import _validate as check


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: check.integer("n", 1, least=2, because="a variance needs two points"),
            ValueError,
            "n must be an integer >= 2 (a variance needs two points), got 1.",
        ),
        (lambda: check.integer("n", 2.5), TypeError, "n must be an integer, got 2.5."),
        (lambda: check.integer("n", True), TypeError, "n must be an integer, got True."),
        (lambda: check.integer("k", 9, least=1, most=5), ValueError, "k must be an integer >= 1 and <= 5, got 9."),
        (lambda: check.number("cov", -1.0, above=0.0), ValueError, "cov must be a finite number > 0, got -1."),
        (lambda: check.number("cov", float("nan")), ValueError, "cov must be a finite number, got nan."),
        (lambda: check.number("mean", "a"), TypeError, "mean must be a finite number, got 'a'."),
        (
            lambda: check.probability("real_fraction", 1.5),
            ValueError,
            "real_fraction must be a finite number >= 0 and <= 1, got 1.5.",
        ),
        (
            lambda: check.choice("estimator", "map", ("mle", "unbiased")),
            ValueError,
            "estimator must be one of 'mle', 'unbiased', got 'map'.",
        ),
        (
            lambda: check.choice("estimator", np.array(["mle", "unbiased"]), ("mle", "unbiased")),
            TypeError,
            "estimator must be one of 'mle', 'unbiased', got array(['mle', 'unbiased']",
        ),
        (
            lambda: check.choice("estimator", None, ("mle", "unbiased")),
            TypeError,
            "one of 'mle', 'unbiased', got None.",
        ),
        (lambda: check.probabilities("probabilities", [0.5, 0.4]), ValueError, "got a sum of 0.9."),
        (lambda: check.probabilities("probabilities", [1.5, -0.5]), ValueError, "got -0.5 at index 1."),
        (lambda: check.covariance("cov", [[1.0, 2.0], [2.0, 1.0]]), ValueError, "got a smallest eigenvalue of -1."),
        (lambda: check.covariance("cov", [[1.0, 0.5], [0.1, 1.0]]), ValueError, "cov must be symmetric"),
        (lambda: check.covariance("cov", [[-1.0, 0.0], [0.0, 1.0]]), ValueError, "got -1 at (0, 0)."),
        (lambda: check.covariance("cov", np.ones((2, 3))), ValueError, "square matrix (dim, dim), got shape (2, 3)."),
        (lambda: check.points("X", [1.0, np.nan]), ValueError, "got nan at index 1."),
        (lambda: check.points("X", [[1.0, 2.0], [np.inf, 1.0], [1, 2]]), ValueError, "got inf at index (1, 0)."),
        (
            lambda: check.points("X", [1.0]),
            ValueError,
            "X must have at least 2 rows (a variance needs two points), got 1.",
        ),
        (
            lambda: check.points("X", [[1.0, 2.0], [3.0, 4.0]], more_rows_than_columns=True),
            ValueError,
            "got 2 rows and 2 columns; drop columns or add rows.",
        ),
        (
            lambda: check.points("X", [[1.0, 2.0], [3.0, 2.0], [4.0, 2.0]]),
            ValueError,
            "got the single value 2 in column 1; drop it.",
        ),
        (lambda: check.points("X", ["a", "b"]), TypeError, "X must be numeric data"),
        (
            lambda: check.schedule("n", "12"),
            TypeError,
            "n must be an integer, a sequence (n_1, n_2, ...) or a callable",
        ),
        (lambda: check.schedule("n", []), ValueError, "got an empty sequence."),
        (lambda: check.schedule("n", [3, 0]), ValueError, "n[1] must be an integer >= 1, got 0."),
        (
            lambda: check.sizes("n", (5, 6), 3),
            ValueError,
            "n must name a size for each of the 3 generations (the schedule is shorter than the run), got 2.",
        ),
        (lambda: check.sizes("n", lambda t: 2 - t, 3), ValueError, "n(2) must be an integer >= 1, got 0."),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_values_come_back_in_the_form_the_package_computes_with():
    assert check.integer("n", np.int32(4)) == 4
    assert check.integer("n", 4.0) == 4
    assert check.sizes("n", lambda t: t * t, 3).tolist() == [1, 4, 9]
    p = check.probabilities("p", [0.1] * 10)
    assert p.sum() == pytest.approx(1, abs=1e-15)
    assert not p.flags.writeable
