"""moto's state, which it keeps in memory only, in the store: each service's backend of each region is one row."""

from __future__ import annotations

import hashlib
import logging
import pickle
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import moto
from moto.backends import get_backend
from moto.utilities.utils import get_partition

from salespipe.errors import SalespipeError
from salespipe.local.api import Call
from salespipe.local.moto import pickling as moto_pickle
from salespipe.local.moto.messages import MessageTable
from salespipe.local.moto.objects import Bodies, DurableKey, ObjectTable
from salespipe.local.store import Store

_log = logging.getLogger(__name__)

FORMAT: Final = 1
"""Version of what the rows hold; the version of moto that pickled a row stands beside it."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS moto_state (
    service TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
    format INTEGER NOT NULL, moto TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (service, account, region)
)
"""

# Appended to with every invocation, and large: saved within a second or so instead of with each call.
_LAZY: Final = frozenset({"logs"})
METRICS: Final = "metrics"
"""As though a service of its own, and saved lazily: the metric data of CloudWatch, whose definitions are small."""
# What a call to one service may make moto do in another.
_SPILLS: Final[Mapping[str, tuple[str, ...]]] = {
    "events": ("sqs", "logs"),
    "lambda": ("sqs", "logs"),
    "s3": ("sqs", "events"),
    "logs": ("kinesis",),
    "sns": ("sqs",),
}
_LAZY_SECONDS: Final = 1.0
# Of one processor's time that lazy saving may take: with large states it saves less often.
_LAZY_SHARE: Final = 0.05


class MotoState:
    """Saves and restores the backends of one account.

    ``clock`` is a monotonic clock in seconds; ``lock`` gives the lock of a service, under which its backend is at rest.
    """

    def __init__(
        self,
        store: Store,
        account: str,
        bodies: Bodies,
        lock: Callable[[str], threading.RLock],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._account = account
        self._bodies = bodies
        self._lock = lock
        self._clock = clock
        self._saved: dict[tuple[str, str], bytes] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._due = 0.0
        self._warned: set[str] = set()
        store.schema(_SCHEMA)
        self._objects = ObjectTable(store, bodies)
        self._messages = MessageTable(store)

    def restore(self) -> None:
        """Bring every saved backend back, and forget bodies that no object has.

        Raises ``SalespipeError`` for a state that cannot be read; nothing is changed then.
        """
        wanted = DurableKey.restored = set()
        try:
            rows = self._store.read().execute(  # in this order a backend comes before its metric data
                "SELECT service, region, format, moto, data FROM moto_state WHERE account = ? ORDER BY service",
                (self._account,),
            )
            for service, region, version, made_by, data in rows.fetchall():
                self._restore(service, region, version, made_by, data)
        finally:
            DurableKey.restored = None
        self._sweep(wanted)

    def _sweep(self, wanted: set[str]) -> None:
        """Forget bodies that no object has; but where no bucket was ever saved, it is the state that was lost."""
        if not self._bodies.empty() and not any(service == "s3" for service, _ in self._saved):
            raise SalespipeError(
                "StateUnreadable",
                f"There are objects in {self._store.folder}, but its state.db knows nothing of them.",
                hint="Nothing was changed. Restore its state.db, or start afresh: salespipe local reset",
            )
        self._bodies.sweep(wanted)

    def _restore(self, service: str, region: str, version: int, made_by: str, data: bytes) -> None:
        what = f"The state of {service} in {self._store.folder}"
        if version != FORMAT:
            raise SalespipeError(
                "StateFormat",
                f"{what} has format {version}, this version of salespipe reads format {FORMAT}.",
                hint="Use the salespipe that wrote it, or another data folder.",
            )
        try:
            backend = moto_pickle.load(data)
            if service == METRICS:
                get_backend("cloudwatch")[self._account][region].metric_data = backend
            else:
                get_backend(service)[self._account][region] = backend  # type: ignore[call-overload]
            if service == "s3":
                self._objects.restore(backend)
            elif service == "sqs":
                self._messages.restore(backend, region)
        except Exception as error:
            raise SalespipeError(
                "StateUnreadable",
                f"{what} cannot be read by moto {moto.__version__} (it was written by {made_by}): {error}",
                hint="Nothing was changed. Install the moto that wrote it, or use another data folder.",
            ) from error
        self._saved[service, region] = _digest(data)

    def changed(self, call: Call) -> None:
        """Save what a call changed, in the caller's transaction if there is one; the service's lock is held."""
        service = call.service
        for region in self._regions_of(call):
            if service in _LAZY:
                self._dirty.add((service, region))
            elif call.operation == "PutMetricData":
                self._dirty.add((METRICS, region))
            else:
                self._save(service, region, call)
        for neighbour in _SPILLS.get(service, ()):
            self._dirty.add((neighbour, call.region))

    def touched(self, service: str, region: str) -> None:
        """Save a backend, or ``METRICS``, with the next flush; the service's lock is held."""
        self._dirty.add((service, region))

    def flush(self, *, force: bool = False) -> None:
        """Save what is saved lazily, if it is due. Must not be called with a lock or inside ``store.write()``."""
        started = self._clock()
        if not self._dirty or (started < self._due and not force):
            return
        dirty, self._dirty = self._dirty, set()
        for service, region in sorted(dirty):
            with self._lock("cloudwatch" if service == METRICS else service):
                self._save(service, region)
        spent = self._clock() - started
        self._due = started + spent + max(_LAZY_SECONDS, spent / _LAZY_SHARE)

    def regions(self, service: str) -> list[str]:
        """The regions in which a service has any state."""
        rows = self._store.read().execute(
            "SELECT region FROM moto_state WHERE service = ? AND account = ? ORDER BY region",
            (service, self._account),
        )
        return [region for (region,) in rows.fetchall()]

    def _regions_of(self, call: Call) -> list[str]:
        """The keys of the backends that a call works on: its region, or its partition for a global service."""
        backends = get_backend(call.service)[self._account]  # type: ignore[call-overload]
        return [region for region in (call.region, get_partition(call.region)) if region in backends.keys()]  # noqa: SIM118 - moto's "in" means another thing

    def _save(self, service: str, region: str, call: Call | None = None) -> None:
        backends = get_backend("cloudwatch" if service == METRICS else service)[self._account]  # type: ignore[call-overload]
        if region not in backends.keys():  # noqa: SIM118 - moto's "in" means another thing
            return
        backend = backends[region].metric_data if service == METRICS else backends[region]
        if service == "s3":
            self._objects.tidy(backend)
        elif service == "sqs":
            self._messages.tidy(backend)
        try:
            data = moto_pickle.dump(backend)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            if service not in self._warned:
                self._warned.add(service)
                _log.warning("The state of %s is not durable: %s", service, error)
            return
        digest = _digest(data)
        with self._store.write() as connection:
            if self._saved.get((service, region)) != digest:
                connection.execute(
                    "INSERT OR REPLACE INTO moto_state VALUES (?, ?, ?, ?, ?, ?)",
                    (service, self._account, region, FORMAT, moto.__version__, data),
                )
                self._store.after_commit(lambda: self._saved.__setitem__((service, region), digest))
            if service == "s3" and call is not None:
                self._objects.save(call, backend)
            elif service == "sqs":
                self._messages.save(backend, region)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()
