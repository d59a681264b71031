"""An offer within the customer's standing limit is raised and approved with one press; the customer is told once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web.audit import AuditEntry
from b2c_web.extensions import commands, queries
from b2c_web.extensions.models import AuthorizationStatus, DecisionRight, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import payments_of
from tests.views.extending import HTMX, Pages, offer, plain
from tests.views.test_extension_limit import BULB, limited
from tests.views.test_extension_offer import key_on, token

BUTTON = "Anlegen und im Rahmen freigeben: 34,90 EUR"
WIPERS = ("Wischerblätter", "34,90", "1")
DEARER = ("Wischerblätter", "34,91", "1")


@pytest.fixture(autouse=True)
def limit(pages: Pages) -> None:
    limited(pages, 3490)


def typed(pages: Pages, *lines: tuple[str, str, str], **fields: Any) -> str:
    form = offer(*lines, csrf_token=token(pages), **fields)
    return plain(pages.staff.post(pages.draft, data=form, headers=HTMX))


def test_the_button_names_the_sum_while_all_of_it_is_within_the_limit(pages: Pages) -> None:
    assert "Anlegen und im Rahmen" not in plain(pages.staff.get(pages.new))
    assert BUTTON in typed(pages, WIPERS)
    assert BUTTON in plain(pages.staff.get(pages.new))
    assert BUTTON in typed(pages, WIPERS, add="free")  # the lines are drawn anew
    later = (pages.booking.estimated_return_time + timedelta(days=1)).isoformat()[:16]
    for told in (
        typed(pages, DEARER),
        typed(pages, WIPERS, new_promised_at=later),
        typed(pages, WIPERS, ("Lampe", "", "1")),
        typed(pages),
    ):
        assert "Anlegen und im Rahmen" not in told
        assert "Sie können selbst freigeben" not in told


def test_one_press_raises_approves_and_holds_the_money(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(WIPERS))
    answer = pages.by_staff(pages.new, **offer(WIPERS, draft_key=key_on(pages)), approve_cents="3490")
    extension = pages.extensions()[0]
    assert answer.location == f"/workshop/extensions/{extension.id}"
    assert (extension.status, extension.decision_right) == (ExtensionStatus.APPROVED, DecisionRight.STANDING_LIMIT)
    assert extension.authorization_status is not AuthorizationStatus.PENDING  # the provider was asked at once
    assert pages.booking.standing_limit_used_cents == 3490
    assert queries.draft_of(pages.booking_id) is None
    session = pages.scene.session
    noted = [one.action for one in session.query(AuditEntry).filter_by(entity_id=str(extension.id))]
    assert {"extension.raise", "extension.approve"} <= {*noted}
    mails = [len(pages.scene.mails(kind)) for kind in (Kind.EXTENSION_RAISED, Kind.EXTENSION_APPROVED_FOR_YOU)]
    assert mails == [0, 1]
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name IN ('extensions.remind_customer', :staff)"
    assert session.execute(text(waiting), {"staff": "extensions.tell_staff"}).scalar_one() == 0
    assert "Freigegeben. Der Kunde hat eine Nachricht bekommen." in plain(pages.staff.get(answer.location))


def test_a_second_press_raises_and_approves_nothing_more(pages: Pages) -> None:
    limited(pages, 9000)
    form = offer(WIPERS, draft_key=key_on(pages))
    answers = [pages.by_staff(pages.new, **form, approve_cents="3490") for _press in range(2)]
    assert answers[0].location == answers[1].location
    assert len(pages.extensions()) == 1
    assert pages.booking.standing_limit_used_cents == 3490
    assert len(pages.scene.mails(Kind.EXTENSION_APPROVED_FOR_YOU)) == 1
    assert len(payments_of(PaymentPurpose.EXTENSION, pages.extensions()[0].id)) == 1


def test_what_was_declined_meanwhile_is_not_approved_by_a_late_press(pages: Pages) -> None:
    form = offer(WIPERS, draft_key=key_on(pages))
    pages.by_staff(pages.new, **form, then="send")
    sent = pages.extensions()[0]
    commands.decline(pages.booking.user, sent.id, "", digest_of(sent))
    assert pages.by_staff(pages.new, **form, approve_cents="3490").location == f"/workshop/extensions/{sent.id}"
    assert [one.status for one in pages.extensions()] == [ExtensionStatus.DECLINED]


def test_what_does_not_fit_any_more_is_not_raised_and_stays_in_the_form(pages: Pages) -> None:
    key = key_on(pages)
    bulb = pages.scene.raised(pages.booking, BULB)
    commands.approve_within_limit(pages.scene.staff, bulb.id, digest_of(bulb))
    told = pages.by_staff(pages.new, **offer(WIPERS, draft_key=key), approve_cents="3490")
    assert told.status_code == 409
    assert "Das ist mehr, als der Kunde ohne Rückfrage erlaubt hat." in plain(told)
    assert "noch 24,90 EUR" in plain(told)
    assert BUTTON not in plain(told)
    for kept in ('value="Wischerblätter"', 'value="34,90"', f'value="{key}"', "Die Beläge sind fast durch."):
        assert kept in told.text
    assert [one.id for one in pages.extensions()] == [bulb.id]
    assert pages.booking.standing_limit_used_cents == 1000


def test_another_sum_than_the_button_named_is_asked_for_again(pages: Pages) -> None:
    told = pages.by_staff(pages.new, **offer(WIPERS), approve_cents="1990")
    assert told.status_code == 422
    assert "Freigegeben wird das ganze Angebot, 34,90 EUR. Stimmt das so?" in plain(told)
    assert BUTTON in plain(told)
    assert pages.extensions() == []


def test_a_correction_can_be_approved_at_once(pages: Pages) -> None:
    waiting = pages.scene.raised(pages.booking, BULB)
    answer = pages.by_staff(pages.new, **offer(WIPERS), replaces=str(waiting.id), approve_cents="3490")
    assert answer.status_code == 303
    assert [one.status for one in pages.extensions()] == [ExtensionStatus.CANCELLED, ExtensionStatus.APPROVED]
