"""The S3 bucket that holds the lake, the failed records and the query results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.aws import error_code, error_message
from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Observation, State
from salespipe.resources.observing import Tolerating, differences, judge, look, made, pairs, unpaired

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# Why an object of a batch was not deleted, and may be at the next attempt.
_PASSING_ERRORS: Final = frozenset({"InternalError", "OperationAborted", "ServiceUnavailable", "SlowDown"})
_BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)


@dataclass(frozen=True, eq=False, kw_only=True)
class Bucket:
    """A private, encrypted bucket of our own account, whose query results expire.

    Every call but CreateBucket names the owner that it expects, so a bucket of the same name in another account is
    never read or written.
    """

    kind: ClassVar[str] = "s3 bucket"
    name: str
    results_prefix: str
    results_days: int
    needs: tuple[Resource, ...] = ()

    @property
    def rules(self) -> list[dict[str, Any]]:
        """The lifecycle rules: results expire, uploads that nobody completed are given up after a day."""
        return [
            {
                "ID": "expire-query-results",
                "Status": "Enabled",
                "Filter": {"Prefix": self.results_prefix},
                "Expiration": {"Days": self.results_days},
            },
            {
                "ID": "abort-incomplete-uploads",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
        ]

    def _mine(self, aws: Aws) -> dict[str, str]:
        return {"Bucket": self.name, "ExpectedBucketOwner": aws.account}

    def describe(self, aws: Aws) -> Observation:
        """GetBucketTagging tells whether it exists and whose it is; then the settings that can drift."""
        s3, mine = aws.client("s3"), self._mine(aws)
        arn = aws.names.bucket_arn
        try:
            answer = look(lambda: s3.get_bucket_tagging(**mine))
        except Exception as error:
            match error_code(error):
                case "NoSuchTagSet":
                    answer = {"TagSet": []}
                # Of its own account S3 says which policy is at fault, and then it is the caller's, not the bucket:
                # docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
                case "AccessDenied" | "403" if "identity-based policy" not in error_message(error):
                    return Observation(State.FOREIGN, arn, "belongs to another account, or its tags may not be read")
                case _:
                    raise
        if answer is None:
            return ABSENT
        tags = unpaired(answer["TagSet"])
        seen = judge(aws, tags, arn=arn)
        if seen.state is State.FOREIGN:
            return seen
        lifecycle = _configured(lambda: s3.get_bucket_lifecycle_configuration(**mine))
        public = _configured(lambda: s3.get_public_access_block(**mine)).get("PublicAccessBlockConfiguration", {})
        there = {rule["ID"]: rule for rule in lifecycle.get("Rules", ())}
        drift = differences(
            {rule["ID"]: rule for rule in self.rules},
            there,
            defaults={"Lifecycle.abort-incomplete-uploads.Filter.Prefix": ""},  # an empty element may be left out
            above="Lifecycle.",
        )
        drift += differences(_BLOCKED, public, above="PublicAccessBlock.")
        return judge(aws, tags, arn=arn, drift=drift)

    def create(self, aws: Aws) -> None:
        """CreateBucket with its tags, then what makes it private, encrypted and tidy.

        Outside us-east-1 the region must be given, inside it must not; there, creating one's own bucket again answers
        200, so only the look beforehand tells whether it is new.
        """
        if self.describe(aws).state is not State.ABSENT:
            return
        where: dict[str, Any] = {} if aws.region == "us-east-1" else {"LocationConstraint": aws.region}
        # Tagged in the same call: a bucket that is interrupted before its tags would be nobody's.
        # docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-create-tag.html
        configuration = where | {"Tags": pairs(aws.config.tags)}
        s3 = aws.client("s3")
        if made(
            lambda: aws.eventually(
                "s3", lambda: s3.create_bucket(Bucket=self.name, CreateBucketConfiguration=configuration)
            ),
            "BucketAlreadyOwnedByYou",
        ):
            self._tag(aws)
            # S3 encrypts so by itself since 2023; whoever reads the bucket's settings should see it said.
            encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
            aws.eventually(
                "s3",
                lambda: s3.put_bucket_encryption(**self._mine(aws), ServerSideEncryptionConfiguration=encryption),
            )
            self._close(aws)
            self._expire(aws)

    def update(self, aws: Aws, seen: Observation) -> None:
        """Put back what makes it private or tidy, or its tags: each of them is put whole."""
        if seen.differs("tags"):
            self._tag(aws)
        if seen.differs("PublicAccessBlock"):
            self._close(aws)
        if seen.differs("Lifecycle"):
            self._expire(aws)

    def _tag(self, aws: Aws) -> None:
        s3, tags = aws.client("s3"), {"TagSet": pairs(aws.config.tags)}
        aws.eventually("s3", lambda: s3.put_bucket_tagging(**self._mine(aws), Tagging=tags))

    def _close(self, aws: Aws) -> None:
        s3, mine = aws.client("s3"), self._mine(aws)
        aws.eventually("s3", lambda: s3.put_public_access_block(**mine, PublicAccessBlockConfiguration=_BLOCKED))

    def _expire(self, aws: Aws) -> None:
        s3, rules = aws.client("s3"), {"Rules": self.rules}
        aws.eventually(
            "s3", lambda: s3.put_bucket_lifecycle_configuration(**self._mine(aws), LifecycleConfiguration=rules)
        )

    def holds(self, aws: Aws) -> int:
        """The bytes of every version of everything in it, unfinished uploads aside. ListObjectVersions."""
        pages = aws.client("s3").get_paginator("list_object_versions").paginate(**self._mine(aws))
        return sum(version["Size"] for page in pages for version in page.get("Versions", ()))

    def delete(self, aws: Aws) -> dict[str, int]:
        """Empty it of every version and upload, then delete it.

        BucketNotEmpty means that somebody wrote meanwhile (Firehose's last flush): it is still there at the next look,
        and asked for again.
        """
        swept = {"object versions": 0, "unfinished uploads": 0}
        with Tolerating("BucketNotEmpty", "OperationAborted"):
            if self._empty(aws, swept):
                aws.client("s3").delete_bucket(**self._mine(aws))
        return swept

    def _empty(self, aws: Aws, swept: dict[str, int]) -> bool:
        """Whether it is empty now. What S3 was too busy to delete is asked for again after the next look."""
        s3, mine, empty = aws.client("s3"), self._mine(aws), True
        for page in s3.get_paginator("list_object_versions").paginate(**mine):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if objects:
                answer = s3.delete_objects(**mine, Delete={"Objects": objects, "Quiet": True})
                errors = answer.get("Errors", [])
                _refuse_errors(self.name, errors)
                empty = empty and not errors
                swept["object versions"] += len(objects) - len(errors)
            aws.sleep(0)  # a page is a good moment to be interrupted
        for page in s3.get_paginator("list_multipart_uploads").paginate(**mine):
            for upload in page.get("Uploads", ()):
                with Tolerating("NoSuchUpload"):
                    s3.abort_multipart_upload(**mine, Key=upload["Key"], UploadId=upload["UploadId"])
                    swept["unfinished uploads"] += 1
        return empty


def _configured(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A bucket's setting, empty where it was never set: S3 has an error code of its own for each of them."""
    unset = ("NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration")
    with Tolerating(*unset):
        return call()
    return {}


def _refuse_errors(bucket: str, errors: list[dict[str, str]]) -> None:
    """DeleteObjects answers 200 and lists what it could not delete."""
    real = [each for each in errors if each.get("Code") not in _PASSING_ERRORS]
    if real:
        first = real[0]
        raise SalespipeError(
            "ObjectsNotDeleted",
            f"{len(real)} objects of bucket {bucket} were not deleted: {first.get('Key')}: {first.get('Message')}",
        )
