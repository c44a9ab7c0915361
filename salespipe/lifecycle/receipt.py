"""The receipt of ``down``: what went, what is still there and why, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from salespipe.config import Monitoring
from salespipe.cost import hops
from salespipe.cost.estimate import idle, storage_usd_a_month
from salespipe.lifecycle.model import Action, Reading, Step
from salespipe.resources.observing import look
from salespipe.resources.s3 import Bucket

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# AWS's own month for storage: 730 hours.
_HOURS_A_MONTH: Final = 730
# Of what the pipeline is made of, only these cost by merely being there; for a bucket it is what it holds.
_CHARGED_BY_THE_HOUR: Final = {
    "kinesis stream": hops.KINESIS,
    "cloudwatch alarms": hops.ALARMS,
    "cloudwatch dashboard": hops.DASHBOARD,
}
_RENAMED: Final = (
    'it was made under another [table] name: put name = "{name}" back and run salespipe down, or delete it yourself'
)


@dataclass(frozen=True, slots=True)
class Remains:
    """One thing that is still there: ``usd_an_hour`` is None where nobody knows, ``size`` in bytes where it was asked.

    What is FOREIGN, or the user's own, costs what it cost before: that is none of ours, and nothing here.
    """

    kind: str
    name: str
    action: Action
    why: str
    usd_an_hour: Decimal | None = Decimal(0)
    usd_a_month: Decimal | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What ``down`` did: how many resources it deleted, what AWS had put into them, and what is still there."""

    deleted: int
    swept: Mapping[str, int]
    kept: tuple[Remains, ...]
    foreign: tuple[Remains, ...]
    left: tuple[Remains, ...]

    @property
    def usd_an_hour(self) -> Decimal:
        """What an hour of all that costs, as far as it is known."""
        return sum((each.usd_an_hour or Decimal(0) for each in (*self.kept, *self.left)), Decimal(0))

    @property
    def unknown(self) -> bool:
        """Whether a part of the cost is not known."""
        return any(each.usd_an_hour is None for each in (*self.kept, *self.left))


def receipt(aws: Aws, resources: Sequence[Resource], ended: Iterable[Step], orphans: Iterable[Reading] = ()) -> Receipt:
    """The receipt of a run of ``down`` whose last Steps are ``ended``; a bucket that is still there is asked its size.

    ``orphans`` are what the names in the configuration left behind.
    """
    steps = list(ended)
    gone = {(step.kind, step.name) for step in steps if step.action is Action.DELETED}
    swept: Counter[str] = Counter()
    for step in steps:
        swept.update(step.swept)
    by_key = {(resource.kind, resource.name): resource for resource in resources}
    there = [
        _remains(aws, by_key[step.kind, step.name], step)
        for step in steps
        if step.action in {Action.KEPT, Action.FOREIGN, Action.LEFT}
    ]
    there += [Remains(each.kind, each.name, Action.LEFT, _RENAMED.format(name=each.name)) for each in orphans]
    kept, foreign, left = (
        tuple(each for each in there if each.action is action) for action in (Action.KEPT, Action.FOREIGN, Action.LEFT)
    )
    gone -= {(each.kind, each.name) for each in there}
    return Receipt(len(gone), dict(swept), kept, foreign, left)


def _remains(aws: Aws, resource: Resource, step: Step) -> Remains:
    remains = Remains(step.kind, step.name, step.action, step.detail)
    if step.action is Action.FOREIGN or aws.config.target == "local":
        return _sized(aws, resource, remains) if step.action is Action.KEPT else remains
    if isinstance(resource, Bucket):
        return _sized(aws, resource, remains)
    service = _CHARGED_BY_THE_HOUR.get(step.kind)
    # What is left costs also where the configuration has no use for it any more.
    whole = msgspec.structs.replace(aws.config, monitoring=Monitoring())
    lines = [line.usd for line in idle(whole).lines if line.service == service]
    known = [usd for usd in lines if usd is not None]
    price = None if len(known) < len(lines) else sum(known, Decimal(0))
    return Remains(step.kind, step.name, step.action, step.detail, price)


def _sized(aws: Aws, resource: Resource, remains: Remains) -> Remains:
    """A bucket with what it holds and costs; where that may not be seen, both are unknown."""
    if not isinstance(resource, Bucket):
        return remains
    from botocore.exceptions import ClientError

    try:
        size = look(lambda: resource.holds(aws))
    except ClientError:
        size = None
    month = None if size is None else storage_usd_a_month(aws.config, size)
    if aws.config.target == "local":
        month = Decimal(0)
    hour = None if month is None else month / _HOURS_A_MONTH
    return Remains(remains.kind, remains.name, remains.action, remains.why, hour, month, size)
