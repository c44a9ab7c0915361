import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from salespipe.errors import SalespipeError
from salespipe.local.store import FORMAT, Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "data")
    store.schema("CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, name TEXT)")
    yield store
    store.close()


def names(store):
    return [name for (name,) in store.read().execute("SELECT name FROM thing ORDER BY id").fetchall()]


def add(connection, name):
    connection.execute("INSERT INTO thing (name) VALUES (?)", (name,))


def test_what_is_committed_is_there_after_opening_again(tmp_path):
    store = Store(tmp_path / "data")
    store.schema("CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, name TEXT)")
    with store.write() as connection:
        add(connection, "kept")
    store.close()
    again = Store(tmp_path / "data")
    assert names(again) == ["kept"]
    again.close()


def test_the_folder_is_the_users_alone(store):
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_an_exception_rolls_back_the_whole_block(store):
    def fail():
        with store.write() as outer:
            add(outer, "outer")
            with store.write() as inner:
                add(inner, "inner")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert names(store) == []


def test_a_nested_block_joins_the_outer_one(store):
    with store.write() as outer:
        with store.write() as inner:
            add(inner, "inner")
        assert names(store) == ["inner"]  # the block sees its own changes
        other = []
        thread = threading.Thread(target=lambda: other.extend(names(store)))
        thread.start()
        thread.join()
        assert other == []  # which are not committed yet
        add(outer, "outer")
    assert names(store) == ["inner", "outer"]


def test_after_commit_runs_once_committed_and_not_after_a_rollback(store):
    seen = []

    def fail():
        with store.write():
            store.after_commit(lambda: seen.append("never"))
            raise ValueError("no")

    with store.write() as connection:
        add(connection, "a")
        with store.write():
            store.after_commit(lambda: seen.append(names(store)))
        assert seen == []
    assert seen == [["a"]]
    with pytest.raises(ValueError, match="no"):
        fail()
    with store.write():
        pass
    assert seen == [["a"]]
    with pytest.raises(RuntimeError):
        store.after_commit(lambda: None)


def test_after_commit_may_write(store):
    def more():
        with store.write() as connection:
            add(connection, "second")

    with store.write() as connection:
        add(connection, "first")
        store.after_commit(more)
    assert names(store) == ["first", "second"]


def test_writers_in_many_threads_lose_nothing(store):
    def work(number):
        for i in range(50):
            with store.write() as connection:
                add(connection, f"{number}-{i}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names(store))) == 400


def test_readers_do_not_wait_for_a_writer(store):
    seen = []
    with store.write() as connection:
        add(connection, "pending")
        thread = threading.Thread(target=lambda: seen.append(names(store)))
        thread.start()
        thread.join(30)
    assert seen == [[]]


def test_a_read_connection_cannot_write(store):
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.read().execute("DELETE FROM thing")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "data" / "state.db"
    path.parent.mkdir()
    path.write_bytes(b"my shopping list, which is surely no database file" * 100)
    before = path.read_bytes()
    with pytest.raises(SalespipeError) as failure:
        Store(path.parent)
    assert failure.value.code == "StateUnreadable"
    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path):
    Store(tmp_path / "data").close()
    connection = sqlite3.connect(tmp_path / "data" / "state.db")
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(SalespipeError) as failure:
        Store(tmp_path / "data")
    assert failure.value.code == "StateFormat"


def test_acknowledged_writes_survive_kill_9(tmp_path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from salespipe.local.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "store.schema('CREATE TABLE IF NOT EXISTS thing (id INTEGER PRIMARY KEY, name TEXT)')\n"
        "number = 0\n"
        "while True:\n"
        "    with store.write() as connection:\n"
        "        connection.execute('INSERT INTO thing (name) VALUES (?)', (str(number),))\n"
        "    print(number, flush=True)\n"
        "    number += 1\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "data")], stdout=subprocess.PIPE) as child:
        for _ in range(200):
            acknowledged = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().splitlines()
    acknowledged = int(rest[-1]) if rest else acknowledged
    store = Store(tmp_path / "data")
    assert names(store)[: acknowledged + 1] == [str(number) for number in range(acknowledged + 1)]
    store.close()
