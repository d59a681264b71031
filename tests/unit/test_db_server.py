"""The launcher of our own PostgreSQL: real servers in throwaway folders."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from b2c_web import db_places as places
from b2c_web import db_server
from b2c_web.db_places import DatabaseServerError, ServerUser
from b2c_web.db_server import DatabaseServer, ephemeral_server

AS_ROOT = os.geteuid() == 0
STRANGER = ServerUser("stranger", 54321, 54321)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    # Not tmp_path: its parents are closed to the unprivileged user that root hands the server to.
    folder = Path(tempfile.mkdtemp(prefix="b2c-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(home: Path) -> Iterator[Path]:
    """A stopped server's folder with data. Tests share the data, making it takes longest."""
    folder = home / "postgres"
    if not (folder / "data" / "PG_VERSION").exists():
        DatabaseServer(folder, fsync=False).start()
        DatabaseServer(folder).stop()
    yield folder
    DatabaseServer(folder).stop()


@contextmanager
def moved(folder: Path, target: Path) -> Iterator[DatabaseServer]:
    """The server with its folder at another place for the time being."""
    folder.rename(target)
    server = DatabaseServer(target, fsync=False)
    yield server
    server.stop()
    if server.socket_dir.parent != target:
        shutil.rmtree(server.socket_dir)
    target.rename(folder)


@pytest.fixture
def server(folder: Path) -> DatabaseServer:
    return DatabaseServer(folder, fsync=False)


def ask(server: DatabaseServer, question: str, database: str = "b2c_web") -> object:
    with psycopg.connect(server.client_url(database)) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def ended(pid: int) -> bool:
    """Whether a server that took its pid file away is gone too, a moment later."""
    deadline = time.monotonic() + 60
    while db_server._alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not db_server._alive(pid)


def test_first_start_makes_role_and_database_in_utf8(server: DatabaseServer) -> None:
    server.start()
    assert ask(server, "SELECT current_user || '/' || current_database()") == "b2c_web/b2c_web"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT lower('ÄÖÜ')") == "äöü"


def test_the_role_may_install_btree_gist(server: DatabaseServer) -> None:
    server.start()
    with psycopg.connect(server.client_url()) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.rollback()


def test_it_listens_on_its_socket_alone(server: DatabaseServer) -> None:
    server.start()
    assert ask(server, "SHOW listen_addresses") == ""
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_mode & 0o077 == 0


