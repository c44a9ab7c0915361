"""What sort of statement a text is, told by its first words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """Athena's StatementType and SubstatementType."""

    type: str
    sub: str


_KINDS: Final = (
    (r"(SELECT|WITH|VALUES|TABLE|\()", Kind("DML", "SELECT")),
    (r"INSERT\b", Kind("DML", "INSERT")),
    (r"UNLOAD\b", Kind("DML", "UNLOAD")),
    (r"EXECUTE\b", Kind("DML", "EXECUTE")),
    # Statements on Iceberg tables, and others that are not run here, which say so.
    *((rf"{word}\b", Kind("DML", word)) for word in ("DELETE", "UPDATE", "MERGE", "OPTIMIZE", "VACUUM", "ANALYZE")),
    (r"USING\s+EXTERNAL\s+FUNCTION\b", Kind("DML", "USING_EXTERNAL_FUNCTION")),
    (r"PREPARE\b", Kind("UTILITY", "PREPARE")),
    (r"DEALLOCATE\b", Kind("UTILITY", "DEALLOCATE_PREPARE")),
    (r"EXPLAIN\b", Kind("UTILITY", "EXPLAIN")),
    (r"CREATE\s+(OR\s+REPLACE\s+)?VIEW\b", Kind("DDL", "CREATE_VIEW")),
    (r"CREATE\s+(DATABASE|SCHEMA)\b", Kind("DDL", "CREATE_DATABASE")),
    (r"CREATE\s+EXTERNAL\s+TABLE\b", Kind("DDL", "CREATE_TABLE")),
    (r"CREATE\s+TABLE\b", Kind("DDL", "CREATE_TABLE_AS_SELECT")),
    (r"DROP\s+(DATABASE|SCHEMA)\b", Kind("DDL", "DROP_DATABASE")),
    (r"DROP\s+VIEW\b", Kind("DDL", "DROP_VIEW")),
    (r"DROP\s+TABLE\b", Kind("DDL", "DROP_TABLE")),
    (r"ALTER\s+TABLE\b", Kind("DDL", "ALTER_TABLE")),
    (r"MSCK\b", Kind("DDL", "MSCK_REPAIR_TABLE")),
    (r"(DESCRIBE|DESC)\b", Kind("UTILITY", "DESCRIBE_TABLE")),
    (r"SHOW\s+(DATABASES|SCHEMAS)\b", Kind("UTILITY", "SHOW_DATABASES")),
    (r"SHOW\s+TABLES\b", Kind("UTILITY", "SHOW_TABLES")),
    (r"SHOW\s+VIEWS\b", Kind("UTILITY", "SHOW_VIEWS")),
    (r"SHOW\s+COLUMNS\b", Kind("UTILITY", "SHOW_COLUMNS")),
    (r"SHOW\s+PARTITIONS\b", Kind("UTILITY", "SHOW_PARTITIONS")),
    (r"SHOW\s+TBLPROPERTIES\b", Kind("UTILITY", "SHOW_TBLPROPERTIES")),
    (r"SHOW\s+CREATE\s+TABLE\b", Kind("UTILITY", "SHOW_CREATE_TABLE")),
    (r"SHOW\s+CREATE\s+VIEW\b", Kind("UTILITY", "SHOW_CREATE_VIEW")),
)
_COMMENTS: Final = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)


def kind_of(text: str) -> Kind | None:
    """What sort of statement a text is; ``None`` when it begins like none."""
    bare = _COMMENTS.sub("", text, count=1)
    return next((of for pattern, of in _KINDS if re.match(pattern, bare, re.IGNORECASE)), None)
