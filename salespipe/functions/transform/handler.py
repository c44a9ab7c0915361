"""Firehose transform: DynamoDB stream events become lake records, one JSON object on each line.

It knows DynamoDB JSON, not a schema. A lake record is the item's attributes as plain JSON plus ``event_id``,
``event_type``, ``event_time`` (ISO 8601, UTC, milliseconds) and ``sequence_number`` (40 digits, so that text order is
its order), and what tells how long it took: ``arrived_at``, when Firehose's source took the event in, and
``transformed_at``, both like ``event_time``. A REMOVE has the key attributes and these fields only. Column types must
not depend on single values:

- ``price`` and ``amount`` always carry a decimal point, ``quantity`` never does. A text that is a plain number becomes
  one; whatever else is no number, and a quantity that is no whole number of 32 bits, is told as text in ``item_price``,
  ``item_amount`` or ``item_quantity``: one of them in its column, and no query could read any order any more;
- every other number has a decimal point or an exponent, so that it reads as a double. The digits stay as they were;
- ``amount`` is ``quantity`` times ``price``, exactly, when the item has these two and no amount;
- an attribute that is NULL is left out; within a list it is null, so that positions stay;
- an attribute whose name is one of the event fields or of the lake's partition columns, in any case (Athena ignores
  case), gets the prefix ``item_``, and so does one that is called like a name with this prefix: nothing is lost, and
  the event fields can be trusted.

Runs on Python 3.11 to 3.13 with the standard library alone.
"""

from __future__ import annotations

import json
import logging
import re
import time
from binascii import a2b_base64, b2a_base64
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from json.encoder import encode_basestring as quote
from typing import Any

log = logging.getLogger(__name__)

DECIMALS = frozenset({"price", "amount"})
INTEGERS = frozenset({"quantity"})
FIGURES = DECIMALS | INTEGERS
LARGEST_INTEGER = 2**31 - 1
RESERVED = re.compile(
    r"(item_)*(event_id|event_type|event_time|sequence_number|arrived_at|transformed_at|dt|hour)"
    r"|(item_)+(price|amount|quantity)",
    re.IGNORECASE,
)
# Without an exponent, which a text of a few characters could blow up to any length.
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?", re.ASCII).fullmatch
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
EVENT_TYPES = frozenset({"INSERT", "MODIFY", "REMOVE"})
SEQUENCE_DIGITS = 40
# Both factors have at most 38 digits, so their product is exact.
EXACT = Context(prec=76)


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:  # noqa: ARG001 (Lambda's signature)
    """Answer Firehose's invocation: every recordId once, ``Ok`` with a line or ``ProcessingFailed`` as it came.

    Source: Firehose developer guide, "Transform source data", the data transformation and status model.
    """
    answers, reasons = [], []
    now = _time(round(time.time(), 3))
    for record in event["records"]:
        data = record.get("data", "")
        try:
            arrived = record.get("approximateArrivalTimestamp")
            line = lake_record(json.loads(a2b_base64(data)), _time(arrived / 1000) if arrived else "", now)
            answer = {
                "recordId": record["recordId"],
                "result": "Ok",
                "data": b2a_base64(line.encode(), newline=False).decode("ascii"),
            }
        except Exception as error:  # noqa: BLE001 (one bad record must not fail the batch it came with)
            answer = {"recordId": record["recordId"], "result": "ProcessingFailed", "data": data}
            reasons.append(f"{type(error).__name__}: {error}")
        answers.append(answer)
    if reasons:
        log.warning("%d of %d records cannot be read; the first: %.300s", len(reasons), len(answers), reasons[0])
    return {"records": answers}


def lake_record(event: dict[str, Any], arrived_at: str = "", transformed_at: str = "") -> str:
    """One DynamoDB stream event as one line of JSON, newline included; a time that is not known is left out.

    Raises some exception for anything that is not such an event.
    """
    kind, change = event["eventName"], event["dynamodb"]
    if kind not in EVENT_TYPES:
        raise ValueError(f"unknown eventName {kind!r}")
    item = change["Keys"] if kind == "REMOVE" else change["NewImage"]
    fields = _fields(item)
    if "quantity" in item and "price" in item and ("amount" not in item or "NULL" in item["amount"]):
        amount = _amount(item["quantity"], item["price"])
        if amount:
            fields.append(amount)
    fields.append(f'"event_id":{quote(event["eventID"])}')
    fields.append(f'"event_type":"{kind}"')
    fields.append(f'"event_time":"{_time(change["ApproximateCreationDateTime"])}"')
    fields.append(f'"sequence_number":"{_sequence(change["SequenceNumber"])}"')
    if arrived_at:
        fields.append(f'"arrived_at":"{arrived_at}"')
    if transformed_at:
        fields.append(f'"transformed_at":"{transformed_at}"')
    return "{" + ",".join(fields) + "}\n"


