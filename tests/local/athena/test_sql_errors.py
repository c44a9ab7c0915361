"""What Athena says of queries that cannot be, with the position at which it says so."""

# ruff: noqa: E501 - a case is one line

from __future__ import annotations

from collections.abc import Callable

import pytest

from salespipe.local.athena.errors import QueryError, QuerySyntaxError

Compute = Callable[[str], tuple[list[str], list[list[str | None]]]]

ERRORS = [
    ("SELECT nope FROM (VALUES 1) t(x)", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not authorized to access requested resources"),
    ("SELECT x\nFROM (VALUES 1) t(x)\nWHERE t.y = 1", "COLUMN_NOT_FOUND: line 3:7: Column 't.y' cannot be resolved or requester is not authorized to access requested resources"),
    ("SELECT x y FROM (VALUES 1) t(x) WHERE y = 1", "COLUMN_NOT_FOUND: line 1:39: Column 'y' cannot be resolved or requester is not authorized to access requested resources"),
    ("SELECT x FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.shop.nope' does not exist"),
    ("SELECT x FROM nodb.t", "SCHEMA_NOT_FOUND: line 1:15: Schema 'nodb' does not exist"),
    ("SELECT x FROM other.shop.t", "CATALOG_NOT_FOUND: line 1:15: Catalog 'other' does not exist"),
    ("SELECT x FROM (VALUES 1) a(x), (VALUES 2) b(x)", "AMBIGUOUS_NAME: line 1:8: Column 'x' is ambiguous"),
    ("SELECT foo(1)", "FUNCTION_NOT_FOUND: line 1:8: Function 'foo' not registered"),
    ("SELECT lower(1)", "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (integer) for function lower. Expected: lower(varchar(x))"),
    ("SELECT 'a' = 1", "TYPE_MISMATCH: line 1:12: Cannot apply operator: varchar(1) = integer"),
    ("SELECT * FROM (VALUES 'a') t(x) WHERE x > 1", "TYPE_MISMATCH: line 1:41: Cannot apply operator: varchar(1) < integer"),
    ("SELECT current_date = '2026-11-22'", "TYPE_MISMATCH: line 1:21: Cannot apply operator: date = varchar(10)"),
    ("SELECT 'a' + 1", "TYPE_MISMATCH: line 1:12: Cannot apply operator: varchar(1) + integer"),
    ("SELECT 1 + true", "TYPE_MISMATCH: line 1:10: Cannot apply operator: integer + boolean"),
    ("SELECT 1 WHERE 1", "TYPE_MISMATCH: line 1:16: WHERE clause must evaluate to a boolean: actual type integer"),
    ("SELECT true AND 1", "TYPE_MISMATCH: line 1:17: Logical expression term must evaluate to a boolean (actual: integer)"),
    ("SELECT coalesce(1, 'a')", "TYPE_MISMATCH: line 1:8: All COALESCE operands must be the same type or coercible to a common type. Cannot find common type between integer and varchar(1), all types (without duplicates): [integer, varchar(1)]"),
    ("SELECT if(true, 1, 'a')", "TYPE_MISMATCH: line 1:8: Result types for IF must be the same: integer and varchar(1)"),
    ("SELECT CAST(array[1] AS integer)", "TYPE_MISMATCH: line 1:8: Cannot cast array(integer) to integer"),
    ("SELECT CAST(1 AS foo)", "TYPE_MISMATCH: line 1:8: Unknown type: foo"),
    ("SELECT 1 UNION SELECT 'a'", "TYPE_MISMATCH: line 1:16: column 1 in UNION query has incompatible types: integer, varchar(1)"),
    ("SELECT 1 UNION SELECT 1, 2", "TYPE_MISMATCH: line 1:16: UNION query has different number of fields: 1, 2"),
    ("SELECT x, y FROM (VALUES (1, 2)) t(x, y) GROUP BY x", "EXPRESSION_NOT_AGGREGATE: line 1:11: 'y' must be an aggregate expression or appear in GROUP BY clause"),
    ("SELECT x FROM (VALUES 1) t(x) WHERE sum(x) > 1", "EXPRESSION_NOT_SCALAR: line 1:37: WHERE clause cannot contain aggregations, window functions or grouping operations: [sum(x)]"),
    ("SELECT x FROM (VALUES 1) t(x) ORDER BY 2", "INVALID_COLUMN_REFERENCE: line 1:40: ORDER BY position 2 is not in select list"),
    ("SELECT row_number()", "EXPRESSION_NOT_WINDOW: line 1:8: Window function row_number requires an OVER clause"),
    ("SELECT (SELECT x FROM (VALUES 1, 2) t(x))", "SUBQUERY_MULTIPLE_ROWS: Scalar sub-query has returned multiple rows"),
    ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT 1.0 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT 5 % x FROM (VALUES 0) t(x)", "DIVISION_BY_ZERO: Division by zero"),
    ("SELECT CAST('1.5' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast '1.5' to INT"),
    ("SELECT CAST('abc' AS double)", "INVALID_CAST_ARGUMENT: Cannot cast 'abc' to DOUBLE"),
    ("SELECT date '2026-02-30'", "INVALID_CAST_ARGUMENT: Value cannot be cast to date: 2026-02-30"),
    ("SELECT CAST('2026-11-22T01:02:03Z' AS timestamp)", "INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: 2026-11-22T01:02:03Z"),
    ("SELECT CAST(300 AS tinyint)", "INVALID_CAST_ARGUMENT: Out of range for tinyint: 300"),
    ("SELECT 2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE: integer addition overflow: 2147483647 + 1"),
    ("SELECT array[1, 2][3]", "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 3 > 2"),
    ("SELECT array[1][0]", "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1"),
    ("SELECT map(array['a'], array[1])['z']", "INVALID_FUNCTION_ARGUMENT: Key not present in map: z"),
    ("SELECT date_parse('abc', '%Y')", 'INVALID_FUNCTION_ARGUMENT: Invalid format: "abc"'),
    ("SELECT date_trunc('hour', date '2026-01-01')", "INVALID_FUNCTION_ARGUMENT: line 1:8: 'hour' is not a valid DATE field"),
    ("SELECT json_extract('{}', 'a')", "INVALID_FUNCTION_ARGUMENT: line 1:8: Invalid JSON path: 'a'"),
    ("WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r", "NOT_SUPPORTED: line 1:16: Recursive WITH is not supported locally"),
]  # fmt: skip

SYNTAX = [
    ("SELEC 1", "line 1:1: mismatched input 'SELEC'. Expecting: 'ALTER', "),
    ("SELECT * FORM t", "line 1:10: mismatched input 'FORM'. Expecting: ',', 'EXCEPT', 'FETCH', 'FROM', "),
    ("SELECT FROM t", "line 1:8: mismatched input 'FROM'. Expecting: '*', 'ALL', 'DISTINCT', <expression>"),
    ("SELECT a b c FROM t", "line 1:12: mismatched input 'c'. Expecting: ',', "),
    ("SELECT a, FROM t", "line 1:11: mismatched input 'FROM'. Expecting: '*', <expression>"),
    ("SELECT a\nFROM t\nWHERE", "line 3:6: mismatched input '<EOF>'. Expecting: <expression>"),
    ("SELECT (1", "line 1:10: mismatched input '<EOF>'. Expecting: ')', ','"),
    ("SELECT 1 +", "line 1:11: mismatched input '<EOF>'. Expecting: <expression>"),
    ("SELECT * FROM t GROUP x", "line 1:23: mismatched input 'x'. Expecting: 'BY'"),
    ("SELECT 1 FROM", "line 1:14: mismatched input '<EOF>'. Expecting: '('"),
    ("", "line 1:1: mismatched input '<EOF>'. Expecting: 'ALTER', "),
]


@pytest.mark.parametrize(("sql", "told"), ERRORS, ids=[case[0] for case in ERRORS])
def test_an_error_is_told_as_athena_tells_it(compute: Compute, sql: str, told: str) -> None:
    with pytest.raises(QueryError) as caught:
        compute(sql)
    assert caught.value.reason == told
    assert caught.value.athena_error["ErrorMessage"] == told


@pytest.mark.parametrize(("sql", "told"), SYNTAX, ids=[case[0] for case in SYNTAX])
def test_a_syntax_error_names_the_token(compute: Compute, sql: str, told: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        compute(sql)
    assert caught.value.message.startswith(told)
