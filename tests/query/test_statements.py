"""SQL as it is written in files, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from salespipe.errors import SalespipeError
from salespipe.query.parameters import bind, literal
from salespipe.query.statements import Statement, split


def test_semicolons_end_statements_but_not_in_texts_names_and_comments() -> None:
    text = """
-- first; not the end
SELECT 'a;b''c;' AS "x;""y" FROM t /* ; ' */ WHERE n = 1; ;
DESCRIBE `odd;name`
; -- nothing more ;
"""
    assert [(each.sql, each.line) for each in split(text)] == [
        ("-- first; not the end\nSELECT 'a;b''c;' AS \"x;\"\"y\" FROM t /* ; ' */ WHERE n = 1", 2),
        ("DESCRIBE `odd;name`", 4),
    ]


@pytest.mark.parametrize("text", ["", "  \n ", ";;", "-- only a comment", "/* ; */ ;"])
def test_there_may_be_none(text: str) -> None:
    assert split(text) == []


@pytest.mark.parametrize("text", ["SELECT 'open; SELECT 2", "SELECT 1 /* open; SELECT 2", 'SELECT "open; x'])
def test_what_is_not_closed_is_left_to_athena(text: str) -> None:
    assert [each.sql for each in split(text)] == [text]


@given(some.text())
def test_nothing_is_lost_but_semicolons_and_space(text: str) -> None:
    kept = "".join(each.sql for each in split(text.replace(":", "").replace("--", "").replace("/*", "")))
    assert len(kept) <= len(text)


def test_parameters_are_counted_where_they_are_parameters() -> None:
    (one,) = split("SELECT '?', \"?\" FROM t WHERE a = ? AND b > ? -- ?")
    assert (one.marks, one.names) == (2, ())


def test_named_parameters_become_question_marks() -> None:
    (one,) = split("SELECT ':no', a FROM t WHERE a = :region AND b IN (:n, :region) AND c = '10:30'")
    assert one.sql == "SELECT ':no', a FROM t WHERE a = ? AND b IN (?, ?) AND c = '10:30'"
    assert one.names == ("region", "n", "region")


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("42", "42"),
        ("-1.5e3", "-1.5e3"),
        ("007", "'007'"),
        ("'42'", "'42'"),
        ("north", "'north'"),
        ("O'Hara", "'O''Hara'"),
        ("", "''"),
        ("null", "null"),
        ("TRUE", "TRUE"),
        ("2026-01-02", "'2026-01-02'"),
        ("DATE '2026-01-02'", "DATE '2026-01-02'"),
        ("'a' OR 1=1", "'''a'' OR 1=1'"),
        ("1; DROP TABLE x", "'1; DROP TABLE x'"),
        ("\u0661", "'\u0661'"),
    ],
)
def test_values_are_literals(value: str, made: str) -> None:
    assert literal(value) == made


@given(some.text(max_size=300))
def test_no_value_can_be_more_than_one_literal(value: str) -> None:
    (one,) = split(f"SELECT {literal(value)}") or [Statement("")]
    assert one.marks == 0
    assert one.sql == f"SELECT {literal(value)}"


def test_marks_take_values_in_order_through_all_statements() -> None:
    assert bind(split("SELECT ?; SELECT 1; SELECT ?, ?"), ["1", "a", "b"]) == [("1",), (), ("'a'", "'b'")]


def test_names_take_theirs_in_each() -> None:
    assert bind(split("SELECT :a; SELECT :b, :a"), ["b=2", "a=x=y"]) == [("'x=y'",), ("2", "'x=y'")]


@pytest.mark.parametrize(
    ("sql", "given", "said"),
    [
        ("SELECT ?", [], "SQL: 1; values given: none"),
        ("SELECT 1", ["5"], "SQL: none; values given: 1"),
        ("SELECT :a", ["5"], "names no parameter"),
        ("SELECT :a", [], "no value for :a"),
        ("SELECT :a", ["a=1", "b=2"], "no :b"),
        ("SELECT :a, ?", ["a=1"], "both kinds"),
        ("SELECT ?", ["x" * 1100], "1,102 characters"),
    ],
)
def test_what_does_not_fit_is_told(sql: str, given: list[str], said: str) -> None:
    with pytest.raises(SalespipeError, match=said) as error:
        bind(split(sql), given)
    assert error.value.exit_code == 2
