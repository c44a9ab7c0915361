"""Repairing events on their way: a script of the user's with a function ``fix(event)``."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from salespipe.errors import Exit, SalespipeError
from salespipe.trust.quarantine.failures import MARK

Fix = Callable[[dict[str, Any]], dict[str, Any] | None]

_EXAMPLE: Final = 'def fix(event): event["eventName"] = event["eventName"].upper(); return event'


class NotFixedError(Exception):
    """A record that the script could not repair, and why."""


def load(script: Path) -> Fix:
    """The function ``fix`` of a script. Raises ``SalespipeError`` (exit code 2) where there is none."""
    try:
        source = script.read_bytes()
    except OSError as error:
        told = f"{script} cannot be read: {error.strerror or error}."
        raise SalespipeError("FixUnreadable", told, exit_code=Exit.USAGE) from None
    names: dict[str, Any] = {"__name__": "fix", "__file__": str(script)}
    try:
        exec(compile(source, str(script), "exec"), names)  # noqa: S102 - the user's own script, which he asked to run
    except (Exception, SystemExit) as error:
        told = f"{script} cannot be run: {_told(error, script)}"
        raise SalespipeError("FixBroken", told, hint=_EXAMPLE, exit_code=Exit.USAGE) from error
    found = names.get("fix")
    if not callable(found):
        raise SalespipeError("FixMissing", f"{script} has no function fix.", hint=_EXAMPLE, exit_code=Exit.USAGE)
    fix: Fix = found
    return fix


def fixed(fix: Fix, data: bytes, record: str, script: Path) -> bytes | None:
    """What the script makes of an event; None where it leaves it out. What it did not change stays as it is.

    Raises ``NotFixedError``.
    """
    try:
        event = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise NotFixedError("it is no JSON, which fix could be given") from None
    if not isinstance(event, dict):
        raise NotFixedError("it is JSON, but no object, which fix could be given")
    before = msgspec.json.encode(event)
    try:
        answer: Any = fix(event)
    except (Exception, SystemExit) as error:
        raise NotFixedError(f"fix failed: {_told(error, script)}") from error
    if answer is None:
        return None
    if not isinstance(answer, dict):
        raise NotFixedError(f"fix returned {type(answer).__name__}, neither a dict nor None")
    try:
        after = msgspec.json.encode(answer)
        return data if after == before else msgspec.json.encode(answer | {MARK: record})
    except (TypeError, ValueError, RecursionError) as error:
        raise NotFixedError(f"what fix returned is no JSON: {error}") from error


def _told(error: BaseException, script: Path) -> str:
    """The error, and the line of the script in which it happened."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    at = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(script)]
    line = f" (line {at[-1]})" if at else ""
    return f"{type(error).__name__}: {error}{line}"
