"""Chaos: the same for the same seed, and every kind has the outcome that its table promises, on the local AWS."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.drain import drain
from salespipe.ledger import Entry, Ledgers
from salespipe.load.attributes import Rejected
from salespipe.load.chaos import Chaos, Made
from salespipe.load.generate import generate, write_of
from salespipe.load.oddities import MALFORMED, TEXTS
from salespipe.load.report import Summary
from salespipe.load.troubles import SHARES, TROUBLES, Outcome, Trouble, code, meaning, parse_chaos
from salespipe.local import daemon
from salespipe.orders import Kind, Shop, default_world
from salespipe.pipeline import pipeline
from salespipe.query import athena
from salespipe.query.crawl import crawl

START = 1763769600.0
# Enough of each kind for every value that it has, in a thousand writes.
PLENTY = {
    Trouble.DUPLICATES: 0.08,
    Trouble.LATE: 0.05,
    Trouble.EARLY: 0.05,
    Trouble.DELETES: 0.05,
    Trouble.PHANTOMS: 0.03,
    Trouble.MALFORMED: 0.12,
    Trouble.OVERSIZED: 0.01,
    Trouble.UNICODE: 0.06,
    Trouble.NUMBERS: 0.10,
    Trouble.HOT: 0.10,
}


def stream(seed: int, count: int, shares: dict[Trouble, float] | None = None) -> list[Any]:
    moments = iter(range(10**9))
    moment = START

    def clock() -> float:
        return moment

    shop = Shop(1, default_world(), clock)
    chaos = Chaos(shares or PLENTY, seed, "orderid", clock)
    found = []
    for change in islice(chaos.among(shop), count):
        moment = START + next(moments) / 100
        found.append(change)
    return found


def written(change: Any) -> tuple[Any, ...]:
    if not isinstance(change, Made):
        return tuple(change)
    try:
        return change.kind, change.key, change.request(), change.expect
    except Rejected as why:
        return change.kind, change.key, str(why), change.expect


def test_the_same_seed_makes_the_same_chaos_and_another_one_another() -> None:
    first, again, other = (list(map(written, stream(seed, 2000))) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("shares", [SHARES, PLENTY])
def test_each_kind_has_its_share_of_the_writes(shares: dict[Trouble, float]) -> None:
    count = 30_000
    made = Counter(meaning(change.expect)[0] for change in stream(8, count, shares) if isinstance(change, Made))
    for trouble, share in shares.items():
        assert made[trouble] / count == pytest.approx(share, rel=0.35), trouble


def test_what_is_promised_to_be_rejected_is_and_nothing_else() -> None:
    for change in stream(5, 4000):
        if isinstance(change, Made):
            rejected = isinstance(written(change)[2], str)
            assert rejected is (meaning(change.expect)[1] is Outcome.REJECTED), change


def test_a_duplicate_is_the_order_as_it_was_written_last() -> None:
    last: dict[str, bytes] = {}
    duplicates = 0
    for change in stream(5, 4000):
        if isinstance(change, Made) and meaning(change.expect)[0] is not Trouble.DUPLICATES:
            continue
        write = write_of(change, "orderid", 0.0)
        if isinstance(change, Made):
            duplicates += 1
            assert last[write.key] == write.request
        last[write.key] = write.request
    assert duplicates > 200


def test_codes_fit_a_byte_and_say_what_they_mean() -> None:
    codes = {code(trouble, outcome): (trouble, outcome) for trouble in TROUBLES for outcome in Outcome}
    assert len(codes) == len(TROUBLES) * len(Outcome)
    assert 0 < min(codes) <= max(codes) < 256
    assert {number: meaning(number) for number in codes} == codes
    for number in (0, 3, max(codes) + 2):
        with pytest.raises(ValueError, match=r"no code of chaos"):
            meaning(number)


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("all", dict(SHARES)),
        ("hot=5%", {Trouble.HOT: 0.05}),
        ("late = 0.25, malformed", {Trouble.LATE: 0.25, Trouble.MALFORMED: SHARES[Trouble.MALFORMED]}),
    ],
)
def test_shares_are_read(text: str, shares: dict[Trouble, float]) -> None:
    assert parse_chaos(text) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("duplicate", "Did you mean duplicates?"),
        ("", "and all"),
        ("zebra", "There are duplicates, late"),
        ("hot=", "Write 0.05 or 5%"),
        ("hot=0", "Write 0.05 or 5%"),
        ("hot=nan", "Write 0.05 or 5%"),
        ("hot=95%", "Write 0.05 or 5%"),
        ("hot=0.5,late=0.5", "Ask for less"),
    ],
)
def test_nonsense_is_refused(text: str, told: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        parse_chaos(text)
    assert (caught.value.code, caught.value.exit_code) == ("BadChaos", Exit.USAGE)
    assert told in (caught.value.hint or "")


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value["N"]) if "N" in value else value.get("S") for name, value in item.items()}


@dataclass
class Story:
    """What was written under chaos, and what came of it."""

    aws: Aws
    summary: Summary
    entries: list[Entry]
    events: Counter[str]
    last_kind: dict[str, Kind]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return athena.run(self.aws, sql).records()

    def keys(self, trouble: Trouble) -> set[str]:
        return {entry.key for entry in self.entries if entry.expect and meaning(entry.expect)[0] is trouble}

    @property
    def items(self) -> dict[str, dict[str, Any]]:
        """The table itself, as far as it has texts and numbers."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=self.aws.names.table)
        return {item["orderid"]["S"]: _plain(item) for page in pages for item in page["Items"]}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("chaos")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    for _ in lifecycle.up(aws, pipeline(aws)):
        pass
    ledgers = Ledgers(aws, folder)
    summary = generate(aws, rate=600, count=1200, seed=12, chaos=PLENTY, ledgers=ledgers)
    (reading,), _ = ledgers.of_table()
    entries = list(reading)
    drain(aws)
    crawl(aws)
    events = athena.run(aws, "SELECT orderid, count(DISTINCT event_id) AS events FROM order_events GROUP BY orderid")
    yield Story(
        aws,
        summary,
        entries,
        Counter({str(row["orderid"]): int(row["events"]) for row in events.records()}),  # type: ignore[arg-type]
        {entry.key: entry.kind for entry in entries},
    )
    daemon.stop(folder)


