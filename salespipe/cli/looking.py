"""Taking looks at the pipeline, one after the other, of whatever server answers at that moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.aws import Aws
    from salespipe.config import Config
    from salespipe.cost.bill import Bill
    from salespipe.flow.alarms import AlarmState
    from salespipe.flow.latency import Latencies, Latency
    from salespipe.flow.snapshot import Flow
    from salespipe.flow.totals import Totals
    from salespipe.resources.base import Resource
    from salespipe.view.overview import Look

# CloudWatch on AWS has a figure for each minute, and charges each time that it tells it.
_METRICS_EVERY: Final = {"aws": timedelta(seconds=60), "local": timedelta(0)}


class Looker:
    """Looks at the pipeline; what need not be asked again is kept from look to look.

    ``reach`` gives the account, looked for anew if it is told so: for looks that go on, a ``Reach``.
    """

    def __init__(self, reach: Callable[[bool], Aws]) -> None:
        self._reach = reach
        self._anew = False
        self._resources: tuple[Resource, ...] = ()
        self._flow: Flow | None = None
        self._totals: Totals | None = None
        self._alarms: tuple[AlarmState, ...] | None = None
        self._latencies: Latencies | None = None
        self._latency: Latency | None = None

    def take(self, now: datetime | None = None) -> Look:
        """Look once. Raises ``SalespipeError`` where nothing answers, or AWS refuses to tell of any resource."""
        anew, self._anew = self._anew, True  # after a failure there may be other credentials, or another server
        look = self._look(self._reach(anew), datetime.now(UTC) if now is None else now)
        self._anew = False
        return look

    def _look(self, aws: Aws, at: datetime) -> Look:
        from salespipe import lifecycle
        from salespipe.lifecycle import Reading
        from salespipe.pipeline import pipeline
        from salespipe.resources.base import settled_away
        from salespipe.view.overview import Look

        self._resources = self._resources or pipeline(aws)
        seen = lifecycle.survey(aws, self._resources)
        refused = [each for each in seen if isinstance(each, SalespipeError)]
        unreachable = [each for each in refused if each.code == "EndpointUnreachable"]
        if unreachable or len(refused) == len(seen):
            raise (unreachable or refused)[0]
        readings = tuple(
            Reading(resource.kind, resource.name, each)
            for resource, each in zip(self._resources, seen, strict=True)
            if not isinstance(each, SalespipeError) and not settled_away(resource, each)
        )
        unseen = tuple(
            (resource.kind, resource.name, each.message)
            for resource, each in zip(self._resources, seen, strict=True)
            if isinstance(each, SalespipeError)
        )
        since = next((each.seen.created for each in readings if each.kind == "kinesis stream"), None)
        look = Look(at, aws.config.name, aws.where, readings, unseen, free=aws.config.target == "local")
        if look.exit_code is Exit.NOT_DEPLOYED:
            return look
        self._measure(aws, since, at)
        return Look(
            *(look.at, look.pipeline, look.where, readings, unseen, self._flow),
            bill=_bill(aws.config, self._totals),
            since=since,
            free=look.free,
            alarms=self._alarms,
            latency=self._latency,
        )

    def _measure(self, aws: Aws, since: datetime | None, at: datetime) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from salespipe.flow import alarms, latency, snapshot, totals

        if self._flow is not None and at - self._flow.at < _METRICS_EVERY[aws.config.target]:
            return
        self._flow = snapshot.read(aws, at)
        try:
            self._totals = None if since is None else totals.count(aws, since, at)
        except (BotoCoreError, ClientError):
            self._totals = None  # the flow, which asks the same service, says why
        try:
            self._alarms = alarms.read(aws) or None
        except (BotoCoreError, ClientError):
            self._alarms = None  # the resource itself is unknown, and says why
        self._latencies = self._latencies or latency.Latencies()
        try:
            self._latency = self._latencies.read(aws, at)
        except (BotoCoreError, ClientError):
            self._latency = None  # there is no bucket, or its own row says why it may not be read


def _bill(config: Config, totals: Totals | None) -> Bill | None:
    """What was spent. Each delivered object is one request, and has lain there for half of the time on average."""
    from salespipe.cost.estimate import Usage, so_far

    if totals is None:
        return None
    running_ms = totals.transform_ms + totals.generator_ms
    return so_far(
        config,
        Usage(
            stream_hours=totals.hours,
            write_units=totals.write_units,
            pipe_events=totals.pipe_events,
            stream_records_in=totals.stream_records,
            stream_bytes_in=totals.stream_bytes,
            stream_bytes_out=totals.read_bytes,
            delivery_records=totals.read_records,
            delivery_bytes=totals.read_bytes,
            invocations=totals.transform_runs + totals.generator_runs,
            gb_seconds=running_ms / 1000 * config.functions.memory_mb / 1024,
            puts=totals.objects,
            stored_bytes=totals.delivered_bytes,
            stored_hours=totals.hours / 2,
        ),
    )
