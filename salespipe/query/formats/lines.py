r"""CSV, TSV and Markdown: a line for each row.

CSV is RFC 4180's but for its line ends, which are LF: quotes only where a value needs them. NULL is empty, an empty
text is ``""``, as PostgreSQL and DuckDB read and write it. TSV is PostgreSQL's text format: NULL is ``\N``, and a tab,
a line end or a backslash in a value is escaped by a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final

from salespipe.query import records
from salespipe.query.model import NUMBERS, Answer

_CSV_QUOTED: Final = re.compile(r'[",\r\n]')
_TSV_ESCAPED: Final = re.compile(r"[\\\t\r\n]")
_TSV_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"})
_MARKDOWN_ESCAPED: Final = re.compile(r"[\\|\r\n<>`*\[]")
_MARKDOWN_ESCAPES: Final = str.maketrans(
    {"\r": "", "\n": "<br>", "<": "&lt;", ">": "&gt;"} | {mark: "\\" + mark for mark in "\\|`*["}
)

Show = Callable[[str | None], str]


def csv(answer: Answer, out: BinaryIO, header: bool) -> int:
    """Write CSV."""
    width, count = len(answer.columns), 0
    if header and width:
        out.write((",".join(_csv(column.name) for column in answer.columns) + "\n").encode())
    for block in answer.blocks:
        text = block.decode()
        if bare := _without_quotes(text):
            out.write(bare[0].encode())
            count += bare[1]
            continue
        flat = records.cells(text)
        out.write(_joined(map(_csv, flat), ",", width).encode())
        count += len(flat) // width
    return count


def _without_quotes(text: str) -> tuple[str, int] | None:
    """A block without its quotes, and how many rows it has, where no value needs any: None where one does.

    Taking Athena's quotes away at once is several times as quick as looking at each value.
    """
    if '""' in text or "\r" in text:
        return None
    bare = text.replace('"', "")
    between = "".join(text.split('"')[::2])
    if any(between.count(mark) != text.count(mark) for mark in ",\n"):
        return None
    return bare, between.count("\n")


def _csv(cell: str | None) -> str:
    if not cell:
        return "" if cell is None else '""'
    return '"' + cell.replace('"', '""') + '"' if _CSV_QUOTED.search(cell) else cell


def tsv(answer: Answer, out: BinaryIO, header: bool) -> int:
    """Write TSV."""
    width, count = len(answer.columns), 0
    if header and width:
        out.write(("\t".join(_tsv(column.name) for column in answer.columns) + "\n").encode())
    for block in answer.blocks:
        flat = records.cells(block.decode())
        out.write(_joined(map(_tsv, flat), "\t", width).encode())
        count += len(flat) // width
    return count


def _tsv(cell: str | None) -> str:
    if cell is None:
        return "\\N"
    return cell.translate(_TSV_ESCAPES) if _TSV_ESCAPED.search(cell) else cell


def markdown(answer: Answer, out: BinaryIO, header: bool) -> int:
    """Write a table of GitHub's Markdown, which cannot be without a header: ``header`` False leaves the names empty."""
    width, count = len(answer.columns), 0
    if not width:
        return 0
    names = [_markdown(column.name) if header else "" for column in answer.columns]
    marks = ["---:" if column.type in NUMBERS else "---" for column in answer.columns]
    out.write(f"| {' | '.join(names)} |\n| {' | '.join(marks)} |\n".encode())
    for block in answer.blocks:
        for row in records.rows(block, width):
            out.write(f"| {' | '.join(map(_markdown, row))} |\n".encode())
            count += 1
    return count


def _markdown(cell: str | None) -> str:
    if cell is None:
        return "*NULL*"
    return cell.translate(_MARKDOWN_ESCAPES) if _MARKDOWN_ESCAPED.search(cell) else cell


def _joined(cells: Iterable[str], mark: str, width: int) -> str:
    """Rows of ``width`` cells, from cells one behind the other."""
    each = iter(cells)
    return "".join(mark.join(row) + "\n" for row in zip(*[each] * width, strict=True))
