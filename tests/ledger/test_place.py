"""Where ledgers are, which are the table's own, and when one goes."""

import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger_writes import write
from salespipe.aws import Aws
from salespipe.config import Config, Table
from salespipe.errors import Exit, SalespipeError
from salespipe.ledger import Ledgers, read
from salespipe.ledger.place import identity

Connect = Callable[[Config], Aws]


@pytest.fixture
def deployed(aws: Aws) -> Aws:
    create(aws)
    return aws


def create(aws: Aws) -> None:
    aws.client("dynamodb").create_table(
        TableName=aws.config.table.name,
        AttributeDefinitions=[{"AttributeName": aws.config.table.partition_key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": aws.config.table.partition_key, "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def recreate(aws: Aws) -> None:
    aws.client("dynamodb").delete_table(TableName=aws.config.table.name)
    create(aws)


def run(ledgers: Ledgers, command: str = "generate", **options: Any) -> Path:
    with ledgers.begin(command, **options) as ledger:
        ledger.append([write(1)])
    return ledger.path


def test_a_ledger_says_whose_it_is(deployed: Aws, tmp_path: Path) -> None:
    ledgers = Ledgers(deployed, tmp_path / "home", wall=lambda: 1_763_769_600.5)
    path = run(ledgers, seed=7, source="orders.csv")
    header = read(path).header
    created = deployed.client("dynamodb").describe_table(TableName="OrdersRawTable")["Table"]["CreationDateTime"]
    assert path.name.startswith("20251122T000000Z-generate-")
    assert path.parent.name == f"{deployed.account}-us-east-1-salespipe-dev"
    assert (header.pipeline, header.account, header.region) == ("salespipe-dev", deployed.account, "us-east-1")
    assert (header.table, header.table_id, header.partition_key) == (
        *("OrdersRawTable", str(created.timestamp()), "orderid"),
    )
    assert (header.command, header.seed, header.source, header.started) == (
        *("generate", 7, "orders.csv"),
        1_763_769_600_500,
    )


def test_folders_are_for_their_user_alone(deployed: Aws, tmp_path: Path) -> None:
    path = run(Ledgers(deployed, tmp_path / "home"))
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in list(path.parents)[:3]} == {0o700}


def test_the_table_has_its_own_ledgers_oldest_first(deployed: Aws, tmp_path: Path) -> None:
    paths = [
        run(Ledgers(deployed, tmp_path, wall=lambda started=started: started), command)
        for started, command in ((300.0, "generate"), (100.0, "replay"), (200.0, "generate"))
    ]
    found, problems = Ledgers(deployed, tmp_path).of_table()
    assert [reading.path for reading in found] == [paths[1], paths[2], paths[0]]
    assert problems == []


def test_a_table_made_anew_begins_without_and_the_next_run_clears_up(deployed: Aws, tmp_path: Path) -> None:
    ledgers = Ledgers(deployed, tmp_path)
    old = run(ledgers)
    recreate(deployed)
    assert ledgers.of_table() == ([], [])
    assert old.exists()
    new = run(ledgers)
    assert not old.exists()
    assert [reading.path for reading in ledgers.of_table()[0]] == [new]


def test_another_tables_ledger_and_one_that_is_being_written_stay(
    deployed: Aws, connect: Connect, tmp_path: Path
) -> None:
    other = connect(Config(target="aws", table=Table(name="Sales", partition_key="sale_id")))
    create(other)
    kept = run(Ledgers(other, tmp_path))
    ledgers = Ledgers(deployed, tmp_path)
    with ledgers.begin("generate") as running:
        recreate(deployed)
        run(ledgers)
        assert kept.exists()
        assert running.path.exists()
    run(ledgers)
    assert kept.exists()
    assert not running.path.exists()
    assert [reading.path for reading in Ledgers(other, tmp_path).of_table()[0]] == [kept]


def test_what_cannot_be_read_is_told_and_kept(deployed: Aws, connect: Connect, tmp_path: Path) -> None:
    ledgers = Ledgers(deployed, tmp_path)
    mine = run(ledgers)
    theirs = connect(Config(target="aws", name="their-shop"))
    foreign = run(Ledgers(theirs, tmp_path))
    foreign = foreign.rename(mine.parent / foreign.name)
    newer = mine.with_name("newer.ledger")
    newer.write_bytes(b"salespipe ledger 9\n")
    (mine.parent / "notes.txt").write_text("of no concern")
    found, problems = ledgers.of_table()
    assert [reading.path for reading in found] == [mine]
    assert sorted(problem.code for problem in problems) == ["ForeignLedger", "LedgerFormat"]
    assert any("of pipeline their-shop" in problem.message for problem in problems)
    recreate(deployed)
    run(ledgers)
    assert newer.exists()


def test_another_server_has_a_folder_of_its_own(tmp_path: Path) -> None:
    aws = Aws(Config(target="aws"), endpoint="http://127.0.0.1:4566/")
    aws._account = "000000000000"
    here = replace(aws, config=Config(), endpoint="http://127.0.0.1:40001")
    here._account = "123456789012"
    assert Ledgers(aws, tmp_path).folder.name == "000000000000-us-east-1-salespipe-dev-127.0.0.1-4566"
    assert Ledgers(here, tmp_path).folder.name == "123456789012-us-east-1-salespipe-dev"


def test_where_nothing_can_be_kept_it_is_said(deployed: Aws, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SalespipeError, match="cannot be recorded in") as raised:
        Ledgers(deployed, tmp_path / "file").begin("generate")
    assert raised.value.code == "LedgerFolder"
    assert "--no-ledger" in raised.value.hint


def test_without_a_table_there_is_no_ledger(aws: Aws, tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match="no table") as raised:
        Ledgers(aws, tmp_path).of_table()
    assert raised.value.exit_code is Exit.NOT_DEPLOYED
    with pytest.raises(SalespipeError, match="no table"):
        Ledgers(aws, tmp_path).begin("generate")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"TableId": "a", "CreationDateTime": 1}, {"TableId": "b", "CreationDateTime": 1}),
        ({"CreationDateTime": 1}, {"CreationDateTime": 2}),
    ],
)
def test_tables_are_told_apart_by_id_or_by_when_they_were_made(
    one: dict[str, Any], other: dict[str, Any], tmp_path: Path
) -> None:
    def of(table: dict[str, Any]) -> str:
        made = {**table, "CreationDateTime": datetime.fromtimestamp(table["CreationDateTime"], UTC)}
        aws = Aws(Config())
        aws._clients["dynamodb"] = SimpleNamespace(describe_table=lambda **_: {"Table": made})
        return identity(aws)

    assert of(one) == of(one) != of(other)
