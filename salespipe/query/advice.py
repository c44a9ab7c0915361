"""For each failure of a query that this pipeline can meet: what shows the cause, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from salespipe.query.vocabulary import functions, nearest

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.names import Names
    from salespipe.query.catalogue import Catalogue, Table

Advice = tuple[str, str]
"""Evidence, which may be empty, and the command or change that mends it."""

_ASK: Final = "salespipe query"
_NARROW: Final = "Narrow the WHERE clause on dt and hour"
_OBJECTS_LISTED: Final = 1000
_UNREADABLE: Final = "unreadable/"


@dataclass(frozen=True)
class Failure:
    """A failure: its code, the text behind it, the statement (may be empty), and the way to look for evidence."""

    code: str
    detail: str
    sql: str
    names: Names
    aws: Aws | None = None

    @property
    def catalogue(self) -> Catalogue | None:
        """What Glue knows, where it may be asked."""
        from salespipe.query.catalogue import Catalogue

        return Catalogue(self.aws) if self.aws else None

    def quoted(self, nth: int = 0) -> str:
        """The nth text in single quotes; empty where there are not so many."""
        found = re.findall(r"'([^']*)'", self.detail)
        return found[nth] if nth < len(found) else ""


def advise(failure: Failure) -> Advice:
    """Evidence and fix for a failure; both empty for one that nothing more is known of. Raises what boto3 raises."""
    make = _ADVICE.get(failure.code)
    if make is None and failure.code.startswith("HIVE_"):
        make = _unreadable
    if make is None and re.search(r"\bline \d+:\d+", failure.detail):
        make = _syntax
    return make(failure) if make else ("", "")


def _table(failure: Failure) -> Advice:
    names = failure.names
    missing = failure.quoted().split(".")[-1]
    known = failure.catalogue.tables() if failure.catalogue else {}
    ours = {names.events_table, names.products_table, names.orders_view, names.history_view, names.inventory_view}
    if missing in ours | {names.customers_view, names.quarantine_table} or (failure.aws and not known):
        return f"Glue has no {missing} in {names.database} yet.", "salespipe crawl (it makes the tables and views)"
    near = nearest(missing, known)
    there = f"{names.database} has {', '.join(sorted(known))}." if known else ""
    return there, f"Did you mean {near}?" if near else f'{_ASK} "SHOW TABLES"'


def _schema(failure: Failure) -> Advice:
    names, missing = failure.names, failure.quoted()
    if missing == names.database:
        return "", "salespipe up (it makes the database), then salespipe crawl"
    return f"The pipeline's database is {names.database}.", f"Leave {missing}. out: names are looked up there."


def _catalog(failure: Failure) -> Advice:
    return "", f"Leave {failure.quoted()}. out, or say AwsDataCatalog: other catalogs are not part of the pipeline."


def _column(failure: Failure) -> Advice:
    missing = failure.quoted().split(".")[-1].lower()
    tables = list(_tables(failure))
    fields = list(dict.fromkeys(field.name for table in tables for field in table.fields))
    near = nearest(missing, fields)
    of = f"{' and '.join(table.name for table in tables)} {'has' if len(tables) == 1 else 'have'}"
    there = f"{of} {', '.join(fields)}." if fields else ""
    shown = tables[0].name if tables else failure.names.orders_view
    if near:
        return there, f"Did you mean {near}?"
    if f'"{missing}"' in failure.sql.lower():
        return there, f"Texts stand in single quotes: '{missing}'. Or: {_ASK} \"DESCRIBE {shown}\""
    return there, f'{_ASK} "DESCRIBE {shown}" lists the columns.'


def _function(failure: Failure) -> Advice:
    if "Unexpected parameters" in failure.detail:
        return "", "Bring the arguments to the types that are expected, with CAST(... AS type)."
    near = nearest(failure.quoted(), functions())
    return "", f"Did you mean {near}()?" if near else "trino.io/docs/current/functions/list.html lists them."


def _types(failure: Failure) -> Advice:
    found = re.search(r"Cannot apply operator: (.+) (?:[=<>+*/%|-]+|IS DISTINCT FROM) (.+)$", failure.detail)
    kinds = {re.sub(r"\(.*", "", kind) for kind in found.groups()} if found else set()
    if {"varchar", "date"} <= kinds:
        return "", "Write the text as a date: date '2026-11-22', or CAST the column: CAST(... AS date)."
    if "varchar" in kinds and any(kind.startswith("timestamp") for kind in kinds):
        return "", "Write the text as a timestamp: timestamp '2026-11-22 10:00:00', or from_iso8601_timestamp(...)."
    if "varchar" in kinds:
        return "", "Numbers stand without quotes; bring a text to a number with CAST(... AS double)."
    return "", "Bring both sides to one type with CAST(... AS type)."


def _syntax(_: Failure) -> Advice:
    return "", "Correct the SQL at the caret. Athena's dialect is Trino's: trino.io/docs/current/sql/select.html"


def _bad_data(failure: Failure) -> Advice:
    found = re.search(r"field value '(.*)' for field (\d+)", failure.detail)
    tables = [table for table in _tables(failure) if table.location]
    if found and len(tables) == 1 and int(found[2]) < len(tables[0].columns):
        table, column = tables[0], tables[0].columns[int(found[2])]
        evidence = f"{table.name}.{column.name} is {column.type} in Glue, and some object has '{found[1]}' there."
        return evidence, "salespipe crawl (it reads the types again, and widens the column)"
    return _unreadable(failure)


def _partition_schema(failure: Failure) -> Advice:
    found = re.search(
        r"column '([^']+)' in table '([^']+)' is declared as type '([^']+)', but partition '([^']+)' declared column "
        r"'[^']+' as type '([^']+)'",
        failure.detail,
    )
    evidence = (
        f"Partition {found[4]} has {found[1]} as {found[5]}, the table {found[2]} as {found[3]}." if found else ""
    )
    return evidence, "salespipe crawl (partitions take the table's types over, and are computed from then on)"


def _unreadable(failure: Failure) -> Advice:
    """An object that the table's SerDe cannot read: the one that is named, or those that Firehose did not write."""
    if named := re.search(r"s3://[^\s,()]+", failure.detail):
        return f"The object is {named[0]}.", _moved(failure, named[0])
    strangers = list(_strangers(failure))
    if not strangers:
        return "", "salespipe doctor; the objects are told by: " + f"{_ASK} 'SELECT DISTINCT \"$path\" FROM ...'"
    more = f" and {len(strangers) - 1} more" if len(strangers) > 1 else ""
    return (
        f"Firehose did not write {strangers[0]}{more}: it may be the one that cannot be read.",
        _moved(failure, strangers[0]),
    )


