"""Whatever the weather: nothing acknowledged is lost, nothing is counted twice, and every end has its summary."""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from salespipe.aws import Aws
from salespipe.errors import Exit
from salespipe.load.attributes import delete_request, put_request
from salespipe.load.batches import BATCH
from salespipe.load.feed import Feed
from salespipe.load.report import LoadError, Summary
from salespipe.load.writer import THROTTLES, Write, Writer
from salespipe.orders import Kind
from wire import Call, Wire, again, answer, refusal

BUSY = sorted(THROTTLES)
URL = "http://127.0.0.1:9"


def lives(count: int, keys: int) -> Iterator[Write]:
    """Writes of so many keys in turn, each written over and over, every seventh write a delete."""
    for number in range(count):
        key = f"o-{number % keys}"
        if number % 7 == 6:
            yield Write(Kind.DELETE, key, delete_request(key, "orderid"), 0.0, number)
        else:
            item = {"orderid": key, "version": number}
            yield Write(Kind.INSERT if number < keys else Kind.UPDATE, key, put_request(item, "orderid"), 0.0, number)


def after(writes: Sequence[Write]) -> dict[str, Any]:
    """What a table holds after these writes, in this order."""
    held: dict[str, Any] = {}
    for write in writes:
        request = json.loads(write.request)
        if "PutRequest" in request:
            held[write.key] = request["PutRequest"]["Item"]
        else:
            held.pop(write.key, None)
    return held


def storm(dynamo: Any, chance: random.Random) -> None:
    """Half of all calls meet something; of the others' writes some come back."""
    calm, lock = dynamo.BatchWriteItem, threading.Lock()

    def stormy(params: dict[str, Any]) -> Any:
        with lock:
            roll, code = chance.random(), chance.choice(BUSY)
        if roll < 0.1:
            return 400, {"__type": code, "message": "slowly"}
        if roll < 0.2:
            return random.Random(roll).choice([500, 502, 503]), {"__type": "InternalServerError", "message": ""}  # noqa: S311
        if roll < 0.3:
            raise EndpointConnectionError(endpoint_url=URL)
        said = calm(params)
        if roll < 0.4:
            raise ReadTimeoutError(endpoint_url=URL)
        if roll < 0.5:
            raise ConnectionClosedError(endpoint_url=URL)
        return said

    dynamo.BatchWriteItem = stormy
    dynamo.capacity = lambda size: chance.randrange(size + 1)


@pytest.mark.parametrize("seed", range(8))
def test_in_a_storm_nothing_is_lost_or_counted_twice(dynamo: Any, seed: int) -> None:
    storm(dynamo, random.Random(seed))  # noqa: S311 (weather)
    told: list[Write] = []
    writes = list(lives(1200, 60))
    summary = run(dynamo, writes, acknowledged=told.extend)
    assert dynamo.items == after(writes)
    assert sorted(told) == sorted(writes)
    assert summary.acknowledged == summary.inserted + summary.updated + summary.deleted == 1200
    assert summary.deleted == sum(write.kind is Kind.DELETE for write in writes)
    assert summary.rejected == summary.abandoned == 0
    assert summary.retried > summary.throttled > 0
    for key, history in dynamo.history.items():
        # An answer that was lost makes a write twice, and never anything between the two.
        seen = [version for version, _ in itertools.groupby(item and int(item["version"]["N"]) for item in history)]
        mine = [None if write.kind is Kind.DELETE else write.line for write in writes if write.key == key]
        assert seen == mine


