"""Orders a second that the shop makes on one core, against other ways to come by an order.

    python tests/benchmarks/shop.py [--orders 300000] [--profile flash-sale] [--million]

Baselines, in the same run: an order made by Faker, field by field, as sample generators do; and what it costs to write
such an order as JSON, which whoever sends it pays anyway. CPU seconds of this process, the best of three. With
``--million``, also the memory after a million orders against that after the first hundred thousand.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import count, islice
from typing import Any

from faker import Faker

from salespipe.orders import PROFILES, Kind, Mix, Rhythm, Shop, default_world

START = 1763769600.0
RATE = 1000


def shop(mix: Mix, profile: str) -> Shop:
    """A shop with a thousand changes a second of its own time."""
    ticks, rhythm = count(), Rhythm.of(PROFILES[profile], start=START)
    return Shop(7, default_world(), lambda: START + rhythm.due(next(ticks) / RATE), mix=mix, rhythm=rhythm, pace=RATE)


def by_faker(faker: Faker) -> Iterator[dict[str, Any]]:
    """The same attributes, asked of Faker for each order."""
    while True:
        moment = faker.date_time_this_year().isoformat()
        yield {
            "orderid": str(uuid.uuid4()),
            "customer_id": faker.bothify("c-#######"),
            "customer_name": faker.name(),
            "region": faker.state(),
            "product_id": faker.bothify("p-####"),
            "product_name": faker.word(),
            "category": faker.word(),
            "quantity": faker.random_int(1, 5),
            "price": Decimal(faker.random_int(390, 39900)).scaleb(-2),
            "channel": faker.random_element(("web", "mobile", "store", "marketplace")),
            "payment_method": faker.random_element(("card", "paypal", "invoice", "wallet")),
            "status": "placed",
            "created_at": moment,
            "updated_at": moment,
        }


def a_second(make: Callable[[], Iterable[object]], number: int) -> float:
    """How many of ``number`` things are made in a CPU second."""
    best = float("inf")
    for _ in range(3):
        things = iter(make())
        began = time.process_time()
        deque(islice(things, number), maxlen=0)
        best = min(best, time.process_time() - began)
    return number / best


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=300_000)
    options.add_argument("--profile", choices=sorted(PROFILES), default="steady")
    options.add_argument("--million", action="store_true")
    asked = options.parse_args()
    faker = Faker()
    faker.seed_instance(7)
    items = [change.item for change in islice(shop(Mix(1, 0, 0), "steady"), 50_000)]
    orders = a_second(lambda: shop(Mix(1, 0, 0), asked.profile), asked.orders)
    changes = a_second(lambda: shop(Mix(), asked.profile), asked.orders)
    faked = a_second(lambda: by_faker(faker), asked.orders // 50)
    dumped = a_second(lambda: (json.dumps(item, default=str) for item in items), len(items))
    print(f"{'':24}{'a second':>12}{'orders to it':>16}")
    for name, rate in (
        (f"orders, {asked.profile}", orders),
        ("orders and their lives", changes),
        ("orders by Faker", faked),
        ("json.dumps of an order", dumped),
    ):
        print(f"{name:24}{rate:12,.0f}{orders / rate:15.1f}x")
    print(f"at least 100,000 orders a second: {'yes' if orders >= 100_000 else 'NO'}")
    if asked.million:
        grown(asked.profile)


def grown(profile: str) -> None:
    """Memory before and after, in MB: what is kept is the orders that are still alive."""
    living = shop(Mix(), profile)
    placed = 0
    marks = []
    for target in (100_000, 1_000_000):
        while placed < target:
            placed += next(living).kind is Kind.INSERT
        marks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"memory after 100,000 orders {marks[0]:.1f} MB, after a million {marks[1]:.1f} MB")


if __name__ == "__main__":
    main()
