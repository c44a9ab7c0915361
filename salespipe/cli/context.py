"""What every command has: the options that stand anywhere, the configuration, the screen, and the way to AWS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    import typer

    from salespipe.aws import Aws
    from salespipe.config import Config
    from salespipe.ledger import Ledgers
    from salespipe.view.screen import Screen


ANYWHERE = "Also: --json --config --target --region --profile --endpoint-url --debug (see salespipe --help)."


@dataclass
class App:
    """The options that stand anywhere on the command line, and what follows from them, made when first asked for."""

    config_file: Path | None = None
    target: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    json: bool = False
    debug: bool = False

    @classmethod
    def of(cls, context: typer.Context) -> App:
        """The App of a command."""
        app = context.obj
        assert isinstance(app, cls)  # noqa: S101 - the root callback put it there
        return app

    @cached_property
    def screen(self) -> Screen:
        """Where output goes."""
        from salespipe.view.screen import Screen

        return Screen(json=self.json)

    @cached_property
    def config(self) -> Config:
        """The configuration, with the command line on top of the file."""
        from salespipe.config import load

        overrides: dict[str, Any] = {
            key: value
            for key, value in {"target": self.target, "region": self.region, "profile": self.profile}.items()
            if value is not None
        }
        if self.endpoint_url:
            overrides["target"] = "aws"  # another AWS-compatible server: with boto3's usual credentials
        return load(self.config_file, overrides)

    @property
    def data_dir(self) -> Path:
        """The folder of the local AWS."""
        from salespipe.local import daemon

        return (
            Path(self.config.local.data_dir).expanduser() if self.config.local.data_dir else daemon.default_data_dir()
        )

    def aws(self, *, start: bool = False) -> Aws:
        """The way to the target. A local AWS that does not run is started if asked to ``start``, otherwise refused.

        A data folder means that there was one: it is started again, since everything in it is still there.
        """
        from salespipe.aws import Aws

        if self.config.target == "aws":
            return Aws(self.config, endpoint=self.endpoint_url or "")
        return Aws(self.config, endpoint=self._local_endpoint(start=start))

    def ledgers(self, aws: Aws) -> Ledgers:
        """The records of what was written: a local AWS's beside its data, others with what else is kept here."""
        from salespipe.ledger import Ledgers
        from salespipe.local import daemon

        return Ledgers(aws, self.data_dir if self.config.target == "local" else daemon.default_data_dir())

    def unstarted(self) -> Aws | None:
        """The local AWS where it has never run, which has its account already and nothing in it; else None.

        Nobody answers there: it is for what can be said without asking.
        """
        from salespipe.aws import Aws
        from salespipe.local import daemon

        if self.config.target != "local" or daemon.find(self.data_dir) or daemon.holds_data(self.data_dir):
            return None

        class Unstarted(Aws):
            account = daemon.ACCOUNT
            where = "local (not running yet)"

        return Unstarted(self.config)

    def _local_endpoint(self, *, start: bool) -> str:
        from salespipe.local import daemon

        server = daemon.find(self.data_dir)
        if server is None and (start or daemon.holds_data(self.data_dir)):
            with self.screen.waiting("starting the local AWS"):
                server = daemon.start(self.data_dir, self.config.local.port)
        if server is None:
            raise SalespipeError(
                "NotDeployed",
                "Nothing is deployed on this machine, and the local AWS is not running.",
                hint="salespipe up",
                exit_code=Exit.NOT_DEPLOYED,
            )
        return server.endpoint
