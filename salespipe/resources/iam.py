"""IAM roles: who may assume them, and exactly what they may do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation
from salespipe.resources.observing import Tolerating, differences, judge, look, made, pairs, unpaired

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

Statement = Mapping[str, Any]

POLICY_NAME: Final = "salespipe"


def document(*statements: Statement) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": [dict(statement) for statement in statements]}


@dataclass(frozen=True, eq=False, kw_only=True)
class Role:
    """A role that one AWS service assumes, with one inline policy.

    ``statements`` each carry a Sid, by which drift is told. ``condition`` narrows the trust policy where the service
    sends the key that it asks for. A role is READY as soon as IAM knows it; that a service cannot assume it for up to
    a minute after that is what ``Aws.eventually`` waits out where the role is used.
    """

    kind: ClassVar[str] = "iam role"
    name: str
    path: str
    service: str
    statements: tuple[Statement, ...]
    condition: Statement | None = None
    needs: tuple[Resource, ...] = ()

    @property
    def trust(self) -> dict[str, Any]:
        """The trust policy."""
        statement = {"Effect": "Allow", "Principal": {"Service": self.service}, "Action": "sts:AssumeRole"}
        return document(statement | ({"Condition": self.condition} if self.condition else {}))

    def describe(self, aws: Aws) -> Observation:
        """GetRole, which carries the tags, and GetRolePolicy."""
        iam = aws.client("iam")
        answer = look(lambda: iam.get_role(RoleName=self.name))
        if answer is None:
            return ABSENT
        role = answer["Role"]
        policy = look(lambda: iam.get_role_policy(RoleName=self.name, PolicyName=POLICY_NAME)) or {}
        drift = differences({"Trust": [self.trust]}, {"Trust": [_parsed(role["AssumeRolePolicyDocument"])]})
        drift += self._policy_drift(_parsed(policy.get("PolicyDocument", {})))
        return judge(aws, unpaired(role.get("Tags", ())), arn=role["Arn"], drift=drift, created=role.get("CreateDate"))

    def _policy_drift(self, actual: Mapping[str, Any]) -> tuple[Drift, ...]:
        wanted = {statement["Sid"]: dict(statement) for statement in self.statements}
        there = {statement.get("Sid", "unnamed"): statement for statement in actual.get("Statement", ())}
        return tuple(
            Drift(f"Policy.{sid}", wanted.get(sid), there.get(sid))
            for sid in sorted(wanted.keys() | there.keys())
            if wanted.get(sid) != there.get(sid)
        )

    def create(self, aws: Aws) -> None:
        """CreateRole with its tags, then PutRolePolicy."""
        iam = aws.client("iam")
        if made(
            lambda: iam.create_role(
                RoleName=self.name,
                Path=self.path,
                AssumeRolePolicyDocument=json.dumps(self.trust),
                Description="Made by salespipe.",
                Tags=pairs(aws.config.tags),
            ),
            "EntityAlreadyExists",
        ):
            self._put_policy(aws)

    def _put_policy(self, aws: Aws) -> None:
        text = json.dumps(document(*self.statements))
        aws.client("iam").put_role_policy(RoleName=self.name, PolicyName=POLICY_NAME, PolicyDocument=text)

    def update(self, aws: Aws, seen: Observation) -> None:
        """Put back the trust policy, the inline policy or the tags."""
        iam = aws.client("iam")
        if seen.differs("Trust"):
            iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(self.trust))
        if seen.differs("Policy"):
            self._put_policy(aws)
        if seen.differs("tags"):
            iam.tag_role(RoleName=self.name, Tags=pairs(aws.config.tags))

    def delete(self, aws: Aws) -> None:
        """Take off every policy, then delete: IAM refuses a role that still has any."""
        iam = aws.client("iam")
        with Tolerating():
            for name in iam.list_role_policies(RoleName=self.name)["PolicyNames"]:
                with Tolerating():
                    iam.delete_role_policy(RoleName=self.name, PolicyName=name)
            for policy in iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]:
                with Tolerating():
                    iam.detach_role_policy(RoleName=self.name, PolicyArn=policy["PolicyArn"])
            iam.delete_role(RoleName=self.name)


def _parsed(policy: str | Mapping[str, Any]) -> dict[str, Any]:
    """A policy as botocore hands it over: a dict, or text where its decoder did not know the operation."""
    return dict(json.loads(policy)) if isinstance(policy, str) else dict(policy)
