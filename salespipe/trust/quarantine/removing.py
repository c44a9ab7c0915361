"""Changing error objects: each is replaced in one request, so that it is as it was or as it should be.

Firehose writes an object once. Should two replays change the same one, what the first took out may be back, which is
delivered again; neither can take out what it has not seen delivered.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Container
from contextlib import closing
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Final, Self

from salespipe.answers import is_not_found
from salespipe.trust import objects as bucket
from salespipe.trust.quarantine.failures import Failure, failure

if TYPE_CHECKING:
    from salespipe.aws import Aws

_IN_MEMORY: Final = 8 << 20
_CHUNK: Final = 1 << 18
_GZIP: Final = b"\x1f\x8b"

Change = Callable[[Failure, bytes], bytes | None]
"""A failure and its line: the line that is to stand there, or None to leave it out."""


def without(records: Container[str]) -> Change:
    """Leave out the failures of some records."""
    return lambda known, line: None if known.record in records else line


def rewrite(aws: Aws, key: str, change: Change) -> int:
    """Change the failures in an object; how many lines were left out. Lines that are no failures stay.

    Nothing is written where nothing changes; an object without lines is deleted.
    """
    s3, where = aws.client("s3"), {"Bucket": aws.names.bucket, "Key": key}
    try:
        answer = s3.get_object(**where)
    except Exception as error:
        if is_not_found(error):
            return 0
        raise
    with closing(answer["Body"]) as body, tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        chunks = body.iter_chunks(_CHUNK)
        first = next(chunks, b"")
        zipped = first.startswith(_GZIP)
        with gzip.GzipFile(fileobj=file, mode="wb") if zipped else _Plain(file) as written:
            kept, left_out, changed = _copy(bucket.lines(chain([first], chunks)), change, written)
        if not (left_out or changed):
            return 0
        if kept:
            file.seek(0)
            same = {name: answer[name] for name in ("ContentType", "ContentEncoding", "Metadata") if answer.get(name)}
            s3.put_object(**where, Body=file, **same)
        else:
            s3.delete_object(**where)
        return left_out


def _copy(lines: Any, change: Change, to: Any) -> tuple[int, int, bool]:
    """How many lines were kept, how many left out, and whether one was changed."""
    kept = left_out = 0
    changed = False
    for line in lines:
        known = failure(line)
        stays = line if known is None else change(known, line)
        if stays is None:
            left_out += 1
            continue
        kept += 1
        changed = changed or stays is not line
        to.write(stays + b"\n")
    return kept, left_out, changed


class _Plain:
    """A file that is written as it is, and stays open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
