"""Profile, mail address and places of a customer."""

import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from b2c_web.accounts import commands, hooks, queries
from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import Address
from b2c_web.audit import AuditEntry
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.hooks import HookList
from tests.factories import make_customer

HOME = "203.0.113.0/24"
DOOR = {"street": "Am Beispielweg 12", "postal_code": "44137", "city": "Dortmund"}
OFFICE = {"street": "Musterallee 3", "postal_code": "58452", "city": "Witten"}
CALLER = {"name": "Rosa Ahorn", "phone": "+4923021234567"}

pytestmark = pytest.mark.usefixtures("session", "frozen_clock")


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent


def test_the_profile_is_stored_and_audited(session: Any) -> None:
    user = make_customer()
    commands.update_profile(user, name="Mara", phone="+492302123456", language="en")
    assert (user.name, user.phone, user.language) == ("Mara", "+492302123456", "en")
    assert session.scalars(select(AuditEntry.action)).all() == ["profile.changed"]


def test_a_new_address_holds_once_its_code_is_entered(mails: list[CodeMail], session: Any) -> None:
    user = make_customer(email="old@example.org")
    commands.request_email_code(user, "new@example.org", "de", HOME)
    assert (mails[0].recipient, user.email) == ("new@example.org", "old@example.org")
    with pytest.raises(Invalid):
        commands.confirm_email(user, "new@example.org", f"{(int(mails[0].code) + 1) % 1000000:06}", HOME)
    commands.confirm_email(user, "new@example.org", mails[0].code, HOME)
    assert user.email == "new@example.org"
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "email.changed")).one()
    assert (entry.before, entry.after) == ({"email": "o…@example.org"}, {"email": "n…@example.org"})


def test_that_code_signs_nobody_in_and_serves_nobody_else(mails: list[CodeMail]) -> None:
    user, stranger = make_customer(), make_customer()
    commands.request_email_code(user, "new@example.org", "de", HOME)
    with pytest.raises(Invalid, match="code_wrong"):
        commands.enter_code("new@example.org", mails[0].code, HOME)
    with pytest.raises(Invalid, match="code_wrong"):
        commands.confirm_email(stranger, "new@example.org", mails[0].code, HOME)


def test_a_sign_in_code_changes_no_address(mails: list[CodeMail]) -> None:
    user = make_customer()
    commands.request_code("new@example.org", "de", HOME)
    with pytest.raises(Invalid, match="code_wrong"):
        commands.confirm_email(user, "new@example.org", mails[0].code, HOME)


def test_a_taken_address_is_told_only_to_who_reads_its_mail(mails: list[CodeMail]) -> None:
    user, other = make_customer(email="old@example.org"), make_customer()
    commands.request_email_code(user, other.email, "de", HOME)
    with pytest.raises(Conflict, match="email_taken"):
        commands.confirm_email(user, other.email, mails[0].code, HOME)
    assert user.email == "old@example.org"
    with pytest.raises(Invalid, match="code_over"):
        commands.confirm_email(user, other.email, mails[0].code, HOME)


def test_the_first_address_is_the_default_and_another_can_become_it() -> None:
    user = make_customer()
    first = commands.add_address(user, **DOOR)
    second = commands.add_address(user, **OFFICE)
    assert [(row.id, row.is_default) for row in queries.addresses_of(user)] == [(first, True), (second, False)]
    commands.edit_address(user, second, **OFFICE, is_default=True)
    assert [(row.id, row.is_default) for row in queries.addresses_of(user)] == [(second, True), (first, False)]
    commands.edit_address(user, second, **OFFICE, is_default=False)
    assert queries.addresses_of(user)[0].is_default


def test_the_same_place_is_kept_once(session: Any) -> None:
    user = make_customer()
    first = commands.add_address(user, **DOOR)
    assert commands.add_address(user, **{**DOOR, "street": "am beispielweg 12"}) == first
    assert session.scalar(select(func.count()).select_from(Address)) == 1


def test_the_default_passes_on_when_it_is_removed() -> None:
    user = make_customer()
    first = commands.add_address(user, **DOOR)
    second = commands.add_address(user, **OFFICE)
    commands.remove_address(user, first)
    assert [(row.id, row.is_default) for row in queries.addresses_of(user)] == [(second, True)]
    commands.remove_address(user, second)
    assert queries.addresses_of(user) == []


def test_a_booking_brings_its_place_to_the_front(session: Any) -> None:
    user = make_customer()
    commands.add_address(user, **OFFICE)
    commands.remember_contact(user.id, **CALLER, **DOOR)
    session.commit()
    rows = queries.addresses_of(user)
    assert [row.city for row in rows] == ["Witten", "Dortmund"]
    assert rows[1].last_used_at is not None


def test_a_booking_names_an_account_that_has_no_name(session: Any) -> None:
    new, known = make_customer(phone=None, name=None), make_customer(name="Person am Beispielweg")
    phone = known.phone
    for user in (new, known):
        commands.remember_contact(user.id, **CALLER, **DOOR)
    session.commit()
    session.expire_all()
    assert (new.name, new.phone) == (CALLER["name"], CALLER["phone"])
    assert (known.name, known.phone) == ("Person am Beispielweg", phone)


def test_past_twenty_the_customer_is_told_and_a_booking_goes_on() -> None:
    user = make_customer()
    for n in range(20):
        commands.add_address(user, **{**DOOR, "street": f"Am Beispielweg {n}"})
    with pytest.raises(Conflict):
        commands.add_address(user, **OFFICE)
    commands.remember_contact(user.id, **CALLER, **OFFICE)
    assert len(queries.addresses_of(user)) == 20


def test_other_peoples_addresses_do_not_exist() -> None:
    user, stranger = make_customer(), make_customer()
    mine = commands.add_address(user, **DOOR)
    for address_id in (mine, uuid.uuid4()):
        with pytest.raises(NotFound):
            queries.address_of(stranger, address_id)
        with pytest.raises(NotFound):
            commands.edit_address(stranger, address_id, **OFFICE, is_default=True)
        with pytest.raises(NotFound):
            commands.remove_address(stranger, address_id)
    assert queries.address_of(user, mine).city == "Dortmund"
