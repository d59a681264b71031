"""Signing in with a mailed code."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from b2c_web.accounts import commands, hooks
from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import CredentialAttempt, LoginCode, Role, User
from b2c_web.clock import frozen
from b2c_web.errors import Invalid, NotAllowed, TooMany
from b2c_web.hooks import HookList
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import JockeyStatus
from tests.factories import make_customer, make_jockey, make_user, make_workshop

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
HOME = "203.0.113.0/24"
MARA = "mara@example.org"

pytestmark = pytest.mark.usefixtures("session", "frozen_clock")


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    """The codes that were mailed, as they were mailed."""
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent


def ask(email: str = MARA, network: str = HOME) -> datetime:
    return commands.request_code(email, "de", network)


def enter(code: str, email: str = MARA, network: str = HOME) -> User:
    return commands.enter_code(email, code, network, "de")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_the_first_code_makes_a_customer_with_a_verified_address(mails: list[CodeMail]) -> None:
    ask()
    user = enter(mails[0].code)
    assert (user.email, user.role, user.language) == (MARA, Role.CUSTOMER, "de")
    assert user.email_verified == NOON


def test_a_known_customer_is_the_same_one_and_verified_once(mails: list[CodeMail]) -> None:
    known = make_customer(email=MARA, email_verified=None)
    ask()
    with frozen(NOON + timedelta(minutes=1)):
        assert enter(mails[0].code).id == known.id
    ask()
    with frozen(NOON + timedelta(minutes=2)):
        again = enter(mails[1].code)
    assert again.email_verified == NOON + timedelta(minutes=1)


def test_the_code_has_six_digits_and_only_its_keyed_hash_is_stored(mails: list[CodeMail], session: Any) -> None:
    until = ask()
    assert mails[0].code.isdigit()
    assert len(mails[0].code) == 6
    row = session.scalars(select(LoginCode)).one()
    assert mails[0].code not in row.code_hash
    assert until == row.expires_at == NOON + timedelta(minutes=10)


def test_a_wrong_code_costs_a_try_and_the_right_one_still_works(mails: list[CodeMail]) -> None:
    ask()
    with pytest.raises(Invalid, match="code_wrong") as refused:
        enter(wrong(mails[0].code))
    assert "4" in str(refused.value.message)
    assert refused.value.details["field"] == "code"
    assert enter(mails[0].code).email == MARA


def test_after_five_wrong_ones_the_right_one_is_worth_nothing(mails: list[CodeMail]) -> None:
    ask()
    codes = ["code_wrong"] * 4 + ["code_over"]
    for expected in codes:
        with pytest.raises(Invalid, match=expected):
            enter(wrong(mails[0].code))
    with pytest.raises(Invalid, match="code_over"):
        enter(mails[0].code)


def test_a_code_is_good_once(mails: list[CodeMail]) -> None:
    ask()
    enter(mails[0].code)
    with pytest.raises(Invalid, match="code_over"):
        enter(mails[0].code)


def test_a_code_ends_after_ten_minutes(mails: list[CodeMail]) -> None:
    ask()
    with frozen(NOON + timedelta(minutes=9, seconds=59)), pytest.raises(Invalid, match="code_wrong"):
        enter(wrong(mails[0].code))
    with frozen(NOON + timedelta(minutes=10)), pytest.raises(Invalid, match="code_over"):
        enter(mails[0].code)


def test_a_newer_code_replaces_the_older_one(mails: list[CodeMail], session: Any) -> None:
    ask()
    ask()
    first, second = mails
    assert session.scalar(select(func.count()).select_from(LoginCode)) == 1
    if first.code != second.code:
        with pytest.raises(Invalid, match="code_wrong"):
            enter(first.code)
    assert enter(second.code).email == MARA


def test_a_code_is_good_for_its_own_address_only(mails: list[CodeMail]) -> None:
    ask()
    ask("otto@example.org")
    codes = [mail.code for mail in mails]
    if codes[0] != codes[1]:
        with pytest.raises(Invalid, match="code_wrong"):
            enter(codes[0], "otto@example.org")
    with pytest.raises(Invalid, match="code_over"):
        enter(codes[0], "nobody@example.org")


def test_known_and_unknown_addresses_get_the_same_rows(mails: list[CodeMail], session: Any) -> None:
    make_customer(email=MARA)
    assert ask() == ask("nobody@example.org")
    assert session.scalar(select(func.count()).select_from(LoginCode)) == 2
    assert session.scalar(select(func.count()).select_from(CredentialAttempt)) == 2
    assert [mail.recipient for mail in mails] == [MARA, "nobody@example.org"]
    assert session.scalar(select(func.count()).select_from(User)) == 1


def test_the_mail_is_queued_with_the_code(session: Any) -> None:
    ask()
    note = session.scalars(select(Notification)).one()
    assert (note.kind, note.recipient, note.language) == (NotificationKind.LOGIN_CODE, MARA, "de")
    assert enter(note.context["code"]).email == MARA
    assert note.context["valid_minutes"] == 10
    queued = session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notifications.send'"))
    assert queued == 1


def test_staff_are_told_to_use_their_password_only_by_somebody_with_their_mail(mails: list[CodeMail]) -> None:
    make_user(Role.WORKSHOP, email=MARA)
    ask()
    with pytest.raises(Invalid, match="code_wrong"):
        enter(wrong(mails[0].code))
    with pytest.raises(NotAllowed, match="staff_password"):
        enter(mails[0].code)


def test_a_barred_customer_stays_out(mails: list[CodeMail]) -> None:
    make_customer(email=MARA, is_active=False)
    ask()
    with pytest.raises(NotAllowed, match="barred"):
        enter(mails[0].code)


def test_an_address_gets_six_codes_an_hour(mails: list[CodeMail]) -> None:
    for _n in range(6):
        ask()
    with pytest.raises(TooMany) as refused:
        ask()
    assert refused.value.details["retry_after_seconds"] == 3600
    assert len(mails) == 6
    ask("otto@example.org")
    with frozen(NOON + timedelta(hours=1)):
        ask()


def test_a_network_gets_sixty_codes_an_hour(mails: list[CodeMail]) -> None:
    for n in range(60):
        ask(f"{n}@example.org")
    with pytest.raises(TooMany):
        ask("one.more@example.org")
    ask("one.more@example.org", "198.51.100.0/24")


def test_a_network_has_sixty_wrong_entries_an_hour_over_all_addresses(mails: list[CodeMail]) -> None:
    for n in range(60):
        with pytest.raises(Invalid, match="code_over"):
            enter("123456", f"{n}@example.org")
    ask()
    with pytest.raises(TooMany):
        enter(mails[0].code)
    assert enter(mails[0].code, network="198.51.100.0/24").email == MARA


def test_right_entries_do_not_count_for_a_whole_office(mails: list[CodeMail]) -> None:
    for n in range(61):
        email = f"{n}@example.org"
        ask(email, network=f"198.51.{n}.0/24")
        enter(mails[-1].code, email)


def test_guessing_over_many_codes_ends_at_thirty_entries_an_hour(mails: list[CodeMail]) -> None:
    for _n in range(6):
        ask()
        for _try in range(5):
            with pytest.raises(Invalid):
                enter(wrong(mails[-1].code))
    with pytest.raises(TooMany):
        enter(mails[-1].code)


def test_an_inactive_jockey_is_barred_like_anybody_inactive() -> None:
    workshop = make_workshop()
    user = make_user(
        Role.JOCKEY, workshop_id=workshop.id, password_hash=commands.passwords.HASHER.hash("ein langer Satz")
    )
    make_jockey(workshop, user_id=user.id, status=JockeyStatus.INACTIVE)
    with pytest.raises(Invalid, match="password_wrong"):
        commands.check_password(user.email, "ein langer Satz", HOME)
