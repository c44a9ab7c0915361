"""Which records are meant: by their IDs, by an error, or all of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.trust.quarantine.index import Index, Record

_COMPARED: Final = 10_000


def choose(index: Index, ids: Sequence[str], error: str | None, *, everything: bool) -> int:
    """Choose them in the index; how many they are.

    Raises ``SalespipeError`` (exit code 2) where not exactly one way is given, and where nothing is called so.
    """
    if [bool(ids), error is not None, everything].count(True) != 1:
        raise SalespipeError(
            "Selection",
            "Say which records: some by their IDs, those of one error, or all of them.",
            hint="ID..., --error CODE, or --all; salespipe quarantine ls shows what there is",
            exit_code=Exit.USAGE,
        )
    if ids:
        index.choose([find(index, each).id for each in ids])
    else:
        index.choose_where(error)
    count = index.count(chosen=True)
    if error is not None and not count and index.count():
        known = sorted({name for group in index.groups() for name in (group.code, group.type)})
        raise SalespipeError(
            "UnknownError",
            f"No record in quarantine has the error {error}.",
            hint=f"--error with one of: {', '.join(known)}",
            exit_code=Exit.USAGE,
        )
    return count


def find(index: Index, asked: str) -> Record:
    """A record by its ID, or by a beginning of it that no other has. Raises ``SalespipeError`` (exit code 2)."""
    wanted = asked.strip().lower()
    found = index.starting(wanted) if wanted else []
    if len(found) == 1 or (found and found[0].id == wanted):
        return found[0]
    if found:
        raise SalespipeError(
            "AmbiguousRecord",
            f"Several records in quarantine begin with {asked}, {found[0].id} and {found[1].id} among them.",
            hint="salespipe quarantine ls --all",
            exit_code=Exit.USAGE,
        )
    near = difflib.get_close_matches(wanted, index.ids(_COMPARED), n=1)
    raise SalespipeError(
        "UnknownRecord",
        f"There is no record {asked} in quarantine."
        + ("" if index.count() else " There is none at all: it may have been delivered or purged."),
        hint=f"Did you mean {near[0]}?" if near else "salespipe quarantine ls --all",
        exit_code=Exit.USAGE,
    )
