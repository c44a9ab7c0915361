"""The way to a target for a command that goes on for long: the local AWS may come and go meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.cli.context import App

# What fails once is asked again with the next look: it is no use to insist.
_ATTEMPTS: Final = 2


class Reach:
    """Finds the account anew each time; a local AWS that does not run is not started."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._aws: Aws | None = None

    def __call__(self, anew: bool = False) -> Aws:
        """The account as it can be reached now. Raises ``SalespipeError`` where there is no local AWS.

        ``anew``, as after a failure, credentials are looked for again.
        """
        if anew:
            self._aws = None
        if self._app.config.target == "aws":
            self._aws = self._aws or self._app.aws()
            return self._aws
        from salespipe.aws import Aws
        from salespipe.local import daemon

        server = daemon.find(self._app.data_dir)
        if server is None:
            raise SalespipeError(
                "NotRunning", "The local AWS is not running.", hint="salespipe up", exit_code=Exit.NOT_DEPLOYED
            )
        if self._aws is None or self._aws.endpoint != server.endpoint:
            self._aws = Aws(self._app.config, endpoint=server.endpoint, attempts=_ATTEMPTS)
        return self._aws
