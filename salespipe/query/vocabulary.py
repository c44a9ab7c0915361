"""The words of Athena's SQL: its functions and its keywords, and the nearest of some words to another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from importlib import resources


@cache
def functions() -> tuple[str, ...]:
    """The names of Athena's functions, in lower case."""
    return _words("functions.txt")


@cache
def keywords() -> tuple[str, ...]:
    """The words of statements, in capitals."""
    return _words("keywords.txt")


def _words(file: str) -> tuple[str, ...]:
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    return tuple(name for line in text.splitlines() if not line.startswith("#") for name in line.split())


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` that ``word`` was perhaps meant to be; empty where none is near."""
    # Without underscores, customerid is customer_id, and so are custid and cust_id near to it.
    bare = {name.replace("_", ""): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("_", ""), bare, n=1, cutoff=0.6)
    return bare[found[0]] if found else ""
