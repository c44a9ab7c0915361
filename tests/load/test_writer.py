"""The writer in AWS's weather: nothing acknowledged is forgotten, nothing unacknowledged is counted."""

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from salespipe.errors import Exit, SalespipeError
from salespipe.load.attributes import delete_request, put_request
from salespipe.load.writer import Write, Writer
from salespipe.orders import Kind

MakeWriter = Callable[..., Writer]


def put(key: str, version: int = 0, line: int = 0) -> Write:
    return Write(Kind.INSERT, key, put_request({"orderid": key, "version": version}, "orderid"), 0.0, line)


@pytest.fixture
def make_writer(dynamo: Any) -> Iterator[MakeWriter]:
    made: list[Writer] = []

    def make(**options: Any) -> Writer:
        defaults = {"sleep": lambda _: None, "chance": lambda: 0.0}
        made.append(Writer(dynamo.client, dynamo.table, dynamo.key, **{**defaults, **options}))
        return made[-1]

    yield make
    for writer in made:
        writer.stop()


def feed(writer: Writer, writes: list[Write]) -> None:
    for write in writes:
        while not writer.offer(write, 1):
            pass


def settle(writer: Writer) -> None:
    for _ in range(200):
        if writer.drain(0.1):
            return
    raise AssertionError("the writer does not settle")


def test_all_writes_arrive_in_full_batches(dynamo: Any, make_writer: MakeWriter) -> None:
    told: list[Write] = []
    writer = make_writer(acknowledged=told.extend)
    writes = [put(f"o-{number}") for number in range(1000)]
    feed(writer, writes)
    settle(writer)
    assert len(dynamo.items) == 1000
    assert sorted(told) == sorted(writes)
    assert writer.abandoned == 0
    with writer.counting() as tally:
        assert tally.acknowledged == {Kind.INSERT: 1000, Kind.UPDATE: 0, Kind.DELETE: 0}
        assert (tally.retried, tally.throttled, tally.rejected) == (0, 0, 0)


def test_unprocessed_writes_are_sent_again_alone_and_every_keys_order_stands(
    dynamo: Any, make_writer: MakeWriter
) -> None:
    chance = random.Random(5)  # noqa: S311 (weather)
    dynamo.capacity = lambda size: chance.randrange(size + 1)
    writer = make_writer()
    writes = [put(f"o-{number % 40}", number) for number in range(2000)]
    feed(writer, writes)
    feed(writer, [Write(Kind.DELETE, "o-0", delete_request("o-0", "orderid"), 0.0)])
    settle(writer)
    for key, history in dynamo.history.items():
        versions = [int(item["version"]["N"]) for item in history if item]
        assert versions == list(range(int(key[2:]), 2000, 40))
    assert dynamo.history["o-0"][-1] is None
    with writer.counting() as tally:
        assert sum(tally.acknowledged.values()) == 2001
        assert tally.throttled == tally.retried == sum(dynamo.calls) - 2001 > 0


def test_latency_counts_from_when_a_write_was_due(make_writer: MakeWriter) -> None:
    """A call takes no time on this clock; the second write was due three seconds before it could be sent."""
    writer = make_writer(clock=lambda: 10.0)
    feed(writer, [put("o-1")._replace(due=10.0), put("o-2")._replace(due=7.0)])
    settle(writer)
    with writer.counting() as tally:
        assert tally.latencies.quantile(0.5) < 0.001
        assert tally.latencies.quantile(0.99) == pytest.approx(3, rel=0.02)


def test_the_one_bad_write_of_a_batch_is_found_and_rejected(dynamo: Any, make_writer: MakeWriter) -> None:
    def weather(_: int, requests: list[dict[str, Any]]) -> Any:
        if any(request["PutRequest"]["Item"]["orderid"]["S"] == "o-13" for request in requests):
            return 400, {"__type": "ValidationException", "message": "Type mismatch for key"}
        return None

    dynamo.weather = weather
    writer = make_writer(workers=1)
    feed(writer, [put(f"o-{number}", line=number + 2) for number in range(50)])
    settle(writer)
    assert dynamo.items.keys() == {f"o-{number}" for number in range(50)} - {"o-13"}
    with writer.counting() as tally:
        assert [(reject.line, reject.key, reject.reason) for reject in tally.rejects] == [
            (15, "o-13", "Type mismatch for key")
        ]
        assert (tally.acknowledged[Kind.INSERT], tally.rejected) == (49, 1)
    assert writer.abandoned == 0


def test_writes_leave_as_unevenly_as_they_are_sent_against_their_schedule(make_writer: MakeWriter) -> None:
    writer = make_writer(clock=lambda: 10.0)
    feed(writer, [put(f"o-{due}")._replace(due=float(due)) for due in (2, 4, 4, 4, 5, 5, 7, 9)])
    settle(writer)
    with writer.counting() as tally:
        assert tally.delays.deviation == pytest.approx(2)


def test_consumed_units_are_those_that_dynamodb_counts(dynamo: Any, make_writer: MakeWriter) -> None:
    dynamo.capacity = lambda size: min(size, 10)
    writer = make_writer()
    feed(writer, [put(f"o-{number}") for number in range(100)])
    settle(writer)
    with writer.counting() as tally:
        assert tally.consumed == 100.0


