"""Where the coarse rate limit counts: in this process, without a thread.

The library's own memory store starts a thread for forgetting nearly every time it counts, which takes a tenth of a
small page's time. Counters of a window that is over are forgotten here when many have gathered.
"""

import threading
import time

from limits.storage import Storage

MANY = 10_000
ADDRESS = "process://"  # what the limiter's settings call it


class ProcessMemory(Storage):
    """Counts within fixed windows, safe between threads."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - the library's form

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: float | str | bool) -> None:
        super().__init__(uri, wrap_exceptions, **options)
        self._counts: dict[str, tuple[int, float]] = {}  # key -> (count, when its window is over)
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return KeyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The count of `key` in the present window of `expiry` seconds, this one included."""
        now = time.time()
        with self._lock:
            count, until = self._counts.get(key, (0, 0.0))
            if until <= now:
                count, until = 0, now + expiry
            self._counts[key] = (count + amount, until)
            if len(self._counts) > MANY:
                self._counts = {name: kept for name, kept in self._counts.items() if kept[1] > now}
            return count + amount

    def get(self, key: str) -> int:
        count, until = self._counts.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            forgotten, self._counts = len(self._counts), {}
        return forgotten

    def clear(self, key: str) -> None:
        with self._lock:
            self._counts.pop(key, None)
