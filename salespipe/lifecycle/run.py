"""up and down: walking the graph of resources with a thread for each that can be worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from salespipe.errors import SalespipeError
from salespipe.lifecycle import faults
from salespipe.lifecycle.look import look, survey
from salespipe.lifecycle.model import Action, Key, Step, key_of
from salespipe.lifecycle.settle import Report, Settling, interruptible
from salespipe.resources.base import Observation, State

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

Work = Callable[["Aws", "Resource", Report], Step]


def up(aws: Aws, resources: Sequence[Resource]) -> Iterator[Step]:
    """Bring every resource to READY, each as soon as what it needs is, and yield what happens.

    A resource's last Step is CREATED, UPDATED, REPLACED, UNCHANGED or FAILED. After a failure nothing new is begun,
    what runs is finished, and ``SalespipeError`` is raised at the end; one that is FOREIGN is told before anything is
    touched. Closing the iterator, or Ctrl-C, ends every thread at its next wait.
    """
    seen = dict(zip(map(key_of, resources), survey(aws, resources), strict=True))
    first = _refuse_obstacles(resources, seen)
    changed: set[Key] = set()

    def work(aws: Aws, resource: Resource, report: Report) -> Step:
        settling = Settling(aws, resource, report)
        # What it was judged against may have changed since: a table that was made anew has another stream.
        stale = any(key_of(need) in changed for need in resource.needs)
        action = settling.up(look(aws, resource) if stale else first[key_of(resource)])
        if action is not Action.UNCHANGED:
            changed.add(key_of(resource))
        return settling.step(action)

    failures: list[SalespipeError] = []
    yield from _walk(aws, resources, work, failures, give_up=True)
    if failures:
        raise failures[0]


def _refuse_obstacles(
    resources: Sequence[Resource], seen: dict[Key, Observation | SalespipeError]
) -> dict[Key, Observation]:
    """The observations, if all could be made and nothing that is not ours is in the way."""
    clear: dict[Key, Observation] = {}
    in_the_way = []
    for resource in resources:
        found = seen[key_of(resource)]
        if isinstance(found, SalespipeError):
            raise found
        if found.state is State.FOREIGN:
            in_the_way.append((resource, found))
        clear[key_of(resource)] = found
    if in_the_way:
        raise faults.foreign(in_the_way)
    return clear


def down(aws: Aws, resources: Sequence[Resource]) -> Iterator[Step]:
    """Bring every resource of ours to ABSENT, each as soon as nothing needs it any more, and yield what happens.

    Goes on past failures. A resource's last Step is DELETED, ABSENT, FOREIGN or FAILED. What came back meanwhile, such
    as a log group that a late writer made again, is swept; then everything is described once more, and a Step LEFT or
    FOREIGN for each that is still there is the receipt, told last: none means that nothing is left.
    """
    failures: list[SalespipeError] = []

    def work(aws: Aws, resource: Resource, report: Report) -> Step:
        settling = Settling(aws, resource, report)
        return settling.step(settling.down(look(aws, resource)))

    why: dict[Key, str] = {}
    for step in _walk(aws, resources, work, failures, give_up=False, backwards=True):
        if step.action is Action.FAILED:
            why[(step.kind, step.name)] = step.detail
        if step.action is not Action.FOREIGN:  # told once, in the receipt
            yield step
    back = [resource for resource, step in _left(aws, resources) if step.action is Action.LEFT and not _told(why, step)]
    if back:
        yield from _walk(aws, back, work, failures, give_up=False, backwards=True)
    for _, step in _left(aws, resources):
        reason = why.get((step.kind, step.name))
        yield Step(step.kind, step.name, step.action, detail=reason) if reason else step


def _told(why: Collection[Key], step: Step) -> bool:
    return (step.kind, step.name) in why


def _left(aws: Aws, resources: Sequence[Resource]) -> list[tuple[Resource, Step]]:
    """Everything that is still there, or may be, as Steps of the receipt."""
    found = []
    for resource, seen in zip(resources, survey(aws, resources), strict=True):
        if isinstance(seen, SalespipeError):
            found.append((resource, Step(resource.kind, resource.name, Action.LEFT, detail=seen.message)))
        elif seen.state is not State.ABSENT:
            action = Action.FOREIGN if seen.state is State.FOREIGN else Action.LEFT
            found.append((resource, Step(resource.kind, resource.name, action, detail=seen.detail)))
    return found


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
