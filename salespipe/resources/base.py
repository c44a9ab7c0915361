"""What a resource is: the contract that ``lifecycle`` walks and every file beside this one fulfils."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from salespipe.aws import Aws


class State(StrEnum):
    """What AWS says of a resource, in the words that lifecycle decides by."""

    ABSENT = "absent"
    PENDING = "pending"  # exists, on its way to READY or to ABSENT
    READY = "ready"
    DRIFTED = "drifted"  # READY, but not as the configuration says
    FAILED = "failed"  # exists and will not become READY by waiting
    FOREIGN = "foreign"  # exists, but does not carry our tags: never touched


class Remedy(StrEnum):
    """What mends a drift, from the mildest to the gravest."""

    UPDATE = "update"  # repaired in place by update()
    REPLACE = "replace"  # deleted and created again: costs time and nothing else
    CONSENT = "consent"  # deleted and created again, and data is lost: never done unasked


@dataclass(frozen=True, slots=True)
class Drift:
    """One field in which AWS and the configuration differ."""

    field: str
    wanted: Any
    actual: Any
    remedy: Remedy = Remedy.UPDATE


@dataclass(frozen=True, slots=True)
class Observation:
    """A resource as AWS describes it.

    ``detail`` is AWS's own state or reason, for people. ``transient`` marks a FAILED whose reason is known to pass by
    itself: deleting it and creating it again a little later is the cure. ``created`` is when AWS made it (UTC), where
    the calls that describe it tell. ``adopted`` marks something of the user's own that the pipeline uses on purpose:
    what it lacks may be put right, and it is never deleted.
    """

    state: State
    arn: str = ""
    detail: str = ""
    drift: tuple[Drift, ...] = field(default=())
    transient: bool = False
    created: datetime | None = None
    adopted: bool = False

    @property
    def remedy(self) -> Remedy:
        """The gravest remedy that any of the drift needs."""
        order = list(Remedy)
        return max((drift.remedy for drift in self.drift), key=order.index, default=Remedy.UPDATE)

    def differs(self, *fields: str) -> bool:
        """Whether any drift is in one of ``fields`` or below it."""
        return any(drift.field == name or drift.field.startswith(f"{name}.") for drift in self.drift for name in fields)


ABSENT = Observation(State.ABSENT)


@runtime_checkable
class Resource(Protocol):
    """One AWS resource under a deterministic name."""

    @property
    def kind(self) -> str:
        """What it is, in AWS's words: ``dynamodb table``."""
        ...

    @property
    def name(self) -> str:
        """The name in AWS, unique within its kind."""
        ...

    @property
    def needs(self) -> tuple[Resource, ...]:
        """What must be READY before ``create``; deletion runs the other way round."""
        ...

    def describe(self, aws: Aws) -> Observation:
        """Look, never write."""
        ...

    def create(self, aws: Aws) -> None:
        """Ask AWS for it; returns as soon as the API accepted. Creating what exists is not an error."""
        ...

    def update(self, aws: Aws, seen: Observation) -> None:
        """Repair in place the drift that ``seen`` lists."""
        ...

    def delete(self, aws: Aws) -> Mapping[str, int] | None:
        """Ask AWS to remove it; deleting what is absent is not an error.

        Answers, where it had to be emptied first, how much of what went with it: ``{"object versions": 12}``.
        """
        ...


@dataclass(frozen=True, eq=False)
class Unwanted:
    """A resource that the configuration has no use for, and may have had: ``up`` deletes it, after what it ``needs``.

    There is no state file that would tell what an earlier configuration asked for; but names are deterministic, so
    that it can be looked for. Where it is absent, or somebody else's, nothing is said of it.
    """

    resource: Resource
    needs: tuple[Resource, ...] = ()

    @property
    def kind(self) -> str:
        """That of the resource."""
        return self.resource.kind

    @property
    def name(self) -> str:
        """That of the resource."""
        return self.resource.name

    def describe(self, aws: Aws) -> Observation:
        """As the resource itself."""
        return self.resource.describe(aws)

    def create(self, aws: Aws) -> None:
        """Nothing: it is not wanted."""

    def update(self, aws: Aws, seen: Observation) -> None:
        """Nothing: it is not wanted as it should be either."""

    def delete(self, aws: Aws) -> Mapping[str, int] | None:
        """As the resource itself."""
        return self.resource.delete(aws)


def settled_away(resource: Resource, seen: Observation) -> bool:
    """Whether it is unwanted, and there is nothing of it: not worth a word."""
    return isinstance(resource, Unwanted) and seen.state in {State.ABSENT, State.FOREIGN}
