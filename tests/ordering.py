"""Who runs what when several workers share the tests (`make test`): a file stays with one worker, the long ones begin
first, and all that drives a browser goes to two of them. More browsers at once would only wait for each other.
"""

from pathlib import Path

import pytest

# about half of the time that browsers take, so that both workers end together
FIRST_BROWSER = ("test_every_page", "test_capacity_more", "test_capacity_pages", "test_calendar")
LONG = ("test_demo", "test_promises", "test_runner", "test_migrations", "test_benchmarks", "test_db_server")


def _group(file: Path) -> str:
    if file.parent.name != "browser":
        return f"{file.parent.name}/{file.stem}"
    return f"browser {1 if file.stem in FIRST_BROWSER else 2}"


def _turn(file: Path) -> int:
    if file.parent.name == "browser":
        return 0
    return 1 + LONG.index(file.stem) if file.stem in LONG else 1 + len(LONG)


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))
    items.sort(key=lambda item: _turn(item.path))
