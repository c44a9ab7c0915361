"""The kinds of chaos, their usual shares, and the outcomes; ``chaos`` says what they mean."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final

from salespipe.errors import Exit, SalespipeError


class Trouble(StrEnum):
    """A kind of chaos."""

    DUPLICATES = "duplicates"
    LATE = "late"
    EARLY = "early"
    DELETES = "deletes"
    PHANTOMS = "phantoms"
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNICODE = "unicode"
    NUMBERS = "numbers"
    HOT = "hot"


class Outcome(IntEnum):
    """What has to become of a write."""

    DELIVERED = 0
    NO_EVENT = 1
    REJECTED = 2

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


# Shares of all writes. Those of 300 KB are 300 write units each, so there are few of them.
SHARES: Final[Mapping[Trouble, float]] = {
    Trouble.DUPLICATES: 0.04,
    Trouble.LATE: 0.02,
    Trouble.EARLY: 0.02,
    Trouble.DELETES: 0.02,
    Trouble.PHANTOMS: 0.01,
    Trouble.MALFORMED: 0.03,
    Trouble.OVERSIZED: 0.004,
    Trouble.UNICODE: 0.02,
    Trouble.NUMBERS: 0.02,
    Trouble.HOT: 0.04,
}
TROUBLES: Final = tuple(Trouble)


def code(trouble: Trouble, outcome: Outcome) -> int:
    """Both in one number from 4 to 255, for ``Write.expect`` and the ledger; 0 is no chaos."""
    return (TROUBLES.index(trouble) + 1) << 2 | outcome


def meaning(expect: int) -> tuple[Trouble, Outcome]:
    """What ``code`` put together. Raises ``ValueError`` for any other number."""
    if not 4 <= expect < (len(TROUBLES) + 1) << 2:
        raise ValueError(f"no code of chaos: {expect}")
    return TROUBLES[(expect >> 2) - 1], Outcome(expect & 3)


def parse_chaos(text: str | None) -> dict[Trouble, float] | None:
    """Shares of all writes from ``all`` or ``duplicates=0.1,hot=5%,malformed``: one without a share has its usual one.

    Raises ``SalespipeError`` (exit 2) for anything else, and for more chaos than order.
    """
    if text is None:
        return None
    if text.strip() == "all":
        return dict(SHARES)
    shares: dict[Trouble, float] = {}
    for part in text.split(","):
        name, equals, share = (piece.strip() for piece in part.partition("="))
        if name not in TROUBLES:
            near = difflib.get_close_matches(name, TROUBLES, n=1)
            known = f"Did you mean {near[0]}?" if near else f"There are {', '.join(TROUBLES)}, and all."
            raise _bad(f"--chaos {text}: there is no {name or 'kind without a name'}.", known)
        try:
            value = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1) if equals else None
        except ValueError:
            value = 0.0
        if value is not None and not 0 < value <= 0.9:
            raise _bad(f"--chaos {text}: {share or 'nothing'} is no share.", "Write 0.05 or 5%, up to 90%.")
        shares[Trouble(name)] = SHARES[Trouble(name)] if value is None else value
    if sum(shares.values()) > 0.9:
        raise _bad(f"--chaos {text} leaves less than a tenth of the writes to orders.", "Ask for less of it.")
    return shares


def _bad(message: str, hint: str) -> SalespipeError:
    return SalespipeError("BadChaos", message, hint=hint, exit_code=Exit.USAGE)
