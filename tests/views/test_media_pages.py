"""Uploading and showing over HTTP: with script and without, by whom, and by which links."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import AssignmentType, Booking, Trip
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.flask_extensions import db
from b2c_web.media import links, queries
from b2c_web.media import sent as sent_files
from b2c_web.media.models import MediaFile, MediaPurpose, MediaSize, MediaState
from tests.conftest import NOON
from tests.factories import make_booking, make_days, make_jockey, make_ronja, make_user
from tests.factories.media import photo, video
from tests.media_desk import Desk
from tests.views.browsing import token_on

SCRIPT = {"HX-Request": "true", "Content-Type": "application/octet-stream"}
SIZES = list(MediaSize)


def sent(client: FlaskClient, desk: Desk, *contents: BytesIO, script: bool = True, **fields: Any) -> Any:
    """An upload as the field sends it: by script the file alone is the body, without it a form with all files."""
    address, token = f"/media/booking/{desk.booking_id}", token_on(client, "/login")
    if script:
        said = {"name": "photos", **fields}
        headers, content = (
            {**SCRIPT, "X-CSRFToken": token, "X-Filename": "f%C3%B6to0.jpg"},
            contents[0] if contents else BytesIO(),
        )
        return client.post(
            address, query_string=said, input_stream=content, headers=headers, content_length=size_of(content)
        )
    data = {"file": [(content, f"foto{n}.jpg") for n, content in enumerate(contents)], "csrf_token": token, **fields}
    return client.post(f"{address}?name=photos", data=data, content_type="multipart/form-data")


def size_of(content: BytesIO) -> int:
    return content.getbuffer().nbytes


def link(app: Flask, media_id: uuid.UUID, size: MediaSize | str, viewer: str) -> str:
    with app.test_request_context():
        return links.url_for_media(media_id, size, viewer)


@pytest.fixture
def ready(desk: Desk) -> MediaFile:
    return desk.made_of(photo(800, 600))


@pytest.fixture
def anybody(client: FlaskClient) -> FlaskClient:
    """Another browser, where nobody is signed in."""
    return client.application.test_client()


# uploading


def test_one_file_comes_back_as_its_place_in_the_field(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    answer = sent(client, desk, photo())
    assert answer.status_code == 200
    file = queries.files_for(MediaPurpose.BOOKING, desk.booking_id)[0]
    assert f'name="photos" value="{file.id}"' in " ".join(answer.text.split())
    assert f'hx-get="/media/{file.id}/state?name=photos" hx-trigger="every 1s"' in answer.text
    assert "Wird verarbeitet" in answer.text


def test_its_state_is_asked_for_until_it_is_decided(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    sent(client, desk, photo())
    file = queries.files_for(MediaPurpose.BOOKING, desk.booking_id)[0]
    with clock.frozen(NOON + timedelta(seconds=30)):
        assert "every 10s" in client.get(f"/media/{file.id}/state").text
    with clock.frozen(NOON + timedelta(minutes=6)):
        assert "hx-trigger" not in client.get(f"/media/{file.id}/state").text
    desk.run_jobs()
    done = client.get(f"/media/{file.id}/state?name=photos").text
    assert "hx-trigger" not in done
    picture = re.search(r'<img src="([^"]+)"', done)
    assert picture
    assert client.get(picture[1]).mimetype == "image/jpeg"


def test_a_refused_one_says_why_and_is_not_sent_on(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    file = desk.made_of(BytesIO(b"\xff\xd8\xff nothing"))
    said = client.get(f"/media/{file.id}/state").text
    assert "beschädigt" in said
    assert "<input" not in said


def test_what_is_not_taken_is_said_in_words(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    answer = sent(client, desk, BytesIO(b"%PDF-1.7 not a photo"))
    assert answer.status_code == 422
    assert "„föto0.jpg“ ist kein Foto oder Video" in answer.text
    assert desk.contents() == []


def test_the_same_key_again_is_the_same_place(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    key = uuid.uuid4().hex
    first, again = (sent(client, desk, photo(), key=key).text for _n in range(2))
    assert re.findall(r'value="([^"]+)"', first) == re.findall(r'value="([^"]+)"', again)


def test_without_script_all_files_go_at_once_and_the_page_is_told(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    answer = sent(client, desk, photo(), BytesIO(b"GIF89a"), photo(), script=False, next="/workshop?day=2026-11-24")
    assert answer.status_code == 303
    told = urlsplit(answer.location)
    ids = [str(file.id) for file in queries.files_for(MediaPurpose.BOOKING, desk.booking_id)]
    assert told.path == "/workshop"
    assert parse_qs(told.query) == {"day": ["2026-11-24"], "photos": ids}
    assert len(ids) == 2
    with client.session_transaction() as session:
        assert [kind for kind, _words in session["_flashes"]] == ["danger"]


@pytest.mark.parametrize(
    "away", ["//evil.example/x", "https://evil.example/x", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_way_back_never_leads_away(desk: Desk, client: FlaskClient, login: Any, away: str) -> None:
    login(desk.staff)
    target = urlsplit(sent(client, desk, photo(), script=False, next=away).location)
    assert target.netloc in ("", "localhost")
    assert target.path.startswith("/")
    assert not target.path.startswith(("//", "/\\"))


def test_choosing_nothing_is_told(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    assert sent(client, desk).status_code == 422
    assert sent(client, desk, script=False).status_code == 303
    assert desk.contents() == []


def test_a_video_larger_than_any_form_is_read_and_nothing_beyond_it(
    app: Flask, desk: Desk, client: FlaskClient, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 30_000)
    login(desk.staff)
    assert sent(client, desk, film_of(60_000)).status_code == 200
    monkeypatch.setitem(app.config, "MEDIA_VIDEO_MAX_MB", 0)
    monkeypatch.setitem(app.config, "MEDIA_PHOTO_MAX_MB", 0)
    monkeypatch.setattr(sent_files, "FORM_BYTES", 50_000)
    assert sent(client, desk, film_of(50_000)).status_code == 413


def test_nothing_large_is_read_from_somebody_who_may_not_add_it(
    app: Flask, desk: Desk, client: FlaskClient, login: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 30_000)
    login(people(desk)["owner"])
    film = film_of(60_000)
    assert sent(client, desk, film).status_code == 404
    assert film.tell() == 0


def film_of(byte_size: int) -> BytesIO:
    return BytesIO(video().getvalue() + b"\0" * byte_size)


# who


def people(desk: Desk) -> dict[str, User]:
    """Everybody who might ask for that booking's photos."""
    booking = db.session.get(Booking, desk.booking_id)
    assert booking
    workshop = {"workshop_id": booking.workshop_id}
    owner = db.session.get(User, booking.user_id)
    assert owner
    return {
        "owner": owner,
        "staff": desk.staff,
        "dispatcher": make_user(Role.DISPATCHER, **workshop),
        "admin": make_user(Role.ADMIN),
        "another customer": make_user(Role.CUSTOMER),
        "another workshop": make_user(Role.WORKSHOP),
        "another dispatcher": make_user(Role.DISPATCHER),
        "a jockey of the house": make_user(Role.JOCKEY, **workshop),
    }


