"""Probes side by side."""

from __future__ import annotations

import threading

from botocore.exceptions import ClientError

from salespipe.doctor import Check, Probe, Skipped, Verdict, examine
from salespipe.errors import SalespipeError


def well(name: str) -> Probe:
    return Probe(name, lambda: Check(name, Verdict.OK, "fine"))


def raising(name: str, error: Exception) -> Probe:
    def look() -> Check:
        raise error

    return Probe(name, look)


def test_one_failure_hides_no_other() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListPipes")
    checks = examine(
        [
            well("first"),
            raising("broken", ZeroDivisionError("by zero")),
            raising("denied", denied),
            raising("told", SalespipeError("Code", "It is so.", hint="mend it")),
            raising("skipped", Skipped("not here")),
            well("last"),
        ]
    )
    assert [check.name for check in checks] == ["first", "broken", "denied", "told", "skipped", "last"]
    assert [check.verdict for check in checks] == [
        *(Verdict.OK, Verdict.WARN, Verdict.WARN, Verdict.FAIL, Verdict.SKIP, Verdict.OK)
    ]
    assert checks[1].found == "could not be checked: ZeroDivisionError: by zero"
    assert "salespipe plan --policy" in checks[2].fix
    assert checks[3].fix == "mend it"


def test_one_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    def hang() -> Check:
        release.wait()
        return Check("hanging", Verdict.OK, "at last")

    hanging, last = examine([Probe("hanging", hang, seconds=0.05), well("last")])
    release.set()
    assert hanging.verdict is Verdict.WARN
    assert "no answer within 0.05 s" in hanging.found
    assert last.verdict is Verdict.OK


def test_they_are_made_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    def meet() -> Check:
        together.wait()
        return Check("meeting", Verdict.OK, "met")

    assert {check.verdict for check in examine([Probe(str(number), meet) for number in range(3)])} == {Verdict.OK}
