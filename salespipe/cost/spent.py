"""What was spent so far, by what was used."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from salespipe.cost import hops, sizes
from salespipe.cost.bill import Bill, Sheet
from salespipe.cost.hops import parts
from salespipe.cost.sizes import GB, MILLION, TB

if TYPE_CHECKING:
    from salespipe.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a pipeline has used since it was made; None where that is not known.

    ``stream_hours``: how long the Kinesis stream has stood, and with it what watches it. ``write_units``: DynamoDB's
    ConsumedWriteCapacityUnits. ``pipe_events``: events that passed the filter. ``stream_*``: Kinesis' IncomingRecords,
    IncomingBytes and GetRecords.Bytes. ``delivery_*``: Firehose's DataReadFromKinesisStream.Records and .Bytes.
    ``gb_seconds``: Lambda's Duration times memory. ``puts``: requests that wrote objects. ``stored_bytes``: what lies
    in the bucket now, and ``stored_hours`` how long it has lain there on average.
    """

    stream_hours: float | None = None
    write_units: float | None = None
    pipe_events: float | None = None
    stream_records_in: float | None = None
    stream_bytes_in: float | None = None
    stream_bytes_out: float | None = None
    delivery_records: float | None = None
    delivery_bytes: float | None = None
    invocations: float | None = None
    gb_seconds: float | None = None
    puts: float | None = None
    crawler_dpu_hours: float | None = None
    bytes_scanned: float | None = None
    stored_bytes: float | None = None
    stored_hours: float | None = None


def so_far(config: Config, usage: Usage) -> Bill:
    """What was spent: ``Line.usd`` and ``Bill.usd`` are totals here, not for an hour."""
    sheet = Sheet(config.region)
    hops.stream(sheet, config, _exact(usage.stream_hours))
    hops.records_in(sheet, config, _exact(usage.stream_records_in), _exact(usage.stream_bytes_in))
    hops.bytes_out(sheet, config, _exact(usage.stream_bytes_out))
    sheet.charge(hops.DYNAMODB, "writes", "dynamodb_write_million", parts(_exact(usage.write_units), MILLION))
    hops.stream_reads(sheet)
    # How events were gathered into requests is not told: each of them alone is the most that it can have been.
    sheet.charge(hops.PIPES, "requests, at most", "pipes_request_million", parts(_exact(usage.pipe_events), MILLION))
    hops.delivered(sheet, _exact(usage.delivery_records), _exact(usage.delivery_bytes))
    sheet.charge(hops.LAMBDA, "runs", "lambda_request_million", parts(_exact(usage.invocations), MILLION))
    sheet.charge(hops.LAMBDA, "time", "lambda_gb_second", _exact(usage.gb_seconds))
    sheet.charge(hops.S3, "objects written", "s3_put_thousand", parts(_exact(usage.puts), 1000))
    sheet.charge(hops.S3, "objects kept", "s3_gb_month", _gb_months(usage.stored_bytes, usage.stored_hours))
    sheet.charge(hops.GLUE, "crawls", "glue_dpu_hour", _exact(usage.crawler_dpu_hours))
    sheet.charge(hops.ATHENA, "data scanned", "athena_tb", parts(_exact(usage.bytes_scanned), TB))
    hops.watched(sheet, config, _exact(usage.stream_hours))
    return sheet.bill()


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _gb_months(size: float | None, hours: float | None) -> Decimal | None:
    if size is None or hours is None:
        return None
    return Decimal(str(size)) * Decimal(str(hours)) / GB / sizes.HOURS_A_MONTH