MAY_SEE = {"owner", "staff", "dispatcher", "admin"}
MAY_ADD = MAY_SEE - {"owner"}


def test_photos_are_for_those_who_may_see_the_booking(
    app: Flask, desk: Desk, ready: MediaFile, client: FlaskClient, login: Callable[..., FlaskClient]
) -> None:
    everybody = people(desk)
    db.session.commit()
    seen, asked, added = set(), set(), set()
    for who, person in everybody.items():
        login(person)
        own = link(app, ready.id, "LARGE", f"user:{person.id}")
        seen |= {who} if client.get(own).status_code == 200 else set()
        asked |= {who} if client.get(f"/media/{ready.id}/state").status_code == 200 else set()
        added |= {who} if sent(client, desk, photo()).status_code == 200 else set()
    assert (seen, asked, added) == (MAY_SEE, MAY_SEE, MAY_ADD)


def given_trip(booking: Booking, jockey_id: uuid.UUID, ronja_id: uuid.UUID) -> JockeyAssignment:
    trip = db.session.query(Trip).filter_by(booking_id=booking.id, type=AssignmentType.PICKUP).one()
    assignment = JockeyAssignment(
        booking_id=booking.id, trip_id=trip.id, jockey_id=jockey_id, vehicle_id=ronja_id, scheduled_time=NOON
    )
    db.session.add(assignment)
    db.session.commit()
    return assignment


