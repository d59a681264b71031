"""The house stays as it is drawn: imports run one way, every route is known and says who may call it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from flask import Flask

from b2c_web import jobs
from b2c_web.access import access_of
from b2c_web.accounts import hooks as account_hooks
from b2c_web.bookings import hooks as booking_hooks
from b2c_web.extensions import hooks as extension_hooks
from b2c_web.features import ORDER
from b2c_web.media import hooks as media_hooks
from b2c_web.notifications import hooks as notification_hooks
from b2c_web.payments import hooks as payment_hooks
from b2c_web.workshops import hooks as workshop_hooks

ROOT = Path(__file__).resolve().parents[2]
ROUTES = Path(__file__).with_name("routes.txt")
# the factory's side: what binds features together may look at all of them
OUTSIDE = {"cli", "demo"}


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def feature_files() -> Iterator[tuple[str, Path]]:
    for feature in ORDER:
        for path in sorted((ROOT / "b2c_web" / feature).rglob("*.py")):
            if "simulator" not in path.parts:
                yield feature, path


def test_features_import_to_the_left_only_and_never_views_or_forms() -> None:
    wrong = []
    for feature, path in feature_files():
        for module in imports_of(path):
            parts = module.split(".")
            if len(parts) < 2 or parts[0] != "b2c_web" or parts[1] not in ORDER or parts[1] == feature:
                continue
            if ORDER.index(parts[1]) > ORDER.index(feature):
                wrong.append(f"{path.relative_to(ROOT)}: {module} lies to the right")
            if "views" in parts[2:3] or "forms" in parts[2:3]:
                wrong.append(f"{path.relative_to(ROOT)}: {module} is another feature's view or form")
    assert wrong == []


def test_what_all_features_stand_on_imports_none_of_them() -> None:
    """Except for models: access asks for roles, and the audit log names users."""
    allowed = {"features.py", "access.py", "audit.py", "checks.py", "runner.py", "page_frame.py", "__init__.py"}
    wrong = []
    for path in sorted((ROOT / "b2c_web").glob("*.py")):
        if path.name in allowed:
            continue
        wrong += [f"{path.name}: {m}" for m in imports_of(path) if m.split(".")[1:2] and m.split(".")[1] in ORDER]
    assert wrong == []


def routes_of(app: Flask) -> list[str]:
    lines = []
    for rule in app.url_map.iter_rules():
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        lines.append(f"{rule.rule} {methods} {rule.endpoint} [{access_of(app, rule.endpoint)}]")
    return sorted(lines)


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    assert [rule for rule in app.url_map.iter_rules() if access_of(app, rule.endpoint) is None] == []


def test_the_list_of_routes_is_frozen(app: Flask) -> None:
    """A new route is a decision: add its line to routes.txt, with who may call it."""
    assert routes_of(app) == ROUTES.read_text().splitlines()


def test_hooks_are_filled_as_drawn(app: Flask) -> None:
    """Who causes what to its right. Printed by `pytest -s`, so that a reader sees the whole picture."""
    bookings = {hooks.name: hooks.names() for hooks in booking_hooks.ALL}
    others = {
        hooks.name: hooks.names()
        for hooks in (
            *account_hooks.ALL,
            *workshop_hooks.ALL,
            *extension_hooks.ALL,
            notification_hooks.gave_up,
            jobs.gave_up,
        )
    }
    payments, media = payment_hooks.registered(), media_hooks.registered()
    print(*sorted({**bookings, **payments, **media, **others}.items()), sep="\n")  # noqa: T201 - shown on purpose
    assert all(others.values()), others
    assert payments["payments.paid[BOOKING]"] == ["b2c_web.bookings.settlement.paid"]
    assert payments["payments.paid[MOVE_FEE]"] == ["b2c_web.bookings.moving.fee_paid"]
    for name in ("confirmed", "cancelled", "moved", "checked_in", "ready_for_return"):
        assert any("dispatch" in function for function in bookings[f"bookings.{name}"]), name
    assert any("odoo" in function for function in bookings["bookings.confirmed"])
    assert payments["payments.paid[EXTENSION]"] == ["b2c_web.extensions.money.paid"]
    assert payments["payments.refunded[EXTENSION]"] == ["b2c_web.extensions.money.refunded"]
    assert bookings["bookings.completing"] == ["b2c_web.extensions.completing.complete"]
    assert bookings["bookings.undecided"] == ["b2c_web.extensions.completing.is_undecided"]
    assert bookings["bookings.tours_of"] == ["b2c_web.dispatch.handovers.tours_to_the_door"]
    assert bookings["bookings.cents_beside"] == ["b2c_web.extensions.costing.refundable_cents"]
    assert bookings["bookings.extra_costs_of"] == ["b2c_web.extensions.costing.extra_costs_of"]
    assert bookings["bookings.late_refunds_of"] == ["b2c_web.extensions.costing.late_refunds_of"]
    assert media["media.may_see[BOOKING]"] == ["b2c_web.bookings.access.may_see_media"]
    assert media["media.may_add[BOOKING]"] == ["b2c_web.bookings.access.may_add_media"]
