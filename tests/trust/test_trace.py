"""``salespipe trace`` over a finished pipeline: every order's way, and what was looked through for one that is none."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from salespipe.errors import Exit
from salespipe.orders import Kind
from salespipe.query import athena
from salespipe.query.crawl import crawl
from salespipe.query.delivery import recent
from salespipe.trust.trace.look import Tracer
from salespipe.trust.trace.model import Shown, Trace

pytestmark = pytest.mark.long


def traced(finished: Any, order: str, *, ledgers: bool = True) -> Trace:
    return Tracer(finished.aws, order, finished.ledgers.of_table()[0] if ledgers else []).look()


def written(finished: Any) -> dict[str, list[Any]]:
    """The ledger's entries by order."""
    found: dict[str, list[Any]] = {}
    for reading in finished.ledgers.of_table()[0]:
        for entry in reading:
            found.setdefault(entry.key, []).append(entry)
    return found


def lines(finished: Any) -> dict[str, list[tuple[str, int, dict[str, Any]]]]:
    """Where each order is in the lake: object, line, and what it says."""
    found: dict[str, list[tuple[str, int, dict[str, Any]]]] = {}
    for key in finished.objects():
        for number, line in enumerate(finished.lines(key), 1):
            found.setdefault(line["orderid"], []).append((key, number, line))
    return found


def some(orders: dict[str, list[Any]], count: int) -> list[str]:
    """The orders that were written most often, and as many others."""
    ranked = sorted(orders, key=lambda order: (-len(orders[order]), order))
    return ranked[:count] + ranked[-count:]


@pytest.mark.parametrize("ledgers", [True, False])
def test_every_version_is_found_at_every_hop(finished: Any, ledgers: bool) -> None:
    acknowledged, lake = written(finished), lines(finished)
    for order in some(acknowledged, 4):
        trace = traced(finished, order, ledgers=ledgers)
        events = sorted({line["sequence_number"]: line for _, _, line in lake[order]}.items())
        assert [version.change.sequence.zfill(40) for version in trace.versions] == [number for number, _ in events]
        assert [version.change.event_id for version in trace.versions] == [line["event_id"] for _, line in events]
        places = {(line.key, line.line) for version in trace.versions for line in version.lines}
        assert places == {(key, number) for key, number, _ in lake[order]}, "each line, duplicates too"
        assert all(version.records for version in trace.versions)
        assert all(bool(version.written) == ledgers for version in trace.versions)
        assert sum(version.rows for version in trace.versions) == len(lake[order])
        assert (trace.exit_code, trace.stuck, trace.remarks) == (Exit.DONE, None, [])
        *before, newest = [version.shown for version in trace.versions]
        assert set(before) <= {Shown.SUPERSEDED}
        assert newest is (Shown.REMOVED if events[-1][1]["event_type"] == "REMOVE" else Shown.CURRENT)
        assert trace.in_table == (newest is Shown.CURRENT)


def test_the_times_of_one_version_follow_one_another(finished: Any) -> None:
    order = some(written(finished), 1)[0]
    for version in traced(finished, order).versions:
        (line, *_), (record, *_) = version.lines, version.records
        assert version.change.at <= record.at <= line.transformed <= line.at + timedelta(seconds=1)
        assert record.at == line.arrived or abs(record.at - line.arrived) < timedelta(milliseconds=2)
        assert [passage.hop for passage in version.way if passage.copy == 1] == [
            *("written", "stream", "kinesis", "transform", "lake", "athena", "view")
        ]
        assert all(passage.seconds is None or 0 <= passage.seconds < 60 for passage in version.way)


def test_what_a_version_changed_is_told(finished: Any) -> None:
    entries = written(finished)
    order = next(each for each, kinds in entries.items() if [k.kind for k in kinds] == [Kind.INSERT, Kind.UPDATE])
    first, second = traced(finished, order).versions
    assert first.changes == []
    assert any(change.startswith("updated_at ") for change in second.changes)
    assert not any(change.startswith(("amount", "event_", "price")) for change in second.changes)


def test_an_object_that_firehose_wrote_twice_shows_as_copies(finished: Any) -> None:
    key = next(each for each in finished.objects() if finished.lines(each))
    order = finished.lines(key)[0]["orderid"]
    before = sum(len(version.lines) for version in traced(finished, order).versions)
    copy = key.replace(".gz", "0.gz")
    finished.put(copy, finished.body(key))
    try:
        trace = traced(finished, order)
    finally:
        finished.delete(copy)
    assert sum(len(version.lines) for version in trace.versions) > before
    version = next(each for each in trace.versions if copy in {line.key for line in each.lines})
    assert any(passage.copy > 1 and passage.hop == "lake" for passage in version.way)
    assert version.rows == len(version.lines)
    assert trace.exit_code is Exit.DONE, "the view has it once all the same"


