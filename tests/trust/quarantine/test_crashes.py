"""A replay ends at every API call in turn: nothing is lost, and the same command goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from dead_letters import send_letter, table_records
from salespipe.aws import Aws
from salespipe.trust.quarantine import letters
from salespipe.trust.quarantine.failures import record_id
from salespipe.trust.quarantine.fixing import load
from weather import Crash

pytestmark = pytest.mark.long

Make = Callable[..., bytes]
FIRST = 4
"""Those before only look: account, queue, objects."""


def dying(aws: Aws, calls: int) -> Aws:
    """An account that answers so many calls, and is never heard again."""
    left = iter(range(calls))

    def answer(**_: Any) -> None:
        if next(left, None) is None:
            raise Crash

    class Dying(Aws):
        def client(self, service: str) -> Any:
            client = super().client(service)
            client.meta.events.register("before-call", answer, unique_id="dying")
            return client

    return Dying(aws.config, endpoint=aws.endpoint)


def crashed(pipe: Any, calls: int, **options: Any) -> bool:
    try:
        pipe.replay(aws=dying(pipe.aws, calls), **options)
    except Crash:
        return True
    return False


def test_whichever_call_is_the_last_nothing_is_lost_or_counted_twice(pipe: Any, make_event: Make) -> None:
    bad = b"never an event"
    for calls in count(FIRST):
        one, two = make_event(f"crash-{calls}-a"), make_event(f"crash-{calls}-b")
        orders = [f"crash-{calls}-a", f"crash-{calls}-b"]
        pipe.plant(one, bad, attempts=4, ended=1000)
        pipe.plant(one, two, attempts=4, ended=2000)

        died = crashed(pipe, calls)

        found = pipe.records()
        there = set(pipe.delivered())
        for order, data in zip(orders, (one, two), strict=True):
            assert record_id(data) in found or order in there
        put_before = found[record_id(bad)].attempts
        assert put_before in {4, 5}

        pipe.replay()

        # What a crash left on its way may have failed meanwhile, which is an attempt, too.
        (left,) = pipe.records().values()
        assert left.id == record_id(bad)
        assert left.attempts - put_before in ({1} if not died else {1, 2})
        if died:
            pipe.replay()
        assert len([line for key in pipe.error_objects() for line in pipe.lines(key)]) == 1
        assert {order for order in pipe.delivered() if order in orders} == set(orders)
        pipe.clean()
        if not died:
            break
    assert calls > 12


def test_whichever_call_is_the_last_what_a_script_repairs_is_kept(pipe: Any, make_event: Make, tmp_path: Any) -> None:
    script = tmp_path / "fix.py"
    script.write_text("def fix(event):\n    return event | {'eventName': 'WORSE'}\n")
    data = make_event("crash-fix", kind="insert")
    for calls in count(FIRST, 2):
        pipe.plant(data)
        died = crashed(pipe, calls, fix=load(script), script=script)
        time.sleep(0.3)
        assert pipe.records().keys() == {record_id(data)}
        pipe.replay(fix=load(script), script=script)
        (key,) = pipe.error_objects()
        assert len(pipe.lines(key)) == 1
        with pipe.opened() as found:
            assert found.index.place(record_id(data)) == (key, False)
        pipe.clean()
        if not died:
            break
    assert calls > 12


def test_whichever_call_is_the_last_a_dead_letter_is_kept(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "HOLD_SECONDS", 1)
    for calls in count(FIRST, 2):
        order = f"letter-{calls}"
        pipe.write(order)
        while pipe.delivered().count(order) < 1:
            time.sleep(0.05)
        send_letter(pipe.aws, table_records(pipe.aws)[-1])

        died = crashed(pipe, calls)

        while pipe.letters() and not pipe.records():
            time.sleep(0.1)  # until it is nobody's any more
        kept = len(pipe.records())
        assert kept or pipe.delivered().count(order) >= 2
        assert pipe.replay().delivered == kept
        assert pipe.delivered().count(order) >= 2
        pipe.clean()
        if not died:
            break
    assert calls > 10
