"""The local AWS for everyone's tests: as a process of its own (``aws_here``), or within the test (``aws_inside``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from salespipe.errors import SalespipeError
from salespipe.local import daemon

if TYPE_CHECKING:
    from salespipe.local.server import LocalAws


class Here:
    """A local AWS in a process of its own, and boto3 clients of it with credentials of no account."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.server = daemon.start(data_dir, 0)
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    def client(self, service: str, region: str = "us-east-1") -> Any:
        import boto3
        from botocore.config import Config

        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.session.Session().client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id="anyone",
                aws_secret_access_key="anything",
                config=Config(
                    retries={"total_max_attempts": 1},
                    account_id_endpoint_mode="disabled",
                    s3={"addressing_style": "path"},
                ),
            )
        return self._clients[service, region]

    def restart(self) -> None:
        """Start again on the same folder, after a stop or a kill. The port is kept, so clients stay valid."""
        self.server = daemon.start(self.data_dir, 0)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        daemon.stop(self.data_dir)


@pytest.fixture(scope="session")
def aws_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """One running local AWS for the whole session: use names of your own."""
    here = Here(tmp_path_factory.mktemp("aws-here"))
    yield here
    here.close()


@pytest.fixture
def own_aws(tmp_path: Path) -> Iterator[Here]:
    """A running local AWS for one test, which may stop or kill it."""
    here = Here(tmp_path / "aws")
    yield here
    here.close()


@pytest.fixture
def aws_inside(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS within the test's process; ``aws_inside.clients(service, region)`` are clients without a socket."""
    from salespipe.local.server import LocalAws

    aws = LocalAws(tmp_path / "aws")
    aws.start()
    yield aws
    aws.stop()


class Bridge:
    """moto over a store in ``folder``, with clients; ``restart`` is what a new process would find."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        from salespipe.local.cloud import Clients
        from salespipe.local.front.gateway import Gateway
        from salespipe.local.moto.bridge import ACCOUNT, Moto
        from salespipe.local.store import Store

        self.store = Store(self.folder)
        try:
            self.moto = Moto(self.store)
        except SalespipeError:
            self.store.close()
            raise
        self.clients = Clients(Gateway(self.moto, ACCOUNT), "http://127.0.0.1:4566")

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return self.clients(service, region)

    def restart(self, *, clean: bool = False) -> None:
        """Come back from the store alone; unless ``clean``, what is saved lazily is lost, as after a kill."""
        if not clean:
            self.moto._state._dirty.clear()
        self.close()
        self.open()

    def close(self) -> None:
        self.moto.close()
        self.store.close()

    def bodies(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in (self.folder / "objects").glob("*/*"))

    def size(self, service: str) -> int:
        row = self.store.read().execute("SELECT length(data) FROM moto_state WHERE service = ?", (service,)).fetchone()
        return int(row[0])


@pytest.fixture
def few_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's own policies take moto 0.2 s to load, with every backend, and hardly a test needs them."""
    from salespipe.local import moto  # noqa: F401 - which asks for them

    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")


@pytest.fixture
def bridge(tmp_path: Path, few_policies: None) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path / "aws")
    yield bridge
    bridge.close()
