"""A disk without room, and a data folder that is damaged: a clear word, and nothing lost or overwritten."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from salespipe.errors import SalespipeError
from salespipe.local import daemon

if TYPE_CHECKING:
    from conftest import Here

BODY = b"one of many words" * 1000


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """A process that cannot write to a file any more: to the system a limit is as good as a full disk."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


def make_table(here: Here) -> None:
    here.client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, the log and what says which process runs aside."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    kept = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: body for name, body in kept.items() if name not in {"lock", "server.json", "server.log"}}


def test_without_room_writes_are_refused_and_with_room_all_goes_on(own_aws: Here) -> None:
    dynamodb, s3, sqs = (own_aws.client(service) for service in ("dynamodb", "s3", "sqs"))
    make_table(own_aws)
    s3.create_bucket(Bucket="lake")
    bodies = own_aws.data_dir / "objects"

    def write(number: int) -> None:
        dynamodb.put_item(TableName="orders", Item={"id": {"S": f"{number}"}, "note": {"S": "x" * 1000}})

    for number in range(20):
        write(number)
    with no_room(own_aws.server.pid):
        for number in range(20, 40):
            with pytest.raises(ClientError, match=r"\(ServiceUnavailable\).* Make room on its disk"):
                write(number)
    for number in range(40, 60):
        write(number)
    with no_room(own_aws.server.pid):
        with pytest.raises(ClientError, match="Make room on its disk"):
            s3.put_object(Bucket="lake", Key="refused", Body=BODY)
        with pytest.raises(ClientError, match="Make room on its disk"):
            sqs.create_queue(QueueName="refused")
        assert not list(bodies.glob("*/*"))
        assert dynamodb.get_item(TableName="orders", Key={"id": {"S": "0"}})["Item"]
    s3.put_object(Bucket="lake", Key="kept", Body=BODY)
    os.kill(own_aws.server.pid, signal.SIGKILL)
    os.waitpid(own_aws.server.pid, 0)
    own_aws.restart()
    found = {item["id"]["S"] for item in dynamodb.scan(TableName="orders")["Items"]}
    assert found == {f"{number}" for number in range(60) if not 20 <= number < 40}
    assert s3.get_object(Bucket="lake", Key="kept")["Body"].read() == BODY


def test_a_start_without_room_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(SalespipeError) as caught:
            daemon.start(folder, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "StateUnwritable"
    assert "Make room" in caught.value.hint
    assert daemon.start(folder, 0).endpoint
    assert daemon.stop(folder)


@pytest.fixture
def stopped(own_aws: Here) -> Here:
    """A local AWS with an object in it, which does not run."""
    own_aws.client("s3").create_bucket(Bucket="lake")
    own_aws.client("s3").put_object(Bucket="lake", Key="kept", Body=BODY)
    daemon.stop(own_aws.data_dir)
    return own_aws


@pytest.mark.parametrize("damage", ["damaged", "emptied", "missing"])
def test_a_damaged_state_is_told_and_nothing_is_overwritten(stopped: Here, damage: str) -> None:
    state = stopped.data_dir / "state.db"
    whole = state.read_bytes()
    if damage == "damaged":  # all but the first page, whose schema can still be read
        state.write_bytes(whole[:4096] + b"\xaa" * (len(whole) - 4096))
    elif damage == "emptied":
        state.write_bytes(b"")
    else:
        state.unlink()
    before = contents(stopped.data_dir)
    with pytest.raises(SalespipeError) as caught:
        stopped.restart()
    assert caught.value.code == "StateUnreadable"
    assert "Nothing was changed" in caught.value.hint
    after = contents(stopped.data_dir)
    assert {name: body for name, body in after.items() if name.startswith("objects/")} == {
        name: body for name, body in before.items() if name.startswith("objects/")
    }
    if damage == "damaged":
        assert after["state.db"] == before["state.db"]
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (stopped.data_dir / name).unlink(missing_ok=True)
    state.write_bytes(whole)
    stopped.restart()
    assert stopped.client("s3").get_object(Bucket="lake", Key="kept")["Body"].read() == BODY
