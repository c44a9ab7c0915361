"""CAST and implicit coercion as Trino does them, in DuckDB SQL."""

from __future__ import annotations

from typing import Final

from salespipe.local.athena.errors import failing
from salespipe.local.athena.functions.registry import local
from salespipe.local.athena.plan import Expr
from salespipe.local.athena.types import Type, quoted

_INTEGER_NAMES: Final = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT"}
_TIMES: Final = frozenset({"date", "timestamp", "timestamp with time zone", "time"})


def castable(source: Type, target: Type) -> bool:  # noqa: PLR0911 - one answer for each pair of kinds
    """Whether Trino has a cast between the two."""
    if source.name in {"unknown", target.name} and not source.of:
        return True
    if "json" in {source.name, target.name}:
        return "varbinary" not in {source.name, target.name}
    if source.of or target.of:
        return (
            source.name == target.name
            and len(source.of) == len(target.of)
            and all(castable(one, other) for one, other in zip(source.of, target.of, strict=True))
        )
    if target.text:
        return source.name != "varbinary"
    if source.text:
        return not target.name.startswith("interval") and target.name != "varbinary"
    plain = source.numeric or source.name == "boolean", target.numeric or target.name == "boolean"
    if any(plain):
        return all(plain)
    return source.name in _TIMES and target.name in _TIMES and {source.name, target.name} != {"date", "time"}


def coerced(value: Expr, target: Type) -> Expr:
    """``value`` as Trino brings it to ``target`` by itself."""
    if value.type.name == target.name == "timestamp with time zone":
        return value  # it keeps the zone in which it is seen
    if value.type == target or value.type.duck == target.duck:
        return Expr(value.sql, target, value.value)
    if value.type.text and target.text:
        return Expr(value.sql, target, value.value)
    return Expr(cast(value, target), target, value.value)


def cast(value: Expr, target: Type) -> str:  # noqa: PLR0911 - one answer for each pair of kinds
    """DuckDB SQL of ``CAST(value AS target)``; the pair must be ``castable``."""
    source, sql = value.type, value.sql
    plain = f"CAST({sql} AS {target.duck})"
    if source.name == "unknown" or source == target:
        return plain
    if target.name == "json":
        return f"to_json({sql})"
    if target.text:
        text = _text(value)
        return f"substr({text}, 1, {target.args[0]})" if target.args else text
    if source.text:
        return _parsed(sql, target)
    if source.of and target.of:
        return _composite(value, target)
    if target.integral and source.name in {"double", "real"}:
        # DuckDB rounds half to even, Trino half away from zero.
        return f"CAST(round({sql}) AS {target.duck})"
    if source.name == "json":
        return _from_json(sql, target)
    if "timestamp with time zone" in {source.name, target.name}:
        return _zoned(value, target)
    return plain


def _composite(value: Expr, target: Type) -> str:
    """Arrays, maps and rows, element by element; a row's fields are matched by place, not by name as in DuckDB."""
    source, sql = value.type, value.sql
    if target.name == "row":
        names = zip(source.field_names, source.of, target.field_names, target.of, strict=True)
        cells = [(new, cast(Expr(f"struct_extract({sql}, '{old}')", of), to)) for old, of, new, to in names]
        fields = [f"{quoted(name)} := {cell}" for name, cell in cells]
        return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END"
    if target.name == "array":
        name = f"item{sql.count('lambda')}"
        inner = cast(Expr(name, source.of[0]), target.of[0])
        return f"list_transform({sql}, lambda {name}: {inner})"
    key, item = (
        cast(Expr(f"entry.{part}", of), to) for part, of, to in zip(("key", "value"), source.of, target.of, strict=True)
    )
    return f"map_from_entries(list_transform(map_entries({sql}), lambda entry: {{'k': {key}, 'v': {item}}}))"


def _text(value: Expr) -> str:  # noqa: PLR0911 - one answer for each type
    source, sql = value.type, value.sql
    match source.name:
        case "varchar" | "char":
            return sql
        case "double":
            return f"trino_double({sql})"
        case "real":
            return f"trino_double(CAST(CAST({sql} AS VARCHAR) AS DOUBLE))"
        case "timestamp":
            return f"strftime({sql}, '%Y-%m-%d %H:%M:%S.%g')"
        case "timestamp with time zone":
            return f"(strftime({local(value)}, '%Y-%m-%d %H:%M:%S.%g') || ' {source.zone}')"
        case "json":
            return f"({sql} ->> '$')"
    return f"CAST({sql} AS VARCHAR)"


def _parsed(sql: str, target: Type) -> str:
    match target.name:
        case "date":
            return f"trino_date({sql})"
        case "timestamp":
            return f"trino_timestamp({sql})"
        case "timestamp with time zone":
            return f"trino_timestamp_tz({sql})"
        case "boolean":
            refused = failing(f"'INVALID_CAST_ARGUMENT: Cannot cast ''' || {sql} || ''' to BOOLEAN'", "BOOLEAN")
            return (
                f"CASE WHEN lower({sql}) IN ('t', 'true', '1') THEN true WHEN lower({sql}) IN ('f', 'false', '0') "
                f"THEN false WHEN {sql} IS NOT NULL THEN {refused} END"
            )
        case "tinyint" | "smallint" | "integer" | "bigint":
            name = _INTEGER_NAMES[target.name]
            refused = failing(f"'INVALID_CAST_ARGUMENT: Cannot cast ''' || {sql} || ''' to {name}'", target.duck)
            return (
                f"CASE WHEN regexp_full_match({sql}, '[+-]?[0-9]+') THEN CAST({sql} AS {target.duck}) "
                f"WHEN {sql} IS NOT NULL THEN {refused} END"
            )
    return f"CAST({sql} AS {target.duck})"


def _from_json(sql: str, target: Type) -> str:
    return (
        f"CASE WHEN json_type({sql}) <> 'NULL' THEN json_transform({sql}, '{_shape(target)}') END"
        if target.of
        else (f"CAST(({sql} ->> '$') AS {target.duck})")
    )


def _shape(target: Type) -> str:
    """The structure that json_transform takes: ``{"a": "BIGINT"}``."""
    if target.name == "array":
        return f"[{_shape(target.of[0])}]"
    if target.name == "row":
        fields = zip(target.field_names, target.of, strict=True)
        return "{" + ", ".join(f'"{name}": {_shape(of)}' for name, of in fields) + "}"
    return f'"{target.duck}"'


def _zoned(value: Expr, target: Type) -> str:
    if target.name == "timestamp with time zone":
        return f"timezone('{target.zone}', CAST({value.sql} AS TIMESTAMP))"
    return f"CAST({local(value)} AS {target.duck})"
