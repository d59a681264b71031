"""Passwords: setting, checking, keeping their hashes up to date."""

from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from b2c_web.accounts import commands, sessions
from b2c_web.accounts.commands import passwords
from b2c_web.accounts.models import Role, UserSession
from b2c_web.errors import Invalid, NotAllowed, TooMany
from tests.conftest import PRODUCTS_HASHER
from tests.factories import make_customer, make_user

HOME = "203.0.113.0/24"
GOOD = "drei Äpfel am Baum"
OTHER = "vier Birnen im Korb"

pytestmark = pytest.mark.usefixtures("session", "frozen_clock")


@pytest.fixture(autouse=True)
def _in_a_request(app: Any) -> Any:
    with app.test_request_context():
        yield


def customer(password: str | None = GOOD, **facts: Any) -> Any:
    return make_customer(password_hash=passwords.HASHER.hash(password) if password else None, **facts)


def check(user: Any, password: str, network: str = HOME) -> Any:
    return commands.check_password(user.email, password, network)


def test_the_right_password_lets_customers_and_staff_in() -> None:
    for user in (customer(), make_user(Role.DISPATCHER, password_hash=passwords.HASHER.hash(GOOD))):
        assert check(user, GOOD).id == user.id


@pytest.mark.parametrize("password", ["", OTHER, GOOD + " ", "x" * 5000])
def test_a_wrong_one_does_not(password: str) -> None:
    with pytest.raises(Invalid, match="password_wrong"):
        check(customer(), password)


def test_every_no_is_the_same_no() -> None:
    tries = [
        (customer(password=None).email, GOOD),
        (customer(is_active=False).email, GOOD),
        (make_customer(password_hash="not a hash").email, GOOD),
        ("nobody@example.org", GOOD),
        (customer().email, OTHER),
    ]
    messages = set()
    for email, password in tries:
        with pytest.raises(Invalid) as refused:
            commands.check_password(email, password, HOME)
        messages.add((str(refused.value.message), refused.value.code, refused.value.details["field"]))
    assert len(messages) == 1


def test_an_unknown_address_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    class Watching:
        def verify(self, stored: str, password: str) -> bool:
            compared.append(stored)
            return real.verify(stored, password)

    real = PRODUCTS_HASHER
    monkeypatch.setattr(passwords, "HASHER", real)
    known = customer()
    monkeypatch.setattr(passwords, "HASHER", Watching())
    for email in ("nobody@example.org", known.email):
        with pytest.raises(Invalid):
            commands.check_password(email, OTHER, HOME)
    assert compared == [passwords.NOBODYS_HASH, known.password_hash]
    parameters = {stored.rsplit("$", 2)[0] for stored in compared}
    assert parameters == {"$argon2id$v=19$m=32768,t=3,p=1"}


def test_ten_wrong_ones_an_hour_close_the_account_for_guessing() -> None:
    user = customer()
    for _n in range(10):
        with pytest.raises(Invalid):
            check(user, OTHER)
    with pytest.raises(TooMany):
        check(user, GOOD)


def test_right_ones_do_not_count() -> None:
    user = customer()
    for _n in range(11):
        check(user, GOOD)


def test_an_old_hash_is_renewed_at_sign_in(session: Any) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    user = make_customer(password_hash=weak)
    check(user, GOOD)
    session.refresh(user)
    assert user.password_hash != weak
    assert not passwords.HASHER.check_needs_rehash(user.password_hash)
    renewed = user.password_hash
    check(user, GOOD)
    session.refresh(user)
    assert user.password_hash == renewed


def test_setting_the_first_one_asks_for_nothing_else() -> None:
    user = customer(password=None)
    commands.set_password(user, GOOD, None, HOME)
    assert check(user, GOOD).id == user.id


def test_changing_asks_for_the_present_one() -> None:
    user = customer()
    with pytest.raises(Invalid, match="password_wrong") as refused:
        commands.set_password(user, OTHER, "falsch geraten", HOME)
    assert refused.value.details["field"] == "current"
    commands.set_password(user, OTHER, GOOD, HOME)
    assert check(user, OTHER).id == user.id
    with pytest.raises(Invalid):
        check(user, GOOD)


def test_guessing_the_present_one_is_limited_too() -> None:
    user = customer()
    for _n in range(10):
        with pytest.raises(Invalid):
            commands.set_password(user, OTHER, "falsch geraten", HOME)
    with pytest.raises(TooMany):
        commands.set_password(user, OTHER, GOOD, HOME)


def test_who_has_just_entered_a_code_need_not_know_the_old_one() -> None:
    user = customer()
    commands.set_password(user, OTHER, None, HOME, proven=True)
    assert check(user, OTHER).id == user.id


def test_a_weak_one_is_refused_and_nothing_changes() -> None:
    user = customer()
    with pytest.raises(Invalid, match="password_weak"):
        commands.set_password(user, "kurz", GOOD, HOME)
    assert check(user, GOOD).id == user.id


def test_a_new_password_ends_the_sessions_on_other_devices(session: Any) -> None:
    user = customer()
    sessions.open_session(user)
    commands.set_password(user, OTHER, GOOD, HOME)
    live = select(func.count()).select_from(UserSession).where(UserSession.revoked_at.is_(None))
    assert session.scalar(live) == 0


def test_customers_can_do_without_again_and_staff_cannot() -> None:
    user = customer()
    commands.remove_password(user, GOOD, HOME)
    with pytest.raises(Invalid):
        check(user, GOOD)
    staff = make_user(Role.WORKSHOP, password_hash=passwords.HASHER.hash(GOOD))
    with pytest.raises(NotAllowed):
        commands.remove_password(staff, GOOD, HOME)
