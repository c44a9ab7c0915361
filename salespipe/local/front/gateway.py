"""From a request to its answer: which operation it is, whether ours or moto's, and what a failure looks like."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, parse_qsl

import msgspec

from salespipe.local.api import Answer, AwsError, Call, NotMine, Service
from salespipe.local.front.routes import Route, find_route, service_model
from salespipe.local.front.validation import validate
from salespipe.local.front.wire import JSON, QUERY, REST_JSON, protocol_of, render, render_error
from salespipe.local.store import disk_trouble

_log = logging.getLogger(__name__)

# The data plane: thousands a second, and checked by handlers of ours, where it has them, in the same words.
_UNCHECKED: Final = frozenset(
    {
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "GetItem",
        "GetRecords",
        "GetShardIterator",
        "Invoke",
        "PutItem",
        "PutLogEvents",
        "PutRecord",
        "PutRecordBatch",
        "PutRecords",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_READING: Final = (
    "Get",
    "List",
    "Describe",
    "Head",
    "BatchGet",
    "Search",
    "Lookup",
    "Filter",
    "Simulate",
    "Test",
    "Select",
)

_decode = msgspec.json.Decoder().decode


class Moto(Protocol):
    """What answers the calls that no service of ours does."""

    def answer(self, call: Call, *, changes: bool) -> Answer:
        """Answer a call, durably if it changes something; raises ``AwsError``."""
        ...


class Gateway:
    """Dispatches requests to our services and to moto.

    ``services`` may be extended with ``add`` until requests come in. ``account`` is the only account there is.
    """

    def __init__(self, moto: Moto, account: str) -> None:
        self._moto = moto
        self._account = account
        self._services: dict[str, Service] = {}
        self._listeners: dict[str, list[Service]] = {}

    def add(self, service: Service) -> None:
        """Let a service of ours answer its calls, and hear of those named in its ``listens``, if it has any."""
        self._services[service.name] = service
        heard: Sequence[str] = (service.name, *getattr(service, "listens", ()))
        for name in dict.fromkeys(heard):
            self._listeners.setdefault(name, []).append(service)

    def dispatch(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; never raises.

        ``path`` is still percent-encoded, ``query`` without its question mark, ``headers`` named in lower case.
        """
        route = Route("", "", "", {})
        try:
            path = _path_style(path, headers.get("host", ""))
            route = find_route(method, path, query, headers, body)
            protocol = protocol_of(route.service, headers)
            params = _params(route, protocol, query, headers, body)
            call = Call(
                service=route.service,
                operation=route.operation,
                region=route.region,
                account=self._account,
                method=method,
                path=path,
                query=query,
                headers=headers,
                body=body,
                params=params,
            )
            return self._answer(call, protocol)
        except AwsError as error:
            return render_error(route.service, protocol_of(route.service, headers), error)
        except Exception as error:  # noqa: BLE001 - a fault of ours is answered too, as InternalFailure
            if trouble := disk_trouble(error):
                _log.error("%s %s refused: %s", route.service, route.operation or path, trouble.message)
                unavailable = AwsError("ServiceUnavailable", f"{trouble.message} {trouble.hint}", 503)
                return render_error(route.service, protocol_of(route.service, headers), unavailable)
            _log.exception("%s %s failed", route.service or method, route.operation or path)
            said = f"{type(error).__name__} in {route.service or path}; see the server's log."
            broken = AwsError("InternalFailure", said, 500)
            return render_error(route.service, protocol_of(route.service, headers), broken)

    def _answer(self, call: Call, protocol: str) -> Answer:
        service = self._services.get(call.service)
        handler = service.handlers.get(call.operation) if service else None
        unchecked = protocol in {JSON, REST_JSON}
        if unchecked and (handler is None or call.operation not in _UNCHECKED):
            _check(call, known=handler is not None)
            unchecked = False
        if handler is not None:
            try:
                return render(call.service, protocol, handler(call))
            except NotMine:
                if unchecked:
                    _check(call, known=True)
        changes = may_change(call)
        answer = self._moto.answer(call, changes=changes)
        if changes and answer.status < 400:
            self._tell(call, answer)
        return answer if "x-amzn-requestid" in answer.headers else render(call.service, protocol, answer)

    def _tell(self, call: Call, answer: Answer) -> None:
        """The call is done whatever a listener makes of it: its failure is for the log."""
        for service in self._listeners.get(call.service, ()):
            try:
                service.observe(call, answer)
            except Exception:  # noqa: BLE001
                _log.exception("%s could not follow %s %s", service.name, call.service, call.operation)


def may_change(call: Call) -> bool:
    """Whether a call may change state, by its operation's name, or its method where that is unknown."""
    if call.operation:
        return not call.operation.startswith(_READING)
    return call.method not in {"GET", "HEAD", "OPTIONS"}


def _check(call: Call, *, known: bool) -> None:
    if call.operation in _operations(call.service):
        validate(call.service, call.operation, call.params)
    elif not known:
        raise AwsError("UnknownOperationException", f"{call.service} has no operation for this request.", 404)


@cache
def _operations(service: str) -> frozenset[str]:
    from botocore.exceptions import UnknownServiceError

    try:
        return frozenset(service_model(service).operation_names)
    except UnknownServiceError:
        raise AwsError("UnknownOperationException", f"There is no service {service!r} here.", 404) from None


def _path_style(path: str, host: str) -> str:
    """``bucket.localhost:port/key`` as ``/bucket/key``."""
    name, found, _ = host.partition(".localhost")
    if not found or name in {"s3", "www"}:
        return path
    return f"/{name.removesuffix('.s3')}{path}"


def _params(route: Route, protocol: str, query: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if protocol == JSON:
        return _json(body)
    if protocol == QUERY:
        return dict(parse_qsl(body.decode("utf-8", "replace") or query, keep_blank_values=True))
    if protocol == REST_JSON and route.operation:
        return _rest_params(route, query, headers, body)
    return route.uri


def _json(body: bytes) -> dict[str, Any]:
    try:
        params = _decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AwsError("SerializationException", f"Could not parse the request: {error}") from error
    if not isinstance(params, dict):
        raise AwsError("SerializationException", "The request is not a JSON object.")
    return params


def _rest_params(route: Route, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The members of a REST call from its path, query, headers and body; a payload that is a blob stays in the body."""
    shape = service_model(route.service).operation_model(route.operation).input_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    params: dict[str, Any] = {}
    asked = parse_qs(query, keep_blank_values=True)
    sent = _json(body) if payload is None or shape.members[payload].type_name == "structure" else {}
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if place == "uri":
            params[name] = _typed(member, [route.uri.get(name, "")])
        elif place == "querystring" and key in asked:
            params[name] = _typed(member, asked[key])
        elif place == "header" and key.lower() in headers:
            params[name] = _typed(member, [headers[key.lower()]])
        elif place is None and payload is None and key in sent:
            params[name] = sent[key]
    if payload is not None and sent:
        params[payload] = sent
    return params


def _typed(member: Any, texts: list[str]) -> Any:
    """A member that came as text in the path, the query or a header."""
    kind: str = member.type_name
    if kind == "list":
        return [_typed(member.member, [text]) for text in texts]
    text = texts[0]
    if kind == "boolean":
        return text.lower() == "true"
    convert: Callable[[str], Any] = {"integer": int, "long": int, "float": float, "double": float}.get(kind, str)
    try:
        return convert(text)
    except ValueError:
        raise AwsError("SerializationException", f"STRING_VALUE can not be converted to {kind.capitalize()}") from None
