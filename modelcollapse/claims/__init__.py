"""Who said so? The literature of model collapse as statements that a machine has checked.

>>> import modelcollapse as mc
>>> mc.claims["WF-H"].title
'Heterozygosity falls by 1/n per generation'
>>> mc.claims["WF-H"].verify(rng=1, quick=True).status.name
'SUPPORTED'

Every claim says what was stated, by whom, under which assumptions, and how it is checked: by closed forms, by another
route to the same number, by simulation; the formula of an exact claim has been written a second time from its statement
alone (`modelcollapse.claims.qc`). What was published and does not hold is here too, with the form that does.

The room is a mapping: ``mc.claims["SUR-T1"]``, ``len(mc.claims)``, ``for id in mc.claims``; in Jupyter it shows a table
that can be searched. ``select`` chooses by paper, kind or tag; ``verify`` checks many.
"""

import sys
import types

from modelcollapse.claims.atlas import ATLAS
from modelcollapse.claims.checks import Computed, Distributed, Finding, Limit, Ordered, Sampled
from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.claims.verification import ERROR_RATE, Result, verify_claims

__all__ = [
    "ATLAS",
    "ERROR_RATE",
    "Claim",
    "Computed",
    "Distributed",
    "Finding",
    "Kind",
    "Limit",
    "Ordered",
    "Result",
    "Sampled",
    "select",
    "table",
    "verify_claims",
]

select = ATLAS.select


def table():
    """Return all claims as a pandas DataFrame, one row each, by id."""
    from modelcollapse.claims.pages import frame

    return frame(ATLAS.values())


class _Room(types.ModuleType):
    """A module that is also the mapping it is about, so that ``mc.claims["WF-H"]`` works."""

    def __getitem__(self, id):
        return ATLAS[id]

    def __iter__(self):
        return iter(ATLAS)

    def __len__(self):
        return len(ATLAS)

    def __contains__(self, id):
        return id in ATLAS

    def __bool__(self):
        return True

    def _repr_html_(self):
        from modelcollapse.claims.pages import searchable

        return searchable(ATLAS.values())


sys.modules[__name__].__class__ = _Room
