"""Reading the view of current orders, as Athena answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.query import athena, reading, records
from salespipe.trust.proof.rows import Rows
from salespipe.trust.proof.spool import Spool

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.query.model import Answer

HOP: Final = "view"
_TELL_EVERY: Final = 5000


def statement(aws: Aws) -> str:
    """The query: every order."""
    return f'SELECT * FROM "{aws.names.orders_view}"'


def ask(aws: Aws, progress: Callable[[str], None] = lambda _: None) -> tuple[Answer, Rows]:
    """Run the query. Raises ``SalespipeError`` where it fails, or there is no such view."""
    ended = athena.finish(aws, athena.start(aws, statement(aws)), progress=progress)
    answer = reading.read(aws, ended)
    rows = Rows(answer.columns, aws.config.table.partition_key)
    if rows.key < 0:
        raise SalespipeError(
            "NoKey",
            f"The view {aws.names.orders_view} has no column {aws.config.table.partition_key}.",
            hint="salespipe crawl",
        )
    return answer, rows


def spool(answer: Answer, rows: Rows, spool: Spool, progress: Callable[[str], None] = lambda _: None) -> int:
    """Put every row into the spool; how many there are.

    Columns: order id, the row's digest; beside these, its cells.
    """
    writer = spool.writer(HOP)
    told = 0
    for block in answer.blocks:
        for row in records.rows(block, len(rows.columns)):
            writer.add(row[rows.key] or "", (rows.of_row(row),), (row,))
        if writer.count - told >= _TELL_EVERY:
            told = writer.count
            progress(f"{told:,} rows")
    writer.close()
    return writer.count