def _strangers(failure: Failure) -> Iterator[str]:
    """Objects among the first thousand of the events whose name is not one of Firehose's."""
    names = failure.names
    if failure.aws is None or names.events_table not in {table.name for table in _tables(failure)}:
        return
    answer = failure.aws.client("s3").list_objects_v2(
        Bucket=failure.aws.names.bucket, Prefix=names.events_prefix, MaxKeys=_OBJECTS_LISTED
    )
    for one in answer.get("Contents", ()):
        # Firehose names an object <delivery stream>-<version>-<time>-<uuid>.
        if one["Size"] and not str(one["Key"]).rpartition("/")[2].startswith(names.delivery):
            yield f"s3://{failure.aws.names.bucket}/{one['Key']}"


def _moved(failure: Failure, address: str) -> str:
    """The command that moves an object where no table looks, at the AWS where it lies.

    Below the error prefix, too, an object that cannot be read fails every query.
    """
    where = f"--endpoint-url {failure.aws.endpoint} " if failure.aws and failure.aws.endpoint else ""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return f"aws {where}s3 mv {address} s3://{bucket}/{_UNREADABLE}{key.rpartition('/')[2]}"


def _metastore(_: Failure) -> Advice:
    return "Glue answered Athena so; a table in it may be damaged, or made by another tool.", "salespipe doctor"


def _scan_limit(failure: Failure) -> Advice:
    limit = failure.names.config.query.scan_limit_mb
    return (
        f"The workgroup stops a query at {limit:,} MB. What was scanned until then is charged.",
        f"{_NARROW}, or raise scan_limit_mb under [query] and run salespipe up.",
    )


def _denied(failure: Failure) -> Advice:
    found = re.search(r"(?:not authorized to perform:? )(\w+:\w+)", failure.detail)
    named = re.search(r"s3://[^\s,()]+|arn:aws[\w-]*:(?!iam|sts)[^\s,]+", failure.detail)
    what = f"{found[1] if found else 'Reading'}{f' on {named[0]}' if named else ''} is refused to your credentials."
    return what, "salespipe doctor tells what is missing; salespipe plan --policy prints the policy to attach."


