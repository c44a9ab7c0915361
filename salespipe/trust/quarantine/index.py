"""What lies in quarantine, on disk, so that a million records need little memory."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from salespipe.errors import SalespipeError

KEPT: Final = timedelta(hours=24)
"""How long a table's stream keeps a change (DynamoDB developer guide, "Change data capture for DynamoDB Streams")."""
DEAD_LETTER: Final = "dead-letter"
"""The type of what the pipe gave up; all others are names of folders below ``errors/``."""

# A record with several lines failed again and was not tidied up. An attempt may be told by two lines, of which one
# counts those before it, too: attempts that ended at the same moment are one.
_SCHEMA: Final = """
CREATE TABLE object (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, strange INTEGER);
CREATE TABLE line (
  id TEXT NOT NULL, type TEXT NOT NULL, code TEXT NOT NULL, attempts INTEGER, arrived INTEGER NOT NULL,
  ended INTEGER NOT NULL, object INTEGER, repaired INTEGER NOT NULL, events INTEGER NOT NULL
);
CREATE TABLE letter (id TEXT PRIMARY KEY, receipt TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE chosen (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_GATHERED: Final = """
CREATE INDEX line_id ON line (id);
CREATE INDEX line_object ON line (object, id);
CREATE TABLE record AS
WITH attempt AS (
  SELECT id, type, code, max(attempts) AS attempts, ended FROM line GROUP BY id, ended
), first AS (SELECT id, min(arrived) AS arrived, max(events) AS events FROM line GROUP BY id)
SELECT attempt.id, type, code, sum(attempts) AS attempts, max(ended) AS ended, arrived, first.events
FROM attempt JOIN first USING (id) GROUP BY attempt.id;
CREATE UNIQUE INDEX record_id ON record (id);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One failed record, or one message of the pipe's; times are Unix milliseconds.

    ``attempts`` is None where nobody tells. ``events`` is how many a message points to, else 1.
    """

    id: str
    type: str
    code: str
    attempts: int | None
    arrived: int
    ended: int
    events: int

    @property
    def letter(self) -> bool:
        """Whether it is a message of the pipe's."""
        return self.type == DEAD_LETTER

    @property
    def deadline(self) -> datetime | None:
        """When the table's stream has forgotten what a message points to; None for what is kept whole."""
        return _forgotten(self.arrived) if self.letter else None


@dataclass(frozen=True, slots=True)
class Group:
    """The records of one error: ``first`` and ``last`` are when the oldest and the newest arrived, Unix ms."""

    type: str
    code: str
    records: int
    events: int
    attempts: int | None
    first: int
    last: int

    @property
    def deadline(self) -> datetime | None:
        """When the table's stream forgets the oldest of what messages point to; None for what is kept whole."""
        return _forgotten(self.first) if self.type == DEAD_LETTER else None


def _forgotten(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) + KEPT


