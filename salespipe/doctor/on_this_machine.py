"""What the AWS on this machine needs: its data folder, its port, and the server's health."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from salespipe import __version__
from salespipe.doctor.model import Check, Verdict

MB: Final = 1_000_000
LITTLE: Final = 2_000 * MB
TOO_LITTLE: Final = 200 * MB
OTHER_FOLDER: Final = "Choose another with data_dir in the section [local] of salespipe.toml, or SALESPIPE_HOME."


class Running(Protocol):
    """What is to be known of the server that runs."""

    @property
    def endpoint(self) -> str:
        """Where it answers: http://127.0.0.1 and a port."""
        ...

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    @property
    def version(self) -> str:
        """The version of salespipe that it was started with."""
        ...


Find = Callable[[], Running | None]
"""The server that runs on the data folder and answers, None when there is none."""


def data_folder(folder: Path, *, usage: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free) -> Check:
    """Whether the data folder, or the nearest folder above that exists, can be written, and what is free there.

    ``usage`` gives the free bytes of the file system that a folder is on.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check("data folder", Verdict.FAIL, f"{folder} cannot be written: {there} is not ours", OTHER_FOLDER)
    free = usage(there)
    found = f"{folder}{'' if folder.exists() else ' (not made yet)'}, {free / 1000 / MB:,.1f} GB free"
    if free < TOO_LITTLE:
        return Check("data folder", Verdict.FAIL, found, f"Free some space. {OTHER_FOLDER}")
    if free < LITTLE:
        return Check("data folder", Verdict.WARN, found, "Free some space: orders, objects and results are kept there.")
    return Check("data folder", Verdict.OK, found)


def server(find: Find) -> Check:
    """Whether the server runs and answers, in this version."""
    running = find()
    if running is None:
        return Check("local server", Verdict.WARN, "not running", "salespipe local start")
    found = f"answers at {running.endpoint} (pid {running.pid}, version {running.version})"
    if running.version != __version__:
        fix = "salespipe local stop, then salespipe local start"
        return Check("local server", Verdict.WARN, f"{found}, and this is salespipe {__version__}", fix)
    return Check("local server", Verdict.OK, found)


def port(wanted: int, find: Find) -> Check:
    """Whether the configured port is free, or is the server's own."""
    running = find()
    used = int(running.endpoint.rpartition(":")[2]) if running else None
    if used is not None and wanted in {0, used}:
        return Check("local port", Verdict.OK, f"{used}, ours")
    if used is not None:
        fix = "salespipe local stop, then salespipe local start"
        return Check("local port", Verdict.WARN, f"the server is at {used}, the configuration says {wanted}", fix)
    if not wanted:
        return Check("local port", Verdict.OK, "any free one (0)")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            fix = "Set port = 0 in the section [local] of salespipe.toml, or stop the program that has it."
            return Check("local port", Verdict.FAIL, f"{wanted} cannot be used: {error.strerror}", fix)
    return Check("local port", Verdict.OK, f"{wanted}, free")
