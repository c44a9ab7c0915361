"""Alarms as a person sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from salespipe.flow.alarms import AlarmState
from salespipe.view.alarms import headline, lines

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
RUNG = AlarmState(
    "shop-dead-letters",
    "ALARM",
    NOW - timedelta(minutes=5),
    "Threshold Crossed: 1 out of the last 1 datapoints",
    "The pipe gave up on changes. Run: salespipe quarantine ls.",
)
QUIET = [AlarmState(f"shop-{number}", "OK", NOW, "", "Nothing.") for number in range(3)]
UNSURE = AlarmState("shop-new", "INSUFFICIENT_DATA", None, "Unchecked", "What it says.", enabled=False)


def test_the_headline_counts_and_names_those_that_ring() -> None:
    assert headline([RUNG, *QUIET]).plain == "alarms: 1 ALARM (shop-dead-letters), 3 OK"
    assert headline(QUIET).plain == "alarms: 3 OK"


def test_below_it_is_said_since_when_what_to_run_and_why() -> None:
    told = [line.plain for line in lines([RUNG, UNSURE, *QUIET], NOW)]

    assert told == [
        "alarms: 1 ALARM (shop-dead-letters), 1 INSUFFICIENT_DATA, 3 OK",
        "  shop-dead-letters, for 5m",
        "    The pipe gave up on changes. Run: salespipe quarantine ls.",
        "    Threshold Crossed: 1 out of the last 1 datapoints",
        "  shop-new, and its actions are disabled",
        "    What it says.",
        "    Unchecked",
    ]
