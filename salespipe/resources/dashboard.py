"""The CloudWatch dashboard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.aws import error_code, error_message
from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Drift, Observation, State
from salespipe.resources.observing import Tolerating, look

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

_INVALID: Final = frozenset({"InvalidParameterInput", "DashboardInvalidInputError"})
_HEAD_ROWS: Final = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Dashboard:
    """A dashboard; its name is unique in the account, over all regions.

    Above ``widgets`` comes a text that says whose it is. PutDashboard takes tags, but newer clients only, and other
    servers than AWS drop them; and a text is what AWS recommends for people who would change it by hand.
    """

    kind: ClassVar[str] = "cloudwatch dashboard"
    name: str
    text: str
    widgets: tuple[Mapping[str, Any], ...]
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """GetDashboard."""
        found = look(lambda: aws.client("cloudwatch").get_dashboard(DashboardName=self.name))
        if found is None:
            return ABSENT
        there, arn = _widgets(found["DashboardBody"]), found.get("DashboardArn", "")
        if not any(_pipeline_mark(aws) in str(each.get("properties", {}).get("markdown", "")) for each in there):
            return Observation(State.FOREIGN, arn, f"exists without a text that says {_pipeline_mark(aws)}")
        wanted, actual = _digests(self._all(aws)), _digests(there)
        drift = tuple(
            Drift(f"DashboardBody.{title}", wanted.get(title), actual.get(title))
            for title in dict.fromkeys((*wanted, *actual))
            if wanted.get(title) != actual.get(title)
        )
        return Observation(State.DRIFTED if drift else State.READY, arn, f"{len(there)} widgets", drift)

    def create(self, aws: Aws) -> None:
        """PutDashboard, which would also overwrite: only one that is not there is put."""
        if self.describe(aws).state is State.ABSENT:
            self.update(aws, ABSENT)

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002 - it is put as a whole
        """PutDashboard. Raises ``SalespipeError`` where CloudWatch finds fault with it."""
        body = json.dumps({"widgets": self._all(aws)})
        try:
            answer = aws.client("cloudwatch").put_dashboard(DashboardName=self.name, DashboardBody=body)
        except Exception as error:
            if error_code(error) not in _INVALID:
                raise
            response: Mapping[str, Any] = getattr(error, "response", {})
            faults = response.get("dashboardValidationMessages", ())
            raise _refused(self.name, error_message(error), faults) from error
        # With warnings alone it was put, and a part of it shows nothing.
        if warnings := answer.get("DashboardValidationMessages"):
            raise _refused(self.name, "was put with warnings", warnings)

    def delete(self, aws: Aws) -> None:
        """DeleteDashboards."""
        with Tolerating():
            aws.client("cloudwatch").delete_dashboards(DashboardNames=[self.name])

    def _all(self, aws: Aws) -> list[Mapping[str, Any]]:
        whose = f"{_pipeline_mark(aws)} environment {aws.config.environment}"
        text = f"{self.text}\n\nMade by {whose}: what is changed here is put back by `salespipe up`."
        place = {"x": 0, "y": 0, "width": 24, "height": _HEAD_ROWS}
        head = {"type": "text", **place, "properties": {"markdown": text}}
        return [head, *({**each, "y": each["y"] + _HEAD_ROWS} for each in self.widgets)]


def _pipeline_mark(aws: Aws) -> str:
    return f"salespipe, pipeline {aws.config.name}, region {aws.config.region},"


def _widgets(body: str) -> list[dict[str, Any]]:
    """The widgets of a dashboard's body; none of one that is no such JSON."""
    try:
        widgets = json.loads(body)["widgets"]
    except (ValueError, TypeError, KeyError):
        return []
    return [each for each in widgets if isinstance(each, dict)] if isinstance(widgets, list) else []


def _digests(widgets: list[Any]) -> dict[str, str]:
    """Each widget as a few characters, by its title or, where it has none, its type and place."""
    named = ((each.get("properties", {}).get("title") or each.get("type", "widget"), each) for each in widgets)
    return {
        str(title): hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()[:12] for title, each in named
    }


def _refused(name: str, why: str, faults: Any) -> SalespipeError:
    told = "; ".join(f"{each.get('DataPath', '')} {each.get('Message', '')}".strip() for each in faults)
    return SalespipeError(
        "DashboardInvalid",
        f"cloudwatch dashboard {name}: {why}" + (f": {told}" if told else "."),
        hint="This is a fault of salespipe's; [monitoring] enabled = false leaves the dashboard out.",
    )
