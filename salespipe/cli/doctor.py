"""``salespipe doctor``: whether everything is here that salespipe needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from salespipe.cli.context import ANYWHERE, App

if TYPE_CHECKING:
    from salespipe.doctor import Probe


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(doctor)


def doctor(context: typer.Context) -> int:
    """Check this machine, and the AWS account or the local AWS, and say what mends what is wrong.

    Changes nothing. Exits 0 when nothing failed (warnings are allowed), else 1.
    """
    from salespipe.doctor import examine
    from salespipe.doctor.probes import everywhere
    from salespipe.view import doctor as view

    state = App.of(context)
    target, probes = _of_target(state)
    with state.screen.waiting("looking"):
        checks = examine([*everywhere(state.config_file, lambda: state.config), *probes])
    return view.show(state.screen, target, checks)


def _of_target(state: App) -> tuple[str, list[Probe]]:
    """The target and its own checks; none where the configuration, which names it, cannot be read."""
    import time

    from salespipe.aws import Aws
    from salespipe.doctor import probes
    from salespipe.errors import SalespipeError
    from salespipe.local import daemon
    from salespipe.query.standing import standing

    try:
        config = state.config
    except SalespipeError:
        return "unknown", []
    if config.target == "local":
        folder = state.data_dir
        local = probes.LocalAws(folder, config.local.port, lambda: daemon.find(folder))
        return "local", probes.on_local(local, lambda endpoint: standing(Aws(config, endpoint)))
    aws = state.aws()
    return state.endpoint_url or "aws", probes.on_aws(aws, time.time, lambda: standing(aws))
