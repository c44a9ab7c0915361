"""Whether two ARNs with wildcards have an ARN in common, and whether one is part of another."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

# In a resource type's ARN these variables stand for any text; all others for a text without a separator. A function's
# name may be followed by a qualifier.
_ANY_TEXT: Final = frozenset({"FunctionName", "LogGroupName", "LogStreamName", "ObjectName"})
_VARIABLE: Final = re.compile(r"\$\{([\w:]+)\}")
_ANY, _PART = "any text", "any text without : or /"


@cache
def type_pattern(arn_format: str) -> tuple[str, ...]:
    """The tokens of a resource type's ARN, such as ``arn:${Partition}:s3:::${BucketName}``."""
    tokens: list[str] = []
    at = 0
    for variable in _VARIABLE.finditer(arn_format):
        tokens += arn_format[at : variable.start()]
        name = variable[1]
        tokens.append(_ANY if name in _ANY_TEXT or name.endswith("WithPath") else _PART)
        at = variable.end()
    return (*tokens, *arn_format[at:])


@cache
def policy_pattern(arn: str) -> tuple[str, ...]:
    """The tokens of a Resource in a policy: * and policy variables stand for any text."""
    tokens: list[str] = []
    for piece in re.split(r"(\*|\$\{[^}]+\})", arn):
        tokens += [_ANY] if piece == "*" or piece.startswith("${") else list(piece)
    return tuple(tokens)


def meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether some text fits both patterns."""

    def wild(token: str) -> bool:
        return token in (_ANY, _PART)

    reached = {(0, 0)}
    todo = [(0, 0)]
    while todo:
        at, there = todo.pop()
        if (at, there) == (len(one), len(other)):
            return True
        mine = one[at] if at < len(one) else ""
        theirs = other[there] if there < len(other) else ""
        steps = []
        if wild(mine):
            steps.append((at + 1, there))
        if wild(theirs):
            steps.append((at, there + 1))
        if wild(mine) and theirs and not wild(theirs) and not (mine == _PART and theirs in ":/"):
            steps.append((at, there + 1))
        if wild(theirs) and mine and not wild(mine) and not (theirs == _PART and mine in ":/"):
            steps.append((at + 1, there))
        if mine and mine == theirs and not wild(mine):
            steps.append((at + 1, there + 1))
        for step in steps:
            if step not in reached:
                reached.add(step)
                todo.append(step)
    return False


def covers(pattern: str, arn: str) -> bool:
    """Whether IAM's wildcards in ``pattern`` cover all of ``arn``; a * in ``arn`` is only covered by a *."""
    variables = re.sub(r"\$\{[^}]+\}", "*", pattern)
    return re.fullmatch(".*".join(map(re.escape, variables.split("*"))), arn) is not None
