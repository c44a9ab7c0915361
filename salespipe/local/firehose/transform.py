"""Firehose's transform: one invocation of the Lambda processor, and what its answer means for every record.

Source: Firehose developer guide, "Transform source data" (event, status model, failure handling) and "Monitor using
CloudWatch Logs" (error codes and their messages).
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from salespipe.local.api import AwsError
from salespipe.local.firehose.definition import Processor
from salespipe.local.metrics import PROCESSED_RECORDS, PROCESSING_DURATION, PROCESSING_SUCCESS, Report, unreported
from salespipe.local.record_log import Record

RESPONSE_LIMIT: Final = 6 * 2**20
_RECORD_OVERHEAD: Final = 450  # bytes that the event's JSON adds to a record's base64
_LONGEST_BACKOFF: Final = 5.0

MESSAGES: Final = {
    "Lambda.JsonProcessingException": (
        "There was an error parsing returned records from the Lambda function. Ensure that the returned records follow "
        "the status model required by Amazon Data Firehose."
    ),
    "Lambda.DuplicatedRecordId": (
        "Multiple records were returned with the same record ID. Ensure that the Lambda function returns unique record "
        "IDs for each record."
    ),
    "Lambda.MissingRecordId": (
        "One or more record IDs were not returned. Ensure that the Lambda function returns all received record IDs."
    ),
    "Lambda.ResourceNotFound": (
        "The specified Lambda function does not exist. Use a different function that does exist."
    ),
    "Lambda.InvokeLimitExceeded": (
        "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution limit."
    ),
    "Lambda.FunctionTimedOut": ("The Lambda function timed out. Increase the Timeout setting in the Lambda function."),
    "Lambda.FunctionError": "The Lambda function was successfully invoked but it returned an error result.",
    "Lambda.ResponseTooLarge": "The response of the Lambda function is larger than 6 MB.",
    "Lambda.ProcessingFailedStatus": "ProcessingFailed status set for record",
}
_REFUSALS: Final = {
    "ResourceNotFoundException": "Lambda.ResourceNotFound",
    "TooManyRequestsException": "Lambda.InvokeLimitExceeded",
}


class InvocationResult(Protocol):
    """What a Lambda invocation returns."""

    @property
    def payload(self) -> bytes:
        """The function's answer, or its error."""
        ...

    @property
    def function_error(self) -> str:
        """Empty unless the function failed."""
        ...


class Invoker(Protocol):
    """What is needed of our Lambda."""

    def invoke(self, function: str, payload: bytes, *, region: str) -> InvocationResult:
        """Run a function and wait for its answer."""
        ...


class Origin(Protocol):
    """Where records come from: a Kinesis stream, or PutRecord."""

    @property
    def stream_arn(self) -> str:
        """The Kinesis stream, empty for direct puts."""
        ...

    def shards(self) -> list[str]:
        """The shards' names in the record log, parents first."""
        ...

    def shard_id(self, shard: str) -> str:
        """A shard's name as clients see it."""
        ...

    def sequence_number(self, sequence: int) -> str:
        """A sequence number as clients see it."""
        ...

    def read(self, records: Sequence[Record], now: float, *, latest: bool) -> None:
        """Some of a shard's records were read at ``now`` (Unix seconds)."""
        ...

    def delivered(self, shard: str, arrived: float) -> None:
        """What had arrived in a shard by ``arrived`` was delivered."""
        ...


class _Metadata(msgspec.Struct, gc=False):
    shardId: str  # noqa: N815 (the names of the event's JSON, here and below)
    partitionKey: str  # noqa: N815
    approximateArrivalTimestamp: int  # noqa: N815
    sequenceNumber: str  # noqa: N815
    subsequenceNumber: int = 0  # noqa: N815


class _Sent(msgspec.Struct, gc=False, omit_defaults=True):
    recordId: str  # noqa: N815
    approximateArrivalTimestamp: int  # noqa: N815
    data: bytes  # msgspec writes and reads bytes as base64
    kinesisRecordMetadata: _Metadata | None = None  # noqa: N815


class _Event(msgspec.Struct, omit_defaults=True):
    invocationId: str  # noqa: N815
    deliveryStreamArn: str  # noqa: N815
    region: str
    records: list[_Sent]
    sourceKinesisStreamArn: str = ""  # noqa: N815


class _Returned(msgspec.Struct, gc=False):
    recordId: str  # noqa: N815
    result: str
    data: bytes | None = None
    metadata: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct):
    records: list[_Returned]


@dataclass
class Outcome:
    """What became of a batch: ``data`` for the objects, ``errors`` as lines of error objects.

    ``sources`` and ``metadata`` are, for each of ``data``, the record that it was made of and the JSON text that the
    function said about it, empty when nothing.
    ``trouble`` is (code, message) of a failure of the invocation as a whole, for the log.
    """

    records: Sequence[Record]
    data: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    trouble: tuple[str, str] | None = None
    sources: Sequence[Record] = ()
    metadata: Sequence[bytes] = ()


class _FailedError(Exception):
    """The invocation or its answer failed as a whole; ``again`` says whether it is worth another try."""

    def __init__(self, code: str, *, again: bool, detail: str = "") -> None:
        super().__init__(f"{MESSAGES[code]} {detail}".rstrip())
        self.code = code
        self.again = again


