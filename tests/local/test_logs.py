"""CloudWatch Logs as clients see it: searching groups, pages, filter patterns, and ids that last."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.api import AwsError
from salespipe.local.logs.patterns import compile_filter
from salespipe.local.server import LocalAws

BEGAN = int(time.time() * 1000) - 3_600_000  # what is older than two weeks is not taken


@pytest.fixture
def logs(aws_inside: LocalAws) -> Any:
    return aws_inside.clients("logs", "us-east-1")


def put(logs: Any, stream: str, *events: tuple[int, str], group: str = "/g") -> None:
    for make in (
        lambda: logs.create_log_group(logGroupName=group),
        lambda: logs.create_log_stream(logGroupName=group, logStreamName=stream),
    ):
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            make()
    told = [{"timestamp": BEGAN + at, "message": message} for at, message in events]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=told)


def found(logs: Any, **asked: Any) -> list[str]:
    return [event["message"] for event in logs.filter_log_events(logGroupName="/g", **asked)["events"]]


def test_streams_are_searched_together_by_time(logs: Any) -> None:
    put(logs, "a", (30, "third"))
    put(logs, "a", (10, "first"))
    put(logs, "b", (20, "second"))

    answer = logs.filter_log_events(logGroupName="/g")
    assert [(event["message"], event["logStreamName"]) for event in answer["events"]] == [
        ("first", "a"),
        ("second", "b"),
        ("third", "a"),
    ]
    assert "nextToken" not in answer
    assert found(logs, startTime=BEGAN + 20) == ["second", "third"]
    assert found(logs, endTime=BEGAN + 20) == ["first", "second"]
    assert found(logs, startTime=BEGAN, endTime=0) == []
    assert found(logs, logStreamNames=["b"]) == ["second"]
    assert found(logs, logStreamNamePrefix="a") == ["first", "third"]
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/g"
    assert len(logs.filter_log_events(logGroupIdentifier=arn)["events"]) == 3


def test_pages_miss_nothing_that_comes_in_between(logs: Any) -> None:
    put(logs, "a", *((at, f"{at}") for at in range(5)))
    first = logs.filter_log_events(logGroupName="/g", limit=2)
    put(logs, "b", (1, "late"), (9, "new"))

    rest = logs.filter_log_events(logGroupName="/g", nextToken=first["nextToken"])
    assert [event["message"] for event in [*first["events"], *rest["events"]]] == [
        "0", "1", "late", "2", "3", "4", "new",
    ]  # fmt: skip


def test_a_page_holds_a_megabyte(logs: Any) -> None:
    put(logs, "a", *((at, f"{at}" + "x" * 200_000) for at in range(4)))
    put(logs, "a", *((at, f"{at}" + "x" * 200_000) for at in range(4, 8)))

    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName="/g"))
    assert [len(page["events"]) for page in pages] == [5, 3]
    assert [event["message"][0] for page in pages for event in page["events"]] == list("01234567")


def test_what_is_not_there_and_what_is_not_meant(logs: Any) -> None:
    put(logs, "a", (0, "x"))

    def code(**asked: Any) -> str:
        with pytest.raises(ClientError) as failure:
            logs.filter_log_events(**asked)
        return str(failure.value.response["Error"]["Code"])

    assert code(logGroupName="/other") == "ResourceNotFoundException"
    assert code(logGroupName="/g", logStreamNames=["a", "z"]) == "ResourceNotFoundException"
    assert code(logGroupName="/g", logStreamNames=["a"], logStreamNamePrefix="a") == "InvalidParameterException"
    assert code(logGroupName="/g", nextToken="nonsense") == "InvalidParameterException"
    assert code(logGroupName="/g", filterPattern="order-7") == "InvalidParameterException"
    assert code() == "InvalidParameterException"


def test_no_id_is_used_twice_whatever_is_restarted(own_aws: Any) -> None:
    logs = own_aws.client("logs")
    put(logs, "a", (0, "before"))
    (before,) = logs.filter_log_events(logGroupName="/g")["events"]
    from salespipe.local import daemon

    daemon.stop(own_aws.data_dir)
    own_aws.restart()
    put(logs, "a", (0, "after"))
    both = logs.filter_log_events(logGroupName="/g")["events"]

    assert [event["message"] for event in both] == ["before", "after"]
    assert both[0]["eventId"] == before["eventId"] < both[1]["eventId"]


TEXT = "[ERROR 400] BAD REQUEST: order-7 timed out after 3 s"


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("ERROR", True),
        ("error", False),
        ("ERROR REQUEST", True),
        ("ERROR REFUSED", False),
        ('"timed out"', True),
        ('"out timed"', False),
        ('"order-7"', True),
        ("?REFUSED ?ERROR", True),
        ("?REFUSED ?DENIED", False),
        ("ERROR -400", False),
        ("ERROR -500", True),
        ('-"timed out"', False),
        ("REQUEST ?REFUSED", True),
        ("%ERROR [45]00%", True),
        (r"%order-\d$%", False),
        ("ERROR %[a-z]+-7%", True),
    ],
)
def test_terms(pattern: str, matches: bool) -> None:
    assert compile_filter(pattern)(TEXT) is matches


JSON = '{"level":"ERROR","n":4.5,"ok":false,"gone":null,"order":{"id":"ord-7","tags":["a","b"]},"first-name":"Ann"}'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{ $.level != "ERROR" }', False),
        ('{$.level="E*R"}', True),
        ("{ $.level = %^ERR% }", True),
        ("{ $.order.id = ord-* }", True),
        ('{ $.order.tags[1] = "b" }', True),
        ('{ $.order.tags[2] = "b" }', False),
        ("{ $.['first-name'] = Ann }", False),
        ("{ $['first-name'] = Ann }", True),
        ("{ $.n > 4 && $.n <= 4.5 }", True),
        ("{ $.n = 4.50 }", True),
        ("{ $.n < 4 || $.level = ERROR }", True),
        ("{ ($.n < 4 || $.level = ERROR) && $.ok IS TRUE }", False),
        ("{ $.n < 4 || ($.level = ERROR && $.ok IS FALSE) }", True),
        ("{ $.gone IS NULL }", True),
        ("{ $.absent IS NULL }", False),
        ("{ $.absent NOT EXISTS }", True),
        ("{ $.gone NOT EXISTS }", False),
        ("{ $.absent != 3 }", False),
        ("{ $.level > 3 }", False),
    ],
)
def test_json(pattern: str, matches: bool) -> None:
    if pattern == "{ $.['first-name'] = Ann }":
        with pytest.raises(AwsError):
            compile_filter(pattern)
        return
    assert compile_filter(pattern)(JSON) is matches
    assert not compile_filter(pattern)("no JSON")


LINE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[ip, id, user, time, request, status, bytes]", True),
        ("[ip, id, user, time, request, status]", False),
        ("[ip, id, user, time, request, status = 4*, bytes > 1000]", True),
        ("[..., status = 4*, bytes > 2000]", False),
        ("[..., status = 404, bytes]", True),
        ('[ip, ..., request = "*index.html*", status, bytes]', True),
        ("[..., status = 500 || status = 404, bytes]", True),
        ("[..., status > 400 && status < 404, bytes]", False),
        ("[ip = %^127%, ...]", True),
    ],
)
def test_columns(pattern: str, matches: bool) -> None:
    assert compile_filter(pattern)(LINE) is matches


NO_PATTERNS = [
    *("order-7", '"open', "%open", "%a(b)%", "%[%", "x" * 1025),
    *("{ level = 3 }", "{ $.a }", "{ $.a = ", "{ $.a > x }", "{ $.a = 1 } more", "{ ($.a = 1 }", "{}"),
    *("[a, ..., ...]", "[a b]", "[]"),
]


@pytest.mark.parametrize("pattern", NO_PATTERNS)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(AwsError) as failure:
        compile_filter(pattern)
    assert failure.value.code == "InvalidParameterException"
