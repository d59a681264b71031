"""The jockey's phone: the day, one tour, and the next step with what it means."""

import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import formatting, htmx, live
from b2c_web.access import requires
from b2c_web.bookings.models import AssignmentType, Trip
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.dispatch import blueprint, car_back, commands, tours, words
from b2c_web.dispatch.doubts import ronja_doubt
from b2c_web.dispatch.drivers import is_shown
from b2c_web.dispatch.forms import StepForm
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.rules import ENDED, is_early
from b2c_web.dispatch.steps import CHANGED
from b2c_web.dispatch.told import late_for_jockey
from b2c_web.errors import Conflict
from b2c_web.forms import form_page, submitted
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.generation import local_day
from b2c_web.workshops.models import Jockey

S = AssignmentStatus
PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
FAR = timedelta(days=3650)
PRESS: Mapping[tuple[AssignmentType, str], Callable[..., Any]] = {
    (PICKUP, S.ASSIGNED): commands.start_pickup,
    (PICKUP, S.EN_ROUTE_TO_PICKUP): commands.arrive_pickup,
    (PICKUP, S.IN_TRANSIT_TO_WORKSHOP): commands.arrive_workshop,
    (PICKUP, S.AT_WORKSHOP): commands.complete_pickup,
    (RETURN, S.ASSIGNED): commands.start_return,
    (RETURN, S.EN_ROUTE_TO_CUSTOMER): commands.arrive_return,
}


@blueprint.get("/jockey")
@requires("jockey.day")
def my_day() -> Response:
    today, jockey = today_in(ZONE), tours.jockey_of(current_user)
    shown = asked_day(today)
    version = tours.version_of_day(jockey, shown, today, now_utc()) if jockey else ""
    if live.asked():
        return live.answer(
            version, lambda: render_template("jockeys/_day.html", fragment=True, **_day(jockey, shown, version))
        )
    return htmx.render("jockeys/my_day.html", **_day(jockey, shown, version))


def _day(jockey: Jockey | None, shown: date, version: str) -> dict[str, Any]:
    today = today_in(ZONE)
    day = tours.day_of(jockey, shown, today, now_utc()) if jockey else None
    facts = about(day.now if day else None) | {"day": day, "today": today, "shown": shown, "version": version}
    ended = [(one, words.after_return(one)) for one in day.done] if day and shown == today else []
    still_to_do = [(one, what) for one, what in ended if what and car_back.has_car_still(one)]
    back = tours.called_back(jockey, now_utc()) if jockey and shown == today else []
    still_to_do += [(one, words.CALLED_BACK % {"plate": one.ronja.license_plate}) for one in back]
    home = tours.going_home(jockey, now_utc()) if jockey and shown == today else []
    still_to_do += [(one, words.GOES_HOME % {"plate": one.ronja.license_plate}) for one in home]
    facts |= {"still_to_do": still_to_do, "has_car_still": car_back.has_car_still}
    return facts | {"before": shown - timedelta(days=1), "after": shown + timedelta(days=1)}


def asked_day(today: date) -> date:
    """The day in the address, within ten years of today."""
    try:
        asked = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return today
    return asked if abs(asked - today) < FAR else today


def about(tour: JockeyAssignment | None) -> dict[str, Any]:
    """What every page of a tour shows of it."""
    step = words.NEXT.get((tour.type, tour.status)) if tour else None
    facts: dict[str, Any] = {"tour": tour, "next_step": step, "leave_at": None}
    if tour:
        travel = timedelta(minutes=tour.trip.travel_minutes)
        facts |= {"leave_at": tour.scheduled_time - travel, "told": told(tour)}
        facts |= {"standing": url_for("dispatch.standing", assignment_id=tour.id)}
        facts |= {"version": tours.version_of_tour(tour), "what_now": words.after_return(tour)}
        facts |= {"has_car": car_back.has_car_still(tour)}
    texts = {"services": TEXTS, "classes": CLASS_TEXTS, "TRIP": words.TRIP, "ENDED_BECAUSE": words.ENDED_BECAUSE}
    texts["COLOURS"] = words.COLOURS
    facts |= {"now": now_utc(), "today": today_in(ZONE), "other_day": other_day, "local_day": local_day}
    facts |= {"late_of": lambda one: late_for_jockey(one, facts["now"])}
    texts |= {"is_shown": is_shown}
    return {**facts, **texts, "plate_of": tours.plate_of, "car_of": tours.car_of, "PICKUP": PICKUP}


