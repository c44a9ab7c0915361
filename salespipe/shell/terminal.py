"""The prompt itself: editing, colours, completion and history, by prompt_toolkit."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query import guard
from salespipe.shell.completion import suggestions
from salespipe.shell.paging import paged
from salespipe.shell.session import Session, complete

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.query.guard import Estimate
    from salespipe.shell.keeping import Keeping
    from salespipe.view.screen import Screen

_PROMPT: Final = "salespipe> "
_MORE: Final = "        -> "


def require(screen: Screen) -> None:
    """Raises ``SalespipeError`` where there is no terminal to ask at."""
    if screen.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SalespipeError(
            "NoTerminal",
            "The shell needs a terminal.",
            hint='salespipe query "SELECT ...", or -f FILE, or SQL on stdin',
            exit_code=Exit.USAGE,
        )


def run(aws: Aws, screen: Screen, keeping: Keeping) -> None:
    r"""Read and run inputs until Ctrl-D or ``\q``."""
    session = Session(aws, screen, keeping, page=_page, agree=_agree)
    prompt = _prompting(session)
    screen.say(rf"{aws.names.database} on {aws.where}. A statement ends with ; and \? tells the commands.")
    while not session.done:
        try:
            text = prompt.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        session.handle(text)


def _page() -> AbstractContextManager[BinaryIO]:
    return paged(sys.stdout.buffer, height=shutil.get_terminal_size().lines - 2)


def _agree(worst: Estimate) -> bool:
    from prompt_toolkit.shortcuts import confirm

    try:
        return bool(confirm(guard.question(worst)))
    except (KeyboardInterrupt, EOFError):
        return False


def _prompting(session: Session) -> Any:
    """A prompt whose Enter runs what is complete, and begins another line otherwise."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.history import FileHistory, InMemoryHistory
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer

    history = session.keeping.history()
    prompt: Any = PromptSession(
        message=_PROMPT,
        history=FileHistory(str(history)) if history else InMemoryHistory(),
        lexer=PygmentsLexer(SqlLexer),
        completer=_completer(session),
        complete_while_typing=True,
        complete_in_thread=True,
        auto_suggest=AutoSuggestFromHistory(),
        multiline=Condition(lambda: not complete(prompt.default_buffer.text)),
        prompt_continuation=lambda *_: _MORE,
        enable_open_in_editor=True,
    )
    return prompt


def _completer(session: Session) -> Any:
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.document import Document

    class Suggesting(Completer):
        def get_completions(self, document: Document, _: object) -> Iterator[Completion]:
            found = suggestions(
                document.text_before_cursor, document.text_after_cursor, session.tables(), session.favourites()
            )
            for one in found:
                yield Completion(one.text, start_position=-one.length, display_meta=one.kind)

    return Suggesting()
