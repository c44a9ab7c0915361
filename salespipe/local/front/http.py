"""The HTTP/1.1 front on 127.0.0.1: keep-alive, a thread for each connection, and no more of HTTP than AWS clients use.

The standard library's server parses headers with its e-mail parser, which alone costs more than a small call to us.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from salespipe.local.api import Answer

_log = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"

Dispatch = Callable[[str, str, str, Mapping[str, str], bytes], Answer]
"""Answers a request: method, path (still encoded), query, headers (names in lower case), body."""

_MAX_HEAD: Final = 64 * 1024
_MAX_BODY: Final = 6 * 2**30  # S3 takes 5 GB in one PUT
_RECEIVE: Final = 256 * 1024
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _BadRequestError(Exception):
    """What was sent is not HTTP as we speak it; the connection cannot go on."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]
    keep_alive: bool


class HttpServer:
    """Listens on 127.0.0.1 and hands requests to ``dispatch``, one thread for each connection.

    Refuses with 403 any Host that is not this server's own, so that no web page can reach it under another name
    (DNS rebinding), and any Origin that is not, so that none can post forms to it. Raises ``OSError`` when the port is
    taken. ``port`` 0 lets the system choose.
    """

    def __init__(self, dispatch: Dispatch, port: int) -> None:
        self._dispatch = dispatch
        self._listener = socket.create_server((HOST, port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._acceptor = threading.Thread(target=self._accept, name="http-accept", daemon=True)

    @property
    def endpoint(self) -> str:
        """Where clients reach it."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop listening, let the requests in progress finish for at most ``timeout`` seconds, and hang up."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        if self._acceptor.is_alive():
            self._acceptor.join(timeout)
        with self._lock:
            left = list(self._connections.items())
        for connection, _ in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # an idle one ends at once, a busy one after its answer
        for connection, thread in left:
            thread.join(timeout / max(len(left), 1) if timeout > 0 else 0)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="http", daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _Conversation(connection, self._answer).run(lambda: self._stopping)
        except OSError:
            pass  # the client hung up
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()

    def _answer(self, head: _Head, body: bytes) -> Answer:
        origin = head.headers.get("origin")
        if not self._own(head.headers.get("host", "")) or not (origin is None or self._own(origin[7:])):
            return Answer(403, b"This server answers to its own address only.\n", {"content-type": "text/plain"})
        path, _, query = head.target.partition("?")
        return self._dispatch(head.method, path, query, head.headers, body)

    def _own(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        if port != str(self.port):
            return False
        return name in {HOST, "localhost", "[::1]"} or name.endswith(".localhost")


class _Conversation:
    """Requests and answers on one connection, in turn."""

    def __init__(self, connection: socket.socket, answer: Callable[[_Head, bytes], Answer]) -> None:
        self._connection = connection
        self._answer = answer
        self._buffer = bytearray()

    def run(self, stopping: Callable[[], bool]) -> None:
        """Go on until the client or the server has had enough."""
        while True:
            try:
                head = self._read_head()
                if head is None:
                    return
                body = self._read_body(head)
            except _BadRequestError as error:
                said = Answer(error.status, f"{error}\n".encode(), {"content-type": "text/plain"})
                self._connection.sendall(_render(said, keep_alive=False, head_only=False))
                return
            keep_alive = head.keep_alive and not stopping()
            answer = self._answer(head, body)
            self._connection.sendall(_render(answer, keep_alive=keep_alive, head_only=head.method == "HEAD"))
            if answer.parts is not None:
                self._send_parts(answer.parts)
            if not keep_alive:
                return

    def _send_parts(self, parts: Iterator[bytes]) -> None:
        """Each as a chunk (RFC 9112 section 7.1), as it comes."""
        for part in parts:
            self._connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        self._connection.sendall(b"0\r\n\r\n")

    def _read_head(self) -> _Head | None:
        """The next request's line and headers, or None at the end of the connection."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise _BadRequestError(431, "The headers are too long.")
            if not self._receive():
                return None
        raw = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        return _parse_head(raw)

    def _read_body(self, head: _Head) -> bytes:
        headers = head.headers
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(_CONTINUE)
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._read_chunks()
            del headers["transfer-encoding"]
            headers["content-length"] = str(len(body))
            return body
        text = headers.get("content-length", "0")
        if not text.isdecimal():
            raise _BadRequestError(400, "Content-Length is not a number.")
        return self._take(int(text))

    def _read_chunks(self) -> bytes:
        """A chunked body (RFC 9112 section 7.1); trailers are dropped."""
        body = bytearray()
        while True:
            line = self._line()
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                raise _BadRequestError(400, "A chunk's size is not a number.") from None
            if size == 0:
                while self._line():
                    pass
                return bytes(body)
            body += self._take(size)
            if len(body) > _MAX_BODY:
                raise _BadRequestError(413, "The body is too large.")
            if self._take(2) != b"\r\n":
                raise _BadRequestError(400, "A chunk does not end where it says.")

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise _BadRequestError(400, "A line is too long.")
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_BODY:
            raise _BadRequestError(413, "The body is too large.")
        while len(self._buffer) < size:
            self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _more(self) -> None:
        if not self._receive():
            raise ConnectionResetError("The client hung up within a request.")

    def _receive(self) -> bool:
        data = self._connection.recv(_RECEIVE)
        self._buffer += data
        return bool(data)


def _parse_head(raw: str) -> _Head:
    line, *fields = raw.lstrip("\r\n").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith(("/", "http://")):
        raise _BadRequestError(400, "That is not an HTTP/1.1 request.")
    headers: dict[str, str] = {}
    for field in fields:
        name, colon, value = field.partition(":")
        if not colon or name != name.strip():
            raise _BadRequestError(400, "A header has no name.")
        name = name.lower()
        value = value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    target = words[1]
    if target.startswith("http://"):  # the absolute form, as a proxy would be asked
        target = "/" + target[7:].partition("/")[2]
    connection = headers.get("connection", "").lower()
    keep_alive = "close" not in connection if words[2] == "HTTP/1.1" else "keep-alive" in connection
    return _Head(words[0], target, headers, keep_alive)


def _render(answer: Answer, *, keep_alive: bool, head_only: bool) -> bytes:
    body = b"" if answer.status in {204, 304} else answer.body
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Unknown')}"]
    length = str(len(body))
    for name, value in answer.headers.items():
        lowered = name.lower()
        if lowered == "content-length":
            if head_only:
                length = value
        elif lowered not in {"connection", "transfer-encoding", "date", "server"}:
            lines.append(f"{name}: {_clean(value)}")
    if answer.parts is not None:
        lines.append("transfer-encoding: chunked")
    elif answer.status != 204:
        lines.append(f"content-length: {length}")
    lines.extend((f"date: {formatdate(usegmt=True)}", "server: salespipe"))
    if not keep_alive:
        lines.append("connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head if head_only else head + body


def _clean(value: str) -> str:
    """A header's value on one line, whatever was put into it."""
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value
