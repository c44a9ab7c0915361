"""Every form of a log line that is documented, as it is understood."""

from __future__ import annotations

import json

from salespipe.flow.logs.lines import Kind, Line, understand

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def test_what_lambda_puts_around_a_run_is_a_frame() -> None:
    for message in (
        f"START RequestId: {ID} Version: $LATEST\n",
        f"END RequestId: {ID}\n",
        "INIT_START Runtime Version: python:3.13.v11\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:5eaca0\n",
        '{"time":"2026-01-01T00:00:00Z","type":"platform.start","record":{"requestId":"a","version":"$LATEST"}}',
    ):
        assert understand(message).kind is Kind.FRAME, message
    assert understand("START of something else").kind is Kind.LINE


def test_a_report_is_told_in_short() -> None:
    report = (
        f"REPORT RequestId: {ID}\tDuration: 3.74 ms\tBilled Duration: 4 ms\tMemory Size: 256 MB\t"
        "Max Memory Used: 41 MB\tInit Duration: 91.20 ms\t\n"
    )
    assert understand(report) == Line(
        "took 3.74 ms, billed 4 ms, memory 41 of 256 MB, init 91.20 ms", Kind.REPORT, fields={"requestId": ID}
    )
    as_json = {
        "time": "2026-01-01T00:00:00Z",
        "type": "platform.report",
        "record": {
            "requestId": ID,
            "metrics": {"durationMs": 3.741, "billedDurationMs": 4, "memorySizeMB": 256, "maxMemoryUsedMB": 41},
            "status": "success",
        },
    }
    assert understand(json.dumps(as_json)).text == "took 3.74 ms, billed 4 ms, memory 41 of 256 MB"


def test_a_run_that_did_not_end_well_is_an_error() -> None:
    report = f"REPORT RequestId: {ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tStatus: timeout"  # noqa: E501 - as it comes
    line = understand(report)
    assert (line.level, line.text) == (
        "ERROR",
        "timeout: took 3000.00 ms, billed 3000 ms, memory 30 of 128 MB",
    )
    timed_out = understand(f"2026-01-01T00:00:03.007Z {ID} Task timed out after 3.00 seconds\n\n")
    assert timed_out == Line("Task timed out after 3.00 seconds", level="ERROR", fields={"requestId": ID})
    exited = understand(f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n")
    assert (exited.level, exited.text, exited.more) == (
        "ERROR",
        "Error: Runtime exited with error: signal: killed",
        ("Runtime.ExitError",),
    )


def test_lines_of_the_python_runtime() -> None:
    logged = understand(f"[WARNING]\t2026-01-01T00:00:00.123Z\t{ID}\t2 of 100 records cannot be read\n")
    assert logged == Line("2 of 100 records cannot be read", level="WARNING", fields={"requestId": ID})
    raised = understand(
        "[ERROR] KeyError: 'orderid'\nTraceback (most recent call last):\n"
        '\xa0\xa0File "/var/task/handler.py", line 8, in handler\n\xa0\xa0\xa0\xa0raise KeyError("orderid")\n'
    )
    assert (raised.level, raised.text, len(raised.more)) == ("ERROR", "KeyError: 'orderid'", 3)
    assert understand("one\rtwo").more == ("two",)
    assert understand("plain words") == Line("plain words")
    assert understand("") == Line("")


def test_json_in_the_words_of_any_library() -> None:
    powertools = understand(
        '{"level":"INFO","location":"f:3","message":"sent","timestamp":"2026-01-01 00:00:00,000+0000","count":3}'
    )
    assert powertools == Line("sent", level="INFO", fields={"location": "f:3", "count": 3})
    assert understand('{"levelname":"warn","msg":"slow"}') == Line("slow", level="WARNING")
    assert understand('{"severity":"fatal","message":{"a":1}}') == Line('{"a": 1}', level="CRITICAL")
    assert understand('{"a":1}') == Line("", fields={"a": 1})
    assert understand("{no json}") == Line("{no json}")
    assert understand("[1, 2]") == Line("[1, 2]")
    raised = understand(
        json.dumps(
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "level": "ERROR",
                "errorType": "KeyError",
                "errorMessage": "'a'",
                "requestId": ID,
                "stackTrace": ['  File "x.py", line 1, in f\n    raise KeyError("a")\n'],
            }
        )
    )
    assert raised == Line(
        "KeyError: 'a'",
        level="ERROR",
        fields={"requestId": ID},
        more=('  File "x.py", line 1, in f', '    raise KeyError("a")'),
    )


def test_firehose_a_pipe_and_a_crawler() -> None:
    firehose = understand(
        '{"deliveryStreamARN":"arn:aws:firehose:us-east-1:1:deliverystream/o","destination":"arn:aws:s3:::b",'
        '"deliveryStreamVersionId":1,"message":"The bucket is gone.","errorCode":"S3.NoSuchBucket"}'
    )
    assert firehose == Line(
        "S3.NoSuchBucket: The bucket is gone.",
        level="ERROR",
        fields={"destination": "arn:aws:s3:::b", "deliveryStreamVersionId": 1},
    )
    pipe = understand(
        '{"resourceArn":"arn:aws:pipes:us-east-1:1:pipe/o","timestamp":1700000000000,"executionId":"e",'
        '"messageType":"TargetInvocationFailed","logLevel":"ERROR","payload":"","truncatedFields":[],'
        '"error":{"httpStatusCode":400,"message":"Rate exceeded","details":"","awsService":"kinesis"}}'
    )
    assert pipe == Line(
        "TargetInvocationFailed: Rate exceeded",
        level="ERROR",
        fields={"executionId": "e", "httpStatusCode": 400, "awsService": "kinesis"},
    )
    crawl = "d30de3a4-91f5-4c14-a7d4-bea50a8c1a55"
    assert understand(f"[{crawl}] BENCHMARK : Running Start Crawl for Crawler o") == Line(
        "Running Start Crawl for Crawler o", level="BENCHMARK", fields={"crawl": crawl}
    )
    assert understand(f"[{crawl}] ERROR : Internal Service Exception").level == "ERROR"


def test_a_traceback_that_was_printed_is_an_error() -> None:
    line = understand('Traceback (most recent call last):\n  File "x.py", line 1, in f\nKeyError: 1')
    assert (line.level, line.more[-1]) == ("ERROR", "KeyError: 1")
