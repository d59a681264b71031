"""What waits for its customer is said wherever the customer comes in."""

from collections.abc import Callable

from flask.testing import FlaskClient

from b2c_web.extensions import commands
from b2c_web.flask_extensions import db
from tests.factories import make_customer
from tests.views.extending import Pages
from tests.views.walking import text_of, words_of

PLACES = ("/account", "/bookings")


def said(client: FlaskClient) -> list[bool]:
    return ["wartet auf Ihre Antwort zu" in words_of(text_of(client.get(path))) for path in PLACES]


def test_an_offer_that_waits_is_said_to_its_customer_alone(pages: Pages, login: Callable[..., FlaskClient]) -> None:
    assert said(pages.customer) == [False, False]
    offered = pages.raised()
    assert said(pages.customer) == [True, True]
    assert f'href="/bookings/{pages.booking_id}"' in text_of(pages.customer.get("/account"))
    other = make_customer()
    db.session.commit()
    login(other, on=pages.stranger)
    assert said(pages.stranger) == [False, False]
    assert "wartet auf Ihre Antwort" not in text_of(pages.staff.get("/account"))
    commands.withdraw_extension(pages.scene.staff, offered.id, "Versehen")
    assert said(pages.customer) == [False, False]