def test_the_summary_counts_every_kind_and_outcome(story: Story) -> None:
    assert story.summary.chaos.keys() == set(TROUBLES)
    told = Counter(
        {
            (trouble, outcome): number
            for trouble, outcomes in story.summary.chaos.items()
            for outcome, number in outcomes.items()
        }
    )
    meanings = [meaning(entry.expect) for entry in story.entries if entry.expect]
    ledger = Counter((str(trouble), str(outcome)) for trouble, outcome in meanings)
    rejected = Counter({pair: number for pair, number in told.items() if pair[1] == "rejected"})
    assert ledger + rejected == told
    assert rejected.total() == story.summary.rejected > 0
    assert story.summary.acknowledged == len(story.entries) == 1200 - story.summary.rejected


def test_every_write_had_the_events_that_its_outcome_promises(story: Story) -> None:
    promised: Counter[str] = Counter()
    for entry in story.entries:
        promised[entry.key] += not entry.expect or meaning(entry.expect)[1] is Outcome.DELIVERED
    assert story.events == +promised
    assert min(len(story.keys(trouble)) for trouble in (Trouble.PHANTOMS, Trouble.LATE, Trouble.EARLY)) > 5
    assert len(story.keys(Trouble.MALFORMED)) > len(MALFORMED)
    assert len(story.keys(Trouble.UNICODE)) > len(TEXTS)
    (hot,) = story.keys(Trouble.HOT)
    assert story.events[hot] > 60


def test_what_was_rejected_is_nowhere(story: Story) -> None:
    rejected = {reject.key for reject in story.summary.rejects}
    assert len(rejected) == story.summary.rejected
    assert not rejected & (story.events.keys() | story.items.keys())


def test_nothing_is_quarantined_and_no_letter_is_dead(story: Story) -> None:
    aws = story.aws
    objects = aws.client("s3").list_objects_v2(Bucket=aws.names.bucket, Prefix=aws.names.errors_prefix)
    assert objects["KeyCount"] == 0
    url = aws.client("sqs").get_queue_url(QueueName=aws.names.queue)["QueueUrl"]
    held = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert held["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_the_view_shows_the_orders_of_the_table_as_they_are(story: Story) -> None:
    items = story.items
    rows = {str(row["orderid"]): row for row in story.rows("SELECT * FROM orders")}
    assert rows.keys() == items.keys()
    deleted = {key for key in story.keys(Trouble.DELETES) if story.last_kind[key] is Kind.DELETE}
    assert len(deleted) > 3
    assert not deleted & rows.keys()
    normal = {key: item for key, item in items.items() if not key.startswith("chaos-")}
    assert len(normal) > 150
    for key, item in normal.items():
        assert rows[key]["status"] == item["status"]
        assert rows[key]["quantity"] == item["quantity"]
        assert rows[key]["amount"] == item["quantity"] * item["price"]
        assert rows[key]["customer_name"] == item["customer_name"]
    (total,) = story.rows("SELECT sum(amount) AS revenue, sum(quantity) AS units FROM orders WHERE category <> 'Chaos'")
    assert total == {
        "revenue": sum(item["quantity"] * item["price"] for item in normal.values()),
        "units": sum(item["quantity"] for item in normal.values()),
    }


def test_an_older_update_that_came_last_is_what_the_view_shows(story: Story) -> None:
    keys = [key for key in story.keys(Trouble.LATE) if story.events[key] == 3]
    assert len(keys) > 5
    for row in story.rows("SELECT orderid, status, created_at > updated_at AS older FROM orders"):
        if row["orderid"] in keys:
            assert (row["status"], row["older"]) == ("paid", True)


def test_texts_arrive_character_by_character(story: Story) -> None:
    found = {
        row["customer_name"]
        for row in story.rows("SELECT customer_name FROM orders WHERE orderid LIKE 'chaos-unicode-%'")
    }
    assert found == set(TEXTS)


def test_what_is_no_number_is_told_as_text_and_harms_no_sum(story: Story) -> None:
    rows = story.rows("SELECT price, quantity, amount, item_price, item_quantity FROM orders")
    told = {row["item_price"] for row in rows} | {row["item_quantity"] for row in rows}
    assert {None, "N/A", '{"currency":"EUR","value":9.9}', "two", "[1,2]", "true", "9" * 38, "2.5"} <= told
    quantities = {row["quantity"] for row in rows}
    assert {1000, -1, None} <= quantities
    assert Decimal("19.90") in {row["price"] for row in rows}
    (count,) = story.rows("SELECT count(*) AS orders, max(quantity) AS most, min(price) AS least FROM orders")
    assert count["most"] == 1000


def test_lines_of_the_lake_are_one_object_each(story: Story) -> None:
    aws = story.aws
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=aws.names.bucket, Prefix=aws.names.events_prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    lines = [
        line
        for key in keys
        for line in gzip.decompress(s3.get_object(Bucket=aws.names.bucket, Key=key)["Body"].read()).split(b"\n")[:-1]
    ]
    assert len({json.loads(line)["event_id"] for line in lines}) == story.events.total()
