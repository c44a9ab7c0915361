"""The HTTP front, spoken to in bytes: shapes of requests, foreign hosts, and what is no HTTP at all."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Here

SIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=0"


@contextlib.contextmanager
def connected(here: Here) -> Iterator[Wire]:
    wire = Wire(here)
    try:
        yield wire
    finally:
        wire.file.close()
        wire.socket.close()


class Wire:
    """One connection, spoken to in bytes."""

    def __init__(self, here: Here) -> None:
        self.port = int(here.endpoint.rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> None:
        head = [line, f"Host: {host or f'127.0.0.1:{self.port}'}", SIGNED, *headers]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def receive(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head_only else int(headers.get("content-length", "0"))
        return status, headers, self.file.read(length)

    def ask(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        self.send(line, *headers, host=host, body=body)
        return self.receive(head_only=line.startswith("HEAD"))


def test_buckets_may_be_in_the_host_name(aws_here: Here) -> None:
    aws_here.client("s3").create_bucket(Bucket="virtual")
    with connected(aws_here) as wire:
        host = f"virtual.localhost:{wire.port}"
        assert wire.ask("PUT /k HTTP/1.1", "Content-Length: 2", host=host, body=b"hi")[0] == 200
        assert wire.ask("GET /k HTTP/1.1", host=host)[2] == b"hi"


@pytest.mark.parametrize(
    "headers",
    [("Host: evil.example",), ("Host: 127.0.0.1",), ("Host: 127.0.0.1.evil.example:{port}",), ("X: no host",)],
)
def test_another_host_name_is_refused(aws_here: Here, headers: tuple[str, ...]) -> None:
    with connected(aws_here) as wire:
        lines = ["GET / HTTP/1.1", *(header.format(port=wire.port) for header in headers), "", ""]
        wire.socket.sendall("\r\n".join(lines).encode())
        assert wire.receive()[0] == 403


def test_a_page_of_another_origin_is_refused_and_never_permitted(aws_here: Here) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    with connected(aws_here) as wire:
        assert wire.ask("POST / HTTP/1.1", form, "Origin: http://evil.example", "Content-Length: 0")[0] == 403
        assert wire.ask("POST / HTTP/1.1", form, "Origin: null", "Content-Length: 0")[0] == 403
        _, headers, _ = wire.ask("OPTIONS / HTTP/1.1", f"Origin: http://localhost:{wire.port}", "Content-Length: 0")
        assert not [name for name in headers if name.startswith("access-control")]


def test_one_connection_carries_many_requests_of_every_shape(aws_here: Here) -> None:
    aws_here.client("s3").create_bucket(Bucket="shapes")
    with connected(aws_here) as wire:
        wire.send("PUT /shapes/c HTTP/1.1", "Transfer-Encoding: chunked", body=b"5;x=y\r\nhello\r\n")
        wire.socket.sendall(b"6\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
        assert wire.receive()[0] == 200
        wire.send("PUT /shapes/e HTTP/1.1", "Expect: 100-continue", "Content-Length: 3")
        assert wire.receive()[0] == 100
        wire.socket.sendall(b"abc")
        assert wire.receive()[0] == 200
        status, headers, body = wire.ask("HEAD /shapes/c HTTP/1.1")
        assert (status, headers["content-length"], body) == (200, "11", b"")
        assert wire.ask("GET /shapes/c HTTP/1.1")[2] == b"hello world"
        wire.send("GET /shapes/e HTTP/1.1")
        wire.send("GET /shapes/c HTTP/1.1", "Connection: close")
        assert [wire.receive()[2], wire.receive()[2]] == [b"abc", b"hello world"]
        assert wire.file.read() == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnumber\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
    ],
)
def test_what_is_not_http_is_refused_and_the_line_is_cut(aws_here: Here, sent: bytes, status: int) -> None:
    with connected(aws_here) as wire:
        wire.socket.sendall(sent)
        assert wire.receive()[0] == status
        assert wire.file.read() == b""


def test_bad_json_gets_the_error_of_aws(aws_here: Here) -> None:
    with connected(aws_here) as wire:
        headers = ("X-Amz-Target: DynamoDB_20120810.PutItem", "Content-Length: 2")
        status, headers_back, body = wire.ask("POST / HTTP/1.1", *headers, body=b"{,")
        assert (status, headers_back["x-amzn-errortype"]) == (400, "SerializationException")
        assert json.loads(body)["__type"] == "SerializationException"
