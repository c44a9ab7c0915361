"""Lambda functions, and who besides a role may invoke them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources import bundle
from salespipe.resources.base import ABSENT, Observation, State
from salespipe.resources.observing import Tolerating, differences, judge, look, made

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# Service model lambda.State. An Inactive function wakes at its next invocation.
_STATES: Final = {"Active": State.READY, "Inactive": State.READY, "Failed": State.FAILED}


@dataclass(frozen=True, eq=False, kw_only=True)
class Function:
    """A function from a zip whose bytes depend on its sources alone.

    ``asynchronous_retries`` is how often Lambda repeats a failed asynchronous invocation, and None leaves that be.
    """

    kind: ClassVar[str] = "lambda function"
    name: str
    role_arn: str
    code: bytes = field(repr=False)
    runtime: str
    memory_mb: int
    timeout_seconds: int
    environment: Mapping[str, str] = field(default_factory=dict)
    handler: str = "handler.handler"
    asynchronous_retries: int | None = None
    needs: tuple[Resource, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration, in the words of CreateFunction, UpdateFunctionConfiguration and GetFunction alike."""
        return {
            "Role": self.role_arn,
            "Runtime": self.runtime,
            "Handler": self.handler,
            "MemorySize": self.memory_mb,
            "Timeout": self.timeout_seconds,
            "Environment": {"Variables": dict(self.environment)},
        }

    @property
    def _invocation(self) -> dict[str, int] | None:
        retries = self.asynchronous_retries
        return None if retries is None else {"MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": 60}

    def describe(self, aws: Aws) -> Observation:
        """GetFunction, which carries the tags, and GetFunctionEventInvokeConfig where that matters."""
        client = aws.client("lambda")
        answer = look(lambda: client.get_function(FunctionName=self.name))
        if answer is None:
            return ABSENT
        actual = answer["Configuration"]
        drift = differences(
            self.settings | {"Architectures": ["arm64"]},
            actual,
            defaults={"Architectures": ["x86_64"], "Environment": {"Variables": {}}, "Environment.Variables": {}},
        )
        drift += differences({"CodeSha256": bundle.digest(self.code)}, actual)
        if self._invocation:
            invocation = look(lambda: client.get_function_event_invoke_config(FunctionName=self.name)) or {}
            drift += differences(self._invocation, invocation, above="EventInvokeConfig.")
        status, update = actual.get("State", "Active"), actual.get("LastUpdateStatus", "Successful")
        reason = actual.get("StateReason") or actual.get("LastUpdateStatusReason") or ""
        state = _STATES.get(status, State.PENDING)
        if state is State.READY and update != "Successful":
            state = State.PENDING if update == "InProgress" else State.FAILED
            status = f"update {update}"
        detail = f"{status}: {reason}" if reason else status
        return judge(aws, answer.get("Tags", {}), arn=actual["FunctionArn"], state=state, detail=detail, drift=drift)

    def create(self, aws: Aws) -> None:
        """CreateFunction on arm64, which costs a fifth less, and how it treats events that failed."""
        client = aws.client("lambda")
        if made(
            lambda: aws.eventually(
                "lambda",
                lambda: client.create_function(
                    FunctionName=self.name,
                    Code={"ZipFile": self.code},
                    PackageType="Zip",
                    Architectures=["arm64"],
                    Tags=aws.config.tags,
                    **self.settings,
                ),
            ),
            "ResourceConflictException",
        ):
            self._configure_invocation(aws)

    def _configure_invocation(self, aws: Aws) -> None:
        client, invocation = aws.client("lambda"), self._invocation
        if invocation:
            aws.eventually(
                "lambda",
                lambda: client.put_function_event_invoke_config(FunctionName=self.name, **invocation),
            )

    def update(self, aws: Aws, seen: Observation) -> None:
        """Put back code, configuration, retries or tags; each waits for the update before it."""
        client = aws.client("lambda")
        if seen.differs("tags"):
            client.tag_resource(Resource=seen.arn, Tags=aws.config.tags)
        if seen.differs("CodeSha256", "Architectures"):
            aws.eventually(
                "lambda",
                lambda: client.update_function_code(FunctionName=self.name, ZipFile=self.code, Architectures=["arm64"]),
            )
        if seen.differs(*self.settings):
            aws.eventually(
                "lambda", lambda: client.update_function_configuration(FunctionName=self.name, **self.settings)
            )
        if seen.differs("EventInvokeConfig"):
            self._configure_invocation(aws)

    def delete(self, aws: Aws) -> None:
        """DeleteFunction, with its permissions and its invocation settings."""
        with Tolerating("ResourceConflictException"):
            aws.client("lambda").delete_function(FunctionName=self.name)


@dataclass(frozen=True, eq=False, kw_only=True)
class Permission:
    """One statement of a function's resource policy: that an EventBridge rule may invoke it.

    It has no tags. What it says makes it ours: it names our rule. A SourceAccount condition would stop EventBridge from
    invoking at all (EventBridge user guide, troubleshooting).
    """

    kind: ClassVar[str] = "lambda permission"
    name: str
    function: str
    rule_arn: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """GetPolicy, and the statement of our name in it."""
        answer = look(lambda: aws.client("lambda").get_policy(FunctionName=self.function))
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        for statement in statements:
            if statement["Sid"] == self.name:
                source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
                if source != self.rule_arn:
                    return Observation(State.FOREIGN, detail=f"a statement of this name is for {source}")
                return Observation(State.READY, detail=f"on {self.function}")
        return ABSENT

    def create(self, aws: Aws) -> None:
        """AddPermission."""
        client = aws.client("lambda")
        made(
            lambda: aws.eventually(
                "lambda",
                lambda: client.add_permission(
                    FunctionName=self.function,
                    StatementId=self.name,
                    Action="lambda:InvokeFunction",
                    Principal="events.amazonaws.com",
                    SourceArn=self.rule_arn,
                ),
            ),
            "ResourceConflictException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """Nothing of it can drift: with another source it is not ours."""

    def delete(self, aws: Aws) -> None:
        """RemovePermission."""
        client = aws.client("lambda")
        with Tolerating():
            aws.eventually(
                "lambda", lambda: client.remove_permission(FunctionName=self.function, StatementId=self.name)
            )
