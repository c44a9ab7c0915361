"""What ``up`` would do, field by field, and what it would cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit
from salespipe.lifecycle import Intent
from salespipe.view import cost
from salespipe.view.screen import encode

if TYPE_CHECKING:
    from rich.text import Text

    from salespipe.cost.bill import Bill
    from salespipe.lifecycle import Change, Reading
    from salespipe.view.screen import Screen

_WORDS: Final = {
    Intent.CREATE: "create",
    Intent.UPDATE: "change",
    Intent.REPLACE: "replace",
    Intent.CONSENT: "replace",
    Intent.WAIT: "wait for",
    Intent.FOREIGN: "foreign",
    Intent.REFUSED: "refuse",
    Intent.KEEP: "leave",
    Intent.DELETE: "delete",
}
_STYLES: Final = {
    Intent.CREATE: "green",
    Intent.UPDATE: "cyan",
    Intent.REPLACE: "yellow",
    Intent.CONSENT: "bold red",
    Intent.WAIT: "dim",
    Intent.FOREIGN: "bold red",
    Intent.REFUSED: "bold red",
    Intent.DELETE: "yellow",
}
_LOSES: Final = "deleted and created anew, and all its data is lost: salespipe up asks first, or takes --replace"
_TOLD_WHY: Final = frozenset({Intent.WAIT, Intent.FOREIGN, Intent.REFUSED})


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan with its price. ``rate`` is in writes of orders a second, ``busy`` what an hour of it costs."""

    pipeline: str
    where: str
    changes: Sequence[Change]
    orphans: Sequence[Reading]
    idle: Bill
    rate: float | None = None
    busy: Bill | None = None
    charged: bool = True

    @property
    def pending(self) -> bool:
        """Whether ``up`` would do, or refuse to do, anything."""
        return any(change.pending for change in self.changes)


def show(screen: Screen, preview: Preview) -> Exit:
    """Draw the plan, or write it as JSON; returns the exit code that says whether anything would change."""
    if screen.json:
        screen.data(_record(preview))
    else:
        _draw(screen, preview)
    return Exit.PENDING if preview.pending else Exit.DONE


def warn(screen: Screen, orphans: Sequence[Reading]) -> None:
    """Say what the names in the configuration leave behind."""
    for left in orphans:
        unsure = f" ({left.seen.detail})" if left.seen.detail != "ACTIVE" else ""
        what = f"{left.kind} {left.name}{unsure}"
        screen.say(f"warning: {what} of this pipeline stays behind, with its data.", style="yellow")
        screen.say(
            f'  Neither up nor down touches it any more under another [table] name: put name = "{left.name}" back and '
            "run salespipe down first, or delete it yourself."
        )


def say(screen: Screen, changes: Sequence[Change]) -> None:
    """Tell a person, beside the data, what would be done."""
    for change in changes:
        for line in _lines(change):
            screen.talk.print(line)


def _draw(screen: Screen, preview: Preview) -> None:
    for change in preview.changes:
        if change.pending:
            for line in _lines(change):
                screen.show(line)
    warn(screen, preview.orphans)
    counts = Counter(_WORDS[change.intent] for change in preview.changes)
    if preview.pending:
        screen.say(", ".join(f"{count} to {word}" for word, count in counts.items()), style="bold")
    else:
        screen.say(f"nothing to do: all {len(preview.changes)} resources are as configured", style="bold")
    free = "" if preview.charged else "free on this machine; on AWS "
    screen.text(f"idle: {free}{cost.summary(preview.idle)}")
    if preview.busy:
        screen.text(f"at {preview.rate:g} orders a second: {free}{cost.summary(preview.busy)}")
        screen.show(cost.table(preview.busy))
    if any(change.blocking for change in preview.changes):
        screen.say("salespipe up will refuse: see what is foreign or refused above.", style="bold red")


def _lines(change: Change) -> list[Text]:
    from rich.text import Text

    style = _STYLES[change.intent]
    why = f"  {change.detail}" if change.intent in _TOLD_WHY and change.detail else ""
    lines = [Text.assemble((f"{_WORDS[change.intent]:>8}", style), f"  {change.kind:<24} {change.name}{why}")]
    below = [f"{drift.field}: {_value(drift.actual)} -> {_value(drift.wanted)}" for drift in change.drift]
    if change.intent is Intent.CONSENT:
        below.append(_LOSES)
    if change.intent is Intent.REPLACE:
        below.append(f"{change.detail}: " * bool(change.detail and not change.drift) + "deleted and created anew")
    if change.followers:
        below.append(
            "then looked at again, and made anew where they must be: "
            + ", ".join(" ".join(key) for key in change.followers)
        )
    return lines + [Text(f"{'':>10}{line}") for line in below]


def _value(value: object) -> str:
    return "nothing" if value is None else encode(value).decode()


def _record(preview: Preview) -> dict[str, object]:
    return {
        "pipeline": preview.pipeline,
        "where": preview.where,
        "pending": preview.pending,
        "changes": preview.changes,
        "orphans": [{"kind": left.kind, "name": left.name, "arn": left.seen.arn} for left in preview.orphans],
        "cost": {
            "charged": preview.charged,
            "idle": cost.record(preview.idle),
            **({"rate": preview.rate, "at_rate": cost.record(preview.busy)} if preview.busy else {}),
        },
    }
