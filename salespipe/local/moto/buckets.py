"""S3: what moto leaves out of CreateBucket and PutBucketPolicy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from xml.etree import ElementTree

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler, NotMine


class Buckets:
    """The service "s3": gives a new bucket the tags that came with its creation, which moto overlooks.

    It also refuses a bucket policy that is not JSON, which moto would keep and then fail over with every object put.
    """

    name = "s3"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.handlers: Mapping[str, Handler] = {"PutBucketPolicy": _checked_policy}

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the request says it all
        """Tag a bucket that was just made."""
        if call.operation == "CreateBucket" and (tags := _tags(call.body)):
            client = self._cloud.client("s3", call.region)
            client.put_bucket_tagging(Bucket=call.params["Bucket"], Tagging={"TagSet": tags})

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""


def _checked_policy(call: Call) -> Answer:
    try:
        policy = json.loads(call.body)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    raise NotMine


def _tags(body: bytes) -> list[dict[str, str]]:
    """The tags in a CreateBucketConfiguration (``Tags/Tag/Key`` and ``Value``)."""
    if not body:
        return []
    root = ElementTree.fromstring(body)  # noqa: S314 - only this user sends it, and moto took it
    return [
        {child.tag.rpartition("}")[2]: child.text or "" for child in tag} for tag in root.iterfind("{*}Tags/{*}Tag")
    ]
