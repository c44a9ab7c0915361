"""What moto does with the streams that we took over, at each point where we touch its inside."""

import base64
import gzip
import pickle

import msgspec
import pytest
from moto.kinesis.models import kinesis_backends

from salespipe.local.kinesis.moto_shards import LoggedShard, LoggedStream, parse_sequence_number, sequence_number
from salespipe.local.moto.bridge import ACCOUNT


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
