"""What a crawl left in the lake: the views, and the table of what failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from salespipe.doctor.model import Check, Skipped, Verdict


class Standing(Protocol):
    """The names of the views and of the table ``quarantine``, by what became of them."""

    @property
    def current(self) -> tuple[str, ...]:
        """As a crawl would make them now."""
        ...

    @property
    def missing(self) -> tuple[str, ...]:
        """Not there, though the columns for them are."""
        ...

    @property
    def outdated(self) -> tuple[str, ...]:
        """There, and not as a crawl would make them now."""
        ...


Look = Callable[[], Standing | None]
"""How the views stand, None when nothing was crawled yet."""


def views(look: Look) -> Check:
    """Whether all is there that a crawl makes, as it would make it now; of tables, the one of what failed."""
    found = look()
    if found is None:
        raise Skipped("nothing was crawled yet: salespipe crawl makes the views")
    parts = [
        f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {what}"
        for names, what in (
            (found.missing, "missing"),
            (found.outdated, "not as this salespipe makes it of the columns that are there"),
        )
        if names
    ]
    if parts:
        return Check("views", Verdict.WARN, "; ".join(parts), "salespipe crawl")
    return Check("views", Verdict.OK, ", ".join(found.current))
