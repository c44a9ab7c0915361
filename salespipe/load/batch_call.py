"""BatchWriteItem by hand, in the name of a boto3 client.

botocore checks and serialises every attribute of every item anew, resolves the endpoint anew for each call, and walks
its model through the answer. That takes several times as long as making the orders does. Here the items are JSON
already, a call is prepared once by botocore itself and sent again and again with another body, and of an answer only
what matters is read.

What is botocore's stays botocore's:

- Where a call goes, with which headers, and for which region and service it is signed: an event that is there to
  change a request before it is signed takes it out of botocore's hands, once in ``LASTING`` calls. Nothing is sent for
  that, and were the event not to fire, DynamoDB would refuse the placeholder, since it lacks the key.
- The signature: with the credentials that the client's signer has at that moment, for each call, so that all kinds of
  them work and those that expire are renewed in time; by hand where that gives what the signer gives (``signature``),
  and else by the signer.
- The connection: by the client's own HTTP session, with its pool, TLS, proxies and timeouts, and its exceptions.
- Errors: read by botocore's parser, raised as the exception that the client would raise.
- Whoever listens to ``before-send`` may answer instead, as moto does.

What is not kept is botocore's retries, one call is one attempt: the writer sends again only what was not taken.
"""

from __future__ import annotations

import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from json.encoder import encode_basestring as quote
from typing import Any, Final, NamedTuple

import msgspec

from salespipe.load.signature import Signature

OPERATION: Final = "BatchWriteItem"
PLACEHOLDER: Final[list[dict[str, Any]]] = [{"PutRequest": {"Item": {}}}]
# So many calls are made alike, so that what botocore would do otherwise by then is followed.
LASTING: Final = 1000

_preparing: ContextVar[bool] = ContextVar("_preparing", default=False)


class Taken(NamedTuple):
    """What DynamoDB says to a batch: the requests that it sends back, and the write capacity units that it counts."""

    unprocessed: Sequence[Mapping[str, Any]]
    units: float


