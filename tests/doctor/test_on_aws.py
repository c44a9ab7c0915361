"""The checks of an AWS account: a good day, and each thing that can be wrong, with its fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from doctor_answers import IAM_ALONE, NOW, Answer, decisions

from salespipe.aws import Aws
from salespipe.config import Config, Stream
from salespipe.doctor import Check, Verdict, examine
from salespipe.doctor.probes import on_aws
from salespipe.query.standing import Standing

ALL_THERE = Standing(("orders",), (), ())
USABLE = pytest.mark.usefixtures("good_day")


def report_of(aws: Aws, wall: float = NOW) -> dict[str, Check]:
    return {check.name: check for check in examine(on_aws(aws, lambda: wall, lambda: ALL_THERE))}


def checked(aws: Aws, name: str, wall: float = NOW) -> Check:
    (check,) = examine([probe for probe in on_aws(aws, lambda: wall, lambda: ALL_THERE) if probe.name == name])
    return check


@USABLE
def test_a_good_day(aws: Aws) -> None:
    report = report_of(aws)
    assert {check.verdict for check in report.values()} == {Verdict.OK}, report
    assert {check.fix for check in report.values()} == {""}
    assert "user/ada" in report["credentials"].found
    assert aws.account in report["credentials"].found
    assert "is free" in report["bucket"].found


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    report = report_of(Aws(Config(target="aws")))
    assert report["credentials"].verdict is Verdict.FAIL
    assert "aws configure" in report["credentials"].fix
    assert "aws sso login" in report["credentials"].fix
    assert report.pop("region").verdict is Verdict.OK  # needs nobody's permission
    del report["credentials"]
    assert {check.verdict for check in report.values()} == {Verdict.SKIP}


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    report = report_of(Aws(Config(target="aws", profile="nobody")))
    assert "nobody" in report["credentials"].found
    assert "aws configure list-profiles" in report.pop("credentials").fix
    assert {check.verdict for check in report.values()} == {Verdict.SKIP}


@USABLE
def test_an_expired_session(aws: Aws, answer: Answer) -> None:
    answer("sts", "GetCallerIdentity", error="ExpiredToken", message="The security token is expired")
    report = report_of(aws)
    assert report["credentials"].verdict is Verdict.FAIL
    assert "expired" in report["credentials"].found
    assert "aws sso login" in report["credentials"].fix
    assert report["clock"].verdict is Verdict.OK  # the refusal tells the time too
    assert report["bucket"].verdict is Verdict.SKIP


@USABLE
def test_keys_that_aws_does_not_know(aws: Aws, answer: Answer) -> None:
    answer("sts", "GetCallerIdentity", error="InvalidClientTokenId", message="The token is invalid")
    found = checked(aws, "credentials")
    assert "InvalidClientTokenId" in found.found
    assert "aws configure" in found.fix


@USABLE
@pytest.mark.parametrize(
    ("ahead", "verdict"),
    [(0, Verdict.OK), (59, Verdict.OK), (90, Verdict.WARN), (-90, Verdict.WARN), (301, Verdict.FAIL)],
)
def test_the_clock(aws: Aws, ahead: float, verdict: Verdict) -> None:
    found = checked(aws, "clock", NOW + ahead)
    assert found.verdict is verdict
    assert ("timedatectl" in found.fix) is (verdict is not Verdict.OK)


@USABLE
def test_a_clock_so_wrong_that_aws_refuses(aws: Aws, answer: Answer) -> None:
    answer("sts", "GetCallerIdentity", error="SignatureDoesNotMatch", message="Signature expired", at=NOW)
    report = report_of(aws, NOW - 3600)
    assert "the clock is wrong" in report["credentials"].found
    assert report["clock"].verdict is Verdict.FAIL
    assert "3600 s behind AWS" in report["clock"].found


def test_the_date_is_that_of_the_answer(aws: Aws, good_day: None) -> None:
    def late(parsed: dict[str, Any], **_: Any) -> None:
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = "Sun, 22 Nov 2026 11:00:00 GMT"

    events = aws.client("sts").meta.events
    events.register("after-call.sts.GetCallerIdentity", late)
    try:
        assert "3600 s ahead of AWS" in checked(aws, "clock").found
    finally:
        events.unregister("after-call.sts.GetCallerIdentity", late)


@USABLE
def test_not_allowed_to_simulate(aws: Aws, answer: Answer) -> None:
    answer("iam", "SimulatePrincipalPolicy", error="AccessDenied")
    found = checked(aws, "permissions")
    assert found.verdict is Verdict.WARN
    assert "cannot be checked" in found.found
    assert "salespipe plan --policy" in found.fix


def denying(*actions: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda params: decisions(params, lambda action, _: "implicitDeny" if action in actions else "allowed")


@USABLE
def test_what_is_denied_is_named_and_handing_over_roles_first(aws: Aws, answer: Answer) -> None:
    answer("iam", "SimulatePrincipalPolicy", denying("pipes:CreatePipe", "iam:PassRole"))
    found = checked(aws, "permissions")
    assert found.verdict is Verdict.FAIL
    assert found.found.startswith("not allowed: iam:PassRole on arn:aws:iam::")
    assert "2 more" in found.found  # five roles and a pipe, of which four are named
    assert "salespipe plan --policy" in found.fix


@USABLE
def test_conditions_are_fulfilled_in_the_simulation(aws: Aws, answer: Answer) -> None:
    asked: list[dict[str, str]] = []

    def remember(params: dict[str, Any]) -> dict[str, Any]:
        asked.append(params["body"])
        return decisions(params, lambda *_: "allowed")

    answer("iam", "SimulatePrincipalPolicy", remember)
    checked(aws, "permissions")
    passing = [each for each in asked if "iam:PassRole" in each.values()]
    assert {each["ContextEntries.member.1.ContextKeyName"] for each in passing} == {"iam:PassedToService"}
    assert "pipes.amazonaws.com" in {each["ContextEntries.member.1.ContextKeyValues.member.1"] for each in passing}
    assert not [value for each in asked for value in each.values() if "${" in value or value.endswith(":role/*")]


@USABLE
def test_a_session_is_simulated_as_its_role(aws: Aws, answer: Answer) -> None:
    role = f"arn:aws:iam::{aws.account}:role/team/deployer"
    asked: list[str] = []

    def remember(params: dict[str, Any]) -> dict[str, Any]:
        asked.append(params["body"]["PolicySourceArn"])
        return decisions(params, lambda *_: "allowed")

    session = f"arn:aws:sts::{aws.account}:assumed-role/deployer/ada@example.com"
    answer("sts", "GetCallerIdentity", {"Arn": session, "Account": aws.account, "UserId": "A:ada"})
    answer("iam", "GetRole", {"Role": {"Arn": role, "RoleName": "deployer", "Path": "/team/"}})
    answer("iam", "SimulatePrincipalPolicy", remember)
    assert checked(aws, "permissions").verdict is Verdict.OK
    assert set(asked) == {role}


@USABLE
@pytest.mark.parametrize(
    ("arn", "verdict"),
    [
        ("arn:aws:iam::123456789012:root", Verdict.WARN),
        ("arn:aws:sts::123456789012:federated-user/ada", Verdict.SKIP),
    ],
)
def test_who_cannot_be_simulated(aws: Aws, answer: Answer, arn: str, verdict: Verdict) -> None:
    answer("sts", "GetCallerIdentity", {"Arn": arn, "Account": aws.account, "UserId": "A"})
    assert checked(aws, "permissions").verdict is verdict


@USABLE
@pytest.mark.parametrize(("free", "verdict"), [(1000, Verdict.OK), (10, Verdict.WARN), (2, Verdict.FAIL)])
def test_lambda_concurrency(aws: Aws, answer: Answer, free: int, verdict: Verdict) -> None:
    limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": free}
    answer("lambda", "GetAccountSettings", {"AccountLimit": limits})
    found = checked(aws, "lambda quota")
    assert found.verdict is verdict
    assert ("Service Quotas" in found.fix) is (verdict is not Verdict.OK)


def full(**changes: int) -> dict[str, int]:
    room = {"ShardLimit": 500, "OpenShardCount": 0, "OnDemandStreamCount": 10, "OnDemandStreamCountLimit": 50}
    return room | changes


@USABLE
def test_no_room_for_the_stream(aws: Aws, answer: Answer) -> None:
    answer("kinesis", "DescribeLimits", full(OnDemandStreamCount=50))
    found = checked(aws, "kinesis quota")
    assert found.verdict is Verdict.FAIL
    assert "50 of 50" in found.found
    assert "Service Quotas" in found.fix


@USABLE
def test_the_stream_itself_needs_no_more_room(aws: Aws, answer: Answer) -> None:
    aws.client("kinesis").create_stream(
        StreamName=aws.names.stream, StreamModeDetails={"StreamMode": "ON_DEMAND"}, Tags=aws.config.tags
    )
    answer("kinesis", "DescribeLimits", full(OnDemandStreamCount=50))
    assert checked(aws, "kinesis quota").verdict is Verdict.OK


def test_shards_of_a_provisioned_stream(connect: Callable[[Config], Aws], good_day: None, answer: Answer) -> None:
    answer("kinesis", "DescribeLimits", full(OpenShardCount=499))
    shards = Stream(mode="PROVISIONED", shards=2)
    found = checked(connect(Config(target="aws", stream=shards)), "kinesis quota")
    assert found.verdict is Verdict.FAIL
    assert "499 of 500 shards are in use, 2 needed" in found.found


@USABLE
def test_no_room_for_the_pipe(aws: Aws, answer: Answer) -> None:
    answer("pipes", "ListPipes", {"Pipes": [{"Name": f"pipe-{number}"} for number in range(1000)]})
    found = checked(aws, "pipes quota")
    assert found.verdict is Verdict.FAIL
    assert "Service Quotas" in found.fix
    answer("pipes", "ListPipes", {"Pipes": [{"Name": aws.names.pipe}] * 1000})
    assert checked(aws, "pipes quota").verdict is Verdict.OK


@USABLE
def test_lake_formation_decides(aws: Aws, answer: Answer) -> None:
    settings = {"CreateDatabaseDefaultPermissions": IAM_ALONE, "CreateTableDefaultPermissions": []}
    answer("lakeformation", "GetDataLakeSettings", {"DataLakeSettings": settings})
    found = checked(aws, "lake formation")
    assert found.verdict is Verdict.WARN
    assert "controls new tables" in found.found
    assert "Use only IAM access control" in found.fix


@USABLE
def test_a_bucket_of_somebody_else(aws: Aws, answer: Answer) -> None:
    answer("s3", "HeadBucket", error="403")
    found = checked(aws, "bucket")
    assert found.verdict is Verdict.FAIL
    assert "salespipe.toml" in found.fix


@USABLE
def test_a_bucket_of_our_own(aws: Aws) -> None:
    configuration = {"Tags": [{"Key": "a", "Value": "b"}]}
    aws.client("s3").create_bucket(Bucket=aws.names.bucket, CreateBucketConfiguration=configuration)
    assert "this account's" in checked(aws, "bucket").found


@USABLE
def test_a_refusal_is_a_warning_and_hides_nothing(aws: Aws, answer: Answer) -> None:
    answer("pipes", "ListPipes", error="AccessDeniedException", message="not authorized to perform pipes:ListPipes")
    answer("lakeformation", "GetDataLakeSettings", error="UnknownOperationException")
    report = report_of(aws)
    assert report["pipes quota"].verdict is Verdict.WARN
    assert "could not be checked: AccessDeniedException" in report["pipes quota"].found
    assert "salespipe plan --policy" in report["pipes quota"].fix
    assert report["lake formation"].verdict is Verdict.WARN
    assert report["lake formation"].fix == ""
    others = [check.verdict for name, check in report.items() if name not in {"pipes quota", "lake formation"}]
    assert set(others) == {Verdict.OK}


@pytest.mark.parametrize(
    ("region", "told"), [("eu-central-1", "has all"), ("eu-nowhere-1", "is unknown to this boto3")]
)
def test_the_region(connect: Callable[[Config], Aws], region: str, told: str) -> None:
    assert told in checked(connect(Config(target="aws", region=region)), "region").found
