"""What verifying is made of, without any AWS."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.functions.transform.handler import lake_record
from salespipe.ledger.fingerprint import NOTHING, of_attributes
from salespipe.load.oddities import MALFORMED, NUMBERS
from salespipe.query.model import Column
from salespipe.trust.proof import content, events, lake, ledgers, table, view
from salespipe.trust.proof.align import align
from salespipe.trust.proof.bucket import Bucket, Windows, compare
from salespipe.trust.proof.content import GONE, Content
from salespipe.trust.proof.findings import LISTED, Finding, Findings, Kind, Stage
from salespipe.trust.proof.judge import Judge
from salespipe.trust.proof.lake import Object
from salespipe.trust.proof.orders import orders
from salespipe.trust.proof.rows import Rows
from salespipe.trust.proof.spool import Spool

ITEM: dict[str, Any] = {"orderid": {"S": "o-1"}, "quantity": {"N": "3"}, "price": {"N": "19.9"}, "name": {"S": "☕"}}
NOW = 1_763_769_600


def told(item: dict[str, Any]) -> Content:
    """The content of the lake record that the transform makes of an item."""
    change = {"Keys": {}, "NewImage": item, "SequenceNumber": "1", "ApproximateCreationDateTime": NOW}
    line = lake_record({"eventID": "e", "eventName": "INSERT", "dynamodb": change})
    return content.of_record(content.decode(line.encode()))


@pytest.mark.parametrize(
    "odd", [*MALFORMED, {"amount": {"N": "59.7"}}, {"amount": {"N": "60"}}, {"tags": {"SS": ["b", "a"]}}]
)
def test_an_item_is_known_again_in_the_lake(odd: dict[str, Any]) -> None:
    item = {name: value for name, value in {**ITEM, **odd}.items() if value is not None}
    assert told(item).same(content.of_item(item))
    assert told(item).may_be(of_attributes(item)), "as the ledger has it"
    other = {**item, "name": {"S": "tea"}}
    assert not told(other).same(content.of_item(item))
    assert not told(other).may_be(of_attributes(item))


@pytest.mark.parametrize("numbers", NUMBERS)
def test_numbers_at_the_limits_are_known_again(numbers: dict[str, Any]) -> None:
    item = {**ITEM, **{name: {"N": str(value)} for name, value in numbers.items()}}
    assert told(item).same(content.of_item(item))


numbers = st.decimals(-1000, 1000, places=2).map(str)
attributes = st.fixed_dictionaries(
    {"orderid": st.just({"S": "o-1"}), "quantity": st.integers(-5, 10**10).map(lambda each: {"N": str(each)})},
    optional={
        "price": st.one_of(numbers.map(lambda each: {"N": each}), st.text().map(lambda each: {"S": each})),
        "amount": numbers.map(lambda each: {"N": each}),
        "note": st.text().map(lambda each: {"S": each}),
        "score": numbers.map(lambda each: {"N": each}),
        "flag": st.booleans().map(lambda each: {"BOOL": each}),
        "item_price": st.text().map(lambda each: {"S": each}),
        "Item_dt": st.text().map(lambda each: {"S": each}),
    },
)


@given(attributes)
def test_the_short_way_to_a_records_content_leads_to_the_same(item: dict[str, Any]) -> None:
    change = {"Keys": {}, "NewImage": item, "SequenceNumber": "1", "ApproximateCreationDateTime": NOW}
    row = content.decode(lake_record({"eventID": "e", "eventName": "INSERT", "dynamodb": change}).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_usual", lambda _: ())
        long = content.of_record(row)
    assert content.of_record(row) == long
    assert long.same(content.of_item(item))
    assert long.may_be(of_attributes(item))


def test_an_amount_that_adds_up_is_the_same_with_and_without_it() -> None:
    own = {**ITEM, "amount": {"N": "59.7"}}
    assert content.of_item(own).plain == content.of_item(ITEM).plain == told(ITEM).plain == told(own).plain
    assert content.of_item(own).own != content.of_item(ITEM).own


fingerprints = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=8)


@given(fingerprints, fingerprints)
def test_what_is_matched_is_a_longest_common_subsequence(versions: list[bytes], held: list[bytes]) -> None:
    lost, extra = align(versions, [Content(each, each) for each in held])
    longest = [[0] * (len(held) + 1) for _ in range(len(versions) + 1)]
    for row, version in enumerate(versions):
        for column, each in enumerate(held):
            both = longest[row][column] + 1 if version == each else 0
            longest[row + 1][column + 1] = max(both, longest[row][column + 1], longest[row + 1][column])
    assert len(versions) - len(lost) == longest[-1][-1]
    assert len(extra) <= len(held) - longest[-1][-1]


def test_of_a_hot_order_one_missing_version_is_one_missing_version() -> None:
    versions = [number.to_bytes(8, "big") for number in range(3000)]
    held = [Content(each, each) for each in versions if each != versions[1234]]
    assert align(versions, held) == ([1234], [])


COLUMNS = (
    Column("orderid", "varchar"),
    Column("quantity", "integer"),
    Column("price", "decimal", 18, 2),
    Column("score", "double"),
    Column("created_at", "timestamp"),
    Column("tags", "array"),
    Column("sale_outcome", "varchar"),
)
CELLS = ["o-1", "3", "19.90", "5.0E9", "2026-11-22 10:00:00.000", "[a, b]", "sold"]
ROW = {
    "OrderId": "o-1",
    "quantity": 3,
    "price": Decimal("19.9"),
    "score": Decimal("5000000000.0"),
    "created_at": "2026-11-22T10:00:00.000Z",
    "tags": ["a", "b"],
}


def test_a_row_of_the_view_has_the_digest_of_its_record() -> None:
    rows = Rows(COLUMNS, "orderid")
    assert rows.of_row(CELLS) == rows.of_record(ROW)
    assert rows.differing(ROW, CELLS) == []
    for place, other in ((1, "4"), (2, "19.91"), (3, "5.1E9"), (4, "2026-11-22 10:00:01.000"), (0, None), (1, None)):
        cells: list[str | None] = [*CELLS]
        cells[place] = other
        assert rows.of_row(cells) != rows.of_record(ROW)
        assert rows.differing(ROW, cells) == [COLUMNS[place].name]


@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        ("orderid", Decimal("7.0"), "7.0"),
        ("orderid", {"a": 1}, '{"a":1}'),
        ("quantity", "two", None),
        ("price", Decimal("1e120"), None),
        ("created_at", "yesterday", None),
        ("created_at", "2026-11-22T12:00:00+02:00", "2026-11-22 10:00:00.000"),
        ("tags", ["a", {"b": 1}], "[a, {b=1}]"),
    ],
)
def test_what_does_not_fit_a_columns_type_is_no_fault(name: str, value: Any, cell: str | None) -> None:
    record = {**{key.lower(): each for key, each in ROW.items()}, name: value}
    cells = [cell if column.name == name else each for column, each in zip(COLUMNS, CELLS, strict=True)]
    assert Rows(COLUMNS, "orderid").differing(record, cells) == []


def test_what_is_spooled_is_read_back_by_bucket() -> None:
    with Spool(50_000) as spool:
        assert spool.buckets == 6
        writer = spool.writer("lake")
        rows = {f"o-{number}": number for number in range(5000)}
        for key, number in rows.items():
            writer.add(key, (number, b"\0\1"), (key * 2, [number]))
        writer.close()
        found = {}
        for bucket in range(spool.buckets):
            records = spool.read("lake", bucket)
            for index, (key, number) in enumerate(zip(records.column(0), records.column(1), strict=True)):
                assert records.rest(index) == [key * 2, [number]]
                found[key] = number
        assert found == rows
        assert spool.read("view", 0).column(0) == []
        folder = Path(spool._path)
    assert not folder.exists()


class World:
    """Orders that every hop agrees on, to be told otherwise."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        hops = (
            events.TABLE_STREAM,
            events.KINESIS,
            lake.HOP,
            lake.ERRORS,
            lake.BROKEN,
            ledgers.HOP,
            table.HOP,
            view.HOP,
        )
        self.writers = {hop: spool.writer(hop) for hop in hops}

    def write(
        self, key: str, version: int, *, hops: str = "tkls", at: int = NOW, held: bytes = b"", took: int = 3
    ) -> None:
        """One version of an order at the hops with these letters: table stream, kinesis, ledger, s3."""
        fingerprint = held or f"{key[-3:]:>3}{version:>5}".encode()
        event, sequence = f"{key}-{version}", str(version).zfill(40)
        digest = events.digest(key, event, sequence, at, fingerprint)
        for letter, hop in (("t", events.TABLE_STREAM), ("k", events.KINESIS)):
            if letter in hops:
                row = (event, sequence, fingerprint, fingerprint, at * 1000, at * 1000)
                self.writers[hop].add(key, (digest, at), row)
        if "l" in hops:
            self.writers[ledgers.HOP].add(key, (fingerprint, 0), (at * 1000,))
        if "s" in hops:
            row = (digest, at, sequence, fingerprint, fingerprint, hash(fingerprint), took)
            self.writers[lake.HOP].add(key, row, (event, [], 0, version, at * 1000, 0))

    def current(self, key: str, version: int, *, rows: int = 1) -> None:
        fingerprint = f"{key[-3:]:>3}{version:>5}".encode()
        self.writers[table.HOP].add(key, (fingerprint, fingerprint))
        for _ in range(rows):
            self.writers[view.HOP].add(key, (hash(fingerprint),), (["cell"],))

    def judged(self, windows: Windows, *, lent: bool = False, took: float = 3.0) -> list[tuple[str, str, str, int]]:
        for writer in self.writers.values():
            writer.close()
        bucket = Bucket.load(self.spool, 0)
        judge = Judge(windows, [Object("one.gz", 1, NOW + took)], pipe_late=10, lent=lent)
        found = [each for order in orders(bucket, compare(bucket, windows).differing) for each in judge.of(order)[0]]
        return [(each.kind.value, each.stage.value, each.order, each.version) for each in found]


