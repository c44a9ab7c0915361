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
from salespipe.load.batch_call import batch_write, prepare
from salespipe.load.batches import Batches
from salespipe.load.latency import Latencies
from salespipe.load.report import LISTED, Reject
from salespipe.load.table import explained, no_capacity
from salespipe.orders import Kind

BACKOFF: Final = 0.05
LONGEST_BACKOFF: Final = 2.0
THROTTLES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
    }
)


class Write(NamedTuple):
    """One write: its kind, its key's value, its request as ``attributes`` makes it.

    ``due`` is when it ought to have been sent, by the writer's clock; ``line`` is where it stands in a file.
    """

    kind: Kind
    key: str
    request: bytes
    due: float
    line: int = 0


@dataclass
class Tally:
    """What has happened to writes so far."""

    acknowledged: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    rejected: int = 0
    retried: int = 0
    throttled: int = 0
    rejects: list[Reject] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)

    def reject(self, reject: Reject) -> None:
        """Count a write that will never be made, and list it while there is room."""
        self.rejected += 1
        if len(self.rejects) < LISTED:
            self.rejects.append(reject)


class Writer:
    """Takes writes one by one and sends them in batches; made, used and ended by one thread.

    Writes of one key are sent in the order in which they came, each after the one before has settled.
    ``acknowledged`` is told of every acknowledged write, from the workers' threads. ``patience`` is for how many
    seconds in a row DynamoDB may take nothing at all.
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
    ) -> None:
        self._client = client
        self._table = table
        self._key = key
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._patience = patience
        self._acknowledged = acknowledged
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._offered = 0
        self._settled = 0
        self._tally = Tally()
        prepare(client)
        self._batches = Batches()
        self._threads = [
            threading.Thread(target=self._work, name=f"writer-{number}", daemon=True) for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def abandoned(self) -> int:
        """Writes handed over that were neither acknowledged nor refused; final after ``stop`` or ``drain``."""
        return self._offered - self._settled

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
                if error_code(error) == "ValidationException":
                    return self._split(batch, error)
                if error_code(error) not in THROTTLES and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
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
                self._tally.throttled += 0 if isinstance(problem, BotoCoreError) else len(back)

    def _send(self, batch: Sequence[Write]) -> Sequence[Write]:
        """One call; the writes that DynamoDB did not process."""
        answer = batch_write(self._client, self._table, [write.request for write in batch])
        unprocessed = answer.get("UnprocessedItems", {}).get(self._table, ())
        keys = {_key_of(request, self._key) for request in unprocessed}
        back = [write for write in batch if write.key in keys]
        done = [write for write in batch if write.key not in keys]
        now = self._clock()
        with self._lock:
            self._settled += len(done)
            self._tally.retried += len(batch) * answer["ResponseMetadata"].get("RetryAttempts", 0)
            for write in done:
                self._tally.acknowledged[write.kind] += 1
                self._tally.latencies.record(now - write.due)
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
            return
        middle = len(batch) // 2
        self._settle(batch[:middle])
        if not self._stopped.is_set():
            self._settle(batch[middle:])


def _key_of(request: Mapping[str, Any], key: str) -> str:
    """The key's value in a request that DynamoDB has sent back."""
    attributes = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
    return str(attributes[key]["S"])
