"""The customer's cars in the browser."""

import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from b2c_web.accounts.models import Role, User
from b2c_web.media.store import LocalMediaStore
from b2c_web.vehicles import commands, documents, queries
from b2c_web.vehicles.commands import CarFacts
from b2c_web.vehicles.models import VehicleClass
from tests.factories import make_customer, make_user
from tests.views.browsing import send, token_on
from tests.views.walking import words_of

CAR = {"license_plate": "wit-xy 207", "make": "Ahorn", "model": "Kombi", "year": "2019", "vehicle_class": "MIDSIZE"}
FACTS = CarFacts("WIT XY 207", "Ahorn", "Kombi", 2019, VehicleClass.MIDSIZE)
PDF = b"%PDF-1.7 a registration document"
Login = Callable[[User], FlaskClient]

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture(autouse=True)
def _files(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))


def upload(client: FlaskClient, page: str, content: bytes, name: str = "schein.pdf") -> Any:
    file = FileStorage(io.BytesIO(content), name)
    boundary, body = encode_multipart({"csrf_token": token_on(client, page), "document": file})
    return client.post(page, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def test_a_car_is_added_and_shown(client: FlaskClient, login: Login) -> None:
    login(make_customer())
    assert "Noch kein Auto" in client.get("/account/cars").text
    assert send(client, "/account/cars/new", **CAR).location == "/account/cars"
    page = client.get("/account/cars").text
    assert "WIT XY 207" in page
    assert "Mittelklasse" in page
    assert "Wird zuerst vorgeschlagen" in page


def test_everything_wrong_is_told_at_once_and_the_input_stays(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    login(user)
    wrong = {"license_plate": "HHA123", "make": "", "year": "zwanzig", "vehicle_class": "TANK", "vin": "123"}
    answer = send(client, "/account/cars/new", **{**CAR, **wrong}, first_registration="2019-02-30")
    assert answer.status_code == 422
    for field in ("license_plate", "make", "year", "vehicle_class", "vin", "first_registration"):
        assert f'id="{field}-error"' in answer.text
    assert 'value="HHA123"' in answer.text
    assert "6 Angaben" in answer.text
    assert queries.vehicles_of(user) == []


def test_a_refusal_of_the_command_stands_at_its_field(client: FlaskClient, login: Login) -> None:
    login(make_customer())
    send(client, "/account/cars/new", **CAR)
    answer = send(client, "/account/cars/new", **CAR)
    assert answer.status_code == 422
    assert "Dieses Auto steht schon in Ihrer Liste." in answer.text
    assert 'href="#license_plate"' in answer.text


def test_a_number_that_nobody_entered_is_said_to_be_missing(client: FlaskClient, login: Login) -> None:
    login(make_customer())
    send(client, "/account/cars/new", **CAR)
    page = words_of(client.get("/account/cars").text)
    assert "FIN fehlt noch; Sie oder die Werkstatt können sie eintragen" in page
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "VIN still missing; you or the workshop can enter it" in words_of(client.get("/account/cars").text)


def test_a_car_is_changed(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    login(user)
    page = f"/account/cars/{car}"
    assert 'value="WIT XY 207"' in client.get(page).text
    send(client, page, **{**CAR, "model": "Maxi", "first_registration": "2019-05-02"})
    assert (queries.vehicle_of(user, car).model, queries.vehicle_of(user, car).license_plate) == ("Maxi", "WIT XY 207")
    assert 'value="2019-05-02"' in client.get(page).text


def test_primary_archive_and_back(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    first = commands.add_vehicle(user, FACTS)
    second = commands.add_vehicle(user, CarFacts("WIT AB 12", "Ahorn", "Mini", 2021, VehicleClass.COMPACT))
    login(user)
    send(client, f"/account/cars/{second}/primary", "/account/cars")
    assert queries.vehicles_of(user)[0].id == second
    asked = client.get(f"/account/cars/{first}/archival").text
    assert "Gebuchte Termine bleiben" in asked
    assert len(queries.vehicles_of(user)) == 2
    send(client, f"/account/cars/{first}/archival")
    assert [car.id for car in queries.vehicles_of(user)] == [second]
    assert "Zurückholen" in client.get("/account/cars").text
    send(client, f"/account/cars/{first}/restoration", "/account/cars")
    assert len(queries.vehicles_of(user)) == 2


def test_the_document_comes_back_to_its_owner_as_a_download(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    login(user)
    page = f"/account/cars/{car}/document"
    assert upload(client, page, PDF, "beliebig.exe").location == page
    with client.get(f"{page}/file") as answer:
        assert answer.data == PDF
    assert answer.content_type == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    send(client, f"{page}/removal", page)
    assert client.get(f"{page}/file").status_code == 404


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"<script>", "schein.pdf", "Bitte als PDF, JPEG oder PNG."),
        (b"MZ\x90\x00", "schein.jpg", "Bitte als PDF, JPEG oder PNG."),
        (b"", "schein.pdf", "Die Datei ist leer."),
        (PDF + b"x" * 10 * 1024 * 1024, "schein.pdf", "größer als 10 MB"),
        (b"", "", "Bitte wählen Sie eine Datei."),
    ],
)
def test_other_files_are_refused_by_their_content(
    client: FlaskClient, login: Login, content: bytes, name: str, told: str
) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    login(user)
    answer = upload(client, f"/account/cars/{car}/document", content, name)
    assert answer.status_code == 422
    assert told in answer.text
    assert 'id="document-error"' in answer.text


def test_a_file_beyond_all_bounds_is_refused_before_it_is_read(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    login(user)
    assert upload(client, f"/account/cars/{car}/document", b"x" * 17 * 1024 * 1024).status_code == 413


def test_another_persons_car_does_not_exist(client: FlaskClient, login: Login) -> None:
    owner = make_customer()
    car = commands.add_vehicle(owner, FACTS)
    documents.attach_document(owner, car, PDF)
    login(make_customer())
    for vehicle_id in (car, uuid.uuid4()):
        page = f"/account/cars/{vehicle_id}"
        for path in (page, f"{page}/archival", f"{page}/document", f"{page}/document/file"):
            assert client.get(path).status_code == 404
        posts = ("", "/primary", "/archival", "/restoration", "/document", "/document/removal")
        for path in (page + tail for tail in posts):
            assert send(client, path, "/account/cars/new", **CAR).status_code == 404
    assert [row.id for row in queries.vehicles_of(owner)] == [car]


@pytest.mark.parametrize("role", [Role.WORKSHOP, Role.DISPATCHER, Role.JOCKEY, Role.ADMIN])
def test_staff_have_no_cars_here(client: FlaskClient, login: Login, role: Role) -> None:
    login(make_user(role))
    assert client.get("/account/cars").status_code == 404


def test_a_stranger_is_sent_to_the_door(client: FlaskClient) -> None:
    assert client.get("/account/cars").location == "/login?next=/account/cars"
    assert client.get(f"/account/cars/{uuid.uuid4()}/document/file").status_code == 303


def test_nothing_changes_without_the_token(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    car = commands.add_vehicle(user, FACTS)
    login(user)
    for tail in ("", "/primary", "/archival", "/restoration", "/document", "/document/removal"):
        assert client.post(f"/account/cars/{car}{tail}", data=CAR).status_code == 400
    assert client.post("/account/cars/new", data=CAR).status_code == 400
    assert len(queries.vehicles_of(user)) == 1
