"""The documentation names only what exists, and every job and hook."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from b2c_web import ROOT, jobs
from b2c_web.bookings import hooks as booking_hooks
from b2c_web.payments import hooks as payment_hooks

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


def test_every_job_is_listed() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert [name for name in jobs.declared_names() if f"`{name}`" not in text] == []


def test_every_listener_of_a_hook_is_listed(app: Flask) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    listeners = {hook.name: hook.names() for hook in booking_hooks.ALL} | payment_hooks.registered()
    names = {name.rpartition(".")[2] for found in listeners.values() for name in found}
    assert [hook.name for hook in booking_hooks.ALL if f"`{hook.name}`" not in text] == []
    assert [name for name in sorted(names) if not re.search(rf"\b{name}`", text)] == []


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
