"""Failures in which records cannot be read: the transform is broken, or the records are. Both end in quarantine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from salespipe import lifecycle
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action
from salespipe.pipeline import pipeline
from salespipe.resources.bundle import pack
from salespipe.trust.drill.came import records
from salespipe.trust.quarantine import chosen, reading
from salespipe.trust.quarantine.purge import purge
from salespipe.trust.quarantine.replay import Replay

if TYPE_CHECKING:
    from salespipe.trust.drill.place import Place
    from salespipe.trust.quarantine.fixing import Fix
    from salespipe.trust.quarantine.reading import Quarantine
    from salespipe.trust.quarantine.results import Replayed

_BROKEN: Final = b"""def handler(event, context):
    raise RuntimeError("deployed by salespipe drill, to fail")
"""
_EVENTS: Final = 20
_GARBAGE: Final = 5
_FIX: Final = 'def fix(event): event["eventName"] = event["eventName"].upper(); return event'
_PATIENCE: Final = 60.0


def break_transform(place: Place) -> None:
    """UpdateFunctionCode with code that raises."""
    name = place.aws.names.function("transform")
    place.aws.client("lambda").update_function_code(FunctionName=name, ZipFile=pack({"handler.py": _BROKEN}))
    place.broke(
        "the transform has new code, which raises an exception for every batch",
        f"aws lambda update-function-code --function-name {name} --zip-file fileb://broken.zip",
    )


def mend_transform(place: Place) -> None:
    """``up``, which finds that the code is not what it should be."""
    steps = list(lifecycle.up(place.aws, pipeline(place.aws)))
    told = ", ".join(f"{step.kind} {step.name}" for step in steps if step.action is Action.UPDATED)
    place.healed(f"the transform has its own code again: {told or 'nothing'} updated", "salespipe up")


def replay(place: Place) -> None:
    """Replay all of the quarantine, as it came. Raises ``SalespipeError`` where some of it is not delivered."""
    result = _replayed(place)
    told = f"{result.delivered:,} records of the quarantine delivered" if result.chosen else "nothing is in quarantine"
    place.healed(told, "salespipe quarantine replay --all")
    if result.exit_code:
        raise SalespipeError(
            "NotReplayed", f"{result.chosen - result.delivered:,} records stay in quarantine.", hint=_problems(result)
        )


def put_bad_records(place: Place) -> None:
    """PutRecords of events in which a word is wrong, and of some that are no JSON."""
    aws = place.aws
    events = [json.loads(data) for _, data in records(aws, _EVENTS)]
    spoilt = [json.dumps(event | {"eventName": event["eventName"].lower()}).encode() for event in events]
    spoilt += [f"this is no JSON, {number}".encode() for number in range(_GARBAGE)]
    aws.client("kinesis").put_records(
        StreamName=aws.names.stream,
        Records=[{"Data": data, "PartitionKey": str(number)} for number, data in enumerate(spoilt)],
    )
    place.broke(
        f"{len(events)} events come again with their eventName in small letters, and {_GARBAGE} records are no JSON",
        f"aws kinesis put-records --stream-name {aws.names.stream} --records file://bad.json",
    )


def nobody_heals(place: Place) -> None:
    """Nothing is broken any more; what came is where it does no harm."""
    with _quarantine(place) as found:
        groups = [f"{group.records:,} {group.code}" for group in found.index.groups()]
    place.healed(f"in quarantine: {', '.join(groups) or 'nothing'}; all else went on", "salespipe quarantine ls")


def repair(place: Place) -> None:
    """Replay what a script can repair, and delete the rest."""
    result = _replayed(place, _upper)
    place.healed(
        f"{result.delivered:,} records repaired and delivered, {result.chosen - result.delivered:,} cannot be;"
        f" fix.py: {_FIX}",
        "salespipe quarantine replay --all --fix fix.py",
    )
    with _quarantine(place, hold=True) as found:
        left = chosen.choose(found.index, (), None, everything=True)
        purge(place.aws, found)
    place.healed(f"{left:,} records deleted for good", "salespipe quarantine purge --all")


def _upper(event: dict[str, Any]) -> dict[str, Any]:
    """What _FIX says."""
    return event | {"eventName": str(event["eventName"]).upper()}


def _replayed(place: Place, fix: Fix | None = None) -> Replayed:
    with _quarantine(place, hold=True) as found:
        chosen.choose(found.index, (), None, everything=True)
        return Replay(place.aws, found, fix, patience=_PATIENCE).run()


@contextmanager
def _quarantine(place: Place, *, hold: bool = False) -> Iterator[Quarantine]:
    with reading.opened(place.aws, reading.listed(place.aws), hold=hold) as found:
        yield found


def _problems(result: Replayed) -> str:
    return "; ".join(f"{record}: {problem}" for record, problem in result.problems[:3])
