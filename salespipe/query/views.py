"""The views that make the lake exact: each order once, as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# What the transform adds to each record, and the partition columns: history, not part of an order.
EVENT_COLUMNS: Final = ("event_id", "event_type", "event_time", "sequence_number")
PARTITION_COLUMNS: Final = ("dt", "hour")
_MONEY: Final = frozenset({"price", "amount"})
_TIMES: Final = frozenset({"created_at", "updated_at"})


def orders(columns: Sequence[str], key: str, *, view: str, events: str) -> str:
    """SQL of the view of current orders, made from the columns that the crawler found.

    Delivery is at least once, so an order's history may hold an event twice, and older events beside newer ones: the
    highest sequence number of each ``key`` is the order as it is now, and a tombstone (REMOVE) means that it is gone.
    Sequence numbers are zero-padded text, so that their text order is their order. Money is a decimal, since doubles
    do not add up, NULL where it is beyond any price; times are timestamps in UTC, NULL where a text is not ISO 8601.
    """
    kept = [column for column in columns if column not in EVENT_COLUMNS and column not in PARTITION_COLUMNS]
    shown = ",\n  ".join(_expression(column) for column in kept)
    inner = ", ".join(_quoted(column) for column in (*kept, "event_type"))
    return (
        f"CREATE OR REPLACE VIEW {_quoted(view)} AS\nSELECT\n  {shown}\nFROM (\n"
        f"  SELECT {inner},\n"
        f"    row_number() OVER (PARTITION BY {_quoted(key)} ORDER BY sequence_number DESC) AS version\n"
        f"  FROM {_quoted(events)}\n)\nWHERE version = 1 AND event_type <> 'REMOVE'"
    )


def _expression(column: str) -> str:
    name = _quoted(column)
    if column in _MONEY:
        return f"TRY_CAST({name} AS decimal(18, 2)) AS {name}"
    if column in _TIMES:
        return f"TRY(CAST(from_iso8601_timestamp({name}) AS timestamp(3))) AS {name}"
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
