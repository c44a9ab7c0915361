"""The answers as one HTML page: everything is in it, so that it can be mailed, printed, and read on a phone.

No script, no font, no picture and no style comes from elsewhere; what a visitor may want to see more of is in
``<details>``. Light and dark follow the reader's system; on paper it is light.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from salespipe.insights import GROUPS
from salespipe.query.model import NUMBERS
from salespipe.view import figures
from salespipe.view.charts import shortly
from salespipe.view.palette import FOLLOWING

if TYPE_CHECKING:
    from salespipe.query.answers import Answer
    from salespipe.query.model import Result

_STYLE = """
@media print{:root{--back:#fff;--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--mark:#1a6fb5;--second:#b5541a;
--heat:26,111,181}
section{break-inside:avoid;border:0!important;padding:0!important}details{display:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:60rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{margin:2rem 0 .5rem;text-transform:capitalize}
h3{margin:0}p{margin:.2rem 0 .8rem}
.soft,figcaption,summary,footer{color:var(--soft);font-size:.9rem}
section{background:var(--back);border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:0 0 1rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;width:100%}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:normal}
th{font-weight:600;color:var(--soft)}.n{text-align:right;font-variant-numeric:tabular-nums}
td.n,span.n{white-space:nowrap}
.bars{display:grid;grid-auto-flow:row dense;gap:.15rem .8rem;align-items:center;font-size:.9rem;
grid-template-columns:minmax(5rem,max-content) 1fr max-content}
.bars .label{grid-column:1}.bars .n{grid-column:3}.bars .track{grid-column:2}
.bars i{display:block;height:.9rem;background:var(--mark);border-radius:.15rem;min-width:1px}
@media (max-width:40rem){.bars{grid-template-columns:1fr max-content;grid-auto-flow:row;gap:0 .8rem}
.bars .n{grid-column:2}.bars .track{grid-column:1/-1}.bars i{margin-bottom:.5rem;height:.6rem}}
figure{margin:0 0 1rem}svg{display:block;width:100%;height:10rem}
.ends{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.85rem}
.heat td,.heat th{border:0;padding:.3rem;text-align:right;white-space:nowrap}
pre{overflow-x:auto;font-size:.8rem;background:var(--page);padding:.6rem;border-radius:.3rem}
details{margin-top:.6rem}
"""


def page(answers: Sequence[Answer], *, name: str, where: str, now: datetime) -> str:
    """The whole page. ``name`` is the pipeline's, ``where`` says where it runs, ``now`` is when it was asked (UTC)."""
    asked = f"{now:%Y-%m-%d %H:%M} UTC"
    groups = "".join(
        f"<h2>{group}</h2>" + "".join(map(_section, members))
        for group in GROUPS
        if (members := [answer for answer in answers if answer.insight.group == group and answer.result])
    )
    left = [answer for answer in answers if answer.result is None]
    told = "".join(
        f"<li>{escape(answer.insight.title)}: {escape(answer.problem.message if answer.problem else '')}</li>"
        for answer in left
    )
    omitted = f"<h2>Without an answer</h2><section><ul>{told}</ul></section>" if left else ""
    scanned = sum(answer.result.statistics.scanned_bytes for answer in answers if answer.result)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(name)}: report of {asked}</title><style>{FOLLOWING}{_STYLE}</style></head><body>"
        f"<header><h1>{escape(name)}</h1><p class=soft>As asked on {asked}, of {escape(where)}.</p></header>"
        f"<main>{groups}{omitted}</main>"
        "<footer>Revenue leaves out what was cancelled or returned. Times are UTC. Source: the views of the pipeline's"
        f" Athena database, {scanned:,} bytes scanned; each answer has its SQL. Made by salespipe insights report."
        "</footer></body></html>\n"
    )


def _section(answer: Answer) -> str:
    insight, result = answer.insight, answer.result
    assert result is not None  # noqa: S101 - the caller chose those with one
    drawn = figures.figure(insight.chart, result) if result.rows else f"<p>{insight.nothing}</p>"
    table = f"<details><summary>All figures</summary>{_table(result)}</details>" if drawn and result.rows else ""
    values = ", ".join(f"{each.name} {each.default}" for each in insight.parameters)
    return (
        f'<section id="{escape(insight.name)}"><h3>{escape(insight.title)}</h3>'
        f"<p class=soft>{escape(insight.question)}</p>"
        f"{drawn or _table(result)}{table}"
        f"<details><summary>SQL{f' (unless chosen otherwise: {escape(values)})' if values else ''}, query "
        f"{escape(result.id)}</summary><pre>{escape(answer.sql)}</pre></details></section>"
    )


def _table(result: Result) -> str:
    kinds = ["class=n" if column.type in NUMBERS else "" for column in result.columns]
    head = "".join(
        f"<th {kind}>{escape(column.name.replace('_', ' '))}</th>"
        for kind, column in zip(kinds, result.columns, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td {kind}>{_cell(value, column.name)}</td>"
            for kind, value, column in zip(kinds, row, result.columns, strict=True)
        )
        + "</tr>"
        for row in result.rows
    )
    return f"<div class=wide tabindex=0><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def _cell(value: Any, name: str) -> str:
    return "<span class=soft>none</span>" if value is None else escape(shortly(value, name))
