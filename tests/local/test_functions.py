"""Lambda: what a client sees of its own functions, run from the zip that it deployed."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from moto_clients import Clients
from salespipe.local.api import Answer, AwsError, Call, Cloud
from salespipe.local.functions.catalog import deployed_code
from salespipe.local.functions.service import Invocation, Lambda
from salespipe.local.record_log import RecordLog
from salespipe.local.server import LocalAws
from salespipe.local.store import Store

REGION = "eu-west-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def clients() -> Clients:
    """boto3 clients take longer to make than most tests here to run."""
    return Clients()


@pytest.fixture
def cloud(tmp_path: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # a thousand policies, for each test anew
    store = Store(tmp_path / "state")
    with mock_aws():
        yield Cloud(
            store=store,
            log=RecordLog(store, time.time),
            client=clients,
            endpoint="http://127.0.0.1:9",
            account=ACCOUNT,
            clock=time.time,
        )
    store.close()


@pytest.fixture
def service(cloud: Cloud) -> Iterator[Lambda]:
    service = Lambda(cloud, retry_delays=(0.01, 0.01))
    service.start()
    yield service
    service.stop()


def package(source: str, name: str = "app.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, source)
    return buffer.getvalue()


@pytest.fixture
def deploy(cloud: Cloud, service: Lambda) -> Callable[..., str]:
    role = cloud.client("iam", REGION).create_role(RoleName="runs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def make(source: str, **settings: Any) -> str:
        wanted = {"FunctionName": "f", "Runtime": "python3.13", "Handler": "app.handler", "Role": role, **settings}
        wanted.setdefault("Timeout", 30)
        answer = cloud.client("lambda", REGION).create_function(Code={"ZipFile": package(source)}, **wanted)
        told(service, "CreateFunction", "/2015-03-31/functions", wanted, {"FunctionName": wanted["FunctionName"]})
        return str(answer["FunctionArn"])

    return make


def told(service: Lambda, operation: str, path: str, body: Any, answer: Any) -> None:
    """What the gateway says to the service after moto answered."""
    sent = {key: value for key, value in body.items() if key != "Code"}
    call = Call("lambda", operation, REGION, ACCOUNT, "POST", path, body=json.dumps(sent).encode())
    service.observe(call, Answer(200, json.dumps(answer).encode()))


def run(service: Lambda, event: Any = None, function: str = "f", **named: Any) -> tuple[Any, Invocation]:
    done = service.invoke(function, b"" if event is None else json.dumps(event).encode(), region=REGION, **named)
    return json.loads(done.payload), done


def eventually(check: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
    return found


EXIT = "Runtime.ExitError"
ENDED = "Runtime exited with error"
SLEEP = "import time\ndef handler(e, c): time.sleep(60)"
ECHO = """
import os
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("called with", event)
    return {"event": event, "calls": calls, "pid": os.getpid(), "name": context.function_name,
            "left": context.get_remaining_time_in_millis(), "id": context.aws_request_id,
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb}
"""


def test_runs_the_deployed_code_in_a_warm_process_of_its_own(service: Lambda, deploy: Callable[..., str]) -> None:
    arn = deploy(ECHO, MemorySize=256)
    first, done = run(service, {"order": 1})
    second, _ = run(service, None, arn)
    assert first["event"] == {"order": 1}
    assert second["event"] == {}
    again, _ = run(service)
    assert (first["calls"], second["calls"], again["calls"]) == (1, 2, 3)
    assert again["pid"] == first["pid"] != os.getpid()
    assert (first["name"], first["arn"], first["memory"]) == ("f", arn, "256")
    assert 0 < first["left"] <= 30_000
    assert first["id"] != again["id"]
    assert (done.function_error, done.executed_version) == ("", "$LATEST")


def test_the_environment_is_the_functions_own(
    service: Lambda, deploy: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(
        "import os, sys\ndef handler(event, context): return [dict(os.environ), sys.path, os.getcwd()]",
        Environment={"Variables": {"TABLE_NAME": "Orders"}},
    )
    service._catalog.deployment("f", REGION)  # asked before the process below would find the user's settings too
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the user's")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    (found, path, folder), _ = run(service)
    assert found["TABLE_NAME"] == "Orders"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == REGION
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert found["AWS_ACCESS_KEY_ID"] == "local"
    assert found["LAMBDA_TASK_ROOT"] == folder == path[0]
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert {"AWS_PROFILE", "HTTPS_PROXY"}.isdisjoint(found)
    assert not [entry for entry in path if entry.endswith("salespipe/local")]


@pytest.mark.parametrize(
    ("source", "settings", "expected"),
    [
        ("def handler(e, c): raise ValueError('no such order')", {}, "ValueError: no such order"),
        ("import nowhere_at_all", {}, "Runtime.ImportModuleError: Unable to import module 'app': No module named"),
        ("def other(e, c): pass", {}, "Runtime.HandlerNotFound: Handler 'handler' missing on module 'app'"),
        ("def handler(e, c) pass", {}, "Runtime.UserCodeSyntaxError: Syntax error in module 'app': "),
        ("limit = {}['LIMIT']", {}, "KeyError: 'LIMIT'"),
        ("pass", {"Handler": "app"}, "Runtime.MalformedHandlerName: Bad handler 'app': "),
        ("def handler(e, c): return {1, 2}", {}, "Runtime.MarshalError: Unable to marshal response: "),
        ("import os\ndef handler(e, c): os._exit(3)", {}, f"{EXIT}: RequestId: ID Error: {ENDED}: exit status 3"),
        ("import sys\nsys.exit(4)", {}, f"{EXIT}: RequestId: ID Error: {ENDED}: exit status 4"),
        ("def handler(e, c): return bytearray(10**9)", {}, f"{EXIT}: RequestId: ID Error: {ENDED}: signal: killed"),
        ("def handler(e, c): return 'x' * 7_000_000", {"MemorySize": 512}, "Function.ResponseSizeTooLarge: "),
        (SLEEP, {"Timeout": 1}, "Sandbox.Timedout: RequestId: ID Error: Task timed out after 1.00 seconds"),
    ],
)
def test_what_a_function_does_wrong_is_its_answer(
    service: Lambda, deploy: Callable[..., str], source: str, settings: dict[str, Any], expected: str
) -> None:
    deploy(source, **settings)
    found, done = run(service)
    assert done.function_error == "Unhandled"
    message = re.sub("RequestId: [0-9a-f-]{36}", "RequestId: ID", found["errorMessage"])
    assert f"{found['errorType']}: {message}".startswith(expected)


def test_an_exception_tells_where_it_happened(service: Lambda, deploy: Callable[..., str]) -> None:
    deploy("def handler(event, context):\n    return deeper()\ndef deeper():\n    return 1 / 0\n")
    found, done = run(service)
    assert [re.findall(r"line \d+, in \w+", line) for line in found["stackTrace"]] == [
        ["line 2, in handler"],
        ["line 4, in deeper"],
    ]
    assert "return deeper()" in found["stackTrace"][0]
    assert found["requestId"] in done.log_tail
    assert "[ERROR] ZeroDivisionError: division by zero\nTraceback" in done.log_tail


def test_a_process_that_died_or_timed_out_is_replaced(service: Lambda, deploy: Callable[..., str]) -> None:
    deploy("import os, time\ndef handler(e, c):\n    if e: time.sleep(60)\n    return os.getpid()", Timeout=1)
    first, _ = run(service)
    _, late = run(service, 1)
    second, done = run(service)
    assert late.function_error == "Unhandled"
    assert (second != first, done.function_error) == (True, "")
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_updates_of_code_and_configuration_are_picked_up(
    cloud: Cloud, service: Lambda, deploy: Callable[..., str]
) -> None:
    deploy("import os\ndef handler(e, c): return os.environ.get('MODE', 'first')")
    client = cloud.client("lambda", REGION)
    assert run(service)[0] == "first"
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {"MODE": "second"}})
    told(service, "UpdateFunctionConfiguration", "/2015-03-31/functions/f/configuration", {}, {})
    assert run(service)[0] == "second"
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(e, c): return 'third'"))
    told(service, "UpdateFunctionCode", "/2015-03-31/functions/f/code", {}, {})
    assert run(service)[0] == "third"
    client.delete_function(FunctionName="f")
    told(service, "DeleteFunction", "/2015-03-31/functions/f", {}, {})
    with pytest.raises(AwsError, match=f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:f") as raised:
        run(service)
    assert (raised.value.code, raised.value.status) == ("ResourceNotFoundException", 404)


def test_a_published_version_keeps_running_what_was_published(
    cloud: Cloud, service: Lambda, deploy: Callable[..., str]
) -> None:
    deploy("def handler(e, c): return ['old', c.function_version]")
    client = cloud.client("lambda", REGION)
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(e, c): return ['new', 0]"))
    told(service, "UpdateFunctionCode", "/2015-03-31/functions/f/code", {}, {})
    assert run(service)[0] == ["new", 0]
    found, done = run(service, qualifier="live")
    assert (found, done.executed_version) == (["old", "1"], "1")
    assert run(service, function="f:1")[0] == ["old", "1"]


def test_what_is_printed_is_in_the_log(cloud: Cloud, service: Lambda, deploy: Callable[..., str]) -> None:
    deploy(
        "import logging, sys\n"
        "def handler(e, c):\n"
        "    print('one'); print('two', file=sys.stderr); logging.warning('three\\nfour')\n"
    )
    _, done = run(service)
    run(service)
    service.flush_logs()
    logs = cloud.client("logs", REGION)
    [stream] = logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    found = logs.get_log_events(logGroupName="/aws/lambda/f", logStreamName=stream["logStreamName"])["events"]
    messages = [event["message"] for event in found]
    assert messages[0].startswith("START RequestId: ")
    assert messages[0].endswith(" Version: $LATEST")
    assert messages[1:3] == ["one", "two"]
    assert messages[3].startswith("[WARNING]\t")
    assert messages[3].endswith("three\nfour")
    assert messages[4].startswith("END RequestId: ")
    assert messages[5].startswith("REPORT RequestId: ")
    assert "Init Duration" in messages[5]
    [used] = re.findall(r"Max Memory Used: (\d+) MB", messages[5])
    assert 1 <= int(used) < 64  # its own, not that of the process it was started from
    assert len(messages) == 12
    assert "Init Duration" not in messages[11]
    assert done.log_tail.startswith(messages[0])


def test_the_logging_config_names_group_and_format(cloud: Cloud, service: Lambda, deploy: Callable[..., str]) -> None:
    deploy("def handler(e, c): 1 / 0", LoggingConfig={"LogFormat": "JSON", "LogGroup": "/shop"})
    run(service)
    service.flush_logs()
    logs = cloud.client("logs", REGION)
    found = logs.filter_log_events(logGroupName="/shop")["events"]
    entries = [json.loads(event["message"]) for event in found]
    assert [entry.get("type") for entry in entries] == ["platform.start", None, "platform.report"]
    assert entries[1]["errorType"] == "ZeroDivisionError"
    assert entries[2]["record"]["status"] == "error"


def test_a_log_group_that_was_deleted_is_made_again(cloud: Cloud, service: Lambda, deploy: Callable[..., str]) -> None:
    deploy(ECHO)
    run(service)
    service.flush_logs()
    logs = cloud.client("logs", REGION)
    logs.delete_log_group(logGroupName="/aws/lambda/f")
    run(service)
    service.flush_logs()
    assert len(logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]) == 4


def test_once_a_function_is_deleted_its_log_group_can_be(
    cloud: Cloud, service: Lambda, deploy: Callable[..., str]
) -> None:
    deploy(ECHO)
    run(service)
    told(service, "DeleteFunction", "/2015-03-31/functions/f", {}, {})
    logs = cloud.client("logs", REGION)
    assert len(logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]) == 4
    logs.delete_log_group(logGroupName="/aws/lambda/f")
    service.flush_logs()
    assert logs.describe_log_groups()["logGroups"] == []


def invoke_call(function: str, body: bytes = b"", query: str = "", **headers: str) -> Call:
    sent = {f"x-amz-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Call(
        "lambda", "Invoke", REGION, ACCOUNT, "POST", f"/2015-03-31/functions/{function}/invocations", query, sent, body
    )


def test_the_api_answers_as_the_service_model_says(service: Lambda, deploy: Callable[..., str]) -> None:
    arn = deploy("def handler(e, c):\n    print('seen')\n    return 1 / e")
    invoke = service.handlers["Invoke"]
    answer = invoke(invoke_call(arn.replace(":", "%3A"), b"2", log_type="Tail"))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["X-Amz-Executed-Version"]) == (200, b"0.5", "$LATEST")
    assert "seen" in base64.b64decode(answer.headers["X-Amz-Log-Result"]).decode()
    failed = invoke(invoke_call("f", b"0", "Qualifier=%24LATEST"))
    assert isinstance(failed, Answer)
    assert (failed.status, failed.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert "X-Amz-Log-Result" not in failed.headers
    assert invoke(invoke_call("f", invocation_type="DryRun")) == Answer(204)


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (invoke_call("nope"), ("ResourceNotFoundException", 404)),
        (invoke_call("nope", invocation_type="Event"), ("ResourceNotFoundException", 404)),
        (invoke_call("f", b"{"), ("InvalidRequestContentException", 400)),
        (invoke_call("f", b"1" * 6_291_457), ("RequestTooLargeException", 413)),
        (invoke_call("f", b"1" * 1_048_577, invocation_type="Event"), ("RequestTooLargeException", 413)),
        (invoke_call("f", query="Qualifier=9"), ("ResourceNotFoundException", 404)),
        (invoke_call("node"), ("InvalidRuntimeException", 502)),
        (invoke_call("off"), ("TooManyRequestsException", 429)),
    ],
)
def test_what_cannot_be_invoked_is_refused(
    cloud: Cloud, service: Lambda, deploy: Callable[..., str], call: Call, refusal: tuple[str, int]
) -> None:
    deploy(ECHO)
    deploy(ECHO, FunctionName="node", Runtime="nodejs22.x")
    deploy(ECHO, FunctionName="off")
    cloud.client("lambda", REGION).put_function_concurrency(FunctionName="off", ReservedConcurrentExecutions=0)
    with pytest.raises(AwsError) as raised:
        service.handlers["Invoke"](call)
    assert (raised.value.code, raised.value.status) == refusal


NOTE = """
import pathlib
def handler(event, context):
    path = pathlib.Path(event["path"])
    with path.open("a") as file:
        file.write("x")
    if path.stat().st_size < event["succeeds_at"]:
        raise RuntimeError("not yet")
