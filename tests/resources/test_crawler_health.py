"""How the crawler's last crawl ended stands beside its state."""

from __future__ import annotations

from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State
from salespipe.resources.glue import Crawler


@pytest.mark.parametrize(
    ("last", "detail"),
    [
        (None, "READY"),
        ({"Status": "SUCCEEDED"}, "READY, last crawl SUCCEEDED"),
        (
            {"Status": "FAILED", "ErrorMessage": "Internal Service Exception"},
            "READY, last crawl FAILED: Internal Service Exception",
        ),
    ],
)
def test_the_last_crawl_is_told(aws: Aws, last: dict[str, str] | None, detail: str) -> None:
    resources = pipeline(aws)
    for _ in up(aws, resources):
        pass

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Crawler"] |= {"LastCrawl": last} if last else {}

    events = aws.client("glue").meta.events
    events.register("after-call.glue.GetCrawler", answer)
    try:
        [seen] = [resource.describe(aws) for resource in resources if isinstance(resource, Crawler)]
    finally:
        events.unregister("after-call.glue.GetCrawler", answer)
    assert (seen.state, seen.detail) == (State.READY, detail)
