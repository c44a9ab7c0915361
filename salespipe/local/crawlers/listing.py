"""The objects of a crawl: listed, without what a crawler skips, in the folders that they lie in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object: its key and its size in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """An S3 URI's bucket and its prefix, which is empty or ends with a slash (a single object's key does not)."""

    bucket: str
    prefix: str

    @property
    def uri(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass
class Folder:
    """A folder that holds objects itself; ``path`` are its names below the bucket."""

    path: tuple[str, ...]
    objects: list[S3Object] = field(default_factory=list)


def place_of(uri: str) -> Place:
    """The bucket and prefix of ``s3://bucket/prefix``. Raises ``ValueError`` for anything else."""
    found = re.fullmatch(r"s3[an]?://([^/]+)/?(.*)", uri)
    if found is None:
        raise ValueError(f"Not an S3 path: {uri}")
    return Place(found[1], found[2])


def list_objects(s3: Any, place: Place) -> Iterator[S3Object]:
    """Every object that is the place itself or lies below it as a folder, in the order of keys."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for page in pages:
        for found in page.get("Contents", ()):
            rest = found["Key"][len(place.prefix) :]
            if not rest or rest.startswith("/") or not place.prefix or place.prefix.endswith("/"):
                yield S3Object(found["Key"], found["Size"])


def folders_of(objects: Iterator[S3Object], place: Place, exclusions: list[str]) -> list[Folder]:
    """The folders of the objects that count, sorted by path.

    Empty objects, and those whose name or folder below the include path begins with ``_`` or a dot, do not count
    (Hive's and Athena's rule); ``exclusions`` are globs relative to the include path.
    """
    refused = [_glob(pattern) for pattern in exclusions]
    base = place.prefix.rstrip("/") + "/" if place.prefix else ""
    folders: dict[tuple[str, ...], Folder] = {}
    for found in objects:
        below = found.key.removeprefix(base) if found.key.startswith(base) else found.key.rpartition("/")[2]
        if not found.size or any(name.startswith(("_", ".")) for name in below.split("/")):
            continue
        if any(pattern.fullmatch(below) for pattern in refused):
            continue
        path = tuple(found.key.split("/")[:-1])
        folders.setdefault(path, Folder(path)).objects.append(found)
    return [folders[path] for path in sorted(folders)]


def _glob(pattern: str) -> re.Pattern[str]:
    """A Glue exclude pattern as an expression: ``*`` and ``?`` stay within a folder, ``**`` does not."""
    expression, position, depth = "", 0, 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            if pattern.startswith("*", position):
                position += 1
                expression += ".*"
            else:
                expression += "[^/]*"
        elif character == "?":
            expression += "[^/]"
        elif character == "\\" and position < len(pattern):
            expression += re.escape(pattern[position])
            position += 1
        elif character == "[" and (end := pattern.find("]", position + 1)) > 0:
            inside = pattern[position:end].replace("\\", "\\\\")
            expression += f"[{'^' + inside[1:] if inside[0] in '!^' else inside}]"
            position = end + 1
        elif character == "{":
            expression, depth = expression + "(?:", depth + 1
        elif character == "}" and depth:
            expression, depth = expression + ")", depth - 1
        elif character == "," and depth:
            expression += "|"
        else:
            expression += re.escape(character)
    return re.compile(expression + ")" * depth, re.DOTALL)
