"""Arithmetic, rounding, comparison and conversion of numbers."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.functions.registry import declared
from salespipe.local.athena.plan import Expr
from salespipe.local.athena.types import Type

_TABLE: Final = """
abs(N) -> N = abs({0})
sign(N) -> N = CAST(sign({0}) AS {r})
ceil(N) -> N = CAST(ceil({0}) AS {r})
ceiling(N) -> N = CAST(ceil({0}) AS {r})
floor(N) -> N = CAST(floor({0}) AS {r})
round(N) -> N = CAST(round({0}) AS {r})
round(N, bigint) -> N = CAST(round({0}, CAST({1} AS INTEGER)) AS {r})
truncate(N) -> N = CAST(trunc({0}) AS {r})
truncate(N, bigint) -> N = CAST(trunc({0}, CAST({1} AS INTEGER)) AS {r})
mod(N, N) -> N = ({0} % {1})
power(double, double) -> double = power({0}, {1})
pow(double, double) -> double = power({0}, {1})
sqrt(double) -> double = CASE WHEN {0} < 0 THEN 'nan'::DOUBLE ELSE sqrt({0}) END
cbrt(double) -> double = cbrt({0})
exp(double) -> double = exp({0})
ln(double) -> double = trino_ln({0})
log2(double) -> double = trino_ln({0}) / ln(2)
log10(double) -> double = log10({0})
log(double, double) -> double = trino_ln({1}) / trino_ln({0})
pi() -> double = pi()
e() -> double = exp(1.0::DOUBLE)
nan() -> double = 'nan'::DOUBLE
infinity() -> double = 'inf'::DOUBLE
is_nan(double) -> boolean = isnan({0})
is_finite(double) -> boolean = isfinite({0})
is_infinite(double) -> boolean = isinf({0})
sin(double) -> double = sin({0})
cos(double) -> double = cos({0})
tan(double) -> double = tan({0})
asin(double) -> double = asin({0})
acos(double) -> double = acos({0})
atan(double) -> double = atan({0})
atan2(double, double) -> double = atan2({0}, {1})
degrees(double) -> double = degrees({0})
radians(double) -> double = radians({0})
rand() -> double = random()
random() -> double = random()
random(bigint) -> bigint = CAST(floor(random() * {0}) AS BIGINT)
random(bigint, bigint) -> bigint = ({0} + CAST(floor(random() * ({1} - {0})) AS BIGINT))
width_bucket(double, double, double, bigint) -> bigint = trino_width_bucket({0}, {1}, {2}, {3})
bitwise_and(bigint, bigint) -> bigint = ({0} & {1})
bitwise_or(bigint, bigint) -> bigint = ({0} | {1})
bitwise_xor(bigint, bigint) -> bigint = xor({0}, {1})
bitwise_not(bigint) -> bigint = (~{0})
bitwise_left_shift(bigint, bigint) -> bigint = ({0} << {1})
bitwise_right_shift(bigint, bigint) -> bigint = ({0} >> {1})
bit_count(bigint, bigint) -> bigint = bit_count({0})
to_base(bigint, bigint) -> varchar = lower(to_base({0}, CAST({1} AS INTEGER)))
from_base(varchar, bigint) -> bigint = trino_from_base({0}, {1})
greatest(T, T...) -> T = @greatest
least(T, T...) -> T = @least
format(varchar, A) -> varchar = @format
format(varchar, A, B) -> varchar = @format
format(varchar, A, B, C) -> varchar = @format
format(varchar, A, B, C, E) -> varchar = @format
format(varchar, A, B, C, E, F) -> varchar = @format
"""


def _extreme(name: str, args: Sequence[Expr]) -> str:
    """DuckDB's greatest passes over NULL, Trino's answers NULL."""
    missing = " OR ".join(f"{arg.sql} IS NULL" for arg in args)
    return f"CASE WHEN {missing} THEN NULL ELSE {name}({', '.join(arg.sql for arg in args)}) END"


_SPECIFIER: Final = re.compile(r"%(?:%|(?:\d+\$)?([-+ 0,(]*)(\d*)(\.\d+)?([a-zA-Z]))")


def _format(args: Sequence[Expr], _result: Type) -> str:
    """Java's format text, which DuckDB's printf mostly understands; thousands are grouped by format."""
    text = args[0].value
    if not isinstance(text, str):
        raise QueryError("NOT_SUPPORTED", "format() of a text that is not a literal is not supported locally")
    parts: list[str] = []
    place = at = 0
    for found in _SPECIFIER.finditer(text):
        parts.append(_quote(text[at : found.start()]))
        at = found.end()
        if found[0] == "%%":
            parts.append("'%'")
            continue
        place += 1
        if place >= len(args):
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {text} (Format specifier '{found[0]}')"
            )
        parts.append(_formatted(found, args[place]))
    parts.append(_quote(text[at:]))
    return f"({' || '.join(parts)})"


def _formatted(found: re.Match[str], arg: Expr) -> str:
    flags, width, precision, letter = found[1], found[2], found[3] or "", found[4]
    value = arg.sql
    if letter in "sS":
        value = f"CAST({value} AS VARCHAR)"
    elif letter in "feEg":
        value = f"CAST({value} AS DOUBLE)"
    if "," in flags:
        grouped = f"format('{{:,{precision or ('.6' if letter == 'f' else '')}{letter}}}', {value})"
        return f"lpad({grouped}, greatest({width}, length({grouped})), ' ')" if width else grouped
    return f"printf('%{flags}{width}{precision}{letter}', {value})"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


FUNCTIONS: Final = tuple(
    declared(
        _TABLE,
        {
            "greatest": lambda args, _result: _extreme("greatest", args),
            "least": lambda args, _result: _extreme("least", args),
            "format": _format,
        },
    )
)

MACROS: Final = {
    "trino_ln": "(x) AS CASE WHEN x > 0 THEN ln(x) WHEN x = 0 THEN '-inf'::DOUBLE WHEN x < 0 THEN 'nan'::DOUBLE END",
    "trino_from_base": """(t, b) AS CAST(list_sum(list_transform(range(1, length(t) + 1), lambda i:
        (strpos('0123456789abcdefghijklmnopqrstuvwxyz', lower(t[i])) - 1) * CAST(pow(b, length(t) - i) AS BIGINT))) AS BIGINT)""",
    "trino_width_bucket": """(x, low, high, n) AS CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1
        ELSE CAST(floor((x - low) / (high - low) * n) AS BIGINT) + 1 END""",
    # CAST(double AS varchar) as Java prints it: 1.0E10, 1.0E-4, 12.5.
    "trino_double": """(x) AS CASE
        WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
        WHEN x = 0 OR (abs(x) >= 0.001 AND abs(x) < 10000000) THEN CAST(x AS VARCHAR)
        ELSE trino_scientific(CAST(x AS VARCHAR)) END""",
    "trino_scientific": r"""(t) AS CASE
        WHEN contains(t, 'e') THEN
            CASE WHEN contains(t, '.') THEN split_part(t, 'e', 1) ELSE split_part(t, 'e', 1) || '.0' END
            || 'E' || CAST(CAST(split_part(t, 'e', 2) AS INTEGER) AS VARCHAR)
        ELSE regexp_replace(regexp_replace(
            regexp_replace(replace(replace(t, '-', ''), '.', ''), '^0+|0+$', '', 'g'), '^(.)', CASE WHEN t[1] = '-' THEN '-' ELSE '' END || '\1.'), '\.$', '.0')
            || 'E' || CASE WHEN abs(CAST(t AS DOUBLE)) >= 1 THEN length(split_part(replace(t, '-', ''), '.', 1)) - 1
            ELSE -1 - length(regexp_extract(split_part(t, '.', 2), '^0*')) END END""",
}
