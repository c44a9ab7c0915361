"""Athena on this machine: Trino SQL over the objects that Glue's tables name, computed by DuckDB."""

from salespipe.local.athena.service import Athena

__all__ = ["Athena"]
