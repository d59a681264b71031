"""What a card on the workshop's board says beside its state: a question of the customer, a return that failed."""

from typing import Any

import pytest

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import BookingStatus
from b2c_web.dispatch import planning
from b2c_web.dispatch.commands import return_failed
from b2c_web.dispatch.models import CancelReason
from b2c_web.extensions.models import (
    DecisionRight,
    Extension,
    ExtensionConsent,
    ExtensionMessage,
    ExtensionStatus,
    MessageKind,
)
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.commands.trips import RETURN, Trips
from tests.views.boards import HTMX, Login, at, car, counted, extension, region_of, staff
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3, places=40)


def say(more: Extension, kind: MessageKind, words: str) -> None:
    db.session.add(ExtensionMessage(extension_id=more.id, kind=kind, at=clock.now_utc(), words=words))
    db.session.commit()


def test_a_question_of_the_customer_stands_on_the_board_until_it_is_answered(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP)
    more = extension(booking)
    with at(scene, 1):
        client = staff(scene, login)
        page = text_of(client.get("/workshop"))
        assert "Frage des Kunden" not in page
        say(more, MessageKind.QUESTION, "Geht es billiger?")
        page = text_of(client.get(region_of(page), headers=HTMX))
        assert "Frage des Kunden" in words_of(page)
        assert f'href="/workshop/extensions/{more.id}"' in page
        assert client.get(region_of(page), headers=HTMX).status_code == 204
    with at(scene, 1 + 1 / 3600):
        say(more, MessageKind.ANSWER, "Leider nicht.")
        page = text_of(client.get(region_of(page), headers=HTMX))
        assert "Frage des Kunden" not in page
        assert f"/workshop/extensions/{more.id}" not in page
    with at(scene, 1 + 2 / 3600):
        say(more, MessageKind.QUESTION, "Wirklich nicht?")
        more.status, more.declined_at = ExtensionStatus.DECLINED, clock.now_utc()
        db.session.commit()
        page = text_of(client.get("/workshop"))
        assert "Frage des Kunden" in page  # decided, and the customer still waits for the answer
        assert f'href="/workshop/extensions/{more.id}"' in page
    with at(scene, 1 + 3 / 3600):
        say(more, MessageKind.ANSWER, "Wirklich nicht.")
        assert "Frage des Kunden" not in text_of(client.get("/workshop"))


def test_a_dispatcher_reads_of_a_question_whose_page_is_the_workshops(scene: Scene, login: Login) -> None:
    with at(scene, 1):
        say(extension(car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP)), MessageKind.QUESTION, "Geht es billiger?")
        page = text_of(staff(scene, login, Role.DISPATCHER).get("/workshop"))
    assert "Frage des Kunden" in page
    assert "/workshop/extensions/" not in page


def test_questions_cost_the_board_no_statement_each(scene: Scene, login: Login) -> None:
    with at(scene, 1):
        client = staff(scene, login)
        for number in range(6):
            more = extension(car(scene, f"DO AA {number + 1}", BookingStatus.IN_WORKSHOP))
            say(more, MessageKind.QUESTION, "Geht es billiger?")
        db.session.expire_all()
        with counted() as drawn:
            page = text_of(client.get("/workshop"))
    assert page.count("Frage des Kunden") == 6
    assert len(drawn) <= 8, drawn


def test_an_objection_warns_until_the_work_on_the_car_is_completed(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP)
    warning, neutral = "Widerspruch, nicht machen: Bremsscheiben<", "Zusatz entfällt"
    with at(scene, 1):
        client = staff(scene, login)
        yes = {"status": ExtensionStatus.APPROVED, "approved_at": clock.now_utc(), "approved_amount_cents": 47988}
        by = {
            "decision_right": DecisionRight.RECORDED_CONSENT,
            "accepted_items": [0],
            "authorization_status": "RELEASED",
        }
        more = extension(booking, **yes, **by)
        page = text_of(client.get("/workshop"))
        assert (warning in page, neutral in page) == (False, True)  # none of it was done
    with at(scene, 1 + 1 / 60):
        said = {"channel": "phone", "name": "Rosa Ahorn", "given_at": clock.now_utc(), "words": "Ja."}
        db.session.add(ExtensionConsent(extension_id=more.id, objected_at=clock.now_utc(), **said))
        more.not_done_items = [0]
        db.session.commit()
        page = text_of(client.get(region_of(page), headers=HTMX))
        assert (warning in page, neutral in page) == (True, False)
        objection = "DO CC 3: Der Kunde widerspricht einem Zusatz."
        assert f'data-said="{objection} DO CC 3 ist eingecheckt."' in page
        extension(booking)  # another one that waits for its customer hides nothing
        page = text_of(client.get("/workshop"))
        assert warning in page
        assert f'data-said="{objection} DO CC 3 wartet auf den Kunden."' in page
        booking.work_started_at = booking.service_completed_at = clock.now_utc()
        db.session.commit()
        assert "Widerspruch" not in text_of(client.get("/workshop"))


def test_what_is_objected_to_is_named_and_nothing_of_what_is_approved(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP)
    with at(scene, 1):
        client = staff(scene, login)
        for name, objected_at in (("Wischer", clock.now_utc()), ("Beläge", clock.now_utc()), ("Zündkerzen", None)):
            more = extension(
                booking,
                items=[{"name": one, "price": 9900, "quantity": "1"} for one in (name, "Nie gewollt")],
                status=ExtensionStatus.APPROVED,
                approved_at=clock.now_utc(),
                approved_amount_cents=9900,
                accepted_items=[0],
                decision_right=DecisionRight.RECORDED_CONSENT,
                authorization_status="RELEASED" if objected_at else "AUTHORIZED",
            )
            said = {"channel": "phone", "name": "Rosa Ahorn", "given_at": clock.now_utc(), "words": "Ja."}
            db.session.add(ExtensionConsent(extension_id=more.id, objected_at=objected_at, **said))
        db.session.commit()
        page = text_of(client.get("/workshop"))
    assert "Widerspruch, nicht machen: Wischer, Beläge<" in page
    assert "1 Zusatz freigegeben" in page


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (CancelReason.BREAKDOWN, "Rückgabe gescheitert: Panne"),
        (CancelReason.NO_SHOW, "Rückgabe gescheitert: niemand angetroffen"),
    ],
)
def test_a_car_that_came_back_from_its_return_says_so(
    session: Any, frozen_clock: Any, login: Login, reason: CancelReason, said: str
) -> None:
    trips = Trips(session, frozen_clock)
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began):
        client = login(trips.staff)
        page = text_of(client.get("/workshop"))
        assert "Rückgabe gescheitert" not in page
        return_failed(back.id, reason, "", trips.driver)
        page = text_of(client.get(region_of(page), headers=HTMX))
        assert said in words_of(page).rpartition(" Fertig ")[2]
        planning.assign(booking, RETURN)
        session.commit()
        assert "Rückgabe gescheitert" not in text_of(client.get(region_of(page), headers=HTMX))
