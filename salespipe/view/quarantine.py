"""The quarantine for people, and for programs."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.flow.logs.lines import understand
from salespipe.view.logs import document as log_document
from salespipe.view.logs import plain, rows
from salespipe.view.readings import age

if TYPE_CHECKING:
    from rich.text import Text

    from salespipe.trust.quarantine.index import Group, Record
    from salespipe.trust.quarantine.reading import Quarantine
    from salespipe.trust.quarantine.results import Replayed
    from salespipe.trust.quarantine.showing import Payload, Shown
    from salespipe.view.screen import Screen

_FOREIGN: Final = 10
_PROBLEMS: Final = 20
_LARGE: Final = 20_000
# DynamoDB's {"S": "text"} on one line.
_VALUE: Final = re.compile(r'\{\n\s+("(?:S|N|B|BOOL|NULL)": [^\n]*)\n\s+\}')
# What was written by others may hold anything: what would move the cursor is shown as a replacement character.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def groups(screen: Screen, found: Quarantine, at: datetime) -> None:
    """How many records each error has, since when, and until when dead letters can be resolved."""
    every = found.index.groups()
    if screen.json:
        screen.data(
            {
                "at": at,
                "records": sum(each.records for each in every),
                "groups": [_group(each, at) for each in every],
                "foreign": found.foreign,
                "held": found.held,
            }
        )
        return
    from rich.table import Table
    from rich.text import Text

    if not every:
        screen.say("Nothing is in quarantine.")
    else:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("RECORDS", justify="right", no_wrap=True)
        for name in ("ERROR", "FIRST SEEN", "LAST SEEN", "OLDEST"):
            table.add_column(name, no_wrap=name != "ERROR")
        for each in every:
            error = Text(_clean(each.code), "bold red").append(f"\n{_clean(each.type)}", "dim not bold")
            table.add_row(f"{each.records:,}", error, _clock(each.first), _clock(each.last), _age(each.first, at))
        screen.show(table)
        for each in every:
            if each.deadline is not None:
                screen.show(_of_deadline(each.deadline, at))
        screen.say("salespipe quarantine ls --all lists them, show ID tells why, replay puts them on their way again.")
    strangers(screen, found)


def records(screen: Screen, found: Quarantine, at: datetime) -> None:
    """Each record on a line, the oldest first; as they are read, so that a million need no memory."""
    from rich.text import Text

    if not screen.json and found.index.count():
        screen.show(Text(f"{'ID':14}  {'ARRIVED (UTC)':19}  {'TRIES':>5}  ERROR", "bold"))
    for each in found.index.records():
        if screen.json:
            screen.data(_record(each, at))
        else:
            tries = "-" if each.attempts is None else f"{each.attempts:,}"
            more = f" ({each.events:,} events)" if each.events > 1 else ""
            screen.text(f"{each.id:14}  {_moment(each.arrived):19}  {tries:>5}  {_clean(each.code)}{more}")
    if not found.index.count():
        screen.say("Nothing is in quarantine.")
    strangers(screen, found)


def strangers(screen: Screen, found: Quarantine) -> None:
    """What lies there and is none of the pipeline's, or is read by somebody else right now."""
    for told in found.foreign[:_FOREIGN]:
        screen.say(f"Not touched: {_clean(told)}.", "yellow")
    if len(found.foreign) > _FOREIGN:
        screen.say(f"And {len(found.foreign) - _FOREIGN:,} more: salespipe quarantine ls --json", "yellow")
    if found.held:
        screen.say(
            f"About {found.held:,} dead letters are being read by somebody else, and are back within two minutes.",
            "yellow",
        )


def one(screen: Screen, shown: Shown, at: datetime) -> None:
    """All of one record."""
    record = shown.record
    if screen.json:
        screen.data(
            _record(record, at)
            | {
                "message": shown.message,
                "places": shown.places,
                "deadline": shown.deadline,
                "expiry": shown.expiry,
                "payloads": None if shown.payloads is None else [asdict(each) for each in shown.payloads],
                "log": [log_document(each, understand(each.message)) for each in shown.logged],
            }
        )
        return
    from rich.text import Text

    tries = "" if record.attempts is None else f", {record.attempts:,} {'try' if record.attempts == 1 else 'tries'}"
    screen.line(Text(f"{record.id}  ").append(_clean(record.code), "bold red").append(f"  {record.type}", "dim"))
    screen.text(_clean(shown.message))
    screen.text(f"arrived {_moment(record.arrived)}, last tried {_moment(record.ended)} UTC{tries}")
    for place in shown.places:
        screen.text(place)
    if shown.deadline is not None:
        screen.line(_of_deadline(shown.deadline, at))
    if shown.expiry:
        screen.line(Text(f"It cannot be shown or replayed: {shown.expiry}.", "bold red"))
    for number, each in enumerate(shown.payloads or (), 1):
        _payload(screen, each, number if len(shown.payloads or ()) > 1 else 0)
    screen.text("")
    screen.line(Text("logged then", "bold"))
    for event in shown.logged:
        for row in rows(event, understand(event.message), len(event.source), clock=True, everything=False):
            screen.text(plain(row))
    if not shown.logged:
        screen.text(f"  nothing{f': {shown.no_log}' if shown.no_log else ''}")


