"""Glue crawlers and classifiers: what a client finds in the Data Catalog after a crawl."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from moto_clients import Clients
from salespipe.local.api import AwsError, Call, Cloud
from salespipe.local.crawlers.service import Crawlers
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

REGION = "eu-west-1"
ACCOUNT = "123456789012"
BUCKET = "lake"
DATABASE = "shop"


@pytest.fixture(scope="module")
def clients() -> Clients:
    return Clients()


class Glue:
    """The crawler API as a client would call it, and the lake behind it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.service = Crawlers(cloud)
        self.s3 = cloud.client("s3", REGION)
        self.catalog = cloud.client("glue", REGION)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        call = Call("glue", operation, REGION, ACCOUNT, params=params)
        answer = self.service.handlers[operation](call)
        assert isinstance(answer, dict)
        return answer

    def put(self, key: str, *rows: Any, compress: bool = False) -> None:
        self.put_text(key, "".join(json.dumps(row) + "\n" for row in rows), compress=compress)

    def put_text(self, key: str, text: str, *, compress: bool = False) -> None:
        body = gzip.compress(text.encode()) if compress else text.encode()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def create(self, *paths: str, name: str = "c", **settings: Any) -> None:
        targets = {"S3Targets": [{"Path": f"s3://{BUCKET}/{path}"} for path in paths]}
        given = {"Role": "arn:aws:iam::123456789012:role/crawls", "DatabaseName": DATABASE, "Targets": targets}
        self.call("CreateCrawler", Name=name, **{**given, **settings})

    def crawl(self, name: str = "c") -> dict[str, Any]:
        """Run a crawl to its end and return LastCrawl."""
        self.call("StartCrawler", Name=name)
        deadline = time.monotonic() + 30
        while (crawler := self.call("GetCrawler", Name=name)["Crawler"])["State"] != "READY":
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return dict(crawler["LastCrawl"])

    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["Name"]: table for table in self.catalog.get_tables(DatabaseName=DATABASE)["TableList"]}

    def columns(self, table: str) -> dict[str, str]:
        found = self.tables()[table]["StorageDescriptor"]["Columns"]
        return {column["Name"]: column["Type"] for column in found}

    def partitions(self, table: str) -> dict[tuple[str, ...], dict[str, Any]]:
        found = self.catalog.get_partitions(DatabaseName=DATABASE, TableName=table)["Partitions"]
        return {tuple(partition["Values"]): partition for partition in found}


@pytest.fixture
def glue(tmp_path: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Glue]:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # a thousand policies, for each test anew
    store = Store(tmp_path)
    with mock_aws():
        cloud = Cloud(store, RecordLog(store, time.time), clients, "", ACCOUNT, time.time)
        glue = Glue(cloud)
        glue.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        glue.catalog.create_database(DatabaseInput={"Name": DATABASE})
        glue.service.start()
        yield glue
        glue.service.stop()
    store.close()


def configuration(**parts: Any) -> str:
    return json.dumps({"Version": 1.0, **parts})


MERGING = configuration(
    CrawlerOutput={
        "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
        "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
    }
)


