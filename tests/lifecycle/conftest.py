"""An imaginary AWS whose resources take the time, and meet the weather, that a test gives them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.resources.base import Drift, Observation, Resource, State


class Time:
    """A clock that only goes on when somebody sleeps; sleepers of several threads sleep at the same time."""

    def __init__(self) -> None:
        self._now = 0.0
        self._change = threading.Condition()

    def clock(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        """Wait for real time a thousand times shorter, so that the order of events is that of the seconds."""
        with self._change:
            until = self._now + seconds
            self._change.wait(seconds / 1000)
            self._now = max(self._now, until)


def fair(seen: Observation) -> Observation:
    return seen


@dataclass(eq=False)
class Thing:
    """A resource that takes ``takes`` seconds to come and to go. ``weather`` may change what a look finds."""

    name: str
    needs: tuple[Resource, ...] = ()
    kind: str = "thing"
    takes: float = 0.0
    time: Time = field(default_factory=Time)
    state: State = State.ABSENT
    drift: tuple[Drift, ...] = ()
    refuses: dict[str, Exception] = field(default_factory=dict)
    weather: Callable[[Observation], Observation] = fair
    calls: list[str] = field(default_factory=list)
    holds: list[dict[str, int]] = field(default_factory=list)
    since: float = -1e9
    coming: bool = True

    def describe(self, aws: Aws) -> Observation:  # noqa: ARG002
        self._meet("describe")
        state, drift = self.state, self.drift
        if self.time.clock() - self.since < self.takes:
            return self.weather(Observation(State.PENDING, detail="CREATING" if self.coming else "DELETING"))
        if state is State.READY and drift:
            state = State.DRIFTED
        return self.weather(Observation(state, drift=drift if state is State.DRIFTED else ()))

    def create(self, aws: Aws) -> None:  # noqa: ARG002
        self._meet("create")
        self._move(State.READY, coming=True)
        self.drift = ()

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002
        self._meet("update")
        self.drift = ()

    def delete(self, aws: Aws) -> dict[str, int] | None:  # noqa: ARG002
        """Each time it gives up a part of what it holds."""
        self._meet("delete")
        self._move(State.ABSENT, coming=False)
        return self.holds.pop(0) if self.holds else None

    def _meet(self, verb: str) -> None:
        if verb != "describe":
            self.calls.append(verb)
        if verb in self.refuses:
            raise self.refuses[verb]

    def _move(self, state: State, *, coming: bool) -> None:
        self.state, self.coming, self.since = state, coming, self.time.clock()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sky(time: Time) -> Aws:
    """An Aws that no resource of these tests calls: it carries the clock."""
    aws = Aws(Config(target="aws"), clock=time.clock, sleep=time.sleep)
    aws._account = "123456789012"
    return aws


@pytest.fixture
def thing(time: Time) -> Callable[..., Thing]:
    def make(name: str, *needs: Resource, **rest: object) -> Thing:
        return Thing(name, needs, time=time, **rest)  # type: ignore[arg-type]

    return make


@pytest.fixture
def refusal() -> Callable[[str, str], Exception]:
    from botocore.exceptions import ClientError

    return lambda code, message="no": ClientError({"Error": {"Code": code, "Message": message}}, "Operation")
