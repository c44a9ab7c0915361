import base64
import threading
from datetime import UTC, datetime
from hashlib import md5

import pytest

from data_plane import Aws, Clock, failure
from salespipe.local.api import AwsError, Call
from salespipe.local.moto.bridge import ACCOUNT


def create(client, shards=1, name="orders"):
    client.create_stream(StreamName=name, ShardCount=shards)
    return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def iterator(client, shard="shardId-000000000000", kind="TRIM_HORIZON", **more):
    return client.get_shard_iterator(StreamName="orders", ShardId=shard, ShardIteratorType=kind, **more)[
        "ShardIterator"
    ]


def read(client, shard="shardId-000000000000", kind="TRIM_HORIZON", **more):
    return client.get_records(ShardIterator=iterator(client, shard, kind, **more))


def data(answer):
    return [record["Data"] for record in answer["Records"]]


def put(client, *texts, key="k"):
    return client.put_records(StreamName="orders", Records=[{"PartitionKey": key, "Data": text} for text in texts])


def test_what_is_put_is_read_in_order(client):
    create(client)
    first = client.put_record(StreamName="orders", PartitionKey="a", Data=b"\x00one")
    answer = put(client, b"two", b"three", key="b")
    assert answer["FailedRecordCount"] == 0
    page = read(client)
    assert data(page) == [b"\x00one", b"two", b"three"]
    assert [record["PartitionKey"] for record in page["Records"]] == ["a", "b", "b"]
    numbers = [record["SequenceNumber"] for record in page["Records"]]
    assert numbers == [first["SequenceNumber"], *(record["SequenceNumber"] for record in answer["Records"])]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {56}
    assert page["Records"][0]["ApproximateArrivalTimestamp"].timestamp() == 1_800_000_000
    assert page["MillisBehindLatest"] == 0
    put(client, b"four")
    assert data(client.get_records(ShardIterator=page["NextShardIterator"])) == [b"four"]


