"""What may be asked for with an insight: typed values, each written into SQL as a literal of its type and no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

from salespipe.errors import Exit, SalespipeError

_UNITS: Final = {"m": (1, "MINUTE"), "h": (1, "HOUR"), "d": (1, "DAY"), "w": (7, "DAY")}
# "all" goes back a century: twice that before the year 2000 is still a timestamp.
_ALL: Final = "INTERVAL '36500' DAY"
_NEWEST: Final = "(SELECT max(created_at) FROM orders)"
_NOW: Final = "CAST(now() AT TIME ZONE 'UTC' AS timestamp(3))"
BUFFERS: Final = "buffers"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an insight: ``type`` is one of ``TYPES``, or ``choice`` with the words to choose from."""

    name: str
    type: str
    default: str
    choices: tuple[str, ...] = ()

    @property
    def accepts(self) -> str:
        """What may be given, in words."""
        return " | ".join(self.choices) if self.choices else TYPES[self.type][0]

    def literal(self, value: str, *, buffers: int) -> str:
        """``value`` as SQL. ``buffers`` is how many seconds Firehose holds records back at most.

        Raises ``SalespipeError`` (exit code 2) where it is no value of the type.
        """
        if self.choices:
            found = _text(value) if value in self.choices else None
        elif self.type == "seconds" and value == BUFFERS:
            found = str(buffers)
        else:
            found = TYPES[self.type][1](value)
        if found is None:
            raise SalespipeError(
                "BadParameter",
                f"{value!r} is no value for the parameter {self.name}: {self.accepts}.",
                hint=f"--param {self.name}={self.default}",
                exit_code=Exit.USAGE,
            )
        return found


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _integer(value: str) -> str | None:
    return str(int(value)) if re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) else None


def _positive(value: str) -> str | None:
    number = _integer(value)
    return number if number and int(number) else None


def _decimal(value: str) -> str | None:
    return f"DECIMAL '{Decimal(value):f}'" if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value, re.ASCII) else None


def _period(value: str) -> str | None:
    if value == "all":
        return _ALL
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", value, re.ASCII)
    if not found:
        return None
    times, unit = _UNITS[found[2]]
    return f"INTERVAL '{int(found[1]) * times}' {unit}"


def _moment(value: str) -> str | None:
    """The end of a period; of a date, the date's last millisecond. Without a zone it is UTC."""
    if value in {"newest", "now"}:
        return _NEWEST if value == "newest" else _NOW
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", value, re.ASCII):
        moment = datetime.combine(moment.date(), time(23, 59, 59, 999_000))
    moment = moment if moment.tzinfo is None else moment.astimezone(UTC)
    return f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}'"


TYPES: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "integer": ("a whole number from 1 on", _positive),
    "decimal": ("a number such as 9.99", _decimal),
    "text": ("any text", _text),
    "period": ("so many m(inutes), h(ours), d(ays) or w(eeks), as in 30d, or all", _period),
    "moment": ("newest (order), now, or a date and time such as 2026-11-22T12:00", _moment),
    "seconds": ("so many seconds, or buffers: as long as Firehose holds records back", _integer),
}
