"""What Athena answers about an order's versions, filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from salespipe.errors import SalespipeError
from salespipe.trust.trace.asking import Asking, ViewRow
from salespipe.trust.trace.gathered import Gathered
from salespipe.trust.trace.model import Hop, Shown, Version
from salespipe.trust.trace.stuck import Reasons


def fill(asking: Asking, versions: Sequence[Version], gathered: Gathered, reasons: Reasons) -> bool:
    """Count the rows of each version and see what the view makes of it; whether Athena told the rows.

    What it does not tell goes to ``reasons``.
    """
    keys = list(dict.fromkeys(line.key for version in versions for line in version.lines))
    if not keys:
        return False
    with ThreadPoolExecutor(2) as pool:
        rows, view = pool.submit(asking.rows, keys), pool.submit(asking.view, keys)
        try:
            _count(versions, rows.result())
        except SalespipeError as error:
            reasons.query = short(error), _fix(error)
        try:
            _show(versions, view.result(), gathered)
        except SalespipeError as error:
            reasons.view = short(error), _fix(error)
    return reasons.query is None


def _count(versions: Sequence[Version], rows: Counter[str]) -> None:
    for version in versions:
        if version.change and version.lines:
            version.rows = rows[version.change.event_id]


def _show(versions: Sequence[Version], view: ViewRow, gathered: Gathered) -> None:
    """What the view makes of each version that Athena has."""
    in_athena = [version for version in versions if version.rows]
    for version in in_athena:
        version.shown = Shown.SUPERSEDED
    if not in_athena:
        return
    newest = in_athena[-1]
    assert newest.change is not None  # noqa: S101 - a version with lines has one
    if newest.kind == "REMOVE":
        newest.shown = Shown.MISSING if view.found else Shown.REMOVED
        newest.missed[Hop.VIEW] = "the view still has an order that was deleted"
        return
    differing = view.differing(gathered.of(newest.change).row) if view.found else []
    newest.shown = Shown.CURRENT if view.found and not differing else Shown.MISSING
    newest.missed[Hop.VIEW] = (
        f"the view shows another {', '.join(differing)} than the lake" if differing else "the view has no row of it"
    )


def _fix(error: SalespipeError) -> str:
    return "salespipe crawl" if error.code == "TABLE_NOT_FOUND" else error.hint or "salespipe status"


def short(error: SalespipeError) -> str:
    """The first line of a message, as part of a sentence."""
    if error.code == "TABLE_NOT_FOUND":
        return "nothing was crawled yet, so that Athena has no table"
    return error.message.splitlines()[0].rstrip(".")
