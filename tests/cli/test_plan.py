"""plan and up as a person or a script sees them, against an account in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from prompt import Shop

from salespipe.aws import Aws


def test_everything_is_to_be_created_and_then_nothing(shop: Shop) -> None:
    told = shop.run("plan", expect=5)
    assert told.count("  create  ") == 25
    assert "create  kinesis stream           salespipe-dev-orders\n" in told
    assert "0.0455 USD an hour, 1.09 a day (list prices of us-east-1" in told
    assert shop.err.startswith("salespipe-dev on AWS account 123456789012, region us-east-1\n")

    shop.run("up")
    assert "1.09 a day" in shop.err
    assert shop.err.startswith("salespipe-dev on AWS account 123456789012, region us-east-1\n")
    assert shop.run("plan").startswith("idle: ")
    assert "nothing to do" in shop.err


def test_five_changed_settings_are_shown_field_by_field_and_repaired(shop: Shop) -> None:
    shop.run("up")
    shop.configure(
        "stream.retention_hours = 72\npipe.batch_size = 50\ndelivery.buffer_mb = 7\n"
        'query.scan_limit_mb = 200\ngenerator.schedule = "rate(2 minutes)"\n'
    )
    told = shop.run("plan", expect=5)
    assert [line.strip() for line in told.splitlines() if " -> " in line] == [
        "DynamoDBStreamParameters.BatchSize: 100 -> 50",
        "RetentionPeriodHours: 24 -> 72",
        "BufferingHints.SizeInMBs: 5 -> 7",
        "BytesScannedCutoffPerQuery: 1000000000 -> 200000000",
        'ScheduleExpression: "rate(1 minute)" -> "rate(2 minutes)"',
    ]
    assert "20 to leave, 5 to change" in shop.err
    assert shop.run("up", "--dry-run", expect=5) == told

    repaired = [step for step in shop.json("up")["steps"] if step["action"] == "updated"]
    assert len(repaired) == 5
    assert shop.json("plan")["pending"] is False


def test_a_rate_has_its_price(shop: Shop) -> None:
    cost = shop.json("plan", "--rate", "50", expect=5)["cost"]
    assert cost["rate"] == 50
    assert cost["at_rate"]["usd_an_hour"] > cost["idle"]["usd_an_hour"] > 0.04
    assert "at 50 orders a second: " in shop.run("plan", "--rate", "50", expect=5)
    shop.run("plan", "--rate", "-1", expect=2)
    assert "--rate" in shop.err


def test_the_policy_is_all_that_stdout_carries_and_nobody_is_asked(shop: Shop) -> None:
    document = json.loads(shop.run("plan", "--policy"))
    assert document["Version"] == "2012-10-17"
    assert any("iam:PassRole" in statement["Action"] for statement in document["Statement"])
    assert shop.err == ""
    policies = shop.json("plan", "--policy")
    assert [each for policy in policies.values() for each in policy["Statement"]] == document["Statement"]


def test_what_is_foreign_is_pending_and_told(shop: Shop, aws: Aws) -> None:
    aws.client("kinesis").create_stream(StreamName="salespipe-dev-orders", ShardCount=1, Tags={"a": "b"})
    told = shop.run("plan", expect=5)
    assert "foreign  kinesis stream           salespipe-dev-orders  exists without the tags" in told
    assert "will refuse" in shop.err
    shop.run("up", expect=1)
    assert "kinesis stream salespipe-dev-orders" in shop.err
    shop.run("down", "--yes", expect=4)


def test_what_loses_data_is_told_and_only_done_when_agreed_to(
    shop: Shop, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run("up")
    table = {"TableName": "OrdersRawTable"}
    aws.client("dynamodb").put_item(**table, Item={"orderid": {"S": "1"}})
    shop.configure('table.partition_key = "sale_id"')

    told = shop.run("plan", expect=5)
    assert "replace  dynamodb table           OrdersRawTable\n" in told
    assert 'KeySchema.HASH: "orderid (S)" -> "sale_id (S)"' in told
    assert "all its data is lost" in told
    assert "made anew where they must be: eventbridge pipe salespipe-dev-orders, lambda function" in told

    shop.run("up", expect=1)
    assert "salespipe up --replace" in shop.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    shop.run("up", expect=1)
    assert "all its data is lost" in shop.err
    assert "Nothing was changed." in shop.err
    assert aws.client("dynamodb").scan(**table)["Count"] == 1

    replaced = {step["kind"] for step in shop.json("up", "--replace")["steps"] if step["action"] == "replaced"}
    assert replaced == {"dynamodb table", "eventbridge pipe"}
    shop.run("plan")


def test_a_yes_at_the_terminal_is_as_good(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run("up")
    shop.configure('table.partition_key = "sale_id"')
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: True)
    shop.run("up")
    assert "replaced  dynamodb table" in shop.err
    shop.run("plan")


def test_a_table_under_another_name_does_not_stay_behind_unsaid(shop: Shop) -> None:
    shop.run("up")
    shop.configure('table.name = "Sales"')
    shop.run("plan", expect=5)
    assert "warning: dynamodb table OrdersRawTable of this pipeline stays behind" in shop.err
    assert shop.json("plan", expect=5)["orphans"][0]["name"] == "OrdersRawTable"

    [left] = shop.json("down", "--yes", expect=3)["left"]
    assert left["name"] == "OrdersRawTable"
    assert 'name = "OrdersRawTable"' in left["why"]
    shop.configure()
    assert shop.json("down", "--yes")["deleted"] == 1


def test_a_table_of_ones_own_is_kept_on_purpose(shop: Shop, aws: Aws) -> None:
    shop.configure('table = { name = "Shop", existing = true }')
    shop.run("plan", expect=5)
    shop.run("up", expect=1)
    assert "Shop: there is no such table" in shop.err
    aws.client("dynamodb").create_table(
        TableName="Shop",
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert "StreamSpecification.StreamEnabled: false -> true" in shop.run("plan", expect=5)
    shop.run("up")
    shop.run("down", expect=2)
    assert "but not your own dynamodb table Shop" in shop.err
    told = shop.json("down", "--yes")
    assert [(each["name"], each["why"]) for each in told["kept"]] == [("Shop", "it is your own, and was only used")]
    assert (told["deleted"], told["left"]) == (24, [])
    shop.run("down", "--yes", expect=4)


def test_where_nothing_ever_ran_a_plan_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    shop = Shop(capsys)

    changes = shop.json("up", "--dry-run", expect=5)["changes"]
    assert {change["intent"] for change in changes} == {"create"}
    assert "salespipe-dev-123456789012-us-east-1" in {change["name"] for change in changes}
    assert "free on this machine" in shop.run("plan", expect=5)
    shop.run("plan", "--policy")
    Path("salespipe.toml").write_text("table.existing = true", encoding="utf-8")
    assert "refuse  dynamodb table" in shop.run("plan", expect=5)
    assert not (tmp_path / "home").exists()
