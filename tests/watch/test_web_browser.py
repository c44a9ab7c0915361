"""The page as a visitor sees it, in a headless Chromium; without one these tests are skipped."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import chromium
from salespipe.watch.model import Board, Choice, Snapshot, Window
from salespipe.watch.web import server as server_module
from salespipe.watch.web.pictures import Pictures
from salespipe.watch.web.server import PageServer
from snapshots import snapshot

GOLDEN = Path(__file__).parents[1] / "golden" / "watch"
README = Path(__file__).parents[2] / "README.md"
SIZES = {"phone": (360, 740), "laptop": (1440, 900), "wall": (1920, 1080)}
EVIL = "<script>window.evil=1</script><img src=x onerror=window.evil=1>"


class Site:
    """A server with what it shows, and a page of it with what it said and asked for."""

    def __init__(self, kind: str, port: int = 0) -> None:
        self.kind = kind
        self.pictures = Pictures(self.board)
        self.server = PageServer(self.pictures, port, beat=0.2)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.pictures.post(snapshot(kind))

    def board(self, choice: Choice) -> Board:
        return snapshot(self.kind, choice).board

    def stop(self) -> None:
        self.pictures.end()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@contextmanager
def serving(kind: str, port: int = 0) -> Iterator[Site]:
    site = Site(kind, port)
    try:
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.running() as browser:
        yield browser


class Tab:
    """One page: ``told`` is what it complained about, ``asked`` every URL that it requested."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.told: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.told.append(message.text))
        page.on("pageerror", lambda error: self.told.append(str(error)))
        page.on("dialog", lambda dialog: self.told.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, site: Site, query: str = "", state: str = "live") -> Tab:
        self.page.goto(f"{site.server.url}?{query}")
        return self.until(state)

    def until(self, state: str) -> Tab:
        self.page.wait_for_selector(f"html[data-state={state}]")
        return self

    def figure(self, name: str) -> str:
        return str(self.page.locator(f".figure:has(h2:text-is('{name}')) .big").text_content())

    def lists(self) -> dict[str, str]:
        """What each part of the board says."""
        found = self.page.evaluate("[...document.querySelectorAll('main .card')].map(e => [e.id, e.textContent])")
        return {name: text for name, text in found if name}

    def wait(self, script: str) -> None:
        """Until that is true. The page's own policy keeps Playwright from waiting within it."""
        for _ in range(500):
            if self.page.evaluate(script):
                return
            self.page.wait_for_timeout(20)
        pytest.fail(f"never: {script}")


@contextmanager
def opened(browser: Any, size: str = "laptop", scheme: str = "light") -> Iterator[Tab]:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    try:
        yield Tab(context.new_page())
    finally:
        context.close()


# The elements whose text is cut off though it should not be, and those beyond the edge of the window.
CLIPPED = """() => [...document.querySelectorAll('main *, header *, footer *')].filter(each => {
  const box = each.getBoundingClientRect();
  const shown = !each.closest('svg,.hidden,.verdict,.list,[hidden]') && box.width > 1;
  const cut = each.children.length == 0 && each.scrollWidth > each.clientWidth + 1
    && getComputedStyle(each).display != 'inline' && getComputedStyle(each).textOverflow != 'ellipsis';
  return shown && (box.right > innerWidth + 1 || box.left < -1 || cut);
}).map(each => each.outerHTML.slice(0, 120))"""
WHOLE = """() => [...document.querySelectorAll('.list')].every(list => [...list.children].every(each =>
  each.getBoundingClientRect().bottom <= list.getBoundingClientRect().bottom + 1
  && each.getBoundingClientRect().right <= list.getBoundingClientRect().right + 1))"""
