"""``salespipe.toml`` -> a frozen ``Config``. What follows from it, every name and ARN, is in ``names``."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from salespipe.errors import Exit, SalespipeError
from salespipe.names import Names

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
    # The pipe's path to it, "$.dynamodb.Keys.<key>.S", has at most 256 characters: service model, KinesisPartitionKey.
    partition_key: Annotated[str, msgspec.Meta(min_length=1, max_length=238, pattern=r"^[A-Za-z0-9_-]+$")] = "orderid"
    existing: bool = False


class Stream(_Section, frozen=True):
    """``[stream]``: the Kinesis data stream."""

    mode: Literal["ON_DEMAND", "PROVISIONED"] = "ON_DEMAND"
    shards: Annotated[int, msgspec.Meta(ge=1, le=500)] = 1
    retention_hours: Annotated[int, msgspec.Meta(ge=24, le=8760)] = 24


class Pipe(_Section, frozen=True):
    """``[pipe]``: the EventBridge Pipe from the table's stream to Kinesis. What is unset is the target's default."""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100
    batch_window_seconds: Annotated[int, msgspec.Meta(ge=0, le=300)] | None = None
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=10000)] = 5
    max_age_seconds: Annotated[int, msgspec.Meta(ge=60, le=86400)] = 72000
    filters: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=4096)], ...], msgspec.Meta(max_length=5)] = ()
    log_level: Literal["OFF", "ERROR", "INFO", "TRACE"] | None = None


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

    schedule: Annotated[str, msgspec.Meta(min_length=1, max_length=256)] = "rate(1 minute)"
    orders_per_run: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 60


class Shop(_Section, frozen=True):
    """``[shop]``: the shop whose orders are made up."""

    # How unequally products sell: the exponent of Zipf's law.
    zipf: Annotated[float, msgspec.Meta(ge=0, le=4)] = 1.0


class Query(_Section, frozen=True):
    """``[query]``: the Athena workgroup."""

    # Athena refuses a BytesScannedCutoffPerQuery below 10,000,000.
    scan_limit_mb: Annotated[int, msgspec.Meta(ge=10)] = 1000
    ask_above_mb: Annotated[int, msgspec.Meta(ge=0)] = 500
    results_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 7


class Insights(_Section, frozen=True):
    """``[insights]``: where the user's own questions are, SQL files beside the shipped ones."""

    folder: str = "insights"


class Monitoring(_Section, frozen=True):
    """``[monitoring]``: the CloudWatch alarms and the dashboard, and who hears of alarms."""

    enabled: bool = True
    # A standard topic: CloudWatch does not publish to FIFO topics.
    topic: Annotated[
        str, msgspec.Meta(pattern=r"^$|^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$")
    ] = ""
    email: Annotated[str, msgspec.Meta(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+$")] = ""


class Local(_Section, frozen=True):
    """``[local]``: the AWS on this machine. Port 0 lets the system choose."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    data_dir: str = ""


class Config(_Section, frozen=True):
    """The whole configuration; every key has a default, so an absent file is a valid configuration."""

    name: PipelineName = "salespipe-dev"
    # A tag's value: letters, spaces, numbers and these, in every service (service models, TagValue).
    environment: Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[\w .:/=+@-]+$")] = "dev"
    target: Target = "local"
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    profile: str = ""
    table: Table = Table()
    stream: Stream = Stream()
    pipe: Pipe = Pipe()
    delivery: Delivery = Delivery()
    functions: Functions = Functions()
    generator: Generator = Generator()
    shop: Shop = Shop()
    query: Query = Query()
    insights: Insights = Insights()
    monitoring: Monitoring = Monitoring()
    local: Local = Local()

    @property
    def buffer_seconds(self) -> int:
        """Firehose's buffering interval, seconds: 60 on AWS, where each object costs a PUT; 1 on this machine."""
        return self._seconds(self.delivery.buffer_seconds, local=1, aws=60)

    @property
    def transform_buffer_seconds(self) -> int:
        """How long Firehose gathers records for one invocation of the transform, seconds."""
        return self._seconds(self.delivery.transform_buffer_seconds, local=1, aws=60)

    @property
    def delivery_seconds(self) -> int:
        """How long Firehose holds a record back at most, seconds, before it is written."""
        return self.buffer_seconds + self.transform_buffer_seconds

    @property
    def batch_window_seconds(self) -> int:
        """How long the pipe waits for a batch to fill, seconds."""
        return self._seconds(self.pipe.batch_window_seconds, local=0, aws=1)

    @property
    def pipe_log_level(self) -> str:
        """How much the pipe logs: on AWS nothing unless it is asked to, since that takes rights of its own."""
        return self.pipe.log_level or ("ERROR" if self.target == "local" else "OFF")

    def _seconds(self, chosen: int | None, *, local: int, aws: int) -> int:
        default = local if self.target == "local" else aws
        return default if chosen is None else chosen

    @property
    def tags(self) -> dict[str, str]:
        """The tags that mark a resource as this pipeline's own."""
        return {"project": "salespipe", "pipeline": self.name, "environment": self.environment}

    def names(self, account: str) -> Names:
        """Every name and ARN of this pipeline in an account (12 digits)."""
        return Names(config=self, account=account)


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
