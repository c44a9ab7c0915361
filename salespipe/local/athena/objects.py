"""S3 objects on this machine's disk: listed and fetched through the S3 API, kept while there is room.

An object never changes under one ETag, so a copy is good as long as the listing shows the same ETag.
"""

from __future__ import annotations

import bz2
import hashlib
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from salespipe.local.athena.errors import QueryError

CAPACITY: Final = 512 * 2**20
_FETCHERS: Final = 4


@dataclass(frozen=True, slots=True)
class S3Object:
    """An object as ListObjectsV2 shows it; ``size`` is the stored (compressed) bytes."""

    bucket: str
    key: str
    etag: str
    size: int

    @property
    def location(self) -> str:
        """``s3://bucket/key``."""
        return f"s3://{self.bucket}/{self.key}"


def split(location: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` address."""
    parsed = urlsplit(location)
    return parsed.netloc, location.partition(parsed.netloc)[2].lstrip("/") if parsed.netloc else ""


def listed(s3: Any, location: str) -> list[S3Object]:
    """The data objects below an ``s3://`` address, in the order of their keys.

    What Hive leaves out is left out: empty objects, folder markers, names that begin with ``_`` or ``.``.
    Raises ``QueryError`` when the bucket does not exist.
    """
    bucket, prefix = split(location)
    found: list[S3Object] = []
    token: dict[str, str] = {}
    while True:
        try:
            answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **token)
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code")) != "NoSuchBucket":
                raise
            told = f"Unable to access location {location}: The specified bucket does not exist"
            raise QueryError("HIVE_FILESYSTEM_ERROR", told) from error
        for one in answer.get("Contents") or ():
            key = str(one["Key"])
            hidden = any(part.startswith(("_", ".")) for part in key[len(prefix) :].split("/"))
            if one["Size"] and not key.endswith("/") and not hidden:
                found.append(S3Object(bucket, key, str(one["ETag"]).strip('"'), int(one["Size"])))
        if not answer.get("NextContinuationToken"):
            return found
        token = {"ContinuationToken": answer["NextContinuationToken"]}


class ObjectCache:
    """Copies of objects in ``folder``, at most ``capacity`` bytes between queries; the least recently used go first."""

    def __init__(self, folder: Path, capacity: int = CAPACITY) -> None:
        self.folder = folder
        self._capacity = capacity
        self._lock = threading.Lock()
        self._held: dict[Path, int] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fetch(self, s3: Any, objects: Iterable[S3Object]) -> list[Path]:
        """Local copies, in order, held until ``release``; Hadoop's codecs that DuckDB lacks are unpacked."""
        wanted = list(objects)
        paths = [self._path(one) for one in wanted]
        with self._lock:
            for path in paths:
                self._held[path] = self._held.get(path, 0) + 1
        try:
            missing = [(one, path) for one, path in zip(wanted, paths, strict=True) if not _present(path)]
            if missing:
                with ThreadPoolExecutor(_FETCHERS) as pool:
                    list(pool.map(lambda pair: self._load(s3, *pair), missing))
        except BaseException:
            self.release(paths)
            raise
        return paths

    def derived(self, path: Path, name: str) -> Path:
        """Where a rewritten form of a copy is kept, in the same folder under the same rules."""
        return path.with_name(f"{path.name.partition('.')[0]}.{name}")

    def release(self, paths: Iterable[Path]) -> None:
        """The query is done with these copies."""
        with self._lock:
            for path in paths:
                self._held[path] -= 1
                if not self._held[path]:
                    del self._held[path]
            self._evict()

    def _path(self, one: S3Object) -> Path:
        name = hashlib.sha256(f"{one.location}\n{one.etag}".encode()).hexdigest()[:40]
        ending = {".gz": ".gz", ".zst": ".zst"}.get(Path(one.key).suffix.lower(), "")
        return self.folder / f"{name}.data{ending}"

    def _load(self, s3: Any, one: S3Object, path: Path) -> None:
        try:
            body = s3.get_object(Bucket=one.bucket, Key=one.key)["Body"].read()
        except ClientError as error:
            told = f"Error opening Hive split {one.location} (offset=0, length={one.size}): {error}"
            raise QueryError("HIVE_CANNOT_OPEN_SPLIT", told) from error
        if one.key.lower().endswith(".bz2"):
            body = bz2.decompress(body)
        partial = path.with_suffix(f".{threading.get_ident()}.part")
        partial.write_bytes(body)
        partial.replace(path)

    def _evict(self) -> None:
        files = []
        for entry in os.scandir(self.folder):
            told = entry.stat()
            files.append((told.st_mtime, told.st_size, Path(entry.path)))
        total = sum(size for _, size, _ in files)
        stems = {path.name.partition(".")[0] for path in self._held}
        for _, size, path in sorted(files):
            if total <= self._capacity:
                return
            if path.name.partition(".")[0] not in stems:
                path.unlink(missing_ok=True)
                total -= size


def _present(path: Path) -> bool:
    """Whether the copy is there; asking makes it the most recently used."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
