"""A small launcher for a PostgreSQL of our own, so that nobody has to install one.

It listens on a Unix socket only and outlives the program that started it: whoever comes next finds it
again and can stop it. With DATABASE_URL in the environment nobody calls this module.
"""

import fcntl
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from b2c_web import db_places as places
from b2c_web.db_places import DatabaseServerError, ServerUser

log = logging.getLogger(__name__)

ROLE = "b2c_web"
START_SECONDS = 120  # crash recovery after a hard stop may take this long
STOP_SECONDS = 60
ORPHAN_SECONDS = 10
LOG_BYTES = 5_000_000

# For a machine with 2 cores that runs the application too.
SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%d ",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
}
# Data that a test may lose: no waiting for the disk, less memory.
VOLATILE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "256MB",
    "log_lock_waits": "off",
}


@dataclass(frozen=True)
class ServerStatus:
    """What a private server is doing. `version`: the major version of its data, None before there is any."""

    running: bool
    pid: int | None
    version: str | None
    base: Path
    user: str
    url: str


class DatabaseServer:
    """One PostgreSQL server in one folder. Every method may be called from several processes at once.

    `base_dir`: its data, log and socket. Root hands the server to an unprivileged user; when that user
    cannot enter `base_dir`, everything is kept in a folder below `outside` instead, one per clone.
    `fsync=False`: for data that may be lost. `settings`: PostgreSQL's settings on top of ours.
    """

    def __init__(
        self,
        base_dir: Path,
        *,
        fsync: bool = True,
        settings: Mapping[str, str] | None = None,
        environ: Mapping[str, str] = os.environ,
        outside: Path = places.OUTSIDE,
    ) -> None:
        self._wanted = Path(base_dir).resolve()
        self._fsync = fsync
        self._settings = SETTINGS | ({} if fsync else VOLATILE) | dict(settings or {})
        self._environ = environ
        self._outside = outside

    # -- where it lives

    @cached_property
    def user(self) -> ServerUser | None:
        return places.server_user(self._wanted / "data")

    @cached_property
    def base(self) -> Path:
        return places.reachable_base(self._wanted, self.user, self._outside)

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log_file(self) -> Path:
        return self.base / "server.log"

    @cached_property
    def socket_dir(self) -> Path:
        return places.socket_folder(self.base)

    @cached_property
    def programs(self) -> Path:
        found = places.find_programs(self._environ)
        return places.reachable_programs(found, self.user, self._outside)

    def url(self, database: str = ROLE) -> str:
        """The address for SQLAlchemy. Known before the server was ever started."""
        return self.client_url(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def client_url(self, database: str = ROLE) -> str:
        """The address for any client of PostgreSQL, such as psql or pg_dump."""
        return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(self.socket_dir))}"

    # -- starting and stopping

    def start(self) -> None:
        """Has the server running with its database; makes the data on the first call. Idempotent.

        Raises DatabaseServerError when it cannot be had, with the reason and the end of the server's log.
        """
        self._make_home()
        with self._locked():
            if not self._attached():
                self._check_version()
                self._make_data()
                self._launch()
            self._ensure_database()

    def stop(self) -> None:
        """Ends the server at once, open connections included; nothing committed is lost. Idempotent."""
        if not self.base.exists():
            return
        with self._locked():
            if self._running_pid() is not None:
                self._halt()

    def status(self) -> ServerStatus:
        """Whether it runs and where it lives."""
        pid = self._running_pid()
        user = self.user.name if self.user else places.user_name(os.geteuid())
        return ServerStatus(pid is not None, pid, self._data_version(), self.base, user, self.client_url())

    # -- databases

    def create_database(self, name: str, template: str | None = None) -> None:
        """Makes a database, as a copy of `template` if one is named (nobody may be connected to that)."""
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with self._connected() as connection:
            connection.execute(command)

    def drop_database(self, name: str) -> None:
        """Removes a database if it is there, and ends the connections to it."""
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with self._connected() as connection:
            connection.execute(command)

    def _ensure_database(self) -> None:
        with self._connected() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE]).fetchone()
        if not found:
            self.create_database(ROLE)

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.client_url("postgres"), autocommit=True, connect_timeout=10)

    # -- the parts of a start

    def _attached(self) -> bool:
        """Whether a server runs already and answers. Waits for one that is coming up or on its way out."""
        deadline = time.monotonic() + START_SECONDS
        while self._running_pid() is not None:
            if Path(self._pid_file()[1]) != self.data:
                self._halt()
                return False
            try:
                self._connected().close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise DatabaseServerError(f"The server in {self.base} does not answer: {error}") from error
                time.sleep(0.05)
            else:
                return True
        return False

    def _make_home(self) -> None:
        try:
            places.make_open_folders(self.base.parent)
            places.make_private_folder(self.base, self.user)
            places.make_private_folder(self.socket_dir, self.user)
        except PermissionError as error:
            raise DatabaseServerError(f"Cannot keep a database in {self.base}: {error}.") from error
        if self.base != self._wanted and self.user:
            log.warning(
                "The server's user %s cannot enter %s: the database is kept in %s",
                self.user.name, self._wanted.parent, self.base,
            )  # fmt: skip

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            handle = os.open(self.base / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except PermissionError as error:
            raise DatabaseServerError(f"{self.base} belongs to {places.owner_name(self.base)}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _make_data(self) -> None:
        if self.data.exists():
            return
        draft = self.base / "data.new"  # renamed when whole: a start killed half way leaves no half of one
        shutil.rmtree(draft, ignore_errors=True)
        major = self._program_version()
        # Versions before 17 know no locale of their own, and take the C library's.
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if int(major) >= 17
            else ["--locale=C.UTF-8"]
        )
        trust = ["--auth-local=trust", "--auth-host=reject"]  # the folder of the socket is the key
        durable = [] if self._fsync else ["--no-sync"]
        self._run("initdb", "-D", draft, "-U", ROLE, "--encoding=UTF8", *locale, *trust, *durable)
        draft.rename(self.data)

    def _launch(self) -> None:
        self._clear_leftovers()
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        settings = self._settings | {"listen_addresses": "", "unix_socket_permissions": "0700"}
        settings["unix_socket_directories"] = str(self.socket_dir)
        options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in settings.items())
        command = ["pg_ctl", "start", "-D", self.data, "-l", self.log_file, "-w", "-s"]
        deadline = time.monotonic() + ORPHAN_SECONDS
        while True:
            try:
                return self._run(*command, "-t", START_SECONDS, "-o", options)
            except DatabaseServerError as error:
                # The last words of a server that was killed: its children end a moment after it.
                if "still in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _halt(self) -> None:
        # A server whose folder was moved meanwhile cannot write its last checkpoint where it looks for it;
        # it ends at once and makes good from its log at the next start.
        moved = Path(self._pid_file()[1]) != self.data
        mode = "immediate" if moved else "fast"
        self._run("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-s", "-t", STOP_SECONDS)

    def _run(self, program: object, *arguments: object) -> None:
        """Runs one of PostgreSQL's programs as the server's user, away from our secrets and our folder."""
        command = [str(self.programs / str(program)), *map(str, arguments)]
        environ = {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}
        identity = self.user.process_arguments() if self.user else {}
        # A file, not a pipe: the server may inherit it, and a pipe would then never end.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.base, env=environ, **identity,
            )  # fmt: skip
            if result.returncode:
                output.seek(0)
                said = output.read().decode(errors="replace")
                raise DatabaseServerError(f"PostgreSQL's {program} failed: {said.strip()}{self._log_end()}")

    def _log_end(self) -> str:
        if not self.log_file.exists():
            return ""
        lines = self.log_file.read_text(errors="replace").splitlines()[-8:]
        return "\n".join([f"\nThe end of {self.log_file}:", *lines])

    # -- versions

    def _data_version(self) -> str | None:
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def _program_version(self) -> str:
        command = [str(self.programs / "postgres"), "--version"]
        text = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout
        return text.split()[2].split(".")[0]  # "postgres (PostgreSQL) 18.6"

    def _check_version(self) -> None:
        made, have = self._data_version(), self._program_version()
        if made not in {None, have}:
            raise DatabaseServerError(
                f"The database in {self.data} was made by PostgreSQL {made}, the programs in "
                f"{self.programs} are PostgreSQL {have}. Set B2C_POSTGRES_BIN to the programs of a "
                f"PostgreSQL {made} and carry the data over with pg_dump, or move {self.base} away "
                "to begin with an empty database."
            )

    # -- which process is ours

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        except PermissionError as error:
            raise DatabaseServerError(f"{self.base} belongs to {places.owner_name(self.base)}.") from error

    def _running_pid(self) -> int | None:
        """The process id of our running server. A number that another program got since does not count."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines else 0
        return pid if pid and self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        # A server works in its data folder, wherever that was moved to since.
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", self.data)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False

    def _clear_leftovers(self) -> None:
        """PostgreSQL refuses to start while any process, even a dead one, has the number of its last one."""
        lines = self._pid_file()
        if lines and Path("/proc", lines[0]).exists():
            (self.data / "postmaster.pid").unlink()
        for stale in self.socket_dir.glob(".s.PGSQL.*"):
            stale.unlink()


def _alive(pid: int) -> bool:
    """Whether a process has this number; one that is dead and only waits to be reaped has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def own_server() -> DatabaseServer:
    """The server of this installation, below its instance folder."""
    return DatabaseServer(places.instance_dir() / "postgres")


@contextmanager
def ephemeral_server(*, fsync: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[DatabaseServer]:
    """A started server in a folder of its own that is gone afterwards, data and all."""
    _sweep_abandoned()
    place = tempfile.gettempdir() if fsync else places.passing_folders()[0]
    folder = Path(tempfile.mkdtemp(prefix=f"b2c-db-{os.getpid()}-", dir=place)).resolve()
    server = DatabaseServer(folder, fsync=fsync, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _sweep_abandoned() -> None:
    """Ends what killed test runs left behind: a folder carries the number of the process that made it."""
    for folder in (one for place in places.passing_folders() for one in place.glob("b2c-db-*-*")):
        maker = int(folder.name.split("-")[2])
        with suppress(FileNotFoundError):  # another run may be sweeping too
            if not _alive(maker) and folder.stat().st_uid in _own_users():
                DatabaseServer(folder).stop()
                shutil.rmtree(folder)


def _own_users() -> set[int]:
    user = places.server_user(Path("/nonexistent"))
    return {os.geteuid(), user.uid if user else os.geteuid()}
