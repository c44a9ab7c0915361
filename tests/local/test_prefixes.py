from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.firehose.date_patterns import DatePattern
from salespipe.local.firehose.prefixes import Instant, Prefix, PrefixError, prefixes

MOMENT = datetime(2026, 1, 3, 0, 5, 9, 123456, UTC)


def at(text: str, *, moment: datetime = MOMENT, **more: object) -> str:
    return Prefix(text).evaluate(Instant(moment, Random(7), **more))  # type: ignore[arg-type] # noqa: S311


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy/MM/dd/HH/", "2026/01/03/00/"),
        ("yy-M-d H:m:s", "26-1-3 0:5:9"),
        ("'year='yyyy''", "year=2026'"),
        ("uuuu-MM-dd'T'HH:mm:ss.SSSX", "2026-01-03T00:05:09.123Z"),
        ("MMM MMMM MMMMM", "Jan January J"),
        ("E EEEE e", "Sat Saturday 7"),
        ("DDD Q", "003 1"),
        ("hh a k K", "12 AM 24 0"),
        ("xxx Z ZZZZ O", "+00:00 +0000 GMT GMT"),
        ("n A", "123456000 309123"),
        ("G", "AD"),
    ],
)
def test_java_patterns(pattern: str, expected: str) -> None:
    assert DatePattern(pattern).format(MOMENT) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # java.time's WeekFields.SUNDAY_START: the week with 1 January in it is the first of its year.
        ((2026, 1, 1), "2026-01"),
        ((2026, 1, 4), "2026-02"),
        ((2025, 12, 27), "2025-52"),
        ((2025, 12, 28), "2026-01"),
        ((2023, 12, 30), "2023-52"),
        ((2023, 12, 31), "2024-01"),
    ],
)
def test_the_week_year_is_not_the_year(day: tuple[int, int, int], expected: str) -> None:
    assert DatePattern("YYYY-ww").format(datetime(*day, tzinfo=UTC)) == expected


def test_another_time_zone() -> None:
    moment = datetime(2026, 7, 1, 22, 30, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert DatePattern("yyyy-MM-dd HH X XXX VV").format(moment) == "2026-07-02 00 +02 +02:00 Europe/Berlin"


@pytest.mark.parametrize("pattern", ["yyyy-'T", "j", "{", "dddd", "aa"])
def test_a_pattern_that_java_refuses(pattern: str) -> None:
    with pytest.raises(ValueError, match="attern"):
        DatePattern(pattern)


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
def test_numbers_agree_with_strftime(moment: datetime) -> None:
    assert DatePattern("yyyy/MM/dd/HH/mm/ss/DDD").format(moment) == moment.strftime("%Y/%m/%d/%H/%M/%S/%j")


def test_expressions_between_plain_text() -> None:
    text = "orders/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert at(text) == "orders/dt=2026-01-03/hour=00/"
    random = at("!{firehose:random-string}/")
    assert len(random) == 12
    assert random[:-1].isalnum()
    assert at("!{firehose:error-output-type}/x", error_type="processing-failed") == "processing-failed/x"
    assert at("r=!{partitionKeyFromLambda:region}/", partition_keys={"region": "eu"}) == "r=eu/"


@pytest.mark.parametrize("text", ["!{timestamp:yyyy", "!{nothing}", "!{firehose:x}", "!{timestamp:j}", "!{env:a}"])
def test_an_expression_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(PrefixError):
        Prefix(text)


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "objects", "errors"),
    [
        ("", "", "2026/01/03/00/", "processing-failed/2026/01/03/00/"),
        ("mine/", "", "mine/2026/01/03/00/", "mine/processing-failed/2026/01/03/00/"),
        ("mine", "bad/", "mine2026/01/03/00/", "bad/processing-failed/2026/01/03/00/"),
        ("y=!{timestamp:yyyy}/", "e/!{firehose:error-output-type}/", "y=2026/", "e/processing-failed/"),
        ("", "e/!{firehose:error-output-type}/!{timestamp:yyyy}/", "2026/01/03/00/", "e/processing-failed/2026/"),
    ],
)
def test_defaults(prefix: str, error_prefix: str, objects: str, errors: str) -> None:
    found = prefixes(prefix, error_prefix)
    instant = Instant(MOMENT, Random(1), "processing-failed")  # noqa: S311
    assert [one.evaluate(instant) for one in found] == [objects, errors]


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        ("!{timestamp:yyyy}/", "", "ErrorOutputPrefix can't be null when Prefix contains expressions"),
        ("", "e/!{timestamp:yyyy}/", "must contain !{firehose:error-output-type}"),
        ("!{firehose:error-output-type}/", "e/", "for ErrorOutputPrefix only"),
        ("!{partitionKeyFromLambda:k}/", "e/", "only when Dynamic Partitioning is enabled"),
        ("x/", "!{firehose:error-output-type}/!{partitionKeyFromLambda:k}/", "ErrorOutputPrefix cannot contain"),
    ],
)
def test_combinations_that_firehose_refuses(prefix: str, error_prefix: str, message: str) -> None:
    with pytest.raises(PrefixError, match=r"rror|artition") as caught:
        prefixes(prefix, error_prefix)
    assert message in str(caught.value)
