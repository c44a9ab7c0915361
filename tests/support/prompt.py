"""Commands run within the test's process, as at a prompt in a working folder of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from salespipe.cli.main import run


class Shop:
    """A working folder whose configuration can be written anew, and what the last command said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def configure(self, text: str = "") -> None:
        Path("salespipe.toml").write_text(f'target = "aws"\n{text}', encoding="utf-8")

    def run(self, *words: str, expect: int = 0) -> str:
        code = run(list(words))
        told = self._capsys.readouterr()
        self.err = told.err
        assert code == expect, told.out + told.err
        return told.out

    def json(self, *words: str, expect: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", expect=expect))
