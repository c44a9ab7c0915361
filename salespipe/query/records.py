"""Athena's CSV, exactly: every value in quotes, NULL empty and bare, an empty text ``""``; lines end in LF.

Python's csv module cannot tell NULL from an empty text, and takes several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from salespipe.query.model import Column, Value

Cells = list[str | None]

_CELL: Final = re.compile(r'("(?:[^"]++|"")*+"|[^",\n]*+)[,\n]')

_PARSERS: Final[dict[str, Callable[[str], Value]]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("double", "float", "real"), float),
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
}


def whole(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks cut anywhere -> blocks that hold whole records."""
    pending: list[bytes] = []
    odd = False  # whether a value is open where the chunk begins
    for chunk in chunks:
        end, odd = _last_end(chunk, odd)
        if end < 0:
            pending.append(chunk)
            continue
        yield b"".join((*pending, chunk[: end + 1]))
        pending = [chunk[end + 1 :]] if end + 1 < len(chunk) else []
    if rest := b"".join(pending):
        yield rest if rest.endswith(b"\n") and not odd else rest + b"\n"


def _last_end(chunk: bytes, odd: bool) -> tuple[int, bool]:
    """Where the last record of a chunk ends, -1 where none does, and whether a value is open behind the chunk.

    A line end is a record's where the quotes before it are paired.
    """
    after = inside = odd ^ bool(chunk.count(b'"') & 1)
    at = len(chunk)
    while (found := chunk.rfind(b"\n", 0, at)) >= 0:
        inside ^= bool(chunk.count(b'"', found, at) & 1)
        if not inside:
            return found, after
        at = found
    return -1, after


def without_header(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the first record."""
    for block in blocks:
        end = block.index(b"\n")
        while block.count(b'"', 0, end) & 1:
            end = block.index(b"\n", end + 1)
        if rest := block[end + 1 :]:
            yield rest
        break
    yield from blocks


def encode(rows: Iterable[Sequence[str | None]]) -> bytes:
    """Rows as a block."""
    lines = (",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def cells(block: str) -> Cells:
    """The cells of a block, one row behind the other; None is NULL."""
    if '""' not in block:
        # Every quote is a bound of a value then: between two values stands exactly what separates them, unless a
        # NULL does too.
        pieces = block.split('"')
        if not pieces[0] and {",", "\n"}.issuperset(pieces[2::2]):
            return list[str | None](pieces[1::2])
    return [_cell(raw) for raw in _CELL.findall(block)]


def _cell(raw: str) -> str | None:
    if not raw:
        return None
    return raw[1:-1].replace('""', '"') if raw[0] == '"' else raw


def rows(block: bytes, width: int) -> Iterator[Cells]:
    """The rows of a block, of ``width`` columns each; a statement that makes something has none."""
    if not width:
        return iter(())
    flat = cells(block.decode())
    return (flat[at : at + width] for at in range(0, len(flat), width))


def first(blocks: Iterator[bytes], width: int, limit: int) -> Iterator[bytes]:
    """At most ``limit`` records; what is behind them is not read."""
    left = limit
    for block in blocks:
        flat = cells(block.decode())
        held = len(flat) // width
        if held >= left:
            if left:
                yield encode(flat[at : at + width] for at in range(0, left * width, width))
            return
        left -= held
        yield block


def parsers(columns: Sequence[Column]) -> list[Callable[[str], Value]]:
    """What makes the values of each column of their texts."""
    return [_PARSERS.get(column.type, str) for column in columns]


def typed(blocks: Iterator[bytes], columns: Sequence[Column]) -> Iterator[tuple[Value, ...]]:
    """The rows in Python types."""
    making = parsers(columns)
    for block in blocks:
        for row in rows(block, len(columns)):
            yield tuple(None if text is None else make(text) for make, text in zip(making, row, strict=True))
