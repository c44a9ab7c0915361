"""How large an order is at each hop, and the services' rounding rules.

The sizes are the averages over 20,000 changes of ``salespipe generate`` with its default mix, in bytes. tests/cost
measures them again with the project's own code. Orders of a user's own table may be larger: the estimate is for these.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

KB: Final = 1024
MB: Final = 1024**2
GB: Final = 1024**3
TB: Final = 1024**4
MILLION: Final = 1_000_000

# An item, by DynamoDB's own counting.
ITEM_BYTES: Final = 300
# Its change as the pipe sends it to Kinesis: the whole event of the table's stream as compact JSON.
EVENT_BYTES: Final = 890
# Its line in the lake, compressed with several hundred others in an object.
GZIPPED_LINE_BYTES: Final = 60
# Of all changes, those that add an item to the table: inserts without deletes.
NEW_ITEMS: Final = Decimal("0.45")

# The transform on one whole processor: 18 microseconds a record were measured on a laptop, and Lambda's arm64
# processors are slower. A function has a processor for each 1,769 MB (Lambda developer guide, "Configure memory").
TRANSFORM_SECONDS_A_RECORD: Final = Decimal("0.00003")
TRANSFORM_SECONDS_AN_INVOCATION: Final = Decimal("0.002")
MEMORY_MB_OF_A_PROCESSOR: Final = 1769
# START, END and REPORT, which Lambda logs for every invocation.
LOG_BYTES_AN_INVOCATION: Final = 400

# An on-demand stream begins with 4 shards (Kinesis developer guide, "Quotas and limits"); Firehose buffers, and invokes
# the transform, for each shard on its own.
ON_DEMAND_SHARDS: Final = 4
SHARD_RECORDS_A_SECOND: Final = 1000
SHARD_BYTES_A_SECOND: Final = MB
# A pipe asks each shard of the table's stream so often (EventBridge user guide, "DynamoDB stream as a source").
PIPE_POLLS_A_SECOND: Final = 4
# Below this interval Firehose uploads an object in parts (Firehose developer guide, "Buffering hints"): it is begun,
# sent and completed, each a request.
WHOLE_OBJECT_SECONDS: Final = 60
REQUESTS_OF_A_MULTIPART_OBJECT: Final = 3
# A crawler run is charged for at least 10 minutes, of 2 DPUs as far as is known.
CRAWL_DPU_HOURS: Final = Decimal(2) / 6
HOURS_A_MONTH: Final = 730
HOURS_A_WEEK: Final = 168


def units(size: Decimal | int, unit: int) -> int:
    """How many whole units a size is charged as: at least one."""
    return max(1, math.ceil(Decimal(size) / unit))
