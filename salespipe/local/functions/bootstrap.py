"""What runs in a Lambda function's own process: it loads the handler, then answers one event after another.

Started as a script by ``function_process`` with the function's environment and nothing of ours on its path: the
standard library only. Arguments: the number of the socket's file descriptor, and the memory limit in MiB.

A frame on the socket is two big-endian 32-bit lengths, a JSON header and a body. The first frame tells how loading
went; then each request (header ``request_id``, ``arn``, ``timeout`` in seconds; body: the event) is
answered by one frame (header ``error``, ``memory`` in KiB; body: the payload). The function's output is the log, and
is flushed before the answer is sent. Messages and error types are those of AWS's runtime interface client for Python.
"""

from __future__ import annotations

import decimal
import importlib
import io
import json
import logging
import os
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn

_LENGTHS = struct.Struct(">II")
# What the interpreter maps for itself without ever filling it: thread stacks, allocator arenas.
_MEMORY_SLACK_MIB = 64
_STATE = {"request_id": ""}


class RuntimeFaultError(Exception):
    """An error of the runtime's own making, under one of its error types."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace or []


class Context:
    """The ``context`` that a handler gets, with the attributes that AWS documents."""

    def __init__(self, request_id: str, arn: str, timeout: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = time.time() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout, never below zero."""
        return max(0, int((self._deadline - time.time()) * 1000))


class LogFormatter(logging.Formatter):
    """Log records as the runtime writes them: tab separated text, or one JSON object a line."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s")
        self.datefmt = "%Y-%m-%dT%H:%M:%S"
        self.converter = time.gmtime
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One record, without a line break: line breaks inside travel as carriage returns and are restored."""
        record.aws_request_id = _STATE["request_id"]
        if not self.as_json:
            return super().format(record).replace("\n", "\r")
        entry = {
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": _STATE["request_id"],
        }
        if record.exc_info:
            entry["stackTrace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def main() -> NoReturn:
    """Load the handler, then serve until the socket closes."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    _limit_memory(int(sys.argv[2]))
    _set_up_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - whatever the function's module raises is its own init error
        _answer(channel, _report(error), error=True)
        sys.exit(1)
    _answer(channel, b"", error=False)
    while True:
        header, body = _receive(channel)
        _STATE["request_id"] = header["request_id"]
        try:
            payload = _run(handler, header, body)
        except MemoryError:
            # AWS kills a function that passes its memory limit, it does not let it go on.
            os.kill(os.getpid(), signal.SIGKILL)
        except Exception as error:  # noqa: BLE001 - whatever the handler raises is its answer
            _answer(channel, _report(error), error=True)
        else:
            _answer(channel, payload, error=False)


def _run(handler: Callable[[Any, Context], Any], header: dict[str, Any], body: bytes) -> bytes:
    try:
        event = json.loads(body)
    except ValueError as error:
        raise RuntimeFaultError("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
    result = handler(event, Context(header["request_id"], header["arn"], header["timeout"]))
    try:
        return json.dumps(result, ensure_ascii=False, default=_encode).encode()
    except (TypeError, ValueError) as error:
        raise RuntimeFaultError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _encode(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _load(handler: str) -> Callable[[Any, Context], Any]:
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as error:
        raise RuntimeFaultError("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {error}") from error
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise RuntimeFaultError(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        ) from error
    except SyntaxError as error:
        where = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        raise RuntimeFaultError(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [where]
        ) from error
    try:
        found: Callable[[Any, Context], Any] = getattr(module, name)
    except AttributeError as error:
        raise RuntimeFaultError(
            "Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'"
        ) from error
    return found


def _report(error: Exception) -> bytes:
    """Log an error as the runtime does and return the payload that tells the caller."""
    if isinstance(error, RuntimeFaultError):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message, trace = type(error).__name__, str(error), _trace(error.__traceback__)
    found = {"errorMessage": message, "errorType": kind, "requestId": _STATE["request_id"], "stackTrace": trace}
    if _logs_json():
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        _print(json.dumps({"timestamp": moment, "level": "ERROR", **found}, ensure_ascii=False))
    else:
        lines = [f"[ERROR] {kind}: {message}", "Traceback (most recent call last):", *trace]
        _print("\r".join(line.rstrip("\n").replace("\n", "\r") for line in lines))
    return json.dumps(found, ensure_ascii=False).encode()


def _trace(found: TracebackType | None) -> list[str]:
    """The frames of the function's own code, the importing machinery and this file left out."""
    return traceback.format_list(
        [
            frame
            for frame in traceback.extract_tb(found)
            if frame.filename != __file__ and not frame.filename.startswith("<frozen importlib")
        ]
    )


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _logs_json() -> bool:
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"


def _set_up_logging() -> None:
    # Lines in the order of writing, whichever of the two they were written to.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(LogFormatter(as_json=_logs_json()))
    root = logging.getLogger()
    root.addHandler(output)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)


def _limit_memory(mebibytes: int) -> None:
    """Bound what this process may allocate; on systems without such a limit, the function runs unbounded."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        limit = (mebibytes + _MEMORY_SLACK_MIB) * 2**20
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _peak_memory() -> int:
    """The most memory that was resident so far, in KiB; 0 where it cannot be told.

    ``getrusage`` will not do: its peak includes the process that this one was forked from.
    """
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - no pathlib to load
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def _answer(channel: socket.socket, body: bytes, *, error: bool) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    header = json.dumps({"error": error, "memory": _peak_memory()}).encode()
    try:
        channel.sendall(_LENGTHS.pack(len(header), len(body)) + header)
        channel.sendall(body)
    except OSError:
        sys.exit(0)


def _receive(channel: socket.socket) -> tuple[dict[str, Any], bytes]:
    header_length, body_length = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    header: dict[str, Any] = json.loads(_exactly(channel, header_length))
    return header, bytes(_exactly(channel, body_length))


def _exactly(channel: socket.socket, count: int) -> bytearray:
    """Read ``count`` bytes; the end of the socket is the end of this process."""
    found = bytearray(count)
    view, filled = memoryview(found), 0
    while filled < count:
        received = channel.recv_into(view[filled:])
        if not received:
            sys.exit(0)
        filled += received
    return found


if __name__ == "__main__":
    main()
