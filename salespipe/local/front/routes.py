"""Which service and operation a request means: from its headers, and for REST services from their models' paths."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

# X-Amz-Target prefixes (``targetPrefix`` in the service models) of those that are answered or observed here; any other
# service is told by its signing name.
TARGETS: Final[Mapping[str, str]] = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "AWSGlue": "glue",
    "AmazonAthena": "athena",
    "AWSEvents": "events",
    "Logs_20140328": "logs",
    "AmazonSQS": "sqs",
    "GraniteServiceVersion20100801": "cloudwatch",
}

SIGNING_NAMES: Final[Mapping[str, str]] = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
"""Service names by signing name, where the two differ."""

REST_SERVICES: Final = frozenset({"lambda", "pipes", "scheduler", "s3"})
DEFAULT_REGION: Final = "us-east-1"

_SCOPE: Final = re.compile(r"Credential=[^/,\s]*/[^/,\s]*/([^/,\s]*)/([^/,\s]*)/aws4_request")
_LABEL: Final = re.compile(r"\{([^}+]+)(\+?)\}")
_RPC: Final = re.compile(r"/service/([^/]+)/operation/([^/]+)/?$")


@dataclass(frozen=True, slots=True)
class Route:
    """What a request is for. ``uri`` holds the path's labels by member name; ``operation`` may be unknown (empty)."""

    service: str
    operation: str
    region: str
    uri: Mapping[str, str]


def find_route(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Route:
    """Tell service, operation and region of a request; header names in lower case, ``path`` as it was sent.

    A request that is signed for nothing and matches no path is one for S3 (a presigned or public object).
    """
    signed, region = _scope(headers, query)
    if target := headers.get("x-amz-target"):
        prefix, _, operation = target.rpartition(".")
        service = TARGETS.get(prefix) or signed or prefix.lower()
    elif rpc := _RPC.match(path):
        service, operation = TARGETS.get(rpc[1]) or signed, rpc[2]
    elif signed not in REST_SERVICES and (action := _action(query, headers, body)):
        service, operation = signed or "sts", action
    else:
        candidates = (signed,) if signed else ("lambda", "pipes", "s3")
        for service in candidates:
            if service in REST_SERVICES and (found := rest_table(service).match(method, path, query, headers)):
                return Route(service, found[0], region, found[1])
        service, operation = candidates[-1], ""
    return Route(service, operation, region, {})


def _scope(headers: Mapping[str, str], query: str) -> tuple[str, str]:
    """Service and region of a request's credential scope (signature version 4), in the header or presigned."""
    authorization = headers.get("authorization", "")
    found = _SCOPE.search(authorization)
    if not found and "X-Amz-Credential=" in query:
        found = _SCOPE.search(unquote(query).replace("X-Amz-Credential=", "Credential="))
    if not found:
        return ("s3" if authorization.startswith("AWS ") else ""), DEFAULT_REGION
    region, name = found[1], found[2].lower()
    return SIGNING_NAMES.get(name, name), region or DEFAULT_REGION


def _action(query: str, headers: Mapping[str, str], body: bytes) -> str:
    """The operation of a query protocol request, from its body or its query string."""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        query = body.decode("utf-8", "replace") or query
    return next((value for name, value in parse_qsl(query) if name == "Action"), "")


@dataclass(frozen=True, slots=True)
class _Pattern:
    operation: str
    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    queries: tuple[str, ...]
    headers: tuple[str, ...]
    rank: tuple[int, int]


class RestTable:
    """The paths of a REST service, from the ``http`` traits of its botocore model.

    S3 has many operations on one path, told apart by constants in the query and by members that must be there: the
    most specific that fits is taken.
    """

    def __init__(self, service: str) -> None:
        model = service_model(service)
        operations = [model.operation_model(name) for name in model.operation_names]
        patterns = [_pattern(operation) for operation in operations if not operation.deprecated]
        self._patterns = sorted(patterns, key=lambda pattern: pattern.rank, reverse=True)

    def match(
        self, method: str, path: str, query: str, headers: Mapping[str, str]
    ) -> tuple[str, Mapping[str, str]] | None:
        """Operation and path labels (decoded, by member name), or None where nothing fits."""
        asked = dict(parse_qsl(query, keep_blank_values=True))
        for pattern in self._patterns:
            if pattern.method != method or not (found := pattern.path.fullmatch(path)):
                continue
            if (
                all(asked.get(name) == value for name, value in pattern.constants)
                and all(name in asked for name in pattern.queries)
                and all(name in headers for name in pattern.headers)
            ):
                values = (unquote(value) for value in found.groups())
                return pattern.operation, dict(zip(pattern.labels, values, strict=True))
        return None


def _pattern(operation: Any) -> _Pattern:
    """Compile one operation; ``{Key+}`` takes slashes, and so does a last label, since ARNs come unencoded too."""
    uri, _, constants = operation.http["requestUri"].partition("?")
    members = operation.input_shape.members if operation.input_shape else {}
    required = set(operation.input_shape.required_members) if operation.input_shape else set()
    names = {
        shape.serialization.get("name", name): name
        for name, shape in members.items()
        if shape.serialization.get("location") == "uri"
    }
    queries = _required(members, required, "querystring")
    headers = tuple(name.lower() for name in _required(members, required, "header"))
    expression, end = "", 0
    labels: list[str] = []
    for label in _LABEL.finditer(uri):
        last = label.end() == len(uri.rstrip("/")) and operation.service_model.service_name != "s3"
        expression += re.escape(uri[end : label.start()]) + ("(.+)" if label[2] or last else "([^/]+)")
        labels.append(names.get(str(label[1]), str(label[1])))
        end = label.end()
    expression += re.escape(uri[end:].rstrip("/")) + "/?"
    fixed = tuple(parse_qsl(constants, keep_blank_values=True))
    return _Pattern(
        operation=operation.name,
        method=operation.http["method"],
        path=re.compile(expression, re.DOTALL),
        labels=tuple(labels),
        constants=fixed,
        queries=queries,
        headers=headers,
        rank=(len(fixed) + len(queries) + len(headers), len(_LABEL.sub("", uri))),
    )


def _required(members: Mapping[str, Any], required: set[str], location: str) -> tuple[str, ...]:
    return tuple(
        str(shape.serialization.get("name", name))
        for name, shape in members.items()
        if name in required and shape.serialization.get("location") == location
    )


_loading = threading.Lock()


@cache
def _botocore_session() -> Any:
    import botocore.session

    return botocore.session.Session()


@cache
def _load_model(service: str) -> Any:
    with _loading:
        return _botocore_session().get_service_model(service)


def service_model(service: str) -> Any:
    """The botocore ``ServiceModel`` of a service, loaded once.

    Raises ``botocore.exceptions.UnknownServiceError`` where there is none.
    """
    return _load_model(service)


@cache
def rest_table(service: str) -> RestTable:
    """The paths of a REST service, compiled once."""
    return RestTable(service)
