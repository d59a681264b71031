"""`flask staff`: the first admin, and a forgotten password."""

from typing import Any

import pytest
from flask import Flask

from b2c_web.accounts.commands import check_password
from b2c_web.accounts.models import Role, User
from b2c_web.accounts.sessions import open_session
from b2c_web.errors import Invalid
from tests.factories import make_workshop

STRONG = "Ein langes Passwort 7"


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["staff", *arguments])


def test_an_admin_and_a_mechanic_are_added_and_sign_in(app: Flask, session: Any) -> None:
    make_workshop(name="Werkstatt Witten")
    session.commit()
    options = ["--name", "Erste", "--password", STRONG]
    assert run(app, "add", "Chefin@example.org", "--role", "ADMIN", *options).exit_code == 0
    assert run(app, "add", "halle@example.org", "--role", "WORKSHOP", "--workshop", "Witten", *options).exit_code == 0
    assert check_password("chefin@example.org", STRONG, "127.0.0.0/24").role is Role.ADMIN
    assert check_password("halle@example.org", STRONG, "127.0.0.0/24").workshop_id is not None


def test_what_is_wrong_is_said_in_a_line(app: Flask, session: Any) -> None:
    options = ["--name", "Erste", "--password"]
    assert "workshop" in run(app, "add", "x@example.org", "--role", "JOCKEY", *options, STRONG).output
    assert run(app, "add", "keine Adresse", "--role", "ADMIN", *options, STRONG).exit_code == 1
    assert run(app, "add", "x@example.org", "--role", "ADMIN", *options, "kurz").exit_code == 1
    assert run(app, "add", "x@example.org", "--role", "ADMIN", *options, STRONG).exit_code == 0
    assert run(app, "add", "x@example.org", "--role", "ADMIN", *options, STRONG).exit_code == 1
    assert run(app, "password", "niemand@example.org", "--password", STRONG).exit_code == 1


def test_a_new_password_ends_all_sessions(app: Flask, session: Any) -> None:
    run(app, "add", "x@example.org", "--role", "ADMIN", "--name", "Erste", "--password", STRONG)
    user = session.query(User).filter_by(email="x@example.org").one()
    with app.test_request_context():
        open_session(user)
    assert run(app, "password", "x@example.org", "--password", STRONG + "8").exit_code == 0
    session.expire_all()
    with pytest.raises(Invalid):
        check_password("x@example.org", STRONG, "127.0.0.0/24")
    assert check_password("x@example.org", STRONG + "8", "127.0.0.0/24").id == user.id
