"""A second reading of every exact claim: the formula again, from the statement alone and by another route.

Whoever writes a formula once makes a mistake twice if he copies it. The modules of this room were written without
looking at `modelcollapse.theory`, and import nothing of it nor of the kernels (a contract in ``pyproject.toml``):
matrices where theory has a recursion, quadrature where it has a series, exact fractions or many digits where it has
floats. Both readings are compared at random parameters whenever a claim is verified.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from modelcollapse.claims.qc.reading import READINGS, Reading, second_reading

__all__ = ["Reading", "readings", "second_reading"]


@cache
def _all() -> dict[str, dict[str, Reading]]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    out: dict[str, dict[str, Reading]] = {}
    for (claim, name), reading in READINGS.items():
        out.setdefault(claim, {})[name] = reading
    return out


def readings(claim: str | None = None) -> dict:
    """Return the second readings of one claim by name, or those of all claims by id and name."""
    return _all() if claim is None else _all().get(claim, {})