def test_a_jockey_sees_and_adds_photos_of_trips_that_are_theirs(
    desk: Desk, client: FlaskClient, login: Callable[..., FlaskClient]
) -> None:
    booking = db.session.get(Booking, desk.booking_id)
    assert booking
    workshop = booking.workshop
    slots = make_days(workshop, NOON.date() + timedelta(days=7), 1)
    ronja = make_ronja(workshop)
    driven = make_booking(slots[0], slots[3], ronja=ronja)
    person = make_user(Role.JOCKEY, workshop_id=workshop.id)
    assignment = given_trip(driven, make_jockey(workshop, user_id=person.id).id, ronja.id)
    desk.booking_id = driven.id
    login(person)
    assert sent(client, desk, photo()).status_code == 404  # not before the trip begins
    assignment.status = AssignmentStatus.EN_ROUTE_TO_PICKUP
    db.session.commit()
    assert sent(client, desk, photo()).status_code == 200
    file = queries.files_for(MediaPurpose.BOOKING, driven.id)[0]
    assert client.get(f"/media/{file.id}/state").status_code == 200
    assignment.status, assignment.cancel_reason = AssignmentStatus.CANCELLED, CancelReason.REDISPATCHED
    db.session.commit()
    assert client.get(f"/media/{file.id}/state").status_code == 404
    assert sent(client, desk, photo()).status_code == 404


