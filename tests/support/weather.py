"""AWS's weather: what happens to calls on their way, or to those who ask too early, on a clock of the test's own.

    weather.refuse("glue", "CreateCrawler", "InvalidInputException", "Service is unable to assume ...", seconds=30)
    weather.throttle(every=3)
    weather.lose(17)

Each method adds a front that every later call passes, and returns it: ``met`` counts the calls that it has changed.
Fronts stay until ``clear``. What they answer goes through botocore's own parsers and retries, whose pauses pass on the
same clock.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import botocore.retries.quota
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError

from clock import Clock
from wire import Call, Send, Wire, again, answer, refusal

_EVER = float("inf")


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Front:
    """Something on the way of every call."""

    change: Callable[[Front, Send, Call], AWSResponse]
    met: int = 0


@dataclass(frozen=True)
class Slow:
    """How a service tells that something is coming or going, and refuses what is asked of it meanwhile."""

    create: str
    describe: str
    delete: str
    within: str
    status: str
    coming: str = "CREATING"
    going: str = "DELETING"
    busy: str = "ResourceInUseException"


SLOW = {
    "dynamodb": Slow("CreateTable", "DescribeTable", "DeleteTable", "Table", "TableStatus"),
    "kinesis": Slow(
        "CreateStream", "DescribeStreamSummary", "DeleteStream", "StreamDescriptionSummary", "StreamStatus"
    ),
    "lambda": Slow(
        "CreateFunction",
        "GetFunction",
        "DeleteFunction",
        "Configuration",
        "State",
        coming="Pending",
        busy="ResourceConflictException",
    ),
    "firehose": Slow(
        "CreateDeliveryStream",
        "DescribeDeliveryStream",
        "DeleteDeliveryStream",
        "DeliveryStreamDescription",
        "DeliveryStreamStatus",
    ),
    "pipes": Slow("CreatePipe", "DescribePipe", "DeletePipe", "", "CurrentState", busy="ConflictException"),
}
_THROTTLED = {
    "s3": ("SlowDown", 503),
    "iam": ("Throttling", 400),
    "sts": ("Throttling", 400),
    "lambda": ("TooManyRequestsException", 429),
    "kinesis": ("LimitExceededException", 400),
    "sqs": ("RequestThrottled", 403),
}


class Weather:
    """The weather of one test; ``calls`` are all calls that were made, attempts of botocore's included."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self.calls: list[Call] = []
        self._wire = wire
        self._clock = clock
        self._fronts: list[Front] = []
        self._lock = threading.Lock()
        wire.weather = self._meet

    def calm_botocore(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have botocore wait by the clock, with an endless quota of retries: its clients are shared by all tests."""
        monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=self._clock.sleep))
        monkeypatch.setattr(botocore.retries.quota.RetryQuota, "acquire", lambda *_: True)

    def clear(self) -> None:
        """A blue sky again."""
        self._fronts.clear()
        self.calls.clear()

    def _meet(self, call: Call) -> AWSResponse:
        self.calls.append(call)
        send: Send = self._wire.deliver
        for front in reversed(self._fronts):
            send = partial(front.change, front, send)
        return send(call)

    def _add(self, change: Callable[[Front, Send, Call], AWSResponse]) -> Front:
        front = Front(change)
        self._fronts.append(front)
        return front

    def _count(self, front: Front) -> int:
        with self._lock:
            front.met += 1
            return front.met

    # Answers of AWS

    def refuse(
        self,
        service: str,
        operation: str,
        code: str,
        message: str = "Refused",
        *,
        times: float = _EVER,
        seconds: float = _EVER,
    ) -> Front:
        """Refuse so many calls, or for so many seconds from now."""
        until = self._clock() + seconds

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if (call.service, call.operation) != (service, operation) or self._clock() >= until:
                return send(call)
            return refusal(call, code, message) if self._count(front) <= times else send(call)

        return self._add(change)

    def young_roles(self, service: str, operation: str, code: str, message: str, *, seconds: float) -> Front:
        """Refuse until the last role that was made, or given its policy, is so many seconds old."""
        newest = [-_EVER]

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if call.service == "iam" and not call.reads:
                newest[0] = self._clock()
            if (call.service, call.operation) == (service, operation) and self._clock() < newest[0] + seconds:
                self._count(front)
                return refusal(call, code, message)
            return send(call)

        return self._add(change)

    def say(self, service: str, operation: str, said: dict[str, Any] | str, *, times: int = 1) -> Front:
        """Answer 200 with this and do nothing, so many times: a batch of which a part, or all, has failed."""

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if (call.service, call.operation) != (service, operation) or self._count(front) > times:
                return send(call)
            return answer(call, said if isinstance(said, str) else json.dumps(said))

        return self._add(change)

    def throttle(self, *, every: int, code: str = "") -> Front:
        """Every so many calls, of any service, one too many."""
        seen = Front(lambda _, send, call: send(call))

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if self._count(seen) % every:
                return send(call)
            self._count(front)
            usual, status = _THROTTLED.get(call.service, ("ThrottlingException", 400))
            return refusal(call, code or usual, "Rate exceeded", status)

        return self._add(change)

    def fail(self, *, every: int, status: int = 503) -> Front:
        """Every so many calls an error of the server's, of which every second comes after the call took effect."""
        seen = Front(lambda _, send, call: send(call))

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if self._count(seen) % every:
                return send(call)
            if self._count(front) % 2:
                send(call)
            return refusal(call, "ServiceUnavailable" if status == 503 else "InternalFailure", "Try again", status)

        return self._add(change)

    def failing_pipes(self, reason: str, *, times: float = _EVER) -> Front:
        """So many pipes end in CREATE_FAILED for this reason, which DescribePipe tells."""

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if call.operation == "CreatePipe":
                self._count(front)
            given = send(call)
            if call.operation != "DescribePipe" or front.met > times:
                return given
            return again(call, given, lambda said: said.update(CurrentState="CREATE_FAILED", StateReason=reason))

        return self._add(change)

    # Time

    def slow(self, service: str, *, coming: float = 0, going: float = 0) -> Front:
        """What this service makes is on its way for so many seconds, and what it deletes is still seen for others."""
        how = SLOW[service]
        born: dict[str, float] = {}
        gone: dict[str, float] = {}
        seen: dict[str, AWSResponse] = {}

        def told(state: str) -> Callable[[dict[str, Any]], None]:
            return lambda said: (said[how.within] if how.within else said).update({how.status: state})

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if call.service != service or call.operation not in {how.create, how.describe, how.delete}:
                return send(call)
            name, now = _named(call), self._clock()
            young, dying = now < born.get(name, -_EVER) + coming, now < gone.get(name, -_EVER) + going
            if call.operation == how.describe:
                if dying:
                    self._count(front)
                    return again(call, seen[name], told(how.going))
                given = send(call)
                if given.status_code == 200:
                    seen[name] = given
                return again(call, given, told(how.coming)) if young else given
            if dying or (young and call.operation == how.delete):
                return refusal(call, how.busy, "It is busy")
            given = send(call)
            if given.status_code < 300:
                (born if call.operation == how.create else gone)[name] = now
            return given

        return self._add(change)

    def lag(self, seconds: float) -> Front:
        """Reads are answered by a replica that learns of every change so many seconds late. S3 has none."""
        told: dict[tuple[str, ...], tuple[float, AWSResponse]] = {}
        changes: dict[str, list[float]] = {}

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            now = self._clock()
            if call.service in {"s3", "sts"}:
                return send(call)
            if not call.reads:
                given = send(call)
                changes.setdefault(call.service, []).append(now)
                return given
            question = (call.service, call.operation, call.request.url, str(call.request.body))
            asked, known = told.get(question, (_EVER, None))
            missed = next((when for when in changes.get(call.service, ()) if when >= asked), -_EVER)
            if known is not None and now < missed + seconds:
                self._count(front)
                return again(call, known)
            given = send(call)
            told[question] = (now, given)
            return again(call, given)

        return self._add(change)

    def takes(self, seconds: float, service: str = "", operation: str = "") -> Front:
        """Every call, or those of one service or operation, takes so long."""

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if service in {"", call.service} and operation in {"", call.operation}:
                self._count(front)
                self._clock.sleep(seconds)
            return send(call)

        return self._add(change)

    # Ends

    def crash(self, number: int) -> Front:
        """The call of this number takes effect, and nobody lives to hear of it."""
        seen = Front(lambda _, send, call: send(call))

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if front.met:
                raise Crash
            last = self._count(seen) == number
            given = send(call)
            if last:
                front.met += 1
            if front.met:
                raise Crash
            return given

        return self._add(change)

    def lose(self, number: int, *, for_good: bool = False) -> Front:
        """The call of this number takes effect and its answer is lost: botocore calls again.

        With ``for_good`` the answers to botocore's other attempts at it are lost too, so the caller has an error.
        """
        seen = Front(lambda _, send, call: send(call))
        lost: list[str] = []

        def change(front: Front, send: Send, call: Call) -> AWSResponse:
            if for_good and call.invocation in lost:
                raise ConnectionClosedError(endpoint_url=call.request.url)
            given = send(call)
            if self._count(seen) == number:
                self._count(front)
                lost.append(call.invocation)
                raise ConnectionClosedError(endpoint_url=call.request.url)
            return given

        return self._add(change)


def _named(call: Call) -> str:
    """The name of what a call is about: in its address, where the service is RESTful, or else in what it says."""
    if call.service in {"pipes", "lambda"}:
        at = call.request.url.partition("?")[0].rstrip("/").rpartition("/")[2]
        return str(call.body["FunctionName"]) if call.operation == "CreateFunction" else str(at)
    return next(str(call.body[key]) for key in ("TableName", "StreamName", "DeliveryStreamName") if key in call.body)
