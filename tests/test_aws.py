"""Where clients point, and what is waited out."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.answers import EVENTUAL, delay, is_not_found
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError

CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "athena": ("list_work_groups", {}),
    "dynamodb": ("list_tables", {}),
    "dynamodbstreams": ("list_streams", {}),
    "events": ("list_rules", {}),
    "firehose": ("list_delivery_streams", {}),
    "glue": ("list_crawlers", {}),
    "iam": ("list_roles", {}),
    "kinesis": ("list_streams", {}),
    "lambda": ("list_functions", {}),
    "logs": ("describe_log_groups", {}),
    "pipes": ("list_pipes", {}),
    "s3": ("head_bucket", {"Bucket": "b"}),
    "sqs": ("list_queues", {}),
    "sts": ("get_caller_identity", {}),
}


class Sent(Exception):  # noqa: N818 - it ends a request that got as far as the wire
    pass


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


@pytest.mark.parametrize("service", CALLS)
def test_local_target_reaches_only_the_loopback_endpoint(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the user's environment says: profiles, keys, endpoints of other servers."""
    monkeypatch.setenv("AWS_PROFILE", "there-is-no-such-profile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.com")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client = Aws(Config(), endpoint="http://127.0.0.1:1").client(service)
    sent: list[str] = []

    def stop(request: Any, **_: object) -> None:
        sent.append(request.url)
        assert "AKIAREALKEY" not in str(request.headers)
        raise Sent

    client.meta.events.register("before-send", stop)
    operation, params = CALLS[service]
    with pytest.raises(Sent):
        getattr(client, operation)(**params)
    assert sent
    assert all(url.startswith("http://127.0.0.1:1/") for url in sent)


@pytest.mark.parametrize("endpoint", ["", "https://kinesis.us-east-1.amazonaws.com", "http://10.0.0.1:80"])
def test_local_target_refuses_any_other_endpoint(endpoint: str) -> None:
    with pytest.raises(SalespipeError, match="this machine"):
        Aws(Config(target="local"), endpoint=endpoint).client("s3")


def test_no_credentials_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(SalespipeError, match="credentials") as refused:
        _ = Aws(Config(target="aws")).account
    assert refused.value.hint


def test_delays_are_waited_out_and_then_the_call_succeeds() -> None:
    slept: list[float] = []
    answers: list[Exception | str] = [
        refusal("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
        refusal("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
        "done",
    ]

    def call() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Aws(Config(), sleep=slept.append).eventually("lambda", call) == "done"
    assert len(slept) == 2


def test_a_missing_pass_role_is_never_retried() -> None:
    denied = refusal(
        "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform: iam:PassRole on resource: r"
    )
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        raise denied

    for service in ("lambda", "firehose", "pipes"):
        calls.clear()
        with pytest.raises(ClientError):
            Aws(Config(), sleep=lambda _: None).eventually(service, call)
        assert len(calls) == 1


def test_the_same_words_from_another_service_are_a_fault() -> None:
    error = refusal("InvalidArgumentException", "Firehose is unable to assume role arn:aws:iam::1:role/x")
    assert delay("firehose", error)
    assert not delay("kinesis", error)


def test_every_row_of_the_table_is_in_lower_case() -> None:
    assert all(row.fragment == row.fragment.lower() for row in EVENTUAL)


def test_not_found_in_every_dialect() -> None:
    assert is_not_found(refusal("ResourceNotFoundException", ""))
    assert is_not_found(refusal("InvalidRequestException", "WorkGroup salespipe is not found."))
    assert not is_not_found(refusal("InvalidRequestException", "line 1:8: no such thing"))
    assert not is_not_found(refusal("AccessDenied", ""))
