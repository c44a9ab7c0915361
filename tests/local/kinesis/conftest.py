from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data_plane import REGION, Aws, Clock


@pytest.fixture
def aws(tmp_path: Path, few_policies: None) -> Iterator[Aws]:
    aws = Aws(tmp_path / "data", Clock())
    yield aws
    aws.close()


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("kinesis", REGION)
