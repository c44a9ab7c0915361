"""The report of ``verify``: each hop with what was read, then what is wrong, then the verdict."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.errors import Exit

if TYPE_CHECKING:
    from salespipe.trust.proof.findings import Finding
    from salespipe.trust.verify import Report
    from salespipe.view.screen import Screen

# On a terminal so many findings of one kind and stage; --json and --junit have more.
_SHOWN: Final = 10
_ORDER: Final = ("ledger", "table", "stream", "kinesis", "lake", "view")


def show(screen: Screen, report: Report) -> None:
    """Draw the report, or write it as JSON."""
    if screen.json:
        screen.data(document(report))
        return
    from rich.table import Table
    from rich.text import Text

    hops = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    hops.add_column("HOP", no_wrap=True)
    hops.add_column("RECORDS", justify="right", no_wrap=True)
    hops.add_column("")
    for hop in sorted(report.hops, key=lambda hop: _ORDER.index(hop.name)):
        hops.add_row(hop.name, f"{hop.records:,}" if hop.read else "-", hop.where if hop.read else "not read")
    screen.show(hops)
    grouped: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in report.findings.listed:
        grouped[finding.kind.value, finding.stage.value].append(finding)
    for (kind, stage), found in grouped.items():
        count = report.findings.counts[found[0].kind, found[0].stage]
        style = "bold red" if found[0].fault else "yellow"
        screen.show(Text(f"\n{kind} at the {stage}: {count:,}", style))
        for finding in found[:_SHOWN]:
            screen.show(Text(f"  {_which(finding)}{finding.detail}"))
        if count > _SHOWN:
            screen.show(Text(f"  and {count - min(_SHOWN, len(found)):,} more: salespipe verify --json", "dim"))
    for remark in (*report.remarks, *(f"Not proven: {each}" for each in report.partly)):
        screen.say(remark)
    screen.show(Text("\n" + verdict(report), _style(report)))


def document(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "at": report.at,
        "pipeline": report.pipeline,
        "where": report.where,
        "exit_code": int(report.exit_code),
        "proven": report.exit_code == Exit.DONE,
        "orders": report.orders,
        "moving": report.moving,
        "seconds": round(report.seconds, 3),
        "hops": [{**asdict(hop), "since": _moment(hop.since)} for hop in report.hops],
        "counts": [
            {"kind": kind.value, "stage": stage.value, "count": count}
            for (kind, stage), count in report.findings.counts.items()
            if count
        ],
        "findings": [asdict(finding) for finding in report.findings.listed],
        "remarks": report.remarks,
        "partly": report.partly,
    }


def verdict(report: Report) -> str:
    """The result in one sentence."""
    orders = f"{report.orders - report.moving:,} orders"
    if report.findings.faults:
        faults = report.findings.faults
        return f"{orders} compared: {faults:,} {'fault' if faults == 1 else 'faults'}."
    if report.partly:
        return f"{orders} compared: no fault found, but not everything could be checked."
    return f"{orders} compared: every acknowledged write is in the lake, and every order once in the view."


def _moment(since: float) -> datetime | None:
    return datetime.fromtimestamp(since, UTC) if since else None


def _style(report: Report) -> str:
    return {Exit.DONE: "bold green", Exit.PARTLY: "bold yellow"}.get(report.exit_code, "bold red")


def _which(finding: Finding) -> str:
    version = f" version {finding.version} ({finding.event})" if finding.version else ""
    return f"{finding.order}{version}: " if finding.order else ""
