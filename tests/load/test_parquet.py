"""Parquet files: every type arrives as what it is, a batch at a time."""

import builtins
import resource
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.mapping import parse_mapping
from salespipe.load.records import SAMPLE, open_records
from salespipe.load.replay import replay


def parquet(tmp_path: Path, select: str, name: str = "orders.parquet", options: str = "") -> Path:
    path = tmp_path / name
    with duckdb.connect() as connection:
        target = str(path).replace("'", "''")
        connection.execute(f"COPY ({select}) TO '{target}' (FORMAT parquet{options})")
    return path


def run(dynamo: Any, path: Path, mapping: str | None = None, **options: Any) -> Any:
    return replay(dynamo.aws(sleep=lambda _: None), path, parse_mapping(mapping) if mapping else None, **options)


EVERYTHING = """
    SELECT 'o-1' AS orderid, 7::BIGINT AS customer_id, 3::TINYINT AS quantity, 19.90::DECIMAL(10, 2) AS price,
        1.1::FLOAT AS weight, 2.5::DOUBLE AS length, TIMESTAMP '1997-01-01 12:00:00.123456' AS created_at,
        TIMESTAMPTZ '1997-01-01 12:00:00+02' AS updated_at, TIMESTAMPTZ '1997-01-01 12:00:00+02' AS seen,
        DATE '1997-01-02' AS day, TIME '10:00:00' AS hour, true AS gift, NULL::INTEGER AS nothing, '' AS empty,
        {'street': 'a', 'since': DATE '1997-01-02', 'rooms': [1, NULL]} AS address, MAP {'a': 1.50::DECIMAL(4, 2)} AS m,
        [TIMESTAMPTZ '1997-01-01 12:00:00+00'] AS visits, 'b29af0d2-6b6c-4b9e-8a1c-8f0d1b5f7c11'::UUID AS uuid,
        123456789012345678901234567890::HUGEINT AS huge, INTERVAL 1 DAY AS span
"""


def test_every_type_arrives_as_what_it_is(dynamo: Any, tmp_path: Path) -> None:
    assert run(dynamo, parquet(tmp_path, EVERYTHING)).rejects == ()
    item = dynamo.items["o-1"]
    # How duckdb keeps a HUGEINT in Parquet, which has no integer of that size, is its own business.
    assert float(item.pop("huge")["N"]) == pytest.approx(123456789012345678901234567890)
    visits = item.pop("visits")["L"]
    assert [visit["S"][:19].replace("T", " ") for visit in visits] == ["1997-01-01 12:00:00"]
    assert item.pop("span")["S"]
    assert item == {
        "orderid": {"S": "o-1"},
        "customer_id": {"S": "7"},
        "quantity": {"N": "3"},
        "price": {"N": "19.90"},
        "weight": {"N": "1.1"},
        "length": {"N": "2.5"},
        "created_at": {"S": "1997-01-01T12:00:00.123Z"},
        "updated_at": {"S": "1997-01-01T10:00:00.000Z"},
        "seen": {"S": "1997-01-01T10:00:00Z"},
        "day": {"S": "1997-01-02"},
        "hour": {"S": "10:00:00"},
        "gift": {"BOOL": True},
        "address": {
            "M": {
                "street": {"S": "a"},
                "since": {"S": "1997-01-02"},
                "rooms": {"L": [{"N": "1"}, {"NULL": True}]},
            }
        },
        "m": {"M": {"a": {"N": "1.50"}}},
        "uuid": {"S": "b29af0d2-6b6c-4b9e-8a1c-8f0d1b5f7c11"},
    }


def test_times_are_aware_and_decimals_exact(tmp_path: Path) -> None:
    with open_records(parquet(tmp_path, EVERYTHING)) as records:
        (record,) = records
    assert record.line == 1
    assert record.values["price"] == Decimal("19.90")
    assert record.values["created_at"] == datetime(1997, 1, 1, 12, 0, 0, 123456, UTC)
    assert record.values["seen"] == datetime(1997, 1, 1, 10, tzinfo=UTC)


