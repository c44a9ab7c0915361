"""A file that was cut off or damaged gives what it has, and says what it has not."""

import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_writes import HEADER, MILLISECONDS, entry, write
from salespipe.errors import SalespipeError
from salespipe.ledger import Ledger, read
from salespipe.ledger.blocks import FRAME, MARK, begin, frame, pack
from salespipe.load.attributes import put_request
from salespipe.load.writer import Write
from salespipe.orders import Kind

MakeLedger = Callable[..., Ledger]
BATCHES = [[write(1), write(2, Kind.UPDATE)], [write(2, Kind.DELETE)], [write(3, line=9), write(4, expect=5)]]
ENTRIES = [entry(each) for batch in BATCHES for each in batch]


@pytest.fixture
def whole(make_ledger: MakeLedger) -> bytes:
    """The bytes of a ledger of three blocks that was closed."""
    ledger = make_ledger("whole.ledger")
    for batch in BATCHES:
        ledger.append(batch)
    ledger.close()
    return ledger.path.read_bytes()


def test_every_prefix_reads_as_a_prefix_of_its_entries(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.ledger"
    beginning = len(begin(HEADER))
    numbers = set()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        if size < beginning:
            with pytest.raises(SalespipeError) as raised:
                read(path)
            assert raised.value.code == "LedgerHeader", size
            continue
        reading = read(path)
        entries = list(reading)
        assert entries == ENTRIES[: len(entries)]
        assert reading.damage == []
        assert not reading.closed
        assert "cut off" in reading.told()[-1]
        assert (reading.torn > 0) == ("no whole record" in reading.told()[0])
        numbers.add(len(entries))
    assert numbers == {0, 2, 3, 5}


def test_every_flipped_byte_is_told_and_makes_no_entry(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.ledger"
    codes = set()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
        try:
            reading = read(path)
        except SalespipeError as error:
            codes.add(error.code)
            assert position < len(begin(HEADER))
            continue
        entries = list(reading)
        missing = [each for each in ENTRIES if each not in entries]
        assert [each for each in ENTRIES if each in entries] == entries
        assert sum(damage.lost for damage in reading.damage) == len(missing)
        assert reading.told()
        assert bool(reading.damage) == bool(missing)
        assert missing or reading.torn
    assert codes == {"NotALedger", "LedgerHeader"}


def test_a_block_that_is_gone_altogether_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gap.ledger"
    last = frame(3, pack(BATCHES[2], MILLISECONDS))
    path.write_bytes(begin(HEADER) + frame(0, pack(BATCHES[0], MILLISECONDS)) + last)
    reading = read(path)
    assert list(reading) == ENTRIES[:2] + ENTRIES[3:]
    assert [(damage.length, damage.lost) for damage in reading.damage] == [(0, 1)]


@given(st.binary(max_size=300), st.integers(0, 70_000))
@settings(max_examples=50, deadline=None)
def test_rubbish_of_any_length_between_blocks_is_left_out(rubbish: bytes, zeros: int) -> None:
    rubbish = MARK + rubbish + bytes(zeros) + MARK[:3]
    with tempfile.NamedTemporaryFile() as file:
        beginning = begin(HEADER) + frame(0, pack(BATCHES[0], MILLISECONDS))
        file.write(beginning + rubbish + frame(2, pack(BATCHES[1], MILLISECONDS)))
        file.flush()
        reading = read(Path(file.name))
        assert list(reading) == ENTRIES[:3]
        assert [(each.offset, each.length, each.lost) for each in reading.damage] == [(len(beginning), len(rubbish), 0)]


KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
WRITES = st.builds(
    lambda kind, key, line, expect: Write(
        kind, key, b"{}" if kind is Kind.DELETE else put_request({"orderid": key}, "orderid"), 0.0, line, expect
    ),
    st.sampled_from(Kind),
    KEYS,
    st.integers(0, 2**40),
    st.integers(0, 200),
)


@settings(deadline=None)
@given(st.lists(st.lists(WRITES, min_size=1, max_size=30), max_size=8))
def test_what_was_recorded_is_what_is_read(batches: list[list[Write]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Ledger(Path(folder) / "any.ledger", HEADER, sync=lambda _: None) as ledger:
            for batch in batches:
                ledger.append(batch)
        reading = read(ledger.path)
        assert [(each.kind, each.key, each.line, each.expect) for each in reading] == [
            (each.kind, each.key, each.line, each.expect) for batch in batches for each in batch
        ]
        assert reading.told() == []


def test_reading_needs_the_memory_of_a_block(tmp_path: Path) -> None:
    path = tmp_path / "long.ledger"
    batch = pack([write(number) for number in range(25)], MILLISECONDS)
    path.write_bytes(begin(HEADER) + b"".join(frame(number * 25, batch) for number in range(4000)))
    tracemalloc.start()
    assert sum(1 for _ in read(path)) == 100_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000 < path.stat().st_size


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"salespipe ledger 2\nwhatever", "LedgerFormat", "format 2; this salespipe reads format 1"),
        (b"salespipe ledger 12\nwhatever", "LedgerFormat", "format 12"),
        (b"orderid,price\n1,2\n", "NotALedger", "not a ledger"),
        (b"salespipe ledger x\n", "NotALedger", "not a ledger"),
        (bytes(500), "NotALedger", "not a ledger"),
        (b"", "LedgerHeader", "nothing was recorded"),
        (b"salespipe ledger 1\n" + frame(0, b'{"pipeline":1}'), "LedgerHeader", "not understood"),
        (b"salespipe ledger 1\n" + bytes(90) + frame(0, b"{}"), "LedgerHeader", "damaged"),
    ],
)
def test_what_is_no_ledger_of_ours_is_refused(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    path = tmp_path / "other.ledger"
    path.write_bytes(content)
    with pytest.raises(SalespipeError, match=words) as raised:
        read(path)
    assert raised.value.code == code


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match="No such file"):
        read(tmp_path / "none.ledger")


def test_the_frame_is_what_was_agreed() -> None:
    """What older ledgers have: changing it makes another format."""
    assert FRAME.size == 20
    assert frame(0, pack(BATCHES[0], MILLISECONDS)).hex() == (
        "f1ed53502b000000f46787580000000000000000"  # mark, length, checksum, first entry
        "96cf0000019aa8dc48fac402000192a36f2d31a36f2d32c410a12963808b661fbbb13aec61ea171118c0c0"
    )


def test_the_entries_of_one_key_and_how_many_there_were_besides(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "whole.ledger"
    path.write_bytes(whole)
    reading = read(path)
    assert list(reading.of("o-2")) == [each for each in ENTRIES if each.key == "o-2"]
    assert (reading.entries, reading.closed, reading.damage) == (5, True, [])
    assert list(reading.of("o-")) == []
    assert (reading.entries, reading.closed) == (5, True)
