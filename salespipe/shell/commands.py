r"""What begins with a backslash: the shell's own commands, as psql has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query.vocabulary import nearest

HELP: Final = (
    (r"\d", "tables and views; a name behind it: the columns of that one"),
    (r"\f", "favourites; a name behind it runs that one"),
    (r"\fs NAME SQL", "keep SQL as a favourite; without SQL, the statement before"),
    (r"\fd NAME", "forget a favourite"),
    (r"\format NAME", "table, csv, tsv, json, jsonl or markdown; into files also parquet and arrow"),
    (r"\i FILE", "run the statements of a file"),
    (r"\o FILE", "write results to a new file, alone: to the screen again"),
    (r"\timing", "show what each statement took, or not: on, off"),
    (r"\r", "read the catalogue again, for completion"),
    (r"\q", "leave, as Ctrl-D does"),
    (r"\?", "this list"),
)

NAMES: Final = tuple(usage.split()[0] for usage, _ in HELP)


@dataclass(frozen=True, slots=True)
class Command:
    r"""A command: ``name`` with its backslash, and what is behind it, without spaces around."""

    name: str
    rest: str = ""

    def need(self, what: str) -> str:
        """What is behind it. Raises ``SalespipeError`` where that is nothing."""
        if not self.rest:
            raise SalespipeError("Usage", f"{self.name} needs {what}.", hint=r"\?", exit_code=Exit.USAGE)
        return self.rest


def is_command(text: str) -> bool:
    """Whether a text is a command and no SQL."""
    return text.lstrip().startswith("\\")


def parse(text: str) -> Command:
    r"""The command in a line; ``\dt`` and others' habits are not guessed, but told.

    Raises ``SalespipeError`` for one that there is not.
    """
    name, _, rest = text.strip().removesuffix(";").partition(" ")
    if name not in NAMES:
        near = nearest(name.removeprefix("\\"), [known.removeprefix("\\") for known in NAMES])
        hint = f"Did you mean \\{near}? All are told by \\?" if near else r"\? tells all of them."
        raise SalespipeError("Usage", f"There is no command {name}.", hint=hint, exit_code=Exit.USAGE)
    return Command(name, rest.strip())
