"""What verifying will read, and what that costs, before it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.answers import is_not_found
from salespipe.query import guard
from salespipe.query.failures import not_deployed
from salespipe.trust.proof import lake, view

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Reading

_MB: Final = 1_000_000
# An eventually consistent read of 8 KB is one unit (DynamoDB developer guide, "Read capacity mode").
_READ_UNIT: Final = 8192
# What an entry takes in a ledger, and an order in the lake, about.
_ENTRY: Final = 36
_LINE: Final = 60


@dataclass(frozen=True, slots=True)
class Weight:
    """About how much there is. DynamoDB counts items and their bytes every six hours only.

    ``usd`` is Athena's list price of the scan; None where it is not known. What the streams hold costs nothing but
    Kinesis's price for reading, and is not told beforehand.
    """

    orders: int
    table_bytes: int
    writes: int
    objects: int
    lake_bytes: int
    scan: guard.Estimate | None

    @property
    def read_units(self) -> int:
        """Read units of scanning the table."""
        return -(-self.table_bytes // _READ_UNIT)

    def asks(self, above_mb: int) -> bool:
        """Whether a person should agree first: more than so many MB of anything, or where nobody can tell."""
        largest = max(self.table_bytes, self.lake_bytes)
        return largest > above_mb * _MB or (self.scan is not None and self.scan.asks(above_mb))

    def told(self) -> str:
        """What will be read, in one sentence."""
        usd: Decimal | None = self.scan.usd if self.scan else None
        price = "" if usd is None else f", {usd.normalize():f} USD"
        return (
            f"Reads the table (about {self.orders:,} items, {self.read_units:,} read units), all that its stream and"
            f" Kinesis hold, {self.objects:,} objects of {self.lake_bytes / _MB:,.1f} MB (as many GET requests), and"
            f" the view through Athena (up to {self.lake_bytes / _MB:,.1f} MB scanned{price})."
        )


def weigh(aws: Aws, readings: Iterable[Reading], progress: Callable[[str], None] = lambda _: None) -> Weight:
    """Describe the table, list the lake. Raises ``SalespipeError`` (NotDeployed) where there is no table or bucket."""
    from botocore.exceptions import ClientError

    names = aws.names
    try:
        described = aws.client("dynamodb").describe_table(TableName=names.table)["Table"]
        objects = lake.listing(aws, names.events_prefix, progress)
    except ClientError as error:
        if is_not_found(error):
            raise not_deployed(names) from error
        raise
    size = sum(each.size for each in objects)
    return Weight(
        orders=max(described.get("ItemCount", 0), size // _LINE // 2),
        table_bytes=described.get("TableSizeBytes", 0),
        writes=sum(reading.path.stat().st_size for reading in readings) // _ENTRY,
        objects=len(objects),
        lake_bytes=size,
        scan=None if aws.config.target == "local" else guard.estimate(aws, view.statement(aws)),
    )
