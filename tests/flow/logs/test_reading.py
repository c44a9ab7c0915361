"""Reading by time, following without a gap or a repetition, and what is told of sources that are not there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from salespipe.config import Config, Pipe
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.logs.blocks import joined
from salespipe.flow.logs.reading import Event, Reading, followed, merged, opened
from salespipe.flow.logs.sources import chosen, sources
from salespipe.flow.logs.spans import milliseconds, moment
from salespipe.flow.logs.words import quoted

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
BEGIN = NOW - timedelta(minutes=10)


class Cloud:
    """CloudWatch Logs and Glue as far as they are asked: groups of events, pages of three, and failures to order."""

    def __init__(self) -> None:
        self.config = Config(target="local")
        self.names = self.config.names("123456789012")
        self.groups: dict[str, list[dict[str, Any]]] = {}
        self.now = NOW
        self.crawlers = True
        self.failures: list[Exception] = []
        self.asked: list[dict[str, Any]] = []
        self._number = 0

    def put(self, source: str, seconds: float, message: str, stream: str = "s") -> None:
        """An event of so many seconds after BEGIN, which comes in now."""
        (found,) = chosen(self.names, [source])
        self._number += 1
        event = {
            "timestamp": milliseconds(BEGIN) + int(seconds * 1000),
            "eventId": str(self._number),
            "ingestionTime": milliseconds(self.now),
            "logStreamName": found.stream or stream,
            "message": message,
        }
        self.groups.setdefault(found.group, []).append(event)

    def client(self, service: str) -> Any:
        if service == "glue":
            return SimpleNamespace(get_crawler=self._crawler)
        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=self._pages))

    def _crawler(self, Name: str) -> Any:  # noqa: N803 - boto3's word
        if not self.crawlers:
            raise ClientError({"Error": {"Code": "EntityNotFoundException", "Message": "no"}}, "GetCrawler")
        return {"Crawler": {"Name": Name}}

    def _pages(self, **asked: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(asked)
        if asked["logGroupName"] not in self.groups:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "FilterLogEvents")
        found = [event for event in self.groups[asked["logGroupName"]] if event["timestamp"] >= asked["startTime"]]
        found.sort(key=lambda event: (event["timestamp"], int(event["eventId"])))
        for start in range(0, max(len(found), 1), 3):
            if start and self.failures:
                raise self.failures.pop()
            headers = {"date": f"{self.now:%a, %d %b %Y %H:%M:%S} GMT"}
            yield {"events": found[start : start + 3], "ResponseMetadata": {"HTTPHeaders": headers}}


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    for source in sources(cloud.names):
        cloud.groups.setdefault(source.group, [])
    return cloud


def readings(cloud: Cloud, *names: str, pattern: str = "") -> list[Reading]:
    return [Reading(source, BEGIN, pattern=pattern) for source in chosen(cloud.names, names)]


def texts(events: Any) -> list[str]:
    return [event.message for event in events]


def test_sources_are_merged_by_time_and_each_event_is_read_once(cloud: Cloud) -> None:
    for at in range(5):
        cloud.put("transform", at, f"t{at}")
        cloud.put("generator", at + 0.5, f"g{at}")
    found = readings(cloud)

    assert texts(merged(cloud, found)) == ["t0", "g0", "t1", "g1", "t2", "g2", "t3", "g3", "t4", "g4"]
    assert texts(merged(cloud, found)) == []


def test_what_comes_late_is_found_and_nothing_is_told_twice(cloud: Cloud) -> None:
    cloud.put("transform", 590, "first")
    found = readings(cloud, "transform")
    assert texts(merged(cloud, found)) == ["first"]

    cloud.now = NOW + timedelta(seconds=2)
    cloud.put("transform", 588, "late, of a time before")
    cloud.put("transform", 601, "new")
    assert texts(merged(cloud, found)) == ["late, of a time before", "new"]
    assert cloud.asked[-1]["startTime"] == milliseconds(NOW) - 15_000

    cloud.now = NOW + timedelta(hours=1)
    assert texts(merged(cloud, found)) == []
    assert texts(merged(cloud, found)) == []
    assert found[0]._seen == {}, "what can no longer come again is forgotten"


def test_what_was_read_ahead_of_a_failure_is_not_lost(cloud: Cloud) -> None:
    for at in range(5):
        cloud.put("transform", at, f"t{at}")
        cloud.put("generator", at + 0.5, f"g{at}")
    found = readings(cloud, "transform", "generator")
    cloud.failures = [ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, "FilterLogEvents")]
    seen: list[str] = []
    with pytest.raises(ClientError):
        seen.extend(event.message for event in merged(cloud, found))
    seen.extend(texts(merged(cloud, found)))

    assert sorted(seen) == sorted(f"{source}{at}" for source in "tg" for at in range(5))


def test_following_goes_on_through_an_outage_and_says_so_once(cloud: Cloud) -> None:
    cloud.put("transform", 1, "first")
    found, said, looks = readings(cloud, "transform"), list[str](), list[int]()
    assert texts(opened(cloud, found, named=True)) == ["first"]

    def reach(anew: bool) -> Cloud:
        assert anew is (len(looks) in {1, 2}), "after a failure"
        looks.append(len(looks))
        if looks[-1] == 0:
            raise SalespipeError("NotRunning", "The local AWS is not running.")
        if looks[-1] == 1:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        return cloud

    def sleep() -> None:
        if len(looks) == 2:
            cloud.put("transform", 600, "second")
        if len(looks) == 5:
            raise KeyboardInterrupt

    events = followed(reach, found, sleep, said.append)
    assert next(events).message == "second"
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert said == ["The local AWS is not running. Looking again.", "It answers again."]


def test_a_source_that_goes_and_comes_is_told(cloud: Cloud) -> None:
    found, said = readings(cloud, "transform"), list[str]()
    group = found[0].source.group
    steps: list[Callable[[], object]] = [
        lambda: cloud.groups.pop(group),
        lambda: None,
        lambda: cloud.put("transform", 600, "back"),
    ]

    def sleep() -> None:
        steps.pop(0)()

    assert texts(opened(cloud, found, named=True)) == []
    events = followed(lambda _: cloud, found, sleep, said.append)
    assert next(events).message == "back"
    with pytest.raises(IndexError):
        next(events)
    assert said == [
        f"The transform is not deployed: there is no log group {group}.",
        "There are logs of the transform now.",
    ]


def test_what_is_not_deployed_is_refused_by_name_and_left_out_otherwise(cloud: Cloud) -> None:
    del cloud.groups["/aws/lambda/salespipe-dev-generator"]
    cloud.put("transform", 1, "there")

    with pytest.raises(SalespipeError) as failure:
        opened(cloud, readings(cloud, "generator", "transform"), named=True)
    assert (failure.value.exit_code, failure.value.hint) == (Exit.NOT_DEPLOYED, "salespipe up")

    every = readings(cloud)
    assert texts(opened(cloud, every, named=False)) == ["there"]
    assert [each.source.name for each in every if each.missing] == ["generator"]

    cloud.groups.clear()
    cloud.crawlers = False
    with pytest.raises(SalespipeError, match="Nothing that logs") as failure:
        opened(cloud, readings(cloud), named=False)
    assert failure.value.exit_code is Exit.NOT_DEPLOYED


def test_a_crawler_that_never_ran_and_a_pipe_that_is_not_to_log(cloud: Cloud) -> None:
    cloud.groups.clear()
    (crawler,) = readings(cloud, "crawler")
    assert texts(opened(cloud, [crawler], named=True)) == []
    assert cloud.asked[-1]["logStreamNames"] == ["salespipe-dev-lake"]

    cloud.groups["/aws-glue/crawlers"] = []
    assert texts(opened(cloud, readings(cloud, "crawler"), named=True)) == []
    cloud.crawlers = False
    with pytest.raises(SalespipeError, match="crawler is not deployed"):
        opened(cloud, readings(cloud, "crawler"), named=True)

    cloud.config = Config(pipe=Pipe(log_level="OFF"))
    with pytest.raises(SalespipeError, match="log_level is OFF") as failure:
        opened(cloud, readings(cloud, "pipe"), named=True)
    assert failure.value.exit_code is Exit.NOT_DEPLOYED
    with pytest.raises(SalespipeError) as unknown:
        readings(cloud, "kinesis")
    assert unknown.value.exit_code is Exit.USAGE


def lines(*messages: str, source: str = "transform") -> list[Event]:
    return [Event(source, "s", 1000 + at, 0, (f"{at}",), message) for at, message in enumerate(messages)]


def test_a_traceback_that_was_printed_line_by_line_is_one_event() -> None:
    block = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    raise KeyError",
        "KeyError",
        "During handling of the above exception, another exception occurred:",
        "Traceback (most recent call last):",
        '  File "a.py", line 3, in f',
        "ValueError: b",
    ]
    found = joined(lines("before", *block, "after"))
    assert texts(found) == ["before", "\n".join(block), "after"]
    assert found[1].ids == tuple(str(at) for at in range(1, 9))


def test_what_lambda_tells_of_an_exception_is_whole_already() -> None:
    raised = (
        '[ERROR] KeyError: 1\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    raise KeyError(1)'
    )
    assert texts(joined(lines(raised, "END RequestId: 1"))) == [raised, "END RequestId: 1"]


def test_other_streams_and_indented_lines_are_no_part_of_it() -> None:
    events = lines("Traceback (most recent call last):", "other", "  File", "KeyError")
    events[1] = Event("transform", "another", 1001, 0, ("1",), "other")
    assert texts(joined(events)) == ["Traceback (most recent call last):\n  File\nKeyError", "other"]
    assert texts(joined(lines("a list:", "  one", "  two"))) == ["a list:", "  one", "  two"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90s", "2026-01-31T11:58:30+00:00"),
        ("10m", "2026-01-31T11:50:00+00:00"),
        ("1.5h", "2026-01-31T10:30:00+00:00"),
        ("2d", "2026-01-29T12:00:00+00:00"),
        ("9:30", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T10:00", "2026-01-31T10:00:00+00:00"),
        ("2026-01-31T10:00:00+02:00", "2026-01-31T08:00:00+00:00"),
        ("2026-01-31T10:00:00.123Z", "2026-01-31T10:00:00.123000+00:00"),
    ],
)
def test_moments_as_people_write_them(text: str, at: str) -> None:
    assert moment(text, "--since", NOW).isoformat() == at


@pytest.mark.parametrize("text", ["", "yesterday", "10", "25:00", "99999999999d", "-5m"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(SalespipeError, match=re.escape(f"--since {text} is neither")) as failure:
        moment(text, "--since", NOW)
    assert failure.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("ERROR", "ERROR"),
        ("order-7", '"order-7"'),
        ("Task timed out", "Task timed out"),
        ('"timed out" -400', '"timed out" -400'),
        ("?a.b ?c", '?"a.b" ?c'),
        ("%a+b%", "%a+b%"),
        ('{ $.level = "ERROR" }', '{ $.level = "ERROR" }'),
        ("[a, b = x-y]", "[a, b = x-y]"),
        ('say "', 'say "\\""'),
        ("", ""),
    ],
)
def test_words_that_cloudwatch_would_refuse_are_quoted(typed: str, sent: str) -> None:
    from salespipe.local.logs.patterns import compile_filter

    assert quoted(typed) == sent
    compile_filter(sent)
