"""What a statement may scan at worst, before it runs: the bytes in the partitions that its WHERE clause leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.aws import error_message
from salespipe.query.model import billed_bytes, usd

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.query.catalogue import Catalogue
    from salespipe.query.scans import Scan

_MB: Final = 1_000_000
# Some seconds of listing on AWS, and a tenth of a cent.
_PAGES: Final = 200
# Statements that hold a query and run it. EXPLAIN does not, EXPLAIN ANALYZE does; a view only keeps it.
_SCANNING: Final = re.compile(
    r"(?:SELECT|WITH|VALUES|TABLE|\(|INSERT|UNLOAD|EXECUTE|MERGE|UPDATE|DELETE|EXPLAIN\s+ANALYZE(?:\s+VERBOSE)?"
    r"|CREATE\s+(?:EXTERNAL\s+)?TABLE\b.*?\bAS\b)",
    re.IGNORECASE | re.DOTALL,
)
_COMMENTS: Final = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The worst case of one statement.

    ``bytes`` is never less than what Athena scans, unless ``complete`` is False: then it is as far as was counted, and
    ``why`` says why no further. ``limit_bytes`` is where the workgroup stops a query. ``usd`` is the list price of
    ``bytes`` as they are billed; None where the region's price is not known.
    """

    bytes: int
    complete: bool
    limit_bytes: int
    tables: tuple[str, ...] = ()
    why: str = ""
    usd: Decimal | None = None

    def asks(self, above_mb: int) -> bool:
        """Whether a person should agree first: above so many MB, or where nobody can tell."""
        return not self.complete or self.bytes > above_mb * _MB


def scans(sql: str) -> bool:
    """Whether a statement reads objects at all: DDL, SHOW, DESCRIBE and EXPLAIN are free."""
    return _SCANNING.match(_bare(sql)) is not None


def estimate(
    aws: Aws,
    sql: str,
    *,
    parameters: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    enough_bytes: int | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Estimate | None:
    """The worst case of bytes that one statement scans; None where it scans nothing, as DDL does.

    ``parameters`` are what is bound to its question marks, as SQL literals. Listing stops once it is above
    ``enough_bytes``, by default the configured ``ask_above_mb``. Never raises for what AWS refuses: the estimate then
    says that it is not complete.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from salespipe.query.catalogue import Catalogue
    from salespipe.query.lake_sizes import EnoughError, Sizes

    if not scans(sql):
        return None
    enough = aws.config.query.ask_above_mb * _MB if enough_bytes is None else enough_bytes
    sizes = Sizes(aws, now(), limit=enough, pages=_PAGES)
    names: tuple[str, ...] = ()
    why = ""
    try:
        found = _found(catalogue or Catalogue(aws), sql, parameters)
        names = tuple(dict.fromkeys(scan.table.name for scan in found))
        for scan in found:
            sizes.add(scan)
    except EnoughError:
        why = f"more was not counted than {_megabytes(sizes.total)}"
    except (ClientError, BotoCoreError) as error:
        why = f"sizes could not be read: {error_message(error)}"
    return Estimate(
        bytes=sizes.total,
        complete=not why,
        limit_bytes=aws.config.query.scan_limit_mb * _MB,
        tables=names,
        why=why,
        usd=usd(billed_bytes(sizes.total, "DML", "SUCCEEDED"), aws.region),
    )


def estimate_all(aws: Aws, statements: Sequence[str]) -> Estimate | None:
    """The worst case of statements that are asked about together: the sums; None where none of them scans anything.

    Once they are above the configured ``ask_above_mb`` together, the others are not weighed: it is not complete then.
    """
    from salespipe.query.catalogue import Catalogue

    catalogue, enough = Catalogue(aws), aws.config.query.ask_above_mb * _MB
    total: Estimate | None = None
    for sql in statements:
        more = estimate(aws, sql, catalogue=catalogue, enough_bytes=max(0, enough - (total.bytes if total else 0)))
        if more is None:
            continue
        total = _sum(total, more) if total else more
        if not total.complete:
            break
    return total


def _sum(one: Estimate, other: Estimate) -> Estimate:
    return Estimate(
        bytes=one.bytes + other.bytes,
        complete=one.complete and other.complete,
        limit_bytes=one.limit_bytes,
        tables=tuple(dict.fromkeys((*one.tables, *other.tables))),
        why=one.why or other.why,
        usd=None if one.usd is None or other.usd is None else one.usd + other.usd,
    )


def question(worst: Estimate, queries: int = 1) -> str:
    """What to ask before the statement runs, or several, with the size, the price and what would stop it."""
    size = _megabytes(worst.bytes)
    told = f"up to {size}" if worst.complete else f"more than {size}" if worst.bytes else "nobody knows how much"
    charged = "" if worst.usd is None else f", {worst.usd.normalize():f} USD{'' if worst.complete else ' or more'}"
    reason = f" ({worst.why})" if worst.why.startswith("sizes") else ""
    each = "it" if queries == 1 else "each of them"
    limit = f"; the workgroup stops {each} at {_megabytes(worst.limit_bytes)}"
    of = f" of {', '.join(worst.tables)}" if worst.tables else ""
    these, them = ("This query", "it") if queries == 1 else (f"These {queries} queries", "them")
    return f"{these} may scan {told}{of}{charged}{reason}{limit}. Run {them}?"


def _found(catalogue: Catalogue, sql: str, parameters: Sequence[str]) -> list[Scan]:
    """The scans of a statement. Where it is not understood, every table of the pipeline's database counts whole."""
    from salespipe.query.scans import NotUnderstoodError, Scan, scans

    try:
        return scans(catalogue, _query(sql), parameters)
    except (NotUnderstoodError, RecursionError):
        return [Scan(table) for table in catalogue.tables().values() if not table.is_view]


def _query(sql: str) -> str:
    """The query in a statement that sqlglot does not take: EXPLAIN ANALYZE and UNLOAD."""
    bare = _bare(sql)
    if explained := re.match(r"EXPLAIN\s+ANALYZE(?:\s+VERBOSE)?\s", bare, re.IGNORECASE):
        return bare[explained.end() :]
    if unloaded := re.match(r"UNLOAD\s*(\(.*\))\s*TO\s*'", bare, re.IGNORECASE | re.DOTALL):
        return unloaded[1]
    return bare


def _bare(sql: str) -> str:
    """The statement without the comments that stand before it."""
    before = _COMMENTS.match(sql)
    return sql[before.end() if before else 0 :].rstrip().rstrip(";")


def _megabytes(count: int) -> str:
    return f"{count / _MB:,.1f} MB" if count < 1000 * _MB else f"{count / 1000 / _MB:,.1f} GB"
