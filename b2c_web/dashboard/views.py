"""The workshop's day: the board, the list to print, looking for a car, and a car's page. They only read."""

import uuid
from datetime import date, timedelta
from typing import Any

from flask import Response, render_template, request
from flask_login import current_user

from b2c_web import htmx, live
from b2c_web.access import requires
from b2c_web.accounts.models import Role
from b2c_web.bookings import desk
from b2c_web.bookings.models import Booking
from b2c_web.bookings.naming import model_and_year_of
from b2c_web.bookings.returning import may_be_collected
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.dashboard import blueprint, board, car, cars, queries, words
from b2c_web.dashboard.rules import is_parked
from b2c_web.dispatch import car_back, handovers
from b2c_web.extensions.queries import of_booking
from b2c_web.notifications.words import KINDS
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import refunds_of
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.queries import workshop_of

FARTHEST = timedelta(days=3650)


@blueprint.get("/workshop")
@requires("workshop.day")
def day() -> Response:
    today = today_in(ZONE)
    shown, not_a_day = _asked_day(today)
    context: dict[str, Any] = {
        "today": today,
        "services": TEXTS,
        "classes": CLASS_TEXTS,
        "words": words,
        "Column": board.Column,
    }
    if live.asked():
        version = board.board_version(current_user, shown, today, now_utc())
        return live.answer(version, lambda: _board(shown, workshop=_workshop(), **context))
    return htmx.render(
        "dashboard/day.html",
        board=board.board(current_user, shown, today, now_utc()),
        not_a_day=not_a_day,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1),
        workshop=_workshop(),
        **context,
    )


def _board(shown: date, **context: Any) -> str:
    made = board.board(current_user, shown, context["today"], now_utc())
    return render_template("dashboard/_board.html", board=made, **context)


def _workshop() -> Workshop | None:
    """The person's workshop; None for an admin, who sees all."""
    return None if current_user.role is Role.ADMIN else workshop_of(current_user.workshop_id)


def _asked_day(today: date) -> tuple[date, str]:
    """The day in the address, within ten years of today, and what stands there when that is no such day."""
    text = request.args.get("day", "").strip()
    if not text:
        return today, ""
    try:
        asked = date.fromisoformat(text)
    except ValueError:
        return today, text
    return (asked, "") if abs(asked - today) < FARTHEST else (today, text)


@blueprint.get("/workshop/list")
@requires("workshop.day")
def day_list() -> Response:
    today, search = today_in(ZONE), request.args.get("q", "").strip()
    shown, not_a_day = _asked_day(today)
    return htmx.render(
        "dashboard/list.html",
        "dashboard/_list.html",
        day=queries.workshop_day(current_user, shown, today, search),
        search=search,
        today=today,
        not_a_day=not_a_day,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1),
        workshop=_workshop(),
        services=TEXTS,
        classes=CLASS_TEXTS,
        plate_of=words.plate_of,
        car_of=words.car_of,
        is_fetched=board.is_fetched,
    )


@blueprint.get("/workshop/cars", endpoint="cars")
@requires("workshop.day")
def find_cars() -> Response:
    page = request.args.get("page", 1, type=int)
    show, sort = request.args.get("show", ""), request.args.get("sort", "")
    wanted = cars.Wanted(request.args.get("q", "").strip(), show, sort == "oldest", page)
    return htmx.render(
        "dashboard/cars.html",
        "dashboard/_cars.html",
        wanted=wanted,
        found=cars.find_cars(current_user, wanted),
        workshop=_workshop(),
        services=TEXTS,
        plate_of=words.plate_of,
    )


@blueprint.get("/workshop/bookings/<uuid:booking_id>", endpoint="car")
@requires("workshop.day")
def show_car(booking_id: uuid.UUID) -> Response:
    version = board.car_version(booking_id)  # before the car: what changes in between is only drawn once more
    booking = desk.desk_booking(current_user, booking_id)
    if live.asked():
        return live.answer(version, lambda: render_template("dashboard/_car.html", **_car_facts(booking, version)))
    return htmx.render("dashboard/car.html", **_car_facts(booking, version))


def _car_facts(booking: Booking, version: str) -> dict[str, Any]:
    tours = handovers.tours_of(booking.id)
    parked = is_parked(booking.status, tours)
    return {
        "booking": booking,
        "version": version,
        "service": TEXTS[booking.service],
        "car_class": CLASS_TEXTS[booking.vehicle_class],
        "plate": words.plate_of(booking),
        "car_known": model_and_year_of(booking.vehicle, booking.car_details),
        "fetched": board.is_fetched(booking),
        "withdrawable": words.withdrawable_until(booking),
        "may_note_withdrawal": desk.may_note_withdrawal(booking),
        "standing_said": words.standing(booking, parked=parked),
        "parked": parked,
        "tours": tours,
        "car_out": car_back.of_bookings([booking.id]).get(booking.id),
        "handovers": handovers.handovers(tours),
        "messages": car.messages_about(booking.id),
        "kinds": KINDS,
        "done": car.done_to(booking, tours),
        "changes": car.changes,
        "extensions": of_booking(booking.id),
        "may_be_collected": may_be_collected(booking),
        "refunds": refunds_of(PaymentPurpose.BOOKING, booking.id),
    }
