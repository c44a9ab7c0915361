"""Writes to a DynamoDB table in batches, from a few threads, counting only what was acknowledged."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from salespipe.aws import error_code, error_message
from salespipe.load.batch_call import BatchWrite
from salespipe.load.batches import Batches
from salespipe.load.latency import Latencies, Spread
from salespipe.load.report import LISTED, Reject
from salespipe.load.table import explained, no_capacity
from salespipe.orders import Kind

BACKOFF: Final = 0.05
LONGEST_BACKOFF: Final = 2.0
# The codes with which AWS says "not so fast", as botocore's standard retry mode knows them.
THROTTLES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# The codes, besides every status from 500 on, of what is over when the same is sent once more.
TRANSIENT: Final = frozenset({"RequestTimeout", "RequestTimeoutException"})
# The codes of a batch that is refused for what one of its writes holds.
FAULTS: Final = frozenset({"SerializationException", "ValidationException"})


class Write(NamedTuple):
    """One write: its kind, its key's value, its request as ``attributes`` makes it.

    ``due`` is when it ought to have been sent, by the writer's clock; ``line`` is where it stands in a file;
    ``expect`` says what has to become of it downstream, 0 for what becomes of any order; ``fingerprint`` is that of the
    item, for whoever makes it more quickly than from the request.
    """

    kind: Kind
    key: str
    request: bytes
    due: float
    line: int = 0
    expect: int = 0
    fingerprint: bytes = b""


@dataclass
class Tally:
    """What has happened to writes so far; ``consumed`` is DynamoDB's own count of write capacity units."""

    acknowledged: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    rejected: int = 0
    retried: int = 0
    throttled: int = 0
    consumed: float = 0.0
    rejects: list[Reject] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)
    delays: Spread = field(default_factory=Spread)

    def send(self, writes: Sequence[Write], now: float) -> None:
        """Note when writes have been sent for the first time."""
        self.delays.record([now - write.due for write in writes])

    def acknowledge(self, writes: Sequence[Write], now: float, units: float) -> None:
        """Count writes of a call that DynamoDB has just taken, and the units that the call took."""
        for write in writes:
            self.acknowledged[write.kind] += 1
        self.latencies.record([now - write.due for write in writes])
        self.consumed += units

    def reject(self, reject: Reject) -> None:
        """Count a write that will never be made, and list it while there is room."""
        self.rejected += 1
        if len(self.rejects) < LISTED:
            self.rejects.append(reject)


