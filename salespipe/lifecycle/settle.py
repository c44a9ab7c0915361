"""Bringing one resource to where it should be: act, look, wait, and act again only where that can help."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from salespipe.lifecycle import faults
from salespipe.lifecycle.look import look
from salespipe.lifecycle.model import Action, Step
from salespipe.resources.base import Drift, Observation, Remedy, State

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

Report = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a kind of resource may take to come and to go, and the longest pause between two looks, in seconds."""

    up: float = 120
    down: float = 120
    pause: float = 2


# Typical times are a tenth of these; a pipe on a fresh stream is created several times over, and Firehose deletes with
# low priority. The pauses keep within each service's control-plane rates (Firehose: 5 calls a second for the account).
_PATIENCE: Final = {
    "s3 bucket": Patience(up=180, down=3600),
    "sqs queue": Patience(up=180, down=180),
    "dynamodb table": Patience(up=300, down=300),
    "kinesis stream": Patience(up=300, down=300, pause=3),
    "lambda function": Patience(up=300, down=300),
    "firehose stream": Patience(up=1800, down=1800, pause=5),
    "eventbridge pipe": Patience(up=600, down=600, pause=4),
    "glue crawler": Patience(up=180, down=900, pause=5),
}
_FIRST_PAUSE: Final = 0.02
_GROWTH: Final = 1.6
# What is ready is found so much later than it could have been, at worst: a share of the time that it took.
_LATENESS: Final = 0.1
# Reads lag behind writes. An act is repeated only where AWS still shows the same after this many seconds.
_LAG: Final = 8.0
_SLICE: Final = 0.2


class Interrupted(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was called off while this thread waited."""


def interruptible(stop: threading.Event, sleep: Callable[[float], None]) -> Callable[[float], None]:
    """``sleep`` in slices, which ends with ``Interrupted`` once ``stop`` is set."""

    def pause(seconds: float) -> None:
        left = seconds
        while True:
            if stop.is_set():
                raise Interrupted
            if left <= 0:
                return
            sleep(min(left, _SLICE))
            left -= _SLICE

    return pause


class Settling:
    """The work on one resource: looks, acts, and what was said of it."""

    def __init__(self, aws: Aws, resource: Resource, report: Report, *, consent: bool = False) -> None:
        self._aws = aws
        self._resource = resource
        self._report = report
        self._consent = consent
        self._swept: Counter[str] = Counter()
        self._began = aws.clock()
        self._patience = _PATIENCE.get(resource.kind, Patience())
        self._pause = _FIRST_PAUSE
        self._acted: tuple[float, State, tuple[Drift, ...]] | None = None
        self._said: tuple[Action, str] | None = None

    def up(self, seen: Observation) -> Action:
        """Bring it to READY from what was seen of it. Raises ``SalespipeError`` where that cannot be."""
        outcome = Action.UNCHANGED
        while seen.state is not State.READY:
            match seen.state:
                case State.ABSENT | State.FOREIGN if seen.adopted:
                    raise faults.unusable([(self._resource, seen)])
                case State.ABSENT:
                    if self._act(seen, Action.CREATING, "created", self._resource.create):
                        outcome = Action.REPLACED if outcome is Action.REPLACED else Action.CREATED
                case State.DRIFTED if seen.remedy is Remedy.UPDATE:
                    if self._act(seen, Action.UPDATING, "updated", partial(self._resource.update, seen=seen)):
                        outcome = Action.UPDATED if outcome is Action.UNCHANGED else outcome
                case State.DRIFTED if seen.remedy is Remedy.CONSENT and not self._consent:
                    raise faults.needs_consent([(self._resource, seen)])
                case State.FAILED if outcome is not Action.UNCHANGED and not seen.transient:
                    raise faults.broken(self._resource, seen)
                case State.DRIFTED | State.FAILED:
                    self._act(seen, Action.REPLACING, "replaced", self._resource.delete)
                    outcome = Action.REPLACED
                case State.FOREIGN if outcome is Action.UNCHANGED:
                    raise faults.foreign([(self._resource, seen)])
                case State.PENDING | State.FOREIGN:
                    # What we have just created may be seen before its tags are.
                    self._say(Action.WAITING, seen.detail)
            seen = self._look_again(seen, self._patience.up, "ready")
        return outcome

    def down(self, seen: Observation) -> Action:
        """Bring it to ABSENT. What is not ours is left alone, and so is what the user lent us."""
        outcome = Action.ABSENT
        while seen.state is not State.ABSENT:
            match seen.state:
                case _ if seen.adopted:
                    return Action.KEPT
                case State.FOREIGN if outcome is Action.ABSENT:
                    return Action.FOREIGN
                case State.PENDING | State.FOREIGN:
                    # What is being deleted may lose its tags before it is gone.
                    self._say(Action.WAITING, seen.detail)
                case _:
                    self._act(seen, Action.DELETING, "deleted", self._resource.delete)
            outcome = Action.DELETED
            seen = self._look_again(seen, self._patience.down, "gone")
        return outcome

    def step(self, action: Action, detail: str = "") -> Step:
        """A Step of this resource, now."""
        resource = self._resource
        return Step(resource.kind, resource.name, action, self._aws.clock() - self._began, detail, dict(+self._swept))

    def _act(
        self, seen: Observation, action: Action, verb: str, call: Callable[[Aws], Mapping[str, int] | None]
    ) -> bool:
        """Call AWS, unless that was done already and AWS may not show it yet."""
        now = self._aws.clock()
        if self._acted and self._acted[1:] == (seen.state, seen.drift) and now - self._acted[0] < _LAG:
            return False
        self._say(action, _reason(seen) if action in {Action.UPDATING, Action.REPLACING} else "")
        try:
            telling = self._aws.telling(partial(self._say, Action.WAITING))
            self._swept.update(call(telling) or {})
        except Exception as error:
            raise faults.describe_failure(self._aws, self._resource, verb, error) from error
        self._acted = (self._aws.clock(), seen.state, seen.drift)
        return True

    def _look_again(self, seen: Observation, budget: float, goal: str) -> Observation:
        spent = self._aws.clock() - self._began
        if spent >= budget:
            raise faults.overdue(self._resource, seen, spent, goal)
        self._aws.sleep(self._pause)
        self._pause = min(self._pause * _GROWTH, self._patience.pause, max(_SLICE, spent * _LATENESS))
        return look(self._aws, self._resource)

    def _say(self, action: Action, detail: str) -> None:
        if self._said != (action, detail):
            self._said = (action, detail)
            self._report(self.step(action, detail))


def _reason(seen: Observation) -> str:
    return seen.detail if seen.state is State.FAILED else ", ".join(drift.field for drift in seen.drift)
