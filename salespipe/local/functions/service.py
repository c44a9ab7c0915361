"""Lambda's Invoke: runs the deployed zip in child processes of its own, whoever deployed it.

moto keeps the functions, their code and configuration; this answers Invoke for any client and for our own services.
The payloads of errors, the log lines and the environment are those of AWS Lambda's Python runtimes.
"""

from __future__ import annotations

import base64
import logging
import shutil
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote

import msgspec

from salespipe.local.api import Answer, AwsError, Call, Handler
from salespipe.local.functions.catalog import Catalog, deployed_code, region_of, split_function
from salespipe.local.functions.environment import environment, stream_name
from salespipe.local.functions.events import RETRY_DELAYS, EventQueue
from salespipe.local.functions.pool import Deployment, FunctionPool, PoolClosedError, WarmProcess
from salespipe.local.functions.process import INIT_SECONDS, Ending, Exchange, FunctionProcess
from salespipe.local.functions.report import error_payload, log_lines
from salespipe.local.log_writer import LogWriter
from salespipe.local.metrics import DURATION, ERRORS, INVOCATIONS, THROTTLES

if TYPE_CHECKING:
    from pathlib import Path

    from salespipe.local.api import Cloud

log = logging.getLogger(__name__)

SYNC_LIMIT: Final = 6 * 2**20
ASYNC_LIMIT: Final = 2**20
"""Bytes of a payload (Lambda quotas)."""
IDLE_SECONDS: Final = 300.0
_LOG_TAIL: Final = 4096


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a synchronous invocation returned.

    ``payload`` is the function's answer, or its error when ``function_error`` is "Unhandled". ``log_tail`` is the last
    4 KB of the log as text. ``executed_version`` is a number or "$LATEST".
    """

    payload: bytes
    function_error: str = ""
    log_tail: str = ""
    executed_version: str = "$LATEST"


class Lambda:
    """The Lambda service's running side. ``retry_delays`` are the seconds before retries of asynchronous events."""

    name = "lambda"

    def __init__(self, cloud: Cloud, *, retry_delays: tuple[float, ...] = RETRY_DELAYS) -> None:
        self._cloud = cloud
        self._folder: Path = cloud.store.folder / "functions"
        self._catalog = Catalog(cloud)
        self._logs = LogWriter(cloud.client)
        self._events = EventQueue(
            cloud.store, cloud.clock, self._run_event, self._catalog.retry_policy, delays=retry_delays
        )
        self._pools: dict[tuple[str, str], FunctionPool] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._janitor: threading.Thread | None = None

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Invoke; everything else about functions is moto's."""
        return {"Invoke": self._answer}

    def observe(self, call: Call, answer: Answer) -> None:
        """A function was changed or deleted: forget what was known, end the processes of what is gone."""
        if call.operation.startswith(("Get", "List")):
            return
        self._catalog.observe(call, answer)
        if call.operation == "DeleteFunction":
            name, _ = split_function(unquote(call.path.rstrip("/").rsplit("/", 1)[-1]))
            with self._lock:
                gone = [
                    key for key, pool in self._pools.items() if key[0] == call.region and pool.deployment.name == name
                ]
                pools = [self._pools.pop(key) for key in gone]
            for pool in pools:
                pool.close()
            self._logs.flush()  # now: its log group is deleted next, and a late line would make it again

    def start(self) -> None:
        """Go on with the events that were accepted before; drop what a killed process left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._events.start()

    def stop(self) -> None:
        """End every function process; queued events stay for the next start."""
        self._stopping.set()
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
            janitor = self._janitor
        for pool in pools:
            pool.close(kill=True)
        self._events.stop()
        if janitor is not None:
            janitor.join(timeout=5)
        self._logs.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def flush_logs(self) -> None:
        """Write to CloudWatch Logs what is still waiting to be written."""
        self._logs.flush()

    def invoke(self, function: str, payload: bytes, *, region: str, qualifier: str = "") -> Invocation:
        """Run a function and wait for its answer.

        ``function`` is a name or ARN, with or without qualifier; ``payload`` is JSON text, empty means ``{}``.
        Raises ``AwsError``: ResourceNotFoundException, InvalidRequestContentException, RequestTooLargeException,
        InvalidRuntimeException, TooManyRequestsException. What the function itself does wrong is a ``function_error``.
        """
        payload = _checked(payload, SYNC_LIMIT)
        request_id = str(uuid.uuid4())
        while True:
            deployment = self._deployment(function, region, qualifier)
            pool = self._pool(deployment)
            try:
                with pool.process() as warm:
                    return self._exchange(deployment, warm, request_id, payload)
            except PoolClosedError:
                if self._stopping.is_set():
                    raise AwsError("ServiceException", "The local AWS is shutting down.", 500) from None

    def invoke_async(self, function: str, payload: bytes, *, region: str, qualifier: str = "") -> None:
        """Accept an event for later; raises ``AwsError`` as ``invoke`` does for what can be told at once."""
        payload = _checked(payload, ASYNC_LIMIT)
        deployment = self._catalog.deployment(function, region, qualifier)
        self._events.put(deployment.region, deployment.arn, payload)

    def _answer(self, call: Call) -> Answer:
        function = unquote(call.path.removesuffix("/invocations").rsplit("/functions/", 1)[-1])
        qualifier = parse_qs(call.query).get("Qualifier", [""])[0]
        kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            self._catalog.deployment(function, call.region, qualifier)
            return Answer(204)
        if kind == "Event":
            self.invoke_async(function, call.body, region=call.region, qualifier=qualifier)
            return Answer(202)
        if kind != "RequestResponse":
            raise AwsError("InvalidParameterValueException", f"Unsupported invocation type {kind}.")
        done = self.invoke(function, call.body, region=call.region, qualifier=qualifier)
        headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": done.executed_version}
        if done.function_error:
            headers["X-Amz-Function-Error"] = done.function_error
        if call.headers.get("x-amz-log-type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(done.log_tail.encode()).decode()
        return Answer(200, done.payload, headers)

    def _run_event(self, region: str, function: str, payload: bytes) -> bool:
        try:
            return not self.invoke(function, payload, region=region).function_error
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                log.warning("Dropped an event: %s", error.message)
                return True
            raise

    def _deployment(self, function: str, region: str, qualifier: str) -> Deployment:
        """What to run, and note when it must not run now."""
        try:
            return self._catalog.deployment(function, region, qualifier)
        except AwsError as error:
            if error.code == "TooManyRequestsException":
                name, _ = split_function(function)
                self._cloud.metrics.add(region_of(function, region), name, THROTTLES, 1)
            raise

    def _pool(self, deployment: Deployment) -> FunctionPool:
        key = (deployment.region, deployment.arn)
        with self._lock:
            if self._stopping.is_set():
                raise AwsError("ServiceException", "The local AWS is shutting down.", 500)
            pool = self._pools.get(key)
            if pool is not None and pool.deployment == deployment:
                return pool
            outdated = pool
            start = partial(self._start_process, deployment)
            pool = FunctionPool(deployment, deployed_code(self._cloud.account, deployment), self._folder, start)
            self._pools[key] = pool
            if self._janitor is None:
                self._janitor = threading.Thread(target=self._end_idle, name="lambda-idle", daemon=True)
                self._janitor.start()
        if outdated is not None:
            outdated.close()
        return pool

    def _start_process(self, deployment: Deployment, folder: Path) -> WarmProcess:
        stream = stream_name(deployment, self._cloud.clock())
        variables = environment(deployment, folder, stream, self._cloud.endpoint)
        return WarmProcess(FunctionProcess(folder / "task", variables, deployment.memory), stream)

    def _exchange(self, deployment: Deployment, warm: WarmProcess, request_id: str, payload: bytes) -> Invocation:
        init: Exchange | None = None
        if not warm.process.loaded:
            init = warm.process.load(INIT_SECONDS + deployment.timeout)
        if init is not None and init.ending is not Ending.ANSWERED:
            done = init
        else:
            header = {"request_id": request_id, "arn": deployment.arn, "timeout": deployment.timeout}
            done = warm.process.invoke(header, payload, deployment.timeout)
        warm.used = self._cloud.clock()
        answer, failed = error_payload(deployment, done, request_id)
        report = self._cloud.metrics.of(deployment.region, deployment.name)
        report(INVOCATIONS, 1)
        report(ERRORS, int(failed))
        report(DURATION, done.seconds * 1000)
        lines = log_lines(deployment, done, init, request_id, warm.used)
        self._logs.write(deployment.region, deployment.log_group, warm.stream, warm.used, lines)
        tail = "".join(f"{line}\n" for line in lines)[-_LOG_TAIL:]
        return Invocation(answer, "Unhandled" if failed else "", tail, deployment.version)

    def _end_idle(self) -> None:
        while not self._stopping.wait(IDLE_SECONDS / 5):
            with self._lock:
                pools = list(self._pools.values())
            for pool in pools:
                pool.end_idle(self._cloud.clock() - IDLE_SECONDS)


def _checked(payload: bytes, limit: int) -> bytes:
    """The payload as the function will see it. Wording as AWS answers."""
    if len(payload) > limit:
        raise AwsError(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            413,
        )
    if not payload:
        return b"{}"
    try:
        msgspec.json.decode(payload, type=msgspec.Raw)  # checks the text without building what it says
    except msgspec.DecodeError as error:
        raise AwsError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from error
    return payload
