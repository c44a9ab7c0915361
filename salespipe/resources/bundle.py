"""Zips for Lambda from the package's own sources: the same sources give the same bytes, on any machine."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can say
_READABLE: Final = 0o100644 << 16  # a regular file that everybody may read: Lambda runs as another user
_UNIX: Final = 3


def sources(folder: str, *, under: str = "") -> dict[str, bytes]:
    """The files of a folder of the salespipe package, by their path in the zip: ``under`` and the path within it."""
    root = files("salespipe")
    for part in folder.split("/"):
        root = root / part
    return dict(_walk(root, under))


def _walk(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.name == "__pycache__":
            continue
        name = f"{path}/{entry.name}" if path else entry.name
        found += _walk(entry, name) if entry.is_dir() else [(name, entry.read_bytes())]
    return found


def pack(contents: Mapping[str, bytes]) -> bytes:
    """A zip of ``contents``. Stored, not deflated: two builds of zlib need not agree, and the sources are small."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            archive.writestr(entry, contents[name])
    return buffer.getvalue()


def digest(bundle: bytes) -> str:
    """A zip's hash as Lambda reports it in CodeSha256."""
    return base64.b64encode(hashlib.sha256(bundle).digest()).decode()


def transform() -> bytes:
    """The transform function: its folder at the root."""
    return pack(sources("functions/transform"))


def generator() -> bytes:
    """The generator function: its folder at the root, and the business that it generates, ``salespipe.orders``."""
    business = sources("orders", under="salespipe/orders")
    return pack(sources("functions/generator") | business | {"salespipe/__init__.py": b""})
