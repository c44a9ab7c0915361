"""One picture, for scripts: when it is taken, and what it is where something is in the way."""

from __future__ import annotations

import pytest
from pipeline_world import World

from counted import Counted
from salespipe.errors import Exit, SalespipeError
from salespipe.watch import output
from salespipe.watch.live import Live
from salespipe.watch.model import Choice, Snapshot, Window
from salespipe.watch.watcher import Watcher


def once(world: World, patience: float = 60.0) -> Snapshot:
    live = Live(lambda: world.aws, clock=world.aws.clock, now=world.local_now)
    watcher = Watcher(live, Counted, Choice(window=Window.HOUR), clock=world.aws.clock)
    return output.once(watcher, patience=patience, clock=world.aws.clock, sleep=world.sleep)


def backlog(world: World) -> None:
    for number in range(100):
        world.arrive(b"%d" % number)
        world.now += 30


def test_it_waits_until_all_was_read_back() -> None:
    world = World()
    world.page = 10
    backlog(world)
    began = world.now
    seen = once(world)
    assert (seen.board.events, seen.reading.filling) == (100, False)
    assert 9 <= world.now - began < 15  # a page a second


def test_its_patience_ends_and_it_says_what_is_known() -> None:
    world = World()
    world.page = 10
    backlog(world)
    seen = once(world, patience=4.0)
    assert seen.reading.filling
    assert 30 <= seen.board.events <= 60


@pytest.mark.parametrize(("code", "exit_code"), [("NotRunning", Exit.NOT_DEPLOYED), ("Broken", Exit.FAILED)])
def test_what_is_in_the_way_is_told(code: str, exit_code: Exit) -> None:
    def reach() -> None:
        raise SalespipeError(code, "No way.", hint="salespipe up")

    world = World()
    live = Live(reach, clock=world.aws.clock, now=world.local_now)  # type: ignore[arg-type]
    watcher = Watcher(live, Counted, Choice(), clock=world.aws.clock)
    with pytest.raises(SalespipeError, match=r"No way\.") as caught:
        output.once(watcher, patience=60.0, clock=world.aws.clock, sleep=world.sleep)
    assert (caught.value.code, caught.value.hint, caught.value.exit_code) == (code, "salespipe up", exit_code)
