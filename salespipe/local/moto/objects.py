"""S3 in moto, with each object's body in a file of its own and each object's metadata in a row of its own.

moto 5.2.5 keeps a body in a ``SpooledTemporaryFile`` and all objects of a bucket in one dictionary.
Pickling that with every call would cost the more the more objects there are. Touched here, each with a test in
tests/local/test_moto_objects.py: the names ``FakeKey`` and ``_VersionedKeyStore`` in ``moto.s3.models``; FakeKey's
``value``, ``_value_buffer``, ``_etag``, ``lock``, ``dispose`` and ``multipart``; ``S3Backend.buckets`` and ``tagger``;
``FakeBucket.keys`` and ``multiparts``; ``s3_backends.bucket_accounts``.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Final

import moto.s3.models as s3_models
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

from salespipe.local.api import Call
from salespipe.local.moto import pickling as moto_pickle
from salespipe.local.store import Store

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS moto_object (
    partition TEXT NOT NULL, bucket TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (partition, bucket, name)
)
"""


class Bodies:
    """Files of object bodies in ``folder``, one each, named by chance so that none is ever written twice.

    A body that is no longer wanted is only remembered by ``discard``; ``remove_discarded`` is for when the state that
    no longer mentions it has been committed. After a crash, ``sweep`` removes what nothing mentions.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._discarded: list[str] = []
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, body: bytes) -> str:
        """Write a body and return its name. Raises ``OSError`` when there is no room, and takes none then."""
        name = uuid.uuid4().hex
        path = self._path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            path.write_bytes(body)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return name

    def read(self, name: str) -> bytes:
        """A body. Raises ``FileNotFoundError``."""
        return self._path(name).read_bytes()

    def discard(self, name: str) -> None:
        """Mark a body as no longer wanted."""
        with self._lock:
            self._discarded.append(name)

    def remove_discarded(self) -> None:
        """Delete the files of what was discarded."""
        with self._lock:
            names, self._discarded = self._discarded, []
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def empty(self) -> bool:
        """Whether there is no body at all."""
        return next(self._folder.glob("*/*"), None) is None

    def sweep(self, wanted: set[str]) -> int:
        """Delete every body that is not ``wanted``; how many."""
        stray = [path for path in self._folder.glob("*/*") if path.name not in wanted]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(stray)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name


class DurableKey(FakeKey):
    """An object version of moto's whose body is a file."""

    bodies: ClassVar[Bodies]
    restored: ClassVar[set[str] | None] = None

    @property
    def value(self) -> bytes:
        """The body."""
        return b"" if self.disposed else self.bodies.read(self._body)

    @value.setter
    def value(self, body: bytes | str) -> None:
        raw = body.encode() if isinstance(body, str) else bytes(body)
        previous = self.__dict__.get("_body")
        self._body = self.bodies.write(raw)
        if previous:
            self.bodies.discard(previous)
        if self._value_buffer is not None:
            self._value_buffer.close()
        self._value_buffer = None  # type: ignore[assignment] # nothing reads it: moto's readers are all replaced here
        if self._etag is None:
            self._etag = hashlib.md5(raw, usedforsecurity=False).hexdigest()
        self.contentsize = len(raw)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()
        if DurableKey.restored is not None:
            DurableKey.restored.add(self._body)

    def dispose(self, garbage: bool = False) -> None:
        """Give the body up, unless it is only a copy of this object (``copy.deepcopy``) that goes away."""
        if garbage or self.disposed:
            return
        self.disposed = True
        self.bodies.discard(self._body)
        if self.multipart:
            self.multipart.dispose()

    def __del__(self) -> None:
        """A body outlives its object: the process may just be ending."""


class DurableKeyStore(_VersionedKeyStore):
    """A bucket's objects by name; ``changed`` collects the names that must be saved."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: set[str] = set()

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.changed.add(key)

    def setlist(self, key: str, list_: Any) -> None:
        """Set all versions of one name."""
        super().setlist(key, list_)
        self.changed.add(key)

    def pop(self, key: str) -> None:  # type: ignore[override]
        """Take all versions of one name away."""
        super().pop(key)
        self.changed.add(key)

    def __reduce__(self) -> tuple[Any, ...]:
        return DurableKeyStore, ()


@contextmanager
def installed(bodies: Bodies) -> Iterator[None]:
    """Let moto make our objects and key stores while the block runs."""
    import_module("moto.s3.responses")  # imports FakeKey by name: it must not remember ours after the block
    DurableKey.bodies = bodies
    names: Any = s3_models
    before = names.FakeKey, names._VersionedKeyStore  # noqa: SLF001
    names.FakeKey, names._VersionedKeyStore = DurableKey, DurableKeyStore  # noqa: SLF001
    try:
        yield
    finally:
        names.FakeKey, names._VersionedKeyStore = before  # noqa: SLF001


class ObjectTable:
    """The rows of the objects' metadata in ``store``; bodies are in ``bodies``."""

    def __init__(self, store: Store, bodies: Bodies) -> None:
        self._store = store
        self._bodies = bodies
        store.schema(_SCHEMA)

    @staticmethod
    def tidy(backend: Any) -> None:
        """Drop the empty set of tags that moto keeps for every object ever put, before the backend is pickled."""
        tags = backend.tagger.tags
        for arn in [arn for arn, given in tags.items() if not given and "/" in arn]:
            del tags[arn]

    def save(self, call: Call, backend: Any) -> None:
        """Save what a call changed; within ``store.write()``. Bodies it gave up are deleted after the commit."""
        self._store.after_commit(self._bodies.remove_discarded)
        for bucket in backend.buckets.values():
            names: set[str] = bucket.keys.changed
            if bucket.name == call.params.get("Bucket") and "Key" in call.params:
                names.add(call.params["Key"])  # its access list, tags or lock may have changed in place
            for name in names:
                self._save_object(backend.partition, bucket, name)
            self._store.after_commit(names.clear)  # not before: a full disk must not make us forget them
        if call.operation == "DeleteBucket":
            with self._store.write() as connection:
                connection.execute(
                    "DELETE FROM moto_object WHERE partition = ? AND bucket = ?",
                    (backend.partition, call.params.get("Bucket", "")),
                )

    def _save_object(self, partition: str, bucket: Any, name: str) -> None:
        versions = bucket.keys.getlist(name)
        with self._store.write() as connection:
            if versions:
                connection.execute(
                    "INSERT OR REPLACE INTO moto_object VALUES (?, ?, ?, ?)",
                    (partition, bucket.name, name, moto_pickle.dump(versions)),
                )
            else:
                connection.execute(
                    "DELETE FROM moto_object WHERE partition = ? AND bucket = ? AND name = ?",
                    (partition, bucket.name, name),
                )

    def restore(self, backend: Any) -> None:
        """Put the objects of a partition back into its buckets, which are there already."""
        for bucket in backend.buckets.values():
            s3_models.s3_backends.bucket_accounts[bucket.name] = (backend.partition, backend.account_id)
        rows = self._store.read().execute(
            "SELECT bucket, name, data FROM moto_object WHERE partition = ?", (backend.partition,)
        )
        for bucket_name, name, data in rows.fetchall():
            bucket = backend.buckets.get(bucket_name)
            if bucket is not None:
                dict.__setitem__(bucket.keys, name, moto_pickle.load(data))
