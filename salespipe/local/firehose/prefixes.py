"""Firehose's S3 prefixes: text with ``!{namespace:value}`` expressions, evaluated for each object.

Source: Firehose developer guide, "Custom Prefixes for Amazon S3 Objects".
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final, TypeAlias

from salespipe.local.firehose.date_patterns import DatePattern

_EXPRESSION: Final = re.compile(r"!\{([^}:]*):([^}]*)\}")
_DEFAULT_FOLDERS: Final = "!{timestamp:yyyy/MM/dd/HH/}"
_RANDOM_LENGTH: Final = 11
_ALPHABET: Final = string.ascii_letters + string.digits


class PrefixError(ValueError):
    """A prefix that Firehose refuses."""


@dataclass(frozen=True)
class Instant:
    """What the expressions of one object's key refer to.

    ``arrival`` is the arrival of the oldest record in the object, in the delivery stream's time zone.
    """

    arrival: datetime
    random: Random
    error_type: str = ""
    partition_keys: Mapping[str, str] = field(default_factory=dict)


Part: TypeAlias = Callable[[Instant], str]


class Prefix:
    """A parsed prefix. ``namespaces`` are those its expressions use. Raises ``PrefixError``."""

    def __init__(self, text: str) -> None:
        self.namespaces: set[str] = set()
        self.has_error_type = "!{firehose:error-output-type}" in text
        self.partition_keys: set[str] = set()
        self.queried: set[str] = set()  # those partition keys that come from a query
        self._parts: list[str | Part] = []
        start = 0
        for match in _EXPRESSION.finditer(text):
            self._parts.append(_plain(text[start : match.start()]))
            self._parts.append(self._expression(match[1], match[2]))
            start = match.end()
        self._parts.append(_plain(text[start:]))

    def _expression(self, namespace: str, value: str) -> Part:
        self.namespaces.add(namespace)
        if namespace == "timestamp":
            try:
                pattern = DatePattern(value)
            except ValueError as error:
                raise PrefixError(f"Invalid timestamp expression !{{timestamp:{value}}}: {error}") from None
            return lambda instant: pattern.format(instant.arrival)
        if namespace == "firehose" and value == "error-output-type":
            return lambda instant: instant.error_type
        if namespace == "firehose" and value == "random-string":
            return lambda instant: "".join(instant.random.choices(_ALPHABET, k=_RANDOM_LENGTH))
        if namespace in {"partitionKeyFromLambda", "partitionKeyFromQuery"} and value:
            self.partition_keys.add(value)
            if namespace == "partitionKeyFromQuery":
                self.queried.add(value)
            return lambda instant: instant.partition_keys[value]
        raise PrefixError(f"Unknown expression in prefix: !{{{namespace}:{value}}}")

    def evaluate(self, instant: Instant) -> str:
        """The text for one object. ``KeyError`` when a partition key that the prefix names is missing."""
        return "".join(part if isinstance(part, str) else part(instant) for part in self._parts)


def _plain(text: str) -> str:
    if "!{" in text:
        raise PrefixError("Prefix has an expression that is not closed or has no namespace")
    return text


def prefixes(prefix: str, error_prefix: str, *, partitioned: bool = False) -> tuple[Prefix, Prefix]:
    """The prefixes of objects and of error objects, checked together, with Firehose's defaults filled in.

    ``partitioned`` says that dynamic partitioning is on. Raises ``PrefixError`` with Firehose's wording.
    """
    objects, errors = Prefix(prefix), Prefix(error_prefix)
    if objects.has_error_type:
        raise PrefixError("Prefix cannot contain !{firehose:error-output-type}; it is for ErrorOutputPrefix only")
    if objects.namespaces and not error_prefix:
        raise PrefixError("ErrorOutputPrefix can't be null when Prefix contains expressions")
    if errors.namespaces and not errors.has_error_type:
        raise PrefixError("ErrorOutputPrefix must contain !{firehose:error-output-type} when it has expressions")
    if errors.partition_keys:
        raise PrefixError("ErrorOutputPrefix cannot contain partitionKeyFromQuery or partitionKeyFromLambda")
    if objects.partition_keys and not partitioned:
        raise PrefixError("Prefix can use partition keys only when Dynamic Partitioning is enabled")
    if partitioned and not objects.partition_keys:
        raise PrefixError("Prefix must use partition keys when Dynamic Partitioning is enabled")
    if "timestamp" not in objects.namespaces and not partitioned:
        objects = Prefix(prefix + _DEFAULT_FOLDERS)
    if not errors.namespaces:
        errors = Prefix(f"{error_prefix or prefix}!{{firehose:error-output-type}}/{_DEFAULT_FOLDERS}")
    return objects, errors