def test_a_lake_of_compressed_json_lines_becomes_a_partitioned_table(glue: Glue) -> None:
    order = {
        "orderid": "a",
        "quantity": 2,
        "price": 9.5,
        "Gift": True,
        "tags": ["x"],
        "place": {"city": "Ulm", "zip": 1},
    }
    glue.put("order_events/dt=2026-11-22/hour=09/one.gz", order, {"orderid": "b", "note": "late"}, compress=True)
    glue.put("order_events/dt=2026-11-22/hour=10/two.gz", {**order, "quantity": 3_000_000_000}, compress=True)
    glue.put("errors/processing-failed/three", {"errorCode": "x"})
    glue.create("order_events/")
    last = glue.crawl()
    assert last["Status"] == "SUCCEEDED"
    assert list(glue.tables()) == ["order_events"]
    table = glue.tables()["order_events"]
    assert glue.columns("order_events") == {
        "orderid": "string",
        "quantity": "bigint",
        "price": "double",
        "gift": "boolean",
        "tags": "array<string>",
        "place": "struct<city:string,zip:int>",
        "note": "string",
    }
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}, {"Name": "hour", "Type": "string"}]
    descriptor = table["StorageDescriptor"]
    assert descriptor["Location"] == "s3://lake/order_events/"
    assert descriptor["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert descriptor["SerdeInfo"]["Parameters"]["paths"] == "orderid,quantity,price,gift,tags,place,note"
    assert descriptor["InputFormat"] == "org.apache.hadoop.mapred.TextInputFormat"
    assert descriptor["OutputFormat"] == "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    wanted = {"classification": "json", "compressionType": "gzip", "typeOfData": "file", "UPDATED_BY_CRAWLER": "c"}
    assert wanted.items() <= table["Parameters"].items()
    assert (table["Parameters"]["objectCount"], table["Parameters"]["recordCount"]) == ("2", "3")
    assert table["TableType"] == "EXTERNAL_TABLE"
    partitions = glue.partitions("order_events")
    assert set(partitions) == {("2026-11-22", "09"), ("2026-11-22", "10")}
    place = partitions["2026-11-22", "09"]["StorageDescriptor"]["Location"]
    assert place == "s3://lake/order_events/dt=2026-11-22/hour=09/"


def test_a_second_crawl_adds_what_is_new_and_keeps_what_others_set(glue: Glue) -> None:
    glue.put("orders/dt=1/a", {"id": "a", "n": 1})
    glue.create("orders/", Configuration=MERGING)
    glue.crawl()
    table = glue.tables()["orders"]
    kept = {name: table[name] for name in ("Name", "StorageDescriptor", "PartitionKeys", "TableType")}
    parameters = {**table["Parameters"], "projection.enabled": "true", "classification": "json"}
    kept["StorageDescriptor"]["SerdeInfo"]["Parameters"]["ignore.malformed.json"] = "true"
    glue.catalog.update_table(
        DatabaseName=DATABASE, TableInput={**kept, "Parameters": parameters, "Description": "mine"}
    )
    glue.put("orders/dt=2/b", {"id": "b", "n": 1.5, "extra": "x"})
    glue.crawl()
    # MergeNewColumns adds columns, it does not change the type of those that are there.
    assert glue.columns("orders") == {"id": "string", "n": "int", "extra": "string"}
    table = glue.tables()["orders"]
    assert (table["Parameters"]["projection.enabled"], table["Description"]) == ("true", "mine")
    serde = table["StorageDescriptor"]["SerdeInfo"]["Parameters"]
    assert serde == {"ignore.malformed.json": "true", "paths": "id,n,extra"}
    partitions = glue.partitions("orders")
    assert set(partitions) == {("1",), ("2",)}
    for partition in partitions.values():  # InheritFromTable
        assert partition["StorageDescriptor"]["Columns"] == table["StorageDescriptor"]["Columns"]
    versions = len(glue.catalog.get_table_versions(DatabaseName=DATABASE, TableName="orders")["TableVersions"])
    glue.crawl()
    assert len(glue.catalog.get_table_versions(DatabaseName=DATABASE, TableName="orders")["TableVersions"]) == versions


def test_without_policies_the_table_becomes_what_was_found(glue: Glue) -> None:
    glue.put("orders/dt=1/a", {"id": "a", "n": 1, "old": 1})
    glue.create("orders/")
    glue.crawl()
    glue.s3.delete_object(Bucket=BUCKET, Key="orders/dt=1/a")
    glue.put("orders/dt=1/b", {"id": "a", "n": 1.5})
    glue.put("orders/dt=2/b", {"id": "a", "n": 1})
    glue.crawl()
    assert glue.columns("orders") == {"id": "string", "n": "double"}
    own = glue.partitions("orders")["2",]["StorageDescriptor"]["Columns"]
    assert own == [{"Name": "id", "Type": "string"}, {"Name": "n", "Type": "int"}]
    [metrics] = glue.call("GetCrawlerMetrics", CrawlerNameList=["c"])["CrawlerMetricsList"]
    assert (metrics["TablesCreated"], metrics["TablesUpdated"]) == (0, 1)
    assert metrics["LastRuntimeSeconds"] > 0


@pytest.mark.parametrize(
    ("policy", "left"),
    [("LOG", {"gone", "here"}), ("DELETE_FROM_DATABASE", {"here"}), ("DEPRECATE_IN_DATABASE", {"gone", "here"})],
)
def test_tables_whose_objects_are_gone(glue: Glue, policy: str, left: set[str]) -> None:
    glue.put("gone/a", {"a": 1})
    glue.put("here/k=1/a", {"a": 1})
    glue.put("here/k=2/a", {"a": 1})
    glue.catalog.create_table(DatabaseName=DATABASE, TableInput={"Name": "by_hand", "Parameters": {}})
    glue.create("gone/", "here/", SchemaChangePolicy={"DeleteBehavior": policy})
    glue.crawl()
    for key in ("gone/a", "here/k=2/a"):
        glue.s3.delete_object(Bucket=BUCKET, Key=key)
    glue.crawl()
    tables = glue.tables()
    assert set(tables) == left | {"by_hand"}
    assert ("DEPRECATED_BY_CRAWLER" in tables.get("gone", {"Parameters": {}})["Parameters"]) == (
        policy == "DEPRECATE_IN_DATABASE"
    )
    assert set(glue.partitions("here")) == ({("1",)} if policy == "DELETE_FROM_DATABASE" else {("1",), ("2",)})


def test_log_leaves_the_table_but_adds_partitions(glue: Glue) -> None:
    glue.put("orders/dt=1/a", {"id": "a"})
    glue.create("orders/", SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"})
    glue.crawl()
    glue.put("orders/dt=2/a", {"id": "a", "more": 1})
    glue.crawl()
    assert glue.columns("orders") == {"id": "string"}
    assert set(glue.partitions("orders")) == {("1",), ("2",)}


def test_new_folders_only(glue: Glue) -> None:
    glue.put("orders/dt=1/a", {"id": "a"})
    glue.create(
        "orders/",
        SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
        RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"},
    )
    assert glue.crawl()["Status"] == "SUCCEEDED"
    glue.put("orders/dt=2/a", {"id": "a"})
    assert glue.crawl()["Status"] == "SUCCEEDED"
    assert set(glue.partitions("orders")) == {("1",), ("2",)}


def test_an_empty_lake_is_crawled_without_a_table(glue: Glue) -> None:
    glue.s3.put_object(Bucket=BUCKET, Key="orders/", Body=b"")
    glue.put("orders/_tmp/a", {"a": 1})
    glue.put("orders/.hidden", {"a": 1})
    glue.create("orders/")
    assert glue.crawl()["Status"] == "SUCCEEDED"
    assert glue.tables() == {}


def test_exclusions_are_relative_to_the_include_path(glue: Glue) -> None:
    for key in ("a.json", "b.tmp", "deep/c.tmp", "deep/d.json", "skip/e.json"):
        glue.put(f"orders/{key}", {key.replace("/", "_").replace(".", "_"): 1})
    target = {"Path": f"s3://{BUCKET}/orders/", "Exclusions": ["**.tmp", "{skip,other}/*", "?.csv"]}
    combine = configuration(Grouping={"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 2})
    glue.create(Targets={"S3Targets": [target]}, Configuration=combine)
    glue.crawl()
    # Objects above the partitions cannot be read through a partitioned table.
    assert glue.columns("orders") == {"deep_d_json": "int"}
    assert set(glue.partitions("orders")) == {("deep",)}


@pytest.mark.parametrize(
    ("grouping", "expected"),
    [
        ({}, {"a", "b"}),
        ({"TableGroupingPolicy": "CombineCompatibleSchemas"}, {"data"}),
        ({"TableLevelConfiguration": 2}, {"data"}),
        ({"TableLevelConfiguration": 3}, {"a", "b"}),
    ],
)
def test_folders_of_different_schemas(glue: Glue, grouping: dict[str, Any], expected: set[str]) -> None:
    glue.put("data/a/2026/1", {"id": 1, "name": "x"})
    glue.put("data/b/2026/2", {"sku": 1, "weight": 2.5})
    glue.create("data", Configuration=configuration(Grouping=grouping))
    glue.crawl()
    assert set(glue.tables()) == expected
    keys = [key["Name"] for key in glue.tables()[min(expected)]["PartitionKeys"]]
    assert keys == (["partition_0", "partition_1"] if expected == {"data"} else ["partition_0"])


def test_folders_of_one_schema_are_positional_partitions(glue: Glue) -> None:
    glue.put("orders/2026/11/a", {"id": 1})
    glue.put("orders/2026/12/a", {"id": 2})
    glue.create("orders/", TablePrefix="raw_")
    glue.crawl()
    assert [key["Name"] for key in glue.tables()["raw_orders"]["PartitionKeys"]] == ["partition_0", "partition_1"]
    assert set(glue.partitions("raw_orders")) == {("2026", "11"), ("2026", "12")}


def test_the_table_threshold_fails_the_crawl_before_anything_is_written(glue: Glue) -> None:
    glue.put("data/a/1", {"id": 1, "name": "x"})
    glue.put("data/b/2", {"sku": 1, "weight": 2.5})
    glue.create("data/", Configuration=configuration(CrawlerOutput={"Tables": {"TableThreshold": 1}}))
    last = glue.crawl()
    assert last["Status"] == "FAILED"
    assert "detected by crawler: 2 is greater than the table threshold value provided: 1" in last["ErrorMessage"]
    assert glue.tables() == {}


def test_the_same_folder_name_in_two_places_gets_a_hash(glue: Glue) -> None:
    glue.put("x/orders/a", {"id": 1})
    glue.put("y/orders/a", {"id": 1})
    glue.create("x/orders/", "y/orders/")
    glue.crawl()
    assert sorted(len(name) for name in glue.tables()) == [len("orders"), len("orders_") + 32]


@pytest.mark.parametrize(
    ("path", "text", "columns"),
    [
        ("$[*]", '[{"id": 1}, {"id": 2.5}]', {"id": "double"}),
        ("$.records[*]", '{"records": [{"id": "a"}], "n": 1}', {"id": "string"}),
        ("$.id,$.place.city", '{"id": "a", "n": 1, "place": {"city": "Ulm"}}', {"id": "string", "city": "string"}),
        ("$.id", '{"id": 7, "n": 1}', {"id": "int"}),
        ("$['id']", '{"id": 7, "n": 1}', {"id": "int"}),
        ("$", '{"id": 7, "n": 1}', {"id": "int", "n": "int"}),
        ("$.other[*]", '{"id": 7, "n": 1}', {"id": "int", "n": "int"}),  # does not fit: the built-in one does
    ],
)
def test_custom_json_classifiers_come_first(glue: Glue, path: str, text: str, columns: dict[str, str]) -> None:
    glue.call("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": path})
    glue.put_text("orders/a.json", text)
    glue.create("orders/", Classifiers=["j"])
    glue.crawl()
    assert glue.columns("orders") == columns


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ('[{"id": 1}]', {"array": "array<struct<id:int>>"}),
        ('{\n  "id": 1,\n  "ok": null\n}\n{"id": 2}', {"id": "int", "ok": "string"}),
        ('{"id": 1}{"id": 2}', {"id": "int"}),
        ('{"id": 1}\n{"id": 2}\nbroken {\n', {"id": "int"}),
        ('{"id": 1}\n{"id": "x"}\n', {"id": "string"}),
        ("id,name,price\n1,x,2.5\n2,y,3\n", {"id": "bigint", "name": "string", "price": "double"}),
        ("1|x\n2|y\n", {"col0": "bigint", "col1": "string"}),
    ],
)
def test_built_in_classifiers(glue: Glue, text: str, columns: dict[str, str]) -> None:
    glue.put_text("data/file", text)
    glue.create("data/")
    glue.crawl()
    assert glue.columns("data") == columns


def test_csv_tables_say_how_they_are_read(glue: Glue) -> None:
    glue.put_text("data/file.csv", "id;name\n1;x\n2;y\n", compress=True)
    glue.create("data/")
    glue.crawl()
    table = glue.tables()["data"]
    wanted = {"classification": "csv", "delimiter": ";", "skip.header.line.count": "1", "compressionType": "gzip"}
    assert wanted.items() <= table["Parameters"].items()
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"field.delim": ";"}


