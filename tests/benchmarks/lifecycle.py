"""Up and down beside the critical path of the graph, what an idle up asks, and the seconds of the local target.

    python tests/benchmarks/lifecycle.py [--runs 3] [--no-local]

The first part walks the real pipeline under moto with the times of a real account, on a clock that goes by only while
every thread waits: what is measured is the order of the work, and how late a poll finds something ready. The second
part runs whole processes, on a data folder of their own. Exit code 1 when up or down takes more than 1.1 times the
critical path at the middle of every range, or an up with nothing to do asks more than twice a resource.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from clock import Clock
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import down, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource
from weather import Weather
from wire import Wire

Seconds = tuple[float, float]

# What is typical of a real account, from provider tests and the documentation; nobody publishes more than ranges.
COMING: Mapping[str, Seconds] = {
    "s3 bucket": (1, 2),
    "iam role": (1, 1),
    "dynamodb table": (5, 15),
    "kinesis stream": (15, 40),
    "lambda function": (2, 10),
    "firehose stream": (30, 120),
    "eventbridge pipe": (30, 120),
}
GOING: Mapping[str, Seconds] = {
    "eventbridge pipe": (10, 60),
    "firehose stream": (30, 600),
    "kinesis stream": (10, 60),
    "dynamodb table": (5, 30),
    "athena workgroup": (1, 1),
}
# Until a service that is handed a new role can assume it: most within 48 s, providers wait for two minutes.
PROPAGATION: Seconds = (0, 60)
ASSUMING = {
    "lambda function": ("lambda", "CreateFunction", "InvalidParameterValueException", "cannot be assumed by Lambda"),
    "firehose stream": (
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        "Firehose is unable to assume role",
    ),
    "glue crawler": ("glue", "CreateCrawler", "InvalidInputException", "Service is unable to assume provided role"),
    "eventbridge pipe": ("pipes", "CreatePipe", "ValidationException", "The role cannot be assumed"),
}
# Every call, and so whatever is not in the tables: about what a control plane takes to answer. Assumed.
CALL = 0.1
STATES = {
    "dynamodb table": "dynamodb",
    "kinesis stream": "kinesis",
    "lambda function": "lambda",
    "firehose stream": "firehose",
    "eventbridge pipe": "pipes",
}
AT_ONCE = [
    ("s3 bucket", "s3", "CreateBucket", COMING),
    ("iam role", "iam", "CreateRole", COMING),
    ("athena workgroup", "athena", "DeleteWorkGroup", GOING),
]
LIMIT = 1.1


def at(share: float, seconds: Seconds) -> float:
    """A point of a range: 0 its begin, 1 its end."""
    return seconds[0] + share * (seconds[1] - seconds[0])


def weigh(times: Mapping[str, Seconds], share: float) -> Callable[[Resource], float]:
    return lambda resource: at(share, times[resource.kind]) if resource.kind in times else CALL


def critical_path(
    resources: Sequence[Resource], weight: Callable[[Resource], float], share: float
) -> tuple[float, list[str]]:
    """The longest way through the graph, and over what. A role that is needed is known to its service only later."""

    @cache
    def until(resource: Resource) -> tuple[float, tuple[str, ...]]:
        before = [
            (seconds + (at(share, PROPAGATION) if need.kind == "iam role" and resource.kind in ASSUMING else 0), way)
            for need in resource.needs
            for seconds, way in [until(need)]
        ]
        seconds, way = max(before, default=(0.0, ()))
        return seconds + weight(resource), (*way, resource.kind)

    seconds, way = max(until(resource) for resource in resources)
    return seconds, list(way)


@contextmanager
def account() -> Iterator[tuple[Aws, Weather]]:
    """An account under moto on a clock of its own."""
    from moto import mock_aws

    with pytest.MonkeyPatch.context() as patch, mock_aws():
        wire, clock = Wire(), Clock()
        wire.install(patch)
        clock.watch(patch)
        weather = Weather(wire, clock)
        weather.calm_botocore(patch)
        yield replace(Aws(Config(target="aws")), clock=clock, sleep=clock.sleep), weather


def settle_in(weather: Weather, share: float) -> None:
    """The times of a real account, all at the same point of their ranges."""
    weather.takes(CALL)
    for kind, service, operation, times in AT_ONCE:
        weather.takes(at(share, times[kind]) - CALL, service, operation)
    for kind, service in STATES.items():
        going = at(share, GOING[kind]) if kind in GOING else 0
        weather.slow(service, coming=at(share, COMING[kind]), going=going)
    for wording in ASSUMING.values():
        weather.young_roles(*wording, seconds=at(share, PROPAGATION))


def timed(aws: Aws, run: Callable[[], object]) -> float:
    began = aws.clock()
    run()
    return aws.clock() - began


def walks() -> bool:
    """Print both walks at three points of the ranges; returns whether they keep the limit at the middle."""
    kept = True
    for share, where in ((0.0, "shortest"), (0.5, "midpoints"), (1.0, "longest")):
        with account() as (aws, weather):
            settle_in(weather, share)
            resources = pipeline(aws)
            for name, run, times in (("up", up, COMING), ("down", down, GOING)):
                weight = weigh(times, share)
                path, way = critical_path(resources, weight, share if name == "up" else 0.0)
                total = sum(map(weight, resources))
                seconds = timed(aws, lambda run=run, resources=resources: list(run(aws, resources)))  # type: ignore[misc]
                ratio = seconds / path
                kept = kept and (where != "midpoints" or ratio <= LIMIT)
                print(
                    f"{name:<5} {where:<10} critical path {path:6.1f} s, measured {seconds:6.1f} s, ratio {ratio:.3f};"
                    f" one after another {total:6.1f} s"
                )
                if where == "midpoints":
                    order = way if name == "up" else way[::-1]
                    print(f"      over {' > '.join(order)}")
    return kept


def idle_calls() -> bool:
    """Print what an up with nothing to do asks; returns whether it is at most two calls a resource."""
    with account() as (aws, weather):
        resources = pipeline(aws)
        list(up(aws, resources))
        weather.clear()
        list(up(aws, resources))
        calls = len(weather.calls)
    print(f"up with nothing to do: {calls} calls for {len(resources)} resources, {calls / len(resources):.2f} each")
    return calls <= 2 * len(resources)


def wall(arguments: list[str], environment: Mapping[str, str]) -> float:
    """Seconds of a whole process, which has to succeed."""
    began = time.perf_counter()
    subprocess.run(arguments, env=dict(environment), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def processes(runs: int) -> None:
    """Print the seconds of the commands on the local target, each with its ratio to starting Python with boto3."""
    salespipe = [str(Path(sys.executable).with_name("salespipe"))]
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"SALESPIPE_HOME": home, "SALESPIPE_TARGET": "local"}
        commands = {
            "up, the server running": [*salespipe, "up"],
            "up with nothing to do": [*salespipe, "up"],
            "down": [*salespipe, "down", "--yes"],
        }
        spent: dict[str, list[float]] = {name: [] for name in commands}
        baseline = statistics.median(wall([sys.executable, "-c", "import boto3"], environment) for _ in range(5))
        print(f"baseline, python -c 'import boto3': {baseline:.2f} s")
        cold = []
        try:
            for number in range(runs):
                cold.append(wall([*salespipe, "up"], environment))
                wall(commands["down"], environment)
                for name, command in commands.items():
                    spent[name].append(wall(command, environment))
                if number + 1 < runs:
                    wall([*salespipe, "local", "stop"], environment)
        finally:
            subprocess.run([*salespipe, "local", "stop"], env=environment, check=False, capture_output=True)
    for name, seconds in {"up, starting the server": cold, **spent}.items():
        middle = statistics.median(seconds)
        print(f"{name}: median {middle:.2f} s of {runs}, longest {max(seconds):.2f} s, ratio {middle / baseline:.1f}")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=3, help="processes of each kind")
    options.add_argument("--no-local", action="store_true", help="leave out the whole processes")
    asked = options.parse_args()
    kept = all([walks(), idle_calls()])
    if not asked.no_local:
        processes(asked.runs)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
