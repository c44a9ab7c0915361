"""The generator: a shop's orders into the table, on a schedule.

The zip holds ``handler.py``, ``salespipe/__init__.py`` and everything of ``salespipe/orders/``.
"""
