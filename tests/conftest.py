"""An AWS in this process, by moto, and the weather that a test gives it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import service_models
from clock import Clock
from salespipe.aws import Aws
from salespipe.config import Config
from weather import Weather
from wire import Wire

Connect = Callable[[Config], Aws]

# A shell has what it starts in the background ignore Ctrl-C, and so would every command that a test starts: they are to
# hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Begin with the files that take longest: pytest-xdist would begin them last, since they have few tests."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session", autouse=True)
def held_to_the_models() -> Iterator[None]:
    """Whatever a test is about: a call of ours that a service's model does not allow fails it."""
    make = Aws._make

    def make_and_watch(aws: Aws, service: str) -> Any:
        client = make(aws, service)
        client.meta.events.register("before-parameter-build", service_models.insist)
        return client

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Aws, "_make", make_and_watch)
        yield


@pytest.fixture(scope="session")
def clients() -> dict[str, dict[str, Any]]:
    """Clients by region and service, kept from test to test: making them takes longer than most tests."""
    return {}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Between every client and moto."""
    wire = Wire()
    wire.install(monkeypatch)
    return wire


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, clients: dict[str, dict[str, Any]], wire: Wire) -> Iterator[Connect]:
    """Makes an Aws for a configuration; all of one test see the same account, which begins empty."""
    from moto import mock_aws

    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():

        def connect(config: Config) -> Aws:
            aws = Aws(config)
            aws._clients = clients.setdefault(config.region, {})
            return aws

        yield connect


@pytest.fixture
def aws(connect: Connect) -> Aws:
    """The default pipeline's account."""
    return connect(Config(target="aws"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of ``patient`` and ``weather``: it goes by only while everybody waits."""
    clock = Clock()
    clock.watch(monkeypatch)
    return clock


@pytest.fixture
def patient(aws: Aws, clock: Clock) -> Aws:
    """The account of ``aws`` on that clock: waiting takes no time."""
    calm = replace(aws, clock=clock, sleep=clock.sleep)
    calm._clients = aws._clients
    return calm


@pytest.fixture
def weather(wire: Wire, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Weather:
    """What happens to the calls of this test on their way."""
    weather = Weather(wire, clock)
    weather.calm_botocore(monkeypatch)
    return weather
