"""The files of the page, which are in the package and read when first asked for."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from salespipe.view.palette import DARK, FOLLOWING, LIGHT, declared

_SCRIPT: Final = "text/javascript; charset=utf-8"
_STYLE: Final = "text/css; charset=utf-8"
_KINDS: Final = {"html": "text/html; charset=utf-8", "css": _STYLE, "js": _SCRIPT, "svg": "image/svg+xml"}
# What the visitor chose comes before what the system is.
_PALETTE: Final = (
    f'{FOLLOWING}:root[data-theme="light"]{{{declared(LIGHT)}}}\n:root[data-theme="dark"]{{{declared(DARK)}}}\n'
)


@cache
def content(path: str) -> tuple[str, bytes] | None:
    """The media type and the content of a path of the page; None where there is none such."""
    if path == "/palette.css":
        return _STYLE, _PALETTE.encode()
    name = "page.html" if path == "/" else path.removeprefix("/")
    # Only what lies in the folder itself is ever named, so that no path leads out of it.
    found = next((each for each in (files(__package__) / "assets").iterdir() if each.name == name), None)
    kind = _KINDS.get(name.rpartition(".")[2])
    return None if found is None or kind is None else (kind, found.read_bytes())
