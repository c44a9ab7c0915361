"""Looking at all resources side by side: status, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.lifecycle.faults import describe_failure, unseen
from salespipe.lifecycle.model import Change, Intent, Key, Reading, key_of
from salespipe.resources.base import Remedy, State, Unwanted, settled_away
from salespipe.resources.existing_table import ExistingTable

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Observation, Resource

_INTENTS: Final = {
    State.ABSENT: Intent.CREATE,
    State.PENDING: Intent.WAIT,
    State.READY: Intent.KEEP,
    State.FAILED: Intent.REPLACE,
    State.FOREIGN: Intent.FOREIGN,
}
_REPAIRS: Final = {Remedy.UPDATE: Intent.UPDATE, Remedy.REPLACE: Intent.REPLACE, Remedy.CONSENT: Intent.CONSENT}
_IN_PLACE: Final = frozenset({Intent.KEEP, Intent.UPDATE})
_ANEW: Final = frozenset({Intent.REPLACE, Intent.CONSENT})


def look(aws: Aws, resource: Resource) -> Observation:
    """Describe one resource. Raises ``SalespipeError`` where AWS refuses."""
    try:
        return resource.describe(aws)
    except Exception as error:
        raise describe_failure(aws, resource, "described", error) from error


def survey(aws: Aws, resources: Sequence[Resource]) -> list[Observation | SalespipeError]:
    """Describe all resources at the same time, in their order; what may not be seen is an error in its place."""
    if not resources:
        return []

    def one(resource: Resource) -> Observation | SalespipeError:
        try:
            return look(aws, resource)
        except SalespipeError as error:
            return error

    with ThreadPoolExecutor(len(resources), thread_name_prefix="look") as pool:
        return list(pool.map(one, resources))


def status(aws: Aws, resources: Sequence[Resource]) -> list[Reading]:
    """Every resource as it is, in the order given.

    Raises one ``SalespipeError`` for all that AWS refuses to describe.
    """
    seen = survey(aws, resources)
    if refusals := [each for each in seen if isinstance(each, SalespipeError)]:
        raise unseen(refusals)
    return seen_as(resources, seen)


def seen_as(resources: Sequence[Resource], seen: Sequence[Observation | SalespipeError]) -> list[Reading]:
    """The Readings of what could be described."""
    return [
        Reading(resource.kind, resource.name, each)
        for resource, each in zip(resources, seen, strict=True)
        if not isinstance(each, SalespipeError)
    ]


def plan(aws: Aws, resources: Sequence[Resource], found: Sequence[Reading] | None = None) -> list[Change]:
    """What ``up`` would do with every resource, in the order given, from ``found`` or a look. Raises as ``status``.

    Of what is unwanted and not there nothing is told.
    """
    readings = status(aws, resources) if found is None else found
    intents = {
        key_of(resource): _intent(resource, reading.seen)
        for resource, reading in zip(resources, readings, strict=True)
        if not settled_away(resource, reading.seen)
    }
    return [
        Change(
            reading.kind,
            reading.name,
            intents[key_of(resource)],
            () if intents[key_of(resource)] is Intent.DELETE else reading.seen.drift,
            reading.seen.detail,
            _followers(resource, resources, intents),
        )
        for resource, reading in zip(resources, readings, strict=True)
        if key_of(resource) in intents
    ]


def plan_from_nothing(resources: Sequence[Resource]) -> list[Change]:
    """The plan for a place where nothing can be yet: nobody is asked."""
    return [
        Change(resource.kind, resource.name, Intent.REFUSED, detail="there is no such table yet, and it should exist")
        if isinstance(resource, ExistingTable)
        else Change(resource.kind, resource.name, Intent.CREATE)
        for resource in resources
        if not isinstance(resource, Unwanted)
    ]


def _intent(resource: Resource, seen: Observation) -> Intent:
    if isinstance(resource, Unwanted):
        return Intent.DELETE
    if seen.adopted and seen.state in {State.ABSENT, State.FOREIGN}:
        return Intent.REFUSED
    return _REPAIRS[seen.remedy] if seen.state is State.DRIFTED else _INTENTS[seen.state]


def _followers(resource: Resource, resources: Sequence[Resource], intents: dict[Key, Intent]) -> tuple[Key, ...]:
    """What needs something that is made anew, and would not be made anew itself for all that was seen."""
    if intents[key_of(resource)] not in _ANEW:
        return ()
    return tuple(
        key_of(other)
        for other in resources
        if intents.get(key_of(other)) in _IN_PLACE and key_of(resource) in map(key_of, other.needs)
    )
