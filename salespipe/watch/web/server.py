"""HTTP for one page on 127.0.0.1: its files, and snapshots as server-sent events, for a bounded number of clients.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import socketserver
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from salespipe.watch.web.choosing import chosen
from salespipe.watch.web.contents import content

if TYPE_CHECKING:
    import socket

    from salespipe.watch.web.pictures import Pictures

HOST: Final = "127.0.0.1"
MOST_STREAMS: Final = 16
"""So many pages may be open."""
BEAT_SECONDS: Final = 2.0
"""With nothing new for so long, a page is told that the server is there."""
MOST_CONNECTIONS: Final = 64
"""So many connections are answered at once, those that say nothing among them; a browser uses six at most."""
# Without the port: the page may be reached through a tunnel (ssh -L) that ends at another.
_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS: Final = {
    # Everything comes from here, no script or style stands in the page itself, and no text can become one.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Connection": "close",
}


class PageServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1, on a free port where ``port`` is 0. Raises ``OSError`` where it cannot."""

    daemon_threads = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, pictures: Pictures, port: int = 0, *, beat: float = BEAT_SECONDS) -> None:
        self.pictures = pictures
        self.beat = beat
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def server_bind(self) -> None:
        """Bind, and do not ask a name server who we are, as ``HTTPServer`` does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, or hang up where there are too many."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Say nothing of a browser that went away, which is how every stream ends."""
        import sys

        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = 10.0  # for a request to come, and for a page to take what is sent to it
    server_version = "salespipe"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with a file or with the stream of snapshots."""
        if _host(self.headers.get("Host", "")) not in _OURS:
            # Another name that leads to this machine: a page of elsewhere would read ours by it (DNS rebinding).
            self.refuse(HTTPStatus.FORBIDDEN, f"This page is at {self.server.url} and has no other name.")
            return
        target = urlsplit(self.path)
        if target.path != "/" and self.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            self.refuse(HTTPStatus.FORBIDDEN, "This is for its own page only.")
        elif target.path == "/events":
            self.stream(target.query)
        elif (found := content(target.path)) is not None:
            self.begin(HTTPStatus.OK, found[0], len(found[1]))
            self.send(found[1])
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "There is no such page.")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def stream(self, query: str) -> None:
        """Send each snapshot until the browser goes, or there are no more."""
        try:
            choice = chosen(query)
        except ValueError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        if self.command == "HEAD" or not self.server.streams.acquire(blocking=False):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_STREAMS} pages are open, which is the most.")
            return
        try:
            self.begin(HTTPStatus.OK, "text/event-stream; charset=utf-8")
            self.send(b"retry: 1000\n\n")
            number = 0
            while not self.server.pictures.over.is_set():
                made = self.server.pictures.after(number, choice, self.server.beat)
                if made is None:
                    self.send(_event("beat", b"{}"))
                    continue
                number = made[0]
                self.send(_event("snapshot", made[1]))
                self.rest(self.server.pictures.pace)
            self.send(_event("end", b"{}"))
        finally:
            self.server.streams.release()

    def rest(self, seconds: float) -> None:
        """Let so many seconds pass, and let the page know that the server is there."""
        while seconds > 0 and not self.server.pictures.over.wait(min(seconds, self.server.beat)):
            seconds -= self.server.beat
            if seconds > 0:
                self.send(_event("beat", b"{}"))

    def begin(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status: HTTPStatus, why: str) -> None:
        """Answer with a sentence."""
        body = f"{why}\n".encode()
        self.begin(status, "text/plain; charset=utf-8", len(body))
        self.send(body)

    def send(self, body: bytes) -> None:
        """Send a body, unless only the head was asked for."""
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no HTTP, or no method of ours, as any other refusal."""
        status = HTTPStatus(code)
        self.refuse(status, explain or message or status.phrase)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: stderr is for people."""


def _event(name: str, data: bytes) -> bytes:
    """One event. Its data is JSON on one line, so that nothing in it ends it."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _host(header: str) -> str:
    """The name in a Host header, without its port; nothing where there is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
