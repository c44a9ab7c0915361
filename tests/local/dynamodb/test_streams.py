import msgspec
import pytest
from botocore.exceptions import ClientError

from data_plane import create_table


def events(aws, stream_arn):
    """Every event of a stream, as the pipes see them."""
    records = [record for shard in aws.streams.shards(stream_arn) for record in aws.log.read(shard, 0, 10_000)]
    return [msgspec.json.decode(record.data) for record in records]


def put(db, number, **more):
    db.put_item(TableName="orders", Item={"orderid": {"S": f"o-{number}"}, **more})


def reader(aws, region="us-east-1"):
    return aws.client("dynamodbstreams", region)


def shard_of(client, arn):
    [shard] = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    return shard


def iterator(client, arn, kind="TRIM_HORIZON", **more):
    return client.get_shard_iterator(
        StreamArn=arn, ShardId=shard_of(client, arn)["ShardId"], ShardIteratorType=kind, **more
    )["ShardIterator"]


def orderids(answer):
    return [record["dynamodb"]["Keys"]["orderid"]["S"] for record in answer["Records"]]


def test_an_event_is_what_the_pipes_hand_on(aws):
    db = aws.client("dynamodb", "eu-west-1")
    arn = create_table(db, view="NEW_IMAGE")["LatestStreamArn"]
    put(db, 1, quantity={"N": "2"}, price={"N": "19.90"})
    db.delete_item(TableName="orders", Key={"orderid": {"S": "o-1"}})
    inserted, removed = events(aws, arn)
    assert len(inserted.pop("eventID")) == 32
    number = inserted["dynamodb"].pop("SequenceNumber")
    assert len(number) >= 21
    assert inserted == {
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_800_000_000,
            "Keys": {"orderid": {"S": "o-1"}},
            "NewImage": {"orderid": {"S": "o-1"}, "quantity": {"N": "2"}, "price": {"N": "19.9"}},
            "SizeBytes": 38,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": arn,
    }
    assert removed["eventName"] == "REMOVE"
    assert removed["dynamodb"].keys() == {
        "ApproximateCreationDateTime",
        "Keys",
        "SequenceNumber",
        "SizeBytes",
        "StreamViewType",
    }
    assert removed["dynamodb"]["SequenceNumber"] > number


@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", [set(), set(), set()]),
        ("NEW_IMAGE", [{"NewImage"}, {"NewImage"}, set()]),
        ("OLD_IMAGE", [set(), {"OldImage"}, {"OldImage"}]),
        ("NEW_AND_OLD_IMAGES", [{"NewImage"}, {"NewImage", "OldImage"}, {"OldImage"}]),
    ],
)
def test_the_view_type_decides_on_the_images(aws, db, view, images):
    arn = create_table(db, view=view)["LatestStreamArn"]
    put(db, 1, n={"N": "1"})
    put(db, 1, n={"N": "2"})
    db.delete_item(TableName="orders", Key={"orderid": {"S": "o-1"}})
    seen = events(aws, arn)
    assert [event["eventName"] for event in seen] == ["INSERT", "MODIFY", "REMOVE"]
    assert [{"NewImage", "OldImage"} & event["dynamodb"].keys() for event in seen] == images


