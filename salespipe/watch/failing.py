"""Why the stream cannot be read just now, in the words of an error of ours."""

from __future__ import annotations

from typing import Final

from salespipe.aws import error_code, error_message, is_not_found
from salespipe.errors import Exit, SalespipeError

# Credentials that were good and are no more, or never were: each service has a word of its own ("Common errors" in the
# API references).
_CREDENTIALS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})


def told(error: Exception) -> SalespipeError:
    """Any failure, with what mends it. All of them are tried again by themselves."""
    if isinstance(error, SalespipeError):
        return error
    code, message = error_code(error), error_message(error)
    exit_code = Exit.FAILED
    match code:
        case _ if code in _CREDENTIALS:
            message = f"AWS does not take your credentials any more: {message}"
            hint = "aws sso login, or whatever renews them: they are looked for again."
        case _ if code in _DENIED:
            message, hint = f"You may not read the stream: {message}", "salespipe doctor"
        case _ if is_not_found(error):
            code, exit_code = "NotDeployed", Exit.NOT_DEPLOYED
            message, hint = f"There is no stream to read: {message}", "salespipe up"
        case "":
            return _unforeseen(error)
        case _:
            hint = "salespipe status shows what is there."
    return SalespipeError(code, message, hint=hint, exit_code=exit_code)


def _unforeseen(error: Exception) -> SalespipeError:
    from botocore.exceptions import BotoCoreError

    kind = type(error).__name__
    if isinstance(error, BotoCoreError | OSError):
        return SalespipeError(kind, f"AWS cannot be reached: {error}", hint="salespipe doctor")
    return SalespipeError(kind, f"What came cannot be shown: {kind}: {error}")
