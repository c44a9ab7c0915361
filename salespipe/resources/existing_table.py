"""A DynamoDB table of the user's own, which the pipeline reads and writes on purpose and never creates or deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import Drift, Observation, State
from salespipe.resources.dynamodb import STATES, STREAM, key_schema
from salespipe.resources.observing import look

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# The stream views that carry what the lake needs, the item as it is after the change. dynamodb.StreamViewType.
_VIEWS: Final = frozenset({"NEW_IMAGE", "NEW_AND_OLD_IMAGES"})


@dataclass(frozen=True, eq=False, kw_only=True)
class ExistingTable:
    """A table that is there already. All that is ever changed of it is a stream that is off: it is switched on.

    Its observations are ``adopted``. FOREIGN, with the reason, where its key or its stream is of no use to the
    pipeline: somebody else may read that stream, so its view is never changed.
    """

    kind: ClassVar[str] = "dynamodb table"
    name: str
    partition_key: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """DescribeTable. Neither tags nor billing mode matter: they are the user's."""
        answer = look(lambda: aws.client("dynamodb").describe_table(TableName=self.name))
        if answer is None:
            return Observation(
                State.ABSENT, detail="there is no such table, and [table] existing is true", adopted=True
            )
        table = answer["Table"]
        state, detail, drift = self._judge(table)
        return Observation(state, table["TableArn"], detail, drift, created=table.get("CreationDateTime"), adopted=True)

    def _judge(self, table: dict[str, Any]) -> tuple[State, str, tuple[Drift, ...]]:
        stream = table.get("StreamSpecification", {})
        unfit = self._unfit(table, stream)
        if unfit:
            return State.FOREIGN, unfit, ()
        if STATES[table["TableStatus"]] is not State.READY:
            return State.PENDING, table["TableStatus"], ()
        if not stream.get("StreamEnabled"):
            return State.DRIFTED, "its stream is off", (Drift("StreamSpecification.StreamEnabled", True, False),)
        if not table.get("LatestStreamArn"):
            return State.PENDING, "waiting for its stream", ()
        return State.READY, table["TableStatus"], ()

    def _unfit(self, table: dict[str, Any], stream: dict[str, Any]) -> str:
        """Why the pipeline cannot use it, or an empty text."""
        if table["TableStatus"] not in STATES:
            return f"it is {table['TableStatus']}"
        wanted, actual = {"HASH": f"{self.partition_key} (S)"}, key_schema(table)
        if actual != wanted:
            there = ", ".join(f"{name} as {role}" for role, name in actual.items())
            return f"its key is {there}; the pipeline needs [table] partition_key alone, {wanted['HASH']} as HASH"
        view = stream.get("StreamViewType", "")
        if stream.get("StreamEnabled") and view not in _VIEWS:
            return (
                f"its stream shows {view}, without the new image. Somebody may read it; if nobody does, switch it off: "
                f"aws dynamodb update-table --table-name {self.name} --stream-specification StreamEnabled=false"
            )
        return ""

    def create(self, aws: Aws) -> None:
        """Nothing: it is the user's to create."""

    def update(self, aws: Aws, seen: Observation) -> None:
        """Switch its stream on."""
        if seen.differs("StreamSpecification"):
            aws.client("dynamodb").update_table(TableName=self.name, StreamSpecification=STREAM)

    def delete(self, aws: Aws) -> None:
        """Nothing: it is the user's to delete."""
