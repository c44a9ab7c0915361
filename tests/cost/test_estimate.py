"""Bills, against sums done by hand from the list prices of us-east-1."""

from __future__ import annotations

from decimal import Decimal

import pytest

from salespipe.config import Config, Delivery, Monitoring, Pipe, Stream
from salespipe.cost import sizes
from salespipe.cost.bill import Bill
from salespipe.cost.estimate import Usage, at_rate, idle, pipe_requests, puts, so_far, storage_usd_a_month

AWS = Config(target="aws")
READS = "DynamoDB: reads of the table's stream by the pipe"


def usd(bill: Bill, service: str, what: str) -> Decimal | None:
    (line,) = [line for line in bill.lines if (line.service, line.what) == (service, what)]
    return line.usd


def near(value: float) -> object:
    return pytest.approx(Decimal(str(value)), rel=Decimal("0.001"))


# What watches the pipeline, an hour: ten alarms at 0.10 and a dashboard at 3 USD a month of 730 hours.
WATCHED = Decimal(10) * Decimal("0.10") / 730 + Decimal(3) / 730


def test_idle_is_the_stream_and_what_watches() -> None:
    bill = idle(AWS)
    assert bill.usd_an_hour == near(Decimal("0.04") + WATCHED)
    assert usd(bill, "CloudWatch alarms", "10 alarms") == near(0.0013699)
    assert bill.unknown == (READS,)
    assert bill.as_of == "2023-09"


def test_what_does_not_watch_costs_nothing() -> None:
    unwatched = idle(Config(target="aws", monitoring=Monitoring(enabled=False)))
    assert (unwatched.usd_an_hour, unwatched.usd_a_day) == (Decimal("0.04"), Decimal("0.96"))


def test_idle_with_shards_and_retention() -> None:
    assert idle(Config(stream=Stream(mode="PROVISIONED", shards=2))).usd_an_hour == near(Decimal("0.030") + WATCHED)
    kept = Config(stream=Stream(mode="PROVISIONED", shards=2, retention_hours=48))
    assert idle(kept).usd_an_hour == near(Decimal("0.070") + WATCHED)


def test_no_orders_are_idle() -> None:
    assert at_rate(AWS, 0) == idle(AWS)


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_makes_no_sense(rate: float) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        at_rate(AWS, rate)


def test_a_hundred_orders_a_second() -> None:
    bill = at_rate(AWS, 100)
    orders = 360_000
    gb = 2**30
    assert usd(bill, "DynamoDB", "writes") == near(0.36 * 0.625)
    assert usd(bill, "Kinesis", "data in") == near(orders * 1024 / gb * 0.08)
    assert usd(bill, "Kinesis", "data out") == near(orders * 1024 / gb * 0.04)
    assert usd(bill, "Firehose", "data") == near(orders * 5120 / gb * 0.029)
    # A batch of 100 events of 890 bytes has two units of 64 KB.
    assert usd(bill, "EventBridge Pipes", "requests") == near(3600 * 2 / 1e6 * 0.40)
    # Four shards, each a run and an object about once a minute: 1 MB takes 47 s at 25 records a second, 5 MB longer
    # than the minute.
    assert usd(bill, "Lambda", "runs of the transform") == near(4 * 3600 / (1048576 / 890 / 25 + 0.04) / 1e6 * 0.20)
    assert usd(bill, "S3", "objects written") == near(4 * 3600 / 60.04 / 1000 * 0.005)
    assert bill.usd_an_hour > idle(AWS).usd_an_hour


def test_provisioned_put_units_and_a_shard_too_few() -> None:
    bill = at_rate(Config(target="aws", stream=Stream(mode="PROVISIONED")), 1500)
    (line,) = [line for line in bill.lines if line.what == "PUT payload units"]
    assert line.usd == near(1500 * 3600 / 1e6 * 0.014)
    assert line.note == "this rate needs 2 shards"
    assert not [line for line in bill.lines if line.what == "data out"]


