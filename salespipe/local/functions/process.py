"""One warm execution environment of a Lambda function: a child process that answers one event at a time."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")
_LENGTHS: Final = struct.Struct(">II")
_CHUNK: Final = 1 << 20
# A function that prints without end must not fill our memory; what it prints above this is dropped.
_OUTPUT_LIMIT: Final = 4 << 20
INIT_SECONDS: Final = 10.0
"""How long loading the handler may take, beside the function's own timeout (AWS: the init phase)."""


class Ending(Enum):
    """How an exchange with the process went."""

    ANSWERED = "answered"
    FAILED = "failed"  # the function raised, or could not be loaded
    TIMED_OUT = "timed out"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one event.

    ``payload`` is the function's answer or error, for ANSWERED and FAILED; ``output`` is what was printed meanwhile;
    ``seconds`` how long it took; ``memory`` the process's peak in KiB; ``code`` the exit status, negative for a signal,
    for EXITED.
    """

    ending: Ending
    payload: bytes
    output: str
    seconds: float
    memory: int = 0
    code: int = 0


class FunctionProcess:
    """A child process that has its own session, environment and working folder, and no file of ours.

    The handler is loaded by ``load``, once, before the first ``invoke``. After an exchange that did not end as ANSWERED
    or, in ``invoke``, FAILED, the process is gone. Not for two threads at once.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], memory_mib: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: the folder of the script, full of our modules, must not be on the function's path.
                [sys.executable, "-P", "-B", str(_BOOTSTRAP), str(theirs.fileno()), str(memory_mib)],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._channel = ours
        self._stdout = self._process.stdout
        self._output = self._stdout.fileno()
        self._printed = bytearray()
        os.set_blocking(self._output, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._channel, selectors.EVENT_READ)
        self._selector.register(self._output, selectors.EVENT_READ)
        self.loaded = False

    def load(self, timeout: float) -> Exchange:
        """Wait until the handler is loaded, at most ``timeout`` seconds. FAILED: it cannot be."""
        exchange = self._finish(time.monotonic(), timeout)
        self.loaded = exchange.ending is Ending.ANSWERED
        if not self.loaded:
            self.end()
        return exchange

    def invoke(self, header: Mapping[str, Any], payload: bytes, timeout: float) -> Exchange:
        """Hand the function one event and wait for its answer, at most ``timeout`` seconds."""
        started = time.monotonic()
        packed = json.dumps(header).encode()
        try:
            self._channel.settimeout(timeout)
            self._channel.sendall(_LENGTHS.pack(len(packed), len(payload)) + packed)
            self._channel.sendall(payload)
        except TimeoutError:
            return self._timed_out(started)
        except OSError:
            return self._exited(started)
        return self._finish(started, timeout)

    def end(self) -> None:
        """Kill the process and all it started, and give back its resources. May be called again."""
        self.kill()
        self._process.wait()
        self._selector.close()
        self._channel.close()
        self._stdout.close()

    def kill(self) -> None:
        """Kill the process and all it started; whoever waits for its answer sees it end. For any thread."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs: one that ended while idle is replaced, not reported."""
        return self._process.poll() is None

    def _finish(self, started: float, timeout: float) -> Exchange:
        """Read the output and the answer side by side until the answer is whole."""
        deadline = started + timeout
        answer = bytearray()
        while True:
            ready = self._selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return self._timed_out(started)
            for key, _ in ready:
                if key.fd == self._output:
                    self._drain()
                    continue
                try:
                    chunk = self._channel.recv(_CHUNK)
                except OSError:
                    chunk = b""
                if not chunk:
                    return self._exited(started)
                answer += chunk
            if (frame := _frame(answer)) is not None:
                header, payload = frame
                self._drain()
                ending = Ending.FAILED if header["error"] else Ending.ANSWERED
                return Exchange(ending, payload, self._taken(), time.monotonic() - started, header["memory"])

    def _drain(self) -> None:
        """Take what was printed so far, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._output, 1 << 16):
                if len(self._printed) < _OUTPUT_LIMIT:
                    self._printed += chunk
            # The end of the pipe would be reported as readable for ever.
            with contextlib.suppress(KeyError):
                self._selector.unregister(self._output)

    def _taken(self) -> str:
        printed, self._printed = self._printed, bytearray()
        return printed.decode(errors="replace")

    def _timed_out(self, started: float) -> Exchange:
        seconds = time.monotonic() - started
        self._drain()
        self.end()
        return Exchange(Ending.TIMED_OUT, b"", self._taken(), seconds)

    def _exited(self, started: float) -> Exchange:
        # The socket closes a moment before the process is gone.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        self._drain()
        code = self._process.poll() or 0
        self.end()
        return Exchange(Ending.EXITED, b"", self._taken(), time.monotonic() - started, code=code)


def _frame(buffer: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """The frame in ``buffer``, or None while it is not whole."""
    if len(buffer) < _LENGTHS.size:
        return None
    header_length, body_length = _LENGTHS.unpack_from(buffer)
    start = _LENGTHS.size + header_length
    if len(buffer) < start + body_length:
        return None
    header: dict[str, Any] = json.loads(buffer[_LENGTHS.size : start])
    return header, bytes(buffer[start : start + body_length])
