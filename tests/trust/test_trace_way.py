"""A version's way, what it changed, and how the events that were met fit what was written: without any AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from salespipe.errors import Exit
from salespipe.ledger.fingerprint import NOTHING, of_attributes
from salespipe.trust.trace.gathered import Gathered
from salespipe.trust.trace.model import Change, Hop, Line, Record, Stuck, Trace, Version, Written
from salespipe.trust.trace.values import changed, content_of, values_of, values_of_line
from salespipe.trust.trace.way import describe, seconds, way
from salespipe.view.trace import verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(offset: float) -> datetime:
    return NOON + timedelta(seconds=offset)


def item(status: str) -> dict[str, dict[str, str]]:
    return {"orderid": {"S": "o-1"}, "status": {"S": status}, "price": {"N": "19.90"}}


def change(number: int, status: str = "placed", kind: str = "MODIFY") -> Change:
    image = {} if kind == "REMOVE" else item(status)
    return Change(f"e-{number}", kind, str(100 + number), at(number), content_of(kind, image), values_of(image))


def write(offset: float, status: str) -> Written:
    fingerprint = NOTHING if status == "gone" else of_attributes(item(status))
    return Written(at(offset), "update", fingerprint)


def gathered(*changes: Change) -> Gathered:
    found = Gathered()
    for each in changes:
        found.of(each)
    return found


def test_delays_are_behind_the_last_time_that_is_as_exact() -> None:
    version = Version(1, write(0.2, "placed"), change(0))
    version.records = [Record("shard-0", "7", at(0.5)), Record("shard-0", "9", at(1.5))]
    version.lines = [Line("a.gz", 3, at(4), at(0.5), at(3.25))]
    told = [(each.hop, each.seconds, each.about, each.copy) for each in way(version)]
    assert told == [
        ("written", None, False, 1),
        ("stream", 0.0, True, 1),
        ("kinesis", 0.3, False, 1),
        ("kinesis", 1.0, False, 2),
        ("transform", 2.75, False, 1),
        ("lake", 0.75, True, 1),
    ]
    assert seconds(version) == 3.8


def test_a_record_that_was_quicker_than_its_acknowledgement_took_no_time() -> None:
    version = Version(1, write(0.2, "placed"), change(0), [Record("shard-0", "7", at(0.1))])
    assert [each.seconds for each in way(version)] == [None, 0.0, 0.0]
    assert seconds(version) is None


def test_what_changed_is_told_without_what_only_looks_different() -> None:
    before = values_of({**item("placed"), "tags": {"SS": ["a"]}, "note": {"NULL": True}})  # type: ignore[dict-item]
    after = values_of_line({"orderid": "o-1", "status": "paid", "price": Decimal("19.9"), "amount": Decimal(39)})
    assert changed(before, after) == ["status placed -> paid", 'tags ["a"] -> (none)']
    versions = [
        Version(1, None, change(1)),
        Version(2, None, change(2, "paid")),
        Version(3, None, change(3, "", "REMOVE")),
    ]
    describe(versions)
    assert [version.changes for version in versions] == [[], ["status placed -> paid"], []]


def test_writes_and_events_are_put_together_in_their_order() -> None:
    first, second = change(1, kind="INSERT"), change(2, "paid")
    writes = [write(1, "placed"), write(2, "paid"), write(3, "shipped")]
    made = gathered(second, first).versions(writes, content_of("MODIFY", item("shipped")), at(9))
    assert [(each.number, each.change, each.written) for each in made] == [
        *((1, first, writes[0]), (2, second, writes[1])),
        (3, None, writes[2]),
    ]
    assert not any(version.overtaken or version.seen for version in made)


def test_a_write_that_was_met_nowhere_though_a_later_one_was() -> None:
    first, third = change(1, kind="INSERT"), change(3, "shipped")
    writes = [write(1, "placed"), write(2, "paid"), write(3, "shipped")]
    made = gathered(first, third).versions(writes, content_of("MODIFY", item("shipped")), at(9))
    assert [(version.change, version.overtaken) for version in made] == [(first, False), (None, True), (third, False)]


def test_what_only_the_table_has_is_a_version_of_its_own() -> None:
    found = gathered(change(1, kind="INSERT"))
    made = found.versions([], content_of("MODIFY", item("paid")), at(9))
    assert [version.seen for version in made] == [None, at(9)]
    assert len(found.versions([], content_of("MODIFY", item("placed")), at(9))) == 1
    assert len(found.versions([], None, at(9))) == 1


def test_all_is_found_from_the_first_event_to_what_the_table_has() -> None:
    placed, paid = content_of("MODIFY", item("placed")), content_of("MODIFY", item("paid"))
    whole = gathered(change(1, kind="INSERT"), change(2, "paid"))
    assert whole.whole([write(1, "placed"), write(2, "paid")], paid, known=True)
    assert whole.whole([], None, known=False), "a table that may not be read says nothing against it"
    assert not whole.whole([], placed, known=True), "the table has another"
    assert not whole.whole([], None, known=True), "it was deleted, and that event is missing"
    assert not whole.whole([write(3, "shipped")], paid, known=True), "a write was not met"
    assert not gathered(change(2, "paid")).whole([], paid, known=True), "it does not begin with an INSERT"
    assert gathered(change(1, kind="INSERT"), change(2, "", "REMOVE")).whole([], None, known=True)


def test_the_verdict_names_the_newest_that_waits() -> None:
    trace = Trace(NOON, "shop", "local", "o-1", True, [Version(1), Version(2), Version(3)])
    assert (trace.exit_code, verdict(trace)) == (Exit.DONE, "All 3 versions can be queried.")
    trace.versions[0].stuck = Stuck(Hop.LAKE, "lost", "a")
    trace.versions[2].stuck = Stuck(Hop.KINESIS, "the pipe is STOPPED", "b")
    assert trace.exit_code is Exit.PARTLY
    assert verdict(trace) == "Version 3 has not come to Kinesis (and 1 more wait): the pipe is STOPPED."
    trace.versions[2].stuck = Stuck(Hop.LAKE, "the buffers hold it", "b", waits=True)
    assert verdict(trace).startswith("Version 3 is on its way to the lake")
    assert Trace(NOON, "shop", "local", "o-1", False, []).exit_code is Exit.FAILED
