"""Records that failed are replayed: each is delivered once, or stays with its attempts counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.trust.quarantine import fixing, replay
from salespipe.trust.quarantine.failures import MARK, record_id

Make = Callable[..., bytes]
MENDING = "def fix(event):\n    assert event['eventName'] == 'insert'\n    return event | {'eventName': 'INSERT'}\n"


def fix_of(tmp_path: Path, source: str) -> dict[str, Any]:
    script = tmp_path / "fix.py"
    script.write_text(source)
    return {"fix": fixing.load(script), "script": script}


@pytest.mark.parametrize(("how", "tries"), [("raise", 4), ("refuse", 1)])
def test_a_broken_transform_is_healed_and_nothing_is_missing(pipe: Any, how: str, tries: int) -> None:
    orders = [f"{how}-{number}" for number in range(5)]
    pipe.broken(how)
    pipe.write(*orders)
    found = pipe.quarantined(5)
    assert {each.attempts for each in found.values()} == {tries}
    assert not {order for order in pipe.delivered() if order.startswith(how)}

    pipe.heal()
    result = pipe.replay()

    assert (result.chosen, result.put, result.delivered, result.left) == (5, 5, 5, 0)
    assert result.exit_code is Exit.DONE
    assert pipe.records() == {}
    assert pipe.error_objects() == []
    assert [order for order in pipe.delivered() if order.startswith(how)] == orders
    assert pipe.in_view(f"{how}-%") == orders


def test_what_fails_again_stays_once_with_its_attempts_counted(pipe: Any) -> None:
    pipe.put(b"no event", b"another")
    before = pipe.quarantined(2)
    (key,) = {pipe.error_objects()[0]}
    identity = record_id(b"no event")

    for tries in (2, 3):
        result = pipe.replay(identity)
        assert (result.failed, result.left, result.exit_code) == (1, 1, Exit.FAILED)
        ((failed, problem),) = result.problems
        assert failed == identity
        assert problem.startswith(
            "failed again: the transform of this version refuses it: DecodeError: JSON is malformed"
        )
        after = pipe.records()
        assert after.keys() == before.keys()
        assert after[identity].attempts == tries
        assert after[identity].arrived == before[identity].arrived
        assert after[record_id(b"another")] == before[record_id(b"another")]
        assert sum(len(pipe.lines(each)) for each in pipe.error_objects()) == 2
    assert key in pipe.error_objects()


def test_only_what_is_chosen_is_put(pipe: Any, make_event: Make) -> None:
    first, second, third = (make_event(f"chosen-{number}") for number in range(3))
    key = pipe.plant(first, second)
    pipe.plant(third, kind="format-conversion-failed")
    assert pipe.replay(record_id(second)[:6]).delivered == 1
    assert pipe.records().keys() == {record_id(first), record_id(third)}
    assert len(pipe.lines(key)) == 1
    assert pipe.replay(error="FORMAT-conversion-failed").delivered == 1
    assert pipe.replay(error="lambda.functionerror").delivered == 1
    assert pipe.records() == {}
    assert [order for order in pipe.delivered() if order.startswith("chosen")] == ["chosen-0", "chosen-1", "chosen-2"]


def test_a_record_in_two_places_is_one_and_leaves_both(pipe: Any, make_event: Make) -> None:
    data = make_event("twice")
    pipe.plant(data, attempts=4, ended=1000)
    pipe.plant(data, make_event("beside"), attempts=1, ended=2000)
    assert pipe.records()[record_id(data)].attempts == 5
    result = pipe.replay(record_id(data))
    assert (result.put, result.delivered) == (1, 1)
    assert pipe.records().keys() == {record_id(make_event("beside"))}


def test_fix_repairs_leaves_out_and_fails(pipe: Any, make_event: Make, tmp_path: Path) -> None:
    good, skipped, wrong, still = (make_event(f"fix-{name}", kind="insert") for name in ("a", "b", "c", "d"))
    pipe.plant(good, skipped, wrong, still, b"{ no json", b"[1]")
    source = """
def fix(event):
    order = event["dynamodb"]["Keys"]["orderid"]["S"]
    if order == "fix-b":
        return None
    if order == "fix-c":
        raise KeyError("no idea")
    event["eventName"] = "INSERT" if order == "fix-a" else "STILL"
    return event
