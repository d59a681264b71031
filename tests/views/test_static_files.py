"""A file that a browser has is never asked for again, and never another version's than the page's."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import ROOT, static_files
from tests.factories import make_customer

KEPT = "public, max-age=31536000, immutable"


def addresses(page: str) -> set[str]:
    return set(re.findall(r'"(/static/[^"#]+)', page))


def test_every_file_of_a_page_is_kept_for_good(client: FlaskClient) -> None:
    found = addresses(client.get("/").get_data(as_text=True))
    assert {Path(address).suffix for address in found} >= {".css", ".js", ".svg", ".woff2"}
    for address in found:
        with client.get(address) as answer:
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, KEPT), address


def test_files_name_each_other_within_the_version(app: Flask, client: FlaskClient) -> None:
    """Below one folder: nothing in a stylesheet or script begins at the root."""
    for file in (Path(app.root_path) / "static").rglob("*.[cj]s*"):
        assert "/static/" not in file.read_text(), file
    with client.get(f"{app.static_url_path}/css/../vendor/bootstrap.min.css") as answer:
        assert answer.status_code == 200


def test_signing_in_makes_no_other_file(app: Flask, client: FlaskClient, login: Callable[..., FlaskClient]) -> None:
    login(make_customer())
    for name in ("css/base.css", "js/app.js", "icons.svg"):
        with client.get(f"{app.static_url_path}/{name}") as answer:
            assert "Set-Cookie" not in answer.headers
            assert set(answer.vary) <= {"Accept-Encoding"}


def test_a_page_of_an_earlier_version_gets_files_that_nobody_keeps(client: FlaskClient) -> None:
    with client.get("/static/0123456789ab/css/base.css") as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    for nothing in ("css/nothing.css", "../app.py", "%2e%2e/app.py", "css/"):
        answer = client.get(f"/static/0123456789ab/{nothing}")
        assert answer.status_code == 404
        assert "immutable" not in answer.headers["Cache-Control"]


def test_a_missing_file_is_not_kept_as_missing(app: Flask, client: FlaskClient) -> None:
    answer = client.get(f"{app.static_url_path}/css/nothing.css")
    assert (answer.status_code, answer.headers.get("Cache-Control")) == (404, "private, no-cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "static" / "css", tmp_path / "static" / "css")
    return tmp_path / "static"


def kept_by(app: Flask, name: str) -> str | None:
    with app.test_client().get(f"{app.static_url_path}/{name}") as answer:
        assert answer.status_code == 200
        return answer.headers["Cache-Control"]


def serving(folder: Path, environment: str = "production") -> Flask:
    app = Flask("files", root_path=str(folder.parent), static_folder=None)
    app.config["B2C_ENV"] = environment
    static_files.init_app(app)
    return app


def test_what_was_replaced_since_the_start_is_not_kept_under_the_old_address(folder: Path) -> None:
    app = serving(folder)
    assert kept_by(app, "css/tokens.css") == KEPT
    (folder / "css" / "tokens.css").write_text("body { color: red }")
    (folder / "css" / "new.css").write_text("body { color: red }")
    assert kept_by(app, "css/tokens.css") == kept_by(app, "css/new.css") == "no-cache"
    assert kept_by(app, "css/base.css") == KEPT
    assert kept_by(serving(folder), "css/tokens.css") == KEPT


def test_while_developing_nothing_is_kept(folder: Path) -> None:
    assert kept_by(serving(folder, "development"), "css/tokens.css") == "no-cache"


def test_whatever_changes_in_a_file_changes_the_version(folder: Path) -> None:
    def version() -> str:
        return static_files.version_of(folder)[0]

    before, tokens = version(), folder / "css" / "tokens.css"
    assert before == version()
    words = tokens.read_text()
    tokens.write_text(words + "\n")
    assert version() != before
    tokens.write_text(words)
    assert version() == before
    tokens.rename(folder / "css" / "other.css")
    assert version() != before
