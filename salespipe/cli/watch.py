"""``salespipe watch``: the pipeline and the business as they are now, in the terminal, as a page, or for scripts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit

if TYPE_CHECKING:
    from salespipe.watch.live import Live
    from salespipe.watch.model import Choice
    from salespipe.watch.recording import Recording, Replay
    from salespipe.watch.watcher import Watcher

# Seconds that --once reads back at most. A shard on AWS gives a megabyte a second.
_PATIENCE: Final = {"local": 120.0, "aws": 600.0}
_EVERY: Final = {"drawn": 0.5, "written": 1.0}

WindowName = Literal["1m", "5m", "15m", "1h", "today"]
BasisName = Literal["created_at", "event_time"]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(watch)


def watch(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    window: Annotated[WindowName, typer.Option("--window", "-w", help="How much time it is about.")] = "15m",
    by: Annotated[
        BasisName | None,
        typer.Option(help="The time that orders belong to (default: created_at where they have it)."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="One picture, when all that it needs was read; then leave.")
    ] = False,
    web: Annotated[bool, typer.Option("--web", help="As a page on 127.0.0.1, for a browser.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --web: its port (default: one that is free).")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="With --web: open no browser.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also keep what is fetched; .gz packs it.")
    ] = None,
    replay: Annotated[Path | None, typer.Option(metavar="FILE", help="Show what was recorded, not what is.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="With --replay: how much faster than it was.")] = 1.0,
    efo: Annotated[
        bool, typer.Option("--efo", help="Enhanced fan-out: nothing shared with Firehose, at its own price.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help="Between two pictures (default: 0.5; lines of JSON: 1)."),
    ] = None,
) -> int:
    """Show what sells now, and how it comes through the pipeline.

    Orders are read from the Kinesis stream, seconds after they were written, and each counts once, as Athena counts it.
    On a terminal keys choose (? tells which), elsewhere a line of JSON is written each second; Ctrl-C ends it with 0.
    On AWS it asks each shard once a second, for 1 MB at most, and CloudWatch once a minute: about 0.02 USD an hour,
    and of an on-demand stream 0.04 USD for each GB that is read.
    """
    from salespipe.watch import output
    from salespipe.watch.model import Choice, Window
    from salespipe.watch.tally import Tally
    from salespipe.watch.watcher import Watcher

    state, choice = App.of(context), Choice(window=Window(window))
    _check(context, web=web, once=once, record=record, replay=replay)
    pace = every or _EVERY["written" if state.screen.piped else "drawn"]
    try:
        with output.ended_gently(), ExitStack() as ends:
            source = _recorded(replay, None if once else speed) if replay else _live(state, efo=efo)
            recording = _recording(record)
            watcher = Watcher(source, lambda key: Tally(basis=by, key=key), choice, every=pace, recorder=recording)
            ends.callback(_tell, state, recording, source)
            ends.callback(watcher.stop)
            if once:
                return _once(state, watcher, source)
            watcher.start()
            _show(state, watcher, choice, source, web=web, port=port, no_open=no_open, every=pace)
    except KeyboardInterrupt:
        if once:
            raise
    return Exit.DONE


def _check(context: typer.Context, *, web: bool, once: bool, record: Path | None, replay: Path | None) -> None:
    """Refuse options that do not go together."""
    given = {name for name in ("port", "no_open", "speed", "efo") if _typed(context, name)}
    if web and once:
        raise typer.BadParameter("--web does not go with --once", ctx=context)
    if record and replay:
        raise typer.BadParameter("--record does not go with --replay", ctx=context)
    if not web and given & {"port", "no_open"}:
        raise typer.BadParameter("--port and --no-open go with --web", ctx=context)
    if replay and "efo" in given:
        raise typer.BadParameter("--efo does not go with --replay", ctx=context)
    if not replay and "speed" in given:
        raise typer.BadParameter("--speed goes with --replay", ctx=context)


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _live(state: App, *, efo: bool) -> Live:
    """What happens now. A local AWS that was stopped is started; later it may come and go."""
    import time
    from dataclasses import replace

    from salespipe.cli.reaching import Reach
    from salespipe.watch.fan_out import FanOut, price
    from salespipe.watch.live import Live
    from salespipe.watch.reader import Reader

    state.aws()
    if efo and state.config.target == "aws" and not state.endpoint_url:
        state.screen.say(f"Enhanced fan-out costs {price(state.config.stream.mode)} (list price, us-east-1).")
    # Anew each time that the way is lost: there may be other credentials. What fails is tried again by the watcher.
    reader = FanOut if efo else Reader
    return Live(lambda: replace(Reach(state)(), attempts=2), clock=time.monotonic, reader=reader)


def _recorded(path: Path, speed: float | None) -> Replay:
    import time

    from salespipe.watch.recording import Replay

    return Replay(path, speed=speed, clock=time.monotonic)


def _recording(path: Path | None) -> Recording | None:
    from salespipe.watch.recording import Recording

    return Recording(path) if path else None


def _once(state: App, watcher: Watcher, source: Live | Replay) -> int:
    """Print one picture. One that lacks something is partly done."""
    from salespipe.watch import output
    from salespipe.watch.recording import Replay

    over = (lambda: source.over) if isinstance(source, Replay) else None
    with state.screen.waiting("reading the stream") as wait:
        seen = output.once(watcher, patience=_PATIENCE[state.config.target], over=over, tell=wait.update)
    if state.json:
        state.screen.data(seen)
    else:
        output.draw(state.screen, seen)
    if not over and seen.reading.filling:
        state.screen.say("The stream was not read to its end: the picture lacks what came last.")
        return Exit.PARTLY
    return Exit.DONE


def _show(
    state: App,
    watcher: Watcher,
    choice: Choice,
    source: Live | Replay,
    *,
    web: bool,
    port: int,
    no_open: bool,
    every: float,
) -> None:
    """Until Ctrl-C, or until a recording is over where nobody looks at the end of it."""
    from salespipe.watch import output, terminal

    if web:
        from salespipe.watch.web import browser, serve

        serve(state.screen, watcher, choice, port=port, browse=None if no_open else browser())
    elif state.screen.piped:
        output.lines(state.screen, watcher, every, over=lambda: getattr(source, "over", False))
    else:
        terminal.run(state.screen, watcher, choice)


def _tell(state: App, recording: Recording | None, source: Live | Replay) -> None:
    """What became of the recording."""
    if recording and recording.problem:
        state.screen.say(f"The recording ends early: {recording.problem}", "yellow")
    elif recording:
        state.screen.say(f"Recorded: salespipe watch --replay {recording.path}")
    if skipped := getattr(source, "skipped", 0):
        state.screen.say(f"{skipped} lines of the recording could not be read.", "yellow")
