"""What the shell keeps on this machine, readable by its user only: history and favourites."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from salespipe.errors import Exit, SalespipeError


class Keeping:
    """A folder with the history and the favourites. It is made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def history(self) -> Path | None:
        """The file of what was typed, there and mode 0600; None where it cannot be kept."""
        path = self.folder / "history"
        try:
            self._made()
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            path.chmod(0o600)
        except OSError:
            return None
        return path

    def favourites(self) -> dict[str, str]:
        """SQL by name. Raises ``SalespipeError`` where the file is damaged: it is not overwritten."""
        try:
            found: Any = msgspec.json.decode(self._favourites.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            told = f"{self._favourites} cannot be read: {error}."
            raise SalespipeError("Favourites", told, hint="Mend it or move it away.") from error
        return dict(found)

    def keep(self, name: str, sql: str) -> None:
        """Keep SQL under a name, in place of what was there."""
        self._write({**self.favourites(), name: sql})

    def forget(self, name: str) -> None:
        """Forget a favourite. Raises ``SalespipeError`` where there is none of that name."""
        kept = self.favourites()
        self.favourite(name)
        del kept[name]
        self._write(kept)

    def favourite(self, name: str) -> str:
        """The SQL of one. Raises ``SalespipeError`` where there is none of that name."""
        kept = self.favourites()
        if name not in kept:
            known = f"There are {', '.join(sorted(kept))}." if kept else r"\fs NAME SQL keeps one."
            raise SalespipeError("Favourites", f"There is no favourite {name}.", hint=known, exit_code=Exit.USAGE)
        return kept[name]

    @property
    def _favourites(self) -> Path:
        return self.folder / "favourites.json"

    def _write(self, kept: dict[str, str]) -> None:
        part = self.folder / "favourites.json.part"
        try:
            self._made()
            number = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            with open(number, "wb") as file:  # noqa: PTH123 - it is open already
                file.write(msgspec.json.format(msgspec.json.encode(dict(sorted(kept.items())))))
            part.replace(self._favourites)
        except OSError as error:
            raise SalespipeError("Favourites", f"{self.folder} cannot be written: {error.strerror}.") from error

    def _made(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
