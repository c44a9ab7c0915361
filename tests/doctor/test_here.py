"""Python, packages, the configuration and the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from salespipe.config import Config
from salespipe.doctor import Skipped, Verdict, here
from salespipe.errors import SalespipeError


@pytest.fixture
def needs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def needs(*requirements: str) -> None:
        monkeypatch.setattr(metadata, "requires", lambda _: list(requirements))

    return needs


def installed(**versions: str) -> Callable[[str], str]:
    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    return version


def test_this_machine_is_well() -> None:
    assert [check().verdict for check in (here.python, here.packages, here.local_extra)] == [Verdict.OK] * 3


def test_python_too_old() -> None:
    check = here.python((3, 10, 4))
    assert check.verdict is Verdict.FAIL
    assert "3.10.4" in check.found
    assert ">=3.11" in check.fix


def test_what_the_package_asks_for() -> None:
    names = {requirement.name: requirement for requirement in here.requirements()}
    assert names["boto3"].bounds == ((">=", "1.43"),)
    assert names["boto3"].extra == ""


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ("1.43", Verdict.OK),
        ("1.43.0", Verdict.OK),
        ("1.100.2", Verdict.OK),
        ("1.5.9", Verdict.FAIL),
        ("2.0rc1", Verdict.FAIL),
    ],
)
def test_versions_are_numbers(needs: Callable[..., None], version: str, verdict: Verdict) -> None:
    needs("boto3<2,>=1.43")
    check = here.packages(installed(boto3=version))
    assert check.verdict is verdict
    assert version in check.found


def test_each_wrong_package_is_named(needs: Callable[..., None]) -> None:
    needs("boto3>=1.43", "rich>=15", "msgspec>=0.21", "moto[s3,sqs]==5.2.5; extra == 'local'")
    check = here.packages(installed(boto3="1.20.1", rich="15.0.1"))
    assert check.found == "boto3 is 1.20.1, not >=1.43, msgspec is missing"
    assert check.fix == "pip install --upgrade salespipe"


def test_packages_of_the_local_aws(needs: Callable[..., None]) -> None:
    needs("boto3>=1.43", "moto[s3,sqs]==5.2.5; extra == 'local'", 'duckdb>=2.0; extra == "local"')
    assert here.local_extra(installed(moto="5.2.5", duckdb="2.1.0")).found == "moto 5.2.5, duckdb 2.1.0"
    check = here.local_extra(installed(duckdb="2.1.0"))
    assert check.verdict is Verdict.FAIL
    assert check.fix == "pip install --upgrade 'salespipe[local]'"


def test_not_installed_as_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "PACKAGE", "no-such-package")
    with pytest.raises(Skipped, match="not installed"):
        here.packages()


def test_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "the defaults hold" in here.configuration(None, Config).found
    Path("salespipe.toml").touch()
    assert str(tmp_path / "salespipe.toml") in here.configuration(None, Config).found
    Path("shop.toml").touch()
    assert "shop.toml" in here.configuration(Path("shop.toml"), Config).found


def test_a_broken_configuration() -> None:
    def read() -> Config:
        raise SalespipeError("ConfigUnknownKey", "salespipe.toml: unknown key strem.", hint="Did you mean stream?")

    check = here.configuration(None, read)
    assert (check.verdict, check.fix) == (Verdict.FAIL, "Did you mean stream?")


def test_a_terminal_without_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    check = here.terminal()
    assert check.verdict is Verdict.WARN
    assert "PYTHONIOENCODING" in check.fix
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert here.terminal().verdict is Verdict.OK
