"""What is deployed: function versions as moto keeps them, asked through the API and remembered until a change."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from salespipe.local.api import Answer, AwsError, Call
from salespipe.local.functions.events import RetryPolicy
from salespipe.local.functions.pool import Deployment

if TYPE_CHECKING:
    from salespipe.local.api import Cloud

log = logging.getLogger(__name__)

_REFERENCE: Final = re.compile(
    r"(?:arn:[\w-]+:lambda:(?P<region>[\w-]+):)?(?:\d{12}:)?(?:function:)?(?P<name>[^:]+)(?::(?P<qualifier>[^:]+))?"
)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lambda_logging (
  region TEXT NOT NULL, function TEXT NOT NULL, config TEXT NOT NULL, PRIMARY KEY (region, function)
)"""


def split_function(reference: str) -> tuple[str, str]:
    """The name and the qualifier (or an empty string) in a name, partial ARN or ARN.

    Raises ``AwsError`` ValidationException for anything else.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise AwsError("ValidationException", f"Value '{reference}' at 'functionName' is not a function name or ARN.")
    return found["name"], found["qualifier"] or ""


def region_of(reference: str, default: str) -> str:
    """The region that an ARN names, or ``default`` for a name."""
    found = _REFERENCE.fullmatch(reference)
    return (found["region"] if found else None) or default


def deployed_code(account: str, deployment: Deployment) -> bytes:
    """The zip of a function version, from moto's own store: its GetFunction only answers with a made-up address."""
    from moto.awslambda.utils import get_backend

    qualifier = None if deployment.version == "$LATEST" else deployment.version
    function = get_backend(account, deployment.region).get_function(deployment.name, qualifier)
    return bytes(getattr(function, "code_bytes", b""))


class Catalog:
    """Deployments by what callers name them. ``observe`` must be told of every change that moto answered."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._known: dict[tuple[str, str, str], tuple[int, Deployment]] = {}
        self._generation = 0
        cloud.store.schema(_SCHEMA)

    def observe(self, call: Call, answer: Answer) -> None:
        """Forget what was known, and keep the LoggingConfig, which moto drops."""
        if call.operation in {"CreateFunction", "UpdateFunctionConfiguration"}:
            config = _json(call.body).get("LoggingConfig")
            if config:
                name, _ = split_function(str(_json(answer.body).get("FunctionName", "")))
                with self._cloud.store.write() as connection:
                    connection.execute(
                        "INSERT OR REPLACE INTO lambda_logging VALUES (?, ?, ?)",
                        (call.region, name, json.dumps(config)),
                    )
        elif call.operation == "DeleteFunction":
            name, _ = split_function(unquote(call.path.rstrip("/").rsplit("/", 1)[-1]))
            with self._cloud.store.write() as connection:
                connection.execute("DELETE FROM lambda_logging WHERE region = ? AND function = ?", (call.region, name))
        self._generation += 1

    def deployment(self, function: str, region: str, qualifier: str = "") -> Deployment:
        """What an invocation of ``function`` runs now.

        Raises ``AwsError``: ResourceNotFoundException, InvalidRuntimeException, TooManyRequestsException.
        """
        name, named = split_function(function)
        key = (region_of(function, region), name, qualifier or named)
        generation = self._generation
        known = self._known.get(key)
        if known is not None and known[0] == generation:
            return known[1]
        found = self._load(*key)
        self._known[key] = (generation, found)
        return found

    def retry_policy(self, region: str, function: str) -> RetryPolicy:
        """The event invoke config of a function, or Lambda's defaults where there is none."""
        name, _ = split_function(function)
        try:
            config = self._cloud.client("lambda", region).get_function_event_invoke_config(FunctionName=name)
        except ClientError:
            return RetryPolicy()
        default = RetryPolicy()
        return RetryPolicy(
            config.get("MaximumRetryAttempts", default.retries),
            config.get("MaximumEventAgeInSeconds", default.max_age),
        )

    def _load(self, region: str, name: str, qualifier: str) -> Deployment:
        client = self._cloud.client("lambda", region)
        named = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
        try:
            config = client.get_function_configuration(**named)
            reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        except ClientError as error:
            said = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise AwsError(said["Code"], said["Message"], status, Type="User") from error
        if reserved == 0:
            raise AwsError(
                "TooManyRequestsException",
                "Rate Exceeded.",
                429,
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
                Type="User",
            )
        runtime = config.get("Runtime") or config.get("PackageType", "")
        if not runtime.startswith("python3"):
            raise AwsError("InvalidRuntimeException", f"This Lambda runs Python functions only, not {runtime}.", 502)
        if config.get("Layers"):
            log.warning("The layers of function %s are not used: only its own package is.", name)
        logging_config = self._logging(region, name)
        arn = ":".join(config["FunctionArn"].split(":")[:7])
        return Deployment(
            region=region,
            arn=f"{arn}:{qualifier}" if qualifier else arn,
            name=name,
            version=config["Version"],
            handler=config["Handler"],
            runtime=runtime,
            timeout=float(config["Timeout"]),
            memory=int(config["MemorySize"]),
            revision=config["CodeSha256"],
            log_group=logging_config.get("LogGroup") or f"/aws/lambda/{name}",
            log_format=logging_config.get("LogFormat") or "Text",
            log_level=logging_config.get("ApplicationLogLevel") or "",
            variables=dict(config.get("Environment", {}).get("Variables", {})),
        )

    def _logging(self, region: str, name: str) -> dict[str, str]:
        row = (
            self._cloud.store.read()
            .execute("SELECT config FROM lambda_logging WHERE region = ? AND function = ?", (region, name))
            .fetchone()
        )
        return json.loads(row[0]) if row else {}


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
