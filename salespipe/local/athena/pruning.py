"""What a WHERE clause demands of partition columns alone, so that other partitions are not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import PATH, Field, Scope

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions

# What a condition on "$path" may be made of, so that objects are left out by it.
_SET_OF_VALUES = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Or, exp.And, exp.Not, exp.Paren),
    *(exp.Column, exp.Dot, exp.Identifier, exp.Literal),
)


def push(condition: exp.Expr, scope: Scope, expressions: Expressions) -> None:
    """Hand each conjunct that names only partition columns of one scan, or only "$path", to that scan.

    A field that a subquery or view passes on unchanged is followed to its scan. Trino leaves out objects by "$path"
    where the condition is a set of values, not a pattern (trinodb/trino#27000).
    """
    for conjunct in _conjuncts(condition):
        if any(True for _ in conjunct.find_all(exp.Query, exp.Window)):
            continue
        sql = expressions.compiled.get(id(conjunct), "")
        origins: dict[str, Field] = {}
        for name in conjunct.find_all(exp.Column, exp.Dot):
            named = expressions.compiled.get(id(name))
            if named is None:
                continue
            field = next((field for field in scope.fields if field.sql == named), None)
            base = field and _base(field)
            if base is None:
                break
            origins[named] = base
        else:
            scans = {id(base.scan): base.scan for base in origins.values()}
            scan = next(iter(scans.values()), None)
            if scan is None or len(scans) != 1:
                continue
            for named, base in origins.items():
                sql = sql.replace(named, base.sql)
            if all(base.name != PATH for base in origins.values()):
                scan.conditions.append(sql)
            elif len(origins) == 1 and all(isinstance(node, _SET_OF_VALUES) for node in conjunct.walk()):
                scan.paths.append(sql)


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    else:
        yield node


def _base(field: Field) -> Field | None:
    """The partition column of a scan that ``field`` is, or its "$path", if it is one."""
    while field.scan is None or field.outer:
        if field.origin is None or field.outer:
            return None
        field = field.origin
    keys = {key.name for key in field.scan.table.partition_keys}
    return field if field.name in keys or field.name == PATH else None


def refuse_injected(name: str) -> QueryError:
    """Athena's answer when an injected partition column is not given."""
    return QueryError(
        "CONSTRAINT_VIOLATION",
        f"For the injected projected partition column {name}, the WHERE clause must contain only static equality "
        "conditions, and at least one such condition must be present.",
    )