"""


def waiting(cloud: Cloud) -> int:
    return int(cloud.store.read().execute("SELECT count(*) FROM lambda_events").fetchone()[0])


@pytest.mark.parametrize(("succeeds_at", "retries", "runs"), [(1, None, 1), (2, None, 2), (9, None, 3), (9, 0, 1)])
def test_events_are_retried_as_configured(
    request: pytest.FixtureRequest, tmp_path: Path, succeeds_at: int, retries: int | None, runs: int
) -> None:
    cloud, service = request.getfixturevalue("cloud"), request.getfixturevalue("service")
    deploy = request.getfixturevalue("deploy")
    deploy(NOTE)
    if retries is not None:
        cloud.client("lambda", REGION).put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=retries)
    event = json.dumps({"path": str(tmp_path / "note"), "succeeds_at": succeeds_at}).encode()
    assert service.handlers["Invoke"](invoke_call("f", event, invocation_type="Event")) == Answer(202)
    eventually(lambda: not waiting(cloud))
    assert (tmp_path / "note").stat().st_size == runs


def test_an_accepted_event_outlives_a_restart(cloud: Cloud, deploy: Callable[..., str], tmp_path: Path) -> None:
    deploy(NOTE)
    stopped = Lambda(cloud)
    stopped.stop()
    event = json.dumps({"path": str(tmp_path / "note"), "succeeds_at": 1}).encode()
    stopped.invoke_async("f", event, region=REGION)
    assert waiting(cloud) == 1
    restarted = Lambda(cloud)
    restarted.start()
    eventually(lambda: not waiting(cloud))
    restarted.stop()
    assert (tmp_path / "note").stat().st_size == 1


def test_concurrent_events_share_two_processes(service: Lambda, deploy: Callable[..., str]) -> None:
    deploy("import os, time\ndef handler(e, c):\n    time.sleep(0.1)\n    return [e, os.getpid()]")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda n=n: found.append(run(service, n)[0])) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event for event, _ in found) == list(range(6))
    assert len({pid for _, pid in found}) == 2


def test_stop_ends_what_runs(cloud: Cloud, deploy: Callable[..., str], tmp_path: Path) -> None:
    deploy("import os, time, pathlib\ndef handler(e, c): pathlib.Path(e).write_text(str(os.getpid())), time.sleep(60)")
    service = Lambda(cloud)
    service.start()
    note = tmp_path / "pid"
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run(service, str(note))[0]))
    thread.start()
    pid = int(eventually(lambda: note.exists() and note.read_text()))
    service.stop()
    thread.join(timeout=20)
    assert "signal: killed" in found[0]["errorMessage"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not (cloud.store.folder / "functions").exists()


def test_output_without_end_neither_blocks_nor_fills_memory(service: Lambda, deploy: Callable[..., str]) -> None:
    deploy("print('i' * 200_000)\ndef handler(e, c):\n    for _ in range(200): print('x' * 100_000)\n    return 'done'")
    found, done = run(service)
    assert found == "done"
    assert len(done.log_tail) == 4096


def test_moto_keeps_the_code_where_it_is_read(cloud: Cloud, service: Lambda, deploy: Callable[..., str]) -> None:
    deploy(ECHO)
    deployment = service._catalog.deployment("f", REGION)
    assert deployed_code(ACCOUNT, deployment) == package(ECHO)
    told(service, "DeleteFunction", "/2015-03-31/functions/f", {}, {})


def test_a_function_reaches_the_aws_that_runs_it(aws_inside: LocalAws) -> None:
    s3, client = aws_inside.clients("s3", REGION), aws_inside.clients("lambda", REGION)
    s3.create_bucket(Bucket="notes", CreateBucketConfiguration={"LocationConstraint": REGION})
    role = aws_inside.clients("iam", REGION).create_role(RoleName="runs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    source = "import boto3\ndef handler(e, c): boto3.client('s3').put_object(Bucket='notes', Key='a', Body=e.encode())"
    settings = {"Runtime": "python3.13", "Handler": "app.handler", "Role": role, "Timeout": 60, "MemorySize": 256}
    client.create_function(FunctionName="writes", Code={"ZipFile": package(source)}, **settings)
    answer = client.invoke(FunctionName="writes", Payload='"hello"')
    assert (answer["StatusCode"], answer["Payload"].read()) == (200, b"null")
    assert s3.get_object(Bucket="notes", Key="a")["Body"].read() == b"hello"
    client.update_function_code(FunctionName="writes", ZipFile=package("def handler(e, c): return c.log_group_name"))
    client.update_function_configuration(FunctionName="writes", LoggingConfig={"LogGroup": "/shop"})
    assert client.invoke(FunctionName="writes")["Payload"].read() == b'"/shop"'
