"""The bridge to moto 5.2.5: calls it in-process, one call at a time for each service, and makes its state durable.

Together with moto_state, moto_pickle and moto_objects (and the dynamodb_moto modules) this is the only place that
touches moto's inside. Touched here, each with a test in tests/local/test_moto.py: the URL patterns of
``moto.backend_index`` and each service's ``urls.url_paths``, handlers called as moto's own botocore stubber calls them,
``BaseModel.__new__``, ``sqs_backends[account][region].queues``, and settings read from the environment.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, Final
from xml.parsers.expat import ExpatError

# moto reads these when it is imported, or when a backend is made.
os.environ.update(
    {
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        "MOTO_ACCOUNT_ID": "123456789012",
        "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    }
)

import msgspec
from botocore.exceptions import ClientError
from moto import backend_index
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.request import Request
from werkzeug.exceptions import HTTPException

from salespipe.errors import SalespipeError
from salespipe.local.api import Answer, AwsError, Call
from salespipe.local.data_folder import ACCOUNT
from salespipe.local.front.routes import service_model
from salespipe.local.front.wire import QUERY, REST_XML, protocol_of
from salespipe.local.moto.alarms import MotoAlarms, at_home
from salespipe.local.moto.mails import unconfirmed
from salespipe.local.moto.messages import counted_at_once
from salespipe.local.moto.objects import Bodies, installed
from salespipe.local.moto.state import METRICS, MotoState
from salespipe.local.moto.telemetry import trim_logs, trim_metrics
from salespipe.local.store import Store

_log = logging.getLogger(__name__)

Forward = Callable[[Call, Callable[[], Answer]], Answer]
"""How a service of ours lets moto answer: it calls what it is given, within a transaction of its own."""

_HOSTS: Final = {
    "dynamodbstreams": "streams.dynamodb",
    "cloudwatch": "monitoring",
    "resourcegroupstaggingapi": "tagging",
}
# These change items and streams only, which the DynamoDB service of ours keeps.
_ITEM_OPERATIONS: Final = frozenset(
    {
        "BatchExecuteStatement",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "PutItem",
        "Query",
        "Scan",
        "TransactWriteItems",
        "UpdateItem",
    }
)
_POLL_SECONDS: Final = 0.5  # a message becomes visible again without anybody's call


class _ServerRequest(Request):
    """moto's request, from a server: the front adds the Date header."""

    from_wsgi_server = True


class Moto:
    """moto, with its state in ``store``. There can be one in a process, since moto's backends are global.

    ``forwards`` are the services of ours that want moto's answers within their own transaction, by name.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._locks: dict[str, threading.RLock] = {}
        self._locks_guard = threading.Lock()
        self._sqs_changed = threading.Condition()
        self._stopping = False
        self.forwards: dict[str, Forward] = {}
        bodies = Bodies(store.folder / "objects")
        self._patches = ExitStack()
        self._patches.enter_context(installed(bodies))
        self._patches.enter_context(_instances_untracked())
        self._patches.enter_context(counted_at_once())
        self._state = MotoState(store, ACCOUNT, bodies, self.lock, clock)
        self.alarms = MotoAlarms(self.lock, self._state.touched)
        try:
            _forget_all()
            self._state.restore()
        except BaseException:
            self._patches.close()
            _forget_all()
            raise

    def answer(self, call: Call, *, changes: bool) -> Answer:
        """Answer a call. One that ``changes`` something is durable when this returns.

        Raises ``AwsError`` for what moto does not know or has not implemented.
        """
        if call.service == "sqs" and call.operation == "ReceiveMessage":
            return self._receive(call)
        answer = unconfirmed(call, self._locked(at_home(call), changes))
        if call.service in {"sqs", "sns"} and changes:
            with self._sqs_changed:
                self._sqs_changed.notify_all()
        return answer

    def lock(self, service: str) -> Any:
        """The re-entrant lock under which moto runs a service; taken before the store's, never inside it."""
        with self._locks_guard:
            return self._locks.setdefault(service, threading.RLock())

    def regions(self, service: str) -> list[str]:
        """The regions in which a service has any state."""
        return self._state.regions(service)

    def flush(self) -> None:
        """Save what is saved lazily (logs, metrics), if it is due; to be called every second or so."""
        self._state.flush()

    def trim(self, now: float) -> None:
        """Forget old metric data and log events; ``now`` in Unix seconds."""
        for service, kept, trim in (("cloudwatch", METRICS, trim_metrics), ("logs", "logs", trim_logs)):
            with self.lock(service):
                for region, backend in list(_backends(service).items()):
                    if trim(backend, now):
                        self._state.touched(kept, region)

    def warm(self, services: Iterable[str]) -> None:
        """Import what answers ``services`` before the first call does."""
        for service in services:
            if self._stopping:
                return
            _handlers(service)
            service_model(service)
        get_backend("iam")[ACCOUNT]["aws"]  # asked for with every call, and slow to make: AWS's own policies

    def stop(self) -> None:
        """End long polls at once."""
        self._stopping = True
        with self._sqs_changed:
            self._sqs_changed.notify_all()

    def close(self) -> None:
        """Save what is not saved yet and leave moto as it was, and empty."""
        self.stop()
        try:
            self._state.flush(force=True)
        finally:
            self._patches.close()
            _forget_all()

    def _locked(self, call: Call, changes: bool) -> Answer:
        forward = self.forwards.get(call.service)
        ours = call.service == "dynamodb" and forward is not None

        def ask() -> Answer:
            answer = _ask(call)
            if changes and answer.status < 400 and not (ours and call.operation in _ITEM_OPERATIONS):
                self._state.changed(call)
            return answer

        with self.lock(call.service):
            return forward(call, ask) if forward else ask()

    def _receive(self, call: Call) -> Answer:
        """ReceiveMessage, without holding the lock while it waits for a message, as moto would."""
        call, patience = _without_waiting(call)
        deadline = self._clock() + patience
        while True:
            answer = self._locked(call, changes=True)
            left = deadline - self._clock()
            if left <= 0 or self._stopping or answer.status >= 400 or b"Message" in answer.body:
                return answer
            with self._sqs_changed:
                self._sqs_changed.wait(min(left, _POLL_SECONDS))


