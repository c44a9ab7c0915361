"""What the account must have room for, and how it is set: quotas, Lake Formation, the bucket's name, the region."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from salespipe.aws import error_code, is_not_found
from salespipe.doctor.model import Check, Verdict

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.names import Names

SERVICES: Final = (
    "athena",
    "dynamodb",
    "events",
    "firehose",
    "glue",
    "kinesis",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "sqs",
)
# Firehose runs up to 5 transforms for each shard at a time (Firehose developer guide, "Quotas"): an on-demand stream
# begins with 4 shards. With hardly any, the transform is throttled and its records end as failures.
COMFORTABLE_CONCURRENCY: Final = 100
LEAST_CONCURRENCY: Final = 5
# EventBridge user guide, "Quotas": pipes for each account and region.
PIPES_A_REGION: Final = 1000
EVERYONE: Final = "IAM_ALLOWED_PRINCIPALS"


def region(aws: Aws, regions_of: Callable[[str], list[str]]) -> Check:
    """Whether every service of the pipeline is known in the region. ``regions_of`` gives a service's regions."""
    missing = [service for service in SERVICES if aws.region not in regions_of(service)]
    fix = "Choose another with --region, or region in salespipe.toml."
    if len(missing) == len(SERVICES):
        return Check("region", Verdict.WARN, f"{aws.region} is unknown to this boto3", fix)
    if missing:
        found = f"{aws.region}: this boto3 knows no {', '.join(missing)} there"
        return Check("region", Verdict.WARN, found, fix)
    return Check("region", Verdict.OK, f"{aws.region} has all that the pipeline needs")


def lambda_concurrency(aws: Aws) -> Check:
    """Whether Lambda may run enough functions at a time."""
    limit = aws.client("lambda").get_account_settings()["AccountLimit"]
    free = limit.get("UnreservedConcurrentExecutions", limit["ConcurrentExecutions"])
    found = f"{free:,} concurrent executions"
    fix = "Ask for more in Service Quotas: Lambda, Concurrent executions (free)."
    if free < LEAST_CONCURRENCY:
        return Check("lambda quota", Verdict.FAIL, f"{found}: the transform would be throttled", fix)
    if free < COMFORTABLE_CONCURRENCY:
        return Check("lambda quota", Verdict.WARN, f"{found}: the transform may be throttled at high rates", fix)
    return Check("lambda quota", Verdict.OK, found)


def kinesis_streams(aws: Aws, names: Names) -> Check:
    """Whether there is room for the stream, unless it exists already."""
    kinesis = aws.client("kinesis")
    limits = kinesis.describe_limits()
    stream = aws.config.stream
    if stream.mode == "ON_DEMAND":
        used, most, needed = limits["OnDemandStreamCount"], limits["OnDemandStreamCountLimit"], 1
        found, quota = f"{used:,} of {most:,} on-demand streams are in use", "On-demand data streams"
    else:
        used, most, needed = limits["OpenShardCount"], limits["ShardLimit"], stream.shards
        found, quota = f"{used:,} of {most:,} shards are in use, {needed} needed", "Shards per Region"
    if used + needed <= most:
        return Check("kinesis quota", Verdict.OK, found)
    try:
        kinesis.describe_stream_summary(StreamName=names.stream)
    except Exception as error:
        if not is_not_found(error):
            raise
        fix = f"Delete a stream that nobody needs, or ask for more in Service Quotas: Kinesis, {quota}."
        return Check("kinesis quota", Verdict.FAIL, f"{found}: there is no room for {names.stream}", fix)
    return Check("kinesis quota", Verdict.OK, f"{found}, {names.stream} among them")


def pipes(aws: Aws, names: Names) -> Check:
    """Whether there is room for the pipe, unless it exists already."""
    pages = aws.client("pipes").get_paginator("list_pipes").paginate()
    there = [pipe["Name"] for page in pages for pipe in page["Pipes"]]
    found = f"{len(there):,} of {PIPES_A_REGION:,} pipes are in use"
    if len(there) < PIPES_A_REGION or names.pipe in there:
        return Check("pipes quota", Verdict.OK, found)
    fix = "Delete a pipe that nobody needs, or ask for more in Service Quotas: EventBridge Pipes."
    return Check("pipes quota", Verdict.FAIL, f"{found}: there is no room for {names.pipe}", fix)


def lake_formation(aws: Aws) -> Check:
    """Whether IAM alone decides about new databases and tables, as it does where Lake Formation was never set up.

    Elsewhere Glue refuses the crawler with "Insufficient Lake Formation permission(s)" (Lake Formation developer
    guide, "Changing the default settings for your data lake").
    """
    settings = aws.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    kinds = {"databases": "CreateDatabaseDefaultPermissions", "tables": "CreateTableDefaultPermissions"}
    closed = [
        kind
        for kind, key in kinds.items()
        if not any(
            grant.get("Principal", {}).get("DataLakePrincipalIdentifier") == EVERYONE for grant in settings.get(key, [])
        )
    ]
    if not closed:
        return Check("lake formation", Verdict.OK, "new databases and tables are under IAM's control alone")
    fix = (
        "Tick 'Use only IAM access control' for new databases and tables in the Lake Formation console, Data Catalog "
        "settings; or grant the crawler's role and yourself the permissions on the database after salespipe up."
    )
    found = f"Lake Formation controls new {' and '.join(closed)}: the crawler and queries may be refused"
    return Check("lake formation", Verdict.WARN, found, fix)


def bucket(aws: Aws, names: Names) -> Check:
    """Whether the bucket's name, which is the only one in the world, is free or ours."""
    try:
        aws.client("s3").head_bucket(Bucket=names.bucket, ExpectedBucketOwner=names.account)
    except Exception as error:
        if is_not_found(error):
            return Check("bucket", Verdict.OK, f"{names.bucket} is free")
        if error_code(error) in {"403", "AccessDenied", "Forbidden"}:
            found = f"{names.bucket} belongs to somebody else, or you may not see it"
            return Check("bucket", Verdict.FAIL, found, "Choose another name for the pipeline: name in salespipe.toml.")
        raise
    return Check("bucket", Verdict.OK, f"{names.bucket} is this account's")
