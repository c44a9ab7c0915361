"""What was read of every hop, on disk, so that any number of orders can be compared in little memory.

Records go to a bucket by their order id, and one bucket after the other is compared: each holds all that any hop has of
its orders. Within a bucket records lie by column, in the order in which they came, those columns apart that are only
looked at where something differs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from salespipe.errors import SalespipeError

# So many records of one hop and bucket are gathered before they are written.
_GATHERED: Final = 128
_FRAME: Final = 4
# About so many orders are compared at once.
_ORDERS_A_BUCKET: Final = 8000
_MOST_BUCKETS: Final = 1024
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[int, list[msgspec.Raw], msgspec.Raw]).decode
_decode_column: Final = msgspec.msgpack.Decoder(list[Any]).decode
_decode_rest: Final = msgspec.msgpack.Decoder(list[list[Any]]).decode


class Spool:
    """A temporary folder of buckets, gone when it is closed; ``orders`` is about how many there will be."""

    def __init__(self, orders: int) -> None:
        self.buckets = max(1, min(_MOST_BUCKETS, orders // _ORDERS_A_BUCKET))
        self._folder = tempfile.TemporaryDirectory(prefix="salespipe-verify-")
        self._path = Path(self._folder.name)

    def writer(self, hop: str) -> Writer:
        """Where the records of a hop go to."""
        return Writer(self._path, hop, self.buckets)

    def read(self, hop: str, bucket: int) -> Records:
        """All records of a hop in a bucket."""
        return Records(self._path / f"{hop}-{bucket}")

    def close(self) -> None:
        """Delete everything."""
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Writer:
    """Takes the records of one hop; to be closed once all have come."""

    def __init__(self, folder: Path, hop: str, buckets: int) -> None:
        self._folder = folder
        self._hop = hop
        self._buckets = buckets
        self._rows: list[list[Any]] = [[] for _ in range(buckets)]
        self._rests: list[list[Any]] = [[] for _ in range(buckets)]
        self.count = 0

    def add(self, key: str, row: Sequence[Any], rest: Sequence[Any] = ()) -> None:
        """Take a record: ``row`` is always looked at, ``rest`` only where something differs.

        Both hold what msgpack can: None, whole numbers of 64 bits, texts, bytes and lists of these. Raises
        ``SalespipeError`` (NoRoom) when the disk is full.
        """
        bucket = hash(key) % self._buckets
        rows = self._rows[bucket]
        rows.append((key, *row))
        self._rests[bucket].append(rest)
        self.count += 1
        if len(rows) >= _GATHERED:
            self._write(bucket)

    def close(self) -> None:
        """Write what is left."""
        for bucket in range(self._buckets):
            if self._rows[bucket]:
                self._write(bucket)

    def _write(self, bucket: int) -> None:
        rows, rests = self._rows[bucket], self._rests[bucket]
        rest = msgspec.Raw(_encode([list(column) for column in zip(*rests, strict=True)]))
        chunk = _encode((len(rows), [list(column) for column in zip(*rows, strict=True)], rest))
        self._rows[bucket], self._rests[bucket] = [], []
        path = self._folder / f"{self._hop}-{bucket}"
        try:
            with path.open("ab") as file:
                file.write(len(chunk).to_bytes(_FRAME, "little") + chunk)
        except OSError as error:
            raise SalespipeError(
                "NoRoom",
                f"What is read cannot be kept in {self._folder}: {error.strerror or error}.",
                hint="Make room there, or set TMPDIR to a folder that has some.",
            ) from error


class Records:
    """The records of a hop in a bucket, by column; a column is read when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._chunks: list[list[msgspec.Raw]] = []
        self._columns: dict[int, list[Any]] = {}
        self._rests: list[msgspec.Raw] = []
        self._rest: list[list[Any]] | None = None
        self.count = 0
        try:
            data = memoryview(path.read_bytes())
        except FileNotFoundError:
            return
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at : at + _FRAME], "little")
            count, columns, rest = _decode(data[at + _FRAME : at + _FRAME + length])
            self.count += count
            self._chunks.append(columns)
            self._rests.append(rest)
            at += _FRAME + length

    def column(self, place: int) -> list[Any]:
        """A column of what is always looked at; 0 has the order ids. Empty where there is no record."""
        found = self._columns.get(place)
        if found is None:
            found = self._columns[place] = []
            for chunk in self._chunks:
                found += _decode_column(chunk[place])
        return found

    def rest(self, index: int) -> list[Any]:
        """What else is known of one record."""
        if self._rest is None:
            self._rest = []
            for raw in self._rests:
                columns = _decode_rest(raw)
                if self._rest:
                    for known, more in zip(self._rest, columns, strict=True):
                        known.extend(more)
                else:
                    self._rest = columns
        return [column[index] for column in self._rest]
