"""What the live dashboard's sums cost: events a second on one core, a picture, and memory after ten million events.

    python tests/benchmarks/watch.py [--events 200000] [--million 10]

Events are those of a shop, as a pipe puts them into Kinesis (some 900 bytes of JSON each, one in two a new order), and
their decoding is part of every figure. Baselines, in the same run:

- ``json and dicts``: json.loads, the newest version of each order in a dict, and a Counter of revenue by product. It
  has neither windows nor cents, and forgets nothing;
- ``DuckDB``: the same events as a file of JSON lines, and one query for the revenue by product of each order's newest
  version: what it would take to ask anew for each picture.

The picture: what it takes to feed 2,000 events a second and draw four boards a second of today, with 500 products.
CPU seconds of this process. Memory: the resident set after a million events and after ten, with 100,000 orders kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from salespipe.orders import Kind, Mix, Shop, default_world
from salespipe.watch.model import Choice, Window
from salespipe.watch.tally import Tally

START = datetime(2026, 11, 23, 6, tzinfo=UTC).timestamp()
EVER = datetime(2026, 1, 1, tzinfo=UTC)
RATE = 2000
BATCH = 500
NAMES = {Kind.INSERT: "INSERT", Kind.UPDATE: "MODIFY", Kind.DELETE: "REMOVE"}


def shop_events() -> Iterator[bytes]:
    """What a shop with 2,000 changes a second does."""
    ticks = count()
    shop = Shop(7, default_world(), lambda: START + next(ticks) / RATE, mix=Mix(), pace=RATE)
    for number, change in enumerate(shop):
        image = None
        if change.kind is not Kind.DELETE:
            image = {
                name: {"N": str(value)} if isinstance(value, int | Decimal) else {"S": value}
                for name, value in change.item.items()
            }
        yield event(number, NAMES[change.kind], str(change.item["orderid"]), change.at, image)


def event(number: int, kind: str, key: str, at: float, image: dict[str, Any] | None) -> bytes:
    change: dict[str, Any] = {"ApproximateCreationDateTime": int(at), "Keys": {"orderid": {"S": key}}}
    if image:
        change["NewImage"] = image
    change |= {"SequenceNumber": f"{10**20 + number}", "SizeBytes": 300, "StreamViewType": "NEW_IMAGE"}
    whole = {
        "eventID": f"{number:032x}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/OrdersRawTable/stream/2026-11-23T01:02:03.456",
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def made_quickly(products: int, per_order: int) -> Iterator[bytes]:
    """Events of orders that are placed and then change a few times, without end; much quicker to make than a shop's."""
    chance = Random(7).random
    statuses = ("placed", "paid", "shipped", "delivered", "returned")
    template = event(0, "@kind", "@key", START, {"orderid": {"S": "@key"}, **_image()}).decode()
    template = template.replace("{", "{{").replace("}", "}}").replace("%", "%%")
    for name in ("kind", "key", "created", "status", "product", "customer", "units", "price"):
        template = template.replace(f"@{name}", f"{{{name}}}")
    template = template.replace(str(10**20), "{sequence}").replace(str(int(START)), "{at}")
    fill = template.format
    for number in count():
        # An order's versions are a second apart and more, so that most orders are changed long after they were new.
        step = number % per_order
        order = max(number // per_order - step * step * 1000, 0)
        at = START + order * per_order / RATE
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"
        seen = hash(order * 2654435761) % 2**32
        yield fill(
            kind="INSERT" if not step else "MODIFY",
            key=f"{order:011x}-0123456789-{order:x}",
            created=stamp,
            status=statuses[step] if step < 4 or chance() < 0.1 else "delivered",
            product=seen % products,
            customer=seen // products % 50_000,
            units=1 + seen % 3,
            price=f"{4 + seen % 90}.{seen % 100:02d}",
            sequence=10**20 + number,
            at=int(START + number / RATE),
        ).encode()


def _image() -> dict[str, Any]:
    texts = {"customer_id": "c-@customer", "customer_name": "Customer @customer", "region": "Plains"}
    texts |= {"product_id": "p-@product", "product_name": "Product @product", "category": "Home", "channel": "web"}
    texts |= {"payment_method": "card", "status": "@status", "created_at": "@created", "updated_at": "@created"}
    return {name: {"S": text} for name, text in texts.items()} | {"quantity": {"N": "@units"}, "price": {"N": "@price"}}


def json_and_dicts(records: Sequence[bytes]) -> object:
    newest: dict[str, Any] = {}
    revenue: Counter[str] = Counter()
    for data in records:
        found = json.loads(data)["dynamodb"]
        key = found["Keys"]["orderid"]["S"]
        old = newest.get(key)
        if old is not None:
            if int(found["SequenceNumber"]) <= int(old["SequenceNumber"]):
                continue
            _add(revenue, old, -1)
        newest[key] = found
        _add(revenue, found, 1)
    return newest, revenue


def _add(revenue: Counter[str], change: dict[str, Any], sign: int) -> None:
    image = change.get("NewImage")
    if image and image["status"]["S"] not in ("cancelled", "returned"):
        revenue[image["product_id"]["S"]] += sign * int(image["quantity"]["N"]) * float(image["price"]["N"])


def by_duckdb(file: Path) -> object:
    with duckdb.connect(config={"threads": 1}) as db:
        db.execute("SET enable_progress_bar = false")
        return db.execute(
            "WITH versions AS (SELECT dynamodb ->> '$.Keys.orderid.S' AS orderid, eventName AS kind, dynamodb, "
            "row_number() OVER (PARTITION BY orderid ORDER BY dynamodb ->> '$.SequenceNumber' DESC) AS version "
            "FROM read_json(?, columns = {eventName: 'VARCHAR', dynamodb: 'JSON'}, format = 'newline_delimited')) "
            "SELECT dynamodb ->> '$.NewImage.product_id.S' AS product, sum(CAST(dynamodb ->> '$.NewImage.quantity.N' "
            "AS INT) * CAST(dynamodb ->> '$.NewImage.price.N' AS DECIMAL(18, 2))) FROM versions WHERE version = 1 "
            "AND kind <> 'REMOVE' AND dynamodb ->> '$.NewImage.status.S' NOT IN ('cancelled', 'returned') GROUP BY 1",
            [str(file)],
        ).fetchall()


def by_tally(records: Sequence[bytes], choice: Choice | None) -> Tally:
    tally = Tally()
    for start in range(0, len(records), BATCH):
        tally.feed(records[start : start + BATCH])
        if choice and start % (20 * BATCH) == 0:
            tally.board(datetime.fromtimestamp(START + start / RATE, UTC), choice, filled_since=EVER)
    return tally


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds, the best of so many."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def resident() -> float:
    """MB of this process now; the most so far would have the lists of the other parts in it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def speed(number: int) -> None:
    records = list(islice(shop_events(), number))
    print(f"{number:,} events of {sum(map(len, records)) / number:,.0f} bytes, one core")
    plain = seconds(lambda: json_and_dicts(records))
    print(f"  json and dicts        {number / plain:10,.0f} events/s    1.00x")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.json"
        file.write_bytes(b"\n".join(records))
        asked = seconds(lambda: by_duckdb(file))
    print(f"  DuckDB, one query     {number / asked:10,.0f} events/s   {plain / asked:5.2f}x   {asked:.2f} s a picture")
    for name, choice in (
        ("tally, nobody looks", None),
        ("tally, 15m looked at", Choice()),
        ("tally, today", Choice(window=Window.TODAY)),
        ("tally, one channel", Choice(window=Window.TODAY, channel="web")),
    ):
        taken = seconds(lambda choice=choice: by_tally(records, choice))  # type: ignore[misc]
        print(f"  {name:21} {number / taken:10,.0f} events/s   {plain / taken:5.2f}x")


def picture(products: int = 500, minutes: int = 5) -> None:
    events = made_quickly(products, 5)
    tally, choice, at = Tally(), Choice(window=Window.TODAY), START
    for _ in range(minutes * 60 * RATE // BATCH):
        tally.feed(list(islice(events, BATCH)))
        at += BATCH / RATE
    tally.board(datetime.fromtimestamp(at, UTC), choice, filled_since=EVER)
    fed, drawn, slowest = 0.0, 0.0, 0.0
    turns = 80
    for _ in range(turns):
        records = list(islice(events, BATCH))
        at += BATCH / RATE
        start = time.process_time()
        tally.feed(records)
        between = time.process_time()
        tally.board(datetime.fromtimestamp(at, UTC), choice, filled_since=EVER)
        end = time.process_time()
        fed, drawn, slowest = fed + between - start, drawn + end - between, max(slowest, end - between)
    whole = turns * BATCH / RATE
    print(f"today, {products} products, {len(tally._kept.orders):,} orders, 2,000 events/s, 4 boards/s")
    print(f"  feeding {fed / whole:.1%} of a core, boards {drawn / whole:.1%}")
    print(f"  a board {1000 * drawn / turns:.1f} ms, the slowest {1000 * slowest:.1f} ms")
    tally._frames.clear()
    other = seconds(
        lambda: tally.board(
            datetime.fromtimestamp(at, UTC), Choice(window=Window.TODAY, channel="web"), filled_since=EVER
        ),
        1,
    )
    print(f"  the first board of another choice {other:.2f} s")


def memory(millions: int, kept: int) -> None:
    events = made_quickly(500, 5)
    tally, choice, at = Tally(orders_kept=kept), Choice(window=Window.TODAY), START
    before, begun = resident(), time.process_time()
    print(f"{millions} million events, {kept:,} orders kept")
    for million in range(1, millions + 1):
        for _ in range(1_000_000 // BATCH):
            tally.feed(list(islice(events, BATCH)))
            at += BATCH / RATE
        board = tally.board(datetime.fromtimestamp(at, UTC), choice, filled_since=EVER)
        if million in (1, millions) or million % 3 == 0:
            print(
                f"  {board.events:12,} events  {resident() - before:7.1f} MB  {len(tally._kept.orders):9,} orders, "
                f"from {board.filled_since:%H:%M} on  {time.process_time() - begun:6.0f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--million", type=int, default=10)
    parser.add_argument("--kept", type=int, default=100_000)
    told = parser.parse_args()
    # Each in a process of its own: none has what another left in memory.
    for work, values in ((speed, (told.events,)), (picture, ()), (memory, (told.million, told.kept))):
        process = get_context("spawn").Process(target=work, args=values)
        process.start()
        process.join()


if __name__ == "__main__":
    main()
