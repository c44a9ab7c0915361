"""Whether a condition can be true of a partition: three-valued logic over what is known of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

from salespipe.query.partition_values import UNKNOWN, Values

Truth = frozenset[bool | None]
"""What a condition may come to: True, False, None for NULL, or several of them where not all is known."""

ANY: Final[Truth] = frozenset({True, False, None})

_COMPARISONS: Final[dict[type, Callable[[Any, Any], bool]]] = {
    exp.EQ: lambda one, other: one == other,
    exp.NEQ: lambda one, other: one != other,
    exp.LT: lambda one, other: one < other,
    exp.LTE: lambda one, other: one <= other,
    exp.GT: lambda one, other: one > other,
    exp.GTE: lambda one, other: one >= other,
}


def possible(conditions: Iterable[exp.Expr], bound: Mapping[str, Any], now: datetime) -> bool:
    """Whether all ``conditions`` may hold where the partition columns have the values ``bound``, some perhaps not yet.

    ``now`` is the aware moment that ``current_date`` is of. Only what certainly does not hold is False.
    """
    values = Values(bound, now)
    try:
        return all(True in _truth(condition, values) for condition in conditions)
    except RecursionError:
        return True


def _truth(node: Any, values: Values) -> Truth:  # noqa: PLR0911 - one answer for each kind of condition
    match node:
        case exp.Paren():
            return _truth(node.this, values)
        case exp.And():
            return _all(_truth(part, values) for part in node.flatten())
        case exp.Or():
            return _not(_all(_not(_truth(part, values)) for part in node.flatten()))
        case exp.Not():
            return _not(_truth(node.this, values))
        case exp.Between() if not node.args.get("symmetric"):
            low = _compared(exp.GTE, node.this, node.args["low"], values)
            return _all((low, _compared(exp.LTE, node.this, node.args["high"], values)))
        case exp.In() if node.expressions and not (node.args.get("query") or node.args.get("unnest")):
            return _not(_all(_not(_compared(exp.EQ, node.this, item, values)) for item in node.expressions))
        case exp.Is() if isinstance(node.expression, exp.Null):
            value = values.of(node.this)
            return frozenset({True, False}) if value is UNKNOWN else frozenset({value is None})
        case exp.Like() if not node.args.get("negate"):
            return _liked(values.of(node.this), values.of(node.expression))
        case exp.StartsWith():
            text, start = values.of(node.this), values.of(node.expression)
            understood = isinstance(text, str) and isinstance(start, str)
            return frozenset({text.startswith(start)}) if understood else ANY
        case exp.Boolean():
            return frozenset({bool(node.this)})
        case exp.Null():
            return frozenset({None})
    if type(node) in _COMPARISONS:
        return _compared(type(node), node.this, node.expression, values)
    return ANY


def _compared(how: type, left: Any, right: Any, values: Values) -> Truth:
    one, other = values.of(left), values.of(right)
    if one is UNKNOWN or other is UNKNOWN:
        return ANY
    if one is None or other is None:
        return frozenset({None})
    if isinstance(one, datetime) != isinstance(other, datetime) and isinstance(one, date) and isinstance(other, date):
        one, other = _midnight(one), _midnight(other)
    if _kind(one) != _kind(other) or not _kind(one):
        return ANY
    return frozenset({_COMPARISONS[how](one, other)})


def _kind(value: Any) -> str:
    """What a value may be compared with: others of its kind."""
    kinds = {bool: "boolean", int: "number", Decimal: "number", str: "text", datetime: "timestamp", date: "date"}
    return kinds.get(type(value), "")


def _midnight(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)


def _liked(text: Any, pattern: Any) -> Truth:
    if not isinstance(text, str) or not isinstance(pattern, str):
        return ANY
    shape = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return frozenset({re.fullmatch(shape, text, re.DOTALL) is not None})


def _not(truth: Truth) -> Truth:
    return frozenset(None if one is None else not one for one in truth)


def _all(parts: Iterable[Truth]) -> Truth:
    """AND: False where any is, else NULL where any is, else True."""
    answer: Truth = frozenset({True})
    for part in parts:
        answer = frozenset(
            False if a is False or b is False else None if a is None or b is None else True
            for a in answer
            for b in part
        )
    return answer
