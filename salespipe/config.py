"""``salespipe.toml`` -> a frozen ``Config``; every name, ARN and prefix of the pipeline is derived here."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from salespipe.errors import Exit, SalespipeError

DEFAULT_FILE: Final = "salespipe.toml"
TARGETS: Final = ("local", "aws")

Target = Literal["local", "aws"]
# Kinesis, Firehose and Glue names share this alphabet; an S3 bucket allows neither capitals nor underscores, and the
# longest name derived from it, "<name>-<account>-<region>", must stay within the bucket's 63 characters.
PipelineName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,29}$")]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


class Table(_Section, frozen=True):
    """``[table]``: the DynamoDB table that orders are written to."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_.-]{3,255}$")] = "OrdersRawTable"
    partition_key: Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_-]+$")] = "orderid"


class Stream(_Section, frozen=True):
    """``[stream]``: the Kinesis data stream."""

    mode: Literal["ON_DEMAND", "PROVISIONED"] = "ON_DEMAND"
    shards: Annotated[int, msgspec.Meta(ge=1, le=500)] = 1
    retention_hours: Annotated[int, msgspec.Meta(ge=24, le=8760)] = 24


class Pipe(_Section, frozen=True):
    """``[pipe]``: the EventBridge Pipe from the table's stream to Kinesis."""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    batch_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] = 1
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=10000)] = 5
    max_age_seconds: Annotated[int, msgspec.Meta(ge=60, le=86400)] = 72000
    filters: Annotated[tuple[str, ...], msgspec.Meta(max_length=5)] = ()


class Delivery(_Section, frozen=True):
    """``[delivery]``: Firehose, from Kinesis to S3. Unset seconds mean the target's own default."""

    buffer_mb: Annotated[int, msgspec.Meta(ge=1, le=128)] = 5
    buffer_seconds: Annotated[int, msgspec.Meta(ge=0, le=900)] | None = None
    transform_buffer_mb: Annotated[float, msgspec.Meta(ge=0.2, le=3)] = 1.0
    transform_buffer_seconds: Annotated[int, msgspec.Meta(ge=0, le=900)] | None = None


class Functions(_Section, frozen=True):
    """``[functions]``: the transform and generator Lambda functions."""

    runtime: str = "python3.13"
    memory_mb: Annotated[int, msgspec.Meta(ge=128, le=10240)] = 256
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1, le=300)] = 60
    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365] = 7


class Generator(_Section, frozen=True):
    """``[generator]``: the Lambda that writes orders on a schedule (switched off until asked for)."""

    schedule: str = "rate(1 minute)"
    orders_per_run: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 60


class Query(_Section, frozen=True):
    """``[query]``: the Athena workgroup."""

    # Athena refuses a BytesScannedCutoffPerQuery below 10,000,000.
    scan_limit_mb: Annotated[int, msgspec.Meta(ge=10)] = 1000
    results_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7


