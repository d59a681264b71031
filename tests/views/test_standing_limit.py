"""The sum up to which nobody asks: the operator says the default and the most, the customer chooses."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.hooks import CodeMail
from b2c_web.bookings.models import BookingDraft
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.views.walking import Walk

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def walk(client: FlaskClient, session: Any, code_mails: list[CodeMail]) -> Walk:
    return Walk(client, Scene(session, ronjas=3), code_mails)


def offered(walk: Walk) -> tuple[list[str], list[str]]:
    """What can be chosen in step 4, in cents, and what is chosen there."""
    select = walk.page("contact").partition('name="standing_limit"')[2].partition("</select>")[0]
    chosen = re.findall(r'<option selected value="(\d+)"', select)
    return re.findall(r'<option (?:selected )?value="(\d+)"', select), chosen


def limit() -> int:
    return db.session.query(BookingDraft.standing_limit_cents).one()[0]


def test_nothing_without_asking_unless_somebody_says_so(walk: Walk) -> None:
    walk.to_contact()
    assert offered(walk) == (["0", "5000", "10000", "20000", "50000"], ["0"])


def test_the_operators_default_is_chosen_until_the_customer_chooses(
    walk: Walk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "STANDING_LIMIT_CENTS", 5000)
    walk.to_contact()
    assert limit() == 5000
    assert offered(walk)[1] == ["5000"]
    walk.say(standing_limit="0")
    assert limit() == 0
    assert offered(walk)[1] == ["0"]


def test_nothing_above_the_most_is_offered_or_taken(walk: Walk, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "STANDING_LIMIT_MAX_CENTS", 15000)
    walk.to_contact()
    assert offered(walk)[0] == ["0", "5000", "10000"]
    assert walk.say(standing_limit="20000").status_code == 422
    assert limit() == 0
    assert walk.say(standing_limit="10000").status_code == 303
    assert limit() == 10000


def test_who_chose_more_before_the_most_was_lowered_chooses_anew(
    walk: Walk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.to_contact()
    walk.say(standing_limit="50000")
    walk.enter_code()
    walk.page("summary")
    monkeypatch.setitem(app.config, "STANDING_LIMIT_MAX_CENTS", 20000)
    assert walk.client.get(f"/book/{walk.draft_id}/summary").location.endswith("/contact")
    assert offered(walk) == (["0", "5000", "10000", "20000"], ["0"])


def test_no_booking_is_given_more_than_the_operator_allows_now(
    session: Any, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stood on the waiting list agreed to it before."""
    monkeypatch.setitem(app.config, "STANDING_LIMIT_MAX_CENTS", 10000)
    assert Scene(session).book(back=None, standing_limit_cents=50000).standing_limit_cents == 10000
