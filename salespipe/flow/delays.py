"""How long a record may be on its way, and what time it is at AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from salespipe.aws import Aws

# Beyond what the configuration makes a record wait: reading, invoking, writing, and a busy machine.
_MARGIN_SECONDS: Final = {"local": 2.0, "aws": 30.0}
# How long a change may take from the table to Kinesis beyond the pipe's window when nothing is behind: where the
# table's stream could be read to its end, and where not. A pipe asks its source four times a second (EventBridge user
# guide, "Pipes batching and concurrency"). Here a change is in the table's stream as soon as the write is acknowledged.
_PIPE_SECONDS: Final = {"local": (0.0, 1.0), "aws": (15.0, 30.0)}


def longest_delay(aws: Aws) -> float:
    """How long, in seconds, a record can lie in the buffers between the table and S3 when nothing is behind."""
    config = aws.config
    buffers = config.batch_window_seconds + config.transform_buffer_seconds + config.buffer_seconds
    return buffers + _MARGIN_SECONDS[config.target]


def pipe_delay(aws: Aws, *, sighted: bool) -> float:
    """How long, in seconds, nothing new must come out of the pipe before it is known to hold nothing back.

    ``sighted`` says that the table's stream was read to its end, and what it still holds is known.
    """
    exact, blind = _PIPE_SECONDS[aws.config.target]
    if sighted and not exact:
        return 0.0
    return aws.config.batch_window_seconds + (exact if sighted else blind)


def utc_now() -> datetime:
    """The time by the clock of this machine, aware."""
    return datetime.now(UTC)


class AwsTime:
    """The time by AWS's own clock, taken from the Date header of its answers: this machine's may be wrong.

    The header has whole seconds and was true when AWS wrote it, so this clock is slow by up to one second, and less
    with every answer. Until one has come, ``now`` is asked.
    """

    def __init__(self, clock: Callable[[], float], now: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._now = now
        self._zero: datetime | None = None  # AWS's time when the clock was zero

    def heard(self, answer: Mapping[str, Any]) -> None:
        """Take the Date header of a boto3 answer, where it has one."""
        header = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        if header is None:
            return
        zero = parsedate_to_datetime(header) - timedelta(seconds=self._clock())
        self._zero = zero if self._zero is None else max(self._zero, zero)

    def now(self) -> datetime:
        """The time at AWS."""
        if self._zero is None:
            return self._now()
        return self._zero + timedelta(seconds=self._clock())

    def age(self, when: datetime) -> float:
        """How many seconds ago something was, never less than 0."""
        return max(0.0, (self.now() - when).total_seconds())
