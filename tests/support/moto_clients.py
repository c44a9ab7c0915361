"""Clients over moto in the test's process, for services that are tested apart from the local AWS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config


class Clients:
    """A client factory; what it makes is kept, since boto3 clients take longer to make than most tests to run."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str) -> Any:
        key = (service, region)
        if key not in self.made:
            self.made[key] = boto3.client(
                service,
                region_name=region,
                aws_access_key_id="x",
                aws_secret_access_key="x",
                config=Config(account_id_endpoint_mode="disabled"),
            )
        return self.made[key]
