"""The colours of what a browser shows, light and dark, for all pages alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIGHT: Final = {
    "back": "#fff",
    "page": "#f5f6f8",
    "ink": "#1b1f24",
    "soft": "#59636e",
    "line": "#d5dae0",
    "mark": "#1a6fb5",
    "second": "#b5541a",
    "heat": "26,111,181",
}
DARK: Final = {
    "back": "#171b21",
    "page": "#0e1116",
    "ink": "#e6e9ed",
    "soft": "#9aa5b1",
    "line": "#333b45",
    "mark": "#5fb0f5",
    "second": "#f0a06a",
    "heat": "95,176,245",
}


def declared(colours: Mapping[str, str]) -> str:
    """The colours as custom properties of CSS: ``--back:#fff;--page:#f5f6f8``."""
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


FOLLOWING: Final = f":root{{{declared(LIGHT)}}}\n@media (prefers-color-scheme:dark){{:root{{{declared(DARK)}}}}}\n"
"""CSS: light or dark, as the reader's system is."""
