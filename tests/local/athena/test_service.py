from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from salespipe.local.api import AwsError
from salespipe.local.athena import Athena

if TYPE_CHECKING:
    from conftest import World

SLOW = (
    "SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) CROSS JOIN UNNEST(sequence(1, 100000)) b(y) "
    "WHERE x * y % 7 = 3"
)


def refused(world: World, operation: str, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        world.call(operation, **params)
    assert caught.value.code == "InvalidRequestException"
    return caught.value.message


def test_a_query_ends_with_its_result_in_s3(world: World) -> None:
    told = world.run("SELECT 1 AS a, 'say \"hi\", you' AS b, NULL AS c, '' AS d")
    identifier = told["QueryExecutionId"]
    assert told["Status"]["State"] == "SUCCEEDED"
    assert told["ResultConfiguration"]["OutputLocation"] == f"s3://lake/results/{identifier}.csv"
    assert (told["StatementType"], told["SubstatementType"], told["WorkGroup"]) == ("DML", "SELECT", "primary")
    assert told["QueryExecutionContext"] == {"Database": "shop", "Catalog": "awsdatacatalog"}
    assert told["EngineVersion"]["EffectiveEngineVersion"] == "Athena engine version 3"
    assert told["Statistics"]["DataScannedInBytes"] == 0
    body = world.s3.get_object(Bucket="lake", Key=f"results/{identifier}.csv")["Body"].read()
    assert body == b'"a","b","c","d"\n"1","say ""hi"", you",,""\n'
    assert world.s3.head_object(Bucket="lake", Key=f"results/{identifier}.csv.metadata")["ContentLength"] > 0
    result = world.call("GetQueryResults", QueryExecutionId=identifier)
    assert [row["Data"] for row in result["ResultSet"]["Rows"]] == [
        [{"VarCharValue": name} for name in "abcd"],
        [{"VarCharValue": "1"}, {"VarCharValue": 'say "hi", you'}, {}, {"VarCharValue": ""}],
    ]


def test_columns_are_described_with_athenas_types(world: World) -> None:
    sql = "SELECT 1 a, bigint '1' b, 1e0 c, 1.25 d, 'x' e, CAST('x' AS varchar) f, now() g, array[1] h, real '1' i"
    columns = world.result(sql)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(c["Name"], c["Type"], c["Precision"], c["Scale"], c["CaseSensitive"]) for c in columns] == [
        ("a", "integer", 10, 0, False),
        ("b", "bigint", 19, 0, False),
        ("c", "double", 17, 0, False),
        ("d", "decimal", 3, 2, False),
        ("e", "varchar", 1, 0, True),
        ("f", "varchar", 2147483647, 0, True),
        ("g", "timestamp with time zone", 3, 0, False),
        ("h", "array", 0, 0, False),
        ("i", "float", 17, 0, False),
    ]


def test_results_are_paged_and_only_the_first_page_has_the_header(world: World) -> None:
    sql = "SELECT x, 'line' || chr(10) || '\"' || CAST(x AS varchar) AS t FROM UNNEST(sequence(1, 2500)) u(x)"
    identifier = world.run(sql)["QueryExecutionId"]
    pages, token = [], {}
    while True:
        answer = world.call("GetQueryResults", QueryExecutionId=identifier, MaxResults=1000, **token)
        pages.append([row["Data"][0]["VarCharValue"] for row in answer["ResultSet"]["Rows"]])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert [len(page) for page in pages] == [1000, 1000, 501]
    assert [cell for page in pages for cell in page] == ["x", *map(str, range(1, 2501))]
    assert "1000" in refused(world, "GetQueryResults", QueryExecutionId=identifier, MaxResults=1001)
    assert refused(world, "GetQueryResults", QueryExecutionId=identifier, NextToken="x") == "Invalid NextToken"


def test_show_has_a_text_result_without_header(world: World) -> None:
    told = world.run("SHOW DATABASES")
    assert told["StatementType"] == "UTILITY"
    assert told["ResultConfiguration"]["OutputLocation"].endswith(".txt")
    result = world.call("GetQueryResults", QueryExecutionId=told["QueryExecutionId"])["ResultSet"]
    assert [row["Data"][0]["VarCharValue"] for row in result["Rows"]] == ["default", "shop"]
    assert [(c["Name"], c["Type"]) for c in result["ResultSetMetadata"]["ColumnInfo"]] == [("database_name", "string")]


