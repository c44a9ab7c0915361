"""Which checks are made for which target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from salespipe.doctor import account, here, lake, on_this_machine
from salespipe.doctor.caller import Caller
from salespipe.doctor.model import Check, Probe, Skipped
from salespipe.doctor.on_this_machine import Find
from salespipe.doctor.permissions import permissions

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.config import Config
    from salespipe.names import Names


@dataclass(frozen=True, slots=True)
class LocalAws:
    """The AWS on this machine: its data folder, the configured port, and how to find its process."""

    folder: Path
    port: int
    find: Find


def everywhere(file: Path | None, read: Callable[[], Config]) -> list[Probe]:
    """What is checked whatever the target. ``file`` is what --config names; ``read`` gives the configuration."""
    return [
        Probe("python", here.python),
        Probe("packages", here.packages),
        Probe("configuration", lambda: here.configuration(file, read)),
        Probe("terminal", here.terminal),
    ]


def on_local(local: LocalAws, look: Callable[[str], lake.Standing | None]) -> list[Probe]:
    """What is checked for target ``local``. ``look`` tells how the views stand in the AWS at an endpoint."""

    def views() -> Check:
        running = local.find()
        if running is None:
            raise Skipped("not checked: the local AWS does not run")
        return lake.views(lambda: look(running.endpoint))

    return [
        Probe("local packages", here.local_extra),
        Probe("data folder", lambda: on_this_machine.data_folder(local.folder)),
        Probe("local server", lambda: on_this_machine.server(local.find)),
        Probe("local port", lambda: on_this_machine.port(local.port, local.find)),
        Probe("aws account", _nothing_to_check),
        Probe("views", views),
    ]


def on_aws(aws: Aws, wall: Callable[[], float], look: lake.Look) -> list[Probe]:
    """What is checked for AWS, and for another AWS-compatible endpoint.

    ``wall`` is Unix time, seconds; ``look`` tells how the views stand there.
    """
    from salespipe.resources.caller import caller_policy

    who = Caller(aws, wall)

    def names() -> Names:
        return aws.config.names(who.identity().account)

    def asking(check: Callable[[Aws], Check]) -> Callable[[], Check]:
        def look() -> Check:
            who.identity()
            return check(aws)

        return look

    def regions_of(service: str) -> list[str]:
        from botocore.exceptions import ProfileNotFound

        try:
            return aws.regions_of(service)
        except ProfileNotFound:
            raise Skipped("not checked: the profile does not exist") from None

    return [
        Probe("credentials", who.credentials),
        Probe("region", lambda: account.region(aws, regions_of)),
        Probe("clock", who.clock),
        Probe("permissions", lambda: permissions(aws, who.identity().arn, caller_policy(names())), seconds=40),
        Probe("lambda quota", asking(account.lambda_concurrency)),
        Probe("kinesis quota", lambda: account.kinesis_streams(aws, names())),
        Probe("pipes quota", lambda: account.pipes(aws, names())),
        Probe("lake formation", asking(account.lake_formation)),
        Probe("bucket", lambda: account.bucket(aws, names())),
        Probe("views", asking(lambda _: lake.views(look))),
    ]


def _nothing_to_check() -> Check:
    raise Skipped("this machine needs no credentials, permissions or quotas; check yours with --target aws")
