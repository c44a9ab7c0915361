"""The only place that makes a boto3 client: where it points, how it retries, what it waits out."""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from salespipe.answers import delay, error_code, error_message, is_not_found
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.names import Names

__all__ = ["Aws", "error_code", "error_message", "is_not_found", "require_loopback"]

T = TypeVar("T")


@dataclass
class Aws:
    """One account and region, on AWS or behind an endpoint, as everything above sees it.

    ``endpoint`` is empty for AWS itself. ``clock`` and ``sleep`` are seconds; tests pass their own. ``tell`` hears what
    AWS says while ``eventually`` waits.
    ``attempts`` is how often boto3 makes a call that meets a throttle, a fault of the service or of the network.
    """

    config: Config
    endpoint: str = ""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    patience: float = 120.0
    attempts: int = 10
    tell: Callable[[str], object] = lambda _: None
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

    def telling(self, tell: Callable[[str], object]) -> Aws:
        """The same account with the same clients, whose waits are told to somebody."""
        other = copy.copy(self)
        other.tell = tell
        return other

    def _make(self, service: str) -> Any:
        from botocore.config import Config as BotoConfig

        # botocore 1.44 made "standard" with 3 attempts the default: said here, an upgrade changes nothing. STS is asked
        # first of all: where nothing answers, it is no use to insist. Standard mode takes LimitExceededException for
        # throttling, and of Kinesis (five streams in the making) it is; a real quota costs up to a minute and a half of
        # its pauses, then it is told.
        retries = BotoConfig(
            retries={"mode": "standard", "total_max_attempts": 3 if service == "sts" else self.attempts},
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
        """Run ``call``, repeating it while the answer is in ``EVENTUAL``, for as long as its row says.

        Raises what the call raised once that is over, and any other error at once. Each wait is told.
        """
        import tenacity

        began = self.clock()

        def over(attempt: tenacity.RetryCallState) -> bool:
            row = delay(service, _failure(attempt))
            budget = row.seconds if row and row.seconds is not None else self.patience
            return self.clock() - began >= budget

        def tell(attempt: tenacity.RetryCallState) -> None:
            self.tell(error_message(_failure(attempt)))

        waited = tenacity.Retrying(
            retry=tenacity.retry_if_exception(
                lambda error: isinstance(error, Exception) and delay(service, error) is not None
            ),
            wait=tenacity.wait_exponential(multiplier=0.25, max=2),
            stop=over,
            sleep=self.sleep,
            before_sleep=tell,
            reraise=True,
        )
        return waited(call)


def _failure(attempt: Any) -> Exception:
    """What an attempt ended with."""
    error: Exception = attempt.outcome.exception()
    return error


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
