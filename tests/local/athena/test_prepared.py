from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from salespipe.local.api import AwsError

if TYPE_CHECKING:
    from conftest import World


def test_a_statement_is_prepared_executed_and_deallocated_in_sql(world: World) -> None:
    told = world.run("PREPARE pick FROM SELECT x, '?\\' AS y FROM (VALUES ('it''s', 1), ('b', 2)) t(x, n) WHERE n = ?")
    assert told["Status"]["State"] == "SUCCEEDED"
    assert (told["StatementType"], told["SubstatementType"]) == ("UTILITY", "PREPARE")
    found = world.call("GetPreparedStatement", WorkGroup="primary", StatementName="pick")["PreparedStatement"]
    assert found["QueryStatement"].startswith("SELECT x, ")
    assert world.rows("EXECUTE pick USING 1") == [["it's", "?\\"]]
    assert world.rows("EXECUTE pick", ExecutionParameters=["2"]) == [["b", "?\\"]]
    assert world.failure("PREPARE pick FROM SELECT 1") == "PreparedStatement pick already exists in workGroup primary"
    assert world.run("DEALLOCATE PREPARE pick")["Status"]["State"] == "SUCCEEDED"
    with pytest.raises(AwsError, match="PreparedStatement pick was not found in workGroup primary"):
        world.start("EXECUTE pick USING 1")
    assert world.failure("DEALLOCATE PREPARE pick") == "PreparedStatement pick was not found in workGroup primary"


def test_parameters_of_every_kind_of_literal(world: World) -> None:
    world.run("PREPARE all_kinds FROM SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e")
    sql = "EXECUTE all_kinds USING 'it''s, (so)', -1.5e0, DATE '2026-11-22', true, NULL"
    assert world.rows(sql) == [["it's, (so)", "-1.5", "2026-11-22", "true", None]]
    with pytest.raises(AwsError, match="Incorrect number of parameters: expected 5 but found 1"):
        world.start("EXECUTE all_kinds USING 1")


def test_a_prepared_statement_may_write(world: World) -> None:
    world.table("t", "a int")
    world.run("PREPARE add_one FROM INSERT INTO t VALUES (?)")
    assert world.result("EXECUTE add_one USING 7")["UpdateCount"] == 1
    assert world.rows("SELECT a FROM t") == [["7"]]


def test_what_cannot_be_prepared(world: World) -> None:
    assert world.failure("PREPARE p FROM").startswith("line 1:15: mismatched input '<EOF>'")
    assert world.failure("PREPARE p FROM NONSENSE").startswith("line 1:16: mismatched input 'NONSENSE'")
