"""What the workshop may approve alone, within the customer's standing limit, as the customer is told of it."""

from typing import Any

import pytest

from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from tests.views.extending import Pages, plain
from tests.views.test_extension_decision import Doors, both


def limited(pages: Pages, cents: int) -> None:
    pages.booking.standing_limit_cents = cents
    pages.scene.session.commit()


def words(mail: Notification) -> str:
    return render(mail).text.replace("\u00a0", " ")


@both
@pytest.mark.parametrize(
    ("limit", "told"),
    [(25_000, "im Rahmen Ihres Limits (noch 250,00 EUR) frei"), (0, "Wir beginnen erst nach Ihrer Antwort.")],
)
def test_what_the_workshop_may_approve_alone_is_said(pages: Pages, door: Doors, limit: int, told: str) -> None:
    limited(pages, limit)
    pages.raised()
    path, _send, client = door(pages)
    assert told in plain(client.get(path))
    mailed = words(pages.scene.mails(NotificationKind.EXTENSION_RAISED)[0])
    assert ("Gemacht wird es nur, wenn Sie zustimmen." in mailed) is (limit == 0)
    assert ("im Rahmen Ihres Limits (noch 250,00 EUR) frei" in mailed) is (limit > 0)


@pytest.mark.parametrize("limit", [25_000, 0])
def test_who_is_asked_again_is_told_it_again(pages: Pages, run_jobs: Any, limit: int) -> None:
    limited(pages, limit)
    pages.raised()
    with pages.scene.later(minutes=61):
        run_jobs({"extensions.remind_customer"})
    mailed = words(pages.scene.mails(NotificationKind.EXTENSION_REMINDER)[0])
    assert ("Ohne Ihre Antwort machen wir nur, was gebucht ist." in mailed) is (limit == 0)
    assert ("was die Werkstatt im Rahmen Ihres Limits (noch 250,00 EUR) freigibt" in mailed) is (limit > 0)
