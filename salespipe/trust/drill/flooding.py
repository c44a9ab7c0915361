"""A failure in which there is no room: another producer fills the stream's only shard."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe import lifecycle
from salespipe.config import Config, Pipe, Stream
from salespipe.pipeline import pipeline
from salespipe.trust.drill.came import records

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.drill.place import Place

# A shard takes 1,000 records a second: twice that leaves nothing to others for most of each second.
_BATCH: Final = 500
_PAUSE: Final = 0.25
_KNOWN: Final = 50


def one_shard(config: Config) -> Config:
    """A stream with one shard, which takes 1,000 records or 1 MB a second, and a pipe that soon gives up."""
    return msgspec.structs.replace(_shards(config, 1), pipe=Pipe(max_retries=1))


class Flood:
    """Puts events into the stream that have come through it before, so many that others find no room."""

    def __init__(self, aws: Aws, entries: list[dict[str, Any]]) -> None:
        self.put = self.refused = 0
        self._aws = aws
        self._entries = (entries * _BATCH)[:_BATCH] if entries else []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drill-flood", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for that. Idempotent."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        kinesis, name = self._aws.client("kinesis"), self._aws.names.stream
        while self._entries and not self._ended.wait(_PAUSE):
            try:
                answer = kinesis.put_records(StreamName=name, Records=self._entries)
            except (BotoCoreError, ClientError):
                continue  # the stream is being changed
            self.refused += answer["FailedRecordCount"]
            self.put += len(self._entries) - answer["FailedRecordCount"]


def flood(place: Place) -> None:
    """Begin to fill the shard with what has come through it already: the views have each event once."""
    entries = [{"Data": data, "PartitionKey": key} for key, data in records(place.aws, _KNOWN)]
    place.flood = Flood(replace(place.aws, attempts=1), entries)
    place.flood.start()
    place.broke(
        f"another producer puts {_BATCH / _PAUSE:,.0f} records a second into the stream's only shard,"
        " which takes 1,000: copies of events that have been there",
        f"aws kinesis put-records --stream-name {place.aws.names.stream} --records file://copies.json",
    )


def make_room(place: Place) -> None:
    """End the flood, and give the stream a second shard: the configuration is changed, and ``up`` repairs."""
    told = ""
    if place.flood:
        place.flood.stop()
        told = f" after {place.flood.put:,} records, and {place.flood.refused:,} that were refused"
    place.healed(f"the other producer has ended{told}")
    place.aws = place.ground.configure(lambda config: _shards(config, 2))
    for _ in lifecycle.up(place.aws, pipeline(place.aws)):
        pass
    place.healed("the stream has two shards now", "salespipe up (with shards = 2 under [stream] in salespipe.toml)")


def _shards(config: Config, count: int) -> Config:
    return msgspec.structs.replace(config, stream=Stream(mode="PROVISIONED", shards=count))
