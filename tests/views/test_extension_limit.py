"""What the workshop may approve alone, within the customer's standing limit, as the customer is told of it."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from b2c_web.clock import now_utc
from b2c_web.extensions import commands
from b2c_web.extensions.items import Consent, Item, Offer
from b2c_web.extensions.queries import digest_of
from b2c_web.formatting import clock, moment
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from tests.views.extending import HTMX, Pages, plain
from tests.views.test_extension_decision import SUMS, Doors, both

BULB = Offer("Das Standlicht ist aus.", (Item("Glühlampe", 1000),))
SUM = sum(SUMS)


def limited(pages: Pages, cents: int) -> None:
    pages.booking.standing_limit_cents = cents
    pages.scene.session.commit()


def words(mail: Notification) -> str:
    return render(mail).text.replace("\u00a0", " ")


@both
@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (SUM, "gibt es im Rahmen Ihres Limits (noch 310,86 EUR) frei"),
        (SUM - 1, ""),
        (0, ""),
    ],
)
def test_what_the_workshop_may_approve_alone_is_said(pages: Pages, door: Doors, limit: int, told: str) -> None:
    limited(pages, limit)
    extension = pages.raised()
    path, _send, client = door(pages)
    page = plain(client.get(path))
    pages.by_customer(f"/extensions/{extension.id}/question", words="Muss das sein?")
    commands.answer(pages.scene.staff, extension.id, "Ja.")
    mailed, answered = (
        words(pages.scene.mails(kind)[0])
        for kind in (NotificationKind.EXTENSION_RAISED, NotificationKind.EXTENSION_ANSWERED)
    )
    assert all(told in read for read in (page, mailed, answered))
    assert ("Wir beginnen erst nach Ihrer Antwort. " in page) is (limit < SUM)
    assert ("Gemacht wird es nur, wenn Sie zustimmen." in mailed) is (limit < SUM)
    assert ("Gemacht wird nichts ohne Ihre Zustimmung." in answered) is (limit < SUM)


@pytest.mark.parametrize("limit", [35_000, 0])
def test_who_is_asked_again_is_told_it_again(pages: Pages, run_jobs: Any, limit: int) -> None:
    limited(pages, limit)
    pages.raised()
    with pages.scene.later(minutes=61):
        run_jobs({"extensions.remind_customer"})
    mailed = words(pages.scene.mails(NotificationKind.EXTENSION_REMINDER)[0])
    assert ("Ohne Ihre Antwort machen wir nur, was gebucht ist." in mailed) is (limit == 0)
    assert ("was die Werkstatt im Rahmen Ihres Limits (noch 350,00 EUR) freigibt" in mailed) is (limit > 0)


@both
def test_so_many_questions_an_hour_and_what_was_typed_stays(
    app: Flask, pages: Pages, door: Doors, monkeypatch: Any
) -> None:
    """Each of them mails the workshop, also through the link, which signs nobody in."""
    monkeypatch.setitem(app.config, "EXTENSION_QUESTIONS_PER_HOUR", 2)
    pages.raised()
    path, send, _client = door(pages)
    for minutes in (0, 20):
        with pages.scene.later(minutes=minutes):
            assert send(f"{path}/question", words=f"Und nach {minutes} Minuten?").status_code == 303
    with pages.scene.later(minutes=30):
        answer = send(f"{path}/question", words="Und wenn es schneit?")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1800")
    assert f"Ab {clock(now_utc() + timedelta(minutes=60))} Uhr können Sie die nächste stellen." in plain(answer)
    assert "Und wenn es schneit?</textarea>" in answer.text
    assert len(pages.scene.mails(NotificationKind.EXTENSION_QUESTION)) == 2
    with pages.scene.later(minutes=60):
        assert send(f"{path}/question", words="Und wenn es schneit?").status_code == 303


@both
def test_a_question_can_be_asked_from_the_minute_that_the_page_says(
    app: Flask, pages: Pages, door: Doors, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "EXTENSION_QUESTIONS_PER_HOUR", 1)
    pages.raised()
    path, send, _client = door(pages)
    with pages.scene.later(minutes=0, seconds=40):
        assert send(f"{path}/question", words="Eine?").status_code == 303
        said = plain(send(f"{path}/question", words="Noch eine?"))
    assert f"Ab {clock(now_utc() + timedelta(minutes=61))} Uhr können Sie die nächste stellen." in said
    with pages.scene.later(minutes=61):
        assert send(f"{path}/question", words="Noch eine?").status_code == 303


@both
def test_an_open_page_follows_the_limit(pages: Pages, door: Doors) -> None:
    """Another offer uses some of it up; then this one is approved within it, and nothing is left to wait for."""
    limited(pages, 35_000)
    other = pages.scene.raised(pages.booking, BULB)
    extension = pages.raised()
    path, _send, client = door(pages)
    page = client.get(path).text
    seen = page.split(f'hx-get="{path}?pending=1&amp;v=')[1].split('"')[0]
    assert page.count('id="limit-said"') == 1
    assert "hx-swap-oob" not in page
    assert client.get(f"{path}?pending=1&v={seen}", headers=HTMX).status_code == 204
    commands.approve_within_limit(pages.scene.staff, other.id, digest_of(other))
    answer = client.get(f"{path}?pending=1&v={seen}", headers=HTMX)
    assert answer.status_code == 200
    said = answer.text.split('id="limit-said"')[1]
    assert 'hx-swap-oob="true"' in said.split(">")[0]
    assert "(noch 340,00 EUR)" in said.replace("\u00a0", " ")
    newer = answer.text.split(f'hx-get="{path}?pending=1&amp;v=')[1].split('"')[0]
    assert client.get(f"{path}?pending=1&v={newer}", headers=HTMX).status_code == 204
    commands.approve_within_limit(pages.scene.staff, extension.id, digest_of(extension))
    decided = client.get(f"{path}?pending=1&v={newer}", headers=HTMX).text
    assert "Wir beginnen erst" not in decided.split('id="limit-said"')[1]
    assert taken_away(decided) == ["decision", "otherwise", "sum-bar"]


def taken_away(answer: str) -> list[str]:
    return re.findall(r'id="([\w-]+)" hx-swap-oob="delete"', answer)


@both
def test_a_page_that_shows_what_was_decided_has_no_form_to_lose(pages: Pages, door: Doors) -> None:
    extension = pages.raised()
    path, send, client = door(pages)
    send(f"{path}/approval", item=[0], amount_cents=SUMS[0], shown=digest_of(extension))
    assert taken_away(client.get(f"{path}?v=old", headers=HTMX).text) == []


def test_after_an_objection_both_are_told_that_the_later_return_stays(pages: Pages) -> None:
    later = pages.booking.estimated_return_time + timedelta(days=1)
    offer = replace(BULB, new_promised_at=later, delay_reason="Die Lampe kommt morgen.")
    extension = pages.scene.raised(pages.booking, offer)
    given = Consent("phone", "Kim Beispiel", now_utc(), "Ja, bitte.")
    commands.approve_on_consent(pages.scene.staff, extension.id, [0], digest_of(extension), given)
    path, stays = f"/extensions/{extension.id}", "Die Rückgabe bleibt vorerst bei"
    mine, theirs = (lambda: plain(pages.customer.get(path))), (lambda: plain(pages.staff.get(f"/workshop{path}")))
    assert stays not in mine() + theirs()
    assert "bleibt zunächst bei ihrer neuen Zeit" in plain(pages.customer.get(f"{path}/objection"))
    assert pages.by_customer(f"{path}/objection").status_code == 303
    assert f"{stays} {moment(later)}".replace("\u00a0", " ") in mine()
    assert "Geht es früher, sagen Sie es dem Kunden." in theirs()
