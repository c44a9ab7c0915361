"""Results as Athena leaves them in S3 (``<id>.csv`` or ``.txt``, and ``.metadata``), and their pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from salespipe.local.api import AwsError
from salespipe.local.athena.formats import printer
from salespipe.local.athena.types import UNBOUNDED, Type

MAX_ROWS: Final = 1000
_CHUNK: Final = 2**20

# Precision of ColumnInfo by type, as PyAthena's tests record it from Athena; scale is 0 but for decimals.
_PRECISION: Final = {
    "tinyint": 3,
    "smallint": 5,
    "integer": 10,
    "bigint": 19,
    "real": 17,
    "double": 17,
    "timestamp": 3,
    "timestamp with time zone": 3,
    "time": 3,
    "varchar": UNBOUNDED,
    "json": UNBOUNDED,
    "varbinary": 1_073_741_824,
}


class ColumnInfo(msgspec.Struct, frozen=True):
    """A column of a result; ``type`` is Athena's name of it."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0
    case_sensitive: bool = False

    @classmethod
    def of(cls, name: str, kind: Type) -> ColumnInfo:
        """A column of a SELECT."""
        shown = {"real": "float", "unknown": "unknown"}.get(kind.name, kind.name)
        if kind.name == "decimal":
            return cls(name, shown, kind.args[0], kind.args[1])
        if kind.text and kind.args:
            return cls(name, shown, kind.args[0], 0, True)
        return cls(name, shown, _PRECISION.get(kind.name, 0), 0, kind.text)

    def described(self) -> dict[str, Any]:
        """As GetQueryResults tells it (service model: ColumnInfo)."""
        return {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": self.name,
            "Label": self.name,
            "Type": self.type,
            "Precision": self.precision,
            "Scale": self.scale,
            "Nullable": "UNKNOWN",
            "CaseSensitive": self.case_sensitive,
        }


def write_csv(path: Path, names: Sequence[str], types: Sequence[Type], rows: Iterator[Sequence[Any]]) -> int:
    """Write a SELECT's result: every value in quotes, NULL empty and bare. Returns the number of rows."""
    printers = [printer(kind) for kind in types]
    count = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(_line(names))
        for row in rows:
            pairs = zip(printers, row, strict=True)
            out.write(_line([None if value is None else show(value) for show, value in pairs]))
            count += 1
    return count


def _line(cells: Sequence[str | None]) -> str:
    return ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def metadata(columns: Sequence[ColumnInfo]) -> bytes:
    """The ``.metadata`` object: protocol buffers, one message for each column (fields as other clients read them)."""
    out = b""
    for column in columns:
        inside = b"".join(
            (
                _text(1, "hive"),
                _text(4, column.name),
                _text(5, column.name),
                _text(6, column.type),
                _number(7, column.precision),
                _number(8, column.scale),
                _number(9, 3),
                _number(10, int(column.case_sensitive)),
            )
        )
        out += bytes([4 << 3 | 2]) + _varint(len(inside)) + inside
    return out


def _text(field: int, value: str) -> bytes:
    raw = value.encode()
    return bytes([field << 3 | 2]) + _varint(len(raw)) + raw


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


class Pages:
    """A result in S3, a page at a time; the token names the byte at which the next page begins."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._key = key

    def page(self, token: str, limit: int, *, text: bool) -> tuple[list[list[str | None]], str]:
        """At most ``limit`` rows and the token of what follows, empty at the end.

        ``text`` results (DDL) have one value a line. Raises ``AwsError`` for a token that is none of ours.
        """
        offset = _decoded(token)
        rows: list[list[str | None]] = []
        for line, end in self._lines(offset, text=text):
            if len(rows) == limit:
                return rows, _encoded(offset)
            rows.append([line] if text else _cells(line))
            offset = end
        return rows, ""

    def _lines(self, offset: int, *, text: bool) -> Iterator[tuple[str, int]]:
        """Records from a byte on, each with the byte after it; a record may hold line ends inside quotes."""
        pending, done = b"", False
        while not done:
            chunk, done = self._read(offset + len(pending))
            pending += chunk
            start = 0
            while (end := _end(pending, start, text=text)) >= 0:
                offset += end + 1 - start
                yield pending[start:end].decode(), offset
                start = end + 1
            pending = pending[start:]
        if pending:
            yield pending.decode(), offset + len(pending)

    def _read(self, offset: int) -> tuple[bytes, bool]:
        from botocore.exceptions import ClientError

        try:
            answer = self._s3.get_object(
                Bucket=self._bucket, Key=self._key, Range=f"bytes={offset}-{offset + _CHUNK - 1}"
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in {"InvalidRange", "416"}:
                return b"", True
            raise AwsError("InvalidRequestException", "Could not find results") from error
        body: bytes = answer["Body"].read()
        return body, len(body) < _CHUNK


def _end(data: bytes, start: int, *, text: bool) -> int:
    """The line end that ends the record, -1 when it is not there yet."""
    at = data.find(b"\n", start)
    while at >= 0 and not text and data.count(b'"', start, at) % 2:
        at = data.find(b"\n", at + 1)
    return at


def _cells(line: str) -> list[str | None]:
    """The cells of a CSV record; unlike ``csv``, a bare empty cell is NULL and a quoted one the empty text."""
    if '""' not in line:
        bare = line.split(",") if '"' not in line else None
        if bare is not None:
            return [cell or None for cell in bare]
    cells: list[str | None] = []
    at = 0
    while at <= len(line):
        if line[at : at + 1] != '"':
            cells.append(None)
            at += 1
            continue
        end = at + 1
        while line[end] != '"' or line[end + 1 : end + 2] == '"':
            end += 2 if line[end] == '"' else 1
        cells.append(line[at + 1 : end].replace('""', '"'))
        at = end + 2
    return cells


def _encoded(offset: int) -> str:
    return base64.urlsafe_b64encode(f"byte:{offset}".encode()).decode()


def _decoded(token: str) -> int:
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "byte":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise AwsError("InvalidRequestException", "Invalid NextToken")
