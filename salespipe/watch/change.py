"""One record of the Kinesis stream, as the views will see it once it is in the lake.

A record is a DynamoDB stream event as JSON. Nearly all are plain: text where there should be text, prices to the cent.
These are read the quick way, by a decoder that looks at what is counted and skips the rest. Whatever it does not know
goes the way that all records go, through the transform, so that the board and the lake cannot disagree about it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

import msgspec

from salespipe.functions.transform.handler import lake_record
from salespipe.watch.moments import milliseconds, parsed

# decimal(18, 2), which the views give money.
_LARGEST_MONEY: Final = 10**16
# A price or an amount of so many characters, and its product with a quantity of so many, have at most 15 digits: the
# double that they become has their cents.
_PLAIN_MONEY: Final = 9
_PLAIN_UNITS: Final = 4
_REMEMBERED: Final = 100_000
_CENT: Final = Decimal("0.01")


class UnreadableError(Exception):
    """Not a DynamoDB stream event that the transform could read."""


class Change(msgspec.Struct, gc=False):
    """What an event says: of which order, and how the order is from then on.

    ``sequence`` orders the changes of one order; times are milliseconds since 1970. ``units`` and ``cents`` are 0 where
    the views have NULL. Of an order that is ``removed`` there is nothing else.
    """

    key: str
    sequence: int
    event: int
    removed: bool
    created: int | None = None
    status: str | None = None
    product: str | None = None
    product_name: str | None = None
    category: str | None = None
    region: str | None = None
    channel: str | None = None
    customer: str | None = None
    customer_name: str | None = None
    units: int = 0
    cents: int = 0


class _Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    S: str


class _Number(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    N: str


class _Image(msgspec.Struct, gc=False):
    created_at: _Text | None = None
    status: _Text | None = None
    product_id: _Text | None = None
    product_name: _Text | None = None
    category: _Text | None = None
    region: _Text | None = None
    channel: _Text | None = None
    customer_id: _Text | None = None
    customer_name: _Text | None = None
    quantity: _Number | None = None
    price: _Number | None = None
    amount: _Number | None = None


class _NotPlainError(Exception):
    """Not to be read the quick way."""


def reader(key: str) -> Callable[[bytes], Change]:
    """A function that reads one record; ``key`` is the name of the table's partition key.

    It raises ``UnreadableError`` for what the transform would not read either.
    """
    decode = _decoder(key).decode

    def read(data: bytes) -> Change:
        try:
            event = decode(data)
            change = event.dynamodb
            seconds, digits = change.ApproximateCreationDateTime, change.SequenceNumber
            if len(digits) > 40 or not (digits.isascii() and digits.isdigit()):
                return _thorough(data, key)
            keyed = change.Keys.key.S
            if event.eventName == "REMOVE":
                return Change(keyed, int(digits), _event_time(seconds), True)
            return _plain(change.NewImage, keyed, int(digits), _event_time(seconds))
        except (msgspec.MsgspecError, _NotPlainError, AttributeError, UnicodeDecodeError, RecursionError):
            return _thorough(data, key)

    return read


def _decoder(key: str) -> msgspec.json.Decoder[Any]:
    keys = msgspec.defstruct("Keys", [("key", _Text)], rename={"key": key}, gc=False)
    body = msgspec.defstruct(
        "Body",
        [
            ("ApproximateCreationDateTime", int | float),
            ("SequenceNumber", str),
            ("Keys", keys),
            ("NewImage", _Image | None, None),
        ],
        gc=False,
    )
    event = msgspec.defstruct(
        "Event",
        [("eventName", Literal["INSERT", "MODIFY", "REMOVE"]), ("eventID", str), ("dynamodb", body)],
        gc=False,
    )
    return msgspec.json.Decoder(event)


def _plain(image: _Image, key: str, sequence: int, event: int) -> Change:
    """The order as an image has it.

    Raises ``_NotPlainError`` for a number that takes more care, and AttributeError without an image.
    """
    status, product, customer = image.status, image.product_id, image.customer_id
    product_name, customer_name = image.product_name, image.customer_name
    category, region, channel, created = image.category, image.region, image.channel, image.created_at
    quantity, price, amount = image.quantity, image.price, image.amount
    units = _units(quantity.N) if quantity else 0
    cents = _cents(amount.N) if amount else units * _cents(price.N) if quantity and price else 0
    return Change(
        key,
        sequence,
        event,
        False,
        parsed(created.S) if created else None,
        status.S if status else None,
        product.S if product else None,
        product_name.S if product_name else None,
        category.S if category else None,
        region.S if region else None,
        channel.S if channel else None,
        customer.S if customer else None,
        customer_name.S if customer_name else None,
        units,
        cents,
    )


_known_units: dict[str, int] = {}
_known_cents: dict[str, int] = {}


def _units(text: str) -> int:
    try:
        return _known_units[text]
    except KeyError:
        if len(text) > _PLAIN_UNITS or not (text.isascii() and text.isdigit()):
            raise _NotPlainError from None
        return _known_units.setdefault(text, int(text))


def _cents(text: str) -> int:
    try:
        return _known_cents[text]
    except KeyError:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if len(text) > _PLAIN_MONEY or len(fraction) > 2 or not whole or not (digits.isascii() and digits.isdigit()):
            raise _NotPlainError from None
        if len(_known_cents) >= _REMEMBERED:
            _known_cents.clear()
        return _known_cents.setdefault(text, int(digits) * 10 ** (2 - len(fraction)))


def _event_time(seconds: float) -> int:
    """As the transform tells it: whole milliseconds, what is below them cut off."""
    if type(seconds) is int and 0 <= seconds < 10**11:
        return seconds * 1000
    try:
        return milliseconds(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        raise _NotPlainError from None


def _thorough(data: bytes, key: str) -> Change:
    """Any event, by way of the record that the transform makes of it."""
    try:
        row = msgspec.json.decode(lake_record(json.loads(data)), type=dict[str, msgspec.Raw])
        event, name = _text(row, "event_time"), _text(row, key)
        removed = _text(row, "event_type") == "REMOVE"
        # Without a key it is no order, and the integer of nothing raises.
        change = Change(name or "", int(_text(row, "sequence_number") or ""), parsed(event or "") or 0, removed)
    except Exception as error:
        # Whatever the transform stumbles over fails there, too: the record is put into quarantine.
        raise UnreadableError from error
    if not removed:
        created = _text(row, "created_at")
        change.created = parsed(created) if created else None
        change.status, change.channel, change.region = (_text(row, name) for name in ("status", "channel", "region"))
        change.product, change.product_name = _text(row, "product_id"), _text(row, "product_name")
        change.category = _text(row, "category")
        change.customer, change.customer_name = _text(row, "customer_id"), _text(row, "customer_name")
        change.units = int(_text(row, "quantity") or 0)
        change.cents = money(_text(row, "amount"))
    return change


def _text(row: dict[str, msgspec.Raw], name: str) -> str | None:
    """A value as a text column has it: what is no text reads as its JSON."""
    raw = row.get(name)
    if raw is None:
        return None
    value = bytes(raw)
    return msgspec.json.decode(value, type=str) if value.startswith(b'"') else value.decode()


def money(digits: str | None) -> int:
    """A number of the lake in cents, by way of the double that its column has; 0 for what the views have as NULL.

    Source: Trino's cast of double to decimal: its shortest decimal text, rounded half away from zero.
    """
    value = float(digits or 0)
    if not abs(value) < _LARGEST_MONEY:
        return 0
    cents = Decimal(repr(value)).quantize(_CENT, ROUND_HALF_UP).scaleb(2)
    return int(cents) if abs(cents) < 100 * _LARGEST_MONEY else 0
