"""A ledger has every acknowledged write or says what it lacks, whatever the disk does."""

import errno
import itertools
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger_writes import HEADER, MILLISECONDS, entry, write
from salespipe.ledger import Ledger, LedgerError, read
from salespipe.ledger.reading import held
from salespipe.orders import Kind

MakeLedger = Callable[..., Ledger]


def full(after: int, *, piece: int | None = None) -> Callable[[int, bytes], int]:
    """An ``os.write`` to a disk with room for so many bytes, which takes a ``piece`` at a time."""
    left = after

    def put(descriptor: int, data: bytes) -> int:
        nonlocal left
        size = min(len(data), left, piece or left)
        if not size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left -= size
        return os.write(descriptor, data[:size])

    return put


def append_for_ever(ledger: Ledger) -> None:
    for number in itertools.count():
        ledger.append([write(2 * number), write(2 * number + 1)])


def test_everything_comes_back_in_order(make_ledger: MakeLedger) -> None:
    writes = [write(number, kind, number % 3, number % 2) for number, kind in enumerate([*Kind] * 30)]
    ledger = make_ledger()
    for start in range(0, len(writes), 25):
        ledger.append(writes[start : start + 25])
    ledger.close()
    reading = read(ledger.path)
    assert list(reading) == [entry(each) for each in writes]
    assert (reading.header, reading.entries, reading.closed, reading.told()) == (HEADER, 90, True, [])
    assert ledger.entries == 90


def test_it_is_for_its_user_alone(make_ledger: MakeLedger) -> None:
    assert stat.S_IMODE(make_ledger().path.stat().st_mode) == 0o600


def test_a_run_that_goes_on_is_read_up_to_where_it_is(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    ledger.append([write(1)])
    reading = read(ledger.path)
    assert list(reading) == [entry(write(1))]
    assert (reading.running, reading.closed) == (True, False)
    assert "goes on" in reading.told()[0]
    ledger.append([write(2)])
    ledger.close()
    assert list(reading) == [entry(write(1)), entry(write(2))]
    assert (reading.running, reading.closed) == (False, True)


def test_threads_append_at_once_and_each_keeps_its_order(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()

    def work(thread: int) -> None:
        for batch in range(50):
            ledger.append([write(thread, Kind.UPDATE, line=batch * 10 + number) for number in range(5)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    lines: dict[str, list[int]] = defaultdict(list)
    reading = read(ledger.path)
    for each in reading:
        lines[each.key].append(each.line)
    assert reading.told() == []
    expected = [batch * 10 + number for batch in range(50) for number in range(5)]
    assert dict(lines) == {f"o-{thread}": expected for thread in range(8)}


def test_what_the_system_takes_in_pieces_is_whole(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(write=full(10**6, piece=7))
    ledger.append([write(number) for number in range(25)])
    ledger.close()
    assert list(read(ledger.path)) == [entry(write(number)) for number in range(25)]


@pytest.mark.parametrize("piece", [None, 11])
def test_a_disk_that_fills_stops_it_at_a_whole_record(make_ledger: MakeLedger, piece: int | None) -> None:
    ledger = make_ledger(write=full(2000, piece=piece))
    with pytest.raises(LedgerError) as raised:
        append_for_ever(ledger)
    recorded = ledger.entries
    assert raised.value.code == "NotRecorded"
    assert "No space left on device" in raised.value.message
    assert "2 writes were acknowledged that it does not have" in raised.value.message
    assert "--no-ledger" in raised.value.hint
    with pytest.raises(LedgerError):  # another worker's batch, which was under way
        ledger.append([write(7)])
    assert raised.value.unrecorded == 3
    assert "3 writes were" in raised.value.message
    ledger.close()
    reading = read(ledger.path)
    assert list(reading) == [entry(write(number)) for number in range(recorded)]
    assert (reading.torn, reading.damage, reading.closed) == (0, [], False)
    assert recorded > 10


def test_a_full_disk_has_no_new_ledger(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        Ledger(tmp_path / "one.ledger", HEADER, write=full(100))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_keep_what_it_took_stops_it(make_ledger: MakeLedger) -> None:
    failed = threading.Event()
    calls = 0

    def sync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            failed.set()
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    ledger = make_ledger(sync=sync, interval=0.001)
    ledger.append([write(1)])
    assert failed.wait(10)
    ledger._thread.join(10)
    with pytest.raises(LedgerError, match="Input/output error"):
        ledger.append([write(2)])
    ledger.close()
    assert not read(ledger.path).closed


def test_it_is_synced_soon_after_every_append_and_not_without_one(make_ledger: MakeLedger) -> None:
    synced = threading.Semaphore(0)
    ledger = make_ledger(sync=lambda _: synced.release(), interval=0.001)
    assert synced.acquire(timeout=10)  # the header
    assert not synced.acquire(timeout=0.05)
    for number in range(3):
        ledger.append([write(number)])
        assert synced.acquire(timeout=10)
    ledger.close()


def test_after_the_end_nothing_is_taken(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    ledger.close()
    ledger.close()
    with pytest.raises(ValueError, match="closed"):
        ledger.append([write(1)])
    assert not held(ledger.path)


def test_a_ledger_is_never_written_over(make_ledger: MakeLedger) -> None:
    make_ledger().close()
    with pytest.raises(FileExistsError):
        make_ledger()


def test_times_are_those_of_the_acknowledgement(make_ledger: MakeLedger) -> None:
    moments: Any = iter([MILLISECONDS / 1000, MILLISECONDS / 1000 + 1.5])
    ledger = make_ledger(wall=lambda: next(moments))
    ledger.append([write(1)])
    ledger.append([write(2)])
    ledger.close()
    assert [each.acknowledged_at for each in read(ledger.path)] == [MILLISECONDS, MILLISECONDS + 1500]
