"""Running statements one after the other, each result to where it was asked to go, and what each took."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from salespipe.errors import Exit, SalespipeError
from salespipe.query import destination, formats

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.cli.context import App
    from salespipe.query.model import Answer, Execution, Value

_CLEAR: Final = b"\x1b[2J\x1b[H"  # the whole screen, and the cursor to its beginning


class Question(NamedTuple):
    """A statement, and the literals of its parameters."""

    sql: str
    values: tuple[str, ...] = ()


class Repeats(NamedTuple):
    """How often to ask: every so many seconds, ``times`` times, or for ever where that is None."""

    every: float
    times: int | None


@dataclass
class Asking:
    """How results are wanted. What cannot be done is a ``SalespipeError`` at once: before anything is paid for.

    ``shown`` is what a table shows of a row, for people only.
    """

    app: App
    format: str | None = None
    output: Path | None = None
    header: bool = True
    limit: int | None = None
    stats: Path | None = None
    force: bool = False
    shown: Callable[[tuple[Value, ...]], Sequence[Value]] | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        if self.app.json and self.format not in {None, "json"} and self.output is None:
            told = f"--json and --format {self.format} cannot both have stdout."
            raise SalespipeError("Format", told, hint="Leave one out, or add -o FILE.", exit_code=Exit.USAGE)
        asked = "json" if self.app.json and self.output is None else self.format
        self.name = formats.chosen(asked, self.output)
        self._write = None if self.name == formats.TABLE else formats.writer(self.name)
        if self.stats is not None:
            destination.usable(self.stats)
        if self.output is None:
            if self.name in formats.BINARY and sys.stdout.isatty():
                told = f"{self.name} is not for a terminal."
                raise SalespipeError("Format", told, hint=f"-o result.{self.name}", exit_code=Exit.USAGE)
        else:
            replaceable(self.app, self.output, force=self.force)

    @property
    def _drawing(self) -> formats.Writer:
        from salespipe.view import results

        to_file = self.output is not None
        return partial(
            results.draw,
            width=sys.maxsize if to_file else self.app.screen.width,
            coloured=not to_file and self.app.screen.coloured,
            shown=self.shown or tuple,
        )

    def ask(self, aws: Aws, questions: Sequence[Question], *, reuse_minutes: int = 0, redraw: bool = False) -> None:
        """Run the statements, in their order, and write each result; the first failure ends it."""
        from salespipe.query import athena

        if self.output is not None and len(questions) > 1:
            told = f"-o takes one result, and there are {len(questions)} statements."
            raise SalespipeError("Statements", told, hint="Ask them one by one.", exit_code=Exit.USAGE)
        for number, question in enumerate(questions):
            with self.app.screen.waiting("query") as wait:
                query = athena.start(aws, question.sql, parameters=question.values, reuse_minutes=reuse_minutes)
                ended = athena.finish(aws, query, progress=wait.update)
            if redraw and not number:
                sys.stdout.buffer.write(_CLEAR)
            elif number and self.name not in {"json", "jsonl"}:
                sys.stdout.buffer.write(b"\n")
            self.write(aws, ended)

    def watch(self, aws: Aws, questions: Sequence[Question], repeats: Repeats, *, reuse_minutes: int = 0) -> None:
        """Ask again and again, drawn anew on a terminal, until it has been so often or Ctrl-C is pressed."""
        from salespipe.query.athena import StoppedError

        redraw = sys.stdout.isatty() and self.output is None
        try:
            for number in count():
                self.ask(aws, questions, reuse_minutes=reuse_minutes, redraw=redraw)
                if number + 1 == repeats.times:
                    return
                aws.sleep(repeats.every)
        except StoppedError:
            raise
        except KeyboardInterrupt:
            return

    def submit(self, aws: Aws, questions: Sequence[Question], *, reuse_minutes: int = 0) -> None:
        """Start the statements, all at once, and print their ids."""
        from salespipe.query import athena

        for question in questions:
            query = athena.start(aws, question.sql, parameters=question.values, reuse_minutes=reuse_minutes)
            if self.app.json:
                self.app.screen.data({"id": query})
            else:
                self.app.screen.text(query)

    def write(self, aws: Aws, ended: Execution) -> None:
        """Write the result of an execution that succeeded, and tell what it took."""
        from salespipe.query import reading

        answer = reading.read(aws, ended, limit=self.limit)
        with destination.opened(self.output) as out:
            rows = (self._write or self._drawing)(answer, out, self.header)
        self._tell(answer, rows, free=aws.config.target == "local")

    def _tell(self, answer: Answer, rows: int, *, free: bool) -> None:
        from salespipe.view import results
        from salespipe.view.screen import encode

        took = replace(answer.statistics, rows=rows)
        document = {"id": answer.id, "statistics": took}
        if self.app.json and self.output is not None:
            self.app.screen.data({"id": answer.id, "output": self.output, "format": self.name, "statistics": took})
        elif not self.app.json:
            results.took(self.app.screen, took, rows=bool(answer.columns), free=free)
        if self.stats is not None:
            destination.append(self.stats, encode(document))


def replaceable(app: App, output: Path, *, force: bool) -> None:
    """Ask whether a file that exists may be replaced; raises ``SalespipeError`` where it may not, or cannot be."""
    if destination.usable(output) or force:
        return
    question = f"{output} exists. Replace it?"
    if app.json or not sys.stdin.isatty():
        raise SalespipeError("FileExists", question, hint="--force replaces it.", exit_code=Exit.USAGE)
    if not typer.confirm(question, err=True):
        raise SalespipeError("FileExists", "Nothing was asked, and nothing written.", exit_code=Exit.FAILED)


def questions(sql: str | None, file: Path | None, given: Sequence[str]) -> list[Question]:
    """The statements of the command line, a file or stdin, with the values of their parameters: at least one."""
    from salespipe.query import athena, parameters, sources, statements

    found = statements.split(sources.read(sql, file))
    if not found:
        raise athena.nothing_to_run()
    bound = parameters.bind(found, [sources.text(each, "a --param") for each in given])
    return [Question(statement.sql, values) for statement, values in zip(found, bound, strict=True)]


def repeats(app: App, every: str | None, times: int | None, *, submits: bool) -> Repeats | None:
    """What ``--watch`` and ``--times`` ask for: without a person who looks at it there must be an end.

    ``submits`` is whether the query is only started: then there is nothing to watch.
    """
    if every is None:
        if times is not None:
            told = "--times says how often to ask with --watch."
            raise SalespipeError("Watch", told, hint=f"--watch 5s --times {times}", exit_code=Exit.USAGE)
        return None
    if submits:
        told = "--async waits for no result, and --watch shows one after the other."
        raise SalespipeError("Watch", told, hint="Leave one out.", exit_code=Exit.USAGE)
    if times is None and (app.json or not sys.stdout.isatty()):
        told = "--watch would never end, and nobody looks at it here."
        raise SalespipeError("Watch", told, hint="--times 10", exit_code=Exit.USAGE)
    return Repeats(seconds(every, "--watch"), times)


def seconds(text: str, option: str) -> float:
    """A duration such as ``5s``, ``60m`` or ``1h``. Raises ``SalespipeError`` naming the option."""
    from salespipe.load.options import parse_duration

    try:
        found = parse_duration(text)
    except SalespipeError:
        found = None
    if not found:
        raise SalespipeError(
            "Duration", f"{option} {text} is not a duration.", hint=f"{option} 60s, 5m or 1h", exit_code=Exit.USAGE
        )
    return found


def minutes(text: str | None) -> int:
    """How old a result may be, for ``--reuse``; 0 is not at all.

    Athena takes up to 7 days (service model: ResultReuseByAgeConfiguration).
    """
    if text is None:
        return 0
    found = math.ceil(seconds(text, "--reuse") / 60)
    if found > 10_080:
        told = f"--reuse {text} is longer than the 7 days that Athena allows."
        raise SalespipeError("Duration", told, hint="--reuse 7d", exit_code=Exit.USAGE)
    return found
