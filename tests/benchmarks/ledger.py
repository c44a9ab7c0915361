"""What the ledger costs: microseconds for each order, and its share of writing a batch.

    python tests/benchmarks/ledger.py [--orders 200000] [--in FOLDER]

Orders are made as ``generate`` makes them, with their fingerprints. A batch is 25 of them, recorded as the writer does
it: one ``write`` to a real file, synced once a second by a thread beside it. Rows of files get their fingerprints from
their requests.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path

from nothing import TABLE, nothing

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.ledger import Header, Ledger, read
from salespipe.ledger.fingerprint import of_item, of_request
from salespipe.load.batch_call import BatchWrite
from salespipe.load.batches import BATCH
from salespipe.load.generate import write_of
from salespipe.load.writer import Write
from salespipe.orders import Change, Kind, Shop, default_world


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the processor and of the clock."""
    began, since = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - began, time.perf_counter() - since


def send(made: list[list[Write]]) -> tuple[float, float]:
    """Send batches to a DynamoDB that does nothing."""
    with nothing() as endpoint:
        write = BatchWrite(Aws(Config(), endpoint=endpoint).client("dynamodb"), TABLE)

        def work() -> None:
            for batch in made:
                write([each.request for each in batch])

        return timed(work)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=200_000)
    options.add_argument("--in", dest="folder", type=Path, help="where the ledger is kept meanwhile")
    asked = options.parse_args()
    moments = count()
    shop = Shop(1, default_world(), lambda: 1.7e9 + next(moments) / 2000)
    changes: list[Change] = []
    writes: list[Write] = []
    making = timed(lambda: changes.extend(islice(shop, asked.orders)))
    requesting = timed(lambda: writes.extend([write_of(change, "orderid", 0.0) for change in changes]))
    made = [writes[start : start + BATCH] for start in range(0, asked.orders, BATCH)]
    header = Header(
        pipeline="bench",
        account="123456789012",
        region="us-east-1",
        endpoint="",
        table=TABLE,
        table_id="bench",
        partition_key="orderid",
        command="bench",
        started=0,
    )
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        path = Path(name) / "bench.ledger"

        def record() -> None:
            with Ledger(path, header) as ledger:
                for batch in made:
                    ledger.append(batch)

        fingerprints = timed(lambda: [of_item(change.item) for change in changes if change.kind is not Kind.DELETE])
        slower = timed(lambda: [of_request(write.request) for write in writes])
        recording = timed(record)
        reading = timed(lambda: sum(1 for _ in read(path)))
        sending = send(made)
        size = path.stat().st_size
    for what, (processor, clock) in (
        ("making orders", making),
        ("requests with their fingerprints", requesting),
        ("  of that, fingerprints", fingerprints),
        ("sending to a DynamoDB that does nothing", sending),
        ("recording", recording),
        ("fingerprints from requests instead", slower),
        ("reading the ledger", reading),
    ):
        each = 1e6 / asked.orders
        print(f"{what}: {each * processor:.2f} us an order on the processor, {each * clock:.2f} in all")
    batch = 1e6 / len(made)
    print(f"a batch of {BATCH}: {batch * recording[1]:.0f} us to record, {batch * sending[1]:.0f} us to send")
    ledger = fingerprints[0] + recording[0]
    share = ledger / (making[0] + requesting[0] + sending[0] + recording[0])
    print(
        f"{asked.orders:,} orders, {size / asked.orders:.1f} bytes each: the ledger takes"
        f" {1e6 * ledger / asked.orders:.2f} us an order, {share:.1%} of all"
    )


if __name__ == "__main__":
    main()
