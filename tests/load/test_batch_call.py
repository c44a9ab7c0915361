"""BatchWriteItem by hand is the client's own call in all that DynamoDB can see."""

import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials
from botocore.exceptions import ChecksumError, ClientError, EndpointConnectionError, HTTPClientError
from hypothesis import given
from hypothesis import strategies as st

from salespipe.aws import Aws
from salespipe.load import batch_call
from salespipe.load.attributes import delete_request, put_request
from salespipe.load.batch_call import BatchWrite, Taken
from salespipe.load.signature import Signature

ITEM = {"orderid": {"S": "o-1"}}
REQUESTS = [b'{"PutRequest":{"Item":{"orderid":{"S":"o-1"}}}}']
Answer = tuple[int, bytes, dict[str, str]]


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Ends:
    """A client whose HTTP session keeps every request and gives the same answer to each."""

    def __init__(self, answer: Answer = (200, b'{"UnprocessedItems":{}}', {}), **options: Any) -> None:
        session = boto3.session.Session(
            aws_access_key_id="AKID", aws_secret_access_key="secret", aws_session_token=options.pop("token", None)
        )
        config = BotoConfig(retries={"total_max_attempts": 1}, **options.pop("config", {}))
        self.client = session.client("dynamodb", **{"region_name": "eu-west-1", "config": config, **options})
        self.client._endpoint.http_session = self
        self.answer = answer
        self.requests: list[Any] = []

    def send(self, request: Any) -> AWSResponse:
        self.requests.append(request)
        status, body, headers = self.answer
        return AWSResponse(request.url, status, headers, Raw(body))

    def seen(self) -> dict[str, str]:
        """The headers of the latest request, those aside that differ from call to call."""
        headers = {name: v.decode() if isinstance(v, bytes) else v for name, v in self.requests[-1].headers.items()}
        told = {"Authorization": re.sub("Signature=.*", "", headers.pop("Authorization", ""))}
        left_out = ("X-Amz-Date", "amz-sdk-invocation-id", "User-Agent", "Content-Length")
        return told | {name: value for name, value in headers.items() if name not in left_out}


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://dynamodb.eu-west-1.amazonaws.com/"),
        ({"token": "a session's token"}, "https://dynamodb.eu-west-1.amazonaws.com/"),
        ({"config": {"use_dualstack_endpoint": True}}, "https://dynamodb.eu-west-1.api.aws/"),
        ({"region_name": "cn-north-1"}, "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9/"),
        ({"endpoint_url": "https://LOCALHOST:443/behind/a%20path"}, "https://LOCALHOST:443/behind/a%20path"),
    ],
)
def test_a_call_looks_like_the_clients_own(options: dict[str, Any], url: str) -> None:
    ends = Ends(**options)
    ends.client.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": ITEM}}]}, ReturnConsumedCapacity="TOTAL")
    own = ends.requests[-1]
    expected = ends.seen()
    BatchWrite(ends.client, "t")(REQUESTS)
    by_hand = ends.requests[-1]
    assert by_hand.url == own.url == url
    assert by_hand.method == own.method
    assert ends.seen() == expected
    assert json.loads(by_hand.body) == json.loads(own.body)
    assert int(by_hand.headers["Content-Length"]) == len(by_hand.body)
    assert by_hand.headers["User-Agent"].startswith("Boto3/")
    assert len(ends.requests) == 2


def signed(body: bytes, url: str, token: str | None, headers: dict[str, str]) -> tuple[Any, dict[str, str]]:
    """The credentials and headers of a call that botocore has signed."""
    request = AWSRequest("POST", url, headers, body)
    credentials = Credentials("AKID", "secret", token).get_frozen_credentials()
    SigV4Auth(credentials, "dynamodb", "eu-west-1").add_auth(request)
    return credentials, dict(request.headers.items())


@given(st.binary(min_size=1), st.none() | st.text("abc/+= ", min_size=1), st.sampled_from(["h", "h:8", "127.0.0.1:80"]))
def test_the_signature_is_botocores(body: bytes, token: str | None, host: str) -> None:
    headers = {"X-Amz-Target": "DynamoDB_20120810.BatchWriteItem", "Content-Type": "application/x-amz-json-1.0"}
    url = f"https://{host}/"
    credentials, first = signed(b"another", url, token, headers)
    signature = Signature.like(credentials, url, first, b"another")
    assert signature
    _, second = signed(body, url, token, headers)
    assert signature.of(body, second["X-Amz-Date"]) == second["Authorization"]


def test_where_the_signature_would_be_another_it_is_not_made() -> None:
    for url in ("https://host/a path/", "https://host/?a=b", "https://HOST/", "https://host:443/"):
        credentials, headers = signed(b"{}", url, None, {"X-Amz-Target": "t"})
        assert Signature.like(credentials, url, headers, b"{}") is None
    assert Signature.like(credentials, "https://host/", {}, b"{}") is None
    assert Signature.like(None, "https://host/", headers, b"{}") is None


