"""Dynamic partitioning: the keys of a record's partition, from the transform's answer or by queries of its data.

Source: Firehose developer guide, "Partition streaming data" (keys with a Lambda function, with inline parsing, limits).
Of JQ 1.6 this has what extracts keys as they are: ``{name: .path, other: .a["b"][0]}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from salespipe.local.json_path import JsonPath

ACTIVE_LIMIT: Final = 500
"""Partitions that may be gathered at the same time (default quota)."""
_PAIR: Final = re.compile(
    r'\s*(?:"([^"\\]+)"|([A-Za-z_]\w*))\s*:\s*((?:\.[A-Za-z_]\w*|\.?\["[\w:/-]+"\]|\[\d+\])+)\s*(,|$)'
)
_QUOTED: Final = re.compile(r'\.?\["([^"]+)"\]')

Keys = tuple[tuple[str, str], ...]
"""A partition: names and values, in the order of names."""


class PartitioningError(Exception):
    """A record without a partition, in Firehose's words.

    ``error_type`` is what ``!{firehose:error-output-type}`` stands for in the key of its error object.
    """

    code = "DynamicPartitioning.MetadataExtractionFailed"
    error_type = "metadata-extraction-failed"


class TooManyPartitionsError(PartitioningError):
    """A record of a partition that would be one too many."""

    code = "DynamicPartitioning.ActivePartitionsLimitExceeded"
    error_type = "activePartitionExceeded"

    def __init__(self) -> None:
        super().__init__(f"The limit of {ACTIVE_LIMIT} active partitions was exceeded.")


class Partitioning:
    """Finds the partitions of records. ``names`` are the keys that the prefix uses, ``queries`` those of the data."""

    def __init__(self, names: Iterable[str], queries: Mapping[str, JsonPath]) -> None:
        self._names = sorted(names)
        self._queries = queries

    def keys(self, data: bytes, metadata: bytes) -> Keys:
        """The partition of a record: ``data`` as it will be delivered, ``metadata`` as JSON, from the transform.

        Raises ``PartitioningError`` for a key that is missing, empty or no scalar.
        """
        found = self._given(metadata)
        if self._queries:
            try:
                document = msgspec.json.decode(data)
            except msgspec.DecodeError:
                raise PartitioningError("Non JSON record provided") from None
            found |= {name: _text(path.find(document)) for name, path in self._queries.items()}
        return tuple((name, _filled(found.get(name))) for name in self._names)

    def _given(self, metadata: bytes) -> dict[str, Any]:
        given = msgspec.json.decode(metadata) if metadata else None
        keys = given.get("partitionKeys") if isinstance(given, dict) else None
        return dict(keys) if isinstance(keys, dict) else {}


def _filled(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise PartitioningError("partitionKeys values must not be null or empty")
    return value


def _text(value: Any) -> str | None:
    """What a query found, as a key: text as it is, numbers and booleans as JSON writes them."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode() if isinstance(value, int | float) else None


def parse_query(text: str) -> dict[str, JsonPath]:
    """The paths in a MetadataExtractionQuery by key. Raises ``ValueError`` for what is more than names and paths."""
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise ValueError(text)
    body, position = body[1:-1].strip(), 0
    found: dict[str, JsonPath] = {}
    while position < len(body):
        match = _PAIR.match(body, position)
        if match is None:
            raise ValueError(text)
        found[match[1] or match[2]] = JsonPath("$" + _QUOTED.sub(r".\1", match[3]))
        position = match.end()
    if not found:
        raise ValueError(text)
    return found
