"""What a resource is: the contract that ``lifecycle`` walks and every file beside this one fulfils."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Drift:
    """One field in which AWS and the configuration differ."""

    field: str
    wanted: Any
    actual: Any


@dataclass(frozen=True, slots=True)
class Observation:
    """A resource as AWS describes it. ``detail`` is AWS's own state or reason, for people."""

    state: State
    arn: str = ""
    detail: str = ""
    drift: tuple[Drift, ...] = field(default=())


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

    def delete(self, aws: Aws) -> None:
        """Ask AWS to remove it; deleting what is absent is not an error."""
        ...