@pytest.mark.parametrize(
    ("code", "expected", "exit_code"),
    [
        ("ResourceNotFoundException", "NotDeployed", Exit.NOT_DEPLOYED),
        ("AccessDeniedException", "AccessDeniedException", Exit.FAILED),
        ("ExpiredTokenException", "ExpiredTokenException", Exit.FAILED),
        ("ThrottlingException", "ThrottlingException", Exit.FAILED),
        ("InternalServerError", "InternalServerError", Exit.FAILED),
        ("", "Unreachable", Exit.FAILED),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_an_end_in_a_storm_has_a_summary_that_claims_nothing_too_much(
    dynamo: Any, seed: int, code: str, expected: str, exit_code: Exit
) -> None:
    """From some call on there is only this one answer; what repeats itself is waited out for two minutes."""
    chance, now = random.Random(seed), [0.0]  # noqa: S311 (weather)
    storm(dynamo, chance)
    stormy, calls, last = dynamo.BatchWriteItem, itertools.count(), chance.randrange(20, 60)
    dynamo.BatchWriteItem = lambda params: ends(code) if next(calls) > last else stormy(params)
    told: list[Write] = []

    def sleep(_: float) -> None:
        now[0] += 1

    with pytest.raises(LoadError) as caught:
        run(dynamo, list(lives(3000, 1000)), acknowledged=told.extend, clock=lambda: now[0], sleep=sleep)
    assert (caught.value.code, caught.value.exit_code) == (expected, exit_code)
    assert caught.value.hint
    assert ("Log in" in caught.value.hint) == (code == "ExpiredTokenException")
    summary = caught.value.summary
    assert summary.acknowledged == len(told) > 0
    assert len({write.line for write in told}) == len(told)
    assert summary.abandoned > 0
    claims_nothing_too_much(dynamo, told, under_way=4 * BATCH)


def ends(code: str) -> Any:
    if not code:
        raise EndpointConnectionError(endpoint_url=URL)
    return 500 if code == "InternalServerError" else 400, {"__type": code, "message": "no more"}


def claims_nothing_too_much(dynamo: Any, told: Sequence[Write], under_way: int) -> None:
    """The table holds what was acknowledged, and at most what was under way besides."""
    lines: dict[str, list[int]] = {}
    for write in told:
        lines.setdefault(write.key, []).append(write.line)
    surplus = 0
    for key, history in dynamo.history.items():
        written = len(list(itertools.groupby(item and item["version"]["N"] for item in history)))
        assert lines.get(key, []) == sorted(lines.get(key, []))
        surplus += written - len(lines.get(key, []))
        assert 0 <= written - len(lines.get(key, [])) <= 1
    assert lines.keys() <= dynamo.history.keys()
    assert surplus <= under_way


@pytest.mark.parametrize("seed", range(3))
def test_ctrl_c_in_a_storm_settles_what_is_under_way(dynamo: Any, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (weather)
    storm(dynamo, chance)
    told: list[Write] = []

    def interrupted() -> Iterator[Write]:
        yield from lives(chance.randrange(2000, 3000), 1000)
        raise KeyboardInterrupt

    summary = run(dynamo, interrupted(), acknowledged=told.extend)
    assert summary.interrupted
    assert summary.acknowledged == len(told) > 0
    claims_nothing_too_much(dynamo, told, under_way=4 * BATCH)


def run(dynamo: Any, writes: Iterable[Write], **options: Any) -> Summary:
    """Write it all to the end, whatever that is."""
    calm = {"sleep": lambda _: None, "chance": lambda: 0.0}
    writer = Writer(dynamo.client, dynamo.table, dynamo.key, **{**calm, **options})
    clock: Callable[[], float] = options.get("clock", time.monotonic)
    return Feed(writer, clock, target_rate=None, done=lambda: None, on_progress=None).run(writes)


def test_in_a_storm_over_moto_the_table_is_what_was_acknowledged(aws: Aws, wire: Wire) -> None:
    client, chance, lock = aws.client("dynamodb"), random.Random(4), threading.Lock()  # noqa: S311 (weather)
    client.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def stormy(call: Call) -> AWSResponse:
        if call.operation != "BatchWriteItem":
            return wire.deliver(call)
        with lock:
            roll, code = chance.random(), chance.choice(BUSY)
            processed = chance.randrange(1, 26)
        if roll < 0.1:
            return refusal(call, code, "slowly")
        if roll < 0.2:
            return answer(call, "", 503)
        requests = call.body["RequestItems"]["t"]
        call.request.body = json.dumps({**call.body, "RequestItems": {"t": requests[:processed]}}).encode()
        given = wire.deliver(call)
        if roll < 0.3:
            raise ConnectionClosedError(endpoint_url=call.request.url)
        back = requests[processed:]
        return again(call, given, lambda said: said.update(UnprocessedItems={"t": back} if back else {}))

    wire.weather = stormy
    writes, told = list(lives(600, 50)), list[Write]()
    writer = Writer(client, "t", "orderid", sleep=lambda _: None, chance=lambda: 0.0, acknowledged=told.extend)
    summary = Feed(writer, time.monotonic, target_rate=None, done=lambda: None, on_progress=None).run(writes)
    wire.weather = wire.deliver
    assert {item["orderid"]["S"]: item for item in client.scan(TableName="t")["Items"]} == after(writes)
    assert sorted(told) == sorted(writes)
    assert summary.acknowledged == 600
    assert min(summary.retried, summary.throttled, summary.consumed_write_units) > 0
