"""The configuration file: defaults, refusals, and the names that follow from it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from salespipe.config import Config, load
from salespipe.errors import Exit, SalespipeError

ROOT = Path(__file__).parents[1]
ACCOUNT = "123456789012"


def write(folder: Path, text: str) -> Path:
    file = folder / "salespipe.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_absent_file_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None) == Config()


def test_file_in_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'name = "shop"\n[stream]\nshards = 3\n')
    monkeypatch.chdir(tmp_path)
    assert (load(None).name, load(None).stream.shards) == ("shop", 3)


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, 'target = "aws"'), {"target": "local"}).target == "local"


@pytest.mark.parametrize(
    ("text", "names_key", "hint"),
    [
        ('nmae = "x"', "nmae", "Did you mean name?"),
        ("[stream]\nshard = 3", "stream.shard", "Did you mean stream.shards?"),
        ("[strem]\nshards = 3", "strem", "Did you mean stream?"),
        ("[stream]\nshards = '3'", "stream.shards", "config.example.toml"),
        ("[stream]\nshards = 0", "stream.shards", "config.example.toml"),
        ('[stream]\nmode = "MAYBE"', "stream.mode", "config.example.toml"),
        ('name = "Has Capitals"', "name", "config.example.toml"),
        ('environment = "dev!"', "environment", "config.example.toml"),
        (f"[table]\npartition_key = '{'k' * 239}'", "table.partition_key", "config.example.toml"),
        ("stream = 3", "stream", "config.example.toml"),
        ("[query]\nscan_limit_mb = 9", "query.scan_limit_mb", "config.example.toml"),
    ],
)
def test_refusals_name_file_key_and_way_out(tmp_path: Path, text: str, names_key: str, hint: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SalespipeError) as refused:
        load(file)
    assert str(file) in refused.value.message
    assert names_key in refused.value.message
    assert hint in refused.value.hint
    assert refused.value.exit_code is Exit.USAGE


def test_toml_syntax_error_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match="line 2"):
        load(write(tmp_path, 'name = "shop"\n[stream\n'))


def test_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match="no configuration file"):
        load(tmp_path / "nope.toml")


def test_example_shows_every_key_with_its_default() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    # What has no fixed default is shown as a comment, so that an unchanged copy changes nothing.
    shown = tomllib.loads(text)
    assert msgspec.convert(shown, Config) == Config()
    flat = {key for key in re.split(r"[\s\[\]]+", text) if key.isidentifier()}
    for field in msgspec.structs.fields(Config):
        assert field.name in flat
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            assert {inner.name for inner in msgspec.structs.fields(field.type)} <= flat


def test_buffers_default_by_target() -> None:
    assert (Config(target="local").buffer_seconds, Config(target="aws").buffer_seconds) == (1, 60)
    chosen = msgspec.convert({"delivery": {"buffer_seconds": 7}, "target": "aws"}, Config)
    assert chosen.buffer_seconds == 7


def test_names_fit_their_services_at_the_longest() -> None:
    config = msgspec.convert({"name": "a" * 30, "region": "ap-southeast-2"}, Config)
    names = config.names(ACCOUNT)
    assert len(names.bucket) <= 63  # S3
    assert max(len(names.role(purpose)) for purpose in ("generator", "transform", "delivery", "crawler")) <= 64  # IAM
    assert max(len(name) for name in (names.pipe, names.delivery, names.function("transform"))) <= 64


def test_names_follow_the_pipeline_and_region() -> None:
    names = msgspec.convert({"name": "shop-eu", "region": "eu-central-1"}, Config).names(ACCOUNT)
    assert names.bucket == "shop-eu-123456789012-eu-central-1"
    assert names.database == "shop_eu"
    assert names.stream_arn == "arn:aws:kinesis:eu-central-1:123456789012:stream/shop-eu-orders"
    assert names.role_arn("pipe") == "arn:aws:iam::123456789012:role/salespipe/shop-eu-pipe-eu-central-1"
    assert names.bucket_arn == "arn:aws:s3:::shop-eu-123456789012-eu-central-1"


@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")])
def test_other_partitions(region: str, partition: str) -> None:
    assert msgspec.convert({"region": region}, Config).names(ACCOUNT).partition == partition


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topic", "alarms"),
        ("topic", "arn:aws:sqs:us-east-1:123456789012:alarms"),
        ("topic", "arn:aws:sns:us-east-1:123456789012:alarms.fifo"),  # CloudWatch does not publish to FIFO topics
        ("email", "shop"),
        ("email", "shop at example.com"),
    ],
)
def test_who_hears_of_alarms_must_be_a_topic_or_an_address(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(SalespipeError, match=rf"monitoring\.{key}") as refused:
        load(write(tmp_path, f'[monitoring]\n{key} = "{value}"\n'))
    assert refused.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1"])
def test_a_topic_of_any_partition_may_hear_of_alarms(region: str) -> None:
    topic = msgspec.convert({"region": region}, Config).names(ACCOUNT).topic_arn
    assert msgspec.convert({"monitoring": {"topic": topic}}, Config).monitoring.topic == topic