def _fields(item: dict[str, dict[str, Any]]) -> list[str]:
    """The attributes as ``"name":value``; the two commonest types without a call."""
    fields = []
    for name, typed in item.items():
        ((kind, value),) = typed.items()
        if name in FIGURES:
            fields += _figure(name, kind, value)
        elif kind == "S":
            fields.append(_key(name) + quote(value))
        elif kind == "N":
            fields.append(_key(name) + _number(name, value))
        elif kind != "NULL":
            fields.append(_key(name) + _value(name, kind, value))
    return fields


def _figure(name: str, kind: str, value: Any) -> tuple[str, ...]:
    """A price, an amount or a quantity as a field that is a number, or as one of another name that is text."""
    if kind == "NULL":
        return ()
    if kind == "N" or (kind == "S" and PLAIN_NUMBER(value)):
        number = _number(name, value)
        if name in DECIMALS or (number.lstrip("-").isdigit() and abs(int(number)) <= LARGEST_INTEGER):
            return (_key(name) + number,)
        return (f'"item_{name}":{quote(number)}',)
    return (f'"item_{name}":{quote(value if kind == "S" else _value(name, kind, value))}',)


def _value(name: str, kind: str, value: Any) -> str:  # noqa: PLR0911 (DynamoDB has that many types)
    """An attribute value as JSON text; ``name`` is that of the innermost attribute, which a number's form hangs on."""
    match kind:
        case "S" | "B":  # B is base64 text, here as in DynamoDB JSON
            return quote(value)
        case "N":
            return _number(name, value)
        case "BOOL" if isinstance(value, bool):
            return "true" if value else "false"
        case "NULL":
            return "null"
        case "M":
            return "{" + ",".join(_members(value)) + "}"
        case "L":
            return "[" + ",".join([_value(name, *_only(typed)) for typed in value]) + "]"
        case "SS" | "BS":
            return "[" + ",".join([quote(text) for text in value]) + "]"
        case "NS":
            return "[" + ",".join([_number(name, text) for text in value]) + "]"
    raise ValueError(f"not DynamoDB JSON: {kind}")


def _members(attributes: dict[str, dict[str, Any]]) -> list[str]:
    """A map's entries. Reserved names are columns, so within a map they stay."""
    entries = ((name, *_only(typed)) for name, typed in attributes.items())
    return [f"{quote(name)}:{_value(name, kind, value)}" for name, kind, value in entries if kind != "NULL"]


def _only(typed: dict[str, Any]) -> tuple[str, Any]:
    ((kind, value),) = typed.items()
    return kind, value


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    return quote(f"item_{name}" if RESERVED.fullmatch(name) else name) + ":"


def _number(name: str, text: str) -> str:
    """A number's digits, in the form that its attribute's column always has."""
    if name in INTEGERS:
        return text if text.isascii() and text.isdigit() and text[0] != "0" else _integer(text)
    if name in DECIMALS:
        return text if "." in text and "e" not in text and "E" not in text and JSON_NUMBER(text) else _decimal(text)
    if JSON_NUMBER(text):
        return text if "." in text or "e" in text or "E" in text else f"{text}.0"
    return _decimal(text)


def _integer(text: str) -> str:
    value = _finite(text)
    return f"{value.quantize(Decimal(1), context=Context(prec=200)) if value == value.to_integral_value() else value:f}"


def _decimal(text: str) -> str:
    return _point(f"{_finite(text):f}")


def _point(text: str) -> str:
    return text if "." in text else f"{text}.0"


def _finite(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(f"not a number: {text}")
    return value


def _amount(quantity: dict[str, Any], price: dict[str, Any]) -> str:
    """Quantity times price as a field, or an empty string when one of them is not a number."""
    factors = [typed.get("N") or _plain(typed) for typed in (quantity, price)]
    return f'"amount":{_product(*factors)}' if all(factors) else ""


def _plain(typed: dict[str, Any]) -> str:
    """The text of an attribute that is a plain number, or an empty string."""
    text = typed.get("S", "")
    return text if PLAIN_NUMBER(text) else ""


@lru_cache(maxsize=4096)
def _product(quantity: str, price: str) -> str:
    return _point(f"{EXACT.multiply(_finite(quantity), _finite(price)):f}")


@lru_cache(maxsize=4096)
def _time(seconds: float | str) -> str:
    """Epoch seconds, which serialisers on the way write as an int, a float or with an exponent."""
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sequence(number: str) -> str:
    padded = number.zfill(SEQUENCE_DIGITS)
    if len(padded) != SEQUENCE_DIGITS or not (padded.isascii() and padded.isdigit()):
        raise ValueError(f"not a sequence number: {number!r}")
    return padded
