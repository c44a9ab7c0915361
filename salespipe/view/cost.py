"""A bill as a table, as one line, and as a document."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from salespipe.cost.bill import HOURS_A_DAY

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.cost.bill import Bill, Line


def table(bill: Bill, *, total: bool = False) -> Table:
    """Draw what each service costs, an hour and a day; with ``total`` (a bill of ``so_far``) what was spent.

    What costs nothing comes last, what is not known says so.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    least = "at least" if bill.unknown else "together"
    sums = (money(bill.usd),) if total else (money(bill.usd), money(bill.usd_a_day, places=2))
    heads = ("USD so far",) if total else ("USD an hour", "USD a day")
    drawn.add_column("service", footer=least)
    drawn.add_column("what for", overflow="fold")
    for head, figure in zip(heads, sums, strict=True):
        drawn.add_column(head, footer=figure, justify="right")
    drawn.add_column("", overflow="fold", style="dim")
    for line in sorted(bill.lines, key=lambda line: line.usd == 0):
        figures = _figures(line, total=total)
        style = "yellow" if line.usd is None else "dim" if not line.usd else ""
        drawn.add_row(line.service, line.what, *(Text(figure, style) for figure in figures), line.note)
    return drawn


def summary(bill: Bill) -> str:
    """One phrase: an hour's and a day's price, and whose list prices these are."""
    if not bill.as_of:
        return f"an unknown amount: there are no list prices for {bill.region}"
    hour, day = money(bill.usd_an_hour), money(bill.usd_a_day, places=2)
    return f"{_least(bill)}{hour} USD an hour, {day} a day ({_prices(bill)})"


def spent(bill: Bill) -> str:
    """One phrase: what was spent so far, and by whose list prices."""
    if not bill.as_of:
        return f"an unknown amount so far: there are no list prices for {bill.region}"
    return f"{_least(bill)}{money(bill.usd, places=2)} USD so far ({_prices(bill)})"


def record(bill: Bill, *, total: bool = False) -> dict[str, object]:
    """The bill as a document: figures as numbers, null where unknown."""
    sums = {"usd": bill.usd} if total else {"usd_an_hour": bill.usd_an_hour, "usd_a_day": bill.usd_a_day}
    figure = "usd" if total else "usd_an_hour"
    return {
        **sums,
        "at_least": bool(bill.unknown),
        "unknown": bill.unknown,
        "region": bill.region,
        "as_of": bill.as_of or None,
        "lines": [
            {"service": line.service, "what": line.what, figure: line.usd, "note": line.note} for line in bill.lines
        ],
    }


def money(usd: Decimal, *, places: int = 4) -> str:
    """An amount with so many decimals; one that would read as nothing, and is not, as less than the smallest."""
    smallest = Decimal(1).scaleb(-places)
    if 0 < usd < smallest:
        return f"<{smallest:f}"
    return f"{usd:,.{places}f}"


def _figures(line: Line, *, total: bool) -> tuple[str, ...]:
    if line.usd is None:
        return ("unknown",) if total else ("unknown", "unknown")
    return (money(line.usd),) if total else (money(line.usd), money(line.usd * HOURS_A_DAY, places=2))


def _least(bill: Bill) -> str:
    return "at least " if bill.unknown else ""


def _prices(bill: Bill) -> str:
    return f"list prices of {bill.region}, the oldest from {bill.as_of}"
