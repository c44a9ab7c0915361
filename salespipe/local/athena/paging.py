"""Lists a page at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from salespipe.local.api import AwsError


def page(found: Sequence[Any], params: Mapping[str, Any], default: int, key: str) -> dict[str, Any]:
    """``{key: items, "NextToken": ...}`` of what the call's MaxResults and NextToken ask for."""
    start = _place(str(params.get("NextToken") or ""))
    end = start + int(params.get("MaxResults") or default)
    answer: dict[str, Any] = {key: list(found[start:end])}
    if end < len(found):
        answer["NextToken"] = base64.urlsafe_b64encode(f"item:{end}".encode()).decode()
    return answer


def _place(token: str) -> int:
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "item":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise AwsError("InvalidRequestException", "Invalid NextToken")
