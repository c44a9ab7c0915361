"""The alarms: how many are in which state, and what those that are not OK say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from salespipe.view.readings import age

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from salespipe.flow.alarms import AlarmState

_STYLES: Final = {"OK": "green", "ALARM": "bold red", "INSUFFICIENT_DATA": "yellow"}


def headline(alarms: Sequence[AlarmState]) -> Text:
    """One line: ``alarms: 1 ALARM (dead-letters), 9 OK``."""
    from rich.text import Text

    line = Text("alarms: ")
    counts = Counter(alarm.state for alarm in alarms)
    for number, (state, count) in enumerate(counts.items()):
        named = ", ".join(alarm.name for alarm in alarms if alarm.state == state)
        line.append(", " if number else "")
        line.append(f"{count} {state}", _STYLES.get(state, ""))
        line.append(f" ({named})" if state == "ALARM" else "")
    return line


def lines(alarms: Sequence[AlarmState], at: datetime) -> list[Text]:
    """The headline, and for each alarm that is not OK since when, why, and what to run."""
    from rich.text import Text

    drawn = [headline(alarms)]
    for alarm in alarms:
        if alarm.state == "OK":
            continue
        silent = "" if alarm.enabled else ", and its actions are disabled"
        since = f", for {age(alarm.since, at)}" if alarm.since else ""
        said = Text(f"  {alarm.name}{since}{silent}", _STYLES.get(alarm.state, ""))
        drawn += [said, Text(f"    {alarm.says}"), Text(f"    {alarm.reason}", "dim")]
    return drawn
