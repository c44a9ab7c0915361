"""Charts for a page: HTML and SVG that need neither script nor network, and text that stays text at any width."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Final

from salespipe.query.model import NUMBERS
from salespipe.view.charts import grid, shortly

if TYPE_CHECKING:
    from salespipe.query.model import Result, Value

_WIDTH: Final = 1000
_HEIGHT: Final = 200


def figure(kind: str, result: Result) -> str:
    """A result as ``bars``, ``line`` or ``heat``, or nothing where only a table will do."""
    types = [column.type in NUMBERS for column in result.columns]
    if kind == "bars" and len(types) > 1 and types[1]:
        return _bars(result)
    if kind == "line" and len(types) > 1 and types[1]:
        return "".join(_line(result, at) for at in range(1, len(types)) if types[at])
    if kind == "heat" and len(types) > 2 and types[2]:
        return _heat(result)
    return ""


def _bars(result: Result) -> str:
    name, greatest = result.columns[1].name, max(_size(row[1]) for row in result.rows)
    rows = "".join(
        f"<span class=label>{escape(_text(row[0]))}</span><span class=n>{escape(shortly(row[1], name))}</span>"
        f'<div class=track><i style="width:{_share(_size(row[1]), greatest):.1f}%"></i></div>'
        for row in result.rows
    )
    return f"<figure><figcaption>{escape(_words(name))}</figcaption><div class=bars>{rows}</div></figure>"


def _line(result: Result, at: int) -> str:
    """Points stand where their time does, so that a gap looks like one."""
    name, values = result.columns[at].name, [_size(row[at]) for row in result.rows]
    times = [_seconds(row[0], place) for place, row in enumerate(result.rows)]
    greatest, first, last = max(values), times[0], times[-1]
    points = [
        (
            _WIDTH * (time - first) / (last - first) if last > first else _WIDTH / 2,
            _HEIGHT * (1 - _share(value, greatest) / 100),
        )
        for time, value in zip(times, values, strict=True)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<path d="M{x:.1f} {y:.1f}h0" stroke-width="6" stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
        for x, y in (points if len(points) <= 40 else ())
    )
    ends = [_text(result.rows[0][0]), _text(result.rows[-1][0])] if len(result.rows) > 1 else [_text(result.rows[0][0])]
    told = f"{_words(name)}, at most {shortly(greatest, name)}"
    return (
        f"<figure><figcaption>{escape(told)}</figcaption>"
        f'<svg viewBox="-8 -8 {_WIDTH + 16} {_HEIGHT + 16}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(told)}" fill="none" stroke="var(--{"mark" if at == 1 else "second"})">'
        f'<path d="M0 {_HEIGHT}H{_WIDTH}" stroke="var(--line)" vector-effect="non-scaling-stroke"/>'
        f'<polyline points="{path}" stroke-width="2" stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
        f"{dots}</svg><div class=ends>{''.join(f'<span>{escape(end)}</span>' for end in ends)}</div></figure>"
    )


def _heat(result: Result) -> str:
    rows, columns, cells = grid(result)
    name, greatest = result.columns[2].name, max(map(_size, cells.values()))
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = ""
    for row in rows:
        body += f"<tr><th>{escape(row)}</th>"
        for column in columns:
            value = cells.get((row, column))
            shade = 0.65 * _share(_size(value), greatest) / 100
            style = "" if value is None else f' style="background:rgba(var(--heat),{shade:.2f})"'
            body += f"<td{style}>{'' if value is None else escape(shortly(value, name))}</td>"
        body += "</tr>"
    caption = f"{_words(name)}, by {_words(result.columns[0].name)} and {_words(result.columns[1].name)}"
    return (
        f"<figure><figcaption>{escape(caption)}</figcaption><div class=wide tabindex=0><table class=heat>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div></figure>"
    )


def _share(value: float, greatest: float) -> float:
    return 100 * max(value, 0.0) / greatest if greatest > 0 else 0.0


def _seconds(value: Value, place: int) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return float(place)


def _size(value: Value) -> float:
    return float(value) if isinstance(value, int | float | Decimal) else 0.0


def _text(value: Value) -> str:
    if value is None:
        return "(none)"
    text = str(value)
    for zero in (".000", ":00", " 00:00"):
        text = text.removesuffix(zero)
    return text


def _words(name: str) -> str:
    return name.replace("_", " ")
