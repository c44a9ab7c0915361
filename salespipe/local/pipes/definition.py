"""What a pipe's definition may say: checked as EventBridge does, with defaults filled in.

Source: service model of pipes, 2015-10-07, and the user guide's chapters on sources, targets and batching.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from salespipe.local.api import AwsError
from salespipe.local.event_pattern import compile_pattern
from salespipe.local.json_path import JsonPath
from salespipe.local.pipes.input_template import InputTemplate
from salespipe.local.pipes.log_records import LEVELS

SOURCES: Final = {"dynamodb": "DynamoDBStreamParameters", "kinesis": "KinesisStreamParameters"}
TARGETS: Final = {
    "kinesis": "KinesisStreamParameters",
    "sqs": "SqsQueueParameters",
    "lambda": "LambdaFunctionParameters",
    "logs": "CloudWatchLogsParameters",
}
_DEFAULTS: Final[dict[str, Any]] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}
_RANGES: Final = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "ParallelizationFactor": (1, 10),
}
_STARTS: Final = {
    "DynamoDBStreamParameters": ("TRIM_HORIZON", "LATEST"),
    "KinesisStreamParameters": ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"),
}
# The most that one call of the target's API takes.
_LARGEST_BATCH: Final = {"kinesis": 500, "sqs": 10}
_ARN: Final = re.compile(r"arn:aws[a-zA-Z0-9-]*:([a-zA-Z0-9-]+):[a-z0-9-]*:(?:\d{12})?:.+")
_ROLE: Final = re.compile(r"arn:aws[a-zA-Z-]*:iam::\d{12}:role/?[a-zA-Z0-9+=,.@\-_/]+")
_NAME: Final = re.compile(r"[.\-_A-Za-z0-9]{1,64}")
_MAX_FILTERS: Final = 5
_MAX_PATTERN: Final = 4096


def invalid(field: str, message: str) -> AwsError:
    """A ValidationException that names the field."""
    return AwsError("ValidationException", message, 400, fieldList=[{"name": field, "message": message}])


def service_of(arn: str) -> str:
    """The service that an ARN names: ``arn:aws:kinesis:...`` gives ``kinesis``; empty when it is no ARN."""
    match = _ARN.fullmatch(arn)
    return match[1] if match else ""


def source_parameters(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The stream parameters of a checked definition."""
    parameters: dict[str, Any] = definition["SourceParameters"][SOURCES[service_of(definition["Source"])]]
    return parameters


