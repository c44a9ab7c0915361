"""One session at the prompt: each input is run, told, and never ends the shell. No terminal is needed for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query import formats, statements
from salespipe.query.catalogue import Catalogue, Field, Table
from salespipe.shell import commands

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.query.guard import Estimate
    from salespipe.query.model import Execution
    from salespipe.shell.keeping import Keeping
    from salespipe.view.screen import Screen

_SWITCH: Final = {"on": True, "off": False}


def complete(text: str) -> bool:
    """Whether an input can be run: a command, nothing at all, or statements with a semicolon behind the last."""
    if commands.is_command(text):
        return True
    # What follows a semicolon is a statement of its own, unless the semicolon is within a text or comment.
    return len(statements.split(f"{text}\nx")) > len(statements.split(text))


@dataclass
class Session:
    """The state of a session. ``page`` opens the screen for a result, ``agree`` asks a person before a costly query."""

    aws: Aws
    screen: Screen
    keeping: Keeping
    page: Callable[[], AbstractContextManager[BinaryIO]]
    agree: Callable[[Estimate], bool]
    format: str = formats.TABLE
    timing: bool = True
    done: bool = False
    output: Path | None = None
    last: str = ""
    catalogue: Catalogue = field(init=False)

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.aws)

    def handle(self, text: str) -> None:
        """Run one input. Whatever fails is told; Ctrl-C stops the statement, on the server too, and what follows it."""
        from salespipe.query.athena import StoppedError

        try:
            if commands.is_command(text):
                self._command(commands.parse(text))
            else:
                self._run(text)
        except StoppedError as stopped:
            self.screen.say(str(stopped))
        except KeyboardInterrupt:
            self.screen.say("Interrupted.")
        except SalespipeError as error:
            self.screen.fail(error)
        except Exception as error:  # noqa: BLE001 - an error never ends the shell
            self.screen.fail(_unexpected(error))

    def tables(self) -> dict[str, Table]:
        """The catalogue, for completion; nothing where it cannot be read."""
        try:
            return self.catalogue.tables()
        except Exception:  # noqa: BLE001 - a suggestion that cannot be made is none
            return {}

    def favourites(self) -> list[str]:
        """The names of the favourites, for completion."""
        try:
            return sorted(self.keeping.favourites())
        except SalespipeError:
            return []

    def _run(self, text: str) -> None:
        for statement in statements.split(text):
            if statement.marks:
                told = "The shell binds no parameters."
                raise SalespipeError(
                    "Parameters", told, hint='salespipe query "..." --param VALUE', exit_code=Exit.USAGE
                )
            self.last = statement.sql
            if not self._agreed(statement.sql):
                self.screen.say("The query was not run.")
                return
            self._ask(statement.sql)

    def _agreed(self, sql: str) -> bool:
        """Whether a statement may run: asked above a threshold, on AWS, where it costs."""
        if self.aws.config.target == "local":
            return True
        from salespipe.query import guard

        worst = guard.estimate(self.aws, sql, catalogue=self.catalogue)
        return worst is None or not worst.asks(self.aws.config.query.ask_above_mb) or self.agree(worst)

    def _ask(self, sql: str) -> None:
        from salespipe.query import athena

        with self.screen.waiting("query") as wait:
            ended = athena.finish(self.aws, athena.start(self.aws, sql), progress=wait.update)
        if ended.kind == "DDL":
            self.catalogue.forget()
        self._show(ended)

    def _show(self, ended: Execution) -> None:
        from salespipe.query import reading
        from salespipe.view import results

        answer = reading.read(self.aws, ended)
        with self._place() as out:
            rows = self._writer()(answer, out, True)
        if self.timing:
            free = self.aws.config.target == "local"
            results.took(self.screen, replace(answer.statistics, rows=rows), rows=bool(answer.columns), free=free)

    def _writer(self) -> formats.Writer:
        if self.format != formats.TABLE:
            return formats.writer(self.format)
        from functools import partial

        from salespipe.view import results

        width = self.screen.width if self.output is None else 10_000
        return partial(results.draw, width=width, coloured=self.output is None and self.screen.coloured)

    @contextmanager
    def _place(self) -> Iterator[BinaryIO]:
        """Where a result goes. A file of columns is one result; texts are written one behind the other."""
        if self.output is None:
            with self.page() as out:
                yield out
            return
        from salespipe.query import destination

        if self.format in formats.BINARY:
            path, self.output, kept = self.output, None, self.format
            with destination.opened(path) as out:
                yield out
            self.format = formats.TABLE
            self.screen.say(f"{path} has the result, as {kept}. What follows goes to the screen.")
            return
        with self.output.open("ab") as file:
            yield file

    def _command(self, command: commands.Command) -> None:
        doing = {
            r"\d": self._describe,
            r"\f": self._favourite,
            r"\fs": self._keep,
            r"\fd": self._forget,
            r"\format": self._choose,
            r"\i": self._read,
            r"\o": self._write_to,
            r"\timing": self._switch,
            r"\r": self._refresh,
            r"\q": self._leave,
            r"\?": self._help,
        }
        doing[command.name](command)

    def _leave(self, _: commands.Command) -> None:
        self.done = True

    def _help(self, _: commands.Command) -> None:
        self._listed(("", ""), [(usage, what) for usage, what in commands.HELP], header=False)

    def _refresh(self, _: commands.Command) -> None:
        self.catalogue.forget()
        self.screen.say(f"{len(self.catalogue.tables())} tables and views in {self.catalogue.database}.")

    def _describe(self, command: commands.Command) -> None:
        if command.rest:
            name = command.rest.strip('"')
            table = self.catalogue.table(name)
            if table is None:
                from salespipe.query.failures import explain

                reason = f"TABLE_NOT_FOUND: Table '{self.catalogue.database}.{name}' does not exist"
                raise explain(reason, self.aws.names, aws=self.aws)
            rows = [(one.name, one.type, "partition" if one in table.keys else "") for one in table.fields]
            self._listed(("column", "type", ""), rows)
            return
        tables = sorted(self.catalogue.tables().values(), key=lambda table: (not table.is_view, table.name))
        if not tables:
            told = f"{self.catalogue.database} has no tables yet."
            raise SalespipeError("NoTable", told, hint="salespipe crawl (it makes the tables and views)")
        kinds = [(one.name, "view" if one.is_view else "table", _some(one.fields)) for one in tables]
        self._listed(("name", "kind", "columns"), kinds)

    def _favourite(self, command: commands.Command) -> None:
        if command.rest:
            sql = self.keeping.favourite(command.rest)
            self.screen.say(sql, style="dim")
            self._run(sql)
            return
        kept = self.keeping.favourites()
        if not kept:
            self.screen.say(r"There are no favourites yet: \fs NAME SQL keeps one.")
            return
        self._listed(("name", "sql"), [(name, " ".join(sql.split())) for name, sql in sorted(kept.items())])

    def _keep(self, command: commands.Command) -> None:
        name, _, sql = command.need("a name").partition(" ")
        sql = sql.strip() or self.last
        if not sql:
            raise SalespipeError(
                "Usage", "There is no statement to keep yet.", hint=r"\fs NAME SQL", exit_code=Exit.USAGE
            )
        self.keeping.keep(name, sql)
        self.screen.say(rf"kept: \f {name} runs it.")

    def _forget(self, command: commands.Command) -> None:
        self.keeping.forget(command.need("a name"))

    def _choose(self, command: commands.Command) -> None:
        name = formats.chosen(command.rest, None) if command.rest else ""
        if name in formats.BINARY and self.output is None:
            told = f"{name} is not for a terminal."
            raise SalespipeError("Format", told, hint=rf"\o result.{name}", exit_code=Exit.USAGE)
        self.format = name or self.format
        self.screen.say(f"format {self.format}")

    def _read(self, command: commands.Command) -> None:
        from salespipe.query import sources

        self._run(sources.read(None, Path(command.need("a file")).expanduser()))

    def _write_to(self, command: commands.Command) -> None:
        from salespipe.query import destination

        if not command.rest:
            if self.output is not None or self.format in formats.BINARY:
                self.format = formats.TABLE
            self.output = None
            return
        path = Path(command.rest).expanduser()
        if not destination.usable(path):
            hint = "Choose another, or remove it first."
            raise SalespipeError("FileExists", f"{path} exists.", hint=hint, exit_code=Exit.USAGE)
        name = formats.chosen(None, path)
        formats.writer(name) if name != formats.TABLE else None
        self.output, self.format = path, name
        self.screen.say(rf"results go to {path}, as {name}; \o alone: to the screen again.")

    def _switch(self, command: commands.Command) -> None:
        if command.rest and command.rest not in _SWITCH:
            raise SalespipeError(
                "Usage", f"{command.rest} is neither on nor off.", hint=r"\timing on", exit_code=Exit.USAGE
            )
        self.timing = _SWITCH.get(command.rest, not self.timing)
        self.screen.say(f"timing {'on' if self.timing else 'off'}")

    def _listed(self, names: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, header: bool = True) -> None:
        """A table of texts on the screen."""
        from salespipe.query.model import Column
        from salespipe.view import tables

        columns = [Column(name, "varchar") for name in names]
        with self.page() as out:
            for line in tables.lines(columns, rows, self.screen.width, header=header, colour=self.screen.coloured):
                out.write(f"{line}\n".encode())


def _some(fields: tuple[Field, ...]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(one.name for one in fields[:6])
    return f"{shown} ... ({len(fields)})" if len(fields) > 6 else shown


def _unexpected(error: Exception) -> SalespipeError:
    from salespipe.answers import error_code

    code = error_code(error)
    return SalespipeError(
        code or type(error).__name__,
        str(error) if code else f"{type(error).__name__}: {error}",
        hint="salespipe status",
    )
