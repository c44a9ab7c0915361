"""What each hop of the pipeline charges for a given amount: the services' own rounding rules.

An amount that is None is not known, and its line stays unknown.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.cost import sizes
from salespipe.cost.prices import price
from salespipe.cost.sizes import GB, KB, MB, MILLION, units
from salespipe.names import Names

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.cost.bill import Sheet

KINESIS: Final = "Kinesis"
DYNAMODB: Final = "DynamoDB"
PIPES: Final = "EventBridge Pipes"
FIREHOSE: Final = "Firehose"
LAMBDA: Final = "Lambda"
S3: Final = "S3"
LOGS: Final = "CloudWatch Logs"
GLUE: Final = "Glue"
ATHENA: Final = "Athena"
ALARMS: Final = "CloudWatch alarms"
DASHBOARD: Final = "CloudWatch dashboard"

FREE_RETENTION_HOURS: Final = 24
PUT_UNIT: Final = 25 * KB
FIREHOSE_UNIT: Final = 5 * KB


def stream(sheet: Sheet, config: Config, hours: Decimal | None) -> None:
    """Charge for the Kinesis stream's being there for ``hours``, whether or not anything is written."""
    if config.stream.mode == "ON_DEMAND":
        sheet.charge(KINESIS, "on-demand stream", "kinesis_stream_hour", hours)
        return
    shards = config.stream.shards
    shard_hours = None if hours is None else hours * shards
    sheet.charge(KINESIS, f"{shards} shard{'s' if shards > 1 else ''}", "kinesis_shard_hour", shard_hours)
    if config.stream.retention_hours > FREE_RETENTION_HOURS:
        sheet.charge(KINESIS, "retention beyond 24 hours", "kinesis_extended_shard_hour", shard_hours)


def records_in(sheet: Sheet, config: Config, records: Decimal | None, size: Decimal | None, *, note: str = "") -> None:
    """Charge for writing ``records`` of ``size`` bytes together to Kinesis: by KB, or by units of 25 KB, of each."""
    if config.stream.mode == "ON_DEMAND":
        sheet.charge(KINESIS, "data in", "kinesis_gb_in", parts(rounded(records, size, KB), GB), note=note)
    else:
        put_units = parts(rounded(records, size, PUT_UNIT), PUT_UNIT * MILLION)
        sheet.charge(KINESIS, "PUT payload units", "kinesis_put_unit_million", put_units, note=note)


def bytes_out(sheet: Sheet, config: Config, size: Decimal | None) -> None:
    """Charge for Firehose's reading; of a provisioned stream that is part of the shard's price."""
    if config.stream.mode == "ON_DEMAND":
        sheet.charge(KINESIS, "data out", "kinesis_gb_out", parts(size, GB))


def retained(sheet: Sheet, config: Config, size: Decimal) -> None:
    """Charge for keeping ``size`` bytes in the stream until they are forgotten, where that is after 24 hours."""
    kept = config.stream.retention_hours
    extended = min(kept, sizes.HOURS_A_WEEK) - FREE_RETENTION_HOURS
    if extended > 0 and config.stream.mode == "ON_DEMAND":
        gb_months = size * extended / GB / sizes.HOURS_A_MONTH
        sheet.charge(KINESIS, "retention beyond 24 hours", "kinesis_extended_gb_month", gb_months)
    if kept > sizes.HOURS_A_WEEK:
        gb_months = size * (kept - sizes.HOURS_A_WEEK) / GB / sizes.HOURS_A_MONTH
        sheet.charge(KINESIS, "retention beyond 7 days", "kinesis_long_term_gb_month", gb_months)


def stream_reads(sheet: Sheet) -> None:
    """Say what nobody knows: whether the pipe's reads of the table's stream are charged.

    The developer guide ("Evaluate your Streams usage") says that reads by Lambda are free and all others are charged
    (0.02 USD for 100,000); it does not say which of the two a pipe is.
    """
    note = "AWS does not say whether a pipe's reads are charged; if they are, 0.003 an hour for each shard"
    sheet.unknown(DYNAMODB, "reads of the table's stream by the pipe", note)


def delivered(sheet: Sheet, records: Decimal | None, size: Decimal | None) -> None:
    """Charge for what Firehose takes in: each record in steps of 5 KB."""
    sheet.charge(FIREHOSE, "data", "firehose_gb", parts(rounded(records, size, FIREHOSE_UNIT), GB))


def crawls(sheet: Sheet, config: Config) -> None:
    """Say what a crawl costs; the crawler runs when asked to."""
    known = price("glue_dpu_hour", config.region)
    each = f"{known.usd * sizes.CRAWL_DPU_HOURS:.2f}" if known else "an unknown amount"
    sheet.free(GLUE, "catalog and crawler", f"each crawl costs {each}")


def watched(sheet: Sheet, config: Config, hours: Decimal | None) -> None:
    """Charge for alarms and the dashboard's being there for ``hours``; a part of a month is charged as a part."""
    if not config.monitoring.enabled:
        return
    count, months = len(Names.alarm_purposes), parts(hours, sizes.HOURS_A_MONTH)
    free = "the first ten in an account are free"
    sheet.charge(
        ALARMS, f"{count} alarms", "cloudwatch_alarm_month", None if months is None else months * count, note=free
    )
    free = "the first three in an account are free"
    sheet.charge(DASHBOARD, "one dashboard", "cloudwatch_dashboard_month", months, note=free)


def rounded(records: Decimal | None, size: Decimal | None, unit: int) -> Decimal | None:
    """Bytes that are charged for, when each of ``records`` has the average size and counts as whole units."""
    if records is None or size is None:
        return None
    return records * units(size / records, unit) * unit if records else records


def parts(amount: Decimal | None, unit: int) -> Decimal | None:
    """An amount in a larger unit."""
    return None if amount is None else amount / unit


def shards_needed(records_a_second: Decimal, bytes_a_record: int) -> int:
    """How many shards take a rate: 1,000 records and 1 MB a second each."""
    by_size = units(records_a_second * bytes_a_record, MB)
    return max(units(records_a_second, sizes.SHARD_RECORDS_A_SECOND), by_size)
