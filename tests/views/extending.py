"""Extensions over HTTP: a car in the workshop, its customer and its staff, each with a browser of their own."""

import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from b2c_web.bookings.models import Booking
from b2c_web.extensions.models import Extension
from tests.commands.extending import Extending
from tests.views.browsing import send

HTMX = {"HX-Request": "true"}


class Pages:
    """The workshop's browser and the customer's, looking at the same booking."""

    def __init__(self, app: Flask, scene: Extending, login: Callable[..., FlaskClient], booking: Booking) -> None:
        self.scene, self.booking_id = scene, booking.id
        self.staff, self.customer, self.stranger = app.test_client(), app.test_client(), app.test_client()
        login(scene.staff, on=self.staff)
        login(booking.user, on=self.customer)

    @property
    def booking(self) -> Booking:
        self.scene.session.expire_all()
        return self.scene.session.get(Booking, self.booking_id)

    @property
    def new(self) -> str:
        return f"/workshop/bookings/{self.booking_id}/extensions/new"

    @property
    def draft(self) -> str:
        return f"/workshop/bookings/{self.booking_id}/extensions/draft"

    @property
    def completion(self) -> str:
        return f"/workshop/bookings/{self.booking_id}/completion"

    def extensions(self) -> list[Extension]:
        self.scene.session.expire_all()
        return self.scene.session.query(Extension).order_by(Extension.requested_at, Extension.id).all()

    def raised(self) -> Extension:
        return self.scene.raised(self.booking)

    def by_staff(self, path: str, page: str | None = None, **fields: Any) -> Any:
        return send(self.staff, path, page or self.new, **fields)

    def by_customer(self, path: str, **fields: Any) -> Any:
        return send(self.customer, path, "/account/profile", **fields)

    def by_link(self, path: str, **fields: Any) -> Any:
        return send(self.stranger, path, "/login", **fields)


def offer(*lines: tuple[str, str, str], **fields: Any) -> dict[str, Any]:
    """The form of an offer; lines are (name, price, quantity) as they are typed."""
    form = {"description": "Die Beläge sind fast durch.", **fields}
    for index, (name, price, quantity) in enumerate(lines):
        form |= {f"items-{index}-name": name, f"items-{index}-price": price, f"items-{index}-quantity": quantity}
    return form


def plain(answer: Any) -> str:
    """What is to be read, with plain blanks and without tags."""
    words = re.sub(r"<(script|style|head).*?</\1>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return " ".join(words.replace("\u00a0", " ").replace("&nbsp;", " ").split())
