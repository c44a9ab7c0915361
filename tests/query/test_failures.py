"""Errors that help: cause, evidence and the command that mends it, for what the local Athena says, and AWS alone."""

# ruff: noqa: E501 - AWS's words are long

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import Exit, SalespipeError
from salespipe.local import daemon
from salespipe.query import athena, reading
from salespipe.query.failures import explain, refused
from salespipe.query.pointing import pointed

JSON = "org.openx.data.jsonserde.JsonSerDe"
NAMES = Config().names("123456789012")


def table(aws: Aws, name: str, columns: dict[str, str], **more: Any) -> None:
    storage = {
        "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
        "Location": more.get("location", f"s3://{aws.names.bucket}/{name}/"),
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": JSON},
    }
    made = {"Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": {}, "StorageDescriptor": storage}
    aws.client("glue").create_table(DatabaseName=aws.names.database, TableInput={**made, "PartitionKeys": []})


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS with a few tables, one of whose objects nobody can read."""
    folder = tmp_path_factory.mktemp("failures")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    names, s3 = aws.names, aws.client("s3")
    s3.create_bucket(Bucket=names.bucket)
    aws.client("glue").create_database(DatabaseInput={"Name": names.database})
    location = {"ResultConfiguration": {"OutputLocation": names.results_location}}
    aws.client("athena").create_work_group(Name=names.workgroup, Configuration=location)
    table(aws, "order_events", {"orderid": "string", "customer_id": "string", "quantity": "int"})
    table(aws, "products", {"product_id": "string", "stock": "int"})
    table(aws, "torn", {"a": "string"})
    s3.put_object(Bucket=names.bucket, Key="products/a.json", Body=b'{"product_id": "p", "stock": "many"}\n')
    whole = gzip.compress(b'{"orderid": "o", "quantity": 1}\n')
    s3.put_object(Bucket=names.bucket, Key=f"order_events/{names.delivery}-1-2026-11-22-10-00-00-a.gz", Body=whole)
    s3.put_object(Bucket=names.bucket, Key="order_events/notes.txt", Body=b"remember the milk\n")
    s3.put_object(Bucket=names.bucket, Key="torn/a.json", Body=b"neither\n")
    yield aws
    daemon.stop(folder)


def failure(aws: Aws, sql: str) -> SalespipeError:
    with pytest.raises(SalespipeError) as caught:
        athena.run(aws, sql)
    return caught.value


TOLD = [
    ("SELECT * FROM order_event", "TABLE_NOT_FOUND", "order_events, products", "Did you mean order_events?"),
    ("SELECT * FROM orders", "TABLE_NOT_FOUND", "no orders", "salespipe crawl"),
    ("SELECT * FROM order_history", "TABLE_NOT_FOUND", "no order_history", "salespipe crawl"),
    ("SELECT * FROM zzzzzz", "TABLE_NOT_FOUND", "products", 'salespipe query "SHOW TABLES"'),
    ("SELECT * FROM quarantine", "TABLE_NOT_FOUND", "no quarantine", "salespipe crawl"),
    ("CREATE TABLE products AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS", "", "IF NOT EXISTS"),
    ("SELECT * FROM shop.products", "SCHEMA_NOT_FOUND", "salespipe_dev", "Leave shop. out"),
    ("SELECT * FROM a.b.products", "CATALOG_NOT_FOUND", "", "AwsDataCatalog"),
    ("SELECT custid FROM order_events", "COLUMN_NOT_FOUND", "has orderid, customer_id", "Did you mean customer_id?"),
    ("SELECT zzz FROM products", "COLUMN_NOT_FOUND", "product_id, stock", 'salespipe query "DESCRIBE products"'),
    ('SELECT * FROM products WHERE stock = "few"', "COLUMN_NOT_FOUND", "", "'few'"),
    ("SELECT lowr('A')", "FUNCTION_NOT_FOUND", "", "Did you mean lower()?"),
    ("SELECT lower(1)", "FUNCTION_NOT_FOUND", "Expected: lower(varchar(x))", "CAST"),
    ("SELECT current_date = '2026-11-22'", "TYPE_MISMATCH", "", "date '2026-11-22'"),
    ("SELECT current_timestamp > '2026-11-22'", "TYPE_MISMATCH", "", "timestamp '"),
    ("SELECT 'a' + 1", "TYPE_MISMATCH", "", "without quotes"),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO", "", "nullif"),
    ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT", "", "TRY_CAST"),
    ("SELECT product_id, stock FROM products GROUP BY 1", "EXPRESSION_NOT_AGGREGATE", "", "GROUP BY"),
    ("SELECT stock FROM products", "HIVE_BAD_DATA", "products.stock is int in Glue", "salespipe crawl"),
    ("SELECT quantity FROM order_events", "HIVE_CURSOR_ERROR", "did not write s3://", "order_events/notes.txt"),
    ("SELECT a FROM torn", "HIVE_CURSOR_ERROR", "", "$path"),
]


@pytest.mark.parametrize(("sql", "code", "evidence", "hint"), TOLD, ids=[case[0] for case in TOLD])
def test_cause_evidence_and_fix(aws: Aws, sql: str, code: str, evidence: str, hint: str) -> None:
    told = failure(aws, sql)
    assert told.code == code
    assert evidence in told.message
    assert hint in told.hint


def test_a_syntax_error_points_at_the_character(aws: Aws) -> None:
    told = failure(aws, "SELECT a,\n       b\nFORM products")
    assert told.code == "SYNTAX_ERROR"
    lines = told.message.splitlines()
    assert lines[1] == "  FORM products"
    assert lines[2].index("^") == 7
    assert "caret" in told.hint


def test_a_semantic_error_points_too(aws: Aws) -> None:
    assert "  SELECT zzz FROM products\n         ^" in failure(aws, "SELECT zzz FROM products").message


def test_the_fix_of_an_unreadable_object_is_a_command_that_works(aws: Aws) -> None:
    """It is moved out of every table's sight: below errors/ the table of what failed would meet it."""
    hint = failure(aws, "SELECT quantity FROM order_events").hint
    bucket = aws.names.bucket
    moved = f"s3 mv s3://{bucket}/order_events/notes.txt s3://{bucket}/unreadable/notes.txt"
    assert hint == f"aws --endpoint-url {aws.endpoint} {moved}"


