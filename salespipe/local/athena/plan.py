"""The parts of a query's plan: typed expressions, the fields in scope, and the scans of Glue tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from salespipe.local.athena.types import Type

if TYPE_CHECKING:
    from sqlglot import exp

    from salespipe.local.athena.catalog import Table

PATH = "$path"


@dataclass(frozen=True, slots=True)
class Expr:
    """A compiled expression: DuckDB SQL and its Trino type; ``value`` is a literal's own value."""

    sql: str
    type: Type
    value: Any = None


@dataclass(eq=False)
class Scan:
    """One reference to a Glue table in a query.

    ``alias`` is the relation's name in the DuckDB SQL, ``name`` that of the view that will read it, ``used`` the
    columns that the query refers to, ``conditions`` what the query's WHERE demands of partition columns alone, and
    ``paths`` what it demands of the objects' addresses alone.
    """

    table: Table
    name: str
    alias: str
    used: set[str] = field(default_factory=set)
    conditions: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Field:
    """A column that an expression can name.

    ``hidden`` columns are no part of ``*``; ``qualified`` ones are only found with their relation's name; ``outer``
    ones may be NULL because of an outer join. ``origin`` is the field of a scan that this one passes on unchanged, row
    for row, so that a filter on the one filters the other.
    """

    name: str
    type: Type
    sql: str
    relation: str = ""
    schema: str = ""
    hidden: bool = False
    qualified: bool = False
    outer: bool = False
    origin: Field | None = None
    scan: Scan | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query's result, ``sql`` being its expression inside the query."""

    name: str
    type: Type
    sql: str
    origin: Field | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled query; its columns are ``c0``, ``c1`` … in the SQL, whatever their names."""

    sql: str
    outputs: tuple[Output, ...]


@dataclass(eq=False)
class Scope:
    """What names mean inside one SELECT: its fields, lambda arguments, named windows, and the query around it."""

    fields: list[Field] = field(default_factory=list)
    parent: Scope | None = None
    ctes: Mapping[str, Cte] = field(default_factory=dict)
    arguments: Mapping[str, Expr] = field(default_factory=dict)
    outputs: Mapping[str, list[Expr]] = field(default_factory=dict)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)

    def inside(self, arguments: Mapping[str, Expr]) -> Scope:
        """The scope of a lambda's body."""
        return Scope(self.fields, self.parent, self.ctes, {**self.arguments, **arguments}, self.outputs, self.windows)


@dataclass(frozen=True, slots=True)
class Cte:
    """A named query of a WITH clause, its column names, and the named queries that it can see itself."""

    query: exp.Query
    columns: tuple[str, ...]
    visible: Mapping[str, Cte]
    scope: Scope | None


@dataclass(eq=False)
class Plan:
    """What one statement needs beside its SQL: the scans, and fresh names for relations."""

    scans: list[Scan] = field(default_factory=list)
    _made: int = 0

    def alias(self) -> str:
        """A relation name that nothing else in the statement has."""
        self._made += 1
        return f"r{self._made}"