class Local(_Section, frozen=True):
    """``[local]``: the AWS on this machine. Port 0 lets the system choose."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    data_dir: str = ""


class Config(_Section, frozen=True):
    """The whole configuration; every key has a default, so an absent file is a valid configuration."""

    name: PipelineName = "salespipe-dev"
    environment: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] = "dev"
    target: Target = "local"
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    profile: str = ""
    table: Table = Table()
    stream: Stream = Stream()
    pipe: Pipe = Pipe()
    delivery: Delivery = Delivery()
    functions: Functions = Functions()
    generator: Generator = Generator()
    query: Query = Query()
    local: Local = Local()

    @property
    def buffer_seconds(self) -> int:
        """Firehose's buffering interval, seconds: 60 on AWS, where each object costs a PUT; 1 on this machine."""
        return self._seconds(self.delivery.buffer_seconds)

    @property
    def transform_buffer_seconds(self) -> int:
        """How long Firehose gathers records for one invocation of the transform, seconds."""
        return self._seconds(self.delivery.transform_buffer_seconds)

    def _seconds(self, chosen: int | None) -> int:
        return chosen if chosen is not None else {"local": 1, "aws": 60}[self.target]

    @property
    def tags(self) -> dict[str, str]:
        """The tags that mark a resource as this pipeline's own."""
        return {"project": "salespipe", "pipeline": self.name, "environment": self.environment}

    def names(self, account: str) -> Names:
        """Every name and ARN of this pipeline in an account (12 digits)."""
        return Names(config=self, account=account)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Every name, ARN and prefix of one pipeline in one account and region."""

    config: Config
    account: str

    events_table = "order_events"
    products_table = "products"
    orders_view = "orders"
    events_prefix = "order_events/"
    products_prefix = "products/"
    errors_prefix = "errors/"
    results_prefix = "athena-results/"
    role_path = "/salespipe/"
    delivery_log_stream = "DestinationDelivery"

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``, by the region's prefix."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.config.region.rsplit("-", 2)[0], "aws")

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this pipeline's partition; region and account default to the pipeline's own."""
        where = self.config.region if region is None else region
        who = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{where}:{who}:{resource}"

    @property
    def bucket(self) -> str:
        """Bucket names are global: account and region make this one ours."""
        return f"{self.config.name}-{self.account}-{self.config.region}"

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN, which carries neither region nor account."""
        return self.arn("s3", self.bucket, region="", account="")

    @property
    def table(self) -> str:
        """The DynamoDB table."""
        return self.config.table.name

    @property
    def table_arn(self) -> str:
        """The table's ARN; its stream's ARN is only known once it exists."""
        return self.arn("dynamodb", f"table/{self.table}")

    @property
    def stream(self) -> str:
        """The Kinesis data stream."""
        return f"{self.config.name}-orders"

    @property
    def stream_arn(self) -> str:
        """The Kinesis data stream's ARN."""
        return self.arn("kinesis", f"stream/{self.stream}")

    @property
    def queue(self) -> str:
        """The SQS dead-letter queue of the pipe."""
        return f"{self.config.name}-pipe-dlq"

    @property
    def queue_arn(self) -> str:
        """The dead-letter queue's ARN."""
        return self.arn("sqs", self.queue)

    @property
    def pipe(self) -> str:
        """The EventBridge Pipe."""
        return f"{self.config.name}-orders"

    @property
    def pipe_arn(self) -> str:
        """The pipe's ARN."""
        return self.arn("pipes", f"pipe/{self.pipe}")

    @property
    def delivery(self) -> str:
        """The Firehose delivery stream."""
        return f"{self.config.name}-orders"

    @property
    def delivery_arn(self) -> str:
        """The delivery stream's ARN."""
        return self.arn("firehose", f"deliverystream/{self.delivery}")

    @property
    def delivery_log_group(self) -> str:
        """Where Firehose logs what it could not deliver."""
        return f"/aws/kinesisfirehose/{self.delivery}"

    def function(self, purpose: str) -> str:
        """A Lambda function, by purpose: ``transform`` or ``generator``."""
        return f"{self.config.name}-{purpose}"

    def function_arn(self, purpose: str) -> str:
        """A Lambda function's ARN, without a qualifier."""
        return self.arn("lambda", f"function:{self.function(purpose)}")

    def function_log_group(self, purpose: str) -> str:
        """A Lambda function's log group."""
        return f"/aws/lambda/{self.function(purpose)}"

    def role(self, purpose: str) -> str:
        """An IAM role, by purpose: ``generator``, ``transform``, ``pipe``, ``delivery`` or ``crawler``.

        IAM is global, so the region keeps two deployments of one name apart (RoleName allows 64 characters).
        """
        return f"{self.config.name}-{purpose}-{self.config.region}"

    def role_arn(self, purpose: str) -> str:
        """An IAM role's ARN, path included."""
        return self.arn("iam", f"role{self.role_path}{self.role(purpose)}", region="")

    @property
    def database(self) -> str:
        """The Glue database: lower case without hyphens, so that SQL needs no quotes."""
        return self.config.name.replace("-", "_")

    @property
    def classifier(self) -> str:
        """The custom JSON classifier."""
        return f"{self.config.name}-orders-json"

    @property
    def crawler(self) -> str:
        """The Glue crawler."""
        return f"{self.config.name}-lake"

    @property
    def workgroup(self) -> str:
        """The Athena workgroup."""
        return self.config.name

    @property
    def results_location(self) -> str:
        """Where Athena writes results: an S3 URI ending in a slash."""
        return f"s3://{self.bucket}/{self.results_prefix}"

    @property
    def rule(self) -> str:
        """The EventBridge rule that runs the generator."""
        return f"{self.config.name}-generator"

    @property
    def rule_arn(self) -> str:
        """The rule's ARN, on the default bus."""
        return self.arn("events", f"rule/{self.rule}")


def load(path: Path | None, overrides: dict[str, Any] | None = None) -> Config:
    """Read a configuration file, with command-line ``overrides`` of top-level keys on top.

    ``path`` None means ``salespipe.toml`` in the working folder if there is one. Raises ``SalespipeError`` (exit code
    2) naming the file, the key and the nearest known key.
    """
    file = path or Path(DEFAULT_FILE)
    if path is None and not file.exists():
        raw: dict[str, Any] = {}
    else:
        raw = _parse(file)
    _refuse_unknown(raw, Config, file, ())
    try:
        return msgspec.convert(raw | (overrides or {}), Config)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), file) from None


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SalespipeError(
            "ConfigNotFound",
            f"There is no configuration file {file}.",
            hint="Leave --config out to use the defaults, or copy config.example.toml there.",
            exit_code=Exit.USAGE,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SalespipeError("ConfigUnreadable", f"{file} cannot be read: {error}.", exit_code=Exit.USAGE) from None
    except tomllib.TOMLDecodeError as error:
        raise SalespipeError("ConfigSyntax", f"{file} is not valid TOML: {error}.", exit_code=Exit.USAGE) from None


def _refuse_unknown(raw: dict[str, Any], shape: type[msgspec.Struct], file: Path, above: tuple[str, ...]) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(shape)}
    for key, value in raw.items():
        dotted = ".".join((*above, key))
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            known = f"Did you mean {'.'.join((*above, near[0]))}?" if near else f"Known here: {', '.join(fields)}."
            raise SalespipeError("ConfigUnknownKey", f"{file}: unknown key {dotted}.", hint=known, exit_code=Exit.USAGE)
        inner = fields[key]
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
            _refuse_unknown(value, inner, file, (*above, key))


def _invalid(message: str, file: Path) -> SalespipeError:
    """Put the key first, where msgspec says "Expected `int`, got `str` - at `$.stream.shards`"."""
    found = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<key>.*)`)?", message, re.DOTALL)
    what, key = (found["what"], found["key"]) if found else (message, None)
    return SalespipeError(
        "ConfigInvalid",
        f"{file}: {key}: {what}." if key else f"{file}: {what}.",
        hint="config.example.toml shows every key with its type and default.",
        exit_code=Exit.USAGE,
    )