class Writer:
    """Takes writes one by one and sends them in batches; made, used and ended by one thread.

    Writes of one key are sent in the order in which they came, each after the one before has settled.
    ``acknowledged`` is told of every acknowledged write, ``refused`` of every one that DynamoDB will never take and
    why, both from the workers' threads. ``patience`` is for how many seconds in a row DynamoDB may take nothing at all.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        key: str,
        *,
        workers: int = 4,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        patience: float = 120.0,
        acknowledged: Callable[[Sequence[Write]], None] = lambda _: None,
        refused: Callable[[Write, str], None] = lambda _write, _reason: None,
    ) -> None:
        self._write = BatchWrite(client, table)
        self._table = table
        self._key = key
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._patience = patience
        self._acknowledged = acknowledged
        self._refused = refused
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._offered = 0
        self._settled = 0
        self._tally = Tally()
        self._batches = Batches()
        self._threads = [
            threading.Thread(target=self._work, name=f"writer-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def abandoned(self) -> int:
        """Writes handed over that were neither acknowledged nor refused; final after ``stop`` or ``drain``."""
        return max(0, self._offered - self._settled)  # Ctrl-C may come before a write is counted

    @contextmanager
    def counting(self) -> Iterator[Tally]:
        """What has happened so far, standing still while it is looked at."""
        with self._lock:
            yield self._tally

    def offer(self, write: Write, timeout: float) -> bool:
        """Hand over a write; False when there is no room within ``timeout`` seconds.

        Raises the failure that has stopped the writer, if one has.
        """
        if self._failure:
            raise self._failure
        taken = self._batches.offer(write, timeout)
        self._offered += taken
        return taken

    def reject(self, reject: Reject) -> None:
        """Count a write that was refused before it was handed over."""
        with self._lock:
            self._tally.reject(reject)

    def drain(self, timeout: float) -> bool:
        """Take no more writes, and wait up to ``timeout`` seconds until all have settled: True once they have.

        Raises the failure that has stopped the writer, if one has.
        """
        self._batches.close()
        for thread in self._threads:
            thread.join(timeout)
            if thread.is_alive():
                return False
        if self._failure:
            raise self._failure
        return True

    def stop(self) -> None:
        """End at once: calls under way are waited for, what DynamoDB has not been sent is abandoned. Idempotent."""
        self._abandon()
        for thread in self._threads:
            thread.join()

    def _abandon(self) -> None:
        self._stopped.set()
        self._batches.close(discard=True)

    def _work(self) -> None:
        try:
            while batch := self._batches.take():
                now = self._clock()
                with self._lock:
                    self._tally.send(batch, now)
                self._settle(batch)
                self._batches.release(batch)
        except Exception as error:  # noqa: BLE001 (a thread has nobody to raise to: offer and drain will)
            self._failure = self._failure or explained(error, self._table)
            self._abandon()

    def _settle(self, batch: Sequence[Write]) -> None:
        """Send a batch until DynamoDB has taken or refused each of its writes, or the writer is stopped."""
        from botocore.exceptions import BotoCoreError, ClientError

        since, attempt = self._clock(), 0
        while True:
            problem: Exception | None = None
            try:
                back = self._send(batch)
            except ClientError as error:
                code, status = error_code(error), error.response["ResponseMetadata"]["HTTPStatusCode"]
                if code in FAULTS:
                    return self._split(batch, error)
                if code not in THROTTLES and code not in TRANSIENT and status < 500:
                    raise
                back, problem = batch, error
            except BotoCoreError as error:  # no answer, so nobody knows: writing the same once more does no harm
                back, problem = batch, error
            if not back or self._stopped.is_set():
                return None
            if len(back) < len(batch):
                since, attempt = self._clock(), 0
            if self._clock() - since > self._patience:
                raise problem or no_capacity(self._table, self._patience)
            # Full jitter: writers that were throttled together do not come back together.
            self._sleep(self._chance() * min(LONGEST_BACKOFF, BACKOFF * 2**attempt))
            attempt += 1
            batch = back
            with self._lock:
                self._tally.retried += len(back)
                self._tally.throttled += len(back) if problem is None or error_code(problem) in THROTTLES else 0

    def _send(self, batch: Sequence[Write]) -> Sequence[Write]:
        """One call; the writes that DynamoDB did not process."""
        unprocessed, units = self._write([write.request for write in batch])
        now = self._clock()
        back: Sequence[Write] = ()
        done = batch
        if unprocessed:
            keys = {_key_of(request, self._key) for request in unprocessed}
            back = [write for write in batch if write.key in keys]
            done = [write for write in batch if write.key not in keys]
        with self._lock:
            self._settled += len(done)
            self._tally.acknowledge(done, now, units)
        if done:
            self._acknowledged(done)
        return back

    def _split(self, batch: Sequence[Write], error: Exception) -> None:
        """DynamoDB refuses a whole batch for one bad item: halve it until the bad one is alone."""
        if len(batch) == 1:
            (write,) = batch
            with self._lock:
                self._settled += 1
                self._tally.reject(Reject(write.line, write.key, error_message(error)))
            self._refused(write, error_message(error))
            return
        middle = len(batch) // 2
        self._settle(batch[:middle])
        if not self._stopped.is_set():
            self._settle(batch[middle:])


def _key_of(request: Mapping[str, Any], key: str) -> str:
    """The key's value in a request that DynamoDB has sent back."""
    attributes = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return str(attributes[key]["S"])
