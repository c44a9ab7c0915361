from __future__ import annotations

from pathlib import Path

import pytest

from salespipe.errors import SalespipeError
from salespipe.shell.keeping import Keeping


def test_history_is_the_users_alone(tmp_path: Path) -> None:
    path = Keeping(tmp_path / "state" / "shell").history()
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_history_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "history").touch(mode=0o644)
    path = Keeping(tmp_path).history()
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_nothing_can_be_kept_there_is_no_history(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Keeping(tmp_path / "file").history() is None


def test_favourites_last(tmp_path: Path) -> None:
    Keeping(tmp_path).keep("best", "SELECT 1")
    Keeping(tmp_path).keep("best", "SELECT 'ü'")
    Keeping(tmp_path).keep("other", "SELECT 3")
    Keeping(tmp_path).forget("other")
    assert Keeping(tmp_path).favourites() == {"best": "SELECT 'ü'"}
    assert (tmp_path / "favourites.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SalespipeError, match="no favourite other") as caught:
        Keeping(tmp_path).forget("other")
    assert "best" in caught.value.hint


def test_damaged_favourites_are_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "favourites.json").write_text("{")
    with pytest.raises(SalespipeError, match="cannot be read"):
        Keeping(tmp_path).keep("best", "SELECT 1")
    assert (tmp_path / "favourites.json").read_text() == "{"
