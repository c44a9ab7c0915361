"""The receipt of ``down``, as a block and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.errors import Exit
from salespipe.view.cost import money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from salespipe.lifecycle import Step
    from salespipe.lifecycle.receipt import Receipt, Remains
    from salespipe.view.screen import Screen

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def show(screen: Screen, where: str, steps: Sequence[Step], receipt: Receipt, seconds: float) -> Exit:
    """Draw the receipt, or write it as JSON with every step; returns the exit code that says whether all went."""
    if screen.json:
        screen.data(_record(where, steps, receipt, seconds))
    else:
        _draw(screen, where, receipt, seconds)
    return Exit.PARTLY if receipt.left else Exit.DONE


def _draw(screen: Screen, where: str, receipt: Receipt, seconds: float) -> None:
    from rich.text import Text

    screen.show(Text(f"receipt: {where}", "bold"))
    noun = "resource" if receipt.deleted == 1 else "resources"
    rows = [("deleted", f"{receipt.deleted} {noun} in {seconds:.1f} s", "green")]
    swept = ", ".join(f"{what}: {count:,}" for what, count in sorted(receipt.swept.items()))
    rows += [("with them", swept, "green")] if swept else []
    rows += [("kept", _line(each), "") for each in receipt.kept]
    rows += [("foreign", _line(each), "yellow") for each in receipt.foreign]
    rows += [("left", _line(each), "bold red") for each in receipt.left]
    rows += [("costs now", _total(receipt), "bold red" if receipt.left else "bold")]
    for label, text, style in rows:
        screen.show(Text.assemble((f"{label:>11}  ", style), text))
    if receipt.left:
        screen.say("next: salespipe down goes on from here")


def _line(each: Remains) -> str:
    facts = [f"{each.kind} {each.name}: {each.why or 'still there'}"]
    if each.size is not None:
        facts.append(size(each.size))
    if each.usd_a_month is not None:
        facts.append(f"{money(each.usd_a_month, places=4 if each.usd_a_month else 2)} USD a month")
    elif each.usd_an_hour is None:
        facts.append("its cost is unknown")
    elif each.usd_an_hour:
        facts.append(f"{money(each.usd_an_hour)} USD an hour")
    return "; ".join(facts)


def _total(receipt: Receipt) -> str:
    least = "at least " if receipt.unknown else ""
    total = f"{least}{money(receipt.usd_an_hour, places=4 if receipt.usd_an_hour else 2)} USD an hour"
    if receipt.left:
        return f"{total}; {len(receipt.left)} left"
    return total if receipt.kept else f"{total}: nothing is left"


def size(count: float) -> str:
    """A number of bytes in words, decimal units as in AWS's price lists."""
    number = 0
    while count >= 1000 and number < len(_UNITS) - 1:
        count, number = count / 1000, number + 1
    return f"{count:,.1f} {_UNITS[number]}" if number else f"{count:,.0f} {_UNITS[0]}"


def _record(where: str, steps: Sequence[Step], receipt: Receipt, seconds: float) -> dict[str, object]:
    return {
        "where": where,
        "steps": steps,
        "deleted": receipt.deleted,
        "swept": receipt.swept,
        "kept": receipt.kept,
        "foreign": receipt.foreign,
        "left": receipt.left,
        "usd_an_hour": None if receipt.unknown else receipt.usd_an_hour,
        "seconds": seconds,
    }
