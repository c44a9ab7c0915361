"""From a pipe's definition to what runs it: source, target, starting position, dead letters, worker."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from salespipe.local.api import Cloud
from salespipe.local.log_writer import LogWriter
from salespipe.local.pipes.definition import service_of, source_parameters
from salespipe.local.pipes.log_records import log_group_arn, log_of
from salespipe.local.pipes.sources import DynamoDbSource, KinesisSource, Source, Streams, batch_info, iso
from salespipe.local.pipes.targets import (
    KinesisPut,
    KinesisTarget,
    LambdaTarget,
    LogsTarget,
    SqsTarget,
    Target,
    api_trouble,
    queue_url,
)
from salespipe.local.pipes.worker import PipeWorker
from salespipe.local.record_log import Record

log = logging.getLogger(__name__)

_INACCESSIBLE: Final = "Input parameter is invalid from the request due to : "


class KinesisStreams(KinesisPut, Streams, Protocol):
    """Kinesis as a source and as a target."""


class PipeRuntime:
    """Makes what a pipe needs to run, and says beforehand whether it can."""

    def __init__(self, cloud: Cloud, streams: Streams, kinesis: KinesisStreams, logs: LogWriter) -> None:
        self._cloud = cloud
        self._logs = logs
        self._streams = streams
        self._kinesis = kinesis

    def worker(self, definition: dict[str, Any]) -> PipeWorker:
        """A worker for the pipe, not yet started."""
        source = self._source(definition)
        return PipeWorker(
            definition,
            source,
            self._target(definition),
            lambda shard, condition, records: self._dead_letter(definition, source, shard, condition, records),
            store=self._cloud.store,
            log=self._cloud.log,
            clock=self._cloud.clock,
            report=self._cloud.metrics.of(definition["Arn"].split(":")[3], definition["Name"]),
            executed=log_of(definition, service_of(definition["Target"]), self._logs, self._cloud.clock),
        )

    def position(self, definition: dict[str, Any]) -> None:
        """Fix the starting position in every shard that exists now; what comes later is read from its beginning."""
        parameters = source_parameters(definition)
        start = parameters["StartingPosition"]
        records = self._cloud.log
        for shard in self._source(definition).streams.shards(definition["Source"]):
            if start == "LATEST":
                records.checkpoint(definition["Arn"], shard, records.last(shard))
            elif start == "AT_TIMESTAMP":
                position = records.before(shard, parameters["StartingPositionTimestamp"])
                records.checkpoint(definition["Arn"], shard, position)

    def trouble(self, definition: dict[str, Any]) -> str:
        """Why the pipe cannot run, as its StateReason; empty when it can. AWS too finds out only after the call."""
        if definition["CurrentState"] == "STOPPING":
            return ""
        source = definition["Source"]
        if not self._source(definition).streams.shards(source):
            return (
                f"{_INACCESSIBLE}Cannot access stream {source}. "
                "Please ensure the customer role can perform actions on source stream"
            )
        if missing := self._target(definition).missing():
            return _INACCESSIBLE + missing
        queue = _dead_letter_queue(definition)
        if queue and api_trouble(lambda: queue_url(self._cloud.client("sqs", queue.split(":")[3]), queue)):
            return f"{_INACCESSIBLE}Error occurred while sending message to SQS queue: {queue}"
        logs = log_group_arn(definition)
        if logs and (missing := LogsTarget(self._cloud, logs, {}, definition["Name"]).missing()):
            return _INACCESSIBLE + missing
        return ""

    def _source(self, definition: dict[str, Any]) -> Source:
        if service_of(definition["Source"]) == "kinesis":
            return KinesisSource(self._kinesis, definition["Source"], definition["RoleArn"])
        return DynamoDbSource(self._streams, definition["Source"])

    def _target(self, definition: dict[str, Any]) -> Target:
        arn, parameters = definition["Target"], definition["TargetParameters"]
        service = service_of(arn)
        if service == "kinesis":
            return KinesisTarget(self._kinesis, arn, parameters["KinesisStreamParameters"]["PartitionKey"])
        if service == "sqs":
            return SqsTarget(self._cloud, arn, parameters.get("SqsQueueParameters", {}))
        if service == "lambda":
            return LambdaTarget(self._cloud, arn, parameters.get("LambdaFunctionParameters", {}))
        return LogsTarget(self._cloud, arn, parameters.get("CloudWatchLogsParameters", {}), definition["Name"])

    def _dead_letter(
        self, definition: dict[str, Any], source: Source, shard: str, condition: str, records: Sequence[Record]
    ) -> None:
        """Send the pointer to a batch that was given up to the pipe's queue, if it has one."""
        queue = _dead_letter_queue(definition)
        if not queue:
            log.warning("Pipe %s dropped %d records: %s", definition["Arn"], len(records), condition)
            return
        message = {
            "context": {"partnerResourceArn": definition["Arn"], "condition": condition},
            "version": "1.0",
            "timestamp": iso(self._cloud.clock()),
            **batch_info(source, shard, records),
        }
        client = self._cloud.client("sqs", queue.split(":")[3])
        client.send_message(QueueUrl=queue_url(client, queue), MessageBody=msgspec.json.encode(message).decode())


def _dead_letter_queue(definition: dict[str, Any]) -> str:
    return str((source_parameters(definition).get("DeadLetterConfig") or {}).get("Arn", ""))
