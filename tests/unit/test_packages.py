"""What is installed: exact versions, no registry's address, and every file that a page asks for."""

import json
import re
from pathlib import Path

import pytest

from b2c_web.db_places import CLONE
from tools import setup, vendor


def test_every_direct_dependency_is_pinned() -> None:
    lines = [line for name in setup.REQUIREMENTS for line in (CLONE / name).read_text().splitlines()]
    words = [line.partition("#")[0].strip() for line in lines]
    wanted = [line for line in words if line and not line.startswith("-r ")]
    assert [line for line in wanted if not re.fullmatch(r"[\w.\-]+(\[[\w,]+\])?==[\w.]+", line)] == []
    package = json.loads((CLONE / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((CLONE / "package-lock.json").read_text())["packages"]
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
    assert [name for name, entry in locked.items() if name and not entry["integrity"].startswith("sha512-")] == []


def test_every_vendored_file_that_a_page_or_style_asks_for_is_copied() -> None:
    pages = [*(CLONE / "templates").rglob("*.html"), *(CLONE / "static").glob("css/*.css")]
    asked = {name for page in pages for name in re.findall(r"vendor/([\w./-]+\.\w+)", page.read_text())}
    assert asked
    assert asked <= set(vendor.FILES)
    assert vendor.complete()


def test_a_package_that_lacks_a_file_leaves_the_old_ones(tmp_path: Path) -> None:
    old = tmp_path / "vendor"
    old.mkdir()
    (old / "htmx.min.js").write_text("old")
    with pytest.raises(FileNotFoundError):
        vendor.fill(tmp_path / "nothing", old)
    assert (old / "htmx.min.js").read_text() == "old"
