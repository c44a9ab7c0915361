"""The whole pipeline on this machine, from an empty folder to the receipt, as a user runs it.

One story in one file: each test goes on where the one before it ended. Totals are computed here, straight from the
file. The full data set is used where it lies beside the checkout, the sample in tests/data otherwise.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
FULL = HERE.parents[1] / "shared" / "data" / "cdnow_orders.csv"
FILE = FULL if FULL.exists() else HERE / "data" / "cdnow_sample.csv"
MAP = "orderid=order_no,customer_id=customer,created_at=date,quantity=cds,amount=dollars"


@dataclass
class Shell:
    """A user's terminal in a folder of its own; stdout is not a terminal."""

    folder: Path
    environment: dict[str, str]
    last: subprocess.CompletedProcess[str] = field(init=False)

    def run(self, *words: str, expect: int = 0) -> str:
        self.last = subprocess.run(
            [sys.executable, "-m", "salespipe.cli.main", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert self.last.returncode == expect, self.last.stdout + self.last.stderr
        assert "Traceback" not in self.last.stderr
        return self.last.stdout

    def json(self, *words: str, expect: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", expect=expect))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        answer = json.loads(self.run("query", sql, "--json"), parse_float=Decimal)
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    def client(self, service: str) -> Any:
        """Somebody else's client: any credentials will do."""
        endpoint = self.json("local", "status")["endpoint"]
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="anyone",
            aws_secret_access_key="anything",
        )


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shop")
    home = folder / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
    terminal = Shell(folder, kept | {"SALESPIPE_HOME": str(home), "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"})
    yield terminal
    terminal.run("local", "stop")


@dataclass
class Totals:
    orders: int
    customers: int
    units: int
    revenue: Decimal
    by_month: dict[str, tuple[int, Decimal]]


@pytest.fixture(scope="module")
def totals() -> Totals:
    months: dict[str, list[Decimal]] = defaultdict(list)
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        months[row["date"][:7]].append(Decimal(row["dollars"]))
    return Totals(
        orders=len({row["order_no"] for row in rows}),
        customers=len({row["customer"] for row in rows}),
        units=sum(int(row["cds"]) for row in rows),
        revenue=sum((Decimal(row["dollars"]) for row in rows), Decimal(0)),
        by_month={month: (len(amounts), sum(amounts, Decimal(0))) for month, amounts in months.items()},
    )


@pytest.mark.parametrize(
    "words", [("status",), ("down", "--yes"), ("generate", "--count", "1"), ("query", "SELECT 1"), ("crawl",)]
)
def test_before_up_every_command_says_so(shell: Shell, words: tuple[str, ...]) -> None:
    shell.run(*words, expect=4)
    assert "salespipe up" in shell.last.stderr


def test_up_creates_everything_and_the_second_changes_nothing(shell: Shell) -> None:
    made = Counter(step["action"] for step in shell.json("up")["steps"])
    again = Counter(step["action"] for step in shell.json("up")["steps"])
    assert made == {"created": 26}
    assert again == {"unchanged": 26}
    assert {resource["state"] for resource in shell.json("status")["resources"]} == {"ready"}


def test_questions_before_any_crawl_name_the_crawl(shell: Shell) -> None:
    shell.run("query", "SELECT * FROM orders", expect=1)
    assert "salespipe crawl" in shell.last.stderr
    shell.run("crawl", expect=1)
    assert "salespipe generate" in shell.last.stderr


def test_real_orders_come_out_exactly(shell: Shell, totals: Totals) -> None:
    replayed = shell.json("replay", str(FILE), "--map", MAP)
    assert (replayed["acknowledged"], replayed["rejected"]) == (totals.orders, 0)
    assert "orderid" in shell.json("crawl")["columns"]
    (found,) = shell.rows(
        "SELECT count(*) AS orders, count(DISTINCT customer_id) AS customers, sum(quantity) AS units, "
        "sum(amount) AS revenue FROM orders"
    )
    assert found == {
        "orders": totals.orders,
        "customers": totals.customers,
        "units": totals.units,
        "revenue": totals.revenue,
    }


def test_months_equal_those_of_the_file(shell: Shell, totals: Totals) -> None:
    rows = shell.rows(
        "SELECT date_format(created_at, '%Y-%m') AS month, count(*) AS orders, sum(amount) AS revenue "
        "FROM orders GROUP BY 1 ORDER BY 1"
    )
    assert {row["month"]: (row["orders"], row["revenue"]) for row in rows} == totals.by_month


def test_insights_are_asked_by_name_and_reported_on_one_page(shell: Shell, totals: Totals) -> None:
    asked = shell.json("insights", "customers", "--param", "period=all")["answers"]
    revenue = {answer["name"]: sum(row.get("revenue", 0) for row in answer["rows"]) for answer in asked}
    assert len(revenue) == 7
    assert revenue["basket-size"] == pytest.approx(float(totals.revenue))
    text = shell.run("insights", "revenue-over-time", "sales-by-region", "--param", "by=month", expect=3)
    assert "revenue" in text
    assert "needs orders.region, which the data does not have" in shell.last.stderr
    shell.run("insights", "report", "customers", "-o", "report.html")
    page = (shell.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<section") == 7


def test_updates_and_deletes_of_any_client_are_history_and_the_view_shows_the_last(
    shell: Shell, totals: Totals
) -> None:
    dynamodb = shell.client("dynamodb")
    with FILE.open(newline="", encoding="utf-8") as file:
        ids = [row["order_no"] for row, _ in zip(csv.DictReader(file), range(150), strict=False)]
    updated, deleted = ids[:100], ids[100:]
    for orderid in updated:
        dynamodb.update_item(
            TableName="OrdersRawTable",
            Key={"orderid": {"S": orderid}},
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":s": {"S": "shipped"}},
        )
    for orderid in deleted:
        dynamodb.delete_item(TableName="OrdersRawTable", Key={"orderid": {"S": orderid}})
    shell.run("crawl")
    history = shell.rows("SELECT event_type, count(*) AS events FROM order_events GROUP BY event_type")
    assert {row["event_type"]: row["events"] for row in history} == {
        "INSERT": totals.orders,
        "MODIFY": 100,
        "REMOVE": 50,
    }
    now = shell.rows("SELECT count(*) AS orders, count_if(status = 'shipped') AS shipped FROM orders")
    assert now == [{"orders": totals.orders - 50, "shipped": 100}]
    gone = ", ".join(f"'{orderid}'" for orderid in deleted)
    assert shell.rows(f"SELECT orderid FROM orders WHERE orderid IN ({gone})") == []


def test_mistakes_in_sql_say_where_and_how_to_mend_them(shell: Shell) -> None:
    shell.run("query", "SELECT nope FROM orders", expect=1)
    assert "COLUMN_NOT_FOUND: line 1:8" in shell.last.stderr
    assert "DESCRIBE" in shell.last.stderr
    shell.run("query", "SELECT count(* FROM orders", expect=1)
    assert "line 1:" in shell.last.stderr
    shell.run("query", "  ", expect=2)


def test_another_pipeline_lives_beside_the_first(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('name = "shop-two"\n[table]\nname = "Sales"\npartition_key = "sale_id"\n', encoding="utf-8")
    orders = tmp_path / "sales.jsonl"
    orders.write_text(
        '{"sale_id": "s-1", "quantity": 2, "price": "1.50", "colour": "blue"}\n{"sale_id": "s-2", "quantity": 1}\n',
        encoding="utf-8",
    )
    config = ("--config", str(other))
    shell.run("up", *config)
    assert shell.json("replay", str(orders), *config)["acknowledged"] == 2
    shell.run("crawl", *config)
    sql = "SELECT sale_id, quantity, amount, colour FROM orders ORDER BY sale_id"
    rows = json.loads(shell.run("query", sql, "--json", *config), parse_float=Decimal)["rows"]
    assert rows == [
        {"sale_id": "s-1", "quantity": 2, "amount": Decimal("3.00"), "colour": "blue"},
        {"sale_id": "s-2", "quantity": 1, "amount": None, "colour": None},
    ]
    shell.run("down", "--yes", *config)
    assert {resource["state"] for resource in shell.json("status")["resources"]} == {"ready"}


def test_rows_that_cannot_be_are_skipped_counted_and_listed(shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("order_no,cds\nx-1,2\nx-2,two\n,3\n", encoding="utf-8")
    summary = shell.json("replay", str(bad), "--map", "orderid=order_no,quantity=cds", expect=3)
    assert (summary["acknowledged"], summary["rejected"]) == (1, 2)
    assert [reject["line"] for reject in summary["rejects"]] == [3, 4]
    shell.run("replay", str(bad), "--map", "orderid=order_nr", expect=2)
    assert "order_no" in shell.last.stderr


def test_down_leaves_nothing_and_up_works_right_after(shell: Shell) -> None:
    shell.run("down", expect=2)  # nobody can be asked: stdin is no terminal
    assert shell.json("down", "--yes")["left"] == []
    assert everything(shell) == {}
    assert {step["action"] for step in shell.json("up")["steps"]} == {"created"}
    shell.run("down", "--yes")
    assert everything(shell) == {}


def everything(shell: Shell) -> dict[str, list[Any]]:
    """What is left in every service that the pipeline uses, by name of the listing."""
    listings = {
        "dynamodb": ("list_tables", "TableNames"),
        "kinesis": ("list_streams", "StreamNames"),
        "sqs": ("list_queues", "QueueUrls"),
        "pipes": ("list_pipes", "Pipes"),
        "lambda": ("list_functions", "Functions"),
        "firehose": ("list_delivery_streams", "DeliveryStreamNames"),
        "s3": ("list_buckets", "Buckets"),
        "events": ("list_rules", "Rules"),
        "iam": ("list_roles", "Roles"),
    }
    left = {
        service: shell.client(service).__getattribute__(call)().get(key) for service, (call, key) in listings.items()
    }
    glue = shell.client("glue")
    left["databases"] = glue.get_databases()["DatabaseList"]
    left["crawlers"] = glue.list_crawlers()["CrawlerNames"]
    left["classifiers"] = glue.get_classifiers()["Classifiers"]
    groups = shell.client("athena").list_work_groups()["WorkGroups"]
    left["workgroups"] = [group for group in groups if group["Name"] != "primary"]
    logs = shell.client("logs").describe_log_groups()["logGroups"]
    # The crawlers' group is one for the whole account: nobody's to delete.
    left["logs"] = [group for group in logs if group["logGroupName"] != "/aws-glue/crawlers"]
    return {name: found for name, found in left.items() if found}
