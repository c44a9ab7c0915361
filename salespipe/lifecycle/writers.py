"""Stopping what writes by itself, so that what is on its way can arrive before everything is deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from salespipe.lifecycle.faults import describe_failure
from salespipe.resources.base import State

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.lifecycle.model import Reading
    from salespipe.resources.base import Observation, Resource


@runtime_checkable
class Writer(Protocol):
    """A resource that makes work for the others as long as it is switched on."""

    def switched_on(self, seen: Observation) -> bool:
        """Whether it was found working."""
        ...

    def switch(self, aws: Aws, *, on: bool) -> None:
        """Switch it on or off; it keeps its definition. One that is gone is off."""
        ...


@contextmanager
def stopped(aws: Aws, resources: Sequence[Resource], found: Sequence[Reading]) -> Iterator[list[Resource]]:
    """Switch off every writer of ours that was found working, and yield them.

    Whatever ends the block other than its end, Ctrl-C included, switches them on again. Raises ``SalespipeError`` where
    AWS refuses.
    """
    seen = {(each.kind, each.name): each.seen for each in found if each.state in {State.READY, State.DRIFTED}}
    working: list[Resource] = [
        resource
        for resource in resources
        if isinstance(resource, Writer)
        and (resource.kind, resource.name) in seen
        and resource.switched_on(seen[resource.kind, resource.name])
    ]
    off: list[Resource] = []
    try:
        for each in working:
            _switch(aws, each, on=False)
            off.append(each)
        yield off
    except BaseException:
        for each in off:
            _switch(aws, each, on=True)
        raise


def _switch(aws: Aws, resource: Resource, *, on: bool) -> None:
    assert isinstance(resource, Writer)  # noqa: S101 - only those are switched
    try:
        resource.switch(aws, on=on)
    except Exception as error:
        raise describe_failure(aws, resource, "switched on" if on else "switched off", error) from error
