"""SQS in moto, with each message in a row of its own, and queues of many messages looked through at a bearable price.

moto 5.2.5 keeps a queue's messages in a list; pickling that with every call would cost the more the more there are.
What may change in one that is in it comes with another receipt handle (ReceiveMessage), another time from which it is
visible (ChangeMessageVisibility), or its place among the pending. With every message sent moto counts them all, and
reads the clock for each. Touched here and in ``pickling``, each with a test in tests/local/test_moto_messages.py:
``SQSBackend.queues``; Queue's ``messages``, ``_messages``, ``_pending_messages``, ``deleted_messages`` and the two
counts that are replaced; Message's ``id``, ``receipt_handle``, ``visible_at`` and ``delayed_until``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from moto.core.utils import unix_time_millis
from moto.sqs.models import Queue

from salespipe.local.moto import pickling as moto_pickle
from salespipe.local.store import Store

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS moto_message (
    position INTEGER PRIMARY KEY AUTOINCREMENT, region TEXT NOT NULL, queue TEXT NOT NULL, id TEXT NOT NULL,
    pending INTEGER NOT NULL, data BLOB NOT NULL, UNIQUE (region, queue, id)
)
"""
_HANDLES: Final = 1_000

_Look = tuple[str | None, float, bool]
_Place = tuple[str, str]


class RecentHandles:
    """The last receipt handles of deleted messages: deleting one again is no error. moto keeps all of them for ever."""

    def __init__(self, handles: Iterable[str] = ()) -> None:
        self._handles = dict.fromkeys(handles)

    def __contains__(self, handle: object) -> bool:
        return handle in self._handles

    def update(self, handles: Iterable[str]) -> None:
        """Add handles; the oldest make room."""
        self._handles.update(dict.fromkeys(handles))
        for handle in list(self._handles)[:-_HANDLES]:
            del self._handles[handle]


@contextmanager
def counted_at_once() -> Iterator[None]:
    """Let moto's queues read the clock once for all messages while the block runs."""
    names = ("messages", "approximate_number_of_messages_delayed", "approximate_number_of_messages_not_visible")
    before = [(name, Queue.__dict__[name]) for name in names]
    for name, look in zip(names, (_visible, _count_delayed, _count_hidden), strict=True):
        setattr(Queue, name, property(look))
    try:
        yield
    finally:
        for name, own in before:
            setattr(Queue, name, own)


def _visible(queue: Any) -> list[Any]:
    now = unix_time_millis()
    return [message for message in queue._messages if message.visible_at < now and message.delayed_until <= now]  # noqa: SLF001


def _count_delayed(queue: Any) -> int:
    now = unix_time_millis()
    return sum(now < message.delayed_until for message in queue._messages)  # noqa: SLF001


def _count_hidden(queue: Any) -> int:
    now = unix_time_millis()
    return sum(now <= message.visible_at for message in queue._messages)  # noqa: SLF001


class MessageTable:
    """The rows of the messages in ``store``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved: dict[_Place, dict[str, _Look]] = {}
        store.schema(_SCHEMA)

    @staticmethod
    def tidy(backend: Any) -> None:
        """Bound what a queue remembers of deleted messages, before the backend is pickled."""
        for queue in backend.queues.values():
            if not isinstance(queue.deleted_messages, RecentHandles):
                queue.deleted_messages = RecentHandles(queue.deleted_messages)

    def save(self, backend: Any, region: str) -> None:
        """Save what has changed since the last time; within ``store.write()``."""
        gone = [place for place in self._saved if place[0] == region and place[1] not in backend.queues]
        for place in gone:
            self._save_queue(place, [], set())
        for name, queue in backend.queues.items():
            self._save_queue((region, name), queue._messages, queue._pending_messages)  # noqa: SLF001

    def _save_queue(self, place: _Place, messages: list[Any], pending: set[Any]) -> None:
        before = self._saved.get(place, {})
        now: dict[str, _Look] = {
            message.id: (message.receipt_handle, message.visible_at, message in pending) for message in messages
        }
        if now == before:
            return
        with self._store.write() as connection:
            connection.executemany(
                "DELETE FROM moto_message WHERE region = ? AND queue = ? AND id = ?",
                [(*place, message) for message in before.keys() - now.keys()],
            )
            connection.executemany(
                "INSERT INTO moto_message (region, queue, id, pending, data) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (region, queue, id) DO UPDATE SET pending = excluded.pending, data = excluded.data",
                [
                    (*place, message.id, message in pending, moto_pickle.dump(message))
                    for message in messages
                    if before.get(message.id) != now[message.id]
                ],
            )
            # Not before: what a full disk refused is still to be saved.
            self._store.after_commit(lambda: self._saved.__setitem__(place, now))

    def restore(self, backend: Any, region: str) -> None:
        """Put the messages of a region back into its queues, which are there already."""
        rows = self._store.read().execute(
            "SELECT queue, pending, data FROM moto_message WHERE region = ? ORDER BY position", (region,)
        )
        for name, pending, data in rows.fetchall():
            queue, message = backend.queues[name], moto_pickle.load(data)
            queue._messages.append(message)  # noqa: SLF001
            if pending:
                queue._pending_messages.add(message)  # noqa: SLF001
            look = (message.receipt_handle, message.visible_at, bool(pending))
            self._saved.setdefault((region, name), {})[message.id] = look
