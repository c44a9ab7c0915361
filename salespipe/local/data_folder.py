"""The data folder of a local AWS: who holds it, and where that process answers.

A folder belongs to the one process that holds an exclusive lock on its file ``lock``; the system lets go of the lock
when the process ends, however it ends. ``server.json`` says where that process answers.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from salespipe.errors import SalespipeError

ACCOUNT: Final = "123456789012"
"""The account that every local AWS is, known before it runs."""

IN_USE: Final = "DataFolderInUse"
"""The error code of a folder that another process holds."""

_LET_GO_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Server:
    """A running local AWS. ``region`` is only a default, every region works; ``started`` is ISO 8601, UTC."""

    endpoint: str
    region: str
    pid: int
    data_dir: Path
    started: str
    version: str


class Folder:
    """A data folder, for this user alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.log = self.path / "server.log"
        self._lock = self.path / "lock"
        self._server = self.path / "server.json"

    def create(self) -> None:
        """Make the folder, readable by its user only. Raises ``SalespipeError``."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise SalespipeError(
                "DataFolder",
                f"The data folder {self.path} cannot be used: {error.strerror or error}.",
                hint="Choose another with data_dir in the section [local] of salespipe.toml, or SALESPIPE_HOME.",
            ) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder while the block runs. Raises ``SalespipeError`` when another process does."""
        self.create()
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor)
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + _LET_GO_SECONDS
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if self.holder() is not None or time.monotonic() > deadline:
                    raise SalespipeError(
                        IN_USE, f"Another process uses the data folder {self.path}.", hint="salespipe local status"
                    ) from error
                time.sleep(0.01)

    def holder(self) -> int | None:
        """The process that holds the folder, None when none does.

        A process that was killed just as it began another one, which is not yet what it will be, leaves that one with
        the lock for a moment: nobody holds the folder then.
        """
        try:
            descriptor = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode().strip()
            return int(text) if text.isdecimal() and _alive(int(text)) else None
        finally:
            os.close(descriptor)
        return None

    def remember(self, server: Server) -> None:
        """Write down where the process answers."""
        port = int(server.endpoint.rpartition(":")[2])
        self._write({"port": port, "server": msgspec.to_builtins({**vars(server), "data_dir": str(server.data_dir)})})

    def forget_process(self) -> int:
        """Write down that no process answers, and return the port of the last one (0 when there was none)."""
        port = self._read().get("port", 0)
        port = port if isinstance(port, int) else 0
        self._write({"port": port})
        return port

    def server(self) -> Server | None:
        """The server that answers, None when there is none."""
        said = self._read().get("server")
        if not isinstance(said, dict) or self.holder() != said.get("pid"):
            return None
        return Server(**{**said, "data_dir": self.path})

    def _read(self) -> dict[str, Any]:
        try:
            said = msgspec.json.decode(self._server.read_bytes())
        except (OSError, msgspec.DecodeError):
            return {}
        return said if isinstance(said, dict) else {}

    def _write(self, said: dict[str, Any]) -> None:
        draft = self._server.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(said) + b"\n")
        draft.replace(self._server)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's, but it is there
    return True


class Report:
    """How a process that was started tells the one that started it, through a pipe; ``-1`` for nobody."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)

    def ready(self, server: Server) -> None:
        """It answers."""
        self._send({"endpoint": server.endpoint})

    def failed(self, error: SalespipeError) -> None:
        """It could not start."""
        self._send({"code": error.code, "message": error.message, "hint": error.hint})

    def _send(self, said: dict[str, str]) -> None:
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            os.write(descriptor, msgspec.json.encode(said))
        except BrokenPipeError:
            pass  # the one that started it has gone; it is wanted all the same
        finally:
            os.close(descriptor)
