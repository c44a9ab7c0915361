"""``verify``: nothing lost, nothing doubled. Every hop is read, and all must hold the same.

The ledger (writes that DynamoDB acknowledged), the table, its stream, Kinesis, the lake and the view are read once each
and compared order by order, in little memory: see ``proof``. A table that we did not fill has no ledger; then its
stream, as far as it reaches back, and the table say what must be in the lake and the view.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from salespipe.aws import error_message, is_not_found
from salespipe.errors import Exit, SalespipeError
from salespipe.flow import drain, hops
from salespipe.flow.delays import AwsTime, longest_delay, pipe_delay, utc_now
from salespipe.query.failures import not_deployed
from salespipe.trust.proof import events, lake, ledgers, strays, table, view
from salespipe.trust.proof.bucket import Bucket, Windows, compare
from salespipe.trust.proof.findings import Findings, Hop, Kind, Stage
from salespipe.trust.proof.judge import Judge
from salespipe.trust.proof.orders import orders
from salespipe.trust.proof.shown import Shown
from salespipe.trust.proof.spool import Spool
from salespipe.trust.proof.weigh import weigh

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledgers, Reading
    from salespipe.trust.proof.rows import Rows
    from salespipe.trust.proof.weigh import Weight

Progress = Callable[[str], None]

_LATE_SECONDS: Final = 60.0
_TELL_EVERY: Final = 1.0


@dataclass
class Report:
    """What was read, and what was found. ``orders`` were compared, ``moving`` were written meanwhile and were not.

    ``seconds`` is how long comparing took. ``partly`` says why something could not be checked.
    """

    at: datetime
    pipeline: str
    where: str
    hops: list[Hop]
    findings: Findings
    remarks: list[str] = field(default_factory=list)
    partly: list[str] = field(default_factory=list)
    orders: int = 0
    moving: int = 0
    seconds: float = 0.0

    @property
    def exit_code(self) -> Exit:
        """0 proven, 1 faults found, 3 only partly checked."""
        if self.findings.faults:
            return Exit.FAILED
        return Exit.PARTLY if self.partly else Exit.DONE


@dataclass
class Verification:
    """One run. ``weight`` is what ``weigh`` found; ``patience`` how many seconds to wait for what is under way.

    ``wait`` False compares at once. ``late`` is how many seconds an event may take from the table to the lake before it
    is called late, half of them to Kinesis: None is two minutes more than the pipe's window and Firehose's buffers.
    """

    aws: Aws
    weight: Weight
    kept: tuple[list[Reading], list[SalespipeError]]
    patience: float | None = None
    wait: bool = True
    late: float | None = None
    progress: Progress = lambda _: None
    wall: Callable[[], float] = time.time
    now: Callable[[], datetime] = utc_now

    def run(self) -> Report:
        """Read and compare. Raises ``SalespipeError`` where there is nothing to compare, or no room for it."""
        aws = self.aws
        self._hops: dict[str, Hop] = {}
        self._report = Report(self.now(), aws.config.name, aws.where, [], Findings())
        self._time = AwsTime(aws.clock, self.now)
        cut, until = self._cut()
        waiting = self._settle()
        readings, problems = self.kept
        for problem in problems:
            told = self._report.remarks if _harmless(problem) else self._report.partly
            told.append(f"{problem.message} It is left out.")
        with Spool(max(self.weight.orders, self.weight.writes // 2)) as spool:
            windows, found, rows = self._read(spool, readings, cut, until)
            judge = Judge(windows, found.objects, self._pipe_late(), waiting, aws.config.table.existing)
            self._compare(spool, windows, judge, Shown(rows, found.objects) if rows else None)
        strays.tell(aws, found, self._report.findings, self._report.remarks)
        self._report.hops = list(self._hops.values())
        self._conclude(windows)
        return self._report

    def _cut(self) -> tuple[int, int]:
        """The moment from which on nothing is compared, in whole seconds as events have them; and by this clock."""
        aws = self.aws
        self._time.heard(aws.client("dynamodb").describe_table(TableName=aws.names.table))
        cut = int(self._time.now().timestamp()) + 1
        while (left := cut - self._time.now().timestamp()) > 0:
            aws.sleep(left)
        return cut, int(self.wall() * 1000)

    def _settle(self) -> frozenset[Stage]:
        """Wait for what is under way; the stages behind which something may still be."""
        aws = self.aws
        if not self.wait:
            return frozenset((Stage.PIPE, Stage.LAKE))
        try:
            drain.settle(aws, progress=self.progress, patience=self.patience, now=self.now)
        except SalespipeError as error:
            if error.code != "NotDrained":
                raise
            self._report.remarks.append(error.message)
        else:
            return frozenset()
        if self.patience is not None and self.patience < 2 * longest_delay(aws):
            return frozenset((Stage.PIPE, Stage.LAKE))
        pipe, delivery = hops.pipe(aws), hops.delivery(aws)
        held = [Stage.PIPE] if pipe is None or not pipe.moving else []
        return frozenset(held + ([Stage.LAKE] if delivery is None or not delivery.reading else []))

    def _read(
        self, spool: Spool, readings: list[Reading], cut: int, until: int
    ) -> tuple[Windows, lake.Lake, Rows | None]:
        """Every hop; the table's stream last, since it tells of what is written meanwhile."""
        aws, names = self.aws, self.aws.names
        with self._hop("ledger", "1 ledger" if len(readings) == 1 else f"{len(readings)} ledgers") as hop:
            acknowledged = ledgers.spool(readings, spool, until, self._telling(hop))
            hop.records = acknowledged.writes
            self._report.remarks += acknowledged.said
            if acknowledged.damaged:
                hop.problem = f"{acknowledged.damaged:,} writes are missing where ledgers are damaged"
            if not readings:
                hop.where = "none"
        rows: Rows | None = None
        with self._hop("view", names.orders_view) as shown:
            answer, rows = view.ask(aws, self._telling(shown))
            shown.records = view.spool(answer, rows, spool, self._telling(shown))
        with self._hop("table", names.table) as current:
            current.records = current.orders = table.spool(aws, spool, self._telling(current))
        with self._hop("kinesis", names.stream) as kinesis:
            came = events.spool_kinesis(aws, spool, self._now, self._telling(kinesis))
            kinesis.records, kinesis.since = came.events, came.since
            if came.foreign:
                self._report.remarks.append(
                    f"Records in {names.stream} that are no events of the table: {came.foreign:,}."
                )
        with self._hop("lake", f"{names.bucket}/{names.events_prefix}", vital=True) as hop:
            objects = lake.listing(aws, names.events_prefix, self._telling(hop))
            found = lake.spool(aws, spool, objects, rows, self._telling(hop))
            failures = lake.listing(aws, names.errors_prefix)
            lake.spool_errors(aws, spool, failures, found)
            hop.records = found.events
        with self._hop("stream", f"{names.table} stream") as stream:
            written = events.spool_table_stream(aws, spool, self._now, self._telling(stream))
            stream.records, stream.since = written.events, written.since
        if found.failures:
            self._report.remarks.append(f"Records that failed and lie in {names.errors_prefix}: {found.failures:,}.")
        pipe = hops.pipe(aws)
        never = float("inf")
        usual = self._pipe_late() + _LATE_SECONDS + 2 * aws.config.delivery_seconds
        windows = Windows(
            cut,
            table_stream=stream.since if stream.read else never,
            kinesis=kinesis.since if kinesis.read else never,
            late=usual if self.late is None else self.late,
            table=current.read,
            view=shown.read,
            filtered=bool(pipe and pipe.filters),
        )
        return windows, found, rows if shown.read else None

    def _compare(self, spool: Spool, windows: Windows, judge: Judge, rows: Shown | None) -> None:
        report = self._report
        unrecorded = others = unproven = older = 0
        began = told = time.perf_counter()
        for number in range(spool.buckets):
            bucket = Bucket.load(spool, number)
            compared = compare(bucket, windows)
            report.orders += compared.orders
            report.moving += len(compared.moving)
            others += compared.unrecorded
            unproven += compared.unproven
            compared.differing.discard("")  # a row that is no order's: its line is told of as a stray
            for order in orders(bucket, compared.differing):
                findings, more = judge.of(order)
                unrecorded += more
                for finding in findings:
                    report.findings.add(finding)
                    older += finding.kind is Kind.UNEXPECTED and not finding.fault
            if rows:
                rows.take(bucket, compared.shown)
            if time.perf_counter() - told >= _TELL_EVERY or number + 1 == spool.buckets:
                told = time.perf_counter()
                rate = report.orders / max(told - began, 1e-9)
                self.progress(f"comparing: {report.orders:,} orders, {rate:,.0f} a second")
        report.seconds = time.perf_counter() - began
        if rows:
            rows.look(self.aws, report.findings)
            if rows.unseen:
                report.partly.append(f"{rows.unseen:,} rows of the view were not compared value by value.")
        if older:
            report.partly.append(f"{older:,} orders are in the table alone: they may be older than its stream.")
        if others or unrecorded:
            report.remarks.append(_others(others, unrecorded))
        if unproven and windows.table_stream != float("inf"):
            report.partly.append(
                f"{unproven:,} orders are in no ledger and have changes older than the table's stream reaches back:"
                " only what they are now was compared."
            )

    def _conclude(self, windows: Windows) -> None:
        report = self._report
        if report.moving:
            report.remarks.append(f"{report.moving:,} orders were written meanwhile and are not compared.")
        letters = hops.dead_letters(self.aws)
        if letters:
            report.remarks.append(f"The pipe's dead-letter queue holds {letters:,}: salespipe quarantine ls")
        if windows.filtered:
            report.partly.append("The pipe has filters: an event that it dropped cannot be told from one that is lost.")
        for hop in report.hops:
            if hop.problem:
                hint = f" ({hop.hint})" if hop.hint else ""
                report.partly.append(f"{hop.name}: {hop.problem}{hint}")

    @contextmanager
    def _hop(self, name: str, where: str, *, vital: bool = False) -> Iterator[Hop]:
        """Reads one hop; where it cannot be read, says why, and the others are compared."""
        from botocore.exceptions import ClientError

        hop = self._hops[name] = Hop(name, where)
        began = time.perf_counter()
        try:
            yield hop
            hop.read = True
        except ClientError as error:
            if vital and is_not_found(error):
                raise not_deployed(self.aws.names) from error
            if vital:
                raise
            hop.problem = error_message(error)
        except SalespipeError as error:
            if error.code == "NoRoom" or vital:
                raise
            lines = error.message.splitlines()  # a query's are between what Athena said and what that means
            hop.problem, hop.hint = " ".join(dict.fromkeys((lines[0], lines[-1]))), error.hint
        finally:
            hop.seconds = time.perf_counter() - began

    def _telling(self, hop: Hop) -> Progress:
        return lambda detail: self.progress(f"reading the {hop.name}: {detail}")

    def _now(self) -> float:
        return self._time.now().timestamp()

    def _pipe_late(self) -> float:
        return _LATE_SECONDS + pipe_delay(self.aws, sighted=False) if self.late is None else self.late / 2


def verify(aws: Aws, own: Ledgers, *, patience: float | None = None, progress: Progress = lambda _: None) -> Report:
    """Verify without asking anybody. Raises ``SalespipeError``: as ``run`` does, and NotDeployed."""
    kept = own.of_table()
    return Verification(aws, weigh(aws, kept[0]), kept, patience, progress=progress).run()


def _harmless(problem: SalespipeError) -> bool:
    """Whether a ledger that cannot be read has no write of ours: it is another's, or was cut off before the first."""
    return problem.code == "ForeignLedger" or (problem.code == "LedgerHeader" and "ends within" in problem.message)


def _others(orders: int, versions: int) -> str:
    """What was written by somebody else than we record."""
    counts = (orders, "order", "orders"), (versions, "version of another", "versions of others")
    said = [f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count]
    verb = "is" if orders + versions == 1 else "are"
    return f"{' and '.join(said)} {verb} in no ledger, and compared from the table's stream on."
