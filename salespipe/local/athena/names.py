"""What a column's name means in a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Expr, Field, Scope
from salespipe.local.athena.types import quoted

if TYPE_CHECKING:
    from salespipe.local.athena.syntax import Source


def parts(node: exp.Expr) -> list[exp.Identifier]:
    """The identifiers of ``a.b.c``, first to last."""
    if isinstance(node, exp.Column):
        return [part for part in node.parts if isinstance(part, exp.Identifier)]
    if isinstance(node, exp.Dot):
        inner = node.expression
        return [*parts(node.this), *([inner] if isinstance(inner, exp.Identifier) else [])]
    return [node] if isinstance(node, exp.Identifier) else []


def resolved(node: exp.Expr, names: list[exp.Identifier], scope: Scope, source: Source) -> Expr:
    """The expression that a dotted name stands for: a lambda's argument, a column, or a field inside a row.

    Raises ``QueryError`` COLUMN_NOT_FOUND or AMBIGUOUS_NAME.
    """
    words = [name.name.lower() for name in names]
    if words[0] in scope.arguments:
        return _fields(scope.arguments[words[0]], words[1:], node, source)
    chosen = [found for found in scope.outputs.get(words[0], []) if len(words) == 1]
    if len({found.sql for found in chosen}) > 1:
        raise QueryError("AMBIGUOUS_NAME", f"{source.where(node)}: Column '{words[0]}' is ambiguous")
    if chosen:
        return chosen[0]
    around: Scope | None = scope
    while around is not None:
        for taken in (3, 2, 1):
            found = _matches(around.fields, words[:taken]) if len(words) >= taken else []
            if len(found) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"{source.where(node)}: Column '{words[taken - 1]}' is ambiguous")
            if found:
                return _fields(_used(found[0]), words[taken:], node, source)
        around = around.parent
    shown = ".".join(words)
    raise QueryError(
        "COLUMN_NOT_FOUND",
        f"{source.where(node)}: Column '{shown}' cannot be resolved or requester is not authorized to access "
        "requested resources",
    )


def _matches(fields: list[Field], words: list[str]) -> list[Field]:
    *qualifier, name = words
    found = [field for field in fields if field.name == name and _qualified(field, qualifier)]
    return list({field.sql: field for field in found}.values())


def _qualified(field: Field, qualifier: list[str]) -> bool:
    if not qualifier:
        return not field.qualified
    if len(qualifier) == 2 and field.schema != qualifier[0]:
        return False
    return field.relation == qualifier[-1]


def _used(field: Field) -> Expr:
    if field.scan is not None:
        field.scan.used.add(field.name)
    return Expr(field.sql, field.type)


def _fields(value: Expr, words: list[str], node: exp.Expr, source: Source) -> Expr:
    for word in words:
        value = member(value, word, node, source)
    return value


def member(value: Expr, name: str, node: exp.Expr, source: Source) -> Expr:
    """The field ``name`` of a row.

    Raises ``QueryError`` when the value is no row or has no such field.
    """
    kind = value.type
    if kind.name == "row" and name in kind.fields:
        place = kind.fields.index(name)
        return Expr(f"struct_extract({value.sql}, {_text(kind.field_names[place])})", kind.of[place])
    where = source.where(node)
    if kind.name != "row":
        raise QueryError("TYPE_MISMATCH", f"{where}: Expression {value.sql} is not of type ROW")
    raise QueryError(
        "COLUMN_NOT_FOUND",
        f"{where}: Column '{name}' cannot be resolved or requester is not authorized to access requested resources",
    )


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def column(alias: str, name: str) -> str:
    """DuckDB SQL of a relation's column."""
    return f"{quoted(alias)}.{quoted(name)}"
