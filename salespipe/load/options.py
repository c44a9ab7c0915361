"""What may be asked of a load: rates, mixes, ramps and spans of time, read from text and checked.

Whatever makes no sense is a ``SalespipeError`` with exit code 2 that says what would.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection
from typing import Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.pacing import Ramp
from salespipe.orders import PROFILES, Mix, Profile
from salespipe.orders.profiles import STEADY

RATE: Final = 50.0
MAX_RATE: Final = 1_000_000.0
MAX_SECONDS: Final = 365 * 86_400.0
MAX_COUNT: Final = 10**12
MAX_WORKERS: Final = 64
MAX_TIME_SCALE: Final = 1e9

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_KINDS: Final = ("insert", "update", "delete")


def parse_duration(text: str | None) -> float | None:
    """Seconds from ``90``, ``90s``, ``5m``, ``1h`` or ``2d``; None from None."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip(), re.ASCII)
    if not found:
        raise _bad("Duration", f"--duration {text} is not a duration.", "Write 60s, 5m or 1h.")
    return check_duration(float(found[1]) * _SECONDS[found[2]], f"--duration {text}")


def parse_mix(text: str | None) -> Mix | None:
    """Shares from ``50,45,5`` (inserts, updates, deletes) or ``insert=50,update=45,delete=5``, 0 if left out."""
    if text is None:
        return None
    shares: dict[str, float] = {}
    parts = [part.strip() for part in text.split(",")]
    named = "=" in text
    if not named and len(parts) != len(_KINDS):
        raise _mix(text, "has not three shares")
    for position, part in enumerate(parts):
        name, _, share = part.partition("=") if named else (_KINDS[position], "", part)
        name = name.strip().removesuffix("s")
        if name not in _KINDS:
            raise _mix(text, f"names {name!r}, which is none of {', '.join(_KINDS)}")
        if name in shares:
            raise _mix(text, f"has {name} twice")
        try:
            shares[name] = float(share)
        except ValueError:
            raise _mix(text, f"has {share.strip()!r} where a number belongs") from None
    try:
        return Mix(*(shares.get(kind, 0.0) for kind in _KINDS))
    except ValueError as error:
        raise _mix(text, f"cannot be: {error}") from None


def parse_ramp(text: str | None) -> Ramp | None:
    """A ramp from ``50:5000:60s``: from so many writes a second to so many, in so long."""
    if text is None:
        return None
    hint = "Write --ramp 50:5000:60s: from 50 writes a second to 5,000 within 60 s."
    parts = text.split(":")
    if len(parts) != 3:
        raise _bad("Ramp", f"--ramp {text} is not FROM:TO:DURATION.", hint)
    try:
        first, last = float(parts[0]), float(parts[1])
    except ValueError:
        raise _bad("Ramp", f"--ramp {text}: FROM and TO are writes a second.", hint) from None
    for rate in (first, last):
        check_rate(rate, f"--ramp {text}")
    try:
        seconds = parse_duration(parts[2]) or 0.0
    except SalespipeError:
        raise _bad("Ramp", f"--ramp {text}: {parts[2]!r} is not a duration.", hint) from None
    return Ramp(first, last, seconds)


def profile_named(name: str) -> Profile:
    """The profile of that name; for an unknown one the error tells the nearest."""
    if name in PROFILES:
        return PROFILES[name]
    near = difflib.get_close_matches(name, PROFILES, n=1, cutoff=0.5)
    known = f"Did you mean {near[0]}?" if near else f"There are {', '.join(PROFILES)}."
    aws = "A profile of your AWS credentials stands before the command: salespipe --profile NAME generate."
    raise _bad("Profile", f"--profile {name} is no profile of a shop.", f"{known} {aws}")


def rate_of(rate: float | None, profile: Profile, ramp: Ramp | None) -> float:
    """The rate that is asked for: 50 on average unless told, or a ramp's highest, which nothing else may tell."""
    check_rate(rate)
    for option, given in (("--rate", rate is not None), ("--profile", profile is not STEADY)):
        if ramp and given:
            raise SalespipeError(
                "Contradiction",
                f"--ramp and {option} contradict each other: a ramp says the rate of every moment.",
                hint="Leave one of them out; a ramp ends at its second rate and stays there.",
                exit_code=Exit.USAGE,
            )
    if ramp:
        return max(ramp.first, ramp.last)
    return RATE if rate is None else rate


def check(*, count: int | None, duration: float | None, workers: int, time_scale: float) -> None:
    """Refuse what a load cannot do, whatever its rate."""
    check_count(count, "--count")
    if duration is not None:
        check_duration(duration)
    check_workers(workers)
    check_time_scale(time_scale)


def check_scheduled(given: Collection[str], *, stop: bool, scheduled: bool) -> None:
    """Refuse what the Lambda on its schedule knows nothing of, and what says both on and off."""
    if not scheduled:
        raise _bad("Stop", "--stop is for the Lambda's schedule.", "salespipe generate --lambda --stop")
    if stop and "--rate" in given:
        raise _bad("Contradiction", "--stop and --rate contradict each other.", "Leave one of them out.")
    if others := sorted(set(given) - {"--lambda", "--stop", "--rate"}):
        raise _bad(
            "Contradiction",
            f"{', '.join(others)} cannot be had with --lambda: it writes steadily, and until it is stopped.",
            "salespipe generate --lambda --rate N, or generate from here without --lambda.",
        )


def check_rate(rate: float | None, given: str | None = None) -> None:
    """Refuse a rate that is not above 0 and up to a million writes a second."""
    _within("Rate", rate, MAX_RATE, given or f"--rate {rate}", f"up to {MAX_RATE:,.0f} writes a second")


def check_count(count: int | None, option: str) -> None:
    """Refuse a number of writes below one."""
    _within("Count", count, MAX_COUNT, f"{option} {count}", f"up to {MAX_COUNT:,}")


def check_duration(seconds: float, given: str | None = None) -> float:
    """Refuse a span that is not above 0 s and up to a year; the same seconds otherwise."""
    _within("Duration", seconds, MAX_SECONDS, given or f"--duration {seconds}", "up to 365 days")
    return seconds


def check_workers(workers: int) -> None:
    """Refuse a number of threads that is not 1 to 64."""
    _within("Workers", workers, MAX_WORKERS, f"--workers {workers}", f"up to {MAX_WORKERS}")


def check_time_scale(scale: float) -> None:
    """Refuse a time scale that is not above 0 and up to a billion."""
    _within("TimeScale", scale, MAX_TIME_SCALE, f"--time-scale {scale}", f"up to {MAX_TIME_SCALE:,.0f}")


def _within(code: str, value: float | None, most: float, given: str, limit: str) -> None:
    if value is not None and not (math.isfinite(value) and 0 < value <= most):
        raise _bad(code, f"{given} makes no sense: it must be greater than zero, {limit}.", "")


def _mix(text: str, why: str) -> SalespipeError:
    return _bad("Mix", f"--mix {text} {why}.", "Write --mix 50,45,5 or --mix insert=50,update=45,delete=5.")


def _bad(code: str, message: str, hint: str) -> SalespipeError:
    return SalespipeError(f"Bad{code}", message, hint=hint, exit_code=Exit.USAGE)
