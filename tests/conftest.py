"""An AWS in this process, by moto, with the few things that AWS does and moto leaves out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.config import Config

Connect = Callable[[Config], Aws]


@pytest.fixture(scope="session")
def clients() -> dict[str, dict[str, Any]]:
    """Clients by region and service, kept from test to test: making them takes longer than most tests."""
    return {}


@pytest.fixture(scope="session")
def gaps() -> _Gaps:
    return _Gaps()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch, clients: dict[str, dict[str, Any]], gaps: _Gaps) -> Iterator[Connect]:
    """Makes an Aws for a configuration; all of one test see the same account, which begins empty."""
    from moto import mock_aws
    from moto.core.botocore_stubber import BotocoreStubber

    answer, one_at_a_time = BotocoreStubber.process_request, threading.RLock()

    def answer_in_turn(stubber: Any, request: Any) -> Any:
        """Within one process moto's stores are not made for several threads."""
        with one_at_a_time:
            return answer(stubber, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", answer_in_turn)
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        gaps.classifiers.clear()

        def connect(config: Config) -> Aws:
            aws = Aws(config)
            if config.region in clients:
                aws._clients = clients[config.region]
            else:
                gaps.fill(aws)
                clients[config.region] = aws._clients
            return aws

        yield connect


@pytest.fixture
def aws(connect: Connect) -> Aws:
    """The default pipeline's account."""
    return connect(Config(target="aws"))


class _Gaps:
    """What moto does not implement, answered before the request is sent, or made good after it was answered."""

    def __init__(self) -> None:
        self.classifiers: dict[str, Any] = {}

    def fill(self, aws: Aws) -> None:
        glue, athena = aws.client("glue").meta.events, aws.client("athena").meta.events
        glue.register("before-call.glue.CreateClassifier", self._put_classifier)
        glue.register("before-call.glue.UpdateClassifier", self._put_classifier)
        glue.register("before-call.glue.GetClassifier", self._get_classifier)
        glue.register("before-call.glue.DeleteClassifier", self._delete_classifier)
        glue.register("before-call.glue.UpdateCrawler", _update_crawler(aws))
        athena.register("before-call.athena.UpdateWorkGroup", _update_work_group(aws))
        aws.client("pipes").meta.events.register("before-call.pipes.CreatePipe", _refuse_second_pipe(aws))
        _tag_on_create(aws.client("kinesis"), "kinesis", "CreateStream", "add_tags_to_stream", _stream_tags)
        _tag_on_create(aws.client("s3"), "s3", "CreateBucket", "put_bucket_tagging", _bucket_tags)

    def _put_classifier(self, params: dict[str, Any], **_: Any) -> Any:
        classifier = json.loads(params["body"])["JsonClassifier"]
        self.classifiers[classifier["Name"]] = classifier
        return _answer({})

    def _get_classifier(self, params: dict[str, Any], **_: Any) -> Any:
        classifier = self.classifiers.get(json.loads(params["body"])["Name"])
        return _answer({"Classifier": {"JsonClassifier": classifier}}) if classifier else _refusal()

    def _delete_classifier(self, params: dict[str, Any], **_: Any) -> Any:
        classifier = self.classifiers.pop(json.loads(params["body"])["Name"], None)
        return _answer({}) if classifier else _refusal()


def _answer(body: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return SimpleNamespace(status_code=200), {**body, "ResponseMetadata": {"HTTPStatusCode": 200}}


def _refusal(code: str = "EntityNotFoundException") -> tuple[Any, dict[str, Any]]:
    error = {"Code": code, "Message": "Refused"}
    return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}


def _refuse_second_pipe(aws: Aws) -> Callable[..., Any]:
    def refuse(params: dict[str, Any], **_: Any) -> Any:
        from moto.pipes.models import pipes_backends

        name = params["url_path"].rpartition("/")[2]
        return _refusal("ConflictException") if name in pipes_backends[aws.account][aws.region].pipes else None

    return refuse


def _update_crawler(aws: Aws) -> Callable[..., Any]:
    def update(params: dict[str, Any], **_: Any) -> Any:
        from moto.glue.models import glue_backends

        body = json.loads(params["body"])
        crawler = glue_backends[aws.account][aws.region].crawlers[body["Name"]]
        crawler.role, crawler.targets, crawler.classifiers = body["Role"], body["Targets"], body["Classifiers"]
        crawler.configuration = body["Configuration"]
        return _answer({})

    return update


def _update_work_group(aws: Aws) -> Callable[..., Any]:
    def update(params: dict[str, Any], **_: Any) -> Any:
        from moto.athena.models import athena_backends

        body = json.loads(params["body"])
        updates = body["ConfigurationUpdates"]
        group = athena_backends[aws.account][aws.region].work_groups[body["WorkGroup"]]
        results = updates.pop("ResultConfigurationUpdates")
        group.state = body["State"]
        group.configuration |= updates | {"ResultConfiguration": group.configuration["ResultConfiguration"] | results}
        return _answer({})

    return update


def _tag_on_create(
    client: Any, service: str, operation: str, tag: str, arguments: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """AWS takes tags with the call that creates; moto drops them for these, so they are put in the same breath."""

    def remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["created"] = dict(params)

    def put(http_response: Any, context: dict[str, Any], **_: Any) -> None:
        if http_response.status_code == 200:
            getattr(client, tag)(**arguments(context["created"]))

    client.meta.events.register(f"before-parameter-build.{service}.{operation}", remember)
    client.meta.events.register(f"after-call.{service}.{operation}", put)


def _stream_tags(params: dict[str, Any]) -> dict[str, Any]:
    return {"StreamName": params["StreamName"], "Tags": params["Tags"]}


def _bucket_tags(params: dict[str, Any]) -> dict[str, Any]:
    return {"Bucket": params["Bucket"], "Tagging": {"TagSet": params["CreateBucketConfiguration"]["Tags"]}}
