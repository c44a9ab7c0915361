"""Workgroups: their settings, and what a query in one must keep to.

moto has neither UpdateWorkGroup nor most of the operations on named queries and prepared statements, and keeps them
in one heap with the workgroups; so all of that is kept here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from salespipe.local.api import AwsError, Call, Cloud, Handler
from salespipe.local.athena.documents import Documents
from salespipe.local.athena.executions import Executions
from salespipe.local.athena.named import NamedQueries, PreparedStatements
from salespipe.local.athena.paging import page

_MINIMUM_CUTOFF: Final = 10_000_000  # service model: BytesScannedCutoffValue
_NO_LOCATION: Final = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)


def invalid(told: str, **fields: Any) -> AwsError:
    """Athena's one error for everything that a caller gets wrong."""
    return AwsError("InvalidRequestException", told, **fields)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a query in a workgroup keeps to; ``cutoff`` is bytes, 0 for no limit."""

    configuration: Mapping[str, Any]

    @property
    def cutoff(self) -> int:
        """BytesScannedCutoffPerQuery."""
        return int(self.configuration.get("BytesScannedCutoffPerQuery") or 0)

    @property
    def enforced(self) -> bool:
        """EnforceWorkGroupConfiguration."""
        return bool(self.configuration.get("EnforceWorkGroupConfiguration"))

    def output(self, asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Where results go, ending in a slash, and the rest of the result configuration.

        Raises ``AwsError`` when neither workgroup nor caller names a location.
        """
        own = self.configuration.get("ResultConfiguration") or {}
        chosen = dict(own) if self.enforced else {**own, **asked}
        location = str(chosen.pop("OutputLocation", "") or "")
        if not location:
            raise invalid(_NO_LOCATION)
        if not location.startswith("s3://"):
            raise invalid("outputLocation is not a valid S3 path.")
        return location if location.endswith("/") else f"{location}/", chosen


