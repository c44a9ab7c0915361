"""Odd values for chaos: wrong types, odd texts, and numbers at DynamoDB's limits and beyond them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final


def number(text: str) -> dict[str, str]:
    """A number in DynamoDB JSON."""
    return {"N": text}


def string(text: str) -> dict[str, str]:
    """A text in DynamoDB JSON."""
    return {"S": text}


_BLOB: Final = b64encode(bytes(range(32))).decode()
# Attributes in DynamoDB JSON that replace an order's own; None takes one away. A name has one type, as in any store
# that is not quite lost: a column of its own gets that type.
MALFORMED: Final[Sequence[Mapping[str, Any]]] = (
    {"price": string("N/A")},
    {"price": string("19.90")},
    {"price": {"M": {"currency": string("EUR"), "value": number("9.90")}}},
    {"price": {"NULL": True}},
    {"quantity": string("two")},
    {"quantity": number("1e3")},
    {"quantity": number("2.5")},
    {"quantity": {"L": [number("1"), number("2")]}},
    {"quantity": {"BOOL": True}},
    {"amount": string("")},
    {"status": number("3")},
    {"status": {"NULL": True}},
    {"status": string("")},
    {"region": {"M": {"name": string("Plains"), "code": number("7")}}},
    {"channel": {"SS": ["web", "store"]}},
    {"customer_id": number("4711")},
    {"created_at": string("yesterday")},
    {"updated_at": {"BOOL": False}},
    {"created_at": None, "updated_at": None, "status": None, "customer_id": None, "region": None},
    {"price": None, "quantity": None},
    {"chaos_flag": {"BOOL": True}, "chaos_text": string("an attribute that nobody knows")},
    {"chaos_scores": {"NS": ["1", "2.5"]}, "chaos_blob": {"B": _BLOB}, "chaos_blobs": {"BS": [_BLOB]}},
    {
        "chaos_document": {
            "M": {"lines": {"L": [{"M": {"sku": string("a"), "none": {"NULL": True}}}]}, "empty": {"M": {}}}
        }
    },
    {
        "event_id": string("spoofed"),
        "sequence_number": string("9" * 40),
        "dt": string("1970-01-01"),
        "hour": string("99"),
    },
)
TEXTS: Final = (
    "\N{PARTY POPPER}\N{FAMILY}\N{ZERO WIDTH JOINER}\N{REGIONAL INDICATOR SYMBOL LETTER U} emoji",
    "\u65e5\u672c\u8a9e \u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "e\u0301 and \u00e9, \u202eright to left\u202c, \ufeffmark",
    "line\nfeed, carriage\rreturn\r\n, tab\t, \u2028 and \u2029",
    "".join(map(chr, range(1, 32))) + "\x7f\x85",
    '"quoted", \'single\', back\\slash, {"json": [1, 2]}, \\u0041',
    "'; DROP TABLE orders; --",
    "=cmd|' /C calc'!A0,;\t|",
    "\U0001f600" * 500,
)
NUMBERS: Final[Sequence[Mapping[str, Decimal]]] = (
    {"price": Decimal("9" * 38)},
    {"price": Decimal("9.9E+125")},
    {"price": Decimal("1E-130")},
    {"price": Decimal("-9.9E+125")},
    {"price": Decimal("-0")},
    {"price": Decimal("0." + "1" * 38)},
    {"quantity": Decimal("9" * 38)},
    {"quantity": Decimal(-1)},
    {"quantity": Decimal("9.9E+125"), "price": Decimal("9.9E+125")},
    {"chaos_number": Decimal(12345678901234567890123456789012345678)},
    {"chaos_number": Decimal("1E-130")},
)
BEYOND: Final[Sequence[Mapping[str, Decimal]]] = (
    {"price": Decimal("1" * 39)},
    {"price": Decimal("1E+126")},
    {"price": Decimal("1E-131")},
    {"quantity": Decimal("NaN")},
    {"quantity": Decimal("Infinity")},
)
