"""The check of the views: each way in which they can stand, and its fix."""

from __future__ import annotations

from salespipe.doctor import Check, Probe, Verdict, examine
from salespipe.doctor.lake import Standing, views
from salespipe.query.standing import Standing as Found


def checked(found: Standing | None) -> Check:
    (check,) = examine([Probe("views", lambda: views(lambda: found))])
    return check


def test_nothing_crawled_is_nothing_to_check() -> None:
    assert checked(None).verdict is Verdict.SKIP
    assert "nothing was crawled" in checked(None).found


def test_all_there() -> None:
    assert checked(Found(("orders", "customers"), (), ())) == Check("views", Verdict.OK, "orders, customers")


def test_missing_and_outdated_ones_are_named_with_the_fix() -> None:
    check = checked(Found((), ("customers",), ("orders", "inventory")))
    assert (check.verdict, check.fix) == (Verdict.WARN, "salespipe crawl")
    assert check.found.startswith("customers is missing; orders, inventory are not as ")
