"""down as a person or a script sees it, against an account in this process."""

from __future__ import annotations

from typing import Any

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.flow import drain


def test_down_stops_what_writes_drains_and_tells_what_went(shop: Shop, aws: Aws, drained: list[str]) -> None:
    shop.run("up")
    aws.client("events").enable_rule(Name=aws.names.rule)
    aws.client("s3").put_object(Bucket=aws.names.bucket, Key="order_events/a.gz", Body=b"1")
    aws.client("glue").create_table(DatabaseName=aws.names.database, TableInput={"Name": "order_events"})

    told = shop.run("down", "--yes")

    assert drained == ["DISABLED"]
    assert "switched off: eventbridge rule salespipe-dev-generator" in shop.err
    assert shop.err.startswith("salespipe-dev on AWS account 123456789012, region us-east-1\n")
    lines = [line.strip() for line in told.splitlines()]
    assert lines[0] == "receipt: salespipe-dev on AWS account 123456789012, region us-east-1"
    assert lines[1].startswith("deleted  25 resources")
    assert lines[2] == "with them  glue tables: 1, object versions: 1"
    assert lines[3:] == ["costs now  0.00 USD an hour: nothing is left"]
    shop.run("down", "--yes", expect=4)


def test_what_was_not_drained_is_not_deleted(shop: Shop, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run("up")
    aws.client("events").enable_rule(Name=aws.names.rule)

    def stuck(*_: Any, **__: Any) -> None:
        raise SalespipeError("NotDrained", "The pipe is stuck.", hint="salespipe down --no-drain")

    monkeypatch.setattr(drain, "drain", stuck)
    shop.run("down", "--yes", expect=1)

    assert "The pipe is stuck. Nothing was deleted." in shop.err
    assert "--no-drain" in shop.err
    assert aws.client("events").describe_rule(Name=aws.names.rule)["State"] == "ENABLED"
    shop.run("plan")
    assert shop.json("down", "--yes", "--no-drain")["deleted"] == 25


def test_the_data_is_kept_taken_up_again_and_deleted(shop: Shop, aws: Aws, drained: list[str]) -> None:
    shop.run("up")
    aws.client("s3").put_object(Bucket=aws.names.bucket, Key="order_events/a.gz", Body=bytes(5000))

    told = shop.json("down", "--yes", "--keep-data")
    assert (told["deleted"], told["left"], len(drained)) == (24, [], 1)
    [kept] = told["kept"]
    assert (kept["kind"], kept["name"], kept["size"]) == ("s3 bucket", aws.names.bucket, 5000)
    assert 0 < told["usd_an_hour"] == kept["usd_an_hour"] < kept["usd_a_month"]
    assert "a month" in shop.run("down", "--yes", "--keep-data")
    assert len(drained) == 1  # nothing is there that could be under way

    actions = {(step["kind"], step["action"]) for step in shop.json("up")["steps"]}
    assert ("s3 bucket", "unchanged") in actions
    shop.run("down", "--yes", "--keep-data")
    told = shop.json("down", "--yes")
    assert (told["deleted"], told["swept"], told["usd_an_hour"]) == (1, {"object versions": 1}, 0)


def test_what_is_left_is_told_with_its_reason_and_its_price(
    shop: Shop, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from salespipe.resources.kinesis import Stream

    shop.run("up")

    def refuse(*_: Any) -> None:
        raise SalespipeError("AccessDenied", "kinesis stream salespipe-dev-orders could not be deleted: not you")

    with monkeypatch.context() as weather:
        weather.setattr(Stream, "delete", refuse)
        told = shop.run("down", "--yes", expect=3)
    assert "left  kinesis stream salespipe-dev-orders: kinesis stream salespipe-dev-orders could not be" in told
    assert "costs now  0.0400 USD an hour; 1 left" in told
    assert shop.json("down", "--yes")["left"] == []


def test_what_may_not_be_looked_at_does_not_stop_the_rest(
    shop: Shop, aws: Aws, drained: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from salespipe.resources.sqs import Queue

    shop.run("up")

    def refuse(*_: Any) -> None:
        raise SalespipeError("AccessDenied", "sqs queue salespipe-dev-pipe-dlq could not be described: not you")

    with monkeypatch.context() as weather:
        weather.setattr(Queue, "describe", refuse)
        told = shop.json("down", "--yes", expect=3)
    assert (told["deleted"], [each["why"].rpartition(": ")[2] for each in told["left"]]) == (24, ["not you"])
    assert len(drained) == 1
    assert shop.json("down", "--yes")["deleted"] == 1


def test_a_strangers_stream_is_not_waited_for(shop: Shop, aws: Aws, drained: list[str]) -> None:
    shop.run("up")
    aws.client("kinesis").remove_tags_from_stream(StreamName=aws.names.stream, TagKeys=["project"])
    told = shop.json("down", "--yes")
    assert drained == []
    assert [each["kind"] for each in told["foreign"]] == ["kinesis stream"]
    assert (told["deleted"], told["left"], told["usd_an_hour"]) == (24, [], 0)
