"""What the ledger costs: microseconds for each order, and its share of writing a batch.

    python tests/benchmarks/ledger.py [--orders 200000] [--in FOLDER]

Orders are made as ``generate`` makes them. A batch is 25 of them, recorded as the writer does it: fingerprints, one
``write`` to a real file, synced once a second by a thread beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from nothing import TABLE, nothing

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.ledger import Header, Ledger, read
from salespipe.ledger.blocks import pack
from salespipe.ledger.fingerprint import of_request
from salespipe.load.batch_call import BatchWrite
from salespipe.load.batches import BATCH
from salespipe.load.generate import write_of
from salespipe.load.writer import Write
from salespipe.orders import Shop, default_world


def batches(orders: int) -> tuple[list[list[Write]], float]:
    """Orders in batches, and the seconds that making them took."""
    moments = count()
    shop = Shop(1, default_world(), lambda: 1.7e9 + next(moments) / 2000)
    began = time.process_time()
    writes = [write_of(next(shop), "orderid", 0.0) for _ in range(orders)]
    seconds = time.process_time() - began
    return [writes[start : start + BATCH] for start in range(0, orders, BATCH)], seconds


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
    made, making = batches(asked.orders)
    orders = sum(map(len, made))
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

        fingerprints = timed(lambda: [of_request(write.request) for batch in made for write in batch])
        packing = timed(lambda: [pack(batch, 0) for batch in made])
        recording = timed(record)
        reading = timed(lambda: sum(1 for _ in read(path)))
        sending = send(made)
        size = path.stat().st_size
    for what, (processor, clock) in (
        ("making orders and their requests", (making, making)),
        ("sending them to a DynamoDB that does nothing", sending),
        ("recording them", recording),
        ("  of that, fingerprints", fingerprints),
        ("  of that, fingerprints and packing", packing),
        ("reading the ledger", reading),
    ):
        print(f"{what}: {1e6 * processor / orders:.2f} us an order on the processor, {1e6 * clock / orders:.2f} in all")
    print(
        f"a batch of {BATCH}: {1e6 * recording[1] / len(made):.0f} us to record,"
        f" {1e6 * sending[1] / len(made):.0f} us to send"
    )
    share = recording[0] / (recording[0] + sending[0] + making)
    print(
        f"{orders:,} orders, {size / orders:.1f} bytes each: the ledger is {share:.1%} of making, sending and recording"
    )


if __name__ == "__main__":
    main()
