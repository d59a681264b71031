"""The dispatcher's day: the list, and one trip with all that can be decided about it."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Response, flash, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import formatting, htmx, live
from b2c_web.access import requires
from b2c_web.bookings.commands import move_by_staff
from b2c_web.bookings.desk import still_missed
from b2c_web.bookings.models import AssignmentType
from b2c_web.bookings.places import instant
from b2c_web.bookings.returning import may_choose_return, replan_return, return_options
from b2c_web.capacity.alternatives import Alternative, alternatives_for
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.dispatch import blueprint, board, deciding, loads, replanning, ronjas, rules, told, tours, words
from b2c_web.dispatch.board import Row
from b2c_web.dispatch.forms import DecisionForm, EndForm, WindowForm
from b2c_web.dispatch.lateness import Need
from b2c_web.dispatch.models import CancelReason
from b2c_web.dispatch.steps import CHANGED, seen_of
from b2c_web.dispatch.views.jockey import asked_day
from b2c_web.errors import Conflict, NotFound
from b2c_web.forms import form_page, submitted
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.queries import workshop_of

NEW_DATES = 80  # three weeks of windows
ENDS = (CancelReason.REDISPATCHED, CancelReason.BREAKDOWN, CancelReason.NO_SHOW)


@blueprint.get("/dispatch")
@requires("dispatch.plan")
def day() -> Response:
    today = today_in(ZONE)
    shown = asked_day(today)
    version = board.version_of(current_user, shown, today)
    facts = {"shown": shown, "today": today, "version": version, **_words()}
    if live.asked():
        return live.answer(version, lambda: _fragment(facts))
    around = {"before": shown - timedelta(days=1), "after": shown + timedelta(days=1)}
    facts |= {"list": board.day_list(current_user, shown, today), "workshop": _workshop()} | around
    return htmx.render("dispatch/day.html", "dispatch/_day.html", **facts)


def _fragment(facts: dict[str, Any]) -> str:
    day_list = board.day_list(current_user, facts["shown"], facts["today"])
    return render_template("dispatch/_day.html", list=day_list, workshop=_workshop(), **facts)


def _workshop() -> Any:
    return workshop_of(current_user.workshop_id) if current_user.workshop_id else None


def _gone(trip_id: uuid.UUID) -> Response:
    """A trip that its booking has no more, after a new date say: back to the day. Raises NotFound for any other."""
    if not board.was_planned(current_user, trip_id):
        raise NotFound
    flash(_("Diese Fahrt gibt es nicht mehr."), "info")
    return htmx.see_other(url_for("dispatch.day"))


def _or_gone(view: Callable[[uuid.UUID], Response]) -> Callable[[uuid.UUID], Response]:
    """The page of a trip, or what is said of one that its booking has no more."""

    @wraps(view)
    def answer(trip_id: uuid.UUID) -> Response:
        try:
            return view(trip_id)
        except NotFound:
            return _gone(trip_id)

    return answer


def _words() -> dict[str, Any]:
    return {
        "told": told,
        "TRIP": words.TRIP,
        "services": TEXTS,
        "classes": CLASS_TEXTS,
        "plate_of": tours.plate_of,
        "car_of": tours.car_of,
        "ENDED_BECAUSE": words.ENDED_BECAUSE,
        "PICKUP": AssignmentType.PICKUP,
        "iso_day": lambda at: at.astimezone(ZONE).date().isoformat(),
    }


@blueprint.route("/dispatch/trips/<uuid:trip_id>", methods=["GET", "POST"])
@requires("dispatch.plan")
@_or_gone
def trip(trip_id: uuid.UUID) -> Response:
    row = board.row_of(current_user, trip_id)
    choices = ronjas.choices(row.booking)
    form = _decision_form(row, choices)
    had = _ronja_of(row)
    if submitted(form, lambda: _decide(row, form)):
        flash(_decided(board.row_of(current_user, trip_id), had), "success")
        return htmx.see_other(_day_of(row))
    row = board.row_of(current_user, trip_id)
    form.seen.data = _seen(row)
    problems = form.refusal.details.get("problems", []) if form.refusal else []
    form.show(one.code for one in problems)
    facts = _choosing(row) if _can_decide(row) else {}
    return form_page(
        "dispatch/trip.html",
        form,
        problems=problems,
        choices=choices if ronjas.may_change(row.booking) else [],
        can_decide=_can_decide(row),
        can_end=_ends(row),
        **facts,
        **_followed(row),
    )


@blueprint.get("/dispatch/trips/<uuid:trip_id>/standing")
@requires("dispatch.plan")
def trip_standing(trip_id: uuid.UUID) -> Response:
    """What became of a trip, for somebody who decides about it meanwhile."""
    standing = url_for("dispatch.trip_standing", trip_id=trip_id)
    try:
        row = board.row_of(current_user, trip_id)
    except NotFound:
        if not board.was_planned(current_user, trip_id):
            raise
        news, way = _("Diese Fahrt gibt es nicht mehr."), (url_for("dispatch.day"), _("Alle Fahrten"))
        facts: dict[str, Any] = {"version": "", "news": news, "way": way}
    else:
        way = (url_for("dispatch.trip", trip_id=trip_id), _("Neu ansehen"))
        facts = {"version": board.version_of_row(row), "news": told.news_of(row), "way": way}
    return live.answer(facts["version"], lambda: render_template("dispatch/_standing.html", standing=standing, **facts))


def _followed(row: Row) -> dict[str, Any]:
    """What the forms of a trip need to notice that somebody else changed it."""
    return {
        "row": row,
        "standing": url_for("dispatch.trip_standing", trip_id=row.trip.id),
        "version": board.version_of_row(row),
        **_words(),
    }


def _choosing(row: Row) -> dict[str, Any]:
    given = row.assignment if row.is_open else None
    local_day = row.trip.window_start.astimezone(ZONE).date()
    able = deciding.options(row.trip, row.booking.workshop_id, given)
    of_day = loads.loads_of(row.booking.workshop_id, local_day)
    return {"chances": {str(one.jockey.id): (one, able.get(one.jockey.id)) for one in of_day}}


def _can_decide(row: Row) -> bool:
    """Is there something to give, or to take away again?"""
    if row.is_open and row.assignment is not None:
        return rules.may_cancel(row.trip.type, row.assignment.status, CancelReason.REDISPATCHED)
    return replanning.is_due(row.booking, row.trip.type)


def _ends(row: Row) -> list[CancelReason]:
    given = row.assignment
    if given is None or not row.is_open:
        return []
    return [reason for reason in ENDS if rules.may_cancel(row.trip.type, given.status, reason)]


def _seen(row: Row) -> str:
    return seen_of(row.assignment, _ronja_of(row))


def _ronja_of(row: Row) -> uuid.UUID | None:
    return row.booking.reservation.ronja_id if row.booking.reservation else None


def _decision_form(row: Row, choices: Sequence[ronjas.Choice]) -> DecisionForm:
    given = row.assignment if row.is_open else None
    reserved = _ronja_of(row)
    now = {
        "jockey_id": str(given.jockey_id) if given else "",
        "ronja_id": str(reserved) if reserved else "",
    }
    form = DecisionForm(data=now)
    local_day = row.trip.window_start.astimezone(ZONE).date()
    able = loads.loads_of(row.booking.workshop_id, local_day)
    best = [] if given else [("", _("Der Beste, der frei ist"))]
    form.jockey_id.choices = best + [(str(one.jockey.id), one.jockey.name) for one in able]
    form.ronja_id.choices = [(str(one.ronja.id), one.ronja.license_plate) for one in choices]
    return form


def _decide(row: Row, form: DecisionForm) -> None:
    deciding.decide(
        row.booking.id,
        row.trip.type,
        form.decision(row.trip.window_start),
        seen=form.seen.data or "",
        accepted=form.accepted_codes(),
        actor=current_user,
    )


def _decided(row: Row, had: uuid.UUID | None) -> str:
    """Who will be there and when; with the Ronja, when it is another than before."""
    given = row.assignment
    if given is None:
        return _("Gespeichert.")
    facts = {"number": row.booking.number, "jockey": given.jockey.name, "time": formatting.clock(given.scheduled_time)}
    flag = f" {told.FLAGS[given.conflict]}" if given.conflict in told.FLAGS else ""
    if _ronja_of(row) == had:
        return _("%(number)s: %(jockey)s ist um %(time)s Uhr an der Tür.", **facts) + flag
    facts["plate"] = given.ronja.license_plate
    return _("%(number)s: %(jockey)s ist um %(time)s Uhr an der Tür, Ronja %(plate)s.", **facts) + flag


def _day_of(row: Row) -> str:
    return url_for("dispatch.day", day=row.trip.window_start.astimezone(ZONE).date().isoformat())


@blueprint.route("/dispatch/trips/<uuid:trip_id>/cancellation", methods=["GET", "POST"])
@requires("dispatch.plan")
@_or_gone
def trip_cancellation(trip_id: uuid.UUID) -> Response:
    row, form = board.row_of(current_user, trip_id), EndForm()
    shown = row
    form.reason.choices = [(reason.value, told.REASONS[reason]) for reason in ENDS]
    if submitted(form, lambda: _end(shown, form)):
        flash(_("%(number)s ist vom Plan genommen.", number=row.booking.number), "success")
        return htmx.see_other(url_for("dispatch.trip", trip_id=trip_id))
    row = board.row_of(current_user, trip_id)
    able = _ends(row)
    form.reason.choices = [(reason.value, told.REASONS[reason]) for reason in able]
    form.seen.data = _seen(row)
    return form_page("dispatch/cancellation.html", form, able=able, **_followed(row))


def _end(row: Row, form: EndForm) -> None:
    if row.assignment is None:
        raise Conflict(CHANGED, code="changed")
    note, seen = form.note.data or "", form.seen.data or ""
    replanning.cancel_assignment(row.assignment.id, form.why(), note, current_user, seen=seen)


@blueprint.route("/dispatch/trips/<uuid:trip_id>/window", methods=["GET", "POST"])
@requires("dispatch.plan")
@_or_gone
def return_window(trip_id: uuid.UUID) -> Response:
    row, form = board.row_of(current_user, trip_id), WindowForm()
    form.offer(_windows(row))
    if submitted(form, lambda: replan_return(current_user, row.booking.id, uuid.UUID(form.slot_id.data))):
        flash(_("Das neue Fenster steht. Der Kunde bekommt eine Nachricht."), "success")
        return htmx.see_other(url_for("dispatch.day"))
    hint = _("Frei sind nur Fenster, in denen ein Jockey fahren kann und die Ronja so lange bleibt.")
    return form_page("dispatch/window.html", form, hint=hint, **_followed(row))


@blueprint.route("/dispatch/trips/<uuid:trip_id>/new-date", methods=["GET", "POST"])
@requires("dispatch.plan")
@_or_gone
def new_date(trip_id: uuid.UUID) -> Response:
    row, form = board.row_of(current_user, trip_id), WindowForm()
    dates = {str(one.slot_id): one for one in _dates(row)}
    form.offer((slot_id, _date_words(one)) for slot_id, one in dates.items())
    if submitted(form, lambda: _move(row, dates[form.slot_id.data])):
        flash(_("Der neue Termin steht. Der Kunde bekommt eine Bestätigung."), "success")
        return htmx.see_other(url_for("dispatch.day", day=dates[form.slot_id.data].start.astimezone(ZONE).date()))
    hint = _("Abholung und Rückgabe, wie sie mit Jockey und Ronja gehen. Der neue Termin kostet nichts extra.")
    return form_page("dispatch/window.html", form, hint=hint, **_followed(row))


def _move(row: Row, date: Alternative) -> None:
    move_by_staff(current_user, row.booking.id, *date.pair, check=still_missed)


def _dates(row: Row) -> list[Alternative]:
    """After a no-show: where else the whole booking could go."""
    return alternatives_for(row.booking, same_day=True, count=NEW_DATES) if row.need is Need.NO_SHOW else []


def _date_words(one: Alternative) -> str:
    back = formatting.day_window(one.back_start or one.back_end, one.back_end)
    return _("%(window)s, zurück %(back)s", window=formatting.day_window(one.start, one.end), back=back)


def _windows(row: Row) -> list[tuple[str, str]]:
    if row.trip.type is not AssignmentType.RETURN or not may_choose_return(row.booking):
        return []
    free = return_options(row.booking)
    return [(str(one.slot_id), formatting.day_window(instant(one.start), instant(one.end))) for one in free]
