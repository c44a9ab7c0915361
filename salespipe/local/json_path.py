"""The JSON path subset of EventBridge Pipes: ``$.a.b[0].c[*]``."""

from __future__ import annotations

import re
from typing import Any, Final

# Source: the service model's JsonPath pattern of pipes, 2015-10-07; "eb-pipes-event-target" in the user guide.
_PATH: Final = re.compile(r"\$((?:\.[\w/:-]+|\[(?:\d+|\*)\])*)")
_STEP: Final = re.compile(r"\.([\w/:-]+)|\[(\d+|\*)\]")


class _Missing:
    """Stands for a path that leads nowhere, where null is a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


class JsonPath:
    """A parsed path. Raises ``ValueError`` when ``text`` is not of the form ``$.name[index].name``.

    ``*`` in brackets stands for every element of an array; what it finds comes as a list.
    """

    def __init__(self, text: str) -> None:
        if not _PATH.fullmatch(text):
            raise ValueError(f"Invalid JSON path: {text}")
        self.text = text
        self._steps: tuple[str | int | None, ...] = tuple(
            match[1] if match[1] is not None else (None if match[2] == "*" else int(match[2]))
            for match in _STEP.finditer(text)
        )

    def find(self, document: Any) -> Any:
        """The value that the path leads to in decoded JSON, or ``MISSING``."""
        return _walk(document, self._steps)


def _walk(value: Any, steps: tuple[str | int | None, ...]) -> Any:
    for number, step in enumerate(steps):
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return MISSING
            value = value[step]
        elif not isinstance(value, list):
            return MISSING
        elif step is None:
            found = [_walk(element, steps[number + 1 :]) for element in value]
            return [element for element in found if element is not MISSING]
        elif step < len(value):
            value = value[step]
        else:
            return MISSING
    return value