LIGHTNESS = (
    """() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"""
)
# The least contrast of text with what is behind it, by WCAG 2: 4.5 is the least for small text.
CONTRAST = """() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const rgb = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = each => {
    for (; each; each = each.parentElement) {
      const colour = rgb(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  const found = [...document.querySelectorAll('main *, header *, footer *')]
    .filter(each => each.children.length == 0 && each.textContent.trim() && !each.closest('svg')
      && each.getBoundingClientRect().width > 1)
    .map(each => {
      const [one, other] = [light(rgb(getComputedStyle(each).color)), light(behind(each))].sort((a, b) => b - a);
      return [(one + 0.05) / (other + 0.05), each.outerHTML.slice(0, 100)];
    });
  return found.sort((a, b) => a[0] - b[0])[0];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["busy", "chaos", "stuck", "empty"])
def test_all_of_it_is_seen_and_nothing_comes_from_elsewhere(browser: Any, kind: str, size: str, scheme: str) -> None:
    with serving(kind) as site, opened(browser, size, scheme) as tab:
        tab.open(site)
        tab.wait("document.querySelector('#figures').childElementCount == 6")
        site.pictures.post(snapshot(kind))  # the second time it is known how much room there is
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
        assert tab.page.evaluate(CLIPPED) == []
        assert (tab.page.evaluate(LIGHTNESS) > 384) is (scheme == "light")
        ratio, where = tab.page.evaluate(CONTRAST)
        assert ratio >= 4.5, where
        if size == "wall":
            # All at one look, and nothing that the keyboard leads to is out of sight.
            tab.wait(WHOLE)
            assert tab.page.evaluate("document.documentElement.scrollHeight") <= SIZES[size][1]
        assert tab.told == []
        assert {url.partition("?")[0] for url in tab.asked if not url.startswith(site.server.url)} == set()


def test_an_update_arrives_by_itself(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        assert tab.figure("Orders") == "426"
        made = snapshot("small")
        sales = msgspec.structs.replace(made.board.sales, orders=427, revenue=Decimal("41100.10"))
        site.pictures.post(msgspec.structs.replace(made, board=msgspec.structs.replace(made.board, sales=sales)))
        tab.wait("document.querySelectorAll('.big')[1].textContent == '427'")
        assert tab.figure("Revenue") == "41,100"
        assert tab.figure("Average order") == "96.25"
        assert tab.page.title().startswith("41,100 in 15m")


def test_every_list_goes_with_the_news(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        before = tab.lists()
        assert all(before.values())
        site.kind = "busy"
        site.pictures.post(snapshot("busy"))
        tab.wait("document.querySelector('h1').textContent == 'salespipe-live'")
        after = tab.lists()
        assert [name for name in before if before[name] == after[name]] == []
        best = [each.name for each in snapshot("busy").board.top_customers[:5]]
        assert tab.page.locator("#customers .list .name").all_text_contents() == best
        largest = snapshot("busy").board.largest[0]
        assert f"{largest.amount:,.2f}" in after["largest"]


def test_figures_are_exact_whatever_their_size(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        made = snapshot("small")
        sales = msgspec.structs.replace(made.board.sales, revenue=Decimal("12345678901234567890.12"), orders=10**15)
        site.pictures.post(msgspec.structs.replace(made, board=msgspec.structs.replace(made.board, sales=sales)))
        tab.open(site)
        assert tab.figure("Revenue") == "12,345,678,901,234,567,890"
        assert tab.figure("Orders") == "1,000,000,000,000,000"
        assert tab.page.evaluate(CLIPPED) == []


def evil() -> Snapshot:
    """Every text that comes from orders, or from elsewhere, is markup."""
    made = snapshot("stuck")
    board = made.board

    def slices(those: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            msgspec.structs.replace(each, name=f"{EVIL}{at}", key=f"{EVIL}{at}") for at, each in enumerate(those)
        )

    def orders(those: tuple[Any, ...]) -> tuple[Any, ...]:
        fields = ("status", "customer", "product", "region", "channel")
        return tuple(msgspec.structs.replace(each, **dict.fromkeys(fields, EVIL)) for each in those)

    named = ("products", "movers", "categories", "regions", "channels", "top_customers")
    board = msgspec.structs.replace(
        board,
        **{name: slices(getattr(board, name)) for name in named},
        largest=orders(board.largest),
        latest=orders(board.latest),
        statuses={EVIL: 3},
        shelves=tuple(msgspec.structs.replace(each, name=EVIL) for each in board.shelves),
    )
    failure = snapshot("stale").failure
    assert failure is not None
    failure = msgspec.structs.replace(failure, message=EVIL, hint=EVIL)
    return msgspec.structs.replace(made, board=board, pipeline=EVIL, where=EVIL, failure=failure)


def test_text_of_orders_is_never_markup(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        made = evil()
        site.pictures._board = lambda _: made.board
        site.pictures.post(made)
        tab.open(site, f"product={EVIL}0&text={EVIL}", "failed")
        tab.page.wait_for_selector(".chip")
        assert tab.page.evaluate("[window.evil, document.scripts.length, document.images.length]") == [None, 1, 0]
        shown = tab.page.evaluate("document.body.textContent")
        assert shown.count(EVIL) > 40
        assert tab.page.title().endswith(EVIL)
        assert tab.told == []


def test_a_row_can_be_chosen_and_the_way_back_leads_back(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        tab.page.click("#regions .row >> nth=0")
        tab.page.wait_for_selector("#regions .row[aria-pressed=true]")
        board = site.board(Choice(region="Pacific"))
        tab.wait(f"document.querySelectorAll('.big')[1].textContent == '{board.sales.orders}'")
        assert tab.page.locator(".chip").text_content().startswith("region: Pacific")
        tab.page.click("#products .row >> nth=1")
        tab.wait("document.querySelectorAll('.chip').length == 2")
        assert "region=Pacific" in tab.page.url
        tab.page.go_back()
        tab.wait(f"document.querySelectorAll('.big')[1].textContent == '{board.sales.orders}'")
        tab.page.click(".chip")
        tab.wait("document.querySelectorAll('.big')[1].textContent == '426'")
        assert "region" not in tab.page.url
        assert tab.told == []


def test_each_visitor_has_a_choice_of_their_own(browser: Any) -> None:
    with serving("small") as site, opened(browser) as one, opened(browser) as other:
        one.open(site, "window=1h&region=Pacific")
        other.open(site)
        one.page.wait_for_selector("#windows [data-window='1h'][aria-pressed=true]")
        assert one.figure("Orders") == str(
            snapshot("small", Choice(window=Window.HOUR, region="Pacific")).board.sales.orders
        )
        assert other.figure("Orders") == "426"


def test_it_is_used_without_a_mouse(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        keys = tab.page.keyboard
        keys.press("4")
        tab.page.wait_for_selector("#windows [data-window='1h'][aria-pressed=true]")
        keys.press("/")
        keys.type("nordic 15")
        tab.wait("location.search.includes('text=nordic+15')")
        keys.press("Escape")
        tab.wait("!location.search.includes('text')")
        assert tab.page.input_value("#text") == ""
        tab.page.focus("#products .row")
        site.pictures.post(snapshot("small", Choice(window=Window.HOUR)))
        tab.page.focus("#time .chart")
        keys.press("ArrowLeft")
        keys.press("ArrowLeft")
        told = tab.page.text_content(".tip")
        point = snapshot("small", Choice(window=Window.HOUR)).board.points[-2]
        assert f"revenue {point.sales.revenue:,.2f}" in told
        assert f"orders {point.sales.orders}" in told
        keys.press("Escape")
        assert tab.page.is_hidden(".tip")
        # Every control has a name.
        names = "[...document.querySelectorAll('button,input')].map(e => e.ariaLabel || e.textContent.trim())"
        assert all(tab.page.evaluate(names))
        assert tab.told == []


def test_a_focus_survives_updates(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        key = f"#products li[data-key='{site.board(Choice()).products[3].key}'] .row"
        tab.page.focus(key)
        made = snapshot("small")
        moved = msgspec.structs.replace(made.board, products=made.board.products[::-1][-8:])
        site.pictures.post(msgspec.structs.replace(made, board=moved))
        tab.wait(f"document.querySelector('#products li').dataset.key == '{moved.products[0].key}'")
        assert tab.page.evaluate("selector => document.activeElement === document.querySelector(selector)", key)


def test_pause_keeps_the_picture_until_it_goes_on(browser: Any) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.open(site)
        tab.page.click("#pause")
        tab.until("paused")
        made = snapshot("small")
        sales = msgspec.structs.replace(made.board.sales, orders=1)
        with tab.page.expect_event("console") as seen:
            tab.page.evaluate(
                "new EventSource('/events').addEventListener('snapshot', event =>"
                " JSON.parse(event.data).board.sales.orders == 1 && setTimeout(() => console.log('came'), 100))"
            )
            site.pictures.post(msgspec.structs.replace(made, board=msgspec.structs.replace(made.board, sales=sales)))
        assert seen.value.text == "came"
        assert tab.figure("Orders") == "426"
        tab.page.click("#pause")
        tab.wait("document.querySelectorAll('.big')[1].textContent == '1'")
        tab.until("live")


def test_a_server_that_goes_is_seen_and_one_that_returns_is_found(browser: Any) -> None:
    with opened(browser) as tab:
        with serving("small") as site:
            tab.open(site)
            port = site.server.server_address[1]
        tab.page.wait_for_selector("html[data-state=ended],html[data-state=lost]")
        assert tab.figure("Orders") == "426"
        assert "as of 14:32:10 UTC" in tab.page.text_content("#age")
        with serving("busy", port):
            tab.until("live")
            assert tab.page.text_content("h1") == "salespipe-live"


def test_silence_makes_it_stale(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving("small") as site, opened(browser) as tab:
        tab.page.clock.install()
        site.server.beat = 60.0  # the connection stands, and says nothing
        tab.open(site)
        tab.page.clock.fast_forward(7000)
        tab.until("lost")
        assert tab.figure("Orders") == "426"


def test_a_stream_that_cannot_be_read_is_told_with_its_fix(browser: Any) -> None:
    with serving("stale") as site, opened(browser) as tab:
        tab.open(site, state="failed")
        told = tab.page.text_content("#notices")
        assert "Nothing answers" in told
        assert "salespipe local start" in told
        assert tab.figure("Orders") == "426"
        site.pictures.post(snapshot("small"))
        tab.until("live")
        tab.wait("document.querySelector('#notices').textContent == ''")


def test_what_is_not_whole_yet_is_not_compared_nor_drawn_as_a_fall(browser: Any) -> None:
    with serving("filling") as site, opened(browser) as tab:
        tab.open(site)
        assert "Reading what happened before up to 14:23:10 UTC" in tab.page.text_content("#notices")
        assert tab.page.locator(".delta[data-tone]").count() == 0
        assert tab.page.locator("#time .before").get_attribute("d") == ""
        # From 14:17:10 on in steps of 15 s: of 24 steps something is known, and 14:23:10 is no step's end.
        assert tab.page.locator("#time rect").count() == 24
        # What somebody else's longer window needs is read beside what is known already.
        made = snapshot("small")
        reading = msgspec.structs.replace(made.reading, filling=True, read_to=made.board.before_since)
        made = msgspec.structs.replace(made, reading=reading, at=made.at - timedelta(seconds=5))
        site.pictures.post(made)
        tab.wait("document.querySelectorAll('#time rect').length == 60")
        # The last step still grows by 5 s, and changes are up to 2 s under way.
        assert tab.page.locator("#time rect.growing").count() == 1
        assert (
            tab.page.evaluate("document.querySelector('#time path.now').getAttribute('d').match(/[ML]/g).length") == 59
        )
        assert tab.page.locator(".delta[data-tone]").count() > 10
        assert tab.page.text_content("#notices") == ""
        board = msgspec.structs.replace(made.board, filled_since=made.board.since + timedelta(minutes=1))
        site.pictures.post(msgspec.structs.replace(snapshot("small"), board=board))
        tab.wait("document.querySelector('#notices').textContent.includes('the window lacks what is older')")
        assert tab.page.locator(".delta[data-tone]").count() == 0


def test_the_stage_that_is_stuck_is_marked(browser: Any) -> None:
    with serving("stuck") as site, opened(browser) as tab:
        tab.open(site)
        assert tab.page.locator("#chain [data-held]").get_attribute("data-key") == "pipe"
        assert "37 dead letters" in tab.page.text_content("#chain [data-held]")
        assert tab.page.text_content("#chain-told").startswith("Stuck at the pipe.")
        site.pictures.post(snapshot("small"))
        tab.wait("!document.querySelector('#chain [data-held]')")


def test_a_theme_that_was_chosen_stays(browser: Any) -> None:
    with serving("small") as site, opened(browser, scheme="light") as tab:
        tab.open(site)
        tab.page.keyboard.press("t")
        assert tab.page.evaluate(LIGHTNESS) < 384
        tab.page.reload()
        tab.until("live")
        assert tab.page.evaluate(LIGHTNESS) < 384
        assert tab.page.text_content("#theme") == "Theme: dark"


def test_one_page_too_many_says_so_and_comes_when_there_is_room(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_STREAMS", 1)
    with serving("small") as site, opened(browser) as one:
        one.open(site)
        with opened(browser) as other:
            other.page.clock.install()
            other.open(site, state="unreached")
            assert "too many pages" in other.page.text_content("#age")
            one.page.close()
            other.wait("document.readyState == 'complete'")
            for _ in range(100):
                other.page.clock.fast_forward(3000)
                if other.page.evaluate("document.documentElement.dataset.state") == "live":
                    break
            other.until("live")


def test_the_picture_in_the_readme(browser: Any) -> None:
    """GOLDEN=write takes it anew. It is not compared: fonts differ from one machine to the next."""
    file = GOLDEN / "page.webp"
    with serving("small") as site, opened(browser) as tab:
        tab.page.set_viewport_size({"width": 1440, "height": 1100})
        tab.open(site)
        wire = tab.page.context.new_cdp_session(tab.page)
        made = base64.b64decode(wire.send("Page.captureScreenshot", {"format": "webp", "quality": 80})["data"])
    if os.environ.get("GOLDEN") == "write":
        file.write_bytes(made)
    assert dimensions(made) == dimensions(file.read_bytes()) == (1440, 1100)
    assert "tests/golden/watch/page.webp" in README.read_text(encoding="utf-8")
    pictures = [each for each in GOLDEN.iterdir() if each.suffix in {".svg", ".webp"}]
    assert sum(each.stat().st_size for each in pictures) < 300_000


def dimensions(webp: bytes) -> tuple[int, int]:
    """Width and height of an extended WebP picture: RFC 9649, section 2.7."""
    assert (webp[:4], webp[8:16]) == (b"RIFF", b"WEBPVP8X")
    return int.from_bytes(webp[24:27], "little") + 1, int.from_bytes(webp[27:30], "little") + 1