def test_what_changes_nothing_makes_no_event(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    put(db, 1, a={"N": "1"}, b={"SS": ["x", "y"]})
    put(db, 1, b={"SS": ["y", "x"]}, a={"N": "1.0"})
    db.delete_item(TableName="orders", Key={"orderid": {"S": "o-2"}})
    assert len(events(aws, arn)) == 1


def test_a_batch_makes_an_event_for_each_write_in_order(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    items = [{"orderid": {"S": f"o-{number}"}} for number in (3, 1, 2)]
    db.batch_write_item(RequestItems={"orders": [{"PutRequest": {"Item": item}} for item in items]})
    seen = events(aws, arn)
    assert [event["dynamodb"]["Keys"] for event in seen] == items
    assert len({event["eventID"] for event in seen}) == 3
    [shard] = aws.streams.shards(arn)
    records = aws.log.read(shard, 0, 10)
    assert [record.key for record in records] == ["o-3", "o-1", "o-2"]
    numbers = [aws.streams.sequence_number(record.sequence) for record in records]
    assert numbers == [event["dynamodb"]["SequenceNumber"] for event in seen]


def test_describe_and_list(aws, db):
    arn = create_table(db, view="NEW_IMAGE")["LatestStreamArn"]
    create_table(db, "second")
    create_table(db, "without", view=None)
    client = reader(aws)
    described = client.describe_stream(StreamArn=arn)["StreamDescription"]
    assert (described["StreamStatus"], described["StreamViewType"], described["TableName"]) == (
        "ENABLED",
        "NEW_IMAGE",
        "orders",
    )
    assert described["KeySchema"] == [{"AttributeName": "orderid", "KeyType": "HASH"}]
    assert arn.endswith(f"/stream/{described['StreamLabel']}")
    [shard] = described["Shards"]
    assert [aws.streams.shard_id(name) for name in aws.streams.shards(arn)] == [shard["ShardId"]]
    assert "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    listed = client.list_streams(Limit=1)
    assert [stream["TableName"] for stream in listed["Streams"]] == ["orders"]
    rest = client.list_streams(ExclusiveStartStreamArn=listed["LastEvaluatedStreamArn"])
    assert [stream["TableName"] for stream in rest["Streams"]] == ["second"]
    assert [stream["TableName"] for stream in client.list_streams(TableName="second")["Streams"]] == ["second"]
    assert reader(aws, "eu-west-1").list_streams()["Streams"] == []


def test_reading_from_each_kind_of_iterator(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    client = reader(aws)
    for number in range(3):
        put(db, number)
    everything = client.get_records(ShardIterator=iterator(client, arn))
    assert orderids(everything) == ["o-0", "o-1", "o-2"]
    assert "eventSourceARN" not in everything["Records"][0]
    assert everything["Records"][0]["dynamodb"]["ApproximateCreationDateTime"].timestamp() == 1_800_000_000
    middle = everything["Records"][1]["dynamodb"]["SequenceNumber"]
    at = iterator(client, arn, "AT_SEQUENCE_NUMBER", SequenceNumber=middle)
    assert orderids(client.get_records(ShardIterator=at)) == ["o-1", "o-2"]
    after = iterator(client, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=middle)
    assert orderids(client.get_records(ShardIterator=after)) == ["o-2"]
    latest = iterator(client, arn, "LATEST")
    assert orderids(client.get_records(ShardIterator=latest)) == []
    put(db, 3)
    assert orderids(client.get_records(ShardIterator=latest)) == ["o-3"]
    assert orderids(client.get_records(ShardIterator=everything["NextShardIterator"])) == ["o-3"]


def test_pages_are_limited_in_number_and_size(aws, db):
    arn = create_table(db, view="NEW_IMAGE")["LatestStreamArn"]
    client = reader(aws)
    for number in range(5):
        put(db, number, text={"S": "x" * 300_000})
    first = client.get_records(ShardIterator=iterator(client, arn), Limit=2)
    assert orderids(first) == ["o-0", "o-1"]
    assert orderids(client.get_records(ShardIterator=first["NextShardIterator"])) == ["o-2", "o-3", "o-4"]
    everything = client.get_records(ShardIterator=iterator(client, arn))
    assert orderids(everything) == ["o-0", "o-1", "o-2"]
    with pytest.raises(ClientError, match="less than or equal to 1000"):
        client.get_records(ShardIterator=iterator(client, arn), Limit=1_001)


def test_what_does_not_exist_is_said_to(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    client = reader(aws)
    token = iterator(client, arn)
    wrong = arn.replace("/stream/2", "/stream/1")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_stream(StreamArn=wrong)
    assert aws.streams.shards(wrong) == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_shard_iterator(StreamArn=arn, ShardId="shardId-" + "0" * 20, ShardIteratorType="LATEST")
    with pytest.raises(ClientError, match="ValidationException"):
        client.get_records(ShardIterator="x" * 20)
    with pytest.raises(ClientError, match="ValidationException"):
        iterator(client, arn, "AT_SEQUENCE_NUMBER", SequenceNumber="1" * 21 + "0000000")
    aws.clock.now += 15 * 60 + 1
    with pytest.raises(ClientError, match="ExpiredIteratorException"):
        client.get_records(ShardIterator=token)


def test_records_are_trimmed_after_a_day(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    client = reader(aws)
    put(db, 1)
    first = client.get_records(ShardIterator=iterator(client, arn))["Records"][0]["dynamodb"]["SequenceNumber"]
    aws.clock.now += 23 * 3600
    put(db, 2)
    assert aws.dynamodb.trim() == 0
    aws.clock.now += 2 * 3600
    old = iterator(client, arn)
    assert aws.dynamodb.trim() == 1
    with pytest.raises(ClientError, match="TrimmedDataAccessException"):
        client.get_records(ShardIterator=old)
    with pytest.raises(ClientError, match="TrimmedDataAccessException"):
        iterator(client, arn, "AT_SEQUENCE_NUMBER", SequenceNumber=first)
    after = iterator(client, arn, "AFTER_SEQUENCE_NUMBER", SequenceNumber=first)
    assert orderids(client.get_records(ShardIterator=after)) == ["o-2"]
    assert orderids(client.get_records(ShardIterator=iterator(client, arn))) == ["o-2"]


def test_the_stream_of_a_deleted_table_stays_readable_for_a_day(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    put(db, 1)
    last_number = events(aws, arn)[0]["dynamodb"]["SequenceNumber"]
    db.delete_table(TableName="orders")
    client = reader(aws)
    description = client.describe_stream(StreamArn=arn)["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED"
    assert description["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"] == last_number
    page = client.get_records(ShardIterator=iterator(client, arn))
    assert orderids(page) == ["o-1"]
    assert "NextShardIterator" not in page
    aws.clock.now += 60
    again = create_table(db)["LatestStreamArn"]
    assert again != arn
    put(db, 1)
    assert events(aws, again)[0]["dynamodb"]["SequenceNumber"] > last_number
    assert len(events(aws, arn)) == 1
    aws.clock.now += 25 * 3600
    aws.dynamodb.trim()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.describe_stream(StreamArn=arn)
    assert client.describe_stream(StreamArn=again)["StreamDescription"]["StreamStatus"] == "ENABLED"


def test_a_stream_can_be_switched_off_and_on_again(aws, db):
    arn = create_table(db)["LatestStreamArn"]
    put(db, 1)
    db.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    put(db, 2)
    switched_on = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    again = db.update_table(TableName="orders", StreamSpecification=switched_on)["TableDescription"]["LatestStreamArn"]
    assert again != arn
    put(db, 3)
    assert [event["dynamodb"]["Keys"]["orderid"]["S"] for event in events(aws, arn)] == ["o-1"]
    assert [event["dynamodb"]["Keys"]["orderid"]["S"] for event in events(aws, again)] == ["o-3"]
    with pytest.raises(ClientError, match="ResourceInUseException"):
        db.update_table(TableName="orders", StreamSpecification=switched_on)
