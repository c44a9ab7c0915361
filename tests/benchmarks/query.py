"""What `salespipe query` adds to a query, and how quickly it reads a large result; against other ways to ask Athena.

    python tests/benchmarks/query.py [--rounds 7] [--rows 1000000] [--clients FOLDER]

Everything is a process of its own, on a local AWS of its own, and the ratios are of one run. FOLDER is a virtual
environment with `aws` and PyAthena (pip install 'salespipe[clients]'), by default the one that runs this.

- SELECT 1, whole process, the ways in turn: `aws athena` as its documentation tells (start, look every tenth of a
  second until it has ended, get the results), PyAthena as it is, and PyAthena looking every hundredth of a second.
- A large result to a file: paging GetQueryResults by 1,000 with boto3 into Python's csv, and `query results` as CSV and
  Parquet; seconds, and the most memory that the process held.

Exit code 1 when ours is slower than `aws athena` or PyAthena as it is, not ten times as quick as paging, or if it holds
300 MB.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import asked
from salespipe.aws import Aws
from salespipe.query import athena

LARGE = """
SELECT 'o-' || CAST(n AS varchar) AS orderid, 'customer, ' || CAST(n % 5000 AS varchar) AS customer,
  element_at(ARRAY['north', 'south', 'east', 'west'], CAST(n % 4 AS integer) + 1) AS region,
  CAST(n % 100 AS integer) AS quantity, CAST(n % 10000 AS decimal(18, 2)) / 100 AS amount,
  date_add('second', n, TIMESTAMP '2026-01-01 00:00:00.000') AS created_at
FROM (SELECT (x - 1) * 1000 + y AS n FROM UNNEST(sequence(1, {thousands})) AS a (x), UNNEST(sequence(1, 1000)) AS b (y))
"""

AWS_CLI = """
set -e
id=$("$AWS" athena start-query-execution --work-group "$GROUP" --query-string "SELECT 1" \
  --query QueryExecutionId --output text)
while :; do
  state=$("$AWS" athena get-query-execution --query-execution-id "$id" \
    --query QueryExecution.Status.State --output text)
  [ "$state" = SUCCEEDED ] && break
  sleep 0.1
done
"$AWS" athena get-query-results --query-execution-id "$id"
"""

PYATHENA = """
import os, sys
from pyathena import connect
options = {"poll_interval": float(sys.argv[1])} if len(sys.argv) > 1 else {}
with connect(work_group=os.environ["GROUP"], region_name="us-east-1", **options) as connection:
    print(connection.cursor().execute("SELECT 1").fetchall())
"""

PAGING = """
import csv, sys, boto3
client = boto3.client("athena")
with open(sys.argv[2], "w", newline="") as file:
    writer = csv.writer(file)
    for page in client.get_paginator("get_query_results").paginate(QueryExecutionId=sys.argv[1]):
        for row in page["ResultSet"]["Rows"]:
            writer.writerow([cell.get("VarCharValue") for cell in row["Data"]])
"""


def took(words: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of a process, and the most MB that it held."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode == 0, said.read().decode()
    return seconds, used.ru_maxrss / 1024


def overhead(rounds: int, clients: Path, environment: dict[str, str]) -> bool:
    """SELECT 1 in each way, in turn; whether ours is the quickest but for a PyAthena that asks all the time."""
    salespipe = [sys.executable, "-m", "salespipe.cli.main", "query", "SELECT 1"]
    ways = {"salespipe query": salespipe}
    if (clients / "aws").exists():
        ways["aws athena"] = ["/bin/bash", "-c", AWS_CLI]
    else:
        print(f"no aws in {clients}: not compared")
    python = str(clients / "python")
    if subprocess.run([python, "-c", "import pyathena"], capture_output=True, check=False).returncode == 0:
        ways["PyAthena"] = [python, "-c", PYATHENA]
        ways["PyAthena, every 0.01 s"] = [python, "-c", PYATHENA, "0.01"]
    else:
        print(f"no PyAthena in {clients}: not compared")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, words in ways.items():
            once, _ = took(words, environment)
            if number:  # the first round warms files and the server
                seconds[name].append(once)
    ours = statistics.median(seconds["salespipe query"])
    print(f'\n"SELECT 1", whole process, median of {rounds}:')
    for name, each in seconds.items():
        middle = statistics.median(each)
        print(f"  {name:24} {middle:6.2f} s   {middle / ours:5.2f} x   ({min(each):.2f} to {max(each):.2f})")
    return all(ours < statistics.median(seconds[name]) for name in ("aws athena", "PyAthena") if name in ways)


def large(aws: Aws, rows: int, folder: Path, environment: dict[str, str]) -> bool:
    """A large result to files; whether ours is ten times as quick as paging, within 300 MB."""
    query = athena.finish(aws, athena.start(aws, LARGE.format(thousands=rows // 1000))).id
    results = [sys.executable, "-m", "salespipe.cli.main", "query", "results", query, "-o"]
    ways = {
        "salespipe, CSV": [*results, str(folder / "out.csv")],
        "salespipe, Parquet": [*results, str(folder / "out.parquet")],
        "GetQueryResults by 1,000": [sys.executable, "-c", PAGING, query, str(folder / "paged.csv")],
    }
    found = {name: took(words, environment) for name, words in ways.items()}
    with (folder / "out.csv").open() as ours, (folder / "paged.csv").open(newline="") as paged:
        assert all(one == other.replace("\r\n", "\n") for one, other in zip(ours, paged, strict=True))
    paging, _ = found["GetQueryResults by 1,000"]
    print(f"\n{rows:,} rows to a file, whole process; both CSV files are the same:")
    for name, (seconds, memory) in found.items():
        print(f"  {name:24} {seconds:7.2f} s   paging takes {paging / seconds:6.1f} x   {memory:4.0f} MB at most")
    ours = [each for name, each in found.items() if name.startswith("salespipe")]
    return all(seconds * 10 <= paging and memory < 300 for seconds, memory in ours)


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", type=Path, default=Path(sys.prefix))
    options = parser.parse_args()
    clients = options.clients.absolute() / "bin"
    with tempfile.TemporaryDirectory() as name, asked.running(Path(name) / "home") as aws:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
        environment = kept | {
            "SALESPIPE_HOME": str(Path(name) / "home"),
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_DEFAULT_REGION": aws.region,
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS": str(clients / "aws"),
            "GROUP": aws.names.workgroup,
        }
        quick = overhead(options.rounds, clients, environment)
        streamed = large(aws, options.rows, Path(name), environment)
    sys.exit(0 if quick and streamed else 1)


if __name__ == "__main__":
    main()
