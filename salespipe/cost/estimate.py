"""What the pipeline costs on AWS: standing idle, at a rate of orders, and so far.

Every figure is a list price times what the configuration makes of the orders, with the services' own rounding; no free
tier is subtracted. A price that is not known for the region leaves its line unknown, and the sum is then the least.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from salespipe.cost import hops, sizes
from salespipe.cost.bill import Bill, Line, Sheet
from salespipe.cost.sizes import EVENT_BYTES, GB, KB, MILLION, units
from salespipe.cost.spent import Usage, so_far

if TYPE_CHECKING:
    from salespipe.config import Config

__all__ = ["Bill", "Line", "Usage", "at_rate", "idle", "so_far", "storage_usd_a_month"]

HOUR: Final = 3600


def idle(config: Config) -> Bill:
    """What an hour costs when nobody writes, crawls or asks; the generator's schedule is off."""
    sheet = Sheet(config.region)
    hops.stream(sheet, config, Decimal(1))
    hops.stream_reads(sheet)
    sheet.free(hops.DYNAMODB, "on-demand table", "only reads, writes and what it holds are charged")
    sheet.free(hops.PIPES, "pipe", "only events are charged")
    sheet.free(hops.FIREHOSE, "delivery stream", "only data is charged")
    sheet.free(hops.LAMBDA, "transform and generator", "only runs are charged")
    sheet.free(hops.S3, "empty bucket", "only what it holds is charged")
    sheet.free(hops.LOGS, "empty log groups", "only what is logged is charged")
    hops.crawls(sheet, config)
    sheet.free(hops.ATHENA, "workgroup", "only what queries scan is charged")
    hops.watched(sheet, config, Decimal(1))
    return sheet.bill()


def at_rate(config: Config, rate: float) -> Bill:
    """What an hour costs at ``rate`` writes of orders a second, day and night, all of which pass the pipe's filters.

    A write is an order placed, moved along, or deleted, as ``salespipe generate --rate`` counts. What is kept is
    charged as long as it lies there: those lines say what one hour's orders cost in a month. Raises ``ValueError`` for
    a rate that is negative or no number.

    For target local it is what the same would cost on AWS, with the defaults that hold there.
    """
    if not math.isfinite(rate) or rate < 0:
        raise ValueError(f"a rate of {rate} makes no sense")
    if not rate:
        return idle(config)
    config = msgspec.structs.replace(config, target="aws")
    a_second = Decimal(str(rate))
    orders = a_second * HOUR
    needed = hops.shards_needed(a_second, EVENT_BYTES)
    too_few = config.stream.mode == "PROVISIONED" and needed > config.stream.shards
    sheet = Sheet(config.region)
    hops.stream(sheet, config, Decimal(1))
    hops.records_in(
        sheet, config, orders, orders * EVENT_BYTES, note=f"this rate needs {needed} shards" if too_few else ""
    )
    hops.bytes_out(sheet, config, orders * units(EVENT_BYTES, KB) * KB)
    hops.retained(sheet, config, orders * EVENT_BYTES)
    write_units = orders * units(sizes.ITEM_BYTES, KB)
    sheet.charge(hops.DYNAMODB, "writes", "dynamodb_write_million", write_units / MILLION)
    _kept(sheet, hops.DYNAMODB, "items", "dynamodb_gb_month", orders * sizes.NEW_ITEMS * sizes.ITEM_BYTES)
    hops.stream_reads(sheet)
    sheet.charge(hops.PIPES, "requests", "pipes_request_million", pipe_requests(config, a_second) * HOUR / MILLION)
    hops.delivered(sheet, orders, orders * EVENT_BYTES)
    _transform(sheet, config, a_second)
    sheet.charge(hops.S3, "objects written", "s3_put_thousand", puts(config, a_second) * HOUR / 1000)
    _kept(sheet, hops.S3, "objects", "s3_gb_month", orders * sizes.GZIPPED_LINE_BYTES)
    hops.crawls(sheet, config)
    hops.watched(sheet, config, Decimal(1))
    return sheet.bill()


def storage_usd_a_month(config: Config, size: float) -> Decimal | None:
    """What ``size`` bytes in the bucket cost in a month; None where the region's price is not known."""
    sheet = Sheet(config.region)
    sheet.charge(hops.S3, "storage", "s3_gb_month", Decimal(str(size)) / GB)
    return sheet.bill().lines[0].usd


def pipe_requests(config: Config, rate: Decimal) -> Decimal:
    """Requests of the pipe a second: batches, each as many as it has units of 64 KB.

    A batch is what one shard of the table's stream brought while the window was open, or since the last poll.
    """
    open_seconds = max(Decimal(config.batch_window_seconds), Decimal(1) / sizes.PIPE_POLLS_A_SECOND)
    events = min(max(rate * open_seconds, Decimal(1)), Decimal(config.pipe.batch_size))
    return rate / events * units(events * EVENT_BYTES, 64 * KB)


def puts(config: Config, rate: Decimal) -> Decimal:
    """Requests a second with which Firehose writes objects."""
    objects = _emptied(config, rate, config.delivery.buffer_mb, config.buffer_seconds)
    whole = config.buffer_seconds >= sizes.WHOLE_OBJECT_SECONDS
    return objects * (1 if whole else sizes.REQUESTS_OF_A_MULTIPART_OBJECT)


def invocations(config: Config, rate: Decimal) -> Decimal:
    """Invocations of the transform a second."""
    return _emptied(config, rate, config.delivery.transform_buffer_mb, config.transform_buffer_seconds)


def _emptied(config: Config, rate: Decimal, buffer_mb: float, buffer_seconds: int) -> Decimal:
    """How often a second a buffer of Firehose empties, over all shards, each of which has its own.

    A buffer opens with its first record and closes when it is full or its time is over, whichever comes first.
    """
    shards = sizes.ON_DEMAND_SHARDS if config.stream.mode == "ON_DEMAND" else config.stream.shards
    records = rate / shards
    full = Decimal(str(buffer_mb)) * sizes.MB / (records * EVENT_BYTES)
    return shards / (min(Decimal(buffer_seconds), full) + 1 / records)


def _transform(sheet: Sheet, config: Config, rate: Decimal) -> None:
    runs = invocations(config, rate) * HOUR
    memory = Decimal(config.functions.memory_mb)
    processor = min(Decimal(1), memory / sizes.MEMORY_MB_OF_A_PROCESSOR)
    seconds = runs * sizes.TRANSFORM_SECONDS_AN_INVOCATION + rate * HOUR * sizes.TRANSFORM_SECONDS_A_RECORD / processor
    sheet.charge(hops.LAMBDA, "runs of the transform", "lambda_request_million", runs / MILLION)
    sheet.charge(hops.LAMBDA, "time of the transform", "lambda_gb_second", seconds * memory / 1024)
    sheet.charge(hops.LOGS, "log of the transform", "logs_gb", runs * sizes.LOG_BYTES_AN_INVOCATION / GB)


def _kept(sheet: Sheet, service: str, what: str, per: str, size: Decimal) -> None:
    note = f"{size * 24 / MILLION:,.1f} MB more a day"
    sheet.charge(service, f"an hour's {what}, kept a month", per, size / GB, note=note)
