"""E-mail subscriptions of SNS, which moto 5.2.5 takes for confirmed; AWS asks first, and no mail leaves here.

Touched here, with a test in tests/local/test_alarms.py: the XML in which moto answers Subscribe and lists
subscriptions.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from salespipe.local.api import Answer, Call

# SNS API reference: what Subscribe answers, and what the lists do, until the endpoint's owner has agreed.
_ANSWERED: Final = rb"\g<1>pending confirmation\g<2>"
_LISTED: Final = rb"\g<1>PendingConfirmation\g<2>"
_ARN: Final = re.compile(rb"(<SubscriptionArn>)[^<]*(</SubscriptionArn>)")
_MEMBER: Final = re.compile(rb"<member>.*?</member>", re.DOTALL)
_MAIL: Final = re.compile(rb"<Protocol>email(-json)?</Protocol>")


def unconfirmed(call: Call, answer: Answer) -> Answer:
    """The answer to a call with all e-mail subscriptions pending."""
    if call.service != "sns" or answer.status >= 400:
        return answer
    if call.operation == "Subscribe" and str(call.params.get("Protocol", "")).startswith("email"):
        return _with(answer, answer.body if _returns_arn(call) else _ARN.sub(_ANSWERED, answer.body))
    if call.operation in {"ListSubscriptions", "ListSubscriptionsByTopic"}:
        return _with(answer, _MEMBER.sub(_told, answer.body))
    return answer


def _told(member: re.Match[bytes]) -> bytes:
    text = member[0]
    return _ARN.sub(_LISTED, text) if _MAIL.search(text) else text


def _returns_arn(call: Call) -> bool:
    return str(call.params.get("ReturnSubscriptionArn", "")).lower() == "true"


def _with(answer: Answer, body: bytes) -> Answer:
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return replace(answer, body=body, headers=headers)
