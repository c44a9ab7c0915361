"""Where a version waits, why, and the command that helps: from what AWS tells of each stage now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from salespipe.flow import hops, snapshot
from salespipe.flow.delays import longest_delay, pipe_delay
from salespipe.flow.snapshot import Verdict
from salespipe.trust.trace.model import Hop, Shown, Stuck, Version

if TYPE_CHECKING:
    from salespipe.aws import Aws

_CRAWL = "salespipe crawl"
_UP = "salespipe up"


@dataclass
class Reasons:
    """Says why versions of ``order`` wait, at a moment of AWS's clock; a service is asked once, and only if needed.

    ``table_stream`` says whether the table has a stream; ``query`` is what Athena answered instead of rows, and
    ``view`` instead of the view's, each with the command that helps.
    """

    aws: Aws
    order: str
    now: datetime
    table_stream: bool = True
    query: tuple[str, str] | None = None
    view: tuple[str, str] | None = None

    def of(self, version: Version) -> Stuck | None:
        """Where a version waits; None for one that is through."""
        if version.lines:
            return self._in_athena(version)
        if version.failures:
            return self._quarantined(version)
        if version.records:
            return next(self._in_delivery(max(record.at for record in version.records)))
        return next(self._in_pipe(version))

    def _in_athena(self, version: Version) -> Stuck | None:
        if self.query:
            return Stuck(Hop.ATHENA, *self.query)
        if not version.rows:
            folder = version.lines[0].key.rpartition("/")[0]
            return Stuck(Hop.ATHENA, f"Athena's table does not have the folder {folder} yet", _CRAWL)
        if self.view:
            return Stuck(Hop.VIEW, *self.view)
        if version.shown is Shown.MISSING:
            why = version.missed.get(Hop.VIEW, "the view does not show it as the lake has it")
            return Stuck(Hop.VIEW, why, _CRAWL)
        return None

    def _quarantined(self, version: Version) -> Stuck:
        failure = version.failures[-1]
        told = ": ".join(filter(None, (failure.code, failure.message))) or "no reason is given"
        why = f"Firehose could not deliver it and has put it aside at {failure.at:%H:%M:%S} UTC: {told}"
        return Stuck(Hop.LAKE, why, f"salespipe quarantine show {failure.record}")

    def _in_delivery(self, arrived: datetime) -> Iterator[Stuck]:
        """Why it is not in the lake: the surest reason first, the last one always holds."""
        name, found, waited = self.aws.names.delivery, self._delivery, self._waited(arrived)
        if found is None:
            yield Stuck(Hop.LAKE, f"Firehose {name} is gone", _UP)
            return
        if found.since and arrived < found.since:
            why = f"it came to Kinesis before Firehose {name} began to read, at {found.since:%H:%M:%S} UTC"
            yield Stuck(Hop.LAKE, f"{why}, and is never delivered", "write the order to the table again")
        if not found.reading:
            yield Stuck(Hop.LAKE, f"Firehose {name} is {found.state}", _UP)
        if trouble := self._transform:
            yield Stuck(Hop.LAKE, f"Firehose cannot transform it: {trouble}", _UP)
        left = longest_delay(self.aws) - (self.now - arrived).total_seconds()
        if left > 0:
            why = f"Firehose's buffers hold it for {left:.0f} s more at most"
            yield Stuck(Hop.LAKE, why, self._follow, waits=True)
        for stage, why in self._failing("transform", "delivery"):
            yield Stuck(Hop.LAKE, f"{why}; it has waited for {waited}", f"salespipe logs {stage}")
        why = f"Firehose {name} is ACTIVE and has not delivered it for {waited}"
        yield Stuck(Hop.LAKE, why, "salespipe logs delivery")

    def _in_pipe(self, version: Version) -> Iterator[Stuck]:
        """Why it is not in Kinesis, in the same way."""
        at = version.written.at if version.written else version.change.at if version.change else self.now
        hop = Hop.KINESIS if version.change else Hop.STREAM
        if version.overtaken:
            yield Stuck(hop, "a later version has passed on, and this one was met nowhere", "salespipe verify")
        if not self.table_stream:
            yield Stuck(Hop.STREAM, f"the table {self.aws.names.table} has no stream", _UP)
        name, pipe, waited = self.aws.names.pipe, self._pipe, self._waited(at)
        if pipe is None:
            yield Stuck(hop, f"the pipe {name} is gone", _UP)
            return
        if not pipe.moving:
            reason = f" ({pipe.reason})" if pipe.reason else ""
            yield Stuck(hop, f"the pipe {name} is {pipe.state}{reason}; it has waited for {waited}", _UP)
        usual = pipe_delay(self.aws, sighted=False)
        if (self.now - at).total_seconds() <= usual:
            yield Stuck(hop, f"the pipe may take {usual:.0f} s", self._follow, waits=True)
        for _, why in self._failing("pipe", "stream"):
            yield Stuck(hop, f"{why}; it has waited for {waited}", "salespipe logs pipe")
        if letters := hops.dead_letters(self.aws):
            why = f"the pipe may have given it up: its dead-letter queue holds {letters:,}"
            yield Stuck(hop, why, "salespipe quarantine ls")
        if pipe.filters:
            why = f"the pipe {name} has filters, and may have dropped it"
            yield Stuck(hop, why, "filters under [pipe] in salespipe.toml")
        why = f"the pipe {name} is {pipe.state} and has not passed it on for {waited}"
        yield Stuck(hop, why, "salespipe logs pipe")

    @property
    def _follow(self) -> str:
        from shlex import quote

        word = quote(self.order)
        return f"salespipe trace --follow {'-- ' if self.order.startswith('-') else ''}{word}"

    def _waited(self, since: datetime) -> str:
        seconds = max(0, round((self.now - since).total_seconds()))
        return f"{seconds} s" if seconds < 120 else str(timedelta(seconds=seconds))

    def _failing(self, *stages: str) -> list[tuple[str, str]]:
        """The stages of these that fail, by CloudWatch's figures, with the reason."""
        told = {"transform": "the transform fails", "delivery": "Firehose cannot write to S3"}
        return [
            (stage.name, f"{told.get(stage.name, f'{stage.resource} fails')}: {stage.why}")
            for stage in self._flow.stages
            if stage.name in stages and stage.verdict is Verdict.FAILING
        ]

    @cached_property
    def _flow(self) -> snapshot.Flow:
        return snapshot.read(self.aws)

    @cached_property
    def _pipe(self) -> hops.Pipe | None:
        return hops.pipe(self.aws)

    @cached_property
    def _delivery(self) -> hops.Delivery | None:
        return hops.delivery(self.aws)

    @cached_property
    def _transform(self) -> str:
        return hops.transform_trouble(self.aws)
