"""Rows of the view whose digest is another than the lake's: looked at again, value by value."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from salespipe.trust.proof import lake
from salespipe.trust.proof.findings import Finding, Findings, Kind, Stage
from salespipe.trust.proof.rows import Rows

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.proof.bucket import Bucket

_MOST: Final = 5000


class Shown:
    """Gathers rows, at most 5,000, and then reads their lines of the lake again."""

    def __init__(self, rows: Rows, objects: list[lake.Object]) -> None:
        self._rows = rows
        self._objects = objects
        self._kept: defaultdict[int, dict[int, tuple[str, list[Any]]]] = defaultdict(dict)
        self.count = 0

    @property
    def unseen(self) -> int:
        """How many rows there were beyond these."""
        return max(0, self.count - _MOST)

    def take(self, bucket: Bucket, shown: dict[str, tuple[int, int]]) -> None:
        """Rows of a bucket: the place of each in the lake, and in the view."""
        for key, (place, row) in shown.items():
            self.count += 1
            if self.count <= _MOST:
                number, line = bucket.lake.rest(place)[2:4]
                (cells,) = bucket.view.rest(row)
                self._kept[number][line] = key, cells

    def look(self, aws: Aws, findings: Findings) -> None:
        """Tell of those that are not what the lake has."""
        for number, wanted in sorted(self._kept.items()):
            name = self._objects[number].key
            for line, record in lake.line_of(aws, name, set(wanted)):
                key, cells = wanted[line]
                if columns := self._rows.differing(record, cells):
                    told = f"the view shows another {', '.join(columns)} than line {line} of {name}"
                    findings.add(Finding(kind=Kind.WRONG, stage=Stage.VIEW, order=key, detail=told))
