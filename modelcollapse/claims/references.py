"""The bibliography: BibTeX entries by key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path


@cache
def bibliography() -> dict[str, str]:
    """Return all entries as they stand in the file, by key.

    The file is ``docs/refs.bib`` in a checkout; an installed package carries it beside this module.
    """
    here = Path(__file__)
    places = here.with_name("refs.bib"), here.parents[2] / "docs" / "refs.bib"
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"refs.bib must be beside {here.name} or in docs/, got neither {places[0]}.")
    text = path.read_text(encoding="utf-8")
    out = {}
    for match in re.finditer(r"^@(\w+)\{([^,\s]+),", text, flags=re.MULTILINE):
        depth, end = 0, match.start()
        for end in range(match.start(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0 and text[end] == "}":
                break
        out[match.group(2)] = text[match.start() : end + 1]
    return out


def entries(keys: Sequence[str]) -> list[str]:
    """Return the BibTeX entries of `keys`, each once.

    Raises
    ------
    KeyError
        If a key is not in the bibliography.
    """
    known = bibliography()
    for key in keys:
        if key not in known:
            raise KeyError(f"source must be a key of docs/refs.bib, got {key!r}.")
    return [known[key] for key in dict.fromkeys(keys)]


def year(key: str) -> str:
    """Return the year of an entry, or an empty text."""
    found = re.search(r"\byear\s*=\s*\{?(\d{4})", bibliography().get(key, ""))
    return found.group(1) if found else ""


def short(key: str) -> str:
    """Return first author and year: "Shumailov et al. 2024"."""
    found = re.search(r"\bauthor\s*=\s*\{(.*?)\}\s*,?\s*\n", bibliography().get(key, ""), flags=re.DOTALL)
    if not found:
        return key
    authors = [re.sub(r"[{}\\'\"^`~]", "", name).split(",")[0].strip() for name in found.group(1).split(" and ")]
    who = authors[0] if len(authors) == 1 else f"{authors[0]}, {authors[1]}"
    if len(authors) > 2 or "others" in authors:
        who = f"{authors[0]} et al."
    return f"{who} {year(key)}".strip()
