"""An offer without script that could not be kept: all that was typed and chosen is shown again, with the reason."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from b2c_web.errors import Busy
from b2c_web.extensions import commands, queries, raising
from b2c_web.extensions.items import Item, Offer
from b2c_web.media.store import LocalMediaStore
from tests.factories.media import photo
from tests.views.extending import HTMX, Pages, offer, plain
from tests.views.test_extension_offer import key_in, key_on, token, usual
from tests.views.test_extension_photos import chosen, ticks, uploaded

BUSY = "Gerade ist viel los. Bitte versuchen Sie es gleich noch einmal."
PADS = ("Beläge", "12", "1")


@pytest.fixture(autouse=True)
def store(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """For a while nobody gets at the booking."""

    def refuse(*_arguments: Any, **_facts: Any) -> None:
        raise Busy

    @contextmanager
    def for_a_while() -> Iterator[None]:
        with monkeypatch.context() as moment:
            moment.setattr(raising, "lock_as_workshop", refuse)
            yield

    return for_a_while


@pytest.mark.parametrize("then", ["send", "consent"])
def test_an_offer_that_finds_its_booking_busy_stays_with_its_photos(pages: Pages, busy: Any, then: str) -> None:
    form = offer(PADS, draft_key=str(uuid4()))
    with busy():
        told = pages.by_staff(pages.new, **form | {"file-items-0-media": chosen(photo())}, then=then)
    assert told.status_code == 503
    assert BUSY in plain(told)
    assert 'value="Beläge"' in told.text
    assert ticks(told.text, "items-0-media", uploaded(pages)[0])
    again = form | {"items-0-media": uploaded(pages)[0]}
    assert pages.by_staff(pages.new, **again, then=then).status_code == 303
    assert pages.extensions()[0].items[0]["media"] == uploaded(pages)


def test_a_draft_that_finds_its_booking_busy_stays_with_its_photos(pages: Pages, busy: Any) -> None:
    key = key_on(pages)
    form = offer(("Beläge", "12,", "1,5"), draft_key=key, add="free") | {"file-media": chosen(photo())}
    with busy():
        told = pages.by_staff(pages.draft, **form, files="media")
    assert told.status_code == 503
    assert BUSY in plain(told)
    for kept in ('value="Beläge"', 'value="12,"', 'value="1,5"', f'value="{key}"', 'name="items-1-name"'):
        assert kept in told.text
    assert ticks(told.text, "media", uploaded(pages)[0])
    assert queries.draft_of(pages.booking_id) is None


def test_a_draft_that_saves_itself_is_told_beside_what_is_typed(pages: Pages, busy: Any) -> None:
    data = offer(PADS, draft_key=key_on(pages), csrf_token=token(pages))
    with busy():
        told = pages.staff.post(pages.draft, data=data, headers=HTMX)
    assert told.status_code == 503
    assert BUSY in plain(told)
    assert "<form" not in told.text


@pytest.mark.parametrize("how", ["sent", "thrown away"])
def test_what_is_saved_into_a_draft_that_is_over_is_shown_with_a_key_of_its_own(pages: Pages, how: str) -> None:
    key = key_on(pages)
    form = offer(("Scheiben", "99", "1"), draft_key=key)
    pages.by_staff(pages.draft, **offer(PADS, draft_key=key))
    if how == "sent":
        pages.by_staff(pages.new, **offer(PADS, draft_key=key), then="send")
    else:
        pages.by_staff(f"{pages.draft}/removal")
    told = pages.by_staff(pages.draft, **form | {"file-media": chosen(photo())}, files="media")
    assert told.status_code == 409
    assert "Dieser Entwurf ist schon gesendet oder verworfen. Was hier steht, ist nicht gespeichert" in plain(told)
    assert 'value="Scheiben"' in told.text
    assert ticks(told.text, "media", uploaded(pages)[0])
    assert queries.draft_of(pages.booking_id) is None
    fresh = key_in(told.text)
    assert fresh != key
    assert pages.by_staff(pages.draft, **form | {"draft_key": fresh}).status_code == 303
    assert 'value="Scheiben"' in pages.staff.get(pages.new).text


def test_a_withdrawn_offer_begins_a_new_one_but_never_takes_a_drafts_place(pages: Pages) -> None:
    old = pages.raised()
    commands.withdraw_extension(pages.scene.staff, old.id, "Falscher Preis")
    again = f"{pages.new}?again={old.id}"
    assert again in pages.staff.get(f"/workshop/extensions/{old.id}").text
    begun = pages.staff.get(again).text
    assert 'value="Bremsbeläge vorn"' in begun
    assert 'name="replaces"' not in begun
    field = f'name="again" value="{old.id}"'
    assert field in begun
    pages.staff.post(pages.draft, data=offer(PADS, csrf_token=token(pages), again=str(old.id)), headers=HTMX)
    assert "Hier liegt schon ein Entwurf." not in plain(pages.staff.get(again))  # it is the one that began with it
    pages.staff.post(pages.draft, data=offer(PADS, csrf_token=token(pages)), headers=HTMX)
    kept = pages.staff.get(again)
    assert 'value="Beläge"' in kept.text
    assert 'value="Bremsbeläge vorn"' not in kept.text
    assert "Hier liegt schon ein Entwurf." in plain(kept)
    elsewhere = pages.scene.raised(pages.scene.in_workshop())
    assert pages.staff.get(f"{pages.new}?again={elsewhere.id}").status_code == 404


@pytest.mark.parametrize("how", ["replaces", "again"])
@pytest.mark.parametrize("named", ["Bremsbeläge  VORN", "Brake pads front"])
def test_what_is_taken_over_is_usual_work_again_and_one_tap_takes_it_out(pages: Pages, how: str, named: str) -> None:
    work = usual(pages, "Bremsbeläge vorn", 20_900)
    work.name_en = "Brake pads front"
    pages.scene.session.commit()
    old = pages.scene.raised(pages.booking, Offer("Fast durch.", (Item(named, 8990), Item("Riefen glätten", 500))))
    if how == "again":
        commands.withdraw_extension(pages.scene.staff, old.id, "Falscher Preis")
    page = pages.staff.get(f"{pages.new}?{how}={old.id}").text
    assert re.findall(r'-work_item"\s+value="(.*?)"', page) == [str(work.id), ""]
    assert page.count('aria-pressed="true"') == 1
    assert 'value="89,90"' in page  # what it was offered at, whatever the catalogue says
    tap = {"items-0-work_item": str(work.id), "take_out": str(work.id), "csrf_token": token(pages)}
    left = pages.staff.post(pages.draft, data=offer((named, "89,90", "1"), ("Riefen", "5", "1")) | tap, headers=HTMX)
    assert named not in left.text
    assert 'value="Riefen"' in left.text
