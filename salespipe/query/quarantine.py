"""The table ``quarantine``: the records that Firehose could not deliver, as they lie below the error prefix.

It is made with Glue's CreateTable, and not with CREATE EXTERNAL TABLE in Athena: that would be one more query to wait
for and to find in the history, Athena would do the same call in the caller's name, and IF NOT EXISTS would leave a
table of other columns as it is. The crawler does not make it: it needs objects, and guesses columns from them.

A line is a JSON object with the fields that Firehose documents: for the transform in "Handle failure in data
transformation", for a conversion of format in "Handling errors for data format conversion" (Firehose developer guide).
Athena reads what lies in folders below the location, too, and unpacks objects by their suffix .gz, so that it makes no
difference whether Firehose compresses them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.names import Names
    from salespipe.query.catalogue import Table

# Glue folds names to lower case; the SerDe pays no attention to case (case.insensitive is true unless set).
_COLUMNS: Final = {
    "attemptsmade": ("int", "how often it was tried"),
    "arrivaltimestamp": ("bigint", "when it reached Firehose, in ms since 1970"),
    "errorcode": ("string", "why, if the transform failed"),
    "errormessage": ("string", "why, in words"),
    "lasterrorcode": ("string", "why, if a conversion of format failed"),
    "lasterrormessage": ("string", "why, in words"),
    "attemptendingtimestamp": ("bigint", "when Firehose gave up, in ms since 1970"),
    "rawdata": ("string", "the record as it came, in base64"),
    "lambdaarn": ("string", "the transform"),
}
# What Athena itself sets for a table of JSON as text.
_SERDE: Final = "org.openx.data.jsonserde.JsonSerDe"
_INPUT: Final = "org.apache.hadoop.mapred.TextInputFormat"
_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


def keep(aws: Aws) -> None:
    """Create the table if it is not there, or put its columns and its place right.

    Raises ``SalespipeError`` where there is no database for it.
    """
    from botocore.exceptions import ClientError

    from salespipe.aws import error_code, is_not_found
    from salespipe.query.catalogue import Catalogue
    from salespipe.query.failures import not_deployed

    names, glue = aws.names, aws.client("glue")
    found = Catalogue(aws).table(names.quarantine_table)
    if found is not None and stands(found, names):
        return
    change = glue.create_table if found is None else glue.update_table
    try:
        change(DatabaseName=names.database, TableInput=definition(names))
    except ClientError as error:
        if is_not_found(error):
            raise not_deployed(names) from error
        if error_code(error) != "AlreadyExistsException":  # another crawl was quicker
            raise


def stands(table: Table, names: Names) -> bool:
    """Whether a table reads the error prefix with the columns that are wanted."""
    columns = {column.name: column.type for column in table.columns}
    return table.location == _location(names) and columns == {name: kind for name, (kind, _) in _COLUMNS.items()}


def definition(names: Names) -> dict[str, Any]:
    """The table as Glue wants it (service model glue: TableInput)."""
    return {
        "Name": names.quarantine_table,
        "Description": "What Firehose could not deliver. Made by salespipe crawl.",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "json"},
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind, "Comment": told} for name, (kind, told) in _COLUMNS.items()],
            "Location": _location(names),
            "InputFormat": _INPUT,
            "OutputFormat": _OUTPUT,
            # One line that is no object must not hide all the others.
            "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"ignore.malformed.json": "true"}},
        },
    }


def _location(names: Names) -> str:
    return f"s3://{names.bucket}/{names.errors_prefix}"