def other_day(trip: Trip, on: date) -> date | None:
    """The day of the promised window, when it is not the day `on`."""
    promised = local_day(trip.window_start)
    return None if promised == on else promised


def told(tour: JockeyAssignment) -> Callable[[Any], str]:
    """Puts the customer's name and the arrival estimate of somebody who leaves now into a step's words."""
    arrival = now_utc() + timedelta(minutes=tour.trip.travel_minutes)
    return lambda text: words.told(text, name=tour.booking.customer_name, time=formatting.clock(arrival))


@blueprint.get("/jockey/trips/<uuid:assignment_id>")
@requires("jockey.day")
def tour(assignment_id: uuid.UUID) -> Response:
    shown = tours.own_tour(current_user, assignment_id)
    if live.asked():
        version = tours.version_of_tour(shown)
        return live.answer(version, lambda: render_template("jockeys/_tour.html", fragment=True, **about(shown)))
    return htmx.render("jockeys/tour.html", **about(shown))


@blueprint.get("/jockey/trips/<uuid:assignment_id>/standing")
@requires("jockey.day")
def standing(assignment_id: uuid.UUID) -> Response:
    """What became of a tour, for somebody who fills in one of its forms meanwhile."""
    shown = tours.own_tour(current_user, assignment_id)
    way = (url_for("dispatch.my_day"), _("Zu meinem Tag"))
    if shown.status not in ENDED:
        way = (url_for("dispatch.tour", assignment_id=assignment_id), _("Zur Fahrt"))
    return live.answer(
        tours.version_of_tour(shown),
        lambda: render_template("dispatch/_standing.html", news=words.news_of(shown), way=way, **about(shown)),
    )


@blueprint.route("/jockey/trips/<uuid:assignment_id>/step", methods=["GET", "POST"])
@requires("jockey.day")
def step(assignment_id: uuid.UUID) -> Response:
    shown, form = tours.own_tour(current_user, assignment_id), StepForm()
    asked = form.status.data or shown.status
    if submitted(form, lambda: _press(shown, asked, form)):
        flash(str(words.NEXT[shown.type, S(asked)].done), "success")
        return htmx.see_other(url_for("dispatch.my_day"))
    shown = tours.own_tour(current_user, assignment_id)
    is_over = shown.status is S.COMPLETED and not is_shown(shown)
    if (shown.type, shown.status) not in PRESS and (is_over or not form.errors):
        return elsewhere(shown)
    facts: dict[str, Any] = {"waits_for_car": tours.waits_for_car(shown)}
    if shown.status is S.ASSIGNED:
        facts |= {"car_out": car_back.with_jockey(shown), "with_another": car_back.with_another(shown)}
    known = about(shown)
    known["begun_before"] = tours.begun_before(shown)
    starts_early = is_early(known["leave_at"], known["now"], current_app.config)
    facts["is_early"] = shown.status is S.ASSIGNED and starts_early
    known["ronja_doubt"] = ronja_doubt(shown) if shown.status is S.ASSIGNED else ""
    return form_page("jockeys/step.html", form, **known, **facts)


def _press(shown: JockeyAssignment, asked: str, form: StepForm) -> None:
    """The step that the page offered; a press that comes late finds it done already or is told the new state."""
    press = PRESS.get((shown.type, asked))
    if press is None:
        raise Conflict(CHANGED, code="wrong_state")
    said = {"early": form.early.data} if asked == S.ASSIGNED else {}
    said |= {"has_ronja": form.has_ronja.data} if press is commands.start_pickup else {}
    press(shown.id, current_user, **said)


def elsewhere(shown: JockeyAssignment) -> Any:
    """A tour without a simple next step: to its handover, or to its page when it is over."""
    following = words.NEXT.get((shown.type, shown.status))
    if following is None:
        flash(_("Diese Fahrt ist vorbei. Hier gibt es nichts mehr zu tun."), "info")
    return redirect(url_for(following.page if following else "dispatch.tour", assignment_id=shown.id))
