"""Partition projection: which values a path stands for, told by the table's parameters instead of the catalog.

Where Athena enumerates every possible partition, we list the table's prefix once and ask of each object whether its
path is one of those partitions: the answer is the same. (athena/latest/ug/partition-projection-supported-types.html)
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Final

from salespipe.local.athena.catalog import Column, Table
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.functions.times import joda_format

_NOW: Final = re.compile(r"\s*NOW\s*(?:([+-])\s*(\d+)\s*([A-Z]+?)S?)?\s*", re.IGNORECASE)
_STEP: Final = {
    "SECOND": dt.timedelta(seconds=1),
    "MINUTE": dt.timedelta(minutes=1),
    "HOUR": dt.timedelta(hours=1),
    "DAY": dt.timedelta(days=1),
    "WEEK": dt.timedelta(weeks=1),
    "MONTH": dt.timedelta(days=30),
    "YEAR": dt.timedelta(days=365),
}

Check = Callable[[str], bool]


class Projection:
    """The projection of one table at one moment (``now``, Unix seconds).

    Raises ``QueryError`` INVALID_TABLE_PROPERTY when the table's parameters do not make sense.
    """

    def __init__(self, table: Table, now: float) -> None:
        self._table = table
        self._now = dt.datetime.fromtimestamp(now, tz=dt.UTC).replace(tzinfo=None)
        default = "".join(f"{key.name}=${{{key.name}}}/" for key in table.partition_keys)
        self.template = table.parameters.get("storage.location.template") or _folder(table.location) + default
        self.injected = tuple(key.name for key in table.partition_keys if self._kind(key) == "injected")
        self._checks = {key.name: self._check(key) for key in table.partition_keys}
        self._pattern = self._regex()

    @property
    def prefix(self) -> str:
        """The part of the template that every partition shares."""
        return self.template.partition("${")[0]

    def values(self, location: str) -> tuple[str, ...] | None:
        """The partition values of an object's ``s3://`` address; ``None`` when it lies in no projected partition."""
        found = self._pattern.match(location)
        if found is None:
            return None
        values = tuple(found[f"v_{place}"] for place in range(len(self._table.partition_keys)))
        keys = self._table.partition_keys
        inside = all(self._checks[key.name](value) for key, value in zip(keys, values, strict=True))
        return values if inside else None

    def _regex(self) -> re.Pattern[str]:
        pattern, seen = "", set()
        for place, part in enumerate(re.split(r"\$\{([^}]*)\}", _folder(self.template))):
            if place % 2 == 0:
                pattern += re.escape(part)
                continue
            index = next((n for n, key in enumerate(self._table.partition_keys) if key.name == part.lower()), -1)
            if index < 0:
                raise _invalid(self._table, f"storage.location.template names the unknown column {part}")
            shape = self._shape(self._table.partition_keys[index])
            pattern += f"(?P=v_{index})" if index in seen else f"(?P<v_{index}>{shape})"
            seen.add(index)
        if len(seen) != len(self._table.partition_keys):
            raise _invalid(self._table, "storage.location.template does not name every partition column")
        return re.compile(pattern)

    def _shape(self, key: Column) -> str:
        """A value's text in a path; dates and enumerated values may hold slashes."""
        if self._kind(key) == "enum":
            return "|".join(re.escape(value.strip()) for value in self._option(key, "values").split(","))
        slashes = self._option(key, "format").count("/") if self._kind(key) == "date" else 0
        return "[^/]+" + "/[^/]+" * slashes

    def _option(self, key: Column, name: str, default: str = "") -> str:
        return self._table.parameters.get(f"projection.{key.name}.{name}", default)

    def _kind(self, key: Column) -> str:
        return self._option(key, "type").lower()

    def _check(self, key: Column) -> Check:
        kind = self._kind(key)
        if kind == "injected":
            return bool
        if kind == "enum":
            allowed = {value.strip() for value in self._option(key, "values").split(",")}
            return allowed.__contains__
        if kind == "integer":
            return self._integers(key)
        if kind == "date":
            return self._dates(key)
        told = f"Column {key.name} has partition projection type '{kind or 'none'}'"
        raise _invalid(self._table, told)

    def _range(self, key: Column) -> tuple[str, str]:
        low, comma, high = self._option(key, "range").partition(",")
        if not comma:
            raise _invalid(self._table, f"projection.{key.name}.range must have two values")
        return low.strip(), high.strip()

    def _integers(self, key: Column) -> Check:
        low, high = map(int, self._range(key))
        step, digits = int(self._option(key, "interval", "1")), int(self._option(key, "digits", "0"))

        def inside(text: str) -> bool:
            if not re.fullmatch(r"-?\d+", text):
                return False
            value = int(text)
            return text == f"{value:0{digits}d}" and low <= value <= high and (value - low) % step == 0

        return inside

    def _dates(self, key: Column) -> Check:
        pattern = joda_format(self._option(key, "format")).replace("%-", "%")
        if not pattern:
            raise _invalid(self._table, f"projection.{key.name}.format is missing")
        low, high = (self._moment(text, pattern) for text in self._range(key))

        def inside(text: str) -> bool:
            try:
                return low <= dt.datetime.strptime(text, pattern) <= high
            except ValueError:
                return False

        return inside

    def _moment(self, text: str, pattern: str) -> dt.datetime:
        relative = _NOW.fullmatch(text)
        if relative is None:
            try:
                return dt.datetime.strptime(text, pattern)
            except ValueError as error:
                raise _invalid(self._table, f"'{text}' does not have the column's date format") from error
        if relative[1] is None:
            return self._now
        step = _STEP[relative[3].upper()] * int(relative[2])
        return self._now + step if relative[1] == "+" else self._now - step


def _folder(location: str) -> str:
    return location if location.endswith("/") else f"{location}/"


def _invalid(table: Table, told: str) -> QueryError:
    return QueryError("INVALID_TABLE_PROPERTY", f"Table {table.database}.{table.name}: {told}")
