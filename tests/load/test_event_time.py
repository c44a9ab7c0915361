"""Rows at the pace at which they happened, so many times faster."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.event_time import EventTime, parse_speed
from salespipe.load.mapping import parse_mapping
from salespipe.load.replay import replay

FIRST = datetime(1997, 1, 1, tzinfo=UTC)


class Watch:
    """A clock that moves only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ticks = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tick(self) -> None:
        self.ticks += 1


def paced(speed: float, *hours: float | None) -> list[tuple[float, float]]:
    """For rows of these hours: seconds after the start at which each is due, and at which it was let go."""
    watch = Watch()
    pace = EventTime(speed, lambda: watch.now, watch.sleep, watch.tick)
    return [
        (
            pace.due(None if hour is None else FIRST + timedelta(hours=hour)) - 100,
            pytest.approx(watch.now - 100, abs=0.01),
        )
        for hour in hours
    ]


def test_the_time_between_rows_is_divided() -> None:
    assert paced(3600, 0, 1, 1, 4.5) == [(0, 0), (1, 1), (1, 1), (4.5, 4.5)]


def test_a_row_of_an_earlier_time_or_none_goes_at_once() -> None:
    assert paced(3600, None, 2, 1, None, 3) == [(0, 0), (0, 0), (0, 0), (0, 0), (1, 1)]


def test_a_huge_gap_is_waited_for_in_pieces() -> None:
    watch = Watch()
    pace = EventTime(1, lambda: watch.now, watch.sleep, watch.tick)
    pace.due(FIRST)
    assert pace.due(FIRST + timedelta(hours=1)) == 3700
    assert watch.ticks >= 3600 / 0.2


def test_whoever_is_late_catches_up() -> None:
    watch = Watch()
    pace = EventTime(1, lambda: watch.now, watch.sleep, watch.tick)
    pace.due(FIRST)
    watch.now += 50
    assert pace.due(FIRST + timedelta(seconds=10)) == 110
    assert watch.now == 150


@pytest.mark.parametrize(("text", "speed"), [("60x", 60), ("60", 60), ("0.5X", 0.5), (" 1000 x", 1000), (None, None)])
def test_a_speed_is_a_factor(text: str | None, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "x", "0", "0x", "-1x", "fast", "1e3", "nan", "inf", "60xx", "9999999999x", "٦x"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        parse_speed(text)
    assert (caught.value.code, caught.value.exit_code) == ("BadSpeed", Exit.USAGE)


@pytest.mark.parametrize("options", [{"time": "day"}, {"mapping": "orderid=id,created_at=day"}])
def test_a_file_is_replayed_at_its_own_pace(dynamo: Any, tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,day\n1,1997-01-01\n2,1997-01-02\n3,1996-12-31\n4,one day\n5,1997-01-03T12:00:00Z\n")
    watch = Watch()
    mapping = parse_mapping(options.pop("mapping", "orderid=id"))
    aws = dynamo.aws(clock=lambda: watch.now, sleep=watch.sleep)
    summary = replay(aws, path, mapping, speed=86_400.0, **options)
    assert summary.seconds == pytest.approx(2.5, abs=0.01)
    assert [(reject.line, reject.reason[:14]) for reject in summary.rejects] == [(5, "day: 'one day'")]
    assert sorted(dynamo.items) == ["1", "2", "3", "5"]
