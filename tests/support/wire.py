"""The wire between botocore and moto: every request passes here, in turn, with what AWS does and moto leaves out."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.awsrequest import AWSResponse
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

_READS = ("Describe", "Get", "List", "Head", "BatchGet")
# As boto3 calls the two services whose ids are others.
_BOTO3 = {"eventbridge": "events", "cloudwatch-logs": "logs"}


@dataclass(frozen=True)
class Call:
    """One request on the wire, an attempt of botocore's: ``service`` is boto3's name, ``operation`` the API's."""

    service: str
    operation: str
    request: Any
    to_moto: Callable[[], AWSResponse | None]

    @property
    def reads(self) -> bool:
        return self.operation.startswith(_READS)

    @property
    def invocation(self) -> str:
        """What all of botocore's attempts at one call have in common."""
        sent = self.request.headers["amz-sdk-invocation-id"]
        return sent.decode() if isinstance(sent, bytes) else str(sent)

    @cached_property
    def body(self) -> dict[str, Any]:
        """What a JSON request says."""
        sent: dict[str, Any] = json.loads(self.request.body or b"{}")
        return sent

    @property
    def region(self) -> str:
        """As it was signed for."""
        signature = self.request.headers["Authorization"]
        text = signature.decode() if isinstance(signature, bytes) else str(signature)
        return text.partition("Credential=")[2].split("/")[2]


Send = Callable[[Call], AWSResponse]


def answer(call: Call, body: str | bytes, status: int = 200, headers: dict[str, str] | None = None) -> AWSResponse:
    """An answer as it comes from the wire."""
    return AWSResponse(call.request.url, status, headers or {}, MockRawResponse(body))  # type: ignore[arg-type]


def again(call: Call, given: AWSResponse, edit: Callable[[dict[str, Any]], None] = lambda _: None) -> AWSResponse:
    """The same answer once more; ``edit`` may change what a JSON answer says."""
    body = given.content
    if given.status_code < 300 and body[:1] == b"{":
        said = json.loads(body)
        edit(said)
        body = json.dumps(said).encode()
    headers = {name: value for name, value in given.headers.items() if name.lower() != "content-length"}
    return answer(call, body, given.status_code, headers)


