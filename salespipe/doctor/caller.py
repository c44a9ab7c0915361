"""Who asks AWS, with which credentials, and whether this machine's clock agrees with AWS's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, error_message
from salespipe.doctor.model import Check, Skipped, Verdict

if TYPE_CHECKING:
    from salespipe.aws import Aws

# AWS refuses a signature whose time is more than 5 minutes off (IAM user guide, "Signature Version 4").
MOST_SKEW_SECONDS: Final = 300
NOTABLE_SKEW_SECONDS: Final = 60

# botocore's names for its credential providers, in words.
_SOURCES: Final = {
    "env": "the environment (AWS_ACCESS_KEY_ID)",
    "shared-credentials-file": "~/.aws/credentials",
    "config-file": "~/.aws/config",
    "assume-role": "a role that the profile assumes",
    "assume-role-with-web-identity": "a web identity",
    "sso": "IAM Identity Center (SSO)",
    "login": "aws login",
    "custom-process": "the profile's credential_process",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
    "explicit": "the program itself",
}
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_SKEWED: Final = frozenset(
    {"RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"}
)
_EXPIRED_LOGINS: Final = frozenset(
    {
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "LoginRefreshRequired",
        "LoginTokenLoadError",
    }
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the credentials belong to."""

    arn: str
    account: str


class Caller:
    """The answer to "who am I?", asked once, by whichever check needs it first. ``wall`` is Unix time, seconds."""

    def __init__(self, aws: Aws, wall: Callable[[], float]) -> None:
        self._aws = aws
        self._wall = wall
        self._lock = threading.Lock()
        self._asked = False
        self._identity: Identity | None = None
        self._error: Exception | None = None
        self._skew: float | None = None

    def identity(self) -> Identity:
        """Who asks. Raises ``Skipped`` when the credentials are not usable: that has a line of its own."""
        self._ask()
        if self._identity is None:
            raise Skipped("not checked: it needs usable credentials")
        return self._identity

    def credentials(self) -> Check:
        """Whether there are credentials that AWS accepts, whose they are and where they are from."""
        self._ask()
        if self._identity is not None:
            source = self._aws.credentials_source
            found = f"{self._identity.arn}, account {self._identity.account}, from {_SOURCES.get(source, source)}"
            return Check("credentials", Verdict.OK, found)
        assert self._error is not None  # noqa: S101 - it is one or the other
        return Check("credentials", Verdict.FAIL, *self._explained(self._error))

    def clock(self) -> Check:
        """Whether this machine's clock agrees with the time at which AWS answered."""
        self._ask()
        if self._skew is None:
            raise Skipped("not checked: nothing answered that could tell the time")
        found = f"{abs(self._skew):.0f} s {'ahead of' if self._skew > 0 else 'behind'} AWS"
        fix = "Set the clock, for instance with timedatectl set-ntp true."
        if abs(self._skew) > MOST_SKEW_SECONDS:
            return Check("clock", Verdict.FAIL, f"{found}: AWS refuses signatures more than 5 minutes off", fix)
        if abs(self._skew) > NOTABLE_SKEW_SECONDS:
            return Check("clock", Verdict.WARN, f"{found}: it refuses signatures more than 5 minutes off", fix)
        return Check("clock", Verdict.OK, "agrees with AWS within a minute")

    def _ask(self) -> None:
        with self._lock:
            if self._asked:
                return
            self._asked = True
            answer: dict[str, Any] = {}
            try:
                answer = self._aws.client("sts").get_caller_identity()
                self._identity = Identity(answer["Arn"], answer["Account"])
            except Exception as error:  # noqa: BLE001 - every way to fail is told in credentials()
                self._error = error
                answer = getattr(error, "response", {})
            date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
            if date:
                self._skew = self._wall() - parsedate_to_datetime(date).timestamp()

    def _explained(self, error: Exception) -> tuple[str, str]:
        """What is wrong with the credentials, and what mends it."""
        config = self._aws.config
        profile = f" --profile {config.profile}" if config.profile else ""
        code, kind = error_code(error), type(error).__name__
        skewed = self._skew is not None and abs(self._skew) > MOST_SKEW_SECONDS
        if code in _SKEWED and skewed:
            return f"AWS refuses the signature ({code}): the clock is wrong", "Set the clock first: see below."
        if code in _EXPIRED or kind in _EXPIRED_LOGINS:
            told = error_message(error) if code else str(error)
            return f"the session has expired: {told}", f"aws sso login{profile}, or fetch new temporary credentials."
        if kind == "ProfileNotFound":
            return str(error), "aws configure list-profiles shows those that exist; choose one with --profile."
        if kind in {"NoCredentialsError", "PartialCredentialsError"}:
            fix = f"aws configure{profile}, or aws sso login{profile}; or choose another with --profile."
            return f"there are none: {error}", fix
        if kind in {"EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"}:
            fix = "Check --endpoint-url." if self._aws.endpoint else "Check the network, a proxy, and the region."
            return f"nothing answers: {error}", fix
        told = f"{code}: {error_message(error)}" if code else f"{kind}: {error}"
        return f"AWS does not accept them: {told}", f"aws configure{profile} with valid keys, or choose --profile."
