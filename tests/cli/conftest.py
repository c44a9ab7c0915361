"""A shop whose commands run against an account in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.cli.context import App
from salespipe.config import Config
from salespipe.flow import drain

Connect = Callable[[Config], Aws]


@pytest.fixture
def drained() -> list[str]:
    """How often it was waited for what is under way."""
    return []


@pytest.fixture
def shop(
    connect: Connect,
    drained: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    monkeypatch.setattr(App, "aws", lambda app, **_: connect(app.config))
    monkeypatch.setattr(
        drain,
        "drain",
        lambda aws, **_: drained.append(aws.client("events").describe_rule(Name=aws.names.rule)["State"]),
    )
    shop = Shop(capsys)
    shop.configure()
    return shop


@pytest.fixture
def aws(connect: Connect) -> Aws:
    """The account, as the default configuration names things in it."""
    return connect(Config(target="aws"))
