"""Insights: questions with their SQL, one file each, shipped here and beside them the user's own.

A file begins with a header, lines of ``-- key: value``, and goes on with one SELECT in Athena's dialect:

    -- title: Sales by region
    -- question: Which region brings the revenue?
    -- group: sales                                (sales, customers, inventory, pipeline or other)
    -- chart: bars                                 (table, bars, line, heat or none)
    -- needs: orders.amount, orders.region         (columns without which it cannot be asked)
    -- counts: orders, units                      (rows, by their first column, whose decimals are shown whole)
    -- param: period period = 30d                  (a name, a type and a default; the SQL says :period)

A chart draws what the first columns hold: bars a label and a number, a line a time and numbers, heat a row, a column
and a number.
"""

from salespipe.insights.catalogue import GROUPS, choose, load, shipped
from salespipe.insights.insight import Insight
from salespipe.insights.parameters import Parameter

__all__ = ["GROUPS", "Insight", "Parameter", "choose", "load", "shipped"]
