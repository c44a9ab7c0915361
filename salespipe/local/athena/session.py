"""What a statement is run with: the catalog, the database that unqualified names mean, and the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.local.athena.catalog import Catalog

CATALOG: Final = "awsdatacatalog"


@dataclass(frozen=True)
class Session:
    """``database`` may be empty; ``now`` is the query's start, Unix seconds."""

    catalog: Catalog
    database: str
    now: float

    def using(self, database: str) -> Session:
        """The same in another database: a view's own."""
        return replace(self, database=database)
