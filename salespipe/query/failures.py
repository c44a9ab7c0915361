"""What Athena's failures mean here, and the command that mends each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.names import Names


def explain(reason: str, names: Names) -> SalespipeError:
    """Turn a query's StateChangeReason into an error that names the way out."""
    code = (re.match(r"([A-Z][A-Z0-9_]+)\b", reason) or [""])[0] or "QueryFailed"
    if "Bytes scanned limit was exceeded" in reason:
        code = "ScanLimitExceeded"
    return SalespipeError(code, reason.strip(), hint=_hint(code, reason, names))


def _hint(code: str, reason: str, names: Names) -> str:
    ours = (names.events_table, names.orders_view)
    if code in {"TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND"}:
        missing = any(f".{table}'" in reason for table in ours) or code == "SCHEMA_NOT_FOUND"
        return "salespipe crawl (it makes the tables and views)" if missing else 'salespipe query "SHOW TABLES"'
    if code == "COLUMN_NOT_FOUND":
        return f'salespipe query "DESCRIBE {names.orders_view}" lists the columns.'
    if code == "ScanLimitExceeded":
        return "Narrow the WHERE clause on dt and hour, or raise scan_limit_mb under [query] and run salespipe up."
    if code in {"SYNTAX_ERROR", "QueryFailed"} or "mismatched input" in reason:
        return "Correct the SQL at the position named above."
    return ""


def not_deployed(names: Names) -> SalespipeError:
    """Say that the pipeline is not there."""
    return SalespipeError(
        "NotDeployed",
        f"The pipeline {names.config.name} is not deployed here.",
        hint="salespipe up",
        exit_code=Exit.NOT_DEPLOYED,
    )
