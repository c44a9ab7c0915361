"""The grounds of a drill: a local AWS for each scenario, in a folder that is removed at the end."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.ledger import Ledgers
from salespipe.local import daemon

if TYPE_CHECKING:
    from salespipe.trust.drill.scenarios import Scenario

NAME: Final = "salespipe-drill"
_GONE_SECONDS: Final = 5.0


class Ground:
    """A local AWS on a folder of its own. Its configuration file lets any command look at it meanwhile."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder = folder
        self.config_file = folder / "salespipe.toml"
        self._config = config
        self._port = 0
        self._endpoint = ""
        folder.mkdir(mode=0o700)
        self._write()

    def start(self) -> Aws:
        """Start it, or start it again: then at the same address, at which the load goes on."""
        with _undisturbed():
            server = daemon.start(self.folder, self._port)
        self._port = int(server.endpoint.rpartition(":")[2])
        self._endpoint = server.endpoint
        return Aws(self._config, endpoint=server.endpoint)

    def configure(self, change: Callable[[Config], Config]) -> Aws:
        """Change its configuration file, and reach it by that."""
        self._config = change(self._config)
        self._write()
        return Aws(self._config, endpoint=self._endpoint)

    def _write(self) -> None:
        self.config_file.write_text(_toml(self._config, self.folder), encoding="utf-8")

    def kill(self) -> int:
        """SIGKILL, and wait until it has ended."""
        server = daemon.find(self.folder)
        if server is None:
            return 0
        os.kill(server.pid, signal.SIGKILL)
        end = time.monotonic() + _GONE_SECONDS
        while daemon.find(self.folder) and time.monotonic() < end:
            time.sleep(0.02)
        return server.pid

    def ledgers(self, aws: Aws) -> Ledgers:
        """Beside its data."""
        return Ledgers(aws, self.folder)


class Grounds:
    """The folder of a drill, with a ground for each scenario; all are stopped and, unless ``keep``, removed."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-")).resolve()

    @property
    def farewell(self) -> str:
        """What to say after Ctrl-C."""
        what = f"its data stays in {self.folder}" if self._keep else f"{self.folder} is removed"
        return f"Interrupted. The local AWS of the drill is stopped, {what}."

    @contextmanager
    def of(self, scenario: Scenario) -> Iterator[Ground]:
        """The ground of a scenario, while it lasts."""
        ground = Ground(self.folder / scenario.name, scenario.config(Config(name=NAME)))
        try:
            yield ground
        finally:
            with _undisturbed():
                daemon.stop(ground.folder)

    def __enter__(self) -> Self:
        # As Ctrl-C: who is told to end by kill or by a scheduler shall leave nothing, either.
        self._before = signal.signal(signal.SIGTERM, _interrupt) if _in_main_thread() else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _undisturbed():
                if not self._keep:
                    shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            if _in_main_thread():
                signal.signal(signal.SIGTERM, self._before)


def _in_main_thread() -> bool:
    """Whether signals come here."""
    return threading.current_thread() is threading.main_thread()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C is heard afterwards: a process that is being started is nobody's yet, and tidying up is done once."""
    if not _in_main_thread():
        yield
        return
    heard: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: heard.append(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if heard:
        raise KeyboardInterrupt


def _toml(config: Config, folder: Path) -> str:
    """What another command needs to find it: salespipe --config."""
    return (
        f'name = "{config.name}"\n\n[stream]\nmode = "{config.stream.mode}"\nshards = {config.stream.shards}\n\n'
        f"[pipe]\nmax_retries = {config.pipe.max_retries}\n\n[local]\ndata_dir = '{folder}'\n"
    )
