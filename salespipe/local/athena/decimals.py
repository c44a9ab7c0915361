"""Decimals divided and averaged exactly, rounded half away from zero as Trino does; DuckDB takes doubles for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from salespipe.local.athena.types import Type

# Digits of the largest power of ten that HUGEINT and DECIMAL hold, less one, since the bounds are told as doubles.
_DIGITS: Final = 37
# How many values an average may have: as ten to this power.
_MANY: Final = 11


def quotient(a: str, b: str, kinds: tuple[Type, Type], result: Type) -> str:
    """DuckDB SQL of ``a / b``, whose decimal types are ``kinds``, as ``result``, whose scale is the greater one.

    Both are made whole numbers, and one digit more than the result has is computed: it alone decides how to round.
    Doubles do it where more than 38 digits would be needed. Division by zero fails either way.
    """
    (p1, s1), (p2, s2) = (kind.args for kind in kinds)
    scale = result.args[1]
    # How many digits before the point a and b may have, so that no step needs more than there are.
    room_a, room_b = _DIGITS - max(2 * s1, scale + s2 + 1), _DIGITS - 2 * s2
    if min(room_a, room_b) <= 0:
        return _by_doubles(a, b, result)
    exact = _rounded(f"{_whole(a, s1)} * {10 ** (scale - s1 + s2 + 1)} // {_whole(b, s2)}", result)
    bounds = [
        f"({side}) BETWEEN -1e{room} AND 1e{room}"
        for side, room, digits in ((a, room_a, p1 - s1), (b, room_b, p2 - s2))
        if digits > room
    ]
    return f"CASE WHEN {' AND '.join(bounds)} THEN {exact} ELSE {_by_doubles(a, b, result)} END" if bounds else exact


def average(value: str, result: Type, around: Callable[[str], str]) -> str:
    """DuckDB SQL of ``avg(value)``, whose type is ``result``; ``around`` adds DISTINCT, FILTER and OVER to a call."""
    precision, scale = result.args
    room = _DIGITS - max(2 * scale, _MANY + scale + 1)
    if room <= 0:
        return around(f"avg({value})")
    counted = f"nullif({around(f'count({value})')}, 0)"
    if precision - scale <= room:
        return _rounded(f"{around(f'sum({_whole(value, scale)})')} * 10 // {counted}", result)
    fits = f"({value}) BETWEEN -1e{room} AND 1e{room}"
    total = around(f"sum(CASE WHEN {fits} THEN {_whole(value, scale)} END)")
    exact = _rounded(f"{total} * 10 // {counted}", result)
    doubled = f"CAST({around(f'avg({value})')} AS {result.duck})"
    return f"CASE WHEN {around(f'bool_and({fits})')} THEN {exact} ELSE {doubled} END"


def _whole(sql: str, scale: int) -> str:
    """A decimal without its point: 1.25 as 125."""
    return f"CAST(CAST({sql} AS DECIMAL(38, {scale})) * {10**scale} AS HUGEINT)"


def _rounded(sql: str, result: Type) -> str:
    """A whole number with one digit more than ``result`` has after the point; DuckDB's cast rounds as Trino does."""
    scale = result.args[1]
    return f"CAST(CAST({sql} AS DECIMAL(38, 0)) * 0.{'0' * scale}1 AS {result.duck})"


def _by_doubles(a: str, b: str, result: Type) -> str:
    """DuckDB knows no division by zero of doubles; // on integers does."""
    guard = f"CASE WHEN {b} = 0 THEN 1 // CAST({b} AS INTEGER) ELSE CAST({b} AS DOUBLE) END"
    return f"CAST(CAST({a} AS DOUBLE) / {guard} AS {result.duck})"
