"""The local AWS as a background process: start it, find it again, stop it, read its log.

Imports neither moto nor boto3: the command line waits for this module.
"""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from salespipe.errors import SalespipeError
from salespipe.local.data_folder import ACCOUNT, IN_USE, Folder, Server

__all__ = ["ACCOUNT", "Server", "default_data_dir", "find", "holds_data", "logs", "reset", "start", "stop"]

START_SECONDS: Final = 15.0
STOP_SECONDS: Final = 10.0

_LOG_LIMIT: Final = 10 * 2**20
_POLL_SECONDS: Final = 0.05
_TAIL_LINES: Final = 15
_NEEDS: Final = ("moto", "werkzeug", "duckdb", "sqlglot")
# Everything that a process of ours puts into its data folder, the lock aside.
_CONTENTS: Final = ("state.db*", "objects", "athena-*", "functions", "server.json", "server.log*")


def default_data_dir() -> Path:
    """``$SALESPIPE_HOME``, or ``salespipe`` in the user's folder for state (``$XDG_STATE_HOME``, ~/.local/state)."""
    if home := os.environ.get("SALESPIPE_HOME"):
        return Path(home).expanduser()
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "salespipe"


def find(data_dir: Path) -> Server | None:
    """The server that runs on a data folder and answers, None when there is none."""
    return Folder(data_dir).server()


def holds_data(data_dir: Path) -> bool:
    """Whether a local AWS has ever run on the folder."""
    return (data_dir.expanduser() / "state.db").exists()


def start(data_dir: Path, port: int, *, patience: float = START_SECONDS) -> Server:
    """The server that runs on a data folder, started if there is none; it answers when this returns.

    ``port`` 0 takes the port of last time if it is free, or any. Raises ``SalespipeError``: ``PortTaken``,
    ``MissingExtra``, ``StateFormat``, ``StateUnreadable``, ``DataFolder``, or ``StartFailed`` with the end of the log.
    """
    if running := find(data_dir):
        return running
    _require_extra()
    folder = Folder(data_dir)
    folder.create()
    deadline = time.monotonic() + patience
    answer = _spawn(folder, port, deadline)
    if answer.get("code") == IN_USE or "endpoint" in answer:
        # Either ours is ready, or somebody else's was first: then it is a matter of waiting for that one.
        while time.monotonic() < deadline:
            if running := find(data_dir):
                return running
            time.sleep(_POLL_SECONDS)
    elif "code" in answer:
        raise SalespipeError(answer["code"], answer["message"], hint=answer["hint"])
    tail = "\n".join(logs(data_dir, lines=_TAIL_LINES))
    raise SalespipeError(
        "StartFailed",
        f"The local AWS did not start. The end of its log:\n{tail}",
        hint=f"See {folder.log}.",
    )


def stop(data_dir: Path, *, patience: float = STOP_SECONDS) -> bool:
    """Stop the process that holds a data folder; whether there was one. Returns once it has ended."""
    folder = Folder(data_dir)
    pid = folder.holder()
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if folder.holder() != pid:
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)  # it may be a child of ours: then somebody must
                return True
            time.sleep(_POLL_SECONDS)
    raise SalespipeError("StopFailed", f"Process {pid} does not end.", hint=f"kill -9 {pid}")


def reset(data_dir: Path) -> bool:
    """Stop the server and delete everything that it kept in the folder; whether there was anything.

    Files that are not ours stay where they are.
    """
    stop(data_dir)
    folder = Folder(data_dir)
    if not folder.path.exists():
        return False
    with folder.held():
        found = [path for pattern in _CONTENTS for path in folder.path.glob(pattern)]
        for path in found:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return bool(found)


def logs(
    data_dir: Path, lines: int = 50, *, follow: bool = False, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """The last ``lines`` of the process's log, without line ends; with ``follow`` also those that come, for ever."""
    path = Folder(data_dir).log
    if not path.exists() and not follow:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in deque(file, maxlen=lines):
            yield line.rstrip("\n")
        while follow:
            if line := file.readline():
                yield line.rstrip("\n")
            else:
                sleep(_POLL_SECONDS)


def _require_extra() -> None:
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise SalespipeError(
            "MissingExtra",
            f"The local AWS needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            hint="pip install 'salespipe[local]'",
        )


def _spawn(folder: Folder, port: int, deadline: float) -> dict[str, str]:
    """Start the process and return what it reports; empty when it ended, or took too long, without a word."""
    if folder.log.exists() and folder.log.stat().st_size > _LOG_LIMIT:
        folder.log.replace(folder.log.with_suffix(".log.1"))
    reading, writing = os.pipe()
    try:
        try:
            log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                process = subprocess.Popen(
                    [
                        *(sys.executable, "-m", "salespipe.local"),
                        *("--data-dir", str(folder.path), "--port", str(port), "--report-fd", str(writing)),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=folder.path,
                    pass_fds=(writing,),
                    start_new_session=True,
                )
            finally:
                os.close(log)
        finally:
            os.close(writing)
        ready, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
        said = os.read(reading, 65536) if ready else b""
    finally:
        os.close(reading)
    if not ready:
        process.kill()
    process.returncode = 0  # it outlives us: Popen must not warn that nobody waited for it
    return msgspec.json.decode(said, type=dict[str, str]) if said else {}
