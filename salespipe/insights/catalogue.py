"""Which insights there are: the shipped ones, and the user's own beside them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from salespipe.errors import Exit, SalespipeError
from salespipe.insights.insight import GROUPS, Insight, parse

__all__ = ["GROUPS", "choose", "load", "shipped"]


@cache
def shipped() -> tuple[Insight, ...]:
    """The insights that come with salespipe, group by group."""
    return _sorted(_read(Path(__file__).parent))


def load(folder: Path | None) -> tuple[Insight, ...]:
    """The shipped insights and those of ``folder``; one of the same name takes the shipped one's place.

    Raises ``SalespipeError`` (exit code 2) for a file that is no insight.
    """
    found = {insight.name: insight for insight in shipped()}
    if folder is not None and folder.is_dir():
        found |= {insight.name: insight for insight in _read(folder)}
    return _sorted(found.values())


def choose(insights: Sequence[Insight], names: Iterable[str]) -> tuple[Insight, ...]:
    """Those of ``names``, each an insight's or a group's; every one once. Raises ``SalespipeError`` for another."""
    chosen: dict[str, Insight] = {}
    for name in names:
        found = [each for each in insights if name in {each.name, each.group}]
        if not found:
            known = [each.name for each in insights]
            near = difflib.get_close_matches(name, [*known, *GROUPS], n=1)
            raise SalespipeError(
                "NoSuchInsight",
                f"There is no insight {name!r}.",
                hint=f"salespipe insights {near[0]}" if near else "salespipe insights lists them.",
                exit_code=Exit.USAGE,
            )
        chosen |= {each.name: each for each in found}
    return tuple(chosen.values())


def _read(folder: Path) -> list[Insight]:
    insights = []
    for file in sorted(folder.glob("*.sql")):
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise SalespipeError("BadInsight", f"{file} cannot be read: {error}.", exit_code=Exit.USAGE) from None
        insights.append(parse(file.stem, text, file))
    return insights


# The order in which a group's insights are best read; the user's own come after them.
_FIRST = (
    *("sales-summary", "revenue-over-time", "top-products", "sales-by-category", "sales-by-region"),
    *("sales-by-channel", "best-hour", "price-volume"),
    *("new-and-returning", "repeat-rate", "time-between-orders", "rfm-segments", "top-customers"),
    *("basket-size", "cohort-retention"),
    *("on-hand", "sold", "days-of-cover", "reorder-list", "stock-outs"),
    *("delivery-latency", "duplicates", "late-events", "quarantined-records"),
)


def _sorted(insights: Iterable[Insight]) -> tuple[Insight, ...]:
    def place(insight: Insight) -> tuple[int, int, str]:
        within = _FIRST.index(insight.name) if insight.name in _FIRST else len(_FIRST)
        return GROUPS.index(insight.group), within, insight.name

    return tuple(sorted(insights, key=place))
