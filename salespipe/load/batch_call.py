"""BatchWriteItem with a body made in advance.

botocore checks and serialises every attribute of every item anew, which takes longer than all the rest of the call.
Here the items are JSON already: botocore is handed a placeholder, and its ``before-call`` event, which is there to
change a request before it is signed, puts the real body in. Were the event not to fire, DynamoDB would refuse the
placeholder, since it lacks the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from json.encoder import encode_basestring as quote
from typing import Any, Final

PLACEHOLDER: Final[list[dict[str, Any]]] = [{"PutRequest": {"Item": {}}}]
_body: ContextVar[bytes | None] = ContextVar("_body", default=None)


def prepare(client: Any) -> None:
    """Make a DynamoDB client ready for ``batch_write``; its other calls stay as they are."""
    client.meta.events.register(
        "before-call.dynamodb.BatchWriteItem", _put_body, unique_id="salespipe-batch-write-body"
    )


def batch_write(client: Any, table: str, requests: Sequence[bytes]) -> dict[str, Any]:
    """BatchWriteItem's answer for up to 25 requests, each JSON text as ``attributes`` makes it.

    Raises what botocore raises.
    """
    token = _body.set(b'{"RequestItems":{%b:[%b]}}' % (quote(table).encode(), b",".join(requests)))
    try:
        answer: dict[str, Any] = client.batch_write_item(RequestItems={table: PLACEHOLDER})
    finally:
        _body.reset(token)
    return answer


def _put_body(params: dict[str, Any], **_: object) -> None:
    if (body := _body.get()) is not None:
        params["body"] = body
