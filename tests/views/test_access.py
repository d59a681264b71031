"""Who may call what: every route against every role, and nobody's things for anybody else."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.access import PERMISSIONS, PUBLIC, SIGNED_IN, access_of
from b2c_web.accounts.models import Role
from b2c_web.flask_extensions import db
from tests.factories import make_customer, make_user

SAMPLES: dict[str, Any] = {"language": "de", "filename": "favicon.svg", "path": "x", "day": "2026-12-01"}


def sample(argument: str, converter: str) -> Any:
    if converter == "UUIDConverter":
        return uuid.uuid4()
    return SAMPLES.get(argument, "1")


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of every route, with ids that belong to nobody."""
    found = []
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            values = {name: sample(name, type(rule._converters[name]).__name__) for name in rule.arguments}
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                found.append((rule.endpoint, method, adapter.build(rule.endpoint, values, method=method)))
    return found


def roles_for(declared: str) -> frozenset[Role]:
    return frozenset(Role) if declared in (PUBLIC, SIGNED_IN) else PERMISSIONS[declared]


@pytest.fixture
def no_csrf(app: Flask) -> Any:
    """The token has tests of its own; here only the question who may call counts."""
    app.config["WTF_CSRF_ENABLED"] = False
    yield
    app.config["WTF_CSRF_ENABLED"] = True


def test_a_stranger_is_led_to_the_login(app: Flask, client: FlaskClient, no_csrf: None) -> None:
    wrong = []
    for endpoint, method, address in calls(app):
        if access_of(app, endpoint) == PUBLIC:
            continue
        answer = client.open(address, method=method)
        if answer.status_code not in (302, 303) or "login" not in answer.location:
            wrong.append((method, address, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_for_everybody_else_the_page_does_not_exist(
    app: Flask, client: FlaskClient, session: Any, login: Callable[..., FlaskClient], role: Role, no_csrf: None
) -> None:
    user = make_user(role)
    db.session.commit()
    login(user)
    wrong = []
    for endpoint, method, address in calls(app):
        declared = access_of(app, endpoint)
        assert declared is not None
        if role in roles_for(declared) or declared == PUBLIC:
            continue
        status = client.open(address, method=method).status_code
        if status != 404:
            wrong.append((method, address, status))
    assert wrong == []


@pytest.mark.parametrize("role", list(Role))
def test_who_may_call_gets_an_answer_and_nobodys_things_are_not_found(
    app: Flask, client: FlaskClient, session: Any, login: Callable[..., FlaskClient], role: Role, no_csrf: None
) -> None:
    """Pages without an id answer; an id that is not this person's is 404. Nothing ever breaks (500)."""
    user = make_customer() if role is Role.CUSTOMER else make_user(role)
    db.session.commit()
    wrong = []
    for endpoint, method, address in calls(app):
        declared = access_of(app, endpoint)
        assert declared is not None
        if declared == PUBLIC or role not in roles_for(declared) or endpoint == "accounts.logout":
            continue
        login(user)
        status = client.open(address, method=method).status_code
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
        has_id = any("UUID" in type(converter).__name__ for converter in rule._converters.values())
        if status >= 500 or (has_id and status != 404) or (not has_id and status == 404):
            wrong.append((method, address, status))
    assert wrong == []


def test_a_form_without_its_token_is_refused(app: Flask, client: FlaskClient, session: Any) -> None:
    exempt = {"payments.webhook"}
    for endpoint, method, address in calls(app):
        if method == "POST" and endpoint not in exempt and access_of(app, endpoint) == PUBLIC:
            assert client.post(address).status_code == 400, address
