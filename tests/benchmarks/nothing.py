"""A DynamoDB that does nothing, on 127.0.0.1: it acknowledges whatever it is sent, without looking at it.

    python tests/benchmarks/nothing.py        prints its port, and ends when its stdin does

One process of its own, so that its work counts for nobody. An answer has what DynamoDB's has: consumed capacity when it
is asked for, a request id, and the CRC by which clients check it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from salespipe.aws import Aws
from salespipe.config import Config, Table

TABLE = "OrdersRawTable"


def _answer(operation: str, units: int | None) -> bytes:
    said: dict[str, Any] = {}
    capacity = {"TableName": TABLE, "CapacityUnits": float(units or 0)}
    if operation == "BatchWriteItem":
        said = {"UnprocessedItems": {}, "ConsumedCapacity": [capacity]}
    elif operation == "PutItem":
        said = {"ConsumedCapacity": capacity}
    elif operation == "DescribeTable":
        key = [{"AttributeName": "orderid", "KeyType": "HASH"}]
        said = {"Table": {"TableName": TABLE, "TableId": "t", "TableStatus": "ACTIVE", "KeySchema": key}}
    if units is None:
        said.pop("ConsumedCapacity", None)
    body = json.dumps(said, separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nServer: Server\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
        f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\nConnection: keep-alive\r\n"
        "x-amzn-RequestId: 5QGM0BQ7SJBC8EPLEG3LVHT0VRVV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"
        f"x-amz-crc32: {zlib.crc32(body)}\r\n\r\n"
    )
    return head.encode() + body


class Nothing(asyncio.Protocol):
    """One connection."""

    answers: dict[tuple[str, int | None], bytes] = {}  # noqa: RUF012 (shared on purpose)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport: Any = transport
        self.pieces: list[bytes] = []
        self.missing = 0

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.missing -= len(data)
        if self.missing > 0:
            return
        data = b"".join(self.pieces)
        head, found, _ = data.partition(b"\r\n\r\n")
        if not found:
            self.pieces, self.missing = [data], 0
            return
        low = head.lower()
        length = int(low.partition(b"content-length:")[2].partition(b"\r\n")[0])
        self.missing = len(head) + 4 + length - len(data)
        if self.missing > 0:
            if b"expect: 100-continue" in low and len(data) == len(head) + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.pieces = [data]
            return
        self.pieces, self.missing = [], 0
        target = low.partition(b"x-amz-target:")[2].partition(b"\r\n")[0]
        operation = head[low.index(target) :][: len(target)].decode().rpartition(".")[2]
        body = data[len(head) + 4 :]
        units = None
        if b'"ReturnConsumedCapacity"' in body:
            units = body.count(b'"PutRequest"') + body.count(b'"DeleteRequest"') or 1
        key = (operation, units)
        if key not in self.answers:
            self.answers[key] = _answer(*key)
        self.transport.write(self.answers[key])


async def serve() -> None:
    """Serve until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Nothing, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def nothing() -> Iterator[str]:
    """The endpoint of such a server, which ends with the block."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.stdin.close()


def account(endpoint: str, **times: Any) -> Aws:
    """The account in which such a server is."""
    aws = Aws(Config(target="local", table=Table(name=TABLE)), endpoint=endpoint, **times)
    aws._account = "123456789012"
    return aws


if __name__ == "__main__":
    asyncio.run(serve())
