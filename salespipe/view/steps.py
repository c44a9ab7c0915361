"""``up`` and ``down`` as they happen: a line for what is finished, and on a terminal what is under way below it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from salespipe.lifecycle import Action, Step

if TYPE_CHECKING:
    from salespipe.view.screen import Screen, Waiting

_STYLES: Final = {
    Action.CREATED: "green",
    Action.UPDATED: "green",
    Action.REPLACED: "green",
    Action.DELETED: "green",
    Action.FAILED: "bold red",
    Action.LEFT: "bold red",
    Action.FOREIGN: "yellow",
    Action.KEPT: "yellow",
}
_QUIET: Final = frozenset({Action.UNCHANGED, Action.ABSENT})
_EXPLAINED: Final = frozenset({Action.FAILED, Action.LEFT, Action.FOREIGN, Action.KEPT})
_NAMED: Final = 3


def follow(screen: Screen, what: str, steps: Iterable[Step]) -> list[Step]:
    """Show steps as they come; returns each resource's last one, and those of the receipt, in the order they came."""
    ended: list[Step] = []
    running: dict[tuple[str, str], Step] = {}
    with screen.waiting(what) as wait:
        for step in steps:
            if step.action.final:
                running.pop((step.kind, step.name), None)
                ended.append(step)
                if step.action not in _QUIET and not screen.json:
                    _tell(screen, step)
            else:
                running[step.kind, step.name] = step
            _update(wait, running)
    return ended


def summarise(screen: Screen, ended: list[Step], began: float) -> None:
    """Say how many resources were created, changed, left; ``began`` by ``time.monotonic``."""
    counts = Counter(step.action for step in ended)
    told = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing to do"
    screen.say(f"{told} in {time.monotonic() - began:.1f} s", style="bold")


def _tell(screen: Screen, step: Step) -> None:
    detail = f"  {step.detail}" if step.detail and step.action in _EXPLAINED else ""
    line = f"{step.action:>9}  {step.kind:<24} {step.name}  {step.seconds:.1f} s{detail}"
    screen.say(line, style=_STYLES.get(step.action, ""))


def _update(wait: Waiting, running: dict[tuple[str, str], Step]) -> None:
    if running:
        named = [_words(step) for step in list(running.values())[:_NAMED]]
        more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
        wait.update(", ".join(named) + more)


def _words(step: Step) -> str:
    """What is done, and why; for a wait what AWS said last."""
    doing = "waiting for" if step.action is Action.WAITING else step.action
    return f"{doing} {step.kind}" + (f" ({step.detail})" if step.detail else "")
