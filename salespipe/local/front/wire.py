"""The AWS protocols on the wire: how an answer and an error look to the client of each service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from xml.sax.saxutils import escape

import msgspec

from salespipe.local.api import Answer, AwsError

JSON: Final = "json"
REST_JSON: Final = "rest-json"
REST_XML: Final = "rest-xml"
QUERY: Final = "query"
CBOR: Final = "smithy-rpc-v2-cbor"

_REST: Final = {"lambda": REST_JSON, "pipes": REST_JSON, "scheduler": REST_JSON, "s3": REST_XML}
_JSON_1_0: Final = frozenset({"dynamodb", "dynamodbstreams", "sqs", "cloudwatch"})  # jsonVersion of the service models
_MAP_OF_TWO: Final = 0xA2  # CBOR, RFC 8949 section 3
_CBOR_TEXT: Final = 0x60

encode_json = msgspec.json.Encoder().encode


def protocol_of(service: str, headers: Mapping[str, str]) -> str:
    """The protocol that a request speaks: S3 and REST services by name, the others by their headers."""
    if service in _REST:
        return _REST[service]
    if "x-amz-target" in headers:
        return JSON
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return QUERY
    return REST_JSON


def content_type(service: str, protocol: str) -> str:
    """The media type of an answer."""
    if protocol == JSON:
        return f"application/x-amz-json-1.{0 if service in _JSON_1_0 else 1}"
    return {REST_JSON: "application/json", CBOR: "application/cbor"}.get(protocol, "text/xml")


def render(service: str, protocol: str, result: Mapping[str, Any] | Answer) -> Answer:
    """What a handler returned, as an answer: a mapping is sent as JSON with status 200."""
    if isinstance(result, Answer):
        if "x-amzn-requestid" in result.headers:
            return result
        return replace(result, headers={**result.headers, "x-amzn-requestid": request_id()})
    headers = {"content-type": content_type(service, protocol), "x-amzn-requestid": request_id()}
    return Answer(200, encode_json(result), headers)


def render_error(service: str, protocol: str, error: AwsError) -> Answer:
    """An AWS error in the form that a client of the protocol parses.

    Forms: smithy.io/2.0/aws/protocols (awsJson, restJson1, restXml, awsQuery, rpcv2Cbor).
    """
    identifier = request_id()
    headers = {
        "content-type": content_type(service, protocol),
        "x-amzn-requestid": identifier,
        "x-amzn-errortype": error.code,
    }
    if protocol == CBOR:
        body = bytes([_MAP_OF_TWO]) + b"".join(map(_cbor_text, ("__type", error.code, "message", error.message)))
        headers["smithy-protocol"] = "rpc-v2-cbor"
    elif protocol in {QUERY, REST_XML}:
        body = _xml(protocol, error, identifier)
    else:
        body = encode_json({"__type": error.code, "message": error.message, **error.fields})
    return Answer(error.status, body, headers)


def request_id() -> str:
    """A new request id, as AWS sends one with each answer."""
    return str(uuid.uuid4())


def _xml(protocol: str, error: AwsError, identifier: str) -> bytes:
    said = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    number = f"<RequestId>{identifier}</RequestId>"
    if protocol == REST_XML:
        inner = f"<Error>{said}{number}</Error>"
    else:
        kind = "Sender" if error.status < 500 else "Receiver"
        inner = f"<ErrorResponse><Error><Type>{kind}</Type>{said}</Error>{number}</ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'.encode()


def _cbor_text(text: str) -> bytes:
    raw = text.encode()
    size = len(raw)
    if size < 24:
        return bytes([_CBOR_TEXT | size]) + raw
    return bytes([_CBOR_TEXT | 25]) + min(size, 0xFFFF).to_bytes(2) + raw[:0xFFFF]