def test_rows_come_in_order_beyond_the_sample_and_can_be_asked_for(dynamo: Any, tmp_path: Path) -> None:
    rows = 3 * SAMPLE
    path = parquet(
        tmp_path,
        f"SELECT 'o' || i AS id, i AS n, TIMESTAMP '1997-01-01' + to_days(i::INTEGER) AS t FROM range({rows}) r(i)",
    )
    summary = run(dynamo, path, "orderid=id,quantity=n", where="n >= 10 AND t < '1997-02-01'")
    assert sorted(int(item["quantity"]["N"]) for item in dynamo.items.values()) == list(range(10, 31))
    assert (summary.done, summary.dropped) == (1.0, ("t",))
    assert run(dynamo, path, "orderid=id,quantity=n").acknowledged == rows


def test_bytes_and_what_is_no_number_are_rejected_with_their_row(dynamo: Any, tmp_path: Path) -> None:
    path = parquet(
        tmp_path,
        "SELECT 'a' AS orderid, 'x'::BLOB AS b, 1::DOUBLE AS price UNION ALL SELECT 'b', NULL, 'nan'::DOUBLE "
        "UNION ALL SELECT 'c', NULL, 'inf'::DOUBLE UNION ALL SELECT 'd', NULL, 2",
    )
    rejects = tmp_path / "bad.jsonl"
    summary = run(dynamo, path, rejects=rejects)
    assert list(dynamo.items) == ["d"]
    assert [reject.reason for reject in summary.rejects] == [
        "b: bytes is no type that an order has",
        "price: nan is not a number",
        "price: inf is not a number",
    ]
    assert len(rejects.read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["or'ders.parquet", "orders [1].parquet", "orders*?.parquet", "ordérs 🙂"])
def test_a_name_is_a_name(dynamo: Any, tmp_path: Path, name: str) -> None:
    for other in ("1", "orders 1.parquet", "ordersxx.parquet"):
        parquet(tmp_path, "SELECT 'wrong' AS orderid", other)
    parquet(tmp_path, "SELECT 'a' AS orderid", "plain").rename(tmp_path / name)
    run(dynamo, tmp_path / name)
    assert list(dynamo.items) == ["a"]


def test_a_file_without_rows_has_none(dynamo: Any, tmp_path: Path) -> None:
    summary = run(dynamo, parquet(tmp_path, "SELECT 'a' AS orderid WHERE false"))
    assert (summary.rows, summary.done) == (0, 1.0)


def test_a_file_that_is_damaged_within_is_read_up_to_there(tmp_path: Path) -> None:
    select = "SELECT i::VARCHAR AS orderid, md5(i::VARCHAR) AS note FROM range(150000) r(i)"
    path = parquet(tmp_path, select, options=", ROW_GROUP_SIZE 8192, COMPRESSION uncompressed")
    content = bytearray(path.read_bytes())
    late = len(content) * 8 // 10  # beyond what duckdb reads ahead
    content[late : late + 100_000] = b"\xff" * 100_000
    path.write_bytes(content)
    with open_records(path) as records:
        rows = iter(records)
        assert next(row.line for row in rows if row.line > 10_000)
        with pytest.raises(SalespipeError, match="is not whole") as caught:
            list(rows)
    assert caught.value.code == "FileDamaged"


def test_without_duckdb_it_says_what_to_install(dynamo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path, "SELECT 'a' AS orderid")
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(SalespipeError, match="duckdb") as caught:
        run(dynamo, path)
    assert "pip install 'salespipe[local]'" in caught.value.hint
    assert caught.value.exit_code is Exit.FAILED


def test_csv_needs_no_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("orderid\n1\n")
    code = (
        "import sys; from pathlib import Path; from salespipe.load.records import open_records; "
        f"print(len(list(open_records(Path({str(path)!r})))), 'duckdb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    select = "SELECT i::VARCHAR AS orderid, md5(i::VARCHAR) || repeat('x', 200) AS note FROM range(200000) r(i)"
    path = parquet(tmp_path, select, options=", COMPRESSION uncompressed")
    with open_records(path) as records:
        rows = iter(records)
        for _ in range(50_000):
            next(rows)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert sum(1 for _ in rows) == 150_000
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < path.stat().st_size / 2
