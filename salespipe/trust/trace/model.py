"""What is known of one order's way through the pipeline. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from salespipe.errors import Exit
from salespipe.trust.proof.content import Content


class Hop(StrEnum):
    """Where a version of an order can be, in the order in which it comes by."""

    WRITTEN = "written"
    STREAM = "stream"
    KINESIS = "kinesis"
    LAKE = "lake"
    ATHENA = "athena"
    VIEW = "view"


class Shown(StrEnum):
    """What the view makes of a version."""

    CURRENT = "current"  # its row is this version
    SUPERSEDED = "superseded"  # its row is a later version, or a later one deleted the order
    REMOVED = "removed"  # this version deleted the order, and the view has no row
    MISSING = "missing"  # the view should have it and has not


@dataclass(frozen=True, slots=True)
class Written:
    """A write that DynamoDB acknowledged, as a ledger has it."""

    at: datetime
    kind: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """An event of the table's stream. ``at`` has whole seconds; ``values`` are the attributes, as plain text."""

    event_id: str
    kind: str
    sequence: str
    at: datetime
    content: Content
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """A record in Kinesis; ``at`` is when it arrived."""

    shard: str
    sequence: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """A line, counted from 1, of an object that Firehose delivered.

    ``at`` is when S3 had it, in whole seconds. ``arrived`` and ``transformed`` are None in lines that are older than
    these fields.
    """

    key: str
    line: int
    at: datetime
    arrived: datetime | None = None
    transformed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A record below the error prefix: what Firehose could not deliver, and why.

    ``record`` is its id in the quarantine. ``arrived`` is when it came to Kinesis, None where that is not told.
    """

    key: str
    line: int
    at: datetime
    code: str
    message: str
    record: str
    arrived: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Where a version is not yet, why, and the command that helps. ``waits`` when it will come by itself."""

    hop: Hop
    why: str
    fix: str
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """One place where a version was met.

    ``hop`` is a ``Hop``, or ``transform`` or ``failed``. ``at`` is None where no time is known, and has whole seconds
    where ``exact`` is False. ``seconds`` is how long it took from the last place whose time is known, as exactly as can
    be, and at least 0; ``about`` where one of the two is in whole seconds. ``copy`` is 2 and more for duplicates.
    """

    hop: str
    at: datetime | None
    where: str
    exact: bool = True
    seconds: float | None = None
    about: bool = False
    copy: int = 1


@dataclass(slots=True)
class Version:
    """One version of the order. What was met several times at a hop is a duplicate.

    ``seen`` is when the table was found to have a version of which nothing else is known. ``overtaken`` says that a
    later version of the order has passed on, which this one has not. ``rows`` is how many rows of Athena's table are of
    it, None where that was not asked. ``missed`` are hops that it has passed but where its record is no longer kept, or
    was not found, with the reason. ``changes`` tell what it changed, attribute by attribute, ``way`` every place where
    it was met, and ``seconds`` how long it took from the write to S3.
    """

    number: int
    written: Written | None = None
    change: Change | None = None
    records: list[Record] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    rows: int | None = None
    shown: Shown | None = None
    stuck: Stuck | None = None
    missed: dict[Hop, str] = field(default_factory=dict)
    seen: datetime | None = None
    overtaken: bool = False
    changes: list[str] = field(default_factory=list)
    way: list[Passage] = field(default_factory=list)
    seconds: float | None = None

    @property
    def kind(self) -> str:
        """INSERT, MODIFY or REMOVE; what the ledger calls it where no event is known."""
        return self.change.kind if self.change else self.written.kind if self.written else ""


@dataclass(slots=True)
class Trace:
    """One look at one order. ``in_table`` says whether the table has it; None where that could not be read.

    ``older`` counts versions beyond those that were followed. ``looked`` is what was looked through, in words.
    """

    at: datetime
    pipeline: str
    where: str
    order: str
    in_table: bool | None
    versions: list[Version]
    older: int = 0
    looked: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether there ever was such an order."""
        return bool(self.versions) or bool(self.in_table)

    @property
    def stuck(self) -> Stuck | None:
        """Where the newest version that is not through waits."""
        return next((version.stuck for version in reversed(self.versions) if version.stuck), None)

    @property
    def exit_code(self) -> Exit:
        """0 when every version has come to its end, 3 when one has not, 1 where there is no such order."""
        if not self.found:
            return Exit.FAILED
        return Exit.DONE if self.versions and self.stuck is None else Exit.PARTLY
