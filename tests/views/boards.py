"""The workshop's board in tests: cars on it, and what its columns say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.extensions.models import Extension
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_booking, make_customer, make_user, make_vehicle
from tests.views.walking import text_of, words_of

HTMX = {"HX-Request": "true"}
Login = Callable[..., FlaskClient]
COLUMNS = ("Erwartet", "In Arbeit", "Wartet auf Kunde", "Fertig")


def staff(scene: Scene, login: Login, role: Role = Role.WORKSHOP) -> FlaskClient:
    return login(make_user(role, **({} if role is Role.ADMIN else {"workshop_id": scene.workshop.id})))


def car(scene: Scene, plate: str, status: BookingStatus = BookingStatus.CONFIRMED, slot: int = 0, **facts: Any) -> Any:
    """A drop-off of a named car."""
    user = make_customer()
    vehicle = make_vehicle(user, license_plate=plate)
    if status not in (BookingStatus.CONFIRMED, BookingStatus.IN_TRANSIT_TO_WORKSHOP):
        facts.setdefault("workshop_checkin_at", scene.slots[slot].start_time)
    made = make_booking(scene.slots[slot], user=user, vehicle_id=vehicle.id, status=status, **facts)
    db.session.commit()
    return made


def extension(booking: Booking, **facts: Any) -> Extension:
    one = {"name": "Bremsscheiben", "description": "", "price": 47988, "quantity": "1", "media": []}
    defaults = {"description": "x", "items": [one], "total_amount": 47988, "vat_rate_percent": 19}
    row = Extension(booking_id=booking.id, requested_at=clock.now_utc(), **{**defaults, **facts})
    db.session.add(row)
    db.session.commit()
    return row


def columns(client: FlaskClient, path: str = "/workshop") -> dict[str, str]:
    """The words of each column."""
    words = words_of(text_of(client.get(path)).split('id="board"')[1].split("</main>")[0])
    rest, found = words, {}
    for title in reversed(COLUMNS):
        rest, _sep, found[title] = rest.rpartition(f" {title}")
    return found


def at(scene: Scene, hours: float, slot: int = 0) -> Any:
    """So long after the window began."""
    return clock.frozen(scene.slots[slot].start_time + timedelta(hours=hours))


def region_of(page: str) -> str:
    """Where the live region of a page asks."""
    return page.split('hx-get="', 1)[1].split('"', maxsplit=1)[0].replace("&amp;", "&")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "SAVEPOINT" not in statement:
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
