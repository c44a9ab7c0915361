"""How salespipe fails: what, why, the command that mends it, and the exit code for scripts."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTLY = 3
    NOT_DEPLOYED = 4
    PENDING = 5
    INTERRUPTED = 130


class SalespipeError(Exception):
    """An expected failure, told to the user in one message without a traceback.

    ``code`` is a stable CamelCase word for scripts, ``message`` says what and why, ``hint`` is the command or change
    that mends it (may be empty), ``exit_code`` is what the process ends with.
    """

    def __init__(self, code: str, message: str, *, hint: str = "", exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
