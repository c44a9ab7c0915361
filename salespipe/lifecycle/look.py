"""Looking at all resources side by side: status, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from salespipe.errors import SalespipeError
from salespipe.lifecycle.faults import describe_failure
from salespipe.lifecycle.model import Change, Intent, Reading
from salespipe.resources.base import Remedy, State

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Observation, Resource

_INTENTS = {
    State.ABSENT: Intent.CREATE,
    State.PENDING: Intent.WAIT,
    State.READY: Intent.KEEP,
    State.FAILED: Intent.REPLACE,
    State.FOREIGN: Intent.FOREIGN,
}
_REPAIRS = {Remedy.UPDATE: Intent.UPDATE, Remedy.REPLACE: Intent.REPLACE, Remedy.CONSENT: Intent.CONSENT}


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

    Raises ``SalespipeError``, the first there was, where AWS refuses to tell.
    """
    readings = []
    for resource, seen in zip(resources, survey(aws, resources), strict=True):
        if isinstance(seen, SalespipeError):
            raise seen
        readings.append(Reading(resource.kind, resource.name, seen))
    return readings


def plan(aws: Aws, resources: Sequence[Resource]) -> list[Change]:
    """What ``up`` would do with every resource, in the order given. Raises as ``status`` does."""
    return [_change(reading) for reading in status(aws, resources)]


def _change(reading: Reading) -> Change:
    seen = reading.seen
    intent = _REPAIRS[seen.remedy] if seen.state is State.DRIFTED else _INTENTS[seen.state]
    return Change(reading.kind, reading.name, intent, seen.drift, seen.detail)
