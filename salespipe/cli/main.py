"""``salespipe``: the commands, the options that stand anywhere, and how a failure ends the process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from salespipe import __version__
from salespipe.cli import crawl, demo, down, generate, local, query, replay, status, up
from salespipe.cli.context import App
from salespipe.errors import Exit, SalespipeError

_ANYWHERE = {"--config": 1, "--target": 1, "--region": 1, "--profile": 1, "--endpoint-url": 1, "--json": 0, "--debug": 0}


class AnywhereGroup(typer.core.TyperGroup):
    """Lets the options that mean the same for every command stand before or behind the command's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move those options to the front, where the root callback reads them; nothing behind ``--`` is moved."""
        front: list[str] = []
        rest: list[str] = []
        words = iter(args)
        for word in words:
            name, _, value = word.partition("=")
            if word == "--":
                rest += [word, *words]
            elif name not in _ANYWHERE:
                rest.append(word)
            else:
                front.append(word)
                if _ANYWHERE[name] and not value:
                    front += [following for following in [next(words, None)] if following is not None]
        return super().parse_args(ctx, front + rest)


app = typer.Typer(
    name="salespipe",
    cls=AnywhereGroup,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Stand up, feed, watch, question and tear down a real-time sales analytics pipeline, on AWS or on this machine.",
    epilog="The options above may also stand behind a command: salespipe status --json. Start with: salespipe demo",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Configuration file (default: ./salespipe.toml).")] = None,
    target: Annotated[
        str | None, typer.Option(envvar="SALESPIPE_TARGET", help="local (this machine, the default) or aws.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="AWS region (default: us-east-1).")] = None,
    profile: Annotated[str | None, typer.Option(help="Profile of your AWS credentials.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Another AWS-compatible server.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    debug: Annotated[bool, typer.Option(help="Show a traceback when something fails.")] = False,
    _show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    context.obj = App(config, target, region, profile, endpoint_url, json=as_json, debug=debug)


for verb in (demo, up, down, status, generate, replay, crawl, query):
    verb.register(app)
app.add_typer(local.app, name="local")


def main() -> None:
    """Run the command line; every expected failure becomes one message and an exit code."""
    command = typer.main.get_command(app)
    state = App(json="--json" in sys.argv, debug="--debug" in sys.argv)
    sys.exit(run(command, state))


def run(command: click.Command, state: App, args: list[str] | None = None) -> int:
    """Run ``command`` and return the exit code. ``state`` says how to tell of a failure before options are parsed."""
    try:
        answer: Any = command.main(args=args, prog_name="salespipe", standalone_mode=False)
    except click.exceptions.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except KeyboardInterrupt:
        state.screen.say("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader of our stdout has gone, as `head` does; nothing can be told to it any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except SalespipeError as error:
        if state.debug:
            raise
        state.screen.fail(error)
        return error.exit_code
    except Exception as error:
        if state.debug:
            raise
        state.screen.fail(_unexpected(error))
        return Exit.FAILED
    return answer if isinstance(answer, int) else Exit.DONE


def _unexpected(error: Exception) -> SalespipeError:
    """Put an AWS error that no command expected, or a fault of ours, into one message."""
    from salespipe.aws import error_code

    code = error_code(error)
    if code:
        return SalespipeError(code, str(error), hint="salespipe status shows what is there; --debug shows where it failed.")
    return SalespipeError(type(error).__name__, f"{type(error).__name__}: {error}", hint="Run again with --debug.")


if __name__ == "__main__":
    main()