def _without_waiting(call: Call) -> tuple[Call, float]:
    """The same call with a wait of 0, and the seconds it asked to wait, or its queue's default."""
    asked = call.params.get("WaitTimeSeconds")
    if asked is None:
        queues = get_backend("sqs")[ACCOUNT][call.region].queues
        queue = queues.get(str(call.params.get("QueueUrl", "")).rpartition("/")[2])
        asked = getattr(queue, "receive_message_wait_time_seconds", 0)
    if "x-amz-target" not in call.headers:
        return call, 0.0  # the old query protocol is polled by its client
    params = {**call.params, "WaitTimeSeconds": 0}
    body = msgspec.json.encode(params)
    headers = {**call.headers, "content-length": str(len(body))}
    return replace(call, params=params, body=body, headers=headers), float(asked or 0)


def _ask(call: Call) -> Answer:
    """Call moto's own handler for the request, as its botocore stubber does."""
    host = call.headers.get("host") or "127.0.0.1"
    url = f"http://{host}{call.path}" + (f"?{call.query}" if call.query else "")
    path = call.path or "/"
    handler = next((handler for pattern, handler in _handlers(call.service) if pattern.match(path)), None)
    if handler is None:
        raise AwsError("UnknownOperationException", f"{call.service} has nothing at {path}.", 404)
    request = _ServerRequest.from_primitives(call.method, url, call.headers, call.body)
    try:
        result = handler(request, request.raw_url, dict(request.headers))
    except HTTPException as error:
        result = error.code or 500, dict(error.get_headers()), error.get_body()
    except ClientError as error:
        result = 400, {}, error.response["Error"]["Message"]
    except NotImplementedError as error:
        named = call.operation or f"{call.method} {path}"
        raise AwsError("NotImplemented", f"{call.service} {named} is not part of this local AWS.", 501) from error
    except (AwsError, SalespipeError, OSError, MemoryError, sqlite3.Error):
        raise
    except Exception as error:
        _log.exception("moto stumbled over %s %s", call.service, call.operation or f"{call.method} {path}")
        raise _misunderstood(call, error) from error
    status, headers, content = result if len(result) == 3 else (200, {}, result)
    body = content.encode() if isinstance(content, str) else bytes(content or b"")
    return Answer(int(status), body, {name.lower(): str(value) for name, value in headers.items()})


def _misunderstood(call: Call, error: Exception) -> AwsError:
    """What a client hears when moto fails over a request: moto takes for granted much that AWS would check.

    The fault may be moto's, but the same request can only fail again, so it is not one that clients should retry.
    """
    if isinstance(error, ExpatError):
        told = "The XML you provided was not well-formed or did not validate against our published schema"
        return AwsError("MalformedXML", told)
    code = {REST_XML: "InvalidRequest", QUERY: "ValidationError"}.get(protocol_of(call.service, call.headers))
    return AwsError(code or "ValidationException", f"The request is not understood: {type(error).__name__}: {error}")


@cache
def _handlers(service: str) -> list[tuple[re.Pattern[str], Callable[..., Any]]]:
    """A service's path patterns and handlers. Raises ``AwsError`` for a service that moto does not have."""
    url = f"https://{_HOSTS.get(service, service)}.us-east-1.amazonaws.com"
    name = next((name for name, pattern in backend_index.backend_url_patterns if pattern.match(url)), "")
    try:
        backends = get_backend(name)  # type: ignore[call-overload]
    except ImportError as error:
        said = f"The service {service!r} is not part of this local AWS."
        raise AwsError("UnknownOperationException", said, 404) from error
    urls = import_module(backends.backend.__module__.partition(".models")[0] + ".urls")
    return [(re.compile(path.format("")), handler) for path, handler in urls.url_paths.items()]


def _backends(service: str) -> Any:
    """A service's backends by region."""
    return get_backend(service)[ACCOUNT]  # type: ignore[call-overload]


@contextmanager
def _instances_untracked() -> Iterator[None]:
    """Stop moto from keeping every object it ever made, deleted ones included, in ``instances_tracked``."""
    original = BaseModel.__new__

    def untracked(cls: type, *_: Any, **__: Any) -> Any:
        return object.__new__(cls)

    BaseModel.__new__ = untracked  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseModel.__new__ = original  # type: ignore[method-assign]


def _forget_all() -> None:
    """Empty moto's memory. Its own reset would give up the objects' bodies too."""
    for backends in list(BackendDict._instances):  # type: ignore[misc] # noqa: SLF001
        backends.clear()
        if hasattr(backends, "bucket_accounts"):
            backends.bucket_accounts.clear()
