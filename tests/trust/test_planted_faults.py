"""One fault after the other in a finished pipeline: each is named, at its stage, with its orders, and nothing else."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.errors import Exit
from salespipe.flow.drain import drain
from salespipe.trust.proof import events, table
from salespipe.trust.verify import Report

pytestmark = pytest.mark.long

Told = set[tuple[str, str, str]]


def told(report: Report) -> Told:
    return {(each.kind.value, each.stage.value, each.order) for each in report.findings.listed}


def versions(report: Report) -> set[tuple[str, str]]:
    return {(each.order, each.event_id) for each in report.findings.listed}


def at(kind: str, stage: str, orders: Any) -> Told:
    return {(kind, stage, order) for order in orders}


def of(lines: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(line["orderid"], line["event_id"]) for line in lines}


@pytest.fixture(autouse=True)
def quiet(finished: Any) -> Iterator[None]:
    """Nothing is under way when the next test begins; each heals what it has done, or the next one tells of it."""
    yield
    drain(finished.aws)


def middle(finished: Any) -> str:
    """An object in the midst of the lake: the last records that came are in another."""
    return str(finished.objects()[1])


def test_nothing_is_wrong(finished: Any) -> None:
    report = finished.verify()
    assert (told(report), report.partly, report.exit_code) == (set(), [], Exit.DONE)
    assert report.orders > 300
    assert {hop.name for hop in report.hops if hop.read} == {"ledger", "table", "stream", "kinesis", "lake", "view"}


def test_a_batch_that_was_delivered_late(finished: Any) -> None:
    def delays(key: str) -> list[float]:
        head = finished.aws.client("s3").head_object(Bucket=finished.aws.names.bucket, Key=key)
        modified = head["LastModified"].timestamp()
        return [modified - datetime.fromisoformat(line["event_time"]).timestamp() for line in finished.lines(key)]

    key = middle(finished)
    lines, body = finished.lines(key), finished.body(key)
    late = max(max(delays(other)) for other in finished.objects() if other != key) + 4
    newest = max(datetime.fromisoformat(line["event_time"]) for line in lines)
    finished.delete(key)
    time.sleep(max(0.0, late + 2 - (datetime.now(UTC) - newest).total_seconds()))
    finished.put(key, body)
    report = finished.verify(late=late)
    assert told(report) == at("late", "lake", {line["orderid"] for line in lines})
    assert versions(report) == of(lines)
    assert report.exit_code == Exit.DONE, "late is not lost"


def test_a_deleted_object(finished: Any) -> None:
    key = middle(finished)
    lines, body = finished.lines(key), finished.body(key)
    finished.delete(key)
    report = finished.verify()
    finished.put(key, body)
    assert told(report) == at("lost", "lake", {line["orderid"] for line in lines})
    assert versions(report) == of(lines)
    assert report.exit_code == Exit.FAILED


def test_a_deleted_object_with_the_newest_records(finished: Any) -> None:
    key = max(finished.objects(), key=lambda key: max(line["sequence_number"] for line in finished.lines(key)))
    lines, body = finished.lines(key), finished.body(key)
    finished.delete(key)
    report = finished.verify(patience=8.0)
    finished.put(key, body)
    assert told(report) == at("lost", "lake", {line["orderid"] for line in lines})
    assert any("has not delivered" in remark for remark in report.remarks)


def test_a_doubled_object(finished: Any) -> None:
    key = middle(finished)
    copy = key.removesuffix(".gz") + "-again.gz"
    finished.put(copy, finished.body(key))
    report = finished.verify()
    lines = finished.lines(copy)
    finished.delete(copy)
    assert told(report) == at("duplicated", "lake", {line["orderid"] for line in lines})
    assert versions(report) == of(lines)
    assert report.exit_code == Exit.DONE, "at least once is what is promised, and the view is exact"


def test_a_line_with_another_price(finished: Any) -> None:
    key = middle(finished)
    place, line = next((place, line) for place, line in enumerate(finished.lines(key)) if "price" in line)

    def change(lines: list[bytes]) -> list[bytes]:
        lines[place] = json.dumps({**line, "price": line["price"] + 1}).encode()
        return lines

    with finished.replaced(key, change):
        report = finished.verify()
    assert told(report) == {("wrong", "lake", line["orderid"])}
    assert versions(report) == of([line])
    assert f"line {place + 1} of {key}" in report.findings.listed[0].detail


@pytest.mark.parametrize("tear", [lambda line: line[:-20], lambda _: b"\0\xff garbage"], ids=["cut", "garbage"])
def test_a_line_that_cannot_be_read(finished: Any, tear: Callable[[bytes], bytes]) -> None:
    key = middle(finished)
    line = finished.lines(key)[0]
    with finished.replaced(key, lambda lines: [tear(lines[0]), *lines[1:]]):
        report = finished.verify()
    assert told(report) == {("wrong", "lake", line["orderid"])}
    assert versions(report) == of([line])
    (problem,) = report.partly
    assert problem.startswith("view: "), "Athena reads no table with such a line, as is said"
    assert report.exit_code == Exit.FAILED


def test_a_row_of_the_table_changed_behind_the_streams_back(finished: Any) -> None:
    with finished.stopped() as database:
        number, image = database.execute(
            "SELECT id, image FROM dynamodb_item WHERE instr(CAST(image AS TEXT), '\"placed\"') LIMIT 1"
        ).fetchone()
        changed = bytes(image).replace(b'"placed"', b'"gone"')
        database.execute("UPDATE dynamodb_item SET image = ? WHERE id = ?", (changed, number))
    report = finished.verify()
    with finished.stopped() as database:
        database.execute("UPDATE dynamodb_item SET image = ? WHERE id = ?", (image, number))
    assert told(report) == {("wrong", "table", json.loads(image)["orderid"]["S"])}
    assert report.exit_code == Exit.FAILED


def test_a_row_that_is_gone_from_the_table(finished: Any) -> None:
    with finished.stopped() as database:
        row = database.execute("SELECT * FROM dynamodb_item ORDER BY id LIMIT 1 OFFSET 7").fetchone()
        database.execute("DELETE FROM dynamodb_item WHERE id = ?", (row[0],))
    report = finished.verify()
    with finished.stopped() as database:
        database.execute(f"INSERT INTO dynamodb_item VALUES ({','.join('?' * len(row))})", row)
    assert told(report) == {("lost", "table", json.loads(row[4])["orderid"]["S"])}


def test_what_a_stopped_pipe_holds_back_is_under_way(finished: Any) -> None:
    pipes, name = finished.aws.client("pipes"), finished.aws.names.pipe
    pipes.stop_pipe(Name=name)
    while pipes.describe_pipe(Name=name)["CurrentState"] != "STOPPED":
        time.sleep(0.02)
    finished.item("held", status="placed")
    time.sleep(1.1)  # what is written in the second in which verifying begins is set aside
    report = finished.verify(patience=1.0)
    pipes.start_pipe(Name=name)
    drain(finished.aws)
    assert told(report) == {("late", "pipe", "held")}
    assert report.exit_code == Exit.FAILED
    assert any(f"the pipe {name} is STOPPED" in remark for remark in report.remarks)


def test_a_line_that_no_hop_before_the_lake_has(finished: Any) -> None:
    key = middle(finished)
    line = {**finished.lines(key)[0], "orderid": "forged", "event_id": "f" * 32}
    copy = key.removesuffix(".gz") + "-forged.gz"
    finished.put(copy, gzip.compress(json.dumps(line).encode() + b"\n"))
    report = finished.verify()
    finished.delete(copy)
    assert ("unexpected", "lake", "forged") in told(report)
    assert {order for _, _, order in told(report)} == {"forged"}


def test_a_foreign_object_in_the_lake_and_another_elsewhere(finished: Any) -> None:
    strange, harmless = f"{finished.aws.names.events_prefix}notes.json", "backup/readme.txt"
    finished.put(strange, b'{"note": "not an event"}\n')
    finished.put(harmless, b"hello")
    report = finished.verify()
    finished.delete(strange)
    finished.delete(harmless)
    (finding,) = report.findings.listed
    assert (finding.kind, finding.stage, finding.order) == ("unexpected", "lake", "")
    assert finding.detail.startswith(f"{strange}: a line is no order's event")
    assert any("backup/" in remark for remark in report.remarks)


def test_a_view_that_leaves_orders_out_or_shows_them_twice(finished: Any) -> None:
    from salespipe.query import athena

    database, view = finished.aws.names.database, finished.aws.names.orders_view
    glue = finished.aws.client("glue")
    kept = glue.get_table(DatabaseName=database, Name=view)["Table"]
    orderid = athena.run(finished.aws, f"SELECT orderid FROM {view} WHERE quantity > 1 LIMIT 1").rows[0][0]
    try:
        athena.run(finished.aws, f"CREATE OR REPLACE VIEW kept AS {_of(finished)}")
        for sql, kind in (
            (f"SELECT * FROM kept WHERE orderid <> '{orderid}'", "lost"),
            (f"SELECT * FROM kept UNION ALL SELECT * FROM kept WHERE orderid = '{orderid}'", "duplicated"),
        ):
            athena.run(finished.aws, f"CREATE OR REPLACE VIEW {view} AS {sql}")
            report = finished.verify()
            assert told(report) == {(kind, "view", orderid)}
            assert report.exit_code == Exit.FAILED
        columns = athena.run(finished.aws, "SELECT * FROM kept LIMIT 1").columns
        shown = ", ".join(f'"{column.name}"' for column in columns if column.name != "quantity")
        doubled = f"CASE WHEN orderid = '{orderid}' THEN quantity * 2 ELSE quantity END AS quantity"
        athena.run(finished.aws, f"CREATE OR REPLACE VIEW {view} AS SELECT {shown}, {doubled} FROM kept")
        report = finished.verify()
        assert told(report) == {("wrong", "view", orderid)}
        assert "another quantity" in report.findings.listed[0].detail
    finally:
        glue.update_table(
            DatabaseName=database,
            TableInput={
                name: kept[name]
                for name in (
                    "Name",
                    "TableType",
                    "ViewOriginalText",
                    "ViewExpandedText",
                    "StorageDescriptor",
                    "Parameters",
                )
                if name in kept
            },
        )
        glue.delete_table(DatabaseName=database, Name="kept")


def _of(finished: Any) -> str:
    from salespipe.query import athena

    lines = athena.run(finished.aws, f"SHOW CREATE VIEW {finished.aws.names.orders_view}").rows
    return "\n".join(str(line[0]) for line in lines).partition(" AS\n")[2]


def test_without_the_streams_the_ledger_tells(finished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a day, but that it says so: neither stream tells of anything any more."""

    def refuse(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "GetRecords")

    monkeypatch.setattr(events, "spool_kinesis", refuse)
    monkeypatch.setattr(events, "spool_table_stream", refuse)
    report = finished.verify()
    assert (told(report), report.exit_code) == (set(), Exit.PARTLY)
    assert {problem for problem in report.partly if "not you" in problem} == {"kinesis: not you", "stream: not you"}

    key = middle(finished)
    lines, body = finished.lines(key), finished.body(key)
    finished.delete(key)
    report = finished.verify()
    finished.put(key, body)
    assert told(report) == at("lost", "lake", {line["orderid"] for line in lines})
    assert report.exit_code == Exit.FAILED


