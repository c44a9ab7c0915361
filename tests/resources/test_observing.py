from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from salespipe.resources.base import Drift, Observation, Remedy, State
from salespipe.resources.observing import Tolerating, differences, look, made


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Something")


def refuse(code: str) -> None:
    raise refusal(code)


def test_only_wanted_fields_are_compared_and_told_by_their_dotted_name() -> None:
    wanted = {"Hints": {"Size": 5, "Interval": 60}, "Prefix": "a/"}
    actual = {"Hints": {"Size": 5, "Interval": 300, "More": 1}, "Prefix": "a/", "Version": "7"}

    assert differences(wanted, actual) == (Drift("Hints.Interval", 60, 300),)


def test_a_default_that_aws_omits_is_no_drift() -> None:
    assert differences({"Window": 0}, {}, defaults={"Window": 0}) == ()
    assert differences({"A": {"Window": 0}}, {"A": {}}, defaults={"A.Window": 0}) == ()
    assert differences({"Window": 1}, {}, defaults={"Window": 0}) == (Drift("Window", 1, 0),)
    assert differences({"Window": 1}, {}) == (Drift("Window", 1, None),)


def test_a_whole_group_that_is_missing_is_told_field_by_field() -> None:
    assert differences({"Hints": {"Size": 5}}, {}) == (Drift("Hints.Size", 5, None),)


def test_the_gravest_remedy_decides() -> None:
    mild, grave = Drift("a", 1, 2), Drift("b", 1, 2, Remedy.CONSENT)

    assert Observation(State.DRIFTED, drift=(mild,)).remedy is Remedy.UPDATE
    assert Observation(State.DRIFTED, drift=(grave, mild)).remedy is Remedy.CONSENT


def test_absent_is_a_value_and_every_other_error_an_error() -> None:
    assert look(lambda: refuse("ResourceNotFoundException")) is None
    with pytest.raises(ClientError):
        look(lambda: refuse("AccessDeniedException"))


def test_what_exists_was_not_made() -> None:
    assert made(lambda: None, "AlreadyExistsException")
    assert not made(lambda: refuse("AlreadyExistsException"), "AlreadyExistsException")
    with pytest.raises(ClientError):
        made(lambda: refuse("InvalidInputException"), "AlreadyExistsException")


def test_deleting_tolerates_absence_and_what_is_named() -> None:
    with Tolerating("ConflictException"):
        refuse("ConflictException")
    with Tolerating():
        refuse("NoSuchEntity")
    with pytest.raises(ClientError), Tolerating():
        refuse("ConflictException")
