"""Deleting records for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from salespipe.trust.quarantine import removing

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.quarantine.reading import Quarantine


def purge(aws: Aws, quarantine: Quarantine, progress: Callable[[str], None] = lambda _: None) -> int:
    """Delete the chosen records, and nothing that came since they were read; how many lines and messages that were."""
    index, queue = quarantine.index, quarantine.queue
    receipts = [receipt for _, receipt, _ in index.letters(chosen=True)]
    deleted = len(receipts) - queue.delete(receipts)
    for key in index.chosen_objects():
        deleted += removing.rewrite(aws, key, removing.without(index.chosen_in(key)))
        progress(f"{deleted:,} deleted")
    return deleted
