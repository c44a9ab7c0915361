"""Which functions Athena has: signatures, overload resolution, and how DuckDB computes each.

A table of functions is text, one overload a line: ``signature -> result = template``. A capital letter in a signature
is a type variable: N any number, I any integer, D a date or timestamp, others anything. ``...`` repeats the last
parameter. In the template ``{0}`` is the first argument, ``{l0}`` the same as local date and time in its zone,
``{all}`` every argument, ``{r}`` DuckDB's name of the result type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from salespipe.local.athena.plan import Expr
from salespipe.local.athena.type_text import parse
from salespipe.local.athena.types import UNKNOWN, Type, coerces, common

Build = Callable[[Sequence[Expr], Type], str]

_TEMPORAL: Final = frozenset({"date", "timestamp", "timestamp with time zone"})
_LINE: Final = re.compile(r"(\w+)\((.*?)\) -> (.+?) = (.+)")


@dataclass(frozen=True, slots=True)
class Function:
    """One overload."""

    name: str
    params: tuple[Type, ...]
    variadic: bool
    returns: Type
    template: str | Build

    @property
    def signature(self) -> str:
        """As Trino lists it in "Expected:"."""
        shown = [_display(of) for of in self.params]
        return f"{self.name}({', '.join(shown)}{', ...' if self.variadic else ''})"

    def build(self, args: Sequence[Expr], result: Type) -> str:
        """DuckDB SQL of a call."""
        if callable(self.template):
            return self.template(args, result)
        positions = [arg.sql for arg in args]
        named = {f"l{place}": local(arg) for place, arg in enumerate(args)}
        return self.template.format(*positions, **named, all=", ".join(positions), r=result.duck)


@dataclass(frozen=True, slots=True)
class Match:
    """An overload that fits: the types to bring the arguments to, the result, and how far the arguments had to go."""

    function: Function
    targets: tuple[Type, ...]
    returns: Type
    cost: int


def local(value: Expr) -> str:
    """A date or timestamp as DuckDB TIMESTAMP or DATE, as the clock on the wall of its zone shows it."""
    if value.type.name != "timestamp with time zone":
        return value.sql
    return f"timezone('{value.type.zone}', {value.sql})"


def declared(table: str, builds: dict[str, Build] | None = None) -> Iterable[Function]:
    """The functions of a table; the template ``@name`` stands for a builder in ``builds``."""
    for line in filter(None, map(str.strip, table.splitlines())):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(line)
        name, params, returns, template = found.groups()
        kinds = [part for part in _split(params) if part]
        variadic = bool(kinds) and kinds[-1].endswith("...")
        types = tuple(parse(kind.removesuffix("...")) for kind in kinds)
        build = (builds or {})[template[1:]] if template.startswith("@") else template
        yield Function(name, types, variadic, parse(returns), build)


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def matching(function: Function, args: Sequence[Type | None]) -> Match | None:
    """How ``function`` takes arguments of these types, ``None`` standing for a lambda; ``None`` when it does not."""
    params = _params(function, len(args))
    if params is None:
        return None
    bound: dict[str, Type] = {}
    cost = 0
    for param, arg in zip(params, args, strict=True):
        if (arg is None) != (param.name == "function"):
            return None
        if arg is not None:
            step = _bind(param, arg, bound)
            if step is None:
                return None
            cost += step
    targets = tuple(
        arg if arg is not None and param.name == "decimal" else substituted(param, bound)
        for param, arg in zip(params, args, strict=True)
    )
    return Match(function, targets, substituted(function.returns, bound), cost)


def _params(function: Function, count: int) -> tuple[Type, ...] | None:
    if not function.variadic:
        return function.params if len(function.params) == count else None
    fixed = function.params[:-1]
    if count < len(fixed):
        return None
    return (*fixed, *[function.params[-1]] * (count - len(fixed)))


def _bind(param: Type, arg: Type, bound: dict[str, Type]) -> int | None:  # noqa: PLR0911 - one answer for each kind
    if arg.name == "unknown":
        return 0
    if len(param.name) == 1:
        allowed = {"N": arg.numeric, "I": arg.integral, "D": arg.name in _TEMPORAL}.get(param.name, True)
        joint = common(bound[param.name], arg) if param.name in bound else arg
        if not allowed or joint is None:
            return None
        bound[param.name] = joint
        return 0
    if param.of:
        if param.name != arg.name or len(param.of) != len(arg.of):
            return None
        steps = [_bind(one, other, bound) for one, other in zip(param.of, arg.of, strict=True)]
        return None if None in steps else sum(step or 0 for step in steps)
    if param.name == arg.name:
        return 0
    return 1 + _distance(arg, param) if coerces(arg, param) else None


_ORDER: Final = ("tinyint", "smallint", "integer", "bigint", "decimal", "real", "double")


def _distance(source: Type, target: Type) -> int:
    if source.name == "decimal" and target.name == "real":
        return len(_ORDER)  # Trino takes the double
    if source.name in _ORDER and target.name in _ORDER:
        return _ORDER.index(target.name) - _ORDER.index(source.name)
    return 0


def substituted(of: Type, bound: dict[str, Type]) -> Type:
    """``of`` with its type variables replaced; those that nothing has bound are unknown."""
    if len(of.name) == 1:
        return bound.get(of.name, UNKNOWN)
    if of.of:
        return Type(of.name, of.args, tuple(substituted(inner, bound) for inner in of.of), of.fields)
    return of


def _display(of: Type) -> str:
    if of.name == "varchar" and not of.args:
        return "varchar(x)"
    if of.name == "decimal":
        return "decimal(p,s)"
    return str(of)
