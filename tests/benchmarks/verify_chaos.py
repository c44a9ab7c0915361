"""Whether verify finds anything where nothing is wrong: seeded runs of ``generate --chaos``, each followed by it.

    python tests/benchmarks/verify_chaos.py [--runs 20] [--count 500]

Every run writes to the same pipeline, so that each verification also looks at all runs before it.
"""

from __future__ import annotations

import argparse
import sys

from stand import deployed

from salespipe.ledger import Ledgers
from salespipe.load.generate import generate
from salespipe.load.troubles import SHARES
from salespipe.query.crawl import crawl
from salespipe.trust.proof.weigh import weigh
from salespipe.trust.verify import Verification


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=20)
    options.add_argument("--count", type=int, default=500)
    asked = options.parse_args()
    failed = 0
    with deployed() as (aws, folder):
        ledgers = Ledgers(aws, folder)
        for seed in range(1, asked.runs + 1):
            written = generate(aws, rate=250.0, count=asked.count, seed=seed, chaos=SHARES, ledgers=ledgers)
            crawl(aws)
            kept = ledgers.of_table()
            report = Verification(aws, weigh(aws, kept[0]), kept).run()
            bad = report.findings.listed or report.partly
            failed += bool(bad)
            print(
                f"seed {seed}: {written.acknowledged:,} written, {report.orders:,} orders compared,"
                f" exit code {int(report.exit_code)}, {sum(report.findings.counts.values())} findings",
                flush=True,
            )
            for each in bad[:5]:
                print(f"  {each}")
    print(f"{asked.runs - failed} of {asked.runs} runs without a finding")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