def test_a_failure_is_told_with_its_category(world: World) -> None:
    told = world.run("SELECT * FROM nope")
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.shop.nope' does not exist"
    assert told["Status"]["StateChangeReason"] == reason
    assert told["Status"]["AthenaError"] == {
        "ErrorCategory": 2,
        "ErrorType": 1110,
        "Retryable": False,
        "ErrorMessage": reason,
    }
    message = refused(world, "GetQueryResults", QueryExecutionId=told["QueryExecutionId"])
    assert message.endswith("Final query state: FAILED")


def test_a_syntax_error_is_refused_at_once(world: World) -> None:
    assert refused(world, "StartQueryExecution", QueryString="SELECT * FORM t").startswith(
        "line 1:10: mismatched input 'FORM'. Expecting: "
    )
    assert refused(world, "StartQueryExecution", QueryString="GRANT ALL ON t TO u") != ""


def test_a_running_query_is_stopped(world: World) -> None:
    identifier = world.start(SLOW)
    message = refused(world, "GetQueryResults", QueryExecutionId=identifier)
    assert message.startswith("Query has not yet finished. Current state: ")
    world.call("StopQueryExecution", QueryExecutionId=identifier)
    told = world.wait(identifier)
    assert told["Status"]["State"] == "CANCELLED"
    world.call("StopQueryExecution", QueryExecutionId=identifier)


