"""Looks for one order at every hop, and puts together what was found; looking again only looks for what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_message, is_not_found
from salespipe.errors import SalespipeError
from salespipe.flow import tail
from salespipe.flow.delays import AwsTime, longest_delay, utc_now
from salespipe.query.failures import not_deployed
from salespipe.query.guard import question
from salespipe.trust.proof import content
from salespipe.trust.proof.content import Content
from salespipe.trust.trace import answered
from salespipe.trust.trace.answered import short
from salespipe.trust.trace.asking import Asking
from salespipe.trust.trace.gathered import Gathered
from salespipe.trust.trace.lake import Reader
from salespipe.trust.trace.model import Hop, Trace, Written
from salespipe.trust.trace.streams import Kinesis, table_stream
from salespipe.trust.trace.stuck import Reasons
from salespipe.trust.trace.telling import Telling
from salespipe.trust.trace.way import describe
from salespipe.trust.trace.written import Found, versions

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Reading

MOST_VERSIONS: Final = 50
"""The newest so many versions of an order are followed."""
_OBJECTS: Final = 64
_TABLE_STREAM: Final = {"local": 50_000, "aws": 10_000}
# How much earlier than this machine's clock says a write may have been, and how long after it its record is looked for.
_EARLIER: Final = {"local": timedelta(seconds=1), "aws": timedelta(seconds=10)}
_LATER: Final = {"local": timedelta(seconds=5), "aws": timedelta(seconds=60)}
_MOMENTS: Final = ("updated_at", "created_at")

Progress = Callable[[str], None]


@dataclass
class Tracer:
    """Looks for ``order``. ``everywhere`` searches the whole lake whatever that costs on AWS."""

    aws: Aws
    order: str
    readings: list[Reading]
    everywhere: bool = False
    now: Callable[[], datetime] = utc_now
    _gathered: Gathered = field(default_factory=Gathered, init=False)
    _searched: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._time = AwsTime(self.aws.clock, self.now)
        self._kinesis = Kinesis(self.aws, self.order)
        self._lake = Reader(self.aws, self.order)
        self._asking = Asking(self.aws, self.order)

    def look(self, progress: Progress = lambda _: None) -> Trace:
        """Look once. Raises ``SalespipeError`` where there is no pipeline, and ``ClientError`` where AWS refuses."""
        self._remarks: list[str] = []
        self._looked: list[str] = []
        self._reasons = Reasons(self.aws, self.order, self._time.now())
        item, known = self._item()
        progress("reading the ledgers")
        written = versions(self.readings, self.order)
        if written.damaged:
            self._remarks.append(f"{written.damaged:,} writes are missing where ledgers are damaged.")
        self._search(written, item, known=known, progress=progress)
        made = self._gathered.versions(written.versions, self._held(item), self._time.now())
        followed = made[-MOST_VERSIONS:]
        progress("asking Athena")
        if answered.fill(self._asking, followed, self._gathered, self._reasons):
            self._looked.append("Athena")
        for version in followed:
            version.stuck = self._reasons.of(version)
            if version.lines and not version.records:
                kept = not self._forgotten(version.lines[0].at)
                version.missed[Hop.KINESIS] = "its record was not found" if kept else "its record is no longer kept"
        describe(followed)
        self._tell(written, known=known)
        at = self._time.now()
        older, in_table = len(made) - len(followed), item is not None if known else None
        place = (self.aws.config.name, self.aws.where, self.order)
        return Trace(at, *place, in_table, followed, older, self._looked, self._remarks)

    def _item(self) -> tuple[dict[str, Any] | None, bool]:
        """The table's item, and whether the table could be read."""
        from botocore.exceptions import ClientError

        dynamodb, name = self.aws.client("dynamodb"), self.aws.names.table
        try:
            table = dynamodb.describe_table(TableName=name)
            self._time.heard(table)
            self._reasons.now = self._time.now()
            self._reasons.table_stream = bool(table["Table"].get("LatestStreamArn"))
            key = {self.aws.config.table.partition_key: {"S": self.order}}
            return dynamodb.get_item(TableName=name, Key=key, ConsistentRead=True).get("Item"), True
        except ClientError as error:
            if is_not_found(error):
                raise not_deployed(self.aws.names) from error
            self._remarks.append(f"The table could not be read: {error_message(error)}")
            return None, False

    def _held(self, item: dict[str, Any] | None) -> Content | None:
        return content.of_item(item) if item else None

    def _search(self, written: Found, item: dict[str, Any] | None, *, known: bool, progress: Progress) -> None:
        """Look where the order should be, by the times that are known, and further and further until all is found."""
        own, held = written.versions, self._held(item)

        def whole() -> bool:
            delivered = all(event.lines for event in self._gathered.events())
            return delivered and self._gathered.whole(own, held, known=known)

        moments = [each.at for each in self._gathered.unmatched(own)] or ([] if own else self._moments(item))
        moments += [each.change.at for each in self._gathered.events() if not each.lines and not each.records]
        progress("reading Kinesis")
        for moment in moments[-MOST_VERSIONS:]:
            later = moment + _LATER[self.aws.config.target]
            self._in_kinesis(moment - self._earlier, later, enough=partial(self._met, own, held, moment))
        progress("reading the lake")
        self._in_lake([moment for moment in moments if self._forgotten(moment)])
        if not whole() and not self._searched and not self._young(own):
            progress("searching the lake")
            self._searched = True
            self._in_all_of_the_lake()
        if not whole():
            progress("reading what came to Kinesis last")
            recent = self._time.now() - timedelta(seconds=3 * longest_delay(self.aws))
            self._in_kinesis(recent, self._time.now(), pages=8)
            self._in_lake()
        if not whole() and (item is not None or own or self._gathered.events()):
            progress("reading the table's stream")
            self._in_table_stream()
        self._in_failures(own)

    def _young(self, own: list[Written]) -> bool:
        """Whether all that is missing was written so lately that it need not be in the lake yet."""
        missing = [event.change.at for event in self._gathered.events() if not event.lines]
        missing += [each.at for each in self._gathered.unmatched(own)]
        limit = self._time.now() - timedelta(seconds=2 * longest_delay(self.aws))
        return bool(missing) and min(missing) > limit

    @property
    def _earlier(self) -> timedelta:
        return _EARLIER[self.aws.config.target]

    def _moments(self, item: dict[str, Any] | None) -> list[datetime]:
        """When the table's item says that it was written: its own account, which may be wrong."""
        found = []
        for name in _MOMENTS:
            with suppress(KeyError, TypeError, ValueError):
                moment = datetime.fromisoformat((item or {})[name]["S"])
                found.append(moment.replace(tzinfo=moment.tzinfo or UTC))
        return [moment for moment in sorted(set(found)) if moment <= self._time.now()]

    def _met(self, own: list[Written], held: Content | None, moment: datetime) -> bool:
        """Whether that was met which was written at a moment."""
        if own:
            return all(each.at != moment for each in self._gathered.unmatched(own))
        return self._gathered.whole(own, held, known=True)

    def _in_kinesis(
        self,
        since: datetime,
        until: datetime,
        *,
        page: int = 1000,
        pages: int = 4,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        if self._forgotten(until):
            return
        with self._telling("Kinesis"):
            for record, change in self._kinesis.since(
                since, page=page, pages=pages, until=lambda at: at > until or enough()
            ):
                self._gathered.of(change).records[record.shard, record.sequence] = record

    def _in_lake(self, moments: Sequence[datetime] = ()) -> None:
        """Lines of what has arrived, or was written at ``moments``; then the records of lines that have none yet."""
        waiting = [event for event in self._gathered.events() if not event.lines]
        arrived = [*moments, *(record.at for event in waiting for record in event.records.values())]
        with self._telling("the lake"):
            for found in self._lake.around(arrived, _OBJECTS):
                self._take(found)
        self._arrivals()

    def _in_all_of_the_lake(self) -> None:
        if self.aws.config.target != "local" and not self.everywhere:
            worst = self._asking.cost()
            if worst and worst.asks(self.aws.config.query.ask_above_mb):
                told = question(worst).removesuffix(" Run it?")
                self._remarks.append(f"The whole lake was not searched. {told} salespipe trace --everywhere does.")
                return
        try:
            keys = self._asking.everywhere()
        except SalespipeError as error:
            if error.code != "TABLE_NOT_FOUND":
                self._remarks.append(f"Athena could not search the lake: {short(error)}.")
            return
        self._looked.append(f"Athena's table {self.aws.names.events_table}")
        with self._telling("the lake"):
            for found in self._lake.keys(keys[:_OBJECTS]):
                self._take(found)
        if len(keys) > _OBJECTS:
            self._remarks.append(f"The order is in {len(keys):,} objects or more; the newest {_OBJECTS} were read.")
        self._arrivals()

    def _take(self, found: Any) -> None:
        event = self._gathered.of(found.change)
        event.lines[found.line.key, found.line.line] = found.line
        event.row = event.row or found.row

    def _arrivals(self) -> None:
        """Find the records of lines and of failures that tell when they arrived."""
        for event in self._gathered.events()[-MOST_VERSIONS:]:
            told = [line.arrived for line in event.lines.values()] + [each.arrived for each in event.failures.values()]
            for arrived in filter(None, told):
                if not event.records:
                    self._in_kinesis(arrived - timedelta(milliseconds=1), arrived, page=100, pages=3)

    def _in_table_stream(self) -> None:
        events = self._gathered.events()
        own = int(events[-1].change.sequence) if events else None
        with self._telling("the table's stream"):
            passed = max((each.change or 0 for each in tail.newest(self.aws)), default=0) or None
            for after in dict.fromkeys((passed, own)):
                changes, read = table_stream(self.aws, self.order, after, _TABLE_STREAM[self.aws.config.target])
                self._looked.append(f"{read:,} changes of the table's stream")
                for change in changes:
                    self._gathered.of(change)
                if changes:
                    return

    def _in_failures(self, own: list[Written]) -> None:
        undelivered = [event for event in self._gathered.events() if not event.lines and not event.failures]
        times = [event.change.at for event in undelivered] + [each.at for each in self._gathered.unmatched(own)]
        if not times:
            return
        with self._telling("what failed"):
            for failure, change in self._lake.failures(min(times), self._time.now(), _OBJECTS):
                self._gathered.of(change).failures[failure.key, failure.line] = failure
        self._arrivals()

    def _tell(self, written: Found, *, known: bool) -> None:
        """What was looked through, in words."""
        ledgers = f"{written.ledgers} ledger{'' if written.ledgers == 1 else 's'}"
        first = [ledgers] + ([f"the table {self.aws.names.table}"] if known else [])
        middle = [f"{self._kinesis.records:,} records in Kinesis", f"{self._lake.read:,} objects of the lake"]
        self._looked = [*first, *middle, *self._looked]

    def _forgotten(self, moment: datetime) -> bool:
        """Whether Kinesis no longer keeps what arrived then."""
        kept = timedelta(hours=self.aws.config.stream.retention_hours)
        return self._time.now() - moment > kept

    def _telling(self, what: str) -> Telling:
        return Telling(what, self._remarks)
