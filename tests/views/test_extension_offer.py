"""The workshop writes an offer: the draft, the sum, what is refused, and correcting."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.catalog.models import ServiceType
from b2c_web.extensions import queries, rules
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import ExtensionStatus, WorkItem
from b2c_web.media.models import MediaFile, MediaKind, MediaPurpose, MediaState
from b2c_web.notifications.models import NotificationKind
from tests.factories import make_user
from tests.views.extending import HTMX, Pages, offer, plain
from tests.views.test_workshop_board import counted

THREE = (("Bremsbeläge vorn", "189,99", "1"), ("Bremsscheiben vorn", "1.249,99", "2"), ("Öl", "15.99", "4,5"))


def usual(pages: Pages, name: str = "Wischerblätter", price: int = 4490) -> WorkItem:
    work = WorkItem(workshop_id=pages.scene.workshop.id, name=name, price=price)
    pages.scene.session.add(work)
    pages.scene.session.commit()
    return work


def test_what_is_typed_is_what_the_customer_is_offered(pages: Pages) -> None:
    answer = pages.by_staff(pages.new, **offer(*THREE, urgent="y"), then="send")
    extension = pages.extensions()[0]
    assert answer.location == f"/workshop/extensions/{extension.id}"
    assert [(item["price"], item["quantity"]) for item in extension.items] == [
        (18999, "1"),
        (124999, "2"),
        (1599, "4.5"),
    ]
    assert extension.total_amount == 18999 + 249998 + 7196
    assert extension.urgent
    page = plain(pages.staff.get(answer.location))
    assert "2.761,93 EUR" in page
    assert "Noch nicht beginnen" in page
    assert "4,5 × 15,99 EUR" in page


def test_the_server_adds_up_while_somebody_types(pages: Pages) -> None:
    form = offer(*THREE, ("Halb geschrieben", "12,", "1"))
    answer = pages.staff.post(pages.draft, data=form | {"csrf_token": token(pages)}, headers=HTMX)
    assert answer.status_code == 200
    assert "2.761,93 EUR" in plain(answer)
    assert "Preis fehlt" in plain(answer)
    assert "<input" not in answer.text  # what somebody types in is never replaced


def token(pages: Pages) -> str:
    from tests.views.browsing import token_on

    return token_on(pages.staff, pages.new)


def test_a_draft_survives_a_closed_tab_as_it_was_typed(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(("Beläge", "12,", "1,5")))
    page = pages.staff.get(pages.new).text
    for typed in ('value="Beläge"', 'value="12,"', 'value="1,5"', "Die Beläge sind fast durch."):
        assert typed in page
    assert pages.extensions() == []


def test_a_draft_can_be_thrown_away(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(("Beläge", "12", "1")))
    assert pages.by_staff(f"{pages.draft}/removal").location == pages.new
    assert queries.draft_of(pages.booking_id) is None


def test_usual_work_goes_in_and_out_with_one_tap(pages: Pages) -> None:
    work = usual(pages)
    answer = pages.by_staff(pages.draft, **offer(), add=str(work.id))
    assert answer.location == pages.new
    page = pages.staff.get(pages.new)
    assert 'aria-pressed="true"' in page.text
    assert 'value="44,90"' in page.text
    lines = {"items-0-name": work.name, "items-0-price": "44,90", "items-0-quantity": "1"}
    lines |= {"items-0-work_item": str(work.id), "take_out": str(work.id)}
    answer = pages.staff.post(pages.draft, data=lines | {"csrf_token": token(pages)}, headers=HTMX)
    assert 'name="items-0-name"' not in answer.text
    assert "Noch nichts." in plain(answer)
    assert 'aria-pressed="true"' not in pages.staff.get(pages.new).text


def test_a_line_too_many_is_not_added_and_the_page_still_opens(pages: Pages) -> None:
    full = offer(*[(f"Punkt {number}", "1", "1") for number in range(rules.MOST_ITEMS)])
    answer = pages.staff.post(pages.draft, data=full | {"add": "free", "csrf_token": token(pages)}, headers=HTMX)
    assert answer.status_code == 200
    assert "30" in json.loads(answer.headers["HX-Trigger"])["announce"]
    page = pages.staff.get(pages.new)
    assert page.status_code == 200
    assert page.text.count("-price") >= rules.MOST_ITEMS
    assert f"items-{rules.MOST_ITEMS}-name" not in page.text


def test_an_own_line_can_be_added_and_removed(pages: Pages) -> None:
    pages.by_staff(pages.draft, **offer(*THREE), add="free")
    assert 'name="items-3-name"' in pages.staff.get(pages.new).text
    pages.by_staff(pages.draft, **offer(*THREE), remove="1")
    page = pages.staff.get(pages.new).text
    assert "Bremsscheiben" not in page
    assert 'value="15.99"' in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (offer(), "mindestens einen Punkt"),
        (offer(("Beläge", "viel", "1")), "Bitte als Betrag"),
        (offer(("Beläge", "10", "1,2345")), "höchstens drei Nachkommastellen"),
        (offer(("Beläge", "10", "0")), "Die Menge muss über 0 sein"),
        (offer(("", "10", "1")), "Bitte nennen Sie die Arbeit."),
        (offer(("Beläge", "0", "1")), "über 0"),
        (offer(("Beläge", "10", "1"), description=""), "was Sie gefunden haben"),
        (offer(("Beläge", "10", "1"), new_promised_at="2026-11-26T18:00"), "Grund"),
    ],
)
def test_what_cannot_be_sent_is_said_and_the_input_kept(pages: Pages, fields: dict[str, str], said: str) -> None:
    answer = pages.by_staff(pages.new, **fields, then="send")
    assert answer.status_code == 422
    assert said in plain(answer)
    assert "error-summary" in answer.text
    for typed in (value for name, value in fields.items() if value and name != "description"):
        assert f'value="{typed}"' in answer.text, typed
    assert pages.extensions() == []


def test_what_cannot_be_a_quantity_or_a_price_is_said_at_once_and_at_its_field(pages: Pages) -> None:
    lines = ("", "10", "0"), ("Beläge", "0", "1")
    answer = pages.by_staff(pages.new, **offer(*lines, description=""), then="send")
    assert answer.status_code == 422
    assert "Was haben Sie gefunden? Bitte sagen Sie" in plain(answer)
    for target, said in (
        ("items-0-quantity", "1. Menge: Die Menge muss über 0 sein"),
        ("items-0-name", "1. Arbeit oder Teil: Bitte nennen Sie die Arbeit."),
        ("items-1-price", "2. Einzelpreis in EUR: Der Preis einer Position muss über 0"),
    ):
        assert f'<a href="#{target}">{said}' in answer.text
        assert f'id="{target}-error"' in answer.text


def test_the_area_of_a_cars_extension_is_the_day(pages: Pages) -> None:
    extension = pages.raised()
    here = re.compile(r'<a href="([^"]*)"[^>]*aria-current="page"')
    car = f"/workshop/bookings/{pages.booking_id}"
    for path in (pages.new, car, f"/workshop/extensions/{extension.id}", f"{car}/completion", "/workshop/list"):
        assert here.findall(pages.staff.get(path).text) == ["/workshop"], path
    assert here.findall(pages.staff.get("/workshop/catalogue").text) == ["/workshop/catalogue"]


def test_a_blank_line_is_no_mistake(pages: Pages) -> None:
    answer = pages.by_staff(pages.new, **offer(("Beläge", "10", "1"), ("", "", "1")), then="send")
    assert answer.status_code == 303
    assert len(pages.extensions()[0].items) == 1


def test_a_later_promise_goes_along_with_its_reason(pages: Pages) -> None:
    late = {"new_promised_at": "2026-11-27T16:00", "delay_reason": "Die Scheiben kommen erst morgen."}
    assert pages.by_staff(pages.new, **offer(*THREE, **late), then="send").status_code == 303
    extension = pages.extensions()[0]
    assert extension.new_promised_at is not None
    assert extension.new_promised_at.isoformat() == "2026-11-27T15:00:00+00:00"
    page = plain(pages.customer.get(f"/extensions/{extension.id}"))
    assert "Fr, 27. Nov., 16:00 Uhr" in page
    assert "Die Scheiben kommen erst morgen." in page


def test_who_has_the_customer_on_the_phone_reads_that_a_mail_goes_out_too(pages: Pages) -> None:
    page = plain(pages.staff.get(pages.new))
    assert "Der Kunde bekommt das Angebot auch dann sofort per E-Mail." in page.split("am Telefon festhalten")[1]
    pages.by_staff(pages.new, **offer(*THREE), then="consent")
    assert len(pages.scene.mails(NotificationKind.EXTENSION_RAISED)) == 1


def test_correcting_withdraws_the_old_and_keeps_its_history(pages: Pages) -> None:
    old = pages.raised()
    page = pages.staff.get(f"{pages.new}?replaces={old.id}")
    assert 'value="89,90"' in page.text
    assert 'value="4,5"' in page.text
    fields = offer(("Bremsbeläge vorn", "79,90", "1"), replaces=str(old.id))
    assert pages.by_staff(pages.new, **fields, then="send").status_code == 303
    old, new = pages.extensions()
    assert (old.status, new.replaces_id) == (ExtensionStatus.CANCELLED, old.id)
    at_work = pages.staff.get(f"/workshop/extensions/{new.id}")
    assert f"/workshop/extensions/{old.id}" in at_work.text
    assert "Durch eine neue Fassung ersetzt." in plain(pages.staff.get(f"/workshop/extensions/{old.id}"))
    assert "neues, berichtigtes Angebot" in plain(pages.customer.get(f"/extensions/{old.id}"))


def test_what_was_decided_meanwhile_is_not_offered_a_second_time_unsaid(pages: Pages) -> None:
    """The customer approves while the workshop corrects: the press is refused, and the next one knows."""
    old = pages.raised()
    assert "Sie berichtigen das Angebot" in plain(pages.staff.get(f"{pages.new}?replaces={old.id}"))
    pages.scene.approve(old)
    fields = offer(("Bremsbeläge vorn", "79,90", "1"), replaces=str(old.id))
    answer = pages.by_staff(f"{pages.new}?replaces={old.id}", **fields, then="send")
    assert answer.status_code == 409
    assert "ist inzwischen entschieden" in plain(answer)
    assert f'href="/workshop/extensions/{old.id}"' in answer.text
    assert 'value="79,90"' in answer.text  # nothing is lost
    assert 'name="replaces"' not in answer.text
    assert len(pages.extensions()) == 1
    assert pages.by_staff(pages.new, **fields | {"replaces": ""}, then="send").status_code == 303
    assert [one.replaces_id for one in pages.extensions()] == [None, None]


def test_a_draft_that_corrects_knows_it_without_the_address_too(pages: Pages) -> None:
    old = pages.raised()
    draft = offer(("Bremsbeläge vorn", "79,90", "1"), replaces=str(old.id))
    pages.by_staff(f"{pages.new.removesuffix('new')}draft", pages.new, **draft)
    page = pages.staff.get(pages.new)
    assert "Sie berichtigen das Angebot" in plain(page)
    assert f'name="replaces" value="{old.id}"' in page.text
    pages.scene.approve(old)
    page = pages.staff.get(pages.new)
    assert "ist inzwischen entschieden" in plain(page)
    assert 'value="79,90"' in page.text


def test_nothing_can_be_offered_for_a_car_that_is_done(pages: Pages) -> None:
    assert pages.by_staff(pages.completion, amount_cents="0").status_code == 303
    assert "Das geht nur, während das Auto in der Werkstatt ist." in plain(pages.staff.get(pages.new))
    answer = pages.by_staff(pages.new, "/account/sessions", **offer(*THREE), then="send")
    assert answer.status_code == 409
    assert pages.extensions() == []


def test_another_workshops_staff_find_nothing(app: Flask, pages: Pages, login: Callable[..., FlaskClient]) -> None:
    extension, other = pages.raised(), app.test_client()
    elsewhere = make_user(Role.WORKSHOP)
    pages.scene.session.commit()
    login(elsewhere, on=other)
    for path in (
        pages.new,
        pages.completion,
        *(f"/workshop/extensions/{extension.id}{step}" for step in ("", "/withdrawal", "/consent", "/limit-approval")),
    ):
        assert other.get(path).status_code == 404, path
    assert other.get(f"{pages.new}?replaces={uuid.uuid4()}").status_code == 404


def test_an_extension_of_another_booking_is_not_corrected_here(pages: Pages) -> None:
    elsewhere = pages.scene.raised(pages.scene.in_workshop())
    assert pages.staff.get(f"{pages.new}?replaces={elsewhere.id}").status_code == 404
    assert queries.view_of(elsewhere.id).is_pending


def test_all_photos_of_a_page_are_read_at_once(pages: Pages) -> None:
    photos = [photo_of(pages) for _four in range(4)]
    items = tuple(Item(f"Punkt {n}", 100, media=(one.id,)) for n, one in enumerate(photos[1:]))
    extension = pages.scene.raised(pages.booking, Offer("Alles hin.", items, media=(photos[0].id,)))
    with counted() as sent:
        page = pages.customer.get(f"/extensions/{extension.id}")
    assert page.text.count("/media/file/") >= len(photos)
    assert len([statement for statement in sent if "FROM media_files" in statement]) == 1


def photo_of(pages: Pages) -> MediaFile:
    names = dict.fromkeys(("small_name", "medium_name", "large_name"), "a")
    facts = {"kind": MediaKind.IMAGE, "state": MediaState.READY, "content_type": "image/jpeg", "byte_size": 9}
    belongs = {"purpose": MediaPurpose.BOOKING, "purpose_id": pages.booking_id}
    file = MediaFile(**belongs, **facts, **names, width=9, height=9)
    pages.scene.session.add(file)
    pages.scene.session.commit()
    return file


def key_on(pages: Pages, page: str = "") -> str:
    return key_in(pages.staff.get(page or pages.new).text)


def key_in(page: str) -> str:
    found = re.search(r'name="draft_key"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found[1]


def saved_late(pages: Pages, key: str, **fields: Any) -> Any:
    form = offer(*THREE, draft_key=key, csrf_token=token(pages), **fields)
    return pages.staff.post(pages.draft, data=form, headers=HTMX)


def test_an_autosave_after_sending_brings_no_sent_extension_back(pages: Pages) -> None:
    key = key_on(pages)
    saved_late(pages, key)
    assert key_on(pages) == key
    pages.by_staff(pages.new, **offer(*THREE, draft_key=key), then="send")
    late = saved_late(pages, key)
    assert "hier wird nichts mehr gespeichert" in plain(late)
    assert queries.draft_of(pages.booking_id) is None
    assert "Bremsbeläge" not in pages.staff.get(pages.new).text
    fresh = key_on(pages)
    assert fresh != key
    saved_late(pages, fresh)
    assert "Bremsbeläge" in pages.staff.get(pages.new).text


def test_a_tap_that_comes_after_sending_adds_nothing(pages: Pages) -> None:
    key, work = key_on(pages), usual(pages)
    pages.by_staff(pages.new, **offer(*THREE, draft_key=key), then="consent")
    saved_late(pages, key, add=str(work.id))
    assert queries.draft_of(pages.booking_id) is None


def test_an_autosave_after_throwing_away_brings_nothing_back(pages: Pages) -> None:
    key = key_on(pages)
    saved_late(pages, key)
    pages.by_staff(f"{pages.draft}/removal")
    saved_late(pages, key)
    assert queries.draft_of(pages.booking_id) is None


def test_a_refused_offer_keeps_its_draft(pages: Pages) -> None:
    key = key_on(pages)
    answer = pages.by_staff(pages.new, **offer(("Beläge", "0", "1"), draft_key=key), then="send")
    assert answer.status_code == 422
    assert key in answer.text
    saved_late(pages, key)
    assert queries.draft_of(pages.booking_id) is not None


def without_return(pages: Pages) -> None:
    pages.booking.include_concierge = False
    pages.scene.session.commit()


def test_correcting_keeps_the_new_time(pages: Pages) -> None:
    without_return(pages)
    later = {"new_promised_at": "2026-11-26T18:00", "delay_reason": "Teil fehlt"}
    pages.by_staff(pages.new, **offer(*THREE, **later), then="send")
    old = pages.extensions()[0]
    page = pages.staff.get(f"{pages.new}?replaces={old.id}").text
    assert 'value="2026-11-26T18:00"' in page
    assert "Teil fehlt" in page


def test_a_reason_without_a_time_names_the_field_that_the_page_has(pages: Pages) -> None:
    without_return(pages)
    answer = pages.by_staff(pages.new, **offer(*THREE, delay_reason="Teil fehlt"), then="send")
    assert answer.status_code == 422
    assert "Fertig spätestens: Bitte wählen Sie die neue Zeit." in plain(answer)
    assert 'href="#new_promised_at"' in answer.text
    assert 'id="new_promised_at"' in answer.text


def test_who_writes_is_told_which_language_the_customer_reads(pages: Pages) -> None:
    hint = "Der Kunde liest Englisch: bitte in seiner Sprache schreiben."
    assert hint not in plain(pages.staff.get(pages.new))
    pages.booking.user.language = "en"
    pages.scene.session.commit()
    assert hint in plain(pages.staff.get(pages.new))


@pytest.mark.parametrize(
    ("language", "name_en", "name", "said"),
    [
        ("en", "Front wiper blades", "Front wiper blades", "one set"),
        ("en", "", "Wischerblätter", "one set"),
        ("de", "Front wiper blades", "Wischerblätter", "ein Satz"),
    ],
)
def test_usual_work_is_offered_in_the_customers_language(
    pages: Pages, language: str, name_en: str, name: str, said: str
) -> None:
    pages.booking.user.language = language
    work = usual(pages)
    work.name_en, work.description, work.description_en = name_en, "ein Satz", "one set"
    pages.scene.session.commit()
    pages.by_staff(pages.draft, **offer(), add=str(work.id))
    page = pages.staff.get(pages.new).text
    assert f'name="items-0-name" required type="text" value="{name}"' in " ".join(page.split())
    assert f'value="{said}"' in page
    assert 'aria-pressed="true"><span>Wischerblätter<' in page  # staff read their own language


def test_usual_work_of_other_services_is_there_for_who_searches(pages: Pages) -> None:
    """After that of this service, hidden until it is searched for; not what is called the same as what is shown."""
    own = usual(pages)
    there, same = usual(pages, "Bremsscheiben vorn", 24990), usual(pages, " wischerblätter ", 100)
    there.service = same.service = next(one for one in ServiceType if one is not pages.booking.service)
    pages.scene.session.commit()
    page = pages.staff.get(pages.new).text
    tiles = re.findall(r'id="work-([\w-]{36})"[^>]*?(hidden data-elsewhere)?\s+aria-pressed', page)
    assert tiles == [(str(own.id), ""), (str(there.id), "hidden data-elsewhere")]
    added = pages.staff.post(pages.draft, data=offer(add=str(there.id), csrf_token=token(pages)), headers=HTMX)
    assert 'value="Bremsscheiben vorn"' in added.text


@pytest.mark.parametrize(("language", "typed"), [("de", "1,500"), ("de", "189,995"), ("en", "1.500")])
def test_a_price_that_could_be_a_thousandfold_is_asked_for_again(pages: Pages, language: str, typed: str) -> None:
    pages.by_staff("/language", language=language)
    told = pages.by_staff(pages.new, **offer(("Beläge", typed, "1")), then="send")
    assert told.status_code == 422
    why = {
        "de": "Höchstens zwei Nachkommastellen, zum Beispiel 189,99. Tausend Euro: 1000 oder 1.000.",
        "en": "At most two decimal places, for example 189.99. A thousand euros: 1000 or 1,000.",
    }[language]
    assert why in plain(told)
    assert f'value="{typed}"' in told.text
    assert pages.extensions() == []
