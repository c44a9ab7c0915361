"""EventBridge Pipes' input transformation: a template whose ``<$.path>`` and ``<aws.pipes...>`` parts are filled in.

Source: EventBridge user guide, "Amazon EventBridge Pipes input transformation". What a path that leads nowhere becomes
is not documented: here it is an empty string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from salespipe.local.json_path import MISSING, JsonPath

_PLACEHOLDER: Final = re.compile(r"<(\$[^<>\s]*|aws\.pipes\.[^<>\s]*)>")
_RESERVED: Final = frozenset(
    {
        "aws.pipes.pipe-arn",
        "aws.pipes.pipe-name",
        "aws.pipes.source-arn",
        "aws.pipes.enrichment-arn",
        "aws.pipes.target-arn",
        "aws.pipes.event.ingestion-time",
        "aws.pipes.event",
        "aws.pipes.event.json",
    }
)
_MAX_LENGTH: Final = 8192


class InputTemplate:
    """A parsed template. Raises ``ValueError`` when a placeholder is unknown or the result could not be JSON.

    A template that begins with ``{``, ``[`` or a quote makes JSON: a value outside quotes is written as JSON, strings
    with their quotes; inside quotes it is text. Any other template makes plain text.
    """

    def __init__(self, text: str) -> None:
        if len(text) > _MAX_LENGTH:
            raise ValueError(f"The input template is longer than {_MAX_LENGTH} characters.")
        self._is_json = text.lstrip()[:1] in {"{", "[", '"'}
        pieces = _PLACEHOLDER.split(text)
        self._literals = pieces[::2]
        self._variables = [_variable(name) for name in pieces[1::2]]
        self._quoted = _quoted(self._literals)
        if self._is_json:
            self._check()

    def render(self, event: Any, reserved: Mapping[str, str]) -> bytes:
        """The UTF-8 result for a decoded event. ``reserved`` has the ``aws.pipes`` values, without the event itself."""
        parts = [self._literals[0]]
        for variable, quoted, literal in zip(self._variables, self._quoted, self._literals[1:], strict=True):
            parts.append(self._write(_value(variable, event, reserved), quoted=quoted))
            parts.append(literal)
        return "".join(parts).encode()

    def _write(self, value: Any, *, quoted: bool) -> str:
        if not self._is_json:
            return value if isinstance(value, str) else _json(value)
        if not quoted:
            return _json(value)
        return _json(value if isinstance(value, str) else _json(value))[1:-1]

    def _check(self) -> None:
        try:
            msgspec.json.decode(self.render({}, {}))
        except msgspec.DecodeError as error:
            raise ValueError(f"The input template does not make valid JSON: {error}") from None


def _variable(name: str) -> str | JsonPath:
    if name.startswith("$"):
        return JsonPath(name)
    if name not in _RESERVED:
        raise ValueError(f"Unknown reserved variable in the input template: <{name}>")
    return name


def _value(variable: str | JsonPath, event: Any, reserved: Mapping[str, str]) -> Any:
    if isinstance(variable, JsonPath):
        found = variable.find(event)
        return "" if found is MISSING else found
    if variable in {"aws.pipes.event", "aws.pipes.event.json"}:
        return event
    return reserved.get(variable, "")


def _quoted(literals: list[str]) -> list[bool]:
    """For each gap between literals, whether it lies inside a JSON string."""
    inside = False
    gaps: list[bool] = []
    for literal in literals[:-1]:
        quotes = re.sub(r"\\.", "", literal).count('"')
        inside ^= quotes % 2 == 1
        gaps.append(inside)
    return gaps


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
