"""What an order holds, so that any two hops can be compared: digests of items, of lake records, of the view's rows."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from functools import lru_cache
from itertools import product
from typing import Any, Final, NamedTuple

import msgspec

from salespipe.ledger import fingerprint
from salespipe.ledger.fingerprint import NOTHING, of_attributes, of_lake_row
from salespipe.query.views import EVENT_COLUMNS, PARTITION_COLUMNS

_SETS: Final = {"SS": "S", "NS": "N", "BS": "B"}
_NESTED: Final = frozenset({"M", "L", *_SETS})
_SCALARS: Final = frozenset({str, int, Decimal})
# Of so many arrays each is tried as a list and as a set.
_ARRAYS: Final = 4
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

    def may_be(self, known: bytes) -> bool:
        """Whether an item with that fingerprint may be what this is."""
        return known in {self.own, self.plain} or known in self.others

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
    told: Mapping[str, Mapping[str, Any]] = item
    if "amount" in item and "quantity" in item and "price" in item:
        texts = [_number(item[name]) for name in ("quantity", "price", "amount")]
        if None not in texts and _adds_up(*(exact(str(text)) for text in texts)):
            told = {name: value for name, value in item.items() if name != "amount"}
    if any(not _NESTED.isdisjoint(value) for value in item.values()):
        told = {name: _listed(value) for name, value in told.items()}
    return Content(own if told is item else of_attributes(told), own)


def of_record(row: Mapping[str, Any]) -> Content:
    """The content of a lake record that is no tombstone: JSON decoded with ``exact`` numbers.

    JSON does not say whether an array was a set, whose order means nothing.
    """
    own = _usual(tuple(row))
    if own and _SCALARS.issuperset(map(type, row.values())) and _adds_up(row["quantity"], row["price"], row["amount"]):
        item = {name: row[name] for name in own}
        without = fingerprint.of_item(item)
        item["amount"] = row["amount"]
        return Content(without, fingerprint.of_item(item))
    found = of_lake_row(row)
    if arrays := [name for name, value in row.items() if isinstance(value, list | dict)][:_ARRAYS]:
        others = [found]
        for chosen in product((False, True), repeat=len(arrays)):
            sets = {name: _as_set(row[name]) for name, taken in zip(arrays, chosen, strict=True) if taken}
            others.append(of_lake_row({**row, **sets}))
        return Content(*_preferred(row, found), tuple({each: None for some in others for each in some}))
    return Content(*_preferred(row, found), found if len(found) > 2 else ())


@lru_cache(maxsize=1024)
def _usual(names: tuple[str, ...]) -> tuple[str, ...]:
    """The item's own attributes but the amount, in a record as nearly all are: with its figures, and none renamed."""
    if not {"quantity", "price", "amount"}.issubset(names) or any(name.lower().startswith("item_") for name in names):
        return ()
    return tuple(name for name in names if name not in (*EVENT_COLUMNS, *PARTITION_COLUMNS, "amount"))


def _preferred(row: Mapping[str, Any], found: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Of the fingerprints that a record may have the one that is everywhere the same, and the likeliest beside it."""
    if len(found) == 2 and "amount" in row and "quantity" in row and "price" in row:
        amount, price = row["amount"], row["price"]
        with_amount, without = found
        if _is_number(amount) and _is_number(price) and _adds_up(row["quantity"], price, amount):
            return without, with_amount
        return with_amount, without
    return found[0], found[-1]


def _as_set(value: Any) -> Any:
    """An array of texts or numbers as the set that it may have been, at any depth."""
    if isinstance(value, dict):
        return {name: _as_set(inner) for name, inner in value.items()}
    if isinstance(value, list):
        if all(isinstance(inner, str) for inner in value) or all(_is_number(inner) for inner in value):
            return frozenset(value)
        return [_as_set(inner) for inner in value]
    return value


def _listed(typed: Mapping[str, Any]) -> Mapping[str, Any]:
    """A set as the list that the transform makes of it, in the order in which it came."""
    ((kind, held),) = typed.items()
    if kind in _SETS:
        return {"L": [{_SETS[kind]: each} for each in held]}
    if kind == "M":
        return {"M": {name: _listed(inner) for name, inner in held.items()}}
    if kind == "L":
        return {"L": [_listed(inner) for inner in held]}
    return typed


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
