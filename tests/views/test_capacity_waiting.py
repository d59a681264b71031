"""Joining the waiting list from the calendar as a browser without script does, and what the lists show."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import Role, User
from b2c_web.capacity.waiting_models import WaitingEntry, WaitingState
from b2c_web.capacity.waiting_turns import tell_waiting
from b2c_web.flask_extensions import db
from tests.commands.test_capacity_waiting import Full
from tests.factories import make_user
from tests.views.browsing import send
from tests.views.walking import CONTACT, Walk, text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
DAY = "2026-11-26"
HTMX = {"HX-Request": "true"}
Login = Callable[..., FlaskClient]


@pytest.fixture
def full(session: Any) -> Full:
    return Full(session, ronjas=2)


@pytest.fixture
def walk(client: FlaskClient, full: Full, code_mails: list[CodeMail]) -> Walk:
    walk = Walk(client, full, code_mails)
    walk.start()
    walk.choose(concierge=False)
    return walk


def join(walk: Walk, day: str = DAY, **fields: Any) -> Any:
    return walk.send(f"waiting?day={day}", **{**CONTACT, "day": day, **fields})


def entry() -> WaitingEntry:
    return db.session.query(WaitingEntry).one()


def test_a_full_day_leads_to_the_waiting_list(walk: Walk) -> None:
    calendar = walk.page("date")
    assert re.search(rf'href="\?day={DAY}#windows"[^>]*data-state="full"', calendar)
    day = walk.page("date", f"?day={DAY}")
    assert f'href="waiting?day={DAY}"' in day
    assert "An diesem Tag ist alles vergeben." in words_of(day)
    assert "waiting?day" not in walk.page("date", "?day=2026-11-27")
    fragment = walk.client.get(f"/book/{walk.draft_id}/date?day={DAY}", headers=HTMX)
    assert f'href="waiting?day={DAY}"' in fragment.text


def test_a_move_has_no_waiting_list(walk: Walk, full: Full, login: Login) -> None:
    """The calendar of a move is the same fragment, but nobody can wait there."""
    login(full.taken.user)
    for headers in ({}, HTMX):
        page = walk.client.get(f"/bookings/{full.taken.id}/move?day={DAY}", headers=headers)
        assert "waiting?day" not in page.text


def test_a_stranger_joins_with_a_mailed_code(walk: Walk) -> None:
    page = words_of(walk.page(f"waiting?day={DAY}"))
    assert "Auf Do, 26. Nov. warten" in page
    answer = join(walk)
    assert (answer.status_code, f"waiting/code?day={DAY}" in answer.location) == (303, True)
    answer = walk.send(f"waiting/code?day={DAY}", code=walk.mails[-1].code)
    assert (answer.status_code, answer.location) == (303, "/account/waiting")
    found = entry()
    assert (found.state, found.customer_name, found.address) == (W, "Rosa Ahorn", "Am Beispielweg 12")
    assert (found.user.email, found.include_concierge, found.travel_minutes) == ("rosa@example.org", False, 22)
    page = words_of(text_of(walk.client.get("/account/waiting")))
    assert "Sie stehen für Do, 26. Nov. auf der Warteliste." in page
    assert "Donnerstag, 26. November 2026" in page


def test_mistakes_are_summed_up_in_the_order_of_the_page(walk: Walk) -> None:
    page = text_of(join(walk, street="", city="", name="", email="", phone="", terms=""))
    summed = re.findall(r'<a href="#(\w+)">', page.partition('id="errors"')[2].partition("</ul>")[0])
    ids = re.findall(r'<(?:input|select)[^>]* id="(\w+)"', page)
    assert set(summed) == {"street", "city", "name", "email", "phone", "terms"}
    assert summed == [one for one in ids if one in summed]


W = WaitingState.WAITING


def signed_in(walk: Walk) -> User:
    join(walk)
    walk.send(f"waiting/code?day={DAY}", code=walk.mails[-1].code)
    return entry().user


def test_joining_again_signed_in_joins_once(walk: Walk) -> None:
    signed_in(walk)
    assert join(walk, name="Neuer Name").location == "/account/waiting"
    assert entry().customer_name == "Neuer Name"


def test_nobody_waits_under_terms_that_came_after_the_tick(
    walk: Walk, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(walk)
    monkeypatch.setitem(app.config, "TERMS_VERSION", "2099-01-01")
    again = walk.send(f"waiting/code?day={DAY}", code=walk.mails[-1].code)
    assert again.location.endswith("/date")
    assert "Bitte stimmen Sie den AGB zu." in words_of(walk.page("date"))
    assert db.session.query(WaitingEntry).count() == 0
    join(walk)
    assert entry().terms_version == "2099-01-01"


def test_what_is_missing_is_said_and_the_input_kept(walk: Walk) -> None:
    answer = join(walk, phone="12", terms="", street="")
    assert answer.status_code == 422
    words = words_of(text_of(answer))
    for text in ("Unter dieser Nummer erreichen wir niemanden", "Bitte stimmen Sie den AGB zu.", "Straße"):
        assert text in words
    assert 'value="Rosa Ahorn"' in answer.text
    assert db.session.query(WaitingEntry).count() == 0


def test_a_wrong_code_joins_nobody_and_a_new_one_is_sent(walk: Walk) -> None:
    join(walk)
    right = walk.mails[-1].code
    wrong = "000000" if right != "000000" else "111111"
    assert walk.send(f"waiting/code?day={DAY}", code=wrong).status_code == 422
    path = f"/book/{walk.draft_id}/waiting/code"
    answer = send(walk.client, f"{path}/renewal", f"{path}?day={DAY}", day=DAY)
    assert answer.location == f"{path}?day={DAY}"
    assert len(walk.mails) == 2
    assert db.session.query(WaitingEntry).count() == 0


def test_when_something_freed_meanwhile_the_calendar_offers_it(walk: Walk, full: Full) -> None:
    signed_in(walk)
    db.session.delete(entry())
    db.session.commit()
    full.free()
    answer = join(walk)
    assert answer.location == f"/book/{walk.draft_id}/date?day={DAY}"
    assert "gerade etwas frei" in walk.page("date", f"?day={DAY}")


@pytest.mark.parametrize(("day", "goes_to"), [("", "date"), ("x", "date")])
def test_without_a_day_it_is_the_calendar(walk: Walk, day: str, goes_to: str) -> None:
    for step in ("waiting", "waiting/code"):
        answer = walk.client.get(f"/book/{walk.draft_id}/{step}?day={day}")
        assert (answer.status_code, answer.location) == (303, f"/book/{walk.draft_id}/{goes_to}")


def test_a_closed_day_is_refused_on_the_page(walk: Walk) -> None:
    signed_in(walk)
    answer = join(walk, "2026-11-28")
    assert answer.status_code == 422
    assert "Auf diesen Tag kann man nicht warten." in text_of(answer)


def test_who_is_told_finds_the_way_to_pay_and_who_left_is_left_alone(walk: Walk, full: Full) -> None:
    signed_in(walk)
    full.free()
    tell_waiting(full.workshop.id)
    found = entry()
    page = text_of(walk.client.get("/account/waiting"))
    assert f"/bookings/{found.booking_id}" in page
    assert "12:30" in page
    assert "leaving" not in page
    found.booking.hold_expires_at += timedelta(hours=12)
    db.session.commit()
    assert "Wir halten einen Platz bis Mi, 25. Nov., 00:30 Uhr für Sie." in text_of(walk.client.get("/account/waiting"))
    assert walk.client.get(f"/bookings/{found.booking_id}").status_code == 200
    answer = send(walk.client, f"/account/waiting/{found.id}/leaving", "/account/waiting")
    assert answer.status_code == 409


def test_leaving_from_the_list(walk: Walk) -> None:
    signed_in(walk)
    answer = send(walk.client, f"/account/waiting/{entry().id}/leaving", "/account/waiting")
    assert (answer.status_code, entry().state) == (303, WaitingState.LEFT)


def test_my_bookings_name_the_list_only_to_those_who_wait(walk: Walk, full: Full, login: Login, app: Any) -> None:
    signed_in(walk)
    assert "/account/waiting" in walk.client.get("/bookings").text
    other = login(full.taken.user, app.test_client())
    assert "/account/waiting" not in other.get("/bookings").text


def test_the_workshop_sees_the_line_and_no_other_does(walk: Walk, full: Full, login: Login, app: Any) -> None:
    signed_in(walk)
    staff = make_user(Role.WORKSHOP, workshop_id=full.workshop.id)
    db.session.commit()
    page = words_of(text_of(login(staff, app.test_client()).get("/workshop/capacity/waiting")))
    assert "Rosa Ahorn" in page
    assert "Donnerstag, 26. November 2026" in page
    stranger = login(make_user(Role.WORKSHOP), app.test_client())
    assert "Niemand wartet" in text_of(stranger.get("/workshop/capacity/waiting"))