def test_a_key_goes_to_the_shard_of_its_hash(aws, client):
    arn = create(client, 4)
    shards = client.list_shards(StreamName="orders")["Shards"]
    ranges = {
        shard["ShardId"]: (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in shards
    }
    keys = [f"o-{number}" for number in range(100)]
    answer = client.put_records(StreamName="orders", Records=[{"PartitionKey": key, "Data": b""} for key in keys])
    for key, record in zip(keys, answer["Records"], strict=True):
        low, high = ranges[record["ShardId"]]
        assert low <= int(md5(key.encode(), usedforsecurity=False).hexdigest(), 16) <= high
    assert {record["ShardId"] for record in answer["Records"]} == set(ranges)
    assert sum(len(aws.log.read(shard, 0, 1_000)) for shard in aws.kinesis.shards(arn)) == 100
    assert [aws.kinesis.shard_id(shard) for shard in aws.kinesis.shards(arn)] == sorted(ranges)


def test_an_explicit_hash_key_overrides_the_partition_key(client):
    create(client, 2)
    for number, shard in ((0, 0), (2**127 - 1, 0), (2**127, 1), (2**128 - 1, 1)):
        answer = client.put_record(StreamName="orders", PartitionKey="k", ExplicitHashKey=str(number), Data=b"x")
        assert answer["ShardId"] == f"shardId-{shard:012d}"
    code, message = failure(
        client.put_record, StreamName="orders", PartitionKey="k", ExplicitHashKey=str(2**128), Data=b"x"
    )
    assert code == "InvalidArgumentException"
    assert "ExplicitHashKey must be in the range: [0, 2^128-1]" in message
    assert failure(client.put_record, StreamName="orders", PartitionKey="k", ExplicitHashKey="-1", Data=b"x")[0] == (
        "ValidationException"
    )


def test_every_kind_of_iterator(aws, client):
    create(client)
    put(client, b"1")
    aws.clock.now += 10
    put(client, b"2")
    aws.clock.now += 10
    latest = iterator(client, kind="LATEST")
    put(client, b"3")
    middle = read(client)["Records"][1]["SequenceNumber"]
    assert data(read(client, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=middle)) == [b"2", b"3"]
    assert data(read(client, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=middle)) == [b"3"]
    assert data(client.get_records(ShardIterator=latest)) == [b"3"]
    for seconds, expected in ((0, [b"1", b"2", b"3"]), (5, [b"2", b"3"]), (10, [b"2", b"3"]), (20, [b"3"])):
        when = datetime.fromtimestamp(1_800_000_000 + seconds, UTC)
        assert data(read(client, kind="AT_TIMESTAMP", Timestamp=when)) == expected


def test_iterators_that_cannot_be(aws, client):
    create(client)
    number = put(client, b"1")["Records"][0]["SequenceNumber"]
    assert failure(iterator, client, kind="AT_SEQUENCE_NUMBER")[0] == "InvalidArgumentException"
    assert failure(iterator, client, StartingSequenceNumber=number)[0] == "InvalidArgumentException"
    assert failure(iterator, client, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber="17")[0] == (
        "InvalidArgumentException"
    )
    assert failure(iterator, client, kind="AT_TIMESTAMP")[0] == "InvalidArgumentException"
    later = datetime.fromtimestamp(aws.clock.now + 60, UTC)
    assert failure(iterator, client, kind="AT_TIMESTAMP", Timestamp=later)[0] == "InvalidArgumentException"
    assert failure(iterator, client, kind="SOMEWHERE")[0] == "ValidationException"
    assert failure(iterator, client, shard="shardId-000000000009") == (
        "ResourceNotFoundException",
        f"Shard shardId-000000000009 in stream orders under account {ACCOUNT} does not exist",
    )
    assert failure(client.get_records, ShardIterator="AAAA") == ("InvalidArgumentException", "Invalid ShardIterator.")
    old = iterator(client)
    aws.clock.now += 301
    code, message = failure(client.get_records, ShardIterator=old)
    assert code == "ExpiredIteratorException"
    assert "tolerated delay of 300000 milliseconds" in message


def test_get_records_is_limited_in_number_and_bytes(aws, client):
    create(client)
    for _ in range(15):
        put(client, b"x" * 900_000)
        aws.clock.now += 1  # so much a second, a shard takes
    put(client, b"last")
    page = client.get_records(ShardIterator=iterator(client), Limit=2)
    assert len(page["Records"]) == 2
    aws.clock.now += 3
    page = client.get_records(ShardIterator=page["NextShardIterator"])
    assert len(page["Records"]) == 11  # 10 MB
    assert page["MillisBehindLatest"] == 5_000
    page = client.get_records(ShardIterator=page["NextShardIterator"])
    assert (len(page["Records"]), page["MillisBehindLatest"]) == (3, 0)
    assert failure(client.get_records, ShardIterator=iterator(client), Limit=10_001)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("records", "code", "message"),
    [
        ([], "ValidationException", "Member must have length greater than or equal to 1"),
        ([{"PartitionKey": "k", "Data": b""}] * 501, "ValidationException", "less than or equal to 500"),
        ([{"PartitionKey": "k" * 257, "Data": b""}], "ValidationException", "records.1.member.partitionKey"),
        (
            [{"PartitionKey": "k", "Data": b""}, {"PartitionKey": "k", "Data": b"x" * 2**20}],
            "ValidationException",
            "records.2.member.data",
        ),
        ([{"PartitionKey": "k", "Data": b"x" * 1_000_000}] * 11, "InvalidArgumentException", "exceeds 10 MB limit"),
    ],
)
def test_records_beyond_the_limits_are_refused_whole(aws, client, records, code, message):
    create(client)
    encoded = [{**record, "Data": base64.b64encode(record["Data"]).decode()} for record in records]
    call = Call("kinesis", "PutRecords", "us-east-1", ACCOUNT, params={"StreamName": "orders", "Records": encoded})
    with pytest.raises(AwsError) as caught:
        aws.kinesis.handlers["PutRecords"](call)
    assert caught.value.code == code
    assert message in caught.value.message
    assert data(read(client)) == []


def test_a_stream_that_is_not_there(aws, client):
    expected = ("ResourceNotFoundException", f"Stream nothing under account {ACCOUNT} not found.")
    record = {"PartitionKey": "k", "Data": b""}
    assert failure(client.put_record, StreamName="nothing", **record) == expected
    assert failure(client.put_records, StreamName="nothing", Records=[record]) == expected
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/nothing"
    assert aws.kinesis.shards(arn) == []
    with pytest.raises(Exception, match="Stream nothing under account"):
        aws.kinesis.put(arn, [("k", b"")])


