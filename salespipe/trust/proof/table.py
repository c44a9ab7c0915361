"""Reading the table: every order as it now is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from salespipe.trust.proof import content
from salespipe.trust.proof.answers import Scanned, ask
from salespipe.trust.proof.spool import Spool

if TYPE_CHECKING:
    from salespipe.aws import Aws

HOP: Final = "table"


def spool(aws: Aws, spool: Spool, progress: Callable[[str], None] = lambda _: None) -> int:
    """Put every item into the spool; how many there are. Raises ``ClientError``.

    Columns: order id, the content's own fingerprint, the plain one. Reads are eventually consistent, which is half the
    price: what was written before the pipeline fell quiet has long been there.
    """
    writer = spool.writer(HOP)
    client, key = aws.client("dynamodb"), aws.config.table.partition_key
    asked: dict[str, object] = {"TableName": aws.names.table}
    while True:
        answer = ask(client, "scan", Scanned, **asked)
        for item in answer.items:
            held = content.of_item(item)
            writer.add(str(item[key]["S"]), (held.own, held.plain))
        progress(f"{writer.count:,} orders")
        if answer.last_evaluated_key is None:
            break
        asked["ExclusiveStartKey"] = answer.last_evaluated_key
    writer.close()
    return writer.count
