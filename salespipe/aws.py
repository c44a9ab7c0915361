"""The only place that makes a boto3 client: where it points, how it retries, what it waits out."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.names import Names

T = TypeVar("T")

# Answers that mean "not yet", by (service, error code, fragments of the message in lower case): a new role that a
# service cannot assume yet, a function that is being updated, a queue name that was just deleted. boto3 retries none of
# these, since they are 4xx. Nothing else is retried: a missing PassRole is a fault, not a delay.
_NEW_TOKEN: Final = (
    "security token included in the request is invalid",
    "you need to enable aws security token service",
)
EVENTUAL: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    (
        "lambda",
        "InvalidParameterValueException",
        (
            "cannot be assumed by lambda",
            "execution role does not have permissions",
            "kms key is invalid for creategrant",
        ),
    ),
    (
        "lambda",
        "ResourceConflictException",
        (
            "currently in the following state: pending",
            "an update is in progress",
            "concurrent update operation",
        ),
    ),
    (
        "firehose",
        "InvalidArgumentException",
        (
            "firehose is unable to assume role",
            "is not authorized to perform",
            "access was denied",
            "verify that the iam role has access",
            *_NEW_TOKEN,
        ),
    ),
    (
        "glue",
        "InvalidInputException",
        ("unable to assume", "verify role's trustpolicy", "is not authorized", *_NEW_TOKEN),
    ),
    ("glue", "AccessDeniedException", _NEW_TOKEN),
    ("s3", "OperationAborted", ("conflicting conditional operation",)),
    ("sqs", "QueueDeletedRecently", ("",)),
    ("sqs", "AWS.SimpleQueueService.QueueDeletedRecently", ("",)),
)

NOT_FOUND: Final = frozenset(
    {
        "404",
        "NotFound",
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "EntityNotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)


def error_code(error: Exception) -> str:
    """The AWS error code of a botocore ClientError, or an empty string for any other exception."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def error_message(error: Exception) -> str:
    """The AWS error message of a botocore ClientError, or the exception's own text."""
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Message", error))


def is_not_found(error: Exception) -> bool:
    """Whether AWS answered that the thing does not exist. Athena says so in prose only."""
    return error_code(error) in NOT_FOUND or (
        error_code(error) == "InvalidRequestException" and "is not found" in error_message(error)
    )


def is_eventual(service: str, error: Exception) -> bool:
    """Whether an answer of ``service`` is in the table of delays that pass by themselves."""
    code, message = error_code(error), error_message(error).lower()
    return any(
        service == known and code == wanted and any(fragment in message for fragment in fragments)
        for known, wanted, fragments in EVENTUAL
    )


@dataclass
class Aws:
    """One account and region, on AWS or behind an endpoint, as everything above sees it.

    ``endpoint`` is empty for AWS itself. ``clock`` and ``sleep`` are seconds; tests pass their own.
    """

    config: Config
    endpoint: str = ""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    patience: float = 120.0
    _session: Any = field(default=None, init=False, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _account: str = field(default="", init=False)

    @property
    def region(self) -> str:
        """The region that every client is bound to."""
        return self.config.region

    @property
    def account(self) -> str:
        """The account's 12 digits, from STS GetCallerIdentity, asked once.

        Raises ``SalespipeError`` when there are no usable credentials.
        """
        if not self._account:
            from botocore.exceptions import BotoCoreError, ClientError

            try:
                self._account = str(self.client("sts").get_caller_identity()["Account"])
            except (BotoCoreError, ClientError) as error:
                raise _no_identity(self, error) from error
        return self._account

    @property
    def names(self) -> Names:
        """Every name and ARN of the configured pipeline in this account."""
        return self.config.names(self.account)

    @property
    def where(self) -> str:
        """The account and region, or the local target, in words: the first line of what changes something."""
        if self.config.target == "local":
            return f"local ({self.endpoint})"
        place = f"AWS account {self.account}, region {self.region}"
        return f"{place} at {self.endpoint}" if self.endpoint else place

    def client(self, service: str) -> Any:
        """The boto3 client of a service, made once; with target ``local`` it can only reach the loopback endpoint."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    @property
    def credentials_source(self) -> str:
        """Which of boto3's providers found the credentials: ``env``, ``sso``, ``iam-role``...; empty where none did."""
        with self._lock:
            found = self._opened().get_credentials()
        return str(found.method) if found else ""

    def regions_of(self, service: str) -> list[str]:
        """The regions in which boto3 knows a service, in this region's partition (API name, such as ``pipes``)."""
        with self._lock:
            found = self._opened().get_available_regions(service, self.config.names("").partition)
        return list(found)

    def waiting_by(self, sleep: Callable[[float], None]) -> Aws:
        """The same account with the same clients, waiting in another way, such as one that can be interrupted."""
        other = copy.copy(self)
        other.sleep = sleep
        return other

    def _make(self, service: str) -> Any:
        from botocore.config import Config as BotoConfig

        # botocore 1.44 made "standard" with 3 attempts the default: said here, an upgrade changes nothing. STS is asked
        # first of all: where nothing answers, it is no use to insist.
        retries = BotoConfig(
            retries={"mode": "standard", "total_max_attempts": 3 if service == "sts" else 10},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=64,
            s3={"addressing_style": "path"} if self.endpoint else None,
            ignore_configured_endpoint_urls=True,
            account_id_endpoint_mode="disabled" if self.endpoint else "preferred",
        )
        if self.config.target == "local":
            require_loopback(self.endpoint)
        return self._opened().client(service, endpoint_url=self.endpoint or None, config=retries)

    def _opened(self) -> Any:
        """One session for all clients: what each would read anew costs more than a tenth of a second."""
        import boto3

        self._session = self._session or (
            _anonymous_session(self.region)
            if self.config.target == "local"
            else boto3.session.Session(profile_name=self.config.profile or None, region_name=self.region)
        )
        return self._session

    def eventually(self, service: str, call: Callable[[], T]) -> T:
        """Run ``call``, repeating it while the answer is in ``EVENTUAL``, for at most ``patience`` seconds.

        Raises what the call raised once patience is over, and any other error at once.
        """
        import tenacity

        began = self.clock()
        waited = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, Exception) and is_eventual(service, error)
            ),
            wait=tenacity.wait_exponential(multiplier=0.25, max=2),
            stop=lambda _: self.clock() - began >= self.patience,
            sleep=self.sleep,
            reraise=True,
        )
        return waited(call)


def _anonymous_session(region: str) -> Any:
    """A boto3 session that reads nothing of the user's: no environment, no profile, no file."""
    import boto3
    import botocore.session

    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    core.set_credentials("local", "local")
    return boto3.session.Session(botocore_session=core, region_name=region)


def require_loopback(endpoint: str) -> None:
    """Refuse, as a programming error, a local target that would leave this machine."""
    from urllib.parse import urlsplit

    if urlsplit(endpoint).hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise SalespipeError("NotLoopback", f"Target local may only talk to this machine, not to {endpoint!r}.")


def _no_identity(aws: Aws, error: Exception) -> SalespipeError:
    if aws.endpoint:
        return SalespipeError(
            "EndpointUnreachable",
            f"Nothing answers at {aws.endpoint}: {error}",
            hint="salespipe local start" if aws.config.target == "local" else "Check --endpoint-url.",
        )
    return SalespipeError(
        "NoCredentials",
        f"AWS did not accept your credentials: {error}",
        hint="Run aws configure or aws sso login, choose a profile with --profile, or use --target local.",
        exit_code=Exit.USAGE,
    )