def test_without_the_table_the_rest_is_compared(finished: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = table.spool

    def refuse(*args: Any) -> None:
        scan(*args)  # all of it was there, and it is not relied on
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no more"}}, "Scan")

    monkeypatch.setattr(table, "spool", refuse)
    key = middle(finished)
    line = next(line for line in finished.lines(key) if "price" in line)

    def change(lines: list[bytes]) -> list[bytes]:
        return [
            json.dumps({**line, "price": 0.5}).encode() if line["event_id"].encode() in each else each for each in lines
        ]

    with finished.replaced(key, change):
        report = finished.verify()
    assert told(report) == {("wrong", "lake", line["orderid"])}
    assert report.partly == ["table: no more"]


@contextmanager
def filtering(finished: Any, pattern: dict[str, Any] | None) -> Iterator[None]:
    """While the pipe lets only some events pass."""
    pipes, name = finished.aws.client("pipes"), finished.aws.names.pipe
    described = pipes.describe_pipe(Name=name)
    role = described["RoleArn"]
    try:
        _filter(pipes, name, role, [{"Pattern": json.dumps(pattern)}])
        yield
    finally:
        _filter(pipes, name, role, [])


def _filter(pipes: Any, name: str, role: str, filters: list[dict[str, str]]) -> None:
    pipes.update_pipe(Name=name, RoleArn=role, SourceParameters={"FilterCriteria": {"Filters": filters}})
    while pipes.describe_pipe(Name=name)["CurrentState"] != "RUNNING":
        time.sleep(0.05)


def test_a_record_that_never_came_to_kinesis(finished: Any) -> None:
    # One of the last tests: the table's stream tells of it for a day.
    kept = {"dynamodb": {"Keys": {"orderid": {"S": [{"anything-but": ["dropped"]}]}}}}
    with filtering(finished, kept):
        finished.item("dropped", status="placed")
        finished.item("kept", status="placed")
        drain(finished.aws)
    report = finished.verify()
    assert told(report) == {("lost", "pipe", "dropped")}
    assert report.exit_code == Exit.FAILED


def test_a_record_that_the_transform_could_not_read(finished: Any) -> None:
    """After the last but one, whose record stays lost."""
    client, function = finished.aws.client("lambda"), finished.aws.names.function("transform")
    kept = client.get_function_configuration(FunctionName=function)["Handler"]
    client.update_function_configuration(FunctionName=function, Handler="nothing.here")
    finished.item("failed", status="placed")
    drain(finished.aws, patience=60)
    client.update_function_configuration(FunctionName=function, Handler=kept)
    report = finished.verify()
    assert told(report) == {("lost", "pipe", "dropped"), ("lost", "transform", "failed")}
    (finding,) = [each for each in report.findings.listed if each.order == "failed"]
    assert "errors/processing-failed/" in finding.detail


def test_a_record_that_kinesis_has_twice_and_one_that_is_no_event(finished: Any) -> None:
    """After those whose records stay lost."""
    kinesis, name = finished.aws.client("kinesis"), finished.aws.names.stream
    (shard, *_) = kinesis.list_shards(StreamName=name)["Shards"]
    where = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    record = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**where)["ShardIterator"])["Records"][0]
    event = json.loads(record["Data"])
    kinesis.put_record(StreamName=name, Data=record["Data"], PartitionKey=record["PartitionKey"])
    kinesis.put_record(StreamName=name, Data=b"not an event", PartitionKey="anyone")
    drain(finished.aws, patience=60)
    report = finished.verify()
    new = told(report) - {("lost", "pipe", "dropped"), ("lost", "transform", "failed")}
    assert new == {("duplicated", "pipe", event["dynamodb"]["Keys"]["orderid"]["S"])}
    (finding,) = [each for each in report.findings.listed if each.kind == "duplicated"]
    assert (finding.event_id, finding.fault) == (event["eventID"], False)
    assert f"Records in {name} that are no events of the table: 1." in report.remarks
