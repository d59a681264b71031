"""A Ronja whose service is due leaves planning, which is told; `flask ronja serviced` brings it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from b2c_web.audit import AuditEntry
from b2c_web.bookings.availability import read_ronjas
from b2c_web.clock import now_utc
from b2c_web.dispatch.whereabouts import ronja_shows
from b2c_web.errors import NotFound
from b2c_web.workshops import hooks
from b2c_web.workshops.models import RonjaVehicle, VehicleStatus, Workshop
from b2c_web.workshops.servicing import due_for_service, note_service
from tests.factories import make_ronja, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
DONE = ("--mileage", "13950", "--next-km", "29000", "--next-on", "2027-11-30")
MONDAY_AFTER = datetime(2027, 11, 29, 23, tzinfo=UTC)  # midnight of the 30th in Germany


@pytest.fixture
def workshop(session: Any) -> Workshop:
    return make_workshop()


@pytest.fixture
def due(session: Any, workshop: Workshop) -> RonjaVehicle:
    ronja = make_ronja(workshop, license_plate="WIT RN 1", mileage=13_900, next_service_mileage=14_000)
    session.commit()
    return ronja


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["ronja", "serviced", *arguments])


def planned(workshop: Workshop) -> list[Any]:
    return [plan.ronja_id for plan in read_ronjas(workshop.id, now_utc(), now_utc() + timedelta(days=7))]


def test_a_done_service_brings_the_ronja_back(app: Flask, session: Any, workshop: Workshop, due: RonjaVehicle) -> None:
    assert (planned(workshop), list(due_for_service(workshop.id))) == ([], [due])
    told: list[Any] = []
    hooks.room_changed.functions.append(told.append)
    try:
        result = run(app, "wit rn 1", *DONE)
    finally:
        hooks.room_changed.functions.remove(told.append)
    assert (result.exit_code, told) == (0, [workshop.id]), result.output
    assert result.output == "WIT RN 1: 13900 km -> 13950 km, next service at 29000 km or on 2027-11-30\n"
    session.expire_all()
    assert (planned(workshop), list(due_for_service(workshop.id))) == ([due.id], [])
    assert (due.last_service_date, due.next_service_due) == (now_utc(), MONDAY_AFTER)
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry.action == "ronja.serviced"
    assert entry.before == {"mileage": 13_900, "next_service_mileage": 14_000, "next_service_due": None}
    assert (entry.after["mileage"], entry.after["next_service_mileage"]) == (13_950, 29_000)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--mileage", "-1"),
        ("--mileage", "2000001"),
        ("--mileage", "viel"),
        ("--next-km", "14450"),  # 500 km ahead it would leave planning at once
        ("--next-km", "2000001"),
        ("--next-on", "2026-11-24"),
        ("--next-on", "30.11.2027"),
    ],
)
def test_what_cannot_be_is_named_and_changes_nothing(
    app: Flask, session: Any, due: RonjaVehicle, option: str, value: str
) -> None:
    options = list(DONE)
    options[options.index(option) + 1] = value
    result = run(app, "WIT RN 1", *options)
    assert result.exit_code != 0
    assert option in result.output
    session.expire_all()
    assert (due.mileage, due.next_service_mileage, due.next_service_due) == (13_900, 14_000, None)


def test_no_ronja_has_this_plate(app: Flask, due: RonjaVehicle) -> None:
    result = run(app, "WIT RN 2", *DONE)
    assert (result.exit_code, "PLATE" in result.output) == (1, True)
    with pytest.raises(NotFound):
        note_service(due.workshop_id, 1, 15_000, datetime(2027, 1, 1).date())  # noqa: DTZ001 - a day


def test_what_a_person_took_out_stays_out_and_the_operator_reads_it(
    app: Flask, session: Any, workshop: Workshop, due: RonjaVehicle
) -> None:
    due.status = VehicleStatus.MAINTENANCE
    session.commit()
    assert list(due_for_service(workshop.id)) == []
    assert "its state is MAINTENANCE" in run(app, "WIT RN 1", *DONE).output
    session.expire_all()
    assert planned(workshop) == []


def test_what_is_due_is_exactly_what_planning_leaves_out(session: Any, workshop: Workshop) -> None:
    now = now_utc()
    facts: list[dict[str, Any]] = [
        {},
        {"mileage": 13_499, "next_service_mileage": 14_000},
        {"mileage": 13_500, "next_service_mileage": 14_000},
        {"next_service_due": now + timedelta(days=1, seconds=1)},
        {"next_service_due": now + timedelta(days=1)},
    ]
    ronjas = [make_ronja(workshop, **one) for one in facts]
    make_ronja(make_workshop(), mileage=1, next_service_mileage=1)
    session.commit()
    found = {ronja.id for ronja in due_for_service(workshop.id)}
    assert found == {ronjas[2].id, ronjas[4].id}
    plans = read_ronjas(workshop.id, now, now + timedelta(days=1))
    usable = {plan.ronja_id for plan in plans if plan.usable_until > now.timestamp()}
    assert usable == {ronja.id for ronja in ronjas} - found
    assert len(due_for_service(None)) == 3


def test_what_was_read_off_is_in_the_audit_log_with_what_it_was(session: Any, due: RonjaVehicle) -> None:
    for km in (14_100, 14_100, None):
        ronja_shows(due.id, km)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.entity_id == due.id)).all()
    assert [(one.before, one.after) for one in entries] == [({"mileage": 13_900}, {"mileage": 14_100})]
    assert due.mileage == 14_100
