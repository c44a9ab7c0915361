"""The table over what Firehose could not deliver: kept by each crawl, and asked on a running local AWS."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from salespipe import insights, lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import answers, athena, crawl, guard, quarantine

BAD = [b"no JSON at all", b'{"dynamodb": "and this is no event"}', b"\xff\xfe"]
[INSIGHT] = insights.choose(insights.shipped(), ["quarantined-records"])


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A pipeline that is up, and to which nothing was written."""
    folder = tmp_path_factory.mktemp("quarantine") / "aws"
    try:
        aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
        for _ in lifecycle.up(aws, pipeline(aws)):
            pass
        quarantine.keep(aws)
        yield aws
    finally:
        daemon.stop(folder)


def told(aws: Aws, **values: str) -> list[dict[str, Any]]:
    [answer] = answers.ask(aws, [INSIGHT], values)
    assert answer.problem is None, answer.problem
    assert answer.result is not None
    return answer.result.records()


def failed(aws: Aws) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket=aws.names.bucket, Prefix=aws.names.errors_prefix)
    return [each["Key"] for each in listed.get("Contents", ())]


def test_nothing_failed_is_no_row_and_no_error(here: Aws) -> None:
    assert failed(here) == []
    assert told(here) == []


def test_it_is_there_where_all_that_was_written_failed(here: Aws) -> None:
    """A crawl has no order to find: it says so, and what failed can be asked all the same."""
    names = here.names
    here.client("glue").delete_table(DatabaseName=names.database, Name=names.quarantine_table)
    records = [{"Data": data, "PartitionKey": "one"} for data in BAD]
    here.client("kinesis").put_records(StreamName=names.stream, Records=records)
    with pytest.raises(SalespipeError) as refusal:
        crawl.crawl(here, settle=False)
    assert refusal.value.code == "NothingDelivered"
    assert "salespipe insights quarantined-records" in refusal.value.hint
    assert [key for key in failed(here) if key.endswith(".gz")]
    [row] = told(here)
    assert (row["error_type"], row["error_code"]) == ("processing-failed", "Lambda.ProcessingFailedStatus")
    assert row["records"] == len(BAD)
    assert 0 <= row["oldest_hours"] < 1
    assert row["first_seen"] <= row["last_seen"]
    undone = athena.run(here, "SELECT rawdata, lambdaarn, attemptsmade FROM quarantine").records()
    assert {base64.b64decode(each["rawdata"]) for each in undone} == set(BAD)
    assert {names.function("transform") in each["lambdaarn"] for each in undone} == {True}
    assert {each["attemptsmade"] for each in undone} == {1}


def test_every_object_is_read_compressed_or_not_and_whatever_else_lies_there(here: Aws) -> None:
    names, s3 = here.names, here.client("s3")
    before = {row["error_code"]: row["records"] for row in told(here)}
    line = {"arrivalTimestamp": 1_780_000_000_000, "lastErrorCode": "DataFormatConversion.ParseError"}
    body = json.dumps(line).encode() + b"\n"
    folder = f"{names.errors_prefix}format-conversion-failed/2026/05/28/"
    s3.put_object(Bucket=names.bucket, Key=f"{folder}{names.delivery}-1-plain", Body=2 * body)
    s3.put_object(Bucket=names.bucket, Key=f"{folder}{names.delivery}-1-packed.gz", Body=gzip.compress(body))
    s3.put_object(Bucket=names.bucket, Key=f"{names.errors_prefix}by-hand/notes.txt", Body=b"what\n{}\n[1]\n")
    found = {(row["error_type"], row["error_code"]): row for row in told(here)}
    converted = found["format-conversion-failed", "DataFormatConversion.ParseError"]
    assert (converted["records"], converted["first_seen"]) == (3, "2026-05-28 20:26:40.000")
    assert found["by-hand", None]["records"] == 3
    assert sum(before.values()) + 6 == sum(row["records"] for row in found.values())
    assert [row["oldest_hours"] for row in told(here, until="2026-05-29")] == [None, 27.6]


def test_a_table_that_somebody_changed_is_put_right_and_one_that_is_right_left_alone(here: Aws) -> None:
    names, glue = here.names, here.client("glue")
    where = {"DatabaseName": names.database, "Name": names.quarantine_table}
    glue.update_table(DatabaseName=names.database, TableInput={"Name": names.quarantine_table})
    quarantine.keep(here)
    right = glue.get_table(**where)["Table"]
    quarantine.keep(here)
    assert glue.get_table(**where)["Table"] == right
    assert right["StorageDescriptor"]["Columns"] == quarantine.definition(names)["StorageDescriptor"]["Columns"]
    assert told(here)


def test_the_guard_weighs_it_and_down_takes_it_along(here: Aws) -> None:
    worst = guard.estimate(here, "SELECT count(*) FROM quarantine")
    assert worst is not None
    assert worst.bytes > 0
    swept = [dict(step.swept) for step in lifecycle.down(here, pipeline(here)) if step.kind == "glue database"]
    assert {"glue tables": 1} in swept


def test_without_a_database_up_is_named_and_a_quicker_crawl_is_no_failure(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SalespipeError) as refusal:
        quarantine.keep(aws)
    assert (refusal.value.code, refusal.value.hint) == ("NotDeployed", "salespipe up")
    aws.client("glue").create_database(DatabaseInput={"Name": aws.names.database})
    quarantine.keep(aws)
    monkeypatch.setattr("salespipe.query.catalogue.Catalogue.table", lambda *_: None)
    quarantine.keep(aws)
