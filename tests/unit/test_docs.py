"""The documentation names only what exists, and every job and hook."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from b2c_web import ROOT, jobs
from b2c_web.accounts import hooks as account_hooks
from b2c_web.bookings import hooks as booking_hooks
from b2c_web.checks import all_checks
from b2c_web.demo.logins import demo_logins
from b2c_web.extensions import hooks as extension_hooks
from b2c_web.media import hooks as media_hooks
from b2c_web.notifications import hooks as notification_hooks
from b2c_web.payments import hooks as payment_hooks
from b2c_web.workshops import hooks as workshop_hooks

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = ("b2c_web", "tools", "tests", "benchmarks", "migrations", "static/js", "templates", ".ci")
FILES = ("app.py", "gunicorn.conf.py", "Makefile", "requirements.txt", "requirements-dev.txt", "package.json")
TEXT = {".py", ".html", ".js", ".txt", ".mako", ".toml", ""}
NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?")
PATH = re.compile(r"[\w.][\w./-]*/[\w./-]*|[\w-]+\.(?:py|md|txt|json|html)")
# of PostgreSQL and Stripe, not of this code
FOREIGN = {"pg_dump", "pg_wal", "pg_stat_archiver", "failed_count"}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)\)", page.read_text()):
            path, _hash, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            if not linked.exists() or (anchor and anchor not in anchors(linked)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a heading can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def quoted(page: Path) -> Iterator[str]:
    """Everything between single backticks."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    yield from (" ".join(one.split()) for one in re.findall(r"`([^`]+)`", prose))


@pytest.fixture(scope="module")
def known_words() -> set[str]:
    files = [path for root in SOURCES for path in (ROOT / root).rglob("*") if path.suffix in TEXT and path.is_file()]
    wanted = [path for path in (*files, *(ROOT / name for name in FILES)) if path.name != Path(__file__).name]
    return {word for path in wanted for word in re.findall(r"\w+", path.read_text(errors="replace"))}


@pytest.mark.parametrize("doc", PAGES, ids=lambda doc: doc.stem)
def test_every_name_and_path_exists(doc: Path, known_words: set[str]) -> None:
    unknown = []
    for text in quoted(doc):
        if PATH.fullmatch(text):
            if not is_made_later(text) and not any((base / text).exists() for base in (ROOT, ROOT / "b2c_web")):
                unknown.append(text)
        elif NAME.fullmatch(text):
            unknown += [part for part in re.findall(r"\w+", text) if part not in known_words | FOREIGN]
    assert unknown == []


def is_made_later(path: str) -> bool:
    """What setup and a run make, addresses of pages, and names of files inside a feature."""
    made = path.startswith(("instance/", "static/vendor/", "checkout.session", "Europe/"))
    return made or any((ROOT / "b2c_web").rglob(path))


HOOKS = (
    account_hooks.ALL, workshop_hooks.ALL, booking_hooks.ALL, extension_hooks.ALL,
    [notification_hooks.gave_up, jobs.gave_up],
)  # fmt: skip
ARCHITECTURE, OPERATIONS, README = (ROOT / name for name in ("docs/architecture.md", "docs/operations.md", "README.md"))


def first_column(page: Path, heading: str) -> set[str]:
    """What stands between backticks in the first column of the tables below a heading."""
    below = page.read_text().partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    rows = (line.split("|")[1] for line in below.splitlines() if line.startswith("|"))
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_tables_of_jobs_are_the_jobs(app: Flask) -> None:
    assert first_column(ARCHITECTURE, "## Jobs") == set(jobs.declared_names())


def test_every_hook_and_every_listener_is_listed(app: Flask) -> None:
    text = ARCHITECTURE.read_text()
    plain = {hook.name: hook.names() for each in HOOKS for hook in each}
    listeners = plain | payment_hooks.registered() | media_hooks.registered()
    names = {name.rpartition(".")[2] for found in listeners.values() for name in found}
    assert [name for name in plain if f"`{name}`" not in text and name.rpartition(".")[2] not in text] == []
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", text)] == []


def test_every_operation_that_can_fail_for_good_says_what_to_do() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "b2c_web").rglob("*.py"))
    named = set(re.findall(r'(?:give_up|record_failure)\(\s*"([a-z_.]+)"', source))
    assert len(named) > 5
    assert named - first_column(OPERATIONS, "## What each alarm means") == set()


def test_every_breach_of_verify_says_what_to_do(session: Any) -> None:
    found = [check().name for check in all_checks()]
    begins = tuple(name.removesuffix(" ...") for name in first_column(OPERATIONS, "## What each alarm means"))
    assert [name for name in found if not name.startswith(begins)] == []


def test_what_production_does_not_start_without_is_told() -> None:
    asked = (ROOT / "b2c_web" / "config_checks.py").read_text().partition('!= "production"')[2].partition("\ndef ")[0]
    names = set(re.findall(r'ConfigError\(\s*"([A-Z0-9_]+): production', asked))
    assert len(names) > 5
    told = {name.partition("=")[0] for name in first_column(OPERATIONS, "## Settings")}
    assert names - told == set()


def test_every_command_of_ours_is_told(app: Flask) -> None:
    told = OPERATIONS.read_text() + README.read_text() + ARCHITECTURE.read_text()
    groups = {name: getattr(one, "commands", {"": None}) for name, one in app.cli.commands.items() if name != "db"}
    names = [f"flask {group} {command}".rstrip() for group, commands in groups.items() for command in commands]
    assert len(names) > 10
    assert [name for name in names if name not in told] == []


def test_the_readme_tells_the_demo_logins() -> None:
    text = README.read_text()
    assert [one for one in demo_logins() if f"`{one.email}` | `{one.password}`" not in text] == []


COMMAND = r"(?<![-\w])flask ([a-z][a-z-]*)(?: ([a-z]+(?:-[a-z]+)*)\b)?"


def test_every_command_exists(app: Flask) -> None:
    unknown = []
    for page in PAGES:
        for group, command in re.findall(COMMAND, page.read_text()):
            found = app.cli.commands.get(group)
            inner = getattr(found, "commands", None)
            if found is None or (inner is not None and command and command not in inner):
                unknown.append(f"{page.name}: flask {group} {command}")
    assert unknown == []


def test_every_dependency_has_its_reason() -> None:
    """Beyond the project's fixed list, which the page itself names first."""
    text = (ROOT / "docs" / "decisions" / "dependencies.md").read_text().lower()
    pins = [
        line for name in ("requirements.txt", "requirements-dev.txt") for line in (ROOT / name).read_text().split("\n")
    ]
    names = [re.split(r"[=\[]", line)[0].lower() for line in pins if "==" in line]
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)] == []
