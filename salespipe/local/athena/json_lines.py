"""JSON lines as the OpenX SerDe reads them, where DuckDB's reader is stricter or sees keys differently.

DuckDB reads newline-delimited JSON natively when keys are spelt like the columns and every line is one object. An
object for which that is not so is rewritten once, with the keys as the table names them.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from salespipe.local.athena.catalog import Column, Table
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.types import Type

_SAMPLE: Final = 64 * 2**10
_DECODE: Final = msgspec.json.Decoder()
_FIRST: Final = json.JSONDecoder()


@dataclass(frozen=True)
class JsonSchema:
    """How a table's SerDe reads JSON: the keys of its columns and what it does with a line that is no object."""

    columns: tuple[Column, ...]
    keys: tuple[str, ...]
    ignore_malformed: bool
    dots: bool

    @classmethod
    def of(cls, table: Table) -> JsonSchema:
        """From the SerDe's parameters (athena/latest/ug/openx-json-serde.html)."""
        told = table.serde_parameters
        keys = tuple(told.get(f"mapping.{column.name}", column.name) for column in table.columns)
        ignore = told.get("ignore.malformed.json", "").lower() == "true"
        return cls(table.columns, keys, ignore, told.get("dots.in.keys", "").lower() == "true")

    @property
    def key(self) -> str:
        """Names this schema among the rewritten copies of one object."""
        text = "\n".join(f"{key} {column.hive}" for key, column in zip(self.keys, self.columns, strict=True))
        return f"{zlib.crc32(f'{text}{self.ignore_malformed}{self.dots}'.encode()):08x}"


def opened(path: Path) -> Any:
    """A copy's bytes, unpacked."""
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def plain(path: Path, schema: JsonSchema) -> bool:
    """Whether a sample of the object has only keys that DuckDB finds by itself."""
    if schema.dots:
        return False
    try:
        with opened(path) as file:
            lines = file.read(_SAMPLE).split(b"\n")
    except (OSError, EOFError, zlib.error):
        return True  # DuckDB meets the same bytes and fails in the query
    for line in lines[: max(1, len(lines) - 1)]:
        try:
            found = _DECODE.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(found, dict) and not _spelt(found, schema.keys, [column.type for column in schema.columns]):
            return False
    return True


def _spelt(found: dict[str, Any], keys: Sequence[str], types: Sequence[Type]) -> bool:
    known = dict(zip(keys, types, strict=True))
    for key, value in found.items():
        if key not in known:
            if key.lower() in known:
                return False
            continue
        kind = known[key]
        inside = value if kind.name == "array" and isinstance(value, list) else [value]
        inner = kind.of[0] if kind.name == "array" else kind
        if inner.name == "row" and not all(
            _spelt(one, inner.fields, inner.of) for one in inside if isinstance(one, dict)
        ):
            return False
    return True


def rewrite(path: Path, target: Path, schema: JsonSchema) -> None:
    """Write the object with one JSON object a line, its keys as the table's columns name them."""
    partial = target.with_suffix(".part")
    with opened(path) as source, partial.open("wb") as out:
        for line in source:
            if line.strip():
                out.write(msgspec.json.encode(_row(line, schema)) + b"\n")
    partial.replace(target)


def _row(line: bytes, schema: JsonSchema) -> dict[str, Any]:
    try:
        found = _DECODE.decode(line)
    except msgspec.DecodeError:
        found = _first(line, schema)
    if not isinstance(found, dict):
        if schema.ignore_malformed:
            return {}
        raise QueryError("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object")
    types = [column.type for column in schema.columns]
    return dict(_named(found, schema.keys, types, dots=schema.dots))


def _first(line: bytes, schema: JsonSchema) -> Any:
    """The first object of a line that holds more than one, which is all that Athena reads of it."""
    try:
        return _FIRST.raw_decode(line.decode().strip())[0]
    except ValueError as error:
        if schema.ignore_malformed:
            return {}
        told = f"Row is not a valid JSON Object - JSONException: {error}"
        raise QueryError("HIVE_CURSOR_ERROR", told) from error


def _named(
    found: dict[str, Any], keys: Sequence[str], types: Sequence[Type], *, dots: bool = False
) -> Iterator[tuple[str, Any]]:
    known = dict(zip(keys, types, strict=True))
    lower = {key.lower(): key for key in keys}
    for given, value in found.items():
        word = given.replace(".", "_") if dots else given
        key = word if word in known else lower.get(word.lower())
        if key is not None:
            yield key, _value(value, known[key])


def _value(value: Any, kind: Type) -> Any:
    if kind.name == "row" and isinstance(value, dict):
        return dict(_named(value, kind.field_names, kind.of))
    if kind.name == "array" and isinstance(value, list):
        return [_value(one, kind.of[0]) for one in value]
    return value


def bad_field(path: Path, line: int, shown: str, columns: Sequence[Column]) -> tuple[int, str]:
    """Which column (from 0) holds the value that DuckDB could not read in a line (from 1), and the value as text."""
    try:
        with opened(path) as file:
            text = next(text for place, text in enumerate(file, 1) if place == line)
        found = _DECODE.decode(text)
        for place, column in enumerate(columns):
            if json.dumps(found.get(column.name)) == shown:
                return place, str(found[column.name])
    except (StopIteration, msgspec.DecodeError, AttributeError, OSError):
        pass
    return 0, shown.strip('"')
