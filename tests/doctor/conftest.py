"""Answers put into AWS's mouth, for what moto has none or another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from doctor_answers import IAM_ALONE, NOW, Answer, everything_allowed

from salespipe.aws import Aws


@pytest.fixture
def answer(aws: Aws) -> Iterator[Answer]:
    """``answer("lambda", "GetAccountSettings", {...})``: what a call answers; ``error`` is an error code instead."""
    replies: dict[tuple[str, str], Any] = {}
    registered: list[tuple[Any, str, Any]] = []

    def answer(
        service: str,
        operation: str,
        body: dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        *,
        error: str = "",
        message: str = "Refused",
        at: float = NOW,
    ) -> None:
        date = {"date": format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)}

        def reply(params: dict[str, Any]) -> Any:
            said: dict[str, Any] = {"ResponseMetadata": {"HTTPHeaders": date}}
            if error:
                return SimpleNamespace(status_code=400), said | {"Error": {"Code": error, "Message": message}}
            return SimpleNamespace(status_code=200), said | (body(params) if callable(body) else body or {})

        known = (service, operation) in replies
        replies[service, operation] = reply
        if not known:
            events, name = aws.client(service).meta.events, f"before-call.{service}.{operation}"

            def latest(params: dict[str, Any], **_: Any) -> Any:
                return replies[service, operation](params)

            events.register_first(name, latest)
            registered.append((events, name, latest))

    yield answer
    for events, name, latest in registered:
        events.unregister(name, latest)


@pytest.fixture
def good_day(answer: Answer, aws: Aws) -> None:
    """An account in which everything is as it should be; the clock is right at NOW."""
    arn = f"arn:aws:iam::{aws.account}:user/ada"
    answer("sts", "GetCallerIdentity", {"Arn": arn, "Account": aws.account, "UserId": "A"})
    limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
    answer("lambda", "GetAccountSettings", {"AccountLimit": limits})
    settings = {"CreateDatabaseDefaultPermissions": IAM_ALONE, "CreateTableDefaultPermissions": IAM_ALONE}
    answer("lakeformation", "GetDataLakeSettings", {"DataLakeSettings": settings})
    answer("iam", "SimulatePrincipalPolicy", everything_allowed)
