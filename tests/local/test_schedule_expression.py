"""rate(...) and cron(...): when a schedule is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.schedules.expression import Cron, Rate, parse_expression


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def shown(moment: float | None) -> str:
    return "never" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        # The examples of the EventBridge user guide, "Cron expressions".
        ("cron(0 10 * * ? *)", "2026-11-22 10:00", "2026-11-23 10:00"),
        ("cron(15 12 * * ? *)", "2026-11-22 10:00", "2026-11-22 12:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-20 18:00", "2026-11-23 18:00"),
        ("cron(0 8 1 * ? *)", "2026-11-22 10:00", "2026-12-01 08:00"),
        ("cron(0/15 * * * ? *)", "2026-11-22 10:14", "2026-11-22 10:15"),
        ("cron(0/10 * ? * MON-FRI *)", "2026-11-20 23:50", "2026-11-23 00:00"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-20 17:54", "2026-11-20 17:55"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-20 17:55", "2026-11-23 08:00"),
        ("cron(0/30 20-2 ? * MON-FRI *)", "2026-11-20 02:40", "2026-11-20 20:00"),
        # Last days, nearest weekdays, and the n-th weekday of a month.
        ("cron(0 0 L * ? *)", "2027-02-01 00:00", "2027-02-28 00:00"),
        ("cron(0 0 LW * ? *)", "2027-02-01 00:00", "2027-02-26 00:00"),
        ("cron(0 0 15W * ? *)", "2026-11-01 00:00", "2026-11-16 00:00"),
        ("cron(0 0 1W 8 ? *)", "2026-01-01 00:00", "2026-08-03 00:00"),
        ("cron(0 0 31W 1 ? *)", "2027-01-01 00:00", "2027-01-29 00:00"),
        ("cron(0 0 ? * 3#2 *)", "2026-11-01 00:00", "2026-11-10 00:00"),
        ("cron(0 0 ? * 2#5 *)", "2026-12-01 00:00", "2027-03-29 00:00"),
        ("cron(0 0 ? * 6L *)", "2026-11-01 00:00", "2026-11-27 00:00"),
        ("cron(0 0 ? * L *)", "2026-11-22 00:00", "2026-11-28 00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-11-23 00:00", "2026-11-27 00:00"),
        ("cron(0 0 29 FEB ? *)", "2026-11-22 00:00", "2028-02-29 00:00"),
        ("cron(5,35 14 * * ? 2027-2028)", "2026-11-22 00:00", "2027-01-01 14:05"),
        ("cron(0 0 1 1 ? 2020)", "2026-11-22 00:00", "never"),
        ("cron(0 0 31 FEB ? *)", "2026-11-22 00:00", "never"),
        ("rate(1 minute)", "2026-11-22 00:00", "2026-11-22 00:00"),
    ],
)
def test_when_it_is_due(expression: str, after: str, expected: str) -> None:
    found = parse_expression(expression).next_after(stamp(after), stamp("2026-11-21 23:59") + 30)
    assert shown(found) == expected


def test_a_rate_counts_from_its_beginning() -> None:
    rate = parse_expression("rate(2 hours)")
    assert rate == Rate(7200)
    assert [rate.next_after(moment, 100.0) for moment in (50.0, 100.0, 7299.0, 7300.0)] == [7300, 7300, 7300, 14_500]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(5 seconds)",
        "rate(5minutes)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * MON#6 *)",
        "cron(0 10 * * ? 1969)",
        "cron(*/0 10 * * ? *)",
        "cron(x 10 * * ? *)",
        "cron(0, 10 * * ? *)",
        "at(2026-11-22T00:00:00)",
    ],
)
def test_what_aws_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_expression(text)


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    moment=st.floats(min_value=0, max_value=4_000_000_000, allow_nan=False),
)
def test_a_daily_cron_is_due_within_a_day_at_its_time(minute: int, hour: int, moment: float) -> None:
    expression = parse_expression(f"cron({minute} {hour} * * ? *)")
    assert isinstance(expression, Cron)
    due = expression.next_after(moment, 0)
    assert due is not None
    assert moment < due <= moment + 86_400
    assert due % 86_400 == hour * 3600 + minute * 60
