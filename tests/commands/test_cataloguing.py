"""The catalogue of usual work: added, changed, archived, by the workshop's own staff."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.catalog.models import ServiceType
from b2c_web.errors import Invalid, NotFound
from b2c_web.extensions import cataloguing, queries
from b2c_web.extensions.cataloguing import UsualWork
from b2c_web.extensions.models import WorkItem
from tests.commands.scene import Scene
from tests.factories import make_user

BRAKES = ServiceType.BRAKE_SERVICE
OIL = UsualWork("Motoröl", 1599, None, Decimal("4.5"), "5W-30")


@pytest.fixture
def scene(session: Any, frozen_clock: Any) -> Scene:
    scene = Scene(session)
    scene.staff = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)  # type: ignore[attr-defined]
    session.commit()
    return scene


def add(scene: Any, work: UsualWork = OIL) -> uuid.UUID:
    return cataloguing.add_work_item(scene.staff, scene.workshop.id, work)


def invalid(field: str) -> Any:
    return pytest.raises(Invalid, check=lambda error: error.details["field"] == field)


def row(scene: Any, item_id: uuid.UUID) -> WorkItem:
    scene.session.expire_all()
    return scene.session.get(WorkItem, item_id)


def test_it_is_kept_as_it_is_written(scene: Any) -> None:
    kept = row(scene, add(scene))
    assert (kept.name, kept.price, kept.quantity, kept.description) == ("Motoröl", 1599, Decimal("4.5"), "5W-30")
    assert [one.name for one in queries.catalogue(scene.workshop.id, BRAKES)] == ["Motoröl"]


@pytest.mark.parametrize(
    ("work", "field"),
    [
        (UsualWork(" ", 1), "name"),
        (UsualWork("x" * 121, 1), "name"),
        (UsualWork("Öl", 100, name_en="x" * 121), "name_en"),
        (UsualWork("Öl", 0), "price"),
        (UsualWork("Öl", 2_000_001), "price"),
        (UsualWork("Öl", 1, None, Decimal(0)), "quantity"),
        (UsualWork("Öl", 1, None, Decimal("1.0001")), "quantity"),
        (UsualWork("Öl", 1, None, Decimal("0.1")), "price"),  # comes to nothing
    ],
)
def test_what_cannot_be_offered_is_not_kept(scene: Any, work: UsualWork, field: str) -> None:
    with invalid(field):
        add(scene, work)
    item_id = add(scene)
    with invalid(field):
        cataloguing.change_work_item(scene.staff, item_id, work)
    assert row(scene, item_id).name == "Motoröl"


def test_a_name_stands_once_with_one_service(scene: Any) -> None:
    item_id = add(scene)
    with invalid("name"):
        add(scene)
    other = add(scene, UsualWork("Motoröl", 1799, BRAKES))
    with invalid("name"):
        cataloguing.change_work_item(scene.staff, other, UsualWork("Motoröl", 1799, None))
    assert row(scene, other).service is BRAKES
    assert row(scene, item_id).price == 1599


def test_archived_it_is_not_offered_and_comes_back(scene: Any) -> None:
    item_id = add(scene)
    for _twice in range(2):
        cataloguing.archive_work_item(scene.staff, item_id)
    assert queries.catalogue(scene.workshop.id, BRAKES) == []
    assert [one.id for one in queries.usual_work(scene.workshop.id, archived=True)] == [item_id]
    for _twice in range(2):
        cataloguing.restore_work_item(scene.staff, item_id)
    assert [one.id for one in queries.usual_work(scene.workshop.id)] == [item_id]


def test_adding_an_archived_name_brings_it_back_as_it_is_written_now(scene: Any) -> None:
    item_id = add(scene)
    cataloguing.archive_work_item(scene.staff, item_id)
    assert add(scene, UsualWork("Motoröl", 1799)) == item_id
    kept = row(scene, item_id)
    assert (kept.is_active, kept.price, kept.quantity) == (True, 1799, 1)


def test_it_is_found_by_name_and_by_what_the_customer_reads(scene: Any) -> None:
    add(scene)
    add(scene, UsualWork("100 % Prüfung", 100))
    for search, names in (("motor", ["Motoröl"]), ("5w", ["Motoröl"]), ("100 %", ["100 % Prüfung"]), ("%_", [])):
        assert [one.name for one in queries.usual_work(scene.workshop.id, search)] == names


def test_a_works_own_name_counts_before_anothers_english_one(scene: Any) -> None:
    add(scene, UsualWork("Battery", 21_900))
    add(scene, UsualWork("Starterbatterie", 18_900, BRAKES, name_en="Battery"))
    found = queries.usual_work_named(scene.workshop.id, BRAKES)
    assert {name: work.price for name, work in found.items()} == {"battery": 21_900, "starterbatterie": 18_900}


def test_another_workshops_catalogue_is_not_there(scene: Any) -> None:
    item_id, stranger = add(scene), make_user(Role.WORKSHOP)
    dispatcher = make_user(Role.DISPATCHER, workshop_id=scene.workshop.id)
    scene.session.commit()
    for person in (stranger, dispatcher):
        for act in (
            lambda who: cataloguing.add_work_item(who, scene.workshop.id, UsualWork("Filter", 100)),
            lambda who: cataloguing.change_work_item(who, item_id, OIL),
            lambda who: cataloguing.archive_work_item(who, item_id),
            lambda who: cataloguing.restore_work_item(who, item_id),
        ):
            with pytest.raises(NotFound):
                act(person)
    with pytest.raises(NotFound):
        queries.work_item_of(stranger, item_id)
    admin = make_user(Role.ADMIN)
    scene.session.commit()
    assert queries.work_item_of(admin, item_id).name == "Motoröl"
    cataloguing.archive_work_item(admin, item_id)
