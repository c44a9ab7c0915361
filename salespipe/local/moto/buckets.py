"""S3: what moto leaves out of CreateBucket."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

from salespipe.local.api import Answer, Call, Cloud, Handler


class Buckets:
    """The service "s3": gives a new bucket the tags that came with its creation, which moto overlooks."""

    name = "s3"
    handlers: Mapping[str, Handler] = {}

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the request says it all
        """Tag a bucket that was just made."""
        if call.operation == "CreateBucket" and (tags := _tags(call.body)):
            client = self._cloud.client("s3", call.region)
            client.put_bucket_tagging(Bucket=call.params["Bucket"], Tagging={"TagSet": tags})

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""


def _tags(body: bytes) -> list[dict[str, str]]:
    """The tags in a CreateBucketConfiguration (``Tags/Tag/Key`` and ``Value``)."""
    if not body:
        return []
    root = ElementTree.fromstring(body)  # noqa: S314 - only this user sends it, and moto took it
    return [
        {child.tag.rpartition("}")[2]: child.text or "" for child in tag} for tag in root.iterfind("{*}Tags/{*}Tag")
    ]
