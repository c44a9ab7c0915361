"""JSON documents as rows of a Glue table, as the OpenX JSON SerDe reads them in Firehose's record format conversion.

Source: Firehose developer guide, "Convert input data format" (deserializers, timestamps), and service model,
OpenXJsonSerDe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from salespipe.local.athena.types import Type

_BITS: Final = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
_INTEGER: Final = re.compile(r"[+-]?\d+")
_MILLISECONDS: Final = 10**11  # from here on a number is a time in milliseconds, below in seconds
_decode = msgspec.json.Decoder().decode
_scan = json.JSONDecoder().raw_decode


class RowError(Exception):
    """A record that is no row of the table: ``code`` and message as Firehose has them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"DataFormatConversion.{code}"


@dataclass(frozen=True)
class Column:
    """A column of the table, in Trino's type, and the key of its values in JSON."""

    name: str
    type: Type
    key: str


def documents(data: bytes) -> list[dict[str, Any]]:
    """The JSON objects in a record: one, or several without anything between. Raises ``RowError``."""
    if not data.strip():
        raise RowError("MalformedData", "The record was empty or contained only whitespace.")
    found: list[Any] = []
    try:
        found = [_decode(data)]
    except msgspec.DecodeError:
        try:
            found = _several(data.decode())
        except ValueError as error:
            raise RowError("ParseError", f"Encountered malformed JSON. {error}") from None
    if not all(isinstance(document, dict) for document in found):
        raise RowError("MalformedData", "Data does not match the schema. The top level must be an object.")
    return found


def _several(text: str) -> list[Any]:
    found: list[Any] = []
    text = text.strip()
    while text:
        document, end = _scan(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


@dataclass(frozen=True)
class RowReader:
    """Makes rows of JSON objects. A row has values that JSON has, and that DuckDB takes for the columns' types.

    ``lower`` says that keys are found whatever their case, ``underscores`` that dots in keys stand for underscores.
    """

    columns: Sequence[Column]
    lower: bool = True
    underscores: bool = False

    def row(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The row of one object. Raises ``RowError`` (MalformedData) for a value that its column cannot hold."""
        values = self._members(document)
        try:
            return {column.name: self._value(values.get(column.key), column.type) for column in self.columns}
        except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
            raise RowError("MalformedData", f"Data does not match the schema. {error}") from None

    def _members(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.lower:
            document = {key.lower(): value for key, value in document.items()}
        if self.underscores:
            document = {key.replace(".", "_"): value for key, value in document.items()}
        return document

    def _value(self, value: Any, kind: Type) -> Any:
        if value is None:
            return None
        if kind.name == "row":
            members = self._members(_of(value, dict))
            return {
                name: self._value(members.get(name), of) for name, of in zip(kind.field_names, kind.of, strict=True)
            }
        if kind.name == "array":
            return [self._value(element, kind.of[0]) for element in _of(value, list)]
        if kind.name == "map":
            return {
                str(self._value(key, kind.of[0])): self._value(member, kind.of[1])
                for key, member in _of(value, dict).items()
            }
        if kind.name == "decimal":
            return _decimal(value, *kind.args)
        return READERS[kind.name](value)


def _of(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(_mismatch(value))
    return value


def _mismatch(value: Any) -> str:
    return f"For input string: {json.dumps(value)[:200]}"


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "false"}:
        return str(value).lower() == "true"
    raise ValueError(_mismatch(value))


def _integer(bits: int) -> Callable[[Any], int]:
    limit = 1 << (bits - 1)

    def read(value: Any) -> int:
        if isinstance(value, bool) or not (isinstance(value, int) or _INTEGER.fullmatch(str(value))):
            raise ValueError(_mismatch(value))
        number = int(value)
        if not -limit <= number < limit:
            raise ValueError(_mismatch(value))
        return number

    return read


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(_mismatch(value))
    try:
        return float(value)
    except (ValueError, TypeError):
        raise ValueError(_mismatch(value)) from None


def _decimal(value: Any, precision: int, scale: int) -> str:
    if isinstance(value, bool):
        raise TypeError(_mismatch(value))
    try:
        number = Decimal(str(value)).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError(_mismatch(value)) from None
    if abs(number) >= Decimal(10) ** (precision - scale):
        raise ValueError(_mismatch(value))
    return str(number)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _timestamp(value: Any) -> str:
    """ISO 8601, ``yyyy-MM-dd HH:mm:ss`` with a fraction or without, or the time since 1970 in seconds or ms."""
    if isinstance(value, bool):
        raise TypeError(_mismatch(value))
    try:
        if isinstance(value, str) and "-" in value[1:]:
            moment = datetime.fromisoformat(value)
        else:
            number = float(value)
            moment = datetime.fromtimestamp(number / 1000 if abs(number) >= _MILLISECONDS else number, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise ValueError(_mismatch(value)) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(" ")


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        raise ValueError(_mismatch(value)) from None


READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "boolean": _boolean,
    **{name: _integer(bits) for name, bits in _BITS.items()},
    "real": _number,
    "double": _number,
    "varchar": _text,
    "char": _text,
    "timestamp": _timestamp,
    "date": _date,
}
"""How values of scalar types are read, by Trino's name of the type."""
