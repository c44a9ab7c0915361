"""The page's server: what it serves, to whom, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.resources import files

import msgspec
import pytest

from salespipe.errors import SalespipeError
from salespipe.view.screen import Screen
from salespipe.watch import tally
from salespipe.watch.model import Board, Choice, Snapshot, Window
from salespipe.watch.web import browser, serve
from salespipe.watch.web.choosing import chosen, written
from salespipe.watch.web.pictures import Pictures
from salespipe.watch.web.server import MOST_CONNECTIONS, MOST_STREAMS, PageServer
from snapshots import snapshot

ASSETS = {each.name: each.read_text() for each in (files("salespipe.watch.web") / "assets").iterdir()}
BOARDS: Callable[[Choice], Board] = lambda choice: snapshot("small", choice).board  # noqa: E731
EVERYTHING = {"window": "1h", "product": "p-0007", "region": "Pacific", "channel": "web", "category": "Toys",
              "customer": "c-00001", "text": 'a&b="<script>'}  # fmt: skip


@contextmanager
def serving(pictures: Pictures) -> Iterator[PageServer]:
    server = PageServer(pictures, beat=0.05)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        pictures.end()
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def server() -> Iterator[PageServer]:
    with serving(Pictures(BOARDS)) as server:
        yield server


def ask(server: PageServer, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(*server.server_address, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()
    except OSError:
        connection.close()
        raise


def events(answer: http.client.HTTPResponse, wanted: str) -> Iterator[bytes]:
    """The data of the events of that name, until the server ends."""
    name = ""
    while line := answer.readline().decode():
        field, _, value = line.rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name == wanted:
            yield value.encode()


def test_the_page_and_all_that_it_names_are_there(server: PageServer) -> None:
    page = ask(server, "/")
    assert page.status == 200
    text = page.read().decode()
    named = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    imported = {f"/{name}" for script in ASSETS.values() for name in re.findall(r'from "\./([^"]+)"', script)}
    assert "/page.js" in named
    for path in named | imported:
        answer = ask(server, path)
        assert answer.status == 200, path
        assert answer.read()
    assert ask(server, "/palette.css").getheader("Content-Type") == "text/css; charset=utf-8"
    assert ask(server, "/page.js").getheader("Content-Type") == "text/javascript; charset=utf-8"


def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup() -> None:
    for name, text in ASSETS.items():
        known = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//\w+\.|@import|url\(", known), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            name
        )
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src)", ASSETS["page.html"])


def test_each_answer_carries_the_policy(server: PageServer) -> None:
    for path in ("/", "/page.js", "/events", "/nothing"):
        headers = ask(server, path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "require-trusted-types-for 'script'" in policy
        assert not re.search(r"unsafe|\*|https?:", policy)
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "["])
def test_another_name_for_this_machine_is_refused(server: PageServer, host: str) -> None:
    for path in ("/", "/events"):
        answer = ask(server, path, Host=host)
        assert answer.status == 403
        assert server.url in answer.read().decode()


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8080", "[::1]:9"])
def test_our_own_names_are_taken_at_any_port_for_tunnels(server: PageServer, host: str) -> None:
    assert ask(server, "/", Host=host).status == 200


def test_a_page_of_elsewhere_gets_no_part_of_it_but_may_link_to_it(server: PageServer) -> None:
    for path in ("/events", "/page.js"):
        assert ask(server, path, Sec_Fetch_Site="cross-site").status == 403
        assert ask(server, path, Sec_Fetch_Site="same-site").status == 403
    assert ask(server, "/?window=1h", Sec_Fetch_Site="cross-site").status == 200


@pytest.mark.parametrize("path", ["/nothing", "/../pictures.py", "/%2e%2e/pictures.py", "/assets", "/__init__.py"])
def test_nothing_else_is_served(server: PageServer, path: str) -> None:
    assert ask(server, path).status == 404


def test_other_methods_and_what_is_no_http_are_refused_in_text(server: PageServer) -> None:
    answer = ask(server, "/", "POST")
    assert (answer.status, answer.getheader("Content-Type")) == (501, "text/plain; charset=utf-8")
    assert ask(server, "/page.css", "HEAD").read() == b""
    with socket.create_connection(server.server_address, 5) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"Bad HTTP/0.9 request type" in raw.recv(1000)


def test_an_event_is_the_snapshot_whole(server: PageServer) -> None:
    for kind in ("chaos", "stuck", "stale", "empty"):
        made = snapshot(kind)
        server.pictures.post(made)
        data = next(events(ask(server, "/events"), "snapshot"))
        assert msgspec.json.decode(data, type=Snapshot) == made


def test_every_page_has_its_own_choice(server: PageServer) -> None:
    server.pictures.post(snapshot("small"))
    hour = next(events(ask(server, "/events?window=1h&region=Pacific"), "snapshot"))
    quarter = next(events(ask(server, "/events?window=15m"), "snapshot"))
    asked = Choice(window=Window.HOUR, region="Pacific")
    assert msgspec.json.decode(hour, type=Snapshot).board == BOARDS(asked)
    assert msgspec.json.decode(quarter, type=Snapshot).board == BOARDS(Choice())


def test_those_who_look_at_the_same_share_the_work() -> None:
    made: list[Choice] = []
    pictures = Pictures(lambda choice: made.append(choice) or BOARDS(choice))
    pictures.post(snapshot("small"))
    asked = Choice(region="Pacific")
    assert pictures.after(0, asked, 1) == pictures.after(0, asked, 1)
    assert pictures.after(0, Choice(), 1) is not None
    assert made == [asked]
    pictures.post(snapshot("busy"))
    assert pictures.after(1, asked, 1) is not None
    assert made == [asked, asked]


def test_the_tally_keeps_sums_for_all_the_pages_and_the_watcher() -> None:
    assert tally._FRAMES > MOST_STREAMS


def test_boards_that_take_long_are_made_less_often() -> None:
    now = [0.0]

    def board(choice: Choice) -> Board:
        now[0] += 0.4 if choice.region else 0.0
        return BOARDS(choice)

    pictures = Pictures(board, clock=lambda: now[0])
    pictures.post(snapshot("small"))
    pictures.after(0, Choice(channel="web"), 1)
    assert pictures.pace == 0.25
    pictures.after(0, Choice(region="Pacific"), 1)
    assert pictures.pace == pytest.approx(2.0)  # a fifth of the time
    pictures.after(0, Choice(region="Plains"), 1)
    assert pictures.pace == pytest.approx(4.0)
    now[0] += 60  # nobody looks at them any more
    assert pictures.pace == 0.25


def test_a_board_that_cannot_be_made_now_leaves_the_last() -> None:
    pictures = Pictures(lambda _: None)
    made = snapshot("stale")
    pictures.post(made)
    found = pictures.after(0, Choice(region="Pacific"), 1)
    assert found is not None
    assert msgspec.json.decode(found[1], type=Snapshot) == made


@pytest.mark.parametrize("query", ["window=2h", "shape=round", "text=" + "x" * 201, "&".join(["text=a"] * 17)])
def test_what_cannot_be_chosen_is_told(server: PageServer, query: str) -> None:
    answer = ask(server, f"/events?{query}")
    assert answer.status == 400
    assert len(answer.read()) < 200


def test_a_choice_survives_its_url() -> None:
    choice = Choice(**{**EVERYTHING, "window": Window.HOUR})
    assert chosen(written(choice)) == choice
    assert chosen("") == Choice()


def test_news_come_as_they_are_posted_and_silence_is_broken_by_beats(server: PageServer) -> None:
    answer = ask(server, "/events")
    assert next(events(answer, "beat")) == b"{}"
    stream = events(ask(server, "/events"), "snapshot")
    for kind in ("small", "busy"):
        server.pictures.post(snapshot(kind))
        assert json.loads(next(stream))["pipeline"] == snapshot(kind).pipeline


def test_a_page_that_must_wait_long_is_told_that_the_server_is_there() -> None:
    now = [0.0]

    def board(choice: Choice) -> Board:
        now[0] += 0.1
        return BOARDS(choice)

    with serving(Pictures(board, clock=lambda: now[0])) as server:
        server.pictures.post(snapshot("small"))
        answer = ask(server, "/events?region=Pacific")
        assert next(events(answer, "snapshot"))
        server.pictures.post(snapshot("busy"))
        assert next(events(answer, "beat"))


def test_only_so_many_pages_are_open_at_once(server: PageServer) -> None:
    taken = [ask(server, "/events") for _ in range(MOST_STREAMS)]
    refused = ask(server, "/events")
    assert refused.status == 503
    assert str(MOST_STREAMS) in refused.read().decode()
    assert ask(server, "/").status == 200
    taken.pop().close()
    # The server sees it when it has something to tell.
    for _ in range(500):
        if ask(server, "/events").status == 200:
            return
        time.sleep(0.02)
    pytest.fail("there is no room although a page is closed")


def test_connections_that_say_nothing_are_bounded(server: PageServer) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(server.server_address, 20)) for _ in range(MOST_CONNECTIONS)
        ]
        with stack.enter_context(socket.create_connection(server.server_address, 20)) as refused:
            assert refused.recv(1) == b""
        silent[0].close()
        for _ in range(500):
            with suppress(http.client.RemoteDisconnected, ConnectionError):
                if ask(server, "/").status == 200:
                    return
            time.sleep(0.02)
        pytest.fail("there is no room although a connection is closed")


def test_the_pages_are_told_of_the_end(server: PageServer) -> None:
    answer = ask(server, "/events")
    server.pictures.end()
    assert list(events(answer, "end")) == [b"{}"]


class Scripted:
    """Has so many snapshots, then Ctrl-C is pressed."""

    def __init__(self, *kinds: str) -> None:
        self.left = [snapshot(kind) for kind in kinds]
        self.newest = self.last = self.left.pop(0) if self.left else None
        self.meet: Callable[[], None] = lambda: None

    def wait(self, timeout: float | None = None, after: Snapshot | None = None) -> Snapshot | None:
        assert timeout is not None
        assert after is self.last
        if self.left:
            self.last = self.left.pop(0)
            return self.last
        self.meet()
        raise KeyboardInterrupt

    def board(self, choice: Choice) -> Board:
        return BOARDS(choice)


def test_it_says_where_it_is_opens_it_and_ends_with_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []
    seen = threading.Event()
    told: list[bytes] = []
    source = Scripted("small", "busy")

    def look() -> None:
        assert seen.wait(5)
        host, _, port = opened[0].removeprefix("http://").partition("/")[0].partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=5)
        connection.request("GET", "/events?window=1h")
        told.append(next(events(connection.getresponse(), "snapshot")))

    source.meet = look
    serve(Screen(), source, Choice(window=Window.HOUR), browse=lambda url: (opened.append(url), seen.set()))
    assert json.loads(told[0])["pipeline"] == "salespipe-live"
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(r"http://127\.0\.0\.1:\d+/\?window=1h ", err)
    assert opened[0] in err
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(re.search(r":(\d+)/", opened[0])[1])))


def test_a_port_that_is_taken_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SalespipeError, match=f"Port {port} of 127.0.0.1 cannot be had: Address already in use"
        ) as raised:
            serve(Screen(), Scripted(), port=port)
    assert "--port" in raised.value.hint


def test_no_browser_is_opened_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert browser() is None
    monkeypatch.setenv("DISPLAY", ":0")
    assert browser() is not None
