"""What every target needs of this machine: Python, packages, a configuration, a terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from salespipe.config import DEFAULT_FILE
from salespipe.doctor.model import Check, Skipped, Verdict
from salespipe.errors import SalespipeError

if TYPE_CHECKING:
    from salespipe.config import Config

T = TypeVar("T")

PACKAGE: Final = "salespipe"
NARROWEST: Final = 80

_REQUIREMENT: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?(?P<bounds>[^;)]*)\)?\s*(?:;\s*(?P<marker>.*))?"
)
_BOUND: Final = re.compile(r"(>=|<=|==|!=|<|>)\s*([0-9][0-9A-Za-z.*]*)")


class Requirement(NamedTuple):
    """A package that is needed, the bounds of its version, and the extra it belongs to (empty: always needed)."""

    name: str
    bounds: tuple[tuple[str, str], ...]
    extra: str


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """Whether this Python is one that the package's metadata allows."""
    running = ".".join(map(str, version))
    wanted = _metadata(lambda: metadata.metadata(PACKAGE)["Requires-Python"]) or ""
    if _within(running, tuple(_BOUND.findall(wanted))):
        return Check("python", Verdict.OK, f"{running} ({sys.executable})")
    fix = f"Install a Python {wanted} and salespipe in it."
    return Check("python", Verdict.FAIL, f"{running}, and salespipe needs {wanted}", fix)


def packages(installed: Callable[[str], str] = metadata.version) -> Check:
    """Whether every package that salespipe always needs is there in a version that it allows."""
    return _installed("packages", "", f"pip install --upgrade {PACKAGE}", installed)


def local_extra(installed: Callable[[str], str] = metadata.version) -> Check:
    """The same for what the AWS on this machine needs."""
    return _installed("local packages", "local", f"pip install --upgrade '{PACKAGE}[local]'", installed)


def configuration(file: Path | None, read: Callable[[], Config]) -> Check:
    """Whether the configuration is valid, and which file it is from. ``read`` raises ``SalespipeError`` if not."""
    try:
        config = read()
    except SalespipeError as error:
        return Check("configuration", Verdict.FAIL, error.message, error.hint)
    path = file or Path(DEFAULT_FILE)
    source = str(path.absolute()) if path.exists() else f"no {DEFAULT_FILE} in this folder, so the defaults hold"
    return Check("configuration", Verdict.OK, f"{source}; pipeline {config.name}, target {config.target}")


def terminal() -> Check:
    """Whether what is drawn will look as it should."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        fix = "export PYTHONIOENCODING=utf-8, or a locale such as LANG=C.UTF-8"
        return Check(
            "terminal", Verdict.WARN, f"its encoding is {sys.stdout.encoding}: tables and bars need UTF-8", fix
        )
    if not sys.stdout.isatty():
        return Check("terminal", Verdict.OK, "none: plain output, nothing moves")
    columns = os.get_terminal_size(sys.stdout.fileno()).columns
    colour = "without colour (NO_COLOR)" if os.environ.get("NO_COLOR") else "with colour"
    if 0 < columns < NARROWEST:
        return Check("terminal", Verdict.WARN, f"{columns} columns: tables will be folded", "Make it 80 columns wide.")
    return Check("terminal", Verdict.OK, f"{columns} columns, {colour}")


def requirements() -> list[Requirement]:
    """What the installed package says that it needs."""
    return [found for text in _metadata(lambda: metadata.requires(PACKAGE)) or [] for found in _parsed(text)]


def _metadata(read: Callable[[], T]) -> T:
    try:
        return read()
    except metadata.PackageNotFoundError:
        raise Skipped(f"{PACKAGE} itself is not installed as a package, so nothing says what it needs") from None


def _parsed(text: str) -> Iterator[Requirement]:
    found = _REQUIREMENT.match(text)
    if found:
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", found["marker"] or "")
        yield Requirement(found["name"], tuple(_BOUND.findall(found["bounds"])), extra[1] if extra else "")


def _installed(name: str, extra: str, command: str, installed: Callable[[str], str]) -> Check:
    wrong, right = [], []
    for needed in requirements():
        if needed.extra != extra:
            continue
        bounds = ",".join("".join(bound) for bound in needed.bounds)
        try:
            version = installed(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if _within(version, needed.bounds):
            right.append(f"{needed.name} {version}")
        else:
            wrong.append(f"{needed.name} is {version}, not {bounds}")
    if wrong:
        return Check(name, Verdict.FAIL, ", ".join(wrong), command)
    return Check(name, Verdict.OK, ", ".join(right))


def _within(version: str, bounds: tuple[tuple[str, str], ...]) -> bool:
    return all(_holds(_numbers(version), operator, _numbers(bound)) for operator, bound in bounds)


def _holds(version: tuple[int, ...], operator: str, bound: tuple[int, ...]) -> bool:
    width = max(len(version), len(bound))
    here, there = (numbers + (0,) * (width - len(numbers)) for numbers in (version, bound))
    return {
        ">=": here >= there,
        "<=": here <= there,
        "==": here == there,
        "!=": here != there,
        "<": here < there,
        ">": here > there,
    }[operator]


def _numbers(version: str) -> tuple[int, ...]:
    """The release numbers of a version: what comes behind them (rc1, .post1, +local) plays no role here."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