def test_a_custom_csv_classifier_decides(glue: Glue) -> None:
    classifier = {
        "Name": "k",
        "Delimiter": "#",
        "ContainsHeader": "ABSENT",
        "Header": ["A", "b"],
        "Serde": "OpenCSVSerDe",
    }
    glue.call("CreateClassifier", CsvClassifier=classifier)
    glue.put_text("data/file.csv", "x#1\ny#2\n")
    glue.create("data/", Classifiers=["k"])
    glue.crawl()
    assert glue.columns("data") == {"a": "string", "b": "bigint"}
    serde = glue.tables()["data"]["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"


def test_parquet(glue: Glue, tmp_path: Path) -> None:
    import duckdb

    file = tmp_path / "file.parquet"
    duckdb.sql(f"COPY (SELECT 1::INTEGER AS Id, 2.5::DOUBLE AS price, ['a'] AS tags) TO '{file}' (FORMAT parquet)")
    glue.s3.put_object(Bucket=BUCKET, Key="data/day=1/file.parquet", Body=file.read_bytes())
    glue.create("data/")
    glue.crawl()
    assert glue.columns("data") == {"id": "int", "price": "double", "tags": "array<string>"}
    assert glue.tables()["data"]["Parameters"]["classification"] == "parquet"


def test_large_objects_are_judged_by_their_beginning(glue: Glue) -> None:
    rows = "".join(json.dumps({"id": number, "text": "x" * 100}) + "\n" for number in range(20_000))
    glue.put_text("plain/a", rows)
    glue.put_text("packed/a.gz", rows + '{"id": 1, "later": 1}\n', compress=True)
    noise = b"".join(json.dumps({"id": n, "hash": hash(str(n))}).encode() + b"\n" for n in range(50_000))
    glue.s3.put_object(Bucket=BUCKET, Key="noise/a.gz", Body=gzip.compress(noise))
    glue.create("plain/", "packed/", "noise/")
    glue.crawl()
    assert glue.columns("plain") == glue.columns("packed") == {"id": "int", "text": "string"}
    assert glue.columns("noise") == {"id": "int", "hash": "bigint"}


def test_new_folders_are_looked_at_first(glue: Glue) -> None:
    for number in range(110):
        glue.put(f"orders/dt={number:03}/a", {"id": 1})
    glue.create("orders/", Configuration=MERGING)
    glue.crawl()
    glue.put("orders/dt=000a/a", {"id": 1, "fresh": "x"})
    glue.crawl()
    assert glue.columns("orders") == {"id": "int", "fresh": "string"}
    assert len(glue.partitions("orders")) == 111


def refusal(glue: Glue, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as raised:
        glue.call(operation, **params)
    return raised.value.code, raised.value.message


def test_the_life_of_a_crawler(glue: Glue) -> None:
    glue.create("orders/", Description="first", Tags={"team": "shop"})
    crawler = glue.call("GetCrawler", Name="c")["Crawler"]
    assert (crawler["State"], crawler["Role"], crawler["Version"], crawler["Description"]) == (
        "READY",
        "crawls",
        1,
        "first",
    )
    assert "LastCrawl" not in crawler
    assert crawler["SchemaChangePolicy"]["DeleteBehavior"] == "DEPRECATE_IN_DATABASE"
    assert crawler["Targets"]["S3Targets"] == [{"Path": "s3://lake/orders/"}]
    arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:crawler/c"
    assert glue.catalog.get_tags(ResourceArn=arn)["Tags"] == {"team": "shop"}
    assert glue.call("ListCrawlers", Tags={"team": "shop"}) == {"CrawlerNames": ["c"]}
    assert glue.call("ListCrawlers", Tags={"team": "else"}) == {"CrawlerNames": []}
    assert refusal(glue, "CreateCrawler", Name="c", Role="r", Targets={"S3Targets": [{"Path": "s3://b/"}]})[0] == (
        "AlreadyExistsException"
    )
    glue.call("UpdateCrawler", Name="c", Description="second")
    found = glue.call("BatchGetCrawlers", CrawlerNames=["c", "d"])
    assert [each["Description"] for each in found["Crawlers"]] == ["second"]
    assert found["CrawlersNotFound"] == ["d"]
    glue.create("x/", name="d")
    assert [each["Name"] for each in glue.call("GetCrawlers", MaxResults=1)["Crawlers"]] == ["c"]
    token = glue.call("GetCrawlers", MaxResults=1)["NextToken"]
    assert [each["Name"] for each in glue.call("GetCrawlers", NextToken=token)["Crawlers"]] == ["d"]
    glue.call("DeleteCrawler", Name="c")
    assert refusal(glue, "GetCrawler", Name="c") == (
        "EntityNotFoundException",
        "Crawler entry with name c does not exist",
    )
    assert glue.catalog.get_tags(ResourceArn=arn)["Tags"] == {}


def test_the_life_of_a_classifier(glue: Glue) -> None:
    glue.call("CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$[*]"})
    assert (
        refusal(glue, "CreateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$"})[0] == "AlreadyExistsException"
    )
    glue.call("UpdateClassifier", JsonClassifier={"Name": "j", "JsonPath": "$.a[*]"})
    found = glue.call("GetClassifier", Name="j")["Classifier"]["JsonClassifier"]
    assert (found["JsonPath"], found["Version"]) == ("$.a[*]", 2)
    assert found["CreationTime"] <= found["LastUpdated"]
    glue.call("CreateClassifier", GrokClassifier={"Name": "g", "Classification": "x", "GrokPattern": "%{WORD}"})
    assert len(glue.call("GetClassifiers")["Classifiers"]) == 2
    glue.call("DeleteClassifier", Name="j")
    assert refusal(glue, "GetClassifier", Name="j")[0] == "EntityNotFoundException"
    assert refusal(glue, "DeleteClassifier", Name="j")[0] == "EntityNotFoundException"
    wrong = {"Name": "w", "JsonPath": "orders[*]"}
    assert refusal(glue, "CreateClassifier", JsonClassifier=wrong)[0] == "InvalidInputException"
    assert refusal(glue, "CreateClassifier")[0] == "InvalidInputException"


