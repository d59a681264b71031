"""What customers do with their cars."""

import io
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.media.store import LocalMediaStore
from b2c_web.vehicles import commands, documents, queries
from b2c_web.vehicles.commands import CarFacts
from b2c_web.vehicles.models import VehicleClass
from tests.factories import make_booking, make_customer, make_days, make_workshop

FACTS = CarFacts("wit-xy 207", "Ahorn", "Kombi", 2019, VehicleClass.MIDSIZE, "WVWZZZ1JZ3W386752", date(2019, 5, 2))
SECOND = CarFacts("WIT AB 12", "Ahorn", "Mini", 2021, VehicleClass.COMPACT)
PDF = b"%PDF-1.7 a registration document"
PNG = b"\x89PNG\r\n\x1a\n a photo of it"

pytestmark = pytest.mark.usefixtures("session", "frozen_clock")


@pytest.fixture(autouse=True)
def files(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which documents are kept during a test."""
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_first_car_becomes_the_primary_one_and_is_stored_in_our_form() -> None:
    user = make_customer()
    commands.add_vehicle(user, FACTS)
    (car,) = queries.vehicles_of(user)
    assert (car.license_plate, car.vin, car.is_primary) == ("WIT XY 207", "WVWZZZ1JZ3W386752", True)
    assert car.first_registration == datetime(2019, 5, 2, tzinfo=UTC)


def test_the_primary_one_comes_first_and_there_is_one() -> None:
    user = make_customer()
    first, second = commands.add_vehicle(user, FACTS), commands.add_vehicle(user, SECOND)
    assert [car.id for car in queries.vehicles_of(user)] == [first, second]
    commands.make_primary(user, second)
    assert [(car.id, car.is_primary) for car in queries.vehicles_of(user)] == [(second, True), (first, False)]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"license_plate": "?"}, "license_plate"),
        ({"vin": "123"}, "vin"),
        ({"year": 1899}, "year"),
        ({"first_registration": date(2027, 1, 1)}, "first_registration"),
    ],
)
def test_what_cannot_be_is_refused_by_field(change: dict[str, Any], field: str) -> None:
    user = make_customer()
    with pytest.raises(Invalid) as refused:
        commands.add_vehicle(user, replace(FACTS, **change))
    assert refused.value.details["field"] == field
    assert queries.vehicles_of(user) == []


def test_the_same_plate_or_number_twice_is_told_kindly() -> None:
    user = make_customer()
    commands.add_vehicle(user, FACTS)
    for again, field in ((replace(FACTS, vin=None), "license_plate"), (replace(FACTS, license_plate="WIT Z 1"), "vin")):
        with pytest.raises(Invalid, match="car_there") as refused:
            commands.add_vehicle(user, again)
        assert refused.value.details["field"] == field


def test_two_customers_may_have_the_same_plate_at_their_cars() -> None:
    for user in (make_customer(), make_customer()):
        commands.add_vehicle(user, replace(FACTS, vin=None))


def test_a_number_that_another_customer_has_is_answered_like_one_that_cannot_be() -> None:
    commands.add_vehicle(make_customer(), FACTS)
    user = make_customer()
    with pytest.raises(Invalid) as taken:
        commands.add_vehicle(user, replace(FACTS, license_plate="WIT Z 1"))
    with pytest.raises(Invalid) as impossible:
        commands.add_vehicle(user, replace(SECOND, vin="1M8GDM9A1KP042788"))
    assert taken.value.message == impossible.value.message
    assert taken.value.code == impossible.value.code
    assert taken.value.details == impossible.value.details
    assert queries.vehicles_of(user) == []


def test_the_same_holds_when_a_car_is_changed() -> None:
    commands.add_vehicle(make_customer(), FACTS)
    user = make_customer()
    car = commands.add_vehicle(user, SECOND)
    with pytest.raises(Invalid) as refused:
        commands.edit_vehicle(user, car, replace(SECOND, vin=FACTS.vin))
    assert refused.value.details == {"field": "vin"}
    commands.edit_vehicle(user, car, replace(SECOND, model="Maxi"))
    assert queries.vehicle_of(user, car).model == "Maxi"


def test_changing_one_car_into_another_of_the_list_is_refused() -> None:
    user = make_customer()
    commands.add_vehicle(user, FACTS)
    car = commands.add_vehicle(user, SECOND)
    with pytest.raises(Invalid, match="invalid") as refused:
        commands.edit_vehicle(user, car, replace(SECOND, license_plate=FACTS.license_plate))
    assert refused.value.details["field"] == "license_plate"


def test_an_archived_car_leaves_the_list_and_the_newest_other_one_is_primary() -> None:
    user = make_customer()
    first = commands.add_vehicle(user, FACTS)
    second = commands.add_vehicle(user, SECOND)
    third = commands.add_vehicle(user, replace(SECOND, license_plate="WIT C 3"))
    commands.archive_vehicle(user, first)
    assert [(car.id, car.is_primary) for car in queries.vehicles_of(user)] == [(third, True), (second, False)]
    assert [car.id for car in queries.archived_vehicles_of(user)] == [first]
    with pytest.raises(NotFound):
        commands.make_primary(user, first)


def test_a_booking_keeps_its_archived_car(session: Any) -> None:
    (slot, *_others) = make_days(make_workshop(), date(2026, 11, 26), 1)
    booking = make_booking(slot)
    user = booking.user
    car = commands.add_vehicle(user, FACTS)
    booking.vehicle_id = car
    session.commit()
    commands.archive_vehicle(user, car)
    session.refresh(booking)
    assert booking.vehicle.license_plate == "WIT XY 207"


def test_an_archived_car_can_come_back() -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    commands.archive_vehicle(user, car)
    commands.restore_vehicle(user, car)
    assert [(row.id, row.is_primary) for row in queries.vehicles_of(user)] == [(car, True)]


def test_it_cannot_come_back_beside_a_car_with_its_plate() -> None:
    user = make_customer()
    old = commands.add_vehicle(user, replace(FACTS, vin=None))
    commands.archive_vehicle(user, old)
    commands.add_vehicle(user, replace(FACTS, vin=None))
    with pytest.raises(Invalid):
        commands.restore_vehicle(user, old)


def test_entering_an_archived_car_anew_brings_it_back_with_the_new_facts() -> None:
    user = make_customer()
    old = commands.add_vehicle(user, FACTS)
    commands.archive_vehicle(user, old)
    assert commands.add_vehicle(user, replace(FACTS, license_plate="DO NE 1")) == old
    assert [car.license_plate for car in queries.vehicles_of(user)] == ["DO NE 1"]


def test_check_in_brings_a_known_car_up_to_date(session: Any) -> None:
    user = make_customer()
    known = commands.add_vehicle(user, replace(FACTS, vin=None))
    assert commands.put_vehicle(user.id, FACTS).id == known
    new = commands.put_vehicle(user.id, SECOND)
    session.commit()
    assert {car.id for car in queries.vehicles_of(user)} == {known, new.id}
    assert queries.vehicle_of(user, known).vin == FACTS.vin


def test_thirty_cars_are_enough() -> None:
    user = make_customer()
    for n in range(1, 31):
        commands.add_vehicle(user, replace(SECOND, license_plate=f"WIT A {n}"))
    with pytest.raises(Conflict):
        commands.add_vehicle(user, FACTS)


def test_other_peoples_cars_do_not_exist() -> None:
    user, stranger = make_customer(), make_customer()
    mine = commands.add_vehicle(user, FACTS)
    for vehicle_id in (mine, uuid.uuid4()):
        for act in (
            lambda car: queries.vehicle_of(stranger, car),
            lambda car: commands.edit_vehicle(stranger, car, SECOND),
            lambda car: commands.make_primary(stranger, car),
            lambda car: commands.archive_vehicle(stranger, car),
            lambda car: commands.restore_vehicle(stranger, car),
            lambda car: documents.attach_document(stranger, car, PDF),
            lambda car: documents.remove_document(stranger, car),
        ):
            with pytest.raises(NotFound):
                act(vehicle_id)


def document_of(user: Any, car: uuid.UUID) -> tuple[bytes, str]:
    content, kind = documents.open_document(queries.vehicle_of(user, car))
    with content:
        return content.read(), kind.content_type


def test_a_document_is_kept_under_a_name_that_says_nothing(files: Path) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    documents.attach_document(user, car, PDF)
    assert document_of(user, car) == (PDF, "application/pdf")
    (path,) = kept(files)
    assert str(car) not in str(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_document_replaces_the_old_file(files: Path) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    documents.attach_document(user, car, PDF)
    documents.attach_document(user, car, PNG)
    assert document_of(user, car) == (PNG, "image/png")
    assert len(kept(files)) == 1
    documents.remove_document(user, car)
    assert kept(files) == []
    with pytest.raises(NotFound):
        documents.open_document(queries.vehicle_of(user, car))


def test_a_refused_document_leaves_nothing_behind(files: Path) -> None:
    user, stranger = make_customer(), make_customer()
    car = commands.add_vehicle(user, FACTS)
    documents.attach_document(user, car, PDF)
    for content in (b"<html>", b"", PDF + b"x" * 10 * 1024 * 1024):
        with pytest.raises(Invalid):
            documents.attach_document(user, car, content)
    with pytest.raises(NotFound):
        documents.attach_document(stranger, car, PNG)
    assert len(kept(files)) == 1
    assert document_of(user, car)[0] == PDF


def test_a_lost_file_is_not_found_rather_than_an_error(files: Path) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    documents.attach_document(user, car, PDF)
    kept(files)[0].unlink()
    with pytest.raises(NotFound):
        documents.open_document(queries.vehicle_of(user, car))
    documents.attach_document(user, car, PNG)
    assert document_of(user, car)[0] == PNG


@pytest.mark.parametrize("name", ["../secrets.json", "/etc/passwd", "ab/../../x.pdf", "ab/cd.pdf", ""])
def test_the_store_opens_only_names_of_its_own(files: Path, name: str) -> None:
    store = LocalMediaStore(files)
    with pytest.raises(ValueError, match="not a name"):
        store.open(name)
    with pytest.raises(ValueError, match="not a name"):
        store.delete(name)


def test_the_store_gives_back_what_it_was_given(files: Path) -> None:
    store = LocalMediaStore(files)
    first, second = store.put(PDF, "pdf"), store.put(PDF, "pdf")
    assert first != second
    with store.open(first) as content:
        assert isinstance(content, io.BufferedReader)
        assert content.read() == PDF
    store.delete(first)
    store.delete(first)
    with pytest.raises(FileNotFoundError):
        store.open(first)
