"""The JSON paths of Glue's custom JSON classifiers: which parts of a document are rows of the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

# Operators as in "Writing JSON custom classifiers", AWS Glue developer guide.
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]'\",*\s]+)|\.(?P<all>\*)|\[(?P<index>\d+|\*)\]|\['(?P<quoted>[^']+)'\]")


class RowPath:
    """A classifier's ``JsonPath``: one path, or several with commas between, which together make one row.

    Raises ``ValueError`` for text that is not of that form.
    """

    def __init__(self, text: str) -> None:
        self._paths = [_steps(part.strip()) for part in _parts(text)]

    def rows(self, documents: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """The rows in ``documents`` (decoded JSON); what the path does not lead to is left out."""
        for document in documents:
            if len(self._paths) == 1:
                [steps] = self._paths
                for value in _found(document, steps):
                    yield value if isinstance(value, dict) else {_name(steps): value}
                continue
            row = {_name(steps): value for steps in self._paths for value in _found(document, steps)}
            if row:
                yield row


def _parts(text: str) -> list[str]:
    return re.split(r",(?=\s*\$)", text)


def _steps(path: str) -> tuple[str | int | None, ...]:
    if not path.startswith("$"):
        raise ValueError(f"Invalid JSON path: {path}")
    steps: list[str | int | None] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"Invalid JSON path: {path}")
        position = step.end()
        if name := step["name"] or step["quoted"]:
            steps.append(name)
        else:
            steps.append(None if step["all"] or step["index"] == "*" else int(step["index"]))
    return tuple(steps)


def _found(value: Any, steps: tuple[str | int | None, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is None:
        members = value if isinstance(value, list) else value.values() if isinstance(value, dict) and rest else ()
        for member in members:
            yield from _found(member, rest)
    elif isinstance(step, str):
        if isinstance(value, dict) and step in value:
            yield from _found(value[step], rest)
    elif isinstance(value, list) and step < len(value):
        yield from _found(value[step], rest)


def _name(steps: tuple[str | int | None, ...]) -> str:
    """The column that a value under this path becomes."""
    return next((step for step in reversed(steps) if isinstance(step, str)), "array")
