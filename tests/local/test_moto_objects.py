"""S3 through the bridge to moto: bodies in files, metadata in rows, and all of it there after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import moto.s3.models as s3_models
import pytest
from botocore.exceptions import ClientError

from salespipe.local.moto.bridge import ACCOUNT
from salespipe.local.moto.objects import DurableKey, DurableKeyStore

if TYPE_CHECKING:
    from conftest import Bridge


@pytest.fixture
def bucket(bridge: Bridge) -> str:
    bridge.client("s3").create_bucket(Bucket="lake")
    return "lake"


def test_a_body_is_a_file_and_not_in_the_saved_state(bridge: Bridge, bucket: str) -> None:
    s3 = bridge.client("s3")
    small = bridge.size("s3")
    for number in range(20):
        s3.put_object(Bucket=bucket, Key=f"k/{number}", Body=b"%d" % number * 1000)
    assert len(bridge.bodies()) == 20
    assert bridge.size("s3") == small
    (largest,) = bridge.store.read().execute("SELECT max(length(data)) FROM moto_object").fetchone()
    assert largest < 2000
    assert isinstance(s3_models.s3_backends[ACCOUNT]["aws"].buckets[bucket].keys, DurableKeyStore)


def test_objects_survive_with_body_metadata_and_awkward_names(bridge: Bridge, bucket: str) -> None:
    name = "a b/ü+%2F/c.txt"
    bridge.client("s3").put_object(
        Bucket=bucket, Key=name, Body=b"hello", ContentType="text/x", Metadata={"x_y": "1"}, Tagging="k=v"
    )
    before = bridge.client("s3").head_object(Bucket=bucket, Key=name)
    bridge.restart()
    after = bridge.client("s3").get_object(Bucket=bucket, Key=name)
    assert after["Body"].read() == b"hello"
    assert (after["ETag"], after["ContentType"], after["LastModified"]) == (
        before["ETag"],
        "text/x",
        before["LastModified"],
    )
    assert after["Metadata"] == before["Metadata"]
    tags = bridge.client("s3").get_object_tagging(Bucket=bucket, Key=name)["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]
    assert [o["Key"] for o in bridge.client("s3").list_objects_v2(Bucket=bucket)["Contents"]] == [name]


def test_overwriting_and_deleting_remove_the_files(bridge: Bridge, bucket: str) -> None:
    s3 = bridge.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"first")
    s3.put_object(Bucket=bucket, Key="a", Body=b"second")
    s3.put_object(Bucket=bucket, Key="b", Body=b"third")
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "b"})
    assert bridge.bodies() == [b"second", b"third", b"third"]
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}, {"Key": "c"}]})
    assert bridge.bodies() == []
    bridge.restart()
    assert "Contents" not in bridge.client("s3").list_objects_v2(Bucket=bucket)
    bridge.client("s3").delete_bucket(Bucket=bucket)
    bridge.restart()
    assert bridge.client("s3").list_buckets()["Buckets"] == []


def test_versions_keep_their_bodies_when_they_are_listed_and_deleted(bridge: Bridge, bucket: str) -> None:
    s3 = bridge.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="a", Body=b"2")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="a")
    bridge.restart()
    s3 = bridge.client("s3")
    # moto copies every version deeply to list them: the copies must not take the bodies with them.
    listed = s3.list_object_versions(Bucket=bucket)
    assert {version["VersionId"] for version in listed["Versions"]} == {first, second}
    assert len(listed["DeleteMarkers"]) == 1
    assert s3.get_object(Bucket=bucket, Key="a", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="a", VersionId=first)
    assert bridge.bodies() == [b"2"]
    assert s3.get_object(Bucket=bucket, Key="a", VersionId=second)["Body"].read() == b"2"


def test_a_multipart_upload_survives_halfway(bridge: Bridge, bucket: str) -> None:
    large = b"x" * (5 * 2**20)
    upload = bridge.client("s3").create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": bridge.client("s3").upload_part(
                Bucket=bucket, Key="m", UploadId=upload, PartNumber=number, Body=body
            )["ETag"],
        }
        for number, body in ((1, large), (2, b"end"))
    ]
    bridge.restart()
    s3 = bridge.client("s3")
    s3.complete_multipart_upload(Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts})
    bridge.restart()
    assert bridge.client("s3").get_object(Bucket=bucket, Key="m")["Body"].read() == large + b"end"
    assert bridge.bodies() == [large + b"end"]


def test_bodies_that_nothing_mentions_are_swept_at_the_start(bridge: Bridge, bucket: str) -> None:
    bridge.client("s3").put_object(Bucket=bucket, Key="a", Body=b"kept")
    stray = bridge.folder / "objects" / "00" / ("0" * 32)
    stray.parent.mkdir(exist_ok=True, parents=True)
    stray.write_bytes(b"written by a process that was killed before it could say so")
    bridge.restart()
    assert bridge.bodies() == [b"kept"]


def test_a_bucket_that_was_restored_is_owned_again(bridge: Bridge, bucket: str) -> None:
    bridge.restart()
    with pytest.raises(ClientError, match="BucketAlready"):
        bridge.client("s3", "eu-west-1").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )


def test_deleted_objects_are_not_kept_in_memory(bridge: Bridge, bucket: str) -> None:
    s3 = bridge.client("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    assert DurableKey.instances_tracked == []