def test_a_view_that_shows_something_else_is_told(finished: Any) -> None:
    key = finished.objects()[0]
    line = next(each for each in finished.lines(key) if each["event_type"] == "INSERT" and "status" in each)
    order = line["orderid"]
    names, glue = finished.aws.names, finished.aws.client("glue")
    athena.run(
        finished.aws,
        f"CREATE OR REPLACE VIEW {names.orders_view} AS SELECT orderid, 'lost' AS status FROM {names.events_table}",
    )
    try:
        trace = traced(finished, order)
        glue.delete_table(DatabaseName=names.database, Name=names.orders_view)
        missing = traced(finished, order)
    finally:
        crawl(finished.aws)
    newest = trace.versions[-1]
    assert newest.shown is Shown.MISSING
    assert trace.stuck is newest.stuck
    assert (newest.stuck.hop, newest.stuck.fix) == ("view", "salespipe crawl")
    assert "status" in newest.stuck.why
    assert (missing.stuck.hop, missing.stuck.fix) == ("view", "salespipe crawl")
    assert traced(finished, order).stuck is None


ODD = ["it's", 'a "quoted" one', "-dash", "ünï/☕", "semi;colon -- x", "back\\slash", "line\nbreak", "%_?", " "]


def test_odd_order_ids(finished: Any, typed: Any) -> None:
    objects = len(list(recent(finished.aws)))
    for order in ODD:
        finished.item(order, status="placed")
    for order in ODD:
        code, out, err = typed("trace", "--follow", "--json", "--timeout", "60s", "--", order)
        assert code == Exit.DONE, (order, err)
        document = json.loads(out.splitlines()[-1])
        assert (document["order"], len(document["versions"]), document["stuck"]) == (order, 1, None)
    assert len(list(recent(finished.aws))) > objects
    for order in ODD:
        key = {"orderid": {"S": order}}
        finished.aws.client("dynamodb").delete_item(TableName=finished.aws.names.table, Key=key)
    crawl(finished.aws)


def test_an_order_that_never_was(finished: Any, typed: Any) -> None:
    code, out, err = typed("trace", "o-never")
    assert (code, out) == (Exit.FAILED, "")
    assert "There is no order 'o-never'" in err
    assert "1 ledger, the table OrdersRawTable" in err
    assert "Athena's table order_events" in err
    code, out, _ = typed("trace", "o-never", "--json")
    document = json.loads(out)
    assert (code, document["found"], document["versions"]) == (Exit.FAILED, False, [])
    assert len(document["looked_through"]) >= 4


def test_the_answer_as_a_page_and_as_json(finished: Any, typed: Any) -> None:
    order = some(written(finished), 1)[-1]
    code, out, _ = typed("trace", order)
    assert code == Exit.DONE
    assert out.startswith("version 1: INSERT\n")
    assert "can be queried; the newest took" in out.splitlines()[-1]
    many, shown = some(written(finished), 1)[0], 8
    assert typed("trace", many)[1].startswith("Not shown: the first ")
    assert typed("trace", many)[1].count("\nversion ") == shown
    code, out, _ = typed("trace", order, "--json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["found"], document["older"]) == (0, 0, True, 0)
    hops = document["versions"][-1]["hops"]
    assert {"written", "stream", "kinesis", "transform", "lake"} <= {hop["hop"] for hop in hops}
    times = [datetime.fromisoformat(hop["at"]) for hop in hops if hop["at"] and hop["exact"]]
    assert len(times) >= 3


def test_bad_usage_and_nothing_deployed(typed: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("trace")[0] == Exit.USAGE
    assert typed("trace", "")[0] == Exit.USAGE
    assert typed("trace", "x" * 2049)[0] == Exit.USAGE
    assert typed("trace", "o-1", "--timeout", "5s")[0] == Exit.USAGE
    assert typed("trace", "o-1", "--follow", "--timeout", "soon")[0] == Exit.USAGE
    code, _, err = typed("trace", "a\udcffb")
    assert (code, "0xff" in err) == (Exit.USAGE, True)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "nowhere"))
    assert typed("trace", "o-1")[0] == Exit.NOT_DEPLOYED


def test_on_aws_the_whole_lake_is_searched_only_as_far_as_agreed(
    finished: Any, typed: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another endpoint stands for AWS: its pace, no ledger of ours, and where every search costs."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    there = ("--endpoint-url", finished.aws.endpoint)
    order = some(written(finished), 1)[-1]
    code, out, err = typed("trace", order, *there)
    assert code == Exit.DONE, err
    assert "acknowledged" not in out, "ledgers of another endpoint are not ours"

    (tmp_path / "salespipe.toml").write_text("[query]\nask_above_mb = 0\n")
    code, _, err = typed("trace", "o-never", *there)
    assert code == Exit.FAILED
    assert "The whole lake was not searched" in err
    assert "salespipe trace --everywhere" in err
    code, _, err = typed("trace", "o-never", "--everywhere", *there)
    assert code == Exit.FAILED
    assert "was not searched" not in err
    assert "Athena's table order_events" in err
