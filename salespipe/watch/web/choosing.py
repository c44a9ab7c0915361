"""A choice as the query of a URL, so that it can be kept as a bookmark, and gone back from."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from salespipe.watch.model import Choice, Window

_LONGEST: Final = 200
_PARTS: Final = frozenset(Choice.__struct_fields__) - {"window"}


def chosen(query: str) -> Choice:
    """The choice of ``window=1h&region=Pacific``. Raises ``ValueError`` for what no choice has."""
    given = dict(parse_qsl(query, max_num_fields=16))
    window = Window(given.pop("window", Choice().window))
    if unknown := given.keys() - _PARTS:
        raise ValueError(f"there is no {min(unknown)!r} to choose")
    if any(len(value) > _LONGEST for value in given.values()):
        raise ValueError(f"nothing to choose is longer than {_LONGEST} characters")
    return Choice(window=window, **given)


def written(choice: Choice) -> str:
    """The query of a choice."""
    named = {name: getattr(choice, name) for name in Choice.__struct_fields__}
    return urlencode({name: value for name, value in named.items() if value})
