"""A bill: what each service costs, in USD; what is not known stays unknown and is named."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from salespipe.cost.prices import price

HOURS_A_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that costs: ``usd`` is None where the price or the amount is not known.

    In a bill of ``idle`` or ``at_rate`` the figure is for an hour, in one of ``so_far`` it is what was spent.
    """

    service: str
    what: str
    usd: Decimal | None
    note: str = ""

    @property
    def usd_an_hour(self) -> Decimal | None:
        """The figure, by the name that it has in a bill for an hour."""
        return self.usd


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines and their sum. ``as_of`` is the date of the oldest list price in it, empty when there is none.

    ``region`` is the one whose list prices were used, also for target local, where nothing is charged. No free tier is
    subtracted, taxes are not added.
    """

    lines: tuple[Line, ...]
    region: str
    as_of: str = ""

    @property
    def usd(self) -> Decimal:
        """The sum of what is known: the least that it costs, when anything is ``unknown``."""
        return sum((line.usd for line in self.lines if line.usd is not None), Decimal(0))

    @property
    def usd_an_hour(self) -> Decimal:
        """The sum of a bill for an hour."""
        return self.usd

    @property
    def usd_a_day(self) -> Decimal:
        """The same for 24 hours."""
        return self.usd * HOURS_A_DAY

    @property
    def unknown(self) -> tuple[str, ...]:
        """What has no figure, as ``service: what``; the sums are "at least" when there is any."""
        return tuple(f"{line.service}: {line.what}" for line in self.lines if line.usd is None)


class Sheet:
    """A bill that is being written, with one region's list prices."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._lines: list[Line] = []
        self._dates: list[str] = []

    def charge(self, service: str, what: str, per: str, amount: Decimal | None, *, note: str = "") -> None:
        """Add a line: ``amount`` times the list price named ``per``; unknown where either of them is."""
        known = price(per, self._region)
        if known:
            self._dates.append(known.as_of)
        usd = None if known is None or amount is None else known.usd * amount
        self._lines.append(Line(service, what, usd, note))

    def free(self, service: str, what: str, note: str) -> None:
        """Add a line for what costs nothing, and why."""
        self._lines.append(Line(service, what, Decimal(0), note))

    def unknown(self, service: str, what: str, note: str) -> None:
        """Add a line for what nobody knows the price of, and why."""
        self._lines.append(Line(service, what, None, note))

    def bill(self) -> Bill:
        """The bill, as it is now."""
        return Bill(tuple(self._lines), self._region, min(self._dates, default=""))
