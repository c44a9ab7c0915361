"""What a change of names in the configuration would leave behind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.lifecycle.look import look
from salespipe.lifecycle.model import Reading
from salespipe.resources.base import Observation, State
from salespipe.resources.dynamodb import Table

if TYPE_CHECKING:
    from salespipe.aws import Aws

_STREAM_ARN: Final = re.compile(r":table/(?P<table>[^/]+)/stream/")


def orphans(aws: Aws, found: Iterable[Reading]) -> list[Reading]:
    """Tables that this pipeline made under a name that the configuration no longer has.

    Everything else is named after the pipeline itself. The pipe knows: it still reads the old table's stream. AWS is
    asked about that table alone, and only then; one that may not be looked at counts, and says so.
    """
    config = aws.config.table
    read = {
        match["table"]
        for reading in found
        for drift in reading.seen.drift
        if drift.field == "Source" and (match := _STREAM_ARN.search(str(drift.actual)))
    }
    left = []
    for name in sorted(read - {config.name}):
        table = Table(name=name, partition_key=config.partition_key)
        try:
            seen = look(aws, table)
        except SalespipeError:
            seen = Observation(State.PENDING, detail="AWS does not let you look at it")
        if seen.state not in {State.ABSENT, State.FOREIGN}:
            left.append(Reading(table.kind, name, seen))
    return left