@pytest.mark.parametrize(
    "settings",
    [
        {"Targets": {}},
        {"Targets": {"S3Targets": [{"Path": "not a path"}]}},
        {"Targets": {"JdbcTargets": [{"ConnectionName": "x"}]}},
        {"Configuration": "{"},
        {"Configuration": '{"Version": 2}'},
        {"Configuration": configuration(CrawlerOutput={"Tables": {"TableThreshold": "1"}})},
        {"Schedule": "rate(5 minutes)"},
        {"Schedule": "cron(* *)"},
        {"Classifiers": ["nowhere"]},
        {"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"}},
    ],
)
def test_what_cannot_be_crawled_is_refused(glue: Glue, settings: dict[str, Any]) -> None:
    given = {"Name": "c", "Role": "r", "Targets": {"S3Targets": [{"Path": "s3://lake/x/"}]}, **settings}
    assert refusal(glue, "CreateCrawler", **given)[0] == "InvalidInputException"
    assert glue.call("ListCrawlers") == {"CrawlerNames": []}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Targets": {"S3Targets": [{"Path": "s3://nowhere/x/"}]}}, "NoSuchBucket"),
        ({"DatabaseName": "nowhere"}, "Database nowhere not found"),
    ],
)
def test_a_crawl_that_cannot_work_says_why(glue: Glue, settings: dict[str, Any], message: str) -> None:
    glue.put("orders/a", {"id": 1})
    glue.create("orders/", **settings)
    last = glue.crawl()
    assert last["Status"] == "FAILED"
    assert message in last["ErrorMessage"]
    events = glue.cloud.client("logs", REGION).get_log_events(
        logGroupName=last["LogGroup"], logStreamName=last["LogStream"]
    )
    assert any(f"[{last['MessagePrefix']}] ERROR : " in event["message"] for event in events["events"])


