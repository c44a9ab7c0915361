"""Results in the formats of other programs: text, one JSON document, and columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query.model import Answer

Writer = Callable[[Answer, BinaryIO, bool], int]

TABLE: Final = "table"
FORMATS: Final = (TABLE, "csv", "tsv", "json", "jsonl", "markdown", "parquet", "arrow")
BINARY: Final = frozenset({"parquet", "arrow"})
_SUFFIXES: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": TABLE,
}


def chosen(asked: str | None, output: Path | None) -> str:
    """The format that was asked for, or else the one that the file's suffix means, or else a table.

    Raises ``SalespipeError`` for an unknown one.
    """
    if asked is None:
        return _SUFFIXES.get(output.suffix.lower(), TABLE) if output else TABLE
    if asked in FORMATS:
        return asked
    raise SalespipeError(
        "Format", f"There is no format {asked}.", hint=f"--format {'|'.join(FORMATS)}", exit_code=Exit.USAGE
    )


def writer(name: str) -> Writer:
    """What writes a result in a format, except as a table: it takes the answer, the file, and whether names go first.

    It returns the number of rows. Raises ``SalespipeError`` where a library is missing: before the query is run.
    """
    if name in BINARY:
        from salespipe.query.formats import columnar

        return columnar.writer(name)
    from salespipe.query.formats import documents, lines

    return {
        "csv": lines.csv,
        "tsv": lines.tsv,
        "markdown": lines.markdown,
        "jsonl": documents.lines,
        "json": documents.document,
    }[name]
