"""What a shard takes in a second, and what becomes of the rest."""

from data_plane import failure


def create(client, shards=1, **more):
    client.create_stream(StreamName="orders", ShardCount=shards, **more)


def put(client, count, size=1, key="k"):
    records = [{"PartitionKey": key, "Data": b"x" * size} for _ in range(count)]
    return client.put_records(StreamName="orders", Records=records)


def held(client):
    shards = client.list_shards(StreamName="orders")["Shards"]
    starts = [
        client.get_shard_iterator(StreamName="orders", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        for shard in shards
    ]
    return sum(len(client.get_records(ShardIterator=start["ShardIterator"])["Records"]) for start in starts)


def test_a_shard_takes_a_thousand_records_a_second(aws, client):
    create(client)
    assert [put(client, 400)["FailedRecordCount"] for _ in range(3)] == [0, 0, 200]
    assert held(client) == 1000
    aws.clock.now += 1
    assert put(client, 400)["FailedRecordCount"] == 0


def test_what_is_refused_is_told_record_by_record(client):
    create(client)
    put(client, 500)
    put(client, 500)
    answer = put(client, 2)
    assert answer["FailedRecordCount"] == 2
    message = "Rate exceeded for shard shardId-000000000000 in stream orders under account 123456789012."
    assert answer["Records"] == [{"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": message}] * 2
    refusal = answer["Records"][0]
    told = failure(client.put_record, StreamName="orders", PartitionKey="k", Data=b"1")
    assert told == (refusal["ErrorCode"], refusal["ErrorMessage"])


def test_a_shard_takes_a_megabyte_a_second_keys_included(aws, client):
    create(client)
    half = 2**19 - 1
    assert put(client, 3, half)["FailedRecordCount"] == 1
    aws.clock.now += 1
    assert put(client, 2, 2**20 - 1)["FailedRecordCount"] == 1


def test_every_shard_has_its_own(client):
    create(client, 2)
    for key in ("a", "b", "c", "d"):
        put(client, 500, key=key)
    assert 1000 < held(client) <= 2000


def test_what_fits_behind_what_does_not_is_taken(client):
    create(client)
    records = [{"PartitionKey": "k", "Data": b"x" * size} for size in (2**19, 2**20 - 8, 5)]
    answer = client.put_records(StreamName="orders", Records=records)
    assert ["ErrorCode" in record for record in answer["Records"]] == [False, True, False]


def test_an_on_demand_stream_takes_more(client):
    client.create_stream(StreamName="orders", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert [put(client, 500, 500)["FailedRecordCount"] for _ in range(5)] == [0] * 5
