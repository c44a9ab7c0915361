"""MiniStack, an AWS that others wrote: how it is started, and what it is known not to do."""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# The version that the gaps below were seen in. It pins a botocore, so it lives in a virtual environment of its own.
VERSION: Final = "1.5.33"
PROGRAM: Final = shutil.which(os.environ.get("MINISTACK", "ministack"))
_START_SECONDS: Final = 30.0

Fill = Callable[[Any], None]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """MiniStack in a process of its own on the loopback interface; its endpoint. It keeps its files in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    log = folder / "ministack.log"
    with (
        log.open("wb") as out,
        subprocess.Popen([str(PROGRAM)], env=environment, cwd=folder, stdout=out, stderr=out) as server,
    ):
        try:
            _await(f"{endpoint}/_ministack/ready", server, log)
            yield endpoint
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - loopback
            assert answer.status == 200
            return
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"MiniStack does not answer:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Gap:
    """Something that AWS does and MiniStack does not.

    ``shows`` is what a resource of ``kind`` looks like because of it: the states and drifted fields that it has where
    it should be READY, or "code: when" of an error. ``fill`` makes good for it on a client of ``service``.
    """

    kind: str
    service: str
    shows: frozenset[str]
    ministack: str
    aws: str
    fill: Fill


def _tag_stream(kinesis: Any) -> None:
    _afterwards(
        kinesis,
        "kinesis.CreateStream",
        lambda asked, _: kinesis.add_tags_to_stream(StreamName=asked["StreamName"], Tags=asked["Tags"]),
    )


def _tag_crawler(glue: Any) -> None:
    def arn(role: str, name: str) -> str:
        return f"arn:aws:glue:{glue.meta.region_name}:{role.split(':')[4]}:crawler/{name}"

    _afterwards(
        glue,
        "glue.CreateCrawler",
        lambda asked, _: glue.tag_resource(ResourceArn=arn(asked["Role"], asked["Name"]), TagsToAdd=asked["Tags"]),
    )


# By the pipe's ARN. A process of the command line has clients of its own, and MiniStack would still know.
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {}


def _keep_parameters(pipes: Any) -> None:
    """DescribePipe answers with the parameters that CreatePipe or UpdatePipe gave last."""

    def keep(asked: dict[str, Any], answered: dict[str, Any]) -> None:
        named = ("SourceParameters", "TargetParameters")
        _PARAMETERS[answered["Arn"]] = {name: copy.deepcopy(asked[name]) for name in named if name in asked}

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(copy.deepcopy(_PARAMETERS.get(parsed.get("Arn", ""), {})))

    _afterwards(pipes, "pipes.CreatePipe", keep)
    _afterwards(pipes, "pipes.UpdatePipe", keep)
    pipes.meta.events.register("after-call.pipes.DescribePipe", answer)


def _afterwards(client: Any, operation: str, do: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Once an operation was accepted, ``do`` something with what was asked and what was answered."""

    def remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = dict(params)

    def go_on(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if http_response.status_code == 200:
            do(context["asked"], parsed)

    client.meta.events.register(f"before-parameter-build.{operation}", remember)
    client.meta.events.register(f"after-call.{operation}", go_on)


def _say_it_as_athena_does(athena: Any) -> None:
    def reword(parsed: dict[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        if error.get("Code") == "InvalidRequestException" and error["Message"].startswith("WorkGroup "):
            error["Message"] = error["Message"].replace(" not found", " is not found.")

    for operation in ("GetWorkGroup", "DeleteWorkGroup", "ListQueryExecutions"):
        athena.meta.events.register(f"after-call.athena.{operation}", reword)


GAPS: Final = (
    Gap(
        kind="kinesis stream",
        service="kinesis",
        shows=frozenset({"foreign"}),
        ministack="CreateStream drops Tags",
        aws="puts them on the stream: service model, kinesis CreateStreamInput.Tags",
        fill=_tag_stream,
    ),
    Gap(
        kind="glue crawler",
        service="glue",
        shows=frozenset({"foreign"}),
        ministack="CreateCrawler drops Tags",
        aws="puts them on the crawler: service model, glue CreateCrawlerRequest.Tags",
        fill=_tag_crawler,
    ),
    Gap(
        kind="eventbridge pipe",
        service="pipes",
        shows=frozenset(
            {
                "drifted",
                "DynamoDBStreamParameters.BatchSize",
                "DynamoDBStreamParameters.DeadLetterConfig.Arn",
                "DynamoDBStreamParameters.MaximumBatchingWindowInSeconds",
                "DynamoDBStreamParameters.MaximumRecordAgeInSeconds",
                "DynamoDBStreamParameters.MaximumRetryAttempts",
                "DynamoDBStreamParameters.OnPartialBatchItemFailure",
                "TargetParameters.KinesisStreamParameters.PartitionKey",
            }
        ),
        ministack="keeps neither SourceParameters nor TargetParameters, and delivers to SNS and Step Functions only",
        aws="DescribePipe answers with both: service model, pipes DescribePipeResponse",
        fill=_keep_parameters,
    ),
    Gap(
        kind="athena workgroup",
        service="athena",
        shows=frozenset({"InvalidRequestException: before", "InvalidRequestException: deleted"}),
        ministack="GetWorkGroup says 'WorkGroup NAME not found'",
        aws="says 'WorkGroup NAME is not found.', which is all that tells this refusal from another: Athena has one"
        " error code for everything (docs.aws.amazon.com/athena/latest/APIReference/API_InvalidRequestException.html)",
        fill=_say_it_as_athena_does,
    ),
)


@dataclass(frozen=True)
class Missing:
    """An operation that MiniStack has never heard of; ``code`` is what it answers, and ``without`` what follows."""

    service: str
    operation: str
    arguments: dict[str, Any]
    without: str
    code: str = "InvalidAction"


MISSING: Final = (
    Missing(
        "kinesis",
        "update_stream_mode",
        {
            "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/orders",
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        },
        "a stream cannot change between ON_DEMAND and PROVISIONED",
    ),
    Missing(
        "athena",
        "update_named_query",
        {"NamedQueryId": "1", "Name": "sold", "QueryString": "SELECT 1"},
        "an insight's named query cannot be brought up to date",
    ),
    Missing("kinesis", "describe_limits", {}, "doctor warns that it could not check the quota"),
    Missing("lakeformation", "get_data_lake_settings", {}, "doctor warns that it could not check the mode", "400"),
)


def fill_gaps(service: str, client: Any) -> Any:
    """The same client with every gap of ``service`` filled."""
    for gap in GAPS:
        if gap.service == service:
            gap.fill(client)
    return client