def test_without_the_workgroup_the_pipeline_is_not_there(aws: Aws) -> None:
    elsewhere = Aws(Config(name="nobody"), endpoint=aws.endpoint)
    assert failure(elsewhere, "SELECT 1").exit_code is Exit.NOT_DEPLOYED


def test_a_result_that_was_deleted_has_expired(aws: Aws) -> None:
    query = athena.start(aws, "SELECT 1")
    ended = athena.finish(aws, query)
    bucket, _, key = ended.location.removeprefix("s3://").partition("/")
    aws.client("s3").delete_object(Bucket=bucket, Key=key)
    with pytest.raises(SalespipeError, match="Could not find results") as caught:
        reading.read(aws, ended)
    assert caught.value.code == "ResultExpired"
    assert "after 7 days" in caught.value.message


# Words of AWS that the local one never says, each with where they are from.
ON_AWS = [
    (  # aws-sdk-js-v3 issue 3589
        (
            "No output location provided. An output location is required either through the Workgroup result configuration "
            "setting or as an API input."
        ),
        "NoOutputLocation",
        "salespipe up",
    ),
    (  # awsdocs/amazon-athena-user-guide pull request 72
        "TooManyRequestsException: You have exceeded the limit for the number of queries you can run concurrently.",
        "TooManyQueries",
        "salespipe query history",
    ),
    (  # aws-samples/experimental-programmatic-access-ccft issue 5
        (
            "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. MetaException(message:"
            "Insufficient Lake Formation permission(s): Required Create Database on Catalog (Service: AmazonDataCatalog; "
            "Status Code: 400; Error Code: AccessDeniedException))"
        ),
        "LakeFormationDenied",
        "aws lakeformation grant-permissions",
    ),
    (  # repost.aws/knowledge-center/access-denied-athena
        "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: X)",
        "PermissionDenied",
        "salespipe plan --policy",
    ),
    (  # dacort/metabase-athena-driver issue 105
        (
            "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: glue:GetTable on resource: "
            "arn:aws:glue:eu-west-1:1:catalog"
        ),
        "PermissionDenied",
        "salespipe doctor",
    ),
    (  # athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
        "Bytes scanned limit was exceeded",
        "ScanLimitExceeded",
        "scan_limit_mb",
    ),
    (  # athena/latest/ug/performance-tuning-service-level-considerations.html
        "Query exhausted resources at this scale factor",
        "ResourcesExhausted",
        "WHERE clause on dt and hour",
    ),
    (  # repost.aws/knowledge-center/hive-cannot-open-split-503-athena
        (
            "HIVE_CANNOT_OPEN_SPLIT: Error opening Hive split s3://b/k (offset=0, length=1): Slow"
            " Down (Service: Amazon S3; "
            "Status Code: 503; Error Code: 503 Slow Down;"
        ),
        "SlowDown",
        "Wait a minute",
    ),
    (  # athena/latest/ug/updates-and-partitions.html
        (
            "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. The types are "
            "incompatible and cannot be coerced. The column 'price' in table 'salespipe_dev.order_events' is declared as "
            "type 'int', but partition 'dt=2026-11-22/hour=10' declared column 'price' as type 'double'."
        ),
        "HIVE_PARTITION_SCHEMA_MISMATCH",
        "salespipe crawl",
    ),
    (  # athena/latest/ug/troubleshooting-athena.html
        "HIVE_METASTORE_ERROR: com.facebook.presto.spi.PrestoException: Error: : expected at the position 1 of 'x'",
        "HIVE_METASTORE_ERROR",
        "salespipe doctor",
    ),
    (  # athena/latest/APIReference/API_GetQueryResults.html, once the object is gone
        "Could not find results",
        "ResultExpired",
        "Run the query again",
    ),
]


