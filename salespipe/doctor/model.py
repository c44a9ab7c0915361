"""A check's verdict, and a probe: how to come to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARN = "warn"  # works, or may work: somebody should know
    FAIL = "fail"  # salespipe will not work until this is mended
    SKIP = "skip"  # not checked, since something else has to be mended first or there is no such thing here


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report. ``fix`` is the command or change that mends it, empty where nothing is to do."""

    name: str
    verdict: Verdict
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """A check to be made: ``look`` comes to it, within ``seconds``. What it raises is a verdict too."""

    name: str
    look: Callable[[], Check]
    seconds: float = 15.0


class Skipped(Exception):  # noqa: N818 - a verdict, no fault
    """Raised by a look that cannot be made, with the reason."""
