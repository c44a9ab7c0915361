"""Made-up writes, and what a ledger has of them."""

from decimal import Decimal
from typing import Any

from salespipe.ledger import Entry, Header
from salespipe.ledger.fingerprint import NOTHING, of_item
from salespipe.load.attributes import delete_request, put_request
from salespipe.load.writer import Write
from salespipe.orders import Kind

HEADER = Header(
    pipeline="shop",
    account="123456789012",
    region="us-east-1",
    endpoint="",
    table="Orders",
    table_id="table-1",
    partition_key="orderid",
    command="generate",
    started=1_763_769_600_000,
    seed=7,
)
MILLISECONDS = 1_763_769_600_250


def item(number: int) -> dict[str, Any]:
    return {"orderid": f"o-{number}", "quantity": number, "price": Decimal("19.90"), "name": "Tasse ☕"}


def write(number: int, kind: Kind = Kind.INSERT, line: int = 0, expect: int = 0) -> Write:
    key = f"o-{number}"
    request = delete_request(key, "orderid") if kind is Kind.DELETE else put_request(item(number), "orderid")
    return Write(kind, key, request, 0.0, line, expect)


def entry(write: Write, at: int = MILLISECONDS) -> Entry:
    fingerprint = NOTHING if write.kind is Kind.DELETE else of_item(item(int(write.key[2:])))
    return Entry(write.kind, write.key, fingerprint, at, write.line, write.expect)
