"""What a source tells the desk, one after the other: all that a picture is made of, and all that a recording holds.

A ``run`` is one reading of the stream from some moment on. A longer window asks for one that begins earlier: it is read
beside the one that is shown, until it has caught up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import msgspec

from salespipe.flow.snapshot import Flow
from salespipe.watch.model import Reading, Window


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """A run begins with the records that came in at ``since``; ``key`` is the table's partition key.

    It is ``fresh`` where what was read before is of another stream, and is over.
    """

    at: datetime
    run: int
    since: datetime
    pipeline: str
    where: str
    key: str = "orderid"
    fresh: bool = True


class Records(msgspec.Struct, frozen=True, tag="records"):
    """Data of Kinesis records, as a run came by them."""

    at: datetime
    run: int
    data: tuple[bytes, ...]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How a run is getting on; the first one of a run that no longer fills makes it the one that is shown."""

    at: datetime
    run: int
    reading: Reading


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """The stages' figures, the objects written in ``flow.window_minutes``, and the records among what failed."""

    at: datetime
    flow: Flow
    objects: int | None = None
    quarantined: int | None = None


class Stocked(msgspec.Struct, frozen=True, tag="stocked"):
    """The reference data, whole."""

    at: datetime
    rows: tuple[Mapping[str, Any], ...]


Fetched: TypeAlias = Opened | Records | Progress | Measured | Stocked


class Source(Protocol):
    """Where it comes from."""

    def take(self, window: Window) -> Iterator[Fetched]:
        """What there is now, each as it comes; no waiting but for answers. Raises what AWS's clients raise.

        What is older is fetched for as long a time as ``window`` needs, and is not given up when that gets shorter.
        """

    def pause(self) -> float:
        """Seconds until there may be more."""

    def now(self) -> datetime:
        """The time where it happens, UTC, of whole milliseconds."""

    def forget(self) -> None:
        """Find the way anew the next time: ``take`` has failed."""

    def close(self) -> None:
        """Leave nothing behind."""
