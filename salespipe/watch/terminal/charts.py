"""Revenue and orders a minute through the window, and the window before on the same scale."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal import words
from salespipe.watch.terminal.figures import comparable
from salespipe.watch.terminal.lines import Block, Line, beside, ends, left, right

if TYPE_CHECKING:
    from salespipe.watch.model import Board, Point, Sales

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LABEL: Final = 21
_AXIS: Final = 7
_JUST_BEGUN: Final = 4
_GAP: Final = 3
Rates = list[float | None]
Of = Callable[["Sales"], float]


def _revenue(sales: Sales) -> float:
    return float(sales.revenue)


def _orders(sales: Sales) -> float:
    return float(sales.orders)


_SHOWN: Final[tuple[tuple[str, Of], ...]] = (("revenue", _revenue), ("orders", _orders))


def rates(points: Sequence[Point], until: datetime, columns: int, of: Of, known_since: datetime) -> Rates:
    """So many a minute in each of ``columns`` equal parts of the time that ``points`` cover, up to ``until``.

    A part gets of each point what lies in it, so that the sum stays. None before ``known_since``. ``until`` may be
    within the last step, which is going on; a step that has only just begun is taken together with the one before.
    """
    if not points or columns < 1:
        return []
    start = points[0].start
    total = (until - start).total_seconds()
    if total <= 0:
        return []
    edges = [(point.start - start).total_seconds() for point in points] + [total]
    sums = [0.0]
    for point in points:
        sums.append(sums[-1] + of(point.sales))
    if len(points) > 1 and _JUST_BEGUN * (edges[-1] - edges[-2]) < edges[-2] - edges[-3]:
        edges[-2], sums[-2] = (edges[-1] + edges[-3]) / 2, (sums[-1] + sums[-3]) / 2

    def through(second: float) -> float:
        at = min(len(points) - 1, bisect_right(edges, second) - 1)
        length = edges[at + 1] - edges[at]
        return sums[at] + (sums[at + 1] - sums[at]) * (min(1.0, (second - edges[at]) / length) if length > 0 else 1.0)

    unknown = (known_since - start).total_seconds()
    width = total / columns
    marks = [through(column * width) for column in range(columns + 1)]
    return [
        None if (column + 1) * width <= unknown else (marks[column + 1] - marks[column]) * 60 / width
        for column in range(columns)
    ]


def sparks(values: Rates, top: float) -> str:
    """One line of columns; what is more than nothing is seen, and what is not known is a dot."""
    return "".join("·" if value is None else _BLOCKS[_eighths(value, top, 1)] for value in values)


@dataclass(frozen=True, slots=True)
class Series:
    """What was sold a minute, in this window and the one before, in as many columns as there is room for."""

    name: str
    now: Rates
    then: Rates

    @property
    def top(self) -> float:
        """The greatest of both: they are drawn on one scale."""
        return max((value for value in (*self.now, *self.then) if value is not None), default=0.0)


def sparklines(board: Board, at: datetime, width: int, *, before: bool) -> Block:
    """Two lines for each of revenue and orders: this window up to ``at``, and the one before; else one."""
    made: Block = []
    for series in _both(board, at, width - _LABEL):
        for label, values, style in ((f"{series.name}/min", series.now, "bar"), ("  before", series.then, "dim")):
            if values is series.now or (before and series.then):
                said = left(label, _LABEL - 9) + right(_told(_mean(values)), 7) + "  "
                made.append([(said, "dim" if style == "dim" else ""), (sparks(values, series.top), style)])
    return made


def charts(board: Board, at: datetime, width: int, height: int) -> Block:
    """Revenue and orders, side by side, each with axis and title in ``height`` lines."""
    size = (width - _GAP) // 2
    drawn = [_chart(board, series, size, height) for series in _both(board, at, size - _AXIS - 1)]
    return beside([(drawn[0], size), (drawn[1], size)], width - 2 * size)


def _chart(board: Board, series: Series, width: int, height: int) -> Block:
    tall, top = height - 2, series.top
    title: Line = [(f"{series.name} a minute  ", "title"), (_told(_mean(series.now)), "bold")]
    if series.then:
        title += [("   ░ before ", "dim"), (_told(_mean(series.then)), "dim")]
    peak = max((value for value in series.now if value is not None), default=None)
    made = [ends(title, [(f"peak {_told(peak)}", "dim")], width)]
    now = [None if value is None else _eighths(value, top, tall) for value in series.now]
    then = [_eighths(value or 0.0, top, tall) for value in series.then] or [0] * len(now)
    for row in range(tall - 1, -1, -1):
        mark = _axis(top) if row == tall - 1 and top else "0" if row == 0 else ""
        made.append([(right(mark, _AXIS - 1) + " │", "dim"), *_row(now, then, row)])
    span = board.until - board.since
    times = [(words.clock(board.since, span), "dim")], [(words.clock(board.until, span), "dim")]
    made.append([(" " * (_AXIS + 1), ""), *ends(*times, width - _AXIS - 1)])
    return made


def _row(now: Sequence[int | None], then: Sequence[int], row: int) -> Line:
    """One line of columns, with those of the window before as shadows behind; neighbours of one style are one text."""
    signs: list[tuple[str, str]] = []
    for tall, before in zip(now, then, strict=True):
        if tall is None:
            signs.append(("·" if row == 0 else " ", "dim"))
        elif tall > 8 * row:
            signs.append((_BLOCKS[min(8, tall - 8 * row)], "bar"))
        else:
            signs.append(("░" if before - 8 * row >= 4 else " ", "dim"))
    return [("".join(sign for sign, _ in part), style) for style, part in groupby(signs, key=itemgetter(1))]


def _both(board: Board, at: datetime, columns: int) -> Iterator[Series]:
    until = min(at, board.until) if at > board.since else board.until
    for name, of in _SHOWN:
        now = rates(board.points, until, columns, of, board.filled_since)
        then = rates(board.points_before, board.before_until, columns, of, board.filled_since)
        yield Series(name, now, then if comparable(board) and len(then) == len(now) else [])


def _mean(values: Rates) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _told(value: float | None) -> str:
    return "-" if value is None else words.rate(value)


def _axis(top: float) -> str:
    return f"{top:.1f}" if top < 10 else words.count(top, _AXIS - 1)


def _eighths(value: float, top: float, tall: int) -> int:
    """How tall a value is in eighths of a line; what is more than nothing is at least one."""
    if value <= 0 or top <= 0:
        return 0
    return max(1, round(8 * tall * value / top))
