"""A local AWS in a process of its own with what queries need: the workgroup, its bucket, and the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.local import daemon

# Every type, NULL beside the empty text, and what terminals, CSV and Markdown are bad at.
EVERYTHING = """
SELECT * FROM (VALUES
  (BIGINT '1', 'Stoneware mug, dark blue', DECIMAL '1234567.50', true, DATE '2026-01-31',
    TIMESTAMP '2026-01-31 09:00:00.123', DOUBLE '1.5', ARRAY[1, 2], X'00ff', 'a|b'),
  (BIGINT '9223372036854775807', '東京タワーのお茶', DECIMAL '-0.10', false, DATE '1999-12-31',
    TIMESTAMP '1999-12-31 23:59:59.999', infinity(), ARRAY[], X'20', ''),
  (NULL, '☕ café 👍🏽 "quoted"', NULL, NULL, NULL, NULL, nan(), NULL, NULL, NULL),
  (BIGINT '-5', 'two
lines	and a \\', DECIMAL '0.00', true, DATE '2026-02-28', TIMESTAMP '2026-02-28 00:00:00', DOUBLE '1e10',
    ARRAY[3, NULL], X'e2', 'NULL')
) AS t (n, product_name, amount, paid, day, at, ratio, sizes, raw, note)
"""


@contextmanager
def running(folder: Path) -> Iterator[Aws]:
    """The way to it, until the block ends."""
    server = daemon.start(folder, 0)
    try:
        aws = Aws(Config(), endpoint=server.endpoint)
        names = aws.names
        aws.client("s3").create_bucket(Bucket=names.bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": names.database})
        location = {"OutputLocation": f"s3://{names.bucket}/{names.results_prefix}"}
        aws.client("athena").create_work_group(
            Name=names.workgroup,
            Configuration={"ResultConfiguration": location, "EnforceWorkGroupConfiguration": True},
        )
        yield aws
    finally:
        daemon.stop(folder)
