"""What Athena has of one order: rows of the table, and what the view makes of them.

Both are asked of the objects alone in which the order's lines are ("$path"), which Athena then reads and no others: on
AWS the least that a query costs, 10 MB, however large the lake is. The view's own text, as Glue keeps it, is run over
these rows: an order's row depends on its own events and on no other's. ``everywhere`` searches the whole lake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from salespipe.errors import SalespipeError
from salespipe.query import athena, guard, reading, records
from salespipe.query.catalogue import Catalogue
from salespipe.trust.proof.rows import Rows

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.query.catalogue import Table
    from salespipe.query.model import Answer

MOST_OBJECTS: Final = 1000
"""So many objects of one order, the newest ones, are told of."""
_DAY: Final = re.compile(r"/dt=(\d{4}-\d\d-\d\d)/")


@dataclass(frozen=True, slots=True)
class ViewRow:
    """What the view has: ``found`` rows of the order (0 or 1), and how they differ from a lake record."""

    found: int
    cells: tuple[str | None, ...] = ()
    rows: Rows | None = None

    def differing(self, record: Mapping[str, Any]) -> list[str]:
        """The columns in which the row is not what the record must be."""
        return self.rows.differing(record, self.cells) if self.rows else []


class Asking:
    """Asks about one order. Every method raises ``SalespipeError`` with what mends it."""

    def __init__(self, aws: Aws, order: str) -> None:
        self._aws = aws
        names = aws.names
        self._order = literal(order)
        self._key = quoted(aws.config.table.partition_key.lower())
        self._table = f"{quoted(names.database)}.{quoted(names.events_table)}"

    def rows(self, keys: Iterable[str]) -> Counter[str]:
        """How many rows of each event, by its id, are in the objects with these names."""
        return Counter({event: int(count) for event, count in self._cells(self._rows_of(list(keys)))})

    def view(self, keys: Iterable[str]) -> ViewRow:
        """What the view has of the order, whose lines are in the objects with these names."""
        view = self._view()
        name = self._aws.names.events_table
        answer = self._ask(
            f"WITH {quoted(name)} AS (SELECT * FROM {self._table} WHERE {self._within(list(keys))})\n"
            f"SELECT * FROM (\n{view.sql}\n) WHERE {self._key} = {self._order}"
            if view.sql is not None and _unqualified(view.sql, name)
            else f"SELECT * FROM {quoted(view.name)} WHERE {self._key} = {self._order}"
        )
        found = [tuple(row) for block in answer.blocks for row in records.rows(block, len(answer.columns))]
        columns = Rows(answer.columns, self._aws.config.table.partition_key)
        return ViewRow(len(found), found[0] if found else (), columns)

    def cost(self) -> guard.Estimate | None:
        """What ``everywhere`` may scan."""
        return guard.estimate(self._aws, self._everywhere())

    def everywhere(self) -> list[str]:
        """The names of the objects that have the order, as far as Athena knows: the newest first, 1,000 at most."""
        bucket = f"s3://{self._aws.names.bucket}/"
        found = self._cells(self._everywhere())
        return list(dict.fromkeys(str(path).removeprefix(bucket) for (path,) in found))

    def _everywhere(self) -> str:
        return (
            f'SELECT "$path" FROM {self._table} WHERE {self._key} = {self._order}\n'
            f'GROUP BY "$path" ORDER BY max(sequence_number) DESC LIMIT {MOST_OBJECTS}'
        )

    def _rows_of(self, keys: list[str]) -> str:
        return (
            f"SELECT event_id, count(*) FROM {self._table}\n"
            f"WHERE {self._key} = {self._order} AND {self._within(keys)}\nGROUP BY event_id"
        )

    def _within(self, keys: list[str]) -> str:
        """The condition that leaves these objects."""
        paths = ", ".join(literal(f"s3://{self._aws.names.bucket}/{key}") for key in keys)
        days = sorted({day[1] for key in keys if (day := _DAY.search(f"/{key}"))})
        dated = f" AND dt IN ({', '.join(map(literal, days))})" if days and self._dated() else ""
        return f'"$path" IN ({paths}){dated}'

    def _dated(self) -> bool:
        """Whether the table's days are texts, by which partitions can be left out."""
        table = Catalogue(self._aws).table(self._aws.names.events_table)
        return bool(table and any(key.name == "dt" and key.type == "string" for key in table.keys))

    def _view(self) -> Table:
        name = self._aws.names.orders_view
        view = Catalogue(self._aws).table(name)
        if view is None:
            raise SalespipeError("NoView", f"There is no view {name}.", hint="salespipe crawl")
        return view

    def _cells(self, sql: str) -> list[Sequence[Any]]:
        answer = self._ask(sql)
        return [row for block in answer.blocks for row in records.rows(block, len(answer.columns))]

    def _ask(self, sql: str) -> Answer:
        return reading.read(self._aws, athena.finish(self._aws, athena.start(self._aws, sql)))


def literal(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def _unqualified(sql: str, table: str) -> bool:
    """Whether a view's text names the table only without its database, so that a WITH query can stand for it."""
    name = re.escape(table)
    return re.search(rf"\b{name}\b", sql) is not None and re.search(rf'\.\s*"?{name}\b', sql) is None
