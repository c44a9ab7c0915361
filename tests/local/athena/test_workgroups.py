from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from salespipe.local.api import AwsError
from salespipe.local.athena import Athena

if TYPE_CHECKING:
    from conftest import World


def create(world: World, **configuration: Any) -> None:
    world.call(
        "CreateWorkGroup",
        Name="team",
        Configuration={"ResultConfiguration": {"OutputLocation": "s3://lake/team/"}, **configuration},
        Tags=[{"Key": "owner", "Value": "me"}],
    )


def refused(world: World, operation: str, **params: Any) -> str:
    with pytest.raises(AwsError) as caught:
        world.call(operation, **params)
    assert caught.value.code == "InvalidRequestException"
    return caught.value.message


def test_an_enforced_location_is_used_whatever_the_caller_says(world: World) -> None:
    create(world)
    told = world.run("SELECT 1", WorkGroup="team")
    assert told["ResultConfiguration"]["OutputLocation"].startswith("s3://lake/team/")
    update = {"EnforceWorkGroupConfiguration": False}
    world.call("UpdateWorkGroup", WorkGroup="team", ConfigurationUpdates=update)
    told = world.run("SELECT 1", WorkGroup="team")
    assert told["ResultConfiguration"]["OutputLocation"].startswith("s3://lake/results/")


def test_without_any_location_a_query_is_refused(world: World) -> None:
    message = refused(world, "StartQueryExecution", QueryString="SELECT 1")
    assert message.startswith("No output location provided.")


def test_a_disabled_or_unknown_workgroup_runs_nothing(world: World) -> None:
    create(world)
    world.call("UpdateWorkGroup", WorkGroup="team", State="DISABLED")
    message = refused(world, "StartQueryExecution", QueryString="SELECT 1", WorkGroup="team")
    assert message == "WorkGroup team is disabled."
    message = refused(world, "StartQueryExecution", QueryString="SELECT 1", WorkGroup="nope")
    assert message == "WorkGroup nope is not found."


def test_the_scan_limit_cancels_the_query(world: World) -> None:
    create(world, BytesScannedCutoffPerQuery=10_000_000)
    world.table("t", "a string")
    for part in range(2):
        world.put(f"t/{part}.json", *({"a": "x" * 1_000_000} for _ in range(6)))
    told = world.run("SELECT count(*) FROM t", WorkGroup="team")
    assert told["Status"]["State"] == "CANCELLED"
    assert told["Status"]["StateChangeReason"].startswith("Bytes scanned limit was exceeded")
    assert world.rows("SELECT count(*) FROM t") == [["12"]]
    low = {"BytesScannedCutoffPerQuery": 1}
    assert refused(world, "CreateWorkGroup", Name="other", Configuration=low).endswith("at least 10000000")


def test_workgroups_are_described_updated_listed_and_deleted(world: World) -> None:
    create(world)
    assert refused(world, "CreateWorkGroup", Name="team") == "WorkGroup is already created"
    updates = {"ResultConfigurationUpdates": {"RemoveOutputLocation": True}, "RequesterPaysEnabled": True}
    world.call("UpdateWorkGroup", WorkGroup="team", ConfigurationUpdates=updates, Description="ours")
    world.athena = Athena(world.cloud)  # as after a restart
    group = world.call("GetWorkGroup", WorkGroup="team")["WorkGroup"]
    assert group["Description"] == "ours"
    assert group["Configuration"]["ResultConfiguration"] == {}
    assert group["Configuration"]["RequesterPaysEnabled"] is True
    assert group["Configuration"]["EngineVersion"]["SelectedEngineVersion"] == "AUTO"
    assert [one["Name"] for one in world.call("ListWorkGroups")["WorkGroups"]] == ["primary", "team"]
    arn = "arn:aws:athena:us-east-1:123456789012:workgroup/team"
    world.call("TagResource", ResourceARN=arn, Tags=[{"Key": "env", "Value": "dev"}])
    world.call("UntagResource", ResourceARN=arn, TagKeys=["owner"])
    assert world.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "env", "Value": "dev"}]
    assert refused(world, "TagResource", ResourceARN=arn, Tags=[{"Value": "of nothing"}]) == "Tag key cannot be null"
    world.call("TagResource", ResourceARN=arn, Tags=[{"Key": "env"}])
    assert world.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "env", "Value": ""}]
    query = world.call("CreateNamedQuery", Name="n", Database="shop", QueryString="SELECT 1", WorkGroup="team")
    assert refused(world, "DeleteWorkGroup", WorkGroup="team") == "WorkGroup team is not empty"
    world.call("DeleteWorkGroup", WorkGroup="team", RecursiveDeleteOption=True)
    assert refused(world, "GetWorkGroup", WorkGroup="team") == "WorkGroup team is not found."
    assert "was not found" in refused(world, "GetNamedQuery", NamedQueryId=query["NamedQueryId"])
    assert refused(world, "DeleteWorkGroup", WorkGroup="primary") == "The primary workgroup cannot be deleted"


def test_named_queries(world: World) -> None:
    params = {"Name": "n", "Database": "shop", "QueryString": "SELECT 1", "ClientRequestToken": "t" * 32}
    identifier = world.call("CreateNamedQuery", **params)["NamedQueryId"]
    assert world.call("CreateNamedQuery", **params)["NamedQueryId"] == identifier
    world.call("UpdateNamedQuery", NamedQueryId=identifier, Name="m", QueryString="SELECT 2")
    found = world.call("BatchGetNamedQuery", NamedQueryIds=[identifier, "nope"])
    assert [(one["Name"], one["QueryString"]) for one in found["NamedQueries"]] == [("m", "SELECT 2")]
    assert found["UnprocessedNamedQueryIds"][0]["NamedQueryId"] == "nope"
    assert world.call("ListNamedQueries")["NamedQueryIds"] == [identifier]
    world.call("DeleteNamedQuery", NamedQueryId=identifier)
    assert world.call("ListNamedQueries")["NamedQueryIds"] == []


def test_athenas_view_of_the_catalog(world: World) -> None:
    world.table("t", "a int", keys="dt string")
    catalog = {"CatalogName": "AwsDataCatalog"}
    names = [one["Name"] for one in world.call("ListDatabases", **catalog)["DatabaseList"]]
    assert names == ["default", "shop"]
    assert world.call("GetDatabase", DatabaseName="shop", **catalog)["Database"]["Name"] == "shop"
    table = world.call("GetTableMetadata", DatabaseName="shop", TableName="t", **catalog)["TableMetadata"]
    assert table["Columns"] == [{"Name": "a", "Type": "int"}]
    assert table["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    listed = world.call("ListTableMetadata", DatabaseName="shop", Expression="t.*", **catalog)["TableMetadataList"]
    assert [one["Name"] for one in listed] == ["t"]
    with pytest.raises(AwsError, match="EntityNotFoundException") as caught:
        world.call("GetTableMetadata", DatabaseName="shop", TableName="nope", **catalog)
    assert caught.value.code == "MetadataException"
