"""Where ledgers are kept: a folder for each pipeline in its account and region."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from salespipe.answers import error_code, error_message, is_not_found
from salespipe.errors import Exit, SalespipeError
from salespipe.ledger.blocks import Header
from salespipe.ledger.reading import Reading, held, read
from salespipe.ledger.recording import Ledger

if TYPE_CHECKING:
    from salespipe.aws import Aws

SUFFIX: Final = ".ledger"


@dataclass(frozen=True)
class Ledgers:
    """The ledgers of the configured pipeline, in ``ledgers`` of ``home``: the data folder where the target is local."""

    aws: Aws
    home: Path
    wall: Callable[[], float] = time.time

    @property
    def folder(self) -> Path:
        """The pipeline's own folder; behind an endpoint other than AWS, it is the endpoint's too."""
        aws = self.aws
        parts = [aws.account, aws.region, aws.config.name]
        if aws.endpoint and aws.config.target != "local":  # a local AWS has another port each time, and a home
            parts.append(re.sub(r"[^0-9A-Za-z.]+", "-", aws.endpoint.partition("//")[2]).strip("-"))
        return self.home / "ledgers" / "-".join(parts)

    def begin(self, command: str, *, seed: int | None = None, source: str = "") -> Ledger:
        """A new ledger for a run that writes to the table; those of a table that the name had before are deleted.

        Raises ``SalespipeError``: ``LedgerFolder`` when it cannot be kept there, and what
        ``identity`` raises.
        """
        header = self._header(command, seed, source)
        try:
            for folder in (self.home, self.folder.parent, self.folder):
                folder.mkdir(mode=0o700, parents=folder is self.home, exist_ok=True)
            self._prune(header)
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(header.started / 1000))
            path = self.folder / f"{stamp}-{command}-{secrets.token_hex(4)}{SUFFIX}"
            return Ledger(path, header, wall=self.wall)
        except OSError as error:
            raise self._unusable(error) from error

    def of_table(self) -> tuple[list[Reading], list[SalespipeError]]:
        """The ledgers of the table as it now is, oldest first, and what is wrong with those that cannot be read.

        A table that was made anew under the same name has none of its predecessor's. Raises ``SalespipeError``.
        """
        header = self._header("", None, "")
        found: list[Reading] = []
        problems: list[SalespipeError] = []
        for path in self._paths():
            try:
                reading = read(path)
                self._require_own(reading, header)
            except SalespipeError as error:
                problems.append(error)
            else:
                if reading.header.table_id == header.table_id:
                    found.append(reading)
        found.sort(key=lambda reading: reading.header.started)
        return found, problems

    def _require_own(self, reading: Reading, own: Header) -> None:
        theirs, ours = (
            f"pipeline {header.pipeline} in account {header.account}, region {header.region}"
            for header in (reading.header, own)
        )
        if theirs != ours:
            raise SalespipeError("ForeignLedger", f"{reading.path} is of {theirs}, not of {ours}.")

    def _paths(self) -> list[Path]:
        try:
            return sorted(path for path in self.folder.iterdir() if path.suffix == SUFFIX)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error) from error

    def _prune(self, header: Header) -> None:
        """Names of tables are unique, so one of this name with another identity is no more."""
        for path in self._paths():
            with suppress(SalespipeError, FileNotFoundError):
                other = read(path).header
                if other.table == header.table and other.table_id != header.table_id and not held(path):
                    path.unlink()

    def _unusable(self, error: OSError) -> SalespipeError:
        return SalespipeError(
            "LedgerFolder",
            f"What is written cannot be recorded in {self.folder}: {error.strerror or error}.",
            hint="Set SALESPIPE_HOME to a folder that can be written, or go without a ledger: --no-ledger.",
        )

    def _header(self, command: str, seed: int | None, source: str) -> Header:
        aws = self.aws
        return Header(
            pipeline=aws.config.name,
            account=aws.account,
            region=aws.region,
            endpoint=aws.endpoint,
            table=aws.config.table.name,
            table_id=identity(aws),
            partition_key=aws.config.table.partition_key,
            command=command,
            started=int(self.wall() * 1000),
            seed=seed,
            source=source,
        )


def identity(aws: Aws) -> str:
    """What tells the configured table from another one that had its name: its TableId, or else when it was made.

    Raises ``SalespipeError``: NotDeployed (exit 4), or why DynamoDB could not be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    name = aws.config.table.name
    try:
        table = aws.client("dynamodb").describe_table(TableName=name)["Table"]
    except (BotoCoreError, ClientError) as error:
        if is_not_found(error):
            raise SalespipeError(
                "NotDeployed", f"There is no table {name}.", hint="salespipe up", exit_code=Exit.NOT_DEPLOYED
            ) from error
        raise SalespipeError(
            error_code(error) or "Unreachable", f"DynamoDB does not tell of the table {name}: {error_message(error)}"
        ) from error
    created = table.get("CreationDateTime")
    return str(table.get("TableId") or (created.timestamp() if created else ""))