class Index:
    """Records by ID, error and object, in a temporary folder; to be closed."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="salespipe-quarantine-")
        self._db = sqlite3.connect(Path(self._folder.name) / "index.db", isolation_level=None)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN;" + _SCHEMA)

    def add(self, lines: Iterable[tuple[str, str, str, int | None, int, int, int | None, bool, int]]) -> None:
        """Lines: record, type, code, attempts, arrived, ended, number of the object, repaired, events."""
        with _room():
            self._db.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", lines)

    def add_object(self, number: int, key: str, size: int, strange: int) -> None:
        """An object of Firehose's; ``strange`` is how many of its lines are not."""
        with _room():
            self._db.execute("INSERT INTO object VALUES (?, ?, ?, ?)", (number, key, size, strange))

    def add_letter(self, record: str, receipt: str, body: str) -> bool:
        """A message of the pipe's; whether it was not there. The newest receipt is the one that counts."""
        with _room():
            known = self._db.execute("SELECT 1 FROM letter WHERE id = ?", (record,)).fetchone()
            self._db.execute("INSERT OR REPLACE INTO letter VALUES (?, ?, ?)", (record, receipt, body))
        return known is None

    def gather(self) -> None:
        """Once all is in: make records of lines."""
        with _room():
            self._db.executescript(_GATHERED)

    def groups(self) -> list[Group]:
        """By error, the most frequent first."""
        rows = self._db.execute(
            "SELECT type, code, count(*), sum(events), sum(attempts), min(arrived), max(arrived) FROM record"
            " GROUP BY type, code ORDER BY count(*) DESC, type, code"
        )
        return [Group(*row) for row in rows]

    def records(self) -> Iterator[Record]:
        """Every record, the oldest first."""
        yield from map(_record, self._db.execute(f"{_RECORD} ORDER BY arrived, id"))

    def count(self, *, chosen: bool = False) -> int:
        """How many records there are, or were chosen."""
        return int(self._db.execute(f"SELECT count(*) FROM {'chosen' if chosen else 'record'}").fetchone()[0])

    def starting(self, beginning: str) -> list[Record]:
        """Some records whose IDs begin so, two at most."""
        rows = self._db.execute(f"{_RECORD} WHERE id >= ? AND id < ? LIMIT 2", (beginning, beginning + "\x7f"))
        return [*map(_record, rows)]

    def ids(self, limit: int) -> list[str]:
        """Some IDs."""
        return [row[0] for row in self._db.execute("SELECT id FROM record LIMIT ?", (limit,))]

    def choose(self, ids: Iterable[str]) -> None:
        """Choose records by their whole IDs."""
        self._db.executemany("INSERT OR IGNORE INTO chosen VALUES (?)", ((each,) for each in ids))

    def choose_where(self, error: str | None) -> None:
        """Choose the records of a type or a code of error, in any case of letters; None chooses all."""
        wanted = "" if error is None else " WHERE lower(code) = lower(?) OR lower(type) = lower(?)"
        self._db.execute(
            f"INSERT OR IGNORE INTO chosen SELECT id FROM record{wanted}", () if error is None else (error, error)
        )

    def chosen_objects(self) -> list[str]:
        """The objects in which chosen records lie, in their order."""
        rows = self._db.execute(
            "SELECT DISTINCT key FROM line JOIN chosen USING (id) JOIN object ON object.number = line.object"
            " ORDER BY key"
        )
        return [row[0] for row in rows]

    def chosen_in(self, key: str) -> set[str]:
        """The chosen records in an object."""
        rows = self._db.execute(
            "SELECT DISTINCT line.id FROM object JOIN line ON line.object = object.number JOIN chosen USING (id)"
            " WHERE key = ?",
            (key,),
        )
        return {row[0] for row in rows}

    def objects_of(self, record: str) -> set[str]:
        """The objects that hold a line of a record."""
        rows = self._db.execute(
            "SELECT DISTINCT key FROM line JOIN object ON object.number = line.object WHERE id = ?", (record,)
        )
        return {row[0] for row in rows}

    def place(self, record: str) -> tuple[str, bool]:
        """The object with the oldest line of a record that is as it came; else True, and that of a repaired one."""
        key, repaired = self._db.execute(
            "SELECT key, repaired FROM line JOIN object ON object.number = line.object WHERE id = ?"
            " ORDER BY repaired, arrived, key LIMIT 1",
            (record,),
        ).fetchone()
        return key, bool(repaired)

    def has_object(self, key: str) -> bool:
        """Whether an object was there when all was read."""
        return self._db.execute("SELECT 1 FROM object WHERE key = ?", (key,)).fetchone() is not None

    def record(self, record: str) -> Record:
        """A record by its whole ID."""
        return _record(self._db.execute(f"{_RECORD} WHERE id = ?", (record,)).fetchone())

    def letters(self, *, chosen: bool) -> list[tuple[str, str, str]]:
        """The messages, or those that were chosen, or (not ``chosen``) were not: ID, receipt, body."""
        rows = self._db.execute(
            f"SELECT id, receipt, body FROM letter WHERE id {'' if chosen else 'NOT '}IN (SELECT id FROM chosen)"
        )
        return [tuple(row) for row in rows]

    def close(self) -> None:
        """Delete everything."""
        self._db.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_RECORD: Final = "SELECT id, type, code, attempts, arrived, ended, events FROM record"


def _record(row: Sequence[Any]) -> Record:
    return Record(*row)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise SalespipeError(
            "NoRoom",
            f"What is read cannot be kept in {tempfile.gettempdir()}: {error}.",
            hint="Make room there, or set TMPDIR to a folder that has some.",
        ) from error
