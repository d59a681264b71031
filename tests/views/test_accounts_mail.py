"""From the address to the account through the mail itself, as a person does it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.notifications.models import Notification
from tests.views.browsing import send


@pytest.mark.parametrize(("language", "word"), [("de", "Anmeldecode"), ("en", "code")])
def test_the_code_in_the_mail_opens_the_account(
    client: FlaskClient, session: Any, run_jobs: Callable[..., list[str]], language: str, word: str
) -> None:
    send(client, "/language", "/login", language=language)
    send(client, "/login", email="mara@example.org")
    assert run_jobs(only={"notifications.send"}) == ["notifications.send"]
    mail = session.scalars(select(Notification).execution_options(populate_existing=True)).one()
    assert (mail.recipient, mail.language) == ("mara@example.org", language)
    assert word in mail.subject
    code = re.search(r"\b\d{6}\b", mail.body_text)
    assert code
    assert send(client, "/login/code", code=code[0]).location == "/account"
