"""The timeline of a drill: when, what, and the command that does or shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from rich.table import Table
from rich.text import Text

from salespipe.errors import Exit
from salespipe.view import verify as verify_view

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType

    from salespipe.trust.drill.run import Outcome
    from salespipe.trust.drill.scenarios import Scenario
    from salespipe.trust.drill.timeline import Entry
    from salespipe.view.screen import Screen, Waiting

# By the kind of entry.
_STYLES: Final = {"break": "bold red", "seen": "yellow", "heal": "bold green", "proof": "bold"}
_TIME, _KIND = 8, 5
# From so many cells on, commands stand beside what they do, in so many of them.
_WIDE, _COMMAND = 140, 56


def listed(screen: Screen, scenarios: Sequence[Scenario]) -> int:
    """Say which scenarios there are."""
    if screen.json:
        screen.data([{"scenario": each.name, "about": each.about, "seconds": each.seconds} for each in scenarios])
        return Exit.DONE
    width = max(len(each.name) for each in scenarios)
    for each in scenarios:
        screen.text(f"{each.name:<{width}}  {each.about}")
    return Exit.DONE


class Showing:
    """Shows scenarios as they happen, on stdout, or gathers them for one JSON document."""

    def __init__(self, screen: Screen, rate: float, seed: int, folder: Path) -> None:
        self._screen, self._rate, self._seed, self._folder = screen, rate, seed, folder
        self._began = time.monotonic()
        self._outcomes: list[tuple[Scenario, Outcome]] = []
        self._command = ""
        self._wait: Waiting | None = None
        self._stack = ExitStack()

    def begin(self, scenario: Scenario, config_file: Path) -> None:
        """A scenario begins; any command looks at it by its configuration file."""
        self._scenario, self._command = scenario, ""
        if not self._screen.json:
            self._print(Text(f"\n{scenario.name}: {scenario.about}", "bold"))
            self._aside(f"Look at it from another terminal: salespipe watch --config {config_file}")

    def entry(self, entry: Entry) -> None:
        """Show an entry at once, with its command, unless that was the one before, too."""
        if self._screen.json:
            return
        style = _STYLES.get(entry.kind, "")
        text = Text(entry.text, "" if entry.kind == "seen" else style)
        command = Text(f"$ {entry.command}" if entry.command and entry.command != self._command else "", "dim")
        self._command = entry.command
        row = Table.grid(padding=(0, 1, 0, 0))
        row.add_column(width=_TIME, justify="right")
        row.add_column(width=_KIND)
        cells: list[Text] = [Text(f"{entry.seconds:.1f} s"), Text(entry.kind, style)]
        if self._screen.piped:
            cells.append(Text.assemble(text, "  ", command) if command else text)
        elif self._screen.width >= _WIDE:
            row.add_column(width=self._screen.width - _TIME - _KIND - _COMMAND - 4)
            row.add_column(width=_COMMAND)
            cells += [text, command]
        else:
            cells.append(Text.assemble(text, "\n", command) if command else text)
        row.add_row(*cells)
        self._print(row)

    def progress(self, detail: str) -> None:
        """Say what is waited for, below the last entry."""
        if self._wait is not None:
            self._wait.update(detail)

    def end(self, outcome: Outcome) -> None:
        """A scenario has ended."""
        self._outcomes.append((self._scenario, outcome))
        if outcome.report and not outcome.passed and not self._screen.json:
            with self._paused():
                verify_view.show(self._screen, outcome.report)

    def conclude(self, *, kept: bool) -> Exit:
        """Say how it all went; the exit code."""
        passed = all(outcome.passed for _, outcome in self._outcomes)
        folder = self._folder if kept else None
        if self._screen.json:
            self._screen.data(
                {
                    "passed": passed,
                    "seed": self._seed,
                    "rate": self._rate,
                    "seconds": round(time.monotonic() - self._began, 1),
                    "folder": folder,
                    "scenarios": [_record(scenario, outcome) for scenario, outcome in self._outcomes],
                }
            )
        else:
            failed = [scenario.name for scenario, outcome in self._outcomes if not outcome.passed]
            count = len(self._outcomes)
            told = f"not proven: {', '.join(failed)}" if failed else "nothing lost, nothing doubled"
            style = "bold red" if failed else "bold green"
            drills = f"{count} {'drill' if count == 1 else 'drills'} in {time.monotonic() - self._began:.0f} s"
            self._print(Text(f"\n{drills}: {told}.", style))
        if folder:
            self._screen.say(f"kept: {folder}; salespipe status --config {folder}/SCENARIO/salespipe.toml")
        return Exit.DONE if passed else Exit.FAILED

    def __enter__(self) -> Self:
        # Elsewhere the entries themselves say how far it is.
        if self._screen.json or (self._screen.animated and not self._screen.piped):
            self._wait = self._stack.enter_context(self._screen.waiting("drill"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._wait = None

    def _print(self, drawn: RenderableType) -> None:
        with self._paused():
            self._screen.show(drawn)

    def _aside(self, text: str) -> None:
        with self._paused():
            self._screen.say(text)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """The spinner is on stderr, and gone while stdout is written to: on a terminal they are one."""
        status = self._wait.status if self._wait else None
        if status:
            status.stop()
        yield
        if status:
            status.start()


def _record(scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "about": scenario.about,
        "passed": outcome.passed,
        "problem": outcome.problem,
        "seconds": round(outcome.seconds, 1),
        "written": outcome.load and outcome.load.acknowledged,
        "timeline": [{**asdict(entry), "seconds": round(entry.seconds, 2)} for entry in outcome.entries],
        "verify": outcome.report and verify_view.document(outcome.report),
    }
