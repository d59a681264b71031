"""Everything the simulator remembers, in one SQLite file, so that a killed process loses nothing it has answered.

One connection behind one lock: requests are short, and the order of effects is then the order of answers.
"""

import contextlib
import fcntl
import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Body = dict[str, Any]
VERSION = 1
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
  customer TEXT, intent TEXT, label TEXT, body TEXT NOT NULL, private TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_intent ON objects (intent, kind, seq) WHERE intent IS NOT NULL;
CREATE TABLE IF NOT EXISTS timers (
  object_id TEXT NOT NULL, action TEXT NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY (object_id, action));
CREATE INDEX IF NOT EXISTS timers_due ON timers (due_at);
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, digest TEXT NOT NULL, status INTEGER NOT NULL,
  body TEXT NOT NULL, request_id TEXT NOT NULL, created INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL, due_at REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, first_at REAL, waits_for INTEGER, batch TEXT, last_answer TEXT);
CREATE INDEX IF NOT EXISTS deliveries_owed ON deliveries (state, due_at);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
TABLES = ("objects", "timers", "answers", "deliveries", "settings")


@dataclass
class Record:
    """An object as the client sees it (`body`) and what only the simulator knows about it (`private`)."""

    body: Body
    private: Body = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.body["id"])

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class Store:
    def __init__(self, path: Path, seed: str | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._guard = _only_process(path)
        self._lock = threading.RLock()
        self._seed = seed
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        # WAL with NORMAL loses nothing when the process is killed; only a power cut could.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise SystemExit(f"{path} was written by another version of the simulator: delete it or choose another.")
        self._db.executescript(SCHEMA)
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written together or not at all; one at a time in the whole process."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._guard.close()

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """The number of rows changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    def new_id(self, prefix: str, length: int = 24) -> str:
        """An id that was never given before; the same ones in the same order for a seed."""
        if self._seed is None:
            return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))
        counter = int(self.setting("id_counter", "0")) + 1
        self.set_setting("id_counter", str(counter))
        digest = hashlib.blake2b(f"{self._seed}:{counter}".encode(), digest_size=64).digest()
        return prefix + "".join(LETTERS[byte % 62] for byte in (digest * 2)[:length])

    def setting(self, name: str, default: str) -> str:
        found = self.rows("SELECT value FROM settings WHERE name = ?", (name,))
        return str(found[0][0]) if found else default

    def set_setting(self, name: str, value: str) -> None:
        self.write(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def insert(self, record: Record) -> Record:
        values = (record.id, record["object"], record.body.get("created", 0), *_indexed(record.body), *_dumped(record))
        self.write(
            "INSERT INTO objects (id, kind, created, customer, intent, label, body, private) VALUES (?,?,?,?,?,?,?,?)",
            values,
        )
        return record

    def save(self, record: Record) -> None:
        values = (*_indexed(record.body), *_dumped(record), record.id)
        self.write("UPDATE objects SET customer=?, intent=?, label=?, body=?, private=? WHERE id = ?", values)

    def load(self, object_id: str) -> Record | None:
        found = self.rows("SELECT body, private FROM objects WHERE id = ?", (object_id,))
        return Record(json.loads(found[0][0]), json.loads(found[0][1])) if found else None

    def select(self, kind: str, where: str = "", values: tuple[Any, ...] = (), tail: str = "") -> list[Record]:
        """Records of a kind; `where` and `tail` are words of ours, never a client's."""
        sql = f"SELECT body, private FROM objects WHERE kind = ?{where} {tail}"  # noqa: S608
        return [Record(json.loads(body), json.loads(private)) for body, private in self.rows(sql, (kind, *values))]

    def set_timer(self, object_id: str, action: str, due_at: int) -> None:
        self.write("INSERT OR REPLACE INTO timers VALUES (?, ?, ?)", (object_id, action, due_at))

    def drop_timer(self, object_id: str, action: str) -> None:
        self.write("DELETE FROM timers WHERE object_id = ? AND action = ?", (object_id, action))

    def due_timers(self, now: int) -> list[tuple[str, str, int]]:
        found = self.rows(
            "SELECT object_id, action, due_at FROM timers WHERE due_at <= ? ORDER BY due_at LIMIT 500", (now,)
        )
        return [(str(row[0]), str(row[1]), int(row[2])) for row in found]

    def clear(self) -> None:
        for table in TABLES:
            self.write(f"DELETE FROM {table}")  # noqa: S608 - names of ours


class Clock:
    """Seconds since 1970, plus an offset that tests push forward; the offset survives a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.offset = int(store.setting("clock_offset", "0"))

    def now(self) -> int:
        return int(time.time()) + self.offset

    def advance(self, seconds: int) -> None:
        self.offset += seconds
        self._store.set_setting("clock_offset", str(self.offset))


def _indexed(body: Body) -> tuple[Any, ...]:
    label = "deleted" if body.get("deleted") else body.get("status") or body.get("type")
    return body.get("customer"), body.get("payment_intent"), label


def _dumped(record: Record) -> tuple[str, str]:
    return json.dumps(record.body, separators=(",", ":")), json.dumps(record.private, separators=(",", ":"))


def _only_process(path: Path) -> Any:
    """Two processes on one state file would each believe their own timers and deliveries."""
    guard = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        guard.close()
        raise SystemExit(f"{path} is in use by another payment simulator.") from None
    return guard