def test_a_stream_can_be_named_by_its_arn(aws, client):
    arn = create(client)
    assert client.put_record(StreamARN=arn, PartitionKey="k", Data=b"x")["ShardId"] == "shardId-000000000000"
    [(shard_id, number)] = aws.kinesis.put(arn, [("k", b"y")])
    assert (shard_id, len(number)) == ("shardId-000000000000", 56)
    token = client.get_shard_iterator(StreamARN=arn, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    page = client.get_records(ShardIterator=token)
    assert data(page) == [b"x", b"y"]
    assert page["Records"][1]["SequenceNumber"] == number


def test_a_split_leaves_the_records_with_the_parent(client):
    create(client)
    put(client, b"before")
    client.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    low = client.put_record(StreamName="orders", PartitionKey="k", ExplicitHashKey="0", Data=b"low")
    high = client.put_record(StreamName="orders", PartitionKey="k", ExplicitHashKey=str(2**128 - 1), Data=b"high")
    assert (low["ShardId"], high["ShardId"]) == ("shardId-000000000001", "shardId-000000000002")
    page = read(client)
    assert data(page) == [b"before"]
    assert "NextShardIterator" not in page
    assert [child["ShardId"] for child in page["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert data(read(client, "shardId-000000000001")) == [b"low"]
    parent, child, _ = client.list_shards(StreamName="orders")["Shards"]
    assert parent["SequenceNumberRange"]["EndingSequenceNumber"] == page["Records"][-1]["SequenceNumber"]
    assert "EndingSequenceNumber" not in child["SequenceNumberRange"]
    assert child["ParentShardId"] == "shardId-000000000000"


def test_a_merge_joins_two_shards(client):
    create(client, 2)
    client.merge_shards(
        StreamName="orders", ShardToMerge="shardId-000000000001", AdjacentShardToMerge="shardId-000000000000"
    )
    answers = [
        client.put_record(StreamName="orders", PartitionKey="k", ExplicitHashKey=str(key), Data=b"x")["ShardId"]
        for key in (0, 2**127, 2**128 - 1)
    ]
    assert answers == ["shardId-000000000002"] * 3
    assert (
        failure(
            client.merge_shards,
            StreamName="orders",
            ShardToMerge="shardId-000000000000",
            AdjacentShardToMerge="shardId-000000000001",
        )[0]
        == "InvalidArgumentException"
    )


def test_resharding_keeps_every_hash_key_covered(client):
    create(client, 2)
    client.update_shard_count(StreamName="orders", TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    records = [{"PartitionKey": f"k-{number}", "Data": b"x"} for number in range(200)]
    answer = client.put_records(StreamName="orders", Records=records)
    used = {record["ShardId"] for record in answer["Records"]}
    described = client.describe_stream(StreamName="orders")["StreamDescription"]["Shards"]
    still_open = {s["ShardId"] for s in described if "EndingSequenceNumber" not in s["SequenceNumberRange"]}
    assert used == still_open
    assert len(used) == 3


def test_a_deleted_stream_takes_its_records_along(aws, client):
    create(client)
    put(client, b"old")
    old = iterator(client)
    client.delete_stream(StreamName="orders")
    assert failure(client.get_records, ShardIterator=old)[0] == "ResourceNotFoundException"
    create(client)
    assert failure(client.get_records, ShardIterator=old)[0] == "ResourceNotFoundException"
    assert data(read(client)) == []
    rows = aws.store.read().execute("SELECT count(*) FROM log_record").fetchone()
    assert rows == (0,)


def test_records_are_trimmed_after_the_retention(aws, client):
    create(client)
    create(client, name="longer")
    client.increase_stream_retention_period(StreamName="longer", RetentionPeriodHours=48)
    for name in ("orders", "longer"):
        client.put_record(StreamName=name, PartitionKey="k", Data=b"old")
    aws.clock.now += 25 * 3600
    put(client, b"new")
    assert aws.kinesis.trim() == 1
    assert data(read(client)) == [b"new"]
    token = client.get_shard_iterator(
        StreamName="longer", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert data(client.get_records(ShardIterator=token)) == [b"old"]


def test_records_and_shards_survive_a_restart(tmp_path):
    clock = Clock()
    first = Aws(tmp_path / "data", clock)
    client = first.client("kinesis", "eu-west-1")
    arn = create(client)
    put(client, b"1")
    client.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    token = iterator(client)
    first.close()
    second = Aws(tmp_path / "data", clock)
    client = second.client("kinesis", "eu-west-1")
    page = client.get_records(ShardIterator=token)
    assert data(page) == [b"1"]
    assert len(second.kinesis.shards(arn)) == 3
    assert put(client, b"2")["Records"][0]["ShardId"] != "shardId-000000000000"
    second.close()


def test_tags_of_the_creation_are_kept(client):
    client.create_stream(StreamName="orders", ShardCount=1, Tags={"project": "sales"})
    assert client.list_tags_for_stream(StreamName="orders")["Tags"] == [{"Key": "project", "Value": "sales"}]


def test_a_provisioned_stream_needs_a_number_of_shards(client):
    assert failure(client.create_stream, StreamName="orders")[0] == "ValidationException"
    client.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(client.list_shards(StreamName="orders")["Shards"]) == 4


def test_eight_writers_lose_nothing_and_keep_each_keys_order(aws, client):
    arn = create(client, 2)
    failures = []

    def work(writer):
        try:
            for number in range(20):
                put(client, f"{writer}:{number}:a".encode(), f"{writer}:{number}:b".encode(), key=f"w{writer}")
        except Exception as error:  # noqa: BLE001 - told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    records = [record for shard in aws.kinesis.shards(arn) for record in aws.log.read(shard, 0, 1_000)]
    assert len(records) == 320
    for writer in range(8):
        mine = [record.data.decode() for record in records if record.key == f"w{writer}"]
        assert mine == [f"{writer}:{number}:{part}" for number in range(20) for part in "ab"]


def test_binary_data_passes_as_base64(client):
    create(client)
    everything = bytes(range(256))
    put(client, everything, base64.b64encode(everything))
    assert data(read(client)) == [everything, base64.b64encode(everything)]
