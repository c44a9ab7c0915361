"""What was fetched, kept in a file and told again."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pipeline_world import World

from counted import Counted
from salespipe.errors import Exit, SalespipeError
from salespipe.watch.fetched import Fetched, Records
from salespipe.watch.live import Live
from salespipe.watch.model import Choice, Window
from salespipe.watch.recording import Recording, Replay
from salespipe.watch.watcher import Watcher


@pytest.fixture
def world() -> World:
    world = World(target="local")
    world.objects["products/products.json"] = (world.now, b'{"product_id": "p", "price": 1.50}\n')
    return world


def record(world: World, path: Path, seconds: int = 10) -> Watcher:
    """Watch for so many seconds in which a record comes each second, among them some that are no text."""
    live = Live(lambda: world.aws, clock=world.aws.clock, now=world.local_now)
    watcher = Watcher(live, Counted, Choice(), recorder=Recording(path), clock=world.aws.clock)
    for number in range(seconds):
        world.arrive("ünï %d".encode() % number if number % 3 else b"\xff\x00%d" % number)
        until = world.now + 1
        while world.now < until:
            world.sleep(max(0.01, min(watcher.step(), until - world.now)))
    watcher._recorder.close()  # type: ignore[union-attr]
    return watcher


def told(path: Path) -> list[Fetched]:
    now = [0.0]
    replay = Replay(path, speed=1.0, clock=lambda: now[0])
    events: list[Fetched] = []
    while not replay.over:
        events += replay.take(Window.MINUTE)
        now[0] += replay.pause()
    replay.close()
    return events


@pytest.mark.parametrize("name", ["watched.jsonl", "watched.jsonl.gz"])
@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_a_recording_shows_what_was_seen(world: World, tmp_path: Path, name: str, speed: float) -> None:
    seen = record(world, tmp_path / name).newest
    assert seen is not None
    now = [0.0]
    replay = Replay(tmp_path / name, speed=speed, clock=lambda: now[0])
    watcher = Watcher(replay, Counted, Choice(), clock=lambda: now[0])
    while not replay.over:
        now[0] += min(watcher.step(), 0.25)
    watcher.step()
    replay.close()
    again = watcher.newest
    assert again is not None
    assert (again.board.events, again.board.unreadable) == (seen.board.events, seen.board.unreadable) == (10, 1)
    assert (again.pipeline, again.where, again.flow) == (seen.pipeline, f"recording of {seen.where}", seen.flow)
    assert again.board.filled_since == seen.board.filled_since
    assert again.at - seen.at < timedelta(seconds=2)
    assert now[0] == pytest.approx(10 / speed, rel=0.2, abs=0.6)


def test_data_is_told_byte_for_byte(world: World, tmp_path: Path) -> None:
    record(world, tmp_path / "watched.jsonl")
    data = [each for event in told(tmp_path / "watched.jsonl") if isinstance(event, Records) for each in event.data]
    assert data == ["ünï %d".encode() % number if number % 3 else b"\xff\x00%d" % number for number in range(10)]


def test_its_lines_are_json_that_a_person_can_read(world: World, tmp_path: Path) -> None:
    record(world, tmp_path / "watched.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "watched.jsonl").read_text().splitlines()]
    assert {line["type"] for line in lines} == {"opened", "records", "progress", "measured", "stocked"}
    assert ["ünï 1"] in [line.get("text") for line in lines]


def test_a_file_that_breaks_off_is_told_up_to_there(world: World, tmp_path: Path) -> None:
    path, packed = tmp_path / "watched.jsonl", tmp_path / "packed.jsonl.gz"
    record(world, path)
    whole = path.read_bytes()
    packed.write_bytes(gzip.compress(whole)[:-200])
    path.write_bytes(whole[:-10])
    assert len(told(path)) == whole.count(b"\n") - 1
    assert 0 < len(told(packed)) < whole.count(b"\n")


def test_lines_of_something_else_are_skipped(world: World, tmp_path: Path) -> None:
    path = tmp_path / "watched.jsonl"
    record(world, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"not json\n\xff\n{}\n" + b'{"type": "other"}\n'.join(lines))
    assert len(told(path)) == len(lines)


@pytest.mark.parametrize("content", [None, b"", b"{}\n", b"\x1f\x8b\x00"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes | None) -> None:
    for path in (tmp_path / "other.jsonl", tmp_path / "other.gz"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SalespipeError) as caught:
            Replay(path, speed=1.0, clock=lambda: 0.0)
        assert caught.value.exit_code is Exit.USAGE
        assert str(path) in caught.value.message


def test_a_recording_is_never_written_over_another_file(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("precious")
    with pytest.raises(SalespipeError, match="it is there already"):
        Recording(path)
    with pytest.raises(SalespipeError, match="No such file"):
        Recording(tmp_path / "nowhere" / "mine")
    assert path.read_text() == "precious"


def test_a_disk_that_is_full_ends_the_recording_and_nothing_else(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = Recording(tmp_path / "watched.jsonl")
    recording._file.close()

    def full(_: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "_file", type("Full", (), {"write": staticmethod(full), "close": lambda _: None})())
    live = Live(lambda: world.aws, clock=world.aws.clock, now=world.local_now)
    watcher = Watcher(live, Counted, Choice(), recorder=recording, clock=world.aws.clock)
    watcher.step()
    assert watcher.newest is not None
    assert watcher.newest.failure is None
    assert "No space left" in recording.problem
