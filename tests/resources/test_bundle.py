from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from salespipe.resources import bundle

Build = Callable[[], bytes]


def entries(packed: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return archive.infolist()


@pytest.mark.parametrize("build", [bundle.transform, bundle.generator])
def test_the_same_sources_give_the_same_bytes_in_any_process(build: Build) -> None:
    name = build.__name__
    code = f"from salespipe.resources import bundle; print(bundle.digest(bundle.{name}()))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert elsewhere.stdout.strip() == bundle.digest(build())


def test_the_handler_is_at_the_root_and_the_business_in_its_package() -> None:
    transform = {entry.filename for entry in entries(bundle.transform())}
    generator = {entry.filename for entry in entries(bundle.generator())}

    assert "handler.py" in transform
    assert {"handler.py", "salespipe/__init__.py", "salespipe/orders/__init__.py"} <= generator
    assert not [name for name in transform | generator if "__pycache__" in name or name.endswith(".pyc")]


def test_lambda_may_read_every_file() -> None:
    for entry in entries(bundle.generator()):
        mode = entry.external_attr >> 16
        assert stat.S_ISREG(mode)
        assert stat.S_IMODE(mode) == 0o644


def test_the_digest_is_lambdas() -> None:
    packed = bundle.pack({"handler.py": b"def handler(event, context): ..."})

    assert bundle.digest(packed) == base64.b64encode(hashlib.sha256(packed).digest()).decode()


def test_another_source_gives_another_digest() -> None:
    one, other = bundle.pack({"handler.py": b"1"}), bundle.pack({"handler.py": b"2"})

    assert bundle.digest(one) != bundle.digest(other)
    assert bundle.pack({"b": b"", "a": b""}) == bundle.pack({"a": b"", "b": b""})


@pytest.mark.parametrize("build", [bundle.transform, bundle.generator])
def test_the_zip_runs_with_nothing_beside_it(build: Build, tmp_path: Path) -> None:
    packed = tmp_path / "function.zip"
    packed.write_bytes(build())
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(unpacked)
    code = "import handler; print(callable(handler.handler))"

    # -I and another folder: neither this checkout nor the installed package is in reach.
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(unpacked)!r}); {code}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert (run.stdout.strip(), run.stderr) == ("True", "")
