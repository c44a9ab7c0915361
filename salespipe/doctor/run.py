"""Probes side by side: none can hide, hold up or bring down another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from salespipe.aws import error_code, error_message
from salespipe.doctor.model import Check, Probe, Skipped, Verdict
from salespipe.errors import SalespipeError

REFUSALS: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
POLICY: Final = "salespipe plan --policy prints what the caller must be allowed."


def examine(probes: Sequence[Probe], *, clock: Callable[[], float] = time.monotonic) -> list[Check]:
    """Make every check, all at once, and return them in the order of ``probes``.

    A probe that has not ended after its ``seconds`` is a warning, and is left behind.
    """
    began = clock()
    results: dict[str, Check] = {}
    threads = [threading.Thread(target=_look, args=(probe, results), daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    checks = []
    for probe, thread in zip(probes, threads, strict=True):
        thread.join(max(0.0, began + probe.seconds - clock()))
        checks.append(results.get(probe.name) or _late(probe))
    return checks


def _look(probe: Probe, results: dict[str, Check]) -> None:
    try:
        results[probe.name] = probe.look()
    except Skipped as reason:
        results[probe.name] = Check(probe.name, Verdict.SKIP, str(reason))
    except SalespipeError as error:
        results[probe.name] = Check(probe.name, Verdict.FAIL, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever went wrong in one check, the others are still worth having
        results[probe.name] = _unchecked(probe, error)


def _unchecked(probe: Probe, error: Exception) -> Check:
    code = error_code(error)
    reason = f"{code}: {error_message(error)}" if code else f"{type(error).__name__}: {error}"
    return Check(probe.name, Verdict.WARN, f"could not be checked: {reason}", POLICY if code in REFUSALS else "")


def _late(probe: Probe) -> Check:
    return Check(
        probe.name,
        Verdict.WARN,
        f"could not be checked: no answer within {probe.seconds:g} s",
        "Look at the network, and run salespipe doctor again.",
    )
