"""The figures of ``salespipe status`` against orders that really pass the pipeline on this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from salespipe.aws import Aws
from salespipe.config import Config, Table
from salespipe.flow.snapshot import Flow, Stage, Verdict, read
from salespipe.flow.totals import count
from salespipe.lifecycle import status, up
from salespipe.pipeline import pipeline

if TYPE_CHECKING:
    from conftest import Here

ORDERS = 300
PASSED = ("table", "pipe", "stream", "transform", "delivery")


def stages(flow: Flow) -> dict[str, Stage]:
    return {stage.name: stage for stage in flow.stages}


def test_every_stage_counts_the_orders_that_were_put(own_aws: Here) -> None:
    aws = Aws(Config(name="counted", target="local", table=Table(name="CountedOrders")), endpoint=own_aws.endpoint)
    resources = pipeline(aws)
    for _ in up(aws, resources):
        pass
    before = read(aws)
    assert (before.dead_letters, before.problems) == (0, ())
    assert [stages(before)[name].recent for name in PASSED] == [None] * len(PASSED)

    for start in range(0, ORDERS, 25):
        puts = [
            {"PutRequest": {"Item": {"orderid": {"S": f"o-{number}"}, "price": {"N": "1.5"}, "quantity": {"N": "2"}}}}
            for number in range(start, start + 25)
        ]
        aws.client("dynamodb").batch_write_item(RequestItems={"CountedOrders": puts})

    deadline = time.monotonic() + 60
    while (flow := read(aws)) and stages(flow)["delivery"].recent != ORDERS:
        assert time.monotonic() < deadline, flow
        time.sleep(0.5)
    assert {name: stages(flow)[name].recent for name in PASSED} == dict.fromkeys(PASSED, ORDERS)
    assert {stages(flow)[name].failed for name in PASSED} <= {0, None}
    assert stages(flow)["generator"].verdict is Verdict.IDLE
    assert stages(flow)["delivery"].verdict is Verdict.FLOWING
    lag = stages(flow)["delivery"].lag_seconds
    assert lag is not None
    assert 0 <= lag.value < 60

    [created] = [each.seen.created for each in status(aws, resources) if each.kind == "kinesis stream"]
    assert created is not None
    totals = count(aws, created)
    counted = (totals.write_units, totals.pipe_events, totals.stream_records, totals.read_records)
    assert counted == (ORDERS,) * 4
    assert totals.objects >= 1
    assert totals.transform_runs >= 1
    assert totals.stream_bytes == totals.read_bytes > ORDERS * 100

    # What the pipe gave up on is seen at once, and not only when CloudWatch tells.
    queue = aws.client("sqs").get_queue_url(QueueName=aws.names.queue)["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    assert read(aws).dead_letters == 1
