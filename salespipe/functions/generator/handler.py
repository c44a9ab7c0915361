"""Generator: writes a number of changes of a shop's orders into the table named by ``TABLE_NAME``.

Event: ``{"count": 60}``, and optionally ``"seed"``, a whole number. Answer: ``{"written": 60}``. The orders have been
placed, paid and so on over the last minute. Every invocation is a shop of its own, whose order ids are unique, so that
a scheduled event that is delivered twice makes more orders, and never changes any. It opens with a full stock each time
and writes no reference data: what it sells is missing from the stock that ``salespipe generate`` keeps. ``TABLE_KEY``
names the table's partition key; without it, it is ``orderid``. ``SHOP_ZIPF`` says how unequally products sell.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from itertools import count as counter
from itertools import islice
from typing import Any

from salespipe.orders import Change, Item, Kind, Shop, Value, default_world

# BatchWriteItem's limit.
BATCH = 25
SPAN = 60.0
ATTEMPTS = 10


def handler(event: dict[str, Any], context: object = None) -> dict[str, int]:  # noqa: ARG001 (Lambda's signature)
    """Write ``count`` changes; raises when DynamoDB keeps sending some of them back."""
    count = int(event["count"])
    seed = int(event["seed"]) if event.get("seed") is not None else secrets.randbits(64)
    key = os.environ.get("TABLE_KEY", "orderid")
    written = 0
    for batch in batches(changes(count, seed, key, time.time()), key):
        write(_client(), os.environ["TABLE_NAME"], [request(change, key) for change in batch])
        written += len(batch)
    return {"written": written}


def changes(count: int, seed: int, key: str, now: float) -> Iterator[Change]:
    """``count`` changes spread over the minute before ``now``."""
    moments = counter()
    shop = Shop(
        seed,
        default_world(),
        lambda: now - SPAN + next(moments) * SPAN / count,
        zipf=float(os.environ.get("SHOP_ZIPF", "1")),
        key=key,
        pace=count / SPAN,
    )
    return islice(shop, count)


def batches(stream: Iterable[Change], key: str) -> Iterator[list[Change]]:
    """At most 25 changes each, in order, none with two changes of one order: BatchWriteItem refuses those."""
    batch: dict[Value, Change] = {}
    for change in stream:
        if len(batch) == BATCH or change.item[key] in batch:
            yield list(batch.values())
            batch = {}
        batch[change.item[key]] = change
    if batch:
        yield list(batch.values())


def request(change: Change, key: str) -> dict[str, Any]:
    """A change as a request of BatchWriteItem."""
    if change.kind is Kind.DELETE:
        return {"DeleteRequest": {"Key": attributes({key: change.item[key]})}}
    return {"PutRequest": {"Item": attributes(change.item)}}


def attributes(item: Item) -> dict[str, dict[str, str]]:
    """An order as DynamoDB JSON: text and numbers are all it has."""
    return {
        name: {"N": str(value)} if isinstance(value, int | Decimal) else {"S": value} for name, value in item.items()
    }


def write(
    client: Any,
    table: str,
    requests: list[dict[str, Any]],
    sleep: Callable[[float], None] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> None:
    """Write one batch, sending again what DynamoDB could not process, with full jitter."""
    for attempt in range(ATTEMPTS):
        requests = client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"].get(table, [])
        if not requests:
            return
        sleep(chance() * min(2.0, 0.05 * 2**attempt))
    raise RuntimeError(f"DynamoDB has sent {len(requests)} writes back {ATTEMPTS} times")


@cache
def _client() -> Any:
    # Made at the first invocation and kept while the environment is warm. Endpoint and credentials are the runtime's.
    import boto3

    return boto3.client("dynamodb")
