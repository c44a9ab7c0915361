"""``salespipe``: the commands, the options that stand anywhere, and how a failure ends the process."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from salespipe import __version__
from salespipe.cli import (
    crawl,
    demo,
    doctor,
    down,
    drill,
    generate,
    insights,
    local,
    logs,
    plan,
    quarantine,
    queries,
    query,
    replay,
    status,
    trace,
    up,
    verify,
    watch,
)
from salespipe.cli.context import App
from salespipe.errors import Exit, SalespipeError

_ANYWHERE = {
    "--config": 1,
    "--target": 1,
    "--region": 1,
    "--profile": 1,
    "--endpoint-url": 1,
    "--json": 0,
    "--debug": 0,
}


# What an option means without a value.
_ALONE = {("generate", "--chaos"): "all"}

# What is left behind when a command is interrupted, and what goes on from there.
_AFTER_INTERRUPT = {
    "demo": "salespipe demo takes the tour again; salespipe down removes what was made.",
    "drill": "salespipe drill --list shows what can be drilled alone.",
    "up": "salespipe up goes on from here; salespipe down removes what was made.",
    "down": "salespipe down goes on from here.",
    "trace": "salespipe trace looks again; the order goes on without it.",
    "quarantine": "Nothing was lost: the same command goes on from here.",
    "crawl": "salespipe crawl: the crawler may still run, and is waited for then.",
    "verify": "salespipe verify begins anew; nothing was changed.",
    "query": "salespipe query history shows what it asked, and what that cost.",
    "insights": "salespipe query history shows what it asked, and what that cost.",
}


class AnywhereGroup(typer.core.TyperGroup):
    """Lets the options that mean the same for every command stand before or behind the command's name."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Move those options to the front, where the root callback reads them; nothing behind ``--`` is moved.

        Behind a command that has an option of that name itself, as ``generate`` has --profile, it is the command's.
        """
        front: list[str] = []
        rest: list[str] = []
        own: frozenset[str] = frozenset()
        words = iter(args)
        for word in words:
            name, _, value = word.partition("=")
            if word == "--":
                rest += [word, *words]
            elif name not in _ANYWHERE or name in own:
                own = own if rest or word not in self.commands else _options(self.commands[word])
                rest.append(word)
            else:
                front.append(word)
                if _ANYWHERE[name] and not value:
                    front += [following for following in [next(words, None)] if following is not None]
        return super().parse_args(ctx, front + list(_valued(rest)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Know commands of two words, such as ``query status``: no SQL is one of those words alone."""
        if len(args) > 1 and (command := self.commands.get(" ".join(args[:2]))):
            return command.name, command, args[2:]
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Tell, after Ctrl-C, what is left and what goes on from there."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            hint = _AFTER_INTERRUPT.get(ctx.invoked_subcommand or "", "")
            told = str(interrupt) or "Interrupted."
            raise SalespipeError("Interrupted", told, hint=hint, exit_code=Exit.INTERRUPTED) from None


def _valued(words: list[str]) -> Iterator[str]:
    """The words of a command, with a value for an option that has one when it stands alone; Typer knows none such."""
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        yield word
        if (words[0], word) in _ALONE and following.startswith("-"):
            yield _ALONE[words[0], word]


def _options(command: Any) -> frozenset[str]:
    """The options that a command declares itself."""
    return frozenset(name for parameter in command.params for name in parameter.opts)


app = typer.Typer(
    name="salespipe",
    cls=AnywhereGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Stand up, feed, watch, question and tear down a real-time sales analytics pipeline,"
    " on AWS or on this machine.",
    epilog="The options above may also stand behind a command: salespipe status --json. Start with: salespipe demo",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Configuration file (default: ./salespipe.toml).")] = None,
    target: Annotated[
        str | None, typer.Option(envvar="SALESPIPE_TARGET", help="local (this machine, the default) or aws.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region (default: us-east-1).")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of your AWS credentials.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Another AWS-compatible server.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    context.obj = App(config, target, region, profile, endpoint_url, json=as_json, debug=debug)


for verb in (
    demo,
    doctor,
    plan,
    up,
    down,
    status,
    watch,
    logs,
    generate,
    replay,
    crawl,
    query,
    queries,
    insights,
    verify,
    trace,
    drill,
):
    verb.register(app)
app.add_typer(local.app, name="local")
app.add_typer(quarantine.app, name="quarantine")


def main() -> None:
    """Run the command line; every expected failure becomes one message and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command line (without the program's name) and return its exit code."""
    state = App(json="--json" in words, debug="--debug" in words)
    try:
        words = [*_sql(words)]
        answer: Any = typer.main.get_command(app).main(args=words, prog_name="salespipe", standalone_mode=False)
    except SystemExit:
        # rich and Typer leave so when the reader of our stdout has gone, as `head` does: that is no failure.
        _leave_stdout()
        return Exit.DONE
    except Exception as error:
        if state.debug and not isinstance(error, typer.TyperException):
            raise
        failure = _told(error)
        state.screen.fail(failure)
        try:
            sys.stdout.flush()
        except OSError:
            _leave_stdout()
        return failure.exit_code
    return answer if isinstance(answer, int) else Exit.DONE


def _leave_stdout() -> None:
    """Give up what stdout still holds: Python would try again at its end, and fail with an exit code of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sql(words: list[str]) -> Iterator[str]:
    """The words, with a space before SQL that begins with a comment: "-- daily" is no option, and none has a space."""
    for before, word in zip(["", *words], words, strict=False):
        comment = word.startswith("--") and any(map(str.isspace, word.partition("=")[0]))
        yield f" {word}" if comment and not before.startswith("-") else word


def _told(error: Exception) -> SalespipeError:
    """Put any failure into one message."""
    from salespipe.aws import error_code

    match error:
        case SalespipeError():
            return error
        case typer.Abort():
            return SalespipeError("Interrupted", "Nothing was done.", exit_code=Exit.INTERRUPTED)
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            hint = f"{context.command_path} --help" if context else "salespipe --help"
            return SalespipeError("Usage", error.format_message(), hint=hint, exit_code=Exit.USAGE)
    if code := error_code(error):
        return SalespipeError(code, str(error), hint="salespipe status shows what is there.")
    if type(error).__name__ == "EndpointConnectionError":
        return SalespipeError("Unreachable", str(error), hint="salespipe local status, or check --endpoint-url.")
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    hint = "Make room, or write elsewhere." if full else "Run again with --debug."
    return SalespipeError(type(error).__name__, f"{type(error).__name__}: {error}", hint=hint)


if __name__ == "__main__":
    main()