def test_a_waiting_query_is_stopped_before_it_begins(world: World) -> None:
    slow = [world.start(SLOW) for _ in range(4)]
    waiting = world.start("SELECT 1")
    world.call("StopQueryExecution", QueryExecutionId=waiting)
    told = world.call("GetQueryExecution", QueryExecutionId=waiting)["QueryExecution"]["Status"]
    assert (told["State"], told["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    for identifier in slow:
        world.call("StopQueryExecution", QueryExecutionId=identifier)
    assert {world.wait(identifier)["Status"]["State"] for identifier in slow} == {"CANCELLED"}


def test_a_query_that_a_restart_interrupted_runs_again(world: World) -> None:
    world.athena.stop()
    identifier = world.start("SELECT 42 AS answer")
    assert world.call("GetQueryExecution", QueryExecutionId=identifier)["QueryExecution"]["Status"]["State"] == "QUEUED"
    again = Athena(world.cloud)
    again.start()
    world.athena = again
    assert world.wait(identifier)["Status"]["State"] == "SUCCEEDED"
    slow = world.start(SLOW)
    world.athena.stop()
    state = world.call("GetQueryExecution", QueryExecutionId=slow)["QueryExecution"]["Status"]["State"]
    assert state in {"QUEUED", "RUNNING"}


def test_several_queries_run_at_once(world: World) -> None:
    slow = world.start(SLOW)
    assert world.rows("SELECT 1") == [["1"]]
    world.call("StopQueryExecution", QueryExecutionId=slow)
    threads = [threading.Thread(target=world.rows, args=(f"SELECT {n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert world.wait(slow)["Status"]["State"] == "CANCELLED"
    listed = world.call("ListQueryExecutions", MaxResults=6)
    rest = world.call("ListQueryExecutions", NextToken=listed["NextToken"])["QueryExecutionIds"]
    assert len(set(listed["QueryExecutionIds"]) | set(rest)) == 10
    told = world.call("BatchGetQueryExecution", QueryExecutionIds=[slow, "nope"])
    assert [one["QueryExecutionId"] for one in told["QueryExecutions"]] == [slow]
    assert told["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "nope"


def test_a_token_makes_a_start_idempotent(world: World) -> None:
    token = "t" * 32
    first = world.start("SELECT 1", ClientRequestToken=token)
    assert world.start("SELECT 1", ClientRequestToken=token) == first
    with pytest.raises(AwsError, match="Idempotent parameters do not match"):
        world.start("SELECT 2", ClientRequestToken=token)


def test_parameters_replace_question_marks_and_nothing_else(world: World) -> None:
    sql = "SELECT x, '?' FROM (VALUES ('it''s', 1), ('b', 2)) t(x, n) WHERE x = ? AND n < ? -- ?"
    assert world.rows(sql, ExecutionParameters=["'it''s'", "5"]) == [["it's", "?"]]
    with pytest.raises(AwsError, match="Incorrect number of parameters: expected 2 but found 1"):
        world.start(sql, ExecutionParameters=["1"])
    with pytest.raises(AwsError, match="is not a literal"):
        world.start("SELECT ?", ExecutionParameters=["1 FROM secrets"])


def test_prepared_statements(world: World) -> None:
    world.call("CreatePreparedStatement", WorkGroup="primary", StatementName="add", QueryStatement="SELECT ? + ? AS n")
    assert world.rows("EXECUTE add USING 1, 2") == [["3"]]
    assert world.rows("EXECUTE add", ExecutionParameters=["3", "4"]) == [["7"]]
    assert world.call("ListPreparedStatements", WorkGroup="primary")["PreparedStatements"][0]["StatementName"] == "add"
    with pytest.raises(AwsError) as caught:
        world.start("EXECUTE nope")
    assert caught.value.code == "ResourceNotFoundException"


def test_a_result_is_used_again_while_it_is_young_enough(world: World) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1})
    reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    first = world.run("SELECT count(*) FROM t", ResultReuseConfiguration=reuse)
    world.put("t/b.json", {"a": 2})
    again = world.run("SELECT count(*) FROM t", ResultReuseConfiguration=reuse)
    assert again["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert again["Statistics"]["DataScannedInBytes"] == 0
    assert again["ResultConfiguration"]["OutputLocation"] == first["ResultConfiguration"]["OutputLocation"]
    world.now[0] += 301
    assert world.rows("SELECT count(*) FROM t", ResultReuseConfiguration=reuse) == [["2"]]


def test_a_result_is_used_again_only_for_the_same_query_in_the_same_place(world: World) -> None:
    reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    world.glue.create_database(DatabaseInput={"Name": "other"})
    world.call("CreateWorkGroup", Name="other", Configuration={"EnforceWorkGroupConfiguration": False})
    sql = "SELECT ? AS a"

    def reused(query: str = sql, **params: Any) -> bool:
        told = world.run(query, **{"ExecutionParameters": ["1"], "ResultReuseConfiguration": reuse, **params})
        return bool(told["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"])

    assert [reused(), reused()] == [False, True]
    assert not reused(f"{sql} ")
    assert not reused(ExecutionParameters=["2"])
    assert not reused(database="other")
    assert not reused(WorkGroup="other")
    assert not reused(ResultReuseConfiguration={"ResultReuseByAgeConfiguration": {"Enabled": False}})
    for one in world.s3.list_objects_v2(Bucket="lake", Prefix="results/")["Contents"]:
        world.s3.delete_object(Bucket="lake", Key=one["Key"])
    assert [reused(), reused()] == [False, True]


def test_a_prepared_statement_that_changed_is_run_again(world: World) -> None:
    reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    names = {"WorkGroup": "primary", "StatementName": "one"}
    world.call("CreatePreparedStatement", **names, QueryStatement="SELECT 1")
    assert world.rows("EXECUTE one", ResultReuseConfiguration=reuse) == [["1"]]
    world.call("UpdatePreparedStatement", **names, QueryStatement="SELECT 2")
    assert world.rows("EXECUTE one", ResultReuseConfiguration=reuse) == [["2"]]


def test_a_result_that_is_gone_from_s3_cannot_be_read(world: World) -> None:
    identifier = world.run("SELECT 1")["QueryExecutionId"]
    world.s3.delete_object(Bucket="lake", Key=f"results/{identifier}.csv")
    assert refused(world, "GetQueryResults", QueryExecutionId=identifier) == "Could not find results"


def test_an_output_bucket_that_does_not_exist_fails_the_query(world: World) -> None:
    told = world.run("SELECT 1", ResultConfiguration={"OutputLocation": "s3://no-such-bucket/x"})
    assert told["Status"]["StateChangeReason"] == "Unable to verify/create output bucket no-such-bucket"


def test_runtime_statistics(world: World) -> None:
    identifier = world.run("SELECT 1 UNION ALL SELECT 2")["QueryExecutionId"]
    told = world.call("GetQueryRuntimeStatistics", QueryExecutionId=identifier)["QueryRuntimeStatistics"]
    assert told["Rows"]["OutputRows"] == 2
    assert told["Timeline"]["TotalExecutionTimeInMillis"] >= 0


def test_an_unknown_execution(world: World) -> None:
    assert refused(world, "GetQueryExecution", QueryExecutionId="nope") == "QueryExecution nope was not found"
