"""Nobody's things for anybody else: every route that takes an id, with real ids of another house and customer."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.access import access_of
from b2c_web.accounts.models import Address, Role, User, UserSession
from b2c_web.bookings.models import BookingDraft, BookingMove, MoveState, Trip
from b2c_web.capacity.move_asking import ask_to_move
from b2c_web.capacity.waiting_models import WaitingEntry
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import now_utc
from b2c_web.extensions.models import ExtensionWish, WorkItem
from b2c_web.flask_extensions import db
from b2c_web.media.commands import add_upload, media_store
from b2c_web.media.models import MediaPurpose
from b2c_web.notifications.models import Notification
from b2c_web.payments.models import Document, PaymentMethod
from b2c_web.vehicles.models import Vehicle, VehicleClass
from tests.commands.extending import Extending
from tests.commands.scene import FIRST
from tests.commands.trips import PNG
from tests.factories import make_booking, make_customer, make_days, make_jockey, make_user, make_workshop
from tests.views.test_access import SAMPLES, no_csrf, roles_for

__all__ = ["no_csrf"]
FOR_DEVELOPERS = "notifications.outbox"  # answers nowhere but there
MAY_BE_GONE = "/dismissal"  # of a wish
Ids = Mapping[str, Any]


def first_id(model: Any, **which: Any) -> uuid.UUID:
    found: uuid.UUID = db.session.scalars(select(model.id).filter_by(**which).order_by(model.id).limit(1)).one()
    return found


class World:
    """A house with a car in it and all that belongs to the booking; its people; and people of another house."""

    def __init__(self, scene: Extending) -> None:
        self.scene = scene
        booking = scene.in_workshop(back=2)
        self.customer: User = booking.user
        asked = scene.booked(slot=1, back=3, user_id=self.customer.id)
        photo = add_upload(scene.staff, MediaPurpose.BOOKING, booking.id, BytesIO(PNG), "foto.png")
        self.ids: dict[str, Any] = {
            "booking_id": booking.id,
            "purpose_id": booking.id,
            "purpose": "booking",
            "assignment_id": scene.assignment(booking).id,
            "extension_id": scene.raised(booking).id,
            "media_id": photo.id,
            "offer_id": ask_to_move(scene.staff, asked.id),
            "slot_id": scene.slots[0].id,
            "trip_id": first_id(Trip, booking_id=booking.id),
            "document_id": first_id(Document, booking_id=booking.id),
            "notification_id": first_id(Notification, user_id=self.customer.id),
            "vehicle_id": first_id(Vehicle, user_id=self.customer.id),
        }
        for name, row in self._rows():
            db.session.add(row)
            db.session.flush()
            self.ids[name] = row.id
        letter = db.session.get_one(Notification, self.ids["notification_id"])
        letter.subject = letter.body_text = letter.body_html = "Hallo"
        paper = media_store().put(b"%PDF-1.4", "pdf")
        db.session.get_one(Vehicle, self.ids["vehicle_id"]).registration_document = paper
        db.session.commit()

    def _rows(self) -> Iterator[tuple[str, Any]]:
        house, person, booking_id = self.scene.workshop, self.customer, self.ids["booking_id"]
        yield "item_id", WorkItem(workshop_id=house.id, name="Bremse", price=100)
        yield "address_id", Address(user_id=person.id, street="Ring 1", postal_code="44137", city="Dortmund")
        yield "method_id", PaymentMethod(user_id=person.id, stripe_payment_method_id="pm_1", type="card")
        until = now_utc() + timedelta(days=9)
        yield "session_id", UserSession(user_id=person.id, token_hash="x" * 64, expires_at=until)
        yield "draft_id", BookingDraft(browser_hash="x" * 64, user_id=person.id, postal_code="44137")
        offered = {"extension_id": self.ids["extension_id"], "place": 0}
        yield "wish_id", ExtensionWish(booking_id=booking_id, name="Bremse", price=100, quantity="1", **offered)
        slot = {"from_slot_id": self.scene.slots[0].id, "to_slot_id": self.scene.slots[5].id}
        yield "move_id", BookingMove(booking_id=booking_id, state=MoveState.FAILED, fee_cents=2500, **slot)
        wanted = {"service": ServiceType.INSPECTION, "vehicle_class": VehicleClass.MIDSIZE, "include_concierge": True}
        place = {
            "travel_minutes": 20,
            "address": "Ring 1",
            "city": "Dortmund",
            "postal_code": "44137",
            "lat": 51.5,
            "lng": 7.4,
        }
        who = {
            "customer_name": "Rosa",
            "customer_phone": "+4923021234567",
            "joined_at": now_utc(),
            "terms_version": "1",
        }
        yield (
            "entry_id",
            WaitingEntry(workshop_id=house.id, user_id=person.id, day=until.date(), **wanted, **place, **who),
        )

    def owner(self, role: Role) -> User:
        scene = self.scene
        people = {Role.CUSTOMER: self.customer, Role.WORKSHOP: scene.staff, Role.JOCKEY: scene.driver}
        return people.get(role, scene.dispatcher)

    def stranger(self, role: Role, *, same_house: bool = False) -> tuple[User, Ids]:
        """Somebody else of this role, and the ids of a booking of their own."""
        house = self.scene.workshop if same_house else make_workshop()
        slot = make_days(house, FIRST + timedelta(weeks=20), 1)[0]
        user = make_customer() if role is Role.CUSTOMER else make_user(role, workshop_id=house.id)
        if role is Role.JOCKEY:
            make_jockey(house).user_id = user.id
        own = make_booking(slot, **({"user": user} if role is Role.CUSTOMER else {}))
        db.session.commit()
        return user, {"booking_id": own.id, "purpose_id": own.id}


@pytest.fixture
def world(session: Any, frozen_clock: Any) -> World:
    return World(Extending(session, frozen_clock, ronjas=3))


def rules_of(app: Flask, role: Role) -> list[Any]:
    """The routes with ids that this role may call, those too that all may."""
    found = []
    for rule in app.url_map.iter_rules():
        declared = access_of(app, rule.endpoint)
        takes_ids = any("UUID" in type(one).__name__ for one in rule._converters.values())
        if takes_ids and role in roles_for(str(declared)) and not rule.endpoint.startswith(FOR_DEVELOPERS):
            found.append(rule)
    return found


def calls(app: Flask, role: Role, ids: Ids, own: Ids | None = None) -> list[tuple[str, str]]:
    """(method, address); with `own`, of routes with several ids, the outer one of the caller's own."""
    found = []
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        for rule in rules_of(app, role):
            if own is not None and len([name for name in rule.arguments if name.endswith("_id")]) < 2:
                continue
            values = {name: ids[name] if name in ids else SAMPLES.get(name, "1") for name in rule.arguments}
            values |= {name: one for name, one in (own or {}).items() if name in rule.arguments}
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                found.append((method, adapter.build(rule.endpoint, values, method=method)))
    return found


