import threading

import pytest

from data_plane import Aws, Clock, create_table, failure


def order(number, **more):
    return {"orderid": {"S": f"o-{number}"}, "quantity": {"N": "2"}, **more}


def test_an_item_comes_back_as_dynamodb_writes_it(db):
    create_table(db)
    item = {
        "orderid": {"S": "o-1"},
        "price": {"N": "+019.900"},
        "big": {"N": "1.5E3"},
        "tags": {"SS": ["b", "a"]},
        "sizes": {"NS": ["10", "9.0"]},
        "picture": {"B": b"\x00\xff"},
        "nested": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"N": "0.10"}, {"B": b"x"}]}}},
        "empty": {"S": ""},
        "name": {"S": "Zo\u00eb"},
    }
    db.put_item(TableName="orders", Item=item)
    assert db.get_item(TableName="orders", Key={"orderid": {"S": "o-1"}})["Item"] == {
        **item,
        "price": {"N": "19.9"},
        "big": {"N": "1500"},
        "tags": {"SS": ["a", "b"]},
        "sizes": {"NS": ["9", "10"]},
        "nested": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"N": "0.1"}, {"B": b"x"}]}}},
    }


def test_put_and_delete_return_the_old_item_when_asked(db):
    create_table(db)
    assert "Attributes" not in db.put_item(TableName="orders", Item=order(1), ReturnValues="ALL_OLD")
    replaced = db.put_item(TableName="orders", Item=order(1, a={"S": "x"}), ReturnValues="ALL_OLD")
    assert replaced["Attributes"] == order(1)
    key = {"orderid": {"S": "o-1"}}
    deleted = db.delete_item(TableName="orders", Key=key, ReturnValues="ALL_OLD")
    assert deleted["Attributes"] == order(1, a={"S": "x"})
    assert "Attributes" not in db.delete_item(TableName="orders", Key=key, ReturnValues="ALL_OLD")
    assert "Item" not in db.get_item(TableName="orders", Key=key)
    code, _ = failure(db.put_item, TableName="orders", Item=order(1), ReturnValues="UPDATED_NEW")
    assert code == "ValidationException"


def test_a_table_can_be_named_by_its_arn(db):
    arn = create_table(db)["TableArn"]
    db.put_item(TableName=arn, Item=order(1))
    assert db.get_item(TableName="orders", Key={"orderid": {"S": "o-1"}})["Item"] == order(1)


INVALID = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"a": {"S": "x"}}, INVALID + "Missing the key orderid in the item"),
        (
            {"orderid": {"N": "1"}},
            INVALID + "Type mismatch for key orderid expected: S actual: N",
        ),
        (
            {"orderid": {"S": ""}},
            NOT_VALID + "The AttributeValue for a key attribute cannot contain an empty string value. Key: orderid",
        ),
        (
            {"orderid": {"S": "x" * 2049}},
            INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (order(1, n={"N": "abc"}), "The parameter cannot be converted to a numeric value: abc"),
        (order(1, n={"N": "1_0"}), "The parameter cannot be converted to a numeric value: 1_0"),
        (order(1, n={"N": "NaN"}), "The parameter cannot be converted to a numeric value: NaN"),
        (order(1, n={"N": ""}), "The parameter cannot be converted to a numeric value"),
        (order(1, n={"N": "1" * 39}), "Attempting to store more than 38 significant digits in a Number"),
        (
            order(1, n={"N": "1E126"}),
            "Number overflow. Attempting to store a number with magnitude larger than supported range",
        ),
        (
            order(1, n={"N": "1E-131"}),
            "Number underflow. Attempting to store a number with magnitude smaller than supported range",
        ),
        (order(1, s={"SS": []}), INVALID + "An string set  may not be empty"),
        (
            order(1, s={"SS": ["a", "a"]}),
            INVALID + "Input collection [a, a] contains duplicates.",
        ),
        (order(1, s={"NS": ["1", "1.0"]}), "Input collection contains duplicates"),
        (
            order(1, s={"NULL": False}),
            INVALID + "Null attribute value types must have the value of true",
        ),
        (order(1, s={"S": "x" * 409_600}), "Item size has exceeded the maximum allowed size"),
    ],
)
def test_what_dynamodb_refuses_is_refused_in_its_words(db, item, message):
    create_table(db)
    assert failure(db.put_item, TableName="orders", Item=item) == ("ValidationException", message)
    put = {"orders": [{"PutRequest": {"Item": item}}]}
    assert failure(db.batch_write_item, RequestItems=put) == ("ValidationException", message)
    assert db.scan(TableName="orders")["Count"] == 0


