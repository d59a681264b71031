"""The page of the workshop's usual work: list, search, add, change, archive."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.extensions.cataloguing import put_work_item
from b2c_web.extensions.models import WorkItem
from tests.commands.scene import Scene
from tests.factories import make_user, make_workshop
from tests.views.browsing import send
from tests.views.extending import HTMX, plain

Login = Callable[..., FlaskClient]
LIST = "/workshop/catalogue"
OIL = {"name": "Motoröl", "price": "15,99", "quantity": "4,5", "service": "", "description": "5W-30"}


@pytest.fixture
def scene(session: Any, frozen_clock: Any) -> Scene:
    return Scene(session)


@pytest.fixture
def staff(scene: Scene, login: Login) -> FlaskClient:
    return login(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id))


def only(scene: Scene) -> WorkItem:
    scene.session.expire_all()
    return scene.session.query(WorkItem).one()


def test_from_empty_to_the_list(scene: Scene, staff: FlaskClient) -> None:
    assert "Noch nichts hinterlegt" in plain(staff.get(LIST))
    assert send(staff, f"{LIST}/new", **OIL).location == LIST
    page = plain(staff.get(LIST))
    assert "Motoröl ist im Katalog." in page
    assert "Bei jedem Service" in page
    assert "4,5 × 15,99 EUR" in page


def test_what_is_wrong_is_said_at_the_field_and_kept(scene: Scene, staff: FlaskClient) -> None:
    answer = send(staff, f"{LIST}/new", **(OIL | {"price": "viel", "quantity": "4,5 l", "name": ""}))
    assert answer.status_code == 422
    for words in (
        "Bitte als Betrag",
        "Bitte als Zahl mit höchstens drei Nachkommastellen",
        "Bitte nennen Sie die Arbeit",
    ):
        assert words in plain(answer)
    assert 'value="viel"' in answer.text
    send(staff, f"{LIST}/new", **OIL)
    twice = send(staff, f"{LIST}/new", **OIL)
    assert twice.status_code == 422
    assert "Diese Arbeit steht mit diesem Namen schon im Katalog oder in seinem Archiv." in plain(twice)


def test_what_english_customers_read_is_kept_beside_the_german(scene: Scene, staff: FlaskClient) -> None:
    english = {"name_en": "Engine oil", "description_en": "5W-30, per litre"}
    send(staff, f"{LIST}/new", **(OIL | english))
    assert "Motoröl Engine oil" in plain(staff.get(LIST))
    assert "Motoröl" in plain(staff.get(f"{LIST}?q=engine"))
    path = f"{LIST}/{only(scene).id}"
    page = staff.get(path).text
    assert all(f'value="{typed}"' in page for typed in english.values())
    assert send(staff, path, **(OIL | {"name_en": "x" * 121})).status_code == 422
    send(staff, path, **(OIL | dict.fromkeys(english, "")))
    assert (only(scene).name_en, only(scene).description_en) == ("", "")


def test_change_archive_and_back(scene: Scene, staff: FlaskClient) -> None:
    send(staff, f"{LIST}/new", **OIL)
    path = f"{LIST}/{only(scene).id}"
    page = staff.get(path).text
    assert 'value="15,99"' in page
    assert 'value="4,5"' in page
    assert send(staff, path, **(OIL | {"price": "17,99", "service": "OIL_SERVICE"})).location == LIST
    assert only(scene).price == 1799
    assert send(staff, f"{path}/archival", path).location == LIST
    assert "Motoröl" not in plain(staff.get(LIST)).split("Bearbeitet")[0].replace("Motoröl ist im Archiv.", "")
    assert "Motoröl" in plain(staff.get(f"{LIST}?show=archived"))
    assert "Diese Arbeit ist im Archiv" in plain(staff.get(path))
    send(staff, f"{path}/restoration", path)
    assert only(scene).is_active


def test_it_is_searched_as_one_types(scene: Scene, staff: FlaskClient) -> None:
    put_work_item(scene.workshop.id, None, "Wischer", 2490)
    put_work_item(scene.workshop.id, None, "Filter", 1990)
    answer = staff.get(f"{LIST}?q=wisch", headers=HTMX)
    assert "Wischer" in answer.text
    assert "Filter" not in answer.text
    assert "<html" not in answer.text
    assert "Nichts gefunden" in plain(staff.get(f"{LIST}?q=%25"))


def test_an_admin_picks_the_workshop(scene: Scene, login: Login, app: Flask) -> None:
    other = make_workshop(name="Werkstatt Hagen")
    admin = login(make_user(Role.ADMIN), on=app.test_client())
    scene.session.commit()
    assert "Werkstatt Hagen" in plain(admin.get(LIST))
    new = f"{LIST}/new?workshop={other.id}"
    assert send(admin, new, **OIL).location == f"{LIST}?workshop={other.id}"
    assert only(scene).workshop_id == other.id
    assert "Motoröl" in plain(admin.get(f"{LIST}?workshop={other.id}"))
    fragment = admin.get(f"{LIST}?workshop={other.id}", headers={"HX-Request": "true"}).text
    assert new in fragment  # the button goes where the list is from


def test_nobody_else_gets_there(scene: Scene, login: Login, app: Flask) -> None:
    item_id = put_work_item(scene.workshop.id, None, "Wischer", 2490)
    stranger = login(make_user(Role.WORKSHOP), on=app.test_client())
    assert "Wischer" not in plain(stranger.get(LIST))
    assert stranger.get(f"{LIST}/{item_id}").status_code == 404
    assert stranger.get(f"{LIST}?workshop={scene.workshop.id}").status_code == 404
    for verb in ("archival", "restoration"):
        assert send(stranger, f"{LIST}/{item_id}/{verb}", f"{LIST}/new").status_code == 404


def test_the_menu_and_the_raise_form_lead_there(scene: Scene, staff: FlaskClient) -> None:
    assert f'href="{LIST}"' in staff.get("/workshop").text


def test_usual_work_comes_with_its_usual_quantity(scene: Scene) -> None:
    from decimal import Decimal

    from b2c_web.extensions.views.offer import line_for

    work = WorkItem(name="Motoröl", description="", price=1599, quantity=Decimal("4.500"))
    assert (line_for(work)["quantity"], line_for(work)["price"]) == ("4,5", "15,99")