ROLES = [role for role in Role if role is not Role.ADMIN]


def test_every_id_that_a_route_takes_is_tried(app: Flask, world: World) -> None:
    taken = {
        name
        for role in ROLES
        for rule in rules_of(app, role)
        for name, converter in rule._converters.items()
        if "UUID" in type(converter).__name__
    }
    assert taken - set(world.ids) == set()


@pytest.mark.parametrize("role", ROLES)
def test_the_things_of_others_are_not_found(
    app: Flask, world: World, client: FlaskClient, login: Callable[..., FlaskClient], no_csrf: None, role: Role
) -> None:
    person, _own = world.stranger(role)
    login(person)
    answers = [(*call, client.open(call[1], method=call[0]).status_code) for call in calls(app, role, world.ids)]
    assert answers
    assert [answer for answer in answers if answer[2] != 404] == []


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.WORKSHOP])
def test_the_things_of_others_are_not_found_at_ones_own_booking(
    app: Flask, world: World, client: FlaskClient, login: Callable[..., FlaskClient], no_csrf: None, role: Role
) -> None:
    """A wish may have been taken back meanwhile: of a foreign one the same is said as of an id that nobody has."""
    person, own = world.stranger(role)
    login(person)
    nobodys = {name: one if name == "purpose" else uuid.uuid4() for name, one in world.ids.items()}
    foreign, unknown = (
        [client.open(address, method=method) for method, address in calls(app, role, ids, own)]
        for ids in (world.ids, nobodys)
    )
    told = [[(answer.status_code, answer.location) for answer in answers] for answers in (foreign, unknown)]
    assert told[0]
    assert told[0] == told[1]
    found = [answer.request.path for answer in foreign if answer.status_code != 404]
    assert [path for path in found if not path.endswith(MAY_BE_GONE)] == []


def test_the_trips_of_a_colleague_are_not_found(
    app: Flask, world: World, client: FlaskClient, login: Callable[..., FlaskClient], no_csrf: None
) -> None:
    person, _own = world.stranger(Role.JOCKEY, same_house=True)
    login(person)
    tried = calls(app, Role.JOCKEY, world.ids)
    answers = [(*call, client.open(call[1], method=call[0]).status_code) for call in tried]
    assert [answer for answer in answers if answer[2] != 404] == []


@pytest.mark.parametrize("role", ROLES)
def test_their_owners_find_them(
    app: Flask, world: World, client: FlaskClient, login: Callable[..., FlaskClient], role: Role
) -> None:
    """Else the ids would be nobody's, and that strangers do not find them would say nothing."""
    login(world.owner(role))
    drafts = "/book/" if role is not Role.CUSTOMER else "-"  # open to everybody, and this one is the customer's
    tried = [one for method, one in calls(app, role, world.ids) if method == "GET" and not one.startswith(drafts)]
    found = []
    for address in tried:
        with client.get(address) as answer:
            found.append((address, answer.status_code))
    assert [one for one in found if one[1] == 404 or one[1] >= 500] == []
