"""The vocabulary of the local AWS: a call, its answer, an AWS error, and what a service of ours is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from salespipe.local.metrics import Metrics

if TYPE_CHECKING:
    from salespipe.local.record_log import RecordLog
    from salespipe.local.store import Store


@dataclass(frozen=True, slots=True)
class Call:
    """One API call as a client sent it.

    ``service`` is the botocore service name ("dynamodb", "dynamodbstreams", "lambda"), ``operation`` the operation's
    name in the service model ("PutItem"), or empty where it could not be told. Header names are in lower case.
    ``params`` is the decoded input in the service model's own member names, for JSON protocols; blobs are still
    base64 text there, as on the wire.
    """

    service: str
    operation: str
    region: str
    account: str
    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. A handler may also return a plain dict, which is sent as JSON with status 200.

    With ``parts`` they are sent as they come, in place of the body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterator[bytes] | None = None


class AwsError(Exception):
    """An error that the client sees in its protocol's form, with AWS's own code and wording."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


class NotMine(Exception):  # noqa: N818 - not an error: the handler's way to say "let moto answer this one"
    """Raised by a handler, before it has changed anything, to hand this one call on to moto.

    The gateway then goes on as if the operation were not in ``handlers``: moto answers, and ``observe`` is told.
    """


Handler = Callable[[Call], "dict[str, Any] | Answer"]


class Service(Protocol):
    """A service of ours, beside moto.

    ``handlers`` maps operation names to what answers them instead of moto; operations that are not in it go to moto,
    after which ``observe`` is told of each that succeeded and may have changed something. ``start`` begins the
    service's own work in background threads, from the state that the stores and the API's descriptions hold;
    ``stop`` ends it, within seconds, leaving nothing half-written.
    """

    @property
    def name(self) -> str:
        """The botocore service name."""
        ...

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What is answered here instead of by moto."""
        ...

    def observe(self, call: Call, answer: Answer) -> None:
        """A successful call that moto answered."""
        ...

    def start(self) -> None:
        """Begin background work."""
        ...

    def stop(self) -> None:
        """End background work."""
        ...


class ClientFactory(Protocol):
    """Makes boto3 clients that reach this local AWS in-process, without a socket."""

    def __call__(self, service: str, region: str) -> Any:
        """A boto3 client, cached for each service and region; thread-safe."""
        ...


@dataclass(frozen=True)
class Cloud:
    """What every service of the local AWS may lean on.

    ``clock`` is Unix time in seconds. ``endpoint`` is what a Lambda function's own AWS clients should talk to
    ("http://127.0.0.1:PORT"). ``folder`` of the store is private to the user. ``metrics`` takes what services count
    about themselves.
    """

    store: Store
    log: RecordLog
    client: ClientFactory
    endpoint: str
    account: str
    clock: Callable[[], float]
    metrics: Metrics = field(default_factory=Metrics)
