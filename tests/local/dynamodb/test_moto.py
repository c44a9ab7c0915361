"""What moto does with the tables that we took over, at each point where we touch its inside."""

import msgspec
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from data_plane import Aws, Clock, create_table
from salespipe.local.dynamodb.items import Stored
from salespipe.local.dynamodb.moto_items import DurableTable, StoredItems
from salespipe.local.dynamodb.table import KeyAttribute, Table
from salespipe.local.moto.bridge import ACCOUNT


def events(aws, stream_arn):
    """Every event of a stream, as the pipes see them."""
    records = [record for shard in aws.streams.shards(stream_arn) for record in aws.log.read(shard, 0, 10_000)]
    return [msgspec.json.decode(record.data) for record in records]


KEY = {"orderid": {"S": "o-1"}}


def put(db, **attributes):
    db.put_item(TableName="orders", Item={**KEY, **attributes})


def get(db, **more):
    return db.get_item(TableName="orders", Key={**KEY, **more}, ConsistentRead=True).get("Item")


def update(db, expression, table="orders", key=KEY, **values):
    named = {f":{name}": value for name, value in values.items()}
    given = {"ExpressionAttributeValues": named} if named else {}
    return db.update_item(TableName=table, Key=key, UpdateExpression=expression, ReturnValues="ALL_NEW", **given)[
        "Attributes"
    ]


def test_a_created_table_is_ours(aws, db):
    create_table(db)
    table = dynamodb_backends[ACCOUNT]["us-east-1"].tables["orders"]
    assert isinstance(table, DurableTable)
    assert isinstance(table.items, StoredItems)


def test_an_item_is_made_as_motos_constructor_makes_it():
    attributes = {"orderid": {"S": "1"}, "n": {"N": "2"}, "m": {"M": {"l": {"L": [{"S": "x"}]}}}, "s": {"SS": ["a"]}}
    table = Table(1, "arn", "orders", "us-east-1", KeyAttribute("orderid", "S"), None)
    made = StoredItems(None, table).materialise(Stored(msgspec.json.encode(attributes), 1))
    expected = Item(DynamoType({"S": "1"}), None, attributes)
    assert made == expected
    assert made.to_json() == expected.to_json()
    assert type(made.attrs) is type(expected.attrs)
    assert made.__dict__.keys() == expected.__dict__.keys()


