"""The scenarios: what breaks, and how it is mended."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.trust.drill import flooding, misreading, stopping

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.trust.drill.place import Place

Act = Callable[["Place"], None]


def _nothing(_: Place) -> None:
    """Where healing is all there is to do."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One failure: ``breaks`` while orders are written, ``heals`` so many ``seconds`` later.

    ``about`` says what is learned. ``recovers`` fetches back what went astray, once all that was written is somewhere.
    ``config`` makes the pipeline's configuration of the default one. ``unseen`` where nothing can be asked meanwhile.
    """

    name: str
    about: str
    breaks: Act = field(repr=False)
    heals: Act = field(repr=False)
    recovers: Act = field(default=_nothing, repr=False)
    seconds: float = 8.0
    unseen: bool = False
    config: Callable[[Config], Config] = field(default=lambda config: config, repr=False)


ALL: Final = (
    Scenario(
        "transform",
        "The transform is deployed broken. Firehose tries each batch again, then sets it aside in quarantine.",
        misreading.break_transform,
        misreading.mend_transform,
        misreading.replay,
    ),
    Scenario(
        "throttle",
        "Another producer fills the stream's only shard. What the pipe has tried twice goes to its dead-letter queue.",
        flooding.flood,
        flooding.make_room,
        misreading.replay,
        seconds=6.0,
        config=flooding.one_shard,
    ),
    Scenario(
        "pipe",
        "The pipe is stopped. Orders wait in the table's stream, for 24 hours at the most.",
        stopping.stop_pipe,
        stopping.start_pipe,
    ),
    Scenario(
        "server",
        "The local AWS is killed while orders are written. What was acknowledged is on the disk.",
        stopping.kill_server,
        stopping.start_server,
        seconds=4.0,
        unseen=True,
    ),
    Scenario(
        "records",
        "Records that nobody can read come into the stream. They are set aside in quarantine, one by one.",
        misreading.put_bad_records,
        misreading.nobody_heals,
        misreading.repair,
        seconds=5.0,
    ),
)


def chosen(wanted: Iterable[str]) -> tuple[Scenario, ...]:
    """The scenarios of these names, in the order in which they are named; all for none.

    Raises ``SalespipeError`` (exit code 2) for one that is none.
    """
    known = {each.name: each for each in ALL}
    asked = list(dict.fromkeys(wanted))
    if unknown := [name for name in asked if name not in known]:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        raise SalespipeError(
            "UnknownScenario",
            f"There is no scenario {unknown[0]}." + (f" Did you mean {near[0]}?" if near else ""),
            hint=f"salespipe drill [{' '.join(known)}]",
            exit_code=Exit.USAGE,
        )
    return tuple(known[name] for name in asked) if asked else ALL
