"""boto3 clients that reach the local AWS without a socket, for its own services."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from salespipe.local.front.gateway import Gateway

# What botocore calls a signing name is not always the service's own.
_SIGNING_NAMES: Final = {"dynamodbstreams": "dynamodb", "cloudwatch": "monitoring"}


class _Body(io.BytesIO):
    """An answer's body as urllib3 would give it to botocore."""

    def stream(self, amount: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002
        """The body in pieces."""
        while piece := self.read(amount):
            yield piece


class Clients:
    """The client factory of a ``Cloud``: clients whose requests go straight to ``gateway``.

    ``endpoint`` is only a name, which shows in the queue URLs and locations that AWS answers. Nothing of the user's
    configuration or credentials is read, and nothing is retried.
    """

    def __init__(self, gateway: Gateway, endpoint: str) -> None:
        self._gateway = gateway
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str, region: str) -> Any:
        """A boto3 client, made once for each service and region; thread-safe."""
        with self._lock:
            key = service, region
            if key not in self._clients:
                self._clients[key] = self._make(service, region)
            return self._clients[key]

    def _make(self, service: str, region: str) -> Any:
        from botocore import UNSIGNED
        from botocore.config import Config

        client = _session().client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            config=Config(
                signature_version=UNSIGNED,
                retries={"total_max_attempts": 1, "mode": "standard"},
                s3={"addressing_style": "path"},
                account_id_endpoint_mode="disabled",
                ignore_configured_endpoint_urls=True,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        # The signature would say which service and region is meant; nobody checks it, so only that part is made.
        scope = f"{region}/{_SIGNING_NAMES.get(service, service)}/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 Credential=local/20000101/{scope}, SignedHeaders=host, Signature=0"

        def send(request: Any, **_: Any) -> Any:
            return self._send(request, authorization)

        client.meta.events.register("before-send.*", send)
        return client

    def _send(self, request: Any, authorization: str) -> Any:
        from botocore.awsrequest import AWSResponse

        url = urlsplit(request.url)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        headers["authorization"] = authorization
        headers["host"] = url.netloc
        answer = self._gateway.dispatch(request.method, url.path or "/", url.query, headers, _bytes(request.body))
        return AWSResponse(request.url, answer.status, _headers(answer.headers), _Body(answer.body))


@cache
def _session() -> Any:
    """A boto3 session that reads nothing of the user's: no environment, no profile, no file."""
    import boto3
    import botocore.session

    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.session.Session(botocore_session=core)


def _headers(headers: Any) -> Any:
    from botocore.compat import HTTPHeaders

    made = HTTPHeaders()
    for name, value in headers.items():
        made[name] = value
    return made


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    read: bytes = body.read()
    return read
