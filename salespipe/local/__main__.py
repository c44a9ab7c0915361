"""The local AWS as a process: ``python -m salespipe.local --data-dir FOLDER [--port N]``, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Final

from salespipe import __version__
from salespipe.errors import SalespipeError
from salespipe.local.data_folder import Folder, Report, Server
from salespipe.local.store import disk_trouble

if TYPE_CHECKING:
    from salespipe.local.server import LocalAws

_STOP_SECONDS: Final = 5.0
_DEFAULT_REGION: Final = "us-east-1"


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 0 after a clean stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m salespipe.local", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder that everything durable is in")
    parser.add_argument("--port", type=int, default=0, help="0: the port of last time, or any")
    parser.add_argument("--report-fd", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    os.umask(0o077)
    _forget_user_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    report = Report(options.report_fd)
    try:
        try:
            _serve(Folder(options.data_dir), options.port, report)
        except (sqlite3.Error, OSError) as error:
            raise disk_trouble(error) or error from error
    except SalespipeError as error:
        report.failed(error)
        sys.stderr.write(f"{error.code}: {error.message} {error.hint}\n")
        return 1
    return 0


def _serve(folder: Folder, port: int, report: Report) -> None:
    with folder.held():
        previous = folder.forget_process()
        aws = _open(folder.path, port or previous, fixed=port != 0)
        # Not an Event: a signal that arrives while the main thread is just about to wait for one would block for ever.
        asked: SimpleQueue[int] = SimpleQueue()

        def asked_to_stop(number: int, _frame: FrameType | None) -> None:
            asked.put(number)

        signal.signal(signal.SIGTERM, asked_to_stop)
        signal.signal(signal.SIGINT, asked_to_stop)
        aws.start()
        server = Server(
            endpoint=aws.endpoint,
            region=_DEFAULT_REGION,
            pid=os.getpid(),
            data_dir=folder.path,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
        )
        folder.remember(server)
        report.ready(server)
        logging.getLogger(__name__).info("Answering at %s, version %s", aws.endpoint, __version__)
        asked.get()
        _give_up_after(_STOP_SECONDS)
        aws.stop()
        folder.forget_process()


def _open(folder: Path, port: int, *, fixed: bool) -> LocalAws:
    """Open the local AWS; a port that was only remembered is given up when another process has it."""
    from salespipe.local.server import LocalAws

    try:
        return LocalAws(folder, port)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        if not fixed and port:
            return LocalAws(folder, 0)
        raise SalespipeError(
            "PortTaken",
            f"Port {port} on 127.0.0.1 cannot be had: {error.strerror or error}.",
            hint="Choose another with port in the section [local] of salespipe.toml, or leave it 0.",
        ) from error


def _give_up_after(seconds: float) -> None:
    """End the process even if a thread will not: everything acknowledged is durable."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _forget_user_settings() -> None:
    """No profile, key, region or proxy of the user's may reach what runs here."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_", "BOTO")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true"
    )


if __name__ == "__main__":
    sys.exit(main())
