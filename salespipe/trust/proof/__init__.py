"""What ``verify`` is made of: reading each hop, comparing what they hold, and judging where they differ.

``spool`` keeps what was read on disk by order id; ``ledgers``, ``table``, ``events``, ``lake`` and ``view`` read the
hops into it; ``bucket`` compares them, fast, and ``judge`` says of an order that differs what is wrong with it and
where; ``findings`` are what is told.
"""
