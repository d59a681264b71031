"""A closed day takes no new booking; those that stand on it are shown, with where each could go."""

from typing import Any

import pytest

from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_booking, make_ronja
from tests.views.browsing import token_on
from tests.views.test_capacity_month import THURSDAY, Login, change_day, staff, statements
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


def test_a_closed_day_shows_the_bookings_that_still_stand_on_it(scene: Scene, login: Login) -> None:
    first = make_booking(scene.slots[0], customer_name="Ada Ahorn")
    make_booking(scene.slots[1], customer_name="Bo Birke")
    db.session.commit()
    client = staff(scene, login)
    assert "Geschlossen für neue Buchungen." not in words_of(text_of(client.get(THURSDAY)))
    assert change_day(client, closed="y").status_code == 303
    page = text_of(client.get(THURSDAY))
    words = words_of(page)
    assert "Geschlossen für neue Buchungen. 2 Buchungen stehen noch an diesem Tag:" in words
    assert "Fr, 27. Nov., 8–10 Uhr" in words
    assert f'href="/workshop/capacity/moves/{first.id}"' in page
    assert page.count("Kunden fragen") == 2
    assert "same_day" not in page
    refused = change_day(client, closed="y", max_bookings="1")
    assert "1 Buchung müsste umziehen" in words_of(text_of(refused))
    assert "Geschlossen für neue Buchungen." not in words_of(text_of(refused))


def test_a_closed_day_without_bookings_says_nothing_of_them(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    change_day(client, closed="y")
    assert "stehen noch an diesem Tag" not in words_of(text_of(client.get(THURSDAY)))


def test_a_closed_day_takes_as_many_statements_for_many_bookings_as_for_one(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    change_day(client, closed="y")
    sent = []
    for more in (1, 3):
        for number in range(more):
            ronja = make_ronja(scene.workshop)
            make_booking(scene.slots[0], scene.slots[2], ronja=ronja, customer_name=f"Person {more}.{number}")
        db.session.commit()
        client.get(THURSDAY)
        with statements() as found:
            page = text_of(client.get(THURSDAY))
        sent.append(len(found))
        assert page.count("Am nächsten dran:") == scene.slots[0].current_bookings
    assert sent[0] == sent[1]


DAY, WINDOW, ELSEWHERE = (
    "/workshop/capacity/days/2026-11-26",
    "/workshop/capacity/windows/",
    "http://elsewhere.example.org/x",
)


@pytest.mark.parametrize(
    ("address", "sender", "back"),
    [
        (f"{DAY}?travel=30", f"http://localhost{THURSDAY}", f"{DAY}?travel=30"),
        (DAY, ELSEWHERE, DAY),
        (WINDOW, f"http://localhost{THURSDAY}", THURSDAY),  # shows nothing by itself
        (WINDOW, ELSEWHERE, "/workshop/capacity"),
    ],
)
def test_the_language_switch_of_a_refused_form_leads_back(
    scene: Scene, login: Login, address: str, sender: str, back: str
) -> None:
    client = staff(scene, login)
    sent = {"csrf_token": token_on(client, THURSDAY), "max_bookings": "viele"}
    path = f"{WINDOW}{scene.slots[0].id}" if address == WINDOW else address
    answer = client.post(path, data=sent, headers={"Referer": sender})
    assert answer.status_code == 422
    assert f'name="next" value="{back}"' in answer.text
