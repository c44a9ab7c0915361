"""logs as a person or a script sees them, against an account in this process."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.cli.context import App

START = "START RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Version: $LATEST\n"


def put(aws: Aws, group: str, *messages: str, ago: float = 60.0) -> None:
    """One event a second, the first so many seconds ago."""
    logs, begin = aws.client("logs"), time.time() - ago
    logs.create_log_stream(logGroupName=group, logStreamName=f"s{ago:g}")
    events = [{"timestamp": int((begin + at) * 1000), "message": each} for at, each in enumerate(messages)]
    logs.put_log_events(logGroupName=group, logStreamName=f"s{ago:g}", logEvents=events)


@pytest.fixture
def there(aws: Aws, shop: Shop) -> Aws:
    """What logs of a deployed pipeline, and has logged a little."""
    names = aws.names
    for group in (*map(names.function_log_group, ("transform", "generator")), names.delivery_log_group):
        aws.client("logs").create_log_group(logGroupName=group)
    aws.client("glue").create_crawler(Name=names.crawler, Role="crawler", Targets={"S3Targets": [{"Path": "s3://b/"}]})
    put(aws, aws.names.function_log_group("transform"), START, '{"level":"WARN","message":"slow","ms":7}')
    put(aws, aws.names.function_log_group("generator"), "wrote 60 orders", ago=59.5)
    return aws


def test_nothing_deployed_is_4(shop: Shop) -> None:
    shop.run("logs", expect=4)
    assert "Nothing that logs is deployed." in shop.err
    shop.run("logs", "transform", expect=4)
    assert "there is no log group /aws/lambda/salespipe-dev-transform" in shop.err


def test_everything_is_merged_and_what_is_silent_is_told(there: Aws, shop: Shop) -> None:
    lines = shop.run("logs").splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["generator wrote 60 orders", "transform WARNING slow  ms=7"]
    assert "The pipe does not log" in shop.err
    assert "UTC: firehose, crawler" in shop.err
    assert "1 lines around invocations left out" in shop.err

    assert len(shop.run("logs", "--all").splitlines()) == 3
    assert shop.run("logs", "firehose") == ""
    assert "nothing since" in shop.err
    assert shop.run("logs", "--until", "5m") == ""
    assert shop.run("logs", "--since", "10s") == ""


def test_a_script_gets_a_line_of_json_for_each_event(there: Aws, shop: Shop) -> None:
    found = [json.loads(line) for line in shop.run("logs", "transform", "--json").splitlines()]
    assert [(each["level"], each["message"], each["fields"]) for each in found] == [("WARNING", "slow", {"ms": 7})]


def test_a_pipe_that_is_not_to_log_and_names_that_are_none(there: Aws, shop: Shop) -> None:
    shop.run("logs", "pipe", expect=4)
    assert 'log_level = "ERROR" under [pipe]' in shop.err
    shop.run("logs", "kinesis", expect=2)
    shop.run("logs", "--since", "yesterday", expect=2)
    shop.run("logs", "-f", "--until", "5m", expect=2)


def test_following_goes_on_until_ctrl_c_which_is_no_failure(
    there: Aws, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    reach = App.aws

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt
        put(there, there.names.function_log_group("transform"), f"line {len(waits)}", ago=float(len(waits)))

    def aws(app: App, **asked: Any) -> Aws:
        found = reach(app, **asked)
        found.sleep = sleep
        return found

    monkeypatch.setattr(App, "aws", aws)
    lines = shop.run("logs", "transform", "-f").splitlines()
    assert [line.rpartition("transform ")[2] for line in lines] == ["WARNING slow  ms=7", "line 1", "line 2"]
    assert waits == [3.0] * 3, "AWS is not asked more often"
