"""Trino's types, as Athena shows them, with their spelling in Glue (Hive), in DuckDB and in a result's ColumnInfo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

UNBOUNDED: Final = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Type:
    """A type: ``name`` is Trino's base name; ``args`` its numbers (length, precision, scale); ``of`` its element types.

    ``fields`` names the elements of a row. ``zone`` is the time zone in which a timestamp with time zone is seen.
    A name of one capital letter is a type variable in a function's signature.
    """

    name: str
    args: tuple[int, ...] = ()
    of: tuple[Type, ...] = ()
    fields: tuple[str, ...] = ()
    zone: str = "UTC"

    def __str__(self) -> str:
        """As Trino writes it in messages and in ``typeof``: ``row(a integer, b varchar)``, ``timestamp(3)``."""
        if self.name == "row":
            parts = [f"{name} {of}" if name else str(of) for name, of in zip(self.fields, self.of, strict=True)]
            return f"row({', '.join(parts)})"
        if self.name == "timestamp":
            return "timestamp(3)"
        if self.name == "timestamp with time zone":
            return "timestamp(3) with time zone"
        if self.name == "time":
            return "time(3)"
        inner = [*map(str, self.of), *map(str, self.args)]
        separator = ", " if self.of else ","
        return f"{self.name}({separator.join(inner)})" if inner else self.name

    @property
    def duck(self) -> str:
        """DuckDB's spelling."""
        if self.name == "array":
            return f"{self.of[0].duck}[]"
        if self.name == "map":
            return f"MAP({self.of[0].duck}, {self.of[1].duck})"
        if self.name == "row":
            named = zip(self.field_names, self.of, strict=True)
            return f"STRUCT({', '.join(f'{quoted(name)} {of.duck}' for name, of in named)})"
        if self.name == "decimal":
            return f"DECIMAL({self.args[0]}, {self.args[1]})"
        return DUCK[self.name]

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of a row's fields; unnamed ones are ``field0``, ``field1`` …, as Athena prints them."""
        return tuple(name or f"field{place}" for place, name in enumerate(self.fields))

    @property
    def hive(self) -> str:
        """Glue's spelling: ``struct<a:int,b:string>``."""
        if self.name == "array":
            return f"array<{self.of[0].hive}>"
        if self.name == "map":
            return f"map<{self.of[0].hive},{self.of[1].hive}>"
        if self.name == "row":
            named = zip(self.field_names, self.of, strict=True)
            return f"struct<{','.join(f'{name}:{of.hive}' for name, of in named)}>"
        if self.name == "decimal" or (self.name in {"char", "varchar"} and self.args):
            return f"{self.name}({','.join(map(str, self.args))})"
        return {"integer": "int", "varchar": "string", "real": "float", "varbinary": "binary"}.get(self.name, self.name)

    @property
    def storable(self) -> bool:
        """Whether Hive, and so a Glue table or view, has this type."""
        return self.name in _HIVE_STORABLE and all(of.storable for of in self.of)

    @property
    def numeric(self) -> bool:
        """Whether arithmetic applies."""
        return self.name in _WIDTH or self.name in {"decimal", "real", "double"}

    @property
    def integral(self) -> bool:
        """Whether it is one of the four integer types."""
        return self.name in _WIDTH

    @property
    def text(self) -> bool:
        """Whether it is varchar or char."""
        return self.name in {"varchar", "char"}


def quoted(name: str) -> str:
    """A SQL identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


_WIDTH: Final = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
DUCK: Final = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "varbinary": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
    "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL",
    "json": "JSON",
    "uuid": "UUID",
    "unknown": "INTEGER",
    "function": "INTEGER",
}
_HIVE_STORABLE: Final = frozenset(
    [
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double",
        "decimal",
        "varchar",
        "char",
        "varbinary",
        "date",
        "timestamp",
        "array",
        "map",
        "row",
    ]
)
BOOLEAN: Final = Type("boolean")
INTEGER: Final = Type("integer")
BIGINT: Final = Type("bigint")
DOUBLE: Final = Type("double")
REAL: Final = Type("real")
VARCHAR: Final = Type("varchar")
DATE: Final = Type("date")
TIMESTAMP: Final = Type("timestamp")
TIMESTAMP_TZ: Final = Type("timestamp with time zone")
UNKNOWN: Final = Type("unknown")
JSON: Final = Type("json")
DAY_INTERVAL: Final = Type("interval day to second")
MONTH_INTERVAL: Final = Type("interval year to month")


def decimal(precision: int, scale: int) -> Type:
    """A decimal, its precision kept within Trino's 38 digits."""
    return Type("decimal", (min(38, precision), scale))


def array(of: Type) -> Type:
    """An array of ``of``."""
    return Type("array", of=(of,))


def as_decimal(of: Type) -> Type:
    """The decimal that holds every value of an integer or decimal type."""
    return of if of.name == "decimal" else decimal(_WIDTH[of.name], 0)


_ORDER: Final = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double")
_TIME_ORDER: Final = ("date", "timestamp", "timestamp with time zone")


def common(left: Type, right: Type) -> Type | None:  # noqa: PLR0911 - one answer for each pair of kinds
    """The type to which Trino brings both sides by itself, or ``None`` when it refuses (varchar and integer)."""
    if left == right or right.name == "unknown":
        return left
    if left.name == "unknown":
        return right
    if left.name == right.name == "timestamp with time zone":
        return left
    if left.numeric and right.numeric:
        return _common_number(left, right)
    if left.text and right.text:
        if left.name == right.name:
            return Type(left.name, (max(left.args[0], right.args[0]),) if left.args and right.args else ())
        return VARCHAR if "varchar" in {left.name, right.name} else left
    if left.name in _TIME_ORDER and right.name in _TIME_ORDER:
        return max(left, right, key=lambda of: _TIME_ORDER.index(of.name))
    if left.name == right.name and left.of and len(left.of) == len(right.of):
        inner = [common(one, other) for one, other in zip(left.of, right.of, strict=True)]
        names = tuple(a if a == b else "" for a, b in zip(left.fields, right.fields, strict=True))
        known = tuple(of for of in inner if of is not None)
        return Type(left.name, (), known, names) if len(known) == len(inner) else None
    return None


def _common_number(left: Type, right: Type) -> Type:
    low, high = sorted((left, right), key=lambda of: _ORDER.index(of.name))
    if high.name != "decimal":
        return high
    one, other = as_decimal(low), as_decimal(high)
    scale = max(one.args[1], other.args[1])
    return decimal(max(one.args[0] - one.args[1], other.args[0] - other.args[1]) + scale, scale)


def coerces(source: Type, target: Type) -> bool:
    """Whether Trino passes a value of ``source`` where ``target`` is asked for."""
    if target.name == "varchar" and source.text and not target.args:
        return True
    joint = common(source, target)
    return joint is not None and joint.name == target.name and (joint == target or target.name != "decimal")