def batch_limit(size: int) -> int:
    """How many records of ``size`` bytes in all an event can hold within Lambda's 6 MB."""
    return max(1, min(10_000, (RESPONSE_LIMIT - size * 4 // 3) // _RECORD_OVERHEAD))


class Transform:
    """Invokes the processor of one delivery stream. ``sleep`` is in seconds and returns True to give up waiting."""

    def __init__(
        self,
        arn: str,
        origin: Origin,
        lambda_: Invoker,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], bool],
        report: Report = unreported,
    ) -> None:
        self._arn = arn
        self._region = arn.split(":")[3]
        self._origin = origin
        self._lambda = lambda_
        self._clock = clock
        self._sleep = sleep
        self._report = report

    def process(self, shard: str, records: Sequence[Record], processor: Processor) -> Outcome:
        """Transform a batch of one shard. Never raises for what the function does; blocks while it runs."""
        names = [self._origin.sequence_number(record.sequence) + "000000" for record in records]
        payload = msgspec.json.encode(
            _Event(
                str(uuid.uuid4()),
                self._arn,
                self._region,
                [self._sent(shard, record, name) for record, name in zip(records, names, strict=True)],
                self._origin.stream_arn,
            )
        )
        attempts = 0
        while True:
            attempts += 1
            began = self._clock()
            try:
                answers = _checked(self._invoke(processor.function, payload), names)
            except _FailedError as failure:
                self._report(PROCESSING_SUCCESS, 0)
                backoff = min(0.1 * 2**attempts, _LONGEST_BACKOFF)
                if failure.again and attempts <= processor.retries and not self._sleep(backoff):
                    continue
                lines = [self._error(record, failure.code, str(failure), attempts, processor) for record in records]
                return Outcome(records, errors=lines, trouble=(failure.code, str(failure)))
            self._report(PROCESSING_SUCCESS, 1)
            self._report(PROCESSING_DURATION, (self._clock() - began) * 1000)
            outcome = self._outcome(records, answers, attempts, processor)
            self._report(PROCESSED_RECORDS, len(outcome.data))
            return outcome

    def _sent(self, shard: str, record: Record, name: str) -> _Sent:
        arrived = int(record.arrived * 1000)
        if not self._origin.stream_arn:
            return _Sent(name, arrived, record.data)
        metadata = _Metadata(
            self._origin.shard_id(shard), record.key, arrived, self._origin.sequence_number(record.sequence)
        )
        return _Sent(name, arrived, record.data, metadata)

    def _invoke(self, function: str, payload: bytes) -> bytes:
        while True:
            try:
                result = self._lambda.invoke(function, payload, region=self._region)
            except AwsError as error:
                # The service itself failed or is shutting down: that is not the function's fault, and no try of its.
                if error.status >= 500 and not self._sleep(1.0):
                    continue
                code = _REFUSALS.get(error.code, "Lambda.FunctionError")
                raise _FailedError(code, again=True, detail=error.message) from error
            break
        if result.function_error:
            timed_out = b"Task timed out" in result.payload
            code = "Lambda.FunctionTimedOut" if timed_out else "Lambda.FunctionError"
            raise _FailedError(code, again=True, detail=result.payload[:1000].decode("utf-8", "replace"))
        if len(result.payload) > RESPONSE_LIMIT:
            raise _FailedError("Lambda.ResponseTooLarge", again=False)
        return result.payload

    def _outcome(
        self, records: Sequence[Record], answers: dict[str, _Returned], attempts: int, processor: Processor
    ) -> Outcome:
        sources: list[Record] = []
        metadata: list[bytes] = []
        outcome = Outcome(records, sources=sources, metadata=metadata)
        for record, answer in zip(records, answers.values(), strict=True):
            if answer.result == "Ok":
                outcome.data.append(answer.data or b"")
                sources.append(record)
                metadata.append(bytes(answer.metadata))
            elif answer.result == "ProcessingFailed":
                code = "Lambda.ProcessingFailedStatus"
                outcome.errors.append(self._error(record, code, MESSAGES[code], attempts, processor))
        return outcome

    def _error(self, record: Record, code: str, message: str, attempts: int, processor: Processor) -> bytes:
        """One line of an error object: the record as it was before the transform, so that it can be replayed."""
        line: dict[str, Any] = {
            "attemptsMade": attempts,
            "arrivalTimestamp": int(record.arrived * 1000),
            "errorCode": code,
            "errorMessage": message,
            "attemptEndingTimestamp": int(self._clock() * 1000),
            "rawData": b64encode(record.data).decode("ascii"),
            "lambdaArn": processor.function,
        }
        return msgspec.json.encode(line) + b"\n"


def _checked(payload: bytes, names: Sequence[str]) -> dict[str, _Returned]:
    """The answers in the order of ``names``. Raises ``_FailedError`` unless every name is answered exactly once."""
    try:
        returned = msgspec.json.decode(payload, type=_Answer).records
    except msgspec.DecodeError as error:
        raise _FailedError("Lambda.JsonProcessingException", again=False, detail=str(error)) from error
    answers = {answer.recordId: answer for answer in returned}
    if len(answers) < len(returned):
        raise _FailedError("Lambda.DuplicatedRecordId", again=False)
    if any(name not in answers for name in names):
        raise _FailedError("Lambda.MissingRecordId", again=False)
    if len(answers) > len(names):
        raise _FailedError("Lambda.JsonProcessingException", again=False, detail="A record ID was never sent.")
    for answer in returned:
        unknown = answer.result not in {"Ok", "Dropped", "ProcessingFailed"}
        if unknown or (answer.result == "Ok" and answer.data is None):
            detail = f"Result {answer.result!r}, data {'missing' if answer.data is None else 'present'}."
            raise _FailedError("Lambda.JsonProcessingException", again=False, detail=detail)
    return {name: answers[name] for name in names}
