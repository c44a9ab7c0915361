"""The warm processes of one deployed function version, shared by concurrent invocations."""

from __future__ import annotations

import io
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from salespipe.local.api import AwsError
from salespipe.local.functions.process import FunctionProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROCESSES: Final = 2
"""Processes of one function at most: a laptop has few cores, and a further event waits for the first that is free."""


@dataclass(frozen=True)
class Deployment:
    """A function version as it is deployed now; two that are equal may share their processes.

    ``arn`` is what the caller named, qualifier included; ``timeout`` is in seconds, ``memory`` in MiB. ``revision`` is
    whatever else changes with an update (the code's hash).
    """

    region: str
    arn: str
    name: str
    version: str
    handler: str
    runtime: str
    timeout: float
    memory: int
    revision: str
    log_group: str
    log_format: str
    log_level: str
    variables: Mapping[str, str] = field(hash=False)


@dataclass(eq=False)
class WarmProcess:
    """A process with the log stream that it writes to and when it was last used (Unix seconds)."""

    process: FunctionProcess
    stream: str
    used: float = 0.0


class PoolClosedError(Exception):
    """The pool was closed, since its function changed or the server ends."""


class FunctionPool:
    """Processes of one ``Deployment``, started on demand by ``start`` in the folder of its unpacked code."""

    def __init__(self, deployment: Deployment, code: bytes, parent: Path, start: Callable[[Path], WarmProcess]) -> None:
        self.deployment = deployment
        self._start = start
        self._free = threading.Condition()
        self._idle: list[WarmProcess] = []
        self._busy: list[WarmProcess] = []
        self._closed = False
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{deployment.name}-", dir=parent))
        self._task = self._folder / "task"
        self._task.mkdir()
        # Where the function's HOME and temporary files are: gone with the pool, unlike the code never shared.
        (self._folder / "tmp").mkdir()
        try:
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(self._task)
        except zipfile.BadZipFile as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise AwsError("InvalidZipFileException", "Lambda could not unzip the deployment package.", 502) from error

    @contextmanager
    def process(self) -> Iterator[WarmProcess]:
        """A process for one event: an idle one, a new one, or the first to become free.

        Raises ``PoolClosedError``. A process that is no longer alive afterwards is not kept.
        """
        warm = self._take()
        try:
            yield warm
        finally:
            self._give_back(warm)

    def end_idle(self, before: float) -> bool:
        """End the processes not used since ``before`` (Unix seconds); tells whether any are left."""
        with self._free:
            stale = [warm for warm in self._idle if warm.used < before]
            self._idle = [warm for warm in self._idle if warm.used >= before]
            left = bool(self._idle or self._busy)
        for warm in stale:
            warm.process.end()
        return left

    def close(self, *, kill: bool = False) -> None:
        """End idle processes now and busy ones after their event, or at once with ``kill``; then drop the code."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._free.notify_all()
            if kill:
                for warm in self._busy:
                    warm.process.kill()
        for warm in idle:
            warm.process.end()
        self._drop_folder()

    def _take(self) -> WarmProcess:
        with self._free:
            while True:
                if self._closed:
                    raise PoolClosedError
                while self._idle:
                    warm = self._idle.pop()
                    if warm.process.alive():
                        self._busy.append(warm)
                        return warm
                    warm.process.end()
                if len(self._busy) < PROCESSES:
                    warm = self._start(self._folder)
                    self._busy.append(warm)
                    return warm
                self._free.wait()

    def _give_back(self, warm: WarmProcess) -> None:
        with self._free:
            self._busy.remove(warm)
            kept = not self._closed and warm.process.loaded and warm.process.alive()
            if kept:
                self._idle.append(warm)
            self._free.notify()
        if not kept:
            warm.process.end()
            self._drop_folder()

    def _drop_folder(self) -> None:
        with self._free:
            done = self._closed and not self._busy
        if done:
            shutil.rmtree(self._folder, ignore_errors=True)
