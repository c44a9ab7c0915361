"""Athena's functions: finding the overload that a call means, and the DuckDB macros that they lean on."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

from salespipe.local.athena.functions import aggregates, collections, json, numbers, strings, times
from salespipe.local.athena.functions.registry import Function, Match, matching
from salespipe.local.athena.types import Type

Kind = Literal["scalar", "aggregate", "window"]

MACROS: Final[dict[str, str]] = {**strings.MACROS, **numbers.MACROS, **times.MACROS, **json.MACROS}


@cache
def _all() -> dict[str, list[tuple[Function, Kind]]]:
    table: dict[str, list[tuple[Function, Kind]]] = defaultdict(list)
    for functions, kind in (
        ((*strings.FUNCTIONS, *numbers.FUNCTIONS, *times.FUNCTIONS, *collections.FUNCTIONS), "scalar"),
        (aggregates.AGGREGATES, "aggregate"),
        (aggregates.WINDOWS, "window"),
    ):
        for function in functions:
            table[function.name].append((function, kind))  # type: ignore[arg-type]
    return dict(table)


def kind(name: str) -> Kind | None:
    """What sort of function ``name`` (any case) is; ``None`` when Athena has none."""
    found = _all().get(name.lower())
    return found[0][1] if found else None


def overload(name: str, args: Sequence[Type | None]) -> Match | None:
    """The overload of ``name`` that fits best, ``None`` for a lambda argument; ``None`` when none fits."""
    fits = [match for function, _ in _all()[name.lower()] if (match := matching(function, args))]
    return min(fits, key=lambda match: match.cost, default=None)


def expected(name: str) -> str:
    """The signatures of ``name``, as Trino lists them."""
    return ", ".join(function.signature for function, _ in _all()[name.lower()])


def macros(sql: str) -> list[str]:
    """The CREATE statements of the macros that ``sql`` uses, those they use themselves first."""
    made: dict[str, str] = {}

    def add(text: str) -> None:
        for name in re.findall(r"\btrino_\w+", text):
            if name in MACROS and name not in made:
                add(MACROS[name].partition(" AS ")[2])
                made[name] = f"CREATE TEMP MACRO {name}{MACROS[name]}"

    add(sql)
    return list(made.values())
