"""up and down: walking the graph of resources with a thread for each that can be worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.lifecycle import faults
from salespipe.lifecycle.look import look, status, survey
from salespipe.lifecycle.model import Action, Key, Reading, Step, key_of
from salespipe.lifecycle.settle import Report, Settling, interruptible
from salespipe.resources.base import Observation, Remedy, State, Unwanted, settled_away

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

Work = Callable[["Aws", "Resource", Report], Step]

# What a Step's ``swept`` counts for a resource that had to be deleted twice.
CAME_BACK: Final = "came back meanwhile"
_TOLD_LAST: Final = frozenset({Action.FOREIGN, Action.KEPT})


def up(
    aws: Aws,
    resources: Sequence[Resource],
    *,
    consent: Collection[Key] = (),
    found: Sequence[Reading] | None = None,
) -> Iterator[Step]:
    """Bring every resource to READY, each as soon as what it needs is, and yield what happens.

    A resource's last Step is CREATED, UPDATED, REPLACED, UNCHANGED or FAILED. After a failure nothing new is begun,
    what runs is finished, and ``SalespipeError`` is raised at the end. What is FOREIGN, what the user lent and is of no
    use, and what could only be deleted with its data and is not in ``consent`` is told before anything is touched.
    What is unwanted ends DELETED; where it was not there, nothing is told of it.
    ``found`` is a ``status`` of just now, which spares another look. Closing the iterator, or Ctrl-C, ends every thread
    at its next wait.
    """
    readings = status(aws, resources) if found is None else found
    first = {(reading.kind, reading.name): reading.seen for reading in readings}
    resources = [each for each in resources if not settled_away(each, first[key_of(each)])]
    _refuse_obstacles(resources, first, consent)
    changed: set[Key] = set()

    def work(aws: Aws, resource: Resource, report: Report) -> Step:
        settling = Settling(aws, resource, report, consent=key_of(resource) in consent)
        # What it was judged against may have changed since: a table that was made anew has another stream.
        stale = any(key_of(need) in changed for need in resource.needs)
        if isinstance(resource, Unwanted):
            return settling.step(settling.down(first[key_of(resource)]))
        action = settling.up(look(aws, resource) if stale else first[key_of(resource)])
        if action is not Action.UNCHANGED:
            changed.add(key_of(resource))
        return settling.step(action)

    failures: list[SalespipeError] = []
    yield from _walk(aws, resources, work, failures, give_up=True)
    if failures:
        raise failures[0]


def _refuse_obstacles(resources: Sequence[Resource], seen: Mapping[Key, Observation], consent: Collection[Key]) -> None:
    """Raise where something is in the way that nobody agreed to have removed."""
    found = [(resource, seen[key_of(resource)]) for resource in resources]
    if unusable := [each for each in found if each[1].adopted and each[1].state in {State.ABSENT, State.FOREIGN}]:
        raise faults.unusable(unusable)
    if foreign := [each for each in found if each[1].state is State.FOREIGN]:
        raise faults.foreign(foreign)
    lossy = [each for each in found if each[1].state is State.DRIFTED and each[1].remedy is Remedy.CONSENT]
    if refused := [each for each in lossy if key_of(each[0]) not in consent]:
        raise faults.needs_consent(refused)


def down(aws: Aws, resources: Sequence[Resource], *, keep: Collection[Key] = ()) -> Iterator[Step]:
    """Bring every resource of ours to ABSENT, each as soon as nothing needs it any more, and yield what happens.

    What is in ``keep``, and what the user lent us, is left alone. Goes on past failures. A resource's last Step is
    DELETED, ABSENT, KEPT, FOREIGN or FAILED; of what is unwanted and absent nothing is told. What came back meanwhile,
    such as a log group that a late writer made again, is swept; then everything is described once more, and a Step
    LEFT, KEPT or FOREIGN for each that is still there is the receipt, told last: without LEFT nothing is left.
    """
    failures: list[SalespipeError] = []

    def work(aws: Aws, resource: Resource, report: Report) -> Step:
        settling = Settling(aws, resource, report)
        seen = look(aws, resource)
        if key_of(resource) in keep and seen.state is not State.ABSENT:
            return settling.step(Action.KEPT)
        return settling.step(settling.down(seen))

    unwanted = {key_of(each) for each in resources if isinstance(each, Unwanted)}
    why: dict[Key, str] = {}
    for step in _walk(aws, resources, work, failures, give_up=False, backwards=True):
        if step.action is Action.FAILED:
            why[(step.kind, step.name)] = step.detail
        if step.action not in _TOLD_LAST and not (step.action is Action.ABSENT and (step.kind, step.name) in unwanted):
            yield step
    receipt = _receipt(aws, resources, keep)
    back = [resource for resource, step in receipt if step.action is Action.LEFT and key_of(resource) not in why]
    if back:
        for step in _walk(aws, back, work, failures, give_up=False, backwards=True):
            again = step.action is Action.DELETED
            yield replace(step, detail="it had come back", swept={**step.swept, CAME_BACK: 1}) if again else step
        receipt = _receipt(aws, resources, keep)
    for resource, step in receipt:
        reason = why.get(key_of(resource))
        yield replace(step, detail=reason) if reason and step.action is Action.LEFT else step


def _receipt(aws: Aws, resources: Sequence[Resource], keep: Collection[Key]) -> list[tuple[Resource, Step]]:
    """Everything that is still there, or may be, and why."""
    found = []
    for resource, seen in zip(resources, survey(aws, resources), strict=True):
        if isinstance(seen, SalespipeError):
            found.append((resource, Step(resource.kind, resource.name, Action.LEFT, detail=seen.message)))
        elif seen.state is not State.ABSENT and not settled_away(resource, seen):
            action, why = _why_left(seen, kept=key_of(resource) in keep)
            found.append((resource, Step(resource.kind, resource.name, action, detail=why)))
    return found


def _why_left(seen: Observation, *, kept: bool) -> tuple[Action, str]:
    if seen.adopted:
        return Action.KEPT, "it is your own, and was only used"
    if seen.state is State.FOREIGN:
        return Action.FOREIGN, seen.detail
    return (Action.KEPT, "you asked to keep the data") if kept else (Action.LEFT, seen.detail)


@dataclass(frozen=True, slots=True)
class _Ended:
    """A thread's last word: the Step that ends its work, or what ended it."""

    key: Key
    outcome: Step | BaseException


