"""Who runs what when several workers share the tests (`make test`): a file stays with one worker, the long ones begin
first, and all that drives a browser goes to two of them. More browsers at once would only wait for each other.
"""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# about half of the time that browsers take, so that both workers end together
FIRST_BROWSER = ("test_every_page", "test_capacity_more", "test_capacity_pages", "test_calendar")
LONG = ("test_demo", "test_promises", "test_runner", "test_migrations", "test_benchmarks", "test_db_server")


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """xdist's own `loadgroup` sees no group with pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", maxsplit=1)[0])
        if file.parent.name != "browser":
            return str(file)
        return f"browser {1 if file.stem in FIRST_BROWSER else 2}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    if config.getvalue("dist") != "load":
        return None  # somebody chose otherwise
    config.option.loadscopereorder = False  # the order below counts
    return _ByFile(config, log)


def _turn(file: Path) -> int:
    if file.parent.name == "browser":
        return 0
    return 1 + LONG.index(file.stem) if file.stem in LONG else 1 + len(LONG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _turn(item.path))
