"""The generator function, as Lambda would run it, against moto."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from salespipe.functions.generator import handler as generator


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("TABLE_NAME", "OrdersRawTable")
    generator._client.cache_clear()
    with mock_aws():
        yield boto3.resource("dynamodb").create_table(
            TableName="OrdersRawTable",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        )
    generator._client.cache_clear()


def test_it_writes_as_many_changes_as_it_is_asked_for(table: Any) -> None:
    assert generator.handler({"count": 200}) == {"written": 200}
    items = table.scan()["Items"]
    changes = list(generator.changes(200, 1, "orderid", 0.0))
    kinds = Counter(change.kind for change in changes)
    assert len(kinds) == 3
    assert 0 < len(items) <= 200
    assert {"placed", "paid"} <= {item["status"] for item in items}
    assert all(item["price"] > 0 and item["quantity"] >= 1 for item in items)


def test_a_seed_of_zero_is_a_seed(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator.time, "time", lambda: 1763769600.0)
    generator.handler({"count": 30, "seed": 0})
    expected = {change.item["orderid"] for change in generator.changes(30, 0, "orderid", 1763769600.0)}
    assert {item["orderid"] for item in table.scan()["Items"]} <= expected


def test_products_sell_as_unequally_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def best(zipf: str) -> int:
        monkeypatch.setenv("SHOP_ZIPF", zipf)
        sold = Counter(change.item["product_id"] for change in generator.changes(2000, 1, "orderid", 0.0))
        return sold.most_common(1)[0][1]

    assert best("2") > 3 * best("0")


def test_two_invocations_never_share_an_order(table: Any) -> None:
    runs = [{change.item["orderid"] for change in generator.changes(60, seed, "orderid", 0.0)} for seed in (1, 2)]
    assert not runs[0] & runs[1]


def test_no_batch_has_two_changes_of_one_order_and_order_is_kept() -> None:
    changes = list(generator.changes(3000, 7, "orderid", 0.0))
    batches = list(generator.batches(changes, "orderid"))
    assert [change for batch in batches for change in batch] == changes
    assert all(len({change.item["orderid"] for change in batch}) == len(batch) <= 25 for batch in batches)


class Client:
    """Processes ``capacity`` requests of each call."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.written: list[Any] = []

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        ((table, requests),) = RequestItems.items()
        self.written += requests[: self.capacity]
        back = requests[self.capacity :]
        return {"UnprocessedItems": {table: back} if back else {}}


def test_what_is_not_processed_is_sent_again_alone() -> None:
    client, slept = Client(10), list[float]()
    requests: list[Any] = [{"PutRequest": {"Item": {"orderid": {"S": str(n)}}}} for n in range(25)]
    generator.write(client, "t", requests, slept.append, lambda: 1.0)
    assert client.written == requests
    assert slept == [0.05, 0.1]


def test_it_fails_when_nothing_is_ever_processed() -> None:
    with pytest.raises(RuntimeError, match="2 writes back"):
        generator.write(Client(0), "t", [{}, {}], lambda _: None)


def test_the_files_of_the_zip_are_all_it_needs(tmp_path: Path) -> None:
    package = Path(generator.__file__).parents[2]
    shutil.copy(generator.__file__, tmp_path / "handler.py")
    (tmp_path / "salespipe").mkdir()
    shutil.copy(package / "__init__.py", tmp_path / "salespipe")
    shutil.copytree(package / "orders", tmp_path / "salespipe" / "orders")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import handler; print(len(list(handler.changes(9, 1, 'k', 0))))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout == "9\n"
