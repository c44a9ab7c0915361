from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from salespipe.local.api import Answer, Call
from salespipe.local.deferred import Deferred


class Slow:
    name = "slow"

    def __init__(self, gate: threading.Event) -> None:
        assert gate.wait(20)
        self.log: list[str] = []

    @property
    def handlers(self) -> dict[str, Any]:
        return {"Ask": lambda _: {"log": list(self.log)}}

    def observe(self, call: Call, answer: Answer) -> None:
        self.log.append(f"{call.operation} {answer.status}")

    def start(self) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")


CALL = Call("slow", "Ask", "us-east-1", "123456789012")


def test_calls_wait_until_the_service_is_made_and_started() -> None:
    gate = threading.Event()
    made: list[Slow] = []

    def make() -> Slow:
        made.append(Slow(gate))
        return made[0]

    service = Deferred("slow", make)
    service.start()
    got: list[Any] = []
    asker = threading.Thread(target=lambda: got.append(service.handlers["Ask"](CALL)))
    asker.start()
    assert not made
    gate.set()
    asker.join(20)
    assert got == [{"log": ["start"]}]
    service.observe(CALL, Answer(200))
    service.stop()
    assert made[0].log == ["start", "Ask 200", "stop"]


def test_a_service_that_cannot_be_made_fails_its_calls_only(caplog: pytest.LogCaptureFixture) -> None:
    def make() -> Slow:
        raise OSError("no room")

    service = Deferred("slow", make)
    with caplog.at_level(logging.ERROR):
        service.start()
        with pytest.raises(OSError, match="no room"):
            _ = service.handlers
        service.stop()
    assert "slow could not be started" in caplog.text
