"""What may be asked of a load, and how nonsense is refused."""

from __future__ import annotations

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load import options
from salespipe.load.pacing import Ramp
from salespipe.orders import PROFILES, Mix
from salespipe.orders.profiles import STEADY


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("90", 90.0), ("90s", 90.0), (" 1.5 m", 90.0), ("1h", 3600.0), ("2d", 172_800.0)],
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert options.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["soon", "", "-5s", "1e3", "5 weeks", "s", "0s", "366d", "9" * 400])
def test_nonsense_durations(text: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        options.parse_duration(text)
    assert (caught.value.code, caught.value.exit_code) == ("BadDuration", Exit.USAGE)


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("50,45,5", Mix(50, 45, 5)),
        ("1,0,0", Mix(1, 0, 0)),
        ("insert=50,update=45,delete=5", Mix(50, 45, 5)),
        ("deletes=5, inserts=95", Mix(95, 0, 5)),
    ],
)
def test_mixes(text: str, mix: Mix) -> None:
    assert options.parse_mix(text) == mix


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "three shares"),
        ("50,50", "three shares"),
        ("a,b,c", "'a' where a number belongs"),
        ("nan,1,1", "positive share"),
        ("0,50,50", "positive share"),
        ("5,5,50", "more deletes than inserts"),
        ("50,-1,5", "negative"),
        ("insert=50,insert=5", "twice"),
        ("insert=50,upsert=5", "'upsert', which is none of insert, update, delete"),
    ],
)
def test_nonsense_mixes(text: str, told: str) -> None:
    with pytest.raises(SalespipeError, match=told) as caught:
        options.parse_mix(text)
    assert (caught.value.code, caught.value.exit_code) == ("BadMix", Exit.USAGE)
    assert "--mix 50,45,5" in str(caught.value.hint)


def test_ramps() -> None:
    assert options.parse_ramp("50:5000:60s") == Ramp(50.0, 5000.0, 60.0)
    assert options.parse_ramp(None) is None


@pytest.mark.parametrize("text", ["", "50", "50:5000", "50:5000:60s:1", "a:b:60s", "0:50:5s", "50:nan:5s", "1:2:soon"])
def test_nonsense_ramps(text: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        options.parse_ramp(text)
    assert caught.value.exit_code is Exit.USAGE
    assert f"--ramp {text}" in caught.value.message


def test_an_unknown_profile_tells_the_nearest_and_where_an_aws_profile_stands() -> None:
    with pytest.raises(SalespipeError) as caught:
        options.profile_named("flashsale")
    assert "Did you mean flash-sale?" in str(caught.value.hint)
    with pytest.raises(SalespipeError) as caught:
        options.profile_named("work")
    assert "salespipe --profile NAME generate" in str(caught.value.hint)
    assert {options.profile_named(name).name for name in PROFILES} == set(PROFILES)


def test_a_rate_is_fifty_unless_told_and_a_ramp_is_as_much_as_it_comes_to() -> None:
    assert options.rate_of(None, STEADY, None) == 50
    assert options.rate_of(7, PROFILES["daily"], None) == 7
    assert options.rate_of(None, STEADY, Ramp(100, 10, 5)) == 100


@pytest.mark.parametrize(
    ("rate", "profile", "told"), [(50.0, "steady", "--ramp and --rate"), (None, "daily", "--ramp and --profile")]
)
def test_a_ramp_tells_the_rate_alone(rate: float | None, profile: str, told: str) -> None:
    with pytest.raises(SalespipeError, match=told) as caught:
        options.rate_of(rate, PROFILES[profile], Ramp(1, 2, 3))
    assert caught.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"count": 0}, "--count 0"),
        ({"count": 10**13}, "up to 1,000,000,000,000"),
        ({"duration": float("inf")}, "up to 365 days"),
        ({"workers": 0}, "--workers 0"),
        ({"workers": 65}, "up to 64"),
        ({"time_scale": float("nan")}, "--time-scale nan"),
        ({"time_scale": 1e10}, "up to 1,000,000,000"),
    ],
)
def test_limits_are_told(changed: dict[str, float], told: str) -> None:
    fine = {"count": None, "duration": None, "workers": 4, "time_scale": 1.0}
    options.check(**fine)  # type: ignore[arg-type]
    with pytest.raises(SalespipeError, match=told) as caught:
        options.check(**{**fine, **changed})  # type: ignore[arg-type]
    assert caught.value.exit_code is Exit.USAGE