def test_a_conditional_put_goes_through_moto(db):
    create_table(db)
    condition = {"ConditionExpression": "attribute_not_exists(orderid)"}
    db.put_item(TableName="orders", Item={**KEY, "n": {"N": "1.0"}}, **condition)
    assert get(db) == {**KEY, "n": {"N": "1"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        db.put_item(TableName="orders", Item={**KEY, "n": {"N": "2"}}, **condition)
    assert get(db) == {**KEY, "n": {"N": "1"}}


def test_a_conditional_delete_goes_through_moto(db):
    create_table(db)
    put(db, n={"N": "1"})
    named = {"ConditionExpression": "n = :n"}
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        db.delete_item(TableName="orders", Key=KEY, ExpressionAttributeValues={":n": {"N": "2"}}, **named)
    db.delete_item(TableName="orders", Key=KEY, ExpressionAttributeValues={":n": {"N": "1"}}, **named)
    assert get(db) is None


def test_an_update_in_place_is_saved_with_its_event(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    put(db, n={"N": "1"}, gone={"S": "x"}, tags={"SS": ["a"]})
    new = update(db, "SET n = n + :two REMOVE gone ADD tags :b", two={"N": "2"}, b={"SS": ["b"]})
    assert new["n"] == {"N": "3"}
    assert get(db) == {**KEY, "n": {"N": "3"}, "tags": {"SS": ["a", "b"]}}
    *_, event = events(aws, stream)
    assert event["eventName"] == "MODIFY"
    assert event["dynamodb"]["OldImage"] == {**KEY, "n": {"N": "1"}, "gone": {"S": "x"}, "tags": {"SS": ["a"]}}
    assert event["dynamodb"]["NewImage"] == get(db)


def test_an_update_of_no_item_makes_one_insert(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    update(db, "SET n = :n", n={"N": "1"})
    assert [(event["eventName"], event["dynamodb"]["NewImage"]) for event in events(aws, stream)] == [
        ("INSERT", {**KEY, "n": {"N": "1"}})
    ]


def test_a_failed_update_changes_nothing(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    put(db, n={"N": "1"}, s={"S": "x"})
    for expression in ("SET n = s + :one", "SET orderid = :one"):
        with pytest.raises(ClientError, match="ValidationException"):
            update(db, expression, one={"N": "1"})
    with pytest.raises(ClientError, match="ValidationException"):
        update(db, "SET n = :n", key={"orderid": {"S": "new"}}, n={"N": "1E200"})
    assert get(db) == {**KEY, "n": {"N": "1"}, "s": {"S": "x"}}
    assert db.scan(TableName="orders")["Count"] == 1
    assert len(events(aws, stream)) == 1


def test_an_update_without_effect_makes_no_event(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    put(db, n={"N": "1"})
    update(db, "SET n = :n", n={"N": "1.0"})
    assert len(events(aws, stream)) == 1


def test_a_table_without_a_stream_saves_updates_too(aws, db):
    create_table(db, view=None)
    put(db, n={"N": "1"})
    update(db, "ADD n :n", n={"N": "5"})
    assert get(db) == {**KEY, "n": {"N": "6"}}


def test_legacy_updates_are_saved(db):
    create_table(db)
    put(db, n={"N": "1"})
    db.update_item(TableName="orders", Key=KEY, AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "2"}}})
    assert get(db) == {**KEY, "n": {"N": "3"}}


def transact(db, *operations):
    db.transact_write_items(TransactItems=list(operations))


def test_a_transaction_is_written_whole(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    put(db, n={"N": "1"})
    transact(
        db,
        {"Put": {"TableName": "orders", "Item": {"orderid": {"S": "o-2"}}}},
        {
            "Update": {
                "TableName": "orders",
                "Key": KEY,
                "UpdateExpression": "SET n = :n",
                "ExpressionAttributeValues": {":n": {"N": "2"}},
            }
        },
    )
    assert get(db) == {**KEY, "n": {"N": "2"}}
    assert [event["eventName"] for event in events(aws, stream)] == ["INSERT", "INSERT", "MODIFY"]


def test_a_transaction_that_fails_leaves_items_and_stream_as_they_were(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    put(db, n={"N": "1"})
    with pytest.raises(ClientError, match="TransactionCanceledException"):
        transact(
            db,
            {"Put": {"TableName": "orders", "Item": {"orderid": {"S": "o-2"}}}},
            {"Delete": {"TableName": "orders", "Key": KEY}},
            {
                "ConditionCheck": {
                    "TableName": "orders",
                    "Key": {"orderid": {"S": "o-3"}},
                    "ConditionExpression": "attribute_exists(orderid)",
                }
            },
        )
    assert db.scan(TableName="orders")["Items"] == [{**KEY, "n": {"N": "1"}}]
    assert len(events(aws, stream)) == 1
    transact(db, {"Delete": {"TableName": "orders", "Key": KEY}})  # the table that moto put back is still ours
    assert get(db) is None
    assert [event["eventName"] for event in events(aws, stream)] == ["INSERT", "REMOVE"]


def test_partiql_reads_and_writes(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    db.execute_statement(Statement="INSERT INTO orders VALUE {'orderid': 'o-1', 'n': 1}")
    db.execute_statement(Statement="UPDATE orders SET n = ? WHERE orderid = ?", Parameters=[{"N": "2"}, {"S": "o-1"}])
    found = db.execute_statement(Statement="SELECT * FROM orders WHERE orderid = 'o-1'")["Items"]
    assert found == [{**KEY, "n": {"N": "2"}}]
    db.execute_statement(Statement="DELETE FROM orders WHERE orderid = 'o-1'")
    assert [event["eventName"] for event in events(aws, stream)] == ["INSERT", "MODIFY", "REMOVE"]


@pytest.fixture
def lines(db):
    create_table(db, sort_key="line", kinds=("S", "N"))
    for orderid in ("a", "b"):
        for line in range(12):
            db.put_item(
                TableName="orders",
                Item={"orderid": {"S": orderid}, "line": {"N": str(line)}, "even": {"BOOL": line % 2 == 0}},
            )
    return db


def query(db, condition="orderid = :o", values=None, **more):
    pages = db.get_paginator("query").paginate(
        TableName="orders",
        KeyConditionExpression=condition,
        ExpressionAttributeValues={":o": {"S": "b"}, **(values or {})},
        **more,
    )
    return [int(item["line"]["N"]) for page in pages for item in page["Items"]]


def test_a_query_finds_its_partition_in_order(lines):
    assert query(lines) == list(range(12))
    assert query(lines, ScanIndexForward=False) == list(reversed(range(12)))
    assert query(lines, PaginationConfig={"PageSize": 5}) == list(range(12))
    between = {":x": {"N": "9"}, ":y": {"N": "11"}}
    assert query(lines, "orderid = :o AND line BETWEEN :x AND :y", between) == [9, 10, 11]
    assert query(lines, values={":t": {"BOOL": True}}, FilterExpression="even = :t") == [0, 2, 4, 6, 8, 10]


def test_a_filtered_scan_pages_through_everything_once(lines):
    pages = lines.get_paginator("scan").paginate(
        TableName="orders",
        FilterExpression="even = :t",
        ExpressionAttributeValues={":t": {"BOOL": True}},
        ProjectionExpression="orderid, line",
        PaginationConfig={"PageSize": 5},
    )
    found = [(item["orderid"]["S"], int(item["line"]["N"])) for page in pages for item in page["Items"]]
    assert found == [(orderid, line) for orderid in "ab" for line in range(0, 12, 2)]


def test_segments_are_a_partition_of_the_table(lines):
    found = [
        (item["orderid"]["S"], item["line"]["N"])
        for segment in range(3)
        for item in lines.scan(TableName="orders", Segment=segment, TotalSegments=3)["Items"]
    ]
    assert len(found) == len(set(found)) == 24


def test_updates_in_a_table_with_a_sort_key(lines):
    key = {"orderid": {"S": "a"}, "line": {"N": "3"}}
    update(lines, "SET note = :n", key=key, n={"S": "x"})
    assert lines.get_item(TableName="orders", Key=key)["Item"]["note"] == {"S": "x"}
    lines.delete_item(TableName="orders", Key=key, ConditionExpression="attribute_exists(note)")
    assert "Item" not in lines.get_item(TableName="orders", Key=key)


def test_an_index_is_queried_and_scanned(db):
    db.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "orderid", "AttributeType": "S"},
            {"AttributeName": "customer", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_customer",
                "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for number in range(4):
        customer = {} if number == 3 else {"customer": {"S": "ab"[number % 2]}}
        db.put_item(TableName="orders", Item={"orderid": {"S": str(number)}, **customer})
    found = db.query(
        TableName="orders",
        IndexName="by_customer",
        KeyConditionExpression="customer = :c",
        ExpressionAttributeValues={":c": {"S": "a"}},
    )["Items"]
    assert [item["orderid"]["S"] for item in found] == ["0", "2"]
    assert db.scan(TableName="orders", IndexName="by_customer")["Count"] == 3
    assert db.describe_table(TableName="orders")["Table"]["ItemCount"] == 4


def test_binary_keys_and_values_pass_through_moto(db):
    create_table(db, kinds=("B", "S"))
    key = {"orderid": {"B": b"\xff\x00"}}
    values = {"b": {"B": b"\x01"}, "l": {"L": [{"B": b"\x02"}]}}
    update(db, "SET b = :b, l = :l", key=key, **values)
    assert db.get_item(TableName="orders", Key=key)["Item"] == {**key, **values}
    found = db.query(
        TableName="orders", KeyConditionExpression="orderid = :o", ExpressionAttributeValues={":o": key["orderid"]}
    )
    assert found["Count"] == 1


def test_a_deleted_table_takes_its_items_along(aws, db):
    create_table(db)
    put(db)
    db.delete_table(TableName="orders")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        put(db)
    create_table(db)
    assert db.scan(TableName="orders")["Count"] == 0
    assert db.describe_table(TableName="orders")["Table"]["ItemCount"] == 0
    assert aws.store.read().execute("SELECT count(*) FROM dynamodb_item").fetchone() == (1,)
    aws.dynamodb.trim()
    assert aws.store.read().execute("SELECT count(*) FROM dynamodb_item").fetchone() == (0,)
    put(db)
    assert get(db) == KEY


def test_a_backup_keeps_what_was_there_when_it_was_made(db):
    create_table(db)
    put(db, n={"N": "1"})
    arn = db.create_backup(TableName="orders", BackupName="monday")["BackupDetails"]["BackupArn"]
    put(db, n={"N": "2"})
    db.restore_table_from_backup(TargetTableName="restored", BackupArn=arn)
    put(db, n={"N": "3"})
    assert db.get_item(TableName="restored", Key=KEY)["Item"]["n"] == {"N": "1"}
    update(db, "SET n = :n", table="restored", n={"N": "9"})
    assert get(db)["n"] == {"N": "3"}
    assert "RestoreSummary" in db.describe_table(TableName="restored")["Table"]
    db.delete_backup(BackupArn=arn)


def test_definitions_and_backups_survive_a_restart(tmp_path):
    first = Aws(tmp_path / "data", Clock())
    db = first.client("dynamodb", "us-east-1")
    create_table(db, sort_key="line", kinds=("S", "N"))
    put(db, line={"N": "1"})
    arn = db.create_backup(TableName="orders", BackupName="tuesday")["BackupDetails"]["BackupArn"]
    update(db, "SET note = :n", key={**KEY, "line": {"N": "1"}}, n={"S": "x"})
    first.close()
    second = Aws(tmp_path / "data", Clock())
    db = second.client("dynamodb", "us-east-1")
    assert get(db, line={"N": "1"})["note"] == {"S": "x"}
    db.restore_table_from_backup(TargetTableName="restored", BackupArn=arn)
    assert db.scan(TableName="restored")["Items"] == [{**KEY, "line": {"N": "1"}}]
    second.close()


def test_reading_items_leaves_none_in_memory(aws, db):
    create_table(db)
    put(db, n={"N": "1"})
    before = len(Item.instances_tracked)
    for _ in range(20):
        update(db, "ADD n :n", n={"N": "1"})
    assert len(Item.instances_tracked) == before
