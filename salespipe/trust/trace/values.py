"""What a version holds: for comparing it with others, and for telling a person what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from salespipe.query.views import EVENT_COLUMNS, PARTITION_COLUMNS
from salespipe.trust.proof import content
from salespipe.trust.proof.content import Content

# What the transform adds, and what an order has only to say when it changed.
_NOT_TOLD: Final = frozenset({*EVENT_COLUMNS, *PARTITION_COLUMNS, "amount"})


def content_of(kind: str, image: Mapping[str, Mapping[str, Any]]) -> Content:
    """The content of an item in DynamoDB JSON, as an event of that kind leaves it."""
    return content.GONE if kind == "REMOVE" else content.of_item(image)


def values_of(image: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The attributes of an item in DynamoDB JSON as plain text; NULL is none."""
    told = {}
    for name, typed in image.items():
        ((kind, value),) = typed.items()
        if kind != "NULL" and name not in _NOT_TOLD:
            told[name] = _number(value) if kind == "N" else value if isinstance(value, str) else _json(value)
    return told


def values_of_line(row: Mapping[str, Any]) -> dict[str, str]:
    """The same of a lake record."""
    return {
        name: value if isinstance(value, str) else _number(value) if _is_number(value) else _json(value)
        for name, value in row.items()
        if name not in _NOT_TOLD
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What changed from one version to the next, attribute by attribute: ``status placed -> paid``."""
    told = []
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if old != new:
            told.append(f"{name} {'(none)' if old is None else old} -> {'(none)' if new is None else new}")
    return told


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def _number(value: Any) -> str:
    """A number without what does not change it."""
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
