"""What moto does with the streams that we took over, at each point where we touch its inside."""

import base64
import gzip
import pickle

import msgspec
import pytest
from moto.kinesis.models import kinesis_backends

from salespipe.local.api import Cloud
from salespipe.local.cloud import Clients, _session
from salespipe.local.front.gateway import Gateway
from salespipe.local.kinesis.moto_shards import LoggedShard, LoggedStream, parse_sequence_number, sequence_number
from salespipe.local.kinesis.service import Kinesis
from salespipe.local.moto.bridge import ACCOUNT, Moto
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

SESSION = _session()


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Aws:
    """The data plane over moto, without a socket; what is in ``folder`` outlives it."""

    def __init__(self, folder, clock):
        self.clock = clock
        self.store = Store(folder)
        self.log = RecordLog(self.store, clock)
        self.moto = Moto(self.store)
        gateway = Gateway(self.moto, ACCOUNT)
        endpoint = "http://127.0.0.1:1"
        self.client = Clients(gateway, endpoint)
        self.client._session = SESSION  # which keeps the service models that it has read
        cloud = Cloud(self.store, self.log, self.client, endpoint, ACCOUNT, clock)
        self.kinesis = Kinesis(cloud)
        self.moto.forwards["kinesis"] = self.kinesis.forward
        gateway.add(self.kinesis)
        self.kinesis.start()

    def close(self):
        self.moto.close()
        self.store.close()


@pytest.fixture(autouse=True)
def _no_iam_policies(monkeypatch):
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # reading them takes longer than a test


@pytest.fixture
def aws(tmp_path):
    aws = Aws(tmp_path / "data", Clock())
    yield aws
    aws.close()


@pytest.fixture
def client(aws):
    return aws.client("kinesis", "us-east-1")


def stream_of(client, shards=2):
    client.create_stream(StreamName="orders", ShardCount=shards)
    client.describe_stream(StreamName="orders")
    return kinesis_backends[ACCOUNT]["us-east-1"].streams["orders"]


def test_a_stream_is_ours_once_it_is_asked_for(client):
    stream = stream_of(client)
    assert isinstance(stream, LoggedStream)
    assert all(isinstance(shard, LoggedShard) for shard in stream.shards.values())


def test_motos_own_put_goes_into_the_log(aws, client):
    stream = stream_of(client)
    number, shard_id = stream.put_record("key", "", base64.b64encode(b"data").decode())
    [name] = [shard for shard in aws.kinesis.shards(stream.arn) if aws.kinesis.shard_id(shard) == shard_id]
    [record] = aws.log.read(name, 0, 10)
    assert (record.key, record.data, sequence_number(record.sequence)) == ("key", b"data", number)
    assert not stream.shards[shard_id].records


def test_a_log_event_that_moto_forwards_goes_into_the_log(aws, client):
    stream = stream_of(client, 1)
    kinesis_backends[ACCOUNT]["us-east-1"].send_log_event(stream.arn, "f", "group", "stream", [{"message": "hello"}])
    [record] = aws.log.read(aws.kinesis.shards(stream.arn)[0], 0, 10)
    assert msgspec.json.decode(gzip.decompress(record.data))["logEvents"] == [{"message": "hello"}]


def test_a_description_has_the_logs_sequence_numbers(client):
    stream_of(client, 1)
    put = client.put_record(StreamName="orders", PartitionKey="k", Data=b"x")["SequenceNumber"]
    client.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey="5")
    parent, *children = client.describe_stream(StreamName="orders")["StreamDescription"]["Shards"]
    assert parent["SequenceNumberRange"] == {
        "StartingSequenceNumber": sequence_number(0),
        "EndingSequenceNumber": put,
    }
    assert [child["HashKeyRange"]["StartingHashKey"] for child in children] == ["0", "5"]


def test_pickles_do_not_take_the_log_along(aws, client):
    stream = stream_of(client)
    again = pickle.loads(pickle.dumps(stream))  # noqa: S301 - made just now
    assert all(not hasattr(shard, "log") for shard in again.shards.values())
    kinesis_backends[ACCOUNT]["us-east-1"].streams["orders"] = again
    client.put_record(StreamName="orders", PartitionKey="k", Data=b"x")
    assert sum(len(aws.log.read(shard, 0, 10)) for shard in aws.kinesis.shards(stream.arn)) == 1


def test_sequence_numbers_go_both_ways():
    assert [parse_sequence_number(sequence_number(number)) for number in (0, 1, 10**12)] == [0, 1, 10**12]
    for wrong in (None, 5, "", "12", "x" * 56, "48" + "0" * 54):
        with pytest.raises(ValueError, match="No sequence number"):
            parse_sequence_number(wrong)