@pytest.mark.parametrize(("reason", "code", "hint"), ON_AWS, ids=[case[1] for case in ON_AWS])
def test_what_only_aws_says(reason: str, code: str, hint: str) -> None:
    told = explain(reason, NAMES, sql="SELECT price FROM order_events")
    assert told.code == code
    assert reason in told.message
    assert hint in told.hint


def test_a_partition_of_another_type_is_named() -> None:
    reason = next(case[0] for case in ON_AWS if case[1] == "HIVE_PARTITION_SCHEMA_MISMATCH")
    assert "Partition dt=2026-11-22/hour=10 has price as double" in explain(reason, NAMES).message


def test_the_grant_names_who_asks(aws: Aws) -> None:
    told = explain("Insufficient Lake Formation permission(s): Required Select on orders", NAMES, aws=aws)
    arn = aws.client("sts").get_caller_identity()["Arn"].rpartition("/")[0]
    assert arn.rpartition("/")[2] in told.hint
    assert '"DatabaseName":"salespipe_dev"' in told.hint


def test_a_refusal_keeps_the_code_of_aws() -> None:
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "X")
    unknown = ClientError({"Error": {"Code": "InternalServerException", "Message": "Oh"}}, "X")
    assert refused(throttled, NAMES).code == "TooManyQueries"
    assert refused(unknown, NAMES).code == "InternalServerException"


def test_evidence_that_cannot_be_looked_up_does_not_hide_the_failure() -> None:
    nowhere = Aws(Config(), endpoint="http://127.0.0.1:1", attempts=1)
    told = explain("COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved", NAMES, sql="SELECT x", aws=nowhere)
    assert told.code == "COLUMN_NOT_FOUND"
    assert "DESCRIBE" in told.hint


@pytest.mark.parametrize(
    ("sql", "place", "expected"),
    [
        ("SELECT 1", "line 1:8", "  SELECT 1\n         ^"),
        ("a\tb", "line 1:3", "  a b\n    ^"),
        ("'日本' x", "line 1:6", "  '日本' x\n         ^"),
        ("SELECT", "line 1:7", "  SELECT\n        ^"),
        ("SELECT", "line 1:99", ""),
        ("SELECT", "line 4:1", ""),
        ("SELECT", "somewhere", ""),
        ("x" * 300, "line 1:201", f"  {'x' * 100}\n  {' ' * 60}^"),
    ],
)
def test_the_caret_is_below_the_character(sql: str, place: str, expected: str) -> None:
    assert pointed(f"{place}: oh", sql) == expected
