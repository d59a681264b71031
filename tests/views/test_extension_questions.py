"""A question of the customer is answered, whether the offer is decided meanwhile or not."""

import re
from typing import Any

import pytest

from b2c_web.clock import now_utc
from b2c_web.extensions import commands
from b2c_web.extensions.commands import Consent
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind
from b2c_web.notifications.rendering import render
from tests.views.extending import HTMX, Pages, plain

QUESTION, ANSWER = "Wie lange halten sie noch?", "Höchstens 500 km."


def approve(pages: Pages, extension: Extension) -> None:
    pages.scene.approve(extension)


def decline(pages: Pages, extension: Extension) -> None:
    commands.decline(pages.booking.user, extension.id, "", digest_of(extension))


def consent(pages: Pages, extension: Extension) -> None:
    said = Consent("phone", "Rosa Ahorn", now_utc(), "Ja, machen Sie das.")
    commands.approve_on_consent(pages.scene.staff, extension.id, [0], digest_of(extension), said)


def asked(pages: Pages, decide: Any) -> tuple[Extension, str]:
    """Asked by the mailed link, then decided; and the page on which staff answer."""
    extension = pages.raised()
    assert pages.by_link(f"/e/{pages.scene.token()}/question", words=QUESTION).status_code == 303
    decide(pages, extension)
    return extension, f"/workshop/extensions/{extension.id}"


@pytest.mark.parametrize("decide", [approve, decline, consent])
def test_what_was_asked_before_the_decision_is_answered_after_it(pages: Pages, decide: Any) -> None:
    extension, at_work = asked(pages, decide)
    car = f"/workshop/bookings/{pages.booking_id}"
    assert f'action="{at_work}/answer"' in pages.staff.get(at_work).text
    assert f"Der Kunde fragt: {QUESTION}" in plain(pages.staff.get(car))
    assert "Frage des Kunden" in plain(pages.staff.get("/workshop"))
    assert pages.by_staff(f"{at_work}/answer", at_work, words=ANSWER).status_code == 303
    assert ANSWER in plain(pages.customer.get(f"/extensions/{extension.id}"))
    page = pages.staff.get(at_work)
    assert ANSWER in plain(page)
    assert f'action="{at_work}/answer"' not in page.text
    assert "Der Kunde fragt" not in plain(pages.staff.get(car))
    assert "Frage des Kunden" not in plain(pages.staff.get("/workshop"))


@pytest.mark.parametrize("decide", [approve, decline, consent])
def test_an_open_page_of_what_is_decided_follows_until_the_answer_is_there(pages: Pages, decide: Any) -> None:
    extension, at_work = asked(pages, decide)
    page = pages.customer.get(f"/extensions/{extension.id}").text
    assert plain(pages.customer.get(follows(page), headers=HTMX)) == ""
    pages.by_staff(f"{at_work}/answer", at_work, words=ANSWER)
    region = pages.customer.get(follows(page), headers=HTMX)
    assert (region.status_code, region.text.count(ANSWER)) == (200, 1)
    waits = extension.authorization_status is not AuthorizationStatus.NONE  # for the end of the work
    for shown in (region.text, pages.customer.get(f"/extensions/{extension.id}").text):
        assert bool(follows(shown)) is waits


def follows(page: str) -> str:
    """The address at which the region with the outcome looks for news; empty when it does not."""
    found = re.search(r'<div id="outcome"[^>]*? hx-get="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_mail_leads_to_the_answer_and_asks_for_no_decision(pages: Pages, language: str) -> None:
    pages.booking.user.language = language
    extension, at_work = asked(pages, approve)
    pages.by_staff(f"{at_work}/answer", at_work, words=ANSWER)
    mail = pages.scene.mails(NotificationKind.EXTENSION_ANSWERED)[0]
    assert "link_path" not in mail.context
    letter = render(mail)
    assert ANSWER in letter.text
    assert re.search(rf"https?://[^/]+/extensions/{extension.id}\b", letter.text)
    assert "/e/" not in letter.text
    for words in ("entscheiden", "Zustimmung", "decide", "consent"):
        assert words not in letter.text
    assert pages.customer.get(f"/extensions/{extension.id}").status_code == 200


def test_it_is_answered_when_the_work_is_done_too(pages: Pages) -> None:
    _extension, at_work = asked(pages, decline)
    assert pages.by_staff(pages.completion, amount_cents="0").status_code == 303
    assert pages.by_staff(f"{at_work}/answer", at_work, words=ANSWER).status_code == 303


def test_two_answers_at_once_are_one_and_nothing_is_answered_that_nobody_asked(pages: Pages) -> None:
    _extension, at_work = asked(pages, decline)
    answer = {"page": "/account/sessions", "words": ANSWER}
    assert pages.by_staff(f"{at_work}/answer", **answer).status_code == 303
    assert pages.by_staff(f"{at_work}/answer", **answer).status_code == 409
    assert len(pages.scene.mails(NotificationKind.EXTENSION_ANSWERED)) == 1


def test_what_was_withdrawn_is_not_answered(pages: Pages) -> None:
    extension = pages.raised()
    pages.by_link(f"/e/{pages.scene.token()}/question", words=QUESTION)
    commands.withdraw_extension(pages.scene.staff, extension.id, "Irrtum")
    at_work = f"/workshop/extensions/{extension.id}"
    assert f'action="{at_work}/answer"' not in pages.staff.get(at_work).text
    assert pages.by_staff(f"{at_work}/answer", "/account/sessions", words=ANSWER).status_code == 409
    assert "Frage des Kunden" not in plain(pages.staff.get("/workshop"))