@pytest.fixture
def world() -> Any:
    with Spool(1) as spool:
        made = World(spool)
        for key in ("o-1", "o-2"):
            made.write(key, 1)
            made.write(key, 2)
            made.current(key, 2)
        yield made


FRESH = Windows(NOW + 60, table_stream=0, kinesis=0, late=100)
OLD = Windows(NOW + 60, late=100)


@pytest.mark.parametrize("windows", [FRESH, OLD], ids=["fresh", "old"])
def test_nothing_is_said_where_all_agree(world: World, windows: Windows) -> None:
    world.write("o-3", 1, hops="tks")  # written by somebody else
    world.current("o-3", 1)
    assert world.judged(windows) == []


def test_a_version_in_the_midst_that_only_the_ledger_knows(world: World) -> None:
    for version in (1, 2, 3):
        world.write("o-3", version, hops="l" if version == 2 else "ls")
    world.current("o-3", 3)
    assert world.judged(OLD) == [("lost", "lake", "o-3", 2)]


def test_a_write_that_never_became_an_event(world: World) -> None:
    world.write("o-3", 1)
    world.write("o-3", 2, hops="l")
    world.current("o-3", 1)
    assert world.judged(FRESH) == [("lost", "table", "o-3", 2)]


def test_a_line_that_differs_from_what_was_acknowledged_long_ago(world: World) -> None:
    world.write("o-3", 1, hops="l")
    world.write("o-3", 1, hops="s", held=b"another.")
    world.current("o-3", 1)
    assert world.judged(OLD)[0] == ("wrong", "lake", "o-3", 1)


