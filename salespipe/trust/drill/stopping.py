"""Failures in which something no longer runs: the pipe, or the whole local AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.flow import hops

if TYPE_CHECKING:
    from salespipe.trust.drill.place import Place

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.2


def stop_pipe(place: Place) -> None:
    """StopPipe, and wait until it has stopped."""
    name = place.aws.names.pipe
    place.aws.client("pipes").stop_pipe(Name=name)
    _await_pipe(place, "STOPPED")
    place.broke("the pipe is stopped", f"aws pipes stop-pipe --name {name}")


def start_pipe(place: Place) -> None:
    """StartPipe, and wait until it runs."""
    name = place.aws.names.pipe
    place.aws.client("pipes").start_pipe(Name=name)
    _await_pipe(place, "RUNNING")
    place.healed("the pipe is started", f"aws pipes start-pipe --name {name}, or salespipe up")


def kill_server(place: Place) -> None:
    """Kill the process of the local AWS."""
    pid = place.ground.kill()
    place.broke("the local AWS is killed", f"kill -9 {pid}")


def start_server(place: Place) -> None:
    """Start the local AWS again, on what it left."""
    place.ground.start()
    place.healed("the local AWS is started again", "salespipe local start")


def _await_pipe(place: Place, state: str) -> None:
    aws = place.aws
    began = aws.clock()
    while (found := hops.pipe(aws)) is None or found.state != state:
        if aws.clock() - began > _PATIENCE:
            is_now = found.state if found else "gone"
            raise SalespipeError("PipeState", f"The pipe is {is_now}, and not {state} after {_PATIENCE:.0f} s.")
        aws.sleep(_PAUSE)