class BatchWrite:
    """Writes to one table through a client, whose other calls stay as they are. For any number of threads."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table
        self._head = b'{"ReturnConsumedCapacity":"TOTAL","RequestItems":{%b:[' % quote(table).encode()
        self._left = 0
        self._prepared: _Prepared | None = None
        client.meta.events.register(f"before-sign.dynamodb.{OPERATION}", _take_out, unique_id="salespipe-batch-write")

    def __call__(self, requests: Sequence[bytes]) -> Taken:
        """Write up to 25 requests, each JSON text as ``attributes`` makes it.

        Raises what the client would: ``ClientError`` for a refusal, ``BotoCoreError`` where no answer came, or none
        that can be believed: then it is not known whether anything was written.
        """
        from botocore.exceptions import ChecksumError, HTTPClientError

        answer = self._sent(self._request(self._head + b",".join(requests) + b"]}}"))
        body = answer.content
        if answer.status_code != 200:
            raise self._refusal(answer)
        told = answer.headers.get("x-amz-crc32")
        if told is not None and int(told) != (found := zlib.crc32(body)):
            raise ChecksumError(checksum_type="crc32", expected_checksum=told, actual_checksum=found)
        try:
            said = _decode(body)
        except msgspec.MsgspecError as error:
            raise HTTPClientError(error=error) from error
        return Taken(said.unprocessed.get(self._table, ()), sum([capacity.units for capacity in said.consumed]))

    def _request(self, body: bytes) -> Any:
        """A call with this body, signed now."""
        self._left -= 1  # not counted exactly where threads race, which matters to nobody
        prepared = self._prepared
        if prepared is None or self._left <= 0 or not prepared.current():
            self._prepared = prepared = self._prepare()
            self._left = LASTING
        return prepared.request(body)

    def _prepare(self) -> _Prepared:
        """A call as botocore makes it, up to the signature, and then how it is signed."""
        token = _preparing.set(True)
        try:
            self._client.batch_write_item(RequestItems={self._table: PLACEHOLDER})
        except _TakenOut as call:
            request, signer, version = call.request, call.signer, call.version
        else:
            raise AssertionError("botocore has sent a call without signing it")
        finally:
            _preparing.reset(token)
        return _Prepared(request, signer, version)

    def _sent(self, request: Any) -> Any:
        for _, answer in self._client.meta.events.emit(f"before-send.dynamodb.{OPERATION}", request=request):
            if answer is not None:
                return answer
        return self._client._endpoint.http_session.send(request)  # noqa: SLF001 (there is no other way to the session)

    def _refusal(self, answer: Any) -> Exception:
        from botocore.endpoint import convert_to_response_dict
        from botocore.parsers import create_parser

        model = self._client.meta.service_model
        operation = model.operation_model(OPERATION)
        said = create_parser(model.resolved_protocol).parse(
            convert_to_response_dict(answer, operation), operation.output_shape
        )
        refusal: Exception = self._client.exceptions.from_code(said["Error"]["Code"])(said, OPERATION)
        return refusal


class _Prepared:
    """A call that lacks nothing but its body and its signature."""

    def __init__(self, request: Any, signer: Any, version: Any) -> None:
        self._url = request.url
        self._unsigned = _texts(request.headers)
        self._context = dict(request.context)
        self._signer = signer
        self._version = version
        signer.sign(OPERATION, request)
        signed = _texts(request.headers)
        self._headers = {name: value for name, value in signed.items() if name not in ("Authorization", "X-Amz-Date")}
        self._credentials = self._credentials_now()
        self._signature = Signature.like(self._credentials, self._url, signed, request.body)

    def current(self) -> bool:
        """Whether the credentials are still those with which it was prepared; they are renewed when it is time to."""
        return bool(self._credentials_now() == self._credentials)

    def request(self, body: bytes) -> Any:
        """The call with a body, signed now, ready to be sent."""
        from botocore.awsrequest import AWSPreparedRequest, AWSRequest

        if self._signature:
            date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            headers = {**self._headers, "X-Amz-Date": date, "Authorization": self._signature.of(body, date)}
        else:
            request = AWSRequest("POST", self._url, self._unsigned, body)
            request.context = dict(self._context)
            self._signer.sign(OPERATION, request)
            headers = _texts(request.headers)
        headers["Content-Length"] = str(len(body))
        headers["amz-sdk-invocation-id"] = str(uuid.uuid4())
        headers["amz-sdk-request"] = "attempt=1; max=1"
        return AWSPreparedRequest("POST", self._url, headers, body, stream_output=False)

    def _credentials_now(self) -> Any:
        from botocore import UNSIGNED

        if self._version is UNSIGNED:
            return None
        return getattr(
            self._signer.get_auth_instance("dynamodb", self._signer.region_name, self._version), "credentials", None
        )


class _TakenOut(Exception):  # noqa: N818 (how a call leaves botocore's hands)
    """A call that botocore was about to sign, with the signer and the version of the signature."""

    def __init__(self, request: Any, signer: Any, version: Any) -> None:
        super().__init__(request.url)
        self.request = request
        self.signer = signer
        self.version = version


def _take_out(request: Any, request_signer: Any, signature_version: Any, **_: object) -> None:
    if _preparing.get():
        raise _TakenOut(request, request_signer, signature_version)


def _texts(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in headers.items()}


class _Capacity(msgspec.Struct):
    units: float = msgspec.field(name="CapacityUnits", default=0.0)


class _Said(msgspec.Struct):
    unprocessed: dict[str, list[dict[str, Any]]] = msgspec.field(name="UnprocessedItems", default_factory=dict)
    consumed: list[_Capacity] = msgspec.field(name="ConsumedCapacity", default_factory=list)


_decode: Final = msgspec.json.Decoder(_Said).decode
