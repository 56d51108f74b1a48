"""The frame of a second reading: a formula written again from its statement, and where to try it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reading:
    """A formula of one claim, implemented a second time from the statement alone.

    Attributes
    ----------
    claim : str
        Id of the claim.
    name : str
        Which of its formulas: names are unique within a claim.
    function : callable
        ``function(**parameters)`` returns a number or an array; never nan.
    draw : callable
        ``draw(generator)`` returns random parameters out of the whole domain, its corners included.
    rtol : float
        How exact the second reading itself is, relative.
    atol : float
        Absolute error that is rounding: of a difference of numbers of order one, for instance.
    route : str
        By which way it goes, in a few words: "matrix power", "quadrature", "exact fractions".
    """

    claim: str
    name: str
    function: Callable
    draw: Callable[[np.random.Generator], Mapping]
    rtol: float
    route: str
    atol: float = 0.0


#: all second readings by claim and name; filled by importing the modules of this room
READINGS: dict[tuple[str, str], Reading] = {}


def second_reading(
    claim: str, *, draw: Callable, route: str, rtol: float = 1e-10, atol: float = 0.0, name: str = ""
) -> Callable:
    """Register a function as a second reading of a claim; its parameters are what `draw` returns."""

    def register(function: Callable) -> Callable:
        key = claim, name or function.__name__
        if key in READINGS:
            raise ValueError(f"name must be new among the readings of {claim}, got {key[1]!r} twice.")
        READINGS[key] = Reading(claim, key[1], function, draw, rtol, route, atol)
        return function

    return register
