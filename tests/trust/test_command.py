"""``salespipe verify`` at a prompt."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import msgspec
import pytest

from salespipe.errors import Exit
from salespipe.ledger import Ledger, read
from salespipe.load.generate import generate
from salespipe.query.crawl import crawl

pytestmark = pytest.mark.long


def ledger(finished: Any) -> Path:
    (path,) = finished.folder.glob("ledgers/*/*-generate-*.ledger")
    return Path(path)


def test_a_proof_as_a_table_and_as_json(typed: Any) -> None:
    code, out, err = typed("verify")
    assert code == Exit.DONE
    hops = dict(re.findall(r"^(\w+) +([\d,]+)  ", out, re.MULTILINE))
    assert list(hops) == ["ledger", "table", "stream", "kinesis", "lake", "view"]
    assert hops["stream"] == hops["kinesis"] == hops["lake"]
    assert out.rstrip().endswith("every acknowledged write is in the lake, and every order once in the view.")
    assert "error" not in err

    code, out, _ = typed("verify", "--json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["proven"]) == (0, 0, True)
    assert {hop["name"]: f"{hop['records']:,}" for hop in document["hops"]} == hops
    assert (document["findings"], document["counts"], document["partly"]) == ([], [], [])


def test_a_fault_in_every_form(finished: Any, typed: Any) -> None:
    key = finished.objects()[1]
    body, orders = finished.body(key), {line["orderid"] for line in finished.lines(key)}
    finished.delete(key)
    try:
        code, out, _ = typed("verify", "--junit", "report.xml", "--json")
        shown = typed("verify")
    finally:
        finished.put(key, body)
    document = json.loads(out)
    assert (code, document["exit_code"], document["proven"]) == (1, 1, False)
    assert {each["order"] for each in document["findings"]} == orders
    (count,) = document["counts"]
    assert (count["kind"], count["stage"], count["count"]) == ("lost", "lake", len(document["findings"]))
    assert shown[0] == Exit.FAILED
    assert f"lost at the lake: {count['count']}" in shown[1]
    assert shown[1].rstrip().endswith("faults.")
    (suite,) = Xml.parse("report.xml").getroot()  # noqa: S314 - ours
    (failure,) = suite.iter("failure")
    assert suite.attrib["failures"] == "1"
    assert all(order in str(failure.text) for order in orders)


def test_what_another_run_or_program_left_in_the_folder(finished: Any, typed: Any) -> None:
    own = ledger(finished)
    whole, folder = own.read_bytes(), own.parent
    damaged = bytearray(whole)
    damaged[60] ^= 1
    bad = {
        "0-newer": (b"salespipe ledger 9\n", "reads format 1", Exit.PARTLY),
        "0-rubbish": (b"rubbish", "is not a ledger", Exit.PARTLY),
        "0-damaged": (bytes(damaged), "its header is damaged", Exit.PARTLY),
        "0-begun": (whole[:30], "ends within its header", Exit.DONE),
        "0-cut": (whole[: len(whole) // 2], "are no whole record", Exit.DONE),
    }
    for name, (content, told, expected) in bad.items():
        path = folder / f"{name}.ledger"
        path.write_bytes(content)
        code, out, err = typed("verify")
        path.unlink()
        assert code == expected, name
        assert told in err, name
        assert "Traceback" not in out + err
    foreign = folder / "0-foreign.ledger"
    Ledger(foreign, msgspec.structs.replace(read(own).header, pipeline="another")).close()
    code, _, err = typed("verify")
    foreign.unlink()
    assert code == Exit.DONE
    assert "is of pipeline another" in err


def test_without_its_ledger_a_table_is_compared_all_the_same(finished: Any, typed: Any, tmp_path: Path) -> None:
    kept = shutil.move(ledger(finished), tmp_path / "kept")
    place = finished.folder / "ledgers"
    (folder,) = place.iterdir()
    code, out, err = typed("verify")
    assert code == Exit.DONE
    assert "in no ledger" in err
    shutil.move(kept, folder / "1-generate-1.ledger")
    generate(finished.aws, rate=300.0, count=100, seed=99)  # by somebody who keeps none
    crawl(finished.aws)
    code, out, err = typed("verify")
    assert code == Exit.DONE, out
    assert re.search(r"\d+ orders are in no ledger", err)


def test_a_hop_that_cannot_be_read_is_said(finished: Any, typed: Any) -> None:
    glue, names = finished.aws.client("glue"), finished.aws.names
    glue.delete_table(DatabaseName=names.database, Name=names.orders_view)
    code, out, err = typed("verify")
    crawl(finished.aws)
    assert code == Exit.PARTLY
    assert re.search(r"^view +-  not read", out, re.MULTILINE)
    assert re.search(r"^Not proven: view: .*salespipe crawl", err, re.MULTILINE)


def test_bad_usage_and_nothing_deployed(typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("verify", "--timeout", "soon")[0] == Exit.USAGE
    assert typed("verify", "--late", "0s")[0] == Exit.USAGE
    assert typed("verify", "--junit", str(tmp_path / "no" / "x.xml"))[0] == Exit.USAGE
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "nowhere"))
    assert typed("verify")[0] == Exit.NOT_DEPLOYED


def test_on_aws_it_says_before_what_it_reads_and_asks(
    finished: Any, typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another endpoint stands for AWS: with its pace, and where every read costs."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    there = ("--endpoint-url", finished.aws.endpoint)
    told = r"Reads the table \(about \d+ items, \d+ read units\).* \d+ objects of [\d.]+ MB .*MB scanned, 0\.\d+ USD"

    (tmp_path / "salespipe.toml").write_text("[query]\nask_above_mb = 0\n")
    code, out, err = typed("verify", "--no-wait", "--yes", *there)
    assert code == Exit.DONE, out
    assert re.search(told, err)
    assert "in no ledger" in err, "those of another endpoint are not ours"

    code, out, err = typed("verify", "--no-wait", *there)
    assert code == Exit.USAGE
    assert re.search(told, err)
    assert "fix: --yes agrees" in err
    assert out == ""
