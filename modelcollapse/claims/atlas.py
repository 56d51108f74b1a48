"""The registry: every claim by its id, found in the modules of `modelcollapse.claims.papers`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from modelcollapse.claims.claim import Claim, Kind


class Atlas(Mapping):
    """All claims by id; the modules that hold them are read when the first one is asked for."""

    @cached_property
    def _claims(self) -> dict[str, Claim]:
        from modelcollapse.claims import papers

        out: dict[str, Claim] = {}
        for module in pkgutil.iter_modules(papers.__path__):
            for claim in importlib.import_module(f"{papers.__name__}.{module.name}").CLAIMS:
                if claim.id in out:
                    raise ValueError(f"id must be new, got {claim.id} twice (the second time in {module.name}.py).")
                out[claim.id] = claim
        return out

    def __getitem__(self, id: str) -> Claim:
        try:
            return self._claims[id]
        except KeyError:
            near = difflib.get_close_matches(str(id), self._claims, 3, 0.4)
            hint = f"; near it are {', '.join(near)}" if near else ""
            raise KeyError(f"id must be one of the {len(self._claims)} claims, got {id!r}{hint}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def select(
        self,
        ids: Sequence[str] = (),
        *,
        paper: str | None = None,
        kind: str | None = None,
        tag: str | None = None,
        text: str | None = None,
    ) -> list[Claim]:
        """Return the claims that meet every condition given.

        Parameters
        ----------
        ids : sequence of str, optional
            Ids; one that ends in ``*`` stands for all that begin so.
        paper : str, optional
            Key of the bibliography, or its beginning: "shumailov".
        kind : str, optional
            One of `Kind`.
        tag : str, optional
            A subject.
        text : str, optional
            A word that occurs in the id, title, statement or sources.

        Raises
        ------
        KeyError, ValueError
            If nothing goes by that name.
        """
        chosen = list(self._claims.values())
        if ids:
            chosen = []
            for id in ids:
                found = [c for c in self._claims.values() if id.endswith("*") and c.id.startswith(id[:-1])]
                chosen += found or [self[id]]
            chosen = list({claim.id: claim for claim in chosen}.values())
        if paper is not None:
            chosen = [claim for claim in chosen if any(key.startswith(paper) for key in claim.source)]
            _found("paper", paper, chosen, {key for claim in self._claims.values() for key in claim.source})
        if kind is not None:
            kinds = [str(k) for k in Kind]
            if kind not in kinds:
                raise ValueError(f"kind must be one of {', '.join(kinds)}, got {kind!r}.")
            chosen = [claim for claim in chosen if claim.kind == kind]
        if tag is not None:
            chosen = [claim for claim in chosen if tag in claim.tags]
            _found("tag", tag, chosen, {tag for claim in self._claims.values() for tag in claim.tags})
        if text is not None:
            word = text.lower()
            chosen = [c for c in chosen if word in " ".join([c.id, c.title, c.statement, *c.source]).lower()]
        return chosen


def _found(name: str, value: str, chosen: list, known: set[str]) -> None:
    if not chosen:
        raise ValueError(f"{name} must be one of {', '.join(sorted(known))}, got {value!r}.")


ATLAS = Atlas()
