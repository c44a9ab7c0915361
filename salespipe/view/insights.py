"""Insights on the screen: the list of them, their SQL, and their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from salespipe.insights import GROUPS

if TYPE_CHECKING:
    from salespipe.insights import Insight
    from salespipe.query.answers import Answer
    from salespipe.view.screen import Screen


def listing(screen: Screen, insights: Sequence[Insight]) -> None:
    """Every insight by its group, with its question and its parameters."""
    if screen.json:
        screen.data({"insights": [_described(insight) for insight in insights]})
        return
    width = max(len(insight.name) for insight in insights)
    for group in GROUPS:
        members = [insight for insight in insights if insight.group == group]
        if members:
            screen.show(f"[bold]{group}[/bold]")
        for insight in members:
            screen.text(f"  {insight.name:<{width}}  {insight.question}")
            told = ", ".join(f"{each.name}={each.default}" for each in insight.parameters)
            if told:
                screen.text(f"  {'':<{width}}  {told}")
    screen.say("next: salespipe insights sales, or salespipe insights top-products --param period=7d")


def statements(screen: Screen, insights: Sequence[Insight], values: Mapping[str, str], buffers: int) -> None:
    """The SQL of each, with its parameters in place."""
    made = {insight.name: insight.statement(values, buffers=buffers) for insight in insights}
    if screen.json:
        screen.data({"statements": made})
    else:
        screen.text(";\n\n".join(made.values()))


def show(screen: Screen, answers: Sequence[Answer], *, tables: bool) -> None:
    """Each answer under its question, as its chart or, if asked for, as a table; what it took on stderr."""
    if screen.json:
        screen.data({"answers": [_document(answer) for answer in answers]})
        return
    from rich.markup import escape

    from salespipe.view import charts
    from salespipe.view.tables import result_table

    for answer in answers:
        insight, result = answer.insight, answer.result
        screen.show(f"\n[bold]{escape(insight.title)}[/bold]  [dim]{escape(insight.question)}[/dim]")
        if result is None:
            screen.say(f"no answer: {answer.problem.message if answer.problem else ''}", style="yellow")
        elif not result.rows:
            screen.text(insight.nothing)
        else:
            screen.show(result_table(result) if tables else charts.chart(insight.chart, result))
    took(screen, answers)


def took(screen: Screen, answers: Sequence[Answer]) -> None:
    """Tell on stderr how many were asked, what they scanned, and what would let the others be asked."""
    from salespipe.view.results import size

    if screen.json:
        return
    read = [answer.result.statistics for answer in answers if answer.result]
    scanned = sum(each.scanned_bytes for each in read)
    screen.say(f"{len(read)} of {len(answers)} asked, {size(scanned)} scanned", style="dim")
    hints = dict.fromkeys(each.problem.hint for each in answers if each.problem and each.problem.hint)
    for hint in hints:
        screen.say(f"  fix: {hint}")


def write(out: BinaryIO, answers: Sequence[Answer], name: str, *, width: int) -> None:
    """Write several answers as ``json``, one object that has each by its name, or as tables under their titles."""
    if name == "json":
        from salespipe.view.screen import encode

        out.write(encode({answer.insight.name: _document(answer) for answer in answers}) + b"\n")
        return
    from salespipe.view import tables

    parts = []
    for answer in answers:
        result, problem = answer.result, answer.problem
        lines = tables.lines(result.columns, result.rows, width) if result else [problem.message if problem else ""]
        parts.append("".join(f"{line}\n" for line in (answer.insight.title, *lines)))
    out.write("\n".join(parts).encode())


def _described(insight: Insight) -> dict[str, Any]:
    return {
        "name": insight.name,
        "title": insight.title,
        "question": insight.question,
        "group": insight.group,
        "chart": insight.chart,
        "needs": [".".join(pair) for pair in insight.needs],
        "parameters": {each.name: {"default": each.default, "accepts": each.accepts} for each in insight.parameters},
        "file": insight.file,
    }


def _document(answer: Answer) -> dict[str, Any]:
    insight, result, problem = answer.insight, answer.result, answer.problem
    told: dict[str, Any] = {"name": insight.name, "title": insight.title, "question": insight.question}
    told |= {"group": insight.group, "chart": insight.chart, "sql": answer.sql}
    if result is not None:
        told |= {"id": result.id, "columns": result.columns, "rows": result.records(), "statistics": result.statistics}
    if problem is not None:
        told["error"] = {"code": problem.code, "message": problem.message, "hint": problem.hint}
    return told
