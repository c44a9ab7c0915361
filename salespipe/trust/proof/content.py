"""What an order holds, so that any two hops can be compared: digests of items, of lake records, of the view's rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from salespipe.ledger.fingerprint import NOTHING, of_attributes, of_lake_row

_EXACT: Final = Context(prec=1000, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation])


class Content(NamedTuple):
    """Fingerprints of what an order holds at a hop.

    ``plain`` is the same wherever the order is met, as far as a hop can tell: an amount that is quantity times price is
    left out of it, since the transform adds one. ``own`` is the item's own fingerprint, which the ledger has. A lake
    record does not tell which of several it is: they are all in ``others``.
    """

    plain: bytes
    own: bytes
    others: tuple[bytes, ...] = ()

    def may_be(self, fingerprint: bytes) -> bool:
        """Whether an item with that fingerprint may be what this is."""
        return fingerprint in {self.own, self.plain} or fingerprint in self.others

    def same(self, other: Content) -> bool:
        """Whether both may be the same item."""
        return self.plain == other.plain or self.may_be(other.own) or other.may_be(self.own)


GONE: Final = Content(NOTHING, NOTHING)
"""What a delete leaves."""


@lru_cache(maxsize=4096)
def exact(text: str) -> Decimal:
    """A number of JSON or DynamoDB; made once for each text."""
    return Decimal(text)


def of_item(item: Mapping[str, Mapping[str, Any]]) -> Content:
    """The content of an item in DynamoDB JSON."""
    own = of_attributes(item)
    if "amount" in item and "quantity" in item and "price" in item:
        texts = [_number(item[name]) for name in ("quantity", "price", "amount")]
        if None not in texts and _adds_up(*(exact(str(text)) for text in texts)):
            return Content(of_attributes({name: value for name, value in item.items() if name != "amount"}), own)
    return Content(own, own)


def of_record(row: Mapping[str, Any]) -> Content:
    """The content of a lake record that is no tombstone: JSON decoded with ``exact`` numbers."""
    found = of_lake_row(row)
    if len(found) == 2 and "amount" in row and "quantity" in row and "price" in row:
        amount, price = row["amount"], row["price"]
        with_amount, without = found
        if _is_number(amount) and _is_number(price) and _adds_up(row["quantity"], price, amount):
            return Content(without, with_amount)
        return Content(with_amount, without)
    return Content(found[0], found[-1], found)


def _is_number(value: Any) -> bool:
    return isinstance(value, Decimal | int) and not isinstance(value, bool)


def _number(typed: Mapping[str, Any]) -> str | None:
    number = typed.get("N")
    return number if isinstance(number, str) else None


@lru_cache(maxsize=8192)
def _adds_up(quantity: Decimal | int, price: Decimal | int, amount: Decimal | int) -> bool:
    try:
        return _EXACT.multiply(Decimal(quantity), Decimal(price)) == amount
    except InvalidOperation:
        return False


_decode: Final = msgspec.json.Decoder(dict[str, Any], float_hook=exact).decode


def decode(line: bytes) -> dict[str, Any]:
    """A line of the lake. Raises ``msgspec.MsgspecError`` for what is no JSON object."""
    return _decode(line)