def test_a_batch_that_cannot_be_read_is_halved_too(dynamo: Any, make_writer: MakeWriter) -> None:
    def weather(_: int, requests: list[dict[str, Any]]) -> Any:
        if any("broken" in request["PutRequest"]["Item"] for request in requests):
            return 400, {"__type": "SerializationException", "message": "NUMBER_VALUE cannot be converted to String"}
        return None

    dynamo.weather = weather
    writer = make_writer(workers=1)
    broken = Write(Kind.INSERT, "b", b'{"PutRequest":{"Item":{"orderid":{"S":"b"},"broken":{"S":5}}}}', 0.0)
    feed(writer, [put("a"), broken, put("c")])
    settle(writer)
    assert set(dynamo.items) == {"a", "c"}
    with writer.counting() as tally:
        assert [reject.key for reject in tally.rejects] == ["b"]


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError"]
)
def test_throttles_and_server_errors_are_waited_out(dynamo: Any, make_writer: MakeWriter, code: str) -> None:
    status = 500 if code == "InternalServerError" else 400
    dynamo.weather = lambda call, _: (status, {"__type": code, "message": "later"}) if call <= 3 else None
    slept: list[float] = []
    writer = make_writer(workers=1, sleep=slept.append, chance=lambda: 1.0)
    feed(writer, [put("o-1")])
    settle(writer)
    assert slept == [0.05, 0.1, 0.2]
    with writer.counting() as tally:
        assert (tally.acknowledged[Kind.INSERT], tally.retried) == (1, 3)
        assert tally.throttled == (0 if status == 500 else 3)


def test_a_lost_answer_is_written_again_and_counted_once(dynamo: Any, make_writer: MakeWriter) -> None:
    def weather(call: int, _: list[dict[str, Any]]) -> None:
        if call == 1:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    dynamo.weather = weather
    writer = make_writer(workers=1)
    feed(writer, [put("o-1")])
    settle(writer)
    with writer.counting() as tally:
        assert (tally.acknowledged[Kind.INSERT], tally.retried, tally.throttled) == (1, 1, 0)


@pytest.mark.parametrize(
    ("answer", "code", "exit_code"),
    [
        ((400, {"__type": "ResourceNotFoundException", "message": "gone"}), "NotDeployed", Exit.NOT_DEPLOYED),
        ((400, {"__type": "AccessDeniedException", "message": "no"}), "AccessDeniedException", Exit.FAILED),
    ],
)
def test_what_will_not_pass_stops_the_writer(
    dynamo: Any, make_writer: MakeWriter, answer: Any, code: str, exit_code: Exit
) -> None:
    dynamo.weather = lambda call, _: answer if call == 3 else None
    writer = make_writer(workers=2)
    with pytest.raises(SalespipeError) as caught:  # noqa: PT012 (either may be the first to see it)
        feed(writer, [put(f"o-{number}") for number in range(1000)])
        settle(writer)
    assert (caught.value.code, caught.value.exit_code) == (code, exit_code)
    writer.stop()
    with writer.counting() as tally:
        assert tally.acknowledged[Kind.INSERT] == len(dynamo.items) > 0
    assert writer.abandoned > 0


def test_patience_ends_when_nothing_is_ever_processed(dynamo: Any, make_writer: MakeWriter) -> None:
    now = [0.0]

    def sleep(_: float) -> None:
        now[0] += 10

    dynamo.capacity = lambda _: 0
    writer = make_writer(workers=1, clock=lambda: now[0], sleep=sleep)
    feed(writer, [put("o-1")])
    with pytest.raises(SalespipeError, match="sent back every write") as caught:
        settle(writer)
    assert caught.value.code == "Throttled"
    assert len(dynamo.calls) == 14


def test_stop_settles_what_is_under_way_and_forgets_no_acknowledgement(dynamo: Any, make_writer: MakeWriter) -> None:
    started, go_on = threading.Event(), threading.Event()

    def weather(*_: object) -> None:
        started.set()
        assert go_on.wait(20)

    dynamo.weather = weather
    writer = make_writer(workers=1)
    feed(writer, [put(f"o-{number}") for number in range(100)])
    assert started.wait(20)
    stopper = threading.Thread(target=writer.stop)
    stopper.start()
    go_on.set()
    stopper.join(20)
    assert not stopper.is_alive()
    with writer.counting() as tally:
        assert tally.acknowledged[Kind.INSERT] == len(dynamo.items) == dynamo.calls[0]
    assert len(dynamo.calls) == 1
    assert writer.abandoned == 100 - dynamo.calls[0]


def test_an_unacknowledged_listener_failure_reaches_the_caller(dynamo: Any, make_writer: MakeWriter) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    writer = make_writer(acknowledged=full)
    feed(writer, [put("o-1")])
    with pytest.raises(OSError, match="No space left"):
        settle(writer)


def test_other_calls_of_the_client_are_left_as_they_are(dynamo: Any, make_writer: MakeWriter) -> None:
    make_writer()
    item = {"orderid": {"S": "mine"}}
    dynamo.client.batch_write_item(RequestItems={dynamo.table: [{"PutRequest": {"Item": item}}]})
    assert dynamo.items == {"mine": item}
