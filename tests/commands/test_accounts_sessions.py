"""Sessions: opened, ended by age, by idleness, by a person, and forgotten."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask_login import current_user
from sqlalchemy import event, func, select

from b2c_web.accounts import jobs, sessions
from b2c_web.accounts.models import LoginCode, Role, UserSession
from b2c_web.clock import frozen
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import JockeyStatus
from tests.factories import make_customer, make_jockey, make_user, make_workshop

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("session", "frozen_clock")


class Browser:
    """What a request with this browser's cookie would know."""

    def __init__(self, app: Any) -> None:
        self.app, self.token = app, None

    def sign_in(self, user: Any) -> "Browser":
        with self.app.test_request_context():
            self.token = sessions.open_session(user)
        return self

    def user(self, at: datetime = NOON) -> Any:
        """Who this browser is at `at`, or None. The request's own app context, so that nothing is remembered."""
        with frozen(at), self.app.app_context(), self.app.test_request_context():
            from flask import session

            session["token"] = self.token
            return current_user.id if current_user.is_authenticated else None


@pytest.fixture
def browser(app: Any) -> Browser:
    return Browser(app)


def hours(n: float) -> datetime:
    return NOON + timedelta(hours=n)


def test_the_row_holds_only_the_hash_of_the_token(browser: Browser, session: Any) -> None:
    browser.sign_in(make_customer())
    row = session.scalars(select(UserSession)).one()
    assert browser.token
    assert browser.token not in row.token_hash
    assert len(row.token_hash) == 64


def test_a_made_up_token_is_nobody(browser: Browser) -> None:
    browser.sign_in(make_customer())
    browser.token = "made up"
    assert browser.user() is None


@pytest.mark.parametrize(("role", "idle_hours"), [(Role.CUSTOMER, 336), (Role.WORKSHOP, 12)])
def test_a_session_ends_without_use_sooner_for_staff(browser: Browser, role: Role, idle_hours: int) -> None:
    user = make_user(role)
    browser.sign_in(user)
    assert browser.user(hours(idle_hours) - timedelta(seconds=1)) == user.id
    assert browser.user(hours(idle_hours)) is None


@pytest.mark.parametrize(("role", "absolute_hours"), [(Role.CUSTOMER, 2160), (Role.DISPATCHER, 168)])
def test_a_session_ends_at_an_age_however_much_it_is_used(
    browser: Browser, session: Any, role: Role, absolute_hours: int
) -> None:
    user = make_user(role)
    browser.sign_in(user)
    row = session.scalars(select(UserSession)).one()
    row.last_seen_at = hours(absolute_hours - 1)
    session.commit()
    assert browser.user(hours(absolute_hours) - timedelta(seconds=1)) == user.id
    assert browser.user(hours(absolute_hours)) is None


def test_an_inactive_user_is_out_at_once(browser: Browser, session: Any) -> None:
    user = make_customer()
    browser.sign_in(user)
    user.is_active = False
    session.commit()
    assert browser.user() is None


def test_an_inactive_jockey_is_out_at_once_and_any_other_status_stays(browser: Browser, session: Any) -> None:
    workshop = make_workshop()
    user = make_user(Role.JOCKEY, workshop_id=workshop.id)
    jockey = make_jockey(workshop, user_id=user.id)
    browser.sign_in(user)
    for status in (JockeyStatus.ACTIVE, JockeyStatus.BUSY, JockeyStatus.OFF_DUTY):
        jockey.status = status
        session.commit()
        assert browser.user() == user.id
    jockey.status = JockeyStatus.INACTIVE
    session.commit()
    assert browser.user() is None


def test_everywhere_means_everywhere_of_this_person_only(browser: Browser, app: Any) -> None:
    user, somebody = make_customer(), make_customer()
    browsers = [Browser(app).sign_in(user) for _n in range(3)]
    browser.sign_in(somebody)
    with app.test_request_context():
        assert sessions.sign_out_everywhere(user) == 3
    assert [one.user() for one in browsers] == [None, None, None]
    assert browser.user() == somebody.id


def test_everywhere_else_keeps_this_browser(browser: Browser, app: Any) -> None:
    user = make_customer()
    other = Browser(app).sign_in(user)
    browser.sign_in(user)
    with app.test_request_context():
        from flask import session

        session["token"] = browser.token
        assert sessions.sign_out_everywhere(user, keep_this=True) == 1
    assert (browser.user(), other.user()) == (user.id, None)


def test_one_session_can_be_ended_by_its_owner_only(browser: Browser, session: Any) -> None:
    user, stranger = make_customer(), make_customer()
    browser.sign_in(user)
    row = sessions.sessions_of(user)[0]
    with pytest.raises(NotFound):
        sessions.revoke(stranger, row.id)
    assert browser.user() == user.id
    sessions.revoke(user, row.id)
    assert browser.user() is None
    with pytest.raises(NotFound):
        sessions.revoke(user, row.id)


def test_the_list_shows_live_sessions_only(browser: Browser, app: Any, session: Any) -> None:
    user = make_customer()
    for _n in range(3):
        Browser(app).sign_in(user)
    first, second, third = sessions.sessions_of(user)
    first.last_seen_at = NOON - timedelta(hours=337)
    second.revoked_at = NOON
    session.commit()
    assert sessions.sessions_of(user) == [third]


def test_session_and_user_cost_one_statement(browser: Browser, session: Any) -> None:
    browser.sign_in(make_customer())
    statements: list[str] = []

    def note(*facts: Any) -> None:
        statements.append(facts[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert browser.user() is not None
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    own = [text for text in statements if not text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))]
    assert len(own) == 1
    assert "FROM users JOIN user_sessions" in own[0]


def test_the_purge_forgets_what_ended_a_day_ago(browser: Browser, app: Any, session: Any) -> None:
    user = make_customer()
    for _n in range(4):
        Browser(app).sign_in(user)
    rows = session.scalars(select(UserSession)).all()
    rows[0].revoked_at = NOON - timedelta(hours=25)
    rows[1].last_seen_at = NOON - timedelta(hours=336 + 25)
    rows[2].created_at, rows[2].expires_at = NOON - timedelta(days=90), NOON - timedelta(hours=25)
    session.add(
        LoginCode(email="a@example.org", code_hash="x" * 64, tries_left=5, expires_at=NOON - timedelta(hours=1))
    )
    session.add(LoginCode(email="b@example.org", code_hash="x" * 64, tries_left=5, expires_at=hours(1)))
    session.commit()
    jobs.purge()
    assert session.scalar(select(func.count()).select_from(UserSession)) == 1
    assert session.scalars(select(LoginCode.email)).all() == ["b@example.org"]