def _payload(screen: Screen, payload: Payload, number: int) -> None:
    from rich.text import Text

    screen.text("")
    screen.line(
        Text(f"payload{f' {number}' if number else ''}", "bold").append(f"  {payload.size:,} bytes", "not bold dim")
    )
    told = payload.text
    if payload.event is not None:
        told = _VALUE.sub(r"{\1}", msgspec.json.format(msgspec.json.encode(payload.event), indent=2).decode())
    screen.text(_clean(told[:_LARGE]) + ("\n... (--json has all of it)" if len(told) > _LARGE else ""))
    verdict = f"refuses it: {payload.refusal}" if payload.refusal else "reads it"
    screen.line(Text(_clean(f"The transform of this version {verdict}"), "yellow" if payload.refusal else "green"))


def replayed(screen: Screen, result: Replayed) -> None:
    """What a replay has done, or would do."""
    if screen.json:
        told = {**asdict(result), "left": result.left, "exit_code": int(result.exit_code)}
        screen.data(told | {"problems": [{"id": each, "problem": problem} for each, problem in result.problems]})
        return
    from rich.text import Text

    for record, problem in result.problems[:_PROBLEMS]:
        screen.text(_clean(f"{record}  {problem}"))
    if len(result.problems) > _PROBLEMS:
        screen.text(f"and {len(result.problems) - _PROBLEMS:,} more: --json")
    for remark in result.remarks:
        screen.say(remark)
    style = "bold green" if not result.left else "bold yellow" if result.delivered or result.dry_run else "bold red"
    screen.line(Text(summary(result), style))
    for hint in _hints(result):
        screen.say(hint)


def summary(result: Replayed) -> str:
    """The result in one sentence."""
    counts = {
        "delivered, and out of quarantine": result.delivered,
        "failed again": result.failed,
        "not seen in time": result.unseen,
        "left out by fix": result.skipped,
        "not put": result.broken,
        "expired": result.expired,
        "refused by the transform of this version": result.refused,
    }
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    events = f"{result.put:,} event{'' if result.put == 1 else 's'}"
    records_ = f"{result.chosen:,} record{'' if result.chosen == 1 else 's'}"
    if result.dry_run:
        return f"{records_}: {events} would be put{f' ({told})' if told else ''}. Nothing was changed."
    return f"{records_}: {told or 'nothing to do'}."


def _hints(result: Replayed) -> list[str]:
    hints = []
    if result.failed:
        hints.append(
            "What failed again stays. salespipe up puts a changed transform back; --fix script.py repairs records."
        )
    if result.unseen:
        hints.append("What was not seen stays, too, and may still be on its way: salespipe status. Replay it later.")
    if result.expired:
        hints.append(
            "What expired cannot be replayed, but its items are still in the table: salespipe verify names the orders"
            " that the lake lacks. Write these again with any change (a write that changes nothing makes no event), and"
            " then: salespipe quarantine purge."
        )
    return hints


def _group(each: Group, at: datetime) -> dict[str, Any]:
    return {
        "type": each.type,
        "code": each.code,
        "records": each.records,
        "events": each.events,
        "attempts": each.attempts,
        "first_seen": _utc(each.first),
        "last_seen": _utc(each.last),
        "oldest_seconds": round((at - _utc(each.first)).total_seconds()),
        "deadline": each.deadline,
    }


def _record(each: Record, at: datetime) -> dict[str, Any]:
    return {
        "id": each.id,
        "type": each.type,
        "code": each.code,
        "attempts": each.attempts,
        "events": each.events,
        "arrived": _utc(each.arrived),
        "last_tried": _utc(each.ended),
        "age_seconds": round((at - _utc(each.arrived)).total_seconds()),
        "deadline": each.deadline,
    }


def _of_deadline(deadline: datetime, at: datetime) -> Text:
    from rich.text import Text

    left = deadline - at
    if left <= timedelta(0):
        told = f"the table's stream has forgotten the oldest since {deadline:%Y-%m-%d %H:%M} UTC."
        return Text(f"Dead letters: {told}", "bold red")
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    told = f"the table's stream forgets the oldest at {deadline:%Y-%m-%d %H:%M} UTC, in {hours} h {minutes:02} min."
    return Text(f"Dead letters: {told}", "yellow")


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _clock(milliseconds: int) -> str:
    return f"{_utc(milliseconds):%m-%d %H:%M:%S}"


def _moment(milliseconds: int) -> str:
    return f"{_utc(milliseconds):%Y-%m-%d %H:%M:%S}"


def _age(milliseconds: int, at: datetime) -> str:
    return age(_utc(milliseconds), at)


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