def test_38_digits_and_the_ends_of_the_range_are_accepted(db):
    create_table(db)
    numbers = ["9" * 38, "-" + "9" * 38 + "0" * 80, "1E-130", "9.9E125", "0." + "0" * 50 + "1" * 38, "-0", "007"]
    for number in numbers:
        db.put_item(TableName="orders", Item=order(1, n={"N": number}))
        stored = db.get_item(TableName="orders", Key={"orderid": {"S": "o-1"}})["Item"]["n"]["N"]
        assert "E" not in stored
        assert float(stored) == pytest.approx(float(number))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ({}, "The number of conditions on the keys is invalid"),
        ({"orderid": {"S": "1"}, "b": {"S": "2"}}, "The number of conditions on the keys is invalid"),
        ({"b": {"S": "2"}}, "The provided key element does not match the schema"),
        ({"orderid": {"N": "2"}}, "The provided key element does not match the schema"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(db, key, message):
    create_table(db)
    assert failure(db.get_item, TableName="orders", Key=key) == ("ValidationException", message)
    assert failure(db.delete_item, TableName="orders", Key=key) == ("ValidationException", message)


def test_an_unknown_table_is_not_found(db):
    expected = ("ResourceNotFoundException", "Requested resource not found")
    assert failure(db.put_item, TableName="nothing", Item=order(1)) == expected
    assert failure(db.batch_write_item, RequestItems={"nothing": [{"PutRequest": {"Item": order(1)}}]}) == expected
    assert failure(db.batch_get_item, RequestItems={"nothing": {"Keys": [{"orderid": {"S": "1"}}]}}) == expected


def test_a_batch_writes_and_deletes(db):
    create_table(db)
    create_table(db, "other")
    db.put_item(TableName="orders", Item=order(99))
    answer = db.batch_write_item(
        RequestItems={
            "orders": [
                *({"PutRequest": {"Item": order(number)}} for number in range(3)),
                {"DeleteRequest": {"Key": {"orderid": {"S": "o-99"}}}},
            ],
            "other": [{"PutRequest": {"Item": order(7)}}],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    used = {used["TableName"]: used["CapacityUnits"] for used in answer["ConsumedCapacity"]}
    assert used == {"orders": 4, "other": 1}
    assert [item["orderid"]["S"] for item in db.scan(TableName="orders")["Items"]] == ["o-0", "o-1", "o-2"]
    keys = [{"orderid": {"S": f"o-{number}"}} for number in (0, 2, 99)]
    got = db.batch_get_item(RequestItems={"orders": {"Keys": keys}, "other": {"Keys": [{"orderid": {"S": "o-7"}}]}})
    assert got["Responses"] == {"orders": [order(0), order(2)], "other": [order(7)]}
    assert got["UnprocessedKeys"] == {}


def test_a_batch_has_limits(db):
    create_table(db)
    put = [{"PutRequest": {"Item": order(number)}} for number in range(26)]
    code, message = failure(db.batch_write_item, RequestItems={"orders": put})
    assert code == "ValidationException"
    assert "less than or equal to 25" in message
    twice = ("ValidationException", "Provided list of item keys contains duplicates")
    again = [{"PutRequest": {"Item": order(1)}}, {"DeleteRequest": {"Key": {"orderid": {"S": "o-1"}}}}]
    assert failure(db.batch_write_item, RequestItems={"orders": again}) == twice
    keys = [{"orderid": {"S": "a"}}] * 2
    assert failure(db.batch_get_item, RequestItems={"orders": {"Keys": keys}}) == twice
    many = [{"orderid": {"S": str(number)}} for number in range(101)]
    assert failure(db.batch_get_item, RequestItems={"orders": {"Keys": many}})[0] == "ValidationException"


def test_one_bad_item_in_a_batch_writes_none(db):
    create_table(db)
    put = [{"PutRequest": {"Item": item}} for item in (order(1), {"a": {"S": "no key"}})]
    assert failure(db.batch_write_item, RequestItems={"orders": put})[0] == "ValidationException"
    assert db.scan(TableName="orders")["Items"] == []


def test_consumed_capacity_is_told_when_asked(db):
    create_table(db)
    item = order(1, text={"S": "x" * 5_000})
    put = db.put_item(TableName="orders", Item=item, ReturnConsumedCapacity="TOTAL")
    assert put["ConsumedCapacity"] == {"TableName": "orders", "CapacityUnits": 5.0}
    key = {"orderid": {"S": "o-1"}}
    for consistent, units in ((False, 1.0), (True, 2.0)):
        got = db.get_item(TableName="orders", Key=key, ConsistentRead=consistent, ReturnConsumedCapacity="INDEXES")
        assert got["ConsumedCapacity"]["Table"] == {"CapacityUnits": units}
    code, _ = failure(db.put_item, TableName="orders", Item=order(2), ReturnConsumedCapacity="ALL")
    assert code == "ValidationException"
    assert db.scan(TableName="orders")["Count"] == 1


def test_a_scan_pages_through_everything_once(db):
    create_table(db)
    for number in range(30):
        db.put_item(TableName="orders", Item=order(f"{number:02d}", text={"S": "x" * 100_000}))
    pages = list(db.get_paginator("scan").paginate(TableName="orders"))
    assert len(pages) == 3  # a page ends with the item that makes it 1 MB
    found = [item["orderid"]["S"] for page in pages for item in page["Items"]]
    assert found == [f"o-{number:02d}" for number in range(30)]
    assert db.scan(TableName="orders", Limit=2)["LastEvaluatedKey"] == {"orderid": {"S": "o-01"}}
    counted = db.scan(TableName="orders", Select="COUNT", Limit=4)
    assert (counted["Count"], "Items" in counted) == (4, False)
    start = {"ExclusiveStartKey": {"other": {"S": "x"}}}
    assert failure(db.scan, TableName="orders", **start)[1] == "The provided starting key is invalid"


def test_number_keys_sort_as_numbers(db):
    create_table(db, sort_key="n", kinds=("S", "N"))
    numbers = ["-1E50", "-20", "-3", "-2.5", "-0.001", "0", "1E-100", "0.5", "3", "10", "20.5", "1E100"]
    for number in reversed(numbers):
        db.put_item(TableName="orders", Item={"orderid": {"S": "a"}, "n": {"N": number}})
    found = [float(item["n"]["N"]) for item in db.scan(TableName="orders")["Items"]]
    assert found == [float(number) for number in numbers]
    key = {"orderid": {"S": "a"}, "n": {"N": "10.0"}}
    assert db.get_item(TableName="orders", Key=key)["Item"]["n"] == {"N": "10"}


def test_eight_writers_lose_neither_items_nor_updates(aws, db):
    stream = create_table(db)["LatestStreamArn"]
    db.put_item(TableName="orders", Item={"orderid": {"S": "counter"}, "n": {"N": "0"}})
    failures = []

    def work(writer):
        try:
            for i in range(10):
                put = [{"PutRequest": {"Item": order(f"{writer}-{i}-{n}")}} for n in range(5)]
                db.batch_write_item(RequestItems={"orders": put})
                db.update_item(
                    TableName="orders",
                    Key={"orderid": {"S": "counter"}},
                    UpdateExpression="ADD n :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
        except Exception as error:  # noqa: BLE001 - told to the main thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert db.get_item(TableName="orders", Key={"orderid": {"S": "counter"}})["Item"]["n"] == {"N": "80"}
    assert db.scan(TableName="orders", Select="COUNT")["Count"] == 401
    [shard] = aws.streams.shards(stream)
    assert len(aws.log.read(shard, 0, 1_000)) == 1 + 400 + 80


def test_items_streams_and_counts_survive_a_restart(tmp_path):
    clock = Clock()
    first = Aws(tmp_path / "data", clock)
    db = first.client("dynamodb", "eu-west-1")
    stream = create_table(db)["LatestStreamArn"]
    db.put_item(TableName="orders", Item=order(1))
    first.close()
    second = Aws(tmp_path / "data", clock)
    db = second.client("dynamodb", "eu-west-1")
    described = db.describe_table(TableName="orders")["Table"]
    assert (described["ItemCount"], described["LatestStreamArn"]) == (1, stream)
    db.update_item(
        TableName="orders",
        Key={"orderid": {"S": "o-1"}},
        UpdateExpression="SET quantity = :q",
        ExpressionAttributeValues={":q": {"N": "3"}},
    )
    [shard] = second.streams.shards(stream)
    assert len(second.log.read(shard, 0, 10)) == 2
    second.close()


def test_tables_of_one_name_in_two_regions_are_two(aws):
    for region in ("us-east-1", "eu-west-1"):
        create_table(aws.client("dynamodb", region))
    aws.client("dynamodb", "us-east-1").put_item(TableName="orders", Item=order(1))
    assert aws.client("dynamodb", "eu-west-1").scan(TableName="orders")["Count"] == 0
