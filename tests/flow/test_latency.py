"""How long events took, from the times in the newest objects; what is older, or tells no times, is left out."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.flow.latency import STAGES, Latencies
from salespipe.view import latency as view


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@pytest.fixture
def lake(aws: Aws) -> Aws:
    tags = {"Tags": [{"Key": "project", "Value": "salespipe"}]}
    aws.client("s3").create_bucket(Bucket=aws.names.bucket, CreateBucketConfiguration=tags)
    return aws


def put(aws: Aws, name: str, lines: list[Any], now: datetime, *, packed: bool = True) -> str:
    body = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    key = f"{aws.names.events_prefix}dt={now:%Y-%m-%d}/hour={now:%H}/{name}"
    aws.client("s3").put_object(Bucket=aws.names.bucket, Key=key, Body=gzip.compress(body) if packed else body)
    return key


def event(happened: datetime, to_kinesis: float, to_transform: float) -> dict[str, str]:
    arrived = happened + timedelta(seconds=to_kinesis)
    transformed = arrived + timedelta(seconds=to_transform)
    return {"event_time": stamp(happened), "arrived_at": stamp(arrived), "transformed_at": stamp(transformed)}


def test_each_stage_has_its_percentiles(lake: Aws) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    happened = now - timedelta(seconds=100)
    put(lake, "a.gz", [event(happened, number / 100, 2) for number in range(1, 101)], now)
    found = Latencies().read(lake, now)
    assert found is not None
    assert (found.events, found.objects) == (100, 1)
    assert [stage.stage for stage in found.stages] == list(STAGES)
    kinesis, transform, written, whole = found.stages
    assert (kinesis.p50, kinesis.p95, kinesis.p99) == pytest.approx((0.5, 0.95, 0.99), abs=0.002)
    assert (transform.p50, transform.p99) == pytest.approx((2, 2))
    assert 96 < written.p50 < 130
    assert whole.p50 == whole.p99 >= 99, "all of an object are written at once"
    told = view.record(found)
    assert told["events"] == 100
    assert [set(stage) for stage in told["stages"]] == [{"stage", "p50_seconds", "p95_seconds", "p99_seconds"}] * 4  # type: ignore[attr-defined]


def test_lines_without_times_and_lines_of_others_are_left_out(lake: Aws) -> None:
    now = datetime.now(UTC)
    older = {"orderid": "o-1", "event_time": stamp(now)}
    strange = [older, b"no json\n", b"[1]\n", {"event_time": 7, "arrived_at": "soon", "transformed_at": None}]
    put(lake, "a.gz", strange, now)
    put(lake, "cut.gz", [b"\x1f\x8b\x08 cut"], now, packed=False)
    assert Latencies().read(lake, now) is None
    put(lake, "b", [event(now - timedelta(seconds=9), 1, 1)], now, packed=False)
    found = Latencies().read(lake, now)
    assert found is not None
    assert found.events == 1


def test_what_was_delivered_long_ago_is_not_the_recent_past(lake: Aws) -> None:
    now = datetime.now(UTC)
    assert Latencies().read(lake, now) is None
    put(lake, "a.gz", [event(now - timedelta(seconds=9), 1, 1)], now)
    assert Latencies().read(lake, now) is not None
    assert Latencies().read(lake, now + timedelta(minutes=20)) is None


def test_only_the_newest_objects_are_read_and_each_once(lake: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    s3, read = lake.client("s3"), []
    get = s3.get_object
    monkeypatch.setattr(s3, "get_object", lambda **asked: read.append(asked["Key"]) or get(**asked))
    for number in range(12):
        put(lake, f"{number:02d}.gz", [event(now - timedelta(seconds=9), 1, 1)] * 5, now)
    latencies = Latencies()
    first = latencies.read(lake, now)
    assert first is not None
    assert (first.objects, first.events, len(read)) == (8, 40, 8)
    assert latencies.read(lake, now) == first
    assert len(read) == 8
    for key in read:
        s3.delete_object(Bucket=lake.names.bucket, Key=key)
    again = latencies.read(lake, now)
    assert again is not None
    assert (again.objects, len(read)) == (4, 12)
