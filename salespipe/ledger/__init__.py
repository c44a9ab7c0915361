"""The ledger: what a run wrote to the table, and DynamoDB acknowledged, on this machine's disk.

One file for each run. ``place`` knows where they are, ``recording`` appends to one, ``reading`` reads it back, and
``fingerprint`` tells whether two items hold the same.
"""

from salespipe.ledger.blocks import Entry, Header
from salespipe.ledger.place import Ledgers
from salespipe.ledger.reading import Damage, Reading, read
from salespipe.ledger.recording import Ledger, LedgerError

__all__ = ["Damage", "Entry", "Header", "Ledger", "LedgerError", "Ledgers", "Reading", "read"]
