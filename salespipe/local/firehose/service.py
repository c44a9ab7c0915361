"""Amazon Data Firehose: the API, the states, and a worker for each delivery stream. moto's Firehose is not used.

Source: service model of firehose, 2015-08-04; developer guide. Sources: Kinesis streams and PutRecord; destination: S3.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler
from salespipe.local.definitions import Definitions
from salespipe.local.firehose.conversion import check_table
from salespipe.local.firehose.definition import destination, refused, settings
from salespipe.local.firehose.description import described, merged, new_definition, s3_configuration, tags_of
from salespipe.local.firehose.objects import ObjectWriter
from salespipe.local.firehose.origins import DirectPut, Streams, check_source, origin_of, put_direct
from salespipe.local.firehose.transform import Invoker
from salespipe.local.firehose.worker import DeliveryWorker

log = logging.getLogger(__name__)

_BATCH_RECORDS: Final = 500


class Firehose:
    """The Firehose service. ``kinesis`` is where streams are read from, ``lambda_`` what runs the transforms.

    ``random`` makes the random parts of keys and record IDs.
    """

    name = "firehose"

    def __init__(self, cloud: Cloud, kinesis: Streams, lambda_: Invoker, *, random: Random | None = None) -> None:
        self._cloud = cloud
        self._kinesis = kinesis
        self._lambda = lambda_
        self._random = random or secrets.SystemRandom()
        self._definitions = Definitions(cloud.store, "delivery stream")
        self._workers: dict[tuple[str, str], DeliveryWorker] = {}
        self._changes: set[threading.Thread] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Every operation of Firehose."""
        return {
            "CreateDeliveryStream": self._create,
            "DescribeDeliveryStream": self._describe,
            "ListDeliveryStreams": self._list,
            "UpdateDestination": self._update,
            "DeleteDeliveryStream": self._delete,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_batch,
            "TagDeliveryStream": self._tag,
            "UntagDeliveryStream": self._untag,
            "ListTagsForDeliveryStream": self._list_tags,
            "StartDeliveryStreamEncryption": self._start_encryption,
            "StopDeliveryStreamEncryption": self._stop_encryption,
        }

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing of Firehose is left to moto."""

    def start(self) -> None:
        """Go on where every delivery stream was."""
        for region, name in self._definitions.everywhere():
            definition = self._definitions.get(region, name)
            if definition is None:
                continue
            if definition["DeliveryStreamStatus"] != "CREATING":
                with self._lock:
                    self._work(region, definition)
            if definition["DeliveryStreamStatus"] != "ACTIVE":
                self._change(region, name)

    def stop(self) -> None:
        """End every worker; what they had gathered is read again at the next start."""
        self._stopping.set()
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
            changes = list(self._changes)
        for worker in workers:
            worker.stop()
        for change in changes:
            change.join()

    def _create(self, call: Call) -> dict[str, Any]:
        definition = new_definition(call.params, call.region, self._cloud.account, self._cloud.clock())
        name = definition["DeliveryStreamName"]
        check_source(definition, self._kinesis, self._cloud.account)
        check_table(self._cloud.client, definition)
        with self._lock:
            if self._definitions.get(call.region, name):
                message = f"Firehose {name} under accountId {self._cloud.account} already exists"
                raise AwsError("ResourceInUseException", message)
            self._save(call.region, definition)
            self._change(call.region, name)
        return {"DeliveryStreamARN": definition["DeliveryStreamARN"]}

    def _describe(self, call: Call) -> dict[str, Any]:
        return {"DeliveryStreamDescription": described(self._get(call))}

    def _list(self, call: Call) -> dict[str, Any]:
        after = call.params.get("ExclusiveStartDeliveryStreamName") or ""
        kind = call.params.get("DeliveryStreamType")
        limit = call.params.get("Limit") or 10
        names: list[str] = []
        for name in self._definitions.names(call.region):
            definition = self._definitions.get(call.region, name)
            if name > after and definition is not None and kind in {None, definition["DeliveryStreamType"]}:
                names.append(name)
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def _update(self, call: Call) -> dict[str, Any]:
        extended, change = s3_configuration(call.params, "Update")
        with self._lock:
            definition = self._active(call)
            current = definition["VersionId"]
            if call.params.get("CurrentDeliveryStreamVersionId") != current:
                raise AwsError(
                    "ConcurrentModificationException",
                    f"Cannot update firehose: {definition['DeliveryStreamName']} since the current version id: "
                    f"{current} and specified version id: {call.params.get('CurrentDeliveryStreamVersionId')} "
                    "do not match",
                )
            if call.params.get("DestinationId") != "destinationId-000000000001":
                raise refused(f"Destination Id {call.params.get('DestinationId')} not found")
            definition |= {
                "Destination": destination(merged(definition["Destination"], change)),
                "Extended": definition["Extended"] or extended,
                "VersionId": str(int(current) + 1),
                "LastUpdateTimestamp": self._cloud.clock(),
            }
            check_table(self._cloud.client, definition)
            self._save(call.region, definition)
            if worker := self._workers.get((call.region, definition["DeliveryStreamName"])):
                worker.settings = settings(definition)
        self._cloud.log.wake()
        return {}

    def _delete(self, call: Call) -> dict[str, Any]:
        with self._lock:
            definition = self._get(call)
            name, status = definition["DeliveryStreamName"], definition["DeliveryStreamStatus"]
            if status == "CREATING":
                message = f"Firehose {name} under account {self._cloud.account} is being created and cannot be deleted."
                raise AwsError("ResourceInUseException", message)
            if status != "DELETING":
                definition["DeliveryStreamStatus"] = "DELETING"
                self._save(call.region, definition)
                self._change(call.region, name)
        return {}

    def _put_record(self, call: Call) -> dict[str, Any]:
        (identity,) = self._put(call, [call.params.get("Record") or {}])
        return {"RecordId": identity, "Encrypted": False}

    def _put_batch(self, call: Call) -> dict[str, Any]:
        records = call.params.get("Records")
        if not isinstance(records, list) or not 1 <= len(records) <= _BATCH_RECORDS:
            raise refused(f"Records must have 1 to {_BATCH_RECORDS} elements.")
        responses = [{"RecordId": identity} for identity in self._put(call, records)]
        return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": responses}

    def _put(self, call: Call, records: list[dict[str, Any]]) -> list[str]:
        """Accept records durably; an ID for each."""
        definition = self._active(call)
        if definition["Source"]:
            raise refused("This operation is not permitted on KinesisStreamAsSource delivery stream type.")
        put_direct(self._cloud, definition, records)
        return [f"{self._random.getrandbits(768):0192x}" for _ in records]

    def _tag(self, call: Call) -> dict[str, Any]:
        with self._lock:
            definition = self._get(call)
            definition["Tags"] |= tags_of(call.params.get("Tags"))
            self._save(call.region, definition)
        return {}

    def _untag(self, call: Call) -> dict[str, Any]:
        with self._lock:
            definition = self._get(call)
            for key in call.params.get("TagKeys") or []:
                definition["Tags"].pop(key, None)
            self._save(call.region, definition)
        return {}

    def _list_tags(self, call: Call) -> dict[str, Any]:
        after = call.params.get("ExclusiveStartTagKey") or ""
        limit = call.params.get("Limit") or 50
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._get(call)["Tags"].items()) if key > after]
        return {"Tags": tags[:limit], "HasMoreTags": len(tags) > limit}

    def _start_encryption(self, call: Call) -> dict[str, Any]:
        given = call.params.get("DeliveryStreamEncryptionConfigurationInput") or {"KeyType": "AWS_OWNED_CMK"}
        return self._encrypt(call, {**given, "Status": "ENABLED"})

    def _stop_encryption(self, call: Call) -> dict[str, Any]:
        return self._encrypt(call, {"Status": "DISABLED"})

    def _encrypt(self, call: Call, encryption: dict[str, Any]) -> dict[str, Any]:
        """Noted and described only: the state of this local AWS is not encrypted."""
        with self._lock:
            definition = self._active(call)
            if definition["Source"]:
                raise refused("Server-side encryption is for delivery streams of type DirectPut only.")
            definition["Encryption"] = encryption
            self._save(call.region, definition)
        return {}

    def _get(self, call: Call) -> dict[str, Any]:
        name = str(call.params.get("DeliveryStreamName"))
        definition = self._definitions.get(call.region, name)
        if definition is None:
            message = f"Firehose {name} under account {self._cloud.account} not found."
            raise AwsError("ResourceNotFoundException", message)
        return definition

    def _active(self, call: Call) -> dict[str, Any]:
        definition = self._get(call)
        if definition["DeliveryStreamStatus"] != "ACTIVE":
            name, status = definition["DeliveryStreamName"], definition["DeliveryStreamStatus"]
            raise AwsError("ResourceInUseException", f"Firehose {name} is {status}, not ACTIVE.")
        return definition

    def _save(self, region: str, definition: dict[str, Any]) -> None:
        self._definitions.put(region, definition["DeliveryStreamName"], definition)

    def _change(self, region: str, name: str) -> None:
        """Bring a delivery stream in a transient state to where it is going, in a thread of its own."""
        thread = threading.Thread(target=self._settle, args=(region, name), name=f"firehose-{name}-change", daemon=True)
        with self._lock:
            self._changes.add(thread)
        thread.start()

    def _settle(self, region: str, name: str) -> None:
        try:
            definition = self._definitions.get(region, name)
            if definition is not None and definition["DeliveryStreamStatus"] == "CREATING":
                self._activate(region, name)
            elif definition is not None:
                self._remove(region, definition)
        except Exception:
            log.exception("Delivery stream %s in %s is stuck until the next start.", name, region)
        finally:
            with self._lock:
                self._changes.discard(threading.current_thread())

    def _activate(self, region: str, name: str) -> None:
        """From now on: what is in the Kinesis stream already is not delivered."""
        records = self._cloud.log
        with self._lock:
            definition = self._definitions.get(region, name)
            if definition is None or self._stopping.is_set():
                return
            with self._cloud.store.write():
                if definition["Source"]:
                    for shard in origin_of(definition, self._kinesis, self._cloud).shards():
                        records.checkpoint(definition["DeliveryStreamARN"], shard, records.last(shard))
                    definition["Source"]["DeliveryStartTimestamp"] = self._cloud.clock()
                definition["DeliveryStreamStatus"] = "ACTIVE"
                self._save(region, definition)
            self._work(region, definition)

    def _remove(self, region: str, definition: dict[str, Any]) -> None:
        with self._lock:
            worker = self._workers.get((region, definition["DeliveryStreamName"]))
        if worker is not None:
            worker.drain()
        if self._stopping.is_set():
            return
        arn = definition["DeliveryStreamARN"]
        with self._lock, self._cloud.store.write():
            self._workers.pop((region, definition["DeliveryStreamName"]), None)
            self._cloud.log.forget(arn)
            self._cloud.log.drop(DirectPut.shard(arn))
            self._definitions.delete(region, definition["DeliveryStreamName"])

    def _work(self, region: str, definition: dict[str, Any]) -> None:
        """Start the worker; the caller holds the lock."""
        origin = origin_of(definition, self._kinesis, self._cloud)
        client, clock = self._cloud.client, self._cloud.clock
        report = self._cloud.metrics.of(region, definition["DeliveryStreamName"])
        worker = DeliveryWorker(
            settings(definition),
            origin,
            self._lambda,
            ObjectWriter(client, region, clock, self._random, origin.sequence_number, report=report),
            log=self._cloud.log,
            clock=clock,
            report=report,
        )
        self._workers[region, definition["DeliveryStreamName"]] = worker
        worker.start()