def test_longer_retention_of_an_on_demand_stream() -> None:
    bill = at_rate(Config(target="aws", stream=Stream(retention_hours=200)), 10)
    size = 36_000 * sizes.EVENT_BYTES / 2**30 / 730
    assert usd(bill, "Kinesis", "retention beyond 24 hours") == near(size * 144 * 0.10)
    assert usd(bill, "Kinesis", "retention beyond 7 days") == near(size * 32 * 0.023)


def test_batches_of_the_pipe() -> None:
    slow, fast = Decimal("0.5"), Decimal(50)
    assert pipe_requests(AWS, slow) == slow  # each on its own
    assert pipe_requests(AWS, fast) == 1  # one second's fifty together
    small = Config(target="aws", pipe=Pipe(batch_size=10))
    assert pipe_requests(small, fast) == 5
    at_once = Config(target="aws", pipe=Pipe(batch_window_seconds=0))
    assert pipe_requests(at_once, fast) == 4  # as often as it polls


def test_a_short_interval_costs_more_puts() -> None:
    rate = Decimal(100)
    often = Config(target="aws", delivery=Delivery(buffer_seconds=10))
    assert puts(often, rate) > 15 * puts(AWS, rate)  # six times the objects, three requests each
    none = Config(target="aws", delivery=Delivery(buffer_seconds=0))
    assert puts(none, rate) == near(300)


def test_local_is_told_as_if_on_aws() -> None:
    assert at_rate(Config(target="local"), 50) == at_rate(AWS, 50)


def test_a_region_without_prices_is_unknown_not_free() -> None:
    bill = idle(Config(target="aws", region="eu-south-2"))
    assert bill.usd == 0
    assert bill.as_of == ""
    assert bill.unknown == (
        *("Kinesis: on-demand stream", READS),
        *("CloudWatch alarms: 10 alarms", "CloudWatch dashboard: one dashboard"),
    )
    assert "an unknown amount" in " ".join(line.note for line in bill.lines)
    assert storage_usd_a_month(Config(region="eu-south-2"), 2**30) is None


def test_some_prices_known() -> None:
    bill = at_rate(Config(target="aws", region="us-east-2"), 1)
    assert usd(bill, "Kinesis", "on-demand stream") == Decimal("0.04")
    assert "S3: objects written" in bill.unknown


def test_storage() -> None:
    assert storage_usd_a_month(AWS, 10 * 2**30) == Decimal("0.23")


def test_spent_so_far() -> None:
    usage = Usage(
        stream_hours=10,
        write_units=2_000_000,
        pipe_events=1_000_000,
        stream_records_in=1_000_000,
        stream_bytes_in=900_000_000,
        stream_bytes_out=2**30,
        delivery_records=1_000_000,
        delivery_bytes=900_000_000,
        invocations=1_000_000,
        gb_seconds=1000,
        puts=1000,
        crawler_dpu_hours=1,
        bytes_scanned=2**40,
        stored_bytes=2**30,
        stored_hours=730,
    )
    bill = so_far(AWS, usage)
    by_hand = 0.4 + 1.25 + 0.4 + 1e6 * 1024 / 2**30 * 0.08 + 0.04 + 1e6 * 5120 / 2**30 * 0.029
    assert bill.usd == near(by_hand + 0.2 + 0.0133334 + 0.005 + 0.44 + 5 + 0.023 + 10 * float(WATCHED))
    assert bill.unknown == (READS,)


def test_what_was_not_measured_is_unknown() -> None:
    bill = so_far(AWS, Usage(stream_hours=1, stream_records_in=0, stream_bytes_in=0))
    assert bill.usd == near(Decimal("0.04") + WATCHED)
    assert usd(bill, "Kinesis", "data in") == 0
    assert usd(bill, "Lambda", "runs") is None
    assert "Athena: data scanned" in bill.unknown