def _lake_formation(failure: Failure) -> Advice:
    who = str(failure.aws.client("sts").get_caller_identity()["Arn"]) if failure.aws else "YOUR_ARN"
    if assumed := re.fullmatch(r"arn:(aws[\w-]*):sts::(\d+):assumed-role/([^/]+)/.*", who):
        who = f"arn:{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}"
    resource = f'{{"Table":{{"DatabaseName":"{failure.names.database}","TableWildcard":{{}}}}}}'
    fix = (
        "An administrator of the lake runs: aws lakeformation grant-permissions --permissions SELECT DESCRIBE "
        f"--principal DataLakePrincipalIdentifier={who} --resource '{resource}'"
    )
    return "Lake Formation governs this account's catalogue: IAM policies alone do not grant its tables.", fix


def _no_output(failure: Failure) -> Advice:
    names = failure.names
    evidence = f"The workgroup {names.workgroup} should keep results below {names.results_prefix} in the bucket."
    return evidence, "salespipe up (it puts the workgroup's result location right)"


def _expired(failure: Failure) -> Advice:
    days = failure.names.config.query.results_days
    return f"Results are deleted after {days} days, with [query] results_days.", "Run the query again."


def _fixed(hint: str) -> Callable[[Failure], Advice]:
    return lambda _: ("", hint)


def _tables(failure: Failure) -> Iterator[Table]:
    """The tables that the statement names, as the catalogue has them, and those below its views."""
    catalogue = failure.catalogue
    if catalogue is None:
        return
    words = {word.lower() for word in re.findall(r"\w+", failure.sql)}
    known: dict[str, Any] = catalogue.tables()
    seen: list[str] = [name for name in known if name in words]
    if failure.code.startswith("HIVE_"):
        for name in seen:
            words_of = set(re.findall(r"\w+", (known[name].sql or "").lower()))
            seen += [below for below in known if below in words_of and below not in seen]
    yield from (known[name] for name in seen)


_ADVICE: Final[dict[str, Callable[[Failure], Advice]]] = {
    "TABLE_NOT_FOUND": _table,
    "TABLE_ALREADY_EXISTS": _fixed("CREATE TABLE IF NOT EXISTS leaves it as it is; DROP TABLE before makes it anew."),
    "SCHEMA_NOT_FOUND": _schema,
    "CATALOG_NOT_FOUND": _catalog,
    "COLUMN_NOT_FOUND": _column,
    "FUNCTION_NOT_FOUND": _function,
    "TYPE_MISMATCH": _types,
    "SYNTAX_ERROR": _syntax,
    "AMBIGUOUS_NAME": _fixed("Say which table's it is: table.column."),
    "EXPRESSION_NOT_AGGREGATE": _fixed("Add it to GROUP BY, or take one value of the group: arbitrary(...)."),
    "EXPRESSION_NOT_SCALAR": _fixed("Aggregates are compared in HAVING, window functions in an outer SELECT."),
    "DIVISION_BY_ZERO": _fixed("Divide by nullif(..., 0): NULL where there is nothing to divide by."),
    "INVALID_CAST_ARGUMENT": _fixed(
        "TRY_CAST gives NULL instead; for ISO 8601 times with a T: from_iso8601_timestamp(...)."
    ),
    "NUMERIC_VALUE_OUT_OF_RANGE": _fixed("CAST to bigint or decimal(38, 2) before the operation."),
    "HIVE_BAD_DATA": _bad_data,
    "HIVE_PARTITION_SCHEMA_MISMATCH": _partition_schema,
    "HIVE_METASTORE_ERROR": _metastore,
    "INVALID_VIEW": _fixed("salespipe crawl (it makes the views again)"),
    "VIEW_IS_STALE": _fixed("salespipe crawl (it makes the views again)"),
    "ScanLimitExceeded": _scan_limit,
    "PermissionDenied": _denied,
    "LakeFormationDenied": _lake_formation,
    "NoOutputLocation": _no_output,
    "ResourcesExhausted": _fixed(f"{_NARROW}, name fewer columns, LIMIT what is sorted, or use approx_distinct(...)."),
    "TooManyQueries": _fixed("Wait until others have ended: salespipe query history"),
    "SlowDown": _fixed("Wait a minute and run it again; S3 and Glue serve only so many requests a second."),
    "ResultExpired": _expired,
}