def refusal(call: Call, code: str, message: str = "Refused", status: int = 400) -> AWSResponse:
    """An error in the words of the service's protocol."""
    if call.service == "s3":
        return answer(call, f"<Error><Code>{code}</Code><Message>{_xml(message)}</Message></Error>", status)
    if call.service in {"iam", "sns", "sts"}:
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{_xml(message)}</Message></Error>"
        return answer(call, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>", status)
    headers = {"x-amzn-errortype": code, "x-amzn-query-error": f"{code};Sender"}
    return answer(call, json.dumps({"__type": code, "message": message, "Message": message}), status, headers)


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


class Wire:
    """Where requests go. ``weather`` is called with each, and hands it on to ``deliver`` or does not."""

    def __init__(self) -> None:
        self.weather: Send = self.deliver
        self.classifiers: dict[str, Any] = {}
        self._one_at_a_time = threading.RLock()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand where moto's handler of botocore's ``before-send`` event stands."""
        from moto.core import responses

        moto = BotocoreStubber.__call__

        def receive(stubber: BotocoreStubber, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
            if not stubber.enabled:
                return None
            _, service, operation = event_name.split(".")
            call = Call(_BOTO3.get(service, service), operation, request, lambda: moto(stubber, event_name, request))
            return self.weather(call)

        monkeypatch.setattr(BotocoreStubber, "__call__", receive)
        # Looked up anew by moto at every request, which takes a tenth of the time of a test.
        monkeypatch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))

    def deliver(self, call: Call) -> AWSResponse:
        """Have the call done. Within one process moto's stores are not made for several threads."""
        with self._one_at_a_time:
            fill = _GAPS.get((call.service, call.operation))
            given = (fill(self, call) if fill else None) or call.to_moto()
            if given is None:
                raise NotImplementedError(f"moto has no {call.service} {call.operation}")
            complete = _LEFT_OUT.get((call.service, call.operation))
            if complete and given.status_code == 200:
                complete(call)
            return given

    def inventory(self, region: str = "us-east-1") -> Counter[str]:
        """How many of each kind the account has, by moto's stores rather than by any API."""
        from moto import backends

        def store(service: str, where: str = region) -> Any:
            return backends.get_backend(service)[DEFAULT_ACCOUNT_ID][where]  # type: ignore[call-overload]

        found = {
            "iam role": store("iam", "aws").roles,
            "s3 bucket": store("s3", "aws").buckets,
            "dynamodb table": store("dynamodb").tables,
            "kinesis stream": store("kinesis").streams,
            "sqs queue": store("sqs").queues,
            "log group": store("logs").groups,
            "lambda function": list(store("lambda").list_functions()),
            "firehose stream": store("firehose").delivery_streams,
            "eventbridge pipe": store("pipes").pipes,
            "eventbridge rule": store("events").event_buses["default"].rules,
            "glue database": store("glue").databases,
            "glue crawler": store("glue").crawlers,
            "glue classifier": self.classifiers,
            "athena workgroup": [name for name in store("athena").work_groups if name != "primary"],
            "cloudwatch alarms": ["all of them"] if store("cloudwatch").alarms else [],
            "cloudwatch dashboard": store("cloudwatch").dashboards,
            "sns topic": store("sns").topics,
            "athena named queries": {query.workgroup.name for query in store("athena").named_queries.values()},
        }
        return Counter({kind: len(things) for kind, things in found.items() if len(things)})


def _store(service: str, call: Call, where: str = "") -> Any:
    from moto import backends

    return backends.get_backend(service)[DEFAULT_ACCOUNT_ID][where or call.region]  # type: ignore[call-overload]


def _create_classifier(wire: Wire, call: Call) -> AWSResponse:
    classifier = call.body["JsonClassifier"]
    if call.operation == "CreateClassifier" and classifier["Name"] in wire.classifiers:
        return refusal(call, "AlreadyExistsException")
    wire.classifiers[classifier["Name"]] = classifier
    return answer(call, "{}")


def _get_classifier(wire: Wire, call: Call) -> AWSResponse:
    classifier = wire.classifiers.get(call.body["Name"])
    if not classifier:
        return refusal(call, "EntityNotFoundException")
    return answer(call, json.dumps({"Classifier": {"JsonClassifier": classifier}}))


def _delete_classifier(wire: Wire, call: Call) -> AWSResponse:
    gone = wire.classifiers.pop(call.body["Name"], None)
    return answer(call, "{}") if gone else refusal(call, "EntityNotFoundException")


def _update_crawler(_: Wire, call: Call) -> AWSResponse:
    said, crawler = call.body, _store("glue", call).crawlers[call.body["Name"]]
    crawler.role, crawler.targets, crawler.classifiers = said["Role"], said["Targets"], said["Classifiers"]
    crawler.configuration = said["Configuration"]
    return answer(call, "{}")


def _update_work_group(_: Wire, call: Call) -> AWSResponse:
    updates, group = dict(call.body["ConfigurationUpdates"]), _store("athena", call).work_groups[call.body["WorkGroup"]]
    results = updates.pop("ResultConfigurationUpdates")
    group.state = call.body["State"]
    group.configuration |= updates | {"ResultConfiguration": group.configuration["ResultConfiguration"] | results}
    return answer(call, "{}")


def _named_queries(call: Call) -> dict[str, Any]:
    queries: dict[str, Any] = _store("athena", call).named_queries
    return queries


def _batch_get_named_query(_: Wire, call: Call) -> AWSResponse:
    known = _named_queries(call)
    found = [known[each] for each in call.body["NamedQueryIds"] if each in known]
    told = [
        {
            "NamedQueryId": query.id,
            "Name": query.name,
            "Description": query.description,
            "Database": query.database,
            "QueryString": query.query_string,
            "WorkGroup": query.workgroup.name,
        }
        for query in found
    ]
    return answer(call, json.dumps({"NamedQueries": told, "UnprocessedNamedQueryIds": []}))


def _update_named_query(_: Wire, call: Call) -> AWSResponse:
    said, query = call.body, _named_queries(call)[call.body["NamedQueryId"]]
    query.name, query.description, query.query_string = said["Name"], said["Description"], said["QueryString"]
    return answer(call, "{}")


def _delete_named_query(_: Wire, call: Call) -> AWSResponse:
    if _named_queries(call).pop(call.body["NamedQueryId"], None) is None:
        message = f"NamedQuery {call.body['NamedQueryId']} is not found"
        return refusal(call, "InvalidRequestException", message)
    return answer(call, "{}")


def _list_named_queries(_: Wire, call: Call) -> AWSResponse | None:
    group = call.body["WorkGroup"]
    known = _store("athena", call).work_groups
    return None if group in known else refusal(call, "InvalidRequestException", f"WorkGroup {group} is not found.")


def _create_named_query(_: Wire, call: Call) -> AWSResponse | None:
    """The same ClientRequestToken answers with the same query."""
    queries, token = _named_queries(call), call.body["ClientRequestToken"]
    identifier = next((each.id for each in queries.values() if getattr(each, "token", "") == token), None)
    if identifier is None:
        given = call.to_moto()
        if given is not None and given.status_code == 200:
            queries[json.loads(given.content)["NamedQueryId"]].token = token
        return given
    return answer(call, json.dumps({"NamedQueryId": identifier}))


def _delete_work_group(_: Wire, call: Call) -> None:
    """RecursiveDeleteOption: its named queries go with it."""
    queries, group = _named_queries(call), call.body["WorkGroup"]
    for identifier in [each.id for each in queries.values() if each.workgroup.name == group]:
        del queries[identifier]


def _refuse_second_pipe(_: Wire, call: Call) -> AWSResponse | None:
    name = call.request.url.rpartition("/")[2]
    return refusal(call, "ConflictException", status=409) if name in _store("pipes", call).pipes else None


def _tag_stream(call: Call) -> None:
    _store("kinesis", call).add_tags_to_stream(None, call.body["StreamName"], call.body.get("Tags", {}))


def _tag_bucket(call: Call) -> None:
    bucket = re.sub(r"^https?://|/$", "", call.request.url.partition("?")[0])
    name = bucket.rpartition("/")[2] if "/" in bucket else bucket.partition(".s3.")[0]
    document = ElementTree.fromstring(call.request.body)  # noqa: S314 - what our own client has just written
    space = document.tag.partition("}")[0] + "}" if document.tag.startswith("{") else ""
    tags = {
        tag.findtext(f"{space}Key") or "": tag.findtext(f"{space}Value") or "" for tag in document.iter(f"{space}Tag")
    }
    _store("s3", call, "aws").put_bucket_tagging(name, tags)


# What moto does not implement at all, or does otherwise.
_GAPS: dict[tuple[str, str], Callable[[Wire, Call], AWSResponse | None]] = {
    ("glue", "CreateClassifier"): _create_classifier,
    ("glue", "UpdateClassifier"): _create_classifier,
    ("glue", "GetClassifier"): _get_classifier,
    ("glue", "DeleteClassifier"): _delete_classifier,
    ("glue", "UpdateCrawler"): _update_crawler,
    ("athena", "UpdateWorkGroup"): _update_work_group,
    ("athena", "DeleteWorkGroup"): _delete_work_group,
    ("athena", "BatchGetNamedQuery"): _batch_get_named_query,
    ("athena", "CreateNamedQuery"): _create_named_query,
    ("athena", "DeleteNamedQuery"): _delete_named_query,
    ("athena", "ListNamedQueries"): _list_named_queries,
    ("athena", "UpdateNamedQuery"): _update_named_query,
    ("pipes", "CreatePipe"): _refuse_second_pipe,
}
# AWS takes tags with the call that creates; moto drops them for these, so they are put in the same breath.
_LEFT_OUT: dict[tuple[str, str], Callable[[Call], None]] = {
    ("kinesis", "CreateStream"): _tag_stream,
    ("s3", "CreateBucket"): _tag_bucket,
}