def test_an_unknown_purpose_does_not_exist(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    answer = client.post(f"/media/secret/{desk.booking_id}", data={"csrf_token": token_on(client, "/login")})
    assert answer.status_code == 404


def test_an_upload_without_the_token_of_the_page_is_refused(desk: Desk, client: FlaskClient, login: Any) -> None:
    login(desk.staff)
    answer = client.post(f"/media/booking/{desk.booking_id}", data={"file": (photo(), "foto.jpg")})
    assert answer.status_code == 400
    assert desk.contents() == []


# links


def test_a_link_is_for_one_person_alone(
    app: Flask, desk: Desk, ready: MediaFile, client: FlaskClient, login: Any, anybody: FlaskClient
) -> None:
    admin = make_user(Role.ADMIN)
    db.session.commit()
    own = link(app, ready.id, "SMALL", f"user:{desk.staff.id}")
    login(desk.staff)
    assert client.get(own).status_code == 200
    assert anybody.get(own).status_code == 404
    login(admin)
    assert client.get(own).status_code == 404


def test_whoever_decides_an_extension_by_mail_needs_no_session(
    app: Flask, ready: MediaFile, anybody: FlaskClient
) -> None:
    answer = anybody.get(link(app, ready.id, "MEDIUM", f"extension:{uuid.uuid4()}"))
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"


def test_no_other_viewer_gets_a_link(app: Flask, ready: MediaFile) -> None:
    for viewer in ("", "everybody", "users:1", "None"):
        with pytest.raises(ValueError, match="not a viewer"):
            link(app, ready.id, "SMALL", viewer)


def test_a_link_ends_and_cannot_be_changed(app: Flask, ready: MediaFile, anybody: FlaskClient) -> None:
    address = link(app, ready.id, "LARGE", "extension:1")
    with clock.frozen(NOON + timedelta(minutes=29)):
        assert anybody.get(address).status_code == 200
    with clock.frozen(NOON + timedelta(minutes=61)):
        assert anybody.get(address).status_code == 404
    head, _dot, tail = address.rpartition(".")
    for forged in (f"{head}.{tail[:-2]}xx", address[:-5], "/media/file/nothing", "/media/file/a.b.c"):
        assert anybody.get(forged).status_code == 404


def test_a_link_stays_the_same_for_a_while_so_that_browsers_keep_the_photo(app: Flask, ready: MediaFile) -> None:
    first = link(app, ready.id, "LARGE", "extension:1")
    with clock.frozen(NOON + timedelta(minutes=10)):
        assert link(app, ready.id, "LARGE", "extension:1") == first
    with clock.frozen(NOON + timedelta(minutes=40)):
        assert link(app, ready.id, "LARGE", "extension:1") != first


def test_nothing_is_shown_before_it_is_ready(app: Flask, desk: Desk, anybody: FlaskClient) -> None:
    file = desk.add(photo())
    assert file.state is MediaState.UPLOADED
    for size in SIZES:
        assert anybody.get(link(app, file.id, size, "extension:1")).status_code == 404


def test_what_is_shown_is_kept_by_this_browser_alone_and_runs_nothing(
    app: Flask, ready: MediaFile, anybody: FlaskClient
) -> None:
    answer = anybody.get(link(app, ready.id, "LARGE", "extension:1"))
    assert re.fullmatch(r"private, max-age=\d+, immutable", answer.headers["Cache-Control"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_photo_whose_content_is_gone_is_not_found(
    app: Flask, desk: Desk, ready: MediaFile, anybody: FlaskClient
) -> None:
    (desk.folder / str(ready.large_name)).unlink()
    assert anybody.get(link(app, ready.id, "LARGE", "extension:1")).status_code == 404


# videos come in parts


@pytest.mark.parametrize(
    ("wanted", "status", "first", "last"),
    [
        (None, 200, 0, None),
        ("bytes=0-99", 206, 0, 99),
        ("bytes=100-", 206, 100, None),
        ("bytes=-50", 206, -50, None),
        ("bytes=999999999-", 200, 0, None),
    ],
)
def test_a_video_comes_in_the_part_that_was_asked_for(
    app: Flask, desk: Desk, anybody: FlaskClient, wanted: str | None, status: int, first: int, last: int | None
) -> None:
    file = desk.made_of(video())
    whole = (desk.folder / str(file.large_name)).read_bytes()
    address = link(app, file.id, "LARGE", "extension:1")
    answer = anybody.get(address, headers={"Range": wanted} if wanted else {})
    start = len(whole) + first if first < 0 else first
    end = len(whole) - 1 if last is None else last
    assert (answer.status_code, answer.mimetype) == (status, "video/mp4")
    assert answer.data == whole[start : end + 1]
    assert answer.headers["Accept-Ranges"] == "bytes"
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(whole)}"


def test_asking_for_the_head_of_a_video_closes_it_again(app: Flask, desk: Desk, anybody: FlaskClient) -> None:
    file = desk.made_of(video())
    with anybody.head(link(app, file.id, "LARGE", "extension:1")) as answer:
        assert answer.content_length == file.byte_size
        assert answer.data == b""


# templates


def test_the_field_and_the_gallery_hold_what_they_promise(app: Flask, desk: Desk, ready: MediaFile) -> None:
    source = (
        '{% import "macros/media.html" as media %}'
        '{{ media.media_field("photos", "BOOKING", booking_id, [file], "Fotos", one=true) }}'
        '{{ media.gallery([file, broken], "Bremse", "extension:1") }}'
    )
    broken = desk.made_of(BytesIO(b"\xff\xd8\xff nothing"))
    from flask_login import login_user

    with app.test_request_context():
        login_user(desk.staff)
        made = app.jinja_env.from_string(source).render(
            booking_id=desk.booking_id, file=ready, broken=broken, config=app.config
        )
        page = " ".join(made.split())
    assert f'formaction="/media/booking/{desk.booking_id}?name=photos"' in page
    assert 'formenctype="multipart/form-data"' in page
    assert 'capture="environment"' in page
    assert " data-one" in page
    assert f'name="photos" value="{ready.id}" checked' in page
    assert page.count("popovertarget=") == 2
    assert str(broken.id) not in page