def test_durable_unless_told_otherwise(folder: Path) -> None:
    durable = DatabaseServer(folder, settings={"work_mem": "5MB"})
    durable.start()
    answers = [ask(durable, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "work_mem")]
    assert answers == ["on", "on", "5MB"]
    durable.stop()
    volatile = DatabaseServer(folder, fsync=False)
    volatile.start()
    answers = [ask(volatile, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert answers == ["off", "off", "off"]


def test_starting_twice_keeps_the_one_that_runs(server: DatabaseServer, folder: Path) -> None:
    server.start()
    first = server.status().pid
    DatabaseServer(folder, fsync=False).start()
    assert server.status().pid == first


def test_data_outlives_a_stop(server: DatabaseServer) -> None:
    server.start()
    with psycopg.connect(server.client_url()) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    server.stop()
    assert not server.status().running
    server.start()
    assert ask(server, "SELECT to_regclass('kept')::text") == "kept"


def test_stop_does_not_wait_for_open_connections(server: DatabaseServer) -> None:
    server.start()
    with psycopg.connect(server.client_url(), autocommit=True) as connection:
        connection.execute("SELECT 1")
        server.stop()
        assert not server.status().running
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


START_AND_WAIT = """
import sys, time
from pathlib import Path
from b2c_web.db_server import DatabaseServer
DatabaseServer(Path(sys.argv[1]), fsync=False).start()
print("started", flush=True)
time.sleep(60)
"""


def test_a_killed_application_leaves_a_server_that_the_next_one_finds(folder: Path) -> None:
    command = [sys.executable, "-c", START_AND_WAIT, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=places.CLONE) as app:
        assert app.stdout is not None
        assert app.stdout.readline() == b"started\n"
        app.kill()
    server = DatabaseServer(folder, fsync=False)
    left = server.status().pid
    assert left is not None
    server.start()
    assert server.status().pid == left
    server.stop()
    assert not server.status().running
    assert ended(left)


def test_starts_again_after_the_server_itself_was_killed(server: DatabaseServer) -> None:
    server.start()
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.start()
    assert server.status().pid != pid
    assert ask(server, "SELECT 1") == 1


def test_a_number_that_another_program_has_now_is_not_ours(server: DatabaseServer) -> None:
    pid_file = server.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{server.data}\n{int(time.time())}\n5432\n{server.socket_dir}\n\n\n")
    lock = server.socket_dir / ".s.PGSQL.5432.lock"
    lock.write_text(pid_file.read_text())
    if AS_ROOT:  # the server's user must meet a living process of its own for PostgreSQL to balk
        _give_to_server_user(pid_file, lock, server=server)
    assert not server.status().running
    server.stop()
    server.start()
    assert server.status().pid != os.getpid()


def _give_to_server_user(*files: Path, server: DatabaseServer) -> None:
    assert server.user is not None
    for file in files:
        os.chown(file, server.user.uid, server.user.gid)


def test_many_starters_get_one_server(folder: Path) -> None:
    shutil.rmtree(folder / "data")
    failures: list[Exception] = []

    def start() -> None:
        try:
            DatabaseServer(folder, fsync=False).start()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ask(DatabaseServer(folder), "SELECT count(*) FROM pg_database WHERE datname = 'b2c_web'") == 1


def test_a_start_killed_half_way_is_made_good(server: DatabaseServer) -> None:
    server.data.rename(server.base / "data.new")
    (server.base / "data.new" / "PG_VERSION").unlink()
    server.start()
    assert ask(server, "SELECT 1") == 1


def test_databases_are_made_from_a_template_and_dropped(server: DatabaseServer) -> None:
    server.start()
    with psycopg.connect(server.client_url()) as connection:
        connection.execute("CREATE TABLE marker (n int)")
    server.create_database("copy-1", template="b2c_web")
    assert ask(server, "SELECT count(*) FROM marker", "copy-1") == 0
    with psycopg.connect(server.client_url("copy-1")):
        server.drop_database("copy-1")
    server.drop_database("copy-1")
    assert ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'copy-1'") == 0


def test_data_of_another_version_is_refused_with_a_way_out(server: DatabaseServer) -> None:
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(DatabaseServerError, match=r"made by PostgreSQL 12.*B2C_POSTGRES_BIN.*pg_dump"):
        server.start()
    shutil.rmtree(server.data)


def test_a_failed_start_shows_the_servers_own_words(folder: Path) -> None:
    server = DatabaseServer(folder, settings={"no_such_setting": "1"})
    with pytest.raises(DatabaseServerError, match="no_such_setting"):
        server.start()


@pytest.mark.parametrize("name", ["d" * 120, "with,comma", "o'neil is über+%41"])
def test_odd_paths_work(folder: Path, name: str) -> None:
    with moved(folder, folder.parent / name) as server:
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert len(str(server.socket_dir)) < places.SOCKET_FOLDER_BYTES


def test_a_folder_moved_under_a_running_server_is_taken_over(folder: Path) -> None:
    server = DatabaseServer(folder)
    server.start()
    pid = server.status().pid
    with psycopg.connect(server.client_url()) as connection:
        connection.execute("CREATE TABLE before_the_move (n int)")
    with moved(folder, folder.parent / "elsewhere") as found:
        assert found.status().pid == pid
        found.start()
        assert found.status().pid != pid
        assert ask(found, "SELECT count(*) FROM before_the_move") == 0


def test_a_start_waits_for_the_last_children_of_a_killed_server(server: DatabaseServer) -> None:
    server.start()
    pid = server.status().pid
    assert pid is not None
    with psycopg.connect(server.client_url()) as connection:
        child = connection.info.backend_pid
        os.kill(child, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        threading.Timer(0.5, os.kill, (child, signal.SIGCONT)).start()
        server.start()
    assert ask(server, "SELECT 1") == 1


def test_a_folder_closed_to_the_servers_user_is_left_for_one_outside(folder: Path) -> None:
    closed = folder.parent / "closed"
    closed.mkdir(mode=0o700)
    outside = folder.parent / "outside"
    server = DatabaseServer(closed / "postgres", fsync=False, outside=outside)
    server.start()
    assert ask(server, "SELECT 1") == 1
    server.stop()
    assert server.base.is_relative_to(outside if AS_ROOT else closed)
    assert closed.stat().st_mode & 0o777 == 0o700


def test_programs_closed_to_the_servers_user_are_copied(folder: Path) -> None:
    copy = places._copied_programs(places.find_programs({}), folder.parent / "outside")
    assert places.can_enter(copy, STRANGER)
    server = DatabaseServer(folder, fsync=False, environ={"B2C_POSTGRES_BIN": str(copy)})
    server.start()
    with psycopg.connect(server.client_url()) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.rollback()
    assert server.programs == copy


def test_who_may_pass_a_folder(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    assert not places.can_enter(inner, STRANGER)
    entry = inner.parent.stat()
    assert places._may_pass(entry, ServerUser("owner", entry.st_uid, 54321))
    inner.parent.chmod(0o710)
    assert places._may_pass(inner.parent.stat(), ServerUser("member", 54321, entry.st_gid))
    assert not places._may_pass(inner.parent.stat(), STRANGER)
    assert places.can_enter(inner, None)


def test_data_outside_is_found_again_after_the_folders_were_opened(tmp_path: Path) -> None:
    wanted = Path("/b2c-web-nowhere/postgres")
    assert places.reachable_base(wanted, STRANGER, tmp_path) == wanted
    elsewhere = tmp_path / places.short_hash(places.CLONE) / places.short_hash(wanted)
    (elsewhere / "data").mkdir(parents=True)
    assert places.reachable_base(wanted, STRANGER, tmp_path) == elsewhere


def test_the_chosen_programs_must_be_whole(tmp_path: Path) -> None:
    with pytest.raises(DatabaseServerError, match="B2C_POSTGRES_BIN"):
        places.find_programs({"B2C_POSTGRES_BIN": str(tmp_path)})


def test_debians_newest_programs_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        for name in places.PROGRAMS:
            (tmp_path / version / "bin" / name).touch()
    monkeypatch.setattr(places, "DEBIAN", tmp_path)
    monkeypatch.setattr(places, "_wheel_programs", lambda: None)
    assert places.find_programs({}) == tmp_path / "17" / "bin"
    shutil.rmtree(tmp_path)
    with pytest.raises(DatabaseServerError, match="make setup"):
        places.find_programs({})


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    stranger = STRANGER if AS_ROOT else None
    with pytest.raises(DatabaseServerError, match="belongs to"):
        places.make_private_folder(Path("/usr") if not AS_ROOT else _owned_by(tmp_path / "x", 12345), stranger)


def _owned_by(folder: Path, uid: int) -> Path:
    folder.mkdir()
    os.chown(folder, uid, uid)
    return folder


def test_what_a_killed_test_run_left_is_swept(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    theirs = folder.parent / "temporary"
    alive = theirs / f"b2c-db-{os.getpid()}-mine"
    alive.mkdir(parents=True)
    server = DatabaseServer(theirs / f"b2c-db-{gone.pid}-left", fsync=False)
    server.start()
    pid = server.status().pid
    monkeypatch.setattr(tempfile, "tempdir", str(theirs))
    db_server._sweep_abandoned()
    assert not server.base.exists()
    assert pid and ended(pid)
    assert alive.exists()


def test_what_may_be_lost_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    disk, memory = tmp_path / "disk", tmp_path
    assert places.passing_folders(memory, room=1) == [memory, disk]
    assert places.passing_folders(memory, room=2**60) == [disk, memory]
    assert places.passing_folders(tmp_path / "none", room=1) == [disk]


def test_an_ephemeral_server_leaves_nothing() -> None:
    with ephemeral_server() as server:
        pid = server.status().pid
        assert ask(server, "SHOW fsync") == "off"
    assert not server.base.exists()
    assert pid and ended(pid)
