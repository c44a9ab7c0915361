"""A DynamoDB table as reading and writing items needs to know it, and the keys of its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from salespipe.local.api import AwsError
from salespipe.local.dynamodb.stream_store import Stream
from salespipe.local.dynamodb.values import canonical_item, canonical_number, invalid, key_bytes

Key = tuple[bytes, bytes]
"""The partition key and the sort key (empty without one) as bytes that sort as DynamoDB sorts them."""

_LONGEST_HASH: Final = (2048, "Size of hashkey has exceeded the maximum size limit of2048 bytes")
_LONGEST_RANGE: Final = (1024, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
_KEY_MISMATCH: Final = "The provided key element does not match the schema"


class KeyAttribute(NamedTuple):
    """A key attribute's name and its type: S, N or B."""

    name: str
    kind: str


@dataclass(frozen=True)
class Table:
    """What reading and writing items needs to know of a table.

    ``number`` is its identity in the store, ``arn`` the table's (or the backup's) ARN. ``stream`` is where its changes
    go, ``indexed`` says that it has secondary indexes.
    """

    number: int
    arn: str
    name: str
    region: str
    hash: KeyAttribute
    range: KeyAttribute | None
    stream: Stream | None = None
    indexed: bool = False

    @property
    def keys(self) -> tuple[KeyAttribute, ...]:
        """The key attributes, partition key first."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    def key_of_item(self, item: Mapping[str, Any]) -> Key:
        """The key of a canonical item. Raises ``AwsError`` when it is missing, empty, too long or of another type."""
        for name, kind in self.keys:
            value = item.get(name)
            if value is None:
                raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            if kind not in value:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {name}"
                    f" expected: {kind} actual: {next(iter(value))}"
                )
        return self._key(item)

    def key_of(self, key: object, *, counted: bool = True) -> Key:
        """The key that a request's Key member means. Raises ``AwsError`` when it does not fit the schema.

        ``counted``: a wrong number of attributes has a message of its own, except in batches.
        """
        if not isinstance(key, dict):
            raise AwsError("SerializationException", "Start of structure or map expected.")
        canonical, _ = canonical_item(key)
        if len(canonical) != len(self.keys):
            raise invalid("The number of conditions on the keys is invalid" if counted else _KEY_MISMATCH)
        if any(name not in canonical or kind not in canonical[name] for name, kind in self.keys):
            raise invalid(_KEY_MISMATCH)
        return self._key(canonical)

    def key_attributes(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The key attributes of an item, in DynamoDB JSON."""
        return {name: item[name] for name, _ in self.keys}

    def _key(self, item: Mapping[str, Any]) -> Key:
        hashed = self.encode_key(self.hash, item[self.hash.name][self.hash.kind])
        return hashed, b"" if self.range is None else self.encode_key(
            self.range, item[self.range.name][self.range.kind]
        )

    def encode_key(self, attribute: KeyAttribute, content: Any) -> bytes:
        """One key attribute's content as sortable bytes. Raises ``AwsError`` when it is empty or too long."""
        encoded = key_bytes(attribute.kind, canonical_number(content) if attribute.kind == "N" else content)
        if not encoded:
            what = "string" if attribute.kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an"
                f" empty {what} value. Key: {attribute.name}"
            )
        longest, message = _LONGEST_HASH if attribute == self.hash else _LONGEST_RANGE
        if attribute.kind != "N" and len(encoded) > longest:
            raise invalid(f"One or more parameter values were invalid: {message}")
        return encoded
