"""Reading what lies in the bucket: objects listed, and their lines, one after the other, in little memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.aws import is_not_found
from salespipe.flow.lake import plain

if TYPE_CHECKING:
    from salespipe.aws import Aws

_AHEAD: Final = 8
_AT_ONCE: Final = 8 << 20
_CHUNK: Final = 1 << 18

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Object:
    """An object as S3 lists it; ``modified`` is Unix time."""

    key: str
    size: int
    modified: float


def listing(aws: Aws, prefix: str, progress: Progress = lambda _: None, *, after: str = "") -> list[Object]:
    """The objects below a prefix, in the order of their names, those behind ``after``. Raises ``ClientError``."""
    found: list[Object] = []
    start = {"StartAfter": after} if after else {}
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=aws.names.bucket, Prefix=prefix, **start)
    for page in pages:
        found += [
            Object(each["Key"], each["Size"], each["LastModified"].timestamp()) for each in page.get("Contents", ())
        ]
        progress(f"{len(found):,} objects listed")
    return found


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of an object, compressed or not; an empty one is none. Raises ``zlib.error``."""
    rest = b""
    for chunk in plain(chunks):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from filter(None, whole)
    if rest:
        yield rest


def bodies(aws: Aws, objects: list[Object]) -> Iterator[Iterator[bytes]]:
    """The bodies of objects, in their order; a few small ones are fetched ahead."""
    with ThreadPoolExecutor(_AHEAD) as pool:
        coming: deque[Future[list[bytes]] | None] = deque()
        ahead = 0
        for each in objects:
            while ahead < len(objects) and len(coming) < _AHEAD:
                small = objects[ahead].size <= _AT_ONCE
                coming.append(pool.submit(lambda key: list(body(aws, key)), objects[ahead].key) if small else None)
                ahead += 1
            future = coming.popleft()
            yield iter(future.result()) if future else body(aws, each.key)


def body(aws: Aws, key: str) -> Iterator[bytes]:
    """The bytes of an object; none where it was deleted since it was listed."""
    try:
        stream = aws.client("s3").get_object(Bucket=aws.names.bucket, Key=key)["Body"]
    except Exception as error:
        if is_not_found(error):
            return
        raise
    with closing(stream):
        yield from stream.iter_chunks(_CHUNK)