def _walk(
    aws: Aws,
    resources: Sequence[Resource],
    work: Work,
    failures: list[SalespipeError],
    *,
    give_up: bool,
    backwards: bool = False,
) -> Iterator[Step]:
    """Do ``work`` on every resource, those that do not wait for one another at the same time.

    Needs outside ``resources`` are taken to be met. With ``give_up`` nothing new is begun after a failure.
    """
    by_key = {key_of(resource): resource for resource in resources}
    if not by_key:
        return
    sorter = TopologicalSorter(_graph(by_key, backwards=backwards))
    sorter.prepare()
    said: queue.SimpleQueue[Step | _Ended] = queue.SimpleQueue()
    stop = threading.Event()
    patient = aws.waiting_by(interruptible(stop, aws.sleep))

    def run(key: Key) -> None:
        try:
            said.put(_Ended(key, work(patient, by_key[key], said.put)))
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which knows what it means
            said.put(_Ended(key, error))

    pool = ThreadPoolExecutor(len(by_key), thread_name_prefix="resource")
    running = 0
    try:
        while sorter.is_active():
            if not (give_up and failures):
                for key in sorter.get_ready():
                    pool.submit(run, key)
                    running += 1
            if not running:
                return
            word = said.get()
            if isinstance(word, Step):
                yield word
                continue
            running -= 1
            yield _last_step(by_key[word.key], word, failures)
            sorter.done(word.key)
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _graph(by_key: dict[Key, Resource], *, backwards: bool) -> dict[Key, set[Key]]:
    """For every resource, what comes before it."""
    graph: dict[Key, set[Key]] = {key: set() for key in by_key}
    for key, resource in by_key.items():
        for need in map(key_of, resource.needs):
            if need in by_key:
                later, earlier = (need, key) if backwards else (key, need)
                graph[later].add(earlier)
    return graph


def _last_step(resource: Resource, word: _Ended, failures: list[SalespipeError]) -> Step:
    """The Step that ends the work on a resource. An error that nobody expected is raised as it is."""
    match word.outcome:
        case Step() as step:
            return step
        case SalespipeError() as error:
            failures.append(error)
            return Step(resource.kind, resource.name, Action.FAILED, detail=error.message)
        case error:
            raise error