class SlowBody(io.BytesIO):
    """An object whose reading waits for the test."""

    def __init__(self, reading: threading.Event, go_on: threading.Event) -> None:
        super().__init__(b'{"id": 1}\n')
        self.reading, self.go_on = reading, go_on

    def read(self, size: int | None = -1, /) -> bytes:
        self.reading.set()
        assert self.go_on.wait(30)
        return super().read(size)


@pytest.fixture
def held(glue: Glue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A crawl that is held in the middle; calling the fixture lets it go on."""
    glue.put("orders/a", {"id": 1})
    glue.put("orders/b", {"id": 1})
    glue.create("orders/")
    reading, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(glue.s3, "get_object", lambda **_: {"Body": SlowBody(reading, go_on)})
    glue.call("StartCrawler", Name="c")
    assert reading.wait(30)
    yield go_on.set
    go_on.set()


def until_ready(glue: Glue) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (crawler := glue.call("GetCrawler", Name="c")["Crawler"])["State"] != "READY":
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return dict(crawler)


def test_a_running_crawler_is_left_alone(glue: Glue, held: Callable[[], None]) -> None:
    crawler = glue.call("GetCrawler", Name="c")["Crawler"]
    assert crawler["State"] == "RUNNING"
    assert crawler["CrawlElapsedTime"] >= 0
    assert refusal(glue, "StartCrawler", Name="c") == (
        "CrawlerRunningException",
        "Crawler with name c has already started",
    )
    assert refusal(glue, "DeleteCrawler", Name="c")[0] == "CrawlerRunningException"
    assert refusal(glue, "UpdateCrawler", Name="c", Description="x")[0] == "CrawlerRunningException"
    held()
    assert until_ready(glue)["LastCrawl"]["Status"] == "SUCCEEDED"


def test_a_stopped_crawl_is_cancelled(glue: Glue, held: Callable[[], None]) -> None:
    glue.call("StopCrawler", Name="c")
    assert glue.call("GetCrawler", Name="c")["Crawler"]["State"] == "STOPPING"
    assert refusal(glue, "StopCrawler", Name="c")[0] == "CrawlerStoppingException"
    held()
    assert until_ready(glue)["LastCrawl"]["Status"] == "CANCELLED"
    assert glue.tables() == {}
    assert refusal(glue, "StopCrawler", Name="c") == (
        "CrawlerNotRunningException",
        "Crawler with name c isn't running.",
    )


def test_a_crawl_that_a_restart_interrupted_has_failed(glue: Glue, held: Callable[[], None]) -> None:
    glue.service._stopping.set()
    held()
    glue.service.stop()
    restarted = Crawlers(glue.cloud)
    restarted.start()
    glue.service = restarted
    crawler = glue.call("GetCrawler", Name="c")["Crawler"]
    assert (crawler["State"], crawler["LastCrawl"]["Status"]) == ("READY", "FAILED")
    assert crawler["LastCrawl"]["ErrorMessage"]
    assert glue.tables() == {}


def test_a_schedule_starts_the_crawler(glue: Glue) -> None:
    now = [1_795_300_000.0]
    cloud = Cloud(glue.cloud.store, glue.cloud.log, glue.cloud.client, "", ACCOUNT, lambda: now[0])
    glue.service = scheduled = Crawlers(cloud)
    scheduled.start()
    glue.put("orders/a", {"id": 1})
    glue.create("orders/", Schedule="cron(0 * * * ? *)")
    assert glue.call("GetCrawler", Name="c")["Crawler"]["Schedule"] == {
        "ScheduleExpression": "cron(0 * * * ? *)",
        "State": "SCHEDULED",
    }
    deadline = time.monotonic() + 30
    while not glue.tables():
        now[0] += 1200  # twenty minutes pass
        scheduled._timetable.change()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    glue.call("StopCrawlerSchedule", CrawlerName="c")
    assert glue.call("GetCrawler", Name="c")["Crawler"]["Schedule"]["State"] == "NOT_SCHEDULED"
    assert refusal(glue, "StopCrawlerSchedule", CrawlerName="c")[0] == "SchedulerNotRunningException"
    glue.call("StartCrawlerSchedule", CrawlerName="c")
    glue.call("UpdateCrawlerSchedule", CrawlerName="c", Schedule="")
    assert "Schedule" not in glue.call("GetCrawler", Name="c")["Crawler"]
    assert refusal(glue, "StartCrawlerSchedule", CrawlerName="c")[0] == "NoScheduleException"
