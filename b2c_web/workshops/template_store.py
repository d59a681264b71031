"""The weekly templates of a workshop as they are stored: reads and steps inside a command's transaction."""

import uuid
from collections.abc import Sequence
from datetime import date

from flask import current_app
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import Template, parse_windows
from b2c_web.workshops.models import (
    TimeSlot,
    WeeklyTemplate,
    WeeklyTemplateDay,
    WeeklyTemplateWindow,
    Workshop,
    WorkshopCapacity,
)
from b2c_web.workshops.weekly import DayPlan, PlannedWindow, Week, Weeks


def default_template() -> Template:
    """The windows of the settings, with the usual number of places."""
    return Template(parse_windows(current_app.config["WINDOW_HOURS"]))


def usual_template(workshop_id: uuid.UUID) -> Template:
    """The windows of the settings, with the numbers of places that most coming days of this workshop have."""
    usual = default_template()
    today = today_in(ZONE)
    places = db.session.scalar(
        select(func.mode().within_group(TimeSlot.max_bookings)).where(
            TimeSlot.workshop_id == workshop_id, TimeSlot.service_date >= today
        )
    )
    maximum = db.session.scalar(
        select(func.mode().within_group(WorkshopCapacity.max_bookings)).where(
            WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date >= today
        )
    )
    if places is None or maximum is None:
        return usual
    return Template(usual.windows, places, maximum)


def templates_of(workshop_id: uuid.UUID) -> Sequence[WeeklyTemplate]:
    """The stored templates by their first day, with days and windows."""
    query = select(WeeklyTemplate).where(WeeklyTemplate.workshop_id == workshop_id)
    return db.session.scalars(query.order_by(WeeklyTemplate.valid_from)).all()


def weeks_of(workshop_id: uuid.UUID) -> Weeks:
    """What each day of this workshop should look like. While nothing is stored: the usual numbers on weekdays."""
    stored = tuple((row.valid_from, week_of(row)) for row in templates_of(workshop_id))
    return Weeks(stored or ((date.min, usual_template(workshop_id).week),))


def week_of(row: WeeklyTemplate) -> Week:
    """A stored template as plain values."""
    windows: dict[int, list[PlannedWindow]] = {}
    for one in row.windows:
        windows.setdefault(one.weekday, []).append(PlannedWindow(one.starts_minute, one.ends_minute, one.places))
    return Week({d.weekday: DayPlan(d.max_bookings, tuple(windows.get(d.weekday, ()))) for d in row.days})


def state_of(workshop_id: uuid.UUID) -> str:
    """Changes with every change of the templates: what a page has seen, to tell two people who edit at once."""
    rows = db.session.execute(
        select(WeeklyTemplate.valid_from, WeeklyTemplate.version)
        .where(WeeklyTemplate.workshop_id == workshop_id)
        .order_by(WeeklyTemplate.valid_from)
    ).all()
    return ",".join(f"{row.valid_from}:{row.version}" for row in rows)


def put_first(workshop_id: uuid.UUID, valid_from: date) -> None:
    """Step: a workshop without templates gets the usual numbers as its first one, also when two do this at once."""
    if templates_of(workshop_id) or db.session.get(Workshop, workshop_id) is None:
        return
    week = usual_template(workshop_id).week
    row_id = db.session.scalar(
        insert(WeeklyTemplate)
        .values(workshop_id=workshop_id, valid_from=valid_from)
        .on_conflict_do_nothing()
        .returning(WeeklyTemplate.id)
    )
    if row_id is not None:
        _add_rows(row_id, week)


def put(workshop_id: uuid.UUID, valid_from: date, week: Week) -> uuid.UUID:
    """Step: stores `week` from that day on; one with the same first day is written over. Lock the workshop first."""
    facts = {"workshop_id": workshop_id, "valid_from": valid_from}
    write = insert(WeeklyTemplate).values(**facts)
    again = {"version": WeeklyTemplate.version + 1, "updated_at": now_utc()}
    row_id = db.session.execute(
        write.on_conflict_do_update(index_elements=list(facts), set_=again).returning(WeeklyTemplate.id)
    ).scalar_one()
    for table in (WeeklyTemplateDay, WeeklyTemplateWindow):
        db.session.execute(delete(table).where(table.template_id == row_id))
    _add_rows(row_id, week)
    db.session.expire_all()
    return row_id


def _add_rows(template_id: uuid.UUID, week: Week) -> None:
    key = {"template_id": template_id}
    days = [key | {"weekday": day, "max_bookings": plan.maximum} for day, plan in week.days.items()]
    windows = [
        key | {"weekday": day, "starts_minute": one.starts, "ends_minute": one.ends, "places": one.places}
        for day, plan in week.days.items()
        for one in plan.windows
    ]
    if days:
        db.session.execute(insert(WeeklyTemplateDay), days)
    if windows:
        db.session.execute(insert(WeeklyTemplateWindow), windows)
