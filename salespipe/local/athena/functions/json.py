"""DuckDB macros for arrays, maps and JSON, where Trino differs: errors, NULLs, and what counts as a scalar."""

from __future__ import annotations

from typing import Final


def _fail(code: str, message: str, result: str) -> str:
    return f"CAST(CAST(CAST(chr(31) || '{code}: ' || {message} || chr(31) AS INTEGER) AS VARCHAR) AS {result})"


MACROS: Final = {
    "trino_element_at": "(a, i) AS a[CASE WHEN i <> 0 THEN i WHEN i = 0 THEN "
    + _fail("INVALID_FUNCTION_ARGUMENT", "'SQL array indices start at 1'", "BIGINT")
    + " END]",
    # a[i] fails outside the array, where DuckDB answers NULL.
    "trino_subscript": "(a, i) AS a[CASE WHEN a IS NULL OR i IS NULL THEN NULL WHEN i = 0 THEN "
    + _fail("INVALID_FUNCTION_ARGUMENT", "'SQL array indices start at 1'", "BIGINT")
    + " WHEN i < 0 THEN "
    + _fail("INVALID_FUNCTION_ARGUMENT", "'Array subscript is negative: ' || i", "BIGINT")
    + " WHEN i > len(a) THEN "
    + _fail(
        "INVALID_FUNCTION_ARGUMENT",
        "'Array subscript must be less than or equal to array length: ' || i || ' > ' || len(a)",
        "BIGINT",
    )
    + " ELSE i END]",
    "trino_map_value": "(m, k) AS m[CASE WHEN map_contains(m, k) OR m IS NULL THEN k ELSE CAST(CAST("
    + _fail("INVALID_FUNCTION_ARGUMENT", "'Key not present in map: ' || k", "VARCHAR")
    + " AS VARCHAR) AS VARCHAR) END]",
    "trino_contains": """(a, x) AS CASE WHEN list_contains(a, x) THEN true WHEN x IS NULL OR len(a) > list_count(a)
        THEN NULL ELSE list_contains(a, x) END""",
    "trino_array_extreme": "(a, x) AS CASE WHEN len(a) = list_count(a) THEN x END",
    # The first of each value, in their order; DuckDB's list_distinct has an order of its own.
    "trino_array_distinct": "(a) AS list_filter(a, lambda x, i: list_position(a, x) = i OR (x IS NULL AND "
    "len(list_filter(a[:i], lambda y: y IS NULL)) = 1))",
    "trino_slice": """(a, f, n) AS CASE WHEN f > 0 THEN a[f:f + n - 1]
        WHEN -f > len(a) THEN [] ELSE a[len(a) + f + 1:len(a) + f + n] END""",
    "trino_any": """(l) AS CASE WHEN list_contains(l, true) THEN true WHEN len(l) > list_count(l) THEN NULL
        WHEN l IS NOT NULL THEN false END""",
    "trino_all": """(l) AS CASE WHEN list_contains(l, false) THEN false WHEN len(l) > list_count(l) THEN NULL
        WHEN l IS NOT NULL THEN true END""",
    # Text that is no JSON: the functions that take text answer NULL.
    "trino_json": "(t) AS CASE WHEN json_valid(t) THEN CAST(t AS JSON) END",
    "trino_json_extract": "(t, p) AS json_extract(trino_json(t), p)",
    "trino_json_scalar": """(j, p) AS CASE WHEN json_type(j, p) NOT IN ('OBJECT', 'ARRAY', 'NULL')
        THEN json_extract_string(j, p) END""",
    "trino_json_length": "(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN CAST(json_array_length(j) AS BIGINT) END",
    "trino_json_size": """(j) AS CASE json_type(j) WHEN 'ARRAY' THEN CAST(json_array_length(j) AS BIGINT)
        WHEN 'OBJECT' THEN len(json_keys(j)) WHEN NULL THEN NULL ELSE CASE WHEN j IS NOT NULL THEN 0 END END""",
}
