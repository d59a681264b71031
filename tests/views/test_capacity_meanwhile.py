"""Two people change the same day or window: who was slower keeps what was typed, and reads what stands now."""

import re
from typing import Any

import pytest

from tests.commands.scene import Scene
from tests.views.browsing import send
from tests.views.test_capacity_month import PAGE, THURSDAY, Login, change_day, day_row, seen_on, staff
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
DAY = f"{PAGE}/days/2026-11-26"


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


def form_on(page: str, action: str) -> str:
    found = re.search(rf'<form action="{re.escape(action)}".*?</form>', page, re.DOTALL)
    assert found
    return found.group()


def typed(form: str, name: str) -> str:
    found = re.search(rf'<input[^>]*name="{name}"[^>]*>', form)
    assert found
    value = re.search(r'value="([^"]*)"', found.group())
    return value.group(1) if value else ""


def test_who_was_slower_keeps_what_was_typed_and_reads_what_stands_now(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    seen = seen_on(text_of(client.get(THURSDAY)), DAY)
    assert change_day(client, max_bookings="15", note="Inventur").status_code == 303
    answer = change_day(client, max_bookings="9", note="TÜV ist da", seen=seen)
    form = form_on(text_of(answer), DAY)
    assert answer.status_code == 409
    assert "Jemand hat das inzwischen geändert." in words_of(text_of(answer))
    assert (typed(form, "max_bookings"), typed(form, "note")) == ("9", "TÜV ist da")
    assert "Jetzt steht hier: 15" in words_of(form)
    assert "Jetzt steht hier: Inventur" in words_of(form)
    assert day_row().max_bookings == 15
    again = {name: typed(form, name) for name in ("max_bookings", "note", "seen")}
    assert change_day(client, **again).status_code == 303
    assert (day_row().max_bookings, day_row().note) == (9, "TÜV ist da")


def test_what_was_not_touched_follows_the_other_person(scene: Scene, login: Login) -> None:
    """Else saving the note again would take back the number that somebody lowered meanwhile."""
    client = staff(scene, login)
    seen = seen_on(text_of(client.get(THURSDAY)), DAY)
    assert change_day(client, max_bookings="15", closed="y").status_code == 303
    form = form_on(text_of(change_day(client, note="TÜV ist da", seen=seen)), DAY)
    assert (typed(form, "max_bookings"), typed(form, "note")) == ("15", "TÜV ist da")
    assert re.search(r'<input checked[^>]*name="closed"', form)
    assert "Jetzt steht hier" not in form


def test_a_note_that_was_taken_away_is_said_too(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    change_day(client, note="Inventur")
    seen = seen_on(text_of(client.get(THURSDAY)), DAY)
    assert change_day(client, note="").status_code == 303
    form = form_on(text_of(change_day(client, note="Inventur bis zwölf", seen=seen)), DAY)
    assert typed(form, "note") == "Inventur bis zwölf"
    assert "Jetzt steht hier: nichts" in words_of(form)


def test_of_a_window_too(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    action = f"{PAGE}/windows/{scene.slots[0].id}"
    seen = seen_on(text_of(client.get(THURSDAY)), action)
    assert send(client, action, max_bookings="3", note="Hebebühne 2 defekt", seen=seen).status_code == 303
    answer = send(client, action, max_bookings="2", note="Azubi allein", seen=seen)
    form = form_on(text_of(answer), action)
    assert answer.status_code == 409
    assert (typed(form, "max_bookings"), typed(form, "note")) == ("2", "Azubi allein")
    assert "Jetzt steht hier: 3" in words_of(form)
    assert "Jetzt steht hier: Hebebühne 2 defekt" in words_of(form)
    again = {name: typed(form, name) for name in ("max_bookings", "note", "seen")}
    assert send(client, action, **again).status_code == 303
