"""Log lines on the screen."""

from __future__ import annotations

import json

import pytest

from salespipe.flow.logs.lines import understand
from salespipe.flow.logs.reading import Event
from salespipe.view.logs import Showing, document, plain, rows
from salespipe.view.screen import Screen

AT = 1_769_860_800_123  # 2026-01-31T12:00:00.123Z
FRAME = "START RequestId: 8476a536-e9f4-11e8-9739-2dfe598c3fcd Version: $LATEST\n"


def event(message: str, source: str = "transform") -> Event:
    return Event(source, "2026/01/31/[$LATEST]ab", AT, AT + 500, ("1",), message)


def told(message: str, *, clock: bool = True, everything: bool = False) -> list[str]:
    one = event(message)
    return [plain(row) for row in rows(one, understand(one.message), 9, clock=clock, everything=everything)]


def test_time_source_level_message_and_fields_stand_in_columns() -> None:
    assert told('{"level":"WARN","message":"slow","ms":7,"who":"a b","requestId":"r"}') == [
        '01-31 12:00:00.123 transform WARNING slow  ms=7 who="a b" requestId=r'
    ]
    assert told("words", clock=False) == ["2026-01-31T12:00:00.123Z transform words"]


def test_which_run_it_was_is_told_beside_what_went_wrong_or_with_everything() -> None:
    line = '{"level":"INFO","message":"sent","requestId":"r"}'
    assert told(line) == ["01-31 12:00:00.123 transform sent"]
    assert told(line, everything=True) == ["01-31 12:00:00.123 transform sent  requestId=r"]


def test_a_traceback_stands_below_its_error() -> None:
    assert told('[ERROR] KeyError: 1\nTraceback (most recent call last):\n  File "a.py", line 1') == [
        "01-31 12:00:00.123 transform ERROR KeyError: 1",
        "    Traceback (most recent call last):",
        '      File "a.py", line 1',
    ]


def test_what_would_move_the_cursor_is_not_written() -> None:
    assert told("red \x1b[31m bell \x07 tab \t") == ["01-31 12:00:00.123 transform red \ufffd[31m bell \ufffd tab"]


def test_frames_are_counted_and_left_out_unless_everything_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    showing = Showing(Screen(), 9)
    for message in (FRAME, "words"):
        showing.show(event(message))
    assert (showing.shown, showing.left_out) == (1, 1)
    assert capsys.readouterr().out == "2026-01-31T12:00:00.123Z transform words\n"

    Showing(Screen(), 9, everything=True).show(event(FRAME))
    assert capsys.readouterr().out.startswith("2026-01-31T12:00:00.123Z transform START RequestId: 8476a536")


def test_a_program_gets_the_line_understood_and_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    one = event('{"level":"INFO","message":"sent","count":3}')
    Showing(Screen(json=True), 9).show(one)
    found = json.loads(capsys.readouterr().out)
    assert found == document(one, understand(one.message))
    assert found == {
        "at": "2026-01-31T12:00:00.123Z",
        "source": "transform",
        "level": "INFO",
        "kind": "line",
        "message": "sent",
        "fields": {"count": 3},
        "stream": "2026/01/31/[$LATEST]ab",
        "ingested": "2026-01-31T12:00:00.623Z",
        "id": "1",
        "raw": one.message,
    }


def test_colours_are_those_of_source_and_level(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    screen = Screen()
    screen.__dict__["_out"] = Console(force_terminal=True, color_system="standard", width=40)
    monkeypatch.setattr(Screen, "coloured", True)
    with screen._out.capture() as captured:
        Showing(screen, 9).show(event("[WARNING]\t2026-01-01T00:00:00.123Z\tr\tslow, and longer than a line is wide"))
    text = captured.get()
    assert "\x1b[36mtransform\x1b[0m" in text
    assert "\x1b[1;33mWARNING\x1b[0m" in text
    assert text.count("\n") == 1, "the terminal folds, so that a line can be copied whole"
