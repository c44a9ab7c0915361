"""Files into the table: exact totals, and every bad row accounted for."""

import csv
import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import Exit, SalespipeError
from salespipe.load.mapping import parse_mapping
from salespipe.load.replay import replay
from salespipe.load.report import LoadError, Reject, Summary

SAMPLE = Path(__file__).parents[1] / "data" / "cdnow_sample.csv"
MAP = parse_mapping("orderid=order_no,customer_id=customer,created_at=date,quantity=cds,amount=dollars")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.resource("dynamodb", "us-east-1").create_table(
            TableName="OrdersRawTable",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        )


def sample_rows() -> list[dict[str, str]]:
    with SAMPLE.open(newline="") as file:
        return list(csv.DictReader(file))


def written(tmp_path: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """An item with numbers as Decimal, of simple types only."""
    return {name: Decimal(value["N"]) if "N" in value else next(iter(value.values())) for name, value in item.items()}


def run(dynamo: Any, path: Path, mapping: str | None = None, **options: Any) -> Summary:
    return replay(dynamo.aws(sleep=lambda _: None), path, parse_mapping(mapping) if mapping else None, **options)


def test_the_sample_arrives_exactly(table: Any) -> None:
    summary = replay(Aws(Config(target="aws")), SAMPLE, MAP)
    assert (summary.acknowledged, summary.inserted, summary.rejected, summary.done) == (500, 500, 0, 1.0)
    rows, items = sample_rows(), table.scan()["Items"]
    assert len(items) == 500
    assert {item["orderid"]: item for item in items} == {
        row["order_no"]: {
            "orderid": row["order_no"],
            "customer_id": row["customer"],
            "created_at": f"{row['date']}T00:00:00.000Z",
            "quantity": int(row["cds"]),
            "amount": Decimal(row["dollars"]),
        }
        for row in rows
    }
    months: dict[str, Decimal] = defaultdict(Decimal)
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for item, row in zip(items, rows, strict=True):
        months[item["created_at"][:7]] += item["amount"]
        expected[row["date"][:7]] += Decimal(row["dollars"])
    assert months == expected
    assert len({item["customer_id"] for item in items}) == len({row["customer"] for row in rows})


def test_unprocessed_items_change_no_total(dynamo: Any) -> None:
    chance = random.Random(3)  # noqa: S311 (weather)
    dynamo.capacity = lambda size: chance.randrange(size + 1)
    summary = run(dynamo, SAMPLE, ",".join(f"{attribute}={column}" for attribute, column in MAP.items()))
    assert summary.acknowledged == 500
    assert summary.throttled == summary.retried == sum(dynamo.calls) - 500 > 0
    total = sum(plain(item)["amount"] for item in dynamo.items.values())
    assert total == sum(Decimal(row["dollars"]) for row in sample_rows())


def test_gzip_is_known_by_its_bytes(dynamo: Any, tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(SAMPLE.read_bytes()), "orders.txt")
    summary = replay(dynamo.aws(), path, MAP)
    assert (summary.acknowledged, summary.done) == (500, 1.0)


def test_json_lines_keep_their_types(dynamo: Any, tmp_path: Path) -> None:
    order = {
        "orderid": 17,
        "customer_id": "0007",
        "quantity": "3",
        "price": 19.90,
        "created_at": "2026-11-22T10:00:00+02:00",
        "gift": True,
        "weight": 1.5,
        "code": "123",
        "tags": ["a", 1],
        "note": None,
    }
    summary = run(dynamo, written(tmp_path, json.dumps(order) + "\n\n"))
    assert summary.acknowledged == 1
    assert dynamo.items["17"] == {
        "orderid": {"S": "17"},
        "customer_id": {"S": "0007"},
        "quantity": {"N": "3"},
        "price": {"N": "19.9"},
        "created_at": {"S": "2026-11-22T08:00:00.000Z"},
        "gift": {"BOOL": True},
        "weight": {"N": "1.5"},
        "code": {"S": "123"},
        "tags": {"L": [{"S": "a"}, {"N": "1"}]},
    }


def test_without_a_mapping_every_column_is_taken(dynamo: Any, tmp_path: Path) -> None:
    text = "\ufefforderid;customer_id;quantity;price;zip;weight;note;updated_at\r\n1;7;2;5;01234;2.50;;2026-01-02\r\n"
    run(dynamo, written(tmp_path, text))
    assert dynamo.items["1"] == {
        "orderid": {"S": "1"},
        "customer_id": {"S": "7"},
        "quantity": {"N": "2"},
        "price": {"N": "5"},
        "zip": {"S": "01234"},
        "weight": {"N": "2.50"},
        "updated_at": {"S": "2026-01-02T00:00:00.000Z"},
    }


@pytest.mark.parametrize("mapping", ["orderid=no", "invoice=no"])
def test_the_key_may_be_named_as_in_the_table_or_as_orderid(dynamo: Any, tmp_path: Path, mapping: str) -> None:
    dynamo.key = "invoice"
    run(dynamo, written(tmp_path, "no,amount\n5,1.10\n"), f"{mapping},amount=amount")
    assert dynamo.items == {"5": {"invoice": {"S": "5"}, "amount": {"N": "1.10"}}}


def test_bad_rows_are_skipped_counted_and_listed(dynamo: Any, tmp_path: Path) -> None:
    text = (
        "no,day,pieces,total\n"
        "1,1997-01-01,1,10.00\n"
        "2,1997-01-01,one,10.00\n"
        "3,1997-01-01,1.5,10.00\n"
        "4,1997-01-01,1,ten\n"
        ",1997-01-01,1,10.00\n"
        "6,yesterday,1,10.00\n"
        "7,1997-01-01,1\n"
        "\n"
        "9,1997-01-01,1,10.00,more\n"
        "10,1997-01-01,1,1.234567890123456789012345678901234567890\n"
        "11,1997-01-01,,10.00\n"
        "12,1997-01-01,1,NaN\n"
    )
    path = written(tmp_path, text.encode() + b"caf\xe9,1997-01-01,1,1\n")
    summary = run(dynamo, path, "orderid=no,created_at=day,quantity=pieces,amount=total")
    assert sorted(dynamo.items) == ["1", "11"]
    assert "quantity" not in dynamo.items["11"]
    assert (summary.acknowledged, summary.rejected) == (2, 10)
    assert summary.rejects[:7] == (
        Reject(3, "2", "pieces: 'one' is not a number"),
        Reject(4, "3", "pieces: '1.5' is not a whole number"),
        Reject(5, "4", "total: 'ten' is not a number"),
        Reject(6, "", "orderid is empty"),
        Reject(7, "6", "day: 'yesterday' is not a date like 1997-01-31 or 1997-01-31T12:00:00Z"),
        Reject(8, "", "3 fields where the header has 4"),
        Reject(10, "", "5 fields where the header has 4"),
    )
    assert summary.rejects[7:] == (
        Reject(11, "10", "amount: a number with 39 digits; DynamoDB keeps 38"),
        Reject(13, "12", "total: 'NaN' is not a number"),
        Reject(14, "caf?", "the text is not valid Unicode"),
    )


def test_bad_json_lines_are_skipped_too(dynamo: Any, tmp_path: Path) -> None:
    text = '{"orderid": "1"}\n{"orderid": \n[1]\n{"orderid": ["x"]}\n{"orderid": "5", "price": NaN}\n{"price": 1}\n'
    summary = run(dynamo, written(tmp_path, text))
    assert list(dynamo.items) == ["1"]
    assert [reject.line for reject in summary.rejects] == [2, 3, 4, 5, 6]


def test_a_reject_is_short_whatever_the_row_holds(dynamo: Any, tmp_path: Path) -> None:
    (reject,) = run(dynamo, written(tmp_path, f"orderid,quantity\n{'k' * 5000},{'q' * 5000}\n")).rejects
    assert len(reject.key) <= 100
    assert len(reject.reason) <= 200


def test_the_list_of_rejects_is_bounded(dynamo: Any, tmp_path: Path) -> None:
    text = "orderid,quantity\n" + "x,many\n" * 1000
    summary = run(dynamo, written(tmp_path, text))
    assert (summary.rejected, len(summary.rejects)) == (1000, 100)


def test_a_later_row_of_a_key_replaces_the_earlier(dynamo: Any, tmp_path: Path) -> None:
    text = "orderid,quantity\n" + "".join(f"{number % 3},{number}\n" for number in range(300))
    assert run(dynamo, written(tmp_path, text)).acknowledged == 300
    assert {key: item["quantity"]["N"] for key, item in dynamo.items.items()} == {"0": "297", "1": "298", "2": "299"}


def test_limit_takes_the_first_rows(dynamo: Any) -> None:
    summary = replay(dynamo.aws(), SAMPLE, MAP, limit=7)
    assert (summary.acknowledged, summary.done) == (7, 1.0)
    assert sorted(dynamo.items) == [f"cdnow-{number:06d}" for number in range(1, 8)]


def test_a_rate_spreads_the_rows(dynamo: Any) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    summary = replay(dynamo.aws(clock=lambda: now[0], sleep=sleep), SAMPLE, MAP, rate=50)
    assert summary.acknowledged == 500
    assert summary.seconds == pytest.approx(499 / 50, abs=0.01)
    assert summary.target_rate == 50


def test_ctrl_c_sums_up_what_was_written(dynamo: Any) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    summary = replay(dynamo.aws(), SAMPLE, MAP, on_progress=interrupt)
    assert summary.interrupted
    assert summary.acknowledged == len(dynamo.items) < 500


@pytest.mark.parametrize(
    ("mapping", "message", "hint"),
    [
        (
            "orderid=order_no,customer_id=custmer",
            "no column 'custmer'; it has order_no, customer",
            "Did you mean customer?",
        ),
        ("orderid=zzz", "no column 'zzz'", "Name one of these in --map."),
        ("customer_id=customer", "Nothing says which column", "Add --map orderid=COLUMN"),
        (None, "Nothing says which column", "Add --map orderid=COLUMN"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(dynamo: Any, mapping: str | None, message: str, hint: str) -> None:
    with pytest.raises(SalespipeError, match=message) as caught:
        run(dynamo, SAMPLE, mapping)
    assert caught.value.hint.startswith(hint)
    assert caught.value.exit_code is Exit.USAGE
    assert dynamo.calls == []


@pytest.mark.parametrize("text", ["", "orderid", "orderid=", "=x", "a=b,,c=d", "a=b,a=c"])
def test_a_mapping_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        parse_mapping(text)
    assert (caught.value.code, caught.value.exit_code) == ("BadMapping", Exit.USAGE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"PAR1....", "Parquet"),
        (b'[{"orderid": 1}]', "JSON array"),
        (b"\x1f\x8bnonsense", "cannot be decompressed"),
    ],
)
def test_a_file_of_another_kind_is_refused(dynamo: Any, tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SalespipeError, match=message) as caught:
        run(dynamo, written(tmp_path, content))
    assert caught.value.exit_code is Exit.USAGE


def test_a_missing_file_is_named(dynamo: Any, tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match=r"nope\.csv: No such file") as caught:
        run(dynamo, tmp_path / "nope.csv")
    assert caught.value.exit_code is Exit.USAGE
    with pytest.raises(SalespipeError, match="Is a directory"):
        run(dynamo, tmp_path)


def test_a_gzip_file_that_breaks_off_tells_what_was_written(dynamo: Any, tmp_path: Path) -> None:
    rows = "orderid,note\n" + "".join(f"{number},{number**7 % 1_000_003}\n" for number in range(20_000))
    path = written(tmp_path, gzip.compress(rows.encode())[:-5000])
    with pytest.raises(LoadError, match="is not whole") as caught:
        run(dynamo, path)
    assert caught.value.summary.acknowledged == len(dynamo.items) > 0


def test_without_a_table_it_says_how_to_get_one(dynamo: Any) -> None:
    aws = dynamo.aws()
    dynamo.table = "another"
    with pytest.raises(SalespipeError) as caught:
        replay(aws, SAMPLE, MAP)
    assert (caught.value.hint, caught.value.exit_code) == ("salespipe up", Exit.NOT_DEPLOYED)