def test_each_call_has_the_credentials_of_its_moment() -> None:
    ends = Ends()
    write = BatchWrite(ends.client, "t")
    write(REQUESTS)
    ends.client._request_signer._credentials = Credentials("RENEWED", "another secret", "with a token")
    write(REQUESTS)
    assert "Credential=RENEWED/" in ends.requests[-1].headers["Authorization"]
    assert ends.requests[-1].headers["X-Amz-Security-Token"] == "with a token"


def test_a_client_that_does_not_sign_does_not() -> None:
    from botocore import UNSIGNED

    ends = Ends(config={"signature_version": UNSIGNED})
    BatchWrite(ends.client, "t")(REQUESTS)
    assert "Authorization" not in ends.requests[-1].headers


def test_a_call_is_prepared_anew_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_call, "LASTING", 3)
    ends = Ends()
    made: list[str] = []
    ends.client.meta.events.register(
        "before-call.dynamodb.BatchWriteItem", lambda params, **_: made.append(params["url"])
    )
    write = BatchWrite(ends.client, "t")
    for _ in range(9):
        write(REQUESTS)
    assert (len(made), len(ends.requests)) == (3, 9)


def test_other_batches_through_the_client_are_sent_as_ever() -> None:
    ends = Ends()
    BatchWrite(ends.client, "t")(REQUESTS)
    ends.client.batch_write_item(RequestItems={"other": [{"PutRequest": {"Item": ITEM}}]})
    assert json.loads(ends.requests[-1].body) == {"RequestItems": {"other": [{"PutRequest": {"Item": ITEM}}]}}


def test_what_comes_back_and_what_it_took_is_told() -> None:
    back = [{"PutRequest": {"Item": ITEM}}]
    said = {
        "UnprocessedItems": {"t": back},
        "ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 3.0}],
        "ItemCollectionMetrics": {},
    }
    body = json.dumps(said).encode()
    ends = Ends((200, body, {"x-amz-crc32": str(zlib.crc32(body))}))
    assert BatchWrite(ends.client, "t")(REQUESTS) == Taken(back, 3.0)


def test_a_refusal_is_the_exception_that_the_client_raises() -> None:
    body = b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slowly"}'
    ends = Ends((400, body, {"x-amzn-requestid": "R"}))
    with pytest.raises(ends.client.exceptions.ProvisionedThroughputExceededException, match="slowly") as by_hand:
        BatchWrite(ends.client, "t")(REQUESTS)
    with pytest.raises(ClientError) as own:
        ends.client.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": ITEM}}]})
    assert by_hand.value.response["Error"] == own.value.response["Error"]
    told, expected = (error.value.response["ResponseMetadata"] for error in (by_hand, own))
    assert told == {name: value for name, value in expected.items() if name in told}
    assert by_hand.value.operation_name == own.value.operation_name


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, b'{"UnprocessedItems":{}}', {"x-amz-crc32": "1"}), ChecksumError),
        ((200, b'{"UnprocessedItems":{"t":[{"PutReq', {}), HTTPClientError),
        ((200, b"", {}), HTTPClientError),
        ((200, b"<html>Welcome to the hotel</html>", {}), HTTPClientError),
        ((502, b"<html>Bad gateway</html>", {}), ClientError),
        ((503, b"", {}), ClientError),
    ],
)
def test_what_is_no_answer_of_dynamodbs_is_no_acknowledgement(answer: Answer, error: type[Exception]) -> None:
    ends = Ends(answer)
    with pytest.raises(error):
        BatchWrite(ends.client, "t")(REQUESTS)


def test_nobody_there_is_told_as_botocore_tells_it() -> None:
    client = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="b").client(
        "dynamodb", region_name="eu-west-1", endpoint_url="http://127.0.0.1:9"
    )
    with pytest.raises(EndpointConnectionError):
        BatchWrite(client, "t")(REQUESTS)
    client.close()


def test_moto_takes_the_calls_as_any_of_botocores(aws: Aws) -> None:
    client = aws.client("dynamodb")
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    write: Callable[..., Taken] = BatchWrite(client, "t")
    puts = [put_request({"orderid": f"o-{number}", "name": "Zoë 🛒"}, "orderid") for number in range(25)]
    assert write(puts).unprocessed == ()
    write([delete_request("o-0", "orderid")])
    items = client.scan(TableName="t")["Items"]
    assert {item["orderid"]["S"] for item in items} == {f"o-{number}" for number in range(1, 25)}
    assert items[0]["name"] == {"S": "Zoë 🛒"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        BatchWrite(client, "gone")(REQUESTS)
