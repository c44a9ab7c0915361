"""What Trino's documentation says that expressions give, in value and type."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Compute = Callable[[str], tuple[list[str], list[list[str | None]]]]

VALUES = [
    # Numbers
    ("7 / 2", "3", "integer"),
    ("-7 / 2", "-3", "integer"),
    ("7 / 2e0", "3.5", "double"),
    ("7.0 / 2", "3.5", "decimal(2,1)"),
    ("1 / 3.0", "0.3", "decimal(12,1)"),
    ("-7 % 3", "-1", "integer"),
    # Halves are rounded away from zero, as exactly as decimals are, however many digits they have.
    ("66.65 / 2", "33.33", "decimal(4,2)"),
    ("-66.65 / 2", "-33.33", "decimal(4,2)"),
    ("66.65 / -2", "-33.33", "decimal(4,2)"),
    ("66.64 / 2", "33.32", "decimal(4,2)"),
    ("0.02 / 3", "0.01", "decimal(2,2)"),
    ("0.01 / 3", "0.00", "decimal(2,2)"),
    ("1.005 / 0.1", "10.050", "decimal(5,3)"),
    ("1 / 0.16", "6.25", "decimal(14,2)"),
    ("bigint '9007199254740993' / 1.0", "9007199254740993.0", "decimal(21,1)"),
    ("CAST(66.65 AS decimal(38, 2)) / 2", "33.33", "decimal(38,2)"),
    ("CAST(-0.005 AS decimal(38, 3)) / CAST(10 AS decimal(38, 0))", "-0.001", "decimal(38,3)"),
    ("decimal '99999999999999999999999999999999999.5' / 1e0", "1.0E35", "double"),
    ("CAST(decimal '80000000000000000000000000000000000.0' / 4 AS double)", "2.0E34", "double"),
    ("decimal '623681595863291.510' / decimal '-0.05064'", "-12315987280080796.01106", "decimal(25,5)"),
    ("1.00 / CAST(NULL AS decimal(3, 2))", None, "decimal(5,2)"),
    ("66.65 / 2 / 5 / 2", "3.34", "decimal(4,2)"),
    ("TRY(1.00 / 0)", None, "decimal(3,2)"),
    ("10.5 % 3", "1.5", "decimal(3,1)"),
    ("1e0 / 0", "Infinity", "double"),
    ("0e0 / 0", "NaN", "double"),
    ("100.00 * 0.05", "5.0000", "decimal(7,4)"),
    ("1.25 + 1", "2.25", "decimal(13,2)"),
    ("bigint '5' + 1", "6", "bigint"),
    ("2147483648", "2147483648", "bigint"),
    ("real '1.1'", "1.1", "real"),
    ("1e10", "1.0E10", "double"),
    ("12345678e0", "1.2345678E7", "double"),
    ("1e-4", "1.0E-4", "double"),
    ("123.5e0", "123.5", "double"),
    ("round(2.5e0)", "3.0", "double"),
    ("round(-2.5e0)", "-3.0", "double"),
    ("round(2.567e0, 2)", "2.57", "double"),
    ("floor(-1.5)", "-2", "decimal(2,0)"),
    ("ceil(1.2e0)", "2.0", "double"),
    ("truncate(-1.9e0)", "-1.0", "double"),
    ("mod(-5, 3)", "-2", "integer"),
    ("power(2, 3)", "8.0", "double"),
    ("log(2, 8)", "3.0", "double"),
    ("ln(0)", "-Infinity", "double"),
    ("sqrt(-1)", "NaN", "double"),
    ("to_base(255, 16)", "ff", "varchar"),
    ("from_base('ff', 16)", "255", "bigint"),
    ("width_bucket(5.3, 0, 10, 5)", "3", "bigint"),
    ("bitwise_xor(5, 3)", "6", "bigint"),
    # Casts
    ("CAST(2.5e0 AS bigint)", "3", "bigint"),
    ("CAST(-2.5e0 AS bigint)", "-3", "bigint"),
    ("CAST(2.5 AS bigint)", "3", "bigint"),
    ("CAST(1e10 AS varchar)", "1.0E10", "varchar"),
    ("CAST(0.5e0 AS varchar)", "0.5", "varchar"),
    ("CAST(123456789012.5e0 AS varchar)", "1.234567890125E11", "varchar"),
    ("CAST(true AS varchar)", "true", "varchar"),
    ("CAST('abcdef' AS varchar(3))", "abc", "varchar(3)"),
    ("CAST('1.239' AS decimal(10, 2))", "1.24", "decimal(10,2)"),
    ("CAST(1 AS boolean)", "true", "boolean"),
    ("CAST('0' AS boolean)", "false", "boolean"),
    ("TRY_CAST('abc' AS integer)", None, "integer"),
    ("TRY(1 / 0)", None, "integer"),
    ("TRY(CAST('2026' AS date))", None, "date"),
    ("decimal '1.25'", "1.25", "decimal(3,2)"),
    ("CAST(row(1, 'a') AS row(x integer, y varchar))", "{x=1, y=a}", "row(x integer, y varchar)"),
    ("CAST(row(1, 'a') AS row(x integer, y varchar)).y", "a", "varchar"),
    # NULL
    ("NULL || 'a'", None, "varchar"),
    ("concat('a', NULL)", None, "varchar"),
    ("concat_ws(',', 'a', NULL, 'b')", "a,b", "varchar"),
    ("greatest(1, NULL, 2)", None, "integer"),
    ("least(1, 2)", "1", "integer"),
    ("coalesce(NULL, 2)", "2", "integer"),
    ("nullif(1, 1)", None, "integer"),
    ("1 IS DISTINCT FROM NULL", "true", "boolean"),
    ("NULL = 1", None, "boolean"),
    ("true AND NULL", None, "boolean"),
    ("1 NOT IN (2, NULL)", None, "boolean"),
    ("if(false, 1)", None, "integer"),
    # Text
    ("'it''s'", "it's", "varchar(4)"),
    ("length('münchen')", "7", "bigint"),
    ("substr('hello', 0)", "", "varchar"),
    ("substr('hello', -3, 2)", "ll", "varchar"),
    ("substring('hello' FROM 2 FOR 3)", "ell", "varchar"),
    ("strpos('hello', 'l')", "3", "bigint"),
    ("position('z' IN 'hello')", "0", "bigint"),
    ("lpad('a', 5, 'xy')", "xyxya", "varchar"),
    ("rpad('abc', 2, 'x')", "ab", "varchar"),
    ("split('a,b', ',')", "[a, b]", "array(varchar)"),
    ("split('a-b-c', '-', 2)", "[a, b-c]", "array(varchar)"),
    ("split_part('a,b', ',', 2)", "b", "varchar"),
    ("split_part('a,b', ',', 3)", None, "varchar"),
    ("replace('aba', 'a')", "b", "varchar"),
    ("trim(BOTH 'x' FROM 'xax')", "a", "varchar"),
    ("'a' NOT LIKE 'b'", "true", "boolean"),
    ("'a%b' LIKE 'a!%b' ESCAPE '!'", "true", "boolean"),
    ("regexp_extract('abc123', '(\\d+)', 1)", "123", "varchar"),
    ("regexp_extract('abc', '\\d+')", None, "varchar"),
    ("regexp_extract_all('1a2b', '\\d')", "[1, 2]", "array(varchar)"),
    ("regexp_replace('a1b2', '(\\d)', '<$1>')", "a<1>b<2>", "varchar"),
    ("regexp_replace('abc', '[bc]')", "a", "varchar"),
    ("regexp_like('ABC', '(?i)abc')", "true", "boolean"),
    ("format('%s has %d at %.2f', 'a', 3, 1.5)", "a has 3 at 1.50", "varchar"),
    ("format('%,d', 1234567)", "1,234,567", "varchar"),
    ("to_hex(to_utf8('ab'))", "6162", "varchar"),
    ("to_utf8('ab')", "61 62", "varbinary"),
    ("X'4142'", "41 42", "varbinary"),
    # Dates and times
    ("CAST('2026-11-22 01:02:03.1236' AS timestamp)", "2026-11-22 01:02:03.124", "timestamp(3)"),
    ("timestamp '2026-11-22 01:02:03 UTC'", "2026-11-22 01:02:03.000 UTC", "timestamp(3) with time zone"),
    ("current_date", "2026-11-22", "date"),
    ("now()", "2026-11-22 04:00:00.000 UTC", "timestamp(3) with time zone"),
    ("date_trunc('month', date '2026-11-22')", "2026-11-01", "date"),
    ("date_trunc('week', date '2026-11-22')", "2026-11-16", "date"),
    ("date_trunc('hour', timestamp '2026-11-22 01:02:03')", "2026-11-22 01:00:00.000", "timestamp(3)"),
    ("date_add('month', 1, date '2026-01-31')", "2026-02-28", "date"),
    ("date_add('day', -1, timestamp '2026-11-22 01:02:03')", "2026-11-21 01:02:03.000", "timestamp(3)"),
    ("date_diff('day', timestamp '2026-11-21 23:00:00', timestamp '2026-11-22 01:00:00')", "0", "bigint"),
    ("date_diff('month', date '2026-01-15', date '2026-03-14')", "1", "bigint"),
    ("date '2026-01-31' + interval '1' month", "2026-02-28", "date"),
    ("date '2026-11-22' - date '2026-11-20'", "2 00:00:00.000", "interval day to second"),
    ("interval '14' month", "1-2", "interval year to month"),
    ("day_of_week(date '2026-11-22')", "7", "bigint"),
    ("day_of_week(date '2026-11-23')", "1", "bigint"),
    ("week(date '2027-01-01')", "53", "bigint"),
    ("year_of_week(date '2027-01-01')", "2026", "bigint"),
    ("extract(DOW FROM date '2026-11-22')", "7", "bigint"),
    ("last_day_of_month(date '2026-02-01')", "2026-02-28", "date"),
    (
        "date_format(timestamp '2026-11-22 13:02:03', '%Y-%m-%d %H:%i:%s %W %p')",
        "2026-11-22 13:02:03 Sunday PM",
        "varchar",
    ),
    ("date_parse('2026/11/22 01', '%Y/%m/%d %H')", "2026-11-22 01:00:00.000", "timestamp(3)"),
    ("format_datetime(timestamp '2026-11-22 13:02:03', 'yyyy-MM-dd''T''HH:mm')", "2026-11-22T13:02", "varchar"),
    ("parse_datetime('2026-11-22 01', 'yyyy-MM-dd HH')", "2026-11-22 01:00:00.000 UTC", "timestamp(3) with time zone"),
    (
        "from_iso8601_timestamp('2026-11-22T01:02:03.004+01:00')",
        "2026-11-22 00:02:03.004 UTC",
        "timestamp(3) with time zone",
    ),
    ("from_unixtime(1.5)", "1970-01-01 00:00:01.500 UTC", "timestamp(3) with time zone"),
    ("to_unixtime(timestamp '1970-01-02 00:00:00')", "86400.0", "double"),
    ("hour(timestamp '2026-11-22 01:02:03 UTC' AT TIME ZONE 'America/New_York')", "20", "bigint"),
    (
        "timestamp '2026-11-22 01:02:03 UTC' AT TIME ZONE 'Europe/Berlin'",
        "2026-11-22 02:02:03.000 Europe/Berlin",
        "timestamp(3) with time zone",
    ),
    ("CAST(timestamp '2026-11-22 01:02:03' AS varchar)", "2026-11-22 01:02:03.000", "varchar"),
    # Arrays, maps, rows
    ("array[1, 2, 3][2]", "2", "integer"),
    ("element_at(array[1, 2], 5)", None, "integer"),
    ("element_at(array[1, 2], -1)", "2", "integer"),
    ("cardinality(array[1, 2])", "2", "bigint"),
    ("contains(array[1, NULL], 2)", None, "boolean"),
    ("array_join(array['a', NULL, 'b'], ',')", "a,b", "varchar"),
    ("array_sort(array[3, 1, NULL])", "[1, 3, null]", "array(integer)"),
    ("array_distinct(array[2, 1, 2])", "[2, 1]", "array(integer)"),
    ("array_position(array[1, 2], 3)", "0", "bigint"),
    ("slice(array[1, 2, 3, 4], -2, 2)", "[3, 4]", "array(integer)"),
    ("sequence(1, 5, 2)", "[1, 3, 5]", "array(bigint)"),
    ("array[1] || array[2]", "[1, 2]", "array(integer)"),
    ("filter(array[1, 2, 3], x -> x > 1)", "[2, 3]", "array(integer)"),
    ("transform(array[1, 2], x -> x * 2e0)", "[2.0, 4.0]", "array(double)"),
    ("reduce(array[1, 2, 3], 0, (s, x) -> s + x, s -> s * 10)", "60", "integer"),
    ("zip_with(array[1, 2], array[3, 4], (x, y) -> x + y)", "[4, 6]", "array(integer)"),
    ("any_match(array[1, 2], x -> x > 1)", "true", "boolean"),
    ("map(array['a', 'b'], array[1, 2])", "{a=1, b=2}", "map(varchar(1), integer)"),
    ("map(array['a'], array[1])['a']", "1", "integer"),
    ("element_at(map(array['a'], array[1]), 'z')", None, "integer"),
    ("map_filter(map(array['a', 'b'], array[1, 2]), (k, v) -> v > 1)", "{b=2}", "map(varchar(1), integer)"),
    ("transform_values(map(array['a'], array[1]), (k, v) -> v + 1)", "{a=2}", "map(varchar(1), integer)"),
    ("row(1, 'a', NULL)", "{field0=1, field1=a, field2=null}", "row(integer, varchar(1), unknown)"),
    # JSON
    ("json_extract('{\"a\":{\"b\":1}}', '$.a')", '{"b":1}', "json"),
    ("json_extract_scalar('{\"a\":{\"b\":1}}', '$.a.b')", "1", "varchar"),
    ("json_extract_scalar('{\"a\":{\"b\":1}}', '$.a')", None, "varchar"),
    ("json_extract_scalar('{\"a b\":[5]}', '$[\"a b\"][0]')", "5", "varchar"),
    ("json_extract_scalar('no json', '$.a')", None, "varchar"),
    ("json_array_length('[1,2]')", "2", "bigint"),
    ("CAST(json_parse('[1,2]') AS array(integer))", "[1, 2]", "array(integer)"),
    ("json_format(CAST(array[1, 2] AS json))", "[1,2]", "varchar"),
    ("typeof(array[1.5])", "array(decimal(2,1))", "varchar"),
]


@pytest.mark.parametrize(("expression", "value", "kind"), VALUES, ids=[case[0] for case in VALUES])
def test_an_expression_has_trinos_value_and_type(
    compute: Compute, expression: str, value: str | None, kind: str
) -> None:
    types, rows = compute(f"SELECT {expression}")
    assert (rows, [shown.partition(" ")[2] for shown in types]) == ([[value]], [kind])


QUERIES = [
    (
        "SELECT sum(x), avg(x), count(*), max_by(y, x), approx_distinct(y) FROM (VALUES (1, 'a'), (2, 'b')) t(x, y)",
        ["_col0 bigint", "_col1 double", "_col2 bigint", "_col3 varchar(1)", "_col4 bigint"],
        [["3", "1.5", "2", "b", "2"]],
    ),
    (
        "SELECT sum(x) total, avg(x), sum(x) / 3 FROM (VALUES 1.25, 2.50) t(x)",
        ["total decimal(38,2)", "_col1 decimal(3,2)", "_col2 decimal(38,2)"],
        [["3.75", "1.88", "1.25"]],
    ),
    # An average of decimals is exact, with its half away from zero.
    (
        (
            "SELECT avg(x), avg(-x), avg(DISTINCT x), avg(x) FILTER (WHERE x > 33.32), sum(x) / count(*) "
            "FROM (VALUES 33.32, 33.33, 33.33, 33.32) t(x)"
        ),
        ["_col0 decimal(4,2)", "_col1 decimal(4,2)", "_col2 decimal(4,2)", "_col3 decimal(4,2)", "_col4 decimal(38,2)"],
        [["33.33", "-33.33", "33.33", "33.33", "33.33"]],
    ),
    (
        (
            "SELECT avg(x) OVER (ORDER BY x), avg(CAST(x AS decimal(38, 2))) OVER (ORDER BY x) "
            "FROM (VALUES 33.32, 33.33) t(x) ORDER BY 1"
        ),
        ["_col0 decimal(4,2)", "_col1 decimal(38,2)"],
        [["33.32", "33.32"], ["33.33", "33.33"]],
    ),
    (
        (
            "SELECT avg(total), avg(DISTINCT total) FILTER (WHERE total < 33.33), avg(total) FILTER (WHERE total > 99) "
            "FROM (SELECT k, sum(x) AS total FROM (VALUES (1, 33.32), (2, 33.33), (3, NULL)) t(k, x) GROUP BY k)"
        ),
        ["_col0 decimal(38,2)", "_col1 decimal(38,2)", "_col2 decimal(38,2)"],
        [["33.33", "33.32", None]],
    ),
    (
        "SELECT avg(CAST(x AS decimal(31, 11))) FROM (VALUES 46028109093.18437417483, 46028109093.18437417482) t(x)",
        ["_col0 decimal(31,11)"],
        [["46028109093.18437417483"]],
    ),
    (
        (
            "SELECT avg(x), CAST(avg(y) AS double) FROM (VALUES (decimal '0.0000000000000000001', "
            "decimal '5000000000000000000000000000000000000'), (0, decimal '5000000000000000000000000000000000000')) "
            "t(x, y)"
        ),
        ["_col0 decimal(29,19)", "_col1 double"],
        [["0.0000000000000000001", "5.0E36"]],
    ),
    (
        "SELECT sum(x), min(x), count(x), count_if(x > 0) FROM (SELECT 1 x WHERE false)",
        ["_col0 bigint", "_col1 integer", "_col2 bigint", "_col3 bigint"],
        [[None, None, "0", "0"]],
    ),
    (
        "SELECT count_if(x > 1), count_if(x > 1) FILTER (WHERE x < 3) FROM (VALUES 1, NULL, 2, 3) t(x)",
        ["_col0 bigint", "_col1 bigint"],
        [["2", "1"]],
    ),
    ("SELECT x FROM (VALUES 1, NULL, 2) t(x) ORDER BY x DESC", ["x integer"], [["2"], ["1"], [None]]),
    ("SELECT x FROM (VALUES 1, 2, 3, 4) t(x) ORDER BY x OFFSET 1 LIMIT 2", ["x integer"], [["2"], ["3"]]),
    ("SELECT x FROM (VALUES 1, 2) t(x) ORDER BY x FETCH FIRST 1 ROW ONLY", ["x integer"], [["1"]]),
    (
        "SELECT x + 1, count(*) c FROM (VALUES 1, 2, 2) t(x) GROUP BY x + 1 HAVING count(*) > 0 ORDER BY c DESC",
        ["_col0 integer", "c bigint"],
        [["3", "2"], ["2", "1"]],
    ),
    (
        "SELECT a, b, sum(c) FROM (VALUES (1, 2, 3), (1, 3, 4)) t(a, b, c) GROUP BY ROLLUP(a, b) ORDER BY 1, 2",
        ["a integer", "b integer", "_col2 bigint"],
        [["1", "2", "3"], ["1", "3", "4"], ["1", None, "7"], [None, None, "7"]],
    ),
    (
        "SELECT * FROM UNNEST(array[1, 2], array['a', 'b', 'c']) WITH ORDINALITY AS t(a, b, n)",
        ["a integer", "b varchar(1)", "n bigint"],
        [["1", "a", "1"], ["2", "b", "2"], [None, "c", "3"]],
    ),
    (
        "SELECT x, e FROM (VALUES (1, array[1, 2]), (2, array[])) t(x, l) LEFT JOIN UNNEST(l) AS u(e) ON true",
        ["x integer", "e integer"],
        [["1", "1"], ["1", "2"], ["2", None]],
    ),
    (
        "SELECT id, n, s FROM (VALUES (7, array[row(1, 'x')])) t(id, items) CROSS JOIN UNNEST(items) AS u(n, s)",
        ["id integer", "n integer", "s varchar(1)"],
        [["7", "1", "x"]],
    ),
    ("SELECT k, v FROM UNNEST(map(array['a'], array[1])) AS t(k, v)", ["k varchar(1)", "v integer"], [["a", "1"]]),
    (
        "SELECT * FROM (VALUES (1, 2)) a(x, y) JOIN (VALUES (1, 3)) b(x, z) USING (x)",
        ["x integer", "y integer", "z integer"],
        [["1", "2", "3"]],
    ),
    (
        "WITH a AS (SELECT 1 x UNION ALL SELECT 2), b AS (SELECT x + 1 y FROM a) SELECT * FROM a JOIN b ON a.x = b.y",
        ["x integer", "y integer"],
        [["2", "2"]],
    ),
    (
        "SELECT x, lag(x) OVER w, sum(x) OVER w FROM (VALUES 1, 2) t(x) WINDOW w AS (ORDER BY x) ORDER BY x",
        ["x integer", "_col1 integer", "_col2 bigint"],
        [["1", None, "1"], ["2", "1", "3"]],
    ),
    (
        "SELECT x, (SELECT count(*) FROM (VALUES 1, 1, 2) u(y) WHERE u.y = t.x) FROM (VALUES 1, 2) t(x) ORDER BY 1",
        ["x integer", "_col1 bigint"],
        [["1", "2"], ["2", "1"]],
    ),
    ("SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a", ["a decimal(11,1)"], [["1.0"], ["2.5"]]),
    ('SELECT Foo, foo AS "Bar" FROM (VALUES 1) T(FOO)', ["foo integer", "bar integer"], [["1", "1"]]),
    ("VALUES (1, 'a'), (2, 'b')", ["_col0 integer", "_col1 varchar(1)"], [["1", "a"], ["2", "b"]]),
    (
        (
            "SELECT array_agg(x ORDER BY x DESC) FILTER (WHERE x > 1), listagg(y, '+') WITHIN GROUP (ORDER BY y) "
            "FROM (VALUES (1, 'b'), (2, 'a'), (3, 'c')) t(x, y)"
        ),
        ["_col0 array(integer)", "_col1 varchar"],
        [["[3, 2]", "a+b+c"]],
    ),
]


@pytest.mark.parametrize(("sql", "types", "rows"), QUERIES, ids=[case[0][:60] for case in QUERIES])
def test_a_query_has_trinos_rows_and_types(
    compute: Compute, sql: str, types: list[str], rows: list[list[str | None]]
) -> None:
    assert compute(sql) == (types, rows)
