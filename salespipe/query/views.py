"""The views that make the lake exact and easy to ask: orders, their history, their customers, and what is on hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.names import Names

# What the transform adds to each record, and the partition columns: history, not part of an order.
EVENT_COLUMNS: Final = ("event_id", "event_type", "event_time", "sequence_number", "arrived_at", "transformed_at")
PARTITION_COLUMNS: Final = ("dt", "hour")
# What an order came to, beside its own columns: sold, or one of these statuses, whose orders bring no revenue.
OUTCOME: Final = "sale_outcome"
_UNSOLD: Final = ("cancelled", "returned")
_MONEY: Final = frozenset({"price", "amount"})
_TIMES: Final = frozenset({"created_at", "updated_at", "event_time", "arrived_at", "transformed_at", "stocked_at"})


def wanted(names: Names, columns: Sequence[str], products: Sequence[str]) -> dict[str, str]:
    """SQL of every view for which the columns exist, by name, in an order in which they can be created.

    ``columns`` are those that the crawler found, ``products`` those of the reference data, none where there is none.
    """
    key, events = names.config.table.partition_key.lower(), names.events_table
    made = {
        names.orders_view: orders(columns, key, view=names.orders_view, events=events),
        names.history_view: order_history(columns, view=names.history_view, events=events),
        names.inventory_view: inventory(
            *(columns, products, key), view=names.inventory_view, events=events, table=names.products_table
        ),
        names.customers_view: customers(columns, view=names.customers_view, orders=names.orders_view),
    }
    return {name: sql for name, sql in made.items() if sql}


def orders(columns: Sequence[str], key: str, *, view: str, events: str) -> str:
    """SQL of the view of current orders, made from the columns that the crawler found.

    Delivery is at least once, so an order's history may hold an event twice, and older events beside newer ones: the
    highest sequence number of each ``key`` is the order as it is now, and a tombstone (REMOVE) means that it is gone.
    Sequence numbers are zero-padded text, so that their text order is their order. Money is a decimal, since doubles
    do not add up, NULL where it is beyond any price; times are timestamps in UTC, NULL where a text is not ISO 8601.

    ``sale_outcome`` is added: ``cancelled`` or ``returned`` as the status says, and ``sold`` for all other orders. It
    is the one place that says which orders bring revenue.
    """
    kept = [column for column in columns if column not in (*EVENT_COLUMNS, *PARTITION_COLUMNS, OUTCOME)]
    shown = ",\n  ".join((*map(_expression, kept), _outcome(columns)))
    inner = ", ".join(_quoted(column) for column in (*kept, "event_type"))
    return (
        f"CREATE OR REPLACE VIEW {_quoted(view)} AS\nSELECT\n  {shown}\nFROM (\n"
        f"  SELECT {inner},\n"
        f"    row_number() OVER (PARTITION BY {_quoted(key)} ORDER BY sequence_number DESC) AS version\n"
        f"  FROM {_quoted(events)}\n)\nWHERE version = 1 AND event_type <> 'REMOVE'"
    )


def order_history(columns: Sequence[str], *, view: str, events: str) -> str:
    """SQL of the view of every change to every order: each event once, in the types of ``orders``.

    Nothing is filtered, so that a query on ``dt`` and ``hour`` reads these partitions only; where an event lies in two
    of them, the one that arrived first is shown.
    """
    kept = [column for column in columns if column not in PARTITION_COLUMNS]
    shown = ",\n  ".join(map(_expression, kept))
    inner = ", ".join(map(_quoted, (*kept, *PARTITION_COLUMNS)))
    return (
        f"CREATE OR REPLACE VIEW {_quoted(view)} AS\nSELECT\n  {shown},\n  dt,\n  hour\nFROM (\n"
        f"  SELECT {inner},\n"
        f"    row_number() OVER (PARTITION BY event_id ORDER BY dt, hour) AS copy\n"
        f"  FROM {_quoted(events)}\n)\nWHERE copy = 1"
    )


def customers(columns: Sequence[str], *, view: str, orders: str) -> str | None:
    """SQL of the view of each customer's orders that were sold; None where orders have no ``customer_id``.

    What of a customer is not always the same is as the newest order has it.
    """
    if "customer_id" not in columns:
        return None
    dated = "created_at" in columns
    shown = [
        "customer_id",
        *(f"max_by({each}, created_at) AS {each}" for each in ("customer_name", "region") if each in columns and dated),
        "count(*) AS orders",
        *(["sum(quantity) AS units"] if "quantity" in columns else []),
        *(["sum(amount) AS revenue"] if "amount" in columns else []),
        *(["min(created_at) AS first_order", "max(created_at) AS last_order"] if dated else []),
    ]
    return (
        f"CREATE OR REPLACE VIEW {_quoted(view)} AS\nSELECT\n  "
        + ",\n  ".join(shown)
        + f"\nFROM {_quoted(orders)}\nWHERE {OUTCOME} = 'sold' AND customer_id IS NOT NULL\nGROUP BY customer_id"
    )


def inventory(
    columns: Sequence[str], products: Sequence[str], key: str, *, view: str, events: str, table: str
) -> str | None:
    """SQL of the view of what is on hand of each product; None where the columns for it do not exist.

    ``products`` are the columns of the reference data in ``table``. On hand is the stock after the last delivery less
    what was ordered since and neither cancelled nor returned. A deleted order counts as it last was: its record is
    gone, its goods do not come back, so that history is asked, and not the view of orders. Times are compared as times:
    as texts, an order made "yesterday" would be newer than any delivery.
    """
    if not {"product_id", "quantity", "created_at"} <= set(columns) or not {"product_id", "stock", "stocked_at"} <= set(
        products
    ):
        return None
    status = ["status"] if "status" in columns else []
    wanted = ", ".join(map(_quoted, (key, "product_id", "quantity", "created_at", *status)))
    facts = [f"products.{_quoted(column)}" for column in products if column not in ("product_id", *PARTITION_COLUMNS)]
    shown = [
        "products.product_id",
        *(
            f"{_typed(column, f'products.{_quoted(column)}')} AS {_quoted(column)}"
            for column in products
            if column not in ("product_id", *PARTITION_COLUMNS)
        ),
        "products.stock - coalesce(sum(history.quantity), 0) AS on_hand",
        "coalesce(sum(history.quantity), 0) AS sold_since_stocked",
    ]
    return (
        f"CREATE OR REPLACE VIEW {_quoted(view)} AS\n"
        "WITH history AS (\n"
        f"  SELECT {wanted},\n"
        f"    row_number() OVER (PARTITION BY {_quoted(key)} ORDER BY sequence_number DESC) AS version\n"
        f"  FROM {_quoted(events)}\n  WHERE event_type <> 'REMOVE'\n)\nSELECT\n  "
        + ",\n  ".join(shown)
        + f"\nFROM {_quoted(table)} AS products\nLEFT JOIN history\n"
        "  ON history.product_id = products.product_id\n  AND history.version = 1\n"
        + (f"  AND coalesce(history.status, '') NOT IN ({_texts(_UNSOLD)})\n" if status else "")
        + f"  AND {_typed('created_at', 'history.created_at')} >= {_typed('stocked_at', 'products.stocked_at')}\n"
        f"GROUP BY {', '.join(['products.product_id', *facts])}"
    )


def _outcome(columns: Sequence[str]) -> str:
    if "status" not in columns:
        return f"'sold' AS {OUTCOME}"
    return f'CASE WHEN "status" IN ({_texts(_UNSOLD)}) THEN "status" ELSE \'sold\' END AS {OUTCOME}'


def _expression(column: str) -> str:
    typed = _typed(column, _quoted(column))
    return typed if typed == _quoted(column) else f"{typed} AS {_quoted(column)}"


def _typed(column: str, name: str) -> str:
    if column in _MONEY:
        return f"TRY_CAST({name} AS decimal(18, 2))"
    if column in _TIMES:
        return f"TRY(CAST(from_iso8601_timestamp({name}) AS timestamp(3)))"
    return name


def _texts(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
