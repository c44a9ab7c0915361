"""``salespipe quarantine`` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dead_letters import send_letter, table_records
from salespipe.cli.main import run
from salespipe.errors import Exit
from salespipe.trust.quarantine.failures import record_id

Make = Callable[..., bytes]
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(pipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    delivery = "[delivery]\nbuffer_seconds = 0\ntransform_buffer_seconds = 0\n"
    (tmp_path / "salespipe.toml").write_text(f'{delivery}[local]\ndata_dir = "{pipe.folder}"\n')

    def typed(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["quarantine", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return typed


def test_from_an_alarm_to_an_empty_quarantine(pipe: Any, typed: Typed, make_event: Make) -> None:
    data, bad = make_event("typed"), b"\x1b[31m no event"
    pipe.plant(data, bad)
    code, out, _ = typed("ls")
    assert code == Exit.DONE
    assert [line.split()[:2] for line in out.splitlines()[1:2]] == [["2", "Lambda.FunctionError"]]

    code, out, _ = typed("ls", "--all")
    assert [line.split()[0] for line in out.splitlines()[1:]] == sorted([record_id(data), record_id(bad)])

    code, out, _ = typed("show", record_id(data)[:7])
    assert code == Exit.DONE
    assert '"orderid": {"S": "typed"}' in out
    assert "line 1 of s3://salespipe-dev-" in out
    assert "The transform of this version reads it" in out
    code, out, _ = typed("show", record_id(bad))
    assert "\x1b" not in out
    assert "refuses it: DecodeError" in out

    code, out, _ = typed("replay", "--all", "--dry-run")
    assert (code, len(pipe.records())) == (Exit.DONE, 2)
    assert out.endswith(
        "2 records: 2 events would be put (1 refused by the transform of this version). Nothing was changed.\n"
    )
    code, out, err = typed("replay", "--all")
    assert code == Exit.PARTLY
    assert out.endswith("2 records: 1 delivered, and out of quarantine, 1 failed again.\n")
    assert "--fix script.py" in err

    code, _, err = typed("purge", "--all")
    assert (code, len(pipe.records())) == (Exit.USAGE, 1)
    assert "Delete 1 record for good?" in err
    code, out, _ = typed("purge", "--all", "--yes")
    assert (code, out, pipe.error_objects()) == (Exit.DONE, "1 record deleted.\n", [])
    code, out, err = typed("ls")
    assert (code, out, err) == (Exit.DONE, "", "Nothing is in quarantine.\n")


def test_documents_for_scripts(pipe: Any, typed: Typed, make_event: Make) -> None:
    pipe.write("document")
    data = make_event("script")
    pipe.plant(data)
    pipe.plant_raw("notes.txt", b"hello")
    send_letter(pipe.aws, table_records(pipe.aws)[-1])

    told = json.loads(typed("ls", "--json")[1])
    assert (told["records"], told["held"], len(told["foreign"])) == (2, 0, 1)
    groups = {group["type"]: group for group in told["groups"]}
    assert groups["processing-failed"]["deadline"] is None
    assert groups["processing-failed"]["attempts"] == 4
    assert groups["dead-letter"]["deadline"] > groups["dead-letter"]["first_seen"]

    lines = [json.loads(line) for line in typed("ls", "--all", "--json")[1].splitlines()]
    letter = next(line["id"] for line in lines if line["type"] == "dead-letter")
    assert {line["id"] for line in lines} == {record_id(data), letter}
    shown = json.loads(typed("show", letter, "--json")[1])
    assert shown["payloads"][0]["event"]["dynamodb"]["Keys"]["orderid"]["S"] == "document"

    code, out, _ = typed("replay", record_id(data), letter, "--json")
    told = json.loads(out)
    assert (code, told["exit_code"], told["delivered"], told["left"], told["problems"]) == (0, 0, 2, 0, [])
    assert json.loads(typed("purge", "--all", "--yes", "--json")[1]) == {"deleted": 0, "lines": 0}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", "nothing"), ("UnknownRecord", "There is no record nothing in quarantine.")),
        (("replay",), ("Selection", "Say which records")),
        (("replay", "--all", "--error", "x"), ("Selection", "Say which records")),
        (("purge",), ("Selection", "Say which records")),
        (("replay", "--error", "Lambda.Nothing"), ("UnknownError", "has the error Lambda.Nothing")),
        (("replay", "--all", "--fix", "missing.py"), ("FixUnreadable", "missing.py cannot be read")),
        (("replay", "--all", "--timeout", "soon"), ("Duration", "--timeout soon")),
    ],
)
def test_bad_input(
    pipe: Any, typed: Typed, make_event: Make, words: tuple[str, ...], expected: tuple[str, str]
) -> None:
    code, told = expected
    pipe.plant(make_event("bad-input"))
    answer, out, _ = typed(*words, "--json")
    error = json.loads(out)["error"]
    assert (answer, error["code"]) == (Exit.USAGE, code)
    assert told in error["message"]
    assert error["hint"] or code == "FixUnreadable"
    assert len(pipe.records()) == 1


def test_near_and_ambiguous_ids(pipe: Any, typed: Typed, make_event: Make) -> None:
    data = [make_event(f"near-{number}") for number in range(40)]
    pipe.plant(*data)
    ids = sorted(map(record_id, data))
    first = next(one[0] for one, two in pairwise(ids) if one[0] == two[0])
    told = json.loads(typed("show", first, "--json")[1])["error"]
    assert told["code"] == "AmbiguousRecord"
    wrong = ids[0][:-1] + ("0" if ids[0][-1] != "0" else "1")
    told = json.loads(typed("show", wrong, "--json")[1])["error"]
    assert told["hint"] == f"Did you mean {ids[0]}?"


def test_where_nothing_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    for words in (["ls"], ["show", "x"], ["replay", "--all"], ["purge", "--all", "--yes"]):
        assert run(["quarantine", *words]) == Exit.NOT_DEPLOYED