def checked(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with defaults filled in. Raises ``AwsError`` ValidationException with its ``fieldList``."""
    for field in ("Name", "Source", "Target", "RoleArn"):
        if not isinstance(definition.get(field), str) or not definition[field]:
            raise invalid(field, f"{field} is required and must be a string.")
    if not _NAME.fullmatch(definition["Name"]):
        raise invalid("Name", r"Name must have 1 to 64 characters and match [\.\-_A-Za-z0-9]+.")
    if not _ROLE.fullmatch(definition["RoleArn"]):
        raise invalid("RoleArn", f"RoleArn is not the ARN of an IAM role: {definition['RoleArn']}")
    if definition.get("DesiredState", "RUNNING") not in {"RUNNING", "STOPPED"}:
        raise invalid("DesiredState", "DesiredState must be one of RUNNING, STOPPED.")
    if definition.get("Enrichment"):
        raise invalid("Enrichment", "Enrichment is not supported by this local AWS.")
    _check_logging(definition.get("LogConfiguration") or {})
    source = _supported("Source", definition["Source"], SOURCES)
    target = _supported("Target", definition["Target"], TARGETS)
    return {
        **definition,
        "DesiredState": definition.get("DesiredState", "RUNNING"),
        "SourceParameters": _source(definition.get("SourceParameters") or {}, source, target),
        "TargetParameters": _target(definition.get("TargetParameters") or {}, target),
    }


def updated(definition: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as UpdatePipe leaves it.

    Fields that are not given stay, but the parameters of a service are replaced as a whole. Source and starting
    position cannot change. Raises ``AwsError`` ValidationException.
    """
    allowed = {"Description", "DesiredState", "Enrichment", "EnrichmentParameters", "LogConfiguration", "RoleArn"}
    result = {**definition, **{field: value for field, value in change.items() if field in allowed}}
    if change.get("Target"):
        if change["Target"] != definition["Target"]:
            result["TargetParameters"] = {}
        result["Target"] = change["Target"]
    result["TargetParameters"] = {**result["TargetParameters"], **(change.get("TargetParameters") or {})}
    parameters = {**definition["SourceParameters"], **(change.get("SourceParameters") or {})}
    old = source_parameters(definition)
    kept = {field: old[field] for field in ("StartingPosition", "StartingPositionTimestamp") if field in old}
    kind = SOURCES[service_of(definition["Source"])]
    result["SourceParameters"] = {**parameters, kind: {**(parameters.get(kind) or {}), **kept}}
    return checked(result)


def _supported(field: str, arn: str, kinds: Mapping[str, str]) -> str:
    service = service_of(arn)
    if not service:
        raise invalid(field, f"{field} is not a valid ARN: {arn}")
    if service not in kinds:
        names = ", ".join(sorted(kinds))
        raise invalid(field, f"A {service} {field.lower()} is not supported by this local AWS, only {names}.")
    if field == "Source" and service == "dynamodb" and "/stream/" not in arn:
        raise invalid(field, f"Source must be the ARN of a DynamoDB stream, not of a table: {arn}")
    return service


def _source(parameters: Mapping[str, Any], service: str, target: str) -> dict[str, Any]:
    kind = SOURCES[service]
    _only("SourceParameters", parameters, {kind, "FilterCriteria"})
    stream = {**_DEFAULTS, **(parameters.get(kind) or {})}
    path = f"SourceParameters.{kind}"
    start = stream.get("StartingPosition")
    if start not in _STARTS[kind]:
        raise invalid(f"{path}.StartingPosition", f"StartingPosition must be one of {', '.join(_STARTS[kind])}.")
    if start == "AT_TIMESTAMP" and not isinstance(stream.get("StartingPositionTimestamp"), int | float):
        raise invalid(f"{path}.StartingPositionTimestamp", "AT_TIMESTAMP needs a StartingPositionTimestamp.")
    for field, (low, high) in _RANGES.items():
        value = stream[field]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise invalid(f"{path}.{field}", f"{field} must be a number from {low} to {high}.")
    if 0 <= stream["MaximumRecordAgeInSeconds"] < 60:
        raise invalid(f"{path}.MaximumRecordAgeInSeconds", "MaximumRecordAgeInSeconds must be -1 or at least 60.")
    largest = _LARGEST_BATCH.get(target, 10_000)
    if "BatchSize" not in (parameters.get(kind) or {}):
        stream["BatchSize"] = min(stream["BatchSize"], largest)
    if stream["BatchSize"] > largest:
        raise invalid(f"{path}.BatchSize", f"BatchSize must be at most {largest} for a {target} target.")
    if stream.get("OnPartialBatchItemFailure") not in {None, "AUTOMATIC_BISECT"}:
        raise invalid(f"{path}.OnPartialBatchItemFailure", "OnPartialBatchItemFailure must be AUTOMATIC_BISECT.")
    queue = (stream.get("DeadLetterConfig") or {}).get("Arn", "")
    if queue and service_of(queue) != "sqs":
        raise invalid(f"{path}.DeadLetterConfig.Arn", "The dead-letter target must be an SQS queue here.")
    result: dict[str, Any] = {kind: stream}
    if parameters.get("FilterCriteria"):
        _check_filters(parameters["FilterCriteria"])
        result["FilterCriteria"] = parameters["FilterCriteria"]
    return result


def _check_filters(criteria: Any) -> None:
    field = "SourceParameters.FilterCriteria"
    for pattern in patterns({"SourceParameters": {"FilterCriteria": criteria}}):
        if not isinstance(pattern, str) or len(pattern) > _MAX_PATTERN:
            raise invalid(field, f"A filter's Pattern must be text of at most {_MAX_PATTERN} characters.")
        try:
            compile_pattern(pattern)
        except ValueError as error:
            raise invalid(field, str(error)) from None
    if len(criteria.get("Filters") or []) > _MAX_FILTERS:
        raise invalid(field, f"A pipe has at most {_MAX_FILTERS} filters.")


def patterns(definition: Mapping[str, Any]) -> list[str]:
    """The event patterns of a definition, of which one must match; none means that every event passes."""
    criteria = definition["SourceParameters"].get("FilterCriteria") or {}
    return [entry["Pattern"] for entry in criteria.get("Filters") or [] if "Pattern" in entry]


def _check_logging(settings: Mapping[str, Any]) -> None:
    """Logs go to CloudWatch here, without the events themselves."""
    field, destination = "LogConfiguration", "CloudwatchLogsLogDestination"
    if not settings:
        return
    if other := sorted(name for name, value in settings.items() if value and name not in {"Level", destination}):
        raise invalid(f"{field}.{other[0]}", f"{other[0]} is not supported by this local AWS.")
    if settings.get("Level") not in LEVELS:
        raise invalid(f"{field}.Level", f"Level must be one of {', '.join(LEVELS)}.")
    arn = (settings.get(destination) or {}).get("LogGroupArn", "")
    if arn and service_of(arn) != "logs":
        raise invalid(f"{field}.{destination}.LogGroupArn", f"LogGroupArn is not the ARN of a log group: {arn}")
    if not arn and settings["Level"] != "OFF":
        raise invalid(field, "A log level other than OFF needs a destination.")


def _target(parameters: Mapping[str, Any], service: str) -> dict[str, Any]:
    kind = TARGETS[service]
    _only("TargetParameters", parameters, {kind, "InputTemplate"})
    result = {field: value for field, value in parameters.items() if value not in (None, "")}
    if "InputTemplate" in result:
        try:
            InputTemplate(result["InputTemplate"])
        except ValueError as error:
            raise invalid("TargetParameters.InputTemplate", str(error)) from None
    if service == "kinesis":
        key = (result.get(kind) or {}).get("PartitionKey", "")
        if not isinstance(key, str) or not 0 < len(key) <= 256:
            raise invalid(f"TargetParameters.{kind}.PartitionKey", "PartitionKey must have 1 to 256 characters.")
        if key.startswith("$"):
            try:
                JsonPath(key)
            except ValueError as error:
                raise invalid(f"TargetParameters.{kind}.PartitionKey", str(error)) from None
    return result


def _only(field: str, parameters: Mapping[str, Any], allowed: set[str]) -> None:
    wrong = sorted(name for name, value in parameters.items() if name not in allowed and value)
    if wrong:
        raise invalid(f"{field}.{wrong[0]}", f"{wrong[0]} does not belong to this pipe's {field[:6].lower()}.")
