"""English at 320 px: lists with a second page and long addresses, where nothing may scroll sideways."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.workshops.models import TimeSlot
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking

Meet = Callable[..., Person]
NARROW = {"width": 320, "height": 800}
LONG = "somebody.with.quite.a.long.name@subdomain.example.org"


def reach(person: Person, path: str) -> int:
    person.go(path)
    return int(person.page.evaluate("document.documentElement.scrollWidth"))


def mails(number: int, user: User | None = None) -> Any:
    """So many kept messages, the last one's id."""
    for n in range(number):
        at = clock.now_utc() - timedelta(minutes=n)
        made = Notification(
            kind=NotificationKind.BOOKING_CONFIRMED,
            status=NotificationStatus.KEPT,
            recipient=user.email if user else LONG,
            language="en",
            context={},
            subject="Booked",
            body_text="Booked\n\nAll is well.",
            dedupe_key=f"narrow-{user.id if user else 0}-{n}",
            user_id=user.id if user else None,
            sent_at=at,
            created_at=at,
        )
        db.session.add(made)
    db.session.flush()
    return made.id


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_mail_to_a_long_address(site: Site, meet: Meet, language: str) -> None:
    anybody = meet(language=language, viewport=NARROW)
    with site.data() as session:
        found = session.query(Notification).filter_by(recipient=LONG).first()
        mail = found.id if found else mails(1)
    assert reach(anybody, f"/dev/outbox/{mail}") == NARROW["width"]


def test_my_messages(site: Site, meet: Meet) -> None:
    rosa = meet(language="en", viewport=NARROW)
    rosa.is_signed_in()
    with site.data() as session:
        mails(60, session.query(User).filter_by(email=rosa.email).one())
    assert [reach(rosa, f"/account/messages{page}") for page in ("", "?page=2")] == [NARROW["width"]] * 2


def test_every_message_and_every_car(site: Site, meet: Meet) -> None:
    with site.data() as session:
        user = session.query(User).filter_by(email="admin@example.org").one()
        mails(60, user)
        slots = session.query(TimeSlot).order_by(TimeSlot.start_time).all()
        for n in range(55):
            make_booking(slots[n + 100], user=user, number=f"B2C-2026-9{n:04d}")
    admin = meet(language="en", viewport=NARROW)
    admin.is_signed_in("admin")
    pages = ["/admin/messages", "/admin/messages?page=2", "/workshop/cars", "/workshop/cars?page=2"]
    assert {page: reach(admin, page) for page in pages} == dict.fromkeys(pages, NARROW["width"])


def test_the_open_tab_is_in_sight(meet: Meet) -> None:
    bella = meet(viewport=NARROW)
    bella.is_signed_in("werkstatt")
    bella.go("/workshop/capacity")
    expect(bella.page.locator(".side-nav [aria-current]")).to_be_in_viewport(ratio=1)
