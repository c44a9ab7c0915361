"""What becomes of an error that only DuckDB knows."""

from __future__ import annotations

import duckdb
import pytest

from salespipe.local.athena.errors import translated


def test_what_athena_has_no_word_for_is_in_the_servers_log(caplog: pytest.LogCaptureFixture) -> None:
    error = translated(duckdb.InternalException("an odd thing"))
    assert str(error).startswith("GENERIC_INTERNAL_ERROR")
    assert "an odd thing" not in str(error)
    assert "an odd thing" in caplog.text