class WorkGroups:
    """The handlers of workgroups, their tags, named queries and prepared statements."""

    def __init__(self, cloud: Cloud, executions: Executions) -> None:
        self._cloud = cloud
        self._executions = executions
        self._documents = Documents(cloud.store)
        self._named = NamedQueries(self._documents, cloud.clock, self.need)
        self.prepared = PreparedStatements(self._documents, cloud.clock, self.need)
        self.handlers: Mapping[str, Handler] = {
            "CreateWorkGroup": self.create_work_group,
            "GetWorkGroup": self.get_work_group,
            "ListWorkGroups": self.list_work_groups,
            "UpdateWorkGroup": self.update_work_group,
            "DeleteWorkGroup": self.delete_work_group,
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
            "ListEngineVersions": self.list_engine_versions,
            **self._named.handlers,
            **self.prepared.handlers,
        }

    def need(self, region: str, name: str) -> dict[str, Any]:
        """A workgroup.

        Raises ``AwsError`` when there is none.
        """
        found = self._documents.get(region, "workgroup", name)
        if found is None and name == "primary":
            return _primary()
        if found is None:
            raise invalid(f"WorkGroup {name} is not found.")
        return found

    def settings(self, region: str, name: str) -> Settings:
        """What a query that starts now in a workgroup keeps to.

        Raises ``AwsError`` for a workgroup that is absent or disabled.
        """
        group = self.need(region, name)
        if group["State"] == "DISABLED":
            raise invalid(f"WorkGroup {name} is disabled.")
        return Settings(group["Configuration"])

    def statement(self, region: str, group: str, name: str) -> str:
        """The SQL of a prepared statement."""
        return str(self.prepared.need(region, group, name)["QueryStatement"])

    def create_work_group(self, call: Call) -> dict[str, Any]:
        """CreateWorkGroup."""
        name = str(call.params.get("Name") or "")
        if name == "primary" or self._documents.get(call.region, "workgroup", name) is not None:
            raise invalid("WorkGroup is already created")
        configuration = {
            "EnforceWorkGroupConfiguration": True,
            "EnableMinimumEncryptionConfiguration": False,
            "PublishCloudWatchMetricsEnabled": False,
            "RequesterPaysEnabled": False,
            "ResultConfiguration": {},
            **(call.params.get("Configuration") or {}),
        }
        _checked(configuration)
        group = {
            "Name": name,
            "State": "ENABLED",
            "Configuration": configuration,
            "Description": str(call.params.get("Description") or ""),
            "CreationTime": self._cloud.clock(),
        }
        tags = _tags(call)
        self._documents.put(call.region, "workgroup", name, group)
        self._documents.put(call.region, "tags", f"workgroup/{name}", tags)
        return {}

    def get_work_group(self, call: Call) -> dict[str, Any]:
        """GetWorkGroup."""
        return {"WorkGroup": self.need(call.region, str(call.params.get("WorkGroup") or ""))}

    def list_work_groups(self, call: Call) -> dict[str, Any]:
        """ListWorkGroups."""
        groups = {"primary": _primary(), **self._documents.all(call.region, "workgroup")}
        shown = [
            {
                "Name": group["Name"],
                "State": group["State"],
                "Description": group["Description"],
                "CreationTime": group["CreationTime"],
                "EngineVersion": group["Configuration"]["EngineVersion"],
            }
            for _, group in sorted(groups.items())
        ]
        return page(shown, call.params, 50, "WorkGroups")

    def update_work_group(self, call: Call) -> dict[str, Any]:
        """UpdateWorkGroup, whose ConfigurationUpdates have a shape of their own."""
        name = str(call.params.get("WorkGroup") or "")
        group = self.need(call.region, name)
        updates = dict(call.params.get("ConfigurationUpdates") or {})
        configuration = dict(group["Configuration"])
        results = dict(configuration.get("ResultConfiguration") or {})
        for key, value in (updates.pop("ResultConfigurationUpdates", None) or {}).items():
            if not key.startswith("Remove"):
                results[key] = value
            elif value:
                results.pop(key.removeprefix("Remove"), None)
        configuration["ResultConfiguration"] = results
        if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
            configuration.pop("BytesScannedCutoffPerQuery", None)
        configuration.update({key: value for key, value in updates.items() if not key.startswith("Remove")})
        _checked(configuration)
        changed = {
            **group,
            "Configuration": configuration,
            "State": str(call.params.get("State") or group["State"]),
            "Description": str(call.params.get("Description") or group["Description"]),
        }
        self._documents.put(call.region, "workgroup", name, changed)
        return {}

    def delete_work_group(self, call: Call) -> dict[str, Any]:
        """DeleteWorkGroup; with RecursiveDeleteOption also when there is something in it."""
        name = str(call.params.get("WorkGroup") or "")
        if name == "primary":
            raise invalid("The primary workgroup cannot be deleted")
        self.need(call.region, name)
        inside = self._named.inside(call.region, name) + self.prepared.inside(call.region, name)
        history = self._executions.identifiers(call.region, name, "", 1)
        if (inside or history) and not call.params.get("RecursiveDeleteOption"):
            raise invalid(f"WorkGroup {name} is not empty")
        for kind, key in inside:
            self._documents.delete(call.region, kind, key)
        self._executions.forget(call.region, name)
        self._documents.delete(call.region, "workgroup", name)
        self._documents.delete(call.region, "tags", f"workgroup/{name}")
        return {}

    def _tagged(self, call: Call) -> tuple[str, dict[str, str]]:
        arn = str(call.params.get("ResourceARN") or "")
        resource = arn.split(":", 5)[-1]
        kind, _, name = resource.partition("/")
        if kind == "workgroup":
            self.need(call.region, name)
        elif kind != "datacatalog":
            raise AwsError("ResourceNotFoundException", f"Resource {arn} is not found", ResourceName=arn)
        return resource, self._documents.get(call.region, "tags", resource) or {}

    def tag_resource(self, call: Call) -> dict[str, Any]:
        """TagResource."""
        resource, tags = self._tagged(call)
        self._documents.put(call.region, "tags", resource, {**tags, **_tags(call)})
        return {}

    def untag_resource(self, call: Call) -> dict[str, Any]:
        """UntagResource."""
        resource, tags = self._tagged(call)
        gone = set(call.params.get("TagKeys") or ())
        self._documents.put(call.region, "tags", resource, {key: v for key, v in tags.items() if key not in gone})
        return {}

    def list_tags_for_resource(self, call: Call) -> dict[str, Any]:
        """ListTagsForResource."""
        _, tags = self._tagged(call)
        return page([{"Key": key, "Value": value} for key, value in sorted(tags.items())], call.params, 75, "Tags")

    def list_engine_versions(self, call: Call) -> dict[str, Any]:
        """ListEngineVersions: the one that there is."""
        names = ("AUTO", "Athena engine version 3")
        shown = [{"SelectedEngineVersion": name, "EffectiveEngineVersion": names[1]} for name in names]
        return page(shown, call.params, 10, "EngineVersions")


def _primary() -> dict[str, Any]:
    """The workgroup that every account has."""
    configuration: dict[str, Any] = {
        "ResultConfiguration": {},
        "EnforceWorkGroupConfiguration": False,
        "EnableMinimumEncryptionConfiguration": False,
        "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False,
    }
    _checked(configuration)
    return {
        "Name": "primary",
        "State": "ENABLED",
        "Configuration": configuration,
        "Description": "",
        "CreationTime": 0.0,
    }


def _checked(configuration: dict[str, Any]) -> None:
    """Fill in the engine version and refuse what Athena refuses."""
    chosen = str((configuration.get("EngineVersion") or {}).get("SelectedEngineVersion") or "AUTO")
    if chosen not in {"AUTO", "Athena engine version 3"}:
        raise invalid(f"{chosen} is not a valid engine version")
    version = {"SelectedEngineVersion": chosen, "EffectiveEngineVersion": "Athena engine version 3"}
    configuration["EngineVersion"] = version
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and int(cutoff) < _MINIMUM_CUTOFF:
        raise invalid(f"BytesScannedCutoffPerQuery must be at least {_MINIMUM_CUTOFF}")
    location = str((configuration.get("ResultConfiguration") or {}).get("OutputLocation") or "")
    if location and not location.startswith("s3://"):
        raise invalid("outputLocation is not a valid S3 path.")


def _tags(call: Call) -> dict[str, str]:
    """The tags of a call, by key. The service model lets both parts of one be absent, the service does not."""
    given = call.params.get("Tags") or ()
    if any(tag.get("Key") is None for tag in given):
        raise invalid("Tag key cannot be null")
    return {str(tag["Key"]): str(tag.get("Value") or "") for tag in given}
