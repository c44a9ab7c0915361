"""Waiting for delivery on the local AWS in a process of its own: what was written is there at once afterwards."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Iterator

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.flow.drain import drain, settle
from salespipe.load.generate import generate
from salespipe.local import daemon
from salespipe.pipeline import pipeline


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """The pipeline with its default configuration. Each test leaves it drained or is the last."""
    folder = tmp_path_factory.mktemp("drain")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    for _ in lifecycle.up(aws, pipeline(aws)):
        pass
    yield aws
    daemon.stop(folder)


def lines(aws: Aws, prefix: str) -> list[dict[str, str]]:
    s3, bucket = aws.client("s3"), aws.names.bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def put(aws: Aws, orderid: str) -> None:
    aws.client("dynamodb").put_item(TableName=aws.names.table, Item={"orderid": {"S": orderid}, "quantity": {"N": "1"}})


def test_what_was_written_is_there_when_the_wait_ends(deployed: Aws) -> None:
    chance = random.Random(11)  # noqa: S311 - the same test each time
    drain(deployed)
    written = 0
    for turn in range(4):
        for _ in range(chance.randrange(1, 5)):
            count = chance.choice([1, 3, 40, 400])
            for number in range(min(count, 3)):
                put(deployed, f"o-{turn}-{written}-{number}")
            written += min(count, 3)
            if count > 3:
                written += generate(deployed, rate=1000.0, count=count).acknowledged
            time.sleep(chance.choice([0.0, 0.05, 0.4, 1.1]))
        (drain if turn % 2 else settle)(deployed)
        assert len({line["event_id"] for line in lines(deployed, "order_events/")}) == written


def test_what_the_transform_cannot_do_is_delivered_to_the_errors(deployed: Aws) -> None:
    function = {"FunctionName": deployed.names.function("transform")}
    client = deployed.client("lambda")
    kept = client.get_function_configuration(**function)["Handler"]
    client.update_function_configuration(**function, Handler="nothing.here")
    put(deployed, "broken")
    drain(deployed, patience=60)
    assert len(lines(deployed, "errors/processing-failed/")) == 1
    client.update_function_configuration(**function, Handler=kept)


def test_a_stopped_pipe_is_named_and_a_running_one_delivers_what_it_held(deployed: Aws) -> None:
    pipes, name = deployed.client("pipes"), deployed.names.pipe
    pipes.stop_pipe(Name=name)
    while pipes.describe_pipe(Name=name)["CurrentState"] != "STOPPED":
        time.sleep(0.02)
    drain(deployed)  # nothing is held
    put(deployed, "held")
    with pytest.raises(SalespipeError, match=f"the pipe {name} is STOPPED"):
        drain(deployed, patience=1.0)
    pipes.start_pipe(Name=name)
    drain(deployed)
    assert "held" in {line["orderid"] for line in lines(deployed, "order_events/")}
