from __future__ import annotations

import io
from pathlib import Path

import pytest

from salespipe.shell.paging import paged


def test_what_fits_goes_to_the_screen(tmp_path: Path) -> None:
    out = io.BytesIO()
    with paged(out, height=3, environment={"PAGER": f"tee {tmp_path / 'paged'}", "PATH": "/usr/bin:/bin"}) as file:
        file.write(b"a\nb\n")
        file.write(b"c\n")
        assert not out.getvalue()
    assert out.getvalue() == b"a\nb\nc\n"
    assert not (tmp_path / "paged").exists()


def test_what_is_longer_goes_to_the_pager(tmp_path: Path) -> None:
    out = io.BytesIO()
    target = tmp_path / "paged"
    with paged(out, height=3, environment={"PAGER": f"dd of={target} status=none", "PATH": "/usr/bin:/bin"}) as file:
        for number in range(100):
            file.write(f"{number}\n".encode())
    assert target.read_text().split() == [str(number) for number in range(100)]
    assert not out.getvalue()


def test_an_empty_pager_is_none() -> None:
    out = io.BytesIO()
    with paged(out, height=1, environment={"PAGER": ""}) as file:
        file.write(b"a\n" * 10)
    assert out.getvalue() == b"a\n" * 10


def test_a_reader_who_leaves_early_ends_it_quietly() -> None:
    after = False
    with paged(io.BytesIO(), height=1, environment={"PAGER": "true", "PATH": "/usr/bin:/bin"}) as file:
        for _ in range(1000):
            file.write(b"x\n" * 100_000)
        after = True
    assert not after


def test_without_the_pager_it_is_shown_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    with paged(io.BytesIO(), height=1, environment={"PAGER": "no-such-pager"}) as file:
        file.write(b"a\nb\nc\n")
    assert capfd.readouterr().out == "a\nb\nc\n"
