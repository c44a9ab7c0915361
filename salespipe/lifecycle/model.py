"""What lifecycle tells its callers: a Change that would be made, a Step that was taken, a Reading of what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from salespipe.resources.base import State

if TYPE_CHECKING:
    from salespipe.resources.base import Drift, Observation, Resource

Key = tuple[str, str]


def key_of(resource: Resource) -> Key:
    """A resource's identity: its kind and its name."""
    return (resource.kind, resource.name)


class Action(StrEnum):
    """What was done with a resource, or is being done."""

    CREATING = "creating"
    UPDATING = "updating"
    REPLACING = "replacing"
    DELETING = "deleting"
    WAITING = "waiting"
    CREATED = "created"
    UPDATED = "updated"
    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    ABSENT = "absent"  # down: there was nothing to delete
    FAILED = "failed"
    KEPT = "kept"  # down: left on purpose, since it is the user's own or was asked to be kept
    LEFT = "left"  # the receipt: it is ours and still there
    FOREIGN = "foreign"  # the receipt: it is there, it is not ours, and it was not touched

    @property
    def final(self) -> bool:
        """Whether it ends the work on its resource."""
        return self not in _UNDER_WAY


_UNDER_WAY = frozenset({Action.CREATING, Action.UPDATING, Action.REPLACING, Action.DELETING, Action.WAITING})


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to one resource.

    ``seconds`` have passed since the work on it began. ``detail`` says what is waited for, what went wrong, or why it
    is left. ``swept`` counts what AWS or others had put into it and went with it: ``{"object versions": 12}``.
    """

    kind: str
    name: str
    action: Action
    seconds: float = 0.0
    detail: str = ""
    swept: Mapping[str, int] = field(default_factory=dict)


class Intent(StrEnum):
    """What ``up`` would do with a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    WAIT = "wait"  # something is under way there already
    KEEP = "keep"
    DELETE = "delete"  # the configuration has no use for it any more
    CONSENT = "consent"  # made anew, and its data is lost: up refuses unless that was agreed to
    FOREIGN = "foreign"  # in the way and not ours: up refuses
    REFUSED = "refused"  # the user's own, and absent or of no use as it is: up refuses


@dataclass(frozen=True, slots=True)
class Change:
    """What ``up`` would do with one resource, and why.

    ``followers`` need it and are looked at again once it was made anew: a pipe cannot go on with a table's old stream.
    """

    kind: str
    name: str
    intent: Intent
    drift: tuple[Drift, ...] = field(default=())
    detail: str = ""
    followers: tuple[Key, ...] = ()

    @property
    def key(self) -> Key:
        """The identity of the resource."""
        return (self.kind, self.name)

    @property
    def pending(self) -> bool:
        """Whether ``up`` would do, or refuse to do, anything."""
        return self.intent is not Intent.KEEP

    @property
    def blocking(self) -> bool:
        """Whether ``up`` would refuse whatever anybody agrees to."""
        return self.intent in {Intent.FOREIGN, Intent.REFUSED}


@dataclass(frozen=True, slots=True)
class Reading:
    """One resource as it was found."""

    kind: str
    name: str
    seen: Observation

    @property
    def state(self) -> State:
        """Its state."""
        return self.seen.state

    @property
    def ours(self) -> bool:
        """Whether it is there and made by this pipeline."""
        return not self.seen.adopted and self.state not in {State.ABSENT, State.FOREIGN}
