"""What goes wrong with a query, in Athena's words.

A query that Athena accepts and that then fails carries ``CODE: message`` as its StateChangeReason; a syntax error is
refused by StartQueryExecution itself (``InvalidRequestException`` with ``line 1:8: mismatched input ...``).
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

_log = logging.getLogger(__name__)

# Trino's error code -> (ErrorCategory, ErrorType) of Athena's error reference (athena/latest/ug/error-reference.html):
# 1 system, 2 user, 3 other.
_CATEGORY: Final = {
    "TABLE_NOT_FOUND": (2, 1110),
    "COLUMN_NOT_FOUND": (2, 1006),
    "SYNTAX_ERROR": (2, 1006),
    "TYPE_MISMATCH": (2, 1006),
    "SCHEMA_NOT_FOUND": (2, 1006),
    "FUNCTION_NOT_FOUND": (2, 1006),
    "NOT_SUPPORTED": (2, 1003),
    "DIVISION_BY_ZERO": (2, 1001),
    "INVALID_CAST_ARGUMENT": (2, 1001),
    "HIVE_BAD_DATA": (2, 1201),
    "HIVE_CURSOR_ERROR": (2, 1201),
    "HIVE_UNSUPPORTED_FORMAT": (2, 1201),
    "NO_SUCH_BUCKET": (2, 1500),
    "GENERIC_INTERNAL_ERROR": (1, 401),
    "EXCEEDED_LOCAL_MEMORY_LIMIT": (1, 236),
}


class QueryError(Exception):
    """A query that ends FAILED: Trino's error code and the message, positions included."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.message = message

    @property
    def reason(self) -> str:
        """The execution's StateChangeReason."""
        return f"{self.code}: {self.message}" if self.code else self.message

    @property
    def athena_error(self) -> dict[str, Any]:
        """The execution's AthenaError."""
        category, kind = _CATEGORY.get(self.code, (2, 1006))
        return {"ErrorCategory": category, "ErrorType": kind, "Retryable": category == 1, "ErrorMessage": self.reason}


class QuerySyntaxError(QueryError):
    """A query that Athena refuses before it becomes an execution."""

    def __init__(self, message: str) -> None:
        super().__init__("", message)


class QueryCancelledError(Exception):
    """A query that ends CANCELLED; the text is its StateChangeReason."""


MARK: Final = "\x1f"
"""Encloses the error that a compiled expression raises through DuckDB (see ``failing``)."""

_TYPE_NAMES: Final = {"INT8": "tinyint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint"}
_CAST_NAMES: Final = {
    "INT8": "TINYINT",
    "INT16": "SMALLINT",
    "INT32": "INT",
    "INT64": "BIGINT",
    "FLOAT": "REAL",
    "DOUBLE": "DOUBLE",
    "BOOL": "BOOLEAN",
}
_CONVERSION: Final = re.compile(r"Could not convert string [\"'](.*?)[\"'] to '?(\w+)", re.DOTALL)
_OUT_OF_RANGE: Final = re.compile(
    r"Type (\w+) with value (\S+) can't be cast because the value is out of range .*type (\w+)"
)
_DECIMAL: Final = re.compile(r"(?:value|Could not cast value) \"?(-?[\d.]+)\"? to (?:type )?DECIMAL\((\d+),(\d+)\)")
_OVERFLOW: Final = re.compile(r"Overflow in (\w+) of (\w+) \((.*)\)!")


def failing(message: str, result: str) -> str:
    """DuckDB SQL of type ``result`` that fails with ``message`` (a SQL expression: ``CODE: text``).

    DuckDB's own ``error()`` counts as volatile, which TRY does not allow; a cast that cannot succeed does the same.
    """
    return f"CAST(CAST(CAST(chr(31) || {message} || chr(31) AS INTEGER) AS VARCHAR) AS {result})"


def translated(error: duckdb.Error) -> QueryError:  # noqa: PLR0911 - one answer for each kind of error
    """Athena's words for an error that DuckDB raised while a query ran."""
    import duckdb

    text = str(error)
    if (marked := text.split(MARK))[2:]:
        code, _, message = marked[1].partition(": ")
        return QueryError(code, message)
    if "ivision by zero" in text:
        return QueryError("DIVISION_BY_ZERO", "Division by zero")
    if found := _OVERFLOW.search(text):
        kind = _TYPE_NAMES.get(found[2], found[2].lower())
        return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", f"{kind} {found[1]} overflow: {found[3]}")
    if found := _OUT_OF_RANGE.search(text):
        kind = _TYPE_NAMES.get(found[3], found[3].lower())
        told = (
            f"Unable to cast {found[2]} to {kind}" if found[1] == "DOUBLE" else f"Out of range for {kind}: {found[2]}"
        )
        return QueryError("INVALID_CAST_ARGUMENT", told)
    if found := _DECIMAL.search(text):
        return QueryError(
            "INVALID_CAST_ARGUMENT", f"Cannot cast DECIMAL '{found[1]}' to DECIMAL({found[2]}, {found[3]})"
        )
    if isinstance(error, duckdb.OutOfRangeException):
        return QueryError("NUMERIC_VALUE_OUT_OF_RANGE", "Value out of range")
    if found := _CONVERSION.search(text):
        kind = _CAST_NAMES.get(found[2].upper(), found[2].upper())
        return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast '{found[1]}' to {kind}")
    if found := re.search(r"date field value out of range: \"(.*?)\"|invalid date field format: \"(.*?)\"", text):
        return QueryError("INVALID_CAST_ARGUMENT", f"Value cannot be cast to date: {found[1] or found[2]}")
    if found := re.search(r"timestamp field value .*?: \"(.*?)\"|invalid timestamp field format: \"(.*?)\"", text):
        return QueryError("INVALID_CAST_ARGUMENT", f"Value cannot be cast to timestamp: {found[1] or found[2]}")
    if "More than one row returned by a subquery" in text:
        return QueryError("SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows")
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryError("EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exceeded per-node memory limit")
    if isinstance(error, duckdb.ConversionException):
        return QueryError("INVALID_CAST_ARGUMENT", "A value cannot be cast to the type asked for")
    _log.warning("Athena has no word for what DuckDB said: %s", text)
    return QueryError("GENERIC_INTERNAL_ERROR", "The local engine could not run this query")
