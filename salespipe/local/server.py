"""The local AWS of one data folder: its state, moto, the services of ours, and the HTTP front, put together."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from salespipe import __version__
from salespipe.local.api import Answer, Cloud, Service
from salespipe.local.cloud import Clients
from salespipe.local.cloudwatch import CloudWatch
from salespipe.local.data_folder import ACCOUNT
from salespipe.local.deferred import Deferred
from salespipe.local.front.gateway import Gateway
from salespipe.local.front.http import HttpServer
from salespipe.local.moto.bridge import Moto
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

_log = logging.getLogger(__name__)

HEALTH: Final = "/_salespipe/health"
"""No bucket can have this name, so it is in nobody's way."""

_FLUSH_SECONDS: Final = 1.0
_TRIM_SECONDS: Final = 60.0
# What a pipeline needs first: made ready in the background, while the client is still getting started itself.
_WARM: Final = (
    "iam",
    "s3",
    "sqs",
    "dynamodb",
    "kinesis",
    "lambda",
    "logs",
    "glue",
    "athena",
    "pipes",
    "firehose",
    "events",
)


class LocalAws:
    """An AWS on this machine: everything that is durable is in ``folder``.

    ``port`` 0 lets the system choose. ``clock`` is Unix time in seconds. Raises ``OSError`` when the port is taken and
    ``SalespipeError`` when the state in the folder cannot be read; nothing is changed then.
    """

    def __init__(self, folder: Path, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._stopped = threading.Event()
        self.started = datetime.fromtimestamp(clock(), UTC)
        with ExitStack() as opened:
            self._http = HttpServer(self._answer, port)
            opened.callback(self._http.stop)
            self._store = Store(folder)
            opened.callback(self._store.close)
            self._moto = Moto(self._store)
            opened.callback(self._moto.close)
            self._log = RecordLog(self._store, clock)
            self._gateway = Gateway(self._moto, ACCOUNT)
            self.clients = Clients(self._gateway, self._http.endpoint)
            cloud = Cloud(
                store=self._store,
                log=self._log,
                client=self.clients,
                endpoint=self._http.endpoint,
                account=ACCOUNT,
                clock=clock,
            )
            # First, so that it is the last to stop: the others report until then.
            self.services = [
                CloudWatch(cloud, self._moto.regions, self._moto.trim, self._moto.alarms),
                *_services(cloud),
            ]
            for service in self.services:
                self._gateway.add(service)
                if forward := getattr(service, "forward", None):
                    self._moto.forwards[service.name] = forward
            opened.pop_all()
        self._ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)
        self._warming = threading.Thread(target=self._moto.warm, args=(_WARM,), name="warm", daemon=True)

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return self._http.endpoint

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._http.port

    def start(self) -> None:
        """Take up the services' work where it was left, and begin to answer."""
        for service in self.services:
            service.start()
        self._ticker.start()
        self._http.start()
        self._warming.start()

    def stop(self) -> None:
        """Stop answering and working; what was acknowledged is durable already."""
        self._stopped.set()
        self._moto.stop()
        self._log.wake()
        self._http.stop()
        for service in reversed(self.services):
            try:
                service.stop()
            except Exception:  # noqa: BLE001 - one that fails must not keep the others from stopping
                _log.exception("%s did not stop", service.name)
        self._ticker.join()
        self._warming.join()
        self._moto.close()
        self._store.close()

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path == HEALTH and method in {"GET", "HEAD"}:
            return self._health()
        return self._gateway.dispatch(method, path, query, headers, body)

    def _health(self) -> Answer:
        health = {
            "status": "running",
            "version": __version__,
            "pid": os.getpid(),
            "started": self.started.isoformat(),
            "services": sorted(service.name for service in self.services),
        }
        return Answer(200, msgspec.json.encode(health), {"content-type": "application/json"})

    def _tick(self) -> None:
        trimmed = time.monotonic()
        while not self._stopped.wait(_FLUSH_SECONDS):
            try:
                self._moto.flush()
                if time.monotonic() - trimmed >= _TRIM_SECONDS:
                    trimmed = time.monotonic()
                    self._trim()
            except Exception:  # noqa: BLE001 - the next tick may do better: a disk is full, and then it is not
                _log.exception("Housekeeping failed")

    def _trim(self) -> None:
        for service in self.services:
            if trim := getattr(service, "trim", None):
                trim()


def _services(cloud: Cloud) -> list[Service]:
    """The services of ours, each after those that it needs; stopped in the opposite order."""
    from salespipe.local.crawlers.service import Crawlers
    from salespipe.local.dynamodb.service import DynamoDb
    from salespipe.local.dynamodb.streams import DynamoDbStreams
    from salespipe.local.firehose.service import Firehose
    from salespipe.local.functions.service import Lambda
    from salespipe.local.kinesis.service import Kinesis
    from salespipe.local.logs.service import Logs
    from salespipe.local.moto.buckets import Buckets
    from salespipe.local.pipes.service import Pipes
    from salespipe.local.schedules.service import Schedules

    streams, kinesis, lambda_ = DynamoDbStreams(cloud), Kinesis(cloud), Lambda(cloud)
    return [
        Buckets(cloud),
        Logs(cloud),
        DynamoDb(cloud),
        streams,
        kinesis,
        lambda_,
        Deferred("athena", lambda: _athena(cloud)),
        Crawlers(cloud),
        Firehose(cloud, kinesis, lambda_),
        Pipes(cloud, streams, kinesis),
        Schedules(cloud, lambda_),
    ]


def _athena(cloud: Cloud) -> Service:
    """Athena, which brings DuckDB and sqlglot along."""
    from salespipe.local.athena import Athena

    return Athena(cloud)