def test_a_lost_tombstone_of_an_order_that_no_ledger_has(world: World) -> None:
    world.write("o-3", 1, hops="s")
    world.writers[view.HOP].add("o-3", (0,), (["cell"],))
    assert world.judged(OLD) == [("lost", "lake", "o-3", 0)]


def test_an_order_of_a_table_that_was_there_before_the_pipeline(world: World) -> None:
    world.writers[table.HOP].add("o-3", (b"12345678", b"12345678"))
    assert world.judged(OLD, lent=True) == [("unexpected", "lake", "o-3", 0)]


def test_what_failed_longer_ago_than_the_streams_remember(world: World) -> None:
    world.write("o-3", 1, hops="l")
    fingerprint = b"o-3    1"
    rest = ("errors/one", "o-3-1", "1".zfill(40), fingerprint, fingerprint, NOW * 1000, 0)
    world.writers[lake.ERRORS].add("o-3", (), rest)
    world.writers[table.HOP].add("o-3", (fingerprint, fingerprint))
    assert world.judged(OLD) == [("lost", "transform", "o-3", 1)]


def test_what_kinesis_has_twice_and_the_lake_too_was_doubled_by_the_pipe(world: World) -> None:
    for hops in ("tkls", "ks"):
        world.write("o-3", 1, hops=hops)
    world.current("o-3", 1)
    assert world.judged(FRESH) == [("duplicated", "pipe", "o-3", 1)]


def test_what_is_late_without_kinesis_is_late_at_the_lake(world: World) -> None:
    world.write("o-3", 1, hops="ls", took=300)
    world.current("o-3", 1)
    assert world.judged(OLD, took=300) == [("late", "lake", "o-3", 1)]


def test_what_is_written_meanwhile_is_not_compared(world: World) -> None:
    world.write("o-3", 1)
    world.write("o-3", 2, hops="t", at=NOW + 60)
    world.current("o-3", 1)
    assert world.judged(FRESH) == []


def test_a_deleted_order_is_nowhere(world: World) -> None:
    world.write("o-3", 1)
    world.write("o-3", 2, held=NOTHING)
    assert world.judged(FRESH) == []
    assert GONE.may_be(NOTHING)


def test_of_many_findings_some_are_listed_and_all_are_counted() -> None:
    findings = Findings()
    for number in range(LISTED + 5):
        findings.add(Finding(kind=Kind.LOST, stage=Stage.LAKE, order=str(number), detail=""))
    assert (len(findings.listed), findings.faults) == (LISTED, LISTED + 5)
    assert findings.counts[Kind.LOST, Stage.LAKE] == LISTED + 5
    assert json.dumps([each.order for each in findings.listed[:2]]) == '["0", "1"]'


def test_an_event_of_the_second_in_which_its_stream_was_made_is_one_that_the_stream_holds() -> None:
    now, began = 1_763_769_700.0, 1_763_769_600.9
    assert events.since(now, 86_400.0, began) <= 1_763_769_600
    assert events.since(now + 200_000, 86_400.0, began) > began