"""
    fix = fix_of(tmp_path, source)

    foretold = pipe.replay(dry_run=True, **fix)
    assert (foretold.put, foretold.skipped, foretold.broken, foretold.refused) == (2, 1, 3, 1)
    assert len(pipe.records()) == 6

    result = pipe.replay(**fix)
    assert (result.put, result.delivered, result.failed, result.skipped, result.broken) == (2, 1, 1, 1, 3)
    assert result.exit_code is Exit.PARTLY
    assert dict(result.problems)[record_id(wrong)] == "fix failed: KeyError: 'no idea' (line 7)"
    assert dict(result.problems)[record_id(b"{ no json")] == "it is no JSON, which fix could be given"
    assert dict(result.problems)[record_id(b"[1]")] == "it is JSON, but no object, which fix could be given"
    left = pipe.records()
    assert left.keys() == {record_id(each) for each in (skipped, wrong, still, b"{ no json", b"[1]")}
    assert left[record_id(still)].attempts == 5
    assert [order for order in pipe.delivered() if order.startswith("fix")] == ["fix-a"]

    # What stays is as it came: the next script is given that, not what the last one has made of it.
    healed = fix_of(
        tmp_path,
        MENDING,
    )
    assert pipe.replay(record_id(still), **healed).delivered == 1


def test_what_a_script_changed_and_fails_is_still_that_record(pipe: Any, make_event: Make, tmp_path: Path) -> None:
    """As after a kill: the repaired event lies there beside what it was, and neither is lost or taken for two."""
    data = make_event("mark", kind="insert")
    repaired = json.loads(data) | {"eventName": "WORSE", MARK: record_id(data)}
    pipe.plant(json.dumps(repaired).encode(), attempts=1, ended=2000)
    assert pipe.records().keys() == {record_id(data)}
    pipe.plant(data, attempts=4, ended=1000)
    (record,) = pipe.records().values()
    assert record.attempts == 5
    fix = fix_of(
        tmp_path,
        MENDING,
    )
    assert pipe.replay(**fix).delivered == 1
    assert pipe.error_objects() == []


def test_what_nobody_sees_again_stays(pipe: Any, make_event: Make) -> None:
    pipe.broken("drop")
    pipe.plant(make_event("dropped"))
    result = pipe.replay(patience=1.0)
    pipe.heal()
    assert (result.put, result.unseen, result.exit_code) == (1, 1, Exit.FAILED)
    assert len(pipe.records()) == 1
    assert pipe.replay().delivered == 1


def test_two_events_of_one_id_are_told_apart_by_what_fails(pipe: Any, make_event: Make) -> None:
    good, bad = make_event("same"), make_event("same", kind="insert")
    pipe.plant(good, bad)
    result = pipe.replay()
    assert (result.delivered, result.failed) == (1, 1)
    assert pipe.records().keys() == {record_id(bad)}


def test_what_is_too_large_for_the_stream_is_told(pipe: Any, make_event: Make, tmp_path: Path) -> None:
    data = make_event("large")
    pipe.plant(data)
    result = pipe.replay(**fix_of(tmp_path, "def fix(event):\n    return event | {'blob': 'x' * 1_100_000}\n"))
    ((record, problem),) = result.problems
    assert (record, result.broken, result.put) == (record_id(data), 1, 0)
    assert problem.endswith("bytes, more than the stream takes")


def test_strangers_are_told_and_left_as_they_are(pipe: Any, make_event: Make) -> None:
    note = pipe.plant_raw("notes.txt", b"hello")
    zipped = pipe.plant_raw("processing-failed/broken.bin", b"\x1f\x8b nonsense")
    mixed = pipe.plant_raw("processing-failed/mixed.txt", *pipe.lines(pipe.plant(make_event("mixed"))), b"a remark")
    bodies = {key: pipe.lines(key) for key in (note,)}
    with pipe.opened() as found:
        told = sorted(found.foreign)
    assert [each.partition(": ")[0] for each in told] == sorted([note, zipped, mixed])
    assert pipe.replay().delivered == 1
    assert sorted(pipe.error_objects()) == sorted([note, zipped, mixed])
    assert pipe.lines(mixed) == [b"a remark"]
    assert {key: pipe.lines(key) for key in bodies} == bodies


def test_new_failures_of_others_are_left_alone(pipe: Any, make_event: Make) -> None:
    """What fails while a replay waits is none of its records."""
    pipe.plant(make_event("mine"))
    with pipe.opened() as found:
        from salespipe.trust.quarantine.chosen import choose
        from salespipe.trust.quarantine.replay import Replay

        choose(found.index, (), None, everything=True)
        pipe.put(b"somebody else's")
        while len(pipe.error_objects()) < 2:
            time.sleep(0.05)
        assert Replay(pipe.aws, found).run().delivered == 1
    assert pipe.records().keys() == {record_id(b"somebody else's")}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def fix(event)\n", "SyntaxError: expected ':' (line 1)"),
        ("import nothing_like_it\n", "ModuleNotFoundError: No module named 'nothing_like_it' (line 1)"),
        ("raise SystemExit(3)\n", "SystemExit: 3 (line 1)"),
        ("mend = 1\n", "has no function fix"),
        ("fix = 1\n", "has no function fix"),
    ],
)
def test_a_script_that_is_none_is_told(tmp_path: Path, source: str, told: str) -> None:
    script = tmp_path / "fix.py"
    script.write_text(source)
    with pytest.raises(SalespipeError) as caught:
        fixing.load(script)
    assert told in caught.value.message
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def fix(event):\n    return 3\n", "fix returned int, neither a dict nor None"),
        ("def fix(event):\n    return {'a': object()}\n", "what fix returned is no JSON"),
        ("def fix(event):\n    event['a'] = event\n    return event\n", "what fix returned is no JSON"),
        ("def fix(event):\n    raise SystemExit('out')\n", "fix failed: SystemExit: out (line 2)"),
    ],
)
def test_what_a_script_must_not_return(tmp_path: Path, make_event: Make, source: str, told: str) -> None:
    fix = fix_of(tmp_path, source)
    with pytest.raises(fixing.NotFixedError, match=told.replace("(", "\\(").replace(")", "\\)")):
        fixing.fixed(fix["fix"], make_event("x"), "id", fix["script"])


def test_what_a_script_does_not_change_stays_as_it_came(tmp_path: Path, make_event: Make) -> None:
    fix = fix_of(tmp_path, "def fix(event):\n    return dict(event)\n")
    data = make_event("x")
    assert fixing.fixed(fix["fix"], data, "id", fix["script"]) is data


def test_more_than_one_round(pipe: Any, make_event: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record whose line lies in objects of several rounds is put once, and leaves all of them."""
    monkeypatch.setitem(replay._ROUND, "local", 2)
    shared = make_event("round-shared")
    for number in range(4):
        pipe.plant(make_event(f"round-{number}"), shared, ended=1000 + number)
    result = pipe.replay()
    assert (result.chosen, result.put, result.delivered, result.left) == (5, 5, 5, 0)
    assert pipe.error_objects() == []
