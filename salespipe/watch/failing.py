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
    if code in _CREDENTIALS:
        return SalespipeError(
            code,
            f"AWS does not take your credentials any more: {message}",
            hint="aws sso login, or whatever renews them: they are looked for again.",
        )
    if code in _DENIED:
        return SalespipeError(code, f"You may not read the stream: {message}", hint="salespipe doctor")
    if is_not_found(error):
        return SalespipeError(
            "NotDeployed",
            f"There is no stream to read: {message}",
            hint="salespipe up",
            exit_code=Exit.NOT_DEPLOYED,
        )
    if code:
        return SalespipeError(code, message, hint="salespipe status shows what is there.")
    return SalespipeError(type(error).__name__, f"AWS cannot be reached: {error}", hint="salespipe status")
