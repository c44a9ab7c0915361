"""Athena SQL -> sqlglot's tree, with the positions and the syntax errors that Athena would name.

Every function call stays an ``Anonymous`` node: which functions exist, with which types, and how DuckDB computes them
is told by ``functions`` alone, never by a rewriting of sqlglot's.
"""

from __future__ import annotations

import bisect
from typing import Any, ClassVar, Final

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from salespipe.local.athena.errors import QuerySyntaxError

_OWN_SYNTAX: Final = ("CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "TRY_CAST", "LISTAGG")


class _Parser(TrinoParser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {name: TrinoParser.FUNCTION_PARSERS[name] for name in _OWN_SYNTAX}


class SalespipeAthena(Trino):
    """Trino as Athena speaks it; subscripts are kept as written."""

    INDEX_OFFSET = 0
    SUPPORTS_USER_DEFINED_TYPES = True
    Parser = _Parser


_AFTER_ITEM: Final = (
    "',', 'EXCEPT', 'FETCH', 'FROM', 'GROUP', 'HAVING', 'INTERSECT', 'LIMIT', 'OFFSET', 'ORDER', 'UNION', 'WHERE', "
    "'WINDOW', <EOF>"
)
_AFTER_FROM: Final = (
    "',', 'CROSS', 'EXCEPT', 'FETCH', 'FULL', 'GROUP', 'HAVING', 'INNER', 'INTERSECT', 'JOIN', 'LEFT', 'LIMIT', "
    "'NATURAL', 'OFFSET', 'ORDER', 'RIGHT', 'UNION', 'WHERE', 'WINDOW', <EOF>"
)
_STATEMENTS: Final = (
    "'ALTER', 'ANALYZE', 'CALL', 'COMMENT', 'COMMIT', 'CREATE', 'DEALLOCATE', 'DELETE', 'DENY', 'DESC', 'DESCRIBE', "
    "'DROP', 'EXECUTE', 'EXPLAIN', 'GRANT', 'INSERT', 'MERGE', 'PREPARE', 'REFRESH', 'RESET', 'REVOKE', 'ROLLBACK', "
    "'SET', 'SHOW', 'START', 'TRUNCATE', 'UPDATE', 'USE', <query>"
)
_QUERY_STARTS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
# Where a query cannot go on after a comma.
_CLAUSES: Final = frozenset({"FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", ")", "UNION"})


class Source:
    """A statement's text and tokens: where in it a node of its tree begins, as Trino counts (line:column from 1)."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.tokens: list[Token] = SalespipeAthena().tokenize(text)
        except TokenError as error:
            raise QuerySyntaxError(
                f"{self.at(len(text))}: mismatched input '<EOF>'. Expecting: <expression>"
            ) from error
        self._starts = [token.start for token in self.tokens]

    def at(self, offset: int) -> str:
        """``line 1:8`` for an offset into the text."""
        before = self.text[:offset]
        return f"line {before.count(chr(10)) + 1}:{offset - (before.rfind(chr(10)) + 1) + 1}"

    def start(self, node: exp.Expr) -> int:
        """The offset at which ``node`` begins, 0 when nothing in it carries a position."""
        inside = [found.meta["start"] for found in node.walk() if "start" in found.meta]
        first = min(inside, default=0)
        opening = _OPENING.get(type(node))
        return self._back(first, opening) if opening else first

    def where(self, node: exp.Expr) -> str:
        """``line 1:8`` of the beginning of ``node``."""
        return self.at(self.start(node))

    def operator(self, node: exp.Binary) -> str:
        """``line 1:8`` of the operator between two operands, where Trino sees a comparison or an addition."""
        right = min((f.meta["start"] for f in node.expression.walk() if "start" in f.meta), default=-1)
        if right >= 0:
            places = range(bisect.bisect_left(self._starts, right) - 1, -1, -1)
        else:  # NULL and true carry no position
            left = max((f.meta["end"] for f in node.this.walk() if "end" in f.meta), default=0)
            places = range(bisect.bisect_right(self._starts, left), len(self.tokens), 1)
        found = next((n for n in places if self.tokens[n].text.upper() in _OPERATORS), None)
        return self.where(node) if found is None else self.at(self.tokens[found].start)

    def before(self, node: exp.Expr) -> str:
        """The token before ``node``, in upper case: DECIMAL tells ``DECIMAL '1.5'`` from ``CAST('1.5' AS DECIMAL)``."""
        place = bisect.bisect_left(self._starts, self.start(node)) - 1
        return str(self.tokens[place].text).upper() if place >= 0 else ""

    def _back(self, offset: int, words: tuple[str, ...]) -> int:
        for place in range(bisect.bisect_left(self._starts, offset), -1, -1):
            if place < len(self.tokens) and self.tokens[place].text.upper() in words:
                return int(self.tokens[place].start)
        return offset


_OPENING: Final[dict[type[exp.Expr], tuple[str, ...]]] = {
    exp.Cast: ("CAST", "DATE", "TIMESTAMP", "TIME"),
    exp.TryCast: ("TRY_CAST",),
    exp.Case: ("CASE",),
    exp.If: ("IF",),
    exp.Array: ("ARRAY",),
    exp.Extract: ("EXTRACT",),
    exp.Trim: ("TRIM",),
    exp.Substring: ("SUBSTRING",),
    exp.Interval: ("INTERVAL",),
    exp.Neg: ("-",),
    exp.Not: ("NOT",),
    exp.Paren: ("(",),
    exp.Subquery: ("(",),
    exp.Select: ("SELECT",),
    exp.GroupConcat: ("LISTAGG",),
    exp.Unnest: ("UNNEST",),
}
_OPERATORS: Final = frozenset(
    {"=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "||", "LIKE", "IN", "BETWEEN", "AND", "OR"}
)


def parse_query(text: str) -> tuple[exp.Query, Source]:
    """The tree of one query (SELECT, WITH, VALUES, TABLE).

    Raises ``QuerySyntaxError`` with Athena's message and position.
    """
    source = Source(text)
    while source.tokens and source.tokens[-1].token_type == TokenType.SEMICOLON:
        source.tokens.pop()
    if not source.tokens:
        raise QuerySyntaxError(f"{source.at(len(text))}: mismatched input '<EOF>'. Expecting: {_STATEMENTS}")
    if source.tokens[0].text.upper() not in _QUERY_STARTS:
        raise _mismatch(source, 0, _STATEMENTS)
    _check_tokens(source)
    parser = SalespipeAthena().parser(error_level=ErrorLevel.IMMEDIATE)
    try:
        trees = parser.parse(source.tokens, text)
    except ParseError as error:
        raise _explained(source, error) from error
    tree = trees[0] if len(trees) == 1 else None
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if isinstance(tree, exp.Subquery) and not tree.args.get("joins"):
        tree = _unwrapped(tree)
    if not isinstance(tree, exp.Query):
        raise _mismatch(source, len(source.tokens), _AFTER_ITEM)
    return tree, source


def _unwrapped(tree: exp.Subquery) -> exp.Expr:
    bare = not any(tree.args.get(part) for part in ("order", "limit", "offset", "with_"))
    return tree.this if bare else exp.select("*").from_(tree.copy())


def _mismatch(source: Source, place: int, expecting: str) -> QuerySyntaxError:
    if place < len(source.tokens):
        token = source.tokens[place]
        shown = source.text[token.start : token.end + 1]
        return QuerySyntaxError(f"{source.at(token.start)}: mismatched input '{shown}'. Expecting: {expecting}")
    return QuerySyntaxError(f"{source.at(len(source.text))}: mismatched input '<EOF>'. Expecting: {expecting}")


def _check_tokens(source: Source) -> None:
    """Refuse what sqlglot lets pass: nothing selected, a comma before the next clause, an alias for ``*``."""
    tokens = source.tokens
    words = [token.text.upper() if token.token_type != TokenType.STRING else "''" for token in tokens]
    for place, (word, after) in enumerate(zip(words, [*words[1:], ""], strict=True)):
        if word == "SELECT" and after in (_CLAUSES | {""}):
            raise _mismatch(source, place + 1, "'*', 'ALL', 'DISTINCT', <expression>")
        if word == "," and after in (_CLAUSES | {""}):
            raise _mismatch(source, place + 1, "'*', <expression>" if _in_items(words, place) else "<expression>")
        within = place and words[place - 1] == "WITHIN"
        if word in {"GROUP", "ORDER"} and tokens[place].token_type == TokenType.VAR and not within:
            raise _mismatch(source, place + 1, "'BY'")
        if word in {"LIMIT", "OFFSET"} and after == "-":
            raise _mismatch(source, place + 1, "'?', 'ALL', <integer>" if word == "LIMIT" else "'?', <integer>")
        if word in {"FROM", "JOIN"} and not after:
            raise _mismatch(source, place + 1, "'(', 'LATERAL', 'TABLE', 'UNNEST', <identifier>")
        starred = word == "*" and place and words[place - 1] in {"SELECT", ",", "."}
        if starred and place + 1 < len(tokens) and tokens[place + 1].token_type == TokenType.VAR and after != "EXCEPT":
            raise _mismatch(source, place + 1, _AFTER_ITEM)


def _in_items(words: list[str], place: int) -> bool:
    for word in reversed(words[:place]):
        if word in {"SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY"}:
            return word == "SELECT"
    return False


def _explained(source: Source, error: ParseError) -> QuerySyntaxError:
    """Athena's message for sqlglot's: the same token where possible."""
    told = error.errors[0] if error.errors else {}
    highlight, description = str(told.get("highlight") or ""), str(told.get("description") or "")
    line, end = int(told.get("line") or 1), int(told.get("col") or 0)
    place = next(
        (n for n, token in enumerate(source.tokens) if token.line == line and token.col == end),
        len(source.tokens),
    )
    missing = description.startswith("Required keyword")
    last = place == len(source.tokens) - 1
    if last and (missing or description.startswith("Expecting")):
        operand = missing or highlight.upper() in _OPERATORS
        return _mismatch(source, len(source.tokens), "<expression>" if operand else "')', ','")
    if missing:
        return _mismatch(source, place, "<expression>")
    if description.startswith("Expecting ) "[:11]):
        return _mismatch(source, place, "')', ','")
    words = [token.text.upper() for token in source.tokens[:place]]
    return _mismatch(source, place, _AFTER_FROM if "FROM" in words else _AFTER_ITEM)
