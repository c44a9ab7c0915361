"""How a resource looks at AWS: absent is a value, ownership is a tag, drift is what the configuration does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from salespipe.aws import error_code, is_not_found
from salespipe.resources.base import Drift, Observation, Remedy, State

if TYPE_CHECKING:
    from types import TracebackType

    from salespipe.aws import Aws

T = TypeVar("T")

OWNER_TAGS: Final = ("project", "pipeline")


def look(call: Callable[[], T]) -> T | None:
    """What ``call`` answers, or None where AWS says that the thing does not exist. Every other error is raised."""
    try:
        return call()
    except Exception as error:
        if is_not_found(error):
            return None
        raise


def made(call: Callable[[], object], *exists: str) -> bool:
    """Whether ``call`` created something; False where AWS answered with one of the codes ``exists``.

    What existed before is left alone: whatever it lacks is drift, and ``update`` is only ever called on our own.
    """
    try:
        call()
    except Exception as error:
        if error_code(error) in exists:
            return False
        raise
    return True


class Tolerating:
    """A block in which "it is absent", and the error codes given, end the block quietly."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, Exception) and (is_not_found(error) or error_code(error) in self._codes)


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as the list of Key and Value that half of AWS takes."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def unpaired(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The opposite of ``pairs``."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def differences(
    wanted: Mapping[str, Any],
    actual: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    above: str = "",
    remedy: Remedy = Remedy.UPDATE,
) -> tuple[Drift, ...]:
    """Every field of ``wanted`` that AWS reports otherwise, by dotted name.

    What AWS reports beyond ``wanted`` is nobody's concern, and a field that it omits has the value that ``defaults``
    gives for its dotted name (AWS leaves out what equals its own default), or else None.
    """
    known = defaults or {}
    found: list[Drift] = []
    for key, value in wanted.items():
        name = f"{above}{key}"
        there = actual.get(key, known.get(name))
        if isinstance(value, Mapping) and value:
            inner = there if isinstance(there, Mapping) else {}
            found += differences(value, inner, defaults=known, above=f"{name}.", remedy=remedy)
        elif there != value:
            found.append(Drift(name, value, there, remedy))
    return tuple(found)


def in_utc(moment: datetime | None) -> datetime | None:
    """A moment that botocore parsed, which is in this machine's time zone, in UTC."""
    return None if moment is None else moment.astimezone(UTC)


def judge(
    aws: Aws,
    tags: Mapping[str, str] | None,
    *,
    arn: str = "",
    state: State = State.READY,
    detail: str = "",
    drift: tuple[Drift, ...] = (),
    transient: bool = False,
    created: datetime | None = None,
) -> Observation:
    """The verdict on something that exists: whose it is comes first, then its state, then its drift.

    ``tags`` are None where one call describes it and the next one, for its tags, says that it does not exist: it is on
    its way, most likely out. Whose it is cannot be told now, and by waiting it will be.
    """
    if tags is None:
        return Observation(State.PENDING, arn, detail)
    ours, created = aws.config.tags, in_utc(created)
    if any(tags.get(key) != ours[key] for key in OWNER_TAGS):
        wanted = " and ".join(f"{key}={ours[key]}" for key in OWNER_TAGS)
        return Observation(State.FOREIGN, arn, f"exists without the tags {wanted}", created=created)
    if state is State.READY:
        drift += differences(ours, tags, above="tags.")
        if drift:
            return Observation(State.DRIFTED, arn, detail, drift, created=created)
    return Observation(state, arn, detail, transient=transient, created=created)
